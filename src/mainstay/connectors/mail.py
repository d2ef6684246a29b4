"""Send a mail: into a folder of .eml files (nothing leaves this machine), or through an SMTP server.

The mail is a function of the arguments, the token and the time of the attempt: its Message-ID and, in the folder,
its file name come from the token and the plan alone. In the folder a mail is there whole or not at all, so looking is
enough to settle a doubt. A server can't be asked; there the operator is, with the Message-ID at hand (smtp.py, E3).
"""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.connectors import smtp
from mainstay.connectors.books import as_reminded, reminding
from mainstay.connectors.folder import parts_of, read_file, run_to_end, settle_file, sweep_file, write_file
from mainstay.connectors.mail_address import MailAddress, one_line, parse_address
from mainstay.connectors.smtp import Envelope, SmtpConfig
from mainstay.contracts import Card, Found, HealthReport, Operation
from mainstay.errors import InputError, LedgerError, NeedsOperator, NotSent, OperationError, Permanent
from mainstay.origins import ALL, Gives
from mainstay.records import File
from mainstay.shown import shown
from mainstay.values import SECOND_US, Money, PersonalText, PersonMail, digest_of

if TYPE_CHECKING:
    from email.message import EmailMessage

    from mainstay.contracts import Call
    from mainstay.ports import Books, Credential
    from mainstay.values import Value

MAX_MAIL_BYTES = 25 * 1024 * 1024  # what most servers take, encoded
CANNOT_UNDO = "A mail that was sent can't be called back."
SPARE_S = 10.0  # the operation's own limits speak before the general time-out does

_LINE_END = re.compile(r"\r\n|\r")
_MESSAGE_ID = re.compile(r"<[^<>@\s]{1,250}@[^<>@\s]{1,250}>", re.ASCII)
_MEDIA = re.compile(r"(?!multipart|message)[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,100}", re.ASCII)


class MailConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One mail account. Without `smtp`, mails are put into `folder` of the workspace."""

    sender: str  # "Acme <billing@acme.example>"
    workspace: str  # absolute path
    folder: str = "outbox/mail"
    smtp: SmtpConfig | None = None
    reply_to: str = ""
    rate_per_minute: int | None = 30  # through SMTP
    auto_submitted: bool = True  # whether mails say that a program wrote them (RFC 3834)


class SendMail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mail in plain text to one receiver."""

    to: PersonMail
    subject: PersonalText
    text: PersonalText
    files: tuple[File, ...] = ()
    reply_to: PersonalText = ""  # instead of the account's
    in_reply_to: str = ""  # Message-ID of the mail this one answers
    # Of a reminder, no part of the mail: the books know by it who was reminded, and it asks anew once overtaken.
    reminds_of: str = ""  # number of the invoice
    owed: Money | None = None  # what the mail asks for
    listed: Money | None = None  # what the invoice's file says is open


class Sent(msgspec.Struct, frozen=True):
    """A mail that was taken by the server, or is in the folder (`simulated`: nobody received it)."""

    message_id: str  # "<...@acme.example>", what an answer's In-Reply-To will name
    to: PersonMail  # the bare address
    at_us: int  # as its Date says, whole seconds
    transport: Literal["folder", "smtp"]
    simulated: bool
    path: str = ""  # in the workspace, for the folder
    reminds_of: str = ""  # as it was given


class _Letter(msgspec.Struct, frozen=True):
    """A mail as it will read: everything checked and in its final form."""

    sender: MailAddress
    to: MailAddress
    subject: str
    text: str
    reply_to: MailAddress | None
    in_reply_to: str
    auto_submitted: bool
    reminds_of: str


def operations(
    config: MailConfig, password: Credential | None = None, books: Books | None = None
) -> tuple[Operation, ...]:
    """Build mail.send over the account's transport; `password` is asked for at each log-in.

    `books` tell of a reminder whether its invoice is still as open as it says.

    Raises InputError when the sender's own address can't be used.
    """
    try:
        parse_address(config.sender, what="sender")
        parts_of(config.folder, writing=True)
    except Permanent as error:
        raise InputError(error.message, remedy=error.remedy) from error
    reminders = _Reminding(books)
    transport = _Folder(config, reminders) if config.smtp is None else _Smtp(config, config.smtp, password, reminders)
    return (
        Operation(
            name="mail.send",
            summary="Send a mail",
            input=SendMail,
            output=Sent,
            effect="irreversible",
            settle=transport.settle,
            call=transport.send,
            lookup=transport.look_up,
            lookup_authoritative=transport.settle == "lookup",
            look_at="the sent mails of that account, for the Message-ID" if config.smtp else "",
            cannot_undo=CANNOT_UNDO,
            card=partial(_card, config),
            refuse=partial(_letter, config),
            roles={"to": "receiver"},
            gives=Gives(trusted=ALL, private=("to",)),
            timeout_s=transport.timeout_s,
            rate_per_minute=transport.rate_per_minute,
            relies=reminders.now,
            relied=reminders.right,
        ),
    )


async def health(config: MailConfig, password: Credential | None = None) -> HealthReport:
    """Say whether mails could be sent now; logs in, sends nothing."""
    if config.smtp is None:
        return HealthReport("mail", healthy=True, detail=f"Mails are kept in {config.folder}; none is sent.")
    try:
        until_s = await smtp.check(config.smtp, parse_address(config.sender, what="sender").spec, password)
    except OperationError as error:
        return HealthReport("mail", healthy=False, detail=error.message)
    return HealthReport("mail", healthy=True, detail=f"{config.smtp.host} answers.", expires_s=until_s)


def message_id_of(token: str, sender: MailAddress, plan: str = "") -> str:
    """Name the mail of an effect: the same at every attempt, without giving the token away."""
    return f"<{mark_of(token, plan)}@{sender.spec.rpartition('@')[2]}>"


def mark_of(token: str, plan: str) -> str:
    """Give what a notice repeats of a mail that comes back (notices.py): nobody guesses it, and it says whose it is.

    `plan` is named by its family, so that no names of steps leave this machine; empty for a mail that is of none.
    """
    root = plan.partition("-")[0]
    return f"{_mark(token)}.{root}" if root else _mark(token)


class _Folder:
    """Mails as files: whole or not there at all."""

    settle: Literal["lookup"] = "lookup"
    timeout_s = 60.0
    rate_per_minute = None

    def __init__(self, config: MailConfig, reminders: _Reminding) -> None:
        self._config = config
        self._reminders = reminders

    async def send(self, call: Call, arguments: SendMail) -> Sent:
        """On disk when this returns. A mail of this token that is there already is left as it is."""
        letter = _letter(self._config, arguments)
        if (there := await self._found(call, letter)) is not None:
            return there
        await self._reminders.check(call, arguments)
        parts = self._parts(call)
        content = _content(call, letter, arguments.files)
        await run_to_end(partial(write_file, self._config.workspace, parts, content, mark=_mark(call.token)))
        return self._sent(call, letter, call.now_us)

    async def look_up(self, call: Call, arguments: SendMail) -> Found:
        """Authoritative: the file is there, or the mail was not written."""
        there = await self._found(call, _letter(self._config, arguments))
        if there is not None:
            return Found("happened", there)
        sweep = partial(sweep_file, self._config.workspace, self._parts(call), mark=_mark(call.token))
        await run_to_end(sweep)  # the next attempt has another token, and would not find it
        return Found("did_not_happen")

    async def _found(self, call: Call, letter: _Letter) -> Sent | None:
        parts = self._parts(call)
        content = await run_to_end(partial(read_file, self._config.workspace, parts))
        if content is None:
            return None
        await run_to_end(partial(settle_file, self._config.workspace, parts))
        return self._sent(call, letter, _date_of(content, call.now_us))

    def _parts(self, call: Call) -> tuple[str, ...]:
        return (*parts_of(self._config.folder, writing=True), f"{_mark(call.token)}.eml")

    def _sent(self, call: Call, letter: _Letter, at_us: int) -> Sent:
        name = message_id_of(call.token, letter.sender, call.plan)
        path = "/".join(self._parts(call))
        at_us = _whole_second(at_us)
        return Sent(name, letter.to.spec, at_us, "folder", simulated=True, path=path, reminds_of=letter.reminds_of)


class _Smtp:
    """Mails through a server, which can't be asked afterwards."""

    settle: Literal["ask"] = "ask"

    def __init__(
        self, config: MailConfig, server: SmtpConfig, password: Credential | None, reminders: _Reminding
    ) -> None:
        self._config = config
        self._reminders = reminders
        self._server = server
        self._password = password
        self.timeout_s = smtp.longest_s(server, MAX_MAIL_BYTES) + SPARE_S
        self.rate_per_minute = config.rate_per_minute

    async def send(self, call: Call, arguments: SendMail) -> Sent:
        letter = _letter(self._config, arguments)
        await self._reminders.check(call, arguments)
        name = message_id_of(call.token, letter.sender, call.plan)
        content = _content(call, letter, arguments.files)
        await smtp.send(self._server, Envelope(letter.sender.spec, letter.to.spec, name, content), self._password)
        at_us = _whole_second(call.now_us)
        return Sent(name, letter.to.spec, at_us, "smtp", simulated=False, reminds_of=letter.reminds_of)

    async def look_up(self, call: Call, arguments: SendMail) -> Found:
        """Never knows: says what the operator can look for."""
        name = message_id_of(call.token, _letter(self._config, arguments).sender, call.plan)
        known = f"It would have gone through {self._server.host} to {shown(arguments.to)} with Message-ID {name}."
        return Found("unknown", known=known)


class _Reminding:
    """How the invoice of a reminder stands in the books: paid or reminded of meanwhile, it asks anew."""

    def __init__(self, books: Books | None) -> None:
        self._books = books

    async def now(self, call: Call, arguments: SendMail) -> Value:
        """Give how it stands; None for a mail that is no reminder."""
        if self._books is None or not arguments.reminds_of:
            return None
        return reminding(self._books, arguments.reminds_of, arguments.owed, arguments.listed, call.now_us)

    def right(self, arguments: SendMail) -> Value:
        """Give how it has to stand."""
        if self._books is None or not arguments.reminds_of:
            return None
        return as_reminded(arguments.reminds_of, arguments.owed, arguments.listed)

    async def check(self, call: Call, arguments: SendMail) -> None:
        """Look once more: a mail may have waited in line since. Raises NotSent, and then it asks."""
        if call.relies is not None and await self.now(call, arguments) != call.relies:
            raise NotSent(f"What the reminder to {shown(arguments.to)} relies on was changed just before it left.")


def _letter(config: MailConfig, arguments: SendMail) -> _Letter:
    """Check every field and give it its final form. Raises Permanent, naming the field."""
    reply_to = arguments.reply_to or config.reply_to
    if arguments.in_reply_to and _MESSAGE_ID.fullmatch(arguments.in_reply_to) is None:
        raise Permanent(f"{shown(arguments.in_reply_to)!r} is no Message-ID to reply to.")
    return _Letter(
        sender=parse_address(config.sender, what="sender"),
        to=parse_address(arguments.to, what="receiver"),
        subject=one_line(arguments.subject, what="subject"),
        text=_LINE_END.sub("\n", arguments.text),
        reply_to=parse_address(reply_to, what="reply address") if reply_to else None,
        in_reply_to=arguments.in_reply_to,
        auto_submitted=config.auto_submitted,
        reminds_of=arguments.reminds_of,
    )


def _card(config: MailConfig, arguments: SendMail) -> Card:
    """Show everything that will leave: hidden characters written out, nothing cut."""
    try:
        letter = _letter(config, arguments)
    except Permanent as error:
        return Card("Send a mail that can't be sent", error.message, CANNOT_UNDO)
    lines = [f"{name}: {shown(value)}" for name, value in _headers(letter).items()]
    lines += [f"Attachment: {shown(file.name)} ({file.blob.size:,} bytes, {_media(file)})" for file in arguments.files]
    if config.smtp is None:
        lines.append(f"It is kept in {config.folder}; nothing leaves this machine.")
    body = "\n".join([*lines, "", shown(letter.text, lines=True)])
    return Card(f"Send a mail to {shown(str(letter.to))}: {shown(letter.subject)}", body, CANNOT_UNDO)


def _headers(letter: _Letter) -> dict[str, str]:
    headers = {"From": str(letter.sender), "To": str(letter.to), "Subject": letter.subject}
    if letter.reply_to is not None:
        headers["Reply-To"] = str(letter.reply_to)
    if letter.in_reply_to:
        headers["In-Reply-To"] = letter.in_reply_to
    return headers


def _content(call: Call, letter: _Letter, files: tuple[File, ...]) -> bytes:
    """Write the mail, 7 bit with CRLF: the same bytes for the same arguments, token and time.

    Raises Permanent when it is too large or would read differently from what the card showed.
    """
    import email.policy
    from email.message import EmailMessage

    message = EmailMessage(policy=email.policy.SMTP.clone(cte_type="7bit"))
    _write_headers(message, call, letter)
    try:
        message.set_content(letter.text, charset="utf-8")
    except UnicodeEncodeError as error:
        raise Permanent("The text of the mail holds half a character, which can't be sent.") from error
    for file in files:
        main, _, sub = _media(file).partition("/")
        message.add_attachment(_bytes_of(call, file), maintype=main, subtype=sub, filename=_name(file))
    if files:
        message.set_boundary(f"=_{_mark(call.token)}")
    content = message.as_bytes()
    if len(content) > MAX_MAIL_BYTES:
        raise Permanent(
            f"The mail is larger than {MAX_MAIL_BYTES // 2**20} MiB.", remedy="Send fewer or smaller files."
        )
    _check_unchanged(content, letter, files)
    return content


def _write_headers(message: EmailMessage, call: Call, letter: _Letter) -> None:
    from email.utils import format_datetime

    message["From"] = _header_address(letter.sender)
    message["To"] = _header_address(letter.to)
    if letter.reply_to is not None:
        message["Reply-To"] = _header_address(letter.reply_to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(dt.datetime.fromtimestamp(call.now_us // SECOND_US, dt.UTC))
    message["Message-ID"] = message_id_of(call.token, letter.sender, call.plan)
    if call.plan:  # some servers give a mail another Message-ID
        message["X-Mainstay-Mail"] = mark_of(call.token, call.plan)
    if letter.in_reply_to:
        message["In-Reply-To"] = letter.in_reply_to
        message["References"] = letter.in_reply_to
    if letter.auto_submitted:  # so that no absence note comes back, and no program answers
        message["Auto-Submitted"] = "auto-replied" if letter.in_reply_to else "auto-generated"


def _header_address(address: MailAddress) -> object:
    from email.headerregistry import Address

    return Address(display_name=address.name, addr_spec=address.spec)


def _check_unchanged(content: bytes, letter: _Letter, files: tuple[File, ...]) -> None:
    """Read the mail back as a receiver will, and compare: what was approved is what leaves."""
    import email
    import email.policy

    message = email.message_from_bytes(content, policy=email.policy.default)
    body = message.get_body(("plain",))
    text = "" if body is None else _LINE_END.sub("\n", body.get_content())
    read = {
        "sender": _read_address(content, "From") == letter.sender,
        "receiver": _read_address(content, "To") == letter.to,
        "reply address": _read_address(content, "Reply-To") == letter.reply_to,
        "subject": str(message["Subject"]) == letter.subject,
        "text": text.removesuffix("\n") == letter.text.removesuffix("\n"),
        "name of a file": [part.get_filename() for part in message.iter_attachments()] == [_name(one) for one in files],
    }
    if wrong := [what for what, same in read.items() if not same]:
        raise Permanent(f"The {wrong[0]} of this mail can't be written so that the receiver reads what was approved.")


def _read_address(content: bytes, header: str) -> MailAddress | None:
    """Read an address as RFC 2047 says; the newer parser of `email` keeps the space between two encoded words."""
    import email
    from email.header import decode_header, make_header
    from email.utils import parseaddr

    written = email.message_from_bytes(content)[header]
    if written is None:
        return None
    line = "".join(str(written).splitlines())
    if "=?" in line:
        name, _, rest = str(make_header(decode_header(line))).rpartition(" <")
        return MailAddress(name, rest.removesuffix(">"))
    return MailAddress(*parseaddr(line))


def _name(file: File) -> str:
    return one_line(file.name, what="name of a file")


def _media(file: File) -> str:
    return file.blob.media if _MEDIA.fullmatch(file.blob.media) else "application/octet-stream"


def _bytes_of(call: Call, file: File) -> bytes:
    try:
        return call.read(file.blob)
    except LedgerError as error:
        raise NeedsOperator(f"The content of {shown(file.name)} is no longer kept.") from error


def _date_of(content: bytes, otherwise_us: int) -> int:
    import email
    import email.policy

    date = email.message_from_bytes(content, policy=email.policy.default)["Date"]
    return otherwise_us if date is None or date.datetime is None else int(date.datetime.timestamp()) * SECOND_US


def _whole_second(time_us: int) -> int:
    return time_us // SECOND_US * SECOND_US


def _mark(token: str) -> str:
    return digest_of(b"mail", token.encode())[:32]
