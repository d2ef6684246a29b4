"""O4: policies and prompts have a difference and a way back too, as playbooks and agents have (test_versions.py)."""

from __future__ import annotations

import pytest
from versions_desk import activate, make, play, revert, write

from mainstay.playbooks.artefacts import read_artefact
from mainstay.playbooks.changes import change_of, line_diff

PROMPTED = """\
from pathlib import Path

import msgspec
from mainstay.agent import agent


class Text(msgspec.Struct, frozen=True):
    text: str


@agent
def tell(given: Text) -> Text:
    \"\"\"Tell what the prompt says.\"\"\"
    return Text(Path(__file__).with_suffix(".md").read_text())
"""
FEW = "- {id: few, do: mail.send, limits: {per_day: 5}}\n"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return make(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("kind", "name", "path"), [("policy", "money", "policies/money.yaml"), ("agent", "tell", "agents/tell.md")]
)
def test_o4_a_policy_and_a_prompt_have_a_difference_and_go_back(workspace, kind, name, path):
    if kind == "agent":
        write(workspace, "agents/tell.py", PROMPTED)
    write(workspace, path, FEW)

    async def scenario(owner):
        await activate(owner)
        versions = owner.requests.activation.versions
        first = versions.active(kind, name)
        write(workspace, path, FEW.replace("5", "9"))
        assert change_of(versions, workspace.root, (kind, name)).state == "changed"
        await activate(owner)
        second = versions.active(kind, name)
        told = line_diff(versions.content(first), versions.content(second), "was", "now")
        await revert(owner, kind, name, first.digest)
        return told, versions.active(kind, name).digest == first.digest, read_artefact(workspace.root, kind, name)

    told, back, there = play(workspace, scenario)
    changed = [line for line in told if line.startswith(("-- ", "+- "))]
    assert changed == [f"-{FEW.strip()}", f"+{FEW.strip().replace('5', '9')}"]
    assert back
    assert there.files[path] == FEW.encode()
