"""What a step may call: operations of connectors, and agents, each with a typed contract.

A contract is data plus one callable. The runtime enforces it: input and output are converted to the declared
structs, the effect class and the settle way decide how a call is recorded, limits are the guard's to keep.

Where code runs: `"loop"` functions are Mainstay's own coroutines and run in the owner process; `"worker"`
functions are plain and named by `entry` ("package.module:function"), because they run in another process with
limits on time and memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeGuard, TypeVar, cast, get_args, get_type_hints

import msgspec

from mainstay.errors import ExpressionError
from mainstay.origins import Gives
from mainstay.values import BlobRef, EffectClass, ErrorClass, Forgotten, Money, Role, Sealed, Settle, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MEMORY_MB = 1024

Struct: TypeAlias = msgspec.Struct
T = TypeVar("T")


class Call(Protocol):
    """What an operation in the loop is given beside its arguments."""

    @property
    def token(self) -> str:
        """The idempotency token of this effect: the same at every attempt of one generation (KERNEL E2)."""
        ...

    @property
    def plan(self) -> str:
        """The plan that calls."""
        ...

    @property
    def now_us(self) -> int:
        """The time of this attempt, microseconds UTC."""
        ...

    @property
    def relies(self) -> Value:
        """What the effect relies on, as it was recorded (`Operation.relies`); None where nothing is."""
        ...

    def read(self, blob: BlobRef) -> bytes:
        """Give the content of a pinned file."""
        ...

    def store(self, content: bytes, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Keep bytes as a blob; on disk when this returns."""
        ...


class Found(msgspec.Struct, frozen=True):
    """What a look-up learned of an uncertain effect (KERNEL E3). `output` only when it happened."""

    state: Literal["happened", "did_not_happen", "unknown"]
    output: Any = None
    known: str = ""  # what the operator should know, one sentence


class Compensation(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to take one outcome back: recorded with the outcome it undoes (KERNEL E5)."""

    operation: str
    arguments: dict[str, Value]
    expects: Value = None  # what `relies` of that operation should find by then; None: what its arguments say


class Cost(msgspec.Struct, frozen=True):
    """What one call costs to make, as its provider charges it; not what it moves (`amount` among its roles)."""

    usd_micros: int = 0
    tokens: int = 0


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person is shown of one effect before it happens."""

    headline: str  # verb, amount, counterparty in one line
    body: str = ""  # what exactly will leave: the rendered mail, the rows
    cannot_undo: str = ""  # why it can't be taken back; empty when it can


# Gives the id under which a thing is recorded, by what tells it from all others and who it is about, as (kind, text)
# with the telling kinds first: id, mail, iban, name (values.personal).
IdOf: TypeAlias = Callable[[str, Sequence[tuple[str, str]]], str]
LoopFunction: TypeAlias = Callable[[Call, Any], Awaitable[Any]]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One versioned operation of a connector: the whole extension surface of a connector is a list of these.

    A `"worker"` operation has an `entry` whose function takes the input struct and a mapping from blob digest to
    bytes (the files among its arguments) and returns the output struct. It only reads or works something out: a
    worker is given no token, so nothing that acts could ever be settled, and what acts is refused there.

    What an operation that acts raises says whether it happened (errors.py): `NotSent`, `RateLimited`, `Permanent` and
    `NeedsOperator` mean that it surely did not. Everything else, a raw network error too, means that it may have, and
    is settled as `settle` says: with "ask", a connection that was merely refused asks the operator. Raise `NotSent`
    from what failed before anything left, `raise NotSent(...) from error`.
    """

    name: str  # "mail.send"
    summary: str  # "Send a mail": reads well after "will" in lower case
    input: type[Struct]
    output: type[Struct]
    effect: EffectClass
    version: int = 1
    settle: Settle = "ask"
    where: Literal["loop", "worker"] = "loop"
    call: LoopFunction | None = None
    entry: str = ""
    defaults: Mapping[str, Value] = {}  # of a read: arguments a playbook may leave out, from mainstay.toml
    lookup: Callable[[Call, Any], Awaitable[Found]] | None = None
    compensation: str = ""  # name of the operation that takes it back
    compensate: Callable[[Any, Any], Compensation | None] | None = None  # (input, output) -> how to undo this one;
    # None: there is nothing to undo
    cannot_undo: str = ""  # for an effect without compensation: why, one sentence
    card: Callable[[Any], Card] | None = None
    refuse: Callable[[Any], object] | None = None  # raises Permanent for arguments that can't work, before it asks
    roles: Mapping[str, Role] = {}  # by argument, or a dotted part of one: "files.blob"
    gives: Gives = Gives()  # who can write what it gives; what is not declared counts as outside content
    stays: bool = False  # nothing of it leaves this machine; what is `in_ledger` never does
    teaches: bool = False  # later runs go by it: what an agent heard outside must not get there unseen
    timeout_s: float = DEFAULT_TIMEOUT_S
    memory_mb: int = DEFAULT_MEMORY_MB
    token_lifetime_s: float | None = None  # None: the other side remembers the token for ever
    settle_after_s: float = 0.0  # a did-not-happen counts only after this long
    cost_usd_micros: int = 0  # of each call
    cost: Callable[[Any], Cost | None] | None = None  # (input) -> the most it can cost, beside that; None: not known,
    # which asks where a budget counts it
    spent: Callable[[Any, Any], Cost] | None = None  # (input, output) -> what it did cost, in the place of both
    rate_per_minute: int | None = None
    in_ledger: bool = False  # its outcome event is the effect itself (books): it can't be half done
    lookup_authoritative: bool = False  # whether a did-not-happen of its look-up counts: else the operator is asked
    look_at: str = ""  # where a person sees whether it happened: "the list of payments in your bank's portal"
    binds: Literal["", "money", "legal"] = ""  # confirmed by reading back before anything goes on (KERNEL E4)
    confirm: Callable[[Call, Any, Any], Awaitable[Found]] | None = None  # (call, input, output): unknown is not yet
    confirm_within_s: float = 600.0  # until it has to be seen
    relies: Callable[[Call, Any], Awaitable[Value]] | None = None  # what it relies on, as it is now, at best a thing
    # in the operator's words to how it is: {"reports/june.md": "content 1f0e"}. It is read when it is prepared, and as
    # it leaves: what was changed in between asks anew. None: nothing that could have been changed matters
    relied: Callable[[Any], Value] | None = None  # (input) -> the same, where arguments say what they were made for;
    # else it is what was found when it was prepared
    with_ids: Callable[[Any, IdOf], Any] | None = None  # of a read: (output, id_of) -> the output as it is recorded,
    # where ids in it are digests of what is personal: anybody could try out what they were made of (KERNEL L3)


class AgentContract(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent takes, gives and may use. The function returns an `AgentResult`."""

    name: str
    summary: str
    input: type[Struct]
    output: type[Struct]
    version: str = "1"
    where: Literal["loop", "worker"] = "worker"
    call: Callable[[Any], Any] | None = None  # loop: quick, pure, plain function
    entry: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S
    memory_mb: int = DEFAULT_MEMORY_MB
    success: str = ""  # a CEL expression over `out`; false counts as a failure of the agent
    operations: tuple[str, ...] = ()  # the only ones it may call
    talks: bool = False  # it has a ctx to call them with (context.py)


class AgentResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent's answer with what requirement A4 asks: why, how sure, from what."""

    output: Any
    rationale: str = ""
    confidence: float | None = None
    provenance: tuple[str, ...] = ()  # which inputs, records, model versions


class HealthReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a connector says of itself when `doctor` asks."""

    connector: str
    healthy: bool
    detail: str
    error_class: ErrorClass = "needs_operator"
    expires_s: int | None = None  # when what the other side shows of itself expires, a certificate: since 1970


def stays_here(operation: Operation) -> bool:
    """Whether nothing of it leaves the house, it can be taken back, and nothing later goes by it."""
    stays = operation.in_ledger or operation.stays
    return stays and operation.compensation != "" and not operation.binds and not operation.teaches


def to_plain(value: object) -> Value:
    """Turn a struct into the plain values an event holds; BlobRef and Sealed stay as they are.

    Every field is written, also one at its default: expressions read them by name. Raises TypeError for anything
    that has no plain form (bytes, dates, decimals): a contract that holds one is a mistake.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return cast("Value", value)
    if kind is list or kind is tuple:
        return [to_plain(item) for item in cast("list[object]", value)]
    if kind is dict:
        return {_key(key): to_plain(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, msgspec.Struct):
        tag, fields = _fields_of(kind)
        plain: dict[str, Value] = dict(tag)
        for encoded, name in fields:
            item = getattr(value, name)
            plain[encoded] = item if type(item) in _AS_THEY_ARE else to_plain(item)
        return plain
    if isinstance(value, Mapping):
        return to_plain(dict(cast("Mapping[object, object]", value)))
    raise TypeError(f"{kind.__name__} has no plain form")


def from_plain(value: Value, into: type[T]) -> T:
    """Read plain values as a struct. Raises msgspec.ValidationError, which names the field as `$.field`.

    A mapping that only looks like a BlobRef or Sealed is refused: outside data can't imitate them (values.py).
    """
    made = msgspec.convert(value, into)
    if _may_hold_marks(into) and not set(marks_in(made)) <= set(marks_in(value)):
        raise msgspec.ValidationError("A file has to be given as a file, not as a description of one")
    return made


_UNMARKED = frozenset({type(None), bool, int, float, str, bytes})
_AS_THEY_ARE = frozenset({type(None), bool, int, float, str, BlobRef, Sealed, Forgotten})


def is_money(value: Value) -> TypeGuard[dict[str, Any]]:
    """Whether a plain value is money."""
    return isinstance(value, dict) and value.keys() == {"minor", "currency"}


def moved_in(value: Value) -> Iterator[Money]:
    """Give the amount that a value is, or that is nearest in it under the name `amount`; of a list, all.

    Raises ExpressionError where it does not show how much that is.
    """
    if isinstance(value, list):
        for each in value:
            yield from moved_in(each)
        return
    level: list[Value] = [value]
    while level:
        found = [each for each in level if is_money(each)]
        if found:
            yield from (Money(each["minor"], each["currency"]) for each in found)
            return
        records = [each for each in level if isinstance(each, dict)]
        named = [record["amount"] for record in records if is_money(record.get("amount"))]
        level = named or [inner for record in records for inner in record.values() if isinstance(inner, dict)]
        level = [each for each in level if named or not is_money(each)]
    raise ExpressionError("How much it moves can't be read from its arguments.")


@cache
def _fields_of(kind: type[msgspec.Struct]) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Give a struct's tag, if it has one, and its fields as (name when encoded, name of the attribute)."""
    config = kind.__struct_config__
    tag = () if config.tag_field is None else ((config.tag_field, cast("str", config.tag)),)
    return tag, tuple(zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True))


@cache
def _may_hold_marks(kind: object) -> bool:
    """Whether a value of this type could hold a BlobRef or Sealed; types that say nothing could."""
    seen: set[object] = set()
    stack = [kind]
    while stack:
        hint = stack.pop()
        if any(hint is mark for mark in (BlobRef, Sealed, Any, object)):
            return True
        if hint in seen:
            continue
        seen.add(hint)
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            stack.extend(get_type_hints(hint).values())
        stack.extend(get_args(hint))
    return False


def marks_in(value: object) -> Iterator[BlobRef | Sealed]:
    """Give every blob reference and sealed value inside plain values or structs, in order."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, (BlobRef, Sealed)):
            yield item
        else:
            waiting += [inner for inner in reversed(_inside(item)) if type(inner) not in _UNMARKED]


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, (list, tuple)):
        return cast("Sequence[object]", value)
    if isinstance(value, msgspec.Struct):
        return [getattr(value, name) for name in value.__struct_fields__]
    return list(cast("Mapping[object, object]", value).values()) if isinstance(value, Mapping) else ()


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key of type {type(key).__name__} has no plain form")
    return key
