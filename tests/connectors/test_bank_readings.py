"""Tables of banks that can be read in two ways: what balances prove, what is asked, and what is never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mainstay.connectors.bank import csv as bank_csv
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError

if TYPE_CHECKING:
    from mainstay.connectors.bank.statement import FileRead
    from mainstay.records import BankLine, Layout

IBAN = "DE89370400440532013000"
OTHER = "DE02120300000000202051"


def read(text: str, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()) -> FileRead:
    return bank_csv.read(Source("april.csv", text.encode()), columns, layouts)


def lines(text: str, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()) -> tuple[BankLine, ...]:
    return assemble([("april.csv", read(text, columns, layouts))]).lines


def minors(text: str, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()) -> list[int]:
    return [line.amount.minor for line in lines(text, columns, layouts)]


def layout_of(text: str, columns: ColumnMap | None = None) -> Layout:
    (doubt,) = read(text, columns).doubts
    assert doubt.layout is not None
    return doubt.layout


def headlines(text: str, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()) -> list[str]:
    return [doubt.headline.removeprefix("april.csv: ") for doubt in read(text, columns, layouts).doubts]


# --- payments that speak of a balance, and balances written as payments ---------------------------------------------

WORDS = ["Endsaldo", "closing balance", "Saldo final", "Solde initial"]
IS_PAYMENT = "are these payments, though they speak of a balance?"


@pytest.mark.parametrize("word", WORDS)
def test_a_payment_whose_text_is_a_balance_word_is_kept_and_asked_about_each_time(word):
    text = f"Datum;Name;Text;Betrag;W\u00e4hrung\n04.04.2026;K2;RE-2;-50,00;EUR\n05.04.2026;K;{word};100,00;EUR\n"
    assert minors(text) == [-5000, 10000]
    layout = read(text).doubts[0].layout
    assert layout is not None
    assert headlines(text, layouts=(layout,)) == [IS_PAYMENT]
    assert f"2026-04-05  +100.00 EUR  from K, '{word}'" in read(text, layouts=(layout,)).doubts[0].body


@pytest.mark.parametrize("word", WORDS)
def test_the_running_balance_proves_that_such_a_row_is_a_payment(word):
    text = (
        "Datum;Text;Betrag;Saldo;W\u00e4hrung\n04.04.2026;RE-2;-50,00;50,00;EUR\n"
        f"05.04.2026;{word};100,00;150,00;EUR\n06.04.2026;RE-3;-5,00;145,00;EUR\n"
    )
    assert minors(text) == [-5000, 10000, -500]
    assert IS_PAYMENT not in headlines(text)


def test_the_running_balance_proves_that_such_a_row_is_a_balance():
    text = (
        "Datum;Text;Betrag;Saldo;W\u00e4hrung\n04.04.2026;RE-2;-50,00;50,00;EUR\n"
        "05.04.2026;RE-3;20,00;70,00;EUR\n30.04.2026;Endsaldo;70,00;70,00;EUR\n"
    )
    assert minors(text) == [-5000, 2000]
    assert IS_PAYMENT not in headlines(text)
    assert "1 rows tell a balance, as the others prove" in " ".join(read(text).notes)


def test_stated_balances_that_contradict_the_rows_between_them_are_refused():
    rows = ["01.04.2026;Anfangssaldo;500,00;EUR", "03.04.2026;a;100,00;EUR", "30.04.2026;Endsaldo;570,00;EUR"]
    with pytest.raises(FileError, match=r"opens with 500\.00 EUR and closes with 570\.00 EUR"):
        read("\n".join(["Datum;Text;Betrag;W\u00e4hrung", *rows, ""]))
    rows.insert(2, "04.04.2026;b;-30,00;EUR")
    assert minors("\n".join(["Datum;Text;Betrag;W\u00e4hrung", *rows, ""])) == [10000, -3000]


def test_balances_without_date_or_amount_are_set_aside_and_counted():
    text = "Date,Text,Amount,Currency\n,Opening balance,100.00,EUR\n2026-04-03,a,1.00,EUR\n2026-04-30,Endsaldo,,EUR\n"
    assert minors(text) == [100]
    assert "Telling a balance or a total, no payment: 2 rows." in read(text).notes


def test_what_is_not_booked_yet_is_no_balance_though_its_name_begins_like_one():
    text = "Datum;Name;Betrag;W\u00e4hrung\n03.04.2026;K;100,00;EUR\nvorgemerkt;Total Energies;-50,00;EUR\n"
    assert "Left out, not booked yet and without a date: 1 row." in read(text).notes


# --- a column of money out, with and without its minus --------------------------------------------------------------

DEBITS = "Datum;Text;Belastung;Gutschrift;Saldo;W\u00e4hrung\n"


@pytest.mark.parametrize(
    ("rent", "back", "expected"), [("-10,00", "5,00", [-1000, 500, 10000]), ("10,00", "-5,00", [-1000, 500, 10000])]
)
def test_a_debit_column_of_both_signs_is_read_as_the_balance_proves(rent, back, expected):
    text = (
        f"{DEBITS}13.04.2026;Miete;{rent};;90,00;CHF\n14.04.2026;Storno;{back};;95,00;CHF\n"
        "15.04.2026;Kunde;;100,00;195,00;CHF\n"
    )
    assert minors(text) == expected
    layout = layout_of(text)
    later = f"{DEBITS}13.05.2026;Miete;{rent};;;CHF\n14.05.2026;Storno;{back};;;CHF\n15.05.2026;K;;100,00;;CHF\n"
    assert minors(later, layouts=(layout,)) == expected


def test_a_debit_column_of_both_signs_without_proof_is_refused_until_it_is_said():
    text = f"{DEBITS}13.04.2026;Miete;-10,00;;;CHF\n14.04.2026;Storno;5,00;;;CHF\n"
    with pytest.raises(FileError, match="some amounts of money out have a minus and some have none") as caught:
        read(text)
    assert 'signs = "minus"' in caught.value.remedy
    assert minors(text, ColumnMap(signs="minus")) == [-1000, 500]
    assert minors(text, ColumnMap(signs="plain")) == [1000, -500]


def test_a_debit_column_written_otherwise_than_confirmed_is_refused_without_proof():
    layout = layout_of(f"{DEBITS}13.04.2026;Miete;10,00;;;CHF\n")
    assert layout.columns["signs"] == "plain"
    with pytest.raises(FileError, match="money out"):
        read(f"{DEBITS}13.05.2026;Storno;-10,00;;;CHF\n", layouts=(layout,))
    proved = f"{DEBITS}13.05.2026;Kunde;;10,00;100,00;CHF\n14.05.2026;Storno;-10,00;;110,00;CHF\n"
    assert minors(proved, layouts=(layout,)) == [1000, 1000]


# --- cards ----------------------------------------------------------------------------------------------------------

CARD = "Date,Description,Amount,Currency,Extended Details\n"
THANKED = f"{CARD}13/04/2026,SHOP,100.00,GBP,\n14/04/2026,PAYMENT RECEIVED - THANK YOU,-100.00,GBP,\n"


def test_a_cards_charges_without_a_minus_are_money_out_also_in_the_next_file():
    assert minors(THANKED) == [-10000, 10000]
    assert "signs are turned" in read(THANKED).doubts[0].body
    assert minors(f"{CARD}13/05/2026,SHOP,7.00,GBP,\n", layouts=(layout_of(THANKED),)) == [-700]


def test_a_file_that_was_confirmed_unturned_and_now_looks_turned_is_asked_about_each_time():
    plain = f"{CARD}13/04/2026,SHOP,100.00,GBP,\n"
    assert "Nothing here is money out" in read(plain).doubts[0].body
    assert headlines(THANKED, layouts=(layout_of(plain),)) == ["are its signs read rightly?"]
    assert minors(THANKED, layouts=(layout_of(plain),)) == [-10000, 10000]


def test_a_file_that_was_confirmed_turned_and_now_writes_its_minus_is_asked_about_each_time():
    other = f"{CARD}13/05/2026,SHOP,-100.00,GBP,\n14/05/2026,PAYMENT RECEIVED - THANK YOU,100.00,GBP,\n"
    assert minors(other, layouts=(layout_of(THANKED),)) == [-10000, 10000]
    assert headlines(other, layouts=(layout_of(THANKED),)) == ["are its signs read rightly?"]


def test_signs_that_are_said_wrongly_are_refused():
    with pytest.raises(FileError, match="'both' says nothing about signs"):
        read(THANKED, ColumnMap(signs="both"))


@pytest.mark.parametrize("row", ["PAYMENT RECEIVED,100.00", "Returned: payment received from K,-100.00"])
def test_a_banks_own_signs_are_not_turned(row):
    text = f"Date,Description,Amount,Currency\n13/04/2026,INV 7,50.00,GBP\n14/04/2026,{row},GBP\n"
    assert minors(text)[0] == 5000


# --- whose account --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("header", ["IBAN", "Account number", "Kontonummer"])
def test_one_account_in_all_rows_is_the_owners_however_long_the_file(header, rows):
    text = f"{header};Date;Text;Amount;Currency\n" + "".join(
        f"{IBAN};2026-04-0{n};Gutschrift {n};1{n}.00;CHF\n" for n in range(1, rows + 1)
    )
    found = lines(text)
    assert {(line.account, line.iban) for line in found} == {(IBAN, "")}
    assert found[0].id == lines("\n".join(text.splitlines()[:2]) + "\n")[0].id


def test_an_account_beside_a_sort_code_is_the_owners():
    text = f"Date,Sort Code,Account Number,Name,Amount,Currency\n13/04/2026,'30-00-00,{IBAN},ACME,5.00,GBP\n"
    assert [(line.account, line.iban) for line in lines(text)] == [(IBAN, "")]


def test_one_account_beside_names_that_differ_is_the_owners_and_beside_one_name_is_asked():
    row = "0{}.04.2026;{};{};100,00;EUR\n"
    text = "Datum;Name;IBAN;Betrag;W\u00e4hrung\n"
    two = text + row.format(3, "Anna", OTHER) + row.format(4, "Bert", OTHER)
    assert [line.account for line in lines(two)] == [OTHER, OTHER]
    one = text + row.format(3, "Anna", OTHER)
    assert [(line.account, line.iban) for line in lines(one)] == [("", "")]
    (doubt,) = read(one).doubts
    assert doubt.layout is None  # what can't be told is not remembered
    assert "nothing tells whether it is yours or theirs" in doubt.body
    assert "counts for this file alone and is not remembered" in doubt.body
    named = ColumnMap(booked_on="Datum", counterparty="Name", iban="IBAN", amount="Betrag", currency="W\u00e4hrung")
    assert read(one, named).doubts == ()  # as the card promises


def test_where_the_owners_account_stands_above_the_table_another_is_theirs_and_shown():
    text = f"Konto;{IBAN}\n\nDatum;Name;IBAN;Betrag;W\u00e4hrung\n03.04.2026;Anna;{OTHER};100,00;EUR\n"
    assert [(line.account, line.iban) for line in lines(text)] == [(IBAN, OTHER)]
    assert f"from Anna ({OTHER})" in read(text).doubts[0].body


# --- texts, parties, kinds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Bewegungstyp;Avisierungstext;Label", "Gutschrift;KUNDE RE 7;Einnahme", "KUNDE RE 7"),
        ("Buchungstext;Zahlungszweck;Details", "Gutschrift: Muster;RE 7;mehr", "RE 7 Gutschrift: Muster mehr"),
        ("Text;Verwendungszweck", "Gutschrift;RE 7", "RE 7 Gutschrift"),
        ("Buchungstext;Verwendungszweck", "Gutschrift;RE 7", "RE 7"),
        ("Details", "RE 7", "RE 7"),
    ],
)
def test_the_true_text_is_taken_before_labels_and_details(header, cells, expected):
    (line,) = lines(f"Datum;{header};Betrag;W\u00e4hrung\n03.04.2026;{cells};1,00;CHF\n")
    assert line.text == expected


@pytest.mark.parametrize(
    "payee", ["Beguenstigter", "Beg\u00fcnstigter", "Beneficiary", "Destinataire", "Empf\u00e4nger"]
)
def test_of_payer_and_payee_the_one_that_is_not_the_owner_is_taken(payee):
    header = f"Datum;Auftraggeber;{payee};Betrag;W\u00e4hrung\n"
    text = f"{header}03.04.2026;Kunde;ICH;1,00;EUR\n04.04.2026;ICH;Lief;-1,00;EUR\n"
    assert [line.counterparty for line in lines(text)] == ["Kunde", "Lief"]


def test_a_payer_alone_is_taken_for_what_comes_in_only():
    text = "Date,Payer,Description,Amount,Currency\n2026-04-03,Acme,From Acme,1.00,EUR\n2026-04-04,ME,To L,-1.00,EUR\n"
    assert [line.counterparty for line in lines(text)] == ["Acme", ""]


@pytest.mark.parametrize(
    ("kind", "text", "is_reversal"),
    [
        ("LS R\u00dcCKBELASTUNG", "RE 7", True),
        ("", "R\u00fccklastschrift RE 7", True),
        ("Storno", "Miete", True),
        ("RETOUR", "x", True),
        ("Returned payment", "x", True),
        ("Gutschrift", "RE 7, kein Storno", False),
        ("Entgelt", "Stornogeb\u00fchr", False),
    ],
)
def test_what_takes_a_movement_back_is_marked(kind, text, is_reversal):
    table = f"Datum;Umsatzart;Verwendungszweck;Betrag;W\u00e4hrung\n03.04.2026;{kind};{text};-1,00;EUR\n"
    assert lines(table)[0].reversal is is_reversal


# --- states ---------------------------------------------------------------------------------------------------------

STATES = "Date,Name,Amount,Currency,Status\n13/04/2026,K,1.00,GBP,Completed\n14/04/2026,L,2.00,GBP,{}\n"


@pytest.mark.parametrize("state", ["Zur\u00fcckgewiesen", "Retourniert", "nicht ausgef\u00fchrt", "Returned"])
def test_what_the_bank_says_never_happened_is_left_out(state):
    assert minors(STATES.format(state)) == [100]


@pytest.mark.parametrize("state", ["geplant", "Scheduled", "Awaiting approval"])
def test_what_is_still_to_come_is_pending(state):
    assert [line.pending for line in lines(STATES.format(state))] == [False, True]


def test_a_state_that_is_not_known_is_pending_and_asked_about_each_time_until_it_is_said():
    text = STATES.format("Gelb")
    assert [line.pending for line in lines(text)] == [False, True]
    layout = read(text).doubts[0].layout
    assert layout is not None
    assert headlines(text, layouts=(layout,)) == ["are these not booked yet?"]
    said = ColumnMap(booked_states="gelb")
    assert [line.pending for line in lines(text, said)] == [False, False]
    assert headlines(text, said, (layout,)) == []


# --- details of a batch ---------------------------------------------------------------------------------------------


def test_rows_that_detail_a_batch_are_texts_of_the_row_before():
    dated = (
        "Buchungsdatum;W\u00e4hrung;Belastung;Gutschrift;Einzelbetrag;Beschreibung1\n"
        "2026-04-04;CHF;;30.00;;Sammelauftrag\n2026-04-04;CHF;;;10.00;Anna\n2026-04-04;CHF;;;20.00;Bert\n"
        "2026-04-05;CHF;;7.00;;Carl\n"
    )
    assert [line.text for line in lines(dated)] == ["Sammelauftrag Anna 10.00 Bert 20.00", "Carl"]
    bare = (
        "Datum;Buchungstext;Whg;Betrag Detail;Belastung CHF;Gutschrift CHF\n"
        "03.04.2026;Sammelgutschrift;;;;300.00\n;Kunde A;CHF;100.00;;\n;Kunde B;CHF;200.00;;\n"
    )
    assert [(line.amount.minor, line.text) for line in lines(bare)] == [
        (30000, "Sammelgutschrift Kunde A 100.00 Kunde B 200.00")
    ]
    assert "Details of a batch, read with the row before: 2 rows." in read(bare).notes


def test_a_question_that_no_layout_can_answer_says_that_its_yes_counts_once():
    """Such a question comes with the next file too, so it must not look as if it were remembered."""
    text = "Date,Name,Amount,Currency,State\n2026-04-13,ACME,5.00,EUR,COMPLETED\n2026-04-14,ACME,6.00,EUR,FROBBED\n"
    (asked,) = [doubt for doubt in read(text).doubts if "not booked yet?" in doubt.headline]
    assert asked.layout is None
    assert asked.body.splitlines()[-1].startswith("Your yes counts for this file alone")
