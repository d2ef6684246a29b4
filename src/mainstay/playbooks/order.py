"""The order of steps: what each needs, inferred from the names it uses, and the rules about questions and effects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.kernel.graph import Need
from mainstay.runtime.types import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.format import Report, Scalar
    from mainstay.playbooks.templates import Draft

_NO = ("rejected", "expired")


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


def names_sure(drafts: Iterable[Draft], lets: Mapping[str, Draft]) -> set[str]:
    """Give the names that templates read whichever branches are taken, those under `let` followed."""
    found: set[str] = set()
    waiting = list(drafts)
    while waiting:
        new = {name for expression in waiting.pop().expressions() for name in expression.sure} - found
        found |= new
        waiting += [lets[name] for name in sorted(new) if name in lets]
    return found


class Order:
    """What each step waits for, and what follows of it."""

    def __init__(
        self,
        steps: Mapping[str, StepDraft],
        lets: Mapping[str, Draft],
        others: Iterable[Draft],
        report: Report,
    ) -> None:
        """Work out the needs; `others` are the templates beside those of steps: endings and what is returned."""
        self.steps = steps
        self.lets = lets
        self._report = report
        self._others = tuple(others)
        self.needs = {name: self._needs_of(step) for name, step in steps.items()}
        for name, step in steps.items():
            if step.way_out is not None:
                self._way_out(name, step.way_out)
        self._paths = paths_used([d for s in steps.values() for d in s.drafts()] + list(self._others), lets)
        self._before = {name: _ancestors(name, self.needs) for name in steps}

    def before(self, name: str) -> set[str]:
        """Give the steps that have ended when one becomes ready."""
        return self._before[name]

    def rejection_used(self, ask: str) -> bool:
        """Say whether a no is provided for: an optional need, or a use of the ruling or the rows."""
        optional = any(Need(ask, "optional") in own for own in self.needs.values())
        return optional or any(path in (ask, f"{ask}.ruling", f"{ask}.rows") for path in self._paths)

    def check(self, effects: Iterable[str]) -> None:
        """Refuse circles, effects beside open questions, and questions whose answer nothing uses."""
        if around := circle(self.needs):
            path = " -> ".join((*around, around[0]))
            self._report.add(self.steps[around[0]].place, f"these steps wait for each other: {path}")
            return
        self._refuse_doubtful()
        self._refuse_unseen()
        effects = tuple(effects)
        used = names_used(self._others, self.lets)
        for ask in (name for name, step in self.steps.items() if step.kind == "ask"):
            if ask not in used and not any(ask in earlier for earlier in self._before.values()):
                message = f"nothing waits for the answer to {ask!r}; add needs: [{ask}] to a step"
                self._report.add(self.steps[ask].place, message)
                continue
            for effect in effects:
                ordered = ask in self._before[effect] or effect in self._before[ask]
                if not ordered and not self.steps[effect].settings.get("parallel"):
                    why = f"{effect!r} could act while the question {ask!r} is open"
                    self._report.add(self.steps[effect].place, f"{why}; add needs: [{ask}] or parallel: true")

    def _needs_of(self, step: StepDraft) -> tuple[Need, ...]:
        """Give what a step needs: as written first, then what its expressions use."""
        needs: dict[str, Need] = {}
        for name, (optional, place) in step.needs.items():
            if name not in self.steps:
                self._report.add(place, f"there is no step {name!r}{nearest(name, self.steps)}")
            elif name == step.name:
                self._report.add(place, f"the step {name!r} can't need itself")
            else:
                needs[name] = Need(name, "optional" if optional else "done")
        used = names_used(step.drafts(), self.lets)
        for expression in (each for draft in step.drafts() for each in draft.expressions() if step.name in each.names):
            message = f"{step.name!r} has no value yet here; it is 'out' in 'check', 'this' in 'undo'"
            self._report.add(expression.place(), message)
        for name in self.steps:  # in the order of the file
            if name in used and name != step.name:
                needs.setdefault(name, Need(name))
        return tuple(needs.values())

    def _refuse_doubtful(self) -> None:
        """Refuse to guess whether a step runs without another that can be skipped and that it reads in some cases."""
        causes = {name for name in self.steps if self._may_skip(name)}
        strict = {name: tuple(need for need in own if need.kind == "done") for name, own in self.needs.items()}
        behind = {name: (_ancestors(name, strict) | {name}) for name in self.steps}
        for name, step in self.steps.items():
            needed = {need.step for need in strict[name]}
            doubtful = needed - names_sure(step.drafts(), self.lets) - step.needs.keys()
            known = {earlier for each in needed - doubtful for earlier in behind[each]}
            for late in (each for each in self.steps if each in doubtful and behind[each] & causes - known):
                why = (
                    f"{name!r} reads {late!r} only in some cases, and {late!r} can be skipped: then {name!r} is skipped"
                )
                how = f'Say needs: ["{late}?"] if it shall run without it, or needs: [{late}] if not'
                self._report.add(step.place, f"{why} too. {how}.")

    def _refuse_unseen(self) -> None:
        """Refuse to look for a no in a step that a no skips: it would never be seen there."""
        for name, step in self.steps.items():
            asked = {need.step for need in self.needs[name] if need.kind == "done" and self._asks(need.step)}
            for expression in (each for draft in step.drafts() for each in draft.expressions()):
                for path, text in expression.choices:
                    ask, _, field = path.partition(".")
                    if ask in asked and field == "ruling" and text in _NO:
                        why = f"{name!r} is skipped on a no to {ask!r}, and on silence: it never sees {text!r}"
                        self._report.add(expression.place(), f'{why}; add needs: ["{ask}?"] to it')

    def _asks(self, name: str) -> bool:
        return self.steps[name].kind == "ask"

    def _may_skip(self, name: str) -> bool:
        """Say whether a step may come to nothing by itself, not only with one that it needs."""
        step = self.steps[name]
        if "when" in step.templates or step.way_out is not None or step.settings.get("on_failure") == "skip":
            return True
        refused = step.kind == "ask" and self.rejection_used(name)  # a no that nothing uses ends the plan
        return refused or any(need.kind == "failed" for need in self.needs[name])

    def _way_out(self, failing: str, way_out: Scalar) -> None:
        """Let a step run when another one failed, and only then."""
        name = way_out.text
        if name not in self.steps:
            known = (*self.steps, "ask", "skip", "undo")
            message = f"'on_failure' is ask, skip, undo or a step; there is no step {name!r}{nearest(name, known)}"
            self._report.add(way_out.place, message)
        elif name == failing:
            self._report.add(way_out.place, f"the step {name!r} can't be its own way out")
        elif any(need.kind == "failed" for need in self.needs[name]):
            self._report.add(way_out.place, f"{name!r} is the way out of another step already; give each its own")
        elif any(need.step == failing for need in self.needs[name]):
            message = f"{name!r} runs only when {failing!r} failed, which then has no result: don't need it or use it"
            self._report.add(self.steps[name].place, message)
        else:
            self.needs[name] = (*self.needs[name], Need(failing, "failed"))


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


def _ancestors(name: str, needs: Mapping[str, tuple[Need, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = {need.step for need in needs[waiting.pop()]} - found
        found |= new
        waiting += sorted(new)
    return found
