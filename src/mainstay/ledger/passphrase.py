"""A key that a passphrase unlocks (KERNEL L4), and where the passphrase comes from.

The wrapping key is scrypt's (RFC 7914) under the parameters written beside it; the master key is wrapped with
AES-256-GCM under it, with the workspace's id authenticated. A passphrase is typed at a terminal, or read from a
private file or an open file descriptor that the environment names: a service has no terminal. It never stands in an
argument or in the environment itself, where others can see it.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import msgspec

from mainstay.errors import InputError, LedgerError, LockedError, WrongKeyError
from mainstay.ledger.disk import read_private
from mainstay.values import say_count

FILE_ENV = "MAINSTAY_PASSPHRASE_FILE"
DESCRIPTOR_ENV = "MAINSTAY_PASSPHRASE_FD"
MIN_CHARACTERS = 12
TRIES = 3
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1  # 128 MiB, about half a second
_NONCE_BYTES = 12

OURS = "this workspace"  # what a passphrase opens, unless it is said otherwise
LOCKED = "The key of {} is locked: it opens with your passphrase only, and nobody is here to type it."
UNLOCK = (
    f"Run it at a terminal; or put the passphrase into a file that only you can read, and name it in {FILE_ENV}. "
    f"A number of an open file can stand in {DESCRIPTOR_ENV}."
)
NAME_ANOTHER = f"Correct the path in {FILE_ENV}; or take it out of the environment and type the passphrase."
UNCHOSEN = "A passphrase has to be chosen, and nobody is here to type it."


class Wrapped(msgspec.Struct, frozen=True):
    """A wrapped master key, as its file holds it. The bounds keep a file that was altered from filling the memory."""

    salt: str
    n: Annotated[int, msgspec.Meta(ge=2, le=2**22)]
    r: Annotated[int, msgspec.Meta(ge=1, le=32)]
    p: Annotated[int, msgspec.Meta(ge=1, le=16)]
    nonce: str
    key: str


def wrap(master: bytes, workspace: str, word: str) -> bytes:
    """Wrap a master key; gives the content of its file."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE_BYTES)
    shell = Wrapped(salt.hex(), SCRYPT_N, SCRYPT_R, SCRYPT_P, nonce.hex(), "")
    key = _cipher(shell, word).encrypt(nonce, master, workspace.encode())
    return msgspec.json.encode(msgspec.structs.replace(shell, key=key.hex())) + b"\n"


def unwrap(content: bytes, workspace: str, word: str, opens: str = OURS) -> bytes:
    """Give the master key; raises WrongKeyError when it is not this passphrase, LedgerError on a damaged file."""
    from cryptography.exceptions import InvalidTag

    try:
        wrapped = msgspec.json.decode(content, type=Wrapped)
        nonce, key = bytes.fromhex(wrapped.nonce), bytes.fromhex(wrapped.key)
        return _cipher(wrapped, word).decrypt(nonce, key, workspace.encode())
    except InvalidTag:
        raise WrongKeyError(
            f"That is not the passphrase of {opens}; nothing was changed.", remedy="Try again."
        ) from None
    except (msgspec.MsgspecError, ValueError):
        raise LedgerError(
            f"The wrapped key of {opens} is damaged.", remedy="Put its file back from your backup of the key."
        ) from None


def given() -> str:
    """Give the passphrase the environment points to; empty when it points to none.

    Raises LockedError or WrongKeyError when nothing can be read there.
    """
    if name := os.environ.get(FILE_ENV, ""):
        word = read_private(Path(name), "passphrase", missing=NAME_ANOTHER).decode(errors="replace")
    elif number := os.environ.get(DESCRIPTOR_ENV, ""):
        word = _from_descriptor(number)
    else:
        return ""
    word = word.rstrip("\r\n")
    if not word:
        raise LockedError("The passphrase that was given is empty.", remedy=UNLOCK)
    return word


def at_terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(prompt: str, otherwise: str) -> str:
    """Ask at the terminal, unseen. Raises LockedError, saying `otherwise`, where there is none."""
    import getpass

    if not at_terminal():
        raise LockedError(otherwise, remedy=UNLOCK)
    try:
        return getpass.getpass(prompt, stream=sys.stderr)
    except EOFError:
        raise LockedError("No passphrase was given: it stays locked.", remedy=UNLOCK) from None


def new(why: str = "") -> str:
    """Take a new passphrase: from where the environment says, or typed twice, after saying why one is wanted.

    Raises InputError when it is no good.
    """
    word = given()
    if not word:
        if why and at_terminal():
            sys.stderr.write(f"{why}\n")
        word = ask(f"New passphrase (at least {MIN_CHARACTERS} characters): ", f"{why} {UNCHOSEN}".strip())
        if word != ask("The same again: ", UNCHOSEN):
            raise InputError("The two passphrases are not the same; nothing was changed.", remedy="Try again.")
    if len(word) < MIN_CHARACTERS:
        raise InputError(
            f"The passphrase has {say_count(len(word), 'character')} and needs {MIN_CHARACTERS}; nothing was changed.",
            remedy="Take a few words.",
        )
    return word


def unlock(content: bytes, workspace: str, opens: str = OURS) -> bytes:
    """Give the master key, with the passphrase from where the environment says, or typed: three tries."""
    word = given()
    if word:
        return unwrap(content, workspace, word, opens)
    for left in range(TRIES - 1, -1, -1):
        try:
            return unwrap(content, workspace, ask(f"Passphrase of {opens}: ", LOCKED.format(opens)), opens)
        except WrongKeyError as error:
            if not left:
                raise
            sys.stderr.write(f"{error.message.partition(';')[0]}. Try again.\n")
    raise AssertionError


def _from_descriptor(number: str) -> str:
    try:
        with open(int(number), "rb", closefd=True) as file:  # noqa: PTH123 - a number, not a path
            return file.read(4096).decode(errors="replace")
    except (ValueError, OSError):
        raise LockedError(f"There is nothing to read from {DESCRIPTOR_ENV}={number}.", remedy=UNLOCK) from None


def _cipher(wrapped: Wrapped, word: str):  # noqa: ANN202 - cryptography's, imported where it is used
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    salt = bytes.fromhex(wrapped.salt)
    return AESGCM(Scrypt(salt=salt, length=32, n=wrapped.n, r=wrapped.r, p=wrapped.p).derive(word.encode()))
