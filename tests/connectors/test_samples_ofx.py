"""OFX files published by others, read when their folder is there. What is expected was written by looking at them."""

from __future__ import annotations

import pytest
from published import FOLDER, THERE, check_first_line, check_refusal, read

OFXPARSE = "ofx/jseutter__ofxparse/tests/fixtures"

# file: lines, sums, balance
READ = {
    f"{OFXPARSE}/anzcc.ofx": (1, "-5.50 AUD", "absent"),  # an XML header over values without closing tags
    f"{OFXPARSE}/bank_medium.ofx": (3, "-345.27 CAD", "absent"),  # -6.60 - 316.67 - 22.00
    f"{OFXPARSE}/checking.ofx": (3, "-59.50 USD", "absent"),  # 0.01 - 34.51 - 25.00
    f"{OFXPARSE}/fail_nice/empty_balance.ofx": (1, "120.00 CAD", "absent"),  # the balance is no part of the entry
    f"{OFXPARSE}/fidelity.ofx": (3, "-0.57 USD", "absent"),  # 0.24 - 0.97 + 0.16 in cash, beside 14 trades
    f"{OFXPARSE}/investment_medium.ofx": (3, "-3.95 USD", "absent"),  # CURRENCY says USD: -3.65 + 3.35 - 3.65
    f"{OFXPARSE}/multiple_accounts.ofx": (0, "", "absent"),  # two accounts, balances alone
    f"{OFXPARSE}/multiple_accounts2.ofx": (0, "", "absent"),
    f"{OFXPARSE}/suncorp.ofx": (1, "-16.85 AUD", "absent"),
}
# file: day, name, account, references and text of its first line
FIRST = {
    f"{OFXPARSE}/anzcc.ofx": ("2017-05-08", "", "", (), "SOME MEMO"),
    f"{OFXPARSE}/bank_medium.ofx": ("2009-04-01", "MCDONALD'S #112", "", (), "POS MERCHANDISE;MCDONALD'S #112"),
    f"{OFXPARSE}/checking.ofx": (
        "2011-03-31",
        "DIVIDEND EARNED FOR PERIOD OF 03",
        "",
        (),
        ("DIVIDEND EARNED FOR PERIOD OF 03/01/2011 THROUGH 03/31/2011 ANNUAL PERCENTAGE YIELD EARNED IS 0.05%"),
    ),
    f"{OFXPARSE}/fail_nice/empty_balance.ofx": ("2011-03-08", "Foobar", "", (), ""),
    f"{OFXPARSE}/fidelity.ofx": ("2012-07-31", "INTEREST EARNED", "", (), "INTEREST EARNED"),
    f"{OFXPARSE}/investment_medium.ofx": ("2009-12-15", "", "", (), "CASH TRADE: AUD.USD"),
    f"{OFXPARSE}/suncorp.ofx": (
        "2013-12-15",
        "EFTPOS WDL HANDYWAY ALDI STORE",
        "",
        (),
        "EFTPOS WDL HANDYWAY ALDI STORE GEELONG WEST VICAU",
    ),
}
# file: what the refusal must say
REFUSED = {
    f"{OFXPARSE}/account_listing_aggregation.ofx": "only a sign-on and a list of accounts",
    f"{OFXPARSE}/bank_small.ofx": "only an empty <OFX>",
    f"{OFXPARSE}/error_message.ofx": "line 22: the bank answered with an error instead of a statement: General Server",
    f"{OFXPARSE}/fail_nice/date_missing.ofx": "line 33, entry 1: the entry has no booking date (DTPOSTED)",
    f"{OFXPARSE}/fail_nice/decimal_error.ofx": "line 34, entry 1: '$120' is not an amount (TRNAMT)",
    f"{OFXPARSE}/signon_success.ofx": "there is no statement in the file, only a sign-on",
    f"{OFXPARSE}/vanguard.ofx": "only securities",
    f"{OFXPARSE}/vanguard401k.ofx": "only securities",
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
def test_a_published_file_that_can_not_be_used_is_refused_with_its_reason(name, says):
    check_refusal(name, says)


def test_every_published_ofx_file_is_in_the_tables():
    found = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "ofx").rglob("*") if path.is_file()}
    assert found == {*READ, *REFUSED}
