"""Where each playbook stands: which version is active since when, what its file says, and who runs which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.events import PlanProposed
from mainstay.kernel.graph import Definition
from mainstay.ledger import queries
from mainstay.ledger.codec import decode_fact
from mainstay.ledger.segments import is_stub
from mainstay.playbooks.changes import change_of
from mainstay.playbooks.shelf import library_version, shelf
from mainstay.values import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.playbooks.versions import Records, Versions
    from mainstay.ports import Blobs


class Standing(msgspec.Struct, frozen=True):
    """One playbook. `running` counts the plans that have not ended, by the version they keep."""

    name: str
    state: Literal["active", "new", "changed", "gone"]
    version: Digest = ""  # the active one; empty when none is
    since_us: int | None = None  # None: it came with Mainstay
    running: dict[Digest, int] = {}


def standings(versions: Versions, records: Records, blobs: Blobs, root: Path) -> dict[str, Standing]:
    """Give where all playbooks of a workspace stand, those of Mainstay too, by name."""
    running = _running(records, blobs)
    own = {name for kind, name in versions.known() if kind == "playbook" and versions.active(kind, name) is not None}
    found: dict[str, Standing] = {}
    for name, shelved in shelf(root).items():
        if shelved.own:
            own.add(name)
        else:
            found[name] = Standing(name, "active", library_version(name), None, running.get(name, {}))
    for name in sorted(own):
        change, active = change_of(versions, root, ("playbook", name)), versions.active("playbook", name)
        found[name] = Standing(
            name,
            change.state if change is not None else "active",
            active.digest if active is not None else "",
            active.activated_us if active is not None else None,
            running.get(name, {}),
        )
    return found


def _running(records: Records, blobs: Blobs) -> dict[str, dict[Digest, int]]:
    counts: dict[str, dict[Digest, int]] = {}
    kept: dict[str, Digest] = {}
    for kind, version, body, stream in records.rows(queries.OPEN_PROPOSALS):
        archived = is_stub(body)  # of a plan that is being undone long after its end
        fact = records.read(stream)[0].fact if archived else decode_fact(kind, version, body)
        assert isinstance(fact, PlanProposed)
        ref = fact.definition
        if ref.digest not in kept:
            kept[ref.digest] = msgspec.msgpack.decode(blobs.get(ref), type=Definition).version
        of = counts.setdefault(fact.playbook, {})
        of[kept[ref.digest]] = of.get(kept[ref.digest], 0) + 1
    return counts
