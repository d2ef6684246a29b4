"""A throttle in a workspace of `runtime/kit.py`: set, reached and answered."""

from __future__ import annotations

import asyncio

from kit import after, do, plan, start

from mainstay import events as e
from mainstay.app import create_workspace
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.changes import changes

BAD = "- {{id: bad, throttle: test, when: {{{when}}}, within: 1h, then: {then}, why: Something is wrong with it.}}\n"
FAILS = plan(do("a", "test.say", "one"), do("b", "test.refuse", "permanent", needs=after("a")))
WAITS = plan(do("a", "test.say", "calm"), do("b", "test.shout", "loud", needs=after("a")))


def workspace_in(folder):
    """Make a workspace that knows the playbook which is throttled."""
    made = create_workspace(folder, name="Acme")
    (made.root / "playbooks" / "test.yaml").write_text(
        'playbook: test\ntitle: "Named by throttles"\nsteps:\n  nap: {wait: {until: 1s}}\n'
    )
    return made


async def throttled(owner, when="failed: 2", then="pause"):
    (owner.workspace.root / "policies" / "own.yaml").write_text(BAD.format(when=when, then=then))
    activation = owner.requests.activation
    wanted = [Wanted(one.kind, one.name, one.digest) for one in changes(activation.versions, owner.workspace.root)]
    return await activation.activate(wanted, owner.workers, owner.clock.now_us())


async def answer(owner, way):
    told = await owner.requests._methods["throttle"](owner.requests, {"playbook": "test", "way": way}, lambda _: None)
    await settled(owner, *told["plans"])
    return told["plans"]


async def settled(owner, *plans):
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if all(owner.engine.is_settled(each) for each in plans):
            return


async def until_closed(owner, times=1):
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if len(closed(owner)) == times:
            return


async def fail_twice(owner):
    first, _ = await start(owner, FAILS)
    second, _ = await start(owner, FAILS)
    await settled(owner, first, second)
    return first, second


def is_paused(owner, plan_id):
    return owner.engine.load(plan_id).paused_at_us is not None


def closed(owner):
    return [each.fact for each in owner.ledger.read("throttle:test") if isinstance(each.fact, e.ThrottleClosed)]
