"""What a question is made of and what it leads to, for its card: where it came from, what a no does, what follows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mainstay.kernel.graph import Cel
from mainstay.kernel.state import FINAL, caller_of, step_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay import events as e
    from mainstay.errors import MainstayError
    from mainstay.kernel.graph import Ask, Definition, Need, Step
    from mainstay.kernel.state import Plan

PLAIN_OPTIONS = ("approve", "reject")
_GRAVE = ("", "read", "reversible", "irreversible", "physical")  # the least first


def labels_of(plan: Plan, asked: e.DecisionAsked) -> list[str]:
    """Name what a question is made of: the labels of its action, or of the steps whose results it shows."""
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    if ask is None:
        return sorted({label for path in asked.paths for label in plan.slots[path].labels})
    parts = [part for part in (*ask.text.parts, ask.show) if isinstance(part, Cel)]
    slots = [plan.slots.get(path.partition(".")[0]) for part in parts for path in part.paths]
    return sorted({label for slot in slots if slot is not None for label in slot.labels})


def rejection_used(plan: Plan, asked: e.DecisionAsked) -> bool:
    """Say whether something in the playbook uses a no to this question."""
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    return ask is not None and ask.rejection_used


def ends_by_no(plan: Plan, asked: e.DecisionAsked) -> bool:
    """Say whether a no to an action leaves out all that is left to do, so that the plan ends."""
    path = asked.paths[0]
    if asked.kind != "effect" or path not in plan.graph.steps or len(asked.paths) > 1:
        return False  # the other items of a list go on, and so does whoever called, or what is taken back
    left, waiting = {path}, [path]
    while waiting:
        for name in set(plan.graph.dependents[waiting.pop()]) - left:
            if any(need.step in left and need.kind == "done" for need in plan.graph.steps[name].needs):
                left.add(name)
                waiting.append(name)
    return all(name in left or _is_over(plan, name) for name in plan.graph.steps)


def _is_over(plan: Plan, name: str) -> bool:
    slot = plan.slots.get(name)
    return slot is not None and slot.status in FINAL


def what_follows(plan: Plan, asked: e.DecisionAsked) -> list[dict[str, Any]]:
    """List the actions that a yes can lead to: what each can do, whether it asks again, and after which answer `only`.

    That is told of answers of the playbook's own, as far as `when` says so plainly.
    """
    asks = step_name(asked.paths[0])
    never = _without_yes(plan, asked)
    waiting, found = [step_name(path) for path in asked.paths[:1] if asked.kind == "ask"], dict[str, dict[str, Any]]()
    while waiting:
        for name in plan.graph.dependents[waiting.pop(0)]:
            step = plan.graph.steps[name]
            if name not in found:
                waiting.append(name)
                effect = gravest_of(plan.graph.definition, step)
                asks = step.gate or ("each" if plan.graph.definition.ask_first else "")
                only = _answer_wanted(step, asks) or next(filter(None, (_only(found, need) for need in step.needs)), "")
                found[name] = {"step": name, "does": step.target, "effect": effect, "asks": asks, "only": only}
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    shown = () if ask is None else ask.covers  # the card shows them whole
    if ask is not None and ask.whole:  # but those of it that could not be worked out yet
        shown = tuple(step_name(path) for path in asked.covers)
    return [row for row in found.values() if row["effect"] not in ("", "read") and row["step"] not in {*shown, *never}]


def _only(found: dict[str, dict[str, Any]], need: Need) -> str:
    """Give the answer that a need wants, where there is no way around it."""
    return found[need.step]["only"] if need.kind == "done" and need.step in found else ""


def _answer_wanted(step: Step, name: str) -> str:
    """Give the answer of the question `name` that a step runs after and no other; empty where it says nothing plain."""
    source = "" if step.when is None or re.search(r"[?()]|\|\|", step.when.source) else step.when.source
    found = (
        re.fullmatch(rf"\s*{re.escape(name)}\.ruling\s*==\s*(['\"])(\w+)\1\s*", part) for part in source.split("&&")
    )
    return next((one[2] for one in found if one and one[2] not in ("approved", "rejected", "expired")), "")


def _without_yes(plan: Plan, asked: e.DecisionAsked) -> set[str]:
    """Give the steps that a yes leaves out, as far as their `when` says so plainly, and those that need them."""
    ask = plan.step(asked.paths[0]).ask if asked.kind == "ask" else None
    if ask is None:
        return set()
    name = step_name(asked.paths[0])
    found, size = {step.name for step in plan.graph.definition.steps if _only_after_no(step, name, ask)}, -1
    while size < len(found):
        size = len(found)
        for step in plan.graph.definition.steps:
            if any(need.step in found and need.kind != "optional" for need in step.needs):
                found.add(step.name)
    return found


def _only_after_no(step: Step, name: str, ask: Ask) -> bool:
    """Say whether a step runs only after a no: its `when` holds the ruling against something that no yes is."""
    source = "" if step.when is None else step.when.source
    if re.search(r"[?()]|\|\|", source):
        return False
    yes = {"approved"} if ask.options == PLAIN_OPTIONS else set(ask.options)
    for part in source.split("&&"):
        found = re.fullmatch(rf"\s*{re.escape(name)}\.ruling\s*(==|!=)\s*(['\"])(\w+)\2\s*", part)
        if found and not any((each == found[3]) == (found[1] == "==") for each in yes):
            return True
    return False


def gravest_of(definition: Definition, step: Step) -> str:
    """Give what a step can do to the world: of a sub-plan, the gravest that its own steps can do."""
    below = _below(definition, step)
    inner = [gravest_of(below, each) for each in below.steps] if below is not None else []
    return max(step.effect or "", *inner, key=_GRAVE.index) if inner else step.effect or ""


def actions_of(definition: Definition, step: Step) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name the operations by which a step acts, of a sub-plan with its playbooks, innermost first."""
    below = _below(definition, step)
    if below is None:
        if step.effect not in (None, "read"):
            yield step.target, ()
        return
    for each in below.steps:
        for operation, playbooks in actions_of(below, each):
            yield operation, (*playbooks, below.name)


def _below(definition: Definition, step: Step) -> Definition | None:
    return definition.playbooks.get(step.target) if step.kind in ("playbook", "repeat") else None


def place_of(plan: Plan, path: str) -> tuple[str, str, int | None]:
    """Say which approved action this is: the plan that was started, its step, and the item, counted from 1."""
    index = caller_of(path).partition("/")[2]
    given = plan.given if isinstance(plan.given, dict) else {}
    item = int(index) + int(str(given.get("index", 0))) + 1 if index else None
    return plan.id.partition("-")[0], step_name(path), item


def recall_line(plan: Plan, path: str) -> str:
    """Give the command that calls an approved action back: the step of the plan that was started, and its item."""
    root, step, item = place_of(plan, path)
    return f"mainstay recall {root} {step}" + (f" --item {item}" if item else "")


def hasten_line(plan: Plan, path: str) -> str:
    """Give the command that lets an approved action leave now."""
    return recall_line(plan, path).replace("recall", "hasten", 1)


def unreadable(decision: str, plan_id: str, error: MainstayError) -> dict[str, Any]:
    """Give a question whose stored files are gone: in its place it says so."""
    return {
        "decision": decision,
        "plan": plan_id,
        "title": f"Plan {plan_id}",
        "kind": "unreadable",
        "says": "can't be shown",
        "actions": [],
        "card": {"headline": f"{error.message} {error.remedy}"},
        "options": [],
        "binds": [],
        "rule": "",
        "why": error.message,
        "cannot_undo": "",
        "parts": [],
        "if_no": "",
        "lets": [],
        "leaves": "",
        "follows": [],
        "arguments": None,
        "cost_usd_micros": 0,
        "came_from": [],
        "to": "operator",
        "reminded": 0,
        "notes": [],
        "playbook": "",
        "paused": "",
        "can_allow": False,
        "other_files": False,
        "worked_out": [],
        "past": {"counts": {}, "last": None, "in_a_row": 0},
        "recommended": {"choice": "", "why": ""},
        "put_off_until": "",
        "escalates_at": "",
        "asked_at": "",
        "due_at": "",
        "plan_expires_at": "",
        "rows_may_be_kept": False,
        "picked": [],
        "open": True,
        "answer": "",
    }
