"""The only place that wires things together: a workspace's parts and its owner."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from mainstay import events as e
from mainstay.agents.cadence import CONTRACT as PLAN_WEEK
from mainstay.agents.draft import CONTRACT as DRAFT
from mainstay.agents.qualify import CONTRACT as QUALIFY_LEAD
from mainstay.agents.reconcile import CONTRACT as RECONCILE
from mainstay.agents.replies import CONTRACT as CLASSIFY_REPLY
from mainstay.commands import Patience
from mainstay.config import Config, Mail
from mainstay.connectors import books, collected, files, inbox, known, leads, mail, posts
from mainstay.connectors.bank import read as bank
from mainstay.connectors.invoices import issue
from mainstay.connectors.invoices import read as invoices
from mainstay.connectors.network import is_online
from mainstay.contracts import HealthReport
from mainstay.errors import FileError, InactiveError, LedgerError, UnknownNameError, WrongKeyError
from mainstay.governance.attention import Rules, summary_at
from mainstay.governance.caps import all_caps, check_names
from mainstay.governance.deeds import Deeds
from mainstay.governance.secrets import Secrets
from mainstay.governance.windows import Window, read_window
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.books import BookReader
from mainstay.ledger.books import books as books_projection
from mainstay.ledger.database import create as create_ledger
from mainstay.ledger.database import refuse_missing
from mainstay.ledger.forgotten import Forgotten
from mainstay.ledger.head import HeadKeeper, files_of
from mainstay.ledger.importing import Imported, Target, import_lines
from mainstay.ledger.known import KnownReader
from mainstay.ledger.known import known as known_projection
from mainstay.ledger.lock import OwnerLock
from mainstay.ledger.people import PersonKeyring, PersonKeys
from mainstay.ledger.reader import SqliteReader
from mainstay.ledger.signing import SigningKey
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.ledger.trouble import room_missing
from mainstay.ledger.vault import Vault
from mainstay.ledger.views import VIEWS
from mainstay.playbooks.activation import activation_of
from mainstay.playbooks.artefacts import path_of
from mainstay.playbooks.own_agents import OwnAgents
from mainstay.playbooks.policies import SHIPPED_NAME, shipped_policy
from mainstay.playbooks.policy_book import PolicyBook
from mainstay.playbooks.policy_limits import policy_caps, policy_limits
from mainstay.playbooks.shelf import shelf
from mainstay.playbooks.standing import Standing, standings
from mainstay.playbooks.starting import Starting
from mainstay.playbooks.versions import Versions
from mainstay.ports import OwnRecords
from mainstay.requests.anchoring import Anchors
from mainstay.requests.anchoring import Keeper as AnchorKeeper
from mainstay.requests.attention import Teller
from mainstay.requests.care import care_daily
from mainstay.requests.desk import Requests, new_plan_id
from mainstay.requests.forgetting import catch_up
from mainstay.requests.methods import METHODS
from mainstay.requests.notify import Ways
from mainstay.requests.release import STREAM, reason_of
from mainstay.requests.throttling import Throttling
from mainstay.runtime.bounces import Bounces
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.clock import SystemClock
from mainstay.runtime.intake import Intake
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.schedules import Schedules
from mainstay.runtime.sealing import Opener, Sealer
from mainstay.runtime.watching import Watcher
from mainstay.runtime.workers import WorkerPool
from mainstay.sentences import say
from mainstay.values import SECOND_US, parse_duration_s, say_seconds
from mainstay.version import VERSION
from mainstay.works import Ground, Works
from mainstay.workspace import BLOBS_NAME, LEDGER_NAME, Workspace, create_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mainstay.kernel.budget import Cap
    from mainstay.ledger.books import Rows
    from mainstay.ledger.keeping import Way
    from mainstay.playbooks.activation import Activation
    from mainstay.ports import Clock, Credential, Policy, Projection
    from mainstay.values import Value

GC_THRESHOLDS = (50_000, 20, 50)  # measured: facts and plans are short-lived and hold no cycles


def create_workspace(
    root: Path, *, name: str, timezone: str = "UTC", sender: str = "", key: Way = "file", word: str = ""
) -> Workspace:
    """Lay out a new workspace with its own key and an empty history; on disk when this returns.

    `key` says where the key is kept, `word` is its passphrase.
    Raises InputError when there is one, LedgerError when there was one whose history is gone.
    """

    def begin(state: Path) -> None:
        made = (state / ledger_keys.ID_NAME).exists()
        keys = ledger_keys.load(state) if made else ledger_keys.create(state, key, word)
        if (state / BLOBS_NAME).exists():  # an `init` that was cut off has stored nothing yet
            refuse_missing(state / LEDGER_NAME)
        create_ledger(state / LEDGER_NAME, keys.database, keys.workspace)
        policy = root / path_of("policy", SHIPPED_NAME)
        if not policy.exists():
            policy.write_bytes(shipped_policy())

    return create_folders(root, begin, name=name, timezone=timezone, sender=sender or Mail().sender)


def secrets_of(workspace: Workspace) -> Secrets:
    """Give the secrets of a workspace, as its connectors get them; nothing is opened yet."""
    return Secrets(Vault(workspace.state), SystemClock().now_us, _unheard)


def mail_password(config: Config, secrets: Secrets | None, *, again: bool = False) -> Credential | None:
    """Give what the mail connector holds instead of a password; `again` also after the server refused it."""
    smtp = config.mail.smtp
    if secrets is None or smtp is None or not smtp.username:
        return None
    return secrets.handed(smtp.password, "mail", again=again)


TESTED = frozenset({"mail"})  # connectors that can say of themselves whether they work
PATIENCE_S = 20.0  # for what the other side answers then


async def mail_health(workspace: Workspace, patience_s: float | None = None) -> HealthReport:
    """Say whether mails could be sent now: it logs in, and sends nothing."""
    account = mail_account(workspace.config, workspace.root)
    try:
        async with asyncio.timeout(patience_s):
            return await mail.health(account, mail_password(workspace.config, secrets_of(workspace)))
    except TimeoutError:
        return HealthReport("mail", healthy=False, detail=f"There was no answer within {say_seconds(patience_s or 0)}.")


def _unheard(sentence: str) -> None:
    del sentence


def open_secrets(workspace: Workspace) -> list[str]:
    """Unlock the secrets that mainstay.toml names, while somebody may be there to type a passphrase.

    Gives what to tell the operator where they stay locked: then only what needs them waits. Raises WrongKeyError for a
    passphrase that is not theirs.
    """
    smtp, vault = workspace.config.mail.smtp, Vault(workspace.state)
    if smtp is None or not smtp.username:
        return []
    try:
        if vault.names():
            vault.unlock()
    except WrongKeyError:
        raise
    except LedgerError as error:
        return [f"{error.message} What needs them waits for you. {error.remedy}"]
    return []


def records_of(rows: Rows, opened: Callable[[Value], Value]) -> OwnRecords:
    """Give Mainstay's own records over a ledger or its reader; `opened` opens what is sealed in them."""
    return OwnRecords(BookReader(rows, opened), KnownReader(rows, opened))


def contracts_of(workspace: Workspace, records: OwnRecords, secrets: Secrets | None = None) -> Contracts:
    """Give the operations and agents of a workspace."""
    password = mail_password(workspace.config, secrets or secrets_of(workspace))
    return _contracts(workspace.config, workspace.root, workspace.state, records, password)


def contracts_to_read(workspace: Workspace | None) -> Contracts:
    """Give contracts to compile and explain playbooks with, also outside a workspace; nothing is called with them."""
    if workspace is None:
        return _contracts(Config(), Path(), Path(), records_of(_NoRows(), _as_it_is))
    contracts = contracts_of(workspace, records_of(_NoRows(), _as_it_is))
    contracts.own = OwnAgents(versions_to_read(workspace), workspace.root)
    return contracts


def versions_to_read(workspace: Workspace) -> Versions:
    """Give what is active in a workspace, to look at. Raises WrongKeyError or LedgerError."""
    keys = ledger_keys.load(workspace.state)
    with SqliteReader(workspace.ledger, keys.database) as reader:
        versions = Versions(reader, FileBlobs(workspace.blobs, keys.blobs))
        versions.load()
    return versions


def standings_of(workspace: Workspace) -> dict[str, Standing]:
    """Give where the playbooks of a workspace stand, by name. Raises WrongKeyError or LedgerError."""
    keys = ledger_keys.load(workspace.state)
    blobs = FileBlobs(workspace.blobs, keys.blobs)
    with SqliteReader(workspace.ledger, keys.database) as reader:
        return standings(Versions(reader, blobs), reader, blobs, workspace.root)


class _NoRows:
    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        del sql, parameters
        return []


def _as_it_is(value: Value) -> Value:
    return value


def opener_at(workspace: Workspace, reader: SqliteReader) -> Opener:
    """Give what opens sealed values for somebody who only looks."""
    return Opener(PersonKeys(reader.rows, ledger_keys.load(workspace.state).people).open)


def mail_account(config: Config, root: Path) -> mail.MailConfig:
    """Give the mail account as its connector takes it; the name of its secret is none of its business."""
    server = msgspec.to_builtins(config.mail.smtp) if config.mail.smtp else None
    smtp = {name: value for name, value in server.items() if name != "password"} if server else None
    return mail.MailConfig(
        sender=config.mail.sender,
        workspace=str(root),
        folder=config.mail.folder,
        smtp=msgspec.convert(smtp, mail.SmtpConfig) if smtp else None,
        reply_to=config.mail.reply_to,
        rate_per_minute=config.mail.rate_per_minute,
        auto_submitted=config.mail.auto_submitted,
    )


def issuer_of(config: Config, root: Path, state: Path) -> issue.Issuer:
    """Say who issues invoices."""
    own, numbered = config.company, config.invoices
    return issue.Issuer(
        workspace=str(root),
        notes=str(state / "notes"),
        timezone=own.timezone,
        name=own.name,
        address=own.address,
        vat_id=own.vat_id,
        iban=own.iban,
        email=config.mail.sender,
        prefix=numbered.prefix,
        credit_prefix=numbered.credit_prefix,
        first=numbered.first,
    )


def _contracts(
    config: Config, root: Path, state: Path, records: OwnRecords, password: Credential | None = None
) -> Contracts:
    account = mail_account(config, root)
    folders = files.FilesConfig(workspace=str(root), notes=str(state / "notes"), folders=config.files.folders)
    operations = (
        *bank.operations(config.bank.columns, records.books),
        *invoices.operations(config.invoices.columns, config.invoices.seller),
        *issue.operations(records.books, issuer_of(config, root, state)),
        *books.operations(records.books),
        *known.operations(records.known),
        *mail.operations(account, password, records.books),
        *files.operations(folders),
        *collected.operations(folders),
        *leads.operations(),
        *posts.operations(folders, config.company.timezone),
    )
    return Contracts(operations, (DRAFT, RECONCILE, QUALIFY_LEAD, CLASSIFY_REPLY, PLAN_WEEK), {})


def caps_of(workspace: Workspace, contracts: Contracts) -> list[Cap]:
    """Give the caps of mainstay.toml; raises FileError where one counts what there is not."""
    caps = all_caps(workspace.config.budgets, workspace.config.windows)
    own = contracts.own
    agents = [*contracts.agents, *(own.names() if own is not None else ())]
    if own is not None:  # a budget of an agent holds once that is activated
        agents += [cap.agent for cap in caps if cap.agent and own.file_of(cap.agent)]
    try:
        check_names(caps, contracts.operations, agents, shelf(workspace.root))
    except ValueError as error:
        where = workspace.place_of("budgets", str(error).partition("'")[2].partition("'")[0])
        raise FileError(f"{where}: {error}.", remedy="Correct it under [budgets]; nothing happened.") from None
    return caps


def limits_of(workspace: Workspace, contracts: Contracts) -> dict[str, int]:
    """Give the limits of mainstay.toml, by operation or agent; raises UnknownNameError for one there is not."""
    limits = workspace.config.limits
    for name in limits:
        try:
            (contracts.operation if "." in name else contracts.agent)(name)
        except InactiveError:  # its limit holds once it is activated
            continue
        except UnknownNameError as error:
            where = f"{workspace.place_of('limits', name)}: under [limits]: {error.message}"
            raise UnknownNameError(where, remedy=error.remedy or "Correct it and try again.") from None
    return limits


def delays_of(workspace: Workspace, contracts: Contracts) -> dict[str, int]:
    """Give the delays of mainstay.toml, seconds by operation; raises UnknownNameError for an operation there is not."""
    delays = workspace.config.delays
    for name in delays:
        try:
            contracts.operation(name)  # a name mistyped would let its actions leave at once
        except UnknownNameError as error:
            where = f"{workspace.place_of('delays', name)}: under [delays]: {error.message}"
            raise UnknownNameError(where, remedy=error.remedy or "Correct it and try again.") from None
    windows = workspace.config.windows
    return {name: parse_duration_s(delay) for name, delay in delays.items() if delay not in windows}


def windows_of(workspace: Workspace) -> dict[str, Window]:
    """Give the hours in which operations leave whose delay names some, by operation."""
    config = workspace.config
    return {
        name: read_window(delay, config.windows[delay])
        for name, delay in config.delays.items()
        if delay in config.windows
    }


def patience_of(workspace: Workspace) -> Patience:
    """Give how long questions of policy wait, as mainstay.toml says."""
    asked = workspace.config.questions
    escalate_s, due_s = (parse_duration_s(text) if text else None for text in (asked.escalate, asked.due))
    return Patience(tuple(parse_duration_s(text) for text in asked.remind), escalate_s, due_s)


def projections_of(blobs: FileBlobs) -> tuple[Projection, ...]:
    """Give all that is made of the records and kept beside them; `blobs` hold their large values."""
    stored = Payloads(blobs).stored
    return (VIEWS, books_projection(stored), known_projection(stored))


def import_history(
    workspace: Workspace, lines: Iterable[bytes], name: str, beside: Path | None, progress: Callable[[int], None]
) -> Imported:
    """Take a whole history into a workspace in which nothing has happened; see `importing.import_lines`.

    Without a head the next owner holds everything until the operator releases it (KERNEL L6).
    """
    keys = ledger_keys.load(workspace.state)
    blobs = FileBlobs(workspace.blobs, keys.blobs)
    with contextlib.ExitStack() as opened:
        opened.callback(OwnerLock(workspace.state, "mainstay history import").release)
        ledger = SqliteLedger(workspace.ledger, keys.database, projected=projections_of(blobs), begin=False)
        opened.callback(ledger.close)
        heads = files_of(workspace.ledger, ledger_keys.witness_file(workspace.state))
        target = Target(ledger, blobs, keys.people, heads)
        return import_lines(target, lines, name, beside=beside, progress=progress)


class Owner(Works):
    """A workspace with its one writer: engine, timers, workers and socket, from `open` to `close`."""

    def __init__(
        self,
        workspace: Workspace,
        command: str,
        policy: Policy | None = None,
        contracts: Callable[[Workspace, OwnRecords], Contracts] | None = None,
        code: Sequence[str] = (),
        clock: Clock | None = None,
    ) -> None:
        """Take the lock and open everything; raises OwnedError, WrongKeyError or LedgerError.

        `command` is what others are told works on the workspace; `contracts` says which operations and agents it has
        (default: `contracts_of`), `code` where workers find what is not Mainstay's own. Time is the machine's, or that
        of `clock`.
        """
        self.workspace = workspace
        with contextlib.ExitStack() as opened:
            self.lock = OwnerLock(workspace.state, command, str(workspace.socket))
            opened.callback(self.lock.release)
            self.keys = ledger_keys.load(workspace.state)
            blobs = FileBlobs(workspace.blobs, self.keys.blobs)
            self.ledger = SqliteLedger(
                workspace.ledger,
                self.keys.database,
                projected=projections_of(blobs),
                workspace=self.keys.workspace,
                begin=False,
                lost=self.lock.is_lost,
            )
            opened.callback(self.ledger.close)
            forgotten = Forgotten(ledger_keys.forgotten_file(workspace.state))
            self.people = PersonKeyring(workspace.ledger, self.keys.database, self.keys.people, forgotten)
            opened.callback(self.people.close)
            opener, sealer = Opener(self.people.open), Sealer(self.people)
            self.payloads = Payloads(blobs, opener, sealer)
            clock = clock or SystemClock()
            self.workers = WorkerPool(
                paths=(*code, str(workspace.code)), confinement=workspace.config.workers.confinement, clock=clock
            )
            self.secrets, self.notices = secrets_of(workspace), open_secrets(workspace)
            self.secrets.hide()
            make = contracts or functools.partial(contracts_of, secrets=self.secrets)
            sealer.catalogue = self.contracts = make(workspace, records_of(self.ledger, opener.open))
            activation = activation_of(workspace.root, workspace.code, self.ledger, blobs, self.contracts)
            self._book = self._policies(activation)
            super().__init__(self._ground(policy or self._book, clock))
            self.heads = HeadKeeper(workspace.ledger, ledger_keys.witness_file(workspace.state), self.ledger)
            self.requests = Requests(self.engine, self.contracts, workspace.root, METHODS, activation)
            self.requests.ways = Ways(self.requests, workspace.config, self.secrets)
            self.requests.on_released = self.work
            self._keep_limits(activation)
            signing, company = SigningKey(self.keys.receipts), workspace.config.company.name
            self.requests.anchors = Anchors(self.keys.workspace, company, signing, workspace.config.anchor)
            self.anchoring = AnchorKeeper(self.requests)
            self.watcher = self._watcher(activation)
            self.schedules = self._schedules(activation)
            session = ledger_keys.load_session(workspace.state)
            self.intake = Intake(workspace.socket, session, self.requests.answer)
            self._opened = opened.pop_all()
        self.forgotten_again = 0  # people whom a restored or imported history brought back
        self._heading: asyncio.Task[None] | None = None
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._caring: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        gc.freeze()  # what was loaded so far stays; looking through it again and again costs a tenth of the speed
        gc.set_threshold(*GC_THRESHOLDS)
        try:
            loop = asyncio.get_running_loop()
            self.engine.failed = loop.create_future()
            self.secrets.tell = functools.partial(self._say_soon, loop)
            await self._hold_if_moved()
            if self.ledger.head()[0] == 0:
                await self._first_fact()
            moved = bool(self.engine.held)
            self.forgotten_again = await catch_up(self.ledger, self.people, self.clock, moved=moved)
            await self.intake.open()
            self.work()
            after = self.workspace.config.history.archive_after
            cares = care_daily(self.requests, parse_duration_s(after) if after else None), self.anchoring.run()
            self._caring = [asyncio.create_task(care) for care in cares]
            for caring in self._caring:
                caring.add_done_callback(self.must_live)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    def _say_soon(self, loop: asyncio.AbstractEventLoop, says: str) -> None:
        """Tell the operator something out of a thread."""
        loop.call_soon_threadsafe(self.engine.say, says)

    def work(self) -> None:
        """Look after folders, keep times and go on with all plans; see `Works.work`."""
        for name, run in (("files", self.watcher.run), ("schedules", self.schedules.run)):
            watching = self._watching.get(name)
            if not self.engine.held and (watching is None or watching.done()):  # a commit that failed ended it
                self._watching[name] = asyncio.create_task(run())
                self._watching[name].add_done_callback(self.must_live)
        if not self.engine.held:
            self.throttling.begin()  # before plans go on: those of a playbook that waits stay paused
        super().work()

    async def __aexit__(self, *_: object) -> None:
        for caring in self._caring:
            caring.cancel()
        for watching in self._watching.values():
            watching.cancel()
        await self.intake.close()
        await self.rest()
        await self.workers.close()
        if self._heading is not None:
            await self.anchoring.end()
            self._heading.cancel()
            self.heads.write_if_possible(self.clock.now_us())
        self._opened.close()

    def _ground(self, policy: Policy, clock: Clock) -> Ground:
        config = self.workspace.config
        return Ground(
            ledger=self.ledger,
            payloads=self.payloads,
            clock=clock,
            workers=self.workers,
            catalogue=self.contracts,
            policy=policy,
            random=random.random,
            new_id=new_plan_id,
            token_key=self.keys.tokens,
            is_online=is_online,
            reopen=self._reopen,
            room_missing=functools.partial(room_missing, self.workspace.state),
            where=str(self.workspace.root),
            caps=caps_of(self.workspace, self.contracts),
            limits=limits_of(self.workspace, self.contracts),
            delays=delays_of(self.workspace, self.contracts),
            windows=windows_of(self.workspace),
            patience=patience_of(self.workspace),
            company=msgspec.to_builtins(config.company),
            timezone=config.company.timezone,
            grace_s=parse_duration_s(config.downtime.grace),
        )

    def teller(self, show: Callable[[str], None]) -> Teller:
        """Give what tells the operator what waits; `show` puts a line where somebody may look."""
        config = self.workspace.config
        asked = config.attention
        after_us = parse_duration_s(asked.after) * SECOND_US
        rules = Rules(asked.per_day, summary_at(asked.summary), after_us, config.company.timezone)
        assert self.requests.ways is not None
        return Teller(self.requests, rules, self.requests.ways, show)

    def _policies(self, activation: Activation) -> PolicyBook:
        """Judge by the policies that are active, whenever that changes."""
        timezone, operations = self.workspace.config.company.timezone, self.contracts.operations
        deeds = Deeds(self.ledger, timezone, self.contracts.roles, self.payloads.load)
        return PolicyBook(activation.versions, operations, deeds, timezone)

    def _keep_limits(self, activation: Activation) -> None:
        """Keep what the rules in force bound, from now on and whenever others are."""
        self.requests.throttling = self.throttling = Throttling(self.requests, self.contracts.roles)
        activation.on_changed = self._on_rules
        if self._book.any:
            self._use_limits()

    def _use_limits(self) -> None:
        """Let the limits of the rules in force hold, beside the budgets and limits of mainstay.toml."""
        rules = self._book.now()
        self.use_limits(policy_caps(rules), policy_limits(rules))
        self.throttling.use(rules.throttles(), self._book.since)

    def _on_rules(self) -> None:
        self._use_limits()
        if not self.engine.held:
            self.throttling.begin()

    def _reopen(self) -> None:
        """Open the history anew, by all ways that lead to it (KERNEL L5)."""
        self.people.close()
        self.ledger.reopen()
        self.people.reopen()

    async def _hold_if_moved(self) -> None:
        """Begin nothing in a history that was copied, restored or cut, until the operator releases it (KERNEL L6)."""
        recorded = self.ledger.read(STREAM)
        reason, found = reason_of(recorded), self.heads.judge()
        if found and not reason:
            draft = e.Draft(e.WorkspaceQuarantined(found), self.clock.now_us(), "mainstay")
            await self.ledger.append([e.Append(STREAM, len(recorded), (draft,))])
        self.engine.held = reason or found
        self.heads.begin(self.clock.now_us())
        self._heading = asyncio.create_task(self.heads.run(self.clock.now_us))

    def _watcher(self, activation: Activation) -> Watcher:
        """Watch the folders that active playbooks and plans wait for files in."""
        root, outside = self.workspace.root, self.engine.outside
        outside.say = self.engine.say
        outside.starting = Starting(activation, root, self.contracts, self.engine.say).playbooks
        bounces = Bounces(self.ledger, self.engine.load, mail.mark_of)
        bounces.heard = self._came_back
        watcher = Watcher(outside, root, inbox, self.payloads, self.clock, self.workers, bounces)
        watcher.say = self.engine.say
        outside.sends_mail = self.workspace.config.mail.smtp is not None
        watcher.keep = functools.partial(inbox.keep_left, self.workspace.state)
        return watcher

    def _schedules(self, activation: Activation) -> Schedules:
        """Start the playbooks whose schedule is due, as long as they are active."""

        def since(playbook: str) -> int | None:
            active = activation.versions.active("playbook", playbook)
            return None if active is None else active.activated_us

        zone = self.workspace.config.company.timezone
        return Schedules(self.engine.outside, self.clock, zone, since, self.engine.say)

    def _came_back(self, plan_id: str, fact: e.MailBounced, position: int, at_us: int) -> None:
        self.throttling.note_bounce(plan_id, fact, position, at_us)
        self.engine.say(f"{say(fact)}. See: mainstay show {plan_id.partition('-')[0]}")

    async def _first_fact(self) -> None:
        fact = e.WorkspaceCreated(self.workspace.config.company.name, VERSION)
        draft = e.Draft(fact, self.clock.now_us(), "operator")
        await self.ledger.append([e.Append("workspace", 0, (draft,))])
