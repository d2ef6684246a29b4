"""A workspace with small operations and agents of its own, for tests of the runtime. Everything in it is real."""

from __future__ import annotations

import asyncio
import contextlib
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.app import Owner, contracts_of, create_workspace
from mainstay.commands import UndoPlan
from mainstay.contracts import AgentContract, AgentResult, Card, Compensation, Found, Operation
from mainstay.errors import NotSent, Permanent, Transient, Uncertain
from mainstay.events import BudgetReserved, BudgetSettled
from mainstay.kernel.graph import Cel, Definition, Field, Literally, Need, Record, Step
from mainstay.origins import ALL, Gives
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.clock import SystemClock
from mainstay.runtime.stage import stream_of
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.contracts import Call
    from mainstay.ports import Clock, OwnRecords, Policy
    from mainstay.workspace import Workspace


class Word(msgspec.Struct, frozen=True):
    word: str = ""
    number: int = 0


class Said(msgspec.Struct, frozen=True):
    word: str
    token: str = ""


class World:
    """What effects changed: a folder with one file per token, its content the calls that arrived."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    def calls(self) -> dict[str, list[str]]:
        return {path.name: path.read_text().splitlines() for path in sorted(self.folder.iterdir())}

    def words(self) -> list[str]:
        return sorted(word for words in self.calls().values() for word in words)

    def happen(self, token: str, word: str) -> None:
        with (self.folder / token).open("a") as file:
            file.write(word + "\n")
            file.flush()
            os.fsync(file.fileno())


def operations(world: World) -> tuple[Operation, ...]:
    async def say(call: Call, given: Word) -> Said:
        world.happen(call.token, given.word)
        if given.word.startswith("die"):
            os.kill(os.getpid(), 9)
        if given.word.startswith("lost"):
            raise Uncertain("the answer was lost")
        return Said(given.word, call.token)

    async def refuse(call: Call, given: Word) -> Said:
        del call
        raise {"transient": Transient, "permanent": Permanent, "unsent": NotSent}[given.word]("no")

    async def look(call: Call, given: Word) -> Found:
        if (world.folder / call.token).exists():
            return Found("happened", Said(given.word, call.token), "its file is there")
        return Found("did_not_happen", known="its file is not there")

    async def unsay(call: Call, given: Said) -> Said:
        (world.folder / given.token).unlink(missing_ok=True)
        return given

    async def slow(call: Call, given: Word) -> Said:
        await asyncio.sleep(given.number)
        return Said(given.word)

    def back(given: Word, said: Said) -> Compensation:
        return Compensation("test.unsay", {"word": said.word, "token": said.token})

    def card(given: Word) -> Card:
        return Card(f"Say {given.word}")

    # its own world: nothing in it is a stranger's (tests/governance says what becomes of what is)
    common = {"input": Word, "output": Said, "card": card, "gives": Gives(trusted=ALL)}
    return (
        Operation(
            name="test.say", summary="Say", effect="reversible", settle="lookup", call=say, lookup=look,
            compensation="test.unsay", compensate=back, lookup_authoritative=True, **common,
        ),
        Operation(name="test.shout", summary="Shout", effect="irreversible", settle="lookup", call=say, lookup=look,
                  lookup_authoritative=True, cannot_undo="It was heard.", **common),
        Operation(name="test.whisper", summary="Whisper", effect="reversible", settle="ask", call=say,
                  cannot_undo="It was heard.", **common),
        Operation(name="test.refuse", summary="Refuse", effect="reversible", call=refuse, **common),
        Operation(name="test.slow", summary="Read slowly", effect="read", call=slow, timeout_s=0.2, **common),
        Operation(name="test.unsay", summary="Unsay", effect="reversible", settle="resend", call=unsay,
                  input=Said, output=Said, gives=Gives(trusted=ALL)),
    )  # fmt: skip


def echo(given: Word) -> AgentResult:
    return AgentResult(Said(given.word), rationale="It was said.", confidence=1.0)


def broken(given: Word) -> AgentResult:
    raise KeyError(given.word)


def flaky(given: Word) -> AgentResult:
    raise Transient(given.word)


AGENTS = (
    AgentContract(name="flaky", summary="Fail", input=Word, output=Said, where="loop", call=flaky),
    AgentContract(name="broken", summary="Break", input=Word, output=Said, where="loop", call=broken),
    AgentContract(name="echo", summary="Echo", input=Word, output=Said, where="loop", call=echo),
    *(
        AgentContract(
            name=name, summary=name, input=Word, output=Said, entry=f"worker_code:{name}", timeout_s=1.0, memory_mb=300
        )
        for name in ("work", "nap", "hang", "vanish", "devour", "raise_it", "nonsense")
    ),
)


class MovedClock(SystemClock):
    """The machine's clock, but a test says when time has passed; whoever slept that long wakes."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self._ahead_s, self._moved = ahead_s, asyncio.Event()

    def move(self, seconds: float) -> None:
        self._ahead_s += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def now_us(self) -> int:
        return super().now_us() + round(self._ahead_s * SECOND_US)

    def boot_s(self) -> float:
        return super().boot_s() + self._ahead_s

    async def sleep(self, seconds: float) -> None:
        end = self.boot_s() + seconds
        while (left := end - self.boot_s()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left)


def noon() -> Callable[[], MovedClock]:
    """Give what makes clocks that stand at the next noon now: what belongs to one day does not go over midnight."""
    now = datetime.now(UTC)
    then = (now + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    return partial(MovedClock, (then - now).total_seconds())


def owner_of(
    workspace: Workspace,
    world: World,
    *more: Operation,
    policy: Policy | None = None,
    clock: Clock | None = None,
) -> Owner:
    """Own a workspace with the operations of here; one of `more` stands in the place of its namesake."""

    def contracts(of: Workspace, records: OwnRecords) -> Contracts:
        known = contracts_of(of, records)
        named = {each.name: each for each in (*known.operations.values(), *operations(world), *more)}
        return Contracts(list(named.values()), [*known.agents.values(), *AGENTS])

    return Owner(workspace, "test", policy, contracts=contracts, code=[str(Path(__file__).parent)], clock=clock)


def run(workspace, world, scenario, *more, policy=None, seconds=20, clock=None):
    """Play a scenario, `await scenario(owner)`, and give its result."""

    async def inside():
        async with owner_of(workspace, world, *more, policy=policy, clock=clock) as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), seconds))


async def start(owner: Owner, definition: Definition, **inputs):
    plan_id, committed = owner.requests.propose(definition, inputs)
    await committed
    return plan_id, await owner.requests.follow(plan_id, lambda _: None)


async def rule(owner: Owner, decision: str, choice: str, **more):
    await owner.requests.rule(decision, {"choice": choice, **more})
    return await owner.requests.follow(decision.rpartition(".")[0], lambda _: None)


async def undo(owner: Owner, plan_id: str):
    await owner.engine.submit(plan_id, UndoPlan(now_us=owner.clock.now_us(), by="operator"), actor="operator")
    return await owner.requests.follow(plan_id, lambda _: None)


def facts(owner: Owner, plan_id: str, *kinds: type):
    """Give a plan's facts, of these kinds or all."""
    recorded = [event.fact for event in owner.ledger.read(stream_of(plan_id))]
    return [fact for fact in recorded if not kinds or isinstance(fact, kinds)]


def budget_of(owner: Owner, operation: str) -> list[tuple[str, int]]:
    """Give what became of the holds of an operation's cap, in order: kind and count."""
    held = [event.fact for event in owner.ledger.tail() if event.stream.startswith(f"budget:{operation}:")]
    return [(type(fact).__name__, fact.count) for fact in held if isinstance(fact, (BudgetReserved, BudgetSettled))]


def capped(workspace: Workspace, **per_day: int) -> Workspace:
    """Give the workspace with caps: `say=5` for test.say."""
    path = workspace.root / "mainstay.toml"
    caps = "".join(f'"test.{name}" = {{per_day = {count}}}\n' for name, count in per_day.items())
    path.write_text(path.read_text() + f"\n[budgets]\n{caps}")
    return type(workspace)(workspace.root)


def do(name: str, operation: str, word: str, **more: object) -> Step:
    effect = {"test.shout": "irreversible", "test.slow": "read"}.get(operation, "reversible")
    arguments = Record({"word": Literally(word), "number": Literally(int(more.pop("number", 0)))})
    return Step(name=name, kind="do", target=operation, effect=effect, arguments=arguments, **more)


def agent(name: str, target: str, word: str = "hi", **more: object) -> Step:
    where = "loop" if target in ("echo", "broken", "flaky") else "worker"
    arguments = Record({"word": Literally(word)})
    return Step(name=name, kind="agent", target=target, where=where, arguments=arguments, **more)


def after(*names: str) -> tuple[Need, ...]:
    return tuple(Need(name) for name in names)


def plan(*steps: Step, **more: object) -> Definition:
    return Definition(name="test", title="A test", steps=steps, types=TYPES, records=RECORDS, **more)


def each(step: Step, listed: str = "inputs.words") -> Step:
    """Let a step go over a list of texts."""
    arguments = Record({"word": Cel("item", names=("item",), paths=("item",), scope=(("item", "text"),))})
    return msgspec.structs.replace(step, each=Cel(listed, names=("inputs",), paths=(listed,)), arguments=arguments)


TYPES = {"inputs": "record(inputs)"}
RECORDS = {"inputs": {"words": Field("list(text)")}}


def make_workspace(root: Path) -> Workspace:
    return create_workspace(root, name="Test", sender="Test <test@test.example>")
