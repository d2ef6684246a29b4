"""Real processes, real faults: a short form of each; `make torture` is the long one (docs/faults.md)."""

from __future__ import annotations

import pytest
from faults import ALL, Fault, lacks, play, title
from rig import SHORT

pytestmark = pytest.mark.torture


@pytest.fixture(autouse=True)
def own_config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.parametrize("fault", ALL, ids=title)
def test_whatever_happens_nothing_is_lost_nothing_charged_twice_and_every_plan_ends(fault: Fault):
    if why := lacks(fault.needs):
        pytest.skip(why)
    play(fault, 1, SHORT)
