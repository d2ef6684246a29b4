"""`mainstay budget`: what may be spent."""

from __future__ import annotations

from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, screen_of

app = typer.Typer(invoke_without_command=True, help="What may be spent, and what is left of it.", rich_markup_mode=None)


@app.callback()
def show(context: typer.Context, as_json: Json = False, workspace: Folder = None) -> int:
    """Show each budget: spent, held and left, what counted, and when it runs out."""
    from mainstay.cli import budget

    return 0 if context.invoked_subcommand else budget.listed(screen_of(as_json), workspace)


@app.command("raise")
def raise_budget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `mainstay budget` names it.")],
    today: Annotated[str, typer.Option(metavar="AMOUNT", help='By so much, until midnight: 20 or "50.00 EUR".')] = "",
    month: Annotated[str, typer.Option(metavar="AMOUNT", help="By so much, until the month ends.")] = "",
    plan: Annotated[str, typer.Option(metavar="PLAN=AMOUNT", help="By so much, for one plan.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let more be spent, this time only."""
    from mainstay.cli import budget

    return budget.raised(screen_of(as_json), workspace, name, today=today, month=month, plan=plan)
