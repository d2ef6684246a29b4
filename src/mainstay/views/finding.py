"""Finding plans among many: by where they stand, their playbook, a day, or words; page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.json import encode

from mainstay.ledger import queries
from mainstay.views.plans import Plans

if TYPE_CHECKING:
    from mainstay.views.opening import Row

STATES: dict[str, tuple[str, ...]] = {  # what an operator asks for, and the statuses that are meant
    "open": (),
    "done": ("completed",),
    "failed": ("failed",),
    "ended": ("cancelled", "expired"),
    "undone": ("undone",),
}
_LAST = (1 << 62, "~")  # a place before all plans, the newest too
_MOST_IDS = 20


class Wanted(NamedTuple):
    """Which plans are looked for; what is empty says nothing."""

    state: str = ""  # one of STATES
    playbook: str = ""
    words: str = ""  # the beginning of an id, or a part of a playbook's name or title
    since_us: int = 0
    after: str = ""  # "next" of the page before


class Finding(Plans):
    """The list of plans, looked through."""

    def find(self, wanted: Wanted, limit: int) -> Row:
        """Give a page of plans, the newest first; `next` leads to the one after it, empty on the last.

        One whose id begins with the words that are looked for comes before all others.
        """
        named = self._named_so(wanted) if wanted.words and not wanted.after else []
        playbooks = self._meant(wanted)
        rows = [] if playbooks is None else self._page(wanted, playbooks, limit + 1)
        known = {row[0] for row in named}
        listed = [*named, *(row for row in rows[:limit] if row[0] not in known)]
        last = rows[limit - 1] if len(rows) > limit else None
        return {"plans": self._listed(listed), "next": "" if last is None else f"{last[5]}.{last[0]}"}

    def _named_so(self, wanted: Wanted) -> list[tuple[Any, ...]]:
        words = wanted.words.lower()
        return self._reader.rows(queries.PLANS_LIKE, (words, words, _MOST_IDS))

    def _meant(self, wanted: Wanted) -> list[str] | None:
        """Name the playbooks that are meant, none for all; None where none fits."""
        if not wanted.words:
            return [wanted.playbook] if wanted.playbook else []
        words = wanted.words.casefold()
        rows = [row for row in self.run_before() if words in f"{row['playbook']}\n{row['title']}".casefold()]
        return [row["playbook"] for row in rows if wanted.playbook in ("", row["playbook"])] or None

    def _page(self, wanted: Wanted, playbooks: list[str], limit: int) -> list[tuple[Any, ...]]:
        at, dot, plan = wanted.after.partition(".")
        place = (int(at), plan) if dot and at.isdecimal() else _LAST
        if wanted.state == "open":
            given = (*place, wanted.since_us, encode(playbooks).decode(), limit)
            return self._reader.rows(queries.FOUND_OPEN_PLANS, given)
        states = encode(STATES.get(wanted.state, ())).decode()
        given = (*place, wanted.since_us, states, encode(playbooks).decode(), limit)
        return self._reader.rows(queries.FOUND_PLANS, given)

    def open_of(self, playbook: str) -> int:
        """Count the plans of a playbook that have not ended."""
        return self._reader.rows(queries.OPEN_OF_PLAYBOOK, (playbook,))[0][0]

    def run_before(self) -> list[Row]:
        """Name every playbook that a plan was ever of, with the title that its last plan had."""
        return [{"playbook": row[0], "title": row[1]} for row in self._reader.rows(queries.PLAYBOOKS_RUN)]
