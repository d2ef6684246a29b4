"""Which workspace a command works on, and reading it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from mainstay.config import CONFIG_NAME
from mainstay.errors import InputError
from mainstay.shown import shown
from mainstay.workspace import STATE_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.cli.screen import Screen
    from mainstay.contracts import Operation
    from mainstay.governance.rules import Rule
    from mainstay.kernel.budget import Cap
    from mainstay.runtime.catalogue import Contracts
    from mainstay.views import Views
    from mainstay.views.letting import Bounds


def workspace_at(folder: Path | None) -> Workspace:
    """Give the named workspace, else the one the current folder is in. Raises InputError when there is none."""
    if folder is None:
        return Workspace.find()
    if not (folder / CONFIG_NAME).is_file() or not (folder / STATE_NAME).is_dir():
        raise InputError(f"{folder} is not a workspace.", remedy=f"Make one with: mainstay init {folder}")
    return Workspace(folder)


def workspace_if_any(folder: Path | None) -> Workspace | None:
    """Give the workspace, or None where none was named and the current folder is in none."""
    here = Path.cwd()
    if folder is None and not any((each / STATE_NAME).is_dir() for each in (here, *here.parents)):
        return None
    return workspace_at(folder)


def left_alone(workspace: Workspace, views: Views) -> list[str]:
    """Name the plans that have work left while nobody works on the workspace."""
    from mainstay.owners import owner_of

    left = views.unfinished()
    return left if left and owner_of(workspace) is None else []


def say_left_alone(count: int) -> str:
    """Say in one line how plans that stand still go on."""
    plans = "1 plan has" if count == 1 else f"{count} plans have"
    return f"{plans} work left and nobody works on it: mainstay start"


def say_left_lying(screen: Screen, workspace: Workspace) -> None:
    """Say which files in watched folders could not be taken in; nothing where there are none."""
    from mainstay.connectors.inbox import left_in

    for path, why in left_in(workspace.root, workspace.state).items():
        screen.say(f"Not taken in: {shown(path)}, {why[:1].lower()}{why[1:]} Correct or remove it.", "yellow")


def views_at(folder: Path | None) -> Views:
    """Open a workspace for reading; close it with `with`."""
    return views_of(workspace_at(folder))


def views_of(workspace: Workspace) -> Views:
    """Do the same with one that is known."""
    from mainstay.views import Views

    views = Views(workspace)
    views.bounds = functools.cache(lambda: _bounds(workspace))
    return views


def caps_in_force(workspace: Workspace) -> list[Cap]:
    """Give the caps of mainstay.toml, and those that the limits of the rules in force are."""
    return _caps(workspace, _rules(workspace))


def _caps(workspace: Workspace, rules: Sequence[Rule]) -> list[Cap]:
    from mainstay.governance.caps import all_caps

    caps = all_caps(workspace.config.budgets, workspace.config.windows)
    if any(rule.limits is not None for rule in rules):
        from mainstay.cli.policy import operations_of
        from mainstay.views.policies import PolicyViews

        with PolicyViews(workspace) as views:
            caps += views.caps(rules, operations_of(workspace))
    return sorted(caps, key=lambda cap: (cap.name, cap.period))


def _rules(workspace: Workspace) -> list[Rule]:
    """Give the rules in force."""
    from mainstay.ledger import keys as ledger_keys
    from mainstay.ledger.blobs import FileBlobs
    from mainstay.ledger.reader import SqliteReader
    from mainstay.playbooks.versions import Versions

    keys = ledger_keys.load(workspace.state)
    with SqliteReader(workspace.ledger, keys.database) as reader:
        versions = Versions(reader, FileBlobs(workspace.blobs, keys.blobs))
        versions.load()
        if not any(kind == "policy" for kind, _ in versions.known()):
            return []
        from mainstay.playbooks.policy_book import active_rules

        return active_rules(versions)


def _bounds(workspace: Workspace) -> Bounds:
    """Give what bounds actions; an operation is looked up where a budget counts more than how many."""
    from mainstay.views.letting import Bounds

    @functools.cache
    def contracts() -> Contracts:
        from mainstay.app import contracts_to_read

        return contracts_to_read(workspace)

    def operation(name: str) -> Operation | None:
        return contracts().operations.get(name)

    rules = _rules(workspace)
    throttles = [rule for rule in rules if rule.throttle is not None]
    return Bounds(_caps(workspace, rules), operation, workspace.config, throttles)
