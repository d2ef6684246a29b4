"""Room ahead in the write-ahead log: a commit that lengthens its file waits for the file system's journal as well.

The zeros there are to SQLite what stands behind the last frame of any log that it began anew: not of this log, so that
reading ends. They need not be on disk, and where there is no room for them SQLite meets that itself and says so.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 2 * 1024 * 1024  # at once
_ZEROS = memoryview(bytes(MOST_BYTES))


class Room:
    """Makes the log of an open database longer ahead of its commits."""

    def __init__(self, database: Path) -> None:
        """Keep room in the log of this database."""
        self._path = database.with_name(f"{database.name}-wal")
        self._file = -1
        self._size = 0

    def keep(self) -> None:
        """Make the log twice as long when the last commit took what there was; after each.

        The keys of people are written through another connection, perhaps just now: so zeros are only ever appended,
        wherever the file ends as they are written, and never lie over what somebody committed meanwhile.
        """
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            size = os.fstat(self._file).st_size
            if size != self._size:
                self._size = size + os.write(self._file, _ZEROS[: min(size, MOST_BYTES)])
        except OSError:
            return

    def close(self) -> None:
        """Let go of it; the next commit would open it again."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size = -1, 0
