"""What is asked twice is done once: a plan whose asker names it has an id made of that name, under the workspace's key.

So the same name twice finds the same plan, whatever happened in between: a second press, a lost answer, a crash.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING

from mainstay.encoding import encode_value
from mainstay.errors import CommandRefusedError

if TYPE_CHECKING:
    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Params, Requests

_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"
_CHARS = 14  # 68 bits: that two names make one plan does not happen


def id_of(desk: Requests, *name: str) -> str:
    """Give the id of the plan that a name stands for, whether there is one or not."""
    number = int.from_bytes(hmac.digest(desk.engine.parts.token_key, encode_value([*name]), "sha256"), "big")
    letters: list[str] = []
    for _ in range(_CHARS):
        number, at = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[at])
    return "".join(letters)


def id_for(desk: Requests, params: Params) -> str:
    """Give the id of the plan that a request makes: of its own name, where it has one (`once`), else a new one."""
    return id_of(desk, "once", params["once"]) if params.get("once") else desk.engine.parts.new_id()


def turn_of(desk: Requests, plan_id: str) -> asyncio.Lock:
    """Give what its asker holds who waits before it makes a plan: who asks for the same meanwhile finds it then."""
    return desk.turns.setdefault(plan_id, asyncio.Lock())


async def is_there(desk: Requests, plan_id: str) -> bool:
    """Say whether a plan was made before, and is on disk. Where there is none nothing waits: its asker makes it."""
    if find(desk, plan_id) is None:
        return False
    await on_disk(desk, plan_id)
    return find(desk, plan_id) is not None  # else it was not kept: the disk


def find(desk: Requests, plan_id: str) -> Plan | None:
    """Give a plan, as it will be, or None where there is none."""
    try:
        return desk.engine.load(plan_id)
    except CommandRefusedError:
        return None


async def on_disk(desk: Requests, plan_id: str) -> None:
    """Wait until all that is known of a plan is on disk: nothing is acknowledged before (KERNEL L5)."""
    while desk.engine.is_queued(plan_id):  # noqa: ASYNC110 - what is queued has no event of its own; this is short
        await asyncio.sleep(0.002)
