"""F5: whatever works on a workspace is killed at every line it reaches; what is left opens, and it can be run again."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from killed import STEP, at_every_line
from ledger_samples import KEY, PROJECTIONS, append, appended, completed, proposed

from mainstay import events as e
from mainstay.errors import LedgerError
from mainstay.ledger import backup, chunks, database, head, keeping, keys, passphrase, restore
from mainstay.ledger.archive import archive
from mainstay.ledger.backup import Source
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.collect import collect
from mainstay.ledger.exporting import Opened, export
from mainstay.ledger.head import HeadKeeper, files_of
from mainstay.ledger.importing import Target, import_lines
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.long

WORD, ANOTHER = "correct horse battery", "staple of another sort"
KEEP, LOSE = b"named by a fact" * 500, b"named by nothing" * 500
LONG_AGO_S = 1_000_000.0
AT_US = 1_800_000_000_000_000

State = list[tuple[int, str, str]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where keys are kept. What is slow on purpose is quick here: a kill, other than a loss of power, needs no sync."""
    monkeypatch.setattr(passphrase, "SCRYPT_N", 16)
    monkeypatch.setitem(database.WRITER_PRAGMAS, "synchronous", "off")
    for call in ("fsync", "sync"):
        monkeypatch.setattr(os, call, lambda *_: None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "mainstay" / "keys"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A small workspace: a plan that ended, one that is alive, a blob that is named, and one that is not."""
    base = tmp_path / "template"
    with open_ledger(base) as ledger:
        blobs = blobs_of(base)
        ref = blobs.put(KEEP)
        append(ledger, appended("plan:old", 0, proposed("x" * 99), e.PlanStarted(1), completed("a", ref)))
        append(ledger, appended("plan:old", 3, e.PlanCompleted()))
        append(ledger, appended("plan:live", 0, proposed(), e.PlanStarted(1), completed("a", "y" * 99)))
        lost = blobs.put(LOSE)
        os.utime(base / "acme" / ".mainstay" / "blobs" / lost.digest[:2] / lost.digest[2:], (1, 1))
    (base / "acme" / "mainstay.toml").write_text("# mine\n")
    (base / "acme" / ".mainstay" / "id").write_text("w1")
    return base


def open_ledger(base: Path) -> SqliteLedger:
    return SqliteLedger(file_of(base), KEY, projected=PROJECTIONS)


def file_of(base: Path) -> Path:
    return base / "acme" / ".mainstay" / "ledger.db"


def blobs_of(base: Path) -> FileBlobs:
    return FileBlobs(base / "acme" / ".mainstay" / "blobs", KEY)


def state_of(base: Path, workspace: str = "acme") -> State:
    """Give all records, after everything that can be checked was."""
    ledger_file = base / workspace / ".mainstay" / "ledger.db"
    with SqliteLedger(ledger_file, KEY, projected=PROJECTIONS, begin=False) as ledger:
        assert ledger.verify().whole
        assert ledger.differing() == []
        found = list(ledger.tail())
    ref = next(event.fact.output for event in found if event.stream == "plan:old" and event.kind == "StepCompleted")
    assert FileBlobs(ledger_file.parent / "blobs", KEY).get(ref) == KEEP
    return [(event.position, event.stream, repr(event.fact)) for event in found]


def names(base: Path) -> set[str]:
    """Give what is in a folder, without what SQLite keeps beside its file."""
    found = {path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(("-wal", "-shm", ".lock"))}


def archived(base: Path) -> None:
    with open_ledger(base) as ledger:
        archive(ledger, 2**62)


def collected(base: Path) -> None:
    with open_ledger(base) as ledger:
        collect(ledger.reader, blobs_of(base), LONG_AGO_S)


def rebuilt(base: Path) -> None:
    with open_ledger(base) as ledger:
        ledger.rebuild()


@pytest.mark.parametrize("work", [archived, collected, rebuilt])
def test_f5_l8_l9_care_that_is_killed_loses_nothing_and_is_done_by_the_next(base, tmp_path, work):
    before, folder = state_of(base), tmp_path / "w"
    places = 0
    wanted: set[str] | None = None
    for place in at_every_line(base, folder, work):
        assert state_of(folder) == before, place
        work(folder)
        assert state_of(folder) == before, place
        wanted = wanted or names(folder)
        assert names(folder) == wanted, place
        places += 1
    assert places * STEP > 50


def backed_up(base: Path) -> None:
    head = chunks.new_head(lambda _: KEY, 1, "w1", "1.0", by_word=False)
    own = Source(base / "acme", base / "acme" / ".mainstay", ("mainstay.toml",), "w1", KEY, "1.0")
    backup.write(own, base / "acme.backup", head, KEY)


def restored(base: Path) -> None:
    opened, head, told = restore.open_backup(base / "acme.backup")
    with opened:
        source = chunks.Reader(opened, head, told, KEY, "acme.backup")
        restore.restore(source, 1, restore.Place(base / "again", ".mainstay", ("mainstay.toml",)), lambda *_: KEY)


def test_f5_o7_a_backup_that_is_killed_is_whole_or_not_there(base, tmp_path):
    before, folder = state_of(base), tmp_path / "w"
    for place in at_every_line(base, folder, backed_up):
        assert state_of(folder) == before, place
        if not (folder / "acme.backup").exists():
            backed_up(folder)
        restored(folder)
        assert state_of(folder, "again") == before, place
        (folder / "acme.backup").unlink()
        backed_up(folder)
        assert not [name for name in names(folder) if ".part" in name], place


def test_f5_o7_a_restore_that_is_killed_is_whole_or_not_there(base, tmp_path):
    before, folder = state_of(base), tmp_path / "w"
    backed_up(base)
    for place in at_every_line(base, folder, restored):
        if not (folder / "again").exists():
            restored(folder)
        assert state_of(folder, "again") == before, place
        assert {path.name for path in folder.iterdir()} == {"acme", "again", "acme.backup"}, place


def test_f5_o7_an_import_that_is_killed_is_whole_or_not_begun(base, tmp_path):
    lines = io.BytesIO()
    opened = Opened(file_of(base), KEY, KEY, blobs_of(base), "1.0")
    export(opened, lines.write)
    new = tmp_path / "new"
    with open_ledger(new) as ledger:
        append(ledger, appended("workspace", 0, e.WorkspaceCreated("Acme", "1.0")))

    def imported(base: Path) -> None:
        with closing(open_ledger(base)) as ledger:
            HeadKeeper(file_of(base), base / "w1.head", ledger).begin(AT_US)
            target = Target(ledger, blobs_of(base), KEY, files_of(file_of(base), base / "w1.head"))
            import_lines(target, lines.getvalue().splitlines(keepends=True), "x")

    before, folder, kept = state_of(base), tmp_path / "w", 0
    for place in at_every_line(new, folder, imported):
        with SqliteReader(file_of(folder), KEY) as reader:
            records = reader.head()[0]
            heads = [one for one in map(head.read, files_of(file_of(folder), folder / "w1.head")) if one]
            kept += len(heads)
            assert all(reader.digest_at(one.position) == one.digest for one in heads), place
        assert records in (1, len(before)), place
        if records == 1:
            imported(folder)
        assert state_of(folder) == before, place
    assert kept > 0


@pytest.mark.parametrize(
    ("began", "way"), [("file", "passphrase"), ("passphrase", "file"), ("passphrase", "passphrase")]
)
def test_f5_l4_a_key_whose_move_is_killed_still_opens_the_history(tmp_path, place, monkeypatch, began, way):
    state = tmp_path / "template" / ".mainstay"
    made = keys.create(state, began, WORD)
    template, kept = state.parent, tmp_path / "kept"
    shutil.copytree(place, kept)

    def moved(base: Path) -> None:
        keys._unlocked.clear()
        with_word(monkeypatch, tmp_path, WORD)
        keys.load(base / ".mainstay")
        keys.move(base / ".mainstay", way, ANOTHER)

    for where in at_every_line(template, tmp_path / "w", lambda base: (put_back(kept, place), moved(base)), 1):
        assert opened(tmp_path / "w" / ".mainstay", monkeypatch, tmp_path) == made, where
        keys._unlocked.clear()
        if keys.way_of(tmp_path / "w" / ".mainstay") != way:
            moved(tmp_path / "w")
        assert opened(tmp_path / "w" / ".mainstay", monkeypatch, tmp_path) == made, where


def test_f5_l4_a_key_that_is_put_somewhere_is_there_whole_or_not_at_all(tmp_path):
    (tmp_path / "empty").mkdir()
    for way in ("file", "passphrase"):
        for where in at_every_line(tmp_path / "empty", tmp_path / "w", lambda to, way=way: put(to, way), 1):
            file = keeping.file_of(tmp_path / "w", "w1", way)
            if file.exists():
                content = file.read_bytes()
                assert (content if way == "file" else passphrase.unwrap(content, "w1", WORD)) == KEY, where


def put(to: Path, way: keeping.Way) -> None:
    keeping.put(to, "w1", KEY, way, WORD)


def put_back(kept: Path, place: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(kept, place)


def with_word(monkeypatch: pytest.MonkeyPatch, folder: Path, word: str) -> None:
    file = folder / "word"
    file.unlink(missing_ok=True)
    file.write_text(word)
    file.chmod(0o600)
    monkeypatch.setenv(passphrase.FILE_ENV, str(file))


def opened(state: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> keys.Keys:
    """Open with one passphrase or the other."""
    for word in (WORD, ANOTHER):
        keys._unlocked.clear()
        with_word(monkeypatch, folder, word)
        try:
            return keys.load(state)
        except LedgerError:
            continue
    raise AssertionError("neither passphrase opens it")
