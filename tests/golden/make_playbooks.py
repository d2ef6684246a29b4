"""Write golden playbooks: `python tests/golden/make_playbooks.py`, before each release, and when a playbook changed.

The texts of all playbooks that ship, and of those that golden workspaces run, with what each is compiled to today: a
plan keeps that for as long as it lives. tests/test_golden_playbooks.py reads both with every later release.
"""

from __future__ import annotations

import sys
import zlib
from base64 import b64decode, b64encode
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE)]

from golden_files import keep, next_name  # noqa: E402
from golden_world import operations  # noqa: E402

from mainstay.app import contracts_to_read  # noqa: E402
from mainstay.playbooks.calls import Opened  # noqa: E402
from mainstay.playbooks.compile import compile_opened  # noqa: E402
from mainstay.playbooks.shelf import LIBRARY  # noqa: E402
from mainstay.runtime.catalogue import Contracts  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mainstay.kernel.graph import Definition

ENDING = ".playbooks.json"
OWN_AGENT = frozenset({"greets", "talks"})  # they call an agent of a workspace: golden workspaces have those


class Playbooks(msgspec.Struct):
    """Files by name, and what each playbook among them was compiled to: MessagePack, compressed, in base64."""

    files: dict[str, str]
    compiled: dict[str, str]


def catalogue() -> Contracts:
    """Give what golden playbooks call."""
    known = contracts_to_read(None)
    return Contracts([*known.operations.values(), *operations(blind=False)], [*known.agents.values()])


def opened(folder: Path, files: Mapping[str, str], name: str) -> Opened:
    """Open a golden playbook, whose templates lie in a folder."""
    file = f"{name.partition('@')[0]}.yaml"
    return Opened(files[file], file, (folder,))


def compiled(folder: Path, files: Mapping[str, str], name: str) -> Definition:
    """Compile a golden playbook with today's code."""
    return compile_opened(opened(folder, files, name), catalogue(), others=partial(opened, folder, files))


def packed(definition: Definition) -> str:
    return b64encode(zlib.compress(msgspec.msgpack.encode(definition), 9)).decode()


def unpacked(kept: str) -> bytes:
    return zlib.decompress(b64decode(kept))


def main() -> None:
    """Write the file under the next free name."""
    paths = sorted([*LIBRARY.glob("*.yaml"), *(HERE / "playbooks").glob("*.yaml")])
    files = {path.name: path.read_text() for path in paths if path.stem not in OWN_AGENT}
    files |= {f"templates/{path.name}": path.read_text() for path in sorted((LIBRARY / "templates").iterdir())}
    names = [Path(name).stem for name in files if name.endswith(".yaml")]
    made = Playbooks(files, {name: packed(compiled(LIBRARY, files, name)) for name in names})
    keep(f"{next_name(ENDING)}{ENDING}", msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")


if __name__ == "__main__":
    main()
