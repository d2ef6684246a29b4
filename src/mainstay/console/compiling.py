"""Playbooks made ready for pages on a thread of its own: compiling one takes a fifth of a second, and no plan waits.

What came of it is kept for as long as nothing it may depend on changed: the folder, and what is active.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, NamedTuple

from mainstay.app import contracts_to_read
from mainstay.console.graph import drawn
from mainstay.errors import MainstayError
from mainstay.kernel.graph import Graph
from mainstay.playbooks.explain import dry_run, explain
from mainstay.playbooks.format import Mapping, Scalar, read_yaml
from mainstay.playbooks.shelf import open_playbook, read_text

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from pathlib import Path

    from mainstay.console.graph import Drawing
    from mainstay.console.room import Room
    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.explain import DryRun
    from mainstay.playbooks.shelf import Shelved
    from mainstay.workspace import Workspace

FOLDERS = ("playbooks", "agents", "templates")  # what a playbook may depend on


class Compiled(NamedTuple):
    """A playbook as its file stands: what it is, in sentences, as a drawing, and what a run of it would do."""

    definition: Definition
    sentences: str
    drawing: Drawing
    dry: DryRun


async def compiled(room: Room, name: str) -> Compiled:
    """Give one. Raises what is wrong with it."""
    kept, turn = room.compiled, room.desk.activation.versions.turn
    workspace, before = room.owner.workspace, kept.get(name)
    as_of, found = await asyncio.to_thread(_compile, workspace, name, turn, before)
    kept[name] = as_of, found
    return found


async def titles(shelved: Iterable[Shelved]) -> dict[Path, tuple[str, str]]:
    """Give by file the title that it gives its playbook, or empty; and what is wrong with it."""
    files = [one.path for one in shelved]
    return await asyncio.to_thread(lambda: {file: _title(file) for file in files})


def _compile(
    workspace: Workspace, name: str, turn: int, before: tuple[Hashable, Compiled] | None
) -> tuple[Hashable, Compiled]:
    as_of = turn, _as_of(workspace.root)
    if before is not None and before[0] == as_of:
        return before
    contracts = contracts_to_read(workspace)
    definition = open_playbook(workspace.root, name, contracts)
    drawing = drawn(Graph(definition))
    return as_of, Compiled(definition, explain(definition, contracts), drawing, dry_run(definition, contracts))


def _as_of(root: Path) -> Hashable:
    files = [file for folder in FOLDERS for file in (root / folder).rglob("*") if file.is_file()]
    return tuple(sorted(_stamp(file) for file in files))


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        status = file.stat()
    except OSError:  # it went away just now
        return str(file), 0, 0
    return str(file), status.st_mtime_ns, status.st_size


def _title(file: Path) -> tuple[str, str]:
    return _read_title(file, _stamp(file)[1:])


@functools.lru_cache(512)
def _read_title(file: Path, as_of: tuple[int, int]) -> tuple[str, str]:
    del as_of
    try:
        tree = read_yaml(read_text(file), file.name)
    except MainstayError as error:
        return "", f"{error.message} {error.remedy}".strip()
    title = tree.values.get("title") if isinstance(tree, Mapping) else None
    return title.text if isinstance(title, Scalar) else "", ""
