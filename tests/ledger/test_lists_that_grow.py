"""What is looked at must not cost more with every plan that ever ended."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest
from ledger_samples import NOW_US, append, appended, proposed

from mainstay import events as e
from mainstay.ledger import projections, queries
from mainstay.ledger.books import books
from mainstay.ledger.known import known
from mainstay.ledger.views import VIEWS

QUERIES = {name: sql for name, sql in vars(queries).items() if name.isupper() and not name.startswith("_")}
# Of what they hold only what is not over yet; or read in order, from one end, up to a limit.
SHORT = {"plan_live", "plan_open", "plan_approved", "decision_open", "decision_stuck", "timer_leaving", "timer_online"}
LIMITED = {"PLANS": "plan_proposed", "LAST_ANSWERS": "decision_ruled", "LAST_ENDS": "plan_ended"}
RARE = {"PLANS_IN_DOUBT": "timer_due"}  # what sleeps, all of it: of a history that was copied or restored
GROWS = re.compile(r"SCAN (?:plan|decision|timer|occurrence|event|stream|p|d|s|e)\b(?! VIRTUAL)(?:.*INDEX (\w+))?")


@pytest.fixture(scope="module")
def empty():
    connection = apsw.Connection(":memory:")
    connection.execute((Path(queries.__file__).parent / "schema.sql").read_text())
    for each in (VIEWS, books(lambda value: value), known(lambda value: value)):
        connection.execute(each.schema)
    yield connection
    connection.close()


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_through_all_that_ever_was(empty, name):
    sql = QUERIES[name]
    count = len(set(re.findall(r"\?\d", sql))) or sql.count("?")
    steps = [row[3] for row in empty.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count)]
    read = {found[1] for step in steps if (found := GROWS.match(step))}
    assert read <= {*SHORT, LIMITED.get(name), RARE.get(name)} - {None}, steps
    if name in LIMITED:
        assert not any("ORDER BY" in step for step in steps), steps


def asked(plan: str) -> e.DecisionAsked:
    return e.DecisionAsked(f"{plan}.1", "ask", ("a",), {}, ("approve",))


def test_what_stands_still_is_counted_without_what_waits_for_an_answer_its_turn_or_a_word(ledger):
    begun = (proposed(), e.PlanApproved("you"), e.PlanStarted(1))
    child = (proposed(parent="above/a"), *begun[1:])
    for plan, facts in {
        "sleeps": (*begun, e.WaitStarted("a", NOW_US), e.PlanParked()),
        "asks": (*begun, asked("asks"), e.PlanParked()),
        "answered": (*begun, asked("answered"), e.PlanParked(), e.DecisionRuled("answered.1", "approve", "you")),
        "above": (*begun, e.PlanParked()),
        "above-a": (*child, asked("above-a"), e.PlanParked()),
        "aboveasks": (*begun, asked("aboveasks"), e.PlanParked()),
        "paused": (*begun, e.PlanParked(), e.PlanPaused("you")),
        "proposed": (proposed(),),
        "approved": (proposed(), e.PlanApproved("you")),
        "ended": (*begun, e.PlanCompleted()),
    }.items():
        append(ledger, appended(f"plan:{plan}", 0, *facts))
    assert sorted(row[0] for row in ledger.rows(queries.UNASKED_PLANS)) == ["answered", "sleeps"]


def test_an_event_finds_the_steps_that_wait_for_any_of_its_kind_and_for_one_of_its_values(empty):
    waits = [("p1", "", ""), ("p2", "id", "x"), ("p3", "id", "y"), ("p4", "to", "x")]
    facts = [e.WaitStarted("a", None, event="mail.received", field=field, value=value) for _, field, value in waits]
    facts.append(e.WaitStarted("a", None, event="file.arrived"))
    projections.apply(
        empty,
        [VIEWS],
        [
            e.Recorded(at, f"plan:p{at}", 1, "WaitStarted", 1, NOW_US, "test", "", f"p{at}", fact)
            for at, fact in enumerate(facts, 1)
        ],
    )
    found = empty.execute(queries.AWAITED, ("mail.received", '[["id","x"],["to","z"]]')).fetchall()
    assert found == [("p1", "a"), ("p2", "a")]


def test_a_question_is_named_by_its_beginning_however_many_wait(ledger):
    for plan in ("ab", "ac", "b"):
        append(ledger, appended(f"plan:{plan}", 0, proposed(), asked(plan)))
    assert len(ledger.rows(queries.OPEN_BY_PREFIX, ("a", "a"))) == 2
    assert ledger.rows(queries.OPEN_BY_PREFIX, ("ab", "ab")) == [("ab.1",)]
    assert ledger.rows(queries.OPEN_COUNT) == [(3,)]
