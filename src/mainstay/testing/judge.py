"""What must hold when a run is over, whatever befell it. Each finding is a sentence."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mainstay import events as e
from mainstay.kernel.plan import fold
from mainstay.kernel.replay import replay
from mainstay.kernel.state import ENDED, is_call
from mainstay.ledger import database
from mainstay.ledger.reader import READ_TAIL, recorded
from mainstay.requests import gateway
from mainstay.runtime.engine import graph_of
from mainstay.testing import bounds, rules
from mainstay.testing.setting import Setting
from mainstay.testing.shop import contracts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mainstay.contracts import Operation
    from mainstay.events import Recorded
    from mainstay.kernel.graph import Graph
    from mainstay.kernel.state import Plan
    from mainstay.testing.disk import Disk
    from mainstay.testing.world import Happening, World

ALL = 1_000_000
# What is still waited for.
TIMERS = "SELECT plan, path, kind FROM timer ORDER BY plan, path"
AS_IT_IS = Setting()  # a workspace that bounds nothing


class Ending(NamedTuple):
    """How a plan ended with those inside it, as far as a crash must not change it: statuses, and effects by unit."""

    plans: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    happened: tuple[tuple[str, int], ...] = ()


Outcome: TypeAlias = "Mapping[str, Ending]"  # by playbook; in one run no two are of the same


class Ended(NamedTuple):
    """A run that is over, as the judge sees it."""

    plans: dict[str, Plan]
    facts: dict[str, list[Recorded]]
    others: dict[str, list[Recorded]]  # by stream: what is no plan's


def read(disk: Disk) -> Ended:
    """Fold all plans from what is on disk."""
    facts: dict[str, list[Recorded]] = {}
    others: dict[str, list[Recorded]] = {}
    for row in database.rows(disk.connection, READ_TAIL, (0, ALL)):
        event = recorded(row, disk.segments)
        if event.stream.startswith("plan:"):
            facts.setdefault(event.stream.removeprefix("plan:"), []).append(event)
        else:
            others.setdefault(event.stream, []).append(event)
    graphs = {name: _graph(disk, events) for name, events in facts.items()}
    return Ended({name: fold(name, graphs[name], events) for name, events in facts.items()}, facts, others)


def outcome_of(ended: Ended, world: World) -> Outcome:
    """Say how a run ended."""
    return {_named(plan): _ending(plan, ended, world) for plan in ended.plans.values() if not plan.parent}


def unseen(ended: Ended) -> set[str]:
    """Name the plans of which something that happened could not be seen in time: an answer decides how they end."""
    asked = (
        name
        for name, facts in ended.facts.items()
        if any(isinstance(event.fact, e.DecisionAsked) and event.fact.kind == "confirm" for event in facts)
    )
    return {_named(ended.plans[_root(name, ended)]) for name in asked}


def _named(plan: Plan) -> str:
    """Name a plan as in every run of the seed: what a tool asks for has ids that are the same, and no other name."""
    return plan.id if plan.playbook.startswith(gateway.PREFIX) else plan.playbook


def _ending(root: Plan, ended: Ended, world: World) -> Ending:
    if root.status != "completed":  # it went as far as time had it, and so did those inside it
        return Ending((("", root.status, ()),))
    family = list(_family(root, "", ended))
    plans = tuple(sorted((name, plan.status, _slots(plan, ended)) for name, plan in family))
    if any(plan.status != "completed" for _, plan in family):
        return Ending(plans)
    units = [one.unit for one in world.happened if one.unit.removeprefix("~").partition(".")[0] == root.playbook]
    return Ending(plans, tuple(sorted(Counter(units).items())))


def _family(plan: Plan, name: str, ended: Ended) -> Iterator[tuple[str, Plan]]:
    """Give a plan and those inside it, named by where they stand."""
    yield name, plan
    for path, slot in plan.slots.items():
        for number, child in enumerate(slot.children):
            yield from _family(ended.plans[child], f"{name}/{path}.{number}", ended)


def _slots(plan: Plan, ended: Ended) -> tuple[tuple[str, str], ...]:
    units = rules.agents_called(ended.facts[plan.id])
    slots = sorted((units.get(path, path), slot.status) for path, slot in plan.slots.items())
    return tuple(slots) if plan.status == "completed" else ()


def judge(
    disk: Disk,
    world: World,
    ended: Ended,
    told: Mapping[str, str],
    setting: Setting = AS_IT_IS,
    *,
    cut: bool = False,
) -> Iterator[str]:
    """Give all that should not be; `told` are the answers the operator was told are taken, by question."""
    yield from world.findings
    operations = contracts_of(world).operations
    verified = disk.verify()
    if not verified.whole:
        yield f"the chain does not verify: {verified.why}"
    for table in disk.differing():
        yield f"table {table} is not what a rebuild gives"
    yield from _lost(disk)
    yield from _waited_for(disk)
    yield from _unheard(ended, told)
    for plan in ended.plans.values():
        yield from _plan(plan, ended.facts[plan.id], operations)
        yield from rules.order(plan.id, plan.graph, ended.facts[plan.id])
        yield from rules.rulings(plan.id, plan.graph, ended.facts[plan.id])
        yield from rules.revised(plan.id, ended.facts[plan.id])
    yield from _effects(ended, world)
    yield from rules.returned(ended.facts, ended.others, world.returned)
    yield from rules.held(ended.others, cut=cut)
    yield from rules.crowded(ended.others, ended.facts)
    yield from _bounded(ended, setting)


def _bounded(ended: Ended, setting: Setting) -> Iterator[str]:
    """What the workspace bounds was bounded."""
    yield from bounds.throttled(ended.others, ended.facts)
    for rule in setting.throttles:
        assert rule.throttle is not None
        yield from bounds.unthrottled(ended.others, ended.facts, rule.throttle)
        yield from bounds.hasty(ended.others, ended.facts, rule.throttle)
    yield from bounds.told(ended.others, setting.tells)
    for name, facts in ended.facts.items():
        yield from bounds.hours(name, facts, setting.windows, setting.timezone)
        yield from bounds.let_on(name, facts)
    if setting.caps:
        yield from bounds.capped(ended.others, setting.caps)
        yield from bounds.spent(ended.plans, ended.facts, ended.others, setting)


def _lost(disk: Disk) -> Iterator[str]:
    """What was acknowledged is there (F1, F3)."""
    digests = dict(database.rows(disk.connection, "SELECT position, hex(digest) FROM event"))
    for position, digest in disk.told:
        if position and digests.get(position, "").lower() != digest:
            yield f"record {position} was acknowledged and is not there"


def _waited_for(disk: Disk) -> Iterator[str]:
    """When all is over nothing is waited for."""
    for plan, path, kind in database.rows(disk.connection, TIMERS):
        what = f"plan {plan}: '{path}'" if path else f"plan {plan}"
        yield f"{what} is over, and its {kind} is still waited for"


def _unheard(ended: Ended, told: Mapping[str, str]) -> Iterator[str]:
    """An answer that was acknowledged stands in the history (F18)."""
    facts = [event.fact for events in ended.facts.values() for event in events]
    ruled = {fact.decision: fact.choice for fact in facts if isinstance(fact, e.DecisionRuled)}
    for decision, choice in told.items():
        if ruled.get(decision) != choice:
            yield f"{decision} was answered with {choice}, and recorded is {ruled.get(decision)}"


def _plan(plan: Plan, facts: list[Recorded], operations: Mapping[str, Operation]) -> Iterator[str]:
    name = f"plan {plan.id} ({plan.playbook})"
    if plan.status not in ENDED | {"undone"} or plan.live:
        yield f"{name} is {plan.status} with {', '.join(plan.live) or 'nothing'} to do, and nothing moves"
    for decision, question in plan.questions.items():
        yield f"{name} still asks {decision} ({question.kind}) about {', '.join(question.paths)}"
    again = replay(plan.id, plan.graph, facts)
    if not again.same:
        yield f"{name} is decided otherwise when it is replayed: fact {again.position}: {again.difference}"
    if plan.status == "undone":
        yield from _undone(plan, name, operations)


def _undone(plan: Plan, name: str, operations: Mapping[str, Operation]) -> Iterator[str]:
    """Everything that happened was taken back, or is named (F17)."""
    for path, slot in plan.slots.items():
        if path.startswith("~") or slot.status != "done" or slot.undo is None:
            continue
        back = plan.slots.get(f"~{path}")
        if (back is None or back.status != "done") and path not in plan.not_undone:
            yield f"{name}: '{path}' was neither taken back nor named"
    for path in plan.not_undone:  # where you said that it happened nobody knows with what to take it back
        slot = plan.slots.get(path)
        operation = operations.get(slot.operation) if slot is not None and slot.output is not None else None
        if operation is not None and operation.compensation and f"~{path}" not in plan.slots:
            yield f"{name}: taking '{path}' back was never tried"


def _effects(ended: Ended, world: World) -> Iterator[str]:
    """Each effect happened exactly once where it is recorded as done, and not at all elsewhere."""
    done: dict[str, str] = {}  # by token
    for plan_id, facts in ended.facts.items():
        tokens: dict[str, str] = {}
        for event in facts:
            fact = event.fact
            if isinstance(fact, e.EffectIntended):
                tokens[fact.path] = fact.token
            elif isinstance(fact, e.EffectDone):
                done[tokens[fact.path]] = f"{plan_id}/{fact.path}"
    happened = Counter(one.token for one in world.happened)
    for one in world.happened:
        if happened[one.token] > 1:
            yield f"{one.operation} for {one.unit} happened {happened[one.token]} times under one token"
        if one.token not in done:
            yield f"{one.operation} for {one.unit} happened and is not recorded as done"
    for token, where in done.items():
        if not happened[token]:
            yield f"{where} is recorded as done and did not happen"
    yield from _twice(Counter(_done_by(done.get(one.token, ""), one) for one in world.happened), ended)


def _done_by(where: str, one: Happening) -> tuple[str, str]:
    """Name the plan and the unit of work; what an agent asks for with other arguments is other work (KERNEL J1)."""
    plan_id, _, path = where.partition("/")
    return plan_id, f"{one.unit} with {one.amount}" if is_call(path.removeprefix("~")) else one.unit


def _twice(by_plan: Counter[tuple[str, str]], ended: Ended) -> Iterator[str]:
    """No unit of work is done twice by a plan, nor by it and those inside it that were not given up."""
    for (plan_id, unit), times in by_plan.items():
        if times > 1:
            yield f"{unit} was done {times} times by plan {plan_id}"
    by_root = Counter((_root(name, ended), unit) for name, unit in by_plan if _counts(name, ended))
    for (plan_id, unit), times in by_root.items():
        if times > 1:
            yield f"{unit} was done {times} times by plans inside {plan_id} that were not given up"


def _root(plan_id: str, ended: Ended) -> str:
    """Name the plan that a plan is inside of, or itself."""
    while plan_id in ended.plans and (parent := ended.plans[plan_id].parent):
        plan_id = parent.partition("/")[0]
    return plan_id


def _counts(plan_id: str, ended: Ended) -> bool:
    """Whether what a plan did stands: where one inside another failed, a new one is tried for the same units."""
    return plan_id in ended.plans and ended.plans[plan_id].status == "completed"


def _graph(disk: Disk, events: list[Recorded]) -> Graph:
    proposed = events[0].fact
    assert isinstance(proposed, e.PlanProposed)
    return graph_of(disk.blobs[proposed.definition.digest])
