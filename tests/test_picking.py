"""A payment that may pay one invoice or another: the owner picks which, and exactly that is booked (KERNEL E1, K20)."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from mainstay.app import Owner, create_workspace
from mainstay.console.card import MOST_PICKED, _readings, _rows, say_card
from mainstay.console.decisions import Decisions
from mainstay.console.inbox import _ruling
from mainstay.errors import InputError
from mainstay.playbooks.shelf import LIBRARY, open_playbook
from mainstay.records import Match
from mainstay.requests.links import make_link
from mainstay.requests.picking import as_answer, forgives, told, unpicked, ways_of
from mainstay.runtime.personal import shape_of, shape_of_dict
from mainstay.said import say_value
from mainstay.values import Sealed
from mainstay.views import Views
from mainstay.views.cards import lines_of

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.workspace import Workspace

TODAY = date(2026, 10, 20)
WAITING = LIBRARY / "demo" / "waiting"
ROW = {
    "headline": "A",
    "others": [{"says": "B", "headline": "b"}, {"says": "C", "headline": "c"}],
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return create_workspace(tmp_path / "acme", name="Acme")


def dated(text: str) -> bytes:
    return re.sub(r"\{([+-]\d+)\}", lambda found: f"{TODAY + timedelta(int(found[1]))}", text).encode()


def statement(says: str = "") -> bytes:
    """The statement with one unsure payment; or one in which another payment says what it is for."""
    before, mark, after = (WAITING / "statement.xml").read_text().partition("<NtryRef>0003</NtryRef>")
    if says:
        after = (
            after.replace("thanks, great work", says).replace("{-2}", "{-3}").replace("NEXT000000003", "NEXT000000004")
        )
    return dated(before + mark + after)


async def begun(owner: Owner, content: bytes) -> tuple[str, str]:
    """Start a reconciliation and say yes to how its files are read; gives its plan and the next question."""
    given = {
        "statement": ("statement.xml", content),
        "invoices": ("invoices.csv", dated((WAITING / "invoices.csv").read_text())),
    }
    pinned = {name: [owner.requests.pin(*file)] for name, file in given.items()}
    definition = open_playbook(None, "billing-reconciliation", owner.contracts)
    plan, committed = owner.requests.propose(definition, pinned)
    await committed
    standing = await owner.requests.follow(plan, lambda _: None)
    while standing["questions"]:
        (question,) = standing["questions"]
        if owner.engine.load(plan).questions[question].paths != ("check",):
            return plan, question
        await owner.requests.rule(question, {"choice": "approve"})
        standing = await owner.requests.follow(plan, lambda _: None)
    return plan, ""


async def finish(owner: Owner, plan: str) -> None:
    standing = await owner.requests.follow(plan, lambda _: None)
    while standing["questions"]:
        await owner.requests.rule(standing["questions"][0], {"choice": "reject", "reason": "not now"})
        standing = await owner.requests.follow(plan, lambda _: None)


def sent(link: str, body: bytes) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": [], "path_params": {"link": link}}, receive)


def sealed_as_whose(views: Views, plan: str) -> None:
    """L3: what is offered and what was picked are sealed, under the key of whom they are about."""
    slots = views.plan(plan).slots
    (offered,) = views.stored(slots["match"].output)["unsure"][0]["others"]
    (taken,) = views.stored(slots["review"].output["rows"])
    sealed = [offered["says"], offered["customer"], taken["customer"], taken["counterparty"], taken["why"]]
    assert all(isinstance(one, Sealed) for one in sealed)
    assert offered["customer"].key_id == taken["customer"].key_id


def test_e1_the_runner_up_is_picked_by_one_press_on_a_links_page_and_is_what_is_booked_learned_and_shown(workspace):
    async def scenario() -> tuple[str, str, list[int]]:
        async with Owner(workspace, "test") as owner:
            plan, question = await begun(owner, statement())
            link = make_link(owner.requests, question, seconds=600)
            with Views(workspace) as views:
                card = views.question(question)
            page = "".join(say_card(card, ("approve", "reject")))
            for label in ("Pays 2026-143", "Pays 2026-144", "None of these"):
                assert f">{label}</button>" in page
            assert "980.00 EUR from PETREL ANALYTICS LIMITED on 2026-10-18\ntext: thanks, great work" in page
            assert "line ids" not in page
            pages = Decisions(owner)
            unsaid = await pages.decide(sent(link, b"choice=approve"))
            assert (unsaid.status_code, b"Say of row 1 which" in unsaid.body) == (422, True)
            wrong = await pages.decide(sent(link, b"choice=approve&pick.0=9"))
            right = await pages.decide(sent(link, b"choice=approve&pick.0=1"))
            await finish(owner, plan)
            return plan, question, [wrong.status_code, right.status_code]

    plan, question, statuses = asyncio.run(scenario())
    assert statuses == [422, 200]
    with Views(workspace) as views:
        proposed = views.outputs(plan)["match"]["unsure"][0]
        assert (proposed["invoice_numbers"], len(proposed["others"])) == (["2026-143"], 1)
        booked = [match for match in views.outputs(plan)["still"]["matches"] if match["id"] == proposed["id"]]
        assert [match["invoice_numbers"] for match in booked] == [["2026-144"]]
        assert booked[0]["why"] == "You picked 2026-144; proposed was 2026-143."
        assert views.outputs(plan)["still"]["refused"] == []
        sealed_as_whose(views, plan)
        closed = views.question(question)
        says = dict(line for line in lines_of(closed) if line[0])["you picked"]
        assert says == "2026-144 of Petrel Analytics Ltd, the same amount; proposed was: Pays 2026-143"
        story = f"You approved ({question}) [link]. You picked {says}"
        for rows in (views.timeline(plan), views.explain(plan, "2026-144")["found"]):
            assert story in [row["what"] for row in rows]
        places = [place["where"] for row in views.explain(plan, "2026-144")["found"] for place in row["places"]]
        assert any(where.startswith("rows / 1") for where in places), places
        (lesson,) = [one for one in views.known()["payers"] if "PETREL" in one["name"]]
        assert (lesson["customer"], "paid 2026-144" in lesson["source"]) == ("Petrel Analytics Ltd", True)
        books = views.reconciliation(plan)
        stands = {one["number"]: (one["says"], one["open_now"]) for one in books["invoices"]}
        assert (stands["2026-144"], stands["2026-143"]) == (("paid", "0.00 EUR"), ("open", "980.00 EUR"))
        assert (books["owed"], books["waits"]) == ("980.00 EUR", False)
        assert books["piles"]["unsure"][0]["booked"][0]["invoice"] == "2026-144"


def test_k20_a_picked_invoice_that_another_run_paid_meanwhile_is_not_paid_twice(workspace):
    async def scenario() -> str:
        async with Owner(workspace, "test") as owner:
            plan, question = await begun(owner, statement())
            other, nothing = await begun(owner, statement("Invoice 2026-144"))
            assert nothing == "" or owner.engine.load(other).questions[nothing].paths != ("review",)
            await finish(owner, other)
            with pytest.raises(InputError):
                await owner.requests.rule(question, {"choice": "approve", "picks": {"0": 2}})
            with pytest.raises(InputError):
                await owner.requests.rule(question, {"choice": "approve", "kept": [], "picks": {"0": 1}})
            await owner.requests.rule(question, {"choice": "approve", "picks": {"0": 1}})
            await finish(owner, plan)
            return plan

    plan = asyncio.run(scenario())
    with Views(workspace) as views:
        still: Any = views.outputs(plan)["still"]
        assert still["matches"] == []
        whys = {match["why"] for match in still["dropped"] if match["invoice_numbers"] == ["2026-144"]}
        assert whys == {"Another run booked payments of 2026-144 meanwhile; this much is not open any more."}


def test_l3_a_row_that_was_recorded_before_it_had_other_readings_is_sealed_as_what_it_is():
    whole = shape_of(Match)
    assert whole is not None
    older = shape_of_dict(dict.fromkeys(name for name in Match.__struct_encode_fields__ if name != "others"))
    assert older is not None
    assert older.fields == tuple(field for field in whole.fields if field.name != "others")


def test_e1_where_another_reading_is_about_as_good_nothing_is_picked_and_a_yes_has_to_say_which():
    even = ROW | {"confidence": 0.5}
    page = "".join(_readings([even, ROW]))
    assert [f'name="pick.{at}" value="0"{" checked" * at}>' in page for at in (0, 1)] == [True, True]
    question = {"options": ["approve", "reject"], "card": {"rows": [even, ROW]}, "decision": "P.1"}
    with pytest.raises(InputError, match="Say of row 1 which"):
        _ruling(question, {"choice": ["approve"], "may_keep": ["yes"], "pick.1": ["0"]})
    sent_in = {"choice": ["approve"], "may_keep": ["yes"], "pick.0": ["0"], "pick.1": ["0"]}
    assert _ruling(question, sent_in)["picks"] == {"0": 0, "1": 0}
    for given in ({}, {"1": "0"}):
        with pytest.raises(InputError, match="Say of row 1 which"):
            as_answer([even, ROW], given, ("approve", "reject"), None, "")
    assert as_answer([even, ROW], {"0": "0"}, ("approve", "reject"), None, "")["picks"] == {"0": 0}
    assert as_answer([even, ROW], {"0": "none"}, ("approve", "reject"), None, "")["kept"] == [1]
    assert as_answer([even, ROW], {}, ("approve", "reject"), [1], "")["kept"] == [1]
    assert told([even, ROW], {0: 0}) == ["row 1: A, as proposed"]


def test_what_a_yes_writes_off_is_said_of_a_row_and_of_each_way_to_read_it():
    off = {"kind": "fee", "amount": {"minor": 550, "currency": "EUR"}}
    paid = {"amount": {"minor": 9450, "currency": "EUR"}}
    row = {"invoice_numbers": ["1"], "allocations": [paid, off], "why": "", "others": [{"invoice_numbers": ["1"]}]}
    assert forgives(row) == "5.50 EUR (a fee)"
    assert ways_of(row)[0].label == "Pays 1, forgives 5.50 EUR"
    for odd in (row | {"allocations": [paid]}, {"allocations": [off]}, row | {"allocations": [{"kind": []}, 1]}, ROW):
        assert forgives(odd) == ""


def test_a_discount_that_only_some_of_many_invoices_grant_names_a_few_of_those_that_do_not():
    def off(number, grant=""):
        amount = {"minor": 100, "currency": "EUR"}
        return {"invoice": str(number), "kind": "discount", "amount": amount, "grant": grant}

    ended, never = [off(at, "ended") for at in (1, 2)], [off(at, "never") for at in range(3, 10)]
    row = {"invoice_numbers": list("1234567890"), "allocations": [*ended, *never, off(10)]}
    assert forgives(row) == (
        "10.00 EUR (2.00 EUR as a discount that 1, 2 no longer granted on that day, "
        "7.00 EUR as a discount that 3, 4, 5, 6, 7, and 2 more do not grant, 1.00 EUR as a discount)"
    )


@pytest.mark.parametrize("amount", [{"minor": "x", "currency": "EUR"}, {"minor": 5, "currency": None}, {"minor": "x"}])
def test_what_an_agent_of_ones_own_calls_an_amount_and_is_none_is_shown_as_what_it_is(amount):
    row = {"invoice_numbers": ["1"], "allocations": [{"kind": "fee", "amount": amount}]}
    assert (forgives(row), ways_of(row | {"others": [ROW]})[0].label) == ("", "Pays 1")
    shown = "; ".join(f"{name}: {'' if one is None else one}" for name, one in amount.items())
    assert say_value(amount) == shown
    assert f"minor: {amount['minor']}" in "".join(_rows([row, amount], "UTC"))


class Kept(list[int]):
    """Rows that are kept, of which nobody may look through all for each row: thousands of them took half a second."""

    def __contains__(self, row: object) -> bool:
        raise AssertionError(row)


def test_no_row_of_a_long_list_is_looked_for_among_all_that_are_kept():
    kept = Kept(range(1, 8_000))
    assert unpicked([ROW | {"confidence": 0.5}] * 8_000, (), kept) == list(kept)


def test_a_links_page_offers_no_yes_where_too_many_rows_can_be_read_in_several_ways_to_say_which(workspace):
    def page(*rows: dict[str, object]) -> str:
        return "".join(say_card(card | {"card": {"rows": list(rows)}}, ("approve", "reject")))

    async def scenario() -> Any:
        async with Owner(workspace, "test") as owner:
            _, question = await begun(owner, statement())
            with Views(workspace) as views:
                return views.question(question)

    card = asyncio.run(scenario())
    plain, even, single = ROW | {"confidence": 0.9}, ROW | {"confidence": 0.5}, {"headline": "A"}
    for few in ([*[single] * MOST_PICKED, even, plain], [*[plain] * (MOST_PICKED - 1), even]):
        told = page(*few)
        assert ('value="approve">' in told, f'name="pick.{few.index(even)}"' in told) == (True, True)
    too_many = page(*[plain] * MOST_PICKED, even)
    assert ('value="approve">' in too_many, 'name="pick.' in too_many, 'value="reject">' in too_many) == (0, 0, 1)
    assert f"or on the machine itself: mainstay decide {card['decision']}" in too_many
    as_proposed = page(*[plain] * (MOST_PICKED + 1))
    assert ('value="approve">' in as_proposed, 'name="pick.' in as_proposed) == (True, False)


def test_none_of_what_is_shown_is_a_no_and_what_is_not_shown_can_not_be_picked():
    assert [way.label for way in ways_of(ROW)] == ["A", "B", "C"]
    assert as_answer([ROW], {"0": "none"}, ("approve", "reject"), None, "")["choice"] == "reject"
    taken = as_answer([ROW, ROW], {"0": "none", "1": "2"}, ("approve", "reject"), None, "")
    assert (taken["choice"], taken["kept"], taken["picks"]) == ("approve", [1], {"1": 2})
    assert as_answer([ROW, ROW], {"1": "0"}, ("approve", "reject"), None, "")["kept"] is None
    for given in ({"0": "3"}, {"1": "1"}, {"0": ""}, {"x": "1"}, {"²": "1"}):
        with pytest.raises(InputError):
            as_answer([ROW], given, ("approve", "reject"), None, "")
    with pytest.raises(InputError):
        as_answer([ROW], {"0": "none"}, ("approve", "later"), None, "")
