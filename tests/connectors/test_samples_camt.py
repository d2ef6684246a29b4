"""Bank files published by others, read when their folder is there. What is expected was written after looking at them.

Several were shortened by those who published them, so that their balances no longer agree: those must be refused.
"""

from __future__ import annotations

import pytest
from published import FOLDER, THERE, check_first_line, check_refusal, read

GENKGO = "camt/genkgo__camt/test/data"
VIA = "camt/viafintech__camt_parser/spec/fixtures"

# file: lines, sums, balance
READ = {
    f"{GENKGO}/camt054.v2.with-account-name.xml": (1, "-200,000.00 SEK", "absent"),  # no date but the statement's
    f"{GENKGO}/camt054.v2.xml": (1, "-200,000.00 SEK", "absent"),  # three transactions without amounts
    f"{GENKGO}/camt054.v4.xml": (1, "-200,000.00 SEK", "absent"),  # three transactions in CHF: kept whole
    f"{GENKGO}/camt054.v8.xml": (1, "-200,000.00 SEK", "absent"),
    f"{GENKGO}/camt054.v8-with-UETR.xml": (1, "-200,000.00 SEK", "absent"),
    f"{GENKGO}/camt054.v8-with-financial-institution.xml": (1, "-200,000.00 SEK", "absent"),
    f"{VIA}/052/valid_example.xml": (2, "5.00 EUR", "checked"),  # 8.50 + 2.00 + 3.00 = 13.50
    f"{VIA}/052/valid_example_with_dates.xml": (1, "-5.00 EUR", "absent"),  # a value date alone, no balances
    f"{VIA}/053/valid_example.xml": (5, "-10.00 EUR", "checked"),  # 33.06 - 2 - 3 + 1 - (3.50 + 2.50) = 23.06
    f"{VIA}/053/valid_example_with_datetime.xml": (1, "195.86 USD", "absent"),  # a closing balance alone
    f"{VIA}/054/valid_example.xml": (5, "59.03 CHF", "absent"),  # 15 + 9 + 56.56 - 6 - 15.53, two reversals
}
# file: day, name, account, references and text of its first line
FIRST = {
    f"{GENKGO}/camt054.v2.with-account-name.xml": ("2007-10-18", "", "", (), ""),
    f"{GENKGO}/camt054.v2.xml": (
        "2007-10-18",
        "",
        "",
        (
            "ISR ref number V1",
            "MUELL/FINP/RA12345",
            "ISR ref number V2",
            "Ref number V3 block 1",
            "Ref number V3 block 2",
        ),
        (
            "Unstructured Remittance Information V1 Additional Remittance Information V1 / Ad"
            "ditional Remittance Information V2 / Unstructured Remittance Information V3 bloc"
            "k 1 Unstructured Remittance Information V3 block 2 Additional Remittance Informa"
            "tion V3 block 1 Additional Remittance Information V3 block 2"
        ),
    ),
    f"{GENKGO}/camt054.v4.xml": (
        "2007-10-18",
        "",
        "",
        (
            "ISR ref number V1",
            "UXC06170000006PI00001EE00001",
            "UXC06170000006PI00001II00001",
            "ISR ref number V2",
            "UXC06170000006PI00001EE00002",
            "UXC06170000006PI00001II00002",
            "Ref number V3 block 1",
            "Ref number V3 block 2",
        ),
        (
            "Unstructured Remittance Information V1 Additional Remittance Information V1 / Ad"
            "ditional Remittance Information V2 / Unstructured Remittance Information V3 bloc"
            "k 1 Unstructured Remittance Information V3 block 2 Additional Remittance Informa"
            "tion V3 block 1 Additional Remittance Information V3 block 2"
        ),
    ),
    f"{GENKGO}/camt054.v8.xml": (
        "2007-10-18",
        "",
        "",
        (
            "ISR ref number V1",
            "UXC06170000006PI00001EE00001",
            "UXC06170000006PI00001II00001",
            "ISR ref number V2",
            "UXC06170000006PI00001EE00002",
            "UXC06170000006PI00001II00002",
            "Ref number V3 block 1",
            "Ref number V3 block 2",
        ),
        (
            "Unstructured Remittance Information V1 Additional Remittance Information V1 / Ad"
            "ditional Remittance Information V2 / Unstructured Remittance Information V3 bloc"
            "k 1 Unstructured Remittance Information V3 block 2 Additional Remittance Informa"
            "tion V3 block 1 Additional Remittance Information V3 block 2"
        ),
    ),
    f"{GENKGO}/camt054.v8-with-UETR.xml": ("2007-10-18", "", "", (), ""),
    f"{GENKGO}/camt054.v8-with-financial-institution.xml": ("2007-10-18", "Example Creditor 3 - V1", "", (), ""),
    f"{VIA}/052/valid_example.xml": (
        "2013-12-27",
        "Testkonto Nummer 1",
        "740618130000033626",
        (),
        "TEST BERWEISUNG MITTELS BLZ UND KONTONUMMER - DTA",
    ),
    f"{VIA}/052/valid_example_with_dates.xml": ("2019-07-19", "PAYPAL - TEST/000000", "0000000000000000", (), ""),
    f"{VIA}/053/valid_example.xml": (
        "2013-12-27",
        "Testkonto Nummer 2",
        "DE09300606010012345671",
        (
            "EndToEndReference",
            "MandateReference",
            "UniqueTransactionId",
        ),
        "TEST BERWEISUNG MITTELS BLZUND KONTONUMMER - DTA",
    ),
    f"{VIA}/053/valid_example_with_datetime.xml": ("2023-06-21", "", "", (), "charges 4.14 USD"),
    f"{VIA}/054/valid_example.xml": (
        "2016-04-10",
        "Rutschmann Pia",
        "CH4409000000495962779",
        (
            "EndToEnd-CRDBRActSame-1B9C-CHDDBB2",
            "INSTR-CRDBRActSame-1B9C-CHDDBB2",
        ),
        "Mitteilung 132",
    ),
}
# file: what the refusal must say
REFUSED = {
    f"{VIA}/052/valid_namespace.xml": "is empty: it holds no message",
    f"{VIA}/053/valid_namespace.xml": "is empty: it holds no message",
    f"{VIA}/general/invalid_namespace.xml": "is empty: it holds no message",
    # Three entries, of which one in EUR on a CHF account: 82,721.95 + 474.40 + 88.85 is not 84,515.25.
    f"{VIA}/053/valid_example_v8.xml": "the difference is 1,230.05 CHF",
    # Three of 35 entries were left: 7,329.80 - 4,753.74 + 2,688.00 + 5,000.00 is not 23,038.20.
    f"{VIA}/053/valid_example_with_batch.xml": "the difference is 12,774.14 EUR",
    # 100.00 + 4,500.00 is not 4,500.00.
    f"{VIA}/053/valid_example_with_instdamt.xml": "the difference is -100.00 CHF",
}

pytestmark = THERE


@pytest.mark.parametrize(("name", "lines", "sums", "balance"), [(name, *expected) for name, expected in READ.items()])
def test_a_published_file_is_read_as_it_looks(name, lines, sums, balance):
    result = read(name)
    assert (result.count, ", ".join(map(str, result.sums)), result.balance) == (lines, sums, balance)
    assert len({line.id for line in result.lines}) == lines


@pytest.mark.parametrize(("name", "line"), FIRST.items())
def test_the_first_line_of_a_published_file_says_what_stands_there(name, line):
    check_first_line(name, line)


def test_a_line_of_each_published_file_that_has_one_is_looked_at():
    assert FIRST.keys() == {name for name, expected in READ.items() if expected[0]}


@pytest.mark.parametrize(("name", "says"), REFUSED.items())
def test_a_published_file_that_is_damaged_is_refused_with_its_reason(name, says):
    check_refusal(name, says)


def test_every_published_camt_file_is_in_the_tables():
    names = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "camt").rglob("*.xml")}
    assert names == {*READ, *REFUSED}
