"""The ledger in one encrypted SQLite file: `ports.Ledger` with group commit (KERNEL L1 to L5).

The loop's thread encodes and queues. What queued up is committed as one transaction: events, chain and projections.
Who waits is told after COMMIT, all of a batch in one call in the loop.

As long as the last commit hardly waited for the disk, the loop's thread commits what a few of its rounds gathered: to
hand it to another thread and to be told costs more than such a disk. Otherwise a writer thread takes everything that
queued up while its commit before was on its way, and the loop goes on meanwhile (ADR 20).

After any error inside a transaction the ledger is *failed*: what the transaction held is unknown, everything that
was queued fails with it, and nothing is taken or read until `reopen` has brought all of the WAL into the database.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import contextmanager
from functools import partial
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self

import apsw

from mainstay.errors import CommitFailedError, ConflictError, DiskFullError, LedgerError
from mainstay.ledger import batch, database, projections
from mainstay.ledger.checkpoint import Checkpointer
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.repair import forget_damaged
from mainstay.ledger.segments import Segments
from mainstay.ledger.trouble import is_full, trouble
from mainstay.ledger.wal import Room
from mainstay.ledger.writing import Writing, into, refuse, resolve, take

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from mainstay.events import Append, Recorded
    from mainstay.ledger.chain import Verification
    from mainstay.ports import Acknowledge, Projection


QUICK_S = 0.0005  # a disk that is waited for no longer than this may hold up the loop
ENOUGH = 200  # requests that are not kept waiting for more
IN_A_ROW = 8  # commits of one plan that is alone at work, before the loop gets to all else


class SqliteLedger:
    """The one writer of a workspace's history. The caller holds the owner lock (`lock.OwnerLock`)."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        projected: Sequence[Projection] = (),
        workspace: str = "",
        progress: projections.Progress | None = None,
        begin: bool = True,
        lost: Callable[[], bool] = lambda: False,
    ) -> None:
        """Open or create; completes what a crash left in the WAL, and makes changed projections anew.

        Without `begin` nothing is created: a history that is missing is an error, never a new one. `lost` says, before
        each commit, whether somebody else may own the workspace by now: nothing is written then (FAULTS F12).
        Raises WrongKeyError, or LedgerError when the file can't be used.
        """
        self._path, self._key, self._workspace = path, key, workspace
        self._lost = lost
        self.segments = Segments(path.parent, key)
        self._projected = tuple(projected)
        self._queue: deque[batch.Request] = deque()
        self._turn = Lock()  # held by whoever uses the writing connection
        self._wake = Lock()  # released to wake the writer
        self._wake.acquire()
        self._gathering: asyncio.AbstractEventLoop | None = None  # that is about to commit
        self._waited_s = 0.0  # for the disk, at the last commit
        self._closing = False
        self._failure: CommitFailedError | None = None
        if begin:
            database.create_if_missing(path, key)
        else:
            database.refuse_missing(path)
        self._open(progress, apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._thread = Thread(target=self._write_on, name="ledger-writer", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the port

    def append(self, appends: Sequence[Append]) -> asyncio.Future[int]:
        """Do what `queue` does; the future gives the last position, or raises why it is not on disk."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.queue(appends, into(future), awaited=True)
        return future

    def queue(self, appends: Sequence[Append], told: Acknowledge, *, awaited: bool = False) -> None:
        """Queue facts for several streams, all or none; from the loop's thread, where `told` is called.

        It is called with the last position once everything is on disk; else with ConflictError when a stream is not
        at its expected sequence, or CommitFailedError when the disk failed. Raised at once: CommandRefusedError when a
        stream would grow too long, TypeError or ValueError when a value is not plain.
        """
        if self._closing:
            raise LedgerError("The history is closed.")
        request = batch.encode_request(appends, told, awaited=awaited)
        self._queue.append(request)
        if self._gathering is not request.loop:
            self._see_to_it(request.loop)

    def flush(self) -> None:
        """Commit all that is queued before this returns, from the loop's thread; who waits for it is told later."""
        if self._closing:
            return
        with self._turn:  # once it is ours, nothing is on its way
            while requests := take(self._queue):
                _in_loop(requests, self._commit(requests))

    def read(self, stream: str, after: int = 0) -> list[Recorded]:
        """Give the committed facts of a stream past a sequence, in order."""
        return self.reader.read(stream, after)

    def tail(self, after: int = 0, limit: int = 1000) -> Iterator[Recorded]:
        """Give at most `limit` committed facts past a position, in order."""
        return self.reader.tail(after, limit)

    def of_kinds(self, kinds: str, after: int, limit: int) -> list[Recorded]:
        """Give at most `limit` committed facts of some kinds past a position, in order; `kinds` is a list as JSON."""
        return self.reader.of_kinds(kinds, after, limit)

    def first_since(self, at_us: int) -> int:
        """Give the position of the first fact recorded at a time or later; the one past the last where none was."""
        return self.reader.first_since(at_us)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query a projection; `sql` is a named constant of ours."""
        return self.reader.rows(sql, parameters)

    # --- care

    @property
    def failed(self) -> bool:
        """Whether a commit failed since the ledger was opened; then only `reopen` and `close` are of use."""
        return self._failure is not None

    @property
    def reader(self) -> SqliteReader:
        """The reading side; raises CommitFailedError while the ledger is failed."""
        if self._failure is not None:
            raise self._failure
        return self._reader

    def head(self) -> tuple[int, str]:
        """Give the last committed position and its digest in hex."""
        return self.reader.head()

    def digest_at(self, position: int) -> str:
        """Give the digest of one committed record in hex; empty when there is none."""
        return self.reader.digest_at(position)

    def verify(self, progress: Callable[[int], None] | None = None) -> Verification:
        """Walk the chain; blocks, and may be called from another thread."""
        return self.reader.verify(progress)

    def rebuild(self, progress: projections.Progress | None = None) -> projections.Rebuilt:
        """Drop all projections and make them anew, in one transaction; appends wait meanwhile."""
        with self._turn, self._guarded():
            return projections.rebuild(self._writer, self._projected, progress, self.segments)

    def differing(self) -> list[str]:
        """Name the projected tables that are not what a rebuild would give; appends wait meanwhile."""
        with self._turn, self._guarded():
            return projections.differing(self._writer, self._projected, self.segments)

    @contextmanager
    def held(self) -> Generator[apsw.Connection]:
        """Give the writing connection for care of the history itself; appends wait meanwhile."""
        with self._turn, self._guarded():
            yield self._writer

    def reopen(self) -> None:
        """Close, open, bring the WAL into the database, and only then read again (KERNEL L5).

        Raises LedgerError while the cause lasts; the ledger then stays failed, and this may be tried again.
        """
        self._checkpointer.close()  # it may be waiting for its turn
        with self._turn:
            self._close_connections()
            database.refuse_missing(self._path)
            self._open(None, apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._failure = None

    def close(self) -> None:
        """Commit what was queued, and close. Who was not told by then is told by the loop later."""
        if self._closing:
            return
        self._closing = True
        self._signal()
        self._thread.join()
        self._close_connections()

    # --- opening and closing

    def _open(self, progress: projections.Progress | None, checkpoint_mode: int) -> None:
        self._writer = database.connect_writer(self._path, self._key)
        try:
            self._writer.wal_checkpoint(mode=checkpoint_mode)
            database.prepare(self._writer, self._workspace)
            forget_damaged(self._writer, self._path, self._key, self._projected)
            projections.install(self._writer, self._projected, progress, self.segments)
            self._writing = Writing(self._writer, self._projected)
            self._reader = SqliteReader(self._path, self._key)
        except (apsw.Error, LedgerError) as error:
            self._writer.close()
            if isinstance(error, LedgerError):
                raise
            why, remedy = trouble(self._path, error)
            raise LedgerError(f"{self._path} can't be used: {why}.", remedy=remedy) from error
        self._room = Room(self._path)
        self._checkpointer = Checkpointer(self._path, self._key, self._turn)

    @contextmanager
    def _guarded(self) -> Generator[None]:
        """Let no care run on a failed ledger, and fail it when the disk fails meanwhile."""
        if self._failure is not None:
            raise self._failure
        try:
            yield
        except apsw.Error as error:
            self._failure = _failure(self._path, error)
            raise self._failure from error

    def _close_connections(self) -> None:
        self._checkpointer.close()
        self._room.close()
        self._reader.close()
        self._writer.close()

    # --- in the loop's thread

    def _see_to_it(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let what is queued be committed: soon in this thread, or by the writer where the disk is slow."""
        if self._waited_s > QUICK_S:
            self._signal()
        else:
            self._gathering = loop
            loop.call_soon(self._gather, len(self._queue))

    def _gather(self, seen: int) -> None:
        """Wait while each round of the loop brings more, then commit; what can't be committed here the writer does.

        What follows from the one request that there was is committed at once, a few times: with one plan at work
        another round of the loop brings nothing, and costs as much as a quick disk. Not so where somebody waits for it:
        who asked for a plan follows it before more of it is on disk.
        """
        loop, count = asyncio.get_running_loop(), len(self._queue)
        if seen < count < ENOUGH:
            loop.call_soon(self._gather, count)
            return
        try:
            for _ in range(IN_A_ROW):
                if not self._turn.acquire(blocking=False):
                    self._signal()
                    return
                alone = self._commit_here()
                if not alone or len(self._queue) != 1 or self._waited_s > QUICK_S:
                    break
        finally:
            self._gathering = None
        if self._queue:
            self._see_to_it(loop)

    def _commit_here(self) -> bool:
        """Commit what waits, let go of the connection, and tell of it; give whether it was one, which nobody awaits."""
        try:
            tell = self._commit(requests) if (requests := take(self._queue)) else None
        finally:
            self._turn.release()
        if tell is not None:
            tell()
        return len(requests) == 1 and not requests[0].awaited

    # --- the writer thread

    def _signal(self) -> None:
        """Wake the writer. It gets to run when the loop waits, so whatever the loop still queues goes with it."""
        if self._wake.locked():
            self._wake.release()

    def _write_on(self) -> None:
        while True:
            self._wake.acquire()
            with self._turn:
                while requests := take(self._queue):
                    _in_loop(requests, self._commit(requests))
            if self._closing and not self._queue:
                return

    def _commit(self, requests: list[batch.Request]) -> Callable[[], None]:
        """Bring requests to disk, or not; give the call that tells those who wait for them, to be made in the loop."""
        began_s, worked_s = time.perf_counter(), time.thread_time()
        if self._failure is None and self._checkpointer.error is not None:
            self._failure = _failure(self._path, self._checkpointer.error)
        if self._failure is not None:
            return partial(refuse, requests, self._failure)
        try:
            if self._lost():
                return partial(refuse, requests, _overtaken(self._path))
            work = self._writing.commit(requests)
            self._checkpointer.note(self._writer)
            self._room.keep()
        except Exception as error:  # noqa: BLE001 - whatever it is, the transaction is unknown and all are told
            self._failure = _failure(self._path, error)
            return partial(refuse, requests, self._failure)
        self._waited_s = (time.perf_counter() - began_s) - (time.thread_time() - worked_s)
        return partial(resolve, work)


def _overtaken(path: Path) -> ConflictError:
    return ConflictError(
        f"This process no longer holds the lock of {path.parent}: somebody took it away, and may work there now.",
        remedy="Nothing more was written. See who works on the workspace, then start again: mainstay doctor",
    )


def _failure(path: Path, error: Exception) -> CommitFailedError:
    why, remedy = trouble(path, error)
    kind = DiskFullError if is_full(path, error) else CommitFailedError
    failure = kind(
        f"Writing to {path} failed ({why}): whether the last events are on disk is not known yet.",
        remedy=f"{remedy} Mainstay reads the history again before it goes on.",
    )
    failure.__cause__ = error
    return failure


def _in_loop(requests: list[batch.Request], call: Callable[[], None]) -> None:
    try:
        requests[0].loop.call_soon_threadsafe(call)
    except RuntimeError:  # the loop is closed: nobody waits any more, and what was committed stays committed
        return
