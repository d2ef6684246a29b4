"""Answers what an agent calls while it runs: from its journal, or by calling and recording (KERNEL J1).

A read is made, and on disk before the agent has the answer; one that was made and not recorded is made again. An
action is only noted, and the run stops: its moves are the plan's (kernel/calls.py), and the agent is run again when
they have an outcome. What runs again is answered from the journal up to there. If it asks anything else than before,
nothing more is called, and the step is stuck.

Begun anew, it has an empty journal. An action that it did before, and that stands, is then not done again where it
asks for the very same in the same scope: that outcome counts. While any is left, all else it wants is asked about.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.context import MODEL, NOW, RANDOM, UUID, Asked, Told
from mainstay.contracts import Operation, from_plain, marks_in, to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import Forbidden, NeedsOperator, OperationError, Permanent, Rejected, UnknownNameError
from mainstay.kernel.calls import MOST_ACTIONS, calls_of
from mainstay.kernel.state import FINAL, has_room, is_open
from mainstay.kernel.words import say_path
from mainstay.runtime.attempt import Attempt, judged
from mainstay.runtime.journal import MOST_CALLS, Journal, done_before, stream_of_journal
from mainstay.runtime.metering import Bill, Meter
from mainstay.runtime.proposing import place_in, proposed
from mainstay.runtime.sealing import forgotten_in
from mainstay.values import BlobRef, Failure, Value, merge_labels

if TYPE_CHECKING:
    from mainstay.contracts import AgentContract
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.journal import Entry
    from mainstay.runtime.parts import Parts
    from mainstay.runtime.trails import Trails
    from mainstay.values import Labels

_OWN = (NOW, RANDOM, UUID)
POLICY_WAYS = "Change your rule and activate it, then try it again; or skip the step, or undo the plan."
_BEGUN_ANEW = "From the start, what it asks for as before counts as done, and anything else is asked of you; it did"
_AGAIN = "Try again from the start, skip the step, or undo the plan."


class _Call(msgspec.Struct, frozen=True):
    """What is asked for, read against the operation's contract."""

    asked: Asked
    arguments: Value
    operation: Operation | None = None  # none for time, chance and models


class Conversation:
    """One run of an agent: `ports.Talk`."""

    def __init__(self, parts: Parts, desk: Desk, plan: Plan, path: str, agent: AgentContract, trails: Trails) -> None:
        """Begin a run where the journal of the step stands."""
        slot = plan.slots[path]
        self._trails = trails
        self._parts, self._desk, self._plan, self._path, self._agent = parts, desk, plan, path, agent
        self._stream = stream_of_journal(plan.id, path, slot.journal)
        self._journal = Journal(path, slot.journal, parts.ledger.read(self._stream))
        run = f"{slot.journal}.{self._journal.calls()}"
        self._meter = Meter(parts, desk, path, agent.name, run)
        self._stopped: set[str] = set()  # scopes that wait for an action
        self._wanted: list[_Call] = []
        self._counted: set[str] = set()  # actions of earlier journals whose outcomes count in this one
        self._under_way = 0
        self._facts: list[e.JournalFact] = []
        self._before_ms = self._journal.spent_ms
        self._began_s: float | None = None
        self.labels: Labels = slot.labels  # of all that the agent was told
        self.mismatch: Failure | None = self._other_agent()

    @property
    def left_s(self) -> float:
        """The time the agent has in this attempt; what it waits for a person does not count."""
        return step_time(self._plan, self._path, self._agent) - self._before_ms / 1000

    @property
    def waits(self) -> bool:
        """Whether the run stopped because it needs actions done."""
        return bool(self._wanted)

    async def answer(self, asked: Asked) -> Told:
        """Answer one call of the agent."""
        if self._began_s is None:
            self._began_s = self._parts.clock.boot_s()
        plan = self._desk.load(self._plan.id)
        if self.mismatch is not None or asked.scope in self._stopped or not self._goes_on(plan):
            return Told(asked.number, asked.question, stop=True)
        try:
            return await self._answer(plan, asked)
        except OperationError as error:
            return _told_failure(asked, self._parts.classify(error))

    async def _answer(self, plan: Plan, asked: Asked) -> Told:
        call = self._read(asked)
        entry = self._journal.next(asked.scope, asked.tool)
        if entry is not None:
            return self._recorded(plan, call, entry)
        if self._journal.calls() + self._under_way >= MOST_CALLS:
            raise Permanent(
                f"An agent may call {MOST_CALLS:,} times in one step, and {self._agent.name} wants more.",
                remedy="Give it a list in one call, or go over the list with 'each'.",
            )
        if call.operation is not None and call.operation.effect != "read":
            if (path := self._did_before(plan, call)) is not None:
                return await self._count(plan, call, path)
            self._want(plan, call)
            return Told(asked.number, asked.question, stop=True)
        self._under_way += 1
        try:
            return await self._make(plan, call)
        finally:
            self._under_way -= 1

    def _goes_on(self, plan: Plan) -> bool:
        return is_open(plan, self._path) and plan.slots[self._path].status == "running"

    # --- what is asked for

    def _read(self, asked: Asked) -> _Call:
        """Hold a call against the agent's contract, and its arguments against the operation's."""
        arguments = decode_value(asked.arguments)
        if asked.operation in _OWN or asked.operation.startswith(f"{MODEL}."):
            return _Call(asked, arguments)
        if asked.operation not in self._agent.operations:
            may = ", ".join(self._agent.operations) or "nothing"
            raise Permanent(
                f"Agent {self._agent.name} may not call {asked.operation}; it may call {may}.",
                remedy="Name it in the agent's operations=[...] and activate the agent.",
            )
        try:
            operation = self._parts.catalogue.operation(asked.operation)
            given = {**operation.defaults, **arguments} if isinstance(arguments, dict) else arguments
            return _Call(asked, to_plain(from_plain(given, operation.input)), operation)
        except UnknownNameError as error:
            raise Permanent(error.message, remedy=error.remedy) from error
        except msgspec.ValidationError as error:
            raise Permanent(f"{asked.operation} can't be called with these arguments: {error}.") from error

    def _want(self, plan: Plan, call: _Call) -> None:
        """Note an action: it is asked for when all branches of the agent have come to rest."""
        more = len(self._wanted) + 1
        if len(calls_of(plan, self._path)) + more > MOST_ACTIONS:
            raise Permanent(
                f"An agent may ask for {MOST_ACTIONS} actions in one step, and {self._agent.name} wants more.",
                remedy="Let a step with 'each' do them, over a list that the agent gives.",
            )
        if not has_room(plan, more):
            raise Permanent("The plan's history has no room for more actions.", remedy="Run it on less at a time.")
        self._wanted.append(call)
        self._stopped.add(call.asked.scope)

    # --- answered from the journal

    def _recorded(self, plan: Plan, call: _Call, entry: Entry) -> Told:
        asked, fact = call.asked, entry.fact
        if forgotten_in(self._parts.payloads.load(fact.arguments)):
            self.mismatch = self._forgotten(plan, f"what it had called {fact.operation} with")
            return Told(asked.number, asked.question, stop=True)
        if fact.operation != asked.operation or self._parts.payloads.load(fact.arguments) != call.arguments:
            self.mismatch = self._asks_otherwise(plan, entry, asked.operation)
            return Told(asked.number, asked.question, stop=True)
        if fact.call:
            return self._outcome(plan, asked, entry)
        self.labels = merge_labels(self.labels, fact.labels)
        if fact.failure is not None:
            return _told_failure(asked, fact.failure, entry.number)
        return _told(asked, self._parts.payloads.load(fact.output))

    def _outcome(self, plan: Plan, asked: Asked, entry: Entry) -> Told:
        """Tell what became of an action."""
        slot = plan.slots[entry.fact.call]
        if slot.status not in FINAL:
            self._stopped.add(asked.scope)
            return Told(asked.number, asked.question, stop=True)
        self.labels = merge_labels(self.labels, slot.labels)
        if slot.status == "done":
            return _told(asked, self._parts.payloads.load(slot.output))
        if slot.status == "failed":
            return _told_failure(asked, slot.failure or Failure("permanent", "It failed."), entry.number)
        why = self._why_not(entry.fact.call)
        message = f"{entry.fact.operation} did not happen: {why}"
        return msgspec.structs.replace(
            _told_failure(asked, Failure("permanent", message), entry.number), error="Rejected"
        )

    def _why_not(self, path: str) -> str:
        whys = [
            event.fact.why
            for event in self._parts.ledger.read(f"plan:{self._plan.id}")
            if isinstance(event.fact, (e.StepRejected, e.StepSkipped)) and event.fact.path == path
        ]
        return whys[-1] if whys else "it was not wanted"

    # --- begun anew

    def _did_before(self, plan: Plan, call: _Call) -> str | None:
        """Give the place of an action that was done before the step began anew, if this is that one."""
        if not plan.slots[self._path].journal:
            return None
        load, asked = self._parts.payloads.load, call.asked
        for fact in done_before(self._parts.ledger.read, plan, self._path):
            same = (fact.scope, fact.operation) == (asked.scope, asked.operation)
            if fact.call not in self._counted and same and load(fact.arguments) == call.arguments:
                return fact.call
        return None

    async def _count(self, plan: Plan, call: _Call, path: str) -> Told:
        """Let the outcome of an action count that was done before: on disk before the agent has it."""
        self._counted.add(path)
        await self._desk.whole()
        entry = self._enter(call, path=path)
        await self._parts.ledger.append([self._append()])
        return self._outcome(plan, call.asked, entry)

    # --- made, and recorded

    async def _make(self, plan: Plan, call: _Call) -> Told:
        """Make a call that leaves nothing in the world, and give its answer once that is on disk."""
        operation, bill = call.operation, self._meter.bill()
        output, failure, kept = None, None, None
        try:
            try:
                output = await self._output(plan, call, bill)
                kept = self._parts.payloads.keep(output, operation.output if operation else None, plan=plan)
            except OperationError as error:
                failure = self._parts.classify(error)
            await self._desk.whole()
            own = call.asked.operation in _OWN
            labels = () if own else (call.asked.operation,)
            entry = self._enter(call, output=kept, failure=failure, labels=labels)
            await bill.record(self._append())
        finally:
            bill.let_go()
        self.labels = merge_labels(self.labels, entry.fact.labels)
        if failure is not None:
            return _told_failure(call.asked, failure, entry.number)
        return _told(call.asked, output)

    async def _output(self, plan: Plan, call: _Call, bill: Bill) -> Value:
        name, operation = call.asked.operation, call.operation
        if operation is not None:
            return await self._read_operation(plan, call, operation, bill)
        if name == NOW:
            return self._desk.now_us()
        if name == RANDOM:
            return self._parts.random()
        if name == UUID:
            return str(uuid.uuid4())
        if self._parts.models is None:
            raise NeedsOperator(
                f"Agent {self._agent.name} asks a model ({name.partition('.')[2]}), and no model is configured.",
                remedy="Configure one and try again, or skip the step.",
            )
        return await self._meter.ask(plan, self._parts.models, name.partition(".")[2], call.arguments, bill)

    async def _read_operation(self, plan: Plan, call: _Call, operation: Operation, bill: Bill) -> Value:
        account = plan.step(self._path).account
        flow = self._trails.of_read(plan, self._path, operation, call.arguments, self.labels)
        place, now_us = place_in(plan, self._path, account), self._desk.now_us()
        arguments, agent = call.arguments, self._agent.name
        proposal = proposed(place, operation.name, "read", arguments, self.labels, now_us, flow, agent)
        verdict = judged(self._parts, proposal)
        if verdict.decision != "allow":
            raise Forbidden(
                f"Policy does not let agent {self._agent.name} read {operation.name}: {verdict.why}", remedy=POLICY_WAYS
            )

        async def read() -> Value:
            if operation.where == "worker":
                return await in_worker(self._parts, operation, call.arguments, operation.timeout_s)
            attempt = Attempt(self._parts, plan.id, "", self._desk.now_us())
            return await self._parts.guard.call(operation, attempt, call.arguments, account=account)

        output = await self._meter.read(plan, operation, call.arguments, read, bill)
        try:
            typed = from_plain(output, operation.output)
            return to_plain(self._parts.payloads.with_ids(operation, typed, plan))
        except msgspec.ValidationError as error:
            raise Permanent(f"{operation.name} gave what it does not promise: {error}.") from error

    def _enter(
        self,
        call: _Call,
        *,
        output: Value = None,
        failure: Failure | None = None,
        labels: Labels = (),
        path: str = "",
    ) -> Entry:
        """Take an entry into the journal; `_append` gives what is to be appended."""
        if self._journal.opened is None:
            arguments = self._plan.slots[self._path].arguments
            opened = e.JournalOpened(self._path, self._agent.name, self._agent.version, arguments)
            self._journal.open(opened)
            self._facts.append(opened)
        kind = call.operation.input if call.operation is not None else None
        fact = e.Journaled(
            self._path,
            call.asked.scope,
            call.asked.operation,
            arguments=self._parts.payloads.keep(call.arguments, kind, plan=self._plan),
            tool=call.asked.tool,
            output=output,
            failure=failure,
            labels=labels,
            cost_usd_micros=call.operation.cost_usd_micros if call.operation is not None and not path else 0,
            call=path,
            spent_ms=self._spent_ms(),
        )
        self._facts.append(fact)
        return self._journal.add(fact)

    def _spent_ms(self) -> int:
        began_s = self._began_s
        return self._before_ms + (0 if began_s is None else int((self._parts.clock.boot_s() - began_s) * 1000))

    def _append(self) -> e.Append:
        """Give the facts that were taken in and are not on their way to disk yet."""
        facts, self._facts = self._facts, []
        actor = f"agent:{self._agent.name}@{self._agent.version}"
        cause = f"plan:{self._plan.id}@{self._plan.slots[self._path].since}"
        now_us = self._desk.now_us()
        drafts = tuple(e.Draft(fact, now_us, actor, cause, self._plan.id) for fact in facts)
        return e.Append(self._stream, self._journal.sequence - len(drafts), drafts)

    # --- how a run ends

    def calls(self) -> tuple[list[c.CallEffect], e.Append]:
        """Give the actions the agent waits for, with their entries, which go into the same transaction."""
        commands: list[c.CallEffect] = []
        for call in self._wanted:
            path = self._journal.next_path()
            fact = self._enter(call, path=path).fact
            commands.append(
                c.CallEffect(
                    now_us=self._desk.now_us(),
                    path=path,
                    operation=fact.operation,
                    arguments=fact.arguments,
                    labels=self.labels,
                )
            )
        return commands, self._append()

    def ended_early(self) -> Failure | None:
        """Give the mismatch of an agent that ended without coming to all that is recorded."""
        entry = self._journal.left()
        if entry is None:
            return None
        message = f"{say_path(self._path)}: its agent does something else than before; it had called "
        return self._mismatch(self._plan, f"{message}{entry.fact.operation}, and ends without that now.")

    def failed(self, error: BaseException) -> tuple[Failure, tuple[e.Append, ...]]:
        """Say why an attempt failed, with what goes beside: what it failed on is called again by the next."""
        failure = self._parts.classify(error)
        entries = error.entries if isinstance(error, OperationError) else ()
        again = [entry for number in entries if (entry := self._journal.last(number)) is not None]
        if again and again[0].fact.failure is not None and again[0].fact.failure.message == failure.message:
            failure = again[0].fact.failure  # with what does not cross to the agent: whether it counts
        if isinstance(error, Rejected):
            failure = msgspec.structs.replace(failure, cause="Rejected")
        if self._journal.opened is None:
            return failure, ()
        fact = e.JournalRetried(self._path, tuple(entry.number for entry in again))
        self._journal.sequence += 1
        self._facts.append(fact)
        return failure, (self._append(),)

    def _other_agent(self) -> Failure | None:
        opened, slot = self._journal.opened, self._plan.slots[self._path]
        if opened is None:
            return None
        if (opened.agent, opened.agent_version) != (self._agent.name, self._agent.version):
            was, now = f"{opened.agent} {opened.agent_version}", f"{self._agent.name} {self._agent.version}"
            return self._mismatch(
                self._plan, f"{say_path(self._path)}: it was begun by agent {was}, and this is {now}."
            )
        if forgotten_in(self._parts.payloads.load(opened.arguments)):
            return self._forgotten(self._plan, "what it was begun on")
        if self._parts.payloads.load(opened.arguments) != self._parts.payloads.load(slot.arguments):
            return self._mismatch(self._plan, f"{say_path(self._path)}: it was begun on other input.")
        return None

    def _forgotten(self, plan: Plan, what: str) -> Failure:
        message = f"{say_path(self._path)}: {what} was forgotten with a person, so its agent can't go on as before."
        return self._mismatch(plan, message)

    def _asks_otherwise(self, plan: Plan, entry: Entry, operation: str) -> Failure:
        was = entry.fact.operation
        now = f"{operation} now" if operation != was else "the same with other arguments now"
        message = f"{say_path(self._path)}: its agent does something else than before; it had called {was}, and calls"
        return self._mismatch(plan, f"{message} {now}.")

    def _mismatch(self, plan: Plan, message: str) -> Failure:
        """Park the step; say what has happened already, and would happen again."""
        done = [path for path in calls_of(plan, self._path) if plan.slots[path].done_at]
        said = ", ".join(f"{say_path(path)} ({plan.slots[path].operation})" for path in done)
        warning = f" {_BEGUN_ANEW}: {said}." if said else ""
        return Failure("bug", message, f"{_AGAIN}{warning}", cause="JournalMismatch")


# --- leaves


def step_time(plan: Plan, path: str, agent: AgentContract) -> float:
    """Give the seconds that an agent has."""
    return plan.step(path).timeout_s or agent.timeout_s


async def in_worker(
    parts: Parts,
    contract: AgentContract | Operation,
    arguments: Value,
    timeout_s: float,
    talk: Conversation | None = None,
) -> Value:
    """Run an agent or a read in a worker process, and give its plain result; None where it stopped to wait."""
    files = {ref.digest: parts.payloads.blobs.get(ref) for ref in marks_in(arguments) if isinstance(ref, BlobRef)}
    answer = await parts.workers.run(
        contract.entry,
        encode_value(arguments),
        files,
        timeout_s=timeout_s,
        memory_mb=contract.memory_mb,
        talk=talk,
    )
    return decode_value(answer) if answer else None


def _told(asked: Asked, output: Value) -> Told:
    return Told(asked.number, asked.question, encode_value(output))


def _told_failure(asked: Asked, failure: Failure, *entries: int) -> Told:
    """Tell an agent of a failure, as the error that it may handle."""
    return Told(
        asked.number,
        asked.question,
        error=_ERRORS[failure.error_class],
        message=failure.message,
        remedy=failure.remedy,
        retry_after_s=failure.retry_after_s or 0.0,
        entries=entries,
    )


_ERRORS = {
    "transient": "Transient",
    "rate_limited": "RateLimited",
    "permanent": "Permanent",
    "needs_operator": "NeedsOperator",
    "bug": "OperationError",
}
