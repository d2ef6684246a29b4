"""`mainstay forget`: make what the history holds about a person unreadable, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import UnknownNameError
from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
PLANS_SHOWN = 10
BACKUPS = (
    "Backups and copies made before now still hold the key: make a new one and delete those. "
    "One that is restored on this machine forgets this person again."
)
NOT_NOTED = (
    "It could not be noted beside the workspace's key, so an older backup would not know of it yet: "
    "the next start tries again. Look at the folder of the key: mainstay key show"
)


def forget(
    screen: Screen, folder: Path | None, person: str, *, only: Sequence[str], keep_files: bool, yes: bool
) -> int:
    """Show what there is about a person, ask, and destroy their key."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views, screen.err.status("Looking through the history"):
        found = views.person(person)
    found["people"] = _chosen(found, only)
    if not screen.as_json:
        _draw(found, screen.err, keep_files=keep_files)
    asked = ("Forget this person?", "Nothing was forgotten", "Add --yes to forget what is listed.")
    if not yes and not screen.agreed(*asked, whole=True):
        return DONE
    keys = [one["key"] for one in found["people"]]
    done = ask(screen, workspace, "forget", {"keys": keys, "keep_files": keep_files})
    done["note"] = BACKUPS if done["remembered"] else NOT_NOTED
    screen.give(done, lambda console: _draw_receipt(done, console))
    return DONE


def _chosen(found: Row, only: Sequence[str]) -> list[Row]:
    people: list[Row] = found["people"]
    if not people:
        raise UnknownNameError(
            f"Nobody is known here as '{found['name']}'.",
            remedy="Give the name as it was written, or the account, mail address or customer's number.",
        )
    chosen = [one for one in people if not only or any(one["key"].startswith(key) for key in only)]
    if not chosen:
        raise UnknownNameError("No such key is known by that name.", remedy="Leave --only out to see them.")
    return chosen


def _draw(found: Row, console: Console, *, keep_files: bool) -> None:
    people: list[Row] = found["people"]
    plans: list[Row] = found["plans"]
    console.print(text(f"Forget {found['name']}", "bold"))
    for one in people:
        console.print(text(f"  {one['key'][:8]}  {', '.join(one['known_as']) or 'no short value to show'}"))
    if len(people) > 1:
        console.print(text("These may be different people. To forget one: --only KEY", "yellow"))
    console.print(text(f"{say_count(found['values'], 'value')} in {say_count(len(plans), 'plan')}:"))
    for plan in plans[:PLANS_SHOWN]:
        going = ", which still goes on" if plan["goes_on"] else ""
        console.print(text(f"  {plan['plan']}  {plan['title']}{going}"))
    if len(plans) > PLANS_SHOWN:
        console.print(text(f"  and {len(plans) - PLANS_SHOWN} more"))
    if found["outside"]:
        console.print(f"and in {say_count(found['outside'], 'thing')} that came from outside.")
    if found["texts"]:
        console.print("Texts of these plans that are about several people, such as reports, go with it.")
    if found["files"] and not keep_files:
        kept = say_count(found["files"], "file")
        console.print(f"So does the content of {kept} they stand in. To keep those in the history: --keep-files")
    elif found["files"]:
        console.print(text(f"{say_count(found['files'], 'file')} they stand in can still be read.", "yellow"))
    if any(plan["goes_on"] for plan in plans):
        console.print(text("A step that still needs it will be stuck, and you are asked then.", "yellow"))
    console.print("What was sent, and files in your folders, are not touched. Amounts and invoice numbers stay.")
    console.print(text("This can't be taken back.", "bold red"))


def _draw_receipt(done: Row, console: Console) -> None:
    receipt = done["receipt"]
    counts = f"{say_count(receipt['values'], 'value')} in {say_count(receipt['plans'], 'plan')}"
    console.print(text(f"Forgotten: {counts} can't be read any more.", "bold"))
    console.print(text(f"Receipt {receipt['id']}, in the history for good: mainstay history tail"))
    if not done["cut_off"]:
        console.print(
            text("Somebody reads the workspace: traces of the key are wiped at Mainstay's next start.", "yellow")
        )
    console.print(text(done["note"], "yellow"))
