"""The state of a plan: what its facts add up to. Frozen; `evolve` makes the next one.

A slot is one unit of work under a path: a step ("book"), one item of it ("book/4"), an action that an agent asked for
inside its step ("draft!3"), or the compensation of any of them ("~book/4"). `live` holds the paths that have work of
their own, now or on its way: it is what makes looking for work cheap, and its emptiness is what parks a plan.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from mainstay.events import Adopted, DecisionKind, Undo
from mainstay.kernel.graph import Graph, Need, Step
from mainstay.values import EffectClass, Failure, Labels, Value

PlanStatus: TypeAlias = Literal[
    "new", "proposed", "approved", "running", "completed", "failed", "cancelled", "expired", "undoing", "undone"
]
SlotStatus: TypeAlias = Literal[
    "ready",  # work: resolve it
    "running",  # an attempt is under way in a worker
    "calling",  # an agent that waits for the actions it asked for
    "splitting",  # work: propose child plans
    "fanned",  # waits for its items or children
    "judging",  # work: hold a round that ended against `until`
    "waiting",  # sleeps until a time
    "backoff",  # sleeps until the next attempt
    "gated",  # prepared; waits for its fellow items to be asked about together
    "asked",  # waits for a person
    "prepared",  # work: may be sent
    "intended",  # on its way
    "delayed",  # may happen, leaves at a time
    "uncertain",  # work: settle it
    "settling",  # uncertain, sleeps until it may be looked up
    "confirming",  # happened; work: read it back
    "unseen",  # happened, sleeps until it is read back again
    "stuck",  # a dead letter, waits for a remedy
    "done",
    "skipped",
    "rejected",
    "failed",
]
FINAL: frozenset[SlotStatus] = frozenset({"done", "skipped", "rejected", "failed"})
LIVE: frozenset[SlotStatus] = frozenset(
    {"ready", "running", "splitting", "judging", "prepared", "intended", "uncertain", "confirming"}
)
IN_FLIGHT: frozenset[SlotStatus] = frozenset({"intended", "uncertain"})
OPEN_PLAN: frozenset[PlanStatus] = frozenset({"proposed", "approved", "running", "undoing"})
# Without work by their status alone: the others are parked by a fact of their own (PlanParked).
RESTING: frozenset[PlanStatus] = frozenset({"new", "proposed", "completed", "undone"})
ENDED: frozenset[PlanStatus] = frozenset({"completed", "failed", "cancelled", "expired"})

GOING: frozenset[PlanStatus] = frozenset({"new", "proposed", "approved", "running"})
FULL_PLAN = 1900  # facts; a history holds 2,000 (KERNEL L8)
FACTS_PER_SLOT = 8  # what one unit of work may still need: outcome, questions, remedies, undo
CALL = "!"  # in a path: what follows is an action that an agent asked for, by its number
END = "="  # path of the work that ends a plan which returns something or has business endings

Duty: TypeAlias = Literal[
    "list",  # a step that fans out: freezes its list
    "run",  # an agent or a read: nothing stays in the world
    "effect",  # acts, in recorded moves
    "undo",  # a compensation, in the same moves
    "child",  # runs a playbook of its own, once or in rounds
    "end",  # works out what the plan returns, and which ending it has
    "ask",
    "wait",
]


class Slot(msgspec.Struct, frozen=True):
    """One unit of work. Only what later decisions need; the rest stays in the ledger."""

    status: SlotStatus
    ready_at_us: int = 0
    since: int = 0  # the plan's sequence at which it came into this status: the cause of what comes next
    attempt: int = 0  # failed attempts so far: it never falls, so that a late answer or timer finds no other one
    forgiven: int = 0  # those of them that count no more, because a person opened the step again or nothing was sent
    held: int = 0  # times in a row that our own pace or breaker kept it here
    generation: int = 0  # of the idempotency token: rises when an effect is known not to have happened
    arguments: Value = None  # resolved ones of a prepared effect, a started attempt, or edited by the operator
    edited: bool = False
    output: Value = None
    rationale: str = ""  # an agent's, with its confidence
    confidence: float | None = None
    labels: Labels = ()
    digest: str = ""  # of the prepared effect
    operation: str = ""
    operation_version: int = 0
    effect: EffectClass | None = None
    account: str = ""
    token: str = ""
    decision: str = ""  # the open question about it
    ruling: str = ""  # the answered question that lets it happen
    undo: Undo | None = None
    cannot_undo: str = ""
    done_at: int = 0  # the plan's sequence at its outcome, or at that of its latest child plan
    failure: Failure | None = None
    items: Value = None
    count: int = 0
    open: int = 0  # items or children that have not ended
    failed_items: int = 0
    children: tuple[str, ...] = ()
    adopted: bool = False  # its output is the value of another plan's step
    awaits: str = ""  # the kind of event that a wait is for
    lost: int = 0  # items that failed inside the child plans of a long list
    rounds: int = 0  # of a feedback loop: those that ended well
    judged: int = 0  # those of them that were held against `until`
    looks: int = 0  # times that an uncertain effect was looked up, or a done one read back
    wakes_at_us: int = 0  # of what sleeps: delayed, settling, unseen
    delayed: bool = False  # it has waited for its time already
    confirm_by_us: int = 0  # what happened has to be seen by then
    journal: int = 0  # of an agent: times that it was begun from the very start, with an empty journal
    relies: Value = None  # how what a prepared effect relies on has to be found as it leaves; None: it does not matter
    idle: int = 0  # child plans that did nothing outside
    feedback: tuple[str, ...] = ()  # of an agent: what a person said of what it made, each time it began anew for that


class Question(msgspec.Struct, frozen=True):
    """An open decision."""

    kind: DecisionKind
    paths: tuple[str, ...]
    binds: tuple[str, ...]
    options: tuple[str, ...]
    due_at_us: int | None = None
    covers: tuple[str, ...] = ()
    reminded: int = 0
    rule: str = ""  # by which it is asked
    asides: int = 0  # times it was put off or noted on


class Plan(msgspec.Struct, frozen=True):
    """A plan, folded. `sequence` is the number of facts folded into it."""

    id: str
    graph: Graph
    sequence: int = 0
    status: PlanStatus = "new"
    playbook: str = ""
    title: str = ""
    inputs: Value = None
    given: Value = None
    labels: Labels = ()
    parent: str = ""
    proposed_at_us: int = 0
    expires_at_us: int | None = None
    slots: dict[str, Slot] = {}
    left: int = 0  # steps that have not ended
    live: dict[str, None] = {}  # paths with work, in the order they came up
    doomed: tuple[str, ...] = ()  # steps whose needs ended in a way that skips them
    batches: tuple[str, ...] = ()  # steps whose prepared items wait for one question
    questions: dict[str, Question] = {}
    covered: dict[str, str] = {}  # later actions that an answer approved already, each once: path to that question
    asked: int = 0  # questions so far
    undo_steps: tuple[str, ...] = ()  # those to be taken back, where it is not all
    stood: PlanStatus = "new"  # where it stood before it was taken back
    fork_of: str = ""  # the plan that this one is a rerun of
    adopted: tuple[Adopted, ...] = ()  # outcomes of that plan, taken over when this one starts
    undo_by: str = ""  # who asked to take it back; empty when nobody did
    undo_left: tuple[str, ...] = ()  # paths still to be taken back, first one first
    not_undone: tuple[str, ...] = ()
    parked: bool = False
    keys: tuple[str, ...] = ()  # limits across plans that it takes a place of
    priority: int = 0
    paused_at_us: int | None = None
    paused_by: str = ""  # who paused it last
    allowed: int | None = None  # of a part of a long list: how many of its items may still fail
    output: Value = None  # what it returned
    out_labels: Labels = ()
    ending: str = ""  # the name of its business ending
    closing: bool = False  # all steps ended, and what its ending takes back is being undone
    kernel: int = 0  # number of the semantics that it started under, and keeps (KERNEL L10); 0: it has not started

    def step(self, path: str) -> Step:
        """The step a path belongs to."""
        return self.graph.steps.get(path) or self.graph.steps[step_name(path)]

    def own_step(self, path: str) -> Step | None:
        """The step whose own work a path is; None of a compensation, and of an action that its agent asked for."""
        own = self.graph.steps.get(path)
        return own if own is not None or path.startswith("~") or is_call(path) else self.graph.steps[step_name(path)]


def step_name(path: str) -> str:
    """The name of the step inside a path: "~book/4" is "book"."""
    return path.removeprefix("~").partition("/")[0].partition(CALL)[0]


def is_call(path: str) -> bool:
    """Whether a path is an action that an agent asked for inside its step (and not its compensation)."""
    return CALL in path and not path.startswith("~")


def caller_of(path: str) -> str:
    """The path of the step whose agent asked for an action."""
    return path.partition(CALL)[0]


def is_item(path: str) -> bool:
    """Whether a path is one item of a fan-out (and neither a compensation nor an action of its agent)."""
    return "/" in path and CALL not in path and not path.startswith("~")


def duty_of(plan: Plan, path: str) -> Duty:
    """What is to be done at a path."""
    step = plan.graph.steps.get(path)
    if step is None:
        if path.startswith("~"):
            return "undo"
        if path == END:
            return "end"
        if is_call(path):
            return "effect"
        step = plan.step(path)
    if step.each is not None and "/" not in path:
        return "list"
    if step.kind == "do":
        return "run" if step.effect == "read" else "effect"
    if step.kind in ("playbook", "repeat"):
        return "child"
    return "run" if step.kind == "agent" else step.kind


def is_open(plan: Plan, path: str) -> bool:
    """Whether the plan works on a path at all: on its steps while it runs, on compensations while it is undone."""
    return plan.status == ("undoing" if path.startswith("~") else "running")


def is_stopped(plan: Plan, slot: Slot) -> bool:
    """Whether a step had begun and did nothing yet that counts, when its plan ended: it goes on no more."""
    return plan.status in ENDED and slot.status in ("ready", "splitting", "fanned", "waiting", "backoff", "gated")


def is_over(plan: Plan) -> bool:
    """Whether a plan has ended, its business ending with it; being undone later does not change that."""
    return plan.status not in GOING and not plan.closing


def is_at_rest(plan: Plan) -> bool:
    """Whether a plan has ended and nothing of it moves or waits any more, until a person asks for its undo."""
    return plan.status == "undone" or (plan.status in ENDED and not plan.questions and not holds_places(plan))


def satisfied(slots: dict[str, Slot], need: Need) -> bool:
    """Whether a step that ended did so in the way another needs."""
    return need.kind in ("optional", slots[need.step].status)


def has_work(plan: Plan) -> bool:
    """Whether there is anything to do for a plan now; a paused one only follows what is on its way."""
    if plan.paused_at_us is None:
        return bool(plan.live or plan.batches)
    return any(plan.slots[path].status in IN_FLIGHT for path in plan.live)


def holds_places(plan: Plan) -> bool:
    """Whether a plan holds its places of limits across plans: from its start until nothing of it moves any more."""
    if plan.status in ("running", "undoing"):
        return True
    if plan.status not in ENDED:
        return False
    return bool(plan.live) or plan.undo_by != "" or any(slot.status == "settling" for slot in plan.slots.values())


def in_flight(plan: Plan) -> bool:
    """Whether an effect was sent, or may have been, and has no outcome yet."""
    return any(slot.status in IN_FLIGHT or slot.status == "settling" for slot in plan.slots.values()) or any(
        question.kind == "settle" for question in plan.questions.values()
    )


def has_room(plan: Plan, more: int = 0) -> bool:
    """Whether a plan's history has room for all it may still need, with so many more units of work."""
    return plan.sequence + FACTS_PER_SLOT * (len(plan.slots) + more) <= FULL_PLAN
