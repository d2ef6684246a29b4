"""The agent `reconcile`: hold the lines of a bank statement against open invoices.

Plain code, deterministic: the same lines and invoices give the same answer in whatever order they come. What it finds
sure may be booked without asking; everything doubtful is `unsure`, with the reason and the second best reading. The
working parts are loaded when the agent runs, not when its contract is read. Start reading in `settlement.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from mainstay.contracts import AgentContract, AgentResult
from mainstay.errors import InputError
from mainstay.records import BankLine, Invoice, Match, Payer, Payout
from mainstay.values import Money, digest_of, say_total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mainstay.agents.settlement import Settled

T = TypeVar("T")
EVERY_LINE_ONCE = (  # the piles add up to the lines that came in
    "out.summary.matched + out.summary.to_review + out.summary.unmatched + out.summary.ignored"
    " + out.summary.paid_twice == out.summary.lines"
)


class ReconcileInput(msgspec.Struct, frozen=True):
    """Lines of one or several accounts, and the invoices that are open. Pending lines are shown, never matched.

    `payouts` say which lines a payment provider sent to the bank in one sum, `payers` what the operator taught. A
    difference of an otherwise sure pair up to `write_off`, in that currency, is written off without asking; None
    stands for five of the smallest coin (0.05 EUR), which is also what other currencies have.
    """

    lines: tuple[BankLine, ...]
    invoices: tuple[Invoice, ...]
    payouts: tuple[Payout, ...] = ()
    payers: tuple[Payer, ...] = ()
    write_off: Money | None = None


class ReconcileSummary(msgspec.Struct, frozen=True):
    """Counts of lines and invoices; amounts as text, one for each currency, such as "4,210.00 EUR"."""

    lines: int
    incoming: int
    matched: int  # lines matched surely
    to_review: int  # lines that need a human eye
    unmatched: int
    ignored: int
    paid_twice: int  # lines that pay an invoice once more
    invoices: int
    invoices_settled: int  # by the sure matches
    received: str  # booked; what is pending is in no sum
    matched_amount: str
    owed: str  # what stays open after the sure matches
    owed_after_review: str  # and when every doubtful one is approved too
    payouts: int = 0  # of payment providers, whose line was found at the bank
    payouts_missing: int = 0  # and whose line was not found, though it was due


class ReconcileOutput(msgspec.Struct, frozen=True):
    """Every line, in exactly one of five piles. `sure` and `unsure` have the same type and may be joined."""

    sure: tuple[Match, ...]
    unsure: tuple[Match, ...]
    unmatched: tuple[Match, ...]  # came in and fits no open invoice
    ignored: tuple[Match, ...]  # no customer's payment: went out
    duplicates: tuple[Match, ...]  # pays an invoice that is paid; `invoice_numbers` names it, nothing is allocated
    summary: ReconcileSummary
    set_aside: tuple[Match, ...] = ()  # those of `ignored` that came in: payouts, money between own accounts


CONTRACT = AgentContract(
    name="reconcile",
    summary="Match bank lines to open invoices",
    input=ReconcileInput,
    output=ReconcileOutput,
    where="worker",
    entry="mainstay.agents.reconcile:reconcile",
    timeout_s=120.0,
    memory_mb=1024,
    success=EVERY_LINE_ONCE,
)


def reconcile(arguments: ReconcileInput, files: Mapping[str, bytes]) -> AgentResult:
    """Match lines to invoices; `files` is empty, the arguments hold no file.

    Raises InputError when two different lines have one id, or two different invoices one number.
    """
    from mainstay.agents.settlement import Rules, settle

    del files
    lines = _unique(_as_booked(arguments.lines), lambda line: line.id, "bank line")
    invoices = _unique(arguments.invoices, lambda invoice: invoice.number, "invoice")
    rules = Rules(arguments.payouts, arguments.payers, arguments.write_off)
    settled = settle(lines, invoices, rules)
    summary = _summary(lines, invoices, settled)
    return AgentResult(
        output=ReconcileOutput(
            sure=settled.sure,
            unsure=settled.unsure,
            unmatched=settled.unmatched,
            ignored=settled.ignored,
            duplicates=settled.duplicates,
            summary=summary,
            set_aside=tuple(match for match in settled.ignored if match.amount.minor > 0),
        ),
        rationale=_rationale(summary, settled),
        confidence=min((match.confidence for match in settled.sure), default=None),
        provenance=(f"lines:{_digest(line.id for line in lines)}", f"invoices:{_digest(i.number for i in invoices)}"),
    )


def _as_booked(lines: Sequence[BankLine]) -> list[BankLine]:
    """Leave out a pending line that is there as booked too: the bank gives both one id."""
    booked = {line.id for line in lines if not line.pending}
    return [line for line in lines if not line.pending or line.id not in booked]


def _unique(records: Sequence[T], name_of: Callable[[T], str], what: str) -> list[T]:
    """Drop exact repetitions, such as a line of two overlapping statements; refuse two under one name."""
    known: dict[str, T] = {}
    for record in records:
        name = name_of(record)
        if known.setdefault(name, record) != record:
            message = f"The {what} {name} is there twice with different content."
            raise InputError(message, remedy=f"Correct the {what}s and run it again; nothing was matched.")
    return [known[name] for name in sorted(known)]


def _summary(lines: Sequence[BankLine], invoices: Sequence[Invoice], settled: Settled) -> ReconcileSummary:
    owed = {invoice.number: invoice.open for invoice in invoices}
    after_sure = _less(owed, settled.sure)
    incoming = [line for line in lines if line.amount.minor > 0]
    return ReconcileSummary(
        lines=len(lines),
        incoming=len(incoming),
        matched=sum(len(match.line_ids) for match in settled.sure),
        to_review=sum(len(match.line_ids) for match in settled.unsure),
        unmatched=len(settled.unmatched),
        ignored=len(settled.ignored),
        paid_twice=len(settled.duplicates),
        invoices=len(invoices),
        invoices_settled=sum(owed[number].minor > 0 and left.minor == 0 for number, left in after_sure.items()),
        received=say_total(line.amount for line in incoming if not line.pending),
        matched_amount=say_total(match.amount for match in settled.sure),
        owed=say_total(after_sure.values()),
        owed_after_review=say_total(_less(after_sure, settled.unsure).values()),
        payouts=settled.payouts,
        payouts_missing=len(settled.payouts_missing),
    )


def _less(owed: Mapping[str, Money], matches: Iterable[Match]) -> dict[str, Money]:
    left = dict(owed)
    for match in matches:
        for allocation in match.allocations:
            left[allocation.invoice] -= allocation.amount
    return left


def _rationale(summary: ReconcileSummary, settled: Settled) -> str:
    from mainstay.agents.wording import say_missing

    missing = f" {say_missing(settled.payouts_missing)}" if settled.payouts_missing else ""
    return (
        f"Of {summary.incoming} incoming payments {summary.matched} were matched surely, {summary.to_review} need your"
        f" eye, {summary.unmatched} fit no open invoice, {summary.paid_twice} pay an invoice twice."
        f" Still owed: {summary.owed}.{missing}"
    )


def _digest(names: Iterable[str]) -> str:
    return digest_of(*(name.encode() for name in names))[:16]
