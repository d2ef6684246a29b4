"""Drafts of steps: the keys of each kind, read into plain settings; names and types are looked at later.

To add a kind: a row in `KINDS`, its own keys in `OWN_KEYS`, its value's type in `values.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.kernel.graph import DEFAULT_AT_ONCE, DEFAULT_ATTEMPTS, Retry
from mainstay.playbooks.format import QUOTES_HINT, Listing, Mapping, Node, Place, Report, Scalar
from mainstay.playbooks.templates import Draft, Drafts
from mainstay.runtime.functions import SIGNATURES
from mainstay.runtime.types import SIMPLE, nearest
from mainstay.values import parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = ("do", "agent", "ask", "wait")
LATER_KINDS = ("playbook", "repeat")
COMMON_KEYS = ("when", "needs", "checkpoint")
WORK_KEYS = ("with", "each", "at_once", "allow_failures", "retry", "timeout", "on_failure", "check")
OWN_KEYS = {
    "do": (*WORK_KEYS, "undo", "parallel", "account", "gate"),
    "agent": WORK_KEYS,
    "ask": ("show", "options", "to", "due", "remind"),
    "wait": (),
}
LATER_KEYS = {"ask": ("form", "covers", "may_change")}
FAILURES = ("ask", "skip", "undo")
GATES = ("each", "batch")
SPECIAL_NAMES = ("inputs", "today", "ready_at", "company")
LATER_NAMES = ("event", "last", "round")
MAX_AT_ONCE = 100
MAX_ATTEMPTS = 20
_LOCAL_WORDS = ("item", "index", "this", "out", "items", "record", "choice")
STEP_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CEL_WORDS = (
    "true false null in as break const continue else for function if import let loop package namespace return var void"
    " while type int uint double bool string bytes list map dyn timestamp duration null_type optional_type optional"
    " google mainstay size has all exists filter"
).split()
RESERVED = frozenset((*_CEL_WORDS, *SPECIAL_NAMES, *LATER_NAMES, *SIMPLE, *SIGNATURES, *_LOCAL_WORDS))


class StepDraft(msgspec.Struct):
    """One step before its names and types were looked at."""

    name: str
    place: Place
    kind: str
    target: Scalar
    templates: dict[str, Draft]  # by role: when, each, with, show, text, check, undo, until
    needs: dict[str, tuple[bool, Place]]  # step: (optional, place); as written
    settings: dict[str, Any]  # fields of the compiled step that need no checking
    undo: Scalar | None = None  # the operation that undoes it

    def drafts(self) -> Iterable[Draft]:
        """Give every template."""
        return self.templates.values()


class StepReader:
    """Reads steps, reporting every mistake in their keys and settings."""

    def __init__(self, report: Report, drafts: Drafts) -> None:
        self._report = report
        self._drafts = drafts

    def read(self, node: Node | None, place: Place) -> dict[str, StepDraft]:
        """Read the mapping under `steps`."""
        if not isinstance(node, Mapping) or not node.values:
            self._report.add(node.place if node else place, "'steps' needs at least one step")
            return {}
        found: dict[str, StepDraft] = {}
        for name, key in node.keys.items():
            check_name(self._report, key, "step")
            step = self._step(key, node.values[name])
            if step is not None:
                found[name] = step
        return found

    def _step(self, key: Scalar, node: Node) -> StepDraft | None:
        if not isinstance(node, Mapping):
            self._report.add(node.place, f"the step {key.text!r} needs keys, such as {{do: files.write}}")
            return None
        kind = self._kind(key, node)
        if kind is None:
            return None
        check_keys(self._report, node, (kind, *COMMON_KEYS, *OWN_KEYS[kind]), f"of '{kind}'", LATER_KEYS.get(kind, ()))
        target = self.scalar(node, kind) if kind != "wait" else Scalar("", node.place, "", plain=True)
        if target is None:
            return None
        step = StepDraft(key.text, key.place, kind, target, {}, self._needs(node), {})
        self._templates(step, node)
        self._settings(step, node)
        return step

    def _kind(self, key: Scalar, node: Mapping) -> str | None:
        for later in LATER_KINDS:
            if later in node.keys:
                self._report.add(node.keys[later].place, f"'{later}' is not supported yet")
                return None
        kinds = [kind for kind in KINDS if kind in node.keys]
        if len(kinds) == 1:
            return kinds[0]
        for name in node.keys:
            if not kinds and (guess := nearest(name, KINDS)):
                self._report.add(node.keys[name].place, f"there is no kind of step {name!r}{guess}")
                return None
        what = "one of" if not kinds else "only one of"
        self._report.add(key.place, f"the step {key.text!r} needs {what} {', '.join(KINDS)}")
        return None

    def _needs(self, node: Mapping) -> dict[str, tuple[bool, Place]]:
        needs: dict[str, tuple[bool, Place]] = {}
        for scalar in self.scalars(node, "needs"):
            needs[scalar.text.removesuffix("?")] = (scalar.text.endswith("?"), scalar.place)
        return needs

    def _templates(self, step: StepDraft, node: Mapping) -> None:
        for role in ("when", "each", "show", "check"):
            if (scalar := self.scalar(node, role)) is not None:
                self._expression(step, role, scalar)
        if (arguments := self._fields(node, "with")) is not None:
            step.templates["with"] = self._drafts.template(arguments)
        if step.kind == "ask":
            step.templates["text"] = self._drafts.text(self._uncut(step.target))
        if step.kind == "wait":
            self._wait(step, node)
        if isinstance(undo := self._fields(node, "undo"), Mapping):
            self._undo(step, undo)

    def _expression(self, step: StepDraft, role: str, scalar: Scalar) -> None:
        draft = self._drafts.template(self._uncut(scalar))
        if draft.kind == "expression":
            step.templates[role] = draft
        elif not scalar.text.startswith("="):
            self._report.add(scalar.place, f"'{role}' needs an expression, such as \"= inputs.x\"")

    def _wait(self, step: StepDraft, node: Mapping) -> None:
        wait = node.values["wait"]
        if not isinstance(wait, Mapping):
            self._report.add(wait.place, "'wait' needs {until: a time}")
            return
        check_keys(self._report, wait, ("until",), "of 'wait'", ("event", "where"))
        if "event" in wait.keys:
            return
        until = self.scalar(wait, "until")
        if until is None:
            self._report.add(wait.place, "'wait' needs {until: a time}")
        elif until.text.startswith("="):
            self._expression(step, "until", until)
        elif (seconds := self._duration(until)) is not None:
            written = until._replace(text=f"= ready_at + duration('{seconds}s')")
            self._expression(step, "until", written)

    def _undo(self, step: StepDraft, undo: Mapping) -> None:
        check_keys(self._report, undo, ("do", "with"), "of 'undo'")
        step.undo = self.scalar(undo, "do")
        if step.undo is None:
            self._report.add(undo.place, "'undo' needs {do: connector.operation}")
        arguments = self._fields(undo, "with") or Mapping({}, {}, undo.place)
        step.templates["undo"] = self._drafts.template(arguments)

    def _settings(self, step: StepDraft, node: Mapping) -> None:
        settings = step.settings
        for key in ("checkpoint", "parallel"):
            if (scalar := self.scalar(node, key)) is not None:
                settings[key] = self._flag(scalar)
        if (scalar := self.scalar(node, "timeout")) is not None:
            settings["timeout_s"] = self._duration(scalar)
        if (scalar := self.scalar(node, "account")) is not None:
            settings["account"] = scalar.text
        if (scalar := self.scalar(node, "at_once")) is not None:
            settings["at_once"] = self._number(scalar, 1, MAX_AT_ONCE) or DEFAULT_AT_ONCE
        if (scalar := self.scalar(node, "allow_failures")) is not None:
            settings["allow_failures_pct"] = self._percent(scalar)
        self._choice(step, node, "on_failure", FAILURES)
        self._choice(step, node, "gate", GATES)
        if "retry" in node.values:
            settings["retry"] = self._retry(node.values["retry"])
        if step.kind == "ask":
            self._ask(step, node)

    def _ask(self, step: StepDraft, node: Mapping) -> None:
        settings = step.settings
        if "options" in node.values:
            settings["options"] = tuple(scalar.text for scalar in self.scalars(node, "options"))
        if (scalar := self.scalar(node, "to")) is not None:
            settings["to"] = scalar.text
        if (scalar := self.scalar(node, "due")) is not None:
            settings["due_s"] = self._duration(scalar)
        if "remind" in node.values:
            reminders = [self._duration(scalar) for scalar in self.scalars(node, "remind")]
            settings["remind_s"] = tuple(seconds for seconds in reminders if seconds is not None)

    def _choice(self, step: StepDraft, node: Mapping, key: str, options: tuple[str, ...]) -> None:
        scalar = self.scalar(node, key)
        if scalar is None:
            return
        if scalar.text in options:
            step.settings[key] = scalar.text
        elif key == "on_failure":
            message = f"'on_failure' is {', '.join(options)}; a step as the way out is not supported yet"
            self._report.add(scalar.place, message)
        else:
            self._report.add(scalar.place, f"{key!r} is one of {', '.join(options)}{nearest(scalar.text, options)}")

    def _retry(self, node: Node) -> Retry:
        if isinstance(node, Scalar):
            return Retry(attempts=self._number(node, 1, MAX_ATTEMPTS) or DEFAULT_ATTEMPTS)
        if isinstance(node, Listing):
            self._report.add(node.place, "'retry' is a number of attempts, or {attempts, base, cap}")
            return Retry()
        check_keys(self._report, node, ("attempts", "base", "cap"), "of 'retry'")
        attempts, base, cap = (self.scalar(node, key) for key in ("attempts", "base", "cap"))
        default = Retry()
        return Retry(
            (self._number(attempts, 1, MAX_ATTEMPTS) if attempts else None) or default.attempts,
            float((self._duration(base) if base else None) or default.base_s),
            float((self._duration(cap) if cap else None) or default.cap_s),
        )

    def scalar(self, node: Mapping, key: str) -> Scalar | None:
        """Give the text under a key; a finding when there is something else."""
        value = node.values.get(key)
        if value is None or (isinstance(value, Scalar) and (value.text or not value.plain)):
            return value
        what = "is empty" if isinstance(value, Scalar) else "must be one value"
        self._report.add(value.place, f"{key!r} {what}")
        return None

    def scalars(self, node: Mapping, key: str) -> list[Scalar]:
        """Give the texts of a list under a key; one text alone counts as a list of it."""
        value = node.values.get(key)
        items = value.items if isinstance(value, Listing) else [value] if value is not None else []
        good = [item for item in items if isinstance(item, Scalar) and item.text]
        if len(good) != len(items) and value is not None:
            self._report.add(value.place, f"{key!r} must be a list of words")
        return good

    def _fields(self, node: Mapping, key: str) -> Mapping | None:
        value = node.values.get(key)
        if value is None or isinstance(value, Mapping):
            return value
        self._report.add(value.place, f'{key!r} needs names with values, such as {{path: "reports/a.md"}}')
        return None

    def _uncut(self, scalar: Scalar) -> Scalar:
        """Refuse a plain text behind which a comment stands: it was probably meant to go on."""
        if scalar.cut:
            self._report.add(scalar.place, f"YAML ended this text at {scalar.cut!r}; {QUOTES_HINT}")
        return scalar

    def _flag(self, scalar: Scalar) -> bool:
        if scalar.text not in ("true", "false"):
            self._report.add(scalar.place, f"{scalar.text!r} is neither true nor false")
        return scalar.text == "true"

    def _duration(self, scalar: Scalar) -> int | None:
        try:
            return parse_duration_s(scalar.text)
        except ValueError as error:
            self._report.add(scalar.place, str(error))
            return None

    def _number(self, scalar: Scalar, least: int, most: int) -> int | None:
        if re.fullmatch(r"\d{1,9}", scalar.text, re.ASCII) and least <= int(scalar.text) <= most:
            return int(scalar.text)
        self._report.add(scalar.place, f"{scalar.text!r} is not a whole number from {least} to {most}")
        return None

    def _percent(self, scalar: Scalar) -> int:
        number = scalar._replace(text=scalar.text.removesuffix("%"))
        if number.text == scalar.text:
            self._report.add(scalar.place, f"{scalar.text!r} is not a share such as 10%")
            return 0
        return self._number(number, 0, 100) or 0


def check_name(report: Report, key: Scalar, what: str) -> None:
    """Refuse a name that expressions could not use, or would misread."""
    if STEP_NAME.fullmatch(key.text) is None:
        report.add(key.place, f"{key.text!r} is no name for a {what}: small letters, digits and _, a letter first")
    elif key.text in RESERVED:
        report.add(key.place, f"{key.text!r} can't name a {what}: expressions use this word")


def check_keys(report: Report, node: Mapping, known: Iterable[str], of: str, later: Iterable[str] = ()) -> None:
    """Refuse keys that do not exist, with the nearest that does."""
    known = tuple(known)
    for name, key in node.keys.items():
        if name in known:
            continue
        if name in later:
            report.add(key.place, f"'{name}' is not supported yet")
        elif key.cut or " " in name:
            report.add(key.place, f"{name!r} is no key {of}; if it belongs to the text before it, {QUOTES_HINT}")
        else:
            report.add(key.place, f"{name!r} is no key {of}{nearest(name, known)}")
