"""The page of a link while an owner can't take answers, in this process (SECURITY S22 to S28, KERNEL L6)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kit import World, do, make_workspace, owner_of, plan, start
from starlette.requests import Request

from mainstay.console.decisions import Decisions
from mainstay.requests.links import make_link

if TYPE_CHECKING:
    from starlette.responses import Response

    from mainstay.app import Owner


def request(link: str, body: bytes = b"") -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request({"type": "http", "method": "POST", "headers": [], "path_params": {"link": link}}, receive)


def text(response: Response) -> str:
    return bytes(response.body).decode()


def play(tmp_path, monkeypatch, scenario):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    world = World(tmp_path / "world")

    async def inside():
        async with owner_of(make_workspace(tmp_path / "acme"), world) as owner:
            plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello")))
            link = make_link(owner.requests, standing["questions"][0], seconds=60)
            return await scenario(owner, link), owner.engine.load(plan_id).questions.keys(), world.words()

    return asyncio.run(asyncio.wait_for(inside(), 20))


def test_l6_while_all_is_held_a_link_shows_and_answers_nothing_and_does_not_say_why(tmp_path, monkeypatch):
    async def scenario(owner: Owner, link: str) -> list[Response]:
        owner.engine.held = "it was copied from /somewhere/else"
        pages = Decisions(owner)
        return [await pages.show(request(link)), await pages.decide(request(link, b"choice=approve"))]

    replies, questions, words = play(tmp_path, monkeypatch, scenario)
    assert [reply.status_code for reply in replies] == [503, 503]
    assert "mainstay history release" in text(replies[1])
    assert not any("somewhere" in text(reply) for reply in replies)
    assert (len(questions), words) == (1, [])
