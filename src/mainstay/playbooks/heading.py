"""Reads what stands around the steps: title, expiry, how many plans at a time and in which order, endings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.kernel.graph import Cel, Ending, Refusal
from mainstay.playbooks.fit import SAYABLE, in_words
from mainstay.playbooks.format import Listing, Mapping, Node, Scalar
from mainstay.playbooks.naming import NAME
from mainstay.playbooks.order import names_used
from mainstay.runtime.types import ANY, BOOL, nearest

if TYPE_CHECKING:
    from mainstay.playbooks.calls import Call
    from mainstay.playbooks.fit import Fitter
    from mainstay.playbooks.keys import Keys
    from mainstay.playbooks.order import Order
    from mainstay.playbooks.templates import Draft, Drafts

MAX_LIMIT = 1000
MAX_PRIORITY = 100
PRIORITIES = {"low": -10, "normal": 0, "high": 10}
END_KEYS = ("when", "as", "undo")
REFUSAL_KEYS = ("when", "say")
REFUSAL_EXAMPLE = '[{when: "= inputs.count < 1", say: "There is nothing to count."}]'
NO_STEP_YET = ("today", "ready_at")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


class EndingDraft:
    """One ending before its names were looked at."""

    def __init__(self, when: Draft, name: Scalar, undo: tuple[Scalar, ...]) -> None:
        self.when = when
        self.name = name
        self.undo = undo


class RefusalDraft:
    """Inputs that are refused, before the names were looked at."""

    def __init__(self, when: Draft, says: str) -> None:
        self.when = when
        self.says = says


class Heading:
    """Reads the keys around the steps of one playbook."""

    def __init__(self, keys: Keys, drafts: Drafts, tree: Mapping) -> None:
        self._keys = keys
        self._report = keys.report
        self._drafts = drafts
        self._tree = tree

    @property
    def name(self) -> str:
        """The playbook's name, "" after a finding."""
        scalar = self._keys.scalar(self._tree, "playbook")
        if scalar is None:
            self._report.add(self._tree.place, "the playbook has no name: begin with 'playbook: its-name'")
            return ""
        if _NAME.fullmatch(scalar.text) is None:
            message = f"{scalar.text!r} is no name for a playbook: small letters, digits, - and _"
            self._report.add(scalar.place, message)
        return scalar.text

    @property
    def title(self) -> str:
        """What it is called on screens."""
        scalar = self._keys.scalar(self._tree, "title")
        return self._keys.uncut(scalar).text if scalar is not None else self.name

    @property
    def expires_s(self) -> int | None:
        """After how long a plan that is not done expires, seconds."""
        scalar = self._keys.scalar(self._tree, "expires")
        return None if scalar is None else self._keys.duration(scalar)

    @property
    def limit(self) -> int | None:
        """How many plans of it may run at a time."""
        scalar = self._keys.scalar(self._tree, "limit")
        return None if scalar is None else self._keys.number(scalar, 1, MAX_LIMIT)

    @property
    def priority(self) -> int:
        """Higher goes first."""
        scalar = self._keys.scalar(self._tree, "priority")
        if scalar is None or scalar.text in PRIORITIES:
            return PRIORITIES[scalar.text] if scalar else 0
        if re.fullmatch(r"-?\d+", scalar.text, re.ASCII):
            return self._keys.number(scalar, -MAX_PRIORITY, MAX_PRIORITY) or 0
        message = f"'priority' is low, normal, high or a whole number{nearest(scalar.text, PRIORITIES)}"
        self._report.add(scalar.place, message)
        return 0

    def key(self) -> Draft | None:
        """Read what there is one plan at a time of."""
        scalar = self._keys.scalar(self._tree, "key")
        if scalar is None:
            return None
        draft = self._drafts.template(self._keys.uncut(scalar))
        if draft.kind == "expression":
            return draft
        if not scalar.text.startswith("="):
            self._drafts.refuse_plain("key", scalar)
        return None

    def refusals(self) -> list[RefusalDraft]:
        """Read which inputs it does not begin with."""
        node = self._tree.values.get("refuse")
        if node is None:
            return []
        if not isinstance(node, Listing):
            self._report.add(node.place, f"'refuse' needs a list, such as {REFUSAL_EXAMPLE}")
            return []
        found = [self._refusal(item) for item in node.items]
        return [refusal for refusal in found if refusal is not None]

    def _refusal(self, node: Node) -> RefusalDraft | None:
        if not isinstance(node, Mapping) or not {"when", "say"} <= node.keys.keys():
            self._report.add(node.place, f"what is refused needs 'when' and 'say', such as {REFUSAL_EXAMPLE}")
            return None
        self._keys.known(node, REFUSAL_KEYS, "of what is refused")
        when, says = self._keys.scalar(node, "when"), self._keys.scalar(node, "say")
        if when is None or says is None:
            return None
        if not says.text.strip() or says.text.startswith("=") or "{{" in says.text:
            self._report.add(says.place, "'say' is a sentence as it stands, without expressions: it says what is wrong")
        draft = self._condition(when)
        return None if draft is None else RefusalDraft(draft, self._keys.uncut(says).text)

    def _condition(self, when: Scalar) -> Draft | None:
        draft = self._drafts.template(self._keys.uncut(when))
        if draft.kind == "expression":
            return draft
        if not when.text.startswith("="):
            self._drafts.refuse_plain("when", when)
        return None

    def endings(self) -> list[EndingDraft]:
        """Read the endings."""
        node = self._tree.values.get("end")
        if node is None:
            return []
        if not isinstance(node, Listing):
            message = "'end' needs a list, such as [{when: \"= verdict.label == 'unhappy'\", as: refunded}]"
            self._report.add(node.place, message)
            return []
        found = [self._ending(item) for item in node.items]
        return [ending for ending in found if ending is not None]

    def _ending(self, node: Node) -> EndingDraft | None:
        if not isinstance(node, Mapping) or not {"when", "as"} <= node.keys.keys():
            self._report.add(node.place, "an ending needs {when: an expression, as: a name}")
            return None
        self._keys.known(node, END_KEYS, "of an ending")
        when, name = self._keys.scalar(node, "when"), self._keys.scalar(node, "as")
        if when is None or name is None:
            return None
        if NAME.fullmatch(name.text) is None:
            message = f"{name.text!r} is no name for an ending: small letters, digits and _, a letter first"
            self._report.add(name.place, message)
        draft = self._condition(when)
        return None if draft is None else EndingDraft(draft, name, tuple(self._keys.scalars(node, "undo")))


def build_key(draft: Draft | None, fitter: Fitter, keys: Keys, order: Order) -> Cel | None:
    """Make the key: one plain value, known before any step runs."""
    if draft is None or draft.expression is None or _comes_late(draft, "key", keys, order):
        return None
    checked = fitter.check(draft.expression, {})
    if checked is not None and checked.type.kind not in SAYABLE:
        keys.report.add(draft.expression.place(), f"'key' must be one value, not {in_words(checked.type)}")
    return fitter.cel(draft, ANY, {}, "'key'")


def build_refusals(drafts: list[RefusalDraft], fitter: Fitter, keys: Keys, order: Order) -> tuple[Refusal, ...]:
    """Make what is refused: told from the inputs alone."""
    return tuple(
        Refusal(fitter.cel(draft.when, BOOL, {}, "'when'"), draft.says)
        for draft in drafts
        if not _comes_late(draft.when, "refuse", keys, order)
    )


def _comes_late(draft: Draft, key: str, keys: Keys, order: Order) -> bool:
    """Whether an expression, and that is a finding, uses what is not known before a plan starts."""
    late = sorted(names_used([draft], order.lets) & {*order.steps, *NO_STEP_YET})
    if late and draft.expression is not None:
        message = f"'{key}' is needed before the plan starts, so it can't use {late[0]!r}"
        keys.report.add(draft.expression.place(), message)
    return bool(late)


def build_endings(
    drafts: list[EndingDraft], fitter: Fitter, keys: Keys, order: Order, calls: dict[str, Call | None]
) -> tuple[Ending, ...]:
    """Make the endings; what they undo has to be steps that act."""
    names: set[str] = set()
    for draft in drafts:
        if draft.name.text in names:
            keys.report.add(draft.name.place, f"two endings have the name {draft.name.text!r}")
        names.add(draft.name.text)
        for step in draft.undo:
            call = calls.get(step.text)
            if step.text not in order.steps:
                keys.report.add(step.place, f"there is no step {step.text!r}{nearest(step.text, order.steps)}")
            elif order.steps[step.text].kind in ("ask", "wait") or (call is not None and not call.acts):
                keys.report.add(step.place, f"{step.text!r} changes nothing, so there is nothing to undo")
    return tuple(
        Ending(fitter.cel(draft.when, BOOL, {}, "'when'"), draft.name.text, tuple(step.text for step in draft.undo))
        for draft in drafts
    )
