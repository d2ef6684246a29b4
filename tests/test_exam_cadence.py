"""The exam of the playbook format: a week of posts, published at their times, killed anywhere, and undone."""

from __future__ import annotations

import asyncio
import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from exam_owner import PLAY, Exam, activate
from starter import Script

from mainstay.app import Owner, create_workspace
from mainstay.playbooks.shelf import LIBRARY
from mainstay.views import Views

pytestmark = pytest.mark.long

OWNER = Path(__file__).with_name("exam_owner.py")
SEEDS = 5
MAX_KILLS = 6
END_S = 120
AHEAD_S = 4
TOPICS = """\
# Bread without hurry
Why dough that rests for a day is easier to digest.

# Five questions to a baker
What people ask at the counter, and what they hear.
"""
CHANNELS = ["blog", "newsletter", "social"]
NAMES = ("bread-without-hurry", "five-questions-to-a-baker")


def made_in(folder, patch):
    patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    made = create_workspace(folder / "w", name="Acme Ltd", sender="Anna <anna@acme.example>")
    (made.root / "inbox/topics.md").write_text(TOPICS)
    return made


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    return made_in(tmp_path, monkeypatch)


def play(workspace, *, ahead_s=AHEAD_S, begin=None, every=1, apart=0, answers=None, undo=False):
    """Write down what happens: posts one second after the other, the first one soon."""
    begin = begin or datetime.now(UTC) + timedelta(seconds=ahead_s)
    given = {
        "playbook": "content-cadence",
        "files": {"topics": "inbox/topics.md"},
        "inputs": {"channels": CHANNELS, "begin": begin.isoformat(), "every": every, "apart": apart},
        "answers": answers or {},
        "undo": undo,
    }
    (workspace.root / PLAY).write_text(json.dumps(given))
    return given


def walk(workspace, given, meanwhile=None):
    """Run it in this process; gives where it ends. `meanwhile` may take the place of the way it goes on."""

    async def inside():
        async with Owner(workspace, "test") as owner:
            exam = Exam(owner, given)
            return await (meanwhile(exam) if meanwhile else exam.carry_on())

    return asyncio.run(asyncio.wait_for(inside(), END_S))


async def appears(folder, pattern):
    """Wait for files."""
    for _ in range(int(END_S / 0.05)):
        if found := list(folder.glob(pattern)):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(pattern)


def published(workspace, folder="outbox"):
    """Give what was published: the names by channel."""
    channels = [workspace.root / folder / channel for channel in CHANNELS]
    return {
        channel.name: sorted(path.name.split("-", 3)[3].removesuffix(".md") for path in channel.glob("*"))
        for channel in channels
    }


def reports(workspace):
    return sorted((workspace.root / "reports").glob("*-posts*.md"))


ALL = {channel: sorted(NAMES) for channel in CHANNELS}
NONE: dict[str, list[str]] = {channel: [] for channel in CHANNELS}


def test_a_week_is_planned_written_asked_about_once_and_published(workspace):
    standing = walk(workspace, play(workspace))
    assert standing["status"] == "completed"
    assert published(workspace) == ALL
    texts = {path.parent.name: path.read_text() for path in (workspace.root / "outbox").glob("*/*-bread-*.md")}
    assert texts["blog"].startswith("# Bread without hurry\n\nWhy dough")
    assert texts["newsletter"].startswith("Subject: Bread without hurry\n\nHello,")
    assert texts["social"].startswith("Bread without hurry: Why dough")
    (report,) = reports(workspace)
    assert "6 of 6 posts went out." in report.read_text()
    with Views(workspace) as views:
        (plan,) = views.plans()
        assert [row["says"] for row in views.inbox()] == []
        asked = [row for row in views.show(plan["plan"])["timeline"] if row["what"].startswith("Question")]
        assert len(asked) == 1, "one question covers the whole schedule"
        card = views.question(f"{plan['plan']}.1")
    assert len(card["card"]["covers"]) == len(NAMES) * len(CHANNELS)
    assert "Why dough" in str(card), "what will be published is shown word for word"
    assert {row["may change"] for row in card["card"]["covers"]} == {"at by 2 hours"}
    assert [row["step"] for row in card["follows"]] == ["publish", "report"], "what it covers is shown, and not asked"


def test_posts_go_out_at_their_times_and_not_before(workspace):
    begin = datetime.now(UTC) + timedelta(seconds=AHEAD_S + 2)
    walk(workspace, play(workspace, begin=begin, every=2))
    times = {path: path.stat().st_mtime for path in (workspace.root / "outbox").glob("[bns]*/*.md")}
    times = {path: at for path, at in times.items() if "scheduled" not in str(path)}
    first = [at for path, at in times.items() if "bread" in path.name]
    second = [at for path, at in times.items() if "questions" in path.name]
    assert min(first) >= begin.timestamp() - 0.01
    assert min(second) >= begin.timestamp() + 2 - 0.01


def test_a_late_yes_publishes_at_once_within_the_slack(workspace):
    async def late(exam):
        plan = await exam.begin()
        standing = await exam.owner.requests.follow(plan, lambda _: None)
        await asyncio.sleep(AHEAD_S)  # the first times are over by now
        await exam.owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        return await Exam(exam.owner, exam.play).carry_on()

    standing = walk(workspace, play(workspace, ahead_s=2), late)
    assert standing["status"] == "completed"
    assert published(workspace) == ALL
    with Views(workspace) as views:
        (plan,) = views.plans()
        asked = [row for row in views.show(plan["plan"])["timeline"] if row["what"].startswith("Question")]
    assert len(asked) == 1


def test_a_yes_that_comes_later_than_the_slack_is_asked_about_again(workspace):
    own = (LIBRARY / "content-cadence.yaml").read_text().replace("may_change: {at: 2h}", "may_change: {at: 1s}")
    (workspace.root / "playbooks/content-cadence.yaml").write_text(own)
    (workspace.root / "templates/cadence-report.md").write_text("{{size(publish)}} posts went out.")
    activate(workspace, "content-cadence")

    async def late(exam):
        plan = await exam.begin()
        standing = await exam.owner.requests.follow(plan, lambda _: None)
        await asyncio.sleep(AHEAD_S + 2)
        await exam.owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        standing = await exam.owner.requests.follow(plan, lambda _: None)
        assert published(workspace, "outbox/scheduled") != ALL, "nothing beyond the slack goes on by itself"
        (question,) = standing["questions"]
        with Views(workspace) as views:
            said = str(views.question(question))
        return said, await Exam(exam.owner, exam.play).carry_on()

    said, standing = walk(workspace, play(workspace, ahead_s=2), late)
    assert standing["status"] == "completed"
    assert published(workspace) == ALL
    assert "It departs from what you approved: at was " in said


def test_a_no_publishes_nothing(workspace):
    walk(workspace, play(workspace, answers={"approve": {"choice": "reject"}}))
    assert published(workspace) == published(workspace, "outbox/scheduled") == NONE
    with Views(workspace) as views:
        (plan,) = views.plans()
        shown = views.show(plan["plan"])
    assert shown["undo"] == {"possible": [], "impossible": []}
    assert not [row["what"] for row in shown["timeline"] if row["what"].startswith("Taking back")]


def test_what_was_corrected_in_the_queue_goes_out_as_corrected(workspace):
    async def correct(exam):
        plan = await exam.begin()
        standing = await exam.owner.requests.follow(plan, lambda _: None)
        await exam.owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        (queued,) = await appears(workspace.root / "outbox/scheduled/blog", "*-bread-*.md")
        queued.write_text("# Better\n")
        return await exam.carry_on()

    walk(workspace, play(workspace, ahead_s=AHEAD_S * 2), correct)
    (blog,) = (workspace.root / "outbox/blog").glob("*-bread-*.md")
    assert blog.read_text() == "# Better\n"


def test_a_second_week_with_the_same_titles_leaves_what_was_published_and_corrected(workspace):
    given = play(workspace)
    walk(workspace, given)
    (blog,) = (workspace.root / "outbox/blog").glob("*-bread-*.md")
    blog.write_text("mine now\n")
    begin = datetime.fromisoformat(given["inputs"]["begin"])

    async def again(exam):
        plan = await exam.begin()
        while (standing := await exam.owner.requests.follow(plan, lambda _: None))["status"] != "completed":
            for question in standing["questions"]:
                await exam.answer(question)
        return standing

    assert walk(workspace, play(workspace, begin=begin), again)["status"] == "completed"
    assert blog.read_text() == "mine now\n"
    twice = sorted([*NAMES, *(f"{name}-2" for name in NAMES)])
    assert published(workspace) == published(workspace, "outbox/scheduled") == dict.fromkeys(CHANNELS, twice)


def test_the_report_counts_what_went_out_and_not_what_was_left_out(workspace):
    async def lose(exam):
        plan = await exam.begin()
        standing = await exam.owner.requests.follow(plan, lambda _: None)
        await exam.owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        (queued,) = await appears(workspace.root / "outbox/scheduled/blog", "*-bread-*.md")
        queued.unlink()
        return await exam.carry_on()

    given = play(workspace, ahead_s=AHEAD_S * 2, answers={"post": {"choice": "skip"}})
    assert walk(workspace, given, lose)["status"] == "completed"
    (report,) = reports(workspace)
    text = report.read_text()
    assert "5 of 6 posts went out." in text
    assert [line for line in text.splitlines() if "| blog | Bread" in line] == [], "what did not go out is not listed"
    with Views(workspace) as views:
        (plan,) = [row for row in views.plans() if row["playbook"] == "content-cadence"]
        assert views.show(plan["plan"])["returns"]["posts"] == 5


def test_undone_what_was_published_is_removed(workspace):
    assert walk(workspace, play(workspace, undo=True))["status"] == "undone"
    assert published(workspace) == published(workspace, "outbox/scheduled") == NONE
    assert reports(workspace) == []


def test_undone_what_somebody_changed_is_asked_about_and_left(workspace):
    walk(workspace, play(workspace))
    (blog,) = (workspace.root / "outbox/blog").glob("*-bread-*.md")
    blog.write_text("mine now\n")
    walk(workspace, play(workspace, undo=True, answers={"publish": {"choice": "skip"}}))
    assert blog.read_text() == "mine now\n"
    assert published(workspace) == NONE | {"blog": [NAMES[0]]}


# --- killed anywhere


def start(workspace):
    owner = Script(OWNER, workspace.root)
    assert owner.stdout.readline() == "up\n"
    return owner


@pytest.fixture(scope="module")
def run_s(tmp_path_factory):
    """How long it takes from "up" to the end when nobody kills it."""
    with pytest.MonkeyPatch.context() as patch:
        made = made_in(tmp_path_factory.mktemp("whole"), patch)
        play(made)
        owner = start(made)
        began = time.monotonic()
        assert owner.rest(END_S).startswith("completed")
        return time.monotonic() - began


@pytest.mark.parametrize("undo", [False, True], ids=["done", "undone"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_killed_anywhere_each_post_is_there_once_or_taken_back(seed, undo, run_s, workspace):
    play(workspace, ahead_s=AHEAD_S * 2, undo=undo)
    pick = random.Random(seed)
    for _ in range(pick.randint(2, MAX_KILLS)):
        owner = start(workspace)
        time.sleep(pick.uniform(0, run_s * 0.7))
        owner.kill()
        owner.rest(END_S)
    assert start(workspace).rest(END_S).startswith("undone" if undo else "completed")
    assert published(workspace) == published(workspace, "outbox/scheduled") == (NONE if undo else ALL)
    assert len(reports(workspace)) == (0 if undo else 1)
    assert not list((workspace.root / "outbox").rglob(".*")), "no half-written file is left"
    with Views(workspace) as views:
        assert len(views.plans()) == 1
        assert views.verify().get("bad") is None
