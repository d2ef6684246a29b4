"""`mainstay show PLAN --receipt` and `mainstay history check`, as an operator and their accountant use them (O17)."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
import starter
from as_shown import DEMO_PICK
from cli_desk import COMMAND, asked_desk
from pypdf import PdfReader


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A workspace whose reconciliation was answered: one row left out, one mail changed, one dropped; then it ended."""
    desk = asked_desk(tmp_path_factory.mktemp("done"))
    standing = desk.standing
    (review,) = standing["questions"]
    (batch,) = desk.json("decide", review, "approve", *DEMO_PICK, "--drop", "5", status=3)["questions"]
    edits = json.dumps({"2": {"subject": "A friendly word"}})
    answered = desk.run("decide", batch, "approve", "--drop", "1", "--edit", "-", "--json", "--yes", stdin=edits)
    assert answered.returncode == 0, answered.stderr
    desk.plan = standing["plan"]
    desk.review, desk.batch = review, batch
    desk.made = desk.json("show", desk.plan, "--receipt")
    return desk


def checked(file, *more, tmp_path):
    """Check a file where there is no workspace, no configuration and no key."""
    home = tmp_path / "nowhere"
    home.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    found = starter.run(["mainstay", "history", "check", file, *more], folder=home, env=env)
    assert not list(home.iterdir()), "checking leaves nothing behind"
    return found


def offline(file, *more, tmp_path):
    """Check a file where there is no network either."""
    home = tmp_path / "nowhere"
    home.mkdir(exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    alone = ["unshare", "--user", "--net"] if shutil.which("unshare") and _may_unshare() else []
    found = subprocess.run(
        [*alone, *COMMAND, "history", "check", str(file), *more],
        cwd=home, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert not list(home.iterdir()), "checking leaves nothing behind"
    return found


def _may_unshare():
    return subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True, check=False).returncode == 0


def files_of(document):
    return [Path(file) for file in document["files"]]


def text_of(document):
    return files_of(document)[0].read_text()


def test_o17_a_receipt_is_checked_offline_on_another_machine(done, tmp_path):
    for file in files_of(done.made):
        copy = shutil.copy(file, tmp_path)
        found = offline(copy, tmp_path=tmp_path)
        assert found.returncode == 0, found.stderr
        assert "every letter is as it was signed" in found.stdout
        assert f"with key {done.made['fingerprint']}" in found.stdout.replace("\n", " ")
        assert "compare it with what you were given" in found.stdout.replace("\n", " ")
        pinned = checked(copy, "--key", done.made["fingerprint"], tmp_path=tmp_path)
        assert "with the key you named" in pinned.stdout
        assert checked(copy, "--key", done.made["key"], tmp_path=tmp_path).returncode == 0
        wrong = checked(copy, "--key", "0" * 64, tmp_path=tmp_path)
        assert wrong.returncode == 1
        assert "Another key signed it" in wrong.stdout


def test_o17_it_says_who_decided_what_on_which_text_and_what_happened(done):
    receipt = done.made["receipt"]
    told = " ".join(text_of(done.made).split())
    decisions = {one["decision"]: one for one in receipt["decisions"]}
    assert [decisions[name]["answer"] for name in (done.review, done.batch)] == ["approved", "approved"]
    assert decisions[done.review]["kept"] == [1, 2, 3, 4]
    assert f"the operator approved {done.review} (review)" in told
    assert "keeping 1-4" in told
    mails = [one for one in receipt["actions"] if one["operation"] == "mail.send"]
    assert [one["status"] for one in mails] == ["not approved", *["happened"] * (len(mails) - 1)]
    bound = [*decisions[done.batch]["binds"], *(one["digest"] for one in receipt["edits"])]
    sent = [one for one in mails if one["status"] == "happened"]
    assert all(one["digest"] in bound and one["allowed"] == done.batch for one in sent)
    (edit,) = receipt["edits"]
    assert edit["names"] == ["subject"]
    assert edit["decision"] == done.batch
    assert "A friendly word" in told
    for mail in (done.folder / "outbox" / "mail").glob("*.eml"):
        body = next(line for line in mail.read_text().splitlines() if line.startswith("Dear") or "invoice" in line)
        assert " ".join(body.split())[:30] in told, "the exact text of what left stands in it"
    assert {one["name"] for one in receipt["agents"]} == {"reconcile"}
    assert receipt["plans"][0]["version"] in told


def test_the_receipt_belongs_to_this_history_and_its_anchor_holds_there(done):
    place = done.made["receipt"]["history"]
    assert f"up to record {place['position']}" in text_of(done.made)
    assert done.run("history", "verify", "--anchor", files_of(done.made)[0]).returncode == 0


def test_files_are_private_stay_the_same_and_are_never_overwritten_by_others(done, tmp_path):
    first, second = files_of(done.made)
    assert first == done.folder / "reports" / "receipts" / f"{done.plan}.md"
    assert second.suffix == ".pdf"
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (first, second))
    before = first.read_bytes()
    assert done.json("show", done.plan, "--receipt") == done.made
    assert first.read_bytes() == before
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / first.name).write_text("mine")
    elsewhere = files_of(done.json("show", done.plan, "--receipt", folder))
    assert (folder / first.name).read_text() == "mine"
    assert elsewhere[0].name != first.name
    assert elsewhere[0].read_bytes() == before
    assert len(list(folder.iterdir())) == 3


def test_the_first_page_of_the_pdf_is_the_whole_story(done):
    reader = PdfReader(BytesIO(files_of(done.made)[1].read_bytes()), strict=True)
    told = " ".join(reader.pages[0].extract_text().split())
    for wanted in ("Acme Ltd", done.plan, "approved", "remind", "can't be taken back", done.made["fingerprint"]):
        assert wanted in told
    document = json.loads(reader.attachments["receipt.json"][0])
    assert document == {"receipt": done.made["receipt"], "signature": done.made["signature"]}


@pytest.mark.parametrize("kind", ["md", "pdf"])
@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("the operator approved", "the operator rejected", "The text was changed"),
        ('"answer":"approved"', '"answer":"rejected"', "signature does not fit"),
        ("mainstay-receipt/1", "mainstay-receipt/9", "does not know"),
        ('"signature":"', '"signature":"00', "signature does not fit"),
    ],
)
def test_tampering_is_named(done, tmp_path, kind, before, after, told):
    file = next(file for file in files_of(done.made) if file.suffix == f".{kind}")
    content = file.read_bytes()
    assert before.encode() in content
    changed = tmp_path / file.name
    changed.write_bytes(content.replace(before.encode(), after.encode(), 1))
    found = checked(changed, tmp_path=tmp_path)
    assert found.returncode == 1
    assert told in " ".join(found.stdout.split())
    changed.write_bytes(content[:-5])
    assert "cut off" in checked(changed, tmp_path=tmp_path).stdout


def test_what_is_no_receipt_and_no_file_is_said(done, tmp_path):
    assert done.run("history", "check", tmp_path / "none").returncode == 2
    (tmp_path / "note.md").write_text("hello")
    document = done.json("history", "check", tmp_path / "note.md", status=1)
    assert document["holds"] is False
    assert "no receipt" in document["faults"][0]
    assert done.json("history", "check", files_of(done.made)[0])["receipt"] == done.made["receipt"]


@pytest.mark.long
def test_o17_without_personal_nothing_personal_is_told_and_the_full_one_proves_it(done, tmp_path):
    less = done.json("show", done.plan, "--receipt", "--without", "personal")
    assert "without-personal" in less["files"][0]
    names = set(re.findall(r"[\w.-]+@[\w.-]+\.example", text_of(done.made)))
    people = {"Kupfer", "Marlin", "Jonas Beispiel", *names} - {"anna@acme.example"}
    assert len(people) > 4
    for file, full in zip(files_of(less), files_of(done.made), strict=True):
        content = file.read_bytes()
        assert not [name for name in people if name.encode() in content]
        assert b'"salt"' not in content
        assert checked(file, tmp_path=tmp_path).returncode == 0
        assert checked(file, "--full", str(full), tmp_path=tmp_path).returncode == 0
        wrong = checked(full, "--full", str(file), tmp_path=tmp_path)
        assert wrong.returncode == 1
        assert "something else differs" in " ".join(wrong.stdout.split())


def test_wrong_ways_to_ask_for_a_receipt_are_refused(done):
    for wrong, told in (
        (("show", done.plan, "--receipt", "--without", "amounts"), "--without personal"),
        (("show", done.plan, "somewhere"), "--receipt"),
        (("show", "zzzzzz", "--receipt"), "no plan"),
    ):
        said = done.run(*wrong)
        assert said.returncode == 2
        assert told in said.stderr


def test_a_plan_that_has_not_ended_is_refused_with_what_it_waits_for(shared):
    plan = shared.question.partition(".")[0]
    said = shared.run("show", plan, "--receipt")
    assert said.returncode == 2
    assert "has not ended" in said.stderr
    assert f"mainstay decide {shared.question}" in said.stderr
    assert not (shared.folder / "reports" / "receipts").exists()


@pytest.mark.long
def test_a_plan_undone_later_has_a_new_receipt_and_the_old_one_still_holds(asked, tmp_path):
    standing = asked.standing
    standing = asked.json("decide", standing["questions"][0], "approve", *DEMO_PICK, status=3)
    plan = asked.json("decide", standing["questions"][0], "approve")["plan"]
    before = asked.json("show", plan, "--receipt")
    assert before["receipt"]["undone"] == ""
    asked.run("undo", plan, "--yes", "--reason", "wrong month")
    after = asked.json("show", plan, "--receipt")
    assert before["files"] != after["files"]
    assert after["receipt"]["history"]["position"] > before["receipt"]["history"]["position"]
    assert after["receipt"]["says"] == "done"
    assert "that stay" in after["receipt"]["undone"]
    told = " ".join(text_of(after).split())
    assert "to be undone by the operator" in told
    assert "wrong month" in told
    assert "36 happened; taken back" in told
    assert "not taken back: A mail that was sent can't be called back." in told
    asked.run("forget", "Marlin Touristik AG", "--yes")
    forgotten = asked.json("show", plan, "--receipt")
    assert "[forgotten]" in text_of(forgotten)
    assert "Marlin" in text_of(after)
    assert "Marlin" not in text_of(forgotten)
    for file in (*files_of(before), *files_of(after), *files_of(forgotten)):
        assert checked(file, tmp_path=tmp_path).returncode == 0


def test_a_cancelled_plan_has_a_receipt_that_says_by_whom_and_why(asked):
    standing = asked.standing
    asked.run("cancel", standing["plan"], "--reason", "wrong month")
    made = asked.json("show", standing["plan"], "--receipt")
    told = " ".join(text_of(made).split())
    assert made["receipt"]["says"] == "cancelled"
    assert "ended by the operator" in told
    assert "wrong month" in told
    assert "no answer was needed any more" in told


NOTE = """\
playbook: note
title: "Write one note"
inputs:
  name: {type: text}
steps:
  ok: {ask: "Write {{inputs.name}}?"}
  write: {do: files.write, needs: [ok], with: {path: "reports/{{inputs.name}}.md", text: "hello"}}
"""
NOTES = """\
playbook: notes
title: "Write notes"
inputs:
  names: {type: list(text)}
steps:
  every: {each: "= inputs.names", playbook: note, allow_failures: 50%, with: {name: "= item"}}
"""


@pytest.mark.long
def test_child_plans_stand_in_the_receipt_of_their_root(desk):
    for name, text in (("note", NOTE), ("notes", NOTES)):
        (desk.folder / "playbooks" / f"{name}.yaml").write_text(text)
    desk.run("activate", "--yes")
    standing = desk.json("run", "notes", "names=a", "names=b", status=3)
    first, second = standing["questions"]
    desk.json("decide", first, "approve", status=3)
    waits = desk.run("show", standing["plan"], "--receipt")
    assert waits.returncode == 2
    assert f"mainstay decide {second}" in waits.stderr
    desk.run("decide", second, "reject", "--reason", "not this")
    part = desk.run("show", first.partition(".")[0], "--receipt")
    assert part.returncode == 2
    assert f"mainstay show {standing['plan']} --receipt" in part.stderr
    receipt = desk.json("show", standing["plan"], "--receipt")["receipt"]
    assert [one["playbook"] for one in receipt["plans"]] == ["notes", "note", "note"]
    assert [(one["decision"], one["answer"]) for one in receipt["decisions"]] == [
        (first, "approved"),
        (second, "rejected"),
    ]
    (written,) = receipt["actions"]
    assert (written["status"], written["undo"]) == ("happened", "possible")


def test_the_key_that_receipts_are_checked_with_is_shown(done):
    assert any(done.made["fingerprint"] in finding["says"] for finding in done.json("doctor"))
