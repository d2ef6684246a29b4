"""The bare journal: what SQLite alone can do for this work. No engine, no state, no encryption, no recovery.

Every step is one event of about 300 bytes, and goes on only after COMMIT in WAL mode with synchronous=FULL. Workflows
that run at once share commits (group commit), in the loop's own thread: a commit is cheaper than a hop between two.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import TYPE_CHECKING

import apsw
from subject import STEPS, Marks, folder, outcome, serve, tasks_window

if TYPE_CHECKING:
    from subject import Answer, Request

TABLE = """
CREATE TABLE event (stream TEXT, sequence INTEGER, at REAL, body TEXT, PRIMARY KEY (stream, sequence)) WITHOUT ROWID"""
ROWS_TABLE = "CREATE TABLE entry (id INTEGER PRIMARY KEY, stream TEXT, body TEXT)"
INSERT = "INSERT INTO event VALUES (?, ?, ?, ?)"
BATCH_ROWS = 100
PART_S = 0.25


class Journal:
    def __init__(self) -> None:
        self.database = apsw.Connection(str(folder() / "journal.db"))
        self.database.pragma("journal_mode", "WAL")
        self.database.pragma("synchronous", "FULL")
        self.database.execute(TABLE)
        self.database.execute(ROWS_TABLE)
        self.names = itertools.count()
        self.waiting: list[tuple[tuple[object, ...], asyncio.Future[None]]] = []
        self.wake = asyncio.Event()

    async def write(self) -> None:
        """Commit what gathered, again and again."""
        while True:
            await self.wake.wait()
            await asyncio.sleep(0)
            self.wake.clear()
            batch, self.waiting = self.waiting, []
            self.database.execute("BEGIN IMMEDIATE")
            self.database.executemany(INSERT, [row for row, _ in batch])
            self.database.execute("COMMIT")
            for _, done in batch:
                done.set_result(None)

    async def play(self, marks: Marks) -> None:
        workflow = f"workflow-{next(self.names)}"
        for step in range(STEPS):
            marks.step(workflow)
            done = asyncio.get_running_loop().create_future()
            self.waiting.append(((workflow, step, time.time(), body(workflow, step)), done))
            self.wake.set()
            await done

    async def window(self, request: Request) -> Answer:
        writer, marks = asyncio.create_task(self.write()), Marks()
        before = self.on_disk()
        answer = await tasks_window(marks, request, lambda: self.play(marks))
        writer.cancel()
        return {**answer, "on_disk": self.on_disk() - before}

    def on_disk(self) -> int:
        return self.database.execute("SELECT count(*) FROM event").get

    def rows(self, seconds: float) -> Answer:
        """Write rows that are ready made, 100 to a commit: the most that a rebuild could hope for.

        As of rebuilds the quickest counts, of parts as long as one takes.
        """
        return {"rows_per_s": max(self.rows_of(PART_S) for _ in range(round(seconds / PART_S)))}

    def rows_of(self, seconds: float) -> float:
        batch = [("workflow", body("workflow", 0))] * BATCH_ROWS
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            self.database.execute("BEGIN IMMEDIATE")
            self.database.executemany("INSERT INTO entry (stream, body) VALUES (?, ?)", batch)
            self.database.execute("COMMIT")
            count += BATCH_ROWS
        return count / (time.perf_counter() - began)


def body(workflow: str, step: int) -> str:
    """Give an event as a journal would keep it: an envelope of about 180 bytes around the outcome."""
    envelope = {"kind": "StepCompleted", "version": 1, "actor": "agent:trivial@1", "cause": f"{workflow}@{step}"}
    return json.dumps({**envelope, "path": f"step-{step}", "digest": "0" * 64, "output": outcome(step)})


def main() -> None:
    loop = asyncio.new_event_loop()
    journal = Journal()

    def answer(request: Request) -> Answer:
        if request["kind"] == "rows":
            return journal.rows(request["seconds"])
        return loop.run_until_complete(journal.window(request))

    serve(answer)


main()
