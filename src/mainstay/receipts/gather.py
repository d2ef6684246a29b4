"""A receipt of a plan, made of the history alone: who approved what, what happened, what was taken back.

It says nothing but what the records of the plan and its child plans say, up to the last of them. So it is the same
whenever it is made, until something more happens to the plan: then there is a new one, and the old one stays true.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from mainstay import events as e
from mainstay.contracts import from_plain, marks_in
from mainstay.errors import InputError, MainstayError
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold
from mainstay.kernel.state import ENDED, in_flight, is_item, is_stopped
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.anchor import streams_between, was_given
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.people import PersonKeys
from mainstay.ledger.reader import SqliteReader
from mainstay.receipts.data import (
    FORMAT,
    Action,
    Agent,
    Decision,
    Edit,
    Field,
    Moment,
    Part,
    Place,
    Receipt,
    Said,
    Signed,
    Step,
)
from mainstay.receipts.signing import Signer
from mainstay.receipts.told import Teller
from mainstay.runtime.names import local_time
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.sealing import Opener
from mainstay.sentences import ANSWER, SLOT, say_actor, say_path, say_plan, say_status
from mainstay.values import Sealed, say_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.kernel.state import Plan, PlanStatus, Slot
    from mainstay.ports import Catalogue
    from mainstay.workspace import Workspace

_OUTCOME = {
    "done": "happened",
    "rejected": "not approved",
    "skipped": "skipped",
    "failed": "did not happen",
    "uncertain": "may have happened",
    "settling": "may have happened",
    "confirming": "happened",
    "unseen": "happened, not read back yet",
}
_TOLD_BY_OTHERS = frozenset({"stuck", "settle", "confirm"})  # questions that quote what failed, in whoever's words
_WHOLE = (e.PlanEdited, e.PlanApproved, e.PlanPaused, e.PlanResumed, e.PlanCancelled, e.UndoRequested)
_WHAT = {
    e.PlanEdited: "changed before it started",
    e.PlanApproved: "approved",
    e.PlanPaused: "paused",
    e.PlanResumed: "resumed",
    e.PlanCancelled: "ended",
    e.UndoRequested: "to be undone",
}


class _Kept(NamedTuple):
    """A plan with its facts and its definition."""

    plan: Plan
    recorded: list[e.Recorded]
    definition: Definition


class Receipts:
    """Makes receipts of a workspace's plans; only looks, takes no lock."""

    def __init__(self, workspace: Workspace, catalogue: Catalogue) -> None:
        """Open read-only; raises WrongKeyError or LedgerError. The catalogue names actions as their cards do."""
        keys = ledger_keys.load(workspace.state)
        self._reader = SqliteReader(workspace.ledger, keys.database)
        opener = Opener(PersonKeys(self._reader.rows, keys.people).open, screen=True)
        self._payloads = Payloads(FileBlobs(workspace.blobs, keys.blobs), opener)
        self._company = workspace.config.company
        self._catalogue, self._id = catalogue, keys.workspace
        self._signer = Signer(keys.receipts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def signed(self, plan_id: str, leave_out: Callable[[Receipt], Receipt] = lambda one: one) -> Signed:
        """Make and sign the receipt of a plan. Raises InputError when the plan has not ended, and says why not."""
        family = list(self._family(plan_id))
        _check_over([one.plan for one in family])
        return self._signer.sign(leave_out(self._receipt(family)))

    def _family(self, plan_id: str) -> Iterator[_Kept]:
        """Give a plan and, after it, the child plans it started, each with theirs."""
        recorded = self._reader.read(f"plan:{plan_id}")
        assert recorded, "the plan was found before"
        assert isinstance(recorded[0].fact, e.PlanProposed)
        content = self._payloads.blobs.get(recorded[0].fact.definition)
        definition = msgspec.msgpack.decode(content, type=Definition)
        plan = fold(plan_id, Graph(definition), recorded)
        yield _Kept(plan, recorded, definition)
        children = [fact.plans for one in recorded if isinstance(fact := one.fact, e.ChildrenStarted)]
        for child in dict.fromkeys(child for some in children for child in some):
            yield from self._family(child)

    def _receipt(self, family: list[_Kept]) -> Receipt:
        root = family[0]
        plan, teller = root.plan, self._teller(root)
        return Receipt(
            format=FORMAT,
            company=self._company.name,
            workspace=self._id,
            plan=plan.id,
            title=plan.title,
            begun=self._time(plan.proposed_at_us),
            ended=self._time(_ended_at(root.recorded)),
            says=say_plan(plan, _status(plan, root.recorded)),
            undone=self._undone(plan, root.recorded),
            inputs=tuple(_as_given(one, root.definition) for one in teller.fields(plan.inputs, "inputs")),
            plans=tuple(self._part(one) for one in family),
            moments=tuple(found for one in family for found in self._moments(one)),
            decisions=tuple(found for one in family for found in self._decisions(one)),
            edits=tuple(found for one in family for found in self._edits(one)),
            actions=tuple(found for one in family for found in self._actions(one)),
            agents=_agents(family),
            cost_usd_micros=sum(_cost(event.fact) for one in family for event in one.recorded),
            history=self._place(max(one.recorded[-1].position for one in family)),
            personal=True,
            key=self._signer.public,
        )

    def _teller(self, of: _Kept) -> Teller:
        return Teller(self._payloads, self._signer, of.plan.id)

    def _undone(self, plan: Plan, recorded: list[e.Recorded]) -> str:
        if plan.status != "undone":
            return ""
        left = len(dict.fromkeys(plan.not_undone))
        stays = f"except {left} that stay" if left else "everything was taken back"
        return f"on {self._time(recorded[-1].recorded_at_us)}, {stays}"

    def _part(self, of: _Kept) -> Part:
        plan, teller = of.plan, self._teller(of)
        steps = tuple(self._step(plan, name, teller) for name in plan.graph.steps)
        return Part(
            plan.id, plan.title, plan.playbook, of.definition.version, say_status(plan.status, ""), plan.ending, steps
        )

    def _step(self, plan: Plan, name: str, teller: Teller) -> Step:
        slot, items = plan.slots.get(name), dict[str, int]()
        for path, item in plan.slots.items():
            if is_item(path) and path.startswith(f"{name}/"):
                says = _says(plan, path, item)
                items[says] = items.get(says, 0) + 1
        failure = (
            slot.failure.message if slot is not None and slot.failure is not None and slot.status != "done" else ""
        )
        says = "not reached" if slot is None else _says(plan, name, slot)
        return Step(name, says, tuple(items.items()), teller.personal(failure, "steps", name))

    def _moments(self, of: _Kept) -> Iterator[Moment]:
        teller = self._teller(of)
        for event in of.recorded:
            fact = event.fact
            if isinstance(fact, _WHOLE):
                why = teller.personal(getattr(fact, "reason", ""), "moments", event.id)
                yield Moment(of.plan.id, self._time(event.recorded_at_us), _WHAT[type(fact)], _who(fact.by), why)

    # --- decisions

    def _decisions(self, of: _Kept) -> Iterator[Decision]:
        closed = {
            event.fact.decision: event
            for event in of.recorded
            if isinstance(event.fact, e.DecisionRuled | e.DecisionExpired | e.DecisionVoided)
        }
        for event in of.recorded:
            if isinstance(event.fact, e.DecisionAsked):
                yield self._decision(of, event, event.fact, closed.get(event.fact.decision))

    def _decision(self, of: _Kept, event: e.Recorded, asked: e.DecisionAsked, closed: e.Recorded | None) -> Decision:
        teller, name = self._teller(of), asked.decision
        fact = closed.fact if closed is not None else None
        ruled = fact if isinstance(fact, e.DecisionRuled) else None
        return Decision(
            decision=name,
            plan=of.plan.id,
            about=tuple(say_path(path) for path in asked.paths),
            asked_at=self._time(event.recorded_at_us),
            why=teller.personal(asked.why, "why", name) if asked.kind in _TOLD_BY_OTHERS else asked.why,
            shown=teller.fields(asked.card, "shown", name, private=asked.kind in _TOLD_BY_OTHERS),
            binds=asked.binds,
            answer=ANSWER.get(ruled.choice, f"answered {ruled.choice}") if ruled is not None else "",
            by=_who(ruled.by) if ruled is not None else "",
            at=self._time(closed.recorded_at_us) if closed is not None else "",
            through=ruled.session if ruled is not None else "",
            reason=teller.personal(ruled.reason, "reason", name) if ruled is not None else "",
            kept=tuple(index + 1 for index in ruled.kept) if ruled is not None and ruled.kept is not None else None,
            filled_in=teller.fields(ruled.form, "form", name) if ruled is not None else (),
            ended=_unanswered(fact),
        )

    def _edits(self, of: _Kept) -> Iterator[Edit]:
        teller = self._teller(of)
        for event in of.recorded:
            fact, at = event.fact, self._time(event.recorded_at_us)
            if isinstance(fact, e.EffectPrepared) and fact.edited:
                now = teller.fields(fact.arguments, "edit", event.id)
                yield Edit(of.plan.id, say_path(fact.path), at, fact.ruling, fact.edited, now, fact.digest)
            elif isinstance(fact, e.StepReopened) and fact.edited:
                now = teller.fields(fact.arguments, "edit", event.id)
                yield Edit(of.plan.id, say_path(fact.path), at, "", (), now, "")

    # --- actions

    def _actions(self, of: _Kept) -> Iterator[Action]:
        last: dict[str, e.EffectPrepared] = {}
        for event in of.recorded:
            if isinstance(event.fact, e.EffectPrepared) and not event.fact.path.startswith("~"):
                last[event.fact.path] = event.fact
        outcomes = {event.fact.path: event for event in of.recorded if isinstance(event.fact, e.EffectDone)}
        for prepared in last.values():
            yield self._action(of, prepared, outcomes)

    def _action(self, of: _Kept, prepared: e.EffectPrepared, outcomes: dict[str, e.Recorded]) -> Action:
        path, teller = prepared.path, self._teller(of)
        slot, done = of.plan.slots[path], outcomes.get(prepared.path)
        fact = done.fact if done is not None else None
        undo, why_not = _undo(of, path)
        back = outcomes.get(f"~{path}")
        failure = slot.failure.message if slot.failure is not None and slot.status != "done" else _no(of, path)
        return Action(
            plan=of.plan.id,
            path=path,
            says=say_path(path),
            operation=prepared.operation,
            version=prepared.operation_version,
            account=prepared.account,
            headline=self._headline(prepared, teller),
            arguments=teller.fields(prepared.arguments, "action", path),
            digest=prepared.digest,
            allowed=_allowed(of, path, prepared),
            status=_OUTCOME.get(slot.status, "was not begun"),
            outcome=teller.personal(failure, "outcome", path),
            at=self._time(done.recorded_at_us) if done is not None else "",
            known=_known(of, path, fact),
            undo=undo,
            undone_at=self._time(back.recorded_at_us) if back is not None else "",
            why_not=why_not,
            cost_usd_micros=_cost(fact),
        )

    def _headline(self, prepared: e.EffectPrepared, teller: Teller) -> Said:
        """Name an action as its card does; personal where something in it is."""
        said = prepared.operation
        with suppress(MainstayError, msgspec.ValidationError):
            operation = self._catalogue.operation(prepared.operation)
            typed = from_plain(self._payloads.load(prepared.arguments), operation.input)
            said = operation.card(typed).headline if operation.card is not None else operation.summary
        stored = self._payloads.stored(prepared.arguments)
        about_people = any(isinstance(mark, Sealed) for mark in marks_in(stored))
        return teller.personal(said, "headline", prepared.path) if about_people else said

    # --- the history

    def _place(self, position: int) -> Place:
        (last,) = self._reader.tail(position - 1, 1)
        place = Place(position, self._reader.digest_at(position), last.recorded_at_us, 0, "")
        now = next(iter(self._reader.tail(self._reader.head()[0] - 1, 1))).recorded_at_us
        for stream in streams_between(last.recorded_at_us, now):
            for event in self._reader.read(stream):
                fact = event.fact
                if isinstance(fact, e.HistoryAnchored) and fact.position >= position and was_given(fact):
                    at = self._time(event.recorded_at_us)
                    return msgspec.structs.replace(place, anchored=fact.position, anchored_at=at)
        return place

    def _time(self, at_us: int | None) -> str:
        """Give a time on the company's clock, ISO 8601."""
        if at_us is None:
            return ""
        return local_time(at_us, self._company.timezone).isoformat(sep=" ", timespec="seconds")


def _check_over(plans: list[Plan]) -> None:
    root = plans[0]
    waiting = [question for plan in plans for question in plan.questions]
    over = root.status in ENDED or root.status == "undone"
    if over and not waiting and not any(map(in_flight, plans)) and not (root.undo_by and root.status != "undone"):
        return
    says = say_status(root.status, "")
    if waiting:
        wait = "1 of its questions waits" if len(waiting) == 1 else f"{len(waiting)} of its questions wait"
        raise InputError(
            f"Plan {root.id} has not ended: {wait} for your answer ({says}).",
            remedy=f"Answer first: mainstay decide {waiting[0]}",
        )
    moving = sorted(say_path(path) for plan in plans for path, slot in plan.slots.items() if slot.status not in _STILL)
    of = f": it waits for {', '.join(moving[:3])}" if moving and root.status != "proposed" else ""
    raise InputError(
        f"Plan {root.id} has not ended ({says}){of}.",
        remedy=f"A receipt is of what is over. See: mainstay show {root.id}",
    )


_STILL = frozenset({"done", "skipped", "rejected", "failed"})
_ENDS: dict[type[e.Fact], PlanStatus] = {
    e.PlanCompleted: "completed",
    e.PlanFailed: "failed",
    e.PlanCancelled: "cancelled",
    e.PlanExpired: "expired",
}


def _ended_at(recorded: list[e.Recorded]) -> int:
    """Give when a plan ended first, before anything of it was taken back."""
    return next((one.recorded_at_us for one in recorded if type(one.fact) in _ENDS), recorded[-1].recorded_at_us)


def _status(plan: Plan, recorded: list[e.Recorded]) -> PlanStatus:
    """Give how a plan ended, also where it was undone afterwards."""
    for one in recorded:
        end = _ENDS.get(type(one.fact))
        if end is not None:
            return end
    return plan.status


def _says(plan: Plan, path: str, slot: Slot) -> str:
    undo = plan.slots.get(f"~{path}")
    if is_stopped(plan, slot):
        return "stopped with the plan"
    return "taken back" if undo is not None and undo.status == "done" else SLOT[slot.status]


def _who(by: str) -> str:
    return "the operator" if by == "operator" else say_actor(by)


def _unanswered(fact: e.AnyFact | None) -> str:
    match fact:
        case e.DecisionExpired():
            return "nobody answered in time, which means no"
        case e.DecisionVoided(why=why):
            return f"no answer was needed any more: {why.rstrip('.')}"
        case _:
            return ""


def _undo(of: _Kept, path: str) -> tuple[str, str]:
    """Say whether an outcome was taken back, can be, or can't be and why."""
    slot, back = of.plan.slots[path], of.plan.slots.get(f"~{path}")
    if back is not None and back.status == "done":
        return "done", ""
    why = next(
        (fact.why for one in of.recorded if isinstance(fact := one.fact, e.UndoImpossible) and fact.path == path), ""
    )
    if why:
        return "impossible", why
    if not slot.done_at:
        return "", ""
    if slot.undo is not None:
        return ("impossible", "its undo did not end well") if of.plan.status == "undone" else ("possible", "")
    return ("none", slot.cannot_undo) if slot.cannot_undo else ("", "")


def _no(of: _Kept, path: str) -> str:
    """Say why an action was not approved or was skipped."""
    found = [
        one.fact.why
        for one in of.recorded
        if isinstance(one.fact, e.StepRejected | e.StepSkipped) and one.fact.path == path
    ]
    return found[-1] if found else ""


def _allowed(of: _Kept, path: str, prepared: e.EffectPrepared) -> str:
    """Name the answer that let an action happen, or the rule of the policy that asked nobody."""
    for one in reversed(of.recorded):
        if isinstance(one.fact, e.EffectIntended) and one.fact.path == path:
            ruling = one.fact.ruling or prepared.ruling
            return ruling or f"the rule '{one.fact.verdict.rule}'"
    return ""


def _known(of: _Kept, path: str, fact: e.AnyFact | None) -> str:
    confirmed = [
        one.fact.how for one in of.recorded if isinstance(one.fact, e.EffectConfirmed) and one.fact.path == path
    ]
    settled = fact.settled if isinstance(fact, e.EffectDone) else ""
    return "; ".join(part for part in (settled, *confirmed[-1:]) if part)


def _agents(family: list[_Kept]) -> tuple[Agent, ...]:
    runs: dict[tuple[str, str], int] = {}
    for one in family:
        for event in one.recorded:
            if isinstance(event.fact, e.StepCompleted) and not event.fact.path.startswith(("~", "=")):
                step = one.plan.step(event.fact.path)
                if step.kind == "agent":
                    runs[step.target, step.version] = runs.get((step.target, step.version), 0) + 1
    return tuple(Agent(name, version, count) for (name, version), count in runs.items())


def _cost(fact: object) -> int:
    return getattr(fact, "cost_usd_micros", 0)


def _as_given(field: Field, definition: Definition) -> Field:
    """Give a length of time among the inputs as a person says it; it is kept in seconds."""
    lengths = {(one.name,) for one in definition.inputs if one.type == "duration"}
    if field.at not in lengths or not isinstance(field.text, str) or not field.text.isdecimal():
        return field
    return Field(field.at, say_duration(int(field.text)))
