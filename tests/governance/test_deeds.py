"""What was done today, where a clock was set back and right again between two facts (governance/deeds.py)."""

from __future__ import annotations

import asyncio

import pytest

from mainstay import events as e
from mainstay.governance.deeds import Deeds
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.values import SECOND_US, Failure, Verdict

NOON_US = 1_763_726_400 * SECOND_US
BEFORE_US = NOON_US - 2 * 86_400 * SECOND_US
YES = Verdict("allow", "test", "It may.")
TRY = e.EffectIntended("a", "token", 1, 1, YES)
REFUSED = e.EffectRefused("a", 1, Failure("transient", "Not now."))


def paying(minor):
    given = {"amount": {"minor": minor, "currency": "EUR"}}
    return e.EffectPrepared("a", "bank.pay", 1, "irreversible", given, f"{minor}", YES)


@pytest.fixture
def ledger(tmp_path):
    with SqliteLedger(tmp_path / "ledger.db", bytes(32)) as opened:
        yield opened


def append(ledger, expected, at_us, *facts):
    async def wait():
        drafts = tuple(e.Draft(fact, at_us, "test", plan="p") for fact in facts)
        await ledger.append([e.Append("plan:p", expected, drafts)])

    asyncio.run(wait())


def deeds_of(ledger):
    return Deeds(ledger, "UTC", lambda _: {"amount": "amount"}, lambda value: value)


def today(deeds):
    done = deeds.today("bank.pay", NOON_US)
    return done.times, done.minor


WALKS = [
    ([(NOON_US, [paying(100), TRY, REFUSED]), (BEFORE_US, [paying(20_000)]), (NOON_US, [TRY])], (1, {"EUR": 20_000})),
    ([(NOON_US, [paying(100), TRY]), (BEFORE_US, [REFUSED]), (NOON_US, [])], (0, {})),
    ([(NOON_US, [paying(100), TRY, REFUSED]), (BEFORE_US, [TRY])], (0, {})),
    ([(NOON_US, [paying(100), TRY]), (BEFORE_US, [REFUSED, TRY]), (NOON_US, [REFUSED, TRY])], (1, {"EUR": 100})),
    ([(BEFORE_US, [paying(100)]), (NOON_US, [TRY])], (1, {"EUR": 100})),
]


@pytest.mark.parametrize(("walk", "counted"), WALKS)
def test_g1_what_was_done_today_is_counted_as_it_was_prepared_whatever_the_clock_said_between(ledger, walk, counted):
    """The older preparation counted, of a hundred for twenty thousand; what was refused meanwhile counted on."""
    live, length = deeds_of(ledger), 0
    for at_us, facts in walk:
        append(ledger, length, at_us, *facts)
        length += len(facts)
        today(live)
    assert today(live) == counted
    assert today(deeds_of(ledger)) == counted
