"""What would have happened: the reconciliation run on the operator's own files, in a workspace that is thrown away.

It is the same process, word for word, in a scratch workspace with keys of its own. Nothing of the user's folders is
touched, and nothing can leave: that files are read rightly is taken for granted, every action that would be asked is
answered with no, and every other question of the playbook with "keep none"; all are noted as what it would have asked.

Files may be given in any order, also as folders: each is held to be what it can be read as.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import msgspec

from mainstay.app import Owner, contracts_of, create_workspace, opener_at, records_of
from mainstay.connectors.bank.statement import FileReport, StatementRead
from mainstay.connectors.currencies import NO_CURRENCY
from mainstay.connectors.invoices.read import InvoiceFile, InvoicesRead
from mainstay.connectors.source import STRANGER
from mainstay.connectors.tables import NO_HEADER
from mainstay.contracts import from_plain, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import FileError, MainstayError
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.reader import SqliteReader
from mainstay.playbooks.shelf import open_playbook
from mainstay.ports import OwnRecords
from mainstay.records import Doubt, File, Invoice, Layout, Match, Payer
from mainstay.requests.files import file_content, files_at
from mainstay.values import Money, say_total
from mainstay.views import Views
from mainstay.workspace import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Iterable, Sequence

    from mainstay.runtime.catalogue import Contracts
    from mainstay.values import Value
    from mainstay.workspace import Workspace

PLAYBOOK = "billing-reconciliation"
CHECK = "check"  # its step that asks whether files are read rightly
PREFIX = "mainstay-try-"
_WHY = "A trial does nothing."
_SHOWN = 10  # of the files that can't be read
_PILES = ("sure", "unsure", "unmatched", "duplicates", "set_aside")
_KNOWN = (
    "Leave it out, or export it anew: statements as camt, MT940, OFX, QIF, CSV or XLSX; invoices as UBL, CII, Factur-X "
    "PDF, CSV or XLSX."
)
_GIVE = "Give the bank's statements and the open invoices: mainstay try STATEMENT... INVOICES"

Plain: TypeAlias = dict[str, Any]
T = TypeVar("T")
_Doubted = TypeVar("_Doubted", StatementRead, InvoicesRead)


class Unread(msgspec.Struct, frozen=True):
    """One file that could not be read, with the place in it, and what to do."""

    name: str
    message: str
    remedy: str
    found: bool = False  # in a folder that was given: it may not be meant


class Asked(msgspec.Struct, frozen=True):
    """A question that would have been asked."""

    question: str
    rows: tuple[str, ...]


class Trial(msgspec.Struct, frozen=True):
    """What came out, over all statements. The late ones are given twice: after a yes to every question, and to none."""

    incoming: int
    matched: int  # without doubt
    unsure: tuple[Match, ...]
    unmatched: tuple[Match, ...]
    paid_twice: tuple[Match, ...]
    set_aside: tuple[Match, ...]  # came in, and is no customer's payment: a payout, money between own accounts
    late: tuple[Invoice, ...]  # if everything unsure is approved
    late_if_none: tuple[Invoice, ...]  # if nothing of it is
    owed: str  # by the first
    owed_if_none: str
    invoices: int
    invoices_note: str
    invoice_files: tuple[InvoiceFile, ...]
    statements: tuple[FileReport, ...]  # by their periods
    assumed: tuple[Doubt, ...]  # guesses about the files that were taken to be right
    unread: tuple[Unread, ...]
    would_ask: tuple[Asked, ...]
    remark: str = ""  # what makes all of this doubtful
    sure: tuple[Match, ...] = ()  # what was matched without doubt
    received: str = ""  # all that came in; these add up by currency, and are in words
    matched_amount: str = ""
    unsure_amount: str = ""
    unmatched_amount: str = ""


def silent(sentence: str) -> None:
    """Tell nobody."""
    del sentence


async def try_reconciliation(
    given: Sequence[Path],
    here: Workspace | None = None,
    currency: str = "",
    tell: Callable[[str], None] = silent,
) -> Trial:
    """Run the trial; nothing of it is left afterwards, however it ends. Files are read as the workspace `here` says.

    `currency` is that of files that name none; `tell` is told how far it is.

    Raises FileError when there is no statement or no invoice that can be read; what else can't be read is in the
    result.
    """
    known = known_at(here)

    def contracts(workspace: Workspace, records: OwnRecords) -> Contracts:
        return contracts_of(workspace, OwnRecords(records.books, known))

    try:
        with scratch(here, currency) as workspace:
            async with Owner(workspace, "mainstay try", contracts=contracts) as owner:
                return await _Bench(owner, workspace, known, tell).run(given)
    except _NamesNoCurrencyError as error:
        return await try_reconciliation(given, here, error.currency, tell)


class _NamesNoCurrencyError(Exception):
    """A list of invoices names no currency, and all statements are in one: it may be read in that."""

    def __init__(self, currency: str) -> None:
        super().__init__(currency)
        self.currency = currency


class _Known(msgspec.Struct, frozen=True):
    """`ports.Known`: what a workspace learned, as it stood when the trial began."""

    payer_records: tuple[Payer, ...] = ()
    layout_records: tuple[Layout, ...] = ()

    def payers(self) -> list[Payer]:
        return list(self.payer_records)

    def layouts(self) -> list[Layout]:
        return list(self.layout_records)


def known_at(here: Workspace | None) -> _Known:
    """Give what a workspace learned so far."""
    if here is None:
        return _Known()
    with SqliteReader(here.ledger, ledger_keys.load(here.state).database) as reader:
        if reader.head()[0] == 0:
            return _Known()
        known = records_of(reader, opener_at(here, reader).open).known
        return _Known(tuple(known.payers()), tuple(known.layouts()))


@contextmanager
def scratch(here: Workspace | None = None, currency: str = "") -> Generator[Workspace]:
    """Give a workspace in a temporary folder, with keys and socket there too; all of it is removed at the end.

    How files are read, and how agents are confined, is taken from the workspace `here`.
    """
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=temporary_folder()) as folder,
        _environment(XDG_CONFIG_HOME=f"{folder}/config", XDG_RUNTIME_DIR=f"{folder}/run"),
    ):
        workspace = create_workspace(Path(folder) / "workspace", name="Trial")
        config = workspace.config if here is None else here.config
        company = msgspec.structs.replace(workspace.config.company, currency=currency or config.company.currency)
        workspace.config = msgspec.structs.replace(
            workspace.config, company=company, bank=config.bank, invoices=config.invoices, workers=config.workers
        )
        yield workspace


@contextmanager
def _environment(**wanted: str) -> Generator[None]:
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Sorted(msgspec.Struct, frozen=True):
    """The names of files by what they can be read as."""

    statements: list[str]
    invoices: list[str]
    unread: list[Unread]


class _Bench:
    """Where the files are sorted and tried."""

    def __init__(self, owner: Owner, workspace: Workspace, known: _Known, tell: Callable[[str], None]) -> None:
        self._owner, self._workspace, self._known, self._tell = owner, workspace, known, tell
        self._asked: list[Asked] = []

    async def run(self, given: Sequence[Path]) -> Trial:
        pinned: dict[str, Plain] = {}
        unread: list[Unread] = []
        last: set[str] = set()
        alone: set[str] = set()
        for place in given:
            begun = set(pinned)
            for path in files_at(place):
                name = _name(path, place, pinned)
                try:
                    pinned[name] = cast("Plain", self._owner.requests.pin(name, file_content(path)))
                except FileError as error:
                    unread.append(Unread(name, error.message, error.remedy))
            last = set(pinned) - begun
            alone |= last if place.is_file() else set()
        self._tell("Reading what the files are" if len(pinned) > 1 else "Reading what the file is")
        files = await self._sort(pinned, last, alone)
        unread += [msgspec.structs.replace(one, found=one.name not in alone) for one in files.unread]
        if not files.statements or not files.invoices:
            raise _nothing_to_try(files, unread)
        inputs = {"statement": [pinned[name] for name in files.statements]}
        read = f"{len(files.statements)} of the bank, {len(files.invoices)} of invoices"
        self._tell(f"Matching payments and invoices ({read})")
        plan = await self._propose(inputs | {"invoices": [pinned[name] for name in files.invoices]})
        standing = await self._owner.requests.follow(plan, lambda _: None)
        while standing["questions"]:
            await self._answer(standing["questions"][0])
            standing = await self._owner.requests.follow(plan, lambda _: None)
        with Views(self._workspace) as views:
            return self._result(views.outputs(plan), unread)

    async def _propose(self, inputs: Plain) -> str:
        definition = open_playbook(None, PLAYBOOK, self._owner.contracts)
        defaults = {one.name: one.default for one in definition.inputs if not one.required}
        plan, committed = self._owner.requests.propose(definition, defaults | inputs)
        await committed
        return plan

    async def _sort(self, pinned: dict[str, Plain], last: set[str], alone: set[str]) -> _Sorted:
        """See what each file is. What may be both is invoices where it was given last, or where nothing else is.

        `alone` are those that were given by their own names.
        """
        currency = self._workspace.config.company.currency
        no_invoices, as_invoices = await self._refused("invoices.read_open", pinned, InvoicesRead, currency)
        currency = currency or (as_invoices.currency if as_invoices else "")
        no_statement, statement = await self._refused("bank.read_statement", pinned, StatementRead, currency)
        lost = any(
            NO_CURRENCY in one.message for name, one in no_invoices.items() if name in no_statement or name in last
        )
        if not currency and lost and statement is not None and statement.currency:
            raise _NamesNoCurrencyError(statement.currency)
        either = pinned.keys() - no_statement.keys() - no_invoices.keys()
        invoices = pinned.keys() - no_invoices.keys() - (either - last)
        if not invoices:
            invoices = set(either)
        return _Sorted(
            statements=[name for name in pinned if name not in no_statement and name not in invoices],
            invoices=[name for name in pinned if name in invoices],
            unread=[
                _telling(no_statement[name], no_invoices[name], invoices=name in last, alone=name in alone)
                for name in pinned
                if name in no_statement and name in no_invoices
            ],
        )

    async def _refused(
        self, name: str, pinned: dict[str, Plain], output: type[_Doubted], currency: str
    ) -> tuple[dict[str, Unread], _Doubted | None]:
        """Say which files an operation can't read, and what it read of the others."""
        try:
            read = await self._read(name, list(pinned.values()), output, currency)
        except FileError as error:
            if len(pinned) <= 1:
                return {file: Unread(file, error.message, error.remedy) for file in pinned}, None
            alone = [await self._refused(name, {file: one}, output, currency) for file, one in pinned.items()]
            return {file: unread for refused, _ in alone for file, unread in refused.items()}, None
        unread = (Unread(doubt.file, doubt.body, doubt.remedy) for doubt in read.doubts if doubt.kind == "unread")
        return {one.name: one for one in unread}, read

    async def _read(self, name: str, files: list[Plain], output: type[T], currency: str) -> T:
        """Run a reading operation in a worker process, as the process itself will. Raises FileError."""
        operation = self._owner.contracts.operation(name)
        hints = {"layouts": to_plain(self._known.layout_records), "currency": currency}
        arguments: Plain = {**operation.defaults, **hints, "files": files}
        blobs = [from_plain(file, File).blob for file in files]
        try:
            answer = await self._owner.workers.run(
                operation.entry,
                encode_value(cast("Value", arguments)),
                {blob.digest: self._owner.payloads.blobs.get(blob) for blob in blobs},
                timeout_s=operation.timeout_s,
                memory_mb=operation.memory_mb,
            )
        except MainstayError as error:
            raise FileError(error.message, remedy=error.remedy) from error
        return from_plain(decode_value(answer), output)

    async def _answer(self, decision: str) -> None:
        """Note a question and answer it. Raises FileError for a step that is stuck."""
        with Views(self._workspace) as views:
            question = views.question(decision)
        card: Plain = question["card"]
        if "reject" not in question["options"]:
            told = ": ".join(str(card[name]) for name in ("headline", "body") if card.get(name))
            remedy = str(card.get("remedy") or "Nothing was booked or kept: correct the files, and try again.")
            raise FileError(f"The trial stopped: {told}", remedy=remedy)
        rows = tuple(str(row.get("headline") or row.get("why") or "") for row in card.get("rows") or ())
        self._asked.append(Asked(str(card["headline"]), rows))
        choice = "approve" if question["actions"] == [CHECK] else "reject"
        await self._owner.requests.rule(decision, {"choice": choice, "reason": _WHY, "session": "trial"})

    def _result(self, outputs: Plain, unread: Sequence[Unread]) -> Trial:
        statement = from_plain(outputs["statement"], StatementRead)
        against = from_plain(outputs["open"], InvoicesRead)
        found = {pile: msgspec.convert(outputs["match"][pile], tuple[Match, ...]) for pile in _PILES}
        late_if_none = msgspec.convert(outputs["late"]["invoices"], tuple[Invoice, ...])
        late = tuple(_after(late_if_none, found["unsure"]))
        return Trial(
            incoming=sum(line.amount.minor > 0 for line in statement.lines),
            matched=len({line for match in found["sure"] for line in match.line_ids}),
            unsure=found["unsure"],
            unmatched=found["unmatched"],
            paid_twice=found["duplicates"],
            set_aside=found["set_aside"],
            late=late,
            late_if_none=late_if_none,
            owed=say_total(invoice.open for invoice in late),
            owed_if_none=say_total(invoice.open for invoice in late_if_none),
            invoices=against.count,
            invoices_note=against.note,
            invoice_files=against.files,
            statements=tuple(sorted(statement.files, key=lambda file: (file.from_on, file.to_on, file.name))),
            assumed=(*statement.doubts, *against.doubts),
            unread=tuple(unread),
            would_ask=tuple(self._asked),
            remark=_remark(statement, against),
            sure=found["sure"],
            received=say_total(line.amount for line in statement.lines if line.amount.minor > 0),
            matched_amount=_amount(found["sure"]),
            unsure_amount=_amount(found["unsure"]),
            unmatched_amount=_amount(found["unmatched"]),
        )


def _name(path: Path, given: Path, taken: Container[str]) -> str:
    """Call a file as its folder shows it, or by its whole path where another one is called so."""
    short = str(path.relative_to(given)) if path != given else path.name
    return str(path) if short in taken else short


def _telling(as_statement: Unread, as_invoices: Unread, *, invoices: bool, alone: bool) -> Unread:
    """Take what the reader says that knows the format; where both do, the one that the order of the files asks for.

    Of a file that was given by its own name (`alone`) it is said in any case; a folder may hold anything.
    """
    first, second = (as_invoices, as_statement) if invoices else (as_statement, as_invoices)
    known = [one for one in (first, second) if STRANGER not in one.message and NO_HEADER not in one.message]
    if known or alone:
        return [*known, first][0]
    return Unread(first.name, f"{first.name} is neither a bank statement nor invoices in a form known here.", _KNOWN)


def _nothing_to_try(files: _Sorted, unread: Sequence[Unread]) -> FileError:
    if len(unread) == 1 and len(files.statements) + len(files.invoices) <= 1:
        return FileError(unread[0].message, remedy=unread[0].remedy)
    what = "bank statement" if not files.statements else "file of open invoices"
    read = [f"{len(files.invoices)} of invoices"] * bool(files.invoices)
    read += [f"{len(files.statements)} of the bank"] * bool(files.statements)
    told = [one.message for one in unread[:_SHOWN]] + [f"And {len(unread) - _SHOWN} more."] * (len(unread) > _SHOWN)
    remedies = dict.fromkeys([*(one.remedy for one in unread[:_SHOWN]), _GIVE])
    could = f"could be read: {', '.join(read)}" if read else "could be read"
    return FileError(
        f"There is no {what} among the files that {could}. {' '.join(told)}".strip(), remedy=" ".join(remedies)
    )


def _amount(matches: Iterable[Match]) -> str:
    return say_total(match.amount for match in matches)


def _after(late: Iterable[Invoice], unsure: Iterable[Match]) -> Iterable[Invoice]:
    """Give what stays late once all of these matches are approved."""
    paid: Counter[str] = Counter()
    for match in unsure:
        for allocation in match.allocations:
            paid[allocation.invoice] += allocation.amount.minor
    for invoice in late:
        left = Money(invoice.open.minor - paid[invoice.number], invoice.open.currency)
        if left.minor > 0:
            yield msgspec.structs.replace(invoice, open=left)


def _remark(statement: StatementRead, against: InvoicesRead) -> str:
    """Say it where no payment can fit, as all invoices are in other currencies."""
    has = {one.currency for one in statement.statements}
    has |= {line.original.currency for line in statement.lines if line.original is not None}
    wants = {total.currency for total in against.totals}
    if not has or not wants or has & wants:
        return ""
    return (
        f"The statements are in {', '.join(sorted(has))} and the open invoices in {', '.join(sorted(wants))}: "
        "is there a statement of another account?"
    )
