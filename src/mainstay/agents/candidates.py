"""Candidates: which invoices a line could pay at all, found by indices instead of comparing everything with everything.

Four roads lead from a line to an invoice: the line names it, the line comes from its customer's bank account, the payer
is called like its customer and the amount is near, or only the amount is right and few invoices have it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from mainstay.agents.amounts import COINS, LARGEST_SHARE, TINY_MINOR, fee_minor
from mainstay.agents.evidence import MENTION_LETTERS, Debt, Evidence, Receipt, weigh
from mainstay.agents.names import ALIKE, Words, words_of
from mainstay.agents.payers import Payers
from mainstay.agents.providers import split_provider
from mainstay.agents.references import ReferenceIndex, compact
from mainstay.agents.remarks import read_remarks

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from mainstay.records import BankLine, Invoice, Payer
    from mainstay.values import Money

SAME_AMOUNT_MAX = 30  # an amount that more invoices share says nothing by itself
WORD_CUSTOMERS_MAX = 60  # a word that more customers share is not a lead
NEAR_AMOUNTS_MAX = 16  # invoices of one customer looked at for one line
NEAR_STEPS_MAX = 240  # and so many on the way to those, where most of them are paid
CLOSE_NAME = 0.7
PART_LETTERS = 3  # a shorter word is no part of a name that says whose it is
CLOSE_MAX = 12  # customers of a close name looked at, the closest
TIDY_AFTER = 64  # settled invoices met before they are taken out of a customer's list


class Customer:
    """The open invoices of one customer in one currency; they are taken out as they are paid."""

    def __init__(self) -> None:
        """Begin with no invoice."""
        self.debts: list[Debt] = []  # by amount
        self.oldest: list[Debt] = []  # by day of issue

    def untouched(self, left: Mapping[str, int]) -> Iterator[Debt]:
        """Give the invoices nothing was paid of yet, the oldest first."""
        gone = 0
        for debt in self.oldest:
            if left.get(debt.number) == debt.open:
                yield debt
            else:
                gone += 1
                if gone > TIDY_AFTER:
                    break
        else:
            return
        self.oldest = [debt for debt in self.oldest if left.get(debt.number) == debt.open]
        yield from islice(self.oldest, _place(self.oldest, debt), None)


class Case:
    """Lines and invoices made ready, with the indices over them. Order of input does not matter."""

    def __init__(
        self,
        lines: Iterable[BankLine],
        invoices: Sequence[Invoice],
        learned: Sequence[Payer] = (),
        write_off: Money | None = None,
    ) -> None:
        """Read every line and invoice once. `lines` are incoming and booked."""
        self.debts: dict[str, Debt] = {}
        self.people = Payers(learned)
        self.write_off = write_off
        self.taken_back: Mapping[str, BankLine] = {}  # by line: a later one gave the same amount back
        self.sent_before: Mapping[str, BankLine] = {}  # by line: an earlier one sent the same amount there
        self._mentioned: dict[str, tuple[int, ...]] = {}
        self._payers: dict[tuple[Words, str], list[int]] = {}
        self._customers: dict[tuple[int, str], Customer] = {}
        self._by_amount: dict[tuple[str, int], list[str]] = {}
        self._take_invoices(sorted(invoices, key=lambda invoice: invoice.number))
        index = ReferenceIndex(invoices)
        ordered = sorted(lines, key=lambda line: (line.booked_on, line.id))
        self.receipts = [self._receipt(line, index) for line in ordered]
        self._receipt_of = {receipt.id: receipt for receipt in self.receipts}
        self._turns = _turns(self.receipts)

    def concerns(self, line: BankLine) -> bool:
        """Say whether a line speaks of an invoice or comes from a customer."""
        receipt = self._receipt_of.get(line.id)
        return receipt is not None and bool(receipt.named.hinted or self.sure_payers(receipt))

    def leave_out(self, line_ids: Container[str]) -> None:
        """Forget lines that are no customer's payment after all."""
        self.receipts = [receipt for receipt in self.receipts if receipt.id not in line_ids]

    def customer(self, customer: int, currency: str) -> Customer:
        """Give the invoices of a customer in one currency; none where he has none in it."""
        return self._customers.get((customer, currency)) or Customer()

    def of_amount(self, customer: int, currency: str, minor: int | None) -> Sequence[Debt]:
        """Give the customer's invoices on which just this was open."""
        debts = self.customer(customer, currency).debts
        return debts[bisect_left(debts, minor or 0, key=_open) : bisect_right(debts, minor or 0, key=_open)]

    def payers(self, receipt: Receipt) -> list[int]:
        """Give the customers who may have sent this line: by bank account, or by a name that is close."""
        key = receipt.words, receipt.iban
        if key not in self._payers:
            self._payers[key] = self._find_payers(receipt)
        return self._payers[key]

    def _find_payers(self, receipt: Receipt) -> list[int]:
        close: dict[int, float] = {}
        for word in receipt.words:
            customers = tuple(islice(self.people.named(word), WORD_CUSTOMERS_MAX + 1))
            for customer in customers if len(customers) <= WORD_CUSTOMERS_MAX else ():
                likeness = self.people.likeness(receipt.words, customer).likeness or 0.0
                close.update({customer: likeness} if likeness >= CLOSE_NAME else {})
        closest = sorted(close, key=lambda customer: (-close[customer], customer))[:CLOSE_MAX]
        return sorted({*self.people.holders(receipt.iban), *closest})

    def sure_payers(self, receipt: Receipt) -> list[int]:
        """Give the customers who certainly sent this line."""
        return [customer for customer in self.payers(receipt) if self._is_payer(receipt, customer)]

    def certain(self, receipt: Receipt) -> frozenset[int]:
        """Give the one customer who sent this line beyond doubt, or none."""
        return self.people.certain(receipt.payer, receipt.words, receipt.iban)

    def likeness(self, receipt: Receipt, debt: Debt) -> float | None:
        """Say how far the payer's name is the customer's; None when there is nothing to compare."""
        return self.people.likeness(receipt.words, debt.customer).likeness

    def others_mentioned(self, receipt: Receipt, customer: int) -> list[int]:
        """Give the other customers whose name stands in the text; behind a taught payer a part of it is enough."""
        if receipt.id not in self._mentioned:
            self._mentioned[receipt.id] = self._find_mentioned(receipt)
        own = set(self.people.names[customer])
        if own != set(receipt.words) and customer in self.certain(receipt):
            parts = [word for word in receipt.text_words if len(word) > PART_LETTERS and word not in own]
            whose = {at for word in parts for at in islice(self.people.named(word), WORD_CUSTOMERS_MAX)}
            named = {at for at in whose - {customer} if set(self.people.names[at]) & set(parts)}
            if named:
                return sorted(named)
        return [
            at for at in self._mentioned[receipt.id] if at != customer and not own.issuperset(self.people.names[at])
        ]

    def of_this_amount(self, receipt: Receipt, left: Mapping[str, int]) -> list[str]:
        """Give the open invoices of just this amount."""
        numbers = self._by_amount.get((receipt.line.amount.currency, receipt.minor), [])
        return [number for number in numbers if left.get(number) == receipt.minor]

    def same_amount(self, receipt: Receipt, left: Mapping[str, int], but: str) -> int:
        """Count the other open invoices of just this amount, where there are too many to look at each."""
        currency = receipt.line.amount.currency
        numbers = self._by_amount.get((currency, receipt.minor), [])
        return sum(left.get(n) == receipt.minor for n in numbers if n != but) if len(numbers) > SAME_AMOUNT_MAX else 0

    def has_twin(self, receipt: Receipt, customer: int, but: Container[str]) -> bool:
        """Say whether a customer has another invoice of just this amount, paid by now or not."""
        for currency in self.currencies(receipt):
            if any(d.number not in but for d in self.of_amount(customer, currency, receipt.worth(currency))):
                return True
        return False

    def _find_mentioned(self, receipt: Receipt) -> tuple[int, ...]:
        found: set[int] = set()
        for word in receipt.text_words:
            customers = tuple(islice(self.people.named(word), WORD_CUSTOMERS_MAX + 1))
            if len(customers) <= WORD_CUSTOMERS_MAX:
                found.update(at for at in customers if receipt.text_words.issuperset(self.people.names[at]))
        return tuple(sorted(at for at in found if sum(map(len, self.people.names[at])) > MENTION_LETTERS))

    def evidence(self, receipt: Receipt, left: Mapping[str, int], *, wide: bool = False) -> list[Evidence]:
        """Hold a line against every invoice it could pay; `left` is what is still open, by number, in minor units.

        A line that names and pays an invoice in full is held against nothing else, unless the look is to be `wide`.
        """
        numbers = set(receipt.named.full) | set(receipt.named.partial)
        if wide or not any(self._pays(receipt, number, left) for number in receipt.named.full):
            for currency in self.currencies(receipt):
                same = self._by_amount.get((currency, receipt.worth(currency) or 0), [])
                numbers.update(same if len(same) <= SAME_AMOUNT_MAX else ())
                for customer in self.payers(receipt):
                    numbers.update(self._near(self.customer(customer, currency), currency, receipt, left))
        return [
            self.weigh(receipt, number, left) for number in sorted(numbers) if self._comparable(receipt, number, left)
        ]

    def weigh(self, receipt: Receipt, number: str, left: Mapping[str, int]) -> Evidence:
        """Hold a line against one invoice, as far as it is still open."""
        debt = self.debts[number]
        if left[number] != debt.open:
            debt = Debt(debt.invoice, left[number], debt.customer, debt.words, debt.iban)
        name = self.people.likeness(receipt.words, debt.customer)
        account = self.people.holds(receipt.iban, debt.customer)
        return weigh(receipt, debt, name, account, self.write_off, certain=debt.customer in self.certain(receipt))

    def _is_payer(self, receipt: Receipt, customer: int) -> bool:
        account = self.people.holds(receipt.iban, customer)
        if account is not None and not account.shared:
            return True
        return (self.people.likeness(receipt.words, customer).likeness or 0.0) >= ALIKE

    def _pays(self, receipt: Receipt, number: str, left: Mapping[str, int]) -> bool:
        return left.get(number) == receipt.worth(self.debts[number].invoice.open.currency)

    def _comparable(self, receipt: Receipt, number: str, left: Mapping[str, int]) -> bool:
        """Say whether a line can be held against an invoice: in another currency only when it names it."""
        if left.get(number, 0) <= 0:
            return False
        currency = self.debts[number].invoice.open.currency
        return currency in self.currencies(receipt) or number in receipt.named.full

    def currencies(self, receipt: Receipt) -> tuple[str, ...]:
        """Give the currencies a line can be compared in: its own, and what the payer sent."""
        own, original = receipt.line.amount.currency, receipt.line.original
        return (own, original.currency) if original is not None and receipt.exchanged and original.minor > 0 else (own,)

    def _near(self, customer: Customer, currency: str, receipt: Receipt, left: Mapping[str, int]) -> list[str]:
        """Give the customer's invoices whose amount the line could settle, and the only one it could be a part of.

        Where a customer has very many, each of the equal lines looks at a window of its own.
        """
        debts = customer.debts
        if len(debts) == 1:
            return [debts[0].number]
        paid = receipt.worth(currency) or 0
        slack = self.write_off.minor if self.write_off is not None and self.write_off.currency == currency else 0
        begin = bisect_left(debts, paid - max(slack, COINS.get(currency, 0), TINY_MINOR), key=_open)
        end = bisect_right(debts, int(paid / (1 - LARGEST_SHARE)) + max(slack, fee_minor(currency)), key=_open)
        exact = bisect_left(debts, paid - max(slack, TINY_MINOR), begin, end, key=_open)
        at = max(exact + self._turns[receipt.id] // NEAR_AMOUNTS_MAX * NEAR_AMOUNTS_MAX, begin)
        order = (debts[begin + (at - begin + step) % (end - begin)] for step in range(end - begin))
        near = (debt.number for debt in islice(order, NEAR_STEPS_MAX) if left.get(debt.number, 0) > 0)
        return list(islice(near, NEAR_AMOUNTS_MAX))

    def _take_invoices(self, invoices: Sequence[Invoice]) -> None:
        for invoice in invoices:
            at = self.people.customer_of(invoice)
            debt = Debt(invoice, invoice.open.minor, at, self.people.names[at], compact(invoice.iban))
            self.debts[debt.number] = debt
            customer = self._customers.setdefault((at, invoice.open.currency), Customer())
            customer.debts.append(debt)
            self._by_amount.setdefault((invoice.open.currency, debt.open), []).append(debt.number)
        self.people.learn()
        for customer in self._customers.values():
            customer.debts.sort(key=lambda debt: (debt.open, debt.number))
            customer.oldest = sorted(customer.debts, key=_age)

    def _receipt(self, line: BankLine, index: ReferenceIndex) -> Receipt:
        words = words_of(line.counterparty)
        split = split_provider(words)
        if split is not None and any(words == self.people.names[at] for at in self.people.named(words[0])):
            split = None  # the payment company is a customer itself
        return Receipt(
            line=line,
            minor=line.amount.minor,
            words=words if split is None else split[1],
            text_words=frozenset(words_of(line.text)),
            iban=compact(line.iban) if split is None else "",
            named=index.read(line),
            provider="" if split is None else split[0],
            remarks=read_remarks(line.text, line.counterparty),
        )


def _open(debt: Debt) -> int:
    return debt.open


def _age(debt: Debt) -> tuple[str, str]:
    return debt.invoice.issued_on, debt.number


def _place(debts: Sequence[Debt], last: Debt) -> int:
    """Give where the invoices after this one begin."""
    return bisect_right(debts, _age(last), key=_age)


def _turns(receipts: Sequence[Receipt]) -> dict[str, int]:
    """Count for each line the earlier ones that look the same."""
    seen: dict[tuple[Words, int], int] = {}
    turns: dict[str, int] = {}
    for receipt in receipts:
        key = receipt.words, receipt.minor
        turns[receipt.id] = seen.get(key, 0)
        seen[key] = turns[receipt.id] + 1
    return turns
