"""How long a question of policy waits, as `[questions]` says it: reminded of, then before all others, then a no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.values import DAY_S, parse_duration_s, say_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_S = 366 * DAY_S


def check_patience(remind: Sequence[str], escalate: str, due: str) -> None:
    """Raise ValueError with a sentence where one is no time, or comes when it means nothing any more."""
    reminds = [_seconds("remind", one) for one in remind]
    escalate_s = _seconds("escalate", escalate) if escalate else None
    due_s = _seconds("due", due) if due else None
    if escalate_s is not None and reminds and escalate_s <= min(reminds):
        first, before = say_duration(min(reminds)), say_duration(escalate_s)
        raise ValueError(f"escalate ({before}) comes before you were reminded once ({first}); make it longer")
    if due_s is None:
        return
    if escalate_s is not None and escalate_s >= due_s:
        late, end = say_duration(escalate_s), say_duration(due_s)
        raise ValueError(f"due ({end}) means no before escalate ({late}) puts it before all others; make due longer")
    if reminds and max(reminds) >= due_s:
        late, end = say_duration(max(reminds)), say_duration(due_s)
        raise ValueError(f"due ({end}) means no before remind ({late}) reminds you; make due longer")


def _seconds(name: str, text: str) -> int:
    try:
        seconds = parse_duration_s(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"{name}: {text!r} is {'longer than a year' if seconds else 'no time at all'}")
    return seconds
