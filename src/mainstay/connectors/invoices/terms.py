"""Terms of payment: until when an invoice is due, what may be taken off for paying early, and whether it is paid.

Fields of the file come first. Free text is read clause by clause, and only where it is unmistakable: a clause with one
number of days or one date and a word of paying is the due date, one with a percentage and a word of discount is a
discount. Working days, ends of months, days after a delivery and two clauses that differ are left alone, and noted.
Days count from the invoice date; a date until which to pay goes before its days.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.invoices.days import COUNT, UNKNOWN, evenly, named
from mainstay.connectors.invoices.forms import day_after
from mainstay.records import Discount

if TYPE_CHECKING:
    from collections.abc import Iterable

HUNDRED_PERCENT = 10_000  # basis points
READ = 5_000  # characters of terms; what is longer is a contract
SHOWN = 160  # characters of terms in a note
PART = "A discount for early payment that is not a part of the whole amount, or not plain, is left out."
_UNITS = {"": (1, 0), "DAY": (1, 0), "D": (1, 0), "WEE": (7, 0), "MON": (0, 1)}  # days and months

# German authorities' structured lines: #SKONTO#TAGE=14#PROZENT=2.00#, with #BASISBETRAG=... where it is on a part.
_STRUCTURED = re.compile(
    r"#SKONTO#TAGE=([0-9]{1,3})#PROZENT=([0-9]{1,2}(?:\.[0-9]{1,4})?)#(?:BASISBETRAG=(-?[0-9]{1,15}(?:\.[0-9]{1,4})?)#)?"
)
_INTEREST = re.compile(r"#VERZUG#[^\n]*?#(?=\s|$)")
_SENTENCES = re.compile(r"[\n;]|(?<!\babzgl)(?<!\bzzgl)(?<!\binkl)(?<!\bexkl)(?<!\bnr)(?<!\bca)(?<!\bst)\.(?=\s|$)")
_CLAUSES = re.compile(
    r",(?=\s|$)|\s(?:oder|or|ou|sonst|ansonsten|otherwise|bzw\.?|und|and|et|en)(?=\s)|"
    rf"\s(?={COUNT}\W{{1,3}}(?:rein )?(?:net|netto|ohne abzug)\b)"  # "10 days 2 % Skonto 30 days netto"
)
_LATE = (
    r"verzug|mahn|zinsen|interest|\blate\b|overdue|penalt|p.nalit|retard|indemnit|\brente\b|boete|\bmora\b|interessi"
)
_DELIVERY = r"liefer|delivery|delivered|livraison|levering|consegna|\bware|goods|leistung|abnahme|acceptance|completion"
# Clauses on something else: being late, days counted from another day.
_LEFT_ALONE = re.compile(
    rf"{_LATE}|{_DELIVERY}|werktag|arbeitstag|banktag|geschäftstag|working|business|ouvr|werkdag|monat|month|mois|maand|"
    r"mese\b|\bmes\b|woche|week|semaine"
)
# Sentences whose days count from another day, whatever their clauses say.
_COUNTED_OTHERWISE = re.compile(
    rf"\b(?:ab|nach|bei|after|from|following|upon|on|dès|na|dopo)\s(?:\w{{1,20}}\s){{0,3}}\w{{0,20}}(?:{_DELIVERY})|"
    r"\beom\b|\bmfi\b|\bprox\b|ultimo|(?:monats|quartals|jahres)ende|folgemonat|ende des|end of|fin d[eu]|einde|"
    r"fine mese|fin de mes|next month|nächsten monat|volgende"
)
_CONDITION = re.compile(r"\bwenn\b|\bfalls\b|\bsollte|\bsofern\b|würde|\bif\b|\bunless\b|\bwould\b|\bindien\b")
_DISCOUNT = re.compile(r"skonto|discount|escompte|rabais|korting|sconto|descuento|abzug")
_EARLY = re.compile(
    r"skonto|escompte|korting voor contant|betalingskorting|pronto pago"
)  # for nothing but paying early
_PART = re.compile(
    r"(?:auf|on|sur|op|van|of|vom)\W{1,3}(?:(?:den|die|das|dem|the|le|la|het|de)\W{1,3})?(?:reinen )?"
    r"(?:netto?\w{0,20}|waren\w{0,20}|material\w{0,20}|lohn\w{0,20}|arbeits\w{0,20}|montant ht|goods|amount excluding)|"
    r"(?:ohne|exkl\w{0,8}\.?|zzgl\.?|excl\w{0,8}\.?|without) (?:mwst|ust|umsatzsteuer|mehrwertsteuer|vat|tax|btw)|"
    r"\bhors tax|\bht\b"
)
_NO_DISCOUNT = re.compile(
    r"(?:ohne|kein|no|without|sans|pas d|zonder|geen|senza)\W+\w*\s?(?:abzug|skonto|discount|escompte)"
)
_PAYING = re.compile(
    r"zahlbar|zahlung|zahlen|fällig|faellig|netto|\bnet\b|ohne abzug|zahlungsziel|payable|payment|\bpaid\b|\bdue\b|"
    r"\bpay\b|überw|ueberw|\bkonto\b|begleich|eingezogen|abgebucht|lastschrift|debited|\bnet[0-9]|"
    r"paiement|payer|règlement|reglement|^\W*à [0-9]|betaling|betaal|betalen|binnen|pagamento|\bpago\b|förfall|forfald|"
    r"voldoen|échéance|vervaldat|vervaldag|scadenza|vencimiento"
)
_AT_ONCE = re.compile(
    r"sofort|umgehend|immediate|(?:up)?on receipt|at sight|à vue|à réception|comptant|per direct|bei erhalt|nach erhalt"
)
_SMALL = r"within|innerhalb|binnen|inom|von|of|in|by|until|bis|if|early|zum|a|an|le|les|de|sous|pour|for"
_ONLY_DAYS = re.compile(rf"(?:\W|innerhalb|within|binnen|inom|von|of)*{COUNT}\W*")
_SHORT = re.compile(
    r"\b([0-9]{1,2}(?:[.,][0-9]{1,2})?) ?%? ?/ ?([0-9]{1,3}),? (?:net|n) ?/?([0-9]{1,3})\b"
)  # 2/10 net 30
_PERCENT = re.compile(r"([0-9]{1,2}(?:[.,][0-9]{1,4})?) ?(?:%|prozent|percent|per cent|pour ?cent|procent)")
# What an offer consists of; a clause of nothing else is one: "2 % discount within 10 days".
_OF_OFFER = re.compile(
    rf"{_PERCENT.pattern}|{COUNT}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|{_DISCOUNT.pattern}|\b(?:{_SMALL})\b|[^\w%]"
)
_PAID = re.compile(
    r"(?:bereits|schon) (?:\w{1,15} )?(?:beglichen|bezahlt|gezahlt|überwiesen|abgebucht|eingezogen)\b|"
    r"dankend erhalten|(?:betrag|zahlung) (?:\w{1,15} )?erhalten|"
    r"(?<!zu )\bbezahlt (?:am|per|mit|via|durch|über|in bar)\b|\bbar bezahlt|^\W*bezahlt\W*$|"
    r"\b(?:wurde|wurden|ist)\b[^\n]{0,100}\b(?:abgebucht|eingezogen|bezahlt|beglichen|belastet)\b|"
    r"already (?:been )?(?:paid|debited|charged|settled)|(?<!be )\bpaid in full|(?<!be )\bpaid (?:by|via|with|using) "
    r"(?:paypal|stripe|card|credit|debit|visa|master|cash|apple|google)|(?<!be )\bpaid on [0-9]|"
    r"(?:payment|amount) (?:has been |was )?received|(?:has been|was|were) (?:paid|debited|charged)|^\W*paid\W*$|"
    r"déjà (?:été )?(?:réglé|payé|acquitt)|facture acquittée|(?:réglée?|payée?) (?:par|le|via)\b|"
    r"(?:reeds|al) (?:betaald|voldaan)|(?:betaald|voldaan) (?:per|via|met|op)\b|già pagat|già saldat|ya pagad"
)
_COLLECTED = re.compile(
    r"lastschrift|eingezogen|einziehen|einzug\b|abgebucht|abbuch|direct debit|(?:be|automatically) debited|prélèvement|"
    r"prélev|automatische incasso|via incasso|domiciliation|domiciliad|addebit|adeudo|verrechnet|"
    r"(?:zahlungsart|zahlungsweise|payment method|paid with)\W{1,3}(?:paypal|kreditkarte|credit card|card|bar\b|cash)"
)


class Terms(msgspec.Struct, frozen=True):
    """What terms say. `due_on` is "" where they do not say it; `notes` tell what was taken from text, or was not.

    `maybe_paid` is why it may be paid already or is collected, "" where they say nothing of it.
    """

    due_on: str = ""
    discounts: tuple[Discount, ...] = ()
    notes: tuple[str, ...] = ()
    maybe_paid: str = ""


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
    said = _clauses(evenly(text.casefold(), issued_on), issued_on)
    told = said.discounts
    if len({discount.until_on for discount in told}) == len(told) and not discounts:
        discounts += told
        notes += [f"Discount from the terms: {percent_of(one)} until {one.until_on}." for one in told]
    notes += [f"A discount is left out, as it is not on the whole amount: {quoted}."] if said.parts else []
    maybe_paid = ""
    if said.paid or said.collected:
        maybe_paid = f"The terms say that it is {'paid already' if said.paid else 'collected'}: {quoted}."
        notes.append(maybe_paid)
    if not due_on and len(said.dues) == 1:
        due_on = said.dues.pop()
        notes.append(f"Due date from the terms: {quoted}.")
    elif not due_on:
        notes.append(f"The terms do not plainly say until when to pay: {quoted}.")
    return Terms(due_on, _sorted(discounts), tuple(notes), maybe_paid)


def discount_of(percent: Decimal, until_on: str, issued_on: str) -> Discount | None:
    """Make a discount; None for one beyond 0 to 100 %, finer than 0.01 %, or over before it began."""
    points = percent * 100
    if points != points.to_integral_value() or not 0 < points < HUNDRED_PERCENT or not until_on >= issued_on:
        return None
    return Discount(int(points), until_on)


def day_in(day: str, count: Decimal, unit: str) -> str:
    """Add a length of time with its unit (UN/ECE Rec 20; days where it names none); "" for a unit not known here."""
    steps = int(count) if count == count.to_integral_value() and count >= 0 else None
    if steps is None or unit not in _UNITS:
        return ""
    days, months = _UNITS[unit]
    return day_after(day, days * steps, months * steps)


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


class _Said(msgspec.Struct):
    """What clauses say."""

    dues: set[str] = msgspec.field(default_factory=set[str])
    others: set[str] = msgspec.field(default_factory=set[str])  # days of which it is not plain what they are
    discounts: list[Discount] = msgspec.field(default_factory=list[Discount])
    parts: bool = False  # a discount is on a part
    paid: bool = False
    collected: bool = False


def _clauses(text: str, issued_on: str) -> _Said:
    """Gather what clauses say; no due day where anything makes it doubtful."""
    said = _Said()
    for sentence in _SENTENCES.split(text):
        if _CONDITION.search(sentence):
            continue
        if _PAID.search(sentence):
            said.paid = True
            continue
        short = _SHORT.search(sentence)
        if _COUNTED_OTHERWISE.search(sentence) or (short and _LEFT_ALONE.search(sentence)):
            continue
        if short:
            discount = discount_of(_decimal(short[1]), day_after(issued_on, int(short[2])), issued_on)
            said.discounts += [discount] if discount else []
            said.dues.add(day_after(issued_on, int(short[3])) or UNKNOWN)
            continue
        for clause in _CLAUSES.split(sentence):
            if not _LEFT_ALONE.search(clause):
                _clause(clause, issued_on, said)
    plain = not said.others - said.dues and UNKNOWN not in said.dues
    said.dues = {day for day in said.dues if day >= issued_on} if plain else set()
    return said


def _clause(clause: str, issued_on: str, said: _Said) -> None:
    """Add what one clause says."""
    days = named(clause, issued_on)
    percents = _PERCENT.findall(clause)
    offers = bool(_DISCOUNT.search(clause)) and not _NO_DISCOUNT.search(clause)
    said.collected = said.collected or (not percents and bool(_COLLECTED.search(clause)))
    if percents and offers and not (_EARLY.search(clause) or _PAYING.search(clause) or not _OF_OFFER.sub("", clause)):
        return  # on something else, such as the next order
    if percents and offers and _PART.search(clause):
        said.parts = True
    elif percents and offers:
        whole = len(percents) == len(days) == 1 and UNKNOWN not in days
        discount = discount_of(_decimal(percents[0]), days.pop(), issued_on) if whole else None
        said.discounts += [discount] if discount else []
        said.others |= set() if whole else {UNKNOWN}
    elif not percents and not offers and (_PAYING.search(clause) or _ONLY_DAYS.fullmatch(clause.strip())):
        said.dues |= days or ({issued_on} if _AT_ONCE.search(clause) else set())
    elif not percents and not days and _AT_ONCE.fullmatch(clause.strip(" :.!")):
        said.dues.add(issued_on)
    else:
        said.others |= days


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _quoted(text: str) -> str:
    plain = " ".join(text.split())
    return f'"{plain[:SHOWN]}{"..." if len(plain) > SHOWN else ""}"'
