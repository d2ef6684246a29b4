"""What a page looks at of a long history: the newest, and it says so; at no edge is anything lost or told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from ledger_samples import FAILURE, append, appended, completed

from mainstay import events as e
from mainstay.app import contracts_to_read, create_workspace, projections_of
from mainstay.kernel.budget import Cap
from mainstay.kernel.graph import Definition, Step
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger import queries
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.database import connect_writer
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.playbooks.policy_book import rules_of_file
from mainstay.said import cut
from mainstay.values import BlobRef, Verdict, previous_stream
from mainstay.views import Views, budgets, figures
from mainstay.views.policies import PolicyViews
from mainstay.views.reconciled import Part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mainstay.workspace import Workspace

DAY_US = 24 * 3600 * 1_000_000
NOW_US = 1_795_000_000_000_000
CAP = Cap("mail.send", "month", {"count": 1_000_000}, ("mail.send",))
MONTH = "budget:mail.send:2026-11"
MAIL = {"to": "anna@example.com", "subject": "Hello", "text": "Your parcel is here."}


class Past:
    """A workspace whose history is written by hand."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.keys = workspace, ledger_keys.load(workspace.state)
        self.blobs = FileBlobs(workspace.blobs, self.keys.blobs)
        self.ledger = self.opened()
        step = Step(name="mail", kind="do", target="mail.send", effect="irreversible")
        definition = Definition(name="greet", title="Greet", steps=(step,))
        self.definition = self.blobs.put(msgspec.msgpack.encode(definition))

    def opened(self) -> SqliteLedger:
        projected = projections_of(self.blobs)
        return SqliteLedger(self.workspace.ledger, self.keys.database, projected=projected, begin=False)

    def plan(self, plan: str, *facts: e.AnyFact, at_us: int = NOW_US) -> None:
        proposed = e.PlanProposed(self.definition, "greet", "Greet", {})
        append(self.ledger, appended(f"plan:{plan}", 0, proposed, *facts, at_us=at_us))

    def held(self, stream: str, first: int, many: int, *before: e.AnyFact) -> None:
        """Let plans spend one mail each: p<first> and so on, held and settled."""
        facts: list[e.AnyFact] = [*before]
        for at in range(first, first + many):
            facts += [e.BudgetReserved("2026-11", f"p{at}/mail", 1, 0), e.BudgetSettled("2026-11", f"p{at}/mail", 1, 0)]
        append(self.ledger, appended(stream, 0, *facts))


def prepared(verdict: str = "ask") -> e.EffectPrepared:
    return e.EffectPrepared(
        "mail", "mail.send", 1, "irreversible", MAIL, "ab", Verdict(verdict, "irreversible", "Why.")
    )  # type: ignore[arg-type]


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(create_workspace(tmp_path / "acme", name="Acme"))
    yield made
    made.ledger.close()


def budget(past: Past) -> dict:
    with Views(past.workspace) as views:
        (row,) = views.budgets([CAP], NOW_US)
    return row


def test_a_budget_names_the_last_that_counted_and_says_that_others_did_before(past):
    past.held(MONTH, 0, 1000)
    kept = e.BudgetKept("2026-11", {"count": 1000}, {"early/mail": {"count": 1}})
    past.held(f"{MONTH}#000002", 1000, 3, kept)
    row = budget(past)
    assert row["limits"][0]["spent"] == 1003  # all of them, however few are named
    assert row["limits"][0]["held"] == 1
    assert [one["plan"] for one in row["counted"]] == [f"p{at}" for at in range(1002, 1002 - budgets.PLANS, -1)]
    assert row["older"]


def test_a_budget_of_few_names_all_of_them_also_those_of_the_stream_before(past, monkeypatch):
    monkeypatch.setattr(budgets, "LOOKED_AT", 9)
    past.held(MONTH, 0, 2)
    past.held(f"{MONTH}#000002", 2, 2, e.BudgetKept("2026-11", {"count": 2}, {}))
    row = budget(past)
    assert [one["plan"] for one in row["counted"]] == ["p3", "p2", "p1", "p0"]
    assert not row["older"]
    monkeypatch.setattr(budgets, "LOOKED_AT", 7)  # p1 in the stream before is the last that fits
    assert [one["plan"] for one in budget(past)["counted"]] == ["p3", "p2", "p1"]
    assert budget(past)["older"]


def test_the_stream_before_is_named_as_the_one_after_it_names_itself():
    assert [previous_stream(name) for name in ("a", "a#000002", "a#000003")] == ["", "a", "a#000002"]


def test_metrics_are_shortened_to_weeks_that_can_be_counted_and_only_where_they_have_to_be(past, monkeypatch):
    for at in range(6):
        asked = e.DecisionAsked(f"p{at}.1", "ask", ("mail",), {}, ("approve",))
        ruled = e.DecisionRuled(f"p{at}.1", "approve", "operator")
        past.plan(
            f"p{at}", e.PlanApproved("you"), e.PlanStarted(1), asked, ruled, at_us=NOW_US - (41 - 7 * at) * DAY_US
        )
    with Views(past.workspace) as views:
        assert views.weeks_within(52, NOW_US) == 52
        monkeypatch.setattr(figures, "MOST_ANSWERS", 3)
        assert views.weeks_within(52, NOW_US) == 3  # the fourth to last answer is 27 days old
        assert views.weeks_within(1, NOW_US) == 1
        latency = views.figures(3, NOW_US)[2]
        assert [week["value"] for week in latency["by_week"]] == [0.0, 0.0, 0.0]
        assert [row["plan"] for row in latency["counted"]] == ["p5", "p4", "p3"]
        monkeypatch.setattr(figures, "MOST_ANSWERS", 0)
        assert views.weeks_within(52, NOW_US) == 1  # never none


def test_a_rule_is_tried_on_the_last_actions_of_plans_that_began_before_them(past):
    for at in range(4):
        past.plan(f"p{at}", at_us=NOW_US)
    for at in range(4):
        append(past.ledger, appended(f"plan:p{at}", 1, prepared(), at_us=NOW_US + at))
    operations = contracts_to_read(past.workspace).operations
    rule = b"- {id: mails, do: mail.send, then: allow, why: They may.}\n"
    rules = rules_of_file("policies/mails.yaml", rule, (), operations)
    with PolicyViews(past.workspace) as views:
        last = views.tried([], rules, operations, 3)
        assert (last["actions"], last["plans"], last["older"], last["from_us"]) == (3, 3, True, NOW_US + 1)
        assert [move["count"] for move in last["changes"]] == [3]
        exactly = views.tried([], rules, operations, 4)
        assert (exactly["actions"], exactly["older"]) == (4, False)
        assert views.tried([], rules, operations)["actions"] == 4
        (row,) = views.explained("p0", "mail", rules, operations)
        assert row["now"]["decision"] == "allow"


def test_counts_of_the_day_are_as_of_then_wherever_the_look_begins(past):
    for at in range(3):
        past.plan(f"p{at}", prepared("allow"), e.EffectIntended("mail", "t", 1, 1, Verdict("allow", "x", "")))
    operations = contracts_to_read(past.workspace).operations
    rule = b"- {id: few, do: mail.send, when: 'count.today >= 2', then: deny, why: Enough.}\n"
    rules = rules_of_file("policies/few.yaml", rule, (), operations)
    with PolicyViews(past.workspace) as views:
        for last in (1, 2, None):
            changes = views.tried([], rules, operations, last)["changes"]
            assert [(move["to"], move["count"]) for move in changes if move["to"] == "deny"] == [("deny", 1)], last
        assert [views.explained(f"p{at}", "mail", rules, operations)[0]["now"]["decision"] for at in range(3)] == [
            "ask", "ask", "deny",
        ]  # fmt: skip


def test_a_plan_that_was_read_before_is_read_on_from_there(past):
    past.plan("p", e.PlanApproved("you"), e.PlanStarted(1))
    with Views(past.workspace) as views:
        assert views.plan("p").status == "running"
        assert views.recorded("p") is views.recorded("p")
        append(past.ledger, appended("plan:p", 3, e.PlanFailed("mail", FAILURE)))
        assert views.plan("p").status == "failed"
        assert [event.sequence for event in views.recorded("p")] == [1, 2, 3, 4]


def test_mails_that_came_back_are_those_of_a_plan_and_its_parts_alone(past):
    for name in ("p", "p-a", "p-a-b", "pq", "p2"):
        past.plan(name)
        told = [e.MailBounced("mail", final=final) for final in (False, True)]
        append(past.ledger, appended(f"bounces:{name}", 0, *told))
    with Views(past.workspace) as views:
        found = views.bounced(views.plan("p"))
    assert sorted((one["plan"], one["final"]) for one in found) == [("p", True), ("p-a", True), ("p-a-b", True)]


def test_reruns_are_found_also_in_a_history_of_a_release_that_did_not_list_them(past):
    past.plan("old")
    past.plan("new", e.PlanForked("old", ""))
    assert past.ledger.rows(queries.FORKS_OF, ("old",)) == [("new",)]
    past.ledger.close()
    connection = connect_writer(past.workspace.ledger, past.keys.database)
    connection.execute("DROP INDEX plan_fork; ALTER TABLE plan DROP COLUMN fork_of")
    connection.execute("UPDATE projection SET version = version - 1 WHERE name = 'views'")
    connection.close()
    past.ledger = past.opened()
    assert past.ledger.rows(queries.FORKS_OF, ("old",)) == [("new",)]
    assert past.ledger.differing() == []


def test_of_a_trace_so_many_values_are_looked_at_and_it_says_so(past):
    past.plan("p", e.PlanApproved("you"), e.PlanStarted(1), completed("mail", [f"word {at}" for at in range(30)]))
    with Views(past.workspace) as views:
        assert len(views.explain("p", "word 29")["found"]) == 1
        assert views.explain("p", "word 29")["whole"]
        cut_off = views.explain("p", "word 29", 10)
        assert (cut_off["found"], cut_off["whole"]) == ([], False)
        assert views.explain("p", "word 2", 10)["found"]


def test_a_pile_is_shown_in_parts_that_make_up_the_whole():
    rows = [{"id": at} for at in range(5)]
    pages = [Part("sure", after, 2).of("sure", rows) for after in (0, 2, 4, 6)]
    assert [row for page in pages for row in page] == rows
    assert Part("sure", 0, 2).of("unsure", rows) == ()
    assert Part().of("sure", rows) == rows


def test_a_long_list_is_cut_and_says_what_is_left_out_wherever_it_stands():
    blob = {"name": "a.pdf", "blob": BlobRef("ab", 1)}
    given = {"files": [blob, blob, blob], "inner": {"list": list(range(1002))}, "word": "x"}
    assert cut(given, 2) == {
        "files": [blob, blob, "and 1 more"], "inner": {"list": [0, 1, "and 1,000 more"]}, "word": "x",
    }  # fmt: skip
    assert cut([1, 2], 2) == [1, 2]


def test_no_two_parts_of_the_views_call_something_by_one_name():
    named = [(name, part.__name__) for part in Views.__mro__ for name in vars(part) if not name.startswith("__")]
    twice = {name for name, _ in named if sum(name == other for other, _ in named) > 1}
    assert not twice, [one for one in named if one[0] in twice]
