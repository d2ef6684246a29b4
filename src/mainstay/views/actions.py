"""What was done in the world: what an undo would take back, and what may have happened since a copy was made."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay import events as e
from mainstay.contracts import from_plain
from mainstay.errors import UnknownNameError
from mainstay.kernel.state import ENDED, duty_of, in_flight, step_name
from mainstay.kernel.undo import outcomes, seen_of, undo_order
from mainstay.requests.leaning import adopted_steps, leaning
from mainstay.requests.release import in_doubt, plans_in_doubt
from mainstay.requests.release import shown as shown_doubt
from mainstay.runtime.sealing import FORGOTTEN_UNDO
from mainstay.sentences import say_path
from mainstay.views.backward import as_done
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Container

    from mainstay.kernel.state import Plan
    from mainstay.ports import Catalogue
    from mainstay.values import Value
    from mainstay.views.opening import Row


class _Act(NamedTuple):
    """One outcome that an undo is about; `why` says why it stays, empty for one that is taken back."""

    plan: Plan
    prepared: e.EffectPrepared
    within: str  # whose child plan's it is, as its name begins
    why: str = ""


class Actions(Opened):
    """The actions of plans, each as its card named it."""

    def undo_list(self, plan_id: str, catalogue: Catalogue, *, after: int = 0, most: int | None = None) -> Row:
        """List what an undo would take back, in order, and what it can't; each as its card named it.

        Of each list `most` are named, those `after` so many; `count` says of how many. Of a rerun `taken_over` lists
        what plans before it did, and it took over, of each plan the first `most`: an undo of it leaves that in the
        world. `seen` is what a yes to the list is bound to: it is read first, so that the yes is refused where more
        happened as the list was made.
        """
        plan, shown = self.plan(plan_id), slice(after, None if most is None else after + most)
        seen = seen_of(outcomes(self.plan, plan))
        return self._list_undo(plan, catalogue, None, shown) | {
            "leaning": leaning(self._reader.rows, self.plan, plan, undo_order(plan)[0]),
            "taken_over": self._taken_over(plan, catalogue, slice(most)),
            "seen": seen,
        }

    def _list_undo(self, plan: Plan, catalogue: Catalogue, steps: Container[str] | None, shown: slice) -> Row:
        """List what an undo of one plan would take back, and what not: those that are shown, and of how many."""
        possible, impossible = self._outcomes(plan, steps)
        return {
            "plan": plan.id,
            "title": plan.title,
            "possible": [self._act(one, catalogue) | {"by": self._by(one, catalogue)} for one in possible[shown]],
            "impossible": [self._act(one, catalogue) | {"why": one.why} for one in impossible[shown]],
            "count": {"possible": len(possible), "impossible": len(impossible)},
        }

    def _outcomes(
        self, plan: Plan, steps: Container[str] | None = None, within: str = ""
    ) -> tuple[list[_Act], list[_Act]]:
        """Give what an undo of a plan takes back, in order, and what stays; that of its child plans in its place."""
        prepared = {one.fact.path: one.fact for one in self.recorded(plan.id) if isinstance(one.fact, e.EffectPrepared)}
        back: list[_Act] = []
        stays: list[_Act] = []
        possible, impossible = undo_order(plan, steps)
        left = [(path, why) for path, why in impossible if path in prepared]
        for path in possible:
            named = say_path(path) + ": " if duty_of(plan, path) == "child" else ""
            for child in reversed(plan.slots[path].children):
                below = self._outcomes(self.plan(child), None, within + named)
                back.extend(below[0])
                stays.extend(below[1])
            if path in prepared:
                undo = plan.slots[path].undo
                if undo is not None and self._payloads.lost(undo.arguments):
                    left.append((path, FORGOTTEN_UNDO))
                else:
                    back.append(_Act(plan, prepared[path], within))
        stays += [_Act(plan, prepared[path], within, why) for path, why in left]
        return back, stays

    def _act(self, one: _Act, catalogue: Catalogue) -> Row:
        row = self._action(one.prepared.path, one.prepared, catalogue, one.plan)
        return row | {"action": one.within + row["action"]}

    def _by(self, one: _Act, catalogue: Catalogue) -> str:
        undo = one.plan.slots[one.prepared.path].undo
        return "" if undo is None else self._headline(undo.operation, undo.arguments, catalogue)

    def _taken_over(self, plan: Plan, catalogue: Catalogue, shown: slice) -> list[Row]:
        """List, plan by plan, what stands of what a rerun took over: the plan before it first."""
        rows: list[Row] = []
        names = adopted_steps(plan)
        while names:
            plan = self.plan(plan.fork_of)
            listed = self._list_undo(plan, catalogue, names, shown)
            if any(listed["count"].values()):
                rows.append(listed)
            names &= adopted_steps(plan)
        return rows

    def is_over(self, plan_id: str) -> bool:
        """Whether a plan ended, its child plans too, and nothing of it is on its way any more."""
        plan = self.plan(plan_id)
        below = (child for slot in plan.slots.values() for child in slot.children)
        return plan.status in (*ENDED, "undone") and not in_flight(plan) and all(map(self.is_over, below))

    def headed(self, leaving: list[Row], catalogue: Catalogue) -> list[Row]:
        """Give what is about to leave (`leaving` lists it) with the `headline` of each card: what, to whom."""
        found: list[Row] = []
        for row in leaving:
            facts = (one.fact for one in reversed(self.recorded(row["plan"])))
            path, kind = row["path"], e.EffectPrepared
            last = next((fact for fact in facts if isinstance(fact, kind) and fact.path == path), None)
            headline = row["action"] if last is None else self._headline(last.operation, last.arguments, catalogue)
            found.append(row | {"headline": headline})
        return found

    def in_doubt(self, catalogue: Catalogue) -> list[Row]:
        """List, plan by plan, what may have happened since a copied history ends."""
        found: list[Row] = []
        for plan in map(self.plan, plans_in_doubt(self._reader.rows)):
            held = list(in_doubt(plan, catalogue, time.time_ns() // 1000))
            if held:
                prepared = {
                    one.fact.path: one.fact for one in self.recorded(plan.id) if isinstance(one.fact, e.EffectPrepared)
                }
                row = shown_doubt(held, plan.title)
                for action, one in zip(row["actions"], (one for one in held if one.doubt != "later"), strict=True):
                    named = self._action(one.path, prepared[one.path], catalogue, plan)["headline"]
                    action["headline"] = f"undo: {named}" if one.path.startswith("~") else named
                found.append(row)
        return found

    def _action(self, path: str, prepared: e.EffectPrepared, catalogue: Catalogue, plan: Plan) -> Row:
        """Name one action by the headline of its card, as its outcome says that it happened."""
        slot = plan.slots.get(path)
        output = None if slot is None else self._payloads.load(slot.output)
        arguments = as_done(self._payloads.load(prepared.arguments), output)
        headline = self._headline(prepared.operation, arguments, catalogue)
        return {"action": say_path(path), "step": step_name(path), "headline": headline}

    def _headline(self, name: str, arguments: Value, catalogue: Catalogue) -> str:
        with suppress(UnknownNameError, msgspec.ValidationError):
            operation = catalogue.operation(name)
            typed = from_plain(self._payloads.load(arguments), operation.input)
            return operation.card(typed).headline if operation.card is not None else operation.summary
        return name
