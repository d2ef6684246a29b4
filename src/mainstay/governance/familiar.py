"""Whether a link, address, account or number inside a text is one that the operator or a genuine field holds too.

A text may hold thousands of them, so what was heard is read once for all, and not for each.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from mainstay.governance.handles import ACCOUNT, NUMBER, accounts_in, long_numbers
from mainstay.origins import plain

if TYPE_CHECKING:
    from mainstay.governance.handles import Handle
    from mainstay.origins import Heard

_WHOLE = re.compile(r"[\w@.+%&!~-]+")  # what `Heard.says` takes for one word
_APART = re.compile(r"[ .-]")


class Familiar:
    """What no stranger wrote of all that was heard."""

    def __init__(self, heard: Heard) -> None:
        """Take what was heard; it is read when it is first asked for."""
        self._heard = heard

    def knows(self, handle: Handle) -> bool:
        """Whether the operator's words or a genuine field hold it."""
        if handle.kind == NUMBER:
            return handle.says in self._numbers
        if handle.kind == ACCOUNT and _APART.sub("", handle.says).lower() in self._accounts:
            return True
        ways = (plain(handle.says), f"www.{plain(handle.says)}")
        return any(one in self._words for one in ways) or any(
            self._heard.says(one) or self._heard.trusted(one) for one in ways
        )

    @cached_property
    def _texts(self) -> list[str]:
        return [str(leaf.value) for leaf in self._heard.leaves if not leaf.outside]

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word.rstrip(".") for text in self._texts for word in _WHOLE.findall(plain(text)))

    @cached_property
    def _accounts(self) -> frozenset[str]:
        return frozenset(_APART.sub("", one).lower() for text in self._texts for one in accounts_in(text))

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(number for text in self._texts for number in long_numbers(text))
