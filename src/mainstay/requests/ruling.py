"""Takes the operator's answers: what they keep, edit and fill in (KERNEL E1, E6)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import InputError, NeedsOperator, UnknownNameError
from mainstay.kernel.gate import BY_BUDGET
from mainstay.kernel.plan import decide
from mainstay.kernel.state import END, is_call
from mainstay.playbooks.inputs import check_filled, read_inputs
from mainstay.requests.picking import as_picked, check_picked
from mainstay.runtime.attempt import as_changed
from mainstay.runtime.names import Names, to_be_edited
from mainstay.runtime.stage import stream_of
from mainstay.values import say_count

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Params, Requests
    from mainstay.values import Value

PAGE = "console"  # the session of an answer that was given on a page


def rule(desk: Requests, decision: str, params: Params) -> asyncio.Future[int]:
    """Take an answer of the operator; see commands.Rule for the parameters."""
    plan_id = decision.rpartition(".")[0]
    plan, kept = desk.engine.load(plan_id), params.get("kept")
    cause, asked = asked_at(desk, plan_id, decision)
    command = c.Rule(
        now_us=desk.clock.now_us(),
        decision=decision,
        choice=params["choice"],
        by="operator",
        binds=None if params.get("binds") is None else tuple(params["binds"]),
        reason=params.get("reason") or "",
        kept=None if kept is None else tuple(kept),
        rows=_rows(desk, plan, asked, params),
        arguments=_edited(desk, plan, decision, params),
        session=params.get("session") or "terminal",
        form=_form(desk, plan, decision, params),
        prepared=tuple(command for command, _ in _edits(desk, plan, decision, params)),
    )
    decide(plan, command)  # refused here, before a budget counts what is ruled
    beside = desk.engine.effects.outcomes.settle_by_ruling(plan, decision, command.choice)
    # A playbook's own answer may be "wait", too.
    if command.choice in BY_BUDGET and plan.questions[decision].kind == "stuck":
        purse, path = desk.engine.effects.outcomes.purse, plan.questions[decision].paths[0]
        beside, until_us = purse.answer(plan, path, decision, command.choice)
        command = msgspec.structs.replace(command, until_us=until_us)
    return desk.engine.submit(plan_id, command, actor="operator", cause=cause, beside=beside)


def _rows(desk: Requests, plan: Plan, asked: e.DecisionAsked | None, params: Params) -> Value:
    """Give the rows of a question's list that the answer keeps, each as it was proposed or as `picks` reads it.

    `picks` names a reading by the row, both as the question recorded them: nothing else can get into an answer so.
    Raises InputError, also for a yes that leaves an even reading unsaid: whoever answers, and wherever.
    """
    kept: Sequence[int] | None = params.get("kept")
    picks: Mapping[str, int] = params.get("picks") or {}
    if asked is None or asked.decision not in plan.questions:  # the kernel says so
        return None
    card = desk.payloads.load(asked.card)
    rows = card.get("rows") if isinstance(card, dict) else None
    if asked.kind != "ask" or not isinstance(rows, list):
        if picks:
            raise InputError("There is nothing to pick in this question.", remedy="Answer it as it stands.")
        return None
    if kept is not None and not all(0 <= index < len(rows) for index in kept):
        listed = say_count(len(rows), "row")
        raise InputError(f"The question lists {listed}.", remedy="Keep some of those, counted from 1.")
    chosen = range(len(rows)) if kept is None else kept
    if not set(picks) <= set(map(str, chosen)):
        raise InputError("A row is picked that is not among what you keep.", remedy="Keep it, or pick nothing there.")
    if params["choice"] == "approve":
        check_picked(rows, picks, kept)
    return desk.payloads.keep([as_picked(rows[at], picks.get(str(at), 0)) for at in chosen], plan=plan)


def edits(desk: Requests, decision: str, params: Params) -> list[tuple[c.PrepareEffect, Value]]:
    """Prepare what an approval edits, with a card for each: nothing is recorded. Raises InputError.

    `arguments` are the changes to a single action; `edits` those to rows of a list, by their position from 0.
    """
    return _edits(desk, desk.engine.load(decision.rpartition(".")[0]), decision, params)


def _edits(desk: Requests, plan: Plan, decision: str, params: Params) -> list[tuple[c.PrepareEffect, Value]]:
    question = plan.questions.get(decision)
    if question is None or question.kind not in ("effect", "batch") or params["choice"] != "approve":
        return []
    given: dict[str, dict[str, Value]] = params.get("edits") or {}
    changes = {int(at): one for at, one in given.items()}
    if params.get("arguments") is not None:
        changes[0] = params["arguments"]
    if not all(0 <= at < len(question.paths) for at in changes) or (params.get("arguments") and len(changes) > 1):
        listed = say_count(len(question.paths), "action")
        raise InputError(f"The question lists {listed}.", remedy="Edit some of those.")
    return [desk.engine.effects.as_edited(plan, question.paths[at], one) for at, one in sorted(changes.items())]


def _form(desk: Requests, plan: Plan, decision: str, params: Params) -> Value:
    """Read what a person filled in, as `name=value` texts, against the form of the question; raises InputError.

    Whoever answers hands over the files that are named, as `files`: for an answer no path is read here.
    """
    given: Sequence[str] | None = params.get("form")
    question = plan.questions.get(decision)
    ask = plan.step(question.paths[0]).ask if question is not None and question.kind == "ask" else None
    if given is None or ask is None or not ask.form:
        return None if given is None else {}
    fields = msgspec.structs.replace(plan.graph.definition, name=f"The form of {decision}", inputs=ask.form)
    if params.get("session") == PAGE:
        check_filled(fields, given)
    handed: Mapping[str, bytes] = params.get("files") or {}

    def pin(text: str) -> Value:
        if text not in handed:
            remedy = f"Answer it in a terminal: mainstay decide {decision}"
            raise InputError(f"the file {text!r} was not handed over with it", remedy=remedy)
        return desk.pin(Path(text).name, handed[text])

    return desk.payloads.keep(read_inputs(fields, given, pin, noun="field"), plan=plan)


def _edited(desk: Requests, plan: Plan, decision: str, params: Params) -> Value:
    """Give a stuck step's arguments with the operator's changes; null takes one back to its default.

    Only what is named changes, so that a file stays the pinned file it was: it can't be described from outside.
    """
    changes = params.get("arguments")
    question = plan.questions.get(decision)
    if changes is None or question is None or question.kind in ("effect", "batch"):
        return None
    if question.paths[0] == END:
        raise InputError("How a plan ends has nothing to change.", remedy="Try again, or skip it to end without.")
    kind = input_of(desk, plan, question.paths[0])
    merged = {**_before(desk, plan, question.paths[0], kind), **changes}
    pinned: dict[str, tuple[str, bytes]] = params.get("pinned") or {}
    for name, (file, content) in pinned.items():  # a new file in the place of one, pinned as an input is
        new = desk.pin(file, content)
        merged[name] = [new] if isinstance(merged.get(name), list) else new
    left: dict[str, Value] = {name: value for name, value in merged.items() if value is not None}
    if kind is not None:  # a mistake is said now, not once it failed again
        as_changed(plan.step(question.paths[0]).target or "It", left, {*changes, *pinned}, kind)
    return desk.payloads.keep(left, kind, plan=plan)


def _before(desk: Requests, plan: Plan, path: str, kind: type[msgspec.Struct] | None) -> dict[str, Value]:
    """Give the arguments that are changed: as recorded, or worked out where nothing was recorded before it failed.

    Without their type nothing is worked out: it says what is personal in them, and has to be sealed.
    """
    slot = plan.slots[path]
    if slot.arguments is None and path.startswith("~"):
        undone = plan.slots[path.removeprefix("~")].undo
        before = desk.payloads.load(undone.arguments if undone is not None else None)
    elif slot.arguments is None and kind is not None and not is_call(path) and plan.step(path).kind in ("agent", "do"):
        return to_be_edited(Names(desk.engine.parts, plan, path), plan.step(path))
    else:
        before = desk.payloads.load(slot.arguments)
    return before if isinstance(before, dict) else {}


def input_of(desk: Requests, plan: Plan, path: str) -> type[msgspec.Struct] | None:
    """Give the type of the arguments of a piece of work; None where there is no such operation any more."""
    step, undo = plan.step(path.removeprefix("~")), plan.slots[path.removeprefix("~")].undo
    try:
        if path.startswith("~"):
            return desk.contracts.operation(undo.operation).input if undo is not None else None
        if is_call(path):
            return desk.contracts.operation(plan.slots[path].operation).input
        if step.kind == "agent":
            return desk.contracts.agent(step.target, step.version).input
        return desk.contracts.operation(step.target).input
    except (UnknownNameError, NeedsOperator):
        return None


def asked_at(desk: Requests, plan_id: str, decision: str) -> tuple[str, e.DecisionAsked | None]:
    """Give the fact that asked a question, with its id; "" and None where there is none."""
    for event in desk.engine.parts.ledger.read(stream_of(plan_id)):
        if isinstance(event.fact, e.DecisionAsked) and event.fact.decision == decision:
            return event.id, event.fact
    return "", None
