from __future__ import annotations

import hashlib

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mainstay.ledger import chain
from mainstay.ledger.chain import StoredRecord, Unreadable, verify
from mainstay.ledger.codec import CODEC_VERSION

# The first draw of a text makes Hypothesis' table of all characters: seconds on a busy machine, and no fault of ours.
patient = settings(suppress_health_check=[HealthCheck.too_slow])

ENVELOPE = ("plan:p", 1, "StepCompleted", 1, 5, "test", "", "p")


def records(count: int) -> list[StoredRecord]:
    made: list[StoredRecord] = []
    digest = chain.GENESIS
    for position in range(1, count + 1):
        envelope = ("plan:p", position, "StepCompleted", 1, 1000 + position, "test", "", "p")
        body = b"body %d" % position
        digest = chain.link(digest, position, envelope, body)
        made.append(StoredRecord(position, *envelope, body, digest))
    return made


def test_a_whole_chain_is_whole():
    made = records(9)
    found = verify(made)
    assert (found.whole, found.records, found.head) == (True, 9, made[-1].digest.hex())
    assert verify([]).whole


@patient
@given(st.integers(0, 8), st.sampled_from(StoredRecord._fields), st.data())
def test_l2_any_altered_field_is_named_at_its_record(index, field, data):
    made = records(9)
    old = getattr(made[index], field)
    kind = {int: st.integers(0, 2**62), str: st.text(), bytes: st.binary()}[type(old)]
    made[index] = made[index]._replace(**{field: data.draw(kind.filter(lambda new: new != old))})
    found = verify(made)
    assert (found.bad, found.records) == (index + 1, index)


def test_l2_a_removed_record_is_named():
    made = records(9)
    del made[4]
    found = verify(made)
    assert found.bad == 5
    assert "record 5 is missing" in found.why


def test_l2_a_removed_record_whose_successors_moved_up_is_named():
    made = records(9)
    del made[4]
    made[4:] = [record._replace(position=record.position - 1) for record in made[4:]]
    assert verify(made).bad == 5


def test_l2_swapped_records_are_named():
    made = records(9)
    made[3], made[4] = made[4]._replace(position=4), made[3]._replace(position=5)
    found = verify(made)
    assert found.bad == 4
    assert "not in its place" in found.why


def test_a_record_that_can_not_be_read_is_named():
    assert verify([*records(3), Unreadable("page 7")]).bad == 4


def test_a_cut_tail_is_not_seen_inside_the_chain():
    assert verify(records(9)[:5]).whole  # it is found against the head or an anchor


def test_progress_is_reported(monkeypatch):
    monkeypatch.setattr(chain, "REPORT_EVERY", 3)
    seen: list[int] = []
    verify(records(7), seen.append)
    assert seen == [3, 6]


@patient
@given(st.text(), st.text())
def test_l2_no_two_envelopes_are_linked_alike(actor, cause):
    one = chain.link(chain.GENESIS, 1, (*ENVELOPE[:5], actor, cause, "p"), b"")
    other = chain.link(chain.GENESIS, 1, (*ENVELOPE[:5], actor + cause, "", "p"), b"")
    assert (one == other) == (cause == "")


def test_l2_a_link_is_blake2b_256_over_the_link_before_and_the_envelope_with_position_codec_and_body_digest():
    body = hashlib.blake2b(b"the body", digest_size=32).digest()
    parts = [7, CODEC_VERSION, "plan:p", 1, "StepCompleted", 1, 5, "test", "", "p", body]
    expected = hashlib.blake2b(chain.GENESIS + msgspec.msgpack.encode(parts), digest_size=32).digest()
    assert chain.link(chain.GENESIS, 7, ENVELOPE, b"the body") == expected
