"""Committing what was queued: the same for a file with a thread of its own and for a disk that is only simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.ledger import batch, projections

if TYPE_CHECKING:
    import asyncio
    from collections import deque
    from collections.abc import Sequence

    import apsw

    from mainstay.errors import CommitFailedError, ConflictError, MainstayError
    from mainstay.ports import Acknowledge, Projection

BATCH_BYTES = 4 * 1024 * 1024
BATCH_EVENTS = 2000


def take(queue: deque[batch.Request]) -> list[batch.Request]:
    """Take what waits, up to the bounds of one transaction."""
    taken: list[batch.Request] = []
    events = size = 0
    while queue and events < BATCH_EVENTS and size < BATCH_BYTES:
        request = queue.popleft()
        taken.append(request)
        events += request.events
        size += request.size
    return taken


class Writing:
    """Commits batches through one connection, and knows where streams and chain stand on disk."""

    def __init__(self, connection: apsw.Connection, projected: Sequence[Projection]) -> None:
        """Read where they stand."""
        self._connection = connection
        self._projected = projected
        self._kinds = frozenset(kind for each in projected for kind in each.kinds)
        self._heads = batch.Heads(connection)

    def commit(self, requests: Sequence[batch.Request]) -> batch.Batch:
        """Bring events, chain and projections to disk in one transaction. After an error nobody knows what is there."""
        work = batch.assemble(requests, self._heads, self._kinds)
        if work.rows:
            self._write(work)
        self._heads.advance(work)
        return work

    def _write(self, work: batch.Batch) -> None:
        if work.is_one_statement:
            batch.write(self._connection, work)
            return
        self._connection.execute("BEGIN IMMEDIATE")
        batch.write(self._connection, work)
        if work.events:
            projections.apply(self._connection, self._projected, work.events)
        self._connection.execute("COMMIT")


def resolve(work: batch.Batch) -> None:
    """Tell those who wait what became of their requests; in the loop, once the batch is on disk."""
    for request, position, conflict in work.news:
        try:
            request.told(position, conflict)
        except Exception as mistake:  # noqa: BLE001 - of one of them; the others are told all the same
            _broke(request, mistake)


def refuse(requests: Sequence[batch.Request], error: CommitFailedError | ConflictError) -> None:
    """Tell those who wait that their batch failed; in the loop."""
    for request in requests:
        try:
            request.told(0, error)
        except Exception as mistake:  # noqa: BLE001 - as above
            _broke(request, mistake)


def _broke(request: batch.Request, mistake: Exception) -> None:
    context = {"message": "What was told that its facts are on disk, or not, broke.", "exception": mistake}
    request.loop.call_exception_handler(context)


def into(future: asyncio.Future[int]) -> Acknowledge:
    """Give what tells a future; one that nobody waits for any more is told nothing."""

    def told(position: int, error: MainstayError | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(position)
        else:
            future.set_exception(error)

    return told
