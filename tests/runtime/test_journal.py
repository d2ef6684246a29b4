"""Agents that call: each call is recorded under their step, and made once (KERNEL J1)."""

from __future__ import annotations

from calling_kit import journal, play, step
from kit import plan, start


def ended(workspace, world, *steps, looked=None, **more):
    """Run a plan to where it comes to rest: status, value of its step, journal."""

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(*steps))
        slot = owner.engine.load(plan_id).slots["draft"]
        return standing["status"], owner.payloads.load(slot.output), journal(owner, plan_id), slot

    return play(workspace, world, scenario, looked=looked, **more)


def test_j1_an_agent_calls_what_it_may_and_all_of_it_is_recorded_under_its_step(workspace, world):
    status, output, entries, slot = ended(workspace, world, step("simple", "hello"))
    assert (status, output["word"], world.words()) == ("completed", "hello", ["hello"])
    assert [entry.operation for entry in entries] == ["test.look", "test.say", "ctx.now", "ctx.random"]
    assert entries[1].call == "draft!3"
    assert set(slot.labels) == {"agent:simple", "test.look", "test.say"}


def test_j1_the_branches_of_a_gather_are_scopes_of_their_own(workspace, world):
    status, output, entries, _ = ended(workspace, world, step("aside", "w"))
    assert status == "completed"
    assert [part[:2] for part in output["word"].split()] == ["0w", "1w", "2w", "3w", "4w"]
    assert sorted(entry.scope for entry in entries) == ["", "/0.0", "/0.1", "/0.2", "/0.3", "/0.4"]
