"""Whoever asks reaches the owner of a workspace, becomes it, or is told who it is; also when owners are killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from versions_desk import activate, play

from mainstay.app import Owner, create_workspace
from mainstay.errors import InputError, OwnedError
from mainstay.ledger import queries
from mainstay.ledger.lock import OwnerLock
from mainstay.owners import ask_owner, begin, owner_of

OWNER = Path(__file__).with_name("slow_owner.py")
NAP_S = 3  # how long the plan sleeps while its owner is killed
NAP = f'playbook: nap\ntitle: "Sleep a little"\nsteps:\n  nap: {{wait: {{until: {NAP_S}s}}}}\n'


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    workspace = create_workspace(tmp_path / "acme", name="Acme")
    (workspace.root / "playbooks" / "nap.yaml").write_text(NAP)
    play(workspace, activate)
    return workspace


@pytest.fixture
def owner(workspace):
    """A process of its own that owns the workspace."""
    process = subprocess.Popen([sys.executable, OWNER, workspace.root], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def quiet(_event):
    return


def test_whoever_asks_becomes_the_owner_when_there_is_none_and_no_longer_than_that(workspace):
    seen = []

    def hear(event):
        seen.append((event["kind"], owner_of(workspace).pid))

    answer = asyncio.run(ask_owner(workspace, "run", {"playbook": "nap"}, hear))
    assert (answer["status"], answer["left"]) == ("completed", [])
    assert ("Taken", os.getpid()) in seen
    assert owner_of(workspace) is None
    OwnerLock(workspace.state, "the next one").release()


def test_whoever_asks_goes_through_the_socket_of_the_owner_there_is(workspace, owner):
    async def ask():
        return await ask_owner(workspace, "run", {"playbook": "nap"}, quiet)

    answer = asyncio.run(ask())
    assert answer["status"] == "completed"
    assert "left" not in answer, "the owner goes on by itself"
    assert owner_of(workspace).pid == owner.pid
    assert owner.poll() is None


def test_what_the_owner_raises_is_raised_here(workspace, owner):
    with pytest.raises(InputError, match="no request 'unheard'"):
        asyncio.run(ask_owner(workspace, "unheard", {}, quiet))
    assert owner.poll() is None


def test_a_second_owner_is_refused_and_told_who_the_first_is(workspace, owner):
    with pytest.raises(OwnedError, match=f"Process {owner.pid} "):
        Owner(workspace, "a second one")
    with pytest.raises(OwnedError, match=f"Process {owner.pid} "):
        asyncio.run(begin(workspace))


def test_an_owner_that_never_listens_is_named_in_the_end(workspace, monkeypatch):
    monkeypatch.setattr("mainstay.owners._TRY_AGAIN_S", 0.001)
    held = OwnerLock(workspace.state, "a command that hangs")
    with pytest.raises(OwnedError, match="a command that hangs"):
        asyncio.run(ask_owner(workspace, "run", {"playbook": "nap"}, quiet))
    held.release()


def test_when_the_owner_is_killed_whoever_follows_becomes_the_owner_and_goes_on(workspace, owner):
    seen = []

    def hear(event):
        seen.append(event["kind"])
        if event["kind"] == "Taken":
            owner.send_signal(signal.SIGKILL)

    answer = asyncio.run(ask_owner(workspace, "run", {"playbook": "nap"}, hear))
    assert owner.wait(10) == -signal.SIGKILL
    assert (answer["status"], answer["left"]) == ("completed", [])
    assert seen.count("PlanCompleted") == 1
    check = Owner(workspace, "test")
    try:
        assert [row[0] for row in check.ledger.rows(queries.PLANS, (10, 0))] == [answer["plan"]], "begun once"
        assert check.ledger.differing() == []
    finally:
        check.ledger.close()
        check.lock.release()
