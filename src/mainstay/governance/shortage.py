"""What a budget says of what it lacks: what can't be counted, what runs low or is used up, and the ways on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.governance.amounts import say_amount, say_amounts
from mainstay.governance.windows import DAYS
from mainstay.kernel.budget import COUNT, NOT_MONEY, OF_RULE, TOKENS, Budget, Cap, lacking, most_of, used
from mainstay.kernel.failing import CAP_RULE, CAP_WAYS, LIMITS_RULE
from mainstay.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.events import BudgetWarned
    from mainstay.kernel.budget import Spending
    from mainstay.values import Failure

_WHOSE = {"day": "Today's", "month": "This month's", "plan": "This plan's"}
_STOPPED = re.compile(
    r"budget '(?P<name>[^']+)' allows (?P<most>.+? (?P<per>a \w+)), (?P<taken>.+?) of that is spent or held, "
)
PER = {"day": "a day", "month": "a month", "plan": "a plan"}


class Short(NamedTuple):
    """A cap that something does not fit in."""

    cap: Cap
    budget: Budget
    over: dict[str, int]


def unclear(caps: Sequence[Cap], spending: Spending) -> Verdict | None:
    """Ask about what can't be counted: an unknown price, or money in a currency that a cap does not count."""
    for cap in caps:
        if spending.unknown and (cap.currencies or TOKENS in cap.most):
            why = (
                f"What {spending.operation} costs is not known ({spending.unknown}), and budget '{cap.name}' counts it."
            )
            return Verdict("ask", "unknown price", why)
        if not cap.currencies:
            continue
        other = {unit: amount for unit, amount in spending.amounts.items() if amount and unit not in NOT_MONEY}
        if uncounted := {unit: amount for unit, amount in other.items() if unit not in cap.currencies}:
            counted = " and ".join(sorted(cap.currencies))
            why = f"It spends {say_amounts(uncounted)}, and budget '{cap.name}' counts {counted} only."
            return Verdict("ask", "other currency", why)
    return None


def used_up(cap: Cap, spending: Spending) -> Verdict:
    """Ask about an undo that goes beyond its reserve."""
    most, per = say_amounts(cap.most, cap.most), PER[cap.period]
    why = f"The reserve of {most} {per} for taking back {spending.operation} is used up: this would be one more."
    return Verdict("ask", "undo reserve", why)


def stopped(short: Short, spending: Spending) -> Verdict:
    """Say what stopped it: the cap, what there is, what is taken of it, and what this needs."""
    cap, units = short.cap, list(short.over)
    most, taken = say_amounts(most_of(short.budget, cap), units), say_amounts(used(short.budget), units)
    needs = say_amounts(spending.amounts, units)
    why = (
        f"{spending.operation} was stopped: budget '{cap.name}' allows {most} {PER[cap.period]}, "
        f"{taken} of that is spent or held, and this needs {needs} more."
    )
    return Verdict("deny", LIMITS_RULE if cap.name.startswith(OF_RULE) else CAP_RULE, why)


def ways_on(short: Sequence[Short]) -> tuple[str, ...]:
    """Name the ways on; what is used up for good can't be waited for."""
    waits = all(one.cap.period != "plan" for one in short)
    return tuple(way for way in CAP_WAYS if waits or way != "wait")


class StoppedBy(NamedTuple):
    """The budget that stopped something, and how it stood then."""

    name: str
    per: str  # "a day"
    stands: str


def may_be_stopped(message: str) -> bool:
    """Whether a message reads as if a budget stopped something: a stranger's may, too."""
    return _STOPPED.search(message) is not None


def stopped_by(failure: Failure | None) -> StoppedBy | None:
    """Name the budget that stopped something; None where none did, whatever the message says."""
    found = _STOPPED.search(failure.message) if failure is not None and failure.cause == "Capped" else None
    if found is None:
        return None
    stands = f"it allows {found['most']}, and {found['taken']} of that is spent or held"
    return StoppedBy(found["name"], found["per"], stands)


def say_lets(cap: Cap, budget: Budget, wanted: Sequence[Spending]) -> str:
    """Say how much of what somebody is about to approve a cap lets through; empty where it does all of it."""
    stands, fits = budget, 0
    over: dict[str, int] = {}
    for one in wanted:
        if short := lacking(stands, cap, one.holder, one.amounts):
            over = {**over, **short}
        else:
            stands, fits = with_held(stands, one.amounts), fits + 1
    if not over:
        return ""
    taken, most = used(budget), most_of(budget, cap)
    left = {unit: max(0, most[unit] - taken.get(unit, 0)) for unit in over}
    all_of_it = {unit: sum(one.amounts.get(unit, 0) for one in wanted) for unit in over}
    whose, many = f"{_WHOSE[cap.period]} budget '{cap.name}'", len(wanted)
    has = f"has {say_amounts(left, over)} left" if any(left.values()) else "is used up"
    lacks = {unit: all_of_it[unit] - left[unit] for unit in over}  # one command raises by one of them
    first = " and ".join(raising(cap, {unit: amount}, wanted[0].plan) for unit, amount in lacks.items())
    if many == 1:
        takes = f", and this takes {say_amounts(all_of_it, over)}" if any(left.values()) else ""
        return f"{whose} {has}{takes}: after your yes it stops, and asks again. To let it through, first: {first}"
    rest = "the other one asks" if many - fits == 1 else f"the other {many - fits} ask"
    lets = f"lets {fits} of these {many} through; {rest}" if fits else f"lets none of these {many} through: they ask"
    money = f" It {has}, and all of them take {say_amounts(all_of_it, over)}." if over.keys() - {COUNT} else ""
    return f"{whose} {lets} again after your yes.{money} To let all through, first: {first}"


def say_none_left(cap: Cap, budget: Budget) -> str:
    """Say that a cap has nothing left for what an answer only leads to; empty where it has something left."""
    taken, most = used(budget), most_of(budget, cap)
    gone = {unit: 0 for unit, there_is in most.items() if taken.get(unit, 0) >= there_is}
    if not gone:
        return ""
    whose = f"{_WHOSE[cap.period]} budget '{cap.name}'"
    return f"{whose} has {say_amounts(gone, gone)} left: what it does not let through asks again."


def say_low(cap: Cap, fact: BudgetWarned) -> str:
    """Say that most of a budget is spent or held, and what follows while little is left."""
    taken, most = say_amounts(fact.amounts, fact.most), say_amounts(fact.most)
    return f"Budget '{cap.name}' runs low: {taken} of {most} {PER[cap.period]}.{_say_then(cap)}"


def _say_then(cap: Cap) -> str:
    said = [f"{_bare(one)} is done by {_bare(instead)}" for one, instead in cap.cheaper.items()]
    if cap.batch is not None:
        opens, closes = (f"{minute // 60:02}:{minute % 60:02}" for minute in cap.batch)
        days = " of " + ", ".join(DAYS[day] for day in cap.batch_days) if cap.batch_days else ""
        said.append(f"what can wait leaves between {opens} and {closes}{days}")
    return f" From now on: {'; '.join(said)}." if said else ""


def _bare(operation: str) -> str:
    return operation.removeprefix("model.")


def with_held(budget: Budget, amounts: Mapping[str, int]) -> Budget:
    """Give a period as it is once that is held as well."""
    held = {**budget.held, **{unit: budget.held.get(unit, 0) + amount for unit, amount in amounts.items()}}
    return msgspec.structs.replace(budget, held=held)


def raising(cap: Cap, amounts: Mapping[str, int], plan: str = "PLAN") -> str:
    """Give the command that raises a cap by the first of some amounts."""
    unit = next(iter(amounts))
    one = say_amount(unit, amounts[unit]).replace(",", "")
    given = {"day": f"--today {_quoted(one)}", "month": f"--month {_quoted(one)}"}
    return f"mainstay budget raise {_quoted(cap.name)} " + given.get(cap.period, f"--plan {_quoted(f'{plan}={one}')}")


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
