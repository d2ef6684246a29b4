"""Reads what only waits and loops have: the event, what it must be, until when; the rounds and what ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.playbooks.format import Mapping, Node, Scalar

if TYPE_CHECKING:
    from mainstay.playbooks.drafts import StepDraft
    from mainstay.playbooks.keys import Keys
    from mainstay.playbooks.templates import Drafts

WAIT_EXAMPLE = "{until: a time}, or {event: mail.received, where: ..., until: 10d}"
REPEAT_EXAMPLE = '{playbook: rework, until: "= last.accepted", max: 3}'
REPEAT_KEYS = ("playbook", "until", "max", "then")
THEN = ("ask", "skip", "undo", "accept")
MAX_ROUNDS = 100


class WaitReader:
    """Reads what stands under `wait`."""

    def __init__(self, keys: Keys, drafts: Drafts) -> None:
        self._keys = keys
        self._drafts = drafts

    def read(self, step: StepDraft, node: Node) -> None:
        """Read a wait into its draft."""
        if not isinstance(node, Mapping):
            self._keys.report.add(node.place, f"'wait' needs {WAIT_EXAMPLE}")
            return
        self._keys.known(node, ("until", "event", "where"), "of 'wait'")
        step.event = self._keys.scalar(node, "event")
        if (where := self._keys.scalar(node, "where")) is not None:
            if "event" in node.keys:
                self._drafts.role(step, "where", self._keys.uncut(where))
            else:
                self._keys.report.add(where.place, "'where' says which event: name it, such as event: mail.received")
        step.endless = "until" not in node.keys
        until = self._keys.scalar(node, "until")
        if until is None and step.event is None:
            self._keys.report.add(node.place, f"'wait' needs {WAIT_EXAMPLE}")
        elif until is not None and until.text.startswith("="):
            self._drafts.role(step, "until", until)
        elif until is not None and (seconds := self._keys.duration(until)) is not None:
            written = until._replace(text=f"= ready_at + duration('{seconds}s')")
            self._drafts.role(step, "until", written)


class RepeatReader:
    """Reads what stands under `repeat`."""

    def __init__(self, keys: Keys, drafts: Drafts) -> None:
        self._keys = keys
        self._drafts = drafts

    def target(self, node: Mapping) -> Scalar | None:
        """Give the playbook that is repeated."""
        repeat = node.values["repeat"]
        if not isinstance(repeat, Mapping) or "playbook" not in repeat.keys:
            self._keys.report.add(repeat.place, f"'repeat' needs {REPEAT_EXAMPLE}")
            return None
        return self._keys.scalar(repeat, "playbook")

    def read(self, step: StepDraft, node: Node) -> None:
        """Read a loop into its draft."""
        assert isinstance(node, Mapping)
        self._keys.known(node, REPEAT_KEYS, "of 'repeat'")
        until, most = self._keys.scalar(node, "until"), self._keys.scalar(node, "max")
        if until is not None:
            self._drafts.role(step, "until", self._keys.uncut(until))
        elif "until" not in node.keys:
            self._keys.report.add(node.place, "'repeat' needs 'until': an expression over 'last' that ends it")
        if most is not None:
            step.max_rounds = self._keys.number(most, 1, MAX_ROUNDS) or 1
        elif "max" not in node.keys:
            self._keys.report.add(node.place, "'repeat' needs 'max': how many rounds at most")
        step.then = self._keys.choice(node, "then", THEN) or "ask"
