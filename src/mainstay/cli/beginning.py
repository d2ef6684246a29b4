"""`mainstay init`: a new workspace."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.config import CONFIG_NAME
from mainstay.errors import FileError, InputError, MainstayError

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen

_LOCALTIME = Path("/etc/localtime")
_ZONES = "zoneinfo/"
MOST_NAME_CHARS = 120


def init(screen: Screen, folder: Path, *, name: str, timezone: str, sender: str, key: str = "") -> int:
    """Make a workspace, and say what to do first."""
    from mainstay.app import create_workspace
    from mainstay.cli.key import chosen, say_where, word_for
    from mainstay.ledger.keys import load
    from mainstay.ledger.signing import SigningKey, fingerprint
    from mainstay.owners import begin

    timezone = timezone or local_timezone()
    _check(timezone, sender)
    name, way = _name(name, folder), chosen(key)
    if (folder / CONFIG_NAME).exists():  # no passphrase is asked for in vain
        raise InputError(f"{folder} is a workspace already.", remedy="Choose another folder, or use this one as it is.")
    try:
        word = word_for(way)
        workspace = create_workspace(folder, name=name, timezone=timezone, sender=sender, key=way, word=word)
    except OSError as error:
        raise FileError(f"{folder} can't be made: {error.strerror}.", remedy="Choose another folder.") from None
    asyncio.run(begin(workspace, shipped=True))
    row = {"workspace": str(workspace.root), "name": workspace.config.company.name, "timezone": timezone, "key": way}
    row["signs_with"] = fingerprint(SigningKey(load(workspace.state).receipts).public)
    screen.give(row, lambda _: None)
    if screen.as_json:
        return DONE
    screen.say(f"{workspace.root} is the workspace of {workspace.config.company.name}, time zone {timezone}.", "bold")
    screen.say(f"Its history can only be read with its key. {say_where(workspace)}")
    screen.say(f"Its receipts and anchors are signed with key {row['signs_with']}: note that outside this machine.")
    if not sender:
        placeholder = workspace.config.mail.sender
        screen.say(f"Mails carry a placeholder sender, {placeholder}: put yours into {CONFIG_NAME}, under [mail].")
    screen.say(text("Next: mainstay playbook list", "cyan"))
    screen.say(text("      mainstay run billing-reconciliation statement=FILE invoices=FILE", "cyan"))
    return DONE


def local_timezone() -> str:
    """Name this machine's time zone; UTC where it does not say."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and _LOCALTIME.is_symlink():
        named = str(_LOCALTIME.resolve()).rpartition(_ZONES)[2]
    return named if named and is_zone(named) else "UTC"


def is_zone(name: str) -> bool:
    """Say whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _name(name: str, folder: Path) -> str:
    """Give the company's name, or the folder's; raises InputError for one that no letter can carry."""
    given = name or folder.resolve().name
    if not given.isprintable() or not given.strip() or len(given) > MOST_NAME_CHARS:
        what = f"a line of its own, of up to {MOST_NAME_CHARS} letters without line breaks"
        raise InputError(f"The name of your company is {what}.", remedy='Write it as in --name "Acme Ltd".')
    return given.strip()


def _check(timezone: str, sender: str) -> None:
    from mainstay.connectors.mail_address import parse_address

    if not is_zone(timezone):
        raise InputError(f"There is no time zone '{timezone}'.", remedy="Name one such as Europe/Berlin.")
    if sender:
        try:
            parse_address(sender, what="sender")
        except MainstayError as error:
            raise InputError(error.message, remedy='Write it as in "Anna Berg <anna@example.com>".') from None
