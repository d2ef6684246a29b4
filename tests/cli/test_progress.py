"""Progress: one line per step, and one per question of a list that was split up."""

import io

from rich.console import Console

from mainstay.cli.progress import Board


def heard(*events):
    out = io.StringIO()
    with Board(Console(file=out, width=200)) as board:
        for plan, kind, path, count in events:
            board.hear({"plan": plan, "kind": kind, "path": path, "count": count})
    return [line.partition(" (")[0] for line in out.getvalue().splitlines()]


def test_the_questions_of_a_long_list_name_their_part():
    parts = [(f"abc-remind-{number}", "DecisionAsked", "remind/0", 0) for number in (1, 2, 3)]
    assert heard(("abc", "ChildrenStarted", "remind", 3), *parts) == [
        "remind, part 1 of 3: needs your decision",
        "remind, part 2 of 3: needs your decision",
        "remind, part 3 of 3: needs your decision",
    ]


def test_a_question_of_a_whole_step_names_no_part():
    assert heard(("abc", "Taken", "", 0), ("abc", "DecisionAsked", "review", 0)) == ["review: needs your decision"]


def test_steps_of_sub_plans_stand_under_the_step_that_runs_them():
    events = ("abc-first-mid-r2", "EffectDone", "write", 0), ("abc-first", "DecisionAsked", "ok", 0)
    assert heard(("abc", "Taken", "", 0), *events) == ["first: mid: write: done", "first: ok: needs your decision"]


def test_steps_of_sub_plans_of_a_list_are_counted_and_their_questions_name_the_item():
    done = [(f"abc-every-{number}", "EffectDone", "write", 0) for number in (1, 2)]
    asked = ("abc-every-3", "DecisionAsked", "ok", 0)
    assert heard(("abc", "Taken", "", 0), *done, asked) == [
        "every: ok, item 3: needs your decision",
        "every: write: 2 done",
    ]
