"""What was learned from the operator, as a projection of outcomes (`known.sql`): payers and layouts of tables.

`known.learn_payers` gives {"payers": [a records.Payer as plain data, ...]}, `known.remember_layouts` gives {"layouts":
[a records.Layout, ...]}, `known.forget` gives {"forgotten": [id, ...]}. The same id learned again stands anew.

Rows hold what is personal as it is recorded, sealed. A payer of whom a part was forgotten is known no more.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from mainstay import events as e
from mainstay.encoding import decode_value, encode_value
from mainstay.ledger import queries
from mainstay.ports import Projection
from mainstay.records import Layout, Payer
from mainstay.values import FORGOTTEN, Forgotten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.events import Recorded
    from mainstay.ledger.books import Rows
    from mainstay.ports import Transaction
    from mainstay.values import Value

LEARN = "known.learn_payers"
REMEMBER = "known.remember_layouts"
FORGET = "known.forget"

# A record, with what its newest source says.
ADD_RECORD = """
INSERT INTO known_record VALUES (?, ?, ?, 0)
ON CONFLICT (id) DO UPDATE SET record = excluded.record, removed = 0"""
# A record that was taken back.
REMOVE_RECORD = "UPDATE known_record SET removed = 1 WHERE id = ?"

T = TypeVar("T", Payer, Layout)


class _Outcome(msgspec.Struct, frozen=True):
    payers: tuple[dict[str, Any], ...] = ()
    layouts: tuple[dict[str, Any], ...] = ()
    forgotten: tuple[str, ...] = ()


def known(stored: Callable[[Value], Value]) -> Projection:
    """Make the projection. `stored` gives the value behind a reference as it is recorded: long lists are blobs."""

    def apply(transaction: Transaction, events: Sequence[Recorded]) -> None:
        for event in events:
            if isinstance(event.fact, e.EffectDone) and event.fact.operation in (LEARN, REMEMBER, FORGET):
                _learn(transaction, msgspec.convert(stored(event.fact.output), _Outcome))

    return Projection(
        name="known",
        version=3,
        schema=Path(__file__).with_name("known.sql").read_text(),
        tables=("known_record",),
        kinds=frozenset({"EffectDone"}),
        apply=apply,
    )


class KnownReader:
    """`ports.Known` over a ledger's rows."""

    def __init__(self, ledger: Rows, opened: Callable[[Value], Value] = lambda value: value) -> None:
        """Read from a ledger or its reader; `opened` opens what is sealed in a row."""
        self._ledger = ledger
        self._opened = opened

    def payers(self) -> list[Payer]:
        """Give all names and accounts that were learned, in the order of their ids."""
        return self._records("payer", Payer)

    def layouts(self) -> list[Layout]:
        """Give all layouts that were confirmed, in the order of their ids."""
        return self._records("layout", Layout)

    def _records(self, kind: str, type_: type[T]) -> list[T]:
        rows = self._ledger.rows(queries.KNOWN_RECORDS, (kind,))
        records = [cast("dict[str, Value]", self._opened(decode_value(row[0]))) for row in rows]
        return [msgspec.convert(one, type_) for one in records if not any(map(_is_forgotten, one.values()))]


def _is_forgotten(value: Value) -> bool:
    return type(value) is Forgotten or value == FORGOTTEN


def _learn(transaction: Transaction, outcome: _Outcome) -> None:
    rows = [
        (record["id"], kind, encode_value(record))
        for kind, records in (("payer", outcome.payers), ("layout", outcome.layouts))
        for record in records
    ]
    transaction.execute_many(ADD_RECORD, rows)
    transaction.execute_many(REMOVE_RECORD, [(ident,) for ident in outcome.forgotten])
