"""The file source: looks at the folders that somebody waits for, and brings what is new as an event (KERNEL T1).

A file counts once it has lain still for two seconds, an empty one after a minute: it may be about to be written. It is
named by its path and content, a mail by its Message-ID and what stands below its head (on its way a mail is given more
lines there), so looking again, also after a restart, brings nothing twice, and whoever uses an ID again hides nothing.
What can't be taken in (a link, a file that may not be read, no mail) is said once, and noted for who looks later.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from mainstay.contracts import to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import CommitFailedError, LedgerError, MainstayError, NeedsOperator, NotSent
from mainstay.records import File
from mainstay.shown import shown
from mainstay.values import BlobRef, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mainstay.ports import Clock, Workers
    from mainstay.runtime.bounces import Bounces
    from mainstay.runtime.outside import Body, Outside
    from mainstay.runtime.payloads import Payloads
    from mainstay.values import Value

STILL_S = 2.0
EMPTY_US = 60_000_000  # an empty file is often one whose content is still on its way
REST = 5  # times as long as a look took, so that a folder with very many files does not keep the owner busy
MAIL_TIMEOUT_S = 30.0
MAIL_MEMORY_MB = 512
_TRIED_AGAIN = (OSError, LedgerError, NotSent, NeedsOperator)  # what may be mended beside the file itself

Mark: TypeAlias = tuple[int, int]  # size in bytes, time of the last change in ns


class Seen(Protocol):
    """A file as it lies there: connectors/inbox.py."""

    @property
    def path(self) -> str:
        """Relative to the workspace."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def changed_ns(self) -> int:
        """The time of its last change."""
        ...

    @property
    def odd(self) -> str:
        """Why it can't be taken in, where that is seen from outside; else empty."""
        ...


class Source(Protocol):
    """How folders are looked at and mails are read: connectors/inbox.py."""

    @property
    def MAIL_FOLDER(self) -> str:  # noqa: N802 - a constant of that module
        """Where mails are put, relative to the workspace."""
        ...

    @property
    def MAIL_ENTRY(self) -> str:  # noqa: N802
        """What reads a mail in a worker process: "package.module:function"."""
        ...

    @property
    def MAX_FILE_BYTES(self) -> int:  # noqa: N802
        """The largest file that is taken."""
        ...

    def look(self, root: Path, folders: Iterable[str]) -> list[Any]:
        """List the files of these folders."""
        ...

    def read(self, root: Path, seen: Any, /) -> bytes | None:  # noqa: ANN401 - what `look` gave
        """Read one of them; None when it went or changed meanwhile."""
        ...


class Watcher:
    """Watches the folders of one workspace."""

    def __init__(
        self,
        outside: Outside,
        root: Path,
        source: Source,
        payloads: Payloads,
        clock: Clock,
        workers: Workers,
        bounces: Bounces,
    ) -> None:
        """Bring events to `outside`; mails are read by `source` in a worker process.

        What mail servers say of mails of ours is brought by `bounces`.
        """
        self._outside = outside
        self._root = root
        self._source = source
        self._payloads = payloads
        self._clock = clock
        self._workers = workers
        self._bounces = bounces
        self.say: Callable[[str], None] = lambda _: None  # told what can't be read
        self.keep: Callable[[dict[str, str]], None] = lambda _: None  # told all of that, with why, when it changed
        self._left: dict[str, str] | None = None
        self._lying: dict[str, Mark] = {}
        self._known: dict[str, Mark] = {}
        self._said: dict[str, Mark] = {}
        self._empty: dict[str, int] = {}  # since when a file was seen to be empty
        self._took_s = 0.0

    async def run(self) -> None:
        """Look for as long as the owner lives; nobody waiting for files costs nothing."""
        while True:
            if folders := self._outside.watched():
                await self.look(sorted(folders))
            await self._clock.sleep(max(STILL_S, self._took_s * REST))

    async def look(self, folders: list[str]) -> None:
        """Look once: what lay still since the last look, and is new, is brought."""
        began = asyncio.get_running_loop().time()
        seen: list[Seen] = await asyncio.to_thread(self._source.look, self._root, folders)
        self._took_s = asyncio.get_running_loop().time() - began
        marks = {one.path: (one.size, one.changed_ns) for one in seen}
        still = [one for one in seen if self._lying.get(one.path) == marks[one.path] != self._known.get(one.path)]
        still = self._filled(seen, still)
        self._lying = marks
        self._known = {path: mark for path, mark in self._known.items() if path in marks}
        self._said = {path: mark for path, mark in self._said.items() if path in marks}
        known = {} if self._left is None else self._left
        left = {path: why for path, why in known.items() if path in marks and self._said.get(path) == marks[path]}
        for one in still:
            try:
                await self._bring(one)
            except CommitFailedError:  # it is brought again once the history is whole
                return
            except (MainstayError, OSError, ValueError) as error:
                left[one.path] = self._say(one, error)
                if isinstance(error, _TRIED_AGAIN):
                    continue
            self._known[one.path] = marks[one.path]
        if left != self._left:
            self._left = left
            with suppress(OSError):  # a full disk: it is a note, and was said
                await asyncio.to_thread(self.keep, left)

    def _filled(self, seen: list[Seen], still: list[Seen]) -> list[Seen]:
        """Leave out the files that have been empty for less than a minute."""
        now_us = self._clock.now_us()
        self._empty = {one.path: self._empty.get(one.path, now_us) for one in seen if not one.size and not one.odd}
        return [one for one in still if now_us - self._empty.get(one.path, now_us - EMPTY_US) >= EMPTY_US]

    def _say(self, one: Seen, error: Exception) -> str:
        """Say what is not taken in, and why; of one state of a file once. Gives why."""
        mark = one.size, one.changed_ns
        why = error.message if isinstance(error, MainstayError) else getattr(error, "strerror", None) or str(error)
        said = shown(f"{why.rstrip('.')}.")
        if self._said.get(one.path) != mark:
            self._said[one.path] = mark
            self.say(f"{shown(one.path)} was not taken in, and stays where it is: {said}")
        return said

    async def _bring(self, one: Seen) -> None:
        if one.odd:
            raise MainstayError(one.odd)
        if one.size > self._source.MAX_FILE_BYTES:
            raise MainstayError(f"it has more than {self._source.MAX_FILE_BYTES // 2**20} MB")
        content = await asyncio.to_thread(self._source.read, self._root, one)
        if content is None:
            return  # it is another one now, which is looked at by itself
        folder, _, name = one.path.rpartition("/")
        if f"{folder}/".startswith(f"{self._source.MAIL_FOLDER}/") and name.lower().endswith(".eml"):
            body, notice = await self._mail(content)
            known_as = _name_of(str(body["message_id"]), content)
            if self._outside.came("mail", str(body["message_id"])):  # earlier releases knew mails by that alone
                return
            if notice is not None:
                await self._bounces.take(self._outside, known_as, body, notice)
                return
            future = self._outside.receive("mail.received", "mail", known_as, body)
        else:
            known_as = f"{one.path}@{digest_of(content)}"
            if self._outside.came("folder", known_as):  # after a start everything that lies there is looked at again
                return
            file = to_plain(File(name, self._payloads.pin(content, name=name)))
            body: Body = {"path": one.path, "folder": folder, "name": name, "file": file}
            future = self._outside.receive("file.received", "folder", known_as, body)
        if future is not None:
            await future

    async def _mail(self, content: bytes) -> tuple[Body, Value]:
        """Read a mail in a worker process, and what it says as a notice; attachments are kept as files."""
        ref = BlobRef(digest_of(content), len(content))
        answer = await self._workers.run(
            self._source.MAIL_ENTRY,
            encode_value(to_plain({"blob": ref})),
            {ref.digest: content},
            timeout_s=MAIL_TIMEOUT_S,
            memory_mb=MAIL_MEMORY_MB,
        )
        body = cast("Body", decode_value(answer))
        attached = cast("list[dict[str, str]]", body.pop("attached"))
        notice = body.pop("notice", None)
        if notice is not None:  # it repeats a mail to somebody whom it is not from: nothing of that is kept
            return {**body, "files": [], "text": "", "subject": ""}, notice
        body["files"] = [self._file(one) for one in attached]
        return body, notice

    def _file(self, attached: dict[str, str]) -> Value:
        content = base64.b64decode(attached["content"])
        return to_plain(
            File(attached["name"], self._payloads.pin(content, name=attached["name"], media=attached["media"]))
        )


def _name_of(message_id: str, content: bytes) -> str:
    """Name a mail: two that differ are two, also under one Message-ID."""
    told = content.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    return f"{message_id}@{digest_of(told)}" if message_id else digest_of(content)
