"""O7: the whole history as lines anybody can read, and back with the same positions and digests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_samples import KEY, NOW_US, PROJECTIONS, append, appended, completed, proposed
from msgspec.msgpack import Ext

from mainstay import events as e
from mainstay.encoding import encode_value
from mainstay.errors import FileError, InputError, LedgerError
from mainstay.ledger import plainjson
from mainstay.ledger.archive import archive
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.exporting import Exported, Opened, export
from mainstay.ledger.importing import Imported, Target, import_lines
from mainstay.ledger.people import PersonKeyring
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.values import BlobRef, Sealed

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.events import Recorded

OTHER_KEY = bytes(range(1, 33))
TEXT = st.text(max_size=8)
BLOBS = st.builds(BlobRef, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**40), TEXT)
SEALED = st.builds(Sealed, TEXT, st.binary(max_size=12), st.binary(max_size=20))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXT
KEYS = TEXT | st.sampled_from(["$blob", "$int", "$map", "type"])
VALUES = st.recursive(
    SCALARS | BLOBS | SEALED, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
TIMES = st.integers(0, 2**52) | st.integers(-(2**62), 2**62)


def opened(folder: Path, key: bytes = KEY) -> Opened:
    return Opened(folder / "ledger.db", key, key, FileBlobs(folder / "blobs", key), "1.0")


def exported(folder: Path, key: bytes = KEY, **more: object) -> tuple[list[bytes], Exported]:
    lines: list[bytes] = []
    done = export(opened(folder, key), lines.append, **more)  # type: ignore[arg-type]
    return lines, done


def imported(folder: Path, lines: list[bytes], beside: Path | None = None) -> tuple[Imported, list[Recorded]]:
    with SqliteLedger(folder / "ledger.db", OTHER_KEY, projected=PROJECTIONS) as ledger:
        target = Target(ledger, FileBlobs(folder / "blobs", OTHER_KEY), OTHER_KEY)
        done = import_lines(target, lines, "acme.jsonl", beside=beside)
    with SqliteLedger(folder / "ledger.db", OTHER_KEY, projected=PROJECTIONS) as ledger:
        assert ledger.verify().whole
        assert ledger.differing() == []
        assert ledger.head() == (done.records, done.digest)
        return done, list(ledger.tail())


@pytest.fixture
def blobs(folder: Path) -> FileBlobs:
    return FileBlobs(folder / "blobs", KEY)


@pytest.fixture
def filled(ledger: SqliteLedger, blobs: FileBlobs, folder: Path) -> SqliteLedger:
    """A history with an archived plan, nested blobs, a person, and all kinds of values."""
    file = blobs.put(b"a,b\n" * 2000, name="statement.csv", media="text/csv")
    value = blobs.put(encode_value({"file": file, "n": 1.0}), media=e.VALUE_MEDIA)
    with PersonKeyring(folder / "ledger.db", KEY, KEY) as people:
        anna = people.find([("name", "Anna Berg"), ("mail", "anna@acme.example")])
        gone = people.find([("name", "Bert")])
        people.flush()
        sealed, lost = people.seal(anna, b"Anna Berg"), people.seal(gone, b"Bert")
        people.destroy([gone], 5, "r1", "{}")
        people.recorded("r1")
    created = e.WorkspaceCreated("Acme", "1.0")
    append(ledger, e.Append("workspace", 0, (e.Draft(created, NOW_US, "operator"),)))
    append(ledger, appended("plan:a", 0, proposed("Straße \x00\u2028"), e.PlanStarted(1), completed("b", value)))
    append(
        ledger, appended("plan:a", 3, completed("c", [sealed, lost, 2**53, 0.1, -0.0, {"$x": 1}]), e.PlanCompleted())
    )
    archive(ledger, 2**62)
    append(ledger, appended("plan:live", 0, proposed("Alive"), e.PlanStarted(1)))
    return ledger


def changed(line: bytes, **more: object) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(line), **more}) + b"\n"


def test_o7_an_export_brings_the_same_positions_digests_and_facts(filled, folder, tmp_path):
    before, head = list(filled.tail()), filled.head()
    lines, out = exported(folder)
    assert (out.records, out.blobs, out.people, out.missing) == (8, 2, 2, 1)  # the samples' definition is no blob
    done, after = imported(tmp_path / "new", lines)
    assert after == before
    assert (done.records, done.digest) == head
    assert (done.blobs, done.people) == (2, 2)


def test_o7_an_export_of_an_import_is_the_same_export(filled, folder, tmp_path):
    lines, _ = exported(folder)
    imported(tmp_path / "new", lines)
    assert exported(tmp_path / "new", OTHER_KEY)[0] == lines


def test_o7_blobs_come_along_also_as_files_beside(filled, folder, tmp_path):
    ref = filled.read("plan:a")[2].fact.output
    lines, _ = exported(folder, beside=tmp_path / "beside")
    assert not any(b"data_base64" in line for line in lines)
    imported(tmp_path / "new", lines, tmp_path / "beside")
    assert FileBlobs(tmp_path / "new" / "blobs", OTHER_KEY).get(ref) == FileBlobs(folder / "blobs", KEY).get(ref)
    with pytest.raises(FileError, match="--blobs"):
        imported(tmp_path / "newer", lines)


def test_o7_l3_people_can_be_read_and_forgotten_after_an_import(filled, folder, tmp_path):
    lines, _ = exported(folder)
    imported(tmp_path / "new", lines)
    sealed, lost = filled.read("plan:a")[3].fact.output[:2]
    with PersonKeyring(tmp_path / "new" / "ledger.db", OTHER_KEY, OTHER_KEY) as people:
        assert people.open(sealed) == b"Anna Berg"
        assert people.open(lost) is None
        assert people.known_as("anna@acme.example") == (sealed.key_id,)
        assert people.find([("mail", "anna@acme.example")]) == sealed.key_id
        assert people.destroyed_at_us(lost.key_id) == 5


def test_o7_l3_a_bank_line_has_the_same_id_after_an_import(filled, folder, tmp_path):
    with PersonKeyring(folder / "ledger.db", KEY, KEY) as people:
        ids = people.id_of("named", [("name", "Anna Berg")]), people.id_of("nobody's", [])
        people.flush()
    imported(tmp_path / "new", exported(folder)[0])
    with PersonKeyring(tmp_path / "new" / "ledger.db", OTHER_KEY, OTHER_KEY) as people:
        assert (people.id_of("named", []), people.id_of("nobody's", [])) == ids
        people.destroy(people.known_as("Anna Berg"), 5, "r2", "{}")
        assert people.id_of("named", []) != ids[0]


def test_o7_every_line_is_a_cloudevent(filled, folder):
    for line in exported(folder)[0]:
        event = json.loads(line)
        assert event["specversion"] == "1.0"
        assert all(event[name] for name in ("id", "source", "type"))
        assert all(name == "data_base64" or (name.isascii() and name.isalnum() and name.islower()) for name in event)
        assert all(type(value) in (str, int) for name, value in event.items() if name != "data")


def test_o7_an_export_can_be_read_without_us(filled, folder):
    lines = [json.loads(line) for line in exported(folder)[0]]
    event = next(line for line in lines if line["type"] == "mainstay.event.PlanProposed")
    assert event["data"]["title"] == "Straße \x00\u2028"
    assert event["time"] == "2026-11-18T11:06:40.000000Z"
    assert (event["subject"], event["sequence"], event["position"]) == ("plan:a", 1, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody"}, {"time": "2020-01-01T00:00:00.000000Z"}, {"position": 4}, {"plan": "other"},
        {"extra": "x"},
        {"data": {}}, {"id": "plan:a@9"}, {"subject": "plan:b"}, {"digest": "00" * 32}, {"bodydigest": "00" * 32},
        {"eventversion": 2}, {"type": "mainstay.event.PlanApproved"}, {"source": "urn:other"}, {"specversion": "2"},
        {"digest": "no"}, {"data": {"type": "PlanStarted", "kernel": 1.0}}, {"data": {"$int": {}}}, {"position": "3"},
        {"type": "mainstay.unheard"}, {"subject": None}, {"codec": 9},
    ],
)  # fmt: skip
def test_l7_an_altered_line_is_named_and_nothing_is_imported(filled, folder, tmp_path, change):
    lines, _ = exported(folder)
    at = next(at for at, line in enumerate(lines) if b"PlanStarted" in line)
    lines[at] = changed(lines[at], **change)
    with pytest.raises(FileError, match=rf"acme.jsonl, line {at + 1}.*: .*; nothing was imported"):
        imported(tmp_path / "new", lines)
    with SqliteLedger(tmp_path / "new" / "ledger.db", OTHER_KEY, projected=PROJECTIONS) as ledger:
        assert ledger.head()[0] == 0


def test_l7_lines_that_are_missing_moved_or_doubled_are_named(filled, folder, tmp_path):
    lines, _ = exported(folder)
    for number, some in enumerate(
        (
            lines[1:],
            lines[:-1],
            lines[:-2] + lines[-1:],
            [*lines, lines[-1]],
            [*lines[:-3], lines[-2], lines[-3], lines[-1]],
        )
    ):
        with pytest.raises(FileError, match="nothing was imported"):
            imported(tmp_path / str(number), some)


@pytest.mark.parametrize("kind", ["mainstay.blob", "mainstay.person"])
def test_l7_altered_blobs_and_keys_are_named(filled, folder, tmp_path, kind):
    lines, _ = exported(folder)
    at = next(at for at, line in enumerate(lines) if kind.encode() in line)
    line = json.loads(lines[at])
    line["data_base64" if "blob" in kind else "data"] = (
        "aGFsbG8=" if "blob" in kind else {**line["data"], "kind": "file"}
    )
    lines[at] = msgspec.json.encode(line) + b"\n"
    with pytest.raises(FileError, match=f"line {at + 1 if 'blob' in kind else len(lines)}: "):
        imported(tmp_path / "new", lines)


def test_o7_only_an_empty_workspace_takes_an_import(filled, folder, tmp_path):
    lines, _ = exported(folder)
    imported(tmp_path / "new", lines)
    with pytest.raises(InputError, match="happened in this workspace already"):
        imported(tmp_path / "new", lines)


def test_o7_a_workspace_that_was_just_made_takes_an_import(filled, folder, tmp_path):
    with SqliteLedger(tmp_path / "new" / "ledger.db", OTHER_KEY, projected=PROJECTIONS) as ledger:
        created = e.Draft(e.WorkspaceCreated("New", "1.0"), NOW_US, "operator")
        append(ledger, e.Append("workspace", 0, (created,)))
    assert imported(tmp_path / "new", exported(folder)[0])[0].records == 8


def test_o7_one_plan_can_be_exported_and_is_no_whole_history(filled, folder, tmp_path):
    lines, out = exported(folder, plan="a")
    assert out.records == 5
    with pytest.raises(FileError, match="only one plan"):
        imported(tmp_path / "new", lines)


def test_o7_an_empty_history_can_be_exported(ledger, folder, tmp_path):
    assert imported(tmp_path / "new", exported(folder)[0])[0].records == 0


def test_l7_a_history_with_a_lost_segment_is_not_exported(filled, folder):
    filled.segments.path(1).unlink()
    with pytest.raises(LedgerError, match="part 000001"):
        exported(folder)


# --- bodies


@given(VALUES, TEXT, TEXT, TIMES)
@settings(max_examples=60)
def test_o7_export_import_export_is_equal_whatever_facts_hold(tmp_path_factory, value, actor, title, at_us):
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    with SqliteLedger(one / "ledger.db", KEY, projected=()) as ledger:
        draft = e.Draft(e.StepCompleted("a", value), at_us, actor, cause=title, plan=actor)
        append(ledger, e.Append(f"plan:{title}", 0, (draft,)))
    lines, _ = exported(one)
    with SqliteLedger(two / "ledger.db", OTHER_KEY, projected=()) as ledger:
        import_lines(Target(ledger, FileBlobs(two / "blobs", OTHER_KEY), OTHER_KEY), lines, "x")
    assert exported(two, OTHER_KEY)[0] == lines


@given(VALUES)
def test_o7_a_body_comes_back_from_json_byte_by_byte(value):
    body = encode_value(value)
    told = plainjson.to_json(body)
    if told is None:
        assert value is None or "nan" in repr(value), "only what is in a NaN besides that can't be told"
        return
    assert plainjson.from_json(json.loads(json.dumps(told))) == body


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", msgspec.msgpack.encode(Ext(9, b"x")), b"\xcd\x00\x01", b"\x82\xa1a\x01\xa1a\x02",
     b"\xca\x3f\x80\x00\x00", b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01", msgspec.msgpack.encode(Ext(1, b"\xcd\x00\x01"))],
)  # fmt: skip
def test_o7_bodies_json_can_not_give_back_are_told_apart(body):
    assert plainjson.to_json(body) is None
