"""The settlements of Mollie, and the transactions of Shopify Payments.

Both name of each row what it was paid out with, and neither states the sum: a payout is the sum of its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.connectors.bank.payouts_report import Entry, Form, Kind, Read, Report, currency_of
from mainstay.connectors.currencies import code_of
from mainstay.values import Money

if TYPE_CHECKING:
    from mainstay.connectors.tables import Row

_SHOPIFY_KINDS: dict[str, Kind] = {
    "charge": "charge",
    "refund": "refund",
    "dispute": "taken back",
    "chargeback": "taken back",
    "dispute_reversal": "came back",
    "refund_failure": "came back",
    "payout": "payout",
    "payout_failure": "failed payout",
    "payout_cancellation": "failed payout",
    "shopify_fee": "fee",
    "fee": "fee",
}
_SENT = frozenset(("paid", "in_transit", "in transit"))  # of a payout: the others never arrive, or not yet


def _read_shopify(report: Report) -> Read:
    entries = [_transaction(report, row) for row in report.table.rows]
    stated = any(entry.kind == "payout" for entry in entries)
    failed = sum(row.text("status").casefold() in {"failed", "canceled", "cancelled"} for row in report.table.rows)
    notes = [f"Payouts that failed or were cancelled do not arrive; their transactions ({failed}) are in none."] * bool(
        failed
    )
    return Read(entries, transfers=stated, cut=False, notes=notes)


def _transaction(report: Report, row: Row) -> Entry:
    cells = report.cells(row)
    gross, fee = report.amounts(row, currency_of(cells))
    kind = _SHOPIFY_KINDS.get(row.text("type").casefold().replace(" ", "_"), "other")
    if kind == "taken back" and gross.minor > 0:
        kind = "came back"
    arrives = cells.take("arrives_on", report.day)
    sent = row.text("status").casefold() in _SENT
    order = row.text("order")
    return Entry(
        line=row.line,
        id="",
        day=cells.take("day", report.day),
        kind=kind,
        gross=gross,
        fee=fee,
        payout=(row.text("payout") or (f"Shopify {arrives}" if arrives else "")) if sent else "",
        arrives_on=arrives,
        counterparty=row.text("customer"),
        references=tuple(value for value in (order, order.lstrip("#"), row.text("checkout")) if value),
        text=" ".join(word for word in (row.text("type").capitalize(), f"of order {order}" * bool(order)) if word),
        original=_shown(report, row, gross, "shown", "shown_currency"),
        raw=row.raw,
    )


def _read_mollie(report: Report) -> Read:
    entries = [_settled(report, row) for row in report.table.rows if row.text("gross")]
    if not entries:
        raise report.error("no row of this report has an amount that was settled", report.table.rows[0], "gross")
    left = len(report.table.rows) - len(entries)
    notes = [f"Rows without a settled amount are left out ({left})."] * bool(left)
    return Read(entries, transfers=False, cut=False, notes=notes)


def _settled(report: Report, row: Row) -> Entry:
    cells = report.cells(row)
    currency = currency_of(cells)
    gross = cells.take("gross", lambda cell: report.money(cell, currency))
    references = (row.text("id"), row.text("order"))
    return Entry(
        line=row.line,
        id=row.text("id"),
        day=cells.take("day", report.day),
        kind=_mollie_kind(row, gross),
        gross=gross,
        fee=Money(0, currency),
        payout=row.text("payout"),
        counterparty=row.text("customer"),
        iban=row.text("iban").replace(" ", "").upper(),
        references=tuple(reference for reference in references if reference),
        text=row.text("text"),
        original=_shown(report, row, gross, "shown", "shown_currency"),
        raw=row.raw,
    )


def _mollie_kind(row: Row, gross: Money) -> Kind:
    ident, method = row.text("id"), row.text("method").casefold()
    if ident.startswith("chb_") or "chargeback" in method:
        return "taken back" if gross.minor < 0 else "came back"
    if ident.startswith("re_") or method == "refund":
        return "refund" if gross.minor < 0 else "came back"
    if not ident:
        return "fee" if gross.minor < 0 else "other"
    return "charge" if gross.minor > 0 else "refund"


def _shown(report: Report, row: Row, gross: Money, amount: str, currency: str) -> Money | None:
    """Give what the customer paid in another currency than the account's, signed as the amount."""
    code = row.text(currency).upper()
    if not code or code == gross.currency or not row.text(amount):
        return None
    cells = report.cells(row)
    cells.take(currency, code_of)
    shown = cells.take(amount, lambda cell: report.money(cell, code))
    return -shown if (shown.minor < 0) != (gross.minor < 0) else shown


SHOPIFY = Form(
    "Shopify Payments transactions",
    "Shopify",
    (frozenset(("payout status", "payout date")), frozenset(("transaction date", "card brand", "net"))),
    {
        "day": ("transaction date",),
        "type": ("type",),
        "order": ("order",),
        "status": ("payout status",),
        "arrives_on": ("payout date",),
        "gross": ("amount",),
        "fee": ("fee",),
        "net": ("net",),
        "currency": ("currency",),
        "checkout": ("checkout",),
        "payout": ("payout id",),
        "customer": ("customer", "customer name", "billing name"),
        "shown": ("presentment amount",),
        "shown_currency": ("presentment currency",),
    },
    ("day", "type", "status", "arrives_on", "gross", "fee", "net", "currency"),
    "Shopify admin > Finances > Payouts > View transactions > Export > Plain CSV.",
    _read_shopify,
)
MOLLIE = Form(
    "Mollie settlement",
    "Mollie",
    (
        frozenset(("settlement reference", "settlement amount")),
        frozenset(("settlement reference", "consumer name")),
        frozenset(("settlement amount", "consumer name")),
    ),
    {
        "day": ("date",),
        "method": ("payment method",),
        "shown_currency": ("currency",),
        "shown": ("amount",),
        "id": ("id",),
        "text": ("description",),
        "customer": ("consumer name",),
        "iban": ("consumer bank account",),
        "currency": ("settlement currency",),
        "gross": ("settlement amount",),
        "payout": ("settlement reference",),
        "order": ("order id", "order number"),
    },
    ("day", "id", "currency", "gross", "payout"),
    "Mollie Dashboard > Finance > Settlements > Export > CSV.",
    _read_mollie,
)
