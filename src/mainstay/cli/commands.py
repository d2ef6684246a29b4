"""The commands of `mainstay`: what each takes, and which function of which file does it. Start reading here.

Here stands what is done with plans and questions; what is done with the workspace itself, and all that has a word
before it (`mainstay budget raise`), stands in a file of its own.

What a command needs is imported when it runs: `mainstay --help` loads neither the workspace nor the connectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mainstay.cli import (
    api_commands,
    budget_commands,
    connector_commands,
    history_commands,
    key_commands,
    memory_commands,
    notify_commands,
    playbook_commands,
    policy_commands,
    secret_commands,
    throttle_commands,
    workspace_commands,
)
from mainstay.cli.options import (
    Edit,
    Folder,
    Json,
    Most,
    PlanName,
    Priority,
    Reason,
    Steps,
    Sure,
    refuse_repeats,
    screen_of,
)
from mainstay.version import VERSION

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Mainstay runs your company's processes; you decide on every action that matters.\n\n"
    "Exit status: 0 done, 1 failed, 2 usage, 3 waits for your decision,\n130 stopped by Ctrl-C.",
)
app.add_typer(workspace_commands.app)  # nameless: its commands stand beside those of this file
app.add_typer(playbook_commands.app, name="playbook")
app.add_typer(policy_commands.app, name="policy")
app.add_typer(memory_commands.app, name="memory")
app.add_typer(budget_commands.app, name="budget")
app.add_typer(connector_commands.app, name="connectors")
app.add_typer(throttle_commands.app, name="throttle")
app.add_typer(history_commands.app, name="history")
app.add_typer(key_commands.app, name="key")
app.add_typer(secret_commands.app, name="secret")
app.add_typer(api_commands.app, name="api")
app.add_typer(notify_commands.app, name="notify")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mainstay {VERSION}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Which one.")] = False,
) -> None:
    del version


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Made when it is not there.")] = Path(),
    name: Annotated[str, typer.Option(help="Your company; default: the folder's name.")] = "",
    timezone: Annotated[str, typer.Option(help="Such as Europe/Berlin; default: this machine's.")] = "",
    sender: Annotated[str, typer.Option(help='Whom mails come from: "Anna Berg <anna@example.com>".')] = "",
    key: Annotated[str, typer.Option(metavar="keyring|file|passphrase", help="Where its key is kept.")] = "",
    as_json: Json = False,
) -> int:
    """Make a workspace: a folder for your company."""
    from mainstay.cli import beginning

    return beginning.init(screen_of(as_json), folder, name=name, timezone=timezone, sender=sender, key=key)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where its workspace is made.")] = Path("mainstay-demo"),
    ask: Annotated[
        bool, typer.Option("--ask/--yes", help="Ask you here what is played, or answer from the demo's file.")
    ] = False,
    wait: Annotated[
        bool | None, typer.Option("--wait/--no-wait", help="Stay with the console; default: at a terminal.")
    ] = None,
    as_json: Json = False,
) -> int:
    """See Mainstay at work, with a crash; then it is your turn."""
    from mainstay.cli import demo as shown

    return shown.demo(screen_of(as_json), folder, ask=ask, wait=wait)


@app.command("try")
def try_out(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="STATEMENT... INVOICES", help="Bank statements and open invoices, or folders of them."),
    ],
    currency: Annotated[str, typer.Option(help="Of files that name none, such as EUR.")] = "",
    as_json: Json = False,
) -> int:
    """Try the reconciliation on your files; it only looks."""
    from mainstay.cli import tryout

    return tryout.try_out(screen_of(as_json), files, currency.upper())


@app.command()
def start(
    install: Annotated[bool, typer.Option("--install", help="Let it begin with this machine (systemd).")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take that back.")] = False,
    link: Annotated[bool, typer.Option("--link/--no-link", help="Print a link that lets in; not into a log.")] = True,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Run as a service until Ctrl-C: go on with plans."""
    from mainstay.cli import installing, service

    if install and uninstall:
        raise typer.BadParameter("one of --install and --uninstall")
    if install or uninstall:
        return (installing.install if install else installing.uninstall)(screen_of(as_json), workspace)
    return service.start(screen_of(as_json), workspace, link=link)


@app.command()
def console(
    set_password: Annotated[bool, typer.Option("--set-password", help="Set its password, asked for here.")] = False,
    show: Annotated[bool, typer.Option("--open/--print", help="Open your browser, where there is one.")] = True,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Open the console in your browser; the link lets you in once."""
    from mainstay.cli import console as command

    if set_password:
        return command.set_password(screen_of(as_json), workspace)
    return command.link(screen_of(as_json), workspace, show=show)


@app.command()
def run(
    playbook: Annotated[str, typer.Argument(help="See: mainstay playbook list")],
    inputs: Annotated[list[str] | None, typer.Argument(metavar="name=value ...", help="Files by their path.")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Only show what would run, in which order.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Only propose it; `mainstay resume` starts it.")] = False,
    ask_first: Annotated[
        bool, typer.Option("--ask-first", help="Prepare and show all that it would do; one yes lets just that happen.")
    ] = False,
    priority: Priority = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Run a playbook to its end, or to its first question."""
    from mainstay.cli import running

    how = {"hold": hold, "ask_first": ask_first, "priority": priority}
    return running.run(screen_of(as_json), workspace, playbook, inputs or [], dry=dry, how=how)


@app.command()
def inbox(limit: Most = 50, as_json: Json = False, workspace: Folder = None) -> int:
    """Show what needs your decision, the oldest first."""
    from mainstay.cli import questions

    return questions.inbox(screen_of(as_json), workspace, limit=limit)


@app.command()
def today(as_json: Json = False, workspace: Folder = None) -> int:
    """Show what is held, under way and due next, and what was spent."""
    from mainstay.cli import today as day

    return day.show(screen_of(as_json), workspace)


@app.command()
def decide(
    question: Annotated[str, typer.Argument(help="See: mainstay inbox")],
    answer: Annotated[str, typer.Argument(help="approve, reject, ...; without it you see the card.")] = "",
    reason: Reason = "",
    keep: Annotated[list[str] | None, typer.Option(metavar="ROWS", help="Approve only these rows: 1,3-5")] = None,
    drop: Annotated[list[str] | None, typer.Option(metavar="ROWS", help="Approve all rows but these.")] = None,
    pick: Annotated[
        list[str] | None, typer.Option(metavar="ROW=N", help="Read rows otherwise: 1=2, 3=0 (0: none).")
    ] = None,
    edit: Annotated[str, typer.Option(metavar="FILE|-", help='Change it so: JSON such as {"subject": "Hi"}.')] = "",
    fill: Annotated[
        list[str] | None, typer.Option("--set", metavar="name=value", help="Fill in a task's form.")
    ] = None,
    alike: Annotated[bool, typer.Option("--alike", help="All questions like it: same action, same rule.")] = False,
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Answer a question, after seeing exactly what will happen."""
    from mainstay.cli import questions
    from mainstay.cli.picks import named_rows

    if alike:
        from mainstay.cli import alike as many

        return many.decide(screen_of(as_json), workspace, question, answer, reason, yes=yes)
    given = {"reason": reason, "keep": named_rows(keep), "drop": named_rows(drop), "edit": edit}
    given["pick"] = ",".join(pick or ())
    return questions.decide(screen_of(as_json), workspace, question, answer, yes=yes, form=fill or [], **given)


@app.command()
def snooze(
    question: Annotated[str, typer.Argument(help="See: mainstay inbox")],
    duration: Annotated[str, typer.Argument(help="Such as 2h or 3d.")] = "1d",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Put a question off; it is due when it was."""
    from mainstay.cli import aside

    return aside.snooze(screen_of(as_json), workspace, question, duration)


@app.command()
def note(
    question: Annotated[str, typer.Argument(help="See: mainstay inbox")],
    text: Annotated[str, typer.Argument(help="Stands on its card from then on.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Note something on a question."""
    from mainstay.cli import aside

    return aside.note(screen_of(as_json), workspace, question, text)


@app.command()
def stuck(
    remedy: Annotated[str, typer.Argument(help="retry, skip, undo, raise or wait; without it all is shown.")] = "",
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="GROUP|PLAN.STEP|QUESTION ...", help="What it is for; `all` for all that is stuck."),
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(metavar="ARGUMENT=PATH", help="Try again with this file in that place.")
    ] = None,
    reason: Reason = "",
    edit: Edit = "",
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what is stuck by its cause, and apply a remedy."""
    from mainstay.cli import questions
    from mainstay.cli import stuck as letters
    from mainstay.cli.remedies import MEANING

    if not remedy:
        return letters.listed(screen_of(as_json), workspace)
    if remedy not in MEANING:  # one question by its name: `mainstay stuck QUESTION retry`
        given = {"reason": reason, "keep": "", "drop": "", "edit": edit}
        return questions.decide(screen_of(as_json), workspace, remedy, "".join((names or [])[:1]), yes=yes, **given)
    given = {"reason": reason, "edit": edit, "files": file or []}
    return letters.remedy(screen_of(as_json), workspace, remedy, names or [], given, yes=yes)


@app.command()
def recall(
    plan: Annotated[str, typer.Argument(help="Without it: all that waits to leave.")] = "",
    step: Annotated[str, typer.Argument(help="Whose actions don't leave.")] = "",
    item: Annotated[int | None, typer.Option(min=1, help="Only this one of its list, counted from 1.")] = None,
    reason: Reason = "",
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Call an approved action back before it leaves.

    It is called back at once, with --yes or without.
    """
    from mainstay.cli import leaving

    del yes  # what is called back does not happen: nobody is asked while its time runs out
    if not plan or not step:
        return leaving.leaving(screen_of(as_json), workspace)
    return leaving.recall(screen_of(as_json), workspace, plan, step, item=item, reason=reason)


@app.command()
def hasten(
    plan: PlanName,
    step: Annotated[str, typer.Argument(help="Whose actions leave now.")],
    item: Annotated[int | None, typer.Option(min=1, help="Only this one of its list, counted from 1.")] = None,
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let an approved action leave now that waits for its time."""
    from mainstay.cli import leaving

    return leaving.hasten(screen_of(as_json), workspace, plan, step, item=item, yes=yes)


@app.command(name="plans")
def list_plans(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    limit: Most = 50,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """List plans, the newest first."""
    from mainstay.cli import plans

    return plans.plans(screen_of(as_json), workspace, open_only=open_only, limit=limit)


@app.command()
def show(
    plan: PlanName,
    folder: Annotated[Path | None, typer.Argument(metavar="FOLDER", help="Where a receipt goes.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Each item on a line of its own.")] = False,
    step: Annotated[
        str, typer.Option(metavar="STEP", help="One step, whole: what it was given and gave, and why.")
    ] = "",
    receipt: Annotated[bool, typer.Option("--receipt", help="Write a signed receipt (see: history check).")] = False,
    without: Annotated[str, typer.Option(metavar="personal", help="What the receipt leaves out.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show who did what in a plan, because of what."""
    from mainstay.cli import plans, receipts, tracing

    if step:
        return tracing.step(screen_of(as_json), workspace, plan, step)
    if receipt or folder is not None or without:
        return receipts.write(screen_of(as_json), workspace, plan, folder, wanted=receipt, without=without)
    return plans.show(screen_of(as_json), workspace, plan, everything=everything)


@app.command()
def trace(
    plan: PlanName,
    words: Annotated[str, typer.Argument(help="A number, a name, words of a message.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Trace a number or words of a plan to where they come from."""
    from mainstay.cli import tracing

    return tracing.trace(screen_of(as_json), workspace, plan, words)


@app.command()
def books(
    plan: Annotated[str, typer.Argument(help="One reconciliation; without it all are listed.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what was made of payments and invoices."""
    from mainstay.cli import books as matched

    return matched.show(screen_of(as_json), workspace, plan)


@app.command()
def cancel(plan: PlanName, reason: Reason = "", as_json: Json = False, workspace: Folder = None) -> int:
    """End a plan now; what it did stays."""
    from mainstay.cli import plans

    return plans.cancel(screen_of(as_json), workspace, plan, reason)


@app.command()
def pause(plan: PlanName, reason: Reason = "", as_json: Json = False, workspace: Folder = None) -> int:
    """Begin nothing new in a plan until it is resumed."""
    from mainstay.cli import scheduling

    return scheduling.pause(screen_of(as_json), workspace, plan, reason)


@app.command()
def resume(plan: PlanName, as_json: Json = False, workspace: Folder = None) -> int:
    """Go on with a paused plan, or start one that was only proposed."""
    from mainstay.cli import scheduling

    return scheduling.resume(screen_of(as_json), workspace, plan)


@app.command()
def edit(
    plan: PlanName,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="name=value ...", help="What changes.")] = None,
    expires: Annotated[str, typer.Option(metavar="3d|never", help="When it ends at the latest, from now.")] = "",
    priority: Priority = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Change a plan that was proposed and has not started."""
    from mainstay.cli import scheduling

    return scheduling.edit(screen_of(as_json), workspace, plan, inputs or [], expires=expires, priority=priority)


@app.command()
def undo(
    plan: PlanName,
    reason: Reason = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask again.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Take back what a plan did, after showing what it is."""
    from mainstay.cli import plans

    return plans.undo(screen_of(as_json), workspace, plan, reason, yes=yes)


@app.command()
def rerun(
    plan: PlanName,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="name=value ...", help="What changes.")] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="Default: what --failed names, else after its last checkpoint."),
    ] = None,
    playbook: Annotated[str, typer.Option(metavar="NAME[@VERSION]", help="Another version of its playbook.")] = "",
    adopt: Steps = None,
    failed: Annotated[
        list[str] | None, typer.Option(metavar="STEP", help="Of a list, only what failed; the rest stays and counts.")
    ] = None,
    undo: Annotated[list[str] | None, typer.Option(metavar="STEP", help="Take it back, and do it again.")] = None,
    again: Annotated[list[str] | None, typer.Option(metavar="STEP", help="What it did stays; do it once more.")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Only show what would run again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask again.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Run an ended plan again from a step on, with changes."""
    from mainstay.cli import rerunning

    choices = {"adopt": adopt or [], "failed": failed or [], "undo": undo or [], "again": again or []}
    given = {"start": failed or None if start is None else start, "playbook": playbook}
    return rerunning.rerun(screen_of(as_json), workspace, plan, inputs or [], choices, given, dry=dry, yes=yes)


@app.command()
def replay(plan: PlanName, as_json: Json = False, workspace: Folder = None) -> int:
    """Decide a plan's history again, and compare."""
    from mainstay.cli import replaying

    return replaying.replay(screen_of(as_json), workspace, plan)


refuse_repeats(app)
