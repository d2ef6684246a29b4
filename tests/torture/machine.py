"""The machine under an owner: its limits, its clock, a second owner, and a process that stood still."""

from __future__ import annotations

import resource
import signal
import time
from pathlib import Path

from rig import Life, Rig, opened

from mainstay import events as e
from mainstay.ledger import queries

DAY_S = 86_400
MONTH_S = 30 * DAY_S


def limits(rig: Rig) -> None:
    """F9: without memory an owner may die in any way, and the next goes on; without file descriptors it goes on itself.

    Python and the libraries in it can't work without any memory: they raise, abort, or never come back.
    """
    for _ in range(rig.size.faults):
        life = rig.up(quiet=True)
        rig.moment(life, 1.0)
        tight(rig, life, resource.RLIMIT_AS)
        life.until_over(3.0)
        life.kill()
        rig.check()
    life = rig.up()
    for _ in range(rig.size.faults):
        rig.moment(life, 1.0)
        tight(rig, life, resource.RLIMIT_NOFILE)
    assert life.end() == 0, f"it did not go on: {life.lines[-5:]}"
    assert life.said("ended")
    rig.finish()


def tight(rig: Rig, life: Life, what: int) -> None:
    """Let a process have hardly more than it has, for a while."""
    pid, alive = life.pid, life.alive
    try:
        before = resource.prlimit(pid, what)
        has = len([*Path(f"/proc/{pid}/fd").iterdir()]) if what == resource.RLIMIT_NOFILE else pages(pid)
        more = rig.pick.randint(0, 2) if what == resource.RLIMIT_NOFILE else rig.pick.randint(0, 1024 * 1024)
        resource.prlimit(pid, what, (has + more, before[1]))
        time.sleep(rig.pick.uniform(0.1, 0.5))
        resource.prlimit(pid, what, before)
        rig.struck += alive
    except (ProcessLookupError, FileNotFoundError):
        return


def pages(pid: int) -> int:
    """Give the size of a process's memory, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def clock(rig: Rig) -> None:
    """F10: the wall clock is set, back a day and forward a month, while plans sleep: each wakes once, none expires."""
    for _ in range(rig.size.faults):
        life = rig.up()
        rig.moment(life, 0.5)  # where it was set before, all may sleep
        rig.struck += life.alive
        rig.set_clock(rig.pick.choice((-DAY_S, -3600, 3600, DAY_S, MONTH_S)))
        rig.moment(life, 0.5)
        if rig.pick.random() < 0.5:
            life.kill()
            rig.check()
        rig.set_clock(0)
        life.kill()
    rig.set_clock(2 * MONTH_S)  # what began to sleep while the clock was ahead sleeps until then
    rig.finish()
    with opened(rig.workspace) as owner:
        for row in owner.ledger.rows(queries.PLANS, (10**6, 0)):
            woken = [one.fact.path for one in owner.ledger.read(f"plan:{row[0]}") if isinstance(one.fact, e.WaitEnded)]
            assert len(woken) == len(set(woken)), f"a wait ended twice: {woken}"


def two(rig: Rig) -> None:
    """F11: others want the workspace too: one owner at a time, and the others are told who it is."""
    for _ in range(rig.size.faults):
        both = [rig.start(), rig.start()]
        while not any(life.said("up") for life in both):
            time.sleep(0.01)
            assert any(life.alive for life in both), [life.lines for life in both]
        owner, other = sorted(both, key=lambda life: not life.said("up"))
        other.end()
        if not other.said("up"):  # else the first one had ended by then
            (says,) = other.said("gave up:")
            assert f"Process {owner.pid} " in says or owner.said("ended"), says
            rig.struck += 1
        rig.moment(owner)
        owner.kill()
        rig.check()
    rig.finish()


def stopped(rig: Rig) -> None:
    """F12: an owner stands still, its lock is taken, another works; when it moves again its writes are refused."""
    for _ in range(rig.size.faults):
        first = rig.up()
        rig.moment(first)
        first.signal(signal.SIGSTOP)
        if not first.alive:
            continue
        refused = rig.start()
        refused.end()
        (says,) = refused.said("gave up:")
        assert f"Process {first.pid} " in says
        (rig.workspace.state / "owner.lock").unlink()  # as a network disk that forgets locks, or a hasty hand
        second = rig.start()  # it waits for the history as long as the first one stands still in the middle of a write
        second.until_lines(rig.pick.randint(2, 2 * rig.size.plans), 2.0)
        first.signal(signal.SIGCONT)
        second.end()
        first.until_over(2.0)  # one that sleeps has nothing to write, and does not learn that it was overtaken
        first.kill()
        rig.struck += bool(first.said("gave up:")) + bool(second.said("gave up:"))
        rig.check()
    rig.finish()
