"""A question that covers later actions (KERNEL E6): rendered and shown when asked, held against that when they come.

What is shown is worked out as if the steps were ready now. A yes approves each of them once, within the stated slack;
anything beyond it asks again and says what departs.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec
from msgspec.structs import replace

from mainstay.contracts import Operation, from_plain, to_plain
from mainstay.errors import MainstayError
from mainstay.kernel.graph import MAX_ITEMS, Slack
from mainstay.kernel.state import Slot, is_item, step_name
from mainstay.runtime.attempt import card_of, effect_digest, judged, known, moved_by, no_way_back, rules_asking
from mainstay.runtime.names import Names
from mainstay.runtime.proposing import place_in, proposed
from mainstay.runtime.wording import sentence, words_of
from mainstay.values import CURRENCY_DIGITS, Labels, Money, Value, say_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.kernel.graph import Ask, Step
    from mainstay.kernel.state import Plan
    from mainstay.runtime.parts import Parts
    from mainstay.runtime.trails import Trails

MAX_SAID = 60  # characters of a value in a sentence
Plain: TypeAlias = dict[str, Value]


class Covered(msgspec.Struct):
    """What a question covers: a row of its card, the action as it is kept, and its digest, by path."""

    rows: list[Value]
    actions: Plain
    binds: list[str]
    labels: Labels
    amounts: list[Money] = []  # that the actions move, as far as they say so
    left_out: list[str] = []  # steps whose actions can't be shown: they ask by themselves
    cannot_undo: str = ""
    grounds: dict[str, tuple[Operation, msgspec.Struct, str]] = {}  # by path: what to read what an action relies on by

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths, in the order of the rows."""
        return tuple(self.actions)


def covered_by(parts: Parts, trails: Trails, plan: Plan, path: str, ask: Ask) -> Covered:
    """Work out the actions that a question at `path` covers; raises ExpressionError, or what a contract refuses.

    A list of more than 100 is not covered: its parts ask by themselves. Nor is, of a plan that is approved as a whole,
    what can't be worked out yet.
    """
    found = Covered([], {}, [], ())
    for name in ask.covers:
        try:
            units = list(_units(parts, plan, path, plan.graph.steps[name]))
            shown = [_shown(parts, trails, seen, unit, ask) for unit, seen in units]
        except (MainstayError, msgspec.ValidationError):
            if not ask.whole:
                raise
            found.left_out.append(name)
            continue
        for (unit, _), one in zip(units, shown, strict=True):
            _add(found, unit, one)
    return found


class _Shown(msgspec.Struct):
    """One action that a question covers."""

    row: Value
    action: Plain
    operation: Operation
    typed: msgspec.Struct
    digest: str
    labels: Labels
    amounts: list[Money]
    cannot_undo: str


def _shown(parts: Parts, trails: Trails, plan: Plan, path: str, ask: Ask) -> _Shown:
    """Render an action as if its step were ready now; `plan` looks so."""
    step, names = plan.step(path), Names(parts, plan, path)
    operation = parts.catalogue.operation(step.target)
    typed = from_plain(names.value(step.arguments), operation.input)
    card, plain, labels = card_of(operation, typed), to_plain(typed), names.labels
    kept = parts.payloads.keep(plain, operation.input, plan=plan)
    flow = trails.flow(plan, path, operation, plain, labels)
    place, now_us = place_in(plan, path, step.account), parts.clock.now_us()
    verdict = judged(parts, proposed(place, operation.name, operation.effect, plain, labels, now_us, flow))
    rules = rules_asking(verdict)
    strange = any(rule.startswith("flow:") for rule in rules)  # else where each word came from is too much to read
    words = known(flow, words_of) if strange else None
    said = [sentence(cast("dict[str, Value]", row)) for row in words or ()]
    forbidden = [f"Policy forbids it: {verdict.why}"] if verdict.decision == "deny" else []
    body = "\n".join(part for part in (*forbidden, *said, card.body) if part)
    row: Value = {"path": path, "headline": card.headline, "body": body}
    if ask.may_change:
        row["may change"] = ", ".join(f"{name} by {say_slack(one)}" for name, one in ask.may_change.items())
    action: Plain = {
        "operation": operation.name,
        "version": operation.version,
        "account": step.account,
        "arguments": kept,
    }
    if rules:  # a yes answers these, and none that comes later
        action["rules"] = [*sorted(rules)]
    missing = no_way_back(operation, plan, path)
    return _Shown(
        row=parts.payloads.seal(row, plan=plan, about=(plain, operation.input)),
        action=action,
        operation=operation,
        typed=typed,
        digest=effect_digest(operation, step.account, kept),
        labels=labels,
        amounts=moved_by(operation, plain),
        cannot_undo=(missing and card.cannot_undo) or missing,
    )


def _add(found: Covered, unit: str, one: _Shown) -> None:
    found.rows.append(one.row)
    found.actions[unit] = one.action
    if one.operation.relies is not None:
        found.grounds[unit] = one.operation, one.typed, str(one.action["account"])
    found.binds.append(one.digest)
    found.labels = tuple(sorted({*found.labels, *one.labels}))
    found.amounts += one.amounts
    found.cannot_undo = one.cannot_undo or found.cannot_undo


def _units(parts: Parts, plan: Plan, path: str, step: Step) -> Iterator[tuple[str, Plan]]:
    """Give the paths of a step's work, each with the plan as it would look if that were ready now."""
    now = Slot("ready", ready_at_us=plan.slots[path].ready_at_us)
    seen = replace(plan, slots={**plan.slots, step.name: now})
    if step.when is not None and Names(parts, seen, step.name).value(step.when) is not True:
        return
    if step.each is None:
        yield step.name, seen
        return
    names = Names(parts, seen, step.name)
    items = names.value(step.each)
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        return
    listed = replace(now, status="fanned", items=items, count=len(items), labels=names.labels)
    seen = replace(plan, slots={**plan.slots, step.name: listed})
    for index in range(len(items)):
        unit = f"{step.name}/{index}"
        yield unit, replace(seen, slots={**seen.slots, unit: now})


class Fitting(msgspec.Struct, frozen=True):
    """How an action stands to what questions covered: the place it was shown under, "" for none, and what departs."""

    shown: str
    departs: str = ""
    relies: Value = None  # what it relied on when it was shown
    rules: frozenset[str] = frozenset()  # that asked about it by then


def fitting(
    parts: Parts, plan: Plan, path: str, operation: Operation, arguments: Value, account: str
) -> Fitting | None:
    """Find what was shown of an action, or say in what it departs from that; None where nothing is covered.

    A list may be another one by now: an item is known by what it does, not by its place. What may not change has to be
    as it was shown; of several that fit, the one that changed least goes first, then the one in its own place.
    """
    places = [place for place in plan.covered if step_name(place) == step_name(path)]
    if not places or path.startswith("~"):
        return None
    questions = _Questions(parts, plan)
    best: tuple[tuple[int, int], Fitting] | None = None
    for place in sorted(places, key=lambda place: place != path):
        wrong, changed = _departs(questions, place, operation, arguments, account)
        if best is None or (len(wrong), changed) < best[0]:
            action = questions.shown(place)[0]
            rules = frozenset(cast("list[str]", action.get("rules") or ()))
            relies = None if wrong else action.get("relies")
            best = (len(wrong), changed), Fitting("" if wrong else place, ", ".join(wrong), relies, rules)
            if not changed and not wrong:
                break
    assert best is not None
    found = best[1]
    return found if found.shown or is_item(path) else Fitting(path, found.departs)


def _departs(
    questions: _Questions, place: str, operation: Operation, arguments: Value, account: str
) -> tuple[list[str], int]:
    """Say in what an action departs from one that was shown, and count what changed, also within its slack."""
    action, slack = questions.shown(place)
    if (action["operation"], action["version"]) != (operation.name, operation.version):
        return [f"{operation.name} was changed since"], 0
    if action["account"] != account:
        return [f"it uses the account {account or 'that is the default'}"], 0
    shown, given = cast("Plain", action["arguments"]), cast("Plain", arguments)
    changed = [name for name in given if shown.get(name) != given[name]]
    wrong = [name for name in changed if not within(shown.get(name), given[name], slack.get(name))]
    return [f"{name} was {_say(shown.get(name))} and is {_say(given[name])}" for name in wrong], len(changed)


class _Questions:
    """What the questions showed whose yes covers actions of a plan; each is read once."""

    def __init__(self, parts: Parts, plan: Plan) -> None:
        self._parts, self._plan = parts, plan
        self._read: dict[str, tuple[Plain, dict[str, Slack]]] = {}

    def shown(self, place: str) -> tuple[Plain, dict[str, Slack]]:
        """Give an action as it was shown, its arguments whole, and how far each of them may change."""
        decision = self._plan.covered[place]
        if decision not in self._read:
            question = _asked(self._parts, self._plan, decision)
            ask = self._plan.graph.steps[step_name(question.paths[0])].ask
            assert ask is not None
            self._read[decision] = cast("Plain", self._parts.payloads.load(question.covered)), ask.may_change
        covered, slack = self._read[decision]
        action, load = cast("Plain", covered[place]), self._parts.payloads.load
        return {**action, **{name: load(action.get(name)) for name in ("arguments", "relies")}}, slack


def _asked(parts: Parts, plan: Plan, decision: str) -> Any:  # noqa: ANN401 - the fact of that question
    for event in parts.ledger.read(f"plan:{plan.id}"):
        if event.kind == "DecisionAsked" and getattr(event.fact, "decision", "") == decision:
            return event.fact
    raise AssertionError(decision)


def within(shown: Value, given: Value, slack: Slack | None) -> bool:
    """Whether a value is the one that was shown, or departs from it no further than it may.

    Times are ISO 8601 text, amounts numbers or plain money; of two currencies neither is within the other.
    """
    if shown == given:
        return True
    if slack is None:
        return False
    if slack.seconds is not None:
        before, after = _moment(shown), _moment(given)
        return before is not None and after is not None and abs(after - before) <= slack.seconds
    before, after = _amount(shown), _amount(given)
    if before is None or after is None or before[1] != after[1] or slack.percent is None:
        return False
    return abs(after[0] - before[0]) * 100 <= abs(before[0]) * slack.percent


def _moment(value: Value) -> float | None:
    try:
        return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else None
    except ValueError:
        return None


def _amount(value: Value) -> tuple[float, str] | None:
    """Read a number, or money with its currency."""
    if isinstance(value, dict) and isinstance(minor := value.get("minor"), int):
        return minor, str(value.get("currency"))
    return (value, "") if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def say_slack(slack: Slack) -> str:
    """Say how far something may change: "2 hours", "10 %"."""
    return say_duration(slack.seconds) if slack.seconds is not None else f"{slack.percent} %"


def _say(value: Value) -> str:
    if isinstance(value, dict) and isinstance(minor := value.get("minor"), int):
        code = str(value.get("currency"))
        digits = CURRENCY_DIGITS.get(code, 2)
        return f"{minor / 10**digits:,.{digits}f} {code}"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]}..."
