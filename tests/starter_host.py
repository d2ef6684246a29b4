"""The process that `starter` forks from: all of Mainstay and what it uses is loaded and was used, and none of it runs.

It reads one packet for each program: JSON and four files, which are its stdin, stdout, stderr, and where its number and
its exit status are written. A fork goes back to the module's end, so that it ends as an interpreter does.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import selectors
import socket
import sys
import tempfile
import termios
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import typer.main

import mainstay
from mainstay.cli.ending import run
from mainstay.console import render
from mainstay.ledger import passphrase
from mainstay.playbooks.shelf import LIBRARY

MOST_BYTES = 200_000  # of a packet
DEMO = LIBRARY / "demo"
FILES = (f"statement={DEMO / 'statement.xml'}", f"invoices={DEMO / 'invoices.csv'}")
WARMING = (  # what is made when it is first used is made by then, and no fork makes it anew
    ("init", "acme", "--name", "Acme"),
    ("activate", "--yes", "--workspace", "acme"),
    ("run", "billing-reconciliation", *FILES, "--json", "--workspace", "acme"),
    ("inbox", "--workspace", "acme"),
    ("plans", "--workspace", "acme"),
    ("history", "verify", "--workspace", "acme"),
)
_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")


def load() -> None:
    """Load every module of Mainstay, and what they import only when they need it."""
    for found in pkgutil.walk_packages(mainstay.__path__, "mainstay."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_bytes())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            for name in names:
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
    typer.main.get_command = functools.cache(typer.main.get_command)  # else each fork makes all commands anew
    passphrase.SCRYPT_N = 2**10  # half a second for each use otherwise; tests/ledger/test_keys.py has it as it is
    warm()


def warm() -> None:
    """Run commands in a workspace that goes again, and read all templates; whether that goes well tests say."""
    here, env = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="mainstay-warm-") as base:
        os.environ.update(HOME=base, XDG_CONFIG_HOME=f"{base}/config", XDG_RUNTIME_DIR=base)
        os.chdir(base)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for arguments in WARMING:
                run(arguments)
        os.chdir(here)
    drawing = render._environment()
    for name in drawing.list_templates():
        drawing.get_template(name)
    os.environ.clear()
    os.environ.update(env)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork would lack the other threads"


class Host:
    """Forks a program for each packet, and tells how it ended."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.ends: dict[int, tuple[int, int]] = {}  # by pidfd: the process, and where to tell how it ended
        self.selector = selectors.DefaultSelector()
        self.selector.register(control, selectors.EVENT_READ)

    def serve(self) -> dict[str, Any] | None:
        """Give what a fork is to run; None in this process, when nobody asks any more."""
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is not self.control:
                    self.bury(key.fd)
                    continue
                packet, files, _, _ = socket.recv_fds(self.control, MOST_BYTES, 4)
                if not packet:
                    return None
                wanted = json.loads(packet)
                if self.fork(files):
                    return wanted

    def fork(self, files: list[int]) -> bool:
        """Say whether this is the fork."""
        *three, told = files
        pid = os.fork()
        if not pid:
            self.forget()
            os.close(told)
            for number, file in enumerate(three):
                os.dup2(file, number)
                os.close(file)
            return True
        for file in three:
            os.close(file)
        os.write(told, f"{pid}\n".encode())
        watched = os.pidfd_open(pid)
        self.ends[watched] = pid, told
        self.selector.register(watched, selectors.EVENT_READ)
        return False

    def bury(self, watched: int) -> None:
        pid, told = self.ends.pop(watched)
        self.selector.unregister(watched)
        os.close(watched)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            os.write(told, f"{status}\n".encode())
        os.close(told)

    def forget(self) -> None:
        """Close in a fork what is the host's."""
        self.selector.close()
        self.control.close()
        for watched, (_, told) in self.ends.items():
            os.close(watched)
            os.close(told)


def become(wanted: dict[str, Any]) -> None:
    """Be the program that was asked for, and run it."""
    if wanted["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(wanted["folder"])
    coerced = {} if any(name in wanted["env"] for name in _LOCALE) else {"LC_CTYPE": os.environ.get("LC_CTYPE", "")}
    os.environ.clear()
    os.environ.update({name: value for name, value in coerced.items() if value} | wanted["env"])
    time.tzset()
    tempfile.tempdir = None  # it is looked up anew
    sys.stdin = sys.__stdin__ = _text(0, "r", sys.stdin)
    sys.stdout = sys.__stdout__ = _text(1, "w", sys.stdout)
    sys.stderr = sys.__stderr__ = _text(2, "w", sys.stderr)
    sys.argv = wanted["arguments"]
    program = sys.argv[0]
    if program == "mainstay":
        end(run(sys.argv[1:]))
    try:
        if program == "-c":
            sys.path[0] = ""
            code = sys.argv.pop(1)
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.path[0] = str(Path(program).parent)
            runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
        end(int(ended.code is not None) if not isinstance(ended.code, int) else ended.code)
    except BaseException:  # noqa: BLE001 - as an interpreter says it
        traceback.print_exc()
        end(1)
    end(0)


def end(status: int) -> None:
    """End as an interpreter does, but take nothing apart: that costs more than a command."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _text(number: int, mode: str, like: Any) -> io.TextIOWrapper:
    """Give a standard file as Python makes it at its start."""
    raw: Any = open(number, mode + "b", closefd=False)  # noqa: SIM115 - it stays open to the end
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(raw, like.encoding, like.errors, line_buffering=lines)


if __name__ == "__main__":
    load()
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.send(b"ready")
    wanted = Host(control).serve()
    if wanted is not None:
        become(wanted)
