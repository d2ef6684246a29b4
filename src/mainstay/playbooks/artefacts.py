"""What in a workspace's folder has versions: playbooks with their templates, agents with what they import, policies.

    playbooks/offer.yaml   with the `file:templates/...` it names, beside it or in the workspace
    agents/qualify.py      with the files beside it that it imports, and prompts named after it (qualify.md, ...)
    policies/money.yaml    alone

A version is the digest of all of that. Nothing is run to find it out: Python files are only parsed.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from mainstay.errors import FileError, InputError, PlaybookError, UnknownNameError
from mainstay.events import ArtefactKind
from mainstay.playbooks.format import Listing, Mapping, Node, Scalar, read_yaml
from mainstay.playbooks.templates import FILE_MARK, FOLDER
from mainstay.runtime.types import nearest
from mainstay.values import Digest, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Key: TypeAlias = tuple[ArtefactKind, str]  # kind and name

MAX_BYTES = 1024 * 1024
PLACES: dict[ArtefactKind, tuple[str, str]] = {
    "playbook": ("playbooks", ".yaml"),
    "agent": ("agents", ".py"),
    "policy": ("policies", ".yaml"),
}
READ_KEPT = 100  # playbooks whose templates are known: a page asks for all of them
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
PROMPTS = frozenset({".md", ".txt"})


class Artefact(msgspec.Struct, frozen=True):
    """One of them as it stands in the folder. `files` are all of it by path, its own file first."""

    kind: ArtefactKind
    name: str
    files: dict[str, bytes]

    @property
    def path(self) -> str:
        """Its own file, as the operator names it."""
        return path_of(self.kind, self.name)

    @property
    def digest(self) -> Digest:
        """What its version is called."""
        return digest_of_files(self.files)


def is_artefact_name(name: str) -> bool:
    """Whether a file for a playbook or policy can be made under this name."""
    return _NAME.fullmatch(name) is not None


def path_of(kind: ArtefactKind, name: str) -> str:
    """Give the path of an artefact's own file: "playbooks/offer.yaml"."""
    folder, suffix = PLACES[kind]
    return f"{folder}/{name}{suffix}"


def digest_of_files(files: dict[str, bytes]) -> Digest:
    """Name the content of some files, whatever their order."""
    return digest_of(*(part for path in sorted(files) for part in (path.encode(), files[path])))


def in_folder(root: Path) -> list[Key]:
    """List all there are: agents first, because playbooks lean on them."""
    found: list[Key] = []
    for kind in ("agent", "policy", "playbook"):
        folder, suffix = PLACES[kind]
        paths = sorted((root / folder).glob(f"*{suffix}"))
        found.extend((kind, path.stem) for path in paths if kind != "agent" or _registers(path))
    return found


def read_artefact(root: Path, kind: ArtefactKind, name: str) -> Artefact | None:
    """Read one with all that belongs to it; None when its file is not there. Raises FileError."""
    path = path_of(kind, name)
    if not (root / path).is_file():
        return None
    content = read_bytes(root, path)
    files = {path: content}
    if kind == "playbook":
        files |= templates_of(root, path, content)
    elif kind == "agent":
        files |= _imported(root, path, content)
        prompts = sorted((root / path).parent.glob(f"{name}.*"))
        files |= {
            (at := f"{PLACES[kind][0]}/{each.name}"): read_bytes(root, at) for each in prompts if each.suffix in PROMPTS
        }
    return Artefact(kind, name, files)


def read_bytes(root: Path, path: str) -> bytes:
    """Read a file of the workspace; raises FileError."""
    try:
        if (root / path).stat().st_size > MAX_BYTES:
            raise FileError(f"{path} is larger than {MAX_BYTES // 1024} KB.", remedy="Split it.")
        return (root / path).read_bytes()
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}.", remedy="Check who may read it.") from None


def text_of(content: bytes, path: str) -> str:
    """Read content as text; raises FileError."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not UTF-8 text (byte {error.start}).", remedy="Save it as UTF-8.") from None


def named(word: str, known: Iterable[Key]) -> Key:
    """Find what the operator means: "offer", "offer.yaml", "playbooks/offer.yaml" or "playbook:offer".

    Raises UnknownNameError, or InputError where two kinds have one of that name.
    """
    known = list(known)
    found = [key for key in known if word in _ways(*key)]
    if len(found) > 1:
        paths = ", ".join(path_of(kind, name) for kind, name in found)
        raise InputError(f"'{word}' may be {paths}.", remedy="Name one of these files.")
    if not found:
        words = [way for kind, name in known for way in _ways(kind, name)]
        hint = nearest(word, words).removeprefix("; ").capitalize()
        raise UnknownNameError(
            f"There is no playbook, agent or policy '{word}' in this workspace.",
            remedy=hint or "Those there are stand in playbooks/, agents/ and policies/.",
        )
    return found[0]


def _ways(kind: ArtefactKind, name: str) -> tuple[str, ...]:
    path = path_of(kind, name)
    return (name, path.rpartition("/")[2], path, f"./{path}", f"{kind}:{name}")


# --- playbooks


def agents_named(content: bytes, path: str) -> list[str]:
    """Give the agents that a playbook's steps name, also when it can't be compiled; nothing when it can't be read."""
    found = [step.values.get("agent") for step in _steps(content, path)]
    return sorted({each.text for each in found if isinstance(each, Scalar)})


def playbooks_named(content: bytes, path: str) -> list[str]:
    """Give the playbooks that a playbook's steps run, whichever version, as `agents_named` gives agents."""
    steps = _steps(content, path)
    loops = [loop for step in steps if isinstance(loop := step.values.get("repeat"), Mapping)]
    found = [each.values.get("playbook") for each in (*steps, *loops)]
    return sorted({each.text.partition("@")[0] for each in found if isinstance(each, Scalar)})


def _steps(content: bytes, path: str) -> list[Mapping]:
    tree = _tree(content, path)
    steps = tree.values.get("steps") if isinstance(tree, Mapping) else None
    return [step for step in steps.values.values() if isinstance(step, Mapping)] if isinstance(steps, Mapping) else []


def steps_named(file: Path) -> list[str] | None:
    """Give the names of a playbook's steps, also when it can't be compiled; None when it can't be read."""
    try:
        tree = _tree(file.read_bytes(), file.name)
    except OSError:
        return None
    steps = tree.values.get("steps") if isinstance(tree, Mapping) else None
    return list(steps.keys) if isinstance(steps, Mapping) else None


def templates_of(root: Path, path: str, content: bytes) -> dict[str, bytes]:
    """Read the templates a playbook names, where the compiler looks for them: beside it, then in the workspace."""
    found: dict[str, bytes] = {}
    for name in _templates_named(content, path):
        parts = PurePosixPath(name).parts
        if parts[:1] != (FOLDER,) or ".." in parts or "\0" in name or "\\" in name:
            continue  # the compiler refuses it
        for folder in (f"{PLACES['playbook'][0]}/", ""):
            if (root / f"{folder}{name}").is_file():
                found[f"{folder}{name}"] = read_bytes(root, f"{folder}{name}")
                break
    return found


@lru_cache(maxsize=READ_KEPT)
def _templates_named(content: bytes, path: str) -> tuple[str, ...]:
    """Give the templates a playbook names, in order; asked for of the same content again and again."""
    return tuple(sorted({scalar.text[len(FILE_MARK) :].strip() for scalar in _scalars(_tree(content, path))}))


def _tree(content: bytes, path: str) -> Node | None:
    try:
        return read_yaml(content.decode("utf-8"), path)
    except (PlaybookError, UnicodeDecodeError):
        return None  # what is wrong with it is said when it is compiled


def _scalars(node: Node | None) -> Iterator[Scalar]:
    match node:
        case Scalar() if node.text.startswith(FILE_MARK):
            yield node
        case Mapping():
            for inner in node.values.values():
                yield from _scalars(inner)
        case Listing():
            for inner in node.items:
                yield from _scalars(inner)
        case _:
            return


# --- agents


def _registers(path: Path) -> bool:
    """Whether a file registers agents; one that can't be parsed counts, so that its mistake is named."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError):
        return True
    marks = [
        mark.func if isinstance(mark, ast.Call) else mark
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for mark in node.decorator_list
    ]
    return any("agent" in (getattr(mark, "id", ""), getattr(mark, "attr", "")) for mark in marks)


def check_python(files: dict[str, bytes]) -> None:
    """Refuse Python files that can't be parsed, naming file, line and column. Raises FileError."""
    for path, content in files.items():
        if not path.endswith(".py"):
            continue
        try:
            ast.parse(content, path)
        except SyntaxError as error:
            place = f"{path}:{error.lineno}:{error.offset}"
            raise FileError(f"{place}: {error.msg}.", remedy="Correct that line and activate again.") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise FileError(f"{path} is no Python file: {error}.", remedy="Correct it and activate again.") from None


def _imported(root: Path, path: str, content: bytes) -> dict[str, bytes]:
    """Read the files of agents/ that a file imports (`from .pricing import ...`), and those they import."""
    found: dict[str, bytes] = {}
    waiting = [(path, content)]
    while waiting:
        for each in _siblings(*waiting.pop()):
            if each != path and each not in found and (root / each).is_file():
                found[each] = read_bytes(root, each)
                waiting.append((each, found[each]))
    return dict(sorted(found.items()))


def _siblings(path: str, content: bytes) -> Iterator[str]:
    """Give the paths that relative imports of a file may mean; none leads out of agents/."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    own = PurePosixPath(path).parent
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not 0 < node.level <= len(own.parts):
            continue
        folder = own.parents[node.level - 2] if node.level > 1 else own
        module = folder.joinpath(*(node.module or "").split(".")) if node.module else folder
        yield f"{module}.py"
        for inner in (module, *module.parents):
            if inner.parts[:1] == (PLACES["agent"][0],):
                yield f"{inner}/__init__.py"
        yield from (f"{module}/{name.name}.py" for name in node.names)
