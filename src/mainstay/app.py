"""The only place that wires things together: a workspace's parts, its owner, and what an operator can ask of it."""

from __future__ import annotations

import asyncio
import functools
import gc
import random
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.agents.reconcile import CONTRACT as RECONCILE
from mainstay.connectors import bank, books, files, invoices, mail
from mainstay.connectors.guard import Guard, classify
from mainstay.contracts import to_plain
from mainstay.errors import FileError, InputError, MainstayError, NeedsOperator, OwnedError
from mainstay.governance.budgets import Budgets
from mainstay.governance.policy import DefaultPolicy
from mainstay.kernel.budget import Cap
from mainstay.kernel.state import ENDED, RESTING, Plan
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger import queries
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.books import BookReader
from mainstay.ledger.books import books as books_projection
from mainstay.ledger.lock import Owner as Holder
from mainstay.ledger.lock import OwnerLock, holder
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.ledger.views import VIEWS
from mainstay.playbooks.inputs import read_inputs
from mainstay.playbooks.shelf import open_playbook
from mainstay.records import File
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.clock import SystemClock
from mainstay.runtime.engine import Engine, stream_of
from mainstay.runtime.expressions import Programs
from mainstay.runtime.intake import Intake, Request
from mainstay.runtime.parts import Parts
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.timers import Timer, Timers
from mainstay.runtime.workers import WorkerPool
from mainstay.sentences import say
from mainstay.values import SECOND_US
from mainstay.version import VERSION
from mainstay.workspace import Config, Workspace, create_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.kernel.graph import Definition
    from mainstay.ports import Books, Policy
    from mainstay.runtime.intake import Emit
    from mainstay.values import Value

STOP_GRACE_S = 10.0
GC_THRESHOLDS = (50_000, 20, 50)  # measured: facts and plans are short-lived and hold no cycles
SMTP_SERVICE = "mainstay/smtp"  # entry of the system's key store
MAX_INPUT_BYTES = 64 * 1024 * 1024
TAKEN = "Taken"  # the first thing said of a request: it is on disk
SOON_S = 120.0  # a plan that sleeps no longer than this is waited for
_ID_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"
_ID_CHARS = 10  # 49 bits: a collision is refused by the stream's sequence, not acted on

Params: TypeAlias = dict[str, Any]


def new_plan_id() -> str:
    """A short random name, without letters that look alike. Not a secret: knowing it gives no right to anything."""
    return "".join(random.choices(_ID_LETTERS, k=_ID_CHARS))  # noqa: S311 - a name, not a key


def create_workspace(root: Path, *, name: str, timezone: str = "UTC", sender: str = "") -> Workspace:
    """Lay out a new workspace with its own key; on disk when this returns. Raises InputError when there is one."""
    workspace = create_folders(root, name=name, timezone=timezone, sender=sender)
    ledger_keys.create(workspace.state)
    return workspace


def smtp_password(username: str) -> str:
    """Give the mail account's password from the system's key store; raises NeedsOperator when it is not there."""
    import keyring
    from keyring.errors import KeyringError

    how = f"Put it there with: keyring set {SMTP_SERVICE} {username}"
    try:
        password = keyring.get_password(SMTP_SERVICE, username)
    except KeyringError as error:
        raise NeedsOperator(f"The system's key store can't be read: {error}.", remedy=how) from error
    if password is None:
        raise NeedsOperator(f"There is no password for the mail account {username}.", remedy=how)
    return password


def contracts_of(workspace: Workspace, records: Books) -> Contracts:
    """Give the operations and agents of a workspace."""
    return _contracts(workspace.config, workspace.root, workspace.state, records)


def contracts_to_read(workspace: Workspace | None) -> Contracts:
    """Give contracts to compile and explain playbooks with, also outside a workspace; nothing is called with them."""
    if workspace is None:
        return _contracts(Config(), Path(), Path(), BookReader(_NoRows()))
    return contracts_of(workspace, BookReader(_NoRows()))


class _NoRows:
    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        del sql, parameters
        return []


def mail_account(config: Config, root: Path) -> mail.MailConfig:
    """Give the mail account as its connector takes it."""
    return mail.MailConfig(
        sender=config.mail.sender,
        workspace=str(root),
        folder=config.mail.folder,
        smtp=msgspec.convert(msgspec.to_builtins(config.mail.smtp), mail.SmtpConfig) if config.mail.smtp else None,
        reply_to=config.mail.reply_to,
        rate_per_minute=config.mail.rate_per_minute,
    )


def _contracts(config: Config, root: Path, state: Path, records: Books) -> Contracts:
    account = mail_account(config, root)
    folders = files.FilesConfig(workspace=str(root), notes=str(state / "notes"), folders=config.files.folders)
    operations = (
        *bank.operations(),
        *invoices.operations(),
        *books.operations(records),
        *mail.operations(account, functools.partial(smtp_password, account.smtp.username) if account.smtp else None),
        *files.operations(folders),
    )
    return Contracts(operations, (RECONCILE,))


def caps_of(workspace: Workspace) -> dict[str, Cap]:
    """Give the daily caps of mainstay.toml, by operation."""
    return {
        name: Cap(cap.per_day, None if cap.usd_per_day is None else round(cap.usd_per_day * 1_000_000))
        for name, cap in workspace.config.budgets.items()
    }


class Owner:
    """A workspace with its one writer: engine, timers, workers and socket, from `open` to `close`."""

    def __init__(
        self,
        workspace: Workspace,
        command: str,
        policy: Policy | None = None,
        contracts: Callable[[Workspace, Books], Contracts] = contracts_of,
        code: Sequence[str] = (),
    ) -> None:
        """Take the lock and open everything; raises OwnedError, WrongKeyError or LedgerError.

        `command` is what others are told works on the workspace; `contracts` says which operations and agents it has,
        `code` where workers find what is not Mainstay's own.
        """
        self.workspace = workspace
        self.lock = OwnerLock(workspace.state, command)
        try:
            self.keys = ledger_keys.load(workspace.state)
            self.payloads = Payloads(FileBlobs(workspace.blobs, self.keys.blobs))
            self.ledger = SqliteLedger(
                workspace.ledger,
                self.keys.database,
                projected=(VIEWS, books_projection(self.payloads.load)),
                workspace=self.keys.workspace,
            )
        except BaseException:
            self.lock.release()
            raise
        self.clock = SystemClock()
        self.workers = WorkerPool(paths=code)
        self.contracts = contracts(workspace, BookReader(self.ledger))
        self.engine = Engine(self._parts(policy or DefaultPolicy()))
        self.timers = Timers(self.engine, self.clock, self)
        self.timers.on_jump = self._note_jump
        self.engine.on_timer = self.timers.hint
        session = ledger_keys.load_session(workspace.state)
        self.intake = Intake(workspace.socket, session, self.answer)
        self.session = session
        self._sleeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        gc.freeze()  # what was loaded so far stays; looking through it again and again costs a tenth of the speed
        gc.set_threshold(*GC_THRESHOLDS)
        self.engine.failed = asyncio.get_running_loop().create_future()
        if self.ledger.head()[0] == 0:
            await self._first_fact()
        await self.intake.open()
        self._sleeping = asyncio.create_task(self.timers.run())
        self.engine.resume([row[0] for row in self.ledger.rows(queries.LIVE_PLANS)])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sleeping is not None:
            self._sleeping.cancel()
        await self.intake.close()
        await self.engine.stop(STOP_GRACE_S)
        await self.workers.close()
        self.ledger.close()
        self.lock.release()

    def _parts(self, policy: Policy) -> Parts:
        return Parts(
            ledger=self.ledger,
            payloads=self.payloads,
            clock=self.clock,
            random=random.random,
            token_key=self.keys.tokens,
            catalogue=self.contracts,
            policy=policy,
            budgets=Budgets(self.ledger, caps_of(self.workspace), self.workspace.config.company.timezone),
            workers=self.workers,
            guard=Guard(self.clock),
            classify=classify,
            expressions=Programs(self.workspace.config.company.timezone),
            company=msgspec.to_builtins(self.workspace.config.company),
            timezone=self.workspace.config.company.timezone,
        )

    async def _first_fact(self) -> None:
        fact = e.WorkspaceCreated(self.workspace.config.company.name, VERSION)
        draft = e.Draft(fact, self.clock.now_us(), "operator")
        await self.ledger.append([e.Append("workspace", 0, (draft,))])

    def _hint(self, due_us: int) -> None:
        self.timers.hint(due_us)

    def due(self, now_us: int, held_before_us: int, limit: int) -> list[Timer]:
        """Give the timers that are due: runtime.timers.Rows."""
        return [Timer(*row) for row in self.ledger.rows(queries.TIMERS_DUE, (now_us, held_before_us, limit))]

    def next_due(self, after_us: int) -> int | None:
        """Give the next due time after one."""
        rows = self.ledger.rows(queries.NEXT_DUE_AFTER, (after_us,))
        return rows[0][0] if rows else None

    def _note_jump(self, by_s: int) -> None:
        """Record that the clock was set; who watches the owner is told."""
        fact = e.ClockJumped(by_s)
        append = e.Append("clock", len(self.ledger.read("clock")), (e.Draft(fact, self.clock.now_us(), "timer"),))
        self.ledger.append([append]).add_done_callback(lambda done: done.cancelled() or done.exception())

    # --- what an operator can ask

    async def answer(self, request: Request, operator: bool, emit: Emit) -> Params:  # noqa: FBT001 - a Handler
        """Answer a request of another process; rulings and anything that acts need the operator's session."""
        if not operator:
            raise InputError(
                "This needs the operator's session.", remedy="Run it as the user who made the workspace with `init`."
            )
        if request.method not in _METHODS:
            raise InputError(
                f"There is no request '{request.method}'.", remedy="Is another release of Mainstay running?"
            )
        return await _METHODS[request.method](self, request.params, emit)

    def pin(self, name: str, content: bytes) -> Value:
        """Keep a file's content, for the input of a plan."""
        return to_plain(File(name, self.payloads.blobs.put(content, name=name)))

    def propose(
        self, definition: Definition, inputs: Value, *, by: str = "operator"
    ) -> tuple[str, asyncio.Future[int]]:
        """Make a plan and let it run; the future is done when that is on disk."""
        now_us = self.clock.now_us()
        expires = None if definition.expires_s is None else now_us + definition.expires_s * SECOND_US
        plan_id = new_plan_id()
        propose = c.ProposePlan(
            now_us=now_us,
            definition=self.engine.keep_definition(definition),
            playbook=definition.name,
            title=definition.title,
            inputs=self.payloads.keep(inputs),
            labels=("operator",),
            expires_at_us=expires,
        )
        return plan_id, self.engine.submit(plan_id, propose, c.ApprovePlan(now_us=now_us, by=by), actor=by)

    def rule(self, decision: str, params: Params) -> asyncio.Future[int]:
        """Take an answer of the operator; see commands.Rule for the parameters."""
        plan_id = decision.rpartition(".")[0]
        kept = params.get("kept")
        command = c.Rule(
            now_us=self.clock.now_us(),
            decision=decision,
            choice=params["choice"],
            by="operator",
            binds=None if params.get("binds") is None else tuple(params["binds"]),
            reason=params.get("reason") or "",
            kept=None if kept is None else tuple(kept),
            rows=self._rows(plan_id, decision, kept),
            arguments=self._edited(plan_id, decision, params.get("arguments")),
            session=params.get("session") or "terminal",
        )
        return self.engine.submit(plan_id, command, actor="operator", cause=self._asked_at(plan_id, decision)[0])

    def _rows(self, plan_id: str, decision: str, kept: Sequence[int] | None) -> Value:
        """Give the rows of a question's list that the answer keeps."""
        _, asked = self._asked_at(plan_id, decision)
        card = self.payloads.load(asked.card) if asked is not None else None
        rows = card.get("rows") if isinstance(card, dict) else None
        if asked is None or asked.kind != "ask" or not isinstance(rows, list):
            return None
        if kept is not None and not all(0 <= index < len(rows) for index in kept):
            raise InputError(f"The question lists {len(rows)} rows.", remedy="Keep some of those, counted from 1.")
        return self.payloads.keep(rows if kept is None else [rows[index] for index in kept])

    def _edited(self, plan_id: str, decision: str, changes: Params | None) -> Value:
        """Give a stuck step's arguments with the operator's changes; null takes one back to its default.

        Only what is named changes, so that a file stays the pinned file it was: it can't be described from outside.
        """
        plan = self.engine.load(plan_id)
        question = plan.questions.get(decision)
        if changes is None or question is None:
            return None
        before = self.payloads.load(plan.slots[question.paths[0]].arguments)
        merged = {**(before if isinstance(before, dict) else {}), **changes}
        return self.payloads.keep({name: value for name, value in merged.items() if value is not None})

    def _asked_at(self, plan_id: str, decision: str) -> tuple[str, e.DecisionAsked | None]:
        for event in self.ledger.read(stream_of(plan_id)):
            if isinstance(event.fact, e.DecisionAsked) and event.fact.decision == decision:
                return event.id, event.fact
        return "", None

    async def follow(self, plan_id: str, emit: Emit) -> Params:
        """Say what a plan does until it ends or waits for something that takes longer; gives where it stands."""
        moved = asyncio.Event()

        def listen(moving: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
            if moving == plan_id or moving.startswith(f"{plan_id}-"):
                for fact in facts:
                    emit(_news(moving, fact))
                moved.set()
            del plan

        self.engine.listeners.append(listen)
        try:
            while not self._rests(plan_id):
                moved.clear()
                await self._moved_or_failed(moved)
        finally:
            self.engine.listeners.remove(listen)
        return self.standing(plan_id)

    async def _moved_or_failed(self, moved: asyncio.Event) -> None:
        failed = self.engine.failed
        assert failed is not None
        waiting = asyncio.ensure_future(moved.wait())
        try:
            await asyncio.wait({waiting, failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if failed.done():
            raise failed.result()

    def _rests(self, plan_id: str) -> bool:
        plan = self.engine.load(plan_id)
        if not self.engine.is_settled(plan_id):
            return False
        children = [child for slot in plan.slots.values() for child in slot.children]
        if not all(self._rests(child) for child in children):
            return False
        if plan.questions or plan.status in ENDED or plan.status in RESTING:
            return True
        due = self.ledger.rows(queries.TIMERS_OF_PLAN, (plan_id,))
        soon = self.clock.now_us() + int(SOON_S * SECOND_US)
        return not any(row[1] in ("retry", "wait") and row[0] <= soon for row in due)

    def unfinished(self, *, except_for: str) -> list[str]:
        """Name the other plans that still have work of their own: they go on at the next start of an owner."""
        rows = self.ledger.rows(queries.LIVE_PLANS)
        return [row[0] for row in rows if row[0] != except_for and not row[0].startswith(f"{except_for}-")]

    def standing(self, plan_id: str) -> Params:
        """Say where a plan stands: status and open questions, its child plans' among them."""
        plan = self.engine.load(plan_id)
        questions = list(plan.questions)
        for slot in plan.slots.values():
            for child in slot.children:
                questions += self.standing(child)["questions"]
        return {"plan": plan_id, "status": plan.status, "title": plan.title, "questions": questions}


def _news(plan_id: str, fact: e.AnyFact) -> Params:
    """Say what moved: enough for a line of progress, no content."""
    return {
        "plan": plan_id,
        "kind": type(fact).__name__,
        "path": fact.paths[0] if isinstance(fact, e.DecisionAsked) else getattr(fact, "path", ""),
        "count": getattr(fact, "count", 0),
    }


async def _run(owner: Owner, params: Params, emit: Emit) -> Params:
    definition = open_playbook(owner.workspace.root, params["playbook"], owner.contracts)
    inputs = _inputs(owner, definition, params)
    plan_id, committed = owner.propose(definition, inputs)
    await committed
    return await _taken(owner, plan_id, emit)


def _inputs(owner: Owner, definition: Definition, params: Params) -> Value:
    """Read `name=value` texts. The asker hands over the files they name; others are read from the asker's folder."""
    folder = Path(params.get("folder") or owner.workspace.root)
    handed: dict[str, bytes] = params.get("files") or {}

    def pin(text: str) -> Value:
        return owner.pin(Path(text).name, handed[text] if text in handed else file_content(folder / text))

    return read_inputs(definition, params.get("inputs") or (), pin)


async def _decide(owner: Owner, params: Params, emit: Emit) -> Params:
    decision = params["decision"]
    await owner.rule(decision, params)
    return await _taken(owner, decision.rpartition(".")[0].partition("-")[0], emit)


async def _undo(owner: Owner, params: Params, emit: Emit) -> Params:
    command = c.UndoPlan(now_us=owner.clock.now_us(), by="operator", reason=params.get("reason") or "")
    await owner.engine.submit(params["plan"], command, actor="operator")
    return await _taken(owner, params["plan"], emit)


async def _cancel(owner: Owner, params: Params, emit: Emit) -> Params:
    command = c.CancelPlan(now_us=owner.clock.now_us(), by="operator", reason=params.get("reason") or "")
    await owner.engine.submit(params["plan"], command, actor="operator")
    return await _taken(owner, params["plan"], emit)


async def _taken(owner: Owner, plan_id: str, emit: Emit) -> Params:
    """Say that the request is on disk, so that a client whose connection breaks knows what to follow."""
    emit({"plan": plan_id, "kind": TAKEN, "path": ""})
    return await owner.follow(plan_id, emit)


async def _follow(owner: Owner, params: Params, emit: Emit) -> Params:
    return await owner.follow(params["plan"], emit)


def file_content(path: Path) -> bytes:
    """Read a file that is given to a plan; raises FileError when there is nothing to read."""
    try:
        if path.is_file() and path.stat().st_size > MAX_INPUT_BYTES:
            raise FileError(f"{path} is larger than {MAX_INPUT_BYTES // 2**20} MB.", remedy="Give a shorter period.")
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileError(f"There is no file {path}.", remedy="Check its name and folder.") from None
    except IsADirectoryError:
        raise FileError(f"{path} is a folder.", remedy="Name a file in it.") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise FileError(f"{path} can't be read: {why}.", remedy="Check its name and who may read it.") from None
    if not content:
        raise FileError(f"{path} is empty.", remedy="Export it again, or name another file.")
    return content


_METHODS: dict[str, Callable[[Owner, Params, Emit], Any]] = {
    "run": _run,
    "decide": _decide,
    "undo": _undo,
    "cancel": _cancel,
    "follow": _follow,
}


async def ask_owner(
    workspace: Workspace, method: str, params: Params, emit: Emit, policy: Policy | None = None
) -> Params:
    """Ask the workspace's owner; become it for as long as this takes when there is none (DESIGN, Processes).

    Raises what the request raises. All plans are resumed meanwhile; what is left when this returns goes on at the
    next start of any owner.
    """
    from mainstay.runtime.intake import call

    request = Request(method, params, ledger_keys.load_session(workspace.state))
    taken: list[str] = []

    def hear(event: Params) -> None:
        if event["kind"] == TAKEN:
            taken.append(event["plan"])
        emit(event)

    for attempt in range(_TRIES):
        try:
            return await call(workspace.socket, request, hear)
        except (FileNotFoundError, ConnectionRefusedError):
            owner = _become_owner(workspace, policy, last=attempt == _TRIES - 1)
        except ConnectionError:
            if not taken:
                raise MainstayError("The owner of this workspace ended before it answered.", remedy=_LOOK) from None
            request = Request("follow", {"plan": taken[-1]}, request.session)
            continue
        if owner is not None:
            async with owner:
                answer = await owner.answer(request, True, hear)  # noqa: FBT003 - a Handler
                return answer | {"left": owner.unfinished(except_for=answer["plan"])}
        await asyncio.sleep(_TRY_AGAIN_S)  # the other one is starting, or ending
    raise AssertionError


def _become_owner(workspace: Workspace, policy: Policy | None, *, last: bool) -> Owner | None:
    """Open the workspace for writing; None when somebody else holds it, which the last try raises."""
    try:
        return Owner(workspace, _command_line(), policy)
    except OwnedError:
        if last:
            raise
        return None


async def begin(workspace: Workspace) -> None:
    """Write the first fact of a new workspace, so that there is a history to read."""
    async with Owner(workspace, _command_line()):
        return


async def serve(workspace: Workspace, emit: Emit, stop: asyncio.Event) -> None:
    """Own the workspace until `stop` is set: resume plans, keep times, answer requests; `emit` hears what happens.

    Raises OwnedError when somebody else owns it, and what made the engine give up, such as a full disk.
    """
    async with Owner(workspace, _command_line()) as owner:
        failed = owner.engine.failed
        assert failed is not None

        def listen(plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
            for fact in facts:
                emit(_news(plan_id, fact) | {"says": say(fact), "title": plan.title})

        owner.engine.listeners.append(listen)
        emit({"plan": "", "kind": TAKEN, "path": "", "count": len(owner.unfinished(except_for=""))})
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
    if failed.done():
        raise failed.result()


def owner_of(workspace: Workspace) -> Holder | None:
    """Name the process that works on a workspace now; None when there is none."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(workspace.socket))
        except OSError:
            return None
    return holder(workspace.state)


_TRIES = 20
_TRY_AGAIN_S = 0.1
_LOOK = "`mainstay plans` and `mainstay history tail` show whether it was taken."


def _command_line() -> str:
    return " ".join(["mainstay", *sys.argv[1:3]])


__all__ = [
    "Owner",
    "ask_owner",
    "begin",
    "contracts_of",
    "contracts_to_read",
    "create_workspace",
    "file_content",
    "mail_account",
    "owner_of",
    "serve",
    "to_plain",
]
