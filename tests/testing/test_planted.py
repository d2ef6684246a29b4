"""Defects planted by hand: the simulation finds each of them, or it would find nothing (FAULTS F1, F14, F17)."""

import asyncio
import itertools
from types import SimpleNamespace

import msgspec
import pytest

from mainstay import commands as c
from mainstay import events as e
from mainstay.governance import attention, budgets
from mainstay.governance.budgets import Budgets
from mainstay.governance.throttles import Tally
from mainstay.kernel import budget as kernel_budget
from mainstay.kernel import evolve
from mainstay.kernel.graph import Graph
from mainstay.kernel.slots import put
from mainstay.ledger import batch, chain, projections, queries, writing
from mainstay.ledger.writing import Writing
from mainstay.requests import gateway
from mainstay.requests.throttling import Throttling
from mainstay.runtime import admission, bounces
from mainstay.runtime.effects import Effects
from mainstay.runtime.engine import Engine
from mainstay.runtime.outcomes import Outcomes
from mainstay.runtime.settling import Settling
from mainstay.runtime.steps import Steps
from mainstay.runtime.talks import Conversation
from mainstay.testing.disk import SimulatedLedger
from mainstay.testing.many import one
from mainstay.values import Failure

SEEDS = 2000


def acknowledged_before_the_commit(patch):
    queue = SimulatedLedger.queue

    def at_once(ledger, appends, told, *, awaited=False):
        queue(ledger, appends, lambda *_: None, awaited=awaited)
        asyncio.get_running_loop().call_soon(told, 0, None)

    patch.setattr(SimulatedLedger, "queue", at_once)


def a_commit_that_leaves_out_what_shares_it(patch):
    commit = Writing.commit

    def first_only(writing, requests):
        work = commit(writing, requests[:1])
        return work._replace(news=work.news + [(each, work.position, None) for each in requests[1:]])

    patch.setattr(Writing, "commit", first_only)


def a_commit_that_is_told_and_never_written(patch):
    write = Writing._write

    def forgotten(committing, work):
        if work.position % 10 or len(work.news) < 2:
            write(committing, work)

    patch.setattr(Writing, "_write", forgotten)


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


def what_a_crash_cut_off_counts_as_failed(patch):
    def failed(steps, plan, path):
        steps.fail(plan, path, Failure("permanent", "it was cut off"))

    patch.setattr(Steps, "run_again", failed)


def projections_that_see_only_the_first_fact_of_a_commit(patch):
    def first_only(connection, projected, events):
        projections.apply(connection, projected, events[:1])

    patch.setattr(writing, "projections", SimpleNamespace(apply=first_only))


def a_chain_that_begins_anew_with_each_process(patch):
    begin = batch.Heads.__init__

    def anew(heads, connection):
        begin(heads, connection)
        heads.digest = chain.GENESIS

    patch.setattr(batch.Heads, "__init__", anew)


def an_agent_begun_anew_that_does_again_what_it_did(patch):
    patch.setattr(Conversation, "_did_before", lambda *_: None)


def a_limit_that_keeps_nobody_out(patch):
    patch.setattr(admission, "has_place", lambda *_: True)


def a_throttle_that_never_closes(patch):
    patch.setattr(Tally, "_ask", lambda *_: None)


def a_throttle_that_pauses_nothing(patch):
    patch.setattr(Throttling, "_open", lambda *_: [])


def what_came_back_told_again_with_each_notice(patch):
    patch.setattr(bounces, "_covers", lambda *_: False)


def a_notice_that_is_forgotten_where_another_spoke_of_the_plan(patch):
    append = bounces.Bounces._append

    def first_only(taken, plan, facts, now_us, cause):
        return () if taken._ledger.read(f"{bounces.PREFIX}{plan}") else append(taken, plan, facts, now_us, cause)

    patch.setattr(bounces.Bounces, "_append", first_only)


def a_throttle_that_counts_no_mail_that_came_back(patch):
    count = Throttling._count

    def without(throttling, playbook, plan_id, fact, told):
        return not isinstance(fact, e.MailBounced) and count(throttling, playbook, plan_id, fact, told)

    patch.setattr(Throttling, "_count", without)


def a_start_that_lets_what_a_throttle_paused_go_on(patch):
    resume = Engine.resume

    def let_on(engine, plans):
        for plan_id in plans:
            if engine.load(plan_id).paused_at_us is not None:
                engine.submit(plan_id, c.ResumePlan(now_us=engine.now_us(), by="mainstay"))
        resume(engine, plans)

    patch.setattr(Engine, "resume", let_on)


def actions_that_wait_for_no_time_and_no_hours(patch):
    patch.setattr(Effects, "_leaves_us", lambda *_: 0)


def a_budget_that_stops_nothing(patch):
    patch.setattr(budgets, "lacking", lambda *_: {})


def a_budget_that_counts_nothing(patch):
    patch.setattr(Budgets, "reserve", lambda *_, **__: budgets.NOTHING)


def a_budget_that_warns_each_time(patch):
    fold = kernel_budget.evolve

    def never_warned(budget, fact):
        return msgspec.structs.replace(fold(budget, fact), warned=False)

    patch.setattr(budgets, "evolve", never_warned)


def work_that_was_sent_back_and_stays_as_it_was(patch):
    revised = evolve._EVOLVERS[e.StepRevised]

    def kept(plan, fact, at_us):
        asked = plan.slots[fact.because]
        approved = msgspec.structs.replace(asked, status="prepared", ruling=asked.decision)
        return put(revised(plan, fact, at_us), fact.because, approved) if asked.digest else revised(plan, fact, at_us)

    patch.setitem(evolve._EVOLVERS, e.StepRevised, kept)


def an_agent_that_is_not_told_what_was_said(patch):
    revised = evolve._EVOLVERS[e.StepRevised]

    def forgotten(plan, fact, at_us):
        plan = revised(plan, fact, at_us)
        return put(plan, fact.path, msgspec.structs.replace(plan.slots[fact.path], feedback=()))

    patch.setitem(evolve._EVOLVERS, e.StepRevised, forgotten)


def a_plan_of_its_own_for_each_submission(patch):
    made = gateway.plan_of
    count = itertools.count()
    patch.setattr(gateway, "plan_of", lambda desk, token, own_id: made(desk, token, f"{own_id} {next(count)}"))


def messages_without_number(patch):
    patch.setattr(attention.Days, "left", lambda _: 99)


def what_was_to_be_shown_first_is_left_to_policy(patch):
    covered = Effects._covered

    def left(effects, plan, *rest):
        graph = Graph(msgspec.structs.replace(plan.graph.definition, ask_first=False))
        return covered(effects, msgspec.structs.replace(plan, graph=graph), *rest)

    patch.setattr(Effects, "_covered", left)


DEFECTS = {  # with what is said of it
    what_was_to_be_shown_first_is_left_to_policy: "nobody said yes",
    acknowledged_before_the_commit: "was sent before its intent was on disk",
    a_commit_that_is_told_and_never_written: "was acknowledged and is not there",
    a_commit_that_leaves_out_what_shares_it: "was sent before its intent was on disk",
    what_was_on_its_way_at_a_crash_is_never_settled: "nothing moves",
    what_was_on_its_way_at_a_crash_is_sent_again: "was sent twice under one token",
    a_did_not_happen_that_counts_at_once: "is not recorded as done",
    what_was_derived_from_a_failed_commit_is_kept: "nothing moves",
    a_way_back_that_is_not_recorded: "was never tried",
    a_kind_of_timer_that_never_fires: "nothing moves",
    what_a_crash_cut_off_counts_as_failed: "ends as without a crash it never does",
    projections_that_see_only_the_first_fact_of_a_commit: "is not what a rebuild gives",
    a_chain_that_begins_anew_with_each_process: "the chain does not verify",
    an_agent_begun_anew_that_does_again_what_it_did: "was done 2 times",
    a_limit_that_keeps_nobody_out: "took a place that",
    a_throttle_that_never_closes: "and its throttle is open",
    a_throttle_that_pauses_nothing: "was closed",
    what_came_back_told_again_with_each_notice: "that its mail did not arrive is recorded 2 times",
    a_notice_that_is_forgotten_where_another_spoke_of_the_plan: "was said, and is not recorded",
    a_throttle_that_counts_no_mail_that_came_back: "were bounced, and its throttle is open",
    a_start_that_lets_what_a_throttle_paused_go_on: "went on without the operator",
    actions_that_wait_for_no_time_and_no_hours: "left outside the hours",
    a_budget_that_stops_nothing: "took it above its cap",
    a_budget_that_counts_nothing: "and was raised by",
    a_budget_that_warns_each_time: "that it runs low",
    work_that_was_sent_back_and_stays_as_it_was: "was asked about before that was made anew",
    an_agent_that_is_not_told_what_was_said: "without what was said of it",
    a_plan_of_its_own_for_each_submission: "of a tool",
    messages_without_number: "was told of what came",
}


FIRST = {  # seeds to begin with: those before have nothing of what it is about
    a_throttle_that_never_closes: 158,
    a_throttle_that_pauses_nothing: 7,
    a_throttle_that_counts_no_mail_that_came_back: 457,
    a_start_that_lets_what_a_throttle_paused_go_on: 1016,
    actions_that_wait_for_no_time_and_no_hours: 15,
    a_budget_that_stops_nothing: 58,
    a_budget_that_counts_nothing: 58,
    a_budget_that_warns_each_time: 77,
    a_plan_of_its_own_for_each_submission: 8,
    messages_without_number: 53,
}


@pytest.mark.long
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_a_planted_defect_is_found(defect, monkeypatch):
    defect(monkeypatch)
    seeds = range(FIRST.get(defect, 0), SEEDS)
    first = next(seed for seed in seeds if any(DEFECTS[defect] in finding for finding in one(seed)))
    monkeypatch.undo()
    assert one(first) == []
