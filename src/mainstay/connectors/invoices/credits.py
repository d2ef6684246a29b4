"""Corrections replace the invoices they name, credit notes take off them; nothing is replaced or taken off on a guess.

Both must be of the seller and to the customer of the invoice they name: numbers alone agree by chance. A credit note
that was there before a correction cancels what was corrected, and takes nothing off the correction. What a list shows
as gone is used up by one credit note after the other, as nobody says whether it was paid or credited.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.doubts import shown
from mainstay.connectors.invoices.papers import (
    ident_key,
    listed,
    name_key,
    number_key,
    number_tails,
    one_doubt,
    same_customer,
    same_seller,
)
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from mainstay.connectors.invoices.papers import Paper
    from mainstay.records import Doubt

NOTES_SHOWN = 20
OPEN_SHOWN = 3  # invoices of the customer of a credit note that names none
_STARTS = 20  # invoices that a number written shortly may mean


class Told(msgspec.Struct):
    """What corrections and credit notes did: what is only told, and what is asked about, with the first file."""

    notes: list[str] = msgspec.field(default_factory=list[str])
    unsure: list[str] = msgspec.field(default_factory=list[str])
    files: list[str] = msgspec.field(default_factory=list[str])

    def ask(self, paper: Paper, what: str) -> None:
        """Ask about what a paper does."""
        self.unsure.append(what)
        self.files.append(paper.files[0])

    def few_notes(self) -> list[str]:
        """Give the first notes, and count the rest."""
        more = len(self.notes) - NOTES_SHOWN
        return [*self.notes[:NOTES_SHOWN], *([f"And {more} more notes on credit notes."] if more > 0 else [])]

    def doubts(self) -> list[Doubt]:
        """Ask it all at once."""
        return one_doubt(
            "guess",
            "Are these credit notes and corrections read rightly?",
            self.unsure,
            min(self.files, default=""),
            "If one is not, take away the invoice that is not owed any more, or mark it as paid in your list, and "
            "start again.",
        )


class _Invoices:
    """Invoices by their numbers."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self.papers = {number_key(one.document.invoice.number): one for one in papers}
        self._tails: defaultdict[str, list[Paper]] = defaultdict(list)
        for paper in self.papers.values():
            for tail in number_tails(paper.document.invoice.number):
                if len(self._tails[tail]) < _STARTS:
                    self._tails[tail].append(paper)

    def find(self, number: str) -> Paper | None:
        """Find one by its number."""
        return self.papers.get(number_key(number))

    def maybe(self, number: str, paper: Paper) -> Paper | None:
        """Find the one owed by the customer of a paper whose number ends so, or is the end of this one."""
        tails = number_tails(number)
        found = [
            one
            for at, tail in enumerate(tails)
            for one in self._tails.get(tail, ())
            if not one.left_out and not _strangers(paper, one)
            if not at or number_tails(one.document.invoice.number)[0] == tail
        ]
        return found[0] if found else None


def take_off(papers: Sequence[Paper]) -> Told:
    """Work out what corrections and credit notes change; the papers are changed in place."""
    told = Told()
    invoices = _Invoices(paper for paper in papers if paper.document.kind == "invoice")
    notes = sorted((one for one in papers if one.document.kind == "credit_note"), key=lambda one: one.place)
    _replace(invoices, notes, told)
    _credit(notes, invoices, told)
    return told


def _strangers(one: Paper, other: Paper) -> bool:
    return not (same_seller(one.document, other.document) and same_customer(one.document, other.document))


# --- corrections --------------------------------------------------------------------------------------------------


def _replace(invoices: _Invoices, notes: Sequence[Paper], told: Told) -> None:
    """Leave out what a correction replaces."""
    done: list[str] = []
    for paper in sorted(invoices.papers.values(), key=lambda one: one.place):
        for number in paper.document.of:
            old = invoices.find(number)
            if paper.left_out == "void":
                continue
            if old is None:
                maybe = invoices.maybe(number, paper)
                if maybe is not None and maybe is not paper:
                    said = f"{paper.number} corrects {shown(number)}, which may be {maybe.number}"
                    told.ask(paper, f"{said}: it is not replaced, and both stay open.")
                continue
            if _last(paper) is old:
                continue
            if _strangers(paper, old):
                said = f"{paper.number} to {paper.customer} corrects {old.number}, which is an invoice to "
                told.ask(paper, f"{said}{old.customer}: it is not replaced, and both stay open.")
            elif old.replaced_by is not None:
                both = f"{old.replaced_by.number} and by {paper.number}"
                told.ask(paper, f"{old.number} is corrected by {both}: both stay open.")
            else:
                old.replaced_by = paper
                old.left_out = old.left_out or "replaced"
                done.append(f"{old.number} by {paper.number}")
                _carry(old, paper, notes, told)
    if done:
        told.notes.insert(0, f"Replaced by corrections, left out: {listed(done)}.")


def _carry(old: Paper, paper: Paper, notes: Sequence[Paper], told: Told) -> None:
    """Ask about what was paid of an invoice that was corrected, unless the correction or a credit note explains it."""
    gone = old.document.invoice.amount - old.open
    if not gone.minor or not paper.open.minor or (paper.teller and paper.teller == old.teller):
        return
    if not old.teller and paper.open != paper.document.invoice.amount:
        told.notes.append(f"Of {old.number} {gone} was paid; {paper.number} says what is still due.")
        return
    mine = number_key(old.document.invoice.number)
    credited = [
        one.document.invoice.amount
        for one in notes
        if mine in map(number_key, one.document.of) and not one.left_out and not _strangers(one, old)
    ]
    if gone not in credited:
        said = f"Of {old.number} {gone} was paid or credited before {paper.number} corrected it"
        told.ask(paper, f"{said}: {paper.open} of {paper.number} stay open, as if nothing was paid.")


def _last(paper: Paper) -> Paper:
    """Give the correction that holds now."""
    while paper.replaced_by is not None:
        paper = paper.replaced_by
    return paper


# --- credit notes -------------------------------------------------------------------------------------------------


def _credit(notes: Sequence[Paper], invoices: _Invoices, told: Told) -> None:
    """Take credit notes off the invoices they name; ask about those that name none."""
    loose: list[Paper] = []
    numbers = {number_key(paper.document.invoice.number) for paper in notes}
    for paper in notes:
        if paper.left_out:
            continue
        paper.left_out = "credit note"
        named = [found for number in paper.document.of if (found := invoices.find(number)) is not None]
        targets = [one for one in named if not _strangers(paper, one)]
        for one in named:
            if one not in targets:
                said = f"{paper.number} to {paper.customer} names {one.number}, which is an invoice to {one.customer}"
                told.ask(paper, f"{said}: nothing is taken off.")
        if targets:
            _take(paper, targets, told)
        elif not named and not _of_credit(paper, numbers, told):
            loose.append(paper)
    _ask_loose(loose, invoices, told)


def _of_credit(paper: Paper, numbers: Container[str], told: Told) -> bool:
    """Ask about a credit note that takes back a credit note, and tell whether it does."""
    of = [shown(number) for number in paper.document.of if number_key(number) in numbers]
    if of:
        credit = f"{paper.number} ({paper.document.invoice.amount} to {paper.customer})"
        told.ask(paper, f"{credit} takes back {listed(of)}, a credit note, which is taken off all the same.")
    return bool(of)


def _ask_loose(loose: Sequence[Paper], invoices: _Invoices, told: Told) -> None:
    """Ask about credit notes whose invoice is not known, where the customer has one that is open."""
    absent: list[str] = []
    unnamed: list[str] = []
    owed = _Owed(invoices.papers.values())
    for paper in loose:
        of = [shown(number) for number in paper.document.of]
        maybe = next((one for number in paper.document.of if (one := invoices.maybe(number, paper)) is not None), None)
        found = [maybe] if maybe is not None else owed.like(paper)
        if not found and not of:
            found = owed.by_customer(paper)
        if found:
            what = f"names {listed(of)}, not among those read" if of else "names no invoice"
            stay = listed([f"{one.number} ({one.open})" for one in found], OPEN_SHOWN)
            credit = f"{paper.number} ({paper.document.invoice.amount} to {paper.customer})"
            told.ask(paper, f"{credit} {what}: nothing is taken off, and there stays open {stay}.")
        elif of:
            absent.append(f"{paper.number} (to {listed(of)})")
        else:
            unnamed.append(paper.number)
    if absent:
        told.notes.insert(0, f"Credit notes to invoices that are not among those read: {listed(absent)}.")
    if unnamed:
        told.notes.insert(0, f"Credit notes that name no invoice, taken off none: {listed(unnamed)}.")


def _take(credit: Paper, named: Sequence[Paper], told: Told) -> None:
    """Take a credit note off the invoices it names, in their order."""
    one_list = bool(credit.teller) and all(one.teller == credit.teller for one in named)
    # a list that knows both says what is left of the credit note
    rest = credit.open if one_list else credit.document.invoice.amount
    targets = _targets(credit, named, told, one_list=one_list)
    if not targets or not rest.minor:
        return
    gone = sum((one.shown for one in targets), Money(0, rest.currency))
    if not one_list and gone >= rest:
        _use_up(credit, rest, targets, told)
        return
    if gone.minor and any(one.open.minor for one in targets):
        said = f"Of {listed(one.number for one in targets)} {gone} is shown as paid or credited already"
        told.ask(credit, f"{said}; {rest} of {credit.number} is taken off beside that.")
    for paper in targets:
        off = min(rest, paper.open)
        if not off.minor:
            continue
        paper.open -= off
        rest -= off
        if paper.open.minor:
            told.notes.append(f"{credit.number} takes {off} off {paper.number}; {paper.open} stays open.")
        else:
            paper.left_out = paper.left_out or "credited"
            told.notes.append(f"{paper.number} is credited by {credit.number}.")
    if rest.minor:
        told.notes.append(f"{credit.number} is more than was open: you owe {credit.customer} {rest}.")


def _targets(credit: Paper, named: Sequence[Paper], told: Told, *, one_list: bool) -> list[Paper]:
    """Give the invoices a credit note can be taken off; ask about the others that it names."""
    amount = credit.document.invoice.amount
    targets: list[Paper] = []
    for old in named:
        paper = _holder(credit, old)
        if paper.replaced_by is not None:
            _cancelled(credit, old, paper.replaced_by, told)
        elif paper.document.invoice.amount.currency != amount.currency:
            told.ask(credit, f"{credit.number} is in {amount.currency}, {paper.number} is not: nothing is taken off.")
        elif paper.teller and not paper.tells_amount and not one_list:
            said = f"{shown(paper.teller)} says only that {paper.open} of {paper.number} is open"
            told.ask(credit, f"{said}; {credit.number} ({amount}) is held to be taken off that already.")
        elif paper not in targets:
            targets.append(paper)
    return targets


def _holder(credit: Paper, old: Paper) -> Paper:
    """Give the correction that a credit note means: one that was there before it, unless it cancels the old invoice."""
    whole = credit.document.invoice.amount
    while old.replaced_by is not None and credit.issued_on > old.replaced_by.issued_on:
        if old.document.invoice.amount == whole != old.replaced_by.document.invoice.amount:
            break
        old = old.replaced_by
    return old


def _cancelled(credit: Paper, old: Paper, by: Paper, told: Told) -> None:
    """Say that a credit note is of an invoice that was corrected: nothing is owed of that any more."""
    amount = credit.document.invoice.amount
    if amount >= old.document.invoice.amount and credit.issued_on <= by.issued_on:
        told.notes.append(f"{credit.number} cancels {old.number}, in whose place is {by.number}.")
    else:
        said = f"{credit.number} credits {amount} of {old.number}, which {by.number} of {by.issued_on} corrects"
        told.ask(credit, f"{said}: nothing is taken off {by.number}, of which {by.open} stays open.")


def _use_up(credit: Paper, amount: Money, targets: Sequence[Paper], told: Told) -> None:
    """Hold a credit note for what a list shows as gone already, and say so."""
    rest = amount
    for paper in targets:
        used = min(rest, paper.shown)
        if not used.minor:
            continue
        gone = paper.document.invoice.amount - paper.open
        said = f"{credit.number} credits {used} of {paper.number}, of which {shown(paper.teller)} shows {gone} as paid"
        words = f"{said} or credited already: nothing more is taken off."
        paper.shown -= used
        rest -= used
        if paper.open.minor:
            told.ask(credit, words)
        else:
            told.notes.append(words)


class _Owed:
    """What is still open, by customer."""

    def __init__(self, papers: Iterable[Paper]) -> None:
        self._alike: defaultdict[tuple[str, Money], list[Paper]] = defaultdict(list)
        self._of: defaultdict[str, list[Paper]] = defaultdict(list)
        for paper in papers:
            if paper.left_out or not paper.open.minor:
                continue
            for key in _customer_keys(paper):
                self._of[key].append(paper)
                self._alike[key, paper.open].append(paper)

    def like(self, credit: Paper) -> list[Paper]:
        """Find those of the customer of a credit note that are open with its very amount."""
        amount = credit.document.invoice.amount
        return self._few(credit, [self._alike.get((key, amount), []) for key in _customer_keys(credit)])

    def by_customer(self, credit: Paper) -> list[Paper]:
        """Find those of the customer of a credit note."""
        return self._few(credit, [self._of.get(key, []) for key in _customer_keys(credit)])

    @staticmethod
    def _few(credit: Paper, found: Sequence[Sequence[Paper]]) -> list[Paper]:
        some = {id(one): one for papers in found for one in papers[: OPEN_SHOWN + 1]}.values()
        return [one for one in some if same_seller(credit.document, one.document)]


def _customer_keys(paper: Paper) -> list[str]:
    invoice = paper.document.invoice
    keys = (("id", ident_key(invoice.customer_id)), ("name", name_key(invoice.customer)))
    return [f"{kind} {key}" for kind, key in keys if key]
