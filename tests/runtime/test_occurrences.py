"""An occurrence is named by what it is, stands in one transaction with what it starts, and is known for ever (T1)."""

from __future__ import annotations

import asyncio

from kit import run
from test_watching import ON_MAIL, TRIGGER, activate, look, mail, plans_ended, received

from mainstay.ledger.archive import archive
from mainstay.ledger.segments import is_stub
from mainstay.runtime.watching import STILL_S


def into(workspace, name):
    folder = workspace.root / "inbox" / name
    folder.mkdir(parents=True)
    return folder


def test_t1_a_file_is_named_by_its_path_and_its_content(workspace, world):
    folder = into(workspace, "leads")

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        (folder / "a.json").write_text("{}")
        await look(owner)
        (folder / "b.json").write_text("{}")
        await look(owner)
        two = len(received(owner))
        content = (folder / "a.json").read_text()
        (folder / "a.json").unlink()
        await look(owner)
        (folder / "a.json").write_text(content)
        await look(owner, 3)
        return two, len(received(owner))

    assert run(workspace, world, scenario) == (2, 2), "the same content elsewhere is another, put back it is the same"


def test_t1_a_mail_without_a_message_id_is_named_by_its_content(workspace, world):
    folder = into(workspace, "mail")

    async def scenario(owner):
        await activate(owner, "on-mail", ON_MAIL)
        (folder / "a.eml").write_bytes(b"From: a@b.example\nSubject: one\n\nhi\n")
        (folder / "again.eml").write_bytes(b"From: a@b.example\nSubject: one\n\nhi\n")
        (folder / "b.eml").write_bytes(b"From: a@b.example\nSubject: two\n\nhi\n")
        (folder / "c.eml").write_bytes(bytes(mail(Message_ID="<c@x>")))
        await look(owner)
        (folder / "c.eml").rename(folder / "moved.eml")
        await look(owner, 3)
        return sorted(owner.payloads.load(fact.body)["subject"] for fact in received(owner))

    assert run(workspace, world, scenario) == ["Re: Well?", "one", "two"]


def test_t1_between_two_looks_there_are_two_seconds(workspace, world):
    into(workspace, "leads")

    class Recorded:
        def __init__(self, clock):
            self.now_us, self.slept = clock.now_us, []

        async def sleep(self, seconds):
            self.slept.append(seconds)
            if len(self.slept) == 3:
                await asyncio.Event().wait()

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        owner._watching["files"].cancel()
        owner.watcher._clock = clock = Recorded(owner.clock)
        watching = asyncio.create_task(owner.watcher.run())
        while len(clock.slept) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        watching.cancel()
        return clock.slept

    assert STILL_S == 2.0
    assert min(run(workspace, world, scenario)) >= 2.0


def test_t1_an_occurrence_and_the_plan_it_starts_are_one_append(workspace, world):
    folder = into(workspace, "leads")
    appended = []

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        queue = owner.ledger.queue

        def noted(appends, told, **how):
            appends = list(appends)
            appended.append([type(draft.fact).__name__ for one in appends for draft in one.drafts])
            queue(appends, told, **how)

        owner.ledger.queue = noted
        (folder / "a.json").write_text("{}")
        await look(owner)
        return await plans_ended(owner)

    assert run(workspace, world, scenario) == ["completed"]
    (kinds,) = [kinds for kinds in appended if "EventReceived" in kinds]
    assert {"EventReceived", "PlanProposed", "PlanApproved", "PlanStarted"} <= set(kinds)
    assert not [kinds for kinds in appended if "PlanProposed" in kinds and "EventReceived" not in kinds]


def test_t1_an_occurrence_is_known_after_its_plan_was_archived_and_the_lists_were_made_anew(workspace, world):
    folder = into(workspace, "leads")

    async def scenario(owner):
        await activate(owner, "take-in", TRIGGER)
        (folder / "a.json").write_text("{}")
        await look(owner)
        assert await plans_ended(owner) == ["completed"]
        archive(owner.ledger, owner.clock.now_us() + 1)
        assert any(is_stub(body) for (body,) in owner.ledger.rows("SELECT body FROM event"))
        owner.ledger.rebuild()

    run(workspace, world, scenario)

    async def again(owner):
        await look(owner, 3)
        return len(received(owner)), len(await plans_ended(owner))

    assert run(workspace, world, again) == (1, 1)
