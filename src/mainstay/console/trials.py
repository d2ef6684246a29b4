"""Trials: `mainstay try` over files that came from a page, and `mainstay playbook try`, each a process of its own.

Files lie in a folder of the system's temporary ones, which only we may read, and go with it when the trial ends. What
is left of one that a crash cut off goes when the service begins again. What came out is kept in memory for a while.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from mainstay.connectors.folder import run_to_end
from mainstay.errors import CommandRefusedError, InputError, UnknownNameError
from mainstay.ledger import keys as ledger_keys
from mainstay.workspace import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mainstay.console.uploads import Upload
    from mainstay.workspace import Workspace

PREFIX = "mainstay-up-"
AT_ONCE = 2
KEPT = 8  # trials that are over; an older one gives way
LONGEST_S = 300.0
GRACE_S = 10.0  # to clean up after it was told to end
_CHARS = 8  # of a workspace's id, in the name of a folder: a socket has to fit below it
_BY_CHANCE = 8  # characters that mkdtemp adds to that name
_WRONG = 2  # as mainstay.cli.status.WRONG: it went, and a file could not be read
_LINE_BYTES = 64 * 1024
_SAID_CHARS = 300  # of how far it is
KINDS = ("bank", "invoices")
SHOWN = 500  # rows that are kept of each list; the command line has all

Uploads: TypeAlias = "Mapping[str, Sequence[Upload]]"  # by kind
Told: TypeAlias = "Callable[[dict[str, Any]], dict[str, Any]]"  # what a page says beside what a command gives


class Rows(list[Any]):
    """The first rows of a list, with how many there are in `whole`."""

    def __init__(self, rows: Sequence[Any]) -> None:
        """Take the first; those are cut as well."""
        super().__init__(cut(one) for one in rows[:SHOWN])
        self.whole = len(rows)


class Trial:
    """One trial: it runs, or is over, with what came out or what is wrong."""

    def __init__(self, names: Sequence[str], at_us: int, playbook: str = "") -> None:
        """Take the names of its files, when it began, and the playbook that is tried on its last plans, if one is."""
        self.id = secrets.token_urlsafe(9).replace("-", "x").replace("_", "y")
        self.names, self.at_us, self.playbook = tuple(names), at_us, playbook
        self.began_s = time.monotonic()
        self.says = "Beginning"  # how far it is
        self.found: dict[str, Any] | None = None  # what the command gives, its lists `cut`
        self.wrong: tuple[str, str] | None = None  # what happened, what next
        self.took_s = 0.0

    @property
    def running(self) -> bool:
        """Whether it is not over yet."""
        return self.found is None and self.wrong is None

    @property
    def so_far_s(self) -> float:
        """How long it runs, or ran."""
        return time.monotonic() - self.began_s if self.running else self.took_s


class Trials:
    """The trials of one service."""

    def __init__(self, workspace: Workspace, keyword: str, tell: Callable[[str], None]) -> None:
        """Begin none; `keyword` is the workspace's id, `tell` is told the topic of a trial that changed."""
        self._workspace, self.prefix, self._tell = workspace, prefix_of(keyword), tell
        self._all: dict[str, Trial] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def begin(self, uploads: Uploads, currency: str, now_us: int, told: Told) -> Trial:
        """Begin one; `told` sees all that comes out before it is cut, and what it gives is kept with that.

        Raises InputError for nothing to try, CommandRefusedError while too many run.
        """
        files = [one for kind in KINDS for one in uploads.get(kind, ())]
        if not files:
            raise InputError("No file was chosen.", remedy="Choose a bank statement and your open invoices.")
        more = ["--currency", currency] if currency else []

        def placed(folder: Path) -> list[str]:
            return ["try", "--json", *more, "--", *_placed(folder, uploads)]

        return self._begin(Trial([one.name for one in files], now_us), placed, told)

    def begin_past(self, playbook: str, version: str, last: int, now_us: int) -> Trial:
        """Try a version of a playbook on what its last plans were given. Raises CommandRefusedError as `begin`."""
        more = [f"--version={version}"] if version else []
        asked = ["playbook", "try", "--json", f"--last={last}", *more, "--", playbook]
        return self._begin(Trial((), now_us, playbook), lambda _: asked, lambda _: {})

    def _begin(self, trial: Trial, command: Callable[[Path], list[str]], told: Told) -> Trial:
        if len(self._tasks) >= AT_ONCE:
            raise CommandRefusedError("Two trials run already.", remedy="Wait until one of them is over.")
        self._all[trial.id] = trial
        for old in [key for key, one in self._all.items() if not one.running][: max(0, len(self._all) - KEPT)]:
            del self._all[old]
        task = self._tasks[trial.id] = asyncio.create_task(self._run(trial, command, told))
        task.add_done_callback(lambda _: self._tasks.pop(trial.id, None))
        return trial

    def get(self, name: str, playbook: str = "") -> Trial:
        """Give one of files, or of a playbook. Raises UnknownNameError for one that is gone."""
        if name not in self._all or self._all[name].playbook != playbook:
            raise UnknownNameError(
                "This trial is gone: its files were removed, and what came out is kept only for a while.",
                remedy="Begin it again.",
            )
        return self._all[name]

    def past(self) -> list[Trial]:
        """List those of files, the newest first."""
        return [one for one in reversed(self._all.values()) if not one.playbook]

    def end(self, name: str) -> Trial | None:
        """Stop one that runs, and forget what came out of it; gives it, if there was one."""
        if task := self._tasks.get(name):
            task.cancel()
        return self._all.pop(name, None)

    async def close(self) -> None:
        """Stop all, and remove their files."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, trial: Trial, command: Callable[[Path], list[str]], told: Told) -> None:
        """Run one to its end; whatever happens, nothing of its files stays."""
        by_hand = f"mainstay playbook try {trial.playbook}" if trial.playbook else "mainstay try FILES"
        again = f"Try it again, or in a terminal: {by_hand}"
        folder, found, wrong = None, None, ("The trial could not be finished.", again)
        try:
            folder = Path(tempfile.mkdtemp(prefix=self.prefix, dir=_place(self.prefix)))
            arguments = await run_to_end(partial(command, folder))
            status, said = await self._asked(trial, folder, arguments)
            if "error" in said:
                wrong = said["error"]["message"], said["error"]["remedy"]
                wrong = wrong[0].replace(f"{folder}/files/", ""), wrong[1].replace(f"{folder}/files/", "")
            elif status in (0, _WRONG):
                found = await asyncio.to_thread(lambda: cut(said | told(said)))
        except TimeoutError:
            wrong = f"It took longer than {LONGEST_S / 60:.0f} minutes, and was stopped.", "Choose fewer."
        except OSError:
            wrong = "This machine had no room for the trial's files, or for one more program.", f"Make room. {again}"
        except ValueError:  # it was killed, or died, before it wrote what came out
            wrong = "The trial ended before it said what came out.", again
        finally:  # whatever happened, it is over
            took_s = time.monotonic() - trial.began_s
            if folder is not None:
                await run_to_end(partial(shutil.rmtree, folder, ignore_errors=True))
            trial.took_s, trial.found, trial.wrong = took_s, found, wrong if found is None else None
            self._tell(f"trial:{trial.id}")

    async def _asked(self, trial: Trial, folder: Path, arguments: Sequence[str]) -> tuple[int, dict[str, Any]]:
        """Run a command, as somebody in the workspace's folder would."""
        # A passphrase would be asked for: nothing is known then.
        locked = ledger_keys.way_of(self._workspace.state) == "passphrase"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "mainstay.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder)},
            cwd=folder if locked and not trial.playbook else self._workspace.root,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        hearing = asyncio.create_task(self._hear(trial, process.stderr))
        try:
            async with asyncio.timeout(LONGEST_S):
                document = await process.stdout.read()
                status = await process.wait()
            return status, json.loads(document)
        finally:
            await asyncio.shield(_ended(process))
            hearing.cancel()

    async def _hear(self, trial: Trial, lines: asyncio.StreamReader) -> None:
        """Read what it says of itself to the end: a pipe that nobody reads would stop it."""
        while True:
            try:
                line = await lines.readline()
            except ValueError:  # a line too long to be one: it is let go of
                continue
            if not line:
                return
            trial.says = line.decode("utf-8", "replace").strip()[:_SAID_CHARS] or trial.says
            self._tell(f"trial:{trial.id}")


def cut(value: Any) -> Any:  # noqa: ANN401 - any document
    """Give a document with `Rows` for its lists: what came out of some trials is kept in memory, and may be large."""
    if isinstance(value, dict):
        return {name: cut(one) for name, one in cast("dict[str, Any]", value).items()}
    return Rows(cast("list[Any]", value)) if isinstance(value, list) else value


def prefix_of(keyword: str) -> str:
    """Give how the folders of a workspace's trials are called."""
    return f"{PREFIX}{keyword[:_CHARS]}-"


def _place(prefix: str) -> Path:
    """Give where those folders lie: a trial makes its workspace in its own, which goes with it whatever happens."""
    return temporary_folder(len(f"/{prefix}") + _BY_CHANCE)


def sweep(keyword: str) -> None:
    """Remove what trials left behind that a crash cut off; for the one owner of a workspace, before it begins any."""
    for folder in _left(prefix_of(keyword)):
        shutil.rmtree(folder, ignore_errors=True)


def _left(prefix: str) -> Iterator[Path]:
    places = {Path(tempfile.gettempdir()), _place(prefix)}
    for path in (path for place in places for path in place.glob(f"{prefix}*")):
        with suppress(OSError):
            if path.stat(follow_symlinks=False).st_uid == os.getuid() and path.is_dir() and not path.is_symlink():
                yield path


def _placed(folder: Path, uploads: Uploads) -> list[str]:
    """Write the files into folders of their own, each under its plain name; gives the folders, invoices last.

    Which is which is seen by what stands in a file; only what may be both is taken for what its folder says.
    """
    places = [folder / "files" / kind for kind in KINDS if uploads.get(kind)]
    for place in places:
        place.mkdir(mode=0o700, parents=True)
        for one in uploads[place.name]:
            made = os.open(place / one.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(made, "wb") as file:
                file.write(one.content)
    return [str(place) for place in places]


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait until it ended; it cleans up when it is told to, and is killed where it does not."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
