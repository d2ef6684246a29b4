"""Where a workspace's master key is kept: the operating system's keyring, a private file, or under a passphrase (L4).

    <id>.key       file: the key itself, 0600
    <id>.keyring   keyring: says only that it is there
    <id>.locked    passphrase: the wrapped key and scrypt's parameters

All lie in the user's config folder, never inside the workspace: a copy of the workspace must not carry its key along.
A move from one way to another writes the new one before the old one is removed; where a crash left both, the key of
both is the same, and the one that opens without asking is taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from mainstay.detached import within
from mainstay.errors import InputError, LedgerError, LockedError, WrongKeyError
from mainstay.ledger import passphrase
from mainstay.ledger.disk import read_private, replace, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

Way: TypeAlias = Literal["file", "keyring", "passphrase"]

WAYS: tuple[Way, ...] = get_args(Way)
SERVICE = "mainstay/key"  # entries of the system's keyring
KEY_BYTES = 32
KEYRING_S = 60.0  # one that is locked may ask at a screen; where nobody is there, a service must not hang
RESTORE = "Put it back from your backup; without it the history of this workspace can't be read."


class Opens(NamedTuple):
    """What a key opens, as messages call it, and what to do where the key is gone."""

    name: str
    restore: str


WORKSPACE = Opens("this workspace", RESTORE)

_SUFFIX: dict[Way, str] = {"file": "key", "keyring": "keyring", "passphrase": "locked"}  # in the order they are tried
_KEYRING_MARK = b"The key of this workspace is in the system's keyring.\n"


def usable_keyring() -> str:
    """Name the system's keyring; empty when there is none that keeps secrets by itself."""
    import keyring
    from keyring.errors import KeyringError

    try:
        backend = keyring.get_keyring()
        kept_safely = backend.priority >= 1  # pyright: ignore[reportOperatorIssue]
    except (KeyringError, RuntimeError):
        return ""
    return backend.name if kept_safely else ""


def way_of(place: Path, workspace: str) -> Way | None:
    """Say how a key is kept; None when there is none."""
    return next((way for way in WAYS if file_of(place, workspace, way).exists()), None)


def file_of(place: Path, workspace: str, way: Way) -> Path:
    """Name the file of a way."""
    return place / f"{workspace}.{_SUFFIX[way]}"


def take(place: Path, workspace: str, opens: Opens = WORKSPACE) -> bytes:
    """Give the master key; raises WrongKeyError when it is not there or no key, LockedError when it can't be opened."""
    way = way_of(place, workspace)
    path = file_of(place, workspace, way or "file")
    if way == "keyring":
        master = _from_keyring(workspace, opens)
    elif way == "passphrase":
        master = passphrase.unlock(read_private(path, "wrapped key"), workspace, opens.name)
    else:
        master = read_private(path, "key")
    if len(master) != KEY_BYTES:
        raise WrongKeyError(f"What is kept as the key of {opens.name} is none ({workspace}).", remedy=opens.restore)
    return master


def put(place: Path, workspace: str, master: bytes, way: Way, word: str = "") -> None:
    """Keep a key in this way too, and be sure that it can be taken from there; on disk when this returns."""
    path = file_of(place, workspace, way)
    if way == "keyring":
        _into_keyring(workspace, master)
        replace(path, _KEYRING_MARK)
    elif way == "passphrase":
        replace(path, passphrase.wrap(master, workspace, word))
    elif not path.exists():
        replace(path, master)
    elif read_private(path, "key") != master:
        raise WrongKeyError(f"There is another key of this workspace in {path}.", remedy="Move that file away first.")


def drop(place: Path, workspace: str, way: Way) -> None:
    """Keep the key in this way no longer; one that is gone already counts as dropped."""
    path = file_of(place, workspace, way)
    if way == "keyring" and path.exists():
        _out_of_keyring(workspace)
    path.unlink(missing_ok=True)
    if place.is_dir():
        sync_folder(place)


def refuse_inside(place: Path, root: Path) -> None:
    """Raise LedgerError where the key would lie inside the workspace it opens."""
    if root.resolve() in (place.resolve(), *place.resolve().parents):
        raise LedgerError(
            f"The key of this workspace would lie inside it: in {place}.",
            remedy="Let XDG_CONFIG_HOME name a folder elsewhere, or make the workspace in a folder of its own.",
        )


# --- the system's keyring

_UNLOCK = "Unlock the keyring (log in to your desktop), and try again."


def _from_keyring(workspace: str, opens: Opens) -> bytes:
    import keyring

    try:
        held = within(KEYRING_S, lambda: keyring.get_password(SERVICE, workspace))
    except TimeoutError:
        raise LockedError(
            f"The key of {opens.name} is in the system's keyring, which does not answer.", remedy=_UNLOCK
        ) from None
    except Exception as error:  # each kind of keyring raises what its own bus or library does
        why = str(error).rstrip(".") or type(error).__name__
        raise LockedError(
            f"The key of {opens.name} is in the system's keyring, which can't be read: {why}.", remedy=_UNLOCK
        ) from error
    if held is None:
        raise WrongKeyError(
            f"The key of {opens.name} is not in the system's keyring any more ({SERVICE}, {workspace}).",
            remedy=opens.restore,
        )
    try:
        return bytes.fromhex(held)
    except ValueError:
        return b""


def _into_keyring(workspace: str, master: bytes) -> None:
    import keyring
    from keyring.errors import KeyringError

    if not usable_keyring():
        raise InputError(
            "This system has no keyring that keeps secrets.", remedy="Keep the key in a file, or under a passphrase."
        )
    try:
        keyring.set_password(SERVICE, workspace, master.hex())
        if keyring.get_password(SERVICE, workspace) != master.hex():
            raise LedgerError("The system's keyring did not keep the key.", remedy="Keep it in a file instead.")
    except (KeyringError, RuntimeError) as error:
        raise LockedError(
            f"The system's keyring can't be written to: {error}.", remedy="Unlock it, or keep the key in a file."
        ) from error


def _out_of_keyring(workspace: str) -> None:
    import keyring
    from keyring.errors import KeyringError, PasswordDeleteError

    try:
        keyring.delete_password(SERVICE, workspace)
    except PasswordDeleteError:
        return  # gone already
    except (KeyringError, RuntimeError) as error:
        raise LockedError(
            f"The key can't be removed from the system's keyring: {error}.", remedy="Unlock it, and try again."
        ) from error
