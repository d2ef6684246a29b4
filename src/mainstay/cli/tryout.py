"""`mainstay try`: what Mainstay would have done with a statement and the open invoices. It only looks."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from rich.padding import Padding

from mainstay.cli.place import workspace_if_any
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, WRONG
from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.status import Status

    from mainstay.cli.screen import Screen
    from mainstay.connectors.bank.statement import FileReport
    from mainstay.records import Doubt, Invoice, Match
    from mainstay.tryout import Trial

STOPS = (signal.SIGTERM, signal.SIGHUP)  # as Ctrl-C does, they end the trial and leave nothing behind
STOPPED = 143
SHOWN = 20  # entries of each list; the document has all


def try_out(screen: Screen, files: Sequence[Path], currency: str) -> int:
    """Try it and show what came out."""
    try:
        with screen.err.status("Trying it on your files") as looking:
            trial = asyncio.run(_until_stopped(files, currency, partial(tell_progress, screen, looking)))
    except asyncio.CancelledError:
        return STOPPED
    screen.give(trial, lambda _: _draw(trial, screen))
    return WRONG if any(not one.found for one in trial.unread) else DONE


def tell_progress(screen: Screen, looking: Status, sentence: str) -> None:
    """Say how far it is: to people in one line that goes away, to programs in lines of stderr."""
    looking.update(text(sentence))
    if screen.as_json:
        screen.err.print(text(sentence))


async def _until_stopped(files: Sequence[Path], currency: str, tell: Callable[[str], None]) -> Trial:
    from mainstay.tryout import try_reconciliation

    task = asyncio.current_task()
    assert task is not None
    for stop in STOPS:
        asyncio.get_running_loop().add_signal_handler(stop, task.cancel)
    return await try_reconciliation(files, workspace_if_any(None), currency, tell)


def headline(trial: Trial) -> str:
    """Say the result in one line."""
    late = say_count(len(trial.late), "invoice")
    twice = f", {len(trial.paid_twice)} paid twice" if trial.paid_twice else ""
    unread = f" {say_count(len(trial.unread), 'file')} could not be read." if trial.unread else ""
    return f"Matched {trial.matched} of {trial.incoming} payments, {late} late, {trial.owed} owed{twice}.{unread}"


def _draw(trial: Trial, screen: Screen) -> None:
    screen.say(headline(trial), "bold")
    if trial.remark:
        screen.say(trial.remark, "yellow")
    if trial.unsure and trial.late != trial.late_if_none:
        eye = say_count(len(trial.unsure), "payment")
        without = f"{say_count(len(trial.late_if_none), 'invoice')} late, {trial.owed_if_none} owed"
        screen.say(f"What is late counts a yes to the {eye} that it would ask about. Without: {without}.")
    _list(screen, "Would have asked you about", [_match(match) for match in trial.unsure])
    _list(screen, "Came in and fits no open invoice", [_match(match) for match in trial.unmatched])
    _list(screen, "Came in and is no customer's payment", [_match(match) for match in trial.set_aside])
    _list(screen, "Pays an invoice that is paid", [_match(match) for match in trial.paid_twice])
    _list(screen, "Would get a reminder, after your yes to each mail", [_late(one) for one in trial.late if one.email])
    _list(screen, "Late, but without a mail address", [_late(one) for one in trial.late if not one.email])
    _list(screen, "Would get one too, if you say no above", [_late(one) for one in _only_if_none(trial) if one.email])
    _list(screen, "Could not be read, and was left out", [(one.message, one.remedy) for one in trial.unread])
    _list(screen, "Taken to be right, and asked about once", [_assumed(one) for one in trial.assumed])
    _list(screen, "Read", [_statement(one) for one in trial.statements] + [_invoices(trial)])
    screen.say("")
    screen.say("Nothing was sent, booked or kept. For real: `mainstay init FOLDER`, and there")
    screen.say("`mainstay run billing-reconciliation statement=FILE invoices=FILE`.")


def _list(screen: Screen, title: str, entries: Sequence[tuple[str, ...]]) -> None:
    """Write a title with its entries, each a line and what explains it; nothing when there are none."""
    if not entries:
        return
    screen.say("")
    screen.say(f"{title}:", "bold")
    for head, *more in entries[:SHOWN]:
        screen.out.print(Padding(text(head), (0, 0, 0, 2), expand=False))
        for line in filter(None, more):
            screen.out.print(Padding(text(line, "dim", lines=True), (0, 0, 0, 6), expand=False))
    if len(entries) > SHOWN:
        screen.say(f"  and {len(entries) - SHOWN:,} more; all of them: mainstay try --json ...", "dim")


def _match(match: Match) -> tuple[str, ...]:
    said = f', "{" ".join(match.text.split())}"' if match.text else ""
    to = f" -> {', '.join(match.invoice_numbers)}" if match.allocations else ""
    head = f"{match.booked_on}  {match.amount} from {match.counterparty or 'unknown'}{said}{to}"
    return head, match.why, match.runner_up


def _late(invoice: Invoice) -> tuple[str, ...]:
    to = f", {invoice.email}" if invoice.email else ""
    days = say_count(invoice.days_late, "day")
    return (f"{invoice.number}  {invoice.open} from {invoice.customer}, {days} late{to}",)


def _only_if_none(trial: Trial) -> list[Invoice]:
    known = {invoice.number for invoice in trial.late}
    return [invoice for invoice in trial.late_if_none if invoice.number not in known]


def _assumed(doubt: Doubt) -> tuple[str, ...]:
    """Show what was understood; how to change it is said when it is asked about."""
    return doubt.headline, doubt.body


def _statement(file: FileReport) -> tuple[str, ...]:
    balance = (
        "the balances add up"
        if file.balance == "checked"
        else "it has no balances, so nothing proves that it is complete"
    )
    days = f"{file.from_on} to {file.to_on}, " if file.from_on else ""
    return f"{file.name} ({file.format}): {days}{say_count(file.count, 'line')}; {balance}", file.note


def _invoices(trial: Trial) -> tuple[str, ...]:
    formats = Counter(file.format for file in trial.invoice_files)
    files = ", ".join(f"{count} {name}" for name, count in formats.items())
    return f"{say_count(trial.invoices, 'open invoice')} ({files})", trial.invoices_note
