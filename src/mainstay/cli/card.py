"""The decision card: everything a person needs to answer one question, before they answer it (CONSOLE.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mainstay.cli.rows import draw_rows
from mainstay.cli.screen import text
from mainstay.playbooks.speech import say_wanted
from mainstay.requests.picking import can_pick, ways_of, without_others
from mainstay.views.cards import CANNOT_UNDO, REMEDIES, WANT_A_WORD, asks_whatever_rules_say, lines_of, say_covers

if TYPE_CHECKING:
    from rich.console import Console

Row: TypeAlias = dict[str, Any]
_NAMED = 5  # of what one budget stopped


def draw_card(question: Row, console: Console, *, commands: bool = True) -> None:
    """Draw one question whole; with `commands` also how to answer it."""
    card: Row = question["card"]
    console.print(text(f"{question['decision']}: {question['says']}", "dim"))
    console.print(text(card.get("headline", ""), "bold"))
    console.print(text(f"{question['title']} ({question['plan']})", "dim"))
    console.print()
    if card.get("body"):
        console.print(Padding(text(card["body"], lines=True), (0, 0, 1, 2)))
    if card.get("rows"):
        rows = card["rows"] if question["open"] else [without_others(row) for row in card["rows"]]
        console.print(draw_rows(rows, console.width, question["timezone"]))
    if card.get("covers"):
        console.print(text(say_covers(question), "bold"))
        console.print(draw_rows(card["covers"], console.width, question["timezone"]))
        if question["rows_may_be_kept"] and not card.get("rows") and len(card["covers"]) > 1:
            console.print(text("What you leave out (--drop) asks by itself when it comes.", "dim"))
    if card.get("form"):
        console.print(text("To fill in:", "bold"))
        for field in card["form"]:
            wanted = "" if field["required"] else "; may be left out"
            console.print(text(f"  {field['name']}: {field['label']} ({say_wanted(field['type'])}{wanted})"))
    console.print(_facts([*_drawn(question), *(_answers(question) if commands and question["open"] else [])]))


def draw_stopped(group: Row, console: Console, *, commands: bool = True) -> None:
    """Draw what one budget stopped as one question; with `commands` also how to answer it."""
    console.print(text(group["says"], "bold"))
    for row in group["stuck"][:_NAMED]:
        console.print(text(f"  {row['action']}: {row['with']} ({row['title']})"))
    if len(group["stuck"]) > _NAMED:
        console.print(text(f"  and {len(group['stuck']) - _NAMED} more", "dim"))
    for option in group["options"] if commands else ():
        line = text(f"  mainstay stuck {option} {group['group']}", "cyan")
        console.print(line.append_text(_meaning("stuck", option)))


def _facts(lines: list[tuple[str, Text]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(text(name), value)
    return grid


def _drawn(question: Row) -> list[tuple[str, Text]]:
    return [
        (name, text(says, "bold red" * says.startswith(CANNOT_UNDO), lines=name == "remedy"))
        for name, says in lines_of(question)
    ]


def _answers(question: Row) -> list[tuple[str, Text]]:
    """Give the commands that answer a question, each with what it does."""
    command = f"mainstay decide {question['decision']}"
    lines: list[Text] = []
    form: list[Row] = question["card"].get("form") or []
    for option in question["options"]:
        if form and option not in WANT_A_WORD:
            fields = " ".join(f"--set {field['name']}=..." for field in form if field["required"])
            lines.append(text(f"{command} {option} {fields}".rstrip(), "cyan"))
            continue
        wants = ' --reason "..."' if option in WANT_A_WORD else ""
        lines.append(text(f"{command} {option}{wants}", "cyan").append_text(_meaning(question["kind"], option)))
    if question["kind"] == "stuck" and question.get("arguments"):
        lines.append(text(f"{command} retry --edit FILE", "cyan").append_text(text("  (with changes)", "dim")))
    if question["kind"] in ("effect", "batch"):
        lines.append(text(f"{command} approve --edit FILE", "cyan").append_text(text("  (with changes)", "dim")))
    many = len(question["card"].get("rows") or question["card"].get("covers") or ())
    if question["rows_may_be_kept"] and many > 1:
        some = "1,3-5" if many >= 5 else "1"  # noqa: PLR2004 - rows that are there
        lines.append(text(f"{command} approve --keep {some}", "cyan").append_text(text("  (or --drop 2)", "dim")))
    if "approve" in question["options"] and can_pick(question["card"].get("rows") or ()):
        row = next(at for at, one in enumerate(question["card"]["rows"], 1) if ways_of(one))
        which = "2" if many == 1 else f"{row}=2"
        told = text("  (read otherwise, by the numbers above; 0: none of these)", "dim")
        lines.append(text(f"{command} approve --pick {which}", "cyan").append_text(told))
    later = text(f"mainstay snooze {question['decision']} 1d", "cyan").append_text(text("  (ask again then)", "dim"))
    lines.append(later)
    if question["kind"] == "effect" and not asks_whatever_rules_say(question["rule"]):
        always = text(f"mainstay policy allow {question['decision']}", "cyan")
        lines.append(always.append_text(text("  (not asked any more: shows the rule first)", "dim")))
    return [("answers" if index == 0 else "", line) for index, line in enumerate(lines)]


def _meaning(kind: str, option: str) -> Text:
    meaning = REMEDIES.get(kind, {}).get(option, "")
    return text(f"  ({meaning})", "dim") if meaning else Text()
