"""The questions that wait, with their cards, and what is stuck."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from msgspec.json import encode

from mainstay import events as e
from mainstay.contracts import marks_in
from mainstay.errors import InputError, LedgerError, MainstayError, UnknownNameError
from mainstay.governance.shortage import StoppedBy, may_be_stopped, stopped_by
from mainstay.kernel.asking import WHOLE
from mainstay.kernel.state import step_name
from mainstay.ledger import queries
from mainstay.origins import TOOL
from mainstay.requests.alike import kind_of
from mainstay.requests.asked import ends_by_no, labels_of, rejection_used, unreadable, what_follows
from mainstay.requests.picking import can_pick, found_again, told
from mainstay.requests.stuck import does_of, group_of, grouped
from mainstay.runtime.engine import THROTTLE
from mainstay.sentences import ALL_FIRST, ANSWER, QUESTION, say, say_actor, say_kept, say_no, say_path, why_asked
from mainstay.values import BlobRef
from mainstay.views.allowable import always_asked
from mainstay.views.backward import TELLING, takes_back, what_with
from mainstay.views.bundle import DECIDABLE, LAST, answered, recommended, worked_out
from mainstay.views.letting import KEPT, Letting

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from mainstay.kernel.state import Plan, Slot
    from mainstay.values import Value
    from mainstay.views.opening import Row
    from mainstay.workspace import Workspace

OWN_PAUSE = "its plan is paused"


class Questions(Letting):
    """What needs the operator."""

    def __init__(self, workspace: Workspace) -> None:
        """Open read-only; raises WrongKeyError or LedgerError."""
        super().__init__(workspace)
        self._budget_of: dict[str, StoppedBy | None] = {}  # by question: what stopped what it is about

    def inbox(self, limit: int = 1000) -> list[Row]:
        """List the questions to be shown now, with their cards; `waiting` and `put_off` say how many there are.

        What nobody answered for too long comes first, then the others, the oldest first.
        """
        return [self._question_or_why(row[0], row[1]) for row in self._to_show(limit)]

    def shown(self, limit: int) -> dict[str, Hashable]:
        """Name the questions of the inbox in its order, each with what its card depends on: one as long as it is."""
        ids = [row[0] for row in self._to_show(limit)]
        latest: dict[tuple[str, str], Hashable] = {}
        found: dict[str, Hashable] = {}
        for decision, position, paused, playbook, step in self._reader.rows(
            queries.CARDS_AS_OF, (encode(ids).decode(),)
        ):
            if (playbook, step) not in latest:
                latest[playbook, step] = tuple(self._reader.rows(queries.ANSWERS_ALIKE, (playbook, step, 1)))
            found[decision] = position, paused, latest[playbook, step]
        return found

    def card(self, decision: str) -> Row:
        """Give one question of the inbox; where its stored files are gone it says so."""
        return self._question_or_why(decision, decision.rpartition(".")[0])

    def put_off(self) -> Row:
        """Say how many questions were put off, and until when the first of them; none: 0 and ""."""
        count, until_us = self._reader.rows(queries.SNOOZED, (time.time_ns() // 1000,))[0]
        return {"count": count, "until": self.time(until_us)}

    def put_off_first(self, limit: int) -> list[Row]:
        """Name so many of those that were put off, which come back first: what it asks, its plan, until when."""
        rows = self._reader.rows(queries.SNOOZED_FIRST, (time.time_ns() // 1000, limit))
        return [
            {"decision": row[0], "headline": row[1] or row[2], "title": row[2], "until": self.time(row[3])}
            for row in rows
        ]

    def waiting(self) -> int:
        """Count the questions that wait."""
        return self._reader.rows(queries.OPEN_COUNT)[0][0]

    def alike(self, limit: int) -> list[Row]:
        """List which of the inbox's first can be answered together: one of each kind, its action, how many."""
        ids = encode([row[0] for row in self._to_show(limit)]).decode()
        found: dict[tuple[str, str], Row] = {}
        for kind, _, _, rule, count, sample, _, _ in self._reader.rows(queries.STILL_OPEN, (ids,)):
            if kind != "effect":
                continue
            try:
                named = kind_of(self.plan(sample.rpartition(".")[0]), sample)
            except (InputError, LedgerError):
                continue
            row = found.setdefault(named, {"decision": sample, "operation": named.operation, "rule": rule, "count": 0})
            row["count"] += count
        return [row for row in found.values() if row["count"] > 1]

    def _to_show(self, limit: int) -> list[tuple[Any, ...]]:
        now_us = time.time_ns() // 1000
        rows = self._reader.rows(queries.ESCALATED_DECISIONS, (now_us, limit))
        if len(rows) < limit:
            rows += self._reader.rows(queries.SHOWN_DECISIONS, (now_us, limit - len(rows)))
        return rows

    def _question_or_why(self, decision: str, plan_id: str) -> Row:
        """Give a question; one whose stored files are gone says so in its place, and the others are shown."""
        try:
            return self.question(decision)
        except LedgerError as error:
            return unreadable(decision, plan_id, error) | {"timezone": self._zone}

    def question(self, decision: str) -> Row:
        """Give one question with its whole card (CONSOLE.md)."""
        decision = self.decision_id(decision)
        plan_id = decision.rpartition(".")[0]
        recorded = self.recorded(plan_id)
        for event in recorded:
            if isinstance(event.fact, e.DecisionAsked) and event.fact.decision == decision:
                return self._card(self._folded(plan_id, recorded), recorded, event, event.fact)
        raise UnknownNameError(f"There is no question '{decision}'.", remedy="`mainstay inbox` lists them.")

    def arguments(self, decision: str, row: int = 0) -> Row:
        """Give what an action of an open question takes, as it would happen; `row` of its list, counted from 0."""
        plan = self.plan(decision.rpartition(".")[0])
        asked = plan.questions.get(decision)
        if asked is None or row >= len(asked.paths):
            raise UnknownNameError(f"Question {decision} has no such action any more.", remedy="Look at it again.")
        found = self._payloads.load(plan.slots[asked.paths[row]].arguments)
        return found if isinstance(found, dict) else {}

    def decision_id(self, text: str) -> str:
        """Give the whole id of a question; the plan's id may be cut, but never left out."""
        prefix, _, number = text.rpartition(".")
        if prefix and number.isdigit():
            return f"{self.plan_id(prefix)}.{number}"
        if not text:
            raise UnknownNameError("No question is named.", remedy="`mainstay inbox` lists them.")
        found = self._reader.rows(queries.OPEN_BY_PREFIX, (text, text))
        if len(found) == 1:
            return found[0][0]
        what = "No question that waits" if not found else "More than one question that waits"
        raise UnknownNameError(f"{what} begins with '{text}'.", remedy="`mainstay inbox` lists them.")

    def _card(self, plan: Plan, recorded: list[e.Recorded], event: e.Recorded, asked: e.DecisionAsked) -> Row:
        card = self._payloads.load(asked.card)
        state = [d for d in self._decisions(queries.DECISIONS_OF_PLAN, plan.id) if d["decision"] == asked.decision]
        slot = plan.slots[asked.paths[0]]
        said = [
            (one.recorded_at_us, one.fact) for one in recorded if getattr(one.fact, "decision", "") == asked.decision
        ]
        listed = _listed_in(card, asked)
        makers, past = worked_out(plan, asked), self._answered(plan, asked)
        return {
            "decision": asked.decision,
            "plan": plan.id,
            "title": plan.title,
            "playbook": plan.playbook,
            "worked_out": makers,
            "past": past,
            "recommended": recommended(asked, past, makers),
            "kind": asked.kind,
            "paused": self.why_paused(plan),
            "can_allow": always_asked(plan, asked.kind, asked.paths[0], asked.rule) is None,
            "other_files": _is_of_files(plan, asked, slot),
            "says": ALL_FIRST if asked.rule == WHOLE else QUESTION[asked.kind],
            "actions": [say_path(path) for path in asked.paths],
            "paths": list(asked.paths),
            "card": self._named_card(card, plan, asked),
            "options": list(asked.options),
            "binds": list(asked.binds),
            "rule": asked.rule,
            "why": self.named(why_asked(asked), plan, asked.paths[0]),
            "takes_back": takes_back(recorded, asked, self._payloads.load),
            "tool_says": self._tool_says(plan),
            "cannot_undo": slot.cannot_undo,
            "parts": list(slot.children),
            "lets": self.lets_of(plan, asked) if asked.decision in plan.questions else [],
            "leaves": self.leaves(plan, asked) if asked.decision in plan.questions else "",
            "if_no": say_no(asked.kind, rejection_used=rejection_used(plan, asked), last=ends_by_no(plan, asked)),
            "follows": what_follows(plan, asked),
            "arguments": self._payloads.load(slot.arguments) if asked.kind in ("stuck", "effect") else None,
            "cost_usd_micros": sum(getattr(one.fact, "cost_usd_micros", 0) for one in recorded),
            "came_from": [say_actor(label) for label in labels_of(plan, asked)],
            "to": asked.to,
            "reminded": sum(isinstance(fact, e.DecisionReminded) for _, fact in said),
            "notes": [
                {"at": self.time(at_us), "by": say_actor(fact.by), "text": fact.text}
                for at_us, fact in said
                if isinstance(fact, e.DecisionNoted)
            ],
            "put_off_until": next(
                (self.time(fact.until_us) for _, fact in reversed(said) if isinstance(fact, e.DecisionSnoozed)), ""
            ),
            "asked_at": self.time(event.recorded_at_us),
            "due_at": self.time(asked.due_at_us),
            "escalates_at": self.time(asked.escalate_at_us),
            "plan_expires_at": self.time(plan.expires_at_us),
            "rows_may_be_kept": asked.kind == "batch"
            or asked.rule == WHOLE
            or (asked.kind == "ask" and "rows" in cast("Row", card or {})),
            "timezone": self._zone,
            "open": bool(state and state[0]["open"]),
            "closed": "" if state and state[0]["open"] else self._closed(recorded, asked.decision, listed),
            "edits": [] if state and state[0]["open"] else self._edits(recorded, asked),
            "picked": self._picked(card, _ruled(fact for _, fact in said)),
            "kept": _kept(fact for _, fact in said),
            "answer": state[0]["choice"] if state else "",
        }

    def why_held(self, plan: Plan) -> Row:
        """Say why an approved action of a plan does not leave at its time, and what lets it: nothing, where it does."""
        name = plan.id.partition("-")[0]
        root = plan if plan.id == name else self.plan(name)
        paused = next((one for one in (plan, root) if one.paused_at_us is not None), None)
        if paused is None:
            return {"held": "", "release": ""}
        last = self.paused(paused.id)
        if last is not None and last["by"] == THROTTLE:
            go_on = f"mainstay throttle go-on {root.playbook}"
            return {"held": last["reason"] or "a throttle holds its playbook", "release": go_on}
        return {"held": OWN_PAUSE, "release": f"mainstay resume {root.id}"}

    def why_paused(self, plan: Plan) -> str:
        """Say that what is approved of a plan does not happen before it goes on; empty where it does."""
        held = self.why_held(plan)
        if not held["held"]:
            return ""
        who = "by you" if held["held"] == OWN_PAUSE else f"({held['held'].rstrip('.')})"
        return f"Its plan is paused {who}; what you approve happens once you let it go on"

    def paused(self, plan_id: str) -> Row | None:
        """Say since when a paused plan is that, by whom and why; None where it never was. No more of it is read."""
        last = self._reader.last(f"plan:{plan_id}", e.PlanPaused.__name__)
        if last is None or not isinstance(last.fact, e.PlanPaused):
            return None
        return {"since": self.time(last.recorded_at_us), "by": last.fact.by, "reason": last.fact.reason}

    def _answered(self, plan: Plan, asked: e.DecisionAsked) -> Row:
        """Say how the last questions of this step were answered, in all plans of its playbook."""
        name = step_name(asked.paths[0])
        counts = asked.kind in DECIDABLE
        rows = self._reader.rows(queries.ANSWERS_ALIKE, (plan.playbook, name, LAST + 1)) if counts else []
        rows = [row for row in rows if row[2] != asked.decision][:LAST]  # a closed one was no answer before itself
        found = answered([(choice, self.time(at_us)) for choice, at_us, _, _ in rows])
        if rows and rows[0][3] != "effect":  # of a single action nothing can be left out
            found["last"]["kept"] = self._last_kept(rows[0][2])
        return found

    def _edits(self, recorded: list[e.Recorded], asked: e.DecisionAsked) -> list[Row]:
        """List what a yes changed: the row, the action's path and operation, its arguments before and as approved."""
        found: list[Row] = []
        before: dict[str, Value] = {}
        for fact in (event.fact for event in recorded if isinstance(event.fact, e.EffectPrepared)):
            if fact.ruling == asked.decision and fact.edited and fact.path in asked.paths:
                then, now = self._payloads.load(before.get(fact.path)), self._payloads.load(fact.arguments)
                row = {"row": asked.paths.index(fact.path), "path": fact.path, "operation": fact.operation}
                found.append(row | {"names": list(fact.edited), "before": then or {}, "now": now or {}})
            before[fact.path] = fact.arguments
        return found

    def what(self, event: e.Recorded, plan: Plan) -> str:
        """Say what a fact of a plan tells, with the names in it; of an answer also which readings it picked."""
        fact = event.fact
        said = self.named(say(fact), plan, str(getattr(fact, "path", "")))
        if not isinstance(fact, e.DecisionRuled) or fact.rows is None:
            return said
        asked = (one.fact for one in self.recorded(plan.id) if isinstance(one.fact, e.DecisionAsked))
        card = next((one.card for one in asked if one.decision == fact.decision), None)
        with suppress(MainstayError):  # its card's file is gone: that is said elsewhere
            return ". You picked ".join([said.removesuffix("."), *self._picked(self.opened(card), fact)])
        return said

    def _picked(self, card: Value, ruled: e.DecisionRuled | None) -> list[str]:
        """Say which rows a yes read otherwise than proposed, or had to say it of."""
        listed = card.get("rows") if isinstance(card, dict) else None
        rows = cast("list[Value]", listed if isinstance(listed, list) else [])
        if ruled is None or not can_pick(rows):
            return []
        return told(rows, found_again(rows, ruled.kept, self._payloads.load(ruled.rows)))

    def _last_kept(self, decision: str) -> str:
        """Say how much of the list of an answered question the yes was for; "" where it was for all of it."""
        recorded = self.recorded(decision.rpartition(".")[0])
        said = [event.fact for event in recorded if getattr(event.fact, "decision", "") == decision]
        kept = _kept(said)
        asked = next((fact for fact in said if isinstance(fact, e.DecisionAsked)), None)
        if kept is None or asked is None:
            return ""
        return say_kept(len(kept), _listed_in(self._payloads.load(asked.card), asked))

    def _tool_says(self, plan: Plan) -> str:
        """Give why a tool of the operator's wants this, in its own words."""
        given = self._payloads.load(plan.inputs) if plan.playbook.startswith(TOOL) else None
        return str(given.get("reason") or "") if isinstance(given, dict) else ""

    def _named_card(self, card: Value, plan: Plan, asked: e.DecisionAsked) -> Row:
        """Give a card with the names that its sentences were recorded without: those of what went wrong."""
        shown = cast("Row", card) if isinstance(card, dict) else {"headline": str(card)}
        if asked.kind not in ("stuck", "settle", "confirm"):
            return shown
        path = asked.paths[0]
        return {name: self.named(one, plan, path) if isinstance(one, str) else one for name, one in shown.items()}

    def _closed(self, recorded: list[e.Recorded], decision: str, listed: int) -> str:
        """Say why a question no longer waits: who answered it when, or what else ended it."""
        for event in recorded:
            fact = event.fact
            if getattr(fact, "decision", "") != decision:
                continue
            if isinstance(fact, e.DecisionRuled):
                at = self.time(event.recorded_at_us)[:16].replace("T", " ")
                kept = fact.kept if fact.choice == "approve" else None
                did = f"{say_actor(fact.by)} {ANSWER.get(fact.choice, fact.choice)}"
                if kept is not None:
                    did = f"{say_kept(len(kept), listed)} by {say_actor(fact.by)}"
                return f"{did} on {at} ({self._zone})"
            if isinstance(fact, e.DecisionExpired):
                return "it was not answered in time, which means no"
            if isinstance(fact, e.DecisionVoided):
                return f"it no longer matters, {fact.why.rstrip('.')}"
        return "its plan ended"

    def _decisions(self, query: str, plan_id: str) -> list[Row]:
        return [
            {"decision": row[0], "kind": row[2], "open": row[10] == "open", "status": row[10], "choice": row[11]}
            for row in self._reader.rows(query, (plan_id,))
        ]

    def stuck_count(self) -> int:
        """Count what waits for a remedy."""
        return self._reader.rows(queries.STUCK_COUNT)[0][0]

    def stuck(self, limit: int = -1) -> list[Row]:
        """List what waits for a remedy, the oldest first, all or so many; what has one cause has one `group`."""
        plans: dict[str, Plan] = {}
        return [
            self._stuck(row[0], plans.get(row[1]) or plans.setdefault(row[1], self.plan(row[1])), row)
            for row in self._reader.rows(queries.OPEN_STUCK, (limit,))
        ]

    def stopped(self, decisions: Iterable[str]) -> list[list[str]]:
        """Give which of some questions are about what one budget stopped, for each that stopped several of them."""
        found: dict[tuple[str, str], list[str]] = {}
        for decision, message in self._reader.rows(queries.STUCK_SAYING, (encode(list(decisions)).decode(),)):
            if may_be_stopped(message) and (by := self._stopped_by(decision)) is not None:
                found.setdefault((by.name, by.per), []).append(decision)
        return [named for named in found.values() if len(named) > 1]

    def _stopped_by(self, decision: str) -> StoppedBy | None:
        """Name the budget that a question is about; its plan is read once, because what it asks about stays so."""
        if decision not in self._budget_of:
            if len(self._budget_of) >= KEPT:
                self._budget_of.clear()
            try:
                plan = self.plan(decision.rpartition(".")[0])
            except LedgerError:
                return None  # its own card says that it can't be read
            asked = plan.questions.get(decision)
            self._budget_of[decision] = stopped_by(plan.slots[asked.paths[0]].failure) if asked else None
        return self._budget_of[decision]

    def together(self, decisions: Iterable[str]) -> list[Row]:
        """Group what is stuck of some questions by its cause, as `stuck` does with all."""
        rows = self._reader.rows(queries.THESE_OPEN, (encode(list(decisions)).decode(),))
        return grouped([self._stuck(row[0], self.plan(row[1]), row) for row in rows])

    def _stuck(self, decision: str, plan: Plan, row: tuple[Any, ...]) -> Row:
        question = plan.questions[decision]
        path = question.paths[0]
        slot, failure = plan.slots[path], plan.slots[path].failure
        does = does_of(plan, path)
        message, error_class = (failure.message, failure.error_class) if failure else (row[7] or row[6], "")
        by = stopped_by(failure) if question.kind == "stuck" else None
        cause = (does, error_class, message) if by is None else (f"budget {by.name} {by.per}", error_class, "")
        return {
            "decision": decision,
            "plan": plan.id,
            "title": plan.title,
            "kind": question.kind,
            "path": path,
            "action": say_path(path),
            "does": does,
            "group": group_of(question.kind, *cause),
            "budget": "" if by is None else by.name,
            "stands": "" if by is None else by.stands,
            "class": error_class,
            "message": self.named(message, plan, path),
            "remedy": self.named(failure.remedy, plan, path) if failure else "",
            "options": list(question.options),
            "arguments": (given := self._payloads.load(slot.arguments)),
            "with": what_with(given, TELLING),
            "asked_at": self.time(row[3]),
        }


def _listed_in(card: Value, asked: e.DecisionAsked) -> int:
    """Count what a question lists."""
    found: Any = (card.get("rows") or card.get("covers")) if isinstance(card, dict) else None
    return len(found or asked.paths)


def _ruled(said: Iterable[e.AnyFact]) -> e.DecisionRuled | None:
    return next((fact for fact in said if isinstance(fact, e.DecisionRuled)), None)


def _kept(said: Iterable[e.AnyFact]) -> list[int] | None:
    """Give the rows of a list that a yes was for, counted from 0; None: all of them, or no yes."""
    found = _ruled(said)
    return None if found is None or found.kept is None or found.choice != "approve" else list(found.kept)


def _is_of_files(plan: Plan, asked: e.DecisionAsked, slot: Slot) -> bool:
    """Whether a step is stuck on files that the plan was given: other ones would need a new plan."""
    if asked.kind != "stuck" or plan.parent or plan.playbook.startswith(TOOL):
        return False
    given = digests_in(plan.inputs)
    return any(digest in given for digest in digests_in(slot.arguments))


def digests_in(value: Value) -> set[str]:
    """Name the stored files within a value."""
    return {mark.digest for mark in marks_in(value) if isinstance(mark, BlobRef)}
