"""What lies in the operator's folder is never code: our own processes begin without it on their path."""

from __future__ import annotations

import asyncio

import pytest

from mainstay.cli.demo_owner import Runtime
from mainstay.console.trials import Trials
from mainstay.errors import MainstayError, NotSent
from mainstay.requests.places import send


def by_place(workspace):
    del workspace
    with pytest.raises((MainstayError, NotSent)):
        send("json://127.0.0.1:1/x", "title", "body")


def by_trial(workspace):
    async def tried():
        over = asyncio.Event()
        trials = Trials(workspace, "0123456789", lambda _: None if trial.running else over.set())
        trial = trials.begin_past("nothing", "", 1, 0)
        await over.wait()

    asyncio.run(tried())


def by_demo(workspace):
    with Runtime(workspace):
        pass


@pytest.mark.parametrize("begin", [by_place, by_trial, by_demo])
def test_code_in_the_workspace_is_not_run_by_a_process_of_ours(workspace, tmp_path, monkeypatch, begin):
    ran = tmp_path / "ran"
    for name in ("json", "msgspec", "typer"):
        (workspace.root / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').close()\n")
    monkeypatch.chdir(workspace.root)
    begin(workspace)
    assert not ran.exists()
