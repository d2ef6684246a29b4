"""The demo, as a new user runs it: in a process of its own, without a terminal."""

import email
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import starter
from cli_desk import COMMAND, Desk, Terminal

from mainstay import events as e
from mainstay.app import opener_at
from mainstay.ledger import keys
from mainstay.ledger.books import BookReader
from mainstay.ledger.reader import SqliteReader
from mainstay.views import Views
from mainstay.workspace import Workspace

SRC = Path(__file__).parents[2] / "src"
HANGS_S = 300  # nobody waits longer for it


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("demo")
        patch.setenv("XDG_CONFIG_HOME", str(place / "config"))
        yield place


@pytest.fixture(scope="module")
def told(place):
    done = subprocess.run(
        [sys.executable, "-m", "mainstay.cli", "demo"],
        cwd=place, env={**os.environ, "PYTHONPATH": str(SRC)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANGS_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def workspace(place, told):
    return Workspace(place / "mainstay-demo")


@pytest.fixture(scope="module")
def plan(workspace):
    with Views(workspace) as views:
        return views.plans()[-1]["plan"]


def mainstay(place, *arguments):
    return starter.run(["mainstay", *arguments], folder=place, env={**os.environ, "PYTHONPATH": str(SRC)})


def facts(workspace, plan):
    with Views(workspace) as views:
        return [event.fact for event in views.recorded(plan)]


def mails(workspace):
    return [email.message_from_bytes(file.read_bytes()) for file in (workspace.root / "outbox/mail").iterdir()]


def payments(workspace, plan):
    with SqliteReader(workspace.ledger, keys.load(workspace.state).database) as reader:
        return BookReader(reader, opener_at(workspace, reader).open).of_plan(plan)


def test_it_tells_each_part_of_the_story(told, plan):
    parts = [
        "Everything here is invented, and no mail leaves this machine",
        "from the demo's file: approve, keeping all 5 rows; row 2: Pays 2026-118, as proposed, because ",
        "Your rule 'best-customer': Kupfer is my best customer, so I read what goes to them.",
        "from the demo's file: approve, keeping all 4 rows; the subject of row 2 becomes 'The second half",
        "Mainstay was killed (SIGKILL) right after mail 2",
        "the mail to mail@kupfer-architekten.example was there, so it was not sent again",
        "A budget is used up, and you say how to go on",
        "budget 'mail.send' allows 3 a day",
        "The ways on: raise, wait, retry, skip, undo",
        "from the demo's file: raise, because ",
        "4 mails are in outbox/mail, each of them once.",
        "38 bookings of 36 payments are in the books, each of them once.",
        "every one as it was written",
        "known because it was looked up",
        f"mainstay undo {plan}",
        "mainstay history verify",
    ]
    assert [part for part in parts if part not in " ".join(told.split())] == []


def test_it_uses_no_word_of_the_engine_room(told):
    assert not re.findall(r"(?i)\b(ledger|projection|digest|fold|stream|effect|compensat\w+|ruling)\b", told)


def test_the_second_mail_was_on_disk_and_not_noted_when_the_process_died(workspace, plan):
    kinds = [(type(fact).__name__, fact.path) for fact in facts(workspace, plan) if getattr(fact, "path", "")]
    lost = kinds.index(("EffectUncertain", "remind/1"))
    noted = [path for kind, path in kinds[:lost] if kind == "EffectDone" and path.startswith("remind/")]
    assert len(noted) == 1
    settled = [fact for fact in facts(workspace, plan) if isinstance(fact, e.EffectDone) and fact.settled]
    assert [fact.path for fact in settled] == ["remind/1"]
    assert [fact.path for fact in facts(workspace, plan) if isinstance(fact, e.EffectAbsent)] == ["remind/2"]


def test_the_edited_reminder_left_as_it_was_edited_and_the_others_as_they_were_shown(workspace):
    subjects = {mail["To"]: mail["Subject"] for mail in mails(workspace)}
    assert subjects.pop("mail@kupfer-architekten.example") == "The second half of invoice 2026-115"
    assert len(subjects) == 3
    assert all(subject.startswith("Reminder: invoice 2026-1") for subject in subjects.values())


def test_each_mail_is_there_once(workspace, plan):
    assert len({mail["Message-ID"] for mail in mails(workspace)}) == len(mails(workspace)) == 4


def test_each_payment_is_booked_once(workspace, plan):
    booked = Counter((one.line_id, one.invoice, one.kind) for one in payments(workspace, plan))
    assert (len(booked), set(booked.values())) == (38, {1})


def test_the_answers_name_the_demos_file(workspace, plan):
    ruled = [fact for fact in facts(workspace, plan) if isinstance(fact, e.DecisionRuled)]
    assert [fact.session for fact in ruled] == ["demo file"] * 4


def test_taking_it_back_removes_the_bookings_and_says_that_mails_stay(place, workspace, plan):
    done = mainstay(workspace.root, "undo", plan, "--yes")
    assert done.returncode == 0, done.stderr
    stays = done.stdout.partition("Stays, as it was not taken back:")[2]
    assert stays.count("remind, item ") == stays.count("Send a mail to ") == 4
    assert "Undone, except" in mainstay(workspace.root, "show", plan).stdout
    assert payments(workspace, plan) == []
    assert len(mails(workspace)) == 4
    impossible = [fact for fact in facts(workspace, plan) if isinstance(fact, e.UndoImpossible)]
    assert {fact.path.partition("/")[0] for fact in impossible} == {"remind"}
    assert not list((workspace.root / "reports").glob("*.md"))


def test_it_ends_with_three_questions_that_wait(workspace, told):
    with Views(workspace) as views:
        waiting = [views.question(row["questions"][0]) for row in reversed(views.plans()) if row["questions"]]
    assert [(one["playbook"], one["kind"]) for one in waiting] == [
        ("billing-reconciliation", "ask"), ("reminders", "batch"), ("refund", "ask"),
    ]  # fmt: skip
    (unsure,), reminders = (one["card"]["rows"] for one in waiting[:2])
    assert "2026-144 of the same customer, the same amount" in str(unsure)
    assert len(reminders) == 8
    assert "3 questions wait for you" in told


@pytest.mark.long
def test_a_second_demo_starts_anew_and_leaves_no_old_key(place, workspace, plan):
    done = mainstay(place, "demo", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (done.returncode, found["killed_by"], found["status"]) == (0, 9, "completed")
    assert found["plan"] != plan
    assert len(list((place / "config/mainstay/keys").iterdir())) == 3


@pytest.mark.parametrize("name", ["letters/dear.txt", "mainstay.toml"])
def test_a_folder_that_the_demo_did_not_make_is_left_alone(place, name):
    file = place / f"mine-{name[:3]}" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    folder = file.parents[name.count("/")]
    done = mainstay(place, "demo", "--folder", str(folder))
    assert done.returncode == 2
    assert "was not made by the demo" in done.stderr
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [file.name]


def test_a_workspace_of_the_operators_own_is_left_alone(place):
    assert mainstay(place, "init", "acme").returncode == 0
    done = mainstay(place, "demo", "--folder", "acme")
    assert done.returncode == 2
    assert "was not made by the demo" in done.stderr


def test_its_lines_fit_eighty_columns_but_for_what_is_copied(told):
    long = [line for line in told.splitlines() if len(line) > 80]
    assert [line for line in long if "/" not in line and "mainstay " not in line] == []


def test_a_demo_left_for_later_ends_well_and_says_how_to_go_on(tmp_path):
    desk = Desk(tmp_path)
    terminal = Terminal([*COMMAND, "demo", "--ask"], tmp_path, desk.env)
    terminal.until("Your answer (", HANGS_S)
    terminal.type("later\n")
    assert terminal.status() == 0
    assert "mainstay demo --yes" in terminal.text
    assert "&& mainstay inbox" in terminal.text
    (question,) = json.loads(desk.run("inbox", "--json", folder=tmp_path / "mainstay-demo").stdout)
    assert question["open"] is True


@pytest.mark.long
def test_at_a_terminal_it_prints_a_link_and_stays_until_ctrl_c(tmp_path):
    desk = Desk(tmp_path)
    terminal = Terminal([*COMMAND, "demo"], tmp_path, desk.env)
    terminal.until("three questions wait for you", HANGS_S)
    assert "next=/demo" in terminal.until("Ctrl-C ends the demo.")
    terminal.interrupt()
    assert terminal.status() == 0
    assert "&& mainstay start" in terminal.text
    assert "Traceback" not in terminal.text
    assert len(json.loads(desk.run("inbox", "--json", folder=tmp_path / "mainstay-demo").stdout)) == 3
