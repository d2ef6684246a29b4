"""The order of steps: what each needs, inferred from the names it uses, and the rules about questions and effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.kernel.graph import Need
from mainstay.runtime.types import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.playbooks.format import Report
    from mainstay.playbooks.steps import StepDraft
    from mainstay.playbooks.templates import Draft


def names_used(drafts: Iterable[Draft], lets: Mapping[str, Draft]) -> set[str]:
    """Give the names that templates use, those under `let` followed to what they are made of."""
    return {path.split(".", 1)[0] for path in paths_used(drafts, lets)}


def paths_used(drafts: Iterable[Draft], lets: Mapping[str, Draft]) -> set[str]:
    """Give the dotted paths that templates read, names under `let` followed."""
    found: set[str] = set()
    followed: set[str] = set()
    waiting = list(drafts)
    while waiting:
        for expression in waiting.pop().expressions():
            found |= {path for path in expression.paths if path.split(".", 1)[0] not in lets}
            new = {name for name in expression.names if name in lets} - followed
            followed |= new
            waiting += [lets[name] for name in sorted(new)]
    return found


def needs_of(
    step: StepDraft, steps: Mapping[str, StepDraft], lets: Mapping[str, Draft], report: Report
) -> tuple[Need, ...]:
    """Give what a step needs: as written first, then what its expressions use."""
    needs: dict[str, Need] = {}
    for name, (optional, place) in step.needs.items():
        if name not in steps:
            report.add(place, f"there is no step {name!r}{nearest(name, steps)}")
        elif name == step.name:
            report.add(place, f"the step {name!r} can't need itself")
        else:
            needs[name] = Need(name, "optional" if optional else "done")
    used = names_used(step.drafts(), lets)
    for expression in (each for draft in step.drafts() for each in draft.expressions() if step.name in each.names):
        report.add(expression.place(), f"{step.name!r} has no value yet here; it is 'out' in 'check', 'this' in 'undo'")
    for name in steps:  # in the order of the file
        if name in used and name != step.name:
            needs.setdefault(name, Need(name))
    return tuple(needs.values())


def circle(needs: Mapping[str, tuple[Need, ...]]) -> list[str]:
    """Give the steps that wait for each other, in their order; nothing when there are none."""
    left = {name: [need.step for need in own] for name, own in needs.items()}
    while free := [name for name, own in left.items() if not any(each in left for each in own)]:
        for name in free:
            del left[name]
    if not left:
        return []
    chain = [next(iter(left))]
    while (following := next(name for name in left[chain[-1]] if name in left)) not in chain:
        chain.append(following)
    return chain[chain.index(following) :]


def check_questions(
    steps: Mapping[str, StepDraft],
    needs: Mapping[str, tuple[Need, ...]],
    effects: Iterable[str],
    report: Report,
) -> None:
    """Refuse an effect that could happen while a question is open, and a question whose answer nothing uses."""
    before = {name: _ancestors(name, needs) for name in steps}
    effects = tuple(effects)
    for ask in (name for name, step in steps.items() if step.kind == "ask"):
        if not any(ask in earlier for earlier in before.values()):
            report.add(steps[ask].place, f"nothing waits for the answer to {ask!r}; add needs: [{ask}] to a step")
            continue
        for effect in effects:
            ordered = ask in before[effect] or effect in before[ask]
            if not ordered and not steps[effect].settings.get("parallel"):
                why = f"{effect!r} could act while the question {ask!r} is open"
                report.add(steps[effect].place, f"{why}; add needs: [{ask}] or parallel: true")


def rejection_used(ask: str, needs: Mapping[str, tuple[Need, ...]], paths: set[str]) -> bool:
    """Say whether a no is provided for: an optional need, or a use of the ruling or the rows."""
    optional = any(Need(ask, "optional") in own for own in needs.values())
    return optional or any(path in (ask, f"{ask}.ruling", f"{ask}.rows") for path in paths)


def _ancestors(name: str, needs: Mapping[str, tuple[Need, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = {need.step for need in needs[waiting.pop()]} - found
        found |= new
        waiting += sorted(new)
    return found
