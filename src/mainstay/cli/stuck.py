"""`mainstay stuck`: what is stuck, by its cause, and remedies for one or many at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.padding import Padding

from mainstay.cli.asking import ask, say_standing
from mainstay.cli.place import say_left_lying, views_at, workspace_at
from mainstay.cli.questions import edited_from
from mainstay.cli.remedies import agreed, preview, to_answer
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE, FAILED, WAITS
from mainstay.errors import InputError
from mainstay.requests.files import file_content
from mainstay.requests.stuck import chosen, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
_SHOWN = 5  # of a group, by name


def listed(screen: Screen, folder: Path | None) -> int:
    """Show what is stuck, by its cause."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views, screen.err.status("Looking at what is stuck"):
        rows, zone = views.stuck(), views.timezone
    screen.give(rows, lambda console: _draw(grouped(rows), console, zone))
    say_left_lying(screen, workspace)
    return DONE


def _draw(groups: list[Row], console: Console, zone: str) -> None:
    if not groups:
        console.print("Nothing is stuck.")
        return
    for group in groups:
        many = len(group["stuck"])
        console.print(text(f"{group['group']}: {group['says']}", "bold"))
        plans = f"{len(group['plans'])} plans" if len(group["plans"]) > 1 else f"plan {group['plans'][0]}"
        console.print(text(f"  {group['what']} in {plans}, since {moment(group['since'], zone)}"))
        alike = len({row["message"] for row in group["stuck"]}) == 1
        for row in group["stuck"][:_SHOWN]:
            said = "" if alike else f": {row['message']}"
            console.print(text(f"  {row['decision']}  {row['action']} ({row['title']}){said}", "dim"))
        if many > _SHOWN:
            console.print(text(f"  and {many - _SHOWN} more: mainstay stuck --json", "dim"))
        if group["remedy"]:
            console.print(Padding(text(group["remedy"], lines=True), (0, 0, 0, 2)))
        for option in group["options"]:
            console.print(text(f"  mainstay stuck {option} {group['group']}", "cyan"))
    count = sum(len(group["stuck"]) for group in groups)
    console.print(text(f"{count} stuck. One of them whole, with what it was given: mainstay decide QUESTION"))


def remedy(screen: Screen, folder: Path | None, choice: str, names: Sequence[str], given: Row, *, yes: bool) -> int:
    """Apply one remedy to all that is named, after showing what that is; `given` are reason, edit and files."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        rows = views.stuck()
    if not rows:
        raise InputError("Nothing is stuck; nothing was changed.", remedy="What waits for you: mainstay inbox")
    if not names:
        raise InputError("Name what is meant, or say `all`.", remedy="`mainstay stuck` lists groups and questions.")
    picked = [row for row in (rows if names == ["all"] else chosen(rows, names)) if choice in row["options"]]
    picked = to_answer(picked, choice)
    if not picked:
        raise InputError(f"Nothing that is named can be answered with '{choice}'.", remedy="See: mainstay stuck")
    changes, pinned = _changes(choice, given["edit"], given["files"])
    preview(screen, choice, picked, changes, pinned)
    if not yes and not agreed(screen, "Add --yes to answer all that is listed."):
        return WAITS
    params = {
        "decisions": [row["decision"] for row in picked],
        "choice": choice,
        "reason": given["reason"],
        "arguments": changes,
        "pinned": pinned,
    }
    told = ask(screen, workspace, "remedy", params)
    screen.give(told, lambda _: _say_told(screen, told, picked))
    if told["refused"]:
        return FAILED
    return WAITS if told["questions"] else DONE


def _changes(choice: str, edit: str, files: Sequence[str]) -> tuple[Row | None, dict[str, list[Any]]]:
    """Read what changes: the same for each that is tried again."""
    if (edit or files) and choice != "retry":
        raise InputError("Changes go with a retry only.", remedy="Leave out --edit and --file, or answer `retry`.")
    pinned: dict[str, list[Any]] = {}
    for named in files:
        name, equals, path = named.partition("=")
        if not equals or not name or not path:
            raise InputError(f"'{named}' names no file.", remedy="Write --file ARGUMENT=PATH, such as file=june.csv.")
        pinned[name] = [Path(path).name, file_content(Path(path))]
    return edited_from(edit) if edit else ({} if pinned else None), pinned


def _say_told(screen: Screen, told: Row, picked: list[Row]) -> None:
    of = {row["decision"]: row for row in picked}
    screen.say(text(f"{len(told['done'])} of {len(picked)} answered.", "bold"))
    for row in told["refused"]:
        screen.say(text(f"  not {row['decision']} ({of[row['decision']]['action']}): {row['why']}", "red"))
    for standing in told["plans"]:
        say_standing(screen, standing)
