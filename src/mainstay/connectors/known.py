"""What Mainstay learned from the operator's answers: who pays for whom, and how a file's columns are read.

An outcome recorded in the history *is* the record (`in_ledger`). Only what the operator approved is learned, each
record says from which answer, and undoing that plan takes it back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from mainstay.contracts import Card, Compensation, Operation
from mainstay.records import Doubt, Layout, Match, Payer
from mainstay.values import SECOND_US, digest_of

if TYPE_CHECKING:
    from mainstay.contracts import Call
    from mainstay.ports import Known

_ID_CHARS = 16
_UNDO = "What was forgotten is learned anew from your next answer."


class ReadKnown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for everything that was learned."""


class KnownRecords(msgspec.Struct, frozen=True):
    """Everything that was learned, and not taken back."""

    payers: tuple[Payer, ...]
    layouts: tuple[Layout, ...]


class LearnPayers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Learn from matches that the operator approved; those without a customer or a payer teach nothing."""

    matches: tuple[Match, ...]


class Learned(msgspec.Struct, frozen=True):
    """What is known now that was not before."""

    payers: tuple[Payer, ...]


class RememberLayouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Remember the layouts among doubts that the operator said yes to."""

    doubts: tuple[Doubt, ...]


class Remembered(msgspec.Struct, frozen=True):
    """What is remembered from now on."""

    layouts: tuple[Layout, ...]


class Forget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forget records, payers or layouts, by their ids."""

    ids: tuple[str, ...]


class Forgotten(msgspec.Struct, frozen=True):
    """Which records were forgotten now; one that was gone already is left out."""

    forgotten: tuple[str, ...]


def operations(known: Known) -> tuple[Operation, ...]:
    """Make the operations on what is known."""
    desk = _Desk(known)
    return (
        Operation(
            name="known.read",
            summary="Recall what was learned from your answers",
            input=ReadKnown,
            output=KnownRecords,
            effect="read",
            call=desk.read,
        ),
        Operation(
            name="known.learn_payers",
            summary="Learn who pays for whom from your answers",
            input=LearnPayers,
            output=Learned,
            effect="reversible",
            settle="lookup",
            call=desk.learn,
            compensation="known.forget",
            compensate=lambda _, output: _take_back(output.payers),
            card=_learning_card,
            in_ledger=True,
        ),
        Operation(
            name="known.remember_layouts",
            summary="Remember how your files are read",
            input=RememberLayouts,
            output=Remembered,
            effect="reversible",
            settle="lookup",
            call=desk.remember,
            compensation="known.forget",
            compensate=lambda _, output: _take_back(output.layouts),
            card=_layouts_card,
            in_ledger=True,
        ),
        Operation(
            name="known.forget",
            summary="Forget what was learned",
            input=Forget,
            output=Forgotten,
            effect="reversible",
            settle="lookup",
            call=desk.forget,
            cannot_undo=_UNDO,
            roles={"ids": "deletion_target"},
            in_ledger=True,
        ),
    )


class _Desk:
    """The operations, on the records they read."""

    def __init__(self, known: Known) -> None:
        self._known = known

    async def read(self, call: Call, arguments: ReadKnown) -> KnownRecords:
        del call, arguments
        return KnownRecords(tuple(self._known.payers()), tuple(self._known.layouts()))

    async def learn(self, call: Call, arguments: LearnPayers) -> Learned:
        before = {payer.id for payer in self._known.payers()}
        found = {payer.id: payer for match in arguments.matches if (payer := _payer(call, match)) is not None}
        return Learned(tuple(payer for ident, payer in found.items() if ident not in before))

    async def remember(self, call: Call, arguments: RememberLayouts) -> Remembered:
        before = {layout.id: layout.columns for layout in self._known.layouts()}
        layouts = {doubt.layout.id: doubt.layout for doubt in arguments.doubts if doubt.layout is not None}
        new = [layout for ident, layout in layouts.items() if before.get(ident) != layout.columns]
        return Remembered(tuple(msgspec.structs.replace(layout, plan=call.plan) for layout in new))

    async def forget(self, call: Call, arguments: Forget) -> Forgotten:
        del call
        there = {record.id for record in (*self._known.payers(), *self._known.layouts())}
        return Forgotten(tuple(ident for ident in arguments.ids if ident in there))


def _payer(call: Call, match: Match) -> Payer | None:
    """Say what an approved match teaches: a name or an account of the customer; None where it names neither."""
    name = "" if _folded(match.counterparty) == _folded(match.customer) else match.counterparty.strip()
    if not match.allocations or not match.customer or not (name or match.iban):
        return None
    on = datetime.fromtimestamp(call.now_us // SECOND_US, UTC).date().isoformat()
    invoices = ", ".join(match.invoice_numbers)
    key = (match.customer_id or _folded(match.customer), _folded(name), match.iban)
    return Payer(
        id=digest_of(b"payer", *(part.encode() for part in key))[:_ID_CHARS],
        customer=match.customer,
        customer_id=match.customer_id,
        name=name,
        iban=match.iban,
        source=f"On {on} you said that {match.amount} from {match.counterparty or match.iban} paid {invoices}.",
        learned_on=on,
        plan=call.plan,
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _learning_card(arguments: LearnPayers) -> Card:
    lines = [f"{match.counterparty or match.iban} pays for {match.customer}" for match in arguments.matches]
    return Card("Learn who pays for whom", "\n".join(lines))


def _layouts_card(arguments: RememberLayouts) -> Card:
    return Card("Remember how files are read", "\n".join(doubt.file for doubt in arguments.doubts))


def _take_back(records: tuple[Payer, ...] | tuple[Layout, ...]) -> Compensation | None:
    return Compensation("known.forget", {"ids": [record.id for record in records]}) if records else None
