"""The plans: their list, one with its steps and what happened, and what they wait for."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mainstay import events as e
from mainstay.errors import MainstayError
from mainstay.kernel.rules import is_gone, is_newer
from mainstay.kernel.state import END, FINAL, OPEN_PLAN, duty_of, is_item, is_stopped
from mainstay.kernel.undo import undo_order
from mainstay.ledger import queries
from mainstay.ledger.codec import decode_fact
from mainstay.requests.asked import hasten_line, place_of, recall_line
from mainstay.runtime.bounces import PREFIX as BOUNCES
from mainstay.runtime.journal import told_calls
from mainstay.runtime.names import last_output
from mainstay.sentences import SLOT, say, say_actor, say_event, say_offline, say_path, say_plan, say_status, say_wait
from mainstay.values import SECOND_US
from mainstay.views.questions import Questions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.kernel.state import Plan
    from mainstay.views.opening import Row


PAST_RUNS = 20
_QUIET = frozenset({"PlanParked", "PlanApproved"})  # of no use on a timeline


class Plans(Questions):
    """What is going on, and what came of it."""

    def plans(self, *, limit: int = 50, open_only: bool = False) -> list[Row]:
        """List plans, the newest first."""
        query = queries.OPEN_PLANS if open_only else queries.PLANS
        return self._listed(self._reader.rows(query, (limit, 0)))

    def _listed(self, rows: Iterable[tuple[Any, ...]]) -> list[Row]:
        found: list[Row] = [
            {
                "plan": row[0],
                "playbook": row[1],
                "title": row[2],
                "status": row[3],
                "says": "paused" if row[11] is not None else say_status(row[3], row[12]),
                "proposed_at": self.time(row[5]),
                "ended_at": self.time(row[7]),
                "questions": [d["decision"] for d in self._decisions(queries.DECISIONS_OF_FAMILY, row[0]) if d["open"]],
                "paused": row[11] is not None,
                "waits": False,  # does nothing but wait for a time or an event
            }
            for row in rows
        ]
        for row in found:
            if row["status"] == "completed" and self._was_left_out(row["plan"]):
                with suppress(MainstayError):
                    row["says"] = say_plan(self.plan(row["plan"]))
            if row["status"] == "running" and not row["paused"]:
                waits = "" if row["questions"] else self._says_waits(row["plan"])
                row["waits"] = waits != ""
                row["says"] = "needs your decision" if row["questions"] else waits or row["says"]
        return found

    def _was_left_out(self, plan_id: str) -> bool:
        """Whether somebody left something of a plan out: few did, so that only theirs are read."""
        rows = self._decisions(queries.DECISIONS_OF_PLAN, plan_id)
        return any(row["choice"] == "skip" for row in rows)

    def _plan_says(self, plan: Plan) -> str:
        if plan.paused_at_us is not None:
            return "paused"
        return say_plan(plan)

    def _says_waits(self, plan_id: str) -> str:
        """Say what a plan waits for, where it and its child plans do nothing else; empty where something works.

        Empty too where the plan can't be read: that is said where one looks at it, and hides no other.
        """
        waits = None
        with suppress(MainstayError):
            waits = self._waits(plan_id)
        if not waits:
            return ""
        until, event = min(waits, key=lambda wait: (not wait[0], wait))
        return say_wait(event, f"{until[:16].replace('T', ' ')} ({self._zone})" if until else "")

    def _waits(self, plan_id: str) -> list[tuple[str, str]] | None:
        """List the waits of a plan: until when at the latest, for what; None where something else goes on."""
        plan = self.plan(plan_id)
        due = {path: self.time(at_us) for at_us, path in self._reader.rows(queries.TIMERS_WAIT, (plan_id,))}
        found: list[tuple[str, str]] = []
        for path, slot in plan.slots.items():
            if slot.status == "waiting":
                found.append((due.get(path, ""), slot.awaits))
            elif slot.status == "fanned":  # its items have slots of their own
                inner = [self._waits(child) for child in slot.children if self.plan(child).status in OPEN_PLAN]
                if None in inner:
                    return None
                found += [wait for waits in inner for wait in waits or ()]
            elif slot.status not in FINAL:
                return None
        return found

    def left_alone(self) -> dict[str, int]:
        """Name the plans that started under rules which this release does not have, with the number (KERNEL L10)."""
        started = {row[0]: decode_fact("PlanStarted", row[1], row[2]) for row in self._reader.rows(queries.STARTED)}
        return {
            plan: fact.kernel
            for plan, fact in started.items()
            if isinstance(fact, e.PlanStarted) and (is_gone(fact.kernel) or is_newer(fact.kernel))
        }

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
        live = {row[0].partition("-")[0] for row in self._reader.rows(queries.LIVE_PLANS)}
        return sorted(live | {row[0] for row in self._reader.rows(queries.UNASKED_PLANS)})

    def show(self, plan_id: str) -> Row:
        """Show a plan: its steps, its timeline with causes, its questions, what an undo would do."""
        plan = self.plan(plan_id)
        possible, impossible = undo_order(plan)
        undone = self._reader.rows(queries.UNDONE_PARTS, (plan_id,))
        return {
            "plan": plan.id,
            "playbook": plan.playbook,
            "title": plan.title,
            "status": plan.status,
            "says": self._plan_says(plan),
            "paused_at": self.time(plan.paused_at_us),
            "priority": plan.priority,
            "inputs": self._payloads.load(plan.inputs),
            "input_types": {one.name: one.type for one in plan.graph.definition.inputs},
            "ending": plan.ending,
            "returns": self._payloads.load(plan.output),
            "proposed_at": self.time(plan.proposed_at_us),
            "ended_at": self.time(self._ended_at(plan_id)),
            "expires_at": self.time(plan.expires_at_us),
            "steps": self._steps(plan),
            "timeline": self.timeline(plan_id),
            "questions": [self.question(decision) for decision in plan.questions],
            "undo": {
                "possible": [say_path(path) for path in possible],
                "impossible": [{"action": say_path(path), "why": why} for path, why in impossible],
            },
            "not_undone": self._not_undone(plan, frozenset(row[0] for row in undone)),
            "parts": [child for slot in plan.slots.values() for child in slot.children],
            "leaving": self.leaving(plan_id),
            "bounced": self.bounced(plan),
        }

    def _not_undone(self, plan: Plan, begun: frozenset[str]) -> list[Row]:
        """List what an undo left as it is; what child plans taken back with it left stands in its own list.

        `begun` are the child plans, and theirs, of which something was to be taken back: the others left nothing.
        """
        found = [{"plan": plan.id, "action": say_path(path)} for path in dict.fromkeys(plan.not_undone)]
        for path, slot in plan.slots.items():
            for child in slot.children if "~" + path not in plan.slots else ():
                if any(f"{one}-".startswith(f"{child}-") for one in begun):
                    found += self._not_undone(self.plan(child), begun)
        return found

    def _steps(self, plan: Plan) -> list[Row]:
        items: dict[str, dict[str, int]] = {}
        for path in plan.slots:
            if is_item(path):
                of, says = items.setdefault(path.partition("/")[0], {}), _say_slot(plan, path)
                of[says] = of.get(says, 0) + 1
        return [self._step(plan, name, items.get(name, {})) for name in plan.graph.steps]

    def _step(self, plan: Plan, name: str, items: dict[str, int]) -> Row:
        step, slot = plan.graph.steps[name], plan.slots.get(name)
        return {
            "step": name,
            "does": step.target or step.kind,
            "status": slot.status if slot is not None else "later",
            "says": _say_slot(plan, name),
            "items": items,
            "calls": told_calls(self._reader.read, plan, name, self.time),
            "failure": self.named(slot.failure.message, plan, name)
            if slot is not None and slot.failure is not None
            else "",
        }

    def _ended_at(self, plan_id: str) -> int | None:
        rows = self._reader.rows(queries.PLAN, (plan_id,))
        return rows[0][7] if rows else None

    def timeline(self, plan_id: str, *, everything: bool = False) -> list[Row]:
        """Tell what happened, in order; `because` names the event that caused it."""
        recorded = self.recorded(plan_id)
        plan = self._folded(plan_id, recorded) if recorded else None
        beside = self._reader.read(f"{BOUNCES}{plan_id}")
        return [
            {
                "event": event.id,
                "at": self.time(event.recorded_at_us),
                "what": self.what(event, plan) if plan else "",
                "who": say_actor(event.actor),
                "because": event.cause,
                "kind": event.kind,
                "path": getattr(event.fact, "path", ""),
            }
            for event in sorted((*recorded, *beside), key=lambda event: event.position)
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

    def leaving(self, plan_id: str = "", limit: int | None = None) -> list[Row]:
        """List approved actions that leave at a time, the first one first; only those of a plan, where one is named."""
        found: list[Row] = []
        for due_us, of, path in self._reader.rows(queries.TIMERS_DISPATCH)[:limit]:
            if plan_id in ("", of, of.partition("-")[0]):
                plan = self.plan(of)
                found.append(
                    {
                        "plan": of,
                        "title": plan.title,
                        "path": path,
                        "action": say_path(path),
                        "does": plan.slots[path].operation,
                        "cannot_undo": plan.slots[path].cannot_undo,
                        "leaves_at": self.time(due_us),
                        "item": place_of(plan, path)[2],
                        "recall": recall_line(plan, path),
                        "hasten": hasten_line(plan, path),
                        **self.why_held(plan),
                    }
                )
        return found

    def offline(self) -> Row | None:
        """Say since when there is no network, and how many actions wait for one; None while nothing does.

        `says` is the same in words, without the time, which each screen writes its own way.
        """
        waiting = self._reader.rows(queries.TIMERS_ONLINE)
        last = next(iter(self._reader.rows(queries.LAST_OF_STREAMS, ("network:", "network;"))), None)
        if not waiting or last is None or last[0] != e.NetworkLost.__name__:
            return None
        return {"since": self.time(last[1]), "waiting": len(waiting), "says": say_offline(len(waiting))}

    def clock_set(self) -> str:
        """Say that the clock was set a while ago, so that nothing expires (KERNEL P5); empty when that is over."""
        last = next(iter(self._reader.read("clock")[-1:]), None)
        if last is None or not isinstance(last.fact, e.ClockJumped):
            return ""
        ago_s = (time.time_ns() // 1000 - last.recorded_at_us) / SECOND_US
        return say(last.fact) if ago_s < last.fact.grace_s else ""


def _say_slot(plan: Plan, path: str) -> str:
    slot, undo = plan.slots.get(path), plan.slots.get(f"~{path}")
    if slot is None:
        return "later" if plan.status in OPEN_PLAN else "not reached"
    if slot.status == "waiting" and slot.awaits and not is_stopped(plan, slot):
        return f"waiting for {say_event(slot.awaits)}"
    says = "stopped with the plan" if is_stopped(plan, slot) else SLOT[slot.status]
    return "taken back" if undo is not None and undo.status == "done" else says
