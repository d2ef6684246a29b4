"""`make bench-console`: how long pages take on the server, in a workspace with a long past; ends with a line of JSON.

A real service, asked over one connection as a browser does: from the request until the last byte of its answer. What
each figure is: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

import past
from subject import percentile
from turns import at_least, end_with_parent, heed_signals, note, scratch

from mainstay.console.access import make_link
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.lock import holder
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

BAR_MS = 100.0
TABS = 20
IDLE_S = 10.0
FORM = "application/x-www-form-urlencoded"
LISTS = (
    "plans", "plans --open", "inbox", "stuck", "metrics", "budget", "history tail", "playbook list", "policy list",
    "memory list", "doctor",
)  # fmt: skip
# Presses the main button of the first card that has one, and gives how long it takes until that card is gone.
PRESS = """async () => {
  const card = document.querySelector('article:has(button.main)'), id = card.id, began = performance.now();
  card.querySelector('button.main').click();
  while (document.getElementById(id)) await new Promise(done => setTimeout(done, 1));
  return performance.now() - began;
}"""
_LINKED = re.compile(rb'(?:href|src)="(/static/[^"]+)"')


class Screen(NamedTuple):
    """One page, and how it is asked for."""

    name: str
    path: str
    form: dict[str, str] | None = None  # what is sent; None: it is only looked at
    status: int = 200  # with which it is answered


class Visitor:
    """A browser that keeps one connection, its cookie, and counts the time."""

    def __init__(self, workspace: Workspace) -> None:
        """Log in by a link, as an operator does."""
        held = holder(workspace.state)
        assert held is not None
        self.place = urlsplit(held.api).netloc
        self._line = http.client.HTTPConnection(self.place, timeout=120)
        self.cookie, self.csrf = "", ""
        made = make_link(ledger_keys.load_session(workspace.state), held.since_us, time.time_ns() // 1000)
        self.ask(Screen("", f"/login/{made}"))
        self.ask(Screen("", "/login", {"link": made}, status=303))
        found = re.search(rb'name="csrf" value="([^"]+)"', self.ask(Screen("", "/today"))[1])
        assert found is not None
        self.csrf = found[1].decode()

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def ask(self, screen: Screen) -> tuple[float, bytes]:
        """Give how long a page took, milliseconds, and its content."""
        headers = {"Host": self.place, "Accept-Encoding": "gzip"}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        body = None
        if screen.form is not None:
            body = urlencode(screen.form | ({"csrf": self.csrf} if self.csrf else {}))
            headers |= {"Content-Type": FORM, "Origin": f"http://{self.place}"}
        began_s = time.perf_counter()
        self._line.request("GET" if body is None else "POST", screen.path, body, headers)
        reply = self._line.getresponse()
        content = reply.read()
        took_ms = (time.perf_counter() - began_s) * 1000
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].partition(";")[0]
        assert reply.status == screen.status, f"{screen.path}: {reply.status}"
        self.sent = len(content)
        return took_ms, gzip.decompress(content) if reply.headers.get("content-encoding") == "gzip" else content


class Service:
    """`mainstay start` in a workspace."""

    def __init__(self, workspace: Workspace, env: dict[str, str]) -> None:
        self.workspace, self._env = workspace, env

    def __enter__(self) -> Self:
        with (self.workspace.root.parent / "service.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mainstay.cli", "start"],
                cwd=self.workspace.root, env=self._env, stdout=log, stderr=log,
                preexec_fn=end_with_parent,  # noqa: PLW1509 - no threads here
            )  # fmt: skip
        try:
            self._listens()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def _listens(self) -> None:
        until = time.monotonic() + 120
        while not ((held := holder(self.workspace.state)) and held.api):
            assert time.monotonic() < until, "the service did not begin"
            assert self.process.poll() is None, "the service ended"
            time.sleep(0.05)

    def cpu_s(self) -> float:
        """Give its time on processors, that of all its threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def screens(named: dict[str, str]) -> Iterator[Screen]:
    """Give every page there is, and the long ones of those that can be long."""
    over, asked, month, long = named["welcome over"], named["welcome open"], named["month"], named["long"]
    yield Screen("inbox", "/")
    for path in ("today", "stuck", "playbooks", "connectors", "budgets", "policies", "books", "audit", "metrics",
                 "review", "access", "plans", "login"):  # fmt: skip
        yield Screen(path, f"/{path}")
    for name, query in {
        "plans, not ended": "state=open", "plans, failed": "state=failed", "plans, undone": "state=undone",
        "plans, done": "state=done", "plans, ended early": "state=ended", "plans of one playbook": "playbook=parts",
        "plans, failed of one playbook": "state=failed&playbook=welcome", "plans by words": "words=customer",
        "plans by no words": "words=nothing+at+all", "plans by an id": f"words={over[:4]}",
        "plans since a day": "since=2026-06-01", "plans undone, by words": "state=undone&words=note",
    }.items():  # fmt: skip
        yield Screen(name, f"/plans?{query}")
    yield Screen("plans, the last page", f"/plans?after={named['second plan']}")
    yield Screen("plans, not ended, the last page", f"/plans?state=open&after={named['second open']}")
    for name, plan in (
        ("over", over),
        ("of 1,000 steps", long),
        ("of 5,000 rows", month),
        ("with parts", named["parts over"]),
    ):
        yield Screen(f"a plan {name}", f"/plans/{plan}")
        yield Screen(f"a plan {name}, every line", f"/plans/{plan}?all=1")
        yield Screen(f"a plan {name}, traced", f"/plans/{plan}?find=Customer+7")
        yield Screen(f"a plan {name}, undo", f"/plans/{plan}/undo")
        yield Screen(f"a plan {name}, run again", f"/plans/{plan}/rerun")
        yield Screen(f"a plan {name}, replay", f"/plans/{plan}/replay")
        yield Screen(f"a plan {name}, receipt", f"/plans/{plan}/receipt.md")
    yield Screen("a step", f"/plans/{over}/step?at=mail")
    yield Screen("a step of 1,000", f"/plans/{long}/step?at=s999")
    yield Screen("a step with 5,000 items", f"/plans/{month}/step?at=book")
    yield Screen("a step that read 5,000 lines", f"/plans/{month}/step?at=statement")
    yield Screen("a step that matched 5,000 lines", f"/plans/{month}/step?at=match")
    for what, plan in (
        ("an action", asked),
        ("a batch", named["reminders open"]),
        ("stuck", named["copy-file open"]),
        ("an ask", named["ask-me open"]),
    ):
        yield Screen(f"a question about {what}", f"/questions/{plan}.1")
    yield Screen("a question, edit", f"/questions/{asked}.1/edit")
    yield Screen("a question, alike", f"/questions/{named['shelve open']}.1/alike")
    yield Screen("a question, allow", f"/questions/{asked}.1/allow")
    yield Screen("the books of 5,000 rows", f"/books/{month}")
    yield Screen("metrics of a year", "/metrics?weeks=52")
    yield Screen("metrics of all time", "/metrics?weeks=520")
    yield Screen("a policy", "/policies/house")
    text = (Path(named["root"]) / "policies" / "house.yaml").read_text()
    yield Screen(
        "a policy tried",
        "/policies/house",
        {"text": text.replace("otherwise: ask", "otherwise: allow"), "does": "test"},
    )
    for playbook in ("note", "long", "billing-reconciliation"):
        yield Screen(f"playbook {playbook}", f"/playbooks/{playbook}")
    yield Screen("playbook note, diff", "/playbooks/note/diff")
    yield Screen("playbook note, activate", "/playbooks/note/activate")


def measured(
    visitor: Visitor, service: Service, found: list[Screen], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Ask for all of them again and again, in turn; gives milliseconds of the clock, and of the service's processor."""
    took: dict[str, list[float]] = defaultdict(list)
    used: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for screen in found:
            before_s = service.cpu_s()
            took_ms, _ = visitor.ask(screen)
            used_ms = (service.cpu_s() - before_s) * 1000
            if number:
                took[screen.name].append(took_ms)
                used[screen.name].append(used_ms)
            else:
                kb = visitor.sent / 1024
                note(f"  {screen.name}: {took_ms:.1f} ms at first, {used_ms:.1f} of them at work, {kb:.1f} KB")
    return took, used


def environment(folder: Path) -> dict[str, str]:
    """Keys and sockets of this workspace lie beside it."""
    for name in ("config", "run"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    return {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "XDG_RUNTIME_DIR": str(folder / "run")}


@contextlib.contextmanager
def made(wanted: argparse.Namespace) -> Generator[tuple[Workspace, dict[str, str]]]:
    """Give a workspace with a long past: one that was made before, or a new one."""
    with contextlib.ExitStack() as stack:
        folder = wanted.folder or stack.enter_context(scratch())
        folder.mkdir(parents=True, exist_ok=True)
        os.environ.update(environment(folder))
        kept = folder / "named.json"
        if not kept.exists():
            note(f"making {wanted.plans:,} plans and {wanted.events:,} events")
            began_s = time.monotonic()
            found = past.make(folder / "workspace", plans=wanted.plans, events=wanted.events, lines=wanted.lines)
            kept.write_text(json.dumps(found.named | {"root": str(found.workspace.root)}))
            note(f"  {found.plans:,} plans, {found.events:,} events, in {time.monotonic() - began_s:.0f} s")
        named = json.loads(kept.read_text())
        yield Workspace(Path(named["root"])), named


def first_load_kb(visitor: Visitor) -> float:
    """Give what a browser fetches to show the inbox for the first time, compressed."""
    _, page = visitor.ask(Screen("", "/"))
    sent = visitor.sent
    for path in sorted({found.decode() for found in _LINKED.findall(page)}):
        visitor.ask(Screen("", path))
        sent += visitor.sent
    return sent / 1024


def idle_percent(visitor: Visitor, service: Service, seconds: float) -> float:
    """Give the share of a core that a service takes while tabs are open and nothing happens."""
    with contextlib.ExitStack() as stack:
        for _ in range(TABS):
            line = http.client.HTTPConnection(visitor.place, timeout=60)
            stack.callback(line.close)
            line.request("GET", "/live", headers={"Host": visitor.place, "Cookie": visitor.cookie})
            line.getresponse().readline()
        time.sleep(1)
        began_s, used_s = time.monotonic(), service.cpu_s()
        time.sleep(seconds)
        return (service.cpu_s() - used_s) / (time.monotonic() - began_s) * 100


def approved_ms(workspace: Workspace, many: int = 5) -> list[float] | None:
    """Give how long it takes in Chromium from the press of a button until its card is gone; None without Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    from playwright.sync_api import sync_playwright

    took: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"] * (os.getuid() == 0))
        page = browser.new_page()
        held = holder(workspace.state)
        assert held is not None
        made = make_link(ledger_keys.load_session(workspace.state), held.since_us, time.time_ns() // 1000)
        page.goto(f"{held.api}/login/{made}")
        page.get_by_role("button", name="Log in").click()
        page.locator("article").first.wait_for()
        took += [page.evaluate(PRESS) for _ in range(many)]
        browser.close()
    return sorted(took)


def commands(workspace: Workspace, env: dict[str, str]) -> dict[str, float]:
    """Time the commands that list; seconds, the start of Python included."""
    took: dict[str, float] = {}
    for command in LISTS:
        began_s = time.monotonic()
        line = [sys.executable, "-m", "mainstay.cli", *command.split()]
        subprocess.run(line, cwd=workspace.root, env=env, stdout=subprocess.DEVNULL, check=True)
        took[command] = round(time.monotonic() - began_s, 3)
    return took


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--lines", type=int, default=past.LINES, help="of the statement that is reconciled")
    parser.add_argument("--rounds", type=at_least(1), default=10)
    parser.add_argument("--folder", type=Path, help="where it is kept, and found the next time")
    parser.add_argument("--only", default="", help="screens whose names this pattern finds")
    parser.add_argument("--but", default="^$", help="screens that are left out")
    return parser.parse_args()


def main() -> None:
    """Measure all of it."""
    wanted = arguments()
    heed_signals()
    figures: dict[str, object] = {}
    with made(wanted) as (workspace, named):
        env = environment(workspace.root.parent)
        with Service(workspace, env) as service, contextlib.ExitStack() as stack:
            visitor = stack.enter_context(contextlib.closing(Visitor(workspace)))
            found = [
                one
                for one in screens(named)
                if re.search(wanted.only, one.name) and not re.search(wanted.but, one.name)
            ]
            took, used = measured(visitor, service, found, wanted.rounds)
            if not wanted.only:
                figures["inbox_first_load_kb"] = round(first_load_kb(visitor), 1)
                figures["idle_percent_20_tabs"] = round(idle_percent(visitor, service, IDLE_S), 2)
                figures["commands_s"] = commands(workspace, env)
                approved = approved_ms(workspace)
                figures["approve_p50_ms"] = None if approved is None else round(percentile(approved, 50), 1)
    rows = {name: tuple(percentile(sorted(each), of) for of in (50, 95)) for name, each in took.items()}
    note(f"{'':<44}{'at work p50':>12}{'p50':>9}{'p95':>9}   ms")
    for name, (p50, p95) in sorted(rows.items(), key=lambda row: row[1]):
        work = percentile(sorted(used[name]), 50)
        note(f"{name:<44}{work:>12.1f}{p50:>9.1f}{p95:>9.1f}{'  above the bar' if p50 > BAR_MS else ''}")
    slowest = max(rows, key=lambda name: rows[name])
    figures |= {"inbox_p50_ms": round(rows["inbox"][0], 1)} if "inbox" in rows else {}
    figures |= {"slowest": slowest, "slowest_p50_ms": round(rows[slowest][0], 1)}
    figures |= {"above_the_bar": sum(p50 > BAR_MS for p50, _ in rows.values()), "screens": len(rows)}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
