"""Agents of the simulated world: they call operations in the middle of their work, one after the other or side by side.

None asks for a `uuid`: that is the one thing an agent can ask for that the seed does not decide.
"""

from __future__ import annotations

import msgspec

from mainstay.agent import AsyncContext, Context, OperationError, Rejected, agent
from mainstay.testing.world import Order, Receipt


class Brief(msgspec.Struct, frozen=True):
    """What `writer` is given, and what was said to it since."""

    unit: str
    amount: int = 1
    feedback: list[str] = []


class Letter(msgspec.Struct, frozen=True):
    """What it makes of that: another amount each time it is sent back."""

    unit: str
    amount: int


MAY = ("store.look", "store.reserve", "store.pick", "bank.pay", "mail.send")


@agent(operations=MAY)
def errand(given: Order, ctx: Context) -> Receipt:
    """Look, reserve, and send word of it."""
    ctx.call("store.look", unit=f"{given.unit}:look")
    ctx.call("store.reserve", unit=f"{given.unit}:reserve", amount=given.amount)
    assert ctx.now().year > 2000  # noqa: PLR2004 - a year of the simulation
    assert 0 <= ctx.random() < 1
    try:
        ctx.call("mail.send", unit=f"{given.unit}:send")
    except Rejected:
        return Receipt(f"{given.unit} unsent")
    return Receipt(given.unit)


@agent(operations=MAY)
async def errands(given: Order, ctx: AsyncContext) -> Receipt:
    """Do several things side by side."""

    async def branch(number: int) -> str:
        await ctx.call("store.look", unit=f"{given.unit}:look{number}")
        try:  # what one branch can't do keeps no other from its own: else time would decide what is done
            await ctx.call("store.pick", unit=f"{given.unit}:pick{number}")
        except OperationError:
            return f"not {number}"
        return str(number)

    done = await ctx.gather(*(branch(number) for number in range(1 + given.amount % 3)))
    return Receipt(given.unit, " ".join(done))


class Mood:
    """What `fickle` goes by beside what it is given, as no agent may: whoever runs it changes it."""

    is_other = False


@agent(operations=MAY)
def fickle(given: Order, ctx: Context) -> Receipt:
    """Ask for other things when it is run again: it is stopped then, and may begin anew (KERNEL J1)."""
    ctx.call("store.reserve", unit=f"{given.unit}:first")
    ctx.call("store.pick", unit=f"{given.unit}:{'other' if Mood.is_other else 'second'}")
    ctx.call("store.look", unit=f"{given.unit}:look")
    return Receipt(given.unit)


@agent
def moody(given: Order) -> Receipt:
    """Fail for some units and not for others, always the same."""
    if sum(given.unit.encode()) % 3 == 0:
        raise ValueError("the agent is in a bad mood")
    return Receipt(given.unit)


@agent
def writer(given: Brief) -> Letter:
    """Make something that may be sent back."""
    return Letter(given.unit, given.amount + len(given.feedback))
