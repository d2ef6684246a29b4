"""Blocking work that nobody has to wait for: a disk that does not answer must not keep a process from ending.

A thread of the loop's own pool is waited for when the process ends, however long it hangs in the system. These are not.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """Run what may block in a thread of its own, and wait so long for it. Raises TimeoutError, and what it raises."""
    done: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()
    threading.Thread(target=lambda: done.put(_come_to(work)), name="detached", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return cast("T", result)


def detached(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run what may block in a thread of its own; gives what it will come to.

    A future that is cancelled leaves the thread to itself. Where the process ends first the work is cut off at
    whatever it was doing, so it must be such that this does no harm.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # maybe nobody waits any more

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("T", result))

    def run() -> None:
        result, error = _come_to(work)
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="detached", daemon=True).start()
    return future


def _come_to(work: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    try:
        return work(), None
    except BaseException as error:  # noqa: BLE001 - whoever waits is told
        return None, error
