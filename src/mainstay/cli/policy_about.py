"""`mainstay policy operations`: what a rule can be about, and what its condition can read there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rich.table import Table

from mainstay.cli.place import workspace_if_any
from mainstay.cli.policy import operations_of
from mainstay.cli.screen import text
from mainstay.cli.status import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.contracts import Operation

Row: TypeAlias = dict[str, Any]


def list_operations(screen: Screen, folder: Path | None) -> int:
    """List the operations, those that act first."""
    known = operations_of(workspace_if_any(folder))
    rows = [_row(known[name]) for name in sorted(known, key=lambda name: (known[name].effect == "read", name))]
    screen.give(rows, lambda console: _draw(console, rows))
    return DONE


def _row(operation: Operation) -> Row:
    return {
        "operation": operation.name,
        "does": operation.summary,
        "effect": operation.effect,
        "roles": sorted(set(operation.roles.values())),
        "arguments": list(operation.input.__struct_encode_fields__),
    }


def _draw(console: Console, rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("do", "what it does", "effect", "roles.", "arguments."):
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = (row["operation"], row["does"], row["effect"], ", ".join(row["roles"]), ", ".join(row["arguments"]))
        table.add_row(*(text(cell) for cell in cells))
    console.print(table)
    console.print('A condition reads them, such as roles.amount > money("500.00 EUR") or size(arguments.files) > 0.')
