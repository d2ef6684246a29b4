import asyncio
import base64
import os

import pytest
from smtp_servers import PASSWORD, Known, Scripted, certificate, good_server

from mainstay.connectors import smtp
from mainstay.connectors.smtp import Envelope, SmtpConfig
from mainstay.errors import NeedsOperator, NotSent, Permanent, Uncertain

CONTENT = b"From: a@acme.example\r\nTo: b@doe.example\r\nSubject: x\r\n\r\nhello\r\n"
ENVELOPE = Envelope("a@acme.example", "b@doe.example", "<id-1@acme.example>", CONTENT)
BEFORE_BODY = ("greeting", "ehlo", "mail", "rcpt", "data")
SENT = "sent"


def outcome(script, envelope=ENVELOPE, timeout_s=0.4, username="", password=None):
    """Run one mail against a misbehaving server; gives the class of the outcome, the error and the server."""
    server = Scripted(**script)

    async def scenario():
        async with server.running() as port:
            config = SmtpConfig("127.0.0.1", port, "none", username, timeout_s)
            return await smtp.send(config, envelope, password)

    try:
        return SENT, asyncio.run(scenario()), server
    except (NotSent, Permanent, NeedsOperator, Uncertain) as error:
        return type(error), error, server


def test_a_mail_is_taken():
    kind, words, server = outcome({})
    assert (kind, words) == (SENT, "250 taken as 4711")
    assert server.seen == ["greeting", "ehlo", "mail", "rcpt", "data", "end", "quit"]
    assert server.body == CONTENT + b".\r\n"


@pytest.mark.parametrize("fault", ["drop", "reset", "silence", "drip"])
@pytest.mark.parametrize("stage", BEFORE_BODY)
def test_a_loss_before_the_body_did_not_happen(stage, fault):
    kind, error, server = outcome({stage: fault})
    assert kind is NotSent, error
    assert server.seen[-1] == stage
    assert error.message.startswith("Nothing was sent through 127.0.0.1")


@pytest.mark.parametrize("fault", ["drop", "reset", "silence", "drip"])
@pytest.mark.parametrize("stage", ["body", "end"])
def test_a_loss_from_the_body_on_may_have_happened(stage, fault):
    kind, error, _ = outcome({stage: fault})
    assert kind is Uncertain, error
    assert "b@doe.example" in error.message
    assert "<id-1@acme.example>" in error.remedy


@pytest.mark.parametrize("stage", [*BEFORE_BODY, "end"])
@pytest.mark.parametrize(("code", "expected"), [("421", NotSent), ("451", NotSent), ("550", Permanent)])
def test_a_reply_that_refuses_is_certain(stage, code, expected):
    kind, error, _ = outcome({stage: f"{code} the reason"})
    assert kind is expected, error
    assert f"{code} the reason" in error.message


def test_a_refused_receiver_is_named():
    kind, error, server = outcome({"rcpt": "550 5.1.1 no such user"})
    assert kind is Permanent
    assert error.message == "127.0.0.1 refuses the receiver b@doe.example: 550 5.1.1 no such user."
    assert "data" not in server.seen


@pytest.mark.parametrize("reply", ["nonsense", "354 again", "999 what", "250"])
def test_only_a_clear_reply_to_the_body_counts(reply):
    kind, _, _ = outcome({"end": reply})
    assert kind == (SENT if reply == "250" else Uncertain)


@pytest.mark.parametrize("stage", BEFORE_BODY)
def test_nonsense_before_the_body_did_not_happen(stage):
    assert outcome({stage: "nonsense"})[0] is NotSent


@pytest.mark.parametrize("fault", ["drop", "reset", "421 closing", "500 what"])
def test_a_lost_quit_is_success(fault):
    assert outcome({"quit": fault})[0] == SENT


def test_a_silent_quit_is_success_long_before_the_other_side_speaks_again():
    """Also when the account is given all the time in the world."""
    kind, _, server = outcome({"quit": "silence"}, timeout_s=3600)
    assert kind == SENT
    assert server.seen[-1] == "quit"
    assert "woke" not in server.seen


def test_a_large_body_that_breaks_off_may_have_happened():
    large = Envelope("a@acme.example", "b@doe.example", "<id@a>", CONTENT + b"x" * 70 + b"\r\n" * 3_000_000)
    assert outcome({"body": "drop"}, large)[0] is Uncertain


def test_nobody_there_did_not_happen():
    async def scenario():
        async with Scripted().running() as port:
            pass
        await smtp.send(SmtpConfig("127.0.0.1", port, "none", timeout_s=1), ENVELOPE)

    with pytest.raises(NotSent):
        asyncio.run(scenario())


def test_an_unknown_host_did_not_happen():
    with pytest.raises(NotSent, match=r"nowhere\.invalid"):
        asyncio.run(smtp.send(SmtpConfig("nowhere.invalid", 25, "none", timeout_s=5), ENVELOPE))


def test_dots_and_line_ends_arrive_as_they_were():
    content = b"Subject: x\r\n\r\n.\r\n..\r\n.leading\nbare\rend"
    with good_server() as (port, kept):
        asyncio.run(
            smtp.send(
                SmtpConfig("127.0.0.1", port, "none"), Envelope("a@acme.example", "b@doe.example", "<i>", content)
            )
        )
    (mail,) = kept.mails
    assert mail[2] == b"Subject: x\r\n\r\n.\r\n..\r\n.leading\r\nbare\r\nend\r\n"


def test_an_address_can_not_smuggle_a_command():
    for evil in ("b@doe.example>\r\nRCPT TO:<c@evil.example", "b@doe.example> NOTIFY=NEVER", "b@doe.example\n"):
        kind, error, server = outcome({}, Envelope("a@acme.example", evil, "<i>", CONTENT))
        if kind == SENT:
            assert server.seen.count("rcpt") == 1
        else:
            assert kind is Permanent, error


def test_an_error_shows_the_servers_words_escaped_and_short():
    _, error, _ = outcome({"rcpt": "550 \u202eevil\x1b[2J " + "x" * 2000})
    assert "<U+202E>evil<U+001B>[2J" in error.message
    assert len(error.message) < 500


def test_encryption_from_the_start_and_log_in(tmp_path):
    context, trusted = certificate(tmp_path)
    with good_server(encrypted=context, auth_require_tls=False) as (port, kept):
        config = SmtpConfig("localhost", port, "tls", "me", ca_file=trusted)
        asyncio.run(smtp.send(config, ENVELOPE, Known()))
    assert [mail[:2] for mail in kept.mails] == [("a@acme.example", ["b@doe.example"])]


def test_starttls_and_log_in(tmp_path):
    context, trusted = certificate(tmp_path)
    with good_server(tls_context=context, require_starttls=True) as (port, kept):
        config = SmtpConfig("localhost", port, "starttls", "me", ca_file=trusted)
        asyncio.run(smtp.check(config, "a@acme.example", Known()))
        assert kept.mails == []
        asyncio.run(smtp.send(config, ENVELOPE, Known()))
    assert len(kept.mails) == 1


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("fault", ["untrusted", "other name"])
def test_a_certificate_that_is_not_valid_stops_the_mail(tmp_path, tls, fault):
    context, trusted = certificate(tmp_path, "localhost" if fault == "untrusted" else "other.example")
    ca_file = trusted if fault == "other name" else ""
    options = {"encrypted": context} if tls == "tls" else {"tls_context": context}
    config = {"host": "localhost", "tls": tls, "timeout_s": 5}
    with good_server(**options) as (port, kept), pytest.raises(NeedsOperator, match="certificate of localhost"):
        asyncio.run(smtp.send(SmtpConfig(port=port, ca_file=ca_file, **config), ENVELOPE))
    assert kept.mails == []


def test_a_certificate_file_that_is_missing_needs_the_operator():
    with pytest.raises(NeedsOperator, match=r"certificate file /nowhere\.pem"):
        asyncio.run(smtp.send(SmtpConfig("localhost", 1, ca_file="/nowhere.pem"), ENVELOPE))


def test_starttls_is_never_left_out():
    async def scenario(server):
        async with server.running() as port:
            await smtp.send(SmtpConfig("127.0.0.1", port, "starttls", "me"), ENVELOPE, Known())

    server = Scripted()
    with pytest.raises(NeedsOperator, match="does not offer encryption"):
        asyncio.run(scenario(server))
    assert server.seen == ["greeting", "ehlo"]


@pytest.mark.parametrize(
    ("reply", "expected"), [("454 later", NotSent), ("500 no", Permanent), ("drop", NotSent), ("220 go", NotSent)]
)
def test_a_loss_while_encryption_starts_did_not_happen(reply, expected):
    async def scenario(server):
        async with server.running() as port:
            await smtp.send(SmtpConfig("127.0.0.1", port, "starttls", timeout_s=0.5), ENVELOPE)

    server = Scripted(ehlo="250-mx\r\n250 STARTTLS", starttls=reply)
    with pytest.raises(expected):
        asyncio.run(scenario(server))


def test_s55_a_refused_log_in_needs_the_operator_and_never_shows_the_password():
    echo = base64.b64encode(b"\0me\0" + PASSWORD.encode()).decode()
    kind, error, server = outcome({"auth": f"535 bad {echo} {PASSWORD}"}, username="me", password=Known())
    assert kind is NeedsOperator
    assert error.message == "127.0.0.1 refused the log-in of me: 535 bad [secret] [secret]."
    assert PASSWORD not in repr(error.__cause__)
    assert "mail" not in server.seen


@pytest.mark.parametrize(
    ("reply", "expected"), [("454 later", NotSent), ("drop", NotSent), ("silence", NotSent), ("nonsense", NotSent)]
)
def test_a_loss_while_logging_in_did_not_happen(reply, expected):
    assert outcome({"auth": reply}, username="me", password=Known())[0] is expected


def test_a_server_without_a_log_in_we_know_needs_the_operator():
    kind, error, _ = outcome({"ehlo": "250-mx\r\n250 AUTH GSSAPI"}, username="me", password=Known())
    assert kind is NeedsOperator, error


def test_a_server_that_wants_a_log_in_says_so():
    kind, error, _ = outcome({"mail": "530 authentication required"})
    assert kind is NeedsOperator
    assert "user name" in error.remedy


def test_a_password_is_not_sent_unencrypted_beyond_loopback():
    # 127.0.0.2 is not one of the names that count as this machine: it stands for another one.
    server = Scripted()

    async def scenario():
        async with server.running("127.0.0.2") as port:
            await smtp.send(SmtpConfig("127.0.0.2", port, "none", "me"), ENVELOPE, Known())

    with pytest.raises(NeedsOperator, match="not sent unencrypted"):
        asyncio.run(scenario())
    assert "auth" not in server.seen


def test_a_cancelled_mail_sends_nothing_more():
    server = Scripted(rcpt="silence")

    async def scenario():
        async with server.running() as port:
            config = SmtpConfig("127.0.0.1", port, "none", timeout_s=5)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await smtp.send(config, ENVELOPE)
            await asyncio.sleep(0.1)

    asyncio.run(scenario())
    assert server.body == b""


def test_the_whole_conversation_is_bounded():
    config = SmtpConfig("h", timeout_s=10)
    assert smtp.longest_s(config, 1_000_000) == 5 * 10 + 10 + smtp.QUIT_S


def test_c5_a_keyring_that_asks_somebody_who_is_not_there_needs_the_operator_and_sends_nothing(tmp_path, monkeypatch):
    """Its password is a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(smtp, "KEYRING_S", 0.2)

    class Locked(Known):
        def give(self, host):
            return (tmp_path / "pipe").read_text()

    kind, error, server = outcome({}, username="me", password=Locked())
    assert (kind, error.message.endswith("the system's keyring does not answer.")) == (NeedsOperator, True)
    assert error.remedy.startswith("Unlock it")
    assert server.seen == ["greeting", "ehlo"]
