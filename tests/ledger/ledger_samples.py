"""Facts to put into ledgers, and the calls that put them there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.ledger.books import books
from mainstay.ledger.known import known
from mainstay.ledger.views import VIEWS
from mainstay.values import BlobRef, Failure

if TYPE_CHECKING:
    from mainstay.ledger.sqlite import SqliteLedger
    from mainstay.values import Value

KEY = bytes(range(32))
PROJECTIONS = (VIEWS, books(lambda value: value), known(lambda value: value))
NOW_US = 1_795_000_000_000_000
DEFINITION = BlobRef("ab" * 32, 10)
FAILURE = Failure("permanent", "It can't work.", remedy="Mend it.")


def completed(path: str = "book", output: Value = None) -> e.StepCompleted:
    return e.StepCompleted(path, {"note": "x" * 64, "ok": True} if output is None else output)


def proposed(title: str = "A plan", **more: object) -> e.PlanProposed:
    return e.PlanProposed(DEFINITION, "reconcile", title, {}, **more)  # type: ignore[arg-type]


def appended(stream: str, expected: int, *facts: e.AnyFact, at_us: int = NOW_US, plan: str = "") -> e.Append:
    drafts = tuple(e.Draft(fact, at_us, "test", plan=plan or stream.removeprefix("plan:")) for fact in facts)
    return e.Append(stream, expected, drafts)


def append(ledger: SqliteLedger, *appends: e.Append) -> int:
    """Append and wait until it is on disk."""

    async def wait() -> int:
        return await ledger.append(appends)

    return asyncio.run(wait())


def append_all(ledger: SqliteLedger, *requests: e.Append) -> list[int | BaseException]:
    """Queue requests at once, so that they share a commit, and give what became of each."""

    async def wait() -> list[int | BaseException]:
        return await asyncio.gather(*(ledger.append([request]) for request in requests), return_exceptions=True)

    return asyncio.run(wait())
