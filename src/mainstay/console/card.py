"""A question as a page: every text of it escaped and whole, with what can't be seen written out (SECURITY S15, S30)."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from mainstay.console.doors import STYLE
from mainstay.redaction import redacted
from mainstay.requests.desk import MAX_SAID
from mainstay.requests.picking import FIELD as PICK
from mainstay.requests.picking import NONE, Way, forgives, is_even, is_one_press, unpicked, ways_of, without_others
from mainstay.said import is_match, is_record, is_simple, say_sure, say_value, with_money
from mainstay.shown import shown
from mainstay.views.cards import CANNOT_UNDO, lines_of, say_covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_PICKED = 200  # rows that can be picked in here; of more each is looked at in the console
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
        yield f"<p>{said(say_covers(question))}</p>"
        yield from _rows(covers, zone)
    yield f"<dl>{''.join(_lines(question))}</dl>"
    if "approve" in answers and is_one_press(question):
        yield from _ways(card["rows"][0], none="reject" in answers)
        answers = [answer for answer in answers if answer != "approve"]
    rows = (card.get("rows") or ()) if "approve" in answers else ()
    drawn = sum(map(bool, map(ways_of, rows))) <= MOST_PICKED
    if not drawn and unpicked(rows, ()):
        yield f"<p>{said(_say_elsewhere(question['decision']))}</p>"
        answers = [answer for answer in answers if answer != "approve"]
    # Enter in a text of several lines answers nothing; in one of one line it would press the first button.
    yield '<form method="post">'
    if drawn:
        yield from _readings(rows)
    yield f'<label>Why (if you like) <textarea name="reason" maxlength="{MAX_SAID}"></textarea></label>'
    for answer in answers:
        yield f'<button name="choice" value="{escape(answer)}">{_LABELS[answer]}</button>'
    yield "</form>"


def _say_elsewhere(decision: str) -> str:
    return (
        f"More than {MOST_PICKED} rows here can be read in several ways, and of some another reading is about as good"
        " as the one proposed: a yes has to say which is right, and this page is too small for that."
        f" Say yes in the console, or on the machine itself: mainstay decide {decision}"
    )


def _ways(row: object, *, none: bool) -> Iterator[str]:
    """Give a form with a button for each way to read the one row there is."""
    yield '<form method="post"><input type="hidden" name="choice" value="approve">'
    for way in ways_of(row):
        told = said(way.says or "as proposed")
        yield f'<p><button name="{PICK}0" value="{way.pick}">{said(way.label)}</button> {told}</p>'
    yield f'<p><button name="{PICK}0" value="{NONE}">None of these</button></p>' * none
    yield "</form>"


def _readings(rows: Sequence[object]) -> Iterator[str]:
    """Give for each row that can be read in several ways what to pick."""
    for at, row in enumerate(rows):
        ways = ways_of(row)
        if not ways:
            continue
        yield f"<fieldset><legend>Row {at + 1}: which is right?</legend>"
        for way in (*ways, Way(NONE, "None of these", "the row is left out")):
            checked = " checked" * (way.pick == "0" and not is_even(row))
            yield f'<p><label><input type="radio" name="{PICK}{at}" value="{way.pick}"{checked}> '
            yield f"{said(way.label)}: {said(way.says or 'as proposed')}</label></p>"
        yield "</fieldset>"


def _rows(rows: Sequence[object], zone: str) -> Iterator[str]:
    for number, row in enumerate(rows, 1):
        told = _payment(row) if is_match(row) else _whole(without_others(row), zone)
        yield f"<p>{number}</p><pre>{said(told)}</pre>"


def _payment(row: dict[str, Any]) -> str:
    """Say a payment held against invoices as the console's card does, without what only machines read."""
    on = f" on {row['booked_on']}" if row.get("booked_on") else ""
    numbers = say_value(row["invoice_numbers"])
    told = {
        "text": row.get("text"),
        "account": row.get("iban"),
        "invoices": f"{numbers}, {say_sure(row['confidence'])} likely the right one" if numbers else "none",
        "why": row["why"],
        "forgives": f"Yes forgives {less}" if (less := forgives(row)) else "",
        "runner-up": row.get("runner_up"),
    }
    lines = [f"{say_value(row['amount'])} from {row.get('counterparty') or 'unknown'}{on}"]
    return "\n".join([*lines, *(f"{name}: {one}" for name, one in told.items() if one)])


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
