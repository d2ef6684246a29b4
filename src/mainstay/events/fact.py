"""What all facts share."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, tag=True):
    """What all facts share: a name (the class) and a version."""

    version: ClassVar[int] = 1
