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
from typing import Literal, TypeAlias

import msgspec

from mainstay.agents.names import ALIKE, FAINT, NEAR, SAME, Words
from mainstay.agents.references import DIGIT_BITS, Named, near_miss
from mainstay.records import BankLine, Invoice

NO_MATCH_BITS = 8.0
SURE_CONFIDENCE = 0.99

AMOUNT_BITS_MAX = 12.0
TINY_BITS = -1.5
DISCOUNT_BITS = -4.0
FEE_BITS = -6.0
PART_BITS = -6.0  # against no evidence at all: an amount that does not fit speaks against the pair
OVER_BITS = -8.0
IBAN_BITS = 14.0
IBAN_OTHER_BITS = -3.0
NAME_SAME_BITS = 10.0
NAME_ALIKE_BITS = 8.0
NAME_NEAR_BITS = 5.0
NAME_FAINT_BITS = 0.0
NAME_OTHER_BITS = -3.0
MENTION_BITS = 5.0
EARLY_BITS = -5.0
NAMES_OTHER_BITS = -8.0
NAMES_UNKNOWN_BITS = -6.0
NEAR_MISS_BITS = 4.0

TINY_MINOR = 5
FEE_MINOR = 2_500  # a bank on the way keeps at most this much
FEE_SHARE = 0.1
DISCOUNTS = (0.02, 0.03)

AmountFit: TypeAlias = Literal["exact", "tiny", "discount", "fee", "part", "over"]
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
    words: Words
    text_words: frozenset[str]
    iban: str
    named: Named

    @property
    def id(self) -> str:
        """The line's id."""
        return self.line.id


class Evidence(msgspec.Struct, frozen=True):
    """What was found when one line was held against one invoice; `bits` is the sum of the weights."""

    receipt: Receipt
    debt: Debt
    bits: float
    reference: ReferenceFit
    amount: AmountFit
    difference: int  # open minus paid, minor units
    name: float | None  # None: nothing to compare
    mentioned: bool
    iban: bool
    early: bool
    names_other: bool
    names_unknown: bool

    @property
    def payer_known(self) -> bool:
        """Whether the payer is certainly the customer."""
        return self.iban or (self.name is not None and self.name >= ALIKE)

    @property
    def referenced(self) -> bool:
        """Whether the line names the invoice in full."""
        return self.reference in {"structured", "number"}

    @property
    def may_settle(self) -> bool:
        """Whether the amount is right and the payer may be the customer, whatever the text says."""
        return self.amount == "exact" and (self.iban or self.name is None or self.name >= NEAR)

    @property
    def odd(self) -> bool:
        """Whether something speaks against the pair, whatever speaks for it."""
        return self.early or self.names_other or self.names_unknown


def weigh(receipt: Receipt, debt: Debt, name: float | None) -> Evidence:
    """Hold one line against one invoice of the same currency; `name` is the payer's likeness to the customer."""
    named = receipt.named
    reference, reference_bits = _reference(named, debt)
    amount, amount_bits = fit_amount(receipt.minor, debt.open)
    iban = bool(debt.iban) and receipt.iban == debt.iban
    mentioned = all(word in receipt.text_words for word in debt.words) and sum(map(len, debt.words)) > MENTION_BITS
    early = bool(debt.invoice.issued_on) and receipt.line.booked_on < debt.invoice.issued_on
    names_other = debt.number not in named.hinted and bool(named.hinted)
    names_unknown = bool(named.unknown) and reference not in {"structured", "number", "near"}
    bits = reference_bits + amount_bits + _payer_bits(name, iban=iban, mentioned=mentioned)
    bits += IBAN_OTHER_BITS if debt.iban and receipt.iban and not iban and name is None else 0.0
    bits += EARLY_BITS * early + NAMES_OTHER_BITS * names_other + NAMES_UNKNOWN_BITS * names_unknown
    return Evidence(
        receipt=receipt,
        debt=debt,
        bits=bits,
        reference=reference,
        amount=amount,
        difference=debt.open - receipt.minor,
        name=name,
        mentioned=mentioned,
        iban=iban,
        early=early,
        names_other=names_other,
        names_unknown=names_unknown,
    )


def fit_amount(paid: int, owed: int) -> tuple[AmountFit, float]:
    """Say how an amount fits what is owed, both in minor units, and what that is worth in bits."""
    exact = amount_bits(paid)
    if paid == owed:
        return "exact", exact
    if abs(paid - owed) <= TINY_MINOR and owed > TINY_MINOR * 100:
        return "tiny", exact + TINY_BITS
    if paid > owed:
        return "over", OVER_BITS
    if paid in discounted(owed):
        return "discount", exact + DISCOUNT_BITS
    if owed - paid <= min(FEE_MINOR, owed * FEE_SHARE):
        return "fee", max(exact + FEE_BITS, 0.0)
    return "part", PART_BITS


def amount_bits(minor: int) -> float:
    """Give the information in an amount: 3.32 bits for each significant digit, at most 12."""
    return min(DIGIT_BITS * len(str(minor).rstrip("0")), AMOUNT_BITS_MAX)


def discounted(owed: int) -> tuple[int, ...]:
    """Give what is paid of an amount with a usual discount taken, rounded either way."""
    exact = [owed * round(100 * (1 - share)) for share in DISCOUNTS]
    return tuple(sorted({minor for value in exact for minor in (value // 100, -(-value // 100))}))


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


def _payer_bits(name: float | None, *, iban: bool, mentioned: bool) -> float:
    """Take the strongest of the signs that say who paid: they are not independent."""
    return max(IBAN_BITS if iban else -math.inf, MENTION_BITS if mentioned else -math.inf, name_bits(name))
