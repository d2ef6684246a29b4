"""S66: nobody but the operator answers: not a tool, not an agent, not a process that merely runs as the same user."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from http_kit import RUNTIME, Served
from reach_code import Word

from mainstay.console.doors import FORM
from mainstay.contracts import to_plain
from mainstay.encoding import decode_value, encode_value
from mainstay.requests.methods import METHODS
from mainstay.runtime import confine, syscalls
from mainstay.runtime.workers import WorkerPool

MEANS = confine.look()

UNTOUCHED = ("policies/house.yaml", ".mainstay/owner.lock", "mainstay.toml", "../out.txt", "playbooks/x.yaml")

# What a process that has neither the operator's key folder nor a token tries, one way after the other.
INTRUDER = r"""
import asyncio, json, socket, sys
from pathlib import Path
from mainstay.runtime.intake import Request, call

path, question, methods = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split()
plan = question.rpartition(".")[0]
params = {"decision": question, "choice": "approve", "plan": plan, "seconds": 60, "name": "mine"}
said = {}
for method in methods:
    for session in ("", "0" * 64):
        try:
            asyncio.run(call(path, Request(method, params, session), lambda _: None))
            said[method] = "done"
        except Exception as error:
            said[method] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def question(served: Served) -> str:
    plan = served.post("who-rules", wait=1).json["plan"]
    return next(row["decision"] for row in served.desk.json("inbox") if row["plan"] == plan)


def still_open(served: Served, question: str) -> bool:
    return question in [row["decision"] for row in served.desk.json("inbox")]


def test_s66_a_process_without_the_operators_session_is_refused_by_every_request(served: Served, question: str):
    held = json.loads((served.desk.folder / ".mainstay" / "owner.lock").read_text())
    env = {"PATH": served.desk.env["PATH"], "PYTHONPATH": served.desk.env["PYTHONPATH"]}
    arguments = [sys.executable, "-c", INTRUDER, held["socket"], question, " ".join(METHODS)]
    done = subprocess.run(arguments, env=env, capture_output=True, text=True, timeout=120, check=True)
    said = json.loads(done.stdout)
    assert set(said) == set(METHODS)
    assert {why for why in said.values() if "operator's session" not in why} == set()
    assert still_open(served, question)


def test_s66_a_command_of_somebody_without_the_key_folder_answers_nothing(
    served: Served, question: str, tmp_path: Path
):
    stranger = served.desk.elsewhere(served.desk.folder)
    stranger.env = {**served.desk.env, "XDG_CONFIG_HOME": str(tmp_path / "none")}
    for arguments in (["decide", question, "approve", "--yes"], ["api", "link", question],
                      ["api", "token", "create", "mine", "--allow", "mail.send"]):  # fmt: skip
        assert stranger.run(*arguments).returncode != 0
    assert still_open(served, question)


def test_s66_a_token_answers_by_no_path_and_no_operation(served: Served, question: str):
    plan = question.rpartition(".")[0]
    for path in ("/decide", f"/decide/{question}", f"/plans/{plan}/decide", f"/actions/{question}", f"/d/{question}",
                 "/actions/who-rules", "/actions/who-rules/approve", "/tokens", "/link"):  # fmt: skip
        for kind in ("application/json", FORM):
            body = b'{"choice": "approve"}' if kind != FORM else b"choice=approve"
            assert served.send("POST", path, body, Content_Type=kind).status in (401, 403, 404, 405, 415)
    for operation in ("decide", "rule", "approve", "policy.write", "link", "token_make", "files.restore"):
        reply = served.post("sly", operation=operation, arguments={"decision": question, "choice": "approve"})
        assert reply.status in (403, 422)
    assert still_open(served, question)


@pytest.mark.parametrize(
    "more", [{"approve": True}, {"choice": "approve"}, {"by": "operator"}, {"labels": ["operator"]}]
)
def test_s66_what_a_tool_adds_to_its_request_gives_it_no_right(served: Served, question: str, more: dict[str, object]):
    assert served.post("who-rules-2", **more).status == 422
    assert still_open(served, question)


@pytest.mark.parametrize("path", UNTOUCHED)
def test_s67_a_tool_that_may_write_files_writes_no_rule_and_no_setting(served: Served, path: str):
    before = (served.desk.folder / "policies" / "house.yaml").read_bytes()
    reply = served.post(f"write {path}", operation="files.write", arguments={"path": path, "text": "- {}"})
    assert reply.status in (202, 403, 422, 502)
    assert (served.desk.folder / "policies" / "house.yaml").read_bytes() == before
    assert reply.status == 422 or reply.json["state"] != "done"


@pytest.mark.skipif(not MEANS.landlock and not MEANS.bubblewrap, reason="this machine can't confine processes")
def test_s66_an_agents_process_reaches_neither_session_nor_socket_nor_server(served: Served, question: str):
    held = json.loads((served.desk.folder / ".mainstay" / "owner.lock").read_text())
    keys = Path(served.desk.env["XDG_CONFIG_HOME"]) / "mainstay" / "keys"
    tried = [(name, str(path), 0) for path in keys.iterdir() for name in ("read", "write")]
    tried += [("list_folder", str(keys), 0), ("read", str(served.desk.folder / ".mainstay" / "owner.lock"), 0)]
    tried += [("write", str(served.desk.folder / "policies" / "mine.yaml"), 0)]
    if syscalls.available():
        tried += [("connect_unix", held["socket"], 0), ("connect_tcp", "", served.place[1])]

    async def inside() -> list[str]:
        pool = WorkerPool(1, [str(RUNTIME)], means=MEANS)
        try:
            return [await asked(pool, *each) for each in tried]
        finally:
            await pool.close()

    async def asked(pool: WorkerPool, name: str, word: str, number: int) -> str:
        arguments = encode_value(to_plain(Word(word, number)))
        told = await pool.run(f"reach_code:{name}", arguments, {}, timeout_s=30, memory_mb=400)
        return decode_value(told)["output"]["word"]

    said = asyncio.run(inside())
    assert set(said) <= {"PermissionError", "FileNotFoundError", "OSError"}
    assert still_open(served, question)
