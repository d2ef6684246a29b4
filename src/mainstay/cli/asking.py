"""Asking the owner from the command line: progress while it works, and a clean end when it is interrupted."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from mainstay.cli.progress import Board
from mainstay.cli.screen import moment, text
from mainstay.cli.status import DONE, FAILED, INTERRUPTED, WAITS
from mainstay.errors import CommandRefusedError
from mainstay.kernel.state import ENDED
from mainstay.sentences import say_path, say_status, say_wait

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]


def ask(screen: Screen, workspace: Workspace, method: str, params: Row) -> Row:
    """Ask, show progress, and give where the plan stands. Raises what the request raises.

    Ctrl-C ends the command, after saying what goes on by itself.
    """
    from mainstay.owners import ask_owner, owner_of

    board = Board(screen.err)
    try:
        with board:
            standing = asyncio.run(ask_owner(workspace, method, params, board.hear))
        owner = owner_of(workspace)
        serves = owner is not None and owner.command.startswith("mainstay start")
        return standing | {"goes_on": serves} if "status" in standing else standing
    except CommandRefusedError as error:
        plan = params.get("plan") or str(params.get("decision", "")).rpartition(".")[0]
        remedy = error.remedy or (_next_of(workspace, plan) if plan else "")
        raise CommandRefusedError(error.message, remedy=remedy) from None
    except KeyboardInterrupt:
        _say_interrupted(screen, workspace, board.plan)
        raise typer.Exit(INTERRUPTED) from None


def _next_of(workspace: Workspace, plan_id: str) -> str:
    """Say what can be done with a plan that is not in a state for what was asked."""
    from mainstay.views import Views

    with Views(workspace) as views:
        plan = views.plan(plan_id)
    shown = f"See where it stands: mainstay show {plan_id}"
    if plan.status == "proposed":
        return f"Start it: mainstay resume {plan_id}. Or end it: mainstay cancel {plan_id}"
    if plan.status in ENDED or plan.status == "undone":
        return f"{shown}. To run it again: mainstay rerun {plan_id}"
    if plan.paused_at_us is not None:
        return f"{shown}. It goes on with: mainstay resume {plan_id}"
    return shown


def _say_interrupted(screen: Screen, workspace: Workspace, plan: str) -> None:
    from mainstay.owners import owner_of

    owner = owner_of(workspace)
    if not plan:
        screen.err.print("Stopped; nothing was begun. `mainstay plans` shows all plans.")
    elif owner is not None:
        screen.err.print(text(f"Plan {plan} goes on in process {owner.pid} ({owner.command})."))
    else:
        screen.err.print(text(f"Plan {plan} stands still, and all it did so far is kept."))
        screen.err.print(text(f"It goes on with `mainstay start`; `mainstay cancel {plan}` ends it."))


def status_of(standing: Row, *, wanted: frozenset[str] = frozenset()) -> int:
    """Give the exit status of where a plan stands; `wanted` are ends the operator asked for."""
    if standing["questions"]:
        return WAITS
    if standing["status"] in wanted:
        return DONE
    return FAILED if standing["status"] in ("failed", "cancelled", "expired", "undone") else DONE


def say_standing(screen: Screen, standing: Row) -> None:
    """Tell in a few lines where a plan stands, and what to do next."""
    plan, questions = standing["plan"], standing["questions"]
    says = standing.get("says") or say_status(standing["status"], standing["ending"])  # an older owner leaves it to us
    says = "paused" if standing.get("paused") else says
    says = "needs your decision" if questions else says
    screen.say(text(f"{standing['title']} ({plan}): {says}", "bold"))
    _say_questions(screen, questions, standing.get("stopped", {}))
    if standing.get("paused"):
        screen.say(f"It is paused, and goes on with: mainstay resume {plan}")
    elif not questions and standing["status"] == "proposed":
        screen.say(f"It starts with your go-ahead: mainstay resume {plan}")
        screen.say(f"To change it before: mainstay edit {plan} name=value")
    elif not questions and standing["status"] == "approved":
        screen.say("It starts by itself as soon as the plans before it have ended: only so many run at a time.")
    elif not questions and standing["status"] in ("running", "undoing"):
        _say_asleep(screen, standing)
    elif not questions:
        screen.say(f"What happened, and why: mainstay show {plan}")
    for row in standing.get("leaving", ()):
        _say_leaving(screen, row)
    for name in standing.get("refused", ()) if not questions else ():
        left_out = ", ".join(standing["without"].get(name, ()))
        screen.say(f"You said no to '{say_path(name)}'." + f" Left out: {left_out}." * bool(left_out), "yellow")
    if standing["status"] == "completed" and standing.get("written"):
        screen.say(f"Written: {', '.join(standing['written'])}")
    if standing["status"] == "completed" and standing.get("undoable"):
        screen.say(f"To take it back: mainstay undo {plan}")
    for other in standing.get("left", ()):
        screen.say(f"Plan {other} has work left; it goes on with: mainstay start")


def _say_questions(screen: Screen, questions: list[str], stopped: dict[str, str]) -> None:
    """Name what waits for an answer; `stopped` names the budgets that did: what one stopped has one answer."""
    many = {budget: count for budget, count in Counter(stopped.values()).items() if count > 1}
    for decision in questions:
        if stopped.get(decision) not in many:
            screen.say(text(f"  mainstay decide {decision}", "cyan"))
    for budget, count in many.items():
        screen.say(f"Budget '{budget}' stopped {count} actions. One answer for all of them:")
        screen.say(text("  mainstay stuck", "cyan"))


def _say_asleep(screen: Screen, standing: Row) -> None:
    """Say what a plan waits for, and whether it goes on by itself then."""
    for row in standing.get("waits", ()):
        screen.say(text(f"'{say_path(row['path'])}' {say_wait(row['event'], moment(row['until'], row['timezone']))}."))
    goes_on = "It goes on by itself then." if standing.get("goes_on") else ""
    screen.say(goes_on or "It goes on when Mainstay runs then: mainstay start")


def _say_leaving(screen: Screen, row: Row) -> None:
    screen.say(
        text(
            f"'{say_path(row['path'])}' leaves at {moment(row['leaves_at'], row['timezone'])}; call it back with:",
            "cyan",
        )
    )
    screen.say(text(f"  {row['recall']}", "cyan"))
