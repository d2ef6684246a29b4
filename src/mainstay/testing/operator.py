"""The simulated operator: answers every question in the end, late, sometimes twice and in two tabs at once.

What is answered is in answers.py; only when depends on how long things take.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError
from mainstay.ledger import queries
from mainstay.runtime.mending import GOES_ON
from mainstay.testing.answers import Answers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.kernel.state import Plan
    from mainstay.testing.answers import Answer
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries
    from mainstay.testing.house import House
    from mainstay.testing.world import World

LOOKS_AFTER_S = 120.0  # whoever says what happened waits until it would have
TRIES = 100  # of an answer, while the disk fails
_MOST = 1000


class Operator:
    """One person over all lives of the owner."""

    def __init__(self, chance: Chance, times: Chance, boundaries: Boundaries, world: World) -> None:
        """`chance` decides what is answered, and `times` when."""
        self._times, self._boundaries = times, boundaries
        self._answers = Answers(chance.of("answers"), world)
        self.meddled: set[str] = set()  # the plans whose ends it decides in its own time
        self.is_idle = True
        self.told: dict[str, str] = {}  # answers that were acknowledged, by question
        self.findings: list[str] = []
        self._house: House | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._open: set[str] = set()
        self._refused: dict[str, str] = {}

    def sit_down(self, house: House) -> None:
        """Answer what is open, and what is asked from here on."""
        self._house = house
        self._answering, self._open = set(), set()
        house.engine.listeners.append(self._hear)
        house.engine.hearers.append(lambda says: self._look() if says == GOES_ON else None)
        self._look()

    def _look(self) -> None:
        """See what is open: at the start, and after the history was read again, when nobody was told what is in it."""
        assert self._house is not None
        for row in self._house.ledger.rows(queries.OPEN_DECISIONS, (_MOST, 0)):
            self._begin(row[0])

    def _hear(self, plan_id: str, facts: Sequence[e.AnyFact], plan: Plan) -> None:
        del plan_id, plan
        for fact in facts:
            if isinstance(fact, e.DecisionAsked):
                self._begin(fact.decision)

    def _begin(self, decision: str) -> None:
        if decision in self._open:
            return
        self._open.add(decision)
        task = asyncio.get_running_loop().create_task(self._answer(decision), name=decision)
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
            tabs = 2 if self._times.happens(0.2, "tabs", decision) else 1
            return any(await asyncio.gather(*(self._rule(house, decision, answer) for _ in range(tabs))))
        except CommitFailedError:  # the history is being read again
            return False

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
