"""References that creditors ask payers to give, known by their check digits wherever they stand.

They are the Swiss QR or ESR reference (27 digits, modulo 10 recursive), the creditor reference of ISO 11649 (RF18...)
and the Belgian structured message (+++123/1234/12345+++, modulo 97).
"""

from __future__ import annotations

import re

_SWISS = re.compile(r"(?<![0-9A-Z])[0-9]{2}(?: ?[0-9]{5}){5}(?![0-9A-Z])")
_ISO = re.compile(r"\bRF[0-9]{2}(?:[0-9A-Z]{1,21}|(?: [0-9A-Z]{4}){1,5}(?: [0-9A-Z]{1,3})?)\b")
_BELGIAN = re.compile(r"(?:\+{3}|\*{3}) ?([0-9]{3}/[0-9]{4}/[0-9]{5}) ?(?:\+{3}|\*{3})")


def creditor_references(text: str) -> list[str]:
    """Find all such references in a text, without spaces and signs around them, in the order of the kinds above."""
    from stdnum import iso11649
    from stdnum.be import ogm_vcs

    swiss = [compact for found in _SWISS.findall(text) if is_swiss(compact := found.replace(" ", ""))]
    iso = [found.replace(" ", "") for found in _ISO.findall(text) if iso11649.is_valid(found)]
    belgian = [found.replace("/", "") for found in _BELGIAN.findall(text) if ogm_vcs.is_valid(found)]
    return [*swiss, *iso, *belgian]


def is_swiss(text: str) -> bool:
    """Tell whether a text is a Swiss QR or ESR reference: 27 digits, the last of which checks the others."""
    from stdnum.ch import esr

    return bool(re.fullmatch("[0-9]{27}", text)) and bool(text.strip("0")) and esr.is_valid(text)
