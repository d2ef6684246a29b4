"""What a plan does while one waits for it: a line per step on stderr, with a spinner where somebody looks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from mainstay.cli.screen import text, when
from mainstay.sentences import say_path, say_wait

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, RenderableType

PER_SECOND = 10
_BEGINS = {
    "StepStarted",
    "ItemsFrozen",
    "EffectPrepared",
    "EffectIntended",
    "ChildrenStarted",
    "RetryDue",
    "DispatchDue",
}
_ENDS = {
    "StepCompleted": "done",
    "EffectDone": "done",
    "StepUndone": "done",
    "StepSkipped": "skipped",
    "StepRejected": "not approved",
    "StepFailed": "failed",
    "StepStuck": "stuck",
    "AttemptFailed": "waits to be tried again",
    "EffectRefused": "did not happen",
    "EffectUncertain": "may have happened",
    "EffectAwaited": "may have happened, is looked up later",
    "EffectDelayed": "leaves at its time",
    "EffectUnseen": "happened, not seen yet where it is read back",
    "EffectConfirmed": "done",
    "UndoImpossible": "can't be undone",
    "DecisionAsked": "needs your decision",
    "WaitStarted": "sleeps until its time",
    "WaitEnded": "done",
}


_MANY = {"leaves at its time": "leave at their time", "sleeps until its time": "sleep until their time"}


def _said(event: dict[str, Any]) -> str:
    """Say how a step stands: of what sleeps until when, and how it is called back."""
    until = event.get("until", "")
    if event["kind"] == "WaitStarted":
        return say_wait(event.get("event", ""), until[:19].replace("T", " "))  # it may be a matter of seconds
    if event["kind"] == "EffectDelayed" and until:
        return f"leaves at {when(until)}; {event['recall']}"
    return _ENDS[event["kind"]]


class Step:
    """One step's line."""

    def __init__(self, name: str) -> None:
        """Begin now."""
        self.name = name
        self.state = ""  # empty while it works
        self.items: dict[str, int] = {}
        self.total = 0
        self._began = time.monotonic()
        self._ended = 0.0
        self._spinner = Spinner("dots")

    def end(self, state: str) -> None:
        """Stop the clock."""
        self.state, self._ended = state, time.monotonic()

    def again(self) -> None:
        """Go on after a pause."""
        self.state = ""

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return (self._ended if self.state else time.monotonic()) - self._began

    def line(self) -> Text:
        """Say how far it is."""
        counts = [f"{count} {state if count == 1 else _MANY.get(state, state)}" for state, count in self.items.items()]
        if self.total and not self.state:
            counts.append(f"of {self.total}")
        told = self.state if not counts else ", ".join(counts)
        return text(f"{self.name}: {told or 'working'} ({self.seconds:.1f} s)")

    def __rich__(self) -> RenderableType:
        row = Table.grid(padding=(0, 1))
        mark = text("+" if self.state == "done" else "-") if self.state else self._spinner
        row.add_row(mark, self.line())
        return row


class Board:
    """Hears what an owner says while a plan moves."""

    def __init__(self, console: Console) -> None:
        """Draw on a console; lines that move only where it is a terminal."""
        self._console = console
        self._steps: dict[str, Step] = {}
        self._live = Live(get_renderable=self._draw, console=console, refresh_per_second=PER_SECOND)
        self._told: set[str] = set()
        self._parts: dict[str, int] = {}  # of a long list, by its step
        self.plan = ""

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()
            return
        for step in self._steps.values():
            if step.items and step.name not in self._told:
                self._console.print(step.line())

    def hear(self, event: dict[str, Any]) -> None:
        """Take one piece of news."""
        kind, path = event["kind"], event["path"]
        self.plan = self.plan or event["plan"]
        if kind == "Notice":
            self._console.print(text(event["says"], "bold"))
        if not path or (kind not in _BEGINS and kind not in _ENDS):
            return
        name, _, item = path.partition("/")
        above, numbers = self._above(event["plan"])
        part = numbers.pop() if numbers and above[-1] == name else ""
        above = above[:-1] if part else above
        if kind == "ChildrenStarted":
            self._parts[name] = event["count"]
        label = say_path(f"~{name}" if kind in ("UndoImpossible", "StepUndone") else name)
        label = ": ".join((*above, label))
        step = self._steps.setdefault(label, Step(label))
        if kind == "DecisionAsked" and step.state in (_ENDS["StepStuck"], _ENDS["EffectUncertain"]):
            return  # that says it already
        if kind == "DecisionAsked" and numbers:
            label = f"{label}, item {numbers[-1]}"
            step = self._steps.setdefault(label, Step(label))
        if kind == "DecisionAsked" and part:
            of = f" of {self._parts[name]}" if self._parts.get(name) else ""
            label = f"{label}, part {part}{of}"
            step = self._steps.setdefault(label, Step(label))
        if kind == "ItemsFrozen":
            step.total = max(step.total, event.get("count", 0))
        if kind in _BEGINS:
            step.again()
        elif kind == "EffectConfirmed" and (item or step.state == "done"):
            return  # it was told, or counted, when it happened
        elif ((item or numbers) and kind != "DecisionAsked") or kind == "UndoImpossible":
            step.items[_ENDS[kind]] = step.items.get(_ENDS[kind], 0) + 1
            step.end(_ENDS[kind]) if path.startswith("~") else None
        else:
            self._ended(step, _said(event))

    def _above(self, plan: str) -> tuple[list[str], list[str]]:
        """Read a child plan's id: the steps above it, and the numbers of items or parts; "every-3" is item 3 of every.

        A number of a round or of another try ("-r2") tells nothing here.
        """
        above: list[str] = []
        numbers: list[str] = []
        for part in plan.removeprefix(self.plan).split("-")[1:]:
            if part.isdigit():
                numbers.append(part)
            elif part not in above[-1:] and not (part[0] == "r" and part[1:].isdigit()):
                above.append(part)
        return above, numbers

    def _ended(self, step: Step, state: str) -> None:
        step.end(state)
        if not self._console.is_terminal:
            self._told.add(step.name)
            self._console.print(step.line())

    def _draw(self) -> Group:
        return Group(*self._steps.values())
