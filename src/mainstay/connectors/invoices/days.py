"""Days that a clause of free text names, in English, German, French, Dutch, Spanish and Italian.

First a whole text is written evenly: every date as 2026-04-15, every length of time as "30 days". A date that lacks its
year, or may be read two ways, becomes one that can't be, so that nothing is concluded from its clause.
"""

from __future__ import annotations

import re
from datetime import date

from mainstay.connectors.invoices.forms import YEARS, day_after

UNKNOWN = "?"  # stands for a day that is named and not known
_UNCLEAR = " 0000-00-00 "
_MONTHS = (
    "january januar jänner januari janvier enero gennaio jan janv ene gen",
    "february februar februari février fevrier febrero febbraio feb fév févr",
    "march märz maerz maart mars marzo mar mär mrz mrt",
    "april avril abril aprile apr avr abr",
    "may mai mei mayo maggio",
    "june juni juin junio giugno jun",
    "july juli juillet julio luglio jul juil",
    "august augustus août aout agosto aug",
    "september septembre septiembre settembre sep sept",
    "october oktober octobre octubre ottobre oct okt ott",
    "november novembre noviembre nov",
    "december dezember décembre decembre diciembre dicembre dec dez déc dic",
)
_MONTH_OF = {name: str(month) for month, names in enumerate(_MONTHS, 1) for name in names.split()}
_NUMBERS = {
    1: "one ein eine einem einen einer eines un une een één uno una",
    2: "two zwei deux twee dos due",
    3: "three drei trois drie tres tre",
    4: "four vier quatre cuatro quattro",
    6: "six sechs zes seis sei",
    7: "seven sieben sept zeven siete sette",
    8: "eight acht huit ocho otto",
    10: "ten zehn dix tien diez dieci",
    14: "fourteen vierzehn quatorze veertien catorce quattordici",
    15: "fifteen fünfzehn quinze vijftien quince quindici",
    20: "twenty zwanzig vingt twintig veinte venti",
    30: "thirty dreissig trente dertig treinta trenta",
    60: "sixty sechzig soixante zestig sesenta sessanta",
}
_NUMBER_OF = {name: number for number, names in _NUMBERS.items() for name in names.split()}
_DAY = "tagen?|tag|days?|jours?|dagen|dag|dager|dagar|giorn[io]|d[ií]as?"
_WEEK = "wochen?|weeks?|semaines?|weken|settiman[ae]|semanas?"
_MONTH = "monaten?|monats?|months?|mois|maanden|maand|mes[ei]|mes|meses"


def _any(names: dict[str, str] | dict[str, int]) -> str:
    return "|".join(sorted(names, key=len, reverse=True))


_ORDINAL = r"(?:\.|st|nd|rd|th|er|º|°)?"
_SPELLED = re.compile(
    rf"(?<![0-9])([0-9]{{1,2}}){_ORDINAL}[ -]?(?:de |of )?({_any(_MONTH_OF)})\.?,?[ -](?:del? )?([0-9]{{4}})"
    r"(?![0-9])"
)
_MONTH_FIRST = re.compile(rf"\b({_any(_MONTH_OF)})\.? ([0-9]{{1,2}})(?:st|nd|rd|th)?,? ([0-9]{{4}})(?![0-9])")
_POINTED = re.compile(r"(?<![0-9.])([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4}|[0-9]{2})(?![0-9]|\.[0-9])")
_STROKED = re.compile(r"(?<![0-9/-])([0-9]{1,2})([/-])([0-9]{1,2})\2([0-9]{4})(?![0-9/-])")
_HALF = re.compile(
    rf"(?<![0-9.-])[0-9]{{1,2}}{_ORDINAL} ?(?:de |of )?(?:{_any(_MONTH_OF)})\b"
    rf"|\b(?:{_any(_MONTH_OF)})\.? [0-9]{{1,2}}\b"
    r"|(?<![0-9.])[0-9]{1,2}\.[0-9]{1,2}\.(?![0-9])|(?<![0-9/])[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}(?![0-9/])"
)
_SPAN = re.compile(
    rf"(?<![\w.,/-])([0-9]{{1,3}}|(?<=within )a|{_any(_NUMBER_OF)})(?: ?\([0-9]{{1,3}}\))?[ -]?"
    rf"(?:kalender|calendar )?(?:({_DAY})|({_WEEK})|({_MONTH}))\b"
)
_PERIOD = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} {0,3}(?:-|\u2013|bis|to|until|through|au|tot|t/m|al?|hasta) {0,3}(?:zum )?"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
)

COUNT = r"(?<![0-9.,/-])[0-9]{1,3} days\b"
_COUNT = re.compile(COUNT)
_NET_COUNT = re.compile(r"\bnet(?:to)?[ -]?([0-9]{1,3})(?![0-9.,%]| ?(?:%|eur|usd|chf))")
_BEFORE = 80  # characters before a date that say what it is
_DATE = re.compile(r"(?<![0-9-])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9-])")
# What stands before a date: until when to pay; the day of something else; a day to pay on, where nothing else is said.
_UNTIL = re.compile(
    r"\b(?:bis|by|until|before|latest|sp(?:ä|ae)testens|vor|jusqu.?au|avant|tot|uiterlijk|v[oó][oó]r|hasta|entro)"
    r"\W{0,3}(?:(?:spätestens|zum|am|den|dem|le|il|el|the|on|de)\W{1,3}){0,2}$"
)
_OF = re.compile(
    r"(?:\b(?:vom|dated|of|van|du|de|del|dal)|(?<!keits)(?<!verval)(?<!zahl)(?<!zahlungs)(?<!betaal)dat(?:um|a|e)|"
    r"\bdate d\W?(?:e )?\w{1,20})\W{0,3}$"
)
_DUE_DATE = re.compile(
    r"(?:due|payment|échéance|paiement|scadenza|pago|vencimiento) dat[ea]\W{0,3}$|d.échéance\W{0,3}$"
)
_COUNTED_FROM = re.compile(r"days (?:vom|ab|from|after|nach|du|van|vanaf|of|del|dal|desde)\W{0,3}$")
_ON = re.compile(
    r"(?:\b(?:am|au|on|le|el|il|op|zum|per|due|net|netto|zahlbar|payable|zahlungsziel|ziel|termin|scadenza|pago)|"
    r"fällig\w{0,6}|faellig\w{0,6}|zahlung|payment|datum|vervaldag|échéance)\W{0,3}$"
)


def evenly(text: str, issued_on: str) -> str:
    """Write dates and lengths of time in a casefolded text evenly; months and weeks count from the invoice date."""
    text = _SPELLED.sub(lambda found: _written(found[3], _MONTH_OF[found[2]], found[1]), text)
    text = _MONTH_FIRST.sub(lambda found: _written(found[3], _MONTH_OF[found[1]], found[2]), text)
    text = _POINTED.sub(lambda found: _written(found[3], found[2], found[1]), text)
    text = _STROKED.sub(lambda found: _either(found[4], found[1], found[3]), text)
    text = _PERIOD.sub(" ", _HALF.sub(_UNCLEAR, text))
    return _SPAN.sub(lambda found: _counted(found, issued_on), text)


def named(clause: str, issued_on: str) -> set[str]:
    """Find the days that a clause of an evenly written text names for paying: dates, else days after the invoice.

    Gives UNKNOWN among them where they can't be told.
    """
    counts: list[str] = _COUNT.findall(clause) or _NET_COUNT.findall(clause)
    counted = {day_after(issued_on, int(count.removesuffix(" days"))) or UNKNOWN for count in counts}
    dates: set[str] = set()
    for found in _DATE.finditer(clause):
        before, day = clause[max(0, found.start() - _BEFORE) : found.start()].rstrip(), _real(found)
        from_it = bool(_COUNTED_FROM.search(before))
        until = bool(_UNTIL.search(before)) or bool(_DUE_DATE.search(before))
        if not until and (day == issued_on or (_OF.search(before) and not from_it)):
            continue
        if until or day in counted or (not counted and _ON.search(before)):
            dates.add(day)
        else:
            return {UNKNOWN}
    return dates or counted


def _real(found: re.Match[str]) -> str:
    """Give a date that there is; another is unknown."""
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return UNKNOWN
    return day.isoformat() if day.year in YEARS else UNKNOWN


def _written(year: str, month: str, day: str) -> str:
    return f" {year.rjust(4, '0') if len(year) > 2 else '20' + year}-{month:0>2}-{day:0>2} "  # noqa: PLR2004 - digits


def _either(year: str, first: str, second: str) -> str:
    """Write a date whose day may come first or second, where only one can be."""
    ways = {(day, month) for day, month in ((first, second), (second, first)) if int(month) <= 12}  # noqa: PLR2004
    plain = {(int(day), int(month)) for day, month in ways}
    return _written(year, *map(str, reversed(plain.pop()))) if len(plain) == 1 else _UNCLEAR


def _counted(found: re.Match[str], issued_on: str) -> str:
    count = 1 if found[1] == "a" else _NUMBER_OF.get(found[1]) or int(found[1])
    if found[2] or found[3]:
        return f"{count * 7 if found[3] else count} days"
    until = day_after(issued_on, 0, count)
    return f"{(date.fromisoformat(until) - date.fromisoformat(issued_on)).days} days" if until else found[0]
