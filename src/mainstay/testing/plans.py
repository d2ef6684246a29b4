"""Random plans, of every kind of step and nearly every construct of the format, through the real compiler.

Compiling takes longer than a whole run, so plans are made of shapes: so many playbooks are made up and kept compiled,
and a plan is one of them with inputs of its own. Every step works on a unit of its own, named in its arguments, so
that its fate in the world is its own too.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay.playbooks.ahead import asking_first
from mainstay.playbooks.calls import Opened
from mainstay.playbooks.compile import compile_playbook
from mainstay.testing.chance import Chance
from mainstay.testing.crash import Boundaries
from mainstay.testing.inside import INSIDE
from mainstay.testing.shapes import Shape, made
from mainstay.testing.shop import contracts_of
from mainstay.testing.world import World

if TYPE_CHECKING:
    from mainstay.kernel.graph import Definition
    from mainstay.values import Value

SHAPES = 300
LONG = 110  # items of a long list: more than one plan holds (KERNEL P2)


class Planned(NamedTuple):
    """A plan as it will be proposed.

    `is_loose` says that time decides how it ends, so that a run with a crash may end otherwise; `is_timed` that it does
    so only where the clock is set.
    """

    definition: Definition
    inputs: dict[str, Value]
    is_loose: bool
    is_timed: bool

    @property
    def name(self) -> str:
        """Its playbook, which no other plan of the run is of."""
        return self.definition.name


def plans_of(chance: Chance) -> list[Planned]:
    """Make the plans of a run up."""
    return [_planned(chance.of(f"p{number}"), f"p{number}") for number in range(chance.pick((1, 1, 2, 2, 3), "plans"))]


def _planned(chance: Chance, name: str) -> Planned:
    number = chance.whole(0, SHAPES - 1, "shape")
    shape, definition = made_shape(number), compiled(number)
    inputs: dict[str, Value] = {
        "unit": name,
        "lane": chance.pick(("left", "right"), "lane"),
        "after": chance.pick(("p0", "p1"), "after"),
        "amount": chance.whole(1, 9, "amount"),
        "many": [str(at) for at in range(chance.whole(0, 4, "many"))],
        "long": [str(at) for at in range(LONG if shape.is_long else 0)],
        "to": chance.pick(("", "anna@simulated.example", "ben@simulated.example"), "to"),
    }
    definition = asking_first(definition) if chance.happens(0.15, "asks first") else definition
    named = msgspec.structs.replace(definition, name=name, title=f"Plan {name}")
    return Planned(named, inputs, shape.is_loose, shape.is_timed)


@cache
def made_shape(number: int) -> Shape:
    """Make a playbook up."""
    return made(Chance("shapes").of(str(number)))


@cache
def compiled(number: int) -> Definition:
    """Compile a playbook that was made up; raises PlaybookError where it should not have been made so."""
    nowhere = World(Chance(0), Chance(0), Boundaries(), lambda: 0.0)
    source = json.dumps(made_shape(number).playbook, indent=1)
    return compile_playbook(
        source, contracts_of(nowhere), file=f"shape{number}.yaml", others=lambda name: Opened(INSIDE[name], name)
    )
