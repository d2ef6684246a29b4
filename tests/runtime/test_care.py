"""L8: the owner collects and archives once a day by itself, off its loop."""

from __future__ import annotations

import asyncio

import pytest
from kit import do, plan, rule, run, start

from mainstay.errors import FileError
from mainstay.ledger.segments import is_stub
from mainstay.requests.care import FIRST_CARE_S, care_daily
from mainstay.values import DAY_S
from mainstay.workspace import Workspace

BODIES = "SELECT body FROM event"


class QuickClock:
    """Days pass at once, as many as are allowed; then time stands still."""

    def __init__(self, owner, days: int) -> None:
        self._owner, self._left = owner, days
        self.slept: list[float] = []
        self.stands = asyncio.Event()

    def now_us(self) -> int:
        return self._owner.clock.now_us() + 2 * DAY_S * 1_000_000

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._left -= 1
        if self._left < 0:
            self.stands.set()
            await asyncio.Event().wait()


async def cared(owner, archive_after_s, days=1):
    owner.requests.clock = clock = QuickClock(owner, days)
    care = asyncio.create_task(care_daily(owner.requests, archive_after_s))
    await clock.stands.wait()
    care.cancel()
    return clock.slept


def test_l8_a_day_of_care_collects_and_archives(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "one")))
        done = await rule(owner, standing["questions"][0], "approve")
        assert done["status"] == "completed"
        loose = owner.payloads.raw.put(b"never named" * 999)
        before = list(owner.ledger.tail())
        slept = await cared(owner, DAY_S)
        assert slept == [FIRST_CARE_S, DAY_S]
        assert any(is_stub(row[0]) for row in owner.ledger.rows(BODIES))
        assert list(owner.ledger.tail()) == before
        return loose.digest

    digest = run(workspace, world, scenario)
    assert not (workspace.blobs / digest[:2] / digest[2:]).exists()


def test_l8_nothing_is_archived_where_the_operator_wants_none(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "one")))
        await rule(owner, standing["questions"][0], "approve")
        await cared(owner, None)
        return any(is_stub(row[0]) for row in owner.ledger.rows(BODIES))

    assert run(workspace, world, scenario) is False


def test_l8_care_that_fails_is_said_and_tried_again_the_next_day(workspace, world):
    async def scenario(owner):
        heard = []
        owner.engine.hearers.append(heard.append)
        _, standing = await start(owner, plan(do("a", "test.shout", "one")))
        await rule(owner, standing["questions"][0], "approve")
        await cared(owner, DAY_S)
        loose = owner.payloads.raw.put(b"never named" * 999)
        segment = owner.ledger.segments.path(1)
        segment.rename(segment.with_suffix(".away"))
        owner.ledger.reader.segments._indexes.clear()
        owner.ledger.reader.segments._chunks.clear()
        await cared(owner, DAY_S)
        segment.with_suffix(".away").rename(segment)
        assert (workspace.blobs / loose.digest[:2] / loose.digest[2:]).exists(), "what can't be read may name it"
        await cared(owner, DAY_S)
        assert not (workspace.blobs / loose.digest[:2] / loose.digest[2:]).exists()
        return heard

    (said,) = run(workspace, world, scenario)
    assert said.startswith(
        "The daily care of the history was left out: The archived part 000001 of the history is missing"
    )
    assert "Restore" in said


def test_l8_a_time_in_mainstay_toml_that_is_none_is_named(workspace):
    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + '\n[history]\narchive_after = "soon"\n')
    with pytest.raises(FileError, match=r"archive_after: 'soon' is not a duration"):
        Workspace(workspace.root)
