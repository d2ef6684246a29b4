"""Says expressions and lists in words. What has no words is shown as it stands, in backticks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mainstay.kernel.graph import Cel, Literally, Record, Sequence, Template, Text
from mainstay.playbooks.awaiting import split_outside
from mainstay.runtime.types import parse_type
from mainstay.values import say_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.kernel.graph import Input
    from mainstay.runtime.types import Type

_PATH = re.compile(r"[a-z_]\w*(?:\.\w+)*", re.ASCII)
_TEXT = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_SIZE = re.compile(r"size\(([\w. +]+)\)", re.ASCII)
_FIELD = re.compile(r"['\"]?(\w+)['\"]?", re.ASCII)
_RULING = re.compile(r"(\w+)\.ruling", re.ASCII)
_LATE = re.compile(r"(!?)(\w+)\.timed_out", re.ASCII)
_RULED = {"approved": "yes", "rejected": "no"}
_MEASURED = ("text", "title", "name", "subject", "note")  # of these a size is a length
_LATER = re.compile(r"([a-z_][\w.]*) ([+-]) (days|hours|workdays)\((\d+)\)", re.ASCII)
AFTER = re.compile(r"ready_at \+ duration\('(\d+)s'\)")
_COMPARED = {
    "==": "is", "!=": "is not", ">=": "is at least", "<=": "is at most", ">": "is more than", "<": "is less than",
}  # fmt: skip
_OF_ASK = {"ruling": "the answer to {0}", "rows": "what you keep in {0}", "reason": "the reason given in {0}"}
_KINDS = {
    "text": "a text", "int": "a whole number", "float": "a number", "bool": "yes or no", "money": "an amount",
    "date": "a date", "time": "a date and time", "duration": "a length of time", "map": "any fields", "any": "anything",
}  # fmt: skip
_MANY = {
    "int": "whole number", "float": "number", "bool": "yes or no answer", "money": "amount", "time": "time",
    "duration": "length of time",
}  # fmt: skip
_SUCH = {
    "int": "3", "float": "2.5", "money": "12.50 EUR", "date": "2026-01-31", "time": "2026-01-31T10:30:00+01:00",
    "duration": "30m, 2h or 3d",
}  # fmt: skip
_OF = {"item": "the item", "last": "the last round", "out": "the result", "this": "what was done"}
_ALONE = {
    **_OF, "today": "today", "ready_at": "that moment", "round": "the round", "index": "the number of the item",
}  # fmt: skip


def say(cel: Cel) -> str:
    """Say an expression."""
    words = _condition(cel.source, "the event", alone="")
    return words if "`" not in words else f"`{cel.source}`"


def say_condition(cel: Cel, event: str = "the event") -> str:
    """Say an expression that is true or false; `event` is what an event is called here."""
    words = _condition(cel.source, event, alone=" is true")
    return words if "`" not in words else f"`{cel.source}`"


def say_text(text: Text) -> str:
    """Say a text, with what is put into it in brackets."""
    return "".join(str(part.value) if isinstance(part, Literally) else f"({say(part)})" for part in text.parts)


def say_template(template: Template) -> str:
    """Say a value of any shape in few words."""
    match template:
        case Literally(value=value):
            return f"{value!r}" if isinstance(value, str) else str(value)
        case Cel():
            return say(template)
        case Text():
            return f'"{say_text(template)}"'
        case Record(fields=fields):
            return and_(f"{name.replace('_', ' ')}: {say_template(inner)}" for name, inner in fields.items())
        case Sequence(items=items):
            return and_(say_template(item) for item in items)


def say_input(one: Input) -> str:
    """Say what is to be given, with its label."""
    label = f": {one.label}" if one.label else ""
    return f"{one.name}, {_say_type(parse_type(one.type))}{label}{'' if one.required else ' (you may leave it out)'}"


def say_wanted(type_: str) -> str:
    """Say what to write where a value of this type is to be given: "an amount such as 12.50 EUR"."""
    kind = parse_type(type_)
    if kind.kind == "list" and kind.of is not None:
        return f"{_say_type(kind)}, each given by itself"
    such = _SUCH.get(kind.kind, "")
    return _say_type(kind) + f" such as {such}" * bool(such)


def _say_type(type_: Type) -> str:
    if type_.kind == "list" and type_.of is not None:
        if type_.of.options:
            return f"one or more of {and_(type_.of.options)}"
        return f"a list of {_MANY.get(type_.of.kind) or type_.of.name.replace('_', ' ') or type_.of}s"
    if type_.options:
        return or_(type_.options)
    return _KINDS.get(type_.kind) or f"a {(type_.name or str(type_)).replace('_', ' ')}"


def _condition(source: str, event: str, alone: str) -> str:
    """Say a condition; what has no words comes back in backticks. `alone` follows a name that is one by itself."""
    either = split_outside(source, "?")
    if len(either) == 2 and len(ways := split_outside(either[1], ":")) == 2:  # noqa: PLR2004 - condition ? yes : no
        yes, no = (_operand(way.strip(), event) for way in ways)
        return f"{yes} if {_condition(either[0].strip(), event, alone=' is true')}, otherwise {no}"
    for mark, word in (("||", " or "), ("&&", " and ")):
        if (parts := split_outside(source, mark))[1:]:
            return word.join(_condition(part.strip(), event, alone) for part in parts)
    for mark, word in _COMPARED.items():
        if len(sides := split_outside(source, mark)) == 2:  # noqa: PLR2004
            one, other = (side.strip() for side in sides)
            return _compared(one, mark, other, event, f"{_operand(one, event)} {word} {_operand(other, event)}")
    if (late := _LATE.fullmatch(source)) and alone:
        return f"what {late[2]} waits for {'came' if late[1] else 'did not come in time'}"
    if source in ("event.automatic", "!event.automatic"):
        return f"{'no' if source.startswith('!') else 'a'} program wrote {event}"
    if source.startswith("!") and _PATH.fullmatch(source[1:]):
        return f"{name_of(source[1:], event)} is not true"
    if alone and _PATH.fullmatch(source) and source not in ("true", "false"):
        return f"{name_of(source, event)}{alone}"
    return _operand(source, event)


def _compared(one: str, mark: str, other: str, event: str, plainly: str) -> str:
    """Say comparisons with nothing, and with an answer, as a person does."""
    if (asked := _RULING.fullmatch(one)) and (ruled := _TEXT.fullmatch(other)) and mark in ("==", "!="):
        answer = ruled[1] or ruled[2] or ""
        if answer == "expired":
            return f"{asked[1]} was {'not ' if mark == '==' else ''}answered in time"
        return f"the answer to {asked[1]} is {'' if mark == '==' else 'not '}{_RULED.get(answer, repr(answer))}"
    if mark == "==" and (sides := (_SIZE.fullmatch(one), _SIZE.fullmatch(other))) and sides[0] and sides[1]:
        return f"there are as many {_named(sides[0][1], event)} as {_named(sides[1][1], event)}"
    if (size := _SIZE.fullmatch(one)) and other == "0" and mark in (">", "==", "!="):
        return f"there is {'nothing' if mark == '==' else 'anything'} in {_named(size[1], event)}"
    if _PATH.fullmatch(one) and other in ("''", '""'):
        return (
            f"{name_of(one, event)} is {'empty' if mark == '==' else 'not empty'}" if mark in ("==", "!=") else plainly
        )
    return plainly


def _operand(source: str, event: str) -> str:
    if source.startswith("(") and source.endswith(")") and not split_outside(source[1:-1], ")")[1:]:
        return _condition(source[1:-1], event, alone=" is true")
    if found := _TEXT.fullmatch(source):
        return repr(found[1] or found[2] or "")
    if _NUMBER.fullmatch(source) or source in ("true", "false"):
        return {"true": "always", "false": "never"}.get(source, source)
    if source.startswith("{") and source.endswith("}"):
        return _fields(source[1:-1], event)
    if called := _called(source, event):
        return called
    parts = [part.strip() for part in split_outside(source, "+")]
    if all(_PATH.fullmatch(part) for part in parts):
        return and_(name_of(part, event) for part in parts)
    return f"`{source}`"


def _called(source: str, event: str) -> str:
    """Say a size, or a time that is counted from another; empty where it is neither."""
    if found := _SIZE.fullmatch(source):
        what = "length" if found[1].rpartition(".")[2] in _MEASURED else "number"
        return f"the {what} of {_named(found[1], event)}"
    if found := _LATER.fullmatch(source):
        many = f"{found[4]} {found[3] if found[4] != '1' else found[3][:-1]}"
        order = "after" if found[2] == "+" else "before"
        return f"{many.replace('workday', 'working day')} {order} {name_of(found[1])}"
    if found := AFTER.fullmatch(source):
        return f"{say_duration(int(found[1]))} after that moment"
    return ""


def _named(paths: str, event: str) -> str:
    return and_(name_of(path.strip(), event) for path in paths.split("+"))


def _fields(inner: str, event: str) -> str:
    """Say a map by its fields; in backticks where one has no words."""
    said: list[str] = []
    for part in split_outside(inner, ","):
        name, *value = (each.strip() for each in split_outside(part, ":"))
        if not (found := _FIELD.fullmatch(name)) or len(value) != 1:
            return f"`{{{inner}}}`"
        said.append(f"{_operand(value[0], event)} ({found[1].replace('_', ' ')})")
    return and_(said)


def name_of(path: str, event: str = "the event") -> str:
    """Say a dotted path."""
    first, _, rest = path.partition(".")
    words = rest.replace("_", " ").replace(".", " ")
    if not rest:
        return event if first == "event" else _ALONE.get(first, f"the result of {first}")
    if first == "inputs":
        return f"the {words!r} you gave"
    if rest in _OF_ASK:
        return _OF_ASK[rest].format(first)
    if rest.startswith("form."):
        return f"{words.removeprefix('form ')!r} as filled in at {first}"
    of = {**_OF, "event": event, "company": "your company"}.get(first, first)
    return f"{words!r} of {of}"


def and_(words: Iterable[str]) -> str:
    """Join words: "a, b and c"; "nothing" without any."""
    return _joined(words, "and")


def or_(words: Iterable[str]) -> str:
    """Join words: "a, b or c"."""
    return _joined(words, "or")


def _joined(words: Iterable[str], last: str) -> str:
    *most, end = tuple(words) or ("nothing",)
    return f"{', '.join(most)} {last} {end}" if most else end


def lower(text: str) -> str:
    """Begin in lower case, unless it begins with a name."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def sentence(text: str) -> str:
    """Begin in upper case, and end with a full stop."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", '."', '!"', '?"')) else f"{text}."
