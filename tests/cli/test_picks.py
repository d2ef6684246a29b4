"""Which rows an answer names: blanks and commas both stand between rows, and nothing unclear is guessed."""

import pytest

from mainstay.cli.picks import kept_rows, read_ways
from mainstay.errors import InputError


@pytest.mark.parametrize("text", ["1,3-5", "1 3-5", " 1, 3 - 5 ", "1 3 4 5", "1 ,3 ,4,5", "1\t3-5"])
def test_commas_and_blanks_both_stand_between_rows(text):
    assert kept_rows(12, keep=text) == [0, 2, 3, 4]


def test_two_rows_with_a_blank_between_are_not_row_twelve():
    assert kept_rows(12, keep="1 2") == [0, 1]
    assert kept_rows(12, drop="1 2") == list(range(2, 12))


@pytest.mark.parametrize("text", ["1,,2", "1;2", ",", " ", "1-", "-", "1-2-3", "0", "13", "x"])
def test_what_is_unclear_is_refused(text):
    with pytest.raises(InputError):
        kept_rows(12, keep=text)


ROWS = [{"others": [{"says": "the other"}]}, {"others": []}, {"others": [{"says": "b"}, {"says": "c"}]}]


@pytest.mark.parametrize("text", ["1=2, 3=0", "1=2 3=0", "3 = 0,1 = 2"])
def test_how_rows_are_read_is_named_by_row_and_number(text):
    assert read_ways(text, ROWS) == {"0": "1", "2": "none"}
    assert read_ways("2", ROWS[:1]) == {"0": "1"}


@pytest.mark.parametrize("text", ["2", "1=3", "2=1", "4=1", "0=1", "1=", "=1", "x", ",", "1=2,", "1==2"])
def test_a_reading_that_there_is_not_is_refused(text):
    with pytest.raises(InputError):
        read_ways(text, ROWS)
