"""Telling open pages what changed: one stream of server-sent events for each tab, all fed by one listener.

What is told is coarse: `inbox`, `plans`, `plan:ID`. A page fetches itself anew and shows what is different, so there
is one way in which a page is made, and nothing of what happened is sent twice. Where nobody looks nothing listens.
A tab that comes back says what it heard last (Last-Event-ID), and a new one how far the history was when its page was
begun to be made; what they may have missed is told as `all`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import StreamingResponse

from mainstay.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from mainstay import events as e
    from mainstay.console.room import Room
    from mainstay.kernel.state import Plan
    from mainstay.ports import Ledger
    from mainstay.runtime.engine import Engine

GATHER_S = 0.1  # what happens within this is told at once
HEARTBEAT_S = 20.0
TABS = 40  # the one that came first makes room
ALL = "all"
_ASKING = ("Decision", "PlanCancelled", "PlanExpired", "PlanFailed", "PlanUndone", "Undo")  # facts that
# change what waits for an answer, by how they begin


class _Tab:
    """One page that is open somewhere."""

    def __init__(self) -> None:
        self.topics: set[str] = set()
        self.woken = asyncio.Event()
        self.over = False

    def tell(self, topics: set[str]) -> None:
        self.topics |= topics
        self.woken.set()

    def end(self) -> None:
        self.over = True
        self.woken.set()


class Live:
    """All open tabs of one owner's console."""

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        """Listen to nothing yet."""
        self._engine, self._ledger = engine, ledger
        self._tabs: list[_Tab] = []
        self._topics: set[str] = set()
        self._gathering: asyncio.TimerHandle | None = None
        self._number = 0
        self._run = f"{id(self):x}"

    def heard(self) -> str:
        """Say how far the history is, for a page that is made from now on; empty while it can't be read."""
        try:
            return str(self._ledger.head()[0])
        except LedgerError:
            return ""

    async def stream(self, last: str, heard: str) -> AsyncGenerator[str]:
        """Tell a tab what changes, for as long as it listens, and whether it may have missed something before."""
        tab = _Tab()
        self._add(tab)
        try:
            yield "retry: 2000\n\n"
            if last != self._mark() if last else heard != self.heard():
                tab.tell({ALL})
            while not tab.over:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await tab.woken.wait()
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                tab.woken.clear()
                topics, tab.topics = tab.topics, set()
                if topics:
                    yield f"id: {self._mark()}\nevent: changed\ndata: {' '.join(sorted(topics))}\n\n"
        finally:
            self._remove(tab)

    def tell(self, topic: str) -> None:
        """Tell open pages that something of a topic changed which stands in no plan."""
        if self._tabs:
            self._gather({topic})

    def close(self) -> None:
        """End all streams: the service ends."""
        for tab in tuple(self._tabs):
            tab.end()

    def _mark(self) -> str:
        return f"{self._run}.{self._number}"

    def _add(self, tab: _Tab) -> None:
        if not self._tabs:
            self._engine.listeners.append(self._hear)
            self._engine.hearers.append(self._note)
        elif len(self._tabs) >= TABS:
            self._tabs[0].end()
        self._tabs.append(tab)

    def _remove(self, tab: _Tab) -> None:
        self._tabs.remove(tab)
        if not self._tabs:
            for listeners, own in ((self._engine.listeners, self._hear), (self._engine.hearers, self._note)):
                if own in listeners:
                    listeners.remove(own)  # type: ignore[arg-type]

    def _hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del plan
        topics = {f"plan:{plan_id.partition('-')[0]}", "plans"}
        if any(type(fact).__name__.startswith(_ASKING) for fact in facts):
            topics.add("inbox")
        self._gather(topics)

    def _note(self, sentence: str) -> None:
        del sentence
        self._gather({ALL})

    def _gather(self, topics: set[str]) -> None:
        self._topics |= topics
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_S, self._tell)

    def _tell(self) -> None:
        topics, self._topics, self._gathering = self._topics, set(), None
        self._number += 1
        for tab in self._tabs:
            tab.tell(topics)


async def live(room: Room, request: Request) -> Response:
    """Tell this tab what changes."""
    last = request.headers.get("last-event-id", "")
    heard = request.query_params.get("heard", "")
    return StreamingResponse(room.live.stream(last, heard), media_type="text/event-stream")
