"""The workspace's master key and the operator's session, in the user's config folder (KERNEL L4).

    $XDG_CONFIG_HOME (or ~/.config) / mainstay / keys / <workspace id>.key       32 random bytes (or see `keeping`)
                                                        <workspace id>.session   32 random bytes in hex
    beside them: <workspace id>.<number>.head (see `head`), <workspace id>.forgotten (see `forgotten`)
                 and <workspace id>.secrets (see `vault`)

Both files are 0600 and made by `init`. The id stands in `.mainstay/id`, so the folder may move; the key never
lies inside the workspace. Without it the history is unreadable: it belongs into the operator's own backup.
A key that was unlocked once stays so for as long as the process lives.
Sub-keys: HKDF-SHA256 (RFC 5869), salt = workspace id, info = "mainstay/<purpose>/1".
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import LedgerError, WrongKeyError
from mainstay.ledger import keeping
from mainstay.ledger.disk import make_folder, read_private, replace
from mainstay.ledger.forgotten import SUFFIX as FORGOTTEN_SUFFIX
from mainstay.ledger.keeping import KEY_BYTES

if TYPE_CHECKING:
    from mainstay.ledger.keeping import Way

ID_NAME = "id"
SECRETS_SUFFIX = ".secrets"
SECRETS_OWN = "-secrets"  # a key of their own, beside the workspace's
PURPOSES = ("database", "blobs", "tokens", "people", "receipts", "secrets")


class Keys(msgspec.Struct, frozen=True):
    """What is derived from the master key, which itself stays in its file."""

    workspace: str  # the workspace's id
    database: bytes
    blobs: bytes
    tokens: bytes  # idempotency tokens (KERNEL E2)
    people: bytes  # wraps the keys of people (KERNEL L3)
    receipts: bytes  # signs receipts and anchors (ledger/signing.py)
    secrets: bytes  # seals what `vault` keeps

    def __repr__(self) -> str:
        """Keep keys out of logs and tracebacks."""
        return f"Keys({self.workspace})"


_unlocked: dict[Path, bytes] = {}  # master keys that took a passphrase, by the file they were wrapped in


def create(folder: Path, way: Way = "file", word: str = "") -> Keys:
    """Make id, master key and session of a new workspace (`folder` is its `.mainstay`); on disk when this returns.

    `way` says where the key is kept, `word` is its passphrase. Raises LedgerError when there is an id already, or the
    key would lie inside the workspace.
    """
    workspace = secrets.token_hex(16)
    place = _config_folder()
    keeping.refuse_inside(place, folder.parent)
    if (folder / ID_NAME).exists():
        raise LedgerError(f"{folder} already belongs to a workspace.", remedy="Choose another folder for the new one.")
    make_folder(place)
    make_folder(folder)
    made = secrets.token_bytes(KEY_BYTES)
    keeping.put(place, workspace, made, way, word)
    if way == "passphrase":
        _unlocked[keeping.file_of(place, workspace, way)] = made
    replace(place / f"{workspace}.session", secrets.token_hex(KEY_BYTES).encode())
    replace(folder / ID_NAME, workspace.encode())  # last: from here on the folder is a workspace
    return load(folder)


def load(folder: Path) -> Keys:
    """Give the keys of a workspace; raises WrongKeyError when key and folder do not fit or anybody may read it.

    Raises LockedError when the key opens with a passphrase and none is to be had. May ask at the terminal.
    """
    workspace = _workspace_id(folder)
    key, salt = master(folder), workspace.encode()
    return Keys(workspace, *(_derive(key, salt, purpose) for purpose in PURPOSES))


def load_session(folder: Path) -> str:
    """Give the secret of the operator's session, in hex; raises WrongKeyError like `load`."""
    return read_private(_config_folder() / f"{_workspace_id(folder)}.session", "session").decode().strip()


def key_file(folder: Path) -> Path:
    """Say which file the master key depends on, for the operator's backup. Raises LedgerError when it has no id."""
    workspace = _workspace_id(folder)
    return keeping.file_of(_config_folder(), workspace, way_of(folder))


def way_of(folder: Path) -> Way:
    """Say how the master key of a workspace is kept; "file" also where it is gone. Raises LedgerError without an id."""
    return keeping.way_of(_config_folder(), _workspace_id(folder)) or "file"


def move(folder: Path, way: Way, word: str = "") -> None:
    """Keep the master key in another way from now on; on disk when this returns. The history stays as it is.

    Raises what `load` raises, and InputError when this system can't keep it so; then it is kept as before.
    """
    place, workspace, key = _config_folder(), _workspace_id(folder), master(folder)
    keeping.refuse_inside(place, folder.parent)
    keeping.put(place, workspace, key, way, word)
    for other in keeping.WAYS:
        if other != way:
            keeping.drop(place, workspace, other)
    _unlocked.clear()
    if way == "passphrase":
        _unlocked[keeping.file_of(place, workspace, way)] = key
    if master(folder) != key:  # it was just read back from where it is now
        raise LedgerError("The key was moved, and is not the same.", remedy="Put it back from your backup.")


def witness_file(folder: Path) -> Path:
    """Say beside which name the second heads of a workspace's copies lie (`head`). Raises LedgerError without an id."""
    return _config_folder() / f"{_workspace_id(folder)}.head"


def secrets_file(folder: Path) -> Path:
    """Say where the secrets of a workspace lie (`vault`). Raises LedgerError when the folder has no id."""
    return _config_folder() / f"{_workspace_id(folder)}{SECRETS_SUFFIX}"


def forgotten_file(folder: Path) -> Path:
    """Say where it is remembered who was forgotten (`forgotten`). Raises LedgerError when the folder has no id."""
    return _config_folder() / f"{_workspace_id(folder)}{FORGOTTEN_SUFFIX}"


def master(folder: Path) -> bytes:
    """Give the master key itself, for a backup of it. Raises WrongKeyError or LockedError like `load`."""
    place, workspace = _config_folder(), _workspace_id(folder)
    keeping.refuse_inside(place, folder.parent)
    path = key_file(folder)
    if path in _unlocked and path.exists():
        return _unlocked[path]
    key = keeping.take(place, workspace)
    if way_of(folder) == "passphrase":
        _unlocked[path] = key
    return key


def install(workspace: str, key: bytes) -> None:
    """Take over the master key of a workspace from a backup, with a new session; on disk when this returns.

    What is there stays; raises WrongKeyError when that is another key.
    """
    place = _config_folder()
    make_folder(place)
    if keeping.way_of(place, workspace) is None:
        keeping.put(place, workspace, key, "file")
    elif keeping.take(place, workspace) != key:
        raise WrongKeyError(f"There is another key of this workspace in {place}.", remedy="Move that away first.")
    session = place / f"{workspace}.session"
    if not session.exists():
        replace(session, secrets.token_hex(KEY_BYTES).encode())


def remove(folder: Path) -> None:
    """Throw away the key and session of a workspace that nobody wants any more: its history is unreadable from here on.

    One that is gone already counts as removed. Raises LedgerError when the folder has no id.
    """
    workspace, place = _workspace_id(folder), _config_folder()
    for kind in (".session", ".head", FORGOTTEN_SUFFIX, SECRETS_SUFFIX, f"{SECRETS_SUFFIX}.lock"):
        (place / f"{workspace}{kind}").unlink(missing_ok=True)
    for head in place.glob(f"{workspace}.*.head"):
        head.unlink(missing_ok=True)
    for way in keeping.WAYS:
        keeping.drop(place, workspace, way)
        keeping.drop(place, f"{workspace}{SECRETS_OWN}", way)


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
        raise LedgerError(f"{folder / ID_NAME} does not hold the id of a workspace.", remedy=keeping.RESTORE)
    return workspace


def _derive(master: bytes, salt: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY_BYTES, salt, f"mainstay/{purpose}/1".encode()).derive(master)
