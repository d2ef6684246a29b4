"""Reads what only questions have: what is shown, who answers by when, what to fill in, what a yes covers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.kernel.graph import Slack
from mainstay.playbooks.format import Mapping, Node, Scalar

if TYPE_CHECKING:
    from mainstay.playbooks.declared import Declarations
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.keys import Keys
    from mainstay.playbooks.templates import Drafts

MAX_OPTIONS = 9
NEVER_S = 10**10
_OPTION = re.compile(r"[\w][\w ./-]{0,59}")
TAKEN = ("approved", "rejected", "expired")  # the rulings themselves


class AskReader:
    """Reads the keys of one question."""

    def __init__(self, keys: Keys, drafts: Drafts, declarations: Declarations) -> None:
        self._keys = keys
        self._report = keys.report
        self._drafts = drafts
        self._declarations = declarations

    def read(self, step: StepDraft, node: Mapping) -> None:
        """Read a question into its draft."""
        step.templates["text"] = self._drafts.text(self._keys.uncut(step.target))
        if (scalar := self._keys.scalar(node, "show")) is not None:
            self._drafts.role(step, "show", self._keys.uncut(scalar))
        step.asked = {}
        if "options" in node.values:
            step.asked["options"] = self._options(node)
        if (scalar := self._keys.scalar(node, "to")) is not None:
            step.asked["to"] = scalar.text
        if (scalar := self._keys.scalar(node, "due")) is not None:
            step.asked["due_s"] = self._keys.duration(scalar)
        if "remind" in node.values:
            reminders = [self._keys.duration(scalar) for scalar in self._keys.scalars(node, "remind")]
            step.asked["remind_s"] = tuple(seconds for seconds in reminders if seconds is not None)
            if max(step.asked["remind_s"], default=0) >= (step.asked.get("due_s") or NEVER_S):
                self._report.add(node.keys["remind"].place, "a reminder would come when the answer is due already")
        if (scalar := self._keys.scalar(node, "escalate")) is not None:
            step.asked["escalate_s"] = self._keys.duration(scalar)
            if (step.asked["escalate_s"] or 0) >= (step.asked.get("due_s") or NEVER_S):
                self._report.add(scalar.place, "it would come before all others when the answer is due already")
        step.form = self._declarations.form(node.values.get("form"))
        step.covers = tuple(self._keys.scalars(node, "covers"))
        step.may_change = self._may_change(node.values.get("may_change"))
        if step.covers and "approve" not in step.asked.get("options", ("approve",)):
            self._report.add(node.keys["covers"].place, "'covers' needs a yes: add 'approve' to 'options'")
        if step.may_change and not step.covers:
            self._report.add(node.keys["may_change"].place, "'may_change' goes with 'covers': the steps it is about")

    def _options(self, node: Mapping) -> tuple[str, ...]:
        options, good = self._keys.scalars(node, "options"), list[str]()
        for option in options:
            if option.text in good:
                self._report.add(option.place, f"the option {option.text!r} stands here twice")
            elif _OPTION.fullmatch(option.text) is None:
                self._report.add(option.place, f"{option.text!r} is no option: a word or a few, up to 60 letters")
            elif option.text in TAKEN:
                self._report.add(option.place, f"{option.text!r} can't be an option: a ruling has this name already")
            else:
                good.append(option.text)
        if not 1 < len(options) <= MAX_OPTIONS:
            self._report.add(node.keys["options"].place, f"a question needs 2 to {MAX_OPTIONS} options")
        return tuple(good)

    def _may_change(self, node: Node | None) -> tuple[tuple[Scalar, Slack], ...]:
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self._report.add(node.place, "'may_change' needs arguments with how far, such as {at: 2h}")
            return ()
        return tuple((key, self._slack(key, node.values[name])) for name, key in node.keys.items())

    def _slack(self, key: Scalar, node: Node) -> Slack:
        if not isinstance(node, Scalar):
            self._report.add(node.place, f"how far {key.text!r} may change is a duration such as 2h, or a share as 10%")
            return Slack()
        if node.text.endswith("%"):
            return Slack(percent=self._keys.percent(node))
        return Slack(seconds=self._keys.duration(node))
