"""A link that answers one question, over HTTP: once, for a time, for exactly what was shown (SECURITY S22 to S30)."""

from __future__ import annotations

import time
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest
from http_kit import MAIL, Reply, Served

if TYPE_CHECKING:
    from pathlib import Path

FORM = "application/x-www-form-urlencoded"


def asked(served: Served, own_id: str, **mail: str) -> tuple[str, str]:
    """Ask for a mail; gives its question, and the path of a link to it."""
    plan = served.post(own_id, wait=0, arguments=MAIL | mail).json["plan"]
    for _ in range(200):  # it is asked a moment later
        found = [row["decision"] for row in served.desk.json("inbox") if row["plan"] == plan]
        if found:
            return found[0], link_to(served, found[0])
        time.sleep(0.05)
    raise AssertionError(plan)


def link_to(served: Served, question: str, lasts: str = "1h") -> str:
    return urlsplit(served.desk.json("api", "link", question, "--for", lasts)["url"]).path


def look(served: Served, path: str, method: str = "GET") -> Reply:
    return served.send(method, path, Authorization=None)


def answer(served: Served, path: str, choice: str = "approve", more: str = "", **headers: str | None) -> Reply:
    given = {"Authorization": None, "Content_Type": FORM, **headers}
    return served.send("POST", path, f"choice={choice}{more}".encode(), **given)


def state(served: Served, own_id: str) -> str:
    return served.get(f"/actions/{own_id}").json["state"]


def test_a_link_shows_the_card_and_its_button_answers(served: Served):
    _, path = asked(served, "link-yes")
    shown = look(served, path)
    assert (shown.status, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert MAIL["text"] in shown.text
    assert MAIL["to"] in shown.text
    assert "can&#x27;t be undone" in shown.text
    assert "<script" not in shown.text
    assert "your tool tool, not from you or your records" in shown.text
    assert "no answer" not in shown.text
    assert "It waits; silence is never a yes." in shown.text
    assert "<input" not in shown.text, "Enter in a field of one line would press the first button, which says yes"
    long = answer(served, path, more="&reason=" + "x" * 4001)
    assert (long.status, "4,000 are kept at most" in long.text) == (422, True), "nothing is cut off unsaid"
    done = answer(served, path, more="&reason=from+my+phone", Origin=served.url)
    assert (done.status, "You approved it." in done.text) == (200, True)
    again = served.post("link-yes")
    assert (again.status, again.json["state"]) == (200, "done")


def test_a_no_by_a_link_is_a_no(served: Served):
    before = served.mails()
    _, path = asked(served, "link-no")
    assert answer(served, path, "reject").status == 200
    assert (served.post("link-no").json["state"], served.mails()) == ("rejected", before)


def test_s22_s23_an_altered_link_is_refused(served: Served):
    _, path = asked(served, "link-altered")
    version, body, mac = path.removeprefix("/d/").split(".")
    flipped = ("A" if body[10] != "A" else "B").join((body[:10], body[11:]))
    for text in (f"{version}.{flipped}.{mac}", f"v2.{body}.{mac}", f"{version}.{body}.", f"{version}.{body}", body):
        assert look(served, f"/d/{text}").status == 403
        assert answer(served, f"/d/{text}").status == 403
    assert answer(served, path, "skip").status == 403  # an answer that the link does not give
    assert answer(served, path, "").status == 403
    assert state(served, "link-altered") == "waits"


def test_s28_what_another_plans_link_says_does_not_fit_this_one(served: Served):
    _, one = asked(served, "link-one")
    _, two = asked(served, "link-two")
    parts = [path.removeprefix("/d/").split(".") for path in (one, two)]
    mixed = f"/d/v1.{parts[0][1]}.{parts[1][2]}"
    assert (look(served, mixed).status, answer(served, mixed).status) == (403, 403)
    assert answer(served, two).status == 200
    assert (state(served, "link-one"), served.post("link-two").json["state"]) == ("waits", "done")


def test_s24_a_link_is_used_once_and_so_is_another_to_the_same_question(served: Served):
    question, path = asked(served, "link-once")
    other = link_to(served, question)
    before = len(served.mails())
    assert answer(served, path).status == 200
    for used in (path, other):
        assert (look(served, used).status, answer(served, used, "reject").status) == (409, 409)
    assert (served.post("link-once").json["state"], len(served.mails())) == ("done", before + 1)


def test_s25_a_link_ends_at_its_time(served: Served):
    question, _ = asked(served, "link-over")
    path = link_to(served, question, "1s")
    time.sleep(1.2)
    assert (look(served, path).status, answer(served, path).status) == (410, 410)
    assert state(served, "link-over") == "waits"


def test_s26_whatever_looks_at_a_link_decides_nothing(served: Served):
    question, path = asked(served, "link-looked-at")
    plan = question.rpartition(".")[0]
    before = served.desk.json("history", "tail", "--plan", plan)
    for method in ("GET", "HEAD", "GET"):
        assert look(served, path, method).status == 200
        assert look(served, f"{path}?choice=approve", method).status == 200
    assert served.send("GET", path, Authorization=None, Purpose="prefetch", Sec_Purpose="prefetch").status == 200
    assert not {"href", "src", "action", "onload"} & Page(look(served, path).text).names, "there is nothing to follow"
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert served.send(method, path, b"choice=approve", Authorization=None, Content_Type=FORM).status == 405
    assert served.desk.json("history", "tail", "--plan", plan) == before
    assert (state(served, "link-looked-at"), bool(before)) == ("waits", True)


def test_s27_a_link_to_what_was_changed_since_is_void(served: Served, tmp_path: Path):
    question, path = asked(served, "link-changed")
    edit = tmp_path / "edit.json"
    edit.write_text('{"subject": "Another one"}')
    assert served.desk.run("decide", question, "approve", "--edit", edit, "--yes").returncode == 0
    assert (look(served, path).status, answer(served, path).status) == (409, 409)


def test_s3_another_page_answers_nothing_by_a_link(served: Served):
    _, path = asked(served, "link-foreign")
    for origin in ("https://evil.com", "null"):
        assert answer(served, path, Origin=origin).status == 403
    assert answer(served, path, Content_Type="text/plain").status == 415
    assert state(served, "link-foreign") == "waits"


PLAIN = set("html head meta title style body main h1 p pre dl dt dd form label textarea button".split())


class Page(HTMLParser):
    """A page as a browser takes it: its elements, the names of their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count, self.names, self.text = Counter[str](), set[str](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] += 1
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def tags(self) -> set[str]:
        return set(self.count)


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</pre></dd></dl><form action=https://evil.com><button>Approve</button>",
    "[a](javascript:alert(1)) ![x](https://evil.com/x.png)",
    "{{7*7}}",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_s15_s16_what_a_tool_wrote_is_text_on_the_page(served: Served, text: str):
    _, path = asked(served, quote(f"hostile {text}", safe="")[:150], subject=text, text=text)
    page = Page(look(served, path).text)
    assert text in page.text
    assert page.tags - PLAIN == set()
    assert page.count["form"] == 1
    assert page.names <= {"lang", "charset", "name", "content", "method", "maxlength", "value", "class"}


def test_s30_what_can_not_be_seen_is_written_out_and_all_of_a_long_text_is_there(served: Served):
    tricky, long = "invoice\u202efdp.exe \u0430pple\u200b", "word " * 5000 + "the end"
    _, path = asked(served, "tricky", subject=tricky.replace("\n", ""), text=f"{tricky}\n{long}")
    shown = look(served, path).text
    assert "\u202e" not in shown
    assert "\u200b" not in shown
    assert "&lt;U+202E&gt;" in shown
    assert "&lt;U+0430&gt;pple" in shown
    assert "the end" in shown


def test_s29_an_answer_by_a_link_does_not_get_past_a_rule_that_came_since(served: Served):
    _, path = asked(served, "link-ruled", to="carl@example.com")
    policy = served.desk.folder / "policies" / "later.yaml"
    policy.write_text(
        "- {id: later, do: mail.send, when: 'arguments.to == \"carl@example.com\"', then: deny, why: No.}\n"
    )
    assert served.desk.run("activate", "--yes").returncode == 0
    before = served.mails()
    answer(served, path)
    plan = served.get("/actions/link-ruled").json["plan"]
    for _ in range(200):  # nobody has to look: what will not happen asks nobody any more
        waiting = [row for row in served.desk.json("inbox") if row["plan"] == plan]
        if not waiting:
            break
        time.sleep(0.05)
    assert waiting == []
    again = served.post("link-ruled", arguments=MAIL | {"to": "carl@example.com"})
    assert (again.status, again.json["state"], again.json["why"]) == (403, "denied", "No.")
    assert served.mails() == before
