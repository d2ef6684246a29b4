"""Wording: one plain sentence for each reading, for the person who decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mainstay.agents.amounts import grant_of
from mainstay.agents.names import NEAR, words_of
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Sequence

    from mainstay.agents.evidence import Debt, Evidence, Receipt
    from mainstay.records import Grant, Payout

MONTHS = "January February March April May June July August September October November December".split()
SPELLED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
LISTED_MAX = 3
MANY = 6  # invoices named one by one
TWIN_IS_PAID = "Next best: the other invoice of this amount, which another payment may not have paid."
NO_INVOICE = "No other open invoice comes close."


def say_pair(evidence: Evidence) -> str:
    """Name what decided that this line pays this invoice, and what is odd about it."""
    number = evidence.debt.number
    sentence = f"{_reference(evidence, number)}{_and_payer(evidence)}, and {_amount(evidence)}"
    return f"{sentence}{''.join(f'; but {doubt}' for doubt in doubts(evidence))}."


def say_asked(because: str) -> str:
    """Say why a reading is asked about; "" when it is not."""
    return f" It is asked because {because}." if because else ""


def doubts(evidence: Evidence) -> list[str]:
    """Give what speaks against a pair, each as half a sentence."""
    found: list[str] = []
    named = evidence.receipt.named
    if evidence.names_unknown and evidence.reference != "none":
        found.append(f"the payment names {listed(named.written)}, which is no open invoice")
    if evidence.early:
        found.append(f"it came before the invoice was issued on {day(evidence.debt.invoice.issued_on)}")
    return found


def say_rival(evidence: Evidence | None, best: Debt | None = None) -> str:
    """Say what the second best reading is; `best` is the invoice of the best one."""
    return NO_INVOICE if evidence is None else f"Next best: {say_other(evidence, best)}."


def say_other(evidence: Evidence, best: Debt | None = None) -> str:
    """Name another invoice, whose it is and how the amount fits: "2026-149 of Acme GmbH, the same amount"."""
    invoice = evidence.debt.invoice
    whose = "the same customer" if best is not None and best.customer == evidence.debt.customer else invoice.customer
    amount = {
        "exact": "the same amount",
        "tiny": "nearly the same amount",
        "discount": "the amount with a discount taken",
        "fee": "the amount less a bank fee",
        "exchange": "the amount with another rate",
        "converted": "in another currency",
        "part": "of which this would be a part",
        "over": "for which this would be too much",
    }[evidence.amount]
    return f"{invoice.number} of {whose}, {amount}"


def say_alike(count: int) -> str:
    """Say that many other invoices are of the same amount."""
    return f"Next best: any of {count} other open invoices of the same amount."


def say_other_set(numbers: Sequence[str]) -> str:
    """Say that other invoices make the same sum."""
    return f"Next best: {say_set(numbers)}."


def say_set(numbers: Sequence[str]) -> str:
    """Name invoices that make the sum together: "2026-149 and 2026-150 together, the same sum"."""
    return f"{listed(numbers)} together, the same sum"


def say_together(receipt: Receipt, debts: Sequence[Debt], *, named: bool, unique: bool, said: str) -> str:
    """Say why one line pays several invoices."""
    numbers = listed([debt.number for debt in debts])
    customer = debts[0].invoice.customer
    if len(debts) > MANY:
        numbers = f"{debts[0].number} to {debts[-1].number}, {len(debts)} of them,"
    hinted = [debt.number for debt in debts if debt.number in receipt.named.full]
    who = f"The payment names invoices {numbers}" if named else f"{customer} owes invoices {numbers}"
    if hinted and not named:
        who = f"The payment names {listed(hinted)}, {customer} owes invoices {numbers}"
    total = f"together they come to {said or 'exactly this amount'}"
    return f"{who}, and {total}{'' if unique else '; but other invoices add up to it as well'}."


def say_instalments(receipts: Sequence[Receipt], debt: Debt, *, named: bool, unique: bool) -> str:
    """Say why several lines pay one invoice."""
    days = listed([day(receipt.line.booked_on) for receipt in receipts])
    how = f"all name invoice {debt.number}" if named else f"come from the payer of invoice {debt.number}"
    doubt = "" if unique else "; but other payments add up to it as well"
    return f"{_count(len(receipts))} payments ({days}) {how} and add up to exactly what is open{doubt}."


def say_second(debt: Debt, first: Receipt | None, second: Receipt) -> str:
    """Say that an invoice was paid twice; `first` is None when it was settled before these lines came."""
    paid = "was paid before" if first is None else f"is already paid by the payment of {day(first.line.booked_on)}"
    return (
        f"Invoice {debt.number} {paid}; "
        f"this looks like a second payment of it by {second.line.counterparty or debt.invoice.customer}."
    )


def say_either(debt: Debt, first: Receipt) -> tuple[str, str]:
    """Say that one of two payments pays an invoice: what to do about the second one, and the other reading."""
    why = (
        f"It may pay invoice {debt.number}, as the payment of {day(first.line.booked_on)} may, which is to be decided"
        " first: if that one pays it, this is a second payment of it."
    )
    return why, f"If that payment is for something else, this one pays {debt.number}."


def say_stranger(receipt: Receipt, reported: Container[str], fitting: Sequence[str] = ()) -> str:
    """Say why an incoming line fits no open invoice; `reported` are the providers that gave a report.

    `fitting` are the open invoices of its amount.
    """
    named = receipt.named
    if named.unknown and not named.full:
        return f"It names {listed(named.written)}, which is no open invoice."
    if named.full:
        return f"It names {listed(sorted(named.full))}, but nothing is open there any more that it could pay."
    if receipt.provider and not receipt.words:
        if "".join(words_of(receipt.provider)) in reported:
            return (
                f"A sum from {receipt.provider} that is no payout of the report you gave; a later one may explain it."
            )
        return (
            f"A sum that {receipt.provider} collected from your customers;"
            f" give its payout report beside the statement, and each payment in it finds its invoice."
        )
    if fitting:
        owed = listed(fitting) if len(fitting) <= LISTED_MAX else f"{len(fitting)} invoices"
        return f"The amount is what is open on {owed}, but neither its text nor its payer says so."
    return "Neither its text nor its payer and amount fit an open invoice."


def say_payout(payout: Payout, charges: int) -> str:
    """Say what a payout is made of: "The payout po_1 of Stripe: 12 charges of 1,000.00 EUR less 30.00 EUR fees."."""
    refunds = payout.gross.minor - payout.fees.minor - payout.amount.minor
    less = [f"{payout.fees} fees"] if payout.fees.minor else []
    less += [f"{money(refunds, payout.amount.currency)} refunds"] if refunds > 0 else []
    if payout.amount.minor < 0:
        return f"The payout {payout.id} of {payout.provider}: {payout.provider} took back {-payout.amount}."
    count = f"{charges} charge{'' if charges == 1 else 's'} of {payout.gross}"
    count = count if payout.line_ids else f"charges of {payout.gross}"
    return f"The payout {payout.id} of {payout.provider}: {count}{' less ' + listed(less) if less else ''}."


def say_missing(payouts: Sequence[Payout]) -> str:
    """Say which payouts never came, as far as the bank's lines go."""
    each = [f"{p.id} of {p.provider} ({p.amount}, due {day(p.arrives_on)})" for p in payouts[:LISTED_MAX]]
    more = len(payouts) - LISTED_MAX
    said = listed([*each, f"{more} more"] if more > 0 else each)
    return f"Not found among the bank's lines: payout{'' if len(payouts) == 1 else 's'} {said}."


def money(minor: int, currency: str) -> str:
    """Write an amount of minor units: "1,500.00 EUR"."""
    return str(Money(minor, currency))


def day(date: str) -> str:
    """Write 2026-10-03 as "3 October"; anything else as it is."""
    parts = date.split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):  # noqa: PLR2004 - year, month, day
        return date
    return f"{int(parts[2])} {MONTHS[(int(parts[1]) - 1) % 12]}"


def listed(words: Sequence[str]) -> str:
    """Join words as one says them: "A, B and C"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _count(number: int) -> str:
    return (SPELLED[number] if number < len(SPELLED) else str(number)).capitalize()


def say_usual(basis_points: int, grants: Collection[Grant], who: Literal["the invoice", "they"]) -> str:
    """Say of a discount that people take whether it was granted to them, by one invoice or by each of several."""
    usual = f"a usual discount of {percent(basis_points)}"
    if len(grants) > 1:
        return f"{usual} that {who} do not {'all ' * ('' in grants)}grant on the day of the payment"
    match next(iter(grants)):
        case "":
            return f"{usual}, less than {who} grant{'s' * (who != 'they')}"
        case "ended":
            return f"{usual} that {who} no longer granted on the day of the payment"
        case "never":
            return f"{usual} that {who} {'do' if who == 'they' else 'does'} not grant"


def percent(basis_points: int) -> str:
    """Write a discount: "2 %", "1.5 %"."""
    return f"{basis_points / 100:g} %"


def _reference(evidence: Evidence, number: str) -> str:
    match evidence.reference:
        case "structured":
            return f"The payment carries the reference of invoice {number}"
        case "number":
            return f"The payment names invoice {number}"
        case "cut":
            return f"The payment names a part of a number, which may be invoice {number}"
        case "near":
            return f"The payment names {evidence.receipt.named.written[0]}, which is nearly invoice {number}"
        case "none":
            if evidence.names_other:
                return f"The payment names {listed(evidence.receipt.named.hinted[:LISTED_MAX])}, not invoice {number}"
            if named := evidence.receipt.named.written:
                return f"The payment names {listed(named)}, which is no open invoice, and not {number}"
            return "The payment names no invoice"


def _and_payer(evidence: Evidence) -> str:
    customer = evidence.debt.invoice.customer
    lesson = evidence.lesson
    if evidence.account == "own":
        return f", it comes from the bank account of {customer}"
    if evidence.account == "learned":
        when = f" on {day(lesson.learned_on)}" if lesson is not None else ""
        return f", it comes from an account that you matched to {customer}{when}"
    if lesson is not None and evidence.payer_known:
        return f", the payer {lesson.name} was matched by you to {customer} on {day(lesson.learned_on)}"
    return _and_name(evidence, customer)


def _and_name(evidence: Evidence, customer: str) -> str:
    lesson = evidence.lesson
    if evidence.payer_known and sorted(evidence.receipt.words) == sorted(evidence.debt.words):
        return f", the payer is {customer}"
    if evidence.payer_known:
        return f", the payer {evidence.receipt.payer} is very like {customer}"
    if evidence.account == "shared":
        return f", it comes from an account that pays for {customer} and for other customers"
    if evidence.mentioned:
        return f", its text names {customer}"
    if evidence.name is None:
        sent = f", it was sent through {evidence.receipt.provider}" if evidence.receipt.provider else ""
        return sent or ", the payer can't be compared"
    if evidence.name >= NEAR:
        if lesson is not None:
            return f", the payer {lesson.name} pays for {customer} and for other customers"
        return f", the payer {evidence.receipt.line.counterparty} is nearly {customer}"
    return f", the payer is {evidence.receipt.line.counterparty}, not {customer}"


def _amount(evidence: Evidence) -> str:
    currency = evidence.debt.invoice.open.currency
    gap = money(abs(evidence.difference), currency)
    match evidence.amount:
        case "exact":
            if evidence.receipt.line.amount.currency != currency:
                return f"the payer sent exactly what is open, {money(evidence.debt.open, currency)}"
            return f"the amount is exactly what is open{'' if evidence.referenced else f' on {evidence.debt.number}'}"
        case "tiny":
            return f"the amount is only {gap} {'short' if evidence.difference > 0 else 'too much'}"
        case "discount":
            return _discount(evidence, gap)
        case "fee":
            kept = f"{evidence.receipt.provider} keeps its fees" if evidence.receipt.provider else "a bank keeps a fee"
            return f"the amount is short by {gap}, as when {kept}"
        case "exchange":
            return (
                f"the amount is short by {gap}, as when a bank exchanges {evidence.receipt.line.original} at its rate"
            )
        case "converted":
            return _converted(evidence)
        case "part" | "over":
            return _rest(evidence, currency, gap)


def _rest(evidence: Evidence, currency: str, gap: str) -> str:
    if evidence.amount == "over":
        return f"it is {gap} more than the {money(evidence.debt.open, currency)} that is open"
    one = f"this is one of {_count(evidence.fit.parts).lower()} equal parts, " if evidence.fit.parts else ""
    return f"{one}{gap} of {money(evidence.debt.open, currency)} would stay open"


def _discount(evidence: Evidence, gap: str) -> str:
    fit = evidence.fit
    share = percent(fit.basis_points)
    if not fit.granted:
        debt = evidence.debt
        grant = grant_of(fit.difference, debt.open, debt.invoice, evidence.receipt.paid_on)
        return f"the amount is short by {gap}, {say_usual(fit.basis_points, {grant}, 'the invoice')}"
    if fit.partly:
        return f"the amount is short by {gap}, less than the {share} discount it grants"
    if fit.days_late:
        days = "one day" if fit.days_late == 1 else f"{_count(fit.days_late).lower()} days"
        return f"the amount is short by {gap}, the {share} discount, {days} after the discount ended"
    return f"the amount is what is open less the {share} discount it grants, {gap}"


def _converted(evidence: Evidence) -> str:
    owed = money(evidence.debt.open, evidence.debt.invoice.open.currency)
    paid = evidence.receipt.line.amount
    rate = paid.decimal / Money(evidence.debt.open, evidence.debt.invoice.open.currency).decimal
    return f"it would be {owed} for {paid}, a rate of {rate:.4f}"
