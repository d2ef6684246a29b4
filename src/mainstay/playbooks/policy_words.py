"""A rule as the operator reads it: what it is about, when it speaks, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.governance.throttles import say_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.contracts import Operation
    from mainstay.governance.rules import Rule

BY_ITSELF = "No policy of yours is active: reading and what can be taken back go by themselves, all else is asked."
SAYS = {"allow": "happens by itself", "ask": "is asked", "deny": "never happens"}
MOST_NAMED = 5  # of what goes unasked, each in a sentence
_MAY = {"allow": "may {} without asking you", "ask": "asks you before it may {}", "deny": "may never {}", "": "may {}"}
_KINDS = {
    "read": "look at anything",
    "reversible": "do what can be undone",
    "irreversible": "do what can't be undone",
    "physical": "act outside of any computer",
}
_NAMED_DO = 3  # operations of one rule that are named
WOULD = {"allow": "would happen by itself", "ask": "would be asked", "deny": "would be forbidden"}


def listed(
    rules: Iterable[Rule], shipped: Sequence[Rule], operations: Mapping[str, Operation], spoke: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Give the rules in force to look at: the operator's own first, of these and the others the most used first.

    `says` is one sentence, `ships` whether Mainstay brought it, `spoke` of how many of the newest actions it spoke.
    """
    rows = [
        _row(rule)
        | {
            "says": say_rule(rule, operations),
            "ships": msgspec.structs.replace(rule, place="") in shipped,
            "spoke": spoke.get(rule.id, 0),
        }
        for rule in rules
    ]
    return sorted(rows, key=lambda row: (row["ships"], -row["spoke"]))


def _row(rule: Rule) -> dict[str, Any]:
    told = {**msgspec.to_builtins(rule), "about": _about(rule)}
    if rule.throttle is None:
        return told
    ends = "taken back" if rule.throttle.undo else "paused"
    return {**told, "about": f"playbook {rule.throttle.playbook}", "when": say_bounds(rule.throttle), "ends": ends}


def say_rule(rule: Rule, operations: Mapping[str, Operation]) -> str:
    """Say what a rule does, but for its condition: "Mainstay asks you before it may send a mail (mail.send)"."""
    if rule.throttle is not None:
        back = ", and what its plans did is taken back" * rule.throttle.undo
        return f"Playbook {rule.throttle.playbook} is paused{back}"
    says = "Mainstay " + _MAY[rule.verdict].format(_say_deeds(rule, operations))
    limits = _say_limits(rule)
    return says + f", {limits}" * bool(limits) + ", unless another rule says otherwise" * rule.otherwise


def _say_deeds(rule: Rule, operations: Mapping[str, Operation]) -> str:
    kinds = " or ".join(_KINDS[one] for one in rule.effects)
    if not rule.do or "*" in rule.do:
        return kinds or "do anything"
    known = [(name, operations.get(name)) for name in rule.do]
    told = [f"{_does(one)} ({name})" if one else f"do {name}" for name, one in known]
    more = len(told) - _NAMED_DO
    told = [*told[:_NAMED_DO], f"do {more} more ({', '.join(rule.do[_NAMED_DO:])})"] if more > 0 else told
    return " or ".join(told) + f", as far as that is to {kinds}" * bool(kinds)


def _does(operation: Operation) -> str:
    return operation.summary[:1].lower() + operation.summary[1:]


def _say_limits(rule: Rule) -> str:
    given: dict[str, int] = msgspec.to_builtins(rule.limits) if rule.limits is not None else {}
    limits = ", ".join(f"{most} {name.replace('_', ' ')}" for name, most in given.items())
    return f"at most {limits}" if limits else ""


def unasked(rules: Iterable[Rule], operations: Mapping[str, Operation]) -> list[str]:
    """Say plainly what rules let happen without a yes that can't be taken back; nothing where they let none of it.

    What acts on the physical world is not in it: that is asked whatever rules say.
    """
    found: dict[str, str] = {}
    for rule in rules:
        if rule.verdict != "allow" or (rule.effects and "irreversible" not in rule.effects):
            continue
        for name, one in sorted(operations.items()):
            if one.effect == "irreversible" and rule.names(name) and name not in found:
                why = f"{one.cannot_undo.rstrip('.')}." if one.cannot_undo else "That can't be taken back."
                only = ", where its condition holds" if rule.when else ""
                found[name] = f"Without your yes, the rule '{rule.id}' lets Mainstay {_does(one)} ({name}){only}. {why}"
    told = list(found.values())
    more = len(told) - MOST_NAMED
    rest = f"And {more} more that can't be taken back: {', '.join([*found][MOST_NAMED:])}."
    return [*told[:MOST_NAMED], rest] if more > 0 else told


def _about(rule: Rule) -> str:
    named = ", ".join(rule.do) or "any action"
    return f"{named} ({', '.join(rule.effects)})" if rule.effects else named
