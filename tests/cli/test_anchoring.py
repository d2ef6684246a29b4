"""K3, L7, F8: anchors given out by themselves and by hand, and a history held against them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_desk import Desk, new_desk, stop
from smtp_servers import scripted_server

from mainstay.ledger.anchor import Anchor, line_of, sign
from mainstay.ledger.signing import SigningKey


def anchored_to(desk: Desk, **places: object) -> None:
    config = desk.folder / "mainstay.toml"
    lines = "".join(f'{name} = "{place}"\n' for name, place in places.items())
    config.write_text(f"{config.read_text()}\n[anchor]\n{lines}")


def through(desk: Desk, port: int) -> None:
    config = desk.folder / "mainstay.toml"
    config.write_text(f'{config.read_text()}\n[mail.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n')


def verified(desk: Desk, *words: object) -> tuple[int, str]:
    done = desk.run("history", "verify", *words)
    return done.returncode, " ".join(done.stdout.split())


def git(folder: Path, *words: object) -> str:
    return subprocess.run(["git", *map(str, words)], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_l7_a_service_anchors_its_end_in_all_places_and_each_is_proof(desk, tmp_path):
    repository, file = tmp_path / "repository", tmp_path / "anchors.txt"
    git(tmp_path, "init", "-q", repository)
    with scripted_server() as (port, server):
        through(desk, port)
        config = desk.folder / "mainstay.toml"
        config.write_text(f'{config.read_text()}\n[attention]\nafter = "1h"\n')  # what is told is recorded
        anchored_to(desk, file=file, git=repository, mail="anna@acme.example")
        service = desk.service()
        asked = desk.reconcile()
        assert stop(service)[0] == 0
        mail = tmp_path / "kept.eml"
        mail.write_bytes(server.body.replace(b"\r\n", b"\n"))
    assert b"Subject: Mainstay: the history of Acme Ltd up to record" in mail.read_bytes()
    told = desk.json("history", "tail")[-1]["what"]
    assert "anchored outside (file, git, mail)" in told
    for place in (file, repository, mail):
        status, says = verified(desk, "--anchor", place)
        assert (status, "Your anchor holds, up to record" in says) == (0, True), says
        assert "1 came after it" in says, "the record of the anchor itself"
    assert "Anchored up to record" in verified(desk)[1]
    assert asked["questions"]
    before = file.read_text()
    assert stop(desk.service())[0] == 0
    assert file.read_text() == before, "nothing happened since"


@pytest.mark.long
def test_l7_a_place_that_is_missed_is_told_and_stops_nothing(desk, tmp_path):
    anchored_to(desk, file=tmp_path / "gone" / "anchors.txt", git=tmp_path)
    service = desk.service()
    desk.reconcile()
    status, _, told = stop(service)
    assert status == 0
    assert "did not reach its place (file)" in told
    assert "did not reach its place (git)" in told
    (found,) = [row for row in desk.json("doctor") if row["check"] == "anchor"]
    assert (found["state"], "did not reach: file, git" in found["says"]) == ("note", True)
    (tmp_path / "gone").mkdir()
    again = desk.run("history", "anchor")
    assert (again.returncode, "Not reached: git" in again.stdout) == (1, True), again.stdout
    assert len((tmp_path / "gone/anchors.txt").read_text().splitlines()) == 1


@pytest.mark.long
def test_l7_a_short_command_anchors_at_its_end_only_after_an_hour(desk, tmp_path):
    file = tmp_path / "anchors.txt"
    anchored_to(desk, file=file)
    desk.reconcile()
    assert len(file.read_text().splitlines()) == 1, "the first one is due at once"
    desk.reconcile()
    assert len(file.read_text().splitlines()) == 1


@pytest.mark.long
def test_l7_a_history_that_is_held_is_not_anchored_unasked(desk, tmp_path):
    file = tmp_path / "anchors.txt"
    anchored_to(desk, file=file)
    desk.reconcile()
    kept = file.read_text()
    copy = desk.elsewhere(tmp_path / "copy")
    shutil.copytree(desk.folder, copy.folder)
    stop(copy.service())
    assert file.read_text() == kept


def change(desk: Desk, script: str) -> None:
    """Change the history as somebody with the key could."""
    begin = (
        "import sys; from pathlib import Path; from mainstay.ledger import chain, database, keys; "
        "state = Path(sys.argv[1]); c = database.connect_writer(state / 'ledger.db', keys.load(state).database)\n"
    )
    subprocess.run([sys.executable, "-c", begin + script, desk.folder / ".mainstay"], env=desk.env, check=True)


REHASH = """
from mainstay.ledger.reader import READ_CHAIN
digest = chain.GENESIS
for row in c.execute(READ_CHAIN).fetchall():
    record = chain.StoredRecord._make(row)
    record = record._replace(actor="somebody" if record.position == 2 else record.actor)
    digest = chain.link(digest, record.position, record[1:9], record.body)
    c.execute("UPDATE event SET actor = ?, digest = ? WHERE position = ?", (record.actor, digest, record.position))
"""
CUT = "c.execute('DELETE FROM event WHERE position > 3')"


@pytest.mark.parametrize("attack", ["cut tail", "old copy", "rehash"])
def test_k3_f8_whoever_has_the_key_is_found_by_what_lies_outside(desk, tmp_path, attack):
    file = tmp_path / "anchors.txt"
    state, heads = desk.folder / ".mainstay", Path(desk.env["XDG_CONFIG_HOME"]) / "mainstay/keys"
    old = {path: path.read_bytes() for path in (*state.glob("ledger.db*"), state / "head", *heads.glob("*.head"))}
    desk.reconcile()
    assert desk.run("history", "anchor", file).returncode == 0
    assert verified(desk, "--anchor", file)[0] == 0
    if attack == "old copy":
        for path, content in old.items():
            path.write_bytes(content)
    else:
        change(desk, CUT if attack == "cut tail" else REHASH)
        for path in (state / "head", *heads.glob("*.head")):
            path.unlink()
    assert verified(desk)[0] == 0, "inside the history nothing shows it"
    status, says = verified(desk, "--anchor", file)
    cut = "an older copy was put back, or its end was cut off"
    told = "the history was computed anew" if attack == "rehash" else cut
    assert (status, told in says, "your anchor of" in says) == (1, True, True), says


def test_k3_a_forged_anchor_an_altered_one_and_one_of_another_workspace_are_named(asked, tmp_path):
    (given,) = [asked.json("history", "anchor")]
    _, _, workspace, position, digest, *_ = given["anchor"].split()
    forged = sign(Anchor(workspace, int(position), digest, 1_795_000_000_000_000), SigningKey(b"x" * 32))
    other = sign(Anchor("ab" * 16, int(position), digest, 1_795_000_000_000_000), SigningKey(b"x" * 32))
    file = tmp_path / "anchors.txt"
    file.write_text(f"{line_of(forged)}\n{given['anchor']}\n{line_of(other)}\n")
    status, says = verified(asked, "--anchor", file)
    assert (status, "is not one of this workspace: it is signed with the key" in says) == (1, True), says
    for nothing in ("", " "):
        done = asked.run("history", "verify", "--anchor", nothing)
        assert (done.returncode, "--anchor is empty" in done.stderr) == (2, True)
    file.write_text(given["anchor"].replace(f" {position} ", f" {int(position) + 7} ") + "\n")
    done = asked.run("history", "verify", "--anchor", file)
    assert (done.returncode, "was altered, or a letter of it is wrong" in done.stderr) == (2, True)
    file.write_text(f"{file.read_text()}{given['anchor']}\n")
    status, says = verified(asked, "--anchor", file)
    assert (status, "was altered, or a letter of it is wrong" in says) == (1, True), "the other one still counts"
    for key, told in (("1234", "'1234' is no fingerprint"), ("", "--key is empty"), ("z" * 32, "is no fingerprint")):
        done = asked.run("history", "verify", "--key", key)
        assert (done.returncode, told in done.stderr, "ac01-f531" in done.stderr) == (2, True, True), done.stderr
    file.write_text(line_of(other))
    done = asked.run("history", "verify", "--anchor", file)
    assert (done.returncode, "is of another workspace" in done.stderr) == (2, True)


def test_k3_the_public_key_is_known_outside_and_a_replaced_one_is_named(tmp_path):
    desk = new_desk(tmp_path)
    shown = desk.json("history", "anchor")
    (told,) = [row for row in desk.json("doctor") if row["check"] == "signatures"]
    assert shown["key"] in told["says"]
    second = desk.elsewhere(tmp_path / "second")
    made = desk.run("init", second.folder, folder=tmp_path)
    assert "are signed with key" in made.stdout
    for key, status in ((shown["key"], 0), (shown["key"].upper().replace("-", " "), 0), ("0" * 32, 1)):
        assert verified(desk, "--anchor", shown["anchor"], "--key", key)[0] == status
    status, says = verified(second, "--key", shown["key"])
    assert (status, "it was replaced" in says) == (1, True)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ('file = "{folder}/anchors.txt"', "lies in the workspace"),
        ('git = "{folder}"', "lies in the workspace"),
        ('file = "anchors.txt"', "is no whole path"),
        ('mail = "anna@acme.example"', "Fill in [mail.smtp] first"),
        ('fiel = "/a"', "did you mean 'file'?"),
    ],
)
def test_l7_places_that_are_not_outside_are_refused(desk, place, says):
    config = desk.folder / "mainstay.toml"
    config.write_text(f"{config.read_text()}\n[anchor]\n{place.format(folder=desk.folder)}\n")
    done = desk.run("plans")
    assert (done.returncode, says in " ".join(done.stderr.split())) == (2, True), done.stderr
