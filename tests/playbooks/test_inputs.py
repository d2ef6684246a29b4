import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_catalogue import SmallCatalogue

from mainstay.errors import FileError, InputError
from mainstay.playbooks.compile import compile_playbook
from mainstay.playbooks.inputs import check_filled, read_inputs
from mainstay.values import BlobRef, Money

SOURCE = """
playbook: p
inputs:
  statement: {type: file}
  price: {type: money, default: "1500.00 EUR"}
  count: {type: int, default: "3"}
  fast: {type: bool, default: "false"}
  on: {type: date, default: "2026-11-21"}
  at: {type: time, default: "2026-11-21T10:00:00+01:00"}
  pause: {type: duration, default: 2h}
  tone: {type: "choice(friendly, firm)", default: firm}
  words: {type: list(text), default: ""}
  who: {type: text, default: ""}
  bill: {type: record(invoice), default: ""}
steps: {a: {do: files.write, with: {path: "x"}}}
""".replace(', default: ""', "").replace("words: {type: list(text)}", "words: {type: list(text)}")


def definition():
    return compile_playbook(SOURCE, SmallCatalogue(), file="p.yaml")


def pin(path):
    if path == "missing.xml":
        raise FileError("there is no file 'missing.xml'")
    return {"name": path, "blob": BlobRef("d", 1, path)}


GIVEN = ["statement=a.xml", "words=x", "words=y", "who=me", 'bill={"number": "R1"}']


def test_inputs_become_plain_values_of_their_types_and_defaults_fill_in():
    assert read_inputs(definition(), GIVEN, pin) == {
        "statement": {"name": "a.xml", "blob": BlobRef("d", 1, "a.xml")},
        "price": {"minor": 150_000, "currency": "EUR"},
        "count": 3,
        "fast": False,
        "on": "2026-11-21",
        "at": "2026-11-21T09:00:00Z",
        "pause": 7200,
        "tone": "firm",
        "words": ["x", "y"],
        "who": "me",
        "bill": {"number": "R1"},
    }


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["statment=a.xml"], "p has no input 'statment'; did you mean 'statement'?"),
        (["statement"], "'statement' is not name=value"),
        ([], "the input 'statement': it is missing; give statement=path/to/file"),
        (["statement=missing.xml"], "the input 'statement': there is no file 'missing.xml'"),
        (["price=1,50"], "the input 'price': '1,50' is not an amount such as '1500.00 EUR'"),
        (["count=two"], "the input 'count': 'two' is not a whole number"),
        (["price=12,50 EUR"], "did you mean '12.50 EUR'?"),
        (["count=" + "9" * 40], "the input 'count': '99999999999999999999'... is too large a number"),
        (['words=["a","b"]'], "looks like a list; give each by itself: words=a words=b"),
        (["words=a@x.org,b@x.org"], "looks like a list"),
        (["words=[]"], "looks like a list"),
        (["fast=maybe"], "the input 'fast': 'maybe' is neither yes nor no"),
        (["on=21.11.2026"], "the input 'on': '21.11.2026' is not a date such as 2026-11-21"),
        (["on=2026-02-30"], "the input 'on': '2026-02-30' is not a date such as 2026-11-21"),
        (["at=2026-11-21T10:00:00"], "the input 'at': '2026-11-21T10:00:00' does not say its time zone, such as"),
        (["pause=2 hours"], "the input 'pause': '2 hours' is not a duration such as '15m', '2h' or '3d'"),
        (["tone=frim"], "the input 'tone': 'frim' is not one of friendly, firm; did you mean 'firm'?"),
        (["who=a", "who=b"], "the input 'who': it was given more than once"),
        (["bill=R1"], "the input 'bill': this is not JSON"),
        (['bill={"nmber": 1}'], "the input 'bill': record(invoice) has no field 'nmber'; did you mean 'number'?"),
        (["bill=[]"], "the input 'bill': it must be an object in JSON"),
        (["who=a\0b"], "the input 'who': it holds a NUL character"),
    ],
)
def test_a_wrong_input_is_named_with_what_it_should_be(pairs, said):
    with pytest.raises(InputError) as raised:
        read_inputs(definition(), pairs, pin)
    assert said in raised.value.message
    assert raised.value.remedy.startswith("p takes: statement=path/to/file")


def test_a_list_filled_in_on_one_line_of_a_page_is_refused_in_no_word_of_a_command_line():
    with pytest.raises(InputError) as raised:
        check_filled(definition(), ["words=a@x.org, b@x.org", "count=two"], partly=True)
    assert "'Words': 'a@x.org, b@x.org' looks like a list; write each on a line of its own." in raised.value.message
    assert "'Count': 'two' is not a whole number" in raised.value.message
    assert "words=" not in raised.value.message


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_money_that_is_written_is_read_as_itself(minor, currency):
    money = Money(minor, currency)
    given_money = f"price={money.decimal:f} {currency}"
    assert read_inputs(definition(), [*GIVEN, given_money], pin)["price"] == {"minor": minor, "currency": currency}


def test_s47_an_input_that_looks_like_an_expression_is_text():
    assert read_inputs(definition(), [*GIVEN[:3], "who== 1 + 1", GIVEN[4]], pin)["who"] == "= 1 + 1"


def test_yes_is_true_and_a_list_may_be_empty_where_it_need_not_be_given():
    optional = SOURCE.replace("words: {type: list(text)}", "words: {type: list(text), default: }")
    plan = compile_playbook(optional, SmallCatalogue(), file="p.yaml")
    given_now = ["statement=a.xml", "fast=Yes", "words=", "who=me", GIVEN[4]]
    values = read_inputs(plan, given_now, pin)
    assert (values["fast"], values["words"]) == (True, [])


def test_what_has_to_be_given_is_not_empty_and_the_usage_shows_a_list_twice():
    with pytest.raises(InputError) as raised:
        read_inputs(definition(), ["statement=a.xml", "words=", "who= ", GIVEN[4]], pin)
    assert "the input 'words': it is empty" in raised.value.message
    assert "the input 'who': it is empty" in raised.value.message
    assert "words=... words=..." in raised.value.remedy


def test_a_playbook_with_nothing_required_has_no_stray_comma_in_its_usage():
    plan = compile_playbook(
        "playbook: q\ninputs: {n: {type: int, default: 3}}\nsteps: {a: {do: files.write, with: {path: x}}}\n",
        SmallCatalogue(),
        file="q.yaml",
    )
    with pytest.raises(InputError) as raised:
        read_inputs(plan, ["n=x"], pin)
    assert raised.value.remedy == "q takes: if you like n."
