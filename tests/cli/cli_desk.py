"""Commands in processes of their own, on a workspace and a configuration that are thrown away.

What is run to its end or at a terminal begins loaded (`starter`); a service, and what is killed, is the real console
script.
"""

from __future__ import annotations

import copy
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import starter

from mainstay.playbooks.shelf import LIBRARY

ROOT = Path(__file__).parents[2]
DEMO = LIBRARY / "demo"
STATEMENT, INVOICES = DEMO / "statement.xml", DEMO / "invoices.csv"
WAIT_S = 30.0
_SCRIPT = Path(sys.executable).with_name("mainstay")
COMMAND = [str(_SCRIPT)] if _SCRIPT.exists() else [sys.executable, "-m", "mainstay.cli"]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

# A plan that is under way for as long as a test wants to look at it.
SLOW = 'playbook: slow\ntitle: "Wait a while"\nsteps:\n  nap: {wait: {until: 60s}}\n'


class Terminal:
    """A command at a terminal of its own, answered as a person would."""

    def __init__(self, arguments: list[str], folder: Path, env: dict[str, str]) -> None:
        self.file, theirs = pty.openpty()
        screen = {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
        self._program = starter.Program(arguments, folder=folder, env=env | screen, files=[theirs] * 3, terminal=True)
        self.text = ""
        self._seen = 0

    def until(self, wanted: str) -> str:
        """Read until a text appears; give all since the last one."""
        end = time.monotonic() + WAIT_S
        while wanted not in self.text[self._seen :]:
            assert time.monotonic() < end, f"{wanted!r} never came:\n{self.text}"
            assert self._read(), f"it ended before {wanted!r} came:\n{self.text}"
        found = self.text.index(wanted, self._seen) + len(wanted)
        said, self._seen = self.text[self._seen : found], found
        return said

    def type(self, line: str) -> None:
        os.write(self.file, line.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until it is noticed: Python's input() misses one that comes just before it begins to read."""
        for _ in range(int(WAIT_S / 3)):
            before = len(self.text)
            self.type("\x03")
            while select.select([self.file], [], [], 3.0)[0]:
                if not self._read() or self.text[before:].strip("^C\n"):
                    return

    def status(self) -> int:
        """Read to the end and give the exit status."""
        while self._read():
            pass
        return self._program.wait(WAIT_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.file], [], [], WAIT_S)
        assert ready, f"it hangs:\n{self.text}"
        try:
            data = os.read(self.file, 65536)
        except OSError:  # what Linux says at the end of a terminal
            data = b""
        self.text += _ESCAPES.sub("", data.decode(errors="replace")).replace("\r", "")
        return bool(data)


class Desk:
    """An operator's desk: one workspace, and the commands on it."""

    def __init__(self, base: Path) -> None:
        self.folder = base / "acme"
        self.question = ""  # the one that waits, where a fixture asked it
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(base),
            "XDG_CONFIG_HOME": str(base / "config"),
            "XDG_RUNTIME_DIR": str(base / "run"),
            "PYTHONPATH": str(ROOT / "src"),
            "PYTHONWARNINGS": "error",
            "TZ": "UTC",
        }
        (base / "run").mkdir(mode=0o700)

    def elsewhere(self, folder: Path) -> Desk:
        """Give the same operator's desk on another workspace."""
        other = copy.copy(self)
        other.folder, other.question = folder, ""
        return other

    def run(self, *arguments: object, stdin: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        begun = ["mainstay", *arguments]
        return starter.run(begun, folder=folder or self.folder, env=self.env, stdin=stdin, timeout=WAIT_S)

    def json(self, *arguments: object, status: int = 0, stdin: str = "") -> Any:
        """Run a command with --json: its document, after checking that stdout holds nothing else."""
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == status, done.stderr
        assert done.stdout.isascii()
        return json.loads(done.stdout)

    def reconcile(self, *more: object, status: int = 3) -> Any:
        """Start the demo's reconciliation; the first time in a workspace, say yes to how its files are read."""
        inputs = (f"statement={STATEMENT}", f"invoices={INVOICES}", *more)
        return self.checked(self.json("run", "billing-reconciliation", *inputs, status=3), status)

    def checked(self, standing: Any, status: int = 3) -> Any:
        """Say yes to how the files of a plan are read, if that is asked."""
        (question,) = standing["questions"]
        if self.json("decide", question, status=3)["actions"] != ["check"]:
            return standing
        return self.json("decide", question, "approve", status=status)

    def terminal(self, *arguments: object) -> Terminal:
        return Terminal(["mainstay", *map(str, arguments)], self.folder, self.env)

    def service(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the service, and wait until it answers."""
        process = subprocess.Popen(
            [*COMMAND, "start", *arguments],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert "Mainstay works for" in process.stderr.readline()
        return process


def new_desk(base: Path, *, unused: bool = False) -> Desk:
    """Make a workspace; in one that is `unused` nothing happened yet, so its playbook is not active."""
    desk = Desk(base)
    made = desk.run("init", desk.folder, "--name", "Acme Ltd", "--sender", "Anna Berg <anna@acme.example>", folder=base)
    assert made.returncode == 0, made.stderr
    (desk.folder / "playbooks" / "slow.yaml").write_text(SLOW)
    if not unused:
        allowed = desk.run("activate", "--yes")
        assert allowed.returncode == 0, allowed.stderr
    return desk


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    """Send a signal; give exit status, stdout and the rest of stderr."""
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err
