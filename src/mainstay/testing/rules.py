"""What must hold inside histories, read from their facts: who was asked, what came first, what is still held."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mainstay import events as e
from mainstay.governance.budgets import CALL
from mainstay.kernel import budget
from mainstay.kernel.plan import evolve
from mainstay.kernel.state import FINAL, Plan
from mainstay.runtime.bounces import PREFIX as BOUNCES
from mainstay.values import following_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mainstay.events import Recorded
    from mainstay.kernel.graph import Graph, Need
    from mainstay.testing.world import Returned

_BEGINS = (e.EffectPrepared, e.StepStarted, e.StepCompleted, e.WaitStarted, e.ItemsFrozen, e.ChildrenStarted)
_YES = "approve"
ONE_AT_A_TIME = ("limit:key:", "limit:playbook:")  # streams of limits that are all of one plan in simulated workspaces


class _Prepared(NamedTuple):
    """The last preparation of an effect."""

    digest: str
    ruling: str


def order(name: str, graph: Graph, facts: Sequence[Recorded]) -> Iterator[str]:
    """No step begins before what it needs ended in the way it needs."""
    plan, begun = Plan(name, graph), set[str]()
    for event in facts:
        fact = event.fact
        if isinstance(fact, e.StepRevised):
            begun -= {fact.path, fact.because}
        path = fact.path if isinstance(fact, _BEGINS) else ""
        if path and path not in begun and path in graph.steps:
            begun.add(path)
            for need in graph.steps[path].needs:
                if not _is_met(plan, need):
                    yield f"plan {name}: '{path}' began while '{need.step}' is {_status(plan, need)}"
        plan = evolve(plan, fact, event.recorded_at_us)  # pyright: ignore[reportArgumentType] - a plan's own fact


def _is_met(plan: Plan, need: Need) -> bool:
    status = _status(plan, need)
    return status in FINAL if need.kind == "optional" else status == need.kind


def _status(plan: Plan, need: Need) -> str:
    return plan.slots[need.step].status if need.step in plan.slots else "ready"


def rulings(name: str, graph: Graph, facts: Sequence[Recorded]) -> Iterator[str]:
    """What is asked about leaves on a yes to exactly that, given once, and used for one happening (KERNEL E6).

    A plan that the operator wanted to see first asks about all that it does, whatever policy allows.
    """
    first = graph.definition.ask_first
    asked: dict[str, e.DecisionAsked] = {}
    ruled: dict[str, e.DecisionRuled] = {}
    prepared: dict[str, _Prepared] = {}
    used: set[tuple[str, str]] = set()
    for event in facts:
        match event.fact:
            case e.DecisionAsked() as fact:
                asked[fact.decision] = fact
            case e.DecisionRuled() as fact:
                if fact.decision in ruled:
                    yield f"{fact.decision} was answered twice"
                ruled[fact.decision] = fact
            case e.EffectPrepared() as fact:
                prepared[fact.path] = _Prepared(fact.digest, fact.ruling)
            case e.EffectRefused() | e.EffectAbsent() as fact:
                used = {one for one in used if one[0] != fact.path}
            case e.EffectIntended() as fact if fact.verdict.decision != "allow" or (first and fact.path[0] != "~"):
                if (fact.path, fact.ruling) in used:
                    yield f"plan {name}: {fact.ruling} let '{fact.path}' leave twice"
                used.add((fact.path, fact.ruling))
                why = _not_allowed(fact, prepared[fact.path], asked.get(fact.ruling), ruled.get(fact.ruling))
                if why:
                    yield f"plan {name}: '{fact.path}' left, and {why}"
            case _:
                pass


def _not_allowed(
    intended: e.EffectIntended, prepared: _Prepared, asked: e.DecisionAsked | None, ruled: e.DecisionRuled | None
) -> str:
    if asked is None or ruled is None:
        return "nobody said yes"
    if ruled.choice != _YES:
        return f"{ruled.decision} was answered with {ruled.choice}"
    if prepared.digest in (*asked.binds, *ruled.binds) or prepared.ruling == intended.ruling:
        return ""
    return f"{ruled.decision} was about something else"


def revised(name: str, facts: Sequence[Recorded]) -> Iterator[str]:
    """Work that was sent back is made anew knowing all that was said, and asked about anew (requirement G2)."""
    said: dict[str, list[str]] = {}  # by the agent's step
    made: set[str] = set()
    makers: dict[str, str] = {}  # by what asked about it
    asked: dict[str, set[str]] = {}  # by the same: questions since it was sent back
    for event in facts:
        match event.fact:
            case e.StepRevised() as fact:
                said.setdefault(fact.path, []).append(fact.said)
                made.discard(fact.path)
                makers[fact.because], asked[fact.because] = fact.path, set()
            case e.StepStarted() as fact if fact.path in said:
                told = fact.arguments.get("feedback") if isinstance(fact.arguments, dict) else None
                if told != said[fact.path]:
                    yield f"plan {name}: '{fact.path}' was made anew without what was said of it"
            case e.StepCompleted() as fact:
                made.add(fact.path)
            case e.DecisionAsked() as fact if fact.paths[0] in makers:
                if makers[fact.paths[0]] not in made:
                    yield f"plan {name}: '{fact.paths[0]}' was asked about before that was made anew"
                asked[fact.paths[0]].add(fact.decision)
            case e.EffectIntended() as fact if fact.path in makers and fact.ruling not in asked[fact.path]:
                yield f"plan {name}: '{fact.path}' left on what was said before it was made anew"
            case _:
                pass


def held(streams: Mapping[str, Sequence[Recorded]], *, cut: bool = False) -> Iterator[str]:
    """When all is over no plan holds a place, and no effect a part of a budget (KERNEL T2).

    What a call of an agent held that was cut off, by a death or a disk that failed, is charged by whoever reads the
    budget next; until then it counts as spent.
    """
    for stream, events in streams.items():
        folded, places = budget.Budget(), Counter[str]()
        for event in events:
            fact = event.fact
            if isinstance(fact, (e.BudgetReserved, e.BudgetSettled, e.BudgetRaised, e.BudgetWarned, e.BudgetKept)):
                folded = budget.evolve(folded, fact)
            elif isinstance(fact, (e.PlaceTaken, e.PlaceLeft)):
                places[fact.plan] += 1 if isinstance(fact, e.PlaceTaken) else -1
        holds = [holder for holder in folded.holds if not (cut and CALL in holder)]
        if holds and following_stream(stream) not in streams:
            yield f"{stream}: {', '.join(holds)} still held"
        for plan, count in places.items():
            if count:
                yield f"{stream}: plan {plan} took its place {count} times more often than it left it"


def crowded(streams: Mapping[str, Sequence[Recorded]], plans: Mapping[str, Sequence[Recorded]]) -> Iterator[str]:
    """A limit of one at a time is held by one plan and those it is part of, or that are part of it (KERNEL T2).

    A plan that is undone waits for nobody.
    """
    undone = {
        name: event.position
        for name, events in plans.items()
        for event in reversed(events)
        if isinstance(event.fact, e.UndoRequested)
    }
    for stream, events in streams.items():
        inside: set[str] = set()
        for event in events if stream.startswith(ONE_AT_A_TIME) else ():
            if isinstance(event.fact, e.PlaceTaken):
                plan = event.fact.plan
                others = [each for each in inside if not _is_part(plan, each) and not _is_part(each, plan)]
                if others and event.position < undone.get(plan, event.position + 1):
                    yield f"{stream}: plan {plan} took a place that {others[0]} held"
                inside.add(plan)
            elif isinstance(event.fact, e.PlaceLeft):
                inside.discard(event.fact.plan)


def _is_part(plan: str, of: str) -> bool:
    return f"{plan}-".startswith(f"{of}-")


def returned(
    plans: Mapping[str, Sequence[Recorded]],
    others: Mapping[str, Sequence[Recorded]],
    said: Sequence[Returned],
) -> Iterator[str]:
    """What servers said of mails of ours is recorded of those, each thing once, and nothing else (requirement G8)."""
    sent = {
        event.fact.token: f"{name}/{event.fact.path}"
        for name, events in plans.items()
        for event in events
        if isinstance(event.fact, e.EffectIntended)
    }
    of_ours = [(sent[token], each.notice.final) for each in said for token in each.tokens if token in sent]
    recorded: dict[str, list[bool]] = {}  # whether for good, in order
    for stream, events in others.items():
        for event in events if stream.startswith(BOUNCES) else ():
            assert isinstance(event.fact, e.MailBounced)
            recorded.setdefault(f"{event.plan}/{event.fact.path}", []).append(event.fact.final)
    for mail, finals in recorded.items():
        if not all((mail, final) in of_ours for final in finals):
            yield f"{mail}: that its mail did not arrive is recorded, and nobody said so"
        if finals not in ([True], [False], [False, True]):
            yield f"{mail}: that its mail did not arrive is recorded {len(finals)} times"
    for mail, final in of_ours:
        if not any(known >= final for known in recorded.get(mail, ())):
            yield f"{mail}: that its mail {'came back' if final else 'is late'} was said, and is not recorded"


def agents_called(facts: Sequence[Recorded]) -> dict[str, str]:
    """Name the actions of agents by the units they are for: their numbers follow the order of answers."""
    calls = [event.fact for event in facts if isinstance(event.fact, e.EffectCalled)]
    return {call.path: str(call.arguments["unit"]) for call in calls if isinstance(call.arguments, dict)}
