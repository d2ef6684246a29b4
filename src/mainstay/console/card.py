"""A question as a page: every text of it escaped and whole, with what can't be seen written out (SECURITY S15, S30)."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from mainstay.console.doors import STYLE
from mainstay.redaction import redacted
from mainstay.requests.desk import MAX_SAID
from mainstay.said import is_record, is_simple, say_value, with_money
from mainstay.shown import shown
from mainstay.views.cards import CANNOT_UNDO, lines_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LABELS = {"approve": "Approve", "reject": "Say no"}


def page(heading: str, content: Iterable[str]) -> str:
    """Give a whole page; `content` is HTML already, `heading` is not."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>Mainstay</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{said(heading)}</h1>{''.join(content)}</main></body></html>"
    )


def said(text: str) -> str:
    """Give a text as HTML: text and nothing else."""
    return escape(redacted(shown(text, lines=True)))


def say_card(question: dict[str, Any], answers: Sequence[str]) -> Iterator[str]:
    """Give the parts of a page about one question, with the form that answers it."""
    card: dict[str, Any] = question["card"]
    zone: str = question["timezone"]
    yield f"<p>{said(question['title'])} ({said(question['plan'])})</p>"
    if card.get("body"):
        yield f"<pre>{said(card['body'])}</pre>"
    yield from _rows(card.get("rows") or (), zone)
    if covers := card.get("covers"):
        slack = any(row.get("may change") for row in covers)
        what = "this happen as it stands here, or within what may change" if slack else "exactly this happen"
        yield f"<p>Your yes lets {what}, without asking again:</p>"
        yield from _rows(covers, zone)
    yield f"<dl>{''.join(_lines(question))}</dl>"
    # Enter in a text of several lines answers nothing; in one of one line it would press the first button.
    yield f'<form method="post"><label>Why (if you like) <textarea name="reason" maxlength="{MAX_SAID}"></textarea>'
    yield "</label>"
    for answer in answers:
        yield f'<button name="choice" value="{escape(answer)}">{_LABELS[answer]}</button>'
    yield "</form>"


def _rows(rows: Sequence[object], zone: str) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        yield f"<p>{number}</p><pre>{said(_whole(row, zone))}</pre>"


def _lines(question: dict[str, Any]) -> Iterator[str]:
    """Give what the card says, as a terminal says it, and all arguments."""
    label = ""
    named: list[tuple[str, str]] = []
    for given, text in lines_of(question):
        label = given or label
        named.append((label, text))
    if question["arguments"]:
        named.append(("exactly", _whole(question["arguments"], question["timezone"])))
    for name, lines in groupby(named, key=lambda line: line[0]):
        yield f"<dt>{said(name)}</dt>"
        for _, text in lines:
            kind = ' class="warn"' if text.startswith(CANNOT_UNDO) else ""
            yield f"<dd{kind}>{said(text)}</dd>"


def _whole(value: object, zone: str) -> str:
    """Write a value with a line for each part of it."""
    if isinstance(value, list):
        return "\n".join(_whole(inner, zone) for inner in cast("list[object]", value))
    if not is_record(value) or is_simple(value):
        return say_value(value, zone)
    told = ((name, say_value(inner, zone)) for name, inner in with_money(value).items())
    return "\n".join(f"{name.replace('_', ' ')}: {text}" for name, text in told if text)
