"""Real SMTP servers on loopback: a good one, and one that misbehaves at a chosen stage."""

import asyncio
import contextlib
import datetime as dt
import ssl
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "correct horse battery"


class Known:
    """A password that is for every host; counts how often it was refused."""

    def __init__(self, value=PASSWORD):
        self.value, self.hosts, self.times_refused = value, [], 0

    def give(self, host):
        self.hosts.append(host)
        return self.value

    def refused(self):
        self.times_refused += 1


FINE = {
    "greeting": "220 mx.example",
    "ehlo": "250-mx.example\r\n250-8BITMIME\r\n250 AUTH PLAIN",
    "auth": "235 in",
    "mail": "250 ok",
    "rcpt": "250 ok",
    "data": "354 go on",
    "end": "250 taken as 4711",
    "quit": "221 bye",
}


class Scripted:
    """Answers as FINE says, but at the stages in `script`: a reply of its own, or drop, reset, silence, drip.

    The stage "body" is reached with the first bytes after 354, "end" with the final dot.
    """

    def __init__(self, **script):
        self.script = {**FINE, **script}
        self.seen = []
        self.lines = []
        self.body = b""

    @contextlib.asynccontextmanager
    async def running(self, host="127.0.0.1"):
        self.tasks = set()
        server = await asyncio.start_server(self._serve, host, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _talk(self, reader, writer):
        await self._answer("greeting", writer)
        while line := await reader.readline():
            self.lines.append(line.decode())
            stage = line.split()[0].decode().lower()
            await self._answer(stage, writer)
            if stage == "data" and self.script["data"].startswith("354"):
                await self._take_body(reader, writer)

    async def _take_body(self, reader, writer):
        if "body" in self.script:
            await reader.readexactly(10)
            await self._answer("body", writer)
        self.body = await reader.readuntil(b"\r\n.\r\n")
        await self._answer("end", writer)

    async def _answer(self, stage, writer):
        self.seen.append(stage)
        match self.script[stage]:
            case "drop":
                raise ConnectionError
            case "reset":
                writer.transport.abort()
                raise ConnectionError
            case "silence":
                await asyncio.sleep(30)
                self.seen.append("woke")
            case "drip":
                for _ in range(200):
                    writer.write(b"2")
                    await asyncio.sleep(0.02)
            case reply:
                writer.write(f"{reply}\r\n".encode())
                await writer.drain()


class Kept:
    """Keeps what the good server took: (sender, receivers, content)."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd calls it so
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


def _authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextlib.contextmanager
def good_server(encrypted=None, **options):
    """Run aiosmtpd in a thread with a loop of its own; gives its port and what it keeps."""
    kept, loop = Kept(), asyncio.new_event_loop()
    options = {"authenticator": _authenticate, "loop": loop, **options}
    listening = loop.create_server(lambda: SMTP(kept, **options), "127.0.0.1", 0, ssl=encrypted)
    server = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], kept
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server):
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def certificate(folder, name="localhost"):
    """Make a certificate that signs itself; gives the server's context and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted = folder / f"{name}.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / f"{name}.key"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, str(trusted)


@contextlib.contextmanager
def scripted_server(**script):
    """Run a `Scripted` in a thread with a loop of its own; gives its port and itself."""
    server, loop = Scripted(**script), asyncio.new_event_loop()
    running = server.running()
    port = loop.run_until_complete(running.__aenter__())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield port, server
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
