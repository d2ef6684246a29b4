"""Which rows an answer names: blanks and commas both stand between rows, and nothing unclear is guessed."""

import pytest
import typer

from mainstay.cli.commands import app
from mainstay.cli.ending import run
from mainstay.cli.options import Once
from mainstay.cli.picks import kept_rows, named_rows, read_ways
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


def test_what_is_named_twice_adds_up_and_what_says_two_things_of_a_row_is_refused():
    assert kept_rows(4, drop=named_rows(["1", "2"])) == [2, 3]
    assert read_ways("3=2,3=2,1=2", ROWS) == {"0": "1", "2": "1"}
    for text in ("3=2,3=1", "3=0 3=2"):
        with pytest.raises(InputError, match="Row 3 can't be read in two ways"):
            read_ways(text, ROWS)
    with pytest.raises(InputError, match="names no row"):
        named_rows(["1", ""])


@pytest.mark.parametrize(
    "given",
    [
        ["plans", "--limit", "3", "--limit", "4"],
        ["history", "verify", "--anchor", "one", "--anchor=two"],
        ["decide", "x.1", "reject", "--reason", "no", "--reason", "because"],
        ["playbook", "list", "--workspace", "a", "--workspace", "b"],
    ],
)
def test_an_option_that_takes_one_value_is_refused_when_it_is_given_twice(given, capsys):
    assert run(given) == 2
    assert "was given more than once" in capsys.readouterr().err


def test_every_command_refuses_that():
    def commands(group):
        for one in group.commands.values():
            yield from commands(one) if hasattr(one, "commands") else (one,)

    found = list(commands(typer.main.get_command(app)))
    assert len(found) > 40
    assert [one.name for one in found if not isinstance(one, Once)] == []
