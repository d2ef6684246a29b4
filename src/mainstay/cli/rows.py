"""The rows of a question, every one of them whole: matches of payments, actions of a batch, or anything else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mainstay.cli.screen import text
from mainstay.requests.picking import forgives, ways_of, without_others
from mainstay.said import is_match, is_record, is_simple, say_sure, say_value, with_money

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

Row: TypeAlias = dict[str, Any]
TABLE_COLUMNS = 110  # a narrower screen shows each row as a few lines
_BATCH = frozenset({"path", "headline", "body"})
_DOUBT = frozenset({"kind", "file", "headline", "body"})


def draw_rows(rows: Sequence[object], width: int, zone: str = "") -> RenderableType:
    """Draw rows with their numbers, as answers name them; times as they are in `zone`."""
    if all(is_match(row) for row in rows):
        matches = cast("Sequence[Row]", rows)
        return _match_table(matches) if width >= TABLE_COLUMNS else _numbered(matches, _match_lines)
    if all(_has(row, _DOUBT) for row in rows):
        return _numbered(cast("Sequence[Row]", rows), _doubt_lines)
    if all(_has(row, _BATCH) for row in rows):
        return _numbered(cast("Sequence[Row]", rows), _action_lines)
    return _numbered(rows, partial(_any_lines, zone))


def say_ways(row: object) -> list[str]:
    """Say how a row can be read, as an answer numbers that: "2 = Pays 2026-149: 2026-149 of Acme, the same amount"."""
    ways = ways_of(row)
    said = [f"{number} = {way.label}: {way.says or 'as proposed'}" for number, way in enumerate(ways, 1)]
    return [*said, "0 = none of these"] if said else []


def draw_value(value: object, zone: str = "") -> Text:
    """Draw any plain value whole; see `said.say_value`."""
    return text(say_value(value, zone))


def _has(row: object, fields: frozenset[str]) -> bool:
    return is_record(row) and fields <= row.keys()


def _match_table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="bold")
    for name, style in (("#", "bold"), ("date", ""), ("amount", ""), ("payer", ""), ("text", ""), ("invoices", "")):
        table.add_column(name, style=style, overflow="fold", justify="right" if name in ("#", "amount") else "left")
    table.add_column("likely", justify="right")
    table.add_column("why", overflow="fold", ratio=3)
    table.add_column("runner-up", overflow="fold", ratio=2)
    for number, row in enumerate(rows, 1):
        cells = [draw_value(row["amount"]), text(row.get("counterparty", "")), text(row.get("text", ""))]
        likely = text(say_sure(row["confidence"]))
        why = [row["why"], *(f"Yes forgives {less}." for less in [forgives(row)] if less)]
        rest = [row.get("runner_up") or "none", *say_ways(row)]
        told = [text("\n".join(why), lines=True), text("\n".join(rest), lines=True)]
        table.add_row(
            text(number), text(row.get("booked_on", "")), *cells, draw_value(row["invoice_numbers"]), likely, *told
        )
    return table


def _match_lines(row: Row) -> list[tuple[str, Text]]:
    on = f" on {row['booked_on']}" if row.get("booked_on") else ""
    payer = text(f" from {row.get('counterparty') or 'unknown'}{on}")
    likely = text(f", {say_sure(row['confidence'])} likely the right one")
    return [
        ("", draw_value(row["amount"]).append_text(payer)),
        ("text", text(row.get("text", ""))),
        (
            "invoices",
            draw_value(row["invoice_numbers"]).append_text(likely) if row["invoice_numbers"] else text("none"),
        ),
        ("why", text(row["why"])),
        *(("forgives", text(f"Yes forgives {less}")) for less in [forgives(row)] if less),
        ("runner-up", text(row.get("runner_up") or "none")),
        *(("pick" if not at else "", text(one)) for at, one in enumerate(say_ways(row))),
    ]


def _action_lines(row: Row) -> list[tuple[str, Text]]:
    lines = [("", text(row["headline"], "bold")), ("", text(str(row["body"]).rstrip(), lines=True))]
    return [*lines, ("may change", text(row["may change"]))] if row.get("may change") else lines


def _doubt_lines(row: Row) -> list[tuple[str, Text]]:
    lines = [("", text(row["headline"], "bold")), ("", text(row["body"], lines=True))]
    return [*lines, ("if not", text(row["remedy"], lines=True))] if row.get("remedy") else lines


def _any_lines(zone: str, row: object) -> list[tuple[str, Text]]:
    if not is_record(row) or is_simple(row):
        return [("", draw_value(row, zone))]
    told = with_money(cast("Row", without_others(row)))
    lines = [(name.replace("_", " "), draw_value(value, zone)) for name, value in told.items()]
    return [*lines, *(("pick" if not at else "", text(one)) for at, one in enumerate(say_ways(row)))]


def _numbered(rows: Sequence[Any], lines: Callable[[Any], list[tuple[str, Text]]]) -> Group:
    drawn: list[RenderableType] = []
    for number, row in enumerate(rows, 1):
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", style="bold", width=len(str(len(rows))))
        grid.add_column(overflow="fold")
        for index, (name, value) in enumerate(lines(row)):
            label = text(f"{name}: ", "dim") if name else Text()
            grid.add_row(text(number) if index == 0 else Text(), label.append_text(value))
        drawn.append(Padding(grid, (0, 0, 1, 0)))
    return Group(*drawn)
