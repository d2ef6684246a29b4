"""Work that hangs in the system is left to itself: no process waits for it at its end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mainstay.detached import detached

if TYPE_CHECKING:
    from pathlib import Path

HANGS = """
import asyncio, sys
from mainstay.detached import detached

async def main():
    hanging = detached(lambda: open(sys.argv[1]).read())
    try:
        await asyncio.wait_for(asyncio.shield(hanging), 0.05)
    except TimeoutError:
        print("left")

asyncio.run(main())
"""


def test_a_process_ends_while_a_pipe_that_nobody_writes_to_is_still_read(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(
        [sys.executable, "-c", HANGS, tmp_path / "pipe"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


def test_what_it_gives_and_what_it_raises_come_back_and_what_nobody_waits_for_is_dropped():
    async def scenario() -> object:
        left = detached(lambda: 1 // 0)
        left.cancel()
        with pytest.raises(ZeroDivisionError):
            await detached(lambda: 1 // 0)
        return await detached(lambda: "given")

    assert asyncio.run(scenario()) == "given"
