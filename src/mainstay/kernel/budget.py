"""What may be spent in a period, pure: reserved before an action or a call, settled after it (KERNEL T2).

A cap counts what is spent and what is held, so that what is under way at the same time can't overshoot it. A hold stays
until the outcome is known: what may have happened may have spent.

What is counted has units: "count", "tokens", and money by its currency, in micros. A cap names the most of some of
them; what it does not name it does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay.events import BudgetKept, BudgetRaised, BudgetReserved, BudgetSettled
from mainstay.values import CURRENCY_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.events import BudgetFact
    from mainstay.values import Money

Period: TypeAlias = Literal["day", "month", "plan"]
COUNT, TOKENS, DOLLARS = "count", "tokens", "USD"
OF_RULE = "rule "  # begins the name of a cap that the limits of an operator's rule are
NOT_MONEY = frozenset({COUNT, TOKENS})
WARN_PCT = 80  # of a cap, from where the operator is told, and what is cheaper or can wait is preferred
FEW = 5  # a smaller cap is reached at once: nobody needs to be told before


MICRO_DIGITS = 6  # money is counted in millionths: a call may cost less than a cent


class Cap(msgspec.Struct, frozen=True):
    """The most that may happen in each period of one kind, of what it counts: all selectors have to fit.

    `name` is the operator's; two caps of one name are of different periods.
    """

    name: str
    period: Period
    most: dict[str, int]  # by unit
    operations: tuple[str, ...] = ()  # "mail.send", "mail.*", "model.draft"; none: all
    playbook: str = ""
    agent: str = ""
    cheaper: dict[str, str] = {}  # operation, or role of a model, to what is taken in its place once most is spent
    batch: tuple[int, int] | None = None  # minutes of the day between which what is left is spent, once most is
    batch_days: tuple[int, ...] = ()  # on which these begin, Monday 0; none: every day

    def counts(self, operation: str, playbooks: Iterable[str], agent: str) -> bool:
        """Whether this cap counts what an operation does there; a model is the operation `model.ROLE`."""
        return (
            (not self.operations or any(_fits(one, operation) for one in self.operations))
            and (not self.playbook or self.playbook in playbooks)
            and (not self.agent or self.agent == agent)
        )

    @property
    def currencies(self) -> frozenset[str]:
        """The currencies in which it counts money; none where it counts no money."""
        return frozenset(self.most) - NOT_MONEY


class Spending(msgspec.Struct, frozen=True):
    """What one action or call would spend, and whose it is."""

    holder: str  # "plan/path": who holds a part of a budget
    operation: str
    playbooks: tuple[str, ...] = ()  # the plan's own, and those it is a part of
    agent: str = ""
    amounts: dict[str, int] = msgspec.field(default_factory=lambda: {COUNT: 1})  # at most, by unit
    unknown: str = ""  # why its price is not known; empty when it is
    undo: bool = False  # it takes back what `operation` did, and spends a reserve of its own (KERNEL E5)
    named: bool = False  # it counts only where a cap names its operation itself: a reading that costs nothing

    @property
    def plan(self) -> str:
        """The plan at the top of its family."""
        return self.holder.partition("/")[0].partition("-")[0]


class Budget(msgspec.Struct, frozen=True):
    """One period of one cap, folded. `holds` are what is under way may still spend, `held` adds them up."""

    sequence: int = 0  # of its present stream
    spent: dict[str, int] = {}
    held: dict[str, int] = {}
    holds: dict[str, dict[str, int]] = {}
    raised: dict[str, int] = {}
    warned: bool = False
    counts: str = ""  # what it counted so far; empty where that is not known
    earlier: dict[str, int] = {}  # of what is spent: what left before it was counted


def evolve(budget: Budget, fact: BudgetFact) -> Budget:
    """Fold one fact."""
    sequence = budget.sequence + 1
    if isinstance(fact, BudgetReserved):
        amounts = amounts_of(fact)
        before = budget.holds.get(fact.holder)
        held = _plus(budget.held if before is None else _minus(budget.held, before), amounts)
        holds = budget.holds.copy()
        holds[fact.holder] = amounts
        counts = fact.counts or budget.counts
        return Budget(sequence, budget.spent, held, holds, budget.raised, budget.warned, counts, budget.earlier)
    if isinstance(fact, BudgetSettled):
        holds = budget.holds.copy()
        held = _minus(budget.held, holds.pop(fact.holder, {}))
        spent = _plus(budget.spent, amounts_of(fact))
        return Budget(sequence, spent, held, holds, budget.raised, budget.warned, budget.counts, budget.earlier)
    if isinstance(fact, BudgetRaised):
        return msgspec.structs.replace(budget, sequence=sequence, raised=_plus(budget.raised, fact.amounts))
    if isinstance(fact, BudgetKept):
        held = {}
        for amounts in fact.holds.values():
            held = _plus(held, amounts)
        return Budget(sequence, fact.spent, held, fact.holds, fact.raised, fact.warned, fact.counts, fact.earlier)
    return msgspec.structs.replace(budget, sequence=sequence, warned=True)


def micros_of(money: Money) -> int:
    """Give money in micros of its currency."""
    return money.minor * 10 ** (MICRO_DIGITS - CURRENCY_DIGITS.get(money.currency, 2))


def amounts_of(fact: BudgetReserved | BudgetSettled) -> dict[str, int]:
    """Give what a fact counts, by unit."""
    amounts = {COUNT: fact.count, **fact.more}
    if fact.cost_usd_micros:
        amounts[DOLLARS] = fact.cost_usd_micros
    return amounts


def lacking(budget: Budget, cap: Cap, holder: str, amounts: Mapping[str, int]) -> dict[str, int]:
    """Give by how much this would go over the cap, by unit; what a holder holds already is not counted twice."""
    own = budget.holds.get(holder)
    over: dict[str, int] = {}
    for unit, most in cap.most.items():
        wanted = amounts.get(unit, 0)
        if wanted > 0:
            used = budget.spent.get(unit, 0) + budget.held.get(unit, 0) - (own.get(unit, 0) if own else 0)
            missing = used + wanted - most - budget.raised.get(unit, 0)
            if missing > 0:
                over[unit] = missing
    return over


def reserve(cap: Cap, period: str, holder: str, amounts: Mapping[str, int]) -> BudgetReserved:
    """Hold what a cap counts of these amounts."""
    more = {unit: amounts[unit] for unit in cap.most if unit in amounts and unit not in (COUNT, DOLLARS)}
    dollars = amounts.get(DOLLARS, 0) if DOLLARS in cap.most else 0
    return BudgetReserved(period, holder, amounts.get(COUNT, 0), dollars, more)


def settle(
    budget: Budget, period: str, holder: str, *, happened: bool, spent: Mapping[str, int] | None = None
) -> BudgetSettled | None:
    """Turn a hold into a spend, or let it go; None when nothing is held. `spent` is what is known of what it was."""
    held = budget.holds.get(holder)
    if held is None:
        return None
    amounts = {unit: (spent or {}).get(unit, amount) for unit, amount in held.items()} if happened else {}
    more = {unit: amount for unit, amount in amounts.items() if unit not in (COUNT, DOLLARS)}
    return BudgetSettled(period, holder, amounts.get(COUNT, 0), amounts.get(DOLLARS, 0), more)


def kept(budget: Budget, period: str) -> BudgetKept:
    """Give the fact that a period goes on from: in its next stream, or where it begins to count something else."""
    known = budget.spent, budget.holds, budget.raised, budget.warned, budget.counts, budget.earlier
    return BudgetKept(period, *known)


def counts_of(cap: Cap) -> str:
    """Say what a cap counts, as it stands in the history: how much of it may happen can change without a new count."""
    units = sorted(set(cap.most) - {COUNT})  # how many there were is counted always
    return f"{','.join(cap.operations)}|{cap.playbook}|{cap.agent}|{','.join(units)}"


def used(budget: Budget) -> dict[str, int]:
    """Give what is spent or held, by unit."""
    return _plus(budget.spent, budget.held)


def most_of(budget: Budget, cap: Cap) -> dict[str, int]:
    """Give what there is in this period, by unit: the cap, and by what the operator raised it."""
    return {unit: most + budget.raised.get(unit, 0) for unit, most in cap.most.items()}


def runs_low(budget: Budget, cap: Cap) -> bool:
    """Whether most of any unit is spent or held."""
    for unit, most in cap.most.items():
        there_is = most + budget.raised.get(unit, 0)
        taken = budget.spent.get(unit, 0) + budget.held.get(unit, 0)
        if there_is >= FEW and taken * 100 >= there_is * WARN_PCT:
            return True
    return False


def _fits(pattern: str, operation: str) -> bool:
    return operation.startswith(pattern[:-1]) if pattern.endswith("*") else operation == pattern


def _plus(amounts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    added = {**amounts}
    for unit, amount in more.items():
        added[unit] = added[unit] + amount if unit in added else amount
    return added


def _minus(amounts: Mapping[str, int], less: Mapping[str, int]) -> dict[str, int]:
    left = {**amounts}
    for unit, amount in less.items():
        left[unit] -= amount
    return left
