"""L10: a plan decides by the semantics it started under; the last two run side by side, older ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel_scene import ASK, DEFINITION, UNDO, Scene, carried_out, do, fail, given, happen, intend, prepare, rule, undo
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import LedgerError
from mainstay.kernel import rules
from mainstay.kernel.asking import CHANGED
from mainstay.kernel.evolve import FAMILIES
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold, handle
from mainstay.kernel.replay import replay

VERSIONS = Path(__file__).parents[2] / "docs" / "versions.md"


def under(number: int, *steps) -> Scene:
    """A plan that runs under the semantics of a number."""
    scene = Scene(Graph(Definition(name="demo", title="Demo", steps=steps)), number=number)
    propose = c.ProposePlan(now_us=0, definition=DEFINITION, playbook="demo", title="Demo", inputs=None)
    return scene.when(propose, c.ApprovePlan(now_us=0, by="operator"))


def taken_back(number: int) -> Scene:
    """A plan that did something, and a question about taking it back."""
    return under(number, do("a")).when(*carried_out("a", UNDO), undo(), prepare("~a", ASK))


def test_l10_a_plan_keeps_the_number_that_it_started_under():
    for number in rules.KERNELS:
        scene = under(number, do("a")).when(prepare("a"), intend("a"), happen("a")).stands("completed")
        assert scene.fact(e.PlanStarted) == e.PlanStarted(number)
        assert scene.plan.kernel == number
    assert given(do("a")).fact(e.PlanStarted) == e.PlanStarted(rules.KERNEL), "who starts now starts under the present"


def test_l10_a_plan_that_was_proposed_before_an_upgrade_starts_under_the_present_number():
    scene = Scene(Graph(Definition(name="demo", title="Demo", steps=(do("a"),))))
    scene.when(c.ProposePlan(now_us=0, definition=DEFINITION, playbook="demo", title="Demo", inputs=None))
    assert fold("p", scene.plan.graph, scene.recorded()).kernel == 0
    scene.when(c.ApprovePlan(now_us=0, by="operator")).then(e.PlanApproved("operator"), e.PlanStarted(rules.KERNEL))


def test_l10_e5_what_changed_with_number_2_holds_for_plans_that_began_under_it_alone():
    was, now = taken_back(1), taken_back(2)
    assert was.fact(e.DecisionAsked).options == ("approve", "reject")
    assert now.fact(e.DecisionAsked).options == ("approve", "reject", "skip")
    was.refuses(rule(1, "skip"), "the answers to p.1 are approve, reject, not skip")
    was.when(rule(1, "reject"), rule(2, "skip")).stands("undone", **{"~a": "skipped"})
    now.when(rule(1, "skip")).stands("undone", **{"~a": "skipped"})
    assert now.fact(e.UndoImpossible).why == "you left it: you want it to stay"


def test_l10_e5_what_both_numbers_have_in_common_is_the_same_under_both():
    for number in rules.KERNELS:
        scene = under(number, do("a")).when(*carried_out("a", UNDO), undo(), prepare("~a", replace(ASK, rule=CHANGED)))
        scene.when(rule(1, "skip", reason="he is right")).stands("undone")
        assert scene.fact(e.UndoImpossible).why == "you left it: he is right"


def test_l10_p6_a_history_is_decided_again_under_its_own_number_and_differs_under_another():
    for number, other in ((1, 2), (2, 1)):
        scene = taken_back(number)
        graph, recorded = scene.plan.graph, scene.recorded()
        assert replay("p", graph, recorded).same
        at = next(at for at, event in enumerate(recorded) if event.kind == "PlanStarted")
        recorded[at] = replace(recorded[at], fact=e.PlanStarted(other))
        assert replay("p", graph, recorded).difference == "DecisionAsked would differ today in options"


@pytest.fixture
def next_release(monkeypatch):
    """The release after this one: number 1 is gone."""
    monkeypatch.setattr(rules, "KERNEL", 3)
    monkeypatch.setattr(rules, "KERNELS", (2, 3))


GONE = r"Plan p began under other rules \(number 1\) than this Mainstay has \(2 and 3\)"


@pytest.mark.usefixtures("next_release")
@pytest.mark.parametrize(
    "facts",
    [
        (),
        (prepare("a", ASK),),
        (prepare("a"), intend("a")),
        (fail("a"),),
        (*carried_out("a", UNDO), undo()),
        (prepare("a"), intend("a"), c.CancelPlan(now_us=0, by="operator", reason="no longer")),
    ],
    ids=["runs", "asks", "on its way", "stuck", "being undone", "cancelled, and one on its way"],
)
def test_l10_a_plan_whose_number_is_gone_and_that_still_goes_on_is_refused_plainly(monkeypatch, facts):
    with monkeypatch.context() as before:
        before.setattr(rules, "KERNELS", (1, 2))
        scene = under(1, do("a")).when(*facts)
    with pytest.raises(LedgerError, match=GONE) as raised:
        fold("p", scene.plan.graph, scene.recorded())
    assert raised.value.remedy == "Let the release of Mainstay that began it see it through. All other plans go on."


@pytest.mark.usefixtures("next_release")
def test_l10_what_ended_under_a_number_that_is_gone_can_be_looked_at_for_ever_and_is_decided_no_more(monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(rules, "KERNELS", (1, 2))
        done = under(1, do("a")).when(*carried_out("a", UNDO))
        undone = taken_back(1).when(rule(1, "approve"), intend("~a"), happen("~a")).stands("undone")
    for scene in (done, undone):
        assert fold("p", scene.plan.graph, scene.recorded()) == scene.plan
        with pytest.raises(LedgerError, match=GONE):
            replay("p", scene.plan.graph, scene.recorded())
    with pytest.raises(LedgerError, match=GONE):
        handle(done.plan, undo())


def test_l10_a_plan_of_a_newer_release_is_refused_also_when_it_ended():
    scene = under(1, do("a")).when(*carried_out("a"))
    newer = [
        replace(event, fact=e.PlanStarted(9)) if event.kind == "PlanStarted" else event for event in scene.recorded()
    ]
    with pytest.raises(
        LedgerError, match=r"^Plan p began under other rules \(number 9\) than this Mainstay has \(1 and 2\)"
    ):
        fold("p", scene.plan.graph, newer)


def test_l10_a_release_has_the_last_two_numbers_and_no_rule_that_all_plans_have():
    assert rules.KERNELS == (rules.KERNEL - 1, rules.KERNEL)
    late = [rule for rule in rules.RULES if rule.since != rules.KERNEL]
    assert not late, "these rules hold under both numbers: delete them, and what asks for them"


def test_l10_every_number_says_in_the_documents_what_it_changed():
    told = VERSIONS.read_text()
    assert [number for number in range(1, rules.KERNEL + 1) if f"\n| {number} | " not in told] == []


def test_l10_what_folds_a_fact_asks_for_no_rule():
    """A history is read for ever, rules are deleted: a fact that means something else is another version of it."""
    for family in FAMILIES:
        for evolver in family.EVOLVERS.values():
            assert not {"holds", "KERNEL", "KERNELS"} & set(evolver.__code__.co_names), evolver.__qualname__
