"""Telling tools what became of what they asked for: signed, tried again, also by the next owner (docs/gateway.md)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING

import pytest
from http_kit import Heard, Served, listener, new_served, until

from mainstay.requests import callbacks

if TYPE_CHECKING:
    from pathlib import Path


def signed(heard: Heard, secret: str) -> bool:
    """Check as Standard Webhooks says, in words of our own."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    wanted = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(heard.headers["webhook-timestamp"])) < 300
    return fresh and wanted in heard.headers["webhook-signature"].split()


def tries(served: Served) -> list[str]:
    rows = served.desk.json("history", "tail")
    return [row["what"] for row in rows if row["kind"] == "CallbackTried"]


def test_an_answer_and_an_end_are_told_signed_and_each_once(tmp_path: Path):
    with listener() as (url, heard):
        served = new_served(tmp_path, callback=url)
        try:
            plan = served.post("told", wait=0).json["plan"]
            (question,) = [row["decision"] for row in served.desk.json("inbox")]
            served.desk.json("decide", question, "approve")
            until(lambda: len(heard) >= 2)
            assert served.get("/actions/told").json["state"] == "done"
        finally:
            served.end()
        served.begin()  # what was told is not told again by the next owner
        served.post("told")
        served.end()
    said = [json.loads(one.body) for one in heard]
    assert [one["type"] for one in said] == ["action.answered", "action.ended"]
    assert [one["data"]["plan"] for one in said] == [plan, plan]
    assert (said[0]["data"]["answer"], said[1]["data"]["state"], said[1]["data"]["id"]) == ("approve", "done", "told")
    assert all(signed(one, served.secret) for one in heard)
    assert not signed(heard[0]._replace(body=heard[1].body), served.secret)
    assert len({one.headers["webhook-id"] for one in heard}) == 2


@pytest.mark.long
def test_what_could_not_be_told_is_told_by_the_next_owner_under_the_same_id(tmp_path: Path):
    with listener(status=500) as (url, refused):
        served = new_served(tmp_path, callback=url)
        assert served.write("later").status == 200
        until(lambda: refused)
        until(lambda: tries(served))
        served.kill()
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    with listener(port=port) as (_, heard):
        served.begin()
        try:
            until(lambda: heard)
            until(lambda: len(tries(served)) >= 2)
        finally:
            served.end()
    assert heard[0].headers["webhook-id"] == refused[0].headers["webhook-id"]
    assert heard[0].body == refused[0].body
    assert signed(heard[0], served.secret)


def test_a_tool_that_wants_to_be_told_no_more_is_told_no_more(tmp_path: Path):
    with listener(status=410) as (url, heard):
        served = new_served(tmp_path, callback=url)
        try:
            served.write("gone")
            until(lambda: any("it is tried no more" in said for said in tries(served)))
            until(lambda: any("could not be told" in line for line in served.said))
        finally:
            served.end()
    assert len(heard) == 1


def test_s40_s44_a_redirection_is_not_followed_and_counts_as_failed(tmp_path: Path):
    with listener(status=307) as (url, heard):
        served = new_served(tmp_path, callback=url)
        try:
            served.write("moved")
            until(lambda: any("307 came back" in said for said in tries(served)))
        finally:
            served.end()
    assert len(heard) >= 1


def test_a_tool_whose_token_was_revoked_is_told_nothing(tmp_path: Path):
    with listener() as (url, heard):
        served = new_served(tmp_path, callback=url)
        try:
            served.post("silent", wait=0)
            (question,) = [row["decision"] for row in served.desk.json("inbox")]
            served.desk.json("api", "token", "revoke", "tool")
            served.desk.json("api", "token", "create", "other", "--allow", "mail.send")  # so that something is served
            served.desk.json("decide", question, "approve")
            served.end()
            served.begin()
        finally:
            served.end()
    assert heard == []


def test_tries_are_bounded_and_end_before_anybody_stops_looking_back():
    assert sum(callbacks.TRIES_S) < callbacks.LOOK_BACK_S
    assert len(callbacks.TRIES_S) == 8
