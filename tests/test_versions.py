"""O4, K14, A2: nothing changed runs before it is activated, and a running plan keeps its own version."""

from __future__ import annotations

import pytest
from versions_desk import activate, make, play, report, run

from mainstay.errors import InactiveError


@pytest.fixture
def workspace(tmp_path):
    return make(tmp_path / "acme")


def test_o4_a_playbook_and_an_agent_run_once_they_are_activated(workspace):
    async def scenario(owner):
        with pytest.raises(InactiveError, match=r"playbooks/offer\.yaml is not active"):
            await run(owner, "offer", "name=Bo")
        done = await activate(owner)
        assert [(one.kind, one.name) for one in done.activated] == [("agent", "greet"), ("playbook", "offer")]
        return await run(owner, "offer", "name=Bo")

    assert play(workspace, scenario)["status"] == "completed"
    assert report(workspace) == "Hello, Bo: our offer.\n"
