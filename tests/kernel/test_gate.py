"""Questions and answers: nothing is ever accepted by silence, and a yes is used once, for exactly what was shown."""

from typing import Any

import pytest
from kernel_scene import (
    ASK,
    DENY,
    NOW_US,
    PERMANENT,
    TRANSIENT,
    Scene,
    agent,
    ask,
    ask_batch,
    cancel,
    carried_out,
    do,
    each,
    fail,
    finish,
    freeze,
    given,
    happen,
    intend,
    lost,
    pose,
    prepare,
    refuse,
    rule,
    timer,
    undo,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.failing import CAP_RULE, LIMITS_RULE
from mainstay.kernel.graph import Input
from mainstay.values import SECOND_US, Failure, Verdict

# --- what the playbook asks


def test_a_question_parks_the_plan_and_its_answer_is_the_value_of_the_step():
    scene = given(ask("a"), agent("b", "a")).when(pose("a")).then(e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.DecisionAsked).decision == "p.1"
    scene.later(5).when(rule(1, "approve", reason="good", rows=[1, 2])).then(e.DecisionRuled).stands(
        "running", b="ready"
    )
    at_us = NOW_US + 5 * SECOND_US
    assert scene.slot("a").output == {
        "ruling": "approved",
        "by": "operator",
        "at": at_us,
        "reason": "good",
        "rows": [1, 2],
    }


def test_another_option_than_yes_keeps_no_rows():
    scene = given(ask("a", options=("approve", "later"))).when(pose("a"), rule(1, "later", rows=[1]))
    assert (scene.slot("a").output["ruling"], scene.slot("a").output["rows"]) == ("later", [])


def test_a_rejection_that_nothing_uses_ends_the_plan_and_undoes_it():
    scene = given(do("a"), ask("b", "a"), agent("c", "b")).when(
        *carried_out("a"), pose("b"), rule(1, "reject", reason="no")
    )
    scene.then(
        e.DecisionRuled,
        e.PlanCancelled("operator", "'b' was not approved: no"),
        e.UndoRequested("operator", "no"),
        e.UndoStarted(("a",)),
    ).stands("undoing", b="rejected", c="later")


def test_a_rejection_that_is_used_is_a_value_like_any_other():
    scene = given(ask("a", used=True), agent("b", "a?"), agent("c", "a")).when(pose("a"), rule(1, "reject"))
    scene.then(e.DecisionRuled, e.StepSkipped("c", "'a' was rejected")).stands("running", b="ready")
    assert scene.slot("a").output["ruling"] == "rejected"


def test_nobody_answering_in_time_means_no_e6():
    scene = given(ask("a", used=True, due_s=60), agent("b", "a?")).when(pose("a")).ignores(timer("due", "p.1"))
    scene.later(60).when(timer("due", "p.1")).then(e.DecisionExpired).stands("running", a="rejected", b="ready")
    assert scene.slot("a").output["ruling"] == "expired"
    scene.refuses(rule(1, "approve"), "not open").ignores(timer("due", "p.1"))


def test_nobody_answering_a_question_that_nothing_uses_ends_the_plan():
    scene = given(ask("a", due_s=60)).when(pose("a")).later(60).when(timer("due", "p.1"))
    scene.then(e.DecisionExpired, e.PlanCancelled, e.UndoRequested, e.UndoStarted, e.PlanUndone)


def test_reminders_are_given_once_each_in_the_order_of_their_times():
    scene = given(ask("a", remind_s=(20, 10))).when(pose("a"))
    assert scene.fact(e.DecisionAsked).remind_at_us == (NOW_US + 10 * SECOND_US, NOW_US + 20 * SECOND_US)
    scene.later(10).when(timer("remind", "p.1", 0)).then(e.DecisionReminded("p.1", 0), e.PlanParked)
    scene.ignores(timer("remind", "p.1", 0)).later(10).when(timer("remind", "p.1", 1)).then(
        e.DecisionReminded, e.PlanParked
    )
    scene.when(rule(1, "approve")).ignores(timer("remind", "p.1", 2))


# --- what policy asks


def gated():
    return given(do("a"), agent("b", "a")).when(prepare("a", ASK))


def test_an_approved_effect_may_happen_once_and_its_ruling_is_consumed_by_the_intent_e6():
    scene = gated().then(e.EffectPrepared, e.DecisionAsked, e.PlanParked)
    asked = scene.fact(e.DecisionAsked)
    assert (asked.kind, asked.paths, asked.binds, asked.rule) == ("effect", ("a",), ("digest of a",), "first time")
    scene.refuses(intend("a", ASK), '"needs your decision", not at "approved, about to happen"')
    scene.when(rule(1, "approve", binds=("digest of a",))).then(e.DecisionRuled)
    assert scene.work() == [("intend", "a")]
    scene.when(intend("a", ASK)).then(e.EffectIntended)
    assert scene.fact(e.EffectIntended).ruling == "p.1"
    scene.refuses(intend("a", ASK), '"happening", not at "approved, about to happen"')


def test_a_rejected_effect_does_not_happen_and_skips_what_needs_it():
    scene = gated().when(rule(1, "reject", reason="too dear"))
    scene.then(e.DecisionRuled, e.StepRejected("a", "too dear", "p.1"), e.StepSkipped, e.PlanCompleted)


def test_a_ruling_is_given_once_f18():
    scene = gated().when(rule(1, "approve"))
    scene.refuses(rule(1, "approve"), "not open").refuses(rule(1, "reject"), "not open")


def test_a_ruling_on_anything_but_what_was_shown_is_refused_e6():
    scene = gated().refuses(rule(1, "approve", binds=("another digest",)), "has changed since it was shown")
    scene.refuses(rule(1, "approve", binds=()), "has changed").refuses(
        rule(1, "perhaps"), "approve, reject, not perhaps"
    )
    scene.refuses(rule(2, "approve"), "not open").refuses(rule(1, "approve", kept=(1,)), "lists 1 action;")
    scene.refuses(rule(1, "approve", arguments={"word": "y"}), "tried again with changes").stands("running", a="asked")


def test_a_question_of_policy_does_not_expire_by_a_timer_that_is_not_its_own():
    gated().later(1e6).ignores(timer("due", "p.1"))


@pytest.mark.parametrize("kind", ["effect", "batch"])
def test_e6_an_action_that_nobody_decided_about_in_time_does_not_happen(kind):
    """No question of policy has a time of its own today; one that has it means no, as any other."""
    scene = given(each(do("a", gate="batch" if kind == "batch" else ""))).when(freeze("a", 2))
    scene.when(prepare("a/0", ASK), prepare("a/1", ASK), *([ask_batch("a")] if kind == "batch" else []))
    question = replace(scene.plan.questions["p.1"], due_at_us=NOW_US + 60 * SECOND_US)
    scene.plan = replace(scene.plan, questions={**scene.plan.questions, "p.1": question})
    scene.ignores(timer("due", "p.1")).later(60).when(timer("due", "p.1"))
    late = [e.StepRejected(path, "nobody answered in time", "p.1") for path in ("a/0", "a/1")]
    assert scene.last[0] == e.DecisionExpired("p.1")
    assert [fact for fact in scene.last if isinstance(fact, e.StepRejected)] == late[: 2 if kind == "batch" else 1]
    scene.refuses(rule(1, "approve"), "not open").refuses(intend("a/0", ASK), "not at")


def test_what_policy_asks_for_only_since_it_was_prepared_is_prepared_anew_and_asked_e1():
    scene = given(do("a")).when(prepare("a"), intend("a", ASK)).then(e.StepReopened("a"))
    assert scene.work() == [("resolve", "a")]
    scene.when(prepare("a", ASK), rule(1, "approve"), intend("a", ASK)).then(e.EffectIntended)


def test_what_policy_forbids_since_it_was_approved_does_not_happen_e1():
    scene = gated().when(rule(1, "approve"), intend("a", DENY)).then(e.StepStuck, e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.StepStuck).failure.message == "Policy forbids it: It is never allowed."
    scene.when(rule(2, "retry")).refuses(intend("a", ASK), '"about to start", not at "approved, about to happen"')
    scene.when(prepare("a", ASK)).then(e.EffectPrepared, e.DecisionAsked, e.PlanParked)
    assert scene.slot("a").ruling == "", "the old yes is void"


def test_what_policy_allows_since_it_was_asked_still_waits_for_the_answer():
    gated().refuses(
        intend("a", Verdict("allow", "new", "Allowed now.")),
        '"needs your decision", not at "approved, about to happen"',
    )


def test_what_policy_forbids_is_stuck_before_anybody_is_asked():
    scene = given(do("a")).when(prepare("a", DENY)).then(e.EffectPrepared, e.StepStuck, e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.StepStuck).attempt == 0, "nothing was tried"
    assert scene.fact(e.DecisionAsked).kind == "stuck"


def test_one_yes_serves_the_retries_of_one_effect_and_no_edited_one_e6():
    """A retry after a recorded did-not-happen is the same effect; an edit is another, and is asked about again."""
    scene = gated().when(rule(1, "approve"), intend("a", ASK), refuse("a", TRANSIENT))
    for attempt in (1, 2):
        scene.later(500).when(timer("retry", "a", attempt)).then(e.RetryDue)
        scene.when(intend("a", ASK)).then(e.EffectIntended)
        assert scene.fact(e.EffectIntended).ruling == "p.1", "the same yes, nobody is asked again"
        scene.when(refuse("a", TRANSIENT if attempt == 1 else PERMANENT))
    scene.when(rule(2, "retry", arguments={"word": "y"})).then(e.DecisionRuled, e.StepReopened)
    assert (scene.slot("a").ruling, scene.slot("a").arguments, scene.slot("a").edited) == ("", {"word": "y"}, True)
    scene.when(prepare("a", ASK, digest="new")).then(e.EffectPrepared, e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.DecisionAsked).binds == ("new",)


# --- batches


def batch(*verdicts: Verdict):
    scene = given(each(do("a", gate="batch")), agent("b", "a?")).when(freeze("a", len(verdicts)))
    return scene.when(*(prepare(f"a/{index}", verdict) for index, verdict in enumerate(verdicts)))


def test_a_batch_is_one_question_that_binds_every_item_e6():
    scene = batch(ASK, ASK, ASK)
    assert scene.work() == [("batch", "a")]
    scene.when(ask_batch("a")).then(e.DecisionAsked, e.PlanParked).refuses(ask_batch("a"), "no items that wait")
    asked = scene.fact(e.DecisionAsked)
    assert (asked.kind, asked.paths) == ("batch", ("a/0", "a/1", "a/2"))
    assert asked.binds == ("digest of a/0", "digest of a/1", "digest of a/2")


def test_the_rows_that_were_kept_are_consumed_one_by_one_e6():
    scene = batch(ASK, ASK, ASK).when(ask_batch("a"), rule(1, "approve", kept=(0, 2)))
    scene.then(e.DecisionRuled, e.StepRejected("a/1", "you left it out", "p.1"))
    assert scene.work() == [("intend", "a/0"), ("intend", "a/2")]
    scene.when(intend("a/2", ASK), happen("a/2"), intend("a/0", ASK), happen("a/0"))
    scene.stands("running", a="done", b="ready")
    assert [fact.ruling for fact, _ in scene.history if isinstance(fact, e.EffectIntended)] == ["p.1", "p.1"]


@pytest.mark.parametrize("kept", [(3,), (-1,), (0, 9)])
def test_only_rows_of_the_list_can_be_kept(kept):
    batch(ASK, ASK, ASK).when(ask_batch("a")).refuses(rule(1, "approve", kept=kept), "lists 3 actions")


def test_keeping_nothing_and_saying_no_are_the_same():
    for answer in (rule(1, "approve", kept=()), rule(1, "reject")):
        scene = batch(ASK, ASK).when(ask_batch("a"), answer)
        scene.then(e.DecisionRuled, e.StepRejected, e.StepRejected, e.StepCompleted("a")).stands("running", b="ready")


def test_a_batch_asks_only_about_what_policy_asks_for():
    scene = batch(ASK, Verdict("allow", "r", "w"), DENY).when(ask_batch("a"))
    assert scene.fact(e.DecisionAsked).paths == ("a/0",)
    assert scene.work() == [("intend", "a/1")]


def test_a_batch_that_policy_allows_or_forbids_as_a_whole_asks_nothing():
    assert ("batch", "a") not in batch(Verdict("allow", "r", "w"), Verdict("allow", "r", "w")).work()
    batch(DENY, DENY).then(e.EffectPrepared, e.StepStuck, e.DecisionAsked, e.PlanParked)


def test_a_batch_waits_until_every_item_is_prepared():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK))
    assert scene.work() == [("resolve", "a/1")]
    scene.refuses(ask_batch("a"), "no items that wait")


def test_a_batch_waits_for_an_item_that_is_worked_out_again_after_a_while():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), fail("a/1", TRANSIENT))
    assert scene.slot("a/1").status == "backoff"
    assert scene.work() == []
    scene.later(500).when(timer("retry", "a/1", 1), prepare("a/1", ASK))
    assert scene.work() == [("batch", "a")]


def test_an_item_that_is_stuck_holds_up_no_batch_and_gets_a_question_of_its_own_later():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), fail("a/1"))
    assert scene.work() == [("batch", "a")]
    scene.when(ask_batch("a"), rule(2, "approve"), rule(1, "retry"), prepare("a/1", ASK))
    assert scene.work() == [("intend", "a/0"), ("batch", "a")]
    scene.when(ask_batch("a"))
    assert scene.fact(e.DecisionAsked).paths == ("a/1",)


def test_an_item_that_was_approved_and_is_tried_again_holds_up_no_batch():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), fail("a/1"), ask_batch("a"))
    scene.when(rule(2, "approve"), intend("a/0", ASK), refuse("a/0", TRANSIENT), rule(1, "retry"), prepare("a/1", ASK))
    assert scene.work() == [("batch", "a")]


def test_a_batch_of_a_plan_that_ended_is_not_asked():
    scene = (
        batch(ASK, ASK).when(cancel()).then(e.PlanCancelled, e.PlanParked).refuses(ask_batch("a"), "no items that wait")
    )
    assert scene.work() == []


# --- stuck


def stuck():
    return given(do("z"), agent("a", "z"), agent("b", "a")).when(*carried_out("z"), fail("a"))


def test_a_dead_letter_is_put_before_the_operator_with_its_remedies_p4():
    scene = stuck().then(e.StepStuck("a", PERMANENT, 1), e.DecisionAsked, e.PlanParked)
    asked = scene.fact(e.DecisionAsked)
    assert (asked.kind, asked.options) == ("stuck", ("retry", "skip", "undo"))
    assert asked.card == {"headline": "no such receiver", "remedy": "", "class": "permanent"}


def test_a_stuck_step_is_tried_again_with_all_its_attempts():
    scene = stuck().when(rule(1, "retry")).then(e.DecisionRuled, e.StepReopened("a")).refuses(finish("a"), "attempt 1")
    for attempt in range(2, 6):
        scene.when(fail("a", TRANSIENT, attempt)).then(e.AttemptFailed, e.PlanParked)
        scene.later(500).when(timer("retry", "a", attempt))
    scene.when(fail("a", TRANSIENT, 6)).then(e.StepStuck, e.DecisionAsked, e.PlanParked)


def test_a_stuck_step_is_tried_again_with_edited_arguments():
    scene = (
        stuck()
        .when(rule(1, "retry", arguments={"n": 2}))
        .then(e.DecisionRuled, e.StepReopened("a", {"n": 2}, edited=True))
    )
    assert (scene.slot("a").arguments, scene.slot("a").edited) == ({"n": 2}, True)
    scene.when(fail("a", attempt=2), rule(2, "retry"))
    assert scene.slot("a").arguments == {"n": 2}, "an edit stays"


def test_a_stuck_step_is_skipped():
    stuck().when(rule(1, "skip")).then(e.DecisionRuled, e.StepSkipped, e.StepSkipped, e.PlanCompleted)


def test_a_stuck_step_ends_and_undoes_the_plan():
    scene = stuck().when(rule(1, "undo"))
    scene.then(e.DecisionRuled, e.PlanFailed("a", PERMANENT), e.UndoRequested, e.UndoStarted(("z",))).stands("undoing")


# --- what outlives a plan


def test_the_end_of_a_plan_closes_its_questions_but_not_whether_an_effect_happened():
    scene = given(do("a"), ask("b"), do("c"), expires_in_s=60).when(*lost("a"), pose("b"), prepare("c", ASK)).later(60)
    scene.when(timer("expiry"))
    scene.then(e.DecisionVoided("p.2", "The plan expired."), e.DecisionVoided, e.PlanExpired, e.PlanParked)
    assert list(scene.plan.questions) == ["p.1"]
    scene.when(rule(1, "happened")).then(e.DecisionRuled, e.EffectDone, e.PlanParked).stands("expired", a="done")


def test_questions_are_numbered_through():
    scene = given(ask("a"), ask("b")).when(pose("a"), pose("b"))
    assert list(scene.plan.questions) == ["p.1", "p.2"]
    scene.when(rule(2, "approve"), undo())
    assert scene.last[0] == e.DecisionVoided("p.1", "The plan was ended.")


# --- edit and approve, cover, forms (KERNEL E1, E6)


def edited(path: str, digest: str = "edited", verdict: Any = ASK) -> c.PrepareEffect:
    return replace(prepare(path, verdict, digest=digest), edited=("word",))


def test_e6_an_edit_is_approved_as_it_was_edited_and_nothing_else():
    scene = given(do("a")).when(prepare("a", ASK))
    scene.when(rule(1, "approve", prepared=(edited("a"),))).then(e.DecisionRuled, e.EffectPrepared)
    assert scene.fact(e.DecisionRuled).binds == ("edited",)
    slot = scene.slot("a")
    assert (slot.status, slot.digest, slot.ruling, slot.edited) == ("prepared", "edited", "p.1", True)
    scene.when(intend("a", ASK))
    assert scene.fact(e.EffectIntended).ruling == "p.1"


def test_e1_an_edit_passes_the_choke_point_again():
    scene = given(do("a")).when(prepare("a", ASK))
    scene.refuses(rule(1, "approve", prepared=(edited("a", verdict=DENY),)), "policy forbids a as you edited it")
    scene.when(rule(1, "approve", prepared=(edited("a"),)))
    scene.when(intend("a", DENY)).then(e.StepStuck, e.DecisionAsked, e.PlanParked)


def test_e6_only_what_is_kept_and_approved_can_be_edited():
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2), prepare("a/0", ASK), prepare("a/1", ASK))
    scene.when(ask_batch("a"))
    scene.refuses(rule(1, "approve", kept=(0,), prepared=(edited("a/1"),)), "not among what you keep")
    scene.refuses(rule(1, "reject", prepared=(edited("a/0"),)), "only an action that is approved can be edited")
    scene.when(rule(1, "approve", prepared=(edited("a/1", "better"),)))
    assert [scene.slot(path).digest for path in ("a/0", "a/1")] == ["digest of a/0", "better"]


def covering(*paths: str) -> c.AskStep:
    return replace(pose("a"), covers=paths, covered={}, binds=tuple(f"shown {path}" for path in paths))


def test_e6_what_a_question_covered_is_not_asked_about_again_and_only_once():
    scene = given(ask("a"), do("b", "a"), do("c", "a")).when(covering("b"), rule(1, "approve"))
    assert scene.plan.covered == {"b": "p.1"}
    scene.when(replace(prepare("b", ASK), ruling="p.1")).then(e.EffectPrepared).stands("running", b="prepared")
    assert scene.plan.covered == {}, "consumed"
    scene.when(intend("b", ASK))
    assert scene.fact(e.EffectIntended).ruling == "p.1"
    scene.refuses(replace(prepare("c", ASK), ruling="p.1"), "does not approve c")


def test_e6_what_departs_from_what_was_covered_is_asked_about_and_the_cover_is_gone():
    scene = given(ask("a"), do("b", "a")).when(covering("b"), rule(1, "approve"))
    scene.when(prepare("b", ASK)).then(e.EffectPrepared, e.DecisionAsked, e.PlanParked)
    assert scene.plan.covered == {}


def test_e6_an_item_is_approved_where_it_was_shown_and_what_was_shown_counts_once():
    scene = given(ask("a"), each(do("b", "a"))).when(covering("b/0", "b/1"), rule(1, "approve"), freeze("b", 2))
    scene.when(replace(prepare("b/0", ASK), ruling="p.1", covered="b/1"))
    assert (scene.slot("b/0").status, scene.plan.covered) == ("prepared", {"b/0": "p.1"})
    scene.refuses(replace(prepare("b/1", ASK), ruling="p.1", covered="b/1"), "does not approve b")
    scene.when(replace(prepare("b/1", ASK), covered=""))
    assert (scene.slot("b/1").status, scene.plan.covered) == ("asked", {"b/0": "p.1"}), (
        "what was shown of another item stays"
    )


@pytest.mark.parametrize(
    ("whole", "kept", "covered"),
    [
        (True, (1,), ["c"]),
        (True, (0, 1), ["b", "c"]),
        (True, (), []),
        (True, None, ["b", "c"]),
        (False, (1,), ["b", "c"]),
    ],
)
def test_k4_what_is_left_out_of_a_yes_to_a_whole_plan_asks_later(whole, kept, covered):
    """Of any other question rows are kept, and not actions."""
    scene = given(ask("a", whole=whole), do("b", "a"), do("c", "a")).when(covering("b", "c"))
    scene.when(rule(1, "approve", kept=kept))
    assert sorted(scene.plan.covered) == covered


def test_k4_of_a_whole_plan_only_what_is_shown_can_be_kept():
    scene = given(ask("a", whole=True), do("b", "a"), do("c", "a")).when(covering("b", "c"))
    scene.refuses(rule(1, "approve", kept=(2,)), "shows 2 actions; keep some of those")
    scene.refuses(rule(1, "approve", kept=(-1,)), "shows 2 actions; keep some of those")


def test_e6_what_was_shown_of_another_step_approves_nothing():
    scene = given(ask("a"), do("b", "a"), do("c", "a")).when(covering("b"), rule(1, "approve"))
    scene.refuses(replace(prepare("c", ASK), ruling="p.1", covered="b"), "does not approve c")


@pytest.mark.parametrize("answer", ["reject", None])
def test_e6_a_no_and_silence_cover_nothing(answer):
    scene = given(ask("a", used=True, due_s=60), do("b", "a?")).when(covering("b"))
    if answer is None:
        scene.later(60).when(timer("due", "p.1"))
    else:
        scene.when(rule(1, answer))
    assert scene.plan.covered == {}
    scene.refuses(replace(prepare("b", ASK), ruling="p.1"), "does not approve b")


def test_a_task_wants_its_form_and_its_value_holds_it():
    form = (Input("hours", "int"),)
    scene = given(ask("a", form=form)).when(pose("a"))
    scene.refuses(rule(1, "approve"), "fill it in")
    scene.refuses(rule(1, "reject", form={"hours": 2}), "no form")
    scene.when(rule(1, "approve", form={"hours": 2}))
    assert scene.slot("a").output["form"] == {"hours": 2}
    given(ask("a")).when(pose("a")).refuses(rule(1, "approve", form={}), "no form")


# --- what a cap stopped (requirement G6)

WAYS = ("raise", "wait", "retry", "skip", "undo")
OVER = Verdict("deny", CAP_RULE, "Today 20 of 20 were sent.")


def capped() -> Scene:
    """An action that was approved, and that a cap stopped as it was about to leave."""
    stopped = replace(intend("a", OVER), ways=WAYS)
    return given(do("a"), agent("b", "a")).when(prepare("a", ASK), rule(1, "approve"), stopped)


def test_g6_an_action_that_a_cap_stopped_asks_how_to_go_on_and_says_each_way():
    scene = capped()
    assert (scene.fact(e.DecisionAsked).kind, scene.fact(e.DecisionAsked).options) == ("stuck", WAYS)
    assert scene.fact(e.StepStuck).failure == Failure(
        "permanent",
        "Today 20 of 20 were sent.",
        "Raise it for now by what this takes (raise), let it wait until the budget begins anew or is raised "
        "(wait), try again once you raised it: `mainstay budget raise`, or for good under [budgets] in mainstay.toml "
        "and a new start (retry), leave this out (skip), or stop the plan and take back what it did (undo).",
        cause="Capped",
    )
    assert scene.fact(e.DecisionAsked).why == "A limit of yours stopped it before it happened."


def test_g6_what_the_limits_of_a_rule_stopped_names_the_rule_as_the_place_to_raise_them():
    stopped = replace(intend("a", Verdict("deny", LIMITS_RULE, "Today 20 of 20 were sent.")), ways=WAYS)
    scene = given(do("a")).when(prepare("a", ASK), rule(1, "approve"), stopped)
    remedy = scene.fact(e.StepStuck).failure.remedy
    assert "or for good under 'limits' of your rule, activated (retry)" in remedy
    assert "mainstay.toml" not in remedy


def test_what_a_rule_forbids_says_so_and_names_the_rule_to_change():
    scene = given(do("a")).when(prepare("a", Verdict("deny", "night", "Not at night.")))
    failure, asked = scene.fact(e.StepStuck).failure, scene.fact(e.DecisionAsked)
    assert (failure.cause, failure.message) == ("Forbidden", "Policy forbids it: Not at night.")
    assert "change your rule 'night' and try again (retry)" in failure.remedy
    assert asked.why == "Your policy forbids it, so it did not happen."


def test_g6_what_was_approved_stays_approved_when_its_cap_is_raised():
    scene = capped().when(rule(2, "raise")).then(e.DecisionRuled, e.DispatchDue("a"))
    assert scene.work() == [("intend", "a")]
    scene.when(intend("a", ASK))
    assert scene.fact(e.EffectIntended).ruling == "p.1"


def test_g6_what_is_tried_again_as_it_is_after_its_cap_stopped_it_stays_approved():
    scene = capped().when(rule(2, "retry")).then(e.DecisionRuled, e.DispatchDue("a"))
    scene.when(intend("a", ASK))
    assert scene.fact(e.EffectIntended).ruling == "p.1"


def test_g6_what_is_tried_again_with_other_arguments_is_prepared_and_asked_anew():
    scene = capped().when(rule(2, "retry", arguments={"to": "Bo"}))
    scene.then(e.DecisionRuled, e.StepReopened("a", arguments={"to": "Bo"}, edited=True, anew=False))
    assert scene.work() == [("resolve", "a")]


@pytest.mark.parametrize("until_us", [NOW_US + 60 * SECOND_US, None])
def test_g6_what_waits_for_its_budget_leaves_by_itself_then(until_us):
    scene = capped().when(rule(2, "wait", until_us=until_us))
    scene.then(e.DecisionRuled, e.EffectDelayed("a", until_us or NOW_US), e.PlanParked)
    scene.later(60).when(timer("dispatch", "a"), intend("a", ASK))
    assert scene.fact(e.EffectIntended).ruling == "p.1"
