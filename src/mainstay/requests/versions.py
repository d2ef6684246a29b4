"""What is asked of versions: activate what changed, put an older one back, write one and let it hold, retire one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from mainstay.playbooks.activation import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.events import ArtefactKind
    from mainstay.playbooks.activation import Activated
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit


async def _activate(desk: Requests, params: Params, emit: Emit) -> Params:
    del emit
    wanted = msgspec.convert(params["wanted"], tuple[Wanted, ...])
    return _told(await desk.activation.activate(wanted, desk.engine.parts.workers, desk.clock.now_us()))


async def _revert(desk: Requests, params: Params, emit: Emit) -> Params:
    del emit
    activation = desk.activation
    version = activation.versions.version(params["kind"], params["name"], params["digest"])
    return _told(await activation.revert(version, params["seen"], desk.engine.parts.workers, desk.clock.now_us()))


async def _save(desk: Requests, params: Params, emit: Emit, kind: ArtefactKind) -> Params:
    """Write `content` as the one of this `name` and let it hold; `seen` is the digest of what it takes the place of."""
    del emit
    name, text, seen = params["name"], params["content"], params["seen"]
    return _told(await desk.activation.save(kind, name, text, seen, desk.engine.parts.workers, desk.clock.now_us()))


async def _retire(desk: Requests, params: Params, emit: Emit) -> Params:
    """Take a playbook out of use; `seen` is the digest of the version that was shown."""
    del emit
    done = await desk.activation.retire(params["kind"], params["name"], params["seen"], desk.clock.now_us())
    return _told(done) | {"retired": {"kind": params["kind"], "name": params["name"], "digest": params["seen"]}}


def _told(done: Activated) -> Params:
    return {"plan": "", **msgspec.to_builtins(done)}


METHODS: Mapping[str, Method] = {
    "activate": _activate,
    "revert": _revert,
    "save_policy": partial(_save, kind="policy"),
    "save_playbook": partial(_save, kind="playbook"),
    "retire": _retire,
}
