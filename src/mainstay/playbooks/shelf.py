"""Where playbooks stand: the workspace's own folder first, then the library that comes with Mainstay."""

from __future__ import annotations

import difflib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import FileError, UnknownNameError
from mainstay.playbooks.calls import Opened
from mainstay.playbooks.compile import compile_opened

if TYPE_CHECKING:
    from mainstay.kernel.graph import Definition
    from mainstay.ports import Catalogue

LIBRARY = Path(__file__).parent / "library"
_MAX_BYTES = 256 * 1024


class Shelved(msgspec.Struct, frozen=True):
    """A playbook that was found, not read yet."""

    name: str
    path: Path
    own: bool  # the operator's own, in the workspace


def shelf(root: Path | None) -> dict[str, Shelved]:
    """List the playbooks by name; one of the workspace hides the library's of the same name."""
    found = {path.stem: Shelved(path.stem, path, own=False) for path in sorted(LIBRARY.glob("*.yaml"))}
    if root is not None:
        own = sorted((root / "playbooks").glob("*.yaml"))
        found |= {path.stem: Shelved(path.stem, path, own=True) for path in own}
    return found


def find_playbook(root: Path | None, name: str) -> Shelved:
    """Give a playbook by name; raises UnknownNameError with the nearest one."""
    known = shelf(root)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
        raise UnknownNameError(f"There is no playbook '{name}'.", remedy=hint)
    return known[name]


def open_playbook(root: Path | None, name: str, catalogue: Catalogue) -> Definition:
    """Compile a playbook by name. Raises UnknownNameError with the nearest one, FileError, or PlaybookError."""
    return compile_opened(opened(root, name), catalogue, others=partial(opened, root))


def opened(root: Path | None, name: str) -> Opened:
    """Open a playbook as its file is now, whatever version is named: what steps of other playbooks run."""
    found = find_playbook(root, name.partition("@")[0])
    return Opened(_read(found.path), found.path.name, (found.path.parent, *((root,) if root else ())))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path.name} is larger than {_MAX_BYTES // 1024} KB.", remedy="Split the playbook.")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{path.name} is not UTF-8 text (byte {error.start}).", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise FileError(f"{path.name} can't be read: {error.strerror}.") from None
