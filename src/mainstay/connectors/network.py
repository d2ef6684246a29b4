"""Whether this machine itself has a network: without one nothing is the other side's fault (requirement K21).

Asked only after a call failed in a way that a missing network explains. No data leaves: a route is looked up by the
system (a datagram socket is connected, which sends nothing); only where there is one is a name looked up as well.
"""

from __future__ import annotations

import asyncio
import errno
import socket

KNOWN_NAME = "a.root-servers.net"  # answered wherever names are answered at all
NAME_S = 5.0  # until looking it up counts as failed
_PLACES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # of no host: RFC 5737, RFC 3849
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EHOSTDOWN)
_NO_NAME = (socket.EAI_AGAIN, socket.EAI_NONAME, socket.EAI_FAIL)


def may_be_network(error: BaseException) -> bool:
    """Say whether a missing network would explain this error, or what it was made of."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        made_of = waiting.pop()
        if made_of is None or id(made_of) in seen:
            continue
        seen.add(id(made_of))
        if isinstance(made_of, socket.gaierror) and made_of.errno in _NO_NAME:
            return True
        if isinstance(made_of, OSError) and made_of.errno in _NO_WAY:
            return True
        waiting += [made_of.__cause__, made_of.__context__]
    return False


async def is_online() -> bool:
    """Say whether this machine has a route out, and a name is answered."""
    if not has_route():
        return False
    try:
        looked_up = asyncio.get_running_loop().getaddrinfo(KNOWN_NAME, 53, type=socket.SOCK_DGRAM)
        await asyncio.wait_for(looked_up, NAME_S)
    except socket.gaierror as error:
        return error.errno != socket.EAI_AGAIN  # any answer is one
    except TimeoutError:
        return False
    return True


def has_route() -> bool:
    """Say whether the system knows a way to anywhere but this machine."""
    for family, place in _PLACES:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((place, 9))
                return True
        except OSError:
            continue
    return False
