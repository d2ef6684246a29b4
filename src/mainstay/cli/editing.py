"""What an edit changes of an action or of a step tried again: line by line, before anybody says yes to it."""

from __future__ import annotations

from difflib import ndiff
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.rows import draw_value
from mainstay.cli.screen import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.text import Text

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
NOTHING = "nothing, as it is by default"
MARKS = {"-": "red", "+": "green"}


def changed(question: Row, reply: Row, preview: Row | None) -> list[Text]:
    """Give the lines that go and the lines that come; of a list, for each row that is edited."""
    if preview is None or question["kind"] == "effect":
        return _arguments(question["arguments"] or {}, reply["arguments"] or {}, question["timezone"])
    before = {row["path"]: row for row in question["card"].get("rows") or ()}
    return [line for one in preview["cards"] for line in _card(before.get(one["path"], {}), one["card"])]


def say_changes(screen: Screen, lines: Iterable[Text]) -> None:
    """Say them beside the question."""
    screen.err.print(text("You change:", "bold"))
    for line in lines:
        screen.err.print(line)


def _arguments(before: Mapping[str, Any], changes: Mapping[str, Any], zone: str) -> list[Text]:
    lines: list[Text] = []
    for name, value in changes.items():
        for mark, one in (("-", before.get(name)), ("+", value)):
            said = text(NOTHING, "dim") if one is None else draw_value(one, zone)
            lines.append(text(f"  {mark} {name}: ", MARKS[mark]).append_text(said))
    return lines


def _card(before: Row, after: Row) -> list[Text]:
    old, new = (f"{card.get('headline', '')}\n{card.get('body', '')}".splitlines() for card in (before, after))
    found = [line for line in ndiff(old, new) if line[0] in MARKS]
    return [text(f"  {line.rstrip()}", MARKS[line[0]]) for line in found]
