"""Forgetting a person: their keys are destroyed, and the history keeps a receipt without a name (M7, KERNEL L3).

    keys, names and the receipt's row in one transaction -> WAL cut off -> the receipt is a fact -> its row goes
    -> the receipt stands outside the workspace too (`ledger.forgotten`)

A crash on any line is made good at the next start (`catch_up`): a receipt that is not in the history yet is recorded
then, and keys that the history says are destroyed, but which came back with an old copy of them, are destroyed again.
A history that was restored, copied or imported may be older than a forgetting: what this machine remembers of those is
done again in it. One that stayed where it was is left alone, as nobody asked for it there.

Receipts stand in the stream `people`, and once that is full in `people#000002` and so on.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay import events as e
from mainstay.errors import InputError, LedgerError
from mainstay.kernel.state import ENDED, RESTING
from mainstay.ledger import queries
from mainstay.ledger.batch import STREAM_EVENTS
from mainstay.ledger.forgotten import keys_of
from mainstay.ledger.people import PersonKeyring
from mainstay.ledger.places import LedgerPlaces
from mainstay.ledger.traces import SAMPLE_CHARS, Met
from mainstay.values import following_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mainstay.ledger.forgotten import Forgotten
    from mainstay.ledger.people import PersonKeys
    from mainstay.ledger.reader import SqliteReader
    from mainstay.ports import Blobs, Clock, Ledger
    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit
    from mainstay.runtime.payloads import Payloads
    from mainstay.runtime.sealing import Opener
    from mainstay.values import Sealed

STREAM = "people"  # the first; see `_streams`
_ALL = 2**62  # of a history: every fact
_ID_BYTES = 5
_WAL_TRIES = 20
_WAL_WAIT_S = 0.25


async def _forget(desk: Requests, params: Params, emit: Emit) -> Params:
    """Destroy exactly these keys, with the texts and files they stand in; `keep_files` leaves those files readable."""
    del emit
    payloads, ledger = desk.engine.parts.payloads, desk.engine.parts.ledger
    people = _keyring(payloads)
    keys = [key for key, kind in people.kinds(params["keys"]).items() if kind == "person"]
    if not keys:
        raise InputError("Nobody is known under these keys any more.", remedy="Look again: mainstay forget PERSON")
    found = await asyncio.to_thread(desk.met.trace, partial(ledger.tail, limit=_ALL), payloads.raw, keys, people.kinds)
    # Work under way may hold them in memory: what it still writes about many goes too, also where there is none yet.
    going = [people.find((("text", plan),)) for plan in found.plans if _goes_on(ledger.rows(queries.PLAN, (plan,)))]
    people.flush()
    keeps = bool(params.get("keep_files"))
    receipt = e.PersonForgotten(
        id=people.random_id(_ID_BYTES),
        by="operator",
        at_us=desk.clock.now_us(),
        keys=tuple(keys),
        values=found.count,
        plans=len(found.plans),
        texts=tuple(sorted({*found.texts, *going})),
        files=() if keeps else found.files,
        kept=found.files if keeps else (),
    )
    gone = (*receipt.keys, *receipt.texts, *receipt.files)
    people.destroy(gone, receipt.at_us, receipt.id, msgspec.json.encode(receipt).decode())
    payloads.forget()
    cut = await _cut_off(people)
    await _record(ledger, people)
    remembered = _remember(people, lambda _: [receipt])
    return {"plan": "", "receipt": msgspec.to_builtins(receipt), "cut_off": cut, "remembered": remembered}


def find_person(reader: SqliteReader, people: PersonKeys, blobs: Blobs, opener: Opener, name: str) -> Params:
    """Find who is known by a name, an account, a mail address or a customer's number, and where they stand.

    Reads the whole history for somebody who is known. Where nobody is, `people` is empty.
    """
    keys = [key for key, kind in people.kinds(people.known_as(name)).items() if kind == "person"]
    tail = partial(reader.tail, limit=_ALL if keys else 0)
    found = Met().trace(tail, blobs, keys, people.kinds)
    rows = {plan: reader.rows(queries.PLAN, (plan,)) for plan in found.plans}
    return {
        "name": name,
        "people": [{"key": key, "known_as": _known_as(opener, found.samples.get(key, ()))} for key in keys],
        "values": found.count,
        "plans": [
            {
                "plan": plan,
                "title": about[0][2] if about else plan,
                "goes_on": _goes_on(about),
                "values": found.values[plan],
            }
            for plan, about in rows.items()
        ],
        "outside": len(found.values) - len(found.plans),
        "files": len(found.files),
        "texts": len(found.texts),
    }


def _goes_on(about: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a plan, as `queries.PLAN` gives it, still does something."""
    return bool(about) and about[0][3] not in ENDED and about[0][3] not in RESTING


def _known_as(opener: Opener, marks: Sequence[Sealed]) -> list[str]:
    """Give some short values of a person, so that the operator knows who it is."""
    shown = [str(opener.open(mark)) for mark in marks]
    return list(dict.fromkeys(text for text in shown if len(text) <= SAMPLE_CHARS))


async def catch_up(ledger: Ledger, people: PersonKeyring, clock: Clock, *, moved: bool) -> int:
    """Finish what a crash left of a forgetting, and repeat what an old copy of the keys took back. At every start.

    In a history that `moved` this counts also for what only the machine remembers. Gives how many people that were.
    """
    facts = _receipts(ledger)
    again = _unknown_here(facts, people) if moved else []
    for receipt, _ in again:
        people.destroy(keys_of(receipt), receipt.at_us, receipt.id, msgspec.json.encode(receipt).decode())
    gone = [key for fact in facts for key in keys_of(fact)]
    back = list(people.kinds(gone)) if gone else []
    if back:
        people.destroy(back, clock.now_us(), "", "")
    if back or people.receipts():
        await _cut_off(people)
        facts += await _record(ledger, people)
    _remember(people, lambda outside: _missing(facts, outside.own()))
    return sum(count for _, count in again)


def _unknown_here(facts: Sequence[e.PersonForgotten], people: PersonKeyring) -> list[tuple[e.PersonForgotten, int]]:
    """Give the receipts that this history does not hold, but a key they speak of, and how many people each is about."""
    missing = _missing(_remembered(people), facts)
    there = people.kinds([key for receipt in missing for key in keys_of(receipt)])
    counted = [(receipt, sum(key in there for key in receipt.keys)) for receipt in missing]
    return [(receipt, count) for receipt, count in counted if there.keys() & set(keys_of(receipt))]


def _remembered(people: PersonKeyring) -> list[e.PersonForgotten]:
    try:
        return people.forgotten.all() if people.forgotten is not None else []
    except OSError as error:
        raise LedgerError(
            f"Who was forgotten can't be read: {error.filename}: {error.strerror}.",
            remedy="See who may read that file: it says whom this copy of the history has to forget again.",
        ) from error


def _remember(people: PersonKeyring, new: Callable[[Forgotten], list[e.PersonForgotten]]) -> bool:
    """Note receipts outside the workspace too; False where that can't be done now: the next start tries again."""
    if people.forgotten is None:
        return False
    try:
        people.forgotten.add(new(people.forgotten))
    except OSError:
        return False
    return True


def _missing(receipts: Sequence[e.PersonForgotten], known: Sequence[e.PersonForgotten]) -> list[e.PersonForgotten]:
    ids = {one.id for one in known}
    return [one for one in receipts if one.id not in ids]


async def _record(ledger: Ledger, people: PersonKeyring) -> list[e.PersonForgotten]:
    """Bring receipts into the history that it does not hold yet, one after the other, and give those.

    Of the receipts that wait the history may hold the last one it was given, and that is the end of its last stream.
    """
    added: list[e.PersonForgotten] = []
    async with people.recording:
        places = LedgerPlaces(ledger)
        stream = places.last_stream(STREAM)
        length = places.length(stream)
        last = ledger.read(stream, length - 1) if length else []
        for name, stored in people.receipts():
            if not any(isinstance(event.fact, e.PersonForgotten) and event.fact.id == name for event in last):
                receipt = msgspec.json.decode(stored, type=e.PersonForgotten)
                if length == STREAM_EVENTS:
                    stream, length = following_stream(stream), 0
                draft = e.Draft(receipt, receipt.at_us, receipt.by)
                await ledger.append([e.Append(stream, length, (draft,))])
                length += 1
                added.append(receipt)
            people.recorded(name)
    return added


def _receipts(ledger: Ledger) -> list[e.PersonForgotten]:
    """Give every receipt the history holds."""
    found: list[e.PersonForgotten] = []
    stream = STREAM
    while recorded := ledger.read(stream):
        found += [event.fact for event in recorded if isinstance(event.fact, e.PersonForgotten)]
        stream = following_stream(stream)
    return found


async def _cut_off(people: PersonKeyring) -> bool:
    """Take what was destroyed out of the WAL; False while somebody keeps reading an older state."""
    for _ in range(_WAL_TRIES):
        if await asyncio.to_thread(people.truncate):
            return True
        await asyncio.sleep(_WAL_WAIT_S)
    return False


def _keyring(payloads: Payloads) -> PersonKeyring:
    people = payloads.sealer.people if payloads.sealer is not None else None
    if not isinstance(people, PersonKeyring):
        raise LedgerError("The keys of people are not open here.", remedy="mainstay doctor")
    return people


METHODS: Mapping[str, Method] = {"forget": _forget}
