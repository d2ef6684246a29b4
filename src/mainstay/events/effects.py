"""The recorded moves of effects."""

from __future__ import annotations

import msgspec

from mainstay.events.fact import Fact
from mainstay.values import EffectClass, Failure, Labels, Value, Verdict


class Undo(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one outcome is taken back; recorded with the outcome (KERNEL E5)."""

    operation: str
    arguments: Value
    version: int = 1
    expects: Value = None  # what the compensation expects to find in the world; None: it does not say


class EffectCalled(Fact, frozen=True, omit_defaults=True):
    """An agent asks for an action, inside its step; the step goes on when this has its outcome (KERNEL J1)."""

    path: str  # "draft!3": the step's, and the number of the entry in its journal
    operation: str
    arguments: Value
    labels: Labels = ()


class EffectPrepared(Fact, frozen=True, omit_defaults=True):
    """Exactly what would happen: arguments resolved to plain values, files pinned (KERNEL E1).

    `digest` is over operation, version, account, arguments and what it relies on: the thing a ruling binds.
    """

    path: str
    operation: str
    operation_version: int
    effect: EffectClass
    arguments: Value
    digest: str
    verdict: Verdict
    account: str = ""
    labels: Labels = ()
    cannot_undo: str = ""
    ruling: str = ""  # that approves it already: an edit with its yes, or a question that covered it
    edited: tuple[str, ...] = ()  # arguments that the operator changed
    covered: str | None = None  # the place under which a question showed it, "" for none; None: its own
    relies: Value = None  # how what it relies on was found, or has to be; None: it relies on nothing (K20)
    origins: tuple[tuple[str, str], ...] = ()  # of what came from outside: place, and label with field (KERNEL P1)


class EffectIntended(Fact, frozen=True, omit_defaults=True):
    """The call may leave from here on: on disk before it does. Consumes the ruling, where there was one."""

    path: str
    token: str
    attempt: int
    generation: int
    verdict: Verdict
    ruling: str = ""


class EffectDone(Fact, frozen=True, omit_defaults=True):
    """It happened."""

    path: str
    output: Value = None
    labels: Labels = ()
    undo: Undo | None = None
    cannot_undo: str = ""
    operation: str = ""
    cost_usd_micros: int = 0
    settled: str = ""  # how we know, where the answer was lost at first
    confirm_by_us: int | None = None  # it is read back before anything goes on, seen by then at the latest


class EffectRefused(Fact, frozen=True, omit_defaults=True):
    """It certainly did not happen; tried again at `retry_at_us` when that is given."""

    path: str
    attempt: int
    failure: Failure
    retry_at_us: int | None = None


class EffectUncertain(Fact, frozen=True, omit_defaults=True):
    """It may have happened: sent, or perhaps sent, and no answer."""

    path: str
    attempt: int
    failure: Failure


class EffectAbsent(Fact, frozen=True, omit_defaults=True):
    """An uncertain effect was settled: it did not happen. The generation of its token rises."""

    path: str
    how: str


class EffectAwaited(Fact, frozen=True, omit_defaults=True):
    """An uncertain effect is looked up at `until_us`: before that a did-not-happen would not count, or nobody answers.

    `looks` counts the waits and look-ups so far; `failure` is why the last one told nothing.
    """

    path: str
    until_us: int
    looks: int
    failure: Failure | None = None


class SettleDue(Fact, frozen=True, omit_defaults=True):
    """The time to look an uncertain effect up came."""

    path: str


class EffectDelayed(Fact, frozen=True, omit_defaults=True):
    """It may happen, and leaves at `until_us`; it can be called back meanwhile."""

    path: str
    until_us: int


class DispatchDue(Fact, frozen=True, omit_defaults=True):
    """The time of a delayed effect came: policy is asked again, and it leaves.

    `by` is who let it leave before its time, and outside its hours; empty where its time came.
    """

    path: str
    by: str = ""


class EffectConfirmed(Fact, frozen=True, omit_defaults=True):
    """What happened was read back, and is as it should be: what waits for it goes on (KERNEL E4)."""

    path: str
    how: str


class EffectUnseen(Fact, frozen=True, omit_defaults=True):
    """It happened, and can't be seen yet where it is read back: that is asked again at `again_at_us`."""

    path: str
    again_at_us: int
    looks: int
    known: str = ""


class ConfirmDue(Fact, frozen=True, omit_defaults=True):
    """The time to read it back again came."""

    path: str
