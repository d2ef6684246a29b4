"""What was done so far, counted from the history: how often an operation acted today, what a plan moved.

An action counts from its intent on, and no more once it is known that it did not happen. Only rules that ask for
counts cost anything: what was recorded since the last question is then read once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from mainstay import events as e
from mainstay.errors import MainstayError
from mainstay.governance.roles import AMOUNT, amounts_of
from mainstay.values import SECOND_US, Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mainstay.events import Recorded
    from mainstay.values import Role, Value

RolesOf: TypeAlias = "Callable[[str], Mapping[str, Role]]"  # of an operation, by its name

PLANS_KEPT = 64
PLANS_READ = 16  # whose preparations are kept at once
PAGE = 1000


class Records(Protocol):
    """What is read of a ledger: the ledger itself, or its reader."""

    def read(self, stream: str, after: int = 0) -> list[Recorded]:
        """Give the facts of a stream."""
        ...

    def tail(self, after: int = 0, limit: int = 1000) -> Iterator[Recorded]:
        """Give facts past a position, in order."""
        ...

    def first_since(self, at_us: int) -> int:
        """Give the position of the first fact recorded at a time or later."""
        ...


class Preparations:
    """Finds what intents were prepared as: among what was walked past, else in their plan, which is read once."""

    def __init__(self, ledger: Records) -> None:
        """Take the history."""
        self._ledger = ledger
        self._passed: dict[tuple[str, str], e.EffectPrepared] = {}  # by stream and path: not intended yet
        self._plans: OrderedDict[str, _Prepared] = OrderedDict()  # by stream

    def note(self, recorded: Recorded) -> None:
        """Know of a preparation that a walk along the history passes."""
        if isinstance(recorded.fact, e.EffectPrepared):
            self._passed[recorded.stream, recorded.fact.path] = recorded.fact

    def of(self, intended: Recorded, path: str) -> e.EffectPrepared | None:
        """Give the newest before an intent, for one that is tried again, too; None where the history has none."""
        passed = self._passed.pop((intended.stream, path), None)
        if passed is not None:
            return passed
        plan = self._plans.pop(intended.stream, None) or _Prepared(0, {})
        if plan.until < intended.sequence:
            plan = self._read(intended.stream, plan)
        self._plans[intended.stream] = plan
        if len(self._plans) > PLANS_READ:
            self._plans.popitem(last=False)
        earlier = (fact for sequence, fact in reversed(plan.by_path.get(path, ())) if sequence < intended.sequence)
        return next(earlier, None)

    def _read(self, stream: str, plan: _Prepared) -> _Prepared:
        """Read on from where it was read up to."""
        until = plan.until
        for event in self._ledger.read(stream, until):
            until = event.sequence
            if isinstance(event.fact, e.EffectPrepared):
                plan.by_path.setdefault(event.fact.path, []).append((until, event.fact))
        return _Prepared(until, plan.by_path)


class _Prepared(NamedTuple):
    """What a plan prepared, up to a sequence of its stream."""

    until: int
    by_path: dict[str, list[tuple[int, e.EffectPrepared]]]  # with its sequence; longest ago first


class Done(NamedTuple):
    """How many actions there were, and what they moved by currency, minor units."""

    times: int = 0
    minor: Mapping[str, int] = {}
    unread: int = 0  # of them, whose arguments do not show what they moved

    def money(self) -> Money:
        """Give the sum. Raises ValueError where there are two currencies, or where it is not known of one."""
        if self.unread:
            msg = "What was moved so far can't be added up: the arguments of an action do not show how much it moved."
            raise ValueError(msg)
        if len(self.minor) > 1:
            msg = f"What was moved so far is in {' and '.join(sorted(self.minor))}, and can't be added up."
            raise ValueError(msg)
        return next((Money(minor, code) for code, minor in self.minor.items()), Money(0, ""))


class _Counted(NamedTuple):
    """What an intent was counted under, and what it moves; None where that can't be read."""

    keys: list[tuple[str, str]]
    amounts: list[Money] | None


class Sums:
    """Counts of facts that are fed in order: by operation and day, by operation and plan."""

    def __init__(self, zone: ZoneInfo, roles: RolesOf, load: Callable[[Value], Value]) -> None:
        """Take the company's time zone, the roles of operations, and what opens recorded arguments."""
        self._zone, self._roles, self._load = zone, roles, load
        self._prepared: dict[tuple[str, str], e.EffectPrepared] = {}
        self._intended: dict[tuple[str, str], _Counted] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._minor: dict[tuple[str, str], Counter[str]] = {}
        self._unread: Counter[tuple[str, str]] = Counter()

    def feed(self, recorded: Recorded, prepared: e.EffectPrepared | None = None) -> bool:
        """Count one fact; `prepared` is what an intent was prepared as, where that was never fed.

        False: it is an intent whose preparation is not known.
        """
        fact = recorded.fact
        if isinstance(fact, e.EffectPrepared):
            self._prepared[recorded.plan, fact.path] = fact
        elif isinstance(fact, e.EffectIntended):
            known = self._prepared.get((recorded.plan, fact.path), prepared)
            if known is None:
                return False
            self._prepared[recorded.plan, fact.path] = known
            self._add(recorded, known)
        elif isinstance(fact, (e.EffectRefused, e.EffectAbsent)):
            self._take_back(recorded.plan, fact.path)
        elif isinstance(fact, e.EffectDone):  # it stays counted, and nothing more is asked about it
            self._intended.pop((recorded.plan, fact.path), None)
            self._prepared.pop((recorded.plan, fact.path), None)
        return True

    def on_day(self, operation: str, day: str) -> Done:
        """Give what an operation did on a day, YYYY-MM-DD."""
        return self._done((operation, day))

    def of_plan(self, plan: str, operation: str = "") -> Done:
        """Give what a plan did by one operation; what all of them moved where none is named."""
        return self._done((operation, f"plan:{plan}"))

    def _done(self, key: tuple[str, str]) -> Done:
        moved = self._minor.get(key, Counter[str]())
        return Done(self._counts[key], {code: amount for code, amount in moved.items() if amount}, self._unread[key])

    def _add(self, recorded: Recorded, prepared: e.EffectPrepared) -> None:
        self._take_back(recorded.plan, prepared.path)  # tried again: it counts once
        day = day_of(recorded.recorded_at_us, self._zone)
        name, plan = prepared.operation, f"plan:{recorded.plan}"
        keys = [(name, day), (name, plan), ("", plan)]
        counted = self._intended[recorded.plan, prepared.path] = _Counted(keys, self._amounts(prepared))
        self._count(counted, 1)

    def _take_back(self, plan: str, path: str) -> None:
        counted = self._intended.pop((plan, path), None)
        if counted is not None:
            self._count(counted, -1)

    def _count(self, counted: _Counted, sign: int) -> None:
        for key in counted.keys:
            self._counts[key] += sign
            self._unread[key] += sign if counted.amounts is None else 0
            for amount in counted.amounts or ():
                self._minor.setdefault(key, Counter())[amount.currency] += sign * amount.minor

    def _amounts(self, prepared: e.EffectPrepared) -> list[Money] | None:
        """Give what an action moves; None where that can't be read, and it is still counted."""
        roles = self._roles(prepared.operation)
        if AMOUNT not in roles.values():
            return []
        try:
            return amounts_of(self._load(prepared.arguments), roles)
        except MainstayError:
            return None


class Deeds:
    """What a workspace's history holds by now: `Counts` of the judge.

    `before` is the first record that is not counted, 0 for none: what is judged again is judged as of then. It only
    grows.
    """

    before = 0

    def __init__(self, ledger: Records, timezone: str, roles: RolesOf, load: Callable[[Value], Value]) -> None:
        """Take the history, the company's time zone, the roles of operations, and what opens recorded arguments."""
        self._ledger, self._roles, self._load = ledger, roles, load
        self._zone = ZoneInfo(timezone)
        self._day: str = ""
        self._position = 0
        self._preparations = Preparations(ledger)
        self._today = self._sums()
        self._plans: OrderedDict[str, tuple[Sums, int, deque[Recorded]]] = (
            OrderedDict()
        )  # with what is ahead of `before`

    def today(self, operation: str, now_us: int) -> Done:
        """Give what an operation did today."""
        self._catch_up(now_us)
        return self._today.on_day(operation, self._day)

    def in_plan(self, plan: str, operation: str) -> Done:
        """Give what a plan did by one operation, or moved by all."""
        sums, after, ahead = self._plans.pop(plan, None) or (self._sums(), 0, deque["Recorded"]())
        ahead = ahead or deque(self._ledger.read(f"plan:{plan}", after))
        while ahead and (not self.before or ahead[0].position < self.before):
            sums.feed(recorded := ahead.popleft())
            after = recorded.sequence
        self._plans[plan] = sums, after, ahead
        if len(self._plans) > PLANS_KEPT:
            self._plans.popitem(last=False)
        return sums.of_plan(plan, operation)

    def _sums(self) -> Sums:
        return Sums(self._zone, self._roles, self._load)

    def _catch_up(self, now_us: int) -> None:
        day = day_of(now_us, self._zone)
        if day != self._day:
            self._day, self._today = day, self._sums()
            self._position = self._ledger.first_since(midnight_us(now_us, self._zone)) - 1
        while page := self._page():
            for recorded in page:
                if day_of(recorded.recorded_at_us, self._zone) == day and not self._today.feed(recorded):
                    path = getattr(recorded.fact, "path", "")
                    self._today.feed(recorded, self._preparations.of(recorded, path))  # it was on a day before
            self._position = page[-1].position

    def _page(self) -> list[Recorded]:
        most = min(PAGE, self.before - 1 - self._position) if self.before else PAGE
        return list(self._ledger.tail(self._position, most)) if most > 0 else []


def day_of(at_us: int, zone: ZoneInfo) -> str:
    """Give the day in the company's time zone, YYYY-MM-DD."""
    return _local(at_us, zone).date().isoformat()


def midnight_us(at_us: int, zone: ZoneInfo) -> int:
    """Give when that day began."""
    local = _local(at_us, zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return int(local.timestamp()) * SECOND_US


def _local(at_us: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone(zone)
