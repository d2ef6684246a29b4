"""Telling tools, in this process: over TLS, and what goes wrong with one of them (docs/gateway.md)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import socket
from typing import TYPE_CHECKING, NamedTuple

import pytest
from http_kit import listener
from kit import World, make_workspace, owner_of
from smtp_servers import certificate

from mainstay import events as e
from mainstay.connectors import web
from mainstay.requests import callbacks
from mainstay.requests.callbacks import Callbacks
from mainstay.requests.gateway import Submission, submit, until_over
from mainstay.requests.tokens import METHODS, tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mainstay.app import Owner

SECONDS = 20


class Tool(NamedTuple):
    """A tool that is told at an address, by an owner that lives."""

    owner: Owner
    secret: str
    said: list[str]
    callbacks: Callbacks

    async def write(self, own_id: str, name: str = "tool") -> str:
        """Ask for a file, which is written unasked; gives its plan."""
        token = tokens(self.owner.requests)[name]
        note = {"path": f"reports/{own_id}.md", "text": "A note."}
        plan_id = await submit(self.owner.requests, token, Submission(own_id, "files.write", note))
        plan = await until_over(self.owner.requests, plan_id, SECONDS)
        assert plan.status == "completed"
        return plan_id

    def tries(self, plan_id: str) -> list[e.CallbackTried]:
        events = self.owner.ledger.read(f"callback:{plan_id}")
        return [event.fact for event in events if isinstance(event.fact, e.CallbackTried)]


@contextlib.asynccontextmanager
async def telling(base: Path, url: str) -> AsyncIterator[Tool]:
    async with owner_of(make_workspace(base / "acme"), World(base / "world")) as owner:
        asked = {"name": "tool", "allow": ["files.write"], "callback": url}
        made = await METHODS["token_make"](owner.requests, asked, lambda _: None)
        said: list[str] = []
        owner.engine.hearers.append(said.append)
        telling_it = Callbacks(owner.requests)
        task = asyncio.create_task(telling_it.run())
        task.add_done_callback(owner.must_live)
        yield Tool(owner, made["callback_secret"], said, telling_it)
        assert not task.done()
        task.cancel()


async def until(met: object) -> None:
    async with asyncio.timeout(SECONDS):
        while not met():  # type: ignore[operator]  # noqa: ASYNC110 - what a tool is told has no event of its own
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_o15_a_tool_is_told_over_tls_by_an_authority_of_ones_own_and_can_check_who_told_it(tmp_path, monkeypatch):
    encrypted, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority)

    async def scenario(url: str) -> tuple[str, str]:
        async with telling(tmp_path, url) as tool:
            plan = await tool.write("note")
            await until(lambda: tool.tries(plan))
            return tool.secret, tool.tries(plan)[0].outcome

    with listener(encrypted=encrypted) as (url, heard):
        secret, outcome = asyncio.run(scenario(url))
    assert (outcome, len(heard)) == ("delivered", 1)
    sent = heard[0].headers
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + heard[0].body
    assert sent["webhook-signature"] == f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}"
    assert (sent["content-type"], len(key)) == ("application/json", 32)


@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_o15_a_tool_that_is_not_who_its_certificate_names_is_told_nothing(tmp_path, monkeypatch, wrong):
    encrypted, authority = certificate(tmp_path, "localhost" if wrong == "authority" else "other.example")
    if wrong == "name":
        monkeypatch.setenv("SSL_CERT_FILE", authority)

    async def scenario(url: str) -> e.CallbackTried:
        async with telling(tmp_path, url) as tool:
            plan = await tool.write("note")
            await until(lambda: tool.tries(plan))
            return tool.tries(plan)[0]

    with listener(encrypted=encrypted) as (url, heard):
        tried = asyncio.run(scenario(url))
    assert (tried.outcome, heard) == ("failed", [])
    assert "certificate verify failed" in tried.why


def test_o15_a_mistake_about_one_plan_ends_neither_the_owner_nor_what_others_are_told(tmp_path):
    """A history that makes no sense: what a plan begins with is not its proposal."""

    async def scenario(url: str) -> tuple[str, bool, str]:
        async with telling(tmp_path, url) as tool:
            draft = e.Draft(e.PlanPaused("operator", ""), 0, "operator", plan="senseless")
            await tool.owner.ledger.append([e.Append("plan:senseless", 0, (draft,))])
            tool.callbacks._waiting["senseless"] = callbacks._Due("tool", 0)
            plan = await tool.write("note")
            await until(lambda: tool.tries(plan))
            return tool.said[0], tool.owner.engine.failed.done(), tool.tries(plan)[0].outcome

    with listener() as (url, _):
        said, ended, outcome = asyncio.run(scenario(url))
    assert "What became of plan senseless can't be told: AssertionError" in said
    assert (ended, outcome) == (False, "delivered")


def test_o15_a_tool_that_takes_the_line_and_never_answers_keeps_no_other_waiting_and_no_end(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "TIMEOUT_S", 60.0)

    async def scenario(url: str, mute: str) -> tuple[list[e.CallbackTried], str]:
        async with telling(tmp_path, url) as tool:
            asked = {"name": "mute", "allow": ["files.write"], "callback": mute}
            await METHODS["token_make"](tool.owner.requests, asked, lambda _: None)
            unheard = [await tool.write(f"mute-{number}", "mute") for number in range(callbacks.AT_ONCE + 1)]
            plan = await tool.write("note")
            await until(lambda: tool.tries(plan))
            tried = [each for one in unheard for each in tool.tries(one)]
            return tried, tool.tries(plan)[0].outcome

    with socket.create_server(("127.0.0.1", 0)) as mute, listener() as (url, _):
        tried, outcome = asyncio.run(scenario(url, f"http://127.0.0.1:{mute.getsockname()[1]}/hook"))
    assert (tried, outcome) == ([], "delivered"), "the mute one is waited for still"
