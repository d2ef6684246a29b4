"""L10, F19: the golden history of each release is imported and replayed for ever, and adds up to the same.

A failure means that a fact, the codec, the chain or the kernel changed so that older histories read otherwise: lift
the old version with an upcaster, or give the kernel's semantics a new number. No golden file is ever made anew:
`python tests/golden/make.py` writes another one beside it.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from golden_files import names
from ledger_samples import PROJECTIONS

from mainstay import events as e
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold
from mainstay.kernel.replay import replay
from mainstay.ledger import codec
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.codec import KINDS, UPCASTERS, decode_fact, encode_fact
from mainstay.ledger.exporting import Opened, export
from mainstay.ledger.importing import Target, import_lines
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parent.parent / "golden"
RELEASES = names(".jsonl")  # oldest first


class Imported:
    """A golden history in a ledger of today."""

    def __init__(self, folder: Path, release: str) -> None:
        self.lines = (GOLDEN / f"{release}.jsonl").read_bytes().splitlines(keepends=True)
        self.told: dict[str, Any] = json.loads((GOLDEN / f"{release}.json").read_bytes())
        self.key = secrets.token_bytes(32)
        self.folder = folder
        self.blobs = FileBlobs(folder / "blobs", self.key)
        with SqliteLedger(folder / "ledger.db", self.key) as ledger:
            import_lines(Target(ledger, self.blobs, self.key), self.lines, release)
        self.ledger = SqliteLedger(folder / "ledger.db", self.key, projected=PROJECTIONS[:1])

    def graph(self, plan: str) -> Graph:
        proposed = self.ledger.read(f"plan:{plan}")[0].fact
        assert isinstance(proposed, e.PlanProposed)
        return Graph(msgspec.msgpack.decode(self.blobs.get(proposed.definition), type=Definition))


@pytest.fixture(scope="module", params=RELEASES)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    imported = Imported(tmp_path_factory.mktemp("golden"), request.param)
    yield imported
    imported.ledger.close()


def test_l10_there_is_a_golden_history_of_this_release():
    assert VERSION in RELEASES


def test_l10_l7_the_chain_of_an_old_history_verifies(golden):
    assert golden.ledger.verify().whole
    assert list(golden.ledger.head()) == [golden.told["position"], golden.told["digest"]]


def test_l10_l9_views_are_made_of_an_old_history(golden):
    assert golden.ledger.differing() == []
    rows = dict(golden.ledger.rows("SELECT id, status FROM plan WHERE id GLOB 'golden*'"))
    assert rows == {plan: told["status"] for plan, told in golden.told["plans"].items()}


def test_l10_f19_every_old_plan_adds_up_to_the_same(golden):
    assert golden.told["plans"]
    for plan_id, told in golden.told["plans"].items():
        plan = fold(plan_id, golden.graph(plan_id), golden.ledger.read(f"plan:{plan_id}"))
        assert (plan.status, plan.sequence, sorted(plan.questions)) == (
            told["status"],
            told["sequence"],
            told["questions"],
        )
        assert {path: slot.status for path, slot in plan.slots.items()} == told["slots"], plan_id


def test_l10_f19_every_old_plan_decides_the_same_again(golden):
    for plan_id, told in golden.told["plans"].items():
        found = replay(plan_id, golden.graph(plan_id), golden.ledger.read(f"plan:{plan_id}"))
        assert found.same, f"{plan_id}: {found.position}: {found.difference}"
        assert found.facts == told["facts"]


def test_l10_no_fact_of_an_old_history_loses_anything_by_being_read(golden):
    """A field that is gone would be read over without a word: it needs another version, and an upcaster."""
    rows = golden.ledger.rows("SELECT kind, version, body FROM event")
    present = [(kind, version, body) for kind, version, body in rows if version == KINDS[kind].version]
    assert present
    read = msgspec.msgpack.decode  # a map of the same fields has a longer head where its kind may have many
    lost = {
        kind for kind, version, body in present if read(encode_fact(decode_fact(kind, version, body))) != read(body)
    }
    assert not lost


def test_l10_an_old_history_goes_out_as_it_came_in(golden):
    lines: list[bytes] = []
    export(Opened(golden.folder / "ledger.db", golden.key, golden.key, golden.blobs, VERSION), lines.append)
    assert lines[1:-1] == golden.lines[1:-1], "but for the release that wrote it"


def test_l10_golden_plans_lived_through_most_kinds_of_facts(golden):
    assert len({event.kind for event in golden.ledger.tail(limit=10**6) if event.stream.startswith("plan:")}) > 35


def test_l10_every_kind_of_fact_stands_in_the_golden_history_of_this_release(tmp_path):
    """A kind is new, or a version: write another golden history."""
    imported = Imported(tmp_path, RELEASES[-1])
    kinds = {event.kind for event in imported.ledger.read("samples")}
    imported.ledger.close()
    assert kinds == set(KINDS)


def test_l10_every_version_that_there_was_can_be_lifted():
    missing = [
        (kind, old) for kind, fact in KINDS.items() for old in range(1, fact.version) if (kind, old) not in UPCASTERS
    ]
    assert not missing


def test_l10_old_versions_in_a_golden_history_are_lifted_and_its_digests_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(e.PlanApproved, "version", 2)
    monkeypatch.setitem(codec.UPCASTERS, ("PlanApproved", 1), lambda old: {**old, "by": f"{old['by']} of old"})
    imported = Imported(tmp_path, RELEASES[0])
    approved = [event.fact for event in imported.ledger.tail(limit=10**6) if isinstance(event.fact, e.PlanApproved)]
    assert approved
    assert all(fact.by.endswith(" of old") for fact in approved)
    for plan_id in imported.told["plans"]:
        assert replay(plan_id, imported.graph(plan_id), imported.ledger.read(f"plan:{plan_id}")).same
    assert imported.ledger.verify().whole
    imported.ledger.close()
