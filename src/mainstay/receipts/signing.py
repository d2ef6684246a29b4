"""Who signed a receipt: the workspace (`ledger.signing`), over the receipt's canonical text."""

from __future__ import annotations

from mainstay.ledger.signing import SigningKey, derived, is_signed
from mainstay.receipts.data import Receipt, Signed, canonical

_SIGNED = b"mainstay receipt 1\n"


class Signer:
    """Signs for a workspace. `secret` is the sub-key of its master key for signatures (32 bytes)."""

    def __init__(self, secret: bytes) -> None:
        """Derive the two keys: one to sign with, one that salts personal texts."""
        self._key = SigningKey(secret)
        self._salts = derived(secret, b"salt")

    @property
    def public(self) -> str:
        """The public key, in hex."""
        return self._key.public

    def salt(self, *where: str) -> str:
        """Give the salt of a personal text by where it stands: 32 bytes in hex that nobody can guess."""
        return derived(self._salts, *(len(part).to_bytes(4, "big") + part for part in map(str.encode, where))).hex()

    def sign(self, receipt: Receipt) -> Signed:
        """Sign a receipt that names this key."""
        assert receipt.key == self.public, "a receipt names who signs it"
        return Signed(receipt, self._key.sign(_SIGNED + canonical(receipt)))


def holds(signed: Signed) -> bool:
    """Say whether the signature is that of the key that the receipt names, over exactly this receipt."""
    return is_signed(signed.receipt.key, signed.signature, _SIGNED + canonical(signed.receipt))
