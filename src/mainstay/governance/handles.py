"""What in a text leads its reader, or their money, somewhere else: links, addresses, accounts, numbers, code.

a link           https://x.example/a, //x.example, x.example/a, x.example; also one inside another's query
a mail address   x@y.example
an account       an IBAN however it is grouped, its check digits right
a number         eight digits and more, as of a telephone or an account, and no day, time or amount
code             what no reader can read: base64, hex, a wallet
"""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import category, normalize
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

LINK, MAIL, ACCOUNT, NUMBER, CODE = (
    "a link",
    "a mail address",
    "an account",
    "a long number",
    "text that nobody can read",
)
LONG_DIGITS = 8  # of the shortest number that may be a telephone's or an account's
_DOTS = str.maketrans("\u3002\uff61", "..")  # what a browser takes for a dot beside the usual one
_STOP = r"\s'\"<>)\],"
_FULL = re.compile(rf"(?:\b[a-z][a-z0-9+.-]{{1,20}}:)?[/\\]{{2}}[^{_STOP}]+", re.IGNORECASE)  # or as a page has it
_BARE = re.compile(rf"(?<![\w@.-])(?:[\w-]+\.)+[^\W\d_][\w-]+(?![\w-])(?:[:/?#\\][^{_STOP}]*)?")
# As people write an address that no program is to find. A run of spaces is begun once: a stranger can send any number.
_DRESSED = ("(", "[", "{", " dot ", " DOT ", " Dot ", " . ")
_AT = re.compile(
    r"(?<!\s)\s*[(\[{]\s*(?:at|@|ät|arobase|arroba)\s*[)\]}]\s*|(?<=\w) at (?=[\w-]+ dot \w)", re.IGNORECASE
)
_DOT = re.compile(
    r"(?<!\s)\s*[(\[{]\s*(?:dot|\.|punkt|point|punto)\s*[)\]}]\s*|(?<=\w) (?:dot|\.) (?=\w)", re.IGNORECASE
)
_NET = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}([^/\\?#]*)", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w-]+\.)+[\w-]+")
_MAIL = re.compile(r"[\w.+%&!~-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[\w-]+")  # of a longer one its end, which is as strange
_BEGINS_ACCOUNT = re.compile(r"(?<![^\W_])[A-Z]{2}[ .-]?\d{2}(?=[ .-]?[A-Z0-9])", re.IGNORECASE)
_IN_ACCOUNT = re.compile(r"[ .\-\u00a0]?([A-Z0-9])", re.IGNORECASE)
_SHORTEST_ACCOUNT, _LONGEST_ACCOUNT, _MOST_LETTERS = 15, 34, 12
_DAY = re.compile(
    r"\b\d{4}-\d{1,2}-\d{1,2}(?:[T ]+\d{1,2}(?::?\d\d){0,2}Z?)?|\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)\b"
    r"|\b\d{5}-\d{4}\b"  # of a post office
    r"|\b\d{1,3}(?:[.,' ]\d{3}){1,5}(?:[.,]\d{1,2})?(?!\d)(?=\s*(?:[€$£]|[A-Z]{3}\b|euro|dollar))"
)
_NUMBER = re.compile(r"(?<![\w.,#/-])\+?\(?\d(?:[ ()/.\u00a0-]{0,2}\d){7,}(?![\w])")
_TOKEN = re.compile(r"[A-Za-z0-9+=]{10,}")
_SWITCH = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_FLIP = re.compile(r"(?<=[a-z])(?=[A-Z])")
# A line that a mail program may take for one of its own.
_HEADER = re.compile(r"(?:^|[\r\n])[^\S\r\n]*(?:b?cc|reply-to|return-path)\s*:([^\r\n]*)", re.IGNORECASE)
_BREAKS = re.compile(r"[\r\n]\s*")
_FEW_LINES = 2  # a longer text is a mail's own, and may hold the head of another
_SWITCHES, _FLIPS, _FLIPPED_CHARS = 3, 3, 14
# Endings of files, which read like those of hosts where nothing else says that it is one.
_FILES = frozenset(
    "pdf txt csv doc docx xls xlsx odt ods odp ppt pptx png jpg jpeg gif svg webp md html htm json xml yaml yml zip gz "
    "tar py js ts css eml ics vcf log toml mp3 mp4 wav mov sql sh bin exe".split()
)
_SHORTEST_NAME = 2  # before the last dot: "e.g" is no host


class Handle(NamedTuple):
    """One of them: what it is, and how it is looked for."""

    kind: str
    says: str


def handles_in(text: str) -> Iterator[Handle]:
    """Give what leads somewhere else, or can't be read, in the order of the kinds."""
    rest, found = undressed(text), list[Handle]()

    def take(kind: str, match: re.Match[str]) -> str:
        """Keep what a match leads to; what it stood for is read no more."""
        says = [match[0]] if kind == MAIL else list(_hosts(match[0]))
        found.extend(Handle(kind, one) for one in says)
        return " " if says else match[0]

    for kind, pattern in ((LINK, _FULL), (MAIL, _MAIL), (LINK, _BARE)):
        rest = pattern.sub(partial(take, kind), rest)
    yield from found
    begins, left = 0, list[str]()
    for start, end in _accounts(rest):
        yield Handle(ACCOUNT, rest[start:end])
        left.append(rest[begins:start])
        begins = end
    rest = " ".join((*left, rest[begins:]))
    for number in _NUMBER.findall(_DAY.sub(" ", rest)):
        yield Handle(NUMBER, digits_of(number))
    for token in _TOKEN.findall(rest):
        if _is_code(token):
            yield Handle(CODE, token)


def addressed_in(text: str) -> list[str]:
    """Give the mail addresses of a line in a short text that reads as one of a mail's head: "Bcc: x@y.example"."""
    lines = _HEADER.findall(undressed(text)) if ":" in text and len(_BREAKS.findall(text)) <= _FEW_LINES else []
    return [mail for line in lines for mail in _MAIL.findall(line)]


def undressed(text: str) -> str:
    """Write addresses as they are meant: "eve (at) x dot example"; without what nobody sees, and a page's codes."""
    if not text.isascii():
        text = "".join(char for char in normalize("NFKC", text).translate(_DOTS) if category(char) != "Cf")
    if "&" in text:
        text = unescape(text)
    if not any(sign in text for sign in _DRESSED):
        return text
    return _DOT.sub(".", _AT.sub("@", text))


def long_numbers(text: str) -> set[str]:
    """Give the digits of all long numbers in a text, as they are compared: +49 30 12 is 0049 3012."""
    return {digits_of(number) for number in _NUMBER.findall(text)}


def digits_of(number: str) -> str:
    """Give the digits of a number without what is dialled before."""
    return re.sub(r"\D", "", number).lstrip("0")


def _hosts(link: str) -> Iterator[str]:
    """Give every host in a link: where it leads, and where it may lead on from there."""
    bare = unquote(unquote(link)).rstrip(".,;:!?")
    net = _NET.match(bare)
    if net is not None:
        place = net[1].rpartition("@")[2].partition(":")[0]
        if place:
            yield _named(place)
        bare = bare[net.end() :]
        for part in re.findall(r"[/\\]{2}([^/\\?#&]+)", bare):
            yield _named(part.rpartition("@")[2].partition(":")[0])
        return
    first = _HOST.match(bare)
    if first is None:
        return
    rest, name = bare[first.end() :], first[0]
    if rest[:1] in ("/", "?", "\\", "#", ":") or _is_host(name):
        yield _named(name)
        yield from (
            _named(part.rpartition("@")[2].partition(":")[0]) for part in re.findall(r"[/\\]{2}([^/\\?#&]+)", rest)
        )


def _named(host: str) -> str:
    return re.sub(r"^www\.", "", host, flags=re.IGNORECASE)


def _is_host(name: str) -> bool:
    """Whether a name with dots is one of a host, with nothing around it that says so: no file, no abbreviation."""
    *before, last = name.split(".")
    told = last.islower() or name.isupper()  # "Co.KG" is none
    return told and last.lower() not in _FILES and len(before[-1]) >= _SHORTEST_NAME


def accounts_in(text: str) -> list[str]:
    """Give the IBANs in a text, as they stand there."""
    return [text[start:end] for start, end in _accounts(text)]


def _accounts(text: str) -> Iterator[tuple[int, int]]:
    """Give where the IBANs in a text begin and end."""
    at = 0
    while (begins := _BEGINS_ACCOUNT.search(text, at)) is not None:
        end = _end_of_account(text, begins)
        if end:
            yield begins.start(), end
        at = end or begins.start() + 1


def _end_of_account(text: str, begins: re.Match[str]) -> int:
    """Give where the longest account ends whose check digits are right; 0 where none is."""
    bare, at, found = re.sub(r"[ .-]", "", begins[0]), begins.end(), 0
    while len(bare) < _LONGEST_ACCOUNT and (step := _IN_ACCOUNT.match(text, at)) is not None:
        bare, at = bare + step[1], step.end()
        if len(bare) >= _SHORTEST_ACCOUNT and not text[at : at + 1].isalnum() and _is_checked(bare.upper()):
            found = at
    return found


def _is_checked(account: str) -> bool:
    letters = sum(char.isalpha() for char in account)
    if letters > _MOST_LETTERS or not account.isascii():
        return False
    turned = account[4:] + account[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


def _is_code(token: str) -> bool:
    if token.endswith("=") or len(_SWITCH.findall(token)) >= _SWITCHES:
        return True
    return len(token) >= _FLIPPED_CHARS and len(_FLIP.findall(token)) >= _FLIPS
