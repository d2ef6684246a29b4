"""What a line names."""

import pytest

from mainstay.agents.references import ReferenceIndex, is_creditor_reference, is_iban, near_miss
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
