"""The file source: looks at the folders that somebody waits for, and brings what is new as an event (KERNEL T1).

A file counts once it has lain still for two seconds. It is named by its path and content, a mail by its Message-ID, so
looking again, also after a restart, brings nothing twice. What can't be read is said once.
"""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from mainstay.contracts import to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import CommitFailedError, MainstayError
from mainstay.records import File
from mainstay.values import BlobRef, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.ports import Clock, Workers
    from mainstay.runtime.outside import Body, Outside
    from mainstay.runtime.payloads import Payloads
    from mainstay.values import Value

STILL_S = 2.0
MAIL_TIMEOUT_S = 30.0
MAIL_MEMORY_MB = 512

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


class Watcher:
    """Watches the folders of one workspace."""

    def __init__(
        self, outside: Outside, root: Path, source: Source, payloads: Payloads, clock: Clock, workers: Workers
    ) -> None:
        """Bring events to `outside`; mails are read by `source` in a worker process."""
        self._outside = outside
        self._root = root
        self._source = source
        self._payloads = payloads
        self._clock = clock
        self._workers = workers
        self.say: Callable[[str], None] = lambda _: None  # told what can't be read
        self._lying: dict[str, Mark] = {}
        self._known: dict[str, Mark] = {}

    async def run(self) -> None:
        """Look for as long as the owner lives; nobody waiting for files costs nothing."""
        while True:
            if folders := self._outside.watched():
                await self.look(sorted(folders))
            await self._clock.sleep(STILL_S)

    async def look(self, folders: list[str]) -> None:
        """Look once: what lay still since the last look, and is new, is brought."""
        seen: list[Seen] = await asyncio.to_thread(self._source.look, self._root, folders)
        lying = {one.path: (one.size, one.changed_ns) for one in seen}
        still = [path for path, mark in lying.items() if self._lying.get(path) == mark != self._known.get(path)]
        self._lying = lying
        self._known = {path: mark for path, mark in self._known.items() if path in lying}
        for path in still:
            self._known[path] = lying[path]
            try:
                await self._bring(path, lying[path][0])
            except CommitFailedError:  # it is brought again once the history is whole
                self._known.pop(path, None)
                return
            except (MainstayError, OSError) as error:
                why = error.message if isinstance(error, MainstayError) else str(error.strerror)
                self.say(f"{path} was left where it is: {why.rstrip('.')}.")

    async def _bring(self, path: str, size: int) -> None:
        if size > self._source.MAX_FILE_BYTES:
            raise MainstayError(f"it has more than {self._source.MAX_FILE_BYTES // 2**20} MB")
        content = await asyncio.to_thread((self._root / path).read_bytes)
        folder, name = str(Path(path).parent), Path(path).name
        if f"{folder}/".startswith(f"{self._source.MAIL_FOLDER}/") and name.lower().endswith(".eml"):
            body = await self._mail(content)
            known_as = str(body["message_id"]) or digest_of(content)
            future = self._outside.receive("mail.received", "mail", known_as, body)
        else:
            file = to_plain(File(name, self._payloads.pin(content, name=name)))
            body = {"path": path, "folder": folder, "name": name, "file": file}
            known_as = f"{path}@{digest_of(content)}"
            future = self._outside.receive("file.received", "folder", known_as, body)
        if future is not None:
            await future

    async def _mail(self, content: bytes) -> Body:
        """Read a mail in a worker process; its attachments are kept as files of their own."""
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
        body["files"] = [self._file(one) for one in attached]
        return body

    def _file(self, attached: dict[str, str]) -> Value:
        content = base64.b64decode(attached["content"])
        return to_plain(
            File(attached["name"], self._payloads.pin(content, name=attached["name"], media=attached["media"]))
        )
