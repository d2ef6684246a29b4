"""Sub-plans, lists of them, feedback loops and endings on a real ledger (KERNEL P2, E5)."""

from __future__ import annotations

import pytest
from families import SAYING, WORD, asking, cel, child, children_of, parent, say, sub
from kit import after, agent, do, facts, rule, run, start
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.graph import Literally, Need, Record

# --- sub-plans


def test_a_sub_plan_runs_with_its_inputs_and_its_step_is_worth_what_it_returns(workspace, world):
    async def scenario(owner):
        steps = sub("s"), say("b", cel("s.word", "s"), needs=after("s"))
        plan_id, standing = await start(owner, parent(*steps, child=SAYING))
        return plan_id, standing["status"], children_of(owner, plan_id), owner.engine.load(f"{plan_id}-s")

    plan_id, status, children, ended = run(workspace, world, scenario)
    assert (status, children) == ("completed", [f"{plan_id}-s"])
    assert (ended.status, ended.output, ended.parent) == ("completed", {"word": "one"}, f"{plan_id}/s")
    assert world.words() == ["one", "one"]


def test_a_sub_plan_begins_in_one_append_with_the_note_of_its_parent(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, parent(sub("s"), child=SAYING))
        begun = [e.PlanProposed, e.PlanApproved, e.PlanStarted, e.ChildrenStarted, e.ChildFinished, e.StepCompleted]
        tail = [event for event in owner.ledger.tail() if event.plan.startswith(plan_id) and type(event.fact) in begun]
        return plan_id, [(event.plan, event.kind, event.cause) for event in tail]

    plan_id, events = run(workspace, world, scenario)
    own, child_id = plan_id, f"{plan_id}-s"
    assert [(of, kind) for of, kind, _ in events[3:]] == [
        (child_id, "PlanProposed"),
        (child_id, "PlanApproved"),
        (child_id, "PlanStarted"),
        (own, "ChildrenStarted"),
        (own, "ChildFinished"),
        (own, "StepCompleted"),
    ]
    assert events[3][2] == f"plan:{own}@3"
    assert events[7][2].startswith(f"plan:{child_id}@"), "the parent's fact names the child's end as its cause"


def test_a_sub_plan_without_returns_is_an_empty_record(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, parent(sub("s"), child=child(say("a"))))
        return standing["status"], owner.engine.load(plan_id).slots["s"].output

    status, output = run(workspace, world, scenario)
    assert status == "completed"
    assert list(output.values()) == [{}]


def test_labels_pass_down_into_a_sub_plan_and_come_back_up(workspace, world):
    async def scenario(owner):
        steps = agent("first", "echo"), sub("s", cel("first.word", "first"), needs=after("first"))
        definition = parent(*steps, child=SAYING)
        definition = replace(definition, types={**definition.types, "first": "record(said)"})
        plan_id, _ = await start(owner, definition)
        return owner.engine.load(f"{plan_id}-s").labels, owner.engine.load(plan_id).slots["s"].labels

    down, up = run(workspace, world, scenario)
    assert "agent:echo" in down
    assert {"agent:echo", "test.say"} <= set(up)


def test_a_sub_plan_expires_no_later_than_its_parent(workspace, world):
    async def scenario(owner):
        below = child(asking(), expires_s=3600)
        ids = [(await start(owner, parent(sub("s"), child=below, expires_s=of)))[0] for of in (60, 7200, None)]
        plans = [(owner.engine.load(plan_id), owner.engine.load(f"{plan_id}-s")) for plan_id in ids]
        return [(above.expires_at_us, it.expires_at_us) for above, it in plans]

    (short, within), (long, own), (none, alone) = run(workspace, world, scenario)
    assert short == within
    assert own < long
    assert none is None
    assert alone is not None


def test_sub_plans_nest_and_a_grandchilds_question_stands_at_the_root_plan(workspace, world):
    async def scenario(owner):
        lowest = child(asking(), say("a", needs=after("q")), returns={"word": cel("a.word", "a")})
        middle = replace(child(sub("m", WORD), returns={"word": cel("m.word", "m")}), playbooks={"child": lowest})
        middle = replace(middle, types={**middle.types, "m": "record(out)"})
        steps = sub("s"), say("b", cel("s.word", "s"), needs=after("s"))
        plan_id, standing = await start(owner, parent(*steps, child=middle))
        held = len(owner.engine._plans.keys() - owner.engine._rested), len(owner.engine._busy)
        await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        after_it = await owner.requests.follow(plan_id, lambda _: None)
        return plan_id, standing, held, after_it["status"]

    plan_id, standing, held, status = run(workspace, world, scenario)
    assert standing["questions"] == [f"{plan_id}-s-m.1"]
    assert held == (0, 0), "a family that waits holds no memory for long"
    assert status == "completed"
    assert world.words() == ["one", "one"]


def test_a_missing_input_and_a_mistake_in_with_are_stuck_steps(workspace, world):
    async def scenario(owner):
        forgot = replace(sub("s"), arguments=Record({}))
        wrong = sub("s", cel("inputs.word + 1", "inputs"))
        return [(await start(owner, parent(step, child=SAYING)))[1]["questions"] for step in (forgot, wrong)]

    one, two = run(workspace, world, scenario)
    assert len(one) == len(two) == 1


# --- a child plan that does not end well

FAILING = child(say("a", Literally("permanent"), "test.refuse", on_failure="undo"))


@pytest.mark.parametrize(("choice", "status", "said"), [("skip", "completed", []), ("undo", "undone", [])])
def test_a_sub_plan_that_fails_makes_its_step_stuck_with_remedies(workspace, world, choice, status, said):
    async def scenario(owner):
        _, standing = await start(owner, parent(sub("s"), say("b", Literally("x"), needs=after("s")), child=FAILING))
        asked = facts(owner, standing["plan"], e.DecisionAsked)[0]
        return asked.options, (await rule(owner, standing["questions"][0], choice))["status"]

    assert run(workspace, world, scenario) == (("retry", "skip", "undo"), status)
    assert world.words() == said


def test_a_sub_plan_tried_again_is_another_plan(workspace, world):
    async def scenario(owner):
        below = child(asking(), say("a", needs=after("q")), returns={"word": cel("a.word", "a")})
        plan_id, standing = await start(owner, parent(sub("s"), child=below))
        await owner.requests.rule(standing["questions"][0], {"choice": "reject"})
        stuck = await owner.requests.follow(plan_id, lambda _: None)
        again = await rule(owner, stuck["questions"][0], "retry", arguments={"word": "two"})
        await owner.requests.rule(again["questions"][0], {"choice": "approve"})
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return plan_id, stuck["questions"], again["questions"], ended["status"]

    plan_id, stuck, again, status = run(workspace, world, scenario)
    assert stuck == [f"{plan_id}.1"]
    assert again == [f"{plan_id}-s-r2.1"]
    assert status == "completed"
    assert world.words() == ["two"]


def test_what_a_step_says_about_failing_holds_for_a_sub_plan(workspace, world):
    async def scenario(owner):
        skip = parent(
            sub("s", on_failure="skip"), say("b", Literally("x"), needs=(Need("s", "optional"),)), child=FAILING
        )
        out = parent(
            sub("s", on_failure="step", way_out="w"),
            say("w", Literally("way out"), needs=(Need("s", "failed"),)),
            say("b", Literally("never"), needs=after("s")),
            child=FAILING,
        )
        return [(await start(owner, definition))[1]["status"] for definition in (skip, out)]

    assert run(workspace, world, scenario) == ["completed", "completed"]
    assert world.words() == ["way out", "x"]


# --- the family as a whole


def test_cancelling_a_plan_ends_its_family_in_one_append(workspace, world):
    async def scenario(owner):
        middle = replace(child(sub("m", WORD)), playbooks={"child": child(asking())})
        plan_id, _ = await start(owner, parent(sub("s"), child=middle))
        before = owner.ledger.head()[0]
        await owner.engine.submit(plan_id, c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        ended = [event for event in owner.ledger.tail() if event.position > before]
        statuses = [owner.engine.load(name).status for name in (plan_id, f"{plan_id}-s", f"{plan_id}-s-m")]
        return statuses, len({event.recorded_at_us for event in ended}), owner.requests.standing(plan_id)["questions"]

    assert run(workspace, world, scenario) == (["cancelled"] * 3, 1, [])


def test_a_cancelled_child_plan_makes_its_parents_step_stuck(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, parent(sub("s"), child=child(asking())))
        await owner.engine.submit(f"{plan_id}-s", c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        return (await owner.requests.follow(plan_id, lambda _: None))["questions"], plan_id

    questions, plan_id = run(workspace, world, scenario)
    assert questions == [f"{plan_id}.1"]


def test_a_family_pauses_and_goes_on_together_in_one_append_k4(workspace, world):
    async def scenario(owner):
        below = replace(child(sub("m", WORD)), playbooks={"child": child(asking(), say("a", needs=after("q")))})
        plan_id, standing = await start(owner, parent(sub("s"), child=below))
        names = plan_id, f"{plan_id}-s", f"{plan_id}-s-m"
        await owner.engine.submit(plan_id, c.PausePlan(now_us=owner.clock.now_us(), by="operator"))
        paused = [owner.engine.load(name).paused_at_us for name in names]
        await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        await owner.requests.follow(plan_id, lambda _: None)
        before = world.words()
        await owner.engine.submit(plan_id, c.ResumePlan(now_us=owner.clock.now_us(), by="operator"))
        ended = await owner.requests.follow(plan_id, lambda _: None)
        return len(set(paused)), paused[0] is None, before, ended["status"]

    assert run(workspace, world, scenario) == (1, False, [], "completed")
    assert world.words() == ["one"]


def test_e5_a_sub_plan_that_was_paused_while_it_was_taken_back_goes_on_with_that_when_its_parent_ends(workspace, world):
    """The end of a plan ends its pause: a sub-plan that was being taken back stayed paused, and nobody could go on."""

    async def scenario(owner):
        steps = sub("s"), do("f", "test.refuse", "permanent")
        plan_id, standing = await start(owner, parent(*steps, child=child(say("a"), asking(needs=after("a")))))
        stuck = next(name for name in standing["questions"] if name.startswith(f"{plan_id}."))
        now_us, below = owner.clock.now_us(), f"{plan_id}-s"
        undo, pause = c.UndoPlan(now_us=now_us, by="operator"), c.PausePlan(now_us=now_us, by="operator")
        await owner.engine.submit_all([(below, undo), (plan_id, pause)])
        before = owner.engine.load(below).status, owner.engine.load(below).paused_at_us is None, world.words()
        await owner.requests.rule(stuck, {"choice": "undo"})
        await owner.requests.follow(plan_id, lambda _: None)
        return before, owner.engine.load(below).status, owner.requests.standing(plan_id)["status"]

    assert run(workspace, world, scenario) == (("undoing", False, ["one"]), "undone", "undone")
    assert world.words() == []


def test_e5_a_sub_plan_that_was_paused_while_it_was_taken_back_goes_on_with_that_when_its_parent_completes(
    workspace, world
):
    """Its step was left out while all was paused: it stayed half taken back for ever, and nobody said so."""

    async def scenario(owner):
        plan_id, _ = await start(owner, parent(sub("s"), child=child(say("a"), asking(needs=after("a")))))
        now_us, below = owner.clock.now_us(), f"{plan_id}-s"
        undo, pause = c.UndoPlan(now_us=now_us, by="operator"), c.PausePlan(now_us=now_us, by="operator")
        await owner.engine.submit_all([(below, undo), (plan_id, pause)])
        before = owner.engine.load(below).status, owner.engine.load(below).paused_at_us is None, world.words()
        (stuck,) = owner.requests.standing(plan_id)["questions"]
        await owner.requests.rule(stuck, {"choice": "skip"})
        await owner.requests.follow(below, lambda _: None)
        return before, owner.engine.load(below).status, owner.engine.load(plan_id).status

    assert run(workspace, world, scenario) == (("undoing", False, ["one"]), "undone", "completed")
    assert world.words() == []


def test_an_expired_plan_ends_its_family_in_the_same_append_p5(workspace, world):
    async def scenario(owner):
        below = child(asking(), expires_s=3600)
        plan_id, _ = await start(owner, parent(sub("s"), child=below, expires_s=60))
        due_us = owner.engine.load(plan_id).expires_at_us
        before = owner.ledger.head()[0]
        await owner.engine.submit(plan_id, c.TimerDue(now_us=due_us, kind="expiry"))
        ended = [event.kind for event in owner.ledger.tail() if event.position > before]
        late = owner.engine.submit(f"{plan_id}-s", c.TimerDue(now_us=due_us, kind="expiry"))
        return ended, await late, owner.requests.standing(plan_id)["questions"]

    assert run(workspace, world, scenario) == (
        ["PlanExpired", "PlanParked", "DecisionVoided", "PlanCancelled", "PlanParked"],
        0,
        [],
    )
