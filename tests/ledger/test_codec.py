from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay import events as e
from mainstay.encoding import decode_value, encode_value
from mainstay.errors import LedgerError
from mainstay.ledger import codec
from mainstay.ledger.codec import decode_fact, encode_fact
from mainstay.values import BlobRef, Sealed

BLOBS = st.builds(BlobRef, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**40), st.text())
SEALED = st.builds(Sealed, st.text(), st.binary(max_size=12), st.binary(max_size=40))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS | BLOBS | SEALED, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
# What outside data can be: it looks like a mark, but is plain.
IMITATIONS = st.fixed_dictionaries(
    {"type": st.sampled_from(["BlobRef", "Sealed"]), "digest": st.text(), "size": st.integers(0, 9)}
)


@given(VALUES)
def test_every_plain_value_comes_back_as_it_was(value):
    assert decode_value(encode_value(value)) == value


@given(VALUES, VALUES, VALUES)
def test_l3_marks_come_back_wherever_they_stand_in_a_fact(output, arguments, undo):
    fact = e.EffectDone("a", output, ("mail",), e.Undo("mail.recall", {"arguments": undo}))
    assert decode_fact("EffectDone", 1, encode_fact(fact)) == fact
    step = e.StepCompleted("a", output, arguments=arguments)
    assert decode_fact("StepCompleted", 1, encode_fact(step)) == step


@given(IMITATIONS)
def test_l3_outside_data_can_not_imitate_a_mark(imitation):
    fact = decode_fact("StepCompleted", 1, encode_fact(e.StepCompleted("a", [imitation])))
    assert type(fact.output[0]) is dict


@pytest.mark.parametrize(
    "value", [msgspec.msgpack.Ext(1, b""), b"bytes", (1, 2), {1: "a"}, {"a": {2, 3}}, [msgspec.Raw(b"\xc0")]]
)
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(TypeError):
        encode_fact(e.StepCompleted("a", value))


@pytest.mark.parametrize("value", ["\ud800", 2**70])
def test_what_has_no_bytes_is_refused(value):
    with pytest.raises((ValueError, OverflowError)):
        encode_fact(e.StepCompleted("a", [value]))


def test_a_mark_as_a_typed_field_comes_back():
    fact = e.PlanProposed(BlobRef("ab" * 32, 3), "reconcile", "A title", {"file": BlobRef("cd" * 32, 4)})
    assert decode_fact("PlanProposed", 1, encode_fact(fact)) == fact


@pytest.mark.parametrize("kind", list(codec.KINDS))
def test_every_kind_of_fact_can_be_encoded(kind):
    codec._value_fields(codec.KINDS[kind])
    assert codec.KINDS[kind].version >= 1


def test_l10_an_old_version_is_lifted_step_by_step(monkeypatch):
    monkeypatch.setattr(e.PlanApproved, "version", 3)
    monkeypatch.setitem(codec.UPCASTERS, ("PlanApproved", 1), lambda old: {**old, "who": old.pop("user")})
    monkeypatch.setitem(codec.UPCASTERS, ("PlanApproved", 2), lambda old: {"type": old["type"], "by": old["who"]})
    old = msgspec.msgpack.encode({"type": "PlanApproved", "user": "you"})
    assert decode_fact("PlanApproved", 1, old) == e.PlanApproved("you")


def test_l10_a_renamed_kind_is_lifted_under_its_old_name(monkeypatch):
    monkeypatch.setitem(codec.UPCASTERS, ("PlanAllowed", 0), lambda old: {"type": "PlanApproved", "by": old["by"]})
    old = msgspec.msgpack.encode({"type": "PlanAllowed", "by": "you"})
    assert decode_fact("PlanAllowed", 0, old) == e.PlanApproved("you")


def nothing(old):
    del old


@pytest.mark.parametrize("lift", [lambda old: {**old, "by": old["user"]}, nothing, lambda old: old.pop("type") and old])
def test_l10_a_fact_that_can_not_be_lifted_is_named_with_its_version(monkeypatch, lift):
    monkeypatch.setattr(e.PlanApproved, "version", 2)
    monkeypatch.setitem(codec.UPCASTERS, ("PlanApproved", 1), lift)
    with pytest.raises(LedgerError, match=r"PlanApproved of version 1 can't be lifted to version 2: ") as raised:
        decode_fact("PlanApproved", 1, msgspec.msgpack.encode({"type": "PlanApproved", "by": "you"}))
    assert "the release that wrote it" in raised.value.remedy


def test_l10_a_fact_that_was_lifted_into_what_it_may_not_be_is_named(monkeypatch):
    monkeypatch.setattr(e.PlanApproved, "version", 2)
    monkeypatch.setitem(codec.UPCASTERS, ("PlanApproved", 1), lambda old: {**old, "by": 7})
    with pytest.raises(LedgerError, match=r"PlanApproved \(version 1\) can't be read: Expected `str`"):
        decode_fact("PlanApproved", 1, encode_fact(e.PlanApproved("you")))


@pytest.mark.parametrize(("kind", "version"), [("PlanApproved", 99), ("Unheard", 1)])
def test_l10_facts_of_another_release_are_named(kind, version):
    with pytest.raises(LedgerError, match=f"does not know {kind} version {version}"):
        decode_fact(kind, version, encode_fact(e.PlanApproved("you")))


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x81\xa4type\xa9StepStuck"])
def test_a_damaged_body_is_a_ledger_error(body):
    with pytest.raises(LedgerError, match="can't be read"):
        decode_fact("PlanApproved", 1, body)


def test_l3_marks_inside_a_list_of_structs_come_back():
    fact = e.PlanForked("old", "b", (e.Adopted("a", BlobRef("ab" * 32, 5)), e.Adopted("b", {"x": [1, "two"]})))
    assert decode_fact("PlanForked", 1, encode_fact(fact)) == fact
