"""What the kernel refuses, in whole sentences: which plan, what is wrong, and where it stands instead (DESIGN, Words).

Each case is a plan, a command that does not fit it, and the sentence that a tired owner reads.
"""

from __future__ import annotations

import pytest
from kernel_scene import (
    ASK,
    DENY,
    NOW_US,
    Scene,
    absent,
    agent,
    ask,
    ask_batch,
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
    finish_plan,
    freeze,
    given,
    happen,
    judge,
    loop,
    lose,
    pose,
    prepare,
    proposed,
    read,
    refuse,
    rule,
    sent,
    start,
    sub,
    undo,
    wait,
)
from msgspec.structs import replace

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError
from mainstay.kernel.graph import Cel, Definition, Ending, Graph, Input, Step
from mainstay.kernel.plan import handle

APPROVE = c.ApprovePlan(now_us=0, by="operator")
PAUSE = c.PausePlan(now_us=0, by="operator")
RESUME = c.ResumePlan(now_us=0, by="operator")
EDIT = c.EditPlan(now_us=0, by="operator", inputs=None)
OF_STEPS = "go through a list or work something out or act or run another playbook or ask you or wait"
ENDS = {"end": (Ending(Cel("true"), "sold"),)}


def skip(path: str) -> c.SkipStep:
    return c.SkipStep(now_us=0, path=path, why="its `when` was false")


def fork(*names: str, status: str = "done") -> c.ForkPlan:
    return c.ForkPlan(now_us=0, of="old", start="", adopted=tuple(e.Adopted(name, status=status) for name in names))  # pyright: ignore[reportArgumentType]


def part(*steps: str) -> c.UndoPlan:
    return c.UndoPlan(now_us=0, by="operator", steps=steps)


def call(path: str) -> c.CallEffect:
    return c.CallEffect(now_us=0, path=path, operation="demo.say", arguments={})


def delay(path: str) -> c.DelayEffect:
    return c.DelayEffect(now_us=0, path=path, until_us=9)


def recall(path: str) -> c.RecallEffect:
    return c.RecallEffect(now_us=0, path=path, why="no longer")


def edited(path: str, verdict=ASK) -> c.PrepareEffect:
    return replace(prepare(path, verdict, digest="edited"), edited=("word",))


def new() -> Scene:
    return Scene(Graph(Definition(name="demo", title="Demo", steps=(do("a"),))))


def taking_back(*commands: c.PlanCommand) -> Scene:
    return given(do("a")).when(*carried_out("a"), undo(), *commands)


def limited() -> Scene:
    """A plan that waits for its place, and is paused."""
    scene = new().when(
        replace(proposal(), keys=("one",)),
        APPROVE,
        PAUSE,
    )
    assert scene.plan.status == "approved"
    return scene


def proposal() -> c.ProposePlan:
    fact = proposed(do("a")).fact(e.PlanProposed)
    return c.ProposePlan(
        now_us=0, definition=fact.definition, playbook=fact.playbook, title=fact.title, inputs=fact.inputs
    )


def batch(*more: c.PlanCommand) -> Scene:
    scene = given(each(do("a", gate="batch"))).when(freeze("a", 2))
    return scene.when(prepare("a/0", ASK), prepare("a/1", ASK), *more)


def failed_child(plan: str, question: int) -> tuple[c.PlanCommand, ...]:
    return begin("a", plan), child_ends("a", "failed", plan=plan), rule(question, "retry")


def drafted(*more: Step) -> Scene:
    send = replace(do("send", "draft"), revises="draft")
    return given(agent("draft"), send, *more).when(finish("draft"), prepare("send", ASK))


def snooze(seconds: int) -> c.SnoozeQuestion:
    return c.SnoozeQuestion(now_us=0, decision="p.1", until_us=NOW_US + seconds, by="operator")


def form() -> Scene:
    return given(ask("a", form=(Input("why", "text"),))).when(pose("a"))


def running(*steps, **more) -> Scene:
    return given(*(steps or (do("a"),)), **more)


REFUSED = [
    # the plan as a whole
    (new, APPROVE, 'it stands at "not there yet", so there is nothing to approve'),
    (new, cancel(), 'it stands at "not there yet", so there is nothing to cancel'),
    (new, undo(), "it has not done anything yet; cancel it instead"),
    (new, EDIT, 'it stands at "not there yet"; only what waits for your go-ahead can be edited'),
    (running, proposal(), "it exists already"),
    (running, APPROVE, 'it stands at "running", so there is nothing to approve'),
    (running, EDIT, 'it stands at "running"; only what waits for your go-ahead can be edited'),
    (running, fork("a"), 'it stands at "running"; a rerun is made before it may run'),
    (running, RESUME, 'it is not paused; it stands at "running"'),
    (running, part("a", "y", "z"), "it has no step y, z"),
    (lambda: running().when(PAUSE), PAUSE, "it is paused already"),
    (lambda: proposed(do("a")), undo(), "it has not done anything yet; cancel it instead"),
    (limited, undo(), "it has not done anything yet; cancel it instead"),
    (limited, c.StartPlan(now_us=0), 'it stands at "waits for its turn", so it can\'t start'),
    (lambda: proposed(do("a")), c.StartPlan(now_us=0), 'it stands at "waits for your go-ahead", so it can\'t start'),
    (lambda: proposed(do("a")), PAUSE, 'it stands at "waits for your go-ahead", so there is nothing to pause'),
    (lambda: proposed(do("a")), fork("y", "z"), "it has no step y, z to adopt an outcome for"),
    (lambda: proposed(do("a"), do("b")), fork("a", "b", status="partly"), "a, b is no list to adopt a part of"),
    (
        lambda: proposed(do("a")).when(fork("a")),
        fork("a"),
        'it stands at "waits for your go-ahead"; a rerun is made before it may run',
    ),
    (lambda: running(agent("a")).when(finish("a")), cancel(), 'it stands at "done", so there is nothing to cancel'),
    (lambda: running().when(cancel()), cancel(), 'it stands at "cancelled", so there is nothing to cancel'),
    (taking_back, undo(), "it is being undone, or was undone, already"),
    (lambda: taking_back(*back("a")), undo(), "it is being undone, or was undone, already"),
    (lambda: taking_back(*back("a")), PAUSE, 'it stands at "undone", so there is nothing to pause'),
    # where its work stands, and what it is there for
    (running, finish("z"), 'z stands at "not begun", not at "about to start" or "working"'),
    (running, happen("a"), 'a stands at "about to start", not at "happening" or "may have happened"'),
    (lambda: running().when(*sent("a")), absent("a"), 'a stands at "happening", not at "may have happened"'),
    (running, lose("a"), 'a stands at "about to start", not at "happening"'),
    (running, refuse("a"), 'a stands at "about to start", not at "happening" or "may have happened"'),
    (
        running,
        ask_settle("a"),
        'a stands at "about to start", not at "may have happened" or "may have happened, to be looked up"',
    ),
    (
        lambda: running().when(prepare("a")),
        start("a"),
        'a stands at "approved, about to happen", not at "about to start"',
    ),
    (
        lambda: running().when(prepare("a")),
        prepare("a"),
        'a stands at "approved, about to happen", not at "about to start"',
    ),
    (lambda: running().when(cancel()), prepare("a"), 'it stands at "cancelled", so a no longer counts'),
    (
        taking_back,
        prepare("a"),
        'a stands at "done", not at "about to start" or "approved, about to happen"',
    ),
    (
        taking_back,
        skip("~a"),
        f"undo of a is there to take an action back, not to {OF_STEPS}",
    ),
    (running, start("a"), "a is there to act, not to work something out"),
    (running, finish("a"), "a is there to act, not to work something out"),
    (running, pose("a"), "a is there to act, not to ask you"),
    (running, freeze("a", 1), "a is there to act, not to go through a list"),
    (running, begin("a"), "a is there to act, not to go through a list or run another playbook"),
    (running, c.WaitStep(now_us=0, path="a", until_us=9), "a is there to act, not to wait"),
    (lambda: running(read("a")), prepare("a"), "a is there to work something out, not to act or take an action back"),
    (
        lambda: running(agent("a"), **ENDS).when(finish("a")),
        skip("="),
        f"its end is there to work out what the plan ends with, not to {OF_STEPS}",
    ),
    (
        lambda: running(agent("a"), **ENDS),
        finish_plan("sold"),
        'its end stands at "not begun", not at "about to start"',
    ),
    (lambda: running(agent("a")).when(fail("a"), rule(1, "retry")), finish("a"), "attempt 1 of a is over"),
    (lambda: running(agent("a")).when(fail("a"), rule(1, "retry")), fail("a"), "attempt 1 of a is over"),
    # effects
    (running, replace(prepare("a"), ruling="p.7"), "p.7 does not approve a, or not any more"),
    (
        lambda: running().when(prepare("a"), delay("a"), c.TimerDue(now_us=0, kind="dispatch", path="a")),
        delay("a"),
        "it has waited for its time already",
    ),
    (lambda: running().when(prepare("a")), recall("a"), "a has no delay, so it can't be called back"),
    (
        lambda: running().when(*sent("a")),
        recall("a"),
        'a stands at "happening", not at "leaves at its time" or "approved, about to happen"',
    ),
    (taking_back, c.UndoStep(now_us=0, path="a"), "a has no parts of its own: it is taken back by an action"),
    # agents, lists, child plans, waits
    (lambda: running(agent("a")).when(start("a")), call("a"), "a is no new action of a step"),
    (lambda: running(agent("a")).when(start("a"), call("a!1")), call("a!1"), "a, call 1 is no new action of a step"),
    (
        lambda: running(agent("a")),
        call("a!1"),
        'a stands at "about to start", not at "working" or "waiting for its actions"',
    ),
    (lambda: running(each(do("a"))), begin("a"), "the list of a is not known yet"),
    (lambda: running(sub("a")), c.StartChildren(now_us=0, path="a", plans=()), "a began nothing before"),
    (
        lambda: running(sub("a")).when(begin("a", "p-1"), child_ends("a", "failed", plan="p-1"), rule(1, "retry")),
        begin("a", "p-1"),
        "a began p-1 before",
    ),
    (
        lambda: running(sub("a")).when(*failed_child("p-1", 1), *failed_child("p-2", 2)),
        begin("a", "p-1", "p-2"),
        "a began p-1 and p-2 before",
    ),
    (lambda: running(sub("a")).when(begin("a")), child_ends("a", plan="p-z"), "p-z is no part of a"),
    (
        lambda: running(each(do("a"))).when(freeze("a", 150), begin("a", "p-1", "p-2"), child_ends("a", plan="p-1")),
        child_ends("a", plan="p-1"),
        "the end of p-1 is known already",
    ),
    (lambda: running(loop("a")).when(begin("a"), child_ends("a")), judge("a", 2), "round 2 of a is over"),
    (
        lambda: running(wait("a")).when(c.WaitStep(now_us=0, path="a", until_us=9)),
        c.HearEvent(now_us=0, path="a", event="outside.1", output=None),
        "a waits for a time, not for an event",
    ),
    # questions
    (
        running,
        rule(1, "approve"),
        "question p.1 is not open: it was answered, has expired, or its plan ended",
    ),
    (lambda: running().when(prepare("a", ASK)), rule(1, "later"), "the answers to p.1 are approve, reject, not later"),
    (
        lambda: running().when(prepare("a", ASK)),
        rule(1, "approve", binds=("x",)),
        "what question p.1 is about has changed since it was shown; look at it again",
    ),
    (
        lambda: batch(ask_batch("a")),
        rule(1, "approve", kept=(0, 2)),
        "question p.1 lists 2 actions; keep some of those",
    ),
    (lambda: batch(ask_batch("a")), ask_batch("a"), "'a' has no items that wait for a question"),
    (
        lambda: running().when(prepare("a", ASK)),
        rule(1, "reject", prepared=(edited("a"),)),
        "only an action that is approved can be edited",
    ),
    (
        lambda: batch(ask_batch("a")),
        rule(1, "approve", kept=(0,), prepared=(edited("a/1"),)),
        "a, item 2 is edited, and not among what you keep",
    ),
    (
        lambda: running().when(prepare("a", ASK)),
        rule(1, "approve", prepared=(edited("a", DENY),)),
        "policy forbids a as you edited it: It is never allowed.",
    ),
    (
        lambda: running().when(prepare("a", ASK)),
        rule(1, "approve", arguments={"word": "y"}),
        "only what is stuck can be tried again with changes",
    ),
    (
        lambda: running().when(fail("a")),
        rule(1, "skip", arguments={"word": "y"}),
        "only what is stuck can be tried again with changes",
    ),
    (drafted, rule(1, "revise"), "say what should be different"),
    (
        lambda: drafted(agent("late", "draft", "slow"), agent("slow")).when(finish("slow")),
        rule(1, "revise", reason="x"),
        "something else was begun with it by now, so it can't be made anew; reject it, or edit it",
    ),
    (lambda: drafted().later(9), snooze(0), "that time is over; name a later one"),
    (drafted, c.NoteQuestion(now_us=0, decision="p.1", text=" ", by="operator"), "the note is empty"),
    (form, rule(1, "approve"), "p.1 is a task with a form; fill it in"),
    (form, rule(1, "reject", form={"why": "x"}), "p.1 has no form to fill in"),
    (lambda: running(ask("a")).when(pose("a")), rule(1, "approve", form={"why": "x"}), "p.1 has no form to fill in"),
    (lambda: running().when(fail("a")), rule(1, "retry", form={"why": "x"}), "p.1 has no form to fill in"),
]


@pytest.mark.parametrize(("before", "command", "why"), REFUSED, ids=[why for _, _, why in REFUSED])
def test_e6_k4_what_does_not_fit_is_refused_in_a_sentence(before, command, why):
    scene = before()
    with pytest.raises(CommandRefusedError) as refused:
        handle(scene.plan, replace(command, now_us=scene.now_us))
    title = scene.plan.title or "new"
    assert refused.value.message == f"Plan p ({title}): {why.removesuffix('.')}."
