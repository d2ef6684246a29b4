"""The workspace's master key and the operator's session, in the user's config folder (KERNEL L4).

    $XDG_CONFIG_HOME (or ~/.config) / mainstay / keys / <workspace id>.key       32 random bytes
                                                        <workspace id>.session   32 random bytes in hex

Both files are 0600 and made by `init`. The id stands in `.mainstay/id`, so the folder may move; the key never
lies inside the workspace. Without it the history is unreadable: it belongs into the operator's own backup.
Sub-keys: HKDF-SHA256 (RFC 5869), salt = workspace id, info = "mainstay/<purpose>/1".
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import msgspec

from mainstay.errors import LedgerError, WrongKeyError
from mainstay.ledger.disk import make_folder, sync_folder, write_new

KEY_BYTES = 32
ID_NAME = "id"
PURPOSES = ("database", "blobs", "tokens", "people")


class Keys(msgspec.Struct, frozen=True):
    """What is derived from the master key, which itself stays in its file."""

    workspace: str  # the workspace's id
    database: bytes
    blobs: bytes
    tokens: bytes  # idempotency tokens (KERNEL E2)
    people: bytes  # wraps the keys of people (KERNEL L3)

    def __repr__(self) -> str:
        """Keep keys out of logs and tracebacks."""
        return f"Keys({self.workspace})"


def create(folder: Path) -> Keys:
    """Make id, master key and session of a new workspace (`folder` is its `.mainstay`); on disk when this returns.

    Raises LedgerError when there is an id already.
    """
    workspace = secrets.token_hex(16)
    place = _config_folder()
    if (folder / ID_NAME).exists():
        raise LedgerError(f"{folder} already belongs to a workspace.", remedy="Choose another folder for the new one.")
    make_folder(place)
    make_folder(folder)
    write_new(place / f"{workspace}.key", secrets.token_bytes(KEY_BYTES))
    write_new(place / f"{workspace}.session", secrets.token_hex(KEY_BYTES).encode())
    sync_folder(place)
    write_new(folder / ID_NAME, workspace.encode())  # last: from here on the folder is a workspace
    sync_folder(folder)
    return load(folder)


def load(folder: Path) -> Keys:
    """Give the keys of a workspace; raises WrongKeyError when key and folder do not fit or anybody may read it."""
    workspace = _workspace_id(folder)
    master = _read_private(_config_folder() / f"{workspace}.key", "key")
    if len(master) != KEY_BYTES:
        raise WrongKeyError(f"The key file of workspace {workspace} does not hold a key.", remedy=_RESTORE)
    salt = workspace.encode()
    return Keys(workspace, *(_derive(master, salt, purpose) for purpose in PURPOSES))


def load_session(folder: Path) -> str:
    """Give the secret of the operator's session, in hex; raises WrongKeyError like `load`."""
    return _read_private(_config_folder() / f"{_workspace_id(folder)}.session", "session").decode().strip()


def key_file(folder: Path) -> Path:
    """Say where the master key of a workspace lies, for the operator's backup. Raises LedgerError when it has no id."""
    return _config_folder() / f"{_workspace_id(folder)}.key"


def witness_file(folder: Path) -> Path:
    """Say where the second head of a workspace's history lies (`head`). Raises LedgerError when it has no id."""
    return _config_folder() / f"{_workspace_id(folder)}.head"


def master(folder: Path) -> bytes:
    """Give the master key itself, for a backup under a passphrase. Raises WrongKeyError like `load`."""
    return _read_private(key_file(folder), "key")


def install(workspace: str, key: bytes) -> None:
    """Take over the master key of a workspace from a backup, with a new session; on disk when this returns.

    What is there stays; raises WrongKeyError when that is another key.
    """
    place = _config_folder()
    make_folder(place)
    for kind, content in (("key", key), ("session", secrets.token_hex(KEY_BYTES).encode())):
        path = place / f"{workspace}.{kind}"
        if not path.exists():
            write_new(path, content)
        elif kind == "key" and path.read_bytes() != key:
            raise WrongKeyError(
                f"There is another key of this workspace in {path}.", remedy="Move that file away first."
            )
    sync_folder(place)


def remove(folder: Path) -> None:
    """Throw away the key and session of a workspace that nobody wants any more: its history is unreadable from here on.

    One that is gone already counts as removed. Raises LedgerError when the folder has no id.
    """
    workspace, place = _workspace_id(folder), _config_folder()
    for kind in ("session", "head", "key"):
        (place / f"{workspace}.{kind}").unlink(missing_ok=True)


_RESTORE = "Put the file back from your backup; without it the history of this workspace can't be read."


def _config_folder() -> Path:
    """Follow the XDG base directory specification: a relative path in the variable is ignored."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or "")
    return (config if config.is_absolute() else Path.home() / ".config") / "mainstay" / "keys"


def _workspace_id(folder: Path) -> str:
    try:
        workspace = (folder / ID_NAME).read_text().strip()
    except FileNotFoundError:
        if not folder.is_dir():
            raise LedgerError(f"{folder} is not a workspace.", remedy="Make one with: mainstay init") from None
        raise LedgerError(
            f"The id file of this workspace is missing: {folder / ID_NAME}.",
            remedy="Restore it from a backup. It holds one line: the name of the workspace's key file in "
            f"{_config_folder()}, without `.key`.",
        ) from None
    if not workspace.isalnum():  # it becomes a file name
        raise LedgerError(f"{folder / ID_NAME} does not hold the id of a workspace.", remedy=_RESTORE)
    return workspace


def _read_private(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(4096)
    except FileNotFoundError:
        raise WrongKeyError(f"The {what} file of this workspace is missing: {path}.", remedy=_RESTORE) from None
    except PermissionError:
        raise WrongKeyError(f"The {what} file {path} can't be read by you.", remedy=f"Run: chmod 600 {path}") from None
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise WrongKeyError(f"Others on this machine can read the {what} file {path}.", remedy=f"Run: chmod 600 {path}")
    return content


def _derive(master: bytes, salt: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, salt, f"mainstay/{purpose}/1".encode()).derive(master)
