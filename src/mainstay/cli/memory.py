"""`mainstay memory`: what was learned from your answers, and forgetting it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rich.padding import Padding

from mainstay.cli.place import views_at
from mainstay.cli.running import run
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
PLAYBOOK = "forget"
_SETTINGS = ("delimiter", "encoding", "decimal", "date_format", "currency_code")


def remembered(screen: Screen, folder: Path | None) -> int:
    """List what was learned, and from which answer."""
    with views_at(folder) as views:
        found = views.known()
    screen.give(found, lambda console: _draw(found, console))
    return DONE


def forget(screen: Screen, folder: Path | None, names: Sequence[str]) -> int:
    """Forget records by their ids, or what those begin with."""
    with views_at(folder) as views:
        ids = [row["id"] for pile in views.known().values() for row in pile]
    return run(screen, folder, PLAYBOOK, [f"ids={_whole(name, ids)}" for name in names], dry=False)


def _whole(name: str, ids: Sequence[str]) -> str:
    found = [ident for ident in ids if name and ident.startswith(name)]
    if len(found) != 1:
        what = "More than one thing that was learned begins" if found else "Nothing that was learned begins"
        raise UnknownNameError(f"{what} with '{name}'.", remedy="`mainstay memory list` shows all.")
    return found[0]


def _draw(found: dict[str, list[Row]], console: Console) -> None:
    if not any(found.values()):
        console.print("Nothing was learned yet: what you answer in a run is remembered here.")
        return
    for title, pile, say in (
        ("Who pays for whom", "payers", _payer),
        ("How files are read", "layouts", _layout),
    ):
        if found[pile]:
            console.print(text(f"{title}:", "bold"))
        for row in found[pile]:
            head, source = say(row)
            console.print(Padding(text(f"{row['id'][:8]}  {head}"), (0, 0, 0, 2), expand=False))
            console.print(Padding(text(source, "dim"), (0, 0, 0, 12), expand=False))
    console.print("To forget one: mainstay memory forget ID")


def _payer(row: Row) -> tuple[str, str]:
    who = ", ".join(part for part in (row.get("name"), row["iban"]) if part)
    return f"{who} pays for {row['customer']}", row["source"]


def _layout(row: Row) -> tuple[str, str]:
    seller = {"name": row.get("seller"), "id": row.get("seller_id")}  # earlier releases had both among the columns
    told = row["columns"] | {field: name for field, name in seller.items() if name}
    columns = [f"{field} '{name}'" for field, name in told.items() if field not in _SETTINGS]
    kind = {"bank.columns": "A bank's table", "invoices.columns": "A list of invoices"}.get(row["section"], "A seller")
    return f"{kind}: {', '.join(columns)}", f"Confirmed in plan {row['plan']}."
