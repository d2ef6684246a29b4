"""What a ready step does: its condition, list and arguments are evaluated, then it runs, asks, waits or fans out.

Agents and reads leave no trace in the world, so a crash in the middle just runs them again. Effects go to
`effects.py`, the choke point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from mainstay import commands as c
from mainstay.contracts import AgentContract, AgentResult, Operation, from_plain, to_plain
from mainstay.errors import (
    CommandRefusedError,
    CommitFailedError,
    Forbidden,
    MainstayError,
    MissingVersion,
    OperationError,
    Permanent,
    Transient,
)
from mainstay.kernel.forking import adopted_part
from mainstay.kernel.state import is_call
from mainstay.runtime.asking import ask
from mainstay.runtime.attempt import Attempt, in_time_of_step, judged
from mainstay.runtime.children import Children
from mainstay.runtime.metering import Meter
from mainstay.runtime.names import Names, to_be_edited
from mainstay.runtime.proposing import place_in, proposed
from mainstay.runtime.talks import POLICY_WAYS, Conversation, in_worker, step_time
from mainstay.runtime.trails import Trails
from mainstay.values import Failure, Value, merge_labels, say_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mainstay.events import Append
    from mainstay.kernel.graph import Cel, Step
    from mainstay.kernel.state import Plan
    from mainstay.runtime.attempt import Desk
    from mainstay.runtime.effects import Effects
    from mainstay.runtime.outside import Outside
    from mainstay.runtime.parts import Parts
    from mainstay.values import Labels


class Steps:
    """Begins the work of steps."""

    def __init__(self, parts: Parts, desk: Desk, effects: Effects, outside: Outside) -> None:
        """Take the parts, the engine's desk, the effects, and what comes from outside."""
        self._parts = parts
        self._desk = desk
        self._effects = effects
        self._outside = outside
        self._trails = Trails(parts, desk.load)
        self.children = Children(parts, desk, self._failed)

    def resolve(self, plan: Plan, path: str) -> None:
        """Evaluate what a ready step needs, and begin it. A mistake in an expression fails the step as a bug."""
        own = plan.graph.steps.get(path)
        if own is None and is_call(path):
            self._effects.prepare_call(plan, path)
            return
        step = own or plan.step(path)
        names = Names(self._parts, plan, path)
        try:
            if own is not None and (own.when is not None or own.each is not None):
                begun = plan.slots[path].children  # a further round, or tried again: it was let in once
                if not begun and self._settled_before_it_begins(plan, path, own, names):
                    return
            self._begin(plan, path, step, names)
        except CommitFailedError:  # no mistake of the step: the engine waits until the disk can be written again
            raise
        except (MainstayError, msgspec.ValidationError) as error:
            self._failed(plan, path, error)

    def _settled_before_it_begins(self, plan: Plan, path: str, step: Step, names: Names) -> bool:
        """Skip it or freeze its list, where the playbook says so."""
        now_us = self._desk.now_us()
        if step.when is not None and names.value(step.when) is not True:
            why = f"its condition was not met: {step.when.source}"
            self._desk.report(plan, path, c.SkipStep(now_us=now_us, path=path, why=why, labels=names.labels))
            return True
        if step.each is None:
            return False
        if (part := adopted_part(plan, path)) is not None:
            labels = merge_labels(names.labels, part.labels)
            freeze = c.FreezeItems(now_us=now_us, path=path, items=part.items, count=len(part.places), labels=labels)
            self._desk.report(plan, path, freeze)
            return True
        items = names.value(step.each)
        if not isinstance(items, list):
            raise Permanent(f"'{path}' goes over a list, and {step.each.source} gave none")
        kept = self._parts.payloads.keep(items, plan=plan)
        command = c.FreezeItems(now_us=now_us, path=path, items=kept, count=len(items), labels=names.labels)
        self._desk.report(plan, path, command)
        return True

    def _begin(self, plan: Plan, path: str, step: Step, names: Names) -> None:
        if step.kind == "ask":
            ask(self._parts, self._desk, self._trails, plan, path, step, names)
        elif step.kind == "wait":
            self._outside.wait(plan, path, step, names)
        elif step.kind in ("playbook", "repeat"):
            self.children.begin(plan, path, step, names.labels)
        else:
            slot = plan.slots[path]
            if slot.edited:  # what was not changed came from where it comes from
                to_be_edited(names, step)
            arguments = self._parts.payloads.load(slot.arguments) if slot.edited else names.value(step.arguments)
            labels = merge_labels(names.labels, slot.labels, ("operator",)) if slot.edited else names.labels
            if step.kind == "agent":
                if slot.feedback and isinstance(arguments, dict):
                    given = arguments.get("feedback")
                    said: list[Value] = [*(given if isinstance(given, list) else []), *slot.feedback]
                    arguments = dict[str, Value](arguments, feedback=said)
                    labels = merge_labels(labels, ("operator",))
                self._agent(plan, path, step, arguments, labels)
            elif step.effect == "read":
                self._read(plan, path, step, arguments, labels)
            else:
                if not slot.edited and self._parts.payloads.is_personal(plan):
                    names.refuse_forgotten(step.arguments)
                self._effects.prepare(plan, path, arguments, labels)

    # --- agents and reads

    def _agent(self, plan: Plan, path: str, step: Step, arguments: Value, labels: Labels) -> None:
        agent = self._parts.catalogue.agent(step.target, step.version)
        if agent.where == "worker":
            self._start(plan, path, arguments, labels)
            return
        assert agent.call is not None
        result = agent.call(from_plain(arguments, agent.input))
        if not isinstance(result, AgentResult) or not isinstance(result.output, agent.output):
            raise Permanent(f"Agent {agent.name} promised an AgentResult with {agent.output.__name__}")
        self._finish_agent(plan, path, step, agent, result, to_plain(result.output), labels, arguments)

    def _read(self, plan: Plan, path: str, step: Step, arguments: Value, labels: Labels) -> None:
        operation = self._parts.catalogue.operation(step.target)
        if operation.defaults and isinstance(arguments, dict):
            arguments = {**operation.defaults, **arguments}
        flow, now_us = self._trails.of_read(plan, path, operation, arguments, labels), self._desk.now_us()
        place = place_in(plan, path, step.account)
        verdict = judged(self._parts, proposed(place, operation.name, "read", arguments, labels, now_us, flow))
        if verdict.decision != "allow":
            raise Forbidden(f"Policy does not let '{path}' read: {verdict.why}", remedy=POLICY_WAYS)
        if operation.where == "worker":
            self._start(plan, path, arguments, labels)
        else:
            self._desk.spawn(plan, path, self._read_in_loop(plan, path, operation, arguments, labels))

    async def _read_in_loop(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, labels: Labels
    ) -> None:
        attempt = Attempt(self._parts, plan.id, "", self._desk.now_us())
        timed = in_time_of_step(plan, path, operation)
        try:
            output = await self._metered(
                plan,
                path,
                operation,
                arguments,
                lambda: self._parts.guard.call(timed, attempt, arguments, account=plan.step(path).account),
            )
        except Exception as error:  # noqa: BLE001 - recorded as the attempt's failure
            self.fail(plan, path, self._failure(error))
            return
        self._finish_read(plan, path, operation, output, arguments, labels)

    async def _metered(
        self, plan: Plan, path: str, operation: Operation, arguments: Value, make: Callable[[], Awaitable[Value]]
    ) -> Value:
        """Make a read under the budgets, where there are any."""
        if not self._parts.budgets.any:
            return await make()
        meter = Meter(self._parts, self._desk, path, "", f"{plan.slots[path].attempt}")
        return await meter.read_by_itself(plan, operation, arguments, make)

    def _start(self, plan: Plan, path: str, arguments: Value, labels: Labels) -> None:
        """Record that a worker begins, then run it: the path stays busy meanwhile."""
        step = plan.step(path)
        called = self._called(step)
        kept = self._parts.payloads.keep(arguments, called.input, plan=plan)
        command = c.StartStep(now_us=self._desk.now_us(), path=path, arguments=kept, labels=labels)
        self._desk.spawn(plan, path, self._started(plan, path, command))

    def _called(self, step: Step) -> AgentContract | Operation:
        catalogue = self._parts.catalogue
        if step.kind == "agent":
            return catalogue.agent(step.target, step.version)
        return catalogue.operation(step.target)

    async def _started(self, plan: Plan, path: str, command: c.StartStep) -> None:
        try:
            await self._desk.submit(plan.id, command, cause=f"plan:{plan.id}@{plan.slots[path].since}")
        except CommandRefusedError:  # the plan ended meanwhile
            self._desk.release(plan.id, path)
            self._desk.advance(plan.id)
            return
        await self._run(self._desk.load(plan.id), path)

    def run_again(self, plan: Plan, path: str) -> None:
        """Run an attempt that a crash cut off, on the arguments recorded for it."""
        self._desk.spawn(plan, path, self._run(plan, path))

    async def _run(self, plan: Plan, path: str) -> None:
        """Run an agent or a read in a worker process."""
        slot, step = plan.slots[path], plan.step(path)
        if slot.status != "running":
            self._desk.release(plan.id, path)
            return
        try:
            contract = self._called(step)
            arguments = self._parts.payloads.load(slot.arguments)
            if isinstance(contract, AgentContract) and contract.talks:
                await self._converse(plan, path, contract, arguments)
                return
            timeout_s = step.timeout_s or contract.timeout_s
            if isinstance(contract, Operation):
                output = await self._metered(
                    plan, path, contract, arguments, lambda: in_worker(self._parts, contract, arguments, timeout_s)
                )
            else:
                output = await in_worker(self._parts, contract, arguments, timeout_s)
        except CommitFailedError:
            raise
        except Exception as error:  # noqa: BLE001 - recorded as the attempt's failure
            self.fail(plan, path, self._failure(error))
            return
        if step.kind == "agent":
            self._finish_worked(plan, path, step, output)
        else:
            self._finish_read(plan, path, self._parts.catalogue.operation(step.target), output, None, slot.labels)

    async def _converse(self, plan: Plan, path: str, agent: AgentContract, arguments: Value) -> None:
        """Run an agent that calls: to its end, or to where it waits for actions (KERNEL J1)."""
        talk = Conversation(self._parts, self._desk, plan, path, agent, self._trails)
        answer, error = None, None
        if talk.mismatch is None:
            try:
                if talk.left_s <= 0:
                    raise Transient(f"It took longer than {say_seconds(step_time(plan, path, agent))} and was stopped.")
                answer = await in_worker(self._parts, agent, arguments, talk.left_s, talk)
            except OperationError as failed:
                error = failed
        await self._desk.whole()
        mismatch = talk.mismatch or (None if error is not None or talk.waits else talk.ended_early())
        if mismatch is not None:
            self.fail(plan, path, mismatch)
        elif error is not None:
            failure, beside = talk.failed(error)
            self.fail(plan, path, failure, beside)
        elif talk.waits:
            commands, entries = talk.calls()
            self._desk.report(plan, path, *commands, actor=f"agent:{agent.name}@{agent.version}", beside=(entries,))
        elif answer is None:
            self._desk.release(plan.id, path)  # its plan ended meanwhile
            self._desk.advance(plan.id)
        else:
            self._finish_worked(plan, path, plan.step(path), answer, talk.labels)

    def _finish_worked(self, plan: Plan, path: str, step: Step, answer: Value, labels: Labels | None = None) -> None:
        """Read an agent's answer from a worker process against its contract."""
        agent = self._parts.catalogue.agent(step.target, step.version)
        try:
            result = from_plain(answer, AgentResult)
            output = to_plain(from_plain(result.output, agent.output))
        except msgspec.ValidationError as error:
            broken = Permanent(f"The result of agent {agent.name} is not what it promised: {error}")
            self.fail(plan, path, self._parts.classify(broken))
            return
        labels = plan.slots[path].labels if labels is None else labels
        self._finish_agent(plan, path, step, agent, result, output, labels)

    def _finish_agent(
        self,
        plan: Plan,
        path: str,
        step: Step,
        agent: AgentContract,
        result: AgentResult,
        output: Value,
        labels: Labels,
        arguments: Value = None,
    ) -> None:
        """Hold an agent's answer against its step's check, and record it."""
        try:
            if step.check is not None:
                self._check(plan, path, step.check, output)
        except MainstayError as error:
            self.fail(plan, path, self._failure(error))
            return
        command = c.FinishStep(
            now_us=self._desk.now_us(),
            path=path,
            attempt=plan.slots[path].attempt + 1,
            output=self._parts.payloads.keep(output, agent.output, plan=plan),
            labels=merge_labels(labels, (f"agent:{agent.name}",)),
            arguments=self._parts.payloads.keep(arguments, agent.input, plan=plan),
            rationale=result.rationale,
            confidence=result.confidence,
            provenance=(f"{agent.name}@{agent.version}", *result.provenance),
        )
        self._desk.report(plan, path, command, actor=f"agent:{agent.name}@{agent.version}")

    def _finish_read(
        self, plan: Plan, path: str, operation: Operation, output: Value, arguments: Value, labels: Labels
    ) -> None:
        try:
            typed = from_plain(output, operation.output)
            plain = to_plain(self._parts.payloads.with_ids(operation, typed, plan))
            if (check := plan.step(path).check) is not None:
                self._check(plan, path, check, plain)
        except CommitFailedError:
            raise
        except (MainstayError, msgspec.ValidationError) as error:
            self.fail(plan, path, self._failure(error))
            return
        command = c.FinishStep(
            now_us=self._desk.now_us(),
            path=path,
            attempt=plan.slots[path].attempt + 1,
            output=self._parts.payloads.keep(plain, operation.output, plan=plan),
            labels=merge_labels(labels, (operation.name,)),
            arguments=None if arguments is None else self._parts.payloads.keep(arguments, operation.input, plan=plan),
            provenance=(f"{operation.name}@{operation.version}",),
        )
        self._desk.report(plan, path, command, actor=f"connector:{operation.name}@{operation.version}")

    def _check(self, plan: Plan, path: str, check: Cel, output: Value) -> None:
        """Hold an output against the check of its step, which its agent's success criteria are part of."""
        if Names(self._parts, plan, path, {"out": output}).value(check) is not True:
            raise Permanent(f"The result of '{path}' did not pass its check: {check.source}")

    # --- questions and waits

    # --- leaves

    def fail(self, plan: Plan, path: str, failure: Failure, beside: Sequence[Append] = ()) -> None:
        """Record that an attempt failed, with facts of other streams beside it."""
        command = c.FailStep(
            now_us=self._desk.now_us(),
            path=path,
            attempt=plan.slots[path].attempt + 1,
            failure=failure,
            jitter=self._parts.random(),
        )
        self._desk.report(plan, path, command, beside=beside)

    def _failed(self, plan: Plan, path: str, error: BaseException) -> None:
        self.fail(plan, path, self._failure(error))

    def _failure(self, error: BaseException) -> Failure:
        if isinstance(error, MainstayError) and not isinstance(error, OperationError):
            error = Permanent(error.message, remedy=error.remedy)
        failure = self._parts.classify(error)
        return replace(failure, cause="MissingVersion") if isinstance(error, MissingVersion) else failure
