"""L7, S55: anchors as time goes by, and secrets that code in a worker process says in an error."""

from __future__ import annotations

import asyncio
import logging
import sys
import time

import pytest
from kit import MovedClock, agent, facts, plan, run, start

from mainstay import events as e
from mainstay import redaction
from mainstay.requests.anchoring import EVERY_S

CANARY = "k4nari-said-by-a-worker"


@pytest.fixture
def secret(monkeypatch):
    for name, value in (("_known", set()), ("_pattern", None), ("_inside", None)):
        monkeypatch.setattr(redaction, name, value)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging.lastResort, "formatter", logging.lastResort.formatter)
    redaction.remember(CANARY)


def test_s55_a_secret_that_code_in_a_worker_says_in_its_error_is_recorded_nowhere(workspace, world, secret):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(agent("a", "raise_it", CANARY)))
        return facts(owner, plan_id), standing

    recorded, standing = run(workspace, world, scenario, seconds=60)
    failures = [fact for fact in recorded if isinstance(fact, (e.AttemptFailed, e.StepStuck, e.StepFailed))]
    assert failures
    assert "ValueError: [secret]" in repr(failures)
    assert CANARY not in repr(failures) + repr(standing)


def anchored(workspace, place):
    path = workspace.root / "mainstay.toml"
    path.write_text(f'{path.read_text()}\n[anchor]\nfile = "{place}"\n')
    return type(workspace)(workspace.root)


async def until(wanted):
    """Give the owner's thread the time to write."""
    end = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.01)


async def pass_by(clock, seconds):
    """Let time pass for who waits, after all got as far as that."""
    for _ in range(2):
        for _ in range(100):
            await asyncio.sleep(0)
        clock.move(seconds / 2)
    await asyncio.sleep(0.05)


def test_l7_each_hour_in_which_something_happened_is_anchored(workspace, world, tmp_path):
    clock, file = MovedClock(), tmp_path / "anchors.txt"
    lines = []

    def count():
        return len(file.read_text().splitlines()) if file.exists() else 0

    async def scenario(owner):
        await pass_by(clock, 122)
        await until(lambda: count() == 1)
        await start(owner, plan(agent("a", "echo")))
        for seconds, expected in ((600, 1), (EVERY_S, 2), (EVERY_S, 2), (EVERY_S, 2)):
            await pass_by(clock, seconds)
            await until(lambda expected=expected: count() >= expected)
            lines.append(count())
        await start(owner, plan(agent("a", "echo")))
        await pass_by(clock, EVERY_S)
        await until(lambda: count() == 3)

    run(anchored(workspace, file), world, scenario, clock=clock)
    assert lines == [1, 2, 2, 2], "an hour in which nothing happened needs none"


def test_l7_a_place_that_fails_is_tried_again_within_the_hour_and_stops_nothing(workspace, world, tmp_path):
    clock, folder = MovedClock(), tmp_path / "stick"

    async def scenario(owner):
        told = []
        owner.engine.hearers.append(told.append)
        await pass_by(clock, 122)
        await until(lambda: told)
        _, standing = await start(owner, plan(agent("a", "echo")))
        folder.mkdir()
        await pass_by(clock, EVERY_S + 61)
        await until((folder / "anchors.txt").exists)
        await until(lambda: len(anchors(owner)) == 2)
        return told, standing["status"], anchors(owner)

    def anchors(owner):
        return [event.fact for event in owner.ledger.tail() if isinstance(event.fact, e.HistoryAnchored)]

    told, status, recorded = run(anchored(workspace, folder / "anchors.txt"), world, scenario, clock=clock)
    assert "did not reach its place (file)" in told[0]
    assert status == "completed"
    assert [(fact.places, fact.missed) for fact in recorded] == [((), ("file",)), (("file",), ())]
