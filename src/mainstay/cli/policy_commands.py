"""`mainstay policy`: what happens by itself, what is asked, what never happens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mainstay.cli.options import Folder, Json, PlanName, Sure, screen_of

app = typer.Typer(no_args_is_help=True, help="What happens by itself, what is asked.", rich_markup_mode=None)

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A policy's YAML file, such as policies/house.yaml.")]
PolicyName = Annotated[str, typer.Argument(metavar="NAME", help="A policy, such as house.")]


@app.command(name="list")
def list_policies(as_json: Json = False, workspace: Folder = None) -> int:
    """List the rules in force, and the files they stand in."""
    from mainstay.cli import policy

    return policy.list_rules(screen_of(as_json), workspace)


@app.command()
def operations(as_json: Json = False, workspace: Folder = None) -> int:
    """List what a rule can be about, and what its condition can read there."""
    from mainstay.cli import policy_about

    return policy_about.list_operations(screen_of(as_json), workspace)


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Default: all in policies/.")] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Check policies, and name every mistake at its place."""
    from mainstay.cli import policy

    return policy.check(screen_of(as_json), workspace, files or [])


@app.command(name="test")
def try_policy(
    file: PolicyFile,
    as_json: Json = False,
    workspace: Folder = None,
    playbook: Annotated[
        str, typer.Option("--playbook", metavar="NAME", help="Try a playbook on files instead of the history.")
    ] = "",
    given: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="What it is given; files by their path.")
    ] = None,
    each: Annotated[
        Path | None, typer.Option("--each", metavar="FOLDER", help="Try it once for each file in there.")
    ] = None,
) -> int:
    """Show what a policy would have done with past actions; nothing happens and nothing is changed."""
    from mainstay.cli import policy

    if playbook or given or each:
        return policy.try_on_files(screen_of(as_json), workspace, file, playbook, given or [], each)
    return policy.try_on_history(screen_of(as_json), workspace, file)


@app.command()
def explain(
    plan: PlanName,
    step: Annotated[str, typer.Argument(metavar="STEP", help="One of its steps.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Say which rules spoke about a step's actions and why, which did not, and what they compared."""
    from mainstay.cli import policy

    return policy.explain(screen_of(as_json), workspace, plan, step)


@app.command()
def allow(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="See: mainstay inbox")],
    same_receiver: Annotated[bool, typer.Option("--same-receiver", help="Only for whom this one reaches.")] = False,
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let what a question asks about happen by itself from now on, after showing the rule."""
    from mainstay.cli import allowing

    return allowing.allow(screen_of(as_json), workspace, question, same_receiver=same_receiver, yes=yes)


@app.command()
def save(
    name: PolicyName,
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="Its new text; - reads it from standard input.")],
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Write a policy and let it hold, after checking it and showing what changes."""
    from mainstay.cli import policy_saving

    return policy_saving.save(screen_of(as_json), workspace, name, file, yes=yes)


@app.command()
def diff(
    name: PolicyName,
    older: Annotated[str, typer.Argument(metavar="OLDER", help="A version; default: the active one.")] = "",
    newer: Annotated[str, typer.Argument(metavar="NEWER", help="A version; default: the file.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what differs between versions of a policy."""
    from mainstay.cli import policy, versions

    return versions.diff(screen_of(as_json), workspace, policy.named(name), older, newer)


@app.command()
def revert(
    name: PolicyName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Default: the one before.")] = "",
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Put an older version of a policy back, and let it hold."""
    from mainstay.cli import policy, versions

    return versions.revert(screen_of(as_json), workspace, policy.named(name), version, yes=yes)
