"""The files of a folder, as they lie there when a plan wants them: what a schedule gives to a playbook.

Read only, and only where `files.read` may read too. What can't be read, a link, say, is not left out in silence.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors.files import FilesConfig, readable
from mainstay.connectors.folder import read_file, run_to_end
from mainstay.connectors.inbox import Seen, look
from mainstay.contracts import Operation
from mainstay.errors import NeedsOperator
from mainstay.origins import Gives
from mainstay.records import File

if TYPE_CHECKING:
    from mainstay.contracts import Call

MAX_FILES = 2000


class Collect(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which folder; `newest`: only the file in it that was changed last."""

    folder: str  # "inbox/bank", or "bank" where mainstay.toml names a folder so
    which: Literal["all", "newest"] = "all"


class Collected(msgspec.Struct, frozen=True):
    """The files, the oldest first, pinned as they were; none where there is no such folder."""

    folder: str
    files: tuple[File, ...]
    count: int


def operations(config: FilesConfig) -> tuple[Operation, ...]:
    """Build files.collect."""
    return (
        Operation(
            name="files.collect",
            summary="Take the files of a folder",
            input=Collect,
            output=Collected,
            effect="read",
            call=partial(_collect, config),
            gives=Gives(trusted=("folder", "count"), author="folder", what="the files of a folder"),
        ),
    )


async def _collect(config: FilesConfig, call: Call, arguments: Collect) -> Collected:
    root, parts = readable(config, arguments.folder, whole=True)
    seen = await run_to_end(partial(look, Path(root), ["/".join(parts)]))
    if len(seen) > MAX_FILES:
        raise NeedsOperator(
            f"{arguments.folder} holds more than {MAX_FILES:,} files.", remedy="Move away what is done with."
        )
    if odd := [one for one in seen if one.odd]:
        raise NeedsOperator(f"{odd[0].path} can't be taken: {odd[0].odd}.", remedy="Correct or remove it.")
    chosen = seen[-1:] if arguments.which == "newest" else seen
    files = [await _file(call, root, one) for one in chosen]
    return Collected(arguments.folder, tuple(files), len(files))


async def _file(call: Call, root: str, seen: Seen) -> File:
    parts = tuple(seen.path.split("/"))
    content = await run_to_end(partial(read_file, root, parts))
    if content is None:
        raise NeedsOperator(f"{seen.path} went while it was read.", remedy="Let it lie there, and try again.")
    return File(parts[-1], call.store(content, parts[-1]))
