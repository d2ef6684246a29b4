"""Desks to work at: see cli_desk.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli_desk import Desk, asked_desk, new_desk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


@pytest.fixture
def asked(tmp_path: Path) -> Desk:
    """A workspace whose reconciliation waits for its first answer."""
    return asked_desk(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same, and tests only look at it."""
    return asked_desk(tmp_path_factory.mktemp("shared"))
