"""What changed in the kernel's semantics, number by number, with the reason (KERNEL L10).

A plan keeps the number it started under for as long as it lives, and a release has the last two. A rule that changed is
asked for where something is decided or looked for, by the plan's number:

    options = (*YES_NO, "skip") if holds(plan, LEAVE_AN_UNDO) else YES_NO

Folding never asks: histories are read for ever, so a fact that means something else is another version of it, or
another fact. Nor does what is decided before a plan starts: it has no number yet.

One exception, a defect that was mended in the fold: a pause outlived the completion or the undo of its plan, so that an
undo did nothing before somebody resumed the plan. `PlanCompleted` and `PlanUndone` end the pause today, in old
histories too, so that plans that stood so go on. Replay alone keeps such a pause, where a history shows it.

To change a rule: raise KERNEL, write the rule down here and its line in docs/versions.md, and delete the rules of the
number before, which all plans have now (a test names them). Golden histories keep plans of each number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mainstay.errors import LedgerError

if TYPE_CHECKING:
    from mainstay.kernel.state import Plan

KERNEL = 2  # number of the present semantics; plans that start now keep it
KERNELS = (KERNEL - 1, KERNEL)  # those that a plan can go on under in this release


class Rule(NamedTuple):
    """Something that is decided otherwise since a number; the reason is for the next person who wonders."""

    since: int
    what: str
    why: str


LEAVE_AN_UNDO = Rule(
    2,
    'Every question about taking an action back can be answered "leave it as it is".',
    "Only where something was changed since it could; elsewhere a no was followed by a second question.",
)
RULES = (LEAVE_AN_UNDO,)


def number_of(plan: Plan) -> int:
    """Give the number that a plan goes by: one that has not started will start under the present one."""
    return plan.kernel or KERNEL


def holds(plan: Plan, rule: Rule) -> bool:
    """Whether a plan goes by a rule."""
    return number_of(plan) >= rule.since


def is_newer(number: int) -> bool:
    """Whether only a later release knows this number."""
    return number > KERNEL


def is_gone(number: int) -> bool:
    """Whether no plan can go on under this number any more; 0 is that of a plan that has not started."""
    return 0 < number < KERNELS[0]


def refusal(plan_id: str, number: int) -> LedgerError:
    """Say that a plan began under rules that this release does not have."""
    have = " and ".join(str(kept) for kept in KERNELS)
    return LedgerError(
        f"Plan {plan_id} began under other rules (number {number}) than this Mainstay has ({have}).",
        remedy="Let the release of Mainstay that began it see it through. All other plans go on.",
    )
