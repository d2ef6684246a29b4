"""Recording what became of an effect: that it happened, with how to take it back, and what it spent (KERNEL E5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mainstay import commands as c
from mainstay.contracts import from_plain
from mainstay.errors import CommitFailedError
from mainstay.events import Undo
from mainstay.runtime.attempt import check_of, no_way_back
from mainstay.runtime.names import Names
from mainstay.runtime.spending import Purse, by_unit, spent_really
from mainstay.values import SECOND_US, merge_labels

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from mainstay.contracts import Operation
    from mainstay.events import Append
    from mainstay.kernel.state import Plan, Slot
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts
    from mainstay.values import Value


class Outcomes:
    """Records outcomes of effects, beside what they spent."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Take the parts and the engine's desk."""
        self._parts = parts
        self._desk = desk
        self.purse = Purse(parts, desk)

    def finish(
        self, plan: Plan, path: str, slot: Slot, operation: Operation, arguments: Value, output: Value, settled: str
    ) -> asyncio.Future[int]:
        """Record that it happened, with how to take it back."""
        labels = merge_labels(slot.labels, (operation.name,))
        undo, cannot = self._way_back(plan, path, operation, arguments, output)
        now_us = self._desk.now_us()
        confirmed = not path.startswith("~") and (operation.binds or check_of(plan, path) is not None)
        cost = spent_really(operation, arguments, output)
        command = c.FinishEffect(
            now_us=now_us,
            path=path,
            output=self._parts.payloads.keep(output, operation.output, plan=plan),
            labels=labels,
            undo=undo,
            cannot_undo=cannot,
            cost_usd_micros=operation.cost_usd_micros if cost is None else cost.usd_micros,
            settled=settled,
            confirm_by_us=now_us + int(operation.confirm_within_s * SECOND_US) if confirmed else None,
        )
        self._desk.release(plan.id, path)
        actor = f"connector:{operation.name}@{operation.version}"
        spent = by_unit(operation, arguments, cost)
        beside = self.purse.settle(plan, path, slot, happened=True, spent=spent)
        return self._desk.submit(plan.id, command, actor=actor, cause=f"plan:{plan.id}@{slot.since}", beside=beside)

    def settled(self, plan: Plan, path: str, slot: Slot, *, happened: bool) -> Sequence[Append]:
        """Give the facts that settle what an effect held of budgets."""
        return self.purse.settle(plan, path, slot, happened=happened)

    def settled_beside(self, plan: Plan, command: c.FinishEffect | c.RefuseEffect | c.LoseEffect) -> Sequence[Append]:
        """Give the facts that go beside an outcome that is recorded anew."""
        if isinstance(command, c.LoseEffect):
            return ()
        happened = isinstance(command, c.FinishEffect)
        return self.settled(plan, command.path, plan.slots[command.path], happened=happened)

    def settle_by_ruling(self, plan: Plan, decision: str, choice: str) -> Sequence[Append]:
        """Give the facts that go beside the operator's word on whether an uncertain effect happened."""
        question = plan.questions.get(decision)
        if question is None or question.kind != "settle":
            return ()
        path = question.paths[0]
        return self.settled(plan, path, plan.slots[path], happened=choice == "happened")

    def _way_back(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, output: Value
    ) -> tuple[Undo | None, str]:
        """Give how to take an outcome back, or why that can't be done. What happened is recorded in any case."""
        if path.startswith("~"):
            return None, ""
        try:
            undo = self._undo(plan, path, operation, arguments, output)
        except CommitFailedError:  # of the disk, not of the undo: it is settled once the history is read again
            raise
        except Exception as error:  # noqa: BLE001 - it happened: an undo that can't be worked out must not hide that
            return None, f"its undo can't be worked out: {self._parts.classify(error).message}"
        return undo, "" if undo is not None else no_way_back(operation, plan, path)

    def _undo(self, plan: Plan, path: str, operation: Operation, arguments: Value, output: Value) -> Undo | None:
        own = None if (step := plan.own_step(path)) is None else step.undo
        if own is not None:
            names = Names(self._parts, plan, path, {"this": output})
            return self._kept_undo(plan, own.operation, names.value(own.arguments))
        if operation.compensate is None:
            return None
        way = operation.compensate(from_plain(arguments, operation.input), from_plain(output, operation.output))
        if way is None:
            return None
        return self._kept_undo(plan, way.operation, cast("Value", way.arguments), way.expects)

    def _kept_undo(self, plan: Plan, name: str, arguments: Value, expects: Value = None) -> Undo:
        kind, payloads = self._parts.catalogue.operation(name).input, self._parts.payloads
        kept = payloads.keep(expects, plan=plan, about=(arguments, kind))
        return Undo(name, payloads.keep(arguments, kind, plan=plan), expects=kept)
