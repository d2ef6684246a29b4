"""When plans run: pause one, resume it or give the go-ahead, edit what has not started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import commands as c
from mainstay.errors import InputError
from mainstay.kernel.state import ENDED
from mainstay.kernel.words import STATUS
from mainstay.requests.plans import inputs_of
from mainstay.runtime.admission import places_of
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit


async def _pause(desk: Requests, params: Params, emit: Emit) -> Params:
    command = c.PausePlan(now_us=desk.clock.now_us(), by="operator", reason=params.get("reason") or "")
    await desk.engine.submit(params["plan"], command, actor="operator")
    return await desk.taken(params["plan"], emit)


async def _resume(desk: Requests, params: Params, emit: Emit) -> Params:
    """Go on with what was paused, or give the go-ahead to what was only proposed."""
    now_us, plan_id = desk.clock.now_us(), params["plan"]
    proposed = desk.engine.load(plan_id).status == "proposed"
    command = c.ApprovePlan(now_us=now_us, by="operator") if proposed else c.ResumePlan(now_us=now_us, by="operator")
    await desk.engine.submit(plan_id, command, actor="operator")
    return await desk.taken(plan_id, emit)


async def _edit(desk: Requests, params: Params, emit: Emit) -> Params:
    """Change some inputs, the priority or the expiry of a plan that waits for the go-ahead; the rest stays.

    An expiry is given in seconds from now; 0 means never.
    """
    plan_id, now_us = params["plan"], desk.clock.now_us()
    plan = desk.engine.load(plan_id)
    if plan.status != "proposed":
        raise InputError(
            f'Plan {plan_id} stands at "{STATUS[plan.status]}"; only what waits for your go-ahead can be edited.',
            remedy=f"Run it anew: mainstay rerun {plan_id} name=value"
            if plan.status in ENDED
            else f"End it with `mainstay cancel {plan_id}`, and run it anew.",
        )
    before = desk.payloads.load(plan.inputs)
    changed = inputs_of(desk, plan.graph.definition, params, partly=True)
    inputs = {**(before if isinstance(before, dict) else {}), **changed}
    expires_at_us = plan.expires_at_us
    if params.get("expires_s") is not None:
        expires_at_us = now_us + params["expires_s"] * SECOND_US if params["expires_s"] else None
    command = c.EditPlan(
        now_us=now_us,
        by="operator",
        inputs=desk.payloads.keep(inputs, plan=plan),
        labels=plan.labels,
        expires_at_us=expires_at_us,
        keys=places_of(desk.engine.parts, plan.graph, inputs, now_us),
        priority=plan.priority if params.get("priority") is None else params["priority"],
    )
    await desk.engine.submit(plan_id, command, actor="operator")
    return await desk.taken(plan_id, emit)


METHODS: Mapping[str, Method] = {"pause": _pause, "resume": _resume, "edit": _edit}
