"""The demo's runtime: a real owner in a process of its own, that the demo can start, ask, and see die.

    python -m mainstay.cli.demo_owner FOLDER [MAIL]

It serves the workspace until its standard input closes, and resumes what is left by itself, as `mainstay start` does.
With MAIL it kills itself with SIGKILL just after that many mails were written, before the last one is noted: the
worst moment there is, hit exactly instead of by luck.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from mainstay import events as e
from mainstay.app import Owner, contracts_of
from mainstay.errors import MainstayError
from mainstay.ledger import keys as ledger_keys
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.intake import Request, call
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.contracts import Call
    from mainstay.kernel.state import Plan
    from mainstay.ports import OwnRecords
    from mainstay.runtime.intake import Emit

START_S = 15.0  # until a started owner answers; an owner on a slow disk takes one or two
END_S = 15.0
_POLL_S = 0.02
_MAIL = "mail.send"


class Runtime:
    """An owner's process, as the demo sees it. Ended when the block ends."""

    def __init__(self, workspace: Workspace, dies_after_mail: int | None = None) -> None:
        """Start it; `wait_until_up` says when it answers."""
        self.workspace = workspace
        mail = [] if dies_after_mail is None else [str(dies_after_mail)]
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "mainstay.cli.demo_owner", str(workspace.root), *mail],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the demo, which then closes the pipe
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, method: str, params: dict[str, Any], emit: Emit) -> dict[str, Any]:
        """Ask the owner; raises what it raises, ConnectionError when it dies meanwhile."""
        return asyncio.run(self._ask(method, params, emit))

    async def _ask(self, method: str, params: dict[str, Any], emit: Emit) -> dict[str, Any]:
        request = Request(method, params, ledger_keys.load_session(self.workspace.state))
        until = time.monotonic() + START_S
        while True:
            try:
                return await call(self.workspace.socket, request, emit)
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > until:
                    raise MainstayError("The demo's own process does not answer.", remedy="Run it again.") from None
                await asyncio.sleep(_POLL_S)

    def died(self) -> int:
        """Wait for its end, and give its exit status; -9 is SIGKILL."""
        return self.process.wait(END_S)

    def end(self) -> None:
        """Let it end in good order; kill it when it does not."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Plug:
    """Pulls the plug on this process between the writing of a mail and the note that it was written.

    Mails go out one after the other, each after the one before was noted, so that what is on disk then is always the
    same: as many mails as asked for, all but the last of them noted.
    """

    def __init__(self, after_mail: int) -> None:
        """Pull it after that many mails."""
        self._after = after_mail
        self._written = 0
        self._noted = asyncio.Semaphore(1)

    def contracts(self, workspace: Workspace, records: OwnRecords) -> Contracts:
        """Give the workspace's contracts, with this plug behind the sending of mails."""
        found = contracts_of(workspace, records)
        send = found.operations[_MAIL].call
        assert send is not None

        async def send_and_die(call: Call, arguments: Any) -> Any:  # noqa: ANN401 - whatever the operation takes
            await self._noted.acquire()
            sent = await send(call, arguments)
            self._written += 1
            if self._written == self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            return sent

        found.operations[_MAIL] = msgspec.structs.replace(found.operations[_MAIL], call=send_and_die)
        return found

    def listen(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        """Let the next mail go once one is noted; the engine tells of facts that are on disk."""
        del plan_id, plan
        for fact in facts:
            if isinstance(fact, e.EffectDone) and fact.operation == _MAIL:
                self._noted.release()


async def serve(root: Path, plug: Plug | None) -> None:
    """Own a workspace until standard input closes; raises what stopped the owner before that."""
    workspace = Workspace(root)
    contracts = contracts_of if plug is None else plug.contracts
    async with Owner(workspace, "mainstay demo", contracts=contracts) as owner:
        if plug is not None:
            owner.engine.listeners.append(plug.listen)
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[None] = loop.create_future()
        loop.add_reader(sys.stdin.fileno(), lambda: closed.done() or closed.set_result(None))
        assert owner.engine.failed is not None
        await asyncio.wait({closed, owner.engine.failed}, return_when=asyncio.FIRST_COMPLETED)
        loop.remove_reader(sys.stdin.fileno())
        if owner.engine.failed.done():
            raise owner.engine.failed.result()


def main() -> None:
    """Run as `python -m`."""
    root, *mail = sys.argv[1:]
    asyncio.run(serve(Path(root), Plug(int(mail[0])) if mail else None))


if __name__ == "__main__":
    main()
