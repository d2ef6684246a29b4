"""What may run: versions of playbooks, agents and policies, by digest (requirement O4). One stream per artefact."""

from __future__ import annotations

from typing import Literal, TypeAlias

from mainstay.events.fact import Fact
from mainstay.values import BlobRef

ArtefactKind: TypeAlias = Literal["playbook", "agent", "policy"]


class VersionActivated(Fact, frozen=True, omit_defaults=True):
    """The operator lets this content run, and no other of this name. `files` are all of it, by path in the workspace.

    `contracts` is what its code promised when it was read in a worker process (runtime/described.py).
    """

    artefact: ArtefactKind
    name: str
    digest: str
    files: dict[str, BlobRef]
    by: str
    contracts: BlobRef | None = None


class VersionKept(Fact, frozen=True, omit_defaults=True):
    """Content that was never activated is kept, because an older version takes its place in the folder."""

    artefact: ArtefactKind
    name: str
    digest: str
    files: dict[str, BlobRef]


class VersionRetired(Fact, frozen=True, omit_defaults=True):
    """Its file is gone and the operator said so: nothing of this name runs any more; running plans keep theirs."""

    artefact: ArtefactKind
    name: str
    by: str
