"""Terms of payment: until when an invoice is due, and what may be taken off for paying early.

Fields of the file come first. Free text is read clause by clause, and only where it is unmistakable: a clause with one
number of days or one date and a word of paying is the due date, one with a percentage and a word of discount is a
discount. Working days, ends of months, days after a delivery and two clauses that differ are left alone, and noted.
Days count from the invoice date; a date that a clause names goes before its days.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.invoices.forms import day_after
from mainstay.records import Discount

if TYPE_CHECKING:
    from collections.abc import Iterable

HUNDRED_PERCENT = 10_000  # basis points
READ = 5_000  # characters of terms; what is longer is a contract
SHOWN = 160  # characters of terms in a note

# German authorities' structured lines: #SKONTO#TAGE=14#PROZENT=2.00#, with #BASISBETRAG=... where it is on a part.
_STRUCTURED = re.compile(
    r"#SKONTO#TAGE=([0-9]{1,3})#PROZENT=([0-9]{1,2}(?:\.[0-9]{1,4})?)#(?:BASISBETRAG=(-?[0-9]{1,15}(?:\.[0-9]{1,4})?)#)?"
)
_INTEREST = re.compile(r"#VERZUG#[^\n]*?#(?=\s|$)")
_SENTENCES = re.compile(r"[\n;]|\.(?=\s|$)")
_CLAUSES = re.compile(r",(?=\s|$)|\s(?:oder|or|ou|sonst|ansonsten|otherwise|bzw\.?|und|and|et|en)(?=\s)", re.IGNORECASE)
# Clauses on something else: being late, days counted from another day.
_LEFT_ALONE = re.compile(
    r"verzug|mahn|zinsen|interest|\blate\b|overdue|penalt|p.nalit|retard|indemnit|\brente\b|boete|\bmora\b|interessi|"
    r"werktag|arbeitstag|banktag|geschäftstag|working|business|ouvr|werkdag|monat|month|mois|maand|mese|\beom\b|"
    r"lieferung|delivery|livraison|levering|consegna|\bware|goods|leistung|ultimo|woche|week|semaine"
)
_CONDITION = re.compile(r"\bwenn\b|\bfalls\b|würde|\bif\b|\bwould\b|\bindien\b")
_DISCOUNT = re.compile(r"skonto|discount|escompte|rabais|korting|sconto|descuento|abzug")
_NO_DISCOUNT = re.compile(
    r"(?:ohne|kein|no|without|sans|pas d|zonder|geen|senza)\W+\w*\s?(?:abzug|skonto|discount|escompte)"
)
_PAYING = re.compile(
    r"zahlbar|zahlung|zahlen|fällig|faellig|netto|\bnet\b|ohne abzug|zahlungsziel|payable|payment|\bdue\b|\bpay\b|"
    r"überw|ueberw|\bkonto\b|eingezogen|abgebucht|lastschrift|debited|"
    r"paiement|payer|règlement|reglement|^\W*à [0-9]|betaling|betaal|betalen|binnen|pagamento|\bpago\b|förfall|forfald"
)
_AT_ONCE = re.compile(r"sofort|immediate|(?:up)?on receipt|à réception|comptant|per direct|bei erhalt|nach erhalt")
_DAYS = re.compile(
    r"(?<![0-9.,])([0-9]{1,3}) ?(?:kalender)?(?:tagen?|tage|days?|jours?|dagen|dag|dager|dagar|giorni|días|dias)\b"
)
_ONLY_DAYS = re.compile(rf"(?:\W|innerhalb|within|binnen|inom|von|of)*{_DAYS.pattern}\W*")
_NET_DAYS = re.compile(r"\bnet(?:to)? ([0-9]{1,3})(?![0-9.,%]| ?(?:%|eur|usd|chf))")
_SHORT = re.compile(
    r"\b([0-9]{1,2}(?:[.,][0-9]{1,2})?) ?%? ?/ ?([0-9]{1,3}),? (?:net|n) ?/?([0-9]{1,3})\b"
)  # 2/10 net 30
_PERCENT = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,4})?) ?(?:%|prozent|percent|per cent|pour ?cent|procent)")
_DAY_FIRST = re.compile(r"(?<![0-9.])([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})(?![0-9])")
_ISO = re.compile(r"(?<![0-9-])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9-])")
_DOUBT = "?"  # stands for a day that is not known
_PAID = re.compile(
    r"(?:bereits|schon) (?:beglichen|bezahlt)|already (?:been )?paid|paid in full|déjà (?:réglé|payé)|reeds betaald"
)


class Terms(msgspec.Struct, frozen=True):
    """What terms say. `due_on` is "" where they do not say it; `notes` tell what was taken from text, or was not."""

    due_on: str = ""
    discounts: tuple[Discount, ...] = ()
    notes: tuple[str, ...] = ()


def read_terms(
    texts: Iterable[str],
    issued_on: str,
    *,
    amounts: Iterable[Decimal] = (),
    due_on: str = "",
    discounts: Iterable[Discount] = (),
    notes: Iterable[str] = (),
) -> Terms:
    """Read free text and the structured lines in it.

    `issued_on` is the invoice date, `amounts` those a structured discount may be on, to be one of the whole invoice.
    `due_on` and `discounts` are what the file's fields say; they go before every text. `notes` are put first.
    """
    whole = "\n".join(texts)[:READ]
    structured, remarks = _structured(whole, issued_on, frozenset(amounts))
    discounts, notes = [*discounts, *structured], [*notes, *remarks]
    text = _INTEREST.sub("\n", _STRUCTURED.sub("\n", whole)).strip()
    if not text:
        return Terms(due_on, _sorted(discounts), tuple(notes))
    quoted = _quoted(text)
    dues, told = _clauses(text.casefold(), issued_on)
    if len({discount.until_on for discount in told}) == len(told) and not discounts:
        discounts += told
        notes += [f"Discount from the terms: {percent_of(one)} until {one.until_on}." for one in told]
    if _PAID.search(text.casefold()):
        notes.append(f"The terms say that it is paid already: {quoted}.")
    if not due_on and len(dues) == 1:
        due_on = dues.pop()
        notes.append(f"Due date from the terms: {quoted}.")
    elif not due_on:
        notes.append(f"The terms do not plainly say until when to pay: {quoted}.")
    return Terms(due_on, _sorted(discounts), tuple(notes))


def discount_of(percent: Decimal, until_on: str, issued_on: str) -> Discount | None:
    """Make a discount; None for one beyond 0 to 100 %, finer than 0.01 %, or over before it began."""
    points = percent * 100
    if points != points.to_integral_value() or not 0 < points < HUNDRED_PERCENT or not until_on >= issued_on:
        return None
    return Discount(int(points), until_on)


def instalments(days: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Of the days a file's fields name, take the last; several are noted."""
    several = sorted(set(days))
    if len(several) > 1:
        return several[-1], (f"Due in parts, on {', '.join(several)}; the last day is taken.",)
    return several[0] if several else "", ()


def percent_of(discount: Discount) -> str:
    """Say a discount's part: "2.5 %"."""
    return f"{(Decimal(discount.basis_points) / 100).normalize():f} %"


def _sorted(discounts: Iterable[Discount]) -> tuple[Discount, ...]:
    """Put discounts in the order of their days, each once."""
    return tuple(sorted(dict.fromkeys(discounts), key=lambda one: one.until_on))


def _structured(text: str, issued_on: str, amounts: frozenset[Decimal]) -> tuple[list[Discount], list[str]]:
    discounts: list[Discount] = []
    notes: list[str] = []
    for found in _STRUCTURED.finditer(text):
        discount = discount_of(Decimal(found[2]), day_after(issued_on, int(found[1])), issued_on)
        if found[3] and abs(Decimal(found[3])) not in amounts:
            notes.append(f"A discount of {found[2]} % on {found[3]} alone, not on the whole, is left out.")
        elif discount is None and Decimal(found[2]):
            notes.append(f"A discount of {found[2]} % is left out, as it is not in whole hundredths of a percent.")
        elif discount:
            discounts.append(discount)
    return discounts, notes


def _clauses(text: str, issued_on: str) -> tuple[set[str], list[Discount]]:
    """Find the days that clauses say it is due on, none where anything makes them doubtful; and the discounts."""
    short = _SHORT.search(text)
    if short:
        discount = discount_of(_decimal(short[1]), day_after(issued_on, int(short[2])), issued_on)
        return {day_after(issued_on, int(short[3]))} - {""}, [discount] if discount else []
    dues: set[str] = set()
    others: set[str] = set()
    discounts: list[Discount] = []
    sentences = [sentence for sentence in _SENTENCES.split(text) if not _CONDITION.search(sentence)]
    for clause in (clause for sentence in sentences for clause in _CLAUSES.split(sentence)):
        if _LEFT_ALONE.search(clause):
            continue
        days = _days(clause, issued_on)
        percents = _PERCENT.findall(clause)
        offers = bool(_DISCOUNT.search(clause)) and not _NO_DISCOUNT.search(clause)
        if percents and offers:
            whole = len(percents) == len(days) == 1
            discount = discount_of(_decimal(percents[0]), days.pop(), issued_on) if whole else None
            discounts += [discount] if discount else []
            others |= set() if whole else {_DOUBT}
        elif not percents and not offers and (_PAYING.search(clause) or _ONLY_DAYS.fullmatch(clause.strip())):
            dues |= days or ({issued_on} if _AT_ONCE.search(clause) else set())
        else:
            others |= days
    return set() if others - dues else {day for day in dues if day >= issued_on}, discounts


def _days(clause: str, issued_on: str) -> set[str]:
    """Find the days a clause names: dates, else numbers of days from the invoice date."""
    dates = [(int(y), int(m), int(d)) for d, m, y in _DAY_FIRST.findall(clause)]
    dates += [(int(y), int(m), int(d)) for y, m, d in _ISO.findall(clause)]
    if dates:
        try:
            return {date(*parts).isoformat() for parts in dates}
        except ValueError:
            return set()
    counts: list[str] = _DAYS.findall(clause) or _NET_DAYS.findall(clause)
    return {day_after(issued_on, int(count)) for count in counts} - {""}


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _quoted(text: str) -> str:
    plain = " ".join(text.split())
    return f'"{plain[:SHOWN]}{"..." if len(plain) > SHOWN else ""}"'
