"""`mainstay console`: a link that lets you into the console once, and its password."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen


def link(screen: Screen, folder: Path | None, *, show: bool) -> int:
    """Make a link, and open it where there is a browser."""
    import time

    from mainstay.console.access import LINK_S
    from mainstay.console.service import link_of
    from mainstay.ledger.lock import holder
    from mainstay.owners import owner_of

    workspace = workspace_at(folder)
    service = holder(workspace.state) if owner_of(workspace) is not None else None
    made = link_of(workspace, service, time.time_ns() // 1000)
    if show and screen.interactive:
        webbrowser.open(made)
    document = {"url": made, "lasts_s": LINK_S}
    screen.give(document, lambda console: console.print(text(made), soft_wrap=True))
    if not screen.as_json:
        screen.err.print(text(f"It lets you in once, within {LINK_S // 60} minutes. Show it to nobody.", "dim"))
    return DONE


def set_password(screen: Screen, folder: Path | None) -> int:
    """Ask for a password twice, and let it let in from now on. Who is logged in stays so."""
    from mainstay.console import access
    from mainstay.console.passwords import own_words

    workspace = workspace_at(folder)
    given = _asked(screen, "New password for the console: ")
    if screen.interactive and _asked(screen, "Again: ") != given:
        raise InputError("The two are not the same; nothing was changed.", remedy="Say it again.")
    access.set_password(workspace.state, given, own_words(workspace.config))
    screen.give(
        {"password": "set"}, lambda console: console.print("The password lets you into the console from now on.")
    )
    return DONE


def _asked(screen: Screen, prompt: str) -> str:
    if screen.interactive:
        return screen.err.input(text(prompt, "bold"), password=True)
    import sys

    return sys.stdin.readline().rstrip("\n")
