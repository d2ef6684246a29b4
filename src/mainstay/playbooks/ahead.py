"""A plan that is approved as a whole: all that it would do is prepared and shown, and one yes lets exactly that happen.

Nothing new runs it: the playbook gets one more question, behind all that only looks and works out, before all that
acts. It covers (KERNEL E6) each action whose arguments are known by then. Whatever else the plan wants to do later asks
by itself, also what a policy would let happen (`Definition.ask_first`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mainstay.kernel.graph import Ask, Literally, Need, Step, Text, names_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.kernel.graph import Definition

STEP = "go_ahead"
QUESTION = "Shall this plan do what is shown here?"
_GIVEN = frozenset({"inputs", "company", "today", "ready_at", "item", "index"})


def asking_first(definition: Definition) -> Definition:
    """Give a playbook with a question before all that it does; as it is where it does nothing at all."""
    steps = {step.name: step for step in definition.steps}
    acting = [name for name, step in steps.items() if _acts(definition, step)]
    if not acting:
        return definition
    late = _behind(steps, [name for name, step in steps.items() if name in acting or step.kind == "wait"])
    early = [name for name in steps if name not in late]
    name = _free_name(steps)
    ask = Ask(text=Text((Literally(QUESTION),)), covers=_shown(definition, steps, acting, early), whole=True)
    question = Step(name=name, kind="ask", ask=ask, needs=tuple(Need(one, "optional") for one in early))
    gated = [replace(one, needs=(*one.needs, Need(name))) if one.name in acting else one for one in definition.steps]
    return _marked(replace(definition, steps=(question, *gated)))


def _marked(definition: Definition) -> Definition:
    """Let all that no question covered ask, lists once, in the playbooks that its steps run as well."""
    inner = {target: _marked(one) for target, one in definition.playbooks.items()}
    return replace(definition, ask_first=True, playbooks=inner, steps=tuple(map(_asking_once, definition.steps)))


def _asking_once(step: Step) -> Step:
    listed = step.kind == "do" and step.each is not None and step.effect != "read"
    return replace(step, gate="batch") if listed and not step.gate else step


def _acts(definition: Definition, step: Step) -> bool:
    if step.kind in ("playbook", "repeat"):
        below = definition.playbooks[step.target]
        return any(_acts(below, one) for one in below.steps)
    return step.kind == "do" and step.effect != "read"


def _behind(steps: Mapping[str, Step], first: Iterable[str]) -> set[str]:
    """Give these steps and all that wait for one of them."""
    found, size = set(first), -1
    while size < len(found):
        size = len(found)
        found |= {name for name, step in steps.items() if any(need.step in found for need in step.needs)}
    return found


def _shown(
    definition: Definition, steps: Mapping[str, Step], acting: Iterable[str], early: Iterable[str]
) -> tuple[str, ...]:
    """Name the actions that can be shown: made of what is known, on the way that the plan takes if nothing fails.

    What a question of the playbook's own covers is approved there, with its slack.
    """
    known = {*early, *_GIVEN}
    covered = {name for step in steps.values() if step.ask is not None for name in step.ask.covers}
    detours = _behind(steps, [step.way_out for step in steps.values() if step.way_out])
    return tuple(
        name
        for name in acting
        if steps[name].kind == "do"
        and name not in covered
        and name not in detours
        and _used(definition, steps[name]) <= known
    )


def _used(definition: Definition, step: Step) -> set[str]:
    """Name what the arguments, the list and the condition of a step are made of, names under `let` followed."""
    found: set[str] = set()
    waiting = [*names_in(step.arguments, step.when, step.each)]
    while waiting:
        name = waiting.pop()
        if name in definition.let:
            waiting += names_in(definition.let[name])
        else:
            found.add(name)
    return found


def _free_name(steps: Mapping[str, Step]) -> str:
    return next(name for name in (STEP, *(f"{STEP}_{number}" for number in range(2, 99))) if name not in steps)
