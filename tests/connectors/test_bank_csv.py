"""CSV of banks: dialects, guesses, what is asked and remembered, balances, and what is refused."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstay.connectors.bank import csv as bank_csv
from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.statement import assemble
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money

if TYPE_CHECKING:
    from mainstay.records import Doubt, Layout

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


def test_how_a_table_was_taken_is_told_where_it_was_not_guessed():
    layout = confirmed(GERMAN)
    assert "columns" not in read(GERMAN).note
    assert "Its columns are read as you confirmed." in with_layout(GERMAN, layout).note
    assert "Read as cp1252." in read(GERMAN.encode("cp1252")).note


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
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


def test_a_dash_in_a_column_of_amounts_is_an_empty_cell():
    text = "Date,Text,Debit,Credit,Currency\n2026-02-20,a,-,5.00,EUR\n2026-02-21,b,3.00,--,EUR\n"
    assert minors(text) == [500, -300]
    assert "the row has no amount" in refused(text + "2026-02-22,c,-,-,EUR\n")


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
    result = read(f"{HEADER},Total of all,,\n,Printed on Monday,,\n\n")
    assert result.count == 1
    assert "Left out, without date and amount: 1 row." in result.note
    assert "Telling a balance or a total, no payment: 1 row." in result.note


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


@settings(max_examples=100)
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


# --- guesses are asked once, and remembered -----------------------------------------------------------------------


def asked(text: str | bytes, columns: ColumnMap | None = None, layouts: tuple[Layout, ...] = ()) -> tuple[Doubt, ...]:
    content = text.encode() if isinstance(text, str) else text
    return bank_csv.read(Source("april.csv", content), columns, layouts).doubts


def confirmed(text: str) -> Layout:
    (doubt,) = asked(text)
    assert doubt.layout is not None
    return doubt.layout


def with_layout(text: str, layout: Layout):
    return assemble([("april.csv", bank_csv.read(Source("april.csv", text.encode()), None, (layout,)))])


def test_a_guess_is_shown_with_its_columns_settings_and_first_rows():
    (doubt,) = asked(GERMAN)
    assert (doubt.kind, doubt.file, doubt.headline) == (
        "layout",
        "april.csv",
        "april.csv: are its columns read rightly?",
    )
    assert doubt.body.splitlines() == [
        "2026-04-02  -1,234.56 EUR  to Vermieter, 'Miete April'",
        "2026-04-05  +3,500.00 EUR  from M\u00fcller GmbH, 'RE 2026-117'",
        (
            "The columns: booking date 'Buchungstag', value date 'Wertstellung', amount 'Betrag (EUR)', who paid, or "
            "was paid 'Auftraggeber/Empf\u00e4nger', what they wrote 'Verwendungszweck', balance after it 'Saldo'."
        ),
        (
            "The decimal mark is a comma. Dates are written day.month.year. Columns are separated by semicolon. "
            "The currency is EUR, as far as the file tells. The balance column adds up row by row."
        ),
    ]


def test_what_the_remedy_says_can_be_copied_into_mainstay_toml_and_reads_the_same():
    (doubt,) = asked(GERMAN)
    said = tomllib.loads("\n".join(doubt.remedy.splitlines()[1:]))["bank"]["columns"]
    columns = msgspec.convert(said, ColumnMap)
    assert read(GERMAN, columns).lines == read(GERMAN).lines
    assert asked(GERMAN, columns) == ()


def test_a_confirmed_layout_gives_no_doubt_and_the_same_lines():
    layout = confirmed(GERMAN)
    assert layout.section == "bank.columns"
    assert layout.columns["decimal"] == ","
    assert layout.columns["date_format"] == "%d.%m.%Y"
    assert asked(GERMAN, layouts=(layout,)) == ()
    assert with_layout(GERMAN, layout).lines == read(GERMAN).lines


def test_a_layout_of_another_section_or_header_is_no_answer():
    layout = confirmed(GERMAN)
    assert asked(GERMAN, layouts=(msgspec.structs.replace(layout, section="invoices.columns"),))
    assert asked(GERMAN.replace("Buchungstag;Wertstellung", "Wertstellung;Buchungstag"), layouts=(layout,))


def test_a_layout_is_found_again_under_other_lines_capitals_and_separators():
    layout = confirmed(GERMAN)
    other = GERMAN.replace("Kontoauszug;;", "").upper().replace(";", "\t")
    assert asked(other, layouts=(layout,)) == ()


OPEN = "Date,Text,Amount,Currency\n{}\n"


def test_what_a_file_leaves_open_is_read_as_the_confirmed_one_proved():
    layout = confirmed(OPEN.format("13/04/2026,Rent,-1.50,EUR"))
    assert layout.columns["date_format"] == "%d/%m/%Y"
    (line,) = with_layout(OPEN.format("03/04/2026,Rent,-1.250,EUR").replace("1.250", "1.25"), layout).lines
    assert line.booked_on == "2026-04-03"
    comma = confirmed("Date;Text;Amount;Currency\n2026-04-13;Rent;-1,50;EUR\n")
    (line,) = with_layout("Date;Text;Amount;Currency\n2026-04-13;Rent;-1.250;EUR\n", comma).lines
    assert line.amount == Money(-125000, "EUR")


def test_what_no_file_proved_is_not_remembered():
    layout = confirmed("Datum;Bedrag;Munt\n03/04/2026;5;EUR\n")
    assert "date_format" not in layout.columns
    assert "decimal" not in layout.columns
    (doubt,) = asked("Datum;Bedrag;Munt\n03/04/2026;5;EUR\n")
    assert "Dates are written day/month/year, as far as the file tells." in doubt.body


def test_a_file_that_contradicts_what_was_confirmed_is_refused_with_what_to_do():
    layout = confirmed(OPEN.format("13/04/2026,Rent,-1.50,EUR"))
    with pytest.raises(FileError, match=r"line 2, column 'Date': '04/13/2026' is not a date written") as caught:
        with_layout(OPEN.format("04/13/2026,Rent,-1.50,EUR"), layout)
    assert "was confirmed before" in caught.value.remedy
    assert "date_format" in caught.value.remedy


def test_what_mainstay_toml_says_goes_before_what_was_confirmed():
    layout = confirmed(OPEN.format("13/04/2026,Rent,-1.50,EUR"))
    source = Source("april.csv", OPEN.format("04/13/2026,Rent,-1.50,EUR").encode())
    (part,) = bank_csv.read(source, ColumnMap(date_format="%m/%d/%Y"), (layout,)).parts
    assert part.drafts[0].line.booked_on == "2026-04-13"


def test_texts_of_the_file_cannot_steer_the_screen_or_fill_it():
    row = "13/04/2026,\u202e\u200bRent" + "x" * 300 + ",-1.50,EUR"
    (doubt,) = asked(OPEN.format(row))
    assert all(len(line) < 200 and line.isprintable() for line in doubt.body.splitlines())


def test_files_with_equal_columns_are_asked_about_once():
    files = [(name, bank_csv.read(Source(name, GERMAN.encode()))) for name in ("april.csv", "may.csv")]
    (doubt,) = assemble(files).doubts
    assert "may.csv has the same columns, and is read as this one." in doubt.body
    other = bank_csv.read(Source("june.csv", FRENCH.encode()))
    assert len(assemble([*files, ("june.csv", other)]).doubts) == 2


# --- cut files ----------------------------------------------------------------------------------------------------

LONG = "Date,Text,Amount,Currency,Balance\n" + "".join(
    f'2026-04-{n:02},"Invoice {n}, paid",{n}.25,EUR,{sum(range(1, n + 1)) + n * 0.25:.2f}\n' for n in range(1, 20)
)


@settings(max_examples=50)
@given(st.integers(1, len(LONG) - 1))
def test_a_file_cut_anywhere_loses_no_line_in_its_middle(at):
    whole = [line.amount.minor for line in read(LONG).lines]
    try:
        found = read(LONG[:at]).lines
    except FileError:
        return
    complete = LONG[:at].count("\n") - 1
    assert [line.amount.minor for line in found[:complete]] == whole[:complete]
    assert len(found) <= complete + 1
    if len(found) > complete:  # the last row had all its cells, and what was cut did not change its amount
        assert found[-1].amount.minor == whole[complete]


@settings(max_examples=100)
@given(st.integers(1, 18), st.integers(1, 18))
def test_rows_taken_out_of_the_middle_are_missed_by_the_balance(first, last):
    rows = LONG.splitlines()
    first, last = sorted((first + 1, last + 1))
    cut = [*rows[:first], *rows[last:]]
    if first == last or len(cut) < 3 or last == len(rows) or first == 1:
        return
    assert "the running balance is off by" in refused("\n".join(cut))


def test_a_last_amount_that_may_be_cut_off_is_told():
    says = "The last row has no line end"
    text = "Date,Text,Currency,Amount\n2026-04-03,a,EUR,100.00"
    assert says in read(text).note
    assert says in asked(text)[0].body
    assert says not in read(text + "\n").note
    assert says not in read(UP.rstrip()).note  # its balance adds up


@pytest.mark.parametrize("cut", [2, 3, 41, 101])
def test_a_wide_text_cut_in_the_middle_of_a_letter_is_refused(cut):
    content = GERMAN.encode("utf-16")
    assert "UTF-16 but is cut off" in refused(content[:-1]) or cut
    refused(content[: cut | 1])


def test_mixed_line_ends_are_lines():
    text = "Date,Text,Amount,Currency\r\n2026-04-03,a,1.00,EUR\r2026-04-04,b,2.00,EUR\n2026-04-05,c,3.00,EUR\r\n"
    assert minors(text) == [100, 200, 300]


def test_too_many_rows_are_refused_with_the_limit():
    text = "Date,Amount,Currency\n" + "2026-04-03,1,EUR\n" * 200_000
    assert "more than 200,000 rows" in refused(text)


@pytest.mark.parametrize("text", ["," * 100_000, ("a," * 600 + "\n") * 3, '"' * 9999, "x" * 200_000, "\n" * 9999 + "a"])
def test_no_table_at_all_is_refused_in_no_time(text):
    refused(text)


@settings(max_examples=200)
@given(st.text(st.sampled_from("0123456789.,;:-+\"\n\r\t|'ADateEURSH/ \u20ac()"), max_size=200))
def test_garbage_under_a_header_is_read_or_refused(garbage):
    for header in ("Date,Amount,Currency\n", "Datum;Betrag;Saldo\n", ""):
        try:
            read(header + garbage)
        except FileError:
            continue


# --- what stands around a table, and tables without a header --------------------------------------------------------

STATED = (
    "Opening balance;{}\nDate;Text;Amount;Currency\n13.04.2026;Balance transfer;5,00;EUR\nClosing balance;;{};EUR\n"
)


def test_stated_balances_are_checked_where_both_are_there():
    result = read(STATED.format("100,00", "105,00"))
    (statement,) = result.statements
    assert (statement.balance, statement.opening, statement.closing) == (
        "checked",
        Money(10000, "EUR"),
        Money(10500, "EUR"),
    )
    assert "its rows differ from that by 1.00 EUR" in refused(STATED.format("100,00", "106,00"))
    assert read(STATED.format("100,00", "")).balance == "absent"


def test_named_columns_switch_the_check_of_stated_balances_off():
    columns = ColumnMap(booked_on="Date", text="Text", amount="Amount", currency="Currency")
    assert read(STATED.format("100,00", "106,00"), columns).balance == "absent"


def test_stated_and_running_balances_must_agree():
    text = "Opening balance;1,00\nDate;Amount;Balance;Currency\n2026-04-01;1,00;2,50;EUR\n2026-04-02;1,00;3,50;EUR\n"
    assert "opens with 1.00 EUR, and by its balance column with 1.50 EUR" in refused(
        text + "Closing balance;;3,00;EUR\n"
    )


@pytest.mark.parametrize("day", ["Apr 3, 2026", "3 Apr 2026", "2026-04-03"])
def test_a_payment_that_speaks_of_a_balance_is_no_footer(day):
    assert minors(f'Date,Text,Amount,Currency\n"{day}",Balance transfer,1.00,EUR\n') == [100]


BARE = '2026-04-03,-1.50,Rent\n2026-04-04,2.00,"Invoice 7"\n2026-04-05,-3.00,Coffee\n'


def test_a_table_without_a_header_is_read_by_its_content_and_asked_about():
    columns = ColumnMap(currency_code="EUR")
    (doubt,) = asked(BARE, columns)
    assert "amount 'column 2'" in doubt.body
    assert "There is no header." in read(BARE, columns).note
    assert doubt.layout is not None
    later = BARE.replace("2026-04-03", "2026-05-03")
    assert asked(later, columns, (doubt.layout,)) == ()


def test_columns_of_a_table_without_a_header_can_be_named_by_their_place():
    columns = ColumnMap(booked_on="column 1", amount="column 2", currency_code="EUR")
    assert minors(BARE.splitlines()[0], columns) == [-150]
    assert minors("2026-04-03,1.00,,\n,,x,\n2026-04-04,2.00,,\n", columns) == [100, 200]


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-03,1.50,2.00\n2026-04-04,2.00,3.00\n2026-04-05,3.00,9.00\n",  # two amounts, neither adds up
        "a,-1.50\nb,2.00\nc,-3.00\n",  # no dates
        "2026-04-03,-1.50\n2026-04-04,2.00\n",  # too few rows to tell
        "2026-04-03,1.50\n2026-04-04,2.00\n2026-04-05,3.00\n",  # nothing tells in from out
    ],
)
def test_what_content_does_not_tell_is_not_guessed(text):
    assert "no header was found" in refused(text)
