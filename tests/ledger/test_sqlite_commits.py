"""When and where the ledger in SQLite commits, and who goes on after it (KERNEL L5)."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import dataclass, field
from threading import current_thread
from typing import TYPE_CHECKING

from ledger_samples import KEY, append, append_all, appended, completed

from mainstay.ledger import sqlite, wal
from mainstay.ledger.people import PersonKeyring
from mainstay.ledger.reader import SqliteReader

if TYPE_CHECKING:
    from mainstay.ledger.sqlite import SqliteLedger


def test_l5_nothing_is_acknowledged_before_its_commit_and_what_arrives_meanwhile_shares_the_next(ledger, folder):
    async def work() -> tuple[bool, list[int], int]:
        with ledger.held() as connection:
            commits: list[int] = []
            connection.set_commit_hook(lambda: bool(commits.append(1)))
            waiting = [ledger.append([appended(f"plan:{n}", 0, completed())]) for n in range(50)]
            await asyncio.sleep(0.05)
            told = any(each.done() for each in waiting)
            with SqliteReader(folder / "ledger.db", KEY) as reader:
                told = told or reader.head()[0] > 0
        return told, await asyncio.gather(*waiting), len(commits)

    told, positions, commits = asyncio.run(work())
    assert not told
    assert positions == list(range(1, 51))
    assert commits == 1


def test_l5_what_can_not_wait_is_on_disk_at_once_and_who_waits_for_it_is_told_as_ever(ledger):
    async def work() -> tuple[int, bool, list[int]]:
        waiting = [ledger.append([appended(f"plan:{n}", 0, completed())]) for n in range(50)]
        ledger.flush()
        position, told = ledger.head()[0], any(each.done() for each in waiting)
        ledger.flush()  # nothing is left to do
        return position, told, await asyncio.gather(*waiting)

    assert asyncio.run(work()) == (50, False, list(range(1, 51)))


@dataclass
class CommitsSeen:
    """Watches the commits of a ledger: in which thread they are made. Its disk takes as long as one says."""

    ledger: SqliteLedger
    waits_s: float = 0.0
    threads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.ledger.held() as connection:
            connection.set_commit_hook(self.note)

    def note(self) -> bool:
        self.threads.append(current_thread().name)
        time.sleep(self.waits_s)
        return False


def test_l5_what_a_quick_disk_takes_is_committed_where_it_was_appended(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "QUICK_S", 60.0)
    commits = CommitsSeen(ledger)
    assert append_all(ledger, *(appended(f"plan:{n}", 0, completed()) for n in range(3))) == [1, 2, 3]
    assert append(ledger, appended("plan:0", 1, completed())) == 4
    assert commits.threads == ["MainThread"] * 2


def test_l5_commits_of_one_plan_follow_each_other_and_leave_the_loop_its_time(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "QUICK_S", 60.0)
    steps = 5 * sqlite.IN_A_ROW

    async def work() -> list[int]:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        rounds, seen = [0], list[int]()

        def turn() -> None:
            rounds[0] += 1
            if not ended.is_set():
                loop.call_soon(turn)

        def step(position: int, error: Exception | None) -> None:
            assert error is None
            seen.append(rounds[0])
            if position == steps:
                ended.set()
            else:
                ledger.queue([appended("plan:p", position, completed())], step)

        loop.call_soon(turn)
        ledger.queue([appended("plan:p", 0, completed())], step)
        await ended.wait()
        return seen

    seen = asyncio.run(work())
    assert len(seen) == steps
    assert [seen.count(number) for number in dict.fromkeys(seen)] == [sqlite.IN_A_ROW] * 5


def test_l5_who_awaits_a_commit_goes_on_before_anything_that_follows_is_on_disk(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "QUICK_S", 60.0)
    seen: list[str] = []

    async def work() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        awaited: asyncio.Future[int] = loop.create_future()

        def first(position: int, error: Exception | None) -> None:
            awaited.set_result(position)
            ledger.queue([appended("plan:p", 1, completed())], second)

        def second(position: int, error: Exception | None) -> None:
            seen.append("what follows")
            ended.set()

        ledger.queue([appended("plan:p", 0, completed())], first, awaited=True)
        await awaited
        seen.append("who waited")
        await ended.wait()

    asyncio.run(work())
    assert seen == ["who waited", "what follows"]


def test_l5_a_disk_that_stalls_holds_up_the_loop_once(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "QUICK_S", 0.1)
    commits = CommitsSeen(ledger, waits_s=0.5)
    for sequence in range(3):
        append(ledger, appended("plan:p", sequence, completed()))
    assert commits.threads == ["MainThread", "ledger-writer", "ledger-writer"]


def test_l5_what_was_appended_while_a_repair_has_the_connection_goes_to_the_writer(ledger, monkeypatch):
    monkeypatch.setattr(sqlite, "QUICK_S", 60.0)
    commits = CommitsSeen(ledger)

    async def work() -> int:
        with ledger.held():
            waiting = ledger.append([appended("plan:p", 0, completed())])
            for _ in range(5):  # rounds of the loop
                await asyncio.sleep(0)
            assert ledger._gathering is None
        return await waiting

    assert asyncio.run(work()) == 1
    assert commits.threads == ["ledger-writer"]


def test_l5_an_append_whose_loop_ended_keeps_no_later_one_waiting(ledger):
    async def leave() -> None:
        ledger.append([appended("plan:p", 0, completed())])

    asyncio.run(leave())
    assert append(ledger, appended("plan:q", 0, completed())) == 2


def test_l5_room_in_the_log_never_lies_over_what_another_connection_committed_meanwhile(
    ledger, folder, tmp_path, monkeypatch
):
    """Keys of people are written beside the history; a crash after that has to find them."""
    with monkeypatch.context() as before:
        before.setattr(wal, "MOST_BYTES", 0)  # so that the log has no room yet
        append(ledger, appended("plan:p", 0, completed()))
    people = PersonKeyring(folder / "ledger.db", KEY, KEY)
    measure = os.fstat

    def flush_then(file):
        found = measure(file)
        monkeypatch.setattr(os, "fstat", measure)
        made.extend(people.find((("name", f"Person {number}"),)) for number in range(500))
        people.flush()
        return found

    made = []
    room = wal.Room(folder / "ledger.db")
    monkeypatch.setattr(os, "fstat", flush_then)
    room.keep()
    shutil.copytree(folder, tmp_path / "crashed")
    room.close()
    people.close()
    with PersonKeyring(tmp_path / "crashed" / "ledger.db", KEY, KEY) as later:
        assert len(later.kinds(made)) == 500


def test_l5_commits_find_room_in_the_log_and_what_lies_behind_them_is_no_part_of_it(ledger, folder, tmp_path):
    def length() -> int:
        return (folder / "ledger.db-wal").stat().st_size

    lengths: list[int] = []
    for sequence in range(40):
        append(ledger, appended("plan:p", sequence, completed()))
        lengths.append(length())
    assert len(set(lengths)) < 8
    crashed = tmp_path / "crashed"
    shutil.copytree(folder, crashed)
    with SqliteReader(crashed / "ledger.db", KEY) as reader:
        assert reader.head() == ledger.head()
        assert reader.verify().whole
