"""A clock that was set is told wherever the operator looks (KERNEL P5), and the grace period can be set."""

from __future__ import annotations

import asyncio

import pytest

from mainstay import events as e
from mainstay.app import Owner
from mainstay.errors import FileError
from mainstay.workspace import Workspace


def test_p5_a_clock_that_was_set_is_told_in_the_list_of_plans_the_inbox_and_to_who_watches(desk, monkeypatch):
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, desk.env[name])
    path = desk.folder / "mainstay.toml"
    path.write_text(path.read_text() + '\n[downtime]\ngrace = "2h"\n')
    heard = []

    async def jump():
        async with Owner(Workspace(desk.folder), "test") as owner:
            owner.engine.hearers.append(heard.append)
            owner.timers.on_jump(7200)
            while not owner.ledger.read("clock"):  # noqa: ASYNC110 - what is recorded has no event of its own
                await asyncio.sleep(0.01)
            return owner.ledger.read("clock")[0].fact, owner.timers._grace_s

    assert asyncio.run(asyncio.wait_for(jump(), 60)) == (e.ClockJumped(7200, 7200), 7200)
    said = "The clock was set ahead by 2 hours"
    assert heard[0].startswith(said)
    for command in ("plans", "inbox"):
        done = desk.run(command)
        assert said in " ".join((done.stdout + done.stderr).split()), command
        assert "expires for 2 hours" in " ".join((done.stdout + done.stderr).split())


def test_p5_l8_a_clock_that_was_set_two_thousand_times_is_still_told_and_ends_nothing(desk, monkeypatch):
    for name in ("XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, desk.env[name])
    heard = []

    async def jump():
        async with Owner(Workspace(desk.folder), "test") as owner:
            drafts = [e.Draft(e.ClockJumped(7200, 900), owner.clock.now_us(), "timer")] * 2000
            await owner.ledger.append([e.Append("clock", 0, tuple(drafts))])
            owner.engine.hearers.append(heard.append)
            owner.timers.on_jump(7200)
            return len(owner.ledger.read("clock"))

    assert asyncio.run(jump()) == 2000
    assert heard[0].startswith("The clock was set ahead by 2 hours")


def test_p5_a_grace_period_that_is_no_duration_is_refused(desk):
    path = desk.folder / "mainstay.toml"
    path.write_text(path.read_text() + '\n[downtime]\ngrace = "soon"\n')
    with pytest.raises(FileError, match="grace"):
        Workspace(desk.folder)
