from __future__ import annotations

import json
import os
import shutil
import stat
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring
from keyring.errors import KeyringLocked, PasswordDeleteError

from mainstay.errors import InputError, LedgerError, LockedError, WrongKeyError
from mainstay.ledger import keeping, keys, passphrase

if TYPE_CHECKING:
    from pathlib import Path


SCRYPT_N = passphrase.SCRYPT_N  # as it is


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
    folder.parent.rename(tmp_path / "elsewhere")
    assert keys.load(tmp_path / "elsewhere" / ".mainstay") == made


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


# --- where the key is kept (KERNEL L4)

WORD = "correct horse battery"


class Store(KeyringBackend):
    """A keyring of the system's kind, that lives as long as the test."""

    priority = 5
    name = "test store"

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.held.pop((service, username), None) is None:
            raise PasswordDeleteError("there is none")


class Closed(Store):
    """A keyring that is locked."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("locked")


KeyringBackend._classes -= {Store, Closed}  # no other test finds one by itself


@pytest.fixture
def store():
    before = keyring.get_keyring()
    keyring.set_keyring(Store())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Give a passphrase as a service does: in a private file."""

    def give(word: str) -> Path:
        path = tmp_path / "word"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(word + "\n")
        monkeypatch.setenv(passphrase.FILE_ENV, str(path))
        keys._unlocked.clear()  # as in a new process
        return path

    yield give
    keys._unlocked.clear()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Derive keys with less work, but where that itself is looked at."""
    monkeypatch.setattr(passphrase, "SCRYPT_N", 2**10)


def test_l4_a_key_in_the_systems_keyring_is_in_no_file(folder, place, store):
    made = keys.create(folder, "keyring")
    assert keys.load(folder) == made
    ((_, held),) = store.held.items()
    for path in [*place.iterdir(), *folder.iterdir()]:
        assert held not in path.read_text()
        assert bytes.fromhex(held) not in path.read_bytes()


def test_l4_a_keyring_that_forgot_the_key_or_is_locked_says_so(folder, store):
    keys.create(folder, "keyring")
    keyring.set_keyring(Closed())
    with pytest.raises(LockedError, match="can't be read: locked"):
        keys.load(folder)
    keyring.set_keyring(Store())
    with pytest.raises(WrongKeyError, match="not in the system's keyring any more"):
        keys.load(folder)


def test_l4_without_a_keyring_that_keeps_secrets_the_key_is_not_put_there(folder, store):
    keyring.set_keyring(Keyring())
    assert keeping.usable_keyring() == ""
    with pytest.raises(InputError, match="has no keyring"):
        keys.create(folder, "keyring")


def test_l4_a_passphrase_opens_the_key_and_nothing_else_does(folder, place, typed):
    made = keys.create(folder, "passphrase", WORD)
    content = next(place.glob("*.locked")).read_bytes()
    assert not list(place.glob("*.key"))
    typed(WORD)
    assert keys.load(folder) == made
    typed(WORD + "!")
    with pytest.raises(WrongKeyError, match="not the passphrase"):
        keys.load(folder)
    wrapped = json.loads(content)
    assert (wrapped["r"], wrapped["p"], len(bytes.fromhex(wrapped["salt"]))) == (8, 1, 16)


def test_l4_a_passphrase_costs_whoever_guesses_it(folder, place, monkeypatch):
    """RFC 7914 and OWASP's cheat sheet: 2^17, 8, 1 is the least of what is advised."""
    monkeypatch.setattr(passphrase, "SCRYPT_N", SCRYPT_N)
    keys.create(folder, "passphrase", WORD)
    assert json.loads(next(place.glob("*.locked")).read_bytes())["n"] >= 2**17


def test_l4_a_workspace_under_a_passphrase_starts_locked_and_says_so(folder):
    keys.create(folder, "passphrase", WORD)
    keys._unlocked.clear()  # as in a new process
    with pytest.raises(LockedError, match="The key of this workspace is locked") as caught:
        keys.load(folder)
    assert passphrase.FILE_ENV in caught.value.remedy


def test_l4_a_passphrase_file_that_is_not_there_asks_for_no_backup(folder, monkeypatch):
    keys.create(folder, "passphrase", WORD)
    keys._unlocked.clear()
    monkeypatch.setenv(passphrase.FILE_ENV, "/nowhere/word")
    with pytest.raises(WrongKeyError, match="/nowhere/word") as caught:
        keys.load(folder)
    assert passphrase.FILE_ENV in caught.value.remedy
    assert "backup" not in caught.value.remedy


def test_l4_a_new_passphrase_that_nobody_can_type_is_not_told_as_a_lock():
    with pytest.raises(LockedError, match="has to be chosen"):
        passphrase.new()


def test_l4_a_passphrase_comes_from_an_open_file(folder, monkeypatch):
    made = keys.create(folder, "passphrase", WORD)
    keys._unlocked.clear()
    ours, theirs = os.pipe()
    os.write(theirs, WORD.encode() + b"\n")
    os.close(theirs)
    monkeypatch.setenv(passphrase.DESCRIPTOR_ENV, str(ours))
    assert keys.load(folder) == made
    assert keys.load(folder) == made, "an open file is read once, and the key stays open in this process"
    keys._unlocked.clear()
    with pytest.raises(LockedError, match="nothing to read"):
        keys.load(folder)


def test_l4_a_passphrase_file_others_can_read_is_refused(folder, typed):
    keys.create(folder, "passphrase", WORD)
    typed(WORD).chmod(0o644)
    with pytest.raises(WrongKeyError, match="Others on this machine"):
        keys.load(folder)


@pytest.mark.parametrize(
    "content", [b"{}", b"", b"\xff", b'{"salt":"","n":99999999999,"r":8,"p":1,"nonce":"","key":""}']
)
def test_l4_a_damaged_wrapped_key_says_so(folder, place, typed, content):
    keys.create(folder, "passphrase", WORD)
    next(place.glob("*.locked")).write_bytes(content)
    typed(WORD)
    with pytest.raises(LedgerError, match="damaged"):
        keys.load(folder)


def test_l4_a_wrapped_key_of_another_workspace_does_not_open(folder, place, tmp_path, typed):
    keys.create(folder, "passphrase", WORD)
    other = tmp_path / "other" / ".mainstay"
    keys.create(other, "passphrase", WORD)
    one, two = sorted(place.glob("*.locked"))
    one.write_bytes(two.read_bytes())
    typed(WORD)
    broken = folder if one.stem == (folder / "id").read_text() else other
    with pytest.raises(WrongKeyError):
        keys.load(broken)


@pytest.mark.parametrize("way", ["file", "keyring", "passphrase"])
@pytest.mark.parametrize("before", ["file", "keyring", "passphrase"])
def test_l4_the_key_can_be_moved_and_stays_the_same(folder, place, store, typed, before, way):
    made = keys.create(folder, before, WORD)
    typed(WORD)
    keys.move(folder, way, WORD)
    typed(WORD)
    assert keys.load(folder) == made
    assert keys.way_of(folder) == way
    assert [path.suffix for path in place.iterdir() if path.suffix != ".session"] == [keys.key_file(folder).suffix]
    assert len(store.held) == (1 if way == "keyring" else 0)
    keys.remove(folder)
    assert list(place.iterdir()) == []
    assert store.held == {}


def test_l4_a_move_that_was_cut_off_leaves_the_key_where_it_opens(folder, place, typed):
    made = keys.create(folder)
    keeping.put(place, made.workspace, keys.master(folder), "passphrase", WORD)  # and it dies before the old one goes
    assert keys.load(folder) == made
    typed(WORD)
    keys.move(folder, "passphrase", WORD)
    assert keys.way_of(folder) == "passphrase"


def test_l4_a_key_inside_the_workspace_is_refused(folder, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder.parent / "config"))
    with pytest.raises(LedgerError, match="would lie inside it"):
        keys.create(folder)
    assert not (folder.parent / "config").exists()


def test_l4_a_key_that_was_put_into_the_workspace_is_refused(folder, place, monkeypatch):
    keys.create(folder)
    shutil.copytree(place.parents[1], folder.parent / "config")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder.parent / "config"))
    with pytest.raises(LedgerError, match="would lie inside it"):
        keys.load(folder)


def test_l4_e2_another_key_of_the_workspace_changes_every_token(folder, place):
    made = keys.create(folder)
    (place / f"{made.workspace}.key").write_bytes(bytes(keeping.KEY_BYTES))
    assert keys.load(folder).tokens != made.tokens
