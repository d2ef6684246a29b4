"""Every command of `mainstay`: what it takes, and which function of which file does it. Start reading here.

What a command needs is imported when it runs: `mainstay --help` loads neither the workspace nor the connectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from mainstay.cli import key_commands
from mainstay.version import VERSION

if TYPE_CHECKING:
    from mainstay.cli.screen import Screen

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Give one JSON document on stdout.")]
Folder: TypeAlias = Annotated[
    Path | None,
    typer.Option("--workspace", envvar="MAINSTAY_WORKSPACE", metavar="FOLDER", help="Default: here or above."),
]
PlanName: TypeAlias = Annotated[str, typer.Argument(metavar="PLAN", help="A plan's id, or its beginning.")]
Reason: TypeAlias = Annotated[str, typer.Option(help="Kept in the history.")]
Sure: TypeAlias = Annotated[bool, typer.Option("--yes", help="Don't show the card and ask again.")]
Edit: TypeAlias = Annotated[str, typer.Option(metavar="FILE|-", help="Try again with these changes (JSON).")]
Steps: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="STEP", help="What it did stays and counts; it is not done again.")
]
Priority: TypeAlias = Annotated[
    int | None, typer.Option(min=-100, max=100, metavar="N", help="Higher goes first where plans wait for each other.")
]
PlaybookName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="See: mainstay playbook list")]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Mainstay runs your company's processes; you decide on every action that matters.\n\n"
    "Exit status: 0 done, 1 failed, 2 usage, 3 waits for your decision,\n130 stopped by Ctrl-C.",
)
playbook = typer.Typer(no_args_is_help=True, help="What can be run.", rich_markup_mode=None)
history = typer.Typer(no_args_is_help=True, help="Everything that ever happened.", rich_markup_mode=None)
memory = typer.Typer(no_args_is_help=True, help="What was learned from your answers.", rich_markup_mode=None)
app.add_typer(playbook, name="playbook")
app.add_typer(memory, name="memory")
app.add_typer(history, name="history")
app.add_typer(key_commands.app, name="key")


def _screen(as_json: bool) -> Screen:
    from mainstay.cli.screen import Screen

    return Screen(as_json=as_json)


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

    return beginning.init(_screen(as_json), folder, name=name, timezone=timezone, sender=sender, key=key)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where its workspace is made.")] = Path("mainstay-demo"),
    yes: Annotated[bool, typer.Option("--yes", "--play", help="Answer from the demo's file; ask nothing.")] = False,
    as_json: Json = False,
) -> int:
    """See Mainstay at work: a month's end, and a crash in it."""
    from mainstay.cli import demo as shown

    return shown.demo(_screen(as_json), folder, play=yes)


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

    return tryout.try_out(_screen(as_json), files, currency.upper())


@app.command()
def start(as_json: Json = False, workspace: Folder = None) -> int:
    """Run as a service until Ctrl-C: go on with plans."""
    from mainstay.cli import service

    return service.start(_screen(as_json), workspace)


@app.command()
def run(
    playbook: Annotated[str, typer.Argument(help="See: mainstay playbook list")],
    inputs: Annotated[list[str] | None, typer.Argument(metavar="name=value ...", help="Files by their path.")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Only show what would run, in which order.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="Only propose it; `mainstay resume` starts it.")] = False,
    priority: Priority = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Run a playbook to its end, or to its first question."""
    from mainstay.cli import running

    how = {"hold": hold, "priority": priority}
    return running.run(_screen(as_json), workspace, playbook, inputs or [], dry=dry, how=how)


@app.command()
def inbox(as_json: Json = False, workspace: Folder = None) -> int:
    """Show what needs your decision."""
    from mainstay.cli import questions

    return questions.inbox(_screen(as_json), workspace)


@app.command()
def decide(
    question: Annotated[str, typer.Argument(help="See: mainstay inbox")],
    answer: Annotated[str, typer.Argument(help="approve, reject, ...; without it you see the card.")] = "",
    reason: Reason = "",
    keep: Annotated[str | None, typer.Option(metavar="ROWS", help="Approve only these rows: 1,3-5")] = None,
    drop: Annotated[str | None, typer.Option(metavar="ROWS", help="Approve all rows but these.")] = None,
    edit: Annotated[str, typer.Option(metavar="FILE|-", help="Approve it with these changes (JSON).")] = "",
    fill: Annotated[
        list[str] | None, typer.Option("--set", metavar="name=value", help="Fill in a task's form.")
    ] = None,
    yes: Sure = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Answer a question, after seeing exactly what will happen."""
    from mainstay.cli import questions
    from mainstay.cli.picks import named_rows

    given = {"reason": reason, "keep": named_rows(keep), "drop": named_rows(drop), "edit": edit}
    return questions.decide(_screen(as_json), workspace, question, answer, yes=yes, form=fill or [], **given)


@app.command()
def stuck(
    remedy: Annotated[str, typer.Argument(help="retry, skip or undo; without it you see all that is stuck.")] = "",
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

    if not remedy:
        return letters.listed(_screen(as_json), workspace)
    if remedy not in letters.MEANING:  # one question by its name: `mainstay stuck QUESTION retry`
        given = {"reason": reason, "keep": "", "drop": "", "edit": edit}
        return questions.decide(_screen(as_json), workspace, remedy, "".join((names or [])[:1]), yes=yes, **given)
    given = {"reason": reason, "edit": edit, "files": file or []}
    return letters.remedy(_screen(as_json), workspace, remedy, names or [], given, yes=yes)


@app.command()
def recall(
    plan: Annotated[str, typer.Argument(help="Without it: all that waits to leave.")] = "",
    step: Annotated[str, typer.Argument(help="Whose actions don't leave.")] = "",
    item: Annotated[int | None, typer.Option(min=1, help="Only this one of its list, counted from 1.")] = None,
    reason: Reason = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Call an approved action back before it leaves."""
    from mainstay.cli import leaving

    if not plan or not step:
        return leaving.leaving(_screen(as_json), workspace)
    return leaving.recall(_screen(as_json), workspace, plan, step, item=item, reason=reason)


@app.command(name="plans")
def list_plans(
    open_only: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """List plans, the newest first."""
    from mainstay.cli import plans

    return plans.plans(_screen(as_json), workspace, open_only=open_only, limit=limit)


@app.command()
def show(
    plan: PlanName,
    everything: Annotated[bool, typer.Option("--all", help="Each item on a line of its own.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show who did what in a plan, because of what."""
    from mainstay.cli import plans

    return plans.show(_screen(as_json), workspace, plan, everything=everything)


@app.command()
def cancel(plan: PlanName, reason: Reason = "", as_json: Json = False, workspace: Folder = None) -> int:
    """End a plan now; what it did stays."""
    from mainstay.cli import plans

    return plans.cancel(_screen(as_json), workspace, plan, reason)


@app.command()
def pause(plan: PlanName, reason: Reason = "", as_json: Json = False, workspace: Folder = None) -> int:
    """Begin nothing new in a plan until it is resumed."""
    from mainstay.cli import scheduling

    return scheduling.pause(_screen(as_json), workspace, plan, reason)


@app.command()
def resume(plan: PlanName, as_json: Json = False, workspace: Folder = None) -> int:
    """Go on with a paused plan, or start one that was only proposed."""
    from mainstay.cli import scheduling

    return scheduling.resume(_screen(as_json), workspace, plan)


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

    return scheduling.edit(_screen(as_json), workspace, plan, inputs or [], expires=expires, priority=priority)


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

    return plans.undo(_screen(as_json), workspace, plan, reason, yes=yes)


@app.command()
def rerun(
    plan: PlanName,
    inputs: Annotated[list[str] | None, typer.Argument(metavar="name=value ...", help="What changes.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Default: after its last checkpoint.")
    ] = None,
    playbook: Annotated[str, typer.Option(metavar="NAME[@VERSION]", help="Another version of its playbook.")] = "",
    adopt: Steps = None,
    undo: Annotated[list[str] | None, typer.Option(metavar="STEP", help="Take it back, and do it again.")] = None,
    again: Annotated[list[str] | None, typer.Option(metavar="STEP", help="What it did stays; do it once more.")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="Only show what would run again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask again.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Run an ended plan again from a step on, with changes."""
    from mainstay.cli import rerunning

    choices = {"adopt": adopt or [], "undo": undo or [], "again": again or []}
    given = {"start": start, "playbook": playbook}
    return rerunning.rerun(_screen(as_json), workspace, plan, inputs or [], choices, given, dry=dry, yes=yes)


@app.command()
def replay(plan: PlanName, as_json: Json = False, workspace: Folder = None) -> int:
    """Decide a plan's history again, and compare."""
    from mainstay.cli import plans

    return plans.replay(_screen(as_json), workspace, plan)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")],
    passphrase: Annotated[
        bool, typer.Option("--passphrase", help="Open it with a passphrase, without any key.")
    ] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Write the whole workspace into one encrypted file."""
    from mainstay.cli import backup as backups

    return backups.backup(_screen(as_json), workspace, file, by_word=passphrase)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made with: mainstay backup")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    as_json: Json = False,
) -> int:
    """Make a workspace of a backup; nothing is done in it yet."""
    from mainstay.cli import backup as backups

    return backups.restore(_screen(as_json), file, folder)


@app.command()
def activate(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME ...", help="Without it: all that changed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that changed; the same as no name.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let changed playbooks, agents and policies run."""
    from mainstay.cli import versions

    return versions.activate(_screen(as_json), workspace, [] if everything else names or [], yes=yes)


@app.command()
def diff(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A playbook, agent or policy, or its file.")],
    older: Annotated[str, typer.Argument(metavar="VERSION", help="By default the active one.")] = "",
    newer: Annotated[str, typer.Argument(metavar="VERSION", help="By default the file.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what differs between versions."""
    from mainstay.cli import versions

    return versions.diff(_screen(as_json), workspace, name, older, newer)


@app.command()
def revert(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A playbook, agent or policy, or its file.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="By default the one before.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Put an older version back, in the folder too."""
    from mainstay.cli import versions

    return versions.revert(_screen(as_json), workspace, name, version, yes=yes)


@app.command()
def doctor(as_json: Json = False, workspace: Folder = None) -> int:
    """Look whether all is in order, and what to do."""
    from mainstay.cli import doctor as surgery

    return surgery.doctor(_screen(as_json), workspace)


@app.command(name="forget")
def forget_person(
    person: Annotated[str, typer.Argument(help="A name, account, mail address or customer's number.")],
    only: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Of several people, only this one.")] = None,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Files they stand in stay readable.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask again.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Forget a person for good, after showing what is known."""
    from mainstay.cli import forget as forgetting

    return forgetting.forget(_screen(as_json), workspace, person, only=only or [], keep_files=keep_files, yes=yes)


@playbook.command(name="list")
def list_playbooks(as_json: Json = False, workspace: Folder = None) -> int:
    """List what can be run."""
    from mainstay.cli import playbooks

    return playbooks.list_all(_screen(as_json), workspace)


@playbook.command(name="show")
def show_playbook(name: PlaybookName, as_json: Json = False, workspace: Folder = None) -> int:
    """Show a playbook as it is written."""
    from mainstay.cli import playbooks

    return playbooks.show(_screen(as_json), workspace, name)


@playbook.command()
def explain(name: PlaybookName, as_json: Json = False, workspace: Folder = None) -> int:
    """Tell in plain sentences what a playbook does."""
    from mainstay.cli import playbooks

    return playbooks.explain(_screen(as_json), workspace, name)


@playbook.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE|NAME", help="A playbook's YAML file, or its name.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Check a playbook, and name every mistake at its place."""
    from mainstay.cli import playbooks

    return playbooks.check(_screen(as_json), workspace, file)


@memory.command(name="list")
def list_memory(as_json: Json = False, workspace: Folder = None) -> int:
    """List what was learned from your answers."""
    from mainstay.cli import memory as lessons

    return lessons.remembered(_screen(as_json), workspace)


@memory.command()
def forget(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As the list names them; the beginning will do.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Forget it; nothing that was booked changes."""
    from mainstay.cli import memory as lessons

    return lessons.forget(_screen(as_json), workspace, ids)


@history.command()
def verify(
    anchor: Annotated[str, typer.Option(metavar="FILE|LINE", help="Hold it against what you kept outside.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Check that every record is as it was written."""
    from mainstay.cli import history as records

    return records.verify(_screen(as_json), workspace, anchor)


@history.command()
def anchor(
    file: Annotated[Path | None, typer.Argument(help="Written there, outside the workspace.")] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Give a line to keep outside, to check against."""
    from mainstay.cli import history as records

    return records.anchor(_screen(as_json), workspace, file)


@history.command()
def release(
    answers: Annotated[
        list[str] | None, typer.Argument(metavar="PLAN/ACTION=ANSWER...", help="happened, did-not-happen or run.")
    ] = None,
    for_all: Annotated[str, typer.Option("--all", metavar="ANSWER", help="For all you name no answer for.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Let a copied or restored workspace go on."""
    from mainstay.cli import release as releasing

    return releasing.release(_screen(as_json), workspace, answers or [], for_all=for_all)


@history.command()
def tail(
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="How many at most.")] = 20,
    plan: Annotated[str, typer.Option(help="Only of this plan.")] = "",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what happened last."""
    from mainstay.cli import history as records

    return records.tail(_screen(as_json), workspace, count=count, plan=plan)


@history.command()
def size(as_json: Json = False, workspace: Folder = None) -> int:
    """Show what it takes on disk, and what makes it large."""
    from mainstay.cli import upkeep

    return upkeep.size(_screen(as_json), workspace)


@history.command()
def archive(
    older_than: Annotated[str, typer.Option(metavar="TIME", help="How long ago a plan ended, such as 90d.")] = "365d",
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Archive details of plans that ended; they stay readable."""
    from mainstay.cli import upkeep

    return upkeep.archive(_screen(as_json), workspace, older_than)


@history.command()
def collect(as_json: Json = False, workspace: Folder = None) -> int:
    """Remove stored files that no record names."""
    from mainstay.cli import upkeep

    return upkeep.collect(_screen(as_json), workspace)


@history.command()
def rebuild(as_json: Json = False, workspace: Folder = None) -> int:
    """Make all lists anew from the records."""
    from mainstay.cli import upkeep

    return upkeep.rebuild(_screen(as_json), workspace)


@history.command()
def export(
    plan: Annotated[str, typer.Option(help="Only of this plan and its parts.")] = "",
    blobs: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Put stored files there, not inside.")] = None,
    workspace: Folder = None,
) -> int:
    """Write it to stdout for any program to read."""
    from mainstay.cli import upkeep

    return upkeep.export(_screen(False), workspace, plan=plan, blobs=blobs)


@history.command("import")
def import_history(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made with: mainstay history export")],
    blobs: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where its stored files are.")] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Take a whole history into a new workspace."""
    from mainstay.cli import upkeep

    return upkeep.import_(_screen(as_json), workspace, file, blobs=blobs)
