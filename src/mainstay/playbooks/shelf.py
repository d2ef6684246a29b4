"""Where playbooks stand: the workspace's own folder first, then the library that comes with Mainstay."""

from __future__ import annotations

import difflib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import FileError, UnknownNameError
from mainstay.playbooks.artefacts import digest_of_files, templates_of
from mainstay.playbooks.calls import Opened
from mainstay.playbooks.compile import compile_opened

if TYPE_CHECKING:
    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.versions import OwnPlaybooks
    from mainstay.ports import Catalogue
    from mainstay.values import Digest

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


def is_shipped(name: str) -> bool:
    """Say whether a playbook of this name comes with Mainstay; one of the workspace hides it."""
    return (LIBRARY / f"{name}.yaml").is_file()


def find_playbook(root: Path | None, name: str) -> Shelved:
    """Give a playbook by name; raises UnknownNameError with the nearest one."""
    known = shelf(root)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(known)}."
        raise UnknownNameError(f"There is no playbook '{name}'.", remedy=hint)
    return known[name]


def open_playbook(root: Path | None, name: str, catalogue: Catalogue) -> Definition:
    """Compile a playbook as its file is now: to look at it, not to run it.

    Raises UnknownNameError with the nearest one, FileError, or PlaybookError.
    """
    return compile_opened(opened(root, name), catalogue, others=partial(opened, root))


def opened(root: Path | None, name: str) -> Opened:
    """Open a playbook as its file is now, whatever version is named: what steps of other playbooks run."""
    found = find_playbook(root, name.partition("@")[0])
    version = "" if found.own else library_version(found.name)
    folders = (found.path.parent, *((root,) if root else ()))
    others = None if found.own else partial(opened, None)  # Mainstay's own run Mainstay's own, whatever hides them
    return Opened(read_text(found.path), found.path.name, folders, version=version, others=others)


def open_to_run(root: Path, name: str, catalogue: Catalogue, own: OwnPlaybooks, *, by_hand: bool = False) -> Definition:
    """Compile what may run of a playbook, named `name` or `name@version`, and of those that its steps run.

    Of the operator's own that is only what is active; Mainstay's own are active by nature. `by_hand` refuses one whose
    file says something else meanwhile; a schedule or a plan goes on with what is active.
    Raises InactiveError, UnknownNameError, or PlaybookError.
    """
    if by_hand and "@" not in name and ((name in shelf(root) and shelf(root)[name].own) or own.has(name)):
        own.refuse_changed(name)
    return compile_opened(opened_to_run(root, own, name), catalogue, others=partial(opened_to_run, root, own))


def opened_to_run(root: Path, own: OwnPlaybooks, name: str) -> Opened:
    """Open what may run of a playbook: the active version, or the one that is named."""
    name, _, version = name.partition("@")
    found = shelf(root).get(name)
    if (found is not None and found.own) or own.has(name):
        return own.opened(name, version)
    find_playbook(root, name)
    refuse_other_release(name, version)
    return opened(None, name)


def refuse_other_release(name: str, version: str) -> None:
    """Refuse a version of a playbook that comes with Mainstay, where this release has another one."""
    if not library_version(name).startswith(version):
        raise UnknownNameError(
            f"Mainstay's playbook '{name}' has no version '{version}' in this release.",
            remedy=f"It has {library_version(name)[:8]}.",
        )


def shipped_files(name: str) -> dict[str, bytes]:
    """Give the files of a playbook that comes with Mainstay as they stand in a workspace, its templates first.

    Raises UnknownNameError with the nearest one.
    """
    find_playbook(None, name)
    path = LIBRARY / f"{name}.yaml"
    content = path.read_bytes()
    return {**templates_of(LIBRARY, path.name, content), f"playbooks/{path.name}": content}


def library_version(name: str) -> Digest:
    """Give the digest of a playbook that comes with Mainstay."""
    path = LIBRARY / f"{name}.yaml"
    content = path.read_bytes()
    return digest_of_files({path.name: content, **templates_of(LIBRARY, path.name, content)})


def read_text(path: Path) -> str:
    """Read a playbook's file; raises FileError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileError(f"{path.name} is larger than {_MAX_BYTES // 1024} KB.", remedy="Split the playbook.")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{path.name} is not UTF-8 text (byte {error.start}).", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise FileError(f"{path.name} can't be read: {error.strerror}.", remedy="Check who may read it.") from None
