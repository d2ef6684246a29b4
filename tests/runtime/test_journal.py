"""Agents that call: each call is recorded under their step, and made once (KERNEL J1)."""

from __future__ import annotations

import asyncio
import os
import signal

import msgspec
import pytest
from calling_kit import Looked, journal, play, step, value
from kit import Said, Word, after, do, facts, plan, rule, start, undo
from msgspec.structs import replace

from mainstay import events as e
from mainstay.commands import CancelPlan
from mainstay.contracts import Operation
from mainstay.kernel.graph import Retry
from mainstay.kernel.replay import replay
from mainstay.kernel.state import is_call
from mainstay.runtime.journal import MOST_CALLS
from mainstay.values import PersonMail, Verdict
from mainstay.views import Views

ONCE = Retry(attempts=1)


class Asking:
    """Asks about all that changes something."""

    def judge(self, proposal):
        return Verdict("allow" if proposal.effect == "read" or proposal.undo_by else "ask", "strict", "It acts.")


def ended(workspace, world, *steps, looked=None, **more):
    """Run a plan to where it comes to rest: status, value of its step, journal, slot."""

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(*steps))
        slot = owner.engine.load(plan_id).slots["draft"]
        recorded = owner.ledger.read(f"plan:{plan_id}")
        assert replay(plan_id, owner.engine.load(plan_id).graph, recorded).same
        return standing["status"], owner.payloads.load(slot.output), journal(owner, plan_id), slot

    return play(workspace, world, scenario, looked=looked, **more)


def test_j1_an_agent_calls_what_it_may_and_all_of_it_is_recorded_under_its_step(workspace, world):
    status, output, entries, slot = ended(workspace, world, step("simple", "hello"))
    assert (status, output["word"], world.words()) == ("completed", "hello", ["hello"])
    assert [entry.operation for entry in entries] == ["test.look", "test.say", "ctx.now", "ctx.random"]
    assert entries[1].call == "draft!2"
    assert set(slot.labels) == {"agent:simple", "test.look", "test.say"}


def test_j1_the_branches_of_a_gather_are_scopes_of_their_own(workspace, world):
    status, output, entries, _ = ended(workspace, world, step("aside", "w"))
    assert status == "completed"
    assert [part[:2] for part in output["word"].split()] == ["0w", "1w", "2w", "3w", "4w"]
    assert sorted(entry.scope for entry in entries) == ["", "/0.0", "/0.1", "/0.2", "/0.3", "/0.4"]


def test_j1_a_named_scope_that_is_opened_again_is_another(workspace, world):
    _, output, entries, slot = ended(workspace, world, step("result"))
    assert [entry.scope for entry in entries] == ["/first", "/first#2"]
    assert (output["word"], slot.rationale, slot.confidence) == ("aa", "I looked.", 0.5)


def test_j1_the_actions_of_all_branches_are_asked_about_together_and_the_agent_is_let_go(workspace, world):
    looked = Looked()

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step("together", "one two three")))
        waiting = owner.engine.load(plan_id)
        assert (waiting.slots["draft"].status, waiting.parked) == ("calling", True)
        assert owner.engine._busy.get(plan_id) is None, "K15: it holds nothing"
        asked = facts(owner, plan_id, e.DecisionAsked)
        for decision in standing["questions"]:
            standing = await rule(owner, decision, "approve")
        return [question.card["headline"] for question in asked], standing["status"], value(owner, plan_id)

    headlines, status, output = play(workspace, world, scenario, looked=looked, policy=Asking())
    assert headlines == ["Say one", "Say two", "Say three"]
    assert (status, output["word"], world.words()) == ("completed", "one two three", ["one", "three", "two"])


def test_j1_e2_each_action_of_an_agent_has_a_token_of_its_own(workspace, world):
    _, output, entries, _ = ended(workspace, world, step("tool_user", "same"))
    one, two = output["word"].split()
    assert one != two
    assert [entry.tool for entry in entries] == ["response-1/0", "response-1/1"]
    assert [len(calls) for calls in world.calls().values()] == [1, 1]


@pytest.mark.parametrize(
    ("agent", "status", "word"),
    [("careful", "completed", "no: test.shout did not happen: not that"), ("trusting", "completed", "")],
)
def test_j1_an_action_that_is_not_wanted_is_told_to_the_agent_and_else_rejects_its_step(
    workspace, world, agent, status, word
):
    async def scenario(owner):
        plan_id, standing = await start(
            owner, plan(step(agent, "loud"), do("next", "test.say", "later", needs=after("draft")))
        )
        standing = await rule(owner, standing["questions"][0], "reject", reason="not that")
        slots = owner.engine.load(plan_id).slots
        told = owner.ledger.read(f"plan:{plan_id}")
        assert replay(plan_id, owner.engine.load(plan_id).graph, told).same
        return standing["status"], value(owner, plan_id), slots["draft"].status, slots["next"].status

    ended_as, output, draft, following = play(workspace, world, scenario)
    assert ended_as == status
    if word:
        assert (output["word"], draft, following) == (word, "done", "done")
    else:
        assert (draft, following, world.words()) == ("rejected", "skipped", [])


def test_a1_an_agent_calls_only_what_its_contract_permits(workspace, world):
    _, _, entries, slot = ended(workspace, world, step("greedy", "test.say", retry=ONCE))
    assert slot.failure.message == "Agent greedy may not call test.say; it may call test.look."
    assert (slot.failure.error_class, entries, world.words()) == ("permanent", [], [])


def test_j1_an_operation_that_does_not_exist_or_takes_other_arguments_is_named(workspace, world):
    _, _, _, slot = ended(workspace, world, step("no_such", retry=ONCE))
    assert "no operation 'test.nothing'" in slot.failure.message
    _, _, _, slot = ended(workspace, world, step("wrong", retry=ONCE))
    assert "test.look can't be called with these arguments: Expected `int`" in slot.failure.message


def test_p1_what_an_agent_read_labels_what_it_asks_for(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(step("simple", "hello")))
        return facts(owner, plan_id, e.EffectPrepared)[0].labels

    assert play(workspace, world, scenario) == ("test.look",)


def test_e5_an_undo_takes_back_what_an_agent_did_in_reverse_order(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(
            owner, plan(do("first", "test.say", "a"), step("together", "b c", needs=after("first")))
        )
        assert world.words() == ["a", "b", "c"]
        standing = await undo(owner, plan_id)
        (begun,) = facts(owner, plan_id, e.UndoStarted)
        assert replay(plan_id, owner.engine.load(plan_id).graph, owner.ledger.read(f"plan:{plan_id}")).same
        return standing["status"], begun.paths

    status, paths = play(workspace, world, scenario)
    assert (status, world.words()) == ("undone", [])
    assert sorted(paths[:2]) == ["draft!1", "draft!2"]
    assert paths[2:] == ("first",)


def test_j1_what_failed_is_called_again_by_the_next_attempt_and_nothing_else_is(workspace, world):
    looked = Looked()
    retry = Retry(attempts=3, base_s=0.01)
    status, output, entries, slot = ended(workspace, world, step("persistent", "w", retry=retry), looked=looked)
    assert (status, output["word"], slot.attempt) == ("completed", "w", 2)
    assert looked.words == ["w", "w", "w"]
    assert world.words() == ["once"]
    assert [entry.failure is None for entry in entries] == [True, False, False, True]


@pytest.mark.parametrize("agent", ["both", "both_aside"])
def test_j1_all_branches_that_failed_are_called_again_and_those_that_did_not_are_not(workspace, world, agent):
    looked = Looked()
    looked.words += ["c", "c"]  # so that it answers at once
    retry = Retry(attempts=3, base_s=0.01)
    status, output, _, slot = ended(workspace, world, step(agent, "a b c", retry=retry), looked=looked)
    assert (status, output["word"], slot.attempt) == ("completed", "a b c", 2)
    assert sorted(looked.words[2:]) == ["a", "a", "a", "b", "b", "b", "c"]


def test_j1_an_action_that_can_not_happen_is_told_to_the_agent(workspace, world):
    _, output, _, slot = ended(workspace, world, step("handling"))
    assert (output["word"], slot.status) == ("no", "done")


def test_j1_code_that_handles_everything_is_stopped_all_the_same(workspace, world):
    status, output, _, _ = ended(workspace, world, step("swallowing", "w"))
    assert (status, output["word"], world.words()) == ("completed", "said", ["w"])


def test_j1_an_agent_awaits_nothing_but_its_ctx(workspace, world):
    _, output, _, _ = ended(workspace, world, step("foreign"))
    assert output["word"] == "An agent awaits only what its ctx gives."


def test_j1_without_a_model_an_agent_that_asks_one_is_stuck_and_says_so(workspace, world):
    _, _, entries, slot = ended(workspace, world, step("model_user"))
    assert (slot.status, slot.failure.error_class) == ("stuck", "needs_operator")
    assert slot.failure.message == "Agent model_user asks a model (draft), and no model is configured."
    assert [entry.operation for entry in entries] == ["model.draft"]


# --- an agent that does otherwise than before


def wavering(scenario, workspace, world, looked):
    async def inside(owner):
        plan_id, standing = await start(owner, plan(step("wavering", on_failure="skip")))
        (decision,) = standing["questions"]
        standing = await rule(owner, decision, "approve")
        return await scenario(owner, plan_id, standing)

    return play(workspace, world, inside, looked=looked, policy=Asking())


def test_j1_an_agent_that_asks_something_else_is_stuck_whatever_its_step_says_and_nothing_is_called(workspace, world):
    looked = Looked()

    async def scenario(owner, plan_id, standing):
        slot = owner.engine.load(plan_id).slots["draft"]
        (question,) = owner.engine.load(plan_id).questions.values()
        assert replay(plan_id, owner.engine.load(plan_id).graph, owner.ledger.read(f"plan:{plan_id}")).same
        return slot, question.options

    slot, options = wavering(scenario, workspace, world, looked)
    assert (slot.status, slot.failure.cause, options) == ("stuck", "JournalMismatch", ("retry", "skip", "undo"))
    assert "it had called test.say, and calls the same with other arguments now" in slot.failure.message
    assert "draft, call 2 (test.say)" in slot.failure.remedy, "the owner is told what would happen again"
    assert (looked.words, world.words()) == (["same"], ["run1"])


def test_j1_from_the_start_it_has_an_empty_journal_and_what_it_did_can_still_be_taken_back(workspace, world):
    looked = Looked()

    async def scenario(owner, plan_id, standing):
        standing = await rule(owner, standing["questions"][0], "retry")
        standing = await rule(owner, standing["questions"][0], "approve")
        assert world.words() == ["run1", "run2"]
        assert [entry.operation for entry in journal(owner, plan_id, number=1)] == ["test.look", "test.say"]
        assert standing["status"] == "completed"
        paths = [path for path in owner.engine.load(plan_id).slots if is_call(path)]
        await undo(owner, plan_id)
        return paths

    assert wavering(scenario, workspace, world, looked) == ["draft!2", "draft!1-2"]
    assert (looked.words, world.words()) == (["same", "same"], [])


def test_j1_begun_anew_what_is_asked_for_as_before_counts_and_is_not_done_again(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step("erring")))
        slot = owner.engine.load(plan_id).slots["draft"]
        standing = await rule(owner, standing["questions"][0], "retry")
        entries = [(entry.operation, entry.call) for entry in journal(owner, plan_id, number=1)]
        ended = owner.engine.load(plan_id)
        same = replay(plan_id, ended.graph, owner.ledger.read(f"plan:{plan_id}")).same
        await undo(owner, plan_id)
        return slot.failure, standing["status"], entries, value(owner, plan_id), same

    failure, status, entries, output, same = play(workspace, world, scenario)
    assert failure.cause == "JournalMismatch"
    assert "what it asks for as before counts as done" in failure.remedy
    assert (status, output["word"], same) == ("completed", "second", True)
    assert entries == [("test.say", "draft!1"), ("test.say", "draft!2")]
    assert world.words() == [], "each was done once, and taken back once"


def test_j1_begun_anew_what_is_not_as_before_is_asked_about_though_policy_would_let_it(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step("erring", number=1)))
        standing = await rule(owner, standing["questions"][0], "retry")
        before = world.words()
        (question,) = owner.engine.load(plan_id).questions.values()
        why = [fact.verdict.why for fact in facts(owner, plan_id, e.EffectPrepared)][-1]
        standing = await rule(owner, standing["questions"][0], "approve")
        return before, question.kind, why, standing["status"]

    before, kind, why, status = play(workspace, world, scenario)
    assert (before, kind, status) == (["first", "second"], "effect", "completed")
    assert why == "Its agent began anew, and did this before: draft, call 2 (test.say)."
    assert world.words() == ["first", "second", "third"]


class Told(msgspec.Struct, frozen=True):
    word: PersonMail


def test_j1_m7_what_was_forgotten_parks_the_step_and_says_so_and_nothing_is_called_again(workspace, world):
    """The agent looked somebody up, waits for an answer, and that person is forgotten meanwhile."""
    looked: list[str] = []

    async def look(_, given: Told) -> Said:
        looked.append(given.word)
        return Said("found")

    noted = Operation(name="test.look", summary="Look", effect="read", input=Told, output=Said, call=look)

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step("simple", "ada@example.com")))
        keys = list(owner.people.known_as("ada@example.com"))
        await owner.requests._methods["forget"](owner.requests, {"keys": keys}, lambda _: None)
        await rule(owner, standing["questions"][0], "approve")
        return owner.engine.load(plan_id).slots["draft"]

    slot = play(workspace, world, scenario, noted, policy=Asking())
    assert (slot.status, slot.failure.cause, len(looked)) == ("stuck", "JournalMismatch", 1)
    assert "what it had called test.look with was forgotten with a person" in slot.failure.message


def test_j1_an_agent_that_ends_without_what_it_did_before_is_stuck(workspace, world):
    _, output, _, slot = ended(workspace, world, step("forgetful", "w"))
    assert (output, slot.status, slot.failure.cause) == (None, "stuck", "JournalMismatch")
    assert "it had called test.say, and ends without that now" in slot.failure.message
    assert world.words() == ["w"]


# --- limits (FAULTS F16)


def test_f16_an_agent_that_calls_without_end_is_stopped_with_its_reason(workspace, world):
    _, _, entries, slot = ended(workspace, world, step("endless", retry=ONCE))
    assert len(entries) == MOST_CALLS
    assert slot.failure.message == "An agent may call 1,000 times in one step, and endless wants more."


def test_f16_an_agent_asks_for_a_hundred_actions_at_most(workspace, world):
    words = " ".join(f"w{number}" for number in range(101))
    _, _, _, slot = ended(workspace, world, step("together", words, retry=ONCE))
    assert "100 actions in one step" in slot.failure.message
    assert len(world.words()) == 100


def test_f16_huge_arguments_are_carried_or_refused_by_size(workspace, world):
    status, output, _, _ = ended(workspace, world, step("huge", number=3_000_000))
    assert (status, output["word"]) == ("completed", "xxxxx")
    _, _, _, slot = ended(workspace, world, step("huge", number=30_000_000, retry=ONCE))
    assert slot.failure.message == "What test.look is called with has 29 MB; 16 MB is the most."


def test_f16_an_agent_that_never_ends_is_stopped_after_its_time(workspace, world):
    _, _, entries, slot = ended(workspace, world, step("sleepy", retry=ONCE))
    assert "and was stopped" in slot.failure.message
    assert len(entries) == 1


@pytest.mark.long
def test_j1_the_time_in_which_a_person_decides_does_not_count(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(step("trusting", "w", timeout_s=1.5)))
        await asyncio.sleep(2)
        standing = await rule(owner, standing["questions"][0], "approve")
        return standing["status"]

    assert play(workspace, world, scenario) == "completed"


# --- what dies


def test_f4_a_worker_that_is_killed_is_run_again_from_its_journal(workspace, world):
    looked = Looked()
    workers = []

    async def deadly(call, given):
        workers.append([each for each in pools[0]._processes if each.jobs])
        if len(workers) == 1:
            os.kill(workers[0][0]._process.pid, signal.SIGKILL)
            await asyncio.sleep(10)
        return Said("!")

    kill = Operation(name="test.deadly", summary="Kill", effect="read", input=Word, output=Said, call=deadly)
    pools = []

    async def scenario(owner):
        pools.append(owner.workers)
        plan_id, standing = await start(owner, plan(step("dying", "w", retry=Retry(attempts=2, base_s=0.01))))
        return standing["status"], value(owner, plan_id), journal(owner, plan_id)

    status, output, entries = play(workspace, world, scenario, kill, looked=looked)
    assert (status, output["word"], len(workers)) == ("completed", "w!", 2)
    assert (looked.words, world.words(), len(entries)) == (["w"], ["w"], 3)


# --- where it stands, on a screen


def test_j1_show_lists_what_an_agent_called_under_its_step(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step("careful", "loud"), step("simple", "w", name="other")))
        await rule(owner, standing["questions"][0], "approve")
        return plan_id

    plan_id = play(workspace, world, scenario)
    with Views(workspace) as views:
        told = views.show(plan_id)
        assert views.replay(plan_id)["same"]
    calls = {
        row["step"]: [(one["path"], one["operation"], one["says"]) for one in row["calls"]] for row in told["steps"]
    }
    assert calls == {
        "draft": [("draft!1", "test.shout", "done")],
        "other": [
            ("other!1", "test.look", "answered"),
            ("other!2", "test.say", "done"),
            ("other!3", "ctx.now", "answered"),
            ("other!4", "ctx.random", "answered"),
        ],
    }
    assert [row["action"] for row in told["undo"]["impossible"]] == ["draft, call 1"]


def test_j1_an_agent_whose_version_is_gone_is_stuck_and_goes_on_when_it_is_back(workspace, world):
    looked = Looked()

    async def begin(owner):
        plan_id, standing = await start(owner, plan(step("careful", "loud", on_failure="skip", version="1")))
        return plan_id, standing["questions"][0]

    plan_id, decision = play(workspace, world, begin, looked=looked)

    async def without(owner):
        there = owner.contracts.agents["careful"]
        owner.contracts.agents["careful"] = replace(there, version="2")
        standing = await rule(owner, decision, "approve")
        slot = owner.engine.load(plan_id).slots["draft"]
        assert (slot.status, slot.failure.cause) == ("stuck", "MissingVersion")
        owner.contracts.agents["careful"] = there
        standing = await rule(owner, standing["questions"][0], "retry")
        return standing["status"], value(owner, plan_id)["word"]

    assert play(workspace, world, without, looked=looked) == ("completed", "yes")
    assert world.words() == ["loud"]


def test_j1_a_plan_that_is_cancelled_while_its_agent_waits_does_nothing_more(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(step("trusting", "loud")))
        await owner.engine.submit(plan_id, CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        standing = await owner.requests.follow(plan_id, lambda _: None)
        return standing["status"], standing["questions"]

    assert play(workspace, world, scenario) == ("cancelled", [])
    assert world.words() == []


def test_k16_many_agents_that_wait_for_answers_hold_no_worker(workspace, world):
    async def scenario(owner):
        steps = [step("trusting", f"w{number}", name=f"draft{number}", parallel=True) for number in range(6)]
        _, standing = await start(owner, plan(*steps))
        assert len(standing["questions"]) == 6
        assert not any(worker.jobs for worker in owner.workers._processes)
        for decision in standing["questions"]:
            standing = await rule(owner, decision, "approve")
        return standing["status"]

    assert play(workspace, world, scenario) == "completed"
    assert len(world.words()) == 6
