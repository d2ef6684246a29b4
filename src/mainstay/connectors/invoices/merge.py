"""All documents of all files become the open invoices, so that no number is ever two debts.

In this order: documents of other sellers go (`sellers`); what stands in several files is joined (`copies`);
corrections replace what they name, and credit notes take off what they name (`credits`). What is left may have been
paid, or be due on another day, without a file that says so: that is asked. Every document that is left out is
counted, with its reason. The order of files and their names change no invoice.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from mainstay.connectors.invoices import checks, copies, sellers
from mainstay.connectors.invoices.credits import take_off
from mainstay.connectors.invoices.papers import one_doubt
from mainstay.records import Doubt, Invoice, Layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.invoices.papers import FileRead, Paper


class Merged(msgspec.Struct, frozen=True):
    """The open invoices of all files; `left_out` counts what was left out, by its reason."""

    invoices: tuple[Invoice, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    doubts: tuple[Doubt, ...]


def merge(files: Sequence[FileRead], seller: str = "", layouts: Iterable[Layout] = ()) -> Merged:
    """Join all documents.

    `seller` is the name or the VAT number that the owner issues invoices under, if known; `layouts` may hold sellers
    that the owner said yes to.
    """
    tally: Counter[str] = Counter()
    for file in files:
        tally.update(file.left_out)
    notes: list[str] = []
    drafts = [draft for file in files for draft in file.drafts]
    own, strangers = sellers.of_owner(drafts, seller, layouts, tally, notes)
    papers, conflicts = copies.joined(own, tally, notes)
    told = take_off(papers)
    notes += told.few_notes()
    for one in sellers.grouped(own):
        notes += checks.accounts_differ([draft.document for draft in one.drafts])
    reasons = [paper.left_out or ("" if paper.open.minor else "paid") for paper in papers]
    tally.update(reason for reason in reasons if reason)
    opened = [paper for paper, reason in zip(papers, reasons, strict=True) if not reason]
    invoices, faults = checks.check([paper.document for paper in opened])
    doubts = (
        *strangers,
        *conflicts,
        *copies.maybe_one(papers, opened),
        *told.doubts(),
        *_maybe_paid(opened),
        *_due_guessed(opened),
    )
    return Merged(
        invoices=tuple(structs.replace(one, open=paper.open) for one, paper in zip(invoices, opened, strict=True)),
        left_out=dict(tally),
        notes=(*notes, *faults),
        doubts=doubts,
    )


def _maybe_paid(opened: Iterable[Paper]) -> list[Doubt]:
    """Ask about what its own file says is paid or collected, where no list says what is open."""
    some = [paper for paper in opened if paper.document.maybe_paid]
    return one_doubt(
        "guess",
        "One invoice may be paid already, or is collected: is it still open?"
        if len(some) == 1
        else f"{len(some)} invoices may be paid already, or are collected: are they still open?",
        [f"{_shown(paper)}: {paper.document.maybe_paid}" for paper in some],
        min((paper.files[0] for paper in some), default=""),
        "Take away what is paid, or give a list of your invoices that says what is open, and start again.",
    )


def _due_guessed(opened: Iterable[Paper]) -> list[Doubt]:
    """Ask about due dates that no file names."""
    some = [paper for paper in opened if paper.document.due_guessed]
    what = "this due" if len(some) == 1 else f"these {len(some)} due"
    verb = "Is" if len(some) == 1 else "Are"
    return one_doubt(
        "guess",
        f"{verb} {what} 30 days after the invoice? No date is named that is understood",
        [f"{_shown(paper)}: of {paper.issued_on}, due on {paper.document.invoice.due_on}" for paper in some],
        min((paper.files[0] for paper in some), default=""),
        "If not, give a list of your invoices with a column of due dates beside them, and start again.",
    )


def _shown(paper: Paper) -> str:
    return f"{paper.number} ({paper.open} to {paper.customer})"
