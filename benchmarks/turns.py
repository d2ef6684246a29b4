"""Runs measured programs in turn: each in a process of its own on the same core, one at work and the others idle."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS_PYTHON = ROOT / ".venv-bench/bin/python"
Env: TypeAlias = "Mapping[str, str]"
LIMIT_S = 120.0

FIRST = -15  # priority, as in nice

CORES = sorted(os.sched_getaffinity(0))
CORE = CORES[0]  # where everything is measured
OTHER_CORE = CORES[-1]  # where workers run


def note(text: str) -> None:
    """Say how far it is; the results go elsewhere."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def scratch() -> Generator[Path]:
    """Give a folder on a real disk that is gone afterwards. BENCH_TMP says where, if not in build/."""
    where = Path(os.environ.get("BENCH_TMP") or ROOT / "build")
    where.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=where, ignore_cleanup_errors=True) as made:
        yield Path(made)


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
        """Wait until it can be asked."""
        self._line()
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
    """Pin this process. With BENCH_FIRST it goes before all others of the machine, where that is allowed."""
    os.sched_setaffinity(0, {core})
    if os.environ.get("BENCH_FIRST"):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, FIRST)
            Path("/proc/self/autogroup").write_text(str(FIRST))  # where Linux shares time out by session


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Give how many times more: the median over the rounds, each a comparison of neighbours in time."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
