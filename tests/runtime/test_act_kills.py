"""An owner killed at every step of a forgetting, an activation and a revert: it is done, or nothing is (M7, O4)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import kit
import pytest
import starter
from stepping_owner import ACTS, WHO

from mainstay import events as e
from mainstay.app import Owner
from mainstay.kernel.graph import Literally, Record, Step
from mainstay.playbooks.changes import changes

PLAYBOOK = """\
playbook: {name}
title: "{title}"
steps:
  note: {{do: files.write, with: {{path: "reports/x.txt", text: "file:templates/{name}.md"}}}}
"""
STEPS_AT_MOST = 40
TO = Record({name: Literally(text) for name, text in (("to", WHO), ("subject", "x"), ("text", "x"))})
MAIL = Step(name="send", kind="do", target="mail.send", effect="irreversible", arguments=TO)


def write(workspace, name, title):
    (workspace.root / "playbooks" / f"{name}.yaml").write_text(PLAYBOOK.format(name=name, title=title))
    (workspace.root / "templates").mkdir(exist_ok=True)
    (workspace.root / "templates" / f"{name}.md").write_text(f"{title}\n")


def in_owner(workspace, scenario):
    async def inside():
        async with Owner(workspace, "test") as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), 60))


def dies(workspace, act, step):
    """Do an act in a process that dies at a step; False when it was done before it came to that."""
    code = starter.run([Path(__file__).with_name("stepping_owner.py"), act, step, workspace.root]).returncode
    assert code in (0, -9)
    return code == -9


async def met(owner):
    """Let somebody be known: a mail to them waits for a yes."""
    plan, committed = owner.requests.propose(kit.plan(MAIL), {})
    await committed
    return await owner.requests.follow(plan, lambda _: None)


def test_m7_a_forgetting_killed_at_any_step_is_whole_or_has_not_begun(workspace):
    async def found(owner):
        receipts = [event.fact for event in owner.ledger.read("people")]
        assert [fact.id for fact in receipts] == [fact.id for fact in owner.people.forgotten.own()]
        return len(owner.people.known_as(WHO)), len(receipts), owner.people.receipts()

    receipts = 0
    for step in range(STEPS_AT_MOST):
        in_owner(workspace, met)
        died = dies(workspace, "forget", step)
        known, now, left = in_owner(workspace, found)
        assert (known, now - receipts, left) in ((1, 0, []), (0, 1, [])), f"step {step}"
        receipts = now
        if not died:
            assert (known, step > 4) == (0, True)
            return
    pytest.fail("it never came to its end")


def test_o4_an_activation_killed_at_any_step_is_whole_or_has_not_begun(workspace):
    for step in range(STEPS_AT_MOST):
        for name in ("one", "two"):
            write(workspace, name, f"Number {step}")
        died = dies(workspace, "activate", step)
        changed = in_owner(workspace, left_to_activate)
        assert changed in (["one", "two"], []), f"step {step}"
        if not died:
            assert (changed, step > 4) == ([], True)
            return
    pytest.fail("it never came to its end")


async def left_to_activate(owner):
    return [one.name for one in changes(owner.requests.activation.versions, owner.workspace.root)]


@pytest.mark.long
def test_o4_a_revert_killed_at_any_step_is_made_good_by_reverting_again(workspace):
    """Nothing that stood in the folder is lost either: it is a version that was kept."""
    write(workspace, "one", "The first")
    write(workspace, "two", "Two")
    in_owner(workspace, ACTS["activate"])
    for step in range(STEPS_AT_MOST):
        write(workspace, "one", f"Never saved {step}")
        died = dies(workspace, "revert", step)
        in_owner(workspace, again)
        assert (workspace.root / "templates" / "one.md").read_text() == "The first\n"
        assert f"Never saved {step}" in in_owner(workspace, kept), f"step {step}"
        if not died:
            assert step > 4
            return
    pytest.fail("it never came to its end")


async def again(owner):
    if await left_to_activate(owner):
        await ACTS["revert"](owner)
    assert await left_to_activate(owner) == []


async def kept(owner):
    versions = owner.requests.activation.versions
    past = versions.past("playbook", "one").versions
    assert all(
        isinstance(event.fact, (e.VersionActivated, e.VersionKept))
        for event in owner.ledger.read("version:playbook:one")
    )
    return "\n".join(content.decode() for one in past for content in versions.content(one).values())
