"""The golden files and their digests: what was kept once is never written again."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from mainstay.version import VERSION

HERE = Path(__file__).parent
DIGESTS = HERE / "digests.txt"  # of every golden file, as `sha256sum` writes them, oldest first


def digests() -> dict[str, str]:
    """Give the digests that were written down, by name."""
    lines = DIGESTS.read_text().splitlines() if DIGESTS.exists() else []
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def names(ending: str) -> list[str]:
    """Name the golden files of a kind, oldest first, without their ending."""
    return [name.removesuffix(ending) for name in digests() if name.endswith(ending)]


def next_name(ending: str) -> str:
    """Give a name for another one of a kind: the release, or the release and a number."""
    taken = names(ending)
    return next(name for name in (VERSION, *(f"{VERSION}+{n}" for n in range(2, 1000))) if name not in taken)


def keep(name: str, content: bytes) -> None:
    """Keep a file for ever."""
    assert name not in digests(), f"{name} is kept for ever"
    (HERE / name).write_bytes(content)
    with DIGESTS.open("a") as file:
        file.write(f"{sha256(content).hexdigest()}  {name}\n")
