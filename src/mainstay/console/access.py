"""How the operator gets in: the password and the passkeys of one workspace, and links that are used once.

Password and passkeys are kept in `.mainstay/console.access` (0600). Of the password scrypt's result only (RFC 7914:
N 2^15, r 8, p 1, a random salt), of a passkey its public key. None of them is ever shown, and who forgot the password
sets a new one (SECURITY S22).

A link is `END.NONCE.MAC`: made by whoever has the operator's session file, for one run of the service, for minutes,
used once. Nothing of it is stored: a service that starts anew takes none of those made before.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
from typing import TYPE_CHECKING

import msgspec

from mainstay.console.passwords import MOST, check
from mainstay.ledger.disk import replace
from mainstay.ledger.trouble import refused
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

NAME = "console.access"
LINK_S = 15 * 60
CHALLENGE_S = 300
CHALLENGES = 10_000  # at once; the oldest gives way: who may ask for one is anybody
FREE_TRIES = 5  # of a password, before one waits
MOST_WAIT_S = 300
_N, _R, _P = 2**15, 8, 1
_SALT_BYTES, _KEY_BYTES = 16, 32
_MEMORY = 64 * 1024 * 1024
_LINK_PARTS = 3
_MAC_CHARS = 43


class Password(msgspec.Struct, frozen=True):
    """What is kept of a password."""

    salt: bytes
    key: bytes


class Passkey(msgspec.Struct, frozen=True):
    """What is kept of a passkey."""

    id: bytes
    public: bytes  # its public key, COSE
    count: int  # of its signatures, as it said last
    name: str
    begun_us: int
    used_us: int | None = None


class Access(msgspec.Struct, frozen=True):
    """All that lets the operator in, besides a link."""

    password: Password | None = None
    passkeys: tuple[Passkey, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is a way in without a terminal."""
        return self.password is not None or bool(self.passkeys)


def load(folder: Path) -> Access:
    """Give what is kept in a `.mainstay` folder. A file that can't be read lets nobody in."""
    try:
        return _read(folder)
    except OSError:
        return Access()


def change(folder: Path, changed: Callable[[Access], Access]) -> None:
    """Keep what `changed` makes of what is kept; on disk when this returns.

    One at a time, also among processes: a password that a command sets and a passkey that the service counts share
    the file. Raises LedgerError where it can't be read or written just now; what does not decode is made anew.
    """
    try:
        with _alone(folder):
            replace(folder / NAME, msgspec.msgpack.encode(changed(_read(folder))))
    except OSError as error:
        raise refused(folder, error) from error


def change_passkeys(folder: Path, changed: Callable[[tuple[Passkey, ...]], list[Passkey]]) -> None:
    """Keep other passkeys; see `change`."""
    change(folder, lambda kept: msgspec.structs.replace(kept, passkeys=tuple(changed(kept.passkeys))))


def _read(folder: Path) -> Access:
    try:
        return msgspec.msgpack.decode((folder / NAME).read_bytes(), type=Access)
    except (FileNotFoundError, msgspec.DecodeError):
        return Access()


@contextlib.contextmanager
def _alone(folder: Path) -> Generator[None]:
    lock = os.open(folder / f"{NAME}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held for the moment of a small write
        yield
    finally:
        os.close(lock)


def set_password(folder: Path, word: str, own: Iterable[str] = ()) -> None:
    """Let this password let in, and no other; on disk when this returns. Takes a tenth of a second.

    Raises InputError for a weak one (passwords.py); `own` are the names that are tried first.
    """
    check(word, own)
    salt = secrets.token_bytes(_SALT_BYTES)
    password = Password(salt, _key(word, salt))
    change(folder, lambda kept: msgspec.structs.replace(kept, password=password))


def is_password(kept: Password | None, word: str) -> bool:
    """Say whether this is the password; takes as long where none is kept."""
    given = _key(word[:MOST], kept.salt if kept is not None else bytes(_SALT_BYTES))
    return kept is not None and hmac.compare_digest(given, kept.key)


def _key(word: str, salt: bytes) -> bytes:
    return hashlib.scrypt(word.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY, dklen=_KEY_BYTES)


class Throttle:
    """Lets passwords be tried slower and slower. One at a time: each takes a tenth of a second and 32 MB."""

    def __init__(self) -> None:
        """Nobody tried yet."""
        self.turn = asyncio.Lock()
        self._failed = 0
        self._free_at_us = 0

    def wait_s(self, now_us: int) -> int:
        """Say how long nobody is let try; 0 where one may."""
        return max(0, -(-(self._free_at_us - now_us) // SECOND_US))

    def failed(self, now_us: int) -> None:
        """Note a wrong one."""
        self._failed += 1
        over = self._failed - FREE_TRIES
        self._free_at_us = now_us + min(MOST_WAIT_S, 2**over) * SECOND_US if over >= 0 else 0

    def passed(self) -> None:
        """Begin anew after a right one."""
        self._failed = self._free_at_us = 0


class Challenges:
    """Challenges that were given out and not used yet, each for one purpose."""

    def __init__(self) -> None:
        """None yet."""
        self._all: dict[bytes, tuple[str, int]] = {}

    def give(self, purpose: str, now_us: int) -> bytes:
        """Give a new one."""
        new = secrets.token_bytes(32)
        self._all[new] = purpose, now_us + CHALLENGE_S * SECOND_US
        while len(self._all) > CHALLENGES:
            self._all.pop(next(iter(self._all)))
        return new

    def take(self, given: bytes, purpose: str, now_us: int) -> bool:
        """Use one up; whether it was given for this, and is not over."""
        what, end_us = self._all.pop(given, ("", 0))
        return what == purpose and now_us < end_us


def make_link(session: str, since_us: int, now_us: int) -> str:
    """Give the secret part of a link; `session` is the operator's, `since_us` when the service began."""
    body = f"{now_us // SECOND_US + LINK_S:x}.{secrets.token_urlsafe(12)}"
    return f"{body}.{_mac(session, since_us, body)}"


class Links:
    """Takes the links that were made for one run of the service, each once."""

    def __init__(self, session: str, since_us: int) -> None:
        """See `make_link`."""
        self._session, self._since_us = session, since_us
        self._used: dict[str, int] = {}

    def counts(self, text: str, now_us: int) -> bool:
        """Whether a link would let in now; looking at it does not use it up."""
        end, _, _ = text.partition(".")
        parts = text.split(".")
        if len(parts) != _LINK_PARTS or not text.isascii() or len(parts[2]) != _MAC_CHARS:
            return False
        body, _, mac = text.rpartition(".")
        if not hmac.compare_digest(mac, _mac(self._session, self._since_us, body)):
            return False
        return now_us // SECOND_US < int(end, 16) and text not in self._used

    def use(self, text: str, now_us: int) -> bool:
        """Use a link up; whether it lets in."""
        if not self.counts(text, now_us):
            return False
        now_s = now_us // SECOND_US
        self._used = {one: end for one, end in self._used.items() if end > now_s}
        self._used[text] = int(text.partition(".")[0], 16)
        return True


def _mac(session: str, since_us: int, body: str) -> str:
    import base64

    mac = hmac.digest(session.encode(), f"mainstay console|{since_us}|{body}".encode(), "sha256")
    return base64.urlsafe_b64encode(mac).decode().rstrip("=")
