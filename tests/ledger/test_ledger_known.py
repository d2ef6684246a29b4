"""What was learned from answers: kept as records with their source, read back, forgotten by an undo."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
from ledger_samples import append, appended

from mainstay import events as e
from mainstay.connectors import known
from mainstay.contracts import to_plain
from mainstay.ledger.known import FORGET, LEARN, REMEMBER, KnownReader
from mainstay.records import Allocation, Doubt, Entry, Layout, Match
from mainstay.values import Money

NOW_US = 1_780_000_000_000_000  # 2026-05-28
AMOUNT = Money(10_000, "EUR")


def match(counterparty="Erika Muster", iban="DE00", customer="Muster GmbH", customer_id="C-7", allocated=True):
    entry = Entry("l1", "DE99", "2026-05-20", AMOUNT, counterparty, iban)
    return Match(
        id="m1", kind="full", line_ids=("l1",), invoice_numbers=("R-1",), amount=AMOUNT, confidence=0.7, why="it fits",
        allocations=(Allocation("l1", "R-1", AMOUNT),) if allocated else (),
        counterparty=counterparty, iban=iban, customer=customer, customer_id=customer_id, entries=(entry,),
    )  # fmt: skip


def layout(ident="a1", **columns):
    return Layout(ident, "bank.columns", columns or {"booked_on": "Tag", "amount": "Betrag"})


def doubt(of: Layout | None):
    return Doubt(
        "d1", "layout" if of else "unread", "april.csv", "april.csv: are its columns read rightly?", "", layout=of
    )


class Desk:
    """The operations over a real ledger: what one gives is recorded, as the runtime does."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.operations = {one.name: one for one in known.operations(KnownReader(ledger))}
        self.facts = 0

    def call(self, name, arguments, plan="plan-1"):
        output = asyncio.run(self.operations[name].call(SimpleNamespace(plan=plan, now_us=NOW_US), arguments))
        append(self.ledger, appended("plan:p", self.facts, e.EffectDone("x", to_plain(output), operation=name)))
        self.facts += 1
        return output

    def undo(self, name, arguments, output):
        back = self.operations[name].compensate(arguments, output)
        return back and self.call(back.operation, known.Forget(tuple(back.arguments["ids"]), back.arguments["plan"]))

    def recall(self):
        return asyncio.run(self.operations["known.read"].call(None, known.ReadKnown()))


def test_an_approved_match_teaches_the_payers_name_and_account(ledger):
    desk = Desk(ledger)
    (learned,) = desk.call("known.learn_payers", known.LearnPayers((match(),))).payers
    assert (learned.customer, learned.customer_id, learned.name, learned.iban) == (
        "Muster GmbH", "C-7", "Erika Muster", "DE00",
    )  # fmt: skip
    assert learned.source == "On 2026-05-28 you said that 100.00 EUR from Erika Muster paid R-1."
    assert (learned.plan, learned.learned_on) == ("plan-1", "2026-05-28")
    assert desk.recall().payers == (learned,)


def test_the_customers_own_name_is_not_learned_but_its_account_is(ledger):
    desk = Desk(ledger)
    (learned,) = desk.call("known.learn_payers", known.LearnPayers((match(counterparty="MUSTER  gmbh"),))).payers
    assert (learned.name, learned.iban) == ("", "DE00")


def test_a_match_that_names_no_payer_no_customer_or_nothing_paid_teaches_nothing(ledger):
    matches = (match("", ""), match(customer=""), match(allocated=False), match("Muster GmbH", ""))
    assert Desk(ledger).call("known.learn_payers", known.LearnPayers(matches)).payers == ()


def test_every_line_of_a_match_teaches_its_own_payer(ledger):
    two = match()
    other = Entry("l2", "DE99", "2026-05-21", Money(2990, "EUR"), "Anna Muster", "DE01")
    more = (*two.allocations, Allocation("l2", "R-1", Money(2990, "EUR")))
    whole = msgspec.structs.replace(two, line_ids=("l1", "l2"), entries=(*two.entries, other), allocations=more)
    learned = Desk(ledger).call("known.learn_payers", known.LearnPayers((whole,))).payers
    assert [(one.name, one.iban) for one in learned] == [("Erika Muster", "DE00"), ("Anna Muster", "DE01")]
    assert "29.90 EUR from Anna Muster paid R-1" in learned[1].source


def test_a_lesson_that_a_later_run_confirmed_outlives_the_undo_of_the_first(ledger):
    desk = Desk(ledger)
    lesson = known.LearnPayers((match(), match()))
    first = desk.call("known.learn_payers", lesson)
    second = desk.call("known.learn_payers", lesson, plan="plan-2")
    assert len(first.payers) == 1
    assert desk.undo("known.learn_payers", lesson, first).forgotten == ()
    assert [payer.plan for payer in desk.recall().payers] == ["plan-2"]
    assert desk.undo("known.learn_payers", lesson, second).forgotten == (second.payers[0].id,)
    assert desk.recall().payers == ()


def test_an_undo_forgets_and_the_next_answer_teaches_anew(ledger):
    desk = Desk(ledger)
    lesson = known.LearnPayers((match(),))
    learned = desk.call("known.learn_payers", lesson)
    assert desk.undo("known.learn_payers", lesson, learned).forgotten == (learned.payers[0].id,)
    assert desk.recall().payers == ()
    assert desk.call("known.forget", known.Forget((learned.payers[0].id,))).forgotten == ()
    assert desk.call("known.learn_payers", lesson).payers == learned.payers
    assert desk.recall().payers == learned.payers


def test_a_confirmed_layout_is_remembered_and_a_file_that_was_left_out_is_not(ledger):
    desk = Desk(ledger)
    given = known.RememberLayouts((doubt(layout()), doubt(None)))
    (remembered,) = desk.call("known.remember_layouts", given).layouts
    assert (remembered.id, remembered.plan) == ("a1", "plan-1")
    assert desk.recall().layouts == (remembered,)


def test_a_layout_that_was_confirmed_anew_takes_the_place_of_the_old_one(ledger):
    desk = Desk(ledger)
    desk.call("known.remember_layouts", known.RememberLayouts((doubt(layout()),)))
    desk.call("known.remember_layouts", known.RememberLayouts((doubt(layout(booked_on="Valuta", amount="Soll")),)))
    assert [one.columns for one in desk.recall().layouts] == [{"booked_on": "Valuta", "amount": "Soll"}]


def test_names_of_operations_are_those_the_projection_waits_for(ledger):
    assert {LEARN, REMEMBER, FORGET} < set(Desk(ledger).operations)


def test_outcomes_of_other_operations_teach_nothing(ledger):
    payer = {"id": "p1", "customer": "A", "name": "B", "iban": "", "source": "", "learned_on": "2026-11-21"}
    append(ledger, appended("plan:p", 0, e.EffectDone("x", {"payers": [payer]}, operation="mail.send")))
    assert KnownReader(ledger).payers() == []
