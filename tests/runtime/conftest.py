from __future__ import annotations

import pytest
from kit import World, make_workspace


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return make_workspace(tmp_path / "acme")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")
