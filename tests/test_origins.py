"""A label is never lost: whatever a stranger may have written counts as theirs until it is found elsewhere (P1)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mainstay.origins import ALL, Gives, Heard, Leaf, leaf_paths, leaves_of, numbers_in, placed_leaves_of, trace

NAMES = st.sampled_from(["id", "text", "sender", "lines", "City Hub", "a b"])
SCALARS = st.one_of(st.text(max_size=12), st.integers(-999, 999), st.floats(0, 9, allow_nan=False), st.booleans())
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
WORDS = st.text(alphabet="abcdefgh ", min_size=4, max_size=30)


@given(VALUES)
def test_p1_every_leaf_of_what_a_connector_gives_is_a_strangers_unless_its_field_is_declared(value):
    leaves = placed_leaves_of(value, "test.read", Gives(trusted=("id", "lines.id")))
    assert all(
        leaf.outside == (leaf.field not in ("id", "lines.id") and not leaf.field.startswith(("id.", "lines.id.")))
        for _, leaf in leaves
    )
    placed = {place for place, _ in leaves}
    assert {place for place, _ in leaf_paths(value)} <= placed


@given(VALUES, WORDS, st.lists(WORDS, max_size=4))
def test_p1_what_an_agent_says_is_a_strangers_unless_it_stands_in_what_is_not(value, said, own):
    told = [*leaves_of(value, "test.read", Gives()), *(Leaf(word, "operator") for word in own)]
    heard = Heard("agent:a", told, chooses=True)
    source = trace(Leaf(said, "agent:a", heard=heard))
    if not source.outside:
        assert not heard.tainted or heard.own_words(said) is not None


@given(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_p1_a_label_goes_through_any_number_of_agents(text, request, more):
    heard = Heard("agent:a", [Leaf(text, "mail.read", outside=True), Leaf(request, "operator")], chooses=True)
    for number, word in enumerate(more):
        heard = Heard(f"agent:{number}", [Leaf(text, heard.label, heard=heard), Leaf(word, "playbook")], chooses=True)
    source = trace(Leaf(text, heard.label, heard=heard))
    assert source.outside == (heard.own_words(text) is None and not any(_holds(one, text) for one in [request, *more]))


def _holds(text, sought):
    return Heard("", [Leaf(text, "operator")]).says(sought)


@given(WORDS)
def test_p1_what_stands_nowhere_is_a_strangers_once_anything_was(text):
    outside = Leaf("0123 and nothing of the kind", "mail.read", outside=True)
    assert trace(Leaf(text, "agent:a", heard=Heard("agent:a", [outside], chooses=True))).outside
    assert not trace(Leaf(text, "agent:a", heard=Heard("agent:a", [], chooses=True))).outside


def test_short_texts_are_found_only_whole_and_numbers_only_as_numbers():
    heard = Heard("agent:a", [Leaf("move 5 of the 12 to box 7b", "operator")], chooses=True)
    assert heard.says(5)
    assert heard.says(12)
    assert not heard.says(7)
    assert not heard.says("box")
    assert not heard.says("5")


def test_dates_and_times_hold_no_amounts():
    assert numbers_in("on 2024-05-26 at 10:30, pay 1,200.50", "on 2024-05-26 at 10:30, pay 1,200.50") == {1200.5}
    assert numbers_in("1.200,50", "1.200,50") == {1200.5}
    assert numbers_in("1.200", "1.200") == {1200.0, 1.2}
    assert numbers_in("12.50", "12.50") == {12.5}
    assert numbers_in("1,234,567", "1,234,567") == {1234567.0}


def test_accounts_are_found_in_groups_and_addresses_only_whole():
    heard = Heard(
        "agent:a", [Leaf("pay DE89 3704 0044 0532 0130 00, tell anna@x.example.org", "operator")], chooses=True
    )
    assert heard.says("DE89370400440532013000")
    assert not heard.says("anna@x.example")
    assert not heard.says("nna@x.example.org")


def test_a_record_is_named_by_a_text_that_no_other_record_holds():
    gives = Gives(trusted=("id",))
    value = [
        {"id": "a1b2", "title": "Yoga class"},
        {"id": "c3d4", "title": "Dentist"},
        {"id": "e5f6", "title": "Dentist"},
    ]
    heard = Heard("agent:a", [*leaves_of(value, "cal.read", gives), Leaf("move yoga class, dentist", "operator")])
    named = {leaf.value: heard.names_record(leaf, by_strangers=True) for leaf in heard.leaves if leaf.field == "id"}
    assert named == {"a1b2": True, "c3d4": False, "e5f6": False}
    assert not any(heard.names_record(leaf, by_strangers=False) for leaf in heard.leaves if leaf.field == "id")


def test_keys_that_are_data_are_leaves_and_tell_of_what_they_lead_to():
    leaves = leaves_of({"Le Baratin": "20 Rue Jouye", "Breizh": "109 Rue"}, "food.read", Gives(trusted=ALL))
    heard = Heard("agent:a", [*leaves, Leaf("book Le Baratin", "operator")])
    found = {leaf.value: heard.names_record(leaf, by_strangers=False) for leaf in leaves}
    assert found["20 Rue Jouye"]
    assert not found["109 Rue"]
