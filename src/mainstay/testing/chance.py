"""What a seed decides. Every draw has a name and depends on nothing else: neither on earlier draws nor on time."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_BYTES = 7  # 56 bits: more than a float in [0, 1) tells apart


class Chance:
    """The draws of one seed."""

    def __init__(self, seed: int | str) -> None:
        """Take the seed."""
        self._seed = f"{seed}/".encode()

    def of(self, name: str) -> Chance:
        """Give draws of their own, for a part."""
        return Chance(f"{self._seed.decode()}{name}")

    def draw(self, *name: str | int) -> float:
        """Give a number in [0, 1): the same for the same name."""
        return self._bits(name) / (1 << 8 * _BYTES)

    def whole(self, low: int, high: int, *name: str | int) -> int:
        """Give a whole number from `low` to `high`, both included."""
        return low + self._bits(name) % (high - low + 1)

    def pick(self, options: Sequence[T], *name: str | int) -> T:
        """Give one of several; one that stands twice comes twice as often."""
        return options[self._bits(name) % len(options)]

    def happens(self, share: float, *name: str | int) -> bool:
        """Say whether something happens that does so in this share of all cases."""
        return self.draw(*name) < share

    def some(self, count: int, *name: str | int) -> bytes:
        """Give so many bytes, at most 64."""
        return blake2b(self._key(name), digest_size=count).digest()

    def _key(self, name: tuple[str | int, ...]) -> bytes:
        return self._seed + "/".join(map(str, name)).encode()

    def _bits(self, name: tuple[str | int, ...]) -> int:
        return int.from_bytes(blake2b(self._key(name), digest_size=_BYTES).digest(), "big")
