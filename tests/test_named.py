"""What is put back into a sentence that was recorded without names (KERNEL L3): only what can't be anything else."""

from __future__ import annotations

import pytest

from mainstay.values import BlobRef, Sealed
from mainstay.views.naming import with_names

SEALED = {"to": "ada@example.com", "title": "Bread for Ada", "body": "Dear Ada,\nhello", "file": "ada.txt"}


def mark(name):
    return Sealed(name, b"", b"")


def opened(value):
    if isinstance(value, Sealed):
        return SEALED.get(value.key_id, "[forgotten]")
    if isinstance(value, dict):
        return {name: opened(inner) for name, inner in value.items()}
    return [opened(inner) for inner in value] if isinstance(value, list) else value


def said(sentence, given):
    return with_names(sentence, lambda: given, opened)


FILE = {"name": mark("file"), "blob": BlobRef("0" * 64, 1)}


@pytest.mark.parametrize(
    ("sentence", "given", "told"),
    [
        ("[file], line 1: no title.", {"file": FILE}, "ada.txt, line 1: no title."),
        ("[file]: it names no mail address.", {"lead": FILE, "to": mark("to")}, "ada.txt: it names no mail address."),
        ("Refused by [name].", {"file": FILE, "to": mark("to"), "text": mark("body")}, "Refused by ada@example.com."),
        (
            "There is no file outbox/blog/[name].md. Put it there.",
            {"path": "outbox/blog/bread-for-ada.md", "other": "inbox/blog/x.md"},
            "There is no file outbox/blog/bread-for-ada.md. Put it there.",
        ),
        ("'[name]' is [name]", {"to": mark("to")}, "'ada@example.com' is ada@example.com"),
        ("No mark.", {"to": mark("to")}, "No mark."),
    ],
)
def test_l3_a_name_that_can_only_be_one_is_put_back(sentence, given, told):
    assert said(sentence, given) == told


@pytest.mark.parametrize(
    ("sentence", "given"),
    [
        ("Refused by [name].", {"to": mark("to"), "title": mark("title")}),
        ("[file] is empty.", {"a": FILE, "b": {**FILE, "name": "other.txt"}}),
        ("No file x/[name].md.", {"paths": ["x/a.md", "x/b.md"]}),
        ("Refused by [name].", None),
    ],
)
def test_l3_where_several_can_be_meant_the_sentence_stays(sentence, given):
    assert said(sentence, given) == sentence


def test_l3_a_forgotten_name_does_not_come_back():
    assert said("Refused by [name].", {"to": mark("gone")}) == "Refused by [forgotten]."
