"""`mainstay throttle`: what waits because a bound of a policy was reached."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, Sure, screen_of

app = typer.Typer(
    invoke_without_command=True, help="Playbooks that a throttle holds, and letting them go on.", rich_markup_mode=None
)
Playbook = Annotated[str, typer.Argument(metavar="PLAYBOOK", help="As `mainstay throttle` names it.")]


@app.callback()
def show(context: typer.Context, as_json: Json = False, workspace: Folder = None) -> int:
    """Show which playbooks wait, what was counted, and their plans."""
    from mainstay.cli import throttle

    return 0 if context.invoked_subcommand else throttle.listed(screen_of(as_json), workspace)


@app.command("go-on")
def go_on(playbook: Playbook, yes: Sure = False, as_json: Json = False, workspace: Folder = None) -> int:
    """Let a playbook's plans go on; it is counted anew."""
    from mainstay.cli import throttle

    return throttle.answer(screen_of(as_json), workspace, "go-on", playbook, yes=yes)


@app.command()
def undo(playbook: Playbook, yes: Sure = False, as_json: Json = False, workspace: Folder = None) -> int:
    """Take back what it did within the throttle's time; its new plans still wait."""
    from mainstay.cli import throttle

    return throttle.answer(screen_of(as_json), workspace, "undo", playbook, yes=yes)


@app.command()
def stop(playbook: Playbook, yes: Sure = False, as_json: Json = False, workspace: Folder = None) -> int:
    """End the plans that wait; what they did stays, and its new plans still wait."""
    from mainstay.cli import throttle

    return throttle.answer(screen_of(as_json), workspace, "stop", playbook, yes=yes)
