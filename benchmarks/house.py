"""A real workspace to measure: encrypted history, the owner with all its parts, and three trivial things to call."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from subject import STEPS, folder
from worker_code import Outcome, Trivial, made

from mainstay.app import Owner, contracts_of, create_workspace
from mainstay.contracts import AgentContract, AgentResult, Operation
from mainstay.kernel.graph import Ask, Definition, Literally, Need, Record, Step, Text
from mainstay.runtime.catalogue import Contracts
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    import asyncio

    from mainstay.contracts import Call
    from mainstay.ports import OwnRecords

HERE = Path(__file__).parent


async def act(call: Call, given: Trivial) -> Outcome:
    """An action that changes nothing: its intent is on disk before, its outcome after."""
    del call
    return made(given)


OWN = AgentContract(
    name="own",
    summary="Answer",
    input=Trivial,
    output=Outcome,
    where="loop",
    call=lambda given: AgentResult(made(given)),
)
FOREIGN = AgentContract(name="foreign", summary="Answer", input=Trivial, output=Outcome, entry="worker_code:work")
ACT = Operation(
    name="bench.act", summary="Act", input=Trivial, output=Outcome, effect="reversible", settle="resend", call=act,
    cannot_undo="It changed nothing.",
)  # fmt: skip


def owner() -> Owner:
    """Own the workspace in this program's folder; it is made when it is not there."""
    root = folder() / "workspace"
    known = Workspace(root) if root.exists() else create_workspace(root, name="Bench", sender="Bench <b@bench.example>")

    def contracts(of: Workspace, records: OwnRecords) -> Contracts:
        shipped = contracts_of(of, records)
        return Contracts([*shipped.operations.values(), ACT], [*shipped.agents.values(), OWN, FOREIGN])

    return Owner(known, "bench", contracts=contracts, code=[str(HERE)])


async def opened(of: Owner) -> Owner:
    """Open an owner that ends this program, and says why, when it has to give up."""

    def give_up(failed: asyncio.Future[BaseException]) -> None:
        traceback.print_exception(failed.result())
        os._exit(1)

    await of.__aenter__()
    assert of.engine.failed is not None
    of.engine.failed.add_done_callback(give_up)
    return of


def plain(number: int, after: tuple[Need, ...] = ()) -> Step:
    return Step(name=f"s{number}", kind="agent", target="own", needs=after, arguments=given(number))


def effect(number: int, after: tuple[Need, ...] = ()) -> Step:
    name = f"s{number}"
    return Step(name=name, kind="do", target=ACT.name, effect="reversible", needs=after, arguments=given(number))


def worker(number: int, after: tuple[Need, ...] = ()) -> Step:
    name = f"s{number}"
    return Step(name=name, kind="agent", target="foreign", where="worker", needs=after, arguments=given(number))


def given(number: int) -> Record:
    return Record({"step": Literally(number)})


KINDS = {"plain": (plain,), "effect": (effect,), "worker": (worker,), "mixed": (plain, effect)}


def line(kind: str, steps: int = STEPS) -> Definition:
    """Give a playbook whose steps each need the one before."""
    make = KINDS[kind]
    needs = [(Need(f"s{number - 1}"),) if number else () for number in range(steps)]
    made = tuple(make[number % len(make)](number, needs[number]) for number in range(steps))
    return Definition(name=f"bench-{kind}", title=f"{steps} steps: {kind}", steps=made)


def question() -> Definition:
    """Give a playbook that asks, and does one plain step after a yes."""
    asks = Step(name="ask", kind="ask", ask=Ask(text=Text((Literally("Go on?"),))))
    return Definition(name="bench-question", title="A question", steps=(asks, plain(0, (Need("ask"),))))
