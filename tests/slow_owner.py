"""Owns a workspace until it is ended: `FOLDER`. It says "up" once it works."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mainstay.owners import serve
from mainstay.workspace import Workspace


def hear(event):
    if event["kind"] == "Taken":
        sys.stdout.write("up\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(Workspace(Path(sys.argv[1])), hear, asyncio.Event()))
