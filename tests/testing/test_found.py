"""Defects that simulation found, each played again whatever the seeds make up by now."""

import json
from types import SimpleNamespace

import msgspec
import pytest

from mainstay.errors import CommitFailedError
from mainstay.kernel.graph import Definition, Graph, Literally, Record, Step
from mainstay.kernel.state import Plan, Question, Slot
from mainstay.playbooks.calls import Opened
from mainstay.playbooks.compile import compile_playbook
from mainstay.requests import gateway
from mainstay.runtime.outcomes import Outcomes
from mainstay.testing import house
from mainstay.testing.answers import Answers
from mainstay.testing.chance import Chance
from mainstay.testing.disk import Faults
from mainstay.testing.inside import INSIDE
from mainstay.testing.operator import Operator
from mainstay.testing.plans import Planned
from mainstay.testing.shapes import INPUTS
from mainstay.testing.shop import contracts_of
from mainstay.testing.simulate import Simulation
from mainstay.testing.world import Script
from mainstay.values import Failure


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


@pytest.mark.parametrize("seed", range(6))
def test_f3_on_a_disk_that_fails_all_the_time_no_question_stays_unasked_or_unanswered(seed):
    """A question that a failed commit brought to disk was told to nobody; and an answer was refused because another
    tab was quicker, whose commit then failed; and a disk that failed in the middle of a mending stopped everything."""
    simulation = Simulation(seed)
    simulation.disk.faults = Faults(failing=0.2, full=0.02)
    assert simulation.play().findings == []


def test_e5_a_disk_that_fails_while_an_undo_is_worked_out_makes_nothing_that_can_not_be_undone(monkeypatch):
    """The key of the person it is about could not be kept just then: the action counted as one without a way back."""

    def failing(*_):
        raise CommitFailedError("The simulated disk failed.")

    outcomes = Outcomes(SimpleNamespace(), SimpleNamespace())
    monkeypatch.setattr(outcomes, "_undo", failing)
    with pytest.raises(CommitFailedError):
        outcomes._way_back(None, "a", None, {}, {})


def test_g10_the_operator_is_told_of_what_waits_also_after_the_disk_failed_while_that_was_looked_up(monkeypatch):
    """It failed between two looks, and whoever tells ended with it: nobody was told anything any more."""
    monkeypatch.setattr(house, "TELLS_S", 0.1)
    simulation = Simulation(1)
    simulation._setting = simulation._setting._replace(tells=3)
    simulation.disk.faults = Faults(failing=0.2, full=0.1)
    assert simulation.play().findings == []


def test_what_is_said_of_something_read_back_depends_on_the_action_and_not_on_the_number_of_the_question():
    """A crash changed the order of two questions, and with it an answer and the end of the plan."""
    step = Step(name="pay", kind="do", target="bank.pay", effect="irreversible", arguments=Record({}))
    plan = Plan("p00001", Graph(Definition(name="p0", title="Pay", steps=(step,))))
    simulation = Simulation(1)
    for unit in range(50):
        slots = {"pay": Slot(status="confirming", arguments={"unit": f"p0.s{unit}"})}
        asked = msgspec.structs.replace(plan, slots=slots)
        question = Question("confirm", ("pay",), (), ("confirmed", "again", "undo"))
        said = [Answers(Chance(1), simulation.world).of(asked, question, f"p00001.{number}") for number in (1, 2)]
        assert said[0] == said[1]


@pytest.mark.parametrize("status", ["failed", "undone"])
def test_a_tool_is_told_that_what_was_stuck_is_over_once_the_operator_ended_its_plan(status):
    """It was told that it is on its way, and asked again for ever: the plan had been undone, with nothing to undo."""
    step = Step(name="pay", kind="do", target="bank.pay", effect="irreversible", arguments=Record({}))
    stuck = Slot(status="stuck", failure=Failure("permanent", "the simulated world refuses"))
    plan = Plan(
        "p1", Graph(Definition(name="api:tool", title="Pay", steps=(step,))), status=status, slots={"pay": stuck}
    )
    assert gateway.standing(SimpleNamespace(), plan) == ("cancelled", "the simulated world refuses", None)


def test_a_tool_is_told_that_what_was_paid_happened_though_the_look_at_it_failed_and_nothing_could_be_taken_back():
    """It was told that it did not happen and never will: it might have paid another way."""
    step = Step(name="pay", kind="do", target="bank.pay", effect="irreversible", arguments=Record({}))
    paid = Slot(status="confirming", output={"receipt": "r1"}, done_at=9, cannot_undo="It is paid.")
    plan = Plan("p1", Graph(Definition(name="api:tool", title="Pay", steps=(step,))), slots={"pay": paid})
    payloads = SimpleNamespace(load=lambda it: it)
    desk = SimpleNamespace(engine=SimpleNamespace(parts=SimpleNamespace(payloads=payloads)))
    ended = [gateway.standing(desk, msgspec.structs.replace(plan, status=it)).state for it in ("failed", "undone")]
    assert ended == ["done", "done"]
    assert gateway.standing(desk, msgspec.structs.replace(plan, status="undoing")).state == "working"


@pytest.mark.parametrize("inside", INSIDE)
def test_no_loop_goes_by_an_answer_that_a_crash_may_lose(inside):
    """The answer was lost with the process; what is said to have happened gives nothing: one more round was made."""
    unit = "{{inputs.unit}}.{{round}}"
    loop = {"repeat": {"playbook": inside, "until": "= last.good", "max": 3, "then": "accept"}}
    steps = {"again": {**loop, "with": {"unit": unit, "round": "= round"}}}
    playbook = json.dumps({"playbook": "p0", "title": "Again", "inputs": INPUTS, "steps": steps})
    inputs = {"unit": "p0", "lane": "", "after": "", "amount": 1, "many": [], "long": [], "to": ""}
    ends = []
    for end in ("done", "answer lost"):
        simulation = Simulation(4)
        simulation.world.script = lambda _, end=end: Script((), end)
        simulation.world.outages = ()
        contracts, others = contracts_of(simulation.world), lambda name: Opened(INSIDE[name], name)
        definition = compile_playbook(playbook, contracts, file="p0.yaml", others=others)
        simulation._plans[:] = [Planned(definition, inputs, is_loose=False, is_timed=False)]
        played = simulation.play()
        assert played.findings == []
        ends.append(played.outcome["p0"])
    assert ends[0] == ends[1]
