"""How a fact changes the plan: `evolve(plan, fact, at_us) -> plan`, pure, one small function per kind of fact.

It never refuses: a fact happened. Everything it needs stands in the fact or in the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.graph import MAX_ITEMS, MAX_ITEMS_OF_PLAN
from mainstay.kernel.state import (
    FINAL,
    LIVE,
    Plan,
    Question,
    Slot,
    is_item,
    is_open,
    satisfied,
    step_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import SlotStatus
    from mainstay.values import Failure, Value

Evolver: TypeAlias = "Callable[[Plan, Any, int], Plan]"


def evolve(plan: Plan, fact: e.PlanFact, at_us: int) -> Plan:
    """Fold one fact, recorded at `at_us`, into the plan."""
    return _EVOLVERS[type(fact)](replace(plan, sequence=plan.sequence + 1, parked=False), fact, at_us)


# --- the plan as a whole


def _proposed(plan: Plan, fact: e.PlanProposed, at_us: int) -> Plan:
    return replace(
        plan,
        status="proposed",
        playbook=fact.playbook,
        title=fact.title,
        inputs=fact.inputs,
        given=fact.given,
        labels=fact.labels,
        parent=fact.parent,
        proposed_at_us=at_us,
        expires_at_us=fact.expires_at_us,
        unmet=plan.graph.unmet,
        left=len(plan.graph.steps),
    )


def _approved(plan: Plan, fact: e.PlanApproved, at_us: int) -> Plan:
    del fact, at_us
    return replace(plan, status="approved")


def _started(plan: Plan, fact: e.PlanStarted, at_us: int) -> Plan:
    del fact
    slots = {name: Slot("ready", ready_at_us=at_us, since=plan.sequence) for name in plan.graph.roots}
    return replace(plan, status="running", slots=slots, live=dict.fromkeys(slots))


def _parked(plan: Plan, fact: e.PlanParked, at_us: int) -> Plan:
    del fact, at_us
    return replace(plan, parked=True)


def _completed(plan: Plan, fact: e.PlanCompleted, at_us: int) -> Plan:
    del fact, at_us
    return replace(plan, status="completed")


def _failed(plan: Plan, fact: e.PlanFailed, at_us: int) -> Plan:
    del fact, at_us
    return _ended(replace(plan, status="failed"))


def _cancelled(plan: Plan, fact: e.PlanCancelled, at_us: int) -> Plan:
    del fact, at_us
    return _ended(replace(plan, status="cancelled"))


def _expired(plan: Plan, fact: e.PlanExpired, at_us: int) -> Plan:
    del fact, at_us
    return _ended(replace(plan, status="expired"))


def _ended(plan: Plan) -> Plan:
    """Leave only effects on their way: they are followed to their outcome, whatever became of the plan."""
    live = {path: None for path in plan.live if plan.slots[path].status in ("intended", "uncertain")}
    return replace(plan, live=live, doomed=(), batches=())


def _undo_requested(plan: Plan, fact: e.UndoRequested, at_us: int) -> Plan:
    del at_us
    return replace(plan, undo_by=fact.by)


def _undo_started(plan: Plan, fact: e.UndoStarted, at_us: int) -> Plan:
    return _next_undo(replace(plan, status="undoing", undo_left=fact.paths), at_us)


def _undo_impossible(plan: Plan, fact: e.UndoImpossible, at_us: int) -> Plan:
    plan = replace(plan, not_undone=(*plan.not_undone, fact.path))
    slot = plan.slots.get("~" + fact.path)
    if slot is not None:
        plan = _with(plan, "~" + fact.path, replace(slot, status="skipped", arguments=None))
    return _next_undo(_drop_undo(plan, fact.path), at_us)


def _step_undone(plan: Plan, fact: e.StepUndone, at_us: int) -> Plan:
    plan = _with(plan, "~" + fact.path, replace(plan.slots["~" + fact.path], status="done"))
    plan = replace(plan, not_undone=(*plan.not_undone, *fact.left))
    return _next_undo(_drop_undo(plan, fact.path), at_us)


def _drop_undo(plan: Plan, path: str) -> Plan:
    return replace(plan, undo_left=tuple(name for name in plan.undo_left if name != path))


def _next_undo(plan: Plan, at_us: int) -> Plan:
    """Make the next compensation ready: one at a time, in order."""
    if not plan.undo_left or "~" + plan.undo_left[0] in plan.slots:
        return plan
    return _with(plan, "~" + plan.undo_left[0], Slot("ready", ready_at_us=at_us))


def _undone(plan: Plan, fact: e.PlanUndone, at_us: int) -> Plan:
    del fact, at_us
    return replace(plan, status="undone", live={})


# --- steps


def _skipped(plan: Plan, fact: e.StepSkipped, at_us: int) -> Plan:
    slot = plan.slots.get(fact.path, Slot("skipped"))
    doomed = tuple(name for name in plan.doomed if name != fact.path)
    return _final(replace(plan, doomed=doomed), fact.path, replace(slot, status="skipped", arguments=None), at_us)


def _rejected(plan: Plan, fact: e.StepRejected, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], status="rejected", arguments=None)
    return _final(plan, fact.path, slot, at_us)


def _items_frozen(plan: Plan, fact: e.ItemsFrozen, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], items=fact.items, count=fact.count, open=fact.count, labels=fact.labels)
    if fact.count > MAX_ITEMS or _items(plan) + fact.count > MAX_ITEMS_OF_PLAN:
        return _with(plan, fact.path, replace(slot, status="splitting"))
    plan = _with(plan, fact.path, replace(slot, status="fanned"))
    fresh = {f"{fact.path}/{i}": Slot("ready", ready_at_us=at_us, since=plan.sequence) for i in range(fact.count)}
    return replace(plan, slots=plan.slots | fresh, live=plan.live | dict.fromkeys(fresh))


def _items(plan: Plan) -> int:
    """The items that stand in this plan itself, over all its lists."""
    lists = (plan.slots[name] for name in plan.graph.fan_outs if name in plan.slots)
    return sum(slot.count for slot in lists if not slot.children and slot.status != "splitting")


def _children_started(plan: Plan, fact: e.ChildrenStarted, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="fanned", children=fact.plans, open=len(fact.plans))
    return _with(plan, fact.path, slot)


def _child_finished(plan: Plan, fact: e.ChildFinished, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    outputs: dict[str, Value] = slot.output if isinstance(slot.output, dict) else {}
    failed = slot.failed_items + (fact.status != "completed")
    slot = replace(
        slot,
        open=slot.open - 1,
        failed_items=failed,
        output={**outputs, fact.plan: fact.output},
        labels=tuple(sorted({*slot.labels, *fact.labels})),
        done_at=plan.sequence,
    )
    return _with(plan, fact.path, slot)


def _step_started(plan: Plan, fact: e.StepStarted, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="running", arguments=fact.arguments, labels=fact.labels)
    return _with(plan, fact.path, slot)


def _step_completed(plan: Plan, fact: e.StepCompleted, at_us: int) -> Plan:
    slot = plan.slots[fact.path]
    if slot.status == "fanned":  # the value of a fan-out is derived from its items
        slot = replace(slot, status="done", done_at=plan.sequence)
    else:
        slot = replace(
            slot,
            status="done",
            output=fact.output,
            rationale=fact.rationale,
            confidence=fact.confidence,
            labels=fact.labels,
            arguments=None,
            done_at=plan.sequence,
        )
    return _final(plan, fact.path, slot, at_us)


def _attempt_failed(plan: Plan, fact: e.AttemptFailed, at_us: int) -> Plan:
    del at_us
    slot = _counted(plan.slots[fact.path], fact.failure)
    slot = replace(slot, status="backoff", attempt=fact.attempt, failure=fact.failure)
    return _with(plan, fact.path, slot)


def _counted(slot: Slot, failure: Failure) -> Slot:
    """Forgive an attempt that never left because of our own pace or breaker."""
    if failure.counts:
        return replace(slot, held=0)
    return replace(slot, forgiven=slot.forgiven + 1, held=slot.held + 1)


def _retry_due(plan: Plan, fact: e.RetryDue, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    return _with(plan, fact.path, replace(slot, status="prepared" if slot.digest else _anew(slot)))


def _anew(slot: Slot) -> SlotStatus:
    """Where a step begins again: a list that was frozen stays as it is (KERNEL P1)."""
    return "splitting" if slot.count else "ready"


def _stuck(plan: Plan, fact: e.StepStuck, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    return _with(plan, fact.path, replace(slot, status="stuck", failure=fact.failure, attempt=fact.attempt))


def _step_failed(plan: Plan, fact: e.StepFailed, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], status="failed", failure=fact.failure, arguments=None)
    return _final(plan, fact.path, slot, at_us)


def _reopened(plan: Plan, fact: e.StepReopened, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    arguments = fact.arguments if fact.edited else (slot.arguments if slot.edited else None)
    slot = replace(
        slot,
        status=_anew(slot),
        forgiven=slot.attempt,
        held=0,
        arguments=arguments,
        edited=fact.edited or slot.edited,
        digest="",
        ruling="",
        failure=None,
    )
    return _with(plan, fact.path, slot)


def _wait_started(plan: Plan, fact: e.WaitStarted, at_us: int) -> Plan:
    del at_us
    return _with(plan, fact.path, replace(plan.slots[fact.path], status="waiting"))


def _wait_ended(plan: Plan, fact: e.WaitEnded, at_us: int) -> Plan:
    slot = replace(plan.slots[fact.path], status="done", output={"timed_out": False}, done_at=plan.sequence)
    return _final(plan, fact.path, slot, at_us)


# --- decisions


def _asked(plan: Plan, fact: e.DecisionAsked, at_us: int) -> Plan:
    del at_us
    question = Question(fact.kind, fact.paths, fact.binds, fact.options, fact.due_at_us)
    status = "stuck" if fact.kind == "stuck" else "asked"
    for path in fact.paths:
        slot = plan.slots[path]
        labels = fact.labels if fact.kind == "ask" else slot.labels
        plan = _with(plan, path, replace(slot, status=status, decision=fact.decision, labels=labels))
    return replace(plan, questions={**plan.questions, fact.decision: question}, asked=plan.asked + 1)


def _reminded(plan: Plan, fact: e.DecisionReminded, at_us: int) -> Plan:
    del at_us
    question = replace(plan.questions[fact.decision], reminded=fact.index + 1)
    return replace(plan, questions={**plan.questions, fact.decision: question})


def _ruled(plan: Plan, fact: e.DecisionRuled, at_us: int) -> Plan:
    question = plan.questions[fact.decision]
    plan = _close(plan, fact.decision)
    if question.kind == "ask":
        path = question.paths[0]
        no = fact.choice == "reject"
        ruling = {"approve": "approved", "reject": "rejected"}.get(fact.choice, fact.choice)
        return _answer(plan, path, _ruling_value(ruling, fact), at_us, rejected=no)
    if question.kind in ("effect", "batch") and fact.choice == "approve":
        kept = range(len(question.paths)) if fact.kept is None else fact.kept
        for index in kept:
            path = question.paths[index]
            slot = replace(plan.slots[path], status="prepared", ruling=fact.decision)
            plan = _with(plan, path, slot)
    return plan


def _decision_expired(plan: Plan, fact: e.DecisionExpired, at_us: int) -> Plan:
    question = plan.questions[fact.decision]
    plan = _close(plan, fact.decision)
    if question.kind != "ask":
        return plan
    value: Value = {"ruling": "expired", "by": "", "at": at_us, "reason": "", "rows": []}
    return _answer(plan, question.paths[0], value, at_us, rejected=True)


def _voided(plan: Plan, fact: e.DecisionVoided, at_us: int) -> Plan:
    del at_us
    return _close(plan, fact.decision)


def _ruling_value(ruling: str, fact: e.DecisionRuled) -> Value:
    rows = [] if fact.choice != "approve" or fact.rows is None else fact.rows
    return {"ruling": ruling, "by": fact.by, "at": fact.at_us, "reason": fact.reason, "rows": rows}


def _answer(plan: Plan, path: str, value: Value, at_us: int, *, rejected: bool) -> Plan:
    status = "rejected" if rejected else "done"
    slot = replace(plan.slots[path], status=status, output=value, done_at=plan.sequence)
    return _final(plan, path, slot, at_us)


def _close(plan: Plan, decision: str) -> Plan:
    freed = {path: replace(plan.slots[path], decision="") for path in plan.questions[decision].paths}
    questions = {name: question for name, question in plan.questions.items() if name != decision}
    return replace(plan, questions=questions, slots=plan.slots | freed)


# --- effects


def _prepared(plan: Plan, fact: e.EffectPrepared, at_us: int) -> Plan:
    del at_us
    slot = replace(
        plan.slots[fact.path],
        status="prepared" if fact.verdict.decision == "allow" else "gated",
        arguments=fact.arguments,
        labels=fact.labels,
        digest=fact.digest,
        operation=fact.operation,
        operation_version=fact.operation_version,
        effect=fact.effect,
        account=fact.account,
        cannot_undo=fact.cannot_undo,
        ruling="",
    )
    return _with(plan, fact.path, slot)


def _intended(plan: Plan, fact: e.EffectIntended, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="intended", token=fact.token, generation=fact.generation)
    return _with(plan, fact.path, slot)


def _effect_done(plan: Plan, fact: e.EffectDone, at_us: int) -> Plan:
    slot = replace(
        plan.slots[fact.path],
        status="done",
        output=fact.output,
        labels=fact.labels,
        undo=fact.undo,
        cannot_undo=fact.cannot_undo,
        arguments=None,
        done_at=plan.sequence,
    )
    if fact.path.startswith("~"):
        plan = _drop_undo(_with(plan, fact.path, slot), fact.path[1:])
        return _next_undo(plan, at_us)
    return _final(plan, fact.path, slot, at_us)


def _effect_refused(plan: Plan, fact: e.EffectRefused, at_us: int) -> Plan:
    slot = _counted(plan.slots[fact.path], fact.failure)
    slot = replace(slot, attempt=fact.attempt, generation=slot.generation + 1, failure=fact.failure)
    return _did_not_happen(plan, fact.path, slot, "backoff", at_us)


def _effect_uncertain(plan: Plan, fact: e.EffectUncertain, at_us: int) -> Plan:
    del at_us
    return _with(plan, fact.path, replace(plan.slots[fact.path], status="uncertain", failure=fact.failure))


def _effect_absent(plan: Plan, fact: e.EffectAbsent, at_us: int) -> Plan:
    slot = plan.slots[fact.path]
    slot = replace(slot, attempt=slot.attempt + 1, generation=slot.generation + 1)
    return _did_not_happen(plan, fact.path, slot, "prepared", at_us)


def _did_not_happen(plan: Plan, path: str, slot: Slot, then: SlotStatus, at_us: int) -> Plan:
    """Go on with an effect, unless its plan ended meanwhile: then it never happens."""
    if is_open(plan, path):
        return _with(plan, path, replace(slot, status=then))
    return _final(plan, path, replace(slot, status="failed", arguments=None), at_us)


# --- leaves


def _with(plan: Plan, path: str, slot: Slot) -> Plan:
    """Set a slot, and keep `live` and `batches` true to it."""
    slots = {**plan.slots, path: replace(slot, since=plan.sequence)}
    if (slot.status in LIVE) == (path in plan.live):
        plan = replace(plan, slots=slots)
    elif slot.status in LIVE:
        plan = replace(plan, slots=slots, live={**plan.live, path: None})
    else:
        plan = replace(plan, slots=slots, live={name: None for name in plan.live if name != path})
    return _batched(plan, step_name(path)) if is_item(path) else plan


def _batched(plan: Plan, name: str) -> Plan:
    """Note the step while all its items are prepared, or can't be, and some wait for one question."""
    if plan.graph.steps[name].gate != "batch" or plan.status != "running":
        return plan
    items = [plan.slots[f"{name}/{index}"] for index in range(plan.slots[name].count)]
    due = any(slot.status == "gated" for slot in items) and not any(
        slot.status == "ready" or (slot.status == "backoff" and not slot.digest) for slot in items
    )
    if due == (name in plan.batches):
        return plan
    others = tuple(batch for batch in plan.batches if batch != name)
    return replace(plan, batches=(*others, name) if due else others)


def _final(plan: Plan, path: str, slot: Slot, at_us: int) -> Plan:
    """Set a slot that ended, and release what waited for it."""
    assert slot.status in FINAL
    plan = _with(plan, path, slot)
    if path.startswith("~"):
        return plan
    if is_item(path):
        name = step_name(path)
        parent = plan.slots[name]
        failed = parent.failed_items + (slot.status == "failed")
        return _with(plan, name, replace(parent, open=parent.open - 1, failed_items=failed))
    return _release(replace(plan, left=plan.left - 1), path, at_us)


def _release(plan: Plan, name: str, at_us: int) -> Plan:
    dependents = plan.graph.dependents[name]
    if not dependents or plan.status != "running":
        return plan
    unmet = dict(plan.unmet)
    slots, live, doomed = plan.slots, plan.live, plan.doomed
    for dependent in dependents:
        unmet[dependent] -= 1
        if unmet[dependent] or dependent in slots:
            continue
        if all(satisfied(plan, need) for need in plan.graph.steps[dependent].needs):
            slots = {**slots, dependent: Slot("ready", ready_at_us=at_us, since=plan.sequence)}
            live = {**live, dependent: None}
        else:
            doomed = (*doomed, dependent)
    return replace(plan, unmet=unmet, slots=slots, live=live, doomed=doomed)


_EVOLVERS: dict[type[e.Fact], Evolver] = {
    e.PlanProposed: _proposed,
    e.PlanApproved: _approved,
    e.PlanStarted: _started,
    e.PlanParked: _parked,
    e.PlanCompleted: _completed,
    e.PlanFailed: _failed,
    e.PlanCancelled: _cancelled,
    e.PlanExpired: _expired,
    e.UndoRequested: _undo_requested,
    e.UndoStarted: _undo_started,
    e.UndoImpossible: _undo_impossible,
    e.StepUndone: _step_undone,
    e.PlanUndone: _undone,
    e.StepSkipped: _skipped,
    e.StepRejected: _rejected,
    e.ItemsFrozen: _items_frozen,
    e.ChildrenStarted: _children_started,
    e.ChildFinished: _child_finished,
    e.StepStarted: _step_started,
    e.StepCompleted: _step_completed,
    e.AttemptFailed: _attempt_failed,
    e.RetryDue: _retry_due,
    e.StepStuck: _stuck,
    e.StepFailed: _step_failed,
    e.StepReopened: _reopened,
    e.WaitStarted: _wait_started,
    e.WaitEnded: _wait_ended,
    e.DecisionAsked: _asked,
    e.DecisionReminded: _reminded,
    e.DecisionRuled: _ruled,
    e.DecisionExpired: _decision_expired,
    e.DecisionVoided: _voided,
    e.EffectPrepared: _prepared,
    e.EffectIntended: _intended,
    e.EffectDone: _effect_done,
    e.EffectRefused: _effect_refused,
    e.EffectUncertain: _effect_uncertain,
    e.EffectAbsent: _effect_absent,
}
