"""`mainstay activate`, `diff` and `revert`: what of the folder may run, and which version of it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay.cli.asking import ask
from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.errors import InactiveError, InputError, PlaybookError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen
    from mainstay.playbooks.artefacts import Key
    from mainstay.playbooks.changes import Change
    from mainstay.playbooks.versions import Version, Versions
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
FILE = "file"  # the word for what stands in the folder, where a version is named
_HIDES = (
    "Mainstay comes with a playbook '{0}': yours hides it, and `mainstay run {0}` runs yours. The playbooks that come "
    "with Mainstay go on with Mainstay's. If you don't want that, give yours another name."
)
_LATER = "What it does in sentences, once its agents are active: mainstay playbook explain {0}"
_STATES = {"new": "is new", "changed": "changed", "gone": "is gone: nothing of it will run any more"}


def activate(screen: Screen, folder: Path | None, names: Sequence[str], *, yes: bool) -> int:
    """Let what changed run from now on, after showing it; all of it, or what is named."""
    workspace = workspace_at(folder)
    versions = _versions(workspace)
    chosen = _chosen(workspace, versions, [_key(workspace, versions, name) for name in names])
    if not chosen:
        what = "This is active as it is" if names else "All in playbooks/, agents/ and policies/ is active as it is"
        screen.give({"activated": []}, lambda console: console.print(text(f"{what}.")))
        return DONE
    if not yes or not screen.as_json:
        _draw_changes(screen.err, workspace, versions, chosen)
    if not yes and not _agreed(screen, "Activate this?", "activated"):
        return DONE
    try:
        done = ask(screen, workspace, "activate", _wanted(chosen))
    except PlaybookError as error:
        raise PlaybookError(error.findings, remedy=_without(chosen, error.findings)) from None
    document = {"activated": [_row(versions, workspace, one) for one in chosen], "broken": _broken(done)}
    screen.give(document, lambda console: _draw_activated(console, chosen))
    say_broken(screen, done)
    return DONE


def activate_to_run(screen: Screen, workspace: Workspace, name: str) -> bool:
    """Offer to activate what a playbook that is about to run lacks; says whether it may run.

    Where nobody can be asked the owner refuses it, and names the command.
    """
    from mainstay.playbooks.shelf import shelf

    found = shelf(workspace.root).get(name)
    if found is None or not found.own:
        return True
    versions = _versions(workspace)
    chosen = _chosen(workspace, versions, [("playbook", name)])
    if not chosen:
        _note_changed_agents(screen, workspace, versions, name)
    if not chosen or not screen.interactive:
        return True
    _draw_changes(screen.err, workspace, versions, chosen)
    if not _agreed(screen, "Activate this and run?", "started"):
        return False
    say_broken(screen, ask(screen, workspace, "activate", _wanted(chosen)))
    return True


def diff(screen: Screen, folder: Path | None, name: str, older: str, newer: str) -> int:
    """Show what differs between two versions; by default between the active one and the file."""
    from mainstay.playbooks.changes import line_diff

    workspace = workspace_at(folder)
    versions = _versions(workspace)
    key = _key(workspace, versions, name)
    was, before = _side(workspace, versions, key, older or "active")
    now, after = _side(workspace, versions, key, newer or FILE)
    lines = line_diff(before, after, was, now)
    document = {"path": _path(key), "from": was, "to": now, "diff": lines, "versions": _history(versions, key)}
    screen.give(document, lambda console: _draw_diff(console, lines, key, was, now, versions))
    return DONE


def revert(screen: Screen, folder: Path | None, name: str, digest: str, *, yes: bool) -> int:
    """Put an older version back: it is written into the folder and active from now on."""
    from mainstay.playbooks.changes import line_diff

    workspace = workspace_at(folder)
    versions = _versions(workspace)
    key = _key(workspace, versions, name)
    seen, present = _present(workspace, key)
    version = _to_revert_to(versions, key, digest, seen)
    lines = line_diff(present, versions.content(version), FILE, version.short)
    if not yes or not screen.as_json:
        _draw_lines(screen.err, lines)
    warned = _unasked_of(workspace, versions, version)
    for line in warned:
        screen.err.print(text(line, "bold red"))
    if not yes and not _agreed(screen, f"Write version {version.short} and make it the active one?", "changed"):
        return DONE
    params = {"kind": key[0], "name": key[1], "digest": version.digest, "seen": seen}
    done = ask(screen, workspace, "revert", params)
    document = {"path": _path(key), "version": version.digest, "written": list(done["written"]), "diff": lines}
    document |= {"changed": list(done["changed"]), "broken": _broken(done), "unasked": warned}
    screen.give(document, lambda console: _draw_reverted(console, document, version))
    say_broken(screen, done)
    return DONE


def _note_changed_agents(screen: Screen, workspace: Workspace, versions: Versions, name: str) -> None:
    """Say of agents whose files changed that the run takes the active version."""
    from mainstay.playbooks.changes import changes

    called = _called(workspace, [("playbook", name)])
    for one in changes(versions, workspace.root):
        if one.kind == "agent" and one.state != "new" and one.name in called:
            said = "has changed" if one.state == "changed" else "is gone"
            screen.err.print(text(f"{one.path} {said}; this run takes the version you activated.", "yellow"))


# --- which


def _versions(workspace: Workspace) -> Versions:
    from mainstay.app import versions_to_read

    return versions_to_read(workspace)


def _key(workspace: Workspace, versions: Versions, name: str) -> Key:
    from mainstay.playbooks.artefacts import in_folder, named

    return named(name, dict.fromkeys([*in_folder(workspace.root), *versions.known()]))


def _path(key: Key) -> str:
    from mainstay.playbooks.artefacts import path_of

    return path_of(*key)


def _chosen(workspace: Workspace, versions: Versions, keys: Sequence[Key]) -> list[Change]:
    """Give the changes that are meant: all, or those named with the new agents their playbooks call."""
    from mainstay.playbooks.changes import changes

    found = changes(versions, workspace.root)
    if not keys:
        return found
    called = _called(workspace, keys)
    return [
        one
        for one in found
        if (one.kind, one.name) in keys or (one.kind == "agent" and one.state == "new" and one.name in called)
    ]


def _called(workspace: Workspace, keys: Sequence[Key]) -> set[str]:
    """Give the agents that playbooks call, by name."""
    from mainstay.playbooks.artefacts import agents_named, read_artefact

    called: set[str] = set()
    for kind, name in keys:
        artefact = read_artefact(workspace.root, kind, name) if kind == "playbook" else None
        called |= set(agents_named(artefact.files[artefact.path], artefact.path)) if artefact is not None else set()
    return called


def _side(workspace: Workspace, versions: Versions, key: Key, word: str) -> tuple[str, dict[str, bytes]]:
    """Give one side of a comparison with its name: the file, the active version, or one by its beginning."""
    if word == FILE:
        return FILE, _present(workspace, key)[1]
    if word == "active":
        active = versions.active(*key)
        return (f"active {active.short}", versions.content(active)) if active is not None else ("none is active", {})
    version = versions.version(*key, word)
    return version.short, versions.content(version)


def _present(workspace: Workspace, key: Key) -> tuple[str, dict[str, bytes]]:
    """Give digest and content of what stands in the folder; nothing when it is gone."""
    from mainstay.playbooks.artefacts import read_artefact

    artefact = read_artefact(workspace.root, *key)
    return ("", {}) if artefact is None else (artefact.digest, artefact.files)


def _to_revert_to(versions: Versions, key: Key, digest: str, seen: str) -> Version:
    """Give the version that is meant: by default the active one where the file differs, else the one before it."""
    if digest:
        version = versions.version(*key, digest)
    else:
        past = versions.past(*key)
        earlier = [one for one in past.versions if one.activated_us is not None and one.digest != seen]
        before = [one for one in earlier if past.active is None or one.digest != past.active.digest]
        version = past.active if past.active is not None and past.active.digest != seen else None
        version = version or (before[-1] if before else None)
        if version is None:
            remedy = f"A version is kept from when it is activated: mainstay activate {_path(key)}"
            raise UnknownNameError(f"There is no earlier version of {_path(key)}.", remedy=remedy)
    active = versions.active(*key)
    if version.digest == seen and active is not None and active.digest == seen:
        raise InputError(
            f"Version {version.short} of {_path(key)} is in the folder, and active.",
            remedy=f"See the others: mainstay diff {_path(key)}",
        )
    return version


def _wanted(chosen: Sequence[Change]) -> Row:
    return {"wanted": [{"kind": one.kind, "name": one.name, "digest": one.digest} for one in chosen]}


# --- what is said


def _row(versions: Versions, workspace: Workspace, change: Change) -> Row:
    row = {**msgspec.to_builtins(change), "path": change.path, "hides_shipped": _hides(change)}
    return row | {"diff": _lines_of(versions, workspace, change)}


def _hides(change: Change) -> bool:
    """Whether a playbook takes the name of one that comes with Mainstay."""
    from mainstay.playbooks.shelf import is_shipped

    return change.kind == "playbook" and change.state != "gone" and is_shipped(change.name)


def _lines_of(versions: Versions, workspace: Workspace, change: Change) -> list[str]:
    from mainstay.playbooks.changes import line_diff

    key = (change.kind, change.name)
    was, before = _side(workspace, versions, key, "active")
    now, after = _side(workspace, versions, key, FILE)
    return line_diff(before, after, was, now)


def _draw_changes(console: Console, workspace: Workspace, versions: Versions, chosen: Sequence[Change]) -> None:
    findings: list[str] = []
    for change in chosen:
        console.print(text(f"{change.path} {_STATES[change.state]}", "bold"))
        if _hides(change):
            console.print(text(_HIDES.format(change.name), "yellow"))
        _draw_lines(console, _lines_of(versions, workspace, change))
        if change.kind == "policy" and change.state != "gone":
            for line in _unasked(workspace, change):
                console.print(text(line, "bold red"))
        if change.kind == "playbook" and change.state != "gone":
            try:
                for line in _sentences(workspace, versions, change, chosen):
                    console.print(text(f"  {line}", "cyan"))
            except PlaybookError as error:  # the others are looked at too
                findings += error.findings
                console.print(text("  It can't be activated as it is; see below.", "yellow"))
        console.print()
    if findings:
        raise PlaybookError(tuple(findings), remedy=_without(chosen, findings))


def _without(chosen: Sequence[Change], findings: Sequence[str]) -> str:
    """Say what to do about findings: mend them, or activate what they are not about."""
    bad = {one.path for one in chosen if any(_is_about(finding, one.path) for finding in findings)}
    right = [one.path for one in chosen if one.path not in bad]
    only = f" Those that are in order: mainstay activate {' '.join(right)}" if right and bad else ""
    return f"Correct what is named and activate again; nothing was activated.{only}"


def _is_about(finding: str, path: str) -> bool:
    """Whether a finding names this file: by its path, or a playbook by its name alone."""
    return finding.startswith((f"{path}:", f"{path} ", f"{path.rpartition('/')[2]}:"))


def _sentences(workspace: Workspace, versions: Versions, change: Change, chosen: Sequence[Change]) -> list[str]:
    """Say what a playbook will do. What is wrong with it is raised here, before anybody is asked."""
    from mainstay.app import contracts_to_read
    from mainstay.playbooks.changes import say_changes
    from mainstay.playbooks.shelf import opened
    from mainstay.playbooks.versions import opened_files

    key = (change.kind, change.name)
    active = versions.active(*key)
    before = opened_files(change.path, versions.content(active)) if active is not None else None
    after = opened_files(change.path, _present(workspace, key)[1])
    try:
        said = say_changes(before, after, contracts_to_read(workspace), partial(opened, workspace.root))
    except PlaybookError:
        if not any(one.kind == "agent" for one in chosen):
            raise
        return [_LATER.format(change.name)]
    except (InactiveError, InputError):
        if any(one.kind == "agent" for one in chosen):  # it is checked together with them, once you say yes
            return [_LATER.format(change.name)]
        raise
    return said or ["It does what it did."]


def _unasked_of(workspace: Workspace, versions: Versions, version: Version) -> list[str]:
    """Say what can't be taken back and would go unasked by a version of a policy."""
    from mainstay.app import contracts_to_read
    from mainstay.playbooks.policy_book import rules_of_version
    from mainstay.playbooks.policy_words import unasked

    if version.kind != "policy":
        return []
    return unasked(rules_of_version(versions, version), contracts_to_read(workspace).operations)


def _unasked(workspace: Workspace, change: Change) -> list[str]:
    """Say what can't be taken back and goes unasked by a policy; one that is not in order is refused later."""
    from mainstay.app import contracts_to_read
    from mainstay.playbooks.policy_book import rules_of_file
    from mainstay.playbooks.policy_words import unasked

    operations, content = contracts_to_read(workspace).operations, _present(workspace, (change.kind, change.name))[1]
    with suppress(PlaybookError):
        return unasked(rules_of_file(change.path, content[change.path], (), operations), operations)
    return []


def _draw_lines(console: Console, lines: Sequence[str]) -> None:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        heads = line.startswith(("+++ ", "--- "))
        console.print(text(line, "bold" if heads else styles.get(line[:1], "")), soft_wrap=True)


def _draw_diff(console: Console, lines: list[str], key: Key, was: str, now: str, versions: Versions) -> None:
    if not lines:
        console.print(text(f"{_path(key)}: no difference ({was}, {now})."))
    _draw_lines(console, lines)
    known = versions.past(*key).versions
    if len(known) > 1:
        console.print(text(f"Versions, the newest last: {', '.join(version.short for version in known)}", "dim"))


def _history(versions: Versions, key: Key) -> list[Row]:
    active = versions.active(*key)
    return [
        {
            "version": one.digest,
            "kept_us": one.kept_us,
            "activated_us": one.activated_us,
            "active": active is not None and active.digest == one.digest,
        }
        for one in versions.past(*key).versions
    ]


def _draw_activated(console: Console, chosen: Sequence[Change]) -> None:
    for change in chosen:
        said = "is out of use" if change.state == "gone" else f"is active (version {change.digest[:8]})"
        console.print(text(f"{change.path} {said}."))
    if any(change.state == "changed" for change in chosen):
        console.print("Running plans keep the version they began with.")


def _draw_reverted(console: Console, done: Row, version: Version) -> None:
    console.print(text(f"{done['path']}: version {version.short} is active."))
    if done["written"]:
        console.print(text(f"Written: {', '.join(done['written'])}. What stood there is kept: mainstay diff shows it."))
    for path in done["changed"]:
        console.print(text(f"{path} shares a file with it, and has changed now: mainstay activate {path}", "yellow"))


def _broken(done: Row) -> list[Row]:
    return [{"path": path, "finding": finding} for path, finding in done["broken"]]


def say_broken(screen: Screen, done: Row) -> None:
    """Name the active playbooks that no longer fit what they use since this was done."""
    for path, finding in done["broken"]:
        screen.err.print(text(f"{path} no longer fits: {finding}", "yellow"))


def _agreed(screen: Screen, question: str, what: str) -> bool:
    return screen.agreed(question, f"Nothing was {what}", "Look at it, then add --yes.")
