"""The simulated operator: answers every question in the end, late, sometimes twice and in two tabs at once.

What is answered is in answers.py; only when depends on how long things take.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError, MainstayError
from mainstay.ledger import queries
from mainstay.requests.release import in_doubt, plans_in_doubt
from mainstay.runtime.intake import Request
from mainstay.runtime.mending import GOES_ON
from mainstay.testing.answers import Answers
from mainstay.testing.deeds import Deeds, deeds_of, meddled

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from mainstay.kernel.state import Plan
    from mainstay.testing.answers import Answer
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.house import House
    from mainstay.testing.plans import Planned
    from mainstay.testing.world import World

LOOKS_AFTER_S = 120.0  # whoever says what happened waits until it would have
ASIDE = 0.05  # share of the questions that are put off or noted on before they are answered
TRIES = 400  # of an answer, while the disk fails
_MOST = 1000


class Operator:
    """One person over all lives of the owner."""

    def __init__(
        self, chance: Chance, times: Chance, boundaries: Boundaries, world: World, plans: Sequence[Planned]
    ) -> None:
        """`chance` decides what is answered and done, and `times` when."""
        self._times, self._boundaries, self._world = times, boundaries, world
        done = deeds_of(chance.of("deeds"), plans)
        self.meddled = meddled(done, plans)  # the plans whose ends it decides in its own time
        self.deeds = Deeds(chance.of("deeds"), times.of("deeds"), boundaries, done)
        self.released = 0
        self._answers = Answers(chance.of("answers"), world)
        self.told: dict[str, str] = {}  # answers that were acknowledged, by question
        self.findings: list[str] = []
        self._house: House | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._open: set[str] = set()
        self._refused: dict[str, str] = {}
        self._said_aside: set[str] = set()
        self._chance = chance
        self._let: dict[str, int] = {}  # by playbook: how often its throttle was answered

    def sit_down(self, house: House) -> None:
        """Answer what is open, and what is asked from here on."""
        self._house = house
        self._answering, self._open = set(), set()
        house.engine.listeners.append(self._hear)
        house.engine.hearers.append(lambda says: self._look() if says == GOES_ON else None)
        if house.engine.held:
            self._releasing = asyncio.get_running_loop().create_task(self._release(house))
        self.deeds.begin(house)
        self._look()

    @property
    def is_idle(self) -> bool:
        """Whether all that it does unasked is done."""
        return self.deeds.is_idle

    # --- throttles

    def way(self, playbook: str) -> str:
        """Give what is said first where a throttle stops a playbook; then it goes on, or the run would never end."""
        return self._chance.pick(("go-on", "go-on", "go-on", "undo", "stop"), "way", playbook)

    def let_on(self, waiting: Iterable[str]) -> None:
        """Answer for the playbooks whose throttles are closed, unless that is under way."""
        for playbook in waiting:
            name = f"throttle {playbook}"
            if name not in self._open:
                self._start(name, self._go_on(playbook))

    async def _go_on(self, playbook: str) -> None:
        house = self._house
        assert house is not None
        await asyncio.sleep(self._times.draw("throttle", playbook, self._let.get(playbook, 0)) ** 2 * 2000)
        self._boundaries.reach("before throttle")
        if house.engine.held:
            return
        way = "go-on" if self._let.get(playbook) else self.way(playbook)
        self._let[playbook] = self._let.get(playbook, 0) + 1
        params = {"playbook": playbook, "way": way}
        with contextlib.suppress(MainstayError):  # of the disk: it is asked for again, or it is open by now
            await house.requests.answer(Request("throttle", params), True, lambda _: None)  # noqa: FBT003
        self._boundaries.reach("throttle answered")

    # --- a history that was put elsewhere

    async def _release(self, house: House) -> None:
        """Let a history go on that was put elsewhere, again until it does."""
        self.released += 1
        for _ in range(TRIES):
            await asyncio.sleep(LOOKS_AFTER_S)
            self._boundaries.reach("before release")
            try:
                await house.engine.whole()
                params = {"answers": self._known(house)}
                await house.requests.answer(Request("release", params), True, lambda _: None)  # noqa: FBT003
            except CommitFailedError as error:
                house.engine.fail(error)
            except MainstayError as error:
                self.findings.append(f"the history can't be let go: {error.message}")
                return
            else:
                break
        self._boundaries.reach("released")

    def _known(self, house: House) -> dict[str, str]:
        """Say of each action in doubt what happened, truthfully, or let it be found out."""
        answers: dict[str, str] = {}
        for plan_id in plans_in_doubt(house.ledger.rows):
            plan = house.engine.load(plan_id)
            for held in in_doubt(plan, house.requests.contracts, house.clock.now_us()):
                if held.doubt in ("sent", "ready"):
                    happened = self._world.found(plan.slots[held.path].token) is not None
                    truth = "happened" if happened else "did_not_happen"
                    answers[held.name] = "run" if self._times.happens(0.5, "run", held.name) else truth
        return answers

    def _look(self) -> None:
        """See what is open: at the start, and after the history was read again, when nobody was told what is in it."""
        assert self._house is not None
        self.deeds.look()
        for row in self._house.ledger.rows(queries.OPEN_DECISIONS, (_MOST, 0)):
            self._begin(row[0])

    def _hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del plan_id
        self.deeds.look(plan.playbook)
        for fact in facts:
            if isinstance(fact, e.DecisionAsked):
                self._begin(fact.decision)

    def _begin(self, decision: str) -> None:
        if decision not in self._open:
            self._start(decision, self._answer(decision))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._open.add(name)
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._answering.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._answering.discard(task)
        self._open.discard(task.get_name())
        if not task.cancelled() and task.exception() is not None:
            self.findings.append(f"an answer could not be given: {task.exception()!r}")

    async def _answer(self, decision: str) -> None:
        house = self._house
        assert house is not None
        await asyncio.sleep(self._times.draw("late", decision) ** 3 * 60)
        for _ in range(TRIES):
            if await self._settled(house, decision):
                return
            await asyncio.sleep(1.0)
        self.findings.append(f"{decision} can't be answered: {self._refused.get(decision, 'nobody says why')}")

    async def _settled(self, house: House, decision: str) -> bool:
        """Try to answer; whether nothing more is to be done about a question."""
        await house.engine.whole()
        if house.engine.held:
            return False
        try:
            plan = house.engine.load(decision.rpartition(".")[0])
            question = plan.questions.get(decision)
            if question is None:
                return True
            if question.kind == "settle":
                await asyncio.sleep(LOOKS_AFTER_S)
            answer = self._answers.of(plan, question, decision)
            if answer is None:
                return True
            if self._times.happens(ASIDE, "aside", decision) and decision not in self._said_aside:
                await self._say_aside(house, decision)
                return False
            given = [answer]
            if self._times.happens(0.2, "tabs", decision):
                other = self._answers.other(question, answer) if self._times.happens(0.5, "other", decision) else None
                given.append(other or answer)  # too late, whatever it says
            return any(await asyncio.gather(*(self._rule(house, decision, each) for each in given)))
        except CommitFailedError:  # the history is being read again
            return False

    async def _say_aside(self, house: House, decision: str) -> None:
        """Put a question off, or note something on it, once."""
        self._said_aside.add(decision)
        self._boundaries.reach("before aside")
        params = {"decision": decision, "seconds": self._times.whole(1, 1000, "aside", decision), "text": "later"}
        says = self._times.pick(("snooze", "note"), "says", decision)
        with contextlib.suppress(CommandRefusedError):  # it may be too late to put it off
            await house.requests.answer(Request(says, params), True, lambda _: None)  # noqa: FBT003

    async def _rule(self, house: House, decision: str, answer: Answer) -> bool:
        """Give an answer; whether it was taken."""
        self._boundaries.reach("before ruling")
        try:
            ruling = house.requests.rule(decision, answer)
            self._boundaries.reach("ruling sent")
            await ruling
        except CommandRefusedError as error:  # the other tab was quicker, or it is a mistake
            self._refused[decision] = error.message
            return False
        except CommitFailedError as error:
            house.engine.fail(error)
            await asyncio.sleep(0.1)
            return False
        self.told[decision] = answer["choice"]
        self._boundaries.reach("ruling acknowledged")
        return True
