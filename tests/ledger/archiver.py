"""A process that archives, to be killed while it does: `python archiver.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from ledger_samples import KEY, PROJECTIONS

from mainstay.ledger import archive as archives
from mainstay.ledger.sqlite import SqliteLedger

archives.SEGMENT_EVENTS = 20  # many segments, so that a kill meets one half way
with SqliteLedger(Path(sys.argv[1]) / "ledger.db", KEY, projected=PROJECTIONS) as ledger:
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    archives.archive(ledger, 2**62)
