"""Agents that raise, hang, eat memory or talk nonsense, inside real plans beside others (FAULTS F16)."""

from __future__ import annotations

import pytest
from kit import after, agent, do, each, facts, plan, rule, run, start
from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.graph import Retry

BAD = {  # and what its question says
    "raise_it": "ValueError: hi",
    "hang": "took longer than 1 second and was stopped",
    "devour": "needs more than the 300 MB it may use",
    "nonsense": "is not what it promised",
    "vanish": "worker process died",
}
ONCE = Retry(attempts=1)


def test_f16_bad_agents_end_as_dead_letters_with_their_reasons_and_all_else_goes_on(workspace, world):
    """One plan with all of them side by side and a good one; another plan beside it, and one after it."""
    steps = [agent(name, name, retry=ONCE) for name in BAD]
    good = [agent("good", "work"), do("said", "test.say", "beside", needs=after("good"))]
    beside = plan(agent("a", "work"), do("b", "test.say", "other", needs=after("a")))

    async def scenario(owner):
        other, committed = owner.requests.propose(beside, {})
        plan_id, standing = await start(owner, plan(*steps, *good))
        await committed
        ended = await owner.requests.follow(other, lambda _: None)
        found = owner.engine.load(plan_id)
        stuck = {name: (slot.status, slot.failure.message) for name, slot in found.slots.items() if name in BAD}
        last, whole = await start(owner, beside)
        return stuck, found.slots["said"].status, ended["status"], whole["status"], len(standing["questions"]), last

    stuck, said, other, last, questions, _ = run(workspace, world, scenario, seconds=60)
    assert {status for status, _ in stuck.values()} == {"stuck"}
    assert all(part in stuck[name][1] for name, part in BAD.items())
    assert (said, other, last, questions) == ("done", "completed", "completed", len(BAD))
    assert world.words() == ["beside", "other", "other"]


@pytest.mark.parametrize("target", BAD)
def test_f16_one_item_of_a_list_whose_agent_is_bad_is_null_within_the_allowance(workspace, world, target):
    """Each item of another step goes on, whatever becomes of this one; its retries are used up first."""
    bad = replace(each(agent("bad", target)), allow_failures_pct=100, retry=Retry(attempts=2, base_s=0.01, cap_s=0.01))

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(bad, each(agent("good", "work"))), words=["a", "b"])
        found = owner.engine.load(plan_id)
        items = [found.slots[f"{name}/{at}"].status for name in ("bad", "good") for at in (0, 1)]
        return standing["status"], items, len(facts(owner, plan_id, e.StepStuck))

    status, items, stuck = run(workspace, world, scenario, seconds=60)
    assert (status, items, stuck) == ("completed", ["failed", "failed", "done", "done"], 0)


def test_f16_a_bad_agent_that_was_skipped_lets_its_plan_end_and_one_that_is_undone_takes_the_rest_back(
    workspace, world
):
    async def scenario(owner, choice):
        bad = agent("bad", "vanish", retry=ONCE, needs=after("said"))
        _, standing = await start(owner, plan(do("said", "test.say", "one"), bad))
        return (await rule(owner, standing["questions"][0], choice))["status"]

    assert run(workspace, world, lambda owner: scenario(owner, "skip")) == "completed"
    assert world.words() == ["one"]
    assert run(workspace, world, lambda owner: scenario(owner, "undo")) == "undone"
    assert world.words() == ["one"], "what the other plan said stays"
