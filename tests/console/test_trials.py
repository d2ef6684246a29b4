"""Trials beside everything else: stopped, too many, too long, too much; each a real command in a process of its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from http_kit import WAIT_S
from kit import make_workspace

from mainstay.console import trials
from mainstay.console.trials import SHOWN, Rows, Trials
from mainstay.console.trying import told
from mainstay.console.uploads import Upload
from mainstay.errors import CommandRefusedError, UnknownNameError
from mainstay.playbooks.shelf import LIBRARY
from mainstay.tryout import scratch

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.console.trials import Trial

MANY = 700
BANK = b"Date,Amount,Text\n" + b"".join(b"2026-10-02,%d.00,Parcel %d\n" % (one, one) for one in range(1, MANY + 1))
INVOICES = (LIBRARY / "demo/invoices.csv").read_bytes()
FILES = {"bank": [Upload("october.csv", BANK)], "invoices": [Upload("open.csv", INVOICES)]}
LINES = "sys.stderr.write('x' * 1_000_000 + '\\nAll was read\\n')"
ENDLESS = "import time; open(os.environ['TMPDIR'] + '/begun', 'w').close(); time.sleep(600)"


@pytest.fixture
def said() -> set[str]:
    """What trials said of how far they are."""
    return set()


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: set[str]) -> Trials:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    here = make_workspace(tmp_path / "acme")
    made = Trials(here, secrets.token_hex(8), lambda _: said.update(one.says for one in made.past()))
    return made


def first(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Let the command of a trial do something before all else."""
    (folder / "sitecustomize.py").write_text(f"import os, sys\nif 'mainstay.cli' in sys.orig_argv:\n    {code}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))


def begin(here: Trials) -> Trial:
    return here.begin(FILES, "EUR", 0, told)


def left(here: Trials) -> list[Path]:
    """Give the folders of its trials; in /tmp, as these tests' temporary folder is a long way down."""
    return [path for place in (tempfile.gettempdir(), "/tmp") for path in Path(place).glob(f"{here.prefix}*")]


async def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end_s
        await asyncio.sleep(0.02)


async def over(one: Trial) -> Trial:
    await until(lambda: not one.running)
    return one


def test_a_trial_that_is_stopped_ends_with_its_files_and_its_process(begun: Trials, tmp_path: Path, monkeypatch):
    first(monkeypatch, tmp_path, ENDLESS)

    async def scenario() -> None:
        one = begin(begun)
        await until(lambda: [path for path in left(begun) if (path / "begun").exists()])
        (folder,) = left(begun)
        with monkeypatch.context() as in_it:  # what its command makes lies in its folder, and goes with it
            in_it.setattr(tempfile, "tempdir", str(folder))
            with scratch() as made:
                assert made.root.is_relative_to(folder)
        assert begun.end(one.id) is one
        with pytest.raises(UnknownNameError):
            begun.get(one.id)
        await until(lambda: not left(begun))
        assert begun.end(one.id) is None
        await begun.close()
        assert await asyncio.to_thread(_commands, folder) == []

    asyncio.run(scenario())


def _commands(folder: Path) -> list[str]:
    """Give the processes that have a folder in their surroundings."""
    found: list[str] = []
    for one in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [str(one)] * (f"TMPDIR={folder}".encode() in one.read_bytes())
        except OSError:  # it ended just now, or is another's
            continue
    return found


def test_two_run_at_once_and_a_third_is_refused_until_one_of_them_is_over(begun: Trials, tmp_path: Path, monkeypatch):
    first(monkeypatch, tmp_path, ENDLESS)

    async def scenario() -> None:
        one, two = begin(begun), begin(begun)
        assert [each.id for each in begun.past()] == [two.id, one.id]
        with pytest.raises(CommandRefusedError, match="Two trials run already"):
            begin(begun)
        begun.end(one.id)
        await until(lambda: len(left(begun)) == 1)
        begin(begun)
        await begun.close()
        assert left(begun) == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("code", "place", "why"),
    [
        ("os.kill(os.getpid(), 9)", "", "The trial ended before it said what came out."),
        ("print('{'); os._exit(0)", "", "The trial ended before it said what came out."),
        ("", "/gone", "This machine had no room for the trial's files, or for one more program."),
    ],
)
def test_a_trial_that_was_killed_or_had_no_room_is_over_and_says_so_in_plain_words(
    begun: Trials, tmp_path: Path, monkeypatch, code: str, place: str, why: str
):
    first(monkeypatch, tmp_path, code or "pass")
    if place:
        monkeypatch.setattr(tempfile, "tempdir", place)

    async def scenario() -> Trial:
        return await over(begin(begun))

    one = asyncio.run(scenario())
    assert one.wrong is not None
    assert one.wrong[0] == why
    assert one.wrong[1].endswith("mainstay try FILES")
    assert left(begun) == []


def test_a_trial_that_takes_too_long_is_stopped_and_says_so(begun: Trials, tmp_path: Path, monkeypatch):
    first(monkeypatch, tmp_path, ENDLESS)
    monkeypatch.setattr(trials, "LONGEST_S", 0.5)

    async def scenario() -> Trial:
        return await over(begin(begun))

    one = asyncio.run(scenario())
    assert one.wrong is not None
    assert one.wrong[0].endswith("minutes, and was stopped.")
    assert left(begun) == []


@pytest.mark.long
def test_a_line_without_an_end_stops_nothing_and_of_long_lists_the_first_rows_are_kept(
    begun: Trials, said: set[str], tmp_path: Path, monkeypatch
):
    first(monkeypatch, tmp_path, LINES)
    monkeypatch.setattr(trials, "LONGEST_S", WAIT_S * 2)
    remove, ran = shutil.rmtree, list[bool]()

    def noted(folder: Path, **how: bool) -> None:
        ran.append(begun.past()[0].running)
        remove(folder, **how)

    monkeypatch.setattr(shutil, "rmtree", noted)

    async def scenario() -> Trial:
        return await over(begin(begun))

    one = asyncio.run(scenario())
    assert one.wrong is None
    assert (ran, left(begun)) == ([True], []), "it is over once its files are gone"
    assert "All was read" in said
    found = one.found
    assert found is not None
    unmatched = found["unmatched"]
    assert isinstance(unmatched, Rows)
    assert unmatched.whole > SHOWN
    assert len(unmatched) == SHOWN
    assert max(len(rows) for rows in found.values() if isinstance(rows, Rows)) == SHOWN
