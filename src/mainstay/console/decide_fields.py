"""What an action takes, as fields of a form: texts, numbers, amounts, records by their fields, lists line by line.

The contract says what a field is; where it says nothing, what stands in it does. Only what is neither is written as
JSON. A field is named by its place: `lines.0.amount`; a list has one line more than it holds, to add one.
"""

from __future__ import annotations

import json
import math
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeAlias, Union, cast, get_args, get_origin
from typing import get_type_hints as hints_of

import msgspec

from mainstay.encoding import encode_value
from mainstay.errors import InputError
from mainstay.redaction import redacted
from mainstay.said import is_record, is_simple, say_value
from mainstay.shown import shown
from mainstay.values import Money
from mainstay.views.questions import digests_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.requests.desk import Params
    from mainstay.values import Value

LINE_CHARS = 80  # a longer text gets several lines
MOST_RECORDS = 40  # of a list; a longer one is no form any more
DEEPEST = 3  # records in records
MOST_DEEP = 50  # of what is written as JSON
LONG = "Some characters can't be seen or look like others; they are written out here, and kept so if you change this."
SECRET = "It holds something secret, and stays as it is."  # noqa: S105 - a sentence about one
GONE = "gone"  # the last part of the name of a box that takes a record out of its list
_HINTS = {
    "amount": "Such as 12.50 EUR",
    "list": "One on each line",
    "json": 'As JSON, such as {"name": "value"} or ["one", "two"]',
    "number": "A number",
}


class Field(NamedTuple):
    """One thing that can be edited, as it is written in a form."""

    name: str
    label: str
    text: str
    kind: str  # line, text, number, yes, amount, minor, choice, list, json; or fixed
    hint: str = ""
    options: tuple[str, ...] = ()


class Group(NamedTuple):
    """A record with its fields, or a list of records; the last of a list is empty, and new once something is in it."""

    name: str
    label: str
    kind: str  # record, records
    parts: tuple[Item, ...]
    can_go: bool = False  # a record of a list
    is_new: bool = False
    goes: bool = False  # it was ticked to go


Item: TypeAlias = Field | Group


def fields_of(arguments: Params, kind: type[msgspec.Struct] | None) -> list[Item]:
    """Give the fields of arguments; `kind` is their type, where it is known."""
    told = _hints_in(kind)
    return [_item(name, name, value, told.get(name), arguments, 0) for name, value in arguments.items()]


def filled(items: Sequence[Item], typed: Mapping[str, str]) -> list[Item]:
    """Give fields with what was written in them."""
    found: list[Item] = []
    for one in items:
        if isinstance(one, Field):
            found.append(one._replace(text=typed.get(one.name, one.text)))
        else:
            goes = f"{one.name}.{GONE}" in typed
            found.append(one._replace(parts=tuple(filled(one.parts, typed)), goes=goes))
    return found


def read(items: Sequence[Item], typed: Mapping[str, str], arguments: Params) -> Params:
    """Give what is different from the arguments, as values. Raises InputError for what can't be read."""
    new = {one.name: _read(one, typed, arguments.get(one.name), arguments) for one in items}
    return {name: value for name, value in new.items() if value != arguments.get(name)}


# --- from values


def _item(name: str, label: str, value: object, hint: object, beside: Params, depth: int) -> Item:
    """Make the field of a value; `beside` is the record that it stands in, `hint` its type."""
    hint, label = _bare(hint), label.replace("_", " ")
    if digests_in(cast("Value", value)) or is_file(hint):  # no file can be written in a form
        return Field(name, label, say_value(value), "fixed", "It stays as it is.")
    if depth < DEEPEST and (found := _group(name, label, value, hint, depth)) is not None:
        return found
    kind, text = _written(name.rpartition(".")[2], value, hint, beside)
    if redacted(text) != text:
        return Field(name, label, say_value(value), "fixed", SECRET)
    if kind == "minor":
        return Field(name, label.removesuffix(" minor"), text, kind, beside["currency"] or "Such as 12.50")
    strange = LONG if shown(text, lines=True) != text else ""
    options = tuple(map(str, get_args(hint))) if kind == "choice" else ()
    return Field(name, label, text, kind, strange or _HINTS.get(kind, ""), options)


def _group(name: str, label: str, value: object, hint: object, depth: int) -> Group | None:
    """Give a record or a list of records; None for anything else."""
    if isinstance(value, list):
        records = cast("list[object]", value)
        inner = _bare(next(iter(get_args(hint)), None))
        known = _is_struct(inner)
        if len(records) > MOST_RECORDS or not all(_is_plain_record(one) for one in records) or not (records or known):
            return None
        told, blank = (_hints_in(inner), _blank(inner)) if known else ({}, {})
        rows = [*cast("list[Params]", records), *([blank] if known else [])]  # what a new one is made of has to be told
        count = len(records)
        parts = tuple(
            Group(place, str(at + 1), "record", _parts(place, blank | row, told, depth), at < count, at == count)
            for at, row in enumerate(rows)
            for place in [f"{name}.{at}"]
        )
        return Group(name, label, "records", parts)
    if _is_struct(hint) and (value is None or _is_plain_record(value)):
        given = _blank(hint) | (cast("Params", value) if value is not None else {})
        return Group(name, label, "record", _parts(name, given, _hints_in(hint), depth))
    if _is_plain_record(value) and cast("Params", value):
        return Group(name, label, "record", _parts(name, cast("Params", value), {}, depth))
    return None


def _parts(name: str, record: Params, told: Mapping[str, object], depth: int) -> tuple[Item, ...]:
    return tuple(
        _item(f"{name}.{each}", each, value, told.get(each), record, depth + 1) for each, value in record.items()
    )


def _is_plain_record(value: object) -> bool:
    return is_record(value) and not is_simple(value) and all("." not in name for name in value)


def _blank(hint: object) -> Params:
    """Give a record of a type with nothing in it but what it has by itself."""
    fields = msgspec.structs.fields(cast("type[msgspec.Struct]", hint))
    plain = (None, True, False, "")
    return {one.encode_name: one.default if one.default in plain else None for one in fields}


def _hints_in(kind: object) -> dict[str, object]:
    """Give the types of a struct's fields, by how they are written."""
    if not _is_struct(kind):
        return {}
    struct = cast("type[msgspec.Struct]", kind)
    hints = hints_of(struct)
    return dict(zip(struct.__struct_encode_fields__, (hints[own] for own in struct.__struct_fields__), strict=True))


def _is_struct(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint is not Money


def is_file(hint: object) -> bool:
    """Whether a type is a file, or a list of them."""
    names = {"name", "blob"}
    inner = [_bare(one) for one in (hint, *get_args(hint))]
    return any(_is_struct(one) and set(cast("Any", one).__struct_fields__) == names for one in inner)


def _bare(hint: object) -> object:
    """Give a type without what is said beside it, and without None."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        found = [one for one in get_args(hint) if one is not type(None)]
        return _bare(found[0]) if len(found) == 1 else None
    return hint


def _written(name: str, value: object, hint: object, beside: Params) -> tuple[str, str]:  # noqa: PLR0911
    """Give the kind of a field and what stands in it."""
    if isinstance(value, bool) or hint is bool:
        return "yes", "yes" if value else "no"
    if name.endswith("_minor") and isinstance(value, int) and isinstance(beside.get("currency"), str):
        return "minor", str(Money(value, beside["currency"]).decimal)
    if name.endswith("_minor") and value is None and hint is int and isinstance(beside.get("currency", 0), str | None):
        return "minor", ""
    if isinstance(value, (int, float)) or (value is None and (hint is int or hint is float)):
        return "number", "" if value is None else str(value)
    if hint is Money and value is None:
        return "amount", ""
    if is_record(value) and value.keys() == {"minor", "currency"}:
        return "amount", f"{Money(value['minor'], value['currency']).decimal} {value['currency']}"
    if get_origin(hint) is Literal and all(isinstance(one, str) for one in get_args(hint)):
        return "choice", str(value or "")
    listed = cast("list[object]", value) if isinstance(value, list) else []
    texts = get_origin(hint) in (list, tuple) and _bare(get_args(hint)[0]) is str
    if (listed or (texts and not value)) and all(_is_line(one) for one in listed):
        return "list", "\n".join(str(one) for one in listed)
    if value is None or isinstance(value, str):
        text = value or ""
        return ("text" if "\n" in text or len(text) > LINE_CHARS else "line"), text
    return "json", json.dumps(value, indent=2, ensure_ascii=False)


def _is_line(one: object) -> bool:
    return isinstance(one, str) and "\n" not in one


# --- from forms


def _read(one: Item, typed: Mapping[str, str], before: object, beside: Params) -> Any:  # noqa: ANN401 - a plain value
    if isinstance(one, Field):
        given = typed.get(one.name)
        if given is None or one.kind == "fixed":
            return before
        given = given.replace("\r\n", "\n")
        same = given in (one.text, shown(one.text, lines=True)) and not _in_other_money(one, typed, before, beside)
        return before if same else _recorded(one, given, typed, before, beside)
    if one.kind == "records":
        return _records(one, typed, cast("list[Params]", before if isinstance(before, list) else []))
    old: Params = before if is_record(before) else {}
    new = _record(one, typed, old)
    return before if before is None and not _written_in(one, typed) else new


def _records(group: Group, typed: Mapping[str, str], before: list[Params]) -> list[Params]:
    """Read the records of a list: without those that go, with the new one if anything stands in it."""
    found: list[Params] = []
    for one in cast("tuple[Group, ...]", group.parts):
        old = before[int(one.label) - 1] if not one.is_new else {}
        if (one.can_go and f"{one.name}.{GONE}" in typed) or (one.is_new and not _written_in(one, typed)):
            continue
        found.append(_record(one, typed, old))
    return found


def _record(group: Group, typed: Mapping[str, str], before: Params) -> Params:
    """Read the fields of a record; what is left empty and was not there before stays away."""
    new = dict(before)
    for one in group.parts:
        name = one.name.rpartition(".")[2]
        value = _read(one, typed, before.get(name), before)
        if name in before or value is not None:
            new[name] = value
        elif group.is_new and isinstance(one, Field) and one.kind in ("line", "text"):
            new[name] = ""
    return new


def _written_in(group: Group, typed: Mapping[str, str]) -> bool:
    """Whether something was written in the fields of a record, but for what stands there by itself."""
    return any(
        _written_in(one, typed)
        if isinstance(one, Group)
        else one.kind != "fixed" and typed.get(one.name, one.text).strip() not in ("", one.text)
        for one in group.parts
    )


def _recorded(one: Field, text: str, typed: Mapping[str, str], before: object, beside: Params) -> object:
    """Read a field as what can be recorded. Raises InputError."""
    try:
        value = _value(one, text, typed, before, beside)
        encode_value(value)
    except json.JSONDecodeError as error:
        raise InputError(_no_json(one, text, error), remedy=f"{_HINTS['json']}.") from None
    except (ValueError, ArithmeticError, RecursionError):
        hint = f"{one.hint}." if one.hint else _HINTS.get(one.kind, "As it was before") + "."
        raise InputError(f"'{_whole(one)}' can't be read: {text[:LINE_CHARS]}.", remedy=hint) from None
    return value


def _value(one: Field, text: str, typed: Mapping[str, str], before: object, beside: Params) -> Value:
    match one.kind:
        case "yes":
            return text == "yes"
        case "number" | "amount" | "minor" if not text.strip():
            return None
        case "number":
            whole = isinstance(before, int) or text.strip().lstrip("-").isdecimal()
            return int(text) if whole else _finite(text.replace(",", "."))
        case "minor":
            return Money.of(text.strip(), _currency(one, typed, beside)).minor
        case "amount":
            amount = Money.parse(text.strip())
            return {"minor": amount.minor, "currency": amount.currency}
        case "list":
            return [line.strip() for line in text.splitlines() if line.strip()]
        case "json":
            return not_deep(json.loads(text, parse_constant=_finite, parse_float=_finite))
        case _:
            return text


def _currency(one: Field, typed: Mapping[str, str], beside: Params) -> str:
    """Give the currency that an amount is in: what was written beside it, in the record that it stands in."""
    ahead, dot, _ = one.name.rpartition(".")
    return typed.get(f"{ahead}{dot}currency", str(beside.get("currency") or "")).strip()


def _in_other_money(one: Field, typed: Mapping[str, str], before: object, beside: Params) -> bool:
    """Whether the currency of an amount is another one than before: what is written there is another amount then."""
    return one.kind == "minor" and before is not None and _currency(one, typed, beside) != beside.get("currency")


def not_deep(value: Any) -> Any:  # noqa: ANN401 - plain data
    """Give plain data. Raises RecursionError where it goes down so far that whoever shows it would lose its way."""
    inside: list[Any] = [value]
    for _ in range(MOST_DEEP):
        inside = [part for one in inside for part in _inside(one)]
        if not inside:
            return value
    raise RecursionError


def _inside(value: object) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _finite(text: str) -> float:
    """Read a number that can be recorded."""
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _no_json(one: Field, text: str, error: json.JSONDecodeError) -> str:
    lines = text.split("\n")
    line = lines[error.lineno - 1].strip() if error.lineno <= len(lines) else ""
    where = f"line {error.lineno}, column {error.colno}"
    return f"'{_whole(one)}' is no JSON in {where}: {error.msg}" + (f", at: {line[:LINE_CHARS]}" if line else "")


def _whole(one: Field) -> str:
    """Name a field with all it stands in: "lines 1 amount"."""
    parts = one.name.split(".")
    return " ".join(str(int(part) + 1) if part.isdecimal() else part.replace("_", " ") for part in parts)
