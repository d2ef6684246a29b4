"""What was read and may be asked for again, bounded by how much it is together."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by name; those that were put in last stay, as many as weigh no more than `most` together.

    `least` of them stay whatever they weigh. What one weighs is said as it is put in, and is not looked at again.
    """

    def __init__(self, most: int, least: int = 1) -> None:
        """Keep nothing yet."""
        self._most, self._least = most, least
        self._held: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._weight = 0

    def get(self, name: str) -> T | None:
        """Give what is kept under a name."""
        held = self._held.get(name)
        return None if held is None else held[0]

    def put(self, name: str, value: T, weight: int) -> None:
        """Keep a value as the latest, in the place of the one of that name; the oldest make room."""
        self.drop(name)
        self._held[name] = value, weight
        self._weight += weight
        while self._weight > self._most and len(self._held) > self._least:
            self._weight -= self._held.popitem(last=False)[1][1]

    def drop(self, name: str) -> None:
        """Forget what is kept under a name, if anything is."""
        if (held := self._held.pop(name, None)) is not None:
            self._weight -= held[1]

    def clear(self) -> None:
        """Forget all."""
        self._held.clear()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._held)
