"""What an agent may do beside working on its input: `ctx`, its second parameter (KERNEL J1).

    @agent(output=Draft, operations=["books.outstanding", "mail.send"])
    def chase(given: Late, ctx: Context) -> Draft:
        found = ctx.call("books.outstanding", numbers=[given.number])
        ctx.call("mail.send", to=given.mail, subject="Reminder", text="...")
        return Draft(sent_at=ctx.now().isoformat())

Each call is asked of the owner, which answers from the journal where it was answered before. So an agent is run again
after a crash or a decision, from its first line, and does nothing twice. That holds for code that asks the same
things in the same order whenever it is given the same answers: time and chance come from `ctx`, nothing from outside.

An action that waits for its outcome ends the run: the agent is let go, and run again when the outcome is there. In an
`async def` agent every method but `scope` is awaited, and the branches of a `gather` go on side by side. Such an agent
awaits nothing but its ctx: its loop is here, because a confined process has none of its own.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections import Counter, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import msgspec

from mainstay.contracts import to_plain
from mainstay.errors import OperationError, Permanent

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from mainstay.values import Value

T = TypeVar("T")
NOW, RANDOM, UUID, MODEL = "ctx.now", "ctx.random", "ctx.uuid", "model"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SECOND_US = 1_000_000


class Stop(BaseException):
    """The run ends here; the agent begins again later. Not an Exception, so that an agent does not handle it."""


class Heard(msgspec.Struct, frozen=True):
    """An answer from the owner: a value, an error to raise, or the word to stop."""

    asked: int
    output: Any = None
    error: OperationError | None = None
    stop: bool = False


class Asked(msgspec.Struct, frozen=True, array_like=True, tag="asked"):
    """What job `number` calls: an operation with encoded arguments, in a scope of the agent."""

    number: int
    question: int
    scope: str
    operation: str
    arguments: bytes
    tool: str = ""


class Told(msgspec.Struct, frozen=True, array_like=True, tag="told"):
    """The answer: an encoded output, or an error as in `Answer`; `entries` are those of the journal it came from."""

    number: int
    question: int
    output: bytes | None = None
    error: str = ""
    message: str = ""
    remedy: str = ""
    retry_after_s: float = 0.0
    entries: tuple[int, ...] = ()
    stop: bool = False


class Port(Protocol):
    """The way to the owner."""

    def ask(self, scope: str, operation: str, arguments: Value, tool: str) -> int:
        """Ask for a call, and give the number of the question. Raises OperationError for what can't be sent."""
        ...

    def hear(self) -> Heard:
        """Wait for the next answer."""
        ...


class Scopes:
    """Where in its own doing an agent is: what it asks there is counted there."""

    def __init__(self) -> None:
        """Begin in the agent's own scope."""
        self.scope = ""
        self._opened: Counter[str] = Counter()

    def gathered(self, count: int) -> list[str]:
        """Name the scopes of the branches of the next gather."""
        number = self._opened[self.scope + "/"]
        self._opened[self.scope + "/"] += 1
        return [f"{self.scope}/{number}.{branch}" for branch in range(count)]

    def named(self, name: str) -> str:
        """Name the scope that is opened under a name; one that is opened again gets a number."""
        if _NAME.fullmatch(name) is None:
            raise Permanent(f"ctx.scope: {name!r} is no name; write small letters, digits, - and _.")
        scope = f"{self.scope}/{name}"
        self._opened[scope] += 1
        return scope if self._opened[scope] == 1 else f"{scope}#{self._opened[scope]}"


class _Shared:
    """What both kinds of ctx have."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._scopes = Scopes()

    @contextlib.contextmanager
    def scope(self, name: str) -> Generator[None]:
        """Count what is called inside under a name of its own, so that the code around it may change."""
        scopes, outer = self._scopes, self._scopes.scope
        scopes.scope = scopes.named(name)
        try:
            yield
        finally:
            scopes.scope = outer


class Context(_Shared):
    """`ctx` of a plain function. A branch of its `gather` is a function without parameters; they run in turn."""

    def call(self, operation: str, /, **arguments: Any) -> Any:  # noqa: ANN401 - as the operation takes and gives
        """Call an operation the agent may use, and give its output as a dict.

        Raises the OperationError it failed with, `Rejected` for an action that a person did not want.
        """
        return self._ask(operation, arguments)

    def tool_call(self, response_id: str, index: int, operation: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        """Call an operation as a model asked for it; the call is known by the model's response and its index there."""
        return self._ask(operation, arguments, f"{response_id}/{index}")

    def model(self, role: str, request: object) -> Any:  # noqa: ANN401 - as the model answers
        """Ask a model of this role."""
        return self._ask(f"{MODEL}.{role}", {"request": request})

    def now(self) -> datetime:
        """Give the time: the same when the agent is run again."""
        return _time(self._ask(NOW, {}))

    def random(self) -> float:
        """Give a random number in [0, 1): the same when the agent is run again."""
        return self._ask(RANDOM, {})

    def uuid(self) -> str:
        """Give a new UUID: the same when the agent is run again."""
        return self._ask(UUID, {})

    def gather(self, *branches: Callable[[], T]) -> list[T]:
        """Run functions as branches that do not depend on each other, and give what they return, in order.

        All are run; then the first error is raised. Actions of several branches are asked about together.
        """
        outer = self._scopes.scope
        results: list[T] = []
        errors: list[Exception] = []
        stopped = False
        for branch, scope in zip(branches, self._scopes.gathered(len(branches)), strict=True):
            self._scopes.scope = scope
            try:
                results.append(branch())
            except Stop:
                stopped = True
            except Exception as error:  # noqa: BLE001 - raised below, when all branches have run
                errors.append(error)
            finally:
                self._scopes.scope = outer
        if stopped:
            raise Stop
        if errors:
            raise _first(errors)
        return results

    def _ask(self, operation: str, arguments: dict[str, Any], tool: str = "") -> Any:  # noqa: ANN401
        self._port.ask(self._scopes.scope, operation, _plain(operation, arguments), tool)
        heard = self._port.hear()
        if heard.stop:
            raise Stop
        if heard.error is not None:
            raise heard.error
        return heard.output


class AsyncContext(_Shared):
    """`ctx` of an `async def` function: as `Context`, awaited; a branch of its `gather` is a coroutine."""

    async def call(self, operation: str, /, **arguments: Any) -> Any:  # noqa: ANN401
        """Call an operation the agent may use; see `Context.call`."""
        return await _Ask(operation, _plain(operation, arguments))

    async def tool_call(self, response_id: str, index: int, operation: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        """Call an operation as a model asked for it; see `Context.tool_call`."""
        return await _Ask(operation, _plain(operation, arguments), f"{response_id}/{index}")

    async def model(self, role: str, request: object) -> Any:  # noqa: ANN401
        """Ask a model of this role."""
        return await _Ask(f"{MODEL}.{role}", _plain(MODEL, {"request": request}))

    async def now(self) -> datetime:
        """Give the time: the same when the agent is run again."""
        return _time(await _Ask(NOW, {}))

    async def random(self) -> float:
        """Give a random number in [0, 1): the same when the agent is run again."""
        return await _Ask(RANDOM, {})

    async def uuid(self) -> str:
        """Give a new UUID: the same when the agent is run again."""
        return await _Ask(UUID, {})

    async def gather(self, *branches: Coroutine[Any, Any, T]) -> list[T]:
        """Run coroutines side by side, and give what they return, in order; see `Context.gather`."""
        return await _Fork(branches)

    def drive(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an agent to its end. Raises what it raises, and Stop when it waits for actions."""
        return cast("T", _Driver(self._port, self._scopes).run(work))


# --- the loop of an agent that is a coroutine


class _Ask:
    """A call, as a branch yields it to the driver."""

    __slots__ = ("arguments", "operation", "tool")

    def __init__(self, operation: str, arguments: Value, tool: str = "") -> None:
        self.operation, self.arguments, self.tool = operation, arguments, tool

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)


class _Fork:
    """A gather, as a branch yields it to the driver."""

    __slots__ = ("branches",)

    def __init__(self, branches: tuple[Coroutine[Any, Any, Any], ...]) -> None:
        self.branches = branches

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)


class _Branch:
    """A coroutine that runs in a scope of its own. `outcomes` are those of the branches that it gathers."""

    __slots__ = ("error", "left", "outcomes", "parent", "result", "scope", "stopped", "work")

    def __init__(self, work: Coroutine[Any, Any, Any], scope: str, parent: _Branch | None) -> None:
        self.work, self.scope, self.parent = work, scope, parent
        self.outcomes: list[_Branch] = []
        self.left = 0
        self.result: Any = None
        self.error: Exception | None = None
        self.stopped = False


class _Driver:
    """Steps the branches of one agent: each goes on as soon as it has its answer."""

    def __init__(self, port: Port, scopes: Scopes) -> None:
        self._port, self._scopes = port, scopes
        self._ready: deque[tuple[_Branch, Any, BaseException | None]] = deque()
        self._waiting: dict[int, _Branch] = {}
        self._all: list[_Branch] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
        root = self._new(work, "", None)
        while self._ready or self._waiting:
            if self._ready:
                self._step(*self._ready.popleft())
            else:
                self._hear()
        for branch in reversed(self._all):
            _close(branch.work)
        if root.stopped:
            raise Stop
        if root.error is not None:
            raise root.error
        return root.result

    def _new(self, work: Coroutine[Any, Any, Any], scope: str, parent: _Branch | None) -> _Branch:
        branch = _Branch(work, scope, parent)
        self._all.append(branch)
        self._ready.append((branch, None, None))
        return branch

    def _step(self, branch: _Branch, value: Any, error: BaseException | None) -> None:  # noqa: ANN401
        self._scopes.scope = branch.scope
        try:
            wanted = branch.work.send(value) if error is None else branch.work.throw(error)
        except StopIteration as ended:
            branch.result = ended.value
            self._ended(branch)
            return
        except Exception as failed:  # noqa: BLE001 - raised where the branch is gathered, or at the end
            branch.error = failed
            self._ended(branch)
            return
        branch.scope = self._scopes.scope  # it may have opened one
        self._want(branch, wanted)

    def _want(self, branch: _Branch, wanted: object) -> None:
        if isinstance(wanted, _Fork):
            self._fork(branch, wanted)
        elif isinstance(wanted, _Ask):
            try:
                number = self._port.ask(branch.scope, wanted.operation, wanted.arguments, wanted.tool)
            except OperationError as error:
                self._ready.append((branch, None, error))
            else:
                self._waiting[number] = branch
        else:
            refused = Permanent(
                "An agent awaits only what its ctx gives.",
                remedy="Write ctx.gather and ctx.now; there is no sleeping in an agent.",
            )
            self._ready.append((branch, None, refused))

    def _fork(self, branch: _Branch, fork: _Fork) -> None:
        scopes = self._scopes.gathered(len(fork.branches))
        branch.outcomes = [self._new(work, scope, branch) for work, scope in zip(fork.branches, scopes, strict=True)]
        branch.left = len(branch.outcomes)
        if not branch.left:
            self._ready.append((branch, [], None))

    def _hear(self) -> None:
        heard = self._port.hear()
        branch = self._waiting.pop(heard.asked)
        if heard.stop:
            branch.stopped = True
            self._ended(branch)
        else:
            self._ready.append((branch, heard.output, heard.error))

    def _ended(self, branch: _Branch) -> None:
        parent = branch.parent
        if parent is None:
            return
        parent.left -= 1
        if parent.left:
            return
        if any(each.stopped for each in parent.outcomes):
            parent.stopped = True
            self._ended(parent)
        elif errors := [each.error for each in parent.outcomes if each.error is not None]:
            self._ready.append((parent, None, _first(errors)))
        else:
            self._ready.append((parent, [each.result for each in parent.outcomes], None))


# --- leaves


def run(code: Callable[..., Any], port: Port, given: object, offered: dict[str, Any]) -> Any:  # noqa: ANN401
    """Run an agent's code with a ctx of the kind it needs."""
    if not inspect.iscoroutinefunction(code):
        return code(given, **{"ctx": Context(port), **offered} if _wants(code) else offered)
    ctx = AsyncContext(port)
    return ctx.drive(code(given, **{"ctx": ctx, **offered} if _wants(code) else offered))


def talks(code: Callable[..., Any]) -> bool:
    """Whether an agent's code wants a ctx, or is a coroutine, which runs in the loop of one."""
    return _wants(code) or inspect.iscoroutinefunction(code)


def _wants(code: Callable[..., Any]) -> bool:
    return "ctx" in list(inspect.signature(code).parameters)[1:]


def _plain(operation: str, arguments: object) -> Value:
    try:
        return to_plain(arguments)
    except TypeError as error:
        raise Permanent(f"{operation} can't be called with these arguments: {error}.") from None


def _time(now_us: int) -> datetime:
    return datetime.fromtimestamp(now_us / _SECOND_US, UTC)


def _first(errors: list[Exception]) -> Exception:
    """Give the first error; it stands for the recorded answers behind all of them."""
    first = errors[0]
    if isinstance(first, OperationError):
        first.entries = tuple(n for error in errors if isinstance(error, OperationError) for n in error.entries)
    return first


def _close(work: Coroutine[Any, Any, Any]) -> None:
    """End a coroutine that is not run any further; what it tries to do on its way out does not happen."""
    with contextlib.suppress(Exception, Stop):
        work.close()
