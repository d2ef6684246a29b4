"""Where anchors are kept outside: a line in a file, a commit in a repository; and reading them from wherever they lie.

    file    a line at the end of the operator's file
    git     a line in mainstay-anchors/<workspace>.txt of the operator's repository, and a commit of that file alone

Both are on disk when a call returns. A line that was written twice, or without its commit, does no harm: every anchor
stays true for ever. Git is called with fixed arguments, runs no hook and asks for nothing; nothing is pushed anywhere.
A disk that does not answer holds both for as long as it likes: an owner calls them in threads that it can leave.
"""

from __future__ import annotations

import email
import email.policy
import mailbox
import os
import signal
import stat
import subprocess
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from mainstay.errors import FileError
from mainstay.ledger.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

FOLDER = "mainstay-anchors"  # in a repository
GIT_S = 30.0  # of one of its commands
MOST_BYTES = 64 * 1024 * 1024  # of one file that is searched for anchors
_GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "commit.gpgSign=false")
_WHO = {"NAME": "Mainstay", "EMAIL": "mainstay@localhost"}
_SAID_CHARS = 300
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe is not waited for


def append_line(file: Path, line: str) -> None:
    """Add a line to a file, which is made when it is not there; on disk when this returns. Raises FileError."""
    try:
        is_new = not file.exists()
        with os.fdopen(os.open(file, _APPEND, 0o666), "ab") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FileError(f"{file} is no plain file.", remedy=f"Keep this line elsewhere: {line.strip()}")
            if found.st_size and not _ends_whole(opened.fileno(), found.st_size):
                line = f"\n{line}"
            opened.write(f"{line}\n".encode())
            opened.flush()
            os.fsync(opened.fileno())
        if is_new:
            sync_folder(file.parent)
    except OSError as error:
        raise FileError(
            f"{file} can't be written to: {error.strerror}.", remedy=f"Keep this line elsewhere: {line.strip()}"
        ) from None


def _ends_whole(descriptor: int, size: int) -> bool:
    """Whether the last line was written to its end."""
    return os.pread(descriptor, 1, size - 1) == b"\n"


def commit_line(repository: Path, workspace: str, line: str, message: str) -> None:
    """Add a line to the workspace's file of a repository, and commit that file. Blocks. Raises FileError."""
    folder = repository / FOLDER
    name = f"{FOLDER}/{workspace}.txt"
    _git(repository, "rev-parse", "--is-inside-work-tree")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} can't be made: {error.strerror}.", remedy="Let Mainstay write there.") from None
    append_line(repository / name, line)
    _git(repository, "add", "--", name)
    _git(repository, "commit", "--quiet", "--no-verify", "--only", "-m", message, "--", name)


def _git(repository: Path, *words: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CONFIG_HOME") if name in os.environ}
    who = {f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in _WHO.items()}
    env = {**kept, **who, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        process = subprocess.Popen(  # noqa: S603 - fixed words, no shell
            [*_GIT, "-C", str(repository), *words],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise FileError("There is no git on this machine.", remedy="Install it, or anchor into a file.") from None
    except OSError as error:
        raise FileError(f"git can't be started: {error.strerror}.", remedy=_LOOK) from None
    with process:
        try:
            out, err = process.communicate(timeout=GIT_S)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and what it started: a filter of the repository's, say
            raise FileError(f"git did not end within {GIT_S:.0f} s in {repository}.", remedy=_LOOK) from None
    if process.returncode:
        said = " ".join((err or out).split())[:_SAID_CHARS]
        raise FileError(f"git can't keep an anchor in {repository}: {said}", remedy=_LOOK)


_LOOK = "Look with: git status. It has to be a repository of yours with a work tree."


def texts_at(place: Path) -> Iterator[str]:
    """Give every text in which anchors may stand: a file, a mail, a mailbox, or a folder of any of them.

    Raises FileError for what can't be read, in a folder only where nothing in it can.
    """
    if not place.is_dir():
        yield from _texts_in(place)
        return
    for path in sorted(place.rglob("*")):
        if path.is_file() and ".git" not in path.parts and path.stat().st_size <= MOST_BYTES:
            try:
                yield from _texts_in(path)
            except FileError:
                continue  # a picture, say


def _texts_in(file: Path) -> Iterator[str]:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise FileError(f"{file} is too large for a file of anchors.", remedy="Give the lines alone.")
        content = file.read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise FileError(f"{file} can't be read: {why}.", remedy="Name the file you keep anchors in.") from None
    if content.startswith(b"From "):
        with closing(mailbox.mbox(file, create=False)) as box:
            for message in box:
                yield from _parts_of(email.message_from_bytes(message.as_bytes(), policy=email.policy.default))
        return
    mail = email.message_from_bytes(content, policy=email.policy.default)
    if any(name in mail for name in ("Message-ID", "MIME-Version", "Content-Type", "Date")):
        yield from _parts_of(mail)
    else:
        yield text


def _parts_of(message: EmailMessage) -> Iterator[str]:
    """Give the texts of a mail as they read: long lines are folded on their way."""
    for part in message.walk():
        if part.get_content_maintype() == "text":
            try:
                yield str(part.get_content())
            except (LookupError, ValueError):  # an encoding nobody knows
                continue
