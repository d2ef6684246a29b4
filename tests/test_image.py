"""The image: nothing runs as root in it, and only what Mainstay needs goes into it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore"])
def test_nothing_secret_or_heavy_goes_into_an_image(name):
    told = (Path(__file__).parents[1] / name).read_text()
    if name == "Dockerfile":
        assert "USER mainstay" in told
        assert "HEALTHCHECK" in told
        assert "--require-hashes" in told
        assert not [line for line in told.splitlines() if "ARG" in line.split()[:1]]
        return
    assert told.splitlines()[0] == "*"
    assert {line for line in told.splitlines() if line.startswith("!")} == {
        "!requirements/run.txt", "!src/mainstay",
    }  # fmt: skip


def test_places_outside_can_be_told_from_an_image_in_which_nobody_may_install_anything():
    told = (Path(__file__).parents[1] / "requirements" / "run.txt").read_text()
    assert "\napprise==" in told
