"""CSV of banks: dialects, guesses, running balances, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.connectors.bank import csv as bank_csv
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money

GERMAN = """Kontoauszug;;
IBAN: DE89 3704 0044 0532 0130 00;;

Buchungstag;Wertstellung;Auftraggeber/Empf\u00e4nger;Verwendungszweck;Betrag (EUR);Saldo
02.04.2026;03.04.2026;Vermieter;Miete April;-1.234,56;8.765,44
05.04.2026;05.04.2026;M\u00fcller GmbH;RE 2026-117;3.500,00;12.265,44
"""
FRENCH = """Date comptable\tDate de valeur\tLibell\u00e9\tD\u00e9bit\tCr\u00e9dit\tDevise
03/04/2026\t03/04/2026\tLoyer\t1\u202f234,56\t\tEUR
04/04/2026\t04/04/2026\tFacture 117\t\t3\u202f500,00\tEUR
"""
DUTCH = """"Datum","Naam / Omschrijving","Rekening","Tegenrekening","Af Bij","Bedrag (EUR)","Mededelingen"
"20260403","Verhuurder","NL91ABNA0417164300","NL20INGB0001234567","Af","1234,56","Huur, april"
"20260404","Klant BV","NL91ABNA0417164300","NL20INGB0001234568","Bij","3500,00","Factuur 117"
"""
ENGLISH = """Date,Description,Paid out,Paid in,Currency
2026-04-03,Rent,"1,234.56",,EUR
2026-04-04,Invoice 117,,"3,500.00",EUR
"""


def read(text: str | bytes, columns: ColumnMap | None = None):
    content = text.encode() if isinstance(text, str) else text
    return assemble([("april.csv", bank_csv.read(Source("april.csv", content), columns))])


def refused(text: str | bytes, columns: ColumnMap | None = None) -> str:
    with pytest.raises(FileError) as caught:
        read(text, columns)
    assert caught.value.message.startswith("april.csv")
    assert caught.value.remedy
    return caught.value.message


def minors(text: str | bytes, columns: ColumnMap | None = None) -> list[int]:
    return [line.amount.minor for line in read(text, columns).lines]


@pytest.mark.parametrize("text", [GERMAN, FRENCH, DUTCH, ENGLISH])
def test_headers_are_known_in_four_languages(text):
    result = read(text)
    assert [line.amount for line in result.lines] == [Money(-123456, "EUR"), Money(350000, "EUR")]
    assert [line.booked_on[:8] for line in result.lines] == ["2026-04-", "2026-04-"]
    assert all("117" in line.text or "117" in line.raw for line in result.lines[1:])


def test_lines_before_the_header_are_skipped_and_name_the_account():
    result = read(GERMAN)
    assert result.statements[0].account == "DE89370400440532013000"
    assert (result.lines[0].booked_on, result.lines[0].value_on) == ("2026-04-02", "2026-04-03")
    assert (result.lines[1].counterparty, result.lines[1].text) == ("M\u00fcller GmbH", "RE 2026-117")


def test_the_guess_is_told():
    note = read(GERMAN).note
    assert "separated by semicolon" in note
    assert "'Betrag (EUR)' as amount" in note
    assert "decimal mark ','" in note


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found(encoding):
    assert read(GERMAN.encode(encoding)).lines == read(GERMAN).lines


def test_a_text_that_holds_the_separator_and_a_line_break_in_quotes_is_one_cell():
    result = read('Date,Description,Amount,Currency\n2026-04-03,"Rent, April\nand May",-5.00,EUR\n2026-04-04,x,1,EUR\n')
    assert result.lines[0].text == "Rent, April and May"


def test_a_separator_named_on_the_first_line_is_a_line_before_the_header():
    assert minors("sep=;\nDate;Amount;Currency\n2026-04-03;1,50;EUR\n") == [150]


def test_a_dutch_valuta_is_a_currency_and_a_german_one_a_date():
    assert minors("Datum;Bedrag;Valuta\n2026-04-03;1,50;EUR\n") == [150]
    german = read("Buchungstag;Valuta;Betrag (EUR)\n03.04.2026;04.04.2026;1,50\n")
    assert german.lines[0].value_on == "2026-04-04"


# --- balances -----------------------------------------------------------------------------------------------------

UP = """Date;Amount;Balance;Currency
2026-04-01;10,50;110,50;EUR
2026-04-02;-20,00;90,50;EUR
2026-04-03;5,00;95,50;EUR
"""


def test_a_running_balance_is_checked_in_either_direction():
    header, *rows = UP.splitlines()
    for text in (UP, "\n".join([header, *reversed(rows)])):
        (statement,) = read(text).statements
        assert statement.balance == "checked"
        assert (statement.opening, statement.closing) == (Money(10000, "EUR"), Money(9550, "EUR"))


def test_a_row_that_is_missing_from_the_running_balance_is_found():
    rows = UP.splitlines()
    message = refused("\n".join([rows[0], rows[1], rows[3]]))
    assert "line 3: the running balance is off by -20.00 EUR" in message


def test_one_row_or_gaps_in_the_balance_prove_nothing():
    assert read("\n".join(UP.splitlines()[:2])).balance == "absent"
    assert read(UP.replace("90,50", "")).balance == "absent"


def test_named_columns_switch_all_guessing_off():
    columns = ColumnMap(booked_on="Date", amount="Amount", currency="currency")
    assert read(UP.replace("90,50", "1,00"), columns).balance == "absent"


# --- columns as the operator says ---------------------------------------------------------------------------------


def test_a_map_reads_what_no_guess_could():
    text = "when~what~sum~way\n04/03/2026~Rent~1.234~D\n04/05/2026~Invoice~2.000~C\n"
    columns = ColumnMap(
        booked_on="when", text="what", amount="sum", direction="way", delimiter="~", decimal=",",
        date_format="%m/%d/%Y", currency_code="EUR", own_account="DE89370400440532013000",
    )  # fmt: skip
    result = read(text, columns)
    assert [line.amount.minor for line in result.lines] == [-123400, 200000]
    assert result.lines[0].booked_on == "2026-04-03"
    assert result.statements[0].account == "DE89370400440532013000"


def test_a_named_column_that_is_not_there_is_refused():
    assert "no header was found with columns for 'Datum', 'Summe'" in refused(
        UP, ColumnMap(booked_on="Datum", amount="Summe")
    )


def test_debits_are_negative_whether_or_not_their_column_has_a_minus():
    plain = "Date,Debit,Credit,Currency\n2026-04-03,5.00,,EUR\n2026-04-04,0.00,7.00,EUR\n"
    assert minors(plain) == minors(plain.replace("5.00", "-5.00")) == [-500, 700]


# --- what is refused ----------------------------------------------------------------------------------------------

HEADER = "Date,Description,Amount,Currency\n2026-04-02,Valid,100.00,EUR\n"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("2026-04-03,Garbled,12..34,EUR", "line 3, column 'Amount': '12..34' is not an amount"),
        ("2026-04-03,Words,many,EUR", "line 3, column 'Amount': 'many' is not an amount"),
        ("2026-04-03,Decimals,1.001,EUR", "more decimals than the currency"),
        ("2026-04-03,Large,99999999999999999999.00,EUR", "too large"),
        ("2026-04-03,Currency,1.00,QQQ", "line 3, column 'Currency': 'QQQ' is not a currency"),
        ("2026-04-03,Currency,1.00,", "nothing says the currency"),
        ("2026-02-30,Date,1.00,EUR", "line 3, column 'Date': '2026-02-30' is not a date"),
        (",No date,1.00,EUR", "line 3, column 'Date': '' is not a date"),
        ("2026-04-03,No amount,,EUR", "the row has no amount"),
        ("2026-04-03,Cut", "line 3: the row has 2 cells, the header 4"),
        ("2026-04-03,Rent, April,1.00,EUR", "line 3: the row has 5 cells, the header 4"),
        ('2026-04-03,"Open,1.00,EUR', "can't be read"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_line_and_column(row, says):
    assert says in refused(f"{HEADER}{row}\n")


def test_a_row_without_date_and_amount_is_left_out_and_counted():
    result = read(f"{HEADER},Total of all,,\n\n")
    assert result.count == 1
    assert "1 rows without date and amount are left out." in result.note


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Date,Amount,Currency\n03/04/2026,1.00,EUR\n", "may be day and month or month and day"),
        ("Date,Amount,Currency\n2026-04-03,1.234,EUR\n", "line 2: '1.234' doesn't tell whether"),
        (
            'Date,Amount,Currency\n2026-04-03,1.20,EUR\n2026-04-03,"1,20",EUR\n',
            "line 3: '1,20' has another decimal mark",
        ),
        ("Date,Amount,Currency\n", "no rows"),
        ("a,b,c\n1,2,3\n", "no header"),
        ("", "no header"),
        ("Date,Amount\n2026-04-03,1\x00.00\n", "line 2: there are control characters"),
        (b"Date,Amount\n2026-04-03,\x81\n", "not in a known encoding"),
    ],
)
def test_what_is_open_or_no_table_is_asked_not_assumed(text, says):
    assert says in refused(text)


def test_a_day_first_language_decides_an_open_date():
    assert read("Datum;Betrag;Valuta\n03/04/2026;1,00;EUR\n").lines[0].booked_on == "2026-04-03"


# --- ids ----------------------------------------------------------------------------------------------------------


def test_equal_rows_stay_two_and_overlapping_files_agree():
    header = "Date,Description,Amount,Currency"
    rows = [f"2026-04-0{day},Coffee,-4.50,EUR" for day in (1, 1, 2, 2, 3)]
    early = [line.id for line in read("\n".join([header, *rows[:4]])).lines]
    late = [line.id for line in read("\n".join([header, *rows[2:]])).lines]
    assert len(set(early)) == 4
    assert early[2:] == late[:2]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(1, 28)), min_size=2, max_size=20),
    st.sampled_from([(",", "."), (",", " "), (",", ""), (".", ","), (".", "'"), (".", ""), (",", "\u202f")]),
    st.sampled_from([";", "\t", "|"]),
    st.sampled_from(["-{}", "{}-", "({})", "\u2212{}", "- {}"]),
)
def test_any_amounts_in_any_dialect_are_read_to_the_cent(entries, marks, delimiter, negative):
    decimal, thousands = marks

    def written(minor: int) -> str:
        text = f"{abs(minor) // 100:,}".replace(",", thousands) + decimal + f"{abs(minor) % 100:02}"
        return negative.format(text) if minor < 0 else text

    balance = 0
    rows = [delimiter.join(["Date", "Amount", "Balance", "Currency"])]
    for minor, day in entries:
        balance += minor
        rows.append(delimiter.join([f"2026-04-{day:02}", written(minor), written(balance), "EUR"]))
    result = read("\n".join(rows))
    assert [line.amount.minor for line in result.lines] == [minor for minor, _ in entries]
    assert result.balance == "checked"


def test_columns_in_euros_are_known_and_name_the_currency():
    text = "Date op\u00e9ration;Libell\u00e9;D\u00e9bit euros;Cr\u00e9dit euros\n03/04/2026;Loyer;12,50;\n"
    assert read(text).lines[0].amount == Money(-1250, "EUR")
