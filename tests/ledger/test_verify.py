"""A history damaged in every way KERNEL L7 names (FAULTS F8): what is found, by what, and that nothing is repaired."""

from __future__ import annotations

import mailbox
import os
import shutil
import subprocess
from email.message import EmailMessage
from typing import TYPE_CHECKING

import msgspec
import pytest
from ledger_samples import KEY, PROJECTIONS, append, appended, completed

from mainstay import events as e
from mainstay.errors import FileError, InputError
from mainstay.ledger import chain, database
from mainstay.ledger.anchor import (
    Anchor,
    last_anchor,
    last_tried,
    line_of,
    read_anchors,
    sign,
    stream_at,
    streams_between,
)
from mainstay.ledger.anchor_places import FOLDER, append_line, commit_line, texts_at
from mainstay.ledger.chain import GENESIS, Mark, StoredRecord
from mainstay.ledger.reader import READ_CHAIN, SqliteReader
from mainstay.ledger.signing import SigningKey
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
OWN, STRANGE = SigningKey(b"k" * 32), SigningKey(b"x" * 32)
SIGNED = sign(ANCHOR, OWN)


def test_l7_an_anchor_is_read_as_it_was_written_also_out_of_a_mail():
    line = line_of(ANCHOR)
    mail = f"Subject: keep this\n\n> {line}\nand {line} again\n"
    assert read_anchors([mail, mail], WORKSPACE).anchors == (ANCHOR,)
    assert read_anchors([line], WORKSPACE).anchors[0].mark.digest == DIGEST


@pytest.mark.parametrize("line", [line_of(ANCHOR), line_of(SIGNED)])
@pytest.mark.parametrize("share", range(0, 100, 4))
def test_l7_an_anchor_with_one_wrong_letter_is_refused(line, share):
    at = len(line) * share // 100
    wrong = "x" if line[at] != "x" else "y"
    with pytest.raises(InputError):
        read_anchors([line[:at] + wrong + line[at + 1 :]], WORKSPACE)


@pytest.mark.parametrize("text", ["", "nothing here", "mainstay-anchor", "mainstay-anchor 1 2 3 4 5 6 7 8"])
def test_l7_what_is_no_anchor_says_so(text):
    with pytest.raises(InputError):
        read_anchors([text], WORKSPACE)


def test_l7_an_anchor_of_another_workspace_is_refused():
    with pytest.raises(InputError, match="another workspace"):
        read_anchors([line_of(ANCHOR)], "cd" * 16)


def test_l7_the_last_anchor_is_found_whatever_year_it_was_given_in(ledger):
    assert last_anchor(ledger.read, AT_US) is None
    early = AT_US - 400 * 86_400_000_000
    append(ledger, appended(stream_at(early), 0, e.HistoryAnchored(3, DIGEST), at_us=early))
    assert last_anchor(ledger.read, AT_US) == (3, early)
    append(ledger, appended(stream_at(AT_US), 0, e.HistoryAnchored(5, DIGEST), at_us=AT_US))
    assert last_anchor(ledger.read, AT_US) == (5, AT_US)


def test_l7_a_missed_place_is_no_anchor_but_an_attempt(ledger):
    append(ledger, appended(stream_at(AT_US), 0, e.HistoryAnchored(3, DIGEST, ("file",)), at_us=AT_US))
    append(ledger, appended(stream_at(AT_US), 1, e.HistoryAnchored(5, DIGEST, (), ("mail",)), at_us=AT_US + 1))
    assert last_anchor(ledger.read, AT_US) == (3, AT_US)
    assert last_tried(ledger.read, AT_US).fact.missed == ("mail",)


def test_l7_anchors_of_years_before_there_were_months_are_found_in_their_order():
    first, last = 1_764_547_200_000_000, 1_773_000_000_000_000  # 2025-12-01, 2026-03-08
    assert streams_between(first, last) == [
        "anchor:2025", "anchor:2025-12", "anchor:2026", "anchor:2026-01", "anchor:2026-02", "anchor:2026-03"
    ]  # fmt: skip


# --- who signed them (K3)


def test_k3_a_signed_anchor_counts_and_is_read_out_of_whatever_a_mail_program_made_of_it():
    line = line_of(SIGNED)
    words = line.split()
    broken = "> " + " ".join(words[:4]) + "\n> " + "\n> ".join(words[4:]) + "\n> and more"
    for text in (line, broken, f"say {line}\nmainstay-anchor is a word, mainstay-anchors a folder"):
        kept = read_anchors([text], WORKSPACE, OWN.public)
        assert (kept.anchors, kept.forged) == ((SIGNED,), ())


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        (sign(ANCHOR, STRANGE), "it is signed with the key"),
        (msgspec.structs.replace(SIGNED, position=99), "not that of the key it names"),
        (msgspec.structs.replace(SIGNED, digest="0" * 64), "not that of the key it names"),
        (msgspec.structs.replace(SIGNED, at_us=AT_US + 60_000_000), "not that of the key it names"),
        (msgspec.structs.replace(SIGNED, key=STRANGE.public), "not that of the key it names"),
        (msgspec.structs.replace(SIGNED, signature="00" * 64), "not that of the key it names"),
        (msgspec.structs.replace(SIGNED, signature="no" * 64), "not that of the key it names"),
    ],
)
def test_k3_a_forged_anchor_is_told_apart_and_never_held_against_the_history(forged, why):
    kept = read_anchors([line_of(SIGNED), line_of(forged)], WORKSPACE, OWN.public)
    assert kept.anchors == (SIGNED,)
    ((anchor, said),) = kept.forged
    assert (anchor.at_us, why in said) == (forged.at_us, True), said


def test_k3_among_many_those_of_other_workspaces_are_left_aside():
    other = sign(Anchor("cd" * 16, 7, DIGEST, AT_US), STRANGE)
    assert read_anchors([line_of(other), line_of(SIGNED)], WORKSPACE, OWN.public).anchors == (SIGNED,)
    with pytest.raises(InputError, match="another workspace"):
        read_anchors([line_of(other)], WORKSPACE, OWN.public)


# --- where they are kept


def test_l7_a_line_goes_to_the_end_of_a_file_also_after_one_that_was_cut_off(tmp_path):
    file = tmp_path / "anchors.txt"
    append_line(file, "one")
    file.write_text(file.read_text() + "tw")
    append_line(file, "three")
    assert file.read_text() == "one\ntw\nthree\n"
    with pytest.raises(FileError) as caught:
        append_line(tmp_path / "nowhere" / "a", "the line")
    assert "the line" in caught.value.remedy


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    git(tmp_path, "init", "-q", str(folder))
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_l7_an_anchor_is_committed_alone_without_hooks_and_pushed_nowhere(repository, tmp_path):
    (repository / "own").write_text("staged by the operator")
    git(repository, "add", "own")
    for hook in ("pre-commit", "commit-msg", "post-commit"):
        (repository / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (repository / ".git/hooks" / hook).chmod(0o755)
    git(repository, "remote", "add", "origin", str(tmp_path / "nowhere.git"))
    for line in (line_of(SIGNED), line_of(ANCHOR)):
        commit_line(repository, WORKSPACE, line, "Mainstay: up to record 1,234")
    assert git(repository, "show", f"HEAD:{FOLDER}/{WORKSPACE}.txt").splitlines() == [line_of(SIGNED), line_of(ANCHOR)]
    assert git(repository, "log", "--format=%an %s") == "Mainstay Mainstay: up to record 1,234\n" * 2
    assert git(repository, "diff", "--cached", "--name-only") == "own\n"
    assert not (tmp_path / "ran").exists()
    assert read_anchors(texts_at(repository), WORKSPACE, OWN.public).anchors == (SIGNED, ANCHOR)


def test_l7_what_git_refuses_is_told_in_its_words(repository, tmp_path):
    with pytest.raises(FileError, match="git can't keep an anchor"):
        commit_line(tmp_path / "repository/.git", WORKSPACE, line_of(SIGNED), "m")
    (repository / ".git/index.lock").touch()
    with pytest.raises(FileError, match=r"index\.lock"):
        commit_line(repository, WORKSPACE, line_of(SIGNED), "m")
    (repository / ".git/index.lock").unlink()
    commit_line(repository, WORKSPACE, line_of(SIGNED), "m")  # the line stands there twice: both are true
    assert read_anchors(texts_at(repository), WORKSPACE, OWN.public).anchors == (SIGNED,)


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "7bit"])
def test_l7_anchors_are_read_out_of_mails_mailboxes_and_folders(tmp_path, encoding):
    mail = EmailMessage()
    mail["Subject"] = "Mainstay: up to record 1,234"
    mail.set_content(f"Keep this.\n\n{line_of(SIGNED)}\n", cte=encoding)
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "one.eml").write_bytes(mail.as_bytes())
    (folder / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    box = mailbox.mbox(tmp_path / "box")
    box.add(mail)
    box.close()
    for place in (folder, folder / "one.eml", tmp_path / "box"):
        assert read_anchors(texts_at(place), WORKSPACE, OWN.public).anchors == (SIGNED,)
    for place in (folder / "picture.png", tmp_path / "nowhere"):
        with pytest.raises(FileError):
            list(texts_at(place))
