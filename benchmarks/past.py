"""A workspace with a long past: 100,000 plans and 1,000,000 events, made in a minute or two.

A few plans are lived for real, by an owner with all its parts: their mails are asked about, approved, sent, refused;
they get stuck, wait, are taken back. Then their facts are told again under other ids and at other times, in the order
of those times, through the ledger itself: chain, streams and projections are what they would be.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mainstay import events as e
from mainstay.app import Owner, create_workspace, projections_of
from mainstay.config import CONFIG_NAME
from mainstay.governance.budgets import Budgets
from mainstay.kernel.budget import Cap, Spending
from mainstay.ledger import keys as ledger_keys
from mainstay.ledger import queries
from mainstay.ledger.anchor import stream_at
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.codec import decode_fact, encode_fact
from mainstay.ledger.lock import OwnerLock
from mainstay.ledger.sqlite import SqliteLedger
from mainstay.playbooks.changes import changes
from mainstay.requests.desk import new_plan_id
from mainstay.requests.picking import as_proposed
from mainstay.runtime.intake import Request
from mainstay.values import DAY_S, SECOND_US
from mainstay.views import Views
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mainstay.ledger.reader import SqliteReader

DAY_US = DAY_S * SECOND_US
YEAR_US = 365 * DAY_US
LATER_US = 30 * DAY_US  # when what waits goes on: nothing of it comes due while it is looked at
RECENT_US = 3 * DAY_US  # in which what is not over yet began
LONG = 1000  # steps of one plan
BESIDE = 10  # of them side by side
LINES = 5000  # of one reconciliation
VERSIONS = 100  # of one playbook
TOLD_A_DAY = 8
AT_ONCE = 400  # facts of one commit
SPENT = 10_000  # actions that a budget counted in this month
TIMEZONE = "Europe/Berlin"
CAPS = (
    Cap("mail.send", "month", {"count": 10**7}, ("mail.send",)),
    Cap("everything", "day", {"count": 9 * 10**6}),
)
CONFIG = '\n[budgets]\n"mail.send" = {per_day = 1000000, per_month = 10000000}\n"everything" = {per_day = 9000000}\n'

PLAYBOOKS = {
    "welcome": """
title: "Welcome a new customer"
inputs: {name: {type: text, label: "Name"}, email: {type: text, label: "Mail"}}
steps:
  note: {do: files.write, with: {path: "reports/{{inputs.name}}.md", text: "{{inputs.name}} is new.", existing: number}}
  mail:
    do: mail.send
    needs: [note]
    with: {to: "= inputs.email", subject: "Welcome, {{inputs.name}}", text: "Dear {{inputs.name}}, it is here."}
""",
    "note": """
title: "Keep a note"
inputs: {about: {type: text, label: "About"}}
steps:
  known: {do: known.read}
  note: {do: files.write, needs: [known], with: {path: "reports/{{inputs.about}}.md", text: A note., existing: number}}
""",
    "shelve": """
title: "Put a label on a shelf"
inputs: {about: {type: text, label: "About"}}
steps:
  label: {do: files.write, gate: each, with: {path: "reports/{{inputs.about}}.md", text: A label., existing: number}}
""",
    "copy-file": """
title: "Copy a file"
inputs: {path: {type: text, label: "Which"}}
steps:
  read: {do: files.read, with: {path: "= inputs.path"}}
  write: {do: files.write, with: {path: "reports/copy.md", text: "= read.text", existing: number}}
""",
    "ask-me": """
title: "Decide about an order"
inputs: {customer: {type: text, label: "Whose"}}
steps:
  ok: {ask: "The order of {{inputs.customer}} is late. Send it all the same?"}
  note: {do: files.write, needs: [ok], with: {path: "reports/order.md", text: "Send it.", existing: number}}
""",
    "reminders": """
title: "Remind twenty customers"
steps:
  remind:
    each: "= ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't']"
    do: mail.send
    gate: batch
    with: {to: "{{item}}@example.com", subject: "A reminder, {{item}}", text: "Please pay invoice {{item}}."}
""",
    "later": """
title: "Write again in a month"
inputs: {email: {type: text, label: "Mail"}}
steps:
  nap: {wait: {until: 30d}}
  note: {do: files.write, needs: [nap], with: {path: "reports/later.md", text: "Now.", existing: number}}
""",
    "reply": """
title: "Wait for a reply"
steps:
  answer: {wait: {event: mail.received, until: 30d}}
  note: {do: files.write, needs: [answer], with: {path: "reports/reply.md", text: "It came.", existing: number}}
""",
    "slow-mail": """
title: "Send an offer in an hour"
inputs: {email: {type: text, label: "Mail"}}
steps:
  mail: {do: mail.send, delay: 1h, with: {to: "= inputs.email", subject: "Our offer", text: "We would do it."}}
""",
    "part": """
title: "One of many"
inputs: {number: {type: int, label: "Which"}}
steps:
  known: {do: known.read}
returns: {number: "= inputs.number"}
""",
    "parts": """
title: "Do many things, each a plan of its own"
steps:
  each: {each: "= [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", playbook: part, with: {number: "= item"}}
""",
}


class Life(NamedTuple):
    """A plan that is lived once: what it begins with, what is answered, and its share of all."""

    playbook: str
    inputs: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()  # one for each question that comes
    share: float = 0.0  # of the plans that are over
    open: int = 0  # how many are not over, of 100,000
    then: str = ""  # what is asked of it at the end: "undo", "cancel", "pause"


LIVES = (
    Life("welcome", ("name=Anna Berg", "email=anna@example.com"), ("approve",), 0.38),
    Life("welcome", ("name=Ben Ode", "email=ben@example.com"), ("reject",), 0.04),
    Life("welcome", ("name=Cora Lund", "email=cora@example.com"), open=1500),
    Life("note", ("about=shelves",), (), 0.30),
    Life("note", ("about=boxes",), (), 0.04, then="undo"),
    Life("copy-file", ("path=inbox/missing.md",), ("skip",), 0.05),
    Life("copy-file", ("path=inbox/gone.md",), ("undo",), 0.04),
    Life("copy-file", ("path=inbox/lost.md",), open=5000),
    Life("ask-me", ("customer=Dana",), ("approve",), 0.08),
    Life("ask-me", ("customer=Emil",), then="cancel", share=0.03),
    Life("ask-me", ("customer=Finn",), open=300),
    Life("reminders", (), ("approve",), 0.01),
    Life("reminders", (), open=20),
    Life("parts", (), (), 0.003),
    Life("later", ("email=gina@example.com",), open=1000),
    Life("reply", (), open=500),
    Life("slow-mail", ("email=hugo@example.com",), ("approve",), open=200),
    Life("note", ("about=paused",), then="hold", open=100),
    Life("shelve", ("about=books",), open=300),
)


class Told(NamedTuple):
    """The facts of one life, as they are told again."""

    life: Life
    plan: str
    began_us: int
    streams: list[tuple[str, list[tuple[e.Recorded, bytes]]]]  # the plan's own first; those of its parts

    @property
    def plans(self) -> int:
        """How many plans it is, with its parts."""
        return len(self.streams)

    @property
    def facts(self) -> int:
        """How many facts."""
        return sum(len(recorded) for _, recorded in self.streams)


class Made(NamedTuple):
    """What there is, by name, for whoever looks at it."""

    workspace: Workspace
    events: int
    plans: int
    named: dict[str, str]  # plans and questions by what they show


async def lived(root: Path, lines: int = LINES, steps: int = LONG, versions: int = VERSIONS) -> dict[str, str]:
    """Make the workspace and live each life once; gives plans by name."""
    workspace = create_workspace(root, name="Bench Ltd", sender="Bench <bench@bench.example>", timezone=TIMEZONE)
    with (root / CONFIG_NAME).open("a") as file:
        file.write(CONFIG)
    for name, text in PLAYBOOKS.items():
        (root / "playbooks" / f"{name}.yaml").write_text(f"playbook: {name}{text}")
    _write_month(root, lines)
    found: dict[str, str] = {}
    async with Owner(Workspace(workspace.root), "bench") as owner:
        note = root / "playbooks" / "note.yaml"
        text = note.read_text()
        for number in range(versions):
            note.write_text(text.replace("A note", f"A note of {number + 1}"))
            await _activate(owner)
        for number, life in enumerate(LIVES):
            found[f"life-{number}"] = await _live(owner, life)
        (root / "playbooks" / "long.yaml").write_text(_long(steps))
        await _activate(owner)
        found["long"] = await _live(owner, Life("long"))
        files = ("statement=inbox/statement.csv", "invoices=inbox/invoices.csv")
        found["month"] = await _live(owner, Life("billing-reconciliation", files, ("approve",) * 3))
        note.write_text(text.replace("A note", "Another note"))  # and one that is not active yet
    return found


def _long(steps: int) -> str:
    """Write a playbook of many steps: ten lines side by side."""
    lines = (
        f"  s{at}: {{do: known.read{f', needs: [s{at - BESIDE}]' if at >= BESIDE else ''}}}" for at in range(steps)
    )
    return 'playbook: long\ntitle: "A thousand steps"\nsteps:\n' + "\n".join(lines) + "\n"


def _write_month(root: Path, lines: int) -> None:
    """Write a month's statement and the open invoices: most are paid to the cent, some by no number."""
    pick, first = random.Random(7), date(2026, 10, 1)
    invoices = ["number,customer,customer_id,email,issued_on,due_on,amount,open,currency,reference,iban"]
    entries = ["Date,Name,Purpose,Amount,Currency"]
    for at in range(lines):
        number, customer, cents = f"2026-{10_000 + at}", f"Customer {at % 997} GmbH", pick.randrange(1_000, 900_000)
        issued = first - timedelta(days=30 + at % 20)
        amount = f"{cents // 100}.{cents % 100:02}"
        due = issued + timedelta(days=21)
        invoices.append(f"{number},{customer},C{at % 997},c{at % 997}@x.example,{issued},{due},{amount},{amount},EUR,,")
        said = "Thank you" if at % 50 == 0 else f"Invoice {number}"
        paid = f"{cents // 100 + (at % 70 == 0)}.{cents % 100:02}"
        entries.append(f"{first + timedelta(days=at % 28)},{customer},{said},{paid},EUR")
    (root / "inbox" / "invoices.csv").write_text("\n".join(invoices) + "\n")
    (root / "inbox" / "statement.csv").write_text("\n".join(entries) + "\n")


async def _activate(owner: Owner) -> None:
    found = [one for one in changes(owner.requests.activation.versions, owner.workspace.root) if one.state != "gone"]
    wanted = [{"kind": one.kind, "name": one.name, "digest": one.digest} for one in found]
    if wanted:
        await owner.requests.answer(Request("activate", {"wanted": wanted}), True, _unheard)  # noqa: FBT003 - a Handler


def _unheard(event: dict[str, Any]) -> None:
    del event


async def _live(owner: Owner, life: Life) -> str:
    """Live one plan, until it is over or waits for what nobody says; gives its id."""
    asked = {"playbook": life.playbook, "inputs": list(life.inputs), "folder": str(owner.workspace.root)}
    standing = await _ask(owner, "run", asked | {"hold": life.then == "hold"})
    plan = standing["plan"]
    for choice in life.answers:
        questions = standing["questions"]
        if not questions:
            break
        standing = await _ask(owner, "decide", {"decision": questions[0], **_answer(owner, questions[0], choice)})
    if life.then in ("undo", "cancel"):
        standing = await _ask(owner, life.then, {"plan": plan, "reason": "It was not needed."})
    while owner.ledger.rows(UNPARKED, (plan,)):  # noqa: ASYNC110 - it leaves memory a moment later
        await asyncio.sleep(0.01)
    return plan


# A plan that is still in memory. (id)
UNPARKED = (
    "SELECT 1 FROM plan WHERE id = ? AND parked = 0 AND status NOT IN ('proposed', 'completed', 'undone', 'failed')"
)


def _answer(owner: Owner, decision: str, choice: str) -> dict[str, Any]:
    """Give an answer, as `decide` takes it; a yes takes each row as it was proposed."""
    with Views(owner.workspace) as views:
        picks = as_proposed(views.question(decision)["card"].get("rows") or ()) if choice == "approve" else {}
    reason = "No need." if choice == "reject" else ""
    return {"choice": choice, "reason": reason, "binds": None, "kept": None, "picks": picks}


async def _ask(owner: Owner, method: str, params: dict[str, Any]) -> dict[str, Any]:
    return await owner.requests.answer(Request(method, params), True, _unheard)  # noqa: FBT003 - a Handler


# --- told again


def tell(root: Path, found: dict[str, str], plans: int, events: int, now_us: int) -> Made:
    """Tell the lives again until there are so many plans and events, none of them later than now."""
    workspace, keys = Workspace(root), ledger_keys.load(Workspace(root).state)
    blobs = FileBlobs(workspace.blobs, keys.blobs)
    with ExitStack() as opened:
        opened.callback(OwnerLock(workspace.state, "bench").release)
        ledger = SqliteLedger(workspace.ledger, keys.database, projected=projections_of(blobs), begin=False)
        opened.callback(ledger.close)
        named = asyncio.run(_tell(ledger, found, plans, events, now_us))
        counted = ledger.rows("SELECT count(*) FROM plan")[0][0]
        for name, sql in PLACES.items():
            named[name] = ledger.rows(sql)[0][0]
        return Made(workspace, ledger.head()[0], counted, found | named)


# Places on the lists of plans, as their addresses name them.
_PLACE = "SELECT proposed_at_us || '.' || id FROM plan WHERE parent = '' {} ORDER BY proposed_at_us LIMIT 1 OFFSET 9"
PLACES = {"second plan": _PLACE.format(""), "second open": _PLACE.format("AND ended_at_us IS NULL")}


async def _tell(ledger: SqliteLedger, found: dict[str, str], plans: int, events: int, now_us: int) -> dict[str, str]:
    told = [_told(ledger.reader, life, found[f"life-{number}"]) for number, life in enumerate(LIVES)]
    named: dict[str, str] = {}
    batch: list[e.Append] = []
    count = 0
    for append in itertools.chain(_beside(ledger, now_us), _again(told, plans, events, now_us, named)):
        batch.append(append)
        count += len(append.drafts)
        if count >= AT_ONCE:
            await ledger.append(batch)
            batch, count = [], 0
    await ledger.append(batch)
    return named


def _told(reader: SqliteReader, life: Life, plan: str) -> Told:
    names = reader.rows(FAMILY, (plan, plan, plan))
    streams = [(name, [(one, encode_fact(one.fact)) for one in reader.read(name)]) for (name,) in names]
    return Told(life, plan, streams[0][1][0][0].recorded_at_us, streams)


# The streams of a plan and its parts, the plan's own first. (plan, plan, plan)
FAMILY = """
SELECT name FROM stream WHERE name = 'plan:' || ? OR (name > 'plan:' || ? || '-' AND name < 'plan:' || ? || '.')
ORDER BY name"""


def _again(told: Sequence[Told], plans: int, events: int, now_us: int, named: dict[str, str]) -> Iterator[e.Append]:
    """Give all lives in the order of their times: those that are over through a year, then those that are not."""
    pick = random.Random(1)
    part = plans / 100_000
    waiting = [(one, max(1, round(one.life.open * part))) for one in told if one.life.open]
    left = plans - sum(one.plans * many for one, many in waiting)
    over = [one for one in told if one.life.share]
    shares = [one.life.share for one in over]
    each = sum(one.life.share * one.plans for one in over) / sum(one.life.share for one in over)
    mean = sum(one.life.share * one.facts for one in over) / sum(one.life.share for one in over)
    facts = events - sum(one.facts * many for one, many in waiting)
    lives = max(round(left / each), round(facts / mean))
    begin_us = now_us - YEAR_US
    for at in range(lives):
        one = over[at] if at < len(over) else pick.choices(over, shares)[0]  # each of them once at least
        yield from _once(one, begin_us + at * (YEAR_US - RECENT_US) // lives, named)
    rest = [one for one, many in waiting for _ in range(many)]
    pick.shuffle(rest)
    for at, one in enumerate(rest):
        yield from _once(one, now_us - RECENT_US + at * (RECENT_US - DAY_US // 24) // len(rest), named)


def _once(one: Told, began_us: int, named: dict[str, str]) -> Iterator[e.Append]:
    plan, shift_us = new_plan_id(), began_us - one.began_us
    name = f"{one.life.playbook} {'open' if one.life.open else one.life.then or 'over'}"
    named[name] = plan if one.life.open else named.get(name, plan)  # of the open ones the last: the first are answered
    was, now = one.plan.encode(), plan.encode()
    for name, recorded in one.streams:
        drafts = tuple(
            e.Draft(
                _later(decode_fact(event.kind, event.version, body.replace(was, now)), began_us),
                event.recorded_at_us + shift_us,
                event.actor,
                event.cause.replace(one.plan, plan),
                event.plan.replace(one.plan, plan),
            )
            for event, body in recorded
        )
        yield e.Append(name.replace(one.plan, plan), 0, drafts)


def _later(fact: e.AnyFact, began_us: int) -> e.AnyFact:
    """Let nothing come due while it is looked at."""
    if isinstance(fact, (e.EffectDelayed, e.WaitStarted)) and fact.until_us is not None:
        return msgspec.structs.replace(fact, until_us=began_us + LATER_US)
    return fact


def _beside(ledger: SqliteLedger, now_us: int) -> Iterator[e.Append]:
    """Give what stands beside plans: what was told, calls held back, anchors, budgets."""
    today = datetime.fromtimestamp(now_us / SECOND_US, UTC).date()
    anchors: dict[str, list[e.Draft]] = defaultdict(list)
    for ago in range(365, 0, -1):
        day, at_us = today - timedelta(days=ago), now_us - ago * DAY_US
        told = e.OperatorTold("asked", at_us, 3)
        yield e.Append(f"attention:{day}", 0, tuple(e.Draft(told, at_us, "mainstay") for _ in range(TOLD_A_DAY)))
        opened = e.BreakerOpened(3, at_us + SECOND_US, 1.0)
        yield e.Append(
            f"breaker:mail::{day}",
            0,
            (e.Draft(opened, at_us, "mainstay"), e.Draft(e.BreakerClosed(), at_us, "mainstay")),
        )
        anchors[stream_at(at_us)].append(e.Draft(e.HistoryAnchored(ago, "ab" * 32, ("file",)), at_us, "mainstay"))
    for name, drafts in anchors.items():
        yield e.Append(name, 0, tuple(drafts))
    yield from _budgets(ledger, now_us)


def _budgets(ledger: SqliteLedger, now_us: int) -> Iterator[e.Append]:
    """Give a month in which much was spent, a part of it today."""
    budgets = Budgets(ledger, CAPS, TIMEZONE, lambda first: _last_stream(ledger, first))
    for at in range(SPENT):
        holder, at_us = f"{new_plan_id()}/mail", now_us - (SPENT - at) * 60 * SECOND_US
        yield from budgets.reserve(Spending(holder, "mail.send", ("welcome",)), at_us, "").appends
        yield from budgets.settle(holder, at_us, "", happened=True)


def _last_stream(ledger: SqliteLedger, first: str) -> str:
    found = ledger.rows(queries.LAST_STREAM, (first,))
    return found[0][0] if found else first


def make(
    root: Path,
    *,
    plans: int = 100_000,
    events: int = 1_000_000,
    lines: int = LINES,
    steps: int = LONG,
    versions: int = VERSIONS,
) -> Made:
    """Make it all; minutes, of which most is the disk's."""
    now_us = time.time_ns() // 1000
    return tell(root, asyncio.run(lived(root, lines, steps, versions)), plans, events, now_us)
