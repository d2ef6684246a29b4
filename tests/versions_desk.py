"""A workspace with a playbook and an agent of its own, and the owner's acts on their versions. Everything is real."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay.app import Owner, create_workspace
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.changes import changes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

AGENT = """\
import msgspec
from mainstay.agent import AgentResult, agent

from .words import GREETING


class Lead(msgspec.Struct, frozen=True):
    name: str
    tags: list[str] = []


class Said(msgspec.Struct, frozen=True):
    text: str


@agent(summary="Greet a lead", output=Said)
def greet(given: Lead) -> AgentResult:
    return AgentResult(Said(f"{GREETING}, {given.name}"), rationale="It was asked.", confidence=1.0)
"""
WORDS = 'GREETING = "Hello"\n'
OFFER = """\
playbook: offer
title: "Make an offer"
inputs:
  name: {type: text}
steps:
  hello: {agent: greet, with: {name: "= inputs.name"}}
  write: {do: files.write, with: {path: "reports/offer.md", text: "file:templates/offer.md"}}
"""
TEMPLATE = "{{hello.text}}: our offer.\n"
WAITING = OFFER.replace("steps:\n", 'steps:\n  go: {ask: "Go?"}\n').replace(
    "agent: greet,", "agent: greet, needs: [go],"
)


def make(base: Path, monkeypatch: pytest.MonkeyPatch):
    """Make a workspace with a playbook, its template and an agent; nothing is active."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(base / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    workspace = create_workspace(base / "acme", name="Acme", sender="Anna <anna@acme.example>")
    write(workspace, "agents/greet.py", AGENT)
    write(workspace, "agents/words.py", WORDS)
    write(workspace, "playbooks/offer.yaml", OFFER)
    write(workspace, "templates/offer.md", TEMPLATE)
    return workspace


def write(workspace, path: str, text: str) -> None:
    (workspace.root / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace.root / path).write_text(text)


def play(workspace, scenario, seconds=30):
    """Play `await scenario(owner)` and give its result."""

    async def inside():
        async with Owner(workspace, "test") as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), seconds))


def wanted(owner, *only: str):
    """What the operator would say yes to: all changes, or those of these paths."""
    found = changes(owner.requests.activation.versions, owner.workspace.root)
    return [Wanted(one.kind, one.name, one.digest) for one in found if not only or one.path in only]


async def activate(owner, *only: str):
    return await owner.requests.activation.activate(wanted(owner, *only), owner.workers, owner.clock.now_us())


async def revert(owner, kind: str, name: str, beginning: str):
    activation = owner.requests.activation
    version = activation.versions.version(kind, name, beginning)
    present = {(one.kind, one.name): one.digest for one in changes(activation.versions, owner.workspace.root)}
    active = activation.versions.active(kind, name)
    seen = present.get((kind, name), active.digest if active else "")
    return await activation.revert(version, seen, owner.workers, owner.clock.now_us())


async def run(owner, playbook: str, *inputs: str):
    return await owner.requests._methods["run"](
        owner.requests, {"playbook": playbook, "inputs": list(inputs)}, lambda _: None
    )


def report(workspace) -> str:
    return (workspace.root / "reports" / "offer.md").read_text()
