"""The simulated world behind connectors: what effects change, and all that may go wrong on the way there and back.

What becomes of a sending depends on the seed, the operation, the unit of work it is for and how often that was sent,
never on time: so a run with a crash meets the same world as one without. Each unit has a script: some troubles, then an
end (`Script`). The world counts what happened per token, and complains of what no sender may ever do.
"""

from __future__ import annotations

import asyncio
import errno
from collections import Counter
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from mainstay.connectors.mail import mark_of
from mainstay.contracts import Found
from mainstay.errors import NeedsOperator, NotSent, Permanent, RateLimited, Transient, Uncertain
from mainstay.governance.throttles import MAIL
from mainstay.records import Time
from mainstay.runtime.bounces import Notice
from mainstay.values import PersonMail

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.contracts import Call, Operation
    from mainstay.kernel.state import Plan
    from mainstay.testing.chance import Chance
    from mainstay.testing.crash import Boundaries

HANGS_S = 1e6  # longer than any operation waits

Trouble: TypeAlias = Literal["not sent", "rate limited", "lost before", "hangs before"]
End: TypeAlias = Literal["done", "answer lost", "hangs after", "late", "refused", "needs operator"]

TROUBLES: tuple[Trouble, ...] = ("not sent", "rate limited", "lost before", "hangs before")
WORKERS_TO_END = 2  # at most so many processes end by themselves: more, by chance, and a step's tries are used up
ENDS: tuple[End, ...] = ("done", "done", "done", "done", "answer lost", "hangs after", "late", "refused")

Said: TypeAlias = Literal["back", "late", "forged"]  # of a mail: it did not arrive, not yet, or it was never sent
SAID: tuple[tuple[Said, ...], ...] = (
    *((),) * 7,
    *(("back",), ("back", "back"), ("late",), ("late", "back"), ("back", "late"), ("forged",), ("forged", "back")),
)
SAID_AFTER_S = (0.0, 1.0, 60.0, 600.0, 5000.0)


class Order(msgspec.Struct, frozen=True):
    """What an operation of the world is given. `unit` names the work it is for, over all its tries."""

    unit: str
    amount: int = 1
    to: PersonMail = ""  # whom it is about: sealed wherever it is recorded
    at: Time = ""


class Receipt(msgspec.Struct, frozen=True):
    """What it gives back: the token under which it happened, and how that left what it is about."""

    unit: str
    token: str = ""
    state: str = ""


class Script(NamedTuple):
    """What becomes of the sendings of one unit: a trouble each, and then the end, again and again."""

    troubles: tuple[Trouble, ...]
    end: End


class Happening(NamedTuple):
    """One effect in the world."""

    at_s: float
    operation: str
    unit: str
    token: str
    amount: int = 1


class Mail(NamedTuple):
    """An answer to something that was sent."""

    at_s: float
    unit: str  # of what it answers


class Returned(NamedTuple):
    """What a mail server says of mails that left, or of some that never did."""

    at_s: float
    name: str  # of the mail in which it says so
    notice: Notice
    tokens: tuple[str, ...]  # of those that it is truly about


class Outage(NamedTuple):
    """Nobody can be reached for a while: one connector, or where it is "" none for want of a network."""

    connector: str
    begins_s: float
    ends_s: float


def unit_of(plan: Plan, path: str) -> str:
    """Name the unit of work at a path of a plan: what an agent asks for has no other name that stays the same."""
    arguments = plan.slots[path].arguments
    unit = arguments.get("unit") if isinstance(arguments, dict) else None
    return unit if isinstance(unit, str) else f"{plan.playbook}/{path}"


class World:
    """What is out there, over all lives of the owner."""

    def __init__(self, chance: Chance, times: Chance, boundaries: Boundaries, now_s: Callable[[], float]) -> None:
        """Begin with nothing; `chance` decides what happens, and `times` how long it takes.

        `intended` and `missed`, set by who knows the disk, say whether a token's intent is on it, and how often it says
        that the effect was read back and not seen; `on_answer` is told of mail that will come, and `on_return` of mail
        that will come back.
        """
        self._chance, self._times, self._boundaries, self._now_s = chance, times, boundaries, now_s
        self.intended: Callable[[str], bool] = lambda _: True
        self.missed: Callable[[str, str], int] = lambda _plan, _token: 0
        self.findings: list[str] = []
        self.happened: list[Happening] = []
        self.sent: Counter[str] = Counter()  # by token, whatever became of it
        self.on_answer: Callable[[Mail], None] = lambda _: None
        self.returned: list[Returned] = []  # what mail servers say, or will say, of what was sent so far
        self.on_return: Callable[[Returned], None] = lambda _: None
        self.outages: tuple[Outage, ...] = ()
        self.workers_to_end = WORKERS_TO_END
        self._tries: Counter[str] = Counter()  # by unit: sendings that played a part of its script
        self._moved: Counter[str] = Counter()  # by unit: how often somebody else changed it

    def script(self, unit: str) -> Script:
        """Give the script of a unit."""
        chance = self._chance.of(unit)
        troubles = chance.pick((0, 0, 0, 1, 1, 2), "troubles")
        return Script(
            tuple(chance.pick(TROUBLES, "trouble", number) for number in range(troubles)), chance.pick(ENDS, "end")
        )

    def found(self, token: str) -> Happening | None:
        """Give what happened under a token, as far as it has happened by now."""
        return next((one for one in self.happened if one.token == token and one.at_s <= self._now_s()), None)

    async def is_online(self) -> bool:
        """Say whether the owner's machine has a network."""
        return not self._is_out("")

    def mails(self) -> list[Mail]:
        """Give the answers that came, or will come, to what was sent so far."""
        return [mail for one in self.happened if (mail := self._answer(one)) is not None]

    # --- called by operations

    async def act(self, operation: Operation, call: Call, order: Order) -> Receipt:
        """Be asked to do something; raises what connectors raise."""
        self._boundaries.reach("before call")
        self._hold_against(operation, call, order)
        self.sent[call.token] += 1
        await self._pass(order.unit, call.token)
        self._reach(operation.name)
        known = next((one for one in self.happened if one.token == call.token), None)
        if known is None:
            await self._play(operation, call, order)
        receipt = Receipt(order.unit, call.token, self._state(order.unit))
        self._boundaries.reach("before answer")
        await self._pass(order.unit, call.token)
        return receipt

    async def read(self, order: Order) -> Receipt:
        """Be asked for something that changes nothing; after some failures there is an answer."""
        self._boundaries.reach("before read")
        await self._pass(order.unit, "")
        self._reach("store.look")
        if self._next(f"read/{order.unit}") < self._chance.pick((0, 0, 0, 1, 2), "deaf", order.unit):
            raise Transient("the simulated world did not answer")
        self._boundaries.reach("before answer")
        return Receipt(order.unit)

    async def look_up(self, call: Call, order: Order) -> Found:
        """Be asked what became of a token."""
        self._boundaries.reach("before look-up")
        await self._pass(order.unit, call.token)
        self._reach("")
        if self._chance.happens(0.1, "unheard", order.unit, self._next(f"look/{order.unit}")):
            raise Transient("the simulated world did not answer")
        found = self.found(call.token)
        if found is not None:
            return Found("happened", Receipt(order.unit, call.token, self._state(order.unit)), "it is there")
        return Found("did_not_happen", known="it is not there")

    async def read_back(self, call: Call, order: Order) -> Found:
        """Be asked to show what was done; after a look that a crash forgot, the next sees the same."""
        self._boundaries.reach("before reading back")
        await self._pass(order.unit, call.token)
        if self._chance.happens(0.3, "unseen", order.unit, self.missed(call.plan, call.token)):
            return Found("unknown", known="it is not there yet")
        return Found("happened", known="it is there")

    async def state(self, call: Call, order: Order) -> dict[str, str]:
        """Be asked how something is that an action relies on; now and then somebody else changed it since."""
        self._boundaries.reach("before looking at it")
        await self._pass(order.unit, call.token)
        self._reach("")
        unit = order.unit.removeprefix("~")
        if self._chance.happens(0.15, "moved", unit, self._next(f"state/{unit}")):
            self._moved[unit] += 1
        return {f"the shelf of {unit}": self._state(unit)}

    # --- a sending

    async def _play(self, operation: Operation, call: Call, order: Order) -> None:
        script, number = self.script(order.unit), self._next(order.unit)
        if number < len(script.troubles):
            await self._trouble(script.troubles[number], order.unit)
        elif script.end == "refused":
            raise Permanent("the simulated world refuses")
        elif script.end == "needs operator":
            raise NeedsOperator("the simulated world wants a person")
        else:
            first = number == len(script.troubles)
            late_s = (1 + 2 * self._chance.draw("late", order.unit)) / 3 * operation.settle_after_s
            after_s = late_s if first and script.end == "late" else 0.0
            happening = Happening(self._now_s() + after_s, operation.name, order.unit, call.token, order.amount)
            self.happened.append(happening)
            if (mail := self._answer(happening)) is not None:
                self.on_answer(mail)
            self._send_back(happening, call.plan)
            self._boundaries.reach("after effect")
            if first:
                await self._lose(script.end)

    async def _trouble(self, trouble: Trouble, unit: str) -> None:
        match trouble:
            case "not sent":
                raise NotSent("the simulated world could not be reached")
            case "rate limited":
                raise RateLimited("the simulated world is busy", retry_after_s=self._chance.draw("busy", unit) * 20)
            case "lost before":
                raise Uncertain("the connection was lost")
            case "hangs before":
                await asyncio.sleep(HANGS_S)

    async def _lose(self, end: End) -> None:
        if end == "answer lost":
            raise Uncertain("the answer was lost")
        if end in ("hangs after", "late"):
            await asyncio.sleep(HANGS_S)

    def _hold_against(self, operation: Operation, call: Call, order: Order) -> None:
        """Complain of what no sender may do."""
        if not self.intended(call.token):
            self.findings.append(f"{operation.name} for {order.unit} was sent before its intent was on disk")
        if self.sent[call.token] and operation.settle != "resend":
            self.findings.append(f"{operation.name} for {order.unit} was sent twice under one token")

    # --- leaves

    def _answer(self, sent: Happening) -> Mail | None:
        """Give the answer that something gets; it may be there before the sender is told that it left."""
        if sent.operation != MAIL or not self._chance.happens(0.7, "answers", sent.unit):
            return None
        late_s = self._chance.pick((0.0, 0.0, 60.0, 600.0, 20_000.0), "answer", sent.unit)
        return Mail(sent.at_s + late_s, sent.unit)

    def _send_back(self, sent: Happening, plan: str) -> None:
        """Let servers speak of a mail: it may be before the sender is told that it left, or long after its plan."""
        if sent.operation != MAIL:
            return
        at_s, mark = sent.at_s, mark_of(sent.token, plan)
        for number, said in enumerate(self._chance.pick(SAID, "said", sent.unit)):
            at_s += self._chance.pick(SAID_AFTER_S, "said after", sent.unit, number)
            nobodys = f"{'0' * 32}.{mark.rpartition('.')[2]}", mark.partition(".")[0], f"{mark}0"
            marks = nobodys if said == "forged" else (nobodys[number % 3], mark)
            notice = Notice(marks, said != "late", "4.2.2" if said == "late" else "5.1.1")
            tokens = () if said == "forged" else (sent.token,)
            self.returned.append(Returned(at_s, f"<{number}.{sent.token}@server>", notice, tokens))
            self.on_return(self.returned[-1])

    def _state(self, unit: str) -> str:
        unit = unit.removeprefix("~")
        states = [one.unit for one in self.happened if one.unit.removeprefix("~") == unit and one.at_s <= self._now_s()]
        own = "empty" if not states or states[-1].startswith("~") else "full"
        return f"{own}, changed {self._moved[unit]} times"

    def _reach(self, operation: str) -> None:
        """Raise where nobody can be reached at the moment."""
        if self._is_out(""):
            raise NotSent("there is no network") from OSError(errno.ENETUNREACH, "the simulated network is down")
        if self._is_out(operation.partition(".")[0]):
            raise NotSent("the simulated world can't be reached")

    def _is_out(self, connector: str) -> bool:
        now_s = self._now_s()
        return any(one.connector == connector and one.begins_s <= now_s < one.ends_s for one in self.outages)

    async def _pass(self, unit: str, token: str) -> None:
        """Let the time of one way pass."""
        await asyncio.sleep(self._times.draw("way", unit, token, self._next(f"way/{token}")) * 0.2)
        self._boundaries.alive()

    def _next(self, what: str) -> int:
        self._tries[what] += 1
        return self._tries[what] - 1
