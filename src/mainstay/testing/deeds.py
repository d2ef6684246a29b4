"""What the simulated operator does unasked: pauses, ends, undoes, calls back, runs again; anchors, forgets, activates.

Which deeds there are depends on the seed; when they happen, on how long things take. Each is asked for as the command
line does it, again until it was taken or refused, and once over all lives of the owner.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from mainstay.errors import CommandRefusedError, CommitFailedError, MainstayError
from mainstay.playbooks.artefacts import read_artefact
from mainstay.requests.news import TAKEN
from mainstay.runtime.intake import Request
from mainstay.testing import own

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.house import House
    from mainstay.testing.plans import Planned

TRIES = 50  # of a deed, while the disk fails or what it is about is not so far
LATE_S = 200.0  # at most: from the plan's start, or its end
# The plans of a playbook, with where they stand, without child plans. (name)
PLANS = "SELECT id, status FROM plan WHERE playbook = ? AND parent = '' ORDER BY id"
OVER = frozenset({"completed", "failed", "cancelled", "expired", "undone"})
STAGES = (("activate", own.FIRST), ("activate", own.SECOND), ("revert", own.UNSAVED), ("retire", ""))
PEOPLE = ("anna@simulated.example", "ben@simulated.example")

Params: TypeAlias = dict[str, Any]


class Deed(NamedTuple):
    """Something to do about a plan, or "" about the workspace; `after_end` once the plan is over."""

    kind: str
    plan: str
    after_end: bool = False

    @property
    def name(self) -> str:
        """Name it."""
        return f"{self.kind} {self.plan}"


# How often a plan is meddled with in each way, and whether that is after its end. A plan that is held only begins late.
_OF_PLANS = (
    *(("pause", 0.05), ("cancel", 0.03), ("undo", 0.04), ("recall", 0.1), ("hold", 0.05)),
    *(("hasten", 0.2), ("raise", 0.2)),  # where something is delayed, and where there is a budget
)
_OF_DELAYED = frozenset({"recall", "hasten"})
_AFTERWARDS = (("undo", 0.06), ("rerun", 0.1))
_OF_WORKSPACE = (("anchor", 0.05), ("forget", 0.05), ("activate", 0.04))


def deeds_of(chance: Chance, plans: Sequence[Planned]) -> list[Deed]:
    """Make up what is done in a run."""
    found = [Deed(kind, "") for kind, share in _OF_WORKSPACE if chance.happens(share, kind)]
    for plan in plans:
        found += [Deed(kind, plan.name) for kind, share in _OF_PLANS if chance.happens(share, kind, plan.name)]
        after = [kind for kind, share in _AFTERWARDS if chance.happens(share, kind, plan.name, "after")]
        found += [Deed(kind, plan.name, after_end=True) for kind in after[:1]]
    return found


def meddled(deeds: Sequence[Deed], plans: Sequence[Planned]) -> set[str]:
    """Name the plans whose ends depend on when something was done."""
    if any(deed.kind == "forget" for deed in deeds):
        return {plan.name for plan in plans}
    timed = {plan.name for plan in plans if plan.is_timed}
    late = {"pause", "hold", "hasten", "raise"}  # these only take time, or matter only where there is a budget
    return {deed.plan for deed in deeds if deed.kind not in late} | {one.plan for one in deeds if one.plan in timed}


class Deeds:
    """Does them, over all lives of the owner."""

    def __init__(self, chance: Chance, times: Chance, boundaries: Boundaries, deeds: Sequence[Deed]) -> None:
        """Take what there is to do."""
        self._chance, self._times, self._boundaries, self._all = chance, times, boundaries, deeds
        self._done: set[str] = set()
        self._stage = 0  # of what is done with the playbook of one's own
        self._doing: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []  # with the plan that is waited for

    @property
    def is_idle(self) -> bool:
        """Whether all is done."""
        return len(self._done) == len(self._all)

    @property
    def need_folder(self) -> bool:
        """Whether any is about files."""
        return any(deed.kind == "activate" for deed in self._all)

    def holds(self, plan: str) -> bool:
        """Whether a plan shall wait for the go-ahead."""
        return any(deed.kind == "hold" and deed.plan == plan for deed in self._all)

    def begin(self, house: House) -> None:
        """Go on with what is left, in a new life."""
        self._house, self._doing, self._waiting = house, set(), []
        for deed in self._all:
            if deed.name not in self._done:
                task = asyncio.get_running_loop().create_task(self._do(deed))
                self._doing.add(task)
                task.add_done_callback(self._doing.discard)

    def look(self, plan: str = "") -> None:
        """Learn that a plan moved, by its playbook, or that any may have."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if plan not in ("", one[0]):
                self._waiting.append(one)
            elif not one[1].done():
                one[1].set_result(None)

    # --- one deed

    async def _do(self, deed: Deed) -> None:
        await self._until(deed.plan, lambda: self._is_time(deed))
        if deed.kind not in _OF_DELAYED:
            await asyncio.sleep(self._times.draw("late", deed.name) ** 2 * LATE_S)
        for _ in range(TRIES):
            self._boundaries.reach("before deed")
            if await self._try(deed):
                break
            await asyncio.sleep(5.0)
        self._done.add(deed.name)

    async def _try(self, deed: Deed) -> bool:
        """Try; whether nothing is left to be done."""
        does: dict[str, Callable[[Deed], Awaitable[bool]]] = {
            "pause": self._pause,
            "hold": self._hold,
            "recall": self._of_delayed,
            "hasten": self._of_delayed,
            "raise": self._raise,
            "rerun": self._rerun,
            "forget": self._forget,
            "activate": self._activate,
        }
        try:
            await self._house.engine.whole()
            if self._house.engine.held:
                return False
            return await does.get(deed.kind, self._plainly)(deed)
        except CommitFailedError as error:
            self._house.engine.fail(error)
            return False
        except MainstayError:  # it is too late for it, and whoever asks is told so
            return True

    async def _plainly(self, deed: Deed) -> bool:
        return await self._ask(deed.kind, {"plan": self._id(deed)} if deed.plan else {})

    async def _pause(self, deed: Deed) -> bool:
        with contextlib.suppress(CommandRefusedError):  # it is paused already, by an earlier try
            await self._ask("pause", {"plan": self._id(deed), "reason": "a moment"})
        await asyncio.sleep(self._times.draw("paused", deed.name) ** 2 * 2000)
        return await self._ask("resume", {"plan": self._id(deed)})

    async def _hold(self, deed: Deed) -> bool:
        amount = self._chance.whole(1, 9, "edited", deed.name)
        await self._ask("edit", {"plan": self._id(deed), "inputs": [f"amount={amount}"]})
        return await self._ask("resume", {"plan": self._id(deed)})

    async def _of_delayed(self, deed: Deed) -> bool:
        plan = self._house.engine.load(self._id(deed))
        for path, slot in plan.slots.items():
            if slot.status == "delayed":
                await self._ask(deed.kind, {"plan": plan.id, "step": path.partition("/")[0].partition("!")[0]})
        return True

    async def _raise(self, deed: Deed) -> bool:
        """Raise a budget unasked."""
        for cap in self._house.setting.caps[:1]:
            amount = str(self._chance.whole(1, 3, "raised", deed.name))
            plan = self._id(deed) if cap.period == "plan" else ""
            await self._ask("raise_budget", {"name": cap.name, "period": cap.period, "plan": plan, "amount": amount})
        return True

    async def _rerun(self, deed: Deed) -> bool:
        """Run it again from some step on, with units of its own, saying what becomes of what it did."""
        if len(self._house.ledger.rows(PLANS, (deed.plan,))) > 1:
            return True  # this was taken, and nobody was told
        plan = self._house.engine.load(self._id(deed))
        params: Params = {"plan": plan.id, "inputs": [f"unit={deed.plan}r"]}
        if self._chance.happens(0.6, "from", deed.name):
            params["start"] = self._chance.pick(tuple(plan.graph.steps), "start", deed.name)
        shown = await self._house.requests.answer(Request("rerun_preview", params), True, lambda _: None)  # noqa: FBT003
        choices = {row["step"]: self._chance.pick(row["choices"], "then", row["step"]) for row in shown["later"]}
        await self._ask("rerun", {**params, "choices": choices})
        return len(self._house.ledger.rows(PLANS, (deed.plan,))) > 1

    async def _forget(self, deed: Deed) -> bool:
        del deed
        keys = self._house.people.known_as(self._chance.pick(PEOPLE, "whom"))
        return not keys or await self._ask("forget", {"keys": keys})

    async def _activate(self, deed: Deed) -> bool:
        """Let a playbook of one's own run, change it, put the older one back, and take it out of use."""
        while self._stage < len(STAGES):
            does, text = STAGES[self._stage]
            if text:
                own.write(self._house.root, text)
            artefact = read_artefact(self._house.root, "playbook", own.NAME)
            seen = artefact.digest if artefact is not None else ""
            if does == "revert":
                first = self._house.requests.activation.versions.past("playbook", own.NAME).versions[0].digest
                await self._ask("revert", {"kind": "playbook", "name": own.NAME, "digest": first, "seen": seen})
            else:
                if does == "retire":
                    own.write(self._house.root, "")
                    seen = ""
                wanted = [{"kind": "playbook", "name": own.NAME, "digest": seen}]
                await self._ask("activate", {"wanted": wanted})
            self._stage += 1
            await asyncio.sleep(self._times.draw("stage", deed.name, self._stage) * 100)
        return True

    # --- leaves

    async def _ask(self, method: str, params: Params) -> bool:
        """Ask the owner as the command line does; done as soon as it is on disk. Raises MainstayError."""
        taken = asyncio.get_running_loop().create_future()

        def emit(said: Params) -> None:
            if said.get("kind") == TAKEN and not taken.done():
                taken.set_result(None)

        answer = asyncio.ensure_future(self._house.requests.answer(Request(method, params), True, emit))  # noqa: FBT003
        self._doing.add(answer)  # pyright: ignore[reportArgumentType] - it is followed to its end, whatever it gives
        await asyncio.wait({answer, taken}, return_when=asyncio.FIRST_COMPLETED)
        if not taken.done():
            answer.result()
        self._boundaries.reach("deed taken")
        return True

    def _is_time(self, deed: Deed) -> bool:
        if not deed.plan:
            return True
        rows = self._house.ledger.rows(PLANS, (deed.plan,))
        if deed.kind in _OF_DELAYED:
            return bool(rows) and (rows[0][1] in OVER or self._delays(rows[0][0]))
        return bool(rows) and (not deed.after_end or rows[0][1] in OVER)

    def _delays(self, plan_id: str) -> bool:
        plan: Plan = self._house.engine.load(plan_id)
        return any(slot.status == "delayed" for slot in plan.slots.values())

    def _id(self, deed: Deed) -> str:
        return self._house.ledger.rows(PLANS, (deed.plan,))[0][0]

    async def _until(self, plan: str, ready: Callable[[], bool]) -> None:
        """Wait for something, looked at whenever a plan moved."""
        while True:
            await self._house.engine.whole()
            try:
                if ready():
                    return
            except CommitFailedError:
                await asyncio.sleep(1.0)
                continue
            moved = asyncio.get_running_loop().create_future()
            self._waiting.append((plan, moved))
            await moved
