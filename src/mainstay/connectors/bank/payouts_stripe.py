"""The CSV reports of Stripe: payout reconciliation, balance change, payouts, balance history, and payments.

Amounts are in major units of the currency the account has; what the customer saw in another one becomes `original`.
The dashboard's payments are no account: a refund shows only as a sum beside its charge, and no payout is complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mainstay.connectors.bank.payouts_report import Entry, Form, Kind, Read, Report, currency_of
from mainstay.connectors.currencies import code_of, money_of
from mainstay.values import Money

if TYPE_CHECKING:
    from mainstay.connectors.tables import Row

RECONCILE = "Stripe Dashboard > Reports > Payout reconciliation > Itemized, with all columns."
_HISTORY = (
    "Stripe Dashboard > Balances > All activity > Export; or, better, Reports > Payout reconciliation > Itemized."
)
_NAMES = ("customer_name", "customer name", "name", "full_name", "company", "customer")
_EMAILS = ("customer_email", "customer email", "email", "e-mail")

# Stripe's types (balance history, API) and reporting categories (reports) that are not "other".
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("charge", "payment"), "charge"),
    **dict.fromkeys(("refund", "payment_refund", "partial_capture_reversal"), "refund"),
    **dict.fromkeys(("dispute", "charge_failure", "payment_failure_refund", "payment_reversal"), "taken back"),
    **dict.fromkeys(("dispute_reversal", "refund_failure"), "came back"),
    **dict.fromkeys(("fee", "stripe_fee", "stripe_fx_fee", "tax_fee", "network_cost"), "fee"),
    "payout": "payout",
    **dict.fromkeys(("payout_failure", "payout_cancel", "payout_reversal"), "failed payout"),
}
# The states of payments. In those of any other name, nothing tells whether money moved.
_PAID = frozenset(
    "paid paid_out succeeded complete completed refunded partially_refunded partial_refund refund_pending disputed "
    "dispute_lost dispute_won dispute_needs_response dispute_under_review won lost early_fraud_warning".split()
)
_NOT_PAID = frozenset(
    "failed canceled cancelled pending processing incomplete blocked uncaptured expired requires_action "
    "requires_capture requires_confirmation requires_customer_action requires_payment_method".split()
)
_WON = frozenset(("won", "warning_closed", "warning_needs_response", "warning_under_review", "prevented"))


def kind_of(said: str, gross: Money, source: str, text: str) -> Kind:
    """Tell the kind of a transaction by its type or reporting category, and of old ones by their source and text."""
    said = said.casefold()
    if said == "adjustment" and ("dispute" in text.casefold() or source.startswith(("dp_", "du_"))):
        return "taken back" if gross.minor < 0 else "came back"
    if said == "transfer" and (
        source.startswith("po_") or text.upper().startswith(("STRIPE TRANSFER", "STRIPE PAYOUT"))
    ):
        return "payout"
    return KINDS.get(said, "other")


def _read_itemised(report: Report) -> Read:
    entries = [_itemised(report, row) for row in report.table.rows]
    by_payout = "activity" not in report.form.name
    notes: list[str] = []
    if not any(entry.payout for entry in entries):
        notes.append(f"No row names its payout; to match sums at your bank, export: {RECONCILE}")
    return Read(entries, transfers=False, cut=not by_payout, notes=notes)


def _itemised(report: Report, row: Row) -> Entry:
    gross, fee = report.amounts(row, currency_of(report.cells(row)))
    kind = kind_of(row.text("type"), gross, row.text("source"), row.text("text"))
    source = row.text("source")
    own = source if kind in {"payout", "failed payout"} and source.startswith(("po_", "tr_")) else ""
    return Entry(
        line=row.line,
        id=row.text("id"),
        day=report.cells(row).take("day", report.day),
        kind=kind,
        gross=gross,
        fee=fee,
        mark=source if kind == "charge" else "",
        payout=own or row.text("payout") or (row.text("id") if kind == "payout" else ""),
        arrives_on=report.cells(row).take("arrives_on", report.day),
        counterparty="" if kind in {"fee", "other"} else _customer(report, row),
        references=_references(report, row),
        text=_text(kind, row.text("charge") or source, row.text("text")),
        original=_original(report, row, gross),
        raw=row.raw,
    )


def _read_history(report: Report) -> Read:
    """Read the balance history: rows of payouts among the others, `Transfer` naming the payout of each."""
    return Read([_itemised(report, row) for row in report.table.rows], transfers=True, cut=True, notes=[])


def _read_payments(report: Report) -> Read:
    entries: list[Entry] = []
    unpaid = foreign = 0
    for row in report.table.rows:
        state = "_".join(row.text("status").casefold().split())
        if state in _NOT_PAID or row.text("captured").casefold() == "false":
            unpaid += 1
            continue
        if state not in _PAID:
            what = f"the status {row.text('status')[:40]!r} does not tell whether this was paid"
            raise report.source.error(what, line=row.line, remedy=f"Export instead: {RECONCILE}")
        entries += _payment(report, row)
        foreign += bool(row.text("disputed")) and not _same_currency(row)
    notes = [f"This export does not say what a payout holds; to match sums at your bank, export: {RECONCILE}"]
    notes += [f"Payments that failed or were not captured are left out ({unpaid})."] * bool(unpaid)
    notes += [f"Disputes in another currency than the account's are left out ({foreign})."] * bool(foreign)
    if not entries:
        raise report.error("no payment in this export succeeded", report.table.rows[0])
    return Read(entries, transfers=False, cut=True, notes=notes)


def _payment(report: Report, row: Row) -> list[Entry]:
    """Read a payment, with what was refunded of it and what is in dispute as further entries."""
    cells = report.cells(row)
    shown = currency_of(cells)
    currency = cells.take("settled_currency", lambda cell: code_of(cell or shown))
    converted = "settled" if row.text("settled") else "gross"
    gross, fee, tax = (
        cells.take(field, lambda cell: report.money(cell, currency)) for field in (converted, "fee", "fee_tax")
    )
    original = None
    if shown != currency:
        original = cells.take("gross", lambda cell: report.money(cell, shown))
    day = cells.take("day", report.day)
    charge = row.text("id")
    paid = Entry(
        line=row.line,
        id=charge,
        day=day,
        kind="charge",
        gross=gross,
        fee=fee + tax,
        mark=charge,
        counterparty=_customer(report, row),
        references=(charge, *_references(report, row)),
        text=row.text("text"),
        original=original,
        raw=row.raw,
    )
    refunded = "settled_refunded" if row.text("settled_refunded") else "refunded"
    back = cells.take(refunded, lambda cell: report.money(cell, currency))
    taken = Money(0, currency)
    if row.text("dispute").casefold() not in _WON and _same_currency(row):
        taken = cells.take("disputed", lambda cell: report.money(cell, currency))
    changes: tuple[tuple[Kind, str, Money], ...] = (
        ("refund", "refunded_on", back),
        ("taken back", "disputed_on", taken),
    )
    return [
        paid,
        *(
            replace(
                paid,
                id=f"{kind} {charge}",
                mark="",
                day=cells.take(field, report.day) or day,
                kind=kind,
                gross=-amount,
                fee=Money(0, currency),
                text=_text(kind, charge, paid.text),
                original=None,
            )
            for kind, field, amount in changes
            if amount.minor
        ),
    ]


def _read_payouts(report: Report) -> Read:
    """Read the list of payouts alone: their sums and days, and nothing of what they hold."""
    entries: list[Entry] = []
    failed = 0
    for row in report.table.rows:
        if row.text("status").casefold() in {"failed", "canceled", "cancelled"}:
            failed += 1
            continue
        cells = report.cells(row)
        currency = currency_of(cells)
        amount = cells.take("gross", lambda cell, code=currency: report.money(cell, code))
        entries.append(
            Entry(
                line=row.line,
                id=row.text("transaction") or row.text("id"),
                day=cells.take("day", report.day),
                kind="payout",
                gross=-amount,
                fee=Money(0, currency),
                payout=row.text("id"),
                arrives_on=cells.take("arrives_on", report.day),
                references=tuple(value for field in ("id", "trace", "descriptor") if (value := row.text(field))),
                raw=row.raw,
            )
        )
    if not entries:
        raise report.error("no payout in this export arrived", report.table.rows[0])
    notes = [f"Payouts that failed or were cancelled are left out ({failed})."] * bool(failed)
    return Read(entries, transfers=True, cut=True, notes=notes)


def _same_currency(row: Row) -> bool:
    return row.text("settled_currency").casefold() in {"", row.text("currency").casefold()}


def _customer(report: Report, row: Row) -> str:
    """Give who paid: a name, else an address, from whichever columns there are."""
    named = row.text("customer_name") or report.own_value(row, *_NAMES)
    return named or row.text("customer_email") or report.own_value(row, *_EMAILS) or row.text("customer_text")


def _references(report: Report, row: Row) -> tuple[str, ...]:
    fields = ("trace", "invoice_number", "order", "charge", "intent", "source", "invoice", "group", "customer")
    own = [value for value in report.own_values(row) if value != _customer(report, row)]
    return tuple(dict.fromkeys(value for value in [*(row.text(field) for field in fields), *own] if value))


def _text(kind: Kind, charge: str, said: str) -> str:
    """Name the charge, or else what Stripe calls the return, where money goes back."""
    begins = {"refund": "Refund", "taken back": "Taken back by the customer's bank", "came back": "Came back"}
    if kind not in begins or not charge:
        return said
    return f"{begins[kind]} ({charge})" + f": {said}" * bool(said)


def _original(report: Report, row: Row, gross: Money) -> Money | None:
    """Give what the customer saw in another currency, signed as the amount."""
    code = row.text("shown_currency")
    if not code or not row.text("shown") or code.upper() == gross.currency:
        return None
    cells = report.cells(row)
    currency = cells.take("shown_currency", code_of)
    shown = cells.take("shown", lambda cell: report.money(cell, currency))
    if (shown.minor < 0) != (gross.minor < 0):
        shown = -shown
    return money_of(str(shown.decimal), currency)


_ITEMISED = {
    "id": ("balance_transaction_id",),
    "day": ("created_utc", "created", "effective_at_utc", "effective_at"),
    "currency": ("currency",),
    "gross": ("gross",),
    "fee": ("fee",),
    "net": ("net",),
    "type": ("reporting_category",),
    "source": ("source_id",),
    "text": ("description",),
    "payout": ("automatic_payout_id", "payout_id"),
    "trace": ("trace_id",),
    "arrives_on": (
        "automatic_payout_effective_at_utc",
        "automatic_payout_effective_at",
        "effective_at_utc",
        "effective_at",
    ),
    "charge": ("charge_id",),
    "intent": ("payment_intent_id",),
    "invoice": ("invoice_id",),
    "invoice_number": ("invoice_number",),
    "order": ("merchant_reference", "order_id", "client_reference_id"),
    "customer": ("customer_id",),
    "customer_name": ("customer_name",),
    "customer_email": ("customer_email", "receipt_email"),
    "customer_text": ("customer_description",),
    "shown": ("customer_facing_amount",),
    "shown_currency": ("customer_facing_currency",),
}
_NEEDS = ("id", "day", "currency", "gross", "fee", "net", "type")

RECONCILIATION = Form(
    "Stripe payout reconciliation",
    "Stripe",
    (
        frozenset(("automatic_payout_id", "gross")),
        frozenset(("automatic_payout_id", "net")),
        frozenset(("automatic_payout_id", "balance_transaction_id")),
    ),
    _ITEMISED,
    (*_NEEDS, "payout"),
    RECONCILE,
    _read_itemised,
)
ACTIVITY = Form(
    "Stripe balance change from activity",
    "Stripe",
    (
        frozenset(("balance_transaction_id", "reporting_category")),
        frozenset(("balance_transaction_id", "net")),
        frozenset(("reporting_category", "currency", "gross", "net")),  # a summary; it lacks what is needed
        frozenset(("category", "currency", "description", "net_amount")),  # another summary
    ),
    _ITEMISED,
    _NEEDS,
    RECONCILE,
    _read_itemised,
)
HISTORY = Form(
    "Stripe balance history",
    "Stripe",
    (
        frozenset(("id", "type", "source", "amount", "net")),
        frozenset(("id", "available on (utc)")),
        frozenset(("type", "source", "created (utc)")),
    ),
    {
        "id": ("id", "balance transaction id"),
        "day": ("created (utc)", "created"),
        "currency": ("currency",),
        "gross": ("amount",),
        "fee": ("fee", "fees"),
        "net": ("net",),
        "type": ("type",),
        "source": ("source",),
        "text": ("description",),
        "payout": ("transfer",),
        "arrives_on": ("transfer date (utc)", "transfer date"),
        "group": ("transfer group",),
        "shown": ("customer facing amount",),
        "shown_currency": ("customer facing currency",),
    },
    ("id", "day", "currency", "gross", "fee", "net", "type", "source"),
    _HISTORY,
    _read_history,
)
PAYMENTS = Form(
    "Stripe payments",
    "Stripe",
    (
        frozenset(("id", "amount refunded", "captured")),
        frozenset(("id", "amount refunded", "customer email")),
        frozenset(("id", "converted amount", "status")),
    ),
    {
        "id": ("id",),
        "day": ("created date (utc)", "created (utc)", "created"),
        "currency": ("currency",),
        "gross": ("amount",),
        "fee": ("fee",),
        "fee_tax": ("taxes on fee", "tax"),
        "settled": ("converted amount",),
        "settled_currency": ("converted currency",),
        "refunded": ("amount refunded",),
        "settled_refunded": ("converted amount refunded",),
        "refunded_on": ("refunded date (utc)",),
        "status": ("status",),
        "captured": ("captured",),
        "text": ("description",),
        "customer": ("customer id",),
        "customer_name": ("customer name", "card name"),
        "customer_email": ("customer email",),
        "customer_text": ("customer description",),
        "charge": ("charge id",),
        "intent": ("paymentintent id", "payment intent id"),
        "source": ("payment source id",),
        "invoice": ("invoice id",),
        "invoice_number": ("invoice number",),
        "order": ("client reference id", "order id"),
        "disputed": ("disputed amount",),
        "dispute": ("dispute status",),
        "disputed_on": ("dispute date (utc)",),
    },
    ("id", "day", "currency", "gross", "fee", "status"),
    f"Stripe Dashboard > Payments > Export, with all columns; or, better, {RECONCILE}",
    _read_payments,
)
PAYOUTS = Form(
    "Stripe payouts",
    "Stripe",
    (frozenset(("id", "amount", "arrival date (utc)")), frozenset(("id", "arrival date (utc)", "destination"))),
    {
        "id": ("id",),
        "day": ("created (utc)", "created"),
        "currency": ("currency",),
        "gross": ("amount",),
        "arrives_on": ("arrival date (utc)",),
        "status": ("status",),
        "transaction": ("balance transaction",),
        "trace": ("trace id",),
        "descriptor": ("statement descriptor",),
    },
    ("id", "day", "currency", "gross", "arrives_on", "status"),
    RECONCILE,
    _read_payouts,
)
