"""Names that conditions of rules are compared with, and that no playbook, step or agent has: such a rule never speaks.

Known is what stands in the folder, what comes with Mainstay, and what ever was active, so that a rule about something
that is gone can stay. An outside tool goes under a name with a colon, which no playbook can have.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mainstay.playbooks.artefacts import PLACES, steps_named
from mainstay.playbooks.policy_types import Wrong, at_text
from mainstay.playbooks.shelf import shelf
from mainstay.runtime.checking import WrongExpressionError, read_names
from mainstay.runtime.types import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from mainstay.playbooks.versions import Versions

_AGENT = re.compile(r"(?:def|class) +(\w+)|name *= *[\"']([\w-]+)")  # what may be registered as one
_EITHER = re.compile(r"\|\||\?|!=")  # then a step may be of another playbook than the one that is named


class Names(NamedTuple):
    """The names there are. `files` are those of playbooks that can be looked into, `code` is that of agents."""

    playbooks: Collection[str]
    files: Mapping[str, Path]
    agents: Collection[str]
    code: tuple[Path, ...]


def names_here(root: Path, versions: Versions, agents: Collection[str]) -> Names:
    """Give the names of a workspace; `agents` are those that are active or come with Mainstay."""
    files = {name: one.path for name, one in shelf(root).items()}
    active = {name for kind, name in versions.known() if kind == "playbook"}
    return Names({*files, *active}, files, agents, tuple(sorted((root / PLACES["agent"][0]).glob("*.py"))))


def unknown_playbook(name: str, names: Names) -> str:
    """Say that there is no playbook of a name, with the nearest one; empty where there is."""
    if name in names.playbooks or ":" in name:
        return ""
    return f"there is no playbook {name!r}{nearest(name, names.playbooks)}"


def wrong_names(source: str, names: Names) -> list[Wrong]:
    """Find the texts in a condition that are no name of what they are compared with."""
    try:
        choices = read_names(source).choices
    except WrongExpressionError:
        return []  # said of it already
    named = {text for path, text in choices if path == "playbook"}
    found: list[tuple[str, str]] = []
    for path, text in choices:
        if path == "playbook":
            found.append((text, unknown_playbook(text, names)))
        elif path == "step":
            found.append((text, _unknown_step(text, set() if _EITHER.search(source) else named, names)))
        elif path == "agent":
            found.append((text, _unknown_agent(text, names)))
    return [at_text(source, text, why) for text, why in found if why]


def _unknown_step(text: str, named: Collection[str], names: Names) -> str:
    """Say that no playbook has a step, or none of those that the condition names."""
    if any(name not in names.files for name in named):
        return ""  # an outside tool's, or one that is gone, or a name that is wrong itself
    steps = {name: steps_named(names.files[name]) for name in named or names.files}
    if any(found is None for found in steps.values()):
        return ""  # what can't be read is said when it is compiled
    known = sorted({step for found in steps.values() for step in found or ()})
    if text in known:
        return ""
    where = f"{' and '.join(sorted(named))} has" if named else "no playbook has"
    return f"{where} {'no' if named else 'a'} step {text!r}{nearest(text, known)}"


def _unknown_agent(text: str, names: Names) -> str:
    """Say that there is no agent of a name, neither active nor written in a file so far."""
    if text in names.agents:
        return ""
    written = "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in names.code)
    found = {one or other for one, other in _AGENT.findall(written)}
    return "" if text in found else f"there is no agent {text!r}{nearest(text, [*names.agents, *found])}"
