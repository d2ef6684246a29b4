"""Questions that are alike: the same action under the same rule, answered in one go (requirement G2).

Each answer is a ruling of its own, bound to what was listed: what one plan refuses keeps none of the others from being
taken. What can't be taken back is answered together only where its playbook says `gate: batch`, and what acts on the
physical world never is.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mainstay.errors import CommandRefusedError, ExpressionError, InputError, MainstayError
from mainstay.governance.roles import amounts_of
from mainstay.kernel.state import is_call, step_name
from mainstay.ledger import queries
from mainstay.requests.news import ANSWERED, TAKEN
from mainstay.requests.ruling import asked_at
from mainstay.sentences import ANSWER
from mainstay.values import say_total

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Money

AT_ONCE = 10  # plans that are looked at before others have their turn
MOST = 200  # in one go: a list that nobody reads is no approval
ANSWERS = ("approve", "reject")


class _Kind(NamedTuple):
    """What makes questions alike."""

    operation: str
    rule: str


async def answer_many(desk: Requests, answers: Iterable[tuple[str, Params]], emit: Emit) -> Params:
    """Rule on many questions, and say what became of each; then follow their plans until they rest.

    Raises CommandRefusedError, before anything of it is taken, while another answer to one of them is being taken:
    two that came at once would each get some of the rows.
    """
    answers = list(answers)
    taking = {decision: given["choice"] for decision, given in answers}
    if first := next((desk.answering[decision] for decision in taking if decision in desk.answering), ""):
        said = ANSWER.get(first, f"answered {first}")
        raise CommandRefusedError(
            f"Nothing of this was taken: you {said} just before, and that is for the same questions.",
            remedy="Look what came of that. What it leaves open can be answered then.",
        )
    desk.answering |= taking
    try:
        done, refused = await _rule_each(desk, answers, emit)
    finally:
        for decision in taking:
            del desk.answering[decision]
    roots = dict.fromkeys(decision.rpartition(".")[0].partition("-")[0] for decision in done)
    emit({"plan": "", "kind": ANSWERED, "path": "", "done": done, "refused": refused})
    standings = [await desk.follow(root, emit) for root in roots]
    questions = [question for standing in standings for question in standing["questions"]]
    return {"plan": "", "done": done, "refused": refused, "plans": standings, "questions": questions}


async def _rule_each(
    desk: Requests, answers: Sequence[tuple[str, Params]], emit: Emit
) -> tuple[list[str], list[Params]]:
    done: list[str] = []
    refused: list[Params] = []
    for decision, given in answers:
        try:
            await desk.rule(decision, given)
        except MainstayError as error:
            refused.append({"decision": decision, "why": error.message})
            continue
        done.append(decision)
        emit({"plan": decision.rpartition(".")[0].partition("-")[0], "kind": TAKEN, "path": ""})
    return done, refused


async def _alike(desk: Requests, params: Params, emit: Emit) -> Params:
    """List the questions that can be answered with one, itself among them, with their total. Raises InputError."""
    del emit
    decision: str = params["decision"]
    kind = _kind(desk, decision)
    listed = [row[0] for row in desk.engine.parts.ledger.rows(queries.OPEN_UNDER_RULE, (kind.rule, MOST * 5))]
    found = [each async for each in _in_turn(listed) if each != decision and _kind_or_none(desk, each) == kind]
    rows = [_row(desk, each) async for each in _in_turn((decision, *found)[:MOST]) if _kind_or_none(desk, each) == kind]
    if not rows or rows[0]["decision"] != decision:  # it was answered while the others were looked at
        _kind(desk, decision)
    amounts = [amount for row in rows for amount in cast("list[Money]", row.pop("amounts"))]
    total = say_total(amounts) if amounts else ""
    budgets, purse = desk.engine.parts.budgets, desk.engine.effects.outcomes.purse
    spendings = [purse.prepared(*_place(desk, row["decision"])) for row in rows] if budgets.any else []
    listed = {"rows": rows, "total": total, "more": max(0, len(found) + 1 - MOST)}
    return {"plan": "", **kind._asdict(), **listed, "lets": budgets.lets(spendings, desk.clock.now_us())}


async def _decide_alike(desk: Requests, params: Params, emit: Emit) -> Params:
    """Answer all that were listed: `answers` are questions with what each of them bound as it was shown."""
    answers: Sequence[Params] = params["answers"]
    if params["choice"] not in ANSWERS:
        raise InputError("Many are approved or rejected.", remedy="Answer anything else one by one.")
    if len(answers) > MOST:
        raise InputError(f"That is more than {MOST} in one go.", remedy="Answer a part of them first.")
    said = {"choice": params["choice"], "reason": params.get("reason") or ""}
    kinds: set[_Kind] = set()
    fitting: list[tuple[str, Params]] = []
    refused: list[Params] = []
    for one in answers:
        try:
            kinds.add(_kind(desk, one["decision"]))
        except MainstayError as error:  # closed by now, or to be answered alone whoever lists it
            refused.append({"decision": one["decision"], "why": error.message})
            continue
        fitting.append((one["decision"], {**said, "binds": list(one["binds"])}))
    if len(kinds) > 1:
        raise InputError("These are not the same action under the same rule.", remedy="Answer them one by one.")
    told = await answer_many(desk, fitting, emit)
    return told | {"refused": [*refused, *told["refused"]]}


async def _in_turn(decisions: Iterable[str]) -> AsyncIterator[str]:
    """Give questions one after another, and everybody else their turn: each of them needs its plan."""
    for number, decision in enumerate(decisions, 1):
        if not number % AT_ONCE:
            await asyncio.sleep(0)
        yield decision


def _place(desk: Requests, decision: str) -> tuple[Plan, str]:
    plan = desk.engine.load(decision.rpartition(".")[0])
    return plan, plan.questions[decision].paths[0]


def _kind_or_none(desk: Requests, decision: str) -> _Kind | None:
    try:
        return _kind(desk, decision)
    except MainstayError:
        return None


def _kind(desk: Requests, decision: str) -> _Kind:
    return kind_of(desk.engine.load(decision.rpartition(".")[0]), decision)


def kind_of(plan: Plan, decision: str) -> _Kind:
    """Give what a question is about, if it can be answered with others; raises InputError that says why not."""
    alone = f"Answer it alone: mainstay decide {decision}"
    question = plan.questions.get(decision)
    if question is None:
        raise InputError(f"Question {decision} is not open.", remedy="See what waits: mainstay inbox")
    path = question.paths[0]
    if question.kind != "effect" or path.startswith("~"):
        raise InputError("Only questions about actions before they happen are answered together.", remedy=alone)
    slot = plan.slots[path]
    if slot.effect == "physical":
        raise InputError("What acts on the physical world is asked about one by one.", remedy=alone)
    gate = "" if is_call(path) else plan.graph.steps[step_name(path)].gate
    if slot.effect == "irreversible" and gate != "batch":
        why = "It can't be taken back, and its playbook does not ask about such actions together (gate: batch)."
        raise InputError(why, remedy=alone)
    return _Kind(slot.operation, question.rule)


def _row(desk: Requests, decision: str) -> dict[str, Any]:
    plan = desk.engine.load(decision.rpartition(".")[0])
    question = plan.questions[decision]
    asked = asked_at(desk, plan.id, decision)[1]
    card = desk.payloads.load(asked.card) if asked is not None else None
    headline = card.get("headline", "") if isinstance(card, dict) else ""
    return {
        "decision": decision,
        "plan": plan.id,
        "title": plan.title,
        "headline": headline,
        "binds": list(question.binds),
        "amounts": _amounts(desk, plan, question.paths[0]),
    }


def _amounts(desk: Requests, plan: Plan, path: str) -> list[Money]:
    """Give what the arguments say that are amounts by their role."""
    slot = plan.slots[path]
    arguments = desk.payloads.load(slot.arguments)
    try:
        return amounts_of(arguments, desk.contracts.operation(slot.operation).roles)
    except ExpressionError:  # how much it moves can't be read
        return []


METHODS: Mapping[str, Method] = {"alike": _alike, "decide_alike": _decide_alike}
