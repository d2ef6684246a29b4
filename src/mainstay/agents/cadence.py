"""Agent `plan_week`: which post goes out when, on which channel, by rule and without any model (requirement L6).

Each topic has a turn, one `every` after the other; on each turn it goes out on one channel after the other, `apart`
from each other. Turns of whole days leave out Saturday and Sunday. What does not fit into the week is left over.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from mainstay.contracts import AgentContract, AgentResult
from mainstay.errors import InputError
from mainstay.records import Time, Topic
from mainstay.values import DAY_S, PersonalText, say_count

WEEK = timedelta(days=7)
LATEST = timedelta(days=1)  # a first post that was due longer ago is a mistake; what is due since goes out at once
MAX_POSTS = 100  # one question covers no more
MAX_NAME = 60
SATURDAY = 5


class Wanted(msgspec.Struct, frozen=True):
    """What to spread over the week that begins with the first post; durations in seconds."""

    topics: tuple[Topic, ...]
    channels: tuple[str, ...]
    begin: Time
    now: Time
    every: Annotated[int, msgspec.Meta(extra={"mainstay": "duration"})] = DAY_S
    apart: Annotated[int, msgspec.Meta(extra={"mainstay": "duration"})] = 7200
    timezone: str = "UTC"


class Slot(msgspec.Struct, frozen=True):
    """One post: `name` is what its file is called."""

    at: Time
    channel: str
    title: PersonalText
    text: PersonalText
    name: str


class Week(msgspec.Struct, frozen=True):
    """The posts of a week in the order of their times, and the topics that found no place."""

    posts: tuple[Slot, ...]
    left_over: tuple[str, ...]
    first: Time
    last: Time


def plan_week(given: Wanted) -> AgentResult:
    """Spread the topics. Raises InputError for a beginning that is over, no topic, or no channel."""
    begin = datetime.fromisoformat(given.begin).astimezone(ZoneInfo(given.timezone))
    _refuse_wrong(given, begin)
    posts: list[Slot] = []
    left: list[str] = []
    turn = begin
    for topic in given.topics:
        turn = _working(turn, given.every)
        times = [turn + timedelta(seconds=given.apart * index) for index in range(len(given.channels))]
        if turn >= begin + WEEK or len(posts) + len(times) > MAX_POSTS:
            left.append(topic.title)
            continue
        for at, channel in zip(times, given.channels, strict=True):
            name = f"{at.date().isoformat()}-{_slug(topic.title)}"
            posts.append(Slot(at.isoformat(), channel, topic.title, topic.text, name))
        turn += timedelta(seconds=given.every)
    posts = _named_once(sorted(posts, key=lambda post: datetime.fromisoformat(post.at)))
    topics = say_count(len(given.topics) - len(left), "topic")
    why = f"{say_count(len(posts), 'post')} for {topics}" + f"; {len(left)} left for later" * bool(left) + "."
    week = Week(tuple(posts), tuple(left), posts[0].at, posts[-1].at)
    return AgentResult(week, rationale=why, confidence=1.0)


def _refuse_wrong(given: Wanted, begin: datetime) -> None:
    now = datetime.fromisoformat(given.now)
    if not given.channels or len(set(given.channels)) != len(given.channels):
        raise InputError("A week of posts needs channels, each of them once.", remedy="Such as: channels=blog")
    if not given.topics:
        raise InputError("There is no topic to write about.", remedy="Write at least one '# Title' into the topics.")
    if begin < now - LATEST:
        said = begin.strftime("%Y-%m-%d %H:%M")
        raise InputError(f"The first post would go out on {said}, which is long over.", remedy="Begin at a later time.")
    if given.every <= 0 or given.apart < 0:
        raise InputError("The times between posts have to be longer than nothing.")


def _working(at: datetime, every_s: int) -> datetime:
    while every_s % DAY_S == 0 and at.weekday() >= SATURDAY:
        at += timedelta(days=1)
    return at


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_NAME].strip("-") or "post"


def _named_once(posts: list[Slot]) -> list[Slot]:
    """Number the names that a channel would have twice."""
    taken: set[tuple[str, str]] = set()
    found: list[Slot] = []
    for post in posts:
        name, number = post.name, 2
        while (post.channel, name) in taken:
            name, number = f"{post.name}-{number}", number + 1
        taken.add((post.channel, name))
        found.append(msgspec.structs.replace(post, name=name))
    return found


CONTRACT = AgentContract(
    name="plan_week",
    summary="Spread the topics over a week",
    input=Wanted,
    output=Week,
    where="loop",
    call=plan_week,
    success="size(out.posts) > 0",
)
