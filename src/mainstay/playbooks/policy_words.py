"""A rule as the operator reads it: what it is about, when it speaks, and what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.governance.throttles import say_bounds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.governance.rules import Rule

BY_ITSELF = "No policy of yours is active: reading and what can be taken back go by themselves, all else is asked."
SAYS = {"allow": "happens by itself", "ask": "is asked", "deny": "never happens"}
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


def _about(rule: Rule) -> str:
    named = ", ".join(rule.do) or "any action"
    return f"{named} ({', '.join(rule.effects)})" if rule.effects else named
