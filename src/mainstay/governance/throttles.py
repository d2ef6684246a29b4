"""Throttles: how much may fail, be refused or be spent by a playbook within a while, before its plans are paused.

A throttle is a rule of a policy; what its playbook did is counted from facts, those of child plans among it. Nothing is
kept but what the window holds, so it can be counted again from the history at any time.

A bound is asked about in each moment in which something that counts was recorded, as of that moment, and in no other:
so it makes no difference whether that is looked at right away or after a start, and what was recorded since.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from mainstay import events as e
from mainstay.governance.amounts import say_amounts
from mainstay.governance.roles import amounts_of
from mainstay.kernel.budget import micros_of
from mainstay.kernel.failing import was_denied
from mainstay.values import SECOND_US, say_count, say_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mainstay.values import Role, Value

Kind = Literal["done", "failed", "rejected", "spent", "sent", "bounced"]
KINDS: tuple[Kind, ...] = ("done", "failed", "rejected", "spent", "sent", "bounced")
MAIL = "mail.send"  # what bounces are counted against
PREFIX = "throttle:"


class Share(msgspec.Struct, frozen=True):
    """So many of a hundred, once there are at least so many: "20% of 10"."""

    percent: int
    least: int


class Throttle(msgspec.Struct, frozen=True, omit_defaults=True):
    """What pauses the plans of a playbook; each bound counts by itself, and 0 or None bounds nothing."""

    playbook: str
    within_s: int
    failed: int = 0
    share: Share | None = None
    rejected: int = 0
    spent: dict[str, int] = {}  # micro-units by currency
    undo: bool = False  # what it did within that time is taken back as well, and nothing else
    bounced: int = 0  # mails that came back for good
    bounced_share: Share | None = None  # of those that were sent


class Entry(NamedTuple):
    """One thing that counts: `plan` is the one at the top of its family; `path` says what spent it, in any of them."""

    position: int  # in the history; of facts that came to disk together that of the last
    at_us: int  # when it was recorded
    kind: Kind
    plan: str
    path: str = ""
    amounts: Mapping[str, int] = {}


class Counted(NamedTuple):
    """What a throttle found: in words, and the plans that did something since its time began, by now."""

    says: str
    plans: tuple[str, ...]
    since_us: int  # where its time began


class Tally:
    """What the plans of one playbook did lately, in the order of the history.

    Its clock only goes on: what was recorded before a clock was set back is as long ago as the records since then say,
    and once that clock is ahead again (set right, say), as long ago as it says.
    """

    def __init__(self, throttles: Sequence[Throttle], asks_after: int = 0) -> None:
        """Keep what these look back at; they are asked about in what lies past a position of the history."""
        self._throttles, self._windows = throttles, [_Window(throttle) for throttle in throttles]
        self._longest_us = max(throttle.within_s for throttle in throttles) * SECOND_US
        self._asks_after = asks_after
        self._opened, self._opened_us = 0, 0
        self._now_us = self._last_us = 0  # by its own clock, and by that of the last record
        self._latest_us = self._latest_now_us = 0  # the record that was ahead of all others, by that clock and its own
        self._acted: OrderedDict[str, tuple[int, int]] = OrderedDict()  # plans, with when they last did something
        self.counts_money = any(throttle.spent for throttle in throttles)

    @property
    def is_reached(self) -> bool:
        """Whether any bound was reached since it was opened."""
        return any(window.reached for window in self._windows)

    def open(self, position: int, at_us: int) -> None:
        """Count anew from a position of the history on: the operator let it go on then.

        What came to disk after it is noted after this. Once more for the same position changes nothing.
        """
        if position <= self._opened:
            return
        self._opened, self._opened_us = position, at_us
        self._windows = [_Window(throttle) for throttle in self._throttles]
        self._acted.clear()

    def note(self, entry: Entry) -> None:
        """Count something, and ask each throttle that it counts for whether a bound is reached by it."""
        if entry.position <= self._opened:
            return
        self._pass(entry.at_us)
        if entry.kind == "done":
            self._acted.pop(entry.plan, None)
            self._acted[entry.plan] = entry.position, self._now_us
        for window in self._windows:
            if window.add(entry, self._now_us) and entry.position > self._asks_after:
                self._ask(window)

    def take_back(self, path: str) -> None:
        """Count no longer what an action would have moved that did not happen."""
        for window in self._windows:
            window.take_back(path)

    def ask(self, at_us: int) -> None:
        """Ask each throttle whether a bound is reached as of a moment; what was reached once stays so."""
        self._pass(at_us)
        for window in self._windows:
            self._ask(window)

    def reached(self) -> Iterator[Counted | None]:
        """Give what was reached of each throttle, in their order."""
        for window in self._windows:
            found = window.reached
            plans = (plan for plan, (_, at_us) in self._acted.items() if found and at_us > found.after_us)
            yield None if found is None else Counted(found.says, tuple(plans), found.since_us)

    def acted_after(self, position: int) -> tuple[str, ...]:
        """Name the plans that did something past a position of the history."""
        return tuple(plan for plan, last in self._acted.items() if last[0] > position)

    def _ask(self, window: _Window) -> None:
        if window.reached is None and (says := window.says()):
            since_us = max(self._opened_us, self._last_us - window.within_us)
            window.reached = _Reached(says, since_us, self._now_us - window.within_us)

    def _pass(self, at_us: int) -> None:
        """Let time go on to a moment, and leave what is no longer within."""
        if at_us < self._latest_us:  # it was set back
            self._now_us += max(0, at_us - self._last_us)
        else:
            self._now_us = max(self._now_us, self._latest_now_us + at_us - self._latest_us)
            self._latest_us, self._latest_now_us = at_us, self._now_us
        self._last_us = at_us
        for window in self._windows:
            window.leave(self._now_us - window.within_us)
        if not self.is_reached:  # else they are asked for
            while self._acted and next(iter(self._acted.values()))[1] <= self._now_us - self._longest_us:
                self._acted.popitem(last=False)


class _Reached(NamedTuple):
    """That a bound was reached, and after which moments that was counted, by the clock of records and by our own."""

    says: str
    since_us: int
    after_us: int


class _Window:
    """What one throttle counts within its time: what enters is added, and what leaves is taken off again."""

    def __init__(self, throttle: Throttle) -> None:
        self.within_us = throttle.within_s * SECOND_US
        self.reached: _Reached | None = None
        self._throttle = throttle
        self._kinds = _kinds_of(throttle)
        self._entries: deque[tuple[int, Kind]] = deque()  # time, what
        self._count: dict[Kind, int] = dict.fromkeys(KINDS, 0)
        self._spent: OrderedDict[str, tuple[int, Mapping[str, int]]] = OrderedDict()  # by path, as above
        self._moved: Counter[str] = Counter()  # micro-units by currency

    def add(self, entry: Entry, at_us: int) -> bool:
        """Count what this throttle bounds; says whether this is."""
        if entry.kind not in self._kinds:
            return False
        if entry.kind == "spent":
            self.take_back(entry.path)  # tried again: it counts once
            self._spent[entry.path] = at_us, entry.amounts
            self._moved.update(entry.amounts)
        else:
            self._entries.append((at_us, entry.kind))
            self._count[entry.kind] += 1
        return True

    def leave(self, at_us: int) -> None:
        """Take off what lies up to a moment."""
        while self._entries and self._entries[0][0] <= at_us:
            self._count[self._entries.popleft()[1]] -= 1
        while self._spent:
            path, (then_us, _) = next(iter(self._spent.items()))
            if then_us > at_us:
                return
            self.take_back(path)

    def take_back(self, path: str) -> None:
        taken = self._spent.pop(path, None)
        if taken is not None:
            self._moved.subtract(taken[1])

    def says(self) -> str:
        """Say what is reached of the bounds; empty while none is."""
        throttle, count, said = self._throttle, self._count, list[str]()
        tried = count["done"] + count["failed"]
        if throttle.failed and count["failed"] >= throttle.failed:
            said.append(f"{count['failed']} failed")
        elif _is_over(throttle.share, count["failed"], tried):
            said.append(f"{count['failed']} of {tried} failed")
        if throttle.rejected and count["rejected"] >= throttle.rejected:
            said.append(f"you said no {say_count(count['rejected'], 'time')}")
        if throttle.bounced and count["bounced"] >= throttle.bounced:
            said.append(f"{say_count(count['bounced'], 'mail')} came back")
        elif _is_over(throttle.bounced_share, count["bounced"], count["sent"]):
            said.append(f"{count['bounced']} of {say_count(count['sent'], 'mail')} came back")
        for unit, most in throttle.spent.items():
            if self._moved[unit] > most:
                said.append(f"{say_amounts({unit: self._moved[unit]})} were moved")
        return f"{' and '.join(said)} within {say_duration(throttle.within_s)}" if said else ""


def _kinds_of(throttle: Throttle) -> frozenset[Kind]:
    """Name what a throttle has to know of: a share is of all that was tried."""
    found: dict[Kind, object] = {
        "done": throttle.share,
        "failed": throttle.share or throttle.failed,
        "rejected": throttle.rejected,
        "spent": throttle.spent,
        "sent": throttle.bounced_share,
        "bounced": throttle.bounced_share or throttle.bounced,
    }
    return frozenset(kind for kind, wanted in found.items() if wanted)


def moved_by(arguments: Value, roles: Mapping[str, Role]) -> Counter[str]:
    """Give what an action moves by currency, micro-units; what it costs is none of it.

    Raises ExpressionError where an argument does not show how much that is.
    """
    found: Counter[str] = Counter()
    for money in amounts_of(arguments, roles):
        found[money.currency] += abs(micros_of(money))
    return found


def kind_of(fact: e.AnyFact) -> Kind | None:
    """Say as what a fact counts: what is tried again has not failed, and what a rule or a budget stopped neither."""
    if isinstance(fact, (e.StepCompleted, e.EffectDone)) and not fact.path.startswith("~"):
        return "done"
    if isinstance(fact, (e.StepFailed, e.StepStuck)) and not fact.path.startswith("~"):
        return None if was_denied(fact.failure) else "failed"
    if isinstance(fact, e.DecisionRuled) and fact.choice == "reject":
        return "rejected"
    return None


def _is_over(share: Share | None, count: int, of: int) -> bool:
    return share is not None and of >= share.least and count * 100 >= share.percent * of


def say_bounds(throttle: Throttle) -> str:
    """Say what a throttle bounds: "20 % of at least 10 failed, or 5 refused"."""
    said = [f"{throttle.failed} failed"] if throttle.failed else []
    said += [_say_share(throttle.share, "failed")] if throttle.share else []
    said += [f"{throttle.rejected} refused by you"] if throttle.rejected else []
    said += [f"{throttle.bounced} mails came back"] if throttle.bounced else []
    said += [_say_share(throttle.bounced_share, "mails came back")] if throttle.bounced_share else []
    said += [f"more than {say_amounts({unit: most}, [unit])} moved" for unit, most in throttle.spent.items()]
    return f"{', or '.join(said)}, within {say_duration(throttle.within_s)}"


def _say_share(share: Share, what: str) -> str:
    return f"{share.percent} % of at least {share.least} {what}"
