"""S66: an agent approves nothing by a tool, whatever its contract says it may call."""

from __future__ import annotations

import pytest
from calling_kit import play, step
from kit import do, plan, start

from mainstay.app import contracts_to_read
from mainstay.errors import UnknownNameError
from mainstay.kernel.graph import Retry
from mainstay.requests.methods import METHODS


@pytest.mark.parametrize("method", ["decide", "activate", "token_make", "link", "policy.write"])
def test_s66_an_agent_that_calls_what_only_the_operator_can_ask_for_finds_no_such_operation(workspace, world, method):
    async def scenario(owner):
        waiting, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        tries, _ = await start(owner, plan(step("ruler", method, retry=Retry(attempts=1))))
        slot = owner.engine.load(tries).slots["draft"]
        return slot.failure, list(owner.engine.load(waiting).questions) == standing["questions"]

    failure, still_open = play(workspace, world, scenario)
    assert f"There is no operation '{method}'" in failure.message
    assert still_open
    assert world.words() == []


def test_s66_nothing_that_the_operator_can_ask_for_is_an_operation():
    known = contracts_to_read(None)
    for method in METHODS:
        with pytest.raises(UnknownNameError):
            known.operation(method)
