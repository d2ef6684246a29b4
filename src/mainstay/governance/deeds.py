"""What was done so far, counted from the history: how often an operation acted today, what a plan moved.

An action counts from its intent on, and no more once it is known that it did not happen. Only rules that ask for
counts cost anything: what was recorded since the last question is then read once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from mainstay import events as e
from mainstay.errors import MainstayError
from mainstay.governance.preparations import Preparations
from mainstay.governance.roles import AMOUNT, amounts_of
from mainstay.values import SECOND_US, Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.events import Recorded
    from mainstay.governance.preparations import Records
    from mainstay.values import Role, Value

RolesOf: TypeAlias = "Callable[[str], Mapping[str, Role]]"  # of an operation, by its name

PLANS_KEPT = 64
PAGE = 1000


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

    def __init__(
        self, zone: ZoneInfo, roles: RolesOf, load: Callable[[Value], Value], preparations: Preparations
    ) -> None:
        """Take the company's time zone, the roles of operations, what opens recorded arguments, and a walk's memory."""
        self._zone, self._roles, self._load, self._preparations = zone, roles, load, preparations
        self._intended: dict[tuple[str, str], _Counted] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._minor: dict[tuple[str, str], Counter[str]] = {}
        self._unread: Counter[tuple[str, str]] = Counter()

    def feed(self, recorded: Recorded) -> None:
        """Count one fact."""
        fact = recorded.fact
        self._preparations.note(recorded)
        if isinstance(fact, e.EffectIntended):
            if (prepared := self._preparations.of(recorded, fact.path)) is not None:
                self._add(recorded, prepared)
        elif isinstance(fact, (e.EffectRefused, e.EffectAbsent)):
            self._take_back(recorded.plan, fact.path)
        elif isinstance(fact, e.EffectDone):  # it stays counted, and nothing more is asked about it
            self._intended.pop((recorded.plan, fact.path), None)

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
        return Sums(self._zone, self._roles, self._load, Preparations(self._ledger))

    def _catch_up(self, now_us: int) -> None:
        day = day_of(now_us, self._zone)
        if day != self._day:
            self._day, self._today = day, self._sums()
            self._position = self._ledger.first_since(midnight_us(now_us, self._zone)) - 1
        while page := self._page():
            for recorded in page:
                # whatever a clock that was set back dated: what an action of today is, and that it did not happen
                if not isinstance(recorded.fact, e.EffectIntended) or self._is_of(recorded, day):
                    self._today.feed(recorded)
            self._position = page[-1].position

    def _is_of(self, recorded: Recorded, day: str) -> bool:
        return day_of(recorded.recorded_at_us, self._zone) == day

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
