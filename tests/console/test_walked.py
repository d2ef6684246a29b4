"""The walk through the history that a page begins, and an export of it, say what kept them from their end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from visitor import Page, Visitor

from mainstay.app import Owner, create_workspace
from mainstay.console import audit
from mainstay.console.room import Room

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from http_kit import Served


def test_what_can_not_be_read_at_all_is_named_and_the_walk_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    workspace = create_workspace(tmp_path / "acme", name="Acme")
    aside = workspace.ledger.with_name("aside")

    async def walked() -> audit.Check:
        async with Owner(workspace, "test") as owner:
            room, check = Room(owner, "http://localhost:8765"), audit.Check()
            workspace.ledger.rename(aside)
            workspace.ledger.mkdir()
            try:
                await audit._walk(room, check)
            finally:
                workspace.ledger.rmdir()
                aside.rename(workspace.ledger)
                room.close()
            return check

    check = asyncio.run(walked())
    assert check.failed is not None
    assert check.failed.message == f"{workspace.ledger} can't be read: Is a directory."
    assert (check.found, check.at != "") == (None, True)


def test_an_export_that_can_not_begin_is_answered_by_a_page_that_says_why(served: Served):
    person = Visitor(served).log_in()
    (form,) = [one for one in person.page("/audit").forms if one.action == "/audit/export"]
    ledger = served.desk.folder / ".mainstay" / "ledger.db"
    aside = ledger.with_name("aside")
    ledger.rename(aside)
    ledger.mkdir()
    try:
        reply = person.press(form)
    finally:
        ledger.rmdir()
        aside.rename(ledger)
    assert (reply.status, f"{ledger} can't be read: Is a directory." in Page(reply.text).text) == (422, True)
    assert '"type":"mainstay.end"' in person.press(form).text.splitlines()[-1]
