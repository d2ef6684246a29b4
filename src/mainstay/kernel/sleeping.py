"""Effects that sleep: until they leave, may be looked up, or are read back again (KERNEL E1, E3, E4).

    prepared --EffectDelayed--> delayed --DispatchDue--> prepared, and policy is asked again
    uncertain --EffectAwaited--> settling --SettleDue--> uncertain
    confirming --EffectUnseen--> unseen --ConfirmDue--> confirming --EffectConfirmed--> done

Each has a timer of its own, which is stale unless the effect still sleeps and its time has come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.slots import conclude, put
from mainstay.kernel.state import is_open
from mainstay.kernel.words import say_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import Plan, Slot
    from mainstay.kernel.turn import Turn


NOW = 0  # what an effect wakes at that the operator let leave before its time


# --- decided


def delay(turn: Turn, command: c.DelayEffect) -> None:
    """Let what may happen wait for its time: once, and again where that came outside the hours in which it leaves."""
    slot = turn.work(command.path, "prepared", duties=("effect",))
    if slot.delayed and not command.again:
        turn.refuse("it has waited for its time already")
    turn.add(e.EffectDelayed(command.path, command.until_us))


def dispatch(turn: Turn, command: c.DispatchEffect) -> None:
    """Let a delayed effect leave now."""
    slot = turn.work(command.path, "delayed", "prepared")
    if not slot.delayed or (slot.status == "prepared" and slot.wakes_at_us == NOW):
        turn.refuse(f"{say_path(command.path)} waits for no time")
    turn.add(e.DispatchDue(command.path, command.by))


def recall(turn: Turn, command: c.RecallEffect) -> None:
    """Call a delayed effect back, as if it had been rejected: also one whose time came while its plan was paused."""
    slot = turn.work(command.path, "delayed", "prepared", duties=("effect",))
    if not slot.delayed:
        turn.refuse(f"{say_path(command.path)} has no delay, so it can't be called back")
    turn.add(e.StepRejected(command.path, command.why))


def await_settle(turn: Turn, command: c.AwaitSettle) -> None:
    """Look an uncertain effect up later: also when its plan ended, because it may have happened."""
    turn.slot(command.path, "uncertain")
    turn.add(e.EffectAwaited(command.path, command.until_us, command.looks, command.failure))


def confirm(turn: Turn, command: c.ConfirmEffect) -> None:
    """Record that what happened was read back."""
    turn.work(command.path, "confirming", duties=("effect",))
    turn.add(e.EffectConfirmed(command.path, command.how))


def miss(turn: Turn, command: c.MissEffect) -> None:
    """Record that what happened can't be seen yet."""
    slot = turn.work(command.path, "confirming", duties=("effect",))
    turn.add(e.EffectUnseen(command.path, command.again_at_us, slot.looks + 1, command.known))


def wake(turn: Turn, command: c.TimerDue) -> None:
    """Wake what sleeps, unless the timer is stale (KERNEL P5)."""
    slot = turn.plan.slots.get(command.path)
    if slot is None or turn.now_us < slot.wakes_at_us:
        return
    if command.kind == "settle" and slot.status == "settling":
        turn.add(e.SettleDue(command.path))
    elif command.kind == "dispatch" and slot.status == "delayed" and is_open(turn.plan, command.path):
        turn.add(e.DispatchDue(command.path))
    elif command.kind == "confirm" and slot.status == "unseen" and is_open(turn.plan, command.path):
        turn.add(e.ConfirmDue(command.path))


def wake_online(turn: Turn, command: c.TimerDue) -> None:
    """Wake what waits for a network, before its time (requirement K21)."""
    slot = turn.plan.slots.get(command.path)
    if slot is None or slot.failure is None or not slot.failure.waits_for:
        return
    if (command.kind, slot.status) == ("settle_online", "settling") and slot.looks == command.generation:
        turn.add(e.SettleDue(command.path))
    elif command.kind == "retry_online" and is_open(turn.plan, command.path) and _sleeps(slot, command.generation):
        turn.add(e.RetryDue(command.path, command.generation))


def _sleeps(slot: Slot, attempt: int) -> bool:
    return slot.status == "backoff" and slot.attempt == attempt


# --- folded


def _delayed(plan: Plan, fact: e.EffectDelayed, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="delayed", delayed=True, wakes_at_us=fact.until_us)
    return put(plan, fact.path, slot)


def _dispatch_due(plan: Plan, fact: e.DispatchDue, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    wakes_at_us = NOW if fact.by else slot.wakes_at_us
    return put(plan, fact.path, replace(slot, status="prepared", wakes_at_us=wakes_at_us))


def _awaited(plan: Plan, fact: e.EffectAwaited, at_us: int) -> Plan:
    del at_us
    slot = plan.slots[fact.path]
    failure = fact.failure or slot.failure
    slot = replace(slot, status="settling", wakes_at_us=fact.until_us, looks=fact.looks, failure=failure)
    return put(plan, fact.path, slot)


def _settle_due(plan: Plan, fact: e.SettleDue, at_us: int) -> Plan:
    del at_us
    return put(plan, fact.path, replace(plan.slots[fact.path], status="uncertain"))


def _unseen(plan: Plan, fact: e.EffectUnseen, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="unseen", wakes_at_us=fact.again_at_us, looks=fact.looks)
    return put(plan, fact.path, slot)


def _confirm_due(plan: Plan, fact: e.ConfirmDue, at_us: int) -> Plan:
    del at_us
    return put(plan, fact.path, replace(plan.slots[fact.path], status="confirming"))


def _confirmed(plan: Plan, fact: e.EffectConfirmed, at_us: int) -> Plan:
    return conclude(plan, fact.path, replace(plan.slots[fact.path], status="done", arguments=None), at_us)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.DelayEffect: delay,
    c.DispatchEffect: dispatch,
    c.RecallEffect: recall,
    c.AwaitSettle: await_settle,
    c.ConfirmEffect: confirm,
    c.MissEffect: miss,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.EffectDelayed: _delayed,
    e.DispatchDue: _dispatch_due,
    e.EffectAwaited: _awaited,
    e.SettleDue: _settle_due,
    e.EffectUnseen: _unseen,
    e.ConfirmDue: _confirm_due,
    e.EffectConfirmed: _confirmed,
}
