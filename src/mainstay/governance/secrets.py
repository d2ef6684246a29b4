"""Gives a secret to the one connector and the one host it is for, and to nobody else (SECURITY S59).

mainstay.toml names a secret, never a value: `password = "secret:smtp"`. A connector holds no secret either. It holds a
`Handed`, and asks it at each log-in, naming the host it is connected to at that moment: a setting that was changed, a
redirect or a mistake in the connector gets a refusal, not a password. What is given can be seen nowhere from then on
(`redaction`). One that the other side refused is given to nobody any more until the operator gives another one or tests
it: guessing on locks accounts. The operator is told of that once, with what to do.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from mainstay.errors import InputError, MainstayError, NeedsOperator
from mainstay.redaction import MIN_CHARACTERS, remember
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX = "secret:"
USED_EVERY_US = 60 * SECOND_US  # a use within a minute of the last one is not noted anew
MAX_CHARACTERS = 16_384

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|\[?[0-9a-f:.]+\]?")


class Seen(Protocol):
    """What is known of a secret without its value; `ledger.vault.Kept` is one."""

    @property
    def connector(self) -> str:
        """The only one it is given to."""
        ...

    @property
    def host(self) -> str:
        """The only one it is sent to."""
        ...

    @property
    def nonce(self) -> str:
        """What tells this value from the next one of the same name."""
        ...

    @property
    def used_at_us(self) -> int:
        """When it was given out last."""
        ...

    @property
    def refused_at_us(self) -> int:
        """Since when the other side does not take it."""
        ...


class Store(Protocol):
    """Where they are kept; `ledger.vault.Vault` is one. Raises MainstayErrors."""

    def names(self) -> Mapping[str, Seen]:
        """Give all there are."""
        ...

    def open(self, name: str) -> tuple[Seen, str]:
        """Give one with its value."""
        ...

    def note(self, name: str, nonce: str, **changes: int | str) -> None:
        """Note what became of it, where it is still that value."""
        ...


class Secrets:
    """The secrets of one workspace, as its connectors get them."""

    def __init__(self, store: Store, now_us: Callable[[], int], tell: Callable[[str], None]) -> None:
        """`tell` says a sentence to the operator; it may be called from any thread."""
        self._store, self.now_us, self.tell = store, now_us, tell

    def handed(self, reference: str, connector: str, *, again: bool = False) -> Handed:
        """Give what a connector holds instead of a secret; `again` also after it was refused.

        Raises InputError when it is no reference to one.
        """
        return Handed(self, name_of(reference), connector, again=again)

    def hide(self) -> None:
        """Let all that open be seen nowhere in this process, also before the first is used."""
        with suppress(MainstayError):
            for name in self._store.names():
                with suppress(MainstayError):  # what does not open can't be used either, and says so then
                    remember(self._store.open(name)[1])

    def give(self, name: str, connector: str, host: str, *, again: bool = False) -> tuple[Seen, str]:
        """Give a value to this connector for this host. Raises NeedsOperator when it's for another, or can't be had."""
        try:
            seen, value = self._store.open(name)
        except MainstayError as error:
            raise NeedsOperator(error.message, remedy=error.remedy) from error
        remember(value)
        self._refuse_others(name, seen, connector, host)
        if seen.refused_at_us and not again:
            raise NeedsOperator(f"The secret '{name}' was refused by {seen.host} the last time.", remedy=mend(name))
        if self.now_us() - seen.used_at_us > USED_EVERY_US:
            self.note(name, seen, used_at_us=self.now_us())
        return seen, value

    @staticmethod
    def _refuse_others(name: str, seen: Seen, connector: str, host: str) -> None:
        bound = f"It is for {seen.host}, given to {seen.connector} only."
        rebind = f"If that host is right: mainstay secret rotate {name} --host {plain_host(host)}"
        if connector != seen.connector:
            raise NeedsOperator(f"The secret '{name}' is not given to {connector}. {bound}", remedy="Name another one.")
        if plain_host(host) != seen.host:
            raise NeedsOperator(f"The secret '{name}' is not sent to {plain_host(host)}. {bound}", remedy=rebind)

    def refuse(self, name: str, seen: Seen) -> None:
        """Note that the other side does not take it, and tell the operator: once."""
        self.note(name, seen, refused_at_us=self.now_us())
        self.tell(f"{seen.host} refuses the secret '{name}': nothing that needs it is tried any more. {mend(name)}")

    def note(self, name: str, seen: Seen, **changes: int | str) -> None:
        """Note what became of it, if that can be done: a full disk does not keep a mail back."""
        try:
            self._store.note(name, seen.nonce, **changes)
        except (MainstayError, OSError):
            return


class Handed:
    """One secret for one connector: `ports.Credential`."""

    def __init__(self, secrets: Secrets, name: str, connector: str, *, again: bool = False) -> None:
        """Hold no value."""
        self._secrets, self._name, self._connector, self._again = secrets, name, connector, again
        self._given: Seen | None = None

    def give(self, host: str) -> str:
        """Give it for this host. Raises NeedsOperator."""
        self._given, value = self._secrets.give(self._name, self._connector, host, again=self._again)
        return value

    def refused(self) -> None:
        """Note that the other side does not take what was given last."""
        if self._given is not None:
            self._secrets.refuse(self._name, self._given)


def name_of(reference: str) -> str:
    """Give the name in "secret:NAME". Raises InputError, which never repeats what it was given, maybe a password."""
    name = reference.removeprefix(PREFIX)
    if not reference.startswith(PREFIX) or _NAME.fullmatch(name) is None:
        raise InputError(
            'A password stands in mainstay.toml by its name only: password = "secret:NAME".',
            remedy="Keep the value with: mainstay secret set NAME",
        )
    return name


def checked_name(name: str) -> str:
    """Give a name back; raises InputError when it can't name a secret."""
    if _NAME.fullmatch(name) is None:
        raise InputError(
            "That is no name for a secret.", remedy="Take small letters, digits, - and _: smtp, for one. No value."
        )
    return name


def checked_value(value: str) -> str:
    """Give a value without its line end; raises InputError, which never repeats it, when it can't be kept."""
    value = value.rstrip("\r\n")
    if len(value) < MIN_CHARACTERS or len(value) > MAX_CHARACTERS:
        longer = "Take a longer one: a shorter one can't be kept out of messages."
        other = "Look whether a whole file was given in its place."
        raise InputError(
            f"A secret has from {MIN_CHARACTERS} to {MAX_CHARACTERS:,} characters; nothing was kept.",
            remedy=longer if len(value) < MIN_CHARACTERS else other,
        )
    if value != value.strip() or any(not letter.isprintable() for letter in value):
        raise InputError(
            "A secret is one line, without blanks around it and without control characters; nothing was kept.",
            remedy="Look whether something else was copied along with it.",
        )
    return value


def plain_host(host: str) -> str:
    """Write a host in the one way in which hosts are compared: small letters, ASCII, no final dot."""
    host = host.strip().rstrip(".").lower()
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return host


def checked_host(host: str) -> str:
    """Give a host as it is compared; raises InputError when it is none."""
    plain = plain_host(host)
    if _HOST.fullmatch(plain) is None:
        raise InputError(f"'{host}' is no host.", remedy="Name one such as smtp.example.com, without port and path.")
    return plain


def mend(name: str) -> str:
    """Say what to do about one that is refused."""
    return f"Give another with: mainstay secret rotate {name}. If it is right after all: mainstay secret test {name}"
