"""The playbooks that ship compile against the operations and agents that ship."""

from functools import partial
from pathlib import Path

import msgspec
import pytest
from small_catalogue import SmallCatalogue

from mainstay.agents import cadence, draft, qualify, reconcile, replies
from mainstay.connectors import books, files, known, leads, mail, posts
from mainstay.connectors.bank import read as bank
from mainstay.connectors.invoices import issue
from mainstay.connectors.invoices import read as invoices
from mainstay.errors import UnknownNameError
from mainstay.kernel.graph import Definition
from mainstay.playbooks.compile import compile_opened, compile_playbook
from mainstay.playbooks.explain import explain
from mainstay.playbooks.shelf import opened
from mainstay.records import Invoice, Match
from mainstay.runtime.expressions import Program
from mainstay.values import Money

LIBRARY = Path(__file__).parents[2] / "src/mainstay/playbooks/library"


class ShippedCatalogue(SmallCatalogue):
    def __init__(self, workspace):
        folders = files.FilesConfig(workspace=str(workspace), notes=str(workspace / ".mainstay/notes"))
        self._operations = {
            each.name: each
            for each in (
                *bank.operations(),
                *invoices.operations(),
                *books.operations(object()),
                *known.operations(object()),
                *issue.operations(object(), issue.Issuer(folders.workspace, folders.notes)),
                *leads.operations(),
                *posts.operations(folders),
                *files.operations(folders),
                *mail.operations(mail.MailConfig(sender="Acme <a@acme.example>", workspace=str(workspace))),
            )
        }

    def operation(self, name):
        if name not in self._operations:
            raise UnknownNameError(f"there is no operation {name!r}")
        return self._operations[name]

    def agent(self, name):
        agents = {one.CONTRACT.name: one.CONTRACT for one in (cadence, draft, qualify, reconcile, replies)}
        if name not in agents:
            raise UnknownNameError(f"there is no agent {name!r}")
        return agents[name]


@pytest.fixture
def catalogue(tmp_path):
    return ShippedCatalogue(tmp_path)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.yaml")), ids=lambda path: path.stem)
def test_it_compiles_explains_itself_and_is_the_same_each_time(path, catalogue):
    definitions = [compile_opened(opened(None, path.stem), catalogue, others=partial(opened, None)) for _ in range(2)]
    stored = [msgspec.msgpack.encode(definition) for definition in definitions]
    assert stored[0] == stored[1]
    assert definitions[0].name == path.stem
    assert len(explain(definitions[0], catalogue)) > 200


def test_the_service_says_in_words_that_absence_notes_are_no_answer_and_what_it_refuses(catalogue):
    told = explain(
        compile_opened(opened(None, "productised-service"), catalogue, others=partial(opened, None)), catalogue
    )
    assert "'in reply to' of the mail is 'message id' of deliver and no program wrote the mail" in told
    assert "- The deposit is more than the price.\n" in told
    assert "it ends as 'held_back'.\n" in told


def test_the_report_and_the_reminder_read_well(catalogue):
    source = (LIBRARY / "billing-reconciliation.yaml").read_text()
    definition = compile_playbook(source, catalogue, file="billing-reconciliation.yaml", folders=[LIBRARY])
    definition = msgspec.msgpack.decode(msgspec.msgpack.encode(definition), type=Definition)
    program = Program(definition, "Europe/Berlin")
    steps = {step.name: step for step in definition.steps}
    names = {**sample_names(), "item": late_invoice()}.get
    report = program.value(steps["report"].arguments, names)
    assert report["path"] == "reports/2026-11-21-reconciliation.md"
    assert "| Bank lines read | 5000 |" in report["text"]
    assert report["text"].count("| 2026-11-20 | Acme \\| Sons | 100.00 EUR | R1 | same reference |") == 5000
    assert "| R7 | Widget Ltd | 900.00 EUR | 2026-10-01 | 51 |" in report["text"]
    mailed = program.value(steps["remind"].arguments, names)
    assert mailed["to"] == "pay@widget.example"
    assert "invoice R7 over 1,000.00 EUR was due on 2026-10-01. 900.00 EUR is still open." in mailed["text"]
    assert program.value(steps["remind"].each, names) == [late_invoice()] * 5000
    assert len(program.value(steps["still"].arguments, names)["matches"]) == 5000


def sample_names():
    match = Match("m", "full", ("l",), ("R1",), Money(10_000, "EUR"), 0.99, "same reference")
    match = msgspec.structs.replace(match, booked_on="2026-11-20", counterparty="Acme | Sons")
    summary = dict.fromkeys(reconcile.ReconcileSummary.__struct_fields__, 5000)
    summary |= dict.fromkeys(("received", "matched_amount", "owed", "owed_after_review"), "500,000.00 EUR")
    return {
        "match": {"sure": [msgspec.to_builtins(match)] * 5000, "unsure": [], "summary": summary},
        "review": None,
        "late": {
            "invoices": [late_invoice(), late_invoice() | {"email": ""}],
            "remind": [late_invoice()] * 5000,
            "owed": "900.00 EUR",
            "count": 2,
            "reminded": 0,
            "no_address": 1,
        },
        "export": {"count": 5000, "earlier": []},
        "fresh": {"booked": 0},
        "today": "2026-11-21",
        "company": {"name": "Acme"},
    }


def late_invoice():
    amount, still_open = Money(100_000, "EUR"), Money(90_000, "EUR")
    invoice = Invoice(
        "R7", "Widget Ltd", amount, still_open, "2026-09-01", "2026-10-01", "pay@widget.example", days_late=51
    )
    return msgspec.to_builtins(invoice)
