"""Settlement: the order in which lines find their invoices. Strong readings first, so that weak ones can't spoil them.

1. Set aside what is no customer's payment: money that went out, pending entries, payments the bank took back, and
   what a payment provider's report explains (`payouts`).
2. Groups that the payer names: one line for several invoices, several lines for one.
3. Pairs that fit, all at once (`assignment`), amounts that fit only.
4. Groups that nobody names, found by payer and sum.
5. What is left: weak pairs and parts, repeatedly, always asked.
6. Second payments of an invoice; then what fits nothing.
"""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING

import msgspec

from mainstay.agents import grouping, returns, wording
from mainstay.agents.allocation import KINDS, lone, match_of, shortfall_of
from mainstay.agents.assignment import assign
from mainstay.agents.candidates import Case
from mainstay.agents.certainty import OTHER_INVOICE, Reading, is_likely, is_named, objection
from mainstay.agents.evidence import NO_MATCH_BITS, Debt, Evidence, Receipt
from mainstay.agents.others import left_open, others_of
from mainstay.agents.payouts import Payouts, read_payouts
from mainstay.records import Match, Payer, Payout
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.agents.grouping import Group
    from mainstay.records import BankLine, Invoice

STRONG_BITS = NO_MATCH_BITS + 8.0
PILES = ("sure", "unsure", "unmatched", "ignored", "duplicates")
AGE_BITS = 2**-14  # breaks ties, decides nothing
ROUNDS_MAX = 12  # parts of one invoice looked for one after the other
OTHER_PAYMENT = "another payment fits this invoice as well"
TOO_LITTLE = "too little speaks for it"


class Settled(msgspec.Struct, frozen=True):
    """Where every line ended; each line is in exactly one of these."""

    sure: tuple[Match, ...]
    unsure: tuple[Match, ...]
    unmatched: tuple[Match, ...]
    ignored: tuple[Match, ...]
    duplicates: tuple[Match, ...]
    payouts: int = 0  # whose line was found
    payouts_missing: tuple[Payout, ...] = ()


class Rules(msgspec.Struct, frozen=True):
    """What there is to know besides lines and invoices: payouts, learned payers, and what may be written off."""

    payouts: tuple[Payout, ...] = ()
    payers: tuple[Payer, ...] = ()
    write_off: Money | None = None


def settle(lines: Sequence[BankLine], invoices: Sequence[Invoice], rules: Rules) -> Settled:
    """Find for every line what it pays. Lines and invoices must be unique by id and number."""
    incoming = [line for line in lines if line.amount.minor > 0 and not line.pending and not line.reversal]
    case = Case(incoming, invoices, rules.payers, rules.write_off)
    payouts = read_payouts(lines, rules.payouts, case.concerns)
    case.leave_out(payouts.explained)
    booked = [line for line in lines if line.id not in payouts.explained]
    case.taken_back = returns.taken_back(booked)
    case.sent_before = returns.sent_before(booked, case.taken_back)
    desk = Desk(case, payouts)
    free = {receipt.id for receipt in case.receipts}
    aside = [line for line in lines if line.id not in free]
    for line in sorted(aside, key=lambda line: (line.booked_on, line.id)):
        desk.set_aside(line)
    desk.pair_off_second_payments()
    desk.take_groups(grouping.named_groups(desk.case, desk.free, desk.left))
    desk.take_pairs(strong=True)
    desk.take_groups(grouping.unnamed_groups(desk.case, desk.free, desk.left, desk.doubtful))
    for _ in range(ROUNDS_MAX):
        if not desk.take_pairs(strong=False):
            break
    desk.name_the_rest()
    return desk.settled()


class Desk:
    """The lines not yet read, and what is still open on each invoice."""

    def __init__(self, case: Case, payouts: Payouts) -> None:
        """Begin with every line free and every invoice open."""
        self.case = case
        self.payouts = payouts
        self.free: dict[str, Receipt] = {receipt.id: receipt for receipt in case.receipts}
        self.left: dict[str, int] = {number: debt.open for number, debt in case.debts.items() if debt.open > 0}
        self.doubtful: set[str] = set()  # invoices given to a line that is to be asked about
        self._taken_back = case.taken_back
        self._second: dict[str, set[str]] = {}  # line -> invoices an earlier line pays in the same words
        self._payer_of: dict[str, Receipt] = {}
        self._shown: dict[str, tuple[Receipt, tuple[str, ...]]] = {}  # by match: its line, the runner-up's invoices
        self._piles: dict[str, list[Match]] = {name: [] for name in PILES}

    def settled(self) -> Settled:
        """Give the piles, each in the order of the statement."""
        left = self._left_after_sure()
        self._piles["unsure"] = [self._with_others(match, left) for match in self._piles["unsure"]]
        piles = {name: tuple(sorted(pile, key=_order)) for name, pile in self._piles.items()}
        return Settled(**piles, payouts=self.payouts.found, payouts_missing=self.payouts.missing)

    def set_aside(self, line: BankLine) -> None:
        """Put a line away that can't be a customer's payment."""
        if line.id in self.payouts.explained and not line.pending:
            self._piles["ignored"].append(lone(line, self.payouts.explained[line.id]))
        elif line.reversal:
            self._piles["unsure"].append(
                lone(line, self._say_reversal(line), sure=0.0, runner_up="Whatever it is, it pays no open invoice.")
            )
        elif line.pending and line.amount.minor > 0:
            why = "The bank shows it as pending; it is matched when it is booked."
            self._piles["unmatched"].append(lone(line, why))
        else:
            self._piles["ignored"].append(
                lone(line, "Money that went out." if line.amount.minor else "No money moved.")
            )

    def pair_off_second_payments(self) -> None:
        """Keep later lines that name and pay the same invoice in full away from it."""
        claimed: set[str] = set()
        for receipt in (receipt for receipt in self.free.values() if receipt.id not in self._taken_back):
            for number in receipt.named.full:
                if len(receipt.named.full) == 1 and self.left.get(number) == receipt.minor:
                    if number in claimed:
                        self._second.setdefault(receipt.id, set()).add(number)
                    claimed.add(number)

    def take_groups(self, groups: Sequence[Group]) -> None:
        """Take the groups that are still possible, the best first."""
        for group in groups:
            whole = all(self.left.get(debt.number) == debt.open for debt in group.debts)
            single = group.rival is not None and group.rival.bits >= group.bits and group.rival.debt.number in self.left
            if whole and not single and all(receipt.id in self.free for receipt in group.receipts):
                match = match_of(
                    group.kind,
                    group.receipts,
                    group.debts,
                    margin=group.margin,
                    why=group.why + wording.say_asked(group.asked),
                    runner_up=wording.say_other_set(group.other) if group.other else wording.say_rival(group.rival),
                    shortfall=group.shortfall,
                )
                rival = () if group.rival is None else (group.rival.debt.number,)
                self._take(match, group.receipts, sure=not group.asked, shown=group.other or rival)

    def take_pairs(self, *, strong: bool) -> bool:
        """Assign the free lines to what is open; say whether anything was taken."""
        pairs: dict[tuple[int, int], Evidence] = {}
        receipts = [receipt for receipt in self.free.values() if not (strong and receipt.id in self._taken_back)]
        columns = {number: at for at, number in enumerate(self.case.debts)}
        for row, receipt in enumerate(receipts):
            for evidence in self.case.evidence(receipt, self.left):
                if evidence.bits > NO_MATCH_BITS and evidence.debt.number not in self._second.get(receipt.id, ()):
                    pairs[row, columns[evidence.debt.number]] = evidence
        weights = self._weights(pairs, len(receipts))
        placements = assign(weights)
        taken = False
        placed = {placement.row for placement in placements}
        waiting: dict[int, list[tuple[int, Evidence]]] = {}  # column -> the lines without one that pay it as well
        for (row, column), evidence in sorted(pairs.items(), key=lambda item: item[0]):
            if row not in placed and _as_good(evidence):
                waiting.setdefault(column, []).append((row, evidence))
        contested = {column for (row, column), e in pairs.items() if row not in placed and e.may_settle}
        for placement in placements:
            evidence = pairs[placement.row, placement.column]
            if strong and (evidence.bits <= STRONG_BITS or evidence.amount in {"part", "over"}):
                continue
            rival = None if placement.rival is None else pairs.get((placement.row, placement.rival))
            clear = strong and (is_named(evidence.receipt, evidence.debt) or placement.column not in contested)
            if not clear and evidence.amount == "exact" and not evidence.referenced:
                claims = [e for row, e in waiting.get(placement.column, ()) if row < placement.row]
                claims = [e for e in claims if e.bits == evidence.bits and e.certain == evidence.certain]
                evidence = next((e for e in claims if e.receipt.id in self.free), evidence)
            unclear = "" if clear else OTHER_PAYMENT if strong else TOO_LITTLE
            self._take_pair(evidence, placement.margin, rival, unclear)
            taken = True
        return taken

    def _weights(self, pairs: dict[tuple[int, int], Evidence], rows: int) -> dict[tuple[int, int], float]:
        """Give what each pair is worth above no match; of equal ones the older line gets the older invoice."""
        oldest = sorted({(e.debt.invoice.issued_on, e.debt.number) for e in pairs.values()})
        age = {number: 1 - at / len(oldest) for at, (_, number) in enumerate(oldest)}
        return {
            (row, column): evidence.bits - NO_MATCH_BITS + AGE_BITS * (1 + age[evidence.debt.number]) * (2 - row / rows)
            for (row, column), evidence in pairs.items()
        }

    def name_the_rest(self) -> None:
        """Say of every line that is left what it is: a second payment, or nothing that fits."""
        settled = {number: debt.open for number, debt in self.case.debts.items() if self.left.get(number) == 0}
        for receipt in list(self.free.values()):
            back = self._say_taken_back([receipt])
            first = None if back else self._first_payment(receipt, settled)
            if back:
                why = f"The payment may be for an invoice.{back}"
                nothing = "Whatever it was for, it pays nothing any more."
                self._piles["unsure"].append(lone(receipt.line, why, sure=0.0, runner_up=nothing))
            elif first is None:
                fitting = self.case.of_this_amount(receipt, self.left)
                why = wording.say_stranger(receipt, self.payouts.providers, fitting)
                self._piles["unmatched"].append(lone(receipt.line, why))
            elif first.debt.number in self.doubtful:
                why, other = wording.say_either(first.debt, self._payer_of[first.debt.number])
                number = first.debt.number
                match = lone(receipt.line, why, invoices=(number,), sure=0.5, runner_up=other)
                self._piles["unsure"].append(match)
                self._shown[match.id] = receipt, (number,)
            else:
                debt = first.debt
                why = wording.say_second(debt, self._payer_of.get(debt.number), receipt)
                self._piles["duplicates"].append(lone(receipt.line, why, invoices=(debt.number,)))
            del self.free[receipt.id]

    def _take_pair(self, evidence: Evidence, margin: float, rival: Evidence | None, unclear: str) -> None:
        receipt, debt = evidence.receipt, evidence.debt
        other: tuple[str, ...] = ()
        if not evidence.referenced and evidence.amount != "converted":
            bits, other = grouping.rival_group(self.case, receipt, debt, self.left)
            margin = min(margin, evidence.bits - bits) if other else margin
        rival = rival or self._next_best(evidence)
        reading = Reading(
            (receipt,),
            (debt,),
            margin,
            settles=evidence.fit.settles,
            forgiven=evidence.amount == "tiny",
            rivals=OTHER_INVOICE if self._contradicted(evidence) else unclear,
        )
        asked = objection(self.case, reading)
        twin_only = asked == OTHER_INVOICE and rival is None and not other
        match = match_of(
            KINDS.get(evidence.amount, "difference"),
            [receipt],
            [debt],
            margin=margin,
            why=wording.say_pair(evidence) + wording.say_asked(asked),
            runner_up=wording.TWIN_IS_PAID if twin_only else self._say_runner_up(receipt, debt, rival, other),
            shortfall=shortfall_of(evidence.fit),
        )
        self._take(match, [receipt], sure=not asked, shown=other if rival is None else (rival.debt.number,))

    def _say_runner_up(self, receipt: Receipt, debt: Debt, rival: Evidence | None, other: Sequence[str]) -> str:
        if rival is not None:
            return wording.say_rival(rival, debt)
        if other:
            return wording.say_other_set(other)
        alike = self.case.same_amount(receipt, self.left, debt.number)
        return wording.say_alike(alike) if alike else wording.say_rival(None)

    def _contradicted(self, evidence: Evidence) -> bool:
        """Say whether the amount fits as well where a slip of the finger would have meant another invoice."""
        receipt, debt = evidence.receipt, evidence.debt
        if not evidence.referenced and self._twin_is_doubtful(receipt, debt):
            return True
        if evidence.reference == "near" or evidence.amount == "tiny":
            return self.case.has_twin(receipt, debt.customer, (debt.number,))
        return False

    def _twin_is_doubtful(self, receipt: Receipt, debt: Debt) -> bool:
        """Say whether an equal invoice of this customer was given to a line that is asked about: it may be free yet."""
        currency = debt.invoice.open.currency
        equal = self.case.of_amount(debt.customer, currency, receipt.worth(currency))
        return any(twin.number != debt.number and twin.number in self.doubtful for twin in equal)

    def _next_best(self, evidence: Evidence) -> Evidence | None:
        """Find the best other invoice for a line, so that the reader sees what was close."""
        others = [
            other
            for other in self.case.evidence(evidence.receipt, self.left, wide=True)
            if other.debt.number != evidence.debt.number and (other.fit.settles or other.bits > NO_MATCH_BITS)
        ]
        return max(others, key=lambda other: (other.bits, other.debt.number), default=None)

    def _left_after_sure(self) -> dict[str, int]:
        """Give what is open on each invoice once the sure matches are booked."""
        left = {number: debt.open for number, debt in self.case.debts.items() if debt.open > 0}
        for match in self._piles["sure"]:
            for allocation in match.allocations:
                left[allocation.invoice] -= allocation.amount.minor
        return left

    def _with_others(self, match: Match, left: dict[str, int]) -> Match:
        others = left_open(match)
        if match.id in self._shown:
            receipt, shown = self._shown[match.id]
            others += others_of(self.case, match, receipt, shown, left)
        return msgspec.structs.replace(match, others=others) if others else match

    def _take(self, match: Match, receipts: Sequence[Receipt], *, sure: bool, shown: tuple[str, ...] = ()) -> None:
        self._piles["sure" if sure else "unsure"].append(match)
        if not sure and len(receipts) == 1:
            self._shown[match.id] = receipts[0], shown
        for receipt in receipts:
            del self.free[receipt.id]
        for allocation in match.allocations:
            self.left[allocation.invoice] -= allocation.amount.minor
            assert self.left[allocation.invoice] >= 0, "an invoice gets more than is open"
            self.doubtful.update(() if sure else (allocation.invoice,))
            self._payer_of.setdefault(allocation.invoice, receipts[0])

    def _first_payment(self, receipt: Receipt, settled: dict[str, int]) -> Evidence | None:
        """Find the invoice that this line pays once more; None when there is none. `settled` are those paid by now.

        An invoice that was settled before these lines came has to be named.
        """
        before = {number: self.case.debts[number] for number in receipt.named.full}
        whole = ChainMap({n: debt.invoice.amount.minor for n, debt in before.items() if debt.open == 0}, settled)
        found = [
            evidence
            for evidence in self.case.evidence(receipt, whole)
            if evidence.amount == "exact" and is_likely(self.case, receipt, evidence.debt)
        ]
        return max(found, key=self._likely_first, default=None)

    def _likely_first(self, evidence: Evidence) -> tuple[bool, float, str, str]:
        """Rank what a second payment repeats: one payment of the same amount, the strongest, the last before it."""
        first = self._payer_of.get(evidence.debt.number)
        alike = first is None or first.minor == evidence.receipt.minor
        paid_on = (
            "" if first is None or first.line.booked_on > evidence.receipt.line.booked_on else first.line.booked_on
        )
        return alike, evidence.bits, paid_on, evidence.debt.number

    def _say_taken_back(self, receipts: Sequence[Receipt]) -> str:
        for receipt in receipts:
            if receipt.id in self._taken_back:
                day = wording.day(self._taken_back[receipt.id].booked_on)
                return f" But the same amount went back to the payer on {day}."
        return ""

    def _say_reversal(self, line: BankLine) -> str:
        if line.amount.minor > 0:
            return "A payment of yours came back; it pays no invoice."
        undone = next((r for r in self.case.receipts if self._taken_back.get(r.id) == line), None)
        if undone is None:
            return "The bank took back an earlier payment; it is not on this statement."
        return f"The bank took back the payment of {wording.day(undone.line.booked_on)}: what it paid is open again."


def _as_good(evidence: Evidence) -> bool:
    """Say whether an earlier line pays an invoice as well as a later one: then the later one pays it once more."""
    return evidence.amount == "exact" and evidence.payer_known and not evidence.odd


def _order(match: Match) -> tuple[str, int, str, str, tuple[str, ...]]:
    """Give what piles are sorted by: ids differ from workspace to workspace, so they only part what reads alike."""
    return match.booked_on, -match.amount.minor, match.counterparty, match.text, match.line_ids
