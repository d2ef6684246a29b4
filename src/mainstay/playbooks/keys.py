"""Reads the values under keys: words, lists, numbers, durations; and refuses keys and names that can't be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.playbooks.fit import TRUTHS
from mainstay.playbooks.format import QUOTES_HINT, Listing, Mapping, Report, Scalar
from mainstay.playbooks.naming import CEL_WORDS, NAME
from mainstay.runtime.functions import SIGNATURES
from mainstay.runtime.types import SIMPLE, nearest
from mainstay.values import DAY_S, parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_S = 3660 * DAY_S  # of what a playbook waits for
SPECIAL_NAMES = ("inputs", "today", "ready_at", "company")
# What other tools call a key, and what it is called here.
SYNONYMS = {
    **dict.fromkeys(("if", "condition", "only_if"), "when"),
    **dict.fromkeys(("depends_on", "depends", "after", "requires", "need"), "needs"),
    **dict.fromkeys(("foreach", "for_each", "for", "loop", "items"), "each"),
    **dict.fromkeys(("args", "arguments", "params", "parameters", "inputs", "input", "data"), "with"),
    **dict.fromkeys(("action", "run", "uses", "call", "operation", "task"), "do"),
    **dict.fromkeys(("retries", "max_attempts", "attempts"), "retry"),
    **dict.fromkeys(("on_error", "catch", "rescue", "fallback"), "on_failure"),
    **dict.fromkeys(("rollback", "compensate"), "undo"),
    **dict.fromkeys(("question", "approve", "approval", "confirm", "gate"), "ask"),
    **dict.fromkeys(("deadline", "due_in"), "due"),
    **dict.fromkeys(("assignee", "who"), "to"),
    **dict.fromkeys(("sleep", "delay", "pause"), "wait"),
    **dict.fromkeys(("outputs", "output", "return", "results"), "returns"),
    **dict.fromkeys(("vars", "variables", "set", "env"), "let"),
    **dict.fromkeys(("triggers", "trigger", "schedule"), "on"),
    **dict.fromkeys(("name", "id"), "playbook"),
    **dict.fromkeys(("description",), "title"),
    **dict.fromkeys(("jobs", "tasks", "stages"), "steps"),
    **dict.fromkeys(("concurrency", "parallelism", "batch_size"), "at_once"),
}
_LOCAL_WORDS = ("item", "index", "event", "last", "round", "this", "out", "items", "record", "choice")
RESERVED = frozenset((*CEL_WORDS, *SPECIAL_NAMES, *SIMPLE, *SIGNATURES, *_LOCAL_WORDS))


class Keys:
    """Reads what stands under a key, reporting what is not of the wanted shape."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def scalar(self, node: Mapping, key: str) -> Scalar | None:
        """Give the text under a key; a finding when there is something else."""
        value = node.values.get(key)
        if value is None or (isinstance(value, Scalar) and (value.text or not value.plain)):
            return value
        what = "is empty" if isinstance(value, Scalar) else "must be one value"
        self.report.add(value.place, f"{key!r} {what}")
        return None

    def scalars(self, node: Mapping, key: str) -> list[Scalar]:
        """Give the texts of a list under a key; one text alone counts as a list of it."""
        value = node.values.get(key)
        items = value.items if isinstance(value, Listing) else [value] if value is not None else []
        if isinstance(value, Scalar) and "," in value.text:
            self.report.add(value.place, f"{key!r} is a list: write [{value.text}]")
            return []
        good = [item for item in items if isinstance(item, Scalar) and item.text]
        if len(good) != len(items) and value is not None:
            self.report.add(value.place, f"{key!r} must be a list of words")
        return good

    def fields(self, node: Mapping, key: str, example: str = '{path: "reports/a.md"}') -> Mapping | None:
        """Give the names with values under a key."""
        value = node.values.get(key)
        if value is None or isinstance(value, Mapping):
            return value
        self.report.add(value.place, f"{key!r} needs names with values, such as {example}")
        return None

    def uncut(self, scalar: Scalar) -> Scalar:
        """Refuse a plain text behind which a comment stands: it was probably meant to go on."""
        if scalar.cut:
            self.report.add(scalar.place, f"YAML ended this text at {scalar.cut!r}; {QUOTES_HINT}")
        return scalar

    def flag(self, scalar: Scalar) -> bool:
        """Read true or false."""
        if scalar.text not in ("true", "false"):
            meant = TRUTHS.get(scalar.text.lower())
            hint = f"; write {meant}" if meant else ""
            self.report.add(scalar.place, f"{scalar.text!r} is neither true nor false{hint}")
        return scalar.text == "true"

    def duration(self, scalar: Scalar) -> int | None:
        """Read a duration, seconds."""
        try:
            seconds = parse_duration_s(scalar.text)
        except ValueError as error:
            self.report.add(scalar.place, str(error))
            return None
        if not seconds:
            self.report.add(scalar.place, f"{scalar.text!r} is no time at all")
        elif seconds > LONGEST_S:
            self.report.add(scalar.place, f"{scalar.text!r} is longer than ten years")
        return seconds or None

    def number(self, scalar: Scalar, least: int, most: int) -> int | None:
        """Read a whole number within bounds."""
        if re.fullmatch(r"-?\d{1,9}", scalar.text, re.ASCII) and least <= int(scalar.text) <= most:
            return int(scalar.text)
        self.report.add(scalar.place, f"{scalar.text!r} is not a whole number from {least} to {most}")
        return None

    def percent(self, scalar: Scalar) -> int | None:
        """Read a share such as 10%."""
        number = scalar._replace(text=scalar.text.removesuffix("%"))
        if number.text == scalar.text:
            self.report.add(scalar.place, f"{scalar.text!r} is not a share such as 10%")
            return None
        return self.number(number, 0, 100)

    def choice(self, node: Mapping, key: str, options: Iterable[str]) -> str | None:
        """Read one of a few words."""
        scalar, options = self.scalar(node, key), tuple(options)
        if scalar is None or scalar.text in options:
            return scalar and scalar.text
        self.report.add(scalar.place, f"{key!r} is one of {', '.join(options)}{nearest(scalar.text, options)}")
        return None

    def known(self, node: Mapping, known: Iterable[str], of: str) -> None:
        """Refuse keys that do not exist, with the nearest that does."""
        known = tuple(known)
        for name, key in node.keys.items():
            if name in known:
                continue
            if ":" in name:
                written = f"{name.partition(':')[0]}: {name.partition(':')[2].lstrip()}"
                self.report.add(key.place, f"{name!r} is no key {of}; a space follows the colon: {written}")
            elif key.cut or " " in name:
                message = f"{name!r} is no key {of}; if it belongs to the text before it, {QUOTES_HINT}"
                self.report.add(key.place, message)
            else:
                self.report.add(key.place, f"{name!r} is no key {of}{self._meant(name, known)}")

    def _meant(self, name: str, known: tuple[str, ...]) -> str:
        meant = SYNONYMS.get(name.lower(), "")
        return f"; did you mean {meant!r}?" if meant in known else nearest(name, known)

    def name(self, key: Scalar, what: str) -> None:
        """Refuse a name that expressions could not use, or would misread."""
        if NAME.fullmatch(key.text) is None:
            message = f"{key.text!r} is no name for a {what}: small letters, digits and _, a letter first"
            self.report.add(key.place, message)
        elif key.text in RESERVED:
            self.report.add(key.place, f"{key.text!r} can't name a {what}: expressions use this word")
