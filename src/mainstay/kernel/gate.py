"""Answers (KERNEL E6): what each lets happen, once, and that silence means no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.asking import CHANGED, ask_stuck, prepared_fact
from mainstay.kernel.revising import is_revision, revise
from mainstay.kernel.slots import conclude, put
from mainstay.kernel.state import END, Plan, Question, is_open
from mainstay.kernel.undo import request_undo
from mainstay.kernel.words import say_path
from mainstay.values import Failure, say_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn
    from mainstay.values import Value

BY_BUDGET = frozenset({"raise", "wait"})  # answers to what a cap stopped
NOT_TAKEN_BACK = "Not taken back"  # begins what is said of an undo that was answered with a no
_NOT_KNOWN = "its answer was lost, so nothing is known to take it back with"


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
            form=command.form,
            binds=tuple(prepared.digest for prepared in command.prepared),
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
    if _is_whole(turn.plan, question) and not set(command.kept or ()) <= set(range(len(question.covers))):
        shows = say_count(len(question.covers), "action")
        turn.refuse(f"question {command.decision} shows {shows}; keep some of those")
    if listed and not set(command.kept or ()) <= set(range(len(question.paths))):
        lists = say_count(len(question.paths), "action")
        turn.refuse(f"question {command.decision} lists {lists}; keep some of those")
    if command.prepared and not (listed and command.choice == "approve"):
        turn.refuse("only an action that is approved can be edited")
    _check_edits(turn, command, question)
    _check_form(turn, command, question)
    if command.arguments is not None and (question.kind, command.choice) != ("stuck", "retry"):
        turn.refuse("only what is stuck can be tried again with changes")


def _is_whole(plan: Plan, question: Question) -> bool:
    """Whether a question stands before all that a plan does: of what it shows some can be left out, to ask later."""
    ask = plan.step(question.paths[0]).ask if question.kind == "ask" else None
    return ask is not None and ask.whole


def _check_edits(turn: Turn, command: c.Rule, question: Question) -> None:
    """Let an edit count only for what is kept, and not where policy forbids what it became."""
    if not command.prepared:  # what is kept of a plain question are rows, not actions
        return
    kept = question.paths if command.kept is None else [question.paths[index] for index in command.kept]
    for prepared in command.prepared:
        if prepared.path not in kept:
            turn.refuse(f"{say_path(prepared.path)} is edited, and not among what you keep")
        if prepared.verdict.decision == "deny":
            turn.refuse(f"policy forbids {say_path(prepared.path)} as you edited it: {prepared.verdict.why}")


def _check_form(turn: Turn, command: c.Rule, question: Question) -> None:
    ask = turn.plan.step(question.paths[0]).ask if question.kind == "ask" else None
    answered = command.choice != "reject" and not is_revision(turn.plan, question, command.choice)
    wanted = ask is not None and ask.form and answered
    if wanted and command.form is None:
        turn.refuse(f"{command.decision} is a task with a form; fill it in")
    if command.form is not None and not wanted:
        turn.refuse(f"{command.decision} has no form to fill in")


def _after_ask(turn: Turn, command: c.Rule, question: Question) -> None:
    if is_revision(turn.plan, question, command.choice):
        revise(turn, question.paths[0], command.reason)
    elif command.choice == "reject":
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
    if is_revision(turn.plan, question, command.choice):
        revise(turn, question.paths[0], command.reason)
        return
    for prepared in command.prepared:
        turn.add(prepared_fact(prepared, ruling=command.decision))
    kept = set(range(len(question.paths))) if command.kept is None else set(command.kept)
    for index, path in enumerate(question.paths):
        if command.choice == "skip":  # of what would be taken back
            why = command.reason or ("it was changed since" if question.rule == CHANGED else "you want it to stay")
            turn.add(e.UndoImpossible(path.removeprefix("~"), f"you left it: {why}"))
        elif command.choice == "reject":
            _reject(turn, path, command.reason or "you said no", command.decision)
        elif index not in kept:
            _reject(turn, path, command.reason or "you left it out", command.decision)


def _reject(turn: Turn, path: str, why: str, decision: str) -> None:
    """Let an effect not happen. A compensation that was denied stays with the operator (KERNEL E5)."""
    if path.startswith("~"):
        failure = Failure("needs_operator", f"{NOT_TAKEN_BACK}: {why}", remedy="Try again, or leave it as it is.")
        ask_stuck(turn, path, failure, turn.plan.slots[path].attempt)
    else:
        turn.add(e.StepRejected(path, why, decision))


def _after_stuck(turn: Turn, command: c.Rule, question: Question) -> None:
    path = question.paths[0]
    failure = turn.plan.slots[path].failure
    assert failure is not None
    if command.choice == "retry" and "raise" in question.options and command.arguments is None:
        turn.add(e.DispatchDue(path))  # only a cap stood in its way: it goes on as it is prepared, approved or not
    elif command.choice == "retry":
        edited = command.arguments is not None
        anew = failure.cause == "JournalMismatch"
        turn.add(e.StepReopened(path, arguments=command.arguments, edited=edited, anew=anew))
    elif command.choice in BY_BUDGET:
        now = command.choice == "raise"
        turn.add(e.DispatchDue(path) if now else e.EffectDelayed(path, command.until_us or turn.now_us))
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


def _ruled(plan: Plan, fact: e.DecisionRuled, at_us: int) -> Plan:
    question = plan.questions[fact.decision]
    plan = _close(plan, fact.decision)
    if is_revision(plan, question, fact.choice):
        return plan
    if question.kind == "ask":
        path = question.paths[0]
        no = fact.choice == "reject"
        ruling = {"approve": "approved", "reject": "rejected"}.get(fact.choice, fact.choice)
        if fact.choice == "approve":
            kept = fact.kept if _is_whole(plan, question) else None
            covers = question.covers if kept is None else [question.covers[index] for index in kept]
            plan = replace(plan, covered={**plan.covered, **dict.fromkeys(covers, fact.decision)})
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
    value: dict[str, Value] = {"ruling": ruling, "by": fact.by, "at": fact.at_us, "reason": fact.reason, "rows": rows}
    return value if fact.form is None else {**value, "form": fact.form}


def _answer(plan: Plan, path: str, value: Value, at_us: int, *, rejected: bool) -> Plan:
    status = "rejected" if rejected else "done"
    slot = replace(plan.slots[path], status=status, output=value, done_at=plan.sequence)
    return conclude(plan, path, slot, at_us)


def _close(plan: Plan, decision: str) -> Plan:
    freed = {path: replace(plan.slots[path], decision="") for path in plan.questions[decision].paths}
    questions = {name: question for name, question in plan.questions.items() if name != decision}
    return replace(plan, questions=questions, slots=plan.slots | freed)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.Rule: rule,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.DecisionRuled: _ruled,
    e.DecisionExpired: _decision_expired,
    e.DecisionVoided: _voided,
}
