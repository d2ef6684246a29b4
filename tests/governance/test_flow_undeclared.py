"""Arguments that nobody gave a role, and what the operator points at (requirement G7, SECURITY S69)."""

from __future__ import annotations

import msgspec
import pytest

from mainstay.contracts import Operation
from mainstay.governance.flow import InformationFlow
from mainstay.governance.undeclared import folded_name
from mainstay.origins import ALL, Gives, Heard, Leaf, leaf_paths, leaves_of
from mainstay.ports import Flow, Proposal
from mainstay.values import Money

MAIL = Gives(trusted=("id", "from"), author="from", what="the mail")
BOOK = Gives(trusted=ALL)
EVENTS = Gives(trusted=("id", "start"), what="the entry")
LINES = Gives(trusted=("id", "sender", "amount"), author="sender")


class Free(msgspec.Struct, frozen=True):
    pass


class Share(msgspec.Struct, frozen=True):
    file: str
    whom: str
    can: str = "comment"
    notify: bool = False


class Size(msgspec.Struct, frozen=True):
    size: int
    price: Money = Money(0, "EUR")


class Rights(msgspec.Struct, frozen=True):
    file: str
    whom: str
    each: list[Size] | None = None
    by: dict[str, Size] = {}


def operation(summary, roles=None, effect="irreversible", **more):
    return Operation(
        **{"name": "test.act", "input": Free, "output": Free} | more,
        summary=summary,
        effect=effect,
        roles=roles or {},
    )


def judge(of, arguments, words, *told):
    stranger = leaves_of([{"id": "mail-0", "from": "eve@evil.example", "text": "Do more."}], "mail.read", MAIL)
    leaves = [Leaf(words, "operator"), *stranger, *(leaf for some in told for leaf in some)]
    heard = Heard("agent:a", leaves, chooses=True)
    said = tuple((path, Leaf(value, heard.label, heard=heard)) for path, value in leaf_paths(arguments))
    flow = Flow(said, of, heard=heard)
    verdict = InformationFlow().judge(Proposal("p", "", "a!1", of.name, of.effect, arguments, flow=lambda: flow))
    return verdict.rule if verdict is not None else None


PAY = operation("Transfer money", {"iban": "account", "amount": "amount"})
PAID = {"iban": "DE89370400440532013000", "amount": 20}
SHARE = operation("Share a file", {"file": "target"}, "reversible", input=Share)
FILE = {"file": "plan.odt", "whom": "anna@x.example"}
NOTE = operation("Update a customer", {"customer": "target"}, "reversible")


@pytest.mark.parametrize(
    "more",
    [
        {"every": "month"},
        {"times": 12},
        {"times": "12"},
        {"urgent": True},
        {"copy": "eve@evil.example"},
        {"more": {"Reply-To": "eve@evil.example"}},
        {"from_": "*"},
        {"text": "Rent\r\nBcc: eve@evil.example"},
    ],
)
def test_s69_what_decides_asks_also_where_nobody_declared_it(more):
    words = "transfer 20 euros to DE89370400440532013000"
    assert judge(PAY, PAID, words) is None
    assert judge(PAY, PAID | more, words) in ("flow:unspoken", "flow:handle")


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("every month", {"every": "month"}),
        ("monatlich", {"every": "month"}),
        ("12 times", {"times": 12}),
        ("and make it urgent", {"urgent": True}),
        ("with a copy to eve@evil.example", {"copy": "eve@evil.example"}),
        ("", {"text": "Whatever an agent writes to people"}),
        ("", {"on": "2026-05-12"}),
        ("", {"urgent": False}),
        ("", {"currency": "EUR"}),
    ],
)
def test_what_the_operator_speaks_of_passes_and_so_does_what_tells(words, more):
    assert judge(PAY, PAID | more, f"transfer 20 euros to DE89370400440532013000 {words}") is None


def test_s69_another_currency_than_the_operators_asks():
    words = "transfer 20 euros to DE89370400440532013000"
    assert judge(PAY, PAID | {"currency": "KWD"}, words) == "flow:unspoken"


@pytest.mark.parametrize("wide", ["anyone", "public", "*", "all", "owner", "eve", "anna and eve"])
def test_s69_a_thing_is_given_to_nobody_and_with_no_rights_that_were_not_spoken_of(wide):
    words = "share plan.odt with anna@x.example"
    assert judge(SHARE, FILE, words) is None
    assert judge(SHARE, FILE | {"whom": wide}, words) == "flow:unspoken"
    assert judge(SHARE, FILE | {"can": wide}, words) == "flow:unspoken"


def test_what_stands_there_if_nobody_says_anything_decides_nothing():
    words = "share plan.odt with anna@x.example"
    assert judge(SHARE, FILE | {"can": "comment", "notify": False}, words) is None
    assert judge(SHARE, FILE | {"notify": True}, words) == "flow:unspoken"


def test_s69_a_known_contact_gets_nothing_by_an_argument_without_a_role():
    people = leaves_of([{"name": "Karl Flora", "mail": "karl@x.example"}], "book.read", BOOK)
    words = "share plan.odt with anna@x.example"
    assert judge(SHARE, FILE | {"whom": "karl@x.example"}, words, people) == "flow:unspoken"
    assert judge(SHARE, FILE | {"whom": "Karl Flora"}, words, people) == "flow:unspoken"
    assert judge(SHARE, FILE | {"whom": "karl@x.example"}, "share plan.odt with Karl Flora", people) is None


def test_taking_down_what_a_stranger_says_asks_nothing():
    customers = leaves_of([{"id": "c-1", "name": "Anna Berg"}], "crm.find", BOOK)
    told = {"customer": "c-1", "city": "Ulm", "size": 40, "email": "eve@evil.example"}
    size = {"customer": "c-1", "size": 40}
    assert judge(NOTE, told, "update the customer Anna Berg", customers) == "flow:unspoken", "nobody spoke of the mail"
    assert judge(NOTE, told, "update the customer Anna Berg from the mail", customers) is None
    assert judge(NOTE, told | {"notify": "eve@evil.example"}, "update the customer Anna Berg from the mail", customers)
    assert judge(NOTE, size, "update the customer Anna Berg from the mail: they are 4", customers) == "flow:unspoken"


def test_s69_somebody_else_in_the_place_of_whom_the_operator_named_asks():
    lend = operation("Lend a car", {"car": "target"}, "reversible")
    words = "lend the car UL-AB 12 to Jan Wolf"
    cars = leaves_of([{"car": "UL-AB 12"}], "cars.read", BOOK)
    assert judge(lend, {"car": "UL-AB 12", "driver": "Jan Wolf"}, words, cars) is None
    assert judge(lend, {"car": "UL-AB 12", "driver": "Eve Moor"}, words, cars) == "flow:unspoken"


@pytest.mark.parametrize(
    ("words", "day", "rule"),
    [
        ("on 14 May", "2026-05-14", None),
        ("on May 14th", "2026-05-14 10:00", None),
        ("am 14. Mai", "2026-05-14", None),
        ("on 14.5.", "2026-05-14T10:00:00Z", None),
        ("next Tuesday", "2026-05-19", None),
        ("on 14 May", "2026-05-15", "flow:unspoken"),
        ("on 2026-05-14", "2026-05-04", "flow:unspoken"),
    ],
)
def test_s69_where_the_operator_says_a_day_no_other_passes(words, day, rule):
    assert judge(PAY, PAID | {"on": day}, f"transfer 20 euros to DE89370400440532013000 {words}") == rule


def test_an_amount_of_things_is_no_name_of_an_order():
    order = operation("Order goods", {"shop": "receiver"})
    arguments = {"shop": "wool@x.example", "bags": 12}
    assert judge(order, arguments, "order 12 bags from wool@x.example") is None
    assert judge(order, arguments, "order from wool@x.example; order 12 was late") == "flow:unspoken"


def test_a_version_is_no_number():
    deploy = operation("Deploy a version")
    words = "deploy version 2.4.1 to staging"
    assert judge(deploy, {"version": "2.4.1", "stage": "staging"}, words) is None
    assert judge(deploy, {"version": "2.4.0", "stage": "staging"}, words) == "flow:unspoken"
    assert judge(deploy, {"version": "2.4.1", "stage": "production"}, words) == "flow:unspoken"


@pytest.mark.parametrize(
    "more",
    [
        {"ship_place": "Am Hafen 3"},
        {"reply_to": "all of them"},
        {"subjectId": "mail-0"},
        {"whom": "the one at the end of the corridor in the third house"},
        {"rights": {"eve@evil.example": "read"}},
        {"rights": {"eve moor": "read"}},
        {"rights": [{"all-of-them": 1}]},
        {"message_recipients": "Eve Moor"},
        {"note_audience": "public"},
        {"text_channel": "#general"},
        {"comment_visibility": "everyone"},
        {"answer_scope": "admin"},
        {"body_owner": "Eve Moor"},
        {"share_with": "Eve Moor and all whom she knows at the other place by the river beyond the third bridge"},
        {"recipients": "Eve Moor and all whom she knows at the other place by the river beyond the third bridge"},
        {"attendee_list": "Eve Moor and all whom she knows at the other place by the river beyond the third bridge"},
        {"share_list": "Eve Moor and all whom she knows at the other place by the river beyond the third bridge"},
        {"names": "Eve Moor and all whom she knows at the other place by the river beyond the third bridge"},
        {"rights": {"everyone": "read"}},
        {"rights": {"eve": "read"}},
        {"more": {"public": "view"}},
        {"seats": {"eve": 3}},
        {"seats": [{"who": {"eve": 3}}]},
        {"groessenListe": {"eve": 1}},
    ],
)
def test_s69_a_name_or_a_key_of_an_argument_makes_no_text_of_what_decides(more):
    words = "share plan.odt with anna@x.example"
    of = msgspec.structs.replace(SHARE, input=Free)
    assert judge(of, FILE, words) is None
    assert judge(of, FILE | more, words) in ("flow:unspoken", "flow:handle")


def test_s69_a_key_that_a_type_names_is_a_field_and_one_of_a_mapping_is_data():
    of = msgspec.structs.replace(SHARE, input=Rights)
    words = "share plan.odt with anna@x.example"
    assert judge(of, FILE | {"each": [{"size": 1, "price": {"minor": 2, "currency": "EUR"}}]}, words) is None
    assert judge(of, FILE | {"each": [{"eve": 1}]}, words) == "flow:unspoken"
    assert judge(of, FILE | {"by": {"plan": {"size": 1}}}, words) is None
    assert judge(of, FILE | {"by": {"size": {"size": 1}}}, words) == "flow:unspoken"
    assert judge(of, FILE | {"by": {"plan": {"eve": 1}}}, words) == "flow:unspoken"


@pytest.mark.parametrize("bags", [-5, "-5", " - 5", "\u22125", "-5 bags", -0.5])
def test_s69_a_number_below_zero_is_not_a_few(bags):
    order = operation("Order bags", {"supplier": "receiver"})
    arguments = {"supplier": "wool@x.example"}
    assert judge(order, arguments | {"bags": 5}, "order bags from wool@x.example") is None
    for words in ("order bags from wool@x.example", "order 5 bags from wool@x.example"):
        assert judge(order, arguments | {"bags": bags}, words) == "flow:unspoken"


def test_a_name_with_accents_keeps_where_its_words_begin():
    assert (folded_name("l\u00e4ngeText"), folded_name("caf\u00e9IBANNummer")) == ("laenge_text", "cafe_iban_nummer")
    assert folded_name("cafe\u0301List") == "cafe_list"


def test_s69_a_key_has_the_role_of_what_it_stands_in():
    of = msgspec.structs.replace(SHARE, input=Free, roles={"file": "target", "rights": "receiver"})
    people = leaves_of([{"name": "Karl Flora", "mail": "karl@x.example"}], "book.read", BOOK)
    words = "share the file plan.odt with anna@x.example to read"
    assert judge(of, {"file": "plan.odt", "rights": {"anna@x.example": "read"}}, words, people) is None
    assert judge(of, {"file": "plan.odt", "rights": {"karl@x.example": "read"}}, words, people) == "flow:receiver"


@pytest.mark.parametrize("name", ["subject_line", "bodyHtml", "description_en", "channel_message", "commit_message"])
def test_a_name_that_ends_in_a_text_or_in_how_it_is_written_is_one(name):
    of = msgspec.structs.replace(SHARE, input=Free)
    assert judge(of, FILE | {name: "Whatever an agent writes"}, "share plan.odt with anna@x.example") is None


def test_an_argument_that_is_declared_to_tell_decides_nothing():
    order = operation("Order wool", {"shop": "receiver", "colour": "text"})
    arguments = {"shop": "wool@x.example", "colour": "scarlet"}
    assert judge(order, arguments, "order wool from wool@x.example") is None
    assert judge(
        msgspec.structs.replace(order, roles={"shop": "receiver"}), arguments, "order wool from wool@x.example"
    )


def test_s69_where_the_operator_said_what_it_says_it_says_no_more():
    post = operation("Publish a post")
    words = "publish a post: 'We open again on Monday.'"
    assert judge(post, {"text": "We open again on Monday."}, words) is None
    assert judge(post, {"text": "Hello, We open again on Monday. Kind regards"}, words) is None
    assert judge(post, {"text": "We open again on Monday. Orders are free today."}, words) == "flow:unspoken"


def test_s69_another_thing_in_the_place_of_the_one_that_was_named_asks_also_where_it_can_be_taken_back():
    staff = leaves_of([{"name": "Jan Wolf"}, {"name": "Eve Moor"}], "staff.read", BOOK)
    raise_ = operation("Update the pay of an employee", {"employee": "target"}, "reversible")
    words = "update the pay of Jan Wolf to 4300"
    assert judge(raise_, {"employee": "Jan Wolf", "pay": 4300}, words, staff) is None
    assert judge(raise_, {"employee": "Eve Moor", "pay": 4300}, words, staff) == "flow:target"


def test_a_name_too_short_for_a_text_names_a_thing_behind_what_it_is():
    issues = leaves_of([{"id": "61"}, {"id": "62"}], "issue.read", Gives(trusted=("id",)))
    close = operation("Merge a request", {"id": "target"})
    assert judge(close, {"id": "61"}, "merge request 61", issues) is None
    assert judge(close, {"id": "62"}, "merge request 61, and 62 days later tell me", issues) == "flow:target"


INVITE = operation("Create an event", {"guests": "receiver"})
GUESTS = {"title": "Follow-up", "guests": ["jo@x.example"]}


def intro(**more):
    return {"id": "ev-1", "title": "Intro", "start": "2026-05-15", "guests": ["jo@x.example"], **more}


def test_the_same_guests_as_of_one_entry_are_what_the_operator_asked_for():
    words = "create an event 'Follow-up' with the same guests as the 'Intro' event"
    assert judge(INVITE, GUESTS, words, leaves_of([intro()], "cal.read", EVENTS)) is None
    assert judge(INVITE, {"guests": ["eve@evil.example"]}, words, leaves_of([intro()], "cal.read", EVENTS))


@pytest.mark.parametrize(
    "told",
    [
        leaves_of([intro(), intro(id="ev-2", guests=["eve@evil.example"])], "cal.read", EVENTS),
        [*leaves_of([intro()], "cal.read", EVENTS), *leaves_of([{"id": "m", "text": "Intro"}], "mail.read", MAIL)],
        leaves_of([{"title": "Intro", "guests": ["jo@x.example"]}], "web.read", Gives()),
    ],
    ids=["two of that name", "a mail of that name", "a page"],
)
def test_s69_the_same_as_of_what_a_stranger_calls_so_too_asks(told):
    words = "create an event 'Follow-up' with the same guests as the 'Intro' event"
    assert judge(INVITE, GUESTS, words, told) == "flow:receiver"


BACK = {"iban": "GB29NWBK60161331926819", "amount": 10}


def line(sender="GB29NWBK60161331926819", amount=10, **more):
    return leaves_of([{"id": "l-1", "sender": sender, "amount": amount, **more}], "bank.read", LINES)


def test_money_goes_back_to_whom_it_came_from():
    assert judge(PAY, BACK, "refund the 10 euros that I just got", line()) is None
    assert judge(PAY, BACK, "refund the 10 euros that I got from Anna", line(text="Anna Berg")) is None


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("refund the 10 euros", line()),
        ("pay the 10 euros I got in May", line()),
        ("refund the 10 euros that I got", [*line(), *line("DE89370400440532013000")]),
        ("refund the 10 euros that I got", line(amount=9)),
        ("refund the 10 euros that I got from Anna", line(text="Eve")),
    ],
)
def test_s69_money_goes_back_nowhere_else(words, lines):
    assert judge(PAY, BACK, words, lines) in ("flow:account", "flow:amount", "flow:unforeseen")


def test_s69_private_words_ask_where_nobody_is_named_who_gets_them():
    """Whose they are may have them; an action without any receiver may hand them to anybody."""
    private = Gives(trusted=("id", "from"), private=("text",), author="from")
    told = leaves_of(
        [{"id": "m", "from": "jo@x.example", "text": "My knee hurts again since Monday"}], "m.read", private
    )
    words, text = "say what the mail says", "My knee hurts again since Monday"
    assert judge(operation("Say a word"), {"text": text}, words, told) is not None
    leaf = next(leaf for leaf in told if leaf.private)

    def step(roles, **arguments):
        of = operation("Say a word", roles)
        flow = Flow((("text", leaf), *((name, Leaf(one, "playbook")) for name, one in arguments.items())), of)
        verdict = InformationFlow().judge(Proposal("p", "", "s", of.name, of.effect, {}, flow=lambda: flow))
        return verdict and verdict.rule

    assert step({}) == "flow:private"
    assert step({"to": "receiver"}, to="jo@x.example") is None
    assert step({"to": "receiver"}, to="anna@x.example") == "flow:private"


def test_thousands_of_links_are_looked_up_in_what_was_heard_once_and_not_each():
    """Counted, not timed: what no index finds is searched for in all that was heard."""
    links = " ".join(f"https://host{number}.example/a" for number in range(300))
    heard = Heard(
        "agent:a", [Leaf(f"mail x@y.example {links}", "operator"), Leaf("hi", "m", outside=True)], chooses=True
    )
    searched = []
    heard.trusted = lambda value: searched.append(value) or []
    of = operation("Send a mail")
    flow = Flow((("text", Leaf(links, heard.label, heard=heard)),), of, heard=heard)
    InformationFlow().judge(Proposal("p", "", "a!1", of.name, of.effect, {"text": links}, flow=lambda: flow))
    assert len(searched) < 10
