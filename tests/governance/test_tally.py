"""What a throttle counts: what lies within its time, by a clock of its own (G8)."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mainstay.governance.throttles import Entry, Share, Tally, Throttle
from mainstay.values import SECOND_US

EVENTS = st.lists(st.tuples(st.integers(0, 7200), st.sampled_from(["done", "failed", "rejected"])), max_size=40)


@given(EVENTS, st.integers(1, 100), st.integers(1, 20))
def test_a_share_counts_what_is_in_its_time_and_nothing_else(events, percent, least):
    throttle, now_s = Throttle("test", 3600, share=Share(percent, least)), 7200
    tally = Tally([throttle], asks_after=len(events))
    for position, (at, kind) in enumerate(sorted(events), start=1):
        tally.note(Entry(position, at * SECOND_US, kind, "p"))
    tally.ask(now_s * SECOND_US)
    within = [kind for at, kind in events if now_s - 3600 < at]
    failed, tried = within.count("failed"), within.count("failed") + within.count("done")
    assert tally.is_reached == (tried >= least and failed * 100 >= percent * tried)


BOUNDS = st.builds(
    Throttle,
    st.just("test"),
    st.integers(1, 90),
    failed=st.integers(0, 5),
    share=st.none() | st.builds(Share, st.integers(1, 100), st.integers(1, 8)),
    rejected=st.integers(0, 3),
    spent=st.sampled_from(({}, {"EUR": 5}, {"EUR": 3, "USD": 4})),
    bounced=st.integers(0, 3),
    bounced_share=st.none() | st.builds(Share, st.integers(1, 100), st.integers(1, 8)),
)
SPENDS = st.tuples(st.sampled_from("abc"), st.sampled_from(({"EUR": 1}, {"EUR": 3}, {"USD": 2})))
STEPS = st.tuples(
    st.integers(0, 30),  # seconds since the one before
    st.sampled_from(("done", "failed", "rejected", "sent", "bounced", "taken back", "opened")) | SPENDS,
)


@given(BOUNDS, st.lists(STEPS, max_size=60))
def test_what_enters_and_leaves_a_window_gives_what_counting_all_of_it_anew_would(throttle, steps):
    tally, entries, at_us, reached = Tally([throttle]), [], 0, False
    for position, (after_s, what) in enumerate(steps, start=1):
        at_us += after_s * SECOND_US
        if what == "opened":
            tally.open(position, at_us)
            entries, reached = [], False
        elif what == "taken back":
            tally.take_back("a")
            entries = [one for one in entries if one.path != "a"]
        else:
            kind, (path, amounts) = ("spent", what) if isinstance(what, tuple) else (what, ("", {}))
            entries = [one for one in entries if not path or one.path != path]
            entries.append(Entry(position, at_us, kind, "p", path, amounts))
            tally.note(entries[-1])
            reached = reached or is_over(throttle, entries, at_us, kind)
        assert tally.is_reached == reached
    held = tally._windows[0]
    assert len(held._entries) + len(held._spent) <= len(entries)


def is_over(throttle, entries, at_us, kind):
    """Count all anew, where what is new is something that this throttle counts."""
    within = [one for one in entries if one.at_us > at_us - throttle.within_s * SECOND_US]
    count = Counter(one.kind for one in within)
    numbers = {"failed": throttle.failed, "rejected": throttle.rejected, "bounced": throttle.bounced}
    over = {name: count[name] >= most for name, most in numbers.items() if most}
    for unit, most in throttle.spent.items():
        moved = sum(one.amounts.get(unit, 0) for one in within)
        over["spent"] = over.get("spent", False) or moved > most
    shares = (throttle.share, "failed", ("done", "failed")), (throttle.bounced_share, "bounced", ("sent",))
    for share, part, of in shares:
        if share is not None:
            tried = sum(count[one] for one in of)
            is_reached = tried >= share.least and count[part] * 100 >= share.percent * tried
            over |= {one: over.get(one, False) or is_reached for one in (part, *of)}
    return over.get(kind) is not None and any(over.values())


def test_a_window_holds_no_more_than_what_is_within_it():
    tally = Tally([Throttle("test", 60, share=Share(20, 10), spent={"EUR": 10**9})])
    for second in range(1, 5000):
        at_us = second * SECOND_US
        tally.note(Entry(2 * second, at_us, "spent", f"p{second}", f"p{second}/a", {"EUR": 1}))
        tally.note(Entry(2 * second + 1, at_us, "done", f"p{second}"))
    (window,) = tally._windows
    assert [len(kept) for kept in (window._entries, window._spent, tally._acted)] == [60, 60, 60]


def test_a_clock_that_is_set_back_lets_nothing_count_for_longer_than_its_time():
    tally = Tally([Throttle("test", 3600, failed=4)])
    year_s = 365 * 86_400
    for position, at_s in enumerate((year_s, year_s + 60, 0, 4000, 4060, 4120), start=1):
        tally.note(Entry(position, at_s * SECOND_US, "failed", "p"))
    assert not tally.is_reached
    tally.note(Entry(7, 4180 * SECOND_US, "failed", "p"))
    assert tally.is_reached


@given(st.lists(st.integers(0, 1800), max_size=3), st.integers(1, 400 * 86_400))
def test_a_clock_that_is_set_back_and_right_again_lets_nothing_be_forgotten_well_within_its_time(while_back, by_s):
    """Its way back is no time that goes by; what went by while it was behind may be counted twice, and nothing else."""
    tally = Tally([Throttle("test", 3600, failed=2)])
    start_s = 500 * 86_400
    tally.note(Entry(1, start_s * SECOND_US, "failed", "p"))
    for position, after_s in enumerate(sorted(while_back), start=2):
        tally.note(Entry(position, (start_s + after_s - by_s) * SECOND_US, "done", "p"))
    tally.note(Entry(9, (start_s + 1799) * SECOND_US, "failed", "p"))
    assert tally.is_reached


def test_of_what_is_noted_after_the_operators_word_what_lies_behind_it_counts_and_nothing_else():
    tally = Tally([Throttle("test", 3600, failed=1)])
    tally.note(Entry(7, 5, "failed", "p"))
    for _ in range(2):
        tally.open(8, 5)
        assert not tally.is_reached
    tally.note(Entry(6, 5, "failed", "p"))
    assert not tally.is_reached
    tally.note(Entry(9, 5, "failed", "p"))
    tally.open(8, 5)
    assert tally.is_reached


def test_a_share_is_reached_as_of_the_record_that_reached_it_whatever_lies_behind_that():
    tally = Tally([Throttle("test", 3600, share=Share(50, 1))])
    tally.open(8, 5)
    for position, kind in ((9, "failed"), (10, "done"), (11, "done")):
        tally.note(Entry(position, 5, kind, "p"))
    (reached,) = tally.reached()
    assert reached is not None
    assert reached.says == "1 of 1 failed within 1 hour"


def test_money_counts_once_for_an_action_that_is_tried_again_and_not_for_one_that_did_not_happen():
    most = Throttle("test", 3600, spent={"EUR": 10_000_000})
    tally = Tally([most])
    for at in (1, 2):
        tally.note(Entry(at, at, "spent", "p", "p/a", {"EUR": 6_000_000}))
    tally.note(Entry(3, 3, "spent", "p", "p/b", {"EUR": 3_000_000}))
    tally.take_back("p/b")
    tally.note(Entry(4, 4, "spent", "p", "p/c", {"EUR": 4_000_000}))
    assert list(tally.reached()) == [None]
    tally.note(Entry(5, 5, "spent", "p", "p/d", {"EUR": 1}))
    (reached,) = tally.reached()
    assert reached is not None
    assert reached.says == "10.000001 EUR were moved within 1 hour"


def test_what_was_on_its_way_when_a_throttle_closed_is_among_what_is_taken_back():
    tally = Tally([Throttle("test", 3600)])
    for at, plan_id in ((1, "early"), (5, "late"), (6, "late")):
        tally.note(Entry(at, at, "done", plan_id))
    assert tally.acted_after(4) == ("late",)
