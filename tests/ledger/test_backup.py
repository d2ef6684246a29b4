"""O7, F5: a whole workspace in one file, and back; cut off anywhere, nothing half is left."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import shutil
import stat
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, PROJECTIONS, append, appended, completed, proposed

from mainstay import events as e
from mainstay.errors import FileError, InputError, LedgerError, MainstayError, OwnedError, WrongKeyError
from mainstay.ledger import backup, chunks, restore
from mainstay.ledger.archive import archive
from mainstay.ledger.backup import Source
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mainstay.ledger.backup import Manifest, Progress

OWN = ("mainstay.toml", "playbooks")
BLOB = os.urandom(3 * 1024 * 1024)
CANARY = "canary-90ef12"


@pytest.fixture
def blobs(folder: Path) -> FileBlobs:
    return FileBlobs(folder / "blobs", KEY)


@pytest.fixture
def filled(ledger: SqliteLedger, blobs: FileBlobs, folder: Path) -> SqliteLedger:
    """A workspace with a plan that ended and is archived, one that is alive, a blob, and files of the operator's."""
    file = blobs.put(BLOB, name="statement.csv")
    append(ledger, appended("plan:old", 0, proposed(CANARY * 9), e.PlanStarted(1), e.PlanCompleted()))
    archive(ledger, 2**62)
    append(ledger, appended("plan:live", 0, proposed("Alive"), e.PlanStarted(1), completed("a", {"file": file})))
    (folder.parent / "mainstay.toml").write_text(f"# {CANARY}\n")
    (folder.parent / "playbooks" / "sub").mkdir(parents=True)
    (folder.parent / "playbooks" / "sub" / "straße.yaml").write_text("playbook: a\n")
    (folder.parent / "playbooks" / "link.yaml").symlink_to("/etc/passwd")
    (folder.parent / "inbox").mkdir()
    (folder.parent / "inbox" / "statement.csv").write_text("left where it is")
    (folder / "id").write_text("w1")
    (folder / "head").write_text("of this machine")
    return ledger


def source_of(folder: Path) -> Source:
    return Source(folder.parent, folder, OWN, "w1", KEY, "1.0")


def make(folder: Path, file: Path, progress: Progress | None = None) -> Manifest:
    head = chunks.new_head(lambda _: KEY, 1, "w1", "1.0", by_word=False)
    return backup.write(source_of(folder), file, head, KEY, progress)


def bring_back(file: Path, to: Path, key: bytes = KEY, progress: Progress | None = None) -> Manifest:
    opened, head, told = restore.open_backup(file)
    with opened:
        source = chunks.Reader(opened, head, told, key, file.name)
        return restore.restore(
            source, file.stat().st_size, restore.Place(to, ".mainstay", OWN), lambda *_: key, progress
        )


def test_o7_a_backup_brings_back_everything(filled, folder, tmp_path):
    before, head = list(filled.tail()), filled.head()
    file, to = tmp_path / "acme.backup", tmp_path / "elsewhere"
    made = make(folder, file)
    assert bring_back(file, to) == made
    assert (made.position, made.digest) == head
    with SqliteLedger(to / ".mainstay" / "ledger.db", KEY, projected=PROJECTIONS, begin=False) as ledger:
        assert list(ledger.tail()) == before
        assert ledger.verify().whole
        assert ledger.differing() == []
        file_ref = ledger.read("plan:live")[2].fact.output["file"]
        assert FileBlobs(to / ".mainstay" / "blobs", KEY).get(file_ref) == BLOB
    assert (to / "mainstay.toml").read_text() == f"# {CANARY}\n"
    assert (to / "playbooks" / "sub" / "straße.yaml").read_text() == "playbook: a\n"


def test_o7_neither_head_nor_lock_nor_link_nor_inbox_goes_along(filled, folder, tmp_path):
    (folder / "owner.lock").write_text("{}")
    make(folder, tmp_path / "acme.backup")
    bring_back(tmp_path / "acme.backup", tmp_path / "to")
    names = {path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert {"mainstay.toml", "playbooks/sub/straße.yaml", ".mainstay/id", ".mainstay/ledger.db"} <= names
    assert not {"inbox/statement.csv", "playbooks/link.yaml", ".mainstay/head", ".mainstay/owner.lock"} & names


def test_s56_a_backup_is_private_and_unreadable(filled, folder, tmp_path):
    file = tmp_path / "acme.backup"
    make(folder, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert CANARY.encode() not in file.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "acme.backup"}


def test_s58_what_is_brought_back_is_private(filled, folder, tmp_path):
    make(folder, tmp_path / "acme.backup")
    bring_back(tmp_path / "acme.backup", tmp_path / "to")
    state = tmp_path / "to" / ".mainstay"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in state.rglob("*") if path.is_file()}
    assert modes <= {0o600, 0o400}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (state, *state.rglob("*")) if path.is_dir()} == {0o700}


def test_o7_the_wrong_key_is_refused_before_anything_is_touched(filled, folder, tmp_path):
    make(folder, tmp_path / "acme.backup")
    with pytest.raises(WrongKeyError, match=r"does not open acme.backup; nothing was changed"):
        bring_back(tmp_path / "acme.backup", tmp_path / "to", bytes(32))
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "acme.backup"}


def test_o7_a_folder_in_use_is_refused(filled, folder, tmp_path):
    make(folder, tmp_path / "acme.backup")
    for used in (folder.parent, tmp_path / "acme.backup"):
        with pytest.raises(InputError):
            bring_back(tmp_path / "acme.backup", used)
    (tmp_path / "empty").mkdir()
    bring_back(tmp_path / "acme.backup", tmp_path / "empty")
    assert (tmp_path / "empty" / ".mainstay" / "ledger.db").exists()


def test_o7_a_backup_never_replaces_a_file(filled, folder, tmp_path):
    (tmp_path / "acme.backup").write_text("an older one")
    with pytest.raises(InputError, match="exists already"):
        make(folder, tmp_path / "acme.backup")
    assert (tmp_path / "acme.backup").read_text() == "an older one"


def test_o7_a_backup_is_never_a_part_of_itself(filled, folder, tmp_path):
    for place in (folder, folder.parent / "playbooks"):
        with pytest.raises(InputError, match="a part of itself"):
            make(folder, place / "acme.backup")
    make(folder, folder.parent / "acme.backup")


@pytest.mark.parametrize("where", [0, 3, 9, 200, 2_000_000, -1])
def test_o7_an_altered_backup_is_refused_and_leaves_nothing(filled, folder, tmp_path, where):
    file = tmp_path / "acme.backup"
    make(folder, file)
    content = bytearray(file.read_bytes())
    content[where] ^= 1
    file.write_bytes(content)
    with pytest.raises((FileError, WrongKeyError)):
        bring_back(file, tmp_path / "to")
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "acme.backup"}


@pytest.mark.parametrize("left", [0, 7, 150, 1_048_600, -1, -70, -1_000_000])
def test_f5_a_backup_that_was_cut_short_is_refused_and_leaves_nothing(filled, folder, tmp_path, left):
    file = tmp_path / "acme.backup"
    make(folder, file)
    os.truncate(file, left if left >= 0 else file.stat().st_size + left)
    with pytest.raises((FileError, WrongKeyError)):
        bring_back(file, tmp_path / "to")
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "acme.backup"}


def test_o7_chunks_can_not_change_places(tmp_path):
    head = chunks.new_head(lambda _: KEY, 1, "w1", "1.0", by_word=False)
    with (tmp_path / "file").open("wb") as file:
        writer = chunks.Writer(file, head, KEY)
        writer.write(b"a" * chunks.CHUNK_BYTES + b"b" * chunks.CHUNK_BYTES + b"c")
        writer.close()
    content = (tmp_path / "file").read_bytes()
    size = chunks.CHUNK_BYTES + chunks.TAG_BYTES + 4
    start = len(content) - 2 * size - chunks.TAG_BYTES - 5
    swapped = content[:start] + content[start + size : start + 2 * size] + content[start : start + size]
    (tmp_path / "file").write_bytes(swapped + content[start + 2 * size :])
    with (tmp_path / "file").open("rb") as file:
        reader = chunks.Reader(file, *chunks.read_head(file, "file"), KEY, "file")
        with pytest.raises(FileError, match="is damaged"):
            reader.read(1)


def test_o7_a_file_of_a_newer_release_is_named(filled, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "FORMAT", 2)
    make(folder, tmp_path / "acme.backup")
    monkeypatch.undo()
    with pytest.raises(FileError, match="newer Mainstay"):
        restore.open_backup(tmp_path / "acme.backup")


def member(name: str, **more: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for field, value in more.items():
        setattr(made, field, value)
    return made


@pytest.mark.parametrize(
    "members",
    [
        [member("../x", size=3)],
        [member("/x", size=3)],
        [member("playbooks/../../x", size=3)],
        [member("playbooks/a.yaml", size=3), member("playbooks/a.yaml", size=3)],
        [member("playbooks/a.yaml", type=tarfile.SYMTYPE, linkname="/etc/passwd")],
        [member("playbooks/a.yaml", size=3), member("playbooks/b", type=tarfile.LNKTYPE, linkname="playbooks/a.yaml")],
        [member("playbooks/a", type=tarfile.FIFOTYPE)],
        [member("playbooks/a", type=tarfile.CHRTYPE, devmajor=1, devminor=5)],
        [member("playbooks", type=tarfile.DIRTYPE)],
        [member("playbooks/a", size=3, pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": "1000000000000"})],
    ],
    ids=["up", "absolute", "up inside", "double", "link", "hard link", "pipe", "device", "folder", "bomb"],
)
def test_s50_an_archive_with_what_is_no_plain_file_inside_is_refused_whole(tmp_path, members):
    """Made by somebody who has the key: a backup under a passphrase that came from elsewhere."""
    head = chunks.new_head(lambda _: KEY, 1, "w1", "1.0", by_word=False)
    with (tmp_path / "acme.backup").open("wb") as file:
        writer = chunks.Writer(file, head, KEY)
        with tarfile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for one in members:
                tar.addfile(one, io.BytesIO(b"abc") if one.isreg() else None)
        writer.close()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileError, match="holds what it should not"):
        bring_back(tmp_path / "acme.backup", tmp_path / "again")
    assert sorted(tmp_path.rglob("*")) == before


def test_s50_a_name_in_a_backup_never_leads_outside(tmp_path):
    place = restore.Place(tmp_path, ".mainstay", OWN)
    for name in ("../x", "/x", "playbooks/../../x", "inbox/x", "", ".git/config"):
        with pytest.raises(FileError, match="holds what it should not"):
            restore._extract(None, name, tmp_path, place)  # type: ignore[arg-type]


def crash(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("call", ["tarfile.TarFile.addfile", "pathlib.Path.rename", "os.fsync"])
def test_f5_a_backup_that_is_cut_off_leaves_no_file(filled, folder, tmp_path, monkeypatch, call):
    with monkeypatch.context() as patched:
        patched.setattr(call, crash)
        with pytest.raises(KeyboardInterrupt):
            make(folder, tmp_path / "acme.backup")
    assert {path.name for path in tmp_path.iterdir()} == {"acme"}
    make(folder, tmp_path / "acme.backup")


def test_f5_what_a_killed_backup_left_is_removed_by_the_next(filled, folder, tmp_path):
    for left in (".mainstay-w1.part", ".mainstay-w1.copy", ".mainstay-w1.copy-wal"):
        (tmp_path / left).write_bytes(b"half")  # whatever name that backup was to have
    make(folder, tmp_path / "acme.backup")
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "acme.backup"}


def test_f5_what_a_killed_restore_left_is_removed_by_the_next(filled, folder, tmp_path):
    make(folder, tmp_path / "acme.backup")
    left = tmp_path / ".to.restoring" / ".mainstay"
    left.mkdir(parents=True)
    (left / "head").write_text("half")
    bring_back(tmp_path / "acme.backup", tmp_path / "to")
    assert not (tmp_path / "to" / ".mainstay" / "head").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"acme", "acme.backup", "to"}


def test_f5_two_backups_at_once_are_refused(filled, folder, tmp_path):
    def another(done: int, total: int) -> None:
        for name in ("other.backup", "acme.backup"):
            with pytest.raises(OwnedError):
                make(folder, tmp_path / name)

    make(folder, tmp_path / "acme.backup", another)
    bring_back(tmp_path / "acme.backup", tmp_path / "to")


def test_f5_two_backups_at_once_to_two_places_are_both_whole(filled, folder, tmp_path):
    (tmp_path / "stick").mkdir()
    made = []

    def another(done: int, total: int) -> None:
        if not made:
            made.append(make(folder, tmp_path / "stick" / "acme.backup"))

    make(folder, tmp_path / "acme.backup", another)
    bring_back(tmp_path / "acme.backup", tmp_path / "to")
    bring_back(tmp_path / "stick" / "acme.backup", tmp_path / "too")


def test_o7_a_backup_writes_nothing_in_the_workspace(filled, folder, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "ledger.db-" not in path.name}

    def same(done: int, total: int) -> None:
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "ledger.db-" not in path.name} == before

    make(folder, tmp_path / "acme.backup", same)


def test_f6_a_backup_without_room_says_so_and_leaves_nothing(filled, folder, tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(MainstayError, match=r"no room in .*; no backup was written"):
            make(folder, tmp_path / "acme.backup")
    assert {path.name for path in tmp_path.iterdir()} == {"acme"}


def test_o7_a_restore_into_the_folder_one_stands_in_is_refused(filled, folder, tmp_path, monkeypatch):
    make(folder, tmp_path / "acme.backup")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(InputError, match="the folder you are in"):
        bring_back(tmp_path / "acme.backup", tmp_path / "here")


def test_o7_a_damaged_history_is_not_brought_back(filled, folder, tmp_path):
    with filled.held() as connection:
        connection.execute("UPDATE event SET actor = 'somebody' WHERE position = 2")
    make(folder, tmp_path / "acme.backup")
    with pytest.raises(LedgerError, match="record 2"):
        bring_back(tmp_path / "acme.backup", tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_o7_progress_is_told_up_to_the_end(filled, folder, tmp_path):
    told: list[tuple[int, int]] = []
    make(folder, tmp_path / "acme.backup", lambda *at: told.append(at))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > len(BLOB)


def test_o7_a_passphrase_opens_its_backup_and_no_other_does(filled, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, "SCRYPT_N", 2**10)
    file = tmp_path / "acme.backup"
    head = chunks.new_head(lambda salt: chunks.stretch("correct horse", salt), 1, "w1", "1.0", by_word=True)
    backup.write(source_of(folder), file, head, chunks.stretch("correct horse", bytes.fromhex(head.salt)))
    opened, read, told = restore.open_backup(file)
    with opened:
        assert read == head
        with pytest.raises(WrongKeyError, match="passphrase does not open"):
            chunks.Reader(opened, read, told, chunks.stretch("wrong", bytes.fromhex(read.salt)), "acme.backup")


def test_o7_a_backup_beside_a_busy_writer_is_consistent(filled, folder, tmp_path, blobs):
    async def busy() -> list[Manifest]:
        made: list[Manifest] = []
        backing = asyncio.get_running_loop().run_in_executor(None, make, folder, tmp_path / "acme.backup")
        at = 3
        while not backing.done():
            ref = blobs.put(f"{at}".encode() * 2000)
            await filled.append([appended("plan:live", at, completed(f"s{at}", ref))])
            at += 1
        made.append(await backing)
        return made

    (made,) = asyncio.run(busy())
    bring_back(tmp_path / "acme.backup", tmp_path / "to")
    with SqliteReader(tmp_path / "to" / ".mainstay" / "ledger.db", KEY) as reader:
        assert reader.verify().records == made.position
        for event in reader.tail():
            if isinstance(event.fact, e.StepCompleted) and not isinstance(event.fact.output, dict):
                FileBlobs(tmp_path / "to" / ".mainstay" / "blobs", KEY).get(event.fact.output)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    mount = tmp_path / "disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", mount], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


@pytest.mark.parametrize("how", ["full", "read-only"])
def test_f6_a_history_on_a_disk_that_takes_nothing_is_read_and_backed_up(filled, folder, tmp_path, small_disk, how):
    before = list(filled.tail())
    filled.close()
    shutil.copytree(folder.parent, small_disk / "acme", symlinks=True)
    if how == "full":
        (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    else:
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    make(small_disk / "acme" / ".mainstay", tmp_path / "acme.backup")
    bring_back(tmp_path / "acme.backup", tmp_path / "to")
    with SqliteReader(tmp_path / "to" / ".mainstay" / "ledger.db", KEY) as reader:
        assert list(reader.tail()) == before
    with pytest.raises(MainstayError):
        bring_back(tmp_path / "acme.backup", small_disk / "to")
    assert not (small_disk / "to").exists()


def test_f6_l7_a_history_whose_log_has_no_index_is_verified_on_a_full_disk(filled, folder, small_disk):
    """A kill leaves the log; its index may be cut off where there is no room. One reader at a time can do without."""
    state = small_disk / "acme" / ".mainstay"
    shutil.copytree(folder, state, ignore=shutil.ignore_patterns("ledger.db-shm"))
    assert (state / "ledger.db-wal").stat().st_size
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with SqliteReader(state / "ledger.db", KEY) as reader:
        found = reader.verify()
        assert (found.whole, found.records, found.damaged) == (True, filled.head()[0], ())
        assert list(reader.tail()) == list(filled.tail())


def test_o7_a_disk_itself_is_no_place_to_restore_to(filled, folder, tmp_path, small_disk):
    make(folder, tmp_path / "acme.backup")
    with pytest.raises(InputError, match="a disk itself"):
        bring_back(tmp_path / "acme.backup", small_disk)
