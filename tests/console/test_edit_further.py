"""An edit goes on from what was edited before, over real HTTP: nothing of it is lost or read against another list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from http_kit import new_served, waits
from visitor import Page, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_kit import Served
    from visitor import Form

    from mainstay.values import Value


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    one = new_served(tmp_path_factory.mktemp("further"), allow="invoices.issue")
    yield one
    one.end()


def asked(served: Served, own_id: str, *texts: str) -> str:
    """Ask for an invoice with these lines; gives the question."""
    lines = [{"text": text, "amount": {"minor": 1000, "currency": "EUR"}} for text in texts]
    found = served.post(own_id, operation="invoices.issue", arguments={"customer": "Anna Berg", "lines": lines}, wait=0)
    assert found.status < 300, found.text
    waits(served, own_id)
    return f"{found.json['plan']}.1"


def fields_in(text: str) -> Form:
    """The form as a browser sends it when nobody touches it: no box is ticked."""
    (form,) = [form for form in Page(text).forms if any(name == "arg.lines.0.text" for name, _ in form.fields)]
    return form._replace(fields=[field for field in form.fields if not field[0].endswith(".gone")])


def ticked(form: Form, row: int) -> Form:
    return form._replace(fields=[*form.fields, (f"arg.lines.{row}.gone", "yes")])


def edited_in(text: str) -> dict[str, Value]:
    (form,) = [form for form in Page(text).forms if ("choice", "approve") in form.buttons]
    return json.loads(dict(form.fields)["edits"])


def lines_in(text: str) -> list[str]:
    return [line["text"] for line in edited_in(text)["0"]["lines"]]


def further(visitor: Visitor, text: str) -> Form:
    (form,) = [form for form in Page(text).forms if ("open", "0") in form.buttons]
    reply = visitor.press(form, ("open", "0"))
    assert reply.status == 200
    return fields_in(reply.text)


def test_e1_a_line_that_is_added_further_on_joins_those_added_before(served: Served):
    visitor, question = Visitor(served).log_in(), asked(served, "added", "Logo", "Card")
    form = fields_in(visitor.get(f"/questions/{question}/edit").text)
    seen = visitor.press(form, **{"arg.lines.2.text": "Flyer", "arg.lines.2.amount": "5 EUR"})
    assert lines_in(seen.text) == ["Logo", "Card", "Flyer"]
    form = further(visitor, seen.text)
    wrong = visitor.press(form, **{"arg.lines.3.text": "Poster", "arg.lines.3.amount": "lots"})
    assert (wrong.status, "lines 4 amount" in wrong.text) == (422, True)
    seen = visitor.press(fields_in(wrong.text), **{"arg.lines.3.amount": "7 EUR"})
    assert lines_in(seen.text) == ["Logo", "Card", "Flyer", "Poster"]
    (yes,) = [form for form in Page(seen.text).forms if ("choice", "approve") in form.buttons]
    assert visitor.press(yes, ("choice", "approve")).status == 303
    assert "Poster" in visitor.get(f"/questions/{question}").text


def test_e1_a_line_that_was_taken_out_stays_out_and_can_come_back(served: Served):
    visitor, question = Visitor(served).log_in(), asked(served, "taken-out", "a", "b", "c")
    form = fields_in(visitor.get(f"/questions/{question}/edit").text)
    seen = visitor.press(ticked(form, 0))
    assert lines_in(seen.text) == ["b", "c"]
    form = further(visitor, seen.text)
    again = visitor.press(form)
    assert edited_in(again.text) == edited_in(seen.text), "nothing more was changed"
    seen = visitor.press(ticked(further(visitor, again.text), 1))
    assert lines_in(seen.text) == ["b"]
    back = {"arg.lines.0.text": "a", "arg.lines.1.text": "b", "arg.lines.1.amount": "10.00 EUR"}
    seen = visitor.press(further(visitor, seen.text), **back)
    seen = visitor.press(further(visitor, seen.text), **{"arg.lines.2.text": "c", "arg.lines.2.amount": "10.00 EUR"})
    assert (seen.status, "Nothing is different yet." in seen.text) == (422, True), "it is as it was asked for"
