"""A wait for a day: the day begins where the company is, not where the machine is."""

from __future__ import annotations

import time

import msgspec
from kit import TYPES, plan, run

from mainstay import events as e
from mainstay.kernel.graph import Cel, Step
from mainstay.values import SECOND_US

DAY = Cel("date('2030-01-14') + days(1)")
MIDNIGHT_UTC_S = 1_894_665_600


def test_a_day_that_is_waited_for_begins_at_midnight_of_the_company(workspace, world, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()

    async def scenario(owner):
        definition = plan(Step(name="w", kind="wait", until=DAY))
        plan_id, committed = owner.requests.propose(msgspec.structs.replace(definition, types=TYPES), {})
        await committed
        await owner.requests.follow(plan_id, lambda _: None)
        return [each.fact.until_us for each in owner.ledger.tail(limit=500) if isinstance(each.fact, e.WaitStarted)]

    try:
        assert run(workspace, world, scenario) == [MIDNIGHT_UTC_S * SECOND_US]
    finally:
        monkeypatch.undo()
        time.tzset()
