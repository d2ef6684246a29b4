"""Giving the operator a place of the history to keep outside (KERNEL L7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.ledger.anchor import stream_of_year

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit


async def _anchor(desk: Requests, params: Params, emit: Emit) -> Params:
    """Record that the operator was given the history's end; gives position, digest and time."""
    del params, emit
    ledger, now_us = desk.engine.parts.ledger, desk.clock.now_us()
    position, digest = ledger.head()
    stream = stream_of_year(now_us)
    draft = e.Draft(e.HistoryAnchored(position, digest), now_us, "operator")
    await ledger.append([e.Append(stream, len(ledger.read(stream)), (draft,))])
    return {"plan": "", "position": position, "digest": digest, "at_us": now_us}


METHODS: Mapping[str, Method] = {"anchor": _anchor}
