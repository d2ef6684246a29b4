"""The workspace's socket, with real connections: whatever arrives is answered, and the owner goes on."""

import asyncio
import stat

import msgspec
import pytest
from kit import agent, do, owner_of, plan

from mainstay.errors import InputError, MainstayError, PlaybookError
from mainstay.ledger import keys
from mainstay.requests.methods import METHODS
from mainstay.runtime.intake import Intake, Request, call

SESSION = "the operator's own"


def framed(content):
    return len(content).to_bytes(4, "big") + content


async def answers(path, sent, *, end=False):
    """Send raw bytes; give the frames that come back until the other side closes."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(sent)
    if end:
        writer.write_eof()
    data = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    frames = []
    while data:
        size = int.from_bytes(data[:4], "big")
        frames.append(msgspec.msgpack.decode(data[4 : 4 + size]))
        data = data[4 + size :]
    return frames


def serving(tmp_path, handler, scenario):
    """Run a scenario against an intake of its own."""

    async def run():
        intake = Intake(tmp_path / "socket", SESSION, handler)
        await intake.open()
        try:
            return await scenario(tmp_path / "socket")
        finally:
            await intake.close()

    return asyncio.run(run())


def with_owner(workspace, world, scenario):
    async def run():
        async with owner_of(workspace, world) as owner:
            return await scenario(owner)

    return asyncio.run(run())


def session_of(owner):
    return keys.load_session(owner.workspace.state)


async def echo(request, operator, emit):
    emit({"kind": "Heard", "plan": ""})
    return {"method": request.method, "operator": operator}


def test_an_answer_is_what_was_emitted_then_what_was_done(tmp_path):
    async def scenario(path):
        heard = []
        return await call(path, Request("greet", {}, SESSION), heard.append), heard

    assert serving(tmp_path, echo, scenario) == (
        {"method": "greet", "operator": True},
        [{"kind": "Heard", "plan": ""}],
    )


@pytest.mark.parametrize("session", ["", "wrong", SESSION[:-1], SESSION + "x", "schlüssel", "\0"])
def test_another_session_is_not_the_operators(tmp_path, session):
    async def scenario(path):
        return await call(path, Request("greet", {}, session), lambda _: None)

    assert serving(tmp_path, echo, scenario)["operator"] is False


@pytest.mark.parametrize("method", [*METHODS, "unheard"])
@pytest.mark.parametrize("session", ["", "wröng"])
def test_without_the_operators_session_every_request_is_refused_and_nothing_happens(workspace, world, method, session):
    async def scenario(owner):
        plan_id, done = owner.requests.propose(plan(do("a", "test.shout", "hey")), {})
        await done
        standing = await owner.requests.follow(plan_id, lambda _: None)
        params = {"plan": plan_id, "decision": standing["questions"][0], "choice": "approve", "playbook": "x"}
        before = owner.ledger.head()
        with pytest.raises(InputError, match="needs the operator's session"):
            await call(workspace.socket, Request(method, params, session), lambda _: None)
        return before, owner.ledger.head()

    before, after = with_owner(workspace, world, scenario)
    assert before == after
    assert world.words() == []


NEED_NOTHING = {"anchor", "collect", "notify_test", "rebuild", "release", "token_list"}


@pytest.mark.parametrize("method", [name for name in METHODS if name not in NEED_NOTHING])
def test_a_request_without_its_parameters_is_told_which_one_it_lacks(workspace, world, method):
    async def scenario(owner):
        with pytest.raises(InputError, match=r"lacks '\w+'"):
            await call(workspace.socket, Request(method, {}, session_of(owner)), lambda _: None)

    with_owner(workspace, world, scenario)


@pytest.mark.parametrize("params", [{"plan": 5}, {"plan": None}, {"plan": ["x"]}, {"plan": "nobody"}])
@pytest.mark.parametrize("method", ["follow", "undo", "cancel"])
def test_parameters_that_make_no_sense_are_answered_with_an_error(workspace, world, method, params):
    async def scenario(owner):
        with pytest.raises(MainstayError):
            await call(workspace.socket, Request(method, params, session_of(owner)), lambda _: None)
        return await goes_on(owner)

    assert with_owner(workspace, world, scenario) == "completed"


async def goes_on(owner):
    """Whether the owner still carries plans to their end, asked for through the socket."""
    plan_id, done = owner.requests.propose(plan(agent("a", "echo")), {})
    await done
    request = Request("follow", {"plan": plan_id}, session_of(owner))
    return (await call(owner.workspace.socket, request, lambda _: None))["status"]


def test_a_mistake_in_our_own_code_is_answered_too(tmp_path):
    async def breaks(request, operator, emit):
        raise ZeroDivisionError("by nought")

    async def scenario(path):
        with pytest.raises(MainstayError, match="ZeroDivisionError: by nought"):
            await call(path, Request("greet", {}, SESSION), lambda _: None)

    serving(tmp_path, breaks, scenario)


def test_an_error_that_takes_more_than_a_message_still_arrives(tmp_path):
    async def breaks(request, operator, emit):
        raise PlaybookError(("a.yaml:1:1: no", "a.yaml:2:1: no"))

    async def scenario(path):
        with pytest.raises(PlaybookError) as caught:
            await call(path, Request("greet", {}, SESSION), lambda _: None)
        return caught.value.findings

    assert serving(tmp_path, breaks, scenario) == ("a.yaml:1:1: no", "a.yaml:2:1: no")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        b"GET / HTTP/1.1\r\n\r\n",
        msgspec.msgpack.encode([1, 2]),
        msgspec.msgpack.encode({"method": "run"}),
        msgspec.msgpack.encode({"method": 5, "params": {}}),
        msgspec.msgpack.encode({"method": "run", "params": []}),
        msgspec.msgpack.encode({"method": "run", "params": {}, "session": None}),
        b"\x82\xa6method\xa3run\xa6params\x80\xa7",
    ],
)
def test_a_frame_that_is_no_request_is_answered_with_an_error(tmp_path, content):
    async def scenario(path):
        return await answers(path, framed(content))

    (said,) = serving(tmp_path, echo, scenario)
    assert said["error"] == "InputError"
    assert "can't be read" in said["message"]


def test_a_frame_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    async def scenario(path):
        return await answers(path, b"\xff\xff\xff\xff" + b"x" * 1000)

    (said,) = serving(tmp_path, echo, scenario)
    assert (said["error"], "too large" in said["message"]) == ("InputError", True)


@pytest.mark.parametrize("sent", [b"", b"\0\0", framed(b"x" * 100)[:50]])
def test_who_leaves_in_the_middle_of_a_request_gets_no_answer_and_harms_nobody(tmp_path, sent):
    async def scenario(path):
        assert await answers(path, sent, end=True) == []
        return await call(path, Request("greet", {}, SESSION), lambda _: None)

    assert serving(tmp_path, echo, scenario)["method"] == "greet"


def test_what_was_asked_for_goes_on_when_the_asker_goes_away(workspace, world):
    async def scenario(owner):
        _, writer = await asyncio.open_unix_connection(workspace.socket)
        plan_id, done = owner.requests.propose(plan(agent("a", "echo"), do("b", "test.say", "hey")), {})
        request = Request("follow", {"plan": plan_id}, session_of(owner))
        writer.write(framed(msgspec.msgpack.encode(request)))
        await writer.drain()
        writer.transport.abort()
        await done
        return (await owner.requests.follow(plan_id, lambda _: None))["status"], await goes_on(owner)

    assert with_owner(workspace, world, scenario) == ("completed", "completed")
    assert world.words() == ["hey"]


def test_an_answer_on_its_way_goes_out_before_the_socket_closes(tmp_path):
    begun = asyncio.Event()

    async def slow(request, operator, emit):
        begun.set()
        await asyncio.sleep(0.05)
        return {"late": True}

    async def scenario():
        intake = Intake(tmp_path / "socket", SESSION, slow)
        await intake.open()
        asked = asyncio.ensure_future(call(tmp_path / "socket", Request("greet", {}, SESSION), lambda _: None))
        await begun.wait()
        await intake.close()
        with pytest.raises(FileNotFoundError):
            await call(tmp_path / "socket", Request("greet", {}, SESSION), lambda _: None)
        return await asked

    assert asyncio.run(scenario()) == {"late": True}


def test_only_the_operators_own_user_can_reach_the_socket(tmp_path):
    async def scenario(path):
        return stat.S_IMODE(path.stat().st_mode)

    assert serving(tmp_path, echo, scenario) == 0o600
