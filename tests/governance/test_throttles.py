"""Throttles on a real owner: a playbook that reaches a bound is paused, and the operator says how it goes on (G8)."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

sys.path.append(str(Path(__file__).parent.parent / "runtime"))

from kit import MovedClock, World, after, do, each, plan, rule, run, start
from throttle_kit import (
    FAILS,
    WAITS,
    answer,
    closed,
    fail_twice,
    is_paused,
    settled,
    throttled,
    until_closed,
    workspace_in,
)

from mainstay import events as e
from mainstay.errors import CommandRefusedError, PlaybookError
from mainstay.governance.throttles import say_bounds
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.changes import changes
from mainstay.playbooks.policy_book import rules_of_file
from mainstay.views import Views


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return workspace_in(tmp_path / "acme")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


async def caught_up(owner):
    """Tell what an owner before did not; gives all that was told."""
    teller = owner.teller(lambda _: None)
    teller.catch_up(teller._last_us())
    await teller.look(owner.clock.now_us())
    return [fact.sort for fact in told(owner) if fact.sort == "warned"]


def told(owner):
    return [each.fact for each in owner.ledger.tail() if isinstance(each.fact, e.OperatorTold)]


def test_g8_a_playbook_that_fails_too_often_is_paused_with_all_its_plans_and_new_ones_wait(workspace, world):
    async def scenario(owner):
        said = []
        owner.engine.hearers.append(said.append)
        await throttled(owner)
        waiting, _ = await start(owner, WAITS)
        failing = await fail_twice(owner)
        new, _ = await start(owner, FAILS)
        other, _ = await start(owner, msgspec.structs.replace(WAITS, name="another"))
        (fact,) = closed(owner)
        (shown,) = Views(owner.workspace).throttled()
        return (
            [is_paused(owner, each) for each in (waiting, *failing, new, other)],
            set(fact.paused) == {waiting, *failing},
            fact.says,
            said,
            (shown["playbook"], shown["says"], len(shown["plans"])),
        )

    paused, all_named, says, said, shown = run(workspace, world, scenario)
    assert (paused, all_named) == ([True, True, True, True, False], True)
    assert says == "2 failed within 1 hour"
    assert said == ["Plans of test wait for you: 2 failed within 1 hour. See them: mainstay throttle"]
    assert shown == ("test", says, 3)


def test_g8_the_operator_lets_it_go_on_and_it_is_counted_anew(workspace, world):
    async def scenario(owner):
        await throttled(owner)
        teller = owner.teller(lambda _: None)
        failing = await fail_twice(owner)
        await teller.look(owner.clock.now_us())
        held, _ = await start(owner, WAITS)
        before = world.words().count("calm")
        resumed = await answer(owner, "go-on")
        third, _ = await start(owner, FAILS)
        again = is_paused(owner, third), len(closed(owner))
        with pytest.raises(CommandRefusedError, match="No throttle holds"):
            await answer(owner, "go-on")
        await start(owner, FAILS)
        await settled(owner, third)
        await until_closed(owner, 2)
        await teller.look(owner.clock.now_us())
        standing = before, set(resumed) == {*failing, held}, world.words().count("calm"), again, len(closed(owner))
        return standing, [fact.sort for fact in told(owner)]

    standing, sorts = run(workspace, world, scenario)
    assert standing == (0, True, 1, (False, 1), 2)
    assert sorts == ["warned", "warned"], "each closing is told, also where they say the same"


def test_g8_what_the_operator_paused_stays_paused_when_a_throttle_opens(workspace, world):
    async def scenario(owner):
        await throttled(owner)
        mine, _ = await start(owner, WAITS)
        await owner.requests._methods["pause"](owner.requests, {"plan": mine}, lambda _: None)
        await fail_twice(owner)
        return mine in await answer(owner, "go-on"), is_paused(owner, mine)

    assert run(workspace, world, scenario) == (False, True)


@pytest.mark.parametrize("then", ["pause", "undo"])
def test_g8_what_it_did_is_taken_back_by_the_policy_or_by_the_operator(workspace, world, then):
    async def scenario(owner):
        await throttled(owner, then=then)
        waiting, _ = await start(owner, WAITS)
        failing = await fail_twice(owner)
        await settled(owner, waiting, *failing)
        before = world.words()
        if then == "pause":
            await answer(owner, "undo")
        await settled(owner, waiting, *failing)
        new, _ = await start(owner, FAILS)
        return before, [owner.engine.load(each).status for each in (waiting, *failing)], is_paused(owner, new)

    before, statuses, paused = run(workspace, world, scenario)
    assert before == (["calm", "one", "one"] if then == "pause" else [])
    assert (statuses, world.words(), paused) == (["undone"] * 3, [], True)


def test_g8_stopping_ends_the_plans_that_wait_and_leaves_what_they_did(workspace, world):
    async def scenario(owner):
        await throttled(owner)
        failing = await fail_twice(owner)
        await answer(owner, "stop")
        return [owner.engine.load(each).status for each in failing]

    assert run(workspace, world, scenario) == ["cancelled", "cancelled"]
    assert world.words() == ["one", "one"]


def test_g8_a_throttle_is_counted_from_the_history_after_a_restart_and_stays_closed(workspace, world):
    """What was on disk when the process died counts; a throttle that was reached closes at the next start."""

    async def first(owner):
        await throttled(owner)
        owner.engine.warn("Something else.", "test@1")
        await owner.teller(lambda _: None).look(owner.clock.now_us())
        return (await start(owner, FAILS))[0]

    async def second(owner):
        assert closed(owner) == []
        await start(owner, FAILS)
        await until_closed(owner)
        return len(closed(owner))

    async def third(owner):
        new, _ = await start(owner, FAILS)
        return is_paused(owner, new), len(closed(owner)), await caught_up(owner)

    run(workspace, world, first)
    assert run(workspace, world, second) == 1
    three_days_on = MovedClock(3 * 86_400)
    assert run(workspace, world, third, clock=three_days_on) == (True, 1, ["warned", "warned"]), "nobody had told of it"
    assert run(workspace, world, caught_up, clock=MovedClock(6 * 86_400)) == ["warned", "warned"], "it was told by then"


def test_g8_what_was_is_counted_without_reading_a_plan_again_for_each_of_its_facts(workspace, world, monkeypatch):
    """It took minutes at each start of a workspace with a long history."""

    async def scenario(owner):
        await throttled(owner)
        plan_id, _ = await start(owner, plan(*(do(f"s{at}", "test.say", "one") for at in range(9))))
        loaded, load = [], owner.engine.load
        monkeypatch.setattr(owner.engine, "load", lambda name: loaded.append(name) or load(name))
        owner.throttling._playbooks.clear()
        owner.throttling.begin()
        return loaded.count(plan_id)

    assert run(workspace, world, scenario) == 1


def test_g8_a_bound_that_was_reached_when_the_process_died_closes_at_the_start(workspace, world):
    async def unbounded(owner):
        return await fail_twice(owner)

    async def later(owner):
        await throttled(owner)  # the same as a crash between the last failure and the pause
        return [is_paused(owner, each) for each in failing]

    failing = run(workspace, world, unbounded)
    assert run(workspace, world, later) == [True, True]


@pytest.mark.parametrize(("reached", "standing"), [(2, [True, True]), (1, [False])])
def test_g8_a_bound_that_was_reached_when_the_process_died_closes_after_a_long_rest_too(
    workspace, world, reached, standing
):
    """A machine was off for longer than the throttle looks back: what had been reached was forgotten."""

    async def dies(owner):
        await throttled(owner)
        owner.engine.witnesses.remove(owner.throttling._hear)  # it ends before it looks
        plans = [(await start(owner, FAILS))[0] for _ in range(reached)]
        await settled(owner, *plans)
        assert closed(owner) == []
        return plans

    async def later(owner):
        return [is_paused(owner, each) for each in failing]

    failing = run(workspace, world, dies)
    assert run(workspace, world, later, clock=MovedClock(7 * 86_400)) == standing


@pytest.mark.parametrize(("reached", "standing"), [(2, [True, True]), (1, [False])])
def test_g8_a_bound_that_was_reached_when_the_process_died_closes_whatever_was_recorded_since(
    workspace, world, reached, standing
):
    """A fact of another plan hid it: it was looked at as of the last record of anything."""

    async def dies(owner):
        await throttled(owner)
        owner.engine.witnesses.remove(owner.throttling._hear)  # it ends before it looks
        plans = [(await start(owner, FAILS))[0] for _ in range(reached)]
        await settled(owner, *plans)
        owner.clock.move(86_400)
        await start(owner, msgspec.structs.replace(FAILS, name="another"))
        assert closed(owner) == []
        return plans

    async def later(owner):
        return [is_paused(owner, each) for each in failing]

    async def let_on(owner):
        if all(standing):
            await answer(owner, "go-on")

    async def once_more(owner):
        return owner.engine.waiting

    failing = run(workspace, world, dies, clock=MovedClock())
    assert run(workspace, world, later, clock=MovedClock(7 * 86_400)) == standing
    run(workspace, world, let_on, clock=MovedClock(8 * 86_400))
    assert run(workspace, world, once_more, clock=MovedClock(9 * 86_400)) == {}, "it is counted anew"


def test_g8_a_clock_that_was_set_back_and_right_again_lets_a_throttle_forget_nothing_at_a_restart(workspace, world):
    """What came before it was set back was not read again: the first of two failures counted no more."""
    a_year_s = 365 * 86_400

    async def before(owner):
        await throttled(owner)
        await start(owner, FAILS)
        owner.clock.move(-a_year_s)
        await start(owner, plan(*(do(f"s{at}", "test.say", "one") for at in range(9))))
        owner.clock.move(a_year_s)
        await start(owner, msgspec.structs.replace(WAITS, name="another"))

    async def later(owner):
        await start(owner, FAILS)
        await until_closed(owner)
        return [fact.says for fact in closed(owner)]

    run(workspace, world, before, clock=MovedClock())
    assert run(workspace, world, later, clock=MovedClock(60)) == ["2 failed within 1 hour"]


def test_g8_a_throttle_is_not_closed_by_what_was_long_before_it_was_made(workspace, world):
    async def made(owner):
        await throttled(owner)
        return closed(owner)

    async def later(owner):
        return closed(owner)

    run(workspace, world, fail_twice)
    for scenario, days in ((made, 1), (later, 2)):
        assert run(workspace, world, scenario, clock=MovedClock(days * 86_400)) == []


def test_g8_what_failed_counts_as_of_when_it_was_recorded_however_late_it_is_heard(workspace, world):
    """A machine that sleeps between both, for longer than the throttle looks back, forgot what was before."""

    async def scenario(owner):
        await throttled(owner)
        hear = owner.throttling._hear

        def late(plan_id, facts, plan, position, at_us):
            if any(isinstance(fact, (e.StepFailed, e.StepStuck)) for fact in facts):
                owner.clock.move(2 * 3600)
            hear(plan_id, facts, plan, position, at_us)

        await start(owner, FAILS)
        owner.engine.witnesses[owner.engine.witnesses.index(hear)] = late
        await start(owner, FAILS)
        await until_closed(owner)
        return len(closed(owner))

    assert run(workspace, world, scenario, clock=MovedClock()) == 1


def test_g8_a_share_is_reached_by_the_last_that_it_needs_though_that_one_is_done(workspace, world):
    async def scenario(owner):
        await throttled(owner, when='failed: "50% of 3"')
        failing, _ = await start(owner, plan(do("b", "test.refuse", "permanent"), do("c", "test.refuse", "permanent")))
        await settled(owner, failing)
        before = closed(owner)
        await start(owner, plan(do("a", "test.say", "one")))
        await until_closed(owner)
        return before, [fact.says for fact in closed(owner)]

    assert run(workspace, world, scenario) == ([], ["2 of 3 failed within 1 hour"])


def test_g8_noes_of_the_operator_count_and_what_a_rule_forbids_does_not(workspace, world):
    async def scenario(owner):
        await throttled(owner, when="rejected: 2, failed: 1")
        forbids = "- {id: never, do: test.whisper, then: deny, why: Not here.}\n"
        path = owner.workspace.root / "policies" / "more.yaml"
        path.write_text(forbids)
        activation = owner.requests.activation
        wanted = [Wanted(one.kind, one.name, one.digest) for one in changes(activation.versions, owner.workspace.root)]
        await activation.activate(wanted, owner.workers, owner.clock.now_us())
        await start(owner, plan(do("a", "test.whisper", "x")))
        for _ in range(2):
            _, standing = await start(owner, plan(do("a", "test.shout", "x")))
            assert closed(owner) == []
            await rule(owner, standing["questions"][0], "reject")
        await until_closed(owner)
        return [fact.says for fact in closed(owner)]

    assert run(workspace, world, scenario) == ["you said no 2 times within 1 hour"]


WRONG = [
    ("- {id: bad, throttle: tets, when: {failed: 2}, within: 1h, then: pause, why: W.}", "no playbook 'tets'; did you"),
    ("- {id: bad, throttle: test, within: 1h, then: pause, why: W.}", "has no 'when'"),
    ("- {id: bad, throttle: test, when: {failed: 2}, then: pause, why: W.}", "has no 'within'"),
    ("- {id: bad, throttle: test, when: {failed: 2}, within: 1h, why: W.}", "has no 'then'"),
    ("- {id: bad, throttle: test, when: {failed: 2}, within: 1h, then: deny, why: W.}", "pause or undo, not 'deny'"),
    ("- {id: bad, throttle: test, when: {faild: 2}, within: 1h, then: pause, why: W.}", "'faild' is nothing"),
    ("- {id: bad, throttle: test, when: {}, within: 1h, then: pause, why: W.}", "nothing is counted"),
    ("- {id: bad, throttle: test, when: {failed: 0}, within: 1h, then: pause, why: W.}", "whole number from 1"),
    ("- {id: bad, throttle: test, when: {failed: many}, within: 1h, then: pause, why: W.}", "no such count"),
    ('- {id: bad, throttle: test, when: {failed: "120% of 3"}, within: 1h, then: pause, why: W.}', "1% to 100%"),
    ('- {id: bad, throttle: test, when: {spent: "5"}, within: 1h, then: pause, why: W.}', "is no money"),
    ("- {id: bad, throttle: test, when: {failed: 2}, within: soon, then: pause, why: W.}", "not a duration"),
    ("- {id: bad, throttle: test, when: {failed: 2}, within: 99d, then: pause, why: W.}", "up to 31d"),
    ("- {id: bad, throttle: test, do: x.y, when: {failed: 2}, within: 1h, then: pause, why: W.}", "'do' is no key"),
    ("- {id: bad, throttle: test, when: {failed: 2}, within: 1h, then: pause}", "no 'why'"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_throttle_with_a_mistake_is_refused_and_named(workspace, world, text, says):
    async def scenario(owner):
        (owner.workspace.root / "policies" / "own.yaml").write_text(text + "\n")
        activation = owner.requests.activation
        wanted = [Wanted(one.kind, one.name, one.digest) for one in changes(activation.versions, owner.workspace.root)]
        with pytest.raises(PlaybookError, match=says):
            await activation.activate(wanted, owner.workers, owner.clock.now_us())

    run(workspace, world, scenario)


def test_the_documented_throttle_is_in_order_and_says_what_it_bounds():
    docs = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
    text = docs.partition("test_throttles.py -->\n```yaml\n")[2].partition("```")[0]
    (found,) = rules_of_file("policies/own.yaml", text.encode(), (), {})
    assert found.throttle is not None
    assert say_bounds(found.throttle) == (
        "20 % of at least 10 failed, or 5 refused by you, or 5 % of at least 20 mails came back,"
        " or more than 500.00 EUR moved, or more than 500.00 USD moved, within 1 hour"
    )


def test_g8_new_plans_that_wait_for_a_turn_wait_for_the_throttle_as_well(workspace, world):
    limited = msgspec.structs.replace(FAILS, limit=1)

    async def scenario(owner):
        await throttled(owner, when="failed: 1")
        first, _ = await start(owner, limited)
        await settled(owner, first)
        new, _ = await start(owner, limited)
        held = owner.engine.load(new).status, is_paused(owner, new)
        await answer(owner, "stop")
        resumed, _ = await start(owner, limited)
        await answer(owner, "go-on")
        await settled(owner, resumed)
        return held, is_paused(owner, resumed), len(closed(owner))

    assert run(workspace, world, scenario) == (("approved", True), True, 2), "it fails again, and closes again"


def test_g8_a_plan_that_cannot_be_read_keeps_no_throttle_from_taking_back_the_others(workspace, world):
    async def scenario(owner):
        await throttled(owner, then="undo")
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        now_us = owner.clock.now_us()
        return plan_id, owner.throttling._undoing(("there0is0none", plan_id), 0, "throttle", "two failed", now_us)

    plan_id, taking = run(workspace, world, scenario)
    assert [*taking] == [plan_id]


def since(owner, moment):
    """Let the throttle's time begin at a moment, as if what was done before it lay longer back than it looks."""
    owner.throttling._tallies["test"].open(owner.ledger.head()[0], moment)


@pytest.mark.parametrize("then", ["pause", "undo"])
def test_g8_only_what_was_done_within_the_time_is_taken_back(workspace, world, then):
    """What it did before stays, and its plan stands where it ended: the rule speaks of that time, and of no other."""
    steps = (
        do("a", "test.say", "before"),
        do("w", "test.shout", "asked", needs=after("a")),
        do("b", "test.say", "within", needs=after("w")),
        do("c", "test.refuse", "permanent", needs=after("b")),
    )

    async def scenario(owner):
        await throttled(owner, "failed: 1", then)
        plan_id, standing = await start(owner, plan(*steps))
        since(owner, owner.clock.now_us())
        await rule(owner, standing["questions"][0], "approve")
        await until_closed(owner)
        if then == "pause":
            await answer(owner, "undo")
        await settled(owner, plan_id)
        return owner.engine.load(plan_id).status, owner.engine.load(plan_id).not_undone, owner.ledger.differing()

    status, left, differing = run(workspace, world, scenario)
    assert (status, left, differing) == ("cancelled", ("w",), [])
    assert world.words() == ["asked", "before"]


def test_g8_of_a_long_list_only_the_items_within_the_time_are_taken_back(workspace, world):
    """Its parts are child plans: one from before stays, one from within goes, one on the border is split."""
    words = [f"w{number:03}" for number in range(250)]

    async def scenario(owner):
        await throttled(owner, "failed: 1", "pause")
        listed = each(do("a", "test.say", "x", at_once=10))
        plan_id, _ = await start(
            owner, plan(listed, do("c", "test.refuse", "permanent", needs=after("a"))), words=words
        )
        await until_closed(owner)
        parts = owner.engine.load(plan_id).slots["a"].children
        done = [
            event.recorded_at_us
            for part in parts
            for event in owner.ledger.read(f"plan:{part}")
            if isinstance(event.fact, e.EffectDone)
        ]
        border_us = sorted(done)[150]
        (closed_fact,) = closed(owner)
        plans = owner.throttling._undoing([plan_id], border_us, "operator", "x", owner.clock.now_us())
        await owner.engine.submit_all([(of, one) for of, given_ in plans.items() for one in given_], actor="operator")
        await owner.requests.follow(plan_id, lambda _: None)
        later = [at for at in done if at > border_us]
        return len(parts), len(later), owner.engine.load(plan_id).status, closed_fact.since_us < border_us

    parts, later, status, known = run(workspace, world, scenario, seconds=60)
    assert (parts, status, known) == (3, "cancelled", True)
    assert 0 < later < 110
    assert len(world.words()) == 250 - later
