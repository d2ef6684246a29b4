"""Which versions of playbooks, agents and policies there are, and which is active: folded from the history.

Content is kept with the fact that activated it, so that an old version can be shown, run and put back whatever
became of the folder (requirements O4, K14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from mainstay import events as e
from mainstay.errors import InactiveError, UnknownNameError
from mainstay.events import ArtefactKind
from mainstay.ledger import queries
from mainstay.playbooks.artefacts import Key, path_of, read_artefact, text_of
from mainstay.playbooks.calls import Opened
from mainstay.runtime.described import AgentTold, decode_told
from mainstay.values import BlobRef, Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mainstay.events import Recorded
    from mainstay.ports import Blobs

SHORT = 8  # characters of a digest that a person reads
STREAM = "version:"


class Records(Protocol):
    """What is read of a ledger: the ledger itself, or its reader."""

    def read(self, stream: str, after: int = 0) -> list[Recorded]:
        """Give the facts of a stream."""
        ...

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query."""
        ...


class Version(msgspec.Struct, frozen=True):
    """One version of one artefact. `activated_us` is None when it was only ever kept."""

    kind: ArtefactKind
    name: str
    digest: Digest
    files: dict[str, BlobRef]
    kept_us: int
    activated_us: int | None = None
    by: str = ""
    contracts: tuple[AgentTold, ...] = ()

    @property
    def short(self) -> str:
        """Its name on a screen."""
        return self.digest[:SHORT]


class Past(msgspec.Struct, frozen=True):
    """All versions of one artefact, the one that was active last at the end; `active` is None when none is."""

    versions: tuple[Version, ...] = ()
    active: Version | None = None
    sequence: int = 0
    turned: int = 0  # the position in the history of what made it so, or none


def stream_of(kind: ArtefactKind, name: str) -> str:
    """The stream that holds an artefact's facts."""
    return f"{STREAM}{kind}:{name}"


class Versions:
    """Reads versions. In the owner, which alone adds to them, `forget` follows each addition."""

    def __init__(self, records: Records, blobs: Blobs) -> None:
        """Read from a ledger or its reader; content is kept as blobs."""
        self._records = records
        self._blobs = blobs
        self._pasts: dict[Key, Past] = {}
        self._keys: list[Key] | None = None
        self.turn = 0  # rises whenever facts were added

    def load(self) -> None:
        """Read all now: the reader may be closed afterwards."""
        for key in self.known():
            self.past(*key)

    def forget(self) -> None:
        """Read everything again: facts were added."""
        self._pasts.clear()
        self._keys = None
        self.turn += 1

    def known(self) -> list[Key]:
        """List every artefact that ever had a version."""
        if self._keys is None:
            names = [row[0].removeprefix(STREAM) for row in self._records.rows(queries.VERSION_STREAMS)]
            self._keys = [cast("Key", tuple(name.split(":", 1))) for name in names]
        return self._keys

    def past(self, kind: ArtefactKind, name: str) -> Past:
        """Give all versions of one artefact."""
        if (kind, name) not in self._pasts and (kind, name) in self.known():
            past = Past()
            for event in self._records.read(stream_of(kind, name)):
                past = self._folded(past, event)
            self._pasts[kind, name] = past
        return self._pasts.get((kind, name), Past())

    def active(self, kind: ArtefactKind, name: str) -> Version | None:
        """Give the active version."""
        return self.past(kind, name).active

    def version(self, kind: ArtefactKind, name: str, beginning: str) -> Version:
        """Give the version whose digest begins so. Raises UnknownNameError when there is none, or more than one."""
        past = self.past(kind, name)
        found = [version for version in past.versions if beginning and version.digest.startswith(beginning)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(version.short for version in past.versions) or "none yet"
        what = "More than one version" if found else "No version"
        raise UnknownNameError(f"{what} of {path_of(kind, name)} begins with '{beginning}'.", remedy=f"Known: {known}.")

    def content(self, version: Version) -> dict[str, bytes]:
        """Give the files of a version. Raises LedgerError when one is missing or altered."""
        return {path: self._blobs.get(ref) for path, ref in version.files.items()}

    def _folded(self, past: Past, event: Recorded) -> Past:
        fact, at_us = event.fact, event.recorded_at_us
        if isinstance(fact, e.VersionRetired):
            return Past(past.versions, None, event.sequence, event.position)
        if not isinstance(fact, (e.VersionActivated, e.VersionKept)):
            return past
        before = next((one for one in past.versions if one.digest == fact.digest), None)
        made = Version(
            kind=fact.artefact,
            name=fact.name,
            digest=fact.digest,
            files=fact.files,
            kept_us=before.kept_us if before else at_us,
        )
        if isinstance(fact, e.VersionKept):
            made = before or made
        else:
            contracts = decode_told(self._blobs.get(fact.contracts)) if fact.contracts is not None else ()
            made = msgspec.structs.replace(made, activated_us=at_us, by=fact.by, contracts=contracts)
        others = tuple(one for one in past.versions if one.digest != fact.digest)
        if isinstance(fact, e.VersionKept):
            return Past((*others, made), past.active, event.sequence, past.turned)
        return Past((*others, made), made, event.sequence, event.position)


def opened_files(path: str, files: Mapping[str, bytes], version: Digest = "") -> Opened:
    """Open a playbook of content alone, whatever stands in the folder meanwhile. Raises FileError."""
    return Opened(text_of(files[path], path), path.rpartition("/")[2], files=files, version=version)


class OwnPlaybooks:
    """Opens the operator's own playbooks for running: only what was activated."""

    def __init__(self, versions: Versions, root: Path) -> None:
        """Take the versions and the workspace's folder."""
        self._versions = versions
        self._root = root

    def has(self, name: str) -> bool:
        """Whether one of this name is active, also when its file is gone."""
        return self._versions.active("playbook", name) is not None

    def opened(self, name: str, version: str = "") -> Opened:
        """Open the active version, or an earlier one by the beginning of its digest.

        The folder is not looked at: a schedule goes on with the active version while its file is being worked on.
        Raises InactiveError or UnknownNameError.
        """
        path = path_of("playbook", name)
        found = (
            self._versions.version("playbook", name, version) if version else self._versions.active("playbook", name)
        )
        if found is None:
            raise _inactive(path)
        if found.activated_us is None:
            raise InactiveError(
                f"Version {found.short} of {path} was never activated.",
                remedy=f"Look at it: mainstay diff {name} {found.short}",
            )
        return opened_files(path, self._versions.content(found), found.digest)

    def refuse_changed(self, name: str) -> None:
        """Refuse what the operator starts by hand while its file says something else than the active version."""
        artefact = read_artefact(self._root, "playbook", name)
        active = self._versions.active("playbook", name)
        path = path_of("playbook", name)
        if artefact is None and active is None:
            raise UnknownNameError(
                f"There is no playbook '{name}'.", remedy="See those there are: mainstay playbook list"
            )
        if artefact is None:
            raise InactiveError(
                f"{path} is gone.",
                remedy=f"Put it back: mainstay revert {path}\nOr take it out of use: mainstay activate {path}",
            )
        if active is None:
            raise _inactive(path)
        if artefact.digest != active.digest:
            raise InactiveError(
                f"{path} or a template of it has changed since you activated it; nothing was started.",
                remedy=f"See what changed: mainstay diff {path}\nLet it run: mainstay activate {path}",
            )


def _inactive(path: str) -> InactiveError:
    return InactiveError(
        f"{path} is not active yet; nothing was started.", remedy=f"Read it, then: mainstay activate {path}"
    )
