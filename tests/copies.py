"""A workspace that was made once, as if it had been made elsewhere: copying one takes a tenth of making it.

A copy of a workspace is held until the operator's word (KERNEL L6). So a copied one is told that it always lay there.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import msgspec

from mainstay.ledger import head

if TYPE_CHECKING:
    from pathlib import Path

KEYS = "config/mainstay/keys"


def copy_made(made: Path, base: Path, name: str = "acme") -> None:
    """Copy the workspace `name` and the operator's configuration from one folder into another; nobody owns it."""
    shutil.copytree(made / "config", base / "config")
    shutil.copytree(made / name, base / name, ignore=shutil.ignore_patterns("owner.lock"))
    path = base / name / ".mainstay" / head.HEAD_NAME
    stood = head.read(path)
    assert stood is not None
    ledger = path.with_name("ledger.db")
    here = head.place_of(ledger)
    stands = msgspec.json.encode(msgspec.structs.replace(stood, place=here, ledger=str(ledger.absolute())))
    path.write_bytes(stands)
    (witness,) = (base / KEYS).glob(f"*.{stood.place.inode}.head")
    witness.unlink()
    witness.with_name(witness.name.replace(f".{stood.place.inode}.", f".{here.inode}.")).write_bytes(stands)
