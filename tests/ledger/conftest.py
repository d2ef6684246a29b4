"""A workspace's `.mainstay` folder, and a ledger in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ledger_samples import KEY, PROJECTIONS

from mainstay.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "acme" / ".mainstay"


@pytest.fixture
def open_ledger(folder: Path) -> Iterator[Callable[[], SqliteLedger]]:
    """Open the one ledger of the folder; all are closed in the end."""
    opened: list[SqliteLedger] = []

    def open_it() -> SqliteLedger:
        opened.append(SqliteLedger(folder / "ledger.db", KEY, projected=PROJECTIONS))
        return opened[-1]

    yield open_it
    for ledger in opened:
        ledger.close()


@pytest.fixture
def ledger(open_ledger: Callable[[], SqliteLedger]) -> SqliteLedger:
    return open_ledger()
