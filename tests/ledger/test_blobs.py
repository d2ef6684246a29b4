from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from mainstay.errors import LedgerError
from mainstay.ledger.blobs import FileBlobs
from mainstay.values import BlobRef

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes(range(32))
CONTENT = b"a canary sits in this file" * 300


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


def files(place: Path) -> list[Path]:
    return [path for path in place.rglob("*") if path.is_file()]


def test_l8_bytes_come_back_also_after_a_restart(place):
    ref = FileBlobs(place, KEY).put(CONTENT, name="statement.csv", media="text/csv")
    assert (ref.size, ref.name, ref.media) == (len(CONTENT), "statement.csv", "text/csv")
    assert FileBlobs(place, KEY).get(ref) == CONTENT


def test_the_same_bytes_are_stored_once_under_the_digest_of_what_is_stored(place):
    one, other = FileBlobs(place, KEY).put(CONTENT, name="a"), FileBlobs(place, KEY).put(CONTENT, name="b")
    assert one.digest == other.digest
    assert [path.parent.name + path.name for path in files(place)] == [one.digest]


def test_s56_stored_bytes_are_unreadable_and_bound_to_the_key(place):
    ref = FileBlobs(place, KEY).put(CONTENT)
    assert b"canary" not in files(place)[0].read_bytes()
    with pytest.raises(LedgerError, match="another key"):
        FileBlobs(place, bytes(32)).get(ref)
    assert FileBlobs(place, bytes(32)).put(CONTENT).digest != ref.digest


def test_s58_blobs_are_private(place):
    FileBlobs(place, KEY).put(CONTENT)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(place)} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place, *place.iterdir())} == {0o700}


def test_a_missing_blob_is_named(place):
    ref = FileBlobs(place, KEY).put(CONTENT, name="statement.csv")
    files(place)[0].unlink()
    with pytest.raises(LedgerError, match=r"The file statement.csv .* is missing"):
        FileBlobs(place, KEY).get(ref)


@pytest.mark.parametrize("where", [0, 20, -1])
def test_an_altered_blob_is_named(place, where):
    ref = FileBlobs(place, KEY).put(CONTENT)
    stored = bytearray(files(place)[0].read_bytes())
    stored[where] ^= 1
    files(place)[0].write_bytes(stored)
    with pytest.raises(LedgerError, match=r"A value .* was altered") as raised:
        FileBlobs(place, KEY).get(ref)
    assert f"{ref.digest[:2]}/{ref.digest[2:10]}" in raised.value.remedy


def test_a_file_that_a_crash_cut_short_is_stored_again(place):
    ref = FileBlobs(place, KEY).put(CONTENT)
    os.truncate(files(place)[0], 100)
    assert FileBlobs(place, KEY).put(CONTENT).digest == ref.digest
    assert FileBlobs(place, KEY).get(ref) == CONTENT


def test_a_part_left_by_a_crash_is_no_blob(place):
    ref = FileBlobs(place, KEY).put(CONTENT)
    path = files(place)[0]
    path.rename(path.with_name(path.name + ".0badcafe.part"))
    with pytest.raises(LedgerError, match="is missing"):
        FileBlobs(place, KEY).get(ref)


def test_a_name_never_becomes_a_path(place):
    with pytest.raises(LedgerError, match="is no name"):
        FileBlobs(place, KEY).get(BlobRef("../../etc/passwd", 1))


def test_the_cache_is_bounded_in_bytes(place):
    blobs = FileBlobs(place, KEY, cache_bytes=1000)
    refs = [blobs.put(bytes([i]) * 400) for i in range(5)]
    blobs.put(bytes(2000))
    assert blobs._cache._used == 800
    assert [blobs.get(ref)[0] for ref in refs] == [0, 1, 2, 3, 4]
    assert blobs._cache._used <= 1000


def test_l3_a_blob_of_another_workspace_keeps_its_name(place, tmp_path):
    ref = FileBlobs(tmp_path / "elsewhere", bytes(32)).put(CONTENT)
    FileBlobs(place, KEY).adopt(ref.digest, CONTENT)
    assert FileBlobs(place, KEY).get(ref) == CONTENT
    assert b"canary" not in files(place)[0].read_bytes()


def test_l3_an_adopted_blob_is_bound_to_its_name_and_the_key(place):
    one, other = BlobRef("ab" * 32, len(CONTENT)), BlobRef("cd" * 32, len(CONTENT))
    blobs = FileBlobs(place, KEY)
    blobs.adopt(one.digest, CONTENT)
    blobs.adopt(other.digest, CONTENT[::-1])
    (place / "ab" / ("ab" * 31)).replace(place / "cd" / ("cd" * 31))
    with pytest.raises(LedgerError, match="was altered"):
        blobs.get(other)
    blobs.adopt(one.digest, CONTENT)
    with pytest.raises(LedgerError, match="was altered"):
        FileBlobs(place, bytes(32)).get(one)
