"""What was read of one step, before its names and types were looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.kernel.graph import Input, Slack
from mainstay.playbooks.format import Place, Scalar
from mainstay.playbooks.templates import Draft

if TYPE_CHECKING:
    from collections.abc import Iterable


class StepDraft(msgspec.Struct):
    """One step before its names and types were looked at."""

    name: str
    place: Place
    kind: str
    target: Scalar
    templates: dict[str, Draft]  # by role: when, each, with, show, text, check, undo, until, where
    needs: dict[str, tuple[bool, Place]]  # step: (optional, place); as written
    settings: dict[str, Any]  # fields of the compiled step that need no checking
    undo: Scalar | None = None  # the operation that undoes it
    way_out: Scalar | None = None  # the step that runs when this one failed
    asked: dict[str, Any] = {}  # fields of the compiled question that need no checking
    form: tuple[Input, ...] = ()
    covers: tuple[Scalar, ...] = ()
    may_change: tuple[tuple[Scalar, Slack], ...] = ()
    event: Scalar | None = None  # the kind of event it waits for
    endless: bool = False  # waits for an event without saying until when
    max_rounds: int = 0
    then: str = "ask"
    account: Scalar | None = None
    keys: dict[str, Scalar] = {}  # where each key stands

    def drafts(self) -> Iterable[Draft]:
        """Give every template."""
        return self.templates.values()
