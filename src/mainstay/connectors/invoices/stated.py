"""What an electronic invoice states, in whatever syntax, and the document made of it.

A credit note is known by its type, or by a negative total: an invoice over -100.00 gives money back as well. Its
amounts are turned, so that a document's are never negative.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NoReturn

import msgspec

from mainstay.connectors.currencies import MAX_DIGITS, code_of, money_of
from mainstay.connectors.invoices.document import Document
from mainstay.connectors.invoices.forms import EMAIL, YEARS, day_after, first_of
from mainstay.connectors.invoices.root import root_of
from mainstay.connectors.invoices.totals import Totals, check
from mainstay.connectors.source import AGAIN, Source, UnreadableError
from mainstay.connectors.xml_tree import Node, Tree, parse, text_at
from mainstay.errors import FileError
from mainstay.records import Discount, Invoice
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NOTES = 20
MAX_TAGS = 3_000_000  # some 100,000 lines of an invoice, half a gigabyte as a tree
MAX_TEXT = 1_000  # characters of a name or a number
EXPORT = "Export the invoice again from the program that wrote it, and give the file as it comes."

# UNTDID 1001: types of credit notes among those of EN 16931 and its national extensions.
CREDIT_TYPES = frozenset("81 83 261 262 296 308 381 396 420 458 502 503 532".split())
CORRECTION = "384"
# Types that ask for no payment: what they are.
NO_INVOICES = {"325": "a pro forma invoice, which asks for no payment", "310": "an offer", "220": "an order"}
SELF_BILLED = frozenset("261 389 501 502 527".split())
FACTORED = "393"
# UNTDID 4461: ways of paying in which no transfer is to be waited for.
COLLECTED = {
    **dict.fromkeys(("49", "59"), "The seller collects the amount by direct debit."),
    **dict.fromkeys(("48", "54", "55"), "It is paid by card."),
    "10": "It is paid in cash.",
    "68": "It is paid through an online payment service.",
    "97": "It is set off against what the customer is owed.",
}
DUE_AFTER = 30  # days, where nothing says until when to pay; the law of the EU has a customer late by then

_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2}|T[0-9:.]+(?:Z|[+-][0-9:]+)?)?")
_PLAIN_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{4}|[0-9]{6})?")
_FINE = re.compile(r"-?[0-9]{1,12}\.[0-9]{1,12}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{0,20})?")
# No part of it looks beyond the next "<", so that no file makes it slow.
_ATTACHED = re.compile(
    rb"""(<(?:[\w.-]+:)?(?:Embedded|Attachment)?(?:Document)?BinaryObject(?:\s(?:"[^"<]*"|'[^'<]*'|[^<>"'])*)?(?<!/)>)"""
    rb"""([^<]*)(?=</)"""
)


class Party(msgspec.Struct, frozen=True):
    """A seller or buyer; "" for what the file does not say. `ids` are in the order they are to be preferred."""

    name: str
    ids: tuple[str, ...] = ()
    email: str = ""

    @property
    def id(self) -> str:
        """The first id there is."""
        return first_of(self.ids)


class Stated(msgspec.Struct, frozen=True):
    """What a file states. Dates are ISO 8601, amounts signed as in the file."""

    format: str
    number: str
    issued_on: str
    due_on: str  # "" when nothing says it
    totals: Totals
    seller: Party
    buyer: Party
    types: frozenset[str]  # codes of UNTDID 1001
    credit: bool  # by its own name, not by its type
    pay_to: tuple[str, ...] = ()
    iban: str = ""  # the buyer's
    reference: str = ""
    means: frozenset[str] = frozenset()  # codes of UNTDID 4461
    payee: str = ""  # who is paid, where that is not the seller
    of: tuple[str, ...] = ()
    discounts: tuple[Discount, ...] = ()
    maybe_paid: str = ""  # what the terms say of it
    notes: tuple[str, ...] = ()


class Sheet(msgspec.Struct, frozen=True):
    """An XML file being read: every value it can't give is an error with its line."""

    source: Source
    currency: str = ""

    def refuse(self, node: Node, what: str, remedy: str = EXPORT) -> NoReturn:
        """Raise a FileError with the line of an element."""
        raise self.source.error(what, line=node.sourceline or 0, remedy=remedy)

    def money(self, node: Node) -> Money:
        """Read an amount in the invoice's currency."""
        stated = node.get("currencyID") or self.currency
        if stated.upper() != self.currency:
            self.refuse(node, f"an amount ({node.tag}) is in {stated[:12]!r}, but the invoice is in {self.currency}")
        try:
            return money_of((node.text or "").strip(), self.currency)
        except UnreadableError as error:
            self.refuse(node, f"{error} ({node.tag})")

    def money_at(self, node: Node, path: str) -> Money | None:
        """Read the amount at a path, None when there is none."""
        found = node.find(path)
        return None if found is None or not (found.text or "").strip() else self.money(found)

    def moneys_at(self, node: Node, path: str) -> tuple[Money, ...]:
        """Read all amounts at a path."""
        return tuple(self.money(found) for found in node.findall(path))

    def parts(self, nodes: Iterable[Node]) -> tuple[tuple[Money, ...], tuple[str, ...]]:
        """Read amounts that are only added up, as those of lines are: some programs write them finer than a cent.

        The fine ones come as one sum, rounded, with a note.
        """
        exact: list[Money] = []
        fine: list[Decimal] = []
        for node in (node for node in nodes if (node.text or "").strip()):
            rounded, rest = self.rounded(node)
            fine += [rounded.decimal + rest] if rest else []
            exact += [] if rest else [rounded]
        if not fine:
            return tuple(exact), ()
        total = Decimal(sum(fine)).quantize(exact_unit(self.currency), ROUND_HALF_UP)
        lines = "1 line has" if len(fine) == 1 else f"{len(fine)} lines have"
        note = f"{lines} amounts with more decimals than {self.currency}; their sum was rounded."
        return (*exact, Money.of(total, self.currency)), (note,)

    def rounded(self, node: Node) -> tuple[Money, Decimal]:
        """Read an amount, rounded, with what was rounded off."""
        text = (node.text or "").strip()
        if not _FINE.fullmatch(text):
            return self.money(node), Decimal(0)
        exact = Decimal(text)
        nearest = exact.quantize(exact_unit(self.currency), ROUND_HALF_UP)
        if nearest == exact or (node.get("currencyID") or self.currency).upper() != self.currency:
            return self.money(node), Decimal(0)
        return Money.of(nearest, self.currency), exact - nearest

    def number_at(self, node: Node, path: str) -> Decimal | None:
        """Read a plain number such as a percentage, None when there is none."""
        found = node.find(path)
        text = "" if found is None else (found.text or "").strip()
        if found is None or not text:
            return None
        if not _NUMBER.fullmatch(text) or sum(map(str.isdigit, text)) > MAX_DIGITS:
            self.refuse(found, f"{text[:40]!r} is not a number ({found.tag})")
        return Decimal(text)

    def day(self, node: Node | None) -> str:
        """Read a date as YYYY-MM-DD, "" when there is none."""
        text = "" if node is None else (node.text or "").strip()
        if node is None or not text:
            return ""
        found = _ISO_DAY.fullmatch(text) or _PLAIN_DAY.fullmatch(text)
        try:
            day = date(int(found[1]), int(found[2]), int(found[3])) if found else None
        except ValueError:
            day = None
        if day is None or day.year not in YEARS or not text.isascii():
            self.refuse(node, f"{text[:40]!r} can't be a date ({node.tag})")
        return day.isoformat()


def currency_of(sheet: Sheet, node: Node, stated: str, total: Node | None) -> tuple[str, tuple[str, ...]]:
    """Take the invoice's currency; where it names none, that of its total, with a note.

    Raises FileError when there is none or it does not exist.
    """
    text = text_at(node, stated)
    other = "" if total is None else total.get("currencyID") or ""
    try:
        code = code_of(text or other)
    except UnreadableError as error:
        sheet.refuse(node, f"{error} ({stated})")
    return code, () if text else (f"The file names no currency of the invoice; its total is in {code}.",)


def exact_unit(currency: str) -> Decimal:
    """Give the smallest amount of a currency, such as 0.01."""
    return Money(1, currency).decimal


def parse_invoice(source: Source) -> Tree:
    """Parse an XML file without the files inside it, which may be many megabytes.

    Raises FileError with the line where it is no XML, or holds what no invoice needs.
    """
    content = source.content
    if content.count(b"<") > MAX_TAGS:
        what = f"the file has more than {MAX_TAGS:,} tags, more than can be read"
        raise source.error(what, remedy="Enter it in a table of invoices (CSV or Excel), and give that.")
    if root_of(content) != "AttachedDocument":  # in which the file is the invoice
        content = _ATTACHED.sub(lambda found: found[1] + b"\n" * found[2].count(b"\n"), content)
    try:
        return parse(Source(source.name, content))
    except FileError as error:
        remedy = EXPORT if error.remedy == AGAIN else error.remedy
        raise FileError(" ".join(error.message.split()), remedy=remedy) from error


def conclude(source: Source, stated: Stated) -> Document:
    """Check the sums and make the document. Raises FileError where they do not agree or it asks for no payment."""
    for code in sorted(stated.types & {*NO_INVOICES}):
        raise source.error(f"this is {NO_INVOICES[code]}", remedy="Give the invoice that followed it.")
    _refuse_long(source, stated)
    checked = check(source, stated.totals)
    totals = stated.totals
    credit = stated.credit or bool(stated.types & CREDIT_TYPES)
    turned = totals.grand.minor < 0 or (not totals.grand.minor and totals.due.minor < 0)
    grand, due = (-totals.grand, -totals.due) if turned else (totals.grand, totals.due)
    rounding = totals.rounding or Money(0, grand.currency)
    total = grand - rounding if turned else grand + rounding
    total = max(total, due)  # which holds what was open before, where it is more
    notes = [*stated.notes, *_told(stated, turned=turned), *checked.notes]
    if rounding.minor:
        notes.append(f"The total {totals.grand} is rounded by {rounding}.")
    if due.minor < 0:
        notes.append(f"More was paid before than is owed: {-due} is to be paid back.")
    elif grand < due == total and totals.collected:
        notes.append(f"The invoice is over {grand}; with {totals.collected} for third parties, {due} is due.")
    elif grand < due == total and not rounding.minor:
        notes.append(f"The invoice is over {grand}; with what was open before, {due} is due.")
    elif due != total and due.minor:
        notes.append(f"The total is {total}; {due} is still due.")
    elif due != total:
        notes.append("Nothing is due any more, as it was paid before.")
    credit = credit or turned
    due_guessed = not stated.due_on and not credit
    return Document(
        invoice=Invoice(
            number=stated.number,
            customer=stated.buyer.name,
            amount=total,
            open=max(due, Money(0, due.currency)),
            issued_on=stated.issued_on,
            due_on=day_after(stated.issued_on, DUE_AFTER) if due_guessed else stated.due_on or stated.issued_on,
            email=stated.buyer.email if EMAIL.fullmatch(stated.buyer.email) else "",
            iban=stated.iban,
            reference=stated.reference,
            customer_id=stated.buyer.id,
            discounts=() if credit else stated.discounts,
        ),
        kind="credit_note" if credit else "invoice",
        file=source.name,
        format=stated.format,
        of=_taken_back(stated, turned=turned),
        seller=stated.seller.name,
        seller_id=stated.seller.id,
        pay_to=tuple(dict.fromkeys(account for account in stated.pay_to if account)),
        net=_turned(checked.net, turned=turned),
        tax=_turned(checked.tax, turned=turned),
        notes=_few(notes),
        maybe_paid="" if credit else " ".join(filter(None, [*_elsewhere(stated), stated.maybe_paid])),
        due_guessed=due_guessed,
    )


def _taken_back(stated: Stated, *, turned: bool) -> tuple[str, ...]:
    """Give the invoices it refers to, where that takes them back; a final invoice names its parts as well."""
    takes = stated.credit or turned or stated.types & {*CREDIT_TYPES, CORRECTION}
    return tuple(dict.fromkeys(of for of in stated.of if of and takes))


def _refuse_long(source: Source, stated: Stated) -> None:
    """Refuse texts that are none of a name or a number."""
    texts = {
        "number": stated.number,
        "name of the customer": stated.buyer.name,
        "id of the customer": stated.buyer.id,
        "address of the customer": stated.buyer.email,
        "name of the seller": stated.seller.name,
        "id of the seller": stated.seller.id,
        "payment reference": stated.reference,
        "account": max((*stated.pay_to, stated.iban), key=len),
        "number of the invoice it refers to": max(stated.of, default="", key=len),
    }
    for name, text in texts.items():
        if len(text) > MAX_TEXT:
            raise source.error(f"the {name} has {len(text):,} characters, which can't be", remedy=EXPORT)


def _few(notes: list[str]) -> tuple[str, ...]:
    """Keep each note once, and not more of them than are read."""
    once = list(dict.fromkeys(notes))
    more = [f"And {len(once) - MAX_NOTES} more notes."] if len(once) > MAX_NOTES else []
    return (*once[:MAX_NOTES], *more)


def _told(stated: Stated, *, turned: bool) -> list[str]:
    """Say what of an invoice is out of the ordinary."""
    credit = stated.credit or bool(stated.types & CREDIT_TYPES)
    notes: list[str] = []
    if turned and credit:
        notes.append("The credit note states a negative total; it is read as money that goes to the customer.")
    elif turned:
        notes.append("The invoice states a negative total, so it is read as a credit note.")
    if CORRECTION in stated.types:
        corrected = ", ".join(dict.fromkeys(stated.of)) or "an invoice it does not name"
        notes.append(f"This is a correction of {corrected}.")
    if stated.types & SELF_BILLED:
        notes.append("Self-billed: the customer wrote this document for the seller.")
    notes += _elsewhere(stated)
    if not stated.buyer.name:
        notes.append("The file names no customer.")
    if not stated.due_on and not (credit or turned):
        notes.append(f"No due date is told or understood: {DUE_AFTER} days after the invoice are taken.")
    elif stated.due_on and stated.due_on < stated.issued_on:
        notes.append(f"It was due on {stated.due_on}, before the day of the invoice.")
    return notes


def _elsewhere(stated: Stated) -> list[str]:
    """Say why no transfer from the customer is to be waited for, besides what the terms say."""
    told = [COLLECTED[code] for code in sorted(stated.means & {*COLLECTED})]
    told += ["It is factored: a factor collects the amount."] if FACTORED in stated.types else []
    if stated.payee and stated.payee != stated.seller.name:
        told.append(f"It is payable to {stated.payee[:80]}, not to the seller.")
    return list(dict.fromkeys(told))


def _turned(money: Money | None, *, turned: bool) -> Money | None:
    """Turn an amount with its document; None for one that is against the rest."""
    signed = -money if money is not None and turned else money
    return signed if signed is not None and signed.minor >= 0 else None
