"""What holds for the ledger in SQLite: its file, its key, its projections, its checkpoints."""

from __future__ import annotations

import hashlib
import stat
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import apsw
import pytest
from ledger_samples import FAILURE, KEY, NOW_US, PROJECTIONS, append, append_all, appended, completed, proposed

from mainstay import events as e
from mainstay.errors import ConflictError, LedgerError, WrongKeyError
from mainstay.ledger import database, queries
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.lock import OwnerLock
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.ports import Projection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mainstay.events import Recorded
    from mainstay.ports import Transaction

CANARY = "canary-5fd2c1"


def fill(ledger: SqliteLedger, plans: int = 30) -> None:
    asked = e.DecisionAsked(
        "{}.1", "ask", ("a",), {"headline": "?"}, ("approve",), due_at_us=NOW_US, remind_at_us=(1, 2)
    )
    for index in range(plans):
        plan = f"p{index}"
        facts = [proposed(expires_at_us=NOW_US), e.PlanApproved("you"), e.PlanStarted(1), completed(CANARY)]
        facts += [e.StepStuck("s", FAILURE, 1), e.EffectUncertain("u", 1, FAILURE), e.WaitStarted("w", NOW_US)]
        facts += [e.DecisionAsked(f"{plan}.1", *[getattr(asked, name) for name in asked.__struct_fields__[1:]])]
        facts += [e.PlanParked()] if index % 3 else [e.PlanCompleted()]
        append_all(ledger, *(appended(f"plan:{plan}", at, fact) for at, fact in enumerate(facts)))


def altered(folder: Path, sql: str) -> None:
    """Change the database behind the ledger's back, as somebody with the key could."""
    connection = database.connect_writer(folder / "ledger.db", KEY)
    connection.execute(sql)
    connection.close()


# --- the file and its key


def test_l4_s55_s56_nothing_of_the_history_can_be_read_without_the_key(ledger, folder):
    fill(ledger)
    with ledger._turn:
        ledger._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    fill_more = appended("plan:more", 0, completed(CANARY, CANARY))
    append(ledger, fill_more)
    names = {path.name for path in folder.iterdir()}
    assert {"ledger.db", "ledger.db-wal"} <= names
    for path in folder.iterdir():
        content = path.read_bytes()
        assert CANARY.encode() not in content
        assert b"StepCompleted" not in content
        assert KEY not in content


def test_s57_a_wrong_key_stops_cleanly_and_changes_nothing(ledger, folder):
    fill(ledger)
    ledger.close()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for opener in (SqliteLedger, SqliteReader):
        with pytest.raises(WrongKeyError, match="does not open"):
            opener(folder / "ledger.db", bytes(32))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("content", [b"garbage" * 2000, b"SQLite format 3\0" + bytes(4080)])
def test_what_is_no_history_says_so(folder, content):
    folder.mkdir(parents=True)
    (folder / "ledger.db").write_bytes(content)
    with pytest.raises(LedgerError) as caught:
        SqliteLedger(folder / "ledger.db", KEY)
    assert not isinstance(caught.value, WrongKeyError)
    assert (folder / "ledger.db").read_bytes() == content


def test_a_damaged_first_page_is_not_taken_for_a_wrong_key(ledger, folder):
    fill(ledger)
    ledger.close()
    with (folder / "ledger.db").open("r+b") as file:
        file.seek(200)
        file.write(bytes(64))
    with pytest.raises(LedgerError, match="damaged") as caught:
        SqliteLedger(folder / "ledger.db", KEY)
    assert not isinstance(caught.value, WrongKeyError)


def test_s58_files_are_0600_in_a_folder_0700(ledger, folder):
    fill(ledger, 1)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_l4_every_commit_is_synced_and_what_is_deleted_is_wiped(ledger):
    pragmas = {"synchronous": 2, "journal_mode": "wal", "secure_delete": 1, "wal_autocheckpoint": 0, "cipher": "aegis"}
    assert {name: ledger._writer.pragma(name) for name in pragmas} == pragmas


def test_a_history_of_a_newer_release_is_left_alone(ledger, folder):
    ledger.close()
    altered(folder, "UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(LedgerError, match="newer Mainstay"):
        SqliteLedger(folder / "ledger.db", KEY)


def test_a_history_of_another_workspace_is_refused(folder):
    SqliteLedger(folder / "ledger.db", KEY, workspace="one").close()
    with pytest.raises(LedgerError, match="workspace one"):
        SqliteLedger(folder / "ledger.db", KEY, workspace="two")


# --- tampering


@pytest.mark.parametrize(
    ("sql", "bad"),
    [
        ("UPDATE event SET body = x'80' WHERE position = 50", 50),
        ("UPDATE event SET actor = 'you' WHERE position = 7", 7),
        ("UPDATE event SET digest = zeroblob(32) WHERE position = 7", 7),
        ("UPDATE stream SET name = 'plan:x' WHERE id = 2", 10),
        ("DELETE FROM event WHERE position = 20", 20),
        ("UPDATE event SET position = -1 WHERE position = 3", 1),
        ("DELETE FROM stream WHERE id = 1", 1),
    ],
)
def test_f8_the_first_record_that_was_tampered_with_is_named(ledger, open_ledger, folder, sql, bad):
    fill(ledger, 12)
    assert ledger.verify().whole
    ledger.close()
    altered(folder, sql)
    found = open_ledger().verify()
    assert (found.bad, found.records) == (bad, bad - 1)


def test_f8_a_flipped_bit_on_disk_is_found_and_nothing_is_repaired(ledger, folder):
    fill(ledger, 60)
    ledger.close()
    path = folder / "ledger.db"
    size = path.stat().st_size
    for offset in range(4096 + 50, size, 8 * 4096):
        whole = path.read_bytes()
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 4]) + whole[offset + 1 :])
        flipped = path.read_bytes()
        try:
            with SqliteReader(path, KEY) as reader:
                found = reader.verify()
            assert not found.whole
            assert found.why or found.damaged
        except LedgerError:
            pass
        assert path.read_bytes() == flipped
        path.write_bytes(whole)


def test_f8_a_flipped_bit_under_a_record_names_it(ledger, folder):
    append(ledger, *(appended(f"plan:{index}", 0, completed("a", "x" * 3000)) for index in range(100)))
    ledger.close()
    path = folder / "ledger.db"
    with SqliteReader(path, KEY) as reader:
        page = reader.rows("SELECT max(pageno) FROM dbstat WHERE name = 'event' AND pagetype = 'leaf'")[0][0]
    whole = path.read_bytes()
    offset = (page - 1) * 4096 + 2000
    path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 1]) + whole[offset + 1 :])
    with SqliteReader(path, KEY) as reader:
        found = reader.verify()
    assert found.bad is not None
    assert found.bad > 90
    assert f"record {found.bad} can't be read" in found.why


# --- projections


def test_l9_a_rebuild_gives_equal_rows(ledger):
    fill(ledger)
    assert ledger.differing() == []
    asked = (queries.PLANS, queries.OPEN_DECISIONS, queries.NEXT_DUE_AFTER)
    before = [ledger.rows(sql, (1000, 0)[: sql.count("?")]) for sql in asked]
    seen: list[tuple[int, int]] = []
    done = ledger.rebuild(lambda at, last: seen.append((at, last)))
    assert done.events == 270
    assert seen[-1] == (270, 270)
    after = [ledger.rows(sql, (1000, 0)[: sql.count("?")]) for sql in asked]
    assert after == before
    assert ledger.differing() == []


def test_l9_a_projection_that_was_altered_is_named_and_mended_by_a_rebuild(ledger, open_ledger, folder):
    fill(ledger)
    ledger.close()
    altered(folder, "UPDATE plan SET title = 'forged' WHERE id = 'p3'")
    again = open_ledger()
    assert again.differing() == ["plan"]
    again.rebuild()
    assert again.differing() == []


@dataclass
class Counter:
    """A projection that counts facts, and how often it was called."""

    version: int = 1
    name: str = "counter"
    calls: list[int] = field(default_factory=list)

    def apply(self, transaction: Transaction, events: Sequence[Recorded]) -> None:
        self.calls.append(len(events))
        transaction.execute("UPDATE counter SET n = n + ?", (len(events) * self.version,))

    def projection(self) -> Projection:
        schema = "CREATE TABLE counter (n INTEGER NOT NULL) STRICT; INSERT INTO counter VALUES (0)"
        return Projection(self.name, self.version, schema, ("counter",), frozenset({"StepCompleted"}), self.apply)


def counted(folder: Path, *counters: Counter, then: int = 0) -> int:
    """Open with these projections, append some facts, and give the count."""
    with SqliteLedger(folder / "ledger.db", KEY, projected=[each.projection() for each in counters]) as ledger:
        start = len(ledger.read("plan:p"))
        append(ledger, appended("plan:p", start, *[completed()] * then, proposed()))
        return ledger.rows("SELECT n FROM counter")[0][0]


def test_a_projection_sees_only_the_kinds_it_wants(folder):
    counter = Counter()
    assert counted(folder, counter, then=3) == 3
    assert counter.calls == [3]


def test_a_projection_that_is_new_is_filled_when_the_ledger_opens(folder):
    with SqliteLedger(folder / "ledger.db", KEY) as ledger:
        append(ledger, appended("plan:p", 0, completed(), completed()))
    assert counted(folder, Counter(), then=1) == 3


def test_a_projection_of_the_same_version_is_not_made_anew(folder):
    counted(folder, Counter(), then=2)
    counter = Counter()
    assert counted(folder, counter, then=1) == 3
    assert counter.calls == [1]


def test_a_projection_of_a_new_version_is_made_anew(folder):
    counted(folder, Counter(), then=2)
    assert counted(folder, Counter(version=10), then=1) == 30


def test_a_projection_that_missed_events_is_made_anew(folder):
    counted(folder, Counter(), then=2)
    with SqliteLedger(folder / "ledger.db", KEY) as ledger:
        append(ledger, appended("plan:q", 0, completed()))
    assert counted(folder, Counter(), then=1) == 4


def test_a_projection_that_breaks_leaves_no_half_event(folder):
    def broken(transaction: Transaction, events: Sequence[Recorded]) -> None:
        transaction.execute("INSERT INTO broken VALUES (1)")
        raise ZeroDivisionError

    projection = Projection("broken", 1, "CREATE TABLE broken (n)", ("broken",), frozenset({"PlanParked"}), broken)
    with SqliteLedger(folder / "ledger.db", KEY, projected=[projection]) as ledger:
        append(ledger, appended("plan:p", 0, completed()))
        with pytest.raises(LedgerError, match="not known yet"):
            append(ledger, appended("plan:p", 1, e.PlanParked()))
        assert ledger.failed
        for care in (ledger.rebuild, ledger.differing, ledger.head, ledger.verify):
            with pytest.raises(LedgerError, match="not known yet"):
                care()
        ledger.reopen()
        assert ledger.rows("SELECT count(*) FROM broken") == [(0,)]
        assert append(ledger, appended("plan:p", 1, completed())) == 2


# --- readers and checkpoints


def test_a_reader_beside_the_owner_sees_what_is_committed(ledger, folder):
    fill(ledger, 2)
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        assert len(reader.read("plan:p1")) == 9
        append(ledger, appended("plan:p1", 9, completed()))
        assert len(reader.read("plan:p1")) == 10
        assert reader.verify().whole


def test_a_reader_can_not_write(ledger, folder):
    with SqliteReader(folder / "ledger.db", KEY) as reader, pytest.raises(LedgerError, match="can't be read"):
        reader.rows("DELETE FROM event")


def test_a_reader_of_nothing_says_so(folder):
    with pytest.raises(LedgerError, match="history is missing"):
        SqliteReader(folder / "ledger.db", KEY)
    assert not folder.exists()


def test_l5_the_wal_is_brought_into_the_database_beside_the_appends(folder):
    with SqliteLedger(folder / "ledger.db", KEY) as ledger:
        ledger._checkpointer._pages = 64
        for start in range(0, 2000, 10):
            append(ledger, appended("plan:p", start, *[completed("a", "x" * 500)] * 10))
        assert ledger._checkpointer.error is None
        ledger._checkpointer.close()
        digest = hashlib.sha256((folder / "ledger.db").read_bytes()).hexdigest()
        assert (folder / "ledger.db").stat().st_size > 1_000_000
        assert ledger.verify().records == 2000
        assert hashlib.sha256((folder / "ledger.db").read_bytes()).hexdigest() == digest
        assert (folder / "ledger.db-wal").stat().st_size < 20_000_000


def test_l5_whatever_breaks_in_the_writer_is_told_and_does_not_end_it(ledger, monkeypatch):
    monkeypatch.setattr(ledger._checkpointer, "note", lambda writer: 1 // 0)
    with pytest.raises(LedgerError, match="not known yet"):
        append(ledger, appended("plan:p", 0, completed()))
    ledger.reopen()
    assert append(ledger, appended("plan:p", 1, completed())) == 2  # it was on disk: unknown is not undone


def test_l5_a_failed_checkpoint_fails_the_ledger(ledger):
    append(ledger, appended("plan:p", 0, completed()))
    ledger._checkpointer.error = apsw.IOError("disk I/O error")
    with pytest.raises(LedgerError, match="disk I/O error"):
        append(ledger, appended("plan:p", 1, completed()))
    ledger.reopen()
    assert append(ledger, appended("plan:p", 1, completed())) == 2


def test_f12_a_writer_that_was_overtaken_is_refused(ledger, folder):
    append(ledger, appended("plan:p", 0, completed("a")))
    with SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS) as other:
        append(other, appended("plan:q", 0, completed("b")))
        with pytest.raises(LedgerError, match="not known yet"):
            append(ledger, appended("plan:p", 1, completed("c")))
        ledger.reopen()
        assert [each.fact.path for each in ledger.tail()] == ["a", "b"]
        assert ledger.verify().whole


def test_f12_an_owner_whose_lock_was_taken_writes_nothing_more_even_where_nothing_collides(folder):
    folder.mkdir(parents=True)
    first = OwnerLock(folder, "the first")
    with SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS, lost=first.is_lost) as ledger:
        append(ledger, appended("plan:p", 0, completed("a")))
        (folder / "owner.lock").unlink()
        second = OwnerLock(folder, "the second")
        with pytest.raises(ConflictError, match="no longer holds the lock"):
            append(ledger, appended("plan:p", 1, completed("b")))
        assert [each.fact.path for each in ledger.tail()] == ["a"]
        assert not second.is_lost()
        second.release()
    first.release()


@pytest.mark.parametrize("emptied", [False, True])
def test_a_history_that_is_gone_is_never_begun_anew(ledger, folder, emptied):
    fill(ledger, 1)
    ledger.close()
    (folder / "ledger.db").unlink()
    if emptied:
        (folder / "ledger.db").touch()
    for _ in range(2):
        with pytest.raises(LedgerError, match="history is missing") as caught:
            SqliteLedger(folder / "ledger.db", KEY, begin=False)
        assert "backup" in caught.value.remedy
    with pytest.raises(LedgerError, match="history is missing"):
        SqliteReader(folder / "ledger.db", KEY)


def test_a_history_that_goes_while_it_is_open_is_not_begun_anew(ledger, folder):
    (folder / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="history is missing"):
        ledger.reopen()
    assert not (folder / "ledger.db").exists()
    ledger._closing = True  # nothing is left to close
    ledger._signal()


def test_f8_damage_beside_the_records_is_found_and_its_table_named(ledger, folder):
    fill(ledger, 60)
    ledger.close()
    path = folder / "ledger.db"
    with SqliteReader(path, KEY) as reader:
        (page,) = reader.rows("SELECT max(pageno) FROM dbstat WHERE name = 'sqlite_autoindex_stream_1'")[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096 + 100)
        file.write(bytes(32))
    with SqliteReader(path, KEY) as reader:
        found = reader.verify()
        assert (found.bad, found.damaged, found.whole) == (None, ("stream",), False)
        with pytest.raises(LedgerError, match="damaged on disk") as caught:
            reader.read("plan:p1")
    assert "backup" in caught.value.remedy
    assert "malformed" not in caught.value.message


@pytest.mark.parametrize(
    ("error", "says", "remedy"),
    [
        (apsw.CorruptError("database disk image is malformed"), "damaged on disk", "backup"),
        (apsw.FullError("database or disk is full"), "the disk is full", "Make room"),
        (apsw.IOError("disk I/O error"), "the disk reports an error", "in order"),
    ],
)
def test_a_commit_that_failed_says_why_and_what_to_do(ledger, error, says, remedy):
    ledger._checkpointer.error = error
    with pytest.raises(LedgerError, match=says) as caught:
        append(ledger, appended("plan:p", 0, completed()))
    assert remedy in caught.value.remedy
    assert "malformed" not in caught.value.message


# --- what is at rest (KERNEL L4)


def test_l4_every_commit_is_on_disk_and_what_is_deleted_is_overwritten(ledger):
    asked = {name: ledger._writer.pragma(name) for name in ("journal_mode", "synchronous", "secure_delete", "cipher")}
    assert asked == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "cipher": "aegis"}


def test_l4_no_plaintext_of_a_value_lies_in_the_database_its_wal_or_a_blob(ledger, folder):
    blobs = FileBlobs(folder / "blobs", bytes(reversed(KEY)))
    ref = blobs.put(CANARY.encode() * 500, name=CANARY)
    append(ledger, appended("plan:p", 0, completed("s", {"file": ref, "said": CANARY})))
    with ledger._turn:
        ledger._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    append(ledger, appended("plan:p", 1, completed("t", CANARY)))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"ledger.db", "ledger.db-wal"} < {path.name for path in files}
    assert len(files) > 3
    for path in files:
        content = path.read_bytes()
        assert CANARY.encode() not in content, path
        assert CANARY not in path.name
        assert KEY not in content


def test_l1_the_database_itself_refuses_a_second_fact_in_one_place(ledger, folder):
    append(ledger, appended("plan:p", 0, completed("a")))
    with closing(database.connect_writer(folder / "ledger.db", KEY)) as stale, pytest.raises(apsw.ConstraintError):
        stale.execute(
            "INSERT INTO event SELECT 2, stream, sequence, kind, version, 0, '', '', '', body, digest FROM event"
        )
