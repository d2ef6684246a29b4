"""The same statement a second time on one day: nothing is booked, sent or overwritten again."""

import asyncio

import pytest
from as_shown import yes

from mainstay.app import Owner, create_workspace
from mainstay.playbooks.shelf import LIBRARY, open_playbook
from mainstay.views import Views

PLAYBOOK = "billing-reconciliation"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return create_workspace(tmp_path / "acme", name="Acme")


def files_in(workspace, pattern):
    return {path.name: path.read_text() for path in workspace.root.glob(pattern)}


async def begin(owner):
    definition = open_playbook(None, PLAYBOOK, owner.contracts)
    files = {"statement": "statement.xml", "invoices": "invoices.csv"}
    pinned = {name: [owner.requests.pin(file, (LIBRARY / "demo" / file).read_bytes())] for name, file in files.items()}
    plan, committed = owner.requests.propose(definition, pinned)
    await committed
    return plan


async def finish(owner, *plans):
    for plan in plans:
        standing = await owner.requests.follow(plan, lambda _: None)
        while standing["questions"]:
            await owner.requests.rule(standing["questions"][0], yes(owner, standing["questions"][0]))
            standing = await owner.requests.follow(plan, lambda _: None)
        assert standing["status"] == "completed", standing


def outputs(workspace, plan):
    with Views(workspace) as views:
        return views.outputs(plan)


def test_one_after_the_other(workspace):
    async def twice():
        async with Owner(workspace, "test") as owner:
            first = await begin(owner)
            await finish(owner, first)
            before = files_in(workspace, "reports/*")
            second = await begin(owner)
            await finish(owner, second)
            with Views(workspace) as views:
                undone = views.undo_list(second, owner.contracts)["possible"]
            return undone, second, before

    undone, second, before = asyncio.run(twice())
    after = files_in(workspace, "reports/*")
    assert len(before) == 2
    assert before.items() < after.items()
    (report,) = (text for name, text in after.items() if name not in before)
    (name,) = after.keys() - before.keys()
    (row,) = [row for row in undone if row["action"] == "report"]
    assert (row["headline"], row["by"]) == (f"Write reports/{name}", f"Delete reports/{name}"), "the file of this run"
    given = outputs(workspace, second)
    assert (given["late"]["count"], given["late"]["reminded"], given["late"]["remind"]) == (4, 4, [])
    assert len(files_in(workspace, "outbox/mail/*")) == 4
    assert [match["invoice_numbers"] for match in given["match"]["duplicates"]] == [["2026-102"]]
    assert "| of them reminded of in the last seven days | 4 |" in report


@pytest.mark.long
def test_both_asked_before_either_is_answered(workspace):
    async def together():
        async with Owner(workspace, "test") as owner:
            plans = [await begin(owner), await begin(owner)]
            for plan in plans:
                standing = await owner.requests.follow(plan, lambda _: None)
                await owner.requests.rule(standing["questions"][0], {"choice": "approve"})  # how files are read
                await owner.requests.follow(plan, lambda _: None)
            await finish(owner, *plans)
            return plans

    given = [outputs(workspace, plan) for plan in asyncio.run(together())]
    assert sum(one["export"]["count"] for one in given) == 38
    first, second = sorted((one["still"] for one in given), key=lambda one: len(one["dropped"]))
    assert (len(first["matches"]), len(second["dropped"])) == (len(second["dropped"]), len(first["matches"]))
    assert (first["dropped"], second["matches"]) == ([], [])
    assert {match["why"] for match in second["dropped"]} == {"It was booked by another run meanwhile."}
    assert len(files_in(workspace, "outbox/mail/*")) == 4
