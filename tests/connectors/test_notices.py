"""Delivery notices are read in the forms that servers write, and forged or unrelated ones say nothing (G8)."""

from __future__ import annotations

import base64
import email
import email.policy
import os
from pathlib import Path

import pytest
from delivery_notices import exim, qmail, renamed, standard
from hypothesis import given
from hypothesis import strategies as st

from mainstay.connectors.inbox import RawMail, read_mail
from mainstay.connectors.notices import Notice, is_notice, read_notice
from mainstay.values import BlobRef, digest_of

MARK = f"{'0a' * 16}.k3v9x2m4qa"
MAIL = f"""\
From: Test <test@test.example>
To: jo@doe.example
Subject: Hello
Message-ID: <{MARK}@test.example>
X-Mainstay-Mail: {MARK}
MIME-Version: 1.0
Content-Type: text/plain; charset="utf-8"

Hello Jo, warning: this text speaks of 5.9.9 and of delays.
""".encode()
SAMPLES = Path(os.environ.get("MAINSTAY_SAMPLES") or Path(__file__).parents[3] / "shared/samples") / "eml"


def read(content):
    message = email.message_from_bytes(content, policy=email.policy.default)
    return read_notice(message) if is_notice(message) else None


def noticed(content):
    digest = digest_of(content)
    return read_mail(RawMail(BlobRef(digest, len(content))), {digest: content})


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("action", "status", "final"),
    [("failed", "5.1.1", True), ("delayed", "4.2.2", False), ("Failed (x)", "5.7.1", True)],
)
def test_g8_a_report_of_a_server_says_whose_mail_did_not_arrive_and_whether_for_good(action, status, final, whole):
    assert read(standard(MAIL, action, status, whole=whole)) == Notice((MARK,), final, status, ("jo@doe.example",))


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_g8_a_report_that_it_arrived_is_none_of_a_failure(action):
    assert read(standard(MAIL, action, "2.0.0")) is None


def test_g8_one_receiver_of_several_that_failed_is_a_failure():
    two = standard(MAIL, "delayed", "4.2.2").replace(
        b"Diagnostic-Code",
        b"X-Y: z\n\nFinal-Recipient: rfc822; x@y.example\nAction: failed\nStatus: 5.2.1\nDiagnostic-Code",
    )
    assert read(two) == Notice((MARK,), final=True, code="5.2.1", receivers=("jo@doe.example", "x@y.example"))


def test_g8_servers_that_write_no_report_are_read_by_their_words():
    assert read(exim(MAIL)) == Notice((MARK,), final=True, code="5.1.1", receivers=("jo@doe.example",))
    assert read(exim(MAIL, delayed=True)) == Notice((MARK,), final=False, receivers=("jo@doe.example",))
    assert read(qmail(MAIL)) == Notice((MARK,), final=True, code="5.1.1")


def test_g8_a_mail_whose_message_id_was_changed_on_its_way_is_known_by_its_own_header():
    assert read(standard(renamed(MAIL))).marks == (MARK,)


@pytest.mark.parametrize("how", ["base64", "as text"])
def test_g8_a_report_that_came_encoded_or_as_text_is_read(how):
    plain = standard(MAIL)
    status = plain.partition(b"Content-Type: message/delivery-status\n\n")[2].partition(b"\n--XX")[0]
    if how == "base64":
        head = b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
        content = plain.replace(
            b"Content-Type: message/delivery-status\n\n" + status, head + base64.encodebytes(status)
        )
    else:
        content = plain.replace(
            b"Content-Type: message/delivery-status\n\n", b"Content-Type: message/delivery-status; x=y\n\n"
        )
    assert read(content) == Notice((MARK,), final=True, code="5.1.1", receivers=("jo@doe.example",))


@pytest.mark.parametrize(
    "mark", ["", "<200712232303@mx.example>", MARK.upper(), MARK[1:], "0" + MARK, f"{'0a' * 16}@test.example"]
)
def test_g8_a_notice_that_repeats_no_mark_of_ours_speaks_of_nothing(mark):
    other = MAIL.replace(MARK.encode(), mark.encode())
    assert read(standard(other)) is None
    assert noticed(standard(other)).notice is None
    assert noticed(standard(other)).automatic, "it starts nothing all the same"


def test_g8_what_a_person_writes_about_a_mail_is_no_notice():
    answer = MAIL.replace(b"Subject: Hello", b"Subject: Re: Undeliverable: Hello").replace(b"Hello Jo", MARK.encode())
    assert read(answer) is None
    assert not noticed(answer).automatic
    assert noticed(answer).notice is None


def test_g8_a_daemon_without_an_address_is_a_sender_all_the_same():
    assert (noticed(qmail(MAIL)).from_address, noticed(qmail(MAIL)).notice.final) == ("mailer-daemon", True)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the collected mails are not on this machine")
def test_g8_collected_reports_are_notices_and_collected_mails_are_none():
    told = {path.name: noticed(path.read_bytes()) for path in SAMPLES.rglob("multipart_report_emails/*.eml")}
    assert {name: (one.automatic, one.notice) for name, one in told.items()} == {
        "report_422.eml": (True, None),
        "report_530.eml": (True, None),
    }, "they are about mails that are none of ours"
    others = [
        path for path in SAMPLES.rglob("*.eml") if "report" not in path.name and "without_content_type" not in path.name
    ]
    messages = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in others]
    assert len(messages) > 30
    assert not [path for path, message in zip(others, messages, strict=True) if is_notice(message)]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the collected mails are not on this machine")
@pytest.mark.parametrize(("name", "final", "code"), [("report_422", False, "4.2.2"), ("report_530", True, "5.3.0")])
def test_g8_collected_reports_about_a_mail_of_ours_are_read(name, final, code):
    (path,) = SAMPLES.rglob(f"{name}.eml")
    content = path.read_bytes().replace(
        b"Message-ID: <15655788", b"Message-ID: <x@y>\nX-Mainstay-Mail: %s\nX: <15655788" % MARK.encode()
    )
    content = content.replace(b"Resent-Message-Id: ", b"X-Mainstay-Mail: %s\nResent-Message-Id: " % MARK.encode())
    found = read(content)
    assert (found.marks, found.final, found.code) == ((MARK,), final, code)


@given(st.binary(max_size=400), st.integers(0, 1200))
def test_g8_a_broken_notice_breaks_nothing(noise, at):
    for whole in (standard(MAIL, whole=True), exim(MAIL), qmail(MAIL)):
        found = read(whole[:at] + noise + whole[at:])
        assert found is None or all(mark.startswith("0a0a") for mark in found.marks)
