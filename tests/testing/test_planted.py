"""Defects planted by hand: the simulation finds each of them, or it would find nothing (FAULTS F1, F14, F17)."""

import asyncio

import pytest

from mainstay.ledger import queries
from mainstay.ledger.writing import Writing
from mainstay.runtime.effects import Effects
from mainstay.runtime.engine import Engine
from mainstay.runtime.outcomes import Outcomes
from mainstay.runtime.settling import Settling
from mainstay.testing.chunks import one
from mainstay.testing.disk import SimulatedLedger

SEEDS = 2000


def acknowledged_before_the_commit(patch):
    append = SimulatedLedger.append

    def at_once(ledger, appends):
        append(ledger, appends)
        done = asyncio.get_running_loop().create_future()
        done.set_result(0)
        return done

    patch.setattr(SimulatedLedger, "append", at_once)


def a_commit_that_leaves_out_what_shares_it(patch):
    commit = Writing.commit

    def first_only(writing, requests):
        work = commit(writing, requests[:1])
        return work._replace(accepted=work.accepted + [(each.future, work.position) for each in requests[1:]])

    patch.setattr(Writing, "commit", first_only)


def what_was_on_its_way_at_a_crash_is_never_settled(patch):
    settle = Settling.settle

    def dropped(settling, plan, path):
        if plan.slots[path].status != "intended":
            settle(settling, plan, path)

    patch.setattr(Settling, "settle", dropped)


def what_was_on_its_way_at_a_crash_is_sent_again(patch):
    settle = Effects.settle

    def again(effects, plan, path):
        if plan.slots[path].status == "intended":
            effects._desk.spawn(plan, path, effects._carry_out(plan, path))
        else:
            settle(effects, plan, path)

    patch.setattr(Effects, "settle", again)


def a_did_not_happen_that_counts_at_once(patch):
    async def at_once(settling, plan, path, operation, sent, known):
        if operation.settle == "ask" or operation.lookup is None:
            settling._ask(plan, path, operation, sent, known)
        else:
            await settling._look_up(plan, path, operation, sent)

    patch.setattr(Settling, "_look_up_or_ask", at_once)


def what_was_derived_from_a_failed_commit_is_kept(patch):
    patch.setattr(Engine, "_discard", lambda engine, _, error: engine.fail(error))
    reset = Engine.reset

    def keeping(engine):
        plans = dict(engine._plans)
        reset(engine)
        engine._plans.update(plans)

    patch.setattr(Engine, "reset", keeping)


def a_way_back_that_is_not_recorded(patch):
    patch.setattr(Outcomes, "_way_back", lambda *_: (None, "nobody knows how"))


def a_kind_of_timer_that_never_fires(patch):
    patch.setattr(queries, "TIMERS_DUE", queries.TIMERS_DUE.replace("WHERE ", "WHERE kind <> 'settle' AND ", 1))


DEFECTS = (
    acknowledged_before_the_commit,
    a_commit_that_leaves_out_what_shares_it,
    what_was_on_its_way_at_a_crash_is_never_settled,
    what_was_on_its_way_at_a_crash_is_sent_again,
    a_did_not_happen_that_counts_at_once,
    what_was_derived_from_a_failed_commit_is_kept,
    a_way_back_that_is_not_recorded,
    a_kind_of_timer_that_never_fires,
)


@pytest.mark.long
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_found(defect, monkeypatch):
    defect(monkeypatch)
    first = next(seed for seed in range(SEEDS) if one(seed))
    monkeypatch.undo()
    assert one(first) == []
