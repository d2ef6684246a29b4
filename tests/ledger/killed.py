"""Killing a piece of work at every line of the ledger that it reaches, one after the other."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

AREA = str(Path(ledger.__file__).parent)


STEP = int(os.environ.get("MAINSTAY_KILL_STEP", "5"))  # 1 kills at every line, and takes minutes


def at_every_line(template: Path, folder: Path, work: Callable[[Path], object], step: int = STEP) -> Iterator[str]:
    """Give the place where it was killed, with what is left in `folder`; "" at last, where it ran to its end.

    Each time a process of its own works on a new copy of `template`, and is killed before another line.
    """
    number = 1 - step
    killed = True
    while killed:
        number += step
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder, symlinks=True)
        killed, place = _run(work, folder, number)
        yield place


def _run(work: Callable[[Path], object], folder: Path, number: int) -> tuple[bool, str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            _kill_at(number, writing)
            work(folder)
            os._exit(0)
        sys.settrace(None)
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as told:
        place = told.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL), f"it failed by itself: {status}"
    return status != 0, place


def _kill_at(number: int, writing: int) -> None:
    """Kill this process before the `number`th line that is reached for the first time, in whatever thread."""
    seen: set[tuple[str, int]] = set()

    def count(frame: FrameType, event: str, _: object) -> object:
        place = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and place not in seen:
            seen.add(place)
            if len(seen) == number:
                os.write(writing, f"{Path(place[0]).name}:{place[1]}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    def enter(frame: FrameType, _: str, __: object) -> object:
        return count if frame.f_code.co_filename.startswith(AREA) else None

    threading.settrace(enter)  # type: ignore[arg-type]
    sys.settrace(enter)  # type: ignore[arg-type]
