"""Who was forgotten stays so in older copies of the history, and there is always room for one more (M7, L6, L8)."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import kit
import pytest

from mainstay import events as e
from mainstay.app import Owner
from mainstay.kernel.graph import Literally, Record, Step
from mainstay.ledger import keys
from mainstay.ledger.batch import STREAM_EVENTS
from mainstay.ledger.forgotten import Forgotten
from mainstay.requests.forgetting import catch_up
from mainstay.workspace import Workspace

WHO, OTHER = "ada@example.com", "grace@example.com"


def mail(who):
    told = Record({name: Literally(text) for name, text in (("to", who), ("subject", "x"), ("text", "x"))})
    return Step(name="send", kind="do", target="mail.send", effect="irreversible", arguments=told)


async def meet(owner, *people):
    """Let people be known: a mail to each waits for a yes."""
    for who in people:
        plan, committed = owner.requests.propose(kit.plan(mail(who)), {})
        await committed
        await owner.requests.follow(plan, lambda _: None)


async def forget(owner, who):
    found = list(owner.people.known_as(who))
    return await owner.requests._methods["forget"](owner.requests, {"keys": found}, lambda _: None)


def in_owner(workspace, scenario, *given):
    async def inside():
        async with Owner(workspace, "test") as owner:
            return await scenario(owner, *given)

    return asyncio.run(asyncio.wait_for(inside(), 60))


async def knows(owner):
    return [who for who in (WHO, OTHER) if owner.people.known_as(who)]


async def again(owner):
    return owner.forgotten_again, await knows(owner)


def outside(workspace):
    return Forgotten(keys.forgotten_file(workspace.state))


def copy_of(workspace, name="copy"):
    """Copy the folder, as an operator would."""
    return Workspace(Path(shutil.copytree(workspace.root, workspace.root.with_name(name))))


@pytest.fixture
def met(workspace):
    in_owner(workspace, meet, WHO, OTHER)
    return workspace


def test_m7_l6_an_older_copy_put_back_forgets_again_who_was_forgotten_and_nobody_else(met):
    old = copy_of(met)
    receipt = in_owner(met, forget, WHO)["receipt"]
    assert in_owner(met, again) == (0, [OTHER])
    assert in_owner(old, again) == (1, [OTHER])

    async def receipts(owner):
        return [event.fact.id for event in owner.ledger.read("people")]

    assert in_owner(old, receipts) == [receipt["id"]]
    assert in_owner(old, again) == (0, [OTHER])


def test_m7_a_forgetting_in_a_copy_leaves_the_workspace_it_was_made_of_alone(met):
    """A rehearsal in a copy is no order to the workspace that goes on."""
    copy = copy_of(met)
    in_owner(copy, forget, WHO)
    assert in_owner(copy, again) == (0, [OTHER])
    assert in_owner(met, again) == (0, [WHO, OTHER])


def test_m7_what_the_old_copy_never_knew_is_not_counted_as_forgotten_in_it(workspace):
    in_owner(workspace, meet, OTHER)
    old = copy_of(workspace)
    in_owner(workspace, meet, WHO)
    in_owner(workspace, forget, WHO)
    assert in_owner(old, again) == (0, [OTHER])


def test_m7_what_is_noted_outside_names_nobody_and_only_its_owner_may_read_it(met):
    in_owner(met, forget, WHO)
    path = keys.forgotten_file(met.state)
    assert WHO not in path.read_text()
    assert "ada" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert not path.is_relative_to(met.root)


def test_m7_a_start_notes_outside_what_a_history_of_before_holds(met):
    receipt = in_owner(met, forget, WHO)["receipt"]
    keys.forgotten_file(met.state).unlink()
    in_owner(met, knows)
    assert [one.id for one in outside(met).own()] == [receipt["id"]]


def test_m7_a_line_that_a_crash_cut_off_is_passed_over_and_noted_again(met):
    receipt = in_owner(met, forget, WHO)["receipt"]
    path = keys.forgotten_file(met.state)
    path.write_bytes(path.read_bytes()[:-20])
    assert outside(met).own() == []
    other = in_owner(met, forget, OTHER)["receipt"]
    assert [one.id for one in outside(met).own()] == [receipt["id"], other["id"]]


def test_m7_where_nothing_can_be_noted_outside_it_is_said_and_made_good_later(met):
    path = keys.forgotten_file(met.state)
    path.mkdir()
    done = in_owner(met, forget, WHO)
    assert not done["remembered"]
    path.rmdir()
    in_owner(met, knows)
    assert [one.id for one in outside(met).own()] == [done["receipt"]["id"]]


def full_of_receipts(count):
    async def fill(owner):
        facts = [e.PersonForgotten(f"r{number}", "operator", 5, (f"k{number}",)) for number in range(count)]
        await owner.ledger.append([e.Append("people", 0, tuple(e.Draft(fact, 5, "operator") for fact in facts))])

    return fill


def test_l8_m7_when_a_stream_is_full_of_receipts_the_next_ones_stand_in_another(met):
    in_owner(met, full_of_receipts(STREAM_EVENTS - 1))
    done = [in_owner(met, forget, who)["receipt"]["id"] for who in (WHO, OTHER)]

    async def receipts(owner):
        return [[event.fact.id for event in owner.ledger.read(name)] for name in ("people", "people#000002")]

    first, second = in_owner(met, receipts)
    assert (first[-1], second) == (done[0], [done[1]])
    assert in_owner(met, knows) == []
    assert len(outside(met).own()) == STREAM_EVENTS + 1


def test_l8_m7_keys_that_come_back_are_destroyed_again_by_receipts_of_every_stream(met):
    in_owner(met, full_of_receipts(STREAM_EVENTS))
    in_owner(met, forget, WHO)

    async def brought_back(owner):
        (key,) = {key for event in owner.ledger.read("people#000002") for key in event.fact.keys}
        owner.people._writer.execute("UPDATE person_key SET wrapped = x'00' WHERE id = ?", (key,))
        before = owner.people.kinds([key])
        await catch_up(owner.ledger, owner.people, owner.clock, moved=False)
        return before == {key: "person"}, owner.people.kinds([key])

    assert in_owner(met, brought_back) == (True, {})


def test_m7_two_forgettings_at_once_are_two_receipts(met):
    async def both(owner):
        done = await asyncio.gather(forget(owner, WHO), forget(owner, OTHER))
        return {one["receipt"]["id"] for one in done}, {event.fact.id for event in owner.ledger.read("people")}

    given, recorded = in_owner(met, both)
    assert given == recorded
    assert len(given) == 2
