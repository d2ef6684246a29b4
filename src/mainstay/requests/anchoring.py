"""Giving places of the history out to be kept outside: when asked, each hour, and at the end (KERNEL L7).

    [anchor] in mainstay.toml    file, git: written by `ledger.anchor_places`; mail: a plain mail to the operator

An anchor is written to its places first and recorded afterwards, with the places that took it: a process that dies
between has given out one that the history does not know of, and that is no less true. What a place missed is told, and
tried again within the hour. Nothing of it stops work, and of a history that is held nothing is given out unasked. A
place that does not answer is left after its time, and nothing more is begun there before it answered.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay import events as e
from mainstay.detached import detached
from mainstay.errors import FileError, MainstayError
from mainstay.ledger.anchor import Anchor, last_tried, line_of, sign, stream_at
from mainstay.ledger.anchor_places import append_line, commit_line
from mainstay.ledger.batch import STREAM_EVENTS
from mainstay.requests.mailing import mail_operator
from mainstay.values import SECOND_US, say_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from typing import Any

    from mainstay.config import AnchorPlaces
    from mainstay.ledger.signing import SigningKey
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

EVERY_S = 3600.0
LOOK_S = 60.0  # between two looks whether it is time; the first one lets short commands end before
PLACE_S = 40.0  # a place that has not taken an anchor by then is missed
AT_END_S = 10.0  # an end waits for its places no longer


class Anchors:
    """Who signs the anchors of which workspace, and where they are kept."""

    def __init__(self, workspace: str, company: str, key: SigningKey, places: AnchorPlaces) -> None:
        """Give nothing out yet."""
        self.workspace, self.company, self.key, self.places = workspace, company, key, places
        self.under_way: dict[str, asyncio.Future[None]] = {}  # by place: the last time that it was written to


async def give(desk: Requests, by: str, within_s: float = PLACE_S) -> Params:
    """Give the history's end out to all places; gives what it was, which places have it and which have not.

    A place that takes longer than `within_s` has not.

    Raises MainstayErrors of the history only: what goes wrong at a place is told.
    """
    ledger, now_us = desk.engine.parts.ledger, desk.clock.now_us()
    position, digest = ledger.head()
    places, missed = (), ()
    if desk.anchors is not None:
        anchor = sign(Anchor(desk.anchors.workspace, position, digest, now_us), desk.anchors.key)
        places, missed = await _write(desk, desk.anchors, anchor, within_s)
    stream = stream_at(now_us)
    before = len(ledger.read(stream))
    if before < STREAM_EVENTS:  # that many in a month is enough: it was given out all the same
        draft = e.Draft(e.HistoryAnchored(position, digest, places, missed), now_us, by)
        await ledger.append([e.Append(stream, before, (draft,))])
    given = {"plan": "", "position": position, "digest": digest, "at_us": now_us}
    return given | {"places": list(places), "missed": list(missed)}


async def _write(
    desk: Requests, anchors: Anchors, anchor: Anchor, within_s: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write an anchor to all places at once; gives those that took it, and those that did not."""
    line, to = line_of(anchor), anchors.places
    headline = f"Mainstay: the history of {anchors.company} up to record {anchor.position:,}"
    writing: dict[str, Coroutine[Any, Any, object]] = {}
    if to.file:
        writing["file"] = _on_disk(anchors, "file", partial(append_line, _place(to.file), line))
    if to.git:
        commit = partial(commit_line, _place(to.git), anchor.workspace, line, headline)
        writing["git"] = _on_disk(anchors, "git", commit)
    if to.mail:
        writing["mail"] = _mail(desk, to.mail, headline, anchor)
    within = [asyncio.wait_for(each, within_s) for each in writing.values()]
    done = dict(zip(writing, await asyncio.gather(*within, return_exceptions=True), strict=True))
    wrong = {name: error for name, error in done.items() if isinstance(error, BaseException)}
    for name, error in wrong.items():
        late = FileError(f"it does not answer within {say_seconds(within_s)}.", remedy=_LATE[name])
        failure = desk.engine.parts.classify(late if isinstance(error, TimeoutError) else error)
        desk.engine.say(f"The anchor did not reach its place ({name}): {failure.message} {failure.remedy}".strip())
    return tuple(name for name in done if name not in wrong), tuple(wrong)


async def _on_disk(anchors: Anchors, name: str, write: Callable[[], None]) -> None:
    """Write in a thread that nobody has to wait for. Raises FileError, also while the last time hangs there still."""
    last = anchors.under_way.get(name)
    if last is not None and not last.done():
        raise FileError("it has not answered since the last time.", remedy=_LATE[name])
    anchors.under_way[name] = writing = detached(write)
    await asyncio.shield(writing)


_DISK = "Look whether its disk answers, or name another one under [anchor] in mainstay.toml."
_LATE = {
    "file": _DISK,
    "git": _DISK,
    "mail": "Look whether the server under [mail.smtp] answers: mainstay doctor",
}


def _place(named: str) -> Path:
    return Path(named).expanduser()


async def _mail(desk: Requests, to: str, headline: str, anchor: Anchor) -> None:
    """Send the line to the operator, by the mail connector and within its limits. Raises MainstayErrors."""
    said = "Keep this mail: against it you can prove that nothing in your history was changed."
    how = "To check it: mainstay history verify --anchor FILE, with this mail as FILE."
    told = f"{said}\n\n{line_of(anchor)}\n\n{how}\n"
    await mail_operator(desk, to, headline, told, anchor.signature)


class Keeper:
    """Gives anchors out by itself for as long as an owner lives."""

    def __init__(self, desk: Requests) -> None:
        """Give out what the desk gives out when it is asked."""
        self._desk = desk
        self._turn = asyncio.Lock()
        self.serves = False  # a service's end is always anchored, that of a short command only after an hour

    async def run(self) -> None:
        """Give one out whenever an hour has passed and something happened since."""
        while True:
            await self._desk.clock.sleep(LOOK_S)
            await self._give_if_due(EVERY_S)

    async def end(self) -> None:
        """Give one out at the end, if something happened since the last."""
        await self._give_if_due(0.0 if self.serves else EVERY_S, AT_END_S)

    async def _give_if_due(self, after_s: float, within_s: float = PLACE_S) -> None:
        desk = self._desk
        if desk.anchors is None or not desk.anchors.places.named or desk.engine.held or not desk.engine.is_whole:
            return
        async with self._turn:
            with suppress(MainstayError):  # of the history, or of its disk: whoever works on it tells of it
                if self._is_due(after_s):
                    await give(desk, "mainstay", within_s)

    def _is_due(self, after_s: float) -> bool:
        ledger, now_us = self._desk.engine.parts.ledger, self._desk.clock.now_us()
        tried, head = last_tried(ledger.read, now_us), ledger.head()[0]
        if tried is None:
            return head > 0
        if 0 <= now_us - tried.recorded_at_us < after_s * SECOND_US:
            return False
        assert isinstance(tried.fact, e.HistoryAnchored)
        return head > tried.position or bool(tried.fact.missed)


async def _anchor(desk: Requests, params: Params, emit: Emit) -> Params:
    """Give the history's end out into the operator's hand, and to its places."""
    del params, emit
    return await give(desk, "operator")


METHODS: Mapping[str, Method] = {"anchor": _anchor}
