"""Work that goes back to its agent with a word on what should be different (requirement G2, KERNEL E2)."""

from kernel_scene import (
    ASK,
    TRANSIENT,
    agent,
    ask,
    carried_out,
    do,
    fail,
    finish,
    given,
    happen,
    intend,
    pose,
    prepare,
    proposed,
    refuse,
    rule,
    timer,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.graph import Input, Step
from mainstay.kernel.revising import MOST_REVISIONS, may_revise
from mainstay.kernel.state import FACTS_PER_SLOT, FULL_PLAN

SEND = replace(do("send", "draft"), revises="draft")


def drafted(*more: Step):
    return given(agent("draft"), SEND, *more).when(finish("draft", output={"text": "Dear"}), prepare("send", ASK))


def test_g2_what_is_sent_back_is_made_anew_and_asked_about_anew():
    scene = drafted()
    assert scene.fact(e.DecisionAsked).options == ("approve", "reject", "revise")
    scene.when(rule(1, "revise", reason="shorter")).then(e.DecisionRuled, e.StepRevised("draft", "send", "shorter"))
    scene.stands("running", draft="ready", send="later")
    assert (scene.slot("draft").feedback, scene.slot("draft").journal) == (("shorter",), 1)
    assert scene.work() == [("resolve", "draft")]
    scene.when(finish("draft", output={"text": "Hi"}), prepare("send", ASK, digest="anew"))
    assert (scene.fact(e.DecisionAsked).decision, scene.fact(e.DecisionAsked).binds) == ("p.2", ("anew",))
    scene.refuses(rule(1, "approve"), "not open")
    scene.when(rule(2, "approve"), intend("send", ASK), happen("send")).stands("completed", draft="done", send="done")


def test_g2_every_word_is_kept_and_there_is_an_end_to_it():
    scene = drafted()
    for number in range(1, MOST_REVISIONS + 1):
        scene.when(rule(number, "revise", reason=f"{number}"), finish("draft"), prepare("send", ASK))
    assert scene.slot("draft").feedback == tuple(str(number) for number in range(1, MOST_REVISIONS + 1))
    assert scene.fact(e.DecisionAsked).options == ("approve", "reject")


def test_g2_nothing_is_sent_back_without_a_word():
    drafted().refuses(rule(1, "revise"), "say what should be different").refuses(
        rule(1, "revise", reason=" "), "say what"
    )


def test_g2_a_question_of_the_playbook_about_a_draft_sends_it_back_too():
    scene = given(agent("draft"), replace(ask("look", "draft"), revises="draft"), do("send", "draft", "look"))
    scene.when(finish("draft"), pose("look"))
    assert scene.fact(e.DecisionAsked).options == ("approve", "reject", "revise")
    scene.when(rule(1, "revise", reason="kinder")).stands("running", draft="ready", look="later", send="later")
    scene.when(finish("draft"), pose("look"), rule(2, "approve")).stands("running", look="done", send="ready")


def test_g2_an_option_of_the_playbooks_own_by_that_name_is_an_answer_like_any_other():
    scene = given(ask("look", options=("approve", "revise"))).when(pose("look"), rule(1, "revise"))
    scene.stands("completed", look="done")
    assert scene.fact(e.DecisionRuled).choice == "revise"


def test_g2_what_something_else_was_begun_with_is_not_sent_back():
    scene = drafted(agent("other", "draft"))
    assert scene.fact(e.DecisionAsked).options == ("approve", "reject")


def test_g2_what_was_begun_since_it_was_asked_stops_a_revision():
    late = agent("late", "draft", "slow")
    scene = given(agent("draft"), agent("slow"), SEND, late).when(finish("draft"), prepare("send", ASK))
    assert "revise" in scene.fact(e.DecisionAsked).options
    scene.when(finish("slow")).refuses(rule(1, "revise", reason="x"), "something else was begun with it")


def test_e2_what_was_ever_sent_is_not_made_anew_under_its_token():
    scene = given(agent("draft"), SEND).when(
        finish("draft"), prepare("send"), intend("send"), refuse("send", TRANSIENT)
    )
    scene.later(600).when(timer("retry", "send", 1), intend("send", ASK), prepare("send", ASK))
    assert scene.fact(e.DecisionAsked).options == ("approve", "reject")


def test_e5_what_was_done_before_the_draft_is_still_taken_back_once():
    scene = given(do("pay"), agent("draft", "pay"), SEND).when(
        *carried_out("pay"), finish("draft"), prepare("send", ASK), rule(1, "revise", reason="x")
    )
    scene.when(c.UndoPlan(now_us=0, by="operator", reason="wrong")).stands("undoing", pay="done", send="later")
    assert scene.plan.undo_left == ("pay",)


def test_g2_what_the_operator_changed_for_the_agent_stays_changed_when_its_work_is_sent_back():
    scene = given(agent("draft"), SEND).when(fail("draft"), rule(1, "retry", arguments={"tone": "kind"}))
    scene.when(finish("draft", attempt=2), prepare("send", ASK)).later(9).when(rule(2, "revise", reason="shorter"))
    slot = scene.slot("draft")
    assert (slot.arguments, slot.edited) == ({"tone": "kind"}, True)
    assert (slot.attempt, slot.forgiven, slot.ready_at_us) == (1, 1, scene.now_us)
    scene.refuses(finish("draft", attempt=1), "attempt 1 of draft is over")


def test_g2_what_was_resolved_for_the_agent_is_resolved_anew_when_its_work_is_sent_back():
    scene = drafted().when(rule(1, "revise", reason="shorter"))
    assert (scene.slot("draft").arguments, scene.slot("draft").edited) == (None, False)


def test_g2_only_work_that_was_made_here_and_stands_is_sent_back():
    skipped = given(agent("draft"), replace(do("send", "draft?"), revises="draft"))
    skipped.when(c.SkipStep(now_us=0, path="draft", why="no"), prepare("send", ASK))
    assert skipped.fact(e.DecisionAsked).options == ("approve", "reject")
    adopted = proposed(agent("draft"), SEND)
    adopted.when(c.ForkPlan(now_us=0, of="old", start="send", adopted=(e.Adopted("draft", 1),)))
    adopted.when(c.ApprovePlan(now_us=0, by="operator"), prepare("send", ASK))
    assert adopted.fact(e.DecisionAsked).options == ("approve", "reject")


def test_e2_what_was_tried_before_is_not_made_anew():
    scene = given(agent("draft"), SEND).when(finish("draft"), fail("send", TRANSIENT))
    scene.later(600).when(timer("retry", "send", 1), prepare("send", ASK))
    assert scene.fact(e.DecisionAsked).options == ("approve", "reject")


def test_l8_a_plan_whose_history_fills_up_sends_nothing_back():
    """Two more units of work have to fit: the step that asks, and what it asks about, made anew."""
    plan = drafted().plan
    most = FULL_PLAN - FACTS_PER_SLOT * (len(plan.slots) + 2)
    assert may_revise(replace(plan, sequence=most), "send") == ("revise",)
    assert may_revise(replace(plan, sequence=most + 1), "send") == ()


def test_g2_a_task_with_a_form_is_sent_back_without_it():
    look = replace(ask("look", "draft", form=(Input("why", "text"),)), revises="draft")
    scene = given(agent("draft"), look).when(finish("draft"), pose("look"))
    scene.refuses(rule(1, "revise", reason="kinder", form={"why": "x"}), "p.1 has no form to fill in")
    scene.when(rule(1, "revise", reason="kinder")).stands("running", draft="ready", look="later")
