"""Arguments that have no role: whether the operator's words speak of what an agent put there (docs/flow.md).

Who declares an operation forgets some: whom it is shared with, how often it repeats, what rights come along. So what an
agent chose decides there too, unless it reads like a text for people. What has to be said goes by what it looks like:

    a text                    called so ("subject", "note"), or of many words: what goes out in it is judged elsewhere
    a day                     is none but those that they say by number; where they say none, and times, are left
    an address, link, account the operator's words name it, or the genuine record that it stands in
    a number                  their words say it; where they say none that could be one, a few are left
    a switch                  their words speak of it by its name
    anything short            their words speak of every word of it, or it is what they name

What gives least, or stands there if nobody says anything, decides nothing.

Where it can be taken back, gives nobody anything, and they spoke of what a stranger wrote, only what widens has to be
said, and no other number or name than theirs: then it takes down what a stranger says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, cast, get_args, get_origin
from unicodedata import normalize

import msgspec

from mainstay.contracts import is_money
from mainstay.governance.handles import CODE, handles_in
from mainstay.governance.office import folded
from mainstay.governance.spoken import is_wide, says_word, speaks_of
from mainstay.governance.sums import CURRENCIES, counts_in, currencies_in, days_in, sums_in
from mainstay.origins import joined, numbers_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mainstay.values import Value

# What arguments are called that hold a text for people.
_TEXTS = frozenset(
    "subject title headline heading caption text body message content contents description summary note notes comment "
    "comments remark remarks reason purpose memo reply answer question html markdown alt words greeting details "
    "betreff titel ueberschrift nachricht inhalt beschreibung notiz bemerkung zweck verwendungszweck grund "
    "objet titre texte corps contenu motif commentaire asunto titulo texto cuerpo contenido mensaje descripcion motivo "
    "oggetto titolo testo corpo messaggio contenuto descrizione causale tytul temat opis tresc wiadomosc".split()
)
_PLACES = frozenset("location place venue ort lieu lugar luogo miejsce".split())  # of a meeting; no "ship_place"
_WAYS = frozenset("line lines html plain rich md template part en de fr es it pl".split())  # "subject_line"
# A name that ends so says whom, what or how, however long its value is.
_NO_TEXT = frozenset(
    "to cc bcc by id ids address addresses mail mails email emails url urls link links number account accounts who "
    "whom recipient recipients receiver receivers audience visibility scope channel channels owner owners member "
    "members user users group groups team teams guest guests participant participants attendee attendees people "
    "person contact contacts list lists names share shares sharing shared access role roles permission permissions "
    "right rights level mode policy target targets destination destinations forward webhook callback host domain with "
    "for notify invite".split()
)
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# What gives least, or only says how something is written.
_LEAST = frozenset(
    "private internal draft r ro read view viewer reader readonly low normal medium default standard plain text html "
    "json csv pdf file utf-8 en de fr es it pl nl".split()
)
# Names that only say what an address is, and not what it is for.
_KINDS = frozenset(
    "email mail phone telephone tel telefon mobile handy fax url website web site link homepage iban account bank "
    "konto contact handle username".split()
)
# Fields of records everywhere, which name nobody and give nothing by themselves.
_FIELDS = (
    _KINDS
    | _TEXTS
    | frozenset("id name role type kind value amount quantity qty count number unit price currency date time".split())
)
_EMPTY = frozenset("a an the of to in on at for by with and or re der die das und le la les et el los il".split())
_WHEN = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d?(?::?\d\d){0,2}(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?|\d\d?:\d\d(?::\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-(\d\d)")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,']\d{3})*(?:[.,]\d+)?")
_TOKEN = re.compile(r"[^\W_]+")
_QUOTED = re.compile(
    r"(?:^|(?<=[\s:(]))[\"'\u2018\u201c\u201e\u00ab]([^\"\u2019\u201c\u201d\u00bb\n]{8,400}?)[\"'\u2019\u201c\u201d\u00bb](?!\w)"
)
_POLITE = frozenset(
    "hello hi dear kind best warm regards wishes thanks thank you sincerely yours greetings hallo liebe lieber viele "
    "gruesse grüße freundlichen mit bonjour cordialement bien hola saludos cordiales ciao saluti".split()
)
_SENTENCE = 3  # words
_MOST_WORDS = 12  # of what is no text
_FEW = 10
_NAMED = re.compile(r"[^\W\d_a-z][^\W\d_]+(?: [^\W\d_a-z][^\W\d_]+){0,2}")
_WHOLE_NAME = re.compile(r"\b[^\W\d_a-z][^\W\d_A-Z]{2,} [^\W\d_a-z][^\W\d_A-Z]{2,}\b")


def is_text(path: str, value: Value) -> bool:
    """Whether an argument holds a text for people, by its name or its length.

    What counts of a name is its end: a "message_channel" is no text, and a "channel_message" is one.
    """
    words = _words_of(path)
    ways = len(words) > 1 and words[0] in _TEXTS and _WAYS.issuperset(words[1:])
    if ways or not _TEXTS.isdisjoint(words[-1:]) or (words and _PLACES.issuperset(words)):
        return True
    return _NO_TEXT.isdisjoint(words[-1:]) and len(str(value).split()) > _MOST_WORDS


def says_more(words: str, value: Value) -> bool:
    """Whether a text holds what words set between quotes, and a sentence beside it that they do not say."""
    text = " ".join(_TOKEN.findall(str(value).casefold()))
    held = next((quote for quote in _quotes(words) if quote in text), "")
    if not held:
        return False
    said = frozenset(_TOKEN.findall(words.casefold()))
    return sum(word not in said and word not in _POLITE for word in text.replace(held, " ").split()) >= _SENTENCE


@lru_cache(maxsize=64)
def _quotes(words: str) -> tuple[str, ...]:
    """Give the sentences that words set between quotes."""
    quotes = (" ".join(_TOKEN.findall(quote.casefold())) for quote in _QUOTED.findall(words))
    return tuple(quote for quote in quotes if quote.count(" ") >= _SENTENCE - 1)


def is_day(value: Value) -> bool:
    """Whether it is a day or a time."""
    return _WHEN.fullmatch(str(value).strip()) is not None


def is_other_day(words: str, value: Value) -> bool:
    """Whether a day is none of those that words say by their numbers; what they say in other words is left."""
    days = days_in(words)
    day = _DAY.match(str(value).strip())
    return bool(days) and day is not None and int(day[1]) not in days


def decides_nothing(input_type: object, path: str, value: Value) -> bool:
    """Whether it gives least, or is what stands there if nobody says anything."""
    text = str(value).strip()
    return not text or text.lower() in _LEAST or _default(input_type, path) == value


def leads_to(value: Value) -> list[str]:
    """Give the addresses, links, accounts and long numbers in a value."""
    return [one.says for one in handles_in(value) if one.kind != CODE] if isinstance(value, str) else []


def says_kind(path: str) -> bool:
    """Whether an argument's name only says what stands there, as "email" does; "notify" says what it is for."""
    return not _KINDS.isdisjoint(_words_of(path)[-1:])


def is_name(value: Value) -> bool:
    """Whether it reads like the name of somebody."""
    return _NAMED.fullmatch(str(value).strip()) is not None


def passes_over(words: str, texts: Iterable[str]) -> bool:
    """Whether words hold somebody's whole name that none of some texts hold."""
    held = "\n".join(texts).casefold()
    return any(name.casefold() not in held for name in _WHOLE_NAME.findall(words))


def is_number(value: Value) -> bool:
    """Whether it is nothing but a number."""
    return isinstance(value, (int, float)) or _NUMBER.fullmatch(str(value).strip()) is not None


def is_counted(words: str, value: Value, *, lenient: bool) -> bool:
    """Whether words say a number; where they say none that could be one, a few are, and any if `lenient`."""
    if _is_negative(str(value)):
        return False
    numbers = numbers_in(value, str(value))
    if numbers and numbers <= counts_in(words):
        return True
    if sums_in(words):
        return False
    return lenient or all(one == int(one) and 0 < one <= _FEW for one in numbers)


def is_spoken(words: str, value: Value, *, lenient: bool) -> bool:
    """Whether words speak of every word of a value; if `lenient`, of all that widens."""
    text = folded(str(value).strip())
    if text in CURRENCIES:
        return not currencies_in(words) or currencies_in(text) <= currencies_in(words)
    tokens = [token for token in dict.fromkeys(_TOKEN.findall(text)) if token not in _EMPTY]
    if _is_negative(text):
        return False
    if not tokens:  # "*" and "/" are all there is
        return speaks_of(words, "all")
    if lenient:
        return all(speaks_of(words, token) for token in tokens if is_wide(token))
    return all(_is_token_spoken(words, token) for token in tokens)


def _is_negative(text: str) -> bool:
    """Whether it begins as a number below zero, which no count of anything is."""
    return re.match(r"\s*[-\u2010-\u2015\u2212]\s*\d", text) is not None


def _is_token_spoken(words: str, token: str) -> bool:
    if token.isdigit():
        return float(token) in counts_in(words)
    return speaks_of(words, token) if token.isalpha() else says_word(words, token)


def keys_of(types: Iterable[object], value: Value, path: str = "") -> Iterator[tuple[str, str]]:
    """Give the keys in the arguments that are data and no names of fields, each with the place of what it stands in.

    `types` are what may stand there. Below the arguments' own names a key is a field's only where a type says so,
    or where all records have one of that name.
    """
    if isinstance(value, dict) and not is_money(value):
        fields, others = _shape(types)
        for name, inner in cast("dict[str, Value]", value).items():
            if path and name not in fields and name.lower() not in _FIELDS:
                yield path, name
            yield from keys_of((fields[name],) if name in fields else others, inner, joined(path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(cast("list[Value]", value)):
            yield from keys_of(types, inner, joined(path, str(at)))


def _shape(types: Iterable[object]) -> tuple[dict[str, object], list[object]]:
    """Give the fields that some types have, by their names, and what stands behind the keys of a mapping there."""
    fields, others = dict[str, object](), list[object]()
    for of in types:
        if isinstance(of, type) and issubclass(of, msgspec.Struct):
            fields |= {name: one.type for one in msgspec.structs.fields(of) for name in (one.name, one.encode_name)}
        elif get_origin(of) in (dict, Mapping):
            others += get_args(of)[1:]
        else:
            inner = _shape(get_args(of))
            fields, others = fields | inner[0], others + inner[1]
    return fields, others


# --- switches


def switches(input_type: object, value: Value, path: str = "") -> Iterator[str]:
    """Give the switches of the arguments that are not as they are if nobody says anything, each by its place."""
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Value]", value).items():
            yield from switches(input_type, inner, joined(path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(cast("list[Value]", value)):
            yield from switches(input_type, inner, joined(path, str(at)))
    elif isinstance(value, bool) and value is not (_default(input_type, path) is True):
        yield path


def is_switch_spoken(words: str, path: str) -> bool:
    """Whether words speak of a switch by its name."""
    parts = [part for part in _words_of(path) if part not in _EMPTY and part not in ("is", "has", "are")]
    return all(speaks_of(words, part) for part in parts)


def _words_of(path: str) -> list[str]:
    """Give the words of an argument's name, of the last part of its place."""
    name = next((part for part in reversed(path.split(".")) if not part.isdigit()), "")
    return [part.lower() for part in _NAME_PART.findall(folded_name(name))]


def folded_name(name: str) -> str:
    """Write a name without accents, where it has any, with a line where each of its words begins."""
    return name if name.isascii() else folded("".join(_lined(normalize("NFC", name))))


def _lined(name: str) -> Iterator[str]:
    for at, char in enumerate(name):
        before, behind = name[max(0, at - 1) : at], name[at + 1 : at + 2]
        begins = char.isupper() and (before.islower() or (before.isupper() and behind.islower()))
        yield f"_{char}" if begins else char


def _default(of: object, path: str) -> object:
    """Give what stands at a place of the input if nobody says anything; None where nothing is known of it."""
    found: object = None
    for part in path.split("."):
        structs = [one for one in (of, *_inner(of)) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        if part.isdigit() or not structs:
            continue
        field = next((one for one in msgspec.structs.fields(structs[0]) if one.name == part), None)
        if field is None:
            return None
        of, found = field.type, field.default
    return None if found is msgspec.NODEFAULT else found


def _inner(of: object) -> Iterator[object]:
    """Give what a type is made of: the struct of a list, of one that may be missing."""
    for one in get_args(of):
        yield one
        yield from _inner(one)
