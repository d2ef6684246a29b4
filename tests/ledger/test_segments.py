"""L8: bodies of plans that ended long ago lie in segments, and nobody notices but the disk."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, NOW_US, append, appended, completed, proposed

from mainstay import events as e
from mainstay.errors import CommitFailedError, LedgerError
from mainstay.ledger import archive as archives
from mainstay.ledger import database
from mainstay.ledger.archive import archive
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.segments import Segments, is_stub, stub
from mainstay.values import BlobRef, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.ledger.sqlite import SqliteLedger

CANARY = "canary-77ab01 " * 20
VALUE = {"list": [1.5, CANARY, BlobRef("cd" * 32, 5), Sealed("k", b"n", b"c")]}
LATER_US = NOW_US + 1


def live(ledger: SqliteLedger, name: str) -> None:
    append(ledger, appended(f"plan:{name}", 0, proposed(CANARY), e.PlanApproved("you"), e.PlanStarted(1)))
    append(ledger, appended(f"plan:{name}", 3, completed(f"a {name}", VALUE)))


def ended(ledger: SqliteLedger, name: str, at_us: int = NOW_US) -> None:
    live(ledger, name)
    append(ledger, appended(f"plan:{name}", 4, e.PlanCompleted(), at_us=at_us))


def bodies(ledger: SqliteLedger, stream: str) -> list[bytes]:
    sql = "SELECT e.body FROM event e JOIN stream s ON s.id = e.stream WHERE s.name = ? ORDER BY e.sequence"
    return [row[0] for row in ledger.rows(sql, (stream,))]


def test_l8_bodies_of_old_plans_move_and_are_read_as_before(ledger, folder):
    ended(ledger, "old")
    live(ledger, "young")
    before = list(ledger.tail())
    head = ledger.head()
    done = archive(ledger, LATER_US)
    assert (done.plans, done.events) == (1, 2)
    assert [is_stub(body) for body in bodies(ledger, "plan:old")] == [True, False, False, True, False]
    assert not any(map(is_stub, bodies(ledger, "plan:young")))
    assert list(ledger.tail()) == before
    assert ledger.read("plan:old") == [event for event in before if event.stream == "plan:old"]
    assert ledger.head() == head
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        assert list(reader.tail()) == before


def test_l8_l2_the_chain_verifies_over_archived_bodies(ledger):
    ended(ledger, "old")
    records = ledger.head()[0]
    archive(ledger, LATER_US)
    found = ledger.verify()
    assert found.whole
    assert found.records == records


def test_l8_plans_that_ended_later_or_not_at_all_stay(ledger):
    ended(ledger, "old")
    assert archive(ledger, NOW_US) == archives.Archived(0, 0, 0, 0)
    assert ledger.segments.numbers() == []


def test_l8_archiving_again_moves_only_what_is_new(ledger):
    ended(ledger, "old")
    archive(ledger, LATER_US)
    assert archive(ledger, LATER_US).events == 0
    append(ledger, appended("plan:old", 5, e.UndoRequested("you", CANARY), e.PlanUndone()))
    assert archive(ledger, LATER_US).events == 1
    assert ledger.segments.numbers() == [1, 2]
    assert ledger.read("plan:old")[5].fact == e.UndoRequested("you", CANARY)


def test_l8_a_run_after_another_looks_only_at_what_ended_or_changed_since(ledger):
    ended(ledger, "old", at_us=NOW_US)
    ended(ledger, "later", at_us=NOW_US + 10)
    append(ledger, appended("plan:open", 0, proposed(CANARY), e.PlanStarted(1), at_us=NOW_US))
    last = archives.Run(NOW_US + 5, ledger.head()[0])
    found = [row[0] for row in ledger.rows(archives.OLD_PLANS, (NOW_US + 5, *archives.NONE_YET))]
    assert found == ["old"]
    assert ledger.rows(archives.OLD_PLANS, (NOW_US + 5, *last)) == []
    append(ledger, appended("plan:open", 2, e.PlanCompleted(), at_us=NOW_US))
    found = [row[0] for row in ledger.rows(archives.OLD_PLANS, (NOW_US + 20, *last))]
    assert found == ["later", "open"], "an end that a wrong clock put before the last run counts too"
    assert archive(ledger, NOW_US + 20, last=last).plans == 2
    assert archive(ledger, LATER_US).plans == 1


def test_l8_segments_are_sealed_and_read_only(ledger):
    ended(ledger, "old")
    archive(ledger, LATER_US)
    path = ledger.segments.path(1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert b"canary" not in path.read_bytes()
    with pytest.raises(LedgerError, match="another key"):
        Segments(path.parent.parent, bytes(32)).whole(1, bodies(ledger, "plan:old")[0])


@pytest.mark.parametrize("where", [0, 20, -20, -1])
def test_l8_l7_a_segment_that_was_altered_is_named(ledger, folder, where):
    ended(ledger, "old")
    archive(ledger, LATER_US)
    path = ledger.segments.path(1)
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        with pytest.raises(LedgerError, match="part 000001 of the history"):
            reader.read("plan:old")
        found = reader.verify()
    assert found.bad == 1
    assert "000001" in found.why


def test_l8_l7_a_segment_that_is_missing_is_named(ledger, folder):
    ended(ledger, "old")
    archive(ledger, LATER_US)
    ledger.segments.path(1).unlink()
    with SqliteReader(folder / "ledger.db", KEY) as reader, pytest.raises(LedgerError, match="is missing"):
        reader.read("plan:old")


def test_l8_a_stub_never_gives_another_body(ledger):
    ended(ledger, "old")
    archive(ledger, LATER_US)
    with pytest.raises(LedgerError, match="does not hold record 1"):
        ledger.segments.whole(1, stub(1, b"something else"))


def test_l8_one_run_makes_several_segments_of_bounded_size(ledger, monkeypatch):
    monkeypatch.setattr(archives, "SEGMENT_EVENTS", 4)
    for index in range(5):
        ended(ledger, f"old{index}")
    before = list(ledger.tail())
    told = []
    assert archive(ledger, LATER_US, lambda *done: told.append(done)).events == 10
    assert ledger.segments.numbers() == [1, 2, 3]
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert list(ledger.tail()) == before


def test_l8_two_that_archive_at_once_take_turns(ledger, monkeypatch):
    monkeypatch.setattr(archives, "SEGMENT_EVENTS", 10)
    for index in range(60):
        ended(ledger, f"old{index}")
    before = list(ledger.tail())
    with ThreadPoolExecutor() as pool:
        done = [future.result() for future in [pool.submit(archive, ledger, LATER_US) for _ in range(4)]]
    assert sorted(each.events for each in done) == [0, 0, 0, 120]
    assert list(ledger.tail()) == before
    assert ledger.verify().whole


# --- crashes


def crash(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("step", ["fsync", "rename", "drop"])
def test_f5_a_crash_while_archiving_loses_nothing(ledger, open_ledger, folder, monkeypatch, step):
    ended(ledger, "old")
    before = list(ledger.tail())
    with monkeypatch.context() as patched:
        if step == "fsync":
            patched.setattr(os, "fsync", crash)
        elif step == "rename":
            patched.setattr("pathlib.Path.rename", crash)
        else:
            patched.setattr(archives, "stub", crash)
        with pytest.raises(KeyboardInterrupt):
            archive(ledger, LATER_US)
    ledger.close()
    again = open_ledger()
    assert again.verify().whole
    assert list(again.tail()) == before
    assert archive(again, LATER_US).events == 2
    assert again.segments.numbers() == [1], "the one that was left over is gone"
    assert sorted(path.name for path in (folder / "segments").iterdir()) == ["000001.seg"]
    assert list(again.tail()) == before


def test_f4_an_error_while_bodies_are_dropped_keeps_them(ledger, folder):
    ended(ledger, "old")
    before = list(ledger.tail())
    ledger._writer.execute("CREATE TEMP TRIGGER stop BEFORE UPDATE ON main.event BEGIN SELECT raise(ABORT, 'no'); END")
    with pytest.raises(CommitFailedError):
        archive(ledger, LATER_US)
    ledger.reopen()
    assert list(ledger.tail()) == before
    assert not any(map(is_stub, bodies(ledger, "plan:old")))


def test_l9_projections_are_made_anew_from_archived_bodies(
    ledger: SqliteLedger, open_ledger: Callable[[], SqliteLedger]
):
    ended(ledger, "old")
    live(ledger, "young")
    archive(ledger, LATER_US)
    assert ledger.differing() == []
    ledger.rebuild()
    assert ledger.differing() == []
    with ledger.held() as connection:
        connection.execute("DELETE FROM projection")
    ledger.close()
    assert open_ledger().differing() == []


def test_l8_reading_needs_the_databases_key_only(ledger: SqliteLedger, folder: Path):
    ended(ledger, "old")
    archive(ledger, LATER_US)
    connection = database.connect_reader(folder / "ledger.db", KEY)
    body = connection.execute("SELECT body FROM event WHERE position = 1").get
    connection.close()
    assert CANARY.encode() in Segments(folder, KEY).whole(1, body)


@pytest.mark.parametrize("delay_s", [0.005, 0.02, 0.05, 0.1])
def test_f5_killed_while_archiving_nothing_is_lost_and_it_can_be_run_again(ledger, open_ledger, folder, delay_s):
    for index in range(150):
        ended(ledger, f"old{index}")
    before, head = list(ledger.tail()), ledger.head()
    ledger.close()
    command = [sys.executable, str(Path(__file__).with_name("archiver.py")), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
    again = open_ledger()
    assert again.verify().whole
    assert (list(again.tail()), again.head()) == (before, head)
    archive(again, LATER_US)
    assert all(is_stub(bodies(again, f"plan:old{index}")[3]) for index in range(150))
    assert not list((folder / "segments").glob("*.part"))
    assert list(again.tail()) == before
