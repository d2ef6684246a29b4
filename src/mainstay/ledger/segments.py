"""Bodies of old facts, moved out of the database (KERNEL L8): encrypted, read-only, verified files.

    .mainstay/segments/000001.seg

    MAGIC (8 bytes) || chunk ... || index || length of the index (8 bytes)
    chunk = nonce (12 bytes) || AES-256-GCM of zlib of MessagePack [[position, body], ...]
    index = nonce || AES-256-GCM of MessagePack [[first position, offset, size], ...], one for each chunk

The envelope stays in the database. In the place of the body stands a stub, which no body can be, as MessagePack never
begins with its first byte:

    0xC1 || number of the segment (4 bytes) || BLAKE2b-256 of the body

So the chain still verifies, because a link holds the body by its digest only (KERNEL L2), and every body that is
read back is held against that digest.
"""

from __future__ import annotations

import hmac
import os
import secrets
import zlib
from bisect import bisect_right
from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from mainstay.errors import LedgerError
from mainstay.ledger.disk import make_folder, sync_folder, write_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"MSTSEG01"
STUB = 0xC1
STUB_BYTES = 37
CHUNK_BYTES = 128 * 1024  # of bodies, before compression
CHUNKS_CACHED = 64
NONCE_BYTES = 12
FOLDER = "segments"
SUFFIX = ".seg"
_LENGTH_BYTES = 8

Bodies: TypeAlias = "Sequence[tuple[int, bytes]]"  # position and body, in the order of positions
_decode_bodies = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode
_decode_index = msgspec.msgpack.Decoder(list[tuple[int, int, int]]).decode


class _Open(NamedTuple):
    """A segment's index."""

    firsts: list[int]
    places: list[tuple[int, int]]  # offset and size of each chunk


def is_stub(body: bytes) -> bool:
    """Whether a body was moved to a segment."""
    return len(body) == STUB_BYTES and body[0] == STUB


def stub(number: int, body: bytes) -> bytes:
    """Give what stands in the database for a body that was moved."""
    return bytes((STUB,)) + number.to_bytes(4, "big") + blake2b(body, digest_size=32).digest()


def number_of(stub_: bytes) -> int:
    """Give the number of the segment a stub points to."""
    return int.from_bytes(stub_[1:5], "big")


class Segments:
    """The segments of one workspace. May be used from several threads."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """Take `.mainstay` and the database's key; the folder is made when the first segment is written."""
        self.folder = folder / FOLDER
        self._key = hmac.digest(key, b"mainstay/segments/1", "sha256")
        self._made: AESGCM | None = None
        self._indexes: dict[int, _Open] = {}
        self._chunks: OrderedDict[tuple[int, int], dict[int, bytes]] = OrderedDict()
        self._lock = Lock()
        self.archiving = Lock()  # held by whoever writes segments and points records to them

    def whole(self, position: int, body: bytes) -> bytes:
        """Give the body itself, fetched where it was moved. Raises LedgerError when its segment can't give it."""
        return self._fetch(position, body) if is_stub(body) else body

    def numbers(self) -> list[int]:
        """Give the numbers of the segments there are."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.stem) for path in self.folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())

    def path(self, number: int) -> Path:
        """Give the file of a segment."""
        return self.folder / f"{number:06}{SUFFIX}"

    def write(self, bodies: Bodies) -> int:
        """Write a new segment, read all of it back, and give its number; on disk when this returns."""
        make_folder(self.folder)
        for left in self.folder.glob("*.part"):
            left.unlink()
        number = max(self.numbers(), default=0) + 1
        path = self.path(number)
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        write_new(part, self._sealed(number, bodies))
        part.chmod(0o400)
        part.rename(path)
        sync_folder(self.folder)
        for position, body in bodies:
            self._fetch(position, stub(number, body))
        return number

    def remove(self, number: int) -> None:
        """Remove a segment that no stub points to."""
        self.path(number).unlink(missing_ok=True)
        with self._lock:
            self._indexes.pop(number, None)
            for key in [key for key in self._chunks if key[0] == number]:
                del self._chunks[key]

    # --- writing

    def _sealed(self, number: int, bodies: Bodies) -> bytes:
        parts, index, offset = [MAGIC], list[tuple[int, int, int]](), len(MAGIC)
        for chunk in _chunks(bodies):
            sealed = self._encrypt(number, chunk[0][0], zlib.compress(msgspec.msgpack.encode(chunk)))
            index.append((chunk[0][0], offset, len(sealed)))
            parts.append(sealed)
            offset += len(sealed)
        told = self._encrypt(number, 0, msgspec.msgpack.encode(index))
        return b"".join((*parts, told, len(told).to_bytes(_LENGTH_BYTES, "big")))

    def _encrypt(self, number: int, first: int, content: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, _bound(number, first))

    @property
    def _cipher(self) -> AESGCM:
        if self._made is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._made = AESGCM(self._key)
        return self._made

    # --- reading

    def _fetch(self, position: int, stub_: bytes) -> bytes:
        number = number_of(stub_)
        try:
            with self._lock:
                body = self._look_up(number, position)
        except FileNotFoundError:
            raise _unusable(number, "is missing") from None
        except OSError as error:
            raise _unusable(number, f"can't be read ({error.strerror})") from None
        except (ValueError, zlib.error, msgspec.MsgspecError):
            raise _unusable(number, "was altered, or belongs to another key") from None
        if body is None or blake2b(body, digest_size=32).digest() != stub_[5:]:
            raise _unusable(number, f"does not hold record {position} as it was written")
        return body

    def _look_up(self, number: int, position: int) -> bytes | None:
        index = self._indexes.get(number)
        if index is None:
            index = self._indexes[number] = self._open(number)
        at = bisect_right(index.firsts, position) - 1
        if at < 0:
            return None
        chunk = self._chunks.get((number, at))
        if chunk is None:
            chunk = self._chunks[number, at] = self._chunk(number, index.firsts[at], *index.places[at])
            if len(self._chunks) > CHUNKS_CACHED:
                self._chunks.popitem(last=False)
        else:
            self._chunks.move_to_end((number, at))
        return chunk.get(position)

    def _open(self, number: int) -> _Open:
        with self.path(number).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError("no segment")
            file.seek(-_LENGTH_BYTES, os.SEEK_END)
            length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
            file.seek(max(0, size - _LENGTH_BYTES - length))
            rows = _decode_index(self._decrypt(number, 0, file.read(min(length, size))))
        return _Open([row[0] for row in rows], [row[1:] for row in rows])

    def _chunk(self, number: int, first: int, offset: int, size: int) -> dict[int, bytes]:
        with self.path(number).open("rb") as file:
            file.seek(offset)
            return dict(_decode_bodies(zlib.decompress(self._decrypt(number, first, file.read(size)))))

    def _decrypt(self, number: int, first: int, sealed: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(number, first))
        except InvalidTag:
            raise ValueError("not as it was written") from None


def _chunks(bodies: Bodies) -> Iterable[list[tuple[int, bytes]]]:
    chunk, size = list[tuple[int, bytes]](), 0
    for position, body in bodies:
        if chunk and size + len(body) > CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append((position, body))
        size += len(body)
    if chunk:
        yield chunk


def _bound(number: int, first: int) -> bytes:
    """Bind a chunk to its segment and place; the index has place 0, as positions begin with 1."""
    return b"mainstay/segment/1" + number.to_bytes(4, "big") + first.to_bytes(8, "big")


def _unusable(number: int, why: str) -> LedgerError:
    return LedgerError(
        f"The archived part {number:06} of the history {why}.",
        remedy=f"Restore .mainstay/{FOLDER}/{number:06}{SUFFIX} from a backup.",
    )
