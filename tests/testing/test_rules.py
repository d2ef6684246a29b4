"""The judge's rules, each fed a history that breaks it: a rule that can't fail finds nothing."""

import msgspec
import pytest

from mainstay import events as e
from mainstay.kernel.graph import Graph, Need
from mainstay.runtime.bounces import Notice
from mainstay.testing import judge, rules
from mainstay.testing.simulate import Simulation
from mainstay.testing.world import Returned
from mainstay.values import Verdict


@pytest.fixture(scope="module")
def run():
    """A run in which something was asked about, approved and done."""
    for seed in range(100):
        simulation = Simulation(seed)
        assert simulation.play().findings == []
        ended = judge.read(simulation.disk)
        for plan in ended.plans.values():
            facts = ended.facts[plan.id]
            asked = [each.fact for each in facts if isinstance(each.fact, e.EffectIntended) and each.fact.ruling]
            covered = any(isinstance(each.fact, e.EffectPrepared) and each.fact.ruling for each in facts)
            did = any(isinstance(each.fact, e.EffectDone) for each in facts)
            if asked and did and not covered and plan.status == "completed" and len(plan.graph.steps) > 1:
                return simulation, ended, plan
    raise AssertionError


def changed(facts, kind, change):
    """Give facts with each of a kind changed, or left out where the change gives None."""
    made = [(each, change(each.fact) if isinstance(each.fact, kind) else each.fact) for each in facts]
    return [e.Recorded(*(*as_tuple(each)[:-1], fact)) for each, fact in made if fact is not None]


def as_tuple(event):
    return tuple(getattr(event, name) for name in event.__struct_fields__)


def test_e6_what_leaves_without_a_yes_is_found(run):
    _, ended, plan = run
    unruled = changed(ended.facts[plan.id], e.DecisionRuled, lambda _: None)
    assert any("nobody said yes" in each for each in rules.rulings(plan.id, plan.graph, unruled))


def test_g2_what_policy_alone_lets_leave_is_found_where_the_plan_was_to_be_shown_first(run):
    _, ended, plan = run
    allowed = Verdict("allow", "reversible", "It can be taken back.")
    alone = {"verdict": allowed, "ruling": ""}
    facts = changed(ended.facts[plan.id], e.EffectIntended, lambda fact: msgspec.structs.replace(fact, **alone))
    first = Graph(msgspec.structs.replace(plan.graph.definition, ask_first=True))
    assert list(rules.rulings(plan.id, plan.graph, facts)) == []
    assert any("nobody said yes" in each for each in rules.rulings(plan.id, first, facts))


def test_e6_what_leaves_on_a_no_is_found(run):
    _, ended, plan = run
    no = changed(ended.facts[plan.id], e.DecisionRuled, lambda fact: msgspec.structs.replace(fact, choice="reject"))
    assert any("was answered with reject" in each for each in rules.rulings(plan.id, plan.graph, no))


def test_e6_what_leaves_on_a_yes_to_something_else_is_found(run):
    _, ended, plan = run
    other = changed(ended.facts[plan.id], e.EffectPrepared, lambda fact: msgspec.structs.replace(fact, digest="other"))
    assert any("was about something else" in each for each in rules.rulings(plan.id, plan.graph, other))


def test_e6_an_answer_given_twice_or_used_twice_is_found(run):
    _, ended, plan = run
    facts = ended.facts[plan.id]
    ruled = [each for each in facts if isinstance(each.fact, e.DecisionRuled)]
    assert any("was answered twice" in each for each in rules.rulings(plan.id, plan.graph, [*facts, *ruled]))
    left = [each for each in facts if isinstance(each.fact, e.EffectIntended) and each.fact.ruling]
    assert any("leave twice" in each for each in rules.rulings(plan.id, plan.graph, [*facts, *left[-1:], *left[-1:]]))


def test_a_step_that_begins_before_what_it_needs_is_found(run):
    _, ended, plan = run
    assert list(rules.order(plan.id, plan.graph, ended.facts[plan.id])) == []
    first = next(each.fact.path for each in ended.facts[plan.id] if getattr(each.fact, "path", "") in plan.graph.steps)
    last = plan.graph.definition.steps[-1].name
    assert first != last
    steps = tuple(
        msgspec.structs.replace(step, needs=(Need(last),)) if step.name == first else step
        for step in plan.graph.definition.steps
    )
    graph = Graph(msgspec.structs.replace(plan.graph.definition, steps=steps))
    graph.roots = plan.graph.roots  # the history began it all the same
    assert any(f"'{first}' began while '{last}'" in each for each in rules.order(plan.id, graph, ended.facts[plan.id]))


def test_t2_what_is_held_when_all_is_over_is_found():
    def recorded(fact):
        return e.Recorded(1, "s", 1, type(fact).__name__, 1, 0, "", "", "", fact)

    taken, left = recorded(e.PlaceTaken("p1")), recorded(e.PlaceLeft("p1"))
    hold = recorded(e.BudgetReserved("2026-01-05", "p1/pay", 1, 0))
    spent = recorded(e.BudgetSettled("2026-01-05", "p1/pay", 1, 0))
    assert list(rules.held({"limit:a": [taken, left], "budget:b": [hold, spent]})) == []
    assert len(list(rules.held({"limit:a": [taken], "budget:b": [hold]}))) == 2
    call = recorded(e.BudgetReserved("2026-01-05", "p1/pay?0.0.0", 1, 0))
    assert len(list(rules.held({"budget:b": [call]}))) == 1
    assert list(rules.held({"budget:b": [call]}, cut=True)) == []
    assert len(list(rules.held({"budget:b": [hold]}, cut=True))) == 1


def test_t2_a_place_of_a_limit_of_one_that_two_plans_hold_is_found():
    def recorded(fact):
        return e.Recorded(1, "s", 1, type(fact).__name__, 1, 0, "", "", "", fact)

    one, part, two = (recorded(e.PlaceTaken(name)) for name in ("p1", "p1-s0-1", "p2"))
    left = recorded(e.PlaceLeft("p1"))
    assert list(rules.crowded({"limit:playbook:a": [one, part], "limit:key:a": [one, left, two]}, {})) == []
    assert list(rules.crowded({"limit:store.pick": [one, two]}, {})) == []
    crowd = {"limit:playbook:a": [one, two], "limit:key:a": [part, two]}
    assert len(list(rules.crowded(crowd, {}))) == 2
    assert list(rules.crowded(crowd, {"p2": [recorded(e.UndoRequested("operator", ""))]})) == []


def test_g8_what_servers_said_of_mails_and_is_not_recorded_so_is_found():
    def recorded(*facts):
        return [e.Recorded(1, "s", at, type(fact).__name__, 1, 0, "", "", "p1", fact) for at, fact in enumerate(facts)]

    plans = {"p1": recorded(e.EffectIntended("a", "token", 1, 0, Verdict("allow", "", "")))}
    said = [Returned(0.0, "x", Notice((), final), ("token",)) for final in (False, True)]
    late, back = e.MailBounced("a", final=False), e.MailBounced("a", final=True)

    def found(*facts, of=said):
        sentences = rules.returned(plans, {"bounces:p1": recorded(*facts)} if facts else {}, of)
        return [sentence.partition(" mail ")[2] for sentence in sentences]

    assert found(late, back) == found(back) == found(late, of=said[:1]) == found(of=()) == []
    assert found() == ["is late was said, and is not recorded", "came back was said, and is not recorded"]
    assert found(late) == ["came back was said, and is not recorded"]
    assert found(back, back) == ["did not arrive is recorded 2 times"]
    assert found(back, late) == ["did not arrive is recorded 2 times"]
    assert found(back, of=said[:1]) == ["did not arrive is recorded, and nobody said so"]
    assert found(back, of=[said[1]._replace(tokens=())]) == ["did not arrive is recorded, and nobody said so"]


def test_f1_what_was_acknowledged_and_is_lost_is_found(run):
    simulation, ended, _ = run
    told = simulation.disk.told
    simulation.disk.told = [*told, (told[-1][0] + 1, "00" * 32)]
    found = list(judge.judge(simulation.disk, simulation.world, ended, {"p00001.9": "approve"}))
    simulation.disk.told = told
    assert any("was acknowledged and is not there" in each for each in found)
    assert any("p00001.9 was answered with approve, and recorded is None" in each for each in found)


def test_f1_what_the_world_says_is_held_against_the_history(run):
    simulation, ended, _ = run
    happened = simulation.world.happened
    simulation.world.happened = [*happened, happened[0], happened[-1]._replace(token="unknown")]
    found = list(judge.judge(simulation.disk, simulation.world, ended, {}))
    simulation.world.happened = happened[1:]
    found += judge.judge(simulation.disk, simulation.world, ended, {})
    simulation.world.happened = happened
    for says in ("times under one token", "is not recorded as done", "is recorded as done and did not happen"):
        assert any(says in each for each in found), says


def test_e2_what_a_plan_and_one_inside_it_both_did_is_found(run):
    simulation, ended, plan = run
    inner = msgspec.structs.replace(plan, id=f"{plan.id}-1", parent=f"{plan.id}/inner")
    again = changed(
        ended.facts[plan.id], e.EffectIntended, lambda fact: msgspec.structs.replace(fact, token=f"{fact.token} again")
    )
    both = ended._replace(plans={**ended.plans, inner.id: inner}, facts={**ended.facts, inner.id: again})
    happened = simulation.world.happened
    simulation.world.happened = [*happened, *(one._replace(token=f"{one.token} again") for one in happened)]
    found = list(judge._effects(both, simulation.world))
    given_up = {**both.plans, inner.id: msgspec.structs.replace(inner, status="failed")}
    left = list(judge._effects(both._replace(plans=given_up), simulation.world))
    simulation.world.happened = happened
    assert any("was done 2 times by plans inside" in each for each in found)
    assert not any("by plans inside" in each for each in left)


def test_l9_a_table_that_no_rebuild_gives_and_an_altered_record_are_found():
    simulation = Simulation(2)
    assert simulation.play().findings == []
    ended = judge.read(simulation.disk)
    simulation.disk.connection.execute("UPDATE plan SET title = 'other'")
    plan = next(iter(ended.plans))
    simulation.disk.connection.execute("INSERT INTO timer VALUES (1, 'settle', ?, 's', 0)", (plan,))
    simulation.disk.connection.execute("INSERT INTO timer VALUES (2, 'expiry', ?, '', 0)", (plan,))
    simulation.disk.connection.execute("UPDATE event SET actor = 'nobody' WHERE position = 3")
    found = list(judge.judge(simulation.disk, simulation.world, ended, {}))
    assert any("table plan is not what a rebuild gives" in each for each in found)
    assert any("the chain does not verify" in each for each in found)
    assert f"plan {plan}: 's' is over, and its settle is still waited for" in found
    assert f"plan {plan} is over, and its expiry is still waited for" in found
