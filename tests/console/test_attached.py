"""O15: files that a tool gives among its arguments, by their content (docs/gateway.md)."""

from __future__ import annotations

from typing import Any

import pytest
from http_kit import MAIL

from mainstay.connectors.mail import SendMail
from mainstay.requests.attached import AttachedError, attached


@pytest.mark.parametrize(
    ("given", "field", "told"),
    [
        ({"name": "a.pdf", "blob": {"digest": "0" * 64, "size": 1}}, "files[0].blob", "A file has no 'blob'"),
        ({"name": "a.pdf", "path": "/etc/passwd"}, "files[0].path", "has no 'path'"),
        ({"name": "a.pdf"}, "files[0].content", "missing"),
        ({"content": "YQ=="}, "files[0].name", "missing"),
        ({"name": "a.pdf", "content": ""}, "files[0].content", "missing"),
        ({"name": "a.pdf", "content": "===="}, "files[0].content", "no base64"),
        ({"name": "a.pdf", "content": "   \n"}, "files[0].content", "is empty"),
        ({"name": "a.pdf", "content": "YQ==", "sha256": "00"}, "files[0].sha256", "did not arrive"),
        ({"name": "../a.pdf", "content": "YQ=="}, "files[0].name", "no name of a file"),
        ({"name": "a\nb.pdf", "content": "YQ=="}, "files[0].name", "no name of a file"),
        ({"name": "a.pdf", "content": "YQ==", "media": 7}, "files[0].media", "no text"),
        ("a.pdf", "files[0]", "is no file"),
    ],
)
def test_o15_a_file_that_can_not_be_taken_is_named_with_how_to_give_one(given: Any, field: str, told: str):
    with pytest.raises(AttachedError, match=told) as caught:
        attached({**MAIL, "files": [given]}, SendMail)
    assert caught.value.field == f"arguments.{field}"
    assert '{"name": "invoice.pdf", "content": "<base64>"}' in caught.value.remedy


def test_o15_the_words_of_a_file_are_data_where_an_operation_takes_none():
    found = attached({**MAIL, "text": {"name": "a.pdf", "content": "YQ=="}}, SendMail)
    assert (found.contents, found.arguments) == ({}, {**MAIL, "text": {"name": "a.pdf", "content": "YQ=="}})
