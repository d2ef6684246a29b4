"""What a policy would make of a playbook run over files, in a workspace that is thrown away (requirement O16).

The playbook, its agents and templates are copied there and run for real, over bank exports, saved mails or whatever it
takes. Nothing can leave: mail is written into a folder that is thrown away too, and there are no passwords. Each action
is judged by the rules in force and by those that are tried, noted, and then let through, so that what comes after it
is seen as well. Every other question is answered with yes; what waits for the world is left waiting.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mainstay.app import Owner, versions_to_read
from mainstay.contracts import from_plain
from mainstay.errors import FileError, InputError, MainstayError, PlaybookError
from mainstay.governance.deeds import Deeds
from mainstay.governance.flow import InformationFlow
from mainstay.governance.judge import strictest
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.changes import changes
from mainstay.playbooks.inputs import read_inputs, spread_folders
from mainstay.playbooks.policy_book import Rules
from mainstay.playbooks.shelf import open_playbook, open_to_run
from mainstay.requests.files import file_content, files_at
from mainstay.requests.picking import as_proposed
from mainstay.runtime.attempt import card_of
from mainstay.sentences import say_status
from mainstay.tryout import scratch
from mainstay.values import Verdict
from mainstay.views import Views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from mainstay.governance.rules import Rule
    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.changes import Change
    from mainstay.ports import Proposal
    from mainstay.values import Value
    from mainstay.workspace import Workspace

COPIED = ("playbooks", "agents", "templates")
MAX_QUESTIONS = 500  # of one run
_FILES = ("file", "list(file)")
_THROUGH = Verdict("allow", "rehearsal", "It is only tried.")


class Wish(NamedTuple):
    """What is to be run: a playbook, its inputs as `name=value`, and a folder of which each file begins a run."""

    playbook: str
    inputs: tuple[str, ...] = ()
    each: Path | None = None


class Noted(NamedTuple):
    """One action, as both judged it."""

    proposal: Proposal
    now: Verdict
    then: Verdict


class Notes:
    """`ports.Policy` that lets all through and notes what the rules in force, and those that are tried, say of it."""

    def __init__(self) -> None:
        self._flow = InformationFlow()
        self.now: Rules | None = None
        self.then: Rules | None = None
        self.found: dict[tuple[str, str], Noted] = {}

    def judge(self, proposal: Proposal) -> Verdict:
        """Note it; the last word on an action is that before it leaves."""
        if self.now is not None and self.then is not None and proposal.effect != "read":
            key = proposal.plan, proposal.path
            known = self.found.get(key)  # judged again at its intent: by then it may count itself
            if known is None or known.proposal.arguments != proposal.arguments:
                now, then = (rules.policy.judge(proposal) for rules in (self.now, self.then))
                flow = self._flow.judge(proposal)  # no rule switches it off, so it is part of what would be asked
                also = [] if flow is None else [flow]
                self.found[key] = Noted(proposal, strictest([now, *also]), strictest([then, *also]))
        return _THROUGH


async def rehearse(here: Workspace, wish: Wish, rules: Sequence[Rule], candidate: Sequence[Rule]) -> dict[str, Any]:
    """Run it, and give what each action would meet. Raises FileError or InputError for what it can't be run with."""
    notes = Notes()
    refuse_unseen(here)
    with scratch(here) as workspace:
        for folder in COPIED:
            shutil.copytree(here.root / folder, workspace.root / folder, dirs_exist_ok=True)
        async with Owner(workspace, "mainstay policy test", policy=notes) as owner:
            known, timezone = owner.contracts.operations, here.config.company.timezone
            deeds = Deeds(owner.ledger, timezone, owner.contracts.roles, owner.payloads.load)
            notes.now, notes.then = Rules(rules, known, deeds, timezone), Rules(candidate, known, deeds, timezone)
            stage = Stage(owner, workspace)
            await stage.let_run(wish.playbook)
            definition = open_to_run(
                owner.requests.root, wish.playbook, owner.contracts, owner.requests.activation.playbooks
            )
            for inputs in _runs(definition, wish):
                await stage.run(definition, inputs)
            return _told(owner, notes, wish, stage)


def refuse_unseen(here: Workspace) -> None:
    """Run no agent's code that the operator has not let run."""
    changed = [one.path for one in changes(versions_to_read(here), here.root) if one.kind == "agent"]
    if changed:
        raise InputError(
            f"{', '.join(changed)}: not active as it stands, and no such code runs, not even to be tried.",
            remedy="Look at it and activate it first: mainstay activate",
        )


def _runs(definition: Definition, wish: Wish) -> list[list[str]]:
    """Give the inputs of each run; a folder that is given for a list of files stands for those in it."""
    inputs = spread_folders(definition, wish.inputs, lambda path: [str(file) for file in files_at(Path(path))])
    if wish.each is None:
        return [inputs]
    given = {one.partition("=")[0] for one in inputs}
    free = [one.name for one in definition.inputs if one.type in _FILES and one.name not in given]
    if not free:
        raise InputError(f"{wish.playbook} takes no file beside what it is given.", remedy="Leave out --each.")
    files = files_at(wish.each)
    if not files:
        raise FileError(f"There is no file in {wish.each}.", remedy="Name a folder with files, or one file.")
    return [[*inputs, f"{free[0]}={file}"] for file in files]


class Stage:
    """Where runs are played. Nothing begins there by itself: no time, event or end of a plan starts a playbook."""

    def __init__(self, owner: Owner, workspace: Workspace) -> None:
        self._owner, self._workspace = owner, workspace
        owner.engine.outside.starting = list
        self.runs = 0
        self.asked: list[str] = []  # what was answered with yes
        self.stuck: dict[str, list[str]] = {}  # by what each waits at: what it says

    async def let_run(self, needed: str = "") -> None:
        """Let run what was copied: a playbook also where it is not active at home, because it is only tried.

        One that can't be compiled, a draft, stays out; but PlaybookError is raised where that is the `needed` one.
        """
        found = changes(self._owner.requests.activation.versions, self._workspace.root)
        try:
            await self._activate(found)
        except PlaybookError:
            await self._activate([one for one in found if one.kind != "playbook"])
            drafts = [one for one in found if one.kind == "playbook"]
            await self._activate([one for one in drafts if one.name == needed or self._compiles(one.name)])

    async def _activate(self, found: Sequence[Change]) -> None:
        owner, wanted = self._owner, [Wanted(one.kind, one.name, one.digest) for one in found]
        await owner.requests.activation.activate(wanted, owner.workers, owner.clock.now_us())

    def _compiles(self, playbook: str) -> bool:
        try:
            return open_playbook(self._workspace.root, playbook, self._owner.contracts).name == playbook
        except MainstayError:
            return False

    async def run(self, definition: Definition, inputs: list[str]) -> None:
        """Run it with these inputs, as a command line gives them."""
        desk = self._owner.requests
        await self.play(
            definition, read_inputs(definition, inputs, lambda path: desk.pin(path, file_content(Path(path))))
        )

    async def play(self, definition: Definition, values: Value) -> str:
        """Run it with these inputs; gives where it stands at the end, in words."""
        desk = self._owner.requests
        plan, committed = desk.propose(definition, values)
        await committed
        self.runs += 1
        standing = await desk.follow(plan, lambda _: None)
        for _ in range(MAX_QUESTIONS):
            if not standing["questions"] or not await self._answer(standing["questions"][0]):
                break
            standing = await desk.follow(plan, lambda _: None)
        return say_status(standing["status"], standing["ending"])

    async def _answer(self, decision: str) -> bool:
        with Views(self._workspace) as views:
            question = views.question(decision)
        if "approve" not in question["options"] or question["card"].get("form"):
            said = str(question["card"].get("headline") or question["why"])
            self.stuck.setdefault(question["actions"][0], []).append(said)
            return False
        self.asked.append(str(question["card"].get("headline") or question["why"]))
        picks = as_proposed(question["card"].get("rows") or ())
        await self._owner.requests.rule(decision, {"choice": "approve", "session": "trial", "picks": picks})
        return True


def _told(owner: Owner, notes: Notes, wish: Wish, stage: Stage) -> dict[str, Any]:
    would: dict[tuple[str, str, str], dict[str, Any]] = {}
    moves: dict[tuple[str, str], dict[str, Any]] = {}
    for one in notes.found.values():
        row = _row(owner, one)
        decision, name, rule = one.then.decision, one.proposal.operation, one.then.rule
        kind = would.setdefault(
            (decision, name, rule), {"decision": decision, "operation": name, "rule": rule, "count": 0, "actions": []}
        )
        kind["count"] += 1
        kind["actions"].append(row["action"])
        if one.now.decision != decision:
            key = one.now.decision, decision
            move = moves.setdefault(key, {"from": key[0], "to": key[1], "count": 0, "operations": {}, "actions": []})
            move["count"] += 1
            move["operations"][name] = move["operations"].get(name, 0) + 1
            move["actions"].append(row)
    return {
        "playbook": wish.playbook,
        "runs": stage.runs,
        "actions": len(notes.found),
        "would": [would[key] for key in sorted(would)],
        "same": len(notes.found) - sum(move["count"] for move in moves.values()),
        "changes": [moves[key] for key in sorted(moves)],
        "stuck": [{"step": step, "count": len(said), "says": said} for step, said in stage.stuck.items()],
    }


def _row(owner: Owner, one: Noted) -> dict[str, Any]:
    operation = owner.contracts.operation(one.proposal.operation)
    action = card_of(operation, from_plain(one.proposal.arguments, operation.input)).headline
    return {"plan": one.proposal.plan, "action": action, "rule": one.then.rule, "why": one.then.why}
