"""One workspace under load, the service it charges at, and the one judge of what must hold whatever befell them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import struct
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from charging import Service
from starter import Script

from mainstay import events as e
from mainstay.app import Owner, create_workspace
from mainstay.kernel.graph import Definition, Graph
from mainstay.kernel.plan import fold
from mainstay.kernel.state import ENDED
from mainstay.ledger import queries
from mainstay.requests import gateway
from mainstay.views import Views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.workspace import Workspace

OWNER = Path(__file__).with_name("torture_owner.py")
END_S = 90.0
STARTS = 60  # at most, until a load has ended
NORMAL = ("pay", "book", "order", "asked", "chain", "undone", "thought")


class Size(msgspec.Struct, frozen=True):
    """How much of everything: plans at once, units of each, faults in a round."""

    plans: int
    items: int
    faults: int


SHORT = Size(plans=7, items=3, faults=2)
LONG = Size(plans=42, items=6, faults=8)


class Life:
    """One process that owns the workspace, and what it said so far."""

    def __init__(self, order: dict[str, object]) -> None:
        self._script = Script(OWNER, msgspec.json.encode(order).decode())
        self.pid = self._script.pid
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        with self._script.stdout as said:
            for line in said:
                if line.endswith("\n"):  # one that a kill cut in two was not said
                    with self._news:
                        self.lines.append(line.rstrip("\n"))
                        self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def until(self, wanted: str) -> bool:
        """Wait for a line that begins so; False when it ended without one. Raises AssertionError as `end` does."""
        self._wait(lambda: bool(self.said(wanted)), f"'{wanted}' was not said")
        return bool(self.said(wanted))

    def until_lines(self, count: int, seconds: float = END_S) -> None:
        """Wait until it said so much, or ended, or so long."""
        with self._news:
            self._news.wait_for(lambda: len(self.lines) >= count or self._over, seconds)

    def until_over(self, seconds: float) -> None:
        """Wait until it ended, or so long."""
        with self._news:
            self._news.wait_for(lambda: self._over, seconds)

    def said(self, wanted: str) -> list[str]:
        return [line for line in tuple(self.lines) if line.startswith(wanted)]

    @property
    def alive(self) -> bool:
        return not self._over

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._script.kill()
        self.end()

    def end(self) -> int:
        """Wait until it ends; gives its exit status.

        Raises AssertionError when it hangs: it said nothing for END_S, or something for ten times that. How long all
        of it takes says nothing: on a machine that has other work a load takes minutes.
        """
        self._wait(lambda: False, "the owner did not end")
        self._listening.join()
        return self._script.wait(END_S)

    def _wait(self, is_enough: Callable[[], bool], else_says: str) -> None:
        """Wait until it is enough, or over."""
        last = time.monotonic() + 10 * END_S
        with self._news:
            while not (self._over or is_enough()):
                before = len(self.lines)
                moved = self._news.wait_for(lambda before=before: self._over or len(self.lines) > before, END_S)
                if not moved or time.monotonic() > last:
                    self.signal(signal.SIGUSR1)
                    time.sleep(0.5)
                    self._script.kill()
                    raise AssertionError(f"{else_says}: {self.lines[-20:]}")


class Rig:
    """A workspace of its own in a folder; `pick` is chance, made of the seed."""

    def __init__(
        self, folder: Path, seed: int, size: Size, kinds: tuple[str, ...] = NORMAL, state: str = "acme"
    ) -> None:
        self.folder, self.seed, self.size, self.kinds = folder, seed, size, kinds
        self.pick = random.Random(seed)
        self.service = Service()
        self.books = self.service.books
        self.workspace = create_workspace(folder / state, name="Torture", sender="Test <test@test.example>")
        self.clock = folder / "clock"
        self.clock.write_bytes(bytes(8))
        self.told: dict[str, int] = {}  # by plan: facts that somebody was told are on disk
        self.asked: set[str] = set()  # answers that were acknowledged
        self.heard: set[str] = set()  # events from outside that were acknowledged
        self.lives: list[Life] = []
        self.struck = 0  # faults that met work under way

    def set_clock(self, ahead_s: int) -> None:
        """Set the wall clock of all owners, so many seconds from the machine's."""
        with self.clock.open("r+b") as file:
            file.write(struct.pack("q", ahead_s))

    def close(self) -> None:
        for life in self.lives:
            life.signal(signal.SIGCONT)
            life.kill()
        self.service.close()

    # --- owners

    def start(self, **more: object) -> Life:
        """Begin a process that owns the workspace, over the proxy."""
        order = {
            "root": str(self.workspace.root),
            "clock": str(self.clock),
            "port": self.service.proxy.port,
            "desk": self.service.port,
            "kinds": self.kinds,
            "plans": self.size.plans,
            "items": self.size.items,
            "seed": self.seed,
        }
        life = Life(order | more)
        self.lives.append(life)
        return life

    def up(self, **more: object) -> Life:
        """Begin one, and wait until it works."""
        life = self.start(**more)
        assert life.until("up"), f"it did not start: {life.lines}"
        return life

    def moment(self, life: Life, most_s: float = END_S) -> None:
        """Let it work for a while: until it said something more, and a little longer."""
        life.until_lines(len(life.lines) + self.pick.randint(1, self.size.plans * self.size.items), most_s)
        time.sleep(self.pick.uniform(0, 0.05))

    def strike(self, life: Life) -> None:
        """Kill an owner; it counts when that met it at work."""
        self.struck += life.alive
        life.kill()

    def finish(self, **more: object) -> Life:
        """Carry the load to its end; whoever gives up is followed by the next, as a service manager does it."""
        for _ in range(STARTS):
            life = self.start(**more)
            life.end()
            if life.said("ended"):
                return life
        raise AssertionError(f"the load never ended: {self.lives[-1].lines[-20:]}")

    # --- the judge

    def acknowledged(self) -> None:
        """Gather what all lives said is on disk."""
        for life in self.lives:
            for line in tuple(life.lines):
                first, _, rest = line.partition(" ")
                if first == "asked":
                    self.asked.add(rest)
                elif first == "heard":
                    self.heard.add(rest)
                elif rest.isdigit():
                    self.told[first] = max(self.told.get(first, 0), int(rest))

    def check(self, *, ended: bool = False, whole: bool = True) -> None:
        """Hold the history against what was said and what was charged; nobody owns the workspace meanwhile.

        `ended` says that the load came to its end; without `whole` what was acknowledged may be gone (a cut tail).
        """
        self.acknowledged()
        with opened(self.workspace) as owner:
            assert owner.ledger.verify().whole, owner.ledger.verify().why
            assert owner.ledger.differing() == [], "projections are not what a rebuild gives"
            rows = owner.ledger.rows(queries.PLANS, (10**6, 0))
            read = {row[0]: owner.ledger.read(f"plan:{row[0]}") for row in rows}
            self._check_once()
            if whole:
                self._check_told(owner, read)
                self._check_charges(read, ended=ended)
            if ended:
                self._check_ended(owner, read, whole=whole)
        with Views(self.workspace) as views:
            found = views.verify()
        assert (found["bad"], found["damaged"], found["files"]) == (None, [], []), found
        assert all(mark["found"] == "there" for mark in found["against"]), found["against"]

    def _check_told(self, owner: Owner, read: dict[str, list[e.Recorded]]) -> None:
        for plan, sequence in self.told.items():
            assert len(read.get(plan, ())) >= sequence, f"plan {plan} lost facts that were acknowledged"
        ruled = {
            one.fact.decision for events in read.values() for one in events if isinstance(one.fact, e.DecisionRuled)
        }
        assert self.asked <= ruled, f"answers that were acknowledged are lost: {self.asked - ruled}"
        names = [one.fact.occurrence for one in owner.ledger.tail(limit=10**6) if isinstance(one.fact, e.EventReceived)]
        assert len(names) == len(set(names)) >= len(self.heard), "events from outside are lost, or came twice"

    def _check_once(self) -> None:
        """One charge per unit, however it is settled, and one refund."""
        with self.books.turn:
            twice = {unit: keys for unit, keys in self.books.charged.items() if len(keys) > 1}
            refunded = {unit: count for unit, count in self.books.refunded.items() if count > 1}
        assert (twice, refunded) == ({}, {}), f"charged or refunded twice: {twice} {refunded}"

    def _check_charges(self, read: dict[str, list[e.Recorded]], *, ended: bool) -> None:
        """What is recorded as done happened, and nothing else did."""
        with self.books.turn:
            charged = {unit: list(keys) for unit, keys in self.books.charged.items()}
        done, intended = set[str](), set[str]()
        for events in read.values():
            intended |= {one.fact.token for one in events if isinstance(one.fact, e.EffectIntended)}
            done |= tokens_done(events)
        keys = {key for all_of_them in charged.values() for key in all_of_them}
        assert keys <= intended, "something was charged that was never intended on disk"
        assert done <= keys | self.refund_keys(), "something is recorded as done that never happened"
        if ended:
            assert keys <= done, f"charged, and not recorded as done: {keys - done}"

    def refund_keys(self) -> set[str]:
        with self.books.turn:
            return {key for path, key in self.books.arrived if path == "/refund"}

    def _check_ended(self, owner: Owner, read: dict[str, list[e.Recorded]], *, whole: bool) -> None:
        """Every plan of the load ended, none is there twice, and every unit was paid for if all is known of it."""
        plans = {}
        for plan_id, events in read.items():
            first = events[0].fact
            assert isinstance(first, e.PlanProposed)
            definition = msgspec.msgpack.decode(owner.payloads.blobs.get(first.definition), type=Definition)
            if not definition.name.startswith(gateway.PREFIX):  # tool.py judges those
                plans[plan_id] = fold(plan_id, Graph(definition), events), definition.title
        numbers = Counter(int(title.partition(" ")[0]) for _, title in plans.values())
        assert numbers == Counter(range(self.size.plans)), f"not every plan once: {numbers}"
        for plan, title in plans.values():
            number, _, kind = title.partition(" ")
            assert plan.status in {*ENDED, "undone"}, (
                f"plan {title} neither ended nor waits for anything: {plan.status}"
            )
            if not whole:
                continue
            assert (plan.status, kind == "undone") in (("completed", False), ("undone", True)), (title, plan.status)
            left = {path for one in read[plan.id] if isinstance(one.fact, e.PlanUndone) for path in one.fact.left}
            for item in range(self.size.items):
                unit, path = f"{number}/{item}", f"act/{item}"
                wanted = plan.slots[path].status != "skipped"  # as a budget has it (bounds.py)
                assert len(self.books.charged[unit]) == wanted, f"{unit} was charged, or was not, against what is known"
                back = self.books.refunded[unit] == 1 or path in left
                assert back == (wanted and kind == "undone"), f"{unit} was not taken back, or was in vain"


def tokens_done(events: list[e.Recorded]) -> set[str]:
    """Give the tokens under which a plan's effects are recorded as done."""
    token: dict[str, str] = {}
    done: set[str] = set()
    for one in events:
        if isinstance(one.fact, e.EffectIntended):
            token[one.fact.path] = one.fact.token
        elif isinstance(one.fact, e.EffectDone):
            done.add(token[one.fact.path])
    return done


@contextlib.contextmanager
def opened(workspace: Workspace) -> Iterator[Owner]:
    """Open a workspace as an owner does, without beginning anything."""
    owner = Owner(workspace, "torture")
    try:
        yield owner
    finally:
        owner._opened.close()
