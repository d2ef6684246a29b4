"""L10, F19, O7: the golden workspace of each release is restored, gone on with and ended by today's code, for ever.

A failure means that something stored reads or goes on otherwise: lift the old version with an upcaster, give the
kernel's semantics a new number, or keep what reads the old form. What is kept is never made anew; another format is
another golden (`python tests/golden/make_workspace.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import starter
from golden_files import digests, names
from make_workspace import PASSPHRASE, PLAYBOOKS, SHIPPED, play

from mainstay import commands as c
from mainstay import events as e
from mainstay.app import contracts_to_read, create_workspace, import_history, projections_of
from mainstay.errors import LedgerError
from mainstay.kernel.rules import KERNELS, is_gone
from mainstay.kernel.state import OPEN_PLAN, is_over
from mainstay.ledger import keys
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.exporting import Opened, export
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.receipts import markdown
from mainstay.receipts.check import check
from mainstay.receipts.gather import Receipts
from mainstay.version import VERSION
from mainstay.views import Views
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent / "golden"
DAYS = (10, 40, 90, 280, 500)  # since the first day of a golden workspace: when its owner comes back
RECEIPTS = 12
ROOTS = "SELECT id FROM plan WHERE parent = '' ORDER BY id"
EVERYWHERE = {"asked", "backoff", "calling", "delayed", "fanned", "intended", "settling", "stuck", "unseen", "waiting"}
ANSWERS = {"settle": "happened", "confirm": "confirmed"}  # by kind of question


class Golden:
    """A golden workspace, restored."""

    def __init__(self, name: str, base: Path) -> None:
        self.told: dict[str, Any] = json.loads((HERE / f"{name}.workspace.json").read_bytes())
        done = starter.run(["mainstay", "restore", HERE / f"{name}.backup", base / "golden"], folder=base)
        assert done.returncode == 0, done.stderr
        self.workspace = Workspace(base / "golden")
        self.kept = {plan: told for plan, told in self.told["plans"].items() if not is_gone(told["kernel"])}
        self.gone = self.told["plans"].keys() - self.kept.keys()


@pytest.fixture(scope="module", params=names(".backup"))
def home(request, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    base = tmp_path_factory.mktemp("golden")
    with pytest.MonkeyPatch.context() as here:
        here.setenv("XDG_CONFIG_HOME", str(base / "config"))
        here.setenv("XDG_RUNTIME_DIR", str(base))
        here.setenv("MAINSTAY_BACKUP_PASSPHRASE", PASSPHRASE)
        yield request.param, base


@pytest.fixture(scope="module")
def golden(home) -> Golden:
    name, base = home
    return Golden(name, base)


# --- as it was left


def test_l10_nothing_golden_was_changed_and_nothing_lies_there_that_is_not_kept():
    there = {path.name for path in HERE.iterdir() if path.suffix in (".backup", ".json", ".jsonl", ".md")}
    assert there == set(digests())
    changed = [name for name, kept in digests().items() if sha256((HERE / name).read_bytes()).hexdigest() != kept]
    assert not changed, "golden files are never made anew: keep another one beside them"


def test_l10_a_golden_workspace_stands_everywhere_that_a_plan_can_stand(golden):
    plans = golden.told["plans"].values()
    assert {slot for told in plans for slot in told["slots"].values()} >= EVERYWHERE
    assert {told["status"] for told in plans} >= {*OPEN_PLAN, "completed", "cancelled", "expired", "undone"}
    assert {told["playbook"] for told in plans} >= {*PLAYBOOKS, *SHIPPED}
    assert len({told["kernel"] for told in plans} - {0}) == len(KERNELS)


def test_l10_l7_an_old_workspace_opens_its_history_verifies_and_every_plan_stands_where_it_stood(golden):
    with Views(golden.workspace) as views:
        found = views.verify()
        assert (found["bad"], found["damaged"], found["files"]) == (None, [], [])
        assert views._reader.digest_at(golden.told["position"]) == golden.told["digest"], "restoring only adds to it"
        for plan_id, told in golden.kept.items():
            plan = views.plan(plan_id)
            slots = {path: slot.status for path, slot in plan.slots.items()}
            assert (plan.status, plan.kernel, slots) == (told["status"], told["kernel"], told["slots"]), plan_id
            views.show(plan_id)
        assert len(views.inbox(limit=1000)) > 10
        assert views.stuck()
        assert [event.kind for event in views._reader.tail(0, 10**6)].count("PersonForgotten") == 1


def test_l10_l8_l9_its_lists_are_made_anew_and_equal_also_of_what_was_archived(golden):
    held = keys.load(golden.workspace.state)
    blobs = FileBlobs(golden.workspace.blobs, held.blobs)
    assert list((golden.workspace.state / "segments").iterdir())
    with closing(SqliteLedger(golden.workspace.ledger, held.database, projected=projections_of(blobs))) as ledger:
        assert ledger.differing() == []


def test_l10_p6_every_old_plan_decides_the_same_again_under_its_own_number(golden):
    with Views(golden.workspace) as views:
        for plan_id in golden.kept:
            assert views.replay(plan_id)["first_difference"] == "", plan_id
        for plan_id in golden.gone:
            with pytest.raises(LedgerError, match="began under other rules"):
                views.replay(plan_id)


def test_l10_o7_an_old_history_goes_out_and_comes_in_as_it_is(golden, tmp_path):
    held = keys.load(golden.workspace.state)
    blobs = FileBlobs(golden.workspace.blobs, held.blobs)
    lines: list[bytes] = []
    export(Opened(golden.workspace.ledger, held.database, held.people, blobs, VERSION), lines.append)
    new = create_workspace(tmp_path / "new", name="New")
    import_history(new, lines, "golden", None, lambda _: None)
    with Views(new) as views:
        assert views.verify()["bad"] is None
        assert views._reader.digest_at(golden.told["position"]) == golden.told["digest"]


# --- gone on with


async def release(owner) -> None:
    await owner.requests._methods["release"](owner.requests, {"all": "run"}, lambda _: None)


def answer(plan, decision: str, asked: Counter[str]) -> str:
    """What an owner says who wants everything to come to an end."""
    question = plan.questions[decision]
    asked[f"{plan.id}/{question.paths[0]}/{question.kind}"] += 1
    ask = plan.step(question.paths[0]).ask if question.kind == "ask" else None
    if ask is not None and ask.form:
        return "reject"
    if question.kind == "stuck":
        first = asked[f"{plan.id}/{question.paths[0]}/stuck"] == 1
        return "retry" if first else next(each for each in ("skip", "undo") if each in question.options)
    return ANSWERS.get(question.kind) or question.options[0]


async def go_on(owner) -> dict[str, str]:
    """Let all go on until it sleeps or has ended; give those that have not ended."""
    asked: Counter[str] = Counter()
    for _ in range(4):  # what ends makes room for others, and is heard by them
        for (plan_id,) in owner.ledger.rows(ROOTS):
            plan = owner.engine.load(plan_id)
            now_us = owner.clock.now_us()
            if plan.status == "proposed":
                await owner.engine.submit(plan_id, c.ApprovePlan(now_us=now_us, by="operator"), actor="operator")
            if plan.paused_at_us is not None:
                await owner.engine.submit(plan_id, c.ResumePlan(now_us=now_us, by="operator"), actor="operator")
            while questions := (await owner.requests.follow(plan_id, lambda _: None))["questions"]:
                for decision in questions:
                    about = owner.engine.load(decision.rpartition(".")[0])
                    if decision in about.questions:
                        await owner.requests.rule(decision, {"choice": answer(about, decision, asked)})
    plans = [owner.engine.load(row[0]) for row in owner.ledger.rows("SELECT id FROM plan ORDER BY id")]
    return {plan.id: plan.status for plan in plans if not is_over(plan)}


@pytest.fixture(scope="module")
def ended(golden) -> Workspace:
    """The workspace after its owner came back a few times and saw everything through; what only looks comes before."""
    play(golden.workspace, release, DAYS[0], blind=False)
    for day in DAYS:
        left = play(golden.workspace, go_on, day, blind=False)
    assert left == {}
    return golden.workspace


def test_l10_every_old_plan_that_lived_is_gone_on_with_and_ends_under_its_own_number(golden, ended):
    with Views(ended) as views:
        for plan_id, told in golden.kept.items():
            plan = views.plan(plan_id)
            assert is_over(plan), plan_id
            assert plan.kernel == (told["kernel"] or KERNELS[-1])
            assert views.replay(plan_id)["first_difference"] == "", plan_id
        assert views.verify()["bad"] is None


def test_l10_k14_what_waited_greets_as_it_would_have_on_the_day_it_began(golden, ended):
    with Views(ended) as views:
        for plan_id, told in golden.kept.items():
            if told["playbook"] == "greets":
                said = [fact.fact for fact in views.recorded(plan_id) if isinstance(fact.fact, e.StepCompleted)]
                assert said[-1].output == {"text": {1: "Hello, old-greets", 2: "Howdy, new-greets"}[told["kernel"]]}


def test_l10_o17_receipts_of_old_plans_are_made_and_hold(golden, ended):
    whole = [
        plan for plan, told in golden.kept.items() if "-" not in plan and told["status"] in ("running", "completed")
    ]
    with Receipts(ended, contracts_to_read(ended)) as receipts:
        for plan_id in whole[:: max(1, len(whole) // RECEIPTS)]:
            signed = receipts.signed(plan_id)
            checked = check(markdown.write(signed))
            assert checked.faults == ()
            assert checked.signed == signed, plan_id
