"""Signs for a workspace: Ed25519, with a key made from its master key, so there is nothing more to back up.

What is signed begins with a line that says what it is, so that a signature is good for nothing else. The fingerprint is
what people compare: the first half of SHA-256 over the public key, in groups. One key signs receipts and anchors.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from mainstay.errors import InputError

_FINGERPRINT_BYTES = 16
_DIGITS = (2 * _FINGERPRINT_BYTES, 64)  # of a fingerprint, and of a whole key
_GROUP = 4
_NOT_HEX = re.compile(r"[\s:-]")


class SigningKey:
    """The key of one workspace. `secret` is the sub-key of its master key for signatures (32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        """Derive it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(derived(secret, b"sign"))

    @property
    def public(self) -> str:
        """The public key, in hex."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> str:
        """Sign something that begins with a line of its own kind; gives the signature in hex."""
        return self._key.sign(content).hex()


def is_signed(public: str, signature: str, content: bytes) -> bool:
    """Say whether this is the signature of that key, both in hex, over exactly this content."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: str) -> str:
    """Say a public key (hex) shortly: "3f2a-91bc-..."."""
    told = hashlib.sha256(bytes.fromhex(public)).digest()[:_FINGERPRINT_BYTES].hex()
    return "-".join(told[at : at + _GROUP] for at in range(0, len(told), _GROUP))


def is_key(public: str, given: str) -> bool:
    """Say whether somebody means this key, by its fingerprint or by the whole of it; case and gaps do not matter."""
    plain = _NOT_HEX.sub("", given).lower()
    return plain in (public, _NOT_HEX.sub("", fingerprint(public)))


def checked_key(given: str) -> str:
    """Give what somebody named as a key; raises InputError for what can be neither a fingerprint nor a key."""
    plain = _NOT_HEX.sub("", given).lower()
    if len(plain) not in _DIGITS or set(plain) - set("0123456789abcdef"):
        raise InputError(
            f"'{given}' is no fingerprint of a key." if given.strip() else "--key is empty.",
            remedy="Give it as `mainstay doctor` shows it and as you noted it: eight groups such as ac01-f531-...",
        )
    return given


def derived(key: bytes, *parts: bytes) -> bytes:
    """Make a key for one purpose of another."""
    return hmac.digest(key, b"mainstay/receipts/" + b"".join(parts), "sha256")
