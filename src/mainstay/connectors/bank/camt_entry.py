"""One entry (Ntry) of a camt message as bank lines.

Sources: the ISO 20022 message definitions of camt.052, .053 and .054, versions 02 to 13. The decisions in it:
 - The sign is CdtDbtInd alone. RvslInd says that the entry takes back an earlier one of the opposite direction
   ("if CRDT and reversal, the original operation was a debit"), so it never turns the sign.
 - It does turn the parties: Dbtr and Cdtr are those of the original operation. The same holds for a return (RtrInf).
 - The counterparty is Dbtr of a credit and Cdtr of a debit, unless its account is the statement's own; then the
   other one. Without a name, the ultimate party, and at last the party's bank. An ultimate party beside a name goes
   into the text, because it is often the customer behind a collecting service.
 - An entry with several TxDtls becomes a line for each when each has an amount in the entry's currency and they add
   up to the entry; otherwise it stays whole, with the references and texts of all. Nothing is ever added or dropped.
 - What the payer sent in another currency is the instructed amount, or else the transaction's where it was exchanged.
 - Swiss banks put the QR reference of a payment slip into NtryRef too; there it counts only with its check digit.
 - A date and time counts as the date it is written with, in the bank's own zone.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors.bank.creditor_reference import is_swiss
from mainstay.connectors.bank.statement import FILLERS, TEXT_LIMIT, Draft, raw_of
from mainstay.connectors.currencies import money_of
from mainstay.connectors.source import UnreadableError
from mainstay.connectors.xml_tree import Node, canonical, text_at, texts_at
from mainstay.records import BankLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.values import Money


REFERENCE_LIMIT = 60  # references kept of a whole batch

# Where the amount of one transaction stands, the most telling first.
_AMOUNTS = ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt")
_REFERENCES = ("EndToEndId", "MndtId", "TxId", "InstrId")
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:$|[TZ+-])")


class EntryRead(msgspec.Struct, frozen=True):
    """The lines of one entry, and what a reader should be told of it."""

    drafts: tuple[Draft, ...]
    batch: Literal["", "split", "whole"]
    undated: bool  # neither booking nor value date: the statement's date stands in


class _Frame(msgspec.Struct, frozen=True):
    """What all lines of an entry have in common."""

    account: str
    booked_on: str
    value_on: str
    bank_id: str
    mark: str
    pending: bool
    reversal: bool


def read_entry(entry: Node, account: str, stand_in: str) -> EntryRead:
    """Read an entry of an account. `stand_in` is the date taken when it has none.

    Raises UnreadableError with a clause that names the element.
    """
    amount = signed(entry)
    booked, valued = date_at(entry, "BookgDt"), date_at(entry, "ValDt")
    mark = text_at(entry, "AcctSvcrRef")
    frame = _Frame(
        account=account,
        booked_on=booked or valued or stand_in,
        value_on=valued,
        bank_id=mark or text_at(entry, "NtryRef"),
        mark="" if mark.upper() in FILLERS else mark,
        pending=_pending(entry),
        reversal=_flag(entry, "RvslInd"),
    )
    if not frame.booked_on:
        raise UnreadableError("neither the entry nor its statement has a date")
    details = entry.findall("NtryDtls/TxDtls")
    amounts = _amounts(details, amount)
    if amounts:
        drafts = tuple(_split(frame, detail, part) for detail, part in zip(details, amounts, strict=True))
    else:
        drafts = (_whole(frame, entry, details, amount),)
    several = len(details) > 1 or _count(entry) > 1
    return EntryRead(drafts, "split" if amounts else "whole" if several else "", undated=not (booked or valued))


def signed(node: Node, *, path: str = "Amt", direction: str = "") -> Money:
    """Give the amount of an entry, balance or transaction, negative for a debit.

    `direction` is taken when the node says none itself. Raises UnreadableError.
    """
    said = text_at(node, "CdtDbtInd") or direction
    if said not in {"CRDT", "DBIT"}:
        raise UnreadableError(
            f"whether money came or went is not said: {said[:20]!r} is neither CRDT nor DBIT (CdtDbtInd)"
        )
    amount = amount_at(node, path)
    if amount is None:
        raise UnreadableError("the amount is missing (Amt)")
    return -amount if said == "DBIT" else amount


def amount_at(node: Node, path: str) -> Money | None:
    """Give an amount without its sign; raises UnreadableError when it is negative or no amount."""
    found = node.find(path)
    if found is None:
        return None
    amount = money_of((found.text or "").strip(), (found.get("Ccy") or "").strip())
    if amount.minor < 0:
        raise UnreadableError(
            f"the amount {amount} has a minus, where only CRDT or DBIT says that money went (CdtDbtInd)"
        )
    return amount


def date_at(node: Node, path: str) -> str:
    """Give the date of a Dt or DtTm below a path, "" when there is none. Raises UnreadableError."""
    return iso_date(text_at(node, f"{path}/Dt") or text_at(node, f"{path}/DtTm"))


def iso_date(text: str) -> str:
    """Cut the date off an xs:date or xs:dateTime; raises UnreadableError when it is none."""
    if not text:
        return ""
    found = _DATE.match(text)
    with suppress(ValueError):
        if found:
            return date.fromisoformat(found[1]).isoformat()
    raise UnreadableError(f"{text[:40]!r} is not a date")


def account_at(node: Node, path: str) -> str:
    """Give the IBAN of an account, or whatever number it has, without spaces."""
    number = text_at(node, f"{path}/Id/IBAN") or text_at(node, f"{path}/Id/Othr/Id")
    return number.replace(" ", "").upper()


def _pending(entry: Node) -> bool:
    status = text_at(entry, "Sts/Cd") or text_at(entry, "Sts/Prtry") or text_at(entry, "Sts")
    if not status:
        raise UnreadableError("the entry does not say whether it is booked (Sts)")
    return status != "BOOK"


def _flag(node: Node, path: str) -> bool:
    return text_at(node, path) in {"true", "1"}


def _count(entry: Node) -> int:
    """Count the transactions of a batch as the bank says it, 0 when it does not."""
    said = text_at(entry, "NtryDtls/Btch/NbOfTxs")
    return int(said) if re.fullmatch("[0-9]{1,9}", said) else 0


def _amounts(details: list[Node], whole: Money) -> list[Money]:
    """Give the amounts of a batch's transactions, [] unless all have one and they add up to the entry."""
    if len(details) < 2:  # noqa: PLR2004 - a batch has at least two
        return []
    direction = "DBIT" if whole.minor < 0 else "CRDT"
    amounts: list[Money] = []
    for detail in details:
        path = next((path for path in _AMOUNTS if detail.find(path) is not None), "")
        if not path:
            return []
        amounts.append(signed(detail, path=path, direction=direction))
    same = all(amount.currency == whole.currency for amount in amounts)
    return amounts if same and sum(amount.minor for amount in amounts) == whole.minor else []


def _split(frame: _Frame, detail: Node, amount: Money) -> Draft:
    """Make one line of one transaction of a batch."""
    own = text_at(detail, "Refs/AcctSvcrRef") or text_at(detail, "Refs/TxId") or text_at(detail, "Refs/EndToEndId")
    line = _line(frame, [detail], amount, raw=canonical(detail))
    return Draft(line, mark=f"{frame.mark}/{own}" if frame.mark and own else "")


def _whole(frame: _Frame, entry: Node, details: list[Node], amount: Money) -> Draft:
    """Make one line of an entry, with what its details say."""
    line = _line(frame, details, amount, raw=canonical(entry))
    remarks = [remark for remark in [*_charges(entry), *_exchanges(entry)] if remark not in line.text]
    text = _joined([line.text or text_at(entry, "AddtlNtryInf"), *remarks], " | ")
    slip = text_at(entry, "NtryRef").replace(" ", "")
    references = _unique([slip] * is_swiss(slip) + list(line.references))[:REFERENCE_LIMIT]
    original = line.original or _original(entry, amount)
    changed = msgspec.structs.replace(line, text=text, references=tuple(references), original=original)
    return Draft(changed, mark=frame.mark)


def _line(frame: _Frame, details: list[Node], amount: Money, *, raw: str) -> BankLine:
    reversal = frame.reversal or any(detail.find("RtrInf") is not None for detail in details)
    debtors = (amount.minor >= 0) != reversal
    parties = [_party(detail, frame.account, debtors=debtors) for detail in details]
    names, accounts, others = (_unique(party[at] for party in parties) for at in range(3))
    texts = [_joined([_text(detail) for detail in details], " / "), *[f"for {name}" for name in others]]
    return BankLine(
        id="",
        booked_on=frame.booked_on,
        amount=amount,
        value_on=frame.value_on,
        counterparty=names[0] if len(names) == 1 else "",
        iban=accounts[0] if len(accounts) == 1 else "",
        references=tuple(
            _unique(reference for detail in details for reference in _references(detail))[:REFERENCE_LIMIT]
        ),
        text=_joined(texts, " | "),
        bank_id=frame.bank_id,
        pending=frame.pending,
        reversal=reversal,
        original=_original(details[0], amount) if len(details) == 1 else None,
        raw=raw_of(raw),
    )


def _party(detail: Node, own: str, *, debtors: bool) -> tuple[str, str, str]:
    """Give name, account and ultimate party of the other side of a transaction."""
    role, other = ("Dbtr", "Cdtr") if debtors else ("Cdtr", "Dbtr")
    account = account_at(detail, f"RltdPties/{role}Acct")
    if own and account == own:
        role, account = other, account_at(detail, f"RltdPties/{other}Acct")
    name, ultimate = _name(detail, f"RltdPties/{role}"), _name(detail, f"RltdPties/Ultmt{role}")
    bank = _bank(detail, f"RltdAgts/{role}Agt")
    return name or ultimate or bank, account, ultimate if name and ultimate != name else ""


def _name(detail: Node, path: str) -> str:
    """Read a party: a name, since version 08 inside Pty, or a bank as a party."""
    name = text_at(detail, f"{path}/Nm") or text_at(detail, f"{path}/Pty/Nm") or _bank(detail, f"{path}/Agt")
    return "" if name.upper() in FILLERS else name


def _bank(detail: Node, path: str) -> str:
    paths = (f"{path}/FinInstnId/{leaf}" for leaf in ("Nm", "BICFI", "BIC"))
    return next((name for at in paths if (name := text_at(detail, at))), "")


def _references(detail: Node) -> list[str]:
    """Give structured references, those the payer was asked to give first."""
    given = texts_at(detail, "RmtInf/Strd/CdtrRefInf/Ref") + texts_at(detail, "RmtInf/Strd/RfrdDocInf/Nb")
    given += [text_at(detail, f"Refs/{leaf}") for leaf in _REFERENCES]
    return [reference for reference in given if reference and reference.upper() not in FILLERS]


def _text(detail: Node) -> str:
    """Give what the payer wrote, or else the bank's words; then the reason of a return, charges, foreign amounts."""
    written = texts_at(detail, "RmtInf/Ustrd") + texts_at(detail, "RmtInf/Strd/AddtlRmtInf")
    words = " ".join(written) or text_at(detail, "AddtlTxInf")
    reason = " ".join([text_at(detail, "RtrInf/Rsn/Cd"), *texts_at(detail, "RtrInf/AddtlInf")]).strip()
    return _joined([words, reason and f"returned: {reason}", *_charges(detail), *_exchanges(detail)], " | ")


def _charges(node: Node) -> list[str]:
    """Word the charges of an entry or transaction (Chrgs since version 04, a list of amounts before)."""
    paths = ("Chrgs/TtlChrgsAndTaxAmt", "Chrgs/Rcrd/Amt", "Chrgs/Amt")
    charged = next((amount for path in paths if (amount := amount_at(node, path)) is not None), None)
    return [f"charges {charged}"] if charged is not None and charged.minor else []


def _exchanges(node: Node) -> list[str]:
    """Word the instructed amount where it is in another currency than the transaction."""
    asked, paid = (
        amount_at(node, "AmtDtls/InstdAmt/Amt"),
        amount_at(node, "AmtDtls/TxAmt/Amt") or amount_at(node, "Amt"),
    )
    if asked is None or paid is None or asked.currency == paid.currency:
        return []
    rate = text_at(node, "AmtDtls/TxAmt/CcyXchg/XchgRate") or text_at(node, "AmtDtls/InstdAmt/CcyXchg/XchgRate")
    return [f"instructed {asked}" + (f" at {rate[:20]}" if rate else "")]


def _original(node: Node, amount: Money) -> Money | None:
    """Give the amount in the payer's currency with the sign of `amount`, None where it is in the same currency."""
    exchanged = any(node.find(f"AmtDtls/{kind}/CcyXchg") is not None for kind in ("InstdAmt", "TxAmt"))
    for path in ("AmtDtls/InstdAmt/Amt", *["AmtDtls/TxAmt/Amt"] * exchanged):
        sent = amount_at(node, path)
        if sent is not None and sent.minor and sent.currency != amount.currency:
            return -sent if amount.minor < 0 else sent
    return None


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _joined(texts: Iterable[str], between: str) -> str:
    """Join texts, each once, within the limit."""
    return between.join(_unique(texts))[:TEXT_LIMIT]
