"""A timeline as lines to be read: neighbouring facts about items of one step together, with causes both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.views.opening import Row

_MARK = ", item "


def lines_of(events: Sequence[Row], *, everything: bool = False) -> list[Row]:
    """Give the lines of a timeline, numbered from 1; without `everything` those about items of a step are put together.

    `because` and `led_to` are numbers of lines of this timeline; `cause` is the event that led to it, wherever it is.
    """
    groups = [[event] for event in events] if everything else folded(events)
    number_of = {event["event"]: number for number, line in enumerate(groups, 1) for event in line}
    lines = [_line(number, line, number_of) for number, line in enumerate(groups, 1)]
    for line in lines:
        if line["because"]:
            lines[line["because"] - 1]["led_to"].append(line["number"])
    return lines


def _line(number: int, line: Sequence[Row], number_of: dict[str, int]) -> Row:
    first = line[0]
    because = number_of.get(first["because"], 0)
    return {
        "number": number,
        "events": [event["event"] for event in line],
        "at": first["at"],
        "who": first["who"],
        "what": first["what"] if len(line) == 1 else several(line),
        "path": first["path"] if len(line) == 1 else "",
        "cause": first["because"],
        "because": because if because != number else 0,
        "led_to": [],
    }


def folded(events: Sequence[Row]) -> list[list[Row]]:
    """Put neighbouring lines about items of the same step together."""
    lines: list[list[Row]] = []
    for event in events:
        step = _step_of_item(event["what"])
        if lines and step and _step_of_item(lines[-1][0]["what"]) == step:
            lines[-1].append(event)
        else:
            lines.append([event])
    return lines


def _step_of_item(what: str) -> str:
    head, mark, _ = what.partition(_MARK)
    return head if mark and " " not in head.removeprefix("undo of ") else ""


def several(line: Sequence[Row]) -> str:
    """Say of many lines about items what happened how often."""
    counts: dict[str, int] = {}
    for event in line:
        said = event["what"].partition(_MARK)[2].partition(": ")[2].partition(",")[0].partition(" (")[0]
        counts[said] = counts.get(said, 0) + 1
    told = ", ".join(f"{count} {said}" for said, count in counts.items())
    return f"{_step_of_item(line[0]['what'])}, its items: {told}"
