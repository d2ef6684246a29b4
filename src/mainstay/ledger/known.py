"""What was learned from the operator, as a projection of outcomes (`known.sql`): payers and layouts of tables.

`known.learn_payers` gives {"payers": [a records.Payer as plain data, ...]}, `known.remember_layouts` gives {"layouts":
[a records.Layout, ...]}, `known.forget` gives {"forgotten": [id, ...]}. The same id learned again stands anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.ports import Projection
from mainstay.records import Layout, Payer

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
    payers: tuple[Payer, ...] = ()
    layouts: tuple[Layout, ...] = ()
    forgotten: tuple[str, ...] = ()


def known(load: Callable[[Value], Value]) -> Projection:
    """Make the projection. `load` gives the value behind a reference, because long lists are kept as blobs."""

    def apply(transaction: Transaction, events: Sequence[Recorded]) -> None:
        for event in events:
            if isinstance(event.fact, e.EffectDone) and event.fact.operation in (LEARN, REMEMBER, FORGET):
                _learn(transaction, msgspec.convert(load(event.fact.output), _Outcome))

    return Projection(
        name="known",
        version=2,
        schema=Path(__file__).with_name("known.sql").read_text(),
        tables=("known_record",),
        kinds=frozenset({"EffectDone"}),
        apply=apply,
    )


class KnownReader:
    """`ports.Known` over a ledger's rows."""

    def __init__(self, ledger: Rows) -> None:
        """Read from a ledger or its reader."""
        self._ledger = ledger

    def payers(self) -> list[Payer]:
        """Give all names and accounts that were learned, in the order of their ids."""
        return self._records("payer", Payer)

    def layouts(self) -> list[Layout]:
        """Give all layouts that were confirmed, in the order of their ids."""
        return self._records("layout", Layout)

    def _records(self, kind: str, type_: type[T]) -> list[T]:
        return [msgspec.json.decode(row[0], type=type_) for row in self._ledger.rows(queries.KNOWN_RECORDS, (kind,))]


def _learn(transaction: Transaction, outcome: _Outcome) -> None:
    rows = [
        (record.id, kind, msgspec.json.encode(record).decode())
        for kind, records in (("payer", outcome.payers), ("layout", outcome.layouts))
        for record in records
    ]
    transaction.execute_many(ADD_RECORD, rows)
    transaction.execute_many(REMOVE_RECORD, [(ident,) for ident in outcome.forgotten])
