"""Which passwords are refused, and why (SECURITY S22): short ones, usual ones, and names of the company's own."""

from __future__ import annotations

import pytest

from mainstay.config import Company, Config, Mail
from mainstay.console.passwords import own_words, why_weak

OWN = own_words(Config(company=Company(name="Müller & Söhne"), mail=Mail(sender="Ada <ada@acme-works.example>")))


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("four word", "has 9 characters"),
        ("x", "has 1 character,"),
        ("aaaaaaaaaaaa", "over and over"),
        ("hunter2hunter2", "over and over"),
        ("P@ssw0rd-2026!", "tried first"),
        ("qwertyuiop12", "tried first"),
        ("9876543210", "tried first"),
        ("1qaz2wsx3edc", "tried first"),
        ("letmein-letme!", "tried first"),
        ("muller2026!!", "a name of yours"),
        ("Acme-Works-1", "a name of yours"),
        ("acme!!!!!!!!?%$", "a name of yours"),
        ("a" * 5 + "b c d e f" * 200, "may have 1000"),
    ],
)
def test_a_weak_password_is_refused_with_what_is_weak_about_it(word: str, why: str):
    assert why in why_weak(word, OWN)


@pytest.mark.parametrize(
    "word",
    [
        "four words and a fish",
        "a horse with no stable",
        "müller feeds the ducks",
        "Tr0ub4dor&3",
        "!%$/(&)=?*",
        "8305917264",
    ],
)
def test_a_password_that_is_its_own_is_taken(word: str):
    assert why_weak(word, OWN) == ""
