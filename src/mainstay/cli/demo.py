"""`mainstay demo`: a month's end of an invented company, with the plug pulled in the middle of it."""

from __future__ import annotations

import shutil
import signal
import time
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from rich.padding import Padding

from mainstay.app import create_workspace
from mainstay.cli.demo_answers import Answers
from mainstay.cli.demo_check import Findings, check
from mainstay.cli.demo_owner import How, Runtime
from mainstay.cli.demo_stage import Stage, prepare
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, FAILED
from mainstay.config import CONFIG_NAME
from mainstay.console.demo_found import MARK, Notes, note
from mainstay.errors import InputError, MainstayError, OwnedError
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.lock import OwnerLock
from mainstay.playbooks.artefacts import read_artefact
from mainstay.playbooks.shelf import LIBRARY
from mainstay.views import Views
from mainstay.workspace import STATE_NAME, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen

DATA = LIBRARY / "demo"
PLAYBOOK = "billing-reconciliation"
COMPANY = "Lindqvist Studio"
SENDER = "Lindqvist Studio <studio@lindqvist.example>"
FILES = ("statement.xml", "invoices.csv")
POLICY = "studio"
BUDGET = '\n[budgets]\n"mail.send" = {per_day = 3}\n'
DIES_AFTER_MAIL = 2
RESUMED_S = 120.0
_POLL_S = 0.02
_PARTS = {"ask": "Your decision", "stuck": "A budget is used up, and you say how to go on"}
_DOES = {
    "statement": "Read the bank statement",
    "open": "Read the open invoices",
    "match": "Held every payment against every invoice",
    "book": "Booked the payments",
    "late": "Looked up which invoices are late",
    "remind": "Sent the reminders",
    "report": "Wrote the report",
}


def demo(screen: Screen, folder: Path, *, ask: bool, wait: bool | None) -> int:
    """Make the demo's workspace, play it, and leave three questions to the operator, in the console.

    With `ask`, where somebody sits at the terminal, what is played asks there; else the answers come from its file.
    The console stays up until Ctrl-C with `wait`, and where somebody sits there.
    """
    root = folder.resolve()
    replaced = clear(root)
    workspace = create_workspace(root, name=COMPANY, sender=SENDER)
    note(workspace.state, Notes())
    for name in FILES:
        shutil.copyfile(DATA / name, root / "inbox" / name)
    shutil.copyfile(DATA / "policy.yaml", root / "policies" / f"{POLICY}.yaml")
    with (root / CONFIG_NAME).open("a") as config:
        config.write(BUDGET)
    workspace = Workspace(root)
    answers = Answers(DATA / "rulings.yaml", screen, ask=screen.interactive and ask)
    show = _Show(workspace, answers, screen)
    found = show.play(replaced=replaced)
    if found is None:
        return DONE
    note(workspace.state, Notes(story=found.plan))
    stays = screen.interactive if wait is None else wait
    with Stage(prepare(workspace), screen) as stage:
        runtime = stage.begin(console=stays)
        found = msgspec.structs.replace(found, waiting=stage.ask(runtime))
        screen.give(found, lambda _: None)
        if stays:
            stage.watch(runtime, show=screen.interactive)
    show.tell_waiting()
    return DONE if found.well else FAILED


def clear(root: Path) -> bool:
    """Make room for a new demo; says whether an earlier one was removed. Raises InputError when it is none."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    state = root / STATE_NAME
    if not (root / CONFIG_NAME).is_file() or not (state / MARK).is_file():
        raise InputError(
            f"{root} was not made by the demo, so it is left alone.", remedy="Choose another one: --folder PATH"
        )
    try:
        lock = OwnerLock(state, "mainstay demo")
    except OwnedError as error:
        raise OwnedError(error.message, remedy="End it, or choose another folder: --folder PATH") from None
    try:
        ledger_keys.remove(state)
        for place in sorted(root.iterdir(), key=lambda place: place == state):  # what makes it a demo goes last
            shutil.rmtree(place) if place.is_dir() and not place.is_symlink() else place.unlink()
    finally:
        lock.release()
    return True


class _Show:
    """One run of the demo, told as it goes."""

    def __init__(self, workspace: Workspace, answers: Answers, screen: Screen) -> None:
        self.workspace, self.answers, self.screen = workspace, answers, screen
        self._parts = 0

    def say(self, line: str, style: str = "", *, indent: int = 0) -> None:
        """Write one line, broken where the screen ends. Nothing with --json."""
        if not self.screen.as_json:
            self.screen.out.print(Padding(text(line, style), (0, 0, 0, indent), expand=False))

    def command(self, what: str, how: str) -> None:
        """Write what one can do, never broken by us: it holds a path or a command to copy."""
        if not self.screen.as_json:
            self.screen.out.print(text(f"  {what:<21}{how}"), soft_wrap=True)

    def play(self, *, replaced: bool) -> Findings | None:
        """Play it to its end; None when the person left its question for later."""
        self._open(replaced=replaced)
        with Runtime(self.workspace, How(dies_after=DIES_AFTER_MAIL)) as first:
            first.ask("activate", {"wanted": [self._policy()]}, lambda _: None)
            standing = first.ask("run", self._inputs(), self._progress)
            plan = standing["plan"]
            end = self._answer_all(first, standing)
            if end == "left":
                return self._tell_left()
            killed = end == "died"
            status = first.died() if killed else 0
        if killed and status != -signal.SIGKILL:
            raise MainstayError(f"The demo's process ended by itself (status {status}).", remedy="Run the demo again.")
        before = check(self.workspace, plan)
        self._tell_crash(before, killed=killed)
        if killed and not self._go_on(plan):
            return self._tell_left()
        found = msgspec.structs.replace(check(self.workspace, plan), killed_by=-status)
        self._tell_end(found)
        return found

    def _go_on(self, plan: str) -> bool:
        """Start the runtime again; it goes on by itself, to the question about the budget and from there to the end."""
        with Runtime(self.workspace) as again:
            self._part("It is started again, and told nothing")
            standing = again.ask("follow", {"plan": plan}, lambda _: None)
            for line in check(self.workspace, plan).settled:
                self.say(line, indent=2)
            if self._answer_all(again, standing) == "left":
                return False
            self._until_done(plan)
        return True

    def _policy(self) -> dict[str, Any]:
        """Name the studio's own rules as they lie there, for the yes that activates them."""
        artefact = read_artefact(self.workspace.root, "policy", POLICY)
        assert artefact is not None
        return {"kind": "policy", "name": POLICY, "digest": artefact.digest}

    def _inputs(self) -> dict[str, Any]:
        statement, invoices = FILES
        given = [f"statement=inbox/{statement}", f"invoices=inbox/{invoices}"]
        return {"playbook": PLAYBOOK, "inputs": given, "folder": str(self.workspace.root)}

    def _open(self, *, replaced: bool) -> None:
        self._title(f"A month's end at {COMPANY}")
        self.say("Everything here is invented, and no mail leaves this machine: mails are only put into a folder.")
        again = " (anew: an earlier demo stood there)" if replaced else ""
        if not self.screen.as_json:
            self.screen.out.print(text(f"The demo's workspace: {self.workspace.root}{again}"), soft_wrap=True)
        self._part("The work")

    def _progress(self, event: dict[str, Any]) -> None:
        if event["kind"] in ("StepCompleted", "EffectDone") and event["path"] in _DOES:
            self.say(f"done  {_DOES[event['path']]}", indent=2)

    def _answer_all(self, runtime: Runtime, standing: dict[str, Any]) -> Literal["answered", "died", "left"]:
        """Answer what is asked, until nothing is, the runtime dies over it, or the person leaves it for later."""
        while standing["questions"]:
            with Views(self.workspace) as views:
                card = views.question(standing["questions"][0])
            self._part(_PARTS.get(card["kind"], "Your decision, before anything leaves"))
            answer = self.answers.to(card)
            if answer is None:
                return "left"
            try:
                standing = runtime.ask("decide", answer, self._progress)
            except ConnectionError:
                return "died"
        return "answered"

    def _tell_left(self) -> None:
        self._title("The demo stops here, and its question waits")
        self.command("go on with it", f"cd {self.workspace.root} && mainstay inbox")
        self.command("begin anew", "mainstay demo")
        self.command("see it played", "mainstay demo --yes")

    def _until_done(self, plan: str) -> None:
        """Only look on, until the plan has ended by itself."""
        with Views(self.workspace) as views:
            for _ in range(int(RESUMED_S / _POLL_S)):
                if (status := views.plan(plan).status) not in ("approved", "running"):
                    assert status == "completed", status
                    return
                time.sleep(_POLL_S)
        raise MainstayError("The demo did not end by itself.", remedy=f"Look with: mainstay show {plan}")

    def _tell_crash(self, found: Findings, *, killed: bool) -> None:
        self._part("The plug is pulled")
        if not killed:
            self.say(
                "Here the demo kills Mainstay between a mail and the note of it. You let fewer than two mails out, "
                "so there was nothing to interrupt."
            )
            return
        self.say(
            f"Mainstay was killed (SIGKILL) right after mail {found.mails} went into the folder, before it could note "
            "that. This is what a power cut at the worst moment leaves:"
        )
        self.say(f"mails in outbox/mail:         {found.mails}", indent=2)
        self.say(f"mails the history is sure of: {found.mails_known}", indent=2)

    def _tell_end(self, found: Findings) -> None:
        self._title("What there is now")
        for line in found.sentences():
            self.say(line, indent=2)
        self._title("What happened, in short")
        for line in found.timeline:
            self.say(line, indent=2)
        self._where_next(found)

    def _where_next(self, found: Findings) -> None:
        self._title("Look around")
        rows = [
            ("the report", f"{self.workspace.root.name}/{found.report}"),
            ("go there", f"cd {self.workspace.root}"),
            ("the whole story", f"mainstay show {found.plan}"),
            ("why it asked", f"mainstay policy explain {found.plan} remind"),
            ("what may be spent", "mainstay budget"),
            ("check the history", "mainstay history verify"),
            ("take it all back", f"mainstay undo {found.plan}"),
            ("with your own files", "mainstay try STATEMENT INVOICES   (looks only, changes nothing)"),
        ]
        for what, how in rows:
            self.command(what, how)
        self.say(
            "Taking it back removes the bookings and the report. Mails that were sent can't be unsent; it says so."
        )

    def tell_waiting(self) -> None:
        """Say how to come back to what waits."""
        with Views(self.workspace) as views:
            count = views.waiting()
        if not count:
            return
        self._title("One question waits for you" if count == 1 else f"{count} questions wait for you")
        self.command("in your browser", f"cd {self.workspace.root} && mainstay start")
        self.command("in the terminal", f"cd {self.workspace.root} && mainstay inbox")

    def _part(self, words: str) -> None:
        self._parts += 1
        self._title(f"{self._parts}. {words}")

    def _title(self, words: str) -> None:
        if not self.screen.as_json:
            self.screen.out.print()
        self.say(words, "bold")
