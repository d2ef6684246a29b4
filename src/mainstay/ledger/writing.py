"""Committing what was queued: the same for a file with a thread of its own and for a disk that is only simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.ledger import batch, projections

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    import apsw

    from mainstay.errors import CommitFailedError, ConflictError
    from mainstay.ports import Projection

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
        if work.accepted:
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
    for future, position in work.accepted:
        if not future.done():
            future.set_result(position)
    for future, conflict in work.refused:
        if not future.done():
            future.set_exception(conflict)


def refuse(requests: Sequence[batch.Request], error: CommitFailedError | ConflictError) -> None:
    """Tell those who wait that their batch failed; in the loop."""
    for request in requests:
        if not request.future.done():
            request.future.set_exception(error)
