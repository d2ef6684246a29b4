"""`mainstay policy save NAME FILE`: a policy is checked, shown as a difference, written and active by one yes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.app import contracts_to_read
from mainstay.cli import policy as policies
from mainstay.cli.asking import ask
from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import FileError, InputError
from mainstay.playbooks.artefacts import digest_of_files, is_artefact_name, path_of, read_artefact, text_of
from mainstay.playbooks.changes import line_diff
from mainstay.playbooks.policy_book import active_rules, rules_of_file
from mainstay.playbooks.policy_names import names_here
from mainstay.playbooks.policy_words import unasked

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]


def save(screen: Screen, folder: Path | None, name: str, file: Path, *, yes: bool) -> int:
    """Check the text, show what differs from what is active, and let it hold after a yes."""
    workspace, content = workspace_at(folder), read_text(file)
    name = policies.named(name).partition("/")[2].removesuffix(".yaml")
    if not is_artefact_name(name):
        raise InputError(f"'{name}' is no name for a policy; nothing was changed.", remedy="Such as: payments")
    path, versions = path_of("policy", name), policies.versions_of(workspace)
    present, active = read_artefact(workspace.root, "policy", name), versions.active("policy", name)
    warned = _check(workspace, name, content)
    if present is not None and active is not None and active.digest == present.digest == _digest(path, content):
        same: Row = {"path": path, "version": active.digest, "diff": [], "written": []}
        screen.give(same, lambda console: console.print(text(f"{path} is active just so; nothing was changed.")))
        return DONE
    lines = line_diff(versions.content(active) if active else {}, {path: content.encode()}, "active", "yours")
    if not yes or not screen.as_json:
        for line in lines:
            screen.err.print(text(line, {"+": "green", "-": "red"}.get(line[:1], "")), soft_wrap=True)
    for line in warned:
        screen.err.print(text(line, "bold red"))
    if not yes and not screen.agreed("Let this hold?", "Nothing was changed", "Add --yes to let it hold."):
        return DONE
    asked = {"name": name, "content": content, "seen": present.digest if present is not None else ""}
    done = ask(screen, workspace, "save_policy", asked)
    document = {"path": path, "version": done["activated"][0]["digest"], "diff": lines, "written": done["written"]}
    document["unasked"] = warned
    screen.give(document, lambda console: console.print(text(f"{path} is written, and holds from now on.")))
    return DONE


def _digest(path: str, content: str) -> str:
    return digest_of_files({path: content.encode()})


def _check(workspace: Workspace, name: str, content: str) -> list[str]:
    """Raise PlaybookError with every finding before anybody is asked; else say what goes unasked for good."""
    versions, contracts = policies.versions_of(workspace), contracts_to_read(workspace)
    own = contracts.own.names() if contracts.own is not None else ()
    others = active_rules(versions, but=[name])
    names = names_here(workspace.root, versions, {*contracts.agents, *own})
    rules = rules_of_file(path_of("policy", name), content.encode(), others, contracts.operations, names)
    return unasked(rules, contracts.operations)


def read_text(file: Path) -> str:
    """Read a text from a file, or from stdin for "-". Raises FileError."""
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return text_of(file.read_bytes(), str(file))
    except OSError as error:
        raise FileError(f"{file} can't be read: {error.strerror}.", remedy="Name the file with its new text.") from None
