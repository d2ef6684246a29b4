"""Holds drafts of templates against types: the compiled template, or what does not fit and where."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from mainstay.kernel.graph import Cel, Literally, Record, Sequence, Template, Text
from mainstay.playbooks.format import QUOTES_HINT, Mapping, Place, Report, Scalar
from mainstay.playbooks.naming import CEL_WORDS
from mainstay.runtime.checking import Checked, Checker, WrongExpressionError, is_path, walk_path
from mainstay.runtime.faults import say_fault
from mainstay.runtime.types import ANY, BOOL, DATE, FLOAT, INT, TEXT, Records, Type, nearest, parse_type
from mainstay.values import Money, Value, parse_duration_s

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as AnyMapping

    from mainstay.playbooks.templates import Draft, Expression
    from mainstay.runtime.types import Vocabulary

TRUTHS = {
    **dict.fromkeys(("yes", "on", "y", "true", "1"), "true"),
    **dict.fromkeys(("no", "off", "n", "false", "0"), "false"),
}
SAYABLE = frozenset({"text", "choice", "int", "float", "bool", "date", "time", "duration", "money", "any"})
_BOOLEAN = re.compile("true|false")
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_NOTHING = ("", "null", "~", "None", "nil")
_SINGLE = re.compile(r"(?<!\{)\$?\{([a-z_][\w.]*)\}{1,2}", re.ASCII)
Own = dict[str, Type]


class Fitter:
    """Turns drafts into templates of wanted types, over names with known types."""

    def __init__(self, report: Report, names: AnyMapping[str, Type], vocabulary: Vocabulary) -> None:
        """Take every name of the playbook; names that only one place knows come with each call."""
        self._report = report
        self._names = names
        self._records: Records = vocabulary.records
        known = {name: type_ for name, type_ in names.items() if name not in CEL_WORDS}  # refused, with a finding
        self._checker = Checker(known, vocabulary.records)

    def fit(self, draft: Draft, wanted: Type, own: Own, what: str) -> Template:
        """Give the template; findings name `what` did not fit."""
        match draft.kind:
            case "expression":
                return self._expression(draft, wanted, own, what)
            case "text":
                if wanted.kind not in ("text", "any", "choice"):
                    self._report.add(draft.node.place, f"{what} must be {in_words(wanted)}, not text")
                return self.text(draft, own)
            case "literal":
                assert isinstance(draft.node, Scalar)
                return Literally(self.literal(draft.node, wanted, what))
            case "list":
                if wanted.kind not in ("list", "any"):
                    self._report.add(draft.node.place, f"{what} must be {in_words(wanted)}, not a list")
                item = wanted.of or ANY
                return Sequence(tuple(self.fit(each, item, own, what) for each in draft.items))
            case "record":
                return self._record(draft, wanted, own, what)

    def check(self, expression: Expression, own: Own) -> Checked | None:
        """Check an expression; None after a finding."""
        try:
            checked = self._checker.check(expression.source, own)
        except WrongExpressionError as error:
            for fault in error.faults:
                if "*error*" in fault.message:
                    continue  # follows from another one
                column, message = say_fault(fault, expression.source, {**self._names, **own}, self._records)
                self._report.add(expression.place(fault.line, column), message)
            return None
        for path, text in checked.choices:
            self._choice(expression, path, text, own)
        for path, column in checked.columns:
            self._column(expression, path, column, own)
        return checked

    def cel(self, draft: Draft, wanted: Type, own: Own, what: str) -> Cel:
        """Give an expression of a wanted type."""
        assert draft.expression is not None
        checked = self.check(draft.expression, own)
        if checked is not None and not self.goes(wanted, checked.type):
            hint = self._hint(wanted, checked.type, draft.expression.source)
            message = f"{what} must be {in_words(wanted)}, not {in_words(checked.type)}{hint}"
            self._report.add(draft.expression.place(), message)
        return self._made(draft.expression, checked, own, wanted)

    def kind_of(self, path: str, own: Own) -> str:
        """Give the kind of a dotted path; "" when it does not exist."""
        type_ = self._checker.path_type(path, own)
        return type_.kind if type_ else ""

    def part(self, source: str) -> Cel | None:
        """Give a part of an expression that was checked as a whole; None when it does not stand alone."""
        try:
            checked = self._checker.check(source)
        except WrongExpressionError:
            return None
        return Cel(source, checked.names, checked.paths)

    def text(self, draft: Draft, own: Own) -> Text:
        """Give a text; refuses parts that can't be written in one."""
        parts: list[Literally | Cel] = []
        for part in draft.parts:
            if isinstance(part, str):
                assert isinstance(draft.node, Scalar)
                self._refuse_single_braces(draft.node, part, "the text")
                parts.append(Literally(part))
                continue
            checked = self.check(part, own)
            if checked is not None and checked.type.kind not in SAYABLE:
                message = f"{in_words(checked.type)} can't stand in text; take a field of it, or join(list.map(...))"
                self._report.add(part.place(), message)
            parts.append(self._made(part, checked, own, TEXT))
        return Text(tuple(parts))

    def literal(self, scalar: Scalar, wanted: Type, what: str) -> Value:
        """Give a value that stands in the playbook as it is."""
        if scalar.cut and wanted.kind in ("text", "any"):
            self._report.add(scalar.place, f"YAML ended this text at {scalar.cut!r}; {QUOTES_HINT}")
        if wanted.kind in ("record", "list", "map", "file", "blob"):
            hint = f'; write "= {scalar.text}"' if self._is_known(scalar.text) else ""
            self._report.add(scalar.place, f"{what} must be {in_words(wanted)}, not text{hint}")
            return None
        if scalar.plain and wanted.kind == "text" and scalar.text in _NOTHING:
            message = f'{what} is {scalar.text or "empty"}: leave it out, or write "" for an empty text'
            self._report.add(scalar.place, message)
        if "." in scalar.text and self._is_known(scalar.text):
            message = f'{what} is the text {scalar.text!r}; for its value write "= {scalar.text}"'
            self._report.add(scalar.place, message)
        self._refuse_single_braces(scalar, scalar.text, what)
        try:
            return read_literal(scalar.text, wanted, plain=scalar.plain)
        except ValueError as error:
            self._report.add(scalar.place, f"{what}: {error}")
            return None

    def goes(self, wanted: Type, given: Type) -> bool:
        """Say whether a value of one type can be taken for another."""
        if "any" in (wanted.kind, given.kind):
            return True
        if wanted.kind == given.kind == "list":
            return self.goes(wanted.of or ANY, given.of or ANY)
        if wanted.kind == given.kind == "record":
            return wanted.name == given.name or self._same_fields(wanted, given)
        if wanted.kind == "choice":
            return given.kind == "text" or (given.kind == "choice" and set(given.options) <= set(wanted.options))
        wider = {"text": {"choice"}, "float": {"int"}, "date": {"time"}, "time": {"date"}, "map": {"record"}}
        return given.kind == wanted.kind or given.kind in wider.get(wanted.kind, ())

    def _same_fields(self, wanted: Type, given: Type) -> bool:
        """Records go by their fields: a result with more than is wanted is taken."""
        have = self._records.get(given.name, {})
        want = self._records.get(wanted.name, {})
        return all(
            name in have and self.goes(parse_type(field.type), parse_type(have[name].type))
            for name, field in want.items()
        )

    def _expression(self, draft: Draft, wanted: Type, own: Own, what: str) -> Cel:
        return self.cel(draft, wanted, own, what)

    def _made(self, expression: Expression, checked: Checked | None, own: Own, wanted: Type) -> Cel:
        if checked is None:
            return Cel(expression.source, expression.names, expression.paths)
        source = expression.source
        if wanted == DATE and checked.type.kind == "time":
            source = f"day({source})"  # an instant falls on a day in the company's time zone
        scope = tuple((name, str(own[name])) for name in sorted(own) if name in checked.names)
        return Cel(source, checked.names, checked.paths, scope)

    def _record(self, draft: Draft, wanted: Type, own: Own, what: str) -> Record:
        known = wanted.fields(self._records)
        if known is None and wanted.kind not in ("any", "map"):
            self._report.add(draft.node.place, f"{what} must be {in_words(wanted)}, not names with values")
        assert isinstance(draft.node, Mapping)
        for name in draft.fields:
            if known is not None and name not in known:
                self._report.add(draft.node.keys[name].place, f"{what} has no field {name!r}{nearest(name, known)}")
        types = {name: parse_type(field.type) for name, field in (known or {}).items()}
        return Record({n: self.fit(each, types.get(n, ANY), own, f"{what}.{n}") for n, each in draft.fields.items()})

    def _choice(self, expression: Expression, path: str, text: str, own: Own) -> None:
        """Refuse a comparison with an option that does not exist: it would never be true."""
        type_ = self._checker.path_type(path, own)
        if type_ is not None and type_.kind == "choice" and text not in type_.options:
            known = ", ".join(type_.options)
            message = f"'{path}' is never {text!r}, only {known}{nearest(text, type_.options)}"
            self._report.add(_place_of(expression, text), message)

    def _column(self, expression: Expression, path: str, column: str, own: Own) -> None:
        type_ = self._checker.path_type(path, own)
        record = type_.of if type_ is not None and type_.of is not None else ANY
        known = record.fields(self._records)
        if known is not None and column not in known:
            message = f"{record} has no field {column!r}{nearest(column, known)}"
            self._report.add(_place_of(expression, column), message)

    def _is_known(self, path: str) -> bool:
        """Whether a text reads like a name of this playbook, with or without fields."""
        return is_path(path) and walk_path(path, self._names, self._records) is not None

    def _refuse_single_braces(self, scalar: Scalar, text: str, what: str) -> None:
        for found in _SINGLE.finditer(text):
            if self._is_known(found[1]):
                place = scalar.at(max(scalar.text.find(found[0]), 0))
                self._report.add(place, f"{what} holds {found[0]!r} as it stands; write {{{{{found[1]}}}}}")

    def _hint(self, wanted: Type, given: Type, source: str) -> str:
        if wanted.kind == "text" and given.kind in SAYABLE:
            return f'; write "{{{{{source}}}}}"'
        if wanted.kind in ("date", "time") and given.kind == "text":
            return f"; write date({source})"
        return ""


def _place_of(expression: Expression, text: str) -> Place:
    for quoted in (f"'{text}'", f'"{text}"'):
        at = expression.source.find(quoted)
        if at >= 0:
            return expression.scalar.at(expression.offset + at)
    return expression.place()


def read_literal(text: str, wanted: Type, *, plain: bool = True) -> Value:
    """Read a value written as text: in a playbook, or on the command line. Raises ValueError that says what it is not.

    Where any type goes, an unquoted true, false or number is taken for what it looks like.
    """
    if wanted.kind == "choice":
        if text not in wanted.options:
            raise ValueError(f"{text!r} is not one of {', '.join(wanted.options)}{nearest(text, wanted.options)}")
        return text
    if wanted.kind == "any" and plain:
        return _guess(text)
    return _READERS[wanted.kind](text) if wanted.kind in _READERS else text


def guess_type(value: Value) -> Type:
    """Give the type of a value that stands in a playbook where any type goes."""
    kinds: dict[type, Type] = {bool: BOOL, int: INT, float: FLOAT, str: TEXT}
    return kinds.get(type(value), ANY)


def _guess(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _like(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not {what}")
    return text


def _date(text: str) -> str:
    try:
        return dt.date.fromisoformat(_like(re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII), text, "a date")).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is not a date such as 2026-11-21") from None


def _time(text: str) -> str:
    try:
        read = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time such as 2026-11-21T10:30:00+01:00") from None
    if read.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone, such as 2026-11-21T10:30:00+01:00")
    return read.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def in_words(type_: Type) -> str:
    """Say a type with its article, as messages do."""
    words = {"bool": "true or false", "int": "a whole number", "float": "a number", "text": "text", "money": "money"}
    return words.get(type_.kind) or f"{'an' if type_.kind == 'any' else 'a'} {type_}"


def _truth(text: str) -> str:
    meant = TRUTHS.get(text.lower())
    return f"; write {meant}" if meant else ""


def _whole(text: str) -> int:
    if re.fullmatch(r"-?\d{19,}", text, re.ASCII):
        raise ValueError(f"{text[:20]!r}... is too large a number: 18 digits at most")
    return int(_like(_INTEGER, text, "a whole number"))


def _money(text: str) -> Value:
    try:
        money = Money.parse(text)
    except ValueError as error:
        comma = re.fullmatch(r"\s*([+-]?\d+),(\d{1,2})(\s+[A-Z]{3})\s*", text, re.ASCII)
        if re.fullmatch(r"\s*[+-]?\d+([.,]\d{1,2})?\s*", text, re.ASCII):
            raise ValueError(f"{error}; its currency is missing") from None
        if comma is None:
            raise
        meant = f"{comma[1]}.{comma[2]}{comma[3]}"
        raise ValueError(f"{error}; did you mean {meant!r}?") from None
    return {"minor": money.minor, "currency": money.currency}


_READERS: dict[str, Callable[[str], Value]] = {
    "int": _whole,
    "float": lambda text: float(_like(_DECIMAL, text, "a number")),
    "bool": lambda text: _like(_BOOLEAN, text, f"true or false{_truth(text)}") == "true",
    "money": _money,
    "date": _date,
    "time": _time,
    "duration": parse_duration_s,
}
