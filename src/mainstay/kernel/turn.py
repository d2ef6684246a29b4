"""One turn of the kernel: a command's facts as they come up, and the plan after each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from mainstay.errors import CommandRefusedError
from mainstay.kernel.evolve import evolve
from mainstay.kernel.state import duty_of, is_open
from mainstay.kernel.words import DUTY, SLOT, STATUS, say_path

if TYPE_CHECKING:
    from mainstay.events import PlanFact
    from mainstay.kernel.state import Duty, Plan, Slot, SlotStatus


class Turn:
    """Facts decided so far. Each is folded at once, so that the next one is decided on the plan as it will be."""

    __slots__ = ("facts", "now_us", "plan")

    def __init__(self, plan: Plan, now_us: int) -> None:
        """Begin on a plan at a time."""
        self.plan = plan
        self.now_us = now_us
        self.facts: list[PlanFact] = []

    def add(self, fact: PlanFact) -> None:
        """Decide a fact."""
        self.facts.append(fact)
        self.plan = evolve(self.plan, fact, self.now_us)

    def slot(self, path: str, *statuses: SlotStatus) -> Slot:
        """Give a slot that must be in one of these states; raises CommandRefusedError when it is not."""
        slot = self.plan.slots.get(path)
        if slot is None or slot.status not in statuses:
            now = "not begun" if slot is None else SLOT[slot.status]
            wanted = " or ".join(f'"{SLOT[status]}"' for status in statuses)
            self.refuse(f'{say_path(path)} stands at "{now}", not at {wanted}')
        return slot

    def work(self, path: str, *statuses: SlotStatus, duties: tuple[Duty, ...] = ()) -> Slot:
        """Give a slot as `slot` does, of work that the plan still wants done; of one of these duties, if any are named.

        A state that only one duty comes to, such as "prepared", says enough by itself.
        """
        slot = self.slot(path, *statuses)
        if not is_open(self.plan, path):
            self.refuse(f'it stands at "{STATUS[self.plan.status]}", so {say_path(path)} no longer counts')
        if duties and duty_of(self.plan, path) not in duties:
            wanted = " or ".join(DUTY[duty] for duty in duties)
            self.refuse(f"{say_path(path)} is there to {DUTY[duty_of(self.plan, path)]}, not to {wanted}")
        return slot

    def refuse(self, why: str) -> NoReturn:
        """Raise CommandRefusedError in the plan's name."""
        msg = f"Plan {self.plan.id} ({self.plan.title or 'new'}): {why.removesuffix('.')}."
        raise CommandRefusedError(msg)
