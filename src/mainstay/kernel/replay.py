"""Decide a plan's history again, without effects (KERNEL P6).

Each recorded fact that began a turn is read back into the command it came from; the present kernel decides that
command on the plan as it was, and its facts are held against the recorded ones. What a command brought from outside
(a random delay, the words of a card) is taken as recorded.

One fact was folded otherwise once: a pause outlived the plan's completion or its undo, until it was resumed. A history
that shows it is decided so; see kernel/rules.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError
from mainstay.kernel.evolve import evolve
from mainstay.kernel.life import UNDOING
from mainstay.kernel.plan import handle
from mainstay.kernel.state import Plan
from mainstay.values import SECOND_US, Failure, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.kernel.graph import Graph
    from mainstay.kernel.state import Slot
    from mainstay.kernel.turn import Turn

Before: TypeAlias = "Sequence[e.Recorded]"

_OUTLIVED = (e.PlanCompleted, e.PlanUndone, e.UndoStarted)  # a pause outlived these once
_UNPAUSE = (e.PlanResumed, e.PlanFailed, e.PlanCancelled, e.PlanExpired)  # and never these


class Replayed(msgspec.Struct, frozen=True):
    """What came of it. `position` counts the plan's facts from 1; `difference` is one sentence, empty when equal."""

    facts: int
    same: bool
    position: int = 0
    difference: str = ""


def replay(plan_id: str, graph: Graph, recorded: Sequence[e.Recorded]) -> Replayed:
    """Decide all of a plan's facts again and name the first that comes out otherwise.

    It is decided under the semantics that it started under. Raises LedgerError where this release has those no more.
    """
    number = next((event.fact.kernel for event in recorded if isinstance(event.fact, e.PlanStarted)), 0)
    plan = Plan(plan_id, graph, kernel=number)
    done = 0
    while done < len(recorded):
        rest = recorded[done:]
        now_us = rest[0].recorded_at_us
        command = _command(plan, rest, now_us)
        if command is None:
            return _differs(recorded, done, f"{rest[0].kind} follows from nothing before it")
        try:
            turn = handle(plan, command)
        except CommandRefusedError as error:
            return _differs(recorded, done, f"{rest[0].kind} would be refused today: {error.message}")
        for index, fact in enumerate(turn.facts):
            was = rest[index].fact if index < len(rest) else None
            if was is None or _told(fact) != _told(was):
                return _differs(recorded, done + index, _says(fact, was))
        if not turn.facts:
            return _differs(recorded, done, f"{rest[0].kind} would not come about today")
        done += len(turn.facts)
        plan = _paused_on(plan, turn, recorded[done:])
        if _parks_undo(plan, turn, recorded[done:]):
            plan, done = evolve(plan, e.PlanParked(), now_us), done + 1
    return Replayed(len(recorded), same=True)


def _paused_on(before: Plan, turn: Turn, rest: Before) -> Plan:
    """Give the plan after a turn, still paused where its pause outlived its end."""
    if before.paused_at_us is None or not any(isinstance(fact, _OUTLIVED) for fact in turn.facts):
        return turn.plan
    if any(isinstance(fact, _UNPAUSE) for fact in turn.facts):
        return turn.plan
    return replace(turn.plan, paused_at_us=before.paused_at_us if _shows_pause(turn.facts[-1], rest) else None)


def _shows_pause(last: e.AnyFact, rest: Before) -> bool:
    """Whether what follows can only have come about in a pause: it is resumed, or its undo is parked as it begins."""
    for event in rest:
        if isinstance(event.fact, e.PlanPaused):
            return False
        if isinstance(event.fact, e.PlanResumed) or _parks(last, event.fact):
            return True
        last = event.fact
    return False


def _parks(last: e.AnyFact, then: e.AnyFact) -> bool:
    return isinstance(last, e.UndoStarted | e.UndoImpossible) and isinstance(then, e.PlanParked)


def _parks_undo(plan: Plan, turn: Turn, rest: Before) -> bool:
    """Whether a turn that ended with an undo parked it as well, in a pause that is over for this release."""
    return plan.paused_at_us is not None and bool(rest) and _parks(turn.facts[-1], rest[0].fact)


def _differs(recorded: Sequence[e.Recorded], at: int, difference: str) -> Replayed:
    return Replayed(len(recorded), same=False, position=at + 1, difference=difference)


def _says(fact: e.AnyFact, was: e.AnyFact | None) -> str:
    if was is None:
        return f"{type(fact).__name__} would follow today, and the history ends"
    if type(fact) is not type(was):
        return f"it was {type(was).__name__}, and would be {type(fact).__name__} today"
    now, before = _told(fact), _told(was)
    fields = [name for name in now.__struct_fields__ if getattr(now, name) != getattr(before, name)]
    return f"{type(fact).__name__} would differ today in {', '.join(fields)}"


def _told(fact: e.AnyFact) -> e.AnyFact:
    """Leave out what came from outside with the command."""
    if isinstance(fact, e.AttemptFailed):
        return replace(fact, retry_at_us=0)
    if isinstance(fact, e.EffectRefused):
        return replace(fact, retry_at_us=None if fact.retry_at_us is None else 0)
    if isinstance(fact, e.StepCompleted):
        return replace(fact, rationale="")  # of a list: how many of it failed, in words
    if isinstance(fact, e.DecisionAsked):
        return replace(fact, card=None)
    return fact


def _command(plan: Plan, rest: Before, now_us: int) -> c.PlanCommand | None:
    """Give the command that the first of these facts came from."""
    fact = rest[0].fact
    slot = plan.slots.get(getattr(fact, "path", ""))
    special = _SPECIAL.get(type(fact))
    if special is not None:
        return special(fact, slot, rest, now_us)
    command = _SAME.get(type(fact))
    if command is None:
        return None
    fields = {name: getattr(fact, name) for name in command.__struct_fields__ if name in fact.__struct_fields__}
    if "attempt" in command.__struct_fields__ and slot is not None:
        fields["attempt"] = slot.attempt + 1
    if "jitter" in command.__struct_fields__:
        fields["jitter"] = 0.0
    return cast("c.PlanCommand", command(now_us=now_us, **fields))


# Facts whose command has the same fields.
_SAME: dict[type[e.Fact], type[c.Command]] = {
    e.PlanProposed: c.ProposePlan,
    e.PlanApproved: c.ApprovePlan,
    e.PlanEdited: c.EditPlan,
    e.PlanForked: c.ForkPlan,
    e.PlanStarted: c.StartPlan,
    e.PlanPaused: c.PausePlan,
    e.PlanResumed: c.ResumePlan,
    e.ItemsFrozen: c.FreezeItems,
    e.ChildrenStarted: c.StartChildren,
    e.ChildFinished: c.FinishChild,
    e.RoundJudged: c.JudgeRound,
    e.EndingReached: c.FinishPlan,
    e.PlanCompleted: c.FinishPlan,
    e.StepStarted: c.StartStep,
    e.StepCompleted: c.FinishStep,
    e.AttemptFailed: c.FailStep,
    e.StepFailed: c.FailStep,
    e.WaitStarted: c.WaitStep,
    e.EffectCalled: c.CallEffect,
    e.EffectIntended: c.IntendEffect,
    e.EffectDone: c.FinishEffect,
    e.EffectRefused: c.RefuseEffect,
    e.EffectUncertain: c.LoseEffect,
    e.EffectAbsent: c.SettleAbsent,
    e.EffectAwaited: c.AwaitSettle,
    e.EffectConfirmed: c.ConfirmEffect,
    e.EffectUnseen: c.MissEffect,
    e.UndoRequested: c.UndoPlan,
    e.DecisionSnoozed: c.SnoozeQuestion,
    e.DecisionNoted: c.NoteQuestion,
}


def _skipped(fact: e.StepSkipped, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    del rest
    if slot is not None and slot.status == "ready" and not fact.why.startswith("it failed: "):
        return c.SkipStep(now_us=now_us, path=fact.path, why=fact.why, labels=fact.labels)
    return _failed(fact.path, fact.why.removeprefix("it failed: "), slot, now_us)


def _failed(path: str, message: str, slot: Slot | None, now_us: int) -> c.FailStep:
    attempt = 1 if slot is None else slot.attempt + 1
    return c.FailStep(now_us=now_us, path=path, attempt=attempt, failure=Failure("permanent", message), jitter=0.0)


def _rejected(fact: e.StepRejected, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    """Read what an agent could not do without, or what was called back before it left."""
    if slot is None or slot.status != "running":
        return c.RecallEffect(now_us=now_us, path=fact.path, why=fact.why)
    del rest
    failure = Failure("permanent", fact.why, cause="Rejected")
    return c.FailStep(now_us=now_us, path=fact.path, attempt=slot.attempt + 1, failure=failure, jitter=0.0)


def _stuck(fact: e.StepStuck, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    if slot is not None and slot.status == "prepared" and fact.attempt == slot.attempt:  # it was denied as it left
        verdict = Verdict("deny", "", "")  # what it says stands in the failure
        asked = rest[1].fact if len(rest) > 1 else None
        options = asked.options if isinstance(asked, e.DecisionAsked) else ()
        ways = options if "raise" in options else ()
        return c.IntendEffect(now_us=now_us, path=fact.path, token="", verdict=verdict, ways=ways, failure=fact.failure)
    attempt = 1 if slot is None else slot.attempt + 1
    return c.FailStep(now_us=now_us, path=fact.path, attempt=attempt, failure=fact.failure, jitter=0.0)


def _reopened(fact: e.StepReopened, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    del slot, rest
    ask, other = Verdict("ask", "", ""), -1  # policy or the operation changed: either way it is prepared anew
    return c.IntendEffect(now_us=now_us, path=fact.path, token="", verdict=ask, operation_version=other)


def _asked(fact: e.DecisionAsked, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    del slot, rest
    path = fact.paths[0]
    if fact.kind == "ask":
        return c.AskStep(
            now_us=now_us,
            path=path,
            card=fact.card,
            labels=fact.labels,
            covers=fact.covers,
            covered=fact.covered,
            binds=fact.binds,
        )
    if fact.kind == "settle":
        return c.AskSettle(now_us=now_us, path=path, card=fact.card, why=fact.why)
    if fact.kind == "confirm":
        return c.AskConfirm(now_us=now_us, path=path, card=fact.card, why=fact.why)
    name = path.partition("/")[0]
    patience = _patience(fact, now_us)
    return c.AskBatch(now_us=now_us, path=name, card=fact.card, rule=fact.rule, why=fact.why, patience=patience)


def _patience(fact: e.DecisionAsked, now_us: int) -> c.Patience:
    """Read back how long a question waits; what was worked out in seconds comes out whole."""

    def after(at_us: int | None) -> int | None:
        return None if at_us is None else (at_us - now_us) // SECOND_US

    remind_s = tuple((at_us - now_us) // SECOND_US for at_us in fact.remind_at_us)
    return c.Patience(remind_s, after(fact.escalate_at_us), after(fact.due_at_us))


def _prepared(fact: e.EffectPrepared, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    del slot
    asked = rest[1].fact if len(rest) > 1 else None
    command = _preparation(fact, now_us)
    if isinstance(asked, e.StepStuck):
        return replace(command, failure=asked.failure)
    return replace(command, patience=_patience(asked, now_us)) if isinstance(asked, e.DecisionAsked) else command


def _ruled(fact: e.DecisionRuled, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    del slot
    after = rest[1].fact if len(rest) > 1 else None
    edits = [event.fact for event in rest[1 : len(fact.binds) + 1]]
    edited = after.arguments if isinstance(after, e.StepReopened) and after.edited else None
    return c.Rule(
        now_us=now_us,
        decision=fact.decision,
        choice=fact.choice,
        by=fact.by,
        reason=fact.reason,
        kept=fact.kept,
        rows=fact.rows,
        arguments=edited,
        session=fact.session,
        form=fact.form,
        prepared=tuple(_preparation(edit, now_us) for edit in edits if isinstance(edit, e.EffectPrepared)),
        until_us=after.until_us if isinstance(after, e.EffectDelayed) else None,
    )


def _preparation(fact: e.EffectPrepared, now_us: int) -> c.PrepareEffect:
    names = [name for name in c.PrepareEffect.__struct_fields__ if name in fact.__struct_fields__]
    return c.PrepareEffect(now_us=now_us, **{name: getattr(fact, name) for name in names})


def _ended(fact: e.Fact, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand | None:
    """Read the end of a plan behind the questions that were closed with it."""
    del fact, slot
    facts = [event.fact for event in rest]
    end = next((index for index, each in enumerate(facts) if not isinstance(each, e.DecisionVoided)), len(facts))
    ending = facts[end] if end < len(facts) else None
    after = facts[end + 1] if end + 1 < len(facts) else None
    if isinstance(ending, e.PlanExpired):
        return c.TimerDue(now_us=now_us, kind="expiry")
    if isinstance(ending, e.PlanCancelled) and isinstance(after, e.UndoRequested) and _is_one(ending, after):
        return c.UndoPlan(now_us=now_us, by=after.by, reason=after.reason, steps=after.steps)
    if isinstance(ending, e.PlanCancelled):
        return c.CancelPlan(now_us=now_us, by=ending.by, reason=ending.reason)
    return None


def _is_one(end: e.PlanCancelled, undo: e.UndoRequested) -> bool:
    """Whether one command ended the plan and asked for the undo, or two that came one after the other."""
    return (end.by, end.reason) == (undo.by, undo.reason or UNDOING)


def _undo_step(fact: e.UndoImpossible | e.StepUndone, slot: Slot | None, rest: Before, now_us: int) -> c.PlanCommand:
    del slot, rest
    if isinstance(fact, e.UndoImpossible):
        return c.UndoStep(now_us=now_us, path=fact.path, why=fact.why)
    return c.UndoStep(now_us=now_us, path=fact.path, left=fact.left)


def _woken(fact: Any, slot: Slot | None, kind: Any, now_us: int) -> c.PlanCommand:  # noqa: ANN401 - one of three facts
    """Read what woke something that slept: its time, or the network that came back before that."""
    if slot is not None and now_us < slot.wakes_at_us:
        return c.TimerDue(now_us=now_us, kind="settle_online", path=fact.path, generation=slot.looks)
    return c.TimerDue(now_us=now_us, kind=kind, path=fact.path)


_SPECIAL: dict[type[e.Fact], Callable[[Any, Slot | None, Before, int], c.PlanCommand | None]] = {
    e.StepSkipped: _skipped,
    e.StepRejected: _rejected,
    e.StepStuck: _stuck,
    e.StepReopened: _reopened,
    e.EffectPrepared: _prepared,
    e.DecisionAsked: _asked,
    e.DecisionRuled: _ruled,
    e.DecisionVoided: _ended,
    e.PlanCancelled: _ended,
    e.PlanExpired: _ended,
    e.UndoImpossible: _undo_step,
    e.StepUndone: _undo_step,
    e.RetryDue: lambda f, _s, _r, now: c.TimerDue(now_us=now, kind="retry", path=f.path, generation=f.attempt),
    e.WaitEnded: lambda f, _s, _r, now: (
        c.HearEvent(now_us=now, path=f.path, event=f.event, output=f.output, labels=f.labels)
        if f.event
        else c.TimerDue(now_us=now, kind="wait", path=f.path)
    ),
    e.SettleDue: lambda f, s, _r, now: _woken(f, s, "settle", now),
    e.EffectDelayed: lambda f, s, _r, now: c.DelayEffect(
        now_us=now, path=f.path, until_us=f.until_us, again=s is not None and s.delayed
    ),
    e.DispatchDue: lambda f, s, _r, now: (
        c.DispatchEffect(now_us=now, path=f.path, by=f.by) if f.by else _woken(f, s, "dispatch", now)
    ),
    e.ConfirmDue: lambda f, s, _r, now: _woken(f, s, "confirm", now),
    e.DecisionReminded: lambda f, _s, _r, now: c.TimerDue(
        now_us=now, kind="remind", path=f.decision, generation=f.index
    ),
    e.DecisionExpired: lambda f, _s, _r, now: c.TimerDue(now_us=now, kind="due", path=f.decision),
}
