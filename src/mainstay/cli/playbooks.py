"""`mainstay playbook list|show|explain|check|copy`. All but the last also work outside a workspace."""

from __future__ import annotations

import difflib
import os
import secrets
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.table import Table

from mainstay.cli.place import workspace_at, workspace_if_any
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE
from mainstay.errors import FileError, InputError, MainstayError, PlaybookError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.shelf import Shelved
    from mainstay.playbooks.standing import Standing
    from mainstay.runtime.catalogue import Contracts
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]


def list_all(screen: Screen, folder: Path | None) -> int:
    """List what can be run."""
    from mainstay.playbooks.shelf import shelf

    workspace = workspace_if_any(folder)
    found = [_title(one) for one in shelf(workspace.root if workspace else None).values()]
    if workspace is not None:
        found = [row | _stands(workspace, standing) for row, standing in _beside(workspace, found)]
    screen.give(found, lambda console: _draw_list(found, console))
    return DONE


def _beside(workspace: Workspace, found: list[Row]) -> list[tuple[Row, Standing]]:
    """Give each playbook with where it stands; those whose file is gone while they are active too."""
    from mainstay.app import standings_of

    standing = standings_of(workspace)
    rows = {row["playbook"]: row for row in found}
    gone: Row = {"title": "its file is gone", "own": True, "hides_shipped": False, "wrong": ""}
    return [
        (rows.get(name, {"playbook": name, **gone}), standing[name])
        for name in sorted(standing, key=lambda name: (rows.get(name, {"own": True})["own"], name))
    ]


def _stands(workspace: Workspace, standing: Standing) -> Row:
    from mainstay.runtime.names import local_time

    since = standing.since_us
    return {
        "state": standing.state,
        "version": standing.version,
        "active_since": None
        if since is None
        else local_time(since, workspace.config.company.timezone).isoformat(timespec="seconds"),
        "running": standing.running,
    }


def _say_stands(row: Row) -> str:
    """Say in a few words which version runs, and what is open about it."""
    says = {"active": "", "changed": "; its file has changed", "new": "not active", "gone": "; its file is gone"}
    running = sum(row["running"].values())
    older = running - row["running"].get(row["version"], 0)
    plans = f"{running} running" + (f", {older} of them on other versions" if older else "") if running else ""
    version = f"{row['version'][:8]}{says[row['state']]}" if row["version"] else says["new"]
    since = f"since {when(row['active_since'])}" if row["active_since"] else ""
    return "; ".join(part for part in (version, since, plans) if part)


def _title(one: Shelved) -> Row:
    """Read a playbook's title without compiling it; a playbook that can't be read is listed with the reason."""
    from mainstay.playbooks.format import Mapping, Scalar, read_yaml
    from mainstay.playbooks.shelf import is_shipped, read_text

    hides = one.own and is_shipped(one.name)
    row: Row = {"playbook": one.name, "title": one.name, "own": one.own, "hides_shipped": hides, "wrong": ""}
    try:
        tree = read_yaml(read_text(one.path), one.path.name)
        title = tree.values.get("title") if isinstance(tree, Mapping) else None
        row["title"] = title.text if isinstance(title, Scalar) else one.name
    except MainstayError as error:
        row["wrong"] = f"{error.message} {error.remedy}".rstrip()
    return row


def _draw_list(found: list[Row], console: Console) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    inside = any("state" in row for row in found)
    for name in ("playbook", "what it does", "whose", *(["version"] if inside else [])):
        table.add_column(name, overflow="fold")
    for row in found:
        told = f"can't be read: {row['wrong']}" if row["wrong"] else row["title"]
        whose = text("yours" if row["own"] else "comes with Mainstay")
        table.add_row(text(row["playbook"]), text(told), whose, *([text(_say_stands(row))] if inside else []))
    console.print(table)
    hidden = ", ".join(row["playbook"] for row in found if row["hides_shipped"])
    if hidden:
        console.print(text(f"Yours, which hides one of the same name that comes with Mainstay: {hidden}", "yellow"))
    if any(row.get("state") not in (None, "active") for row in found):
        console.print("What changed, and letting it run: mainstay activate")
    console.print("What one does, in plain sentences: mainstay playbook explain NAME")


def show(screen: Screen, folder: Path | None, name: str) -> int:
    """Show a playbook as it is written."""
    from mainstay.playbooks.shelf import shelf

    definition, _ = _compile(folder, name)
    workspace = workspace_if_any(folder)
    found = shelf(workspace.root if workspace else None)[name]
    row: Row = {"playbook": name, "file": str(found.path), "own": found.own, "source": definition.source}
    if workspace is not None:
        ((_, standing),) = [one for one in _beside(workspace, [row]) if one[1].name == name]
        row |= _stands(workspace, standing)
    screen.give(row, lambda console: console.print(text(row["source"].rstrip("\n"), lines=True), soft_wrap=True))
    if "state" in row and not screen.as_json:  # beside it, so that `show NAME > FILE` gives the playbook and no more
        screen.err.print(text(f"Version: {_say_stands(row)}", "dim"))
    return DONE


def copy(screen: Screen, folder: Path | None, name: str) -> int:
    """Write a playbook that comes with Mainstay into the workspace, with its templates, to be changed there.

    What stands there is never replaced: of files that differ nothing is written. Templates are written first, so that
    a copy that was broken off is made whole by the same command.
    """
    from mainstay.playbooks.shelf import shipped_files

    workspace = workspace_at(folder)
    files = shipped_files(name)
    standing = {path: content for path, content in files.items() if (workspace.root / path).exists()}
    differ = [path for path, content in standing.items() if _content(workspace.root / path) != content]
    if differ:
        raise InputError(
            f"{', '.join(differ)} stands there already, and is not what comes with Mainstay; nothing was written.",
            remedy="Move or rename it, then copy again.",
        )
    written = [path for path in files if path not in standing]
    for path in written:
        _write_new(workspace.root / path, files[path])
    row = {"playbook": name, "written": written, "files": list(files)}
    screen.give(row, lambda console: _draw_copied(row, console))
    return DONE


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:  # a folder, or not readable: not what comes with Mainstay
        return None


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all. Raises FileError."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        try:
            os.link(part, path)  # unlike a rename it replaces nothing
        finally:
            part.unlink()
    except OSError as error:
        raise FileError(f"{path} can't be written: {error.strerror}.", remedy="Mend that, then copy again.") from None


def _draw_copied(row: Row, console: Console) -> None:
    if not row["written"]:
        console.print(text(f"{', '.join(row['files'])}: all of it stands there as it comes with Mainstay."))
    else:
        console.print(text(f"Written: {', '.join(row['written'])}."))
    console.print(text(f"Change it, then: mainstay activate {row['playbook']}", "cyan"))
    console.print("Yours goes before Mainstay's from then on.")


def explain(screen: Screen, folder: Path | None, name: str) -> int:
    """Tell in plain sentences what a playbook does."""
    from mainstay.playbooks.explain import explain as tell

    told = tell(*_compile(folder, name))
    screen.give({"playbook": name, "text": told}, lambda console: console.print(text(told, lines=True)))
    return DONE


def check(screen: Screen, folder: Path | None, file: Path) -> int:
    """Compile a playbook's file, or name every mistake in it."""
    from mainstay.app import contracts_to_read
    from mainstay.playbooks.compile import compile_playbook
    from mainstay.playbooks.shelf import opened

    workspace = workspace_if_any(folder)
    if not file.exists():
        file = _file_of(file, workspace)
    folders = [file.parent, file.parent.parent, *([workspace.root] if workspace else [])]
    others = partial(opened, workspace.root if workspace else None)
    contracts = contracts_to_read(workspace)
    definition = compile_playbook(_source(file), contracts, file=file.name, folders=folders, others=others)
    if workspace is not None and file.resolve().parent == workspace.root / "playbooks" and definition.name != file.stem:
        said = f"{file.name}: it calls itself '{definition.name}'; file and playbook have one name"
        raise PlaybookError((said,), remedy=f"Write `playbook: {file.stem}`, or rename the file.")
    row = {"playbook": definition.name, "title": definition.title, "steps": len(definition.steps)}
    steps = "1 step" if row["steps"] == 1 else f"{row['steps']} steps"
    screen.give(row, lambda console: console.print(text(f"{file.name} is in order: {steps}.")))
    return DONE


def _file_of(named: Path, workspace: Workspace | None) -> Path:
    """Give the file of a playbook that was given by its name."""
    from mainstay.playbooks.shelf import shelf

    known = shelf(workspace.root if workspace else None)
    if str(named) in known:
        return known[str(named)].path
    near = difflib.get_close_matches(str(named), known, 1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise FileError(
        f"There is no file {named}, and no playbook of that name.{hint}", remedy="See: mainstay playbook list"
    )


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{file} is not UTF-8 text (byte {error.start}).", remedy="Save it as UTF-8.") from None
    except OSError as error:
        raise FileError(f"{file} can't be read: {error.strerror}.", remedy="Check its name and folder.") from None


def _compile(folder: Path | None, name: str) -> tuple[Definition, Contracts]:
    from mainstay.app import contracts_to_read
    from mainstay.playbooks.shelf import open_playbook

    workspace = workspace_if_any(folder)
    contracts = contracts_to_read(workspace)
    try:
        return open_playbook(workspace.root if workspace else None, name, contracts), contracts
    except UnknownNameError as error:
        raise UnknownNameError(error.message, remedy=f"{error.remedy} `mainstay playbook list` shows them.") from None
