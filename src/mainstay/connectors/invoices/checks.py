"""Account numbers, VAT numbers and payment references with a check digit, tried by it.

What fails is said, and never makes a file unreadable: a customer's account that can't be right is not matched by, a
reference stays as the text it is. Only what has the form of such a number is tried; a tax number or a customer's
number of one's own is none. The libraries are loaded at the first number to be tried.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import structs

from mainstay.connectors.invoices import forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.invoices.document import Document
    from mainstay.records import Invoice

SHOWN = 10

_VAT = re.compile(r"(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK)[A-Z0-9]{8,12}")
_VAT_DIGITS = 7  # at the least; fewer are a customer's number that begins with two letters
_RF = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_QRR = re.compile(r"[0-9]{27}")
_OGM = re.compile(r"(?:\+{3}|\*{3})[0-9]{3}/?[0-9]{4}/?[0-9]{5}(?:\+{3}|\*{3})")


def check(documents: Sequence[Document]) -> tuple[list[Invoice], list[str]]:
    """Try all numbers of documents; give their invoices, without accounts of customers that fail, and what to note."""
    faults: defaultdict[str, list[str]] = defaultdict(list)  # what is wrong -> where
    invoices: list[Invoice] = []
    for document in documents:
        invoice = document.invoice
        place = f"{invoice.number} in {document.file}"
        if not iban_holds(invoice.iban):
            faults[f"The customer's IBAN {invoice.iban[:40]} fails its check, and nothing is matched by it"].append(
                place
            )
            invoice = structs.replace(invoice, iban="")
        for account in document.pay_to:
            if not iban_holds(account):
                faults[f"The account to pay to, {account[:40]}, fails its check"].append(place)
        for whose, number in (("seller", document.seller_id), ("customer", invoice.customer_id)):
            if not vat_holds(number):
                faults[f"The {whose}'s VAT number {number[:40]} fails its check"].append(place)
        kind = failed_reference(invoice.reference)
        if kind:
            faults[f"The reference {invoice.reference[:40]!r} looks like {kind}, but its check digit is wrong"].append(
                place
            )
        invoices.append(invoice)
    notes = [f"{what} ({', '.join(places[:3])}{', ...' * (len(places) > 3)})." for what, places in faults.items()]  # noqa: PLR2004
    return invoices, notes[:SHOWN] + [f"And {len(notes) - SHOWN} numbers more fail their check."] * (len(notes) > SHOWN)


def accounts_differ(documents: Iterable[Document]) -> list[str]:
    """Note that the invoices of one seller name different accounts: a changed account is how fraud looks."""
    found: dict[tuple[str, ...], Document] = {}
    for document in documents:
        if document.pay_to:
            found.setdefault(tuple(sorted(map(_bare, document.pay_to))), document)
    if len(found) < 2 or set.intersection(*map(set, found)):  # noqa: PLR2004 - two that differ
        return []
    some = [f"{', '.join(accounts)[:80]} in {one.file}" for accounts, one in list(found.items())[:SHOWN]]
    seller = next(iter(found.values())).seller[:60] or "one seller"
    more = f"; and {len(found) - SHOWN} more" * (len(found) > SHOWN)
    return [f"Invoices of {seller} name different accounts to pay to: {'; '.join(some)}{more}."]


def iban_holds(text: str) -> bool:
    """Tell whether an IBAN can be right. What has not the form of one holds: it is another account number."""
    bare = _bare(text)
    if not forms.IBAN.fullmatch(bare):
        return True
    from schwifty import IBAN

    return IBAN(bare, allow_invalid=True).is_valid


def vat_holds(text: str) -> bool:
    """Tell whether a VAT number of the EU can be right. What has not the form of one holds."""
    bare = _bare(text)
    if not _VAT.fullmatch(bare) or sum(map(str.isdigit, bare)) < _VAT_DIGITS:
        return True
    from stdnum.eu import vat

    return bool(vat.is_valid(bare))


def failed_reference(text: str) -> str:
    """Say what a structured reference looks like whose check digit is wrong, "" when it holds or is plain text."""
    bare = _bare(text)
    if _RF.fullmatch(bare):
        from stdnum import iso11649

        return "" if iso11649.is_valid(bare) else "a creditor reference (RF)"
    if _QRR.fullmatch(bare):
        from stdnum.ch import esr

        return "" if esr.is_valid(bare) else "a Swiss QR reference"
    if _OGM.fullmatch(bare):
        from stdnum.be import ogm_vcs

        return "" if ogm_vcs.is_valid(bare.strip("+*")) else "a Belgian structured communication"
    return ""


def _bare(text: str) -> str:
    return re.sub(r"[\s.\u00a0-]", "", text).upper()
