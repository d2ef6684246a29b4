"""The reconciliation that runs each week by itself, over what lies in two folders (KERNEL T1)."""

import asyncio
import shutil
from datetime import datetime

import pytest

from mainstay import events as e
from mainstay.app import Owner, create_workspace
from mainstay.playbooks import weekly
from mainstay.playbooks.shelf import LIBRARY
from mainstay.runtime.schedules import Schedules
from mainstay.values import SECOND_US

DEMO = LIBRARY / "demo"


class Fixed:
    """`ports.Clock` that stands at a Monday, 08:00."""

    def __init__(self, at):
        self._at = round(datetime.fromisoformat(at).timestamp()) * SECOND_US

    def now_us(self):
        return self._at

    def boot_s(self):
        return 0.0

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return create_workspace(tmp_path / "acme", name="Acme Ltd")


def played(place, *mondays):
    """Switch it on, and let these Mondays come; gives each plan of it: its steps that ran, its ending, its children."""

    async def inside():
        async with Owner(place, "test") as owner:
            owner._watching["schedules"].cancel()  # its own clock: it would start the Monday that really was last
            activation = owner.requests.activation
            await activation.save("playbook", weekly.NAME, weekly.text_of(weekly.Wish()), "", owner.workers, 0)
            found = []
            for monday in mondays:
                await Schedules(owner.engine.outside, Fixed(monday), "UTC", lambda _: 0).look()
                (plan, *_) = [row[0] for row in owner.ledger.rows("SELECT id FROM plan ORDER BY rowid DESC")]
                plan = plan.partition("-")[0]
                standing = await owner.requests.follow(plan, lambda _: None)
                found.append((standing["status"], owner.engine.load(plan).ending, standing["questions"]))
            facts = [event.fact for event in owner.ledger.tail(limit=5000)]
            return found, [fact for fact in facts if isinstance(fact, e.EventReceived)]

    return asyncio.run(asyncio.wait_for(inside(), 600))


def test_t1_each_monday_matches_what_lies_in_the_folders_and_asks_what_is_unsure(place):
    for name, folder in (("statement.xml", weekly.BANK), ("invoices.csv", weekly.INVOICES)):
        (place.root / folder).mkdir(parents=True)
        shutil.copy(DEMO / name, place.root / folder / name)
    ((status, _, questions),), came = played(place, "2026-11-23T08:00+00:00")
    assert status == "running"
    assert len(questions) == 1
    assert [(one.event, one.source, one.not_started) for one in came] == [("schedule.due", "schedule", ())]


def test_a_monday_on_which_nothing_lies_there_ends_and_says_so(place):
    found, _ = played(place, "2026-11-23T08:00+00:00", "2026-11-30T08:00+00:00")
    assert [(status, ending) for status, ending, _ in found] == [("completed", "no_statement")] * 2
