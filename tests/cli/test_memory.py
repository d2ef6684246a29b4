"""`mainstay memory`: what was learned is listed with its source, and can be forgotten."""

import pytest
from as_shown import DEMO_PICK
from cli_desk import asked_desk


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace whose first run was answered with yes throughout."""
    desk = asked_desk(tmp_path_factory.mktemp("made"))
    standing = desk.json("decide", desk.question, "approve", *DEMO_PICK, status=3)
    assert desk.json("decide", standing["questions"][0], "approve")["status"] == "completed"
    return desk


@pytest.fixture
def taught(made, tmp_path):
    return made.copied(tmp_path)


def test_what_was_learned_is_listed_with_its_source_and_forgotten_one_by_one(taught):
    known = taught.json("memory", "list")
    assert [layout["section"] for layout in known["layouts"]] == ["invoices.columns"]
    payer = next(one for one in known["payers"] if one["name"] == "Jonas Beispiel")
    assert "928.20 EUR from Jonas Beispiel paid 2026-139" in payer["source"]
    told = taught.run("memory", "list").stdout
    assert "Jonas Beispiel" in told
    assert "pays for Tessa Quarz Keramik" in " ".join(told.split())
    assert taught.json("memory", "forget", payer["id"][:8])["status"] == "completed"
    after = taught.json("memory", "list")
    assert payer["id"] not in {one["id"] for one in after["payers"]}
    assert len(after["payers"]) == len(known["payers"]) - 1


@pytest.mark.parametrize("name", ["zz", ""])
def test_a_name_that_is_none_forgets_nothing(taught, name):
    before = taught.json("memory", "list")
    done = taught.run("memory", "forget", name)
    assert done.returncode == 2
    assert f"Nothing that was learned begins with '{name}'" in done.stderr
    assert taught.json("memory", "list") == before


def test_a_new_workspace_says_that_nothing_was_learned(desk):
    assert desk.run("memory", "list").stdout.startswith("Nothing was learned yet")
