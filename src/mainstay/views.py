"""What an operator can look at: plans, questions, history. Reads only, takes no lock, needs no owner.

Every function gives plain data (dicts and lists), the same for screens and for --json.
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

import msgspec

from mainstay import events as e
from mainstay.contracts import from_plain, marks_in
from mainstay.encoding import decode_value
from mainstay.errors import LedgerError, UnknownNameError
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold
from mainstay.kernel.replay import replay
from mainstay.kernel.state import END, OPEN_PLAN, duty_of, is_item, is_stopped, step_name
from mainstay.kernel.undo import undo_order
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger import queries
from mainstay.ledger.anchor import last_anchor, read_anchors
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.chain import Mark
from mainstay.ledger.head import HEAD_NAME, KEEPS_HEAD, judge, place_of, read_witness
from mainstay.ledger.head import read as read_head
from mainstay.ledger.known import KnownReader
from mainstay.ledger.people import PersonKeys
from mainstay.ledger.reader import SqliteReader
from mainstay.requests.asked import labels_of, recall_line, rejection_used, unreadable, what_follows
from mainstay.requests.forgetting import find_person
from mainstay.requests.leaning import leaning
from mainstay.requests.release import STREAM, in_doubt, plans_in_doubt, reason_of
from mainstay.requests.release import shown as shown_doubt
from mainstay.requests.stuck import STUCK_KINDS, group_of
from mainstay.runtime.journal import told_calls
from mainstay.runtime.names import last_output, local_time
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.sealing import FORGOTTEN_UNDO, Opener
from mainstay.sentences import ANSWER, QUESTION, SLOT, say, say_actor, say_event, say_no, say_path, say_status
from mainstay.values import SECOND_US, BlobRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.kernel.state import Plan
    from mainstay.ports import Catalogue
    from mainstay.values import Value
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
PAST_RUNS = 20
_QUIET = frozenset({"PlanParked", "PlanApproved"})  # of no use on a timeline


class Views:
    """Reads one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Open read-only; raises WrongKeyError or LedgerError."""
        keys = ledger_keys.load(workspace.state)
        self._reader = SqliteReader(workspace.ledger, keys.database)
        self._people = PersonKeys(self._reader.rows, keys.people)
        self._opener = Opener(self._people.open, screen=True)
        self._payloads = Payloads(FileBlobs(workspace.blobs, keys.blobs), self._opener)
        self._zone = workspace.config.company.timezone
        self._id, self._path = keys.workspace, workspace.ledger
        self._witness = ledger_keys.witness_file(workspace.state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def known(self) -> dict[str, list[Row]]:
        """Give what was learned from the operator's answers: payers, and layouts of tables."""
        known = KnownReader(self._reader, self._opener.open)
        return {
            "payers": [msgspec.to_builtins(payer) for payer in known.payers()],
            "layouts": [msgspec.to_builtins(layout) for layout in known.layouts()],
        }

    # --- a workspace in quarantine

    def held(self) -> str:
        """Say why all work is stopped (KERNEL L6); empty when it is not."""
        return reason_of(self._reader.read(STREAM))

    def moved(self) -> str:
        """Say why the next owner will stop all work: this is not the history it was; empty when it is."""
        expected = bool(self._reader.rows(KEEPS_HEAD)[0][0])
        here, head = place_of(self._path), read_head(self._path.with_name(HEAD_NAME))
        return judge(self._reader, here, head, read_witness(self._witness, here), expected=expected)

    def in_doubt(self, catalogue: Catalogue) -> list[Row]:
        """List, plan by plan, what may have happened since a copied history ends."""
        found: list[Row] = []
        for plan in map(self.plan, plans_in_doubt(self._reader.rows)):
            held = list(in_doubt(plan, catalogue, time.time_ns() // 1000))
            if held:
                prepared = {
                    one.fact.path: one.fact for one in self.recorded(plan.id) if isinstance(one.fact, e.EffectPrepared)
                }
                row = shown_doubt(held, plan.title)
                for action, one in zip(row["actions"], (one for one in held if one.doubt != "later"), strict=True):
                    named = self._action(one.path, prepared[one.path], catalogue)["headline"]
                    action["headline"] = f"undo: {named}" if one.path.startswith("~") else named
                found.append(row)
        return found

    def person(self, name: str) -> Row:
        """Find who is known by a name, an account, a mail address or a customer's number, and where they stand."""
        return find_person(self._reader, self._people, self._payloads.raw, self._opener, name)

    # --- plans

    def plans(self, *, limit: int = 50, open_only: bool = False) -> list[Row]:
        """List plans, the newest first."""
        query = queries.OPEN_PLANS if open_only else queries.PLANS
        return [
            {
                "plan": row[0],
                "playbook": row[1],
                "title": row[2],
                "status": row[3],
                "says": "paused" if row[11] is not None else say_status(row[3], row[12]),
                "proposed_at": self.time(row[5]),
                "ended_at": self.time(row[7]),
                "questions": [d["decision"] for d in self._decisions(queries.DECISIONS_OF_FAMILY, row[0]) if d["open"]],
            }
            for row in self._reader.rows(query, (limit, 0))
        ]

    def past_runs(self, playbook: str) -> Row:
        """Say how long the last completed runs of a playbook took and what they cost: how many, and the medians.

        Times asleep and times of waiting for an answer count: it is how long the next one may take.
        """
        rows = self._reader.rows(queries.LAST_RUNS, (playbook, PAST_RUNS))
        if not rows:
            return {"runs": 0, "took_s": None, "cost_usd_micros": None}
        took_us, cost = (statistics.median(row[index] for row in rows) for index in (0, 1))
        return {"runs": len(rows), "took_s": took_us / SECOND_US, "cost_usd_micros": round(cost)}

    def unfinished(self) -> list[str]:
        """Name the plans that have something to do and wait for nobody's answer; an owner goes on with them.

        Those that wait for their turn go on when the plans before them end, those that are paused when you say so.
        """
        asked = {row[1].partition("-")[0] for row in self._reader.rows(queries.OPEN_DECISIONS, (1000, 0))}
        live = {row[0].partition("-")[0] for row in self._reader.rows(queries.LIVE_PLANS)}
        going = self._reader.rows(queries.OPEN_PLANS, (1000, 0))
        still = {row[0] for row in going if row[3] in ("proposed", "approved") or row[11] is not None}
        return sorted(live | {row[0] for row in going if row[0] not in asked | still})

    def plan_id(self, prefix: str) -> str:
        """Give the id that begins so; raises UnknownNameError when there is none, or more than one."""
        rows = self._reader.rows(queries.PLANS_BY_PREFIX, (prefix, prefix)) if prefix else []
        exact = [row[0] for row in rows if row[0] == prefix]
        if exact or len(rows) == 1:
            return exact[0] if exact else rows[0][0]
        if rows:
            raise UnknownNameError(f"More than one plan begins with '{prefix}'.", remedy="Give more of its id.")
        raise UnknownNameError(f"There is no plan '{prefix}'.", remedy="`mainstay plans` lists them.")

    def plan(self, plan_id: str) -> Plan:
        """Fold a plan."""
        recorded = self._reader.read(f"plan:{plan_id}")
        if not recorded:
            raise UnknownNameError(f"There is no plan '{plan_id}'.", remedy="`mainstay plans` lists them.")
        return fold(plan_id, Graph(self.definition(recorded[0])), recorded)

    def definition(self, proposed: e.Recorded) -> Definition:
        """Give the definition a plan started with."""
        assert isinstance(proposed.fact, e.PlanProposed)
        return msgspec.msgpack.decode(self._payloads.blobs.get(proposed.fact.definition), type=Definition)

    def show(self, plan_id: str) -> Row:
        """Show a plan: its steps, its timeline with causes, its questions, what an undo would do."""
        plan = self.plan(plan_id)
        possible, impossible = undo_order(plan)
        return {
            "plan": plan.id,
            "playbook": plan.playbook,
            "title": plan.title,
            "status": plan.status,
            "says": say_status(plan.status, plan.ending) if plan.paused_at_us is None else "paused",
            "paused_at": self.time(plan.paused_at_us),
            "priority": plan.priority,
            "inputs": self._payloads.load(plan.inputs),
            "input_types": {one.name: one.type for one in plan.graph.definition.inputs},
            "ending": plan.ending,
            "returns": self._payloads.load(plan.output),
            "proposed_at": self.time(plan.proposed_at_us),
            "ended_at": self.time(self._ended_at(plan_id)),
            "expires_at": self.time(plan.expires_at_us),
            "steps": [self._step(plan, name) for name in plan.graph.steps],
            "timeline": self.timeline(plan_id),
            "questions": [self.question(decision) for decision in plan.questions],
            "undo": {
                "possible": [say_path(path) for path in possible],
                "impossible": [{"action": say_path(path), "why": why} for path, why in impossible],
            },
            "not_undone": self._not_undone(plan),
            "parts": [child for slot in plan.slots.values() for child in slot.children],
            "leaving": self.leaving(plan_id),
        }

    def _not_undone(self, plan: Plan) -> list[Row]:
        """List what an undo left as it is; what child plans taken back with it left stands in its own list."""
        found = [{"plan": plan.id, "action": say_path(path)} for path in dict.fromkeys(plan.not_undone)]
        for path, slot in plan.slots.items():
            for child in slot.children if "~" + path not in plan.slots else ():
                found += self._not_undone(self.plan(child))
        return found

    def _step(self, plan: Plan, name: str) -> Row:
        step, slot = plan.graph.steps[name], plan.slots.get(name)
        items: dict[str, int] = {}
        for path in plan.slots:
            if is_item(path) and path.startswith(f"{name}/"):
                says = _say_slot(plan, path)
                items[says] = items.get(says, 0) + 1
        return {
            "step": name,
            "does": step.target or step.kind,
            "status": slot.status if slot is not None else "later",
            "says": _say_slot(plan, name),
            "items": items,
            "calls": told_calls(self._reader.read, plan, name, self.time),
            "failure": slot.failure.message if slot is not None and slot.failure is not None else "",
        }

    def _ended_at(self, plan_id: str) -> int | None:
        rows = self._reader.rows(queries.PLAN, (plan_id,))
        return rows[0][7] if rows else None

    def timeline(self, plan_id: str, *, everything: bool = False) -> list[Row]:
        """Tell what happened, in order; `because` names the event that caused it."""
        return [
            {
                "event": event.id,
                "at": self.time(event.recorded_at_us),
                "what": say(event.fact),
                "who": say_actor(event.actor),
                "because": event.cause,
                "kind": event.kind,
            }
            for event in self._reader.read(f"plan:{plan_id}")
            if everything or event.kind not in _QUIET
        ]

    def outputs(self, plan_id: str) -> Row:
        """Give the value of every finished step."""
        plan = self.plan(plan_id)
        done = {name: slot for name, slot in plan.slots.items() if slot.status == "done" and name != END}
        return {
            name: self._payloads.load(last_output(slot) if duty_of(plan, name) == "child" else slot.output)
            for name, slot in done.items()
        }

    def undo_list(self, plan_id: str, catalogue: Catalogue) -> Row:
        """List what an undo would take back, in order, and what it can't; each as its card named it."""
        plan = self.plan(plan_id)
        prepared = {one.fact.path: one.fact for one in self.recorded(plan_id) if isinstance(one.fact, e.EffectPrepared)}
        possible, impossible = undo_order(plan)
        leans = leaning(self._reader.rows, self.plan, plan, possible)
        found: Row = {"plan": plan_id, "title": plan.title, "leaning": leans, "possible": [], "impossible": []}
        for path in possible:
            named = say_path(path) + ": " if duty_of(plan, path) == "child" else ""
            for child in reversed(plan.slots[path].children):
                inner = self.undo_list(child, catalogue)
                for kind in ("possible", "impossible"):
                    found[kind] += [row | {"action": named + row["action"]} for row in inner[kind]]
            if path in prepared:
                undo = plan.slots[path].undo
                if undo is not None and self._payloads.lost(undo.arguments):
                    impossible = (*impossible, (path, FORGOTTEN_UNDO))
                    continue
                by = _summary(catalogue, undo.operation) if undo is not None else ""
                found["possible"].append(self._action(path, prepared[path], catalogue) | {"by": by})
        left = [one for one in impossible if one[0] in prepared]
        found["impossible"] += [self._action(path, prepared[path], catalogue) | {"why": why} for path, why in left]
        return found

    def _action(self, path: str, prepared: e.EffectPrepared, catalogue: Catalogue) -> Row:
        """Name one action by the headline of its card."""
        headline = prepared.operation
        with suppress(UnknownNameError, msgspec.ValidationError):
            operation = catalogue.operation(prepared.operation)
            typed = from_plain(self._payloads.load(prepared.arguments), operation.input)
            headline = operation.card(typed).headline if operation.card is not None else operation.summary
        return {"action": say_path(path), "step": step_name(path), "headline": headline}

    def replay(self, plan_id: str) -> Row:
        """Decide a plan's history again with the present release, without effects; name the first difference."""
        plan, recorded = self.plan(plan_id), self.recorded(plan_id)
        found = replay(plan_id, plan.graph, recorded)
        at = recorded[min(found.position or found.facts, found.facts) - 1]
        return {
            "plan": plan_id,
            "facts": found.facts,
            "same": found.same,
            "first_difference": f"{found.position}: {found.difference}" if found.difference else "",
            "record": {"position": at.position, "at": self.time(at.recorded_at_us), "what": say(at.fact)},
            "digest": self._reader.digest_at(at.position),
            "parts": [child for slot in plan.slots.values() for child in slot.children],
        }

    # --- questions

    def inbox(self) -> list[Row]:
        """List the questions that wait, with their cards, the oldest first."""
        rows = self._reader.rows(queries.OPEN_DECISIONS, (1000, 0))
        return [self._question_or_why(row[0], row[1]) for row in rows]

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
        for event in self._reader.read(f"plan:{plan_id}"):
            if isinstance(event.fact, e.DecisionAsked) and event.fact.decision == decision:
                return self._card(plan_id, event, event.fact)
        raise UnknownNameError(f"There is no question '{decision}'.", remedy="`mainstay inbox` lists them.")

    def decision_id(self, text: str) -> str:
        """Give the whole id of a question; the plan's id may be cut, but never left out."""
        prefix, _, number = text.rpartition(".")
        if prefix and number.isdigit():
            return f"{self.plan_id(prefix)}.{number}"
        if not text:
            raise UnknownNameError("No question is named.", remedy="`mainstay inbox` lists them.")
        found = [row[0] for row in self._reader.rows(queries.OPEN_DECISIONS, (1000, 0)) if row[0].startswith(text)]
        if len(found) == 1:
            return found[0]
        what = "No question that waits" if not found else "More than one question that waits"
        raise UnknownNameError(f"{what} begins with '{text}'.", remedy="`mainstay inbox` lists them.")

    def _card(self, plan_id: str, event: e.Recorded, asked: e.DecisionAsked) -> Row:
        plan = self.plan(plan_id)
        card = self._payloads.load(asked.card)
        state = [d for d in self._decisions(queries.DECISIONS_OF_PLAN, plan_id) if d["decision"] == asked.decision]
        slot = plan.slots[asked.paths[0]]
        return {
            "decision": asked.decision,
            "plan": plan_id,
            "title": plan.title,
            "kind": asked.kind,
            "says": QUESTION[asked.kind],
            "actions": [say_path(path) for path in asked.paths],
            "card": card if isinstance(card, dict) else {"headline": str(card)},
            "options": list(asked.options),
            "binds": list(asked.binds),
            "rule": asked.rule,
            "why": asked.why,
            "cannot_undo": slot.cannot_undo,
            "parts": list(slot.children),
            "if_no": say_no(asked.kind, rejection_used=rejection_used(plan, asked)),
            "follows": what_follows(plan, asked),
            "arguments": self._payloads.load(slot.arguments) if asked.kind in ("stuck", "effect") else None,
            "cost_usd_micros": sum(getattr(one.fact, "cost_usd_micros", 0) for one in self.recorded(plan_id)),
            "came_from": [say_actor(label) for label in labels_of(plan, asked)],
            "to": asked.to,
            "reminded": sum(
                isinstance(one.fact, e.DecisionReminded) and one.fact.decision == asked.decision
                for one in self.recorded(plan_id)
            ),
            "asked_at": self.time(event.recorded_at_us),
            "due_at": self.time(asked.due_at_us),
            "plan_expires_at": self.time(plan.expires_at_us),
            "rows_may_be_kept": asked.kind == "batch" or (asked.kind == "ask" and "rows" in cast("Row", card or {})),
            "timezone": self._zone,
            "open": bool(state and state[0]["open"]),
            "closed": "" if state and state[0]["open"] else self._closed(plan_id, asked.decision),
            "answer": state[0]["choice"] if state else "",
        }

    def _closed(self, plan_id: str, decision: str) -> str:
        """Say why a question no longer waits: who answered it when, or what else ended it."""
        for event in self.recorded(plan_id):
            fact = event.fact
            if getattr(fact, "decision", "") != decision:
                continue
            if isinstance(fact, e.DecisionRuled):
                at = self.time(event.recorded_at_us)[:16].replace("T", " ")
                return f"{say_actor(fact.by)} {ANSWER.get(fact.choice, fact.choice)} on {at}"
            if isinstance(fact, e.DecisionExpired):
                return "it was not answered in time, which means no"
            if isinstance(fact, e.DecisionVoided):
                return f"it no longer matters, {fact.why.rstrip('.')}"
        return "its plan ended"

    def stuck(self) -> list[Row]:
        """List what waits for a remedy, the oldest first; what has one cause has one `group`."""
        plans: dict[str, Plan] = {}
        waiting = [row for row in self._reader.rows(queries.OPEN_DECISIONS, (10_000, 0)) if row[2] in STUCK_KINDS]
        return [
            self._stuck(row[0], plans.get(row[1]) or plans.setdefault(row[1], self.plan(row[1])), row)
            for row in waiting
        ]

    def _stuck(self, decision: str, plan: Plan, row: tuple[Any, ...]) -> Row:
        question = plan.questions[decision]
        path = question.paths[0]
        slot, failure = plan.slots[path], plan.slots[path].failure
        step = plan.step(path)
        does = slot.operation or (f"agent {step.target}" if step.kind == "agent" else step.target or step.kind)
        message, error_class = (failure.message, failure.error_class) if failure else (row[7] or row[6], "")
        return {
            "decision": decision,
            "plan": plan.id,
            "title": plan.title,
            "kind": question.kind,
            "path": path,
            "action": say_path(path),
            "does": does,
            "group": group_of(question.kind, does, error_class, message),
            "class": error_class,
            "message": message,
            "remedy": failure.remedy if failure else "",
            "options": list(question.options),
            "arguments": self._payloads.load(slot.arguments),
            "asked_at": self.time(row[3]),
        }

    def offline(self) -> Row | None:
        """Say since when there is no network, and how many actions wait for one; None while nothing does."""
        waiting = self._reader.rows(queries.TIMERS_ONLINE)
        last = next(iter(self._reader.rows(queries.LAST_OF_STREAMS, ("network:", "network;"))), None)
        if not waiting or last is None or last[0] != e.NetworkLost.__name__:
            return None
        return {"since": self.time(last[1]), "waiting": len(waiting)}

    def clock_set(self) -> str:
        """Say that the clock was set a while ago, so that nothing expires (KERNEL P5); empty when that is over."""
        last = next(iter(self._reader.read("clock")[-1:]), None)
        if last is None or not isinstance(last.fact, e.ClockJumped):
            return ""
        ago_s = (time.time_ns() // 1000 - last.recorded_at_us) / SECOND_US
        return say(last.fact) if ago_s < last.fact.grace_s else ""

    def leaving(self, plan_id: str = "") -> list[Row]:
        """List approved actions that leave at a time, the first one first; only those of a plan, where one is named."""
        found: list[Row] = []
        for due_us, of, path in self._reader.rows(queries.TIMERS_DISPATCH):
            if plan_id in ("", of, of.partition("-")[0]):
                plan = self.plan(of)
                found.append(
                    {
                        "plan": of,
                        "title": plan.title,
                        "path": path,
                        "action": say_path(path),
                        "does": plan.slots[path].operation,
                        "leaves_at": self.time(due_us),
                        "recall": recall_line(plan, path),
                    }
                )
        return found

    def _decisions(self, query: str, plan_id: str) -> list[Row]:
        return [
            {"decision": row[0], "kind": row[2], "open": row[10] == "open", "status": row[10], "choice": row[11]}
            for row in self._reader.rows(query, (plan_id,))
        ]

    # --- history

    def tail(self, after: int = 0, limit: int = 1000) -> list[Row]:
        """Give the newest or following events of the whole history."""
        head = self._reader.head()[0]
        start = after or max(0, head - limit)
        return [
            {
                "position": event.position,
                "event": event.id,
                "at": self.time(event.recorded_at_us),
                "kind": event.kind,
                "who": say_actor(event.actor),
                "what": say(event.fact),
                "because": event.cause,
            }
            for event in self._reader.tail(start, limit)
        ]

    def verify(self, progress: Callable[[int], None] | None = None, anchors: str = "") -> Row:
        """Walk the chain, and look at all that lies beside it: what is not as it was written is named.

        It is held against its head, and against the anchors in a text. Raises InputError when those can't be read.
        """
        marks = [*self._heads(), *(one.mark for one in (read_anchors(anchors, self._id) if anchors else ()))]
        found = self._reader.verify(progress, marks)
        last = last_anchor(self._reader.read, time.time_ns() // 1000) if found.bad is None else None
        return {
            "records": found.records,
            "head": found.head,
            "bad": found.bad,
            "why": found.why,
            "damaged": list(found.damaged),
            "against": [msgspec.to_builtins(mark) for mark in found.marks],
            "anchored": None if last is None else {"record": last[0], "at": self.time(last[1])},
            "files": self._unusable_files(),
        }

    def _heads(self) -> list[Mark]:
        """Give what the head beside the history and the one beside its key say, of this very file."""
        here = place_of(self._path)
        head, witness = read_head(self._path.with_name(HEAD_NAME)), read_witness(self._witness, here)
        found = (("its head", head), ("its head beside the key", witness))
        return [Mark(name, one.position, one.digest) for name, one in found if one and one.place.is_same_file(here)]

    def _unusable_files(self) -> list[Row]:
        """Name the stored files that facts speak of, and that are missing or altered; each once."""
        seen: set[str] = set()
        found: list[Row] = []
        with suppress(LedgerError):  # of a history that can't be read any further; the walk along the chain said so
            for event in self._reader.tail(limit=sys.maxsize):
                waiting = list(marks_in(event.fact))
                while waiting:
                    mark = waiting.pop()
                    if not isinstance(mark, BlobRef) or mark.digest in seen:
                        continue
                    seen.add(mark.digest)
                    try:
                        content = self._payloads.raw.get(mark)
                    except LedgerError as error:
                        of = event.plan or event.stream.removeprefix("plan:")
                        found.append({"plan": of, "says": error.message, "next": error.remedy})
                        continue
                    if mark.media == e.VALUE_MEDIA:
                        waiting += marks_in(decode_value(content))
        return found

    def recorded(self, plan_id: str) -> list[e.Recorded]:
        """Give a plan's facts."""
        return self._reader.read(f"plan:{plan_id}")

    def opened(self, value: Value) -> Value:
        """Give a value of a fact as it is shown: opened, what was forgotten as "[forgotten]"."""
        return self._payloads.load(value)

    def time(self, at_us: int | None) -> str:
        """Give a time as the operator's clock shows it, ISO 8601."""
        return "" if at_us is None else local_time(at_us, self._zone).isoformat(timespec="seconds")


def _say_slot(plan: Plan, path: str) -> str:
    slot, undo = plan.slots.get(path), plan.slots.get(f"~{path}")
    if slot is None:
        return "later" if plan.status in OPEN_PLAN else "not reached"
    if slot.status == "waiting" and slot.awaits and not is_stopped(plan, slot):
        return f"waiting for {say_event(slot.awaits)}"
    says = "stopped with the plan" if is_stopped(plan, slot) else SLOT[slot.status]
    return "taken back" if undo is not None and undo.status == "done" else says


def _summary(catalogue: Catalogue, operation: str) -> str:
    try:
        return catalogue.operation(operation).summary
    except UnknownNameError:
        return operation
