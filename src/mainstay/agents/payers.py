"""Payers: who stands behind a name or an account, by the invoices and by what the operator taught.

An account or a name that belongs to several customers is `shared`: somebody pays for more than one of them, and it
says too little to be sure by, whether or not those customers have an invoice today. The same is so of a lesson that
gives one customer's own name or account to another. Accounts of payment providers say nothing about who paid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.agents.names import NEAR, SAME, Folded, Words, fold, is_same, similarity, words_of
from mainstay.agents.providers import provider_of
from mainstay.agents.references import compact
from mainstay.records import Payer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.records import Invoice

ALIKE_MAX = 60  # customers looked at for one name
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
        self.called: list[str] = []  # by customer, as the invoices write it
        self._folded: list[Folded] = []
        self._ids: list[str] = []
        self._at: dict[tuple[str, Words], int] = {}
        self._same_name: dict[Words, list[int]] = {}
        self._learned = sorted(learned, key=lambda payer: (payer.learned_on, payer.id), reverse=True)
        self._taught: dict[int, list[tuple[Words, Payer]]] = {}
        self._accounts: dict[str, dict[int, Payer | None]] = {}
        self._by_word: dict[str, set[int]] = {}
        self._likeness: dict[tuple[Words, int], Known] = {}
        self._taught_to: dict[
            Words, set[object]
        ] = {}  # customers of this run by number, others by what they are called
        self._account_of: dict[str, set[object]] = {}
        self._certain: dict[tuple[str, str], frozenset[int]] = {}

    def customer_of(self, invoice: Invoice) -> int:
        """Give the number of an invoice's customer, and learn its name and account."""
        words = words_of(invoice.customer)
        folded = fold(invoice.customer)
        key = (
            invoice.customer_id,
            () if invoice.customer_id else (*(words or (invoice.customer,)), *sorted(folded.forms)),
        )
        at = self._at.setdefault(key, len(self.names))
        if at == len(self.names):
            self.names.append(words)
            self.called.append(invoice.customer)
            self._folded.append(folded)
            self._ids.append(invoice.customer_id)
            self._same_name.setdefault(words, []).append(at)
            self._index(words, at)
        if account := compact(invoice.iban):
            self._accounts.setdefault(account, {})[at] = None
            self._account_of.setdefault(account, set()).add(at)
        return at

    def learn(self) -> None:
        """Give what the operator taught to the customers it is about; call once, after the last customer."""
        for payer in self._learned:
            if provider_of(payer.name) is not None:
                continue
            words, account, meant = words_of(payer.name), compact(payer.iban), self._meant(payer)
            whose: set[object] = set(meant or (payer.customer_id or words_of(payer.customer),))
            if words:
                self._taught_to.setdefault(_key(words), set(self._same_name.get(words, ()))).update(whose)
            if account:
                self._account_of.setdefault(account, set()).update(whose)
            for at in meant:
                if words:
                    self._taught.setdefault(at, []).append((words, payer))
                    self._index(words, at)
                if account:
                    self._accounts.setdefault(account, {}).setdefault(at, payer)

    def named(self, word: str) -> Iterable[int]:
        """Give the customers one of whose names has this word."""
        return self._by_word.get(word, ())

    def holders(self, account: str) -> Iterable[int]:
        """Give the customers who pay from this account; none where there are so many that it says nothing."""
        holders = self._accounts.get(account, ()) if account else ()
        return holders if len(holders) <= ALIKE_MAX else ()

    def holds(self, account: str, customer: int) -> Known | None:
        """Say how an account belongs to a customer; None when it does not."""
        holders = self._accounts.get(account) if account else None
        if not holders or customer not in holders:
            return None
        return Known(1.0, holders[customer], shared=len(self._account_of[account]) > 1)

    def likeness(self, words: Words, customer: int) -> Known:
        """Say how far a payer's name is one of the customer's; remembered."""
        key = words, customer
        known = self._likeness.get(key)
        if known is None:
            known = self._likeness[key] = self._compare(words, customer)
        return known

    def certain(self, payer: str, words: Words, account: str) -> frozenset[int]:
        """Give the one customer who is the payer beyond doubt; none when there is any.

        `payer` is the name as the bank has it, `words` its telling words. An account of one customer and the name of
        another, or a name that two customers have, are doubts.
        """
        key = payer, account
        if key not in self._certain:
            self._certain[key] = self._look_up(payer, words, account)
        return self._certain[key]

    def _look_up(self, payer: str, words: Words, account: str) -> frozenset[int]:
        holders = set(self.holders(account))
        named = self._called(payer, words)
        if holders:
            alone = len(self._account_of[account]) == 1 and (not named or holders <= named)
            return frozenset(holders) if alone else frozenset()
        if account in self._account_of:
            return frozenset()  # it is of somebody who owes nothing today
        return frozenset(named) if len(named) == 1 else frozenset()

    def _called(self, payer: str, words: Words) -> set[int]:
        """Give the customers of this name, of several the one with its legal form; else whom it was taught to."""
        known = [self._by_word[word] for word in words if word in self._by_word]
        rarest = min(known, key=len, default=set[int]())
        near = {*(rarest if len(rarest) <= ALIKE_MAX else ()), *self._same_name.get(words, ())}
        folded = fold(payer)
        same = {at for at in near if is_same(folded, self._folded[at])}
        whole = {at for at in same if self._folded[at].whole == folded.whole}
        if same:
            return whole if len(whole) == 1 else same
        taught = self._taught_to.get(_key(words), set())
        return {at for at in near if at in taught} if len(taught) == 1 else set()

    def _compare(self, words: Words, customer: int) -> Known:
        best = Known(similarity(words, self.names[customer]))
        for other, payer in self._taught.get(customer, ()):
            if (best.likeness or 0.0) >= SAME and not best.shared:
                break
            likeness = similarity(words, other)
            shared = len(self._taught_to[_key(other)]) > 1
            likeness = min(likeness, SHARED_NAME) if shared and likeness is not None else likeness
            if likeness is not None and likeness > (best.likeness or 0.0):
                best = Known(likeness, payer, shared)
        return best

    def _meant(self, payer: Payer) -> list[int]:
        """Give the customers a lesson is about: by id, else by name, but for those who have another id."""
        if payer.customer_id:
            at = self._at.get((payer.customer_id, ()))
            if at is not None:
                return [at]
        named = self._same_name.get(words_of(payer.customer), [])
        return [at for at in named if not payer.customer_id or not self._ids[at]]

    def _index(self, words: Words, at: int) -> None:
        for word in words:
            self._by_word.setdefault(word, set()).add(at)


def _key(words: Words) -> Words:
    return tuple(sorted(words))
