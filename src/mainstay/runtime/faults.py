"""CEL's reports in plain words, with the nearest valid name and what to write instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.runtime.functions import SIGNATURES
from mainstay.runtime.types import Records, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.runtime.checking import Fault
    from mainstay.runtime.types import Type

LOCAL_NAMES = {
    "item": "only in a step with 'each'",
    "index": "only in a step with 'each'",
    "event": "only in 'where', and in 'with' under 'on'",
    "last": "only in 'until' and 'with' of a step with 'repeat'",
    "round": "only in 'until' and 'with' of a step with 'repeat'",
    "this": "only in 'undo'",
    "out": "only in 'check'",
}
_CEL_FUNCTIONS = "size contains startsWith endsWith matches exists all map filter has int string double".split()
_TYPE_WORDS = {
    "string": "text",
    "timestamp": "time",
    "google.protobuf.Timestamp": "time",
    "google.protobuf.Duration": "duration",
    "double": "float",
    "dyn": "any",
    "null_type": "nothing",
    "null": "nothing",
}
_OPERATORS = {"_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=",
              "_>_": ">", "_>=_": ">=", "_&&_": "&&", "_||_": "||", "!_": "!", "@in": "in", "_%_": "%", "_[_]": "[ ]",
              "_?_:_": "? :", "-_": "-"}  # fmt: skip
_MONEY_HINTS = {
    "+": "; use add(a, b)",
    "-": "; use add(a, times(b, -1))",
    "*": "; use times(a, n)",
    "/": "; use times(a, '0.5')",
    **dict.fromkeys((">", "<", ">=", "<="), "; use compare(a, b)"),
    **dict.fromkeys(("==", "!="), "; use compare(a, money(500, 'EUR')) == 0"),
}
# What other languages write, and what is written here. Looked for where an expression does not parse.
_FOREIGN = tuple(
    (re.compile(pattern), hint)
    for pattern, hint in (
        (r"\{\{|\}\}|\{%|%\}", "braces are for texts; an expression names its values without them"),
        ("[\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb]", "write straight quotes"),
        (r"\$", "names stand without '$'"),
        (r"===|!==", "write '==' or '!='"),
        (r"(?<![=!<>])=(?![=~])", "write '==' to compare"),
        (r"<>", "write '!='"),
        (r"(?<!\|)\|(?!\|)", "there are no filters; write a function around the value, such as text(x)"),
        (r"(?<!&)&(?!&)", "write '&&'"),
        (r"\b(?:and|AND)\b", "write '&&' instead of 'and'"),
        (r"\b(?:or|OR)\b", "write '||' instead of 'or'"),
        (r"\b(?:not|NOT)\b", "write '!' instead of 'not'"),
        (r"\b(?:if|then|else)\b", "write 'condition ? this : that'"),
        (r"\bis\b", "write '==' instead of 'is'"),
        (r"\bfor\b", "write list.map(x, x.field) or list.filter(x, x.field > 0)"),
    )
)
_FOREIGN_NAMES = {
    **dict.fromkeys(("None", "NULL", "Null", "nil", "undefined"), "what is left out or skipped is empty: '', 0, []"),
    **dict.fromkeys(("True", "TRUE", "yes", "Yes"), "write true"),
    **dict.fromkeys(("False", "FALSE", "no", "No"), "write false"),
    "now": "an expression has 'today' and 'ready_at'",
    "env": "a playbook reads no environment; give it an input",
    "secrets": "secrets never stand in a playbook; name an account",
}
_FOREIGN_FUNCTIONS = {
    **dict.fromkeys(("len", "length", "count"), "write size(x)"),
    **dict.fromkeys(("str", "toString", "format", "strftime"), 'write text(x), or put it into text: "{{x}}"'),
    **dict.fromkeys(("startswith", "starts_with"), "write startsWith"),
    **dict.fromkeys(("endswith", "ends_with"), "write endsWith"),
    **dict.fromkeys(("includes", "has_key"), "write contains, or 'x in list'"),
    **dict.fromkeys(("upper", "lower", "strip", "trim", "replace", "split", "title", "capitalize"),
                    "expressions don't change texts; let an agent do it"),
    **dict.fromkeys(("get", "default"), "write x.?field.orValue('')"),
    **dict.fromkeys(("now", "datetime"), "use 'today' or 'ready_at'"),
    **dict.fromkeys(("any", "some"), "write list.exists(x, ...)"),
    **dict.fromkeys(("abs", "round", "min", "max", "float", "decimal"), "let an agent work it out"),
    "minutes": "write duration('15m')",
    "weeks": "write days(7 * n)",
}  # fmt: skip
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PAIR_HINTS = {
    frozenset({"time", "text"}): "; write the date as date('2026-11-21')",
    frozenset({"time", "int"}): "; write days(n) or hours(n)",
    frozenset({"float", "int"}): "; write whole numbers as 1.0 here",
    frozenset({"bool", "text"}): "; true and false stand without quotes",
}
_ANSWER_HINTS = {
    "rows": "; it has rows when 'show' is a list that can be approved",
    "form": "; it has a form when the question says 'form'",
    "approved": "; write ruling == 'approved'",
}
EMPTY_HINT = "; what is left out or skipped is empty: '' for text, 0, size(x) == 0 for a list"


def say_fault(fault: Fault, source: str, names: Mapping[str, Type], records: Records) -> tuple[int, str]:
    """Give the column of a fault inside its line, and what is wrong in plain words."""
    line = source.split("\n")[fault.line - 1] if 0 < fault.line <= source.count("\n") + 1 else source
    message = fault.message
    if found := re.match(r"undeclared reference to '(.+?)' \(in", message):
        return _undeclared(found[1], line, fault.column, names, records)
    if found := re.match(r"undefined field '(.+?)' not found in struct '(.+?)'", message):
        record = _say_types(found[2])
        name = found[2].rpartition(".")[2]
        known = records.get(name) or {"money": ("minor", "currency"), "file": ("name", "blob")}.get(record, ())
        missing = "there is no input" if record == "record(inputs)" else f"{record} has no field"
        hint = _ANSWER_HINTS.get(found[1], "") if name.endswith("_answer") else ""
        return fault.column + 1, f"{missing} {found[1]!r}{hint or nearest(found[1], known)}"
    if found := re.match(r"expression of type '(.+)' cannot be the operand of a select", message):
        return fault.column, _no_fields(found[1], line, fault.column)
    if found := re.match(r"found no matching overload for '(.+?)' applied to '(.*)'", message):
        return fault.column, _overload(found[1], found[2])
    foreign = _foreign(line)
    if foreign and (foreign[2] or "reserved" not in message):
        return foreign[0], foreign[1]
    if found := re.match(r"reserved identifier: (\w+)", message):
        return fault.column, f"{found[1]!r} is a word of the expression language"
    if "recursion" in message:
        return 1, "the expression is nested too deeply; put a part of it under 'let'"
    return max(fault.column, 1), _syntax(message)


def _foreign(line: str) -> tuple[int, str, bool] | None:
    """Find what another language would write: its column, and what is written here. True: it is a word."""
    bare = _QUOTED.sub(lambda text: "'" * len(text[0]), line)
    for pattern, hint in _FOREIGN:
        if found := pattern.search(bare):
            return found.start() + 1, f"{found[0]!r} is not expected here; {hint}", found[0].isalpha()
    return None


def _undeclared(path: str, line: str, column: int, names: Mapping[str, Type], records: Records) -> tuple[int, str]:
    name = path.split(".", 1)[0]
    start = line.rfind(name, 0, column + len(name))
    at = start + 1 if start >= 0 else column
    if line[at - 1 + len(name) :].lstrip().startswith("("):
        hint = _FOREIGN_FUNCTIONS.get(name)
        hint = f"; {hint}" if hint else nearest(name, [*SIGNATURES, *_CEL_FUNCTIONS])
        return at, f"there is no function {name!r}{hint}"
    if name in LOCAL_NAMES:
        return at, f"{name!r} is known {LOCAL_NAMES[name]}"
    if name in _FOREIGN_NAMES:
        return at, f"there is no name {name!r} here; {_FOREIGN_NAMES[name]}"
    owners = (each for each in ("inputs", *LOCAL_NAMES) if name in (_fields(each, names, records) or ()))
    owner = next(owners, "")
    hint = f"; did you mean '{owner}.{name}'?" if owner else nearest(name, names)
    return at, f"there is no name {name!r} here{hint}"


def _fields(name: str, names: Mapping[str, Type], records: Records) -> Mapping[str, object] | None:
    return names[name].fields(records) if name in names else None


def _no_fields(type_: str, line: str, column: int) -> str:
    field = re.match(r"\s*\.?\s*(\w+)", line[column:]) if 0 <= column <= len(line) else None
    if type_.startswith("list("):
        wanted = field[1] if field else "field"
        hint = "write size(list)" if wanted in ("length", "size", "count", "len") else f"write list.map(x, x.{wanted})"
        return f"a list has no fields to read with a dot; {hint}"
    return f"a {_say_types(type_)} has no fields to read with a dot"


def _overload(function: str, applied: str) -> str:
    types = _say_types(applied.removeprefix("(").removesuffix(")"))
    operator = _OPERATORS.get(function)
    if operator is None:
        hint = _FOREIGN_FUNCTIONS.get(function)
        hint = "write sum(list.map(x, x.amount))" if function == "sum" and "record(" in types else hint
        return f"{function}() does not take ({types}){f'; {hint}' if hint else ''}"
    return f"{operator!r} does not go with {types.replace(', ', ' and ')}{_operator_hint(operator, types)}"


def _operator_hint(operator: str, types: str) -> str:
    kinds = frozenset(types.split(", "))
    if "money" in kinds:
        return _MONEY_HINTS.get(operator, "")
    if "nothing" in kinds:
        return EMPTY_HINT
    if kinds in _PAIR_HINTS:
        return _PAIR_HINTS[kinds]
    if operator == "[ ]":
        return "; read a field with a dot" if types.startswith("record(") else ""
    return '; put both into a text: "{{a}} {{b}}"' if operator == "+" and "text" in kinds else ""


def _say_types(text: str) -> str:
    text = re.sub(r"wrapper\((\w+)\)", r"\1", text)
    text = re.sub(r"mainstay\.([A-Z]\w*)", lambda found: found[1].lower(), text)
    text = re.sub(r"mainstay\.(\w+)", r"record(\1)", text)
    return re.sub(r"[\w.]+", lambda found: _TYPE_WORDS.get(found[0], found[0]), text)


def _syntax(message: str) -> str:
    if "<EOF>" in message:
        return "the expression ends too early"
    found = re.search(r"(?:mismatched|extraneous|alternative at) input '(.+?)'|recognition error at: '(.+)'", message)
    if found:
        return f"{(found[1] or found[2])!r} is not expected here"
    return message.removeprefix("Syntax error: ")
