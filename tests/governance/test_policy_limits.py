"""The `limits` of rules: budgets keep them from the activation on, over restarts; turns keep what happens at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "runtime"))

from kit import World, do, facts, noon, plan, run, start
from policy_kit import rules

from mainstay import events as e
from mainstay.app import create_workspace
from mainstay.kernel.budget import Cap
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.changes import changes
from mainstay.playbooks.policy_limits import policy_caps, policy_limits
from mainstay.runtime.turns import Turns


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return create_workspace(tmp_path / "acme", name="Acme")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


async def activate(owner, text):
    (owner.workspace.root / "policies" / "own.yaml").write_text(text)
    activation = owner.requests.activation
    wanted = [Wanted(one.kind, one.name, one.digest) for one in changes(activation.versions, owner.workspace.root)]
    await activation.activate(wanted, owner.workers, owner.clock.now_us())


def test_t2_limits_become_caps_over_all_that_a_rule_is_about():
    source = "- {id: few, do: mail.*, limits: {per_day: 50, per_plan: 10, at_once: 2}}\n"
    made = rules(source + "- {id: one, do: mail.send, limits: {at_once: 1}}\n")
    assert policy_caps(made) == [
        Cap("rule few", "day", {"count": 50}, ("mail.send", "mail.move")),
        Cap("rule few", "plan", {"count": 10}, ("mail.send", "mail.move")),
    ]
    assert policy_limits(made) == {"mail.move": 2, "mail.send": 1}


def test_g6_a_limit_of_a_rule_holds_from_its_activation_on_and_after_a_restart(workspace, world):
    async def say(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "hello")))
        return bool(facts(owner, plan_id, e.EffectDone))

    async def first(owner):
        before = await say(owner)
        await activate(owner, "- {id: few, do: test.say, limits: {per_day: 2}}\n")
        return [before, *[await say(owner) for _ in range(3)]]

    async def second(owner):
        still = await say(owner)
        await activate(owner, "- {id: few, do: test.say, limits: {per_day: 3}}\n")
        return [still, await say(owner), await say(owner)]

    clock = noon()
    assert run(workspace, world, first, clock=clock()) == [True, True, False, False], (
        "what left before it in its day counts"
    )
    assert run(workspace, world, second, clock=clock()) == [False, True, False]


def test_p3_other_limits_hold_from_then_on_and_wake_who_waits():
    woken, soon = [], []
    turns = Turns({"mail.send": 1}, woken.append, lambda call, name: soon.append((call, name)))

    def use(limits):
        soon.clear()
        turns.use(limits)
        for call, name in soon:
            call(name)

    assert turns.take("p1", "a", ["mail.send"], 0)
    assert not turns.take("p2", "a", ["mail.send"], 0)
    use({"mail.send": 2, "bank.pay": 1})
    assert woken == ["p2"]
    assert turns.take("p3", "a", ["bank.pay"], 0)
    assert not turns.take("p4", "a", ["bank.pay"], 0)
    use({})
    assert woken == ["p2", "p4"]
    assert turns.take("p5", "a", ["bank.pay"], 0)
