"""Makes what a step waits for: the event, which one, and the equality by which it is found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.kernel.graph import Awaited
from mainstay.playbooks.order import names_used
from mainstay.records import EVENTS
from mainstay.runtime.checking import WrongExpressionError, read_names
from mainstay.runtime.types import BOOL, Type, nearest

if TYPE_CHECKING:
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.fit import Fitter
    from mainstay.playbooks.format import Report, Scalar
    from mainstay.playbooks.order import Order

_FIELD = re.compile(r"event\.([a-z_]\w*)", re.ASCII)
_EXACT = ("text", "choice", "int", "bool")  # kinds whose equal values are written the same
_OPEN, _CLOSE = "([{", ")]}"


def build_awaited(draft: StepDraft, report: Report, fitter: Fitter, order: Order, event: Type) -> Awaited:
    """Make what a step waits for; `event` is the type of the event."""
    kind = draft.event
    assert kind is not None
    check_event(kind, report)
    template = draft.templates.get("where")
    if template is None or template.expression is None:
        return Awaited(kind.text)
    where = fitter.cel(template, BOOL, {"event": event}, "'where'")
    used = names_used([template], order.lets)
    since = tuple(name for name in order.steps if name in used)
    if (equality := equality_in(template.expression.source)) is None:
        return Awaited(kind.text, where, since=since)
    field, source = equality
    plain = fitter.kind_of(f"event.{field}", {"event": event}) in _EXACT
    value = fitter.part(source) if plain else None
    return Awaited(kind.text, where, field if value else "", value, since)


def check_event(kind: Scalar, report: Report) -> None:
    """Refuse a kind of event that does not exist."""
    if kind.text not in EVENTS:
        known = nearest(kind.text, EVENTS) or f"; there are {', '.join(EVENTS)}"
        report.add(kind.place, f"there is no event {kind.text!r}{known}")


def equality_in(source: str) -> tuple[str, str] | None:
    """Find the first "this field of the event equals that" which `where` demands; None when there is none."""
    if split_outside(source, "||")[1:] or split_outside(source, "?")[1:]:
        return None
    for part in split_outside(source, "&&"):
        sides = [side.strip() for side in split_outside(part, "==")]
        for one, other in (sides, sides[::-1]) if len(sides) == 2 else ():  # noqa: PLR2004
            if (field := _FIELD.fullmatch(one)) and _free_of_event(other):
                return field[1], other
    return None


def _free_of_event(source: str) -> bool:
    try:
        return "event" not in read_names(source).names
    except WrongExpressionError:
        return False


def split_outside(source: str, mark: str) -> list[str]:
    """Split an expression at an operator that stands outside of quotes and brackets."""
    parts, quote, depth, start, at = list[str](), "", 0, 0, 0
    while at < len(source):
        letter = source[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _OPEN or letter in _CLOSE:
            depth += 1 if letter in _OPEN else -1
        elif not depth and source.startswith(mark, at):
            parts.append(source[start:at])
            start = at + len(mark)
            at = start - 1
        at += 1
    return [*parts, source[start:]]
