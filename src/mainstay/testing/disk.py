"""A simulated disk: `ports.Ledger` and `ports.Blobs` that outlive the crash of their owner.

Encoding, chain, schema, projections and reading are the real ones; only the file and its thread are replaced by a
database in memory and by simulated time. Commits take their time, and what is appended meanwhile shares the next one,
as in `ledger/sqlite.py`. What may befall a commit: the process dies before it; dies after it, with nobody told; the
disk reports a failure, with the batch on disk or not, and the history has to be opened again (KERNEL L5).
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from mainstay.errors import CommitFailedError, DiskFullError, LedgerError
from mainstay.ledger import batch, chain, database, projections
from mainstay.ledger.people import KEY_BYTES, PersonKeyring
from mainstay.ledger.reader import Reading, records
from mainstay.ledger.segments import Segments
from mainstay.ledger.trouble import ROOM_BYTES
from mainstay.ledger.writing import Writing, into, refuse, resolve, take
from mainstay.values import BlobRef

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.events import Append
    from mainstay.ports import Acknowledge, Projection
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries

FULL_S = 30.0  # a full disk has room again after so long
NOWHERE = Path("simulated")
STATEMENTS = 1000  # kept ready by a database: more than there are, for each of thousands of lives uses all of them
SET_UP = ("meta", "projection")  # tables whose rows are there in a new workspace too

# The tables, but for SQLite's own and those that are set up. (names as JSON)
TABLES = """
SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
AND name NOT IN (SELECT value FROM json_each(?))"""


class Faults:
    """How often a commit fails, and a disk is full, as shares of all commits."""

    def __init__(self, failing: float = 0.0, full: float = 0.0, slow: float = 0.02) -> None:
        """Take the shares."""
        self.failing, self.full, self.slow = failing, full, slow


class Disk:
    """What is on disk: the database and the blobs, in whatever life."""

    def __init__(self, projected: Sequence[Projection], chance: Chance, faults: Faults) -> None:
        """Begin empty, set up as a new workspace is."""
        self.projected = projected
        self.chance = chance
        self.faults = faults
        self.segments = Segments(NOWHERE, bytes(32))
        self.connection = _empty.pop() if _empty else _Lasting(":memory:", statementcachesize=STATEMENTS)
        database.prepare(self.connection, "")
        projections.install(self.connection, projected, None, self.segments)
        self.blobs: dict[str, bytes] = {}
        self.commits = self.drawn = self.flushes = 0
        self.mended = 0  # how often the history was read again after a commit that failed
        self.told: list[tuple[int, str]] = []  # ends of batches that were acknowledged: position and digest
        self.room_at_s = 0.0  # the disk is full until then

    def throw_away(self) -> None:
        """Use it no more; its database is emptied for another one, because setting one up takes long."""
        _clear(self.connection)
        _empty.append(self.connection)

    def verify(self) -> chain.Verification:
        """Walk the chain."""
        return chain.verify(records(NOWHERE, self.connection, self.segments))

    def differing(self) -> list[str]:
        """Name the projected tables that are not what a rebuild would give."""
        blank = _blank.pop() if _blank else projections.blank(self.projected)
        found = projections.differing_from(blank, self.connection, self.projected, self.segments)
        _clear(blank)
        _blank.append(blank)
        return found


class _Lasting(apsw.Connection):
    """A database in memory that is there as long as its disk: closing it is what a process does, not the disk.

    While `failure` is set nothing can be written beside the history.
    """

    failure: apsw.Error | None = None

    def executemany(self, *given: Any, **more: Any) -> apsw.Cursor:  # noqa: ANN401 - as apsw has it
        """Write many rows, or fail."""
        if self.failure is not None:
            raise self.failure
        return super().executemany(*given, **more)

    def close(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - as apsw has it
        """Leave it open."""
        del force


_empty: list[_Lasting] = []
_blank: list[apsw.Connection] = []  # for what a rebuild gives


def _clear(connection: apsw.Connection) -> None:
    for (table,) in database.rows(connection, TABLES, (json.dumps(SET_UP),)):
        connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - named by SQLite itself


class SimulatedLedger(Reading):
    """The one writer of a simulated disk, for one life of its owner."""

    def __init__(self, disk: Disk, boundaries: Boundaries) -> None:
        """Open what the disk holds."""
        self.segments = disk.segments
        self._disk, self._boundaries = disk, boundaries
        self._queue: deque[batch.Request] = deque()
        self._taken: list[batch.Request] = []  # on their way to disk
        self._is_writing = False
        self._failure: CommitFailedError | None = None
        self._reopened = 0
        self._writing = Writing(disk.connection, disk.projected)

    def append(self, appends: Sequence[Append]) -> asyncio.Future[int]:
        """Do what `queue` does, for who awaits it; see `SqliteLedger.append`."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.queue(appends, into(future), awaited=True)
        return future

    def queue(self, appends: Sequence[Append], told: Acknowledge, *, awaited: bool = False) -> None:
        """Queue facts for several streams, all or none; see `SqliteLedger.queue`."""
        self._boundaries.reach("append")
        self._queue.append(batch.encode_request(appends, told, awaited=awaited))
        if not self._is_writing:
            self._is_writing = True
            asyncio.get_running_loop().call_soon(self._begin)

    def flush(self) -> None:
        """Commit all that is queued before this returns; see `SqliteLedger.flush`."""
        while self._taken or self._queue:
            if not self._taken:
                self._taken = take(self._queue)
                self._disk.commits += 1
            self._commit_taken()

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query what is committed."""
        self._boundaries.alive()
        if self._failure is not None:
            raise self._failure
        return database.rows(self._disk.connection, sql, parameters)

    def reopen(self) -> None:
        """Read the history again after a commit that failed; raises LedgerError while the cause lasts."""
        self._boundaries.reach("reopen")
        self._reopened += 1
        disk = self._disk
        if self.room_missing() or disk.chance.happens(0.3, "reopen", disk.commits, self._reopened):
            raise LedgerError("The simulated disk can't be read.")
        self._writing = Writing(disk.connection, disk.projected)
        self._failure = None
        disk.mended += 1

    def room_missing(self) -> int:
        """Say how many bytes are missing on the disk."""
        return ROOM_BYTES if asyncio.get_running_loop().time() < self._disk.room_at_s else 0

    # --- a commit

    def _begin(self) -> None:
        """Take what waits, and bring it to disk after a while."""
        requests = take(self._queue)
        while requests and self._failure is not None:  # what was queued fails before anything is opened again
            asyncio.get_running_loop().call_soon(refuse, requests, self._failure)
            requests = take(self._queue)
        if not requests:
            self._is_writing = False
            return
        disk = self._disk
        disk.commits += 1
        slow = disk.chance.happens(disk.faults.slow, "slow", disk.commits)
        takes_s = disk.chance.draw("takes", disk.commits) * (2.0 if slow else 0.004)
        self._taken = requests
        asyncio.get_running_loop().call_later(takes_s, self._commit)

    def _commit(self) -> None:
        if self._taken:  # else somebody could not wait
            self._commit_taken()
        self._begin()

    def _commit_taken(self) -> None:
        requests, self._taken = self._taken, []
        self._boundaries.reach("before commit")
        disk, loop = self._disk, asyncio.get_running_loop()
        failure = self._failure or self._failing()
        if failure is None or (self._failure is None and disk.chance.happens(0.5, "kept", disk.commits)):
            work = self._writing.commit(requests)
            self._boundaries.reach("after commit")
            if failure is None:
                loop.call_soon(self._tell, work)
        if failure is not None:
            self._failure = failure
            loop.call_soon(refuse, requests, failure)

    def _tell(self, work: batch.Batch) -> None:
        self._boundaries.alive()
        self._disk.told.append((work.position, work.digest.hex()))
        resolve(work)
        self._boundaries.reach("after acknowledgement")

    def _failing(self) -> CommitFailedError | None:
        disk = self._disk
        if disk.chance.happens(disk.faults.full, "full", disk.commits):
            disk.room_at_s = asyncio.get_running_loop().time() + FULL_S * disk.chance.draw("room", disk.commits)
            return DiskFullError("The simulated disk is full.")
        if disk.chance.happens(disk.faults.failing, "fails", disk.commits):
            return CommitFailedError("The simulated disk failed.")
        return None


class SimulatedPeople(PersonKeyring):
    """The keys of people on a simulated disk, for one life of the owner."""

    def __init__(self, disk: Disk, boundaries: Boundaries) -> None:
        """Open what the disk holds."""
        self._disk, self._boundaries = disk, boundaries
        super().__init__(
            NOWHERE, b"", bytes(KEY_BYTES), connect=lambda _path, _key: disk.connection, entropy=self._drawn
        )

    def flush(self) -> None:
        """Bring new keys to disk; the process may die before and after."""
        self._boundaries.reach("before keys")
        disk = self._disk
        disk.flushes += 1
        if asyncio.get_running_loop().time() < disk.room_at_s:
            disk.connection.failure = apsw.FullError("database or disk is full")
        elif disk.chance.happens(disk.faults.failing, "keys fail", disk.flushes):
            disk.connection.failure = apsw.IOError("disk I/O error")
        try:
            super().flush()
        finally:
            disk.connection.failure = None
        self._boundaries.reach("after keys")

    def _drawn(self, count: int) -> bytes:
        self._disk.drawn += 1
        return self._disk.chance.some(count, "key", self._disk.drawn)


class SimulatedBlobs:
    """`ports.Blobs` on a simulated disk."""

    def __init__(self, disk: Disk, boundaries: Boundaries) -> None:
        """Keep them there."""
        self._kept, self._boundaries = disk.blobs, boundaries

    def put(self, content: bytes, *, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Store bytes; on disk when this returns."""
        digest = blake2b(content, digest_size=32).hexdigest()
        self._boundaries.reach("before blob")
        self._kept[digest] = content
        self._boundaries.reach("after blob")
        return BlobRef(digest=digest, size=len(content), name=name, media=media)

    def get(self, ref: BlobRef) -> bytes:
        """Give the bytes; raises LedgerError when they are missing."""
        self._boundaries.alive()
        if ref.digest not in self._kept:
            raise LedgerError(f"A value of {ref.size} bytes is missing.")
        return self._kept[ref.digest]
