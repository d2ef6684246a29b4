"""O15: files that a tool gives among its arguments, by their content (docs/gateway.md)."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec
import pytest
from http_kit import MAIL
from kit import World, make_workspace, owner_of

from mainstay.connectors.mail import SendMail
from mainstay.errors import ForgottenError
from mainstay.records import File
from mainstay.requests.attached import AttachedError, as_given, attached
from mainstay.requests.gateway import Submission, submit
from mainstay.requests.tokens import METHODS, tokens
from mainstay.values import BlobRef, digest_of


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


def test_o15_l3_the_same_id_finds_its_action_also_after_its_file_was_forgotten(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    given = {"name": "a.pdf", "content": base64.b64encode(b"about somebody").decode()}
    asked = Submission("one", "mail.send", {**MAIL, "files": [given]})

    async def scenario() -> tuple[str, str]:
        async with owner_of(make_workspace(tmp_path / "acme"), World(tmp_path / "world")) as owner:
            desk = owner.requests
            await METHODS["token_make"](desk, {"name": "tool", "allow": ["mail.send"]}, lambda _: None)
            token = tokens(desk)["tool"]
            first = await submit(desk, token, asked)
            key = owner.people.find((("file", digest_of(b"about somebody")),))
            owner.people.destroy([key], owner.clock.now_us(), "r", "{}")
            owner.payloads.forget()
            with pytest.raises(ForgottenError):
                as_given(desk, owner.payloads.load(owner.engine.load(first).inputs))
            return first, await submit(desk, token, asked)

    first, again = asyncio.run(scenario())
    assert first == again


class Many(msgspec.Struct):
    one: File | None = None
    listed: tuple[File, ...] | None = None
    named: dict[str, File] | None = None
    words: list[str] | None = None


def test_o15_files_are_taken_also_where_a_list_of_them_may_be_left_out():
    given = {"name": "a.pdf", "content": "YQ=="}
    mark = {"name": "a.pdf", "blob": BlobRef(digest_of(b"a"), 1, media="application/pdf")}
    found = attached({"one": given, "listed": [given], "named": {"x": given}, "words": ["name"]}, Many)
    assert found.arguments == {"one": mark, "listed": [mark], "named": {"x": mark}, "words": ["name"]}
    assert list(found.contents.values()) == [b"a"]
    nothing = {"one": None, "listed": None, "named": None, "words": None}
    assert attached(nothing, Many).arguments == nothing
    with pytest.raises(AttachedError) as caught:
        attached({"listed": [given, "a.pdf"]}, Many)
    assert caught.value.field == "arguments.listed[1]"
