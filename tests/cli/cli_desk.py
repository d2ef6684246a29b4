"""Commands in processes of their own, on a workspace and a configuration that are thrown away.

All of them begin loaded (`starter`). Where a new interpreter shows something of its own, `COMMAND` is the real console
script.
"""

from __future__ import annotations

import atexit
import copy
import functools
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import starter
from copies import copy_made

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

    def until(self, wanted: str, within_s: float = WAIT_S) -> str:
        """Read until a text appears; give all since the last one."""
        end = time.monotonic() + within_s
        while wanted not in self.text[self._seen :]:
            assert time.monotonic() < end, f"{wanted!r} never came:\n{self.text}"
            assert self._read(within_s), f"it ended before {wanted!r} came:\n{self.text}"
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

    def _read(self, within_s: float = WAIT_S) -> bool:
        ready, _, _ = select.select([self.file], [], [], within_s)
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
        self.standing: Any = {}  # of the reconciliation that waits, where one does
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

    def copied(self, base: Path) -> Desk:
        """Give a desk on a copy of this workspace, as far as this one came; nobody may own it meanwhile."""
        copy_made(self.folder.parent, base)
        other = Desk(base)
        other.__dict__ = copy.deepcopy(self.__dict__) | {"folder": other.folder, "env": other.env}
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

    def begun(self, *arguments: object) -> starter.Spoken:
        """Begin a command that a test goes on beside."""
        return starter.Spoken(["mainstay", *arguments], folder=self.folder, env=self.env)

    def service(self, *arguments: str) -> starter.Spoken:
        """Start the service, and wait until it answers."""
        process = self.begun("start", *arguments)
        assert "Mainstay works for" in process.stderr.readline()
        return process

    def real_service(self) -> subprocess.Popen[str]:
        """Start the service in a new interpreter, as an operator does, and wait until it answers."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*COMMAND, "start"], cwd=self.folder, env=self.env, stdout=pipe, stderr=pipe, text=True
        )
        assert process.stderr is not None
        assert "Mainstay works for" in process.stderr.readline()
        return process


def new_desk(base: Path, *, unused: bool = False) -> Desk:
    """Make a workspace; in one that is `unused` nothing happened yet, so its playbook is not active.

    All of them are copies of one that commands made: one name, one key.
    """
    copy_made(_made(unused=unused), base)
    return Desk(base)


def asked_desk(base: Path) -> Desk:
    """Make a workspace whose reconciliation waits for its first answer: `standing`, and its `question`."""
    made, standing = _asked()
    copy_made(made, base)
    desk = Desk(base)
    desk.standing = copy.deepcopy(standing)
    (desk.question,) = desk.standing["questions"]
    return desk


@functools.cache
def _made(*, unused: bool) -> Path:
    """Make a workspace with commands, once for all tests of this process; gives the folder in which it lies."""
    base = Path(tempfile.mkdtemp(prefix="mainstay-desk-"))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    desk = Desk(base)
    made = desk.run("init", desk.folder, "--name", "Acme Ltd", "--sender", "Anna Berg <anna@acme.example>", folder=base)
    assert made.returncode == 0, made.stderr
    (desk.folder / "playbooks" / "slow.yaml").write_text(SLOW)
    if not unused:
        allowed = desk.run("activate", "--yes")
        assert allowed.returncode == 0, allowed.stderr
    return base


@functools.cache
def _asked() -> tuple[Path, Any]:
    """Run the reconciliation in one, once for all tests of this process; gives the folder, and how it stands."""
    base = Path(tempfile.mkdtemp(prefix="mainstay-desk-"))
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    return base, new_desk(base).reconcile()


def stop(process: starter.Spoken | subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str, str]:
    """Send a signal; give exit status, stdout and the rest of stderr."""
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err
