"""An action whose arguments do not show what it moved: it counts, and only sums of money are not known (G1)."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from mainstay import events as e
from mainstay.governance.deeds import Sums
from mainstay.governance.preparations import Preparations
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.values import Verdict

AT_US = 1_763_726_400_000_000
EUR = {"minor": 500, "currency": "EUR"}


@pytest.fixture
def ledger(tmp_path):
    with SqliteLedger(tmp_path / "ledger.db", bytes(32)) as opened:
        yield opened


def fed(ledger, *arguments):
    sums = Sums(ZoneInfo("UTC"), lambda _: {"amount": "amount"}, lambda value: value, Preparations(ledger))
    for number, given in enumerate(arguments):
        path, verdict = f"a{number}", Verdict("allow", "reversible", "")
        prepared = e.EffectPrepared(path, "bank.pay", 1, "reversible", given, "d", verdict)
        for fact in (prepared, e.EffectIntended(path, "token", 1, 0, verdict)):
            sums.feed(recorded(fact))
    return sums


def recorded(fact):
    return e.Recorded(1, "plan:p", 1, type(fact).__name__, 1, AT_US, "mainstay", "", "p", fact)


def test_g1_it_is_counted_and_what_was_moved_in_all_is_not_known(ledger):
    done = fed(ledger, {"amount": EUR}, {"amount": "a lot"}, {"amount": EUR}).on_day("bank.pay", "2025-11-21")
    assert (done.times, done.minor) == (3, {"EUR": 1000})
    with pytest.raises(ValueError, match="how much it moved"):
        done.money()


def test_g1_once_it_did_not_happen_all_is_known_again(ledger):
    sums = fed(ledger, {"amount": EUR}, {"amount": "a lot"})
    sums.feed(recorded(e.EffectAbsent("a1", "nobody saw it")))
    done = sums.of_plan("p", "bank.pay")
    assert (done.times, done.money().minor) == (1, 500)
