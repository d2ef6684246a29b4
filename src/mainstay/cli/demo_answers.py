"""Who answers the demo's questions: the person at the terminal, or the demo's own file, which says so each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import typer

from mainstay.cli.card import draw_card
from mainstay.cli.picks import kept_rows
from mainstay.cli.rows import draw_rows
from mainstay.cli.screen import text
from mainstay.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen

Question: TypeAlias = dict[str, Any]
SESSION = "demo file"


class Ruling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer prepared for one step. `keep` counts rows from 1; empty means all."""

    step: str
    choice: str
    because: str
    keep: tuple[int, ...] = ()


class Rulings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    rulings: tuple[Ruling, ...]


class Answers:
    """Gives the parameters of `decide` for a question."""

    def __init__(self, path: Path, screen: Screen, *, ask: bool) -> None:
        """Read the prepared answers; `ask` puts every question to the person at the terminal instead."""
        self._prepared = {ruling.step: ruling for ruling in _read(path).rulings}
        self._screen = screen
        self._ask = ask

    def to(self, question: Question) -> dict[str, Any]:
        """Show the question and give its answer."""
        if self._ask:
            draw_card(question, self._screen.out)
            return _asked(question)
        ruling = self._prepared[question["actions"][0].partition(",")[0]]
        if not self._screen.as_json:
            self._show(question)
            said = f"from the demo's file: {_say(ruling, question)}, because {ruling.because}."
            self._screen.say(said, "italic")
        kept = [row - 1 for row in ruling.keep] or None
        return _parameters(question, ruling.choice, kept=kept, reason=ruling.because, session=SESSION)

    def _show(self, question: Question) -> None:
        """Show what the question is about; of several mails, the first one whole."""
        rows: list[Any] = question["card"].get("rows") or []
        whole = rows[:1] if question["kind"] == "batch" else rows
        out = self._screen.out
        out.print(text(question["card"]["headline"]))
        out.print(draw_rows(whole, width=0))  # as lines: easier to read than eight narrow columns
        for number, row in enumerate(rows[len(whole) :], len(whole) + 1):
            out.print(text(f"{number}  {row['headline']}, in the same words"))
        if question["cannot_undo"]:
            out.print(text(f"This can't be undone: {question['cannot_undo']}"))


def _asked(question: Question) -> dict[str, Any]:
    """Ask at the terminal."""
    choice = _choice(question["options"])
    rows: list[Any] = question["card"].get("rows") or []
    kept = _kept(len(rows)) if choice == "approve" and rows and question["rows_may_be_kept"] else None
    reason = typer.prompt("Why", default="", show_default=False) if choice == "reject" else ""
    return _parameters(question, choice, kept=kept, reason=reason, session="terminal")


def _choice(options: list[str]) -> str:
    while True:
        said = typer.prompt(f"Your answer ({' or '.join(options)})", default=options[0]).strip().lower()
        found = [option for option in options if said and option.startswith(said)]
        if len(found) == 1:
            return found[0]
        typer.echo(f"That is none of: {', '.join(options)}.")


def _kept(count: int) -> list[int] | None:
    """Ask for the rows that the yes covers; None for all of them."""
    while True:
        said = typer.prompt("Which rows, as in 1,3-5", default="all").strip().lower()
        if said == "all":
            return None
        try:
            return kept_rows(count, keep=said)
        except InputError as error:
            typer.echo(f"{error.message} {error.remedy}")


def _parameters(
    question: Question, choice: str, *, kept: list[int] | None, reason: str, session: str
) -> dict[str, Any]:
    return {
        "decision": question["decision"],
        "choice": choice,
        "kept": kept,
        "binds": question["binds"] or None,
        "reason": reason,
        "session": session,
    }


def _say(ruling: Ruling, question: Question) -> str:
    """Say an answer: "approve, keeping rows 1, 2 and 4"."""
    count = len(question["card"].get("rows") or ())
    if not count or ruling.choice != "approve":
        return ruling.choice
    if not ruling.keep or len(ruling.keep) == count:
        return f"{ruling.choice}, keeping all {count} rows"
    *first, last = map(str, ruling.keep)
    rows = f"rows {', '.join(first)} and {last}" if first else f"row {last}"
    return f"{ruling.choice}, keeping {rows}"


def _read(path: Path) -> Rulings:
    from ruamel.yaml import YAML

    reader: Any = YAML(typ="safe", pure=True)
    return msgspec.convert(reader.load(path.read_text(encoding="utf-8")), Rulings)
