"""L8: blobs that no fact names go after a day; one that is named, or will be, never."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, append, appended, completed

from mainstay import events as e
from mainstay.encoding import encode_value
from mainstay.errors import LedgerError
from mainstay.ledger.archive import archive
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.collect import Collected, collect

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.values import BlobRef, Value

NOW_S = time.time()
CONTENT = b"x" * 5000


@pytest.fixture
def blobs(folder: Path) -> FileBlobs:
    return FileBlobs(folder / "blobs", KEY)


def file_of(folder: Path, ref: BlobRef) -> Path:
    return folder / "blobs" / ref.digest[:2] / ref.digest[2:]


def age(folder: Path, *refs: BlobRef, days: float = 1.01) -> None:
    for ref in refs:
        os.utime(file_of(folder, ref), (NOW_S - days * 86_400,) * 2)


def kept(blobs: FileBlobs, value: Value) -> BlobRef:
    return blobs.put(encode_value(value), media=e.VALUE_MEDIA)


def test_l8_a_blob_no_fact_names_goes_after_a_day(ledger, blobs, folder):
    old, young = blobs.put(CONTENT), blobs.put(CONTENT + b"y")
    age(folder, old)
    done = collect(ledger.reader, blobs, NOW_S)
    assert done == Collected(1, len(CONTENT) + 28)
    assert not file_of(folder, old).exists()
    assert file_of(folder, young).exists()


def test_l8_what_facts_name_stays_also_from_within_kept_values(ledger, blobs, folder):
    plain, inner, typed = blobs.put(b"plain" * 999), blobs.put(b"inner" * 999), blobs.put(b"typed" * 999)
    value = kept(blobs, {"files": [inner], "text": "x" * 5000})
    outer = kept(blobs, [value, "y" * 5000])
    loose = blobs.put(b"loose" * 999)
    append(ledger, appended("plan:a", 0, e.PlanProposed(typed, "p", "t", {"file": plain}), completed("b", outer)))
    age(folder, plain, inner, typed, value, outer, loose)
    assert collect(ledger.reader, blobs, NOW_S).blobs == 1
    assert [file_of(folder, ref).exists() for ref in (plain, inner, typed, value, outer, loose)] == [True] * 5 + [False]


def test_l8_what_archived_facts_name_stays(ledger, blobs, folder):
    ref = blobs.put(CONTENT)
    append(ledger, appended("plan:a", 0, e.PlanProposed(ref, "p", "t" * 99, {}), e.PlanStarted(1), e.PlanCompleted()))
    assert archive(ledger, 2**62).events == 1
    age(folder, ref)
    assert collect(ledger.reader, blobs, NOW_S).blobs == 0


def test_l8_storing_the_same_bytes_again_keeps_them_another_day(ledger, blobs, folder):
    ref = blobs.put(CONTENT)
    age(folder, ref)
    blobs.put(CONTENT)
    assert collect(ledger.reader, blobs, NOW_S).blobs == 0
    age(folder, ref)
    FileBlobs(folder / "blobs", KEY).put(CONTENT)
    assert collect(ledger.reader, blobs, NOW_S).blobs == 0


def test_l8_storing_bytes_that_were_removed_brings_them_back_though_they_are_remembered(ledger, blobs, folder):
    ref = blobs.put(CONTENT)
    age(folder, ref)
    assert collect(ledger.reader, blobs, NOW_S).blobs == 1
    assert blobs.put(CONTENT) == ref
    assert FileBlobs(folder / "blobs", KEY).get(ref) == CONTENT


def test_l8_a_blob_stored_again_while_marks_are_gathered_stays(ledger, blobs, folder, monkeypatch):
    ref = blobs.put(CONTENT)
    age(folder, ref)
    rows = ledger.reader.rows

    def slow_rows(sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        found = rows(sql, parameters)
        blobs.put(CONTENT)  # a request of the same moment: its fact is not on disk yet
        return found

    monkeypatch.setattr(ledger.reader, "rows", slow_rows)
    assert collect(ledger.reader, blobs, NOW_S).blobs == 0
    assert file_of(folder, ref).exists()


def test_l8_nothing_goes_while_a_kept_value_can_not_be_read(ledger, blobs, folder):
    inner, loose = blobs.put(b"inner" * 999), blobs.put(b"loose" * 999)
    value = kept(blobs, [inner, "x" * 5000])
    append(ledger, appended("plan:a", 0, completed("b", value)))
    age(folder, inner, loose)
    file_of(folder, value).unlink()
    with pytest.raises(LedgerError, match="is missing"):
        collect(ledger.reader, FileBlobs(folder / "blobs", KEY), NOW_S)
    assert file_of(folder, loose).exists()


def test_l8_f5_what_a_crash_left_of_a_blob_goes_too(ledger, blobs, folder):
    ref = blobs.put(CONTENT)
    part = file_of(folder, ref).with_name("ab.part")
    part.write_bytes(b"half")
    collect(ledger.reader, blobs, NOW_S)
    assert part.exists()
    os.utime(part, (0, 0))
    collect(ledger.reader, blobs, NOW_S)
    assert not part.exists()


def test_l8_a_young_or_empty_folder_is_left_alone(ledger, blobs):
    assert collect(ledger.reader, blobs, NOW_S) == Collected(0, 0)
