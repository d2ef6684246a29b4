"""The agents of the service and the content playbooks: rules, no model."""

from __future__ import annotations

from datetime import datetime

import pytest

from mainstay.agents.cadence import Wanted, plan_week
from mainstay.agents.qualify import Enquiry, qualify_lead
from mainstay.agents.replies import Reply, classify_reply
from mainstay.errors import FileError, InputError
from mainstay.records import Lead, Topic

MONDAY = "2026-11-23T09:00:00+01:00"
NOW = "2026-11-21T10:00:00+00:00"


def fits(brief, rules):
    return qualify_lead(Enquiry(Lead("1", "Ada", brief=brief), rules)).output.label


@pytest.mark.parametrize(
    ("brief", "label"),
    [
        ("We need a WEBSITE for a bakery.", "fits"),
        ("We need a website for a casino.", "does not fit"),
        ("Our websites are old and slow, help.", "does not fit"),
        ("A website.", "may fit"),
    ],
)
def test_rules_decide_whether_a_lead_fits(brief, label):
    assert fits(brief, "# who fits\nwanted: website, landing page\nunwanted: casino\nwords: 4\n") == label


def test_without_rules_nobody_is_refused_or_taken():
    assert fits("Anything.", "") == "may fit"


@pytest.mark.parametrize("line", ["wantd: website", "wanted:", "words: many", "website", ": x"])
def test_a_rule_that_is_none_is_named_by_its_line(line):
    with pytest.raises(FileError, match="Line 2 of the rules"):
        fits("A website.", f"\n{line}\n")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Perfect, thank you!", "accepted"),
        ("Passt, danke.", "accepted"),
        ("Looks good, but could you change the colour?", "unclear"),
        ("It is not perfect.", "unclear"),
        ("I don't think it looks good.", "unclear"),
        ("Is it accepted?", "unclear"),
        ("Please add a map.", "changes"),
        ("I want a refund.", "unhappy"),
        ("I am not happy with it.", "unhappy"),
        ("I am out of office until Monday. Great offers inside!", "unclear"),
        ("Hm.", "unclear"),
        ("", "none"),
        ("> Perfect, thank you!", "none"),
        ("Please fix the header.\n\nOn Monday Anna wrote:\n> is it perfect?", "changes"),
    ],
)
def test_only_a_plain_yes_is_a_yes(text, label):
    result = classify_reply(Reply(text))
    assert result.output.label == label
    assert result.rationale
    assert (result.confidence or 0) < 0.5 or label != "unclear"


def week(count=2, channels=("blog", "social"), begin=MONDAY, **more):
    topics = tuple(Topic(f"Topic {number}") for number in range(count))
    return plan_week(Wanted(topics, channels, begin, NOW, timezone="Europe/Berlin", **more)).output


def test_topics_are_spread_over_days_and_channels():
    posts = week().posts
    assert [(post.at, post.channel, post.name) for post in posts] == [
        ("2026-11-23T09:00:00+01:00", "blog", "2026-11-23-topic-0"),
        ("2026-11-23T11:00:00+01:00", "social", "2026-11-23-topic-0"),
        ("2026-11-24T09:00:00+01:00", "blog", "2026-11-24-topic-1"),
        ("2026-11-24T11:00:00+01:00", "social", "2026-11-24-topic-1"),
    ]


def test_weekends_are_left_out_and_what_finds_no_place_is_said():
    found = week(count=7, begin="2026-11-26T09:00:00+01:00")
    days = {datetime.fromisoformat(post.at).strftime("%a") for post in found.posts}
    assert days == {"Thu", "Fri", "Mon", "Tue", "Wed"}
    assert found.left_over == ("Topic 5", "Topic 6")


def test_posts_of_one_name_are_numbered():
    topics = (Topic("Same!"), Topic("same"))
    given = Wanted(topics, ("blog",), MONDAY, NOW, every=60)
    assert [post.name for post in plan_week(given).output.posts] == ["2026-11-23-same", "2026-11-23-same-2"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"begin": "2026-11-20T09:00:00+01:00"}, "which is long over"),
        ({"count": 0}, "no topic"),
        ({"channels": ()}, "needs channels"),
        ({"channels": ("blog", "blog")}, "each of them once"),
        ({"every": 0}, "longer than nothing"),
    ],
)
def test_a_week_that_can_not_be_planned_is_refused(given, said):
    with pytest.raises(InputError, match=said):
        week(**given)
