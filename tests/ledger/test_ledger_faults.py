"""Real faults on a real process: killed under load, a full disk, errors on write and on sync (FAULTS F3, F6, F7)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, PROJECTIONS, append, appended, completed

from mainstay.errors import CommitFailedError, LedgerError
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SOURCES = str(HERE.parent.parent / "src")


def start(folder: Path, *before: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, str(HERE / "appender.py"), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{SOURCES}:{HERE}"},
    )


def acknowledged(lines: list[str]) -> dict[str, int]:
    """Give the last sequence of each stream; a line the kill cut in two counts as not said."""
    found: dict[str, int] = {}
    for line in lines:
        if line.startswith("plan:") and line.endswith("\n"):
            stream, sequence = line.split()
            found[stream] = int(sequence)
    return found


def kill_after(folder: Path, count: int) -> dict[str, int]:
    with start(folder) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        process.kill()
        lines += process.stdout.readlines()
    return acknowledged(lines)


@pytest.mark.parametrize("count", [1, 500, 3001])
def test_f3_what_was_acknowledged_is_there_after_a_kill(folder, count):
    said = kill_after(folder, count)
    assert sum(said.values()) >= count
    with SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
        for stream, last in said.items():
            assert len(ledger.read(stream)) >= last
        assert ledger.verify().whole
        assert ledger.differing() == []
        append(ledger, appended("plan:0", len(ledger.read("plan:0")), completed()))


def test_a_reader_after_a_kill_sees_what_was_acknowledged_and_recovers_nothing(folder):
    said = kill_after(folder, 1000)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}
    assert len(files["ledger.db-wal"]) > 0
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        assert all(len(reader.read(stream)) >= last for stream, last in said.items())
        assert reader.verify().whole
    assert {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")} == files


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    mount = tmp_path / "disk"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", mount], check=False).returncode != 0:
        pytest.skip("this machine does not let us mount a file system")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)


def test_f6_a_full_disk_is_a_clear_stop_without_half_an_event(small_disk):
    folder = small_disk / ".mainstay"
    with start(folder) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = list(iter(process.stdout.readline, "failed\n"))
        assert len(lines) > 100
        subprocess.run(["mount", "-o", "remount,size=40m", small_disk], check=True)
        rest = process.communicate("now there is room\n")[0].splitlines()
    assert rest[-2:] == ["reopened", "whole"]
    assert process.returncode == 0


def test_f6_a_disk_that_stays_full_keeps_the_ledger_stopped(small_disk):
    ledger = SqliteLedger(small_disk / ".mainstay" / "ledger.db", KEY)
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(CommitFailedError, match="full"):
        append(ledger, appended("plan:p", 0, *[completed("a", "x" * 1000)] * 200))
    for _ in range(2):
        with pytest.raises(CommitFailedError):
            append(ledger, appended("plan:p", 0, completed()))
        with pytest.raises(CommitFailedError):
            ledger.read("plan:p")
    with pytest.raises(LedgerError, match="full"):
        ledger.reopen()
    assert ledger.failed
    (small_disk / "ballast").unlink()
    ledger.reopen()
    assert ledger.read("plan:p") == []
    assert append(ledger, appended("plan:p", 0, completed())) == 1
    ledger.close()


def test_f6_what_was_acknowledged_before_a_kill_is_read_on_a_full_disk(tmp_path, small_disk):
    said = kill_after(tmp_path / "own", 300)
    subprocess.run(["mount", "-o", "remount,size=40m", small_disk], check=True)
    shutil.copytree(tmp_path / "own", small_disk / "own", ignore=shutil.ignore_patterns("*-shm"))
    (small_disk / "ballast").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    files = {path.name: path.read_bytes() for path in (small_disk / "own").iterdir()}
    assert len(files["ledger.db-wal"]) > 0
    with SqliteReader(small_disk / "own" / "ledger.db", KEY) as reader:
        assert all(len(reader.read(stream)) >= last for stream, last in said.items())
    assert {path.name: path.read_bytes() for path in (small_disk / "own").iterdir() if path.name in files} == files


def can_inject() -> bool:
    strace = shutil.which("strace")
    return (
        strace is not None and subprocess.run([strace, "-qq", "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not can_inject(), reason="system calls can only be made to fail where strace may trace")
@pytest.mark.parametrize("calls", ["fdatasync,fsync", "pwrite64"])
def test_l5_f7_an_error_of_the_disk_fails_the_ledger_until_it_was_read_again(folder, calls):
    inject = f"inject={calls}:error=EIO:when=400"  # counted per thread: the writer's
    with start(folder, "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject) as process:
        lines = process.communicate("go on\n" * 10)[0].splitlines(keepends=True)
    assert "failed\n" in lines
    assert lines[-2:] == ["reopened\n", "whole\n"]
    assert process.returncode == 0
    with SqliteReader(folder / "ledger.db", KEY) as reader:
        assert all(len(reader.read(stream)) >= last for stream, last in acknowledged(lines).items())
