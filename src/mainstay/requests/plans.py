"""What is asked of plans: run one, answer its questions, undo it, end it, follow it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mainstay import commands as c
from mainstay.errors import CommandRefusedError
from mainstay.kernel.state import is_over
from mainstay.kernel.undo import outcomes, seen_of
from mainstay.playbooks.ahead import asking_first
from mainstay.playbooks.inputs import read_inputs
from mainstay.playbooks.shelf import open_to_run
from mainstay.requests.files import file_content
from mainstay.requests.once import id_for, is_there
from mainstay.requests.ruling import edits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.kernel.graph import Definition
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Value


async def _run(desk: Requests, params: Params, emit: Emit) -> Params:
    plan_id = id_for(desk, params)
    if await is_there(desk, plan_id):
        return await desk.taken(plan_id, emit)
    own = desk.activation.playbooks
    definition = open_to_run(desk.root, params["playbook"], desk.contracts, own, by_hand=True)
    inputs = inputs_of(desk, definition, params)
    definition = asking_first(definition) if params.get("ask_first") else definition
    hold, priority = bool(params.get("hold")), params.get("priority")
    _, committed = desk.propose(definition, inputs, hold=hold, priority=priority, plan_id=plan_id)
    await committed
    return await desk.taken(plan_id, emit)


def inputs_of(desk: Requests, definition: Definition, params: Params, *, partly: bool = False) -> dict[str, Value]:
    """Read `name=value` texts. The asker hands over the files they name; others are read from the asker's folder.

    `partly` gives only those that are named; else what is left out has its default, or is asked for with InputError.
    """
    folder = Path(params.get("folder") or desk.root)
    handed: dict[str, bytes] = params.get("files") or {}

    def pin(text: str) -> Value:
        return desk.pin(Path(text).name, handed[text] if text in handed else file_content(folder / text))

    return read_inputs(definition, params.get("inputs") or (), pin, partly=partly)


async def _decide(desk: Requests, params: Params, emit: Emit) -> Params:
    decision = params["decision"]
    await desk.rule(decision, params)
    return await desk.taken(decision.rpartition(".")[0].partition("-")[0], emit)


async def _preview(desk: Requests, params: Params, emit: Emit) -> Params:
    """Say what an approval with changes would approve: a card for each action, and policy's word. Records nothing."""
    del emit
    decision = params["decision"]
    cards = [
        {"path": command.path, "card": card, "verdict": command.verdict.decision, "why": command.verdict.why}
        for command, card in edits(desk, decision, params)
    ]
    return {"plan": decision.rpartition(".")[0], "cards": cards}


async def _undo(desk: Requests, params: Params, emit: Emit) -> Params:
    _refuse_part(desk, params["plan"])
    _refuse_more(desk, params["plan"], params.get("listed"))
    command = c.UndoPlan(now_us=desk.clock.now_us(), by="operator", reason=params.get("reason") or "")
    await desk.engine.submit(params["plan"], command, actor="operator")
    return await desk.taken(params["plan"], emit)


def _refuse_more(desk: Requests, plan_id: str, seen: str | None) -> None:
    """Refuse to take back what the operator was not shown: the yes was to the list that `seen_of` calls `seen`."""
    if seen is not None and seen_of(outcomes(desk.engine.load, desk.engine.load(plan_id))) != seen:
        raise CommandRefusedError(
            f"Nothing was undone: plan {plan_id} went on since you were shown the list.",
            remedy=f"Look at the new list, and say yes to that: mainstay undo {plan_id}",
        )


def _refuse_part(desk: Requests, plan_id: str) -> None:
    """Refuse to take back alone what the plan above goes on with."""
    plan = desk.engine.load(plan_id)
    parent = desk.engine.load(plan.parent.partition("/")[0]) if plan.parent else plan
    if plan.status == "completed" and not is_over(parent):
        root = plan_id.partition("-")[0]
        raise CommandRefusedError(
            f"Plan {plan_id} belongs to plan {parent.id}, which goes on with its result.",
            remedy=f"Take everything back with: mainstay undo {root}",
        )


async def _cancel(desk: Requests, params: Params, emit: Emit) -> Params:
    command = c.CancelPlan(now_us=desk.clock.now_us(), by="operator", reason=params.get("reason") or "")
    await desk.engine.submit(params["plan"], command, actor="operator")
    return await desk.taken(params["plan"], emit)


async def _follow(desk: Requests, params: Params, emit: Emit) -> Params:
    return await desk.follow(params["plan"], emit)


METHODS: Mapping[str, Method] = {
    "run": _run,
    "decide": _decide,
    "preview": _preview,
    "undo": _undo,
    "cancel": _cancel,
    "follow": _follow,
}
