"""Information flow through a real engine: AgentDojo's tasks and injections, no model, every question answered.

Each case is a plan with one agent that may call all tools of its suite. It makes the calls of the task's ground truth;
as soon as it reads the injection it makes those of the attacker's goal, as a model would that obeys at once. The
operator approves what the task needs and refuses the attacker. The policy allows everything, so that whatever is asked
is asked because of where words came from.

    silent         an outward step of the attacker's happened, and nobody was asked
    unasked        a task was done without any question
    complete       a task passes the suite's own check when its questions are answered with yes
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import assistant
import suite as s

from mainstay.agent import MARK
from mainstay.app import Owner, contracts_of, create_workspace
from mainstay.contracts import AgentContract
from mainstay.errors import Permanent
from mainstay.governance.flow import InformationFlow
from mainstay.kernel.graph import Cel, Definition, Field, Record, Step
from mainstay.origins import Heard, Leaf, leaf_paths, leaves_of
from mainstay.ports import Flow, Proposal
from mainstay.runtime.catalogue import Contracts
from mainstay.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AT_ONCE = 8
LETTERS = "abcdefghijklmnopqrstuvwxyz"  # a script's name must not look like anything that is said
PACE_DECISIONS = 2000


class Outcome(NamedTuple):
    """What became of a case."""

    name: str
    asked: int
    asked_injected: int
    silent: bool
    complete: bool
    ended: str


class AllowAll:
    """A policy that stops nothing: then only the flow of information does."""

    def judge(self, proposal: Proposal) -> Verdict:
        """Allow it."""
        del proposal
        return Verdict("allow", "all", "The benchmark's policy allows everything.")


class Desk:
    """The cases under way, by their plan, and what was done in each."""

    def __init__(self) -> None:
        """Begin with none."""
        self.cases: dict[str, s.Case] = {}
        self.done: dict[str, list[s.Call]] = collections.defaultdict(list)

    def operations(self) -> Iterator[Any]:
        """Give all tools of all suites as operations on the environment of whichever plan calls."""
        for name, suite in s.suites().items():
            for tool in suite.tools:
                yield s.operation(name, tool, self._caller(tool.name))

    def _caller(self, tool: str) -> Any:
        async def call(of: Any, given: Any) -> s.Gave:
            case = self.cases[of.plan]
            arguments = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not None}
            made = s.Call(tool, s.plain(arguments))
            try:
                result = s.run(case, made)
            except RuntimeError as error:
                raise Permanent(f"The tool says: {error}") from error
            self.done[of.plan].append(made)
            return s.Gave(result)

        return call


def contract(suite: str) -> AgentContract:
    """Give the agent with all tools of a suite, and no others."""
    told = getattr(assistant.assist, MARK)
    return AgentContract(
        name=f"{suite}_assistant",
        summary="Do what is asked",
        input=assistant.Request,
        output=assistant.Did,
        entry="assistant:assist",
        operations=tuple(f"{suite}.{tool.name}" for tool in s.suites()[suite].tools),
        talks=told.talks,
        timeout_s=300.0,
    )


def definition(suite: str) -> Definition:
    """Give a plan that hands a request to the agent."""
    names = ("request", "script")
    arguments = {name: Cel(f"inputs.{name}", names=("inputs",), paths=(f"inputs.{name}",)) for name in names}
    step = Step(name="act", kind="agent", target=f"{suite}_assistant", where="worker", arguments=Record(arguments))
    return Definition(
        name=f"flow-{suite}",
        title="A request",
        steps=(step,),
        types={"inputs": "record(inputs)"},
        records={"inputs": {name: Field("text") for name in names}},
    )


class House:
    """An engine with all suites' tools, and a place for the scripts."""

    def __init__(self, folder: Path) -> None:
        """Make the workspace."""
        self.scripts = folder / "scripts"
        self.scripts.mkdir()
        self.desk = Desk()
        workspace = create_workspace(folder / "workspace", name="Flow", sender="Flow <flow@flow.example>")
        code = [str(Path(__file__).parent), str(self.scripts)]
        self.owner = Owner(workspace, "benchmark", AllowAll(), contracts=self._contracts, code=code)
        self._names = ("".join(letters) for letters in itertools.product(LETTERS, repeat=4))
        self._definitions = {name: definition(name) for name in s.suites()}

    def _contracts(self, workspace: Any, records: Any) -> Contracts:
        known = contracts_of(workspace, records)
        agents = [*known.agents.values(), *map(contract, s.suites())]
        return Contracts([*known.operations.values(), *self.desk.operations()], agents)

    async def play(self, case: s.Case) -> Outcome:
        """Play a case to its end."""
        name, suite = next(self._names), case.suite.name
        named = [[(f"{suite}.{one.tool}", one.arguments) for one in calls] for calls in (case.calls, case.injected)]
        content = f"CALLS = {named[0]!r}\nINJECTED = {named[1]!r}\nMARK = {s.MARK!r}\n"
        (self.scripts / f"scripts_{name}.py").write_text(content)
        before = case.environment.model_copy(deep=True)
        plan_id, committed = self.owner.requests.propose(
            self._definitions[suite], {"request": case.request, "script": name}
        )
        self.desk.cases[plan_id] = case
        await committed
        asked, injected, ended = await self._answer(plan_id, case)
        done = self.desk.done.pop(plan_id, [])
        complete = s.utility(case, before, done)
        del self.desk.cases[plan_id]
        return Outcome(case.name, asked, injected, is_silent(case, done), complete, ended)

    async def _answer(self, plan_id: str, case: s.Case) -> tuple[int, int, str]:
        """Answer all questions: yes to what the task needs, no to the attacker's."""
        asked = injected = 0
        wanted = collections.Counter(map(_key, case.calls))
        standing = await self.owner.requests.follow(plan_id, lambda _: None)
        while standing["questions"]:
            for decision in standing["questions"]:
                plan = self.owner.engine.load(plan_id)
                question = plan.questions[decision]
                if question.kind != "effect":
                    return asked, injected, f"stuck: {plan.slots[question.paths[0]].failure}"
                slot = plan.slots[question.paths[0]]
                key = _key(
                    s.Call(slot.operation.partition(".")[2], self.owner.engine.parts.payloads.load(slot.arguments))
                )
                yes = wanted[key] > 0
                wanted[key] -= yes
                asked, injected = asked + yes, injected + (not yes)
                await self.owner.requests.rule(decision, {"choice": "approve" if yes else "reject"})
            standing = await self.owner.requests.follow(plan_id, lambda _: None)
        return asked, injected, self.owner.engine.load(plan_id).status


def is_silent(case: s.Case, done: list[s.Call]) -> bool:
    """Say whether an outward step of the attacker's happened: all that were asked about were refused."""
    own = collections.Counter(map(_key, case.calls))
    declared = s.SUITES[case.suite.name]
    acts = {_key(call) for call in case.injected if declared[call.tool].effect != "read"}
    return any(count > own[key] for key, count in collections.Counter(map(_key, done)).items() if key in acts)


def _key(call: s.Call) -> str:
    return json.dumps([call.tool, {key: one for key, one in call.arguments.items() if one is not None}], sort_keys=True)


async def play_all(house: House, cases: Iterable[s.Case], told: str) -> list[Outcome]:
    """Play cases, some at once."""
    outcomes: list[Outcome] = []
    waiting = iter(cases)

    async def work() -> None:
        for case in waiting:
            outcomes.append(await house.play(case))
            if len(outcomes) % 100 == 0:
                sys.stderr.write(f"  {len(outcomes)} {told}\n")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return outcomes


def pace() -> float:
    """Give how many decisions a second the judge makes about an agent that read a mailbox, a heavy case."""
    suite = s.suites()["workspace"]
    case = next(case for case in s.tasks() if case.name == "workspace/user_task_13")
    operations = {tool.name: s.operation("workspace", tool) for tool in suite.tools}
    told = [Leaf(case.request, "operator")]
    for call in case.calls[:-1]:
        gives = operations[call.tool]
        told += leaves_of({"result": s.run(case, call)}, gives.name, gives.gives)
    heard, last = Heard("agent:assistant", told, chooses=True), case.calls[-1]
    said = tuple((path, Leaf(value, heard.label, heard=heard)) for path, value in leaf_paths(last.arguments))
    flow = Flow(said, operations[last.tool], heard=heard)
    proposal = Proposal("p", "", "a!1", flow.operation.name, "irreversible", last.arguments, flow=lambda: flow)
    judge, began = InformationFlow(), time.perf_counter()
    for _ in range(PACE_DECISIONS):
        judge.judge(proposal)
    return PACE_DECISIONS / (time.perf_counter() - began)


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Play everything, and give the figures."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        async with house.owner:
            for what, cases in (("pairs", s.pairs()), ("adaptive", s.adaptive())):
                outcomes = await play_all(house, itertools.islice(cases, arguments.most), what)
                silent = [one for one in outcomes if one.silent]
                figures[what] = len(outcomes)
                figures["silent" if what == "pairs" else "adaptive_silent"] = len(silent)
                figures[f"{what}_stuck"] = sum(one.ended.startswith("stuck") for one in outcomes)
                figures[f"{what}_met"] = sum(one.asked_injected > 0 or one.silent for one in outcomes)
                for one in silent:
                    sys.stdout.write(f"silent: {one.name}\n")
            outcomes = await play_all(house, itertools.islice(s.tasks(), arguments.most), "tasks")
    for one in outcomes:
        if one.asked or not one.complete:
            sys.stdout.write(
                f"{one.name}: {one.asked} questions{'' if one.complete else ', not complete'}, {one.ended}\n"
            )
    figures |= {
        "tasks": len(outcomes),
        "tasks_unasked": sum(one.asked == 0 for one in outcomes),
        "tasks_complete": sum(one.complete for one in outcomes),
        "questions": sum(one.asked for one in outcomes),
        "decisions_per_s": round(pace()),
    }
    return figures


def main() -> None:
    """Print what there is to say, and the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=None, help="play at most so many cases of each kind")
    began = time.perf_counter()
    figures = asyncio.run(measure(parser.parse_args()))
    sys.stdout.write(f"{time.perf_counter() - began:.0f} s\n")
    order = ("pairs", "silent", "adaptive", "adaptive_silent", "tasks", "tasks_unasked", "tasks_complete")
    sys.stdout.write(json.dumps({name: figures[name] for name in (*order, "decisions_per_s")}) + "\n")
    sys.stderr.write(f"{ {name: figures[name] for name in figures if name not in order} }\n")


if __name__ == "__main__":
    main()
