"""Invoice numbers of a hard world: schemes, structured references, and how people write and spoil them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import random

# How well a text names an invoice: all of its number; its serial after a word for invoice; so little that the number
# can only be confirmed (cut, the bare serial, one slip); something that is not this invoice; nothing.
Legible: TypeAlias = Literal["full", "serial", "hint", "wrong", "none"]

SCHEMES = (
    "RE-{year}-{at:04d}",
    "{year}/{at:02d}",
    "INV{at:07d}",
    "{at}",
    "F-{at}-B",
    "{year}{at:04d}",
    "AR{short}-{at:03d}",
    "{at:05d}",
    "Rg {year}.{at}",
)
FRAMES = (  # what people write around a number
    "Rechnung {}",
    "Rechnungsnummer {} danke",
    "Invoice {}",
    "inv no. {} / thank you",
    "RNr {}",
    "Re.-Nr. {} vom 03.09.2026",
    "facture {} merci",
    "factuur {}",
    "fattura n. {} del 3/9/2026",
    "Kd-Nr NOISE Rechnung {}",
    "Rg. {} ueber 1.190,00 EUR inkl. 19% MwSt",
    "Beleg {} Auftrag 7700123",
    "Kunde NOISE, RE {}, 2 Stueck",
    "Invoice {} / our order NOISE",
)
BARE = ("{}", "{} danke", "zu {}", "{}.")
MONTHS = ("Beitrag 03/2026", "Abo Mai 2026", "Miete 05.2026", "Honorar Q2/2026", "Kurs vom 12.03. bis 14.03.2026")
WORDLESS = (
    *MONTHS,
    "",
    "",
    "Danke!",
    "Ueberweisung",
    "NOTPROVIDED",
    "wie besprochen",
    "Payment",
    "Zahlung Ihre Leistung",
    "/",
)
WRAPS = (0, 0, 0, 27, 35)  # after so many characters a bank breaks the text; 0: it does not


class Written(NamedTuple):
    """What stands on the line, how legible it is, and the tag it is counted under."""

    text: str
    references: tuple[str, ...]
    legible: Legible
    tag: str
    says: str = ""  # what stands there in place of the number, where that is cut or wrong


def number_of(scheme: str, at: int, year: int = 2026) -> str:
    """Give the number that comes `at` that place in its year."""
    return scheme.format(year=year, short=year % 100, at=at)


def write(pick: random.Random, number: str, reference: str) -> Written:
    """Name one invoice as payers do: mostly well, sometimes spoiled, often not at all."""
    ways = {
        "clean": 40,
        "structured": 9 if reference else 0,
        "end to end": 4,
        "glued": 5,
        "spaced": 5,
        "serial": 4,
        "bare serial": 2,
        "cut": 3,
        "slip": 4,
        "none": 24,
    }
    way = pick.choices(list(ways), list(ways.values()))[0]
    if way == "none":
        return Written(pick.choice(WORDLESS), (), "none", "no number")
    if way == "structured":
        return _structured(pick, reference)
    if way == "end to end":
        level = "hint" if is_short(number) else "full"
        return Written(pick.choice(("", "see reference")), (_loosely(pick, number),), level, "end to end")
    if way in ("cut", "slip"):
        return _spoiled(pick, number, way)
    if way in ("serial", "bare serial"):
        serial = serial_of(number)
        if serial == number or len(serial) < 2:
            way = "serial"
        frame = pick.choice(FRAMES if way == "serial" else BARE)
        return Written(wrap(pick, framed(pick, frame, serial)), (), "serial" if way == "serial" else "hint", way)
    if way == "glued":
        text = f"{pick.choice(('Rechnung', 'Rechnungsnr', 'Invoice', 'RG'))}{number}{pick.choice(('danke', '', 'vom'))}"
        return Written(text, (), "full", "glued")
    loose = " ".join(number) if way == "spaced" and pick.random() < 0.4 else _loosely(pick, number)
    return Written(wrap(pick, framed(pick, pick.choice(FRAMES), loose)), (), "full", way)


def framed(pick: random.Random, frame: str, number: str) -> str:
    """Put a number among the words, beside a customer's or an order's number that could be another invoice's."""
    text = frame.replace("NOISE", str(pick.randrange(2, 2_000))).format(number)
    if pick.random() < 0.06:  # as a bank hands on what it was given
        account = f"DE{pick.randrange(10, 99)}8888{pick.randrange(10**14):014d}"
        tail = pick.choice((f" IBAN {account}", " TAN1: 814773", " BIC: MARKDEFFXXX", " Tel. 0431/55012-26"))
        text = f"EREF+NOTPROVIDED MREF+K-2019-77 SVWZ+{text}{tail}"
    return text


def write_list(pick: random.Random, numbers: list[str]) -> Written:
    """Name several invoices of one scheme: all in full, the first in full and then the ends, or as a range."""
    in_a_row = len(numbers) > 2 and [_serial(number) - _serial(numbers[0]) for number in numbers] == [
        *range(len(numbers))
    ]
    ways = {"list": 40, "short list": 15, "range": 30 if in_a_row else 0, "cut list": 8, "no number": 25}
    way = pick.choices(list(ways), list(ways.values()))[0]
    words = ("Rechnungen {}", "Invoices {}", "RG {}", "factures {}", "{}")
    frame = pick.choice(words[:4] if is_short(numbers[0]) else words)
    if way == "no number":
        return Written(pick.choice(WORDLESS), (), "none", "no number")
    heads, tails = zip(*(split_serial(number) for number in numbers), strict=True)
    if way == "range" and len(set(heads)) == 1:
        last = pick.choice((numbers[-1], tails[-1]))
        return Written(frame.format(f"{numbers[0]}{pick.choice((' - ', ' bis ', '-', ' to '))}{last}"), (), "full", way)
    if way == "short list" and len(set(heads)) == 1 and heads[0]:
        parts = [numbers[0], *tails[1:]]
        return Written(frame.format(pick.choice((", ", " + ", "/", " und ")).join(parts)), (), "full", "short list")
    text = frame.format(pick.choice((", ", " ", " + ", ";", " & ", "\n")).join(numbers))
    if way == "cut list":
        cut = text[: max(len(text) - pick.randrange(3, len(numbers[-1]) + 6), 6)]
        return Written(cut, (), "hint", "cut list", cut)
    return Written(text if "\n" in text else wrap(pick, text), (), "full", "list")


def slip(pick: random.Random, number: str) -> str:
    """Mistype one digit, swap two neighbours, or leave one out; always another number than before."""
    while True:
        wrong = _slipped(pick, number)
        if compact(wrong) != compact(number):
            return wrong


def wrap(pick: random.Random, text: str) -> str:
    """Break a text after 27 or 35 characters, by a line end or a blank, also inside a number."""
    width = pick.choice(WRAPS)
    if not width:
        return text
    mark = pick.choice(("\n", " "))
    return mark.join(text[at : at + width] for at in range(0, len(text), width))


def split_serial(number: str) -> tuple[str, str]:
    """Split a number before its last run of digits that counts; what follows ("-B") goes with neither."""
    found = list(re.finditer(r"\d+", number))[-1]
    start = max(found.end() - 4, found.start()) if found.start() == 0 and len(found[0]) > 6 else found.start()
    return number[:start], number[start : found.end()]


def serial_of(number: str) -> str:
    """Give the running number without year, prefix and leading zeros."""
    return split_serial(number)[1].lstrip("0") or "0"


def is_short(number: str) -> bool:
    """Whether a number is so short and bare that it could be anything without a word for invoice before it."""
    return number.isdigit() and len(number.lstrip("0")) < 5


def compact(number: str) -> str:
    """Give letters and digits only, in capitals, leading zeros of each run of digits dropped."""
    return re.sub(r"[^A-Z0-9]+", "", re.sub(r"(?<!\d)0+(?=\d)", "", number.upper()))


def creditor_reference(at: int) -> str:
    """Make an ISO 11649 reference: RF, check digits by modulo 97, the payload."""
    payload = f"{at:09d}"
    return f"RF{98 - int(payload + '271500') % 97:02d}{payload}"


def qr_reference(at: int) -> str:
    """Make a Swiss QR reference: 26 digits and a check digit by modulo 10, recursive."""
    digits = f"210000000003139471430{at % 10**5:05d}"
    table, carry = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5), 0
    for digit in digits.rjust(26, "0"):
        carry = table[(carry + int(digit)) % 10]
    return f"{digits.rjust(26, '0')}{(10 - carry) % 10}"


def structured_communication(at: int) -> str:
    """Make a Belgian structured communication: ten digits, and two by modulo 97 (97 for 0)."""
    digits = f"{7_310_000_000 + at:010d}"
    check = f"{int(digits) % 97 or 97:02d}"
    whole = digits + check
    return f"+++{whole[:3]}/{whole[3:7]}/{whole[7:]}+++"


def _structured(pick: random.Random, reference: str) -> Written:
    bare = re.sub(r"[^A-Z0-9]", "", reference)
    if pick.random() < 0.6:
        return Written("", (pick.choice((reference, bare)),), "full", "structured")
    groups = " ".join(bare[at : at + 4] for at in range(0, len(bare), 4))
    return Written(pick.choice((reference, bare, groups)), (), "full", "structured in text")


def _slipped(pick: random.Random, number: str) -> str:
    places = [at for at, letter in enumerate(number) if letter.isdigit()]
    at = pick.choice(places)
    kind = pick.choice(("change", "swap", "drop"))
    if kind == "swap" and number[at + 1 : at + 2].isdigit():
        return number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    if kind == "drop" and len(places) > 2:
        return number[:at] + number[at + 1 :]
    return number[:at] + str((int(number[at]) + pick.randrange(1, 10)) % 10) + number[at + 1 :]


def _loosely(pick: random.Random, number: str) -> str:
    """Write all of a number in another fashion: case, separators, leading zeros."""
    form = pick.choice(("same", "same", "same", "lower", "no separators", "blanks", "slashes", "no zeros"))
    if form == "no separators":
        return re.sub(r"[^A-Za-z0-9]", "", number)
    if form in ("blanks", "slashes"):
        return re.sub(r"[^A-Za-z0-9]+", " " if form == "blanks" else "/", number)
    if form == "no zeros":
        return re.sub(r"(?<![0-9])0+(?=\d)", "", number)
    return number.lower() if form == "lower" else number


def _spoiled(pick: random.Random, number: str, way: str) -> Written:
    if way == "slip" or len(number) < 5:
        wrong = slip(pick, number)
        return Written(pick.choice(FRAMES[:6]).format(wrong), (), "wrong", "slip", wrong)
    cut = number[: -pick.randrange(1, 3)]
    return Written(f"{pick.choice(FRAMES[:6]).split('{}')[0]}{cut}", (), "hint", "cut", cut)


def _serial(number: str) -> int:
    return int(split_serial(number)[1])
