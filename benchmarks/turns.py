"""Runs measured programs in turn: each in a process of its own on the same core, one at work and the others idle."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import math
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS_PYTHON = ROOT / ".venv-bench/bin/python"
Env: TypeAlias = "Mapping[str, str]"
LIMIT_S = 120.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IN_USE = ".mainstay-bench"  # ends no other file's name: BENCH_TMP may be a folder that holds other things
REMOVE_TRIES = 20
REMOVE_AGAIN_S = 0.1

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>
FIRST = -15  # priority, as in nice

CORES = sorted(os.sched_getaffinity(0))
CORE = CORES[0]  # where everything is measured
OTHER_CORE = CORES[-1]  # where workers run


def note(text: str) -> None:
    """Say how far it is; the results go elsewhere."""
    print(text, file=sys.stderr, flush=True)


def at_least(least: float, most: float = math.inf, *, of: type[float] = int) -> Callable[[str], float]:
    """Read an argument that is a number from here to there; argparse says what is wrong and ends with 2."""

    def read(text: str) -> float:
        with contextlib.suppress(ValueError):
            if least <= (number := of(text)) <= most:
                return number
        up_to = "" if most == math.inf else f" and at most {most:,g}"
        kind = "whole number" if of is int else "number"
        raise argparse.ArgumentTypeError(f"it takes a {kind}, at least {least:,}{up_to}, and not {text!r}")

    return read


def heed_signals() -> None:
    """Have Ctrl-C, SIGTERM and a closed terminal end this program as an error would: what it began ends with it."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)


def _stop(number: int, frame: object) -> NoReturn:
    del frame
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)  # a second one would break off the ending
    with contextlib.suppress(OSError):
        os.write(2, b"stopped: ending what was begun\n")  # `note` may be what was interrupted
    raise SystemExit(128 + number)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that whoever dies in between leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


@contextlib.contextmanager
def scratch() -> Generator[Path]:
    """Give a folder on a real disk that is gone afterwards. BENCH_TMP says where, if not in build/.

    Beside it lies a file that this process holds locked. A file that nobody holds is of a run that was killed: what
    that one left is removed first.
    """
    where = Path(os.environ.get("BENCH_TMP") or ROOT / "build")
    where.mkdir(parents=True, exist_ok=True)
    with _alone_in(where):  # else another run could take a file that is not locked yet for a left one
        _clear(where)
        held, name = tempfile.mkstemp(prefix="bench-", suffix=IN_USE, dir=where)
        fcntl.flock(held, fcntl.LOCK_EX)
    folder = Path(name.removesuffix(IN_USE))
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder)
        os.close(held)


@contextlib.contextmanager
def _alone_in(where: Path) -> Generator[None]:
    opened = os.open(where, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def _clear(where: Path) -> None:
    """Remove what runs left that are no longer alive."""
    for left in where.glob(f"bench-*{IN_USE}"):
        # BlockingIOError: its run is alive; FileNotFoundError: it has just ended; PermissionError: somebody else's
        with contextlib.suppress(BlockingIOError, FileNotFoundError, PermissionError), left.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = left.with_name(left.name.removesuffix(IN_USE))
            note(f"removing what a run left that was killed: {folder}")
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a run's folder, then its file: by that the next run finds what could not be removed."""
    for _ in range(REMOVE_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            folder.with_name(f"{folder.name}{IN_USE}").unlink(missing_ok=True)
            return
        time.sleep(REMOVE_AGAIN_S)  # a process that was just killed may have written there
    note(f"{folder} could not be removed; the next run tries again")


class Subject:
    """A measured program: `ask` it for a window, get its figures."""

    def __init__(
        self,
        script: str,
        folder: Path,
        *,
        core: int = CORE,
        env: Env | None = None,
        log: str = "",
        limit_s: float = LIMIT_S,
    ) -> None:
        """Start it. Programs named peer_* run in the peers' environment. `log` tells two with one folder apart.

        An answer that takes longer than `limit_s` ends the run.
        """
        self.script = script
        self._limit_s = limit_s
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").mkdir(mode=0o700, exist_ok=True)
        self._log = folder / f"{Path(script).stem}{log}.log"
        python = PEERS_PYTHON if script.startswith("peer_") else sys.executable
        with self._log.open("wb") as log_file:
            self.process = subprocess.Popen(
                [python, "-u", str(HERE / script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                env={**os.environ, "BENCH_DIR": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), **(env or {})},
                preexec_fn=partial(take_place, core),  # noqa: PLW1509 - no threads here
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def ready(self) -> Self:
        """Wait until it can be asked; it is ended when that goes wrong."""
        try:
            self._line()
        except BaseException:
            self.kill()
            raise
        return self

    def ask(self, kind: str, **more: object) -> dict[str, Any]:
        """Have it do one thing; raises RuntimeError when it did less than it says."""
        self.send(kind, **more)
        return self.answer()

    def send(self, kind: str, **more: object) -> None:
        """Begin one thing; `answer` gives its result."""
        asked = {"kind": kind, "concurrency": 1, "seconds": 0.0, "worker_core": OTHER_CORE, **more}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        answer = self._line()
        if answer.get("on_disk", 0) != answer.get("steps", 0):
            raise RuntimeError(f"{self.script} counted {answer['steps']} steps, and {answer['on_disk']} are on disk")
        return answer

    def kill(self) -> None:
        """End it and everything it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        until = time.monotonic() + self._limit_s
        while time.monotonic() < until:
            if select.select([self.process.stdout], [], [], 1.0)[0]:
                line = self.process.stdout.readline()
                if not line:
                    break
                if line.startswith(b"{"):  # a library may greet
                    return json.loads(line)
        self.kill()
        told = self._log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"{self.script} gave no answer. It said last:\n{told}")


def take_place(core: int) -> None:
    """Pin a process that this one begins. With BENCH_FIRST it goes before all others, where that is allowed."""
    end_with_parent()
    os.sched_setaffinity(0, {core})
    if os.environ.get("BENCH_FIRST"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, FIRST)
            Path("/proc/self/autogroup").write_text(str(FIRST))  # where Linux shares time out by session


def end_with_parent() -> None:
    """Have the system kill a process that this one begins as soon as this one is gone, however it went."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Give how many times more: the median over the rounds, each a comparison of neighbours in time."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
