"""Questions that are alike: the same action under the same rule, answered in one go (requirement G2).

Each answer is a ruling of its own, bound to what was listed: what one plan refuses keeps none of the others from being
taken. What can't be taken back is answered together only where its playbook says `gate: batch`, and what acts on the
physical world never is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mainstay.errors import InputError, MainstayError
from mainstay.kernel.state import is_call, step_name
from mainstay.ledger import queries
from mainstay.requests.desk import TAKEN
from mainstay.requests.ruling import asked_at
from mainstay.values import Money, say_total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Value

MOST = 200  # in one go: a list that nobody reads is no approval
ANSWERS = ("approve", "reject")


class _Kind(NamedTuple):
    """What makes questions alike."""

    operation: str
    rule: str


async def answer_many(desk: Requests, answers: Iterable[tuple[str, Params]], emit: Emit) -> Params:
    """Rule on many questions, and say what became of each; then follow their plans until they rest."""
    done: list[str] = []
    refused: list[Params] = []
    roots: dict[str, None] = {}
    for decision, given in answers:
        try:
            await desk.rule(decision, given)
        except MainstayError as error:
            refused.append({"decision": decision, "why": error.message})
            continue
        done.append(decision)
        root = decision.rpartition(".")[0].partition("-")[0]
        roots[root] = None
        emit({"plan": root, "kind": TAKEN, "path": ""})
    standings = [await desk.follow(root, emit) for root in roots]
    questions = [question for standing in standings for question in standing["questions"]]
    return {"plan": "", "done": done, "refused": refused, "plans": standings, "questions": questions}


async def _alike(desk: Requests, params: Params, emit: Emit) -> Params:
    """List the questions that can be answered with one, itself among them, with their total. Raises InputError."""
    del emit
    decision: str = params["decision"]
    kind = _kind(desk, decision)
    listed = [row[0] for row in desk.engine.parts.ledger.rows(queries.OPEN_UNDER_RULE, (kind.rule, MOST * 5))]
    found = [each for each in listed if each != decision and _kind_or_none(desk, each) == kind]
    rows = [_row(desk, each) for each in (decision, *found)[:MOST]]
    amounts = [amount for row in rows for amount in cast("list[Money]", row.pop("amounts"))]
    total = say_total(amounts) if amounts else ""
    return {"plan": "", **kind._asdict(), "rows": rows, "total": total, "more": max(0, len(found) + 1 - MOST)}


async def _decide_alike(desk: Requests, params: Params, emit: Emit) -> Params:
    """Answer all that were listed: `answers` are questions with what each of them bound as it was shown."""
    answers: Sequence[Params] = params["answers"]
    if params["choice"] not in ANSWERS:
        raise InputError("Many are approved or rejected.", remedy="Answer anything else one by one.")
    if len(answers) > MOST:
        raise InputError(f"That is more than {MOST} in one go.", remedy="Answer a part of them first.")
    open_ones = {one["decision"]: _kind_or_none(desk, one["decision"]) for one in answers}
    if len({kind for kind in open_ones.values() if kind is not None}) > 1:
        raise InputError("These are not the same action under the same rule.", remedy="Answer them one by one.")
    said = {"choice": params["choice"], "reason": params.get("reason") or ""}
    return await answer_many(desk, [(one["decision"], {**said, "binds": one["binds"]}) for one in answers], emit)


def _kind_or_none(desk: Requests, decision: str) -> _Kind | None:
    try:
        return _kind(desk, decision)
    except MainstayError:
        return None


def _kind(desk: Requests, decision: str) -> _Kind:
    """Give what a question is about, if it can be answered with others; raises InputError that says why not."""
    alone = f"Answer it alone: mainstay decide {decision}"
    plan = desk.engine.load(decision.rpartition(".")[0])
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
    roles = desk.contracts.operation(slot.operation).roles
    given = (
        [arguments.get(name) for name, role in roles.items() if role == "amount"] if isinstance(arguments, dict) else []
    )
    return [amount for value in given for amount in _money(value)]


def _money(value: Value) -> list[Money]:
    """Give the money in a value: itself, or the fields of a record."""
    if not isinstance(value, dict):
        return []
    if value.keys() == {"minor", "currency"}:
        return [Money(int(str(value["minor"])), str(value["currency"]))]
    return [amount for name, inner in value.items() if name == "amount" for amount in _money(inner)]


METHODS: Mapping[str, Method] = {"alike": _alike, "decide_alike": _decide_alike}
