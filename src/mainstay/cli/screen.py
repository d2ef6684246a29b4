"""Where commands write: tables and cards for people on stdout, one document for programs, progress on stderr.

Text from outside goes through `text` and only through it: what can't be seen is written out, and nothing in it is
taken for markup (SECURITY S30).
"""

from __future__ import annotations

import json
import os
import re
import sys
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

import msgspec
from rich.console import Console
from rich.text import Text

from mainstay.errors import InputError
from mainstay.redaction import redacted
from mainstay.said import moment, when
from mainstay.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Screen", "as_document", "moment", "plain", "text", "when"]
PIPE_COLUMNS = 80  # of what nobody looks at in a terminal, where COLUMNS says nothing else
_LINE_END = re.compile(r" +\n")
LOG_COLUMNS = 4096  # of lines on stderr that nobody looks at in a terminal: one line each


def text(value: object, style: str = "", *, lines: bool = False) -> Text:
    """Make text of anything; with `lines` its line ends stay, otherwise they are written out too."""
    return Text(shown(redacted(str(value)), lines=lines), style)


class Screen:
    """The two outputs of one command."""

    def __init__(self, *, as_json: bool = False) -> None:
        """Write one document instead of a screen with `as_json`."""
        self.as_json = as_json

    @cached_property
    def out(self) -> Console:
        """What the command gives."""
        columns = os.environ.get("COLUMNS", "")
        return _console(sys.stdout, int(columns) if columns.isdecimal() and int(columns) else PIPE_COLUMNS)

    @cached_property
    def err(self) -> Console:
        """Progress, questions and errors."""
        return _console(sys.stderr, LOG_COLUMNS)

    @property
    def interactive(self) -> bool:
        """Whether somebody sits at a terminal and can be asked."""
        return not self.as_json and all(file and file.isatty() for file in (sys.stdin, sys.stdout, sys.stderr))

    def agreed(self, question: str, otherwise: str, remedy: str = "", *, whole: bool = False) -> bool:
        """Ask for a yes; whatever else is said, or not, is a no, and `otherwise` says what it leaves undone.

        Raises InputError with the `remedy`, if there is one, where nobody can be asked. `whole`: a "y" is no yes.
        """
        if remedy and not self.interactive:
            raise InputError(f"{otherwise}: this needs your yes.", remedy=remedy)
        try:
            answer = self.err.input(text(f"{question} (yes, no): ", "bold")).strip().lower()
        except (EOFError, KeyboardInterrupt):
            answer = ""
        is_yes = answer == "yes" or (answer == "y" and not whole)
        if not is_yes:
            self.err.print(f"{otherwise}.")
        return is_yes

    def give(self, document: object, draw: Callable[[Console], None]) -> None:
        """Write the document, or draw it."""
        if self.as_json:
            sys.stdout.write(as_document(document))
            sys.stdout.flush()
        else:
            draw(self.out)

    def say(self, line: str | Text, style: str = "") -> None:
        """Write one line for people: to stdout, or beside the document to stderr."""
        (self.err if self.as_json else self.out).print(text(line, style) if isinstance(line, str) else line)


def as_document(value: object) -> str:
    """Write JSON in ASCII, so that no terminal is ever sent a control character."""
    return redacted(json.dumps(plain(value), indent=2, ensure_ascii=True)) + "\n"


def plain(value: object) -> Any:  # noqa: ANN401 - what JSON can hold
    """Turn structs inside plain data into plain data."""
    return msgspec.to_builtins(value)


def _console(file: TextIO, columns: int) -> Console:
    if file.isatty():
        return Console(file=file, markup=False, highlight=False, emoji=False)
    return Console(file=cast("IO[str]", _Trimmed(file)), width=columns, markup=False, highlight=False, emoji=False)


class _Trimmed:
    """A file that takes no blanks at the end of a line: Rich fills its tables up with them."""

    def __init__(self, file: TextIO) -> None:
        """Write to this file."""
        self._file = file

    def write(self, told: str) -> int:
        self._file.write(_LINE_END.sub("\n", told))
        return len(told)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)
