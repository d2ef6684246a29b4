"""Payers: who stands behind a name or an account, by the invoices and by what the operator taught.

An account or a name that belongs to several customers is `shared`: somebody pays for more than one of them, and it
says too little to be sure by. Accounts of payment providers say nothing about who paid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.agents.names import NEAR, SAME, Words, similarity, words_of
from mainstay.agents.providers import provider_of
from mainstay.agents.references import compact
from mainstay.records import Payer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.records import Invoice

SHARED_NAME = NEAR  # a name several customers pay under is no more than near any of them


class Known(msgspec.Struct, frozen=True):
    """How a line's name or account belongs to a customer."""

    likeness: float | None  # of names, 0 to 1; None when there is nothing to compare
    learned: Payer | None = None  # where the operator taught it
    shared: bool = False


class Payers:
    """The customers of some invoices, numbered, with their names and accounts."""

    def __init__(self, learned: Iterable[Payer]) -> None:
        """Begin with no customer; what was learned counts for those that are added."""
        self.names: list[Words] = []  # by customer
        self._at: dict[tuple[str, Words], int] = {}
        self._same_name: dict[Words, list[int]] = {}
        self._learned = sorted(learned, key=lambda payer: (payer.learned_on, payer.id), reverse=True)
        self._taught: dict[int, list[tuple[Words, Payer]]] = {}
        self._accounts: dict[str, dict[int, Payer | None]] = {}
        self._by_word: dict[str, set[int]] = {}
        self._likeness: dict[tuple[Words, int], Known] = {}
        self._taught_to: dict[Words, set[int]] = {}

    def customer_of(self, invoice: Invoice) -> int:
        """Give the number of an invoice's customer, and learn its name and account."""
        words = words_of(invoice.customer)
        key = (invoice.customer_id, () if invoice.customer_id else words or (invoice.customer,))
        at = self._at.setdefault(key, len(self.names))
        if at == len(self.names):
            self.names.append(words)
            self._same_name.setdefault(words, []).append(at)
            self._index(words, at)
        if account := compact(invoice.iban):
            self._accounts.setdefault(account, {})[at] = None
        return at

    def learn(self) -> None:
        """Give what the operator taught to the customers it is about; call once, after the last customer."""
        for payer in self._learned:
            for at in self._meant(payer):
                words = words_of(payer.name)
                if words and provider_of(payer.name) is None:
                    self._taught.setdefault(at, []).append((words, payer))
                    self._taught_to.setdefault(words, set()).add(at)
                    self._index(words, at)
                if (account := compact(payer.iban)) and provider_of(payer.name) is None:
                    self._accounts.setdefault(account, {}).setdefault(at, payer)

    def named(self, word: str) -> Iterable[int]:
        """Give the customers one of whose names has this word."""
        return self._by_word.get(word, ())

    def holders(self, account: str) -> Iterable[int]:
        """Give the customers who pay from this account."""
        return self._accounts.get(account, ()) if account else ()

    def holds(self, account: str, customer: int) -> Known | None:
        """Say how an account belongs to a customer; None when it does not."""
        holders = self._accounts.get(account) if account else None
        if not holders or customer not in holders:
            return None
        return Known(1.0, holders[customer], shared=len(holders) > 1)

    def likeness(self, words: Words, customer: int) -> Known:
        """Say how far a payer's name is one of the customer's; remembered."""
        key = words, customer
        known = self._likeness.get(key)
        if known is None:
            known = self._likeness[key] = self._compare(words, customer)
        return known

    def _compare(self, words: Words, customer: int) -> Known:
        best = Known(similarity(words, self.names[customer]))
        for other, payer in self._taught.get(customer, ()):
            if (best.likeness or 0.0) >= SAME and not best.shared:
                break
            likeness = similarity(words, other)
            shared = len(self._taught_to[other]) > 1
            likeness = min(likeness, SHARED_NAME) if shared and likeness is not None else likeness
            if likeness is not None and likeness > (best.likeness or 0.0):
                best = Known(likeness, payer, shared)
        return best

    def _meant(self, payer: Payer) -> list[int]:
        """Give the customers a lesson is about: by id, else by name."""
        if payer.customer_id:
            at = self._at.get((payer.customer_id, ()))
            if at is not None:
                return [at]
        return self._same_name.get(words_of(payer.customer), [])

    def _index(self, words: Words, at: int) -> None:
        for word in words:
            self._by_word.setdefault(word, set()).add(at)
