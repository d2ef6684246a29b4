"""Run inside a network namespace of its own by test_network.py: three plans, first without a network, then with one."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from kit import Said, Word, World, do, make_workspace, owner_of, plan

from mainstay.contracts import Operation
from mainstay.errors import NotSent
from mainstay.ledger import queries
from mainstay.runtime import online

PORT = 8099
_NO_SUCH_NAME = b"\x81\x83"  # flags of an answer: there is no such name


class Names(asyncio.DatagramProtocol):
    """A name server that answers every question with: there is no such name."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data[:2] + _NO_SUCH_NAME + data[4:], addr)


def lead_out() -> list[str]:
    """Give this namespace a way out, and the addresses of its name servers; those are given."""
    servers = re.findall(r"^nameserver\s+([\d.]+)\s*$", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
    commands = ["link set lo up", *(f"addr add {each}/32 dev lo" for each in servers), "route add default dev lo"]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=False, capture_output=True)
    return servers or ["127.0.0.1"]


async def get_a_network(calls):
    """Give this namespace a way out, a name server, and the server that the plans call."""
    loop = asyncio.get_running_loop()
    for address in lead_out():
        await loop.create_datagram_endpoint(Names, local_addr=(address, 53))

    async def serve(reader, writer):
        calls.append(await reader.readline())
        writer.write(b"done\n")
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", PORT)


async def call(call, given):
    """Talk to the server as a connector does: what can't be reached was not sent."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    except OSError as error:
        raise NotSent("the server can't be reached") from error
    writer.write(given.word.encode() + b"\n")
    answer = await reader.readline()
    writer.close()
    return Said(answer.decode().strip())


SAY = Operation(
    name="test.say", summary="Say", effect="reversible", input=Word, output=Said, call=call, cannot_undo="Said."
)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.02)
    sys.exit("it never came")


async def main(folder):
    online.AGAIN_S = 0.1
    workspace, world, plans, calls, told = make_workspace(folder / "acme"), World(folder / "world"), [], [], []

    def waiting(owner):
        return len(owner.ledger.rows(queries.TIMERS_ONLINE))

    async with owner_of(workspace, world, SAY) as owner:
        owner.engine.hearers.append(told.append)
        for word in ("one", "two", "three"):
            plan_id, committed = owner.requests.propose(plan(do("a", "test.say", word)), {})
            await committed
            plans.append(plan_id)
        await until(lambda: waiting(owner) == 3)
        slots = [owner.engine.load(each).slots["a"] for each in plans]
        counted = sum(slot.attempt - slot.forgiven for slot in slots)
        questions = sum(len(owner.engine.load(each).questions) for each in plans)
        say(f"waiting: {waiting(owner)}, attempts counted: {counted}, questions: {questions}")
        say(f"told: {len(told)}")
    told.clear()
    async with owner_of(workspace, world, SAY) as owner:
        owner.engine.hearers.append(told.append)
        await asyncio.sleep(0.5)
        say(f"after a restart, waiting: {waiting(owner)}, told again: {len(told)}")
        async with await get_a_network(calls):
            await until(lambda: all(owner.engine.load(each).status == "completed" for each in plans))
            say("back: " + " ".join(owner.engine.load(each).status for each in plans))
    say(f"the server was called {len(calls)} times")


asyncio.run(main(Path(sys.argv[1])))
