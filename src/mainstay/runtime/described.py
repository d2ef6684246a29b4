"""What an agent of a workspace promises, as plain data: read off its code in a worker, and made a contract again.

The owner runs no foreign code. So `describe` runs in a worker process, once, when a version is activated; what it
gives is kept in the fact, and `contract_of` makes structs of it that are as good as the agent's own for typing
playbooks and for checking what goes in and comes out.
"""

from __future__ import annotations

import importlib
import traceback
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args, get_type_hints

import msgspec
from msgspec import inspect

from mainstay import records
from mainstay.agent import MARK, Declared
from mainstay.contracts import AgentContract
from mainstay.errors import MainstayError, Permanent
from mainstay.runtime.types import Type, Vocabulary, parse_type
from mainstay.values import PERSONAL, BlobRef, Money, Sealed, Value, personal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

DESCRIBE = b"from mainstay.runtime.described import describe  # run in the room of this code\n"
VERSION_CHARS = 12  # of a digest: what a step, an actor and a screen name a version by
_PLAIN = frozenset({str, int, bool, float, type(None), list, tuple, dict, BlobRef, Sealed, Money})
_TIME = Annotated[str, msgspec.Meta(extra={"mainstay": "time"})]
_DURATION = Annotated[int, msgspec.Meta(extra={"mainstay": "duration"})]


class Module(msgspec.Struct, frozen=True):
    """The code to read: "v<digest>.agents.qualify", and the file as the operator knows it."""

    module: str
    file: str


class FieldTold(msgspec.Struct, frozen=True):
    """One field of a struct; `default` holds when it is left out."""

    name: str
    type: str
    required: bool
    nullable: bool = False
    default: Value = None
    personal: list[str] = []  # kind and whom it is about, as `values.personal` takes them


class AgentTold(msgspec.Struct, frozen=True):
    """One agent. `records` holds every struct by name, but those of `mainstay.records`, which stand in `known`."""

    name: str
    function: str  # its name in the module
    summary: str
    input: str
    output: str
    records: dict[str, list[FieldTold]]
    known: dict[str, str]
    timeout_s: float
    memory_mb: int
    success: str = ""
    operations: list[str] = []
    talks: bool = False


class Told(msgspec.Struct, frozen=True):
    """All agents of one file."""

    agents: list[AgentTold]


# --- in a worker


def describe(given: Module, files: Mapping[str, bytes]) -> Told:
    """Import agents and tell what they promise. Raises Permanent, which names file and line, when that fails."""
    del files
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(given.module)
        found = {id(each): (name, each) for name, each in _registered(module)}
        return Told([_tell(name, getattr(each, MARK)) for name, each in found.values()])
    except MainstayError as error:
        raise Permanent(f"{given.file}: {error.message}", remedy=error.remedy) from error
    except SyntaxError as error:
        raise Permanent(f"{given.file}:{error.lineno}: {error.msg}.", remedy="Correct it and activate again.") from None
    except Exception as error:
        raise Permanent(_say_broken(given, error), remedy=_remedy(error)) from error


def _registered(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Give what is registered in this very file: an agent that was imported from another is that one's."""
    for name, each in vars(module).items():
        if isinstance(getattr(each, MARK, None), Declared) and each.__module__ == module.__name__:
            yield name, each


def _say_broken(given: Module, error: Exception) -> str:
    top = given.module.partition(".")[0]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if f"/{top}/" in frame.filename]
    file = frames[-1].filename.rpartition(f"/{top}/")[2] if frames else given.file
    line = f":{frames[-1].lineno}" if frames else ""
    return f"{file}{line}: it fails when it is loaded: {type(error).__name__}: {error}."


def _remedy(error: Exception) -> str:
    if isinstance(error, ImportError) and error.name and "." not in error.name:
        return f"A file beside it is imported with: from .{error.name} import ... Other packages have to be installed."
    return "Correct it and activate again; nothing was activated."


def _tell(function: str, declared: Declared) -> AgentTold:
    vocabulary = Vocabulary()
    wanted: dict[type[msgspec.Struct], None] = {}
    for struct in (declared.input, declared.output):
        _collect(struct, wanted, ())
    told: dict[str, list[FieldTold]] = {}
    known: dict[str, str] = {}
    for struct in wanted:
        name = vocabulary.of(struct).name
        if getattr(records, struct.__name__, None) is struct:
            known[name] = struct.__name__
        else:
            told[name] = [_tell_field(struct, field, type_) for field, type_ in vocabulary.each(struct)]
    return AgentTold(
        name=declared.name,
        function=function,
        summary=declared.summary,
        input=vocabulary.of(declared.input).name,
        output=vocabulary.of(declared.output).name,
        records=told,
        known=known,
        timeout_s=declared.timeout_s,
        memory_mb=declared.memory_mb,
        success=declared.success,
        operations=list(declared.operations),
        talks=declared.talks,
    )


def _collect(struct: type[msgspec.Struct], found: dict[type[msgspec.Struct], None], inside: tuple[type, ...]) -> None:
    """Collect a struct and those inside it; refuses what has no plain form."""
    if struct in inside:
        raise Permanent(f"The struct {struct.__name__} holds itself.", remedy="Use a list of dict for such data.")
    if struct in found:
        return
    found[struct] = None
    if getattr(records, struct.__name__, None) is struct:
        return
    if struct.__struct_config__.tag is not None:
        raise Permanent(f"The struct {struct.__name__} has a tag.", remedy="Structs of agents have plain fields.")
    for name, hint in get_type_hints(struct).items():
        for leaf in _leaves(hint):
            if isinstance(leaf, type) and issubclass(leaf, msgspec.Struct) and leaf not in (*_PLAIN, records.File):
                _collect(leaf, found, (*inside, struct))
            elif isinstance(leaf, type) and leaf not in (*_PLAIN, records.File, object):
                raise Permanent(
                    f"The field '{name}' of {struct.__name__} is a {leaf.__name__}, which has no plain form.",
                    remedy="Use text, int, bool, float, Money, Date, File, lists, dicts or structs.",
                )


def _leaves(hint: object) -> Iterator[object]:
    inner = () if getattr(hint, "__origin__", None) is Literal else get_args(hint)
    if not inner:
        yield hint
    for each in inner:
        yield from _leaves(each)


def _tell_field(struct: type[msgspec.Struct], field: Any, type_: Type) -> FieldTold:  # noqa: ANN401 - msgspec's own
    if field.encode_name != field.name:
        raise Permanent(f"The struct {struct.__name__} renames '{field.name}'.", remedy="Leave out rename=.")
    default: Value = None
    if field.default_factory is not msgspec.NODEFAULT:
        default = msgspec.to_builtins(field.default_factory())
    elif field.default is not msgspec.NODEFAULT:
        default = msgspec.to_builtins(field.default)
    node = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
    nullable = isinstance(node, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in node.types)
    return FieldTold(field.name, str(type_), field.required, nullable, default, _personal(field.type))


def _personal(node: object) -> list[str]:
    """Find the mark that says what is personal, also around what a list or an option holds."""
    if isinstance(node, inspect.Metadata):
        extra = cast("dict[str, tuple[str, ...]]", node.extra or {})
        return list(extra.get(PERSONAL, ())) or _personal(node.type)
    inner: tuple[object, ...] = getattr(node, "types", None) or (getattr(node, "item_type", None),)
    for each in inner:
        if each is not None and (found := _personal(each)):
            return found
    return []


# --- in the owner


def contract_of(told: AgentTold, module: str, digest: str) -> AgentContract:
    """Make the contract that an activated version promised. The same description gives the same structs."""
    plain = msgspec.json.encode((told.records, told.known), order="sorted")
    return AgentContract(
        name=told.name,
        summary=told.summary,
        input=_struct(told.input, plain),
        output=_struct(told.output, plain),
        version=digest[:VERSION_CHARS],
        entry=f"{module}:{told.function}",
        timeout_s=told.timeout_s,
        memory_mb=told.memory_mb,
        success=told.success,
        operations=tuple(told.operations),
        talks=told.talks,
    )


@cache
def _struct(name: str, plain: bytes) -> type[msgspec.Struct]:
    """Make one struct of all that were told: two agents that share one are then given the very same."""
    told, known = msgspec.json.decode(plain, type=tuple[dict[str, list[FieldTold]], dict[str, str]])
    return _made(name, _reached(name, told, known))


def _reached(name: str, told: dict[str, list[FieldTold]], known: dict[str, str]) -> bytes:
    """Give what one struct is made of and nothing else, so that equal structs of different agents are one."""
    names, waiting = set[str](), [name]
    while waiting:
        one = waiting.pop()
        if one not in names:
            names.add(one)
            waiting += [inner for field in told.get(one, ()) if (inner := _record_in(parse_type(field.type)))]
    parts = ({k: v for k, v in told.items() if k in names}, {k: v for k, v in known.items() if k in names})
    return msgspec.json.encode(parts, order="sorted")


def _record_in(type_: Type) -> str:
    while type_.of is not None:
        type_ = type_.of
    return type_.name if type_.kind == "record" else ""


@cache
def _made(name: str, plain: bytes) -> type[msgspec.Struct]:
    told, known = msgspec.json.decode(plain, type=tuple[dict[str, list[FieldTold]], dict[str, str]])
    if name in known:
        struct = getattr(records, known[name], None)
        if not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
            raise Permanent(f"This release of Mainstay has no record '{known[name]}'.", remedy="Activate it anew.")
        return struct
    fields = [_field(field, told, known) for field in told[name]]
    return msgspec.defstruct(name, fields, frozen=True, kw_only=True)


def _field(
    field: FieldTold, told: dict[str, list[FieldTold]], known: dict[str, str]
) -> tuple[str, Any] | tuple[str, Any, Any]:
    hint = _hint(parse_type(field.type), told, known, field.personal)
    if field.nullable:
        hint = hint | None
    if field.required:
        return field.name, hint
    if isinstance(field.default, list | dict):
        made = msgspec.convert(field.default, hint)
        return field.name, hint, msgspec.field(default_factory=lambda: made)
    return field.name, hint, field.default


def _hint(type_: Type, told: dict[str, list[FieldTold]], known: dict[str, str], mark: Sequence[str] = ()) -> Any:  # noqa: ANN401 - a type
    match type_.kind:
        case "record":
            return _made(type_.name, _reached(type_.name, told, known))
        case "list":
            return tuple[_hint(type_.of or Type("any"), told, known, mark), ...]
        case "choice":
            return Literal[type_.options]
        case "text" if len(mark) == 2:  # noqa: PLR2004 - kind and whom it is about
            return Annotated[str, personal(cast("Any", mark[0]), mark[1])]
        case _:
            return _HINTS[type_.kind]


_HINTS: dict[str, Any] = {
    "text": str,
    "int": int,
    "bool": bool,
    "float": float,
    "date": records.Date,
    "time": _TIME,
    "duration": _DURATION,
    "money": Money,
    "file": records.File,
    "blob": BlobRef,
    "map": dict[str, Any],
    "any": Any,
}


def encode_told(told: Sequence[AgentTold]) -> bytes:
    """Give the bytes that are kept with an activation."""
    return msgspec.json.encode(told)


def decode_told(kept: bytes) -> tuple[AgentTold, ...]:
    """Read them back."""
    return msgspec.json.decode(kept, type=tuple[AgentTold, ...])
