"""`mainstay connectors`: the ways to the world, the agents, and the credentials, with how each did lately."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.app import PATIENCE_S, TESTED, contracts_to_read, mail_health
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import moment, text, when
from mainstay.cli.status import DONE, FAILED
from mainstay.errors import UnknownNameError
from mainstay.runtime.names import local_time
from mainstay.values import SECOND_US
from mainstay.views.credentials import credentials

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]


def listed(screen: Screen, folder: Path | None) -> int:
    """Show all."""
    workspace, now_us = workspace_at(folder), time.time_ns() // 1000
    contracts, config = contracts_to_read(workspace), workspace.config
    with views_at(workspace.root) as views:
        found = {
            "connectors": views.connectors(contracts.operations.values(), now_us, config.limits, config.delays),
            "agents": views.agents(contracts.every_agent()),
            "credentials": credentials(workspace, now_us),
        }
    screen.give(found, lambda console: _draw(found, console, config.company.timezone))
    return DONE


def test(screen: Screen, folder: Path | None, name: str) -> int:
    """Try one out."""
    workspace = workspace_at(folder)
    if name not in TESTED:
        raise UnknownNameError(
            f"There is nothing to test about '{name}'.", remedy=f"It can be tried: {', '.join(sorted(TESTED))}"
        )
    with screen.err.status("Asking"):
        report = asyncio.run(mail_health(workspace, PATIENCE_S))
    zone, expires = workspace.config.company.timezone, ""
    if report.expires_s is not None:
        expires = local_time(report.expires_s * SECOND_US, zone).isoformat(timespec="seconds")
    document = {"connector": name, "works": report.healthy, "says": report.detail, "expires": expires}
    screen.give(document, lambda console: _draw_test(document, console))
    return DONE if report.healthy else FAILED


def _draw_test(found: Row, console: Console) -> None:
    says = "is in order" if found["works"] else "does not work"
    console.print(text(f"{found['connector']} {says}: {found['says']}", "" if found["works"] else "bold red"))
    if found["expires"]:
        console.print(text(f"  Its certificate is good until {when(found['expires'])}."))
    if not found["works"]:
        console.print("  Correct [mail.smtp] in mainstay.toml, or see: mainstay secret list")


def _draw(found: Row, console: Console, zone: str) -> None:
    for title, rows in (("Connectors", found["connectors"]), ("Agents", found["agents"])):
        console.print(text(title, "bold"))
        for row in rows:
            console.print(text(f"  {row['name']}: {_says(row)}", "yellow" if row["fails"] else ""))
            for one in row.get("held_back", ()):
                whose = f" of {one['account']}" if one["account"] else ""
                until = moment(one["until"], zone)
                console.print(
                    text(f"    Calls{whose} are held back until {until}: {one['failures']} failed.", "yellow")
                )
            if row["fails"]:
                console.print(text(f"    {row['bad']['says']} (plan {row['bad']['plan']})"))
    console.print(text("Credentials", "bold"))
    for row in found["credentials"]:
        bad = row["state"] != "kept"
        console.print(text(f"  {row['name']} for {row['connector']}: {_expiry(row)}", "yellow" if bad else ""))
        if bad:
            console.print(text(f"    Next: {row['next']}"))
    if not found["credentials"]:
        console.print("  None is kept. Keep one with: mainstay secret set NAME")


def _says(row: Row) -> str:
    if row["good"] is None:
        return "failed last" if row["fails"] else "not used lately"
    last = f"last good call {when(row['good']['at'])}, plan {row['good']['plan']}"
    counted = f"{row['well']} of {row['well'] + row['ill']} went well lately"
    return f"{'failed last, ' if row['fails'] else ''}{last}; {counted}"


def _expiry(row: Row) -> str:
    if row["state"] == "missing":
        return row["says"]
    refused = f"refused there since {when(row['refused'])}; " if row["refused"] else ""
    if not row["expires"]:
        return f"{refused}expiry {row['says']}"
    word = {"expired": "expired", "soon": "expires soon,"}.get(row["state"], "expires")
    return f"{refused}{word} {when(row['expires'])}"
