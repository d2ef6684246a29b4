"""`mainstay history verify|tail`: whether the history is as it was written, and what happened last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from rich.table import Table

from mainstay.cli.asking import ask
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import text, when
from mainstay.cli.status import DONE, FAILED
from mainstay.errors import InputError
from mainstay.ledger.anchor import WORD, Anchor, line_of, sign
from mainstay.ledger.anchor_places import append_line, texts_at
from mainstay.ledger.keys import load
from mainstay.ledger.signing import SigningKey, checked_key, fingerprint
from mainstay.views.faults import faults, say_anchored, say_held

if TYPE_CHECKING:
    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]


def verify(screen: Screen, folder: Path | None, kept: str | None = None, key: str | None = None) -> int:
    """Walk the whole history and name the first record that is not as it was written.

    `kept` are anchors, or where they lie: a file, a mail, a folder; `key` is who has to have signed them.
    """
    anchors, signer = [] if kept is None else _kept(kept), "" if key is None else checked_key(key)
    with views_at(folder) as views, screen.err.status("Reading the history") as status:
        found = views.verify(
            lambda count: status.update(text(f"{count:,} records are in order so far")), anchors, signer
        )
    screen.give(found, lambda console: _draw_verified(found, console))
    return FAILED if faults(found) else DONE


def _kept(kept: str) -> list[str]:
    """Give the texts in which anchors stand: the line itself, or what lies at a place."""
    if not kept.strip():  # as from a variable of the shell that is not set; it would be held against nothing
        raise InputError("--anchor is empty.", remedy="Name the file you keep anchors in, or give the line itself.")
    return [kept] if kept.startswith(WORD) else list(texts_at(Path(kept).expanduser()))


def anchors(screen: Screen, folder: Path | None) -> int:
    """List the anchors of the last months, the newest first."""
    with views_at(folder) as views:
        rows = views.anchors()
    screen.give(rows, lambda console: _draw_anchors(rows, console))
    return DONE


def _draw_anchors(rows: list[Row], console: Console) -> None:
    if not rows:
        console.print("None was given out lately. Give a line to keep outside: mainstay history anchor")
    for row in rows:
        kept = f", kept in: {', '.join(row['places'])}" if row["places"] else ""
        console.print(text(f"{when(row['at'])}  up to record {row['record']:,}, {row['by']}{kept}"))
        if row["missed"]:
            console.print(text(f"  it did not reach: {', '.join(row['missed'])}", "yellow"))


def anchor(screen: Screen, folder: Path | None, file: Path | None) -> int:
    """Record that a line is given out to be kept outside, and give it."""
    workspace = workspace_at(folder)
    if file is not None and workspace.root in file.expanduser().resolve().parents:
        raise InputError(
            f"{file} lies in the workspace, and would be copied and put back with it.",
            remedy="Name a file elsewhere: on another disk, or in a folder that is synchronised.",
        )
    given, keys = ask(screen, workspace, "anchor", {}), load(workspace.state)
    made = Anchor(keys.workspace, given["position"], given["digest"], given["at_us"])
    made = sign(made, SigningKey(keys.receipts))
    line = line_of(made)
    if file is not None:
        append_line(file.expanduser(), line)
    document = {"anchor": line, "record": made.position, "at": made.when, "file": "" if file is None else str(file)}
    document |= {"key": fingerprint(made.key), "places": given["places"], "missed": given["missed"]}
    screen.give(document, lambda console: _draw_anchor(document, made, file, console))
    return FAILED if given["missed"] else DONE


def _draw_anchor(document: Row, made: Anchor, file: Path | None, console: Console) -> None:
    console.print(text(document["anchor"]), soft_wrap=True)
    where = f"It stands in {file}." if file is not None else "Keep it outside this machine: in a mail, or on paper."
    if file is None and document["places"]:
        where = f"It was kept as mainstay.toml says: {', '.join(document['places'])}."
    count = f"all {made.position:,} records" if made.position != 1 else "the one record"
    console.print(text(f"{where} It holds for {count} up to now.", "dim"))
    console.print(text(f"Signed with key {document['key']}: note that outside too, once.", "dim"))
    if document["missed"]:
        console.print(text(f"Not reached: {', '.join(document['missed'])}.", "bold red"))
    console.print(text("Check against it with: mainstay history verify --anchor FILE|LINE", "dim"))


_OF = {"limit": "turns", "event": "from outside", "breaker": "other side"}  # what is of no plan


def _draw_verified(found: Row, console: Console) -> None:
    said = faults(found)
    for says, remedy in said:
        console.print(text(says, "bold red"))
        console.print(text(f"Next: {remedy}", "bold"))
    if not said:
        console.print(text(f"All {found['records']:,} records are as they were written."))
        if found["held"]:
            console.print(text(say_held(found), "yellow"))
        console.print(text(f"Newest: {found['head']}", "dim"))
        console.print(text(say_anchored(found), "dim"))


def tail(screen: Screen, folder: Path | None, *, count: int, plan: str) -> int:
    """Show what happened last, of one plan or of all."""
    workspace = workspace_at(folder)
    with views_at(workspace.root) as views:
        of_plan = views.timeline(views.plan_id(plan), everything=True) if plan else None
        found = views.tail(limit=count) if of_plan is None else of_plan[-count:]
    screen.give(found, lambda console: _draw_tail(found, console, workspace.config.company.timezone))
    return DONE


def _draw_tail(found: list[Row], console: Console, zone: str) -> None:
    if not found:
        console.print("Nothing has happened yet. Begin with: mainstay run PLAYBOOK")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (f"when ({zone})", "plan", "who", "what"):
        table.add_column(name, overflow="fold")
    for event in found:
        of, _, name = event["event"].rpartition("@")[0].partition(":")
        plan = name.partition("/")[0] if of in ("plan", "journal") else _OF.get(of, of)
        table.add_row(*(text(cell) for cell in (when(event["at"]), plan, event["who"], event["what"])))
    console.print(table)
