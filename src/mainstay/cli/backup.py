"""`mainstay backup` and `mainstay restore`: a whole workspace in one encrypted file, and back."""

from __future__ import annotations

import asyncio
import getpass
import os
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from signal import SIG_DFL
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from mainstay.cli.place import workspace_at
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE
from mainstay.config import CONFIG_NAME
from mainstay.errors import InputError
from mainstay.values import say_count
from mainstay.version import VERSION
from mainstay.workspace import FOLDERS, STATE_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

    from mainstay.cli.screen import Screen
    from mainstay.ledger.backup import Manifest

# What is the operator's own and worth keeping; what goes in and out of the workspace is not.
OWN = (CONFIG_NAME, ".gitignore", *(name for name in FOLDERS if name not in ("inbox", "outbox", "reports")))
_STOPS = (signal.SIGTERM, signal.SIGHUP)
WORD_ENV = "MAINSTAY_BACKUP_PASSPHRASE"
MIN_PASSPHRASE = 12  # characters


def backup(screen: Screen, folder: Path | None, file: Path, *, by_word: bool) -> int:
    """Write a backup, whoever works on the workspace meanwhile."""
    from mainstay.ledger import backup as backups
    from mainstay.ledger import chunks, keys

    workspace = workspace_at(folder)
    held = keys.load(workspace.state)
    word = _passphrase(screen, again=True) if by_word else ""
    made_at_us = time.time_ns() // 1000
    roots: dict[bytes, bytes] = {}

    def root(salt: bytes) -> bytes:
        return roots.setdefault(salt, chunks.stretch(word, salt) if by_word else held.database)

    head = chunks.new_head(root, made_at_us, held.workspace, VERSION, by_word=by_word)
    master = keys.master(workspace.state).hex() if by_word else ""
    file = Path(os.path.abspath(file.expanduser()))  # noqa: PTH100 - without following links
    source = backups.Source(workspace.root, workspace.state, OWN, held.workspace, held.database, VERSION, master)
    with _stopped_as_by_ctrl_c(), _bar(screen, "Backing up") as tell:
        made = backups.write(source, file, head, root(bytes.fromhex(head.salt)), tell)
    screen.give(_row(made, file), lambda _: None)
    if not screen.as_json:
        screen.say(f"{file} holds {workspace.root} as it is now: {_say(made)}.", "bold")
        screen.say(f"Only {'your passphrase' if by_word else 'the key of this workspace'} opens it.")
        if not by_word:
            screen.say(f"Keep a copy of the key in another place: {keys.key_file(workspace.state)}")
    return DONE


def restore(screen: Screen, file: Path, folder: Path) -> int:
    """Make a workspace of a backup; nothing happens in it before the operator says so."""
    from mainstay.ledger import chunks
    from mainstay.ledger import restore as restoring
    from mainstay.owners import begin
    from mainstay.runtime.names import local_time

    folder = Path(os.path.abspath(folder.expanduser()))  # noqa: PTH100 - without following links
    restoring.refuse_used(folder)
    opened, head, told = restoring.open_backup(file)
    with opened:
        word = _passphrase(screen, again=False) if head.passphrase else ""
        with _bar(screen, "Checking the key"):
            root = chunks.stretch(word, bytes.fromhex(head.salt)) if head.passphrase else _keys_of(head.workspace)
        source = chunks.Reader(opened, head, told, root, file.name)
        place = restoring.Place(folder, STATE_NAME, OWN, FOLDERS)
        with _stopped_as_by_ctrl_c(), _bar(screen, "Restoring") as tell:
            made = restoring.restore(source, file.stat().st_size, place, tell.checks(_unlock), tell)
    again = asyncio.run(begin(Workspace(folder)))  # its first owner sees that it is a copy, and holds everything
    screen.give(_row(made, folder) | {"forgotten_again": again}, lambda _: None)
    if not screen.as_json:
        zone = Workspace(folder).config.company.timezone
        when = moment(local_time(head.made_at_us, zone).isoformat(timespec="seconds"), zone)
        screen.say(f"{folder} is the workspace as it was on {when}: {_say(made)}. All of it was checked.", "bold")
        say_forgotten_again(screen, again)
        screen.say("Nothing is done in it yet: what was on its way then may have happened since.")
        screen.say(text(f"Next: mainstay history release --workspace {folder}", "cyan"))
    return DONE


@contextmanager
def _stopped_as_by_ctrl_c() -> Generator[None]:
    """Take away what is half written also where all processes are asked to end; other work dies as in a crash."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _interrupt) for number in _STOPS if signal.getsignal(number) == SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def say_forgotten_again(screen: Screen, people: int) -> None:
    """Say whom an older history brought back."""
    if people:
        who = "One person was" if people == 1 else f"{people:,} people were"
        screen.say(f"{who} forgotten after this was written, and can't be read here any more either.")


def _unlock(state: Path, made: Manifest) -> bytes:
    """Give the database's key of what was unpacked; the key itself comes along in a backup under a passphrase."""
    from mainstay.ledger import keys

    if made.master:
        keys.install(made.workspace, bytes.fromhex(made.master))
    return keys.load(state).database


def _keys_of(workspace: str) -> bytes:
    """Give the database's key by the workspace's id; raises WrongKeyError when it is not here."""
    from mainstay.ledger import keys

    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "none" / STATE_NAME
        state.mkdir(parents=True)
        (state / keys.ID_NAME).write_text(workspace)
        return keys.load(state).database


def _passphrase(screen: Screen, *, again: bool) -> str:
    """Ask for the passphrase, or take it from the environment where nobody can be asked."""
    word = os.environ.get(WORD_ENV, "")
    if not word and screen.interactive:
        word = getpass.getpass("Passphrase of the backup: ")
        if again and word != getpass.getpass("Once more: "):
            raise InputError("The two are not the same; nothing was written.", remedy="Try again.")
    if not word:
        raise InputError("There is nobody to ask for the passphrase.", remedy=f"Give it in {WORD_ENV}.")
    if again and len(word) < MIN_PASSPHRASE:
        raise InputError(f"A passphrase needs at least {MIN_PASSPHRASE} characters.", remedy="Take a longer one.")
    return word


@contextmanager
def _bar(screen: Screen, what: str) -> Generator[_Bar]:
    """Show how far it is, where somebody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, console=screen.err, transient=True, disable=not screen.err.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield _Bar(progress, task)


class _Bar:
    """A bar that is told how far it is."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def checks(self, unlock: Callable[[Path, Manifest], bytes]) -> Callable[[Path, Manifest], bytes]:
        """Say "Checking" from the moment on in which what was unpacked is opened."""

        def opened(state: Path, made: Manifest) -> bytes:
            self._progress.reset(self._task, description=f"Checking {made.position:,} records", total=None)
            return unlock(state, made)

        return opened


def _row(made: Manifest, where: Path) -> dict[str, object]:
    return {
        "path": str(where),
        "workspace": made.workspace,
        "records": made.position,
        "head": made.digest,
        "files": len(made.files),
        "bytes": made.size,
    }


def _say(made: Manifest) -> str:
    return f"{say_count(made.position, 'record')} and {say_count(len(made.files), 'file')}, {made.size / 2**20:,.1f} MB"
