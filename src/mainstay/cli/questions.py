"""`mainstay inbox` and `decide`: what needs you, and your answer."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay.cli.answering import ASKED_WHY, answer_all, as_edited, ask_operator, confirm, filled_in, rows_of, ruling
from mainstay.cli.asking import ask, say_standing, status_of
from mainstay.cli.card import draw_card, draw_stopped
from mainstay.cli.editing import changed, say_changes
from mainstay.cli.leaving import draw_leaving, leaving_of, say_offline
from mainstay.cli.picks import kept_rows, read_ways, say_how
from mainstay.cli.place import left_alone, say_left_alone, say_left_lying, views_at, workspace_at
from mainstay.cli.screen import Screen, moment, plain, text
from mainstay.cli.status import DONE, WAITS
from mainstay.cli.throttle import draw as draw_throttled
from mainstay.errors import CommandRefusedError, FileError, InputError
from mainstay.requests.picking import as_answer, say_unpicked, unpicked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

Row: TypeAlias = dict[str, Any]
_UNEDITED = "Leave out --edit."
ENDS = frozenset({"cancelled", "undone"})  # an answer may lead there as the operator meant it


def inbox(screen: Screen, folder: Path | None, *, limit: int) -> int:
    """Show the questions that wait, in short, the oldest first."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        waiting, left, leaving = views.inbox(limit), left_alone(workspace, views), leaving_of(workspace, views)
        count, offline, clock, put_off = views.waiting(), views.offline(), views.clock_set(), views.put_off()
        throttled, stopped = views.throttled(), views.stopped(row["decision"] for row in waiting)
        groups = [views.together(decisions)[0] for decisions in stopped]
    clear = "Inbox clear: nothing needs your decision."
    screen.give(waiting, lambda console: _draw_short(waiting, groups, console, clear))
    count -= put_off["count"]
    if put_off["count"] and not screen.as_json:
        until = moment(put_off["until"], workspace.config.company.timezone)
        screen.say(f"{put_off['count']:,} put off, the first until {until}.")
    if len(waiting) < count:
        screen.say(
            f"The {len(waiting):,} oldest of {count:,} waiting. More of them: mainstay inbox --limit {limit * 20}"
        )
    elif waiting and not screen.as_json:
        screen.say(f"{count:,} waiting.")
    if throttled and not screen.as_json:
        draw_throttled(throttled, screen.out, workspace.config.company.timezone)
    if leaving and not screen.as_json:
        draw_leaving(leaving, screen.out, workspace.config.company.timezone)
    say_offline(screen, offline)
    if clock:
        screen.say(f"{clock}.", "yellow")
    if left:
        screen.say(say_left_alone(len(left)), "yellow")
    say_left_lying(screen, workspace)
    return DONE


def _draw_short(waiting: list[Row], groups: list[Row], console: Console, empty: str) -> None:
    if not waiting:
        console.print(text(empty))
        return
    of = {row["decision"]: group for group in groups for row in group["stuck"]}
    for question in waiting:
        if (group := of.get(question["decision"])) is not None:
            if group in groups:
                draw_stopped(group, console)
                groups = [other for other in groups if other is not group]
            continue
        card: Row = question["card"]
        console.print(text(card.get("headline", ""), "bold"))
        asked = moment(question["asked_at"], question["timezone"])
        whose = "" if question["to"] == "operator" else f" for {question['to']}"
        console.print(text(f"  {question['title']}: {question['says']}{whose}; asked {asked}"))
        if cannot := card.get("cannot_undo") or question["cannot_undo"]:
            console.print(text(f"  Can't be undone: {cannot}", "red"))
        for says in question["lets"]:
            console.print(text(f"  {says}", "yellow"))
        if question["due_at"]:
            console.print(text(f"  No answer by {moment(question['due_at'], question['timezone'])} means no."))
        console.print(text(f"  mainstay decide {question['decision']}", "cyan"))


def decide(
    screen: Screen,
    folder: Path | None,
    name: str,
    choice: str,
    yes: bool = False,
    form: Sequence[str] = (),
    **given: str,
) -> int:
    """Answer a question; where somebody sits there only after the card was shown, and a yes to it."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        question = views.question(name)
    kept = _kept(question, given)
    ways = read_ways(given["pick"], question["card"].get("rows") or ()) if given.get("pick") else {}
    if not choice and kept is None and not given["edit"] and not form and not ways:
        return _look(screen, workspace.root, question)
    choice = choice or ("retry" if given["edit"] and "retry" in question["options"] else "approve")
    _check_open(question)
    _check(question, choice, given["reason"], kept)
    if ways and choice != "approve":
        raise InputError("Only what you approve can be read otherwise.", remedy="Leave out --pick.")
    _check_form(question, choice, form)
    reply = ruling(question, choice, reason=given["reason"], kept=kept)
    if choice == "approve":
        _check_picked(question["card"].get("rows") or (), ways, kept)
    reply |= as_answer(question["card"]["rows"], ways, question["options"], kept, given["reason"]) if ways else {}
    reply |= _changes(question, choice, given["edit"]) if given["edit"] else {}
    reply |= filled_in(screen, question, form) if question["card"].get("form") and choice not in ASKED_WHY else {}
    changes: list[Text] = []
    if reply["arguments"] is not None or reply.get("edits"):
        preview = ask(screen, workspace, "preview", reply) if choice == "approve" else None
        changes = changed(question, reply, preview)
        question = as_edited(question, preview) if preview is not None else question
        if not yes and not screen.interactive:
            say_changes(screen, changes)
            remedy = "See above what you change, and add --yes to let it happen so."
            raise InputError("Nothing was answered: what you change needs your yes.", remedy=remedy)
    if screen.interactive and not yes and not confirm(screen, question, reply, changes):
        return WAITS
    return _end(screen, ask(screen, workspace, "decide", reply))


def _look(screen: Screen, root: Path, question: Row) -> int:
    if not screen.interactive or not question["open"]:
        screen.give(question, lambda console: draw_card(question, console))
        return WAITS if question["open"] else DONE
    reply = ask_operator(screen, question)
    if reply is None:
        return WAITS
    workspace = workspace_at(root)
    standing = ask(screen, workspace, "decide", reply)
    return _end(screen, answer_all(screen, workspace, standing))


def _end(screen: Screen, standing: Row) -> int:
    screen.give(standing, lambda _: say_standing(screen, standing))
    return status_of(standing, wanted=ENDS)


def _kept(question: Row, given: dict[str, str]) -> list[int] | None:
    if not given["keep"] and not given["drop"]:
        return None
    if not question["rows_may_be_kept"]:
        raise InputError("This question has no rows to choose from.", remedy="Answer it as a whole.")
    return kept_rows(len(rows_of(question)), keep=given["keep"], drop=given["drop"])


def _check(question: Row, choice: str, reason: str, kept: list[int] | None) -> None:
    options: list[str] = question["options"]
    if choice not in options:
        near = difflib.get_close_matches(choice, options, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise InputError(f"'{choice}' is no answer to this question.{hint}", remedy=f"Answer: {', '.join(options)}.")
    if choice == "reject" and not reason.strip():
        raise InputError("A no wants a reason.", remedy='Add --reason "..."; it is kept in the history.')
    if choice == "revise" and "revise" in question["options"] and not reason.strip():
        raise InputError("It is made anew by what you say of it.", remedy='Add --reason "shorter, and no greeting".')
    if choice == "reject" and kept is not None:
        raise InputError("A no can't keep rows.", remedy="Keep rows with `approve`, or reject all of them.")


def _check_picked(rows: Sequence[object], ways: Row, kept: list[int] | None) -> None:
    if unsaid := unpicked(rows, ways, kept):
        raise InputError(say_unpicked(rows, unsaid), remedy=say_how(rows, unsaid))


def _check_form(question: Row, choice: str, form: Sequence[str]) -> None:
    if form and not question["card"].get("form"):
        raise InputError("This question has no form to fill in.", remedy="Leave out --set.")
    if form and choice == "reject":
        raise InputError("A no fills in no form.", remedy="Leave out --set.")


def _check_open(question: Row) -> None:
    if not question["open"]:
        message = f"Question {question['decision']} is not open: {question['closed']}."
        raise CommandRefusedError(message, remedy=f"What happened: mainstay show {question['plan']}")


def _changes(question: Row, choice: str, source: str) -> Row:
    """Read what changes: a JSON object of what the card shows, whole or in part; of a list by the number of a row."""
    given = edited_from(source)
    if choice == "retry":
        shown: Row = plain(question["arguments"]) or {}
        return {"arguments": {name: value for name, value in given.items() if shown.get(name) != value}}
    if choice != "approve" or question["kind"] not in ("effect", "batch"):
        raise InputError("Only an action that you approve, or a step tried again, can be changed.", remedy=_UNEDITED)
    if question["kind"] == "effect":
        return {"arguments": given}
    if not all(row.isdigit() and isinstance(one, dict) for row, one in given.items()):
        raise InputError("Of a list each change names its row.", remedy='Such as {"2": {"subject": "Your invoice"}}.')
    return {"edits": {str(int(row) - 1): one for row, one in given.items()}}


def edited_from(source: str) -> Row:
    """Read a JSON object of changes from a file, or from stdin for "-"."""
    try:
        content = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
        return msgspec.json.decode(content, type=dict[str, Any])
    except OSError as error:
        raise FileError(f"{source} can't be read: {error.strerror}.", remedy="Check its name.") from None
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise FileError(
            f"{source} is no JSON object: {error}.", remedy='Write one, such as {"delimiter": ";"}.'
        ) from None
