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
    from collections.abc import Iterable, Sequence

    from mainstay.contracts import Call, Found, Operation
    from mainstay.events import Append, BudgetWarned
    from mainstay.kernel.budget import Period, Spending


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


class Reserved(Protocol):
    """What became of a reservation."""

    @property
    def verdict(self) -> Verdict | None:
        """Why nothing is held; None where it is, or nothing is counted."""
        ...

    @property
    def appends(self) -> tuple[Append, ...]:
        """Facts to append beside the intent."""
        ...

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways on, where a cap stopped it."""
        ...

    @property
    def warnings(self) -> tuple[tuple[str, str], ...]:
        """What the operator is told once it is on disk: what it says, and its fact's id."""
        ...


class Caps(Protocol):
    """What may be spent; see governance/budgets.py."""

    @property
    def any(self) -> bool:
        """Whether anything is counted at all."""
        ...

    def say_warned(self, stream: str, fact: BudgetWarned) -> str:
        """Say again what a recorded warning said; nothing where its cap is no more."""
        ...

    def look(self, spending: Spending, now_us: int) -> Verdict | None:
        """Give the question that a spending leads to, or None."""
        ...

    def reserve(self, spending: Spending, now_us: int, cause: str, *, ruled: bool = False) -> Reserved:
        """Hold a part of every cap that counts this, or say why not; `ruled` by the operator's yes."""
        ...

    def settle(
        self, holder: str, now_us: int, cause: str, *, happened: bool, spent: Mapping[str, int] | None = None
    ) -> tuple[Append, ...]:
        """Settle what is held, with what was spent really: facts to append beside the outcome."""
        ...

    def leave_out(self, holder: str) -> None:
        """Know that a holder holds nothing."""
        ...

    def withdraw(self, appends: Sequence[Append]) -> None:
        """Take back what was given to be appended just before, and was refused."""
        ...

    def cheaper(self, spending: Spending, now_us: int) -> str:
        """Name what is done in its place once most is spent; empty for as it is."""
        ...

    def later_us(self, spending: Spending, now_us: int) -> int:
        """Give when it may leave, where what is left is kept for certain hours; 0: now."""
        ...

    def resumes_us(self, spending: Spending, now_us: int) -> int | None:
        """Give when what is used up begins anew; None where it never does."""
        ...

    def fitting(self, spendings: Iterable[Spending], now_us: int) -> list[Spending]:
        """Give those that fit in together."""
        ...

    def lets(self, spendings: Iterable[Spending], now_us: int) -> list[str]:
        """Say how much is not let through of what somebody is about to approve together."""
        ...

    def raise_for(self, spending: Spending, now_us: int, decision: str) -> tuple[Append, ...]:
        """Raise the caps that this does not fit in, in their present periods: facts to append beside the answer."""
        ...

    def raise_by(
        self, name: str, period: Period, plan: str, amounts: dict[str, int], now_us: int, *, seen: str | None = None
    ) -> Append:
        """Raise one cap in its present period, or in that of a plan: a fact to append. Raises UnknownNameError."""
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
    hours: Mapping[str, Callable[[int], int]] = {}  # by operation: when its effects may leave, from a moment on
