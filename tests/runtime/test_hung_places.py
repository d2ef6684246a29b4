"""K3, L7: a place of anchors that never answers holds neither the others nor an owner's end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from kit import owner_of
from smtp_servers import scripted_server

from mainstay.errors import FileError
from mainstay.ledger import anchor_places
from mainstay.ledger.anchor_places import append_line
from mainstay.requests import anchoring
from mainstay.requests.anchoring import give

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mainstay.workspace import Workspace

PLACE_S = 1.5  # long enough for a disk that is busy


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Path]:
    """A repository that git can't be done with: its settings are a pipe that nobody writes to."""
    repository = tmp_path / "notes"
    subprocess.run(["git", "init", "-q", repository], check=True)
    pipe = repository / ".git/config"
    pipe.unlink()
    os.mkfifo(pipe)
    yield repository
    with contextlib.suppress(OSError):  # whoever still reads it comes to an end
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))


def anchored_to(workspace: Workspace, places: dict[str, object], port: int) -> Workspace:
    config = workspace.root / "mainstay.toml"
    lines = "".join(f'{name} = "{place}"\n' for name, place in places.items())
    server = f'[mail.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n'
    config.write_text(f"{config.read_text()}\n{server}\n[anchor]\n{lines}")
    return type(workspace)(workspace.root)


def test_l7_places_that_never_answer_are_missed_and_hold_no_end(workspace, world, tmp_path, hung, monkeypatch):
    """A pipe, and a server that takes the connection and says nothing."""
    monkeypatch.setattr(anchoring, "AT_END_S", PLACE_S)
    file = tmp_path / "anchors.txt"
    said: list[str] = []

    async def live(owned: Workspace) -> dict[str, object]:
        async with owner_of(owned, world) as owner:
            owner.engine.hearers.append(said.append)
            owner.anchoring.serves = True
            return await give(owner.requests, "operator", PLACE_S)

    with scripted_server(greeting="silence") as (port, _):
        owned = anchored_to(workspace, {"file": file, "git": hung, "mail": "anna@acme.example"}, port)
        given = asyncio.run(asyncio.wait_for(live(owned), 20))
    assert (given["places"], given["missed"]) == (["file"], ["git", "mail"])
    assert len(file.read_text().splitlines()) == 2, "by hand, and at the end"
    told = [line for line in said if line.startswith("The anchor did not reach its place")]
    assert [("(git)" in line, "(mail)" in line) for line in told] == [(True, False), (False, True)] * 2
    assert "does not answer within" in told[0]
    assert "has not answered since the last time" in told[2]
    assert "Look whether the server under [mail.smtp] answers" in told[3]


def test_l7_a_git_that_hangs_is_ended_with_all_that_it_began(hung, monkeypatch):
    monkeypatch.setattr(anchor_places, "GIT_S", 0.3)
    with pytest.raises(FileError, match=r"git did not end within 0 s"):
        anchor_places.commit_line(hung, "abc", "line", "message")


def test_l7_a_pipe_or_a_device_is_no_place_for_anchors(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(FileError, match="is no plain file") as caught:
            append_line(tmp_path / place, "the line")
        assert caught.value.remedy == "Keep this line elsewhere: the line"
