"""Options that every command takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand, TyperOption

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Give one JSON document on stdout.")]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--workspace", envvar="MAINSTAY_WORKSPACE", metavar="FOLDER", help="Default: here or above."),
]
PlanName: TypeAlias = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's id, or its beginning.")]
Reason: TypeAlias = Annotated[str, typer.Option(help="Kept in the history.")]
Sure: TypeAlias = Annotated[bool, typer.Option("--yes", help="Don't ask; take the card as seen.")]
Edit: TypeAlias = Annotated[str, typer.Option(metavar="FILE|-", help="Try again with these changes (JSON).")]
Steps: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="STEP", help="What it did stays and counts; it is not done again.")
]
Priority: TypeAlias = Annotated[
    int | None, typer.Option(min=-100, max=100, metavar="N", help="Higher goes first where plans wait for each other.")
]
PlaybookName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="See: mainstay playbook list")]
Most: TypeAlias = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


class Once(TyperCommand):
    """A command that refuses an option given twice where it takes one value: only the last one would count."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer gives it no public name
        """Read the command line; raises UsageError."""
        given = self.make_parser(ctx).parse_args(args=list(args))[2]
        for one in given:
            if isinstance(one, TyperOption) and not (one.multiple or one.is_flag) and given.count(one) > 1:
                ctx.fail(f"{one.opts[0]} was given more than once, and takes one value.")
        return super().parse_args(ctx, args)


def refuse_repeats(app: typer.Typer) -> None:
    """Have each command of an app refuse what `Once` refuses."""
    for command in app.registered_commands:
        command.cls = Once
    for group in app.registered_groups:
        if group.typer_instance is not None:
            refuse_repeats(group.typer_instance)


def screen_of(as_json: bool) -> Screen:
    """Give the two outputs of a command."""
    from mainstay.cli.screen import Screen

    return Screen(as_json=as_json)
