"""For agents of your own, in `agents/*.py` of a workspace (requirements A1, A2): the one module they need.

    import msgspec
    from mainstay.agent import AgentResult, agent

    class Lead(msgspec.Struct, frozen=True):
        name: str
        budget: int = 0

    class Fit(msgspec.Struct, frozen=True):
        fit: bool

    @agent(summary="Say whether a lead fits", output=Fit)
    def qualify(given: Lead) -> AgentResult:
        return AgentResult(Fit(given.budget > 1000), rationale="The budget decides.")

A class with a method `run` may be registered the same way. Structs hold plain fields: text, int, bool, float, Money,
Date, File, lists, other structs, and records of `mainstay.records`; PersonName, PersonMail and their like are texts
that are sealed when they are recorded, so that a person can be forgotten. A function with a parameter named `files`
is given the content of the files among its input, by their digest; one named `ctx` calls operations (context.py, and
docs/agents.md). Nothing here does anything by itself: the code
runs in a worker process, and only after `mainstay activate`.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, cast, get_type_hints, overload

import msgspec

from mainstay import context
from mainstay.context import AsyncContext, Context
from mainstay.contracts import DEFAULT_MEMORY_MB, DEFAULT_TIMEOUT_S, AgentResult, Struct
from mainstay.errors import InputError, OperationError, Permanent, Rejected, Transient
from mainstay.records import Date, File
from mainstay.values import Money, PersonalText, PersonIban, PersonId, PersonMail, PersonName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MARK = "__mainstay_agent__"


class Declared(msgspec.Struct, frozen=True):
    """What a registered function or class says of itself."""

    name: str
    summary: str
    input: type[Struct]
    output: type[Struct]
    timeout_s: float
    memory_mb: int
    success: str
    operations: tuple[str, ...]
    talks: bool = False  # it wants a ctx, so that it has to be run with a way to ask


@overload
def agent(code: Callable[..., Any], /) -> Callable[..., AgentResult]: ...
@overload
def agent(
    *,
    name: str = ...,
    summary: str = ...,
    output: type[Struct] | None = ...,
    timeout_s: float = ...,
    memory_mb: int = ...,
    success: str = ...,
    operations: Sequence[str] = ...,
) -> Callable[[Callable[..., Any]], Callable[..., AgentResult]]: ...
def agent(
    code: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    summary: str = "",
    output: type[Struct] | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    memory_mb: int = DEFAULT_MEMORY_MB,
    success: str = "",
    operations: Sequence[str] = (),
) -> Any:
    """Register a function, or a class with a method `run`, as an agent.

    `name` is how playbooks call it, else the function's; `output` is what it gives, needed where the annotation says
    `AgentResult`; `success` is a CEL expression over `out`; `operations` are the only ones it may call. What it
    returns is the output, or an `AgentResult` around it. Raises InputError when types are missing.
    """

    def register(code: Callable[..., Any]) -> Callable[..., AgentResult]:
        run = _run_of(code)
        called = name or getattr(code, "__name__", "")
        takes, gives = _types_of(run, called, output)
        told = summary or (inspect.getdoc(code) or called).partition("\n")[0].rstrip(".")
        declared = Declared(
            called, told, takes, gives, timeout_s, memory_mb, success, tuple(operations), context.talks(run)
        )
        return _runner(run, declared)

    return register if code is None else register(code)


def _run_of(code: Callable[..., Any]) -> Callable[..., Any]:
    if not inspect.isclass(code):
        return code
    if not callable(getattr(code, "run", None)):
        raise InputError(f"The class {code.__name__} has no method 'run'.", remedy="Write: def run(self, given: ...)")
    made: Any = code()
    return made.run


def _types_of(run: Callable[..., Any], name: str, output: type[Struct] | None) -> tuple[type[Struct], type[Struct]]:
    try:
        hints = get_type_hints(run)
    except NameError as error:
        raise InputError(
            f"The types of agent '{name}' can't be read: {error}.", remedy="Write its structs above it in the file."
        ) from None
    first = next(iter(inspect.signature(run).parameters), "")
    takes, gives = hints.get(first), output or hints.get("return")
    for kind, what in ((takes, "takes: its first parameter"), (gives, "gives: output=... or the return annotation")):
        if not (inspect.isclass(kind) and issubclass(kind, msgspec.Struct)) or kind is AgentResult:
            raise InputError(
                f"Agent '{name}' does not say what it {what} must name a msgspec.Struct.",
                remedy="Such as: def qualify(given: Lead) -> Fit",
            )
    return cast("type[Struct]", takes), cast("type[Struct]", gives)


def _runner(run: Callable[..., Any], declared: Declared) -> Callable[..., AgentResult]:
    """Make what a worker calls: it offers more than the code may want, and wants an AgentResult."""
    first, *wanted = inspect.signature(run).parameters

    @functools.wraps(run)
    def runner(given: object, files: object = None, **offered: Any) -> AgentResult:  # noqa: ANN401 - of any kind
        port = offered.pop("port", None)
        offered["files"] = {} if files is None else files
        wants = {each: offered[each] for each in wanted if each in offered}
        result = run(given, **wants) if port is None else context.run(run, port, given, wants)
        return result if isinstance(result, AgentResult) else AgentResult(result)

    runner.__annotations__ = {first: declared.input, "return": AgentResult}
    setattr(runner, MARK, declared)
    return runner


__all__ = [
    "AgentResult",
    "AsyncContext",
    "Context",
    "Date",
    "File",
    "Money",
    "OperationError",
    "Permanent",
    "PersonIban",
    "PersonId",
    "PersonMail",
    "PersonName",
    "PersonalText",
    "Rejected",
    "Transient",
    "agent",
]
