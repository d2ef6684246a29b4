from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from mainstay.errors import LedgerError, WrongKeyError
from mainstay.ledger import keys

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "mainstay" / "keys"


def test_keys_are_made_once_and_found_again(folder):
    made = keys.create(folder)
    assert keys.load(folder) == made
    assert len({made.database, made.blobs, made.tokens}) == 3
    assert len(bytes.fromhex(keys.load_session(folder))) == 32
    with pytest.raises(LedgerError, match="already belongs"):
        keys.create(folder)


def test_keys_lie_outside_the_workspace_and_stay_when_it_moves(folder, tmp_path):
    made = keys.create(folder)
    assert [path.name for path in folder.iterdir()] == ["id"]
    assert keys.load(folder.rename(tmp_path / "elsewhere")) == made


def test_s58_keys_are_private(folder, place):
    keys.create(folder)
    assert [stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()] == [0o600, 0o600]
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("suffix", ["key", "session"])
def test_a_key_others_can_read_is_refused_with_the_remedy(folder, place, suffix):
    keys.create(folder)
    path = next(place.glob(f"*.{suffix}"))
    path.chmod(0o640)
    with pytest.raises(WrongKeyError) as caught:
        (keys.load if suffix == "key" else keys.load_session)(folder)
    assert caught.value.remedy == f"Run: chmod 600 {path}"


def test_a_missing_key_is_named(folder, place):
    keys.create(folder)
    path = next(place.glob("*.key"))
    path.unlink()
    with pytest.raises(WrongKeyError, match=str(path)):
        keys.load(folder)


def test_a_cut_key_is_refused(folder, place):
    keys.create(folder)
    next(place.glob("*.key")).write_bytes(b"short")
    with pytest.raises(WrongKeyError):
        keys.load(folder)


def test_a_folder_that_is_no_workspace_says_so(folder):
    with pytest.raises(LedgerError, match="not a workspace"):
        keys.load(folder)


def test_an_id_never_becomes_a_path(folder):
    keys.create(folder)
    (folder / "id").write_text("../../etc/passwd")
    with pytest.raises(LedgerError):
        keys.load(folder)


def test_keys_do_not_show_themselves(folder):
    made = keys.create(folder)
    assert repr(made) == f"Keys({made.workspace})"
