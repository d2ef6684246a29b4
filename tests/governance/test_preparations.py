"""What an intent was prepared as, found in the history (governance/preparations.py)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mainstay import events as e
from mainstay.governance.preparations import Preparations
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.values import Failure, Verdict

YES = Verdict("allow", "test", "It may.")
FIRST, SECOND, THIRD = (
    e.EffectPrepared("a", "test.pay", 1, "irreversible", {"cents": cents}, f"{cents}", YES) for cents in (100, 200, 300)
)
TRY = e.EffectIntended("a", "token", 1, 1, YES)
REFUSED = e.EffectRefused("a", 1, Failure("transient", "Not now."))


class Counting(SqliteLedger):
    """A history that knows how often each stream of it was read."""

    def __init__(self, *given):
        super().__init__(*given)
        self.reads = Counter()

    def read(self, stream, after=0):
        self.reads[stream] += 1
        return super().read(stream, after)


@pytest.fixture
def ledger(tmp_path):
    with Counting(tmp_path / "ledger.db", bytes(32)) as opened:
        yield opened


def append(ledger, expected, *facts):
    async def wait():
        await ledger.append([e.Append("plan:p", expected, tuple(e.Draft(fact, 1, "test") for fact in facts))])

    asyncio.run(wait())


def intents(ledger):
    return [each for each in ledger.tail() if isinstance(each.fact, e.EffectIntended)]


def test_an_intent_is_found_as_it_was_prepared_then_and_its_plan_is_read_once(ledger):
    """The newest of all time was taken, and the whole plan read for each that was tried again."""
    append(ledger, 0, FIRST, TRY, REFUSED, TRY, SECOND, TRY, THIRD)
    preparations = Preparations(ledger)
    assert [preparations.of(one, "a") for one in intents(ledger)] == [FIRST, FIRST, SECOND]
    assert [preparations.of(one, "b") for one in intents(ledger)] == [None] * 3
    assert ledger.reads == {"plan:p": 1}


def test_what_was_walked_past_is_not_read_and_what_came_since_is_found_too(ledger):
    append(ledger, 0, FIRST, TRY)
    preparations = Preparations(ledger)
    for recorded in ledger.tail():
        preparations.note(recorded)
    (first,) = intents(ledger)
    assert (preparations.of(first, "a"), ledger.reads) == (FIRST, {})
    assert preparations.of(first, "a") == FIRST, "it is tried again"
    append(ledger, 2, SECOND, TRY)
    *_, prepared, second = ledger.tail()
    preparations.note(prepared)
    assert (preparations.of(second, "a"), ledger.reads) == (SECOND, {})
