"""Drafts of templates: what a value in a playbook says before it is known whether its types fit.

A string that begins with `=` is an expression; `{{ }}` puts an expression into text; `{{{{` writes two braces;
`file:templates/x.md` takes the text from a file beside the playbook or in the workspace.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from mainstay.playbooks.format import QUOTES_HINT, Listing, Mapping, Node, Place, Report, Scalar
from mainstay.playbooks.naming import NAME
from mainstay.runtime.checking import WrongExpressionError, read_names
from mainstay.runtime.faults import say_fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Mapping as AnyMapping

    from mainstay.playbooks.drafts import StepDraft

MAX_TEMPLATE_BYTES = 64 * 1024
FILE_MARK = "file:"
FOLDER = "templates"
_SHIFTED = re.compile(r"[ \t]+=\s*[\w(!\"'\[][^\n]*$")
_LOGIC = re.compile(r"\{%-?\s*(?:if|for|set|else|elif|end\w+|include|block)\b")


class Expression(NamedTuple):
    """An expression and the scalar it stands in; `offset` is where in the scalar's text it begins."""

    source: str
    scalar: Scalar
    offset: int
    names: tuple[str, ...]
    paths: tuple[str, ...]
    sure: tuple[str, ...] = ()  # the names that it reads in every case
    choices: tuple[tuple[str, str], ...] = ()  # (path, the text it is compared with)

    def place(self, line: int = 1, column: int = 1) -> Place:
        """Give the place of a line and column inside the expression."""
        lines = self.source.split("\n")
        ahead = sum(len(text) + 1 for text in lines[: line - 1])
        return self.scalar.at(self.offset + ahead + column - 1)


class Draft(NamedTuple):
    """A template whose types were not looked at yet. `node` says where it stands."""

    kind: Literal["literal", "expression", "text", "record", "list"]
    node: Node
    expression: Expression | None = None
    parts: tuple[str | Expression, ...] = ()
    fields: dict[str, Draft] = {}  # noqa: RUF012 - never changed
    items: tuple[Draft, ...] = ()

    def expressions(self) -> Iterator[Expression]:
        """Give every expression inside."""
        if self.expression is not None:
            yield self.expression
        yield from (part for part in self.parts if isinstance(part, Expression))
        for inner in (*self.fields.values(), *self.items):
            yield from inner.expressions()


Part: TypeAlias = tuple[Literal["text", "expression"], str, int]


class Drafts:
    """Makes drafts of nodes, reporting what can be seen without types."""

    def __init__(self, report: Report, folders: Sequence[Path], files: AnyMapping[str, bytes] | None = None) -> None:
        """Take the folders whose `templates` a playbook may use, nearest first; or the content kept of them."""
        self._report = report
        self._folders = folders
        self._files = files

    def template(self, node: Node) -> Draft:
        """Read a value of any shape."""
        match node:
            case Mapping():
                return Draft("record", node, fields={name: self.template(inner) for name, inner in node.values.items()})
            case Listing():
                return Draft("list", node, items=tuple(self.template(item) for item in node.items))
            case Scalar() if node.text.startswith("="):
                return self._alone(node)
            case Scalar() if _SHIFTED.match(node.text):
                self._report.add(node.place, "an expression begins with '=', without a space before it")
                return Draft("literal", node)
            case Scalar() if node.text.startswith(FILE_MARK):
                content = self._file(node)
                return Draft("literal", node) if content is None else self.text(content)
            case Scalar() if "{{" in node.text or "{%" in node.text:
                return self.text(node)
            case Scalar():
                return Draft("literal", node)

    def role(self, step: StepDraft, role: str, scalar: Scalar) -> None:
        """Read an expression for a role of a step; a finding when it is none."""
        draft = self.template(scalar)
        if draft.kind == "expression":
            step.templates[role] = draft
        elif not scalar.text.lstrip(" \t").startswith("="):
            self.refuse_plain(role, scalar)

    def refuse_plain(self, role: str, scalar: Scalar) -> None:
        """Say that a text is no expression, and how it becomes one."""
        meant = scalar.text.strip()
        if meant.startswith("{{") and meant.endswith("}}") and meant.count("{{") == 1:
            meant = meant[2:-2].strip()
        looks = meant in ("true", "false") or (role in ("each", "show") and NAME.fullmatch(meant) is not None)
        looks = looks or meant.startswith("=") or re.search(r"[.()<>=!]|&&", meant) is not None
        example = f"= {meant.lstrip('= ')}" if looks else "= inputs.x"
        how = "write" if looks else "such as"
        self._report.add(scalar.place, f"'{role}' needs an expression{':' if looks else ','} {how} \"{example}\"")

    def text(self, scalar: Scalar) -> Draft:
        """Read a text with expressions inside."""
        parts: list[str | Expression] = []
        for kind, content, offset in split_text(scalar, self._report):
            if kind == "text":
                parts.append(content)
            elif (expression := self.expression(scalar, content, offset)) is not None:
                parts.append(expression)
        return Draft("text", scalar, parts=tuple(parts))

    def expression(self, scalar: Scalar, source: str, offset: int) -> Expression | None:
        """Read one expression; a finding when it does not parse."""
        stripped = source.strip()
        offset += len(source) - len(source.lstrip())
        draft = Expression(stripped, scalar, offset, (), ())
        if not stripped:
            self._report.add(draft.place(), "an empty expression")
            return None
        try:
            reads = read_names(stripped)
        except WrongExpressionError as error:
            fault = error.faults[-1] if "token recognition" not in error.faults[0].message else error.faults[0]
            column, message = say_fault(fault, stripped, {}, {})
            hint = f" ({QUOTES_HINT})" if scalar.cut else ""
            self._report.add(draft.place(fault.line, column), message + hint)
            return None
        return draft._replace(names=reads.names, paths=reads.paths, sure=reads.sure, choices=reads.choices)

    def _alone(self, scalar: Scalar) -> Draft:
        expression = self.expression(scalar, scalar.text[1:], 1)
        return Draft("literal", scalar) if expression is None else Draft("expression", scalar, expression=expression)

    def _file(self, scalar: Scalar) -> Scalar | None:
        """Read a template file, confined to the `templates` of the given folders."""
        name = scalar.text[len(FILE_MARK) :].strip()
        path = PurePosixPath(name)
        if path.is_absolute() or path.parts[:1] != (FOLDER,) or ".." in path.parts or "\0" in name or "\\" in name:
            self._report.add(scalar.place, f"{name!r} is not a file under {FOLDER}/")
            return None
        if self._files is not None:
            kept = sorted((at for at in self._files if f"/{at}".endswith(f"/{path}")), key=len)
            return self._text(scalar, self._files[kept[-1]], name) if kept else self._missing(scalar, name)
        for folder in self._folders:
            found = folder / path
            if found.is_file():
                return self._content(scalar, folder, found, name)
        return self._missing(scalar, name)

    def _missing(self, scalar: Scalar, name: str) -> None:
        self._report.add(scalar.place, f"there is no file {name!r} beside the playbook or in the workspace")

    def _content(self, scalar: Scalar, folder: Path, found: Path, name: str) -> Scalar | None:
        if not found.resolve().is_relative_to((folder / FOLDER).resolve()):
            self._report.add(scalar.place, f"{name!r} leads out of {FOLDER}/")
            return None
        if found.stat().st_size > MAX_TEMPLATE_BYTES:
            self._report.add(scalar.place, f"{name!r} is larger than {MAX_TEMPLATE_BYTES // 1024} KB")
            return None
        return self._text(scalar, found.read_bytes(), name)

    def _text(self, scalar: Scalar, content: bytes, name: str) -> Scalar | None:
        try:
            text = content.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError:
            self._report.add(scalar.place, f"{name!r} is not UTF-8 text")
            return None
        return Scalar(text, Place(name, 1, 1), text, plain=False)


def split_text(scalar: Scalar, report: Report) -> Iterator[Part]:
    """Split text into literal parts and the expressions between `{{` and `}}`, each with its offset."""
    text, start, literal = scalar.text, 0, ""
    while (opened := text.find("{{", start)) >= 0:
        literal += text[start:opened]
        if text.startswith("{{{{", opened):
            literal += "{{"
            start = opened + 4
            continue
        closed = _closing(text, opened + 2)
        if closed < 0:
            report.add(scalar.at(opened), "'{{' without '}}' (write '{{{{' for two braces)")
            return
        if literal:
            yield "text", literal, start
        literal = ""
        yield "expression", text[opened + 2 : closed], opened + 2
        start = closed + 2
    if logic := _LOGIC.search(text, start):
        hint = "use 'when' on the step, or {{condition ? 'this' : 'that'}}"
        report.add(scalar.at(logic.start()), f"{logic[0]!r} does nothing here: {hint}")
    if rest := literal + text[start:]:
        yield "text", rest, start


def _closing(text: str, start: int) -> int:
    """Find the `}}` that ends an expression: not one inside quotes or behind an open brace."""
    quote, depth, at = "", 0, start
    while at < len(text):
        letter = text[at]
        if quote:
            at += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "{":
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        elif text.startswith("}}", at):
            return at
        at += 1
    return -1
