"""The rooms in which an operator sees to limits, rules and figures, over real HTTP, as somebody presses buttons."""

from __future__ import annotations

import itertools
import re
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cli_desk import new_desk
from http_kit import Served, until
from visitor import Page, Visitor, answers_to

from mainstay.app import contracts_to_read
from mainstay.playbooks.artefacts import digest_of_files
from mainstay.views import Views
from mainstay.views.metrics import WEEK_US
from mainstay.views.review import TRUST_WEEKS
from mainstay.views.today import today
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from visitor import Form


SETTINGS = """
[budgets]
"files.write" = {{per_day = 5}}
[delays]
"mail.send" = "later"
[windows]
later = "{hour:02}:00-{hour:02}:01"
"""
FAILS = (
    'playbook: fails\ntitle: "Write, then fail"\nsteps:\n  read: {do: files.read, with: {path: inbox/nothing.txt}}\n'
)
BOUNDS = "- {id: bad, throttle: fails, when: {failed: 1}, within: 1h, then: pause, why: Something is wrong with it.}\n"
BOUNDS += "- {id: seen, do: mail.send, then: ask, why: Mails are seen}\n"
BOUNDS += "- {id: never, do: invoices.credit, then: ask, why: Credits are rare}\n"
BOUNDS += "- {id: back, do: files.restore, then: ask, why: What is taken back is seen}\n"
NAP = 'playbook: nap\ntitle: "Look again in spring"\nsteps:\n  nap: {wait: {until: 120d}}\n'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    desk = new_desk(tmp_path_factory.mktemp("rooms"))
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + SETTINGS.format(hour=(datetime.now(UTC).hour + 12) % 24))
    (desk.folder / "playbooks" / "fails.yaml").write_text(FAILS)
    (desk.folder / "playbooks" / "nap.yaml").write_text(NAP)
    (desk.folder / "policies" / "bounds.yaml").write_text(BOUNDS)
    assert desk.run("activate", "--yes").returncode == 0
    one = Served(desk, desk.json("api", "token", "create", "tool", "--allow", "files.write,mail.send")["token"])
    one.begin()
    yield one
    one.end()


@pytest.fixture(scope="module")
def visitor(served: Served) -> Visitor:
    return Visitor(served).log_in()


def form(page: Page, action: str) -> Form:
    (found,) = [one for one in page.forms if one.action == action]
    return found


def answering(visitor: Visitor, plan: str) -> Form:
    """Give the form that answers a plan's question, once it waits."""
    return until(lambda: answers_to(visitor.page("/"), f"{plan}.1"), f"the question of {plan}")[0]


def test_a_budget_is_raised_once_by_one_form_and_a_plan_begun_once_even_over_a_crash(served: Served, visitor: Visitor):
    assert served.write("one").json["state"] == "done"
    page = visitor.page("/budgets")
    assert "1 of 5 spent, 4 left" in page.text
    asked = visitor.press(form(page, "/budgets/raise"), amount="7")
    assert asked.status == 200
    assert "Raise files.write by 7?" in asked.text
    assert "1 of 5 spent" in visitor.page("/budgets").text
    sure = form(Page(asked.text), "/budgets/raise")
    assert [visitor.press(sure).status for _ in "twice"] == [303] * 5
    page = visitor.page("/budgets")
    assert "Budget 'files.write' is raised by 7, until midnight." in page.text
    assert "1 of 12 spent, 11 left" in page.text
    assert served.desk.json("budget")[0]["limits"][0]["most"] == 12
    note = form(visitor.page("/playbooks/nap"), "/playbooks/nap/start")
    begun = {visitor.press(note).headers["location"] for _ in "twice"}
    assert len(begun) == 1

    served.kill()  # the answer to a press may be lost with the process: the same press is sent again
    served.begin()
    late = visitor.press(sure)
    assert (late.status, "was raised, or began anew, since you were asked" in late.text) == (409, True)
    assert served.desk.json("budget")[0]["limits"][0]["most"] == 12
    assert {visitor.press(note).headers["location"]} == begun
    another = visitor.press(form(visitor.page("/playbooks/nap"), "/playbooks/nap/start")).headers["location"]
    assert another not in begun  # that is meant
    visitor.press(form(visitor.page(another), f"{another}/cancel"))
    (again,) = [one for one in visitor.page(f"{another}/rerun").forms if one.method == "post" and "rerun" in one.action]
    (rerun,) = {visitor.press(again).headers["location"] for _ in "twice"}
    for path in (*begun, rerun):
        visitor.press(form(visitor.page(path), f"{path}/cancel"))
    visitor.page("/")


@pytest.mark.parametrize("amount", ["0", "-3", "many", "1 EUR EUR", "5 XXX"])
def test_an_amount_that_is_none_raises_nothing_and_says_what_would(visitor: Visitor, amount: str):
    before = visitor.page("/budgets").text
    refused = visitor.press(form(visitor.page("/budgets"), "/budgets/raise"), amount=amount)
    assert refused.status == 422
    assert visitor.page("/budgets").text == before


# --- policies

SMALL = "- {id: notes, do: files.write, then: ask, why: Notes are looked at}\n"
UNASKED = "Without your yes, the rule 'mails' lets Mainstay send a mail (mail.send). A mail that was sent can't be"
WRONG = "- {id: notes, do: files.wrote, then: ask, why: Notes are looked at}\n"


def test_a_policy_is_checked_and_tried_on_the_past_holds_once_its_shown_text_is_activated_and_is_put_back(
    served: Served, visitor: Visitor
):
    assert served.write("before-the-policy").json["state"] == "done"
    file = served.desk.folder / "policies" / "notes.yaml"
    file.write_text(SMALL.replace("ask", "allow"))
    page = visitor.page("/policies/notes")
    assert "It is not active" in page.text
    wrong = visitor.press(form(page, "/policies/notes"), ("does", "check"), text=WRONG)
    assert "files.wrote" in wrong.text
    assert "what is active stays as it is" in wrong.text
    fine = visitor.press(form(page, "/policies/notes"), ("does", "check"), text=SMALL)
    assert (fine.status, "In order: 1 rule." in fine.text) == (200, True)
    tried = Page(visitor.press(form(page, "/policies/notes"), ("does", "test"), text=SMALL).text)
    assert "would be asked; now" in tried.text
    assert "Notes are looked at" not in visitor.page("/policies").text  # nothing was kept of it

    assert visitor.press(form(page, "/policies/notes/activate")).status == 303
    assert "Mainstay may write a file (files.write) without asking you" in visitor.page("/policies").text
    file.write_text(SMALL)
    page = visitor.page("/policies/notes")
    file.write_text(SMALL + "# another line, which nobody saw\n")
    assert visitor.press(form(page, "/policies/notes/activate")).status == 422
    assert "Mainstay may write a file (files.write) without asking you" in visitor.page("/policies").text
    assert visitor.press(form(visitor.page("/policies/notes"), "/policies/notes/activate")).status == 303
    assert "asks you before it may write a file (files.write). Notes are looked at" in visitor.page("/policies").text
    (older,) = [one for one in visitor.page("/policies/notes").links if "/revert/" in one]
    shown = visitor.page(older)
    assert "+- {id: notes, do: files.write, then: allow" in shown.text
    file.write_text(SMALL + "# written while that page was open\n")
    assert visitor.press(form(shown, older)).status == 422
    assert visitor.press(form(visitor.page(older), older)).status == 303
    assert "Mainstay may write a file (files.write) without asking you" in visitor.page("/policies").text
    assert "then: allow" in file.read_text()
    listed = visitor.page("/policies").text
    assert listed.index("Yours") < listed.index("(files.write)") < listed.index("They ship with Mainstay (4)")
    assert "look at anything without asking you, unless another rule says otherwise" in listed


def test_a_policy_written_on_its_page_holds_only_as_it_was_shown_and_over_the_file_it_was_written_over(
    served: Served, visitor: Visitor
):
    file = served.desk.folder / "policies" / "mails.yaml"
    begun = visitor.press(form(visitor.page("/policies"), "/policies"), name="mails")
    page = visitor.page(begun.headers["location"])
    mine = "- {id: mails, do: mail.send, then: ask, why: Mails are looked at}\n"
    wrong = visitor.press(form(page, "/policies/mails"), ("does", "save"), text=mine.replace("send", "sent"))
    assert "mail.sent" in wrong.text
    assert not file.exists()

    asked = Page(visitor.press(form(page, "/policies/mails"), ("does", "save"), text=mine).text)
    assert f"+{mine.strip()}" in asked.text
    assert "Without your yes" not in asked.text
    free = Page(visitor.press(form(page, "/policies/mails"), ("does", "save"), text=mine.replace("ask", "allow")).text)
    assert UNASKED in free.text
    assert not file.exists()  # it was only shown
    sure = form(asked, "/policies/mails/save")
    assert visitor.press(sure, text=mine.replace("ask", "allow")).status == 422  # another text than was shown
    assert not file.exists()
    assert visitor.press(sure).status == 303
    assert file.read_text() == mine
    assert "Mails are looked at" in visitor.page("/policies").text
    file.write_text(mine.replace("ask", "allow"))
    assert UNASKED in visitor.page("/policies/mails").text  # an editor's is let hold there
    activated = served.desk.run("activate", "policies/mails.yaml")  # nobody is there to say yes: it is only shown
    assert UNASKED in " ".join(activated.stderr.split())
    file.write_text(mine)

    page = visitor.page("/policies/mails")
    theirs = f"# an editor's\n{mine}"
    asked = Page(visitor.press(form(page, "/policies/mails"), ("does", "save"), text=f"# mine\n{mine}").text)
    file.write_text(theirs)
    assert visitor.press(form(asked, "/policies/mails/save")).status == 422
    late = visitor.press(form(page, "/policies/mails"), ("does", "save"), text=f"# mine\n{mine}")
    assert "the file is another one than you wrote this over" in late.text
    assert file.read_text() == theirs
    assert visitor.post("/policies", [("csrf", visitor.csrf()), ("name", "../house")]).status == 422


def test_the_command_saves_and_puts_back_a_policy_as_its_page_does(served: Served, visitor: Visitor, tmp_path: Path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("- {id: sums, do: mail.send, then: denied, why: None}\n")
    assert "denied" in served.desk.run("policy", "save", "sums", mine, "--yes").stderr
    assert not (served.desk.folder / "policies" / "sums.yaml").exists()
    mine.write_text("- {id: sums, do: mail.send, then: ask, why: One more look}\n")
    saved = served.desk.json("policy", "save", "sums", mine, "--yes")
    assert (saved["path"], saved["written"]) == ("policies/sums.yaml", ["policies/sums.yaml"])
    assert served.desk.json("policy", "save", "sums", mine, "--yes")["written"] == []  # it is so already
    mine.write_text("- {id: free, do: mail.send, then: allow, why: They may go}\n")
    unasked = served.desk.run("policy", "save", "free", mine)
    assert UNASKED.replace("mails", "free") in " ".join(unasked.stderr.split())
    assert not (served.desk.folder / "policies" / "free.yaml").exists()
    assert "is no name for a policy" in served.desk.run("policy", "save", "../sums", mine, "--yes").stderr
    assert "sums" in [rule["id"] for rule in served.desk.json("policy", "list")["rules"]]

    kept = mine.read_text().replace("free", "sums")
    mine.write_text(kept)
    assert served.desk.json("policy", "save", "sums", mine, "--yes")["unasked"]
    mine.write_text(kept.replace("allow", "ask"))
    assert served.desk.json("policy", "save", "sums", mine, "--yes")["unasked"] == []
    shown = [visitor.page(one).text for one in visitor.page("/policies/sums").links if "/revert/" in one]
    warned = UNASKED.replace("mails", "sums")
    assert [warned in one for one in shown].count(True) == 1
    back = served.desk.run("revert", "policies/sums.yaml")  # nobody is there to say yes: it is only shown
    assert warned in " ".join(back.stderr.split())
    assert mine.read_text() == (served.desk.folder / "policies" / "sums.yaml").read_text()


def test_what_a_page_binds_is_what_it_shows_though_an_editor_saves_meanwhile(served: Served, visitor: Visitor):
    policy, playbook = "policies/busy.yaml", "playbooks/busy.yaml"
    texts = {
        policy: [f"- {{id: busy, do: files.write, then: ask, why: Text {at}}}\n" for at in "ab"],
        playbook: [f'playbook: busy\ntitle: "Text {at}"\nsteps:\n  nap: {{wait: {{until: 1d}}}}\n' for at in "ab"],
    }
    over = threading.Event()

    def save() -> None:
        for at in itertools.count():
            for path in texts if not over.is_set() else ():
                part = served.desk.folder / f"{path}.part"
                part.write_text(texts[path][at % 2])
                part.replace(served.desk.folder / path)
            if over.wait(0.001):
                return

    editor = threading.Thread(target=save)
    editor.start()
    try:
        until(lambda: visitor.get("/policies/busy").status == 200, "the file")
        until(lambda: visitor.get("/playbooks/busy/activate").status == 200, "the file")
        for path, page, action in [(policy, "/policies/busy", ""), (playbook, "/playbooks/busy", "/activate")] * 40:
            shown = visitor.get(page + action)
            (at,) = set(re.findall("Text ([ab])", shown.text))
            digest = digest_of_files({path: texts[path]["ab".index(at)].encode()})
            assert f'name="seen" value="{digest}"' in shown.text
    finally:
        over.set()
        editor.join()
        for path in texts:
            (served.desk.folder / path).unlink()


def test_there_is_no_policy_outside_the_folder(visitor: Visitor):
    assert visitor.get("/policies/none").status == 404
    for path in (
        "/playbooks/nobody",
        "/playbooks/nobody/diff",
        "/playbooks/nobody/activate",
        "/playbooks/nobody/revert/a",
    ):
        nobody = visitor.get(path)
        assert (nobody.status, "There is no playbook" in nobody.text) == (404, True), path
        assert '<a class="button" href="/playbooks"' in nobody.text, path
    assert visitor.get("/policies/..%2fmainstay").status == 404  # at the door
    assert visitor.get("/policies/..").status == 404
    assert visitor.get("/policies/..?new=1").status == 422


# --- metrics


def test_o5_every_figure_says_what_it_means_and_the_command_prints_the_same(served: Served, visitor: Visitor):
    assert served.write("counted").json["state"] == "done"
    page = visitor.page("/metrics?weeks=4")
    found = served.desk.json("metrics")["figures"]
    assert {one["name"] for one in found} == {
        "exceptions",
        "automated",
        "latency",
        "touch",
        "cost",
        "connectors",
        "health",
    }
    for one in found:
        assert one["title"] in page.text
        assert one["says"] in page.text
        assert one["means"][1:] in page.text
    assert [one["value"] for one in found if one["name"] == "latency"] == [None]
    plan = served.post("answered", wait=0).json["plan"]
    visitor.press(answering(visitor, plan), ("choice", "approve"))
    page = visitor.page("/metrics")
    assert f"/questions/{plan}.1" in page.links
    assert visitor.page(f"/questions/{plan}.1").headings
    (latency,) = [one for one in served.desk.json("metrics")["figures"] if one["name"] == "latency"]
    assert 0 < latency["value"] < 60
    assert served.desk.run("metrics").stdout.count("two minutes at most") == 1


# --- weekly review


def test_o13_the_review_names_what_changed_and_what_was_only_ever_approved(served: Served, visitor: Visitor):
    plans = [served.post(f"trusted-{number}", wait=0).json["plan"] for number in range(5)]
    for plan in plans:
        visitor.press(answering(visitor, plan), ("choice", "approve"))
    page = visitor.page("/review")
    (trust,) = served.desk.json("metrics")["review"]["trust"]
    assert trust["times"] >= 5
    assert f"/questions/{trust['question']}" in page.links
    assert "/policies/house" in page.links  # it was activated when this workspace was made
    assert "Nothing went wrong that needed you" in page.text
    assert "No plan ended in this week" not in page.text


def test_o13_a_rule_that_never_spoke_is_named_and_one_that_did_is_not(served: Served, monkeypatch: pytest.MonkeyPatch):
    served.post("spoken-of", wait=0)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, served.desk.env[name])
    in_spring_us = time.time_ns() // 1000 + (TRUST_WEEKS + 1) * WEEK_US
    with Views(Workspace(served.desk.folder)) as views:
        until(lambda: any(one["what"] and one["kind"] == "EffectPrepared" for one in views.tail(limit=5)))
        rules = [row["rule"] for row in views.review(in_spring_us)["silent"]]
        assert views.review(time.time_ns() // 1000)["silent"] == []  # they hold since today
    assert ("never" in rules, "seen" in rules, "bad" in rules) == (True, False, False)


# --- connectors


def test_connectors_name_their_last_good_call_and_mail_says_whether_it_works(served: Served, visitor: Visitor):
    plan = served.write("through-files").json["plan"]
    page = visitor.page("/connectors")
    (files,) = [one for one in served.desk.json("connectors")["connectors"] if one["name"] == "files"]
    assert (files["good"]["plan"], files["good"]["operation"], files["fails"]) == (plan, "files.write", False)
    assert f"/plans/{plan}/step?at={files['good']['path']}" in page.links
    assert "Nothing is held back." in page.text
    assert ("can be undone" in page.text, "irreversible" in page.text) == (True, False)  # in words, not in the code's
    assert visitor.press(form(page, "/connectors/mail/test")).status == 303
    says = "Mails are kept in outbox/mail; none is sent."
    assert f"mail is in order: {says}" in visitor.page("/connectors").text
    assert f"works. {says}" in visitor.page("/connectors").text  # it stays, where the sentence above goes
    csrf = [("csrf", visitor.csrf())]
    assert visitor.post("/connectors/none/test", csrf).status == 404
    assert says in served.desk.run("connectors", "test", "mail").stdout
    assert "draft" in [one["name"] for one in served.desk.json("connectors")["agents"]]


def test_settings_say_what_holds_and_where_the_file_says_something_else_by_now(served: Served, visitor: Visitor):
    page = visitor.page("/settings")
    assert "per day: 5" in page.text
    assert "says something else" not in page.text
    file = served.desk.folder / "mainstay.toml"
    before = file.read_text()
    file.write_text(before + '\n[limits]\n"mail.send" = 3\n')
    try:
        assert "says something else by now about: limits" in visitor.page("/settings").text
        (limits,) = [one for one in served.desk.json("settings")["sections"] if one["name"] == "limits"]
        assert [(one["name"], one["value"]) for one in limits["lines"]] == [("mail.send", "3")]
        file.write_text("[limits\n")
        assert "the next start would stop at it" in visitor.page("/settings").text
    finally:
        file.write_text(before)


def test_a_policy_may_be_called_as_one_of_our_own_words_is(visitor: Visitor):
    page = visitor.page("/policies/throttle?new=1")
    text = SMALL.replace("id: notes", "id: mine")
    checked = visitor.press(form(page, "/policies/throttle"), ("does", "check"), text=text)
    assert (checked.status, "In order: " in Page(checked.text).text) == (200, True), checked.text


# --- today


def test_what_is_held_stands_on_today_with_why_since_when_and_the_way_on(
    served: Served, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    served.desk.json("run", "fails", status=3)
    until(lambda: "Plans of fails wait since" in visitor.page("/today").text)
    page = visitor.page("/today")
    assert page.text.count("1 failed within 1 hour. Something is wrong with it. (rule bad)") == 1
    assert "Mainstay runs, and goes on with all plans but those that are held." in page.text
    let_on = form(page, "/throttle")
    let_on = let_on._replace(fields=[one for one in let_on.fields if one[0] != "sure"])
    assert visitor.press(let_on, ("way", "undo")).status == 422  # nobody said that they looked
    assert visitor.press(let_on, ("way", "go-on")).status == 303
    assert "Plans of fails wait" not in (held_no_more := visitor.page("/today").text)
    assert "goes on with all plans." in held_no_more
    for path in ("/today", "/policies"):
        assert "All work is stopped" not in visitor.page(path).text

    plan = served.desk.json("run", "nap")["plan"]
    shown = served.desk.run("today").stdout
    assert "\nDue next\n  Look again in spring" in shown, "what only waits does not run"
    assert served.desk.run("pause", plan, "--reason", "Not this year").returncode == 0
    page = visitor.page("/today")
    assert "is paused since" in page.text
    assert "by you: Not this year" in page.text
    assert [one["reason"] for one in served.desk.json("today")["paused"]] == ["Not this year"]
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, served.desk.env[name])
    workspace = Workspace(served.desk.folder)
    with Views(workspace) as views:
        found = today(views, (), time.time_ns() // 1000, {}, contracts_to_read(workspace))
        assert [one["plan"] for one in found["paused"]] == [plan]
        assert views._read.get(plan) is None, "why it is paused is one record of it: the page asks at each refresh"
    assert visitor.press(form(page, f"/plans/{plan}/resume")).status == 303
    assert "is paused since" not in visitor.page("/today").text


def test_what_waits_for_its_hours_says_which_and_until_when(served: Served, visitor: Visitor):
    plan = served.post("in-its-hours", wait=0).json["plan"]
    visitor.press(answering(visitor, plan), ("choice", "approve"))
    until(lambda: "It waits for its hours: later, " in visitor.page("/today").text)
    rows = [row for row in served.desk.json("today")["leaving"] if row["plan"] == plan]
    assert [row["hours"][:7] for row in rows] == ["later, "]
    assert f"waits for its hours: {rows[0]['hours']}" in served.desk.run("today").stdout


# --- memory


def test_memory_says_that_nothing_was_learned_and_forgets_nothing_that_is_not_there(visitor: Visitor):
    assert "Nothing was learned yet" in visitor.page("/memory").text
    assert visitor.post("/memory/forget", [("csrf", visitor.csrf()), ("id", "none")]).status == 404


# --- undo


def test_a_card_says_what_an_undo_takes_back_and_a_no_to_it_is_no_failure(served: Served, visitor: Visitor):
    plan = served.write("taken-back").json["plan"]
    (question,) = served.desk.json("undo", plan, "--yes", status=3)["questions"]
    page = visitor.page(f"/questions/{question}")
    assert "takes back" in page.text
    assert "(write a file): reports/taken-back.md" in page.text, page.text[page.text.index("takes back") :][:300]
    (no,) = [one for one in answers_to(page, question) if ("choice", "reject") in one.buttons]
    assert visitor.press(no, ("choice", "reject"), reason="It stays").status == 303
    (stuck,) = served.desk.json("show", plan)["questions"]
    page = visitor.page(f"/questions/{stuck['decision']}")
    assert "You said no to taking it back, so it stays as it is" in page.text
    assert "It failed" not in page.text
