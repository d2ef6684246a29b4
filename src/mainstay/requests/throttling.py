"""Keeps throttles: counts what their playbooks do, pauses their plans at a bound, and lets the operator go on.

It listens to what is on disk; after a start it reads the time that the longest throttle looks back over once. What was
reached is recorded in the append that pauses the plans, or begins to take back what they did: a crash leaves both or
neither, and then it is reached again at the next start. Without throttles nothing of this runs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError, ExpressionError, InputError, MainstayError
from mainstay.governance.deeds import first_since
from mainstay.governance.roles import amounts_of
from mainstay.governance.throttles import MAIL, PREFIX, Entry, Tally, Throttle, kind_of
from mainstay.kernel.budget import micros_of
from mainstay.kernel.plan import handle
from mainstay.kernel.state import IN_FLIGHT
from mainstay.kernel.undo import undo_order
from mainstay.ledger import queries
from mainstay.runtime.engine import THROTTLE
from mainstay.runtime.stage import stream_of
from mainstay.values import SECOND_US, following_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mainstay.governance.deeds import RolesOf
    from mainstay.governance.rules import Rule
    from mainstay.governance.throttles import Counted
    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

PAGE = 1000
KNOWN_AT_MOST = 10_000  # plans whose playbook is kept in memory
FULL_STREAM = 1900  # facts, of the 2,000 a stream holds
Taking: TypeAlias = "dict[str, tuple[c.PlanCommand, ...]]"  # what each plan is asked to do
WAYS = ("go-on", "undo", "stop")
ON_ITS_WAY = IN_FLIGHT | {"settling"}


def say_closed(fact: e.ThrottleClosed) -> str:
    """Say that a throttle paused a playbook, and where that is seen."""
    return f"Plans of {fact.playbook} wait for you: {fact.says}. See them: mainstay throttle"


class Throttling:
    """The throttles in force."""

    def __init__(self, desk: Requests, roles: RolesOf) -> None:
        """Take the desk, and what an operation's arguments are for."""
        self._desk, self._engine, self._roles = desk, desk.engine, roles
        self._ledger = desk.engine.parts.ledger
        self._rules: dict[str, list[Rule]] = {}
        self._tallies: dict[str, Tally] = {}
        self._playbooks: dict[str, str] = {}  # by plan: its facts are many, and each asks whose it is
        self._fed: dict[str, int] = {}  # by plan: the sequence of its last fact that was counted
        self._moves: dict[tuple[str, str], Mapping[str, int]] = {}
        self._came_back: set[tuple[str, str]] = set()  # plan and path of the mails of which that was counted
        self._listening = False

    def use(self, rules: Sequence[Rule]) -> None:
        """Let these throttles hold from now on; `begin` counts what was so far."""
        self._rules = {}
        for rule in rules:
            assert rule.throttle is not None
            self._rules.setdefault(rule.throttle.playbook, []).append(rule)

    @property
    def rules(self) -> list[Rule]:
        """Those that hold now."""
        return [rule for rules in self._rules.values() for rule in rules]

    def begin(self) -> None:
        """Count what the history says, and pause what has reached a bound: at the start, and when rules change.

        It is looked at as of the last record: a time in which no owner lived lets nothing be forgotten. So what was
        reached when the machine went down pauses its plans after a night, too, and what was over by then does not.
        """
        if bool(self._rules) != self._listening:
            (self._engine.listeners.append if self._rules else self._engine.listeners.remove)(self._hear)
            self._listening = bool(self._rules)
        self._engine.waiting.clear()
        self._fed.clear()
        self._moves.clear()
        self._came_back.clear()
        self._tallies = {
            name: Tally([rule.throttle for rule in rules if rule.throttle]) for name, rules in self._rules.items()
        }
        for playbook in self._rules:
            self._stand(playbook)
        if not self._rules:
            return
        longest_s = max(rule.throttle.within_s for rules in self._rules.values() for rule in rules if rule.throttle)
        last_us = next(self._ledger.tail(self._ledger.head()[0] - 1, 1)).recorded_at_us
        self._read_since(last_us - longest_s * SECOND_US)
        for playbook in self._rules:
            self._look(playbook, last_us)

    def _stand(self, playbook: str) -> None:
        """Know how a throttle stands: closed, or open since when."""
        recorded = self._ledger.read(self._stream(playbook))
        if not recorded:
            return
        last = recorded[-1]
        if isinstance(last.fact, e.ThrottleClosed):
            self._engine.waiting[playbook] = last.fact.says
        else:
            self._tallies[playbook].since_us = last.recorded_at_us

    def _read_since(self, at_us: int) -> None:
        position = first_since(self._ledger, at_us) - 1
        while page := list(self._ledger.tail(position, PAGE)):
            for recorded in page:
                plan_id, fact, at_us = recorded.plan, recorded.fact, recorded.recorded_at_us
                if not plan_id or (playbook := self._playbook(plan_id)) not in self._rules:
                    continue
                if isinstance(fact, e.MailBounced):
                    self._count_bounce(playbook, plan_id, fact, at_us)
                elif recorded.stream == stream_of(plan_id):
                    self._count(playbook, plan_id, recorded.sequence, fact, at_us)
            position = page[-1].position

    # --- counted

    def note_bounce(self, plan_id: str, fact: e.MailBounced) -> None:
        """Count that a mail came back, which is on disk."""
        playbook = self._playbook(plan_id)
        if playbook in self._rules:
            self._count_bounce(playbook, plan_id, fact, self._desk.clock.now_us())
            self._look(playbook, self._desk.clock.now_us())

    def _count_bounce(self, playbook: str, plan_id: str, fact: e.MailBounced, at_us: int) -> None:
        """Count a mail that came back, once: what is told may have been read from the history by then."""
        if fact.final and (plan_id, fact.path) not in self._came_back:
            self._came_back.add((plan_id, fact.path))
            root = plan_id.partition("-")[0]
            self._tallies[playbook].note(Entry(at_us, "bounced", root, f"{plan_id}/{fact.path}", {}))

    def _hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        playbook = self._playbook(plan_id)
        if playbook not in self._rules:
            return
        now_us, first = self._desk.clock.now_us(), plan.sequence - len(facts) + 1
        counted = [self._count(playbook, plan_id, first + at, fact, now_us) for at, fact in enumerate(facts)]
        if any(counted):
            asyncio.get_running_loop().call_soon(self._look, playbook, now_us)

    def _playbook(self, plan_id: str) -> str:
        root = plan_id.partition("-")[0]
        found = self._playbooks.get(root)
        if found is None:
            if len(self._playbooks) >= KNOWN_AT_MOST:
                self._playbooks.clear()
            try:
                found = self._playbooks[root] = self._engine.load(root).playbook
            except MainstayError:
                return ""  # it can't be read: others go on
        return found

    def _count(self, playbook: str, plan_id: str, sequence: int, fact: e.AnyFact, at_us: int) -> bool:
        """Count one fact of a plan, once; says whether a bound may be reached by it."""
        if sequence <= self._fed.get(plan_id, 0):
            return False
        self._fed[plan_id] = sequence
        tally, root = self._tallies[playbook], plan_id.partition("-")[0]
        if isinstance(fact, e.EffectPrepared):
            self._moves[plan_id, fact.path] = self._moved(fact)
        elif isinstance(fact, (e.EffectRefused, e.EffectAbsent)):
            tally.take_back(f"{plan_id}/{fact.path}")
        elif isinstance(fact, e.EffectIntended) and not fact.path.startswith("~"):
            amounts = self._moves.pop((plan_id, fact.path), None)
            amounts = self._prepared(plan_id, fact.path) if amounts is None else amounts
            tally.take_back(f"{plan_id}/{fact.path}")  # tried again: it counts once
            tally.note(Entry(at_us, "spent", root, f"{plan_id}/{fact.path}", amounts))
            return bool(amounts)
        elif (kind := kind_of(fact)) is not None:
            if isinstance(fact, e.EffectDone) and fact.operation == MAIL:
                tally.note(Entry(at_us, "sent", root, f"{plan_id}/{fact.path}", {}))
            tally.note(Entry(at_us, kind, root, f"{plan_id}/{getattr(fact, 'path', '')}", {}))
            return kind != "done" or tally.may_fill(at_us)
        return False

    def _moved(self, prepared: e.EffectPrepared) -> Mapping[str, int]:
        roles, found = self._roles(prepared.operation), dict[str, int]()
        if "amount" in roles.values():
            try:
                moved = amounts_of(self._desk.payloads.load(prepared.arguments), roles)
            except ExpressionError:
                return {}  # a budget asks about an amount that nobody knows
            for money in moved:
                found[money.currency] = found.get(money.currency, 0) + abs(micros_of(money))
        return found

    def _prepared(self, plan_id: str, path: str) -> Mapping[str, int]:
        facts = (event.fact for event in reversed(self._ledger.read(f"plan:{plan_id}")))
        found = next((fact for fact in facts if isinstance(fact, e.EffectPrepared) and fact.path == path), None)
        return {} if found is None else self._moved(found)

    # --- reached

    def _look(self, playbook: str, as_of_us: int) -> None:
        """Pause the plans of a playbook if it had reached a bound at some time, and tell the operator."""
        if playbook in self._engine.waiting or playbook not in self._rules or self._engine.held:
            return
        for rule in self._rules[playbook]:
            assert rule.throttle is not None
            if (counted := self._tallies[playbook].reached(rule.throttle, as_of_us)) is not None:
                self._close(rule, rule.throttle, counted)
                return

    def _close(self, rule: Rule, throttle: Throttle, counted: Counted) -> None:
        playbook, why, now_us = throttle.playbook, f"{counted.says} (rule {rule.id})", self._desk.clock.now_us()
        undone = self._undoing(counted.plans if throttle.undo else (), counted.since_us, THROTTLE, why, now_us)
        rest = [plan for plan in self._open(playbook) if plan not in undone]
        paused = self._taking(rest, lambda _: (c.PausePlan(now_us=now_us, by=THROTTLE, reason=why),))
        named = tuple(paused), tuple(undone), counted.plans
        fact = e.ThrottleClosed(rule.id, playbook, counted.says, *named, rule.why, counted.since_us)
        self._engine.waiting[playbook] = why
        try:
            cause, _ = self._record(playbook, fact, undone | paused, now_us, "mainstay")
        except MainstayError:  # it is not closed: what is counted next closes it
            del self._engine.waiting[playbook]
            raise
        self._engine.warn(say_closed(fact), cause)

    # --- ways on

    async def answer(self, playbook: str, way: str) -> Params:
        """Take the operator's answer to a throttle that is closed; on disk when this returns."""
        recorded = self._ledger.read(self._stream(playbook))
        fact = recorded[-1].fact if recorded else None
        if not isinstance(fact, e.ThrottleClosed):
            raise CommandRefusedError(
                f"No throttle holds plans of '{playbook}'.", remedy="See all with: mainstay throttle"
            )
        now_us, why = self._desk.clock.now_us(), f"{fact.says} (rule {fact.rule})"
        held = [plan for plan in self._open(playbook) if self._is_held(plan)]
        if way == "go-on":
            taking = self._taking(held, lambda _: (c.ResumePlan(now_us=now_us, by="operator"),))
            opened = e.ThrottleOpened("operator", tuple(taking))
            _, on_disk = self._record(playbook, opened, taking, now_us, "operator")
            await on_disk
            self._engine.waiting.pop(playbook, None)
            if playbook in self._tallies:
                self._tallies[playbook].since_us = now_us
        elif way == "undo":
            tally = self._tallies.get(playbook)
            after = () if tally is None else tally.acted_since(recorded[-1].recorded_at_us)  # it was on its way then
            taking = self._undoing(dict.fromkeys((*fact.acted, *after)), fact.since_us, "operator", why, now_us)
        elif way == "stop":
            taking = self._taking(held, lambda _: (c.CancelPlan(now_us=now_us, by="operator", reason=why),))
        else:
            raise InputError(f"A throttle takes no '{way}'.", remedy=f"It takes: {', '.join(WAYS)}.")
        if way != "go-on" and taking:
            await self._engine.submit_all(_listed(taking), actor="operator")
        return {"plan": "", "playbook": playbook, "way": way, "plans": list(taking)}

    def _is_held(self, plan_id: str) -> bool:
        """Whether a throttle paused it, and not the operator."""
        if self._engine.load(plan_id).paused_at_us is None:
            return False
        facts = (event.fact for event in reversed(self._ledger.read(f"plan:{plan_id}")))
        return next((fact.by == THROTTLE for fact in facts if isinstance(fact, e.PlanPaused)), False)

    # --- leaves

    def _open(self, playbook: str) -> list[str]:
        return [row[0] for row in self._ledger.rows(queries.OPEN_PLANS_OF, (playbook,))]

    def _undoing(self, plans: Iterable[str], since_us: int, by: str, why: str, now_us: int) -> Taking:
        """Take back what plans did since a moment; a paused one goes on to do that. Only where there is anything.

        One that can't be read keeps no throttle from closing: the others are taken back (mainstay doctor names it).
        """
        did: dict[str, tuple[list[str], bool]] = {}
        for plan_id in plans:
            try:
                did[plan_id] = self._did(self._engine.load(plan_id), since_us)
            except CommitFailedError:
                raise
            except MainstayError:
                continue
        resume = c.ResumePlan(now_us=now_us, by=by)

        def commands(plan: Plan) -> tuple[c.PlanCommand, ...]:
            named, before = did[plan.id]
            undo = c.UndoPlan(now_us=now_us, by=by, reason=why, steps=tuple(named) if before else ())
            return (undo,) if plan.paused_at_us is None else (resume, undo)

        return self._taking([plan for plan, (named, _) in did.items() if named], commands)

    def _did(self, plan: Plan, since_us: int) -> tuple[list[str], bool]:
        """Name what a plan did since a moment, as `UndoPlan` takes it, and say whether it did anything before.

        What is on its way is of now. Of a child plan that did all of it since then the whole is named.
        """
        recorded = self._ledger.read(stream_of(plan.id))
        possible, impossible = undo_order(plan)
        on_its_way = (path for path, slot in plan.slots.items() if slot.status in ON_ITS_WAY)
        named, before = list[str](), False
        for path in dict.fromkeys((*possible, *(path for path, _ in impossible), *on_its_way)):
            slot, parts = plan.slots[path], list[str]()
            for child in slot.children:
                its, earlier = self._did(self._engine.load(child), since_us)
                before = before or earlier
                whole = [f"{child}/"] if its else []
                parts += [_in_family(child, name) for name in its] if earlier else whole
            if parts or (not slot.children and self._is_since(recorded, slot.done_at, since_us)):
                named += [path, *parts]
            elif not slot.children:
                before = True
        return named, before

    def _is_since(self, recorded: Sequence[e.Recorded], done_at: int, since_us: int) -> bool:
        return not done_at or recorded[done_at - 1].recorded_at_us > since_us

    def _taking(self, plans: Iterable[str], commands: Callable[[Plan], tuple[c.PlanCommand, ...]]) -> Taking:
        """Give the commands of each plan that can take them now; one that ended or stands there already is left out."""
        found: Taking = {}
        for plan_id in plans:
            try:
                plan = self._engine.load(plan_id)
                wanted = commands(plan)
                for command in wanted:
                    plan = handle(plan, command).plan
                found[plan_id] = wanted
            except MainstayError:
                continue
        return found

    def _record(
        self, playbook: str, fact: e.AnyFact, taking: Taking, now_us: int, actor: str
    ) -> tuple[str, asyncio.Future[int]]:
        """Queue a fact beside what plans are asked to do; gives the fact's id, and what ends once it is on disk."""
        stream = self._stream(playbook)
        length = len(self._ledger.read(stream))
        if length >= FULL_STREAM:
            stream, length = following_stream(stream), 0
        append = e.Append(stream, length, (e.Draft(fact, now_us, actor),))
        done = self._engine.submit_all(_listed(taking), actor=actor, beside=(append,))
        done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # read anew once it is mended
        return append.last_id, done

    def _stream(self, playbook: str) -> str:
        return self._engine.parts.places.last_stream(f"{PREFIX}{playbook}")


def _in_family(child: str, name: str) -> str:
    """Name what a child plan did as its parent names it; what a child plan of its own did is named so already."""
    return name if name.startswith(f"{child}-") else f"{child}/{name}"


def _listed(taking: Taking) -> list[tuple[str, c.PlanCommand]]:
    return [(plan, command) for plan, commands in taking.items() for command in commands]


async def _throttle(desk: Requests, params: Params, emit: Emit) -> Params:
    """Answer for `playbook` what a throttle stopped: `way` is one of WAYS. Its plans are seen through to their rest."""
    if desk.throttling is None:
        raise CommandRefusedError("Throttles are not kept here.")
    told = await desk.throttling.answer(params["playbook"], params["way"])
    for plan in told["plans"]:
        await desk.follow(plan, emit)
    return told


METHODS: Mapping[str, Method] = {"throttle": _throttle}
