"""What a reconciliation came to: each payment with the invoices it was held against, how sure that is, what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mainstay.errors import InputError
from mainstay.kernel.state import OPEN_PLAN
from mainstay.ledger import queries
from mainstay.ledger.books import BookReader
from mainstay.records import Invoice, by_invoice, left_of
from mainstay.sentences import say_plan
from mainstay.values import Money, say_total
from mainstay.views.finding import Finding, Wanted

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from mainstay.kernel.graph import Graph
    from mainstay.kernel.state import Plan
    from mainstay.values import Value
    from mainstay.views.opening import Row

AGENT = "reconcile"
STATEMENT, INVOICES, OVERDUE = "bank.read_statement", "invoices.read_open", "books.overdue"
OPEN_PILE = "invoices"  # those that were open
PILES = ("sure", "unsure", "duplicates", "unmatched", "set_aside")
AGAIN = "Start the reconciliation again, with the right files."


class Part(NamedTuple):
    """What is shown of it: of one pile some rows and nothing of the others, or the first rows of each."""

    pile: str = ""
    after: int = 0
    most: int | None = None

    def of(self, pile: str, rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """Give the rows of a pile that are shown."""
        if self.pile not in ("", pile):
            return ()
        return rows[self.after : None if self.most is None else self.after + self.most]


ALL = Part()


class Reconciled(Finding):
    """The books, as reconciliations left them."""

    def reconciliations(self, limit: int = 50) -> list[Row]:
        """List the plans that matched payments to invoices, the newest first."""
        rows: list[Row] = []
        for known in self.run_before():
            ended = self._reader.rows(queries.LAST_ENDED_OF, (known["playbook"],))
            graph = self.graph_of(ended[0][0]) if ended else None
            if graph is not None and _step_of(graph, AGENT):
                rows += self.find(Wanted(playbook=known["playbook"]), limit)["plans"]
        return sorted(rows, key=lambda row: row["proposed_at"], reverse=True)[:limit]

    def reconciliation(self, plan_id: str, part: Part = ALL) -> Row:
        """Show one as it stands, or a part of it: `counts` say how many there are of each pile, and of invoices.

        Raises InputError for a plan that matches nothing, or has not come to that.
        """
        plan = self.plan(plan_id)
        name = _step_of(plan.graph, AGENT)
        out = self._out(plan, name)
        if not out:
            said = "has not matched anything yet" if name else "matches no payments"
            if name and plan.status not in OPEN_PLAN:
                raise InputError(f"Plan {plan_id} ended without matching anything. {_ended(plan)}", remedy=AGAIN)
            raise InputError(f"Plan {plan_id} {said}.", remedy=f"See where it stands: mainstay show {plan_id}")
        books = BookReader(self._reader, self._payloads.load)
        listed = self._out(plan, _step_of(plan.graph, INVOICES)).get("invoices", ())
        piles = {pile: self._opened(part.of(pile, out.get(pile, ()))) for pile in PILES}
        invoices = self._opened(part.of(OPEN_PILE, listed))
        held = _held({one["number"] for one in invoices}, out)
        shown = [*(one for pile in piles.values() for one in pile), *(one for many in held.values() for _, one in many)]
        by_line: dict[str, list[Row]] = {}
        for one in books.of_lines([line for match in shown for line in match["line_ids"]]):
            if one.plan.partition("-")[0] == plan_id.partition("-")[0]:
                row: Row = {"invoice": one.invoice, "amount": str(one.amount), "kind": one.kind.replace("_", " ")}
                by_line.setdefault(one.line_id, []).append(row)
        late = self._out(plan, _step_of(plan.graph, OVERDUE))
        left, waits = _left(listed, books), any(one.kind == "ask" for one in plan.questions.values())
        return {
            "plan": plan.id,
            "title": plan.title,
            "status": plan.status,
            "begun": self.time(plan.proposed_at_us),
            "summary": self._payloads.load(out.get("summary", {})),
            "owed": say_total(one for one in left.values() if one.minor > 0),
            "waits": waits,
            "counts": {pile: len(out.get(pile, ())) for pile in PILES} | {OPEN_PILE: len(listed)},
            "piles": {pile: [_match(one, by_line) for one in rows] for pile, rows in piles.items()},
            "booked": books.count_of_plan(plan_id),
            "statement": self._period(plan),
            "invoices": [
                _invoice(one)
                | {
                    "matches": (
                        found := [_held_as(*each, by_line, one["number"]) for each in held.get(one["number"], ())]
                    )
                }
                | _stands(one, left[one["number"]], found, waits=waits)
                for one in invoices
            ],
            "late": [_invoice(one) for one in self._opened(late.get("invoices") or late.get("remind") or ())],
        }

    def _out(self, plan: Plan, name: str) -> dict[str, Any]:
        """Give what a step gave; what is personal in it is still sealed: of thousands of rows a page opens a few."""
        slot = plan.slots.get(name)
        value: Value = None if slot is None else self.stored(slot.output)
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    def _opened(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._payloads.load(list(rows)))

    def _period(self, plan: Plan) -> Row:
        out = self._out(plan, _step_of(plan.graph, STATEMENT))
        days = sorted(str(line["booked_on"]) for line in out.get("lines", ()))
        return {"lines": len(days), "first": days[0] if days else "", "last": days[-1] if days else ""}


def _ended(plan: Plan) -> str:
    said = say_plan(plan)
    return f"{said[:1].upper()}{said[1:]}."


def _step_of(graph: Graph, target: str) -> str:
    """Name the step that runs an agent or an operation; empty where none does."""
    return next((name for name, step in graph.steps.items() if step.target.partition("@")[0] == target), "")


def _held(numbers: Container[str], out: dict[str, Any]) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """Give by invoice what it was held against: each match with its pile."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for pile in ("sure", "unsure"):
        for one in out.get(pile, ()):
            for number in one["invoice_numbers"]:
                if number in numbers:
                    found.setdefault(number, []).append((pile, one))
    return found


def _held_as(pile: str, one: dict[str, Any], by_line: dict[str, list[Row]], number: str) -> Row:
    booked = (row["invoice"] for line in one["line_ids"] for row in by_line.get(line, ()))
    return {"match": one["id"], "pile": pile, "booked": number in booked}


def _left(listed: Sequence[dict[str, Any]], books: BookReader) -> dict[str, Money]:
    """Give what is open of each invoice now, whichever run booked it."""
    found = [Invoice(one["number"], "", _amount(one["amount"]), _amount(one["open"]), "", "") for one in listed]
    paid = by_invoice(books.amounts_of([one.number for one in found]))
    return {one.number: max(left_of(one, paid), Money(0, one.open.currency)) for one in found}


def _stands(one: dict[str, Any], left: Money, matches: Sequence[Row], *, waits: bool) -> Row:
    """Say how an invoice stands now, and what of it is open."""
    if left.minor == 0:
        state, says = "paid", "paid"
    elif left < _amount(one["open"]):
        state, says = "part", "paid in part"
    elif waits and matches:
        unsure = any(match["pile"] == "unsure" for match in matches)
        state, says = "asked", "waits for your answer" if unsure else "booked after your answer"
    else:
        state, says = "open", "open"
    return {"state": state, "says": says, "open_now": str(left)}


def _match(one: dict[str, Any], by_line: dict[str, list[Row]]) -> Row:
    booked = [row for line in one["line_ids"] for row in by_line.get(line, ())]
    named = ("id", "kind", "invoice_numbers", "confidence", "why")
    more = {name: one.get(name, "") for name in ("runner_up", "booked_on", "counterparty", "text")}
    return {name: one[name] for name in named} | more | {"amount": _money(one["amount"]), "booked": booked}


def _invoice(one: dict[str, Any]) -> Row:
    named = ("number", "customer", "issued_on", "due_on")
    return {name: one.get(name, "") for name in named} | {"amount": _money(one["amount"]), "open": _money(one["open"])}


def _money(amount: dict[str, Any]) -> str:
    return str(_amount(amount))


def _amount(amount: dict[str, Any]) -> Money:
    return Money(amount["minor"], amount["currency"])
