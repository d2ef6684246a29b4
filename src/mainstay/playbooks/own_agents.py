"""The agents of a workspace for the catalogue: contracts from what was activated, code put where workers find it."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING

from mainstay.errors import LedgerError, MissingVersion
from mainstay.playbooks.artefacts import digest_of_files, path_of
from mainstay.runtime.described import DESCRIBE, contract_of

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.contracts import AgentContract
    from mainstay.playbooks.versions import Version, Versions

_DESCRIBE = "describe.py"
_FILE_MODE = 0o400  # folders stay writable, so that a workspace can be deleted


def module_of(digest: str, name: str) -> str:
    """Name the module of an agent's file. Each version is a package of its own, so that versions never mix."""
    return f"v{digest}.agents.{name}"


def describing(digest: str) -> str:
    """Name the function that tells what the agents of a version promise: in a module, so in a room, of that version."""
    return f"v{digest}.describe:describe"


class Code:
    """The code of versions, on disk: `.mainstay/code/v<digest>/agents/...`, made again when it is gone."""

    def __init__(self, folder: Path) -> None:
        """Keep it here; `folder` is where workers look for modules. For the owner alone."""
        self._folder = folder
        self._checked: set[str] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in folder.glob("part-*"):  # of an owner that died
            shutil.rmtree(part)

    def place(self, digest: str, files: dict[str, bytes]) -> None:
        """Put files there unless they are there already, exactly so."""
        at, files = self._folder / f"v{digest}", {**files, _DESCRIBE: DESCRIBE}
        if at.is_dir():
            if _content(at) == files:
                self._checked.add(digest)
                return
            shutil.rmtree(at)  # cut off by a crash, or altered
        part = self._folder / f"part-{secrets.token_hex(4)}"
        for path, content in files.items():
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(content)
            (part / path).chmod(_FILE_MODE)
        part.rename(at)
        self._checked.add(digest)

    def has(self, digest: str) -> bool:
        """Whether it was put there, or found to be right, by this process, and still stands there."""
        return digest in self._checked and (self._folder / f"v{digest}").is_dir()


def _content(folder: Path) -> dict[str, bytes] | None:
    """Read all files; None when they can't be, or when there is anything but files in folders."""
    try:
        found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
        if any(not path.is_file() or path.is_symlink() for path in found):
            return None
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}
    except OSError:
        return None


class OwnAgents:
    """The agents of a workspace by name and version. Without `code` they can be typed, not run."""

    def __init__(self, versions: Versions, root: Path, code: Code | None = None) -> None:
        """Take the versions, the workspace's folder, and where code is put."""
        self._versions = versions
        self._root = root
        self._code = code

    def names(self) -> list[str]:
        """List the active ones."""
        return sorted(told.name for version in self._active() for told in version.contracts)

    def agent(self, name: str, version: str = "") -> AgentContract | None:
        """Give the active one, or the version a plan was compiled with; None when there is none of that name.

        Raises MissingVersion when the pinned version can't be had.
        """
        for found in self._all() if version else self._active():
            for told in found.contracts:
                if told.name == name and found.digest.startswith(version):
                    self._place(found)
                    return contract_of(told, module_of(found.digest, found.name), found.digest)
        return None

    def file_of(self, name: str) -> str:
        """Name the file in the folder that is not active and may hold this agent; empty when there is none."""
        path = path_of("agent", name)
        return path if (self._root / path).is_file() and self._versions.active("agent", name) is None else ""

    def _active(self) -> list[Version]:
        found = [self._versions.active(*key) for key in self._versions.known() if key[0] == "agent"]
        return [version for version in found if version is not None]

    def _all(self) -> list[Version]:
        keys = [key for key in self._versions.known() if key[0] == "agent"]
        return [version for key in keys for version in self._versions.past(*key).versions]

    def _place(self, version: Version) -> None:
        if self._code is None or self._code.has(version.digest):
            return
        try:
            files = self._versions.content(version)
            if digest_of_files(files) != version.digest:
                raise LedgerError("it is not what was activated")  # noqa: TRY301 - told as the other reasons are
            self._code.place(version.digest, files)
        except (LedgerError, OSError) as error:
            raise MissingVersion(
                f"The code of {path_of('agent', version.name)}, version {version.short}, can't be had: {error}",
                remedy="Restore .mainstay from a backup and try again, or skip the step.",
            ) from error
