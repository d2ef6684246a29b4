"""What holds of every plan and every history, said a second time and as plainly as can be.

`check_plan` looks at a plan between two commands, `check_history` at all its facts. Neither uses what the kernel
keeps for speed; both work it out from the slots and facts.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.kernel.evolve import evolve
from mainstay.kernel.plan import pending
from mainstay.kernel.state import END, FINAL, LIVE, Plan, duty_of, step_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.kernel.graph import Graph, Need

IN_FLIGHT = {"intended", "uncertain"}
AT_REST = {"new", "proposed", "completed", "undone"}


def refold(plan_id: str, graph: Graph, facts: Iterable[tuple[e.PlanFact, int]]) -> Plan:
    plan = Plan(plan_id, graph)
    for fact, at_us in facts:
        plan = evolve(plan, fact, at_us)
    return plan


def check_plan(plan: Plan) -> None:
    _live_is_true_to_the_slots(plan)
    _questions_are_true_to_the_slots(plan)
    _steps_are_true_to_the_graph(plan)
    _fan_outs_are_true_to_their_items(plan)
    _child_plans_are_true_to_their_ends(plan)
    _agents_wait_for_their_actions(plan)
    _undo_is_one_at_a_time(plan)
    assert plan.closing <= (plan.status == "undoing"), "an ending is reached when what it takes back was taken back"
    has_work = bool(plan.live or plan.batches)
    if plan.paused_at_us is not None:
        has_work = any(plan.slots[path].status in IN_FLIGHT for path in plan.live)
    assert plan.parked == (not has_work and plan.status not in AT_REST), "parked exactly when nothing is live"
    assert bool(pending(plan)) == has_work, "a plan that is not parked has work"
    if plan.status in AT_REST:
        assert not has_work
    if plan.status == "completed":
        assert all(plan.slots[name].status in FINAL for name in plan.graph.steps)
        assert not plan.questions


def _live_is_true_to_the_slots(plan: Plan) -> None:
    def has_work(path: str) -> bool:
        status = plan.slots[path].status
        if plan.status == ("undoing" if path.startswith("~") else "running"):
            return status in LIVE
        return status in IN_FLIGHT

    assert set(plan.live) == {path for path in plan.slots if has_work(path)}
    if plan.status == "running":
        batched = {
            name for name, step in plan.graph.steps.items() if step.gate == "batch" and _wants_question(plan, name)
        }
        assert set(plan.batches) == batched
    else:
        assert not plan.batches


def _agents_wait_for_their_actions(plan: Plan) -> None:
    agents = {name for name, step in plan.graph.steps.items() if step.kind == "agent"}
    open_ones = Counter(path.partition("!")[0] for path in plan.slots if "!" in path and _is_open_call(plan, path))
    for path, slot in plan.slots.items():
        if path.partition("/")[0] in agents and "!" not in path and not slot.count:
            assert slot.open == open_ones[path], path
            if plan.status == "running":
                assert (slot.status == "calling") == bool(open_ones[path]), path


def _is_open_call(plan: Plan, path: str) -> bool:
    return not path.startswith("~") and plan.slots[path].status not in FINAL


def _wants_question(plan: Plan, name: str) -> bool:
    items = items_of(plan, name)
    unprepared = [slot for slot in items if slot.status == "ready" or (slot.status == "backoff" and not slot.digest)]
    return any(slot.status == "gated" for slot in items) and not unprepared


def items_of(plan: Plan, name: str) -> list:
    return [slot for path, slot in plan.slots.items() if path.startswith(f"{name}/") and "!" not in path]


def _questions_are_true_to_the_slots(plan: Plan) -> None:
    asked = Counter(path for question in plan.questions.values() for path in question.paths)
    assert all(count == 1 for count in asked.values()), "at most one open question per path"
    for decision, question in plan.questions.items():
        assert question.paths
        for path in question.paths:
            assert plan.slots[path].decision == decision
            assert plan.slots[path].status == ("stuck" if question.kind == "stuck" else "asked")
    assert {path for path, slot in plan.slots.items() if slot.decision} == set(asked)
    if plan.status not in ("running", "undoing"):
        assert all(question.kind == "settle" for question in plan.questions.values())
    else:
        waiting = {path for path, slot in plan.slots.items() if slot.status in ("asked", "stuck")}
        side = {path for path in waiting if path.startswith("~") == (plan.status == "undoing")}
        assert side <= set(asked), "who waits for a person was asked about"


def _steps_are_true_to_the_graph(plan: Plan) -> None:
    if plan.status in ("new", "proposed"):
        return
    ended = {name for name in plan.graph.steps if name in plan.slots and plan.slots[name].status in FINAL}
    if plan.slots:
        assert plan.left == len(plan.graph.steps) - len(ended)
    if plan.status != "running":
        return
    assert not plan.doomed
    if plan.left:
        assert END not in plan.slots
    else:
        assert plan.graph.ends
        assert plan.slots[END].status in ("ready", "stuck"), "the end is work of its own"
    for name, step in plan.graph.steps.items():
        open_needs = sum(need.step not in ended for need in step.needs)
        if open_needs:
            early = plan.slots.get(name)
            assert early is None or early.adopted, "a step waits for all its needs"
        elif name in plan.slots and plan.slots[name].adopted:
            assert plan.slots[name].status in FINAL, "what was adopted has ended, whatever it leans on"
        elif all(_met(plan, need) for need in step.needs):
            assert name in plan.slots, "a step whose needs are met has begun"
        else:
            assert plan.slots[name].status == "skipped", "a step whose needs ended otherwise is skipped"


def _met(plan: Plan, need: Need) -> bool:
    status = plan.slots[need.step].status
    return {"optional": True, "done": status == "done", "failed": status == "failed"}[need.kind]


def _fan_outs_are_true_to_their_items(plan: Plan) -> None:
    for name in plan.graph.fan_outs:
        slot = plan.slots.get(name)
        items = items_of(plan, name)
        if slot is None or not items:
            continue
        assert len(items) == slot.count
        assert slot.open == sum(item.status not in FINAL for item in items)
        assert slot.failed_items == sum(item.status == "failed" for item in items)
        assert (slot.status == "done") <= (slot.open == 0)
        if plan.status == "running":
            assert (slot.status == "fanned") == (slot.open > 0)


def _child_plans_are_true_to_their_ends(plan: Plan) -> None:
    for path, slot in plan.slots.items():
        ended = slot.output if isinstance(slot.output, dict) and slot.children else {}
        if slot.children:
            assert slot.open == len(slot.children) - len(ended)
            assert len(set(slot.children)) == len(slot.children)
        assert slot.judged <= slot.rounds <= max(slot.judged + 1, len(ended))
        if plan.status == "running" and duty_of(plan, path) == "child":
            assert (slot.status == "fanned") == (slot.open == 1)
            if slot.status == "judging":
                assert slot.rounds == slot.judged + 1
                assert not slot.open


def _undo_is_one_at_a_time(plan: Plan) -> None:
    begun = [path for path, slot in plan.slots.items() if path.startswith("~") and slot.status not in FINAL]
    assert begun == (["~" + plan.undo_left[0]] if plan.status == "undoing" else [])
    assert bool(plan.undo_left) == (plan.status == "undoing")


# --- histories


def check_history(facts: Sequence[e.PlanFact]) -> None:
    for path in {fact.path for fact in facts if isinstance(fact, e.EffectPrepared)}:
        _effect_is_sent_once([fact for fact in facts if getattr(fact, "path", None) == path])
    for at, fact in enumerate(facts):
        if isinstance(fact, e.EffectIntended):
            _intent_was_allowed(facts[:at], fact)
        if isinstance(fact, e.PlanParked) and at:
            assert not isinstance(facts[at - 1], e.PlanParked)
        if isinstance(fact, e.DecisionRuled | e.DecisionExpired | e.DecisionVoided):
            assert not any(getattr(o, "decision", "") == fact.decision for o in facts[:at] if _closes(o)), (
                "answered once"
            )
        if isinstance(fact, e.PlanUndone):
            _all_was_taken_back(facts[:at], fact)
        if isinstance(fact, e.UndoStarted):
            _undo_is_in_reverse_order(facts[:at], fact)
        if isinstance(fact, e.ChildFinished):
            _child_ended_once(facts[:at], fact)


def _undo_is_in_reverse_order(before: Sequence[e.PlanFact], started: e.UndoStarted) -> None:
    """All that can be taken back and was not: the latest outcome first, a child plan at its end, open ones before.

    Child plans that did nothing outside are left out.
    """
    earlier = {path for fact in before if isinstance(fact, e.UndoStarted) for path in fact.paths}
    earlier |= {fact.path for fact in before if isinstance(fact, e.UndoImpossible)}
    ended = {fact.plan for fact in before if isinstance(fact, e.ChildFinished)}
    outcomes: dict[str, int] = {}
    for at, fact in enumerate(before):
        if isinstance(fact, e.EffectDone) and fact.undo is not None and not fact.path.startswith("~"):
            outcomes[fact.path] = at
        if isinstance(fact, e.ChildFinished):
            outcomes[fact.path] = at
    idle = {fact.plan for fact in before if isinstance(fact, e.ChildFinished) and fact.idle}
    busy = {fact.path for fact in before if isinstance(fact, e.ChildrenStarted) and not idle.issuperset(fact.plans)}
    begun = {fact.path for fact in before if isinstance(fact, e.ChildrenStarted)}
    outcomes = {path: at for path, at in outcomes.items() if path in busy or path not in begun}
    for fact in before:
        if isinstance(fact, e.ChildrenStarted) and not ended.issuperset(fact.plans):
            outcomes[fact.path] = len(before)
    named = before[-1].undo if isinstance(before[-1], e.EndingReached) else None
    asked = [fact for fact in before if isinstance(fact, e.UndoRequested)]
    if named is None and asked and asked[-1].steps:
        named = asked[-1].steps
    wanted = {path for path in outcomes if path not in earlier and (named is None or step_name(path) in named)}
    assert set(started.paths) == wanted
    times = [outcomes[path] for path in started.paths]
    assert times == sorted(times, reverse=True)


def _child_ended_once(before: Sequence[e.PlanFact], ended: e.ChildFinished) -> None:
    begun = [f for f in before if isinstance(f, e.ChildrenStarted) and f.path == ended.path and ended.plan in f.plans]
    assert len(begun) == 1
    assert not any(isinstance(f, e.ChildFinished) and (f.path, f.plan) == (ended.path, ended.plan) for f in before)


def _closes(fact: e.PlanFact) -> bool:
    return isinstance(fact, e.DecisionRuled | e.DecisionExpired | e.DecisionVoided)


def _effect_is_sent_once(facts: Sequence[e.PlanFact]) -> None:
    """No second intent without a recorded did-not-happen between; the generation counts those (KERNEL E2)."""
    on_its_way, happened, generation, attempts = False, False, 0, 0
    for fact in facts:
        if isinstance(fact, e.EffectIntended):
            assert not on_its_way
            assert not happened
            assert fact.generation == generation
            assert fact.attempt > attempts
            on_its_way, attempts = True, fact.attempt
        elif isinstance(fact, e.EffectRefused | e.EffectAbsent):
            assert on_its_way
            on_its_way, generation = False, generation + 1
        elif isinstance(fact, e.EffectDone):
            assert on_its_way
            on_its_way, happened = False, True


def _intent_was_allowed(before: Sequence[e.PlanFact], intent: e.EffectIntended) -> None:
    """Policy allowed it, or a person did: this very preparation, whose digest the question bound (KERNEL E6)."""
    assert intent.verdict.decision != "deny"
    ended = [f for f in before if isinstance(f, e.PlanCancelled | e.PlanFailed | e.PlanExpired | e.PlanCompleted)]
    undoing = any(isinstance(f, e.UndoStarted) for f in before)
    assert undoing if intent.path.startswith("~") else not ended
    if not intent.ruling:
        assert intent.verdict.decision == "allow"
        return
    asked_at = next(i for i, f in enumerate(before) if isinstance(f, e.DecisionAsked) and f.decision == intent.ruling)
    asked = before[asked_at]
    ruled = next(f for f in before if isinstance(f, e.DecisionRuled) and f.decision == intent.ruling)
    prepared_at = max(i for i, f in enumerate(before) if isinstance(f, e.EffectPrepared) and f.path == intent.path)
    prepared = before[prepared_at]
    assert isinstance(prepared, e.EffectPrepared)
    shown = intent.path if prepared.covered is None else prepared.covered
    if shown in asked.covers:  # approved before it was prepared, as it was shown, and each once
        assert sum(isinstance(f, e.EffectPrepared) and f.ruling != "" and shown == f.covered for f in before) <= 1
        assert prepared_at > before.index(ruled)
        assert ruled.choice == "approve"
        return
    index = asked.paths.index(intent.path)
    if prepared_at > asked_at:  # edited in the answer
        assert before[prepared_at].digest in ruled.binds
        assert before[prepared_at].ruling == intent.ruling
        return
    assert prepared_at < asked_at
    assert before[prepared_at].digest == asked.binds[index]
    assert ruled.choice == "approve"
    assert ruled.kept is None or index in ruled.kept


def _all_was_taken_back(before: Sequence[e.PlanFact], undone: e.PlanUndone) -> None:
    back = {fact.path[1:] for fact in before if isinstance(fact, e.EffectDone) and fact.path.startswith("~")}
    back |= {fact.path for fact in before if isinstance(fact, e.StepUndone)}
    listed = {fact.path for fact in before if isinstance(fact, e.UndoImpossible)}
    left = {path for fact in before if isinstance(fact, e.StepUndone) for path in fact.left}
    idle = {fact.plan for fact in before if isinstance(fact, e.ChildFinished) and fact.idle}
    assert set(undone.left) == listed | left
    assert not back & listed
    steps = next(fact.steps for fact in reversed(before) if isinstance(fact, e.UndoRequested))
    for fact in before:
        if (
            isinstance(fact, e.EffectDone)
            and not fact.path.startswith("~")
            and (not steps or step_name(fact.path) in steps)
        ):
            assert (fact.undo is None and not fact.cannot_undo) or fact.path in back | listed
        if isinstance(fact, e.ChildrenStarted) and (not steps or step_name(fact.path) in steps):
            assert fact.path in back | listed or idle.issuperset(fact.plans)
