"""The choke point: what is known of an effect, what a ruling covers, what a cap counts."""

from __future__ import annotations

import pytest
from kit import Said, Word, after, do, facts, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.contracts import Operation
from mainstay.kernel.graph import Compensate, Literally, Record, Retry

QUICK = Retry(attempts=3, base_s=0.001, cap_s=0.001)
NO_WAY_BACK = "It was heard."


def operation(call, name="test.say", **more):
    settings = {"effect": "reversible", "input": Word, "output": Said, "cannot_undo": NO_WAY_BACK, **more}
    return Operation(name=name, summary="Say", call=call, **settings)


# --- what takes something back


def compensated_by(operation_name):
    back = Compensate(operation_name, Record({"word": Literally("sorry")}))
    return do("a", "test.say", "one", undo=back)


def test_a_compensation_that_leaves_the_house_is_asked_also_when_the_playbook_undoes(workspace, world):
    async def scenario(owner):
        refused = do("b", "test.refuse", "permanent", needs=after("a"), on_failure="undo")
        plan_id, standing = await start(owner, plan(compensated_by("test.shout"), refused))
        before = world.words()
        done = await rule(owner, standing["questions"][0], "approve")
        return before, done["status"], facts(owner, plan_id, e.EffectPrepared)[-1].verdict.rule

    assert run(workspace, world, scenario) == (["one"], "undone", "irreversible")
    assert world.words() == ["one", "sorry"]


def test_a_compensation_that_leaves_the_house_is_asked_also_when_the_operator_undoes(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(compensated_by("test.shout")))
        return (await undo(owner, plan_id))["status"], facts(owner, plan_id, e.EffectPrepared)[-1].verdict.decision

    assert run(workspace, world, scenario) == ("undoing", "ask")
    assert world.words() == ["one"]


@pytest.mark.parametrize(("undo_by", "said"), [("operator", "You asked"), ("playbook", "It takes something back")])
def test_a_compensation_that_can_be_taken_back_goes_by_itself_and_says_who_asked(workspace, world, undo_by, said):
    async def scenario(owner):
        refused = do("b", "test.refuse", "permanent", needs=after("a"), on_failure="undo")
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one"), *([refused] if undo_by == "playbook" else [])))
        if undo_by == "operator":
            await undo(owner, plan_id)
        return owner.engine.load(plan_id).status, facts(owner, plan_id, e.EffectPrepared)[-1].verdict.why

    status, why = run(workspace, world, scenario)
    assert (status, why.startswith(said), world.words()) == ("undone", True, [])
