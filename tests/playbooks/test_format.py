from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.errors import PlaybookError
from mainstay.playbooks.format import MAX_BYTES, Listing, Mapping, Scalar, read_yaml

TEXT = "; if it is text, put it in quotes"
REFUSED = {
    "a tag": (
        "a: !!python/object:os.system x",
        f"p:1:4: the tag 'tag:yaml.org,2002:python/object:os.system': playbooks have no tags{TEXT}",
    ),
    "a local tag": ("a: !x 1", f"p:1:4: the tag '!x': playbooks have no tags{TEXT}"),
    "an anchor": ("a: &x 1", f"p:1:4: the anchor '&x': playbooks have no anchors{TEXT}"),
    "an alias bomb": (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        f"p:1:4: the anchor '&a': playbooks have no anchors{TEXT}"),
    "an alias alone": ("a: *x", f"p:1:4: the alias '*x': write the value where it is used{TEXT}"),
    "a merge": ("a: 1\n<<: {b: 2}", "p:2:1: the merge '<<': write the keys where they are used"),
    "a key twice": ("a: 1\nb: 2\na: 3", "p:3:1: the key 'a' stands here twice"),
    "a second document": ("a: 1\n---\nb: 2", "p:2:1: a second document ('---') in one playbook"),
    "a directive": ("%YAML 1.1\n---\na: 1", "p:2:1: a YAML directive ('%')"),
    "a key that is a list": ("? [a, b]\n: 1", "p:1:3: a key must be a plain word"),
    "nothing": ("", "p:1:1: the playbook is empty"),
    "depth": ("a: " + "[" * 30 + "]" * 30, "p:1:24: more than 20 levels inside each other"),
    "size": ("a: " + "x" * MAX_BYTES, "p:1:1: the file is larger than 256 KB"),
    "a tab": ("a:\n\t- b", "p:2:1: a tab: YAML is indented with spaces"),
    "a colon in a text": (
        "title: a: b",
        "p:1:9: a second colon in one line; if a text holds it, put it in quotes",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "finding"), REFUSED.values(), ids=REFUSED)
def test_s52_what_yaml_can_do_beyond_plain_data_is_refused_with_its_place(source, finding):
    with pytest.raises(PlaybookError) as raised:
        read_yaml(source, "p")
    assert raised.value.findings == (finding,)


def test_all_doubled_keys_are_found_in_one_go():
    with pytest.raises(PlaybookError) as raised:
        read_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n", "p")
    assert len(raised.value.findings) == 2


def test_plain_scalars_stay_text():
    tree = read_yaml("a: 1\nb: true\nc: null\nd: 2026-11-21\ne: 0x10\nf: yes\n", "p")
    assert isinstance(tree, Mapping)
    assert [value.text for value in tree.values.values()] == ["1", "true", "null", "2026-11-21", "0x10", "yes"]


def test_every_node_knows_its_line_and_column():
    tree = read_yaml("a:\n  - {b: 'c', d: [e]}\n", "p")
    assert isinstance(tree, Mapping)
    listing = tree.values["a"]
    assert isinstance(listing, Listing)
    inner = listing.items[0]
    assert isinstance(inner, Mapping)
    assert [str(listing.place), str(inner.place), str(inner.keys["d"].place)] == ["p:2:3", "p:2:5", "p:2:14"]


@pytest.mark.parametrize(
    ("source", "offset", "place"),
    [
        ("a: hello", 2, (1, 6)),
        ("a: 'hello'", 2, (1, 7)),
        ('a: "hello"', 4, (1, 9)),
        ("a: |\n  one\n  two\n", 5, (3, 4)),
        ("a: |\n  one\n\n  two\n", 6, (4, 4)),
        ('a: "x\\ty"', 2, (1, 4)),  # escapes: the place of the text is as near as it gets
    ],
)
def test_a_character_inside_a_text_has_a_place(source, offset, place):
    tree = read_yaml(source, "p")
    assert isinstance(tree, Mapping)
    scalar = tree.values["a"]
    assert isinstance(scalar, Scalar)
    assert scalar.at(offset)[1:] == place


def test_a_plain_text_before_a_comment_is_marked_as_cut():
    tree = read_yaml("a: Invoice #5\nb: 'Invoice' # five\nc: Invoice#5\n", "p")
    assert isinstance(tree, Mapping)
    assert [value.cut for value in tree.values.values()] == ["#", "", ""]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_places(source):
    found = ()
    try:
        read_yaml(source, "p")
    except PlaybookError as error:
        found = error.findings
    assert all(finding.startswith("p:") for finding in found)


@given(st.recursive(st.text(max_size=5), lambda inner: st.lists(inner, max_size=4), max_leaves=20))
def test_places_of_a_list_never_go_back(value):
    tree = read_yaml(f"a: {value_text(value)}", "p")
    assert isinstance(tree, Mapping)
    places = list(places_of(tree))
    assert all(one <= other for one, other in pairwise(places))


def value_text(value):
    if isinstance(value, list):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    return "'" + "".join(letter for letter in value if letter.isalnum()) + "'"


def places_of(node):
    yield node.place
    if isinstance(node, Mapping):
        for value in node.values.values():
            yield from places_of(value)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from places_of(item)
