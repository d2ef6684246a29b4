"""What the `limits` of rules come to: caps that budgets keep, and how much of an operation happens at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from mainstay.kernel.budget import COUNT, OF_RULE, Cap, Period

if TYPE_CHECKING:
    from mainstay.playbooks.policy_book import Rules


def policy_caps(rules: Rules) -> list[Cap]:
    """Give the caps of rules, each under the name "rule ID", over all operations that the rule is about."""
    found: list[Cap] = []
    for rule, limits, operations in rules.limits():
        for period in get_args(Period):
            most: int | None = getattr(limits, f"per_{period}")
            if most is not None and operations:  # a cap that names none would count all
                found.append(Cap(f"{OF_RULE}{rule.id}", period, {COUNT: most}, tuple(operations)))
    return found


def policy_limits(rules: Rules) -> dict[str, int]:
    """Give how much of each operation happens at once; of several rules the least."""
    found: dict[str, int] = {}
    for _, limits, operations in rules.limits():
        if limits.at_once is not None:
            found |= {name: min(limits.at_once, found.get(name, limits.at_once)) for name in operations}
    return found
