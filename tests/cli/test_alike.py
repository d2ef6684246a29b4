"""Questions of many plans answered in one go, each as it was listed (requirement G2)."""

from __future__ import annotations

import pytest

WRITE = """\
playbook: filing
title: "File a note"
inputs:
  name: {type: text}
steps:
  keep: {do: files.write, gate: each, with: {path: "reports/{{inputs.name}}.md", text: "x"}}
"""
SEND = """\
playbook: greeting
title: "Greet somebody"
inputs:
  name: {type: text}
steps:
  greet: {do: mail.send, GATE with: {to: "{{inputs.name}}@example.com", subject: "Hello", text: "x"}}
"""


@pytest.fixture
def asked(desk):
    def ask(yaml: str, playbook: str, *names: str) -> list[str]:
        (desk.folder / "playbooks" / f"{playbook}.yaml").write_text(yaml)
        assert desk.run("activate", "--yes").returncode == 0
        return [desk.json("run", playbook, f"name={name}", status=3)["questions"][0] for name in names]

    return ask


def test_g2_all_that_is_listed_is_answered_and_nothing_else(desk, asked):
    first, second, third = asked(WRITE, "filing", "a", "b", "c")
    listed = desk.run("decide", first, "--alike")
    assert listed.returncode == 3
    assert "3 files to write; asked because the playbook wants to ask" in listed.stderr
    assert "reports/b.md" in listed.stderr
    assert desk.run("decide", third, "reject", "--reason", "not this").returncode == 0
    assert "this needs your yes" in desk.run("decide", first, "approve", "--alike").stderr
    told = desk.json("decide", first, "approve", "--alike", "--yes")
    assert (sorted(told["done"]), told["refused"]) == (sorted([first, second]), [])
    assert sorted(path.name for path in (desk.folder / "reports").glob("?.md")) == ["a.md", "b.md"]
    assert desk.json("inbox") == []


def test_g2_what_cannot_be_taken_back_is_answered_alone_unless_the_playbook_asks_about_it_together(desk, asked):
    first, _ = asked(SEND.replace("GATE", ""), "greeting", "ada", "bob")
    alone = desk.run("decide", first, "approve", "--alike", "--yes")
    assert alone.returncode == 2
    assert "can't be taken back" in alone.stderr
    assert not list((desk.folder / "outbox" / "mail").glob("*"))
    third, _ = asked(SEND.replace("GATE", "gate: batch,"), "greeting", "eve", "kim")
    told = desk.json("decide", third, "approve", "--alike", "--yes")
    assert len(told["done"]) == 2, "those of the plans before are asked about one by one"
    assert len(list((desk.folder / "outbox" / "mail").glob("*.eml"))) == 2


@pytest.mark.long
def test_g2_a_no_to_many_wants_a_reason_and_only_actions_go_together(desk, asked):
    first, _ = asked(WRITE, "filing", "a", "b")
    assert "wants a reason" in desk.run("decide", first, "reject", "--alike", "--yes").stderr
    told = desk.json("decide", first, "reject", "--alike", "--yes", "--reason", "no notes")
    assert len(told["done"]) == 2
    closed = desk.run("decide", first, "approve", "--alike", "--yes")
    assert closed.returncode == 2
    assert "is not open" in closed.stderr
    question = desk.reconcile()["questions"][0]
    assert "Only questions about actions" in desk.run("decide", question, "approve", "--alike").stderr
