"""Files of the workspace: read what the operator put there, write reports beside it, and take a write back.

Where a path leads is decided by its first name: `outbox/` and `reports/` may be written, `inbox/` and the folders
named in mainstay.toml may only be read, anything else is refused (folder.py keeps it confined).

Before a file is replaced, what was there is kept as a blob, and a note under the effect's token says so. The note is
what makes a crash harmless: without it nothing was written; with it the file is either as noted or as asked for, and
an undo knows what to put back. Notes are dropped after NOTES_KEPT_S: by then no effect is in doubt any more.
"""

from __future__ import annotations

import asyncio
import os
import re
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors.folder import (
    MAX_FILE_BYTES,
    Parts,
    parts_of,
    read_file,
    remove_file,
    run_to_end,
    settle_file,
    sweep_file,
    write_file,
)
from mainstay.contracts import Card, Compensation, Found, Operation, to_plain
from mainstay.errors import FileError, LedgerError, NeedsOperator, NotSent, Permanent
from mainstay.origins import ALL, Gives
from mainstay.records import File
from mainstay.shown import shown
from mainstay.values import DAY_S, BlobRef, Digest, PersonalText, digest_of

if TYPE_CHECKING:
    from mainstay.contracts import Call
    from mainstay.values import Value

READ_FOLDERS = ("inbox", "outbox", "reports")
WRITE_FOLDERS = ("outbox", "reports")
CLOSED_FOLDERS = (".mainstay", ".git", "agents", "connectors", "playbooks", "policies", "templates")
NOTES_KEPT_S = 30 * DAY_S
MAX_TEXT_BYTES = 1024 * 1024  # a larger file comes as a file only
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
MAX_NUMBER = 999  # behind a name that is taken
ABSENT: Digest = ""  # in place of a digest: there is no such file


class FilesConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where files may be read and written. `folders` gives further readable ones a name: {"bank": "/srv/bank"}."""

    workspace: str  # absolute path
    notes: str  # absolute path of a folder of our own, inside .mainstay
    folders: dict[str, str] = {}


_ITSELF_AN_UNDO = "Putting a file back is itself an undo."


class WriteFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to write where: either `text` or `file`."""

    path: str  # "reports/june.csv"
    text: PersonalText | None = None
    file: File | None = None
    existing: Literal["replace", "number"] = "replace"  # number: leave what is there, write "reports/june-2.csv"


class Written(msgspec.Struct, frozen=True):
    """A file as it was written; `previous` is what it replaced, None when there was no such file."""

    path: str
    digest: PersonalText  # of the content
    size: int  # bytes
    previous: BlobRef | None = None


class ReadFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file to read."""

    path: str


class FileRead(msgspec.Struct, frozen=True):
    """A file pinned as it was when read. `text` is None unless it is UTF-8 and at most MAX_TEXT_BYTES."""

    path: str
    file: File
    digest: PersonalText
    size: int  # bytes
    text: PersonalText | None = None


class RestoreFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to take a write back: what is expected to be there, and what was there before (None: no file)."""

    path: str
    expected: PersonalText
    previous: BlobRef | None = None


class Restored(msgspec.Struct, frozen=True):
    """A file as it was before; `removed` when there was none."""

    path: str
    removed: bool


class _Note(msgspec.Struct, frozen=True):
    """What was there before the effect of one token, and what it was about to write, and where."""

    before: Digest
    after: Digest
    previous: BlobRef | None
    path: str = ""  # as numbered; "": as asked for


def operations(config: FilesConfig) -> tuple[Operation, ...]:
    """Build files.read, files.write and its undo files.restore. Raises FileError for a folder that can't be named."""
    _check_folders(config)
    files = _Files(config)
    return (
        Operation(
            name="files.read",
            summary="Read a file",
            input=ReadFile,
            output=FileRead,
            effect="read",
            call=files.read,
            gives=Gives(trusted=("path", "digest", "size"), author="path", what="the file"),
        ),
        Operation(
            name="files.write",
            summary="Write a file",
            input=WriteFile,
            output=Written,
            effect="reversible",
            settle="lookup",
            call=files.write,
            lookup=files.look_up_write,
            lookup_authoritative=True,
            compensation="files.restore",
            compensate=_undo,
            card=_card,
            refuse=_refuse_write,
            roles={"path": "destination"},
            gives=Gives(trusted=ALL),
            stays=True,
            relies=files.replaced,
        ),
        Operation(
            name="files.restore",
            summary="Put a file back as it was",
            input=RestoreFile,
            output=Restored,
            effect="reversible",
            settle="lookup",
            call=files.restore,
            relies=files.changed,
            relied=lambda given: {given.path: said_content(given.expected)},
            lookup=files.look_up_restore,
            lookup_authoritative=True,
            cannot_undo=_ITSELF_AN_UNDO,
            roles={"path": "destination"},
            gives=Gives(trusted=ALL),
            stays=True,
            card=_restore_card,
        ),
    )


class _Files:
    """The operations with what they share: the folders, and one writer at a time."""

    def __init__(self, config: FilesConfig) -> None:
        self._config = config
        self._writing = asyncio.Lock()

    async def read(self, call: Call, arguments: ReadFile) -> FileRead:
        root, parts = readable(self._config, arguments.path)
        content = await run_to_end(partial(read_file, root, parts))
        if content is None:
            raise NeedsOperator(f"There is no file {arguments.path}.", remedy="Put it there, or correct the path.")
        blob = call.store(content, parts[-1])
        return FileRead(arguments.path, File(parts[-1], blob), digest_of(content), len(content), _text_of(content))

    async def write(self, call: Call, arguments: WriteFile) -> Written:
        """On disk when this returns; calling again with the same token and arguments changes nothing."""
        _writable(arguments.path)
        content = _content_of(call, arguments)
        async with self._writing:
            path = arguments.path
            if arguments.existing == "number":
                path = await self._free(call, path, digest_of(content))
            note = await self._prepared(call, path, digest_of(content))
            relied = _relied(call, path, note.before)
            if note.before not in (relied, note.after):
                raise NotSent(f"{path} was changed just before it was to be written.")
            put = partial(write_file, self._config.workspace, _writable(path), content, mark=_mark(call))
            await run_to_end(put)
        return Written(path, note.after, len(content), note.previous)

    async def look_up_write(self, call: Call, arguments: WriteFile) -> Found:
        _writable(arguments.path)
        note = await run_to_end(partial(_read_note, self._config.notes, _mark(call)))
        if note is None:
            return Found("did_not_happen")
        path = note.path or arguments.path
        parts = _writable(path)
        now = await self._digest_now(parts)
        if now == note.after:
            await run_to_end(partial(settle_file, self._config.workspace, parts))
            size = len(_content_of(call, arguments))
            return Found("happened", Written(path, now, size, note.previous))
        if now == note.before:
            await self._sweep(call, parts)
            return Found("did_not_happen")
        return Found("unknown", known=f"{path} was changed by somebody else in the meantime.")

    async def restore(self, call: Call, arguments: RestoreFile) -> Restored:
        """Raises NeedsOperator when the file is not as the write left it: somebody's work would be lost."""
        parts = _writable(arguments.path)
        previous = None if arguments.previous is None else _kept(call, arguments.previous)
        async with self._writing:
            await run_to_end(partial(_restore, self._config.workspace, parts, previous, arguments, call))
        return Restored(arguments.path, removed=previous is None)

    async def replaced(self, call: Call, arguments: WriteFile) -> Value:
        """Say what a write would replace, as it is now; None where it replaces nothing."""
        del call
        if arguments.existing == "number":
            return None
        return {arguments.path: said_content(await self._digest_now(_writable(arguments.path)))}

    async def changed(self, call: Call, arguments: RestoreFile) -> Value:
        """Say what is there now; None where it is as it was before, so that nothing is to be done."""
        now = await self._digest_now(_writable(arguments.path))
        before = ABSENT if arguments.previous is None else digest_of(_kept(call, arguments.previous))
        return None if now == before else {arguments.path: said_content(now)}

    async def look_up_restore(self, call: Call, arguments: RestoreFile) -> Found:
        now = await self._digest_now(_writable(arguments.path))
        before = ABSENT if arguments.previous is None else digest_of(_kept(call, arguments.previous))
        if now == before:
            return Found("happened", Restored(arguments.path, removed=before == ABSENT))
        if now == _relied(call, arguments.path, arguments.expected):
            await self._sweep(call, _writable(arguments.path))
            return Found("did_not_happen")
        return Found("unknown", known=f"{arguments.path} was changed by somebody else in the meantime.")

    async def _free(self, call: Call, path: str, after: Digest) -> str:
        """Give the path, or the first one with a number, where no file is but one that this effect wrote before."""
        noted = await run_to_end(partial(_read_note, self._config.notes, _mark(call)))
        own = noted.path if noted is not None and noted.after == after else ""
        if own and await self._digest_now(_writable(own)) == after:
            return own
        for numbered in (path, *(_numbered(path, number) for number in range(2, MAX_NUMBER + 1))):
            if await self._digest_now(_writable(numbered)) == ABSENT:
                return numbered
        raise NeedsOperator(f"There are {MAX_NUMBER} files named like {path}.", remedy="Move some of them away.")

    async def _prepared(self, call: Call, path: str, after: Digest) -> _Note:
        """Keep what is there now, and note it on disk; an attempt that already wrote keeps its first note."""
        notes, mark, parts = self._config.notes, _mark(call), _writable(path)
        noted = await run_to_end(partial(_read_note, notes, mark))
        content = await run_to_end(partial(read_file, self._config.workspace, parts))
        before = ABSENT if content is None else digest_of(content)
        if noted is not None and noted.after == after == before:
            return noted
        previous = None if content is None else call.store(content, parts[-1])
        note = _Note(before, after, previous, path)
        await run_to_end(partial(_write_note, notes, mark, note, call.now_us))
        return note

    async def _sweep(self, call: Call, parts: Parts) -> None:
        """Remove what an attempt that died left unfinished: the next one has another token, and would not find it."""
        await run_to_end(partial(sweep_file, self._config.workspace, parts, mark=_mark(call)))

    async def _digest_now(self, parts: Parts) -> Digest:
        content = await run_to_end(partial(read_file, self._config.workspace, parts))
        return ABSENT if content is None else digest_of(content)


def _check_folders(config: FilesConfig) -> None:
    """Refuse a named folder that would open what has to stay closed."""
    workspace = Path(os.path.realpath(config.workspace))
    closed = [workspace / name for name in CLOSED_FOLDERS]
    for name, folder in config.folders.items():
        place = Path(os.path.realpath(folder))
        if name in (*READ_FOLDERS, *CLOSED_FOLDERS) or _NAME.fullmatch(name) is None:
            raise FileError(
                f"A folder can't be named {shown(name)!r}.", remedy="Choose another name of letters and digits."
            )
        if workspace.is_relative_to(place) or any(place.is_relative_to(one) for one in closed):
            raise FileError(f"The folder {name} would open parts of the workspace that have to stay closed.")


def readable(config: FilesConfig, path: str, *, whole: bool = False) -> tuple[str, Parts]:
    """Give the folder to start at and the names below it: none for a named folder, where it is wanted `whole`."""
    parts = parts_of(path, writing=False)
    top, *below = parts
    if (below or whole) and top in READ_FOLDERS:
        return config.workspace, parts
    if (below or whole) and top in config.folders:
        return config.folders[top], tuple(below)
    raise Permanent(f"{shown(path)} can't be read: {_say_folders((*READ_FOLDERS, *config.folders))} can.")


def _writable(path: str) -> Parts:
    parts = parts_of(path, writing=True)
    if len(parts) > 1 and parts[0] in WRITE_FOLDERS:
        return parts
    raise Permanent(f"{shown(path)} can't be written: {_say_folders(WRITE_FOLDERS)} can.")


def _numbered(path: str, number: int) -> str:
    whole = PurePosixPath(path)
    return str(whole.with_name(f"{whole.stem}-{number}{whole.suffix}"))


def _say_folders(names: tuple[str, ...]) -> str:
    return "files in " + ", ".join(f"{name}/" for name in names)


def _refuse_write(arguments: WriteFile) -> None:
    """Raise Permanent for what could never be written."""
    _writable(arguments.path)
    if (arguments.text is None) == (arguments.file is None):
        raise Permanent("A file is written from either 'text' or 'file': give one of them.")


def _content_of(call: Call, arguments: WriteFile) -> bytes:
    _refuse_write(arguments)
    content = _encoded(arguments.text) if arguments.file is None else _kept(call, arguments.file.blob)
    if len(content) > MAX_FILE_BYTES:
        raise Permanent(f"{arguments.path} would be larger than {MAX_FILE_BYTES // 2**20} MiB.")
    return content


def _encoded(text: str | None) -> bytes:
    try:
        return (text or "").encode()
    except UnicodeEncodeError as error:
        raise Permanent("The text holds half a character, which no file can hold.") from error


def _kept(call: Call, blob: BlobRef) -> bytes:
    try:
        return call.read(blob)
    except LedgerError as error:
        raise NeedsOperator(f"The content of {shown(blob.name) or 'the file'} is no longer kept.") from error


def _text_of(content: bytes) -> str | None:
    if len(content) > MAX_TEXT_BYTES:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def said_content(digest: Digest) -> str:
    """Say what a file holds, so that two contents are never said alike."""
    return "no file" if digest == ABSENT else f"content {digest}"


def _relied(call: Call, path: str, otherwise: Digest) -> Digest:
    """Give the digest of what was there when it was prepared; it may have been asked about anew since."""
    said = call.relies.get(path) if isinstance(call.relies, dict) else None
    if not isinstance(said, str):
        return otherwise
    return ABSENT if said == said_content(ABSENT) else said.removeprefix("content ")


def _restore(root: str, parts: Parts, previous: bytes | None, arguments: RestoreFile, call: Call) -> None:
    now = read_file(root, parts)
    if now == previous:
        return
    if (ABSENT if now is None else digest_of(now)) != _relied(call, arguments.path, arguments.expected):
        raise NeedsOperator(
            f"{arguments.path} was changed or removed after it was written.",
            remedy="Look at the file; put it back by hand, or skip this undo.",
        )
    if previous is None:
        remove_file(root, parts)
    else:
        write_file(root, parts, previous, mark=_mark(call))


def _undo(arguments: WriteFile, output: Written) -> Compensation:
    del arguments
    undo = to_plain(RestoreFile(output.path, output.digest, output.previous))
    assert isinstance(undo, dict)
    return Compensation("files.restore", undo)


def _card(arguments: WriteFile) -> Card:
    name = shown(arguments.path)
    if arguments.file is not None:
        return Card(f"Write {name}", f"The file {shown(arguments.file.name)}, {arguments.file.blob.size:,} bytes")
    return Card(f"Write {name}", shown(arguments.text or "", lines=True))


def _restore_card(arguments: RestoreFile) -> Card:
    name = shown(arguments.path)
    if arguments.previous is None:
        says = "There was no such file before, so this deletes it, with all that stands in it by then."
        return Card(f"Delete {name}", says, cannot_undo=_ITSELF_AN_UNDO)
    says = f"What stands there by then is replaced by the {arguments.previous.size:,} bytes that stood there before."
    return Card(f"Put {name} back as it was", says, cannot_undo=_ITSELF_AN_UNDO)


def _mark(call: Call) -> str:
    """Name what belongs to one effect on disk, without giving its token away."""
    return digest_of(b"files", call.token.encode())[:32]


def _read_note(notes: str, mark: str) -> _Note | None:
    content = read_file(notes, (mark,)) if Path(notes).is_dir() else None
    return None if content is None else msgspec.json.decode(content, type=_Note)


def _write_note(notes: str, mark: str, note: _Note, now_us: int) -> None:
    try:
        Path(notes).mkdir(mode=0o700, parents=True, exist_ok=True)
        _drop_old_notes(notes, now_us)
    except OSError as error:
        raise NotSent(f"What was there before can't be noted: {error.strerror}.") from error
    write_file(notes, (mark,), msgspec.json.encode(note), mark=mark)


def _drop_old_notes(notes: str, now_us: int) -> None:
    oldest_s = now_us / 1_000_000 - NOTES_KEPT_S
    for entry in os.scandir(notes):
        if entry.stat(follow_symlinks=False).st_mtime < oldest_s:
            remove_file(notes, (PurePosixPath(entry).name,))
