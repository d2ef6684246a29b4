"""Tokens of outside tools: which may ask for what, until when, and where they are told (SECURITY S36, S66).

A token is shown once, when it is made. The history keeps a keyed digest of it, so that nobody who has a copy of the
history can use one. A token asks; it never answers a question, and what it may ask for is listed by name. The
last token of a name is the one that counts: making one anew for a tool keeps what the tool asked for before.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from typing import TYPE_CHECKING, NamedTuple

from mainstay import events as e
from mainstay.connectors.web import place_of
from mainstay.errors import CommandRefusedError, InputError, UnknownNameError
from mainstay.ledger.batch import STREAM_EVENTS
from mainstay.values import DAY_S, SECOND_US, parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

STREAM = "api:tokens"
PREFIX = "mst_"
LONGEST_S = 3650 * DAY_S
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_SECRET_BYTES = 32
_MOST_CHARS = 200


class Token(NamedTuple):
    """What is known of a token."""

    name: str
    digest: str
    allowed: tuple[str, ...]
    made_at_us: int
    expires_at_us: int | None
    callback: str
    revoked: bool = False

    def counts(self, now_us: int) -> bool:
        """Whether it lets anything in."""
        return not self.revoked and (self.expires_at_us is None or now_us < self.expires_at_us)


def tokens(desk: Requests) -> dict[str, Token]:
    """Give the last token of every name; nothing that is not on disk."""
    found: dict[str, Token] = {}
    for event in desk.engine.parts.ledger.read(STREAM):
        fact = event.fact
        if isinstance(fact, e.TokenMade):
            told = (fact.name, fact.digest, fact.allowed, fact.at_us, fact.expires_at_us, fact.callback)
            found[fact.name] = Token(*told)
        elif isinstance(fact, e.TokenRevoked) and fact.name in found:
            found[fact.name] = found[fact.name]._replace(revoked=True)
    return found


def any_counts(desk: Requests) -> bool:
    """Whether some token lets anybody in."""
    now_us = desk.clock.now_us()
    return any(token.counts(now_us) for token in tokens(desk).values())


def token_of(desk: Requests, text: str) -> Token | None:
    """Give the token that somebody shows, if it counts now."""
    if not text.startswith(PREFIX) or len(text) > _MOST_CHARS or not text.isascii():
        return None
    shown, now_us = _digest(desk, text), desk.clock.now_us()
    return next(
        (one for one in tokens(desk).values() if hmac.compare_digest(one.digest, shown) and one.counts(now_us)), None
    )


def signing_key(desk: Requests, token: Token) -> bytes:
    """Give the key that signs what a tool is told: another one for each token, and derived, so that none is kept."""
    return _keyed(desk, b"callbacks", token.digest.encode())


def _digest(desk: Requests, text: str) -> str:
    return _keyed(desk, b"tokens of tools", text.encode()).hex()


def _keyed(desk: Requests, purpose: bytes, content: bytes) -> bytes:
    return hmac.digest(hmac.digest(desk.engine.parts.token_key, purpose, "sha256"), content, "sha256")


async def _make(desk: Requests, params: Params, emit: Emit) -> Params:
    """Make a token; what is given back is the only place where it stands."""
    del emit
    name, allowed = _checked_name(params["name"]), _checked_operations(desk, params["allow"])
    now_us, callback = desk.clock.now_us(), params.get("callback") or ""
    if callback:
        place_of(callback)
    known = tokens(desk).get(name)
    if known is not None and known.counts(now_us):
        raise InputError(
            f"There is a token '{name}' already.", remedy=f"Revoke it first: mainstay api token revoke {name}"
        )
    expires_at_us = _expiry(now_us, params.get("expires") or "")
    text = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    digest = _digest(desk, text)
    await _append(desk, e.TokenMade(name, digest, allowed, now_us, expires_at_us, callback))
    made = Token(name, digest, allowed, now_us, expires_at_us, callback)
    desk.on_token()
    secret = f"whsec_{base64.b64encode(signing_key(desk, made)).decode()}" if callback else ""
    return {"plan": "", "token": text, "callback_secret": secret, **_row(desk, made)}


async def _list(desk: Requests, params: Params, emit: Emit) -> Params:
    del params, emit
    return {"plan": "", "tokens": [_row(desk, token) for token in tokens(desk).values()]}


async def _revoke(desk: Requests, params: Params, emit: Emit) -> Params:
    del emit
    name: str = params["name"]
    token = tokens(desk).get(name)
    if token is None:
        there = ", ".join(tokens(desk)) or "none"
        raise UnknownNameError(f"There is no token '{name}'.", remedy=f"There are: {there}.")
    if not token.revoked:
        await _append(desk, e.TokenRevoked(name))
    return {"plan": "", **_row(desk, token._replace(revoked=True))}


async def _append(desk: Requests, fact: e.TokenMade | e.TokenRevoked) -> None:
    ledger = desk.engine.parts.ledger
    before = len(ledger.read(STREAM))
    if before >= STREAM_EVENTS - isinstance(fact, e.TokenMade):  # there is always room to revoke one
        raise CommandRefusedError(
            f"{before:,} tokens were made and revoked in this workspace, and there is no room for more.",
            remedy="Keep those there are.",
        )
    draft = e.Draft(fact, desk.clock.now_us(), "operator")
    await ledger.append([e.Append(STREAM, before, (draft,))])


def _row(desk: Requests, token: Token) -> Params:
    now_us = desk.clock.now_us()
    state = "counts" if token.counts(now_us) else "revoked" if token.revoked else "expired"
    return {
        "name": token.name,
        "allow": list(token.allowed),
        "made_at_us": token.made_at_us,
        "expires_at_us": token.expires_at_us,
        "callback": token.callback,
        "state": state,
    }


def _checked_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise InputError("That is no name for a token.", remedy="Take small letters, digits, - and _: n8n, for one.")
    return name


def _checked_operations(desk: Requests, names: Sequence[str]) -> tuple[str, ...]:
    """Give what a token may ask for. Raises UnknownNameError for what there is not, InputError for what only reads."""
    if not names:
        raise InputError("The token may ask for nothing.", remedy="Say what it may: --allow mail.send,files.write")
    for name in names:
        if desk.contracts.operation(name).effect == "read":
            raise InputError(
                f"{name} only reads, and would tell the tool what you have.", remedy="Name operations that act."
            )
    return tuple(dict.fromkeys(names))


def _expiry(now_us: int, text: str) -> int | None:
    if not text:
        return None
    try:
        seconds = parse_duration_s(text)
    except ValueError as error:
        raise InputError(f"{error}.", remedy="Give a time such as 90d.") from None
    if not 0 < seconds <= LONGEST_S:
        why = "A token lasts ten years at most, and longer than no time."
        raise InputError(why, remedy="Give a time such as 90d, or none.")
    return now_us + seconds * SECOND_US


METHODS: Mapping[str, Method] = {"token_make": _make, "token_list": _list, "token_revoke": _revoke}
