"""Links that carry one decision (SECURITY S22 to S28): nobody else's, once, for a time, for exactly what was shown."""

from __future__ import annotations

import asyncio
import base64
import hmac
import string
from types import SimpleNamespace
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import MovedClock, do, facts, plan, run, start

from mainstay import events as e
from mainstay.errors import InputError
from mainstay.kernel.graph import Ask, Literally, Step, Text
from mainstay.requests.links import LinkError, answer, make_link, read_link

if TYPE_CHECKING:
    from mainstay.app import Owner

DAY_S = 86_400


async def asked(owner: Owner, word: str = "hello") -> tuple[str, str]:
    plan_id, standing = await start(owner, plan(do("a", "test.shout", word)))
    return plan_id, standing["questions"][0]


def state_of(owner: Owner, link: str) -> str:
    with pytest.raises(LinkError) as caught:
        read_link(owner.requests, link)
    return caught.value.state


def test_s26_looking_at_a_link_any_number_of_times_decides_nothing(workspace, world):
    async def scenario(owner):
        plan_id, decision = await asked(owner)
        link = make_link(owner.requests, decision, seconds=DAY_S)
        before = owner.engine.load(plan_id).sequence
        for _ in range(3):
            assert read_link(owner.requests, link).decision == decision
        return owner.engine.load(plan_id).sequence - before

    assert run(workspace, world, scenario) == 0
    assert world.words() == []


def test_s24_a_link_is_used_once_also_by_two_at_the_same_time(workspace, world):
    async def scenario(owner):
        plan_id, decision = await asked(owner)
        link = make_link(owner.requests, decision, seconds=DAY_S)
        both = await asyncio.gather(
            answer(owner.requests, link, "approve"), answer(owner.requests, link, "approve"), return_exceptions=True
        )
        await owner.requests.follow(plan_id, lambda _: None)
        ruled = facts(owner, plan_id, e.DecisionRuled)
        return [getattr(each, "state", "ruled") for each in both], ruled, state_of(owner, link)

    both, (ruled,), then = run(workspace, world, scenario)
    assert (sorted(both), then) == (["ruled", "used"], "used")
    assert (ruled.choice, ruled.by, ruled.session) == ("approve", "operator", "link")
    assert world.words() == ["hello"]


def test_s25_a_link_ends_at_its_time_and_never_after_the_question_is_due(workspace, world):
    clock = MovedClock()

    async def scenario(owner):
        _, decision = await asked(owner)
        ask = Step(name="q", kind="ask", ask=Ask(Text((Literally("Shall we?"),)), due_s=60, rejection_used=True))
        _, standing = await start(owner, plan(ask))
        due = read_link(owner.requests, make_link(owner.requests, standing["questions"][0], seconds=DAY_S))
        link = make_link(owner.requests, decision, seconds=100)
        clock.move(99)
        assert read_link(owner.requests, link).decision == decision
        clock.move(1)
        with pytest.raises(LinkError) as caught:
            await answer(owner.requests, link, "approve")
        return caught.value.state, due.ends_at_us - owner.clock.now_us()

    state, left_us = run(workspace, world, scenario, clock=clock)
    assert state == "expired"
    assert left_us <= 0, "100 s later the question of 60 s was over long ago"
    assert world.words() == []


def signed(owner: Owner, *content: object) -> str:
    """Write a link as its format is documented."""
    key = hmac.digest(owner.engine.parts.token_key, b"decision links", "sha256")
    body = msgspec.msgpack.encode(content)
    parts = (body, hmac.digest(key, b"v1" + body, "sha256"))
    return ".".join(["v1", *(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)])


def test_s27_a_link_to_what_was_changed_since_is_void(workspace, world):
    async def scenario(owner):
        _, decision = await asked(owner)
        shown = read_link(owner.requests, make_link(owner.requests, decision, seconds=DAY_S))
        as_shown = signed(owner, decision, shown.bound, ("approve",), shown.ends_at_us)
        changed = signed(owner, decision, "0" * 32, ("approve",), shown.ends_at_us)
        with pytest.raises(LinkError) as caught:
            await answer(owner.requests, changed, "approve")
        return read_link(owner.requests, as_shown).decision == decision, caught.value.state

    assert run(workspace, world, scenario) == (True, "void")
    assert world.words() == []


def test_s23_s28_what_we_did_not_sign_is_no_link(workspace, world):
    async def scenario(owner):
        _, first = await asked(owner)
        _, second = await asked(owner, "bye")
        link, other = (make_link(owner.requests, each, seconds=DAY_S) for each in (first, second))
        version, body, mac = link.split(".")
        _, other_body, other_mac = other.split(".")
        wrong = [
            f"{version}.{other_body}.{mac}",  # another plan's question under this one's signature
            f"{version}.{body}.{other_mac}",
            f"v2.{body}.{mac}",
            f"{version}.{body}.{mac}=",
            f"{version}.{body}",
            f"{version}.{body}.{mac}.x",
            "",
            "..",
            "v1..",
            f"{version}.{body}.é{mac[1:]}",
            "x" * 10_000,
        ]
        for at in range(len(body)):
            other_letter = "A" if body[at] != "A" else "B"
            wrong.append(f"{version}.{body[:at]}{other_letter}{body[at + 1 :]}.{mac}")
        return {state_of(owner, each) for each in wrong}, read_link(owner.requests, other).decision == second

    assert run(workspace, world, scenario) == ({"altered"}, True)


@given(text=st.text(string.ascii_letters + string.digits + "-_.", max_size=200))
@settings(max_examples=60)
def test_s23_no_text_is_taken_for_a_link(text):
    parts = SimpleNamespace(token_key=b"k" * 32)
    desk = SimpleNamespace(engine=SimpleNamespace(parts=parts), clock=None)
    for each in (text, f"v1.{text}"):
        with pytest.raises(LinkError) as caught:
            read_link(desk, each)  # type: ignore[arg-type] - nothing else of it is looked at
        assert caught.value.state == "altered"


def test_s22_a_link_says_nothing_but_its_question_and_can_say_no_more_than_it_was_made_for(workspace, world):
    async def scenario(owner):
        _, decision = await asked(owner, "a word that is private")
        link = make_link(owner.requests, decision, seconds=DAY_S, answers=("reject",))
        assert "private" not in link
        for choice in ("approve", "retry", ""):
            with pytest.raises(LinkError):
                await answer(owner.requests, link, choice)
        await answer(owner.requests, link, "reject", "not now")
        return state_of(owner, link)

    assert run(workspace, world, scenario) == "used"
    assert world.words() == []


def test_a_link_is_made_only_to_what_waits_and_for_what_it_may_say(workspace, world):
    async def scenario(owner):
        plan_id, decision = await asked(owner)
        for wrong in ({"seconds": 0}, {"seconds": 15 * DAY_S}, {"seconds": 9, "answers": ("undo",)}):
            with pytest.raises(InputError):
                make_link(owner.requests, decision, **wrong)
        with pytest.raises(InputError, match="not open"):
            make_link(owner.requests, f"{plan_id}.7", seconds=9)
        with pytest.raises(InputError, match="longer than no time"):
            make_link(owner.requests, decision, seconds=0)

    run(workspace, world, scenario)
