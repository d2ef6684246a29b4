"""A playbook's inputs as a form, and what was filled in as `name=value`, which is what a command line gives.

Files are chosen from the workspace's inbox folder, or sent with the form; no path is taken from a page. What is sent
is handed over by name and content, as the command line hands over files: it is never written into a folder.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from mainstay.errors import InputError
from mainstay.playbooks.inputs import check_filled
from mainstay.requests.files import file_content
from mainstay.runtime.types import parse_type
from mainstay.said import is_record, say_value
from mainstay.values import Money, say_duration

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from mainstay.console.room import Form, Room
    from mainstay.console.uploads import Upload
    from mainstay.kernel.graph import Definition, Input
    from mainstay.requests.desk import Params
    from mainstay.runtime.types import Type
    from mainstay.values import Value

FOLDER = "inbox"
SENT = "upload"  # what the name of a field for a file that is sent begins with
MOST_FILES = 200
_SAMPLES = {
    "money": "1500.00 EUR", "date": "2026-11-21", "time": "2026-11-21T10:30:00+01:00", "int": "3", "float": "2.5",
    "duration": "3d",
}  # fmt: skip


def inbox_files(root: Path) -> list[str]:
    """Name the files in the inbox folder, the newest first, and the folders in it; relative to the workspace."""
    folder = root / FOLDER
    if not folder.is_dir():
        return []
    found = [one for one in folder.iterdir() if one.is_file() and not one.is_symlink() and not one.name.startswith(".")]
    found.sort(key=lambda one: one.stat().st_mtime_ns, reverse=True)
    return [f"{FOLDER}/{one.name}" for one in found[:MOST_FILES]]


def chosen_files(root: Path, names: Sequence[str]) -> dict[str, bytes]:
    """Read files that were chosen on a page, by their names there. Raises InputError, FileError where one is none."""
    _refuse_strange(names, inbox_files(root))
    return {name: file_content(root / name) for name in names}


def _refuse_strange(names: Sequence[str], files: Collection[str]) -> None:
    if strange := [name for name in names if name not in files]:
        raise InputError(f"{strange[0]} is not in the folder {FOLDER}.", remedy="Put it there, and choose it again.")


def field_rows(room: Room, definition: Definition, now: Value = None) -> list[Params]:
    """Give a row for each input: its name, what it is called, how it is asked for, and what it is now."""
    known = now if isinstance(now, dict) else {}
    files = inbox_files(room.owner.workspace.root)
    return [_row(one, files, known.get(one.name)) for one in definition.inputs]


def _row(one: Input, files: list[str], now: Value) -> Params:
    type_ = parse_type(one.type)
    of = type_.of if type_.kind == "list" and type_.of is not None else type_
    how = of.kind if of.kind in ("file", "bool", "choice") else "text"
    return {
        "name": one.name,
        "label": one.label or one.name.replace("_", " ").capitalize(),
        "type": one.type,
        "how": how,
        "many": type_.kind == "list",
        "options": files if how == "file" else list(of.options) if how == "choice" else ["yes", "no"],
        "required": one.required,
        "default": _by_itself(one.default, type_),
        "sample": _typed(one.default, type_) or _SAMPLES.get(of.kind, ""),
        "now": "" if now in (None, "", []) else say_value(now)[:300],
    }


def _by_itself(default: Value, type_: Type) -> str:
    """Say what counts where nothing is filled in."""
    if type_.kind == "duration" and type(default) is int:
        return say_duration(default)
    return "" if default in (None, "", []) else say_value(default)


def _typed(default: Value, type_: Type) -> str:
    """Write a default as it would be typed, as the example of its own kind; empty where a sample says more."""
    if is_record(default) and type_.kind == "money":
        money = Money(default["minor"], default["currency"])
        return f"{money.decimal} {money.currency}"
    if isinstance(default, str) or type_.kind in ("int", "float"):
        return "" if default is None else str(default)
    return ""


def sent_files(definition: Definition, files: Mapping[str, Sequence[Upload]]) -> dict[str, dict[str, bytes]]:
    """Give the files that were sent, by input and by what each is called there: no path of any folder.

    Raises InputError for an empty one, or for several where one is wanted.
    """
    found: dict[str, dict[str, bytes]] = {}
    for one in definition.inputs:
        sent, type_ = files.get(f"{SENT}.{one.name}", ()), parse_type(one.type)
        of = type_.of if type_.kind == "list" and type_.of is not None else type_
        if not sent or of.kind != "file":
            continue
        if empty := [upload.name for upload in sent if not upload.content]:
            raise InputError(f"{empty[0]} is empty.", remedy="Export it again, or choose another file.")
        if type_.kind != "list" and len(sent) > 1:
            raise InputError(f"'{one.label or one.name}' takes one file, and {len(sent)} were sent.")
        found[one.name] = {f"{SENT}/{one.name}/{upload.name}": upload.content for upload in sent}
    return found


def given_inputs(
    room: Room,
    definition: Definition,
    form: Form,
    sent: Mapping[str, Mapping[str, bytes]] = MappingProxyType({}),
    *,
    partly: bool = False,
) -> list[str]:
    """Give what was filled in, each as `name=value`; what was left empty is left out. `sent` is of `sent_files`.

    Raises InputError for a file that does not lie in the inbox folder, for what is none of its type, and, but for
    `partly`, for what is missing.
    """
    files = set(inbox_files(room.owner.workspace.root))
    given: list[str] = []
    for one in definition.inputs:
        type_ = parse_type(one.type)
        many = type_.kind == "list" and type_.of is not None
        of = type_.of if many and type_.of is not None else type_
        texts = [text.replace("\r\n", "\n") for text in form.get(f"input.{one.name}", ()) if text.strip()]
        if of.kind == "file":
            _refuse_strange(texts, files)
        texts += sent.get(one.name, ())
        if not many and of.kind == "file" and len(texts) > 1:
            said = f"'{one.label or one.name}' takes one file, and you chose one here and sent another."
            raise InputError(said, remedy="Choose one of the two.")
        if many and of.kind != "file":
            texts = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
        if one.required and not texts and not partly and of.kind == "file":
            said = f"'{one.label or one.name}' needs a file."
            raise InputError(said, remedy=f"Send it with the form, or put it into {FOLDER} first.")
        given += [f"{one.name}={text}" for text in texts]
    check_filled(definition, given, partly=partly)
    return given
