"""A history damaged in every way KERNEL L7 names (FAULTS F8): what is found, by what, and that nothing is repaired."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, PROJECTIONS, append, appended, completed

from mainstay import events as e
from mainstay.errors import InputError
from mainstay.ledger import chain, database
from mainstay.ledger.anchor import Anchor, last_anchor, line_of, read_anchors, stream_of_year
from mainstay.ledger.chain import GENESIS, Mark, StoredRecord
from mainstay.ledger.reader import READ_CHAIN, SqliteReader
from mainstay.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = 40
WORKSPACE = "ab" * 16
AT_US = 1_795_000_000_000_000


@pytest.fixture
def written(folder: Path) -> Path:
    """A closed history of forty records in two streams."""
    with SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
        for number in range(RECORDS // 2):
            append(ledger, appended("plan:a", number, completed(f"s{number}")))
            append(ledger, appended("plan:b", number, completed(f"s{number}")))
    return folder / "ledger.db"


def head_of(path: Path) -> tuple[int, str]:
    with SqliteReader(path, KEY) as reader:
        return reader.head()


def verified(path: Path, *marks: Mark) -> chain.Verification:
    with SqliteReader(path, KEY) as reader:
        return reader.verify(marks=marks)


def anchor_of(path: Path) -> Mark:
    return Mark("your anchor", *head_of(path))


def change(path: Path, *statements: str) -> None:
    """Change the database as somebody with the key could."""
    connection = database.connect_writer(path, KEY)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_l7_a_whole_history_fits_its_marks(written):
    middle, digest = RECORDS // 2, verified(written).head
    with SqliteReader(written, KEY) as reader:
        marks = Mark("one", middle, reader.digest_at(middle)), Mark("two", RECORDS, digest), Mark("none", 0, "")
    found = verified(written, *marks)
    assert [mark.found for mark in found.marks] == ["there"] * 3
    assert found.whole


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        (
            "UPDATE event SET body = CAST(substr(body, 1, 9) || x'00' || substr(body, 11) AS BLOB) WHERE position = 17",
            17,
        ),
        ("UPDATE event SET actor = 'somebody' WHERE position = 9", 9),
        ("UPDATE event SET recorded_at_us = recorded_at_us + 1 WHERE position = 1", 1),
        ("UPDATE event SET cause = 'plan:a@1' WHERE position = 40", 40),
        ("UPDATE event SET digest = zeroblob(32) WHERE position = 23", 23),
        ("UPDATE stream SET name = 'plan:c' WHERE name = 'plan:b'", 2),
        ("DELETE FROM event WHERE position = 12", 12),
        ("DELETE FROM event WHERE position = 1", 1),
    ],
)
def test_l7_f8_an_alteration_inside_the_chain_is_named_at_its_record(written, statement, bad):
    anchor = anchor_of(written)
    change(written, statement)
    before = written.read_bytes()
    found = verified(written, anchor)
    assert (found.bad, found.records) == (bad, bad - 1)
    assert found.why
    assert written.read_bytes() == before, "nothing is repaired"


def test_l7_f8_reordered_records_are_named_at_the_first_of_them(written):
    change(
        written,
        "UPDATE event SET position = -1 WHERE position = 20",
        "UPDATE event SET position = 20 WHERE position = 31",
        "UPDATE event SET position = 31 WHERE position = -1",
    )
    assert verified(written).bad == 20


@pytest.mark.parametrize("seed", range(6))
def test_l7_f8_a_flipped_bit_on_disk_is_found(written, seed):
    size = written.stat().st_size
    at = size * (2 * seed + 1) // 12
    content = bytearray(written.read_bytes())
    content[at] ^= 1 << seed
    written.write_bytes(content)
    try:
        assert not verified(written).whole
    except database.LedgerError as error:  # a first page that can't be read says so at once
        assert "backup" in error.remedy  # noqa: PT017


def test_l7_f8_a_cut_tail_is_found_against_head_or_anchor(written):
    anchor = anchor_of(written)
    change(written, "DELETE FROM event WHERE position > 30")
    assert verified(written).whole, "inside the chain nothing shows it"
    found = verified(written, anchor)
    assert (found.whole, found.bad, found.marks[0].found) == (False, None, "cut")


def test_l7_f8_a_truncated_wal_is_found_against_head_or_anchor(folder, tmp_path):
    path = folder / "ledger.db"
    with SqliteLedger(path, KEY, projected=PROJECTIONS) as ledger:
        for number in range(9):
            append(ledger, appended("plan:a", number, completed(f"s{number}")))
        anchor = Mark("its head", *ledger.head())
        killed = shutil.copytree(folder, tmp_path / "killed")
    assert verified(killed / "ledger.db", anchor).whole
    wal = killed / "ledger.db-wal"
    os.truncate(wal, wal.stat().st_size * 3 // 8)  # more than half of it is in use
    (killed / "ledger.db-shm").unlink()
    assert verified(killed / "ledger.db", anchor).marks[0].found == "cut"


def test_l7_f8_an_old_copy_put_back_is_found_against_head_or_anchor(written, tmp_path):
    old = shutil.copy(written, tmp_path / "old.db")
    with SqliteLedger(written, KEY, projected=PROJECTIONS) as ledger:
        append(ledger, appended("plan:c", 0, completed()))
    anchor = anchor_of(written)
    shutil.copy(old, written)
    assert verified(written, anchor).marks[0].found == "cut"


def test_l7_f8_a_history_computed_anew_by_somebody_with_the_key_is_found_against_head_or_anchor(written):
    anchor = anchor_of(written)
    rehash(written)
    assert verified(written).whole, "inside the chain nothing shows it"
    found = verified(written, anchor)
    assert (found.whole, found.marks[0].found) == (False, "other")


def rehash(path: Path) -> None:
    connection = database.connect_writer(path, KEY)
    digest = GENESIS
    for row in connection.execute(READ_CHAIN).fetchall():
        record = StoredRecord._make(row)
        record = record._replace(actor="somebody" if record.position == 2 else record.actor)
        digest = chain.link(digest, record.position, record[1:9], record.body)
        connection.execute(
            "UPDATE event SET actor = ?, digest = ? WHERE position = ?", (record.actor, digest, record.position)
        )
    connection.close()


# --- anchors

DIGEST = "0123456789abcdef" * 4
ANCHOR = Anchor(WORKSPACE, 1234, DIGEST, AT_US)


def test_l7_an_anchor_is_read_as_it_was_written_also_out_of_a_mail():
    line = line_of(ANCHOR)
    mail = f"Subject: keep this\n\n> {line}\nand {line} again\n"
    assert read_anchors(mail, WORKSPACE) == [ANCHOR, ANCHOR]
    assert read_anchors(line, WORKSPACE)[0].mark.digest == DIGEST


@pytest.mark.parametrize("at", range(0, len(line_of(ANCHOR)), 7))
def test_l7_an_anchor_with_one_wrong_letter_is_refused(at):
    line = line_of(ANCHOR)
    wrong = "x" if line[at] != "x" else "y"
    with pytest.raises(InputError):
        read_anchors(line[:at] + wrong + line[at + 1 :], WORKSPACE)


@pytest.mark.parametrize("text", ["", "nothing here", "mainstay-anchor", "mainstay-anchor 1 2 3 4 5 6 7 8"])
def test_l7_what_is_no_anchor_says_so(text):
    with pytest.raises(InputError):
        read_anchors(text, WORKSPACE)


def test_l7_an_anchor_of_another_workspace_is_refused():
    with pytest.raises(InputError, match="another workspace"):
        read_anchors(line_of(ANCHOR), "cd" * 16)


def test_l7_the_last_anchor_is_found_whatever_year_it_was_given_in(ledger):
    assert last_anchor(ledger.read, AT_US) is None
    early = AT_US - 400 * 86_400_000_000
    append(ledger, appended(stream_of_year(early), 0, e.HistoryAnchored(3, DIGEST), at_us=early))
    assert last_anchor(ledger.read, AT_US) == (3, early)
    append(ledger, appended(stream_of_year(AT_US), 0, e.HistoryAnchored(5, DIGEST), at_us=AT_US))
    assert last_anchor(ledger.read, AT_US) == (5, AT_US)
