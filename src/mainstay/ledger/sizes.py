"""How large the history is, and what makes it so (KERNEL L8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.ledger.segments import STUB_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.ledger.blobs import FileBlobs
    from mainstay.ledger.reader import SqliteReader

# Pages of each table with its indexes, in bytes; the larger ones first.
TABLES = """
SELECT coalesce(s.tbl_name, d.name) AS named, sum(d.pgsize) AS size
FROM dbstat d LEFT JOIN sqlite_schema s ON s.name = d.name GROUP BY named ORDER BY size DESC, named"""
# Bytes in the database's file that nothing uses.
FREE = "SELECT f.freelist_count * p.page_size FROM pragma_freelist_count f, pragma_page_size p"
# Records, those whose body was archived, and bytes of the bodies that are at hand.
RECORDS = """
SELECT count(*), coalesce(sum({moved}), 0), coalesce(sum(iif({moved}, 0, length(body))), 0) FROM event
""".format(moved=f"(length(body) = {STUB_BYTES} AND substr(body, 1, 1) = x'c1')")
# The kinds of records that take most room: how many, and bytes of their bodies. (limit)
KINDS = "SELECT kind, count(*), sum(length(body)) AS size FROM event GROUP BY kind ORDER BY size DESC, kind LIMIT ?"
# The playbooks whose plans take most room: plans, records, and bytes of their bodies. (limit)
PLAYBOOKS = """
SELECT p.playbook, count(DISTINCT p.id), count(*), sum(length(e.body)) AS size
FROM plan p JOIN stream s ON s.name = 'plan:' || p.id JOIN event e ON e.stream = s.id
GROUP BY p.playbook ORDER BY size DESC, p.playbook LIMIT ?"""
# The tables that were made of the records: names, separated by spaces.
PROJECTED = "SELECT tables FROM projection"


class Part(msgspec.Struct, frozen=True):
    """One part of the whole."""

    name: str
    count: int
    size: int  # bytes
    plans: int = 0


class Sizes(msgspec.Struct, frozen=True):
    """All of it. Sizes are in bytes on disk, those of bodies in bytes of their content."""

    total: int
    database: int
    waiting: int  # of the database: written, and not yet moved to its place in the file
    free: int  # of the database: used by nothing, and used again for what comes
    records: int
    bodies: int
    archived_records: int
    tables: tuple[Part, ...]  # of the database
    views: int  # of the tables, what is made of the records and can be made anew
    blobs: Part
    segments: Part
    kinds: tuple[Part, ...]
    playbooks: tuple[Part, ...]


def sizes(reader: SqliteReader, ledger: Path, blobs: FileBlobs, *, top: int = 10) -> Sizes:
    """Measure everything; reads every page of the database once."""
    database, waiting = _size(ledger), _size(ledger.with_name(f"{ledger.name}-wal"))
    records, moved, bodies = reader.rows(RECORDS)[0]
    tables = tuple(Part(name, 0, size) for name, size in reader.rows(TABLES))
    projected = {name for row in reader.rows(PROJECTED) for name in row[0].split()}
    stored = [size for _, _, size in blobs.digests()]
    segments = [_size(reader.segments.path(number)) for number in reader.segments.numbers()]
    return Sizes(
        total=database + waiting + sum(stored) + sum(segments),
        database=database,
        waiting=waiting,
        free=reader.rows(FREE)[0][0],
        records=records,
        bodies=bodies,
        archived_records=moved,
        tables=tables,
        views=sum(part.size for part in tables if part.name in projected),
        blobs=Part("blobs", len(stored), sum(stored)),
        segments=Part("segments", len(segments), sum(segments)),
        kinds=tuple(Part(name, count, size) for name, count, size in reader.rows(KINDS, (top,))),
        playbooks=tuple(Part(row[0], row[2], row[3], row[1]) for row in reader.rows(PLAYBOOKS, (top,))),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
