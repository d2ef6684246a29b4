"""Desks to work at: see cli_desk.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_desk import Desk, new_desk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A workspace whose reconciliation waits for its first answer; tests only look at it."""
    desk = new_desk(tmp_path_factory.mktemp("shared"))
    (desk.question,) = desk.reconcile()["questions"]
    return desk
