"""O4: activating, comparing and putting back at the command line; nothing changed runs without a yes."""

from __future__ import annotations

import pytest
from cli_desk import SLOW, Desk, new_desk, stop

AGENT = """\
import msgspec
from mainstay.agent import agent


class Word(msgspec.Struct):
    word: str


@agent
def shout(given: Word) -> Word:
    \"\"\"Say a word loudly.\"\"\"
    return Word(given.word.upper())
"""
LOUD = """\
playbook: loud
title: "Say it loudly"
inputs:
  word: {type: text}
steps:
  loud: {agent: shout, with: {word: "= inputs.word"}}
  note: {do: files.write, with: {path: "reports/loud.md", text: "{{loud.word}}"}}
"""


@pytest.fixture
def loud(tmp_path) -> Desk:
    """A desk with a playbook and an agent that are not active yet."""
    desk = new_desk(tmp_path)
    (desk.folder / "agents" / "shout.py").write_text(AGENT)
    (desk.folder / "playbooks" / "loud.yaml").write_text(LOUD)
    return desk


def change(desk: Desk) -> None:
    path = desk.folder / "playbooks" / "loud.yaml"
    path.write_text(path.read_text().replace('"{{loud.word}}"', '"{{loud.word}}!"'))


def test_o4_without_a_terminal_what_is_not_active_is_refused_with_the_command_that_lets_it_run(loud):
    refused = loud.run("run", "loud", "word=hi")
    assert refused.returncode == 1
    assert "playbooks/loud.yaml is not active yet" in refused.stderr
    assert "mainstay activate" in refused.stderr
    assert loud.json("run", "loud", "word=hi", status=1)["error"]["kind"] == "InactiveError"
    asked = loud.run("activate")
    assert (asked.returncode, "add --yes" in asked.stderr) == (2, True)
    assert loud.run("run", "loud", "word=hi").returncode == 1


def test_o4_activating_shows_every_line_and_says_what_the_playbook_does_now(loud):
    first = loud.run("activate", "loud", "--yes")
    assert first.returncode == 0, first.stderr
    assert '+title: "Say it loudly"' in first.stderr
    assert "agents/shout.py is active (version " in first.stdout  # the new agent its playbook calls comes with it
    assert loud.run("run", "loud", "word=hi").returncode == 0
    assert (loud.folder / "reports" / "loud.md").read_text() == "HI"
    loud.run("activate", "--yes")
    text = LOUD + '  more: {do: files.write, needs: [note], with: {path: "reports/more.md", text: "x"}}\n'
    (loud.folder / "playbooks" / "loud.yaml").write_text(text)
    second = loud.run("activate", "--all", "--yes")
    assert "New: more: After note, write a file" in second.stderr
    assert "note:" not in second.stderr.replace("+  more", "").replace("   note:", ""), "what is as it was is not told"
    assert "Running plans keep the version they began with." in second.stdout
    assert loud.run("activate").stdout.startswith("All in playbooks/, agents/ and policies/ is active")
    worded = text.replace('"{{loud.word}}"', '"Dear {{loud.word}}"')
    worded = worded.replace("{type: text}", '{type: text, default: "x"}')
    (loud.folder / "playbooks" / "loud.yaml").write_text(worded)
    third = loud.run("activate", "--yes").stderr
    assert "Changed: note: text" in third, "what no sentence tells is named"
    assert "Changed: inputs: word" in third
    assert "It does what it did" not in third
    (loud.folder / "playbooks" / "loud.yaml").write_text(worded + "# a remark\n")
    assert "It does what it did" in loud.run("activate", "--yes").stderr


def test_o4_at_a_terminal_run_asks_once_with_the_difference_and_a_no_starts_nothing(loud):
    loud.run("activate", "--yes")
    change(loud)
    terminal = loud.terminal("run", "loud", "word=hi")
    terminal.until('+  note: {do: files.write, with: {path: "reports/loud.md", text: "{{loud.word}}!"}}')
    terminal.until("Activate this and run? (yes, no): ")
    terminal.type("no\n")
    assert terminal.status() == 1
    assert not (loud.folder / "reports" / "loud.md").exists()
    terminal = loud.terminal("run", "loud", "word=hi")
    terminal.until("Activate this and run? (yes, no): ")
    terminal.type("yes\n")
    assert terminal.status() == 0
    assert (loud.folder / "reports" / "loud.md").read_text() == "HI!"


def test_o4_diff_and_revert_go_back_to_the_version_before(loud):
    loud.run("activate", "--yes")
    first = loud.json("diff", "loud")["versions"][0]["version"]
    change(loud)
    shown = loud.json("diff", "playbooks/loud.yaml")
    assert [line[0] for line in shown["diff"] if line.startswith(("-  ", "+  "))] == ["-", "+"]
    loud.run("activate", "--yes")
    assert loud.run("diff", "loud").stdout.startswith("playbooks/loud.yaml: no difference")
    assert loud.json("diff", "loud", first)["diff"]
    back = loud.json("revert", "loud", "--yes")
    assert (back["version"], back["written"]) == (first, ["playbooks/loud.yaml"])
    assert (loud.folder / "playbooks" / "loud.yaml").read_text() == LOUD
    again = loud.run("revert", "loud", first[:8], "--yes")
    assert (again.returncode, "is in the folder, and active" in again.stderr) == (2, True)
    wrong = loud.run("revert", "laud")
    assert (wrong.returncode, "Did you mean 'loud'" in wrong.stderr) == (2, True)


@pytest.mark.long
def test_o4_the_list_says_which_version_runs_since_when_and_who_keeps_an_older_one(loud):
    loud.run("activate", "--yes")
    service = loud.service()
    try:
        waiting = loud.terminal("run", "slow")
        waiting.until("nap")
        (loud.folder / "playbooks" / "slow.yaml").write_text(SLOW.replace("60s", "90s"))
        before = {row["playbook"]: row for row in loud.json("playbook", "list")}
        loud.run("activate", "slow", "--yes")
        after = {row["playbook"]: row for row in loud.json("playbook", "list")}
        told = " ".join(loud.run("playbook", "show", "slow").stderr.split())
        waiting.interrupt()
        waiting.status()
    finally:
        stop(service)
    assert (before["slow"]["state"], before["loud"]["state"]) == ("changed", "active")
    assert before["billing-reconciliation"]["state"] == "active"
    first = before["slow"]["version"]
    assert before["slow"]["running"] == after["slow"]["running"] == {first: 1}
    assert after["slow"]["version"] != first
    assert "1 running, 1 of them on other versions" in told


def test_o4_a_mistake_is_named_before_anybody_is_asked(loud):
    loud.run("activate", "--yes")
    (loud.folder / "playbooks" / "loud.yaml").write_text(LOUD.replace("loud.word", "loud.wrod"))
    wrong = loud.run("activate")
    assert wrong.returncode == 2
    assert "loud.yaml:7:" in wrong.stderr
    (loud.folder / "agents" / "shout.py").write_text("def broken(:\n")
    wrong = loud.run("activate", "agents/shout.py", "--yes")
    assert (wrong.returncode, "agents/shout.py:1:12: invalid syntax" in wrong.stderr) == (2, True)


def test_o4_a_playbook_runs_the_active_version_of_another_while_that_is_being_edited(loud):
    outer = 'playbook: outer\ntitle: "Outer"\nsteps:\n  inner: {playbook: loud, with: {word: "hi"}}\n'
    (loud.folder / "playbooks" / "outer.yaml").write_text(outer)
    loud.run("activate", "--yes")
    (loud.folder / "playbooks" / "loud.yaml").write_text("half of a line: {")
    done = loud.run("run", "outer")
    assert done.returncode == 0, done.stderr
    assert (loud.folder / "reports" / "loud.md").read_text() == "HI"
    refused = loud.run("run", "loud", "word=hi")
    assert (refused.returncode, "mainstay activate playbooks/loud.yaml" in refused.stderr) == (1, True)


def test_a_playbook_of_the_name_of_a_shipped_one_is_named_and_the_shipped_ones_do_not_run_it(loud):
    own = 'playbook: rework\ntitle: "Mine"\nsteps:\n  a: {do: files.write, with: {path: "reports/a.md", text: "x"}}\n'
    (loud.folder / "playbooks" / "rework.yaml").write_text(own)
    said = " ".join(loud.run("activate", "rework", "--yes").stderr.split())
    assert "Mainstay comes with a playbook 'rework': yours hides it" in said
    told = loud.run("playbook", "explain", "productised-service")
    assert (told.returncode, "Mine" in told.stdout) == (0, False), told.stderr
    refused = loud.run("run", "productised-service")
    assert (refused.returncode, "rework" in refused.stderr) == (2, False), (
        "its inputs are missing, nothing else is wrong"
    )
    rows = {row["playbook"]: row["hides_shipped"] for row in loud.json("playbook", "list")}
    assert (rows["rework"], rows["loud"], rows["productised-service"]) == (True, False, False)
    assert "hides one of the same name that comes with Mainstay: rework" in " ".join(
        loud.run("playbook", "list").stdout.split()
    )


def test_a_check_names_the_mistakes_of_a_playbook_whose_agent_is_not_active_yet(loud):
    path = loud.folder / "playbooks" / "loud.yaml"
    assert "agents/shout.py is not active yet" in loud.run("playbook", "check", str(path)).stderr
    path.write_text(LOUD.replace("files.write", "files.wrote"))
    wrong = loud.run("playbook", "check", str(path)).stderr
    assert "files.wrote" in wrong
    assert "loud.word" not in wrong
