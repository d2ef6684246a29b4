"""The engine on a real ledger, with real files as the world and real worker processes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
import starter
from kit import TYPES, World, after, agent, capped, do, each, facts, plan, rule, run, start

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, FileError, LedgerError
from mainstay.kernel.graph import Ask, Cel, Compensate, Literally, Need, Record, Retry, Step, Text
from mainstay.runtime.intake import Request
from mainstay.runtime.stage import stream_of
from mainstay.views import Views
from mainstay.workspace import Workspace

QUICK = Retry(attempts=3, base_s=0.001, cap_s=0.001)
ASK = Ask(text=Text((Literally("Really?"),)))


def kinds(owner, plan_id):
    return [type(fact).__name__ for fact in facts(owner, plan_id)]


def test_steps_run_in_the_order_of_their_needs(workspace, world):
    async def scenario(owner):
        steps = do("b", "test.say", "two", needs=after("a")), do("a", "test.say", "one")
        plan_id, standing = await start(owner, plan(*steps))
        done = [fact.path for fact in facts(owner, plan_id) if isinstance(fact, e.EffectDone)]
        return standing["status"], done

    assert run(workspace, world, scenario) == ("completed", ["a", "b"])
    assert world.words() == ["one", "two"]


def test_the_intent_is_recorded_before_the_call_and_the_outcome_after(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one")))
        return kinds(owner, plan_id)

    order = run(workspace, world, scenario)
    assert order == [
        *("PlanProposed", "PlanApproved", "PlanStarted"),
        *("EffectPrepared", "EffectIntended", "EffectDone", "PlanCompleted"),
    ]


def test_every_event_names_its_cause_in_the_same_history(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.say", "one"), agent("b", "echo", needs=after("a"))))
        events = owner.ledger.read(stream_of(plan_id))
        known = {event.id for event in events}
        return [(event.kind, event.cause) for event in events[1:] if event.cause not in known]

    assert run(workspace, world, scenario) == []


def test_an_irreversible_effect_waits_for_a_ruling_and_nothing_is_under_way_e4(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "loud")))
        held = len(owner.engine._busy), len(owner.engine._tasks)
        before = world.words()
        await rule(owner, standing["questions"][0], "approve")
        return standing["status"], before, held, world.words()

    assert run(workspace, world, scenario) == ("running", [], (0, 0), ["loud"])


def test_p3_plans_that_wait_leave_memory_but_for_the_last_and_the_cache_is_bounded(workspace, world, monkeypatch):
    monkeypatch.setattr("mainstay.runtime.engine.RESTED_IN_MEMORY", 3)
    monkeypatch.setattr("mainstay.runtime.engine.PLANS_IN_MEMORY", 5)

    async def scenario(owner):
        loud = plan(do("a", "test.shout", "loud"))
        plans = [(await start(owner, loud))[0] for _ in range(6)]
        waiting = list(owner.engine._plans)
        both = await asyncio.gather(*(start(owner, plan(agent("a", "work"))) for _ in range(8)))
        held = len(owner.engine._plans)
        stands = [owner.engine.load(each).status for each in plans]
        await rule(owner, f"{plans[0]}.1", "approve")
        return plans, waiting, held, stands, {standing["status"] for _, standing in both}

    plans, waiting, held, stands, ended = run(workspace, world, scenario, seconds=60)
    assert waiting == plans[3:]
    assert held <= 5
    assert stands == ["running"] * 6
    assert ended == {"completed"}
    assert world.words() == ["loud"]


def test_p3_a_plan_that_ended_is_folded_once_and_anew_once_something_happens_to_it(workspace, world, monkeypatch):
    monkeypatch.setattr("mainstay.runtime.engine.RESTED_IN_MEMORY", 0)
    monkeypatch.setattr("mainstay.runtime.engine.ENDED_IN_MEMORY", 6)  # each is a plan with one action

    async def scenario(owner):
        plans = [(await start(owner, plan(do("a", "test.say", "a"))))[0] for _ in range(5)]
        ended = [owner.engine.load(each) for each in plans]
        kept = [owner.engine.load(each) is before for each, before in zip(plans[-3:], ended[-3:], strict=True)]
        held = len(owner.engine._ended)
        undo = Request("undo", {"plan": plans[-1], "listed": None}, "")
        await owner.requests.answer(undo, True, lambda _: None)
        return kept, held, [owner.engine.load(each).status for each in plans]

    kept, held, stand = run(workspace, world, scenario)
    assert (kept, held) == ([True] * 3, 3)
    assert stand == ["completed"] * 4 + ["undone"]


def test_a_rejected_effect_never_happens(workspace, world):
    async def scenario(owner):
        _, standing = await start(
            owner, plan(do("a", "test.shout", "loud"), do("b", "test.say", "x", needs=after("a")))
        )
        return (await rule(owner, standing["questions"][0], "reject", reason="no"))["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == []


def test_a_ruling_on_something_that_changed_since_is_refused(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "loud")))
        with pytest.raises(CommandRefusedError, match="changed since"):
            await rule(owner, standing["questions"][0], "approve", binds=["something else"])

    run(workspace, world, scenario)
    assert world.words() == []


def test_a_double_click_approves_once(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.shout", "loud")))
        first = owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        with pytest.raises(CommandRefusedError, match="not open"):
            owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        await first
        return await owner.requests.follow(standing["plan"], lambda _: None)

    run(workspace, world, scenario)
    assert world.words() == ["loud"]


def test_a_batch_is_one_question_and_only_kept_items_happen(workspace, world):
    async def scenario(owner):
        step = each(do("a", "test.shout", "x", gate="batch"))
        _, standing = await start(owner, plan(step), words=["one", "two", "three"])
        card = Views(owner.workspace).question(standing["questions"][0])
        done = await rule(owner, standing["questions"][0], "approve", kept=[0, 2], binds=card["binds"])
        return len(standing["questions"]), [row["headline"] for row in card["card"]["rows"]], done["status"]

    assert run(workspace, world, scenario) == (1, ["Say one", "Say two", "Say three"], "completed")
    assert world.words() == ["one", "three"]


def test_undo_takes_back_in_reverse_and_says_what_it_could_not(workspace, world):
    async def scenario(owner):
        steps = do("a", "test.say", "one"), do("b", "test.shout", "loud", needs=after("a"))
        last = do("c", "test.say", "two", needs=after("b"))
        plan_id, standing = await start(owner, plan(*steps, last))
        await rule(owner, standing["questions"][0], "approve")
        await owner.engine.submit(plan_id, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"))
        end = await owner.requests.follow(plan_id, lambda _: None)
        undone = [fact.path for fact in facts(owner, plan_id) if isinstance(fact, e.EffectDone)][3:]
        return end["status"], undone, facts(owner, plan_id)[-1].left

    assert run(workspace, world, scenario) == ("undone", ["~c", "~a"], ("b",))
    assert world.words() == ["loud"]


def test_a_lost_answer_is_looked_up_and_not_sent_again(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.say", "lost one")))
        return standing["status"], kinds(owner, plan_id)

    status, order = run(workspace, world, scenario)
    assert status == "completed"
    assert order[4:7] == ["EffectIntended", "EffectUncertain", "EffectDone"]
    assert world.words() == ["lost one"]


def test_an_uncertain_effect_nobody_can_look_up_asks_the_operator(workspace, world):
    async def scenario(owner):
        _, standing = await start(owner, plan(do("a", "test.whisper", "lost one")))
        card = Views(owner.workspace).question(standing["questions"][0])
        done = await rule(owner, standing["questions"][0], "happened")
        return card["kind"], card["options"], done["status"]

    assert run(workspace, world, scenario) == ("settle", ["happened", "did_not_happen", "skip"], "completed")
    assert world.words() == ["lost one"]


@pytest.mark.parametrize(("word", "attempts"), [("unsent", 3), ("permanent", 1)])
def test_what_surely_did_not_happen_is_tried_again_by_class_then_stuck(workspace, world, word, attempts):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.refuse", word, retry=QUICK)))
        refused = [fact for fact in facts(owner, plan_id) if isinstance(fact, e.EffectRefused)]
        card = Views(owner.workspace).question(standing["questions"][0])
        return len(refused), card["kind"], card["options"]

    assert run(workspace, world, scenario) == (attempts, "stuck", ["retry", "skip", "undo"])


def test_a_stuck_step_goes_on_with_edited_arguments(workspace, world):
    async def scenario(owner):
        _, standing = await start(
            owner, plan(do("a", "test.say", "x", number=1), do("b", "test.refuse", "permanent", retry=QUICK))
        )
        edited = {"word": "unsent"}
        again = await rule(owner, standing["questions"][0], "retry", arguments=edited)
        prepared = [fact for fact in facts(owner, standing["plan"]) if isinstance(fact, e.EffectPrepared)]
        return prepared[-1].arguments["word"], "operator" in prepared[-1].labels, again["status"]

    assert run(workspace, world, scenario) == ("unsent", True, "running")


@pytest.mark.parametrize("target", ["broken", "nobody", "vanish", "nonsense", "raise_it"])
def test_code_that_breaks_makes_its_step_stuck_and_nothing_else(workspace, world, target):
    async def scenario(owner):
        steps = agent("a", target, retry=QUICK), do("b", "test.say", "still here")
        _, standing = await start(owner, plan(*steps))
        return Views(owner.workspace).question(standing["questions"][0])["kind"], owner.engine.failed.done()

    assert run(workspace, world, scenario) == ("stuck", False)
    assert world.words() == ["still here"]


def test_an_undo_that_cannot_be_worked_out_does_not_hide_that_it_happened(workspace, world):
    async def scenario(owner):
        wrong = Compensate(
            "test.unsay", Record({"word": Cel("this.nothing", names=("this",), paths=("this.nothing",))})
        )
        plan_id, standing = await start(owner, plan(do("a", "test.say", "one", undo=wrong)))
        done = [fact for fact in facts(owner, plan_id) if isinstance(fact, e.EffectDone)]
        return standing["status"], done[0].undo, "can't be worked out" in done[0].cannot_undo

    assert run(workspace, world, scenario) == ("completed", None, True)


def test_a_read_over_its_time_is_tried_again_then_stuck(workspace, world):
    async def scenario(owner):
        plan_id, _ = await start(owner, plan(do("a", "test.slow", "x", number=5, retry=QUICK)))
        return kinds(owner, plan_id).count("AttemptFailed"), "StepStuck" in kinds(owner, plan_id)

    assert run(workspace, world, scenario) == (2, True)


def test_a_rejected_question_ends_the_plan_and_takes_back_what_was_done(workspace, world):
    async def scenario(owner):
        ask = Step(name="q", kind="ask", ask=ASK, needs=after("a"))
        steps = do("a", "test.say", "one"), ask, do("b", "test.say", "two", needs=after("q"))
        _, standing = await start(owner, plan(*steps))
        assert world.words() == ["one"]
        return (await rule(owner, standing["questions"][0], "reject", reason="no"))["status"]

    assert run(workspace, world, scenario) == "undone"
    assert world.words() == []


def test_an_optional_need_goes_on_after_a_skip(workspace, world):
    async def scenario(owner):
        skipped = do("a", "test.say", "one", when=Cel("1 > 2"))
        steps = skipped, do("b", "test.say", "two", needs=(Need("a", "optional"),))
        return (await start(owner, plan(*steps)))[1]["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["two"]


def test_a_wait_ends_at_its_time_without_polling(workspace, world):
    async def scenario(owner):
        until = Cel(
            "ready_at + duration('0.3s')", names=("ready_at",), paths=("ready_at",), scope=(("ready_at", "time"),)
        )
        steps = Step(name="w", kind="wait", until=until), do("a", "test.say", "later", needs=after("w"))
        plan_id, standing = await start(owner, plan(*steps))
        return standing["status"], "WaitEnded" in kinds(owner, plan_id)

    assert run(workspace, world, scenario) == ("completed", True)


def test_a_plan_past_its_expiry_ends_and_its_question_means_no(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "loud"), expires_s=1))
        for _ in range(500):
            if owner.requests.standing(plan_id)["status"] == "expired":
                break
            await asyncio.sleep(0.01)
        with pytest.raises(CommandRefusedError):
            owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        return owner.requests.standing(plan_id)["status"]

    assert run(workspace, world, scenario) == "expired"
    assert world.words() == []


def test_views_and_history_agree_with_a_rebuild_and_a_replay(workspace, world):
    async def scenario(owner):
        words = [f"w{index}" for index in range(120)]
        steps = do("a", "test.say", "lost x"), each(do("b", "test.say", "x", needs=after("a")))
        first, _ = await start(owner, plan(*steps), words=words)
        second, standing = await start(owner, plan(each(do("a", "test.shout", "x", gate="batch"))), words=["1", "2"])
        await rule(owner, standing["questions"][0], "approve", kept=[0])
        await owner.engine.submit(first, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"))
        await owner.requests.follow(first, lambda _: None)
        third, _ = await start(owner, plan(do("a", "test.refuse", "unsent", retry=QUICK)))  # last: now "test" is held
        await rule(owner, f"{third}.1", "undo")
        views = Views(owner.workspace)
        return owner.ledger.differing(), [
            views.replay(p)["first_difference"] for p in (first, second, third, f"{first}-b-1")
        ]

    assert run(workspace, world, scenario, seconds=60) == ([], ["", "", "", ""])


def test_a_daily_cap_is_never_overshot_also_by_effects_under_way_together_t2(workspace, world):
    async def scenario(owner):
        words = [f"w{index}" for index in range(8)]
        _plan_id, standing = await start(owner, plan(each(do("a", "test.say", "x", at_once=8))), words=words)
        card = Views(owner.workspace).question(standing["questions"][0])
        return len(standing["questions"]), card["card"]["headline"], owner.ledger.differing()

    asked, headline, differing = run(capped(workspace, say=5), world, scenario)
    assert (asked, differing) == (3, [])
    assert "budget 'test.say' allows 5 a day, 5 of that is spent or held, and this needs 1 more" in headline
    assert len(world.words()) == 5


def test_what_did_not_happen_gives_its_part_of_the_cap_back_t2(workspace, world):
    async def scenario(owner):
        _first, _ = await start(owner, plan(do("a", "test.refuse", "permanent")))
        _, standing = await start(owner, plan(do("a", "test.say", "one"), do("b", "test.say", "two", needs=after("a"))))
        budget = [event.fact for event in owner.ledger.tail() if event.stream.startswith("budget:test.refuse")]
        return standing["status"], [(type(fact).__name__, fact.count) for fact in budget]

    path = workspace.root / "mainstay.toml"
    path.write_text(path.read_text() + '\n[budgets]\n"test.refuse" = {per_day = 1}\n"test.say" = {per_day = 2}\n')
    status, budget = run(Workspace(workspace.root), world, scenario)
    assert status == "completed"
    assert budget == [("BudgetReserved", 1), ("BudgetSettled", 0)]


CRASH = """
import asyncio, json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from kit import World, owner_of, plan, do, after, each
from mainstay.workspace import Workspace
async def main():
    async with owner_of(Workspace(Path({root!r})), World(Path({world!r}))) as owner:
        if {fresh}:
            words = [f"w{{i}}" for i in range(5)]
            steps = do("a", "test.say", "one"), do("b", {operation!r}, "die two", needs=after("a"))
            plan_id, done = owner.requests.propose(plan(*steps, do("c", "test.say", "three", needs=after("b"))), {{}})
            await done
        else:
            plan_id = owner.ledger.rows("SELECT id FROM plan")[0][0]
        print(json.dumps(await owner.requests.follow(plan_id, lambda _: None)))
asyncio.run(main())
"""


@pytest.mark.parametrize("operation", ["test.say", "test.whisper"])
def test_a_kill_between_an_effect_and_its_record_does_it_once(workspace, world, operation):
    def process(*, fresh):
        code = CRASH.format(
            tests=str(Path(__file__).parent), root=str(workspace.root), world=str(world.folder), fresh=fresh,
            operation=operation,
        )  # fmt: skip
        return starter.run(["-c", code])

    assert process(fresh=True).returncode == -9
    again = process(fresh=False)
    assert again.returncode == 0, again.stderr
    standing = json.loads(again.stdout)
    if operation == "test.say":
        assert standing["status"] == "completed"
        assert world.words() == ["die two", "one", "three"]
    else:
        card = Views(Workspace(workspace.root)).question(standing["questions"][0])
        assert card["kind"] == "settle"
        assert world.words() == ["die two", "one"]
    assert isinstance(world, World)


def test_a_plan_that_ends_while_another_step_still_works_does_not_keep_its_followers_waiting(workspace, world):
    async def scenario(owner):
        late = agent("late", "nap", retry=QUICK)
        fails = do("b", "test.refuse", "permanent", on_failure="undo")
        _, standing = await start(owner, plan(late, fails))
        return standing["status"]

    assert run(workspace, world, scenario, seconds=20) == "undone"


def test_a_listener_that_breaks_ends_the_owner_and_no_plan_half_way(workspace, world):
    async def scenario(owner):
        def deaf(*_):
            raise BrokenPipeError

        owner.engine.listeners.append(deaf)
        plan_id, committed = owner.requests.propose(plan(do("a", "test.say", "one")), {})
        await committed
        with pytest.raises(BrokenPipeError):
            await owner.requests.follow(plan_id, lambda _: None)
        return plan_id

    async def again(owner):
        return (await owner.requests.follow(plan_id, lambda _: None))["status"]

    plan_id = run(workspace, world, scenario)
    assert run(workspace, world, again) == "completed"
    assert world.words() == ["one"]


def test_a_plan_that_cannot_be_read_does_not_keep_the_others_from_going_on(workspace, world):
    async def park(owner):
        _, first = await start(owner, plan(do("a", "test.shout", "one")))
        other = msgspec.structs.replace(plan(do("a", "test.shout", "two")), title="Another")
        _, second = await start(owner, other)
        return first["questions"][0], second["questions"][0], owner.engine.load(second["plan"])

    one, two, _ = run(workspace, world, park)
    definitions = sorted((workspace.root / ".mainstay/blobs").rglob("*"), key=lambda path: path.stat().st_mtime)
    next(path for path in reversed(definitions) if path.is_file()).unlink()

    async def go_on(owner):
        with pytest.raises(LedgerError):
            owner.requests.rule(two, {"choice": "approve"})
        owner.engine.resume([two.rpartition(".")[0]])
        await rule(owner, one, "approve")
        return list(owner.engine.broken)

    assert run(workspace, world, go_on) == [two.rpartition(".")[0]]
    assert world.words() == ["one"]


def test_l8_a_plan_whose_history_fills_up_ends_in_questions_and_not_in_silence(workspace, world):
    words = [f"w{index:03}" for index in range(100)]
    many = Retry(attempts=50, base_s=0.0, cap_s=0.0)

    async def scenario(owner):
        plan_id, standing = await start(owner, plan(each(agent("a", "flaky", retry=many))), words=words)
        length = owner.engine.load(plan_id).sequence
        await owner.engine.submit(plan_id, c.CancelPlan(now_us=owner.clock.now_us(), by="operator"))
        return len(standing["questions"]), length < 1900, owner.engine.load(plan_id).status

    assert run(workspace, world, scenario, seconds=60) == (100, True, "cancelled")


def test_p1_labels_follow_a_value_through_lists_questions_and_edits(workspace, world):
    async def scenario(owner):
        shown = Cel("a", names=("a",), paths=("a",), scope=(("a", "any"),))
        ask = Step(name="q", kind="ask", ask=msgspec.structs.replace(ASK, show=shown, rejection_used=True))
        listed = each(do("b", "test.say", "x", needs=(Need("q"),), when=Cel("q.ruling == 'approved'", ("q",), ("q",))))
        steps = agent("a", "echo"), msgspec.structs.replace(ask, needs=after("a")), listed
        definition = msgspec.structs.replace(plan(*steps), types={**TYPES, "q": "any", "a": "any"})
        plan_id, standing = await start(owner, definition, words=["one"])
        await rule(owner, standing["questions"][0], "approve")
        folded = Views(owner.workspace).plan(plan_id)
        return folded.slots["q"].labels, folded.slots["b/0"].labels

    asked, item = run(workspace, world, scenario)
    assert "agent:echo" in asked
    assert {"agent:echo", "operator"} <= set(item)


def test_s55_no_failure_made_by_the_runtime_itself_shows_a_secret(workspace, world):
    async def scenario(owner):
        shown = FileError("https://x.example/?key=CANARY is no file", remedy="Try token=CANARY")
        return owner.engine.steps._failure(shown), owner.engine.steps._failure(KeyError("password=CANARY"))

    known, unknown = run(workspace, world, scenario)
    assert "CANARY" not in repr((known, unknown))
    assert (known.error_class, unknown.error_class) == ("permanent", "bug")
