"""What a person calls an amount, in figures or in words, and what only names something: a heuristic (docs/flow.md).

    "refund 35.90 of order 4711 by 14 June"    35.90 may be an amount; 4711 names an order, 14 is of a day
    "zweihundertfünfzig Euro"                  250, in English, German, French and Spanish

A number with a currency beside it is always an amount. It only ever makes the choke point stricter: a number that reads
as no amount has to be said otherwise, or asks.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from mainstay.governance.office import folded
from mainstay.origins import NUMBER, numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CURRENCIES = frozenset(
    "eur euro euros € usd dollar dollars bucks $ us$ gbp pound pounds £ quid chf franken sfr francs franc jpy yen ¥ "
    "sek nok dkk kr kronen pln zloty czk huf inr rupees ₹ cad aud nzd mxn peso pesos brl cent cents".split()
)
_CODES: Mapping[str, str] = {
    **dict.fromkeys(("euro", "euros", "€"), "EUR"),
    **dict.fromkeys(("dollar", "dollars", "$"), "USD"),
    **dict.fromkeys(("pound", "pounds", "£"), "GBP"),
    **dict.fromkeys(("franken", "francs", "sfr"), "CHF"),
}
# What a number behind such a word is the name of.
_NAMING = frozenset(
    "order orders invoice bill ticket receipt customer client item product article case file number numbers no nr num "
    "id ref reference code version room table line page chapter booking transaction account step task level # n n° nº "
    "auftrag auftrags bestellung rechnung beleg kunde kunden kundin artikel vorgang nummer fall akte zeile seite konto "
    "commande facture numero client dossier article page ligne compte "
    "pedido factura cliente numero articulo caso pagina linea cuenta expediente".split()
)
_MONTHS = frozenset(
    "january february march april may june july august september october november december jan feb mar apr jun jul "
    "aug sep sept oct nov dec januar februar maerz mai juni juli oktober dezember janvier fevrier mars avril juin "
    "juillet aout septembre octobre novembre decembre enero febrero marzo abril mayo junio julio agosto septiembre "
    "octubre noviembre diciembre".split()
)
_UNITS = _MONTHS | frozenset(
    "% percent prozent pourcent o'clock uhr h am pm a.m p.m minute minutes hour hours day days week weeks month months "
    "year years minuten stunde stunden tag tage tagen woche wochen monat monate monaten jahr jahre jahren heure heures "
    "jour jours semaine semaines mois an ans hora horas dia dias semana semanas mes meses ano anos people persons "
    "guests seats pieces times kg g km m cm mm ml l gb mb kb personen gaeste stueck mal personnes personas".split()
)
_WHEN = _MONTHS | frozenset("at by on until since um am ab bis seit vers le la las el".split())
_IN_YEAR = _MONTHS | frozenset("in of year im jahr en del annee an ano since seit depuis desde".split())
_MONTH = f"(?:{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_OF_MONTH = re.compile(
    rf"\b([0-3]?\d)(?:st|nd|rd|th|er|\.)?\s*(?:of\s+|de\s+|-\s*)?{_MONTH}\b|\b{_MONTH}\s+([0-3]?\d)(?:st|nd|rd|th)?\b"
)
_IN_FIGURES = re.compile(r"\b\d{4}-\d\d-(\d\d)\b|\b([0-3]?\d)\.[01]?\d\.")
_YEARS = range(1900, 2100)
_NEAR = 60  # characters beside a number that may say what it is
_BEFORE = re.compile(r"([^\W\d_]+|[€$£¥₹#%]|n[°º])[\s.:]*$")
# "Order 12 bags": no name of an order, where a sentence begins with it and says of what.
_BIDS = re.compile(r"(?:^|[.!?\n]\s*)(?:order|book|bill|file)\s+$", re.IGNORECASE)
_COUNTED = re.compile(r"\s+(?!(?:is|was|has|in|of|for|from|to|by|at|on|and|or|with)\b)[^\W\d_]{2,}", re.IGNORECASE)
_AFTER = re.compile(r"\.?\s*([^\W\d_][\w.']*|[€$£¥₹%])")


@lru_cache(maxsize=256)
def sums_in(words: str) -> frozenset[float]:
    """Give the numbers in a text that may be amounts; where any has a currency beside it, those that have."""
    return said_sums(words) or frozenset(_numbers(words, marked=False))


@lru_cache(maxsize=256)
def said_sums(words: str) -> frozenset[float]:
    """Give the numbers in a text that have a currency beside them."""
    return frozenset(_numbers(words, marked=True))


@lru_cache(maxsize=256)
def counts_in(words: str) -> frozenset[float]:
    """Give the numbers in a text but those that name something: how many, how long, how much."""
    found = {value for value, before, _ in _spelled(words) if _last(before) not in _NAMING}
    for match in NUMBER.finditer(words):
        before, after = _around(words, *match.span())
        if _last(before) not in _NAMING or (_BIDS.search(before) and _COUNTED.match(after)):
            found |= numbers_in(match[0], match[0])
    return frozenset(found)


@lru_cache(maxsize=256)
def days_in(words: str) -> frozenset[int]:
    """Give the days of a month that a text says by their numbers: "14 May", "May 14th", "14.5.", "2026-05-14"."""
    text = folded(words)
    named = (int(day) for pair in _OF_MONTH.findall(text) for day in pair if day)
    return frozenset(named) | frozenset(int(day) for pair in _IN_FIGURES.findall(text) for day in pair if day)


def _last(before: str) -> str:
    """Give the word before a number."""
    left = _BEFORE.search(before)
    return folded(left[1]) if left else ""


def _numbers(words: str, *, marked: bool) -> Iterator[float]:
    for value, before, after in _spelled(words):
        if _is_amount("", before, after, marked=marked):
            yield value
    for match in NUMBER.finditer(words):
        if _is_amount(match[0], *_around(words, *match.span()), marked=marked):
            yield from numbers_in(match[0], match[0])


@lru_cache(maxsize=256)
def currencies_in(words: str) -> frozenset[str]:
    """Give the currencies that a text names, by their codes."""
    said = set(re.findall(r"[^\W\d_]+|[€$£]", folded(words)))
    return frozenset(_CODES[word] if word in _CODES else word.upper() for word in said & CURRENCIES)


@lru_cache(maxsize=256)
def all_in(text: str) -> frozenset[float]:
    """Give all numbers that a text says, in figures or in words."""
    return frozenset(numbers_in(text, text) | {value for value, _, _ in _spelled(text)})


def _around(text: str, begins: int, ends: int) -> tuple[str, str]:
    """Give what stands before and behind a part of a text: as much as a word of ours needs, however long it is."""
    return text[max(0, begins - _NEAR) : begins], text[ends : ends + _NEAR]


def _is_amount(number: str, before: str, after: str, *, marked: bool) -> bool:
    """Whether a number between two parts of a text may be an amount; `marked`: whether its currency says so."""
    last, right = _last(before), _AFTER.match(after)
    following = folded(right[1]).rstrip(".") if right else ""
    if marked or last in CURRENCIES or following in CURRENCIES:
        return last in CURRENCIES or following in CURRENCIES
    if last in _NAMING or last in _WHEN or following in _UNITS:
        return False
    return not (last in _IN_YEAR and number.isdigit() and int(number) in _YEARS)


# --- in words


def _pairs(text: str) -> dict[str, int]:
    return {word: int(value) for word, value in (pair.split(":") for pair in text.split())}


_TEENS_DE = {
    f"{word}zehn": 10 + value for word, value in _pairs("drei:3 vier:4 fuenf:5 sech:6 sieb:7 acht:8 neun:9").items()
}
_LANGUAGES: tuple[Mapping[str, int], ...] = (
    _pairs(
        "one:1 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12 thirteen:13 "
        "fourteen:14 fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19 twenty:20 thirty:30 forty:40 fifty:50 "
        "sixty:60 seventy:70 eighty:80 ninety:90 hundred:100 thousand:1000 million:1000000 and:0 a:0"
    ),
    _pairs(
        "ein:1 eins:1 eine:1 zwei:2 zwo:2 drei:3 vier:4 fuenf:5 sechs:6 sieben:7 acht:8 neun:9 zehn:10 elf:11 "
        "zwoelf:12 zwanzig:20 dreissig:30 vierzig:40 fuenfzig:50 sechzig:60 siebzig:70 achtzig:80 neunzig:90 "
        "hundert:100 tausend:1000 million:1000000 millionen:1000000 und:0"
    )
    | _TEENS_DE,
    _pairs(
        "un:1 une:1 deux:2 trois:3 quatre:4 cinq:5 six:6 sept:7 huit:8 neuf:9 dix:10 onze:11 douze:12 treize:13 "
        "quatorze:14 quinze:15 seize:16 vingt:20 vingts:20 trente:30 quarante:40 cinquante:50 soixante:60 septante:70 "
        "huitante:80 octante:80 nonante:90 cent:100 cents:100 mille:1000 million:1000000 millions:1000000 et:0"
    ),
    _pairs(
        "un:1 uno:1 una:1 dos:2 tres:3 cuatro:4 cinco:5 seis:6 siete:7 ocho:8 nueve:9 diez:10 once:11 doce:12 "
        "trece:13 catorce:14 quince:15 dieciseis:16 diecisiete:17 dieciocho:18 diecinueve:19 veinte:20 veintiun:21 "
        "veintiuno:21 veintidos:22 veintitres:23 veinticuatro:24 veinticinco:25 veintiseis:26 veintisiete:27 "
        "veintiocho:28 veintinueve:29 treinta:30 cuarenta:40 cincuenta:50 sesenta:60 setenta:70 ochenta:80 noventa:90 "
        "cien:100 ciento:100 doscientos:200 doscientas:200 trescientos:300 trescientas:300 cuatrocientos:400 "
        "cuatrocientas:400 quinientos:500 quinientas:500 seiscientos:600 seiscientas:600 setecientos:700 "
        "setecientas:700 ochocientos:800 ochocientas:800 novecientos:900 novecientas:900 mil:1000 millon:1000000 "
        "millones:1000000 y:0"
    ),
)
_LONGEST_FIRST = tuple(tuple(sorted(words, key=len, reverse=True)) for words in _LANGUAGES)
_GERMAN = 1  # writes a number as one word
_NO_NUMBER_ALONE = frozenset("once cent cents million".split())  # another word, or half a number, in another language
_WORD = re.compile(r"[^\W\d_]+")
_HUNDRED, _THOUSAND, _TWENTY, _FOUR = 100, 1000, 20, 4
_MOST = 10**15  # "hundred hundred hundred ...": a stranger can send any number of them


def _spelled(text: str) -> Iterator[tuple[float, str, str]]:
    """Give the numbers that a text spells, each with what stands before and behind it."""
    said = folded(text)
    for at, known in enumerate(_LANGUAGES):
        run: list[str] = []
        begins = ends = 0
        for word, start, end in (*((match[0], *match.span()) for match in _WORD.finditer(said)), ("", len(said), 0)):
            parts = _split(word, _LONGEST_FIRST[at]) if at == _GERMAN else [word] if word in known else []
            if parts:
                begins, ends = begins if run else start, end
                run += parts
                continue
            if any(known[one] for one in run) and not (len(run) == 1 and run[0] in _NO_NUMBER_ALONE):
                yield float(_value([known[one] for one in run if known[one]])), *_around(said, begins, ends)
            run = []


def _split(word: str, known: tuple[str, ...]) -> list[str]:
    """Take a word apart into words for numbers; empty where it is none."""
    parts: list[str] = []
    while word:
        part = next((one for one in known if word.startswith(one)), None)
        if part is None:
            return []
        parts.append(part)
        word = word[len(part) :]
    return parts


def _value(values: list[int]) -> int:
    """Add up: "two hundred and fifty thousand" is (2 * 100 + 50) * 1000."""
    total = part = 0
    for value in values:
        if value == _HUNDRED:
            part = min(max(part, 1) * _HUNDRED, _MOST)
        elif value >= _THOUSAND:
            total, part = total + max(part, 1) * value, 0
        elif value == _TWENTY and part % _TWENTY == _FOUR:  # quatre-vingts
            part += _TWENTY * _FOUR - _FOUR
        else:
            part += value
    return total + part
