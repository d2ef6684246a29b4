"""What is measured over several lives of one workspace: plans that wait, and a process that is killed."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from turns import CORE, OTHER_CORE, Subject, take_place

from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path
WAITING = "mainstay_waiting.py"
KILL = "mainstay_kill.py"
PLANS = 1000
LISTS = ("plans", "plans --open", "inbox", "stuck", "playbook list")
OPEN_LIMIT_S = 60.0


def begin_filling(folder: Path, count: int, seconds: float) -> Subject:
    """Let plans come to wait, on the other core; `fill.answer()` says how many there are."""
    fill = Subject(WAITING, folder / "many", core=OTHER_CORE, log="-fill", limit_s=seconds + 60).ready()
    fill.send("fill", count=count, seconds=seconds)
    return fill


def waiting(folder: Path, fill: Subject, *, idle_s: float, rulings: int) -> dict[str, Any]:
    """Hold a new owner of many waiting plans against one of an empty history; both did nothing but open it."""
    count = fill.answer()["waiting"]
    fill.kill()
    with Subject(WAITING, folder / "none", log="-none") as none:
        empty = none.ready().ask("rest", seconds=0.1)
    with Subject(WAITING, folder / "many", log="-many") as many:
        full = many.ready().ask("rest", seconds=idle_s)
        ruled = many.ask("rule", count=rulings) if rulings else {}
    assert full["waiting"] == count, f"{count} plans waited, {full['waiting']} still do"
    each_kb = (full["rss_kb"] - empty["rss_kb"]) / count
    return {**ruled, "waiting": count, "waiter_kb": each_kb, "idle_cpu_percent": full["idle_cpu_percent"]}


def lists(folder: Path) -> dict[str, float]:
    """Time the commands that list, in a workspace of many waiting plans; seconds, the start of Python included."""
    many, took = folder / "many", dict[str, float]()
    for command in LISTS:
        began_s = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "mainstay.cli", *command.split()],
            cwd=many / "workspace",
            env={**os.environ, "XDG_CONFIG_HOME": str(many / "config")},
            stdout=subprocess.DEVNULL,
            preexec_fn=partial(take_place, CORE),
            check=True,
        )
        took[f"{command}_s"] = round(time.monotonic() - began_s, 3)
    return took


def killed(folder: Path, plans: int = PLANS) -> dict[str, Any]:
    """Kill an owner with plans in flight; seconds from the next one's open socket to the last plan's next fact."""
    with Subject(KILL, folder, log="-first") as first:
        in_flight = first.ready().ask("begin", count=plans)["plans"]
        first.kill()
    assert in_flight == plans, f"only {in_flight} plans were in flight"
    with Subject(KILL, folder, log="-second") as second:
        second.ready()
        began_s = time.monotonic()
        second.send("go on", count=plans)
        open_s = _socket_open(Workspace(folder / "workspace").socket)
        answer = second.answer()
    assert answer["moved"] == plans
    return {"resume_1000_s": answer["last_at_s"] - open_s, "socket_open_s": open_s - began_s}


def _socket_open(path: Path) -> float:
    """Wait until an owner listens; gives when, on the machine's own clock."""
    until = time.monotonic() + OPEN_LIMIT_S
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
            probe.connect(str(path))
            return time.monotonic()
        time.sleep(0.001)
    raise RuntimeError("The restarted owner opened no socket.")
