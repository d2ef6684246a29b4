"""SWIFT files published by others, read when their folder is there. What is expected was written after looking at them.

Most are pieces (one field), and several were shortened by those who published them, so that their balances no longer
agree: those must be refused with what is missing.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from published import FOLDER, THERE, check_first_line, check_refusal, read

from mainstay.connectors.bank.read import ReadStatement, read_statement
from mainstay.records import File
from mainstay.values import BlobRef

MT940 = "mt940/wolph__mt940/mt940_tests"

# file: format, lines, sums, balance
READ = {
    # Two accounts: 380,115.77 + 27.00 + 13,068.30 - 193,282.05 = 199,929.02, and 130,073.19 + 1,120.00 = 131,193.19.
    f"{MT940}/betterplace/with_binary_character.sta": ("MT940", 4, "-179,066.75 EUR", "checked"),
    f"{MT940}/jejik/generic.sta": ("MT940", 2, "-20.00 EUR", "checked"),  # 100 - 10 = 90, 90 - 10 = 80
    f"{MT940}/jejik/rabobank-iban.sta": ("MT940", 4, "-70.00 EUR", "checked"),  # 1000 - 25 - 10, 965 - 25 - 10 = 930
    f"{MT940}/mBank/mt942.sta": (
        "MT942",
        3,
        "0.03 PLN",
        "absent",
    ),  # no debits, 3 credits of 0.01 each, as it says itself
    # 627,311.30 - 2,402 - 3,460 - 3,575 = 617,874.30
    f"{MT940}/sberbank/171011_01234945.sta": ("MT940", 3, "-9,437.00 HUF", "checked"),
}
# file: day, name, account, references and text of its first line
FIRST = {
    f"{MT940}/betterplace/with_binary_character.sta": (
        "2010-03-19",
        "PAYPAL",
        "0175526300",
        ("100323-03-100323",),
        "QQW53T2245ZGY46J ABBUCHUNG VOM PAYPAL-KONTO 100318P3TX1433EV",
    ),
    f"{MT940}/jejik/generic.sta": ("2011-01-01", "", "", (), ""),
    f"{MT940}/jejik/rabobank-iban.sta": (
        "2013-01-01",
        "CONTRA ACCOUN T HOLDER",
        "NL70ABNA0987654321",
        ("01-01-2013 12:00 0030000987654321",),
        "",
    ),
    f"{MT940}/mBank/mt942.sta": ("2017-01-19", "JAN NOWAK", "56114010810000267002001001", (), "PRZELEW SRODKOW"),
    f"{MT940}/sberbank/171011_01234945.sta": (
        "2017-10-11",
        "ERGO Versicherung AG Fiokte lep",
        "0000004279070017",
        (),
        "526715 A12596785 20170926000100 1366 526715 Tranzakci\ufffds Illet\ufffdk:7.21HUF",
    ),
}
# file: what the refusal must say
REFUSED = {
    f"{MT940}/betterplace/empty_86.sta": "line 1: the statement that begins here has no account (:25:)",
    f"{MT940}/betterplace/empty_entry_date.sta": "line 1: this begins with :61:, so it is a piece of a statement",
    f"{MT940}/betterplace/empty_line.sta": "line 2: the statement that begins here has no account (:25:)",
    # The second statement: -1,970,431.87 - 0.08 + 335.33 + 15,000 + 15,000.05 + 125,004.88 + 915,311.55 - 3,572,569.03
    # is -4,472,349.17, and it says -4,472,049.09.
    f"{MT940}/betterplace/sepa_snippet.sta": "line 25: the balances do not agree",
    f"{MT940}/cmxl/account_balance_debit.sta": "line 1: this begins with :60F:",
    f"{MT940}/cmxl/available_balance.sta": "no account (:25:), no opening balance (:60F:), no closing balance (:62F:)",
    f"{MT940}/cmxl/closing_balance.sta": "line 1: this begins with :62F:",
    f"{MT940}/cmxl/statement_details.sta": "line 1: this begins with :61:",
    f"{MT940}/cmxl/statement_line.sta": "line 1: this begins with :61:",
    # 3,236.28 - (9 + 11.59 + 11.63 + 11.80 + 13.45 + 15.49 + 107 + 141.48) is 2,914.84, and it says 876.84.
    f"{MT940}/jejik/abnamro.sta": "the difference is -2,038.00 EUR",
    # The second statement: 3,058.98 - 7,260 + 500 is -3,701.02, and it says 798.98.
    f"{MT940}/jejik/knab.sta": "line 10: the balances do not agree",
    # The second page: 229.20 - 79.90 + 10.10 is 159.40, and it says 159.60.
    f"{MT940}/jejik/postfinance.sta": "line 15: the balances do not agree",
    f"{MT940}/jejik/rabobank.sta": "the difference is 1,135.93 EUR",  # 473.17 - 1,213.28 = -740.11, it says 395.82
    f"{MT940}/mBank/with_newline_in_tnr.sta": "the difference is 770.71 PLN",  # 0.46 + 45 + 44 = 89.46, it says 860.17
    f"{MT940}/self-provided/empty_non_swift.sta": "line 1: the statement that begins here has no account (:25:)",
    f"{MT940}/self-provided/gv_codes.sta": "line 1: the statement that begins here has no closing balance (:62F:)",
    f"{MT940}/self-provided/mt942.sta": "line 11: the bank counts 1 debit of 2.30 EUR, the report holds 1 of 0.42 EUR",
    f"{MT940}/self-provided/multiline.sta": "line 38: this begins with :61:",  # a line after the end of the statement
    f"{MT940}/self-provided/raphaelm.sta": "line 13: 'DEM' is not a currency",  # whole, of 2002, in Deutsche Mark
    f"{MT940}/self-provided/sparkassen.sta": "line 1: this begins with :61:",
}

pytestmark = THERE


def read_content(name: str, content: bytes):
    return read_statement(ReadStatement(File(Path(name).name, BlobRef("digest", len(content)))), {"digest": content})


@pytest.mark.parametrize(
    ("name", "kind", "lines", "sums", "balance"), [(name, *expected) for name, expected in READ.items()]
)
def test_a_published_file_is_read_as_it_looks(name, kind, lines, sums, balance):
    result = read(name)
    assert (result.format, result.count, ", ".join(map(str, result.sums)), result.balance) == (
        kind,
        lines,
        sums,
        balance,
    )
    assert len({line.id for line in result.lines}) == lines


@pytest.mark.parametrize(("name", "line"), FIRST.items())
def test_the_first_line_of_a_published_file_says_what_stands_there(name, line):
    check_first_line(name, line)


def test_a_line_of_each_published_file_that_has_one_is_looked_at():
    assert FIRST.keys() == {name for name, expected in READ.items() if expected[1]}


@pytest.mark.parametrize(("name", "says"), REFUSED.items())
def test_a_published_file_that_is_a_piece_or_damaged_is_refused_with_its_reason(name, says):
    check_refusal(name, says)


def test_every_published_swift_file_is_in_the_tables():
    names = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "mt940").rglob("*.sta")}
    assert names == {*READ, *REFUSED}
    assert not {*READ} & {*REFUSED}


def test_a_statement_in_a_currency_of_today_but_otherwise_like_that_in_marks_is_read():
    """Pages of one number, closing balances without their currency, fields of the bank's own (:NS:)."""
    content = (FOLDER / f"{MT940}/self-provided/raphaelm.sta").read_bytes().replace(b"DEM", b"EUR")
    result = read_content("marks.sta", content)
    # 5,000 + 7 x 20,000 = 145,000 on two pages, then - 50,000
    assert [(one.count, one.balance, str(one.closing)) for one in result.statements] == [
        (8, "checked", "145,000.00 EUR"),
        (1, "checked", "95,000.00 EUR"),
    ]
    assert "Pages joined to the statement before them: 1." in result.note
    first, last = result.lines[0], result.lines[-1]
    assert (first.counterparty, first.text) == ("Empfänger", "Verwendungszweck 1 Verwendungszweck 2")
    assert (first.booked_on, first.value_on, str(first.amount)) == ("2002-03-20", "2002-03-17", "5,000.00 EUR")
    assert (last.text, str(last.amount)) == ("bekannt", "-50,000.00 EUR")


@pytest.mark.parametrize("name", ["betterplace/sepa_snippet.sta", "jejik/knab.sta", "jejik/postfinance.sta"])
def test_the_first_statement_of_a_file_with_a_damaged_second_one_agrees(name):
    content = (FOLDER / MT940 / name).read_bytes()
    whole, _, _ = content.partition(b"\n-\n")
    assert read_content(name, whole + b"\n-\n").balance == "checked"
