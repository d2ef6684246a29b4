"""Owners and commands that are killed: under load, between a charge and its record, while they recover or take care."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import starter
from rig import END_S, Rig, opened

from mainstay.ledger import database, keys
from mainstay.requests.release import STREAM, reason_of
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from rig import Life

SOURCE = str(Path(__file__).parents[2] / "src")


def under_load(rig: Rig) -> None:
    """F3: killed at random moments, again and again."""
    for _ in range(rig.size.faults):
        life = rig.up()
        rig.moment(life)
        rig.strike(life)
        rig.check()
    rig.finish()


def between_charge_and_record(rig: Rig) -> None:
    """F4: killed by the service itself, after it charged and before it answers."""
    lives: list[Life] = []
    killed: list[Life] = []
    left = [rig.pick.randint(1, 4) for _ in range(rig.size.faults)]
    turn = threading.Lock()

    def charged(unit: str) -> None:
        del unit
        with turn:
            if left and lives and lives[-1] not in killed:  # one that is dead has more on its way
                left[-1] -= 1
                if not left[-1]:
                    left.pop()
                    killed.append(lives[-1])
                    lives[-1].signal(signal.SIGKILL)

    rig.books.on_charge = charged
    while left and len(lives) < 10 * rig.size.faults:
        lives.append(rig.start())
        lives[-1].end()
    rig.struck += len(killed)
    rig.finish()


def while_recovering(rig: Rig) -> None:
    """F5: killed under load, and then again and again before the next owner is up."""
    life = rig.up()
    rig.moment(life)
    rig.strike(life)
    began = time.monotonic()
    rig.up().kill()
    whole_s = time.monotonic() - began
    for _ in range(2 * rig.size.faults):
        life = rig.start()
        time.sleep(rig.pick.uniform(0, whole_s))
        rig.strike(life)
    rig.check()
    rig.finish()


def while_upgrading(rig: Rig) -> None:
    """F5: killed while it makes the lists of another release anew, over a WAL that nobody brought in yet."""
    for _ in range(rig.size.faults):
        life = rig.up()
        rig.moment(life)
        rig.strike(life)
        forget_lists(rig.workspace)
        life = rig.start()
        time.sleep(rig.pick.uniform(0, 0.3))
        rig.strike(life)
    rig.check()
    rig.finish()


def forget_lists(workspace: Workspace) -> None:
    connection = database.connect_writer(workspace.ledger, keys.load(workspace.state).database)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # the WAL stays
    connection.execute("UPDATE projection SET version = 0")
    connection.close()


def while_taking_care(rig: Rig) -> None:
    """F5: killed while it archives, collects and makes its lists anew, beside the load."""
    for _ in range(rig.size.faults):
        life = rig.up(cares=True)
        life.until_lines(len(life.lines) + rig.pick.randint(1, 40))
        rig.moment(life)
        rig.strike(life)
        rig.check()
    rig.finish(cares=True)


def while_backing_up(rig: Rig) -> None:
    """F5: a backup of a workspace at work, and a restore of it, are killed: there whole, or not at all."""
    life = rig.up()
    env = os.environ | {"PYTHONPATH": SOURCE}
    for turn in range(2 * rig.size.faults):
        file, folder = rig.folder / f"{turn}.backup", rig.folder / f"restored{turn}"
        began = time.monotonic()
        killed(rig, env, 0.5, "backup", file)
        if not file.exists():
            command(env, rig.workspace.root, "backup", file)
        killed(rig, env, time.monotonic() - began, "restore", file, folder)
        if not folder.exists():
            command(env, rig.workspace.root, "restore", file, folder)
        with opened(Workspace(folder)) as owner:
            assert owner.ledger.verify().whole
            assert owner.ledger.differing() == []
            held = reason_of(owner.ledger.read(STREAM)) or owner.heads.judge()
            assert held, "a restored history may begin nothing by itself"
        assert not [path.name for path in rig.folder.iterdir() if ".part" in path.name or "restoring" in path.name]
    life.end()
    rig.finish()


def killed(rig: Rig, env: dict[str, str], most_s: float, *arguments: object) -> None:
    files = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
    program = starter.Program(["mainstay", *arguments], folder=rig.workspace.root, env=env, files=files)
    time.sleep(rig.pick.uniform(0, most_s))
    program.kill()
    rig.struck += program.wait(END_S) < 0


def command(env: dict[str, str], folder: Path, *arguments: object) -> None:
    done = starter.run(["mainstay", *arguments], folder=folder, env=env)
    assert done.returncode == 0, done.stderr
