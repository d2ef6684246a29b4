"""Drafts of steps: the keys of each kind, read into plain settings; names and types are looked at later.

To add a kind: a row in `KINDS`, its own keys in `OWN_KEYS`, its value's type in `values.py`. What only questions and
waits have stands in asks.py and waits.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.kernel.graph import DEFAULT_AT_ONCE, DEFAULT_ATTEMPTS, Retry
from mainstay.playbooks.asks import AskReader
from mainstay.playbooks.drafts import StepDraft
from mainstay.playbooks.format import Listing, Mapping, Node, Place, Scalar
from mainstay.playbooks.keys import SYNONYMS
from mainstay.playbooks.waits import RepeatReader, WaitReader
from mainstay.runtime.types import nearest

if TYPE_CHECKING:
    from mainstay.playbooks.declared import Declarations
    from mainstay.playbooks.keys import Keys
    from mainstay.playbooks.templates import Drafts

KINDS = ("do", "agent", "ask", "wait", "playbook", "repeat")
COMMON_KEYS = ("when", "needs", "checkpoint")
LIST_KEYS = ("each", "at_once", "allow_failures")
WORK_KEYS = ("with", *LIST_KEYS, "retry", "timeout", "on_failure", "check")
OWN_KEYS = {
    "do": (*WORK_KEYS, "undo", "parallel", "account", "gate", "delay"),
    "agent": WORK_KEYS,
    "ask": ("show", "options", "form", "to", "due", "remind", "escalate", "covers", "may_change"),
    "wait": (),
    "playbook": ("with", *LIST_KEYS, "on_failure", "parallel"),
    "repeat": ("with", "on_failure", "parallel"),
}
# Why a key of another kind makes no sense here.
_NO_CALL = "it calls nothing"
_CHILD = {
    **dict.fromkeys(("retry", "undo", "account", "gate", "delay"), "the steps of that playbook have their own"),
    "timeout": "give that playbook 'expires'",
}
NOT_HERE = {
    "ask": {
        "each": 'ask one question about the whole list: show: "= the list"',
        "with": "what a question shows stands under 'show'",
        "retry": "it waits for a person",
        "timeout": "a question has 'due'",
        "on_failure": "a no, or none in time, is an answer",
        "check": "what is filled in is checked by the types of its 'form'",
        "undo": _NO_CALL,
        "gate": "it is a question itself",
    },
    "wait": {
        "each": "wait in the steps of a playbook, and run that for each",
        "with": _NO_CALL,
        "retry": _NO_CALL,
        "timeout": "a wait has 'until'",
        "on_failure": "a wait can't fail; use .timed_out",
        "check": "use 'where'",
        "undo": _NO_CALL,
    },
    "agent": {"undo": "an agent leaves nothing behind", "gate": "an agent leaves nothing behind"},
    "playbook": {**_CHILD, "check": "let that playbook check it"},
    "repeat": {
        **_CHILD,
        "check": "'until' says when a round is good enough",
        "each": "repeat inside a playbook, and run that for each",
    },
}
_ALL_KEYS = frozenset((*COMMON_KEYS, *(key for own in OWN_KEYS.values() for key in own)))
FAILURES = ("ask", "skip", "undo")
GATES = ("each", "batch")
MAX_AT_ONCE = 100
MAX_ATTEMPTS = 20


class StepReader:
    """Reads steps, reporting every mistake in their keys and settings."""

    def __init__(self, keys: Keys, drafts: Drafts, declarations: Declarations) -> None:
        self._keys = keys
        self._report = keys.report
        self._drafts = drafts
        self._asks = AskReader(keys, drafts, declarations)
        self._waits = WaitReader(keys, drafts)
        self._repeats = RepeatReader(keys, drafts)

    def read(self, node: Node | None, place: Place) -> dict[str, StepDraft]:
        """Read the mapping under `steps`."""
        if isinstance(node, Listing):
            self._report.add(node.place, "'steps' needs a name for each step, such as pay: {do: payments.charge}")
            return {}
        if not isinstance(node, Mapping) or not node.values:
            self._report.add(node.place if node else place, "'steps' needs at least one step")
            return {}
        found: dict[str, StepDraft] = {}
        for name, key in node.keys.items():
            self._keys.name(key, "step")
            step = self._step(key, node.values[name])
            if step is not None:
                found[name] = step
        return found

    def _step(self, key: Scalar, node: Node) -> StepDraft | None:
        if key.text in (*KINDS, *_ALL_KEYS) and not (isinstance(node, Mapping) and set(KINDS) & node.keys.keys()):
            self._report.add(key.place, f"{key.text!r} stands where steps have their names: indent it under its step")
            return None
        if not isinstance(node, Mapping):
            kind = isinstance(node, Scalar) and re.match(rf"({'|'.join(KINDS)})[: ]\s*(\S.*)", node.text)
            hint = f"; write {kind[1]}: {kind[2]}" if kind else ", such as {do: files.write}"
            self._report.add(node.place, f"the step {key.text!r} needs keys{hint}")
            return None
        kind = self._kind(key, node)
        if kind is None:
            return None
        self._known(kind, node)
        target = self._target(kind, node)
        if target is None:
            return None
        step = StepDraft(key.text, key.place, kind, target, {}, self._needs(node), {})
        step.keys = dict(node.keys)
        self._templates(step, node)
        self._settings(step, node)
        return step

    def _kind(self, key: Scalar, node: Mapping) -> str | None:
        kinds = [kind for kind in KINDS if kind in node.keys]
        if len(kinds) == 1:
            return kinds[0]
        for name in node.keys:
            meant = SYNONYMS.get(name.lower(), "")
            guess = f"; did you mean {meant!r}?" if meant in KINDS else nearest(name, KINDS)
            if not kinds and guess and name not in _ALL_KEYS:
                self._report.add(node.keys[name].place, f"there is no kind of step {name!r}{guess}")
                return None
        what = "one of" if not kinds else "only one of"
        self._report.add(key.place, f"the step {key.text!r} needs {what} {', '.join(KINDS)}")
        return None

    def _known(self, kind: str, node: Mapping) -> None:
        """Refuse keys that this kind does not have; say why where another kind has it."""
        known = (kind, *COMMON_KEYS, *OWN_KEYS[kind])
        others = {name for own in OWN_KEYS.values() for name in own}
        why = NOT_HERE.get(kind, {})
        left = {name: key for name, key in node.keys.items() if name not in others or name in known}
        for name, key in node.keys.items():
            if name not in left:
                reason = f": {why[name]}" if name in why else ""
                self._report.add(key.place, f"'{kind}' takes no '{name}'{reason}")
        self._keys.known(Mapping(left, {}, node.place), known, f"of '{kind}'")

    def _target(self, kind: str, node: Mapping) -> Scalar | None:
        if kind == "wait":
            return Scalar("", node.place, "", plain=True)
        if kind == "repeat":
            return self._repeats.target(node)
        return self._keys.scalar(node, kind)

    def _needs(self, node: Mapping) -> dict[str, tuple[bool, Place]]:
        needs: dict[str, tuple[bool, Place]] = {}
        for scalar in self._keys.scalars(node, "needs"):
            needs[scalar.text.removesuffix("?")] = (scalar.text.endswith("?"), scalar.place)
        return needs

    def _templates(self, step: StepDraft, node: Mapping) -> None:
        for role in ("when", "each", "check"):
            if (scalar := self._keys.scalar(node, role)) is not None:
                self._drafts.role(step, role, self._keys.uncut(scalar))
        if (arguments := self._keys.fields(node, "with")) is not None:
            step.templates["with"] = self._drafts.template(arguments)
        if isinstance(undo := self._keys.fields(node, "undo", "{do: payments.refund, with: ...}"), Mapping):
            self._undo(step, undo)
        match step.kind:
            case "ask":
                self._asks.read(step, node)
            case "wait":
                self._waits.read(step, node.values["wait"])
            case "repeat":
                self._repeats.read(step, node.values["repeat"])
            case _:
                pass

    def _undo(self, step: StepDraft, undo: Mapping) -> None:
        self._keys.known(undo, ("do", "with"), "of 'undo'")
        step.undo = self._keys.scalar(undo, "do")
        if step.undo is None:
            self._report.add(undo.place, "'undo' needs {do: connector.operation}")
        arguments = self._keys.fields(undo, "with") or Mapping({}, {}, undo.place)
        step.templates["undo"] = self._drafts.template(arguments)

    def _settings(self, step: StepDraft, node: Mapping) -> None:
        settings, keys = step.settings, self._keys
        for key in ("checkpoint", "parallel"):
            if (scalar := keys.scalar(node, key)) is not None:
                settings[key] = keys.flag(scalar)
        for key in ("timeout", "delay"):
            if (scalar := keys.scalar(node, key)) is not None:
                settings[f"{key}_s"] = keys.duration(scalar)
        if (scalar := keys.scalar(node, "account")) is not None:
            settings["account"], step.account = scalar.text, scalar
        if (gate := keys.choice(node, "gate", GATES)) is not None:
            settings["gate"] = gate
        if "retry" in node.values:
            settings["retry"] = self._retry(node.values["retry"])
        if (scalar := keys.scalar(node, "on_failure")) is not None:
            self._on_failure(step, scalar)
        self._of_a_list(step, node)

    def _of_a_list(self, step: StepDraft, node: Mapping) -> None:
        for key in ("at_once", "allow_failures"):
            if key in node.keys and "each" not in node.keys:
                self._report.add(node.keys[key].place, f"{key!r} goes with 'each': the list it is about")
        if (scalar := self._keys.scalar(node, "at_once")) is not None:
            step.settings["at_once"] = self._keys.number(scalar, 1, MAX_AT_ONCE) or DEFAULT_AT_ONCE
        if (scalar := self._keys.scalar(node, "allow_failures")) is not None:
            step.settings["allow_failures_pct"] = self._keys.percent(scalar)

    def _on_failure(self, step: StepDraft, scalar: Scalar) -> None:
        """Read what happens on failure: a word, or the name of another step, which is looked at with the order."""
        if scalar.text in FAILURES:
            step.settings["on_failure"] = scalar.text
        else:
            step.way_out = scalar

    def _retry(self, node: Node) -> Retry:
        if isinstance(node, Scalar):
            return Retry(attempts=self._keys.number(node, 1, MAX_ATTEMPTS) or DEFAULT_ATTEMPTS)
        if isinstance(node, Listing):
            self._report.add(node.place, "'retry' is a number of attempts, or {attempts, base, cap}")
            return Retry()
        self._keys.known(node, ("attempts", "base", "cap"), "of 'retry'")
        attempts, base, cap = (self._keys.scalar(node, key) for key in ("attempts", "base", "cap"))
        default = Retry()
        return Retry(
            (self._keys.number(attempts, 1, MAX_ATTEMPTS) if attempts else None) or default.attempts,
            float((self._keys.duration(base) if base else None) or default.base_s),
            float((self._keys.duration(cap) if cap else None) or default.cap_s),
        )
