"""A question that was answered: what exactly was said yes to, with what the yes changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from mainstay.console.decide_edit import as_edited, diff
from mainstay.contracts import from_plain, to_plain
from mainstay.errors import MainstayError
from mainstay.runtime.attempt import card_of

if TYPE_CHECKING:
    from mainstay.console.room import Room
    from mainstay.requests.desk import Params


def as_answered(room: Room, question: Params) -> Params:
    """Give a question as it was approved, its card as that was edited; `diffs` say what was changed, line by line."""
    zone: str = question["timezone"]
    diffs = [
        (one["row"] + 1, name.replace("_", " "), lines)
        for one in question.get("edits", ())
        for name, lines in diff(one["before"], {name: one["now"].get(name) for name in one["names"]}, zone)
    ]
    cards = [card for one in question.get("edits", ()) if (card := _card(room, one))]
    return as_edited(question, cards) | {"diffs": diffs}


def _card(room: Room, edited: Params) -> Params:
    """Give the card of what was approved; nothing where its operation is gone, or no longer takes that."""
    with suppress(MainstayError, msgspec.ValidationError):
        operation = room.owner.engine.parts.catalogue.operation(edited["operation"])
        card = to_plain(card_of(operation, from_plain(edited["now"], operation.input)))
        return {"path": edited["path"], "card": card}
    return {}
