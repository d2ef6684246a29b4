"""Who was forgotten, as this machine remembers it: a restored or imported history has to forget them again (M7, L6).

    <the user's config>/mainstay/keys/<id>.forgotten      one receipt on each line, as JSON; it names nobody

It lies beside the workspace's key, because an older copy of the history knows nothing of what was forgotten later, and
brings the keys of those people back. Receipts hold random ids of keys, moments and counts.

Lines are only added, each in one write, so that two copies of a workspace may both add theirs. One that a crash cut off
is passed over; the history itself holds the receipt, and it is added again at the next start.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from mainstay.events import PersonForgotten
from mainstay.ledger.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SUFFIX = ".forgotten"


class Forgotten:
    """The receipts that lie in one file, and those beside it: of other workspaces, from which an import may come."""

    def __init__(self, path: Path) -> None:
        """Take the file of this workspace, which need not be there yet."""
        self._path = path

    def own(self) -> list[PersonForgotten]:
        """Give the receipts of this workspace. Raises OSError when they can't be read."""
        return list(_read(self._path))

    def all(self) -> list[PersonForgotten]:
        """Give the receipts of every workspace this machine knows, each once. Raises OSError when one can't be read."""
        paths = sorted(self._path.parent.glob(f"*{SUFFIX}"))
        return list({one.id: one for path in paths for one in _read(path)}.values())

    def add(self, receipts: Iterable[PersonForgotten]) -> None:
        """Add receipts that are not there yet; on disk when this returns. Raises OSError when that can't be done."""
        lines = b"".join(msgspec.json.encode(one) + b"\n" for one in receipts)
        if not lines:
            return
        is_new = not self._path.exists()
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            end = os.lseek(file, 0, os.SEEK_END)
            cut_off = end and os.pread(file, 1, end - 1) != b"\n"
            _write(file, b"\n" * cut_off + lines)
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            sync_folder(self._path.parent)


def keys_of(receipt: PersonForgotten) -> tuple[str, ...]:
    """Give the keys that went with a person."""
    return (*receipt.keys, *receipt.texts, *receipt.files)


def _read(path: Path) -> Iterator[PersonForgotten]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=PersonForgotten)
        except msgspec.MsgspecError:  # cut off by a crash
            continue


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
