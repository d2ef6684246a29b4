"""Defects that simulation found, each played again whatever the seeds make up by now."""

import pytest

from mainstay.kernel.graph import Definition, Literally, Record, Step
from mainstay.testing.chance import Chance
from mainstay.testing.operator import Operator
from mainstay.testing.plans import Planned
from mainstay.testing.simulate import Simulation
from mainstay.testing.world import Script


@pytest.mark.parametrize("seed", [20, 15])  # with the disk in order; and failing just as the doubt is recorded
@pytest.mark.parametrize("set_by_s", [200.0, -200.0, 3600.0, -86_400.0])
def test_e3_a_clock_that_is_set_lets_no_did_not_happen_count_too_early(seed, set_by_s):
    """A payment arrived late, the clock was set meanwhile: it was looked up too early, and paid twice."""
    simulation = Simulation(seed)
    pay = Record({"unit": Literally("p0.pay"), "amount": Literally(1), "to": Literally("")})
    step = Step(name="pay", kind="do", target="bank.pay", effect="irreversible", arguments=pay)
    simulation._plans[:] = [
        Planned(Definition(name="p0", title="Pay", steps=(step,)), {}, is_loose=False, is_timed=False)
    ]
    simulation.world.script = lambda _: Script((), "late")
    simulation.world.outages = ()
    chance, bounds = Chance("nothing is done unasked"), simulation._boundaries
    simulation._operator = Operator(chance, simulation._times.of("operator"), bounds, simulation.world, [])
    simulation._operator._answers._ruled = lambda plan, question, about: {"choice": "approve", "binds": question.binds}
    simulation._clock._jumps = ((55.0, set_by_s),)  # it was sent, its answer did not come, and it has yet to arrive
    assert simulation.play().findings == []
    assert len(simulation.world.happened) == 1
