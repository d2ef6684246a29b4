"""LangGraph with its SqliteSaver: a line of nodes, a checkpoint on disk after each (durability="sync").

The saver puts its database in WAL mode itself; `synchronous` stays FULL, as SQLite has it. Workflows that run at once
run in threads, as the synchronous saver wants it.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from typing import TYPE_CHECKING, Any, TypedDict

for _name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ[_name] = "false"  # nothing is sent anywhere

from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: E402
from langgraph.graph import END, START, StateGraph  # noqa: E402
from subject import STEPS, Marks, folder, outcome, serve, threads_window  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from subject import Answer, Request

# Each checkpoint names the step it was made after: -1 is the input, 0 the start.
ON_DISK = "SELECT count(*) FROM checkpoints WHERE json_extract(metadata, '$.step') >= 1"


class State(TypedDict, total=False):
    workflow: str
    last: dict[str, Any]  # the last outcome only: a plan would keep its own state as small


class Bench:
    def __init__(self) -> None:
        self.database = sqlite3.connect(folder() / "langgraph.db", check_same_thread=False)
        saver = SqliteSaver(self.database)
        saver.setup()
        assert self.database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert self.database.execute("PRAGMA synchronous").fetchone()[0] == 2  # noqa: PLR2004 - FULL
        self.marks = Marks()
        self.app = self.graph().compile(checkpointer=saver)
        self.names = itertools.count()
        self.play()

    def graph(self) -> StateGraph[State]:
        graph, before = StateGraph(State), START
        for step in range(STEPS):
            graph.add_node(f"step-{step}", self.node(step))
            graph.add_edge(before, f"step-{step}")
            before = f"step-{step}"
        graph.add_edge(before, END)
        return graph

    def node(self, step: int) -> Callable[[State], State]:
        def run(state: State) -> State:
            self.marks.step(state["workflow"])
            return {"last": outcome(step)}

        return run

    def play(self) -> None:
        workflow = f"workflow-{next(self.names)}"
        self.app.invoke({"workflow": workflow}, {"configurable": {"thread_id": workflow}}, durability="sync")

    def window(self, request: Request) -> Answer:
        self.marks, before = Marks(), self.on_disk()
        answer = threads_window(self.marks, request, self.play)
        return {**answer, "on_disk": self.on_disk() - before}

    def on_disk(self) -> int:
        return self.database.execute(ON_DISK).fetchone()[0]


serve(Bench().window)
