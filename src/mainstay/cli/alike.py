"""`mainstay decide QUESTION ANSWER --alike`: one answer to all questions like it, after each of them was listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask, say_standing
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, FAILED, WAITS
from mainstay.errors import InputError
from mainstay.sentences import say_many
from mainstay.views.cards import rule_in_words

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]


def decide(screen: Screen, folder: Path | None, name: str, choice: str, reason: str, *, yes: bool) -> int:
    """List what is answered together with its total, take a yes to exactly that, and answer."""
    workspace = workspace_at(folder)
    if choice == "reject" and not reason.strip():
        raise InputError("A no wants a reason.", remedy='Add --reason "..."; it is kept in the history.')
    with views_at(workspace.root) as views:
        decision = views.question(name)["decision"]
    listed = ask(screen, workspace, "alike", {"decision": decision})
    _draw(screen, listed)
    if not choice:
        screen.err.print(text(f"Answer all of them: mainstay decide {decision} approve --alike", "cyan"))
        return WAITS
    remedy = "Add --yes to answer all that is listed."
    if not yes and not screen.agreed(f"Answer '{choice}' to all of these?", "Nothing was answered", remedy):
        return WAITS
    answers = [{"decision": row["decision"], "binds": row["binds"]} for row in listed["rows"]]
    told = ask(screen, workspace, "decide_alike", {"answers": answers, "choice": choice, "reason": reason})
    screen.give(told, lambda _: _say(screen, told, len(answers)))
    if told["refused"]:
        return FAILED
    return WAITS if told["questions"] else DONE


def _draw(screen: Screen, listed: Row) -> None:
    rows: list[Row] = listed["rows"]
    total = f", {listed['total']} in all" if listed["total"] else ""
    many, rule = say_many(listed["operation"], len(rows)), rule_in_words(listed["rule"])
    screen.err.print(text(f"{many}{total}; asked because {rule}", "bold"))
    for says in listed["lets"]:
        screen.err.print(text(says, "yellow"))
    for number, row in enumerate(rows, 1):
        screen.err.print(text(f"{number:>4}  {row['headline']} ({row['title']}, {row['plan']})"))
    if listed["more"]:
        screen.err.print(text(f"      and {listed['more']:,} more, which are not answered with these"))


def _say(screen: Screen, told: Row, count: int) -> None:
    screen.say(text(f"{len(told['done'])} of {count} answered.", "bold"))
    for row in told["refused"]:
        screen.say(text(f"  not {row['decision']}: {row['why']}", "red"))
    for standing in told["plans"]:
        say_standing(screen, standing)
