"""Reports of payment providers: the account an owner has there, and what each payout to the bank is made of.

A provider pays many charges, less refunds and fees, in one sum. Its report is read as a statement of its own; the
bank's line with the sum is then held against a `Payout` whose lines add up to it. A new report is a `Form` in `FORMS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.connectors.bank import payouts_api, payouts_paypal, payouts_shops, payouts_stripe
from mainstay.connectors.bank.payouts_account import account_read
from mainstay.connectors.bank.payouts_report import find_head, first_text, form_of, once, read_report
from mainstay.connectors.source import Source, UnreadableError
from mainstay.connectors.tables import decode
from mainstay.errors import FileError

if TYPE_CHECKING:
    from mainstay.connectors.bank.columns import ColumnMap
    from mainstay.connectors.bank.payouts_report import Form, Read
    from mainstay.connectors.bank.statement import FileRead

FORMS: tuple[Form, ...] = (
    payouts_stripe.RECONCILIATION,
    payouts_stripe.ACTIVITY,
    payouts_stripe.HISTORY,
    payouts_stripe.PAYMENTS,
    payouts_stripe.PAYOUTS,
    payouts_paypal.ACTIVITY,
    payouts_shops.SHOPIFY,
    payouts_shops.MOLLIE,
)
MAX_LINES = 300_000  # a line takes about a kilobyte of memory, and a worker has a gigabyte
HEAD_BYTES = 4096  # as much of a file as is looked at to tell JSON from a table


def looks_like(head: bytes) -> bool:
    """Tell by the first bytes whether a file is a report of a payment provider: by its header, never by its name."""
    return payouts_api.looks_like(head) or any(form_of(found, FORMS) for found in find_head(_decoded(head)))


def read(source: Source, columns: ColumnMap | None = None) -> FileRead:
    """Read a report whole. `columns.date_format` is taken only where the dates can be read in two ways.

    Raises FileError: a row that can't be read, whose net is not gross less fee, that stands twice and differs, or a
    payout that is not the sum of its transactions.
    """
    form, found = _read(source, columns)
    try:
        entries, twice = once(source, found.entries, form.menu)
        return account_read(source, form, found._replace(entries=entries, notes=[*found.notes, *twice]))
    except UnreadableError as error:
        raise source.error(str(error), remedy=f"Export it again: {form.menu}") from error


def _read(source: Source, columns: ColumnMap | None) -> tuple[Form, Read]:
    if payouts_api.looks_like(source.content[:HEAD_BYTES]):
        form = payouts_stripe.HISTORY._replace(name="Stripe balance transactions (JSON)", menu=payouts_stripe.RECONCILE)
        return form, payouts_api.read(source, form)
    text = first_text(source)
    lines = max(text.count("\n"), text.count("\r"))
    if lines > MAX_LINES:
        what = f"the report has about {lines:,} lines, and {MAX_LINES:,} can be read at once"
        raise source.error(what, remedy="Export shorter periods, and give all the files together.")
    for head in find_head(text):
        form = form_of(head, FORMS)
        if form is not None:
            return form, form.read(read_report(source, form, head, columns.date_format if columns else ""))
    remedy = f"Export it again, for Stripe: {payouts_stripe.RECONCILE}"
    raise source.error("this is no report of a payment provider that is known here", remedy=remedy)


def _decoded(head: bytes) -> str:
    """Decode the first bytes up to the end of a line, so that none is cut; "" where they are no text."""
    end = max(head.rfind(b"\n"), head.rfind(b"\r"))
    lines = head[:end] if end > 0 else head
    try:
        return decode(Source("", lines[: len(lines) // 2 * 2] if b"\0" in lines else lines))[0]
    except FileError:
        return ""
