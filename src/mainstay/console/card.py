"""A question as a page: every text of it escaped and whole, with what can't be seen written out (SECURITY S15, S30)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, cast

from mainstay.console.doors import STYLE
from mainstay.redaction import redacted
from mainstay.shown import shown
from mainstay.values import BlobRef, Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LABELS = {"approve": "Approve", "reject": "Say no"}
_APART = frozenset({"headline", "body", "rows", "cannot_undo", "class", "covers", "form"})


def page(heading: str, content: Iterable[str]) -> str:
    """Give a whole page; `content` is HTML already, `heading` is not."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>Mainstay</title><style>{STYLE}</style></head><body><h1>{said(heading)}</h1>{''.join(content)}</body></html>"
    )


def said(value: object) -> str:
    """Give a value as HTML: text and nothing else."""
    return escape(redacted(shown(_plain(value), lines=True)))


def say_card(question: dict[str, Any], answers: Sequence[str]) -> Iterator[str]:
    """Give the parts of a page about one question, with the form that answers it."""
    card: dict[str, Any] = question["card"]
    yield f"<p>{said(question['title'])} ({said(question['plan'])})</p>"
    if card.get("body"):
        yield f"<pre>{said(card['body'])}</pre>"
    for number, row in enumerate(card.get("rows") or (), 1):
        yield f"<p>{number}</p><pre>{said(row)}</pre>"
    if card.get("covers"):
        yield f"<p>Your yes lets this happen, without asking again:</p><pre>{said(card['covers'])}</pre>"
    yield "<dl>"
    for name, value in _facts(question, card):
        yield f"<dt>{said(name)}</dt><dd>{said(value)}</dd>"
    yield "</dl>"
    if why := card.get("cannot_undo") or question["cannot_undo"]:
        yield f'<p class="warn">This can&#x27;t be undone: {said(why)}</p>'
    yield '<form method="post"><label>Why (if you like) <input name="reason" maxlength="2000"></label>'
    for answer in answers:
        yield f'<button name="choice" value="{escape(answer)}">{_LABELS[answer]}</button>'
    yield "</form>"


def _facts(question: dict[str, Any], card: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in card.items():
        if name not in _APART and value:
            yield name.replace("_", " "), value
    if question["arguments"]:
        yield "exactly", question["arguments"]
    yield "asked because", question["why"]
    if question["came_from"]:
        yield "from", ", ".join(question["came_from"])
    if question["if_no"]:
        yield "if no", f"{question['if_no']}."
    yield "no answer by", question["due_at"] or "it waits; silence is never a yes"


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _plain(value: object) -> str:
    """Write any plain value whole, a line for each field."""
    if isinstance(value, BlobRef):
        return f"{value.name or 'a file'} ({value.size:,} bytes)"
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if fields.keys() == {"minor", "currency"}:
            return str(Money(fields["minor"], fields["currency"]))
        return "\n".join(
            f"{name.replace('_', ' ')}: {_plain(inner)}" for name, inner in fields.items() if not _is_empty(inner)
        )
    if isinstance(value, (list, tuple)):
        return "\n".join(_plain(inner) for inner in cast("list[object]", value))
    return str(value)
