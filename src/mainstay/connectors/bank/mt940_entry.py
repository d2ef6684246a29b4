"""One entry of a SWIFT statement (:61: with its :86: and :NS:) as a bank line. Sources: SWIFT's field 61 of MT940.

- C and RD come in, D and RC go out; RC and RD take back an earlier entry. EC and ED (MT942) are expected, not booked.
- The entry date has no year: it takes that which puts it nearest to the value date. Without it, the value date counts.
- The reference after // is the bank's own.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.bank.mt940_details import (
    NO_REFERENCE,
    Details,
    account_in,
    details_of,
    details_of_extension,
    kept,
    original_in,
    tidy,
)
from mainstay.connectors.bank.statement import TEXT_LIMIT, Draft, raw_of
from mainstay.connectors.currencies import money_of
from mainstay.connectors.source import UnreadableError
from mainstay.records import BankLine
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.connectors.bank.mt940_fields import Field

NAME_LIMIT = 140  # characters of a name, an account or a reference, as in SEPA; a broken file may hold more
REFERENCE_LIMIT = 60

_CENTURY = 80  # SWIFT: 80 to 99 are of the last century
_NUMBER = re.compile(r"([0-9]+)(?:,([0-9]*))?")
_REFERENCE = 16  # characters
# What SWIFT defines of field 61, up to its references. Banks fill up an entry date they do not give.
_LINE = re.compile(
    r"(?P<value_on>[0-9]{6})(?P<booked_on>[0-9]{4}|\s{2,4})?"  # 6!n[4!n]: YYMMDD, MMDD
    r"(?P<sign>[RE]?[CD])[A-Z]?\s?"  # 2a[1!a]: credit or debit, the third letter of the currency
    r"(?P<amount>[0-9,]{1,15})"  # 15d
    r"(?P<kind>[A-Z][A-Z0-9 ]{3})",  # 1!a3!c: transfer, cheque, direct debit ...
    re.IGNORECASE | re.ASCII,
)
_CUT_HEAD = re.compile(r"[0-9]{6}(?:[0-9]{4})?[RE]?[CD][A-Z]?\s*")  # a bank breaks the line before the amount
_ACCOUNT = re.compile(r"(?:[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}|P?[0-9]{7,10})")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")
_BANKS_ID = re.compile(r"[0-9]{16,34}")
_CODE = re.compile(r"/TRCD/[0-9]*/?")  # ING: the kind of the entry
_RETURNED = "RTI"  # SWIFT: returned item


class _Head(msgspec.Struct, frozen=True):
    """The first line of a :61:, taken apart."""

    value_on: str
    booked_on: str
    amount: Money
    pending: bool
    reversal: bool
    reference: str
    bank_reference: str
    rest: str  # what stands behind a reference of 16 characters


def read_entry(fields: Sequence[Field], currency: str) -> Draft:
    """Read an entry: its :61:, and the fields that follow it. Raises UnreadableError."""
    lines = fields[0].lines
    cut = 2 if len(lines) > 1 and _CUT_HEAD.fullmatch(lines[0]) else 1
    head = _head("".join(lines[:cut]), currency)
    found = _details(fields[1:])
    more = [line.strip() for line in lines[cut:] if line.strip()]
    beside = [head.reference] if _IBAN.fullmatch(head.reference) else [one for one in more if _ACCOUNT.fullmatch(one)]
    account = found.account or account_in("".join(beside[:1]))
    name = found.name
    if head.rest and not head.bank_reference and not found.name:  # Rabobank: account and name in one row
        name, account = tidy(head.rest), account or account_in(head.reference)
    bank_id = found.bank_id or head.bank_reference or next((one for one in more if _BANKS_ID.fullmatch(one)), "")
    mark = found.bank_id or head.bank_reference
    words = " ".join(line for line in more if not any(known.fullmatch(line) for known in (_ACCOUNT, _BANKS_ID, _CODE)))
    given = kept([*found.references, head.reference if head.reference != account else ""])
    references = tuple(reference[:NAME_LIMIT] for reference in given)
    raw = "\n".join(field.raw for field in fields)
    line = BankLine(
        id="",
        booked_on=head.booked_on,
        amount=head.amount,
        value_on=head.value_on,
        counterparty=name[:NAME_LIMIT],
        iban=account[:NAME_LIMIT],
        references=references[:REFERENCE_LIMIT],
        text=(found.text or found.words or tidy(words))[:TEXT_LIMIT],
        bank_id=bank_id[:NAME_LIMIT],
        pending=head.pending,
        reversal=head.reversal or found.returned,
        original=_original(head.amount, original_in(" ".join(more)), found.original),
        raw=raw_of(raw),
    )
    return Draft(line, mark=mark[:NAME_LIMIT])


def day_of(text: str) -> date:
    """Read a day written YYMMDD; raises UnreadableError when there is no such day."""
    with suppress(ValueError):
        if re.fullmatch("[0-9]{6}", text):
            year = int(text[:2])
            return date(year + (1900 if year >= _CENTURY else 2000), int(text[2:4]), int(text[4:]))
    raise UnreadableError(f"{text[:20]!r} is not a date (YYMMDD)")


def amount_of(text: str, currency: str) -> Money:
    """Read "12,50" as money; raises UnreadableError."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise UnreadableError(f"{text[:40]!r} is not an amount")
    return money_of(f"{found[1].lstrip('0') or '0'}.{found[2] or '0'}", currency)


def _head(text: str, currency: str) -> _Head:
    found = _LINE.match(text)
    if found is None:
        raise UnreadableError(f"{text[:60]!r} is not a line of a statement (date, C or D, amount, kind)")
    sign = found["sign"].upper()
    amount = amount_of(found["amount"], currency)
    valued = day_of(found["value_on"])
    behind = text[found.end() :]
    reference, slashes, bank_reference = (part.strip() for part in behind.partition("//"))
    rest = ""
    if not slashes and behind[_REFERENCE - 1 : _REFERENCE].isspace():  # filled up: what follows is no part of it
        reference, rest = behind[:_REFERENCE].strip(), behind[_REFERENCE:].strip()
    return _Head(
        value_on=valued.isoformat(),
        booked_on=_entry_day(valued, (found["booked_on"] or "").strip()),
        amount=amount if sign in {"C", "RD", "EC"} else -amount,
        pending=sign.startswith("E"),
        reversal=sign.startswith("R") or found["kind"][1:].upper() == _RETURNED,
        reference=reference,
        bank_reference=""
        if bank_reference.upper() in NO_REFERENCE or not bank_reference.strip("0")
        else bank_reference,
        rest=rest,
    )


def _entry_day(valued: date, text: str) -> str:
    """Give the entry date (MMDD) the year that puts it nearest to the value date."""
    if not text:
        return valued.isoformat()
    days: list[date] = []
    for year in (valued.year - 1, valued.year, valued.year + 1):
        with suppress(ValueError):
            days.append(date(year, int(text[:2]), int(text[2:])))
    if not days:
        raise UnreadableError(f"{text!r} is not an entry date (MMDD)")
    return min(days, key=lambda day: abs(day - valued)).isoformat()


def _details(fields: Sequence[Field]) -> Details:
    extensions = [line for field in fields if field.tag == "NS" for line in field.lines]
    texts = [field.lines for field in fields if field.tag == "86" and any(field.lines)]
    return details_of(texts) if texts or not extensions else details_of_extension(extensions)


def _original(amount: Money, *found: tuple[str, str]) -> Money | None:
    """Give the original amount with the sign of the line, where it is in another currency."""
    for code, number in found:
        if code and code != amount.currency:
            with suppress(UnreadableError):  # then it stays in `raw` alone
                original = money_of(number.removesuffix("."), code)
                return -original if amount.minor < 0 else original
    return None
