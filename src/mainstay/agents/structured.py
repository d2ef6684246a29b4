"""Structured references: what stands inside the numbers that banks and machines write, without zeros and check digits.

A seller's program puts the invoice's number, often behind a customer's, into a reference with check digits: ISO 11649
(RF), the Swiss QR reference (27 digits, modulo 10 recursive), the Belgian communication (12 digits, modulo 97), the
Norwegian KID, the Finnish viitenumero, the Swedish OCR and the Dutch betalingskenmerk. Those with a single check digit
are right by chance once in ten times, so they count only where the bank says that it is a reference, or the text does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

QR_DIGITS = 27
OGM_DIGITS = 12
NL_DIGITS = 16
KID_DIGITS = range(3, 26)
VIITE_DIGITS = range(4, 21)
_DIGITS = re.compile(r"[0-9][0-9 ]*[0-9]")
_RF = re.compile(r"\bRF[0-9]{2}(?: ?[0-9A-Z]{1,4}){1,6}\b", re.IGNORECASE)
_OGM = re.compile(r"[+*]{3} ?([0-9]{3}) ?/ ?([0-9]{4}) ?/ ?([0-9]{5}) ?[+*]{3}")
_TOLD = re.compile(
    r"\b(?:KID|OCR|VIITE|VIITENUMERO|BETALINGSKENMERK|KENMERK|REF)\b[.:# ]*([0-9][0-9 ]{2,32})", re.IGNORECASE
)


def bodies(text: str, *, structured: bool) -> Iterator[str]:
    """Give what stands inside each reference found in a text, check digits off and leading zeros off.

    `structured` says that the bank gave the text as a reference.
    """
    for match in _RF.finditer(text):
        if (plain := _plain(match[0]).upper()) and _valid("iso11649", plain):
            yield plain[4:].lstrip("0")
    for match in _OGM.finditer(text):
        if _valid("be.ogm_vcs", "".join(match.groups())):
            yield "".join(match.groups())[:-2].lstrip("0")
    for match in _DIGITS.finditer(text):
        plain = _plain(match[0])
        if len(plain) == QR_DIGITS and _valid("ch.esr", plain):
            yield plain[:-1].lstrip("0")
    told = [_plain(text)] if structured else [_plain(match[1]) for match in _TOLD.finditer(text)]
    for plain in told:
        if plain.isdigit():
            yield from _one_check_digit(plain)


def _one_check_digit(plain: str) -> Iterator[str]:
    """Give what stands inside a reference of the north: KID and OCR (Luhn or modulo 11), viitenumero, kenmerk."""
    if len(plain) == OGM_DIGITS and _valid("be.ogm_vcs", plain):
        yield plain[:-2].lstrip("0")
    if len(plain) == NL_DIGITS and is_kenmerk(plain):
        yield plain[1:].lstrip("0")
    luhn = len(plain) in KID_DIGITS and _valid("luhn", plain)
    if (
        luhn
        or (len(plain) in KID_DIGITS and is_kid_11(plain))
        or (len(plain) in VIITE_DIGITS and is_viitenumero(plain))
    ):
        yield plain[:-1].lstrip("0")
        if luhn and int(plain[-2]) == len(plain) % 10:  # an OCR may hold its length before the check digit
            yield plain[:-2].lstrip("0")


def is_kid_11(digits: str) -> bool:
    """Say whether a Norwegian KID has a right check digit of the second kind: modulo 11, weights 2 to 7."""
    total = sum(int(digit) * (2 + at % 6) for at, digit in enumerate(reversed(digits[:-1])))
    return (11 - total % 11) % 11 == int(digits[-1])


def is_viitenumero(digits: str) -> bool:
    """Say whether a Finnish reference has a right check digit: weights 7, 3, 1 from the right, up to the next ten."""
    total = sum(int(digit) * (7, 3, 1)[at % 3] for at, digit in enumerate(reversed(digits[:-1])))
    return -total % 10 == int(digits[-1])


def is_kenmerk(digits: str) -> bool:
    """Say whether a Dutch betalingskenmerk of 16 digits has a right check digit, its first: modulo 11."""
    weights = (2, 4, 8, 5, 10, 9, 7, 3, 6, 1)
    total = sum(int(digit) * weights[at % 10] for at, digit in enumerate(reversed(digits[1:])))
    rest = total % 11
    return {0: 0, 1: 1}.get(rest, 11 - rest) == int(digits[0])


def _plain(text: str) -> str:
    return re.sub(r"[\s/+*.-]", "", text)


def _valid(kind: str, plain: str) -> bool:
    """Ask python-stdnum, which is loaded only where references are read."""
    from stdnum import iso11649, luhn
    from stdnum.be import ogm_vcs
    from stdnum.ch import esr

    kinds = {"iso11649": iso11649, "be.ogm_vcs": ogm_vcs, "ch.esr": esr, "luhn": luhn}
    return kinds[kind].is_valid(plain)
