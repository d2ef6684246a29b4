"""DBOS on a SQLite file that was put in WAL mode; `synchronous` stays FULL, as SQLite has it. Workflows in threads."""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING, Any

from dbos import DBOS, SetWorkflowID
from subject import STEPS, Marks, folder, outcome, serve, threads_window

if TYPE_CHECKING:
    from subject import Answer, Request

ON_DISK = "SELECT count(*) FROM operation_outputs"
FILE = folder() / "dbos.db"
NAMES = itertools.count()


class Now:
    """The marks of the window that runs."""

    marks = Marks()


@DBOS.step()
def trivial(workflow: str, step: int) -> dict[str, Any]:
    Now.marks.step(workflow)
    return outcome(step)


@DBOS.workflow()
def line(workflow: str) -> None:
    for step in range(STEPS):
        trivial(workflow, step)


def play() -> None:
    workflow = f"workflow-{next(NAMES)}"
    with SetWorkflowID(workflow):
        line(workflow)


def window(request: Request) -> Answer:
    Now.marks, before = Marks(), on_disk()
    answer = threads_window(Now.marks, request, play)
    return {**answer, "on_disk": on_disk() - before}


def on_disk() -> int:
    with sqlite3.connect(FILE) as database:
        return database.execute(ON_DISK).fetchone()[0]


def main() -> None:
    with sqlite3.connect(FILE) as database:
        database.execute("PRAGMA journal_mode=WAL")  # it stays with the file
        database.execute("CREATE TABLE made_first (x)")
    DBOS(
        config={
            "name": "bench",
            "system_database_url": f"sqlite:///{FILE}",
            "run_admin_server": False,
            "log_level": "ERROR",
            "enable_otlp": False,
        }
    )
    DBOS.launch()
    play()
    serve(window)


main()
