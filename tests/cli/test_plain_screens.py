"""What screens say of ends, times, copies and people: nothing that is not so, and no inner names (O11)."""

from __future__ import annotations

import re

from cli_desk import ROOT, SLOW, stop

from mainstay.playbooks.shelf import shipped_files

ASK = """playbook: {name}
title: "Ask somebody"
inputs: {{rules: {{type: text, default: ""}}}}
steps:
  rule:
    parallel: true
    when: "= inputs.rules != ''"
    do: files.write
    with: {{path: "reports/rules.md", text: "= inputs.rules"}}
  bill: {{ask: "Bill it?", to: {to}}}
  late:
    needs: ["bill?"]
    when: "= bill.ruling == 'rejected'"
    do: files.write
    with: {{path: "reports/no.md", text: "no"}}
  mail: {{needs: [bill], do: files.write, with: {{path: "reports/mail.md", text: "x"}}}}
  note: {{needs: [mail], do: files.write, with: {{path: "reports/note.md", text: "x"}}}}
"""

LOST = 'playbook: lost\ntitle: "x"\nsteps:\n  a: {do: files.read, with: {path: "inbox/none.txt"}}\n'


def made(desk, name, text):
    (desk.folder / "playbooks" / f"{name}.yaml").write_text(text)
    done = desk.run("activate", "--yes")
    assert done.returncode == 0, done.stderr


def test_the_inbox_says_whose_a_question_is(desk):
    made(desk, "annas", ASK.format(name="annas", to="anna"))
    desk.json("run", "annas", status=3)
    assert "a question of the playbook for anna; asked" in desk.run("inbox").stdout


def test_a_no_names_what_it_left_out_and_neither_what_was_never_wanted_nor_an_undo(desk):
    made(desk, "bills", ASK.format(name="bills", to="operator"))
    (question,) = desk.json("run", "bills", status=3)["questions"]
    told = " ".join(desk.run("decide", question, "reject", "--reason", "no", "--yes").stdout.split())
    assert "You said no to 'bill'. Left out: mail, note." in told
    plan = question.partition(".")[0]
    again = desk.json("undo", plan, "--yes")
    assert again["left_out"] == ["rule", "mail", "note"]


def test_where_nothing_was_done_no_undo_is_offered_and_none_is_asked_about(desk):
    made(desk, "idle", LOST.replace("lost", "idle"))
    (desk.folder / "inbox" / "none.txt").write_text("x")
    ended = desk.run("run", "idle").stdout
    plan = desk.json("plans")[0]["plan"]
    assert f"({plan}): done" in ended
    assert "To take it back" not in ended
    undone = desk.run("undo", plan)
    assert (undone.returncode, "--yes" in undone.stderr) == (0, False)
    assert "It did nothing that could be taken back." in undone.stderr
    assert desk.json("plans")[0]["status"] == "completed"
    assert desk.json("undo", plan, "--yes")["taken_back"] == []


def test_the_log_of_the_service_tells_the_time_of_the_company(desk):
    toml = desk.folder / "mainstay.toml"
    toml.write_text(toml.read_text().replace('timezone = "UTC"', 'timezone = "Asia/Kolkata"'))
    made(desk, "lost", LOST)
    service = desk.service()
    assert "Other commands reach it there" in service.stderr.readline()
    assert service.stderr.readline() == "Times: Asia/Kolkata.\n"
    desk.json("run", "lost", status=3)
    _, _, log = stop(service)
    minutes = {line[3:5] for line in log.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)}
    begun = desk.json("plans")[0]["proposed_at"]
    assert begun.endswith("+05:30")
    assert begun[14:16] in minutes


def test_a_stuck_step_and_a_wait_are_told_in_the_zone_of_the_company(desk):
    toml = desk.folder / "mainstay.toml"
    toml.write_text(toml.read_text().replace('timezone = "UTC"', 'timezone = "Asia/Kolkata"'))
    made(desk, "lost", LOST)
    desk.json("run", "lost", status=3)
    assert re.search(r"since \S+ \d\d:\d\d\s+\(Asia/Kolkata\)", desk.run("stuck").stdout)


def test_a_playbook_is_checked_under_the_name_of_its_file(desk):
    (desk.folder / "playbooks" / "name1.yaml").write_text(SLOW.replace("slow", "name2"))
    done = desk.run("playbook", "check", "name1")
    assert (done.returncode, done.stdout) == (2, "")
    assert "name1.yaml: it calls itself 'name2'" in done.stderr


def test_a_playbook_that_is_no_text_is_listed_with_what_to_do(desk):
    (desk.folder / "playbooks" / "odd.yaml").write_bytes(b"playbook: odd\ntitle: Gr\xfc\xdfe\n")
    told = " ".join(desk.run("playbook", "list").stdout.split())
    assert "odd.yaml is not UTF-8 text (byte 23). Save it as UTF-8." in told
    assert "codec" not in told


def test_a_playbook_that_is_shown_into_a_file_is_the_file(desk):
    shown = desk.run("playbook", "show", "productised-service").stdout
    assert shown.encode() == shipped_files("productised-service")["playbooks/productised-service.yaml"]


def test_a_copy_of_a_shipped_playbook_runs_at_once_and_replaces_nothing(desk):
    copied = desk.json("playbook", "copy", "content-cadence")
    assert set(copied["written"]) == set(shipped_files("content-cadence"))
    assert any(path.startswith("templates/") for path in copied["written"])
    assert desk.json("playbook", "copy", "content-cadence")["written"] == []
    allowed = desk.run("activate", "content-cadence", "--yes")
    assert allowed.returncode == 0, allowed.stderr
    mine = desk.folder / "playbooks" / "content-cadence.yaml"
    mine.write_text(mine.read_text() + "# mine\n")
    refused = desk.run("playbook", "copy", "content-cadence")
    assert refused.returncode == 2
    assert "playbooks/content-cadence.yaml stands there already" in refused.stderr
    assert mine.read_text().endswith("# mine\n")
    unknown = desk.run("playbook", "copy", "content-cadense")
    assert "Did you mean 'content-cadence'?" in unknown.stderr


def test_a_copy_that_meets_a_template_of_the_same_name_writes_nothing(desk):
    name = next(path for path in shipped_files("content-cadence") if path.startswith("templates/"))
    (desk.folder / name).write_text("mine\n")
    assert name in desk.run("playbook", "copy", "content-cadence").stderr
    assert not (desk.folder / "playbooks" / "content-cadence.yaml").exists()


def test_the_folder_of_the_demo_is_no_change_of_the_repository():
    assert "/mainstay-demo/" in (ROOT / ".gitignore").read_text().splitlines()


WAITING = """playbook: waiting
title: "Wait for an answer"
steps:
  nudge: {playbook: inner}
"""
INNER = """playbook: inner
title: "Wait inside"
steps:
  heard: {wait: {event: mail.received, until: 10d}}
"""


def test_a_list_of_plans_says_what_each_waits_for(desk):
    (desk.folder / "playbooks" / "inner.yaml").write_text(INNER)
    made(desk, "waiting", WAITING)
    made(desk, "bills", ASK.format(name="bills", to="operator"))
    desk.json("run", "waiting")
    desk.json("run", "bills", status=3)
    asked, waits = desk.json("plans")
    assert (asked["says"], asked["stands_still"]) == ("needs your decision", False)
    assert re.fullmatch(r"waits for a mail, until \S+ \d\d:\d\d \(UTC\); nobody looks", waits["says"])
    assert waits["stands_still"] is True
    assert "stands still" not in desk.run("plans").stdout
    service = desk.service()
    try:
        assert re.fullmatch(r"waits for a mail, until \S+ \d\d:\d\d \(UTC\)", desk.json("plans")[1]["says"])
    finally:
        stop(service)


def test_an_undo_says_which_file_it_deletes_and_which_it_puts_back(desk):
    made(
        desk,
        "two",
        'playbook: two\ntitle: "x"\nsteps:\n'
        '  a: {do: files.write, with: {path: "reports/new.md", text: "x"}}\n'
        '  b: {do: files.write, with: {path: "reports/old.md", text: "x"}}\n',
    )
    (desk.folder / "reports" / "old.md").write_text("before")
    plan = desk.json("run", "two")["plan"]
    told = " ".join(desk.run("undo", plan).stderr.split())
    assert "a: Write reports/new.md (Delete reports/new.md)" in told
    assert "b: Write reports/old.md (Put reports/old.md back as it was)" in told
    (desk.folder / "reports" / "new.md").write_text("mine")
    (question,) = desk.json("undo", plan, "--yes", status=3)["questions"]
    card = " ".join(desk.run("decide", question).stdout.split())
    assert "Delete reports/new.md" in card
    assert "There was no such file before, so this deletes it, with all that stands in it by then." in card
