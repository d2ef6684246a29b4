"""Bytes outside the ledger: encrypted files named by the digest of what is stored (KERNEL L3, L8).

    .mainstay/blobs/ab/cdef...   nonce (12 bytes) || AES-256-GCM ciphertext and tag

The nonce is synthetic: HMAC-SHA256 of the content under a key of its own, cut to 96 bits. So the same content
gives the same file, two contents share a nonce only when the HMAC collides, and only equality of contents shows.
A blob that came from another workspace keeps the name that facts know it by, and is encrypted anew: its name, as it
can't follow from what is stored, is authenticated with the content (`adopt`).

This is the SIV construction (Rogaway and Shrimpton, "A Provable-Security Treatment of the Key-Wrap Problem",
2006; the idea of RFC 5297 and RFC 8452) with GCM as the cipher.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections import OrderedDict
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from mainstay.errors import LedgerError
from mainstay.ledger.disk import make_folder, sync_folder, write_new
from mainstay.values import BlobRef, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
CACHE_BYTES = 32 * 1024 * 1024
FORMAT = b"mainstay/blob/1"  # authenticated with every blob
ADOPTED = b"mainstay/blob/adopted/1"  # and this with the name of one from another workspace

_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileBlobs:
    """`ports.Blobs` in a folder. May be used from several threads."""

    def __init__(self, folder: Path, key: bytes, *, cache_bytes: int = CACHE_BYTES) -> None:
        """Keep blobs under `folder` (made when the first one comes) with the workspace's blob key."""
        self._folder = folder
        self._cipher, self._nonce_key = _keyed(key)
        self._cache = _Cache(cache_bytes)
        self._keeping = Lock()  # between looking at a file's age and removing it nothing is kept

    def put(self, content: bytes, *, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Store bytes; file and folder are on disk when this returns. The same bytes are stored once.

        The blob is young then, also where it was there already: `remove_old` leaves it alone for a day, in which a
        fact can name it (KERNEL L8).
        """
        nonce = hmac.digest(self._nonce_key, content, "sha256")[:NONCE_BYTES]
        stored = nonce + self._cipher.encrypt(nonce, content, FORMAT)
        digest = digest_of(stored)
        with self._keeping:
            if self._cache.get(digest) is None or not self._renewed(digest):
                self._keep(digest, stored)
        self._cache.put(digest, content)
        return BlobRef(digest=digest, size=len(content), name=name, media=media)

    def get(self, ref: BlobRef) -> bytes:
        """Give the bytes; raises LedgerError, which names the blob, when they are missing or altered."""
        content = self._cache.get(ref.digest)
        if content is None:
            content = self._open(ref)
            self._cache.put(ref.digest, content)
        return content

    def adopt(self, digest: str, content: bytes) -> None:
        """Store bytes of another workspace under the name they had there; on disk when this returns."""
        nonce_key = hmac.digest(self._nonce_key, ADOPTED, "sha256")
        nonce = hmac.digest(nonce_key, digest.encode() + content, "sha256")[:NONCE_BYTES]
        stored = nonce + self._cipher.encrypt(nonce, content, ADOPTED + digest.encode())
        with self._keeping:
            self._keep(digest, stored)

    def remove_old(self, digest: str, before_s: float) -> int:
        """Remove a blob that was last stored before a time (seconds since 1970); give the bytes that made room.

        The caller knows that no fact names it. One that was stored again meanwhile stays.
        """
        path = self._path(digest)
        with self._keeping:
            status = path.stat()
            if status.st_mtime >= before_s:
                return 0
            path.unlink()
        return status.st_size

    def remove_parts(self, before_s: float) -> None:
        """Remove what crashes left of files that were being written before a time."""
        for path in self._folder.glob("??/*.part"):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before_s:
                    path.unlink()

    def digests(self) -> Iterator[tuple[str, float, int]]:
        """Give name, time of the last storing (seconds since 1970) and bytes on disk of every blob."""
        for path in self._folder.glob("??/*"):
            digest = path.parent.name + path.name
            if _DIGEST.fullmatch(digest) is not None:
                with suppress(FileNotFoundError):
                    status = path.stat()
                    yield digest, status.st_mtime, status.st_size

    def _open(self, ref: BlobRef) -> bytes:

        try:
            stored = self._path(ref.digest).read_bytes()
        except FileNotFoundError:
            raise _unusable(ref, "is missing") from None
        except OSError as error:
            raise _unusable(ref, f"can't be read ({error.strerror})") from None
        own = digest_of(stored) == ref.digest
        content = self._decrypted(stored, FORMAT if own else ADOPTED + ref.digest.encode())
        if content is None:
            raise _unusable(ref, "belongs to another key" if own else "was altered")
        return content

    def _decrypted(self, stored: bytes, bound: bytes) -> bytes | None:
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):  # ValueError: too short for a nonce
            return None

    def _renewed(self, digest: str) -> bool:
        """Make a file young again; False when there is none."""
        try:
            os.utime(self._path(digest))
        except FileNotFoundError:
            return False
        return True

    def _keep(self, digest: str, stored: bytes) -> None:
        """Bring one file to disk. One that stands there already is made sure of: a crash may have cut it short."""
        path = self._path(digest)
        if not path.parent.is_dir():
            make_folder(self._folder)
            make_folder(path.parent)
        if path.is_file() and path.read_bytes() == stored:
            os.utime(path)
        else:
            part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
            write_new(part, stored)
            part.replace(path)
        sync_folder(path.parent)

    def _path(self, digest: str) -> Path:
        if _DIGEST.fullmatch(digest) is None:
            raise LedgerError(f"{digest!r} is no name of a stored file.")
        return self._folder / digest[:2] / digest[2:]


class _Cache:
    """Decoded contents, the least recently used dropped first, bounded in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, digest: str) -> bytes | None:
        with self._lock:
            content = self._contents.get(digest)
            if content is not None:
                self._contents.move_to_end(digest)
            return content

    def put(self, digest: str, content: bytes) -> None:
        with self._lock:
            if digest in self._contents or len(content) > self._limit:
                return
            self._contents[digest] = content
            self._used += len(content)
            while self._used > self._limit:
                self._used -= len(self._contents.popitem(last=False)[1])


def _keyed(key: bytes) -> tuple[AESGCM, bytes]:
    """Split the blob key into one for the cipher and one for nonces."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(hmac.digest(key, b"cipher", "sha256")), hmac.digest(key, b"nonce", "sha256")


def _unusable(ref: BlobRef, why: str) -> LedgerError:
    what = f"The file {ref.name}" if ref.name else "A value"
    return LedgerError(
        f"{what} that a plan works with ({ref.size:,} bytes) {why}.",
        remedy=f"Restore .mainstay/blobs/{ref.digest[:2]}/{ref.digest[2:10]}... from a backup.",
    )
