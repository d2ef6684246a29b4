"""Actions that outside tools ask for: one plan for one id, judged, done once, with a receipt (docs/gateway.md)."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from http_kit import MAIL, Served, new_served

from mainstay.receipts.check import check as check_content
from mainstay.requests.gateway import MOST_OPEN, SubmissionError, read
from mainstay.views import Views
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOTE = {"path": "reports/note.md", "text": "All parcels left."}
NEVER = (
    "id: never, do: files.write, when: 'arguments.path == \"reports/never.md\"', then: deny, why: Nobody writes there."
)


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a rule of the operator's that forbids something."""
    one = new_served(tmp_path_factory.mktemp("ruled"), NEVER)
    yield one
    one.end()


def question_of(served: Served, plan: str) -> str:
    return next(row["decision"] for row in served.desk.json("inbox") if row["plan"] == plan)


def test_what_asks_is_answered_later_happens_once_and_has_a_receipt(served: Served):
    first = served.post("parcel-1", wait=0.5)
    assert (first.status, first.json["state"], first.json["over"]) == (202, "waits", False)
    assert (first.headers["location"], served.mails()) == ("/actions/parcel-1", [])
    plan = first.json["plan"]
    served.desk.json("decide", question_of(served, plan), "approve")
    done = served.get("/actions/parcel-1").json
    assert (done["state"], done["output"]["to"], done["plan"]) == ("done", MAIL["to"], plan)
    again = served.post("parcel-1")
    assert (again.status, again.json["state"], again.json["plan"]) == (200, "done", plan)
    assert len(served.mails()) == 1
    receipt = served.get(done["receipt"]).json
    assert (receipt["receipt"]["plan"], bool(receipt["signature"])) == (plan, True)
    for kind in ("md", "pdf"):
        found = check_content(served.get(f"{done['receipt']}?format={kind}").body, "")
        assert not found.faults
        assert found.signed is not None
        assert found.signed.receipt.plan == plan


def test_a_no_is_told_and_nothing_happens(served: Served):
    before, plan = served.mails(), served.post("parcel-2", wait=0).json["plan"]
    assert served.get("/actions/parcel-2/receipt").status == 409  # it is not over
    served.desk.run("decide", question_of(served, plan), "reject", "--reason", "not this one", "--yes")
    again = served.post("parcel-2")
    assert (again.status, again.json["state"]) == (403, "rejected")
    assert served.mails() == before


def test_what_is_allowed_happens_at_once(ruled: Served):
    reply = ruled.write("at-once")
    assert (reply.status, reply.json["state"], reply.json["output"]["path"]) == (200, "done", "reports/at-once.md")
    plan = reply.json["plan"]
    assert ruled.desk.run("undo", plan, "--yes").returncode == 0
    assert (ruled.get("/actions/at-once").json["state"], ruled.written("at-once")) == ("undone", [])


def test_what_a_rule_forbids_is_told_in_its_words_and_asks_nobody(ruled: Served):
    for _ in range(2):
        reply = ruled.write("never")
        assert (reply.status, reply.json["state"], reply.json["why"]) == (403, "denied", "Nobody writes there.")
    assert ruled.get("/actions/never").json["state"] == "denied"
    assert [row for row in ruled.desk.json("inbox") if row["plan"] == reply.json["plan"]] == []
    assert ruled.written("never") == []


def test_twenty_at_once_under_one_id_make_one_plan_and_one_file(ruled: Served):
    with ThreadPoolExecutor(20) as many:
        replies = list(many.map(lambda _: ruled.write("race"), range(20)))
    assert {(reply.status, reply.json["state"]) for reply in replies} == {(200, "done")}
    assert len({reply.json["plan"] for reply in replies}) == 1
    assert len(ruled.written("race")) == 1


@pytest.mark.long
def test_a_tool_in_a_circle_does_not_bury_the_operator_in_questions(tmp_path: Path):
    served = new_served(tmp_path)
    try:
        with ThreadPoolExecutor(8) as many:
            taken = list(many.map(lambda number: served.post(f"circle-{number}", wait=0).status, range(MOST_OPEN)))
        assert set(taken) == {202}
        reply = served.post("circle-more", wait=0)
        assert (reply.status, "not over yet" in reply.json["error"]["message"]) == (429, True)
        assert served.post("circle-1", wait=0).status == 202  # what was taken in is found as ever
        served.desk.run("decide", served.desk.json("inbox")[0]["decision"], "reject", "--reason", "no", "--yes")
        assert served.post("circle-more", wait=0).status == 202
    finally:
        served.end()


def test_another_action_under_the_same_id_is_refused(ruled: Served):
    assert ruled.write("same").status == 200
    for other in ({"arguments": NOTE}, {"reason": "other"}, {"name": "same-2"}):
        reply = ruled.write("same", **other)
        assert (reply.status, reply.json["error"]["field"]) == (409, "id")
    assert ruled.post("same").status == 409
    assert ruled.write("same", wait=1).status == 200  # how long it waits is no part of what it asks for
    assert len(ruled.written("same")) == 1


@pytest.mark.parametrize(
    ("asked", "status", "field", "told"),
    [
        ({"operation": "mail.sen"}, 422, "operation", "Did you mean 'mail.send'?"),
        ({"operation": "books.export"}, 403, "operation", "may ask for: mail.send, files.write"),
        ({"operation": "files.read"}, 403, "operation", "may not ask for files.read"),
        ({"arguments": MAIL | {"subjekt": "x"}}, 422, "arguments.subjekt", "Did you mean 'subject'?"),
        ({"arguments": {"to": "anna@example.com", "text": "x"}}, 422, "arguments.subject", "is missing"),
        ({"arguments": MAIL | {"to": 7}}, 422, "arguments.to", "arguments.to"),
        ({"arguments": MAIL | {"files": [{"name": "a", "blob": {"digest": "0" * 64, "size": 1}}]}}, 422, "", "file"),
        ({"arguments": []}, 422, "arguments", "arguments"),
        ({"account": "second"}, 422, "account", "There is no account"),
        ({"wait": 61}, 422, "wait", "from 0 to 60"),
        ({"wait": "soon"}, 422, "wait", "wait"),
        ({"id": ""}, 422, "id", "id"),
        ({"id": "a\nb"}, 422, "id", "id"),
        ({"id": "x" * 201}, 422, "id", "id"),
        ({"id": ".."}, 422, "id", "'.' is none"),  # no address can name it
        ({"operation": "files.write", "arguments": {"path": "../x", "text": ""}}, 422, "arguments", "with a dot"),
        ({"operation": "files.write", "arguments": {"path": "reports/x"}}, 422, "arguments", "'text' or 'file'"),
        ({"reason": "x" * 2001}, 422, "reason", "reason"),
        ({"approve": True}, 422, "approve", "There is no 'approve'"),
        ({"operatoin": "mail.send"}, 422, "operatoin", "Did you mean 'operation'?"),
    ],
)
def test_what_is_wrong_is_named_with_its_field_and_the_nearest_and_makes_no_plan(
    ruled: Served, asked: dict[str, object], status: int, field: str, told: str
):
    before = len(ruled.desk.json("plans"))
    body = {"id": "wrong", "operation": "mail.send", "arguments": MAIL, **asked}
    reply = ruled.send("POST", "/actions", json.dumps(body).encode())
    error = reply.json["error"]
    assert (reply.status, error.get("field", "")) == (status, field or error.get("field", ""))
    assert told in error["message"] + error.get("remedy", "")
    assert len(ruled.desk.json("plans")) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"id": NaN}'])
def test_what_is_no_json_is_refused(ruled: Served, body: bytes):
    assert ruled.send("POST", "/actions", body).status in (400, 422)


@pytest.mark.parametrize(
    ("body", "field"),
    [(b'{"id": "a", "id": "b", "operation": "mail.send"}', "id"),
     (b'{"id": "a", "operation": "mail.send", "arguments": {"to": "a@b.se", "\\u0074o": "c@d.se"}}', "to")],
)  # fmt: skip
def test_what_says_a_thing_twice_is_refused(ruled: Served, body: bytes, field: str):
    reply = ruled.send("POST", "/actions", body)
    assert (reply.status, reply.json["error"]["field"]) == (422, field)
    assert "twice" in reply.json["error"]["message"]


def test_what_says_a_thing_twice_among_many_is_found_in_one_look():
    """Looked for name by name these would take hours, for whoever shows a token, and in the loop that all wait for."""
    many = ",".join(f'"{at}":0' for at in range(300_000))
    with pytest.raises(SubmissionError, match="'last' stands there twice"):
        read(f'{{"id": "a", "operation": "b", "arguments": {{{many}, "last": 1, "last": 2}}}}'.encode())


@pytest.mark.parametrize("text", ["{{7*7}}", "= inputs.id", "__class__", "${PATH}", "file:templates/a.md", "'; DROP--"])
def test_s46_s47_what_a_tool_sends_is_text_and_nothing_else(ruled: Served, text: str):
    own_id = f"text {text.replace('/', '')}"
    reply = ruled.write(own_id, arguments={"path": "reports/text.md", "text": text}, reason=text)
    assert reply.status == 200
    assert (ruled.desk.folder / "reports" / "text.md").read_text() == text


def test_one_tool_sees_nothing_of_another_and_may_use_the_same_ids(ruled: Served):
    made = ruled.desk.json("api", "token", "create", "other", "--allow", "files.write")
    other = Served(ruled.desk, made["token"])
    other.url = ruled.url
    assert ruled.write("shared").status == 200
    assert other.get("/actions/shared").status == 404
    mine = other.post("shared", operation="files.write", arguments=NOTE)
    assert mine.json["plan"] != ruled.get("/actions/shared").json["plan"]
    assert other.post("third", operation="mail.send").status == 403


def test_the_words_of_a_tool_are_labelled_as_its_own(ruled: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", ruled.desk.env["XDG_CONFIG_HOME"])
    plan = ruled.write("labelled", reason="because").json["plan"]
    with Views(Workspace(ruled.desk.folder)) as views:
        prepared = [each.fact for each in views.recorded(plan) if each.kind == "EffectPrepared"]
    assert [fact.labels for fact in prepared] == [("api:tool",)]


def test_s69_whom_a_tool_writes_to_is_asked_whatever_rules_allow(tmp_path: Path):
    """docs/flow.md: the strictest judge wins, and the card says whose words they are."""
    served = new_served(tmp_path, "id: known, do: mail.send, then: allow, why: All may be written to.")
    try:
        reply = served.post("mail", wait=0.5)
        card = next(row for row in served.desk.json("inbox") if row["plan"] == reply.json["plan"])
        assert (reply.status, reply.json["state"], served.mails()) == (202, "waits", [])
        assert "came from your tool tool, and" in card["why"]
    finally:
        served.end()


CONTENT = b"%PDF-1.7 an invoice\x00\xff" * 5000


def file(content: bytes = CONTENT, **more: Any) -> dict[str, Any]:
    return {"name": "invoice 7.pdf", "content": base64.b64encode(content).decode(), **more}


def ask(served: Served, own_id: str, *files: dict[str, Any]) -> Any:
    return served.post(own_id, wait=0.5, arguments=MAIL | {"files": list(files)})


def test_o15_a_file_that_a_tool_gives_is_on_the_card_leaves_as_it_was_and_stands_in_the_receipt(served: Served):
    given = file(sha256=hashlib.sha256(CONTENT).hexdigest())
    first = ask(served, "with-file", given)
    assert (first.status, first.json["state"]) == (202, "waits")
    (row,) = [row for row in served.desk.json("inbox") if row["plan"] == first.json["plan"]]
    shown = served.desk.json("decide", row["decision"], status=3)
    assert f"invoice 7.pdf ({len(CONTENT):,} bytes, application/pdf)" in shown["card"]["body"]
    before = set(served.mails())
    served.desk.json("decide", row["decision"], "approve")
    again = ask(served, "with-file", given)
    assert (again.status, again.json["plan"], again.json["state"]) == (200, first.json["plan"], "done")
    (mail,) = set(served.mails()) - before
    (part,) = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default).iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_content()) == (
        given["name"],
        "application/pdf",
        CONTENT,
    )
    assert served.get(again.json["receipt"]).status == 200


def test_o15_another_file_under_the_same_id_is_another_action(served: Served):
    assert ask(served, "one-file", file()).status == 202
    for others in ([file(b"other")], [file(name="other.pdf")], [], [file(), file()]):
        reply = ask(served, "one-file", *others)
        assert (reply.status, reply.json["error"]["field"]) == (409, "id")


def test_o15_a_file_may_be_some_megabytes_and_more_is_refused_with_how_much_may_be(served: Served):
    assert ask(served, "large-file", file(b"x" * 4_000_000)).status == 202
    reply = ask(served, "too-large", file(b"x" * 8_000_000))
    assert (reply.status, "larger than 8,388,608 bytes" in reply.json["error"]["message"]) == (413, True)
    assert served.get("/actions/too-large").status == 404


def test_o15_all_that_a_tool_may_be_allowed_is_listed_with_its_arguments(served: Served):
    listed = {row["operation"]: row for row in served.desk.json("api", "operations")["operations"]}
    assert (listed["mail.send"]["arguments"], listed["mail.send"]["can_be_undone"]) == (
        ["to", "subject", "text"],
        False,
    )
    assert "files" in listed["mail.send"]["may_have"]
    assert "files.read" not in listed
    assert "mail.send" in served.desk.run("api", "operations").stdout


def test_a_token_that_was_revoked_counts_no_more_at_once_and_its_name_keeps_its_ids(ruled: Served):
    desk = ruled.desk
    made = desk.json("api", "token", "create", "brief", "--allow", "files.write")
    brief = Served(desk, made["token"])
    brief.url = ruled.url
    plan = brief.write("mine").json["plan"]
    assert desk.run("api", "token", "create", "brief", "--allow", "files.write").returncode == 2
    desk.json("api", "token", "revoke", "brief")
    assert brief.get("/actions/mine").status == 401
    brief.token = desk.json("api", "token", "create", "brief", "--allow", "files.write")["token"]
    assert brief.write("mine").json["plan"] == plan


def test_no_token_stands_in_the_history_or_in_a_list(ruled: Served):
    folder, token = ruled.desk.folder, ruled.token
    listed = ruled.desk.run("api", "token", "list", "--json").stdout
    told = ruled.desk.run("history", "tail", "--json").stdout
    assert token not in listed + told
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if token.encode() in path.read_bytes()]


def test_a_kill_at_any_time_makes_no_second_plan_and_no_second_file(tmp_path: Path):
    served = new_served(tmp_path)
    try:
        for number in range(3):
            with ThreadPoolExecutor(4) as many:
                sent = [many.submit(_post_or_lost, served, f"kill-{number}") for _ in range(4)]
                if number:
                    sent[0].result()
                served.kill()
                for each in sent:
                    each.result()
            served.begin()
            again = [served.write(f"kill-{number}") for _ in range(2)]
            assert {(reply.status, reply.json["state"]) for reply in again} == {(200, "done")}
            assert len({reply.json["plan"] for reply in again}) == 1
            assert len(served.written(f"kill-{number}")) == 1
    finally:
        served.end()


def _post_or_lost(served: Served, own_id: str) -> None:
    try:
        served.write(own_id)
    except (OSError, ValueError, IndexError):
        return


def test_a_shell_script_with_curl_as_the_documentation_shows_it(ruled: Served, tmp_path: Path):
    script = tmp_path / "parcel.sh"
    script.write_text(documented("sh"))
    env = {"PATH": ruled.desk.env["PATH"], "MAINSTAY_URL": ruled.url, "MAINSTAY_TOKEN": ruled.token}
    done = subprocess.run(["sh", script], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["id"], told["state"]) == ("parcel-4711", "waits")


def test_the_request_of_n8ns_http_node_with_the_settings_that_the_documentation_shows(ruled: Served):
    (node,) = json.loads(documented("json"))["nodes"]
    given = node["parameters"]
    assert (node["type"], given["method"], given["contentType"]) == ("n8n-nodes-base.httpRequest", "POST", "json")
    assert (given["genericAuthType"], given["specifyBody"]) == ("httpBearerAuth", "json")
    body = given["jsonBody"].removeprefix("=").replace("{{ $execution.id }}", "231").replace("{{ $itemIndex }}", "0")
    path = given["url"].removeprefix("http://127.0.0.1:8765")
    # What the node sends: its own Accept and User-Agent, and those of the library beneath.
    reply = ruled.send(
        "POST", path, body.encode(),
        Accept="application/json,text/html,application/xhtml+xml,application/xml,"
        "text/*;q=0.9, image/*;q=0.8, */*;q=0.7",
        User_Agent="n8n", Accept_Encoding="gzip, compress, deflate, br",
    )  # fmt: skip
    assert (reply.status, reply.json["state"], reply.json["id"]) == (200, "done", "n8n-231-0")


def documented(language: str) -> str:
    """Give the first block of a language in docs/gateway.md."""
    from cli_desk import ROOT

    text = (ROOT / "docs" / "gateway.md").read_text()
    return text.split(f"```{language}\n")[1].split("```")[0]
