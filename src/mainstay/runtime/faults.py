"""CEL's reports in plain words, with the nearest valid name."""

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
}
_OPERATORS = {"_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_==_": "==", "_!=_": "!=", "_<_": "<", "_<=_": "<=",
              "_>_": ">", "_>=_": ">=", "_&&_": "&&", "_||_": "||", "!_": "!", "@in": "in", "_%_": "%", "_[_]": "[ ]",
              "_?_:_": "? :", "-_": "-"}  # fmt: skip
_MONEY_HINTS = {
    "+": "; use add(a, b)",
    "-": "; use add(a, times(b, -1))",
    "*": "; use times(a, n)",
    ">": "; use compare(a, b)",
    "<": "; use compare(a, b)",
    ">=": "; use compare(a, b)",
    "<=": "; use compare(a, b)",
}


def say_fault(fault: Fault, source: str, names: Mapping[str, Type], records: Records) -> tuple[int, str]:
    """Give the column of a fault inside its line, and what is wrong in plain words."""
    line = source.split("\n")[fault.line - 1] if 0 < fault.line <= source.count("\n") + 1 else source
    message = fault.message
    if found := re.match(r"undeclared reference to '(.+?)' \(in", message):
        return _undeclared(found[1], line, fault.column, names)
    if found := re.match(r"undefined field '(.+?)' not found in struct '(.+?)'", message):
        record = _say_types(found[2])
        name = found[2].rpartition(".")[2]
        known = records.get(name) or {"money": ("minor", "currency"), "file": ("name", "blob")}.get(record, ())
        return fault.column + 1, f"{record} has no field {found[1]!r}{nearest(found[1], known)}"
    if found := re.match(r"expression of type '(.+)' cannot be the operand of a select", message):
        return fault.column, f"a {_say_types(found[1])} has no fields to read with a dot"
    if found := re.match(r"found no matching overload for '(.+?)' applied to '(.*)'", message):
        return fault.column, _overload(found[1], found[2])
    if found := re.match(r"reserved identifier: (\w+)", message):
        return fault.column, f"{found[1]!r} is a word of the expression language"
    if "recursion" in message:
        return 1, "the expression is nested too deeply; put a part of it under 'let'"
    return max(fault.column, 1), _syntax(message)


def _undeclared(path: str, line: str, column: int, names: Mapping[str, Type]) -> tuple[int, str]:
    name = path.split(".", 1)[0]
    start = line.rfind(name, 0, column + len(name))
    at = start + 1 if start >= 0 else column
    if line[at - 1 + len(name) :].lstrip().startswith("("):
        return at, f"there is no function {name!r}{nearest(name, [*SIGNATURES, *_CEL_FUNCTIONS])}"
    if name in LOCAL_NAMES:
        return at, f"{name!r} is known {LOCAL_NAMES[name]}"
    return at, f"there is no name {name!r} here{nearest(name, names)}"


def _overload(function: str, applied: str) -> str:
    types = _say_types(applied.removeprefix("(").removesuffix(")"))
    operator = _OPERATORS.get(function)
    if operator is None:
        return f"{function}() does not take ({types})"
    hint = _MONEY_HINTS.get(operator, "") if "money" in types else ""
    return f"{operator!r} does not go with {types.replace(', ', ' and ')}{hint}"


def _say_types(text: str) -> str:
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
