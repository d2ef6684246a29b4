"""The command line. Start reading in `commands.py`: every command is there, a few lines each."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the process was started with, and exit with its status."""
    from mainstay.cli.ending import run

    sys.exit(run(sys.argv[1:]))
