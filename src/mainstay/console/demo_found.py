"""What the demo notes beside its workspace, and what can be counted there: by its page, and by the command.

`.mainstay/demo` says that a workspace was made by the demo, which plans it began, and when its plug was pulled.
"""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING

import msgspec

from mainstay import events as e
from mainstay.ledger.disk import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mainstay.values import Value
    from mainstay.views import Views

MARK = "demo"  # the file in .mainstay
_MAIL = "mail.send"


class Cut(msgspec.Struct, frozen=True):
    """One time the plug was pulled: what was there when nothing ran."""

    at_us: int
    mails: int  # in the folder
    known: int  # of which the history said that they were sent
    busy: tuple[str, ...] = ()  # titles of plans that were at work
    back_us: int = 0  # when it answered again; 0: not yet


class Notes(msgspec.Struct, frozen=True):
    """The file."""

    story: str = ""  # the plan that was played
    waiting: tuple[str, ...] = ()  # the plans whose questions wait
    cuts: tuple[Cut, ...] = ()


class Mail(msgspec.Struct, frozen=True):
    """One mail as it lies in the folder."""

    to: str
    subject: str
    message_id: str


def noted(state: Path) -> Notes:
    """Give the notes of a `.mainstay` folder; none where it was made by no demo."""
    try:
        return msgspec.json.decode((state / MARK).read_bytes(), type=Notes)
    except (FileNotFoundError, msgspec.DecodeError):
        return Notes()


def note(state: Path, notes: Notes) -> None:
    """Keep them; on disk when this returns."""
    replace(state / MARK, msgspec.json.encode(notes))


def mails_in(folder: Path) -> list[Mail]:
    """Read all mails of a folder, in the order in which they came."""
    found: list[Mail] = []
    for path in sorted(folder.glob("*.eml"), key=lambda one: one.stat().st_mtime_ns) if folder.is_dir() else []:
        read = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append(Mail(str(read["To"]), str(read["Subject"]), str(read["Message-ID"])))
    return found


def known_mails(facts: Iterable[e.AnyFact]) -> int:
    """Count the mails of which facts say that they were sent."""
    return sum(isinstance(fact, e.EffectDone) and fact.operation == _MAIL for fact in facts)


def settled(facts: Iterable[e.AnyFact], opened: Callable[[Value], Value], since: int = 0) -> list[str]:
    """Tell of each mail that may have gone out what was found; `since`: leave out so many facts before."""
    facts = list(facts)
    sent = {fact.path for fact in facts if isinstance(fact, e.EffectDone)}
    receivers: dict[str, str] = {}
    found: list[str] = []
    for number, fact in enumerate(facts):
        if isinstance(fact, e.EffectPrepared) and isinstance(fact.arguments, dict):
            receivers[fact.path] = str(opened(fact.arguments.get("to", fact.path)))
        elif number < since:
            continue
        elif isinstance(fact, e.EffectDone) and fact.settled:
            found.append(f"the mail to {receivers.get(fact.path, fact.path)} was there, so it was not sent again")
        elif isinstance(fact, e.EffectAbsent):
            what = "was sent now" if fact.path in sent else "is sent next"
            found.append(f"the mail to {receivers.get(fact.path, fact.path)} was not there, so it {what}")
    return found


def settled_since(views: Views, plans: Iterable[str], at_us: int) -> list[str]:
    """Tell the same of some plans, of what was found after a time."""
    found: list[str] = []
    for plan in plans:
        recorded = views.recorded(plan)
        before = sum(one.recorded_at_us < at_us for one in recorded)
        found += settled([one.fact for one in recorded], views.opened, before)
    return sorted(found, key=lambda one: "not sent again" not in one)
