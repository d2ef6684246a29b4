"""Who is logged in: sessions on the server, of which a browser has nothing but a random id (SECURITY S17 to S19).

Kept in `.mainstay/console.sessions` (0600), so that a restart logs nobody out: of each id its digest only, so that
nobody who has a copy of the file can use one. A session ends a week after it was last used, a month after it began,
and at once where somebody logs out. A new one begins at every log-in, whatever the browser had before. Those that
ended are kept for a while, so that the page that asks to log in can say why.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from mainstay.errors import MainstayError
from mainstay.ledger.disk import replace
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "console.sessions"
IDLE_US = 7 * DAY_S * SECOND_US
LONGEST_US = 30 * DAY_S * SECOND_US
NOTED_US = 3600 * SECOND_US  # how exactly it is kept when one was last used
FRESH_US = 15 * 60 * SECOND_US  # after a link of the terminal, a new password needs no old one
MOST = 50  # the one that was not used for longest gives way
BROWSER_CHARS = 120
_ID_BYTES = 32

How: TypeAlias = Literal["link", "password", "passkey"]
Over: TypeAlias = Literal["here", "elsewhere", "password"]
_OVER = {
    "here": "You logged out here.",
    "elsewhere": "You were logged out from another browser.",
    "password": "You were logged out, because the password was changed in another browser.",
}
_IDLE = f"You were logged out, because this browser was not used for {IDLE_US // SECOND_US // DAY_S} days."
_LONGEST = f"You were logged out, because you logged in more than {LONGEST_US // SECOND_US // DAY_S} days ago."
_UNKNOWN = "You were logged out: what this browser shows is not known here any more."


class Session(msgspec.Struct, omit_defaults=True):
    """One browser that is logged in, as it is kept."""

    digest: str  # of its id
    begun_us: int
    used_us: int
    how: How
    browser: str = ""  # what it calls itself
    over: Over | None = None  # who ended it before its time

    def counts(self, now_us: int) -> bool:
        """Whether it lets anybody in."""
        return self.over is None and now_us < min(self.used_us + IDLE_US, self.begun_us + LONGEST_US)

    def is_fresh(self, now_us: int) -> bool:
        """Whether whoever has it was at the terminal just now."""
        return self.how == "link" and self.begun_us <= now_us < self.begun_us + FRESH_US

    def end(self, over: Over) -> None:
        """Let it count no more; nor before a version of Mainstay that knows nothing of `over`."""
        self.over, self.used_us = over, 0


class Known(NamedTuple):
    """A request of somebody who is logged in."""

    session: Session
    csrf: str  # stands in every form of this session's pages; made of the id, which no page ever holds


class Sessions:
    """All sessions of one workspace's console; one process has them, the owner."""

    def __init__(self, folder: Path, now_us: Callable[[], int]) -> None:
        """Go on with those that were kept in a `.mainstay` folder; a file that can't be read logs everybody out."""
        self._path, self._now_us = folder / NAME, now_us
        self._all = {one.digest: one for one in _read(self._path)}
        self._said: dict[str, tuple[str, str]] = {}

    def begin(self, how: How, browser: str, before: str = "") -> str:
        """Give the id of a new session; the one that this browser had before ends. On disk when this returns."""
        now_us, new = self._now_us(), secrets.token_urlsafe(_ID_BYTES)
        self._all.pop(_digest(before), None)
        self._all[_digest(new)] = Session(_digest(new), now_us, now_us, how, browser[:BROWSER_CHARS])
        self._keep()
        return new

    def find(self, shown: str) -> Known | None:
        """Give the session of an id that somebody shows, if it counts; this is a use of it."""
        found, now_us = self._all.get(_digest(shown)), self._now_us()
        if found is None or not found.counts(now_us):
            return None
        if now_us - found.used_us > NOTED_US:
            found.used_us = now_us
            with suppress(OSError, MainstayError):  # a full disk keeps nobody from looking
                self._keep()
        return Known(found, hmac.digest(shown.encode(), b"forms", "sha256").hex())

    def why_over(self, shown: str) -> str:
        """Say why an id that somebody shows lets nobody in."""
        found = self._all.get(_digest(shown))
        if found is None:
            return _UNKNOWN
        if found.over is not None:
            return _OVER[found.over]
        return _LONGEST if found.begun_us + LONGEST_US < found.used_us + IDLE_US else _IDLE  # what came first

    def end(self, digest: str, over: Over) -> None:
        """Let one count no more. On disk when this returns."""
        if (found := self._all.get(digest)) is not None:
            found.end(over)
        self._said.pop(digest, None)
        self._keep()

    def end_others(self, digest: str, over: Over) -> None:
        """Let all but one count no more. On disk when this returns."""
        for one in self.all():
            if one.digest != digest:
                one.end(over)
        self._keep()

    def all(self) -> list[Session]:
        """List those that count, the last used first."""
        now_us = self._now_us()
        return sorted((one for one in self._all.values() if one.counts(now_us)), key=lambda one: -one.used_us)

    def say(self, known: Known, sentence: str, leads: str = "") -> None:
        """Keep a sentence for the next page of this session, and the plan that it leads to."""
        self._said[known.session.digest] = sentence, leads

    def said(self, known: Known) -> tuple[str, str]:
        """Give both, once."""
        return self._said.pop(known.session.digest, ("", ""))

    def _keep(self) -> None:
        now_us = self._now_us()
        over = sorted((one for one in self._all.values() if not one.counts(now_us)), key=lambda one: -one.begun_us)
        kept = self.all()[:MOST] + over[:MOST]
        self._all = {one.digest: one for one in kept}
        replace(self._path, msgspec.json.encode(kept))


def _digest(shown: str) -> str:
    return hashlib.blake2b(shown.encode(), digest_size=32).hexdigest()


def _read(path: Path) -> list[Session]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Session])
    except (OSError, msgspec.DecodeError):
        return []
