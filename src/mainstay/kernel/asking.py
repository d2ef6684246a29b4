"""Questions (KERNEL E6): what is asked about, and what exactly a yes to it binds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.revising import may_revise
from mainstay.kernel.rules import LEAVE_AN_UNDO, holds
from mainstay.kernel.slots import put
from mainstay.kernel.state import Plan, Question, duty_of, is_item
from mainstay.values import SECOND_US, Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn
    from mainstay.values import Value, Verdict

YES_NO = ("approve", "reject")
GAVE_UP = "It failed and will not be tried again by itself."
STOPPED = {  # nothing failed
    "Forbidden": "Your policy forbids it, so it did not happen.",
    "Capped": "A limit of yours stopped it before it happened.",
}
REMEDIES = ("retry", "skip", "undo")
SETTLED = ("happened", "did_not_happen", "skip")
CONFIRMED = ("confirmed", "again", "undo")
WHOLE = "ask first"  # the rule by which a plan asks that is approved as a whole
CHANGED = "changed"  # the rule by which an effect asks whose ground was changed since


# --- decided


def next_decision(turn: Turn) -> str:
    """The id of the plan's next question: short, and the same when decided again."""
    return f"{turn.plan.id}.{turn.plan.asked + 1}"


def ask_step(turn: Turn, command: c.AskStep) -> None:
    """Ask the question of an `ask` step."""
    turn.work(command.path, "ready", duties=("ask",))
    ask = turn.plan.step(command.path).ask
    assert ask is not None
    patience = c.Patience(ask.remind_s, ask.escalate_s, ask.due_s)
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "ask",
            (command.path,),
            card=command.card,
            options=(*ask.options, *may_revise(turn.plan, command.path)),
            **_times(turn, patience),
            rule=WHOLE if ask.whole else "playbook",
            why="You wanted to see all that this plan does before it does it." if ask.whole else "The playbook asks.",
            to=ask.to,
            labels=command.labels,
            covers=command.covers,
            covered=command.covered,
            binds=command.binds,
        )
    )


def _times(turn: Turn, patience: c.Patience) -> dict[str, Any]:
    """Give the times at which a question reminds, comes before others and is due."""
    due_s, escalate_s = patience.due_s, patience.escalate_s
    return {
        "remind_at_us": tuple(turn.now_us + after * SECOND_US for after in sorted(patience.remind_s)),
        "escalate_at_us": None if escalate_s is None else turn.now_us + escalate_s * SECOND_US,
        "due_at_us": None if due_s is None else turn.now_us + due_s * SECOND_US,
    }


def ask_effect(turn: Turn, path: str, card: Value, verdict: Verdict, patience: c.Patience = c.PATIENT) -> None:
    """Ask about one prepared effect: a yes binds its digest. What would be taken back can also be left as it is."""
    slot = turn.plan.slots[path]
    left = path.startswith("~") and (verdict.rule == CHANGED or holds(turn.plan, LEAVE_AN_UNDO))
    turn.add(
        e.DecisionAsked(
            next_decision(turn),
            "effect",
            (path,),
            card=card,
            options=(*YES_NO, "skip") if left else (*YES_NO, *may_revise(turn.plan, path)),
            binds=(slot.digest,),
            rule=verdict.rule,
            why=verdict.why,
            **_times(turn, patience),
        )
    )


def prepared_fact(command: c.PrepareEffect, *, ruling: str) -> e.EffectPrepared:
    """Record exactly what would happen; `ruling` is the answer that approves it already, if any."""
    return e.EffectPrepared(
        command.path,
        command.operation,
        command.operation_version,
        command.effect,
        command.arguments,
        command.digest,
        command.verdict,
        account=command.account,
        labels=command.labels,
        cannot_undo=command.cannot_undo,
        ruling=ruling,
        edited=command.edited,
        covered=command.covered,
        relies=command.relies,
        origins=command.origins,
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
            **_times(turn, command.patience),
        )
    )


def ask_settle(turn: Turn, command: c.AskSettle) -> None:
    """Ask whether an uncertain effect happened, with what is known of it."""
    turn.slot(command.path, "uncertain", "settling")
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


def ask_stuck(
    turn: Turn, path: str, failure: Failure, attempt: int, remedies: tuple[str, ...] = (), why: str = ""
) -> None:
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
            why=why or STOPPED.get(failure.cause, GAVE_UP),
        )
    )


def ask_confirm(turn: Turn, command: c.AskConfirm) -> None:
    """Ask about an effect that happened and can't be read back as it should be (KERNEL E4)."""
    turn.work(command.path, "confirming", duties=("effect",))
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


def _remedies(turn: Turn, path: str) -> tuple[str, ...]:
    """A compensation has none of its own; the parts of a long list that ended are not started again."""
    if path.startswith("~"):
        return ("retry", "skip")
    parts = turn.plan.slots[path].children and duty_of(turn.plan, path) == "list"
    return ("skip", "undo") if parts else REMEDIES


# --- folded


def _asked(plan: Plan, fact: e.DecisionAsked, at_us: int) -> Plan:
    del at_us
    question = Question(
        fact.kind, fact.paths, fact.binds, fact.options, fact.due_at_us, covers=fact.covers, rule=fact.rule
    )
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


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.AskStep: ask_step,
    c.AskBatch: ask_batch,
    c.AskSettle: ask_settle,
    c.AskConfirm: ask_confirm,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.DecisionAsked: _asked,
    e.DecisionReminded: _reminded,
}
