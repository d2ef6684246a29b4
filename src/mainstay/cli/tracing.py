"""`mainstay trace PLAN WORDS` and `mainstay show PLAN --step STEP`: where something comes from, and one step, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.place import views_at
from mainstay.cli.rows import draw_value
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE
from mainstay.errors import InputError
from mainstay.said import say_sure
from mainstay.sentences import say_does

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
_LONG = 800  # characters of what a step was given, or gave
_SHOWN = 20  # items and calls of a step; --json has all


def trace(screen: Screen, folder: Path | None, name: str, wanted: str) -> int:
    """Trace a number or words of a plan to the facts that hold them, and to what led to the first."""
    if not wanted.strip():
        raise InputError("Nothing to trace was given.", remedy='Such as: mainstay trace k3v9x2m4qa "1,200.00"')
    with views_at(folder) as views:
        found = views.explain(views.plan_id(name), wanted)
    screen.give(found, lambda console: _draw_trace(found, console))
    return DONE


def step(screen: Screen, folder: Path | None, name: str, path: str) -> int:
    """Show one step: what it was given and gave, why, its attempts, and the versions as of that run."""
    with views_at(folder) as views:
        found, zone = views.step(views.plan_id(name), path), views.timezone
    screen.give(found, lambda console: _draw_step(found, console, zone))
    return DONE


def _draw_trace(found: Row, console: Console) -> None:
    if not found["found"]:
        console.print(text(f"'{found['wanted']}' stands nowhere in plan {found['plan']}."))
        console.print("Try a part of it: a number without its currency, one word.")
        return
    many = "1 place" if len(found["found"]) == 1 else f"{len(found['found'])} places"
    console.print(text(f"'{found['wanted']}' stands in {many}, in the order in which they came:", "bold"))
    for row in found["found"]:
        _draw_event(row, console)
        for place in row["places"]:
            if place["says"]:
                console.print(text(f"      {place['where']}: {place['says']}"))
        if row["more"] > 0:
            console.print(text(f"      and {row['more']} more in it", "dim"))
    if found["chain"]:
        console.print(text("What led to the first of them:", "bold"))
    for row in found["chain"]:
        _draw_event(row, console)


def _draw_event(row: Row, console: Console) -> None:
    came = f", from {', '.join(row['came_from'])}" if row["came_from"] else ""
    console.print(text(f"  {row['what']}"))
    console.print(
        text(f"      {when(row['at'])}, {row['who']}{came}, record {row['position']} ({row['event']})", "dim")
    )


def _draw_step(found: Row, console: Console, zone: str) -> None:
    console.print(text(f"{found['named']}: {say_does(found['does'])}, {found['says']}", "bold"))
    console.print(text(f"plan {found['plan']}: {found['title']}"))
    _draw_values(found, console, zone)
    if found["rationale"]:
        console.print(text(f"why: {found['rationale']}"))
    if found["confidence"] is not None:
        console.print(text(f"how sure: {say_sure(found['confidence'])}"))
    if found["allowed"]:
        console.print(text(f"let through because: {found['allowed']}"))
    for one in found["attempts"]:
        console.print(text(f"attempt {one['attempt']} failed: {one['why']}", "yellow"))
    if found["failure"]:
        console.print(text(f"{found['failure']} {found['next']}", "yellow"))
    if found["cannot_undo"]:
        console.print(text(f"can't be undone: {found['cannot_undo']}"))
    if found["came_from"]:
        console.print(text(f"what it read came from: {', '.join(found['came_from'])}"))
    for name, says in found["versions"].items():
        if says:
            console.print(text(f"as of that run, {name}: {says}", "dim"))
    _draw_parts(found, console)


def _draw_values(found: Row, console: Console, zone: str) -> None:
    for title, value in (("given", found["arguments"]), ("gave", found["output"])):
        if value not in (None, {}, [], ""):
            said = draw_value(value, zone)
            cut = len(said) > _LONG
            console.print(text(f"{title}: ").append_text(said[:_LONG]).append_text(text("…" if cut else "")))
            if cut:
                console.print(text(f"  all of it: mainstay show {found['plan']} --step {found['path']} --json", "dim"))


def _draw_parts(found: Row, console: Console) -> None:
    for one in found["items"][:_SHOWN]:
        why = f": {one['failure']}" if one["failure"] else ""
        given = f" ({one['with']})" if one["with"] else ""
        console.print(text(f"  {one['named']}{given}, {one['says']}{why}"))
    for one in found["calls"][:_SHOWN]:
        console.print(text(f"  call of {one['operation']} {when(one['at'])}: {one['says']}"))
    if max(len(found["items"]), len(found["calls"])) > _SHOWN:
        console.print(text(f"  and more: mainstay show {found['plan']} --step {found['path']} --json", "dim"))
    for question in found["questions"]:
        console.print(text(f"asked: mainstay decide {question}", "cyan"))
    for row in found["timeline"][-_SHOWN:]:
        console.print(text(f"  {when(row['at'])} {row['what']} ({row['who']})", "dim"))
