"""Owns a workspace, carries a load of plans to their ends, and says what is on disk, a line each: `JSON`.

    up                  it works
    held WHY            all work is stopped; it ends, unless it was told to release
    PLAN SEQUENCE       so many facts of a plan are on disk
    asked DECISION      an answer of the operator is on disk
    heard NAME          something from outside is on disk
    notice SENTENCE     what an operator would be told
    at URL TOKEN        where an outside tool reaches it, and the token that lets it in
    ended JSON          how many plans ended how; it ends

Started again, it goes on with the plans that are there, and begins those that are not.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import json
import os
import random
import signal
import sys
from pathlib import Path
from zlib import crc32

import msgspec

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "runtime")]

from kit import World, owner_of  # noqa: E402 - found only now
from load import MAIL, SetClock, definition, http, operations, units  # noqa: E402

from mainstay.commands import UndoPlan  # noqa: E402
from mainstay.connectors import breaker  # noqa: E402
from mainstay.console.service import beside  # noqa: E402
from mainstay.errors import MainstayError  # noqa: E402
from mainstay.kernel.state import ENDED  # noqa: E402
from mainstay.ledger import archive, head, queries  # noqa: E402
from mainstay.requests.release import in_doubt, plans_in_doubt  # noqa: E402
from mainstay.runtime import mending, settling  # noqa: E402
from mainstay.runtime.intake import Request  # noqa: E402
from mainstay.workspace import Workspace  # noqa: E402

PAUSE_S = 0.05
TOOL, ASKABLE = "tool", ["test.pay", "test.book", "test.order"]
OF_TOOL = f"SELECT id FROM plan WHERE playbook = 'api:{TOOL}'"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted. `kinds` are taken in turn, `items` are the units of each plan."""

    root: str
    clock: str
    port: int  # where plans call
    desk: int  # where the operator looks
    kinds: tuple[str, ...]
    plans: int
    items: int
    seed: int
    cares: bool = False  # archives, collects and rebuilds all the time
    releases: bool = False  # answers for what is in doubt where all work is stopped
    quiet: bool = False  # says nothing on stderr
    stays: bool = False  # works on after the load ended
    tool: str | None = None  # the token of an outside tool that is served: "" where it has none yet
    ids: int = 0  # of that tool: each of them is an action, and all of them have to end


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def shorten() -> None:
    """Wait less where nothing but waiting is gained."""
    settling.RESENDS_S = (0.05, 0.1, 0.2)
    settling.LOOKS_S = (0.3,) * 20
    breaker.OPEN_S, breaker.OPEN_AT_MOST_S, breaker.TRY_S = 0.2, 0.4, 0.2
    mending.LOOK_S = 0.1
    mending.PAUSES_S = (0.0, 0.05, 0.1, 0.2)
    archive.SEGMENT_EVENTS = 20
    head.EVERY_S = 0.1


class Load:
    """The plans of one owner."""

    def __init__(self, owner, order: Order) -> None:
        self.owner, self.order = owner, order

    async def run(self) -> None:
        begun = await self.safely(lambda: dict(self._titles()))
        beside = [asyncio.create_task(self.post())]
        if self.order.cares:
            beside.append(asyncio.create_task(self.care()))
        tended = [self.tend(number, begun.get(str(number))) for number in range(self.order.plans)]
        *statuses, _ = await asyncio.gather(*tended, self.tend_asked())
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        say("ended", json.dumps({status: statuses.count(status) for status in set(statuses)}))

    def _titles(self):
        for row in self.owner.ledger.rows(queries.PLANS, (10_000, 0)):
            yield row[2].partition(" ")[0], row[0]

    async def safely(self, call):
        """Do something again until the history takes it; raises what makes the owner give up."""
        owner = self.owner
        while True:
            await owner.requests._or_failed(owner.engine.whole())
            try:
                done = call()
                return await done if asyncio.iscoroutine(done) or asyncio.isfuture(done) else done
            except MainstayError:
                if owner.engine.failed.done():
                    raise owner.engine.failed.result() from None
                await asyncio.sleep(PAUSE_S)

    async def tend(self, number: int, plan_id: str | None) -> str:
        """Be the operator of one plan to its end."""
        requests = self.owner.requests
        kind = self.order.kinds[number % len(self.order.kinds)]
        while plan_id is None:
            plan_id = await self.safely(lambda: self.begin(number, kind))
        while True:
            standing = await self.safely(lambda: requests.follow(plan_id, lambda _: None))
            if standing["questions"]:
                for question in standing["questions"]:
                    await self.answer(question)
            elif standing["status"] == "completed" and kind == "undone":
                await self.safely(lambda: self.undo(plan_id))
            elif standing["status"] in {*ENDED, "undone"}:
                return standing["status"]
            await asyncio.sleep(PAUSE_S)

    async def tend_asked(self) -> None:
        """Be the operator of what the tool asks for, until each of its ids is over."""
        over: set[str] = set()
        while len(over) < self.order.ids:
            asked_for = await self.safely(lambda: {row[0] for row in self.owner.ledger.rows(OF_TOOL)})
            for plan_id in asked_for - over:
                plan = await self.safely(lambda plan_id=plan_id: self.owner.engine.load(plan_id))
                for question in plan.questions:
                    await self.answer(question)
                over |= {plan_id} if plan.status in ENDED else set()
            await asyncio.sleep(PAUSE_S)

    async def begin(self, number: int, kind: str) -> str | None:
        """Begin a plan; None when that failed, as it may be there all the same."""
        words = units(number, self.order.items)
        plan_id, committed = self.owner.requests.propose(definition(number, kind), {"words": words})
        try:
            await committed
        except MainstayError:
            await self.owner.requests._or_failed(self.owner.engine.whole())
            return dict(self._titles()).get(str(number))
        return plan_id

    async def undo(self, plan_id: str) -> None:
        if self.owner.engine.load(plan_id).status == "completed":
            now_us = self.owner.clock.now_us()
            await self.owner.engine.submit(plan_id, UndoPlan(now_us=now_us, by="operator"), actor="operator")

    async def answer(self, decision: str) -> None:
        with contextlib.suppress(MainstayError, OSError):  # then it is answered the next time
            plan = self.owner.engine.load(decision.rpartition(".")[0])
            question = plan.questions.get(decision)
            if question is None:
                return
            choice = {"stuck": "skip", "settle": ""}.get(question.kind, "approve")
            if "raise" in question.options:  # a budget stopped it
                choice = "raise" if crc32(decision.encode()) % 2 else "skip"
            elif question.kind == "stuck" and "bad" not in question.paths:
                choice = "retry"
            if question.kind == "settle":
                looked = await http(self.order.desk, "GET", f"/{plan.slots[question.paths[0]].token}")
                choice = "happened" if looked["charged"] else "did_not_happen"
            await self.owner.requests.rule(decision, {"choice": choice})
            say("asked", decision)

    async def post(self) -> None:
        """Bring each mail three times, in any order, and again after every start."""
        numbers = [n for n in range(self.order.plans) if self.order.kinds[n % len(self.order.kinds)] == "heard"] * 3
        random.Random(self.order.seed).shuffle(numbers)
        for number in numbers:
            await asyncio.sleep(PAUSE_S / 2)
            body = MAIL | {"message_id": f"<m{number}@x>", "in_reply_to": f"<{number}>"}
            with contextlib.suppress(MainstayError):
                future = self.owner.engine.outside.receive("mail.received", "torture", f"<m{number}@x>", body)
                if future is not None:
                    await future
                    say("heard", f"<m{number}@x>")

    async def care(self) -> None:
        while True:
            for method, params in (("archive", {"older_than_s": 0}), ("collect", {}), ("rebuild", {})):
                await self.owner.requests.answer(Request(method, params), True, lambda _: None)
                say("cared", method)


async def let_in(owner) -> str:
    """Make a token for the tool; where a kill came before anybody was told of the last one, that one goes."""

    async def ask(method: str, **params: object):
        return await owner.requests.answer(Request(method, params), True, lambda _: None)

    for made in (await ask("token_list"))["tokens"]:
        await ask("token_revoke", name=made["name"])
    return (await ask("token_make", name=TOOL, allow=ASKABLE))["token"]


async def release(owner, desk: int) -> None:
    """Answer for every action in doubt by what the service says, and end the plans whose next ones nobody knows of."""
    answers: dict[str, str] = {}
    cancelled: set[str] = set()
    for plan in map(owner.engine.load, plans_in_doubt(owner.ledger.rows)):
        for held in in_doubt(plan, owner.contracts, owner.clock.now_us()):
            if held.doubt in ("sent", "ready"):
                slot = plan.slots[held.path]
                token = slot.token or owner.engine.effects.token(plan.id, held.path, slot.generation)
                looked = await http(desk, "GET", f"/{token}" if held.doubt == "sent" else f"/peek/{token}")
                answers[held.name] = "happened" if looked["charged"] else "did_not_happen"
            elif not held.path.startswith("~"):
                cancelled.add(plan.id)
    answers = {name: answer for name, answer in answers.items() if name.partition("/")[0] not in cancelled}
    params = {"answers": answers, "cancel": sorted(cancelled)}
    await owner.requests.answer(Request("release", params), True, lambda _: None)


async def main(order: Order) -> None:
    shorten()
    if order.quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    workspace = Workspace(Path(order.root))
    clock = SetClock(Path(order.clock))
    world = World(workspace.root / "world")
    async with contextlib.AsyncExitStack() as stack:
        owner = await stack.enter_async_context(owner_of(workspace, world, *operations(order.port), clock=clock))
        owner.engine.hearers.append(lambda sentence: say("notice", sentence))
        owner.engine.listeners.append(lambda plan_id, facts, plan: say(plan_id, plan.sequence) if facts else None)
        say("up")
        if owner.engine.held:
            say("held", owner.engine.held)
            if not order.releases:
                return
            await release(owner, order.desk)
        if order.tool is not None:
            served = await stack.enter_async_context(beside(owner))
            token = order.tool or await let_in(owner)
            say("at", served.url, token)
        await Load(owner, order).run()
        if order.stays:
            await asyncio.Event().wait()


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)  # says on stderr where it stands
    try:
        asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Order)))
    except MainstayError as error:
        say("gave up:", error.message, error.remedy)
        sys.exit(1)
