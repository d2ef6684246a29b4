"""What stands between deciding and doing: the commit, and large values on disk before it (KERNEL L5, L8)."""

from __future__ import annotations

import asyncio

from kit import do, facts, plan, run

from mainstay import events as e
from mainstay.values import BLOB_OVER_BYTES, BlobRef

LARGE = "ä" * BLOB_OVER_BYTES


def test_l5_nothing_is_dispatched_before_its_commit(workspace, world):
    async def scenario(owner):
        with owner.ledger.held():
            plan_id, committed = owner.requests.propose(plan(do("say", "test.say", "a")), {})
            await asyncio.sleep(0.1)
            assert not committed.done()
            assert world.words() == []
        assert (await owner.requests.follow(plan_id, lambda _: None))["status"] == "completed"
        assert world.words() == ["a"]

    run(workspace, world, scenario)


def test_l8_a_value_over_4_kib_is_a_blob_on_disk_before_the_fact_that_names_it(workspace, world):
    async def scenario(owner):
        with owner.ledger.held():
            plan_id, committed = owner.requests.propose(plan(do("say", "test.say", "a")), {"large": LARGE})
            stored = {digest for digest, _, _ in owner.payloads.raw.digests()}
        await committed
        inputs = facts(owner, plan_id)[0].inputs
        assert isinstance(inputs, BlobRef)
        assert inputs.digest in stored
        assert owner.payloads.load(inputs) == {"large": LARGE}

    run(workspace, world, scenario)


def test_l8_no_fact_of_a_plan_holds_what_went_into_it(workspace, world):
    async def scenario(owner):
        plan_id, _ = owner.requests.propose(plan(do("say", "test.say", LARGE)), {"large": LARGE})
        assert (await owner.requests.follow(plan_id, lambda _: None))["status"] == "completed"
        found = facts(owner, plan_id)
        assert LARGE not in repr(found)
        (done,) = (fact for fact in found if isinstance(fact, e.EffectDone))
        assert isinstance(done.output, BlobRef)

    run(workspace, world, scenario)
