"""What values are said to be, where somebody's own agent names its fields as ours do."""

import io

import pytest
from rich.console import Console

from mainstay.cli.rows import draw_rows
from mainstay.said import is_match

MATCH = {
    "amount": {"minor": 1000, "currency": "EUR"},
    "invoice_numbers": ["AB-1"],
    "confidence": 0.5,
    "why": "the same amount",
}
ODD = [MATCH | {"confidence": odd} for odd in ("high", None, True, ["0.5"])]


@pytest.mark.parametrize("row", ODD, ids=str)
def test_a_row_that_does_not_say_how_sure_in_a_number_is_drawn_as_it_is(row):
    assert is_match(MATCH)
    assert not is_match(row)
    paper = io.StringIO()
    Console(file=paper, width=120).print(draw_rows([row], 120))
    assert "confidence" in paper.getvalue()
