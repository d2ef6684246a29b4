"""What readers of invoices give, and the paper that is made of all copies of one; when two are held for the same.

Numbers are folded without case and spaces, but never so that digits grow together: "1 12" is not "11 2".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.doubts import shown
from mainstay.connectors.invoices.document import Document
from mainstay.records import Doubt
from mainstay.values import Money, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Literal

NAMES_SHOWN = 10  # of a list in a note
FILES_SHOWN = 3  # of a list of paths, which are long
TAILS = 8  # parts of a number, from its end, that it is known by as well
_VAT_DIGITS = 7  # at the least
_PATH = 60  # characters of a path

_LEGAL = frozenset(
    "gmbh ug ag kg ohg gbr ek eu haftungsbeschrankt mbh co ltd limited llc llp inc plc corp sarl sas sa eurl sasu bv "
    "nv vof srl spa snc sl slu lda unipessoal sro as ab aps oy oyj asa kft doo sp z o o zoo".split()
)
_VAT = re.compile(r"[a-z]{2,3}[a-z0-9]{7,15}")


class Draft(msgspec.Struct, frozen=True):
    """A document as a reader found it. `left_out` says why it is no debt, "" when it may be one.

    Where `tells_amount` is False, its amount is only what is open, or the amount without tax (then `document.net`).
    """

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


class Paper(msgspec.Struct):
    """One invoice or credit note, joined of all files it stands in, while what is open of it is worked out."""

    document: Document
    files: tuple[str, ...]
    open: Money
    shown: Money  # what a list shows as paid or credited, as far as no credit note explains it
    teller: str = ""  # the list that says what is open
    tells_amount: bool = True  # False where the list says no more than what is open
    left_out: str = ""
    replaced_by: Paper | None = None

    @property
    def number(self) -> str:
        """Its number, for people."""
        return shown(self.document.invoice.number)

    @property
    def customer(self) -> str:
        """Who it is made out to, for people."""
        return shown(self.document.invoice.customer) or "a customer it does not name"

    @property
    def issued_on(self) -> str:
        """The day on it."""
        return self.document.invoice.issued_on

    @property
    def place(self) -> tuple[str, str]:
        """What papers are sorted by."""
        return self.issued_on, number_key(self.document.invoice.number)


# --- in words -----------------------------------------------------------------------------------------------------


def listed(names: Iterable[str], limit: int = NAMES_SHOWN) -> str:
    """Write names in a row, and count those beyond the limit."""
    some = list(names)
    return ", ".join(some[:limit]) + f" and {len(some) - limit} more" * (len(some) > limit)


def files_listed(names: Iterable[str]) -> str:
    """Write the names of files in a row: few of them, and of a long path its end."""
    return listed(
        (name if len(name) <= _PATH else f"...{name[3 - _PATH :]}" for name in sorted(set(names))), FILES_SHOWN
    )


def one_doubt(
    kind: Literal["conflict", "guess"], headline: str, lines: Sequence[str], file: str, remedy: str
) -> list[Doubt]:
    """Ask one thing about many papers, one line each; nothing where there is no line."""
    if not lines:
        return []
    more = [f"and {len(lines) - NAMES_SHOWN} more"] * (len(lines) > NAMES_SHOWN)
    ident = digest_of(kind.encode(), headline.encode(), *(line.encode() for line in lines))[:16]
    return [Doubt(ident, kind, file, headline, "\n".join([*lines[:NAMES_SHOWN], *more]), remedy)]


# --- what is held for the same ------------------------------------------------------------------------------------


def number_key(number: str) -> str:
    """Fold a number: "re 2026-7" is "RE2026-7"; a space between digits stays."""
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(number.casefold().split()))


def number_tails(number: str) -> list[str]:
    """Give what a number may be called by those who write it shortly, longest first, without zeros and signs.

    "RE-2026-0117" gives "re2026117", "2026117" and "117".
    """
    parts = re.findall(r"[^\W\d_]+|\d+", number.casefold())[-TAILS:]
    bare = [part.lstrip("0") or "0" if part.isdigit() else part for part in parts]
    return ["".join(bare[start:]) for start in range(len(bare))]


@lru_cache(maxsize=4096)
def name_key(name: str) -> str:
    """Fold a name: "Muster GmbH" is "MUSTER"."""
    parts = re.findall(r"\w+", name.casefold().replace(".", ""))
    return " ".join([part for part in parts if part not in _LEGAL] or parts)


@lru_cache(maxsize=4096)
def ident_key(ident: str) -> str:
    """Fold a VAT number or another id."""
    return "".join(re.findall(r"\w", ident.casefold()))


def is_vat(ident: str) -> bool:
    """Tell whether a folded id is a VAT number, of which a company has one; tax numbers change."""
    return bool(_VAT.fullmatch(ident)) and sum(map(str.isdigit, ident)) >= _VAT_DIGITS


def same_seller(one: Document, other: Document) -> bool:
    """Tell whether two documents can be of one seller: by id, else by name unless both have a VAT number."""
    idents = ident_key(one.seller_id), ident_key(other.seller_id)
    if idents[0] == idents[1] != "":
        return True
    if is_vat(idents[0]) and is_vat(idents[1]):
        return False
    names = {name_key(one.seller), name_key(other.seller)} - {""}
    return len(names) < 2  # noqa: PLR2004 - two that differ


def same_customer(one: Document, other: Document) -> bool:
    """Tell whether two documents can be to one customer: by id or by name."""
    if ident_key(one.invoice.customer_id) == ident_key(other.invoice.customer_id) != "":
        return True
    names = {name_key(one.invoice.customer), name_key(other.invoice.customer)} - {""}
    return len(names) < 2  # noqa: PLR2004 - two that differ
