"""Candidates: which invoices a line could pay at all, found by indices instead of comparing everything with everything.

Four roads lead from a line to an invoice: the line names it, the line comes from its customer's bank account, the payer
is called like its customer and the amount is near, or only the amount is right and few invoices have it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from mainstay.agents.evidence import DISCOUNTS, FEE_MINOR, TINY_MINOR, Debt, Evidence, Receipt, weigh
from mainstay.agents.names import ALIKE, Words, similarity, words_of
from mainstay.agents.references import ReferenceIndex, compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.records import BankLine, Invoice

SAME_AMOUNT_MAX = 30  # an amount that more invoices share says nothing by itself
WORD_CUSTOMERS_MAX = 60  # a word that more customers share is not a lead
NEAR_AMOUNTS_MAX = 24  # invoices of one customer looked at for one line
CLOSE_NAME = 0.7


class Customer:
    """The open invoices of one customer, by amount; amounts change as the invoices are paid."""

    def __init__(self, words: Words) -> None:
        """Begin with no invoice."""
        self.words = words
        self.debts: list[Debt] = []


class Case:
    """Lines and invoices made ready, with the indices over them. Order of input does not matter."""

    def __init__(self, lines: Iterable[BankLine], invoices: Sequence[Invoice]) -> None:
        """Read every line and invoice once. `lines` are incoming and booked."""
        self.customers: list[Customer] = []
        self.debts: dict[str, Debt] = {}
        self._by_amount: dict[tuple[str, int], list[str]] = {}
        self._by_iban: dict[str, set[int]] = {}
        self._by_word: dict[str, set[int]] = {}
        self._likeness: dict[tuple[Words, int], float | None] = {}
        self._take_invoices(sorted(invoices, key=lambda invoice: invoice.number))
        index = ReferenceIndex(invoices)
        self.receipts = [_receipt(line, index) for line in sorted(lines, key=lambda line: (line.booked_on, line.id))]
        self._turns = _turns(self.receipts)

    def likeness(self, receipt: Receipt, customer: int) -> float | None:
        """Say how far the payer's name is the customer's; remembered."""
        key = receipt.words, customer
        if key not in self._likeness:
            self._likeness[key] = similarity(receipt.words, self.customers[customer].words)
        return self._likeness[key]

    def payers(self, receipt: Receipt) -> list[int]:
        """Give the customers who may have sent this line: by bank account, or by a name that is close."""
        found = set(self._by_iban.get(receipt.iban, ())) if receipt.iban else set[int]()
        for word in receipt.words:
            customers = self._by_word.get(word, ())
            if len(customers) <= WORD_CUSTOMERS_MAX:
                found.update(c for c in customers if (self.likeness(receipt, c) or 0.0) >= CLOSE_NAME)
        return sorted(found)

    def sure_payers(self, receipt: Receipt) -> list[int]:
        """Give the customers who certainly sent this line."""
        known = self._by_iban.get(receipt.iban, ()) if receipt.iban else ()
        return [c for c in self.payers(receipt) if c in known or (self.likeness(receipt, c) or 0.0) >= ALIKE]

    def evidence(self, receipt: Receipt, left: Mapping[str, int]) -> list[Evidence]:
        """Hold a line against every invoice it could pay; `left` is what is still open, by number, in minor units."""
        numbers = set(receipt.named.full) | set(receipt.named.partial)
        if not any(left.get(number) == receipt.minor for number in receipt.named.full):
            same = self._by_amount.get((receipt.line.amount.currency, receipt.minor), [])
            numbers.update(same if len(same) <= SAME_AMOUNT_MAX else ())
            for customer in self.payers(receipt):
                numbers.update(self._near(customer, receipt, left))
        return [
            self.weigh(receipt, number, left) for number in sorted(numbers) if self._comparable(receipt, number, left)
        ]

    def weigh(self, receipt: Receipt, number: str, left: Mapping[str, int]) -> Evidence:
        """Hold a line against one invoice, as far as it is still open."""
        debt = self.debts[number]
        if left[number] != debt.open:
            debt = Debt(debt.invoice, left[number], debt.customer, debt.words, debt.iban)
        return weigh(receipt, debt, self.likeness(receipt, debt.customer))

    def _comparable(self, receipt: Receipt, number: str, left: Mapping[str, int]) -> bool:
        return left.get(number, 0) > 0 and self.debts[number].invoice.open.currency == receipt.line.amount.currency

    def _near(self, customer: int, receipt: Receipt, left: Mapping[str, int]) -> list[str]:
        """Give the customer's invoices whose amount the line could settle, and the only one it could be a part of.

        Where a customer has very many, each of the equal lines looks at a window of its own.
        """
        debts = self.customers[customer].debts
        most = int(receipt.minor / (1 - max(DISCOUNTS))) + FEE_MINOR
        begin = bisect_left(debts, receipt.minor - TINY_MINOR, key=lambda debt: debt.open)
        end = bisect_right(debts, most, key=lambda debt: debt.open)
        near = [debt.number for debt in debts[begin:end] if debt.number in left]
        window = self._turns[receipt.id] // NEAR_AMOUNTS_MAX * NEAR_AMOUNTS_MAX % max(len(near), 1)
        return near[window : window + NEAR_AMOUNTS_MAX] or [debt.number for debt in debts if len(debts) == 1]

    def _take_invoices(self, invoices: Sequence[Invoice]) -> None:
        known: dict[tuple[str, Words], int] = {}
        for invoice in invoices:
            words = words_of(invoice.customer)
            key = (invoice.customer_id, () if invoice.customer_id else words or (invoice.customer,))
            at = known.setdefault(key, len(self.customers))
            if at == len(self.customers):
                self.customers.append(Customer(words))
            debt = Debt(invoice, invoice.open.minor, at, words, compact(invoice.iban))
            self._index(debt)
        for customer in self.customers:
            customer.debts.sort(key=lambda debt: (debt.open, debt.number))

    def _index(self, debt: Debt) -> None:
        self.debts[debt.number] = debt
        self.customers[debt.customer].debts.append(debt)
        self._by_amount.setdefault((debt.invoice.open.currency, debt.open), []).append(debt.number)
        if debt.iban:
            self._by_iban.setdefault(debt.iban, set()).add(debt.customer)
        for word in debt.words:
            self._by_word.setdefault(word, set()).add(debt.customer)


def _turns(receipts: Sequence[Receipt]) -> dict[str, int]:
    """Count for each line the earlier ones that look the same."""
    seen: dict[tuple[Words, int], int] = {}
    turns: dict[str, int] = {}
    for receipt in receipts:
        key = receipt.words, receipt.minor
        turns[receipt.id] = seen.get(key, 0)
        seen[key] = turns[receipt.id] + 1
    return turns


def _receipt(line: BankLine, index: ReferenceIndex) -> Receipt:
    return Receipt(
        line=line,
        minor=line.amount.minor,
        words=words_of(line.counterparty),
        text_words=frozenset(words_of(line.text)),
        iban=compact(line.iban),
        named=index.read(line),
    )
