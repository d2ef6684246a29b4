"""Exit statuses: what a script can tell from a command's end."""

from __future__ import annotations

DONE = 0
FAILED = 1
WRONG = 2  # usage, or the operator's input
WAITS = 3  # for a decision
INTERRUPTED = 130  # Ctrl-C
