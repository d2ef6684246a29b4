"""`mainstay throttle` at a terminal: what waits and why, and each way on (G8)."""

from __future__ import annotations

import pytest
from cli_desk import new_desk

FAILS = """\
playbook: fails
title: "Write, then fail"
steps:
  write: {do: files.write, with: {path: "reports/a.md", text: "hello"}}
  read: {do: files.read, needs: [write], with: {path: "inbox/nothing.txt"}}
"""
POLICY = "- {id: bad, throttle: fails, when: {failed: 1}, within: 1h, then: pause, why: Something is wrong with it.}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A playbook that failed once, which is too often."""
    desk = new_desk(tmp_path_factory.mktemp("made"))
    (desk.folder / "playbooks/fails.yaml").write_text(FAILS)
    (desk.folder / "policies/own.yaml").write_text(POLICY)
    assert desk.run("activate", "--yes").returncode == 0
    desk.plan = desk.json("run", "fails", status=3)["plan"]
    return desk


@pytest.fixture
def stopped(made, tmp_path):
    return made.copied(tmp_path)


def test_g8_what_waits_is_shown_with_its_ways_on_and_taken_back_after_a_yes(stopped):
    for told in (stopped.run("throttle").stdout, stopped.run("inbox").stdout):
        assert "1 failed within 1 hour" in told
        assert "Something is wrong with it. (rule bad)" in told
        assert "mainstay throttle go-on fails" in told
    (row,) = stopped.json("throttle")
    assert [(plan["plan"], plan["acted"]) for plan in row["plans"]] == [(stopped.plan, True)]
    for way in ("undo", "stop", "go-on"):
        unasked = stopped.run("throttle", way, "fails")
        assert (unasked.returncode, "Add --yes" in unasked.stderr) == (2, True)
    assert (stopped.folder / "reports/a.md").exists()
    assert stopped.run("throttle", "undo", "fails", "--yes").returncode == 0
    assert not (stopped.folder / "reports/a.md").exists()
    listed = stopped.run("throttle").stdout
    assert f"{stopped.plan}  Write, then fail: undone\n" in listed, "it waits for nothing any more"
    assert "paused" in stopped.run("run", "fails").stdout, "its new plans wait all the same"
    unknown = stopped.run("throttle", "go-on", "nothing")
    assert (unknown.returncode, "No throttle holds plans of 'nothing'" in unknown.stderr) == (1, True)
    assert "Playbook fails is paused" in stopped.run("policy", "list").stdout


def test_a_plan_that_a_throttle_names_stands_there_in_words(tmp_path):
    desk = new_desk(tmp_path)
    (desk.folder / "playbooks/fails.yaml").write_text(FAILS)
    (desk.folder / "policies/own.yaml").write_text(POLICY)
    (desk.folder / "inbox/nothing.txt").write_text("something")
    assert desk.run("activate", "--yes").returncode == 0
    plan = desk.json("run", "fails")["plan"]
    (desk.folder / "inbox/nothing.txt").unlink()
    desk.json("run", "fails", status=3)
    assert f"{plan}  Write, then fail: done, acted\n" in desk.run("throttle").stdout
