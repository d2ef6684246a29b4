"""What the simulated runs come past: every kind of fact and every command, or the plans are not random enough (F1)."""

import pytest

from mainstay.testing import coverage
from mainstay.testing.plans import SHAPES, compiled, made_shape


@pytest.mark.long
def test_f1_two_thousand_seeds_come_past_every_fact_and_every_command():
    covered = coverage.coverage_of(range(coverage.ENOUGH))
    assert covered.missing() == [], coverage.table(covered)


@pytest.mark.long
def test_f1_a_few_seeds_come_past_most_of_them():
    covered = coverage.coverage_of(range(20))
    assert covered.facts["PlanCompleted"] > 20
    assert covered.commands["Rule"] > 50
    assert len(covered.missing()) < 30, covered.missing()


def test_what_never_was_is_missing():
    nothing = coverage.nothing()
    assert {"PlanProposed", "ProposePlan"} <= set(nothing.missing())
    nothing.facts["PlanProposed"] += 1
    assert "PlanProposed" not in nothing.missing()


def test_what_is_missing_is_said_and_what_is_excepted_is_not_missing():
    nothing = coverage.nothing()
    assert nothing.facts.keys() >= coverage.EXCEPTED
    assert not coverage.EXCEPTED & set(nothing.missing())
    for counted in nothing:
        counted.update(dict.fromkeys(counted, 1))
    assert coverage.lacking(nothing, 5) == "Nothing is missing.\n"
    nothing.facts.update({"PlanProposed": -1, "BudgetKept": -1})
    assert coverage.lacking(nothing, 5) == "Missing: PlanProposed. Over 2000 seeds none may be; 5 are few.\n"
    assert coverage.lacking(nothing, 2000) == "Missing: PlanProposed.\n"


def test_made_up_playbooks_have_steps_of_every_kind_and_nearly_every_key():
    steps = [step for number in range(SHAPES) for step in made_shape(number).playbook["steps"].values()]
    keys = {key for step in steps for key in step}
    assert {"do", "agent", "ask", "wait", "playbook", "repeat", "each", "gate", "delay", "undo", "check"} <= keys
    assert {"covers", "may_change", "form", "options", "due", "remind", "show", "on_failure", "checkpoint"} <= keys
    assert {"at_once", "allow_failures", "retry", "timeout", "when", "needs"} <= keys


@pytest.mark.parametrize("number", range(0, SHAPES, 25))
def test_a_made_up_playbook_compiles(number):
    assert compiled(number).steps
