"""What an action relies on: read when it is prepared, and again before it leaves (requirement K20, KERNEL E1, E5).

    prepared   read, and recorded with the preparation; held against what its arguments say, or its outcome left
    leaves     read anew: after a question, a delay, a pause, a failed attempt, a restart
               as it was -> it leaves; changed -> prepared anew on what is there now, and asked about with what was
               changed; can't be read -> tried again and then put before the operator. It never leaves unread

What is read is a plain value, best a mapping of a thing in the operator's words to how it is: {"reports/june.md":
"content 1f0e..."}. Between the last reading and the call lies one commit; what can look again under a lock of its own
is given what was recorded (`Call.relies`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, cast

from mainstay.contracts import to_plain
from mainstay.runtime.attempt import Attempt
from mainstay.shown import shown

if TYPE_CHECKING:
    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.parts import Parts
    from mainstay.values import Value

WHY = "What it relies on was changed since."
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DIGEST_CHARS = 12  # of a digest on a card


class Ground(NamedTuple):
    """What an action relies on: how it has to be, and how it was found; None: there is nothing to look at."""

    expected: Value = None
    found: Value = None

    @property
    def now(self) -> Value:
        """What is recorded: as it was found; what is to be taken back and is gone may come back until it leaves."""
        return self.expected if self.found is None else self.found


NOTHING = Ground()


class Relying:
    """Reads what actions rely on."""

    def __init__(self, parts: Parts, desk: Desk) -> None:
        """Take the parts and the engine's desk."""
        self._parts = parts
        self._desk = desk

    async def read(self, plan_id: str, operation: Operation, typed: object, account: str) -> Value:
        """Give what an action relies on, as it is now; None: on nothing. Raises OperationError."""
        attempt = Attempt(self._parts, plan_id, "", self._desk.now_us())
        try:
            return await self._parts.guard.state_of(operation, attempt, to_plain(typed), account=account)
        finally:
            await self._desk.whole()

    def expected(self, plan: Plan, path: str, operation: Operation, typed: object) -> Value:
        """Give how it has to be: as the outcome left it, as the arguments say, or as it was prepared before."""
        if path.startswith("~") and not plan.slots[path].edited:
            undone = plan.slots[path[1:]].undo
            left = None if undone is None else self._parts.payloads.load(undone.expects)
            if left is not None:
                return left
        said = said_by(operation, typed)
        return self._parts.payloads.load(plan.slots[path].relies) if said is None else said


def said_by(operation: Operation, typed: object) -> Value:
    """Give what arguments themselves say of what they rely on; None where they do not."""
    return None if operation.relied is None else to_plain(operation.relied(typed))


def changes(expected: Value, found: Value, *, edited: bool = False) -> list[str]:
    """Say what was changed, a sentence each; none where nothing was, or there is nothing to hold it against.

    An action that was edited may be about something else altogether: that is no change.
    """
    if expected is None or found is None or found == expected:
        return []
    if not (isinstance(expected, dict) and isinstance(found, dict)):
        return [_sentence("", expected, found)]
    if edited and not expected.keys() & found.keys():
        return []
    names = dict.fromkeys([*expected, *found])
    return [_sentence(name, was, now) for name in names if (was := expected.get(name)) != (now := found.get(name))]


def with_changes(card: dict[str, Value], said: list[str]) -> dict[str, Value]:
    """Give a card that begins with what was changed."""
    if not said:
        return card
    body = "\n".join(["Changed since:", *(f"  {each}" for each in said), "", str(card.get("body", ""))]).rstrip()
    return {**card, "headline": f"Changed since: {card['headline']}", "body": body}


def _sentence(name: str, was: Value, now: Value) -> str:
    said = f"it was {_say(was)}, and is {_say(now)}"
    return f"{shown(name)}: {said}" if name else said


def _say(value: Value) -> str:
    """Say a state on a card: a digest is no word for people."""
    if value in ("", None, [], {}):
        return "nothing"
    if isinstance(value, dict):
        return "; ".join(f"{shown(name)}: {_say(inner)}" for name, inner in cast("dict[str, Value]", value).items())
    return _DIGEST.sub(lambda found: found[0][:_DIGEST_CHARS], shown(str(value)))
