"""Addresses of places that take notices, with `secret:NAME` where a password or token belongs (SECURITY S55, S59)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_HOST = re.compile(r"localhost|[a-z0-9-]+(\.[a-z0-9-]+)+")
_PLAIN = re.compile(r"[^:]*(?::\d+)?(?:/[^:]*)?")  # a host, its port, a path
_SECRET = re.compile(r"secret:([a-z][a-z0-9_-]{0,40})")


def check_address(address: str) -> None:
    """Refuse what is no address of a place, or holds a password. Raises ValueError, which never repeats it."""
    scheme, there, rest = address.partition("://")
    if not there or not rest or re.fullmatch(r"[a-z][a-z0-9]{1,20}", scheme) is None or not address.isprintable():
        msg = "that is no address such as ntfys://ntfy.sh/your-topic"
        raise ValueError(msg)
    if _SECRET.sub("", _user(rest)).partition(":")[2]:
        msg = "an address holds no password; keep it with `mainstay secret set NAME --connector notify --host HOST`"
        raise ValueError(f"{msg} and write secret:NAME in its place")


def secrets_in(address: str) -> tuple[str, ...]:
    """Name the secrets that an address takes."""
    return tuple(_SECRET.findall(address))


def _user(rest: str) -> str:
    """Give what stands before the last "@", for a password may hold any sign; behind "?" come addresses of others."""
    place, _, _ = rest.partition("?")
    if "@" in place:
        return place.rpartition("@")[0]
    return "" if _PLAIN.fullmatch(_SECRET.sub("", place)) else rest.rpartition("@")[0]


def host_of(address: str) -> str:
    """Give what the secrets of an address are bound to: its host, or its service where that is a secret itself."""
    named = urlsplit(_SECRET.sub("", address)).netloc.rpartition("@")[2]
    scheme, _, rest = address.partition("://")
    place = rest.partition("/")[0].rpartition("@")[2]
    return scheme if not named or _SECRET.search(place) else re.sub(r":\d+$", "", named).lower()


def say_place(address: str) -> str:
    """Say which service an address is of; its host only where what is secret in it is named, and is not the host."""
    scheme, host = address.partition("://")[0], host_of(address)
    return f"{scheme} at {host}" if _SECRET.search(address) and _HOST.fullmatch(host) else scheme


def filled_in(address: str, give: Callable[[str, str], str]) -> str:
    """Put secrets into an address; `give` gives one by its name, for a host. Raises what that raises."""
    host = host_of(address)
    return _SECRET.sub(lambda found: quote(give(found[1], host), safe=":"), address)
