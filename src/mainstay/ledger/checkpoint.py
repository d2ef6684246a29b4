"""Checkpoints off the writer: moving the WAL into the database while appends go on (KERNEL L5).

A passive checkpoint copies what was committed when it began. What the writer added meanwhile is copied with the
writer held, so that the WAL starts again from its beginning and can't grow for ever under constant load.
"""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

import apsw

from mainstay.errors import LedgerError
from mainstay.ledger import database

if TYPE_CHECKING:
    from pathlib import Path

WAL_BYTES = 16 * 1024 * 1024
PAGE_BYTES = 4096


class Checkpointer:
    """A thread that is woken when enough pages were written since the last checkpoint."""

    def __init__(self, path: Path, key: bytes, turn: Lock, *, wal_bytes: int = WAL_BYTES) -> None:
        """`turn` is held by whoever uses the writing connection."""
        self._path, self._key, self._turn = path, key, turn
        self._pages = wal_bytes // PAGE_BYTES
        self._seen = 0
        self._due = Event()
        self._closing = False
        self.error: Exception | None = None
        self._thread = Thread(target=self._run, name="ledger-checkpointer", daemon=True)
        self._thread.start()

    def note(self, writer: apsw.Connection) -> None:
        """Count what a commit wrote; cheap, called by the writer after each."""
        written = writer.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]
        if written - self._seen >= self._pages:
            self._seen = written
            self._due.set()

    def close(self) -> None:
        """Stop; a checkpoint on its way is finished first."""
        self._closing = True
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._closing:
                return
            try:
                self._checkpoint()
            except (apsw.Error, LedgerError) as error:
                self.error = error
                return

    def _checkpoint(self) -> None:
        connection = database.connect_writer(self._path, self._key)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            with self._turn:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            connection.close()
