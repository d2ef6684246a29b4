"""What a reconciliation came to: each payment with the invoices it was held against, how sure that is, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mainstay.errors import InputError
from mainstay.ledger.books import BookReader
from mainstay.values import Money
from mainstay.views.finding import Finding, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.kernel.state import Plan
    from mainstay.values import Value
    from mainstay.views.opening import Row

AGENT = "reconcile"
STATEMENT, INVOICES, OVERDUE = "bank.read_statement", "invoices.read_open", "books.overdue"
PILES = ("sure", "unsure", "duplicates", "unmatched", "set_aside")


class Reconciled(Finding):
    """The books, as reconciliations left them."""

    def reconciliations(self, limit: int = 50) -> list[Row]:
        """List the plans that matched payments to invoices, the newest first."""
        rows: list[Row] = []
        for known in self.run_before():
            newest = self.find(Wanted(playbook=known["playbook"]), 1)["plans"]
            if newest and _step_of(self.plan(newest[0]["plan"]), AGENT):
                rows += self.find(Wanted(playbook=known["playbook"]), limit)["plans"]
        return sorted(rows, key=lambda row: row["proposed_at"], reverse=True)[:limit]

    def reconciliation(self, plan_id: str) -> Row:
        """Show one as it stands. Raises InputError for a plan that matches nothing, or has not come to that."""
        plan = self.plan(plan_id)
        name = _step_of(plan, AGENT)
        out = self._out(plan, name)
        if not out:
            said = "has not matched anything yet" if name else "matches no payments"
            raise InputError(f"Plan {plan_id} {said}.", remedy=f"See where it stands: mainstay show {plan_id}")
        booked = BookReader(self._reader, self._payloads.load).of_plan(plan_id)
        by_line: dict[str, list[Row]] = {}
        for one in booked:
            row: Row = {"invoice": one.invoice, "amount": str(one.amount), "kind": one.kind.replace("_", " ")}
            by_line.setdefault(one.line_id, []).append(row)
        late = self._out(plan, _step_of(plan, OVERDUE))
        return {
            "plan": plan.id,
            "title": plan.title,
            "status": plan.status,
            "begun": self.time(plan.proposed_at_us),
            "summary": out.get("summary", {}),
            "piles": {pile: [_match(one, by_line) for one in out.get(pile, ())] for pile in PILES},
            "booked": len(booked),
            "statement": self._period(plan),
            "invoices": list(self._open(plan, out, by_line)),
            "late": [_invoice(one) for one in late.get("invoices") or late.get("remind") or ()],
        }

    def _out(self, plan: Plan, name: str) -> dict[str, Any]:
        slot = plan.slots.get(name)
        value: Value = None if slot is None else self._payloads.load(slot.output)
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    def _period(self, plan: Plan) -> Row:
        out = self._out(plan, _step_of(plan, STATEMENT))
        days = sorted(str(line["booked_on"]) for line in out.get("lines", ()))
        return {"lines": len(days), "first": days[0] if days else "", "last": days[-1] if days else ""}

    def _open(self, plan: Plan, out: dict[str, Any], by_line: dict[str, list[Row]]) -> Iterator[Row]:
        """List the invoices, each with the payments that it was held against."""
        paid: dict[str, list[Row]] = {}
        for pile in ("sure", "unsure"):
            for one in out.get(pile, ()):
                stands = any(line in by_line for line in one["line_ids"])
                for number in one["invoice_numbers"]:
                    paid.setdefault(number, []).append({"match": one["id"], "pile": pile, "booked": stands})
        for one in self._out(plan, _step_of(plan, INVOICES)).get("invoices", ()):
            yield _invoice(one) | {"matches": paid.get(one["number"], [])}


def _step_of(plan: Plan, target: str) -> str:
    """Name the step that runs an agent or an operation; empty where none does."""
    return next((name for name, step in plan.graph.steps.items() if step.target.partition("@")[0] == target), "")


def _match(one: dict[str, Any], by_line: dict[str, list[Row]]) -> Row:
    booked = [row for line in one["line_ids"] for row in by_line.get(line, ())]
    named = ("id", "kind", "invoice_numbers", "confidence", "why")
    more = {name: one.get(name, "") for name in ("runner_up", "booked_on", "counterparty", "text")}
    return {name: one[name] for name in named} | more | {"amount": _money(one["amount"]), "booked": booked}


def _invoice(one: dict[str, Any]) -> Row:
    named = ("number", "customer", "issued_on", "due_on")
    return {name: one.get(name, "") for name in named} | {"amount": _money(one["amount"]), "open": _money(one["open"])}


def _money(amount: dict[str, Any]) -> str:
    return str(Money(amount["minor"], amount["currency"]))
