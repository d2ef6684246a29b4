"""Throttles: how much may fail, be refused or be spent by a playbook within a while, before its plans are paused.

A throttle is a rule of a policy; what its playbook did is counted from facts, those of child plans among it. Nothing is
kept but what the window holds, so it can be counted again from the history at any time.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from mainstay import events as e
from mainstay.governance.amounts import say_amounts
from mainstay.kernel.failing import was_denied
from mainstay.values import SECOND_US, say_count, say_duration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["done", "failed", "rejected", "spent", "sent", "bounced"]
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
    """One thing that counts: `plan` is the one at the top of its family, `path` of whatever plan of it."""

    at_us: int
    kind: Kind
    plan: str
    path: str
    amounts: Mapping[str, int]


class Counted(NamedTuple):
    """What a throttle found: in words, and the plans that did something within its time."""

    says: str
    plans: tuple[str, ...]
    since_us: int  # where its time began


class Tally:
    """What the plans of one playbook did lately, in the order of time."""

    def __init__(self, throttles: Sequence[Throttle]) -> None:
        """Keep what these look back at."""
        self._longest_us = max(throttle.within_s for throttle in throttles) * SECOND_US
        self._has_shares = any(throttle.share or throttle.bounced_share for throttle in throttles)
        self._entries: list[Entry] = []
        self._trouble_us: int | None = None  # when something last failed or came back
        self.since_us = 0  # the operator let it go on then: it counts anew

    def note(self, entry: Entry) -> None:
        """Count something."""
        self._entries.append(entry)
        if entry.kind in ("failed", "bounced"):
            self._trouble_us = entry.at_us
        if self._entries[0].at_us <= entry.at_us - 2 * self._longest_us:
            self._entries = [one for one in self._entries if one.at_us > entry.at_us - self._longest_us]

    def may_fill(self, at_us: int) -> bool:
        """Whether one more that is done may be what a share lacked: something failed, or came back."""
        lately = self._trouble_us is not None and at_us - self._trouble_us < self._longest_us
        return lately and self._has_shares

    def take_back(self, path: str) -> None:
        """Count no longer what an action would have moved that did not happen."""
        self._entries = [one for one in self._entries if (one.kind, one.path) != ("spent", path)]

    def acted_since(self, at_us: int) -> tuple[str, ...]:
        """Name the plans that did something since a moment."""
        return tuple(dict.fromkeys(one.plan for one in self._entries if one.kind == "done" and one.at_us >= at_us))

    def reached(self, throttle: Throttle, now_us: int) -> Counted | None:
        """Say what is reached of a throttle's bounds; None while none is."""
        after_us = max(self.since_us, now_us - throttle.within_s * SECOND_US)
        within = [one for one in self._entries if after_us < one.at_us <= now_us]
        count = Counter(one.kind for one in within)
        tried, share, said = count["done"] + count["failed"], throttle.share, list[str]()
        if throttle.failed and count["failed"] >= throttle.failed:
            said.append(f"{count['failed']} failed")
        elif _is_over(share, count["failed"], tried):
            said.append(f"{count['failed']} of {tried} failed")
        if throttle.rejected and count["rejected"] >= throttle.rejected:
            said.append(f"you said no {say_count(count['rejected'], 'time')}")
        if throttle.bounced and count["bounced"] >= throttle.bounced:
            said.append(f"{say_count(count['bounced'], 'mail')} came back")
        elif _is_over(throttle.bounced_share, count["bounced"], count["sent"]):
            said.append(f"{count['bounced']} of {say_count(count['sent'], 'mail')} came back")
        for unit, most in throttle.spent.items():
            spent = sum(one.amounts.get(unit, 0) for one in within)
            if spent > most:
                said.append(f"{say_amounts({unit: spent})} were moved")
        if not said:
            return None
        plans = dict.fromkeys(one.plan for one in within if one.kind == "done")
        return Counted(f"{' and '.join(said)} within {say_duration(throttle.within_s)}", tuple(plans), after_us)


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
