"""A lead that comes into a folder goes through the shipped service by the real commands, with a mail as the answer."""

from __future__ import annotations

import email
import email.policy
import time
from email.message import EmailMessage

import pytest
from cli_desk import WAIT_S, stop

INTAKE = """\
playbook: leads
title: "Take in what comes to inbox/leads"
on: {folder: inbox/leads, with: {lead: "= event.file"}}
inputs:
  lead: {type: file}
steps:
  service:
    playbook: productised-service
    with: {lead: "= inputs.lead", price: "900.00 EUR", deposit: "300.00 EUR"}
returns: {invoice: "= service.invoice"}
"""
LEAD = "Name: Ada Berg\nEmail: ada@example.com\n\nA website for our bakery.\n"


def until(found):
    """Give what a look finds, as soon as it finds something."""
    end = time.monotonic() + WAIT_S * 2
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.3)
    return value


def question(desk, wanted):
    """Wait for the question that has this in its headline, and give its id."""
    rows = until(lambda: [row for row in desk.json("inbox") if wanted in row["card"]["headline"]])
    return rows[0]["decision"]


def sent(desk, subject):
    files = (desk.folder / "outbox/mail").glob("*.eml")
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    return [mail for mail in mails if mail["Subject"] == subject]


@pytest.mark.long
def test_a_lead_in_a_folder_is_served_to_its_invoice(desk):
    (desk.folder / "playbooks/leads.yaml").write_text(INTAKE)
    assert desk.run("activate", "--yes").returncode == 0
    (desk.folder / "outbox/draft.txt").write_text("the draft")
    service = desk.service()
    try:
        (desk.folder / "inbox/leads").mkdir()
        (desk.folder / "inbox/leads/ada.txt").write_text(LEAD)
        desk.run("decide", question(desk, "take it on for 900.00 EUR"), "approve")
        desk.run("decide", question(desk, "We begin"), "approve")
        desk.run("decide", question(desk, "Do the sprint"), "approve", "--set", "result=outbox/draft.txt")
        desk.run("decide", question(desk, "Your sprint is ready"), "approve")
        (ready,) = until(lambda: sent(desk, "Your sprint is ready"))
        answer = EmailMessage()
        answer["From"], answer["To"], answer["Subject"] = "Ada <ada@example.com>", ready["From"], "Re: sprint"
        answer["Message-ID"], answer["In-Reply-To"] = "<yes@example.com>", ready["Message-ID"]
        answer.set_content("Perfect, approved.")
        (desk.folder / "inbox/mail").mkdir(exist_ok=True)
        (desk.folder / "inbox/mail/yes.eml").write_bytes(bytes(answer))
        desk.run("decide", question(desk, "Invoice "), "approve")
        (plan,) = until(lambda: [row for row in desk.json("plans") if row["status"] == "completed"])
    finally:
        stop(service)
    assert (plan["playbook"], desk.json("show", plan["plan"])["returns"]["invoice"][4:]) == ("leads", "-0002")
    assert len(list((desk.folder / "outbox/invoices").iterdir())) == 2
    undone = desk.run("undo", plan["plan"], "--yes")
    assert undone.returncode == 0, undone.stderr
    notes = sorted(path.name[:2] for path in (desk.folder / "outbox/invoices").iterdir())
    assert notes == ["20", "20", "CN", "CN"]


def test_a_lead_that_is_none_says_what_it_lacks(desk):
    (desk.folder / "inbox/bad.txt").write_text("Name: Ada\n\nA website.\n")
    standing = desk.json("run", "productised-service", "lead=inbox/bad.txt", status=3)
    told = desk.run("decide", standing["questions"][0])
    assert "it names no mail address to answer to" in " ".join(told.stdout.split())
    assert 'Email: ada@example.com"' in " ".join(told.stdout.split())


def test_an_unknown_channel_is_refused_before_anything_starts(desk):
    (desk.folder / "inbox/topics.md").write_text("# One\n")
    inputs = ("topics=inbox/topics.md", "channels=blog", "channels=tiktok", "begin=2026-11-23T09:00:00Z")
    refused = desk.run("run", "content-cadence", *inputs)
    assert refused.returncode == 2
    assert "blog, newsletter" in refused.stderr
    assert desk.json("plans") == []
