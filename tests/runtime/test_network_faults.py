"""A server that misbehaves on a real socket: bounded tries, the same token, one effect (FAULTS F13, F14)."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from kit import Said, Word, do, facts, plan, run, start

from mainstay import events as e
from mainstay.contracts import Operation
from mainstay.errors import NotSent, RateLimited
from mainstay.kernel.graph import Retry
from mainstay.runtime import settling

QUICK = Retry(attempts=5, base_s=0.001, cap_s=0.001)
NOW = struct.pack("ii", 1, 0)  # linger for no time: closing resets the connection


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(settling, "RESENDS_S", (0.01, 0.01))


class Server:
    """Takes one line "token word" per connection, and does what it says once per token; then it behaves as told."""

    def __init__(self, world, *ways):
        self.world, self.ways, self.tokens = world, list(ways), []

    async def serve(self, reader, writer):
        token, word = (await reader.readline()).decode().split()
        self.tokens.append(token)
        way = self.ways.pop(0) if self.ways else "fine"
        if way not in ("429", "503") and token not in self.world.calls():
            self.world.happen(token, word)
        if way == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
        elif way == "black hole":
            await asyncio.sleep(5)
        elif way == "half":
            writer.write(b"20")
        elif way == "slow drip":
            for byte in b"200 done at last":
                writer.write(bytes([byte]))
                await asyncio.sleep(0.1)
        elif way == "429":
            writer.write(b"429 0.4\n")
        else:
            writer.write(b"503 busy\n" if way == "503" else b"200 done\n")
        writer.close()


def over(port):
    """Make test.say talk to a port of this machine, as a connector would."""

    async def call(call, given):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as error:
            raise NotSent("the server can't be reached") from error
        try:
            writer.write(f"{call.token} {given.word}\n".encode())
            code, said = (await reader.readuntil(b"\n")).decode().split()
        finally:
            writer.close()
        if code == "429":
            raise RateLimited("too many", retry_after_s=float(said))
        if code == "503":
            raise NotSent("the server is busy")
        return Said(said)

    return Operation(
        name="test.say", summary="Say", effect="reversible", input=Word, output=Said, call=call, settle="resend",
        timeout_s=0.3, cannot_undo="It was heard.",
    )  # fmt: skip


def talk(workspace, world, *ways):
    """Run one step against a server that behaves so; give standing, facts and server."""
    server = Server(world, *ways)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        async def scenario(owner):
            async with await asyncio.start_server(server.serve, sock=listening):
                plan_id, standing = await start(owner, plan(do("a", "test.say", "one", retry=QUICK)))
                read = owner.ledger.read(f"plan:{plan_id}")
            return standing, read, facts(owner, plan_id, e.EffectDone)

        standing, read, done = run(workspace, world, scenario, over(port))
    return standing, read, done, server


@pytest.mark.parametrize("way", ["reset", "black hole", "half", "slow drip"])
def test_f13_an_answer_that_never_came_whole_is_settled_under_the_same_token(workspace, world, way):
    standing, _, done, server = talk(workspace, world, way)
    assert standing["status"] == "completed"
    assert (len(server.tokens), len(set(server.tokens)), world.words()) == (2, 1, ["one"])
    assert done[0].settled == "it was sent again in a way that can't count twice"


def test_f14_a_response_that_is_always_lost_asks_after_a_few_tries_and_never_acts_twice(workspace, world):
    standing, _, done, server = talk(workspace, world, *["reset"] * 9)
    assert (len(standing["questions"]), done) == (1, [])
    assert (len(server.tokens), len(set(server.tokens)), world.words()) == (3, 1, ["one"])


def test_f13_retry_after_is_obeyed_and_the_next_try_has_a_token_of_its_own(workspace, world):
    standing, read, _, server = talk(workspace, world, "429")
    refused = next(event for event in read if isinstance(event.fact, e.EffectRefused))
    again = next(event for event in reversed(read) if isinstance(event.fact, e.EffectIntended))
    assert standing["status"] == "completed"
    assert again.recorded_at_us >= refused.fact.retry_at_us >= refused.recorded_at_us + 390_000
    assert (len(set(server.tokens)), world.words()) == (2, ["one"])


def test_f13_a_server_that_is_busy_is_tried_again_a_bounded_number_of_times(workspace, world):
    standing, read, _, server = talk(workspace, world, "503", "503")
    refusals = [event.fact.attempt for event in read if isinstance(event.fact, e.EffectRefused)]
    assert (standing["status"], refusals, len(server.tokens)) == ("completed", [1, 2], 3)


def test_f13_nobody_listening_is_not_this_machines_network(workspace, world):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    async def scenario(owner):
        once = do("a", "test.say", "one", retry=Retry(attempts=2, base_s=0.001, cap_s=0.001))
        plan_id, standing = await start(owner, plan(once))
        return len(standing["questions"]), [fact.failure.counts for fact in facts(owner, plan_id, e.EffectRefused)]

    assert run(workspace, world, scenario, over(port)) == (1, [True, True])
