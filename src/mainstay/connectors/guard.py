"""The one way from the engine to a connector: what holds for every call is here, once, for all (requirement C2).

    arguments -> converted -> in line (rate) -> breaker -> called within its time -> result -> plain values
                                                              `-> error -> what is known of the effect

What matters most is the last step. A read that fails is simply tried again. An effect that fails may have happened,
unless the error says otherwise: NotSent, Permanent, NeedsOperator and RateLimited say that it did not. All else, a
time-out, a lost connection, a mistake in the code after the call, becomes Uncertain, and is settled, not retried.

There are no retries in here: they are the kernel's, because they have to outlast a crash.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import re
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeVar, cast

import msgspec

from mainstay.connectors import network
from mainstay.connectors.alarms import Alarms
from mainstay.connectors.breaker import WAIT_AT_MOST_S, Breaker, Line
from mainstay.contracts import Found, Operation, from_plain, marks_in, to_plain
from mainstay.errors import (
    Forbidden,
    HeldBack,
    InputError,
    NeedsOperator,
    NotSent,
    Offline,
    OperationError,
    OverLimit,
    Permanent,
    RateLimited,
    Transient,
    Uncertain,
)
from mainstay.redaction import knows_any, redacted, redacted_in
from mainstay.values import BlobRef, Failure, Value, say_duration

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mainstay.contracts import Call
    from mainstay.events import BreakerOpened
    from mainstay.ports import Clock
    from mainstay.values import ErrorClass

MAX_MESSAGE_CHARS = 500

T = TypeVar("T")
Outcome: TypeAlias = Literal[
    "done", "transient", "rate_limited", "permanent", "needs_operator", "bug", "uncertain", "cancelled"
]

_FOUND = ("happened", "did_not_happen", "unknown")
_STOPPED: dict[type, Literal["", "Capped", "Forbidden"]] = {OverLimit: "Capped", Forbidden: "Forbidden"}
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_DID_NOT_HAPPEN = (NotSent, RateLimited, Permanent, NeedsOperator)
_QUOTED = r"(?:\"[^\"]*\"|'[^']*')"
_SECRETS = re.compile(  # each way keeps its first group, the words that say what stood there
    r"(?i)(?P<header>(?:authorization|cookie|x-[a-z-]*(?:auth|token|key)[a-z-]*)[\"']?\s*[:=]\s*)"
    rf"(?:{_QUOTED}|[^\r\n}}\"']+)"
    r"|(?P<phrase>pass[ _-]?phrase[\"']?\s*[:=]\s*)"
    rf"(?:{_QUOTED}|[^\r\n,;&}}\"']+)"
    r"|(?P<named>(?:password|passwd|passcode|pwd|secret|token|credentials?|(?:api|access|private|secret)[ _-]?key)"
    r"[\"']?\s*[:=]\s*)"
    rf"(?:{_QUOTED}|[^\s,;&}}\"']+)"
    r"|(?P<query>[?&](?:key|sig|signature|auth|code|pass|session)=)[^\s&#\"']+"
    r"|(?P<said>\b(?:password|passwd|passcode|pwd|pass[ _-]?phrase|secret|token)\s+(?:is|was)\s+)"
    r"(?!(?:not|no|wrong|invalid|incorrect|expired|missing|required|empty|too|unknown|revoked|refused|rejected|needed"
    r"|used|kept|stored|set|in|the|a|an)\b)"
    rf"(?:{_QUOTED}|[^\s,;\"']+)"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}"
    r"|(?P<address>://[^\s/@:]*:)[^\s/]+(?=@)"
    r"|(?P<shape>\b)(?:(?:sk|pk|rk|whsec)[_-](?:(?:live|test|proj|ant)[_-])?[a-z0-9_-]{8,}|gh[pousr]_[a-z0-9]{16,}"
    r"|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[a-z0-9-]{8,}|AKIA[0-9A-Z]{16}|AIza[\w-]{6,}"
    r"|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*"
)


class Memory(Protocol):
    """Keeps what breakers have to know after a restart."""

    def last(self, connector: str, account: str) -> BreakerOpened | None:
        """Give the opening that still holds."""
        ...

    def opened(self, connector: str, account: str, failures: int, open_s: float) -> None:
        """Note that a breaker opened now."""
        ...

    def closed(self, connector: str, account: str) -> None:
        """Note that a breaker closed."""
        ...


class CallRecord(msgspec.Struct, frozen=True):
    """What one call was like, for metrics and health: no content."""

    operation: str
    version: int
    account: str
    started_at_us: int
    latency_us: int  # of the call itself, without the wait in line
    waited_us: int  # in line
    request_bytes: int  # arguments as JSON, and the files they name
    response_bytes: int  # the same of the result; 0 without one
    outcome: Outcome
    error: str = ""  # one sentence, without secrets


class Guard:
    """Calls operations within their limits. Remembers pace and failures per connector and account."""

    def __init__(
        self,
        clock: Clock,
        record: Callable[[CallRecord], None] | None = None,
        *,
        memory: Memory | None = None,
        is_online: Callable[[], Awaitable[bool]] = network.is_online,
    ) -> None:
        """Take the clock that says and passes the time, and who is told of every call.

        `memory` keeps openings of breakers over a restart; `is_online` says whether this machine has a network.
        """
        self._clock = clock
        self._alarms = Alarms(clock)
        self._record = record
        self._memory = memory
        self._is_online = is_online
        self.on_offline: Callable[[], None] | None = None  # told when a call failed for want of a network
        self._breakers: dict[tuple[str, str], Breaker] = {}
        self._lines: dict[tuple[str, str], Line] = {}

    async def call(self, operation: Operation, call: Call, arguments: Value, *, account: str = "") -> Value:
        """Call an operation of the loop with plain arguments; gives its plain result.

        Raises OperationErrors only. For an effect, Uncertain means that it may have happened, all others that it
        did not; Permanent also when the arguments don't fit, naming the field.
        """
        function = operation.call
        assert function is not None, f"{operation.name} does not run in the loop"
        given = arguments_of(operation, arguments)

        async def send() -> Value:
            return _plain_output(operation, await function(call, given))

        return await self.run(operation, send, arguments, account=account, who=call.plan)

    async def look_up(self, operation: Operation, call: Call, arguments: Value, *, account: str = "") -> Found:
        """Ask what became of an effect; `output` comes as plain values. Raises OperationErrors as a read does."""
        function = operation.lookup
        assert function is not None, f"{operation.name} has no look-up"
        given = arguments_of(operation, arguments)
        asking = msgspec.structs.replace(operation, effect="read")

        async def ask() -> Found:
            found = _found(await function(call, given))
            if found.state != "happened":
                return found
            return msgspec.structs.replace(found, output=_plain_output(operation, found.output))

        return await self.run(asking, ask, arguments, account=account, who=call.plan)

    async def read_back(
        self, operation: Operation, call: Call, arguments: Value, output: Value, *, account: str = ""
    ) -> Found:
        """Look whether an effect that happened is as it should be. Raises OperationErrors as a read does."""
        function = operation.confirm
        assert function is not None, f"{operation.name} can't be read back"
        given, gave = arguments_of(operation, arguments), from_plain(output, operation.output)
        asking = msgspec.structs.replace(operation, effect="read")

        async def ask() -> Found:
            return _found(await function(call, given, gave))

        return await self.run(asking, ask, arguments, account=account, who=call.plan)

    async def state_of(self, operation: Operation, call: Call, arguments: Value, *, account: str = "") -> Value:
        """Read what an effect relies on, as it is now. Raises OperationErrors as a read does.

        It takes no part of the pace of what acts, and has a breaker of its own: that records can be read says nothing
        of whether, say, a mail server answers.
        """
        function = operation.relies
        assert function is not None, f"{operation.name} does not say what it relies on"
        given = arguments_of(operation, arguments)
        connector, _, verb = operation.name.partition(".")
        name = f"{connector} records.{verb}"
        asking = msgspec.structs.replace(operation, name=name, effect="read", rate_per_minute=None)

        async def ask() -> Value:
            return to_plain(await function(call, given))

        return await self.run(asking, ask, arguments, account=account, who=call.plan)

    async def run(
        self,
        operation: Operation,
        send: Callable[[], Awaitable[T]],
        arguments: Value,
        *,
        account: str = "",
        who: str = "",
    ) -> T:
        """Run any way of sending an operation (a worker's, say) within its limits. Raises as `call` does.

        `who` names the caller in the line: a place is kept under it when the line is long.
        """
        per_minute = operation.rate_per_minute
        waited_us = 0 if per_minute is None else await self._wait_in_line(operation, per_minute, account, who)
        breaker = self._admitted(operation, account)
        recorded = self._record is not None
        started_us, started_s = (self._clock.now_us(), self._clock.boot_s()) if recorded else (0, 0.0)
        outcome: Outcome = "cancelled"
        result: T | None = None
        message = ""
        try:
            result = await self._within(operation, send)
        except OperationError as error:
            outcome, message = _outcome_of(error), classify(error).message
            if await self._is_offline(error):
                outcome = "cancelled"
                raise self._offline(operation, error) from error
            raise
        else:
            outcome = "done"
            return result
        finally:
            self._note(breaker, outcome, operation.name.partition(".")[0], account)
            if self._record is not None:
                latency_us = round((self._clock.boot_s() - started_s) * 1_000_000)
                self._record(
                    CallRecord(
                        operation=operation.name,
                        version=operation.version,
                        account=account,
                        started_at_us=started_us,
                        latency_us=latency_us,
                        waited_us=waited_us,
                        request_bytes=_size_of(arguments),
                        response_bytes=_size_of(result),
                        outcome=outcome,
                        error=message,
                    )
                )

    async def _wait_in_line(self, operation: Operation, per_minute: int, account: str, who: str) -> int:
        """Keep the operation's pace; gives the microseconds waited. Raises HeldBack when the line is too long."""
        line = self._lines.setdefault((operation.name, account), Line(per_minute))
        wait_s = line.enter(self._clock.boot_s(), who)
        if wait_s > WAIT_AT_MOST_S:
            message = f"{operation.name} is limited to {per_minute} calls per minute."
            raise HeldBack(message, retry_after_s=wait_s, kept_place=True)
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        return round(wait_s * 1_000_000)

    async def _within(self, operation: Operation, send: Callable[[], Awaitable[T]]) -> T:
        """Call within the operation's time. Raises OperationErrors only, and says what is known of an effect."""
        late = asyncio.Timeout(None)
        try:
            async with late:
                self._alarms.set(late, operation.timeout_s)
                try:
                    return await send()
                finally:
                    self._alarms.take_back(late)
        except _DID_NOT_HAPPEN:
            raise
        except OperationError as error:
            raise _in_doubt(operation, error) from error
        except Exception as error:
            if late.expired():
                why = f"there was no answer within {say_duration(round(operation.timeout_s))}"
                raise _failed(operation, Failure("transient", f"{operation.name}: {why}.")) from error
            raise _failed(operation, classify(error)) from error

    def _admitted(self, operation: Operation, account: str) -> Breaker:
        """Give the breaker if it lets a call through; raises HeldBack when it does not."""
        connector = operation.name.partition(".")[0]
        breaker = self._breakers.get((connector, account)) or self._remembered(connector, account)
        now_s = self._clock.boot_s()
        if breaker.admits(now_s):
            return breaker
        name = f"{connector} ({account})" if account else connector
        wait_s = breaker.wait_s(now_s)
        next_us = self._clock.now_us() + round(wait_s * 1_000_000)
        message = f"{name} has failed {breaker.failures} times in a row; next try at {_say_time(next_us)}."
        raise HeldBack(message, retry_after_s=wait_s)

    def _remembered(self, connector: str, account: str) -> Breaker:
        """Make a breaker, open where it was open when an earlier process ended."""
        breaker = self._breakers[connector, account] = Breaker()
        last = None if self._memory is None else self._memory.last(connector, account)
        if last is not None:
            left_s = (last.until_us - self._clock.now_us()) / 1_000_000
            breaker.reopen(last.failures, self._clock.boot_s() + min(max(left_s, 0.0), last.open_s), last.open_s)
        return breaker

    async def _is_offline(self, error: OperationError) -> bool:
        """Whether a call did not happen because this machine has no network."""
        if isinstance(error, (Uncertain, HeldBack)) or not network.may_be_network(error):
            return False
        return not await self._is_online()

    def _offline(self, operation: Operation, error: OperationError) -> Offline:
        if self.on_offline is not None:
            self.on_offline()
        return Offline(f"There is no network for {operation.name}: {error.message}")

    def _note(self, breaker: Breaker, outcome: Outcome, connector: str, account: str) -> None:
        before = breaker.state
        if outcome in ("transient", "uncertain"):
            breaker.failed(self._clock.boot_s())
        elif outcome in ("bug", "cancelled"):
            breaker.withdrawn()
        else:
            breaker.succeeded()  # a refusal is an answer too
        if self._memory is None or breaker.state == before:
            return
        if breaker.state == "open" and outcome in ("transient", "uncertain"):
            self._memory.opened(connector, account, breaker.failures, breaker.open_s)
        elif breaker.state == "closed":
            self._memory.closed(connector, account)


def classify(error: BaseException) -> Failure:
    """Say of any exception whose fault it is and whether to retry, in sentences without secrets."""
    match error:
        case Offline():
            return Failure("transient", _clean(error.message), counts=False, waits_for="network")
        case HeldBack():
            kind = "rate_limited" if error.kept_place else "transient"
            return Failure(kind, _clean(error.message), _clean(error.remedy), error.retry_after_s, counts=False)
        case RateLimited():
            return Failure("rate_limited", _clean(error.message), _clean(error.remedy), error.retry_after_s)
        case OperationError():
            kind, cause = cast("ErrorClass", error.error_class), _STOPPED.get(type(error), "")
            return Failure(kind, _clean(error.message), _clean(error.remedy), cause=cause)
        case InputError():
            return Failure("permanent", _clean(error.message), _clean(error.remedy))
        case OSError() if error.errno in _NOT_ALLOWED:
            return Failure("needs_operator", _say_error(error), "Give Mainstay permission to it.")
        case OSError() | asyncio.IncompleteReadError():  # the second one: a connection that was closed half way
            return Failure("transient", _say_error(error))
        case _:
            return Failure("bug", _say_error(error), "This is a mistake in the code of the operation.")


def arguments_of(operation: Operation, arguments: Value) -> msgspec.Struct:
    """Give plain arguments as the operation's input. Raises Permanent, naming the field that does not fit."""
    try:
        return from_plain(arguments, operation.input)
    except msgspec.ValidationError as error:
        why, _, place = str(error).partition(" - at `$.")
        field = f" ({place.rstrip('`')})" if place else ""
        raise Permanent(
            f"{operation.name} can't be called with these arguments{field}: {_clean(why)}.",
            remedy="Correct what the playbook gives it under 'with'.",
        ) from error


def _plain_output(operation: Operation, result: object) -> Value:
    if not isinstance(result, operation.output):
        raise TypeError(f"{operation.name} gave {type(result).__name__}, not {operation.output.__name__}")
    plain = to_plain(result)
    return redacted_in(plain) if knows_any() else plain


def _found(answer: object) -> Found:
    """Hold an answer against what a look-up may say: whatever else comes settles nothing."""
    if not isinstance(answer, Found) or answer.state not in _FOUND:
        raise TypeError(f"what was found is no answer: {answer!r}"[:MAX_MESSAGE_CHARS])
    return answer


def _in_doubt(operation: Operation, error: OperationError) -> OperationError:
    """Keep what a read said; of an effect, only certain errors say that it did not happen."""
    if not _leaves_doubt(operation) or isinstance(error, Uncertain):
        return error
    return Uncertain(error.message, remedy=error.remedy)


def _failed(operation: Operation, failure: Failure) -> OperationError:
    if _leaves_doubt(operation):
        return Uncertain(failure.message, remedy=failure.remedy)
    match failure.error_class:
        case "transient":
            return Transient(failure.message, remedy=failure.remedy)
        case "needs_operator":
            return NeedsOperator(failure.message, remedy=failure.remedy)
        case "permanent":
            return Permanent(failure.message, remedy=failure.remedy)
        case _:
            return OperationError(failure.message, remedy=failure.remedy)


def _leaves_doubt(operation: Operation) -> bool:
    return operation.effect != "read" and not operation.in_ledger


def _outcome_of(error: OperationError) -> Outcome:
    return "uncertain" if isinstance(error, Uncertain) else classify(error).error_class


def _say_error(error: BaseException) -> str:
    words = str(error).strip()
    return _clean(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def _clean(words: str) -> str:
    """Take away what is a secret or looks like one, and cut what is long."""
    return _SECRETS.sub(lambda found: f"{found[found.lastgroup or 0]}[secret]", redacted(words))[:MAX_MESSAGE_CHARS]


def _say_time(time_us: int) -> str:
    return f"{dt.datetime.fromtimestamp(time_us // 1_000_000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def _size_of(value: object) -> int:
    """Count the bytes of a value as JSON, and of the files it names."""
    if value is None:
        return 0
    files = sum(mark.size for mark in marks_in(value) if isinstance(mark, BlobRef))
    return len(msgspec.json.encode(value)) + files
