"""What the runtime is made with. `app.py` fills it; the simulation fills it with its own clock, disk and workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mainstay.commands import PATIENT, Patience
from mainstay.kernel.graph import Definition, Template
from mainstay.ports import Catalogue, Clock, Ledger, Models, OutsideRows, PlaceRows, Policy, Workers
from mainstay.runtime.payloads import Payloads
from mainstay.values import Failure, Value, Verdict

if TYPE_CHECKING:
    from mainstay.contracts import Call, Found, Operation
    from mainstay.events import Append


class Expressions(Protocol):
    """Evaluates the templates of one definition."""

    def value(self, template: Template, names: Callable[[str], Value]) -> Value:
        """Give a plain value; raises ExpressionError. `names` gives the value of a free name, on demand."""
        ...


class Guarded(Protocol):
    """Calls operations under their limits; see connectors/guard.py."""

    async def call(self, operation: Operation, call: Call, arguments: Value, *, account: str = "") -> Value:
        """Give the plain output, or raise an OperationError that says whether it happened."""
        ...

    async def look_up(self, operation: Operation, call: Call, arguments: Value, *, account: str = "") -> Found:
        """Ask what became of an effect; its output comes as plain values."""
        ...

    async def read_back(
        self, operation: Operation, call: Call, arguments: Value, output: Value, *, account: str = ""
    ) -> Found:
        """Look whether an effect that happened is as it should be."""
        ...

    async def state_of(self, operation: Operation, call: Call, arguments: Value, *, account: str = "") -> Value:
        """Read what an effect relies on, as it is now."""
        ...


class Caps(Protocol):
    """What may be spent; see governance/budgets.py."""

    def reserve(self, operation: Operation, holder: str, now_us: int, cause: str) -> Append | Verdict | None:
        """Hold a part of a cap: facts to append beside the intent, a refusal, or None where there is no cap."""
        ...

    def reserve_undo(
        self, undone: str, holder: str, now_us: int, cause: str, *, beyond: bool
    ) -> Append | Verdict | None:
        """Hold a part of the reserve for taking back; `beyond` it by the operator's leave."""
        ...

    def may_undo(self, undone: str, now_us: int) -> Verdict | None:
        """Give the question where the reserve for taking this operation back is used up; None while it is not."""
        ...

    def settle(
        self, operation: str, holder: str, now_us: int, cause: str, *, happened: bool, undo: bool = False
    ) -> Append | None:
        """Settle what an effect holds, or with `undo` what taking one back does: facts to append beside its outcome."""
        ...

    def withdraw(self, held: Append) -> None:
        """Take back a reservation whose append was never queued."""
        ...

    def forget(self) -> None:
        """Fold everything again, because an append failed."""
        ...


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the engine needs from outside."""

    ledger: Ledger
    payloads: Payloads
    clock: Clock
    random: Callable[[], float]  # in [0, 1)
    token_key: bytes
    catalogue: Catalogue
    policy: Policy
    budgets: Caps
    places: PlaceRows
    outside: OutsideRows
    new_id: Callable[[], str]  # of a plan
    workers: Workers
    guard: Guarded
    classify: Callable[[BaseException], Failure]  # what an error means for retries, and to the operator
    expressions: Callable[[Definition], Expressions]
    company: dict[str, Any] = {}
    timezone: str = "UTC"
    limits: Mapping[str, int] = {}  # so many at once, by operation or agent
    models: Models | None = None  # none is configured
    patience: Patience = PATIENT  # of the questions that policy asks
    delays: Mapping[str, int] = {}  # seconds that an operation's effects wait before they leave, by its name
