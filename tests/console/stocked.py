"""A workspace in which there is some of everything that a screen can show, for tests that only look.

Made once for all tests of a process. Whoever decides something in it decides it for the others: what acts takes
`served`, or a service of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from as_shown import DEMO_PICK
from cli_desk import INVOICES, STATEMENT, asked_desk
from http_kit import LONG_S, Served, until
from visitor import Visitor, link

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cli_desk import Desk

NOTE = (
    'playbook: note\ntitle: "Write a note"\ninputs:\n  what: {type: text, label: "What to write"}\nsteps:\n'
    '  write: {do: files.write, with: {path: "reports/{{inputs.what}}.md", text: "Note", existing: number}}\n'
)
PLAYBOOKS = {
    "later": 'playbook: later\ntitle: "Tell Anna when it leaves"\nsteps:\n'
    "  tell: {do: mail.send, gate: each, delay: 5d, with: {to: anna@example.com, "
    'subject: "Your parcel has left", text: "It will be with you on Friday."}}\n',
    "greet": 'playbook: greet\ntitle: "Thank Jonas"\nsteps:\n'
    "  greet: {do: mail.send, with: {to: jonas@example.com, "
    'subject: "Thank you for your order", text: "Dear Jonas,\\n\\nthank you. We begin on Monday.\\n\\nAnna"}}\n',
    "jot": 'playbook: jot\ntitle: "Keep the minutes"\nsteps:\n'
    "  jot: {do: files.write, gate: each, with: {path: reports/minutes.md, text: Agreed., existing: number}}\n",
    "note": NOTE,
    "nap": 'playbook: nap\ntitle: "Look again in spring"\nsteps:\n  nap: {wait: {until: 120d}}\n',
}
BUDGETS = (
    '\n[budgets]\n"mail.send" = {per_day = 50}\nbookings = {operations = ["books.record_payment"], per_month = 40}\n'
)
ENQUIRY = "Name: Mira Sand\nEmail: mira@example.com\n\nWe sell tea and want a new page. What would a week cost?\n"
NOTES_RULE = "- {id: notes, do: files.write, then: allow, why: Notes stay in the house}\n"


class Stocked(Served):
    """The service, and what there is in it by name: `{done}` in the address of a screen is `names["done"]`."""

    names: Mapping[str, str]


def new_stocked(base: Path) -> Stocked:
    """Make it, and begin its service."""
    desk = asked_desk(base)
    config = desk.folder / "mainstay.toml"
    config.write_text(config.read_text() + BUDGETS)
    for name, text in PLAYBOOKS.items():
        (desk.folder / "playbooks" / f"{name}.yaml").write_text(text)
    (desk.folder / "policies" / "notes.yaml").write_text(NOTES_RULE)
    _activate(desk)
    (desk.folder / "playbooks" / "note.yaml").write_text(NOTE.replace('"Note"', '"Note of {{inputs.what}}"'))
    (desk.folder / "policies" / "notes.yaml").write_text(NOTES_RULE.replace("Notes", "All notes"))
    _activate(desk)
    one = Stocked(desk, desk.json("api", "token", "create", "tool", "--allow", "mail.send")["token"])
    one.begin()
    one.names = {
        "older": _older(one, "/playbooks/note"),
        "earlier": _older(one, "/policies/notes"),
        "done": _matched(desk),
    } | _asked(one)
    (desk.folder / "playbooks" / "note.yaml").write_text(NOTE.replace('"Note"', '"All of {{inputs.what}}"'))
    return one


def _activate(desk: Desk) -> None:
    told = desk.run("activate", "--yes")
    assert told.returncode == 0, told.stderr


def _older(one: Stocked, path: str) -> str:
    """Give the version that was active before, as its page names it."""
    page = Visitor(one).log_in().page(path)
    return next(link for link in reversed(page.links) if "/revert/" in link).rpartition("/")[2]


def _matched(desk: Desk) -> str:
    """Answer all questions of the first reconciliation; gives its plan."""
    plan, question = desk.question.rpartition(".")[0], desk.question
    while question:
        told = desk.run("decide", question, "approve", *(DEMO_PICK if question == desk.question else ()))
        assert told.returncode in (0, 3), told.stderr
        question = next(iter(desk.json("show", plan)["questions"]), {}).get("decision", "")
    return plan


def _earlier(desk: Desk, name: str, file: Path) -> Path:
    """Write a file as if it were an earlier month's."""
    text = re.sub(r"\b2026([-/]?)1(\d\d)\b", r"2026\g<1>2\2", file.read_text())
    text = re.sub(r"\bRF\d{2}2026\d{3}\b", "", text)
    for was, now in (("FB2610", "FB2608"), ("2026-10", "2026-08"), ("2026-09", "2026-07")):
        text = text.replace(was, now)
    written = desk.folder / "inbox" / f"{name}-august{file.suffix}"
    written.parent.mkdir(exist_ok=True)
    written.write_text(text)
    return written


def _asked(one: Stocked) -> dict[str, str]:
    """Ask what can be asked: rows to look at, mails, the same thing often, what failed, what leaves later."""
    desk = one.desk
    given = {"statement": STATEMENT, "invoices": INVOICES}
    files = [f"{name}={_earlier(desk, name, file)}" for name, file in given.items()]
    rows = desk.json("run", "billing-reconciliation", *files, status=3)["questions"][0]
    (desk.folder / "inbox" / "enquiry.txt").write_text(ENQUIRY)
    lead = desk.json("run", "productised-service", "lead=inbox/enquiry.txt", status=3)["questions"][0]
    mail = desk.json("run", "greet", status=3)["questions"][0]
    alike, *_ = [desk.json("run", "jot", status=3)["questions"][0] for _ in range(3)]
    stuck, *_ = [desk.json("run", "note", f"what=../{name}", status=3)["questions"][0] for name in ("offers", "terms")]
    leaving = desk.json("run", "later", status=3)["questions"][0]
    desk.json("decide", leaving, "approve")
    person = Visitor(one).log_in()
    assert person.post("/playbooks/nap/start", [("csrf", person.csrf())]).status == 303
    later = desk.json("run", "greet", status=3)["questions"][0]
    assert desk.run("snooze", later, "3d").returncode == 0
    outside = desk.json("api", "link", mail)["url"]
    return {
        "rows": rows, "lead": lead, "mail": mail, "alike": alike, "stuck": stuck, "open": rows.rpartition(".")[0],
        "mails": mail.rpartition(".")[0], "leaving": leaving.rpartition(".")[0], "link": outside.rpartition("/")[2],
        "trial": _tried(person), "past": _played(person), "way": link(one).rpartition("/")[2],
    }  # fmt: skip


def _tried(person: Visitor) -> str:
    """Try the demo's month; gives the trial once it is over."""
    files = ("bank", "statement.xml", STATEMENT.read_bytes()), ("invoices", "invoices.csv", INVOICES.read_bytes())
    return _over(person, person.upload("/try", *files).headers["location"])


def _played(person: Visitor) -> str:
    """Play the last plans of the note by what its file says; gives the trial once it is over."""
    asked = [("csrf", person.csrf()), ("last", "2")]
    return _over(person, person.post("/playbooks/note/past", asked).headers["location"])


def _over(person: Visitor, at: str) -> str:
    until(lambda: "so far" not in person.page(at).text, "the end of a trial", LONG_S)
    return at.rpartition("/")[2]
