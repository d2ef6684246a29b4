"""Agents that do what a program says, plain and as coroutines, and workers that run them in threads of the owner.

A program is a list of acts: ["look", word], ["say", word], ["now"], ["gather", [program, ...]], ["scope", program].
What an agent returns has the same shape, with every answer in its place.
"""

from __future__ import annotations

import asyncio
import json
import queue
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.agent import AsyncContext, Context, agent
from mainstay.context import Asked, Heard, Stop, Told
from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.runtime.worker import told_error

if TYPE_CHECKING:
    from random import Random

    from mainstay.ports import Talk

OPERATIONS = ("test.look", "test.say")


class Word(msgspec.Struct, frozen=True):
    word: str = ""
    number: int = 0


class Said(msgspec.Struct, frozen=True):
    word: str = ""
    token: str = ""


def answered(act: str, answer: dict[str, str]) -> list[str]:
    return [act, answer["word"], answer["token"]]


def _plainly(ctx: Context, program: list[Any]) -> list[Any]:
    return [_act(ctx, *act) for act in program]


def _act(ctx: Context, act: str, given: Any = None) -> Any:
    if act == "gather":
        return ctx.gather(*(lambda inner=inner: _plainly(ctx, inner) for inner in given))
    if act == "scope":
        with ctx.scope("inner"):
            return _plainly(ctx, given)
    if act == "now":
        return [act, ctx.now().isoformat()]
    return answered(act, ctx.call(f"test.{act}", word=given))


async def _aside(ctx: AsyncContext, program: list[Any]) -> list[Any]:
    return [await _act_aside(ctx, *act) for act in program]


async def _act_aside(ctx: AsyncContext, act: str, given: Any = None) -> Any:
    if act == "gather":
        return await ctx.gather(*(_aside(ctx, inner) for inner in given))
    if act == "scope":
        with ctx.scope("inner"):
            return await _aside(ctx, given)
    if act == "now":
        return [act, (await ctx.now()).isoformat()]
    return answered(act, await ctx.call(f"test.{act}", word=given))


@agent(operations=OPERATIONS)
def plain(given: Word, ctx: Context) -> Said:
    return Said(json.dumps(_plainly(ctx, json.loads(given.word))))


@agent(operations=OPERATIONS)
async def aside(given: Word, ctx: AsyncContext) -> Said:
    return Said(json.dumps(await _aside(ctx, json.loads(given.word))))


class Crash:
    """The owner's death at the n-th time that a journal grows: before that is on disk, or just after."""

    def __init__(self, owner: Any, at: int, *, after: bool) -> None:
        self.came = asyncio.Event()
        self.entries = 0
        self._at, self._after, self._queue = at, after, owner.ledger.queue
        owner.ledger.queue = self.queue

    def queue(self, appends, told, **how):
        """Let nothing that is asked from here on be answered: what follows never happened."""
        if self.came.is_set():
            return
        if not any(each.stream.startswith("journal:") for each in appends):
            self._queue(appends, told, **how)
            return
        self.entries += 1
        if self.entries != self._at:
            self._queue(appends, told, **how)
        elif self._after:
            self._queue(appends, lambda position, error: self.came.set())
        else:
            self.came.set()


class ThreadWorkers:
    """`ports.Workers` that runs agents in threads: as many lives as a test wants, with no processes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._ports: list[_Port] = []

    async def run(self, entry, arguments, files, *, timeout_s, memory_mb, talk=None):
        del timeout_s, memory_mb
        function = {"plain": plain, "aside": aside}[entry.rpartition(":")[2]]
        port = _Port(asyncio.get_running_loop(), talk, self._random)
        self._ports.append(port)
        given = from_plain(decode_value(arguments), Word)
        return await asyncio.to_thread(_run, function, given, files, port)

    async def close(self) -> None:
        for port in self._ports:
            port.close()


def _run(function, given, files, port):
    try:
        return encode_value(to_plain(function(given, files, port=port)))
    except Stop:
        return b""


class _Port:
    """`context.Port` into the loop of the owner. Answers come in any order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, talk: Talk, random: Random) -> None:
        self._loop, self._talk, self._random = loop, talk, random
        self._told: queue.Queue[Told | None] = queue.Queue()
        self._asked = 0

    def ask(self, scope: str, operation: str, arguments: Any, tool: str) -> int:
        self._asked += 1
        asked = Asked(1, self._asked, scope, operation, encode_value(arguments), tool)
        delay_s = self._random.random() * 0.002
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._answer(asked, delay_s)))
        return self._asked

    def hear(self) -> Heard:
        told = self._told.get()
        if told is None or told.stop:
            return Heard(self._asked if told is None else told.question, stop=True)
        if told.output is None:
            return Heard(told.question, error=told_error(told))
        return Heard(told.question, decode_value(told.output))

    async def _answer(self, asked: Asked, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        self._told.put(await self._talk.answer(asked))

    def close(self) -> None:
        self._told.put(None)
