"""Which passwords are refused: too short, among the first that anybody tries, or little more than a name of yours.

Who guesses tries the most usual passwords first, and then the names that stand on one's letters, with a year or a
"!" behind. Both are taken out of a new one, and what is left has to be enough of its own (NIST SP 800-63B, 3.1.1.2).
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from mainstay.values import say_count

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.config import Config

LEAST, MOST = 10, 1000  # characters of a password
OWN = 6  # letters and digits that have to be left once what anybody tries first is taken out
DIFFERENT = 5  # characters
NAME_CHARS = 4  # a shorter word of a name stands in many others
BETTER = "Four words that have nothing to do with each other are good, and easy to keep in mind."
_ROWS = (  # of keyboards, and what is counted up
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1q2w3e4r5t6z7u8i9o0p",
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
)
_RUN = 4  # so many of a row one after the other count as one of those
_USUAL = (  # the stems of those that are found most often where passwords were stolen
    "abc admin administrator angel baseball batman bonjour changeme charlie chocolate computer daniel default donald "
    "dragon facebook football freedom geheim google hallo hello hockey iloveyou internet jennifer jessica jordan "
    "killer letmein linkedin login lovely loveme maggie mainstay master michael michelle monkey motdepasse mustang "
    "nicole ninja operator passwort password pokemon princess qwerty qwertz samsung secret shadow soccer starwars "
    "startrek sommer summer sunshine superman trustno welcome whatever willkommen winter zaq1"
).split()
_LEET = str.maketrans("0134578@$!", "oleastbasi")
_APART = re.compile(r"[\W_]+")


def check(word: str, own: Iterable[str] = ()) -> None:
    """Refuse a weak password; `own` are names of the company and its owner. Raises InputError that says why."""
    from mainstay.errors import InputError

    if why := why_weak(word, own):
        raise InputError(f"{why} Nothing was changed.", remedy=BETTER)


def why_weak(word: str, own: Iterable[str] = ()) -> str:
    """Say what makes a password weak; empty where nothing does."""
    if len(word) < LEAST:
        return f"The password has {say_count(len(word), 'character')}, and needs {LEAST} at least."
    if len(word) > MOST:
        return f"The password has {len(word)} characters, and may have {MOST}."
    plain, letters = _plain(word), _plain(word.casefold().translate(_LEET))
    if len(set(word.casefold())) < DIFFERENT or _is_repeated(plain):
        return "The password is a few characters over and over."
    names = [part for name in own for part in _parts(name)]
    if any(_is_little(one, _without(one, names)) for one in (plain, letters)):
        return "The password is little more than a name of yours or of your company's."
    usual = [*names, *_USUAL]
    if any(_is_little(one, _without_rows(_without(one, usual))) for one in (plain, letters)):
        return "The password is among those that are tried first: a usual word, or keys that lie side by side."
    return ""


def own_words(config: Config) -> list[str]:
    """Give the names that stand on the company's letters: its own, its mail addresses, who is logged in here."""
    import getpass
    from contextlib import suppress

    found = [config.company.name, config.invoices.seller, config.mail.sender, config.mail.reply_to, config.notify.mail]
    with suppress(OSError, KeyError):  # a user without a name
        found.append(getpass.getuser())
    return found


def _plain(text: str) -> str:
    """Give the letters and digits of a text, without case and accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if one.isalnum())


def _parts(name: str) -> list[str]:
    """Give a name as one word, and each of its words that is long enough."""
    words = [_plain(one) for one in _APART.split(name)]
    return [one for one in [_plain(name), *words] if len(one) >= NAME_CHARS]


def _is_little(whole: str, left: str) -> bool:
    """Whether too little is left of what something was taken out of; years and other digits at the ends don't count."""
    return left != whole and len(left.strip("0123456789")) < OWN


def _without(word: str, known: Iterable[str]) -> str:
    for one in sorted(known, key=len, reverse=True):
        word = word.replace(one, "")
    return word


def _without_rows(word: str) -> str:
    """Take out what lies side by side on a keyboard or is counted up, in either direction."""
    rows = [one for row in _ROWS for one in (row, row[::-1])]
    at, left = 0, ""
    while at < len(word):
        run = max(_shared(word[at:], row) for row in rows)
        left, at = (left, at + run) if run >= _RUN else (left + word[at], at + 1)
    return left


def _shared(word: str, row: str) -> int:
    """Say how many characters at the beginning of a word follow each other in a row."""
    count = 0
    while count < len(word) and word[: count + 1] in row:
        count += 1
    return count


def _is_repeated(word: str) -> bool:
    """Whether it is one short piece over and over."""
    period = (word + word).find(word, 1)
    return 0 < period < min(LEAST, len(word))
