"""The playbook that matches payments each week by itself: what it says, and how it stands in a workspace.

It takes what lies in two folders of the inbox and runs the reconciliation over it, as it would be run by hand. What was
booked before is left out there, so a folder may hold all statements there ever were. Nothing here writes the playbook.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from mainstay.errors import FileError, InputError
from mainstay.playbooks.artefacts import path_of, read_artefact
from mainstay.playbooks.changes import change_of
from mainstay.playbooks.compile import compile_opened
from mainstay.playbooks.shelf import opened_to_run
from mainstay.playbooks.versions import opened_files
from mainstay.runtime.cron import next_due

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.versions import OwnPlaybooks, Version, Versions
    from mainstay.ports import Catalogue

NAME = "weekly-reconciliation"
PATH = path_of("playbook", NAME)
RUNS = "billing-reconciliation"
BANK, INVOICES = "inbox/bank", "inbox/invoices"
DAYS = {
    "MON": "Monday", "TUE": "Tuesday", "WED": "Wednesday", "THU": "Thursday", "FRI": "Friday", "SAT": "Saturday",
    "SUN": "Sunday",
}  # fmt: skip
LAST_HOUR = 23
_TEXT = """\
# Made by "Run this every {says}?". Change what you like, and activate it: mainstay activate
playbook: {name}
title: "Match the week's payments"
on: {{cron: "0 {hour} * * {day}"}}
expires: 6d
steps:
  statements: {{do: files.collect, with: {{folder: {bank}}}}}
  invoices: {{do: files.collect, with: {{folder: {invoices}, which: {which}}}}}
  reconcile:
    playbook: {runs}
    when: "= statements.count > 0 && invoices.count > 0"
    with: {{statement: "= statements.files", invoices: "= invoices.files"}}
end:
  - {{when: "= statements.count == 0", as: no_statement}}
  - {{when: "= invoices.count == 0", as: no_invoices}}
"""


class Wish(NamedTuple):
    """When it is to run, and which invoices count: all files there are, or the list that was put there last."""

    day: str = "MON"
    hour: int = 8
    which: Literal["all", "newest"] = "newest"


class Standing(NamedTuple):
    """How it stands: off, on, changed (its file says something else), gone (on, without its file), left (a file)."""

    state: Literal["off", "on", "changed", "gone", "left"]
    active: Version | None
    seen: str  # the digest of what lies in the folder, empty for nothing
    schedule: str  # of the active version
    next_us: int | None


def wish_of(day: str, hour: str, which: str) -> Wish:
    """Read a wish. Raises InputError for what is none."""
    if day.upper()[:3] not in DAYS or (len(day) > 3 and day.capitalize() not in DAYS.values()):  # noqa: PLR2004 - "MON"
        raise InputError(f"'{day}' is no day of the week.", remedy=f"Name one of: {', '.join(DAYS)}.")
    number, _, rest = hour.partition(":")
    if not number.isdecimal() or len(number) > 2 or int(number) > LAST_HOUR or rest not in ("", "00"):  # noqa: PLR2004
        raise InputError(f"'{hour}' is no full hour of a day.", remedy="Name one from 0 to 23, such as 8.")
    if which not in ("all", "newest"):
        raise InputError(f"'{which}' says nothing of invoices.", remedy="Say all, or newest.")
    return Wish(day.upper()[:3], int(number), which)


def text_of(wish: Wish) -> str:
    """Write the playbook."""
    return _TEXT.format(
        name=NAME,
        says=DAYS[wish.day],
        day=wish.day,
        hour=wish.hour,
        which=wish.which,
        bank=BANK,
        invoices=INVOICES,
        runs=RUNS,
    )


def definition_of(text: str, root: Path, catalogue: Catalogue, own: OwnPlaybooks) -> Definition:
    """Compile it as it would run. Raises PlaybookError, or InactiveError for a reconciliation that is not active."""
    opened = opened_files(PATH, {PATH: text.encode()})
    return compile_opened(opened, catalogue, others=partial(opened_to_run, root, own))


def standing_of(versions: Versions, root: Path, now_us: int, timezone: str) -> Standing:
    """Say how it stands, from the history and the folder alone: so a crash leaves nothing that is not seen."""
    active, there = versions.active("playbook", NAME), read_artefact(root, "playbook", NAME)
    change = change_of(versions, root, ("playbook", NAME))
    seen = there.digest if there is not None else ""
    if active is None:
        return Standing("off" if there is None else "left", None, seen, "", None)
    schedule = schedule_of(versions.content(active)[PATH].decode("utf-8", "replace"))
    due = next_due(schedule, now_us, timezone) if schedule else None
    state = "on" if change is None else "gone" if change.state == "gone" else "changed"
    return Standing(state, active, seen, schedule, due.at_us if due else None)


def make_folders(root: Path) -> None:
    """Make the folders that it looks into, once it is on. Raises FileError where one can't be."""
    for place in (BANK, INVOICES):
        try:
            (root / place).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = (
                "something else lies there"
                if isinstance(error, FileExistsError | NotADirectoryError)
                else error.strerror
            )
            raise FileError(
                f"It runs every week from now on, but the folder {place} could not be made: {why}.",
                remedy=f"Make {place} a folder: it is where the files are taken from.",
            ) from None


def schedule_of(text: str) -> str:
    """Give the schedule of the text that we wrote; empty where somebody wrote it otherwise."""
    line = next((line for line in text.splitlines() if line.startswith("on:")), "")
    _, found, rest = line.partition('cron: "')
    schedule = rest.partition('"')[0]
    return schedule if found and len(schedule.split()) == 5 else ""  # noqa: PLR2004 - minute to weekday
