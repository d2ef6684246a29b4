"""What the demo shows about a plan afterwards, counted on disk: mails, bookings, doubts, the history itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from mainstay import events as e
from mainstay.app import opener_at
from mainstay.console.demo_found import known_mails, mails_in, settled
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger.books import BookReader
from mainstay.ledger.reader import SqliteReader
from mainstay.sentences import say
from mainstay.views import Views

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mainstay.records import Payment
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
_TOLD = frozenset({"PlanProposed", "StepCompleted", "DecisionRuled", "EffectDone", "PlanCompleted"})
_DOUBTS = (e.EffectUncertain, e.EffectAbsent)
_LINE_CHARS = 110


class Findings(msgspec.Struct, frozen=True):
    """One look at the demo's workspace. `killed_by` is the signal that ended the first process, 0 when none did."""

    workspace: str
    plan: str
    status: str
    killed_by: int
    mails: int  # files in outbox/mail
    mails_known: int  # mails of which the history says that they were sent
    mails_twice: tuple[str, ...]  # Message-IDs that are there more than once
    payments: int
    lines_booked: int
    booked_twice: tuple[str, ...]  # "line to invoice"
    settled: tuple[str, ...]  # what became of each doubtful mail, in sentences
    timeline: tuple[str, ...]
    report: str
    records: int
    intact: bool  # every record of the history is as it was written
    waiting: tuple[str, ...] = ()  # the questions that wait for you afterwards

    @property
    def well(self) -> bool:
        """Whether all is as the demo promises."""
        return self.status == "completed" and self.intact and not self.mails_twice and not self.booked_twice

    def sentences(self) -> list[str]:
        """Say what there is."""
        mails = f"{self.mails} mails are in outbox/mail, {_once(self.mails_twice)}."
        books = (
            f"{self.payments} bookings of {self.lines_booked} payments are in the books, {_once(self.booked_twice)}."
        )
        chain = "every one as it was written" if self.intact else "NOT AS THEY WERE WRITTEN"
        return [
            mails,
            books,
            f"{self.records} records are in the history, {chain}.",
            f"The report: {self.report or 'none'}",
        ]


def check(workspace: Workspace, plan: str) -> Findings:
    """Look at everything on disk; needs no owner."""
    with Views(workspace) as views:
        recorded = views.recorded(plan)
        facts = [event.fact for event in recorded]
        verified = views.verify()
        status = views.plan(plan).status
        found = tuple(settled(facts, views.opened))
        times = [(event.fact, views.time(event.recorded_at_us)[11:19]) for event in recorded]
    ids = [one.message_id for one in mails_in(workspace.root / workspace.config.mail.folder)]
    payments = _payments(workspace, plan)
    booked = Counter(f"{payment.line_id} to {payment.invoice} ({payment.kind})" for payment in payments)
    return Findings(
        workspace=str(workspace.root),
        plan=plan,
        status=status,
        killed_by=0,
        mails=len(ids),
        mails_known=known_mails(facts),
        mails_twice=_more_than_one(Counter(ids)),
        payments=len(payments),
        lines_booked=len({payment.line_id for payment in payments}),
        booked_twice=_more_than_one(booked),
        settled=found,
        timeline=tuple(f"{at}  {_cut(say(fact))}" for fact, at in times if _is_told(fact)),
        report=_report(workspace.root),
        records=verified["records"],
        intact=verified.get("bad") is None,
    )


def _payments(workspace: Workspace, plan: str) -> list[Payment]:
    with SqliteReader(workspace.ledger, ledger_keys.load(workspace.state).database) as reader:
        return BookReader(reader, opener_at(workspace, reader).open).of_plan(plan)


def _is_told(fact: e.AnyFact) -> bool:
    path = getattr(fact, "path", "")
    if isinstance(fact, _DOUBTS) or (isinstance(fact, e.EffectDone) and fact.settled):
        return True
    return type(fact).__name__ in _TOLD and "/" not in path


def _report(root: Path) -> str:
    return next((str(path.relative_to(root)) for path in sorted((root / "reports").glob("*.md"))), "")


def _more_than_one(counts: Counter[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name, count in counts.items() if count > 1))


def _once(twice: Sequence[str]) -> str:
    return "each of them once" if not twice else f"SOME TWICE: {', '.join(twice)}"


def _cut(line: str) -> str:
    return line if len(line) <= _LINE_CHARS else f"{line[: _LINE_CHARS - 3]}..."
