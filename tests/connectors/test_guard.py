import asyncio
import base64
import errno
import heapq
import logging
import sys
from collections import Counter

import msgspec
import pytest
from memory_call import NOW_US, MemoryCall

from mainstay import redaction
from mainstay.connectors import files, mail
from mainstay.connectors.breaker import BURST_S, FAILURES_TO_OPEN, OPEN_AT_MOST_S, OPEN_S, WAIT_AT_MOST_S, Breaker, Line
from mainstay.connectors.files import FilesConfig
from mainstay.connectors.guard import Guard, classify
from mainstay.connectors.mail import MailConfig
from mainstay.contracts import Found, Operation
from mainstay.errors import (
    FileError,
    HeldBack,
    LedgerError,
    NeedsOperator,
    NotSent,
    OperationError,
    Permanent,
    RateLimited,
    Transient,
    Uncertain,
)
from mainstay.kernel.graph import DEFAULT_ATTEMPTS
from mainstay.kernel.retry import held_until_us
from mainstay.records import File
from mainstay.values import BlobRef, Failure, Money


class SteppedClock:
    """Passes time only when somebody sleeps."""

    def __init__(self):
        self.passed_s = 0.0
        self.slept = []

    def now_us(self):
        return NOW_US + round(self.passed_s * 1_000_000)

    def boot_s(self):
        return self.passed_s

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.passed_s += seconds


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    to: str
    amount: Money = Money(100, "EUR")
    files: tuple[File, ...] = ()


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    said: str = "hello"
    file: BlobRef | None = None


def operation(do, *, effect="read", **more):
    async def call(_call, arguments):
        result = do(arguments)
        return await result if asyncio.iscoroutine(result) else result

    return Operation(
        name="post.send", summary="Post", input=Ask, output=Answer, effect=effect, call=call, **{"timeout_s": 5, **more}
    )


def raising(error):
    def do(_arguments):
        raise error

    return do


def fine(_arguments):
    return Answer()


class Bench:
    def __init__(self):
        self.clock = SteppedClock()
        self.records = []
        self.guard = Guard(self.clock, self.records.append)

    def call(self, one, arguments=None, **more):
        return asyncio.run(self.guard.call(one, MemoryCall(), {"to": "x"} if arguments is None else arguments, **more))

    def error_of(self, one, **more):
        with pytest.raises(OperationError) as caught:
            self.call(one, **more)
        return caught.value


@pytest.fixture
def bench():
    return Bench()


# --- plain values in and out ---


def test_arguments_come_as_the_input_and_the_result_goes_as_plain_values(bench):
    seen = []
    ref = BlobRef("d", 3)
    one = operation(lambda arguments: seen.append(arguments) or Answer(file=ref))
    plain = {"to": "x", "amount": {"minor": 5, "currency": "EUR"}, "files": [{"name": "f", "blob": ref}]}
    assert bench.call(one, plain) == {"said": "hello", "file": ref}
    assert seen == [Ask("x", Money(5, "EUR"), (File("f", ref),))]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "to"),
        ({"to": 1}, "to"),
        ({"to": "x", "amount": {"minor": "5", "currency": "EUR"}}, "amount.minor"),
        ({"to": "x", "cc": "y"}, "cc"),
        ("text", "object"),
        ({"to": "x", "files": [{"name": "f", "blob": {"digest": "d", "size": 3}}]}, "file"),
    ],
)
def test_arguments_that_do_not_fit_are_permanent_and_name_the_field(bench, arguments, field):
    called = []
    with pytest.raises(Permanent) as caught:
        bench.call(operation(called.append, effect="irreversible"), arguments)
    assert caught.value.message.startswith("post.send can't be called with these arguments")
    assert field in caught.value.message
    assert called == []


@pytest.mark.parametrize(("effect", "kind"), [("read", OperationError), ("irreversible", Uncertain)])
def test_a_result_of_another_type_is_a_mistake_after_the_effect(bench, effect, kind):
    error = bench.error_of(operation(lambda _: {"said": "x"}, effect=effect))
    assert type(error) is kind
    assert "gave dict, not Answer" in error.message


# --- what is known after an error ---

CERTAIN = [NotSent("n"), Permanent("p"), NeedsOperator("o"), RateLimited("r", retry_after_s=3)]


@pytest.mark.parametrize("error", CERTAIN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("effect", ["read", "reversible", "irreversible", "physical"])
def test_an_error_that_says_it_did_not_happen_stays(bench, error, effect):
    assert bench.error_of(operation(raising(error), effect=effect)) is error


UNSURE = [
    Transient("t"),
    Uncertain("u"),
    OperationError("b"),
    ConnectionResetError(104, "reset"),
    TimeoutError(),
    KeyError("k"),
    PermissionError(errno.EACCES, "no"),
]


@pytest.mark.parametrize("error", UNSURE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("effect", ["reversible", "irreversible", "physical"])
def test_any_other_error_of_an_effect_leaves_doubt(bench, error, effect):
    assert type(bench.error_of(operation(raising(error), effect=effect))) is Uncertain


@pytest.mark.parametrize("error", UNSURE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("more", [{"effect": "read"}, {"effect": "irreversible", "in_ledger": True}])
def test_a_read_and_a_booking_are_never_in_doubt(bench, error, more):
    found = bench.error_of(operation(raising(error), **more))
    assert classify(found).error_class == classify(error).error_class
    assert type(found) is not Uncertain or type(error) is Uncertain


@pytest.mark.parametrize(("effect", "kind"), [("read", Transient), ("irreversible", Uncertain)])
def test_a_time_out_ends_the_call_and_leaves_doubt_only_of_an_effect(bench, effect, kind):
    ended = []

    async def hang(_arguments):
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    error = bench.error_of(operation(hang, effect=effect, timeout_s=0.05))
    assert type(error) is kind
    assert "no answer within" in error.message
    assert ended == [True]


def test_p5_a_time_runs_out_also_while_the_machine_sleeps(bench, monkeypatch):
    monkeypatch.setattr("mainstay.connectors.alarms.LOOK_EVERY_S", 0.01)

    async def asleep(_arguments):
        bench.clock.passed_s += 3601
        await asyncio.Event().wait()

    error = bench.error_of(operation(asleep, effect="irreversible", timeout_s=3600))
    assert type(error) is Uncertain
    assert "no answer within 1 hour" in error.message


def test_an_operation_that_knows_better_at_a_time_out_is_heard(bench):
    async def careful(_arguments):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise NotSent("not yet begun") from None

    assert type(bench.error_of(operation(careful, effect="irreversible", timeout_s=0.05))) is NotSent


def test_a_cancelled_call_stays_cancelled(bench):
    async def scenario():
        one = operation(lambda _: asyncio.sleep(30), effect="irreversible")
        task = asyncio.create_task(bench.guard.call(one, MemoryCall(), {"to": "x"}))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert [record.outcome for record in bench.records] == ["cancelled"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RateLimited("slow", retry_after_s=7, remedy="wait"), Failure("rate_limited", "slow", "wait", 7)),
        (NotSent("n"), Failure("transient", "n")),
        (Uncertain("u"), Failure("transient", "u")),
        (Permanent("p", remedy="r"), Failure("permanent", "p", "r")),
        (NeedsOperator("o"), Failure("needs_operator", "o")),
        (FileError("f"), Failure("permanent", "f")),
        (ConnectionRefusedError(111, "refused"), Failure("transient", "ConnectionRefusedError: [Errno 111] refused")),
        (TimeoutError(), Failure("transient", "TimeoutError")),
        (OSError(errno.ENOSPC, "full"), Failure("transient", "OSError: [Errno 28] full")),
        (
            asyncio.IncompleteReadError(b"HTTP", 9),
            Failure("transient", "IncompleteReadError: 4 bytes read on a total of 9 expected bytes"),
        ),
    ],
)
def test_errors_are_classified(error, expected):
    assert classify(error) == expected


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x"), AssertionError(), LedgerError("x")])
def test_everything_else_is_a_bug_with_its_type(error):
    failure = classify(error)
    assert failure.error_class == "bug"
    assert failure.message.startswith(type(error).__name__)


@pytest.mark.parametrize(
    "words",
    [
        "password=CANARY",
        "password: 'CANARY two'",
        '{"api_key": "CANARY"}',
        "Authorization: Bearer CANARY",
        "header Bearer CANARY1234567",
        "https://user:CANARY@host/path",
        "?token=CANARY&x=1",
        "Cookie: session=CANARY",
        "client_secret=CANARY",
        "https://api.example/?key=CANARY",
        "https://api.example/a?x=1&sig=CANARY#b",
        "pwd=CANARY",
        "Passphrase: correct CANARY battery",
        "passphrase = 'correct CANARY'",
        "the key sk_live_51HCANARYabcdef was refused",
        "sk-proj-CANARY1234567890",
        "ghp_CANARY1234567890abcdef",
        "xoxb-1234-CANARY",
        "AKIACANARYCANARY1234",
        "eyJhbGciOiJIUzI1.CANARY.CANARY",
        "-----BEGIN PRIVATE KEY-----\nCANARY\nCANARY",
        "password is CANARY",
        "Your token was 'CANARY two'.",
        "Authorization: Digest username=x, response=CANARY",
        "X-Auth-Token: CANARY",
        "access key = CANARY",
        "smtp://me:p@CANARY@host",
    ],
)
def test_s55_a_failure_never_shows_a_secret(bench, words):
    for error in (ValueError(words), Permanent(words), OSError(words)):
        assert "CANARY" not in classify(error).message
    for kind in (Permanent, FileError, NeedsOperator, NotSent):
        assert "CANARY" not in repr(classify(kind("It failed.", remedy=words)))
    limited = (HeldBack("h", retry_after_s=1, remedy=words), RateLimited("r", retry_after_s=1, remedy=words))
    assert "CANARY" not in repr([classify(error) for error in limited])
    bench.error_of(operation(raising(Permanent(words))))
    assert "CANARY" not in bench.records[0].error
    assert len(classify(ValueError("x" * 9000)).message) == 500


def test_s55_a_secret_is_known_by_its_value_in_errors_and_results(bench, monkeypatch):
    for name, value in (("_known", set()), ("_pattern", None), ("_inside", None)):
        monkeypatch.setattr(redaction, name, value)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging.lastResort, "formatter", logging.lastResort.formatter)
    redaction.remember("plain-w0rds-only")
    sent = base64.b64encode(b"me:plain-w0rds-only").decode()
    error = bench.error_of(operation(raising(Permanent(f"I got plain-w0rds-only and {sent}"))))
    assert classify(error).message == "I got [secret] and [secret]"
    assert "w0rds" not in repr(bench.records)
    assert bench.call(operation(lambda _: Answer("you sent plain-w0rds-only")))["said"] == "you sent [secret]"


@pytest.mark.parametrize(
    "words",
    [
        "The password is wrong.",
        "the token is expired",
        "Store the password again; some providers want one made for programs.",
        "Put the key file that belongs to it back into your config folder.",
        "No such file: risk-assessment-2026.pdf",
        "https://example.com/a?page=2&monkey=3",
        "mail to a@b.example at 10:30: refused",
    ],
)
def test_a_sentence_without_a_secret_stays(words):
    assert classify(Permanent(words, remedy=words)) == Failure("permanent", words, words)


# --- pace ---


def test_calls_beyond_the_pace_wait_in_line_then_are_told_when_to_come_back(bench):
    one = operation(fine, rate_per_minute=12)  # one in 5 s; 10 s worth of them at once
    for _ in range(3):
        bench.call(one)
    assert bench.clock.slept == []
    bench.call(one)
    assert bench.clock.slept == [5.0]
    assert bench.records[-1].waited_us == 5_000_000


def test_a_long_line_keeps_the_places_of_those_who_come_back():
    line = Line(12)
    waits = [line.enter(0.0, "plan") for _ in range(12)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert waits[3:9] == [5.0, 10.0, 15.0, 20.0, 25.0, WAIT_AT_MOST_S]
    assert waits[9:] == [35.0, 40.0, 45.0]
    assert line.enter(35.0, "another") == 15.0  # nobody takes the place of another
    assert [line.enter(at_s, "plan") for at_s in (35.0, 40.0, 45.0)] == [0.0, 0.0, 0.0]
    assert Line(12).enter(1e9) == 0.0


def test_a_kept_place_lapses_when_nobody_comes():
    line = Line(12)
    for _ in range(10):
        line.enter(0.0, "plan")
    assert [line.enter(35.0 + BURST_S, "plan") for _ in range(3)] == [0.0, 0.0, 0.0]
    late = Line(12)
    for _ in range(10):
        late.enter(0.0, "plan")
    assert [late.enter(36.0 + BURST_S, "plan") for _ in range(3)] == [0.0, 0.0, 4.0]


def test_300_effects_at_30_a_minute_all_happen_none_is_refused_twice():
    line, sent, most = Line(30), [], Counter()
    due = [(0.0, number, 0) for number in range(300)]
    heapq.heapify(due)
    while due:
        now_s, number, held = heapq.heappop(due)
        wait_s = line.enter(now_s, f"part {number // 100}")
        if wait_s <= WAIT_AT_MOST_S:
            sent.append(now_s + wait_s)
            continue
        failure = classify(HeldBack("The line is long.", retry_after_s=wait_s, kept_place=True))
        assert not failure.counts
        at_us = held_until_us(held, failure, now_us=round(now_s * 1_000_000), jitter=0.9)
        heapq.heappush(due, (at_us / 1_000_000 + 0.05 * (number % 3), number, held + 1))
        most[number] += 1
    assert len(sent) == 300
    assert max(most.values()) == 1
    assert max(sent) < 60 * 300 / 30 + 1
    per_minute = Counter(int(at_s // 60) for at_s in sent)
    assert max(per_minute.values()) <= 30 + 30 * BURST_S / 60 + 1


def test_a_full_line_holds_back_without_calling_and_spends_no_attempt(bench):
    called = []
    one = operation(lambda arguments: called.append(arguments) or Answer(), effect="irreversible", rate_per_minute=1)
    bench.call(one)
    error = bench.error_of(one)
    assert type(error) is HeldBack
    assert error.retry_after_s == 50.0
    assert classify(error) == Failure("rate_limited", error.message, retry_after_s=50.0, counts=False)
    assert len(called) == 1
    bench.call(one, account="another")


def test_a_pace_holds_over_hours():
    line, now_s, taken = Line(30), 0.0, 0
    for _ in range(2000):
        wait_s = line.enter(now_s)
        now_s += wait_s + 0.01
        taken += 1
    assert taken <= 30 * now_s / 60 + 6


# --- breaker ---


def fail(bench, times, error=None, **more):
    for _ in range(times):
        bench.error_of(operation(raising(error or NotSent("down"))), **more)


def test_after_failures_in_a_row_nobody_calls_until_its_time(bench):
    fail(bench, FAILURES_TO_OPEN)
    called = []
    error = bench.error_of(operation(called.append, effect="irreversible"))
    assert error.message == "post has failed 3 times in a row; next try at 2026-05-28 20:27:10 UTC."
    assert classify(error) == Failure("transient", error.message, retry_after_s=OPEN_S, counts=False)
    assert called == []
    assert len(bench.records) == FAILURES_TO_OPEN


def test_the_breaker_opens_before_a_step_has_spent_its_attempts():
    assert FAILURES_TO_OPEN < DEFAULT_ATTEMPTS


def test_one_try_decides_whether_it_closes(bench):
    fail(bench, FAILURES_TO_OPEN)
    bench.clock.passed_s += OPEN_S
    bench.call(operation(fine))
    fail(bench, FAILURES_TO_OPEN - 1)
    assert bench.call(operation(fine)) == bench.call(operation(fine))  # still closed: neither is refused


def test_a_failed_try_waits_twice_as_long(bench):
    fail(bench, FAILURES_TO_OPEN)
    bench.clock.passed_s += OPEN_S
    fail(bench, 1, Uncertain("?"))
    bench.clock.passed_s += 2 * OPEN_S - 1
    assert "4 times" in bench.error_of(operation(fine)).message
    bench.clock.passed_s += 1
    bench.call(operation(fine))


def test_only_one_caller_tries_at_a_time(bench):
    fail(bench, FAILURES_TO_OPEN)
    bench.clock.passed_s += OPEN_S

    async def scenario():
        go = asyncio.Event()

        async def slow(_arguments):
            await go.wait()
            return Answer()

        first = asyncio.create_task(bench.guard.call(operation(slow), MemoryCall(), {"to": "x"}))
        await asyncio.sleep(0)
        with pytest.raises(NotSent):
            await bench.guard.call(operation(fine), MemoryCall(), {"to": "x"})
        go.set()
        await first
        await bench.guard.call(operation(fine), MemoryCall(), {"to": "x"})

    asyncio.run(scenario())


def test_a_cancelled_try_leaves_the_try_to_the_next():
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(0.0)
    assert not breaker.admits(OPEN_S - 1)
    assert breaker.admits(OPEN_S)
    assert not breaker.admits(OPEN_S)
    breaker.withdrawn()
    assert breaker.admits(OPEN_S)


def test_the_wait_does_not_grow_without_end():
    breaker, now_s = Breaker(), 0.0
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s)
    for _ in range(20):
        now_s = breaker.until_s
        assert breaker.admits(now_s)
        breaker.failed(now_s)
    assert breaker.until_s - now_s == OPEN_AT_MOST_S


@pytest.mark.parametrize("error", [Permanent("p"), NeedsOperator("o"), RateLimited("r", retry_after_s=1)])
def test_a_refusal_is_an_answer_and_opens_nothing(bench, error):
    fail(bench, 3 * FAILURES_TO_OPEN, error)
    fail(bench, FAILURES_TO_OPEN - 1)
    fail(bench, 1, error)
    fail(bench, FAILURES_TO_OPEN - 1)
    assert bench.call(operation(fine))["said"] == "hello"
    assert [record.outcome for record in bench.records].count("transient") == 2 * (FAILURES_TO_OPEN - 1)
    assert len(bench.records) == 5 * FAILURES_TO_OPEN, "every call was let through"


def test_a_mistake_in_our_code_opens_nothing(bench):
    fail(bench, 3 * FAILURES_TO_OPEN, KeyError("x"))
    assert bench.call(operation(fine))["said"] == "hello"
    assert [record.outcome for record in bench.records] == ["bug"] * 3 * FAILURES_TO_OPEN + ["done"]


def test_accounts_break_apart_and_operations_of_one_connector_together(bench):
    fail(bench, FAILURES_TO_OPEN, account="sales")
    bench.call(operation(fine))
    other = msgspec.structs.replace(operation(fine), name="post.list")
    assert "post (sales) has failed" in bench.error_of(other, account="sales").message


# --- records and look-ups ---


def test_every_call_is_recorded_without_content(bench):
    async def slow(_arguments):
        await bench.clock.sleep(0.25)
        return Answer(file=BlobRef("d", 1000))

    bench.call(operation(slow, version=3), {"to": "secret"}, account="sales")
    (record,) = bench.records
    assert (record.operation, record.version, record.account) == ("post.send", 3, "sales")
    assert (record.started_at_us, record.latency_us, record.waited_us) == (NOW_US, 250_000, 0)
    assert record.request_bytes == len('{"to":"secret"}')
    assert 1000 < record.response_bytes < 1100
    assert (record.outcome, record.error) == ("done", "")
    assert "secret" not in repr(record)


def test_a_look_up_is_a_read_with_a_plain_output(bench):
    async def found(_call, _arguments):
        return Found("happened", Answer())

    one = operation(fine, effect="irreversible", lookup=found)
    assert asyncio.run(bench.guard.look_up(one, MemoryCall(), {"to": "x"})) == Found(
        "happened", {"said": "hello", "file": None}
    )

    async def lost(_call, _arguments):
        raise ConnectionResetError

    with pytest.raises(Transient):
        asyncio.run(bench.guard.look_up(msgspec.structs.replace(one, lookup=lost), MemoryCall(), {"to": "x"}))


def test_any_way_of_sending_runs_within_the_same_limits(bench):
    one = Operation(
        name="post.heavy", summary="Work", input=Ask, output=Answer, effect="irreversible", where="worker", entry="a:b"
    )

    async def died():
        raise Transient("The worker ended.")

    with pytest.raises(Uncertain, match="worker ended"):
        asyncio.run(bench.guard.run(one, died, {"to": "x"}))


def test_the_operations_of_this_package_go_through_it(bench, tmp_path):
    (tmp_path / "outbox").mkdir()
    config = FilesConfig(str(tmp_path), str(tmp_path / ".mainstay/notes"))
    all_ = {
        one.name: one for one in (*files.operations(config), *mail.operations(MailConfig("a@b.example", str(tmp_path))))
    }
    call = MemoryCall()

    async def scenario():
        old = {"path": "outbox/a.txt", "text": "old"}
        await bench.guard.call(all_["files.write"], MemoryCall("0", blobs=call.blobs), old)
        arguments = {"path": "outbox/a.txt", "text": "new"}
        written = await bench.guard.call(all_["files.write"], call, arguments)
        assert isinstance(written["previous"], BlobRef)
        found = await bench.guard.look_up(all_["files.write"], call, arguments)
        assert found == Found("happened", written)
        plain = {"path": "outbox/a.txt", "expected": written["digest"], "previous": written["previous"]}
        assert not (await bench.guard.call(all_["files.restore"], call, plain))["removed"]
        return await bench.guard.call(all_["mail.send"], call, {"to": "c@d.example", "subject": "s", "text": "t"})

    assert asyncio.run(scenario())["simulated"]
    assert (tmp_path / "outbox/a.txt").read_text() == "old"
