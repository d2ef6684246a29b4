"""Telling outside tools what became of what they asked for: Standard Webhooks, signed, tried again across restarts.

What a tool has to be told is read off the records of its plan: an answer of the operator, and its end. What it was told
already stands in a stream beside it, a fact for each try. So nothing is lost or forgotten by a crash; one between the
call and its fact tells the same thing twice, under the same id, which is how a tool knows it again. After the last try
the operator is told, once. Each tool is told by itself: one that does not answer keeps no other waiting.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mainstay import events as e
from mainstay.connectors.web import place_of, post
from mainstay.errors import CommitFailedError
from mainstay.ledger import queries
from mainstay.requests.gateway import PREFIX, end_denied, told
from mainstay.requests.tokens import signing_key, tokens
from mainstay.runtime.names import rfc3339
from mainstay.values import DAY_S, SECOND_US

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from mainstay.kernel.state import Plan
    from mainstay.requests.desk import Params, Requests
    from mainstay.requests.tokens import Token

TRIES_S = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000)  # from one try to the next; after them it is given up
LOOK_BACK_S = 3 * DAY_S  # plans that ended longer ago have nothing to be told any more: all tries take 18 hours
AT_ONCE = 8  # of one tool
_ANSWERED = (e.DecisionRuled, e.DecisionExpired)
_ENDS = (e.PlanCompleted, e.PlanFailed, e.PlanCancelled, e.PlanExpired, e.PlanUndone)
_TELLING = (*_ANSWERED, *_ENDS, e.StepStuck)
_GONE = 410  # what a tool answers that wants to be told no more


class Message(NamedTuple):
    """One thing that a tool is told."""

    id: str
    body: bytes
    attempt: int  # which one comes next
    due_at_us: int


class _Due(NamedTuple):
    """When a plan is to be looked at, and whose it is."""

    tool: str
    at_us: int


class Callbacks:
    """Tells tools, from `run` on until that is cancelled."""

    def __init__(self, desk: Requests, trusted: ssl.SSLContext | None = None) -> None:
        """Tell what this desk's plans come to; `trusted` says whose certificates count instead of the system's."""
        self._desk, self._trusted = desk, trusted
        self._waiting: dict[str, _Due] = {}  # plans to look at
        self._telling: dict[str, asyncio.Task[None]] = {}  # by tool
        self._moved = asyncio.Event()

    async def run(self) -> None:
        """Tell what is to be told, as it comes up."""
        self._desk.engine.listeners.append(self._listen)
        try:
            self._look_back()
            while True:
                self._moved.clear()
                self._begin_due()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), self._pause_s())
        finally:
            for task in self._telling.values():
                task.cancel()
            with suppress(ValueError):
                self._desk.engine.listeners.remove(self._listen)

    def _listen(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        if plan.playbook.startswith(PREFIX) and any(isinstance(fact, _TELLING) for fact in facts):
            self._waiting[plan_id] = _Due(plan.playbook.removeprefix(PREFIX), 0)
            self._moved.set()

    def _look_back(self) -> None:
        """Look at what may have been left untold by an owner before."""
        since_us = self._desk.clock.now_us() - LOOK_BACK_S * SECOND_US
        for token in tokens(self._desk).values():
            if token.callback:
                rows = self._desk.engine.parts.ledger.rows(queries.PLANS_SINCE, (PREFIX + token.name, since_us))
                self._waiting.update((row[0], _Due(token.name, 0)) for row in rows)

    def _pause_s(self) -> float:
        """Say how long there is nothing to begin; a tool that is being told wakes us when that is over."""
        idle = (due.at_us for due in self._waiting.values() if due.tool not in self._telling)
        now_us, first_us = self._desk.clock.now_us(), min(idle, default=None)
        return 3600.0 if first_us is None else max((first_us - now_us) / SECOND_US, 0.05)

    def _begin_due(self) -> None:
        now_us = self._desk.clock.now_us()
        due: dict[str, list[str]] = {}
        for plan_id, (tool, at_us) in self._waiting.items():
            if at_us <= now_us and tool not in self._telling:
                due.setdefault(tool, []).append(plan_id)
        for tool, plans in due.items():
            if self._desk.engine.held or not self._desk.engine.is_whole:
                self._waiting.update((plan_id, _Due(tool, now_us + 5 * SECOND_US)) for plan_id in plans)
            else:
                self._telling[tool] = telling = asyncio.create_task(self._tell_all(tool, plans))
                telling.add_done_callback(self._over)

    def _over(self, telling: asyncio.Task[None]) -> None:
        error = None if telling.cancelled() else telling.exception()
        if error is not None:  # not even that could be said: the screen is gone
            self._desk.engine.fail(error)

    async def _tell_all(self, tool: str, plans: list[str]) -> None:
        """Tell one tool all that is due."""
        try:
            for start in range(0, len(plans), AT_ONCE):
                await asyncio.gather(*(self._tell(tool, plan_id) for plan_id in plans[start : start + AT_ONCE]))
        finally:
            del self._telling[tool]
            self._moved.set()

    async def _tell(self, tool: str, plan_id: str) -> None:
        """Tell what is due of one plan, and note when the rest is."""
        self._waiting.pop(plan_id, None)  # from here on somebody may put it there again
        try:
            await end_denied(self._desk, self._desk.engine.load(plan_id))
            plan = self._desk.engine.load(plan_id)
            token = tokens(self._desk).get(tool)
            if token is None or not token.callback or not token.counts(self._desk.clock.now_us()):
                return
            for message in owed(self._desk, plan, token):
                next_us = message.due_at_us
                if next_us <= self._desk.clock.now_us():
                    next_us = await self._try(plan_id, token, message)
                if next_us:
                    self._wait(plan_id, tool, next_us)
        except CommitFailedError as error:
            self._wait(plan_id, tool, self._desk.clock.now_us() + 5 * SECOND_US)
            self._desk.engine.fail(error)
        except Exception as error:  # noqa: BLE001 - of one plan; the others are told, and work goes on
            self._waiting.pop(plan_id, None)
            why = self._desk.engine.parts.classify(error).message
            again = "It is tried again at the next start; see: mainstay doctor"
            self._desk.engine.say(f"What became of plan {plan_id} can't be told: {why.rstrip('.')}. {again}")

    def _wait(self, plan_id: str, tool: str, until_us: int) -> None:
        """Look at a plan then, or before where that is due already."""
        before = self._waiting.get(plan_id)
        self._waiting[plan_id] = _Due(tool, until_us if before is None else min(before.at_us, until_us))

    async def _try(self, plan_id: str, token: Token, message: Message) -> int:
        """Try once, and record it; gives when it is to be tried again, or 0."""
        why = await self._send(token, message)
        outcome, next_us, now_us = "delivered", 0, self._desk.clock.now_us()
        if why:
            last = message.attempt > len(TRIES_S) or why.startswith(str(_GONE))
            outcome = "given up" if last else "failed"
            next_us = 0 if last else now_us + TRIES_S[message.attempt - 1] * SECOND_US
        fact = e.CallbackTried(message.id, message.attempt, outcome, why, next_us)
        stream, ledger = _stream(plan_id), self._desk.engine.parts.ledger
        draft = e.Draft(fact, now_us, "mainstay", plan=plan_id)
        await ledger.append([e.Append(stream, len(ledger.read(stream)), (draft,))])
        if outcome == "given up":
            self._desk.engine.say(f"{token.name} could not be told what became of plan {plan_id}: {why}.")
        return next_us

    async def _send(self, token: Token, message: Message) -> str:
        """Send it; gives what went wrong, or nothing."""
        at_s = self._desk.clock.now_us() // SECOND_US
        signed = f"{message.id}.{at_s}.".encode() + message.body
        mac = hmac.digest(signing_key(self._desk, token), signed, "sha256")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Mainstay",
            "webhook-id": message.id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        }
        try:
            status = await post(place_of(token.callback), headers, message.body, trusted=self._trusted)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it was not told, and is tried again
            return self._desk.engine.parts.classify(error).message.rstrip(".")
        return "" if 200 <= status < 300 else f"{status} came back"  # noqa: PLR2004 - HTTP's word for done


def owed(desk: Requests, plan: Plan, token: Token) -> list[Message]:
    """Give what a tool was not told yet of a plan, with the try that comes next."""
    ledger = desk.engine.parts.ledger
    tried: dict[str, e.CallbackTried] = {}
    for event in ledger.read(_stream(plan.id)):
        if isinstance(event.fact, e.CallbackTried):
            tried[event.fact.message] = event.fact
    found: list[Message] = []
    for event in ledger.read(f"plan:{plan.id}"):
        if not isinstance(event.fact, (*_ANSWERED, *_ENDS)) or event.recorded_at_us < token.made_at_us:
            continue
        name = f"{plan.id}.{event.sequence}"
        before = tried.get(name)
        if before is None or before.outcome == "failed":
            attempt, due_us = (1, 0) if before is None else (before.attempt + 1, before.next_at_us)
            found.append(Message(name, _body(desk, plan, event), attempt, due_us))
    return found


def _body(desk: Requests, plan: Plan, event: e.Recorded) -> bytes:
    data: Params = told(desk, plan)
    kind = "action.ended"
    if isinstance(event.fact, _ANSWERED):
        kind = "action.answered"
        data["answer"] = event.fact.choice if isinstance(event.fact, e.DecisionRuled) else "expired"
    said = {"type": kind, "timestamp": rfc3339(event.recorded_at_us), "data": data}
    return msgspec.json.encode(said)


def _stream(plan_id: str) -> str:
    return f"callback:{plan_id}"
