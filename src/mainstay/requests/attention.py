"""Telling the operator what waits, while nobody looks: on the service's screen, and by the ways of requests/notify.py.

How often, and what comes through beyond that, is said in `governance.attention`. A way that fails is told on the
screen and named in the fact. It is tried again after a minute, two, four and so on, up to an hour, with what waits by
then in one message: the last fact that names a way says whether it is owed one, so a restart forgets none.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from msgspec.json import encode

from mainstay import events as e
from mainstay.errors import CommitFailedError, MainstayError
from mainstay.governance.attention import FRESH_US, SOON_US, Days, Rules
from mainstay.ledger import queries
from mainstay.ledger.batch import STREAM_EVENTS
from mainstay.requests.notify import Message
from mainstay.requests.stuck import does_of, group_of
from mainstay.requests.throttling import say_closed
from mainstay.sentences import QUESTION
from mainstay.shown import shown
from mainstay.values import digest_of, is_own_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from mainstay.kernel.state import Plan, Question
    from mainstay.requests.desk import Requests
    from mainstay.requests.notify import Sort, Ways

    Alike: TypeAlias = tuple[str, str, str, str, int, str, str, int | None]

LOOK_S = 2.0
AGAIN_S, AGAIN_AT_MOST_S = 60.0, 3600.0  # until a way that failed is tried again
LISTED = 20  # lines of one message
WARNINGS = 1000  # of an owner before that are told at most, the latest
_CHARS = 160  # of a sentence in it
_LOOKED_FOR = encode([kind.__name__ for kind in (e.DecisionReminded, e.BudgetWarned, e.ThrottleClosed, e.OperatorTold)])


class Teller:
    """Tells what waits for as long as a service lives."""

    def __init__(self, desk: Requests, rules: Rules, ways: Ways, show: Callable[[str], None]) -> None:
        """Tell what waits at this desk; `show` puts a line on the service's screen."""
        self._desk, self._rules, self._ways, self._show = desk, rules, ways, show
        self._ledger = desk.engine.parts.ledger
        self._reminded: set[str] = set()  # since the last look
        self._warned: list[tuple[str, str]] = []  # by an owner before, who ended before anybody was told; and what of
        self._again_s, self._pause_s = 0.0, AGAIN_S  # when a way that failed is tried again, of the time since boot

    def heard(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        """Note what a reminder is due of: engine.Listener."""
        del plan_id, plan
        self._reminded.update(fact.decision for fact in facts if isinstance(fact, e.DecisionReminded))

    async def run(self, pause_s: float = LOOK_S) -> None:
        """Look every few seconds; what a failing disk kept from being told is told once the history is read again."""
        mark_us: int | None = None
        while True:
            await self._desk.engine.whole()
            try:
                if mark_us is None:
                    mark_us = self._last_us()
                    self.catch_up(mark_us)
                mark_us = await self.look(mark_us)
            except CommitFailedError as error:  # it failed a moment ago, and nobody was told yet
                self._desk.engine.fail(error)
            await self._desk.clock.sleep(pause_s)

    async def look(self, mark_us: int) -> int:
        """Tell what came since the mark; gives the next one. What is told is on disk when this returns."""
        desk = self._desk
        if desk.engine.held or not desk.engine.is_whole:
            return mark_us
        until_us = desk.clock.now_us() - self._rules.after_us
        mark_us = min(mark_us, until_us)  # somebody may have set the clock back
        days = Days(self._rules, self._ledger.read, until_us)
        messages = [*self._urgent(mark_us, until_us, days)]
        if len(messages) < days.left():
            came = self._alike(queries.CAME, days.since_us(mark_us), until_us, until_us + SOON_US)
            messages += [_about("asked", came)] if came else []
        if self._reminded and len(messages) < days.left():
            again = self._alike(queries.STILL_OPEN, encode(sorted(self._reminded)).decode())
            messages += [_about("reminded", again)] if again else []
        self._reminded.clear()
        if days.is_summary_due(mark_us):
            messages += self._summary(until_us)
        if messages and days.length + len(messages) <= STREAM_EVENTS:
            await self._tell(messages, days, mark_us, until_us)
        elif days.length < STREAM_EVENTS and desk.clock.boot_s() >= self._again_s:
            await self._tell_again(days.owed(self._ways.names), days, until_us)
        return until_us

    def _last_us(self) -> int:
        """Give the mark of the last message; where there never was one, an hour ago."""
        last = self._ledger.rows(queries.LAST_TOLD)
        fact = self._ledger.read(last[0][0])[-1].fact if last else None
        return fact.until_us if isinstance(fact, e.OperatorTold) else self._desk.clock.now_us() - FRESH_US

    def catch_up(self, mark_us: int) -> None:
        """Find what was to be told since the mark while nobody listened.

        Those are reminders, of which the summary tells later than an hour, and warnings that are on disk, however long
        back: an owner may have ended between recording one and telling of it.
        """
        position, fresh_us = self._ledger.first_since(mark_us) - 1, self._desk.clock.now_us() - FRESH_US
        told, warned = set[str](), list[tuple[str, str]]()
        for (at,) in self._ledger.rows(queries.POSITIONS_OF_KINDS, (position, _LOOKED_FOR.decode())):
            (event,) = self._ledger.tail(at - 1, 1)
            fact = event.fact
            if isinstance(fact, e.DecisionReminded) and event.recorded_at_us >= fresh_us:
                self._reminded.add(fact.decision)
            elif isinstance(fact, e.BudgetWarned):
                warned.append((self._desk.engine.parts.budgets.say_warned(event.stream, fact), event.id))
            elif isinstance(fact, e.ThrottleClosed):
                warned.append((say_closed(fact), event.id))
            elif isinstance(fact, e.OperatorTold):
                told.update(fact.causes)
        self._warned += [(text, cause) for text, cause in warned[-WARNINGS:] if _mark(cause) not in told]

    # --- what there is to tell

    def _urgent(self, mark_us: int, until_us: int, days: Days) -> list[Message]:
        first = self._alike(queries.CAME_FIRST, mark_us, until_us)
        close = self._alike(queries.CAME_CLOSE, mark_us, until_us, SOON_US)
        found = [_about("escalated", first)] if first else []
        found += [_about("due", close)] if close else []
        found += [message for message in self._stuck(mark_us, until_us) if not days.known(message.causes[0])]
        return found + self._warnings(days)

    def _warnings(self, days: Days) -> list[Message]:
        """Give each warning once, those that say the same in one message; one before us may have told of it, too."""
        fresh = self._desk.engine.warned
        said: dict[str, dict[str, None]] = {}
        for text, cause in [*self._warned, *(fresh.popleft() for _ in range(len(fresh)))]:
            if text and not days.known(mark := _mark(cause)):
                said.setdefault(text, {})[mark] = None
        self._warned.clear()
        return [Message("warned", text, 0, (), (*marks,), _WARNED, page="today") for text, marks in said.items()]

    def _stuck(self, mark_us: int, until_us: int) -> list[Message]:
        """Give a message for each cause, however many plans it stopped."""
        causes: dict[str, list[tuple[Any, ...]]] = {}
        does: dict[tuple[str, str], str] = {}
        for row in self._ledger.rows(queries.STUCK_ALIKE, (mark_us, until_us)):
            kind, playbook, step, error_class, message, *_, sample, _ = row
            if (playbook, step) not in does:
                does[playbook, step] = self._does(sample)
            causes.setdefault(group_of(kind, does[playbook, step], error_class, message), []).append(row)
        return [self._about_cause(cause, rows) for cause, rows in causes.items()]

    def _does(self, decision: str) -> str:
        plan, asked = self._asked(decision)
        return does_of(plan, asked.paths[0]) if plan is not None and asked is not None else ""

    def _asked(self, decision: str) -> tuple[Plan | None, Question | None]:
        """Give a question and its plan. What is known of one that can't be read is told all the same."""
        try:
            plan = self._desk.engine.load(decision.rpartition(".")[0])
        except CommitFailedError:
            raise
        except MainstayError:
            return None, None
        return plan, plan.questions.get(decision)

    def _about_cause(self, cause: str, rows: list[tuple[Any, ...]]) -> Message:
        count, plans = sum(row[6] for row in rows), sum(row[8] for row in rows)
        kind, playbook, step, _, message, remedy, _, sample, _ = rows[0]
        _, asked = self._asked(sample)
        options = asked.options if asked is not None else ()
        plan_id = sample.rpartition(".")[0]
        where = f"{playbook}, {step}" + (f", in {plans} plans" if plans > 1 else f", plan {plan_id}")
        lines = tuple(f"  mainstay stuck {option} {cause}" for option in options)
        what = f"{'Stuck' if kind == 'stuck' else QUESTION[kind].capitalize()} ({where})"
        return Message(
            "stuck", f"{what}: {_short(message)} See: mainstay stuck", count, lines, (cause,),
            little=f"{what}. See: mainstay stuck", details=(f"  {_short(remedy)}",) if remedy else (),
            page="stuck",
        )  # fmt: skip

    def _summary(self, until_us: int) -> list[Message]:
        waits = self._alike(queries.WAIT_ALIKE, until_us)
        return [_about("summary", waits)] if waits else []

    def _alike(self, query: str, *bounds: object) -> list[Alike]:
        return [(*row,) for row in self._ledger.rows(query, bounds)]  # type: ignore[misc]

    # --- telling it

    async def _tell(self, messages: list[Message], days: Days, mark_us: int, until_us: int) -> None:
        """Tell them, and record each by itself; the mark moves with the last: none behind one is lost if we end."""
        for number, message in enumerate(messages, days.length + 1):
            for line in message.text.splitlines() if message.sort != "warned" else ():  # that was shown when it was
                self._show(line)
            ways, missed = await self._ways.send(message, _token(days, number), self._ways.names)
            for name, failure in missed.items():
                self._show(f"This did not reach you by {name}: {failure.message} {failure.remedy}".strip())
            if missed:
                self._again_s = self._desk.clock.boot_s() + self._pause_s
            told_us = until_us if message is messages[-1] else mark_us
            about = (message.sort, told_us, message.questions, message.causes)
            await self._record(e.OperatorTold(*about, ways, (*missed,)), days.stream, number - 1)

    async def _tell_again(self, owed: tuple[str, ...], days: Days, until_us: int) -> None:
        """Tell what waits by ways that did not take the last message; nothing where nothing waits any more."""
        waits = self._alike(queries.WAIT_ALIKE, until_us) if owed else []
        if not waits:
            return
        message = _about("again", waits)
        ways, missed = await self._ways.send(message, _token(days, days.length + 1), owed)
        self._pause_s = AGAIN_S if not missed else min(2 * self._pause_s, AGAIN_AT_MOST_S)
        self._again_s = self._desk.clock.boot_s() + self._pause_s
        if ways:
            fact = e.OperatorTold("again", until_us, message.questions, (), ways, (*missed,))
            await self._record(fact, days.stream, days.length)

    async def _record(self, fact: e.OperatorTold, stream: str, length: int) -> None:
        draft = e.Draft(fact, self._desk.clock.now_us(), "mainstay")
        with suppress(MainstayError):  # of the disk: whoever works on it tells of it, and what was told was told
            await self._ledger.append([e.Append(stream, length, (draft,))])


def _mark(cause: str) -> str:
    """Give what the fact behind a warning goes by among the causes of messages."""
    return f"w{digest_of(cause.encode())[:16]}"


def _token(days: Days, number: int) -> str:
    """Name a message of a day: the same one that is sent again is the same mail."""
    return digest_of(days.stream.encode(), str(number).encode())


def _about(sort: Sort, alike: list[Alike]) -> Message:
    count = sum(row[4] for row in alike)
    if count == 1 and sort in _ONE:
        *_, decision, headline, _ = alike[0]
        group, how = f"{_group(alike[0])}.", f"Answer: mainstay decide {decision}"
        little = f"{_ONE[sort]}: {group} {how}"
        return Message(sort, f"{_ONE[sort]}: {_short(headline) or group} {how}", 1, little=little, decision=decision)
    lines = [f"  {row[4]} x {_group(row)}" for row in alike[:LISTED]]
    lines += [f"  and {sum(row[4] for row in alike[LISTED:])} more"] if len(alike) > LISTED else []
    many = f"{count} questions" if count > 1 else "1 question"
    says = _MANY[sort].format(many) if count > 1 else _MANY[sort].format(many).replace(" wait ", " waits ")
    return Message(sort, f"{says} Begin with: mainstay inbox", count, tuple(lines))


_WARNED = "A budget runs low, or a throttle paused a playbook. See: mainstay budget, mainstay throttle"
_ONE = {
    "asked": "This needs your decision",
    "reminded": "This still needs your decision",
    "escalated": "This has waited for your decision for too long",
    "due": "Without your answer this soon counts as a no",
}
_MANY = {
    "asked": "{} came that need your decision.",
    "reminded": "{} still need your decision.",
    "escalated": "{} waited for your decision for too long.",
    "due": "{} soon count as a no without your answer.",
    "summary": "Today's summary: {} wait for your decision.",
    "again": "What was to reach you before did not: {} wait for your decision.",
}


def _group(row: Alike) -> str:
    kind, playbook, step, rule, *_ = row
    return f"{playbook}, {step}: {QUESTION[kind]}" + ("" if not rule or is_own_rule(rule) else f" (rule {rule})")


def _short(sentence: str) -> str:
    """Give a sentence in one line that is not too long, with its end."""
    line = shown(" ".join(sentence.split()))
    line = line if len(line) <= _CHARS else f"{line[: _CHARS - 1]}…"
    return line if not line or line[-1] in ".!?…" else f"{line}."
