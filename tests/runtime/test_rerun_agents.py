"""Reruns of lists whose items are agents that act (KERNEL P6, J1)."""

from __future__ import annotations

import pytest
from calling_kit import play, step
from kit import each, plan, start, undo
from msgspec.structs import replace

from mainstay import commands as c
from mainstay.kernel.graph import Retry
from mainstay.requests.rerun import METHODS


@pytest.mark.parametrize("taken_back", [False, True])
def test_p6_what_an_agent_of_a_list_did_before_it_failed_bars_a_rerun_of_it_until_it_is_taken_back(
    workspace, world, taken_back
):
    async def scenario(owner):
        listed = replace(each(step("failing")), retry=Retry(attempts=1))
        plan_id, _ = await start(owner, plan(listed), words=["one", ""])
        await owner.engine.submit(plan_id, c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        await owner.requests.follow(plan_id, lambda _: None)
        if taken_back:
            await undo(owner, plan_id)
        params = {"plan": plan_id, "start": "draft"}
        (row,) = (await METHODS["rerun_preview"](owner.requests, params, lambda _: None))["later"]
        return "failed" in row["choices"]

    assert play(workspace, world, scenario) == taken_back
