"""What is asked of versions: activate what changed, put an older one back, write a policy and let it hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mainstay.playbooks.activation import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

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


async def _save(desk: Requests, params: Params, emit: Emit) -> Params:
    """Write `content` as the policy `name` and let it hold; `seen` is the digest of the file it takes the place of."""
    del emit
    name, text, seen = params["name"], params["content"], params["seen"]
    return _told(await desk.activation.save(name, text, seen, desk.engine.parts.workers, desk.clock.now_us()))


def _told(done: Activated) -> Params:
    return {"plan": "", **msgspec.to_builtins(done)}


METHODS: Mapping[str, Method] = {"activate": _activate, "revert": _revert, "save_policy": _save}
