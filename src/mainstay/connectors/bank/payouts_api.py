"""A list of balance transactions as Stripe's API gives it: JSON, amounts in minor units.

The list of one payout (`?payout=po_...`) holds the payout itself, and names it nowhere else. So where a list holds one
payout, and all else adds up to it, all else is part of it; else no payout has lines.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from mainstay.connectors.bank.payouts_report import Entry, Form, Kind, Read
from mainstay.connectors.bank.payouts_stripe import kind_of
from mainstay.connectors.currencies import code_of, money_of
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.tables import MAX_TABLE_BYTES

if TYPE_CHECKING:
    from mainstay.connectors.source import Source
    from mainstay.values import Money

_SIGN = b'"balance_transaction"'
# How many decimals the API's minor units have. It keeps two for some currencies that have none (ISK, UGX), and none
# for one that has (MGA): https://docs.stripe.com/currencies
_NO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_THREE_DECIMALS = frozenset("BHD JOD KWD OMR TND".split())
_REMEDY = "Fetch the balance transactions again, all pages; or export: {}"


class _Billing(msgspec.Struct, frozen=True):
    name: str | None = None
    email: str | None = None


class _Object(msgspec.Struct, frozen=True):
    """What a transaction is of, where the list was fetched with its sources expanded."""

    id: str = ""
    description: str | None = None
    customer: str | None = None
    payment_intent: str | None = None
    invoice: str | None = None
    charge: str | None = None
    arrival_date: int | None = None
    receipt_email: str | None = None
    billing_details: _Billing | None = None
    currency: str | None = None
    amount: int | None = None
    metadata: dict[str, str] = {}


class _Transaction(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    created: int
    fee: int
    net: int
    type: str
    reporting_category: str = ""
    description: str | None = None
    available_on: int | None = None
    source: str | _Object | None = None


class _Listed(msgspec.Struct, frozen=True):
    data: list[_Transaction]
    has_more: bool = False


def looks_like(head: bytes) -> bool:
    """Tell whether JSON begins that holds balance transactions."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) and _SIGN in head


def read(source: Source, form: Form) -> Read:
    """Read a list; raises FileError when it is cut off, is no such list, or a net is not gross less fee."""
    content = source.content.removeprefix(b"\xef\xbb\xbf").strip()
    remedy = _REMEDY.format(form.menu)
    if len(content) > MAX_TABLE_BYTES:
        what = f"the list has {len(content) / 2**20:.1f} MB, and {MAX_TABLE_BYTES / 2**20:.0f} MB can be read at once"
        raise source.error(what, remedy="Fetch the transactions of shorter periods, and give all the files together.")
    try:
        if content.startswith(b"["):
            listed = _Listed(msgspec.json.decode(content, type=list[_Transaction]))
        else:
            listed = msgspec.json.decode(content, type=_Listed)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what = f"this is no list of Stripe's balance transactions ({str(error)[:120]})"
        raise source.error(what, remedy=remedy) from error
    if listed.has_more:
        raise source.error("the list has more pages (has_more), and this is only one", remedy=remedy)
    if not listed.data:
        raise source.error("the list has no transactions", remedy=remedy)
    entries: list[Entry] = []
    for number, one in enumerate(listed.data, 1):
        try:
            entries.append(_entry(one))
        except UnreadableError as error:
            raise source.error(str(error), entry=number, remedy=remedy) from error
    return Read(_of_one_payout(entries), transfers=True, cut=True, notes=[])


def _entry(one: _Transaction) -> Entry:
    currency = code_of(one.currency)
    gross, fee, net = (_money(minor, currency) for minor in (one.amount, one.fee, one.net))
    if gross - fee != net:
        raise UnreadableError(f"gross {gross} less fee {fee} is not the net {net}")
    of = one.source if isinstance(one.source, _Object) else _Object(id=one.source or "")
    kind = kind_of(one.reporting_category or one.type, gross, of.id, one.description or "")
    payer = of.billing_details or _Billing()
    customers = kind not in {"fee", "other", "payout", "failed payout"}
    arrives = of.arrival_date or one.available_on if kind == "payout" else None
    ids = (of.charge, of.id, of.payment_intent, of.invoice, of.customer, *of.metadata.values())
    return Entry(
        line=0,  # all stand in one
        id=one.id,
        day=_day(one.created),
        kind=kind,
        gross=gross,
        fee=fee,
        mark=of.id if kind == "charge" else "",
        payout=of.id if kind in {"payout", "failed payout"} else "",
        arrives_on=_day(arrives) if arrives is not None else "",
        counterparty=(payer.name or payer.email or of.receipt_email or "") if customers else "",
        references=tuple(dict.fromkeys(ident for ident in ids if ident)),
        text=one.description or of.description or "",
        original=_original(of, gross, kind),
        raw=msgspec.json.encode(one).decode(),
    )


def _original(of: _Object, gross: Money, kind: Kind) -> Money | None:
    if kind != "charge" or not of.currency or of.amount is None or of.currency.upper() == gross.currency:
        return None
    return _money(of.amount, code_of(of.currency))


def _money(minor: int, currency: str) -> Money:
    digits = 0 if currency in _NO_DECIMALS else 3 if currency in _THREE_DECIMALS else 2
    return money_of(f"{Decimal(minor).scaleb(-digits):f}", currency)


def _day(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableError(f"{seconds} is not a time in seconds") from error


def _of_one_payout(entries: list[Entry]) -> list[Entry]:
    payouts = [entry for entry in entries if entry.kind in {"payout", "failed payout"}]
    total = sum(entry.gross.minor - entry.fee.minor for entry in entries)
    if len(payouts) != 1 or payouts[0].kind != "payout" or total:
        return entries
    if len({entry.gross.currency for entry in entries}) > 1:
        return entries
    arrives = payouts[0].arrives_on
    return [replace(entry, payout=payouts[0].payout, arrives_on=arrives) for entry in entries]
