"""Start reading here: how a plan moves.

    command -> `submit`: kernel decides on the plan as it will be -> facts appended (group commit)
            -> on disk -> `advance`: `pending(plan)` -> work is begun -> its result is the next command

The engine decides against state that is not on disk yet, but begins nothing and acknowledges nothing before the
commit (KERNEL L5). A plan that waits is dropped from memory and folded again when something arrives for it.
After a crash the same two steps go on: fold, ask `pending`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict, deque
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError, ConflictError, LedgerError, MainstayError
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold, pending
from mainstay.kernel.state import IN_FLIGHT, RESTING, Plan, is_call, is_item, is_open
from mainstay.runtime.admission import Admission
from mainstay.runtime.children import waits_for_children
from mainstay.runtime.effects import Effects
from mainstay.runtime.kept import Kept
from mainstay.runtime.outside import Outside
from mainstay.runtime.stage import Stage, stream_of
from mainstay.runtime.steps import Steps
from mainstay.runtime.telling import told
from mainstay.runtime.timers import DUE_TIMES, due_times, waits_online
from mainstay.runtime.turns import WORKERS, Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from mainstay.events import Append
    from mainstay.kernel.plan import Work, WorkKind
    from mainstay.runtime.parts import Parts
    from mainstay.values import BlobRef

PLANS_IN_MEMORY = 1000
RESTED_IN_MEMORY = 50  # of those that have nothing to do: who waited for one looks at it right away
ENDED_IN_MEMORY = 10_000  # plans that ended, and their units of work: a page about one asks for its parts many times
GRAPHS_IN_MEMORY = 100
KEPT_US = 3600 * 1_000_000  # a definition no fact names yet is collected after a day (KERNEL L8): store it again before
WARNED = 20  # warnings that wait to be told
THROTTLE = "throttle"  # who paused plans of a playbook that reached a bound
FULL_EVENTS = 1900  # of a plan's 2,000: it begins nothing more, so that outcomes and its end still find room
_LIMITED = frozenset({"resolve", "run", "intend"})  # work that may have to wait for its turn

_OUTCOMES = (c.FinishEffect, c.RefuseEffect, c.LoseEffect)  # news from outside, that can't be asked for again
_Outcome: TypeAlias = tuple[str, c.PlanCommand, str, str]  # plan, command, actor, cause
Listener: TypeAlias = "Callable[[str, Sequence[e.AnyFact], Plan], None]"
# Told as well of the position up to which the facts are on disk, and of when they were recorded, microseconds UTC.
Witness: TypeAlias = "Callable[[str, Sequence[e.AnyFact], Plan, int, int], None]"
_Hearing = TypeVar("_Hearing", bound="Callable[..., None]")


@lru_cache(GRAPHS_IN_MEMORY)
def graph_of(data: bytes) -> Graph:
    """Give the graph of a definition as it is stored: it is the same in every owner."""
    return Graph(msgspec.msgpack.decode(data, type=Definition))


class Engine:
    """Moves plans. Single-threaded: everything here runs in the owner's loop."""

    def __init__(self, parts: Parts) -> None:
        """Take the parts. `on_timer`, when set, is told of every new due time, microseconds UTC.

        `on_waits_online` is told when something that waits for a network is on disk.
        """
        self.parts = parts
        self.now_us: Callable[[], int] = parts.clock.now_us  # the time commands carry
        self.listeners: list[Listener] = []
        self.witnesses: list[Witness] = []  # told of each fact once, before those who listen
        self.followers: dict[str, list[Listener]] = {}  # of one family each, by the id of its root
        self.broken: dict[str, str] = {}  # plans that can't go on in this process, and why
        self.failed: asyncio.Future[BaseException] | None = None
        self.on_timer: Callable[[int], None] | None = None
        self.on_waits_online: Callable[[], None] = lambda: None
        self.mend: Callable[[CommitFailedError], None] | None = None  # reads the history again, then calls `reset`
        self.live_under: Callable[[str], Sequence[str]] = lambda _: ()  # plans with work whose ids begin so
        self.waiting: dict[str, str] = {}  # playbooks whose new plans wait for the operator, and why
        self.held = ""  # why nothing may begin: a workspace in quarantine (KERNEL L6)
        self.trouble = ""  # what stands in the way while `whole` waits, in the operator's words
        self.hearers: list[Callable[[str], None]] = []  # told in a sentence what stops all plans, and that it ended
        self.warned: deque[tuple[str, str]] = deque(maxlen=WARNED)  # what the operator is told unasked, once we look
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._rested: OrderedDict[str, None] = OrderedDict()
        self._ended: Kept[Plan] = Kept(ENDED_IN_MEMORY)
        self._graphs: OrderedDict[str, Graph] = OrderedDict()
        self._kept: tuple[Definition, BlobRef, int] | None = None
        self._queued: dict[str, int] = {}  # appends on their way to disk, per plan
        self._busy: dict[str, set[str]] = {}  # paths whose work has begun, per plan
        self._tasks: dict[object, asyncio.Task[None]] = {}  # by a mark that each takes itself out by
        self._stopping = False
        self._whole = asyncio.Event()  # cleared from a commit that failed until the history was read again
        self._whole.set()
        self.is_whole = True  # whether the history need not be read again
        self._unsaved: list[_Outcome] = []
        self.turns = Turns(parts.limits, self.advance, _soon)
        self.admission = Admission(parts.ledger, parts.places)
        self.outside = Outside(parts, self, parts.outside)
        self.effects = Effects(parts, self)
        self.steps = Steps(parts, self, self.effects, self.outside)
        self._beginners: dict[WorkKind, Callable[[Plan, str], None]] = {
            "resolve": self.steps.resolve,
            "run": self.steps.run_again,
            "split": self.steps.children.split,
            "judge": self.steps.children.judge,
            "finish": self.steps.children.finish,
            "batch": self.effects.ask_batch,
            "intend": self.effects.send,
            "settle": self.effects.settle,
            "confirm": self.effects.confirm,
            "compensate": self._compensate,
        }

    # --- plans

    def load(self, plan_id: str) -> Plan:
        """Give a plan as it will be once everything queued is on disk; raises CommandRefusedError when unknown."""
        plan = self._plans.get(plan_id) or self._ended.get(plan_id)
        if plan is None:
            recorded = self.parts.ledger.read(stream_of(plan_id))
            if not recorded:
                raise CommandRefusedError(f"There is no plan {plan_id}.", remedy="`mainstay plans` lists them.")
            proposed = recorded[0].fact
            assert isinstance(proposed, e.PlanProposed)
            plan = fold(plan_id, self.graph(proposed.definition), recorded)
            if plan.live or plan.batches:
                self._remember(plan)
            else:
                self._ended.put(plan_id, plan, 1 + len(plan.slots))  # it is only looked at
        return plan

    def graph(self, definition: BlobRef) -> Graph:
        """Give the graph of a stored definition."""
        graph = self._graphs.get(definition.digest)
        if graph is None:
            data = self.parts.payloads.blobs.get(definition)
            graph = graph_of(data)
            self._graphs[definition.digest] = graph
            if len(self._graphs) > GRAPHS_IN_MEMORY:
                self._graphs.popitem(last=False)
        return graph

    def keep_definition(self, definition: Definition) -> BlobRef:
        """Store a definition; on disk when this returns. Many plans of one playbook in a row store it once."""
        now_us = self.now_us()
        if self._kept is not None and self._kept[0] is definition and now_us - self._kept[2] < KEPT_US:
            return self._kept[1]
        ref = self.parts.payloads.blobs.put(msgspec.msgpack.encode(definition), name=definition.name)
        self._graphs[ref.digest] = self._graphs.get(ref.digest) or Graph(definition)
        self._kept = definition, ref, now_us
        return ref

    # --- commands

    def submit(
        self,
        plan_id: str,
        *commands: c.PlanCommand,
        actor: str = "mainstay",
        cause: str = "",
        beside: Sequence[Append] = (),
    ) -> asyncio.Future[int]:
        """Decide commands for one plan, in order, and queue their facts as one append.

        The future is done when they are on disk. Raises CommandRefusedError, and then nothing is queued.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._append(self._decide([(plan_id, command) for command in commands], actor, cause), beside, done=done)
        except Exception:
            self.parts.budgets.withdraw(beside)
            raise
        return done

    def submit_all(
        self,
        requests: Sequence[tuple[str, c.PlanCommand]],
        *,
        actor: str = "mainstay",
        cause: str = "",
        beside: Sequence[Append] = (),
    ) -> asyncio.Future[int]:
        """Do the same for several plans: all of it or nothing is recorded. `beside` are facts of other streams."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        try:
            self._append(self._decide(requests, actor, cause), beside, done=done)
        except Exception:
            self.parts.budgets.withdraw(beside)
            raise
        return done

    def report(
        self,
        plan: Plan,
        path: str,
        *commands: c.PlanCommand,
        actor: str = "mainstay",
        beside: Sequence[Append] = (),
    ) -> None:
        """Hand in what became of the work at `path`; its plan may have ended meanwhile, then it no longer counts."""
        self.release(plan.id, path)
        slot = plan.slots.get(path)
        cause = f"plan:{plan.id}@{slot.since if slot is not None else plan.sequence}"
        try:
            self._append(self._decide([(plan.id, command) for command in commands], actor, cause), beside)
        except Exception as error:
            # Whatever it was, nothing was queued: what a budget moved beside it is not so either.
            self.parts.budgets.withdraw(beside)
            if not isinstance(error, CommandRefusedError) or is_open(self.load(plan.id), path):
                raise
            self.advance(plan.id)
            self._tell(plan.id, (), plan)

    def _decide(self, requests: Sequence[tuple[str, c.PlanCommand]], actor: str, cause: str) -> Stage:
        stage = Stage(self.parts, self, actor, cause, requests)
        for plan_id, command in requests:
            stage.decide(plan_id, told(command, plan_id, self.load, self.parts.payloads))
        return stage

    def _append(
        self,
        stage: Stage,
        beside: Sequence[Append],
        waited_for: Iterable[str] = (),
        done: asyncio.Future[int] | None = None,
    ) -> None:
        """Queue what was decided; `done` gives the position once it is on disk."""
        try:
            if stage.has_ends:
                self.outside.note_ends(stage)
            if self.waiting:
                self._pause_new(stage)
            places = self.admission.settle(stage, waited_for) if stage.has_keys or waited_for else ()
            appends = [*stage.appends(), *places, *beside]
            if not appends:
                _settle(done, 0, None)
                return
            told = partial(self._committed, stage, done)
            self.parts.ledger.queue(appends, told, awaited=done is not None)
        except Exception:  # only what this one moved is taken back: others may be on their way to disk
            self.admission.withdraw(stage)
            self.outside.withdraw(stage)
            raise
        for plan in stage.plans.values():
            self._remember(plan)
            self._queued[plan.id] = self._queued.get(plan.id, 0) + 1

    def _pause_new(self, stage: Stage) -> None:
        for plan_id, plan in list(stage.plans.items()):
            why = "" if plan.parent else self.waiting.get(plan.playbook, "")
            approved = any(isinstance(fact, e.PlanApproved) for fact in stage.facts.get(plan_id, ()))
            if why and approved and plan.paused_at_us is None and plan.status in ("approved", "running"):
                stage.decide(plan_id, c.PausePlan(now_us=stage.now_us, by=THROTTLE, reason=why))

    def _committed(
        self, stage: Stage, done: asyncio.Future[int] | None, position: int, error: MainstayError | None
    ) -> None:
        """Go on with what is on disk, or forget what is not, and tell who waits for it.

        That is told first: who asked for a plan follows it before anything more of it is on disk.
        """
        for plan_id in stage.plans:
            self._queued[plan_id] -= 1
            if not self._queued[plan_id]:
                del self._queued[plan_id]
        if error is not None:
            try:
                self._discard(stage, error)
            finally:
                _settle(done, position, error)
            return
        if done is not None:
            _settle(done, position, None)
        for plan_id in stage.plans:
            self.advance(plan_id)
        for plan in stage.plans.values():
            if plan.parent:
                self._advance_above(plan, stage)
        self._announce(stage, position)

    def _advance_above(self, plan: Plan, stage: Stage) -> None:
        """Let those go on that a child plan's coming to rest may make room for: its parent, and so on."""
        while plan.parent and (plan.parked or plan.status in RESTING):
            parent_id = plan.parent.partition("/")[0]
            if parent_id not in stage.plans:
                self.advance(parent_id)
            if self._stopping or parent_id in self.broken:
                return
            plan = self.load(parent_id)

    def _announce(self, stage: Stage, position: int) -> None:
        for plan_id, facts in stage.facts.items():
            for fact in facts:
                if type(fact) in DUE_TIMES and self.on_timer is not None:
                    self._hint(fact)
            if self.witnesses:
                self._call(self.witnesses, plan_id, facts, stage.plans[plan_id], position, stage.now_us)
            self._tell(plan_id, facts, stage.plans[plan_id])

    def _tell(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        """Tell who listens."""
        self._call(self.listeners, plan_id, facts, plan)
        if self.followers:
            self._call(self.followers.get(plan_id.partition("-")[0], []), plan_id, facts, plan)

    def _call(self, hearing: list[_Hearing], *news: object) -> None:
        """Tell each. One that can't hear any more (a closed pipe) ends the owner: plans go on at its next."""
        for one in tuple(hearing):
            try:
                one(*news)
            except Exception as error:  # noqa: BLE001 - whatever a screen does must not stop a plan half way
                hearing.remove(one)
                self.fail(error)

    def _hint(self, fact: e.AnyFact) -> None:
        for due_us in due_times(fact):
            assert self.on_timer is not None
            self.on_timer(due_us)
            if waits_online(fact):
                self.on_waits_online()

    def _discard(self, stage: Stage, error: MainstayError) -> None:
        """Forget all that was derived from facts that did not reach the disk (KERNEL L5)."""
        for plan_id in stage.plans:
            self._plans.pop(plan_id, None)
            self._ended.drop(plan_id)
        self.parts.budgets.forget()
        self.admission.forget()
        self.outside.forget()
        if isinstance(error, CommitFailedError):  # what is known of the world outside is not forgotten
            outcomes = [(plan_id, command) for plan_id, command in stage.requests if isinstance(command, _OUTCOMES)]
            self._unsaved += [(plan_id, command, stage.actor, stage.cause) for plan_id, command in outcomes]
        if isinstance(error, (CommitFailedError, ConflictError)):  # a conflict: somebody else writes (FAULTS F12)
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """Stop dispatch because of something the engine can't mend; the owner waits for it and reopens or exits."""
        self._stopping = True
        if isinstance(error, CommitFailedError) and self.mend is not None:
            self.is_whole = False
            self._whole.clear()
            self.mend(error)
        elif self.failed is not None and not self.failed.done():
            self.failed.set_result(error)

    # --- after a commit that failed (KERNEL L5)

    async def whole(self) -> None:
        """Wait while the history is being read again; whoever brings a result from outside waits here with it."""
        await self._whole.wait()

    async def drained(self) -> None:
        """Wait until all that was queued before the failure was told of it."""
        while self._queued:  # noqa: ASYNC110 - what is queued has no event of its own; this is rare and short
            await asyncio.sleep(0.01)

    def say(self, sentence: str) -> None:
        """Tell who watches what stops all plans, or that it ended."""
        for hearer in tuple(self.hearers):
            hearer(sentence)

    def warn(self, sentence: str, cause: str) -> None:
        """Tell what the operator should know though nothing asks: who watches, and who tells them unasked.

        `cause` is the id of the fact that it is about: each is told once.
        """
        self.warned.append((sentence, cause))
        self.say(sentence)

    def reset(self) -> None:
        """Go on after the history was read again: all that was derived is forgotten, outcomes are recorded anew.

        The caller resumes the plans. Work that is still under way keeps its place, and reports when it ends.
        """
        self._plans.clear()
        self._rested.clear()
        self._ended.clear()
        self.parts.budgets.forget()
        self.admission.forget()
        self.outside.forget()
        self._busy.clear()
        for task in self._tasks.values():
            plan_id, _, path = task.get_name().partition("/")
            self._busy.setdefault(plan_id, set()).add(path)
        self.turns.keep(self._busy)
        self._stopping = False
        self.trouble = ""
        unsaved, self._unsaved = self._unsaved, []
        for outcome in unsaved:
            self._save_again(*outcome)
        self.is_whole = True
        self._whole.set()

    def _save_again(self, plan_id: str, command: Any, actor: str, cause: str) -> None:  # noqa: ANN401 - an outcome
        """Record an outcome whose commit failed, unless it is on disk after all."""
        plan = self.load(plan_id)
        slot = plan.slots.get(command.path)
        if slot is None or slot.status not in IN_FLIGHT:
            return
        with contextlib.suppress(CommandRefusedError):
            beside = self.effects.outcomes.settled_beside(plan, command)
            self.submit(plan_id, command, actor=actor, cause=cause, beside=beside)

    # --- work

    def advance(self, plan_id: str) -> None:
        """Begin what a plan has to do, unless facts of it are still on their way to disk.

        A plan that can't be read, or whose history is full, is left alone and stands in `broken`: others go on.
        """
        if self._stopping or self.held or plan_id in self._queued or plan_id in self.broken:
            return
        try:
            plan = self._plans.get(plan_id) or self.load(plan_id)
            busy, limited = self._busy.setdefault(plan_id, set()), self.parts.limits or plan.graph.in_workers
            for work in pending(plan):
                if work.path in busy or (plan.sequence >= FULL_EVENTS and self._full(plan, work)):
                    continue
                if not limited or work.kind not in _LIMITED or self._has_turn(plan, work):
                    busy.add(work.path)
                    self._begin(plan, work)
            if not self._busy.get(plan_id):
                self._busy.pop(plan_id, None)
                if (plan.parked or plan.status in RESTING) and plan_id in self._plans and plan_id not in self._queued:
                    self._rest(plan_id)
                    if self.followers:  # its last work ended after the facts were told: who follows looks once more
                        self._tell(plan_id, (), plan)
        except LedgerError as error:
            self._break(plan_id, error.message)

    def _rest(self, plan_id: str) -> None:
        """Keep a plan that has nothing to do in memory for a little while."""
        self._rested[plan_id] = None
        if len(self._rested) > RESTED_IN_MEMORY:
            self._plans.pop(self._rested.popitem(last=False)[0], None)

    def _has_turn(self, plan: Plan, work: Work) -> bool:
        """Whether work may begin now; what is limited and full waits in line and is begun later (KERNEL P3)."""
        step = plan.step(work.path)
        if not self.parts.limits and step.where != "worker":
            return True
        if step.each is not None and not is_item(work.path):  # the list itself calls nothing
            return True
        target = plan.slots[work.path].operation or step.target
        names = (target, WORKERS) if step.where == "worker" and not is_call(work.path) else (target,)
        return self.turns.take(plan.id, work.path, names, plan.priority)

    def _full(self, plan: Plan, work: Work) -> bool:
        """Whether a plan has no room for this work, its history being nearly full; what is on its way is settled."""
        if work.kind == "settle":
            return False
        self._break(plan.id, f"its history is full; {say_full(plan.id)}")
        return True

    def _break(self, plan_id: str, why: str) -> None:
        self.broken[plan_id] = why
        plan = self._plans.get(plan_id)
        if plan is not None:
            self._tell(plan_id, (), plan)

    def spawn(self, plan: Plan, path: str, work: Coroutine[Any, Any, None]) -> None:
        """Run work that waits for something. An error it does not handle is recorded as its step's."""
        mark, loop = object(), asyncio.get_running_loop()
        self._tasks[mark] = loop.create_task(self._watched(plan, path, work, mark), name=f"{plan.id}/{path}")

    async def _watched(self, plan: Plan, path: str, work: Coroutine[Any, Any, None], mark: object) -> None:
        try:
            await work
        except CommitFailedError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - a mistake of one step must not end the others
            self._baffled(plan.id, path, error)
        finally:
            del self._tasks[mark]

    def _baffled(self, plan_id: str, path: str, error: Exception) -> None:
        """Record that work broke in a way nothing above foresaw: stuck when nothing was sent, else the doubt it is.

        When even that can't be recorded the owner ends with the error: no plan is silently left behind.
        """
        try:
            plan = self.load(plan_id)
            if is_open(plan, path) or plan.slots[path].status in ("intended", "uncertain"):
                self.effects.give_up(plan, path, error)
        except CommandRefusedError as second:  # there is no room to record it
            self._break(plan_id, second.message)
        except Exception as second:  # noqa: BLE001 - reported by the owner
            second.add_note(f"while recording that '{path}' of plan {plan_id} broke: {error}")
            self.fail(second)

    def _begin(self, plan: Plan, work: Work) -> None:
        try:
            self._beginners[work.kind](plan, work.path)
        except CommitFailedError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - as above
            self._baffled(plan.id, work.path, error)

    def _compensate(self, plan: Plan, path: str) -> None:
        if plan.slots[path.removeprefix("~")].children:
            self.steps.children.undo(plan, path)
        else:
            self.effects.compensate(plan, path)

    def release(self, plan_id: str, path: str) -> None:
        """Let the work at a path begin again at the next advance."""
        if (busy := self._busy.get(plan_id)) is not None:
            busy.discard(path)
        if self.turns.taken:
            self.turns.leave(plan_id, path)

    def is_queued(self, plan_id: str) -> bool:
        """Whether facts of a plan are on their way to disk."""
        return plan_id in self._queued

    def queued(self) -> list[Plan]:
        """Give the plans of which facts are on their way to disk, as they will be."""
        return [self._plans[plan_id] for plan_id in self._queued if plan_id in self._plans]

    def is_settled(self, plan_id: str) -> bool:
        """Whether a plan has nothing to do, and neither it nor its child plans anything under way."""
        if plan_id in self.broken:
            return True
        family = {name for name in (*self._queued, *self._busy) if name.startswith(f"{plan_id}-")}
        plan = self.load(plan_id)
        still = plan.parked or plan.status in RESTING or waits_for_children(plan)
        return still and not family and plan_id not in self._queued and not self._busy.get(plan_id)

    def moves_under(self, plan_id: str) -> bool:
        """Whether a child plan, or one of its own, has work that waits for nobody."""
        return any(not waits_for_children(self.load(name)) for name in self.live_under(f"{plan_id}-"))

    # --- the owner's life

    def resume(self, plan_ids: Sequence[str]) -> None:
        """Go on with plans that have work, after a start; let those start that have a place."""
        waited_for = self.admission.waited_for()
        if waited_for:
            stage = Stage(self.parts, self, "mainstay", "")
            stage.now_us = self.now_us()
            self._append(stage, (), waited_for)
        for plan_id in plan_ids:
            self.advance(plan_id)

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more; wait for what is under way, at most `grace_s`; the rest is settled at the next start."""
        self._stopping = True
        grace_s = grace_s if self.is_whole else 0.0  # what can't be recorded is not waited for
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace_s)
        left = tuple(self._tasks.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=grace_s)  # a write in a thread ends before somebody else may own this

    def _remember(self, plan: Plan) -> None:
        self._plans[plan.id] = plan
        self._plans.move_to_end(plan.id)
        self._rested.pop(plan.id, None)
        self._ended.drop(plan.id)  # it goes on, or is taken back
        while len(self._plans) > PLANS_IN_MEMORY:
            oldest = next(iter(self._plans))
            if oldest in self._queued or oldest in self._busy or oldest == plan.id:
                break  # work under way keeps its plan; the next one to end makes room
            del self._plans[oldest]


def _soon(call: Callable[[str], None], name: str) -> None:
    asyncio.get_running_loop().call_soon(call, name)


def _settle(done: asyncio.Future[int] | None, position: int, error: MainstayError | None) -> None:
    """Tell who waits for an append, if anybody does."""
    if done is None or done.done():
        return
    if error is None:
        done.set_result(position)
    else:
        done.set_exception(error)
        done.exception()  # the engine has met it: nothing is lost where nobody looks


def say_full(plan_id: str) -> str:
    """Say what is left to do with a plan whose history is full."""
    return f"end it with `mainstay cancel {plan_id}`; what it did stays, and its playbook run anew does what is left"
