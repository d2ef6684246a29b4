"""References: which of our invoices a bank line names, and how much that says.

A number counts only as a whole: digits are read in maximal runs, so that invoice 1001 is never found inside 410012.
Case, separators and leading zeros don't matter; a number that the bank split at the end of a 35-character line is put
together again. What a hit is worth is its information: a figure of d digits agrees by chance once in 10**d, which is
3.32 bits a digit (Shannon 1948), never more than `NUMBER_BITS` because people also copy the wrong number.
"""

from __future__ import annotations

import math
import re
import unicodedata
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING

import msgspec

from mainstay.agents.structured import bodies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mainstay.records import BankLine, Invoice

NUMBER_BITS = 18.0  # one copied number in 100 is wrong, and then any of thousands: log2(0.9 * 3000 / 0.01)
STRUCTURED_BITS = 20.0  # has check digits, or was copied by a machine
CUT_BITS = 8.0
SHORT_BITS = 5.0
SERIAL_BITS = 9.0  # the last part, after a word for invoice, where only one invoice ends so
CUE_BITS = 7.0  # the word "invoice" right before a short number
DIGIT_BITS = math.log2(10)
LETTER_BITS = math.log2(26)

PLAIN_DIGITS = 4  # with fewer digits a bare number says nothing without a word such as "invoice" before it
COMPOSED_DIGITS = 6  # with fewer digits a number hung on others by - / . is part of something longer
CUT_FROM = 5  # characters that must be left of a cut number
CUT_MAX = 4  # characters that may be missing
CUT_TEXT = 25  # only a text this long was cut by a bank
INSIDE_FROM = 8  # a reference that holds a customer's number and an invoice's is at least that long
RUN_TOKENS = 12
TEXT_MAX = 2_000  # characters of a text that are read: no bank hands on more of one payment
TOKENS_MAX = 150  # and words and figures in it
BODY_MAX = 40
MONTHS = 12
DAYS = 31
SPACED_FROM = 5  # characters, each by itself, that make a number "written w i d e l y"
BANK_COLUMNS = (35, 27, 65)
SHAPE_HEAD = 3  # numbers of one series share their length and their first characters
UNKNOWN_FROM = 5  # a shorter figure is not taken for an invoice number we do not know

INVOICE_WORDS = frozenset(
    "INVOICE INVOICES INV BILL RECHNUNG RECHNUNGEN RECHNUNGSNR RECHNUNGSNUMMER RECHN RE RG RGNR RENR FACTURE FACTURES"
    " FACT FAC FACTUUR FACTURA FATTURA FATT FAKTURA FAKT FAKTURY FAKTURANR LASKU RNR RECHNUNGSNUMMERN BELEG BELEGNR"
    " INVOICENO INVNO FACTUURNR FACTUURNUMMER FAKTURANUMMER FAKTURANUMER LASKUN LASKUNUMERO FV FRA".split()
)
CUES = INVOICE_WORDS | frozenset("NR NO NUM NUMMER NUMBER NUMERO N REF".split())
PHONE_WORDS = frozenset("TEL TELEFON TELEFONNR PHONE FON MOBIL HANDY FAX".split())
OTHER_WORDS = PHONE_WORDS | frozenset(
    "KD KDNR KUNDE KUNDEN KUNDENNR KUNDENNUMMER KNR CUSTOMER CLIENT CLIENTE KLANT KLANTNR KTO KTONR KONTO KONTONR"
    " KONTONUMMER ACCOUNT BLZ TAN PLZ MANDAT MANDATE MITGLIED MITGLIEDSNR MITGLIEDSNUMMER VERTRAG VERTRAGSNR".split()
)
GLUED_WORDS = frozenset("DANKE VOM VON MERCI THANKS THX OF FROM DATED DEL DU PER UEBER OVER FUER FOR".split())
RANGE_WORDS = frozenset("BIS TO TILL UNTIL THROUGH THRU A AU TOT TM AL HASTA ATE DO TIL TILL ASTI".split())
RANGE_DASHES = frozenset(("-", "\u2013", "\u2014", "..", "..."))
RANGE_MAX = 40  # numbers from the first to the last
LIST_WORDS = frozenset("AND UND ET Y E OG OCH EN I PLUS".split())
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_LIST_GAP = re.compile(r"[\s,;/+&]*")
_IBAN = re.compile(r"\b(?!RF)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_FIGURES = re.compile(
    r"(?<![\w./-])(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,3}(?:[.,' ]\d{3})*[.,]\d{2}|\d+[.,]\d{2})"
    r"(?![\w]|[.,-]\d)"
)


class Named(msgspec.Struct, frozen=True):
    """What one line names: invoice numbers with the bits each hit is worth."""

    full: dict[str, float]
    structured: frozenset[str]  # those of `full` named by a structured reference
    partial: dict[str, float]  # cut, or only the last part of the number
    weak: frozenset[str]  # those of `full` whose figures could be a postcode, a year, a month
    unknown: tuple[str, ...]  # looks like one of our numbers, is none of the open ones; letters and digits alone
    written: tuple[str, ...]  # the same, as they stand in the text

    @property
    def hinted(self) -> tuple[str, ...]:
        """The invoices the line speaks of: those it names, else those it may name."""
        return tuple(sorted(self.full or self.partial))


class Token(msgspec.Struct, frozen=True):
    """A run of letters or of digits, and where it stands."""

    text: str
    start: int
    end: int

    @property
    def digits(self) -> bool:
        """Whether it is a run of digits."""
        return self.text.isdigit()


class Key(msgspec.Struct, frozen=True):
    """One way to write one invoice's number."""

    number: str
    groups: tuple[str, ...]
    bits: float
    bare: bool  # so short that it needs a word such as "invoice" before it
    structured: bool = False
    plain: bool = False  # figures only, or a year and a month: a word for "invoice" must stand before it


class ReferenceIndex:
    """All ways to write the open invoices' numbers and references, looked up by what a line says."""

    def __init__(self, invoices: Sequence[Invoice]) -> None:
        """Index the numbers and references; a few keys for each invoice."""
        self._keys: dict[str, list[Key]] = {}
        self._prefixes: dict[str, list[Key]] = {}
        self._tails: dict[str, list[str]] = {}
        self._shapes: set[tuple[int, str]] = set()
        self._patterns: set[tuple[str, ...]] = set()
        self._heads: set[str] = set()  # letters that numbers begin with, and end with
        self._ends: set[str] = set()
        for invoice in invoices:
            for key in _keys_of(invoice):
                self._add(key)
            self._add_tail(invoice.number)
        self._customer_of = {invoice.number: _digits(invoice.customer_id) for invoice in invoices}
        self._longest = max((len(key.replace("|", "")) for key in self._keys), default=0)

    def read(self, line: BankLine) -> Named:
        """Say which open invoices the line names in its references and its text."""
        found = _Found()
        for text in (*line.references, line.text):
            self._scan(text, found)
        for text, structured in (*((reference, True) for reference in line.references), (line.text, False)):
            for body in bodies(text[:TEXT_MAX], structured=structured):
                self._look_inside(body, found)
        full = found.full
        partial = {number: bits for number, bits in found.partial.items() if number not in full}
        weak = frozenset(full.keys() - found.strong)
        unknown = sorted(found.unknown.items())
        return Named(
            full,
            frozenset(found.structured),
            partial,
            weak,
            unknown=tuple(joined for joined, _ in unknown),
            written=tuple(written for _, written in unknown),
        )

    def _add(self, key: Key) -> None:
        compact = "".join(key.groups)
        piped = _piped(key.groups)
        for written in {compact, piped}:
            self._keys.setdefault(written, []).append(key)
        for length in range(max(CUT_FROM, len(compact) - CUT_MAX), len(compact)):
            self._prefixes.setdefault(compact[:length], []).append(key)
        if len(compact) >= UNKNOWN_FROM:
            self._shapes.add(_shape(compact))
        pattern = _pattern(key.groups)
        if "#" in pattern and set(pattern) != {"#"} and not key.structured:
            self._patterns.add(pattern)
        self._heads.update(() if key.groups[0].isdigit() else key.groups[:1])
        self._ends.update(() if key.groups[-1].isdigit() else key.groups[-1:])

    def _add_tail(self, number: str) -> None:
        groups = _groups(number)
        serial = next((group for group in reversed(groups) if group.isdigit()), "")
        if len(groups) == 1 and _YEAR.fullmatch(serial[:4]) and len(serial) > PLAIN_DIGITS + 1:
            serial = serial[4:]  # 20260041
        elif len(groups) == 1:
            return
        if serial:
            self._tails.setdefault(serial.lstrip("0"), []).append(number)

    def _scan(self, text: str, found: _Found) -> None:
        plain = self._mask(fold_case(text[:TEXT_MAX]))
        tokens = [token for match in islice(_TOKEN.finditer(plain), TOKENS_MAX) for token in self._unglued(match)]
        at = 0
        while at < len(tokens):
            last = self._hit(plain, tokens, at, found)
            if last is None:
                last = self._lesser(plain, tokens, at, found)
            at = (at if last is None else last) + 1

    def _look_inside(self, body: str, found: _Found) -> None:
        """Find a number inside a reference with check digits: alone, behind its customer's number, or at the end."""
        if len(body) > BODY_MAX:
            return
        for key in self._keys.get(body, []):
            found.take(key, structured=True, cued=True, whole=True)
        for begin in range(1, max(len(body) - PLAIN_DIGITS + 1, 1)) if body not in self._keys else ():
            keys = self._keys.get(body[begin:], []) if len(body) >= INSIDE_FROM else []
            for key in keys:
                customer = self._customer_of[key.number]
                whole = bool(customer) and body[:begin].rstrip("0").endswith(customer.rstrip("0"))
                found.take(key, structured=True, cued=True, whole=whole)
            if keys:
                return

    def _unglued(self, match: re.Match[str]) -> tuple[Token, ...]:
        """Cut letters in two where a word hangs on a number's own: "RGF-411-Bvom", "InvoiceAR26-609"."""
        text, start, end = match[0], match.start(), match.end()
        cuts = [len(head) for head in self._heads if text.endswith(head) and text[: -len(head)] in INVOICE_WORDS]
        if cuts:
            return Token(text[: -cuts[0]], start, end - cuts[0]), Token(text[-cuts[0] :], end - cuts[0], end)
        cuts = [len(last) for last in self._ends if text.startswith(last) and text[len(last) :] in GLUED_WORDS]
        if cuts:
            return Token(text[: cuts[0]], start, start + cuts[0]), Token(text[cuts[0] :], start + cuts[0], end)
        return (Token(text, start, end),)

    def _mask(self, plain: str) -> str:
        """Blank out bank account numbers, dates and amounts, unless one of our numbers looks like that."""
        plain = _IBAN.sub(lambda match: " # " if is_iban(match[0]) else match[0], plain)
        return _FIGURES.sub(lambda match: match[0] if self._looks_ours(match[0]) else " # ", plain)

    def _looks_ours(self, figure: str) -> bool:
        pattern = _pattern(_groups(figure))
        return compact(figure) in self._keys or ("Y" in pattern[:-1] and pattern in self._patterns)

    def _hit(self, plain: str, tokens: list[Token], at: int, found: _Found) -> int | None:
        """Take the longest whole number that begins at this token; give the index of its last token."""
        best: tuple[int, list[Key]] | None = None
        cued = _cued(tokens, at)
        for last, joined, piped in _runs(tokens, at, self._longest):
            keys = self._keys.get(joined) or self._keys.get(piped)
            if not keys:
                continue
            span = self._range(plain, tokens, last, keys) if cued or not keys[0].bare else None
            if span is not None:
                for key in span[1]:
                    found.take(key, structured=False, cued=True, whole=True)
                return span[0]
            listed = self._listed_after(plain, tokens, last, keys) if cued or not keys[0].bare else None
            if best is not None and all(_is_split(tokens[at : last + 1], key) for key in keys):
                continue  # a number ends here, and a count follows: "2026-1", then "5 pieces" in the next line
            if _stands_alone(plain, tokens, at, last, keys) or listed is not None:
                best = last, keys
        if best is None:
            return None
        last, keys = best
        if not cued and self._in_a_row(plain, tokens, at, last):
            return None
        if _is_of_something_else(plain, tokens, at) and all(token.digits for token in tokens[at : last + 1]):
            keys = [key for key in keys if key.structured]
        keys = [key for key in keys if cued or key.structured or not key.bare or _in_full(tokens[at], key)]
        hung = _hangs(plain, tokens, at, last, "-._")
        told = _after_invoice(tokens, at)
        for key in keys:
            whole = key.structured or not (hung or _cut_inside(plain, tokens[at : last + 1], key))
            found.take(key, structured=key.structured, cued=told, whole=whole)
        return self._follow(plain, tokens, last, keys, found) if keys else None

    def _in_a_row(self, plain: str, tokens: list[Token], at: int, last: int) -> bool:
        """Say whether a few bare digits stand in a row with others, so that they may be part of a longer number."""
        if at != last or not tokens[at].digits or len(tokens[at].text) >= COMPOSED_DIGITS:
            return False
        around = [n for n in (at - 1, last + 1) if 0 <= n < len(tokens) and tokens[n].text not in self._keys]
        return any(_joined(plain, tokens, at, before=n < at, after=n > at, joints=" ") for n in around)

    def _range(self, plain: str, tokens: list[Token], last: int, keys: list[Key]) -> tuple[int, list[Key]] | None:
        """Read a range whose first and last number are ours; give the index of its last token and all between."""
        at = _range_joint(plain, tokens, last)
        for key in keys if at is not None else ():
            serial = max((n for n, group in enumerate(key.groups) if group.isdigit()), default=None)
            if serial is None or key.structured or at is None:
                continue
            head, tail = key.groups[:serial], key.groups[serial + 1 :]
            said = tuple(token.text for token in tokens[at : at + len(head)])
            end = at + len(head) if head and said == head else at
            if end >= len(tokens) or not tokens[end].digits:
                continue
            first, final = key.groups[serial], tokens[end].text
            final = first[: max(len(first) - len(final), 0)] + final
            if not 0 < int(final) - int(first) <= RANGE_MAX:
                continue
            all_keys = [self._keys.get(_piped((*head, str(n), *tail)), []) for n in range(int(first), int(final) + 1)]
            if all_keys[-1]:
                tailed = tuple(token.text for token in tokens[end + 1 : end + 1 + len(tail)]) == tail
                return end + (len(tail) if tailed else 0), [each[0] for each in all_keys if each]
        return None

    def _follow(self, plain: str, tokens: list[Token], last: int, keys: list[Key], found: _Found) -> int:
        """Read on in a list that leaves out the common part: "2026-014/015/016"."""
        while (more := self._listed_after(plain, tokens, last, keys)) is not None:
            last, named = more
            for key in named:
                found.take(key, structured=False, cued=True, whole=True)
        return last

    def _listed_after(
        self, plain: str, tokens: list[Token], last: int, keys: list[Key]
    ) -> tuple[int, list[Key]] | None:
        """Give the next number of a list and where it stands: its last part, or a number that is figures only."""
        at = _next_in_list(plain, tokens, last)
        if at is None or _joined(plain, tokens, at, joints="-._"):
            return None
        tail = tokens[at].text
        heads = sorted({key.groups[:-1] for key in keys if key.groups[-1].isdigit()})
        more = [key for head in heads for key in self._tail_keys(head, tail)]
        more = more or [key for key in self._keys.get(tail, []) if len(key.groups) == 1]
        return (at, more) if more else None

    def _tail_keys(self, head: tuple[str, ...], tail: str) -> list[Key]:
        return self._keys.get(_piped((*head, tail)), [])

    def _lesser(self, plain: str, tokens: list[Token], at: int, found: _Found) -> int | None:
        """Take what is left of a cut number, the last part of one, or note a number that is none of ours."""
        if _joined(plain, tokens, at, after=False):
            return None
        for last, joined, _ in _runs(tokens, at, self._longest):
            cut = self._prefixes.get(joined, []) if last == len(tokens) - 1 and len(plain.strip()) >= CUT_TEXT else []
            for key in cut:
                found.partial.setdefault(key.number, CUT_BITS - math.log2(len(cut)))
        tails = self._tails.get(tokens[at].text.lstrip("0"), []) if _cued(tokens, at) else []
        if tails and not _joined(plain, tokens, at):
            alone = len(tails) == 1 and len(tokens[at].text) > 1
            for number in tails:
                found.partial.setdefault(number, SERIAL_BITS if alone else SHORT_BITS)
            return at
        return self._unknown(plain, tokens, at, found)

    def _unknown(self, plain: str, tokens: list[Token], at: int, found: _Found) -> int | None:
        """Note a number that looks like one of ours, or stands after the word "invoice", and is none that is open."""
        pattern: tuple[str, ...] = ()
        for last, joined, _ in _runs(tokens, at, self._longest):
            pattern = (*pattern, *_pattern((tokens[last].text,)))
            shaped = len(joined) >= UNKNOWN_FROM and _shape(joined) in self._shapes and not joined.isalpha()
            shaped = shaped and _hangs_together(plain, tokens, at, last)
            shaped = shaped or (pattern in self._patterns and _is_one(plain, tokens, at, last))
            cued = last == at and _after_invoice(tokens, at)
            told = cued and joined.isdigit() and not _is_year(joined)
            told = told or (
                last > at and joined.isdigit() and _after_invoice(tokens, at) and _is_one(plain, tokens, at, last)
            )
            cut = last == len(tokens) - 1 and len(plain.strip()) >= CUT_TEXT and joined in self._prefixes
            known = cut or joined in self._keys
            if (shaped or told) and not _joined(plain, tokens, last, before=False) and not known:
                found.unknown.setdefault(joined, plain[tokens[at].start : tokens[last].end])
                return last
        return None


class _Found:
    """What has been read of a line so far."""

    def __init__(self) -> None:
        self.full: dict[str, float] = {}
        self.partial: dict[str, float] = {}
        self.structured: set[str] = set()
        self.unknown: dict[str, str] = {}  # and how it is written
        self.strong: set[str] = set()  # named so that it can't be anything else

    def take(self, key: Key, *, structured: bool, cued: bool, whole: bool) -> None:
        bits = STRUCTURED_BITS if structured else min(key.bits + (CUE_BITS if cued else 0.0), NUMBER_BITS)
        if not whole:
            self.partial[key.number] = CUT_BITS
            return
        if cued or structured or not key.plain:
            self.strong.add(key.number)
        self.full[key.number] = max(bits, self.full.get(key.number, 0.0))
        if structured:
            self.structured.add(key.number)


def fold_case(text: str) -> str:
    """Write text in capitals without accents, full-width forms made plain."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).upper()


def compact(text: str) -> str:
    """Keep letters and digits only, in capitals."""
    return "".join(_groups(text))


def is_creditor_reference(text: str) -> bool:
    """Say whether text is an ISO 11649 reference with right check digits (ISO/IEC 7064 mod 97-10)."""
    plain = compact(text)
    return re.fullmatch(r"RF\d{2}[A-Z0-9]{1,21}", plain) is not None and _mod_97(plain[4:] + plain[:4]) == 1


def is_iban(text: str) -> bool:
    """Say whether text is an IBAN with right check digits (ISO 13616, mod 97-10)."""
    plain = compact(text)
    return re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{8,30}", plain) is not None and _mod_97(plain[4:] + plain[:4]) == 1


def near_miss(unknown: str, number: str) -> bool:
    """Say whether an unknown number is this invoice's with one slip of the finger."""
    from rapidfuzz.distance import OSA

    plain = compact(number)
    bare = plain.lstrip(_LETTERS)
    return any(OSA.distance(unknown, written, score_cutoff=1) <= 1 for written in {plain, bare} if written)


def _mod_97(text: str) -> int:
    return int("".join(str(int(c, 36)) for c in text)) % 97


def _groups(text: str) -> tuple[str, ...]:
    return tuple(match[0] for match in _TOKEN.finditer(fold_case(text)))


def _keys_of(invoice: Invoice) -> Iterator[Key]:
    groups = _groups(invoice.number)
    yield _key(invoice.number, groups)
    digits_from = next((at for at, group in enumerate(groups) if group.isdigit()), 0)
    if digits_from:
        yield _key(invoice.number, groups[digits_from:])
    if invoice.reference:
        yield _key(invoice.number, _groups(invoice.reference), structured=True)
        if is_creditor_reference(invoice.reference):  # the check digits left out
            plain = compact(invoice.reference)[4:]
            yield _key(invoice.number, _groups(plain))


def _key(number: str, groups: tuple[str, ...], *, structured: bool = False) -> Key:
    digits = sum(len(group.lstrip("0")) for group in groups if group.isdigit())
    letters = sum(len(group) for group in groups if not group.isdigit())
    bits = min(DIGIT_BITS * digits + LETTER_BITS * letters, NUMBER_BITS)
    bare = letters == 0 and digits < PLAIN_DIGITS
    return Key(number, groups, bits, bare=bare, structured=structured, plain=not structured and _is_plain(groups))


def _is_plain(groups: Sequence[str]) -> bool:
    """Say whether a number is figures only, or written like a month or a day: 10115, 2026-02, 2026-02-12, 02/2026."""
    if len(groups) == 1:
        return groups[0].isdigit()
    rest = [group for group in groups if not _YEAR.fullmatch(group)]
    months = [group for group in rest if group.isdigit() and 0 < int(group) <= MONTHS]
    days = [group for group in rest if group.isdigit() and 0 < int(group) <= DAYS]
    return len(rest) == len(groups) - 1 == len(days) <= 2 and bool(months)  # noqa: PLR2004 - a month, a day


def _shape(joined: str) -> tuple[int, str]:
    letters = len(joined) - len(joined.lstrip(_LETTERS))
    return len(joined), joined[: max(letters, SHAPE_HEAD)]


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit()).lstrip("0")


def _in_full(token: Token, key: Key) -> bool:
    """Say whether a number is written with all the zeros it begins with: "00456" is no count of things."""
    return len(token.text) > PLAIN_DIGITS and (token.text,) == key.groups


def _pattern(groups: Sequence[str]) -> tuple[str, ...]:
    """Give what numbers of one series share: their letters, where the year stands, and where figures."""
    return tuple(("Y" if _YEAR.fullmatch(group) else "#") if group.isdigit() else group for group in groups)


def _is_one(plain: str, tokens: list[Token], at: int, last: int) -> bool:
    """Say whether a run is written as one number, and not a word and a figure that happen to stand together."""
    gaps = [plain[a.end : b.start] for a, b in pairwise(tokens[at : last + 1])]
    return last > at and all(gap in set("-/._") or not gap for gap in (gaps[1:] if not tokens[at].digits else gaps))


def _hangs_together(plain: str, tokens: list[Token], at: int, last: int) -> bool:
    """Say whether no blank stands in a run, save between figures."""
    pairs = list(pairwise(tokens[at : last + 1]))
    return all(not plain[a.end : b.start].isspace() or (a.digits and b.digits) for a, b in pairs)


def _runs(tokens: list[Token], at: int, longest: int) -> Iterator[tuple[int, str, str]]:
    """Yield each run of tokens from here: its last index, joined, and joined without leading zeros."""
    joined, piped = "", ""
    for last in range(at, min(at + RUN_TOKENS, len(tokens))):
        text = tokens[last].text
        joined += text
        if len(joined) > longest:
            return
        stripped = text.lstrip("0") or "0"
        piped = f"{piped}|{stripped}" if piped else stripped
        yield last, joined, piped


def _is_year(joined: str) -> bool:
    """Say whether digits after the word "invoice" may be a year, and not its number."""
    return _YEAR.fullmatch(joined) is not None


def _cued(tokens: list[Token], at: int) -> bool:
    return at > 0 and tokens[at - 1].text in CUES


def _after_invoice(tokens: list[Token], at: int) -> bool:
    """Say whether the word "invoice" stands before a token, also "invoice no."."""
    before = at - 1 if at > 1 and tokens[at - 1].text in CUES - INVOICE_WORDS else at
    return before > 0 and tokens[before - 1].text in INVOICE_WORDS


def _is_of_something_else(plain: str, tokens: list[Token], at: int) -> bool:
    """Say whether a word before a figure says that it is a customer's, a telephone's or an account's."""
    before = at - 1
    if before >= 0 and tokens[before].digits and plain[tokens[before].end : tokens[at].start].strip() in {"", "/", "-"}:
        before -= 1  # "Tel. 0431/550126"
        return before >= 0 and tokens[before].text in PHONE_WORDS
    while before >= 0 and tokens[before].text in CUES - INVOICE_WORDS:
        before -= 1
    return before >= 0 and tokens[before].text in OTHER_WORDS


def _stands_alone(plain: str, tokens: list[Token], at: int, last: int, keys: Iterable[Key]) -> bool:
    """Say whether a run is a number of its own, not a piece of a longer one."""
    first, end = tokens[at], tokens[last]
    if first.digits and at and tokens[at - 1].end == first.start and tokens[at - 1].text not in CUES:
        return False
    glued = last + 1 < len(tokens) and tokens[last + 1].start == end.end
    glued = glued and tokens[last + 1].text not in GLUED_WORDS
    if glued and (not end.digits or len(tokens[last + 1].text) <= 2):  # noqa: PLR2004 - a word, not a suffix
        return False
    short = min(sum(len(group) for group in key.groups) for key in keys) < COMPOSED_DIGITS
    return not (short and _hangs(plain, tokens, at, last, "-/._"))


def _hangs(plain: str, tokens: list[Token], at: int, last: int, joints: str) -> bool:
    """Say whether a run hangs on other digits, before or after, by one of these characters."""
    before = _joined(plain, tokens, at, after=False, joints=joints)
    return before or _joined(plain, tokens, last, before=False, joints=joints)


def _joined(
    plain: str, tokens: list[Token], at: int, *, before: bool = True, after: bool = True, joints: str = "-/._"
) -> bool:
    """Say whether a token hangs on other digits by one of these characters."""
    gaps: list[str] = []
    if before and at and tokens[at - 1].digits:
        gaps.append(plain[tokens[at - 1].end : tokens[at].start])
    if after and at + 1 < len(tokens) and tokens[at + 1].digits:
        gaps.append(plain[tokens[at].end : tokens[at + 1].start])
    return any(len(gap) == 1 and gap in joints for gap in gaps)


def _cut_inside(plain: str, run: list[Token], key: Key) -> bool:
    """Say whether the number is split where it has no separator itself and no bank ends its lines."""
    if [token.text.lstrip("0") for token in run] == [group.lstrip("0") for group in key.groups]:
        return False
    if len(run) >= SPACED_FROM and all(len(token.text) == 1 for token in run):
        return False
    borders = set(accumulate(len(group) for group in key.groups))
    ends = accumulate(len(token.text) for token in run)
    return any(
        end not in borders and not _line_ends(plain, token, following)
        for end, token, following in zip(ends, run, run[1:], strict=False)
    )


def _is_split(run: Sequence[Token], key: Key) -> bool:
    """Say whether a run is split somewhere the number has no separator."""
    borders = set(accumulate(len(group) for group in key.groups))
    return not borders.issuperset(accumulate(len(token.text) for token in run))


def _line_ends(plain: str, token: Token, following: Token) -> bool:
    if "\n" in plain[token.end : following.start]:
        return token.end - plain.rfind("\n", 0, token.end) - 1 in BANK_COLUMNS
    return any(token.end % columns == 0 or following.start % columns == 0 for columns in BANK_COLUMNS)


def _piped(groups: Sequence[str]) -> str:
    """Join groups without leading zeros."""
    return "|".join(group.lstrip("0") or "0" for group in groups)


def _range_joint(plain: str, tokens: list[Token], last: int) -> int | None:
    """Give the index after a word or a dash that says "up to"; None where there is none."""
    at = last + 1
    if at < len(tokens) - 1 and tokens[at].text in RANGE_WORDS:
        return at + 1
    if at < len(tokens) and plain[tokens[last].end : tokens[at].start].strip() in RANGE_DASHES:
        return at
    return None


def _next_in_list(plain: str, tokens: list[Token], last: int) -> int | None:
    """Give the index of the next number in a list, or None where the list ends."""
    at = last + 1
    if at < len(tokens) and tokens[at].text in LIST_WORDS:
        at += 1
    if at >= len(tokens) or not tokens[at].digits:
        return None
    gap = "".join(plain[a.end : b.start] for a, b in pairwise(tokens[last : at + 1]))
    listed = at > last + 1 or any(c in gap for c in ",;/+&\n")
    return at if listed and _LIST_GAP.fullmatch(gap) else None
