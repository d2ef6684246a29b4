"""Who answers the demo's questions: the person at the terminal, or the demo's own file, which says so each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay.cli.answering import ask_operator, ruling
from mainstay.cli.rows import draw_rows
from mainstay.cli.screen import text
from mainstay.requests.picking import told

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen

Question: TypeAlias = dict[str, Any]
SESSION = "demo file"


class Ruling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer prepared for one step: rows and readings are counted from 1, and no `keep` means all rows."""

    step: str
    choice: str
    because: str
    keep: tuple[int, ...] = ()
    pick: dict[int, int] = {}
    edit: dict[int, dict[str, str]] = {}
    about: str = ""  # the kind of question, where it is not about an action before it happens


class Rulings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    rulings: tuple[Ruling, ...]


class Answers:
    """Gives the parameters of `decide` for a question."""

    def __init__(self, path: Path, screen: Screen, *, ask: bool) -> None:
        """Read the prepared answers; `ask` puts every question to the person at the terminal instead."""
        self._prepared = {(ruling.step, ruling.about): ruling for ruling in _read(path).rulings}
        self._screen = screen
        self._ask = ask

    def to(self, question: Question) -> dict[str, Any] | None:
        """Show the question and give its answer; None when the person leaves it for later."""
        if self._ask:
            return ask_operator(self._screen, question)
        about = question["kind"] if question["kind"] == "stuck" else ""
        prepared = self._prepared[question["actions"][0].partition(",")[0], about]
        if not self._screen.as_json:
            self._show(question)
            said = f"from the demo's file: {_say(prepared, question)}, because {prepared.because}."
            self._screen.say(said, "italic")
        kept = [row - 1 for row in prepared.keep] or None
        reply = ruling(question, prepared.choice, kept=kept, reason=prepared.because) | {"session": SESSION}
        edits = {str(row - 1): changes for row, changes in prepared.edit.items()}
        picks = {str(at): way for at, way in _picks(prepared).items()}
        return reply | ({"edits": edits} if edits else {}) | ({"picks": picks} if picks else {})

    def _show(self, question: Question) -> None:
        """Show what the question is about; of several mails, the first one whole."""
        rows: list[Any] = question["card"].get("rows") or []
        whole = rows[:1] if question["kind"] == "batch" else rows
        out = self._screen.out
        out.print(text(question["card"]["headline"]))
        out.print(draw_rows(whole, width=0))  # as lines: easier to read than eight narrow columns
        for number, row in enumerate(rows[len(whole) :], len(whole) + 1):
            out.print(text(f"{number}  {row['headline']}, in the same words"))
        if question["kind"] in ("batch", "stuck"):
            out.print(text(f"Asked because: {question['why']}"))
        if question["kind"] == "stuck":
            out.print(text(f"The ways on: {', '.join(question['options'])}"))
        if question["cannot_undo"]:
            out.print(text(f"This can't be undone: {question['cannot_undo']}"))


def _say(prepared: Ruling, question: Question) -> str:
    """Say an answer: "approve, keeping rows 1, 2 and 4"."""
    shown: list[Question] = question["card"].get("rows") or []
    count = len(shown)
    if not count or prepared.choice != "approve":
        return prepared.choice
    edits = [
        f"{name} of row {row} becomes '{new}'"
        for row, changes in prepared.edit.items()
        for name, new in changes.items()
    ]
    edited = f"; the {', the '.join(edits)}" if edits else ""
    edited += "".join(f"; {one}" for one in told(shown, _picks(prepared)))
    if not prepared.keep or len(prepared.keep) == count:
        return f"{prepared.choice}, keeping all {count} rows{edited}"
    *first, last = map(str, prepared.keep)
    rows = f"rows {', '.join(first)} and {last}" if first else f"row {last}"
    return f"{prepared.choice}, keeping {rows}{edited}"


def _picks(prepared: Ruling) -> dict[int, int]:
    """Give which reading of which row an answer picks, both from 0 as an answer carries them."""
    return {row - 1: way - 1 for row, way in prepared.pick.items()}


def _read(path: Path) -> Rulings:
    from ruamel.yaml import YAML

    reader: Any = YAML(typ="safe", pure=True)
    return msgspec.convert(reader.load(path.read_text(encoding="utf-8")), Rulings)
