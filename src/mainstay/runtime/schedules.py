"""Starts playbooks whose schedule is due (KERNEL T1, the cron source).

A time that is due is an occurrence as any other, named by playbook, schedule and local wall time, so that it starts a
plan once, whatever crashes when. What was missed while nothing ran starts once, for the last time that was missed; what
was due before the playbook was activated does not count. Where somebody set the clock nothing starts for a while (P5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from mainstay.errors import CommitFailedError, MainstayError
from mainstay.origins import PLAYBOOK
from mainstay.runtime.cron import last_due, next_due, say_schedule
from mainstay.runtime.outside import SCHEDULE_DUE
from mainstay.runtime.timers import GRACE_S, JUMP_S
from mainstay.values import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.ports import Clock
    from mainstay.runtime.outside import Body, Outside

LONGEST_SLEEP_S = 60.0  # a playbook may be activated, or the clock set, meanwhile


class Since(Protocol):
    """Says since when a playbook is active as it is."""

    def __call__(self, playbook: str, /) -> int | None:
        """Give microseconds, or None."""
        ...


def _unsaid(line: str) -> None:
    del line


class Schedules:
    """Looks at the schedules of the active playbooks, for as long as the owner lives."""

    def __init__(
        self, outside: Outside, clock: Clock, timezone: str, since: Since, say: Callable[[str], None] = _unsaid
    ) -> None:
        """Take where events go, the clock, the company's time zone, and who hears of what could not be started."""
        self._outside, self._clock, self._timezone, self._since = outside, clock, timezone, since
        self._offset_s = self._offset()
        self._held_until_s = 0.0
        self._say = say
        self._said: set[str] = set()

    async def run(self) -> None:
        """Start what is due, and sleep until the next is; nobody having a schedule costs a look in a minute."""
        while True:
            self._notice_jump()
            if self._clock.boot_s() >= self._held_until_s:
                await self.look()
            await self._clock.sleep(self._pause_s())

    async def look(self) -> None:
        """Start what is due by now; on disk when this returns."""
        now_us = self._clock.now_us()
        for playbook, schedule in self._all():
            due, since_us = last_due(schedule, now_us, self._timezone), self._since(playbook)
            if due is None or since_us is None or due.at_us <= since_us:
                continue
            at = datetime.fromtimestamp(due.at_us / SECOND_US, UTC).isoformat()
            name = f"{playbook} {schedule} {due.name}"
            body: Body = {"playbook": playbook, "schedule": schedule, "at": at}
            try:
                future = self._outside.receive(SCHEDULE_DUE, "schedule", name, body, (PLAYBOOK,))
                if future is not None:
                    await future
            except CommitFailedError:  # it is due still, once the history is whole
                return
            except (MainstayError, OSError, ValueError) as error:  # the others are due all the same
                if name not in self._said:
                    self._said.add(name)
                    self._say(f"{playbook} is due ({say_schedule(schedule)}) and could not be started: {error}")

    def _all(self) -> Iterator[tuple[str, str]]:
        for definition in self._outside.starting():
            for schedule in dict.fromkeys(trigger.cron for trigger in definition.on if trigger.cron):
                yield definition.name, schedule

    def _pause_s(self) -> float:
        now_us = self._clock.now_us()
        due = [slot.at_us for _, schedule in self._all() if (slot := next_due(schedule, now_us, self._timezone))]
        wait_s = (min(due) - now_us) / SECOND_US if due else LONGEST_SLEEP_S
        return min(LONGEST_SLEEP_S, max(wait_s, 0.0) + 0.01)

    def _notice_jump(self) -> None:
        jump_s = self._offset() - self._offset_s
        if abs(jump_s) > JUMP_S:
            self._offset_s += jump_s
            self._held_until_s = self._clock.boot_s() + GRACE_S

    def _offset(self) -> float:
        return self._clock.now_us() / SECOND_US - self._clock.boot_s()
