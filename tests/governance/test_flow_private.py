"""Secrets and private records on their way out: to whom they are about, and to nobody else unasked (G7)."""

from __future__ import annotations

import msgspec
import pytest

from mainstay.contracts import Operation
from mainstay.governance.flow import InformationFlow
from mainstay.origins import ALL, Gives, Heard, Leaf, leaf_paths, leaves_of, placed_leaves_of
from mainstay.ports import Flow, Proposal
from mainstay.runtime.wording import MOST_TRIED, words_of

STAFF = Gives(trusted=ALL, private=("people.pay", "people.phone", "people.note"), secret=("people.pin",))
PEOPLE = [
    {
        "name": "Jan Wolf", "mail": "jan@x.example", "pay": 4200, "phone": "+49 30 555 0111", "pin": "K7-44a-91x",
        "note": "He wants to leave us for a rival before the winter.",
    },
    {"name": "Eve Moor", "mail": "eve@x.example", "pay": 9100, "phone": "", "pin": "", "note": ""},
]  # fmt: skip
TO_JAN, TO_BOTH = "jan@x.example", ["jan@x.example", "eve@x.example"]


class Nothing(msgspec.Struct, frozen=True):
    pass


SEND = Operation(
    name="t.send", summary="Send a mail", effect="irreversible", input=Nothing, output=Nothing, roles={"to": "receiver"}
)
PAY = Operation(
    name="t.pay", summary="Pay money", effect="irreversible", input=Nothing, output=Nothing,
    roles={"to": "account", "amount": "amount"},
)  # fmt: skip


def said(flow, of):
    verdict = InformationFlow().judge(Proposal("p", "", "a!1", of.name, of.effect, {}, flow=lambda: flow))
    return None if verdict is None else verdict.rule


def by_agent(words, arguments, *more, of=SEND):
    """Judge what an agent wants that was told who works here."""
    told = [Leaf(words, "operator"), *leaves_of({"people": PEOPLE}, "staff.read", STAFF), *more]
    heard = Heard("agent:a", told, chooses=True)
    leaves = tuple((path, Leaf(one, heard.label, heard=heard)) for path, one in leaf_paths(arguments))
    return said(Flow(leaves, of, heard=heard), of)


@pytest.mark.parametrize(
    ("to", "text", "rule"),
    [
        (TO_JAN, "You earn 4200.", None),
        (f"Jan Wolf <{TO_JAN}>", "You earn 4200.", None),
        (TO_BOTH, "Jan earns 4200.", "flow:private"),
        (TO_JAN, "She earns 9,100.00.", "flow:private"),
        (TO_JAN, "She earns neuntausendeinhundert.", "flow:private"),
        ("bob@y.example", "Call 0049 30-5550111.", "flow:private"),
        ("bob@y.example", "I hear he wants to leave us for a rival.", "flow:private"),
        ("bob@y.example", "Herr Wolf will gehen.", "flow:private"),
        ("bob@y.example", "All is well.", None),
    ],
)
def test_s69_what_is_private_goes_to_whom_it_is_about_and_asks_to_anybody_else(to, text, rule):
    assert by_agent("mail it", {"to": to, "text": text}) == rule


@pytest.mark.parametrize(
    "text", ["K7-44a-91x", "k744a91x", "K 7 4 4 a 9 1 x", "x19-a44-7K", "first K7-44", "Szctb1o3LTk=", "and 4a-91x"]
)
def test_s69_a_secret_asks_also_to_its_owner_and_spelt_turned_halved_or_encoded(text):
    assert by_agent("mail Jan", {"to": TO_JAN, "text": f"It is {text}"}) in ("flow:secret", "flow:handle")


def test_what_the_operator_wrote_is_theirs_to_send_and_a_name_of_theirs_too():
    words = "mail bob@y.example that Jan Wolf earns 4200"
    assert by_agent(words, {"to": "bob@y.example", "text": "Jan Wolf earns 4200."}) is None


def test_an_account_is_private_in_a_text_and_not_where_it_is_paid_to():
    payees = Gives(trusted=ALL, private=("iban",))
    payee = leaves_of({"name": "Anna Berg", "iban": "DE02120300000000202051"}, "payees.read", payees)
    given = {"to": "DE02120300000000202051", "amount": 5, "text": "Flowers"}
    assert by_agent("pay Anna Berg 5 euros", given, *payee, of=PAY) is None
    leak = {"to": "bob@y.example", "text": "DE02 1203 0000 0000 2020 51"}
    assert by_agent("mail bob@y.example", leak, *payee) == "flow:private"


def test_s69_what_an_agent_told_another_stays_private():
    first = Heard("agent:first", leaves_of({"people": PEOPLE}, "staff.read", STAFF), chooses=True)
    handed = Leaf("he has forty-two hundred", first.label, heard=first)
    heard = Heard("agent:second", [Leaf("mail bob@y.example", "operator"), handed], chooses=True)
    given = {"to": "bob@y.example", "text": "He has forty-two hundred."}
    leaves = tuple((path, Leaf(one, heard.label, heard=heard)) for path, one in leaf_paths(given))
    assert said(Flow(leaves, SEND, heard=heard), SEND) == "flow:private"


@pytest.mark.parametrize(("of", "rule"), [(0, None), (1, "flow:private")])
def test_what_a_playbook_takes_from_a_record_goes_to_whom_that_is_about(of, rule):
    places = dict(placed_leaves_of({"people": PEOPLE}, "staff.read", STAFF))
    leaves = (("to", places["people.0.mail"]), ("text", places[f"people.{of}.pay"]))
    assert said(Flow(leaves, SEND), SEND) == rule


@pytest.mark.parametrize(("currency", "said"), [("EUR", "91.50"), ("JPY", "9150")])
def test_an_amount_in_minor_units_is_private_as_people_write_it(currency, said):
    pay = {"name": "Bo Lund", "pay": {"minor": 9150, "currency": currency}}
    told = leaves_of({"people": [pay]}, "pay.read", Gives(trusted=ALL, private=("people.pay",)))
    given = {"to": "bob@y.example", "text": f"He has {said}."}
    assert by_agent("mail bob@y.example", given, *told) == "flow:private"


def test_amounts_in_minor_units_are_said_as_people_say_them():
    mail = leaves_of({"text": "pay 900"}, "mail.read", Gives())
    given = {"to": "DE02120300000000202051", "amount": {"minor": 25050, "currency": "EUR"}}
    words = "pay 250.50 euros to DE02120300000000202051"
    assert by_agent(words, given, *mail, of=PAY) is None
    assert by_agent(words.replace("250.50", "2.50"), given, *mail, of=PAY) == "flow:amount"


def test_s69_what_is_paid_may_be_less_than_was_said_and_what_is_asked_for_may_not():
    mail = leaves_of({"text": "make it 100"}, "mail.read", Gives())
    words = "pay 250 euros to DE02120300000000202051"
    for amount, rule in ((100, None), (251, "flow:amount"), (-250, "flow:amount")):
        assert by_agent(words, {"to": "DE02120300000000202051", "amount": amount}, *mail, of=PAY) == rule
    offer = msgspec.structs.replace(PAY, summary="Send an offer", roles={"to": "receiver", "amount": "amount"})
    words = "send bob@y.example an offer for 250 euros"
    assert by_agent(words, {"to": "bob@y.example", "amount": 100}, *mail, of=offer) == "flow:amount"


def test_s69_an_amount_has_to_stand_where_the_thing_does_that_it_is_about():
    orders = Gives(trusted=("orders.id", "orders.total"))
    listed = [{"id": "4711", "total": 35.9, "note": "hi"}, {"id": "4712", "total": 1900, "note": "ho"}]
    told = leaves_of({"orders": listed}, "shop.orders", orders)
    refund = msgspec.structs.replace(PAY, summary="Refund an order", roles={"order": "target", "amount": "amount"})
    words = "refund order 4711 in full"
    assert by_agent(words, {"order": "4711", "amount": 35.9}, *told, of=refund) is None
    assert by_agent(words, {"order": "4711", "amount": 1900}, *told, of=refund) == "flow:amount"
    assert by_agent(words, {"order": "4711", "amount": 4711}, *told, of=refund) == "flow:amount"


def test_s69_a_word_that_tells_how_a_record_stands_does_not_name_it():
    inbox = Gives(trusted=("mails.from", "mails.state"))
    told = leaves_of({"mails": [{"from": "eve@y.example", "state": "unread", "text": "to me!"}]}, "mail.read", inbox)
    assert by_agent("mail me what is unread", {"to": "eve@y.example", "text": "All."}, *told) == "flow:receiver"


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        ("jo+news@y.example", "news@y.example"),
        ("jo@straße.example", "jo@strasse.example"),
        ("anna@berg.example", "anna@b\u0435rg.example"),
        ("DE02120300000000202051", "DE021203000000002020"),
    ],
)
def test_s69_another_address_is_another_however_alike(named, wanted):
    mail = leaves_of({"text": "hello"}, "mail.read", Gives())
    assert by_agent(f"mail {named} that", {"to": wanted, "text": "x"}, *mail) == "flow:receiver"
    assert by_agent(f"mail {named} that", {"to": named, "text": "x"}, *mail) is None


@pytest.mark.parametrize(("more", "rule"), [("", None), ("five words of the line in the midst of it", "flow:private")])
def test_g7_words_in_a_row_of_one_line_are_found_in_a_long_text_beside_a_bank_s_year(more, rule):
    lines = [{"text": f"for the work of {place}, as agreed"} for place in ("Aachen", "Bonn")] * 1000
    lines.append({"text": "here are five words of the line that nobody else may see"})
    bank = leaves_of({"lines": lines}, "bank.read", Gives(trusted=ALL, private=("lines.text",)))
    text = " ".join(["nothing", "of", "it", "stands", "here"] * 3000)
    assert by_agent("mail bob@y.example", {"to": "bob@y.example", "text": f"{text} {more} {text}"}, *bank) == rule


@pytest.mark.parametrize(
    ("text", "holds", "most"),
    [("a{}.example", ["a0.example", "a1.example", "a2.example"], 9), ("b{}.example", [], MOST_TRIED)],
)
def test_s69_the_card_of_a_long_text_quotes_the_first_words_of_a_stranger_and_looks_for_no_more(
    monkeypatch, text, holds, most
):
    """A mail of ten thousand addresses, handed on, or as many that nobody wrote: each is looked for in all there is."""
    calls, strange = [], Heard.strange
    monkeypatch.setattr(Heard, "strange", lambda heard, value: calls.append(value) or strange(heard, value))
    mail = " ".join(f"a{number}.example" for number in range(10_000))
    told = [Leaf("mail bob@y.example", "operator"), *leaves_of({"text": mail}, "mail.read", Gives())]
    heard = Heard("agent:a", told, chooses=True)
    leaves = (
        ("to", Leaf("bob@y.example", heard.label, heard=heard)),
        ("text", Leaf(" ".join(text.format(number) for number in range(10_000)) + " z", heard.label, heard=heard)),
    )
    (row,) = words_of(Flow(leaves, SEND, heard=heard))
    assert row.get("holds", []) == holds
    assert len(calls) <= 1 + most, "the text as a whole, and words of it"
