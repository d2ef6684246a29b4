"""Telling another program something over HTTP: one POST, to a host that is looked up, checked and then used.

Whoever is told is chosen by the operator, once. All the same its name may come to mean another machine: so each time
all its addresses are looked up, every one has to be a public one, and the connection goes to one of those that were
checked (SECURITY S38 to S45). Only where the operator wrote a loopback address themselves it has to be one. Nothing is
followed, nothing is unpacked, and of the answer only the status is read.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from mainstay.errors import InputError, Permanent, Transient
from mainstay.values import say_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 10.0
MOST_CHARS = 2000
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")
_STATUS_BYTES = 8192  # of the first line
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_NUMBERS = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*")
# IPv6 addresses that carry an IPv4 one somewhere else: NAT64, 6to4, Teredo, and the old "compatible" ones.
_CARRIERS = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)

Address: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"


class Place(NamedTuple):
    """Where something is told."""

    scheme: str
    host: str
    port: int
    target: str  # path and query
    loopback: bool  # the operator wrote an address of this machine

    @property
    def authority(self) -> str:
        """The host as the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _usual(self.scheme) else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Read an address as the operator gives it. Raises InputError, which says what is wrong about it."""
    if len(url) > MOST_CHARS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _wrong("it holds what no address holds")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("it can't be read") from None
    if parts.scheme not in ("https", "http"):
        raise _wrong("it has to begin with https://")
    if "@" in parts.netloc:
        raise _wrong("a name and password do not belong into it")
    if "#" in url:
        raise _wrong("nothing may follow after a #")
    host, target = parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(parts.path or "/") or not _QUERY.fullmatch(parts.query):
        raise _wrong("its path holds what no path holds")
    address = _literal(host)
    if address is None and (_NUMBERS.fullmatch(host) or not _HOST.fullmatch(host)):
        raise _wrong(f"'{host}' is no host; write an address in full, such as 127.0.0.1")
    loopback = host == "localhost" or (address is not None and address.is_loopback)
    if address is not None and not loopback and not is_public(address):
        raise _wrong(f"{host} is an address inside a network; name a public one, or one of this machine")
    if parts.scheme == "http" and not loopback:
        raise _wrong("it has to begin with https://; http goes to this machine only")
    return Place(parts.scheme, host, port or _usual(parts.scheme), target, loopback)


def is_public(address: Address) -> bool:
    """Whether an address is one of the open Internet, by no way round."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or any(address in carrier for carrier in _CARRIERS):
            return False
        if address.scope_id is not None:
            return False
    return address.is_global and not address.is_multicast


async def post(place: Place, headers: Mapping[str, str], body: bytes, *, trusted: ssl.SSLContext | None = None) -> int:
    """Send one POST and give the status that came back.

    Raises Permanent for an address that nothing is sent to, Transient for whatever may pass.
    """
    try:
        async with asyncio.timeout(TIMEOUT_S):
            addresses = await _checked(place)
            return await _exchange(place, addresses, _request(place, headers, body), trusted)
    except TimeoutError:
        raise Transient(f"{place.host} did not answer within {say_seconds(TIMEOUT_S)}.") from None
    except (OSError, ssl.SSLError, EOFError) as error:
        raise Transient(f"{place.host} can't be reached: {error}.") from None


async def _checked(place: Place) -> list[str]:
    """Look the host up and give its addresses, after all of them were found to be where they may be."""
    found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(str(one[4][0])) for one in found]
    for address in addresses:
        if not (address.is_loopback if place.loopback else is_public(address)):
            raise Permanent(f"{place.host} is at {address}, inside a network: nothing is sent there.")
    if not addresses:
        raise Transient(f"{place.host} has no address.")
    return list(dict.fromkeys(map(str, addresses)))


async def _connect(
    place: Place, addresses: list[str], trusted: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that answers: "localhost" has two, and a tool may listen at either."""
    context = (trusted or ssl.create_default_context()) if place.scheme == "https" else None
    name = place.host if context is not None else None
    for address in addresses[:-1]:
        with suppress(ConnectionRefusedError):
            return await asyncio.open_connection(
                address, place.port, ssl=context, server_hostname=name, limit=_STATUS_BYTES
            )
    return await asyncio.open_connection(
        addresses[-1], place.port, ssl=context, server_hostname=name, limit=_STATUS_BYTES
    )


async def _exchange(place: Place, addresses: list[str], request: bytes, trusted: ssl.SSLContext | None) -> int:
    reader, writer = await _connect(place, addresses, trusted)
    try:
        writer.write(request)
        await writer.drain()
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            line = b""
        status = _STATUS_LINE.fullmatch(line)
        if status is None:
            raise Transient(f"{place.host} does not answer as a web server does.")
        return int(status[1])
    finally:
        writer.close()


def _request(place: Place, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {place.target} HTTP/1.1", f"Host: {place.authority}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    assert all("\r" not in line and "\n" not in line for line in lines)
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii") + body


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _usual(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _wrong(why: str) -> InputError:
    return InputError(
        f"The callback can't be used: {why}.", remedy="Give one such as https://tools.example.com/hooks/mainstay"
    )
