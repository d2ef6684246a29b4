"""A plan on the screen: how it stands, its steps, and its timeline with causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from rich.table import Table

from mainstay.cli.leaving import draw_leaving
from mainstay.cli.rows import draw_value
from mainstay.cli.screen import text, when
from mainstay.sentences import say_does, say_path
from mainstay.values import say_duration
from mainstay.views.lines import lines_of

if TYPE_CHECKING:
    from rich.console import Console

Row: TypeAlias = dict[str, Any]
_NAMED = 5  # mails that did not arrive, by the action


def draw_plan(plan: Row, console: Console, zone: str, *, everything: bool) -> None:
    """Draw all of it; without `everything` runs of lines about single items are drawn as one."""
    console.print(text(plan["title"], "bold"))
    console.print(text(f"{plan['plan']}, playbook {plan['playbook']}: {plan['says']}"))
    ended = f", ended {when(plan['ended_at'])}" if plan["ended_at"] else ""
    expires = f", expires {when(plan['expires_at'])}" if plan["expires_at"] and not plan["ended_at"] else ""
    console.print(text(f"begun {when(plan['proposed_at'])}{ended}{expires} ({zone})"))
    inputs: Row = plan["inputs"] or {}
    for name, value in inputs.items():
        long = plan["input_types"].get(name) == "duration" and type(value) is int
        console.print(text(f"{name}: ").append_text(draw_value(say_duration(value) if long else value, zone)))
    console.print()
    console.print(_steps(plan["steps"]))
    console.print()
    console.print(_timeline(plan["timeline"], everything=everything))
    if not everything:
        console.print(text(f"All lines, item by item: mainstay show {plan['plan']} --all", "dim"))
    if plan["ended_at"] and "-" not in plan["plan"]:
        console.print(text(f"A signed receipt of it: mainstay show {plan['plan']} --receipt", "dim"))
    if plan["status"] == "proposed":
        console.print(text(f"It starts with: mainstay resume {plan['plan']}", "cyan"))
        console.print(text(f"Change it before: mainstay edit {plan['plan']} name=value"))
        console.print(text(f"Or end it: mainstay cancel {plan['plan']}"))
    elif plan["paused_at"]:
        console.print(text(f"It goes on with: mainstay resume {plan['plan']}", "cyan"))
    draw_leaving(plan["leaving"], console, zone)
    draw_bounced(plan["bounced"], console)
    for question in plan["questions"]:
        console.print(text(f"Needs your decision: {question['card'].get('headline', '')}", "bold yellow"))
        console.print(text(f"  mainstay decide {question['decision']}", "cyan"))


def draw_bounced(rows: list[Row], console: Console, indent: str = "") -> None:
    """Draw what became of mails that did not arrive, alike ones in one line."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(row["says"], []).append(row["action"])
    for says, actions in alike.items():
        named = ", ".join(actions[:_NAMED]) + (f" and {len(actions) - _NAMED} more" if len(actions) > _NAMED else "")
        many = "1 mail" if len(actions) == 1 else f"{len(actions)} mails"
        console.print(text(f"{indent}{many} {says} ({named})", "yellow"))


def _steps(steps: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("step", "does", "where it stands"):
        table.add_column(name, overflow="fold")
    for step in steps:
        items = ", ".join(f"{count} {says}" for says, count in step["items"].items())
        told = f"{step['says']} ({items})" if items else step["says"]
        failed = f": {step['failure']}" if step["failure"] else ""
        table.add_row(text(step["step"]), text(say_does(step["does"])), text(told + failed))
        for line in _calls(step["calls"]):
            table.add_row(*(text(cell, "dim") for cell in line))
    return table


def _calls(calls: list[Row]) -> list[tuple[str, str, str]]:
    """Draw what an agent called, under its step: each action, and how often it made each other call."""
    lines: dict[tuple[str, str, str], int] = {}
    for call in calls:
        path = f"  {say_path(call['path'])}" if call["action"] else ""
        line = (path, f"  {call['operation']}", call["says"])
        lines[line] = lines.get(line, 0) + 1
    return [
        (path, does, says if count == 1 else f"{says}, {count} times") for (path, does, says), count in lines.items()
    ]


def _timeline(events: list[Row], *, everything: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("#", "right"), ("when", "left"), ("who", "left"), ("what", "left"), ("because of", "left")):
        table.add_column(name, overflow="fold", justify=justify)  # pyright: ignore[reportArgumentType]
    for line in lines_of(events, everything=everything):
        because = f"#{line['because']}" if line["because"] else ""
        cells = (line["number"], when(line["at"]), line["who"], line["what"], because)
        table.add_row(*(text(cell) for cell in cells))
    return table
