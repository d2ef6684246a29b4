"""Killed while it recovers, or while it makes its lists anew: the next start is clean (FAULTS F5)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import apsw
import pytest
from ledger_samples import KEY, PROJECTIONS, append, appended, completed, proposed

from mainstay import events as e
from mainstay.ledger import database, head
from mainstay.ledger.head import HeadKeeper
from mainstay.ledger.sqlite import SqliteLedger

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
PLANS, STEPS = 60, 30

OPEN = """
import sys
from pathlib import Path
from ledger_samples import KEY, PROJECTIONS
from mainstay.ledger.head import HeadKeeper
from mainstay.ledger.sqlite import SqliteLedger
folder = Path(sys.argv[1])
print("begins", flush=True)
with SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
    keeper = HeadKeeper(folder / "ledger.db", folder / "witness.head", ledger)
    print("open", flush=True)
    for number in range(100_000):
        keeper._written = -1
        keeper.write(number)
"""


def opening(folder: Path) -> subprocess.Popen[str]:
    sources = str(HERE.parent.parent / "src")
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{sources}:{HERE}"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


@pytest.fixture
def stale(folder: Path) -> Path:
    """A history whose lists another release made, with a WAL that nobody brought in yet."""
    with SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
        for plan in range(PLANS):
            facts = [proposed(), e.PlanApproved("you"), e.PlanStarted(1)]
            facts += [completed(f"s{step}", "x" * 300) for step in range(STEPS)]
            append(ledger, appended(f"plan:{plan}", 0, *facts))
    forget_lists(folder)
    return folder


def forget_lists(folder: Path) -> None:
    connection = database.connect_writer(folder / "ledger.db", KEY)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # the WAL stays
    connection.execute("UPDATE projection SET version = 0")
    connection.close()


def test_f5_killed_while_it_recovers_or_makes_its_lists_anew_the_next_start_is_clean(stale):
    began = time.monotonic()
    process = opening(stale)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    whole_s = time.monotonic() - began
    end(process)
    pick = random.Random(5)
    for _ in range(8):
        forget_lists(stale)
        process = opening(stale)
        time.sleep(pick.uniform(0, whole_s))
        end(process)
    with SqliteLedger(stale / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
        assert ledger.head()[0] == PLANS * (STEPS + 3)
        assert ledger.verify().whole
        assert ledger.differing() == []
        keeper = HeadKeeper(stale / "ledger.db", stale / "witness.head", ledger)
        assert keeper.judge() in ("", "the file that says where it ended is missing: it was restored or copied")


def test_f5_l6_killed_while_it_writes_the_head_it_is_whole_the_one_before_or_the_one_after(stale):
    for pause in (0.0, 0.01, 0.03):
        process = opening(stale)
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        time.sleep(pause)
        end(process)
        with SqliteLedger(stale / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
            keeper = HeadKeeper(stale / "ledger.db", stale / "witness.head", ledger)
            keeper.begin(1)  # a left-over part of a file is no obstacle
            assert head.read(stale / "head").position == ledger.head()[0]
            assert keeper.judge() == ""
