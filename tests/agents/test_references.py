"""What a line names."""

import pytest
from stdnum import luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

from mainstay.agents.references import ReferenceIndex, is_creditor_reference, is_iban, near_miss
from mainstay.agents.structured import is_kenmerk, is_viitenumero
from mainstay.records import BankLine, Invoice
from mainstay.values import Money

EUR = Money(100, "EUR")


def read(text, *numbers, references=()):
    index = ReferenceIndex([Invoice(n, "X", EUR, EUR, "2026-01-01", "2026-01-15") for n in numbers])
    return index.read(BankLine("a", "2026-02-01", EUR, text=text, references=references))


def test_the_example_of_iso_11649_is_valid_and_a_changed_one_is_not():
    assert is_creditor_reference("RF18 5390 0754 7034")
    assert not is_creditor_reference("RF18 5390 0754 7035")


def test_the_example_iban_of_the_registry_is_valid_and_a_changed_one_is_not():
    assert is_iban("DE89 3704 0044 0532 0130 00")
    assert not is_iban("DE89 3704 0044 0532 0130 01")


@pytest.mark.parametrize(
    ("text", "names"), [("14/15/16", []), ("RE 2026-014/15/16", ["2026-014", "2026-015", "2026-016"])]
)
def test_a_list_may_leave_out_what_its_numbers_share(text, names):
    assert sorted(read(text, "2026-014", "2026-015", "2026-016").full) == names


def test_a_number_at_the_end_of_a_cut_text_is_a_hint_and_no_more():
    found = read("Payment of our open invoice nr 2026-01", "2026-014", "2026-015", "2026-027")
    assert not found.full
    assert sorted(found.partial) == ["2026-014", "2026-015"]


def test_the_last_part_of_a_number_is_a_hint_after_a_word_for_invoice():
    assert sorted(read("invoice 014", "2026-014", "2026-015").partial) == ["2026-014"]
    assert not read("014", "2026-014").partial


def test_a_number_of_our_series_that_is_not_open_is_noted():
    assert read("Rechnung 2026-003", "2026-014").unknown == ("2026003",)
    assert read("invoice 99887", "2026-014").unknown == ("99887",)
    assert read("order 99887 of 2026", "2026-014").unknown == ()


def test_two_numbers_that_are_written_alike_are_both_named():
    assert sorted(read("INV 12345", "INV-12345", "INV12345").full) == ["INV-12345", "INV12345"]


def test_full_width_and_accented_letters_are_read():
    assert sorted(read("\uff12\uff10\uff12\uff16\uff0d\uff10\uff11\uff14", "2026-014").full) == ["2026-014"]


def test_one_slip_of_the_finger_is_a_near_miss_and_two_are_not():
    assert near_miss("2026410", "2026-140")
    assert not near_miss("2026401", "2026-140")


def with_check(make, body):
    return body + make(body)


@pytest.mark.parametrize(
    ("text", "references"),
    [
        (f"/{with_check(esr.calc_check_digit, '2041'.rjust(26, '0'))}/", ()),
        ("", (with_check(esr.calc_check_digit, "2041".rjust(26, "0")),)),
        ("", (with_check(luhn.calc_check_digit, "0002041"),)),
        (f"KID {with_check(luhn.calc_check_digit, '2041')}", ()),
        ("viite 20417", ()),
    ],
)
def test_a_number_inside_a_reference_with_check_digits_is_named(text, references):
    found = read(text, "RE-2041", "RE-2042", references=references)
    assert sorted(found.structured) == ["RE-2041"]


def test_a_belgian_communication_holds_a_number():
    body = "0000002041"
    plain = body + ogm_vcs.calc_check_digits(body)
    found = read(f"+++{plain[:3]}/{plain[3:7]}/{plain[7:]}+++", "RE-2041")
    assert sorted(found.structured) == ["RE-2041"]
    wrong = f"{int(plain[10:]) % 97 + 1:02d}"
    assert not read(f"+++{plain[:3]}/{plain[3:7]}/{plain[7:10]}{wrong}+++", "RE-2041").full


def test_the_published_examples_of_the_north_are_valid_and_a_changed_digit_is_not():
    assert is_viitenumero("1234561")
    assert not is_viitenumero("1234562")
    assert is_kenmerk("5000056789012345")
    assert not is_kenmerk("6000056789012345")


@pytest.mark.parametrize("text", ["RE-2041 bis 2044", "2041-2044", "inv 2041/2042/2043/2044", "RE-2041 - RE-2044"])
def test_a_range_or_a_list_names_all_between(text):
    numbers = [f"RE-{number}" for number in range(2039, 2047)]
    assert sorted(read(text, *numbers).full) == ["RE-2041", "RE-2042", "RE-2043", "RE-2044"]


def test_a_range_to_a_number_that_is_not_ours_names_no_more_than_its_first():
    assert sorted(read("RE-2041 bis 2099", "RE-2041", "RE-2042").full) == ["RE-2041"]


@pytest.mark.parametrize("text", ["InvoiceRE-2041danke", "R E 2 0 4 1", "RechnungRE2041vom 3.9."])
def test_a_number_that_is_glued_or_spaced_is_found(text):
    assert sorted(read(text, "RE-2041", "RE-2042").full) == ["RE-2041"]


def test_a_number_of_another_year_is_noted_as_unknown():
    assert read("Rg 2025.78", "Rg 2026.250").unknown
    assert read("Rechnung 585", "830", "834").unknown == ("585",)
