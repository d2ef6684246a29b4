"""Random plans. Every step works on a unit of its own, so that its fate in the world is its own too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.kernel.graph import Definition, Literally, Need, Record, Step

if TYPE_CHECKING:
    from mainstay.testing.chance import Chance
    from mainstay.values import EffectClass

_TARGETS: tuple[tuple[str, EffectClass], ...] = (
    ("store.reserve", "reversible"),
    ("store.pick", "reversible"),
    ("bank.pay", "irreversible"),
    ("post.send", "irreversible"),
    ("store.note", "reversible"),
)


def definition_of(chance: Chance, name: str) -> Definition:
    """Make a plan up."""
    own = chance.of(name)
    count = own.whole(1, 5, "steps")
    return Definition(name=name, title=f"Plan {name}", steps=tuple(_step(own, name, at) for at in range(count)))


def _step(chance: Chance, plan: str, at: int) -> Step:
    needs = tuple(Need(f"s{earlier}") for earlier in range(at) if chance.happens(0.4, "needs", at, earlier))
    to = chance.pick(("", "", "anna@simulated.example", "ben@simulated.example"), "to", at)
    arguments = Record({"unit": Literally(f"{plan}.s{at}"), "amount": Literally(at + 1), "to": Literally(to)})
    if chance.happens(0.2, "agent", at):
        agent = chance.pick(("echo", "errand", "errands"), "agent name", at)
        where = "loop" if agent == "echo" else "worker"
        return Step(name=f"s{at}", kind="agent", target=agent, where=where, needs=needs, arguments=arguments)
    target, effect = chance.pick(_TARGETS, "target", at)
    return Step(name=f"s{at}", kind="do", target=target, effect=effect, needs=needs, arguments=arguments)
