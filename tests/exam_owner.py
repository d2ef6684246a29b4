"""Owns a workspace and carries one exam playbook on to its end, as an operator and a customer would: `FOLDER`.

`play.json` in the folder says how. Killed and started again, it goes on with the plan that is there; whatever it says
or writes is the same each time.

    playbook, inputs, files    what to run; files are paths, pinned when it begins
    answers                    by step: what the operator answers, {"choice": ...}; every other question gets a yes
    replies                    by subject: what the customer answers to the first, second ... mail of that subject
    undo                       whether to take it all back in the end
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
import sys
from email.message import EmailMessage
from pathlib import Path

from mainstay.app import Owner
from mainstay.commands import UndoPlan
from mainstay.kernel.state import ENDED
from mainstay.ledger import queries
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.artefacts import read_artefact
from mainstay.playbooks.shelf import open_to_run
from mainstay.views import Views
from mainstay.workspace import Workspace

PLAY = "play.json"
STEP_S = 0.05


def mails(root: Path) -> list[EmailMessage]:
    """Give the mails that were sent."""
    files = sorted((root / "outbox/mail").glob("*.eml"))
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


def activate(workspace, name):
    """Let a playbook of the operator's own run."""

    async def inside():
        async with Owner(workspace, "test") as owner:
            artefact = read_artefact(workspace.root, "playbook", name)
            wanted = Wanted("playbook", name, artefact.digest)
            await owner.requests.activation.activate([wanted], owner.workers, owner.clock.now_us())

    asyncio.run(inside())


class Exam:
    """One run, from wherever it stands."""

    def __init__(self, owner: Owner, play: dict) -> None:
        self.owner, self.play = owner, play
        self.root = owner.workspace.root

    async def begin(self) -> str:
        owner, play = self.owner, self.play
        playbooks = owner.requests.activation.playbooks
        definition = open_to_run(self.root, play["playbook"], owner.contracts, playbooks)
        inputs = {one.name: one.default for one in definition.inputs} | play.get("inputs", {})
        for name, path in play.get("files", {}).items():
            inputs[name] = owner.requests.pin(Path(path).name, (self.root / path).read_bytes())
        plan, committed = owner.requests.propose(definition, inputs)
        await committed
        return plan

    async def carry_on(self) -> dict:
        """Go on until the plan ended, and was undone if that is wanted."""
        owner = self.owner
        owner._watching["files"].cancel()  # only `reply` looks, at once
        plans = owner.ledger.rows(queries.PLANS, (10, 0))
        plan = plans[0][0] if plans else await self.begin()
        while True:
            standing = await owner.requests.follow(plan, lambda _: None)
            if standing["questions"]:
                await self.answer(standing["questions"][0])
            elif standing["status"] == "undone" or (standing["status"] in ENDED and not self.play.get("undo")):
                return standing
            elif standing["status"] in ENDED:
                command = UndoPlan(now_us=owner.clock.now_us(), by="operator")
                await owner.engine.submit(plan, command, actor="operator")
            elif not await self.reply():
                await asyncio.sleep(STEP_S)

    async def answer(self, question: str) -> None:
        with Views(self.owner.workspace) as views:
            (action, *_) = views.question(question)["actions"]
        answers = self.play.get("answers", {})
        given = next((answers[step] for step in answers if step in action.split()), {})
        await self.owner.requests.rule(question, {"choice": "approve", **given})

    async def reply(self) -> bool:
        """Answer the mails that were not answered; whether there was any."""
        folder = self.root / "inbox/mail"
        folder.mkdir(parents=True, exist_ok=True)
        wrote = False
        for mail in mails(self.root):
            subject = str(mail["Subject"])
            answers = self.play.get("replies", {}).get(subject, [])
            slug = re.sub(r"\W+", "-", subject)
            mark = re.sub(r"\W", "", str(mail["Message-ID"]))[:16]
            before = sorted(path.name for path in folder.glob(f"{slug}-*.eml"))
            if len(before) >= len(answers) or any(mark in name for name in before):
                continue
            self._write(folder / f"{slug}-{len(before)}-{mark}.eml", mail, answers[len(before)], mark)
            wrote = True
        for _ in range(2):
            await self.owner.watcher.look(sorted(self.owner.engine.outside.watched()))
        return wrote

    def _write(self, path: Path, mail: EmailMessage, text: str, mark: str) -> None:
        message = EmailMessage()
        message["From"], message["To"] = mail["To"], mail["From"]
        message["Subject"] = f"Re: {mail['Subject']}"
        message["Message-ID"], message["In-Reply-To"] = f"<{mark}@customer.example>", mail["Message-ID"]
        message.set_content(text)
        part = path.with_suffix(".part")
        part.write_bytes(bytes(message))
        part.rename(path)


async def main(root: Path) -> None:
    async with Owner(Workspace(root), "test") as owner:
        sys.stdout.write("up\n")
        sys.stdout.flush()
        standing = await Exam(owner, json.loads((root / PLAY).read_text())).carry_on()
        sys.stdout.write(f"{standing['status']} {standing.get('ending', '')}\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
