"""A rule as the operator reads it: what it is about, when it speaks, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.governance.throttles import say_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.contracts import Operation
    from mainstay.governance.rules import Rule

BY_ITSELF = "No policy of yours is active: reading and what can be taken back go by themselves, all else is asked."
SAYS = {"allow": "happens by itself", "ask": "is asked", "deny": "never happens"}
MOST_NAMED = 5  # of what goes unasked, each in a sentence
WOULD = {"allow": "would happen by itself", "ask": "would be asked", "deny": "would be forbidden"}


def rule_row(rule: Rule) -> dict[str, Any]:
    """Give a rule as plain data, with what it is about in words."""
    told = {**msgspec.to_builtins(rule), "about": _about(rule)}
    if rule.throttle is None:
        return told
    ends = "taken back" if rule.throttle.undo else "paused"
    return {**told, "about": f"playbook {rule.throttle.playbook}", "when": say_bounds(rule.throttle), "ends": ends}


def say_then(row: Mapping[str, Any]) -> str:
    """Say what comes of a rule where it speaks: "is asked; at most 20 per day"."""
    says = SAYS.get(row.get("verdict", ""), "")
    says = f"else {says}" if row.get("otherwise") else row.get("ends", says)
    given: Mapping[str, Any] = row.get("limits") or {}
    limits = ", ".join(f"{most} {name.replace('_', ' ')}" for name, most in given.items())
    return "; ".join(part for part in (says, f"at most {limits}" if limits else "") if part)


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
                does = one.summary[:1].lower() + one.summary[1:]
                why = f"{one.cannot_undo.rstrip('.')}." if one.cannot_undo else "That can't be taken back."
                only = ", where its condition holds" if rule.when else ""
                found[name] = f"Without your yes, the rule '{rule.id}' lets Mainstay {does} ({name}){only}. {why}"
    told = list(found.values())
    more = len(told) - MOST_NAMED
    rest = f"And {more} more that can't be taken back: {', '.join([*found][MOST_NAMED:])}."
    return [*told[:MOST_NAMED], rest] if more > 0 else told


def _about(rule: Rule) -> str:
    named = ", ".join(rule.do) or "any action"
    return f"{named} ({', '.join(rule.effects)})" if rule.effects else named
