"""Reads a playbook's inputs from `name=value` on the command line, as plain values of the declared types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mainstay.errors import InputError
from mainstay.playbooks.fit import TRUTHS, read_literal
from mainstay.runtime.types import Type, nearest, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mainstay.kernel.graph import Definition, Input
    from mainstay.runtime.types import Records
    from mainstay.values import Value

_LISTED = re.compile(r"\[.*\]|(?!\d+,\d+$)[\w.@+-]+(?:, ?[\w.@+-]+)+", re.DOTALL)  # one text that is meant as several


class _SeveralError(ValueError):
    """One text that is meant as several: how to give them depends on where it was given."""


def read_inputs(
    definition: Definition,
    given: Sequence[str],
    pin: Callable[[str], Value],
    *,
    partly: bool = False,
    noun: str = "input",
) -> dict[str, Value]:
    """Give the inputs of a plan, or `partly` those that are given; raises InputError that names everything wrong.

    `pin` takes a path, keeps the file's content and gives the plain file: {"name": ..., "blob": BlobRef}; it may
    raise an InputError itself. A list is given by repeating its name (`name=` alone is an empty one), a record as JSON.
    `noun` is what an input is called here; a "field" of a form is given with --set.
    """
    declared = {each.name: each for each in definition.inputs}
    wrong: list[str] = []
    remedies: list[str] = []
    texts: dict[str, list[str]] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals:
            wrong.append(f"{pair!r} is not name=value")
        elif name not in declared:
            wrong.append(f"{definition.name} has no {noun} {name!r}{nearest(name, declared)}")
        else:
            texts.setdefault(name, []).append(text)
    values: dict[str, Value] = {}
    for name, one in declared.items():
        if partly and name not in texts:
            continue
        try:
            values[name] = _value(one, texts.get(name), definition.records, pin)
        except _SeveralError as error:
            wrong.append(f"the {noun} {name!r}: {error}; give each by itself: {name}=a {name}=b")
        except InputError as error:
            wrong.append(f"the {noun} {name!r}: {error}")
            remedies.append(error.remedy)
        except ValueError as error:
            wrong.append(f"the {noun} {name!r}: {error}")
    if wrong:
        usage = f"{definition.name} takes: {_usage(definition, '--set ' if noun == 'field' else '')}"
        usage += "" if usage.endswith("...") else "."
        own = " ".join(dict.fromkeys(remedies))
        raise InputError("\n".join(wrong), remedy=own if len(remedies) == len(wrong) else usage)
    return values


def check_filled(definition: Definition, given: Sequence[str], *, partly: bool = False) -> None:
    """Refuse what was filled in on a page: field by field by its label, in no word of a command line.

    `given` is `name=value`, of declared inputs only; of a file it is only seen whether there is one.
    Raises InputError that names everything wrong.
    """
    texts: dict[str, list[str]] = {}
    for name, _, text in (pair.partition("=") for pair in given):
        texts.setdefault(name, []).append(text)
    wrong: list[str] = []
    for one in definition.inputs:
        label = f"'{one.label or one.name.replace('_', ' ').capitalize()}'"
        if one.name not in texts:
            if one.required and not partly:
                wrong.append(f"{label} is empty.")
            continue
        try:
            _value(one, texts[one.name], definition.records, lambda _: None)
        except _SeveralError as error:
            wrong.append(f"{label}: {error}; write each on a line of its own.")
        except ValueError as error:
            wrong.append(f"{label}: {error}.")
    if wrong:
        raise InputError(" ".join(wrong), remedy="Nothing was done. Go back, put that right, and send it again.")


def spread_folders(definition: Definition, given: Sequence[str], files_at: Callable[[str], Sequence[str]]) -> list[str]:
    """Name each file by itself where a list of files is given a folder; `files_at` gives those at a path."""
    lists = {one.name for one in definition.inputs if one.type == "list(file)"}
    spread: list[str] = []
    for pair in given:
        name, equals, text = pair.partition("=")
        spread += [f"{name}={path}" for path in files_at(text)] if equals and text and name in lists else [pair]
    return spread


def _value(one: Input, texts: list[str] | None, records: Records, pin: Callable[[str], Value]) -> Value:
    type_ = parse_type(one.type)
    if texts is None:
        if one.required:
            raise ValueError(f"it is missing; give {one.name}={_sample(type_)}")
        return one.default
    if type_.kind == "list":
        assert type_.of is not None
        item = type_.of
        if texts == [""]:
            return _empty(one)
        if len(texts) == 1 and item.kind not in ("file", "record", "map", "list") and _LISTED.fullmatch(texts[0]):
            raise _SeveralError(f"{texts[0]!r} looks like a list")
        return [_one(item, text, records, pin) for text in texts]
    if len(texts) > 1:
        raise ValueError("it was given more than once")
    if one.required and type_.kind == "text" and not texts[0].strip():
        raise ValueError("it is empty")
    return _one(type_, texts[0], records, pin)


def _empty(one: Input) -> list[Value]:
    if one.required:
        raise ValueError("it is empty")
    return []


def _one(type_: Type, text: str, records: Records, pin: Callable[[str], Value]) -> Value:
    if type_.kind == "file":
        return pin(text)
    if type_.kind in ("record", "map", "list"):
        return _from_json(type_, text, records)
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    if type_.kind != "bool":
        return read_literal(text, type_, plain=True)
    meant = TRUTHS.get(text.lower(), text)
    if meant not in ("true", "false"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return meant == "true"


def _from_json(type_: Type, text: str, records: Records) -> Value:
    try:
        value: Any = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"this is not JSON ({error})") from error
    fields = type_.fields(records)
    if not isinstance(value, list if type_.kind == "list" else dict):
        raise ValueError(f"it must be {'a list' if type_.kind == 'list' else 'an object'} in JSON")  # noqa: TRY004
    for name in cast("dict[str, Any]", value) if fields is not None else ():
        if name not in (fields or {}):
            raise ValueError(f"{type_} has no field {name!r}{nearest(name, fields or ())}")
    return cast("Value", value)


def _sample(type_: Type) -> str:
    samples = {
        "money": "'1500.00 EUR'", "date": "2026-11-21", "time": "2026-11-21T10:30:00+01:00",
        "bool": "yes", "int": "3", "float": "2.5", "duration": "3d",
    }  # fmt: skip
    if type_.kind == "choice":
        return "|".join(type_.options)
    return samples.get(type_.kind, "path/to/file" if type_.kind == "file" else "...")


def _usage(definition: Definition, before: str) -> str:
    if not definition.inputs:
        return "no inputs"
    required = [before + _given(one) for one in definition.inputs if one.required]
    optional = [one.name for one in definition.inputs if not one.required]
    liked = [f"if you like {' '.join(optional)}"] if optional else []
    return ", and ".join([*([" ".join(required)] if required else []), *liked])


def _given(one: Input) -> str:
    """Say how an input is given; a list by repeating its name."""
    type_ = parse_type(one.type)
    given = f"{one.name}={_sample(type_.of if type_.kind == 'list' and type_.of is not None else type_)}"
    return f"{given} {given}" if type_.kind == "list" else given
