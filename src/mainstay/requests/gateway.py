"""An outside tool asks for an action: a plan of one step, judged and recorded as any other (docs/gateway.md).

The plan's id is made of the tool's name and the id that the tool gives, under the workspace's key. So the same id twice
finds the same plan, whatever happened in between: a race, a crash, another token for the same tool. What the tool
gives stands among the plan's inputs, labelled as the tool's words. Nothing here rules.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay.contracts import from_plain
from mainstay.errors import (
    CommandRefusedError,
    CommitFailedError,
    ForgottenError,
    InputError,
    MainstayError,
    UnknownNameError,
)
from mainstay.kernel.failing import FORBIDDEN
from mainstay.kernel.graph import Cel, Definition, Input, Record, Step
from mainstay.kernel.state import ENDED, Plan
from mainstay.ledger import queries
from mainstay.origins import TOOL
from mainstay.requests.attached import AttachedError, as_given, attached, kept
from mainstay.requests.once import find, id_of, on_disk
from mainstay.runtime.sealing import forgotten_in
from mainstay.values import BlobRef, Sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay import events as e
    from mainstay.contracts import Operation
    from mainstay.requests.attached import Attached
    from mainstay.requests.desk import Params, Requests
    from mainstay.requests.tokens import Token
    from mainstay.values import Value

PREFIX = TOOL  # of the name that such a plan has for a playbook: no playbook can be called so
WAIT_S, MOST_WAIT_S = 5.0, 60.0
MOST_ID, MOST_REASON = 200, 2000
MOST_OPEN = 200  # of one tool: one that runs in a circle does not bury the questions that matter

State: TypeAlias = Literal[
    "done", "denied", "rejected", "failed", "undone", "cancelled", "expired", "waits", "working", "uncertain"
]
OVER: frozenset[State] = frozenset({"done", "denied", "rejected", "failed", "undone", "cancelled", "expired"})
_SAYS: dict[State, str] = {
    "done": "It happened.",
    "denied": "It did not happen, and will not: a rule forbids it.",
    "rejected": "It did not happen, and will not: the operator did not approve it.",
    "failed": "It did not happen.",
    "undone": "It happened, and was taken back.",
    "cancelled": "It did not happen, and will not: the operator ended it.",
    "expired": "It did not happen, and will not: its time ran out.",
    "waits": "It waits for the operator.",
    "working": "It is on its way.",
    "uncertain": "It may have happened; that is being found out.",
}


# What no schema says, and what `read` refuses in words of its own.
OwnId: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        description="Your own name for this, one line without '/'. The same id is the same action, for ever.",
        extra_json_schema={
            "minLength": 1,
            "maxLength": MOST_ID,
            "pattern": r"^[^/\s\u0000-\u001f\u007f]([^/\u0000-\u001f\u007f]*[^/\s\u0000-\u001f\u007f])?$",
            "not": {"enum": [".", ".."]},
        },
    ),
]
Reason: TypeAlias = Annotated[
    str,
    msgspec.Meta(description="Why, in your words; kept with the plan.", extra_json_schema={"maxLength": MOST_REASON}),
]
Wait: TypeAlias = Annotated[
    float,
    msgspec.Meta(
        description="Seconds to wait for what becomes of it.",
        extra_json_schema={"minimum": 0, "maximum": MOST_WAIT_S},
    ),
]


class Submission(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a tool asks for. `id` is the tool's own; `wait` are the seconds it wants to wait for what becomes of it."""

    id: OwnId
    operation: str
    arguments: dict[str, Any] = {}
    account: str = ""
    reason: Reason = ""
    wait: Wait = WAIT_S


class SubmissionError(InputError):
    """A tool's request is refused. `status` says how over HTTP, `field` which part of it is wrong."""

    status: int
    field: str

    def __init__(self, status: int, message: str, *, remedy: str = "", field: str = "") -> None:
        """Keep what the answer needs."""
        super().__init__(message, remedy=remedy)
        self.status, self.field = status, field


class Standing(NamedTuple):
    """Where an action that a tool asked for stands."""

    state: State
    why: str = ""  # of what did not happen: the rule's sentence, or what failed
    output: Value = None


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an action, as its tool is told."""

    id: str
    plan: str
    operation: str
    state: State
    over: bool
    says: str
    why: str = ""
    output: Any = None


def read(content: bytes) -> Submission:
    """Read what a tool sent. Raises SubmissionError, which names the field and the nearest one there is."""
    try:
        found = msgspec.json.decode(content, type=Submission)
    except msgspec.ValidationError as error:
        raise _unfit(error, Submission.__struct_fields__, "") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise SubmissionError(400, f"The body is no JSON: {error}.") from None
    _refuse_twice(content)
    if (
        not 0 < len(found.id) <= MOST_ID
        or not found.id.isprintable()
        or found.id != found.id.strip()
        or "/" in found.id
        or found.id in (".", "..")  # a client takes these out of an address, and could never ask again
    ):
        why = f"'id' is a line of 1 to {MOST_ID} characters without '/', your own name for this; '.' is none."
        raise SubmissionError(422, why, field="id")
    for field, name in (("operation", found.operation), ("account", found.account)):
        if len(name) > MOST_ID:
            raise SubmissionError(422, f"There is no '{field}' with so long a name.", field=field)
    if len(found.reason) > MOST_REASON:
        raise SubmissionError(422, f"'reason' has {MOST_REASON:,} characters at most.", field="reason")
    if not 0 <= found.wait <= MOST_WAIT_S:
        raise SubmissionError(422, f"'wait' is a number of seconds from 0 to {MOST_WAIT_S:g}.", field="wait")
    return found


def _refuse_twice(content: bytes) -> None:
    """Refuse a name that stands twice in one object: which of the two counts, every reader decides for itself."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                cut = name[:MOST_ID]
                raise SubmissionError(422, f"'{cut}' stands there twice.", remedy="Say each once.", field=cut)
            found[name] = value
        return found

    try:
        json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise SubmissionError(400, f"The body is no JSON: {error}.") from None


async def submit(desk: Requests, token: Token, asked: Submission) -> str:
    """Make the plan, or find the one that this id made before; gives its id, which is on disk when this returns.

    Raises SubmissionError: 403 for what the token may not ask for, 409 where the id was used for something else, 422
    for what the operation does not take, 429 for too many that are not over, 503 while all work is stopped.
    """
    refuse_while_held(desk)
    operation, found = _operation(desk, token, asked)
    plan_id = plan_of(desk, token, asked.id)
    inputs: dict[str, Value] = {
        "id": asked.id,
        "operation": asked.operation,
        "arguments": found.arguments,
        "account": asked.account,
        "reason": asked.reason,
    }
    # From here to `propose` nothing waits: of many that come at once the first one makes the plan, the others find it.
    if (before := find(desk, plan_id)) is not None:
        _refuse_other(desk, before, inputs)
        await on_disk(desk, plan_id)
        if find(desk, plan_id) is None:  # it was not kept: the disk
            refuse_while_held(desk)
            return await submit(desk, token, asked)
        return plan_id
    by = PREFIX + token.name
    _refuse_flood(desk, by)
    fields = tuple(asked.arguments)
    definition = _definition(by, operation.name, _Called(operation.version, operation.effect), fields, asked.account)
    inputs["arguments"] = kept(desk, found)
    _, committed = desk.propose(definition, inputs, by=by, labels=(by,), plan_id=plan_id)
    await committed
    return plan_id


def plan_of(desk: Requests, token: Token, own_id: str) -> str:
    """Give the id of the plan that a tool's id stands for, whether there is one or not."""
    return id_of(desk, PREFIX, token.name, own_id)


async def until_over(desk: Requests, plan_id: str, seconds: float) -> Plan:
    """Wait until an action is over, or for so long; gives its plan as it is on disk then."""
    moved = asyncio.Event()

    def listen(moving: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del moving, facts, plan
        moved.set()

    followers = desk.engine.followers.setdefault(plan_id, [])
    followers.append(listen)
    try:
        async with asyncio.timeout(seconds):
            while desk.engine.is_queued(plan_id) or standing(desk, desk.engine.load(plan_id)).state not in OVER:
                moved.clear()
                await moved.wait()
    except TimeoutError:
        pass
    finally:
        if listen in followers:
            followers.remove(listen)
        if not followers and desk.engine.followers.get(plan_id) is followers:
            del desk.engine.followers[plan_id]
    plan = desk.engine.load(plan_id)
    await end_denied(desk, plan)
    await on_disk(desk, plan_id)
    return desk.engine.load(plan_id)


def standing(desk: Requests, plan: Plan) -> Standing:
    """Say where the action of a plan stands."""
    (step,) = plan.graph.steps
    slot = plan.slots.get(step)
    failure = slot.failure if slot is not None else None
    over = plan.status in ENDED or plan.status == "undone"
    if slot is not None and (slot.status == "done" or (over and slot.done_at)):  # also where no look confirmed it
        back = plan.slots.get(f"~{step}")
        if back is not None and back.status == "done":
            return Standing("undone")
        return Standing("done", output=_told(desk.engine.parts.payloads.load(slot.output)))
    if slot is not None and slot.status == "rejected":
        return Standing("rejected")
    if failure is not None and failure.cause == "Forbidden":
        return Standing("denied", failure.message.removeprefix(FORBIDDEN))
    if slot is not None and slot.status in ("uncertain", "settling"):
        return Standing("uncertain", failure.message if failure is not None else "")
    why = failure.message if failure is not None else ""
    if slot is not None and slot.status in ("failed", "skipped"):
        return Standing("failed", why)
    if over:  # it was stuck, and the operator ended it
        return Standing("expired" if plan.status == "expired" else "cancelled", why)
    return Standing("waits" if plan.questions else "working", why)


def told(desk: Requests, plan: Plan) -> Params:
    """Give all that a tool is told of an action it asked for."""
    inputs = desk.engine.parts.payloads.load(plan.inputs)
    given = inputs if isinstance(inputs, dict) else {}
    found = standing(desk, plan)
    named = str(given.get("id", "")), plan.id, str(given.get("operation", ""))
    state = found.state, found.state in OVER, _SAYS[found.state]
    return msgspec.to_builtins(Told(*named, *state, why=found.why, output=found.output or None))


def refuse_while_held(desk: Requests) -> None:
    """Take nothing in while all work is stopped: it would be an action that a copy of the history asks for as well."""
    if desk.engine.held or not desk.engine.is_whole:
        why = "Work in this workspace is stopped, and the operator knows. Send it again later, with the same id."
        raise SubmissionError(503, why)


class _Called(NamedTuple):
    version: int
    effect: Any


@lru_cache(maxsize=200)
def _definition(by: str, operation: str, called: _Called, fields: tuple[str, ...], account: str) -> Definition:
    """Make the playbook of one step: the arguments are read from its inputs, so that they keep their label."""
    paths = {field: f"inputs.arguments.{field}" for field in fields}
    step = Step(
        name=operation.replace(".", "_"),
        kind="do",
        target=operation,
        version=str(called.version),
        effect=called.effect,
        arguments=Record({field: Cel(path, names=("inputs",), paths=(path,)) for field, path in paths.items()}),
        account=account,
    )
    kinds = {"id": "text", "operation": "text", "arguments": "any", "account": "text", "reason": "text"}
    return Definition(
        name=by,
        title=f"{operation}, asked for by {by.removeprefix(PREFIX)}",
        steps=(step,),
        inputs=tuple(Input(name, kind) for name, kind in kinds.items()),
        types={"inputs": "any"},
    )


def _operation(desk: Requests, token: Token, asked: Submission) -> tuple[Operation, Attached]:
    """Give operation and arguments, once it is sure that this tool may ask for it, and that it takes them."""
    try:
        operation = desk.contracts.operation(asked.operation)
    except UnknownNameError as error:
        remedy = _nearest(asked.operation, token.allowed) or f"This token may ask for: {', '.join(token.allowed)}."
        raise SubmissionError(422, error.message, remedy=remedy, field="operation") from None
    if operation.name not in token.allowed or operation.effect == "read":
        may = f"This token may ask for: {', '.join(token.allowed)}."
        raise SubmissionError(403, f"This token may not ask for {operation.name}.", remedy=may, field="operation")
    accounts = desk.contracts.accounts(operation.name.partition(".")[0])
    if asked.account and asked.account not in (accounts or ()):
        there = _nearest(asked.account, accounts or ()) or "Leave it out, and the usual one is used."
        raise SubmissionError(422, f"There is no account '{asked.account}'.", remedy=there, field="account")
    known = operation.input.__struct_fields__
    for name in asked.arguments:
        if name not in known:
            raise _unknown(name, known, "arguments.")
    try:
        found = attached(asked.arguments, operation.input)
        typed = from_plain(found.arguments, operation.input)
    except AttachedError as error:
        raise SubmissionError(422, error.message, remedy=error.remedy, field=error.field) from None
    except msgspec.ValidationError as error:
        raise _unfit(error, known, "arguments.") from None
    try:
        if operation.refuse is not None:
            operation.refuse(typed)
    except MainstayError as error:
        raise SubmissionError(422, error.message, remedy=error.remedy, field="arguments") from None
    return operation, found


def _refuse_other(desk: Requests, plan: Plan, inputs: dict[str, Value]) -> None:
    """Refuse an id that stands for something else. Where a person was forgotten nobody can tell, and it is the same."""
    try:
        before = as_given(desk, desk.engine.parts.payloads.load(plan.inputs))
    except ForgottenError:
        return
    if before != inputs and not forgotten_in(before):
        raise SubmissionError(
            409, "This id was used for something else.", remedy="Take another id for another action.", field="id"
        )


def _refuse_flood(desk: Requests, by: str) -> None:
    if desk.engine.parts.ledger.rows(queries.OPEN_OF_PLAYBOOK, (by,))[0][0] >= MOST_OPEN:
        why = f"{MOST_OPEN} actions that you asked for are not over yet; no more are taken in before some are."
        raise SubmissionError(429, why, remedy="Send it again later, with the same id.")


async def end_denied(desk: Requests, plan: Plan) -> None:
    """End the plan of an action that a rule forbids: it would only stand in the operator's way.

    Until it is ended the operator could let it be tried again, of which the tool is told that it will not happen.
    """
    stuck = [question for question in plan.questions.values() if question.kind == "stuck"]
    if plan.status != "running" or not stuck or standing(desk, plan).state != "denied":
        return
    cancel = c.CancelPlan(now_us=desk.clock.now_us(), by="policy", reason="A rule forbids what was asked for.")
    try:
        await desk.engine.submit(plan.id, cancel, actor="mainstay")
    except CommitFailedError:
        raise
    except CommandRefusedError:  # the operator was quicker
        return


def _told(value: Value) -> Value:
    """Give what came of an action in plain values: of a file its size, of what was forgotten nothing."""
    if isinstance(value, BlobRef):
        return {"bytes": value.size}
    if isinstance(value, Sealed):
        return None
    if isinstance(value, dict):
        return {name: _told(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_told(inner) for inner in value]
    return value


def _unfit(error: msgspec.ValidationError, known: Sequence[str], inside: str) -> SubmissionError:
    """Say which field is wrong; of one there is not, the nearest."""
    why, _, place = str(error).partition(" - at `$")
    if "unknown field `" in why:
        return _unknown(why.partition("unknown field `")[2].partition("`")[0], known, inside)
    if "missing required field `" in why:
        missing = why.partition("missing required field `")[2].partition("`")[0]
        return SubmissionError(422, f"'{inside}{missing}' is missing.", field=inside + missing)
    field = inside + place.strip("`.")
    return SubmissionError(422, f"'{field or 'the body'}' is not as it has to be: {why}.", field=field)


def _unknown(name: str, known: Sequence[str], inside: str) -> SubmissionError:
    name = name[:MOST_ID]  # comparing and repeating a longer one takes long, and helps nobody
    remedy = _nearest(name, known) or f"There are: {', '.join(known)}."
    return SubmissionError(422, f"There is no '{inside}{name}'.", remedy=remedy, field=inside + name)


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean '{near[0]}'?" if near else ""
