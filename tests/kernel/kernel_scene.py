"""Given a plan, when commands come, then facts.

    given(do("pay")).when(prepare("pay"), intend("pay")).then(e.EffectIntended, e.PlanParked)

After every command the scene also checks all that holds of every plan and every history (kernel_rules.py), that the
history folds to the plan, and that it decides the same again (KERNEL P6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kernel_rules import check_history, check_plan, refold
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Ask, Cel, Definition, Graph, Need, Repeat, Retry, Step, Text
from mainstay.kernel.plan import decide, handle, pending
from mainstay.kernel.replay import replay
from mainstay.kernel.state import Plan
from mainstay.values import SECOND_US, BlobRef, Failure, Value, Verdict

if TYPE_CHECKING:
    from mainstay.kernel.state import Slot

NOW_US = 1_700_000_000 * SECOND_US
ALLOW = Verdict("allow", "reads", "It is allowed.")
ASK = Verdict("ask", "first time", "It is the first time.")
DENY = Verdict("deny", "never", "It is never allowed.")
PERMANENT = Failure("permanent", "no such receiver")
TRANSIENT = Failure("transient", "connection reset")
LOST = Failure("transient", "no answer came")
DEFINITION = BlobRef("definition", 1)
UNDO = e.Undo("demo.unsay", {"word": "x"})


# --- steps


def needs(*names: str) -> tuple[Need, ...]:
    """Read "a" as done, "a?" as optional, "a!" as failed."""
    kinds = {"?": "optional", "!": "failed"}
    return tuple(Need(name.rstrip("?!"), kinds.get(name[-1], "done")) for name in names)


def do(name: str, *need: str, **more: Any) -> Step:
    return Step(name=name, kind="do", target="demo.say", effect="irreversible", needs=needs(*need), **more)


def read(name: str, *need: str, **more: Any) -> Step:
    return Step(name=name, kind="do", target="demo.look", effect="read", needs=needs(*need), **more)


def sub(name: str, *need: str, **more: Any) -> Step:
    return Step(name=name, kind="playbook", target="child", needs=needs(*need), **more)


def loop(name: str, *need: str, most: int = 3, then: Any = "ask", **more: Any) -> Step:
    repeat = Repeat(until=Cel("last.good"), max=most, then=then)
    return Step(name=name, kind="repeat", target="child", needs=needs(*need), repeat=repeat, **more)


def agent(name: str, *need: str, **more: Any) -> Step:
    return Step(name=name, kind="agent", target="think", needs=needs(*need), **more)


def wait(name: str, *need: str, **more: Any) -> Step:
    return Step(name=name, kind="wait", until=Cel("ready_at"), needs=needs(*need), **more)


def ask(
    name: str, *need: str, used: bool = False, due_s: int | None = None, remind_s: tuple[int, ...] = (), **more: Any
) -> Step:
    question = Ask(Text(()), rejection_used=used, due_s=due_s, remind_s=remind_s, **more)
    return Step(name=name, kind="ask", ask=question, needs=needs(*need))


def each(step: Step, **more: Any) -> Step:
    return replace(step, each=Cel("items"), **more)


def once(step: Step) -> Step:
    return replace(step, retry=Retry(attempts=1))


# --- commands; their time is set when the scene takes them


def freeze(path: str, count: int) -> c.FreezeItems:
    return c.FreezeItems(now_us=0, path=path, items=list(range(count)), count=count)


def begin(path: str, *plans: str) -> c.StartChildren:
    return c.StartChildren(now_us=0, path=path, plans=plans or (f"p-{path}",))


def child_ends(path: str, status: str = "completed", plan: str = "", output: Any = None, **more: Any) -> c.FinishChild:
    return c.FinishChild(now_us=0, path=path, plan=plan or f"p-{path}", status=status, output=output, **more)


def judge(path: str, number: int, *, accepted: bool = False) -> c.JudgeRound:
    return c.JudgeRound(now_us=0, path=path, round=number, accepted=accepted)


def finish_plan(ending: str = "", *undo: str, output: Any = None) -> c.FinishPlan:
    return c.FinishPlan(now_us=0, output=output, ending=ending, undo=undo, labels=("demo.say",))


def start(path: str) -> c.StartStep:
    return c.StartStep(now_us=0, path=path, arguments={})


def finish(path: str, attempt: int = 1, output: Any = None) -> c.FinishStep:
    return c.FinishStep(now_us=0, path=path, attempt=attempt, output=output)


def fail(path: str, failure: Failure = PERMANENT, attempt: int = 1, jitter: float = 0.5) -> c.FailStep:
    return c.FailStep(now_us=0, path=path, attempt=attempt, failure=failure, jitter=jitter)


def pose(path: str) -> c.AskStep:
    return c.AskStep(now_us=0, path=path, card={"headline": "Shall we?"})


def prepare(
    path: str, verdict: Verdict = ALLOW, digest: str = "", cannot_undo: str = "", relies: Value = None
) -> c.PrepareEffect:
    return c.PrepareEffect(
        now_us=0,
        path=path,
        operation="demo.say",
        operation_version=1,
        effect="irreversible",
        arguments={"word": "x"},
        digest=digest or f"digest of {path}",
        verdict=verdict,
        card={"headline": "Say x"},
        cannot_undo=cannot_undo,
        relies=relies,
    )


def intend(path: str, verdict: Verdict = ALLOW) -> c.IntendEffect:
    return c.IntendEffect(now_us=0, path=path, token=f"token of {path}", verdict=verdict)


def happen(path: str, undo: e.Undo | None = None, **more: Any) -> c.FinishEffect:
    return c.FinishEffect(now_us=0, path=path, output={"word": "x"}, undo=undo, **more)


def refuse(path: str, failure: Failure = PERMANENT) -> c.RefuseEffect:
    return c.RefuseEffect(now_us=0, path=path, failure=failure, jitter=0.5)


def lose(path: str) -> c.LoseEffect:
    return c.LoseEffect(now_us=0, path=path, failure=LOST)


def absent(path: str) -> c.SettleAbsent:
    return c.SettleAbsent(now_us=0, path=path, how="it is not there")


def ask_settle(path: str) -> c.AskSettle:
    return c.AskSettle(now_us=0, path=path, card={"headline": "Did it?"}, why="no answer came")


def ask_batch(path: str) -> c.AskBatch:
    return c.AskBatch(
        now_us=0, path=path, card={"headline": "All of these?"}, rule="batch", why="The playbook asks once."
    )


def rule(number: int, choice: str, **more: Any) -> c.Rule:
    return c.Rule(now_us=0, decision=f"p.{number}", choice=choice, by="operator", **more)


def timer(kind: Any, path: str = "", generation: int = 0) -> c.TimerDue:
    return c.TimerDue(now_us=0, kind=kind, path=path, generation=generation)


def cancel() -> c.CancelPlan:
    return c.CancelPlan(now_us=0, by="operator", reason="no longer wanted")


def undo() -> c.UndoPlan:
    return c.UndoPlan(now_us=0, by="operator", reason="a mistake")


def sent(path: str) -> tuple[c.PlanCommand, ...]:
    """An effect on its way, by policy's leave."""
    return prepare(path), intend(path)


def carried_out(path: str, undo: e.Undo | None = UNDO, **more: Any) -> tuple[c.PlanCommand, ...]:
    return *sent(path), happen(path, undo, **more)


def back(path: str) -> tuple[c.PlanCommand, ...]:
    """An outcome that is taken back."""
    return prepare("~" + path), intend("~" + path), happen("~" + path)


def lost(path: str) -> tuple[c.PlanCommand, ...]:
    """An effect that may have happened, and the question whether it did."""
    return *sent(path), lose(path), ask_settle(path)


# --- the scene


def proposed(*steps: Step, expires_in_s: int | None = None, **more: Any) -> Scene:
    """A plan that nobody has approved."""
    scene = Scene(Graph(Definition(name="demo", title="Demo", steps=steps, **more)))
    expires = None if expires_in_s is None else NOW_US + expires_in_s * SECOND_US
    propose = c.ProposePlan(
        now_us=0, definition=DEFINITION, playbook="demo", title="Demo", inputs=None, expires_at_us=expires
    )
    return scene.when(propose)


def given(*steps: Step, expires_in_s: int | None = None, **more: Any) -> Scene:
    """A plan that runs."""
    return proposed(*steps, expires_in_s=expires_in_s, **more).when(c.ApprovePlan(now_us=0, by="operator"))


class Scene:
    """A plan, its history, and the facts of the last command."""

    def __init__(self, graph: Graph, plan_id: str = "p", number: int = 0) -> None:
        self.plan = Plan(plan_id, graph, kernel=number)  # it will start under the semantics of this number
        self.now_us = NOW_US
        self.history: list[tuple[e.PlanFact, int]] = []
        self.turns: list[int] = [0]  # lengths of the history between commands: what one append holds
        self.last: tuple[e.PlanFact, ...] = ()

    def when(self, *commands: c.PlanCommand) -> Scene:
        for command in commands:
            self._take(replace(command, now_us=self.now_us))
        return self

    def _take(self, command: c.PlanCommand) -> None:
        turn = handle(self.plan, command)
        assert decide(self.plan, command) == tuple(turn.facts), "decided alike on the same plan"
        self.last = tuple(turn.facts)
        self.history += [(fact, self.now_us) for fact in turn.facts]
        self.turns.append(len(self.history))
        self.plan = turn.plan
        check_plan(self.plan)

    def later(self, seconds: float) -> Scene:
        self.now_us += int(seconds * SECOND_US)
        return self

    def refuses(self, command: c.PlanCommand, why: str) -> Scene:
        with pytest.raises(CommandRefusedError, match=why):
            handle(self.plan, replace(command, now_us=self.now_us))
        return self

    def ignores(self, command: c.PlanCommand) -> Scene:
        assert decide(self.plan, replace(command, now_us=self.now_us)) == ()
        return self

    def then(self, *expected: type[e.Fact] | e.Fact) -> Scene:
        """Hold the facts of the last command against these, in order: whole facts, or just their kinds."""
        named = [
            fact if isinstance(want, e.Fact) else type(fact) for fact, want in zip(self.last, expected, strict=False)
        ]
        assert [*named, *self.last[len(expected) :]] == list(expected)
        self.check()
        return self

    def stands(self, status: str, **slots: str) -> Scene:
        assert self.plan.status == status
        for name, expected in slots.items():
            slot = self.plan.slots.get(name)
            assert (slot.status if slot is not None else "later") == expected, name
        self.check()
        return self

    def slot(self, path: str) -> Slot:
        return self.plan.slots[path]

    def fact(self, kind: type[e.Fact]) -> Any:
        """The latest fact of a kind."""
        return next(fact for fact, _ in reversed(self.history) if isinstance(fact, kind))

    def work(self) -> list[tuple[str, str]]:
        return [(work.kind, work.path) for work in pending(self.plan)]

    def recorded(self) -> list[e.Recorded]:
        return [
            e.Recorded(at, "plan:p", at, type(fact).__name__, 1, at_us, "mainstay", "", self.plan.id, fact)
            for at, (fact, at_us) in enumerate(self.history, 1)
        ]

    def check(self) -> None:
        assert refold(self.plan.id, self.plan.graph, self.history) == self.plan
        check_history([fact for fact, _ in self.history])
        replayed = replay(self.plan.id, self.plan.graph, self.recorded())
        assert replayed.same, f"{replayed.position}: {replayed.difference}"
