"""Keeps throttles: counts what their playbooks do, pauses their plans at a bound, and lets the operator go on.

It listens to what is on disk; after a start it reads once what the longest throttle looks back over. What was reached
is recorded in the append that pauses the plans, or begins to take back what they did: a crash leaves both or neither.
Then it is reached again at the next start, as of when it was recorded: whatever came to disk since, and however long
the rest was. Only the newest records can be ones that nobody looked at, because a bound is looked at right after each
of them. Without throttles nothing of this runs.

A throttle stands as it will be once all that is queued is on disk: a plan that is begun while its closing, or the
operator's word, is on its way stands behind that in the history, and one before it is among the plans it is about. What
came to disk meanwhile is counted once that is: the word counts all anew that lies behind it, and nothing before it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError, InputError, MainstayError
from mainstay.governance.preparations import Preparations
from mainstay.governance.roles import AMOUNT
from mainstay.governance.throttles import MAIL, PREFIX, Entry, Kind, Tally, Throttle, kind_of, moved_by
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
    from mainstay.values import Value

PAGE = 1000
UNSEEN = 10_000  # of the newest records, among which is what nobody looked at: some batches (ledger/writing.py)
KNOWN_AT_MOST = 10_000  # plans whose playbook is kept in memory
FULL_STREAM = 1900  # facts, of the 2,000 a stream holds
Taking: TypeAlias = "dict[str, tuple[c.PlanCommand, ...]]"  # what each plan is asked to do
NOTHING: Mapping[str, int] = MappingProxyType({})
WAYS = ("go-on", "undo", "stop")
ON_ITS_WAY = IN_FLIGHT | {"settling"}
_RULES = (e.VersionActivated, e.VersionRetired)
_COUNTED = (
    *(e.StepCompleted, e.StepFailed, e.StepStuck, e.DecisionRuled, e.MailBounced),
    *(e.EffectPrepared, e.EffectIntended, e.EffectRefused, e.EffectAbsent, e.EffectDone),
)
_KINDS = msgspec.json.encode([kind.__name__ for kind in (*_COUNTED, *_RULES)]).decode()


class _Word(NamedTuple):
    """What is on its way to disk about a throttle, and what came to disk of its playbook meanwhile, to be counted."""

    fact: e.AnyFact
    on_disk: asyncio.Future[int]
    meanwhile: list[tuple[str, e.AnyFact, _Told]]


class _Told(NamedTuple):
    """Facts of one plan that came to disk together: the last one's position, when, and what an action in them moves."""

    position: int
    at_us: int
    moves: Callable[[str], Mapping[str, int]]  # by path


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
        self._words: dict[str, _Word] = {}  # by playbook: one at a time
        self._playbooks: dict[str, str] = {}  # by plan: its facts are many, and each asks whose it is
        self._since = 0  # the position of what brought the rules into force
        self._counted = 0  # the position up to which the history was counted: what is told of that is not counted again
        self._listening = False

    def use(self, rules: Sequence[Rule], since: int = 0) -> None:
        """Let these throttles hold, which do so since a position of the history; `begin` counts what was so far."""
        self._rules, self._since = {}, since
        for rule in rules:
            assert rule.throttle is not None
            self._rules.setdefault(rule.throttle.playbook, []).append(rule)

    @property
    def rules(self) -> list[Rule]:
        """Those that hold now."""
        return [rule for rules in self._rules.values() for rule in rules]

    def begin(self) -> None:
        """Count what the history says, and pause what has reached a bound: at the start, and when rules change.

        Each of the newest records is looked at as of when it was recorded, and what was before the rules as of when
        they came into force. So what was reached when the machine went down pauses its plans after a night, too,
        whatever else was recorded since; and what was over by then does not.
        """
        if bool(self._rules) != self._listening:
            (self._engine.witnesses.append if self._rules else self._engine.witnesses.remove)(self._hear)
            self._listening = bool(self._rules)
        self._engine.waiting.clear()
        self._counted = self._ledger.head()[0]
        for word in self._words.values():
            word.meanwhile.clear()  # it is read
        newest = max(self._counted - UNSEEN, 0)
        self._tallies = {
            name: Tally([rule.throttle for rule in rules if rule.throttle], max(newest, self._since))
            for name, rules in self._rules.items()
        }
        for playbook in self._rules:
            self._stand(playbook)
        if not self._rules:
            return
        longest_s = max(rule.throttle.within_s for rules in self._rules.values() for rule in rules if rule.throttle)
        oldest_us = next(self._ledger.tail(newest, 1)).recorded_at_us
        self._read_since(oldest_us - longest_s * SECOND_US)
        for playbook in self._rules:
            self._look(playbook)

    def _stand(self, playbook: str) -> None:
        """Know how a throttle stands: closed, or open since when, and then no plan is left paused by it."""
        last = next(reversed(self._ledger.read(self._stream(playbook))), None)
        if last is not None and isinstance(last.fact, e.ThrottleOpened):
            self._tallies[playbook].open(last.position, last.recorded_at_us)
        word = self._words.get(playbook)
        fact = word.fact if word is not None else last.fact if last is not None else None
        if isinstance(fact, e.ThrottleClosed):
            self._engine.waiting[playbook] = _say_why(fact)
        elif taking := self._letting_go_on(playbook, self._desk.clock.now_us()):
            self._engine.submit_all(_listed(taking), cause="" if last is None else last.id)

    def _read_since(self, at_us: int) -> None:
        position, preparations = self._ledger.first_since(at_us) - 1, Preparations(self._ledger)
        while page := self._ledger.of_kinds(_KINDS, position, PAGE):
            for recorded in page:
                if recorded.position > self._counted:
                    return  # what comes to disk meanwhile is told
                self._read(recorded, preparations)
            position = page[-1].position

    def _read(self, recorded: e.Recorded, preparations: Preparations) -> None:
        """Count a record."""
        plan_id, fact = recorded.plan, recorded.fact
        if recorded.position == self._since:
            for tally in self._tallies.values():
                tally.ask(recorded.recorded_at_us)
        if not plan_id or (playbook := self._playbook(plan_id)) not in self._rules:
            return
        preparations.note(recorded)

        def moves(path: str) -> Mapping[str, int]:
            found = preparations.of(recorded, path)
            return {} if found is None else self._moved(found.operation, found.arguments)

        self._count(playbook, plan_id, fact, _Told(recorded.position, recorded.recorded_at_us, moves))

    # --- counted

    def note_bounce(self, plan_id: str, fact: e.MailBounced, position: int, at_us: int) -> None:
        """Count that a mail came back, which is on disk at a position of the history."""
        playbook = self._playbook(plan_id)
        if playbook in self._rules and position > self._counted:
            self._take(playbook, plan_id, (fact,), _Told(position, at_us, _nothing))

    def _hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan, position: int, at_us: int) -> None:
        playbook = self._playbook(plan_id)
        if playbook not in self._rules or position <= self._counted:
            return

        def moves(path: str) -> Mapping[str, int]:
            return self._moved(plan.slots[path].operation, plan.slots[path].arguments)

        self._take(playbook, plan_id, facts, _Told(position, at_us, moves))

    def _take(self, playbook: str, plan_id: str, facts: Sequence[e.AnyFact], told: _Told) -> None:
        """Count what came to disk, and look soon; where a word is on its way, once that is there."""
        word = self._words.get(playbook)
        if word is not None:
            word.meanwhile.extend((plan_id, fact, told) for fact in facts)
            return
        counted = [self._count(playbook, plan_id, fact, told) for fact in facts]
        if any(counted) and self._tallies[playbook].is_reached:
            asyncio.get_running_loop().call_soon(self._look, playbook)

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

    def _count(self, playbook: str, plan_id: str, fact: e.AnyFact, told: _Told) -> bool:
        """Count one fact of a plan; says whether it counts at all."""
        tally, root = self._tallies[playbook], plan_id.partition("-")[0]

        def note(kind: Kind, path: str = "", amounts: Mapping[str, int] = NOTHING) -> bool:
            tally.note(Entry(told.position, told.at_us, kind, root, path, amounts))
            return True

        if isinstance(fact, e.MailBounced):
            return fact.final and note("bounced")  # it is told once
        if isinstance(fact, (e.EffectRefused, e.EffectAbsent)):
            tally.take_back(f"{plan_id}/{fact.path}")
        elif isinstance(fact, e.EffectIntended):
            if tally.counts_money and not fact.path.startswith("~") and (amounts := told.moves(fact.path)):
                return note("spent", f"{plan_id}/{fact.path}", amounts)
        elif (kind := kind_of(fact)) is not None:
            if isinstance(fact, e.EffectDone) and fact.operation == MAIL:
                note("sent")
            return note(kind)
        return False

    def _moved(self, operation: str, arguments: Value) -> Mapping[str, int]:
        """Give what an action moves by currency, micro-units; nothing where that can't be read (any more)."""
        roles = self._roles(operation)
        if AMOUNT not in roles.values():
            return NOTHING
        try:
            return moved_by(self._desk.payloads.load(arguments), roles)
        except MainstayError:
            return NOTHING  # a budget asks about an amount that nobody knows

    # --- reached

    def _look(self, playbook: str) -> None:
        """Pause the plans of a playbook if it has reached a bound, and tell the operator."""
        if playbook in self._engine.waiting or playbook in self._words:
            return
        if playbook not in self._rules or self._engine.held:
            return
        for rule, counted in zip(self._rules[playbook], self._tallies[playbook].reached(), strict=True):
            assert rule.throttle is not None
            if counted is not None:
                self._close(rule, rule.throttle, counted)
                return

    def _close(self, rule: Rule, throttle: Throttle, counted: Counted) -> None:
        playbook, why, now_us = throttle.playbook, f"{counted.says} (rule {rule.id})", self._desk.clock.now_us()
        undone = self._undoing(counted.plans if throttle.undo else (), counted.since_us, THROTTLE, why, now_us)
        rest = [plan for plan in self._open(playbook) if plan not in undone]
        paused = self._taking(rest, lambda _: (c.PausePlan(now_us=now_us, by=THROTTLE, reason=why),))
        named = tuple(paused), tuple(undone), counted.plans
        fact = e.ThrottleClosed(rule.id, playbook, counted.says, *named, rule.why, counted.since_us)
        cause, _ = self._record(playbook, fact, undone | paused, now_us, "mainstay")
        self._engine.waiting[playbook] = why
        self._engine.warn(say_closed(fact), cause)

    # --- ways on

    async def answer(self, playbook: str, way: str) -> Params:
        """Take the operator's answer to a throttle that is closed; on disk when this returns."""
        while (word := self._words.get(playbook)) is not None:  # somebody else's, or the closing itself
            await asyncio.wait({word.on_disk})
        recorded = self._ledger.read(self._stream(playbook))
        fact = recorded[-1].fact if recorded else None
        if not isinstance(fact, e.ThrottleClosed):
            raise CommandRefusedError(
                f"No throttle holds plans of '{playbook}'.", remedy="See all with: mainstay throttle"
            )
        now_us, why = self._desk.clock.now_us(), _say_why(fact)
        if way == "go-on":
            taking = self._letting_go_on(playbook, now_us)
            opened = e.ThrottleOpened("operator", tuple(taking))
            _, on_disk = self._record(playbook, opened, taking, now_us, "operator")
            self._engine.waiting.pop(playbook, None)
            await asyncio.shield(on_disk)
        elif way == "undo":
            tally = self._tallies.get(playbook)
            after = () if tally is None else tally.acted_after(recorded[-1].position)  # it was on its way then
            taking = self._undoing(dict.fromkeys((*fact.acted, *after)), fact.since_us, "operator", why, now_us)
        elif way == "stop":
            end = c.CancelPlan(now_us=now_us, by="operator", reason=why)
            taking = self._taking(self._open(playbook), lambda plan: (end,) if _is_held(plan) else ())
        else:
            raise InputError(f"A throttle takes no '{way}'.", remedy=f"It takes: {', '.join(WAYS)}.")
        if way != "go-on" and taking:
            await self._engine.submit_all(_listed(taking), actor="operator")
        return {"plan": "", "playbook": playbook, "way": way, "plans": list(taking)}

    def _letting_go_on(self, playbook: str, now_us: int) -> Taking:
        """Let the plans go on that a throttle paused: the operator's word is about all of them."""
        resume = c.ResumePlan(now_us=now_us, by="operator")
        paused = self._open(playbook, queries.PAUSED_PLANS_OF)
        return self._taking(paused, lambda plan: (resume,) if _is_held(plan) else ())

    # --- leaves

    def _open(self, playbook: str, among: str = queries.OPEN_PLANS_OF) -> list[str]:
        """Name the plans of a playbook that have not ended, those among it that are on their way to disk."""
        on_disk = (row[0] for row in self._ledger.rows(among, (playbook,)))
        queued = (plan.id for plan in self._engine.queued() if plan.playbook == playbook and not plan.parent)
        return list(dict.fromkeys((*on_disk, *queued)))

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
            except MainstayError:
                continue
            if wanted:
                found[plan_id] = wanted
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
        self._words[playbook] = _Word(fact, done, [])
        done.add_done_callback(partial(self._recorded, playbook, now_us))
        return append.last_id, done

    def _recorded(self, playbook: str, at_us: int, done: asyncio.Future[int]) -> None:
        """Go on counting once a word is on disk; where that failed all is read anew once it is mended."""
        word = self._words.pop(playbook)
        if done.cancelled() or done.exception() is not None or playbook not in self._rules:
            return
        if isinstance(word.fact, e.ThrottleOpened):
            self._tallies[playbook].open(done.result(), at_us)
        for plan_id, fact, told in word.meanwhile:
            self._count(playbook, plan_id, fact, told)
        self._look(playbook)

    def _stream(self, playbook: str) -> str:
        return self._engine.parts.places.last_stream(f"{PREFIX}{playbook}")


def _in_family(child: str, name: str) -> str:
    """Name what a child plan did as its parent names it; what a child plan of its own did is named so already."""
    return name if name.startswith(f"{child}-") else f"{child}/{name}"


def _nothing(path: str) -> Mapping[str, int]:
    """Give what is moved where nothing is."""
    del path
    return NOTHING


def _is_held(plan: Plan) -> bool:
    """Whether a throttle paused it, and not the operator."""
    return plan.paused_at_us is not None and plan.paused_by == THROTTLE


def _say_why(fact: e.ThrottleClosed) -> str:
    return f"{fact.says} (rule {fact.rule})"


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
