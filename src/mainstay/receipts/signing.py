"""Who signed a receipt: the workspace, with an Ed25519 key made from its master key, so there is nothing to back up.

What is signed is the canonical text of the receipt with a line before it, so that a signature is good for nothing else.
The fingerprint is what people compare: the first half of SHA-256 over the public key, in groups.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from mainstay.receipts.data import Receipt, Signed, canonical

_SIGNED = b"mainstay receipt 1\n"
_FINGERPRINT_BYTES = 16
_GROUP = 4
_NOT_HEX = re.compile(r"[\s:-]")


class Signer:
    """Signs for a workspace. `secret` is the sub-key of its master key for receipts (32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        """Derive the two keys: one to sign with, one that salts personal texts."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(_derived(secret, b"sign"))
        self._salts = _derived(secret, b"salt")

    @property
    def public(self) -> str:
        """The public key, in hex."""
        return self._key.public_key().public_bytes_raw().hex()

    def salt(self, *where: str) -> str:
        """Give the salt of a personal text by where it stands: 32 bytes in hex that nobody can guess."""
        return _derived(self._salts, *(len(part).to_bytes(4, "big") + part for part in map(str.encode, where))).hex()

    def sign(self, receipt: Receipt) -> Signed:
        """Sign a receipt that names this key."""
        assert receipt.key == self.public, "a receipt names who signs it"
        return Signed(receipt, self._key.sign(_SIGNED + canonical(receipt)).hex())


def holds(signed: Signed) -> bool:
    """Say whether the signature is that of the key that the receipt names, over exactly this receipt."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key, signature = bytes.fromhex(signed.receipt.key), bytes.fromhex(signed.signature)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _SIGNED + canonical(signed.receipt))
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


def _derived(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, b"mainstay/receipts/" + b"".join(parts), "sha256")
