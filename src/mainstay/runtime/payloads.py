"""Values of any size inside facts: large ones stand as a reference to a blob (KERNEL L8)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from mainstay.encoding import decode_value, encode_value, fits
from mainstay.events import VALUE_MEDIA
from mainstay.values import BLOB_OVER_BYTES, BlobRef

if TYPE_CHECKING:
    from mainstay.ports import Blobs
    from mainstay.values import Value

_CACHED_BYTES = 32 * 1024 * 1024  # of encoded values; decoded they take a few times that


class Payloads:
    """Keeps large values as blobs, and gives them back decoded. What it gives is shared: never change it."""

    def __init__(self, blobs: Blobs) -> None:
        """Keep blobs here."""
        self.blobs = blobs
        self._cache: OrderedDict[str, Value] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def keep(self, value: Value) -> Value:
        """Give what stands in the fact: the value itself, or a reference to it, on disk when this returns."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if fits(value, BLOB_OVER_BYTES):
            return value
        data = encode_value(value)
        ref = self.blobs.put(data, media=VALUE_MEDIA)
        self._remember(ref, value)
        return ref

    def load(self, value: Value) -> Value:
        """Give the value that a fact holds. Raises LedgerError when its blob is missing or altered."""
        if not isinstance(value, BlobRef) or value.media != VALUE_MEDIA:
            return value
        if value.digest in self._cache:
            self._cache.move_to_end(value.digest)
            return self._cache[value.digest]
        loaded = decode_value(self.blobs.get(value))
        self._remember(value, loaded)
        return loaded

    def _remember(self, ref: BlobRef, value: Value) -> None:
        if ref.digest in self._cache:
            return
        self._cache[ref.digest] = value
        self._sizes[ref.digest] = ref.size
        self._bytes += ref.size
        while self._bytes > _CACHED_BYTES and len(self._cache) > 1:
            digest, _ = self._cache.popitem(last=False)
            self._bytes -= self._sizes.pop(digest)
