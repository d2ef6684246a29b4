"""What is edited is filled in as fields: lines and records by their parts, and JSON only where it must."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mainstay.connectors.books import RecordPayment
from mainstay.connectors.invoices.issue import CreditInvoice, IssueInvoice, Line
from mainstay.connectors.mail import SendMail
from mainstay.console.decide_fields import Field, Group, Item, fields_of, filled, read
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import InputError
from mainstay.runtime.attempt import as_changed
from mainstay.values import Money

GIVEN = to_plain(IssueInvoice("Anna Berg", (Line("Logo", Money(50000, "EUR")), Line("Card", Money(9900, "EUR")))))
assert isinstance(GIVEN, dict)
FIELDS = fields_of(GIVEN, IssueInvoice)


class Booked(msgspec.Struct):
    amount_minor: int
    currency: str


class Bookings(msgspec.Struct):
    currency: str
    rows: list[Booked]
    total_minor: int | None = None


class Said(msgspec.Struct):
    word: Any


def leaves(items: list[Item] | tuple[Item, ...]) -> list[Field]:
    return [one for item in items for one in (leaves(item.parts) if isinstance(item, Group) else [item])]


def as_sent(items: list[Item]) -> dict[str, str]:
    """What a browser sends of a form nobody touched."""
    return {one.name: one.text for one in leaves(items) if one.kind != "fixed"}


def test_a_list_of_records_has_a_field_for_each_part_and_one_record_more():
    lines = next(one for one in FIELDS if one.name == "lines")
    assert isinstance(lines, Group)
    assert [[part.name for part in leaves(one.parts)] for one in lines.parts if isinstance(one, Group)] == [
        [f"lines.{at}.text", f"lines.{at}.amount"] for at in range(3)
    ]
    kinds = {one.name: (one.kind, one.text) for one in leaves(FIELDS)}
    assert kinds["lines.0.amount"] == ("amount", "500.00 EUR")
    assert kinds["lines.2.amount"] == ("amount", "")


@pytest.mark.parametrize("kind", [IssueInvoice, None])
def test_a_form_nobody_touched_changes_nothing(kind):
    fields = fields_of(GIVEN, kind)
    assert read(fields, as_sent(fields), GIVEN) == {}
    assert read(fields, {}, GIVEN) == {}


def test_e1_lines_are_changed_taken_out_and_added():
    sent = as_sent(FIELDS) | {"lines.0.amount": "450 EUR", "lines.1.gone": "yes"}
    changed = read(FIELDS, sent | {"lines.2.text": "Flyer", "lines.2.amount": "80.00 EUR"}, GIVEN)
    assert from_plain(GIVEN | changed, IssueInvoice).lines == (
        Line("Logo", Money(45000, "EUR")),
        Line("Flyer", Money(8000, "EUR")),
    )
    again = filled(FIELDS, sent)
    lines = next(one for one in again if one.name == "lines")
    assert isinstance(lines, Group)
    assert [one.goes for one in lines.parts if isinstance(one, Group)] == [False, True, False]


def test_what_can_not_be_read_is_named_by_its_place():
    with pytest.raises(InputError, match="'lines 2 amount' can't be read: lots"):
        read(FIELDS, {"lines.1.amount": "lots"}, GIVEN)
    given = {"what": [1, {"a": "b"}]}
    (field,) = fields_of(given, None)
    assert field.kind == "json"
    with pytest.raises(InputError) as caught:
        read([field], {"what": '[1,\n {"a": b}]'}, given)
    assert "'what' is no JSON in line 2, column 8: " in caught.value.message
    assert read([field], {"what": "[2]"}, given) == {"what": [2]}


def test_records_in_records_amounts_that_are_not_there_and_files_keep_their_kinds():
    credit = to_plain(CreditInvoice("2026-1", "2026-10-01", from_plain(GIVEN, IssueInvoice)))
    assert isinstance(credit, dict)
    fields = fields_of(credit, CreditInvoice)
    changed = read(fields, {"what.lines.0.text": "Logo, twice"}, credit)
    assert from_plain(credit | changed, CreditInvoice).what.lines[0].text == "Logo, twice"
    mail = to_plain(SendMail("anna@example.com", "Hi", "Hello"))
    assert isinstance(mail, dict)
    kinds = {one.name: one.kind for one in fields_of(mail, SendMail) if isinstance(one, Field)}
    assert (kinds["owed"], kinds["files"], kinds["text"]) == ("amount", "fixed", "line")
    assert read(fields_of(mail, SendMail), {"owed": "12.50 EUR"}, mail) == {"owed": {"minor": 1250, "currency": "EUR"}}
    assert fields_of({"match": None}, RecordPayment)


@pytest.mark.parametrize("kind", [Bookings, None])
def test_an_amount_in_a_record_is_in_the_money_of_that_record(kind):
    given = {"currency": "EUR", "rows": [{"amount_minor": 10000, "currency": "JPY"}]}
    fields = fields_of(given, kind)
    sent = as_sent(fields)
    assert sent["rows.0.amount_minor"] == "10000"
    assert read(fields, sent, given) == {}
    assert read(fields, sent | {"rows.0.amount_minor": "500"}, given)["rows"] == [
        {"amount_minor": 500, "currency": "JPY"}
    ]
    for written, minor in (("500", 50000), ("12.50", 1250), ("10000", 1_000_000)):  # the last as it stood there
        changed = read(fields, sent | {"rows.0.amount_minor": written, "rows.0.currency": "EUR"}, given)
        assert changed == {"rows": [{"amount_minor": minor, "currency": "EUR"}]}


def test_an_amount_in_a_new_record_is_in_the_money_written_beside_it():
    given = {"currency": "EUR", "rows": [{"amount_minor": 10000, "currency": "JPY"}], "total_minor": None}
    fields = fields_of(given, Bookings)
    sent = as_sent(fields)
    assert read(fields, sent, given) == {}
    for written, currency, minor in (("12", "EUR", 1200), ("12.50", "EUR", 1250), ("12", "JPY", 12)):
        new = {"rows.1.amount_minor": written, "rows.1.currency": currency}
        assert read(fields, sent | new, given)["rows"][1:] == [{"amount_minor": minor, "currency": currency}]
    with pytest.raises(InputError, match="'rows 2 amount minor' can't be read: 12"):
        read(fields, sent | {"rows.1.amount_minor": "12"}, given)
    assert read(fields, sent | {"total_minor": "3.50"}, given) == {"total_minor": 350}


@pytest.mark.parametrize(
    ("before", "written"),
    [
        *(({"a": 1}, text) for text in ('{"a": 1%s}' % ("0" * 40), '{"a": "\\ud800"}', '{"\\ud800": 1}', "[NaN]")),
        *((1.5, text) for text in ("nan", "inf", "-inf", "1e999", "9" * 400)),
        *((1, text) for text in ("1e3", "9" * 40, "9" * 5000)),
    ],
)
def test_what_can_not_be_recorded_can_not_be_read(before, written):
    field = Field("what", "what", "as it was", "json" if isinstance(before, dict) else "number")
    with pytest.raises(InputError, match="'what' can't be read"):
        read([field], {"what": written}, {"what": before})


@pytest.mark.parametrize("word", [10**40, "\ud800", {"\ud800": 1}])
def test_what_can_not_be_recorded_is_refused_from_wherever_it_comes(word):
    for given in ({"word": word}, {"word": [{"a": word}]}):
        with pytest.raises(InputError, match="too large, or a character that there is not"):
            as_changed("test.say", given, {"word"}, Said)
