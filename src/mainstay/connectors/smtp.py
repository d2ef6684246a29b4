"""One mail over SMTP, so that at every moment it is known whether it may have left (KERNEL E3).

aiosmtplib raises the same error wherever a connection breaks, so the conversation is led here, in two halves:

    greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA      a loss: NotSent, it certainly did not happen
    the mail's text, the final dot, the server's reply    a loss: Uncertain, it may have happened

A reply that refuses is always certain: 4xx is NotSent and may be tried again, 5xx is Permanent, or NeedsOperator
where the log-in or the encryption is at fault. Once the server took the mail, nothing that follows matters: a lost
QUIT is success. There is no way to ask a server later, so a doubt is settled by asking the operator.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from mainstay.detached import detached
from mainstay.errors import NeedsOperator, NotSent, OperationError, Permanent, Uncertain
from mainstay.redaction import redacted, remember
from mainstay.shown import shown

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    import aiosmtplib

    from mainstay.ports import Credential

QUIT_S = 2.0  # a server that took the mail is not waited for
UPLOAD_BYTES_PER_S = 100_000  # slower than that counts as stuck
KEYRING_S = 20.0  # one that is locked may ask somebody at the screen, who is not there
STAGES_BEFORE_BODY = 4  # so many times `timeout_s` everything before the body may take together
MAX_REPLY_CHARS = 300  # of the server's words in a message

_PORTS = {"tls": 465, "starttls": 587, "none": 25}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LINE_START_DOT = re.compile(rb"(?m)^\.")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_NEEDS_LOG_IN = (530, 534, 535, 538)  # RFC 4954: log in, log in otherwise, refused, encrypt first
_WRONG_PASSWORD = (534, 535)
HOW_TO_NAME = "Name its password under [mail.smtp] in mainstay.toml, and keep it with: mainstay secret set NAME"
HOW_TO_CHANGE = "Give the right one with: mainstay secret rotate NAME (mainstay secret list shows its name)."


class SmtpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A server that takes mail. `tls` is never guessed: without encryption no password is sent, but to loopback."""

    host: str
    port: int = 0  # 0: the usual one for `tls`
    tls: Literal["tls", "starttls", "none"] = "starttls"
    username: str = ""  # empty: no log-in
    timeout_s: float = 30.0  # for each reply
    ca_file: str = ""  # a certificate authority of one's own


class Envelope(msgspec.Struct, frozen=True):
    """What the server is told, beside what the receiver reads."""

    sender: str  # a bare address
    receiver: str  # a bare address
    message_id: str  # for the operator, when it is not known whether it was sent
    content: bytes  # the whole mail, 7 bit


async def send(config: SmtpConfig, envelope: Envelope, password: Credential | None = None) -> str:
    """Hand one mail to the server; when this returns, the server has taken it. Gives the server's last words.

    Raises NotSent, Permanent or NeedsOperator when it did not happen, Uncertain when it may have.
    """
    async with _connection(config, envelope.sender) as client:
        with _as_not_sent(config):
            async with asyncio.timeout(STAGES_BEFORE_BODY * config.timeout_s):
                await _open(client, config, password)
                await _address(client, envelope)
        return await _hand_over(client, config, envelope)


async def check(config: SmtpConfig, sender: str, password: Credential | None = None) -> int | None:
    """Connect and log in, send nothing; gives when the server's certificate expires, seconds. Raises as `send` does."""
    async with _connection(config, sender) as client:
        with _as_not_sent(config):
            async with asyncio.timeout(STAGES_BEFORE_BODY * config.timeout_s):
                await _open(client, config, password)
        shown: dict[str, str] = client.get_transport_info("peercert") or {}
        return int(ssl.cert_time_to_seconds(shown["notAfter"])) if "notAfter" in shown else None


def longest_s(config: SmtpConfig, size: int) -> float:
    """Give the seconds after which a mail of so many bytes is settled one way or the other."""
    return (STAGES_BEFORE_BODY + 1) * config.timeout_s + size / UPLOAD_BYTES_PER_S + QUIT_S


@contextlib.asynccontextmanager
async def _connection(config: SmtpConfig, sender: str) -> AsyncGenerator[aiosmtplib.SMTP]:
    """Make a client, and end its connection at once afterwards: nothing is sent after the answer is given."""
    import aiosmtplib

    client = aiosmtplib.SMTP(
        hostname=config.host,
        port=config.port or _PORTS[config.tls],
        local_hostname=sender.rpartition("@")[2],
        timeout=config.timeout_s,
        use_tls=config.tls == "tls",
        start_tls=False,
        tls_context=_trust(config),
    )
    try:
        yield client
    finally:
        if client.transport is not None:
            cast("asyncio.WriteTransport", client.transport).abort()
        client.close()
        for _ in range(3):  # rounds in which the loop takes down a connection, also one that did not come about
            await asyncio.sleep(0)


def _trust(config: SmtpConfig) -> ssl.SSLContext | None:
    if config.tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=config.ca_file or None)
    except OSError as error:
        raise NeedsOperator(f"The certificate file {config.ca_file} can't be read: {error.strerror}.") from error


# --- before the body: nothing is lost --------------------------------------------------------------------------


async def _open(client: aiosmtplib.SMTP, config: SmtpConfig, password: Credential | None) -> None:
    await client.connect()
    await client.ehlo()
    if config.tls == "starttls":
        await _encrypt(client, config)
    if config.username:
        await _log_in(client, config, password)


async def _encrypt(client: aiosmtplib.SMTP, config: SmtpConfig) -> None:
    if not client.supports_extension("starttls"):
        raise NeedsOperator(
            f"{config.host} does not offer encryption (STARTTLS).",
            remedy="Check the server's name and port; many servers encrypt from the start (tls, port 465).",
        )
    await client.starttls(server_hostname=config.host)
    await client.ehlo()


async def _log_in(client: aiosmtplib.SMTP, config: SmtpConfig, password: Credential | None) -> None:
    import aiosmtplib

    if config.tls == "none" and config.host not in _LOOPBACK:
        raise NeedsOperator(f"The password for {config.host} is not sent unencrypted.", remedy="Set tls or starttls.")
    if password is None:
        raise NeedsOperator(f"No password is named for {config.host}.", remedy=HOW_TO_NAME)
    try:
        async with asyncio.timeout(KEYRING_S):
            secret = await detached(partial(password.give, config.host))
    except TimeoutError:
        locked = f"The password for {config.host} can't be had: the system's keyring does not answer."
        raise NeedsOperator(locked, remedy="Unlock it (log in to your desktop), then try again.") from None
    remember(secret)
    try:
        await client.login(config.username, secret)
    except aiosmtplib.SMTPResponseException as error:
        if error.code in _WRONG_PASSWORD:
            await asyncio.to_thread(password.refused)
        _raise_log_in(config, error.code, error.message)
    except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError):
        raise
    except aiosmtplib.SMTPException as error:
        raise NeedsOperator(f"{config.host} offers no way to log in that Mainstay knows.") from error


def _raise_log_in(config: SmtpConfig, code: int, words: str) -> None:
    message = f"{config.host} refused the log-in of {config.username}: {code} {_said(words)}."
    if code < 500:  # noqa: PLR2004 - from 500 on a reply is final
        raise NotSent(message) from None
    raise NeedsOperator(message, remedy=f"{HOW_TO_CHANGE} Some providers want one made for programs.") from None


async def _address(client: aiosmtplib.SMTP, envelope: Envelope) -> None:
    """Name sender and receiver, and get the server ready for the body."""
    import aiosmtplib

    await client.mail(envelope.sender)
    await client.rcpt(envelope.receiver)
    reply = await client.execute_command(b"DATA")
    if reply.code != aiosmtplib.SMTPStatus.start_input:
        raise aiosmtplib.SMTPDataError(reply.code, reply.message)


@contextlib.contextmanager
def _as_not_sent(config: SmtpConfig) -> Generator[None]:
    """Turn what goes wrong before the body into errors that say: it did not happen."""
    import aiosmtplib

    try:
        yield
    except OperationError:
        raise
    except aiosmtplib.SMTPResponseException as error:
        raise _refused(config, error) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _lost(config, error) from error
    except ValueError as error:  # aiosmtplib's own check of what goes on a command line
        raise Permanent(f"The server can't be told this address: {error}.") from error


def _lost(config: SmtpConfig, error: Exception) -> OperationError:
    for cause in (error, error.__cause__):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NeedsOperator(
                f"The certificate of {config.host} is not valid: {cause.verify_message}.",
                remedy="Check the server's name; for a server of your own, name its certificate in ca_file.",
            )
    why = "it did not answer in time" if isinstance(error, TimeoutError) else _said(str(error)) or type(error).__name__
    return NotSent(f"Nothing was sent through {config.host}: {why}.")


def _refused(config: SmtpConfig, error: aiosmtplib.SMTPResponseException) -> OperationError:
    import aiosmtplib

    words = f"{error.code} {_said(error.message)}"
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        message = f"{config.host} refuses the receiver {error.recipient}: {words}."
    elif isinstance(error, aiosmtplib.SMTPSenderRefused):
        message = f"{config.host} refuses the sender {error.sender}: {words}."
    else:
        message = f"{config.host} takes no mail: {words}."
    if error.code in _NEEDS_LOG_IN:
        return NeedsOperator(message, remedy=f"Set its user name. {HOW_TO_NAME}")
    return Permanent(message) if error.code >= 500 else NotSent(message)  # noqa: PLR2004


# --- the body: from here on it may have happened ---------------------------------------------------------------


async def _hand_over(client: aiosmtplib.SMTP, config: SmtpConfig, envelope: Envelope) -> str:
    import aiosmtplib

    protocol = client.protocol
    if protocol is None or not protocol.is_connected:
        raise NotSent(f"Nothing was sent through {config.host}: the connection was lost before the mail.")
    body = _as_sent(envelope.content)
    try:
        protocol.write(body)
        reply = await protocol.read_response(timeout=config.timeout_s + len(body) / UPLOAD_BYTES_PER_S)
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _uncertain(config, envelope, str(error)) from error
    words = f"{reply.code} {_said(reply.message)}"
    match reply.code // 100:
        case 2:
            await _quit(client)
            return words
        case 4:
            raise NotSent(f"{config.host} did not take the mail to {envelope.receiver} for now: {words}.")
        case 5:
            raise Permanent(f"{config.host} refuses the mail to {envelope.receiver}: {words}.")
        case _:
            raise _uncertain(config, envelope, words)


def _as_sent(content: bytes) -> bytes:
    """Give the body as it goes over the line: CRLF only, leading dots doubled, a dot at the end (RFC 5321, 4.5.2)."""
    lines = _LINE_END.sub(b"\r\n", content)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return _LINE_START_DOT.sub(b"..", lines) + b".\r\n"


def _uncertain(config: SmtpConfig, envelope: Envelope, why: str) -> Uncertain:
    return Uncertain(
        f"The mail to {envelope.receiver} may have been sent: {config.host} gave no clear answer ({_said(why)}).",
        remedy=f"Look for Message-ID {envelope.message_id} among the sent mails, or ask the receiver.",
    )


async def _quit(client: aiosmtplib.SMTP) -> None:
    import aiosmtplib

    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await client.quit(timeout=QUIT_S)


def _said(words: str) -> str:
    """Give a server's words on one line, short, with nothing hidden in them and no secret."""
    return shown(redacted(" ".join(redacted(words).split())))[:MAX_REPLY_CHARS].rstrip(".")
