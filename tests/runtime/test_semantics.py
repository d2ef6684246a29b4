"""L10: plans under the last two semantics run side by side; those of others are left alone, and the rest goes on."""

from __future__ import annotations

import pytest
from kit import do, facts, plan, rule, run, start, undo

from mainstay import events as e
from mainstay.cli import doctor
from mainstay.errors import LedgerError
from mainstay.kernel import rules
from mainstay.views import Views


def release(monkeypatch, number):
    """Let this be the release whose present semantics have this number."""
    monkeypatch.setattr(rules, "KERNEL", number)
    monkeypatch.setattr(rules, "KERNELS", (number - 1, number))


def asked(word):
    """A scenario: something was done, and something else waits for a yes."""

    async def scenario(owner):
        definition = plan(do("said", "test.say", f"{word} said"), do("a", "test.shout", word))
        return (await start(owner, definition))[1]["questions"][0]

    return scenario


def refusal(plan_id, number, have):
    return rf"Plan {plan_id} began under other rules \(number {number}\) than this Mainstay has \({have}\)"


def test_l10_plans_of_the_last_two_numbers_run_side_by_side_in_one_owner(workspace, world, monkeypatch):
    with monkeypatch.context() as before:
        release(before, 1)
        old = run(workspace, world, asked("one"))
    new = run(workspace, world, asked("two"))
    old_plan, new_plan = old.rpartition(".")[0], new.rpartition(".")[0]

    async def both(owner):
        assert [facts(owner, one, e.PlanStarted)[0].kernel for one in (old_plan, new_plan)] == [1, 2]
        ended = [(await rule(owner, decision, "approve"))["status"] for decision in (old, new)]
        for one in (old_plan, new_plan):
            await undo(owner, one)
        return ended

    assert [finding.state for finding in doctor._rules(workspace)] == ["ok"]
    assert run(workspace, world, both) == ["completed", "completed"]
    with Views(workspace) as views:
        for one in (old_plan, new_plan):
            assert views.replay(one)["first_difference"] == ""
        assert views.plan(old_plan).kernel == 1


def test_l10_what_waits_under_the_number_before_last_is_left_alone_and_the_others_go_on(workspace, world, monkeypatch):
    with monkeypatch.context() as before:
        release(before, 1)
        old, done = run(workspace, world, asked("one")), run(workspace, world, asked("done"))
        assert run(workspace, world, lambda owner: rule(owner, done, "approve"))["status"] == "completed"
    ours = run(workspace, world, asked("two"))
    release(monkeypatch, 3)
    old_plan, done_plan = old.rpartition(".")[0], done.rpartition(".")[0]

    async def go_on(owner):
        with pytest.raises(LedgerError, match=refusal(old_plan, 1, "2 and 3")) as raised:
            owner.requests.rule(old, {"choice": "approve"})
        assert "All other plans go on" in raised.value.remedy
        owner.engine.resume([old_plan])
        assert list(owner.engine.broken) == [old_plan]
        with pytest.raises(LedgerError, match=refusal(done_plan, 1, "2 and 3")):
            await undo(owner, done_plan)
        return (await rule(owner, ours, "approve"))["status"]

    assert run(workspace, world, go_on) == "completed"
    assert world.words() == ["done", "done said", "one said", "two", "two said"]
    (found,) = doctor._rules(workspace)
    assert (found.state, old_plan in found.says, found.says.count("number 1, and this Mainstay has 2 and 3")) == (
        "wrong",
        True,
        1,
    )
    with Views(workspace) as views:
        assert views.left_alone() == {old_plan: 1}
        assert [row["kind"] for row in views.inbox()] == ["unreadable"]
        assert views.plan(done_plan).status == "completed", "what ended can be looked at for ever"
        with pytest.raises(LedgerError, match=refusal(done_plan, 1, "2 and 3")):
            views.replay(done_plan)


def test_l10_a_plan_of_a_later_release_is_left_alone_until_that_release_is_back(workspace, world, monkeypatch):
    with monkeypatch.context() as other:
        release(other, 9)
        strange = run(workspace, world, asked("one"))
    ours = run(workspace, world, asked("two"))
    strange_plan = strange.rpartition(".")[0]

    async def go_on(owner):
        with pytest.raises(LedgerError, match=refusal(strange_plan, 9, "1 and 2")):
            owner.requests.rule(strange, {"choice": "approve"})
        return (await rule(owner, ours, "approve"))["status"]

    assert run(workspace, world, go_on) == "completed"
    with Views(workspace) as views:
        assert {row["plan"] for row in views.plans()} == {strange_plan, ours.rpartition(".")[0]}
        assert [row["kind"] for row in views.inbox()] == ["unreadable"]
    with monkeypatch.context() as other:
        release(other, 9)
        assert run(workspace, world, lambda owner: rule(owner, strange, "approve"))["status"] == "completed"
