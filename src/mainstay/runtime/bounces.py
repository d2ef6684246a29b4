"""Ties what a mail server says of a mail to the action that sent it, by the mark that the mail carried.

The mark is made of the action's token, which nobody outside knows, so that a notice that names none of ours counts
nothing, whoever wrote it. What is told once is not told again; a delay may still become a failure.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from mainstay import events as e
from mainstay.errors import MainstayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mainstay.kernel.state import Plan
    from mainstay.ports import Ledger
    from mainstay.runtime.outside import Body, Outside
    from mainstay.values import Value

PREFIX = "bounces:"
Heard: TypeAlias = "Callable[[str, e.MailBounced, int, int], None]"  # plan, fact, position in the history, when
MOST = 1900  # facts of one plan, of the 2,000 a stream holds


class Notice(msgspec.Struct, frozen=True):
    """What a mail server says of mails of ours: connectors/notices.py."""

    marks: tuple[str, ...]  # what of ours it repeats
    final: bool  # they won't arrive
    code: str = ""


class Bounces:
    """Finds the actions that notices are about."""

    def __init__(self, ledger: Ledger, load: Callable[[str], Plan], mark_of: Callable[[str, str], str]) -> None:
        """`mark_of` gives the mark of a token and a plan: connectors/mail.py."""
        self._ledger, self._load, self._mark_of = ledger, load, mark_of
        self.heard: Heard = _unheard  # told what is on disk
        self._one_by_one = asyncio.Lock()  # what one notice tells is on disk before the next is looked at

    async def take(self, outside: Outside, name: str, body: Body, notice: Value) -> None:
        """Take in a notice, once, with the facts of the actions that it is about; on disk when this returns."""
        told: list[e.Append] = []

        def following(now_us: int, cause: str) -> list[e.Append]:
            told.extend(self.told(notice, now_us, cause))
            return told

        async with self._one_by_one:
            future = outside.receive("mail.bounced", "mail", name, body, following=following)
            if future is None:
                return  # it came before
            position = await future
        for draft in (draft for append in told for draft in append.drafts):
            assert isinstance(draft.fact, e.MailBounced)
            self.heard(draft.plan, draft.fact, position, draft.recorded_at_us)

    def told(self, notice: Value, now_us: int, cause: str) -> list[e.Append]:
        """Give what a notice says anew, to append beside it: facts of the plans whose mails it is about."""
        said = msgspec.convert(notice, Notice)
        found: dict[str, list[e.MailBounced]] = {}
        for mark in said.marks:
            if (named := next(self._named(mark), None)) is not None:
                found.setdefault(named[0], []).append(e.MailBounced(named[1], said.final, said.code))
        return [append for plan, facts in found.items() for append in self._append(plan, facts, now_us, cause)]

    def _append(self, plan: str, facts: list[e.MailBounced], now_us: int, cause: str) -> Iterator[e.Append]:
        known = self._ledger.read(f"{PREFIX}{plan}")
        new = [fact for fact in facts if not any(_covers(event.fact, fact) for event in known)]
        if new and len(known) + len(new) <= MOST:
            drafts = tuple(e.Draft(fact, now_us, "outside:mail", cause, plan) for fact in new)
            yield e.Append(f"{PREFIX}{plan}", len(known), drafts)

    def _named(self, mark: str) -> Iterator[tuple[str, str]]:
        """Give the action whose mark this is; nothing where it is none of ours."""
        for plan in self._family(mark.rpartition(".")[2]):
            for path, slot in plan.slots.items():
                if slot.token and self._mark_of(slot.token, plan.id) == mark:
                    yield plan.id, path

    def _family(self, plan_id: str) -> Iterator[Plan]:
        try:
            plan = self._load(plan_id)
        except MainstayError:
            return  # there is none, or it can't be read
        yield plan
        for slot in plan.slots.values():
            for child in slot.children:
                yield from self._family(child)


def _covers(known: object, fact: e.MailBounced) -> bool:
    """Whether that was told: a failure stays one, and one delay is as good as another."""
    return isinstance(known, e.MailBounced) and known.path == fact.path and (known.final or not fact.final)


def _unheard(plan: str, fact: e.MailBounced, position: int, at_us: int) -> None:
    """Where nobody listens."""
    del plan, fact, position, at_us
