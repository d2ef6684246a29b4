"""L10, K14, F19: what waits, sleeps or has parts ends under the version it began with, beside plans of a new one."""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

import pytest
import starter
from seeds import some
from test_versions import definition_of
from versions_desk import AGENT, activate, make, revert, run, write

from mainstay.app import Owner
from mainstay.errors import InputError
from mainstay.requests.rerun import METHODS
from mainstay.runtime.clock import SystemClock
from mainstay.values import DAY_S, SECOND_US
from mainstay.views import Views
from mainstay.workspace import Workspace

DAYS = 4
SLEEP = "nap: {wait: {until: 3d}}"
OFFER = """\
playbook: KIND
title: "Make an offer"
inputs:
  name: {type: text}
steps:
  WAIT
  hello: {agent: greet, needs: [FIRST], with: {name: "= inputs.name"}}
  write: {do: files.write, with: {path: "reports/{{inputs.name}}.md", text: "file:templates/offer.md"}}
"""
FAMILY = """\
playbook: family
title: "Let another one make it"
inputs:
  name: {type: text}
steps:
  part: {playbook: asking, with: {name: "= inputs.name"}}
  later: {playbook: sleeping, needs: [part], with: {name: "= inputs.name + '-later'"}}
  told: {do: files.write, needs: [later], with: {path: "reports/{{inputs.name}}-told.md", text: "SAYS"}}
"""
KINDS = ("asking", "sleeping", "family")


class Version(NamedTuple):
    greeting: str
    offer: str
    says: str


OLD = Version("Hello", "our offer", "as before")
NEW = Version("Howdy", "a better offer", "otherwise")


class Later(SystemClock):
    """The machine's clock, some days ahead."""

    def __init__(self, days: int) -> None:
        self._ahead_us = days * DAY_S * SECOND_US

    def now_us(self) -> int:
        return super().now_us() + self._ahead_us


def lay(workspace, version: Version) -> None:
    """Write all files as they are in a version."""
    write(workspace, "agents/words.py", f'GREETING = "{version.greeting}"\n')
    write(workspace, "templates/offer.md", f"{{{{hello.text}}}}: {version.offer}.\n")
    for kind, wait, first in (("asking", 'go: {ask: "Go?"}', "go"), ("sleeping", SLEEP, "nap")):
        text = OFFER.replace("KIND", kind).replace("WAIT", wait).replace("FIRST", first)
        write(workspace, f"playbooks/{kind}.yaml", text)
    write(workspace, "playbooks/family.yaml", FAMILY.replace("SAYS", version.says))


def reports(workspace) -> dict[str, str]:
    return {path.stem: path.read_text().strip() for path in sorted((workspace.root / "reports").glob("*.md"))}


def made(version: Version, who: str) -> dict[str, str]:
    """What the three plans of a version leave in the end."""

    def offer(name: str) -> str:
        return f"{version.greeting}, {name}: {version.offer}."

    family = f"{who}-family"
    names = (f"{who}-asking", f"{who}-sleeping", family, f"{family}-later")
    return {**{name: offer(name) for name in names}, f"{family}-told": version.says}


async def begin(owner, who: str) -> list[str]:
    return [(await run(owner, kind, f"name={who}-{kind}"))["plan"] for kind in KINDS]


async def end(owner) -> dict[str, str]:
    """Answer what is asked, until nothing is any more; give how each plan ended."""
    roots = [row[0] for row in owner.ledger.rows("SELECT id FROM plan WHERE parent = ''")]
    for plan in roots:
        while questions := (await owner.requests.follow(plan, lambda _: None))["questions"]:
            for question in questions:
                await owner.requests.rule(question, {"choice": "approve"})
    return {plan: owner.engine.load(plan).status for plan in roots}


def play(workspace, scenario, days: int = 0):
    async def inside():
        async with Owner(workspace, "test", clock=Later(days)) as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), 60))


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    workspace = make(tmp_path, monkeypatch)
    (workspace.root / "playbooks" / "offer.yaml").unlink()
    write(workspace, "agents/greet.py", AGENT)
    lay(workspace, OLD)
    return workspace


async def activate_and_begin(owner, who: str):
    await activate(owner)
    return await begin(owner, who)


def stay(workspace):
    """Go on where it was."""
    return workspace


def move(workspace):
    """Go on from a backup, on another disk, with none of the files that were activated."""
    file, folder = workspace.root.parent / "acme.backup", workspace.root.parent / "elsewhere"
    for command in (["backup", file], ["restore", file, folder]):
        done = starter.run(["mainstay", *command], folder=workspace.root, env=os.environ)
        assert done.returncode == 0, done.stderr
    for name in ("agents/greet.py", "agents/words.py", "playbooks/family.yaml", "templates/offer.md"):
        (folder / name).unlink()
    done = starter.run(["mainstay", "history", "release", "--all", "run"], folder=folder, env=os.environ)
    assert done.returncode == 0, done.stderr
    return Workspace(folder)


def all_replay(workspace, plans) -> None:
    with Views(workspace) as views:
        for plan in plans:
            for one in (plan, *views.show(plan)["parts"]):
                assert views.replay(one)["first_difference"] == ""


@pytest.mark.parametrize("goes_on", some(1, [move, stay]))
def test_l10_k14_old_and_new_plans_end_each_under_its_own_version_after_a_restart_and_a_restore(workspace, goes_on):
    old = play(workspace, lambda owner: activate_and_begin(owner, "old"))
    lay(workspace, NEW)
    new = play(workspace, lambda owner: activate_and_begin(owner, "new"))
    assert reports(workspace) == {}
    there = goes_on(workspace)
    play(there, end, days=DAYS)  # what follows in a family sleeps from then on
    ended = play(there, end, days=2 * DAYS)
    assert ended == dict.fromkeys((*old, *new), "completed")
    assert reports(there) == made(OLD, "old") | made(NEW, "new")
    all_replay(there, ended)


def test_o4_k14_a_version_that_was_put_back_is_what_new_plans_begin_with_and_nothing_else(workspace):
    play(workspace, lambda owner: activate_and_begin(owner, "old"))
    lay(workspace, NEW)

    async def there_and_back(owner):
        before = {name: owner.requests.activation.versions.active("playbook", name).digest for name in KINDS}
        agent = owner.requests.activation.versions.active("agent", "greet").digest
        await activate_and_begin(owner, "new")
        for name, digest in before.items():
            await revert(owner, "playbook", name, digest)
        await revert(owner, "agent", "greet", agent)
        plans = await begin(owner, "again")
        assert [definition_of(owner, plan).version for plan in plans] == list(before.values())

    play(workspace, there_and_back)
    play(workspace, end, days=DAYS)
    ended = play(workspace, end, days=2 * DAYS)
    assert reports(workspace) == made(OLD, "old") | made(NEW, "new") | made(OLD, "again")
    all_replay(workspace, ended)


@pytest.mark.parametrize("commits", some(1, [4, 0, 1, 2, 3, 5, 6, 7]))
def test_l10_f5_an_owner_that_dies_at_any_commit_of_an_upgrade_leaves_each_plan_its_version(workspace, commits):
    play(workspace, lambda owner: activate_and_begin(owner, "old"))
    lay(workspace, NEW)
    dies = starter.Script("tests/upgrading_owner.py", workspace.root, commits)
    said = dies.rest(60)
    assert dies.wait(60) == -9
    assert "begun" not in said
    play(workspace, lambda owner: activate_and_begin(owner, "late"))
    play(workspace, end, days=DAYS)
    ended = play(workspace, end, days=2 * DAYS)
    assert set(ended.values()) == {"completed"}
    there = reports(workspace)
    assert (made(OLD, "old") | made(NEW, "late")).items() <= there.items()
    begun = {name: text for name, text in there.items() if name.startswith("new-")}
    assert begun.items() <= made(NEW, "new").items(), "what it began before it died began with what it had activated"
    all_replay(workspace, ended)


def test_p6_o4_what_ended_runs_again_under_its_own_version_and_under_a_new_one_when_that_is_named(workspace):
    (old, *_) = play(workspace, lambda owner: activate_and_begin(owner, "old"))

    async def rerun(owner, **more):
        asked = {"plan": old, "start": "hello", **more}
        done = await METHODS["rerun"](owner.requests, asked, lambda _: None)
        return done["status"], reports(workspace)["old-asking"]

    async def again(owner):
        await end(owner)
        lay(workspace, NEW)
        await activate(owner)
        for more in ({}, {"playbook": "asking"}):
            with pytest.raises(InputError, match="write"):  # each action that it did before wants a word first
                await rerun(owner, **more)
        same = await rerun(owner, choices={"write": "again"})
        return same, await rerun(owner, choices={"write": "again"}, playbook="asking")

    offers = [made(version, "old")["old-asking"] for version in (OLD, NEW)]
    assert play(workspace, again) == tuple(("completed", offer) for offer in offers)
