"""Remarks: what a payment's text says besides numbers and names: that it is no payment, for which month, of which date.

A word such as "Gutschrift" or "bereits bezahlt" turns the sense of a number around. A month, or the date of an invoice,
says which of several equal invoices is meant, where no number does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mainstay.agents.references import fold_case

if TYPE_CHECKING:
    from mainstay.records import Invoice

# The sense of a number is turned around: money comes back, or the invoice is paid by another payment.
_TURNED = re.compile(
    r"\b(?:\w*ERSTATTUNG(?:EN)?|\w*RUE?CKZAHLUNG(?:EN)?|\w*RUE?CKLASTSCHR\w*|RUE?CKGABE|STORN\w*|MAHN\w*|BEZAHLT\w*"
    r"|REFUND\w*|CHARGEBACK|CREDIT ?NOTE|AVOIR|REMBOURS\w*|RIMBORS\w*|REEMBOLSO|TERUGBETAL\w*|DEJA PAYEE?"
    r"|ALREADY PAID|KEINE RECHNUNG|NO INVOICE|NOTA DI CREDITO|NOTA DE CREDITO"
    r"|GUTSCHRIFT(?=:? (?:ZU|ZUR|ZUM|FUE?R|NR|NUMMER|AUS|VOM|RE|RG|RECHNUNG|INVOICE|\w*-?[0-9])\w*)"
    r"|(?:ABZGL|ABZUE?GLICH|MINUS|LESS)\.? GUTSCHRIFT\w*)\b"
)
# It is paid for something that is no invoice.
_PURPOSES = re.compile(r"\b(?:KAUTION|MIETKAUTION|SPENDE|GESCHENK|DONATION|CAUTION|CAUZIONE|DARLEHEN|LOAN|GEHALT)\b")
_MONTHS = (
    "JANUAR JANUARY JAENNER JANVIER GENNAIO ENERO JANUARI JAN",
    "FEBRUAR FEBRUARY FEVRIER FEBBRAIO FEBRERO FEBRUARI FEB",
    "MARZ MAERZ MARCH MARS MARZO MAART MRZ",
    "APRIL AVRIL APRILE ABRIL APR",
    "MAI MAY MAGGIO MAYO MEI",
    "JUNI JUNE JUIN GIUGNO JUNIO JUN",
    "JULI JULY JUILLET LUGLIO JULIO JUL",
    "AUGUST AOUT AGOSTO AUGUSTUS AUG",
    "SEPTEMBER SEPTEMBRE SETTEMBRE SEPTIEMBRE SEPT SEP",
    "OKTOBER OCTOBER OCTOBRE OTTOBRE OCTUBRE OKT OCT",
    "NOVEMBER NOVEMBRE NOVIEMBRE NOV",
    "DEZEMBER DECEMBER DECEMBRE DICEMBRE DICIEMBRE DEZ DEC",
)
_MONTH_OF = {word: at for at, words in enumerate(_MONTHS, 1) for word in words.split()}
_MONTH_WORD = re.compile(rf"\b({'|'.join(sorted(_MONTH_OF, key=len, reverse=True))})\b\.?(?: ?((?:20)?[0-9]{{2}})\b)?")
_MONTH_FIGURE = re.compile(r"(?<![0-9./-])(0?[1-9]|1[0-2])[/.](20[0-9]{2})(?![0-9./-])")
_DATED = re.compile(
    r"\b(?:VOM|DATED|DU|DEL|VAN)\.? ?(?:"
    r"([0-9]{1,2})\. ?([0-9]{1,2})\. ?((?:20)?[0-9]{2})|(20[0-9]{2})-([0-9]{2})-([0-9]{2}))\b"
)
CENTURY = 2_000


class Remarks(msgspec.Struct, frozen=True):
    """What a text says: words as they stand there in capitals, months as (year or 0, month), dates as ISO days."""

    turned: str = ""
    purpose: str = ""
    months: tuple[tuple[int, int], ...] = ()
    dated: tuple[str, ...] = ()

    def contradict(self, invoice: Invoice) -> bool:
        """Say whether the text speaks of another month or another date than the invoice's."""
        if not invoice.issued_on:
            return False
        year, month = int(invoice.issued_on[:4]), int(invoice.issued_on[5:7])
        other_month = bool(self.months) and not any(m == month and y in (0, year) for y, m in self.months)
        return other_month or (bool(self.dated) and invoice.issued_on not in self.dated)


def read_remarks(text: str, payer: str) -> Remarks:
    """Read the remarks of a text. A month that is a part of the payer's name, such as "Jan", is none."""
    plain = fold_case(text)
    names = set(re.findall(r"\w+", fold_case(payer)))
    turned, purpose = _TURNED.search(plain), _PURPOSES.search(plain)
    words = [match for match in _MONTH_WORD.finditer(plain) if match[1] not in names]
    months = [(_year(match[2]), _MONTH_OF[match[1]]) for match in words]
    months += [(int(match[2]), int(match[1])) for match in _MONTH_FIGURE.finditer(plain)]
    dated = [f"{_year(m[3] or m[4]):04}-{int(m[2] or m[5]):02}-{int(m[1] or m[6]):02}" for m in _DATED.finditer(plain)]
    return Remarks(
        turned="" if turned is None else turned[0],
        purpose="" if purpose is None else purpose[0],
        months=tuple(sorted(set(months))),
        dated=tuple(sorted(set(dated))),
    )


def _year(figures: str | None) -> int:
    return 0 if not figures else int(figures) % 100 + CENTURY
