"""G5, G10, O11: what waits is told unasked by a service, on its screen, by mail and by a command."""

from __future__ import annotations

import select
import time

import pytest
from as_shown import DEMO_PICK
from cli_desk import WAIT_S, Desk, asked_desk, stop
from smtp_servers import scripted_server


def configured(desk: Desk, text: str) -> None:
    config = desk.folder / "mainstay.toml"
    config.write_text(f"{config.read_text()}\n{text}\n")


def until(wanted) -> None:
    end = time.monotonic() + WAIT_S
    while not wanted():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def heard(service, wanted: str) -> str:
    """Read the service's screen until a line with a text."""
    end, told = time.monotonic() + WAIT_S, ""
    while wanted not in told:
        assert select.select([service.stderr], [], [], end - time.monotonic())[0], told
        told += service.stderr.readline()
    return told


def told_of(desk: Desk) -> list[str]:
    return [row["what"] for row in desk.json("history", "tail") if row["what"].startswith("You were told")]


def test_g10_a_question_is_told_on_the_screen_by_mail_and_by_a_command_once_and_over_a_restart(desk, tmp_path):
    script, kept = tmp_path / "told.sh", tmp_path / "told.txt"
    script.write_text(f'#!/bin/sh\necho "$1" >> {kept}\ncat >> {kept}\n')
    script.chmod(0o700)
    with scripted_server() as (port, server):
        configured(desk, f'[mail.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"')
        configured(desk, f"[notify]\nmail = \"anna@acme.example\"\ncommand = ['{script}', 'a; echo $HOME']")
        configured(desk, '[attention]\nafter = "1s"')
        service = desk.service()
        (question,) = desk.reconcile()["questions"]
        line = heard(service, f"Answer: mainstay decide {question}")
        until(lambda: told_of(desk))
        assert stop(service)[0] == 0
        mail = server.body.decode()
    assert "This needs your decision: " in line
    assert (told_of(desk)[-1]) == "You were told that 1 question came (mail, command)"
    assert "Subject: Mainstay: This needs your decision" in " ".join(mail.split())
    assert question in mail
    assert kept.read_text().startswith("a; echo $HOME\n"), "its words are fixed, and no shell reads them"
    assert f"Answer: mainstay decide {question}" in kept.read_text()
    before = kept.read_text(), len(told_of(desk))
    service = desk.service()
    time.sleep(4)
    assert "needs your decision" not in stop(service)[2]
    assert (kept.read_text(), len(told_of(desk))) == before


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ('[attention]\nsummary = "5pm"', "under [attention], summary: '5pm' is no time of day"),
        ('[attention]\nsummary = "24:00"', "'24:00' is no time of day"),
        ('[attention]\nafter = "soon"', "under [attention], after"),
        ("[attention]\nper_day = -1", "attention.per_day"),
        ("[attention]\nper_dya = 5", "did you mean 'per_day'?"),
        ('[notify]\nmail = "you@example.com"', "a mail reaches you only through a server"),
        ('[mail.smtp]\nhost = "x"\n[notify]\nmail = "you"', "'you' is no mail address"),
        ('[notify]\ncommand = ["", "x"]', "command names no program"),
        ('[notify]\ncommand = "notify-send"', "notify.command"),
        ('[notify]\nsay = "some"', "notify.say"),
        ('[notify]\nlinks = ["phnoe"]\n[notify.to]\nphone = "ntfys://ntfy.sh/x"', "Did you mean 'phone'?"),
        ('[notify]\nlinks = ["phone"]\n[notify.to]\nphone = "ntfys://ntfy.sh/x"', "nothing says where others reach"),
        ('[notify.to]\nmail = "ntfys://ntfy.sh/x"', "neither mail nor command"),
        ('[notify.to]\nphone = "ntfy.sh/x"', "under [notify.to], phone: that is no address"),
        ('[notify.to]\nphone = "ntfys://me:word@ntfy.sh/x"', "an address holds no password"),
    ],
)
def test_g10_settings_that_would_tell_nobody_are_refused(desk, wrong, says):
    configured(desk, wrong)
    done = desk.run("start")
    assert done.returncode != 0
    assert says in " ".join(done.stderr.split()), done.stderr


@pytest.mark.long
def test_g10_a_way_that_fails_is_said_on_the_screen_and_in_the_history(desk):
    configured(desk, '[notify]\ncommand = ["/nowhere/told"]\n[attention]\nafter = "1s"')
    service = desk.service()
    desk.reconcile()
    heard(service, "This did not reach you by command: There is no program /nowhere/told.")
    until(lambda: told_of(desk))
    stop(service)
    assert told_of(desk)[-1] == "You were told that 1 question came; not reached: command"


def test_g10_metrics_count_questions_for_a_hundred_actions_and_say_what_each_figure_means(tmp_path):
    desk = asked_desk(tmp_path)
    standing = desk.standing
    desk.json("decide", desk.question, "approve", *DEMO_PICK, status=3)
    found = desk.json("metrics")
    timeline = desk.json("show", standing["plan"])["timeline"]
    asked = [row for row in timeline if row["kind"] == "DecisionAsked"]
    done = [row for row in timeline if row["kind"] == "EffectDone"]
    assert (found["questions"], found["actions"]) == (len(asked), len(done))
    ratio = round(100 * len(asked) / len(done), 2) if done else None
    assert found["questions_per_100_actions"] == ratio
    (playbook,) = found["by_playbook"]
    assert (playbook["name"], playbook["questions"]) == ("billing-reconciliation", len(asked))
    assert sum(row["questions"] for row in found["by_rule"]) == sum(row["questions"] for row in found["by_week"])
    assert found["answers"] == 2
    assert 0 < found["answer_p50_s"] < WAIT_S * 2
    assert found["approved"] == 1.0
    assert found["interruptions"] == {"days": {}, "per_day": 0.0}
    shown = " ".join(desk.run("metrics", "--weeks", 1).stdout.split())
    for meaning in found["defined"].values():
        assert meaning in shown
    assert desk.run("metrics", "--weeks", 0).returncode == 2


@pytest.mark.parametrize("console", [True, False])
def test_a_message_leads_to_the_console_where_others_reach_it_and_there_is_one(desk, tmp_path, console):
    script, kept = tmp_path / "told.sh", tmp_path / "told.txt"
    script.write_text(f"#!/bin/sh\ncat > {kept}\n")
    script.chmod(0o700)
    served = "" if console else "console = false\nenabled = true\n"
    configured(desk, f'[notify]\ncommand = ["{script}"]\n[api]\nnames = ["office.example.com"]\n{served}')
    service = desk.service()
    try:
        told = desk.run("notify", "test")
        assert (told.returncode, "next start" in told.stderr) == (0, False), told.stderr
        configured(desk, '[notify.to]\nphone = "ntfys://ntfy.sh/x"')
        unknown, behind = desk.run("notify", "test", "phone"), desk.json("notify", "test")
        assert (unknown.returncode, "counts from the next start" in " ".join(unknown.stderr.split())) == (2, True)
        assert ([row["taken"] for row in behind["ways"]], "mainstay start" in behind["behind"]) == ([True], True)
    finally:
        stop(service)
    assert ("See it here: http://office.example.com:" in kept.read_text()) is console
