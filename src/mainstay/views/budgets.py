"""Budgets as the operator sees them: what is spent, held and left, what counted, and when it runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.governance.amounts import say_amount, say_amounts
from mainstay.governance.budgets import PREFIX, fold
from mainstay.governance.periods import OF_PLAN, Calendar
from mainstay.kernel.budget import COUNT, amounts_of, most_of
from mainstay.ledger import queries
from mainstay.values import previous_stream
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mainstay.kernel.budget import Cap
    from mainstay.views.opening import Row

LOOKED_AT = 500  # records of a period, the newest, from which it is told what counted
PLANS = 20  # whose budget of their own is shown, and that are named as what counted


class Budgets(Opened):
    """What may be spent."""

    def budgets(self, caps: Iterable[Cap], now_us: int) -> list[Row]:
        """Give each budget in its present period; of those for each plan a row for each plan that has not ended."""
        calendar = Calendar(self.timezone)
        found: list[Row] = []
        for cap in caps:
            periods = [calendar.name(cap.period, now_us, "")]
            if cap.period == "plan":
                prefix = f"{PREFIX}{cap.name}:{OF_PLAN}"
                rows = self._reader.rows(queries.PLANS_WITH_STREAM, (prefix, PLANS))
                periods = [f"{OF_PLAN}{row[0]}" for row in rows] or [OF_PLAN]
            found += [self._budget(cap, period, calendar, now_us) for period in periods]
        return found

    def _budget(self, cap: Cap, period: str, calendar: Calendar, now_us: int) -> Row:
        first = f"{PREFIX}{cap.name}:{period}"
        last = self._reader.rows(queries.LAST_STREAM, (first,))
        present = self._reader.read(last[0][0] if last else first)
        budget = fold(event.fact for event in present)
        newest, older = self._newest(present)
        most, ends_us = most_of(budget, cap), calendar.ends_us(cap.period, now_us)
        counted = self._counted(newest, list(most))
        limits: list[Row] = []
        for unit, there_is in most.items():
            spent, held = budget.spent.get(unit, 0), budget.held.get(unit, 0)
            out_us = calendar.runs_out_us(cap.period, now_us, spent + held, there_is)
            limits.append(
                {
                    "unit": unit,
                    "most": there_is,
                    "raised": budget.raised.get(unit, 0),
                    "spent": spent,
                    "held": held,
                    "left": max(0, there_is - spent - held),
                    "used_up": spent + held >= there_is,
                    "runs_out_at": "" if out_us is None or spent + held >= there_is else self.time(out_us),
                    "says": _say_limit(unit, there_is, spent, held),
                }
            )
        return {
            "name": cap.name,
            "counts": _say_counts(cap),
            "per": cap.period,
            "period": period.strip(),
            "plan": period.removeprefix(OF_PLAN) if cap.period == "plan" else "",
            "ends_at": "" if ends_us is None else self.time(ends_us),
            "limits": limits,
            "warned": budget.warned,
            "earlier": say_amounts(budget.earlier, list(most)) if any(map(budget.earlier.get, most)) else "",
            "counted": counted[:PLANS],
            "older": older or len(counted) > PLANS,  # whether others counted, before these
        }

    def _newest(self, present: list[e.Recorded]) -> tuple[list[e.Recorded], bool]:
        """Give the newest records of a period, of which `present` is the last stream; and whether there are older."""
        before = previous_stream(present[0].stream) if present else ""
        if len(present) >= LOOKED_AT or not before:
            return present[-LOOKED_AT:], len(present) > LOOKED_AT or bool(before)
        length = self._reader.rows(queries.STREAM_LENGTH, (before,))[0][0]
        after = max(0, length - (LOOKED_AT - len(present)))
        return [*self._reader.read(before, after), *present], after > 0 or bool(previous_stream(before))

    def _counted(self, recorded: Iterable[e.Recorded], units: Sequence[str]) -> list[Row]:
        """Name the plans that spent or hold something, the last first, with how much, as far as some records say."""
        spent: dict[str, dict[str, dict[str, int]]] = {}
        for event in recorded:
            if isinstance(event.fact, e.BudgetKept):
                for holder, amounts in event.fact.holds.items():  # since before all that stands here
                    plan = _plan_of(holder)
                    spent = spent if plan in spent else {plan: {}, **spent}
                    spent[plan][holder] = amounts
            elif isinstance(event.fact, (e.BudgetReserved, e.BudgetSettled)):
                plan = _plan_of(event.fact.holder)
                of = spent.pop(plan, {})
                key = event.fact.holder if isinstance(event.fact, e.BudgetReserved) else f"{event.position}"
                of.pop(event.fact.holder, None)
                of[key] = amounts_of(event.fact)
                spent[plan] = of
        rows: list[Row] = []
        for plan, of in reversed(spent.items()):
            amounts = {unit: sum(one.get(unit, 0) for one in of.values()) for unit in (*units, COUNT)}
            if len(rows) <= PLANS and any(amounts.values()):
                title = self._reader.rows(queries.PLAN, (plan,))
                rows.append({"plan": plan, "title": title[0][2] if title else "", "says": say_amounts(amounts, units)})
        return rows


def _plan_of(holder: str) -> str:
    """Name the plan at the top of a holder's family."""
    return holder.partition("/")[0].partition("-")[0]


def _say_limit(unit: str, most: int, spent: int, held: int) -> str:
    left = max(0, most - spent - held)
    under_way = f", {say_amount(unit, held)} held" if held else ""
    return f"{say_amount(unit, spent)} of {say_amount(unit, most)} spent{under_way}, {say_amount(unit, left)} left"


def _say_counts(cap: Cap) -> str:
    """Say what a budget counts: "mail.send, in playbook billing"."""
    what = ", ".join(cap.operations) or "everything"
    where = f", in playbook {cap.playbook}" if cap.playbook else ""
    return what + where + (f", by agent {cap.agent}" if cap.agent else "")
