"""Taking a plan back: the last outcome first, everything or by name what could not be."""

import pytest
from kernel_scene import (
    ALLOW,
    ASK,
    DENY,
    PERMANENT,
    TRANSIENT,
    UNDO,
    absent,
    agent,
    ask_settle,
    back,
    begin,
    cancel,
    carried_out,
    child_ends,
    do,
    each,
    fail,
    finish,
    freeze,
    given,
    happen,
    intend,
    judge,
    loop,
    lose,
    lost,
    once,
    prepare,
    proposed,
    refuse,
    rule,
    sent,
    sub,
    timer,
    undo,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.undo import is_idle, outcomes, undo_order


def undoing(*paths, **more):
    """A plan whose steps were done in this order, being undone."""
    return given(*(do(path, **more) for path in sorted(paths))).when(
        *(cmd for path in paths for cmd in carried_out(path)), undo()
    )


def test_outcomes_are_taken_back_in_their_reverse_order_e5():
    scene = undoing("b", "c", "a").then(e.UndoRequested, e.UndoStarted(("a", "c", "b")))
    assert scene.work() == [("compensate", "~a")], "one at a time"
    scene.when(*back("a")).then(e.EffectDone)
    assert scene.work() == [("compensate", "~c")]
    scene.when(*back("c"), *back("b")).then(e.EffectDone, e.PlanUndone(())).stands("undone")


def test_items_are_taken_back_in_the_order_they_happened_in_not_in_the_order_of_the_list():
    scene = given(each(do("a"))).when(
        freeze("a", 3), *carried_out("a/1"), *carried_out("a/0"), *carried_out("a/2"), undo()
    )
    scene.then(e.UndoRequested, e.UndoStarted(("a/2", "a/0", "a/1")))


def test_what_cannot_be_taken_back_is_listed_with_its_reason_e5():
    scene = given(do("a"), agent("b"), do("c")).when(
        *carried_out("a", undo=None, cannot_undo="a mail can't be called back"), finish("b"), *carried_out("c"), undo()
    )
    scene.then(e.UndoRequested, e.UndoStarted(("c",)), e.UndoImpossible("a", "a mail can't be called back"))
    scene.when(*back("c")).then(e.EffectDone, e.PlanUndone(("a",)))


def test_a_plan_that_changed_nothing_is_undone_at_once():
    given(agent("a")).when(finish("a"), undo()).then(e.UndoRequested, e.UndoStarted(()), e.PlanUndone(()))


def test_e5_a_sub_plan_that_did_nothing_outside_is_not_taken_back():
    scene = given(sub("a"), sub("b"), do("c", "a", "b"))
    scene.when(begin("a"), child_ends("a", idle=True), begin("b"), child_ends("b"), *carried_out("c"), undo())
    scene.then(e.UndoRequested, e.UndoStarted(("c", "b")))


def test_e5_a_list_of_sub_plans_is_taken_back_where_one_of_them_did_something():
    scene = given(each(sub("a"))).when(freeze("a", 2))
    for index, idle in enumerate((True, False)):
        path = f"a/{index}"
        scene.when(begin(path), child_ends(path, idle=idle))
    scene.when(undo()).then(e.UndoRequested, e.UndoStarted(("a/1",)))


def test_e5_one_idle_run_of_several_does_not_hide_the_others():
    scene = given(loop("a", then="accept")).when(
        begin("a", "p-1"), child_ends("a", plan="p-1", idle=True), judge("a", 1)
    )
    scene.when(begin("a", "p-2"), child_ends("a", plan="p-2"), judge("a", 2, accepted=True), undo())
    scene.then(e.UndoRequested, e.UndoStarted(("a",)))


def test_what_was_prepared_but_never_happened_is_not_taken_back():
    given(do("a")).when(prepare("a", cannot_undo="no way back"), undo()).then(
        e.PlanCancelled, e.UndoRequested, e.UndoStarted(()), e.PlanUndone(())
    )


def test_a_plan_is_undone_once():
    scene = undoing("a").refuses(undo(), "being undone, or was undone, already")
    scene.when(*back("a")).refuses(undo(), "being undone, or was undone, already")


def test_a_plan_that_has_not_begun_is_cancelled_not_undone():
    proposed(do("a")).refuses(undo(), "cancel it instead")


def test_cancelled_and_expired_plans_can_be_undone():
    scene = given(do("a"), agent("b"), expires_in_s=1).when(*carried_out("a")).later(1).when(timer("expiry"))
    scene.stands("expired").when(undo()).then(e.UndoRequested, e.UndoStarted(("a",)))


def test_an_undo_asked_for_while_a_question_of_an_uncertain_effect_is_open_begins_after_the_answer_e5():
    scene = given(do("a"), do("b")).when(*carried_out("a"), *lost("b"), undo())
    scene.then(e.PlanCancelled, e.UndoRequested, e.PlanParked).refuses(undo(), "already")
    assert scene.work() == []
    happened = "its answer was lost, so nothing is known to take it back with"
    scene.when(rule(1, "happened")).then(
        e.DecisionRuled, e.EffectDone, e.UndoStarted(("a",)), e.UndoImpossible("b", happened)
    )


def test_an_undo_begins_after_an_effect_turns_out_not_to_have_happened():
    for answer in (absent("b"), refuse("b", TRANSIENT)):
        scene = given(do("a"), do("b")).when(*carried_out("a"), *sent("b"), undo(), lose("b"), answer)
        scene.stands("undoing", b="failed")
        assert scene.work() == [("compensate", "~a")]


# --- compensations that fail (FAULTS F17)


def test_a_compensation_is_tried_again_and_then_sent_p4():
    scene = undoing("a").when(prepare("~a"), intend("~a"), refuse("~a", TRANSIENT)).then(e.EffectRefused, e.PlanParked)
    scene.later(1).when(timer("retry", "~a", 1)).then(e.RetryDue)
    assert scene.work() == [("intend", "~a")]
    scene.when(intend("~a"), happen("~a")).stands("undone")


def test_a_compensation_that_could_not_be_prepared_is_tried_again():
    scene = undoing("a").when(fail("~a", TRANSIENT)).then(e.AttemptFailed, e.PlanParked)
    scene.later(1).when(timer("retry", "~a", 1))
    assert scene.work() == [("compensate", "~a")]


def test_a_compensation_that_fails_is_escalated_by_name_f17():
    scene = undoing("a", "b").when(prepare("~b"), intend("~b"), refuse("~b", PERMANENT))
    scene.then(e.EffectRefused, e.StepStuck("~b", PERMANENT, 1), e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.DecisionAsked).options == ("retry", "skip")
    scene.when(rule(1, "retry")).then(e.DecisionRuled, e.StepReopened)
    assert scene.work() == [("compensate", "~b")]
    scene.when(*back("b"), *back("a")).stands("undone")


def test_a_compensation_that_is_left_is_named_and_the_rest_goes_on_f17():
    scene = undoing("a", "b").when(fail("~b"), rule(1, "skip"))
    scene.then(e.DecisionRuled, e.UndoImpossible("b", "you left it: no such receiver"))
    assert scene.work() == [("compensate", "~a")]
    scene.when(*back("a")).then(e.EffectDone, e.PlanUndone(("b",)))


def test_a_compensation_that_policy_forbids_is_escalated_e5():
    undoing("a").when(prepare("~a", DENY)).then(e.EffectPrepared, e.StepStuck, e.DecisionAsked, e.PlanParked)


def test_a_compensation_that_the_operator_rejects_stays_with_the_operator_e5():
    scene = undoing("a").when(prepare("~a", ASK), rule(1, "reject", reason="wrong account"))
    scene.then(e.DecisionRuled, e.StepStuck, e.DecisionAsked, e.PlanParked)
    assert scene.fact(e.StepStuck).failure.message == "Not taken back: wrong account"
    scene.when(rule(2, "retry"), prepare("~a", ASK), rule(3, "approve"), intend("~a", ASK), happen("~a")).stands(
        "undone"
    )


def test_an_uncertain_compensation_is_settled_like_any_effect():
    def lost_back():
        return undoing("a").when(prepare("~a"), intend("~a"), lose("~a"), ask_settle("~a"))

    lost_back().when(rule(1, "happened")).then(e.DecisionRuled, e.EffectDone, e.PlanUndone(()))
    lost_back().when(rule(1, "skip")).then(
        e.DecisionRuled, e.EffectAbsent, e.UndoImpossible("a", "you left it"), e.PlanUndone(("a",))
    )
    again = lost_back().when(rule(1, "did_not_happen")).then(e.DecisionRuled, e.EffectAbsent)
    again.when(intend("~a"), happen("~a")).stands("undone")
    assert again.fact(e.EffectIntended).generation == 1


def test_policy_is_asked_again_before_a_compensation_leaves_e1():
    scene = undoing("a").when(prepare("~a", ALLOW), intend("~a", ASK)).then(e.StepReopened)
    assert scene.work() == [("compensate", "~a")]


def test_a_compensation_keeps_to_its_own_attempts():
    undoing("a", retry=once(do("a")).retry).when(prepare("~a"), intend("~a"), refuse("~a", TRANSIENT)).then(
        e.EffectRefused, e.StepStuck, e.DecisionAsked, e.PlanParked
    )


# --- child plans


def split(*ends):
    scene = given(do("z"), each(do("a", "z"))).when(*carried_out("z"), freeze("a", 101))
    scene.when(c.StartChildren(now_us=0, path="a", plans=("p-a-1", "p-a-2")))
    for number, end in enumerate(ends, 1):
        scene.when(c.FinishChild(now_us=0, path="a", plan=f"p-a-{number}", status=end, output=[]))
    return scene


def test_child_plans_are_taken_back_in_their_place_e5():
    scene = split("completed", "completed").when(undo()).then(e.UndoRequested, e.UndoStarted(("a", "z")))
    assert scene.work() == [("compensate", "~a")]
    scene.when(c.UndoStep(now_us=0, path="a")).then(e.StepUndone("a"))
    scene.when(*back("z")).then(e.EffectDone, e.PlanUndone(()))


def test_child_plans_that_had_not_ended_are_taken_back_first():
    split("completed").when(undo()).then(e.PlanCancelled, e.UndoRequested, e.UndoStarted(("a", "z")))
    split().when(undo()).then(e.PlanCancelled, e.UndoRequested, e.UndoStarted(("a", "z")))


def test_child_plans_behind_a_skipped_step_are_taken_back_too():
    scene = split("completed", "failed").when(rule(1, "skip")).stands("completed", a="skipped")
    scene.when(undo()).then(e.UndoRequested, e.UndoStarted(("a", "z")))


def test_child_plans_that_cannot_be_taken_back_are_named():
    scene = split("completed", "completed").when(undo(), c.UndoStep(now_us=0, path="a", why="because forgotten"))
    scene.then(e.UndoImpossible("a", "because forgotten")).when(*back("z")).then(e.EffectDone, e.PlanUndone(("a",)))


def test_only_what_has_child_plans_is_taken_back_without_a_compensation():
    scene = undoing("a").refuses(c.UndoStep(now_us=0, path="a"), "no parts of its own")
    assert scene.slot("a").undo == UNDO


# --- what an undo is about


IDLE = {
    "nothing was done": (lambda: given(agent("a")).when(finish("a")), True),
    "it was ended before": (lambda: given(do("a")).when(cancel()), True),
    "its parts did nothing": (lambda: given(sub("a")).when(begin("a"), child_ends("a", idle=True)), True),
    "it runs": (lambda: given(agent("a")), False),
    "it waits for its start": (lambda: proposed(do("a")), False),
    "something was done": (lambda: given(do("a")).when(*carried_out("a")), False),
    "what was done can't be undone": (
        lambda: given(do("a")).when(*carried_out("a", undo=None, cannot_undo="no")),
        False,
    ),
    "a part did something": (lambda: given(sub("a")).when(begin("a"), child_ends("a")), False),
    "something is on its way": (lambda: given(do("a")).when(*sent("a"), cancel()), False),
    "something may have happened": (lambda: given(do("a")).when(*lost("a"), cancel()), False),
    "something could not be undone": (
        lambda: given(do("a"), agent("b")).when(
            *carried_out("a"),
            finish("b"),
            c.UndoPlan(now_us=0, by="operator", steps=("a",)),
            fail("~a"),
            rule(1, "skip"),
        ),
        False,
    ),
    "all of it was undone": (lambda: undoing("a").when(*back("a")), False),
}


@pytest.mark.parametrize("name", IDLE)
def test_e5_a_plan_did_nothing_outside_where_it_ended_and_nothing_of_it_stands_or_is_on_its_way(name):
    before, idle = IDLE[name]
    assert is_idle(before().plan) == idle


def test_e5_an_undo_names_all_that_it_is_about_of_child_plans_too():
    deepest = replace(given(do("x")).when(*carried_out("x")).plan, id="k-b-1")
    child = given(sub("b"), do("c", "b")).when(begin("b", "k-b-1"), child_ends("b", plan="k-b-1"))
    child = replace(child.when(*carried_out("c", undo=None, cannot_undo="no")).plan, id="k")
    scene = given(sub("a"), do("d", "a")).when(begin("a", "k"), child_ends("a", plan="k"), *carried_out("d"))
    plans = {"k": child, "k-b-1": deepest}
    assert outcomes(plans.__getitem__, scene.plan) == ["p/d", "p/a", "k/b", "k/c", "k-b-1/x"]
    assert outcomes(plans.__getitem__, given(agent("a")).plan) == []


def test_e5_what_took_something_back_is_never_taken_back_itself():
    scene = given(do("a"), do("b")).when(*carried_out("a"), *carried_out("b"))
    scene.when(c.UndoPlan(now_us=0, by="operator", steps=("b",)))
    scene.when(*carried_out("~b", UNDO, cannot_undo="no")).stands("completed")
    assert undo_order(scene.plan) == (("a",), ())
    assert (scene.plan.undo_by, scene.plan.undo_steps) == ("", ()), "who asked for a part asks no more"


def test_e5_the_first_to_be_taken_back_begins_with_the_undo_whatever_else_is_named_then():
    scene = given(do("a"), do("b")).when(*carried_out("a"), *carried_out("b", undo=None, cannot_undo="no"), undo())
    started = next(at for at, (fact, _) in enumerate(scene.history, 1) if isinstance(fact, e.UndoStarted))
    assert scene.slot("~a").since == started


def test_p3_a_compensation_that_was_left_holds_its_arguments_no_more():
    scene = undoing("a").when(prepare("~a", ASK), rule(1, "skip")).stands("undone", **{"~a": "skipped"})
    assert scene.slot("~a").arguments is None


def test_e3_what_may_have_happened_is_settled_after_its_plan_ended():
    scene = given(do("a")).when(*sent("a"), lose("a"), cancel())
    assert scene.work() == [("settle", "a")]


def test_p3_a_plan_that_ended_has_nothing_left_to_skip():
    scene = given(agent("a", on_failure="undo"), agent("b", "a"), agent("d")).when(fail("a"))
    scene.stands("undone", a="failed", b="later", d="ready")
    assert scene.plan.doomed == ()


def test_e5_single_paths_of_a_step_are_taken_back_as_well_as_whole_steps():
    scene = given(each(do("a")), do("b", "a")).when(freeze("a", 2), *carried_out("a/0"), *carried_out("a/1"))
    scene.when(*carried_out("b"), c.UndoPlan(now_us=0, by="operator", steps=("a/1", "b", "p-a-1/x")))
    assert scene.last[-1] == e.UndoStarted(("b", "a/1"))
    scene.refuses(c.UndoPlan(now_us=0, by="operator"), "being undone")
    other = given(do("a")).when(*carried_out("a"))
    other.refuses(c.UndoPlan(now_us=0, by="operator", steps=("q/1",)), "it has no step q/1")
    other.refuses(c.UndoPlan(now_us=0, by="operator", steps=("x-a-1/b",)), "it has no step x-a-1/b")
