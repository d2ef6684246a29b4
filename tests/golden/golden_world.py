"""What golden workspaces act on: operations, an agent and a clock, which golden plans call for ever.

Never change what is here, only add to it: a golden history was written with it. On the day that is recorded the world
is `blind`: answers get lost, what was done is not seen yet, and what is asked for fails. Later it is not.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from mainstay.app import Owner, contracts_of
from mainstay.contracts import AgentContract, AgentResult, Card, Compensation, Found, Operation
from mainstay.errors import NotSent, Permanent, Uncertain
from mainstay.runtime.catalogue import Contracts
from mainstay.runtime.clock import SystemClock
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    from mainstay.contracts import Call
    from mainstay.ports import OwnRecords
    from mainstay.workspace import Workspace

BEGIN_US = 1_772_438_400 * SECOND_US  # 2026-03-02 08:00 UTC


class GoldenClock(SystemClock):
    """A clock that began some days after the day on which golden histories begin."""

    def __init__(self, days: float) -> None:
        self._ahead_us = BEGIN_US + round(days * DAY_S * SECOND_US) - super().now_us()

    def now_us(self) -> int:
        return super().now_us() + self._ahead_us


class Word(msgspec.Struct, frozen=True):
    word: str


class Said(msgspec.Struct, frozen=True):
    word: str
    token: str = ""


class Acts:
    """What operations do: in a blind world nothing comes back as it should."""

    def __init__(self, *, blind: bool) -> None:
        self._blind = blind

    async def say(self, call: Call, given: Word) -> Said:
        return Said(given.word, call.token)

    async def lose(self, call: Call, given: Word) -> Said:
        if self._blind:
            raise Uncertain("the connection was cut")
        return Said(given.word, call.token)

    async def fail(self, call: Call, given: Word) -> Said:
        if self._blind:
            raise NotSent("the server is busy") if given.word.startswith("busy") else Permanent("no such receiver")
        return Said(given.word, call.token)

    async def hang(self, call: Call, given: Word) -> Said:
        await asyncio.sleep(3600 if self._blind else 0)
        return Said(given.word, call.token)

    async def look(self, call: Call, given: Word) -> Found:
        if self._blind:
            return Found("unknown", known="it can't be seen yet")
        return Found("happened", Said(given.word, call.token))

    async def seek(self, call: Call, given: Word) -> Found:
        if self._blind:
            return Found("did_not_happen", known="it is not there yet")
        return await self.look(call, given)

    async def confirm(self, call: Call, given: Word, gave: Said) -> Found:
        del call, given
        return (
            Found("unknown", known="it is not booked yet") if self._blind else Found("happened", gave, "it is booked")
        )


async def unsay(call: Call, given: Said) -> Said:
    del call
    return given


def back(given: Word, said: Said) -> Compensation:
    return Compensation("gold.unsay", {"word": given.word, "token": said.token})


def recall(given: Word, said: Said) -> Compensation:
    return Compensation("gold.recall", {"word": given.word, "token": said.token})


def card(given: Word) -> Card:
    return Card(f"Say {given.word}")


def operations(*, blind: bool) -> tuple[Operation, ...]:
    """Give the operations."""
    acts = Acts(blind=blind)
    common = {"input": Word, "output": Said, "card": card, "summary": "Say a word"}
    back_out = {"input": Said, "output": Said, "settle": "resend", "call": unsay, "summary": "Take a word back"}
    return (
        Operation(name="gold.say", effect="reversible", settle="resend", call=acts.say, compensation="gold.unsay",
                  compensate=back, **common),
        Operation(name="gold.send", effect="reversible", settle="resend", call=acts.say, compensation="gold.recall",
                  compensate=recall, **common),
        Operation(name="gold.shout", effect="irreversible", settle="resend", call=acts.say, cannot_undo="It was heard.",
                  **common),
        Operation(name="gold.lose", effect="reversible", settle="ask", call=acts.lose, cannot_undo="It is gone.",
                  **common),
        Operation(name="gold.seek", effect="reversible", settle="lookup", call=acts.lose, lookup=acts.seek,
                  settle_after_s=10 * DAY_S, lookup_authoritative=True, cannot_undo="It is gone.", **common),
        Operation(name="gold.pay", effect="reversible", settle="lookup", call=acts.say, lookup=acts.look,
                  confirm=acts.confirm, confirm_within_s=400 * DAY_S, binds="money",
                  lookup_authoritative=True, compensation="gold.unsay",
                  compensate=back, **common),
        Operation(name="gold.fail", effect="reversible", settle="resend", call=acts.fail, cannot_undo="It failed.",
                  **common),
        Operation(name="gold.hang", effect="reversible", settle="resend", call=acts.hang, cannot_undo="It hung.",
                  timeout_s=7200, **common),
        Operation(name="gold.unsay", effect="reversible", **back_out),
        Operation(name="gold.recall", effect="irreversible", cannot_undo="It was read.", **back_out),
    )  # fmt: skip


def echo(given: Word) -> AgentResult:
    return AgentResult(Said(given.word), rationale="It was said.", confidence=1.0)


AGENTS = (AgentContract(name="gold_echo", summary="Echo", input=Word, output=Said, where="loop", call=echo),)


def owner_of(workspace: Workspace, days: float, *, blind: bool) -> Owner:
    """Own a golden workspace on one of its days."""

    def contracts(of: Workspace, records: OwnRecords) -> Contracts:
        known = contracts_of(of, records)
        return Contracts([*known.operations.values(), *operations(blind=blind)], [*known.agents.values(), *AGENTS])

    return Owner(workspace, "test", contracts=contracts, clock=GoldenClock(days))
