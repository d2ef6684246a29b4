"""The kernel's own projection: plans, decisions, timers, and what needs a person (`views.sql`).

A batch of facts is first added up in memory, then written with a handful of statements whose number does not grow
with the batch: every statement gives up the interpreter lock and has to win it back from a busy loop. Rows go in as
one JSON text, which `jsonb_each` reads once; of `json_each` each `->>` would read a row's text anew.

A plan is parked by `PlanParked` and has no work of its own until a fact from outside arrives, so only the kinds
in `_WAKING` can end its parking; the many facts of steps under way are not looked at here.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay import events as e
from mainstay.kernel.state import step_name
from mainstay.ports import Projection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mainstay.events import Recorded
    from mainstay.ports import Transaction
    from mainstay.values import Failure, Value

# Plans that were proposed.
ADD_PLANS = """
INSERT INTO plan SELECT value ->> 'id', value ->> 'playbook', value ->> 'title', value ->> 'status', value ->> 'parent',
       value ->> 'proposed', value ->> 'started', value ->> 'ended', value ->> 'expires', value ->> 'parked',
       value ->> 'position', value ->> 'keys', value ->> 'priority', value ->> 'approved',
       value ->> 'paused', 0, value ->> 'ending', '' FROM jsonb_each(?)"""
# Plans that changed status, began to wait or woke up. Status, start and end stay where the change does not name them.
CHANGE_PLANS = """
UPDATE plan SET
    status = coalesce(new.value ->> 'status', status),
    started_at_us = coalesce(new.value ->> 'started', started_at_us),
    ended_at_us = iif(new.value ->> 'status' IS NULL, ended_at_us, new.value ->> 'ended'),
    parked = new.value ->> 'parked',
    last_position = new.value ->> 'position',
    approved_at_us = coalesce(new.value ->> 'approved', approved_at_us),
    paused_at_us = iif(new.value -> 'paused' IS NULL, paused_at_us, new.value ->> 'paused'),
    expires_at_us = iif(new.value -> 'expires' IS NULL, expires_at_us, new.value ->> 'expires'),
    keys = coalesce(new.value ->> 'keys', keys),
    priority = coalesce(new.value ->> 'priority', priority),
    ending = coalesce(new.value ->> 'ending', ending)
FROM jsonb_each(?) AS new WHERE plan.id = new.value ->> 'id'"""
# Questions that were asked.
ADD_DECISIONS = """
INSERT INTO decision SELECT value ->> 'id', value ->> 'plan', value ->> 'kind', value ->> 'asked', value ->> 'due',
       value ->> 'rule', value ->> 'why', value ->> 'headline', value ->> 'paths', value ->> 'receiver',
       value ->> 'status', value ->> 'choice', value ->> 'by', value ->> 'ruled', value ->> 'snoozed',
       value ->> 'escalates', coalesce((SELECT playbook FROM plan WHERE id = value ->> 'plan'), ''), value ->> 'step'
FROM jsonb_each(?)"""
# Questions that were answered or closed.
CHANGE_DECISIONS = """
UPDATE decision SET status = new.value ->> 'status', choice = new.value ->> 'choice', ruled_by = new.value ->> 'by',
       ruled_at_us = new.value ->> 'ruled'
FROM jsonb_each(?) AS new WHERE decision.id = new.value ->> 'id'"""
# Questions that were put off: rows of id and until when.
SNOOZE = """
UPDATE decision SET snoozed_until_us = new.value ->> 1
FROM jsonb_each(?) AS new WHERE decision.id = new.value ->> 0"""
# Times to come: rows of due time, kind, plan, path and generation.
ADD_TIMERS = """
INSERT OR REPLACE INTO timer SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM jsonb_each(?)"""
# Times that came or no longer matter: rows of plan, path and kind.
DROP_TIMERS = """
DELETE FROM timer WHERE (plan, path, kind) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?))"""
# One reminder that was given: rows of plan, path and generation.
DROP_REMINDERS = """
DELETE FROM timer WHERE (plan, path, kind, generation)
    IN (SELECT value ->> 0, value ->> 1, 'remind', value ->> 2 FROM jsonb_each(?))"""
# What a plan slept for, when it has ended; open questions keep their times.
DROP_PLAN_TIMERS = """
DELETE FROM timer WHERE plan IN (SELECT value FROM jsonb_each(?))
    AND kind IN ('retry', 'retry_online', 'wait', 'expiry', 'dispatch', 'confirm')"""
# What plans cost: rows of plan and cost.
ADD_COSTS = """
UPDATE plan SET cost_usd_micros = cost_usd_micros + (new.value ->> 1) FROM jsonb_each(?) AS new
WHERE plan.id = new.value ->> 0"""
# Plans that run others again: rows of plan and the other one.
ADD_FORKS = """
UPDATE plan SET fork_of = new.value ->> 1 FROM jsonb_each(?) AS new WHERE plan.id = new.value ->> 0"""
# Times that come later, because a plan was paused: rows of plan and the time it was paused for.
SHIFT_TIMERS = """
UPDATE timer SET due_at_us = due_at_us + (new.value ->> 1) FROM jsonb_each(?) AS new
WHERE timer.plan = new.value ->> 0 AND timer.kind IN ('due', 'remind', 'expiry')"""
# The same of all the plan's questions: of those that are closed nobody asks when they were due.
SHIFT_DECISIONS = """
UPDATE decision SET due_at_us = due_at_us + (new.value ->> 1) FROM jsonb_each(?) AS new
WHERE decision.plan = new.value ->> 0"""
# The same of the plan's own end.
SHIFT_PLANS = """
UPDATE plan SET expires_at_us = expires_at_us + (new.value ->> 1) FROM jsonb_each(?) AS new
WHERE plan.id = new.value ->> 0"""
# Which of timers, awaited and stuck steps hold anything of plans that ended: mostly none, and then nothing is dropped.
LEFT_BY_PLANS = """
SELECT max(EXISTS (SELECT 1 FROM timer WHERE plan = ended.value)),
       max(EXISTS (SELECT 1 FROM awaited WHERE plan = ended.value)),
       max(EXISTS (SELECT 1 FROM stuck WHERE plan = ended.value))
FROM jsonb_each(?) AS ended"""
# Steps that wait for something from outside: rows of plan, path, event, field and value.
ADD_AWAITED = """
INSERT OR REPLACE INTO awaited SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM jsonb_each(?)"""
# Those that wait no more: rows of plan and path.
DROP_AWAITED = "DELETE FROM awaited WHERE (plan, path) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?))"
# Those of plans that ended.
DROP_PLAN_AWAITED = "DELETE FROM awaited WHERE plan IN (SELECT value FROM jsonb_each(?))"
# What came: rows of occurrence, event, source, position and time.
ADD_OCCURRENCES = """
INSERT OR IGNORE INTO occurrence SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
FROM jsonb_each(?)"""
# Steps that wait for a remedy: rows of plan, path, attempt, class, message, remedy and time.
ADD_STUCK = """
INSERT OR REPLACE INTO stuck SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       value ->> 6 FROM jsonb_each(?)"""
# Effects without an outcome: the same columns.
ADD_UNCERTAIN = """
INSERT OR REPLACE INTO uncertain SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
       value ->> 6 FROM jsonb_each(?)"""
# Steps that go on: rows of plan and path.
DROP_STUCK = "DELETE FROM stuck WHERE (plan, path) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?))"
# Steps of plans that ended.
DROP_PLAN_STUCK = "DELETE FROM stuck WHERE plan IN (SELECT value FROM jsonb_each(?))"
# Effects whose outcome is known: rows of plan and path.
DROP_UNCERTAIN = "DELETE FROM uncertain WHERE (plan, path) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?))"

Row: TypeAlias = dict[str, "str | int | None"]
Key: TypeAlias = tuple[str, ...]

_STATUS: dict[str, str] = {
    "PlanApproved": "approved",
    "PlanStarted": "running",
    "PlanCompleted": "completed",
    "PlanFailed": "failed",
    "PlanCancelled": "cancelled",
    "PlanExpired": "expired",
    "UndoStarted": "undoing",
    "PlanUndone": "undone",
}
_ENDS = frozenset({"PlanCompleted", "PlanFailed", "PlanCancelled", "PlanExpired", "PlanUndone"})
_SLEPT = {"SettleDue": ("settle", "settle_online"), "DispatchDue": ("dispatch",), "ConfirmDue": ("confirm",)}
_ENDING = frozenset({"retry", "retry_online", "wait", "expiry", "dispatch", "confirm"})  # end with their plan
_WAKING = frozenset(
    {
        "ChildFinished",
        "DecisionExpired",
        "DecisionNoted",
        "DecisionReminded",
        "DecisionRuled",
        "DecisionVoided",
        "RetryDue",
        "StepReopened",
        "StepRevised",
        "UndoRequested",
        "WaitEnded",
    }
)


class _Sum:
    """What a batch of facts adds up to. Within each table drops come before additions when it is written.

    What ends with a plan is kept by plan: a large batch holds much of others.
    """

    def __init__(self) -> None:
        self.new_plans: dict[str, Row] = {}
        self.plans: dict[str, Row] = {}
        self.new_decisions: dict[str, Row] = {}
        self.decisions: dict[str, Row] = {}
        self.snoozed: dict[str, int] = {}
        self.asked: defaultdict[str, list[Row]] = defaultdict(list)  # the new decisions by plan
        self.timers: defaultdict[str, dict[tuple[str, str, int], int]] = defaultdict(dict)  # path, kind, generation
        self.dropped_timers: dict[Key, None] = {}
        self.reminded: list[tuple[str, str, int]] = []
        self.ended: dict[str, None] = {}
        self.stuck: defaultdict[str, dict[str, tuple[object, ...]]] = defaultdict(dict)
        self.dropped_stuck: dict[Key, None] = {}
        self.uncertain: dict[Key, tuple[object, ...]] = {}
        self.dropped_uncertain: dict[Key, None] = {}
        self.costs: dict[str, int] = {}
        self.awaited: defaultdict[str, dict[str, tuple[object, ...]]] = defaultdict(dict)
        self.dropped_awaited: dict[Key, None] = {}
        self.occurrences: list[tuple[object, ...]] = []
        self.paused_for: dict[str, int] = {}
        self.forks: dict[str, str] = {}

    def plan(self, event: Recorded, *, parked: bool = False) -> Row:
        """Give the row, or the change of it, that this fact speaks of."""
        row = self.new_plans.get(event.plan)
        if row is None:
            row = self.plans.setdefault(event.plan, {"id": event.plan})
        row["parked"], row["position"] = int(parked), event.position
        return row

    def decision(self, decision: str) -> Row:
        return self.new_decisions.get(decision) or self.decisions.setdefault(decision, {"id": decision})

    def sleep(self, due_at_us: int, kind: str, event: Recorded, path: str = "", generation: int = 0) -> None:
        self.timers[event.plan][path, kind, generation] = due_at_us

    def wake(self, event: Recorded, path: str, *kinds: str) -> None:
        for kind in kinds:
            self.dropped_timers[event.plan, path, kind] = None
        self._forget_timers(event.plan, lambda key: key[0] == path and key[1] in kinds)

    def end(self, plan: str) -> None:
        self.ended[plan] = None
        self._forget_timers(plan, lambda key: key[1] in _ENDING)
        self.stuck.pop(plan, None)
        self.awaited.pop(plan, None)

    def drop_stuck(self, plan: str, path: str) -> None:
        if plan in self.stuck:
            self.stuck[plan].pop(path, None)
        self.dropped_stuck[plan, path] = None

    def drop_awaited(self, plan: str, path: str) -> None:
        if plan in self.awaited:
            self.awaited[plan].pop(path, None)
        self.dropped_awaited[plan, path] = None

    def drop_uncertain(self, key: Key) -> None:
        self.uncertain.pop(key, None)
        self.dropped_uncertain[key] = None

    def _forget_timers(self, plan: str, matches: Callable[[tuple[str, str, int]], bool]) -> None:
        for key in [key for key in self.timers.get(plan, ()) if matches(key)]:
            del self.timers[plan][key]

    def write(self, transaction: Transaction) -> None:
        timers = [
            (due, kind, plan, path, count)
            for plan, own in self.timers.items()
            for (path, kind, count), due in own.items()
        ]
        left: Sequence[Any] = (0, 0, 0)
        if self.ended:
            left = transaction.execute(LEFT_BY_PLANS, (_json(self.ended),))[0]
        for sql, rows in (
            (SHIFT_PLANS, self.paused_for.items()),
            (SHIFT_DECISIONS, self.paused_for.items()),
            (SHIFT_TIMERS, self.paused_for.items()),
            (ADD_PLANS, self.new_plans.values()),
            (CHANGE_PLANS, self.plans.values()),
            (ADD_FORKS, self.forks.items()),
            (ADD_COSTS, self.costs.items()),
            (ADD_DECISIONS, self.new_decisions.values()),
            (CHANGE_DECISIONS, self.decisions.values()),
            (SNOOZE, self.snoozed.items()),
            (DROP_TIMERS, self.dropped_timers),
            (DROP_REMINDERS, self.reminded),
            (DROP_PLAN_TIMERS, self.ended if left[0] else ()),
            (ADD_TIMERS, timers),
            (DROP_AWAITED, self.dropped_awaited),
            (DROP_PLAN_AWAITED, self.ended if left[1] else ()),
            (ADD_AWAITED, _rows(self.awaited)),
            (ADD_OCCURRENCES, self.occurrences),
            (DROP_STUCK, self.dropped_stuck),
            (DROP_PLAN_STUCK, self.ended if left[2] else ()),
            (ADD_STUCK, _rows(self.stuck)),
            (DROP_UNCERTAIN, self.dropped_uncertain),
            (ADD_UNCERTAIN, self.uncertain.values()),
        ):
            if rows:
                transaction.execute(sql, (_json(rows),))


def apply(transaction: Transaction, events: Sequence[Recorded]) -> None:
    """Write what the facts mean."""
    total = _Sum()
    for event in events:
        _APPLIERS[event.kind](total, event, event.fact)
    total.write(transaction)


def _proposed(total: _Sum, event: Recorded, fact: e.PlanProposed) -> None:
    total.new_plans[event.plan] = {
        "id": event.plan,
        "playbook": fact.playbook,
        "title": fact.title,
        "status": "proposed",
        "parent": fact.parent,
        "proposed": event.recorded_at_us,
        "started": None,
        "ended": None,
        "expires": fact.expires_at_us,
        "parked": 0,
        "position": event.position,
        "keys": _json(fact.keys),
        "priority": fact.priority,
        "ending": "",
    }
    if fact.expires_at_us is not None:
        total.sleep(fact.expires_at_us, "expiry", event)


def _forked(total: _Sum, event: Recorded, fact: e.PlanForked) -> None:
    total.forks[event.plan] = fact.of


def _status(total: _Sum, event: Recorded, fact: e.AnyFact) -> None:
    row = total.plan(event)
    if isinstance(fact, e.PlanCompleted):
        row["ending"] = fact.ending
    row["status"] = getattr(fact, "stands", "") or _STATUS[event.kind]
    row["ended"] = event.recorded_at_us if event.kind in _ENDS else None
    if event.kind in ("PlanApproved", "PlanStarted"):
        row["approved" if event.kind == "PlanApproved" else "started"] = event.recorded_at_us
    if event.kind in _ENDS:
        row["paused"] = None
    if event.kind in _ENDS or event.kind == "UndoStarted":
        total.end(event.plan)


def _parked(total: _Sum, event: Recorded, fact: e.PlanParked) -> None:
    del fact
    total.plan(event, parked=True)


def _edited(total: _Sum, event: Recorded, fact: e.PlanEdited) -> None:
    row = total.plan(event)
    row["keys"], row["priority"], row["expires"] = _json(fact.keys), fact.priority, fact.expires_at_us
    total.wake(event, "", "expiry")
    if fact.expires_at_us is not None:
        total.sleep(fact.expires_at_us, "expiry", event)


def _paused(total: _Sum, event: Recorded, fact: e.PlanPaused) -> None:
    del fact
    total.plan(event)["paused"] = event.recorded_at_us


def _resumed(total: _Sum, event: Recorded, fact: e.PlanResumed) -> None:
    """Give what ends by time the time that the plan was paused for: what stands here, and what this batch adds."""
    plan = total.plan(event)
    plan["paused"] = None
    total.paused_for[event.plan] = total.paused_for.get(event.plan, 0) + fact.paused_us
    timers = total.timers.get(event.plan, {})
    for key in timers:
        if key[1] in {"due", "remind", "expiry"}:
            timers[key] += fact.paused_us
    for row, name in [*((row, "due") for row in total.asked.get(event.plan, ())), (plan, "expires")]:
        if isinstance(at_us := row.get(name), int):
            row[name] = at_us + fact.paused_us


def _woken(total: _Sum, event: Recorded, fact: e.AnyFact) -> None:
    del fact
    total.plan(event)


def _waits(total: _Sum, event: Recorded, fact: e.WaitStarted) -> None:
    if fact.until_us is not None:
        total.sleep(fact.until_us, "wait", event, fact.path)
    if fact.event:
        total.awaited[event.plan][fact.path] = (event.plan, fact.path, fact.event, fact.field, fact.value)


def _received(total: _Sum, event: Recorded, fact: e.EventReceived) -> None:
    total.occurrences.append((fact.occurrence, fact.event, fact.source, event.position, event.recorded_at_us))


def _wait_ended(total: _Sum, event: Recorded, fact: e.WaitEnded) -> None:
    total.plan(event)
    total.wake(event, fact.path, "wait")
    total.drop_awaited(event.plan, fact.path)


def _backs_off(total: _Sum, event: Recorded, fact: e.AttemptFailed | e.EffectRefused) -> None:
    if event.kind == "EffectRefused":
        total.drop_uncertain((event.plan, fact.path))
    if fact.retry_at_us is not None:
        kind = "retry_online" if fact.failure.waits_for else "retry"
        total.sleep(fact.retry_at_us, kind, event, fact.path, fact.attempt)


def _retried(total: _Sum, event: Recorded, fact: e.RetryDue) -> None:
    total.plan(event)
    total.wake(event, fact.path, "retry", "retry_online")


def _delayed(total: _Sum, event: Recorded, fact: e.EffectDelayed) -> None:
    total.sleep(fact.until_us, "dispatch", event, fact.path)


def _awaited(total: _Sum, event: Recorded, fact: e.EffectAwaited) -> None:
    offline = fact.failure is not None and fact.failure.waits_for != ""
    total.sleep(fact.until_us, "settle_online" if offline else "settle", event, fact.path, fact.looks if offline else 0)


def _unseen(total: _Sum, event: Recorded, fact: e.EffectUnseen) -> None:
    total.sleep(fact.again_at_us, "confirm", event, fact.path)


def _awoken(total: _Sum, event: Recorded, fact: e.SettleDue | e.DispatchDue | e.ConfirmDue) -> None:
    total.plan(event)
    total.wake(event, fact.path, *_SLEPT[event.kind])


def _rejected(total: _Sum, event: Recorded, fact: e.StepRejected) -> None:
    total.plan(event)
    total.wake(event, fact.path, "dispatch")


def _asked(total: _Sum, event: Recorded, fact: e.DecisionAsked) -> None:
    row = total.new_decisions[fact.decision] = {
        "id": fact.decision,
        "plan": event.plan,
        "kind": fact.kind,
        "asked": event.recorded_at_us,
        "due": fact.due_at_us,
        "rule": fact.rule,
        "why": fact.why,
        "headline": _headline(fact.card),
        "paths": _json(fact.paths),
        "receiver": fact.to,
        "status": "open",
        "choice": "",
        "by": "",
        "ruled": None,
        "snoozed": None,
        "escalates": fact.escalate_at_us,
        "step": step_name(fact.paths[0]),
    }
    total.asked[event.plan].append(row)
    if fact.due_at_us is not None:
        total.sleep(fact.due_at_us, "due", event, fact.decision)
    for index, remind_at_us in enumerate(fact.remind_at_us):
        total.sleep(remind_at_us, "remind", event, fact.decision, index)


def _reminded(total: _Sum, event: Recorded, fact: e.DecisionReminded) -> None:
    total.plan(event)
    total.timers[event.plan].pop((fact.decision, "remind", fact.index), None)
    total.reminded.append((event.plan, fact.decision, fact.index))


def _snoozed(total: _Sum, event: Recorded, fact: e.DecisionSnoozed) -> None:
    total.plan(event)
    row = total.new_decisions.get(fact.decision)
    if row is None:
        total.snoozed[fact.decision] = fact.until_us
    else:
        row["snoozed"] = fact.until_us


def _closed(total: _Sum, event: Recorded, fact: e.DecisionRuled | e.DecisionExpired | e.DecisionVoided) -> None:
    ruled = isinstance(fact, e.DecisionRuled)
    total.decision(fact.decision).update(
        status="ruled" if ruled else "expired" if isinstance(fact, e.DecisionExpired) else "voided",
        choice=fact.choice if ruled else "",
        by=fact.by if ruled else "",
        ruled=event.recorded_at_us if ruled else None,
    )
    total.plan(event)
    total.wake(event, fact.decision, "due", "remind")


def _stuck(total: _Sum, event: Recorded, fact: e.StepStuck) -> None:
    total.stuck[event.plan][fact.path] = _trouble(event, fact.path, fact.attempt, fact.failure)


def _unstuck(total: _Sum, event: Recorded, fact: e.StepReopened | e.StepSkipped | e.StepFailed) -> None:
    if event.kind in _WAKING:
        total.plan(event)
    total.drop_stuck(event.plan, fact.path)


def _not_undone(total: _Sum, event: Recorded, fact: e.UndoImpossible) -> None:
    total.drop_stuck(event.plan, f"~{fact.path}")


def _uncertain(total: _Sum, event: Recorded, fact: e.EffectUncertain) -> None:
    total.uncertain[event.plan, fact.path] = _trouble(event, fact.path, fact.attempt, fact.failure)


def _certain(total: _Sum, event: Recorded, fact: e.EffectDone | e.EffectAbsent) -> None:
    total.drop_uncertain((event.plan, fact.path))
    if isinstance(fact, e.EffectAbsent) or fact.settled:  # where nobody had to look it up it may still sleep until then
        total.wake(event, fact.path, *_SLEPT["SettleDue"])
    if isinstance(fact, e.EffectDone) and fact.cost_usd_micros:
        total.costs[event.plan] = total.costs.get(event.plan, 0) + fact.cost_usd_micros


def _trouble(event: Recorded, path: str, attempt: int, failure: Failure) -> tuple[object, ...]:
    error = (failure.error_class, failure.message, failure.remedy)
    return (event.plan, path, attempt, *error, event.recorded_at_us)


def _headline(card: Value) -> str:
    """Give a card's first line, unless the card is a blob or the line is sealed."""
    headline = card.get("headline") if isinstance(card, dict) else None
    return headline if isinstance(headline, str) else ""


def _rows(by_plan: dict[str, dict[str, tuple[object, ...]]]) -> list[tuple[object, ...]]:
    return [row for own in by_plan.values() for row in own.values()]


def _json(rows: Iterable[object]) -> str:
    return msgspec.json.encode(list(rows)).decode()


_APPLIERS: dict[str, Callable[[_Sum, Recorded, Any], None]] = {
    **dict.fromkeys(_STATUS, _status),
    **dict.fromkeys(_WAKING, _woken),
    "PlanProposed": _proposed,
    "PlanForked": _forked,
    "PlanParked": _parked,
    "PlanEdited": _edited,
    "PlanPaused": _paused,
    "PlanResumed": _resumed,
    "WaitStarted": _waits,
    "WaitEnded": _wait_ended,
    "EventReceived": _received,
    "AttemptFailed": _backs_off,
    "EffectRefused": _backs_off,
    "RetryDue": _retried,
    "EffectDelayed": _delayed,
    "EffectAwaited": _awaited,
    "EffectUnseen": _unseen,
    "StepRejected": _rejected,
    **dict.fromkeys(_SLEPT, _awoken),
    "DecisionAsked": _asked,
    "DecisionReminded": _reminded,
    "DecisionSnoozed": _snoozed,
    "DecisionRuled": _closed,
    "DecisionExpired": _closed,
    "DecisionVoided": _closed,
    "StepStuck": _stuck,
    "StepReopened": _unstuck,
    "StepSkipped": _unstuck,
    "StepFailed": _unstuck,
    "UndoImpossible": _not_undone,
    "EffectUncertain": _uncertain,
    "EffectDone": _certain,
    "EffectAbsent": _certain,
}

VIEWS = Projection(
    name="views",
    version=7,
    schema=Path(__file__).with_name("views.sql").read_text(),
    tables=("plan", "decision", "timer", "stuck", "uncertain", "awaited", "occurrence"),
    kinds=frozenset(_APPLIERS),
    apply=apply,
)
