"""QIF files published by others, read when their folder is there. What is expected was written by looking at them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mainstay.connectors.bank.columns import ColumnMap
from mainstay.connectors.bank.read import ReadStatement, read_statement
from mainstay.errors import FileError
from mainstay.records import File
from mainstay.values import BlobRef

FOLDER = Path(os.environ.get("MAINSTAY_SAMPLES") or Path(__file__).parents[2].parent / "shared/samples")
QUIFFEN = "qif/isaacharrisholt__quiffen/tests/test_files"

# file: lines, sums, account
READ = {
    f"{QUIFFEN}/test.qif": (5, "-35.50 USD", "TestExport"),  # 67.50 + 32 - 10 - 25 - 100; lists and securities beside
    f"{QUIFFEN}/test_circular_reference.qif": (2, "-14.59 USD", ""),  # -9.00 - 5.59
    f"{QUIFFEN}/test_oth_a.qif": (5, "-35.50 USD", "TestExport"),
    f"{QUIFFEN}/test_transaction_before_account_definition_1.qif": (2, "-197.96 USD", ""),  # -184.80 - 13.16
}
# file: day, name, account, references and text of its first line
FIRST = {
    f"{QUIFFEN}/test.qif": ("2020-02-14", "T-Mobile", "", (), ""),
    f"{QUIFFEN}/test_circular_reference.qif": (
        "2021-08-27",
        "ANDREAS APOTHEKE",
        "",
        (),
        "Andreas Apotheke 26.08.2021 um 13:26:43 Uhr",
    ),
    f"{QUIFFEN}/test_oth_a.qif": ("2020-02-14", "T-Mobile", "", (), ""),
    f"{QUIFFEN}/test_transaction_before_account_definition_1.qif": ("2022-09-23", "FIRST TRANSACTION", "", (), ""),
}
# file: what the refusal must say
REFUSED = {
    f"{QUIFFEN}/test_nosymbol.qif": "line 4: the last record has no end (^)",
    f"{QUIFFEN}/test_unknown_account_type.qif": "no entries of a bank account in the file, only securities",
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no sample files at {FOLDER} (MAINSTAY_SAMPLES)")


def read(name: str, columns: ColumnMap | None):
    content = (FOLDER / name).read_bytes()
    given = ReadStatement(File(Path(name).name, BlobRef("digest", len(content))), columns=columns)
    return read_statement(given, {"digest": content})


@pytest.mark.parametrize(("name", "lines", "sums", "account"), [(name, *expected) for name, expected in READ.items()])
def test_a_published_file_is_read_as_it_looks(name, lines, sums, account):
    result = read(name, ColumnMap(currency_code="USD"))
    assert (result.count, ", ".join(map(str, result.sums)), result.balance) == (lines, sums, "absent")
    assert [head.account for head in result.statements] == [account]
    assert len({line.id for line in result.lines}) == lines
    with pytest.raises(FileError, match="QIF does not say its currency"):
        read(name, None)


@pytest.mark.parametrize(("name", "line"), FIRST.items())
def test_the_first_line_of_a_published_file_says_what_stands_there(name, line):
    first = read(name, ColumnMap(currency_code="USD")).lines[0]
    assert (first.booked_on, first.counterparty, first.iban, first.references, first.text) == line


def test_a_line_of_each_published_file_that_has_one_is_looked_at():
    assert FIRST.keys() == {name for name, expected in READ.items() if expected[0]}


@pytest.mark.parametrize(("name", "says"), REFUSED.items())
def test_a_published_file_that_can_not_be_used_is_refused_with_its_reason(name, says):
    with pytest.raises(FileError) as caught:
        read(name, ColumnMap(currency_code="USD"))
    assert caught.value.message.startswith(Path(name).name)
    assert says in caught.value.message
    assert caught.value.remedy


def test_every_published_qif_file_is_in_the_tables():
    found = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "qif").rglob("*") if path.is_file()}
    assert found == {*READ, *REFUSED}
