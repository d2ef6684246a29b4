"""S55: a secret is taken out of all that is shown or written, in every form in which programs write it down."""

from __future__ import annotations

import base64
import html
import json
import logging
import sys
from urllib.parse import quote_plus

import pytest

from mainstay import redaction
from mainstay.redaction import redacted, redacted_in, remember

SECRET = 'c4nary "zwei"+drei/äö & more'


@pytest.fixture(autouse=True)
def _own(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(redaction, "_pattern", None)
    monkeypatch.setattr(redaction, "_inside", None)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging.lastResort, "formatter", logging.lastResort.formatter)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        html.escape(SECRET),
        quote_plus(SECRET),
        SECRET.encode().hex(),
        f"  {SECRET}\n",
    ],
)
def test_s55_a_secret_is_found_however_it_is_written(written):
    remember(SECRET)
    left = redacted(f"before {written} after")
    assert left.split("[secret]")[0].startswith("before ")
    assert "c4nary" not in left
    assert SECRET.encode().hex() not in left
    assert left.endswith(" after")


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_s55_base64_that_holds_a_secret_goes_whole(before, after, encode):
    remember(SECRET)
    word = encode(b"u" * before + SECRET.encode() + b"v" * after).decode()
    assert redacted(f"say {word} {word}.") == "say [secret] [secret]."


def test_s55_data_is_redacted_in_keys_and_values_of_any_depth():
    remember(SECRET)
    assert redacted_in({SECRET: [1, (SECRET, None)], "a": {"b": f"x{SECRET}"}}) == {
        "[secret]": [1, ("[secret]", None)],
        "a": {"b": "x[secret]"},
    }


def test_what_is_no_secret_stays_as_it_is():
    value = {"a": [SECRET]}
    assert redacted_in(value) is value
    remember("short")
    assert not redaction.knows_any()
    remember(SECRET)
    assert redacted("c4nary and dinner") == "c4nary and dinner"
