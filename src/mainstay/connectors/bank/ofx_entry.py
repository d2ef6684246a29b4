"""One entry (STMTTRN) of an OFX statement as a bank line.

Source: the Open Financial Exchange specifications 1.0.2 to 2.3, section "Statement Transaction". The decisions in it:
 - The sign is that of TRNAMT, from the customer's point of view, as the standard says. TRNTYPE never turns it; where
   the two contradict, the reader says so.
 - A date counts as it is written, in the bank's own zone: 20260105220000[-5:EST] is the 5th.
 - CURRENCY means that the amount itself is in that currency, unconverted. ORIGCURRENCY means that it was converted;
   CURRATE is how much of the statement's currency one unit of the original made. From it the original amount is
   worked out, where the rate has digits enough to tell it to the last minor unit.
 - The value date is DTAVAIL, when the money is available, or else DTUSER, when the customer moved it.
 - EXTDNAME is the whole of a NAME that is cut at 32 characters.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.bank.statement import FILLERS, TEXT_LIMIT, Draft, raw_of
from mainstay.connectors.cells import plain_number
from mainstay.connectors.currencies import code_of, money_of
from mainstay.connectors.source import UnreadableError
from mainstay.records import BankLine
from mainstay.values import CURRENCY_DIGITS

if TYPE_CHECKING:
    from mainstay.connectors.bank.ofx_tree import Element
    from mainstay.values import Money

# What an entry has once: a second one shows that two entries ran together.
_PLAIN = {"TRNAMT": "amount", "DTPOSTED": "booking date", "FITID": "number"}

_DATE = re.compile(
    r"""([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})
    (?:[T ]?[0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,:]?[0-9]{1,6})?)?)?)?
    \ ?(?:Z|[+-][0-9]{1,2}:?[0-9]{0,2})?
    (?:\[[^\[\]]{0,30}\]?)?""",
    re.VERBOSE,
)
_CREDITS = frozenset({"CREDIT", "DEP", "DIRECTDEP"})
_DEBITS = frozenset({"DEBIT", "CHECK", "PAYMENT", "DIRECTDEBIT", "POS"})
_RATE = re.compile(r"[0-9]{1,12}(?:[.,][0-9]{1,12})?")


class EntryRead(msgspec.Struct, frozen=True):
    """An entry, and what a reader should know of it beyond its line."""

    draft: Draft
    odd_sign: bool  # TRNTYPE says debit and TRNAMT credit, or the other way round
    corrects: str  # the FITID of the entry it corrects
    deletes: bool  # that entry is taken back, and this is no entry itself


def read_entry(entry: Element, text: str, currency: str, decimal: str, *, pending: bool) -> EntryRead:
    """Read an entry of a statement in a currency; `text` is the file's, `decimal` its decimal mark.

    Raises UnreadableError with a clause that names the element.
    """
    for name, plain in _PLAIN.items():
        if len(entry.findall(name)) > 1:
            raise UnreadableError(f"the {plain} of one entry stands twice ({name}): a part of the file is missing")
    said = code_of(entry.text("CURRENCY/CURSYM") or currency)
    amount = amount_at(entry, "TRNAMT", decimal, said)
    kind = entry.text("TRNTYPE").upper()
    raw = " ".join(text[entry.start : entry.end].split())
    line = BankLine(
        id="",
        booked_on=_booked_on(entry, pending=pending),
        amount=amount,
        value_on=day_at(entry, "DTAVAIL") or day_at(entry, "DTUSER"),
        counterparty=_name(entry),
        iban=account_of(entry.find("BANKACCTTO")),
        references=tuple(number for leaf in ("REFNUM", "CHECKNUM") if _tells(number := entry.text(leaf))),
        text=_text(entry),
        bank_id=entry.text("FITID"),
        pending=pending,
        original=_original(entry, amount),
        raw=raw_of(raw),
    )
    mark = line.bank_id if _tells(line.bank_id) else ""
    odd = (kind in _CREDITS and amount.minor < 0) or (kind in _DEBITS and amount.minor > 0)
    corrects = entry.text("CORRECTFITID")
    corrects = corrects if _tells(corrects) and corrects != line.bank_id else ""
    deletes = bool(corrects) and entry.text("CORRECTACTION").upper() == "DELETE"
    return EntryRead(Draft(line, mark), odd, corrects, deletes)


def account_of(element: Element | None) -> str:
    """Give the number of an account, without spaces."""
    return element.text("ACCTID").replace(" ", "").upper() if element is not None else ""


def amount_at(element: Element, name: str, decimal: str, currency: str) -> Money:
    """Give the signed amount of a value; raises UnreadableError, which names the element, when it is none."""
    number = element.text(name)
    if not number:
        raise UnreadableError(f"the {'balance' if name == 'BALAMT' else 'entry'} has no amount ({name})")
    try:
        return money_of(plain_number(number, decimal), currency)
    except UnreadableError as error:
        raise UnreadableError(f"{error} ({name})") from error


def day_at(element: Element, path: str) -> str:
    """Give the day of a date with or without time, "" when there is none. Raises UnreadableError."""
    written = element.text(path)
    if not written.strip("0"):  # some banks fill with zeros
        return ""
    found = _DATE.fullmatch(written)
    with suppress(ValueError):
        if found:
            return date(int(found[1]), int(found[3]), int(found[4])).isoformat()
    raise UnreadableError(f"{written[:40]!r} is not a date ({path})")


def _booked_on(entry: Element, *, pending: bool) -> str:
    """Give the day an entry was booked; a pending one has only that on which it was made."""
    booked = day_at(entry, "DTPOSTED") or (pending and day_at(entry, "DTTRAN"))
    if not booked:
        raise UnreadableError("the entry has no booking date (DTPOSTED)")
    return booked


def _tells(number: str) -> bool:
    """Tell whether a number is one, and not a filler."""
    return number.strip("0") != "" and number.upper() not in FILLERS


def _name(entry: Element) -> str:
    name = entry.text("NAME") or entry.text("PAYEE/NAME") or entry.text("PAYEE")
    whole = entry.text("EXTDNAME")
    return whole if whole.startswith(name) else name


def _text(entry: Element) -> str:
    """Give what the memos say, and a longer name that does not begin with the name."""
    said = [memo.value for memo in entry.findall("MEMO")]
    whole = entry.text("EXTDNAME")
    said += [whole] * (whole != _name(entry))
    converted = entry.find("ORIGCURRENCY")
    if converted is not None and converted.text("CURSYM"):
        rate = converted.text("CURRATE")[:20]
        said.append(f"converted from {converted.text('CURSYM')[:12]}" + (f" at {rate}" if rate else ""))
    return " | ".join(dict.fromkeys(text for text in said if text))[:TEXT_LIMIT]


def _original(entry: Element, amount: Money) -> Money | None:
    """Work out what was paid in another currency, None where that can't be told to the last minor unit."""
    converted = entry.find("ORIGCURRENCY")
    rate = converted.text("CURRATE").replace(",", ".") if converted is not None else ""
    if converted is None or not _RATE.fullmatch(rate) or not float(rate):
        return None
    currency = code_of(converted.text("CURSYM"))
    if currency == amount.currency:
        return None
    made, ratio = amount.decimal, Decimal(rate)
    unit = Decimal(1).scaleb(-CURRENCY_DIGITS.get(currency, 2))
    step = Decimal((0, (1,), int(ratio.as_tuple().exponent)))  # of the last digit the bank wrote
    if abs(made / ratio / ratio * step) > unit:
        return None
    return money_of(f"{(made / ratio).quantize(unit, ROUND_HALF_EVEN):f}", currency)
