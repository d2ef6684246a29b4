"""A workspace whose agents call operations, for tests of the journal. Everything in it is real."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import calling_code
import kit
from kit import Said, Word, operations

from mainstay import events as e
from mainstay.agent import MARK
from mainstay.app import Owner, contracts_of
from mainstay.contracts import AgentContract, Operation
from mainstay.errors import Transient
from mainstay.kernel.graph import Literally, Record, Step
from mainstay.origins import ALL, Gives
from mainstay.runtime.catalogue import Contracts

if TYPE_CHECKING:
    from mainstay.contracts import Call


class Looked:
    """What was read, in order, over all lives of the owner."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def operations(self) -> tuple[Operation, ...]:
        async def look(call: Call, given: Word) -> Said:
            self.words.append(given.word)
            serial = len(self.words)
            await asyncio.sleep(0.001 * given.number)
            return Said(given.word, str(serial))

        async def fickle(call: Call, given: Word) -> Said:
            self.words.append(given.word)
            if self.words.count(given.word) < 3:
                raise Transient("not now")
            return Said(given.word, str(len(self.words)))

        def reads(name: str, call: object) -> Operation:
            gives = Gives(trusted=ALL)
            return Operation(name=name, summary="Look", effect="read", input=Word, output=Said, call=call, gives=gives)

        return reads("test.look", look), reads("test.fickle", fickle)


def agents() -> list[AgentContract]:
    found = [getattr(each, MARK) for each in vars(calling_code).values() if hasattr(each, MARK)]
    return [
        AgentContract(
            name=one.name, summary=one.summary, input=Word, output=Said, entry=f"calling_code:{one.name}",
            operations=one.operations, talks=one.talks, timeout_s=one.timeout_s, memory_mb=300,
        )
        for one in found
    ]  # fmt: skip


def owner_of(workspace, world, looked, *more, policy=None):
    def contracts(of, records):
        known = contracts_of(of, records)
        named = {each.name: each for each in (*operations(world), *looked.operations(), *more)}
        return Contracts(
            [*known.operations.values(), *named.values()], [*known.agents.values(), *kit.AGENTS, *agents()]
        )

    return Owner(workspace, "test", policy, contracts=contracts, code=[str(Path(__file__).parent)])


def play(workspace, world, scenario, *more, looked=None, policy=None, seconds=40):
    """Play `await scenario(owner)` and give its result."""

    async def inside():
        async with owner_of(workspace, world, looked or Looked(), *more, policy=policy) as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), seconds))


def step(target: str, word: str = "hi", number: int = 0, name: str = "draft", **more) -> Step:
    arguments = Record({"word": Literally(word), "number": Literally(number)})
    return Step(name=name, kind="agent", target=target, where="worker", arguments=arguments, **more)


def journal(owner: Owner, plan_id: str, path: str = "draft", number: int = 0) -> list[e.Journaled]:
    """Give the entries of a step's journal."""
    stream = f"journal:{plan_id}/{path}" + (f"#{number}" if number else "")
    return [event.fact for event in owner.ledger.read(stream) if isinstance(event.fact, e.Journaled)]


def value(owner: Owner, plan_id: str, path: str = "draft"):
    return owner.payloads.load(owner.engine.load(plan_id).slots[path].output)
