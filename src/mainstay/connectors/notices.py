"""Reads what mail servers say of a mail that did not arrive, or not yet: RFC 3464, and what servers wrote before it.

    multipart/report          a part message/delivery-status says per receiver what became of it, with a code (RFC 3463)
    X-Failed-Recipients       Exim's header: it failed, or the subject calls it a delay
    words of a mail daemon    qmail, old Exchange and the like: a subject and a text for people, a reply's code in it

A notice is anybody's mail: whoever can write to the operator can write one. So it speaks only of mails whose mark it
repeats, which nobody knows but who had such a mail: out of its headers, sent back whole or in part, or out of its text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage, Message

MARK = re.compile(r"(?<![0-9a-z])([0-9a-f]{32}\.[0-9a-z]{1,40})(?![0-9a-z])")  # connectors/mail.py gives it
MOST_MARKS = 20  # of one notice
MOST_WORDS = 20_000  # characters of what it says itself
MOST_CHARS = 200_000  # of a part that are looked at
_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?m)(?:^|[^\d.:])([45])\d\d[ -]")
_DAEMON = re.compile(r"mailer-daemon|postmaster|mail[ .]delivery|maildelivery", re.IGNORECASE)
_NULL = re.compile(r"<\s*>")
_UNDELIVERED = re.compile(
    r"undeliver|not be delivered|non[- ]?deliver|could(?:n't| not) (?:be )?(?:deliver|sen[dt])|failure notice"
    r"|delivery (?:status|fail|has fail|problem|incomplete|delay)|returned (?:mail|to sender)|mail system error"
    r"|mail delivery fail|delayed mail|still being retried|could not send|unzustellbar|nicht zugestellt|non remis"
    r"|no (?:se ha )?entregado|onbestelbaar",
    re.IGNORECASE,
)
_DELAYED = re.compile(
    r"delayed|delay\)|not yet been delivered|warning|still being retried|will (?:keep trying|be retried|retry)"
    r"|temporary problem|verzögert",
    re.IGNORECASE,
)
_COPY = re.compile(r"(?mi)^-+ *(?:below this line|original message|this is a copy)")
_FINAL = {"failed": True, "delayed": False}  # what of "Action" says that something is amiss


class Notice(msgspec.Struct, frozen=True):
    """What a mail server says of mails of ours: their marks, whether it is for good, and the code that it gives."""

    marks: tuple[str, ...]
    final: bool  # they won't arrive; else they may still
    code: str = ""  # such as 5.1.1 (RFC 3463); empty where it gives none
    receivers: tuple[str, ...] = ()  # as it names them


def read_notice(message: EmailMessage) -> Notice | None:
    """Read what `is_notice` is; None where it says that all went well, or names no mail of ours."""
    marks = tuple(dict.fromkeys(mark for text in _texts(message) for mark in MARK.findall(text)))[:MOST_MARKS]
    if not marks:
        return None
    told = _statuses(message)
    if told:
        amiss = [(_FINAL[action], code, to) for action, code, to in told if action in _FINAL]
        if not amiss:
            return None  # it arrived, or was handed on
        final = any(one for one, _, _ in amiss)
        code = next((code for one, code, _ in amiss if one is final and code), "")
        return Notice(marks, final, code, tuple(to for _, _, to in amiss if to))
    return _from_words(message, marks)


def is_notice(message: EmailMessage) -> bool:
    """Say whether a mail server wrote it about a mail that did not arrive; of ours, or of anybody else's."""
    if message.get_content_type() == "multipart/report":
        return str(message.get_param("report-type", "delivery-status")).lower() == "delivery-status"
    if message.get("x-failed-recipients"):
        return True
    by_daemon = bool(_DAEMON.search(_said(message, "from"))) or bool(_NULL.search(_said(message, "return-path")))
    return by_daemon and bool(_UNDELIVERED.search(f"{_said(message, 'subject')} {_first_words(message)}"))


def _statuses(message: EmailMessage) -> list[tuple[str, str, str]]:
    """Give what is said of each receiver: action, code and address."""
    found: list[tuple[str, str, str]] = []
    for part in message.walk():
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            for block in _blocks(part):
                action = _said(block, "action").split(" ")[0].lower()
                if action:
                    code = _CODE.search(_said(block, "status"))
                    to = _said(block, "original-recipient") or _said(block, "final-recipient")
                    found.append((action, code[1] if code else "", to.rpartition(";")[2].strip().strip("<>").lower()))
    return found


def _blocks(part: Message) -> list[Message]:
    """Give the groups of fields of a report; one that was sent as text, or encoded, is read all the same."""
    import email

    payload: object = part.get_payload()
    encoded = _said(part, "content-transfer-encoding").lower() in ("base64", "quoted-printable")
    if isinstance(payload, list) and not encoded:
        return [one for one in cast("list[Message]", payload) if one.keys()]
    text = _text_of(part) if not isinstance(payload, list) else _decoded(part)
    return [email.message_from_string(block) for block in re.split(r"\r?\n\s*\r?\n", text) if block.strip()]


def _decoded(part: Message) -> str:
    """Decode a report whose content the parser took for fields before it was decoded."""
    import base64
    import binascii
    import quopri

    raw = part.as_string().partition("\n\n")[2].encode("ascii", "replace")
    try:
        if _said(part, "content-transfer-encoding").lower() == "base64":
            return base64.b64decode(raw).decode("utf-8", "replace")
        return quopri.decodestring(raw).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _from_words(message: EmailMessage, marks: tuple[str, ...]) -> Notice:
    """Read what is written for people: a code or a reply in it, or the subject's words."""
    words, subject = _first_words(message), _said(message, "subject")
    code = _CODE.search(words)
    reply = _REPLY.search(words)
    if _DELAYED.search(subject):
        final = False
    elif code or reply:
        final = (code[1][0] if code else reply[1] if reply else "5") == "5"
    else:
        final = not _DELAYED.search(words)
    receivers = tuple(one.strip().lower() for one in _said(message, "x-failed-recipients").split(",") if one.strip())
    return Notice(marks, final, code[1] if code and (code[1][0] == "5") is final else "", receivers)


def _texts(message: EmailMessage) -> Iterator[str]:
    """Give all in which a mark may stand: what it answers, the mail that comes back, and what is said of it."""
    for part in message.walk():
        for name, value in part.raw_items():
            if name.lower() in _NAMING:
                yield str(value)[:MOST_CHARS]
        if not part.is_multipart() and part.get_content_maintype() in ("text", "message"):
            yield _text_of(part)


_NAMING = ("message-id", "in-reply-to", "references", "x-mainstay-mail", "x-original-message-id")


def _first_words(message: EmailMessage) -> str:
    """Give what a notice says itself: its first text, up to the mail that comes back."""
    for part in message.walk():
        if not part.is_multipart() and part.get_content_maintype() == "text":
            return _COPY.split(_text_of(part))[0][:MOST_WORDS]
    return ""


def _text_of(part: Message) -> str:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, TypeError, LookupError):
        return ""
    return payload[:MOST_CHARS].decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _said(message: Message, name: str) -> str:
    """Give a header in one line; one that is broken says nothing."""
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError, TypeError, LookupError):
        return ""
