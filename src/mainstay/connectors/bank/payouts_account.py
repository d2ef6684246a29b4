"""A provider's account as a statement: entries become lines, fees one line a payout, payouts are held to their sums.

What a payout holds is said by the provider, never guessed. A payout whose own entry is in the report must be the sum
of its transactions to the cent. It may lack some only where the report begins in the middle of it; then, and where the
provider does not say what it holds (a payout made by hand), the payout stands without lines.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from mainstay.connectors.bank.statement import RAW_LIMIT, AccountStatement, Draft, FileRead, Part
from mainstay.connectors.currencies import sums_of
from mainstay.records import BankLine, Payout
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.connectors.bank.payouts_report import Entry, Form, Read
    from mainstay.connectors.source import Source

_NAMED = 3  # payouts that are named in a note, before "and more"


class _Payouts(msgspec.Struct):
    """The payouts of one currency: those that arrive, and what there is to say of the others."""

    whole: dict[str, Payout]  # with transactions
    bare: dict[str, Payout]  # without
    failed: list[str]
    proven: int


def account_read(source: Source, form: Form, read: Read) -> FileRead:
    """Make a statement of each currency. Raises FileError when a payout is not the sum of its transactions."""
    currencies = sorted({entry.gross.currency for entry in read.entries})
    notes = list(read.notes)
    parts: list[Part] = []
    for currency in currencies:
        entries = [entry for entry in read.entries if entry.gross.currency == currency]
        payouts = _payouts(source, form, read, entries)
        parts.append(_part(form, entries, payouts, checked=currency in read.balances))
        notes += _notes(form, read, entries, payouts)
    return FileRead(form.name, tuple(parts), tuple(notes))


def _payouts(source: Source, form: Form, read: Read, entries: Sequence[Entry]) -> _Payouts:
    found = _Payouts({}, {}, [], 0)
    transfers: dict[str, list[Entry]] = {}
    members: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.payout:
            is_transfer = entry.kind in {"payout", "failed payout"}
            (transfers if is_transfer else members).setdefault(entry.payout, []).append(entry)
    ids = dict.fromkeys((*sorted(transfers, key=lambda one: transfers[one][0].day), *members))
    for ident in ids:
        own, its = transfers.get(ident, []), members.get(ident, [])
        if not own and read.transfers:
            continue  # its own entry is beyond the end of the report, and more of it may be
        paid = -_sum(entry.gross for entry in own) if own else _total(its)
        failed = [entry for entry in own if entry.kind == "failed payout"]
        if failed and (not paid.minor or len(failed) == len(own)):
            found.failed.append(ident)
            continue
        off = paid - _total([*its, *(_fee_of(entry) for entry in own)])
        payout = _payout(form, ident, paid, own, its)
        if own and its and off.minor and not (read.cut and not found.proven):
            what = f"the payout {ident[:60]} does not add up: {paid} were paid, its transactions make {paid - off}"
            remedy = f"A row is missing or altered. Export it again: {form.menu}"
            raise source.error(f"{what}, a difference of {off}", line=own[0].line, remedy=remedy)
        if its and not off.minor:
            found.whole[ident] = payout
            found.proven += bool(own)
        else:
            bare = (
                {"gross": paid + payout.fees, "fees": payout.fees} if not its else {"gross": paid, "fees": paid - paid}
            )
            found.bare[ident] = msgspec.structs.replace(payout, **bare)
    return found


def _payout(form: Form, ident: str, paid: Money, own: Sequence[Entry], its: Sequence[Entry]) -> Payout:
    nothing = Money(0, paid.currency)
    billed = _sum((-entry.gross for entry in its if entry.kind == "fee"), nothing)
    fees = _sum((entry.fee for entry in (*its, *own)), nothing) + billed
    return Payout(
        id=ident,
        provider=form.provider,
        amount=paid,
        arrives_on=_arrival(own, its),
        gross=_sum((entry.gross for entry in its if entry.kind == "charge"), nothing),
        fees=max(fees, nothing),
    )


def _arrival(own: Sequence[Entry], its: Sequence[Entry]) -> str:
    """Give the day a payout arrives, as far as the report says it."""
    said = [entry.arrives_on for entry in (*own, *its) if entry.arrives_on]
    return said[0] if said else max(entry.day for entry in (*own, *its))


def _fee_of(entry: Entry) -> Entry:
    """Leave of a payout's own entry what it cost (an instant payout)."""
    return msgspec.structs.replace(entry, gross=Money(0, entry.gross.currency))


def _part(form: Form, entries: Sequence[Entry], payouts: _Payouts, *, checked: bool) -> Part:
    drafts: list[Draft] = []
    fees: dict[tuple[str, str], list[Entry]] = {}  # by payout, or by day where there is none
    for entry in entries:
        ident = entry.payout if entry.payout in payouts.whole else ""
        is_transfer = entry.kind in {"payout", "failed payout"}
        if entry.gross.minor or not entry.fee.minor:
            day = entry.arrives_on if entry.kind == "payout" and entry.arrives_on else entry.day
            drafts.append(Draft(_line(form, entry, day), _mark(entry), "" if is_transfer else ident))
        if entry.fee.minor:
            fees.setdefault((ident, "" if ident else entry.day), []).append(entry)
    for (ident, day), its in fees.items():
        drafts += _fee_line(form, ident or day, its, payouts.whole.get(ident))
    for ident, payout in payouts.whole.items():
        if not any(entry.kind == "payout" and entry.payout == ident for entry in entries):
            drafts.append(_transfer(form, payout))
    days = sorted(entry.day for entry in entries)
    proven = bool(payouts.whole) and payouts.proven == len(payouts.whole) and not payouts.bare
    head = AccountStatement(
        account=form.provider,
        currency=entries[0].gross.currency,
        balance="checked" if checked or proven else "absent",
        count=len(drafts),
        from_on=days[0],
        to_on=days[-1],
    )
    return Part(head, tuple(drafts), (*payouts.whole.values(), *payouts.bare.values()))


def _mark(entry: Entry) -> str:
    """Give what the entry is known by in all reports of the provider."""
    return f"payout {entry.payout}" if entry.kind == "payout" and entry.payout else entry.mark or entry.id


def _line(form: Form, entry: Entry, day: str) -> BankLine:
    """Make a line. What no customer paid or got, and nobody else is named for, has the provider as its counterparty."""
    customers = entry.kind in {"charge", "refund", "taken back", "came back"}
    return BankLine(
        id="",
        booked_on=day,
        amount=entry.gross,
        counterparty=entry.counterparty or ("" if customers else form.provider),
        iban=entry.iban,
        references=tuple(dict.fromkeys(reference for reference in entry.references if reference)),
        text=_text(entry),
        bank_id=entry.id,
        reversal=entry.kind in {"taken back", "came back", "failed payout"},
        original=entry.original,
        raw=entry.raw[:RAW_LIMIT],
    )


def _text(entry: Entry) -> str:
    if entry.kind == "payout":
        return f"{'Paid out to' if entry.gross.minor <= 0 else 'Taken from'} your bank, {entry.payout}"
    if entry.kind == "failed payout":
        return f"A payout that did not reach your bank came back, {entry.payout}"
    return entry.text


def _transfer(form: Form, payout: Payout) -> Draft:
    direction = "Paid out to" if payout.amount.minor >= 0 else "Taken from"
    line = BankLine(
        id="",
        booked_on=payout.arrives_on,
        amount=-payout.amount,
        counterparty=form.provider,
        text=f"{direction} your bank, {payout.id}",
        references=(payout.id,),
    )
    return Draft(line, f"payout {payout.id}")


def _fee_line(form: Form, key: str, its: Sequence[Entry], payout: Payout | None) -> list[Draft]:
    amount = -_sum(entry.fee for entry in its)
    if not amount.minor:
        return []
    charges = sum(entry.kind == "charge" for entry in its)
    whose = f"payout {key}" if payout else key
    text = f"{'Fees' if amount.minor < 0 else 'Fees given back'} of {whose}"
    text += f", {charges} charge{'s' * (charges != 1)}" * bool(charges)
    line = BankLine(
        id="",
        booked_on=payout.arrives_on if payout else key,
        amount=amount,
        counterparty=form.provider,
        references=(payout.id,) if payout else (),
        text=text,
    )
    return [Draft(line, f"fees of {whose}", payout.id if payout else "")]


def _notes(form: Form, read: Read, entries: Sequence[Entry], payouts: _Payouts) -> list[str]:
    notes: list[str] = []
    if payouts.failed:
        notes.append(f"{_names(payouts.failed)} failed or {_was(payouts.failed)} cancelled; nothing of it arrives.")
    its = Counter(entry.payout for entry in entries if entry.kind not in {"payout", "failed payout"})
    cut = [ident for ident in payouts.bare if its[ident]]
    if cut:
        known = "its sum is" if len(cut) == 1 else "their sums are"
        earlier = "export from an earlier day to see the charges too."
        notes.append(f"{_names(cut)} began before this report does, so that only {known} known; {earlier}")
    unsaid = [ident for ident in payouts.bare if not its[ident]]
    if unsaid:
        notes.append(f"The report does not say which charges are in {_names(unsaid, start=False)}.")
    if payouts.whole and payouts.proven < len(payouts.whole):
        notes.append("The report does not state the sums of its payouts: they are those of its rows.")
    gone = {"payout", "failed payout"}
    settled = {*payouts.whole, *cut}
    waiting = [entry for entry in entries if entry.payout not in settled and entry.kind not in gone]
    left = read.balances.get(entries[0].gross.currency)
    if left:
        notes.append(f"{left} was left at {form.provider}.")
    elif waiting and _total(waiting).minor and (read.transfers or any(entry.payout for entry in entries)):
        count = len(waiting)
        begins = (
            f"{count} transaction{'s' * (count != 1)} of {_total(waiting)} after fees {'is' if count == 1 else 'are'}"
        )
        told = payouts.whole or not payouts.bare  # else payouts are made by hand, and none says what it holds
        where = f"in no payout of this report: still at {form.provider}" if told else "in no payout that it itemises"
        notes.append(f"{begins} {where}.")
    return notes


def _names(idents: Sequence[str], *, start: bool = True) -> str:
    what = ("Payout" if start else "payout") + "s" * (len(idents) > 1)
    more = f" and {len(idents) - _NAMED} more" if len(idents) > _NAMED else ""
    return f"{what} {', '.join(ident[:60] for ident in idents[:_NAMED])}{more}"


def _was(idents: Sequence[str]) -> str:
    return "was" if len(idents) == 1 else "were"


def _total(entries: Sequence[Entry]) -> Money:
    """Give what entries leave after fees."""
    return _sum(entry.gross for entry in entries) - _sum(entry.fee for entry in entries)


def _sum(amounts: Iterable[Money], nothing: Money | None = None) -> Money:
    """Add up amounts of one currency; raises UnreadableError when the sum is beyond 64 bits."""
    sums = sums_of(amounts)
    if sums or nothing is None:
        return sums[0]
    return nothing
