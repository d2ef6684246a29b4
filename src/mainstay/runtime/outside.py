"""What happens outside, and who waits for it (KERNEL T1; PLAYBOOKS, `wait` and `on`).

An occurrence is recorded once, in a stream named by a keyed digest of what names it for its source; the plans that
waited for it, and those that it starts, move in the same append. So no crash can lose it or bring it twice.

Whoever begins to wait looks first at what came since the step it speaks of: an answer may be quicker than the plan
that asked. Who waits is found by one field of the event where the playbook says "this field equals that"; only the few
that are found have their whole condition worked out. A condition that can't be worked out on an event is not met.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, cast
from zoneinfo import ZoneInfo

from mainstay import commands as c
from mainstay import events as e
from mainstay.encoding import encode_value
from mainstay.errors import LedgerError, MainstayError, Permanent
from mainstay.events import Append, Draft
from mainstay.kernel.state import GOING, Plan, step_name
from mainstay.records import EVENTS, UNHEARD
from mainstay.runtime.admission import places_of
from mainstay.runtime.names import Names
from mainstay.values import SECOND_US, merge_labels

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mainstay.kernel.graph import Awaited, Definition, Step, Trigger
    from mainstay.ports import OutsideRows
    from mainstay.runtime.admission import Stage
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts
    from mainstay.values import Labels, Value

PLAN_ENDED = "plan.ended"
FILE_RECEIVED = "file.received"
SCHEDULE_DUE = "schedule.due"
ENDS_AT_LEAST = 100  # ends kept in memory before those on disk are dropped
_SENT = ("EffectIntended", "StepStarted", "ChildrenStarted", "DecisionAsked")  # from here on an answer may come

_STATUS_OF_END = {
    "PlanCompleted": "completed",
    "PlanFailed": "failed",
    "PlanCancelled": "cancelled",
    "PlanExpired": "expired",
}

Body: TypeAlias = "dict[str, Value]"
Unit: TypeAlias = tuple[str, str]  # plan, path


class Outside:
    """Brings events from outside to the plans."""

    def __init__(self, parts: Parts, desk: Desk, rows: OutsideRows) -> None:
        """Take the parts, the engine's desk, and what the ledger knows of occurrences and who waits."""
        self._parts = parts
        self._desk = desk
        self._rows = rows
        self._listened: set[str] | None = None
        self._fresh: dict[Unit, tuple[str, str, str]] = {}  # waits on their way to disk: event, field, digest
        self._queued: dict[str, tuple[str, str, Body]] = {}  # occurrences on their way: event, id of the fact, content
        self._ending: dict[str, tuple[str, Body]] = {}  # ends of plans on their way: id of the fact, content
        self._look_through = ENDS_AT_LEAST
        self.say: Callable[[str], None] = lambda _: None  # told which playbook could not be started
        self.starting: Callable[[], Sequence[Definition]] = list  # the playbooks that events start
        self.sends_mail = False  # mails really leave, so that some come back

    # --- what comes

    def receive(
        self,
        event: str,
        source: str,
        name: str,
        body: Body,
        labels: Labels = (),
        following: Callable[[int, str], Sequence[Append]] | None = None,
    ) -> asyncio.Future[int] | None:
        """Record what came, with all that follows; None when it came before.

        `name` says which occurrence it is for its source, such as a Message-ID; `body` is plain, of the type that
        `records` gives. `following` gives what else it tells, of the time and the id of its fact. The future is done
        when it is on disk.
        """
        kind = EVENTS.get(event) or UNHEARD[event]
        if self.came(source, name):
            return None
        occurrence = self._digest("occurrence", source, name)
        now_us, stream = self._desk.now_us(), f"event:{occurrence}"
        fact_id, labels = f"{stream}@1", labels or (event,)
        requests: list[tuple[str, c.PlanCommand]] = []
        for plan_id, path in self._candidates(event, body):
            if heard := self._heard(self._desk.load, plan_id, path, event, fact_id, body, labels):
                requests.append((plan_id, heard))
        meant = [one for one in self.starting() if event != SCHEDULE_DUE or one.name == body["playbook"]]
        started, failed = self._all_started(meant, event, body, labels, now_us)
        kept = self._parts.payloads.keep(body, kind)
        fact = e.EventReceived(event, source, occurrence, kept, labels, failed)
        appends = [Append(stream, 0, (Draft(fact, now_us, f"outside:{source}"),))]
        if following is not None:
            appends += following(now_us, fact_id)
        requests += started
        future = self._desk.submit_all(requests, actor=f"outside:{source}", cause=fact_id, beside=appends)
        self._queued[occurrence] = event, fact_id, body
        future.add_done_callback(lambda _: self._queued.pop(occurrence, None))
        return future

    def came(self, source: str, name: str) -> bool:
        """Whether an occurrence came before, or is on its way to disk."""
        occurrence = self._digest("occurrence", source, name)
        return occurrence in self._queued or self._rows.came(occurrence)

    def note_ends(self, stage: Stage) -> None:
        """Tell who waits for it that plans ended, and start what their ends start, in the append of their ends."""
        told: set[str] = set()
        while ends := [end for end in _ends(stage) if end[0] not in told]:
            for plan_id, kind in ends:
                told.add(plan_id)
                if not (plan := stage.plan(plan_id)).parent:
                    self._note_end(stage, plan, _STATUS_OF_END[kind])

    def _note_end(self, stage: Stage, plan: Plan, status: str) -> None:
        body = ended_body(plan.id, plan.playbook, status, plan.ending)
        fact_id, labels = f"plan:{plan.id}@{plan.sequence}", plan.out_labels or plan.labels
        self._remember_end(plan.id, fact_id, body)
        if self.listens(PLAN_ENDED):
            for plan_id, path in self._candidates(PLAN_ENDED, body):
                if heard := self._heard(stage.plan, plan_id, path, PLAN_ENDED, fact_id, body, labels):
                    stage.decide(plan_id, heard)
        if self._starts(PLAN_ENDED):
            before = self._led_to(plan)
            starting = [each for each in self.starting() if each.name not in before]
            for plan_id, command in self._all_started(starting, PLAN_ENDED, body, labels, stage.now_us)[0]:
                stage.decide(plan_id, command, fact_id)

    def _remember_end(self, plan_id: str, fact_id: str, body: Body) -> None:
        """Keep an end in sight until it is on disk: who begins to wait meanwhile finds it here."""
        self._ending[plan_id] = fact_id, body
        if len(self._ending) > self._look_through:
            self._ending = {name: end for name, end in self._ending.items() if self._desk.is_queued(name)}
            self._look_through = ENDS_AT_LEAST + 2 * len(self._ending)

    def _led_to(self, plan: Plan) -> set[str]:
        """Name the playbooks whose ends led to a plan, with its own: none of them is started by it again, for ever."""
        names = {plan.playbook}
        while (first := self._parts.ledger.read(f"plan:{plan.id}")[:1]) and first[0].cause.startswith("plan:"):
            plan = self._desk.load(first[0].cause.removeprefix("plan:").partition("@")[0])
            names.add(plan.playbook)
        return names

    def listens(self, event: str) -> bool:
        """Whether anybody may wait for this kind of event."""
        if self._listened is None:
            self._listened = self._rows.listened()
        return event in self._listened

    def watched(self) -> set[str]:
        """Name the folders that somebody waits for files in, relative to the workspace; "inbox" for any of them."""
        folders = {trigger.folder for definition in self.starting() for trigger in definition.on if trigger.folder}
        if self.listens(FILE_RECEIVED) or self._starts(FILE_RECEIVED):
            folders.add("inbox")
        if self.sends_mail or self.listens("mail.received") or self._starts("mail.received"):
            folders.add("inbox/mail")
        return folders

    def withdraw(self, stage: Stage) -> None:
        """Take back that these plans end: their append was refused, and never queued."""
        for plan_id, _ in _ends(stage):
            self._ending.pop(plan_id, None)

    def forget(self) -> None:
        """Read everything again at the next use, because an append failed."""
        self._listened = None
        self._fresh.clear()
        self._queued.clear()
        self._ending.clear()

    def _starts(self, event: str) -> bool:
        triggers = (trigger for definition in self.starting() for trigger in definition.on)
        return any(trigger.event == event and not trigger.folder for trigger in triggers)

    def _candidates(self, event: str, body: Body) -> list[Unit]:
        """Give the steps that an event may be meant for: those on disk, and those on their way there."""
        fields = [(name, self._digest(event, name, _text(value))) for name, value in body.items()]
        found = dict.fromkeys(self._rows.awaited(event, fields)) if self.listens(event) else {}
        for unit, (wanted, field, value) in list(self._fresh.items()):
            if not self._desk.is_queued(unit[0]):
                del self._fresh[unit]  # on disk by now
            elif wanted == event and (not field or (field, value) in fields):
                found[unit] = None
        return list(found)

    def _heard(
        self,
        plan_of: Callable[[str], Plan],
        plan_id: str,
        path: str,
        event: str,
        fact_id: str,
        body: Body,
        labels: Labels,
    ) -> c.HearEvent | None:
        """Give the command that ends a wait, if this is what it waits for."""
        try:
            plan = plan_of(plan_id)
        except LedgerError:
            return None  # it can't be read; others go on
        slot = plan.slots.get(path)
        if plan.status != "running" or slot is None or slot.status != "waiting" or slot.awaits != event:
            return None
        awaited = plan.step(path).awaited
        assert awaited is not None
        names = Names(self._parts, plan, path, {"event": body})
        if not _meets(names, awaited):
            return None
        return self._hear(plan, path, event, fact_id, body, merge_labels(labels, names.labels))

    def _hear(self, plan: Plan, path: str, event: str, fact_id: str, body: Body, labels: Labels) -> c.HearEvent:
        output = self._parts.payloads.keep({**body, "timed_out": False}, EVENTS[event], plan=plan)
        return c.HearEvent(now_us=self._desk.now_us(), path=path, event=fact_id, output=output, labels=labels)

    def _all_started(
        self, definitions: Iterable[Definition], event: str, body: Body, labels: Labels, now_us: int
    ) -> tuple[list[tuple[str, c.PlanCommand]], tuple[str, ...]]:
        """Propose the plans that an event starts. One that can't be is named; the others, and who waits, go on."""
        requests: list[tuple[str, c.PlanCommand]] = []
        failed: list[str] = []
        for definition in definitions:
            try:
                requests += self._started(definition, event, body, labels, now_us)
            except MainstayError as error:
                failed.append(definition.name)
                self.say(f"{definition.name} was not started by {event}: {error.message} {error.remedy}".rstrip())
        return requests, tuple(failed)

    def _started(
        self, definition: Definition, event: str, body: Body, labels: Labels, now_us: int
    ) -> Iterator[tuple[str, c.PlanCommand]]:
        """Propose and approve the plans that an event starts."""
        ref = self._desk.keep_definition(definition)
        plan = Plan(self._parts.new_id(), self._desk.graph(ref), proposed_at_us=now_us)
        for trigger in definition.on:
            names = Names(self._parts, plan, "", {"event": body})
            if not self._fires(trigger, event, body, names):
                continue
            inputs = cast("Value", {one.name: one.default for one in definition.inputs if not one.required})
            inputs = {**cast("Body", inputs), **cast("Body", names.value(trigger.arguments))}
            expires = None if definition.expires_s is None else now_us + definition.expires_s * SECOND_US
            propose = c.ProposePlan(
                now_us=now_us,
                definition=ref,
                playbook=definition.name,
                title=definition.title,
                inputs=self._parts.payloads.keep(inputs, plan=plan),
                labels=merge_labels(labels, names.labels),
                expires_at_us=expires,
                keys=places_of(self._parts, plan.graph, inputs, now_us),
                priority=definition.priority,
            )
            yield plan.id, propose
            yield plan.id, c.ApprovePlan(now_us=now_us, by="trigger")
            return

    def _fires(self, trigger: Trigger, event: str, body: Body, names: Names) -> bool:
        if trigger.cron:
            return event == SCHEDULE_DUE and body["schedule"] == trigger.cron
        if trigger.event != event or (trigger.folder and trigger.folder != body["folder"]):
            return False
        if body.get("automatic") is True:  # two programs would answer each other for ever
            return False
        try:
            return trigger.where is None or names.value(trigger.where) is True
        except MainstayError:
            return False

    # --- who waits

    def wait(self, plan: Plan, path: str, step: Step, names: Names) -> None:
        """Begin to wait, or go on at once when what is waited for came already; raises ExpressionError."""
        until_us = None
        if step.until is not None:
            until = names.value(step.until)
            if not isinstance(until, str) or not until:
                raise Permanent(f"'{path}' waits for a time, and {step.until.source} gave none")
            moment = datetime.fromisoformat(until)
            if moment.tzinfo is None:  # a date: the day begins where the company is
                moment = moment.replace(tzinfo=ZoneInfo(self._parts.timezone))
            until_us = int(moment.timestamp() * SECOND_US)
        awaited, now_us = step.awaited, self._desk.now_us()
        if awaited is None:
            self._desk.report(plan, path, c.WaitStep(now_us=now_us, path=path, until_us=until_us, labels=names.labels))
            return
        value = ""
        if awaited.value is not None:
            value = self._digest(awaited.event, awaited.field, _text(names.value(awaited.value)))
        wait = c.WaitStep(
            now_us=now_us,
            path=path,
            until_us=until_us,
            event=awaited.event,
            field=awaited.field,
            value=value,
            labels=names.labels,
        )
        if heard := self._came_before(plan, path, awaited):
            self._desk.report(plan, path, wait, heard)
            return
        self._fresh[plan.id, path] = awaited.event, awaited.field, value
        self._listened = {*(self._listened or self._rows.listened()), awaited.event}
        self._desk.report(plan, path, wait)

    def _came_before(self, plan: Plan, path: str, awaited: Awaited) -> c.HearEvent | None:
        """Find what came since the first move of a step that the condition speaks of, the earliest first."""
        position = self._since(plan, path, awaited)
        for event, fact_id, body, labels in self._known(awaited.event, position):
            names = Names(self._parts, plan, path, {"event": body})
            if event == awaited.event and _meets(names, awaited):
                cause, known = self._told_by_plan(body) if event == PLAN_ENDED else (fact_id, labels)
                return self._hear(plan, path, event, cause, body, merge_labels(known, names.labels))
        return None

    def _told_by_plan(self, body: Body) -> tuple[str, Labels]:
        """Give the last fact of a plan that ended, and where what it came to is from."""
        ended = self._desk.load(str(body["plan"]))
        return f"plan:{ended.id}@{ended.sequence}", ended.out_labels or ended.labels

    def _since(self, plan: Plan, path: str, awaited: Awaited) -> int:
        recorded = self._parts.ledger.read(f"plan:{plan.id}")
        moves = [
            event.position
            for event in recorded
            if event.kind in _SENT and step_name(getattr(event.fact, "path", "") or "") in awaited.since
        ]
        outcomes = [plan.slots[name].done_at for name in awaited.since if name in plan.slots]
        moves += [recorded[done_at - 1].position for done_at in outcomes if done_at]
        return min(moves, default=recorded[max(plan.slots[path].since, 1) - 1].position)

    def _known(self, event: str, position: int) -> Iterator[tuple[str, str, Body, Labels]]:
        """Give what came of a kind past a position: kind, id of its fact, content, labels."""
        if event == PLAN_ENDED:
            for plan, playbook, status, ending in self._rows.ended_since(position):
                yield event, f"plan:{plan}", ended_body(plan, playbook, status, ending), ()
            for plan, (fact_id, body) in list(self._ending.items()):
                if self._desk.is_queued(plan):
                    yield event, fact_id, body, ()
            return
        for occurrence in self._rows.since(event, position):
            (recorded,) = self._parts.ledger.read(f"event:{occurrence}")
            fact = recorded.fact
            assert isinstance(fact, e.EventReceived)
            yield event, recorded.id, cast("Body", self._parts.payloads.load(fact.body)), fact.labels
        for kind, fact_id, body in list(self._queued.values()):
            yield kind, fact_id, body, (kind,)

    def _digest(self, *parts: str) -> str:
        """Name a value without saying it: it may be about a person."""
        return hmac.digest(self._parts.token_key, encode_value(list(parts)), "sha256").hex()[:32]


def ended_body(plan: str, playbook: str, status: str, ending: str) -> Body:
    """Give what is told of a plan that ended: records.PlanEnded, plain."""
    return {"plan": plan, "playbook": playbook, "status": status, "ending": ending}


def _ends(stage: Stage) -> list[tuple[str, str]]:
    """Give the plans that end in an append, and how: an undo may have begun in it too, which changes nothing of it."""
    return [
        (plan_id, type(fact).__name__)
        for plan_id, facts in stage.facts.items()
        for fact in (facts if stage.plans[plan_id].status not in GOING else ())
        if type(fact).__name__ in _STATUS_OF_END
    ]


def _meets(names: Names, awaited: Awaited) -> bool:
    try:
        return awaited.where is None or names.value(awaited.where) is True
    except MainstayError:
        return False


def _text(value: Value) -> str:
    """Write a value so that equal ones are written the same."""
    return value if isinstance(value, str) else encode_value(value).hex()
