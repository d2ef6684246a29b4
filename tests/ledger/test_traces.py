"""Where people stand in the history, whether it is read at once or bit by bit (M7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, append, appended, completed

from mainstay import events as e
from mainstay.encoding import encode_value
from mainstay.errors import LedgerError
from mainstay.ledger import traces
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.people import PersonKeyring
from mainstay.ledger.traces import Met
from mainstay.values import BlobRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mainstay.events import Recorded
    from mainstay.ledger.sqlite import SqliteLedger
    from mainstay.ledger.traces import Traces


@pytest.fixture
def people(ledger: SqliteLedger, folder: Path) -> Iterator[PersonKeyring]:
    del ledger
    with PersonKeyring(folder / "ledger.db", KEY, KEY) as opened:
        yield opened


class Desk:
    """A history that grows, and two who look: one keeps what it met, the other reads all of it each time."""

    def __init__(self, ledger: SqliteLedger, people: PersonKeyring, blobs: FileBlobs) -> None:
        self.ledger, self.people, self.blobs = ledger, people, blobs
        self.met = Met()
        self.read: list[int] = []

    def key(self, kind: str, text: str) -> str:
        found = self.people.find([(kind, text)], since_us=6)
        self.people.flush()
        return found

    def write(self, plan: str, after: int, *keys: str, blob: bool = False) -> None:
        value = [self.people.seal(key, key.encode()) for key in keys]
        kept = self.blobs.put(encode_value(value), media=e.VALUE_MEDIA) if blob else value
        append(self.ledger, appended(f"plan:{plan}", after, completed("s", kept)))

    def look(self, *keys: str) -> Traces:
        def tail(after: int) -> Iterable[Recorded]:
            self.read.append(after)
            return self.ledger.tail(after, 10_000)

        found = self.met.trace(tail, self.blobs, keys, self.people.kinds)
        anew = Met().trace(self.ledger.tail, self.blobs, keys, self.people.kinds)
        assert (found.values, found.texts, found.files) == (anew.values, anew.texts, anew.files)
        return found


@pytest.fixture
def desk(ledger: SqliteLedger, people: PersonKeyring, folder: Path) -> Desk:
    return Desk(ledger, people, FileBlobs(folder / "blobs", KEY, cache_bytes=0))


def test_m7_who_is_looked_for_next_is_found_without_reading_again_what_was_read(desk: Desk):
    ada, bob = desk.key("mail", "ada@a.example"), desk.key("mail", "bob@a.example")
    text, file = desk.key("text", "p"), desk.key("file", "f")
    desk.write("p", 0, ada, bob, ada)
    desk.write("p-child", 0, f"{ada}+{bob}", text)
    desk.write("q", 0, bob, file, blob=True)
    first = desk.look(ada)
    assert (first.values, first.texts, first.files) == ({"p": 3}, (text,), ())
    desk.write("q", 1, ada)
    second = desk.look(ada)
    assert (second.values, second.texts, second.files) == ({"p": 3, "q": 1}, (text,), (file,))
    assert desk.look(bob).values == {"p": 2, "q": 1}
    assert desk.read == [0, 3, 4]


def test_m7_what_was_destroyed_meanwhile_counts_as_gone_and_what_is_new_is_found(desk: Desk):
    ada, bob, text = desk.key("mail", "ada@a.example"), desk.key("mail", "bob@a.example"), desk.key("text", "p")
    desk.write("p", 0, ada, bob, text)
    assert desk.look(ada).texts == (text,)
    desk.people.destroy([ada, text], 5, "r1", "{}")
    assert desk.look(bob).texts == ()
    newer = desk.key("text", "p")
    desk.write("p", 1, bob, newer)
    assert desk.look(bob).texts == (newer,)


def test_m7_a_history_of_too_many_to_keep_is_read_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(traces, "KEPT_KEYS", 1)
    ada, bob = desk.key("mail", "ada@a.example"), desk.key("mail", "bob@a.example")
    desk.write("p", 0, ada, bob)
    assert desk.look(ada).values == desk.look(bob).values == {"p": 1}
    assert desk.read == [0, 0]


def test_m7_a_part_that_can_not_be_read_stops_it_and_is_read_the_next_time(desk: Desk):
    ada = desk.key("mail", "ada@a.example")
    desk.write("p", 0, ada)
    content = encode_value([desk.people.seal(ada, b"x")])
    ref = desk.blobs.put(content, media=e.VALUE_MEDIA)
    assert isinstance(ref, BlobRef)
    path = desk.blobs._path(ref.digest)
    kept = path.read_bytes()
    path.unlink()
    append(desk.ledger, appended("plan:p", 1, completed("s", [desk.people.seal(ada, b"y"), ref])))
    with pytest.raises(LedgerError):
        desk.met.trace(desk.ledger.tail, desk.blobs, [ada], desk.people.kinds)
    path.write_bytes(kept)
    assert desk.look(ada).values == {"p": 3}
