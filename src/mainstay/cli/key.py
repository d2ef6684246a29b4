"""`mainstay key`: where the workspace's key is kept, keeping it elsewhere, a copy of it for your own backup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import FileError, InputError
from mainstay.ledger import keeping, keys, passphrase
from mainstay.ledger.disk import put_new
from mainstay.ledger.vault import refuse_plain

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen
    from mainstay.ledger.keeping import Way
    from mainstay.workspace import Workspace


def chosen(name: str) -> Way:
    """Give the way that was named; where none was, the system's keyring if it has one, else a private file."""
    if not name:
        return "keyring" if keeping.usable_keyring() else "file"
    for way in keeping.WAYS:
        if name == way:
            return way
    raise InputError(f"A key is not kept in '{name}'.", remedy=f"Name one of: {', '.join(keeping.WAYS)}.")


def word_for(way: Way) -> str:
    """Take the new passphrase, where the way needs one."""
    return passphrase.new() if way == "passphrase" else ""


def say_where(workspace: Workspace) -> str:
    """Tell where the key is, and what belongs into the operator's backup."""
    place = keys.key_file(workspace.state)
    match keys.way_of(workspace.state):
        case "file":
            return f"The key is in a file that only you can read; put that into your backup: {place}"
        case "keyring":
            return f"The key is in your system's keyring ({keeping.SERVICE}). For your backup: mainstay key export FILE"
        case "passphrase":
            return f"The key opens with your passphrase only. Remember it, and put this file into your backup: {place}"


def show(screen: Screen, folder: Path | None) -> int:
    """Say where the key is."""
    workspace = workspace_at(folder)
    way, place = keys.way_of(workspace.state), keys.key_file(workspace.state)
    if not place.exists():
        keys.load(workspace.state)  # says that it is missing
    screen.give({"key": way, "file": str(place)}, lambda _: screen.say(say_where(workspace)))
    return DONE


def move(screen: Screen, folder: Path | None, way_name: str) -> int:
    """Keep the key in another way."""
    workspace, way = workspace_at(folder), chosen(way_name)
    before = keys.way_of(workspace.state)
    if way == before != "passphrase":
        raise InputError(f"The key is kept so already: {way}.", remedy="Nothing was changed.")
    if way == "file":
        refuse_plain(workspace.state)
    keys.load(workspace.state)  # it has to open before it can be moved
    keys.move(workspace.state, way, word_for(way))
    row = {"key": way, "before": before, "file": str(keys.key_file(workspace.state))}
    screen.give(row, lambda _: screen.say(say_where(workspace)))
    if not screen.as_json and before == "file" != way:
        screen.say("The file it was in is gone; a copy of it in a backup still opens this workspace.")
    return DONE


def export(screen: Screen, folder: Path | None, file: Path) -> int:
    """Write the key itself to a file, for a backup of the operator's own."""
    workspace, file = workspace_at(folder), file.expanduser()
    if workspace.root in file.resolve().parents:
        raise InputError(
            f"{file} lies in the workspace, and a copy of that must not carry its key along.",
            remedy="Name a file elsewhere: on a stick, or in a password manager's folder.",
        )
    try:
        put_new(file, keys.master(workspace.state))
    except FileExistsError:
        raise FileError(f"{file} is there already, and stays as it is.", remedy="Name another file.") from None
    except OSError as error:
        raise FileError(f"{file} can't be written: {error.strerror}.", remedy="Name a file elsewhere.") from None
    name = f"{keys.load(workspace.state).workspace}.key"
    row = {"file": str(file), "name": name}
    screen.give(row, lambda _: screen.say(text(f"Whoever has {file} can read this workspace: keep it safe.", "bold")))
    if not screen.as_json:
        back = keys.key_file(workspace.state).with_name(name)
        screen.say(f"To use it, put it back as {back}, readable for you only.")
    return DONE
