"""L10: a plan that began under semantics this release does not have is left alone, and the others go on."""

from __future__ import annotations

import pytest
from kit import World, do, make_workspace, plan, rule, run, start

from mainstay.errors import LedgerError
from mainstay.kernel import life
from mainstay.kernel import plan as kernel_plan
from mainstay.views import Views


@pytest.fixture
def workspace(tmp_path):
    return make_workspace(tmp_path / "acme")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


def test_l10_a_plan_of_unknown_semantics_is_left_alone_and_the_others_go_on(workspace, world, monkeypatch):
    async def of_another_release(owner):
        return (await start(owner, plan(do("a", "test.shout", "one"))))[1]["questions"][0]

    async def of_this_release(owner):
        return (await start(owner, plan(do("a", "test.shout", "two"))))[1]["questions"][0]

    with monkeypatch.context() as other:
        other.setattr(life, "KERNEL", 9)
        other.setattr(kernel_plan, "KERNELS", {1, 9})
        strange = run(workspace, world, of_another_release)
    ours = run(workspace, world, of_this_release)
    strange_plan = strange.rpartition(".")[0]

    async def go_on(owner):
        with pytest.raises(LedgerError, match=rf"Plan {strange_plan} began under other rules \(number 9\)") as raised:
            owner.requests.rule(strange, {"choice": "approve"})
        assert "All other plans go on" in raised.value.remedy
        owner.engine.resume([strange_plan])
        assert list(owner.engine.broken) == [strange_plan]
        return (await rule(owner, ours, "approve"))["status"]

    assert run(workspace, world, go_on) == "completed"
    assert world.words() == ["two"]
    with Views(workspace) as views:
        assert {row["plan"] for row in views.plans()} == {strange_plan, ours.rpartition(".")[0]}
        assert [row["kind"] for row in views.inbox()] == ["unreadable"]

    with monkeypatch.context() as other:
        other.setattr(kernel_plan, "KERNELS", {1, 9})

        async def its_own_release(owner):
            return (await rule(owner, strange, "approve"))["status"]

        assert run(workspace, world, its_own_release) == "completed"
