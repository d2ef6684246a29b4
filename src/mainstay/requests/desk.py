"""Carries out what an operator asks of a workspace's owner; what can be asked stands in the files beside this one.

Every request is a method name with plain parameters, the same from this process and through the socket.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

from mainstay import commands as c
from mainstay import events as e
from mainstay.contracts import to_plain
from mainstay.errors import CommandRefusedError, CommitFailedError, InputError, MainstayError
from mainstay.governance.shortage import stopped_by
from mainstay.kernel.state import ENDED, RESTING, Plan, is_call
from mainstay.kernel.undo import undo_order
from mainstay.ledger import queries
from mainstay.ledger.traces import Met
from mainstay.records import File
from mainstay.requests.asked import recall_line
from mainstay.requests.news import NOTICE, TAKEN, say_news
from mainstay.requests.ruling import rule
from mainstay.runtime.admission import places_of
from mainstay.runtime.names import local_time
from mainstay.sentences import say_plan
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.activation import Activation
    from mainstay.ports import Catalogue
    from mainstay.requests.anchoring import Anchors
    from mainstay.requests.notify import Ways
    from mainstay.requests.throttling import Throttling
    from mainstay.runtime.engine import Engine
    from mainstay.runtime.intake import Emit, Request
    from mainstay.values import Labels, Value

MAX_SAID = 4_000  # characters of a reason or a note
WHILE_HELD = frozenset({"release", "anchor", "rebuild", "forget"})  # what can be asked while all is held (L6)
# What goes on by itself, and how many seconds of its sleep are waited for.
SOON_S = {"retry": 120.0, "settle": 120.0, "confirm": 120.0, "wait": 120.0, "dispatch": 15.0}
_ID_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"
_ID_CHARS = 10  # 49 bits: a collision is refused by the stream's sequence, not acted on

Params: TypeAlias = dict[str, Any]
Method: TypeAlias = "Callable[[Requests, Params, Emit], Awaitable[Params]]"


def new_plan_id() -> str:
    """A short random name, without letters that look alike. Not a secret: knowing it gives no right to anything."""
    return "".join(random.choices(_ID_LETTERS, k=_ID_CHARS))  # noqa: S311 - a name, not a key


class Requests:
    """Carries out what is asked, on one engine."""

    def __init__(
        self,
        engine: Engine,
        contracts: Catalogue,
        root: Path,
        methods: Mapping[str, Method],
        activation: Activation,
    ) -> None:
        """Take the engine, what playbooks may call, the workspace's folder, what can be asked, and what is active."""
        self._methods = methods
        self.activation = activation
        self.engine = engine
        self.contracts = contracts
        self.root = root
        self.clock = engine.parts.clock
        self.met = Met()  # where people stand in the history, once somebody was forgotten
        self.anchors: Anchors | None = None  # where the history is anchored; nowhere in a simulation
        self.on_token: Callable[[], None] = lambda: None  # begins to take actions of tools in, where a service runs
        self.ways: Ways | None = None  # by which the operator is told; none in a simulation
        self.served_at, self.is_reached = "", False  # where a browser gets in, and whether from elsewhere
        self.has_pages = False  # whether more is served there than links to one question
        self.throttling: Throttling | None = None  # nowhere in a simulation
        self.turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # by the plan that is asked for
        self.answering: dict[str, str] = {}  # questions that are answered together right now, with the answer
        self.on_released: Callable[[], None] = lambda: None  # begins the work of a workspace that was held
        self._ledger = engine.parts.ledger
        self.payloads = engine.parts.payloads

    async def answer(self, request: Request, operator: bool, emit: Emit) -> Params:  # noqa: FBT001 - a Handler
        """Answer a request of another process; rulings and anything that acts need the operator's session."""
        if not operator:
            raise InputError(
                "This needs the operator's session.", remedy="Run it as the user who made the workspace with `init`."
            )
        if request.method not in self._methods:
            raise InputError(
                f"There is no request '{request.method}'.", remedy="Is another release of Mainstay running?"
            )
        check_said(request.params)
        if self.engine.held and request.method not in WHILE_HELD:
            raise CommandRefusedError(
                f"All work in this workspace is stopped: {self.engine.held}.",
                remedy="See what may have happened meanwhile, and let it go on: mainstay history release",
            )
        if self.engine.trouble:
            emit({"plan": "", "kind": NOTICE, "path": "", "says": self.engine.trouble})
        await self._or_failed(self.engine.whole())
        try:
            return await self._methods[request.method](self, request.params, emit)
        except CommitFailedError as error:  # whoever asked is told; the owner waits for room, or reads anew
            self.engine.fail(error)
            raise

    def pin(self, name: str, content: bytes) -> Value:
        """Keep a file's content, for the input of a plan."""
        return to_plain(File(name, self.payloads.pin(content, name=name)))

    def propose(
        self,
        definition: Definition,
        inputs: Value,
        *,
        by: str = "operator",
        hold: bool = False,
        priority: int | None = None,
        labels: Labels = ("operator",),
        plan_id: str = "",
    ) -> tuple[str, asyncio.Future[int]]:
        """Make a plan and let it run, unless it shall `hold` for a go-ahead; the future is done when that is on disk.

        `labels` say where the inputs came from; `plan_id` is the plan's, where its asker names it.
        Raises InputError for inputs that the playbook refuses, ExpressionError when its key can't be worked out.
        """
        now_us = self.clock.now_us()
        kept = self.engine.keep_definition(definition)
        expires = None if definition.expires_s is None else now_us + definition.expires_s * SECOND_US
        plan_id = plan_id or self.engine.parts.new_id()
        plan = Plan(plan_id, self.engine.graph(kept), proposed_at_us=now_us)
        propose = c.ProposePlan(
            now_us=now_us,
            definition=kept,
            playbook=definition.name,
            title=definition.title,
            inputs=self.payloads.keep(inputs, plan=plan),
            labels=labels,
            expires_at_us=expires,
            keys=places_of(self.engine.parts, self.engine.graph(kept), inputs, now_us),
            priority=definition.priority if priority is None else priority,
        )
        approve = () if hold else (c.ApprovePlan(now_us=now_us, by=by),)
        return plan_id, self.engine.submit(plan_id, propose, *approve, actor=by)

    def rule(self, decision: str, params: Params) -> asyncio.Future[int]:
        """Take an answer of the operator; see requests/ruling.py. Raises InputError or CommandRefusedError."""
        return rule(self, decision, params)

    async def follow(self, plan_id: str, emit: Emit) -> Params:
        """Say what a plan does until it ends or waits for something that takes longer; gives where it stands."""
        moved = asyncio.Event()

        def listen(moving: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
            if moving == plan_id or moving.startswith(f"{plan_id}-"):
                for fact in facts:
                    emit(say_news(moving, fact) | self._sleep(moving, fact))
                moved.set()
            del plan

        def hear(sentence: str) -> None:
            emit({"plan": plan_id, "kind": NOTICE, "path": "", "says": sentence})
            moved.set()

        followers = self.engine.followers.setdefault(plan_id.partition("-")[0], [])
        followers.append(listen)
        self.engine.hearers.append(hear)
        try:
            while not await self._rests_now(plan_id):
                moved.clear()
                await self._or_failed(moved.wait())
        finally:
            self.engine.hearers.remove(hear)
            if listen in followers:
                followers.remove(listen)
            if not followers:
                self.engine.followers.pop(plan_id.partition("-")[0], None)
        if plan_id in self.engine.broken:
            raise MainstayError(
                f"Plan {plan_id} can't go on: {self.engine.broken[plan_id]}.",
                remedy="Look closer with: mainstay doctor",
            )
        return self.standing(plan_id)

    async def _rests_now(self, plan_id: str) -> bool:
        """Say whether a plan rests, as soon as that can be read: after a commit that failed it waits."""
        while True:
            if not self.engine.is_whole:
                await self._or_failed(self.engine.whole())
            try:
                return self._rests(plan_id)
            except CommitFailedError as error:
                self.engine.fail(error)

    async def _or_failed(self, awaited: Coroutine[Any, Any, Any]) -> None:
        """Wait for something; raises what makes the owner end when that comes first."""
        failed = self.engine.failed
        assert failed is not None
        waiting = asyncio.ensure_future(awaited)
        try:
            await asyncio.wait({waiting, failed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if failed.done():
            raise failed.result()

    def _rests(self, plan_id: str) -> bool:
        plan = self.engine.load(plan_id)
        if not self.engine.is_settled(plan_id):
            return False
        if any(slot.children for slot in plan.slots.values()) and self.engine.moves_under(plan_id):
            return False
        if plan.questions or plan.status in ENDED or plan.status in RESTING:
            return True
        due = self._ledger.rows(queries.TIMERS_OF_FAMILY, (plan_id,))
        now_us = self.clock.now_us()
        return not any(row[0] - now_us <= SOON_S.get(row[1], -1.0) * SECOND_US for row in due if row[1] in SOON_S)

    async def taken(self, plan_id: str, emit: Emit) -> Params:
        """Say that the request is on disk, so that a client whose connection breaks knows what to follow."""
        emit({"plan": plan_id, "kind": TAKEN, "path": ""})
        return await self.follow(plan_id, emit)

    def unfinished(self, *, except_for: str) -> list[str]:
        """Name the other plans that have work left, they or their child plans: they go on at an owner's next start."""
        roots = dict.fromkeys(row[0].partition("-")[0] for row in self._ledger.rows(queries.LIVE_PLANS))
        return [root for root in roots if root != except_for.partition("-")[0]]

    def standing(self, plan_id: str) -> Params:
        """Say where a plan stands: status and open questions, its child plans' among them."""
        plan = self.engine.load(plan_id)
        questions, stopped = list(plan.questions), _stopped(plan)
        leaving, waits = self._leaving(plan), self._waits(plan)
        refused = [name for name, slot in plan.slots.items() if slot.status == "rejected" and "/" not in name]
        undoable = any(plan.slots[path].undo is not None for path in undo_order(plan)[0])
        for slot in plan.slots.values():
            for child in map(self.standing, slot.children):
                questions += child["questions"]
                stopped |= child["stopped"]
                leaving += child["leaving"]
                waits += child["waits"]
                undoable |= child["undoable"]
        return {
            "plan": plan_id,
            "status": plan.status,
            "ending": plan.ending,
            "says": say_plan(plan),
            "paused": plan.paused_at_us is not None,
            "title": plan.title,
            "questions": questions,
            "stopped": stopped,
            "undoable": undoable,
            "refused": refused,
            "without": {name: _left_out_by(plan, name) for name in refused},
            "left_out": _left_out(plan),
            "written": self._written(plan),
            "leaving": leaving,
            "waits": waits,
        }

    def _at(self, at_us: int) -> str:
        return local_time(at_us, self.engine.parts.timezone).isoformat(timespec="seconds")

    def _sleep(self, plan_id: str, fact: e.AnyFact) -> Params:
        """Say until when a step sleeps that began to, what it waits for, and how an action is called back."""
        if isinstance(fact, e.EffectDelayed):
            plan = self.engine.load(plan_id)
            return {"until": self._at(fact.until_us), "recall": recall_line(plan, fact.path)}
        if isinstance(fact, e.WaitStarted):
            return {"until": "" if fact.until_us is None else self._at(fact.until_us), "event": fact.event}
        return {}

    def _leaving(self, plan: Plan) -> list[Params]:
        """List the approved actions of a plan that leave at a time, and how each is called back."""
        return [
            {
                "plan": plan.id,
                "path": path,
                "leaves_at": self._at(slot.wakes_at_us),
                "timezone": self.engine.parts.timezone,
                "recall": recall_line(plan, path),
            }
            for path, slot in plan.slots.items()
            if slot.status == "delayed"
        ]

    def _waits(self, plan: Plan) -> list[Params]:
        """List what sleeps: what for, and until when at the latest; empty where it has no end."""
        waiting = [(path, slot) for path, slot in plan.slots.items() if slot.status == "waiting"]
        if not waiting:
            return []
        due = {path: at_us for at_us, path in self._ledger.rows(queries.TIMERS_WAIT, (plan.id,))}
        return [
            {
                "path": path,
                "event": slot.awaits,
                "until": self._at(due[path]) if path in due else "",
                "timezone": self.engine.parts.timezone,
            }
            for path, slot in waiting
        ]

    def _written(self, plan: Plan) -> list[str]:
        """Name the files that a plan wrote for the operator."""
        written: list[str] = []
        for name, step in plan.graph.steps.items():
            slot = plan.slots.get(name)
            if step.target == "files.write" and slot is not None and slot.status == "done":
                output = self.payloads.load(slot.output)
                written += [str(output["path"])] if isinstance(output, dict) and "path" in output else []
        return written


def _stopped(plan: Plan) -> dict[str, str]:
    """Give the questions about what a budget stopped, each with its name."""
    found: dict[str, str] = {}
    for decision, question in plan.questions.items():
        failure = plan.slots[question.paths[0]].failure if question.kind == "stuck" else None
        if (by := stopped_by(failure)) is not None:
            found[decision] = by.name
    return found


def _left_out(plan: Plan) -> list[str]:
    """Name the steps that were left out, for whatever reason."""
    return [
        name
        for name, slot in plan.slots.items()
        if slot.status == "skipped" and not _is_part(name) and not name.startswith("~")
    ]


def _left_out_by(plan: Plan, refused: str) -> list[str]:
    """Name the steps that were left out because something they need did not happen after a no."""
    found, waiting = dict[str, None](), [refused]
    while waiting:
        for name in plan.graph.dependents.get(waiting.pop(0), ()):
            slot = plan.slots.get(name)
            if name not in found and slot is not None and slot.status == "skipped":
                found[name] = None
                waiting.append(name)
    return list(found)


def _is_part(path: str) -> bool:
    """Whether a path is a part of a step: an item, or an action of its agent."""
    return "/" in path or is_call(path)


def check_said(params: Params) -> None:
    """Refuse a reason or a note that is longer than a card shows and a record takes. Raises InputError."""
    longest = max((len(params[name]) for name in ("reason", "text") if isinstance(params.get(name), str)), default=0)
    if longest > MAX_SAID:
        raise InputError(
            f"What you say has {longest:,} characters, and {MAX_SAID:,} are kept at most; nothing happened.",
            remedy="Say it shorter, and name the file where the rest stands.",
        )
