"""Posts as files: the topics to write about, and the queue of what goes out when.

A post that is scheduled lies in `outbox/scheduled/<channel>` until its time, whole, to be read and corrected there.
What lies there is never replaced: a post of the same name gets a number behind it.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import msgspec

from mainstay.connectors.files import FilesConfig, WriteFile, Written
from mainstay.connectors.files import operations as of_files
from mainstay.connectors.source import Source, unix_lines
from mainstay.contracts import Card, Compensation, Found, Operation, to_plain
from mainstay.errors import Permanent
from mainstay.origins import ALL, Gives
from mainstay.records import File, Time, Topic
from mainstay.shown import shown
from mainstay.values import BlobRef, PersonalText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.contracts import Call

QUEUE = "outbox/scheduled"
MAX_TOPICS = 100
MAX_BYTES = 1024 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}", re.ASCII)
_HOW = "Write '# Title' on a line of its own, and below it what the post is to say."


class ReadTopics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file to read."""

    file: File


class Topics(msgspec.Struct, frozen=True):
    """What to write about, in the order of the file."""

    topics: tuple[Topic, ...]


class Post(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to go out, where and when; `name` is what its file is called."""

    channel: str
    at: Time
    title: PersonalText
    text: PersonalText
    name: str


class Scheduled(msgspec.Struct, frozen=True):
    """A post in the queue; `name` is what its file is called, with its number where the name was taken."""

    path: str
    channel: str
    at: Time
    title: PersonalText
    name: str
    digest: PersonalText  # of the file
    previous: BlobRef | None = None  # what lay there before; of plans that began before names were numbered


def operations(config: FilesConfig, timezone: str = "UTC") -> tuple[Operation, ...]:
    """Build posts.read_topics and posts.schedule, whose undo is files.restore; cards say times in the time zone."""
    write = next(each for each in of_files(config) if each.name == "files.write")
    queue = _Queue(write)
    return (
        Operation(
            name="posts.read_topics",
            summary="Read what to write about",
            input=ReadTopics,
            output=Topics,
            effect="read",
            where="worker",
            entry="mainstay.connectors.posts:read_topics",
            gives=Gives(what="the list of topics"),
        ),
        Operation(
            name="posts.schedule",
            summary="Put a post into the queue",
            input=Post,
            output=Scheduled,
            effect="reversible",
            settle="lookup",
            call=queue.schedule,
            lookup=queue.look_up,
            lookup_authoritative=True,
            compensation="files.restore",
            compensate=_undo,
            card=partial(_card, ZoneInfo(timezone)),
            roles={"channel": "destination"},
            gives=Gives(trusted=ALL),
            stays=True,
        ),
    )


def read_topics(arguments: ReadTopics, files: Mapping[str, bytes]) -> Topics:
    """Read topics. Raises FileError that names the file and the line."""
    source = Source.of(arguments.file, files)
    if len(source.content) > MAX_BYTES:
        raise source.error(f"the file has more than {MAX_BYTES // 2**20} MB", remedy="Give one week's topics.")
    try:
        lines = unix_lines(source.content.decode("utf-8-sig")).split("\n")
    except UnicodeDecodeError:
        raise source.error("this is no text in UTF-8", remedy="Save it as UTF-8.") from None
    found: list[tuple[str, list[str]]] = []
    for number, line in enumerate(lines, 1):
        if line.startswith("# "):
            found.append((line[2:].strip(), []))
        elif found:
            found[-1][1].append(line)
        elif line.strip():
            raise source.error("this stands before the first '# Title'", remedy=_HOW, line=number)
    if not 0 < len(found) <= MAX_TOPICS:
        raise source.error(f"it holds {len(found)} topics; 1 to {MAX_TOPICS} are taken", remedy=_HOW)
    return Topics(tuple(Topic(title, "\n".join(text).strip()) for title, text in found))


class _Queue:
    """The queue, over what writes files."""

    def __init__(self, write: Operation) -> None:
        assert write.call is not None
        assert write.lookup is not None
        self._write, self._look_up = write.call, write.lookup

    async def schedule(self, call: Call, arguments: Post) -> Scheduled:
        """On disk when this returns; calling again with the same token changes nothing."""
        return _scheduled(arguments, cast("Written", await self._write(call, _file_of(arguments))))

    async def look_up(self, call: Call, arguments: Post) -> Found:
        found = await self._look_up(call, _file_of(arguments))
        written = cast("Written | None", found.output)
        return msgspec.structs.replace(found, output=None if written is None else _scheduled(arguments, written))


def _file_of(post: Post) -> WriteFile:
    """Give the file of a post. Raises Permanent for a channel or a name that can't be one of a file."""
    for name, what in ((post.channel, "channel"), (post.name, "post's file")):
        if _NAME.fullmatch(name) is None:
            raise Permanent(f"The {what} can't be called {shown(name)!r}: small letters, digits, - and _.")
    text = post.text if post.text.endswith("\n") else f"{post.text}\n"
    return WriteFile(f"{QUEUE}/{post.channel}/{post.name}.md", text, existing="number")


def _scheduled(post: Post, written: Written) -> Scheduled:
    return Scheduled(
        path=written.path,
        channel=post.channel,
        at=post.at,
        title=post.title,
        name=PurePosixPath(written.path).stem,
        digest=written.digest,
        previous=written.previous,
    )


def _undo(arguments: Post, output: Scheduled) -> Compensation:
    del arguments
    expected = {"path": output.path, "expected": output.digest, "previous": to_plain(output.previous)}
    return Compensation("files.restore", expected)


def _card(zone: ZoneInfo, arguments: Post) -> Card:
    when = datetime.fromisoformat(arguments.at).astimezone(zone).strftime("%Y-%m-%d %H:%M")
    body = shown(arguments.text, lines=True)
    return Card(f"{shown(arguments.channel)}, {when}: {shown(arguments.title)}", body)
