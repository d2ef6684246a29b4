"""All faults that are injected into real processes, by the numbers of docs/faults.md. Each plays one round."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import bounds
import deaths
import disks
import machine
import outside
import tool
from rig import NORMAL, Rig, Size

if TYPE_CHECKING:
    from collections.abc import Callable


class Fault(NamedTuple):
    """One way to go wrong. `holds` says what held when a round passed; `needs` what this machine must let us do."""

    number: str
    name: str
    holds: str
    play: Callable[[Rig], None]
    kinds: tuple[str, ...] = NORMAL
    needs: str = ""  # "mount" or "strace"
    whole: bool = True  # whether all that was acknowledged is still there at the end


AGENTS = ("vanish", "raise_it", "nonsense", "devour", "hang", "work", "thought")

ALL = (
    Fault("F3", "killed under load", "all that was acknowledged is on disk", deaths.under_load),
    Fault("F4", "killed between charge and record", "one charge per key", deaths.between_charge_and_record),
    Fault("F5", "killed while recovering", "the next start is clean", deaths.while_recovering),
    Fault("F5", "killed while upgrading lists", "the next start is clean", deaths.while_upgrading),
    Fault("F5", "killed while taking care", "nothing archived is lost", deaths.while_taking_care),
    Fault("F5", "backup and restore killed", "whole, or not there", deaths.while_backing_up),
    Fault("F6", "disk full", "a clear stop, and it goes on when there is room", disks.full, needs="mount"),
    Fault("F7", "disk fails to write or sync", "read again and gone on, or ended", disks.failing, needs="strace"),
    Fault("F8", "history damaged", "found, and nothing repaired in silence", disks.damaged),
    Fault("F8", "old copy put back", "held until the operator's word", disks.put_back, whole=False),
    Fault("F9", "limits of the process", "without files it goes on, without memory the next does", machine.limits),
    Fault("F10", "clock set", "each timer fires once, nothing expires", machine.clock, ("chain", "slow", "undone")),
    Fault("F11", "two owners", "one at a time; the other is told who", machine.two),
    Fault("F12", "owner stopped and overtaken", "its writes are refused", machine.stopped, ("slow", "book")),
    Fault("F13", "network spoiled", "bounded tries, one charge", outside.network),
    Fault("F14", "answers lost", "settled the declared way", outside.lost),
    Fault("F15", "events doubled and late", "each counts once", outside.again, ("heard", "chain")),
    Fault("F15", "asked again by a tool", "each id acts once", tool.again_and_again, ("pay", "thought")),
    Fault("F16", "bad agents", "stuck by name, the rest goes on", outside.agents, AGENTS),
    Fault("F17", "undos fail", "tried again, then asked by name", outside.undos, ("undone", "pay")),
    Fault(
        "F20",
        "killed under a budget",
        "never above it, and nothing held in the end",
        bounds.under_a_budget,
        bounds.CAPPED,
    ),
)


def title(fault: Fault) -> str:
    return f"{fault.number} {fault.name}"


def play(fault: Fault, seed: int, size: Size) -> int:
    """Play one round in a folder of its own, and judge it; gives how many faults met work under way.

    Raises AssertionError where something did not hold.
    """
    with tempfile.TemporaryDirectory(prefix="torture-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if fault.needs == "mount":
            stack.enter_context(disks.small_disk(folder / "disk"))
        rig = Rig(folder, seed, size, fault.kinds, "disk/acme" if fault.needs == "mount" else "acme")
        stack.callback(rig.close)
        fault.play(rig)
        rig.check(ended=True, whole=fault.whole)
        return rig.struck


@functools.cache
def lacks(needs: str) -> str:
    """Say why this machine can't inject something; empty when it can."""
    if needs == "strace":
        strace = shutil.which("strace")
        works = strace and not subprocess.run([strace, "-qq", "true"], capture_output=True, check=False).returncode
        return "" if works else "system calls can only be made to fail where strace may trace"
    if needs == "mount":
        if os.geteuid() != 0:
            return "a small file system can only be mounted by root"
        with tempfile.TemporaryDirectory() as folder:
            mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False)
            subprocess.run(["umount", folder], capture_output=True, check=False)
        return "this machine does not let us mount a file system" if mounted.returncode else ""
    return ""
