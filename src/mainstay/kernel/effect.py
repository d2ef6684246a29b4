"""The recorded moves of one effect (KERNEL E1 to E3): prepared, asked where policy wants it, intended, outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.asking import ask_effect, ask_stuck, prepared_fact
from mainstay.kernel.failing import denied, give_up, next_attempt_us
from mainstay.kernel.graph import DEFAULT_ATTEMPTS
from mainstay.kernel.slots import conclude, did_not_happen, put
from mainstay.kernel.state import Plan, is_item, is_open, step_name
from mainstay.kernel.step import counted
from mainstay.kernel.undo import drop_undo, next_undo
from mainstay.kernel.words import say_path
from mainstay.values import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.turn import Turn


# --- decided


def prepare(turn: Turn, command: c.PrepareEffect) -> None:
    """Record exactly what would happen, and what policy says of it.

    What was prepared already is prepared anew only because what it relies on was changed since: then it asks by itself,
    whatever policy allows, and a ruling that there was does not cover it (requirement K20).
    """
    slot = turn.work(command.path, "ready", "prepared", duties=("effect", "undo"))
    anew = slot.status == "prepared"
    if anew and (command.verdict.decision == "allow" or command.ruling or command.relies == slot.relies):
        turn.slot(command.path, "ready")  # it is refused: nothing was changed
    shown = command.path if command.covered is None else command.covered
    if command.ruling and (step_name(shown), turn.plan.covered.get(shown)) != (step_name(command.path), command.ruling):
        turn.refuse(f"{command.ruling} does not approve {say_path(command.path)}, or not any more")
    turn.add(prepared_fact(command, ruling=command.ruling))
    verdict = command.verdict
    batch = is_item(command.path) and turn.plan.step(command.path).gate == "batch"
    if verdict.decision == "deny":
        ask_stuck(turn, command.path, command.failure or denied(verdict), slot.attempt)
    elif verdict.decision == "ask" and (anew or not batch) and not command.ruling:
        ask_effect(turn, command.path, command.card, verdict, command.patience)


def intend(turn: Turn, command: c.IntendEffect) -> None:
    """Let it leave: the ruling is consumed here, and policy has just been asked again."""
    slot = turn.work(command.path, "prepared")
    if command.verdict.decision == "deny":
        failure = command.failure or denied(command.verdict, command.ways)
        ask_stuck(turn, command.path, failure, slot.attempt, command.ways)
    elif command.operation_version not in (None, slot.operation_version):
        turn.add(e.StepReopened(command.path))  # another version: prepared anew, and a ruling does not cover it
    elif command.verdict.decision == "ask" and (command.uncovered or not slot.ruling):
        turn.add(e.StepReopened(command.path))  # policy changed since: prepared anew, and asked about
    else:
        turn.add(
            e.EffectIntended(
                command.path,
                command.token,
                attempt=slot.attempt + 1,
                generation=slot.generation,
                verdict=command.verdict,
                ruling=slot.ruling,
            )
        )


def finish(turn: Turn, command: c.FinishEffect) -> None:
    """Record that it happened: also when its plan ended meanwhile, because it did."""
    slot = turn.slot(command.path, "intended", "uncertain")
    turn.add(
        e.EffectDone(
            command.path,
            command.output,
            labels=command.labels,
            undo=command.undo,
            cannot_undo=command.cannot_undo,
            operation=slot.operation,
            cost_usd_micros=command.cost_usd_micros,
            settled=command.settled,
            confirm_by_us=command.confirm_by_us,
        )
    )


def refuse(turn: Turn, command: c.RefuseEffect) -> None:
    """Record that it did not happen; try again by class, else give up."""
    slot = turn.slot(command.path, "intended", "uncertain")
    attempt = slot.attempt + 1
    wanted = is_open(turn.plan, command.path)
    again = next_attempt_us(turn, command, slot) if wanted else None
    turn.add(e.EffectRefused(command.path, attempt, command.failure, retry_at_us=again))
    if again is None and wanted:
        give_up(turn, command.path, command.failure, attempt)


def lose(turn: Turn, command: c.LoseEffect) -> None:
    """Record that it may have happened."""
    slot = turn.slot(command.path, "intended")
    turn.add(e.EffectUncertain(command.path, attempt=slot.attempt + 1, failure=command.failure))


def absent(turn: Turn, command: c.SettleAbsent) -> None:
    """Record that a look-up found that it did not happen: it is sent again under a new generation, not for ever.

    Losing an answer may be our own doing (a crash), so it is forgiven a few times whatever the step's `retry` says.
    """
    slot = turn.slot(command.path, "uncertain")
    turn.add(e.EffectAbsent(command.path, command.how))
    lost = slot.attempt + 1 - slot.forgiven
    if is_open(turn.plan, command.path) and lost >= max(turn.plan.step(command.path).retry.attempts, DEFAULT_ATTEMPTS):
        failure = Failure("permanent", f"Its answer was lost {lost} times", remedy="See whether the other side works.")
        give_up(turn, command.path, failure, slot.attempt + 1)


# --- folded


def _prepared(plan: Plan, fact: e.EffectPrepared, at_us: int) -> Plan:
    del at_us
    before = plan.slots[fact.path]
    ruled = fact.verdict.decision == "allow" or fact.ruling != ""
    slot = replace(
        before,
        status="prepared" if ruled else "gated",
        arguments=fact.arguments,
        labels=fact.labels,
        digest=fact.digest,
        operation=fact.operation,
        operation_version=fact.operation_version,
        effect=fact.effect,
        account=fact.account,
        cannot_undo=fact.cannot_undo,
        ruling=fact.ruling,
        edited=before.edited or bool(fact.edited),
        relies=fact.relies,
    )
    shown = fact.path if fact.covered is None else fact.covered
    if shown in plan.covered:  # what a question covered is approved once, whatever became of it
        covered = {path: decision for path, decision in plan.covered.items() if path != shown}
        plan = replace(plan, covered=covered)
    return put(plan, fact.path, slot)


def _intended(plan: Plan, fact: e.EffectIntended, at_us: int) -> Plan:
    del at_us
    slot = replace(plan.slots[fact.path], status="intended", token=fact.token, generation=fact.generation)
    return put(plan, fact.path, slot)


def _effect_done(plan: Plan, fact: e.EffectDone, at_us: int) -> Plan:
    slot = replace(
        plan.slots[fact.path],
        status="done",
        output=fact.output,
        labels=fact.labels,
        undo=fact.undo,
        cannot_undo=fact.cannot_undo,
        arguments=None,
        done_at=plan.sequence,
    )
    if fact.confirm_by_us is not None and is_open(plan, fact.path):
        arguments = plan.slots[fact.path].arguments  # what it is read back against
        by_us = fact.confirm_by_us
        slot = replace(slot, status="confirming", arguments=arguments, looks=0, confirm_by_us=by_us)
        return put(plan, fact.path, slot)
    if fact.path.startswith("~"):
        plan = drop_undo(put(plan, fact.path, slot), fact.path[1:])
        return next_undo(plan, at_us)
    return conclude(plan, fact.path, slot, at_us)


def _effect_refused(plan: Plan, fact: e.EffectRefused, at_us: int) -> Plan:
    slot = counted(plan.slots[fact.path], fact.failure)
    slot = replace(slot, attempt=fact.attempt, generation=slot.generation + 1, failure=fact.failure)
    return did_not_happen(plan, fact.path, slot, "backoff", at_us)


def _effect_uncertain(plan: Plan, fact: e.EffectUncertain, at_us: int) -> Plan:
    del at_us
    return put(plan, fact.path, replace(plan.slots[fact.path], status="uncertain", failure=fact.failure, looks=0))


def _effect_absent(plan: Plan, fact: e.EffectAbsent, at_us: int) -> Plan:
    slot = plan.slots[fact.path]
    slot = replace(slot, attempt=slot.attempt + 1, generation=slot.generation + 1)
    return did_not_happen(plan, fact.path, slot, "prepared", at_us)


DECIDERS: dict[type[c.Command], Callable[[Turn, Any], None]] = {
    c.PrepareEffect: prepare,
    c.IntendEffect: intend,
    c.FinishEffect: finish,
    c.RefuseEffect: refuse,
    c.LoseEffect: lose,
    c.SettleAbsent: absent,
}
EVOLVERS: dict[type[e.Fact], Callable[[Plan, Any, int], Plan]] = {
    e.EffectPrepared: _prepared,
    e.EffectIntended: _intended,
    e.EffectDone: _effect_done,
    e.EffectRefused: _effect_refused,
    e.EffectUncertain: _effect_uncertain,
    e.EffectAbsent: _effect_absent,
}
