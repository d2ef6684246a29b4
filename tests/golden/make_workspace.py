"""Write a golden workspace: `python tests/golden/make_workspace.py`, before a release, or when what is stored changes.

A workspace is lived in for some days, under the semantics before and the present ones, by plans of every kind, which
are left standing wherever a plan can stand; some details are archived, and a customer is forgotten. What there is then
goes into `NAME.backup`, under the passphrase below, and what it adds up to into `NAME.workspace.json`. Both are kept
for ever, and tests/test_golden_workspaces.py goes on with them. Another format is another name: nothing that lies
there is ever made anew. All data is invented.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import starter  # noqa: E402 - it lies beside the tests
from golden_files import keep, next_name  # noqa: E402
from golden_world import owner_of  # noqa: E402

from mainstay import commands as c  # noqa: E402
from mainstay.app import create_workspace  # noqa: E402
from mainstay.kernel import rules  # noqa: E402
from mainstay.playbooks.activation import Wanted  # noqa: E402
from mainstay.playbooks.changes import changes  # noqa: E402
from mainstay.requests.rerun import METHODS as RERUN  # noqa: E402
from mainstay.views import Views  # noqa: E402
from mainstay.workspace import Workspace  # noqa: E402

if TYPE_CHECKING:
    from mainstay.app import Owner

PASSPHRASE = "golden for ever and ever"
ROOTS = "SELECT id FROM plan WHERE parent = ''"

AGENT = """\
import msgspec
from mainstay.agent import AgentResult, Context, agent

from .words import GREETING


class Lead(msgspec.Struct, frozen=True):
    name: str


class Said(msgspec.Struct, frozen=True):
    text: str


@agent(summary="Greet a lead", output=Said, operations=["gold.shout"])
def greet(given: Lead, ctx: Context) -> AgentResult:
    if given.name.startswith("loud"):
        ctx.call("gold.shout", word=given.name)
    return AgentResult(Said(f"{GREETING}, {given.name}"), rationale="It was asked.", confidence=1.0)
"""
PLAYBOOKS = sorted(path.stem for path in (HERE / "playbooks").glob("*.yaml"))
FILES = {
    "topics.md": "# Spring\n\nIt is spring.\n\n# Summer\n\nIt will be summer.\n",
    "lead.txt": "Name: Ada Berg\nEmail: ada@example.com\n\n"
    "We need a website for our bakery, a page for each of our breads.\n",
    "rules.txt": "wanted: website, landing page\nunwanted: casino\nwords: 8\n",
    "statement.csv": "Booking date,Amount,Currency,Name,Purpose\n2026-02-20,119.00,EUR,Ada Berg,Invoice R-1\n"
    "2026-02-23,50.00,EUR,Bo Linde,Invoice R-2 part\n2026-02-25,-20.00,EUR,Phones Ltd,Phone\n",
    "invoices.csv": "Number,Customer,Email,Amount,Currency,Date,Due date\n"
    "R-1,Ada Berg,ada@example.com,119.00,EUR,2026-01-10,2026-01-24\n"
    "R-2,Bo Linde,bo@example.com,80.00,EUR,2026-01-12,2026-01-26\n",
}
SHIPPED = {
    "billing-reconciliation": ("statement=inbox/statement.csv", "invoices=inbox/invoices.csv"),
    "content-cadence": ("topics=inbox/topics.md", "channels=blog", "begin=2026-04-06T09:00:00+02:00"),
    "repurpose": ("channel=blog", "title=Spring", "text=It is spring."),
    "rework": ("name=Ada", "email=ada@example.com", "wish=More bread"),
    "productised-service": ("lead=inbox/lead.txt", "price=1500.00 EUR", "deposit=500.00 EUR", "rules=inbox/rules.txt"),
    "publish-post": (
        "at=2026-04-06T09:00:00+02:00",
        "channel=blog",
        "title=Spring",
        "queued=inbox/topics.md",
        "path=outbox/blog/spring.md",
    ),
    "forget": ("ids=nothing",),
}
HELD = ("plain", "asks")


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text)


def play(workspace: Workspace, scenario, days: float, *, blind: bool = True):
    """Play `await scenario(owner)` on a day, and give its result."""

    async def inside():
        async with owner_of(workspace, days, blind=blind) as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), 240))


async def ask(owner: Owner, method: str, **params: object) -> dict[str, object]:
    return await owner.requests._methods[method](owner.requests, params, lambda _: None)


async def activate(owner: Owner) -> None:
    activation = owner.requests.activation
    found = changes(activation.versions, owner.workspace.root)
    wanted = [Wanted(one.kind, one.name, one.digest) for one in found]
    await activation.activate(wanted, owner.workers, owner.clock.now_us())


async def run(owner: Owner, playbook: str, *inputs: str, hold: bool = False) -> str:
    """Begin a plan, and wait until it rests, but not for what takes its time."""
    before = {row[0] for row in owner.ledger.rows(ROOTS)}
    with contextlib.suppress(TimeoutError):
        return str(
            (await asyncio.wait_for(ask(owner, "run", playbook=playbook, inputs=list(inputs), hold=hold), 8))["plan"]
        )
    return next(row[0] for row in owner.ledger.rows(ROOTS) if row[0] not in before)


async def begin(owner: Owner, who: str) -> None:
    """Begin plans of all kinds, and leave them wherever they come to rest."""
    await activate(owner)
    named = [name for name in PLAYBOOKS if name not in ("many", "hangs")]
    plans = {name: await run(owner, name, f"name={'busy' if name == 'fails' else who}-{name}") for name in named}
    await run(owner, "many", f"words={who}-one", f"words={who}-two")
    if who == "old":
        await run(owner, "many", *(f"words={who}-{number}" for number in range(101)))
    await run(owner, "alone", f"name={who}-alone")  # it waits for the one before
    for name in HELD:
        await run(owner, name, f"name={who}-held", hold=True)
    for name, inputs in SHIPPED.items():
        await run(owner, name, *inputs)
    await change(owner, who, plans)


async def change(owner: Owner, who: str, plans: dict[str, str]) -> None:
    """Take back, end, pause and run again."""
    now_us = owner.clock.now_us()
    paused = await run(owner, "asks", f"name={who}-paused")
    await owner.engine.submit(paused, c.PausePlan(now_us=now_us, by="operator", reason="not now"), actor="operator")
    cancelled = await run(owner, "asks", f"name={who}-cancelled")
    await ask(owner, "cancel", plan=cancelled, reason="no longer wanted")
    await ask(owner, "undo", plan=plans["plain"], reason="a mistake")
    await ask(owner, "undo", plan=plans["two"], reason="a mistake")  # it asks half way
    await owner.requests.follow(plans["two"], lambda _: None)
    done = await run(owner, "plain", f"name={who}-again")
    await RERUN["rerun"](owner.requests, {"plan": done, "choices": {"say": "again"}}, lambda _: None)
    first = (await ask(owner, "run", playbook="asks", inputs=[f"name={who}-yes"], hold=False))["questions"][0]
    await ask(owner, "decide", decision=first, choice="approve")
    books = await ask(owner, "run", playbook="billing-reconciliation", inputs=list(SHIPPED["billing-reconciliation"]))
    while who == "new" and (questions := books["questions"]):
        books = await ask(owner, "decide", decision=questions[0], choice="approve")


async def leave(owner: Owner) -> None:
    """Archive the details of what ended."""
    await asyncio.sleep(2)  # what expires waits out its grace
    await ask(owner, "archive", older_than_s=0)
    people = owner.ledger.rows(
        "SELECT id FROM person_key WHERE kind = 'person' AND destroyed_at_us IS NULL ORDER BY id"
    )
    await ask(owner, "forget", keys=[people[0][0]], keep_files=True)
    await run(owner, "hangs", "name=at-last")


def live(folder: Path) -> Workspace:
    """Live the days of a golden workspace."""
    workspace = create_workspace(folder, name="Golden Ltd", timezone="Europe/Berlin", sender="Anna <anna@gold.example>")
    toml = folder / "mainstay.toml"
    toml.write_text(toml.read_text() + '\n[downtime]\ngrace = "1s"\n\n[budgets]\n"gold.say" = {per_day = 300}\n')
    workspace = Workspace(folder)
    for name, text in FILES.items():
        write(folder, f"inbox/{name}", text)
    for name in PLAYBOOKS:
        write(folder, f"playbooks/{name}.yaml", (HERE / "playbooks" / f"{name}.yaml").read_text())
    write(folder, "agents/greet.py", AGENT)
    write(folder, "policies/money.yaml", "- {id: few, do: mail.send, limits: {per_day: 5}}\n")
    kept = rules.KERNEL, rules.KERNELS
    rules.KERNEL, rules.KERNELS = kept[0] - 1, (kept[0] - 2, kept[0] - 1)
    write(folder, "agents/words.py", 'GREETING = "Hello"\n')
    play(workspace, lambda owner: begin(owner, "old"), 0)
    rules.KERNEL, rules.KERNELS = kept
    write(folder, "agents/words.py", 'GREETING = "Howdy"\n')
    play(workspace, lambda owner: begin(owner, "new"), 0.5)
    play(workspace, leave, 3)
    return workspace


def standing(workspace: Workspace) -> dict[str, object]:
    """Say what it adds up to."""
    with Views(workspace) as views:
        plans = {}
        for (plan_id,) in views._reader.rows("SELECT id FROM plan ORDER BY id"):
            plan = views.plan(plan_id)
            slots = {path: slot.status for path, slot in sorted(plan.slots.items())}
            plans[plan_id] = {"playbook": plan.playbook, "status": plan.status, "kernel": plan.kernel, "slots": slots}
        head = views._reader.head()
    return {"position": head[0], "digest": head[1], "plans": plans}


def main() -> None:
    """Write both files under the next free name."""
    with tempfile.TemporaryDirectory() as base:
        os.environ |= {
            "XDG_CONFIG_HOME": f"{base}/config",
            "XDG_RUNTIME_DIR": base,
            "MAINSTAY_BACKUP_PASSPHRASE": PASSPHRASE,
        }
        workspace = live(Path(base) / "golden")
        name = next_name(".backup")
        file = Path(base) / "made.backup"
        done = starter.run(["mainstay", "backup", file, "--passphrase"], folder=workspace.root)
        assert done.returncode == 0, done.stderr
        keep(f"{name}.backup", file.read_bytes())
        keep(f"{name}.workspace.json", json.dumps(standing(workspace), indent=1).encode() + b"\n")


if __name__ == "__main__":
    main()
