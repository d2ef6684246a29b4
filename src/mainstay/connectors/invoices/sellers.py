"""Whose invoices they are: the owner's, or ones that the owner received.

The owner is known by `seller` in mainstay.toml, or by a yes of before. Whoever else a document names is asked about,
each seller for itself, so that each yes is remembered. A document that names no seller is taken for the owner's.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors.doubts import shown
from mainstay.connectors.invoices.papers import (
    NAMES_SHOWN,
    Draft,
    files_listed,
    ident_key,
    is_vat,
    listed,
    name_key,
)
from mainstay.records import Doubt, Layout
from mainstay.values import digest_of, say_count

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from mainstay.contracts import IdOf

SECTION: Literal["invoices.seller"] = "invoices.seller"
ASKED = 20  # sellers that are asked about each; more are hardly all the owner


class Seller(msgspec.Struct):
    """One seller by its names and ids, folded, and the documents that name it."""

    names: set[str]
    idents: set[str]
    called: Counter[tuple[str, str]]  # name and id, as they are written
    drafts: list[Draft]
    joined_to: Seller | None = None

    @property
    def has_vat(self) -> bool:
        """Whether a VAT number is known."""
        return any(map(is_vat, self.idents))

    @property
    def name_and_id(self) -> tuple[str, str]:
        """Name and id as most documents write them, with the VAT number where there is one."""
        by_use = sorted(self.called, key=lambda one: (-self.called[one], one))
        by_id = sorted(by_use, key=lambda one: (not is_vat(ident_key(one[1])), not one[1]))
        return next((name for name, _ in by_use if name), ""), by_id[0][1]

    @property
    def title(self) -> str:
        """Name and id, for people."""
        name, ident = map(shown, self.name_and_id)
        return f"{name} ({ident})" if name and ident else name or ident

    def is_called(self, name: str, ident: str) -> bool:
        """Tell whether it is the seller of that name and id."""
        if ident_key(ident) in self.idents:
            return True
        if is_vat(ident_key(ident)) and self.has_vat:
            return False
        return bool(name_key(name)) and name_key(name) in self.names

    def takes(self, other: Seller) -> None:
        """Join another one."""
        self.names |= other.names
        self.idents |= other.idents
        self.called.update(other.called)
        self.drafts += other.drafts
        other.joined_to = self


def of_owner(
    drafts: Sequence[Draft], seller: str, layouts: Iterable[Layout], tally: Counter[str], notes: list[str]
) -> tuple[list[Draft], list[Doubt]]:
    """Leave out documents of other sellers where mainstay.toml names the owner; else ask about each not confirmed."""
    sellers = grouped(drafts)
    said = [_said(layout) for layout in layouts if layout.section == SECTION]
    confirmed = [one for one in sellers if any(one.is_called(*its) for its in said)]
    owner = _named(sellers, seller)
    names = {name for one in (*owner, *confirmed) for name in one.names}
    names |= {name_key(name) for name in (seller, *(name for name, _ in said))} - {""}
    if not owner:
        asked = [one for one in sellers if one not in confirmed]
        elsewhere = {id(draft) for one in asked for draft in one.drafts}
        rest = [draft for draft in drafts if id(draft) not in elsewhere]
        return list(drafts), [*_doubts(asked, seller), *_to_owner(rest, names)]
    unsure = [one for one in owner if one not in confirmed] if len(owner) > 1 else []
    others = [one for one in sellers if one not in owner and one not in confirmed]
    foreign = {id(draft) for one in others for draft in one.drafts}
    if foreign:
        tally["of another seller"] += len(foreign)
        notes.append(f"Issued by others, left out: {listed(f'{one.title} {len(one.drafts)}' for one in others)}.")
    own = [draft for draft in drafts if id(draft) not in foreign]
    return own, [*_doubts(unsure, seller), *_to_owner(own, names)]


def _said(layout: Layout) -> tuple[str, str]:
    """Give the name and the id of a seller that was confirmed."""
    return layout.seller or layout.columns.get("name", ""), layout.seller_id or layout.columns.get("id", "")


def with_ids(doubts: Iterable[Doubt], id_of: IdOf) -> tuple[Doubt, ...]:
    """Give doubts as they are recorded: what a yes to a seller is remembered by can't be told from the seller."""
    return tuple(_with_id(doubt, doubt.layout, id_of) for doubt in doubts)


def _with_id(doubt: Doubt, layout: Layout | None, id_of: IdOf) -> Doubt:
    if layout is None or layout.section != SECTION:
        return doubt
    names = [(kind, text) for kind, text in (("id", layout.seller_id), ("name", layout.seller)) if text]
    return msgspec.structs.replace(doubt, layout=msgspec.structs.replace(layout, id=id_of(layout.id, names)))


def _named(sellers: Sequence[Seller], seller: str) -> list[Seller]:
    """Find whom mainstay.toml means: by id, else by the very name, else by the name without case and legal form."""
    plain = " ".join(seller.casefold().split())
    by_id = [one for one in sellers if ident_key(seller) in one.idents]
    exactly = [one for one in sellers if any(plain == " ".join(name.casefold().split()) for name, _ in one.called)]
    alike = [one for one in sellers if name_key(seller) in one.names]
    return (by_id or exactly or alike) if plain else []


def grouped(drafts: Iterable[Draft]) -> list[Seller]:
    """Group documents by seller, largest first; those that name none belong to nobody.

    Those of one id are of one seller. Those of one name are, unless two of them have VAT numbers that differ.
    """
    known: dict[tuple[str, str], Seller] = {}
    for draft in drafts:
        document = draft.document
        ident, name = ident_key(document.seller_id), name_key(document.seller)
        if not ident and not name:
            continue
        one = known.setdefault(("id", ident) if ident else ("name", name), Seller(set(), set(), Counter(), []))
        one.names |= {name} - {""}
        one.idents |= {ident} - {""}
        one.called[document.seller, document.seller_id] += 1
        one.drafts.append(draft)
    by_name: dict[str, list[Seller]] = {}
    for one in known.values():
        for name in one.names:
            by_name.setdefault(name, []).append(one)
    for name in sorted(by_name):
        some = list({id(one): one for one in map(_whole, by_name[name])}.values())
        if sum(one.has_vat for one in some) <= 1:
            largest = max(some, key=lambda one: len(one.drafts))
            for one in some:
                if one is not largest:
                    largest.takes(one)
    distinct = [one for one in known.values() if one.joined_to is None]
    return sorted(distinct, key=lambda one: (-len(one.drafts), one.title))


def _whole(seller: Seller) -> Seller:
    """Give what a seller was joined to."""
    while seller.joined_to is not None:
        seller = seller.joined_to
    return seller


def _doubts(sellers: Sequence[Seller], seller: str) -> list[Doubt]:
    """Ask about each seller; a yes is remembered."""
    each = [_doubt(one, seller) for one in sellers[:ASKED]]
    rest = sellers[ASKED:]
    if not rest:
        return each
    names = listed(one.title for one in rest)
    files = [draft.document.file for one in rest for draft in one.drafts]
    what = f"{say_count(len(rest), 'more seller')} issued {say_count(len(files), 'invoice')}: are they all you?"
    ident = digest_of(b"sellers", what.encode(), names.encode())[:16]
    return [*each, Doubt(ident, "seller", min(files), what, names, _remedy(files))]


def _doubt(one: Seller, seller: str) -> Doubt:
    name, ident = one.name_and_id
    count = len(one.drafts)
    customers = Counter(shown(draft.document.invoice.customer) for draft in one.drafts)
    files = [draft.document.file for draft in one.drafts]
    lines = [
        f"The numbers: {listed(sorted({shown(draft.document.invoice.number) for draft in one.drafts}))}.",
        f"Made out to: {listed(sorted(customers, key=lambda name: (-customers[name], name)))}.",
        "With a yes they are read as yours, here and from now on, and these customers may get reminders.",
    ]
    if seller:
        lines.append(f"Your mainstay.toml says that you are {shown(seller)}.")
    body = "\n".join(lines)
    verb = "is" if count == 1 else "are"
    return Doubt(
        id=digest_of(b"seller", one.title.encode(), body.encode())[:16],
        kind="seller",
        file=min(files),
        headline=f"{say_count(count, 'invoice')} {verb} issued by {one.title}: is that you?",
        body=body,
        remedy=_remedy(files),
        layout=Layout(
            digest_of(b"layout", SECTION.encode(), ident_key(ident).encode(), name_key(name).encode())[:16],
            SECTION,
            {},
            seller=name,
            seller_id=ident,
        ),
    )


def _to_owner(drafts: Iterable[Draft], names: Container[str]) -> list[Doubt]:
    """Ask about invoices that are made out to the owner: these are bills, whoever wrote the list."""
    bills = [draft.document for draft in drafts if name_key(draft.document.invoice.customer) in names]
    if not bills:
        return []
    verb, them = ("is", "it") if len(bills) == 1 else ("are", "them")
    what = f"{say_count(len(bills), 'invoice')} {verb} made out to you: did you issue {them}?"
    body = "\n".join(
        f"{shown(one.invoice.number)}: {one.invoice.amount} to {shown(one.invoice.customer)}"
        for one in bills[:NAMES_SHOWN]
    )
    ident = digest_of(b"to owner", what.encode(), body.encode())[:16]
    files = [one.file for one in bills]
    return [Doubt(ident, "seller", min(files), what, body, f"If not, take their files away: {files_listed(files)}.")]


def _remedy(files: Sequence[str]) -> str:
    return (
        f"If you received them, take their files away ({files_listed(files)}), or write your own name or VAT number "
        'in your workspace\'s mainstay.toml, under [invoices]: seller = "...". Then invoices of others are left out.'
    )
