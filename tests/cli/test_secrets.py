"""C5, S55 to S59: an operator's secrets against real mail servers, and whatever is written meanwhile."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import stat
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from cli_desk import COMMAND, Desk, new_desk, stop
from smtp_servers import scripted_server

from mainstay.ledger import database, keys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "k4nari-envogel-7781"
PASSPHRASE = "a passphrase of some words"
LOG_IN = base64.b64encode(f"\0me\0{CANARY}".encode()).decode()
REFUSES = f"535 no: {CANARY} {LOG_IN}"
MAIL = """\
playbook: hello
title: "Say hello"
steps:
  greet: {do: mail.send, with: {to: "ben@example.com", subject: "Hello", text: "Hi Ben"}}
"""


@pytest.fixture
def owner(tmp_path) -> Desk:
    """A desk on a machine without a keyring: secrets lie under a passphrase."""
    desk = new_desk(tmp_path)
    given = tmp_path / "passphrase"
    given.write_text(PASSPHRASE + "\n")
    given.chmod(0o600)
    desk.env["MAINSTAY_PASSPHRASE_FILE"] = str(given)
    (desk.folder / "playbooks/hello.yaml").write_text(MAIL)
    assert desk.run("activate", "--yes").returncode == 0
    return desk


def at_server(desk: Desk, port: int, host: str = "127.0.0.1") -> None:
    """Let mails go through a server on this machine."""
    config = desk.folder / "mainstay.toml"
    kept = config.read_text().partition("\n[mail.smtp]")[0]
    server = f'host = "{host}"\nport = {port}\ntls = "none"\nusername = "me"\npassword = "secret:smtp"\ntimeout_s = 5\n'
    config.write_text(f"{kept}\n[mail.smtp]\n{server}")


def secrets_file(desk: Desk) -> Path:
    return keys_folder(desk) / f"{(desk.folder / '.mainstay/id').read_text()}.secrets"


def keys_folder(desk: Desk) -> Path:
    return desk.folder.parent / "config/mainstay/keys"


def send(desk: Desk, status: int) -> Any:
    """Send a mail, with the operator's yes."""
    asked = desk.json("run", "hello", status=3)
    return desk.json("decide", asked["questions"][0], "approve", "--yes", status=status)


def written(desk: Desk) -> Iterator[tuple[str, bytes]]:
    """Give every byte that lies anywhere at the desk, what is encrypted also as it reads with its key."""
    for path in sorted(desk.folder.parent.rglob("*")):
        if path.is_file() and path.name != "passphrase":
            yield str(path), path.read_bytes()
    os.environ["XDG_CONFIG_HOME"], before = desk.env["XDG_CONFIG_HOME"], os.environ["XDG_CONFIG_HOME"]
    try:
        key = keys.load(desk.folder / ".mainstay").database
        connection = database.connect_reader(desk.folder / ".mainstay/ledger.db", key)
    finally:
        os.environ["XDG_CONFIG_HOME"] = before
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for row in connection.execute(f'SELECT * FROM "{table}"'):
            for cell in row:
                yield table, cell if isinstance(cell, bytes) else str(cell).encode()
    connection.close()


FORMS = [CANARY.encode(), LOG_IN.encode(), base64.b64encode(CANARY.encode())[:20], CANARY.encode().hex().encode()]


def assert_nowhere(desk: Desk, *said: str) -> None:
    for where, content in [*written(desk), *(("said", text.encode()) for text in said)]:
        for form in FORMS:
            assert form not in content, where


def over_http(desk: Desk, token: str) -> Iterator[str]:
    """Let a tool ask for a mail, say yes by a link, and give all that comes back."""
    url = desk.json("api", "token", "list")["url"]

    def call(path: str, body: bytes | None = None, kind: str = "application/json") -> str:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        asked = urllib.request.Request(url + path, body, headers)
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(asked, timeout=30) as answered:
            return answered.read().decode()
        return ""

    mail = {"to": "ben@example.com", "subject": "Hello", "text": "Hi Ben"}
    asked = json.loads(call("/actions", json.dumps({"id": "1", "operation": "mail.send", "arguments": mail}).encode()))
    (question,) = [row["decision"] for row in desk.json("inbox") if row["plan"] == asked["plan"]]
    link = desk.json("api", "link", question)["url"].removeprefix(url)
    yield call(link)
    yield call(link, b"choice=approve", "application/x-www-form-urlencoded")
    told = call("/actions/1")
    assert json.loads(told)["plan"] == asked["plan"]
    yield told
    yield call("/actions/1/receipt")


@pytest.mark.parametrize("answers", ["taken", "refused", "refused later", "lost"])
def test_s55_a_canary_is_nowhere_in_what_is_written_or_said(owner, tmp_path, answers):
    """Set and used against a server that takes it, that throws it back, also in its answer to the mail, or hangs up."""
    script: dict[str, str] = {
        "taken": {},
        "refused": {"auth": REFUSES},
        "refused later": {"end": f"554 you logged in with {CANARY} ({LOG_IN})"},
        "lost": {"end": "drop"},
    }[answers]
    said: list[str] = []

    def run(*words: object, stdin: str = "") -> None:
        done = owner.run(*words, stdin=stdin)
        said.extend((done.stdout, done.stderr))

    with scripted_server(**script) as (port, server):
        at_server(owner, port)
        run("secret", "set", "smtp", stdin=CANARY + "\n")
        token = owner.json("api", "token", "create", "tool", "--allow", "mail.send")["token"]
        service = owner.service()
        standing = send(owner, 0 if answers == "taken" else 3)
        said.append(json.dumps(standing))
        if answers == "refused later":
            said.extend(over_http(owner, token))
        for words in (["inbox"], ["stuck", "--json"], ["doctor"], ["secret", "list", "--json"], ["history", "export"]):
            run(*words)
        run("show", standing["plan"], "--all")
        run("show", standing["plan"], "--receipt", tmp_path)
        run("history", "export", "--blobs", tmp_path / "exported")
        run("secret", "test", "smtp")
        run("backup", tmp_path / "backup")
        said.extend(map(str, stop(service)))
        assert "auth" in server.seen
    assert_nowhere(owner, *said)


def test_s55_a_mistake_in_mainstay_itself_is_told_without_the_secret(owner, monkeypatch, capsys):
    from mainstay.cli import ending, secret

    def broken(*_: object) -> None:
        secret.remember(CANARY)
        raise RuntimeError(f"while sending {CANARY}")

    monkeypatch.setattr(secret, "listed", broken)
    assert ending.run(["secret", "list", "--workspace", str(owner.folder)]) == 1
    told = capsys.readouterr()
    assert "while sending [secret]" in told.err
    assert CANARY not in told.err + told.out


def test_c5_a_secret_is_kept_listed_tested_rotated_and_removed(owner):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.json("secret", "list") == []
        made = owner.run("secret", "set", "smtp", stdin=CANARY)
        assert (made.returncode, "127.0.0.1 takes it" in made.stdout) == (0, True), made.stderr
        assert send(owner, 0)["status"] == "completed"
        (row,) = owner.json("secret", "list")
        assert (row["name"], row["host"], row["connector"], row["test"]) == ("smtp", "127.0.0.1", "mail", "it works")
        assert row["set_at"] <= row["used_at"]
        assert row["refused_at"] == ""
        again = owner.run("secret", "set", "smtp", stdin="another-one")
        assert (again.returncode, "rotate" in again.stderr) == (2, True)
        assert owner.run("secret", "test", "smtp").returncode == 0
        server.script["auth"] = REFUSES
        refused = owner.run("secret", "rotate", "smtp", stdin="a new one that is wrong")
        assert (refused.returncode, "The one from before is kept" in refused.stderr) == (2, True), refused.stderr
        server.script["auth"] = "235 in"
        assert owner.json("secret", "rotate", "smtp", stdin="the-right-one")["test"] == "it works"
        assert owner.run("secret", "remove", "smtp").returncode == 2, "nobody can be asked"
        assert "will wait for you" in owner.run("secret", "remove", "smtp", "--yes").stdout
        assert owner.json("secret", "list") == []


@pytest.mark.long
def test_s22_a_reset_shows_neither_the_secret_before_nor_the_one_after(owner):
    token = owner.json("api", "token", "create", "tool", "--allow", "mail.send")["token"]
    with scripted_server() as (port, _):
        at_server(owner, port)
        said = [
            owner.run(*words, "--json", stdin=f"{CANARY}-{number}")
            for number, words in enumerate(
                (
                    *(("secret", "set", "smtp"), ("secret", "rotate", "smtp"), ("secret", "list"), ("key", "show")),
                    *(("api", "token", "list"), ("api", "token", "revoke", "tool"), ("doctor",)),
                )
            )
        ]
    assert [done.returncode for done in said[:6]] == [0] * 6
    told = "".join(done.stdout + done.stderr for done in said)
    assert (CANARY in told, token in told, token.encode() in secrets_file(owner).read_bytes()) == (False, False, False)
    assert owner.json("api", "token", "create", "tool", "--allow", "mail.send")["token"] != token


def test_c5_a_new_value_counts_at_once_without_touching_playbooks_or_the_service(owner):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        service = owner.service()
        assert send(owner, 0)["status"] == "completed"
        assert owner.run("secret", "rotate", "smtp", stdin="another-right-one").returncode == 0
        assert send(owner, 0)["status"] == "completed"
        stop(service)
    log_ins = [base64.b64decode(line.split()[2]).decode() for line in server.lines if line.startswith("AUTH")]
    assert (log_ins[1], log_ins[-1]) == (f"\0me\0{CANARY}", "\0me\0another-right-one")


def test_c5_a_refused_secret_is_named_once_with_its_remedy_and_tried_no_more(owner):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        server.script["auth"] = REFUSES
        server.seen.clear()
        service = owner.service()
        first, second = send(owner, 3), send(owner, 3)
        assert server.seen.count("auth") == 1, "an account that is guessed at is locked"
        told = stop(service)[2]
        assert told.count("refuses the secret 'smtp'") == 1
        assert "mainstay secret rotate smtp" in told
        assert "refused since" in owner.run("secret", "list").stdout
        server.script["auth"] = "235 in"
        assert owner.run("secret", "rotate", "smtp", stdin="the-right-one").returncode == 0
        assert owner.run("stuck", "retry", "all", "--yes").returncode == 3, "a mail that did not leave asks again"
        for each in (first, second):
            (row,) = [row for row in owner.json("plans") if row["plan"] == each["plan"]]
            done = owner.json("decide", row["questions"][0], "approve", "--yes")
            assert done["status"] == "completed"


def test_s59_a_secret_for_one_host_is_never_sent_to_another(owner):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        server.seen.clear()
        at_server(owner, port, host="localhost")
        standing = send(owner, 3)
        told = owner.run("decide", standing["questions"][0]).stdout
        assert "'smtp' is not sent to localhost" in told
        assert "It is for 127.0.0.1" in told.replace("\n", " ")
        assert owner.run("secret", "test", "smtp").returncode == 1
        assert "auth" not in server.seen
        assert owner.run("secret", "rotate", "smtp", "--host", "localhost", stdin=CANARY).returncode == 0
        assert "auth" in server.seen


def test_s59_an_altered_file_does_not_send_a_secret_elsewhere(owner):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        server.seen.clear()
        path = secrets_file(owner)
        path.write_text(path.read_text().replace('"127.0.0.1"', '"localhost"'))
        at_server(owner, port, host="localhost")
        standing = send(owner, 3)
        assert "does not open" in owner.run("decide", standing["questions"][0]).stdout
        assert "auth" not in server.seen


def test_s57_a_wrong_passphrase_stops_cleanly_and_changes_nothing(owner, tmp_path):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        server.seen.clear()
        before = secrets_file(owner).read_bytes()
        (tmp_path / "passphrase").write_text("another passphrase")
        for words in (["start"], ["secret", "test", "smtp"], ["secret", "rotate", "smtp"], ["run", "hello"]):
            done = owner.run(*words, stdin="a-new-value")
            assert (done.returncode, "That is not the passphrase" in done.stderr) == (1, True), (words, done.stderr)
        assert secrets_file(owner).read_bytes() == before
        assert "auth" not in server.seen
        assert owner.run("plans").returncode == 0, "what needs no secret goes on"


def test_l4_without_a_passphrase_only_what_needs_a_secret_waits(owner):
    with scripted_server() as (port, _):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        del owner.env["MAINSTAY_PASSPHRASE_FILE"]
        service = owner.service()
        standing = send(owner, 3)
        assert "Your secrets are locked" in owner.run("decide", standing["questions"][0]).stdout
        assert "Your secrets are locked" in stop(service)[2]


def test_s56_a_stolen_disk_without_the_passphrase_holds_no_secret(owner):
    with scripted_server() as (port, _):
        at_server(owner, port)
        real = [*COMMAND, "secret", "set", "smtp"]  # what begins loaded stretches a passphrase less (starter_host.py)
        done = subprocess.run(real, cwd=owner.folder, env=owner.env, input=CANARY, text=True, check=False)
        assert done.returncode == 0
    assert_nowhere(owner)
    assert CANARY not in secrets_file(owner).read_text()
    locked = next(keys_folder(owner).glob("*-secrets.locked"))
    assert json.loads(locked.read_text())["n"] == 2**17


def test_s58_secrets_are_0600_in_a_folder_0700(owner):
    with scripted_server() as (port, _):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
    mode = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys_folder(owner).iterdir()}
    assert set(mode.values()) == {0o600}, mode
    assert stat.S_IMODE(keys_folder(owner).stat().st_mode) == 0o700
    secrets_file(owner).chmod(0o644)
    done = owner.run("secret", "list")
    assert (done.returncode, "Others on this machine can read" in done.stderr) == (1, True)


@pytest.mark.parametrize("value", ["", "\n", "abcde", "two\nlines-of-it", " blank around", "tab\tinside", "x" * 20_000])
def test_c5_what_can_be_no_secret_is_refused_and_never_repeated(owner, value):
    done = owner.run("secret", "set", "shop", "--host", "api.example.com", "--connector", "shop", stdin=value)
    assert done.returncode == 2
    assert len(value.strip()) < 3 or value.strip() not in done.stderr
    assert owner.json("secret", "list") == []


def test_c5_a_password_in_mainstay_toml_is_refused_and_not_repeated(owner):
    config = owner.folder / "mainstay.toml"
    config.write_text(f'{config.read_text()}\n[mail.smtp]\nhost = "h"\nusername = "me"\npassword = "{CANARY}"\n')
    done = owner.run("plans")
    assert (done.returncode, "by its name only" in done.stderr) == (2, True), done.stderr
    assert CANARY not in done.stdout + done.stderr


def test_c5_a_value_is_typed_unseen_at_a_terminal(owner):
    with scripted_server() as (port, _):
        at_server(owner, port)
        terminal = owner.terminal("secret", "set", "smtp")
        terminal.until("smtp, for 127.0.0.1: ")
        terminal.type(CANARY + "\n")
        assert terminal.status() == 0
        assert "127.0.0.1 takes it" in terminal.text
        assert CANARY not in terminal.text


def test_c5_a_key_with_secrets_under_it_is_not_moved_into_a_plain_file(owner):
    with scripted_server() as (port, _):
        at_server(owner, port)
        assert owner.run("key", "move", "passphrase").returncode == 0
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        assert not list(keys_folder(owner).glob("*-secrets.*")), "one passphrase opens both"
        assert send(owner, 0)["status"] == "completed"
        done = owner.run("key", "move", "file")
        assert (done.returncode, "would lie open with it" in done.stderr) == (2, True)
        assert send(owner, 0)["status"] == "completed"


def test_s51_a_playbook_that_was_brought_in_is_disabled_gets_no_secret_and_changes_no_policy(owner):
    with scripted_server() as (port, server):
        at_server(owner, port)
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 0
        strange = MAIL.replace("hello", "strange").replace("Hi Ben", "secret:smtp {{company.name}}")
        (owner.folder / "playbooks/strange.yaml").write_text(strange)
        (owner.folder / "policies/strange.yaml").write_text("policy: strange\nrules: []\n")
        done = owner.run("run", "strange")
        assert (done.returncode, "activate" in done.stderr) == (1, True), done.stderr
        (owner.folder / "policies/strange.yaml").unlink()
        assert owner.run("activate", "--yes").returncode == 0
        asked = owner.json("run", "strange", status=3)
        assert owner.json("decide", asked["questions"][0], "approve", "--yes")["status"] == "completed"
        assert b"secret:smtp Acme Ltd" in server.body
        assert CANARY.encode() not in server.body


def test_c5_doctor_names_a_secret_that_is_missing_or_refused(owner):
    def found() -> list[str]:
        rows = owner.json("doctor", status=1)
        return [row["says"] for row in rows if row["check"] == "secrets" and row["state"] == "wrong"]

    with scripted_server(auth=REFUSES) as (port, _):
        at_server(owner, port)
        assert found() == ["mainstay.toml names the secret 'smtp', and there is none."]
        assert owner.run("secret", "set", "smtp", stdin=CANARY).returncode == 1, "kept, and the server does not take it"
        assert found() == ["127.0.0.1 refuses the secret 'smtp'."]
