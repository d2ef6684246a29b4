"""What a bank says about one entry (:86:), in the dialects banks write it in.

 - German banks, and others after them: 166?00...?20...?32..., subfields of 27 characters (DFÜ-Abkommen, annex 3). The
   purpose (?20 to ?29, ?60 to ?63) runs on from one subfield to the next: after 27 characters without a space; a
   shorter one had its trailing space cut off, or ends a piece. In it are pieces such as EREF+, MREF+ and SVWZ+. Only
   payments older than SEPA (codes below 100), and charges, have lines there, with a space after each.
 - Dutch banks: /TRTP/.../IBAN/.../NAME/.../REMI/.../EREF/...
 - Others: words, with labels such as NAAM:, AUFTRAGGEBER: or TYT.: at most.
A line of the file that is full (65 characters) runs on without a space, a shorter one had it cut off.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.bank.creditor_reference import creditor_references
from mainstay.connectors.bank.statement import FILLERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LINE = 65
_TAGGED_LINE = 61  # where the bank counts ":86:" to the line
_SUBFIELD = 27
NO_REFERENCE = FILLERS | {"KREF", "EREF", "MREF", "KREF+", "EREF+", "MREF+"}
_PURPOSE = tuple(map(str, (*range(20, 30), *range(60, 64))))
_SEPA = "1"  # the codes (GVC) of SEPA payments begin with it
_RETURNS = frozenset({"108", "109", "159", "181", "184"})  # GVC: a direct debit or transfer comes back

_STRUCTURED = re.compile(r"([0-9]{3})?([?~^<>@])[0-9]{2}")
_KEYS = "EREF KREF MREF CRED DEBT COAM OAMT SVWZ MTLG ABWA ABWE IBAN BIC PURP MDAT SQTP ORCR ORMR DDAT OCMT EXCH CHGS"
_KEYWORD = re.compile(rf"({_KEYS.replace(' ', '|')})\+|(?:(?<=\s)|^)({_KEYS.replace(' ', '|')}):")
_CODES = (
    "TRTP IBAN BIC NAME REMI EREF KREF MARF MREF CSID CNTP BENM ORDP ISDT PREF RTRN ADDR ULTC ULTD ULTB PURP "
    "OCMT EXCH CHGS SVCL TYPE SUBJ OAMT ID CRED BUSP CREF IREF"
)
_SLASHED = re.compile(rf"/({_CODES.replace(' ', '|')})(?=/)")
_LABELS = {
    "name": ("NAAM", "AUFTRAGGEBER", "OD", "DLA"),
    "account": ("IBAN", "REK", "Z RACH.", "NA RACH."),
    "text": ("OMSCHRIJVING", "MITTEILUNGEN", "TYT.", "REMIT"),
    "reference": ("KENMERK", "BETALINGSKENM.", "MACHTIGING"),
    "id": ("TNR",),
    "": ("BIC", "ID IPH", "INCASSANT"),
}
_ROLE = {label: role for role, labels in _LABELS.items() for label in labels}
_LABELLED = re.compile(rf"(?:^|(?<=[\s/;]))({'|'.join(map(re.escape, _ROLE))})(?:(?<=KENM\.)\s|:)", re.IGNORECASE)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)\b")
_ORIGINAL = re.compile(r"OCMT[+/:] ?([A-Z]{3}) ?([0-9]{1,15},[0-9]*)(?! ?[0-9])")  # a comma must be in it
_SWISS_DAY = re.compile(r"\s[0-9]{6}CH[A-Z0-9]+$")  # PostFinance: day and account of the payer after his address


class Details(msgspec.Struct, frozen=True):
    """What was found. `original` is code and number of a foreign amount, `returned` that a payment comes back."""

    name: str = ""
    account: str = ""
    references: tuple[str, ...] = ()
    text: str = ""
    words: str = ""  # the bank's own, for want of a text
    bank_id: str = ""
    original: tuple[str, str] = ("", "")
    returned: bool = False


def details_of(texts: Sequence[Sequence[str]]) -> Details:
    """Read the :86: fields of an entry, nearly always one; each is given as its lines."""
    joined = [_joined(lines) for lines in texts]
    begins = joined[0] if joined else ""
    if found := _STRUCTURED.match(begins):
        details = _structured("".join(joined), found[1] or "", found[2])
    elif _SLASHED.match(begins):
        details = _slashed("".join(joined))
    else:
        details = _plain(" ".join(joined))
    if details.original == ("", ""):
        details = msgspec.structs.replace(details, original=original_in("".join(joined)))
    return details


def details_of_extension(lines: Iterable[str]) -> Details:
    """Read the :NS: field of an entry: 01 to 14 purpose, 15 and 16 name, 17 kind, 34 account of the other side."""
    held: dict[str, str] = {}
    for line in lines:
        held.setdefault(line[:2], line[2:].strip())
    return Details(
        name=tidy(" ".join(held.get(key, "") for key in ("15", "16"))),
        account=account_in(held.get("34", "")),
        text=tidy(" ".join(held.get(f"{key:02}", "") for key in range(1, 15))),
        words=tidy(held.get("17", "")),
    )


def original_in(text: str) -> tuple[str, str]:
    """Find code and number of the original amount (OCMT), ("", "") when there is none."""
    found = _ORIGINAL.search(text)
    return (found[1], found[2].replace(",", ".")) if found else ("", "")


def account_in(text: str) -> str:
    """Give the account number at the beginning of a text, without spaces; "" when there is none."""
    found = _IBAN.match(text.strip().upper())
    number = found[0].replace(" ", "") if found else next(iter(text.upper().split()), "")
    return number if re.search("[1-9]", number) else ""


def tidy(text: str) -> str:
    """Make spaces single."""
    return " ".join(text.split())


def kept(references: Iterable[str]) -> tuple[str, ...]:
    """Leave out what stands for no reference, and repetitions."""
    tidied = (tidy(reference) for reference in references)
    return tuple(dict.fromkeys(one for one in tidied if len(one.strip("0/")) > 1 and one.upper() not in NO_REFERENCE))


def _joined(lines: Sequence[str]) -> str:
    """Join the lines of a field: a full one runs on, to a shorter one its space is given back."""
    found = _STRUCTURED.match(lines[0])
    coded = found is not None or lines[0].startswith("/")
    pieces: list[str] = []  # not empty, as their last character counts
    for number, line in enumerate(lines):
        if found and pieces and re.match(rf"{re.escape(found[2])}[0-9]{{2}}", line):
            pieces[-1:] = [pieces[-1].removesuffix(" ")] * (pieces[-1] != " ")
        last = number == len(lines) - 1
        spaced = line.endswith(" ") or (not last and lines[number + 1].startswith(" "))
        full = len(line) >= _LINE or (number == 0 and coded and len(line) == _TAGGED_LINE)
        piece = line if full or last or spaced else f"{line} "
        pieces += [piece] * bool(piece)
    return "".join(pieces)


def _structured(text: str, code: str, sign: str) -> Details:
    # By hand, as the library drops repeated and unknown subfields, and text in front of a keyword.
    pieces = re.split(rf"{re.escape(sign)}([0-9]{{2}})", text)
    fields = list(zip(pieces[1::2], pieces[2::2], strict=True))

    def run_on(*keys: str) -> str:
        return _run_on(value for key, value in fields if key in keys)

    purpose = run_on(*_PURPOSE)
    if code and not code.startswith(_SEPA) and not _KEYWORD.search(purpose):  # lines, as they were before SEPA
        purpose = " ".join(value for key, value in fields if key in _PURPOSE)
    free, held = _parted(_KEYWORD, purpose)
    words = tidy(run_on("00"))
    given = tidy(" ".join([free, *held.get("SVWZ", []), *held.get("MTLG", [])]))
    others = [f"for {tidy(name)}" for key in ("ABWA", "ABWE") for name in held.get(key, [])]
    account = next((found for key in ("38", "31") if (found := account_in(run_on(key)))), "")
    return Details(
        name=tidy(run_on("32", "33")),
        account=account or account_in("".join(held.get("IBAN", [])[:1])),
        references=kept(
            [*creditor_references(given), *(one for key in ("EREF", "KREF", "MREF") for one in held.get(key, []))]
        ),
        text=" | ".join(one for one in (given, *others) if one),
        words=words,
        original=original_in(purpose),
        returned=code in _RETURNS,
    )


def _run_on(values: Iterable[str]) -> str:
    return "".join(value if len(value) == _SUBFIELD else f"{value} " for value in values)


def _slashed(text: str) -> Details:
    _, held = _parted(_SLASHED, text)
    if held.keys().isdisjoint(("NAME", "CNTP", "REMI", "TRTP")):  # another bank's codes
        return Details(references=kept(creditor_references(text)), text=tidy(text))
    bare = {key: [value.strip("/ ") for value in values] for key, values in held.items()}

    def first(key: str) -> str:
        return next((value for value in bare.get(key, []) if value), "")

    party = first("CNTP").split("/")  # account, bank, name, city
    remitted = first("REMI")
    structured = remitted.removeprefix("STRD/") if remitted.startswith("STRD/") else ""
    reference = structured.rpartition("/")[2]  # after CUR, ISO or the like
    written = tidy(remitted.removeprefix("USTD").removeprefix("STRD").strip("/"))
    reason = first("RTRN")
    own = [reference, *creditor_references(written), *map(first, ("EREF", "KREF", "MARF", "MREF", "PREF"))]
    return Details(
        name=tidy(first("NAME")) or tidy(party[2] if len(party) > 2 else ""),  # noqa: PLR2004 - the third is the name
        account=account_in(first("IBAN") or party[0]),
        references=kept(own),
        text=" | ".join(one for one in (written, reason and f"returned: {tidy(reason)}") if one),
        words=tidy(first("TRTP")),
        returned=bool(reason),
    )


def _plain(text: str) -> Details:
    free, keyed = _parted(_KEYWORD, text)
    if any(key in keyed for key in ("EREF", "KREF", "MREF", "SVWZ")):
        details = _structured(f"?20{text}", "", "?")
        return msgspec.structs.replace(details, text=details.text or tidy(free))
    free, held = _parted(_LABELLED, text)
    roles: dict[str, list[str]] = {}
    for label, values in held.items():
        roles.setdefault(_ROLE[label.upper()], []).extend(value.strip(" ;/") for value in values)
    name = next(iter(roles.get("name", [])), "").split("  ")[0]
    more = any("".join(number.upper().split()) != account_in(number) for number in roles.get("account", []))
    written = " ".join(roles.get("text", [])) or ("" if roles.get("reference") or more else free) or text
    asked = [re.split(r"\s{2,}|\s(?=[A-Z]{3})", reference)[0] for reference in roles.get("reference", [])]
    return Details(
        name=tidy(_SWISS_DAY.sub("", name)),
        account=account_in(next(iter(roles.get("account", [])), "")),
        references=kept([*creditor_references(text), *asked]),
        text=tidy(written),
        bank_id=tidy("".join(roles.get("id", []))),
    )


def _parted(pattern: re.Pattern[str], text: str) -> tuple[str, dict[str, list[str]]]:
    """Part a text at its keys: what stands before the first, and the values of each."""
    found = list(pattern.finditer(text))
    held: dict[str, list[str]] = {}
    starts = [one.start() for one in found] + [len(text)]
    for one, end in zip(found, starts[1:], strict=True):
        key = next(group for group in one.groups() if group)
        held.setdefault(key, []).append(text[one.end() : end])
    return text[: starts[0]], held
