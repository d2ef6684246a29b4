"""An event loop whose time is simulated: it never waits, it moves its clock to the next timer instead.

A crash is `Crash`, raised wherever the process is to die. asyncio lets a SystemExit pass, so it ends `run` at once;
what the loop still holds is abandoned, not finished: nothing that a `finally` does counts, because disk and world are
dead from that moment (`crash.Boundaries`).
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

RESOLUTION_S = 1e-6  # of the simulated clock: times that are closer are one


class Crash(SystemExit):
    """The process died here."""


class FrozenError(RuntimeError):
    """Nothing is left to wait for, and what is awaited has not come: everything waits for each other."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks in the order of their simulated times; those of one time in the order they were scheduled."""

    def __init__(self, start_s: float = 0.0, thread_s: Callable[[], float] = lambda: 0.0) -> None:
        """Begin at a time. `thread_s` says how long the next work in a thread takes; it is run inline at its end."""
        super().__init__()
        self._now_s = start_s
        self._thread_s = thread_s
        self._selector = self  # BaseEventLoop asks it for what is ready on sockets: nothing ever is
        self._clock_resolution = RESOLUTION_S
        self.set_exception_handler(_ignore)

    def time(self) -> float:
        """Give the simulated time, seconds."""
        return self._now_s

    def select(self, timeout: float | None) -> list[Any]:
        """Let time pass until the next timer."""
        if timeout is None:
            raise FrozenError("nothing is left to wait for")
        self._now_s += timeout
        return []

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; raises Crash where the process died, and Frozen when it can't end."""
        try:
            return self.run_until_complete(main)
        finally:
            self._abandon()

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # noqa: ANN401 - asyncio's
        """Run work of a thread inline, once the time it takes has passed."""
        del executor
        future = self.create_future()
        self.call_later(self._thread_s(), _work, future, func, args)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        del event_list

    def get_debug(self) -> bool:
        """Say no: it is asked with each task, and nothing changes it."""
        return False

    def _write_to_self(self) -> None:
        """Wake nobody: this loop has one thread."""

    def _abandon(self) -> None:
        """Drop all that is still under way, as a process that died does."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # work that had not begun is never awaited
            for task in asyncio.all_tasks(self):
                coroutine: Any = task.get_coro()
                with contextlib.suppress(Exception, SystemExit):  # what it still wanted to do died with it
                    coroutine.close()
        self.close()


def _work(future: asyncio.Future[Any], func: Any, args: tuple[Any, ...]) -> None:  # noqa: ANN401 - asyncio's
    if future.cancelled():
        return
    try:
        result = func(*args)
    except Exception as error:  # noqa: BLE001 - it is whoever waits that it is told
        future.set_exception(error)
    else:
        future.set_result(result)


def _ignore(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of tasks that died with their process."""
    del loop, context
