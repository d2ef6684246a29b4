"""Everything that stands in a workspace's `.mainstay`, decrypted as far as the workspace's own keys go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.ledger import keys
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.reader import SqliteReader
from mainstay.values import BlobRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.workspace import Workspace

TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"


def everything(workspace: Workspace) -> Iterator[tuple[str, bytes]]:
    """Give all bytes there are, each with the place it stands at."""
    own = keys.load(workspace.state)
    with SqliteReader(workspace.ledger, own.database) as reader:
        for (table,) in reader.rows(TABLES):
            for number, row in enumerate(reader.rows(f'SELECT * FROM "{table}"')):
                for column, cell in enumerate(row):
                    yield f"{table}[{number}].{column}", cell if isinstance(cell, bytes) else str(cell).encode()
    blobs = FileBlobs(workspace.blobs, own.blobs, cache_bytes=0)
    for path in sorted(workspace.blobs.glob("??/*")):
        yield f"blob {path.name[:8]}", blobs.get(BlobRef(path.parent.name + path.name, 0))


def leaks(workspace: Workspace, strings: set[str]) -> list[tuple[str, str]]:
    """Give where which of the strings can be read."""
    wanted = [(text, text.encode()) for text in sorted(strings)]
    return [(place, text) for place, cell in everything(workspace) for text, needle in wanted if needle in cell]
