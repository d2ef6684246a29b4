"""Looking at the workspace for pages, on a thread of its own, so that no plan waits while a page is made.

What is open stays open for a while, since opening costs more than looking. The cards of the inbox are kept for as long
as nothing happened in their plans: building two hundred of them anew takes a second, and nobody may wait for that.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mainstay.console.render import draw
from mainstay.errors import LedgerError
from mainstay.ledger import keys as ledger_keys
from mainstay.views import Views
from mainstay.views.letting import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mainstay.app import Owner
    from mainstay.workspace import Workspace

T = TypeVar("T")
IDLE_S = 60.0
SESSIONS = 4  # whose cards are kept
CARDS = 200  # of the inbox, on one page
NAMED = 10  # of what has one cause, before the rest is folded away


def bounds_of(owner: Owner) -> Bounds:
    """Say what bounds actions while this owner works."""
    return Bounds(owner.budgets.caps, owner.contracts.operations.get, owner.workspace.config, owner.throttling.rules)


class Drawn(NamedTuple):
    """The cards of the inbox; what one budget stopped stands on one."""

    cards: list[str]
    questions: int  # on them


class Cards:
    """The cards of the inbox as they were drawn, for as long as what they depend on is as it was."""

    def __init__(self) -> None:
        """None yet."""
        self._drawn: dict[tuple[str, str], tuple[Hashable, str]] = {}
        self._views: Views | None = None

    def draw(self, views: Views, csrf: str) -> Drawn:
        """Give them, for the forms of one session, in the order of the inbox."""
        if views is not self._views:  # somebody may have been forgotten
            self._drawn, self._views = {}, views
        kept = self._drawn
        self._drawn = {key: one for key, one in kept.items() if key[1] != csrf}
        if len(self._drawn) > SESSIONS * CARDS:
            self._drawn.clear()
        shown, found = views.shown(CARDS), list[str]()
        stopped = {decision: named for named in views.stopped(shown) for decision in named}
        for decision, its in shown.items():
            named = stopped.get(decision)
            if named is not None and decision != named[0]:
                continue  # it stands with the first that the same budget stopped
            as_of: Hashable = tuple(map(shown.get, named)) if named else (its, views.lets(decision, its))
            before = kept.get((decision, csrf))
            if before is None or before[0] != as_of:
                before = as_of, self._drawn_anew(views, decision, named, csrf)
            self._drawn[decision, csrf] = before
            found.append(before[1])
        return Drawn(found, len(shown))

    def _drawn_anew(self, views: Views, decision: str, stopped: list[str] | None, csrf: str) -> str:
        if not stopped:
            return draw("one_card.html", q=views.card(decision), csrf=csrf)
        return draw("stopped.html", group=views.together(stopped)[0], csrf=csrf, named=NAMED, back="/")


class Looking:
    """One workspace, looked at by one thread."""

    def __init__(self, workspace: Workspace, bounds: Callable[[], Bounds]) -> None:
        """Open nothing yet; `bounds` says what bounds actions now."""
        self._workspace, self._bounds = workspace, bounds
        self._forgotten = ledger_keys.forgotten_file(workspace.state)
        self._thread = ThreadPoolExecutor(1, "mainstay-look")
        self._views: Views | None = None
        self._as_of: tuple[int, int] = 0, 0
        self._closing: asyncio.TimerHandle | None = None

    async def look(self, at: Callable[[Views], T]) -> T:
        """Give what `at` gives. Raises what it raises."""
        loop = asyncio.get_running_loop()
        if self._closing is not None:
            self._closing.cancel()
        self._closing = loop.call_later(IDLE_S, self._thread.submit, self._close)
        return await loop.run_in_executor(self._thread, self._look, at)

    def close(self) -> None:
        """Close what is open. Nothing can be looked at afterwards."""
        if self._closing is not None:
            self._closing.cancel()
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _look(self, at: Callable[[Views], T]) -> T:
        as_of = self._when_forgotten()
        if as_of != self._as_of:  # what is open still knows the keys of whoever was forgotten
            self._close()
            self._as_of = as_of
        try:
            return at(self._opened())
        except LedgerError:  # the owner may have read the history anew; what is really wrong is wrong again
            self._close()
            return at(self._opened())

    def _opened(self) -> Views:
        if self._views is None:
            self._views = Views(self._workspace)
            self._views.bounds = self._bounds
        return self._views

    def _close(self) -> None:
        if self._views is not None:
            self._views.__exit__()
            self._views = None

    def _when_forgotten(self) -> tuple[int, int]:
        try:
            status = self._forgotten.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_mtime_ns, status.st_size
