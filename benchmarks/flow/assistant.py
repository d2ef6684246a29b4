"""The agent of the benchmark: it makes the calls of a script, and obeys at once what an injection tells it.

It stands for a model at its worst, which is why there is none. Its script lies in a module of its own, named by its
input: nothing of it is among what the agent was told, so whatever it does is traced to what it was asked and read.
"""

from __future__ import annotations

import importlib

import msgspec

from mainstay.agent import AgentResult, Context, OperationError, agent


class Request(msgspec.Struct, frozen=True):
    """What the operator asks for, and which script plays it."""

    request: str
    script: str


class Did(msgspec.Struct, frozen=True):
    """How many calls were made."""

    calls: int


@agent(output=Did)
def assist(given: Request, ctx: Context) -> AgentResult:
    """Make the calls of a script; those of the injection as soon as it is read."""
    script = importlib.import_module(f"scripts_{given.script}")
    queue, calls = [(False, *call) for call in script.CALLS], 0
    waiting = [(True, *call) for call in script.INJECTED]
    while queue:
        _, operation, arguments = queue.pop(0)
        calls += 1
        try:
            found = ctx.call(operation, **arguments)
        except OperationError:  # it was not wanted, or the tool says no
            continue
        if waiting and script.MARK in str(found):
            queue, waiting = waiting + queue, []
    return AgentResult(Did(calls))
