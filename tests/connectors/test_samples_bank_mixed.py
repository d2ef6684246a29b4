"""Bank files published by others, of all formats in one folder. What is expected was written after looking at them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mainstay.connectors.bank.read import ReadStatement, read_statement
from mainstay.errors import FileError
from mainstay.records import File
from mainstay.values import BlobRef

FOLDER = Path(os.environ.get("MAINSTAY_SAMPLES") or Path(__file__).parents[2].parent / "shared/samples") / "bank_mixed"
DATA = "sebastienrousseau__bankstatementparser/tests/test_data"
GERMAN = "DE89370400440532013000"

# file: lines, sums, balance
READ = {
    f"{DATA}/golden/camt053_duplicate_same_day.xml": (2, "-9.00 EUR", "absent"),
    f"{DATA}/golden/camt053_multicurrency.xml": (3, "750.25 EUR, -99.99 USD", "checked"),
    f"{DATA}/golden/camt053_no_namespace.xml": (1, "250.00 GBP", "checked"),
    f"{DATA}/golden/csv_european_decimals.csv": (3, "2,260.94 EUR", "absent"),
    f"{DATA}/sample_split_amounts.csv": (2, "1,050.25 EUR", "checked"),
}
# file, line: day, value day, amount, who, references, text, account
FULL = {
    (f"{DATA}/golden/camt053_duplicate_same_day.xml", 1): (
        *("2026-04-07", "2026-04-07", "-4.50 EUR", "CITY COFFEE", (), "CARD PAYMENT CITY COFFEE", GERMAN),
    ),
    (f"{DATA}/golden/camt053_multicurrency.xml", 0): (
        *("2026-04-10", "2026-04-10", "1,250.50 EUR", "ACME GMBH", ("EUR-E2E-001",), "Invoice 2026-117", GERMAN),
    ),
    (f"{DATA}/golden/camt053_no_namespace.xml", 0): (
        *("2026-04-12", "2026-04-12", "250.00 GBP", "JANE CLIENT", (), "Consulting fee", "GB29NWBK60161331926819"),
    ),
    (f"{DATA}/golden/csv_european_decimals.csv", 1): (
        *("2026-04-05", "", "3,500.00 EUR", "", ("EU-002",), "Gehalt", GERMAN),
    ),
    # One account in both rows, and no names: it is the owner's, and not of those who paid.
    (f"{DATA}/sample_split_amounts.csv", 0): (
        *("2026-03-20", "", "1,250.50 EUR", "", ("CSV-100",), "Incoming transfer", "DE4455667788"),
    ),
}
# file: what the refusal must say, and its remedy
REFUSED = {
    f"{DATA}/golden/camt053_garbled_amount.xml": ("line 16, entry 1: '12..34' is not an amount", "the bank"),
    f"{DATA}/golden/csv_garbled_amount.csv": ("line 3, column 'Amount': '12..34' is not an amount", "[bank.columns]"),
    f"{DATA}/camt_file.csv": ("no header was found with columns for booking date", "AccountId"),  # sums of statements
    f"{DATA}/invalid.xml": ("is empty: it holds no message", "camt.053"),
    # Another program's expectations, as JSON: no statements.
    f"{DATA}/eval/same_day_duplicates.json": ("this is a JSON file, which can't be read", "camt.053, MT940"),
    f"{DATA}/eval/single_currency_checking.json": ("this is a JSON file, which can't be read", "camt.053, MT940"),
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no sample files at {FOLDER} (MAINSTAY_SAMPLES)")


def read(name: str):
    content = (FOLDER / name).read_bytes()
    return read_statement(ReadStatement(File(Path(name).name, BlobRef("digest", len(content)))), {"digest": content})


@pytest.mark.parametrize(("name", "expected"), READ.items())
def test_a_published_file_is_read_as_it_looks(name, expected):
    result = read(name)
    assert (result.count, ", ".join(map(str, result.sums)), result.balance) == expected
    assert len({line.id for line in result.lines}) == result.count
    assert read(name) == result


@pytest.mark.parametrize(("name", "at"), FULL)
def test_a_line_of_each_published_file_is_read_in_all_its_fields(name, at):
    line = read(name).lines[at]
    told = (line.booked_on, line.value_on, str(line.amount), line.counterparty, line.references, line.text)
    assert (*told, line.account) == FULL[name, at]
    assert {one.iban for one in read(name).lines} == {""}  # none of these files names the other's account
    assert {file for file, _ in FULL} == {*READ}


@pytest.mark.parametrize(("name", "says", "remedy"), [(name, *expected) for name, expected in REFUSED.items()])
def test_a_published_file_that_is_no_good_statement_is_refused_with_what_to_give_instead(name, says, remedy):
    with pytest.raises(FileError) as caught:
        read(name)
    assert caught.value.message.startswith(Path(name).name)
    assert says in caught.value.message
    assert remedy in caught.value.remedy


def test_german_rows_are_read_to_the_cent_and_their_account_is_the_owners():
    result = read(f"{DATA}/golden/csv_european_decimals.csv")
    assert [(line.booked_on, str(line.amount), line.text) for line in result.lines] == [
        ("2026-04-02", "-1,234.56 EUR", "Miete April"),
        ("2026-04-05", "3,500.00 EUR", "Gehalt"),
        ("2026-04-09", "-4.50 EUR", "Kaffee"),
    ]
    assert result.statements[0].account == GERMAN  # the same in all rows, in and out
    (doubt,) = result.doubts
    assert "your account 'IBAN'" in doubt.body
    assert "The decimal mark is a comma." in doubt.body


def test_credit_and_debit_columns_are_proved_by_the_running_balance():
    result = read(f"{DATA}/sample_split_amounts.csv")
    assert [(line.booked_on, str(line.amount)) for line in result.lines] == [
        ("2026-03-20", "1,250.50 EUR"),
        ("2026-03-21", "-200.25 EUR"),
    ]
    assert str(result.statements[0].opening) == "1,000.00 EUR"
    assert str(result.statements[0].closing) == "2,050.25 EUR"
    (doubt,) = result.doubts
    assert "The balance column adds up row by row." in doubt.body


def test_every_published_file_is_in_the_tables():
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.*") if path.is_file()}
    assert found == {*READ, *REFUSED}
