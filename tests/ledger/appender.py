"""A process that appends as fast as it can, and says on standard output what was acknowledged.

    python appender.py <folder> [<mend>]

Twenty streams at once. Each line is "stream sequence". When a commit fails it says "failed", waits for a line on
standard input, reopens until that works, says "reopened", checks that all it was told is there, and ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ledger_samples import KEY, PROJECTIONS, appended, completed

from mainstay.errors import CommitFailedError, LedgerError
from mainstay.ledger.sqlite import SqliteLedger

STREAMS = 20
BODY = "x" * 300


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def append_on(ledger: SqliteLedger, stream: str, acknowledged: dict[str, int]) -> None:
    for sequence in range(2000):
        await ledger.append([appended(stream, sequence, completed(f"s/{sequence}", BODY))])
        acknowledged[stream] = sequence + 1
        say(stream, sequence + 1)


async def append_all(ledger: SqliteLedger, acknowledged: dict[str, int]) -> None:
    await asyncio.gather(*(append_on(ledger, f"plan:{index}", acknowledged) for index in range(STREAMS)))


def reopen(ledger: SqliteLedger) -> None:
    while True:
        try:
            ledger.reopen()
        except LedgerError as error:
            say("still", error)
            sys.stdin.readline()
        else:
            return


def check(ledger: SqliteLedger, acknowledged: dict[str, int]) -> None:
    for stream, last in acknowledged.items():
        assert len(ledger.read(stream)) >= last, f"{stream} lost what was acknowledged"
    assert ledger.verify().whole
    assert ledger.differing() == []
    start = len(ledger.read("plan:0"))
    asyncio.run(append_one(ledger, start))
    say("whole")


async def append_one(ledger: SqliteLedger, start: int) -> None:
    await ledger.append([appended("plan:0", start, completed("again"))])


def main() -> None:
    acknowledged: dict[str, int] = {}
    ledger = SqliteLedger(Path(sys.argv[1]) / "ledger.db", KEY, projected=PROJECTIONS)
    try:
        asyncio.run(append_all(ledger, acknowledged))
    except CommitFailedError:
        assert ledger.failed
        say("failed")
        sys.stdin.readline()
        reopen(ledger)
        say("reopened")
        check(ledger, acknowledged)
    ledger.close()


if __name__ == "__main__":
    main()
