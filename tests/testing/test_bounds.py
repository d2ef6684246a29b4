"""What bounds a workspace: each rule fed a history that breaks it, and one that does not."""

import itertools
from types import SimpleNamespace

from mainstay import events as e
from mainstay.governance.throttles import Share, Throttle
from mainstay.governance.windows import read_window
from mainstay.kernel.budget import COUNT, Cap
from mainstay.kernel.state import Plan
from mainstay.requests.release import RELEASED
from mainstay.testing import bounds, rules
from mainstay.testing.clock import EPOCH_US
from mainstay.testing.setting import Setting
from mainstay.values import SECOND_US, BlobRef, Failure, Verdict

HOUR_US = 3600 * SECOND_US
KEPT = BlobRef(digest="", size=0)
YES, ASK = Verdict("allow", "", ""), Verdict("ask", "", "")


def recorded(*facts, at_us=EPOCH_US, actor="mainstay", first=1):
    """Record facts one after the other."""
    count = itertools.count(first)
    return [
        e.Recorded(at, "s", at, type(fact).__name__, 1, at_us, actor, "", "", fact)
        for at, fact in zip(count, facts, strict=False)
    ]


def prepared(path="a", operation="mail.send"):
    return e.EffectPrepared(path, operation, 1, "irreversible", {}, "digest", YES)


def intended(path="a", ruling="", verdict=YES):
    return e.EffectIntended(path, "token", 1, 0, verdict, ruling)


def proposed(playbook, parent=""):
    return e.PlanProposed(KEPT, playbook, "", {}, parent=parent)


def test_g8_what_leaves_while_its_throttle_is_closed_is_found():
    closed = recorded(e.ThrottleClosed("r", "p0", ""), e.ThrottleOpened("operator"), first=10)
    throttle = {"throttle:p0": [closed[0], *recorded(e.ThrottleOpened("operator"), first=20)]}
    facts = [*recorded(proposed("p0")), *recorded(intended(), intended("~a"), first=15)]
    said = ["plan p1: 'a' left while the throttle of p0 was closed"]
    assert list(bounds.throttled(throttle, {"p1": facts})) == said
    assert list(bounds.throttled({"throttle:p0": closed[:1]}, {"p1": facts})) == said
    inside = {"p1": facts[:1], "p1-s0": [*recorded(proposed("take", "p1/s0")), *facts[1:]]}
    assert list(bounds.throttled(throttle, inside)) == [said[0].replace("p1", "p1-s0")]
    assert list(bounds.throttled({"throttle:p0": closed}, {"p1": facts})) == []
    assert list(bounds.throttled(throttle, {"p1": [*recorded(proposed("p2")), *facts[1:]]})) == []
    released = [*facts[:1], *recorded(intended(verdict=RELEASED), first=15)]
    assert list(bounds.throttled(throttle, {"p1": released})) == [], "it may have left before this copy was made"
    let_on = recorded(e.PlanResumed("operator", 0), first=14)
    assert list(bounds.throttled(throttle, {"p1": [*facts, *let_on]})) == []


def test_g8_a_throttle_that_stays_open_is_found():
    twice = Throttle("p0", 3600, failed=2)
    failed = recorded(*(e.StepFailed(at, Failure("bug", "broken")) for at in "ab"), first=10)
    facts = {"p1": [*recorded(proposed("p0")), failed[0]], "p1-s0": [*recorded(proposed("take", "p1/s0")), failed[1]]}
    said = ["2 of p0 were failed, and its throttle is open"]
    opened, closed = e.ThrottleOpened("operator"), e.ThrottleClosed("r", "p0", "")
    assert list(bounds.unthrottled({}, facts, twice)) == said
    assert list(bounds.unthrottled({"throttle:p0": recorded(opened, first=5)}, facts, twice)) == said
    assert list(bounds.unthrottled({"throttle:p0": recorded(closed, first=12)}, facts, twice)) == []
    assert list(bounds.unthrottled({"throttle:p0": recorded(opened, first=12)}, facts, twice)) == []
    assert list(bounds.unthrottled({}, {"p1": facts["p1"]}, twice)) == []
    assert list(bounds.unthrottled({}, facts, Throttle("p2", 3600, failed=2))) == []
    late = recorded(e.StepFailed("a", Failure("bug", "broken")), at_us=EPOCH_US + 2 * HOUR_US)
    assert list(bounds.unthrottled({}, {"p1": [*facts["p1"], *late]}, twice)) == []


def bounced(*finals, first=1):
    return recorded(*(e.MailBounced(f"a{at}", final) for at, final in enumerate(finals)), first=first)


def test_g8_a_throttle_that_stays_open_though_mails_came_back_is_found():
    facts = {"p1": recorded(proposed("p0")), "p1-s0": recorded(proposed("take", "p1/s0"))}
    done = recorded(*(e.EffectDone(at, operation="mail.send") for at in "ab"), first=7)
    came = {"bounces:p1": bounced(True, False, first=10), "bounces:p1-s0": bounced(True, first=12)}
    said = ["2 of p0 were bounced, and its throttle is open"]
    assert list(bounds.unthrottled(came, facts, Throttle("p0", 3600, bounced=2))) == said
    assert list(bounds.unthrottled(came, facts, Throttle("p0", 3600, bounced=3))) == []
    assert list(bounds.unthrottled({}, facts, Throttle("p0", 3600, bounced=2))) == []
    sent = {**facts, "p1-s0": [*facts["p1-s0"], *done]}
    half, all_of_three = Share(50, 2), Share(100, 3)
    said = ["2 of 2 of p0 were bounced, and its throttle is open"]
    assert list(bounds.unthrottled(came, sent, Throttle("p0", 3600, bounced_share=half))) == said
    assert list(bounds.unthrottled(came, facts, Throttle("p0", 3600, bounced_share=half))) == []
    assert list(bounds.unthrottled(came, sent, Throttle("p0", 3600, bounced_share=all_of_three))) == []


def test_g8_a_throttle_that_closes_too_early_is_found():
    facts = {"p1": recorded(proposed("p0"))}
    closed, opened = e.ThrottleClosed("r", "p0", ""), e.ThrottleOpened("operator")

    def found(throttle, *first_of_finals, at=20):
        others = {"throttle:p0": recorded(closed, first=at)}
        others["bounces:p1"] = [each for first, final in first_of_finals for each in bounced(final, first=first)]
        return list(bounds.hasty(others, facts, throttle))

    said = ["the throttle of p0 was closed before anything reached its bounds"]
    two = Throttle("p0", 3600, bounced=2, rejected=1)
    assert found(two, (10, True), (11, True)) == []
    assert found(two, (10, True), (11, False)) == said
    assert found(two, (10, True), (21, True)) == said
    assert found(Throttle("p0", 3600, bounced_share=Share(30, 10)), (10, True), (11, True)) == said
    later = recorded(opened, closed, at_us=EPOCH_US + HOUR_US, first=13)
    again = {"throttle:p0": [*recorded(closed, first=12), *later], "bounces:p1": bounced(True, True, first=10)}
    assert list(bounds.hasty(again, facts, two)) == said  # the second time


def test_g8_what_goes_on_by_itself_though_a_throttle_paused_it_is_found():
    paused, undone = e.PlanPaused("throttle", "2 failed"), e.UndoRequested("throttle", "2 failed")
    said = ["plan p1: a throttle paused it, and it went on without the operator"]

    def found(*facts):
        return list(bounds.let_on("p1", recorded(*facts)))

    assert found(paused, e.PlanResumed("mainstay", 1)) == found(paused, e.PlanResumed("throttle", 1)) == said
    assert found(paused, e.PlanResumed("operator", 1)) == found(paused, e.PlanResumed("throttle", 1), undone) == []
    assert found(e.PlanPaused("operator"), e.PlanResumed("mainstay", 1)) == []


def test_what_leaves_outside_its_hours_or_before_its_time_is_found():
    windows = {"mail.send": read_window("night", "mon 22:00-06:00")}

    def found(*facts, hour):
        events = recorded(prepared(), *facts, at_us=EPOCH_US + hour * HOUR_US, actor="timer")
        return list(bounds.hours("p1", events, windows, "UTC"))

    said = ["plan p1: 'a' left outside the hours of mail.send"]
    assert found(intended(), hour=12) == said
    assert found(intended(), hour=5) == said  # of Monday: it belongs to the night of Sunday
    assert found(intended(), hour=22) == found(intended(), hour=24 + 5) == []
    assert found(e.DispatchDue("a", "operator"), intended(), hour=12) == []
    assert found(intended(verdict=RELEASED), hour=12) == [], "it may have left before this copy was made"
    early = e.EffectDelayed("a", EPOCH_US + 24 * HOUR_US)
    assert found(early, e.DispatchDue("a"), hour=23) == ["plan p1: 'a' was to leave before its time"]
    assert found(early, e.DispatchDue("a"), hour=24) == []


def test_t2_what_goes_above_a_cap_and_what_is_said_of_it_twice_is_found():
    caps = [Cap("posts", "day", {COUNT: 2})]
    holds = [e.BudgetReserved("d", f"p1/{at}", 1, 0) for at in range(3)]
    stream = "budget:posts:d"
    assert list(bounds.capped({stream: recorded(*holds[:2])}, caps)) == []
    assert list(bounds.capped({stream: recorded(*holds)}, caps)) == ["budget 'posts' of d: p1/2 took it above its cap"]
    raised = e.BudgetRaised("d", {COUNT: 1})
    assert list(bounds.capped({stream: recorded(raised, *holds)}, caps)) == []
    let_go = e.BudgetSettled("d", "p1/0", 0, 0)
    assert list(bounds.capped({stream: recorded(*holds[:2], let_go, holds[2])}, caps)) == []
    warned = e.BudgetWarned("d", {COUNT: 2}, {COUNT: 2})
    twice = recorded(warned, warned)
    assert list(bounds.capped({stream: twice}, caps)) == ["budget 'posts' of d: it was said 2 times that it runs low"]
    assert list(bounds.capped({f"{stream}#2": twice, "budget:undo:posts:d": recorded(*holds)}, caps)) != []
    assert list(bounds.capped({"budget:undo:posts:d": recorded(*holds)}, caps)) == []


def test_t2_what_happened_beyond_a_cap_is_found_whatever_was_counted():
    setting = Setting(caps=(Cap("posts", "plan", {COUNT: 1}, ("mail.*",), "p0"),))
    family = {"p1": Plan("p1", None), "p1-s0": Plan("p1-s0", None)}
    family = {name: SimpleNamespace(id=name, playbook="p0", parent="") for name in family}
    family["p1-s0"].playbook, family["p1-s0"].parent = "offer", "p1/s0"
    facts = {name: recorded(prepared(), intended(), e.EffectDone("a", None)) for name in family}
    said = "budget 'posts' of plan p1 allows 1 and was raised by 0, and 2 happened"
    assert list(bounds.spent(family, facts, {}, setting)) == [said]
    raised = {"budget:posts:plan p1": recorded(e.BudgetRaised("plan p1", {COUNT: 1}))}
    assert list(bounds.spent(family, facts, raised, setting)) == []
    facts["p1"] = recorded(prepared(), intended())
    assert list(bounds.spent(family, facts, {}, setting)) == []


def test_g10_more_messages_than_wanted_are_found():
    def told(*sorts, causes=()):
        return {"attention:2026-01-05": recorded(*(e.OperatorTold(sort, 0, 1, causes) for sort in sorts))}

    assert list(bounds.told(told("asked", "reminded", "summary", "stuck"), 2)) == []
    assert len(list(bounds.told(told("asked", "reminded"), 1))) == 1
    assert len(list(bounds.told(told("summary", "summary"), 1))) == 1
    assert len(list(bounds.told(told("stuck", "stuck", causes=("a",)), 1))) == 1


def test_g2_work_that_was_sent_back_and_leaves_on_an_earlier_word_is_found():
    asked = [e.DecisionAsked(f"p1.{at}", "effect", ("b",), {}, ()) for at in range(3)]
    back, anew = e.StepRevised("a", "b", "more"), e.StepStarted("a", 1, {"feedback": ["more"]})
    done, yes = e.StepCompleted("a"), intended("b", "p1.2", ASK)
    assert list(rules.revised("p1", recorded(asked[1], back, anew, done, asked[2], yes))) == []

    def found(*facts):
        return [sentence.partition(": ")[2] for sentence in rules.revised("p1", recorded(*facts))]

    earlier = intended("b", "p1.1", ASK)
    assert found(asked[1], back, anew, done, asked[2], earlier) == ["'b' left on what was said before it was made anew"]
    assert found(asked[1], back, anew, done, intended("b")) == ["'b' left on what was said before it was made anew"]
    assert found(asked[1], back, anew, asked[2]) == ["'b' was asked about before that was made anew"]
    deaf = e.StepStarted("a", 1, {"feedback": []})
    assert found(asked[1], back, deaf, done) == ["'a' was made anew without what was said of it"]
