"""Many stuck steps at a terminal: by their cause, one or many answered at once (requirement K10)."""

from __future__ import annotations

import json

import pytest
from cli_desk import new_desk

READ = """\
playbook: read-{name}
title: "Read {name}"
steps:
  read: {{do: files.read, with: {{path: "inbox/{name}.txt"}}}}
"""
MANY = """\
playbook: many
title: "Read many"
steps:
  read: {each: "= ['a', 'b', 'c']", do: files.read, with: {path: "= 'inbox/' + item"}}
  after: {do: files.write, needs: ["read?"], with: {path: "reports/after.md", text: "done"}}
"""
STATEMENT = """\
playbook: statement
title: "Read a statement"
inputs:
  file: {type: file}
steps:
  read: {do: bank.read_statement, with: {file: "= inputs.file"}}
"""
CSV = "Date;Amount;Currency;Text\n2026-01-02;10.00;EUR;Invoice 1\n"


def add(desk, name, text):
    (desk.folder / f"playbooks/{name}.yaml").write_text(text)
    assert desk.run("activate", "--yes").returncode == 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Three plans that are stuck on a missing file each, and one on something else."""
    desk = new_desk(tmp_path_factory.mktemp("made"))
    for name in ("one", "two", "three"):
        add(desk, f"read-{name}", READ.format(name=name))
    add(desk, "read-x", READ.format(name="x").replace("inbox/x.txt", "secret/x.txt"))
    for name in ("one", "two", "three", "x"):
        desk.run("run", f"read-{name}")
    return desk


@pytest.fixture
def stuck(made, tmp_path):
    return made.copied(tmp_path)


def test_k10_what_is_stuck_is_listed_by_its_cause(stuck):
    rows = stuck.json("stuck")
    groups = {row["group"] for row in rows if "There is no file" in row["message"]}
    assert (len(rows), len(groups)) == (4, 1)
    told = stuck.run("stuck").stdout
    (group,) = groups
    assert f"mainstay stuck retry {group}" in told
    assert "3 files to read in 3 plans" in told
    assert "read a file in plan" in told


def test_k10_a_group_is_answered_at_once_after_a_preview(stuck):
    group, rows_remedy = next(
        (row["group"], row["remedy"]) for row in stuck.json("stuck") if "There is no file" in row["message"]
    )
    refused = stuck.run("stuck", "retry", group)
    assert (refused.returncode, "needs your yes" in refused.stderr) == (2, True)
    assert len(stuck.json("stuck")) == 4
    for name in ("one", "two", "three"):
        (stuck.folder / f"inbox/{name}.txt").write_text("here")
    done = stuck.run("stuck", "retry", group, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Each is tried again." in done.stderr
    assert rows_remedy
    assert rows_remedy in " ".join(done.stderr.split())
    assert "3 of 3 answered." in done.stdout
    assert len(stuck.json("stuck")) == 1


def test_k10_each_answer_is_a_ruling_of_its_own_and_what_is_refused_keeps_no_other(stuck):
    rows = [row for row in stuck.json("stuck") if "There is no file" in row["message"]]
    gone = rows[0]["decision"]
    stuck.run("decide", gone, "skip", "--yes")
    told = stuck.json("stuck", "skip", rows[1]["decision"], rows[2]["plan"] + ".read", "--yes")
    assert (len(told["done"]), told["refused"]) == (2, [])
    for row in rows[1:]:
        rulings = [line for line in stuck.json("show", row["plan"])["timeline"] if line["kind"] == "DecisionRuled"]
        assert len(rulings) == 1


def test_k10_the_same_change_is_made_to_each_and_nothing_else(stuck):
    group = next(row["group"] for row in stuck.json("stuck") if "There is no file" in row["message"])
    (stuck.folder / "inbox/right.txt").write_text("here")
    edit = json.dumps({"path": "inbox/right.txt"})
    done = stuck.run("stuck", "retry", group, "--edit", "-", "--yes", stdin=edit)
    assert done.returncode == 0, done.stderr
    assert "changed for each: path = inbox/right.txt" in done.stderr


def test_k10_all_that_is_stuck_is_undone_plan_by_plan(stuck):
    told = stuck.json("stuck", "undo", "all", "--yes")
    assert (len(told["done"]), {each["status"] for each in told["plans"]}) == (4, {"undone"})
    assert stuck.json("stuck") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("retry",), "Name what is meant"),
        (("retry", "gzzzz"), "Nothing that is stuck is called 'gzzzz'"),
        (("confirmed", "all"), "can be answered with 'confirmed'"),
        (("skip", "all", "--edit", "-"), "Changes go with a retry only"),
        (("retry", "all", "--file", "nonsense"), "names no file"),
        (("retry", "all", "--file", "file=nowhere.csv"), "There is no file nowhere.csv"),
    ],
)
def test_a_request_that_makes_no_sense_answers_nothing(stuck, arguments, said):
    done = stuck.run("stuck", *arguments, "--yes")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(stuck.json("stuck")) == 4


def test_one_stuck_item_stops_no_other_and_is_left_out_alone(desk):
    add(desk, "many", MANY)
    (desk.folder / "inbox/a").write_text("a")
    (desk.folder / "inbox/c").write_text("c")
    standing = json.loads(desk.run("run", "many", "--json").stdout)
    (row,) = desk.json("stuck")
    assert (row["action"], row["options"]) == ("read, item 2", ["retry", "skip", "undo"])
    items = desk.json("show", standing["plan"])["steps"][0]["items"]
    assert items == {"done": 2, "stuck": 1}
    (ended,) = desk.json("stuck", "skip", f"{standing['plan']}.read", "--yes")["plans"]
    assert (ended["status"], ended["says"]) == ("completed", "done, 1 item of read left out")
    assert desk.json("plans")[0]["says"] == ended["says"]


def test_a_stuck_reading_takes_a_corrected_file(desk):
    add(desk, "statement", STATEMENT)
    (desk.folder / "bad.csv").write_text("nothing that anybody could read\n")
    (desk.folder / "good.csv").write_text(CSV)
    desk.run("run", "statement", "file=bad.csv")
    (row,) = desk.json("stuck")
    done = desk.run("stuck", "retry", row["decision"], "--file", "file=good.csv", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed for each: file = the file good.csv" in done.stderr
    assert desk.json("stuck") == []
