"""A workspace in quarantine: what is in doubt, and the operator's word on it (KERNEL L6).

A history that was copied or restored does not know what happened after the copy was made. So nothing is begun on it,
and every effect of its unfinished plans may have happened, until the operator says for each:

    happened         it is recorded as done
    did_not_happen   it is recorded as absent, and may be sent
    run              Mainstay finds out: what can be looked up is looked up, what is in doubt is settled as declared

An answer to a question that still waits changes nothing: nothing happens without it, and the operator who answered it
before answers it again, or says no. All answers and the release are one transaction.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, InputError
from mainstay.kernel.state import IN_FLIGHT, duty_of, is_call, is_item, is_open, step_name
from mainstay.ledger import queries
from mainstay.sentences import say_path
from mainstay.values import Failure, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mainstay.kernel.state import Plan, Slot
    from mainstay.ports import Catalogue
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.values import Value

STREAM = "workspace"
ANSWERS = ("happened", "did_not_happen", "run")
CANCEL = "cancel"

Doubt: TypeAlias = Literal["sent", "ready", "asked", "later"]

DOUBTS: dict[Doubt, str] = {
    "sent": "it was on its way, and may have happened",
    "ready": "it was about to happen, and may have happened since",
    "asked": "it waits for your answer; if you said yes to it since, answer no now",
    "later": "its turn had not come; it may have come since",
}
_NOT_KNOWN = Failure("transient", "This history is a copy, and what happened after it was made is not known")
RELEASED = Verdict("allow", "released", "It may have been sent after this copy of the history was made.")


class Held(msgspec.Struct, frozen=True):
    """One effect in doubt."""

    plan: str
    path: str
    operation: str
    doubt: Doubt
    then: str = ""  # what `run` leads to

    @property
    def name(self) -> str:
        """How an answer names it."""
        return f"{self.plan}/{self.path}"


def reason_of(recorded: Sequence[e.Recorded]) -> str:
    """Say why a workspace is in quarantine, of the facts of its stream; empty when it is in none."""
    reason = ""
    for event in recorded:
        if isinstance(event.fact, e.WorkspaceQuarantined):
            reason = event.fact.reason
        elif isinstance(event.fact, e.WorkspaceReleased):
            reason = ""
    return reason


def plans_in_doubt(rows: Callable[[str], Sequence[tuple[str, ...]]]) -> list[str]:
    """Name the plans that have not ended, or whose effects have not."""
    return [row[0] for row in rows(queries.PLANS_IN_DOUBT)]


def in_doubt(plan: Plan, catalogue: Catalogue, now_us: int) -> Iterator[Held]:
    """Give the effects of a plan that may have happened, and those that may have come up, since its facts end."""
    for path, slot in plan.slots.items():
        doubt = _doubt(plan, path, slot, now_us)
        if doubt is not None:
            yield Held(plan.id, path, slot.operation, doubt, _then(slot, doubt, catalogue))
    if plan.status == "running":
        for name, step in plan.graph.steps.items():
            to_come = name not in plan.slots or plan.slots[name].status in ("ready", "backoff", "splitting")
            if to_come and step.kind == "do" and step.effect != "read":
                yield Held(plan.id, name, step.target, "later")


def _doubt(plan: Plan, path: str, slot: Slot, now_us: int) -> Doubt | None:
    if slot.status in (*IN_FLIGHT, "settling") or any(
        question.kind == "settle" and path in question.paths for question in plan.questions.values()
    ):
        return "sent"
    if slot.status == "prepared" or (slot.status == "delayed" and slot.wakes_at_us <= now_us):
        # One whose time is still to come can't have left, nor one of a plan that ended or is undone.
        return "ready" if is_open(plan, path) else None
    if slot.operation and slot.status in ("asked", "gated"):
        return "asked"
    if (is_item(path) or is_call(path) or path.startswith("~")) and slot.status in ("ready", "backoff"):
        return "later" if path.startswith("~") or duty_of(plan, path) == "effect" else None
    return None


def _then(slot: Slot, doubt: Doubt, catalogue: Catalogue) -> str:
    """Say what happens when Mainstay is left to find out."""
    if doubt not in ("sent", "ready"):
        return ""
    operation = catalogue.operation(slot.operation)
    if operation.in_ledger:
        return "this history itself is where it would stand: it is done now"
    if operation.settle == "lookup":
        return "it is looked up, and done only when it did not happen"
    if operation.settle == "resend":
        return "it is sent again under its own token, so that it counts once"
    return "it is done now" if doubt == "ready" else "you are asked about it again"


# --- the operator's word


async def release(desk: Requests, params: Params, emit: Emit) -> Params:
    """Record an answer for every effect in doubt, and let work go on; all of it or nothing."""
    del emit
    if not reason_of(desk.engine.parts.ledger.read(STREAM)):
        if desk.engine.held:  # the commit of the release seemed to fail, and is on disk
            return _let_go(desk, 0, (), 0)
        raise CommandRefusedError("Nothing is held: work goes on in this workspace.")
    plans = [desk.engine.load(plan_id) for plan_id in plans_in_doubt(desk.engine.parts.ledger.rows)]
    cancelled = frozenset(params.get("cancel") or ())
    held = [one for plan in plans if not _is_of(plan.id, cancelled) for one in _of(desk, plan)]
    unknown = cancelled - {plan.id for plan in plans}
    answers = _answers(held, params.get("answers") or {}, params.get("all") or "", unknown)
    commands, beside = _commands(desk, plans, answers, cancelled)
    fact = e.WorkspaceReleased("operator", len(answers), tuple(sorted(cancelled)))
    beside.append(_append(desk, STREAM, fact))
    try:
        await desk.engine.submit_all(commands, actor="operator", beside=beside)
    except BaseException:
        desk.engine.parts.budgets.forget()
        raise
    return _let_go(desk, len(answers), cancelled, len(plans))


def _let_go(desk: Requests, answers: int, cancelled: Collection[str], plans: int) -> Params:
    desk.engine.held = ""
    desk.on_released()
    return {"plan": "", "released": answers, "cancelled": sorted(cancelled), "plans": plans}


def _of(desk: Requests, plan: Plan) -> Iterator[Held]:
    return in_doubt(plan, desk.contracts, desk.clock.now_us())


def _is_of(plan_id: str, plans: frozenset[str]) -> bool:
    """Whether a plan is one of these, or a part of one."""
    return any(plan_id == one or plan_id.startswith(f"{one}-") for one in plans)


def _answers(
    held: Sequence[Held], given: Mapping[str, str], for_all: str, nowhere: frozenset[str]
) -> dict[tuple[str, str], str]:
    """Give the answer of every effect in doubt; raises InputError when one lacks, or one is for nothing."""
    wanted = {one.name: one for one in held if one.doubt in ("sent", "ready")}
    unknown = [*(given.keys() - wanted.keys()), *nowhere]
    if unknown:
        raise InputError(f"'{unknown[0]}' is not in doubt.", remedy="See what is: mainstay history release")
    found = {name: given.get(name) or for_all for name in wanted}
    wrong = [answer for answer in found.values() if answer and answer not in ANSWERS]
    if wrong:
        raise InputError(f"'{wrong[0]}' is no answer.", remedy=f"Answer one of: {', '.join(ANSWERS)}.")
    missing = [name for name, answer in found.items() if not answer]
    if missing:
        what = f"{len(missing)} actions have no answer" if len(missing) > 1 else f"'{missing[0]}' has no answer"
        raise InputError(f"{what} yet; nothing was let go.", remedy="See what they are: mainstay history release")
    return {(wanted[name].plan, wanted[name].path): answer for name, answer in found.items()}


def _commands(
    desk: Requests, plans: Sequence[Plan], answers: Mapping[tuple[str, str], str], cancelled: frozenset[str]
) -> tuple[list[tuple[str, c.PlanCommand]], list[e.Append]]:
    now_us = desk.clock.now_us()
    commands: list[tuple[str, c.PlanCommand]] = []
    beside: list[e.Append] = []
    for plan in plans:
        asked = plan.asked
        said = {path: answer for (plan_id, path), answer in answers.items() if plan_id == plan.id}
        for path, answer in said.items():
            made, asked = _of_effect(desk, plan, path, answer, asked)
            commands += [(plan.id, command) for command in made]
            if answer != "run" and plan.slots[path].status not in ("prepared", "delayed"):
                slot = plan.slots[path]
                beside += desk.engine.effects.outcomes.settled(plan, path, slot, happened=answer == "happened")
        if said:
            facts = [e.EffectReleased(path, answer) for path, answer in said.items()]
            beside.append(_append(desk, f"release:{plan.id}", *facts, plan=plan.id))
        if plan.id in cancelled:
            reason = "it was ended when the workspace was released"
            commands.append((plan.id, c.CancelPlan(now_us=now_us, by="operator", reason=reason)))
    return commands, beside


def _of_effect(desk: Requests, plan: Plan, path: str, answer: str, asked: int) -> tuple[list[c.PlanCommand], int]:
    """Give the commands of one answer, and the number of the plan's last question after them."""
    now_us, slot = desk.clock.now_us(), plan.slots[path]
    operation = desk.contracts.operation(slot.operation)
    open_question = next((name for name, one in plan.questions.items() if path in one.paths), "")
    found: list[c.PlanCommand] = []
    if slot.status == "delayed":
        found.append(c.TimerDue(now_us=now_us, kind="dispatch", path=path))
    if slot.status in ("prepared", "delayed"):
        if answer == "did_not_happen" or (answer == "run" and (operation.settle != "lookup" or operation.in_ledger)):
            return [], asked
        token = desk.engine.effects.token(plan.id, path, slot.generation)
        found.append(c.IntendEffect(now_us=now_us, path=path, token=token, verdict=RELEASED))
    if slot.status in ("prepared", "delayed", "intended"):
        found.append(c.LoseEffect(now_us=now_us, path=path, failure=_NOT_KNOWN))
    if answer == "run":
        return found, asked
    if not open_question:
        asked += 1
        open_question = f"{plan.id}.{asked}"
        card: dict[str, Value] = {"headline": f"Did this happen? {slot.operation}", "known": _NOT_KNOWN.message}
        why = "The workspace was copied or restored."
        found.append(c.AskSettle(now_us=now_us, path=path, card=card, why=why))
    found.append(c.Rule(now_us=now_us, decision=open_question, choice=answer, by="operator", session="release"))
    return found, asked


def _append(desk: Requests, stream: str, *facts: e.AnyFact, plan: str = "") -> e.Append:
    now_us = desk.clock.now_us()
    drafts = tuple(e.Draft(fact, now_us, "operator", plan=plan) for fact in facts)
    return e.Append(stream, len(desk.engine.parts.ledger.read(stream)), drafts)


def shown(held: Sequence[Held], title: str) -> Params:
    """Give one plan's effects in doubt as plain data."""
    later = Counter(step_name(one.path) for one in held if one.doubt == "later")
    return {
        "plan": held[0].plan if held else "",
        "title": title,
        "actions": [
            {
                "name": one.name,
                "action": say_path(one.path),
                "operation": one.operation,
                "doubt": one.doubt,
                "says": DOUBTS[one.doubt],
                "run": one.then,
                "needs_answer": one.doubt in ("sent", "ready"),
            }
            for one in held
            if one.doubt != "later"
        ],
        "later": list(later),
    }


METHODS: Mapping[str, Method] = {"release": release}
