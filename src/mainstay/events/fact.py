"""What all facts share, and how facts of older versions become what they are now (KERNEL L10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

import msgspec

Upcaster: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

# By kind and version, what lifts the plain map of a fact to the next version; a renamed kind also sets its "type". A
# fact gets another version where a field is gone or means something else; a new field with a default needs none.
UPCASTERS: dict[tuple[str, int], Upcaster] = {}


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, tag=True):
    """What all facts share: a name (the class) and a version."""

    version: ClassVar[int] = 1
