"""What a company gets of its plans, and what they take of its owner, week by week, from the history (requirement O5).

Each figure has a sentence that defines it, its weeks, and the questions or plans it was counted from.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.values import SECOND_US, say_duration
from mainstay.views.activity import Activity
from mainstay.views.metrics import WEEK_US, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mainstay.views.opening import Row

EVIDENCE = 50  # questions or plans that are named for a figure, the newest first
MOST_ANSWERS, MOST_PLANS = 12_000, 20_000  # that a page counts; a longer time is shortened to what holds no more
AT_MOST_US = 120 * SECOND_US  # of the operator's time that one answer is taken to need
SELDOM = 10  # a playbook runs by itself where fewer than one in so many of its plans asked
_Named: TypeAlias = tuple[str, str, str, int]  # question, plan, playbook, what it took, microseconds
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
    "health": "of the places in plans that called a connector or an agent among the newest records, the share whose "
    "last call went well; what a rule stopped, or its own arguments, counts for nothing",
}


class _Answers:
    """What some answers add up to: how long each was waited for, and what they took of the operator's time."""

    def __init__(self, parts: Iterable[_Answers] = ()) -> None:
        """Begin with what others add up to, or with nothing."""
        parts = tuple(parts)
        self.took_us: list[int] = [took_us for one in parts for took_us in one.took_us]
        self.touch_us = sum(one.touch_us for one in parts)

    @property
    def touch_s(self) -> float:
        return self.touch_us / SECOND_US

    @property
    def middle_s(self) -> float | None:
        return median(self.took_us) / SECOND_US if self.took_us else None


class _Counted(NamedTuple):
    """The answers by the number of their week, of all and of those about trouble; and the newest, as they are named."""

    weeks: dict[int, _Answers]
    trouble_weeks: dict[int, _Answers]
    named: list[Row]
    trouble_named: list[Row]


class Figures(Metrics, Activity):
    """What is measured, each with what it means and what it was counted from."""

    def weeks_within(self, weeks: int, now_us: int) -> int:
        """Give how many of the last weeks a page looks at: all, or as many as hold no more than it can count."""
        rows = self._reader.rows(queries.LAST_ANSWERS, (MOST_ANSWERS,))
        rows += self._reader.rows(queries.LAST_ENDS, (MOST_PLANS,))
        fitting = [(now_us - at_us) // WEEK_US for (at_us,) in rows]
        return max(1, min(weeks, *fitting)) if fitting else weeks

    def figures(self, weeks: int, now_us: int) -> list[Row]:
        """Give them for the last weeks: each of seven days, the last one ends now."""
        since_us = now_us - weeks * WEEK_US
        answers = self._answers(since_us)
        ended = self._reader.rows(queries.ENDED_BY_WEEK, (since_us, WEEK_US, self._reader.first_since(since_us)))

        def by_week(count: Callable[[int], float | None]) -> list[Row]:
            return [{"from": self.time(since_us + week * WEEK_US)[:10], "value": count(week)} for week in range(weeks)]

        sums: dict[int | None, list[int]] = {}  # of each week, and of all: ended, completed, cost
        for row in ended:
            for week in (row[1], None):
                sums[week] = [one + other for one, other in zip(sums.get(week, (0, 0, 0)), row[2:5], strict=True)]

        def plans(week: int | None) -> list[int]:
            return sums.get(week, [0, 0, 0])

        none = _Answers()
        together = _Answers(answers.weeks.values())
        touch_s, exceptions_s = together.touch_s, _Answers(answers.trouble_weeks.values()).touch_s
        over, completed, cost = plans(None)
        middle, there = together.middle_s, max(1.0, self._days(since_us, now_us) / 7)
        return [
            _figure("exceptions", "Time on exceptions in a week", _span(exceptions_s / there), exceptions_s / there,
                    by_week(lambda week: answers.trouble_weeks.get(week, none).touch_s), answers.trouble_named),
            self._automated(ended, since_us),
            _figure("latency", "Time to your answer", _span(middle) if middle is not None else "", middle,
                    by_week(lambda week: answers.weeks.get(week, none).middle_s), answers.named),
            _figure("touch", "Your time for each plan", _span(touch_s / over) if ended else "",
                    touch_s / over if ended else None,
                    by_week(lambda week: answers.weeks.get(week, none).touch_s / plans(week)[0]
                            if plans(week)[0] else None),
                    answers.named),
            _figure("cost", "Cost of an outcome", f"{cost / completed / 1e6:.4f} USD" if completed else "",
                    cost / completed if completed else None,
                    by_week(lambda week: plans(week)[2] / plans(week)[1] if plans(week)[1] else None),
                    [{"plan": row[5], "question": "", "says": row[0]} for row in ended][:EVIDENCE]),
            self._connectors(since_us),
            self._health(),
        ]  # fmt: skip

    def _answers(self, since_us: int) -> _Counted:
        weeks: dict[int, _Answers] = {}
        trouble: dict[int, _Answers] = {}
        named: deque[_Named] = deque(maxlen=EVIDENCE)
        trouble_named: deque[_Named] = deque(maxlen=EVIDENCE)
        before_us = 0
        for question, kind, plan, playbook, asked_us, ruled_us in self._reader.rows(
            queries.ANSWERED_SINCE, (since_us,)
        ):
            took_us, week = ruled_us - asked_us, (ruled_us - since_us) // WEEK_US
            touch_us = max(0, min(took_us, ruled_us - before_us, AT_MOST_US))
            before_us = ruled_us
            one = question, plan, playbook, touch_us
            _add(weeks, week, took_us, touch_us)
            named.append(one)
            if kind in TROUBLE:
                _add(trouble, week, took_us, touch_us)
                trouble_named.append(one)
        return _Counted(weeks, trouble, _asked(named), _asked(trouble_named))

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
        graph = self.graph_of(plan)
        steps = graph.steps.values() if graph is not None else ()
        return all(step.effect in (None, "read", "reversible") or step.undo is not None for step in steps)

    def _connectors(self, since_us: int) -> Row:
        first = datetime.fromtimestamp(since_us / SECOND_US, UTC).date().isoformat()
        opened: list[tuple[str, str]] = []  # day and stream
        total, kind = 0, e.BreakerOpened.__name__
        for stream, many in self._reader.rows(queries.COUNTED_IN_STREAMS, ("breaker:", "breaker;", kind)):
            day = stream.rpartition(":")[2]
            if day >= first and many:
                total += many
                opened.append((day, stream))
        rows: list[Row] = []
        for _, stream in sorted(opened, reverse=True):
            if len(rows) < EVIDENCE:
                rows += self._openings(stream)
        says = "never" if not total else "once" if total == 1 else f"{total} times"
        return _figure("connectors", "Calls held back", says, total, [], rows[:EVIDENCE])

    def _openings(self, stream: str) -> list[Row]:
        """List when calls began to be held back, the newest first."""
        name = stream.removeprefix("breaker:").rpartition(":")[0].rstrip(":")
        rows: list[Row] = []
        for one in reversed(self._reader.read(stream)):
            if isinstance(one.fact, e.BreakerOpened):
                at = self.time(one.recorded_at_us)[:16].replace("T", " ")
                says = f"{name}, {at}: {one.fact.failures} failed in a row"
                rows.append({"plan": "", "question": "", "says": says})
        return rows

    def _health(self) -> Row:
        used = [one for _, one in sorted(self.used().items())]
        well, all_ = sum(one["well"] for one in used), sum(one["well"] + one["ill"] for one in used)
        rows: list[Row] = []
        for one in sorted(used, key=lambda each: -each["ill"]):
            last: Row = (one["bad"] if one["ill"] else None) or one["good"] or one["bad"]
            says = f"{one['name']}: {one['well']} of {one['well'] + one['ill']} went well"
            rows.append({"plan": last["plan"], "question": "", "says": says})
        share = well / all_ if all_ else None
        says = "" if share is None else f"{share:.0%} went well ({well} of {all_})"
        return _figure("health", "Health of connectors and agents", says, share, [], rows)


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


def _add(weeks: dict[int, _Answers], week: int, took_us: int, touch_us: int) -> None:
    place = weeks.get(week)
    if place is None:
        place = weeks[week] = _Answers()
    place.took_us.append(took_us)
    place.touch_us += touch_us


def _asked(answers: Iterable[_Named]) -> list[Row]:
    rows: list[Row] = [
        {"plan": plan, "question": question, "says": f"{playbook or plan}: {_span(touch_us / SECOND_US)}"}
        for question, plan, playbook, touch_us in answers
    ]
    return rows[::-1]


def _span(seconds: float) -> str:
    return say_duration(round(seconds)) if seconds >= 1 else f"{seconds:.1f} s" if seconds else "none"
