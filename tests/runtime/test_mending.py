"""A disk that fails under a working owner: it stops, reads its history again, goes on (KERNEL L5; FAULTS F6).

Errors on write and on sync (F7) fall on real processes in tests/torture.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from kit import do, each, facts, make_workspace, owner_of, plan, start
from starlette.requests import Request as HttpRequest

from mainstay import events as e
from mainstay.console.decisions import Decisions
from mainstay.errors import CommitFailedError, DiskFullError, LedgerError
from mainstay.kernel.graph import Literally, Step
from mainstay.ledger import trouble, wal
from mainstay.requests.links import make_link
from mainstay.requests.news import NOTICE
from mainstay.runtime import mending
from mainstay.runtime.intake import Request

if TYPE_CHECKING:
    from pathlib import Path

WAIT_S = 30
NAP = Step(name="nap", kind="wait", until=Literally("2099-01-01T00:00:00+00:00"))
WORDS = [f"word{number}" for number in range(40)]


class Disk:
    """A small file system of its own, with a ballast that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, leave: int = 0) -> None:
        size = shutil.disk_usage(self.folder).free - leave
        with contextlib.suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as file:
            file.write(bytes(max(0, size)))
            while not leave:
                file.write(bytes(4096))

    def empty(self) -> None:
        (self.folder / "ballast").unlink()


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    yield Disk(folder)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(mending, "LOOK_S", 0.05)
    monkeypatch.setattr(wal, "MOST_BYTES", 0)  # or a full disk still has room for a while
    monkeypatch.setattr(mending, "PAUSES_S", (0.0, 0.05, 0.05, 0.05))


def play(workspace, world, scenario):
    async def inside():
        async with owner_of(workspace, world) as owner:
            heard: list[str] = []
            owner.engine.hearers.append(heard.append)
            return await scenario(owner, heard)

    return asyncio.run(asyncio.wait_for(inside(), WAIT_S))


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - a test looks from outside
        await asyncio.sleep(0.02)


async def fill_up(owner) -> None:
    """Write facts until there is no room left."""
    for sequence in range(2000):
        draft = e.Draft(e.StepCompleted("x", "y" * 60_000), 1, "test")
        await owner.ledger.append([e.Append("filler", sequence, (draft,))])


def test_l5_f6_a_full_disk_stops_the_owner_with_a_clear_word_and_it_goes_on_by_itself(disk, world):
    workspace = make_workspace(disk.folder / "w")

    async def scenario(owner, heard):
        await owner.engine.parts.ledger.append([])
        disk.fill(leave=600_000)  # room for a part of it, so that it runs out in the middle
        plan_id, committed = owner.requests.propose(plan(each(do("say", "test.say", ""))), {"words": WORDS})
        await committed
        following = asyncio.create_task(owner.requests.follow(plan_id, lambda _: None))
        growing = asyncio.create_task(grow(owner))
        await until(lambda: owner.engine.trouble)
        await growing
        await until(lambda: heard)
        assert "is full: free " in heard[0]
        before = world.words()
        await asyncio.sleep(0.3)
        assert world.words() == before, "something was done that can't be recorded"
        disk.empty()
        standing = await following
        assert heard[-1] == mending.GOES_ON
        assert standing["status"] == "completed"
        assert owner.ledger.verify().whole
        assert owner.ledger.differing() == []
        return facts(owner, plan_id, e.EffectDone)

    async def grow(owner):
        with pytest.raises(LedgerError) as caught:
            await fill_up(owner)
        owner.engine.fail(caught.value)

    done = play(workspace, world, scenario)
    assert world.words() == sorted(WORDS)
    assert all(len(calls) == 1 for calls in world.calls().values()), "something happened twice"
    assert len(done) == len(WORDS)


def test_l5_f6_an_outcome_that_met_a_full_disk_is_recorded_when_there_is_room(disk, world):
    """What came back from outside is kept and recorded as it was: no doubt is made up about it."""
    workspace = make_workspace(disk.folder / "w")

    async def scenario(owner, heard):
        original = owner.ledger.queue

        def queue(appends, told, **how):
            if any(isinstance(draft.fact, e.EffectDone) for one in appends for draft in one.drafts):
                owner.ledger.queue = original
                disk.fill()
            original(appends, told, **how)

        owner.ledger.queue = queue
        following = asyncio.create_task(start(owner, plan(do("whisper", "test.whisper", "once"))))
        await until(lambda: heard)
        disk.empty()
        plan_id, standing = await following
        assert standing["status"] == "completed"
        return [type(fact) for fact in facts(owner, plan_id)]

    kinds = play(workspace, world, scenario)
    assert e.EffectUncertain not in kinds
    assert kinds.count(e.EffectDone) == 1
    assert world.words() == ["once"]


def test_f6_a_request_that_meets_a_full_disk_says_so_and_the_next_waits_for_room(disk, world):
    workspace = make_workspace(disk.folder / "w")

    async def scenario(owner, heard):
        plans = [owner.requests.propose(plan(NAP), {}) for _ in "ab"]
        first, second = [plan_id for plan_id, committed in plans if await committed]
        await until(lambda: owner.engine.is_settled(first) and owner.engine.is_settled(second))
        disk.fill()
        with pytest.raises(DiskFullError, match="full"):
            await owner.requests.answer(Request("cancel", {"plan": first}), True, lambda _: None)
        await until(lambda: heard)
        told: list[dict[str, str]] = []
        waiting = asyncio.create_task(owner.requests.answer(Request("cancel", {"plan": second}), True, told.append))
        await until(lambda: told)
        assert (told[0]["kind"], "is full: free 17 MB" in told[0]["says"]) == (NOTICE, True)
        disk.empty()
        return (await waiting)["status"], owner.engine.load(first).status

    assert play(workspace, world, scenario) == ("cancelled", "running")


def test_f6_f18_an_answer_by_a_link_that_meets_a_full_disk_is_asked_for_again_once_there_is_room(disk, world):
    workspace = make_workspace(disk.folder / "w")

    async def scenario(owner, heard):
        pages = Decisions(owner)
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        link = make_link(owner.requests, standing["questions"][0], seconds=60)
        disk.fill()
        lost = await pages.decide(request(link, b"choice=approve"))
        await until(lambda: heard)
        waits = await pages.show(request(link))
        disk.empty()
        await owner.engine.whole()
        shown, words = await pages.show(request(link)), world.words()
        given = await pages.decide(request(link, b"choice=approve"))
        await owner.requests.follow(plan_id, lambda _: None)
        return [reply.status_code for reply in (lost, waits, shown, given)], words, bytes(lost.body)

    statuses, words, said = play(workspace, world, scenario)
    assert (statuses, words, world.words()) == ([503, 503, 200, 200], [], ["hello"])
    assert b"is being found out" in said


def request(link: str, body: bytes = b"") -> HttpRequest:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return HttpRequest({"type": "http", "method": "POST", "headers": [], "path_params": {"link": link}}, receive)


def test_l5_a_history_that_can_not_be_read_again_ends_the_owner_with_its_reason(disk, world):
    workspace = make_workspace(disk.folder / "w")

    async def scenario(owner, heard):
        disk.fill()
        with pytest.raises(DiskFullError):
            owner.requests.propose(plan(do("first", "test.say", "one")), {"words": []})
        with pytest.raises(DiskFullError) as caught:
            await fill_up(owner)
        owner.engine.fail(caught.value)
        await until(lambda: heard)
        workspace.ledger.unlink()
        disk.empty()
        assert "The history is missing" in str(await owner.engine.failed)

    play(workspace, world, scenario)
    assert world.words() == []


def test_f6_the_room_that_is_missing_is_named_in_bytes(disk):
    assert trouble.room_missing(disk.folder) == 0
    disk.fill()
    assert trouble.room_missing(disk.folder) == trouble.ROOM_BYTES


def test_l5_a_disk_that_fails_again_as_plans_are_resumed_is_mended_again(workspace, world):
    """What fails while work is taken up after a mending belongs to no mending that is still under way."""

    async def scenario():
        async with owner_of(workspace, world) as owner:
            work, resumed, told, again = owner.mending.on_mended, [], [], asyncio.Event()
            owner.engine.hearers.append(told.append)

            def fails_once():
                resumed.append(1)
                if len(resumed) == 1:
                    owner.engine.fail(CommitFailedError("The disk failed once more."))
                else:
                    again.set()
                work()

            owner.mending.on_mended = fails_once
            owner.engine.fail(CommitFailedError("The disk failed."))
            await asyncio.wait_for(owner.engine.whole(), WAIT_S)
            await again.wait()  # whole for a moment in between
            _, done = await start(owner, plan(do("a", "test.say", "one")))
            return done["status"], len(resumed), told.count(mending.GOES_ON)

    assert asyncio.run(asyncio.wait_for(scenario(), WAIT_S)) == ("completed", 2, 1)
