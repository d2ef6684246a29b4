"""Answering questions at a terminal: the card, then the answer, until nothing waits or you leave it for later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask
from mainstay.cli.card import draw_card, draw_stopped
from mainstay.cli.editing import say_changes
from mainstay.cli.picks import kept_rows, read_ways
from mainstay.cli.place import views_of
from mainstay.cli.remedies import agreed, preview, to_answer
from mainstay.cli.screen import text
from mainstay.errors import InputError
from mainstay.playbooks.speech import say_wanted
from mainstay.requests.files import file_content
from mainstay.requests.picking import as_answer, can_pick, check_picked, is_one_press, told, ways_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
KEEP, PICK, LATER = "keep some", "pick", "later"
ASKED_WHY = {  # answers that want a word, and what is said of an empty one
    "reject": (
        "Why not (it is kept in the history): ",
        "A no wants a reason, so that the next proposal is better.",
    ),
    "revise": ("What should be different: ", "It is made anew by what you say here, so say something."),
}


def answer_all(screen: Screen, workspace: Workspace, standing: Row) -> Row:
    """Ask each question that waits, as long as it is answered; give where the plan stands then."""
    while standing["questions"]:
        given = _answer_next(screen, workspace, standing["questions"])
        if given is None:
            break
        standing = given
    return standing


def _answer_next(screen: Screen, workspace: Workspace, questions: list[str]) -> Row | None:
    """Ask the first of some questions, and with it what the same budget stopped; None when it is left for later."""
    with views_of(workspace) as views:
        stopped = [named for named in views.stopped(questions) if questions[0] in named]
        group = views.together(stopped[0])[0] if stopped else None
        question = views.question(questions[0])
    if group is not None:
        return _answer_stopped(screen, workspace, group)
    given = ask_operator(screen, question)
    return None if given is None else ask(screen, workspace, "decide", given)


def _answer_stopped(screen: Screen, workspace: Workspace, group: Row) -> Row | None:
    """Show what one budget stopped, and take one answer to all of it; give where the plan stands then."""
    picked: list[Row] = group["stuck"]
    try:
        screen.err.rule()
        draw_stopped(group, screen.out, commands=False)
        choice = _choose(screen, [*group["options"], LATER])
    except (EOFError, KeyboardInterrupt):
        screen.err.print()
        choice = LATER
    if choice != LATER:
        picked = to_answer(picked, choice)
        preview(screen, choice, picked, None, {})
    if choice == LATER or not agreed(screen):
        screen.err.print(text("It waits: mainstay stuck"))
        return None
    decisions = [row["decision"] for row in picked]
    given: Row = {"decisions": decisions, "choice": choice, "reason": "", "arguments": None, "pinned": {}}
    told = ask(screen, workspace, "remedy", given)
    for row in told["refused"]:
        screen.err.print(text(f"Not {row['decision']}: {row['why']}", "red"))
    return told["plans"][0] if told["done"] and told["plans"] else None


def ask_operator(screen: Screen, question: Row) -> Row | None:
    """Show a card and take an answer; None when it is left for later."""
    try:
        screen.err.rule()
        draw_card(question, screen.out, commands=False)
        return _answer(screen, question)
    except (EOFError, KeyboardInterrupt):
        screen.err.print()
    screen.err.print(text(f"Left for later; it waits: mainstay decide {question['decision']}"))
    return None


def confirm(screen: Screen, question: Row, reply: Row, changes: Sequence[Text] = ()) -> bool:
    """Show the card of an answer given with the command, and what it changes; take a yes or no to exactly that."""
    screen.err.rule()
    draw_card(question, screen.out, commands=False)
    if reply["kept"] is not None:
        screen.err.print(text(f"You keep: {', '.join(str(row + 1) for row in reply['kept'])}", "bold"))
    for one in told(rows_of(question), {int(at): way for at, way in reply.get("picks", {}).items()}):
        screen.err.print(text(f"You pick: {one}", "bold"))
    if changes:
        say_changes(screen, changes)
    what = "Approve exactly this?" if reply["choice"] == "approve" else f"Answer '{reply['choice']}' to this?"
    try:
        given = ""
        while given not in ("y", "yes", "n", "no"):
            given = _line(screen, f"{what} (yes, no): ").lower()
    except (EOFError, KeyboardInterrupt):
        screen.err.print()
        given = ""
    if given not in ("y", "yes"):
        screen.err.print(text(f"Nothing was answered. It waits: mainstay decide {question['decision']}"))
    return given in ("y", "yes")


def _answer(screen: Screen, question: Row) -> Row | None:
    rows: list[Row] = question["card"].get("rows") or []
    numbers = [str(at) for at in range(len(ways_of(rows[0])) + 1)] if is_one_press(question) else []
    more = [KEEP] if question["rows_may_be_kept"] and not numbers else []
    more += [PICK] if can_pick(rows) and not numbers and "approve" in question["options"] else []
    choice = _choose(screen, [*question["options"], *numbers[1:], *numbers[:1], *more, LATER])
    if choice == LATER:
        screen.err.print(text(f"It waits: mainstay decide {question['decision']}"))
        return None
    if choice in ASKED_WHY:
        return ruling(question, choice, reason=_reason(screen, choice))
    if choice == KEEP:
        given = _yes(screen, question, _keep(screen, question))
    elif choice in numbers or choice == PICK:
        given = ruling(question, "approve") | _pick(screen, question, choice if choice in numbers else "")
    else:
        given = _yes(screen, question, None) if choice == "approve" else ruling(question, choice)
    fills_in = question["card"].get("form") and given["choice"] not in ASKED_WHY
    return given | filled_in(screen, question, ()) if fills_in else given


def filled_in(screen: Screen, question: Row, given: Sequence[str]) -> Row:
    """Give the fields of a task's form as `name=value`: those that were given, the others asked for at a terminal.

    The files they name are read here and handed over: the owner may run elsewhere. Raises FileError for one that can't.
    """
    filled = list(given)
    named = {pair.partition("=")[0] for pair in given}
    for field in question["card"]["form"]:
        if field["name"] in named or not screen.interactive:
            continue
        wanted = "" if field["required"] else "; empty to leave out"
        value = _line(screen, f"{field['label']} ({say_wanted(field['type'])}{wanted}): ")
        filled += [f"{field['name']}={value}"] if value else []
    of_files = {field["name"] for field in question["card"]["form"] if field["type"] == "file"}
    paths = [path for name, _, path in (pair.partition("=") for pair in filled) if name in of_files]
    return {"form": filled, "files": {path: file_content(Path(path)) for path in paths}}


def rows_of(question: Row) -> list[Row]:
    """Give the rows that an answer keeps or leaves out: those of a plan as a whole are what it would do."""
    card: Row = question["card"]
    return card.get("rows") or card.get("covers") or []


def as_edited(question: Row, preview: Row) -> Row:
    """Give a question with the cards of its actions as they were edited; raises InputError where policy forbids one."""
    card: Row = dict(question["card"])
    for one in preview["cards"]:
        if one["verdict"] == "deny":
            raise InputError(f"Your policy forbids it so: {one['why']}", remedy="Edit it otherwise, or reject it.")
        shown: Row = one["card"]
        if question["kind"] == "effect":
            card |= shown | {"headline": f"As you edit it: {shown['headline']}"}
            continue
        rows = [{**row, **shown} if row.get("path") == one["path"] else row for row in card["rows"]]
        card["rows"] = rows
    return question | {"card": card}


def ruling(question: Row, choice: str, *, reason: str = "", kept: list[int] | None = None, edited: Any = None) -> Row:  # noqa: ANN401 - a plain value
    """Make the request that answers a question, bound to exactly what its card showed."""
    return {
        "decision": question["decision"],
        "choice": choice,
        "reason": reason,
        "kept": kept,
        "binds": question["binds"],
        "arguments": edited,
    }


def _choose(screen: Screen, choices: list[str]) -> str:
    """Take one of the choices, or its beginning where only one begins so."""
    while True:
        given = _line(screen, f"Your answer ({', '.join(choices)}): ").lower()
        found = [choice for choice in choices if given and choice.startswith(given)]
        if len(found) == 1 or given in found:
            return given if given in found else found[0]
        screen.err.print(text(f"Please answer one of: {', '.join(choices)}; its beginning is enough."))


def _keep(screen: Screen, question: Row) -> list[int] | None:
    while True:
        given = _line(screen, "Which rows to keep (such as 1,3-5): ")
        try:
            return kept_rows(len(rows_of(question)), keep=given or "-")
        except InputError as error:
            screen.err.print(text(f"{error.message} {error.remedy}"))


def _yes(screen: Screen, question: Row, kept: list[int] | None) -> Row:
    """Take a yes to rows; which reading is right is asked where that is even."""
    try:
        check_picked(question["card"].get("rows") or (), (), kept)
    except InputError as error:
        screen.err.print(text(f"{error.message} {error.remedy}"))
        return ruling(question, "approve") | _pick(screen, question, "", kept)
    return ruling(question, "approve", kept=kept)


def _pick(screen: Screen, question: Row, given: str, kept: list[int] | None = None) -> Row:
    rows = rows_of(question)
    while True:
        said = given or _line(screen, "Which way to read which row (such as 1=2, 3=0): ")
        try:
            return as_answer(rows, read_ways(said, rows), question["options"], kept, "")
        except InputError as error:
            screen.err.print(text(f"{error.message} {error.remedy}"))


def _reason(screen: Screen, choice: str) -> str:
    prompt, wanted = ASKED_WHY[choice]
    while not (given := _line(screen, prompt)):
        screen.err.print(wanted)
    return given


def _line(screen: Screen, prompt: str) -> str:
    return screen.err.input(text(prompt, "bold")).strip()
