"""Pages out of templates. Whatever stands in one is text: escaped, secrets taken out, what can't be seen written out.

That holds for every value a template names, without the template saying so (SECURITY S15, S30, S55). A name that is
not there is an error and not an empty place.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstay.console.leads import leads
from mainstay.playbooks.speech import say_wanted
from mainstay.redaction import redacted
from mainstay.requests.columns import block_in
from mainstay.requests.picking import forgives, is_even, is_one_press, ways_of, without_others
from mainstay.said import cut, is_match, is_record, is_simple, moment, say_sure, say_value, when, with_money
from mainstay.sentences import say_does, say_many
from mainstay.shown import shown
from mainstay.values import Money, say_count, say_duration
from mainstay.views.cards import CANNOT_UNDO, REMEDIES, WANT_A_WORD, can_edit, lines_of, say_covers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Environment
    from markupsafe import Markup

HERE = Path(__file__).parent
MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"
BUTTONS = {  # what a button says; an answer of a playbook's own says itself
    "approve": "Approve",
    "reject": "Reject",
    "revise": "Send back",
    "retry": "Try again",
    "skip": "Leave out",
    "accept": "Accept as it is",
    "undo": "Undo the plan",
    "raise": "Raise the budget for now",
    "wait": "Let it wait",
    "happened": "It happened",
    "did_not_happen": "It did not happen",
    "confirmed": "It is as it should be",
    "again": "Look again",
}
_RAISE = re.compile(r'mainstay budget raise (?P<name>"[^"]+"|\S+) --(?:today|month|plan) (?P<by>"[^"]+"|\S+)')
WORTH_BYTES = 1000  # a shorter text is not compressed
_LEVEL = 5


class Static(NamedTuple):
    """One file that a page loads: open to all, the same for everybody."""

    path: str  # with its digest in it, so that it is kept for ever
    media: str
    content: bytes
    compressed: bytes


@functools.cache
def statics() -> Mapping[str, Static]:
    """Give the files that pages load, by name: the list of what is served to whoever asks."""
    found: dict[str, Static] = {}
    for file in sorted((HERE / "static").iterdir()):
        if file.suffix in MEDIA:
            content = file.read_bytes()
            name = f"/static/{file.stem}.{hashlib.sha256(content).hexdigest()[:16]}{file.suffix}"
            found[file.name] = Static(name, MEDIA[file.suffix], content, gzip.compress(content, 9, mtime=0))
    return found


def draw(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a page shows
    """Draw a page."""
    return _environment().get_template(template).render(**values)


def compress(text: str) -> bytes:
    """Compress a page."""
    return gzip.compress(text.encode(), _LEVEL, mtime=0)


@functools.cache
def _environment() -> Environment:
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Any] = made.filters
    filters.update(say=say_value, moment=moment, when=when, money=_money, fields=with_money)
    filters.update(wanted=say_wanted, answer=_answer, likely=say_sure, grouped=_grouped, took=_took)
    filters.update(leads=_led, editable=can_edit, cut=cut, many=say_count)
    filters.update(ways=ways_of, alone=without_others, forgives=forgives, toml=block_in, raising=_raising)
    tests: dict[str, Any] = made.tests
    tests.update(record=is_record, match=is_match, simple=is_simple, one_press=is_one_press, evenly=is_even)
    names: dict[str, Any] = made.globals
    names.update(
        lines_of=lines_of, say_covers=say_covers, remedies=REMEDIES, want_a_word=WANT_A_WORD, cannot_undo=CANNOT_UNDO
    )
    names.update(once=_once, is_out=_is_out, rows_out=_rows_out, does=say_does, actions=say_many)
    names.update(static={name: file.path for name, file in statics().items()})
    return made


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a template names
    """Make text of what a template names; what it drew itself stays."""
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    return "" if value is None else shown(redacted(str(value)), lines=True)


def _led(text: str) -> Markup:
    return leads(_plain(text))


def _once() -> Markup:
    """Draw a field that tells this form from every other one: sent twice it acts once (decide_once.py)."""
    from markupsafe import Markup

    return Markup('<input type="hidden" name="once" value="{}">').format(secrets.token_hex(8))


def _money(amount: Mapping[str, Any]) -> str:
    return str(Money(amount["minor"], amount["currency"]))


def _grouped(lines: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Put lines without a label to the one that they go on with."""
    found: list[tuple[str, list[str]]] = []
    for label, says in lines:
        if label or not found:
            found.append((label, []))
        found[-1][1].append(says)
    return found


def _raising(text: str) -> tuple[str, str]:
    """Part what a budget says from the command at its end that raises it, as words for a link; without one: ""."""
    found = list(_RAISE.finditer(text))
    if not found or found[-1].end() != len(text):
        return text, ""
    by = " and ".join(one["by"].strip('"').rpartition("=")[2] for one in found)
    name = found[0]["name"].strip('"')
    return text[: found[0].start()], f"raise budget '{name}' by {by}"


def _is_out(question: Mapping[str, Any], row: int) -> bool:
    """Whether a yes to a list leaves this row out, counted from 0."""
    return question.get("kept") is not None and row not in question["kept"]


def _rows_out(question: Mapping[str, Any]) -> list[int]:
    """List the rows that a yes leaves out, counted from 1."""
    listed = question["card"].get("rows") or question["card"].get("covers") or ()
    return [number + 1 for number in range(len(listed)) if _is_out(question, number)]


def _answer(option: str) -> str:
    return BUTTONS.get(option, option.replace("_", " ").capitalize())


def _took(seconds: float) -> str:
    """Say roughly how long something takes."""
    return f"{seconds:.1f} s" if seconds < 10 else say_duration(round(seconds))  # noqa: PLR2004 - a tenth tells nothing
