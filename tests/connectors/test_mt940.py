"""SWIFT statements: how they are wrapped, which balances count, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import mt940 as library
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from swift_files import ACCOUNT, LINE, amount, balance, line_of, message, read, refused, report

from mainstay.connectors.bank.mt940_fields import MAX_ENTRIES
from mainstay.connectors.bank.read import recognise
from mainstay.connectors.source import Source
from mainstay.errors import FileError
from mainstay.values import Money

# --- how a file begins and ends -----------------------------------------------------------------------------------

WHOLE = message(LINE, ":86:166?00GUTSCHRIFT?20SVWZ+Invoice 117?32Acme GmbH")
BLOCKS = "{1:F01COBADEFFXXXX0000000000}{2:O9401200260430COBADEFFXXXX00000000002604301200N}{3:{108:X}}{4:\n"


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        "\ufeff" + WHOLE,
        "\n\n" + WHOLE,
        "ABNANL2A\n940\nABNANL2A\n" + WHOLE,
        "0000 01INGBNL2AXXXX00001\n940 00\n" + WHOLE.removesuffix("-\n") + "-XXX\n",
        ":940:\n" + WHOLE.removesuffix("-\n"),
        "\x01\n" + WHOLE.removesuffix("-\n") + "-\x03\n",
        WHOLE + "\x1a",
        BLOCKS + WHOLE.removesuffix("-\n") + "-}{5:{MAC:00}{CHK:00}}\n",
        BLOCKS.removesuffix("\n") + WHOLE.removesuffix("-\n") + "-}",
        BLOCKS.replace("}{2", "}\n{2").replace("{4:", "\n{4:") + WHOLE.removesuffix("-\n") + "-}\n{5:{CHK:00}}\n",
        WHOLE.removeprefix(":20:STARTUMS\n"),
        WHOLE.replace("\n", "\r\n"),
        WHOLE.replace("\n", "\r"),
        WHOLE.replace("\n:86", "\r\n:86").replace("\n:62", "\r:62"),
    ],
)
def test_a_statement_is_known_and_read_alike_however_it_is_wrapped(content):
    assert recognise(Source("april.sta", content.encode()[:4096])).name == "MT940"
    assert read(content).format == "MT940"
    result, plain = read(content).lines[0], read(WHOLE).lines[0]
    assert (result.id, result.counterparty, result.text, result.raw) == (
        plain.id,
        "Acme GmbH",
        "Invoice 117",
        plain.raw,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "iso-8859-1", "utf-16"])
def test_letters_are_read_in_any_usual_encoding(encoding):
    content = message(LINE, ":86:166?20SVWZ+B\u00fcroger\u00e4te?32M\u00fcller & S\u00f6hne").encode(encoding)
    assert recognise(Source("april.sta", content)).name == "MT940"
    line = read(content).lines[0]
    assert (line.counterparty, line.text) == ("M\u00fcller & S\u00f6hne", "B\u00fcroger\u00e4te")


@pytest.mark.parametrize("between", ["", "\n\n", "ABNANL2A\n940\nABNANL2A\n", ":940:\n"])
def test_every_statement_and_account_of_a_file_is_read_by_itself(between):
    other = message(LINE, opening=1000, closing=2000, number="2/1").replace(ACCOUNT, "NL71RABO0123456789EUR")
    result = read(message(LINE) + between + other)
    assert [(one.account, one.count, one.balance, str(one.closing)) for one in result.statements] == [
        (ACCOUNT, 1, "checked", "10.00 EUR"),
        ("NL71RABO0123456789", 1, "checked", "20.00 EUR"),
    ]


def test_messages_in_blocks_may_stand_on_one_line():
    one = BLOCKS + WHOLE.removesuffix("-\n") + "-}"
    other = BLOCKS + message(LINE, opening=1000, closing=2000, number="2/1").removesuffix("-\n") + "-}{5:{CHK:0}}"
    assert read(one + other + one.replace("DE89", "DE88")).count == 3


def test_a_statement_without_lines_and_with_equal_balances_is_one():
    result = read(message(opening=1000, closing=1000))
    assert (result.count, result.balance, result.statements[0].currency) == (0, "checked", "EUR")


def test_a_copy_of_a_statement_in_the_same_file_is_left_out():
    result = read(WHOLE + WHOLE)
    assert result.count == 1
    assert "left out: 1." in result.note


def test_a_strange_number_of_a_statement_is_kept_as_it_is():
    assert read(message(LINE, number="2026-IV")).statements[0].id == "2026-IV"


def test_a_statement_without_texts_is_named_by_its_header():
    header = BLOCKS.replace("{2:O940", "{2:O950")
    assert read(header + message(LINE).removesuffix("-\n") + "-}").format == "MT950"


def test_importing_the_connector_loads_no_library_for_it():
    program = "import sys, mainstay.connectors.bank.read; print({'mt940', 'stdnum'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_head_of_a_statement_says_account_number_and_days():
    (head,) = read(message(":61:2604020403C10,00NTRFNONREF", number="00012/00001")).statements
    assert (head.account, head.id, head.from_on, head.to_on) == (ACCOUNT, "00012", "2026-04-03", "2026-04-30")


# --- dates and amounts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "valued", "booked"),
    [
        ("2604100412", "2026-04-10", "2026-04-12"),
        ("260410", "2026-04-10", "2026-04-10"),
        ("260410    ", "2026-04-10", "2026-04-10"),
        ("2512310102", "2025-12-31", "2026-01-02"),  # booked in the new year
        ("2601021231", "2026-01-02", "2025-12-31"),  # valued in the new year
        ("2601010101", "2026-01-01", "2026-01-01"),
        ("2402280229", "2024-02-28", "2024-02-29"),
        ("2503010229", "2025-03-01", "2024-02-29"),  # the only such day near
        ("9912310103", "1999-12-31", "2000-01-03"),
    ],
)
def test_the_entry_date_takes_the_year_nearest_to_the_value_date(written, valued, booked):
    line = line_of(f":61:{written}C10,00NTRFNONREF")
    assert (line.value_on, line.booked_on) == (valued, booked)


@pytest.mark.parametrize(
    ("mark", "minor", "reversal"),
    [
        ("C", 1000, False),
        ("D", -1000, False),
        ("RC", -1000, True),
        ("RD", 1000, True),
        ("CR", 1000, False),
        ("DR", -1000, False),
        ("RCR", -1000, True),
        ("RDR", 1000, True),
        ("c", 1000, False),
        ("rd", 1000, True),
    ],
)
def test_the_sign_is_as_the_money_moves_and_a_third_letter_is_of_the_currency(mark, minor, reversal):
    line = line_of(f":61:2604100410{mark}10,00NTRFNONREF", closing=minor)
    assert (line.amount, line.reversal, line.pending) == (Money(minor, "EUR"), reversal, False)


@pytest.mark.parametrize(("mark", "minor"), [("EC", 1000), ("ED", -1000)])
def test_what_is_expected_is_pending_and_in_no_sum(mark, minor):
    result = read(report(f":61:2604100410{mark}10,00NTRFNONREF", sums=":90D:0EUR0,\n:90C:0EUR0,"))
    assert (result.lines[0].amount.minor, result.pending, result.sums) == (minor, 1, ())


def test_what_is_expected_is_in_no_balance():
    result = read(message(LINE, ":61:2604100410EC99,00NTRFNONREF"))
    assert (result.balance, result.count, result.pending) == ("checked", 2, 1)


@pytest.mark.parametrize(
    ("currency", "written", "minor"),
    [
        ("JPY", "1000,", 1000),
        ("EUR", "10,", 1000),
        ("EUR", "10", 1000),
        ("EUR", "00010,0", 1000),
        ("BHD", "1,000", 1000),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(currency, written, minor):
    content = message(f":61:2604100410C{written}NTRFNONREF").replace(
        balance("62F", 1000), f":62F:C260430{currency}{written}"
    )
    result = read(content.replace(balance("60F", 0), f":60F:C260430{currency}0,"))
    assert result.lines[0].amount == Money(minor, currency)


def test_a_line_broken_before_its_amount_is_read():
    assert line_of(":61:2604100410CR\n10,00NTRFNONREF", ":86:text").text == "text"


# --- balances, pages and sums -------------------------------------------------------------------------------------


def test_balances_that_do_not_agree_are_refused_with_the_difference():
    what = refused(message(LINE, closing=1100)).message
    assert "line 1: the balances do not agree: the opening balance 0.00 EUR and the lines (10.00 EUR) make" in what
    assert "the difference is 1.00 EUR" in what


@pytest.mark.parametrize("minor", [-500, 0, 700])
def test_a_negative_balance_is_one_in_debit(minor):
    head = read(message(LINE, opening=minor, closing=minor + 1000)).statements[0]
    assert (head.opening, head.closing) == (Money(minor, "EUR"), Money(minor + 1000, "EUR"))


FIRST = message(LINE, number="12/1", ends="FM")
SECOND = message(LINE, opening=1000, closing=2000, number="12/2", ends="MM")
THIRD = message(LINE, opening=2000, closing=3000, number="12/3", ends="MF")


def test_pages_are_joined_to_one_statement():
    result = read(FIRST + SECOND + THIRD)
    (head,) = result.statements
    assert (head.count, head.balance, head.opening, head.closing) == (
        3,
        "checked",
        Money(0, "EUR"),
        Money(3000, "EUR"),
    )
    assert result.note == "Pages joined to the statement before them: 2."


def test_a_page_without_the_one_before_or_after_it_is_checked_and_told():
    result = read(SECOND)
    assert result.balance == "checked"
    assert result.note == (
        "Statements that begin on an earlier page, which is not in this file: 1."
        " Statements that go on on a page that is not in this file: 1."
    )


def test_a_missing_page_between_two_is_an_error():
    what = refused(FIRST + THIRD).message
    assert "page 3 of statement 12 opens with 20.00 EUR" in what
    assert "page 1, closes with 10.00 EUR; a page is missing" in what
    still = THIRD.replace("C260430EUR20,00", "C260430EUR10,00").replace("C260430EUR30,00", "C260430EUR20,00")
    assert "a page is missing" in refused(FIRST + still).message  # the missing one moved nothing


def test_a_page_that_opens_otherwise_than_the_one_before_it_closes_is_an_error():
    other = SECOND.replace("C260430EUR10,00", "C260430EUR15,00").replace("C260430EUR20,00", "C260430EUR25,00")
    assert "page 2 of statement 12 opens with 15.00 EUR" in refused(FIRST + other).message


def test_every_page_is_checked_by_itself():
    broken = SECOND.replace("10,00NTRF", "11,00NTRF")
    assert "line 8: the balances do not agree" in refused(FIRST + broken + THIRD).message


def test_pages_of_one_message_need_no_head_of_their_own():
    pages = FIRST.removesuffix("-\n") + "\n".join(SECOND.splitlines()[3:-1]) + "\n-\n"
    assert [(one.count, str(one.closing)) for one in read(pages).statements] == [(2, "20.00 EUR")]


def test_statements_of_several_numbers_stay_apart():
    following = message(LINE, opening=1000, closing=2000, number="13/1", ends="MF")
    assert [one.id for one in read(FIRST + following).statements] == ["12", "13"]


def test_an_interim_report_has_no_balances_and_its_sums_are_checked():
    result = read(report(LINE, ":61:260410D3,00NCHGNONREF", sums=":90D:1EUR3,\n:90C:1EUR10,00"))
    assert (result.format, result.balance, result.count) == ("MT942", "absent", 2)
    assert [amount.minor for amount in result.sums] == [700]


@pytest.mark.parametrize("sums", [":90C:2EUR10,00", ":90C:1EUR11,00", ":90C:1EUR10,00\n:90D:1EUR0,", ":90C:0EUR0,"])
def test_an_interim_report_whose_sums_differ_is_refused(sums):
    assert "the bank counts" in refused(report(LINE, sums=sums)).message


def test_lines_below_the_floor_limit_may_be_missing_in_an_interim_report():
    assert read(report(LINE, limits=":34F:EURC5,00", sums=":90C:3EUR12,00")).count == 1
    assert "counts 3 credits" in refused(report(LINE, sums=":90C:3EUR12,00")).message


def test_an_interim_report_takes_its_currency_from_limits_or_sums():
    assert read(report(LINE, limits=":34F:CHFD0,\n:34F:CHFC0,", sums="")).currency == "CHF"
    assert "nothing says the currency" in refused(report(LINE, limits=":21:X", sums="")).message


def test_an_interim_report_is_known_by_its_header_too():
    header = "{1:F01COBADEFFXXXX0000000000}{2:I942COBADEFFXXXXN}{4:\n"
    result = read(header + report(LINE).removesuffix("-\n") + "-}")
    assert (result.format, result.count) == ("MT942", 1)


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (":20:\n", "no account (:25:), no opening balance (:60F:), no closing balance (:62F:)"),
        (message(LINE, closing=None), "no closing balance (:62F:); it was cut off"),
        (message(LINE).replace(balance("60F", 0) + "\n", ""), "no opening balance (:60F:)"),
        (message(LINE).replace(f":25:{ACCOUNT}\n", ""), "no account (:25:)"),
        (message() + LINE, "line 7: this begins with :61:"),
        (LINE + "\n" + message(LINE), "line 1: this begins with :61:"),
        (message(LINE).replace("-\n", LINE + "\n"), "line 7: the field :61: stands outside of a statement"),
        (message(LINE, closing=None) + message(LINE), "line 1: the statement that begins here has no closing"),
        (message(LINE).replace(":28C:1/1", ":25:X"), "line 3: the field :25: stands outside"),
        (message(LINE, balance("60F", 0)), "line 6: the field :60F: stands outside"),
        (message(LINE, ":25:X"), "the field :25: stands outside"),
        (BLOCKS + WHOLE.removesuffix("-\n"), "no end (-}); the file was cut off"),
        (BLOCKS + WHOLE.removesuffix("-\n") + BLOCKS + WHOLE, "the one before it has no end (-})"),
        (BLOCKS[:40], "no end (-})"),
        ("{1:F01" + "x" * 2000, "no text ({4:)"),
        (report(LINE, sums="").removesuffix("-\n"), "no end: neither sums"),
        (message(LINE, ":99:X"), "line 6: the field :99: is none of an account statement"),
        (message(LINE, ":86:one:61:2604100410C10,00NTRFNONREF"), "line 6: a field of the statement stands inside"),
        (message(LINE, ":86:one\ntwo :61:2604100410C10,00NTRFNONREF"), "line 7: a field of the statement stands"),
        (message(LINE, ":86:one\n?61:2604100410C10,00NTRFNONREF"), "line 7: a field of the statement stands inside"),
        (message(LINE) + "ABNANL2A\n94", "line 8: this text stands after the end of the last statement"),
        ("junk\n" * 11 + message(LINE), "line 1: from here on there is text that belongs to no statement"),
        (message(LINE).replace("\n:28C", "\nmore\n:28C"), "line 3: this line belongs to no field: 'more' after :25:"),
        (message(LINE).replace("62F:C260430EUR", "62F:C260430USD"), "line 6: the statement is in EUR, but here in USD"),
        (message(LINE).replace("EUR", "QQQ"), "line 4: 'QQQ' is not a currency"),
        (message(LINE).replace("EUR", ""), "nothing says the currency"),
        (message(LINE).replace(":62F:C2604", ":62F:C2613"), "line 6: '261330' is not a date"),
        (message(LINE).replace(":62F:C", ":62F:X"), "line 6: :62F: holds 'X260430EUR10,00', which is no balance"),
        (message(LINE).replace("-\n", ":64:C2604\n-\n"), "line 7: :64: holds 'C2604', which is no balance"),
        (report(LINE, sums=":90C:EUR10,00"), "line 7: :90C: holds 'EUR10,00', which is no count and sum"),
        (report(LINE, sums=":90C:1EUR10,00\n:90C:1EUR10,00"), "line 8: the field :90C: stands outside of a statement"),
        (report(LINE, limits=":34F:0,00"), "line 4: :34F: holds '0,00', which is no floor limit"),
        (WHOLE.encode().replace(b"Acme", b"\0cme"), "line 6: there are control characters"),
        (WHOLE.encode().replace(b"Acme", b"\x81\xff"), "not in a known encoding"),
        (b":20:\xff\xfe\n", "no account"),
        ("", "the file holds no statement"),
        ("{5:{CHK:0}}\n-\n-}\n", "the file holds no statement"),
        ("{1:F01}{4:" + "-}{1:}{4:" * 5000, "no end (-})"),
    ],
)
def test_what_is_no_whole_statement_is_refused_with_its_line(content, says):
    assert says in refused(content).message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2604310431C10,00NTRFNONREF", "'260431' is not a date"),
        ("2602300228C10,00NTRFNONREF", "'260230' is not a date"),
        ("2604101310C10,00NTRFNONREF", "'1310' is not an entry date"),
        ("2604100431C10,00NTRFNONREF", "'0431' is not an entry date"),
        ("2604100410X10,00NTRFNONREF", "is not a line of a statement"),
        ("2604100410C10.00NTRFNONREF", "is not a line of a statement"),
        ("2604100410C-10,00NTRFNONREF", "is not a line of a statement"),
        ("2604100410C10,00", "is not a line of a statement"),
        ("2604100410C1234567890123456789,00NTRFNONREF", "is not a line of a statement"),
        ("2604100410C10,0,0NTRFNONREF", "'10,0,0' is not an amount"),
        ("2604100410C,50NTRFNONREF", "',50' is not an amount"),
        ("2604100410C10,001NTRFNONREF", "more decimals than the currency"),
        ("26041\u06610410C10,00NTRFNONREF", "is not a line of a statement"),
        ("", "'' is not a line of a statement"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line, says):
    message_ = refused(message(LINE, f":61:{line}", closing=2000)).message
    assert "april.sta, line 6: " in message_
    assert says in message_


def test_more_lines_than_the_limit_are_refused_with_the_limit():
    what = refused(message(*[":61:260410C,NTRF"] * (MAX_ENTRIES + 1))).message
    assert "200,001 lines of a statement (:61:), and may have 200,000" in what


# --- any statement ------------------------------------------------------------------------------------------------

ENTRIES = st.lists(
    st.tuples(st.integers(0, 10**12), st.sampled_from(["C", "D", "RC", "RD"]), st.integers(1, 28)), max_size=25
)


@settings(max_examples=60)
@given(ENTRIES, st.integers(-(10**12), 10**12))
def test_any_statement_adds_up_and_the_library_sees_the_same_lines(entries, opening):
    written = [
        f":61:2604{day:02}04{day:02}{mark}{amount(minor)}NTRFNONREF\n:86:166?20SVWZ+{number}"
        for number, (minor, mark, day) in enumerate(entries)
    ]
    total = sum(minor if mark in {"C", "RD"} else -minor for minor, mark, _ in entries)
    content = message(*written, opening=opening, closing=opening + total)
    result = read(content)
    assert result.balance == "checked"
    assert sum(one.minor for one in result.sums) == total
    (seen,) = library.parse_statements(content, options=library.Options.all())
    theirs = [
        (str(one.data["entry_date"]), int(one.data["amount"].amount * 100)) for one in seen if "amount" in one.data
    ]
    assert [(line.booked_on, line.amount.minor) for line in result.lines] == theirs
    assert len({line.id for line in result.lines}) == len(entries)


PLAIN = message(LINE, ":86:166?20SVWZ+one?32Acme", ":61:2604110411D4,50NMSCNONREF", ":86:/REMI/two", closing=550)
FILES = [
    PLAIN,
    ":940:\n" + PLAIN.replace("\n", "\r\n"),
    BLOCKS + PLAIN.removesuffix("-\n") + "-}{5:{CHK:00}}",
    report(LINE, ":86:one", ":61:2604110411D4,50NMSCNONREF", sums=":90D:1EUR4,50\n:90C:1EUR10,00"),
]


@settings(max_examples=300)
@given(st.sampled_from(FILES), st.data())
def test_a_file_cut_anywhere_is_read_whole_or_refused(content, data):
    whole = content.encode()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with suppress(FileError):
        assert [(line.id, line.raw) for line in read(cut).lines] == [(line.id, line.raw) for line in read(whole).lines]


@settings(max_examples=600)
@given(st.sampled_from(FILES), st.data())
def test_a_file_with_any_byte_changed_keeps_its_lines_and_amounts_or_is_refused(content, data):
    changed = bytearray(content.encode())
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
        st.one_of(st.integers(0, 255), st.sampled_from(b"\n:-{}\r0126CDF"))
    )
    with suppress(FileError):
        assert sorted(line.amount.minor for line in read(bytes(changed)).lines) == [-450, 1000]


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([*":20: :25: :28C: :60F: :61: :62F: :86: - -} {1: {4: \n C EUR 1,00 260410 ?20".split(), "\n"])
    )
)
def test_any_heap_of_pieces_is_read_or_refused(pieces):
    with suppress(FileError):
        read("".join(pieces))


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_any_words_of_the_bank_are_taken(words):
    with suppress(FileError):
        assert read(message(LINE, f":86:{words}")).count == 1
