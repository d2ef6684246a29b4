"""No form of the console breaks, whatever stands in its fields: each page that links lead to, and each field there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from http_kit import ask
from visitor import Page, Visitor

from mainstay.console.doors import HEADERS
from mainstay.playbooks.shelf import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Reply, Served
    from visitor import Form

FILES = {"statement": "statement.xml", "invoices": "invoices.csv"}
LEFT_OUT = re.compile(  # what ends the session or the service, and plans that a form without a mistake would begin
    r"/log|/access|/live|/plug|/demo|/playbooks/(?!billing-reconciliation|productised-service)[^/]+/start"
)
NAMED = re.compile(r"[^/?]*\d[^/?]*")
ODD = (
    *(
        "9" * 5000,
        "\x00\ud7ff\u202e",
        "../../etc/passwd",
        "",
        "-1",
        "1e999",
        "٣",
        "nan",
        "ü" * 300,
        "{{7*7}}",
        "a\nb",
        "<script>alert(1)</script>",
        "x" * 20_000,
    ),
    *("'; DROP TABLE facts; --", "https://evil.example/"),
)
DEEP = ("[" * 100_000, '{"0": {"a": ' + "[" * 900 + "]" * 900 + "}}", '{"x": {"a": 1}}')  # of what holds JSON


def sound(reply: Reply, what: object) -> Reply:
    """An answer of ours whatever was sent: no error of ours, no trace, and the headers of every answer."""
    assert 200 <= reply.status < 500 or reply.status == 503, (what, reply.status, reply.body[-2000:])
    assert all(reply.headers.get(name.lower()) == value for name, value in HEADERS.items()), what
    assert b"Traceback" not in reply.body, what
    return reply


def pages(visitor: Visitor) -> Iterator[tuple[str, Page]]:
    """Follow every link to a page that is another one but for what is named in its address."""
    known, waiting = {"/"}, ["/"]
    while waiting:
        reply = sound(visitor.get(path := waiting.pop(0)), path)
        if reply.status != 200 or "html" not in reply.headers["content-type"]:
            continue
        page = Page(reply.text)
        yield path, page
        for link in page.links:
            if link.startswith("/") and not LEFT_OUT.match(link) and NAMED.sub("N", link) not in known:
                known.add(NAMED.sub("N", link))
                waiting.append(link)


def filled_in(form: Form, name: str) -> Iterator[list[tuple[str, str]]]:
    """Give what a form sends with one field filled in oddly, left out, or there twice."""
    for wrong in (*ODD, *(DEEP if name == "edits" else ())):
        yield [*((each, wrong if each == name else value) for each, value in form.fields), *form.buttons[:1]]
    yield [(each, value) for each, value in form.fields if each != name]
    yield [*form.fields, (name, "x")]


def send(visitor: Visitor, form: Form, path: str, fields: list[tuple[str, str]]) -> Reply:
    action = (form.action or path).partition("?")[0].partition("#")[0]
    return visitor.post(action, fields) if form.method == "post" else visitor.get(f"{action}?{urlencode(fields)}")


@pytest.mark.long
def test_no_form_breaks_whatever_stands_in_its_fields(served: Served):
    served.post("odd", wait=0)
    visitor, seen, tried = Visitor(served).log_in(), 0, set[tuple[str, str]]()
    for path, page in pages(visitor):
        seen += 1
        for form in page.forms:
            for name, _ in form.fields if not LEFT_OUT.match(form.action) else ():
                field = NAMED.sub("N", form.action or path), name
                if field in tried or name == "csrf":
                    continue
                tried.add(field)
                for fields in filled_in(form, name):
                    sound(send(visitor, form, path, fields), (form.action or path, name, fields))
    assert seen > 25
    assert len(tried) > 25
    assert not [line for line in served.said if "could not be made" in line]


def test_no_edit_and_no_log_in_breaks_either_and_nobody_is_told_of_it(served: Served):
    visitor = Visitor(served).log_in()
    ask(served, "edited")
    question = f"{served.get('/actions/edited').json['plan']}.1"
    (edit,) = [form for form in visitor.page(f"/questions/{question}/edit").forms if "edits" in dict(form.fields)]
    for name in ("edits", "row"):
        for fields in filled_in(edit, name):
            sound(send(visitor, edit, "", fields), (edit.action, name, fields))
    for wrong in DEEP:
        given = [*((name, wrong if name == "edits" else value) for name, value in edit.fields), ("choice", "approve")]
        for path in (edit.action, f"/questions/{question}"):
            assert visitor.post(path, given).status == 400, (path, wrong[:20])
    stranger = Visitor(served)
    assert stranger.post("/login", [(f"field{at}", "") for at in range(11)]).status == 400
    for path in ("/login", "/login/passkey", "/login/passkey-options"):
        for name in ("password", "link", "next", "passkey"):
            for wrong in (*ODD, *DEEP):
                sound(stranger.post(path, [(name, wrong)]), (path, name, wrong))
    assert not [line for line in served.said if "could not be made" in line]


def test_no_lines_for_the_settings_break_either(served: Served):
    visitor, before = Visitor(served).log_in(), (served.desk.folder / "mainstay.toml").read_bytes()
    files = [f"{name}={LIBRARY / 'demo' / file}" for name, file in FILES.items()]
    (question,) = served.desk.json("run", "billing-reconciliation", *files, status=3)["questions"]
    (offer,) = [form for form in visitor.page(f"/questions/{question}").forms if form.action.endswith("/columns")]
    (first,) = the_columns(Page(visitor.press(offer, offer.buttons[0]).text))
    whole = {**dict(first.fields), "seen": "x"}
    for form in (first, first._replace(fields=list(whole.items()))):
        for name, _ in form.fields:
            if name != "csrf":
                for fields in filled_in(form, name):
                    sound(send(visitor, form, "", fields), (form.action, name, fields))
    for text in ("a = " + "[" * 19_000, "{b=" * 5000):
        assert visitor.press(first, text=text).status == 422
    unsaid = [field for field in whole.items() if field[0] != "text"]
    assert visitor.post(first.action, unsaid).status == 200, "nothing was asked for"
    assert (served.desk.folder / "mainstay.toml").read_bytes() == before
    assert not [line for line in served.said if "could not be made" in line]


def the_columns(page: Page) -> list[Form]:
    return [form for form in page.forms if form.action.endswith("/columns") and "text" in dict(form.fields)]
