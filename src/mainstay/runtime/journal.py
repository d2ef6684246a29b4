"""What an agent called inside its step, and where a run of it is in that (KERNEL J1).

An entry is found again by its scope, its operation and arguments, and which time they are asked for there. Within one
scope an agent does one thing after the other, so its entries have an order, and what is asked next must be the next of
them: anything else is another agent, or one that goes by chance. A tool call is found by the model's response and its
index, wherever it is made. Arguments are compared as they read: a digest of them would outlive what is forgotten.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from mainstay import events as e
from mainstay.kernel.calls import call_path
from mainstay.kernel.state import is_call
from mainstay.kernel.words import SLOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.values import Value

MOST_CALLS = 1000  # of one step, of all kinds


class Entry(msgspec.Struct, frozen=True):
    """A call that is recorded, by its number in the journal."""

    number: int
    fact: e.Journaled


def stream_of_journal(plan_id: str, path: str, journal: int) -> str:
    """The stream of a step's journal; one that was begun anew has another."""
    return f"journal:{plan_id}/{path}" + (f"#{journal}" if journal else "")


class Journal:
    """The entries of one step, with a place for a run of its agent in each scope."""

    def __init__(self, path: str, number: int, recorded: Sequence[e.Recorded]) -> None:
        """Read what is recorded in the journal of this number."""
        self.opened: e.JournalOpened | None = None
        self.sequence = len(recorded)
        self.spent_ms = 0  # of the agent's time in this attempt
        self._path, self._number = path, number
        self._scopes: defaultdict[str, list[Entry]] = defaultdict(list)
        self._at: defaultdict[str, int] = defaultdict(int)
        for event in recorded:
            self._fold(event.sequence, event.fact)

    def _fold(self, number: int, fact: e.AnyFact) -> None:
        if isinstance(fact, e.JournalOpened):
            self.opened = fact
        elif isinstance(fact, e.Journaled):
            self._scopes[_place(fact.scope, fact.tool)].append(Entry(number, fact))
            self.spent_ms = fact.spent_ms
        elif isinstance(fact, e.JournalRetried):
            self.spent_ms = 0
            for scope, entries in self._scopes.items():
                self._scopes[scope] = [entry for entry in entries if entry.number not in fact.entries]

    def next(self, scope: str, tool: str) -> Entry | None:
        """Give what was recorded next in a scope, and go past it; None when nothing was."""
        place = _place(scope, tool)
        entries, at = self._scopes[place], self._at[place]
        if at >= len(entries):
            return None
        self._at[place] += 1
        return entries[at]

    def left(self) -> Entry | None:
        """Give the first entry that a run has not come to."""
        rest = [entry for place, entries in self._scopes.items() for entry in entries[self._at[place] :]]
        return min(rest, key=lambda entry: entry.number, default=None)

    def open(self, fact: e.JournalOpened) -> None:
        """Take the first fact. The caller appends it."""
        self.opened = fact
        self.sequence += 1

    def add(self, fact: e.Journaled) -> Entry:
        """Take a new entry, and go past it. The caller appends it."""
        self.sequence += 1
        entry = Entry(self.sequence, fact)
        place = _place(fact.scope, fact.tool)
        self._scopes[place].append(entry)
        self._at[place] += 1
        return entry

    def calls(self) -> int:
        """Count the entries."""
        return sum(map(len, self._scopes.values()))

    def last(self, number: int) -> Entry | None:
        """Give an entry by its number, if nothing was called after it in its scope."""
        ends = (entries[-1] for entries in self._scopes.values() if entries)
        return next((entry for entry in ends if entry.number == number), None)

    def next_path(self) -> str:
        """Name the place of the action that the next entry will stand for."""
        return call_path(self._path, self._number, max(self.sequence, 1))  # the first fact opens it


def done_before(read: Callable[[str], Sequence[e.Recorded]], plan: Plan, path: str) -> list[e.Journaled]:
    """Give the actions that earlier journals of a step hold, that are done and stand, and that this one has not met.

    A step that began anew has another journal: what its agent did before may be what it asks for next.
    """
    number = plan.slots[path].journal
    found: dict[str, e.Journaled] = {}
    for earlier in range(number):
        for event in read(stream_of_journal(plan.id, path, earlier)):
            if isinstance(event.fact, e.Journaled) and event.fact.call and _stands(plan, event.fact.call):
                found[event.fact.call] = event.fact
    for event in read(stream_of_journal(plan.id, path, number)) if found else ():
        if isinstance(event.fact, e.Journaled):
            found.pop(event.fact.call, None)
    return list(found.values())


def _stands(plan: Plan, call: str) -> bool:
    back = plan.slots.get(f"~{call}")
    return plan.slots[call].status == "done" and (back is None or back.status != "done")


def _place(scope: str, tool: str) -> str:
    return f"tool {tool}" if tool else scope


# --- shown


def told_calls(
    read: Callable[[str], Sequence[e.Recorded]], plan: Plan, name: str, time: Callable[[int], str | None]
) -> list[dict[str, Value]]:
    """List what the agent of a step called, in order, for a screen: of all its items, and of all its journals."""
    rows: list[dict[str, Value]] = []
    if plan.graph.steps[name].kind != "agent":
        return rows
    for path, slot in plan.slots.items():
        if (path == name or path.startswith(f"{name}/")) and not is_call(path):
            for number in range(slot.journal + 1):
                recorded = read(stream_of_journal(plan.id, path, number))
                rows += _rows(plan, path, number, recorded, time)
    return rows


def _rows(
    plan: Plan, path: str, number: int, recorded: Sequence[e.Recorded], time: Callable[[int], str | None]
) -> Iterator[dict[str, Value]]:
    for event in recorded:
        fact = event.fact
        if isinstance(fact, e.Journaled):
            action = plan.slots.get(fact.call)
            says = "answered" if fact.failure is None else f"failed: {fact.failure.message}"
            yield {
                "path": fact.call or call_path(path, number, event.sequence - 1),
                "at": time(event.recorded_at_us),
                "operation": fact.operation,
                "action": action is not None,
                "scope": fact.scope,
                "says": says if action is None else SLOT[action.status],
                "cost_usd_micros": fact.cost_usd_micros,
            }
