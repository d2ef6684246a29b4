"""Words for telling a scene: who owes what, what came, and what the agent made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mainstay.agents.reconcile import ReconcileInput, ReconcileOutput, reconcile
from mainstay.records import BankLine, Invoice, Payer
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.records import Match

PILES = ("sure", "unsure", "unmatched", "ignored", "duplicates")


@dataclass
class Answer:
    """What the agent said, to be asked by line."""

    output: ReconcileOutput

    def pile(self, line_id: str) -> str:
        """Name the one pile that holds this line."""
        (pile,) = [name for name in PILES if any(line_id in each.line_ids for each in getattr(self.output, name))]
        return pile

    def match(self, line_id: str) -> Match:
        """Give the one reading of this line."""
        (match,) = [m for name in PILES for m in getattr(self.output, name) if line_id in m.line_ids]
        return match

    def given(self, line_id: str) -> dict[str, str]:
        """Say what the line gives to each invoice: "100.00 EUR", or "98.00 EUR + 2.00 EUR discount"."""
        said: dict[str, list[str]] = {}
        for part in self.match(line_id).allocations:
            if part.line_id == line_id:
                kind = "" if part.kind == "payment" else f" {part.kind}"
                said.setdefault(part.invoice, []).append(f"{part.amount}{kind}")
        return {number: " + ".join(parts) for number, parts in said.items()}

    def all_piles(self) -> dict[str, str]:
        """Name every line's pile."""
        return {id_: name for name in PILES for m in getattr(self.output, name) for id_ in m.line_ids}


def owes(number: str, amount: str, customer: str, *, still: str = "", **more: object) -> Invoice:
    """Let a customer owe an invoice of 3 February 2026; `still` is what is open where that is not all."""
    money = Money.parse(amount)
    fields: dict[str, object] = {"issued_on": "2026-02-03", "due_on": "2026-03-05"}
    fields |= {"open": Money.parse(still) if still else money}
    return Invoice(number=number, customer=customer, amount=money, **(fields | more))  # pyright: ignore[reportArgumentType]


def came(
    line_id: str, amount: str, payer: str = "", text: str = "", *, on: str = "2026-02-20", **more: object
) -> BankLine:
    """Let an amount come to the account on a day of 2026."""
    return BankLine(id=line_id, booked_on=on, amount=Money.parse(amount), counterparty=payer, text=text, **more)  # pyright: ignore[reportArgumentType]


def taught(customer: str, name: str = "", iban: str = "") -> Payer:
    """Let the operator have said that this name or account pays for a customer."""
    return Payer(
        id=f"{customer}-{name}-{iban}",
        customer=customer,
        name=name,
        iban=iban,
        source="Matched by the owner on 5 January 2026.",
        learned_on="2026-01-05",
    )


def matched(lines: Sequence[BankLine], invoices: Sequence[Invoice], **more: object) -> Answer:
    """Run the agent; further arguments are those of its input: payouts, payers, write_off."""
    arguments = ReconcileInput(tuple(lines), tuple(invoices), **more)  # pyright: ignore[reportArgumentType]
    output = reconcile(arguments, {}).output
    assert isinstance(output, ReconcileOutput)
    return Answer(output)
