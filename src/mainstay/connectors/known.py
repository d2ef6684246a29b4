"""What Mainstay learned from the operator's answers: who pays for whom, and how a file's columns are read.

An outcome recorded in the history *is* the record (`in_ledger`). Only what the operator approved is learned, each
record says from which answer, and undoing that plan takes it back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from mainstay.contracts import Card, Compensation, Operation
from mainstay.origins import ALL, Gives
from mainstay.records import Doubt, Layout, Match, Payer
from mainstay.values import SECOND_US, digest_of

if TYPE_CHECKING:
    from mainstay.contracts import Call
    from mainstay.ports import Known

_ID_CHARS = 16
_Who: TypeAlias = tuple[str, str, str]  # customer, name, account
# A name that somebody paid under was a stranger's before it was learned, and stays so.
_OURS = ("payers.id", "payers.customer", "payers.customer_id", "payers.iban", "payers.learned_on", "layouts")
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
    """What was learned, or confirmed once more."""

    payers: tuple[Payer, ...]


class RememberLayouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Remember the layouts among doubts that the operator said yes to."""

    doubts: tuple[Doubt, ...]


class Remembered(msgspec.Struct, frozen=True):
    """What is remembered from now on."""

    layouts: tuple[Layout, ...]


class Forget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Forget records, payers or layouts, by their ids; with `plan` only those that this plan taught last."""

    ids: tuple[str, ...]
    plan: str = ""


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
            gives=Gives(trusted=_OURS, private=("payers",), what="what was learned"),
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
            gives=Gives(trusted=ALL, private=("payers",)),
            teaches=True,
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
            gives=Gives(trusted=ALL),
            teaches=True,
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
        """Learn from every line of every match. What is known already is confirmed: its newest source stands."""
        known = {_who(payer): payer.id for payer in self._known.payers()}
        found: dict[_Who, Payer] = {}
        for payer in (payer for match in arguments.matches for payer in _payers(call, match)):
            found[_who(payer)] = msgspec.structs.replace(payer, id=known.get(_who(payer)) or _new_id(call, len(found)))
        return Learned(tuple(found.values()))

    async def remember(self, call: Call, arguments: RememberLayouts) -> Remembered:
        layouts = {doubt.layout.id: doubt.layout for doubt in arguments.doubts if doubt.layout is not None}
        return Remembered(tuple(msgspec.structs.replace(layout, plan=call.plan) for layout in layouts.values()))

    async def forget(self, call: Call, arguments: Forget) -> Forgotten:
        del call
        there = {
            record.id
            for record in (*self._known.payers(), *self._known.layouts())
            if arguments.plan in ("", record.plan)
        }
        return Forgotten(tuple(ident for ident in arguments.ids if ident in there))


def _payers(call: Call, match: Match) -> list[Payer]:
    """Say what an approved match teaches, without ids: of each line, a name or account that the customer pays from."""
    if not match.allocations or not match.customer:
        return []
    on = datetime.fromtimestamp(call.now_us // SECOND_US, UTC).date().isoformat()
    lessons: list[Payer] = []
    for entry in match.entries:
        name = "" if _folded(entry.counterparty) == _folded(match.customer) else entry.counterparty.strip()
        if not name and not entry.iban:
            continue
        invoices = ", ".join(one.invoice for one in match.allocations if one.line_id == entry.line_id)
        lessons.append(
            Payer(
                id="",
                customer=match.customer,
                customer_id=match.customer_id,
                name=name,
                iban=entry.iban,
                source=f"On {on} you said that {entry.amount} from {entry.counterparty or entry.iban} paid {invoices}.",
                learned_on=on,
                plan=call.plan,
            )
        )
    return lessons


def _who(payer: Payer) -> _Who:
    """Tell one lesson from another: who pays for whom."""
    return (payer.customer_id or _folded(payer.customer), _folded(payer.name), payer.iban)


def _new_id(call: Call, number: int) -> str:
    """Name a new lesson by when it was taught: an id stands beside what is sealed, and must say nothing of it."""
    return digest_of(b"payer", call.plan.encode(), str(call.now_us).encode(), str(number).encode())[:_ID_CHARS]


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _learning_card(arguments: LearnPayers) -> Card:
    lines = [
        f"What comes from {entry.counterparty or entry.iban} counts as paid by {match.customer} from now on."
        for match in arguments.matches
        if match.customer
        for entry in match.entries
    ]
    return Card("Learn who pays for whom", "\n".join(lines))


def _layouts_card(arguments: RememberLayouts) -> Card:
    return Card("Remember how files are read", "\n".join(doubt.file for doubt in arguments.doubts))


def _take_back(records: tuple[Payer, ...] | tuple[Layout, ...]) -> Compensation | None:
    """Forget what this plan taught, but nothing that a later one confirmed."""
    if not records:
        return None
    return Compensation("known.forget", {"ids": [record.id for record in records], "plan": records[0].plan})
