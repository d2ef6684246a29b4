"""One paper of all the copies of a document, whatever their files are called.

A document is the same where number, day, amount and seller are, and between e-invoices the customer. The e-invoice is
believed for what it says, a list for what is open, and the list that says so for the due date and where mail goes. The
same number with other content is left out in all its copies, with a doubt. Different numbers that may be one, such as
"117" in a list and "RE-2026-00117" on the e-invoice, both stay, with a doubt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from mainstay.connectors.doubts import shown
from mainstay.connectors.invoices.papers import (
    NAMES_SHOWN,
    Draft,
    Paper,
    ident_key,
    listed,
    name_key,
    number_key,
    number_tails,
    one_doubt,
    same_customer,
    same_seller,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.invoices.document import Document
    from mainstay.records import Doubt

ALIKE = 5  # papers of one number without its zeros and signs that are looked at


class Told(msgspec.Struct):
    """What is to be said of copies: the same thing of all of them in one sentence."""

    twice: list[str] = msgspec.field(default_factory=list[str])
    opens: list[str] = msgspec.field(default_factory=list[str])
    dues: list[str] = msgspec.field(default_factory=list[str])
    mails: list[str] = msgspec.field(default_factory=list[str])

    def notes(self) -> list[str]:
        """Write it."""
        said = (
            (self.twice, f"Found more than once, kept once: {len(self.twice)} ({{}})."),
            (self.opens, "Files differ on what is open, and the least is taken: {}."),
            (self.dues, "Files differ on when these are due: {}."),
            (self.mails, "Files differ on the e-mail address, and the first below is taken: {}."),
        )
        return [words.format(listed(some)) for some, words in said if some]


def joined(drafts: Iterable[Draft], tally: Counter[str], notes: list[str]) -> tuple[list[Paper], list[Doubt]]:
    """Join the copies of each document; leave out numbers whose copies contradict each other."""
    groups: defaultdict[tuple[str, str], list[Draft]] = defaultdict(list)
    for draft in drafts:
        groups[draft.document.kind, number_key(draft.document.invoice.number)].append(draft)
    papers: list[Paper] = []
    conflicts: list[list[Draft]] = []
    told = Told()
    for group in groups.values():
        if _agree(group):
            papers.append(_paper(sorted(group, key=_rank) if len(group) > 1 else group, told))
        else:
            conflicts.append(group)
            tally["one number for several invoices"] += 1
    notes += told.notes()
    return papers, _conflict_doubt(conflicts)


def _rank(draft: Draft) -> tuple[bool, bool, bytes]:
    """Sort e-invoices first, and nothing by the names of files."""
    document = structs.replace(draft.document, file="", line=0)
    return bool(draft.document.line), not draft.tells_amount, msgspec.json.encode(document)


def _agree(group: Sequence[Draft]) -> bool:
    """Tell whether documents of one number are all the same one."""
    distinct = {
        (
            draft.tells_amount,
            bool(draft.document.line),
            draft.document.invoice.amount,
            draft.document.invoice.issued_on,
            draft.document.seller,
            draft.document.seller_id,
            name_key(draft.document.invoice.customer),
            ident_key(draft.document.invoice.customer_id),
        ): draft
        for draft in group
    }
    return all(_same(one, other) for one, other in combinations(distinct.values(), 2))


def _same(one: Draft, other: Draft) -> bool:
    """Tell whether two documents of one number are the same one. Lists name customers in their own way."""
    first, second = one.document.invoice, other.document.invoice
    if first.issued_on != second.issued_on or first.amount.currency != second.amount.currency:
        return False
    if one.tells_amount and other.tells_amount:
        if first.amount != second.amount and not (_is_net_of(one, other) or _is_net_of(other, one)):
            return False
    elif (one.tells_amount and second.open > first.amount) or (other.tells_amount and first.open > second.amount):
        return False
    if not (one.document.line or other.document.line or same_customer(one.document, other.document)):
        return False
    return same_seller(one.document, other.document)


def _is_net_of(one: Draft, other: Draft) -> bool:
    """Tell whether the amount in a list is that of an e-invoice without tax."""
    net = other.document.net
    return bool(one.document.line and not other.document.line and net) and one.document.invoice.amount == net


def _told_net(draft: Draft, believed: Draft) -> Draft:
    """Mark a draft of a list whose amount is without tax, as its e-invoice shows."""
    amount = draft.document.invoice.amount
    if not _is_net_of(draft, believed) or amount == believed.document.invoice.amount:
        return draft
    return structs.replace(draft, tells_amount=False, document=structs.replace(draft.document, net=amount))


def _paper(ranked: Sequence[Draft], told: Told) -> Paper:
    """Make one of all copies: what the e-invoice says, and of a list what is open."""
    group = [_told_net(draft, ranked[0]) for draft in ranked]
    document = group[0].document
    tellers = [draft for draft in group if draft.tells_open and not _whole_without_tax(draft)]
    knowing = tellers or [draft for draft in group if draft.tells_amount] or list(group)
    teller = min(knowing, key=lambda draft: draft.document.invoice.open.minor)
    # for what the customer is written to: who knows what is open, then other lists, then e-invoices
    near = sorted(group, key=lambda draft: (not (tellers and draft is teller), not draft.document.line))

    def first(field: str, some: Sequence[Draft]) -> str:
        return next((text for draft in some if (text := getattr(draft.document.invoice, field))), "")

    invoice = structs.replace(
        document.invoice,
        customer=first("customer", group),
        due_on=_due_on(near, known=bool(tellers)),
        email=first("email", near),
        iban=first("iban", near),
        customer_id=first("customer_id", near),
        reference=first("reference", group),
        discounts=next((found for draft in group if (found := draft.document.invoice.discounts)), ()),
    )
    whole = structs.replace(
        document,
        invoice=invoice,
        of=tuple(dict(sorted((number_key(of), of) for draft in group for of in sorted(draft.document.of))).values()),
        seller=next((draft.document.seller for draft in group if draft.document.seller), ""),
        seller_id=next((draft.document.seller_id for draft in group if draft.document.seller_id), ""),
        maybe_paid="" if tellers else next((why for draft in group if (why := draft.document.maybe_paid)), ""),
        due_guessed=all(draft.document.due_guessed for draft in group),
    )
    still = teller.document.invoice.open
    paper = Paper(
        document=whole,
        files=tuple(dict.fromkeys(draft.document.file for draft in group)),
        open=still,
        shown=whole.invoice.amount - still if tellers else still - still,
        teller=teller.document.file if tellers else "",
        tells_amount=group[0].tells_amount,
        left_out=next((draft.left_out for draft in group if draft.left_out), ""),
    )
    _tell(paper, group, knowing, near, told)
    return paper


def _whole_without_tax(draft: Draft) -> bool:
    """Tell whether what is open is but the amount without tax again, so that all of it is."""
    document = draft.document
    return not draft.tells_amount and document.net is not None and document.net == document.invoice.open


def _due_on(near: Sequence[Draft], *, known: bool) -> str:
    """Take the due date of the list that knows what is open, else the latest that is no guess."""
    sure = [draft for draft in near if not draft.document.due_guessed] or near
    if known and sure[0] is near[0]:
        return near[0].document.invoice.due_on
    return max(draft.document.invoice.due_on for draft in sure)


def _tell(paper: Paper, group: Sequence[Draft], knowing: Sequence[Draft], near: Sequence[Draft], told: Told) -> None:
    """Say in what copies differ."""
    if len(group) == 1:
        return
    told.twice.append(paper.number)
    if paper.document.kind == "credit_note":
        return

    def differ(some: Sequence[Draft], field: str) -> str:
        texts = {str(text): draft for draft in some if (text := getattr(draft.document.invoice, field))}
        said = "; ".join(f"{draft.document.file} {shown(text)}" for text, draft in list(texts.items())[:NAMES_SHOWN])
        return f"{paper.number} ({said})" if len(texts) > 1 else ""

    told.opens += filter(None, [differ(knowing, "open")])
    told.dues += filter(None, [differ([draft for draft in near if not draft.document.due_guessed], "due_on")])
    told.mails += filter(None, [differ(near, "email")])


def _conflict_doubt(conflicts: Sequence[Sequence[Draft]]) -> list[Doubt]:
    """Say of numbers that stand for different documents that all of them are left out."""
    if not conflicts:
        return []
    lines = [_line(draft.document) for group in conflicts[:NAMES_SHOWN] for draft in group[:NAMES_SHOWN]]
    numbers = [shown(group[0].document.invoice.number) for group in conflicts]
    several = f"The numbers {listed(numbers)} stand" if len(numbers) > 1 else f"The number {numbers[0]} stands"
    return one_doubt(
        "conflict",
        f"{several} for different invoices, so none of them is used",
        lines,
        conflicts[0][0].document.file,
        "Keep of each number the file that is right, take the others away, and start again.",
    )


def _line(document: Document) -> str:
    one = document.invoice
    place = shown(document.file) + f", line {document.line}" * bool(document.line)
    seller = f", by {shown(document.seller)}" * bool(document.seller)
    return f"{shown(one.number)}: {one.amount} of {one.issued_on} to {shown(one.customer)}{seller} ({place})"


# --- two numbers of one invoice -----------------------------------------------------------------------------------


def maybe_one(papers: Iterable[Paper], owed: Iterable[Paper]) -> list[Doubt]:
    """Ask where two numbers may be one invoice, written shortly in one file: else it would be owed twice."""
    opened = {id(paper) for paper in owed}
    known: defaultdict[tuple[str, str], list[Paper]] = defaultdict(list)
    lines: list[str] = []
    files: list[str] = []
    for paper in sorted((one for one in papers if one.document.kind == "invoice"), key=lambda one: one.place):
        tails = number_tails(paper.document.invoice.number)
        if tails and len(alike := known[paper.issued_on, tails[0]]) < ALIKE:
            alike.append(paper)
    for some in list(known.values()):
        for paper in some:
            tails = number_tails(paper.document.invoice.number)
            shorter = [other for tail in tails[1:] for other in known.get((paper.issued_on, tail), ())]
            for other in (*some[: some.index(paper)], *shorter):
                if {id(paper), id(other)} & opened and _may_be_one(paper, other):
                    sides = (f"{one.number} ({shown(one.files[0])})" for one in (other, paper))
                    what = f"{paper.document.invoice.amount} of {paper.issued_on} to {paper.customer}"
                    lines.append(f"{' and '.join(sides)}: both {what}")
                    files.append(paper.files[0])
    count = "Two numbers" if len(lines) == 1 else f"{len(lines)} pairs of numbers"
    return one_doubt(
        "conflict",
        f"{count} may be one invoice each: are they all different ones?"
        if len(lines) > 1
        else f"{count} may be one invoice: are they two?",
        lines,
        min(files, default=""),
        "If they are one, write its number in the list as on the invoice, and start again.",
    )


def _may_be_one(one: Paper, other: Paper) -> bool:
    """Tell whether two papers of different files agree in all but how the number is written."""
    first, second = one.document.invoice, other.document.invoice
    known = one.tells_amount and other.tells_amount
    return (
        not set(one.files) & set(other.files)
        and first.amount.currency == second.amount.currency
        and (first.amount == second.amount or not known)
        and same_customer(one.document, other.document)
        and same_seller(one.document, other.document)
        and one.replaced_by is not other
        and other.replaced_by is not one
    )
