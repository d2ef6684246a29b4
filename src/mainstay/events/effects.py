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


class EffectPrepared(Fact, frozen=True, omit_defaults=True):
    """Exactly what would happen: arguments resolved to plain values, files pinned (KERNEL E1).

    `digest` is over operation, version, account and arguments: the thing a ruling binds.
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
