"""A reconciliation whose owner is killed at random moments ends as if nothing had happened (F3)."""

import email
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from seeds import seeds
from starter import Script

from mainstay.app import Owner, create_workspace
from mainstay.ledger.books import BookReader
from mainstay.views import Views

pytestmark = pytest.mark.torture
OWNER = Path(__file__).with_name("reconciling_owner.py")
SEEDS = 20
MAX_KILLS = 3
END_S = 60


@pytest.fixture(autouse=True)
def own_config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def run_s(tmp_path_factory):
    """How long it takes from "up" to the end when nobody kills it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        workspace = create_workspace(tmp_path_factory.mktemp("whole") / "w", name="Acme")
        owner = start(workspace)
        began = time.monotonic()
        assert owner.wait(END_S) == 0
        return time.monotonic() - began


def start(workspace):
    owner = Script(OWNER, workspace.root)
    assert owner.stdout.readline() == "up\n"
    owner.stdout.close()
    return owner


@pytest.mark.parametrize("seed", seeds(2, SEEDS))
def test_killed_at_any_moment_it_neither_sends_nor_books_twice(seed, run_s, tmp_path):
    workspace = create_workspace(tmp_path / "w", name="Acme", sender="Acme <billing@acme.example>")
    pick = random.Random(seed)
    for _ in range(pick.randint(1, MAX_KILLS)):
        owner = start(workspace)
        time.sleep(pick.uniform(0, run_s))
        owner.kill()
        owner.wait(END_S)
    assert start(workspace).wait(END_S) == 0
    check_ended_well(workspace)


def check_ended_well(workspace):
    with Views(workspace) as views:
        (plan,) = views.plans()
        assert plan["status"] == "completed"
        assert views.verify().get("bad") is None
    files = list((workspace.root / "outbox/mail").iterdir())
    mails = [email.message_from_bytes(file.read_bytes()) for file in files]
    assert {file.suffix for file in files} == {".eml"}
    assert len({mail["Message-ID"] for mail in mails}) == len({mail["To"] for mail in mails}) == len(mails) == 4
    owner = Owner(workspace, "test")
    try:
        payments = BookReader(owner.ledger, owner.payloads.load).of_plan(plan["plan"])
        booked = Counter((payment.line_id, payment.invoice, payment.kind) for payment in payments)
        assert len(booked) == 38
        assert set(booked.values()) == {1}
        assert owner.ledger.rows("SELECT status, count(*) FROM plan GROUP BY status") == [("completed", 1)]
        assert owner.ledger.differing() == []
    finally:
        owner.ledger.close()
        owner.lock.release()
