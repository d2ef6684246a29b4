"""Where the history stood when Mainstay last looked, and on which machine and file (KERNEL L6).

    .mainstay/head                                    beside the history: goes with a copy of the folder
    <the user's config>/mainstay/keys/<id>.<inode>.head
                                                      beside the key: stays where it is when the folder is put back

Both hold the last position and its digest, the machine, and the file by device and inode. They are written after the
commit they speak of, so they never claim more than what is on disk; a crash leaves them a little behind, which is
no fault as long as what they say still stands in the chain. `judge` says what does not fit:

- the history ends before its head: an older copy was put back, or its end was cut off
- another digest stands at the head's position: another history, or one that was computed anew
- another machine, or another file: copied, restored, or moved to another disk (`mv` on one disk keeps the file)
- no head at all, where one was kept: restored from something that holds none

The witness beside the key speaks only of the file it was written for, and bears its number in its name, so that two
copies on one machine, each released by the operator, neither accuse each other nor write over each other's word. They
also tell where other copies lie (`others`). One of a release before lies in `<id>.head`. Device numbers are given out
anew when a disk is mounted, so they are compared within one run of the machine only.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import msgspec

from mainstay.errors import LedgerError
from mainstay.ledger.disk import replace
from mainstay.ledger.trouble import refused

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import apsw

HEAD_NAME = "head"
EVERY_S = 5.0  # between two looks whether the history moved on
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# Whether this history ever had a head: without it a missing one would accuse every workspace of before there were any.
KEEPS_HEAD = "SELECT count(*) FROM meta WHERE name = 'head'"
# From here on it has one.
KEEP_HEAD = "INSERT OR REPLACE INTO meta (name, value) VALUES ('head', '1')"


class Place(msgspec.Struct, frozen=True):
    """Which file on which machine. `machine` and `boot` are empty where the system does not say."""

    machine: str
    boot: str
    device: int
    inode: int

    def is_same_file(self, other: Place) -> bool:
        """Whether two moments saw the same file, as far as that can be known."""
        if self.machine and other.machine and self.machine != other.machine:
            return False
        if self.boot and self.boot == other.boot and self.device != other.device:
            return False
        return self.inode == other.inode


class Head(msgspec.Struct, frozen=True):
    """How far the history went, and where it lay. `digest` is in hex, `ledger` the path of its file."""

    position: int
    digest: str
    place: Place
    at_us: int
    ledger: str = ""


class Chain(Protocol):
    """What is asked of a history to judge it; `reader.SqliteReader` is one."""

    def head(self) -> tuple[int, str]:
        """Give the last committed position and its digest in hex."""
        ...

    def digest_at(self, position: int) -> str:
        """Give the digest of one record in hex; empty when there is none."""
        ...


class History(Chain, Protocol):
    """What is asked of it to keep its head; `sqlite.SqliteLedger` is one."""

    def held(self) -> AbstractContextManager[apsw.Connection]:
        """Give the writing connection."""
        ...


def place_of(ledger: Path) -> Place:
    """Say where a history lies now. Raises LedgerError when the file can't be seen."""
    try:
        status = ledger.stat()
    except OSError as error:
        raise refused(ledger.parent, error) from error
    machine = next((_first_line(path) for path in _MACHINE_IDS if _first_line(path)), "")
    hashed = blake2b(machine.encode(), digest_size=16, person=b"mainstay/machine").hexdigest() if machine else ""
    return Place(hashed, _first_line(_BOOT_ID), status.st_dev, status.st_ino)


def read(path: Path) -> Head | None:
    """Read a head; None when there is none, or nothing that can be understood."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Head)
    except (OSError, msgspec.MsgspecError):
        return None


def witness_of(base: Path, here: Place) -> Path:
    """Name the witness of one file; `base` is the name of before each file had its own (`keys.witness_file`)."""
    return base.with_name(f"{base.stem}.{here.inode}.head")


def files_of(ledger: Path, base: Path) -> tuple[Path, ...]:
    """Name the heads of a history that speak of this very file; see `witness_of`."""
    here = place_of(ledger)
    older = read(base)
    found = (ledger.with_name(HEAD_NAME), witness_of(base, here))
    return (*found, base) if older is not None and older.place.is_same_file(here) else found


def read_witness(base: Path, here: Place) -> Head | None:
    """Read the head beside the key; None when there is none of this file."""
    found = read(witness_of(base, here)) or read(base)
    return found if found is not None and found.place.is_same_file(here) else None


def others(base: Path, here: Place) -> list[Head]:
    """Give the heads of other copies of this workspace that were worked on here and still lie where they lay."""
    found = (read(path) for path in sorted(base.parent.glob(f"{base.stem}.*.head")))
    return [one for one in found if one is not None and not one.place.is_same_file(here) and _is_there(one)]


def copy_folder(head: Head) -> Path:
    """Name the operator's folder that a head speaks of."""
    return Path(head.ledger).parent.parent


def _is_there(head: Head) -> bool:
    try:
        return bool(head.ledger) and place_of(Path(head.ledger)).is_same_file(head.place)
    except LedgerError:
        return False


def judge(history: Chain, here: Place, head: Head | None, witness: Head | None, *, expected: bool) -> str:
    """Say in a sentence why a history must not be worked on as it is; empty when nothing speaks against it.

    `expected` says whether a head was ever kept for it; `witness` is one of this very file (`read_witness`).
    """
    last = history.head()[0]
    for one in (head, witness):
        if one is not None and one.position > last:
            return (
                f"it ends at record {last:,}, and it went to record {one.position:,} before: "
                "an older copy of it was put back, or its end was cut off"
            )
        if one is not None and one.position and history.digest_at(one.position) != one.digest:
            return f"record {one.position:,} is not the one that stood there before: this is another history"
    if head is None:
        return "the file that says where it ended is missing: it was restored or copied" if expected and last else ""
    if head.place.machine and here.machine and head.place.machine != here.machine:
        return "it was written on another machine: it was copied or restored here"
    if not head.place.is_same_file(here):
        return "it is not the file it was: it was copied, restored, or moved here from another disk"
    return ""


class HeadKeeper:
    """Writes both heads of one history, at its start and end and every few seconds between."""

    def __init__(self, ledger: Path, witness: Path, history: History) -> None:
        """Take the history's file, where witnesses lie (`keys.witness_file`), and the history."""
        self._ledger, self._witness, self._history = ledger, witness, history
        self._path = ledger.with_name(HEAD_NAME)
        self._written = -1
        self._turn = Lock()

    def judge(self) -> str:
        """Say why the history must not be worked on; see `judge`."""
        with self._history.held() as connection:
            expected = bool(connection.execute(KEEPS_HEAD).get)
        here = place_of(self._ledger)
        return judge(self._history, here, read(self._path), read_witness(self._witness, here), expected=expected)

    def others(self) -> list[Head]:
        """Give the heads of other copies on this machine; see `others`."""
        return others(self._witness, place_of(self._ledger))

    def begin(self, now_us: int) -> None:
        """Write the heads, and remember that this history has them; raises LedgerError when that can't be done."""
        try:
            self.write(now_us)
        except OSError as error:
            raise refused(self._ledger.parent, error) from error
        with self._history.held() as connection:
            if not connection.execute(KEEPS_HEAD).get:
                connection.execute(KEEP_HEAD)

    def write(self, now_us: int) -> None:
        """Write the heads if the history moved on; on disk when this returns. Raises OSError or LedgerError."""
        with self._turn:
            self._write(now_us)

    def _write(self, now_us: int) -> None:
        position, digest = self._history.head()
        if position != self._written:
            here = place_of(self._ledger)
            content = msgspec.json.encode(Head(position, digest, here, now_us, str(self._ledger.absolute())))
            replace(self._path, content)
            if self._witness.parent.is_dir():
                replace(witness_of(self._witness, here), content)
                self._drop_older(here)
            self._written = position

    def _drop_older(self, here: Place) -> None:
        """Remove the witness of a release before, once this file has one of its own name."""
        older = read(self._witness)
        if older is not None and older.place.is_same_file(here):
            self._witness.unlink(missing_ok=True)

    def write_if_possible(self, now_us: int) -> None:
        """Write the heads, or leave the older ones: they claim less and stay true. The history tells of its disk."""
        try:
            self.write(now_us)
        except (OSError, LedgerError):
            return

    async def run(self, now_us: Clock) -> None:
        """Keep the heads near the history's end for as long as the owner lives."""
        while True:
            await asyncio.sleep(EVERY_S)
            await asyncio.to_thread(self.write_if_possible, now_us())


class Clock(Protocol):
    """The time, microseconds UTC."""

    def __call__(self) -> int:
        """Give it."""
        ...


def _first_line(path: Path) -> str:
    try:
        return path.read_text().strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        return ""
