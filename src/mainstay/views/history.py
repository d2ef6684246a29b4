"""The history as a whole: whether it is in order, whether it is this workspace's own, and what was learned in it."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from mainstay import events as e
from mainstay.contracts import marks_in
from mainstay.encoding import decode_value
from mainstay.errors import LedgerError
from mainstay.kernel.replay import replay
from mainstay.ledger.anchor import Kept, last_anchor, last_tried, read_anchors, streams_between
from mainstay.ledger.chain import Mark
from mainstay.ledger.collect import bodies, names_in
from mainstay.ledger.head import HEAD_NAME, KEEPS_HEAD, judge, place_of, read_witness
from mainstay.ledger.head import read as read_head
from mainstay.ledger.known import KnownReader
from mainstay.ledger.signing import SigningKey, fingerprint, is_key
from mainstay.requests.forgetting import find_person
from mainstay.requests.release import STREAM, reason_of
from mainstay.sentences import say, say_actor
from mainstay.values import DAY_S, SECOND_US, BlobRef
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.views.opening import Row


class History(Opened):
    """All that was recorded."""

    def tail(self, after: int = 0, limit: int = 1000) -> list[Row]:
        """Give the newest or following events of the whole history."""
        head = self._reader.head()[0]
        start = after or max(0, head - limit)
        return [
            {
                "position": event.position,
                "event": event.id,
                "at": self.time(event.recorded_at_us),
                "kind": event.kind,
                "who": say_actor(event.actor),
                "what": say(event.fact),
                "because": event.cause,
            }
            for event in self._reader.tail(start, limit)
        ]

    def head(self) -> Row:
        """Say how many records there are, and the newest one's digest; nothing is walked through."""
        records, digest = self._reader.head()
        return {"records": records, "head": digest, "key": fingerprint(SigningKey(self._signing).public)}

    def anchors(self, days: int = 90, limit: int = 50) -> list[Row]:
        """List when the history was given out to be kept outside, of so many days, the newest first."""
        now_us = time.time_ns() // 1000
        streams = streams_between(now_us - days * DAY_S * SECOND_US, now_us)
        given = [event for stream in streams for event in self._reader.read(stream)]
        return [
            {
                "record": event.fact.position,
                "at": self.time(event.recorded_at_us),
                "by": say_actor(event.actor),
                "places": list(event.fact.places),
                "missed": list(event.fact.missed),
            }
            for event in reversed(given[-limit:])
            if isinstance(event.fact, e.HistoryAnchored)
        ]

    def replay(self, plan_id: str) -> Row:
        """Decide a plan's history again with the present release, without effects; name the first difference."""
        plan, recorded = self.plan(plan_id), self.recorded(plan_id)
        found = replay(plan_id, plan.graph, recorded)
        at = recorded[min(found.position or found.facts, found.facts) - 1]
        return {
            "plan": plan_id,
            "facts": found.facts,
            "same": found.same,
            "first_difference": f"{found.position}: {found.difference}" if found.difference else "",
            "record": {"position": at.position, "at": self.time(at.recorded_at_us), "what": say(at.fact)},
            "digest": self._reader.digest_at(at.position),
            "parts": [child for slot in plan.slots.values() for child in slot.children],
        }

    def verify(self, progress: Callable[[int], None] | None = None, anchors: Iterable[str] = (), key: str = "") -> Row:
        """Walk the chain, and look at all that lies beside it: what is not as it was written is named.

        It is held against its head, and against the anchors in texts; `key` is who has to have signed those, as the
        operator knows it. Raises InputError when they can't be read.
        """
        texts, public = list(anchors), SigningKey(self._signing).public
        kept = read_anchors(texts, self._id, public) if texts else Kept(())
        marks = [*self._heads(), *(one.mark for one in kept.anchors)]
        found = self._reader.verify(progress, marks)
        now_us = time.time_ns() // 1000
        last = last_anchor(self._reader.read, now_us) if found.bad is None else None
        tried = last_tried(self._reader.read, now_us) if found.bad is None else None
        return {
            "records": found.records,
            "head": found.head,
            "bad": found.bad,
            "why": found.why,
            "damaged": list(found.damaged),
            "held": "" if found.bad is not None else self.held() or self.moved(),
            "against": [msgspec.to_builtins(mark) for mark in found.marks],
            "anchored": None if last is None else {"record": last[0], "at": self.time(last[1])},
            "missed": list(tried.fact.missed) if tried and isinstance(tried.fact, e.HistoryAnchored) else [],
            "forged": [{"name": one.name, "position": one.position, "why": why} for one, why in kept.forged],
            "broken": list(kept.broken),
            "kept": self._kept(kept),
            "key": fingerprint(public),
            "other_key": bool(key) and not is_key(public, key),
            "files": self._unusable_files(),
        }

    def _kept(self, kept: Kept) -> Row | None:
        """Say how far the anchors reach that the operator kept; None where there are none."""
        newest = kept.newest
        if newest is None:
            return None
        unsigned = sum(not one.key for one in kept.anchors)
        at = self.time(newest.at_us)
        return {"count": len(kept.anchors), "record": newest.position, "at": at, "unsigned": unsigned}

    def _heads(self) -> list[Mark]:
        """Give what the head beside the history says, wherever both were copied to, and the one beside its key."""
        here = place_of(self._path)
        head, witness = read_head(self._path.with_name(HEAD_NAME)), read_witness(self._witness, here)
        found = (("its head", head), ("its head beside the key", witness))
        return [Mark(name, one.position, one.digest) for name, one in found if one]

    def _unusable_files(self) -> list[Row]:
        """Name the stored files that facts speak of, and that are missing or altered; each once."""
        seen: set[str] = set()
        found: list[Row] = []
        with suppress(LedgerError):  # of a history that can't be read any further; the walk along the chain said so
            for position, body in bodies(self._reader):
                if names_in(body) <= seen:  # most facts name none, or one that was looked at
                    continue
                (event,) = self._reader.tail(position - 1, 1)
                waiting = list(marks_in(event.fact))
                while waiting:
                    mark = waiting.pop()
                    if not isinstance(mark, BlobRef) or mark.digest in seen:
                        continue
                    seen.add(mark.digest)
                    try:
                        content = self._payloads.raw.get(mark)
                    except LedgerError as error:
                        of = event.plan or event.stream.removeprefix("plan:")
                        found.append({"plan": of, "says": error.message, "next": error.remedy})
                        continue
                    if mark.media == e.VALUE_MEDIA:
                        waiting += marks_in(decode_value(content))
        return found

    def held(self) -> str:
        """Say why all work is stopped (KERNEL L6); empty when it is not."""
        return reason_of(self._reader.read(STREAM))

    def moved(self) -> str:
        """Say why the next owner will stop all work: this is not the history it was; empty when it is."""
        expected = bool(self._reader.rows(KEEPS_HEAD)[0][0])
        here, head = place_of(self._path), read_head(self._path.with_name(HEAD_NAME))
        return judge(self._reader, here, head, read_witness(self._witness, here), expected=expected)

    def known(self) -> dict[str, list[Row]]:
        """Give what was learned from the operator's answers: payers, and layouts of tables."""
        known = KnownReader(self._reader, self._opener.open)
        return {
            "payers": [msgspec.to_builtins(payer) for payer in known.payers()],
            "layouts": [msgspec.to_builtins(layout) for layout in known.layouts()],
        }

    def person(self, name: str) -> Row:
        """Find who is known by a name, an account, a mail address or a customer's number, and where they stand."""
        return find_person(self._reader, self._people, self._payloads.raw, self._opener, name)
