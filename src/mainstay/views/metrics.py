"""How much of the operator's attention is asked for, measured from the history (requirement G10)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from mainstay import events as e
from mainstay.governance.attention import PREFIX, UNCOUNTED
from mainstay.ledger import queries
from mainstay.values import DAY_S, SECOND_US
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.views.opening import Row

WEEK_US = 7 * DAY_S * SECOND_US
DEFINED = {
    "interruptions": "messages you were told unasked, for each day of the history in that time; summaries left out",
    "questions_per_100_actions": "questions asked, for each hundred actions that happened in the same time",
    "answer_p50_s": "half of your answers came within this, from the question on; nights and holidays count",
    "approved": "of the questions of playbooks and rules that you answered, the share that was a yes to what was shown;"
    " one to a part of a list is a yes too",
    "edited": "of the same, the share that was a yes after you changed something",
}


class Metrics(Opened):
    """What is measured."""

    def metrics(self, weeks: int, now_us: int) -> Row:
        """Measure the last weeks: each of seven days, the last one ends now."""
        since_us = now_us - weeks * WEEK_US
        bounds = (since_us, WEEK_US, self._reader.first_since(since_us))
        seen = self._reader.rows(queries.ACTED_OR_ASKED, bounds)
        plans = msgspec.json.encode(list({row[0] for row in seen if row[4]})).decode()
        done = [row[1:4] for row in seen]
        asked = self._reader.rows(queries.QUESTIONS_ASKED, (since_us, WEEK_US, plans))
        times = self._reader.rows(queries.ANSWER_TIMES, (since_us, plans))
        days, answered = self._told(since_us), sum(row[4] for row in asked)
        actions, edited = sum(row[2] for row in done), self._edited(since_us, plans)
        yes = sum(row[5] for row in asked) - edited
        return {
            "weeks": weeks,
            "since": self.time(since_us),
            "interruptions": {"days": days, "per_day": round(sum(days.values()) / self._days(since_us, now_us), 2)},
            "questions": sum(row[3] for row in asked),
            "actions": actions,
            "questions_per_100_actions": _per_100(sum(row[3] for row in asked), actions),
            "by_playbook": _by([(row[0], row[3]) for row in asked], [(row[0], row[2]) for row in done]),
            "by_rule": [
                {"rule": rule, "questions": count, "questions_per_100_actions": _per_100(count, actions)}
                for rule, count in _counted((row[1], row[3]) for row in asked).most_common()
            ],
            "by_week": [
                {"from": self.time(since_us + row.pop("name") * WEEK_US)[:10], **row}
                for row in sorted(
                    _by([(row[2], row[3]) for row in asked], [(row[1], row[2]) for row in done]),
                    key=lambda row: row["name"],
                )
            ],
            "answer_p50_s": times[0][0] / SECOND_US if times else None,
            "answers": times[0][1] if times else 0,
            "approved": round(yes / answered, 4) if answered else None,
            "edited": round(edited / answered, 4) if answered else None,
            "defined": DEFINED,
        }

    def _edited(self, since_us: int, plans: str) -> int:
        """Count the answers that were a yes after an edit, of questions since a moment."""
        asked = self._reader.rows(queries.APPROVED_ACTIONS, (since_us, plans))
        by_plan: dict[str, set[str]] = {}
        for plan, decision in asked:
            by_plan.setdefault(plan, set()).add(decision)
        return sum(
            isinstance(event.fact, e.DecisionRuled) and bool(event.fact.binds) and event.fact.decision in decisions
            for plan, decisions in by_plan.items()
            for event in self.recorded(plan)
        )

    def _days(self, since_us: int, now_us: int) -> int:
        """Count the days in which there was a history at all, begun ones too."""
        begun = self._reader.rows(queries.RECORDED_FROM, (0,))
        since_us = max(since_us, begun[0][1]) if begun else since_us
        return max(1, -(-(now_us - since_us) // (DAY_S * SECOND_US)))

    def _told(self, since_us: int) -> dict[str, int]:
        first = datetime.fromtimestamp(since_us / SECOND_US, UTC).astimezone(ZoneInfo(self.timezone)).date()
        names = self._reader.rows(queries.TOLD_SINCE, (f"{PREFIX}{first.isoformat()}",))
        facts = {name: [event.fact for event in self._reader.read(name)] for (name,) in names}
        return {
            name.removeprefix(PREFIX): sum(
                1 for fact in told if isinstance(fact, e.OperatorTold) and fact.sort not in UNCOUNTED
            )
            for name, told in facts.items()
        }


def _counted(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for name, count in pairs:
        found[name] += count
    return found


def _by(asked: Iterable[tuple[Any, int]], done: Iterable[tuple[Any, int]]) -> list[Row]:
    questions, actions = _counted(asked), _counted(done)
    names = sorted(
        {*questions, *(name for name in actions if actions[name])}, key=lambda name: (-questions[name], name)
    )
    return [
        {
            "name": name,
            "questions": questions[name],
            "actions": actions[name],
            "questions_per_100_actions": _per_100(questions[name], actions[name]),
        }
        for name in names
    ]


def _per_100(questions: int, actions: int) -> float | None:
    return round(100 * questions / actions, 2) if actions else None
