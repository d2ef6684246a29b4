"""Programs in processes of their own that begin where Python and Mainstay are already loaded.

To start Python and load Mainstay takes a processor most of a second, and the tests run a thousand commands. So one
process loads all of it once (`starter_host.py`), and each program is a fork of that: a process like any other, with
arguments, environment, folder, files, terminal, signals and exit status of its own. What only a new interpreter can
show (the console script, what is loaded and when) is shown by tests that start one.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOST = Path(__file__).with_name("starter_host.py")
SOURCE = Path(__file__).parents[1] / "src"


class Program:
    """A program that was begun: `mainstay`, a file of Python, or `-c` and what that would say."""

    def __init__(
        self,
        arguments: Sequence[object],
        *,
        folder: Path,
        env: Mapping[str, str],
        files: Sequence[int],
        terminal: bool = False,
    ) -> None:
        """Begin the first of the arguments in a folder, with exactly this environment.

        `files` are its stdin, stdout and stderr; they are closed here. `terminal` says that they are one, and its own.
        """
        self.arguments = [str(each) for each in arguments]
        self._told, tells = os.pipe()
        self._status: int | None = None
        wanted = {"arguments": self.arguments, "folder": str(folder), "env": dict(env), "terminal": terminal}
        socket.send_fds(_host(), [json.dumps(wanted).encode()], [*files, tells])
        for file in {*files, tells}:
            os.close(file)
        self.pid = self._number()

    def wait(self, timeout: float) -> int:
        """Give the exit status, that of a signal negative. Raises subprocess.TimeoutExpired."""
        if self._status is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._told, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired(self.arguments, timeout)
            self._status = self._number()
            os.close(self._told)
        return self._status

    def kill(self) -> None:
        """End it at once, when it lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
            return
        with contextlib.suppress(ProcessLookupError):  # it ended just now
            os.kill(self.pid, signal.SIGKILL)

    def _number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            more = os.read(self._told, 1)
            assert more, "the process that forks programs has ended"
            line += more
        return int(line)


class Script(Program):
    """A file of Python that was begun with this process's environment; what it says can be read from `stdout`."""

    def __init__(self, *arguments: object) -> None:
        """Begin it; its mistakes are said on our stderr."""
        heard, says = os.pipe()
        files = (os.open(os.devnull, os.O_RDONLY), says, os.dup(2))
        super().__init__(arguments, folder=Path.cwd(), env=os.environ, files=files)
        self.stdout = os.fdopen(heard)

    def rest(self, timeout: float) -> str:
        """Give what else it says, once it ended; it is killed when it takes too long."""
        alarm = threading.Timer(timeout, self.kill)
        alarm.start()
        with self.stdout:
            said = self.stdout.read()
        alarm.cancel()
        self.wait(timeout)
        return said


class Spoken(Program):
    """A program that runs beside a test, which reads what it says from `stdout` and `stderr`: like subprocess.Popen."""

    def __init__(self, arguments: Sequence[object], *, folder: Path, env: Mapping[str, str]) -> None:
        """Begin it; nobody answers it."""
        (out, outs), (err, errs) = os.pipe(), os.pipe()
        super().__init__(arguments, folder=folder, env=env, files=(os.open(os.devnull, os.O_RDONLY), outs, errs))
        self.stdout, self.stderr = os.fdopen(out), os.fdopen(err)

    def send_signal(self, number: int) -> None:
        """Send it a signal, when it lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Give the rest of what it says on both, once it ended. Raises subprocess.TimeoutExpired."""
        said = ["", ""]

        def read() -> None:
            said[0] = self.stdout.read()

        reading = threading.Thread(target=read)
        alarm = threading.Timer(timeout, self.kill)
        reading.start()
        alarm.start()
        said[1] = self.stderr.read()
        reading.join()
        late = not alarm.is_alive()
        alarm.cancel()
        self.close()
        if late:
            raise subprocess.TimeoutExpired(self.arguments, timeout, *said)
        self.wait(timeout)
        return said[0], said[1]

    def close(self) -> None:
        """Listen no more."""
        self.stdout.close()
        self.stderr.close()

    @property
    def returncode(self) -> int:
        """The exit status of one that ended."""
        return self.wait(0)


def run(
    arguments: Sequence[object],
    *,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and until nothing holds its output: like subprocess.run."""
    (given, give), (out, outs), (err, errs) = (os.pipe() for _ in range(3))
    env = os.environ if env is None else env
    program = Program(arguments, folder=folder or Path.cwd(), env=env, files=(given, outs, errs))
    end = time.monotonic() + timeout
    read: dict[int, bytearray] = {out: bytearray(), err: bytearray()}
    with selectors.DefaultSelector() as selector, os.fdopen(give, "wb") as file:
        file.write(stdin.encode())  # a pipe holds what tests say
        file.close()
        for each in read:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(end - time.monotonic())
            if not ready:
                program.kill()
                raise subprocess.TimeoutExpired(program.arguments, timeout, bytes(read[out]), bytes(read[err]))
            for key, _ in ready:
                more = os.read(key.fd, 65536)
                read[key.fd] += more
                if not more:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    said, told = (bytes(each).decode() for each in read.values())
    return subprocess.CompletedProcess(program.arguments, program.wait(end - time.monotonic()), said, told)


def beforehand() -> None:
    """Start the process that programs are forked from now: signals that are blocked just now never reach them."""
    _host()


@functools.cache
def _host() -> socket.socket:
    """Start the process that all programs of this one are forked from; give where it is asked."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, HOST, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "PYTHONWARNINGS": "error",
            "OPENBLAS_NUM_THREADS": "1",
        },
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    assert ours.recv(16), "the process that forks programs did not start"
    atexit.register(end)
    return ours
