"""Links that carry one decision, for a phone or a mail: signed, for a time, for exactly what was shown.

A link is `v1.BODY.MAC`: the body names the question, the digests that a yes binds, the answers it may give and when it
ends; the MAC is HMAC-SHA256 under a key made of the workspace's (SECURITY S22 to S28). Nothing is stored: a question
that was answered is closed, so its links are used up with it, and a new key ends them all. Looking at a link does
nothing; only `answer` rules, as the operator who made the link.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from mainstay.errors import CommandRefusedError, InputError
from mainstay.values import DAY_S, SECOND_US, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.kernel.state import Question
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

VERSION = "v1"
LONGEST_S = 14 * DAY_S
ANSWERS = ("approve", "reject")  # what a link can say; anything finer is said where the whole card is
MOST_CHARS = 1000

State: TypeAlias = Literal["altered", "expired", "used", "void"]


class LinkError(InputError):
    """A link does not lead to a decision; `state` says why, for whoever answers over HTTP (403, 410, 409, 409)."""

    state: State

    def __init__(self, state: State, message: str, *, remedy: str = "") -> None:
        """Keep why."""
        super().__init__(message, remedy=remedy or "See what waits: mainstay inbox")
        self.state = state


class Link(msgspec.Struct, frozen=True, array_like=True):
    """What a link says."""

    decision: str
    bound: str  # a digest of what a yes binds
    answers: tuple[str, ...]
    ends_at_us: int


def make_link(desk: Requests, decision: str, *, seconds: int, answers: Sequence[str] = ANSWERS) -> str:
    """Give the text of a link to an open question that ends after so long, and with the question at the latest.

    Raises InputError for a question that is not open, a time beyond two weeks, or an answer that it can't have.
    """
    question = _open(desk, decision)
    if question is None:
        raise InputError(f"Question {decision} is not open.", remedy="See what waits: mainstay inbox")
    if not 0 < seconds <= LONGEST_S:
        raise InputError("A link lasts two weeks at most, and longer than no time.", remedy="Give a time such as 2d.")
    known = [answer for answer in question.options if answer in ANSWERS]
    if question.kind == "ask" and _has_form(desk, decision, question):
        known = [answer for answer in known if answer != "approve"]  # what is filled in is said where the card is
    if wrong := [answer for answer in answers if answer not in known]:
        why = f"A link can't answer {decision} with {wrong[0]}; it can say {' or '.join(known)}."
        if not known:
            why = f"Question {decision} takes no plain yes or no, and a link says nothing else."
        raise InputError(why, remedy=f"Answer it here: mainstay decide {decision}")
    ends_us = desk.clock.now_us() + seconds * SECOND_US
    ends_us = ends_us if question.due_at_us is None else min(ends_us, question.due_at_us)
    body = msgspec.msgpack.encode(Link(decision, _bound(question), tuple(answers), ends_us))
    return f"{VERSION}.{_text(body)}.{_text(_mac(desk, body))}"


def read_link(desk: Requests, text: str) -> Link:
    """Give what a link says, if it still leads to an open question as it was shown. Raises LinkError."""
    link = _signed(desk, text)
    if desk.clock.now_us() >= link.ends_at_us:
        raise LinkError("expired", "This link is over.", remedy=f"Answer it here: mainstay decide {link.decision}")
    question = _open(desk, link.decision)
    if question is None:
        raise LinkError("used", f"Question {link.decision} was answered, or no longer matters.")
    if not hmac.compare_digest(_bound(question), link.bound):
        again = f"Look at it anew: mainstay decide {link.decision}"
        raise LinkError("void", f"What question {link.decision} is about was changed since.", remedy=again)
    return link


async def answer(desk: Requests, text: str, choice: str, reason: str = "", rows: Params | None = None) -> Link:
    """Rule as a link says; on disk when this returns. Raises LinkError, also where somebody else was quicker.

    Of a list `rows` says which are `kept`, and the `picks` among their readings.
    """
    link = read_link(desk, text)
    if choice not in link.answers:
        raise LinkError("altered", f"This link can say {' or '.join(link.answers)}, and nothing else.")
    question = _open(desk, link.decision)
    assert question is not None
    said = {"choice": choice, "reason": reason, "binds": list(question.binds), "session": "link"}
    try:
        await desk.rule(link.decision, said | (rows or {}))
    except CommandRefusedError as error:
        state: State = "used" if _open(desk, link.decision) is None else "void"
        raise LinkError(state, error.message, remedy=error.remedy) from error
    return link


def _signed(desk: Requests, text: str) -> Link:
    """Read a link that we made; what cannot be one and what was altered are refused alike."""
    wrong = LinkError("altered", "This link is not whole, or was not made here.")
    parts = text.split(".")
    if len(text) > MOST_CHARS or len(parts) != 3 or parts[0] != VERSION or not text.isascii():  # noqa: PLR2004
        raise wrong
    try:
        body, mac = _bytes(parts[1]), _bytes(parts[2])
    except (ValueError, binascii.Error):
        raise wrong from None
    if not hmac.compare_digest(mac, _mac(desk, body)):
        raise wrong
    return msgspec.msgpack.decode(body, type=Link)


def _open(desk: Requests, decision: str) -> Question | None:
    return desk.engine.load(decision.rpartition(".")[0]).questions.get(decision)


def _has_form(desk: Requests, decision: str, question: Question) -> bool:
    """Whether a person fills something in."""
    ask = desk.engine.load(decision.rpartition(".")[0]).step(question.paths[0]).ask
    return ask is not None and bool(ask.form)


def _bound(question: Question) -> str:
    return digest_of(*(each.encode() for each in (*question.paths, *question.binds)))[:32]


def _mac(desk: Requests, body: bytes) -> bytes:
    key = hmac.digest(desk.engine.parts.token_key, b"decision links", "sha256")
    return hmac.digest(key, VERSION.encode() + body, "sha256")


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """Read what `_text` wrote, and nothing else: one content has one text."""
    content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(content) != text:
        msg = "not as it is written here"
        raise ValueError(msg)
    return content


async def _link(desk: Requests, params: Params, emit: Emit) -> Params:
    """Make a link to a question: `seconds` it lasts, and the `answers` it may give."""
    del emit
    decision: str = params["decision"]
    answers = tuple(params.get("answers") or ANSWERS)
    link = make_link(desk, decision, seconds=int(params["seconds"]), answers=answers)
    return {"plan": decision.rpartition(".")[0], "link": link}


METHODS: Mapping[str, Method] = {"link": _link}
