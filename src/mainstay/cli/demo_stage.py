"""What `mainstay demo` leaves to you: three questions that wait, a console to answer them in, and a plug to pull.

This process watches over the runtime: one that was killed is started again at the same address, until Ctrl-C.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import time
import webbrowser
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from mainstay.cli.demo_owner import START_S, How, Runtime
from mainstay.cli.demo_post import Post
from mainstay.cli.screen import text
from mainstay.config import CONFIG_NAME
from mainstay.console.demo_found import Cut, known_mails, mails_in, note, noted
from mainstay.console.service import link_of
from mainstay.errors import MainstayError
from mainstay.ledger.lock import holder
from mainstay.playbooks.artefacts import read_artefact
from mainstay.playbooks.shelf import LIBRARY
from mainstay.views import Views
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen
    from mainstay.ledger.lock import Owner as Holder

DATA = LIBRARY / "demo" / "waiting"
APART_S = 2.0  # between two mails: eight of them leave time to pull the plug
PER_DAY = ("per_day = 3", "per_day = 30")  # what is shown first stops at three mails; what waits is not to
FILES = ("statement.xml", "invoices.csv", "late.csv")
PLAYBOOKS = ("refund", "reminders")
RUNS: tuple[tuple[str, tuple[str, ...]], ...] = (  # what is begun, each as far as its question
    ("billing-reconciliation", ("statement=inbox/next-statement.xml", "invoices=inbox/next-invoices.csv")),
    ("reminders", ("invoices=inbox/next-late.csv",)),
    ("refund", ("customer=Café Solvej ApS", "account=DK9799900003721972", "invoice=2026-102", "amount=620.00 EUR")),
)
_DAY = re.compile(r"\{([+-]\d+)\}")  # so many days from today
_POLL_S = 0.02


def prepare(workspace: Workspace) -> Workspace:
    """Put the files and playbooks of what waits into the demo's workspace; gives it as it is set then."""
    today = datetime.now(ZoneInfo(workspace.config.company.timezone)).date()
    for name in FILES:
        told = (DATA / name).read_text(encoding="utf-8")
        dated = _DAY.sub(lambda found: (today + timedelta(days=int(found[1]))).isoformat(), told)
        (workspace.root / "inbox" / f"next-{name}").write_text(dated, encoding="utf-8")
    for name in PLAYBOOKS:
        shutil.copyfile(DATA / "playbooks" / f"{name}.yaml", workspace.root / "playbooks" / f"{name}.yaml")
    config = workspace.root / CONFIG_NAME
    config.write_text(config.read_text(encoding="utf-8").replace(*PER_DAY), encoding="utf-8")
    return Workspace(workspace.root)


class Stage:
    """The demo's workspace after the story: its questions wait, and it is there for as long as the block goes on."""

    def __init__(self, workspace: Workspace, screen: Screen, *, apart_s: float = APART_S) -> None:
        """Start nothing yet; see `prepare`."""
        self.workspace, self.screen, self.apart_s = workspace, screen, apart_s
        self.runtime: Runtime | None = None
        self._port = 0
        self._post = Post(workspace.root / workspace.config.mail.folder)

    def __enter__(self) -> Self:
        self._post.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.runtime is not None:
            self.runtime.end()
        self._post.__exit__()

    def begin(self, *, console: bool) -> Runtime:
        """Start the runtime; with a `console` at the address it had before."""
        how = How(apart_s=self.apart_s, console=console, port=self._port, post=self._post.port)
        self.runtime = Runtime(self.workspace, how)
        return self.runtime

    def ask(self, runtime: Runtime) -> tuple[str, ...]:
        """Begin what asks; gives the questions that wait."""
        wanted = [_version(self.workspace.root, name) for name in PLAYBOOKS]
        runtime.ask("activate", {"wanted": wanted}, lambda _: None)
        standings = [
            runtime.ask(
                "run",
                {"playbook": name, "inputs": list(given), "folder": str(self.workspace.root)},
                lambda _: None,
            )
            for name, given in RUNS
        ]
        notes = noted(self.workspace.state)
        waiting = tuple(standing["plan"] for standing in standings)
        note(self.workspace.state, msgspec.structs.replace(notes, waiting=waiting))
        return tuple(question for standing in standings for question in standing["questions"])

    def watch(self, runtime: Runtime, *, show: bool) -> None:
        """Say where it is, and start it again whenever it was killed, until Ctrl-C. Raises when it ended by itself."""
        try:
            link = self.link(runtime)
            self._invite(link, show=show)
            while True:
                status = runtime.process.wait()
                if status != -signal.SIGKILL:
                    raise MainstayError(
                        f"The demo's process ended by itself (status {status}).", remedy="Run the demo again."
                    )
                runtime.end()  # our end of its pipe
                cut = self._cut()
                runtime = self.begin(console=True)
                link = self.link(runtime)
                self._came_back(cut, link)
        except KeyboardInterrupt:
            self.screen.err.print()

    def link(self, runtime: Runtime) -> str:
        """Give a link that lets in once, as soon as the runtime answers."""
        service = self._answering(runtime)
        self._port = urlsplit(service.api).port or 0
        return f"{link_of(self.workspace, service, time.time_ns() // 1000)}?next=/demo"

    def _answering(self, runtime: Runtime) -> Holder:
        until = time.monotonic() + START_S
        while time.monotonic() < until and runtime.process.poll() is None:
            found = holder(self.workspace.state)
            if found is not None and found.pid == runtime.process.pid and found.api:
                return found
            time.sleep(_POLL_S)
        raise MainstayError("The demo's own process does not answer.", remedy="Run it again.")

    def _cut(self) -> Cut:
        """Note what is there while nothing runs."""
        at_us = time.time_ns() // 1000
        notes = noted(self.workspace.state)
        mails = mails_in(self.workspace.root / self.workspace.config.mail.folder)
        with Views(self.workspace) as views:
            plans = views.plans(limit=1000)
            known = sum(known_mails(one.fact for one in views.recorded(row["plan"])) for row in plans)
        busy = tuple(row["title"] for row in plans if _is_at_work(row))
        cut = Cut(at_us, len(mails), known, busy)
        note(self.workspace.state, msgspec.structs.replace(notes, cuts=(*notes.cuts, cut)))
        return cut

    def _came_back(self, cut: Cut, link: str) -> None:
        cut = msgspec.structs.replace(cut, back_us=time.time_ns() // 1000)
        notes = noted(self.workspace.state)
        note(self.workspace.state, msgspec.structs.replace(notes, cuts=(*notes.cuts[:-1], cut)))
        away_s = (cut.back_us - cut.at_us) / 1e6
        print_ = self.screen.err.print
        print_()
        print_(
            text(f"The plug was pulled: killed with {cut.mails} mails at the mail server, {cut.known} of them noted.")
        )
        print_(text(f"It is back after {away_s:.1f} s, and goes on by itself. Your page does, too."))
        print_(text("Not logged in yet? The link above is over; this one counts:"))
        print_(text(f"  {link}", "cyan"), soft_wrap=True)

    def _invite(self, link: str, *, show: bool) -> None:
        opened = show and _has_display() and webbrowser.open(link)
        say = "Your browser opens it" if opened else "Open this in your browser"
        print_ = self.screen.err.print
        print_()
        print_(text("Your turn: three questions wait for you", "bold"))
        print_(text("An unsure payment, eight reminders, a refund. Answer them, pull the plug, take something back."))
        print_(text(f"{say}; the link lets you in once, within 15 minutes:"))
        print_(text(f"  {link}", "cyan"), soft_wrap=True)
        print_(text("Ctrl-C ends the demo.", "dim"))


def _version(root: Path, name: str) -> dict[str, Any]:
    """Name a playbook of the demo as it lies there, for the yes that activates it."""
    artefact = read_artefact(root, "playbook", name)
    assert artefact is not None
    return {"kind": "playbook", "name": name, "digest": artefact.digest}


def _is_at_work(row: dict[str, Any]) -> bool:
    return row["status"] in ("approved", "running", "undoing") and not row["questions"]


def _has_display() -> bool:
    """Whether a browser of this machine can show something; one inside the terminal would take it over."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
