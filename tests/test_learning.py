"""What is asked once: how files are read, and who pays for whom. The next run knows it; an undo takes it back."""

import asyncio

import pytest

from mainstay.app import Owner, create_workspace, records_of
from mainstay.playbooks.shelf import open_playbook
from mainstay.views import Views

PLAYBOOK = "billing-reconciliation"
BANK = "Datum;Name;Verwendungszweck;Betrag;Währung;IBAN Zahlungsbeteiligter\n{}\n"
INVOICES = "number;customer;issued;due;amount;open;currency\n{}\n"
OCTOBER = {
    "statement": BANK.format("14.10.2026;Erika Sommer;danke;1.234,56;EUR;DE02120300000000202051"),
    "invoices": INVOICES.format("R-41;Lumen Optik GmbH;2026-10-01;2026-10-15;1234,56;1234,56;EUR"),
}
NOVEMBER = {
    "statement": BANK.format("16.11.2026;Erika Sommer;danke;2.345,67;EUR;DE02120300000000202051"),
    "invoices": INVOICES.format(
        "R-58;Lumen Optik GmbH;2026-11-01;2026-11-30;2345,67;2345,67;EUR\n"
        "R-59;Marlin Touristik AG;2026-11-01;2026-11-30;87,10;87,10;EUR"
    ),
}


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return create_workspace(tmp_path / "acme", name="Acme")


class Month:
    """One run of the process, its questions answered as `answers` say, else with yes."""

    def __init__(self, owner, files, **answers):
        self.owner, self.files, self.answers = owner, files, answers
        self.plan = ""
        self.asked = []

    async def run(self):
        pinned = {name: [self.owner.requests.pin(f"{name}.csv", text.encode())] for name, text in self.files.items()}
        definition = open_playbook(None, PLAYBOOK, self.owner.contracts)
        inputs = pinned | {"write_off": {"minor": 5, "currency": "EUR"}}
        self.plan, committed = self.owner.requests.propose(definition, inputs)
        await committed
        standing = await self.owner.requests.follow(self.plan, lambda _: None)
        while standing["questions"]:
            with Views(self.owner.workspace) as views:
                question = views.question(standing["questions"][0])
            (step,) = question["actions"][:1]
            self.asked.append(step)
            choice = self.answers.get(step, "approve")
            await self.owner.requests.rule(question["decision"], {"choice": choice, "reason": "it is not so"})
            standing = await self.owner.requests.follow(self.plan, lambda _: None)
        assert standing["status"] == "completed"
        with Views(self.owner.workspace) as views:
            self.outputs = views.outputs(self.plan)
        return self

    async def undo(self):
        await self.owner.requests.answer(_Undo(self.plan), True, lambda _: None)


class _Undo:
    method = "undo"

    def __init__(self, plan):
        self.params = {"plan": plan, "reason": "wrong"}


def run(workspace, play):
    async def owned():
        async with Owner(workspace, "test") as owner:
            return await play(owner, records_of(owner.ledger, owner.payloads.load).known)

    return asyncio.run(owned())


def test_layouts_and_payers_are_asked_about_once_and_known_the_next_month(workspace):
    async def play(owner, known):
        october = await Month(owner, OCTOBER).run()
        assert october.asked[:2] == ["check", "review"]
        assert [row["kind"] for row in october.outputs["check"]["rows"]] == ["layout", "layout"]
        assert {layout.section for layout in known.layouts()} == {"bank.columns", "invoices.columns"}
        (payer,) = known.payers()
        assert (payer.customer, payer.name, payer.iban) == (
            "Lumen Optik GmbH", "Erika Sommer", "DE02120300000000202051",
        )  # fmt: skip
        assert "1,234.56 EUR from Erika Sommer paid R-41" in payer.source
        november = await Month(owner, NOVEMBER).run()
        assert november.asked == []
        (match,) = november.outputs["match"]["sure"]
        assert match["invoice_numbers"] == ["R-58"]
        assert "you" in match["why"]

    run(workspace, play)


def test_an_undo_forgets_what_the_run_was_taught(workspace):
    async def play(owner, known):
        october = await Month(owner, OCTOBER).run()
        await october.undo()
        assert (known.layouts(), known.payers()) == ([], [])
        again = await Month(owner, OCTOBER).run()
        assert again.asked[:2] == ["check", "review"]

    run(workspace, play)


def test_a_no_to_how_files_are_read_ends_the_run_before_anything_is_matched(workspace):
    async def play(owner, known):
        october = await Month(owner, OCTOBER, check="reject").run()
        assert october.asked == ["check"]
        assert "match" not in october.outputs
        assert "report" not in october.outputs
        assert (known.layouts(), known.payers()) == ([], [])
        assert not list((workspace.root / "reports").iterdir())

    run(workspace, play)


def test_a_match_that_is_not_approved_teaches_nothing(workspace):
    async def play(owner, known):
        await Month(owner, OCTOBER, review="reject").run()
        assert known.payers() == []

    run(workspace, play)
