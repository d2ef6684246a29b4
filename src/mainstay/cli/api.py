"""`mainstay api`: tokens of outside tools, and links to questions."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from rich.table import Table

from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import as_document, moment, text
from mainstay.cli.status import DONE
from mainstay.console.service import reached
from mainstay.errors import InputError
from mainstay.ledger.lock import holder
from mainstay.owners import ask_owner, owner_of
from mainstay.runtime.names import local_time
from mainstay.values import parse_duration_s

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

_START = "It takes actions in while the service runs: mainstay start"


def listed(names: str) -> list[str]:
    """Read operations that stand behind commas."""
    return [name.strip() for name in names.split(",") if name.strip()]


def create(screen: Screen, folder: Path | None, asked: dict[str, Any]) -> int:
    """Make a token and show it."""
    workspace = workspace_at(folder)
    made = _ask(workspace, "token_make", asked)
    url = _url(workspace)
    document = {**_row(made, workspace), "token": made["token"], "callback_secret": made["callback_secret"], "url": url}
    screen.give(document, lambda console: _draw_made(made, url, console))
    return DONE


def tokens(screen: Screen, folder: Path | None) -> int:
    """List all of them."""
    workspace = workspace_at(folder)
    rows = [_row(one, workspace) for one in _ask(workspace, "token_list", {})["tokens"]]
    url = _url(workspace)
    screen.give({"tokens": rows, "url": url}, lambda console: _draw_list(rows, url, workspace, console))
    return DONE


def revoke(screen: Screen, folder: Path | None, name: str) -> int:
    """Let one count no more."""
    workspace = workspace_at(folder)
    row = _row(_ask(workspace, "token_revoke", {"name": name}), workspace)
    says = f"Token {name} counts no more. What it asked for before goes on: mainstay plans"
    screen.give(row, lambda console: console.print(text(says)))
    return DONE


def operations(screen: Screen, folder: Path | None) -> int:
    """List what tools can be allowed to ask for: all that acts."""
    from msgspec.structs import fields

    from mainstay.app import contracts_to_read

    rows: list[dict[str, Any]] = []
    for name, one in sorted(contracts_to_read(workspace_at(folder)).operations.items()):
        if one.effect != "read":
            needed = [field.name for field in fields(one.input) if field.required]
            more = [field.name for field in fields(one.input) if not field.required]
            row = {"operation": name, "does": one.summary, "arguments": needed, "may_have": more}
            rows.append(row | {"can_be_undone": bool(one.compensation)})
    screen.give({"operations": rows}, lambda console: _draw_operations(rows, console))
    return DONE


def describe(folder: Path | None) -> int:
    """Give the OpenAPI description of what is served: one JSON document, with --json or without."""
    from mainstay.app import contracts_to_read
    from mainstay.console.described import ServedAt, acting, describe
    from mainstay.console.login import cookie_of
    from mainstay.console.pages import SCREENS
    from mainstay.ledger.keys import load

    workspace = workspace_at(folder)
    contracts, api = contracts_to_read(workspace), workspace.config.api
    operations = acting(contracts.operations)
    accounts = {name: contracts.accounts(name.partition(".")[0]) or () for name in operations}
    screens = [page for screens in SCREENS for page in screens] if api.console else []
    url = _url(workspace)
    cookie = cookie_of(load(workspace.state).workspace, secure=bool(api.certificate or api.address))
    document = describe(operations, accounts, screens, ServedAt(url, cookie))
    sys.stdout.write(as_document(document))
    return DONE


def _draw_operations(rows: list[dict[str, Any]], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("operation", "what it does", "arguments", "may have", "can be undone"):
        table.add_column(name, overflow="fold")
    for row in rows:
        listed = (", ".join(row["arguments"]), ", ".join(row["may_have"]))
        back = "yes" if row["can_be_undone"] else "no"
        table.add_row(*map(text, (row["operation"], row["does"], *listed, back)))
    console.print(table)
    console.print(text("Let a tool ask for some: mainstay api token create NAME --allow OPERATION,OPERATION", "dim"))


def link(screen: Screen, folder: Path | None, question: str, lasts: str) -> int:
    """Make a link to a question."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        decision = views.decision_id(question)
    try:
        seconds = parse_duration_s(lasts)
    except ValueError as error:
        raise InputError(f"{error}.", remedy="Give a time such as 2d.") from None
    url = _url(workspace)
    if not url:
        raise InputError(
            "Nothing is served that a link could lead to.",
            remedy="Say enabled = true under [api] in mainstay.toml, and run: mainstay start",
        )
    made = _ask(workspace, "link", {"decision": decision, "seconds": seconds})
    where = f"{reached(url, workspace.config.api)}/d/{made['link']}"
    screen.give({"decision": decision, "url": where}, lambda console: console.print(text(where), soft_wrap=True))
    return DONE


def _ask(workspace: Workspace, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return asyncio.run(ask_owner(workspace, method, params, lambda _: None))


def _url(workspace: Workspace) -> str:
    """Say where the service takes actions in; nothing while none does."""
    held = holder(workspace.state)
    return held.api if held is not None and owner_of(workspace) is not None else ""


def _row(one: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    zone, until = workspace.config.company.timezone, one["expires_at_us"]
    return {
        "name": one["name"],
        "state": one["state"],
        "allow": one["allow"],
        "made_at": local_time(one["made_at_us"], zone).isoformat(timespec="seconds"),
        "expires_at": "" if until is None else local_time(until, zone).isoformat(timespec="seconds"),
        "callback": one["callback"],
    }


def _draw_made(made: dict[str, Any], url: str, console: Console) -> None:
    console.print(text(f"Token {made['name']}: it may ask for {', '.join(made['allow'])}.", "bold"))
    console.print(text("It is shown this once; give it to the tool now:"))
    console.print(text(f"  {made['token']}"), soft_wrap=True)
    if made["callback_secret"]:
        console.print(text(f"With this the tool checks what it is told at {made['callback']}:"), soft_wrap=True)
        console.print(text(f"  {made['callback_secret']}"), soft_wrap=True)
    console.print(text(f"It sends what it wants to {url}/actions." if url else _START))


def _draw_list(rows: list[dict[str, Any]], url: str, workspace: Workspace, console: Console) -> None:
    if not rows:
        console.print(text("No tool has a token. Make one: mainstay api token create NAME --allow mail.send"))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("name", "state", "may ask for", "until", "is told at"):
        table.add_column(name, overflow="fold")
    zone = workspace.config.company.timezone
    for row in rows:
        until = moment(row["expires_at"], zone) if row["expires_at"] else "you revoke it"
        table.add_row(*map(text, (row["name"], row["state"], ", ".join(row["allow"]), until, row["callback"])))
    console.print(table)
    console.print(text(f"Actions are taken in at {url}/actions." if url else _START, "dim"))
