"""Values of any size inside facts: what is personal is sealed (`sealing.py`), large ones are blobs (KERNEL L3, L8)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from mainstay.encoding import decode_file, decode_value, encode_file, encode_value, fits
from mainstay.errors import ForgottenError, LedgerError
from mainstay.events import VALUE_MEDIA
from mainstay.runtime.personal import shape_of
from mainstay.runtime.sealing import AGAIN, forgotten_in
from mainstay.values import BLOB_OVER_BYTES, BlobRef, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mainstay.contracts import Operation
    from mainstay.kernel.state import Plan
    from mainstay.ports import Blobs
    from mainstay.runtime.sealing import Opener, Sealer
    from mainstay.values import Value

_CACHED_BYTES = 32 * 1024 * 1024  # of encoded values; decoded they take a few times that


class Payloads:
    """Keeps values of facts, and gives them back opened and decoded. What it gives is shared: never change it."""

    def __init__(self, blobs: Blobs, opener: Opener | None = None, sealer: Sealer | None = None) -> None:
        """Keep blobs here. Without a sealer nothing new can be kept that is personal: for those who only look."""
        self._opener = opener
        self.sealer = sealer
        self.blobs: Blobs = blobs if opener is None else _OpenedBlobs(blobs, opener)
        self._stored = blobs
        self._cache: OrderedDict[str, Value] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self.on_forget: list[Callable[[], None]] = []  # whoever else keeps values in memory

    @property
    def raw(self) -> Blobs:
        """The blobs as they are stored: what is sealed in them is not opened."""
        return self._stored

    def keep(
        self,
        value: Value,
        kind: Any = None,  # noqa: ANN401 - any type of a contract
        *,
        plan: Plan | None = None,
        about: tuple[Value, Any] | None = None,
    ) -> Value:
        """Give what stands in the fact: the value itself, or a reference to it, on disk when this returns.

        `kind` is the value's type where a contract tells it, `plan` whose it is, and `about` another value, with its
        type, whose people it speaks of: a card is about the arguments of its action.
        """
        if value is None or isinstance(value, (bool, int, float)):
            return value
        open_ = kind is not None and shape_of(kind) is None  # by its type nothing in it is personal
        sealed = value if open_ else self.seal(value, kind, plan=plan, about=about)
        if fits(sealed, BLOB_OVER_BYTES):
            return sealed
        ref = self._stored.put(encode_value(sealed), media=VALUE_MEDIA)
        self._remember(ref, value)
        return ref

    def seal(
        self,
        value: Value,
        kind: Any = None,  # noqa: ANN401 - as above
        *,
        plan: Plan | None = None,
        about: tuple[Value, Any] | None = None,
    ) -> Value:
        """Give a part of a value that will be kept, with all that is personal in it sealed."""
        if self.sealer is None:
            return value
        sealed = self.sealer.seal(value, kind, plan, about)
        if sealed is not value:
            self._flush(self.sealer)
        return sealed

    def with_ids(self, operation: Operation, output: object, plan: Plan) -> object:
        """Give what a read gave with ids that tell nothing; a crash later leaves names of ids that nobody uses."""
        sealer = self.sealer
        if operation.with_ids is None or sealer is None:
            return output
        named = operation.with_ids(output, lambda content, names: sealer.id_of(content, names, plan))
        self._flush(sealer)
        return named

    def pin(self, content: bytes, *, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Keep a file from outside, sealed under a key of its own; on disk when this returns."""
        if self.sealer is None:
            return self._stored.put(content, name=name, media=media)
        sealed = self.sealer.seal_file(content, digest_of(content))
        self._flush(self.sealer)
        ref = self._stored.put(encode_file(sealed), media=media)
        return BlobRef(ref.digest, len(content), media=media)

    def load(self, value: Value) -> Value:
        """Give the value that a fact holds. Raises LedgerError when its blob is missing or altered."""
        if not isinstance(value, BlobRef) or value.media != VALUE_MEDIA:
            return value if self._opener is None else self._opener.open(value)
        if value.digest in self._cache:
            self._cache.move_to_end(value.digest)
            return self._cache[value.digest]
        stored = self.stored(value)
        loaded = stored if self._opener is None else self._opener.open(stored)
        self._remember(value, loaded)
        return loaded

    def whole(self, value: Value) -> Value:
        """Give the value that a fact holds; raises ForgottenError when a part of it was forgotten."""
        loaded = self.load(value)
        if forgotten_in(loaded):
            raise ForgottenError("It needs what was forgotten about a person.", remedy=AGAIN)
        return loaded

    def stored(self, value: Value) -> Value:
        """Give the value that a fact holds as it is recorded: what is personal stays sealed."""
        if not isinstance(value, BlobRef) or value.media != VALUE_MEDIA:
            return value
        return decode_value(self._stored.get(value))

    def lost(self, value: Value) -> bool:
        """Say whether a part of what a fact holds was forgotten."""
        return self._opener is not None and self._opener.lost(self.stored(value))

    def is_personal(self, plan: Plan) -> bool:
        """Say whether a step of a plan may know something personal."""
        return self.sealer is not None and self.sealer.is_personal(plan)

    def forget(self) -> None:
        """Drop all that is remembered in memory, because a key was destroyed."""
        self._cache.clear()
        self._sizes.clear()
        self._bytes = 0
        if self.sealer is not None:
            self.sealer.forget()
        for drop in self.on_forget:
            drop()

    def _flush(self, sealer: Sealer) -> None:
        """Bring new keys to disk; when that fails whatever was sealed under them is sealed anew the next time."""
        try:
            sealer.people.flush()
        except LedgerError:
            sealer.forget()
            raise

    def _remember(self, ref: BlobRef, value: Value) -> None:
        if ref.digest in self._cache:
            return
        self._cache[ref.digest] = value
        self._sizes[ref.digest] = ref.size
        self._bytes += ref.size
        while self._bytes > _CACHED_BYTES and len(self._cache) > 1:
            digest, _ = self._cache.popitem(last=False)
            self._bytes -= self._sizes.pop(digest)


class _OpenedBlobs:
    """`ports.Blobs` whose files are opened when they are read."""

    def __init__(self, blobs: Blobs, opener: Opener) -> None:
        self._blobs, self._opener = blobs, opener

    def put(self, content: bytes, *, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Store bytes of our own, in which nothing is personal."""
        return self._blobs.put(content, name=name, media=media)

    def get(self, ref: BlobRef) -> bytes:
        """Give the bytes; raises ForgottenError where they were forgotten, LedgerError when missing or altered."""
        content = self._blobs.get(ref)
        sealed = decode_file(content)
        if sealed is None:
            return content
        opened = self._opener.file(sealed)
        if opened is None:
            raise ForgottenError("A file it needs was forgotten, together with a person in it.", remedy=AGAIN)
        return opened
