"""Lists made of the records that the disk damaged are made anew where they lie (KERNEL L9).

Every page is authenticated, so a damaged one is noticed when it is read. The records themselves can't be made anew:
those come from a backup. A damaged table can't be dropped either, as that reads its pages; so its name is taken out of
the schema, and its pages are used by nothing from then on. Not even VACUUM gives them back, as it reads what it writes
over; a backup does not hold them.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import msgspec

from mainstay.ledger import database

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mainstay.ports import Projection

CHECK_CACHE_KIB = 512  # each page is read once; what a large cache took would stay with the process

# Whether a table, with its indexes, can be read whole.
CHECK = 'PRAGMA quick_check("{}")'
# Tables there are.
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table'"
# Take tables and their indexes out of the schema, without reading them. (JSON list of names)
TAKE_OUT = "DELETE FROM sqlite_schema WHERE tbl_name IN (SELECT value FROM json_each(?))"
# From here on a projection counts as not made. (name)
FORGET = "DELETE FROM projection WHERE name = ?"


def forget_damaged(writer: apsw.Connection, path: Path, key: bytes, projected: Sequence[Projection]) -> list[str]:
    """Take out the tables of projections that are damaged or gone, and name those; the caller makes them anew.

    On disk when this returns.
    """
    there = {row[0] for row in database.rows(writer, TABLES)}
    known = {row[0] for row in database.rows(writer, "SELECT name FROM projection")}
    made = [each for each in projected if each.name in known]
    bad = set(_damaged(path, key, [table for each in made for table in each.tables if table in there]))
    lost = [each for each in made if bad.intersection(each.tables) or not there.issuperset(each.tables)]
    if lost:
        _take_out(writer, lost)
    return [each.name for each in lost]


def _damaged(path: Path, key: bytes, tables: Sequence[str]) -> Iterable[str]:
    """Name the tables that can't be read whole: all at once first, as that is nearly always the end of it."""
    if _are_sound(path, key, tables):
        return ()
    return [table for table in tables if not _are_sound(path, key, [table])]


def _are_sound(path: Path, key: bytes, tables: Sequence[str]) -> bool:
    """Look through a connection of its own: one damaged page makes the whole connection fail."""
    try:
        with closing(database.connect_reader(path, key)) as connection:
            connection.pragma("cache_size", -CHECK_CACHE_KIB)
            return all(database.rows(connection, CHECK.format(table)) == [("ok",)] for table in tables)
    except (apsw.CorruptError, apsw.NotADBError, apsw.IOError):
        return False


def _take_out(writer: apsw.Connection, lost: Sequence[Projection]) -> None:
    tables = msgspec.json.encode([table for each in lost for table in each.tables]).decode()
    writer.pragma("writable_schema", "on")
    try:
        with writer:
            writer.execute(TAKE_OUT, (tables,))
            writer.executemany(FORGET, [(each.name,) for each in lost])
    finally:
        writer.pragma("writable_schema", "reset")
