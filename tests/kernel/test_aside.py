"""What is said of an open question without answering it (requirement G2): nothing follows, and silence stays a no."""

from kernel_scene import ASK, NOW_US, agent, ask, given, pose, prepare, rule, timer
from kernel_scene import do as act
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.kernel.aside import MOST_ASIDES, MOST_NOTE_CHARS
from mainstay.values import SECOND_US


def snooze(seconds: float, number: int = 1) -> c.SnoozeQuestion:
    until_us = NOW_US + int(seconds * SECOND_US)
    return c.SnoozeQuestion(now_us=0, decision=f"p.{number}", until_us=until_us, by="operator")


def note(text: str, number: int = 1) -> c.NoteQuestion:
    return c.NoteQuestion(now_us=0, decision=f"p.{number}", text=text, by="operator")


def test_e6_a_question_put_off_is_open_as_before_and_nothing_else_follows():
    scene = given(ask("a"), agent("b", "a")).when(pose("a"), snooze(60))
    scene.then(e.DecisionSnoozed("p.1", NOW_US + 60 * SECOND_US, "operator"), e.PlanParked).stands("running", a="asked")
    scene.when(rule(1, "approve")).stands("running", a="done", b="ready")
    scene.refuses(snooze(90), "not open")


def test_e6_no_snooze_reaches_beyond_the_time_at_which_silence_means_no():
    scene = given(ask("a", due_s=60, used=True), agent("b", "a?")).when(pose("a"))
    scene.refuses(snooze(60), "has to be answered before that").when(snooze(59))
    scene.later(60).when(timer("due", "p.1")).then(e.DecisionExpired).stands("running", a="rejected")


def test_e6_no_snooze_reaches_beyond_the_end_of_the_plan():
    given(act("a"), expires_in_s=100).when(prepare("a", ASK)).refuses(snooze(100), "before that").when(snooze(99))


def test_a_snooze_ends_later_than_now():
    given(ask("a")).when(pose("a")).later(10).refuses(snooze(10), "time is over").refuses(snooze(3), "time is over")


def test_a_question_is_put_off_for_a_year_at_most():
    year_s, why = 366 * 86_400, r": a question is put off for a year at most; name an earlier time\.$"
    scene = given(ask("a")).when(pose("a")).refuses(snooze(year_s + 1), why)
    scene.refuses(snooze(10**14), "a year at most").when(snooze(year_s))


def test_a_note_changes_nothing_and_an_empty_one_is_none():
    scene = given(ask("a")).when(pose("a"), note("ask Ann first"))
    scene.then(e.DecisionNoted("p.1", "ask Ann first", "operator"), e.PlanParked).stands("running", a="asked")
    scene.refuses(note("  "), "empty").refuses(note("x", 2), "not open")


def test_l8_a_note_fits_into_a_record():
    scene = given(ask("a")).when(pose("a"), note("x" * MOST_NOTE_CHARS))
    scene.refuses(note("x" * (MOST_NOTE_CHARS + 1)), "up to 2,000 characters")


def test_l8_a_question_is_put_off_and_noted_on_only_so_often():
    scene = given(ask("a")).when(pose("a"))
    for at in range(MOST_ASIDES):
        scene.when(note("again") if at % 2 else snooze(10 + at))
    scene.refuses(note("again"), f"{MOST_ASIDES} times; answer it").refuses(snooze(99), "answer it")
    scene.when(rule(1, "approve")).stands("completed")


def test_p5_what_policy_asks_reminds_comes_before_others_and_is_due_in_the_times_it_was_given():
    patience = c.Patience(remind_s=(30, 10), escalate_s=40, due_s=60)
    scene = given(act("a"), agent("b", "a")).when(replace(prepare("a", ASK), patience=patience))
    asked = scene.fact(e.DecisionAsked)
    assert asked.remind_at_us == (NOW_US + 10 * SECOND_US, NOW_US + 30 * SECOND_US)
    assert (asked.escalate_at_us, asked.due_at_us) == (NOW_US + 40 * SECOND_US, NOW_US + 60 * SECOND_US)
    scene.later(60).when(timer("due", "p.1")).then(e.DecisionExpired, e.StepRejected, e.StepSkipped, e.PlanCompleted)
    scene.stands("completed", a="rejected", b="skipped")


def test_p5_a_question_of_the_playbook_comes_before_others_when_it_says_so():
    asked = given(ask("a", escalate_s=50)).when(pose("a")).fact(e.DecisionAsked)
    assert (asked.escalate_at_us, asked.due_at_us) == (NOW_US + 50 * SECOND_US, None)
