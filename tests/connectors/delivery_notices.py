"""Delivery notices as servers write them, about a mail that was really sent; their forms are those of real ones."""

from __future__ import annotations

import email
import email.policy

BODY = "This is to tell you that something went wrong.\n"


def headers_of(mail: bytes) -> str:
    return mail.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode()


def standard(mail: bytes, action="failed", status="5.1.1", *, whole=False, to="jo@doe.example", words=BODY) -> bytes:
    """Postfix, Sendmail, Gmail and most others: RFC 3464, with the headers or the whole of the mail."""
    kind = "message/rfc822" if whole else "text/rfc822-headers"
    returned = mail.decode() if whole else headers_of(mail)
    return f"""\
Return-Path: <>
From: Mail Delivery Subsystem <MAILER-DAEMON@mx.doe.example>
To: test@test.example
Subject: Returned mail: see transcript for details
Message-Id: <200712232303.lBNN3rDp003436@mx.doe.example>
Auto-Submitted: auto-generated (failure)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="XX"

This is a MIME-encapsulated message

--XX

{words}
--XX
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.doe.example
Arrival-Date: Mon, 24 Dec 2007 10:03:47 +1100

Final-Recipient: RFC822; {to}
Action: {action}
Status: {status}
Remote-MTA: DNS; mail.doe.example
Diagnostic-Code: SMTP; 553 {status} <{to}>... Unknown E-Mail Address

--XX
Content-Type: {kind}

{returned}

--XX--
""".encode()


def exim(mail: bytes, *, delayed=False) -> bytes:
    """Exim: no report, a header that names who did not get it, and the mail as text."""
    subject = (
        "Warning: message 1abc delayed 24 hours" if delayed else "Mail delivery failed: returning message to sender"
    )
    said = "The message has not yet been delivered." if delayed else "550 5.1.1 User unknown"
    return f"""\
Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.doe.example>
To: test@test.example
X-Failed-Recipients: jo@doe.example
Auto-Submitted: auto-replied
Subject: {subject}
Message-Id: <E1abc@mx.doe.example>

This message was created automatically by mail delivery software.

  jo@doe.example
    {said}

------ This is a copy of the message, including all the headers. ------

{mail.decode()}
""".encode()


def qmail(mail: bytes) -> bytes:
    """qmail: words for people, the mail below a line; its daemon has no domain."""
    return f"""\
Return-Path: <>
From: MAILER-DAEMON
To: test@test.example
Subject: failure notice

Hi. This is the qmail-send program at mx.doe.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<jo@doe.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

{mail.decode()}
""".encode()


def renamed(mail: bytes) -> bytes:
    """Give the mail as a server passes it on that gives each mail a Message-ID of its own."""
    message = email.message_from_bytes(mail, policy=email.policy.SMTP)
    del message["Message-ID"]
    message["Message-ID"] = "<0102018f@eu-west-1.relay.example>"
    return message.as_bytes()
