"""`mainstay metrics`: how much of the operator's attention is asked for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE
from mainstay.values import say_duration

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
_SHOWN = 10  # of a list


def show(screen: Screen, folder: Path | None, weeks: int) -> int:
    """Measure the last weeks, and say what each figure means."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views, screen.err.status("Counting"):
        now_us = time.time_ns() // 1000
        found = views.metrics(weeks, now_us) | {"figures": views.figures(weeks, now_us)}
        if screen.as_json:
            found["review"] = views.review(now_us)
    screen.give(found, lambda console: _draw(found, console))
    return DONE


def _draw(found: Row, console: Console) -> None:
    span = "the last week" if found["weeks"] == 1 else f"the last {found['weeks']} weeks"
    console.print(text(f"Your attention in {span}, since {found['since'][:10]}", "bold"))
    took, share = found["answer_p50_s"], found["approved"]
    lines = {
        "interruptions": f"Interruptions: {found['interruptions']['per_day']:g} a day",
        "questions_per_100_actions": f"Questions: {_ratio(found)}",
        "answer_p50_s": "Answers: none yet" if took is None else f"Answers: half within {say_duration(round(took))}",
        "approved": "Approved: no answer yet" if share is None else f"Approved: {share:.0%}",
        "edited": "Edited: no answer yet" if share is None else f"Edited: {found['edited']:.0%}",
    }
    for name, line in lines.items():
        console.print(text(line))
        console.print(text(f"  {found['defined'][name]}", "dim"))
    for one in found["figures"]:
        console.print(text(f"{one['title']}: {one['says']}"))
        console.print(text(f"  {one['means']}", "dim"))
    for title, rows, called in (
        ("By playbook", found["by_playbook"], "name"),
        ("By rule", found["by_rule"], "rule"),
        ("By week", found["by_week"], "from"),
    ):
        if rows:
            console.print(text(title, "bold"))
        for row in rows[:_SHOWN]:
            console.print(text(f"  {row[called] or 'none'}: {_ratio(row)}"))
        if len(rows) > _SHOWN:
            console.print(text(f"  and {len(rows) - _SHOWN} more: mainstay metrics --json", "dim"))


def _ratio(row: Row) -> str:
    count, ratio = row["questions"], row["questions_per_100_actions"]
    many = "1 question" if count == 1 else f"{count} questions"
    return f"{many}, no action happened" if ratio is None else f"{many}, {ratio:g} for each 100 actions"
