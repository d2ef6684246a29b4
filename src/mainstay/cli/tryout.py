"""`mainstay try`: what Mainstay would have done with a statement and the open invoices. It only looks."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mainstay.cli.ending import DONE, WRONG
from mainstay.cli.screen import Screen, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.records import Invoice, Match
    from mainstay.tryout import Trial

_STOPS = (signal.SIGTERM, signal.SIGHUP)  # as Ctrl-C does, they end the trial and leave nothing behind
STOPPED = 143


def try_out(
    statements: Annotated[list[Path], typer.Argument(metavar="STATEMENT...", help="Bank statements: camt.053 or CSV.")],
    invoices: Annotated[Path, typer.Argument(metavar="INVOICES", help="The open invoices, as CSV.")],
    as_json: Annotated[bool, typer.Option("--json", help="Give the result as JSON.")] = False,
) -> int:
    """Try the reconciliation on your own files: nothing is sent, booked or kept, and no workspace is needed."""
    screen = Screen(as_json=as_json)
    try:
        trial = asyncio.run(_until_stopped(statements, invoices))
    except asyncio.CancelledError:
        return STOPPED
    screen.give(trial, lambda _: _draw(trial, screen))
    return WRONG if trial.unread else DONE


async def _until_stopped(statements: Sequence[Path], invoices: Path) -> Trial:
    from mainstay.tryout import try_reconciliation

    task = asyncio.current_task()
    assert task is not None
    for stop in _STOPS:
        asyncio.get_running_loop().add_signal_handler(stop, task.cancel)
    return await try_reconciliation(statements, invoices)


def headline(trial: Trial) -> str:
    """Say the result in one line."""
    late = _count(len(trial.late), "invoice")
    twice = f", {len(trial.paid_twice)} paid twice" if trial.paid_twice else ""
    return f"Matched {trial.matched} of {trial.incoming} payments, {late} late, {trial.owed} owed{twice}."


def _draw(trial: Trial, screen: Screen) -> None:
    screen.say(headline(trial), "bold")
    if trial.unsure:
        none = _count(len(trial.late_if_none), "invoice")
        screen.say(f"That takes the {_count(len(trial.unsure), 'payment')} that needs your eye as approved;" if False else "")
        screen.say(f"({none} late and {trial.owed_if_none} owed, if you approve none of them.)")
