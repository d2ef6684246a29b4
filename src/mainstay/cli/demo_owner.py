"""The demo's runtime: a real owner in a process of its own, that the demo can start, ask, and see die.

    python -m mainstay.cli.demo_owner FOLDER [HOW]

It serves the workspace until its standard input closes, and resumes what is left by itself, as `mainstay start` does.
HOW is JSON (`How`): whether it serves the console, and when its plug is pulled. That is SIGKILL just after a mail was
written, before it is noted: the worst moment there is, hit exactly instead of by luck.
"""

from __future__ import annotations

import asyncio
import copy
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from mainstay import events as e
from mainstay.app import Owner, contracts_of
from mainstay.config import Smtp
from mainstay.errors import MainstayError
from mainstay.ledger import keys as ledger_keys
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.intake import Request, call
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.contracts import Call, LoopFunction
    from mainstay.kernel.state import Plan
    from mainstay.ports import OwnRecords
    from mainstay.runtime.intake import Emit

START_S = 60.0  # until a started owner answers; on a busy machine and a slow disk it takes several
END_S = 30.0
UNSEEN_S = 10.0  # whoever pulled the plug and looks at nothing is not waited for longer
SEEN_S = 1.0  # the page that says so is on its way
LATEST_S = 5.0  # a mail that takes longer is not waited for
_POLL_S = 0.02
_MAIL = "mail.send"


class How(msgspec.Struct, frozen=True):
    """How a runtime of the demo runs."""

    dies_after: int | None = None  # pulls its plug after that many mails
    apart_s: float = 0.0  # between two mails, so that somebody can pull it while they leave
    console: bool = False
    port: int = 0  # of the console; 0: the usual one
    post: int = 0  # port of the demo's mail server; 0: mails are put into the folder without one


class Runtime:
    """An owner's process, as the demo sees it. Ended when the block ends."""

    def __init__(self, workspace: Workspace, how: How = How()) -> None:  # noqa: B008 - frozen
        """Start it; `ask` waits until it answers."""
        self.workspace = workspace
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "mainstay.cli.demo_owner", str(workspace.root),
             msgspec.json.encode(how).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the demo, which then closes the pipe
        )  # fmt: skip

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
    same: all mails that were written, and all but the last of them noted.
    """

    def __init__(self, how: How) -> None:
        """Pull it after so many mails, and whenever `pull` says so."""
        self._after, self._apart_s, self._post = how.dies_after, how.apart_s, how.post
        self._written = self._leaving = 0
        self._pulled = self._ready = False
        self._turn = asyncio.Semaphore(1)

    @property
    def pulled(self) -> bool:
        """Whether it is about to be pulled."""
        return self._pulled

    def pull(self) -> None:
        """Pull it as soon as the page that says so was shown, and a mail was written, if one is on its way."""
        if not self._pulled:
            self._pulled = True
            asyncio.get_running_loop().call_later(UNSEEN_S, self._now)

    def shown(self) -> None:
        """Go on: the page that says so is on its way to the browser."""
        if self._pulled:
            asyncio.get_running_loop().call_later(SEEN_S, self._now)

    def _now(self) -> None:
        if self._ready:
            return
        self._ready = True
        if not self._leaving:
            _die()
        asyncio.get_running_loop().call_later(LATEST_S + self._apart_s, _die)

    def contracts(self, workspace: Workspace, records: OwnRecords) -> Contracts:
        """Give the workspace's contracts, with this plug behind the sending of mails."""
        found = contracts_of(workspace, records)
        send = found.operations[_MAIL].call if not self._post else self._through(workspace, records)
        assert send is not None

        async def send_in_turn(call: Call, arguments: Any) -> Any:  # noqa: ANN401 - whatever the operation takes
            self._leaving += 1
            try:
                await self._turn.acquire()  # given back once this mail is noted
                await asyncio.sleep(self._apart_s)
                try:
                    sent = await send(call, arguments)
                except BaseException:
                    self._turn.release()
                    raise
            finally:
                self._leaving -= 1
            self._written += 1
            if self._ready or self._written == self._after:
                _die()
            return sent

        found.operations[_MAIL] = msgspec.structs.replace(found.operations[_MAIL], call=send_in_turn)
        return found

    def _through(self, workspace: Workspace, records: OwnRecords) -> LoopFunction | None:
        """Hand mails to the demo's server. It keeps them in the folder, where they are looked up as before."""
        beside = copy.copy(workspace)
        server = Smtp("127.0.0.1", port=self._post, tls="none")
        mail = msgspec.structs.replace(workspace.config.mail, smtp=server)
        beside.config = msgspec.structs.replace(workspace.config, mail=mail)
        return contracts_of(beside, records).operations[_MAIL].call

    def listen(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        """Let the next mail go once one is noted; the engine tells of facts that are on disk."""
        del plan_id, plan
        for fact in facts:
            if isinstance(fact, e.EffectDone) and fact.operation == _MAIL and not fact.settled:
                self._turn.release()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def serve(root: Path, how: How) -> None:
    """Own a workspace until standard input closes; raises what stopped the owner before that."""
    from mainstay.console.demo import screens
    from mainstay.console.service import beside

    workspace = Workspace(root)
    if how.port:
        api = msgspec.structs.replace(workspace.config.api, port=how.port)
        workspace.config = msgspec.structs.replace(workspace.config, api=api)
    plug = Plug(how)
    async with Owner(workspace, "mainstay demo", contracts=plug.contracts) as owner:
        owner.engine.listeners.append(plug.listen)
        async with beside(owner, screens=screens(plug)) if how.console else nullcontext():
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
    root, *how = sys.argv[1:]
    asyncio.run(serve(Path(root), msgspec.json.decode(how[0], type=How) if how else How()))


if __name__ == "__main__":
    main()
