"""What a company gets of its plans, and what they take of its owner, week by week, from the history (requirement O5).

Each figure has a sentence that defines it, its weeks, and the questions or plans it was counted from.
"""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.values import SECOND_US, say_duration
from mainstay.views.metrics import WEEK_US, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.views.opening import Row

EVIDENCE = 50  # questions or plans that are named for a figure, the newest first
AT_MOST_US = 120 * SECOND_US  # of the operator's time that one answer is taken to need
SELDOM = 10  # a playbook runs by itself where fewer than one in so many of its plans asked
TROUBLE = frozenset({"stuck", "settle", "confirm"})
MEANS = {
    "exceptions": "your time on what was stuck, in doubt or not as it should be; an answer takes the time since the "
    "question, or since your answer before it, whichever is shorter, and two minutes at most",
    "automated": "of the playbooks that ended a plan in that time, the share that asked in fewer than one in ten of "
    "them, and of whose last plan every action can be taken back",
    "latency": "half of your answers came within this, from the question on; nights and holidays count",
    "touch": "your time on answers of all kinds, counted as above, for each plan that ended",
    "cost": "what models and other paid calls cost in plans that ended, sub-plans left out, for each that completed",
    "connectors": "how often calls to a connector were held back because it had failed three times in a row or more",
}


class _Answer(NamedTuple):
    question: str
    kind: str
    plan: str
    playbook: str
    asked_us: int
    ruled_us: int
    touch_us: int


class Figures(Metrics):
    """What is measured, each with what it means and what it was counted from."""

    def figures(self, weeks: int, now_us: int) -> list[Row]:
        """Give them for the last weeks: each of seven days, the last one ends now."""
        since_us = now_us - weeks * WEEK_US
        answers = self._answers(since_us)
        ended = self._reader.rows(queries.ENDED_BY_WEEK, (since_us, WEEK_US, self._position_at(since_us)))

        def by_week(count: Callable[[int], float | None]) -> list[Row]:
            return [{"from": self.time(since_us + week * WEEK_US)[:10], "value": count(week)} for week in range(weeks)]

        weekly: dict[int, list[_Answer]] = {}
        for one in answers:
            weekly.setdefault((one.ruled_us - since_us) // WEEK_US, []).append(one)

        def of(week: int) -> list[_Answer]:
            return weekly.get(week, [])

        def plans(week: int | None, column: int) -> int:
            return sum(row[column] for row in ended if week is None or row[1] == week)

        trouble = [one for one in answers if one.kind in TROUBLE]
        touch_s, exceptions_s = _touch_s(answers), _touch_s(trouble)
        cost, completed = plans(None, 4), plans(None, 3)
        middle, there = _middle(answers), max(1.0, self._days(since_us, now_us) / 7)
        return [
            _figure("exceptions", "Time on exceptions in a week", _span(exceptions_s / there), exceptions_s / there,
                    by_week(lambda week: _touch_s([one for one in of(week) if one.kind in TROUBLE])), _asked(trouble)),
            self._automated(ended, since_us),
            _figure("latency", "Time to your answer", _span(middle) if middle is not None else "", middle,
                    by_week(lambda week: _middle(of(week))), _asked(answers)),
            _figure("touch", "Your time for each plan", _span(touch_s / plans(None, 2)) if ended else "",
                    touch_s / plans(None, 2) if ended else None,
                    by_week(lambda week: _touch_s(of(week)) / plans(week, 2) if plans(week, 2) else None),
                    _asked(answers)),
            _figure("cost", "Cost of an outcome", f"{cost / completed / 1e6:.4f} USD" if completed else "",
                    cost / completed if completed else None,
                    by_week(lambda week: plans(week, 4) / plans(week, 3) if plans(week, 3) else None),
                    [{"plan": row[5], "question": "", "says": row[0]} for row in ended][:EVIDENCE]),
            self._connectors(since_us),
        ]  # fmt: skip

    def _answers(self, since_us: int) -> list[_Answer]:
        found: list[_Answer] = []
        before_us = 0
        for question, kind, plan, playbook, asked_us, ruled_us in self._reader.rows(
            queries.ANSWERED_SINCE, (since_us,)
        ):
            touch_us = max(0, min(ruled_us - asked_us, ruled_us - before_us, AT_MOST_US))
            found.append(_Answer(question, kind, plan, playbook, asked_us, ruled_us, touch_us))
            before_us = ruled_us
        return found

    def _automated(self, ended: Sequence[tuple[str, int, int, int, int, str, int]], since_us: int) -> Row:
        asked = dict(self._reader.rows(queries.ASKED_IN, (since_us,)))
        counts: dict[str, int] = {}
        last: dict[str, tuple[int, str]] = {}
        for playbook, _, many, _, _, plan, at_us in ended:
            if playbook:
                counts[playbook] = counts.get(playbook, 0) + many
                last[playbook] = max(last.get(playbook, (0, "")), (at_us, plan))
        rows: list[Row] = []
        by_itself = 0
        for playbook, many in sorted(counts.items()):
            plan, seldom = last[playbook][1], asked.get(playbook, 0) * SELDOM < many
            can_undo = self._can_be_undone(plan)
            by_itself += seldom and can_undo
            says = f"{playbook}: {asked.get(playbook, 0)} of {many} asked"
            says += ", all can be taken back" if can_undo else ", not all can be taken back"
            rows.append({"plan": plan, "question": "", "says": says})
        share = by_itself / len(counts) if counts else None
        says = "" if share is None else f"{share:.0%} ({by_itself} of {len(counts)})"
        return _figure("automated", "Processes that run by themselves, with undo", says, share, [], rows)

    def _can_be_undone(self, plan: str) -> bool:
        steps = self.definition(self.recorded(plan)[0]).steps
        return all(step.effect in (None, "read", "reversible") or step.undo is not None for step in steps)

    def _connectors(self, since_us: int) -> Row:
        first = datetime.fromtimestamp(since_us / SECOND_US, UTC).date().isoformat()
        opened: dict[str, int] = {}
        for (stream,) in self._reader.rows(queries.STREAMS_BETWEEN, ("breaker:", "breaker;")):
            name, _, day = stream.removeprefix("breaker:").rpartition(":")
            if day >= first:
                many = sum(isinstance(one.fact, e.BreakerOpened) for one in self._reader.read(stream))
                opened[name.rstrip(":")] = opened.get(name.rstrip(":"), 0) + many
        rows: list[Row] = [
            {"plan": "", "question": "", "says": f"{name}: {many} times"} for name, many in sorted(opened.items())
        ]
        total = sum(opened.values())
        says = "never" if not total else "once" if total == 1 else f"{total} times"
        return _figure("connectors", "Calls held back", says, total, [], rows)


def _figure(name: str, title: str, says: str, value: float | None, weeks: list[Row], rows: list[Row]) -> Row:
    return {
        "name": name,
        "title": title,
        "says": says or "nothing to count yet",
        "value": value,
        "means": MEANS[name],
        "by_week": weeks,
        "counted": rows,
    }


def _touch_s(answers: Sequence[_Answer]) -> float:
    return sum(one.touch_us for one in answers) / SECOND_US


def _middle(answers: Sequence[_Answer]) -> float | None:
    return median((one.ruled_us - one.asked_us) / SECOND_US for one in answers) if answers else None


def _asked(answers: Sequence[_Answer]) -> list[Row]:
    return [
        {
            "plan": one.plan,
            "question": one.question,
            "says": f"{one.playbook or one.plan}: {_span(one.touch_us / SECOND_US)}",
        }
        for one in reversed(answers[-EVIDENCE:])
    ]


def _span(seconds: float) -> str:
    return say_duration(round(seconds)) if seconds >= 1 else f"{seconds:.1f} s" if seconds else "none"
