"""One step of a plan, whole: what it was given, what it gave, why, in how many attempts, and by which versions.

And where a number or a word comes from: every fact of a plan that holds it, and what led to the first of them (O8).
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from mainstay import events as e
from mainstay.errors import MainstayError, UnknownNameError
from mainstay.kernel.state import FINAL, caller_of, is_call, is_item, step_name
from mainstay.runtime.journal import told_calls
from mainstay.said import is_record, is_simple, say_value, with_money
from mainstay.sentences import SLOT, say, say_actor, say_path
from mainstay.values import BlobRef, Sealed
from mainstay.views.backward import TELLING, what_with
from mainstay.views.reconciled import Reconciled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mainstay.kernel.state import Plan, Slot
    from mainstay.values import Value
    from mainstay.views.opening import Row

MOST_PLACES = 60  # where something stands, of one plan with its parts
MOST_PARTS = 40  # of a plan, that are looked through
_THOUSANDS = re.compile(r"(?<=\d)[,' ](?=\d{3}(?!\d))")
_HOLDS = (
    "inputs",
    "arguments",
    "output",
    "items",
    "card",
    "rows",
    "form",
    "given",
)  # fields of facts with values in them


class Steps(Reconciled):
    """What a plan did, closely."""

    def step(self, plan_id: str, path: str) -> Row:
        """Show one step, one item of its list, or an undo of either. Raises UnknownNameError."""
        recorded = self.recorded(plan_id)
        plan = self.plan(plan_id)
        name = step_name(path)
        if name not in plan.graph.steps or (path != name and path not in plan.slots):
            raise UnknownNameError(f"Plan {plan_id} has no step '{path}'.", remedy=f"See: mainstay show {plan_id}")
        step, slot = plan.graph.steps[name], plan.slots.get(path)
        facts = [event.fact for event in recorded if getattr(event.fact, "path", "") == path]
        prepared = next((one for one in reversed(facts) if isinstance(one, e.EffectPrepared)), None)
        return {
            "plan": plan.id,
            "title": plan.title,
            "path": path,
            "step": name,
            "named": say_path(path),
            "kind": step.kind,
            "does": (prepared.operation if prepared else "") or step.target or step.kind,
            "says": self._says(plan, path, slot),
            "needs": [{"step": need.step, "kind": need.kind} for need in step.needs],
            "leads_to": list(plan.graph.dependents[name]),
            "arguments": self._given(facts, slot),
            "output": None if slot is None else self._payloads.load(slot.output),
            "rationale": "" if slot is None else slot.rationale,
            "confidence": None if slot is None else slot.confidence,
            "came_from": [] if slot is None else [say_actor(label) for label in slot.labels],
            "attempts": self._attempts(plan, path, facts),
            "failure": "" if slot is None or slot.failure is None else self.named(slot.failure.message, plan, path),
            "next": "" if slot is None or slot.failure is None else self.named(slot.failure.remedy, plan, path),
            "versions": _versions(plan, path, prepared),
            "allowed": "" if prepared is None else prepared.verdict.why,
            "cannot_undo": "" if slot is None else slot.cannot_undo,
            "digest": "" if slot is None else slot.digest,
            "cost_usd_micros": sum(getattr(fact, "cost_usd_micros", 0) for fact in facts),
            "items": self._items(plan, name, recorded) if path == name else [],
            "calls": told_calls(self._reader.read, plan, name, self.time) if path == name else [],
            "parts": [] if slot is None else list(slot.children),
            "questions": [
                one.fact.decision
                for one in recorded
                if isinstance(one.fact, e.DecisionAsked) and path in one.fact.paths
            ],
            "timeline": [row for row in self.timeline(plan_id, everything=True) if row["path"] == path],
        }

    def _given(self, facts: list[Any], slot: Slot | None) -> Value:
        """Give what a step was given last: what its latest attempt or action was made with."""
        given = [fact.arguments for fact in facts if getattr(fact, "arguments", None) is not None]
        kept = None if slot is None else slot.arguments
        return self._payloads.load(given[-1] if given else kept)

    def _says(self, plan: Plan, path: str, slot: Slot | None) -> str:
        undo = plan.slots.get(f"~{path}")
        if slot is None:
            return "later" if plan.status in ("proposed", "approved", "running") else "not reached"
        return "taken back" if undo is not None and undo.status == "done" else SLOT[slot.status]

    def _attempts(self, plan: Plan, path: str, facts: list[Any]) -> list[Row]:
        """List the attempts that failed, each with why."""
        failed = (e.AttemptFailed, e.EffectRefused, e.EffectUncertain, e.StepStuck)
        return [
            {"attempt": fact.attempt, "why": self.named(fact.failure.message, plan, path)}
            for fact in facts
            if isinstance(fact, failed)
        ]

    def _items(self, plan: Plan, name: str, recorded: Sequence[e.Recorded]) -> list[Row]:
        """List the items of a list, and the actions that an agent asked for."""
        given = {one.fact.path: one.fact.arguments for one in recorded if isinstance(one.fact, e.EffectPrepared)}
        return [
            {
                "path": path,
                "named": say_path(path),
                "with": self._telling(given.get(path)),
                "says": self._says(plan, path, slot),
                "open": slot.status not in FINAL,
                "failure": "" if slot.failure is None else self.named(slot.failure.message, plan, path),
            }
            for path, slot in plan.slots.items()
            if (is_item(path) and path.startswith(f"{name}/")) or (is_call(path) and caller_of(path) == name)
        ]

    def _telling(self, given: Value) -> str:
        """Say of what an action was given what tells it from the next; nothing where its files are gone."""
        with suppress(MainstayError):
            return "" if given is None else what_with(self._payloads.load(given), TELLING)
        return ""

    # --- where something comes from

    def explain(self, plan_id: str, wanted: str, most: int | None = None) -> Row:
        """Trace a number or words: the facts of a plan and its parts that hold it, in order, and what led to the first.

        An amount is found however its thousands are written. At most so many values are looked at, the first ones
        first; `whole` says whether that was all of them.
        """
        looked_for, left = _plain(wanted), _Left(most)
        found: list[Row] = []
        for plan in self._family(plan_id) if looked_for else ():
            if left.none or len(found) >= MOST_PLACES:
                break
            for event in self.recorded(plan.id):
                places = [] if left.none else list(self._places(plan, event, looked_for, left))
                if places:
                    found.append(self._event(plan, event) | {"places": places[:3], "more": len(places) - 3})
        found = sorted(found, key=lambda row: row["position"])[:MOST_PLACES]
        chain = self._chain(found[0]) if found else []
        return {"plan": plan_id, "wanted": wanted, "found": found, "chain": chain, "whole": not left.none}

    def _family(self, plan_id: str) -> Iterator[Plan]:
        waiting = [plan_id]
        for _ in range(MOST_PARTS):
            if waiting:
                plan = self.plan(waiting.pop(0))
                yield plan
                waiting += [child for slot in plan.slots.values() for child in slot.children]

    def _event(self, plan: Plan, event: e.Recorded) -> Row:
        path = str(getattr(event.fact, "path", ""))
        return {
            "event": event.id,
            "position": event.position,
            "plan": plan.id,
            "path": path,
            "at": self.time(event.recorded_at_us),
            "who": say_actor(event.actor),
            "what": self.what(event, plan),
            "because": event.cause,
            "came_from": [say_actor(label) for label in getattr(event.fact, "labels", ())],
        }

    def _places(self, plan: Plan, event: e.Recorded, wanted: str, left: _Left) -> Iterator[Row]:
        if wanted in _plain(self.named(say(event.fact), plan, str(getattr(event.fact, "path", "")))):
            yield {"where": "what is said of it", "says": ""}
        for field in _HOLDS:
            value = getattr(event.fact, field, None)
            if isinstance(value, (str, dict, list, tuple, BlobRef, Sealed)):
                with suppress(MainstayError):  # what was forgotten, or its file is gone: that is said elsewhere
                    yield from _leaves(field, self._payloads.load(cast("Value", value)), wanted, left)

    def _chain(self, first: Row) -> list[Row]:
        """Give what led to an event, step by step: the nearest cause first."""
        chain: list[Row] = []
        cause, seen = first["because"], set[str]()
        while cause.startswith("plan:") and cause not in seen:
            seen.add(cause)
            plan_id = cause.removeprefix("plan:").rpartition("@")[0]
            plan = self.plan(plan_id)
            event = next((one for one in self.recorded(plan_id) if one.id == cause), None)
            if event is None:
                break
            chain.append(self._event(plan, event))
            cause = event.cause
        return chain


def _versions(plan: Plan, path: str, prepared: e.EffectPrepared | None) -> Row:
    """Name the versions as of that run."""
    step = plan.step(path)
    does = step.version or (str(prepared.operation_version) if prepared is not None else "")
    return {
        "playbook": plan.graph.definition.version[:8],
        "operation" if step.kind == "do" else step.kind: f"{step.target} {does}".strip(),
        "rules": "" if prepared is None else prepared.verdict.rule,
    }


def _plain(text: str) -> str:
    return _THOUSANDS.sub("", " ".join(text.split())).casefold()


class _Left:
    """How many values may still be looked at; None: all."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self.none = False

    def take(self) -> bool:
        if self._most is None:
            return True
        self._most -= 1
        self.none = self.none or self._most < 0
        return not self.none


def _holds(said: str, wanted: str) -> bool:
    """Whether a text holds what is looked for; most texts are short, and are told apart by a look."""
    return wanted in said.casefold() or (len(said) > len(wanted) and wanted in _plain(said))


def _leaves(where: str, value: object, wanted: str, left: _Left) -> Iterator[Row]:
    """Give the places inside a value that hold what is looked for."""
    if is_record(value) and not is_simple(value):
        record = with_money(value)
        for name, inner in record.items():
            if isinstance(inner, str) and len(inner) < len(wanted) and inner.isascii():  # too short to hold it
                left.take()
            elif inner is not None:
                yield from _leaves(f"{where} / {name.replace('_', ' ')}", inner, wanted, left)
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(cast("list[object]", value), 1):
            if left.none:
                return
            yield from _leaves(f"{where} / {number}", inner, wanted, left)
    elif left.take() and _holds(said := value if isinstance(value, str) else say_value(value), wanted):
        yield {"where": where, "says": said if len(said) <= 200 else f"{said[:200]}…"}  # noqa: PLR2004 - enough to see
