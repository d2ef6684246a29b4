"""`mainstay books`: what each reconciliation made of payments and invoices, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import views_at
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE
from mainstay.said import say_sure

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
_SHOWN = 20  # of a pile; --json has all
_PILES = {
    "sure": "Matched without doubt",
    "unsure": "Needed your eye",
    "duplicates": "Paid once more, nothing was booked",
    "unmatched": "Fits no open invoice, nothing was booked",
    "set_aside": "No customer's payment",
}


def show(screen: Screen, folder: Path | None, name: str) -> int:
    """List the reconciliations, or show one."""
    with views_at(folder) as views:
        if name:
            found = views.reconciliation(views.plan_id(name))
            screen.give(found, lambda console: _draw(found, console))
        else:
            rows = views.reconciliations()
            screen.give(rows, lambda console: _draw_list(rows, console))
    return DONE


def _draw_list(rows: list[Row], console: Console) -> None:
    if not rows:
        console.print("Nothing was matched yet. Begin with: mainstay run billing-reconciliation")
    for row in rows:
        console.print(text(f"{row['plan']}  {when(row['proposed_at'])}  {row['title']}: {row['says']}"))
        console.print(text(f"  mainstay books {row['plan']}", "cyan"))


def _draw(found: Row, console: Console) -> None:
    console.print(text(f"{found['title']} ({found['plan']}), begun {when(found['begun'])}", "bold"))
    told = found["statement"]
    if told["lines"]:
        console.print(
            text(f"{told['lines']} payments from {told['first']} to {told['last']}; {found['booked']} booked")
        )
    for pile, title in _PILES.items():
        rows = found["piles"][pile]
        if rows:
            console.print(text(f"{title}: {len(rows)}", "bold"))
        for row in rows[:_SHOWN]:
            sure = say_sure(row["confidence"])
            numbers = ", ".join(row["invoice_numbers"]) or "no invoice"
            booked = ", ".join(dict.fromkeys(one["invoice"] for one in row["booked"]))
            stands = f"booked to {booked}" if booked else "not booked"
            console.print(text(f"  {row['amount']}  {row['counterparty']}: {numbers}, {sure} sure, {stands}"))
            console.print(text(f"      {row['why']}", "dim"))
        if len(rows) > _SHOWN:
            console.print(text(f"  and {len(rows) - _SHOWN} more: mainstay books {found['plan']} --json", "dim"))
    left = [one for one in found["invoices"] if one["state"] != "paid"]
    console.print(text(f"Owed now: {found['owed']}", "bold"))
    for one in left[:_SHOWN]:
        due = f"due {one['due_on'] or 'no date'}"
        console.print(text(f"  {one['number']}  {one['customer']}, {one['open_now']} open, {due}: {one['says']}"))
    if len(left) > _SHOWN:
        console.print(text(f"  and {len(left) - _SHOWN} more: mainstay books {found['plan']} --json", "dim"))
