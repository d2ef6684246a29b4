"""`mainstay forget`: what is known of a person is shown first, and can no longer be read afterwards (M7, L3)."""

import pytest
from as_shown import DEMO_PICK

PERSON = "Tessa Quarz Keramik"


@pytest.fixture(scope="module")
def done(shared):
    """A workspace whose run was answered with yes throughout; each test forgets somebody else, or nobody."""
    standing = shared.json("decide", shared.question, "approve", *DEMO_PICK, status=3)
    standing = shared.json("decide", standing["questions"][0], "approve")
    assert standing["status"] == "completed"
    return shared


def test_m7_it_says_who_is_meant_and_what_goes_with_them_and_waits_for_a_yes(done):
    before = done.json("history", "tail")
    said = done.run("forget", "tessa@quarz-keramik.example")
    told = " ".join(said.stderr.split())
    assert said.returncode == 2
    for part in (PERSON, "values in 1 plan", "content of 2 files", "--keep-files", "This can't be taken back."):
        assert part in told
    assert "Add --yes" in told
    assert done.json("history", "tail") == before


def test_m7_a_person_is_forgotten_by_any_of_their_names_and_the_receipt_names_nobody(done):
    plan = done.json("plans")[0]["plan"]
    document = done.json("forget", "C10", "--yes")
    receipt = document["receipt"]
    assert (receipt["by"], receipt["plans"], len(receipt["keys"])) == ("operator", 1, 1)
    assert document["cut_off"]
    assert "Backups" in document["note"]
    assert PERSON not in str(document)
    assert PERSON not in done.run("show", plan, "--all").stdout
    assert done.run("history", "verify").returncode == 0
    told = done.run("history", "tail").stdout
    assert receipt["id"] in told
    again = done.run("forget", PERSON)
    assert again.returncode == 2
    assert f"Nobody is known here as '{PERSON}'" in again.stderr


def test_e5_an_undo_says_what_cannot_be_taken_back_because_it_was_forgotten(done):
    said = done.run("forget", "Kupfer Architekten PartG", "--yes")
    assert said.returncode == 0, said.stderr
    assert "Backups and copies made before now still hold the key" in " ".join(said.stdout.split())
    plan = done.json("plans")[0]["plan"]
    said = " ".join(done.run("undo", plan).stderr.split())
    assert "because what it needs about a person was forgotten" in said


def test_a_no_at_the_terminal_forgets_nobody(done):
    terminal = done.terminal("forget", "Festival Taiga e.V.")
    terminal.until("(yes, no):")
    terminal.type("no\n")
    assert terminal.status() == 0
    assert "Nothing was forgotten" in terminal.text
    assert "Festival Taiga" in done.run("forget", "Festival Taiga e.V.").stderr


@pytest.mark.parametrize("name", ["", "Nobody At All"])
def test_a_name_that_is_nobodys_is_told_so(done, name):
    said = done.run("forget", name, "--yes")
    assert said.returncode == 2
    assert f"Nobody is known here as '{name}'" in said.stderr


def test_m7_l6_older_backups_copies_and_exports_forget_again_and_say_so(asked):
    """Before anybody can look at them; they can be released, or forget somebody else, as any other."""
    base = asked.folder.parent
    asked.json("backup", base / "old.backup")
    (base / "old.jsonl").write_text(asked.run("history", "export").stdout)
    asked.json("forget", PERSON, "--yes")
    other = asked.elsewhere(base / "again")
    done = asked.run("restore", base / "old.backup", other.folder)
    assert (done.returncode, "One person was forgotten after this was written" in done.stdout + done.stderr) == (
        0,
        True,
    )
    assert f"Nobody is known here as '{PERSON}'" in other.run("forget", PERSON).stderr
    assert other.json("history", "verify")["bad"] is None
    more = other.json("forget", "Kupfer Architekten PartG", "--yes")["receipt"]["keys"]
    third = asked.elsewhere(base / "third")
    assert asked.run("init", third.folder, folder=base).returncode == 0
    assert third.json("history", "import", base / "old.jsonl")["forgotten_again"] == 1 + len(more)
    assert f"Nobody is known here as '{PERSON}'" in third.run("forget", PERSON).stderr
    assert "Kupfer" in asked.run("forget", "Kupfer Architekten PartG").stderr, "where it goes on they are known"
