"""Reading back what happened, before anything goes on: what moves money or binds legally (KERNEL E4).

An action whose step has a `check` is held against that here too: it happened, so it is not tried again if its result
is not as it should be.

Seen as it should be: done. Not seen yet: asked again, ever more rarely, until the time its operation declares. Seen
otherwise, or never seen: the operator is asked, with what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mainstay import commands as c
from mainstay.contracts import Found, from_plain, to_plain
from mainstay.errors import OperationError
from mainstay.runtime.attempt import Attempt, card_of, check_of
from mainstay.runtime.names import Names
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts
    from mainstay.values import Failure, Value

AGAIN_S = (1.0, 5.0, 20.0, 60.0, 300.0, 1800.0)  # waits before it is read back again; the last one for all others
_WHY = "It happened, and what was found is not what was meant."
_WHY_LATE = "It happened, and could not be seen where it is read back in the time it should take."
_NO_WAY = "its operation says of no place where it can be read back"


class Confirming:
    """Reads effects back."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Take the parts and the engine's desk."""
        self._parts = parts
        self._desk = desk

    def confirm(self, plan: Plan, path: str) -> None:
        """Read one effect back."""
        self._desk.spawn(plan, path, self._confirm(plan, path))

    def ask(self, plan: Plan, path: str, found: str, why: str = _WHY) -> None:
        """Ask the operator, with what was read."""
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        arguments = self._parts.payloads.load(slot.arguments)
        meant = cast("dict[str, Value]", to_plain(card_of(operation, from_plain(arguments, operation.input))))
        card = meant | {"headline": f"Is this as it should be? {meant['headline']}", "found": found}
        if operation.look_at:
            card["look at"] = operation.look_at
        self._ask(plan, path, self._parts.payloads.keep(card, plan=plan, about=(arguments, operation.input)), why)

    def ask_blindly(self, plan: Plan, path: str, failure: Failure) -> None:
        """Ask the operator where reading it back broke, or nobody knows its operation any more."""
        card: Value = {"headline": f"Is this as it should be? {plan.slots[path].operation}", "found": failure.message}
        self._ask(plan, path, self._parts.payloads.keep(card, plan=plan), _WHY_LATE)

    def _ask(self, plan: Plan, path: str, kept: Value, why: str) -> None:
        self._desk.report(plan, path, c.AskConfirm(now_us=self._desk.now_us(), path=path, card=kept, why=why))

    async def _confirm(self, plan: Plan, path: str) -> None:
        slot = plan.slots[path]
        operation = self._parts.catalogue.operation(slot.operation)
        check = check_of(plan, path)
        if check is not None:
            names = Names(self._parts, plan, path, {"out": self._parts.payloads.load(slot.output)})
            if names.value(check) is not True:
                self.ask(plan, path, f"its result does not pass its check: {check.source}")
                return
        if not operation.binds:
            now_us = self._desk.now_us()
            self._desk.report(plan, path, c.ConfirmEffect(now_us=now_us, path=path, how="its result passed its check"))
            return
        if operation.confirm is None:
            self.ask(plan, path, _NO_WAY, _WHY_LATE)
            return
        found, tells = await self._found(plan, path, operation)
        await self._desk.whole()
        now_us = self._desk.now_us()
        if found.state == "happened":
            how = found.known or "it was read back"
            self._desk.report(plan, path, c.ConfirmEffect(now_us=now_us, path=path, how=how))
        elif found.state == "did_not_happen" or not tells:
            self.ask(plan, path, found.known or "it is not there")
        elif now_us >= slot.confirm_by_us:
            self.ask(plan, path, found.known or "it can't be seen", _WHY_LATE)
        else:
            wait_us = int(AGAIN_S[min(slot.looks, len(AGAIN_S) - 1)] * SECOND_US)
            again_us = max(now_us + 1, min(now_us + wait_us, slot.confirm_by_us))
            later = c.MissEffect(now_us=now_us, path=path, again_at_us=again_us, known=found.known)
            self._desk.report(plan, path, later)

    async def _found(self, plan: Plan, path: str, operation: Operation) -> tuple[Found, bool]:
        """Give what was read, and whether asking again may tell more where it was not seen."""
        slot = plan.slots[path]
        load = self._parts.payloads.whole
        attempt = Attempt(self._parts, plan.id, slot.token, self._desk.now_us())
        arguments, output = load(slot.arguments), load(slot.output)
        try:
            account = slot.account
            return await self._parts.guard.read_back(operation, attempt, arguments, output, account=account), True
        except OperationError as error:
            failure = self._parts.classify(error)
            return Found("unknown", known=failure.message), failure.error_class in ("transient", "rate_limited")
