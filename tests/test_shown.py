"""S30: what is shown to a person says what it is."""

from __future__ import annotations

import pytest

from mainstay.shown import shown


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("a\u202eb\u200bc\u2066", "a<U+202E>b<U+200B>c<U+2066>"),
        ("p\u0430ypal", "p<U+0430>ypal"),
        ("\u0410cme", "<U+0410>cme"),
        ("\u03bfrder", "<U+03BF>rder"),
        ("anna@\u0430\u0440\u0440\u04cf\u0435.com", "anna@<U+0430><U+0440><U+0440><U+04CF><U+0435>.com"),
        ("\u0430nna@example.com", "<U+0430>nna@example.com"),
    ],
)
def test_s30_what_hides_or_looks_like_something_else_is_written_out(given: str, seen: str):
    assert shown(given) == seen


@pytest.mark.parametrize(
    "text",
    [
        "\u0414\u043e\u0433\u043e\u0432\u043e\u0440.pdf, \u0434\u043b\u044f Acme",  # Russian beside Latin words
        "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
        "Größe 3 µm, Ærø, naïve, Łódź",
        "10 k\u03a9",
    ],
)
def test_s30_words_in_their_own_letters_stay_readable(text: str):
    assert shown(text) == text


def test_s30_a_long_text_is_shown_whole():
    assert shown("word \u0439 " * 100_000).endswith("\u0439 ")
