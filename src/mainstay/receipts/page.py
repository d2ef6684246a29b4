"""What people read on a receipt: one page of short lines, and after it the texts that are too long for it.

The same receipt gives the same lines for ever, in every release and on every machine: a file is checked by writing it
again. So nothing here may change; a page that shall look different is another `data.FORMAT`.
"""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from mainstay.ledger.signing import fingerprint
from mainstay.receipts.data import Action, Decision, Edit, Field, Personal, Receipt, Said, canonical
from mainstay.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.receipts.data import Signed

COLUMNS = 100
PAGE_LINES = 78  # of the first page, headings and blanks between them too
INLINE_LINES = 5  # of a text that stands on the first page
FEW = 5  # decisions and kinds of actions on a page that is full
LISTED = 200  # actions on the further pages; all of them stand in the signed part
_LABEL = 10
_HEX = 8  # characters of a long hex number that people read
_MARGIN = "   "
_NOT_YET = {"needs your decision": "without an answer", "about to start": "not begun"}  # of a plan that has ended
_LABELS = {"cannot_undo": "can't be undone", "show": "shown"}


class Section(NamedTuple):
    """A heading of ours, and lines that may hold anything."""

    title: str
    lines: tuple[str, ...]


class Page(NamedTuple):
    """The first page, and what follows it."""

    first: tuple[Section, ...]
    more: tuple[Section, ...]


class _Room(NamedTuple):
    """How much the first page tells: tried from much to little until it fits."""

    inline: int
    few: int | None
    cut: bool


_ROOMS = (_Room(INLINE_LINES, None, cut=False), _Room(0, None, cut=False), _Room(0, FEW, cut=True))


def page_of(signed: Signed, written: Callable[[str], str] = str) -> Page:
    """Lay out a receipt. `written` gives a line as a file of some kind can hold it, before it is broken."""
    for room in _ROOMS:
        first = [Section(one.title, tuple(_fitted(map(written, one.lines), room))) for one in _first(signed, room)]
        if room.cut or sum(len(one.lines) + 2 for one in first) <= PAGE_LINES:
            more = (Section(one.title, tuple(_fitted(map(written, one.lines)))) for one in _more(signed.receipt, room))
            return Page(tuple(first), tuple(more))
    raise AssertionError("the last room cuts what does not fit")


def said(text: Said) -> str:
    """Give a text on one line; of one that was left out, the beginning of its commitment."""
    if isinstance(text, Personal):
        return f"[left out {text.left_out[:_HEX]}]" if text.left_out else shown(text.text)
    return shown(text)


# --- the first page


def _first(signed: Signed, room: _Room) -> list[Section]:
    receipt = signed.receipt
    sections = [
        Section("What it was", tuple(_heading(receipt, room))),
        Section("Decided", tuple(_decided(receipt, room))),
    ]
    sections.append(Section("Done", tuple(_done(receipt, room))))
    sections.append(Section("Steps, agents, costs", tuple(_worked(receipt, room))))
    return [*sections, Section("Signed", tuple(_signed(signed)))]


def _heading(receipt: Receipt, room: _Room) -> list[str]:
    root = receipt.plans[0]
    lines = [
        _line("company", receipt.company),
        _line("plan", f"{said(receipt.title)} ({receipt.plan})"),
        _line("playbook", root.playbook),
        _line("version", root.version),
        _line("time", f"begun {receipt.begun}, ended {receipt.ended}"),
        _line("outcome", receipt.says),
    ]
    if receipt.undone:
        lines.append(_line("undone", receipt.undone))
    given = [f"{' '.join(field.at).replace('_', ' ')}: {said(field.text)}" for field in receipt.inputs]
    if given:
        lines.append(_line("given", "; ".join(given)))
    moments = [
        _line("plan was", f"{one.what} by {one.by} on {one.at}" + (f": {said(one.why)}" if said(one.why) else ""))
        for one in receipt.moments
    ]
    lines += _at_most(moments, room.few, receipt.moments)
    if not receipt.personal:
        lines.append(_line("left out", "what is personal; a number stands in the place of each text"))
    return lines


def _decided(receipt: Receipt, room: _Room) -> list[str]:
    if not receipt.decisions:
        return ["Nothing was asked."]
    told: list[list[str]] = []
    for number, one in enumerate(receipt.decisions, 1):
        text = text_of(one.shown)
        lines = [f"{number}. {_answered(one)}"]
        if len(text) <= room.inline:
            lines += [f"{_MARGIN}| {line}" for line in text]
        else:
            lines.append(f"{_MARGIN}| {text[0] if text else ''}")
            count = _count(len(text), "line")
            lines += [f"{_MARGIN}all {count}: see Exact text of {number}", f"{_MARGIN}SHA-256 {_digest(text)}"]
        told.append(lines)
    left = told if room.few is None else told[: room.few]
    lines = [line for one in left for line in one]
    return lines if len(left) == len(told) else [*lines, *_rest(len(told) - len(left), receipt.decisions)]


def _answered(one: Decision) -> str:
    what = one.about[0] if len(one.about) == 1 else f"{one.about[0]} and {len(one.about) - 1} more"
    if not one.answer:
        return f"{one.decision} ({what}), asked {one.asked_at}: {one.ended}"
    kept = "" if one.kept is None else f", keeping {_ranges(one.kept)}"
    through = f" [{shown(one.through)}]" if one.through not in ("", "terminal") else ""
    reason = f": {said(one.reason)}" if said(one.reason) else ""
    filled = "".join(f"; {' '.join(field.at)}: {said(field.text)}" for field in one.filled_in)
    return f"{one.by} {one.answer} {one.decision} ({what}) on {one.at}{kept}{through}{reason}{filled}"


def _done(receipt: Receipt, room: _Room) -> list[str]:
    if not receipt.actions:
        return ["No action was begun."]
    kinds: dict[tuple[str, ...], list[Action]] = {}
    for one in receipt.actions:
        kinds.setdefault((_step(one.says), one.operation, one.status, one.undo, said(one.why_not)), []).append(one)
    lines: list[str] = []
    for number, some in enumerate(kinds.values(), 1):
        lines.append(f"{number}. {_kind(some)}")
    lines = _at_most(lines, room.few, tuple(kinds))
    edits = [f"Changed by a person: {one.path}{_with(one)} on {one.at}; as it was then: below" for one in receipt.edits]
    lines += _at_most(edits, room.few, receipt.edits)
    if len(receipt.actions) > 1:
        lines.append(f"All {len(receipt.actions)} actions: SHA-256 {_sha(canonical(receipt.actions))}")
    return lines


def _with(one: Edit) -> str:
    return (f" ({', '.join(one.names)})" if one.names else "") + (f", with {one.decision}," if one.decision else "")


def _kind(some: list[Action]) -> str:
    one = some[0]
    status = one.status.replace("was ", "were ", 1) if len(some) > 1 and one.status.startswith("was ") else one.status
    many = f"{_step(one.says)} ({one.operation}): {len(some)} {status}"
    told = len(some) == 1 and not (isinstance(one.headline, Personal) and one.headline.left_out)
    what = f"{said(one.headline)} ({one.says}): {one.status}" if told else many
    why = f", {said(one.outcome)}" if len(some) == 1 and said(one.outcome) else ""
    known = sorted({each.known for each in some if each.known})
    return what + why + (f" (known because {'; '.join(known)})" if known else "") + _undo(some)


def _undo(some: list[Action]) -> str:
    one = some[0]
    match one.undo:
        case "done":
            return (
                f"; taken back, the last on {max(each.undone_at for each in some)}"
                if len(some) > 1
                else (f"; taken back on {one.undone_at}")
            )
        case "possible":
            return "; can be taken back"
        case "impossible":
            return f"; not taken back: {said(one.why_not)}"
        case "none":
            return f"; can't be taken back: {said(one.why_not)}"
        case _:
            return ""


def _worked(receipt: Receipt, room: _Room) -> list[str]:
    steps = [f"{one.step} {_says(one.says, one.items)}" for one in receipt.plans[0].steps]
    lines = [_line("steps", "; ".join(steps))]
    bad = [
        f"{one.step} ({part.plan}): {said(one.failure)}"
        for part in receipt.plans
        for one in part.steps
        if said(one.failure)
    ]
    lines += _at_most([_line("failed", one) for one in bad], room.few and 2, tuple(bad))
    if len(receipt.plans) > 1:
        lines.append(_line("parts", f"{_count(len(receipt.plans) - 1, 'plan')} of its own, {_counts(receipt)}"))
    agents = [f"{one.name} {one.version[:_HEX]} ({_count(one.runs, 'run')})" for one in receipt.agents]
    lines.append(_line("agents", "; ".join(agents) if agents else "none"))
    cost = f"{_dollars(receipt.cost_usd_micros)} USD" if receipt.cost_usd_micros else "none"
    lines.append(_line("cost", cost))
    return lines


def _counts(receipt: Receipt) -> str:
    found: dict[str, int] = {}
    for part in receipt.plans[1:]:
        found[part.status] = found.get(part.status, 0) + 1
    return ", ".join(f"{count} {status}" for status, count in found.items())


def _says(says: str, items: tuple[tuple[str, int], ...]) -> str:
    return f"{says} ({', '.join(f'{count} {_NOT_YET.get(how, how)}' for how, count in items)})" if items else says


def _signed(signed: Signed) -> list[str]:
    receipt, place = signed.receipt, signed.receipt.history
    anchored = f"record {place.anchored} was kept outside on {place.anchored_at}" if place.anchored else "not yet"
    return [
        _line("history", f"up to record {place.position}, {place.digest}"),
        _line("anchored", anchored),
        _line("workspace", receipt.workspace),
        _line("key", fingerprint(receipt.key)),
        _line("signature", signed.signature[: COLUMNS - _LABEL - 1]),
        _line("", signed.signature[COLUMNS - _LABEL - 1 :]),
        _line("check it", f"mainstay history check FILE --key {fingerprint(receipt.key)}"),
        _line("", "The signed part in this file says all of it, with every row and every argument."),
    ]


# --- what follows


def _more(receipt: Receipt, room: _Room) -> list[Section]:
    sections = [
        Section(f"Exact text of {number}: {one.decision}", tuple(text))
        for number, one in enumerate(receipt.decisions, 1)
        if len(text := text_of(one.shown)) > room.inline
    ]
    sections += [
        Section(f"Changed in {one.plan}", (f"{one.path}, as it was then:", *text_of(one.now))) for one in receipt.edits
    ]
    if len(receipt.actions) > 1:
        rows = [_row(one) for one in receipt.actions[:LISTED]]
        left = len(receipt.actions) - len(rows)
        sections.append(Section("All actions", (*rows, *(_rest(left, receipt.actions) if left else ()))))
    return sections


def _row(one: Action) -> str:
    why = f", {said(one.outcome)}" if said(one.outcome) else ""
    known = f" (known because {one.known})" if one.known else ""
    allowed = f", allowed by {one.allowed}" if one.allowed else ""
    begun = one.at or "not begun"
    return f"{begun} {one.plan} {one.says}: {said(one.headline)}: {one.status}{why}{known}{allowed}{_undo([one])}"


def text_of(fields: Iterable[Field]) -> list[str]:
    """Write what has parts as lines: a row on one, texts of several lines under it."""
    lines: list[str] = []
    for parent, some in groupby(fields, key=_parent):
        head = f"{'' if parent[0] == 'rows' else parent[0] + ' '}{parent[1]}. " if parent else ""
        short: list[str] = []
        long: list[str] = []
        for field in some:
            label, text = _label(field.at[len(parent) :]), _lines(field.text)
            if len(text) == 1:
                short.append(label + text[0])
            else:
                long += [*([f"{_MARGIN}{label}"] if label else []), *(f"{_MARGIN}{line}" for line in text)]
        lines += [head + "; ".join(short)] if parent else short
        lines += long
    return lines


def _parent(field: Field) -> tuple[str, ...]:
    """Give the row a field stands in: ("rows", "3")."""
    return field.at[:2] if len(field.at) > 1 and field.at[1].isdecimal() else ()


def _label(at: tuple[str, ...]) -> str:
    """Name a field as a person reads it; what it was called stands in the signed part."""
    if at in ((), ("headline",), ("body",)):
        return ""
    return f"{' '.join(_LABELS.get(name, name.replace('_', ' ')) for name in at)}: "


def _lines(text: Said) -> list[str]:
    if isinstance(text, Personal):
        text = f"[left out {text.left_out[:_HEX]}]" if text.left_out else text.text
    return shown(text, lines=True).replace("\t", "    ").split("\n")


# --- leaves


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}} {text}".rstrip()


def _step(says: str) -> str:
    return says.partition(", item ")[0]


def _at_most(lines: list[str], few: int | None, all_of: object) -> list[str]:
    if few is None or len(lines) <= few:
        return lines
    return [*lines[:few], *_rest(len(lines) - few, all_of)]


def _count(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _rest(count: int, all_of: object) -> list[str]:
    return [f"and {count} more; all of them: SHA-256 {_sha(canonical(all_of))}"]


def _ranges(kept: tuple[int, ...]) -> str:
    """Say numbers shortly: "1, 3-5"; "none"."""
    runs: list[list[int]] = []
    for one in sorted(kept):
        if runs and one == runs[-1][-1] + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "none"


def _dollars(micros: int) -> str:
    return f"{'-' if micros < 0 else ''}{abs(micros) // 1_000_000}.{abs(micros) % 1_000_000:06d}"


def _digest(lines: list[str]) -> str:
    return _sha("\n".join(lines).encode())


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fitted(lines: Iterable[str], room: _Room | None = None) -> list[str]:
    """Break lines that are too long, or cut them where there is no room; blanks at their ends go, as editors do."""
    if room is not None and room.cut:
        return [line.rstrip(" ") if len(line) <= COLUMNS else line[: COLUMNS - 3] + "..." for line in lines]
    return [piece.rstrip(" ") for line in lines for piece in _broken(line)]


def _broken(line: str) -> list[str]:
    pieces: list[str] = []
    margin = " " * min(len(line) - len(line.lstrip()), COLUMNS // 2)
    while len(line) > COLUMNS:
        at = line.rfind(" ", len(margin) + 1, COLUMNS + 1)
        at = at if at > COLUMNS // 2 else COLUMNS
        pieces.append(line[:at])
        line = margin + _MARGIN + (line[at + 1 :] if line[at : at + 1] == " " else line[at:])
    return [*pieces, line]
