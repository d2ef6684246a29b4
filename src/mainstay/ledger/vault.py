"""Where the operator's secrets are kept: passwords and tokens of outside services (requirement C5, SECURITY S55-S59).

    <the user's config>/mainstay/keys/<id>.secrets     names and what they are for, readable; values sealed; 0600

They lie beside the workspace's key, never in the workspace: no history, backup, export or copy of it holds them.
Each value is sealed by itself (AES-256-GCM) together with its name, its connector and its host: a line that is altered
to send it elsewhere does not open any more.

The key that seals them is kept in the ways that `keeping` knows, and never in a plain file. Where the workspace's own
key is in the system's keyring or under a passphrase, theirs is made from it: one thing to unlock. Where it lies in a
plain file, they have a key of their own, in the keyring, or under a passphrase where there is none (`<id>-secrets.*`).

Every change takes a lock and writes the file anew: an owner that notes a use never undoes what a command just set. A
running owner reads the file at each use, so that a new value counts at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.errors import InputError, LedgerError, LockedError, UnknownNameError, WrongKeyError
from mainstay.ledger import keeping, keys, passphrase
from mainstay.ledger.disk import read_private, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from mainstay.ledger.keeping import Way

FORMAT = 1
MOST_BYTES = 4 * 1024 * 1024
LOOKS = 3  # at a file that is being kept another way
_NONCE_BYTES = 12

_RESTART = (
    "Stop it and run `mainstay start` at a terminal; or put the passphrase into a file that only you can read, and "
    f"name it in {passphrase.FILE_ENV}."
)
_SET_AGAIN = "Remove it and set it again: mainstay secret remove NAME, then: mainstay secret set NAME"


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """One secret: what it is for, what became of it, and its sealed value. Times are microseconds, 0 for never."""

    connector: str  # the only one it is given to
    host: str  # the only one it is sent to
    set_at_us: int
    nonce: str
    sealed: str
    used_at_us: int = 0
    tested_at_us: int = 0
    test: str = ""  # how the last test ended
    refused_at_us: int = 0  # since then the other side does not take it


class _File(msgspec.Struct, frozen=True):
    format: int = FORMAT
    secrets: dict[str, Kept] = {}


class _Unlocked(NamedTuple):
    key: bytes
    of: tuple[int, int]  # the file that the key was kept in: after another one was made, it is read anew


_unlocked: dict[Path, _Unlocked] = {}  # keys of secrets, by their file: for as long as the process lives


class Vault:
    """The secrets of one workspace. `state` is its `.mainstay`."""

    def __init__(self, state: Path) -> None:
        """Open nothing yet."""
        self._state = state
        self.path = keys.secrets_file(state)
        self.workspace = self.path.name.removesuffix(keys.SECRETS_SUFFIX)
        self._own = f"{self.workspace}{keys.SECRETS_OWN}"

    @property
    def way(self) -> Way | None:
        """How the key of the secrets is kept; None where there is none yet."""
        workspaces = keys.way_of(self._state)
        return keeping.way_of(self.path.parent, self._own) or (None if workspaces == "file" else workspaces)

    @property
    def rests_on_workspace(self) -> bool:
        """Whether they are sealed under the workspace's own key."""
        return keeping.way_of(self.path.parent, self._own) is None

    def names(self) -> dict[str, Kept]:
        """Give all there are; needs no key. Raises LedgerError when the file is damaged or others can read it."""
        if not self.path.exists():
            return {}
        content = read_private(self.path, "secrets", most=MOST_BYTES)
        try:
            found = msgspec.json.decode(content, type=_File)
        except msgspec.MsgspecError:
            raise LedgerError(f"The file of your secrets is damaged: {self.path}.", remedy=_MOVE_AWAY) from None
        if found.format != FORMAT:
            raise LedgerError(
                f"The file of your secrets was written by another release: {self.path}.", remedy="Use that release."
            )
        return found.secrets

    def kept(self, name: str) -> Kept:
        """Give what is known of one. Raises UnknownNameError."""
        try:
            return self.names()[name]
        except KeyError:
            raise UnknownNameError(
                f"There is no secret '{name}'.", remedy=f"Set it with: mainstay secret set {name}"
            ) from None

    def begin(self) -> None:
        """Get ready to keep secrets: unlock their key, or make one. May ask at the terminal for a passphrase.

        Raises what `unlock` raises, InputError for a passphrase that is no good.
        """
        if self.way is None:
            if self.names():
                raise LedgerError("The key of your secrets is gone: they can't be read any more.", remedy=_MOVE_AWAY)
            way: Way = "keyring" if keeping.usable_keyring() else "passphrase"
            word = passphrase.new(_WHY) if way == "passphrase" else ""
            made = secrets.token_bytes(keeping.KEY_BYTES)
            keeping.put(self.path.parent, self._own, made, way, word)
            _unlocked[self.path] = _Unlocked(made, self._kept_in())
        self.unlock()

    def unlock(self) -> None:
        """Get the key of the secrets; may ask at the terminal. Raises WrongKeyError, LockedError or LedgerError."""
        if not self._is_open():
            of = self._kept_in()
            _unlocked[self.path] = _Unlocked(self._take(), of)

    def _is_open(self) -> bool:
        """Whether the key is known that counts now."""
        known = _unlocked.get(self.path)
        return known is not None and known.of == self._kept_in()

    def _kept_in(self) -> tuple[int, int]:
        """Tell one file of a key from the next; a key that is made of the workspace's has none."""
        for _ in range(LOOKS):
            way = keeping.way_of(self.path.parent, self._own)
            if way is None:
                break
            with contextlib.suppress(FileNotFoundError):  # it was kept another way in between, or thrown away
                found = keeping.file_of(self.path.parent, self._own, way).stat()
                return found.st_ino, found.st_mtime_ns
        return 0, 0

    def _take(self) -> bytes:
        if not self.rests_on_workspace:
            return keeping.take(self.path.parent, self._own, _SECRETS)
        if self.way is None:
            raise LedgerError("The key of your secrets is gone: they can't be read any more.", remedy=_MOVE_AWAY)
        return keys.load(self._state).secrets

    def open(self, name: str) -> tuple[Kept, str]:
        """Give a secret and its value; asks nobody. Raises UnknownNameError or LedgerError (its kinds)."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        kept = self.kept(name)
        key = self._ready()
        try:
            nonce, sealed = bytes.fromhex(kept.nonce), bytes.fromhex(kept.sealed)
            return kept, AESGCM(key).decrypt(nonce, sealed, self._bound(name, kept)).decode()
        except InvalidTag:
            raise WrongKeyError(
                f"The secret '{name}' does not open: its file was altered, or its key is another one.",
                remedy=_SET_AGAIN.replace("NAME", name),
            ) from None
        except ValueError:
            raise LedgerError(f"The secret '{name}' is damaged.", remedy=_SET_AGAIN.replace("NAME", name)) from None

    def _ready(self) -> bytes:
        """Give the key without asking anybody: an owner at work has nobody at its side."""
        asks = not self._is_open() and self.way == "passphrase" and not self.rests_on_workspace
        if asks and not passphrase.given():
            raise LockedError("Your secrets are locked: they open with your passphrase only.", remedy=_RESTART)
        self.unlock()
        return _unlocked[self.path].key

    def put(self, name: str, value: str, connector: str, host: str, now_us: int) -> None:
        """Keep a value under a name, in the place of one that is there; on disk when this returns. See `begin`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key, nonce = self._ready(), secrets.token_bytes(_NONCE_BYTES)
        made = Kept(connector, host, now_us, nonce.hex(), "")
        sealed = AESGCM(key).encrypt(nonce, value.encode(), self._bound(name, made)).hex()
        self._change(lambda all_: {**all_, name: msgspec.structs.replace(made, sealed=sealed)})

    def note(self, name: str, nonce: str, **changes: int | str) -> None:
        """Note what became of a secret; nothing where its value is another one by now, or gone."""

        def noted(all_: dict[str, Kept]) -> dict[str, Kept]:
            now = all_.get(name)
            if now is None or now.nonce != nonce:
                return all_
            return {**all_, name: msgspec.structs.replace(now, **changes)}

        self._change(noted)

    def remove(self, name: str) -> None:
        """Keep it no longer; raises UnknownNameError when it is not there.

        With the last one goes a key of their own: the next secret gets another, also where this one can't be had.
        """
        self.kept(name)
        with self._alone():
            left = {other: kept for other, kept in self.names().items() if other != name}
            self._write(left)
            way = keeping.way_of(self.path.parent, self._own)
            if not left and way is not None:
                with contextlib.suppress(LockedError):
                    keeping.drop(self.path.parent, self._own, way)
                keeping.file_of(self.path.parent, self._own, way).unlink(missing_ok=True)  # its keyring is elsewhere

    def _change(self, change: Callable[[dict[str, Kept]], dict[str, Kept]]) -> None:
        with self._alone():
            before = self.names()
            after = change(before)
            if after != before:
                self._write(after)

    def _write(self, all_: dict[str, Kept]) -> None:
        replace(self.path, msgspec.json.encode(_File(secrets=all_)) + b"\n")

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Be the only one who changes the file."""
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _bound(self, name: str, kept: Kept) -> bytes:
        """Say what a value is sealed together with."""
        return msgspec.json.encode(["mainstay/secret/1", self.workspace, name, kept.connector, kept.host])


def refuse_plain(state: Path) -> None:
    """Raise InputError where the workspace's key would come to lie in a plain file, and secrets under it."""
    vault = Vault(state)
    if vault.names() and vault.rests_on_workspace:
        raise InputError(
            "Your secrets are sealed under the workspace's key, and would lie open with it.",
            remedy="Remove them first (mainstay secret list), move the key, and set them again.",
        )


_MOVE_AWAY = "Move that file away, and set each secret again: mainstay secret set NAME"
_WHY = "This machine has no keyring that keeps secrets, so yours get a passphrase of their own. A service asks for it."
_SECRETS = keeping.Opens(
    "your secrets",
    "On another machine, or where it is lost, set them again: remove each (mainstay secret list), then: mainstay "
    "secret set NAME",
)
