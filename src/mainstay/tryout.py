"""What would have happened: the reconciliation run on the operator's own files, in a workspace that is thrown away.

It is the same process, word for word, in a scratch workspace with keys of its own. Nothing of the user's folders is
touched, and nothing can leave: every action that would be asked is answered with no, and every question of the
playbook with "keep none", both noted as what it would have asked. Statements are taken in the order of their periods,
so that what the first settles is not open in the second.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

import msgspec

from mainstay.app import Owner, create_workspace
from mainstay.connectors.bank import camt
from mainstay.connectors.bank import read as bank
from mainstay.connectors.bank.statement import StatementRead
from mainstay.connectors.invoices.read import InvoicesRead
from mainstay.contracts import from_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import FileError, MainstayError
from mainstay.playbooks.shelf import open_playbook
from mainstay.records import Date, File, Invoice, Match
from mainstay.requests import file_content
from mainstay.values import Money, say_total
from mainstay.views import Views

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from mainstay.kernel.graph import Definition
    from mainstay.workspace import Workspace

PLAYBOOK = "billing-reconciliation"
PREFIX = "mainstay-try-"
_TEMPORARY_PATH_BYTES = 45  # of the temporary folder: a socket's path may have 107 in all
_SWAPPED = "Did you swap them? First the statement, then the invoices."
_WHY = "A trial does nothing."

Plain: TypeAlias = dict[str, Any]
T = TypeVar("T")


class Tried(msgspec.Struct, frozen=True):
    """One statement that was read."""

    name: str
    format: str
    from_on: Date
    to_on: Date
    lines: int
    balance: Literal["checked", "absent"]  # whether opening balance, lines and closing balance were added up
    note: str  # what was guessed or left out


class Unread(msgspec.Struct, frozen=True):
    """One statement that could not be read, with the place in it, and what to do."""

    name: str
    message: str
    remedy: str


class Asked(msgspec.Struct, frozen=True):
    """A question that would have been asked."""

    statement: str
    question: str
    rows: tuple[str, ...]


class Trial(msgspec.Struct, frozen=True):
    """What came out, over all statements. The late ones are given twice: after a yes to every question, and to none."""

    incoming: int
    matched: int  # without doubt
    unsure: tuple[Match, ...]
    unmatched: tuple[Match, ...]
    paid_twice: tuple[Match, ...]
    late: tuple[Invoice, ...]  # if everything unsure is approved
    late_if_none: tuple[Invoice, ...]  # if nothing of it is
    owed: str  # by the first
    owed_if_none: str
    invoices: int
    invoices_note: str
    statements: tuple[Tried, ...]
    unread: tuple[Unread, ...]
    would_ask: tuple[Asked, ...]


async def try_reconciliation(statements: Sequence[Path], invoices: Path, here: Workspace | None = None) -> Trial:
    """Run the trial; nothing of it is left afterwards, however it ends. Files are read as the workspace `here` says.

    Raises InputError when the invoices, or all of the statements, can't be read; what else can't be read is in the
    result.
    """
    with scratch(here) as workspace:
        async with Owner(workspace, "mainstay try") as owner:
            return await _Bench(owner, workspace).run(statements, invoices)


@contextmanager
def scratch(here: Workspace | None = None) -> Generator[Workspace]:
    """Give a workspace in a temporary folder, with keys and socket there too; all of it is removed at the end.

    How files are read is taken from the workspace `here`.
    """
    short = len(os.fsencode(tempfile.gettempdir())) <= _TEMPORARY_PATH_BYTES
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=None if short else "/tmp") as folder,  # noqa: S108 - 0700, ours
        _environment(XDG_CONFIG_HOME=f"{folder}/config", XDG_RUNTIME_DIR=f"{folder}/run"),
    ):
        workspace = create_workspace(Path(folder) / "workspace", name="Trial")
        if here is not None:
            workspace.config = msgspec.structs.replace(
                workspace.config, bank=here.config.bank, invoices=here.config.invoices
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


class _Read(msgspec.Struct, frozen=True):
    """A statement before it is tried."""

    name: str
    file: Plain
    content: StatementRead


class _Bench:
    """Where statements are tried, one after the other, against the same invoices."""

    def __init__(self, owner: Owner, workspace: Workspace) -> None:
        self._owner, self._workspace = owner, workspace
        self._asked: list[Asked] = []
        self._seen: set[str] = set()  # lines of the statements tried so far
        self._found: dict[str, list[Match]] = {"sure": [], "unsure": [], "unmatched": [], "duplicates": []}
        self._late: tuple[Invoice, ...] = ()

    async def run(self, statements: Sequence[Path], invoices: Path) -> Trial:
        file = self._pin(invoices)
        try:
            against = await self._read("invoices.read_open", file, InvoicesRead)
        except FileError as error:
            if not await self._are_swapped(statements, invoices):
                raise
            raise FileError(error.message, remedy=_SWAPPED) from error
        read, unread = await self._read_all(statements, against)
        if not read:
            raise _none_read(unread)
        definition = open_playbook(None, PLAYBOOK, self._owner.contracts)
        for one in sorted(read, key=_period):
            await self._try(definition, one, file)
        return self._result(read, unread, against)

    async def _are_swapped(self, statements: Sequence[Path], invoices: Path) -> bool:
        """Tell whether what was given as invoices is a statement, or what was given as a statement is invoices."""
        if camt.looks_like(file_content(invoices)[: bank.HEAD_BYTES]):
            return True
        try:
            await self._read("invoices.read_open", self._pin(statements[0]), InvoicesRead)
        except FileError:
            return False
        return True

    def _pin(self, path: Path) -> Plain:
        return cast("Plain", self._owner.requests.pin(path.name, file_content(path)))

    async def _read(self, name: str, file: Plain, output: type[T]) -> T:
        """Run a reading operation in a worker process, as the process itself will. Raises FileError."""
        operation = self._owner.contracts.operation(name)
        blob = from_plain(file, File).blob
        files = {blob.digest: self._owner.payloads.blobs.get(blob)}
        try:
            answer = await self._owner.workers.run(
                operation.entry,
                encode_value({**operation.defaults, "file": file}),
                files,
                timeout_s=operation.timeout_s,
                memory_mb=operation.memory_mb,
            )
        except MainstayError as error:
            raise FileError(error.message, remedy=error.remedy) from error
        return from_plain(decode_value(answer), output)

    async def _read_all(self, statements: Sequence[Path], against: InvoicesRead) -> tuple[list[_Read], list[Unread]]:
        read: list[_Read] = []
        unread: list[Unread] = []
        for path in statements:
            try:
                file = self._pin(path)
                content = await self._read("bank.read_statement", file, StatementRead)
                _check_currency(path.name, content, against)
                read.append(_Read(path.name, file, content))
            except FileError as error:
                unread.append(Unread(path.name, error.message, error.remedy))
        return read, unread

    async def _try(self, definition: Definition, one: _Read, invoices: Plain) -> None:
        """Run the whole process on one statement, and keep what it found of lines not seen before."""
        plan, committed = self._owner.requests.propose(definition, {"statement": one.file, "invoices": invoices})
        await committed
        standing = await self._owner.requests.follow(plan, lambda _: None)
        while standing["questions"]:
            await self._decline(one.name, standing["questions"][0])
            standing = await self._owner.requests.follow(plan, lambda _: None)
        with Views(self._workspace) as views:
            outputs = views.outputs(plan)
        for pile, found in self._found.items():
            matches = msgspec.convert(outputs["match"][pile], list[Match])
            found += [match for match in matches if not self._seen.intersection(match.line_ids)]
        self._seen.update(line.id for line in one.content.lines)
        self._late = msgspec.convert(outputs["late"]["invoices"], tuple[Invoice, ...])

    async def _decline(self, statement: str, decision: str) -> None:
        """Note a question, and answer it with no. Raises FileError for a step that is stuck."""
        with Views(self._workspace) as views:
            question = views.question(decision)
        card: Plain = question["card"]
        if "reject" not in question["options"]:
            told = ": ".join(str(card[name]) for name in ("headline", "body") if card.get(name))
            remedy = str(card.get("remedy") or "Nothing was booked or kept: correct the files, and try again.")
            raise FileError(f"The trial stopped at {statement}: {told}", remedy=remedy)
        rows = tuple(str(row.get("headline") or row.get("why") or "") for row in card.get("rows") or ())
        self._asked.append(Asked(statement, str(card["headline"]), rows))
        await self._owner.requests.rule(decision, {"choice": "reject", "reason": _WHY, "session": "trial"})

    def _result(self, read: Sequence[_Read], unread: Sequence[Unread], against: InvoicesRead) -> Trial:
        incoming = {line.id for one in read for line in one.content.lines if line.amount.minor > 0}
        late = tuple(_after(self._late, self._found["unsure"]))
        return Trial(
            incoming=len(incoming),
            matched=len({line for match in self._found["sure"] for line in match.line_ids}),
            unsure=tuple(self._found["unsure"]),
            unmatched=tuple(self._found["unmatched"]),
            paid_twice=tuple(self._found["duplicates"]),
            late=late,
            late_if_none=self._late,
            owed=say_total(invoice.open for invoice in late),
            owed_if_none=say_total(invoice.open for invoice in self._late),
            invoices=against.count,
            invoices_note=against.note,
            statements=tuple(_tried(one) for one in sorted(read, key=_period)),
            unread=tuple(unread),
            would_ask=tuple(self._asked),
        )


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


def _check_currency(name: str, content: StatementRead, against: InvoicesRead) -> None:
    has = {statement.currency for statement in content.statements}
    wants = {total.currency for total in against.totals}
    if has and wants and not has & wants:
        raise FileError(
            f"{name} is in {', '.join(sorted(has))}, and no open invoice is: they are in {', '.join(sorted(wants))}.",
            remedy="Give the statement of the account that these invoices are paid to.",
        )


def _none_read(unread: Sequence[Unread]) -> FileError:
    if len(unread) == 1:
        return FileError(unread[0].message, remedy=unread[0].remedy)
    told = " ".join(one.message for one in unread)
    return FileError(f"None of the {len(unread)} statements can be read. {told}", remedy=unread[0].remedy)


def _period(one: _Read) -> tuple[str, str, str]:
    """Order statements by their days: by what they say of themselves, else by their lines."""
    days = sorted(line.booked_on for line in one.content.lines)
    begins = [statement.from_on for statement in one.content.statements if statement.from_on] or days[:1]
    ends = [statement.to_on for statement in one.content.statements if statement.to_on] or days[-1:]
    return min(begins, default=""), max(ends, default=""), one.name


def _tried(one: _Read) -> Tried:
    begins, ends, _ = _period(one)
    return Tried(
        name=one.name,
        format=one.content.format,
        from_on=begins,
        to_on=ends,
        lines=one.content.count,
        balance=one.content.balance,
        note=one.content.note,
    )
