"""The week in review: exceptions, what changed, what could be trusted more, what to retire (requirement O13)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from mainstay import events as e
from mainstay.ledger import queries
from mainstay.playbooks.artefacts import path_of
from mainstay.playbooks.versions import Versions
from mainstay.views.figures import Figures
from mainstay.views.metrics import WEEK_US

if TYPE_CHECKING:
    from mainstay.views.opening import Row

TRUST_WEEKS, TRUST_TIMES = 12, 5  # so long and so often nothing but an unchanged yes
IDLE_WEEKS = 8  # a playbook of which nothing began for so long may be retired


class Review(Figures):
    """What to look at once a week."""

    def review(self, now_us: int) -> Row:
        """Review the seven days up to now."""
        since_us = now_us - WEEK_US
        versions = Versions(self._reader, self._payloads.blobs)
        figures = {one["name"]: one for one in self.figures(1, now_us)}
        return {
            "from": self.time(since_us),
            "to": self.time(now_us),
            "exceptions": figures["exceptions"],
            "figures": [figures[name] for name in ("automated", "latency", "touch", "cost")],
            "learned": self._learned(versions, since_us),
            "trust": self._trusted(now_us - TRUST_WEEKS * WEEK_US),
            "retire": self._idle(versions, now_us - IDLE_WEEKS * WEEK_US),
            "silent": self._silent(versions, now_us - TRUST_WEEKS * WEEK_US),
        }

    def _learned(self, versions: Versions, since_us: int) -> list[Row]:
        """List what was activated: a playbook, an agent or a rule that is another one now."""
        found = [
            {
                "kind": kind,
                "name": name,
                "path": path_of(kind, name),
                "version": one.short,
                "at": self.time(one.activated_us),
            }
            for kind, name in versions.known()
            for one in versions.past(kind, name).versions
            if one.activated_us is not None and one.activated_us >= since_us
        ]
        return sorted(found, key=lambda row: row["at"])

    def _trusted(self, since_us: int) -> list[Row]:
        """List kinds of questions to which you never said anything but yes, to exactly what was shown."""
        rows: list[Row] = []
        for playbook, step, rule, headline, many, asked in self._reader.rows(
            queries.ALWAYS_APPROVED, (since_us, TRUST_TIMES)
        ):
            last = msgspec.json.decode(asked, type=list[tuple[str, str]])[-TRUST_TIMES:]
            if not any(self._was_edited(decision, plan) for decision, plan in last):
                row: Row = {"playbook": playbook, "step": step, "rule": rule, "headline": headline}
                rows.append(row | {"times": many, "question": last[-1][0]})
        return rows

    def _was_edited(self, decision: str, plan: str) -> bool:
        return any(
            isinstance(one.fact, e.DecisionRuled) and one.fact.decision == decision and bool(one.fact.binds)
            for one in self.recorded(plan)
        )

    def _idle(self, versions: Versions, since_us: int) -> list[Row]:
        """List active playbooks of which nothing began for long."""
        begun = {row[0] for row in self._reader.rows(queries.BEGUN_PLAYBOOKS, (since_us,))}
        rows: list[Row] = []
        for kind, name in versions.known():
            active = versions.active(kind, name) if kind == "playbook" else None
            if active is not None and name not in begun and (active.activated_us or 0) < since_us:
                rows.append({"playbook": name, "path": path_of("playbook", name)})
        return rows

    def rules_spoke(self) -> Counter[str]:
        """Count by rule of how many of the newest actions it spoke."""
        newest = (one.fact.verdict for one in self.newest() if isinstance(one.fact, e.EffectPrepared))
        return Counter(rule for one in newest for rule in {one.rule, *(each.rule for each in one.also)})

    def _silent(self, versions: Versions, since_us: int) -> list[Row]:
        """List rules in force for that long that asked nothing since, and said nothing of the newest actions.

        Bounds on how much may happen are left out: they speak only where one is reached.
        """
        spoke = {row[0] for row in self._reader.rows(queries.RULES_ASKED, (since_us,))} | set(self.rules_spoke())
        known = [name for kind, name in versions.known() if kind == "policy"]
        active = {name: one for name in known if (one := versions.active("policy", name)) is not None}
        long = {
            f"{path_of('policy', name)}:": name for name, one in active.items() if (one.activated_us or 0) < since_us
        }
        from mainstay.playbooks.policy_book import active_rules  # it compiles rules: nobody else who only looks does

        rows: list[Row] = []
        for rule in active_rules(versions):
            name = next((name for path, name in long.items() if rule.place.startswith(path)), "")
            if name and rule.id not in spoke and rule.verdict and rule.throttle is None and not rule.otherwise:
                rows.append({"rule": rule.id, "why": rule.why, "policy": name})
        return rows
