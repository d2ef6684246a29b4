"""A file that is encrypted and authenticated in chunks, written and read front to back in bounded memory.

    MAGIC || length of the head (4 bytes) || head (JSON) || chunk ...
    chunk = length (4 bytes, the highest bit set on the last one) || AES-256-GCM of at most 1 MiB

The nonce is the number of the chunk and whether it is the last one, so that no chunk can be moved, repeated or cut
off unseen (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar, "Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance", 2015). Every file has a key of its own: HKDF-SHA256 with a salt that stands in
the head, and the head is authenticated with every chunk. The head also holds the key's fingerprint, so that a wrong
key is told from damage before anything else is read.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import blake2b
from typing import IO, TYPE_CHECKING

import msgspec

from mainstay.errors import FileError, WrongKeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"MSTBAK01"
FORMAT = 1
CHUNK_BYTES = 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024
SALT_BYTES = 32
TAG_BYTES = 16
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1  # 128 MiB, about half a second
_LAST = 0x8000_0000
_LENGTH_BYTES = 4


class Head(msgspec.Struct, frozen=True):
    """What anybody may read of such a file."""

    format: int
    mainstay: str  # the release that wrote it
    workspace: str  # whose key opens it
    made_at_us: int
    salt: str  # hex
    fingerprint: str  # of the key, hex
    passphrase: bool = False  # whether a passphrase opens it, instead of the workspace's key


def derive(root: bytes, salt: bytes) -> bytes:
    """Give the key of one file from the workspace's key."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt, b"mainstay/backup/1").derive(root)


def stretch(passphrase: str, salt: bytes) -> bytes:
    """Give a root key from a passphrase (scrypt, RFC 7914): slow and large on purpose."""
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P).derive(passphrase.encode())


def new_head(root: Callable[[bytes], bytes], made_at_us: int, workspace: str, mainstay: str, *, by_word: bool) -> Head:
    """Make the head of a new file; `root` gives the root key for a salt."""
    salt = secrets.token_bytes(SALT_BYTES)
    key = derive(root(salt), salt)
    return Head(FORMAT, mainstay, workspace, made_at_us, salt.hex(), _fingerprint(key), by_word)


class Writer:
    """Writes one such file; `close` writes the last chunk, and without it the file can't be read."""

    def __init__(self, file: IO[bytes], head: Head, root: bytes) -> None:
        """Begin with the head."""
        told = msgspec.json.encode(head)
        file.write(MAGIC + len(told).to_bytes(_LENGTH_BYTES, "big") + told)
        self._file, self._seal = file, _Seal(derive(root, bytes.fromhex(head.salt)), told)
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        """Take more."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def close(self) -> None:
        """Write what is left; the file itself stays open."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, plain: bytes, *, last: bool) -> None:
        sealed = self._seal.encrypt(plain, last=last)
        self._file.write((len(sealed) | (_LAST if last else 0)).to_bytes(_LENGTH_BYTES, "big") + sealed)


def read_head(file: IO[bytes], name: str) -> tuple[Head, bytes]:
    """Give the head, and its bytes; raises FileError when this is no such file, or one of a newer release."""
    told = b""
    if file.read(len(MAGIC)) == MAGIC:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
        told = file.read(min(length, MAX_HEAD_BYTES))
    try:
        version = msgspec.json.decode(told, type=_Format).format
        if version > FORMAT:
            raise FileError(f"{name} was written by a newer Mainstay.", remedy="Use that release, or a newer one.")
        return msgspec.json.decode(told, type=Head), told
    except msgspec.DecodeError:
        raise FileError(f"{name} is no backup of Mainstay.", remedy="Name a file made with: mainstay backup") from None


class _Format(msgspec.Struct):
    format: int


class Reader:
    """Reads one such file front to back; every byte it gives is authentic."""

    def __init__(self, file: IO[bytes], head: Head, told: bytes, root: bytes, name: str) -> None:
        """Go on after the head; raises WrongKeyError when the key is another one."""
        key = derive(root, bytes.fromhex(head.salt))
        if not hmac.compare_digest(_fingerprint(key), head.fingerprint):
            raise WrongKeyError(
                f"That {'passphrase' if head.passphrase else 'key'} does not open {name}; nothing was changed.",
                remedy="Try again with the right one."
                if head.passphrase
                else f"Put the key of workspace {head.workspace} back into your config folder.",
            )
        self._file, self._name, self._seal = file, name, _Seal(key, told)
        self._ready = memoryview(b"")
        self._ended = False

    def read(self, size: int) -> bytes:
        """Give so many bytes, fewer only at the end. Raises FileError when the file was altered or cut short."""
        parts: list[memoryview] = []
        while size > 0 and (self._ready or self._next()):
            parts.append(self._ready[:size])
            self._ready = self._ready[size:]
            size -= len(parts[-1])
        return b"".join(parts)

    def finish(self) -> None:
        """Read on to the end; raises FileError when there is none."""
        while self._next():
            pass

    def _next(self) -> bool:
        from cryptography.exceptions import InvalidTag

        if self._ended:
            return False
        length = int.from_bytes(self._file.read(_LENGTH_BYTES), "big")
        last = bool(length & _LAST)
        size = length & ~_LAST
        sealed = self._file.read(size) if TAG_BYTES <= size <= CHUNK_BYTES + TAG_BYTES else b""
        if not sealed or len(sealed) < size:
            raise self._damaged("is cut short, or damaged")
        try:
            self._ready = memoryview(self._seal.decrypt(sealed, last=last))
        except InvalidTag:
            raise self._damaged("is damaged") from None
        self._ended = last
        if last and self._file.read(1):
            raise self._damaged("has something behind its end")
        return True

    def _damaged(self, how: str) -> FileError:
        return FileError(f"The backup {self._name} {how}; nothing was changed.", remedy="Use another copy of it.")


class _Seal:
    """The cipher of one file, and how many chunks it has seen."""

    def __init__(self, key: bytes, head: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher: AESGCM = AESGCM(key)
        self._head = blake2b(head, digest_size=32).digest()
        self._count = 0

    def encrypt(self, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), plain, self._head)

    def decrypt(self, sealed: bytes, *, last: bool) -> bytes:
        return self._cipher.decrypt(self._nonce(last=last), sealed, self._head)

    def _nonce(self, *, last: bool) -> bytes:
        self._count += 1
        return self._count.to_bytes(11, "big") + bytes((last,))


def _fingerprint(key: bytes) -> str:
    return hmac.digest(key, b"mainstay/fingerprint/1", "sha256")[:16].hex()
