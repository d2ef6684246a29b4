"""The load that every fault falls on: plans of many kinds that charge over HTTP, ask, wait, listen and take back.

A unit is one thing to pay for, named by its plan and place: however often its owner dies, it is charged once.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import struct
from typing import TYPE_CHECKING

import msgspec
from kit import AGENTS, RECORDS, TYPES, Said, Word, after, agent, do, each, plan

from mainstay.contracts import Compensation, Found, Operation
from mainstay.errors import NotSent, Permanent, RateLimited, Transient
from mainstay.kernel.graph import Awaited, Cel, Definition, Field, Retry, Step
from mainstay.runtime.clock import SystemClock
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from pathlib import Path

ANSWER_S = 1.0  # until an answer counts as lost
SETTLES_S = 0.3  # a request that is on its way has arrived by then
QUICK = Retry(attempts=8, base_s=0.02, cap_s=0.2)
ONCE = Retry(attempts=1)
SOON = Cel("ready_at + duration('0.2s')", names=("ready_at",), paths=("ready_at",))
EVENT = ("event", "record(mail_received)")
MAIL = {"message_id": "", "from_address": "ada@example.com", "in_reply_to": "", "subject": "", "text": "fine"}
SLEEPS = ("chain", "slow")  # kinds of plans that sleep, and have so long to end
EXPIRES_S = 1800
WORKERS = ("work", "vanish", "hang", "raise_it", "nonsense", "devour")  # agents; only the first of them is good


async def http(port: int, method: str, path: str, key: str = "", body: str = "") -> dict[str, object]:
    """Ask the service. Raises NotSent or RateLimited when it surely did nothing, another error when it may have."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        raise NotSent("the service can't be reached") from error
    try:
        head = f"{method} {path} HTTP/1.0\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        said = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in said[1:])}
        content = await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.close()
    return _read(said[0].split()[1], headers, content)


def _read(status: str, headers: dict[str, str], content: bytes) -> dict[str, object]:
    if status == "429":
        raise RateLimited("too many", retry_after_s=float(headers["retry-after"]))
    if status == "422":
        raise Permanent("the service refuses it")
    if status == "503":
        raise NotSent("the service is busy")
    if status != "200":
        raise Transient(f"the service says {status}")
    return json.loads(content)


def operations(port: int) -> tuple[Operation, ...]:
    """Give what plans call: one charge for each way to settle, and its refund."""

    def post(path):
        async def call(call, given):
            await http(port, "POST", path, call.token, given.word)
            return Said(given.word, call.token)

        return call

    async def look(call, given):
        answer = await http(port, "GET", f"/{call.token}")
        if answer["charged"]:
            return Found("happened", Said(given.word, call.token), "it was charged")
        return Found("did_not_happen", known="it was not charged")

    def back(given, said):
        return Compensation("test.refund", {"word": said.word, "token": said.token})

    common = {"input": Word, "output": Said, "effect": "reversible", "timeout_s": ANSWER_S}
    way_back = {"compensation": "test.refund", "compensate": back}
    looked = {"settle": "lookup", "lookup": look, "lookup_authoritative": True, "settle_after_s": SETTLES_S}
    return (
        Operation(name="test.pay", summary="Pay", call=post("/pay"), **looked, **way_back, **common),
        Operation(name="test.book", summary="Book", call=post("/book"), settle="resend", **way_back, **common),
        Operation(name="test.order", summary="Order", call=post("/order"), settle="ask", **way_back, **common),
        Operation(name="test.refund", summary="Refund", call=post("/refund"), settle="resend",
                  **common | {"input": Said}),
    )  # fmt: skip


def definition(number: int, kind: str) -> Definition:
    """Give a plan of a kind; its title names it, and says which it is."""
    steps = {
        "pay": (each(do("act", "test.pay", "", retry=QUICK)),),
        "book": (each(do("act", "test.book", "", retry=QUICK)),),
        "order": (each(do("act", "test.order", "", retry=QUICK)),),
        "asked": (each(do("act", "test.pay", "", gate="batch", retry=QUICK)),),
        "undone": (each(do("act", "test.pay", "", retry=QUICK)),),
        "chain": (
            do("first", "test.pay", f"{number}/first", retry=QUICK),
            Step(name="nap", kind="wait", until=SOON, needs=after("first")),
            each(do("act", "test.book", "", needs=after("nap"), retry=QUICK)),
        ),
        "thought": (
            agent("one", "echo"),
            agent("two", "echo", needs=after("one")),
            each(do("act", "test.pay", "", needs=after("two"), retry=QUICK)),
            agent("three", "echo", needs=after("act")),
        ),
        "slow": (
            do("one", "test.book", f"{number}/one", retry=QUICK),
            Step(name="nap", kind="wait", until=SOON, needs=after("one")),
            do("two", "test.book", f"{number}/two", needs=after("nap"), retry=QUICK),
            Step(name="rest", kind="wait", until=SOON, needs=after("two")),
            each(do("act", "test.book", "", needs=after("rest"), retry=QUICK)),
        ),
        "heard": (_wait_for(number), each(do("act", "test.pay", "", needs=after("mail"), retry=QUICK))),
        **{name: (agent("bad", name, retry=ONCE), each(do("act", "test.pay", "", retry=QUICK))) for name in WORKERS},
    }[kind]
    made = plan(*steps)
    names = {**TYPES, "ready_at": "time", "mail": "record(mail)"}
    fields = {name: Field("text") for name in MAIL}
    records = {**RECORDS, "mail_received": fields, "mail": {**fields, "timed_out": Field("bool")}}
    title, expires_s = f"{number} {kind}", EXPIRES_S if kind in SLEEPS else None
    return msgspec.structs.replace(made, title=title, types=names, records=records, expires_s=expires_s)


def _wait_for(number: int) -> Step:
    where = Cel(f"event.in_reply_to == '<{number}>'", names=("event",), paths=("event.in_reply_to",), scope=(EVENT,))
    return Step(name="mail", kind="wait", awaited=Awaited("mail.received", where))


def units(number: int, items: int) -> list[str]:
    return [f"{number}/{item}" for item in range(items)]


class SetClock(SystemClock):
    """The machine's clock, as far from it as a file says: wall time is set, boot time goes on."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._ahead = mmap.mmap(file.fileno(), 8)

    def now_us(self) -> int:
        return super().now_us() + struct.unpack("q", self._ahead[:8])[0] * SECOND_US


assert {contract.name for contract in AGENTS} >= {*WORKERS, "echo"}
