"""What was learned from the operator's answers, in sentences, each with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.views.opening import Row

PILES = {"payers": "Who pays for whom", "layouts": "How files are read"}
_SETTINGS = ("delimiter", "encoding", "decimal", "date_format", "currency_code")


def lessons(known: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Give what `Views.known` found, in sentences: what, since when, and from which answer of which plan."""
    rows: list[Row] = []
    for pile, title in PILES.items():
        for row in known[pile]:
            says, source = _payer(row) if pile == "payers" else _layout(row)
            told = {"says": says, "source": source, "plan": row.get("plan", ""), "since": row.get("learned_on", "")}
            rows.append({"id": row["id"], "short": row["id"][:8], "pile": title, **told})
    return rows


def _payer(row: Row) -> tuple[str, str]:
    who = ", ".join(part for part in (row.get("name"), row["iban"]) if part)
    return f"{who} pays for {row['customer']}", row["source"]


def _layout(row: Row) -> tuple[str, str]:
    seller = {"name": row.get("seller"), "id": row.get("seller_id")}  # earlier releases had both among the columns
    told = row["columns"] | {field: name for field, name in seller.items() if name}
    columns = [f"{field} '{name}'" for field, name in told.items() if field not in _SETTINGS]
    kind = {"bank.columns": "A bank's table", "invoices.columns": "A list of invoices"}.get(row["section"], "A seller")
    return f"{kind}: {', '.join(columns)}", f"Confirmed in plan {row['plan']}."
