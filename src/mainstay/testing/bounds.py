"""What a workspace bounds must hold: throttles, hours in which things leave, budgets, messages a day.

Read from the facts by arithmetic of its own, as far as that is short: what the product counts with is what is judged.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mainstay import events as e
from mainstay.governance.attention import PREFIX as TOLD
from mainstay.governance.budgets import PREFIX as BUDGET
from mainstay.governance.throttles import MAIL, kind_of
from mainstay.governance.throttles import PREFIX as THROTTLE
from mainstay.kernel import budget
from mainstay.kernel.budget import COUNT
from mainstay.requests.release import RELEASED
from mainstay.runtime.bounces import PREFIX as BOUNCES
from mainstay.runtime.engine import THROTTLE as BY_THROTTLE
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mainstay.events import Recorded
    from mainstay.governance.throttles import Kind, Share, Throttle
    from mainstay.governance.windows import Window
    from mainstay.kernel.budget import Cap
    from mainstay.kernel.state import Plan
    from mainstay.testing.setting import Setting

_MOMENT_US = 10 * SECOND_US  # from what comes to disk until it is counted
_COUNTED = frozenset({"asked", "reminded"})  # sorts of messages that the number a day bounds


def throttled(others: Mapping[str, Sequence[Recorded]], plans: Mapping[str, Sequence[Recorded]]) -> Iterator[str]:
    """Nothing of a playbook leaves while its throttle is closed, but of plans the operator let go on one by one."""
    for stream, events in others.items():
        if not stream.startswith(THROTTLE):
            continue
        closed = 0
        for event in [*events, None]:
            if closed and (event is None or isinstance(event.fact, e.ThrottleOpened)):
                playbook = stream.removeprefix(THROTTLE).partition("#")[0]
                yield from _left_between(playbook, closed, event.position if event else 0, plans)
                closed = 0
            elif event is not None and isinstance(event.fact, e.ThrottleClosed):
                closed = event.position


def unthrottled(
    others: Mapping[str, Sequence[Recorded]], plans: Mapping[str, Sequence[Recorded]], throttle: Throttle
) -> Iterator[str]:
    """A throttle of which a bound was reached is closed: counted since it was opened, and well within its time."""
    opened = 0
    for stream, events in others.items():
        if stream.partition("#")[0] == f"{THROTTLE}{throttle.playbook}":
            if isinstance(events[-1].fact, e.ThrottleClosed):
                return
            opened = max(opened, events[-1].position)

    def counted(*kinds: Kind) -> list[Recorded]:
        return [each for each in _counted(kinds, throttle.playbook, others, plans) if each.position > opened]

    near_us = throttle.within_s * SECOND_US // 2
    for kind, most in _numbers(throttle):
        times = sorted(event.recorded_at_us for event in counted(kind))
        if any(last - first < near_us for first, last in zip(times, times[most - 1 :], strict=False)):
            yield f"{len(times)} of {throttle.playbook} were {kind}, and its throttle is open"
    for share, kind, of in _shares(throttle):
        found, tried = counted(kind), counted(*of)
        times = sorted(event.recorded_at_us for event in (*found, *tried))
        is_over = len(tried) >= share.least and 100 * len(found) >= share.percent * len(tried)
        if is_over and times[-1] - times[0] < near_us:
            yield f"{len(found)} of {len(tried)} of {throttle.playbook} were {kind}, and its throttle is open"


def hasty(
    others: Mapping[str, Sequence[Recorded]], plans: Mapping[str, Sequence[Recorded]], throttle: Throttle
) -> Iterator[str]:
    """A throttle is closed by as much as it bounds, and by no less: counted since it was opened, or just before."""
    least = [(kind, -(-share.percent * share.least // 100)) for share, kind, _ in _shares(throttle)]
    for stream, events in others.items():
        if stream.partition("#")[0] != f"{THROTTLE}{throttle.playbook}":
            continue
        opened, opened_us = 0, 0
        for event in events:
            if isinstance(event.fact, e.ThrottleOpened):
                opened, opened_us = event.position, event.recorded_at_us - _MOMENT_US
                continue
            counts = {
                kind: sum(
                    one.position < event.position and (one.position > opened or one.recorded_at_us > opened_us)
                    for one in _counted((kind,), throttle.playbook, others, plans)
                )
                for kind in ("failed", "rejected", "bounced")
            }
            if not any(counts[kind] >= most for kind, most in (*_numbers(throttle), *least)):
                yield f"the throttle of {throttle.playbook} was closed before anything reached its bounds"


def _numbers(throttle: Throttle) -> Iterator[tuple[Kind, int]]:
    numbers: Mapping[Kind, int] = {
        "failed": throttle.failed,
        "rejected": throttle.rejected,
        "bounced": throttle.bounced,
    }
    for kind, most in numbers.items():
        if most:
            yield kind, most


def _shares(throttle: Throttle) -> Iterator[tuple[Share, Kind, tuple[Kind, ...]]]:
    if throttle.share is not None:
        yield throttle.share, "failed", ("failed", "done")
    if throttle.bounced_share is not None:
        yield throttle.bounced_share, "bounced", ("sent",)


def _counted(
    kinds: Collection[Kind],
    playbook: str,
    others: Mapping[str, Sequence[Recorded]],
    plans: Mapping[str, Sequence[Recorded]],
) -> Iterator[Recorded]:
    """Give what counts as one of these, of a playbook's plans and those inside them."""
    roots = {name for name, facts in plans.items() if _is_of(facts[0].fact, playbook)}
    for name, facts in plans.items():
        if name.partition("-")[0] in roots:
            came_back = others.get(f"{BOUNCES}{name}", ()) if "bounced" in kinds else ()
            yield from (event for event in came_back if isinstance(event.fact, e.MailBounced) and event.fact.final)
            for event in facts:
                if kind_of(event.fact) in kinds or ("sent" in kinds and _is_mail(event.fact)):
                    yield event


def _is_mail(fact: e.AnyFact) -> bool:
    return isinstance(fact, e.EffectDone) and fact.operation == MAIL and not fact.path.startswith("~")


def let_on(name: str, facts: Sequence[Recorded]) -> Iterator[str]:
    """What a throttle paused goes on when the operator says so, or to be taken back."""
    paused = False
    for event, after in zip(facts, [*facts[1:], None], strict=True):
        if isinstance(event.fact, e.PlanPaused):
            paused = event.fact.by == BY_THROTTLE
        elif isinstance(event.fact, e.PlanResumed):
            taken_back = after is not None and isinstance(after.fact, e.UndoRequested)
            if paused and event.fact.by != "operator" and not taken_back:
                yield f"plan {name}: a throttle paused it, and it went on without the operator"
            paused = False


def _left_between(playbook: str, closed: int, opened: int, plans: Mapping[str, Sequence[Recorded]]) -> Iterator[str]:
    roots = {name for name, facts in plans.items() if _is_of(facts[0].fact, playbook)}
    let_on = {
        name
        for name in roots
        for event in plans[name]
        if isinstance(event.fact, e.PlanResumed) and event.fact.by == "operator" and event.position > closed
    }
    for name, facts in plans.items():
        root = name.partition("-")[0]
        for event in facts if root in roots - let_on else ():
            inside = closed < event.position and (not opened or event.position < opened)
            if inside and isinstance(event.fact, e.EffectIntended) and _leaves(event.fact):
                yield f"plan {name}: '{event.fact.path}' left while the throttle of {playbook} was closed"


def _is_of(proposed: e.AnyFact, playbook: str) -> bool:
    return isinstance(proposed, e.PlanProposed) and proposed.playbook == playbook and not proposed.parent


def hours(name: str, facts: Sequence[Recorded], windows: Mapping[str, Window], timezone: str) -> Iterator[str]:
    """What waits for its hours leaves in them, and what waits for a time not before it, unless it was let leave now."""
    operations: dict[str, str] = {}
    until_us: dict[str, int] = {}
    hastened: set[str] = set()
    for event in facts:
        match event.fact:
            case e.EffectPrepared() as fact:
                operations[fact.path] = fact.operation
            case e.EffectDelayed() as fact:
                until_us[fact.path] = fact.until_us
            case e.DispatchDue() as fact if fact.by:
                hastened.add(fact.path)
            case e.EffectIntended() as fact if _leaves(fact):
                window = windows.get(operations[fact.path])
                if window is not None and fact.path not in hastened and not _is_open(window, event, timezone):
                    yield f"plan {name}: '{fact.path}' left outside the hours of {operations[fact.path]}"
            case e.DispatchDue() as fact if _is_early(event, until_us.get(fact.path, 0)):
                yield f"plan {name}: '{fact.path}' was to leave before its time"
            case _:
                pass


def _leaves(fact: e.EffectIntended) -> bool:
    """Whether an action leaves, by itself: what a release records as sent is what may have left before it."""
    return not fact.path.startswith("~") and fact.verdict != RELEASED


def _is_early(event: Recorded, until_us: int) -> bool:
    return event.actor == "timer" and event.recorded_at_us < until_us


def _is_open(window: Window, event: Recorded, timezone: str) -> bool:
    at = datetime.fromtimestamp(event.recorded_at_us / SECOND_US, UTC).astimezone(ZoneInfo(timezone))
    minute, over_midnight = at.hour * 60 + at.minute, window.opens >= window.closes
    if not over_midnight:
        return window.opens <= minute < window.closes and at.weekday() in window.days
    if minute >= window.opens:
        return at.weekday() in window.days
    return minute < window.closes and (at.weekday() - 1) % 7 in window.days


def capped(others: Mapping[str, Sequence[Recorded]], caps: Sequence[Cap]) -> Iterator[str]:
    """What is spent and held is never more than a cap and what it was raised by; most of it is told once."""
    for stream, events in others.items():
        name, _, period = stream.removeprefix(BUDGET).partition("#")[0].partition(":")
        cap = next((cap for cap in caps if cap.name == name), None)
        if cap is None or not stream.startswith(BUDGET):
            continue
        folded, told = budget.Budget(), 0
        for event in events:
            fact = event.fact
            assert isinstance(fact, (e.BudgetReserved, e.BudgetSettled, e.BudgetRaised, e.BudgetWarned, e.BudgetKept))
            folded = budget.evolve(folded, fact)
            told += isinstance(fact, e.BudgetWarned)
            used, most = budget.used(folded), budget.most_of(folded, cap)
            if isinstance(fact, e.BudgetReserved) and any(used.get(unit, 0) > most[unit] for unit in most):
                yield f"budget '{name}' of {period}: {fact.holder} took it above its cap"
        if told > 1:
            yield f"budget '{name}' of {period}: it was said {told} times that it runs low"


def spent(
    plans: Mapping[str, Plan],
    facts: Mapping[str, Sequence[Recorded]],
    others: Mapping[str, Sequence[Recorded]],
    setting: Setting,
) -> Iterator[str]:
    """No more happened than budgets let happen, counted from the actions themselves: nothing left uncounted."""
    did: Counter[tuple[str, str]] = Counter()
    for plan in plans.values():
        playbooks = tuple(_playbooks(plan, plans))
        for operation, at_us in _happened(facts[plan.id]):
            for cap in setting.caps:
                if cap.counts(operation, playbooks, ""):
                    did[cap.name, _period(cap, at_us, plan.id, setting.timezone)] += 1
    for (name, period), times in did.items():
        most = next(cap.most[COUNT] for cap in setting.caps if cap.name == name)
        events = [each for stream in others if _of(stream, name, period) for each in others[stream]]
        raised = sum(each.fact.amounts.get(COUNT, 0) for each in events if isinstance(each.fact, e.BudgetRaised))
        if times > most + raised:
            yield f"budget '{name}' of {period} allows {most} and was raised by {raised}, and {times} happened"


def _happened(facts: Sequence[Recorded]) -> Iterator[tuple[str, int]]:
    """Give each action that happened, with when it left."""
    operations: dict[str, str] = {}
    left_us: dict[str, int] = {}
    for event in facts:
        match event.fact:
            case e.EffectPrepared() as fact:
                operations[fact.path] = fact.operation
            case e.EffectIntended() as fact:
                left_us[fact.path] = event.recorded_at_us
            case e.EffectDone() as fact if not fact.path.startswith("~"):
                yield operations[fact.path], left_us[fact.path]
            case _:
                pass


def _playbooks(plan: Plan, plans: Mapping[str, Plan]) -> Iterator[str]:
    yield plan.playbook
    while plan.parent:
        plan = plans[plan.parent.partition("/")[0]]
        yield plan.playbook


def _period(cap: Cap, at_us: int, plan: str, timezone: str) -> str:
    if cap.period == "plan":
        return f"plan {plan.partition('-')[0]}"
    day = datetime.fromtimestamp(at_us / SECOND_US, UTC).astimezone(ZoneInfo(timezone)).date().isoformat()
    return day if cap.period == "day" else day[:7]


def _of(stream: str, name: str, period: str) -> bool:
    return stream.partition("#")[0] == f"{BUDGET}{name}:{period}"


def told(others: Mapping[str, Sequence[Recorded]], most: int | None) -> Iterator[str]:
    """No more is told a day than the operator wants to hear, one cause once, and one summary."""
    for stream, events in others.items():
        facts = [event.fact for event in events if isinstance(event.fact, e.OperatorTold)]
        if not stream.startswith(TOLD) or not facts:
            continue
        asked = sum(fact.sort in _COUNTED for fact in facts)
        if asked > (most or 0):
            yield f"{stream}: the operator was told of what came {asked} times, and wanted {most}"
        if sum(fact.sort == "summary" for fact in facts) > 1:
            yield f"{stream}: there was more than one summary"
        causes = Counter(cause for fact in facts for cause in fact.causes)
        for cause, times in causes.items():
            if times > 1:
                yield f"{stream}: {cause} was told {times} times"
