"""Questions and answers (KERNEL E6): what is asked, what an answer lets happen, and that silence means no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import conclude, put
from mainstay.kernel.state import END, Plan, Question, duty_of, is_item, is_open
from mainstay.kernel.undo import request_undo
from mainstay.values import SECOND_US, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn
    from mainstay.values import Value

YES_NO = ("approve", "reject")
REMEDIES = ("retry", "skip", "undo")
SETTLED = ("happened", "did_not_happen", "skip")
CONFIRMED = ("confirmed", "again", "undo")
CHANGED = ("retry", "anyway", "skip")  # of a compensation whose outcome is not as it was left
_NOT_KNOWN = "its answer was lost, so nothing is known to take it back with"


def next_decision(turn: Turn) -> str:
    """The id of the plan's next question: short, and the same when decided again."""
    return f"{turn.plan.id}.{turn.plan.asked + 1}"


def ask_step(turn: Turn, command: c.AskStep) -> None:
    """Ask the question of an `ask` step."""
    turn.work(command.path, ("ask",), "ready")
    ask = turn.plan.step(command.path).ask
    assert ask is not None
    due = None if ask.due_s is None else turn.now_us + ask.due_s * SECOND_US
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "ask",
            (command.path,),
            card=command.card,
            options=ask.options,
            due_at_us=due,
            remind_at_us=tuple(turn.now_us + after * SECOND_US for after in sorted(ask.remind_s)),
            rule="playbook",
            why="The playbook asks.",
            to=ask.to,
            labels=command.labels,
        )
    )


def ask_effect(turn: Turn, path: str, card: Value, rule: str, why: str) -> None:
    """Ask about one prepared effect: a yes binds its digest."""
    slot = turn.plan.slots[path]
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "effect",
            (path,),
            card=card,
            options=YES_NO,
            binds=(slot.digest,),
            rule=rule,
            why=why,
        )
    )


def ask_batch(turn: Turn, command: c.AskBatch) -> None:
    """Ask once about all prepared items of a step that wait: a yes binds each digest of the list."""
    if turn.plan.status != "running" or command.path not in turn.plan.batches:
        turn.refuse(f"'{command.path}' has no items that wait for a question")
    gated = [
        (path, slot)
        for path, slot in turn.plan.slots.items()
        if is_item(path) and path.startswith(command.path + "/") and slot.status == "gated"
    ]
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "batch",
            tuple(path for path, _ in gated),
            card=command.card,
            options=YES_NO,
            binds=tuple(slot.digest for _, slot in gated),
            rule=command.rule,
            why=command.why,
        )
    )


def ask_settle(turn: Turn, command: c.AskSettle) -> None:
    """Ask whether an uncertain effect happened, with what is known of it."""
    turn.slot(command.path, "uncertain")
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "settle",
            (command.path,),
            card=command.card,
            options=SETTLED,
            rule="uncertain",
            why=command.why,
        )
    )


def ask_stuck(turn: Turn, path: str, failure: Failure, attempt: int, remedies: tuple[str, ...] = ()) -> None:
    """Put a dead letter before the operator, with its remedies; `attempt` counts those that failed."""
    turn.add(e.StepStuck(path, failure, attempt))
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "stuck",
            (path,),
            card={"headline": failure.message, "remedy": failure.remedy, "class": failure.error_class},
            options=remedies or _remedies(turn, path),
            rule="stuck",
            why="It failed and will not be tried again by itself.",
        )
    )


def ask_confirm(turn: Turn, command: c.AskConfirm) -> None:
    """Ask about an effect that happened and can't be read back as it should be (KERNEL E4)."""
    turn.work(command.path, ("effect",), "confirming")
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "confirm",
            (command.path,),
            card=command.card,
            options=CONFIRMED,
            rule="confirm",
            why=command.why,
        )
    )


def ask_changed(turn: Turn, command: c.AskChanged) -> None:
    """Ask about a compensation: what it would change is not as it was left (KERNEL E5)."""
    slot = turn.work(command.path, ("undo",), "ready")
    turn.add(e.StepStuck(command.path, command.failure, slot.attempt))
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "stuck",
            (command.path,),
            card=command.card,
            options=CHANGED,
            rule="changed",
            why="What it would take back was changed since.",
        )
    )


def _remedies(turn: Turn, path: str) -> tuple[str, ...]:
    """A compensation has none of its own; the parts of a long list that ended are not started again."""
    if path.startswith("~"):
        return ("retry", "skip")
    parts = turn.plan.slots[path].children and duty_of(turn.plan, path) == "list"
    return ("skip", "undo") if parts else REMEDIES


def rule(turn: Turn, command: c.Rule) -> None:
    """Take an answer: once, to exactly what was shown, only while the question stands."""
    question = turn.plan.questions.get(command.decision)
    if question is None:
        turn.refuse(f"question {command.decision} is not open: it was answered, has expired, or its plan ended")
    _check(turn, command, question)
    turn.add(
        e.DecisionRuled(
            command.decision,
            command.choice,
            command.by,
            reason=command.reason,
            kept=command.kept,
            rows=command.rows,
            at_us=turn.now_us,
            session=command.session,
        )
    )
    _CONSEQUENCES[question.kind](turn, command, question)


def expire(turn: Turn, decision: str) -> None:
    """Close a question that nobody answered in time: that is a no. Ignored when it is not due (KERNEL P5)."""
    question = turn.plan.questions.get(decision)
    if question is None or question.due_at_us is None or turn.now_us < question.due_at_us:
        return
    if turn.plan.paused_at_us is not None:
        return
    turn.add(e.DecisionExpired(decision))
    if question.kind == "ask":
        _rejected_ask(turn, question, "nobody answered in time")
    for path in question.paths if question.kind in ("effect", "batch") else ():
        _reject(turn, path, "nobody answered in time", decision)


def void_questions(turn: Turn, why: str) -> None:
    """Close what no longer matters. Whether an effect happened still does."""
    for decision, question in tuple(turn.plan.questions.items()):
        if question.kind != "settle":
            turn.add(e.DecisionVoided(decision, why))


def _check(turn: Turn, command: c.Rule, question: Question) -> None:
    if command.choice not in question.options:
        turn.refuse(f"the answers to {command.decision} are {', '.join(question.options)}, not {command.choice}")
    if command.binds is not None and command.binds != question.binds:
        turn.refuse(f"what question {command.decision} is about has changed since it was shown; look at it again")
    listed = question.kind in ("effect", "batch")
    if listed and not set(command.kept or ()) <= set(range(len(question.paths))):
        turn.refuse(f"question {command.decision} lists {len(question.paths)} actions; keep some of those")
    if command.arguments is not None and (question.kind, command.choice) != ("stuck", "retry"):
        turn.refuse("only what is stuck can be tried again with changes")


def _after_ask(turn: Turn, command: c.Rule, question: Question) -> None:
    if command.choice == "reject":
        _rejected_ask(turn, question, command.reason or "you said no")


def _rejected_ask(turn: Turn, question: Question, why: str) -> None:
    """End the plan and take back what it did, unless the playbook uses a rejection (PLAYBOOKS, Skips)."""
    ask = turn.plan.step(question.paths[0]).ask
    if ask is not None and not ask.rejection_used:
        cancel(turn, "operator", f"'{question.paths[0]}' was not approved: {why}")
        request_undo(turn, "operator", why)


def cancel(turn: Turn, by: str, reason: str) -> None:
    """End the plan now."""
    void_questions(turn, "The plan was ended.")
    turn.add(e.PlanCancelled(by, reason))


def _after_effect(turn: Turn, command: c.Rule, question: Question) -> None:
    kept = set(range(len(question.paths))) if command.kept is None else set(command.kept)
    for index, path in enumerate(question.paths):
        if command.choice == "reject":
            _reject(turn, path, command.reason or "you said no", command.decision)
        elif index not in kept:
            _reject(turn, path, command.reason or "you left it out", command.decision)


def _reject(turn: Turn, path: str, why: str, decision: str) -> None:
    """Let an effect not happen. A compensation that was denied stays with the operator (KERNEL E5)."""
    if path.startswith("~"):
        failure = Failure("needs_operator", f"Not taken back: {why}", remedy="Try again, or leave it as it is.")
        ask_stuck(turn, path, failure, turn.plan.slots[path].attempt)
    else:
        turn.add(e.StepRejected(path, why, decision))


def _after_stuck(turn: Turn, command: c.Rule, question: Question) -> None:
    path = question.paths[0]
    failure = turn.plan.slots[path].failure or Failure("bug", "it failed")
    if command.choice == "retry":
        edited = command.arguments is not None
        turn.add(e.StepReopened(path, arguments=command.arguments, edited=edited))
    elif command.choice == "anyway":
        turn.add(e.StepReopened(path, anyway=True))
    elif command.choice == "skip" and path.startswith("~"):
        turn.add(e.UndoImpossible(path[1:], f"you left it: {failure.message}"))
    elif command.choice == "skip" and path == END:
        turn.add(e.PlanCompleted())
    elif command.choice == "accept":
        turn.add(e.StepCompleted(path))
    elif command.choice == "skip":
        turn.add(e.StepSkipped(path, f"you skipped it: {failure.message}"))
    else:
        fail_plan(turn, path, failure, by=command.by)


def fail_plan(turn: Turn, path: str, failure: Failure, *, by: str) -> None:
    """End the plan because of a step, and take back what it did."""
    void_questions(turn, "The plan failed.")
    turn.add(e.PlanFailed(path, failure))
    request_undo(turn, by, failure.message)


def _after_settle(turn: Turn, command: c.Rule, question: Question) -> None:
    path = question.paths[0]
    slot = turn.plan.slots[path]
    if command.choice == "happened":
        turn.add(
            e.EffectDone(
                path,
                labels=slot.labels,
                cannot_undo="" if path.startswith("~") else slot.cannot_undo or _NOT_KNOWN,
                operation=slot.operation,
                settled="you said that it happened",
            )
        )
        return
    turn.add(e.EffectAbsent(path, "you said that it did not happen"))
    if command.choice == "skip" and is_open(turn.plan, path):
        left = path.startswith("~")
        turn.add(e.UndoImpossible(path[1:], "you left it") if left else e.StepSkipped(path, "you skipped it"))


def _after_confirm(turn: Turn, command: c.Rule, question: Question) -> None:
    path = question.paths[0]
    if command.choice == "confirmed":
        turn.add(e.EffectConfirmed(path, "you looked, and it is as it should be"))
    elif command.choice == "again":
        turn.add(e.ConfirmDue(path))
    else:
        message = f"{path} happened, and what was read back is not as it should be"
        fail_plan(turn, path, Failure("needs_operator", message), by=command.by)


_CONSEQUENCES = {
    "ask": _after_ask,
    "effect": _after_effect,
    "batch": _after_effect,
    "stuck": _after_stuck,
    "settle": _after_settle,
    "confirm": _after_confirm,
}


# --- folded


def _asked(plan: Plan, fact: e.DecisionAsked, at_us: int) -> Plan:
    del at_us
    question = Question(fact.kind, fact.paths, fact.binds, fact.options, fact.due_at_us)
    status = "stuck" if fact.kind == "stuck" else "asked"
    for path in fact.paths:
        slot = plan.slots[path]
        labels = fact.labels if fact.kind == "ask" else slot.labels
        plan = put(plan, path, replace(slot, status=status, decision=fact.decision, labels=labels))
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
            plan = put(plan, path, slot)
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
    return conclude(plan, path, slot, at_us)


def _close(plan: Plan, decision: str) -> Plan:
    freed = {path: replace(plan.slots[path], decision="") for path in plan.questions[decision].paths}
    questions = {name: question for name, question in plan.questions.items() if name != decision}
    return replace(plan, questions=questions, slots=plan.slots | freed)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.AskStep: ask_step,
    c.AskBatch: ask_batch,
    c.AskSettle: ask_settle,
    c.AskConfirm: ask_confirm,
    c.AskChanged: ask_changed,
    c.Rule: rule,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.DecisionAsked: _asked,
    e.DecisionReminded: _reminded,
    e.DecisionRuled: _ruled,
    e.DecisionExpired: _decision_expired,
    e.DecisionVoided: _voided,
}
