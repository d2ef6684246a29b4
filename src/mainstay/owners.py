"""Reaching the owner of a workspace, or becoming it (DESIGN, Processes)."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from mainstay.errors import MainstayError, OwnedError
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.head import copy_folder
from mainstay.ledger.lock import Owner as Holder
from mainstay.ledger.lock import holder
from mainstay.requests.news import NOTICE, TAKEN, say_news
from mainstay.runtime.intake import Request, call
from mainstay.sentences import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from mainstay import events as e
    from mainstay.app import Owner
    from mainstay.kernel.state import Plan
    from mainstay.ports import Policy
    from mainstay.requests.desk import Params
    from mainstay.runtime.intake import Emit
    from mainstay.workspace import Workspace

Beside: TypeAlias = "Callable[[Owner], AbstractAsyncContextManager[object]]"

_TRIES = 200  # an owner that ends may take a while to see its last actions through
_TRY_AGAIN_S = 0.1
COPIES = "What is done in one of them the other does not know, and may do again."
_LOOK = "`mainstay plans` and `mainstay history tail` show whether it was taken."


async def ask_owner(
    workspace: Workspace, method: str, params: Params, emit: Emit, policy: Policy | None = None
) -> Params:
    """Ask the workspace's owner; become it for as long as this takes when there is none (DESIGN, Processes).

    Raises what the request raises. All plans are resumed meanwhile; what is left when this returns goes on at the
    next start of any owner.
    """
    request = Request(method, params, ledger_keys.load_session(workspace.state))
    taken: list[str] = []

    def hear(event: Params) -> None:
        if event["kind"] == TAKEN:
            taken.append(event["plan"])
        emit(event)

    for attempt in range(_TRIES):
        try:
            return await call(socket_of(workspace), request, hear)
        except (FileNotFoundError, ConnectionRefusedError):
            owner = _become_owner(workspace, policy, last=attempt == _TRIES - 1)
        except ConnectionError:
            if not taken:
                raise MainstayError("The owner of this workspace ended before it answered.", remedy=_LOOK) from None
            request = Request("follow", {"plan": taken[-1]}, request.session)
            continue
        if owner is not None:
            async with owner:
                answer = await owner.requests.answer(request, True, hear)  # noqa: FBT003 - a Handler
                return answer | {"left": owner.requests.unfinished(except_for=answer["plan"])}
        await asyncio.sleep(_TRY_AGAIN_S)  # the other one is starting, or ending
    raise AssertionError


def _become_owner(workspace: Workspace, policy: Policy | None, *, last: bool) -> Owner | None:
    """Open the workspace for writing; None when somebody else holds it, which the last try raises."""
    try:
        return _owner(workspace, policy)
    except OwnedError:
        if last:
            raise
        return None


def _owner(workspace: Workspace, policy: Policy | None = None) -> Owner:
    from mainstay.app import Owner  # who only asks an owner needs none of its parts

    return Owner(workspace, _command_line(), policy)


async def begin(workspace: Workspace, *, shipped: bool = False) -> int:
    """Own a new workspace for a moment: it gets its first fact, or is held where it was restored or imported.

    `shipped` lets the policy that comes with Mainstay hold, so that what holds is written down from the first day.
    Gives how many people it brought back who were forgotten since; they are forgotten again when this returns. Nothing
    is done in it, so a name in its settings that is not there keeps nobody from restoring it: its first start says so.
    """
    workspace.config = replace(workspace.config, budgets={}, limits={}, delays={})
    async with _owner(workspace) as owner:
        if shipped:
            await owner.requests.activation.activate_shipped(owner.workers, owner.clock.now_us())
        return owner.forgotten_again


def _nothing_beside(owner: Owner) -> AbstractAsyncContextManager[object]:
    del owner
    return nullcontext()


async def serve(workspace: Workspace, emit: Emit, stop: asyncio.Event, beside: Beside = _nothing_beside) -> None:
    """Own the workspace until `stop` is set: resume plans, keep times, answer requests; `emit` hears what happens.

    `beside` makes what is served beside it, in the same loop, once there is somebody to hear of it. Raises OwnedError
    when somebody else owns it, and what made the engine give up, such as a full disk.
    """
    async with _owner(workspace) as owner:
        failed = owner.engine.failed
        assert failed is not None
        owner.anchoring.serves = True

        def listen(plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
            for fact in facts:
                emit(say_news(plan_id, fact) | {"says": say(fact), "title": plan.title})

        owner.engine.listeners.append(listen)
        owner.engine.hearers.append(lambda says: emit({"plan": "", "kind": NOTICE, "path": "", "says": says}))
        emit({"plan": "", "kind": TAKEN, "path": "", "count": len(owner.requests.unfinished(except_for=""))})
        if owner.engine.held:
            says = f"All work in this workspace is stopped: {owner.engine.held}. See: mainstay history release"
            emit({"plan": "", "kind": NOTICE, "path": "", "says": says})
        for says in owner.notices:
            emit({"plan": "", "kind": NOTICE, "path": "", "says": says})
        for copy in owner.heads.others():
            says = f"Another copy of this workspace is in {copy_folder(copy)}. {COPIES} See: mainstay doctor"
            emit({"plan": "", "kind": NOTICE, "path": "", "says": says})
        teller = owner.teller(lambda says: emit({"plan": "", "kind": NOTICE, "path": "", "says": says}))
        owner.engine.listeners.append(teller.heard)
        telling = asyncio.create_task(teller.run())
        telling.add_done_callback(owner.must_live)
        try:
            async with beside(owner):
                stopped = asyncio.ensure_future(stop.wait())
                await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
        finally:
            telling.cancel()
    if failed.done():
        raise failed.result()


def socket_of(workspace: Workspace) -> Path:
    """Give the path where the owner listens, as it wrote it down itself."""
    held = holder(workspace.state)
    return Path(held.socket) if held is not None and held.socket else workspace.socket


def owner_of(workspace: Workspace) -> Holder | None:
    """Name the process that works on a workspace now; None when there is none."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_of(workspace)))
        except OSError:
            return None
    return holder(workspace.state)


def _command_line() -> str:
    return " ".join(["mainstay", *sys.argv[1:3]])
