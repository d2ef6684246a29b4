"""What the operator says of an open question without answering it: put off until later, noted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import commands as c
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit


async def _snooze(desk: Requests, params: Params, emit: Emit) -> Params:
    """Put a question off for `seconds`; gives until when, microseconds UTC."""
    del emit
    now_us = desk.clock.now_us()
    until_us = now_us + int(params["seconds"]) * SECOND_US
    decision: str = params["decision"]
    await _say(desk, decision, c.SnoozeQuestion(now_us=now_us, decision=decision, until_us=until_us, by="operator"))
    return {"plan": decision.rpartition(".")[0], "until_us": until_us}


async def _note(desk: Requests, params: Params, emit: Emit) -> Params:
    """Keep `text` on a question's card."""
    del emit
    decision: str = params["decision"]
    note = c.NoteQuestion(now_us=desk.clock.now_us(), decision=decision, text=params["text"], by="operator")
    await _say(desk, decision, note)
    return {"plan": decision.rpartition(".")[0]}


async def _say(desk: Requests, decision: str, command: c.PlanCommand) -> None:
    await desk.engine.submit(decision.rpartition(".")[0], command, actor="operator")


METHODS: Mapping[str, Method] = {"snooze": _snooze, "note": _note}
