"""The trivial step that runs in a worker process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from subject import FIRST_SECOND, NOTE

from mainstay.contracts import AgentResult

if TYPE_CHECKING:
    from collections.abc import Mapping


class Trivial(msgspec.Struct, frozen=True):
    step: int


class Outcome(msgspec.Struct, frozen=True):
    step: int
    ok: bool
    note: str
    at: int


def made(given: Trivial) -> Outcome:
    """Give the same outcome as the peers' steps."""
    return Outcome(given.step, ok=True, note=NOTE, at=FIRST_SECOND + given.step)


def work(given: Trivial, files: Mapping[str, bytes]) -> AgentResult:
    del files
    return AgentResult(made(given))
