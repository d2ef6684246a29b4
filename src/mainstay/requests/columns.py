"""Puts the lines that say how a file's columns are read into mainstay.toml: shown first, then whole or not at all.

What a question proposes is a text with such a section in it. Only texts by their fields get into the file, written
anew by us, in this one section; all else in it stays as it is, which is checked by reading both.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from mainstay.config import CONFIG_NAME, settings_in
from mainstay.connectors.doubts import quoted
from mainstay.errors import CommandRefusedError, FileError, InputError, UnknownNameError
from mainstay.ledger.disk import rewrite
from mainstay.playbooks.changes import line_diff
from mainstay.requests.ruling import asked_at
from mainstay.said import is_record
from mainstay.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mainstay.requests.desk import Method, Params, Requests
    from mainstay.runtime.intake import Emit

SECTIONS = ("bank.columns", "invoices.columns")
_LINE = re.compile(r"#.*|[a-z_0-9]+ *=.*")  # of such a section
_HEADER = re.compile(r"\s*\[\s*([\w.\s-]+?)\s*\]\s*(#.*)?")
_ANY_HEADER = re.compile(r"\s*\[")
_QUIET = re.compile(r"\s*(#.*)?")
_TO_FILL_IN = "..."
_WRITTEN = "{} is written. It counts from the next start of Mainstay; then run this again with the same files."
_SAME = "{} says so already; nothing was written."
BY_HAND = f"Change {CONFIG_NAME} by hand."


class Block(NamedTuple):
    """The lines for mainstay.toml in a text, with what is said before and after them."""

    before: str
    section: str
    lines: str  # without the section's name
    after: str

    @property
    def whole(self) -> str:
        """The lines as they stand in the file."""
        return f"[{self.section}]\n{self.lines}"


def block_in(text: object) -> Block | None:
    """Find such lines in what a question says; None where it says none."""
    given = text.split("\n") if isinstance(text, str) else []
    begin = next((at for at, line in enumerate(given) if line.strip("[]") in SECTIONS and line.startswith("[")), None)
    if begin is None:
        return None
    end = begin + 1
    while end < len(given) and _LINE.fullmatch(given[end]):
        end += 1
    before, after = "\n".join(given[:begin]), "\n".join(given[end:])
    return Block(before, given[begin].strip("[]"), "\n".join(given[begin + 1 : end]), after)


def block_of(card: Mapping[str, Any], row: int) -> Block:
    """Give the lines that a row of a question proposes, or the question itself. Raises InputError for none."""
    rows: list[Any] = card.get("rows") or []
    here = rows[row] if 0 <= row < len(rows) else card
    found = block_in(here.get("remedy") if is_record(here) else None)
    if found is None:
        raise InputError("Nothing for mainstay.toml is proposed there.", remedy="Answer the question as it stands.")
    return found


async def _columns(desk: Requests, params: Params, emit: Emit) -> Params:
    """Say what these lines change in mainstay.toml, or with `seen`, the digest of what was shown, write them.

    `says` is what came of it, empty as long as there is something to write.
    """
    del emit
    decision, row, text = params["decision"], int(params.get("row") or 0), params.get("text")
    _, asked = asked_at(desk, decision.rpartition(".")[0], decision)
    card = desk.payloads.load(asked.card) if asked is not None else None
    if not isinstance(card, dict):
        raise UnknownNameError(f"There is no question '{decision}'.", remedy="`mainstay inbox` lists them.")
    block = block_of(card, row)
    path = desk.root / CONFIG_NAME
    before = _read(path)
    after = with_section(before, block.section, _fields(block.section, block.lines if text is None else text), path)
    seen = digest_of(before.encode())
    told: Params = {"plan": decision.rpartition(".")[0], "file": str(path), "section": block.section, "seen": seen}
    told["diff"] = line_diff({CONFIG_NAME: before.encode()}, {CONFIG_NAME: after.encode()}, "now", "then")
    told["says"] = "" if told["diff"] else _SAME.format(CONFIG_NAME)
    if params.get("seen") is None:
        return told | {"written": False}
    if params["seen"] != seen:
        why = f"{CONFIG_NAME} was changed since you were shown what would change; nothing was written."
        raise CommandRefusedError(why, remedy="Look at it again.")
    if after != before:
        try:
            rewrite(path.resolve(), after.encode())
        except OSError as error:  # such as a link to where only others write
            raise FileError(f"{path} can't be written: {error.strerror}.", remedy=BY_HAND) from None
        told["says"] = _WRITTEN.format(CONFIG_NAME)
    return told | {"written": after != before}


def with_section(text: str, section: str, fields: Mapping[str, str], path: Path) -> str:
    """Give the text of mainstay.toml with a section that says just this. Raises InputError or FileError."""
    cr = "\r" if "\r\n" in text else ""  # lines end here as they do in the file
    own = [f"[{section}]{cr}", *(f"{name} = {quoted(value)}{cr}" for name, value in fields.items())]
    lines = text.split("\n")
    begin = next((at for at, line in enumerate(lines) if _names(line) == section), None)
    if begin is None:
        above = text.rstrip("\r\n") + cr
        new = [*above.split("\n"), cr, *own, ""] if text.strip() else [*own, ""]
    else:
        end = next((at for at in range(begin + 1, len(lines)) if _ANY_HEADER.match(lines[at])), len(lines))
        while end > begin + 1 and _QUIET.fullmatch(lines[end - 1]):  # what stands before the next section goes with it
            end -= 1
        new = [*lines[:begin], *own, *lines[end:]]
    changed = "\n".join(new).removesuffix("\r")
    rest, _ = _without(text, section, path)
    try:
        same = _without(changed, section, path) == (rest, dict(fields))
    except FileError:  # such as twice the same section
        same = False
    if not same:
        raise InputError(f"{CONFIG_NAME} says [{section}] in another way than this can change.", remedy=BY_HAND)
    try:
        settings_in(changed, path)
    except FileError as error:
        hint = "Correct them; nothing was written."
        raise InputError(f"These lines would not be taken: {error.message}", remedy=hint) from None
    return changed


def _without(text: str, section: str, path: Path) -> tuple[dict[str, Any], object]:
    """Give all that the file says but for a section, and that."""
    try:
        whole = _loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{path} can't be read: {error}.", remedy="Correct it; TOML texts stand in quotes.") from None
    outer, inner = section.split(".")
    there = whole.get(outer)
    if not is_record(there):
        return whole, {}
    found = there.pop(inner, {})
    if not there:
        del whole[outer]
    return whole, found


def _names(line: str) -> str:
    found = _HEADER.fullmatch(line)
    return "" if found is None else re.sub(r"\s", "", found[1])


def _fields(section: str, text: str) -> dict[str, str]:
    """Read the lines of the section: texts by their fields. Raises InputError for anything else."""
    hint = 'Write lines such as booked_on = "Datum".'
    own = "\n".join(line for line in text.replace("\r\n", "\n").split("\n") if _names(line) != section)
    try:
        fields = _loads(own)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"These lines can't be read: {error}.", remedy=hint) from None
    for name, value in fields.items():
        if not isinstance(value, str):
            raise InputError(f"'{name}' is no text in quotes.", remedy=hint)
        if value == _TO_FILL_IN:
            raise InputError(f"'{name}' is not filled in yet.", remedy="Write the column's name as your file has it.")
    if not fields:
        raise InputError("There are no lines to write.", remedy=hint)
    return fields


def _loads(text: str) -> dict[str, Any]:
    """Read TOML. Raises TOMLDecodeError for what is none, also where it only goes down too far to be read."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("too many brackets stand in brackets") from None


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} can't be read: {error}.", remedy="Correct it and try again.") from None


METHODS: Mapping[str, Method] = {"columns": _columns}
