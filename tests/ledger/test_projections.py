"""What a projection shows must not depend on how its facts fell into transactions."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import apsw
from hypothesis import given
from hypothesis import strategies as st
from ledger_samples import FAILURE, NOW_US, proposed

from mainstay import events as e
from mainstay.ledger import projections
from mainstay.ledger.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable

PLANS = ("p", "q")
PATHS = st.sampled_from(["a", "b", "~a"])
DECISIONS = st.sampled_from([".1", ".2"])
TIMES = st.integers(NOW_US, NOW_US + 3)
FACTS = st.one_of(
    st.sampled_from(
        [
            e.PlanApproved("you"), e.PlanStarted(1), e.PlanParked(), e.PlanParked(), e.PlanCompleted(), e.PlanExpired(),
            e.PlanFailed("a", FAILURE), e.PlanCancelled("you", ""), e.UndoStarted(("a",)), e.PlanUndone(),
        ]
    ),
    st.builds(e.PlanEdited, st.just("you"), st.none(), expires_at_us=st.none() | TIMES, priority=st.integers(0, 2)),
    st.builds(e.PlanForked, st.sampled_from(PLANS), st.just("")),
    st.builds(e.PlanPaused, st.just("you")),
    st.builds(e.PlanResumed, st.just("you"), st.integers(0, 5)),
    st.builds(e.WaitStarted, PATHS, TIMES),
    st.builds(e.WaitStarted, PATHS, st.none() | TIMES, event=st.sampled_from(["", "mail.received"])),
    st.builds(e.WaitEnded, PATHS),
    st.builds(e.AttemptFailed, PATHS, st.integers(1, 2), st.just(FAILURE), TIMES),
    st.builds(e.RetryDue, PATHS, st.integers(1, 2)),
    st.builds(e.StepStuck, PATHS, st.just(FAILURE), st.just(3)),
    st.builds(e.StepReopened, PATHS),
    st.builds(e.StepSkipped, PATHS, st.just("why")),
    st.builds(e.UndoImpossible, st.just("a"), st.just("why")),
    st.builds(e.EffectUncertain, PATHS, st.just(1), st.just(FAILURE)),
    st.builds(e.EffectRefused, PATHS, st.just(1), st.just(FAILURE), st.none() | TIMES),
    st.builds(e.EffectDone, PATHS, cost_usd_micros=st.integers(0, 2)),
    st.builds(e.DecisionReminded, DECISIONS, st.integers(0, 1)),
    st.builds(e.DecisionSnoozed, DECISIONS, TIMES, st.just("you")),
    st.builds(e.DecisionRuled, DECISIONS, st.just("approve"), st.just("you")),
    st.builds(e.DecisionExpired, DECISIONS),
)  # fmt: skip
ASKED = e.DecisionAsked("", "ask", ("a",), {}, ("approve",), due_at_us=NOW_US + 5, remind_at_us=(NOW_US, NOW_US + 1))


def numbered(facts: Iterable[tuple[str, e.AnyFact]]) -> list[e.Recorded]:
    """Put the facts behind the beginnings of two plans, each with two questions; decision ids get their plan."""
    opening: list[tuple[str, e.AnyFact]] = [(plan, proposed(expires_at_us=NOW_US + 9)) for plan in PLANS]
    opening += [(plan, named(ASKED, plan, number)) for plan in PLANS for number in (".1", ".2")]
    rest = [(plan, named(fact, plan) if hasattr(fact, "decision") else fact) for plan, fact in facts]
    return [
        e.Recorded(at, f"plan:{plan}", at, type(fact).__name__, 1, NOW_US + at, "test", "", plan, fact)
        for at, (plan, fact) in enumerate(opening + rest, 1)
    ]


def named(fact: e.AnyFact, plan: str, number: str = "") -> e.AnyFact:
    values = {name: getattr(fact, name) for name in fact.__struct_fields__}
    return type(fact)(**{**values, "decision": plan + (number or values["decision"])})


def shown(batches: Iterable[list[e.Recorded]]) -> dict[str, list[str]]:
    connection = apsw.Connection(":memory:")
    connection.execute(VIEWS.schema)
    for batch in batches:
        projections.apply(connection, [VIEWS], batch)
    found = {table: projections._sorted_rows(connection, table) for table in VIEWS.tables}
    connection.close()
    return found


@given(st.lists(st.tuples(st.sampled_from(PLANS), FACTS), max_size=30), st.sets(st.integers(1, 36)))
def test_batches_of_any_size_show_the_same(facts, cuts):
    events = numbered(facts)
    bounds = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
    batches = [events[start:end] for start, end in pairwise(bounds)]
    one_by_one = shown([event] for event in events)
    assert shown(batches) == one_by_one
    assert shown([events]) == one_by_one
