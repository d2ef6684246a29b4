"""What the runtime needs from the outside, as protocols: `app.py` brings the parts that fill them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from mainstay.contracts import Operation
from mainstay.events import Append, Recorded
from mainstay.origins import Heard, Leaf
from mainstay.values import BlobRef, EffectClass, Labels, Sealed, Value, Verdict

if TYPE_CHECKING:
    from mainstay.context import Asked, Told
    from mainstay.contracts import AgentContract, Cost
    from mainstay.errors import MainstayError
    from mainstay.records import Layout, Payer, Payment


class Transaction(Protocol):
    """The ledger's open transaction, as a projection sees it. SQL with bound parameters only."""

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give all its rows."""
        ...

    def execute_many(self, sql: str, parameters: Sequence[Sequence[object]]) -> None:
        """Run one statement for many rows."""
        ...


class Projection(msgspec.Struct, frozen=True):
    """A view of the ledger, written in the same transaction as the events it is made of (DESIGN rule 1).

    `apply` must depend on nothing but the events and its own tables: a rebuild gives equal logical rows.
    `kinds` are the names of the facts it wants. A new `version` is rebuilt at the next start.
    """

    name: str
    version: int
    schema: str  # CREATE TABLE statements
    tables: tuple[str, ...]  # dropped before a rebuild
    kinds: frozenset[str]
    apply: Callable[[Transaction, Sequence[Recorded]], None]


Acknowledge: TypeAlias = "Callable[[int, MainstayError | None], None]"  # the last position on disk, or why it is not


class Ledger(Protocol):
    """The one truth. Positions have no gaps; digests chain them (KERNEL L1 to L5)."""

    def append(self, appends: Sequence[Append]) -> Awaitable[int]:
        """Queue facts for several streams, all or none; the awaitable gives the last position once on disk.

        Raises ConflictError when a stream is not at its expected sequence, CommitFailedError when the disk failed.
        """
        ...

    def queue(self, appends: Sequence[Append], told: Acknowledge, *, awaited: bool = False) -> None:
        """Do the same for who needs nothing to await: `told` is called in the loop, with the position or the error.

        `awaited` says that a task goes on once it is told: it does so before anything that follows is on disk.
        """
        ...

    def flush(self) -> None:
        """Commit all that is queued before this returns; blocks. Who waits for it is told later, as ever."""
        ...

    def read(self, stream: str, after: int = 0) -> list[Recorded]:
        """Give the committed facts of a stream past a sequence, in order."""
        ...

    def tail(self, after: int = 0, limit: int = 1000) -> Iterator[Recorded]:
        """Give committed facts past a position, in order."""
        ...

    def of_kinds(self, kinds: str, after: int, limit: int) -> list[Recorded]:
        """Give at most `limit` committed facts of some kinds past a position, in order; `kinds` is a list as JSON."""
        ...

    def first_since(self, at_us: int) -> int:
        """Give the position of the first fact recorded at a time or later; the one past the last where none was."""
        ...

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Query a projection; `sql` is a named constant of ours."""
        ...

    def head(self) -> tuple[int, str]:
        """Give the last committed position and its digest in hex."""
        ...


class People(Protocol):
    """The keys of people, under which what is personal is sealed (KERNEL L3). A key's id joins those of several."""

    def find(self, names: Sequence[tuple[str, str]], since_us: int = 0) -> str:
        """Give the key of the person with these names, as (kind, text); one that is new is on disk after `flush`."""
        ...

    def id_of(self, content: str, names: Sequence[tuple[str, str]], since_us: int = 0) -> str:
        """Give the id of a thing about the person with these names, known by its content; on disk after `flush`."""
        ...

    def flush(self) -> None:
        """Bring new keys to disk; raises LedgerError."""
        ...

    def seal(self, key_id: str, content: bytes) -> Sealed:
        """Seal under a key; the same content always gives the same mark."""
        ...

    def open(self, sealed: Sealed) -> bytes | None:
        """Give what was sealed; None when its key is destroyed."""
        ...


class Blobs(Protocol):
    """Bytes outside the ledger, encrypted, named by the digest of their stored form (KERNEL L3, L8)."""

    def put(self, content: bytes, *, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Store bytes; on disk when this returns. The same bytes are stored once."""
        ...

    def get(self, ref: BlobRef) -> bytes:
        """Give the bytes; raises LedgerError when they are missing or altered."""
        ...


class Clock(Protocol):
    """Time, as the runtime sees it: the simulation brings its own."""

    def now_us(self) -> int:
        """Wall time, microseconds UTC."""
        ...

    def boot_s(self) -> float:
        """A clock that never jumps and counts while the machine sleeps, seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Talk(Protocol):
    """Answers what a job asks while it runs."""

    async def answer(self, asked: Asked) -> Told:
        """Give the answer; whatever it raises ends the job with that."""
        ...


class Workers(Protocol):
    """Worker processes: foreign and heavy code with limits (DESIGN, Processes)."""

    async def run(
        self,
        entry: str,
        arguments: bytes,
        files: Mapping[str, bytes],
        *,
        timeout_s: float,
        memory_mb: int,
        talk: Talk | None = None,
    ) -> bytes:
        """Run `package.module:function` on encoded arguments and give its encoded result.

        With `talk` the function is given a way to ask (context.py); the result is empty when it was told to stop.

        Raises the OperationError the function raised, and Transient for a time-out (after the process group is
        dead) or a process that ended by itself.
        """
        ...


class Flow(msgspec.Struct, frozen=True):
    """Where the words of an action came from; made only where anything in sight came from outside, or is secret."""

    leaves: tuple[tuple[str, Leaf], ...]  # the texts and numbers of its arguments, by dotted path
    operation: Operation
    heard: Heard | None = None  # of an action that an agent asks for: what that was told before
    known: Callable[[], Heard] | None = None  # of a step: what the operator and their own records say in its plan
    edited: tuple[str, ...] = ()  # arguments that the operator put in


class Proposal(msgspec.Struct, frozen=True, omit_defaults=True):
    """One prepared effect as policy sees it."""

    plan: str
    playbook: str
    path: str
    operation: str
    effect: EffectClass
    arguments: Value
    account: str = ""
    labels: Labels = ()
    gate: str = ""  # the playbook's own wish to ask
    undo_by: str = ""  # of a compensation: who asked for the undo, "operator" or "playbook"; empty for a step
    agent: str = ""  # the agent that asks for it; empty where the playbook does
    now_us: int = 0  # when it is judged
    flow: Callable[[], Flow] | None = None  # where its words came from; None: nothing from outside is in sight


class Policy(Protocol):
    """The choke point's judge (DESIGN rule 3)."""

    def judge(self, proposal: Proposal) -> Verdict:
        """Allow, ask or deny, with the rule that spoke. An error in it asks the operator."""
        ...


class Judge(Protocol):
    """One side of the choke point; `governance/judge.py` puts several together."""

    def judge(self, proposal: Proposal) -> Verdict | None:
        """Allow, ask or deny; None where this side has nothing to say. An error in it asks the operator."""
        ...


class Credential(Protocol):
    """A secret of the operator's for one connector, which asks for it anew at each log-in and never keeps it."""

    def give(self, host: str) -> str:
        """Give it for this host, the one that is connected to. Blocks; raises NeedsOperator when it is not for it."""
        ...

    def refused(self) -> None:
        """Note that the other side does not take what was given last. Blocks."""
        ...


class Catalogue(Protocol):
    """The operations and agents a workspace has."""

    def operation(self, name: str) -> Operation:
        """Give an operation; raises UnknownNameError with the nearest name."""
        ...

    def accounts(self, connector: str) -> tuple[str, ...] | None:
        """Name the accounts that a connector has beside its usual one; None where that is not known here."""
        ...

    def agent(self, name: str, version: str = "") -> AgentContract:
        """Give an agent as it is now, or in the version a plan was made with.

        Raises UnknownNameError with the nearest name, or NeedsOperator when that version can't be had (KERNEL J1).
        """
        ...


class Waiting(msgspec.Struct, frozen=True):
    """An approved plan that waits for a place of each of these limits."""

    plan: str
    keys: tuple[str, ...]
    priority: int
    approved_at_us: int


class PlaceRows(Protocol):
    """What the ledger says of limits across plans."""

    def waiting(self) -> list[Waiting]:
        """Give the approved plans that wait for a place."""
        ...

    def last_stream(self, first: str) -> str:
        """Give the last of the streams of a limit, whose first one is named."""
        ...

    def length(self, stream: str) -> int:
        """Give how many facts a stream holds on disk."""
        ...


class OutsideRows(Protocol):
    """What the ledger says of events from outside, and of who waits for them."""

    def came(self, occurrence: str) -> bool:
        """Whether an occurrence was recorded."""
        ...

    def awaited(self, event: str, fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Give the steps that an event may be meant for, as (plan, path); `fields` are (name, keyed digest)."""
        ...

    def listened(self) -> set[str]:
        """Name the kinds of events that somebody waits for."""
        ...

    def since(self, event: str, position: int) -> list[str]:
        """Give the occurrences of a kind past a position, in order."""
        ...

    def ended_since(self, position: int) -> list[tuple[str, str, str, str]]:
        """Give the plans that ended past a position: id, playbook, status, ending."""
        ...


class Models(Protocol):
    """Language models by role, as agents ask them."""

    async def ask(self, role: str, request: Value) -> Value:
        """Give the answer, with the model's version and cost in it; raises NeedsOperator where none is configured.

        An answer says under `cost_usd_micros` and `tokens` what it cost.
        """
        ...

    def price(self, role: str, request: Value) -> Cost | None:
        """Give the most that this can cost; None where that is not known, and then a budget lets it not be asked."""
        ...


class Document(msgspec.Struct, frozen=True):
    """An invoice or a credit note of the operator's own: its number is `serial` of `series`."""

    number: str
    series: str
    serial: int
    issued_on: str  # YYYY-MM-DD


class Books(Protocol):
    """Mainstay's own record of payments and documents, read; outcomes alone write it: of `books`, of `invoices`."""

    def of_lines(self, line_ids: Sequence[str]) -> list[Payment]:
        """Give what is booked of these bank lines."""
        ...

    def of_invoices(self, numbers: Sequence[str]) -> list[Payment]:
        """Give what is booked to these invoices."""
        ...

    def of_days(self, days: Sequence[str]) -> list[Payment]:
        """Give what is booked of entries of these days, YYYY-MM-DD."""
        ...

    def last_reminders(self, numbers: Sequence[str]) -> dict[str, int]:
        """Give when the last reminder of each of these invoices was sent, in microseconds UTC."""
        ...

    def of_plan(self, plan: str) -> list[Payment]:
        """Give what a plan and its child plans booked, in order."""
        ...

    def by_ids(self, ids: Sequence[str]) -> list[Payment]:
        """Give bookings by their ids; those taken back are not there."""
        ...

    def last_serial(self, series: str) -> int | None:
        """Give the last number of a series of documents, None when it has none."""
        ...

    def has_series(self, prefix: str) -> bool:
        """Whether there is any document of a prefix, in whatever year."""
        ...

    def credit_of(self, invoice: str) -> Document | None:
        """Give the credit note that takes an invoice back, None when there is none."""
        ...


class Known(Protocol):
    """What was learned from the operator's answers, read; it is written by the outcomes of `known` operations alone."""

    def payers(self) -> list[Payer]:
        """Give all names and accounts that customers pay from."""
        ...

    def layouts(self) -> list[Layout]:
        """Give all confirmed layouts of tables."""
        ...


class OwnRecords(msgspec.Struct, frozen=True):
    """Mainstay's own records, as connectors read them."""

    books: Books
    known: Known
