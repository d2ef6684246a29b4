"""What differs between the folder and what is active: which artefacts, line by line, and in plain sentences."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from mainstay.errors import MainstayError
from mainstay.events import ArtefactKind
from mainstay.playbooks.artefacts import in_folder, path_of, read_artefact
from mainstay.playbooks.compile import compile_opened
from mainstay.playbooks.explain import explain
from mainstay.playbooks.policies import shipped_policy
from mainstay.values import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.artefacts import Artefact, Key
    from mainstay.playbooks.calls import Opened
    from mainstay.playbooks.compile import Others
    from mainstay.playbooks.versions import Versions
    from mainstay.ports import Catalogue

_STEP = re.compile(r"\d+\. (\w+): (.*)")
# What a playbook says of a step beside what it is given.
_TOLD_OF_A_STEP = (
    "needs", "when", "each", "at_once", "allow_failures_pct", "retry", "timeout_s", "on_failure", "undo", "check",
    "gate", "account", "ask", "until", "awaited", "repeat", "delay_s",
)  # fmt: skip


class Change(msgspec.Struct, frozen=True):
    """An artefact that is not in the folder as it is active. `digest` is empty when its file is gone."""

    kind: ArtefactKind
    name: str
    state: Literal["new", "changed", "gone"]
    digest: Digest
    before: Digest = ""

    @property
    def path(self) -> str:
        """Its own file."""
        return path_of(self.kind, self.name)


def changes(versions: Versions, root: Path) -> list[Change]:
    """List what would have to be activated for all of the folder to run. Raises FileError."""
    there = in_folder(root)
    gone = [key for key in versions.known() if key not in there and versions.active(*key) is not None]
    found = [change_of(versions, root, key) for key in (*there, *gone)]
    return [change for change in found if change is not None]


def change_of(versions: Versions, root: Path, key: Key) -> Change | None:
    """Give what changed about one artefact; None when nothing did. Raises FileError."""
    artefact, active = read_artefact(root, *key), versions.active(*key)
    before = active.digest if active is not None else ""
    if artefact is None:
        return Change(*key, "gone", "", before) if active is not None else None
    if artefact.digest == before or (active is None and is_shipped(artefact)):
        return None
    return Change(*key, "changed" if before else "new", artefact.digest, before)


def is_shipped(artefact: Artefact) -> bool:
    """Whether it is the policy that `init` wrote: it says what holds without any."""
    return artefact.kind == "policy" and artefact.files[artefact.path] == shipped_policy()


def line_diff(before: Mapping[str, bytes], after: Mapping[str, bytes], was: str, now: str) -> list[str]:
    """Give a unified diff of some files; `was` and `now` say what the two sides are."""
    lines: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, b""), after.get(path, b"")
        if old != new:
            lines += difflib.unified_diff(_lines(old), _lines(new), f"{path} ({was})", f"{path} ({now})", lineterm="")
    return lines


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", "replace").splitlines()


def say_changes(before: Opened | None, after: Opened, catalogue: Catalogue, others: Others) -> list[str]:
    """Say what a playbook does now that it did not do before; all of it when it is new. Raises PlaybookError.

    `others` opens the playbooks that its steps run. What no sentence tells, the wording of a mail for one, is named.
    """
    now = compile_opened(after, catalogue, others=others)
    told = _sentences(now, catalogue)
    if before is None:
        return told
    try:
        was = compile_opened(before, catalogue, others=others)
        said_before = _by_name(_sentences(was, catalogue))
    except MainstayError:  # what it called may be gone; then all of it is new
        return told
    return [*_differences(said_before, _by_name(told)), *_untold(was, now, said_before, _by_name(told))]


def _sentences(definition: Definition, catalogue: Catalogue) -> list[str]:
    return explain(definition, catalogue).strip().splitlines()


def _untold(was: Definition, now: Definition, said_before: dict[str, str], told: dict[str, str]) -> Iterator[str]:
    """Name what is another one though its sentence is the same."""
    steps = {step.name: step for step in was.steps}
    for step in now.steps:
        old = steps.get(step.name)
        if old is not None and said_before.get(step.name) == told.get(step.name):
            given = _changed(old.arguments.fields, step.arguments.fields)
            keys = [key for key in _TOLD_OF_A_STEP if getattr(old, key) != getattr(step, key)]
            if given or keys:
                yield f"Changed: {step.name}: {', '.join([*given, *(key.removesuffix('_pct') for key in keys)])}"
    inputs = _changed({one.name: one for one in was.inputs}, {one.name: one for one in now.inputs})
    for key, names in (
        ("inputs", inputs),
        ("let", _changed(was.let, now.let)),
        ("returns", _changed(was.returns, now.returns)),
    ):
        if names:
            yield f"Changed: {key}: {', '.join(names)}"


def _changed(was: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    return [name for name in (*now, *(name for name in was if name not in now)) if was.get(name) != now.get(name)]


def _by_name(lines: list[str]) -> dict[str, str]:
    """Give the sentences by step; those about the whole stand for themselves."""
    found: dict[str, str] = {}
    for line in lines:
        step = _STEP.fullmatch(line)
        found[step[1] if step else line] = step[2] if step else ""
    return found


def _differences(was: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for name, told in now.items():
        if name not in was:
            yield f"New: {name}: {told}" if told else f"Now: {name}"
        elif was[name] != told:
            yield f"Changed: {name}: {told}"
            yield f"    It was: {was[name]}"
    for name, told in was.items():
        if name and name not in now:
            yield f"No longer: {name}: {told}" if told else f"No longer: {name}"
