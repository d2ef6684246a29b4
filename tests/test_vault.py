"""C5, S55 to S59: where secrets lie, and who gets one; with a keyring that lives as long as a test."""

from __future__ import annotations

import logging
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING

import keyring
import msgspec
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from mainstay import redaction
from mainstay.app import create_workspace, open_secrets
from mainstay.errors import InputError, LedgerError, LockedError, NeedsOperator, UnknownNameError, WrongKeyError
from mainstay.governance.secrets import Secrets, checked_host, name_of
from mainstay.ledger import keeping, keys, passphrase, vault
from mainstay.ledger.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "k4nari-in-a-vault"
HOST = "smtp.example.com"


class Store(KeyringBackend):
    """A keyring of the system's kind, in memory."""

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
            raise PasswordDeleteError("not there")


KeyringBackend._classes -= {Store}  # no other test finds it by itself


@pytest.fixture(autouse=True)
def _own(monkeypatch):
    """Leave no secret behind in the process of the tests."""
    for name, value in (("_known", set()), ("_pattern", None), ("_inside", None)):
        monkeypatch.setattr(redaction, name, value)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(logging.lastResort, "formatter", logging.lastResort.formatter)
    monkeypatch.setattr(passphrase, "SCRYPT_N", 2**10)
    vault._unlocked.clear()
    keys._unlocked.clear()


@pytest.fixture
def store():
    before = keyring.get_keyring()
    keyring.set_keyring(Store())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    keys.create(tmp_path / "acme/.mainstay")
    return tmp_path / "acme/.mainstay"


@pytest.fixture
def kept(state: Path, store: Store) -> Vault:
    """A vault with one secret, on a machine with a keyring."""
    made = Vault(state)
    made.begin()
    made.put("smtp", VALUE, "mail", HOST, 1)
    return made


def files(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.parents[1].rglob("*") if path.is_file())


def test_s56_with_a_keyring_no_file_opens_a_secret(kept, state, store):
    assert VALUE.encode() not in files(state)
    ((held,),) = [list(store.held.values())]
    assert held.encode() not in files(state)
    assert kept.way == "keyring"
    vault._unlocked.clear()
    assert Vault(state).open("smtp")[1] == VALUE
    store.held.clear()
    vault._unlocked.clear()
    with pytest.raises(WrongKeyError, match="not in the system's keyring any more"):
        Vault(state).open("smtp")


def test_s58_the_files_of_a_vault_are_0600(kept):
    for path in kept.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("field", ["connector", "host", "nonce", "sealed"])
def test_s59_a_secret_opens_only_under_its_name_for_its_connector_and_host(kept, field):
    content = msgspec.json.decode(kept.path.read_bytes())
    row = content["secrets"]["smtp"]
    row[field] = ("00" if row[field][:2] != "00" else "11") + row[field][2:]
    kept.path.write_bytes(msgspec.json.encode(content))
    with pytest.raises(WrongKeyError, match="does not open"):
        kept.open("smtp")


def test_s59_a_secret_under_another_name_or_of_another_workspace_does_not_open(kept, tmp_path, store):
    content = msgspec.json.decode(kept.path.read_bytes())
    content["secrets"]["other"] = content["secrets"]["smtp"]
    kept.path.write_bytes(msgspec.json.encode(content))
    with pytest.raises(WrongKeyError):
        kept.open("other")
    keys.create(tmp_path / "second/.mainstay")
    second = Vault(tmp_path / "second/.mainstay")
    second.begin()
    second.path.write_bytes(kept.path.read_bytes())
    second.path.chmod(0o600)
    with pytest.raises(WrongKeyError):
        second.open("smtp")


def test_c5_a_damaged_file_says_so_and_stays_as_it_is(kept):
    for content in (b"", b"{", b'{"format": 2, "secrets": {}}', b'{"secrets": {"a": 1}}'):
        kept.path.write_bytes(content)
        with pytest.raises(LedgerError):
            kept.names()
        with pytest.raises(LedgerError):
            kept.put("smtp", VALUE, "mail", HOST, 2)
        assert kept.path.read_bytes() == content


def test_c5_changes_at_the_same_time_lose_nothing(kept, state):
    def work(number: int) -> None:
        mine = Vault(state)
        for turn in range(5):
            mine.put(f"name{number}", f"{VALUE}{turn}", "mail", HOST, turn)
            mine.note("smtp", kept.kept("smtp").nonce, used_at_us=turn)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(kept.names()) == {"smtp", *(f"name{number}" for number in range(6))}
    assert kept.open("name3")[1] == f"{VALUE}4"


def test_c5_a_note_about_a_value_that_was_replaced_is_dropped(kept):
    old = kept.kept("smtp").nonce
    kept.put("smtp", "another-value", "mail", HOST, 5)
    kept.note("smtp", old, refused_at_us=9)
    assert kept.kept("smtp").refused_at_us == 0


def test_l4_s57_a_vault_under_a_passphrase_asks_nobody_while_an_owner_works(state, tmp_path, monkeypatch):
    word = tmp_path / "word"
    word.touch(mode=0o600)
    word.write_text("a passphrase of some words")
    monkeypatch.setenv(passphrase.FILE_ENV, str(word))
    monkeypatch.setattr(keeping, "usable_keyring", lambda: "")
    made = Vault(state)
    made.begin()
    made.put("smtp", VALUE, "mail", HOST, 1)
    assert made.way == "passphrase"
    vault._unlocked.clear()
    assert made.open("smtp")[1] == VALUE
    vault._unlocked.clear()
    word.write_text("another passphrase altogether")
    with pytest.raises(WrongKeyError, match="not the passphrase"):
        made.open("smtp")
    monkeypatch.delenv(passphrase.FILE_ENV)
    monkeypatch.setattr(passphrase, "at_terminal", lambda: pytest.fail("nobody may be asked"))
    with pytest.raises(LockedError, match="are locked"):
        made.open("smtp")
    next(made.path.parent.glob("*-secrets.locked")).unlink()
    with pytest.raises(LedgerError, match="key of your secrets is gone"):
        made.open("smtp")
    with pytest.raises(LedgerError, match="key of your secrets is gone"):
        made.begin()


def test_c5_secrets_that_were_carried_to_another_machine_say_so_and_are_set_again(kept, state, store):
    at_work = Vault(state)  # a service that goes on with what it knows
    assert at_work.open("smtp")[1] == VALUE
    store.held.clear()
    vault._unlocked.clear()
    with pytest.raises(WrongKeyError, match="The key of your secrets is not in the system's keyring") as caught:
        kept.open("smtp")
    assert "set them again" in caught.value.remedy
    kept.remove("smtp")
    kept.begin()
    kept.put("smtp", f"{VALUE}-new", "mail", HOST, 9)
    assert (at_work.open("smtp")[1], len(store.held)) == (f"{VALUE}-new", 1)


def test_c5_a_service_takes_a_key_that_was_made_anew_while_it_ran(kept, state, store, monkeypatch):
    before = dict(vault._unlocked)
    kept.remove("smtp")
    kept.begin()
    kept.put("smtp", f"{VALUE}-new", "mail", HOST, 9)
    monkeypatch.setattr(vault, "_unlocked", before)  # as the service's process knows it
    assert Vault(state).open("smtp")[1] == f"{VALUE}-new"
    assert len(store.held) == 1


def test_c5_a_passphrase_that_was_lost_costs_its_secrets_and_no_more(state, tmp_path, monkeypatch):
    word = tmp_path / "word"
    word.touch(mode=0o600)
    monkeypatch.setenv(passphrase.FILE_ENV, str(word))
    monkeypatch.setattr(keeping, "usable_keyring", lambda: "")
    made = Vault(state)
    for text, value in (("a passphrase of some words", VALUE), ("another one that is known", f"{VALUE}-new")):
        word.write_text(text)
        made.begin()
        made.put("smtp", value, "mail", HOST, 1)
        assert made.open("smtp")[1] == value
        vault._unlocked.clear()
        word.write_text("nobody knows it any more")
        with pytest.raises(WrongKeyError, match="not the passphrase of your secrets"):
            made.open("smtp")
        made.remove("smtp")


def test_c5_a_keyring_that_breaks_in_its_own_way_is_locked_and_no_mistake_of_ours(kept, state, store, monkeypatch):
    vault._unlocked.clear()
    monkeypatch.setattr(store, "held", None)  # as a bus that went away: its own error, of no kind that is known
    with pytest.raises(LockedError, match=r"The key of your secrets is in the system's keyring, which can't be read"):
        Vault(state).open("smtp")


def test_c5_a_keyring_that_asks_at_a_screen_where_nobody_is_counts_as_locked(kept, state, store, tmp_path, monkeypatch):
    """It reads a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    vault._unlocked.clear()
    monkeypatch.setattr(keeping, "KEYRING_S", 0.2)
    monkeypatch.setattr(Store, "get_password", lambda *_: (tmp_path / "pipe").read_text())
    with pytest.raises(LockedError, match="which does not answer") as caught:
        Vault(state).open("smtp")
    assert caught.value.remedy.startswith("Unlock the keyring")


def test_c5_once_all_secrets_are_removed_a_start_asks_for_nothing_and_warns_of_nothing(tmp_path, monkeypatch, store):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    workspace = create_workspace(tmp_path / "acme", name="Acme", sender="A <a@acme.example>")
    config = workspace.root / "mainstay.toml"
    server = '[mail.smtp]\nhost = "smtp.example.com"\nusername = "me"\npassword = "secret:smtp"\n'
    config.write_text(f"{config.read_text()}\n{server}")
    workspace = type(workspace)(workspace.root)
    made = Vault(workspace.state)
    made.begin()
    made.put("smtp", VALUE, "mail", HOST, 1)
    assert open_secrets(workspace) == []
    made.remove("smtp")
    assert (open_secrets(workspace), store.held) == ([], {})


def test_c5_who_removes_a_workspace_removes_its_secrets(kept, state, store):
    keys.remove(state)
    assert not kept.path.exists()
    assert not store.held
    assert not list(kept.path.parent.glob("*secrets*"))


# --- who gets one


def secrets_of(kept: Vault, told: list[str], now: list[int]) -> Secrets:
    return Secrets(kept, lambda: now[0], told.append)


@pytest.mark.parametrize("host", [HOST, "SMTP.Example.com", "smtp.example.com."])
def test_s59_a_host_is_the_same_however_it_is_written(kept, host):
    assert secrets_of(kept, [], [1]).handed("secret:smtp", "mail").give(host) == VALUE


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "smtp.example.com.evil.test",
        "evil.test",
        "smtp.example.com@evil.test",
        "smtp.\u0435xample.com",
        "",
        "::1",
    ],
)
def test_s59_any_other_host_gets_nothing(kept, host):
    with pytest.raises(NeedsOperator, match="is not sent to") as caught:
        secrets_of(kept, [], [1]).handed("secret:smtp", "mail").give(host)
    assert VALUE not in str(caught.value) + caught.value.remedy
    assert kept.kept("smtp").used_at_us == 0


def test_s59_another_connector_gets_nothing(kept):
    with pytest.raises(NeedsOperator, match="is not given to shop"):
        secrets_of(kept, [], [1]).handed("secret:smtp", "shop").give(HOST)


def test_c5_a_refused_secret_is_told_once_and_given_again_after_a_test_or_a_new_value(kept):
    told: list[str] = []
    now = [10**15]
    secrets = secrets_of(kept, told, now)
    first, second = secrets.handed("secret:smtp", "mail"), secrets.handed("secret:smtp", "mail")
    first.give(HOST)
    first.refused()
    for handed in (first, second, secrets_of(kept, told, now).handed("secret:smtp", "mail")):
        with pytest.raises(NeedsOperator, match="was refused") as caught:
            handed.give(HOST)
        assert "mainstay secret rotate smtp" in caught.value.remedy
    assert len(told) == 1
    assert secrets.handed("secret:smtp", "mail", again=True).give(HOST) == VALUE
    kept.put("smtp", "another-value", "mail", HOST, 5)
    assert second.give(HOST) == "another-value"


def test_c5_a_use_is_noted_once_a_minute(kept):
    now = [10**15]
    handed = secrets_of(kept, [], now).handed("secret:smtp", "mail")
    for seconds, noted in ((0, 0), (30, 0), (61, 61)):
        now[0] = 10**15 + seconds * 1_000_000
        handed.give(HOST)
        assert kept.kept("smtp").used_at_us == 10**15 + noted * 1_000_000


def test_c5_what_is_not_there_needs_the_operator(kept):
    with pytest.raises(NeedsOperator, match="There is no secret 'shop'") as caught:
        secrets_of(kept, [], [1]).handed("secret:shop", "mail").give(HOST)
    assert caught.value.remedy == "Set it with: mainstay secret set shop"
    with pytest.raises(UnknownNameError):
        kept.remove("shop")


def test_s55_all_secrets_are_hidden_from_the_start_also_from_an_error_that_nobody_caught(kept, capsys):
    secrets_of(kept, [], [1]).hide()
    assert redaction.redacted(f"it said {VALUE}") == "it said [secret]"
    error = RuntimeError(f"with {VALUE}")
    sys.excepthook(type(error), error, None)
    logging.lastResort.handle(logging.makeLogRecord({"msg": f"a task died of {VALUE}"}))
    told = capsys.readouterr().err
    assert VALUE not in told
    assert "RuntimeError: with [secret]" in told


@pytest.mark.parametrize("reference", ["", "smtp", "secret:", "secret:../x", "secret:SMTP", VALUE, f"secret:{VALUE} x"])
def test_c5_what_names_no_secret_is_refused_and_not_repeated(reference):
    with pytest.raises(InputError) as caught:
        name_of(reference)
    assert VALUE not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize("host", ["", "a b", "http://a.example", "a.example/x", "a.example:25", "-a", "a@b", "a\nb"])
def test_s59_what_is_no_host_is_refused(host):
    with pytest.raises(InputError):
        checked_host(host)
