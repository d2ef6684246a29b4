"""All documents of all files become the open invoices, so that no number is ever two debts.

In this order: documents of other sellers go; what stands in several files is joined; corrections replace what they
refer to; credit notes take off what they refer to. Nothing is taken off on a guess: a credit note that names no
invoice is named to the operator. Every document that is left out is counted, with its reason.

Joined. A document is the same where number, day, amount and seller are; numbers are compared without case and spaces.
The e-invoice is believed for what it says, a list for what is open and where mail goes. The same number with other
content is left out in all its copies, with a doubt: which one holds is the operator's to say.

The order of files changes nothing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from mainstay.connectors.invoices import checks
from mainstay.connectors.invoices.document import Document
from mainstay.records import Doubt, Invoice
from mainstay.values import Money, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMES_SHOWN = 10  # of a list in a note

_LEGAL = frozenset(
    "gmbh ug ag kg ohg gbr ek eu haftungsbeschrankt mbh co ltd limited llc llp inc plc corp sarl sas sa eurl sasu bv "
    "nv vof srl spa snc sl slu lda unipessoal sro as ab aps oy oyj asa kft doo sp z o o zoo".split()
)


class Draft(msgspec.Struct, frozen=True):
    """A document as a reader found it. `left_out` says why it is no debt, "" when it may be one."""

    document: Document
    left_out: str = ""
    tells_open: bool = False  # a list that knows what was paid
    tells_amount: bool = True  # False where only what is open, or the amount without tax, is known


class FileRead(msgspec.Struct, frozen=True):
    """What a reader found in one file. A file is read whole, or not at all."""

    name: str
    format: str
    drafts: tuple[Draft, ...]
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    left_out: Mapping[str, int] = {}  # what is not even a document, by its reason


class Merged(msgspec.Struct, frozen=True):
    """The open invoices of all files; `left_out` counts what was left out, by its reason."""

    invoices: tuple[Invoice, ...]
    left_out: dict[str, int]
    notes: tuple[str, ...]
    doubts: tuple[Doubt, ...]


class _Paper(msgspec.Struct):
    """One invoice or credit note, joined of all files it stands in, while what is open of it is worked out."""

    document: Document
    files: tuple[str, ...]
    open: Money
    teller: str = ""  # the list that says what is open
    left_out: str = ""
    replaced_by: _Paper | None = None

    @property
    def number(self) -> str:
        return self.document.invoice.number


def merge(files: Sequence[FileRead], seller: str = "") -> Merged:
    """Join all documents. `seller` is the name or the VAT number that the owner issues invoices under, if known."""
    tally: Counter[str] = Counter()
    for file in files:
        tally.update(file.left_out)
    notes: list[str] = []
    drafts = [draft for file in files for draft in file.drafts]
    own, doubts = _of_owner(drafts, seller, tally, notes)
    papers, conflicts = _joined(own, tally, notes)
    invoices = {_key(paper.number): paper for paper in papers if paper.document.kind == "invoice"}
    notes += _replace(invoices)
    notes += _credit([paper for paper in papers if paper.document.kind == "credit_note"], invoices)
    for one in _sellers(own):
        notes += checks.accounts_differ([draft.document for draft in one.drafts])
    reasons = [paper.left_out or ("" if paper.open.minor else "paid") for paper in papers]
    tally.update(reason for reason in reasons if reason)
    opened = [paper for paper, reason in zip(papers, reasons, strict=True) if not reason]
    invoices_checked, told = checks.check([paper.document for paper in opened])
    opened_invoices = tuple(
        structs.replace(invoice, open=paper.open) for invoice, paper in zip(invoices_checked, opened, strict=True)
    )
    return Merged(opened_invoices, dict(tally), (*notes, *told), (*doubts, *conflicts))


def listed(names: Iterable[str], limit: int = NAMES_SHOWN) -> str:
    """Write names in a row, and count those beyond the limit."""
    some = list(names)
    return ", ".join(some[:limit]) + f" and {len(some) - limit} more" * (len(some) > limit)


def _key(number: str) -> str:
    """Fold a number: "re 2026-7" is "RE2026-7"."""
    return "".join(number.casefold().split())


def _name(name: str) -> str:
    """Fold a name: "Muster GmbH" is "MUSTER"."""
    parts = re.findall(r"\w+", name.casefold().replace(".", ""))
    return " ".join([part for part in parts if part not in _LEGAL] or parts)


def _ident(ident: str) -> str:
    return "".join(re.findall(r"\w", ident.casefold()))


# --- sellers ------------------------------------------------------------------------------------------------------


class _Seller(msgspec.Struct):
    """One seller by its names and ids, folded, and the documents that name it."""

    title: str
    keys: set[str]
    drafts: list[Draft]


def _of_owner(
    drafts: Sequence[Draft], seller: str, tally: Counter[str], notes: list[str]
) -> tuple[list[Draft], list[Doubt]]:
    """Leave out documents of other sellers where the owner is known; else ask, where there are several."""
    sellers = _sellers(drafts)
    mine = {f"id {_ident(seller)}", f"name {_name(seller)}"}
    owner = [one for one in sellers if seller and mine & one.keys]
    if not owner:
        doubtful = len(sellers) > 1 or bool(seller and sellers)
        return list(drafts), [_seller_doubt(sellers, seller)] if doubtful else []
    others = [one for one in sellers if one not in owner]
    foreign = {id(draft) for one in others for draft in one.drafts}
    if foreign:
        tally["of another seller"] += len(foreign)
        notes.append(f"Issued by others, left out: {listed(_counted(others))}.")
    return [draft for draft in drafts if id(draft) not in foreign], []


def _sellers(drafts: Sequence[Draft]) -> list[_Seller]:
    """Group documents by seller: by id or by name, largest first. Documents that name none belong to nobody."""
    known: dict[str, _Seller] = {}  # by folded id and by folded name
    for draft in drafts:
        document = draft.document
        keys = [
            f"{kind} {key}"
            for kind, key in (("id", _ident(document.seller_id)), ("name", _name(document.seller)))
            if key
        ]
        if not keys:
            continue
        title = " ".join(part for part in (document.seller, document.seller_id) if part)
        mine = next((known[key] for key in keys if key in known), None) or _Seller(title, set(), [])
        for other in {id(known[key]): known[key] for key in keys if key in known}.values():
            if other is not mine:
                mine.keys |= other.keys
                mine.drafts += other.drafts
        mine.keys.update(keys)
        mine.drafts.append(draft)
        known.update(dict.fromkeys(mine.keys if len(keys) > 1 else keys, mine))
    distinct = {id(one): one for one in known.values()}.values()
    return sorted(distinct, key=lambda one: (-len(one.drafts), one.title))


def _counted(sellers: Iterable[_Seller]) -> list[str]:
    return [f"{one.title[:60]} {len(one.drafts)}" for one in sellers]


def _seller_doubt(sellers: Sequence[_Seller], seller: str) -> Doubt:
    files = sorted({draft.document.file for one in sellers[1:] or sellers for draft in one.drafts})
    what = f"No invoice names {seller!r} as its seller" if seller else f"The invoices name {len(sellers)} sellers"
    lines = [f"{len(one.drafts)} by {one.title[:80]}" for one in sellers[:NAMES_SHOWN]]
    lines += [f"and {len(sellers) - NAMES_SHOWN} sellers more"] * (len(sellers) > NAMES_SHOWN)
    body = "\n".join([*lines, "All are read as invoices you issued, and their customers may get reminders."])
    remedy = f"If you received some of them, take their files away: {listed(files)}."
    return Doubt(
        id=digest_of(b"seller", what.encode(), body.encode())[:16],
        kind="seller",
        file=files[0],
        headline=f"{what}: are all of them yours?",
        body=body,
        remedy=remedy,
    )


# --- one paper of all its copies ----------------------------------------------------------------------------------


def _joined(drafts: Sequence[Draft], tally: Counter[str], notes: list[str]) -> tuple[list[_Paper], list[Doubt]]:
    """Join the copies of each document; leave out numbers whose copies contradict each other."""
    groups: defaultdict[tuple[str, str], list[Draft]] = defaultdict(list)
    for draft in drafts:
        groups[draft.document.kind, _key(draft.document.invoice.number)].append(draft)
    papers: list[_Paper] = []
    conflicts: list[list[Draft]] = []
    twice: list[str] = []
    for group in groups.values():
        if not _agree([draft.document for draft in group]):
            conflicts.append(group)
            tally["one number for several invoices"] += 1
            continue
        paper = _paper(group, notes)
        papers.append(paper)
        if len(group) > 1:
            twice.append(paper.number)
    if twice:
        notes.append(f"Found more than once, kept once: {len(twice)} ({listed(twice)}).")
    return papers, [_conflict_doubt(conflicts)] if conflicts else []


def _agree(documents: Sequence[Document]) -> bool:
    """Tell whether documents of one number are all the same one."""
    distinct = {(one.invoice.amount, one.invoice.issued_on, one.seller, one.seller_id): one for one in documents}
    return all(_same(one, other) for one, other in combinations(distinct.values(), 2))


def _same(one: Document, other: Document) -> bool:
    """Tell whether two documents of one number are the same one."""
    if one.invoice.amount != other.invoice.amount or one.invoice.issued_on != other.invoice.issued_on:
        return False
    ids = {_ident(one.seller_id), _ident(other.seller_id)} - {""}
    names = {_name(one.seller), _name(other.seller)} - {""}
    said_by_name = not (one.seller_id and other.seller_id)
    return (len(names) < 2 and said_by_name) or (len(ids) < 2 and not said_by_name) or len(names) == 1  # noqa: PLR2004


def _paper(group: Sequence[Draft], notes: list[str]) -> _Paper:
    """Make one of all copies: what the e-invoice says, and of a list what is open and where mail goes."""
    lists_last = sorted(group, key=lambda draft: bool(draft.document.line))
    lists_first = lists_last[::-1]
    document = lists_last[0].document
    tellers = [draft for draft in group if draft.tells_open] or list(group)
    teller = min(tellers, key=lambda draft: draft.document.invoice.open.minor)
    opens = {draft.document.invoice.open for draft in tellers}
    if len(opens) > 1:
        said = "; ".join(f"{draft.document.file} {draft.document.invoice.open}" for draft in tellers[:NAMES_SHOWN])
        notes.append(f"{document.invoice.number}: files differ on what is open ({said}); the least is taken.")

    def first(field: str, some: Sequence[Draft]) -> str:
        return next((text for draft in some if (text := getattr(draft.document.invoice, field))), "")

    invoice = structs.replace(
        document.invoice,
        customer=first("customer", lists_last),
        due_on=first("due_on", lists_first),
        email=first("email", lists_first),
        iban=first("iban", lists_first),
        customer_id=first("customer_id", lists_first),
        reference=first("reference", lists_last),
        discounts=next((found for draft in lists_last if (found := draft.document.invoice.discounts)), ()),
    )
    of = {_key(number): number for draft in group for number in sorted(draft.document.of)}
    files = tuple(dict.fromkeys(draft.document.file for draft in group))
    return _Paper(
        document=structs.replace(document, invoice=invoice, of=tuple(of[key] for key in sorted(of))),
        files=files,
        open=teller.document.invoice.open,
        teller=teller.document.file if teller.tells_open else "",
        left_out=next((draft.left_out for draft in group if draft.left_out), ""),
    )


def _conflict_doubt(conflicts: Sequence[Sequence[Draft]]) -> Doubt:
    """Say of numbers that stand for different documents that all of them are left out."""
    lines: list[str] = []
    for group in conflicts[:NAMES_SHOWN]:
        for document in (draft.document for draft in group[:NAMES_SHOWN]):
            one = document.invoice
            place = document.file + f", line {document.line}" * bool(document.line)
            seller = f", by {document.seller[:60]}" * bool(document.seller)
            lines.append(f"{one.number}: {one.amount} of {one.issued_on} to {one.customer[:60]}{seller} ({place})")
    lines += [f"and {len(conflicts) - NAMES_SHOWN} numbers more"] * (len(conflicts) > NAMES_SHOWN)
    numbers = [group[0].document.invoice.number for group in conflicts]
    several = f"The numbers {listed(numbers)} stand" if len(numbers) > 1 else f"The number {numbers[0]} stands"
    return Doubt(
        id=digest_of(b"conflict", *(line.encode() for line in lines))[:16],
        kind="conflict",
        file=conflicts[0][0].document.file,
        headline=f"{several} for different invoices, so none of them is used",
        body="\n".join(lines),
        remedy="Take away the file that does not hold, or correct the number, and start again.",
    )


# --- corrections and credit notes ---------------------------------------------------------------------------------


def _replace(invoices: Mapping[str, _Paper]) -> list[str]:
    """Leave out what a correction replaces; say which."""
    told: list[str] = []
    notes: list[str] = []
    for paper in sorted(invoices.values(), key=lambda one: (one.document.invoice.issued_on, _key(one.number))):
        for number in paper.document.of:
            old = invoices.get(_key(number))
            if old is None or paper.left_out == "void" or _last(paper) is old:
                continue
            if old.replaced_by is not None:
                notes.append(
                    f"{old.number} is corrected by {old.replaced_by.number} and by {paper.number}: look at both."
                )
                continue
            old.replaced_by = paper
            old.left_out = old.left_out or "replaced"
            told.append(f"{old.number} by {paper.number}")
            paid = old.document.invoice.amount - old.open
            if paid.minor:
                notes.append(f"Of {old.number} {paid} was paid, which {paper.number} may not know.")
    return [*([f"Replaced by corrections, left out: {listed(told)}."] if told else []), *notes]


def _last(paper: _Paper) -> _Paper:
    """Give the correction that holds now."""
    while paper.replaced_by is not None:
        paper = paper.replaced_by
    return paper


def _credit(notes: Sequence[_Paper], invoices: Mapping[str, _Paper]) -> list[str]:
    """Take credit notes off the invoices they refer to; say what was taken, and which could not be."""
    told: list[str] = []
    unnamed: list[str] = []
    absent: list[str] = []
    for paper in sorted(notes, key=lambda one: (one.document.invoice.issued_on, _key(one.number))):
        if paper.left_out:
            continue
        paper.left_out = "credit note"
        if not paper.open.minor:
            continue
        numbers = [key for key in map(_key, paper.document.of or (paper.number,)) if key in invoices]
        if numbers:
            told += _take_off(paper, [_last(invoices[key]) for key in dict.fromkeys(numbers)])
        elif paper.document.of:
            absent.append(f"{paper.number} (to {listed(paper.document.of)})")
        else:
            alike = _alike(paper, invoices.values())
            told += alike
            unnamed += [paper.number] * (not alike)
    if absent:
        told.append(f"Credit notes to invoices that are not among those read: {listed(absent)}.")
    if unnamed:
        told.append(f"Credit notes that name no invoice, taken off none: {listed(unnamed)}.")
    return told


def _take_off(credit: _Paper, targets: Sequence[_Paper]) -> list[str]:
    told: list[str] = []
    rest = credit.open
    for paper in targets:
        invoice = paper.document.invoice
        if invoice.amount.currency != rest.currency:
            told.append(f"{credit.number} is in {rest.currency}, {paper.number} is not: nothing is taken off.")
            continue
        gone = invoice.amount - paper.open
        if paper.teller and gone.minor >= rest.minor > 0:
            told.append(
                f"{credit.number} credits {rest} of {paper.number}, of which {paper.teller} shows {gone} as paid or"
                " credited already: nothing more is taken off."
            )
            return told
        off = min(rest, paper.open)
        if not off.minor:
            continue
        paper.open -= off
        rest -= off
        if paper.open.minor:
            told.append(f"{credit.number} takes {off} off {paper.number}; {paper.open} stays open.")
        else:
            paper.left_out = paper.left_out or "credited"
            told.append(f"{paper.number} is credited by {credit.number}.")
    if rest.minor:
        whom = credit.document.invoice.customer[:60]
        told.append(f"{credit.number} is more than was open: you owe {whom} {rest}.")
    return told


def _alike(credit: _Paper, invoices: Iterable[_Paper]) -> list[str]:
    """Name the one open invoice a credit note may mean, by customer and amount."""
    mine = credit.document.invoice
    found = [
        paper
        for paper in invoices
        if not paper.left_out
        and paper.open == credit.open
        and (
            _name(paper.document.invoice.customer) == _name(mine.customer)
            or bool(mine.customer_id and mine.customer_id == paper.document.invoice.customer_id)
        )
    ]
    if len(found) != 1:
        return []
    mean = f"{found[0].number} is open with that very amount, and stays open"
    hint = "If it is credited, take it out, or name it in the credit note"
    return [f"{credit.number} ({credit.open} to {mine.customer[:60]}) names no invoice; {mean}. {hint}."]
