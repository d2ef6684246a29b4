"""Evidence: how strongly one bank line and one invoice belong together, in bits.

Fellegi and Sunter, "A Theory for Record Linkage", JASA 64 (1969): each comparison adds log2(m/u), m being how often it
comes out so for a true pair and u for a pair made by chance. The weights below are such logarithms; amounts and numbers
use u = 10**-d for d significant digits, so that 500.00 says little and 1,234.56 a lot. `NO_MATCH_BITS` is what a pair
must exceed to be better than "no open invoice": the prior odds against any one invoice.

Confidence of a reading is 1 / (1 + 2**-margin), the margin being the bits by which the best reading of everything that
is left beats the best one without it: Bayes' rule for two readings, the priors being in the weights. That the line pays
no open invoice is one of the readings.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay.agents.amounts import USUAL, AmountFit, Fit, fit_amount
from mainstay.agents.names import ALIKE, FAINT, NEAR, SAME, Words
from mainstay.agents.references import DIGIT_BITS, Named, near_miss
from mainstay.agents.remarks import Remarks
from mainstay.records import BankLine, Invoice, Payer

if TYPE_CHECKING:
    from mainstay.agents.payers import Known
    from mainstay.values import Money

NO_MATCH_BITS = 8.0
SURE_CONFIDENCE = 0.99

# The amount: an exact one is worth its digits, the others that much less.
AMOUNT_BITS_MAX = 12.0
TINY_BITS = -1.5  # and one more each time the difference doubles
GRANTED_BITS = -1.0  # a discount the invoice grants, taken in time
LATE_BITS = -3.0  # some days late
DISCOUNT_BITS = -4.0  # a usual one that the invoice says nothing of
RARE_DISCOUNT_BITS = -6.0
PARTLY_BITS = -7.0  # less than what is granted
EXCHANGE_BITS = -6.0
FEE_BITS = -6.0
INSTALMENT_BITS = -3.0  # against no evidence at all, like the next ones: an equal part of the invoice
PART_BITS = -6.0  # an amount that does not fit speaks against the pair
OVER_BITS = -8.0
CONVERTED_BITS = 0.0  # in another currency, so that nothing can be compared

# The payer: the strongest of these, for they are not independent.
IBAN_BITS = 14.0
IBAN_LEARNED_BITS = 13.0  # an account that the operator matched to this customer
IBAN_SHARED_BITS = 4.0  # an account several customers pay from
IBAN_OTHER_BITS = -3.0
NAME_SAME_BITS = 10.0
NAME_DOUBTED_BITS = -2.0  # the name is alike, but who is meant is not beyond doubt
NAME_ALIKE_BITS = 8.0
NAME_NEAR_BITS = 5.0
NAME_FAINT_BITS = 0.0
NAME_OTHER_BITS = -3.0
MENTION_BITS = 5.0
MENTION_PARTLY_BITS = 4.75  # a good part of the name stands there, and the amount is exact
MENTION_PART = 0.4
MENTION_LETTERS = 5  # a shorter name may stand in a text by chance

# What speaks against a pair, whatever speaks for it.
EARLY_BITS = -5.0
NAMES_OTHER_BITS = -8.0
NAMES_UNKNOWN_BITS = -6.0
NEAR_MISS_BITS = 4.0

ReferenceFit: TypeAlias = Literal["structured", "number", "cut", "near", "none"]


class Debt(msgspec.Struct, frozen=True):
    """An open invoice made ready to compare."""

    invoice: Invoice
    open: int  # minor units
    customer: int  # invoices of one customer share it
    words: Words
    iban: str

    @property
    def number(self) -> str:
        """The invoice's number."""
        return self.invoice.number


class Receipt(msgspec.Struct, frozen=True):
    """An incoming bank line made ready to compare."""

    line: BankLine
    minor: int
    words: Words  # of whom the line names as payer; behind a payment provider, of whom that names
    text_words: frozenset[str]
    iban: str  # "" where it is a payment provider's
    named: Named
    provider: str = ""  # the payment company that sent it
    remarks: Remarks = Remarks()

    @property
    def payer(self) -> str:
        """The payer's name as the bank has it, or as a payment company hands it on."""
        return " ".join(self.words) if self.provider else self.line.counterparty

    @property
    def id(self) -> str:
        """The line's id."""
        return self.line.id

    @property
    def paid_on(self) -> str:
        """The day that counts for a discount: the earlier of booking and value."""
        return min(self.line.booked_on, self.line.value_on or self.line.booked_on)

    @property
    def exchanged(self) -> bool:
        """Whether the payer sent another currency than the line is in."""
        original = self.line.original
        return original is not None and original.currency != self.line.amount.currency

    def worth(self, currency: str) -> int | None:
        """Give what was paid in a currency, minor units: the line's own, or what the payer sent; else None."""
        if self.line.amount.currency == currency:
            return self.minor
        original = self.line.original
        if original is not None and original.currency == currency and original.minor > 0:
            return original.minor
        return None


class Evidence(msgspec.Struct, frozen=True):
    """What was found when one line was held against one invoice; `bits` is the sum of the weights."""

    receipt: Receipt
    debt: Debt
    bits: float
    reference: ReferenceFit
    fit: Fit
    name: float | None  # None: nothing to compare
    mentioned: bool
    account: Literal["own", "learned", "shared", ""]
    lesson: Payer | None  # what the operator taught, where that decides who paid
    early: bool
    names_other: bool
    names_unknown: bool
    certain: bool  # the payer is the customer beyond doubt

    @property
    def amount(self) -> AmountFit:
        """How the amount fits."""
        return self.fit.kind

    @property
    def difference(self) -> int:
        """Open minus paid, minor units of the invoice's currency."""
        return self.fit.difference

    @property
    def own_account(self) -> bool:
        """Whether the line comes from an account of this customer alone."""
        return self.account in {"own", "learned"}

    @property
    def payer_known(self) -> bool:
        """Whether the payer is very likely the customer: good for a proposal, too little to be sure."""
        return self.own_account or (self.name is not None and self.name >= ALIKE)

    @property
    def payer_open(self) -> bool:
        """Whether the payer may well be the customer: known, near, or nobody is named."""
        return self.own_account or self.name is None or self.name >= NEAR

    @property
    def referenced(self) -> bool:
        """Whether the line names the invoice in full."""
        return self.reference in {"structured", "number"}

    @property
    def may_settle(self) -> bool:
        """Whether the amount is right and the payer may be the customer, whatever the text says."""
        return self.fit.settles and self.payer_open

    @property
    def odd(self) -> bool:
        """Whether something speaks against the pair, whatever speaks for it."""
        return self.early or self.names_other or self.names_unknown


def weigh(
    receipt: Receipt,
    debt: Debt,
    name: Known,
    account: Known | None,
    write_off: Money | None = None,
    *,
    certain: bool = False,
) -> Evidence:
    """Hold one line against one invoice; `name` and `account` say how far the payer is the customer."""
    named = receipt.named
    reference, reference_bits = _reference(named, debt)
    fit = _fit(receipt, debt, write_off)
    mentioned = (
        bool(receipt.text_words)
        and all(word in receipt.text_words for word in debt.words)
        and sum(map(len, debt.words)) > MENTION_LETTERS
    )
    early = bool(debt.invoice.issued_on) and receipt.line.booked_on < debt.invoice.issued_on
    names_other = debt.number not in named.hinted and bool(named.hinted)
    names_unknown = bool(named.unknown) and reference not in {"structured", "number", "near"}
    bits = reference_bits + fit_bits(receipt, debt, fit) + payer_bits(name, account, mentioned=mentioned)
    if fit.kind == "exact" and account is None and not mentioned and _partly_mentioned(receipt, debt):
        bits += max(MENTION_PARTLY_BITS - name_bits(name.likeness), 0.0)
    other_account = account is None and debt.iban and receipt.iban
    doubted = not certain and account is None and (name.likeness or 0.0) >= ALIKE
    bits += NAME_DOUBTED_BITS if doubted else 0.0
    bits += IBAN_OTHER_BITS if other_account and name.likeness is None else 0.0
    bits += EARLY_BITS * early + NAMES_OTHER_BITS * names_other + NAMES_UNKNOWN_BITS * names_unknown
    kind = "" if account is None else "shared" if account.shared else "learned" if account.learned else "own"
    lesson = account.learned if account and not account.shared else None
    return Evidence(
        receipt=receipt,
        debt=debt,
        bits=bits,
        reference=reference,
        fit=fit,
        name=name.likeness,
        mentioned=mentioned,
        account=kind,
        lesson=lesson or (name.learned if kind != "own" else None),
        early=early,
        names_other=names_other,
        names_unknown=names_unknown,
        certain=certain,
    )


def _partly_mentioned(receipt: Receipt, debt: Debt) -> bool:
    """Say whether a good part of the customer's name stands in the text or among the payer's words."""
    letters = sum(len(word) for word in set(debt.words) if word in receipt.text_words or word in receipt.words)
    return letters >= MENTION_LETTERS - 1 and letters >= MENTION_PART * sum(map(len, debt.words))


def fit_bits(receipt: Receipt, debt: Debt, fit: Fit) -> float:
    """Give what the way an amount fits is worth."""
    exact = amount_bits(debt.open - fit.difference)
    match fit.kind:
        case "exact":
            return exact
        case "tiny":
            return exact + TINY_BITS - max(math.log2(abs(fit.difference) / 5), 0.0)
        case "discount":
            return max(exact + _discount_bits(fit), 0.0)
        case "exchange":
            return max(exact + EXCHANGE_BITS, 0.0)
        case "fee":
            return max(exact + FEE_BITS, 0.0)
        case "converted":
            return CONVERTED_BITS if receipt.named.full else PART_BITS
        case "part":
            return INSTALMENT_BITS if fit.parts else PART_BITS
        case "over":
            return OVER_BITS


def amount_bits(minor: int) -> float:
    """Give the information in an amount: 3.32 bits for each significant digit, at most 12."""
    return min(DIGIT_BITS * len(str(minor).rstrip("0")), AMOUNT_BITS_MAX)


def confidence(margin_bits: float) -> float:
    """Turn a margin over the runner-up into a probability, to four places."""
    return round(1 / (1 + 2 ** -max(min(margin_bits, 60.0), -60.0)), 4)


def name_bits(name: float | None) -> float:
    """Give the weight of a payer's likeness to a customer."""
    if name is None:
        return 0.0
    steps = ((SAME, NAME_SAME_BITS), (ALIKE, NAME_ALIKE_BITS), (NEAR, NAME_NEAR_BITS), (FAINT, NAME_FAINT_BITS))
    return next((bits for least, bits in steps if name >= least), NAME_OTHER_BITS)


def choice_bits(among: int, taken: int) -> float:
    """Give the information spent on choosing a set: log2 of how many sets of that size there are."""
    return math.log2(math.comb(among, taken))


def _reference(named: Named, debt: Debt) -> tuple[ReferenceFit, float]:
    number = debt.number
    if number in named.full:
        return "structured" if number in named.structured else "number", named.full[number]
    if number in named.partial:
        return "cut", named.partial[number]
    if any(near_miss(unknown, number) for unknown in named.unknown):
        return "near", NEAR_MISS_BITS
    return "none", 0.0


def payer_bits(name: Known, account: Known | None, *, mentioned: bool = False) -> float:
    """Take the strongest of the signs that say who paid: they are not independent."""
    bits = max(MENTION_BITS if mentioned else -math.inf, name_bits(name.likeness))
    if account is None:
        return bits
    alone = IBAN_LEARNED_BITS if account.learned else IBAN_BITS
    return max(bits, IBAN_SHARED_BITS if account.shared else alone)


def _fit(receipt: Receipt, debt: Debt, write_off: Money | None) -> Fit:
    paid = receipt.worth(debt.invoice.open.currency)
    if paid is None:
        return Fit("converted", 0)
    exchanged = receipt.exchanged and receipt.line.amount.currency == debt.invoice.open.currency
    return fit_amount(paid, debt.open, debt.invoice, paid_on=receipt.paid_on, write_off=write_off, exchanged=exchanged)


def _discount_bits(fit: Fit) -> float:
    if fit.partly:
        return PARTLY_BITS
    if fit.granted:
        return LATE_BITS if fit.days_late else GRANTED_BITS
    return DISCOUNT_BITS if fit.basis_points in USUAL else RARE_DISCOUNT_BITS
