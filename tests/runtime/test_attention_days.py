"""G5, G10, O11: days of attention over a real owner, on a clock that a test moves."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from kit import MovedClock, after, do, facts, plan, rule, run, start
from seeds import some

from mainstay import events as e
from mainstay.commands import SnoozeQuestion
from mainstay.governance.attention import Days, Rules, summary_at
from mainstay.kernel.graph import Ask, Literally, Step, Text
from mainstay.values import SECOND_US
from mainstay.views import Views

HOUR_S = 3600
ZONE = "Europe/Berlin"


def us(text, zone=ZONE):
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND_US


def ask(**more):
    return plan(Step(name="q", kind="ask", ask=Ask(Text((Literally("Shall we?"),)), **more)))


def settings(workspace, text):
    path = workspace.root / "mainstay.toml"
    path.write_text(f'{path.read_text()}\n[attention]\nafter = "0s"\n{text}\n')
    return type(workspace)(workspace.root)


async def until(wanted):
    """Give the owner's thread the time to write."""
    end = time.monotonic() + 20
    while not wanted():
        assert time.monotonic() < end, "it never came"
        await asyncio.sleep(0.01)


def morning(zone="UTC"):
    """Give a clock at nine o'clock tomorrow, for the company."""
    clock = MovedClock()
    now = datetime.fromtimestamp(clock.now_us() / SECOND_US, ZoneInfo(zone))
    clock.move((24 + 9) * HOUR_S - (now.hour * HOUR_S + now.minute * 60 + now.second))
    return clock


class Listener:
    """Looks when a test says so, and keeps what was shown."""

    def __init__(self, owner):
        self.shown, self.owner = [], owner
        self.teller = owner.teller(self.shown.append)
        self.mark_us = owner.clock.now_us() - SECOND_US

    async def look(self):
        self.shown.clear()
        self.mark_us = await self.teller.look(self.mark_us)
        return [line for line in self.shown if not line.startswith(" ")]

    async def again(self):
        """Look as after a restart: from the mark of the last message."""
        self.teller = self.owner.teller(self.shown.append)
        self.mark_us = self.teller._last_us()
        return await self.look()

    def told(self):
        found = [event.fact for event in self.owner.ledger.tail() if isinstance(event.fact, e.OperatorTold)]
        return [fact.sort for fact in found]


def test_g10_beyond_the_days_number_what_came_waits_for_the_summary_and_nothing_is_told_twice(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        told = []
        for _ in range(4):
            await start(owner, ask())
            clock.move(60)
            told.append(len(await listener.look()))
        told.append(len(await listener.again()))
        clock.move(8 * HOUR_S)  # ten past five
        summary = await listener.look(), list(listener.shown)
        told.append(len(await listener.again()))
        clock.move(16 * HOUR_S)  # the next morning: what was left is still the summary's
        told.append(len(await listener.look()))
        await start(owner, ask())
        clock.move(60)
        return told, summary, await listener.look(), listener.told()

    told, (summary, shown), next_day, recorded = run(settings(workspace, "per_day = 2"), world, scenario, clock=clock)
    assert told == [1, 1, 0, 0, 0, 0, 0]
    assert summary == ["Today's summary: 4 questions wait for your decision. Begin with: mainstay inbox"]
    assert shown[1:] == ["  4 x test, q: a question of the playbook"]
    assert next_day[0].startswith("This needs your decision: Shall we?")
    assert recorded == ["asked", "asked", "summary", "asked"]


def test_g10_what_comes_together_is_one_message_and_what_is_answered_is_none(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        for _ in range(3):
            await start(owner, ask())
        _, standing = await start(owner, ask())
        await rule(owner, standing["questions"][0], "approve")
        clock.move(1)
        return await listener.look(), list(listener.shown), await listener.look()

    said, shown, after = run(settings(workspace, ""), world, scenario, clock=clock)
    assert said == ["3 questions came that need your decision. Begin with: mainstay inbox"]
    assert shown[1:] == ["  3 x test, q: a question of the playbook"]
    assert after == []


def test_g5_what_waited_too_long_and_what_soon_counts_as_a_no_come_through_once(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        await start(owner, ask(escalate_s=1 * HOUR_S))
        await start(owner, ask(due_s=6 * HOUR_S))
        said = []
        for hours in (0.5, 1, 3, 1):
            clock.move(hours * HOUR_S)
            said.append(await listener.look())
        return said, await listener.again(), listener.told()

    said, again, recorded = run(settings(workspace, "per_day = 0"), world, scenario, clock=clock)
    assert [len(lines) for lines in said] == [0, 1, 1, 0]
    assert said[1][0].startswith("This has waited for your decision for too long: Shall we? Answer: mainstay decide ")
    assert said[2][0].startswith("Without your answer this soon counts as a no: Shall we? Answer: mainstay decide ")
    assert (again, recorded) == ([], ["escalated", "due"])


def test_g5_a_reminder_is_told_once_within_the_days_number(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        owner.engine.listeners.append(listener.teller.heard)
        plan_id, _ = await start(owner, ask(remind_s=(2 * HOUR_S,)))
        clock.move(60)
        first = await listener.look()
        clock.move(2 * HOUR_S)
        await until(lambda: listener.teller._reminded)
        assert facts(owner, plan_id, e.DecisionReminded)
        return first, await listener.look(), await listener.look(), listener.told()

    first, again, after, recorded = run(settings(workspace, ""), world, scenario, clock=clock)
    assert (len(first), after, recorded) == (1, [], ["asked", "reminded"])
    assert again[0].startswith("This still needs your decision: Shall we? Answer: mainstay decide ")


def test_g10_a_question_that_was_put_off_is_told_when_it_is_back(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        plan_id, standing = await start(owner, ask())
        now_us = clock.now_us()
        snooze = SnoozeQuestion(
            now_us=now_us, decision=standing["questions"][0], until_us=now_us + 2 * HOUR_S * SECOND_US, by="operator"
        )
        await owner.engine.submit(plan_id, snooze, actor="operator")
        said = []
        for hours in (1, 1.5, 1):
            clock.move(hours * HOUR_S)
            said.append(len(await listener.look()))
        return said

    assert run(settings(workspace, ""), world, scenario, clock=clock) == [0, 1, 0]


def test_o11_one_message_for_each_cause_however_many_plans_it_stops_with_its_remedies(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        for _ in range(3):
            await start(owner, plan(do("a", "test.refuse", "permanent")))
        clock.move(1)
        first = await listener.look(), list(listener.shown)
        await start(owner, plan(do("a", "test.refuse", "permanent")))
        plan_id, _ = await start(owner, plan(do("b", "test.whisper", "lost")))
        clock.move(1)
        second = await listener.look()
        clock.move(8 * HOUR_S)
        return first, second, await listener.look(), list(listener.shown), facts(owner, plan_id, e.EffectUncertain)

    (first, shown), second, summary, counted, lost = run(
        settings(workspace, "per_day = 0"), world, scenario, clock=clock
    )
    assert first == ["Stuck (test, a, in 3 plans): no. See: mainstay stuck"]
    remedies = [line.split()[2] for line in shown if line.startswith("  mainstay stuck ")]
    assert {"retry", "undo"} <= set(remedies), shown
    assert lost
    assert len(second) == 1
    assert second[0].startswith("An action that may have happened (test, b, plan "), second
    assert summary[0].startswith("Today's summary: 5 questions wait")
    assert "  4 x test, a: a step that is stuck" in counted


def test_g10_a_look_that_dies_between_telling_and_recording_tells_once_more(workspace, world):
    clock = morning()

    async def scenario(owner):
        listener = Listener(owner)
        await start(owner, ask())
        clock.move(1)
        mark_us = listener.mark_us

        async def die(*_):
            raise KeyboardInterrupt

        ways = owner.requests.ways
        ways.send, send = die, ways.send
        with pytest.raises(KeyboardInterrupt):
            await listener.look()
        ways.send, listener.mark_us = send, mark_us
        return await listener.look(), await listener.again(), listener.told()

    said, again, recorded = run(settings(workspace, ""), world, scenario, clock=clock)
    assert (len(said), again, recorded) == (1, [], ["asked"])


def by_command(workspace, more=""):
    """Let a program of the operator's be told, which is not there yet; gives the workspace and where it writes."""
    kept, program = workspace.root / "kept", workspace.root / "tell"
    made = settings(workspace, f'{more}\n[notify]\ncommand = ["{program}"]')

    def repair():
        program.write_text(f"#!/bin/sh\ncat >> {kept}\n")
        program.chmod(0o700)

    return made, kept, repair


def test_g10_of_plans_that_cannot_be_read_all_is_told_and_each_message_is_recorded_by_itself(workspace, world):
    clock = morning()
    made, kept, repair = by_command(workspace)
    repair()
    path = made.root / "mainstay.toml"
    path.write_text(f'{path.read_text()}links = ["command"]\n')
    made = type(workspace)(workspace.root)

    async def first(owner):
        await start(owner, plan(do("a", "test.refuse", "permanent")))
        await start(owner, ask())

    async def second(owner):
        owner.requests.served_at = "http://localhost:1"
        listener = Listener(owner)
        ways, sent = owner.requests.ways, []
        send = ways.send

        async def dies(message, token, by):
            sent.append(message.sort)
            if message.sort == "asked":
                raise KeyboardInterrupt
            return await send(message, token, by)

        ways.send = dies
        with pytest.raises(KeyboardInterrupt):
            await listener.look()
        ways.send = send
        return sent, listener.told(), await listener.again(), listener.told()

    run(made, world, first, clock=clock)
    for blob in (workspace.root / ".mainstay" / "blobs").rglob("*"):
        blob.is_file() and blob.unlink()
    sent, before, again, told = run(made, world, second, clock=clock)
    assert (sent, before, told) == (["stuck", "asked"], ["stuck"], ["stuck", "asked"])
    assert again[0].startswith("This needs your decision: Shall we? Answer: mainstay decide ")
    assert kept.read_text().startswith("Stuck (test, a, plan ")


@pytest.mark.parametrize("restarted", [False, True])
def test_g10_a_way_that_failed_is_tried_again_with_what_waits_by_then_also_after_a_restart(workspace, world, restarted):
    clock = morning()
    made, kept, repair = by_command(workspace)

    async def scenario(owner):
        listener = Listener(owner)
        look = listener.again if restarted else listener.look
        await start(owner, ask())
        _, answered = await start(owner, ask())
        clock.move(1)
        first = await listener.look(), [line for line in listener.shown if "did not reach" in line]
        await rule(owner, answered["questions"][0], "approve")
        clock.move(61)
        await look()
        still = listener.told(), list(listener.shown)
        repair()
        clock.move(3)
        soon = await look(), kept.exists()
        clock.move(3600)
        await look()
        text = kept.read_text()
        clock.move(3600)
        await look()
        return first, still, soon, text, kept.read_text() == text, listener.told()

    first, still, soon, text, once, told = run(made, world, scenario, clock=clock)
    assert len(first[1]) == 1
    assert "by command: There is no program" in first[1][0]
    assert still == (["asked"], []), "what fails again is said no more, and no fact of its own"
    assert soon == ([], restarted), "a restart tries at once"
    assert text.startswith("What was to reach you before did not: 1 question waits for your decision. Begin with:")
    assert once
    assert told == ["asked", "again"]


def test_g10_a_way_that_failed_is_not_tried_again_once_nothing_waits(workspace, world):
    clock = morning()
    made, kept, repair = by_command(workspace)

    async def scenario(owner):
        listener = Listener(owner)
        _, standing = await start(owner, ask())
        clock.move(1)
        await listener.look()
        await rule(owner, standing["questions"][0], "approve")
        repair()
        clock.move(120)
        await listener.look()
        return listener.told(), kept.exists()

    assert run(made, world, scenario, clock=clock) == (["asked"], False)


def test_g5_a_reminder_that_was_due_while_the_service_started_is_told(workspace, world):
    """It is on disk, and nobody was there to hear of it: the teller finds it since its mark."""
    clock = morning()

    async def first(owner):
        listener = Listener(owner)
        plan_id, _ = await start(owner, ask(remind_s=(2 * HOUR_S,)))
        clock.move(60)
        await listener.look()
        clock.move(2 * HOUR_S)
        await until(lambda: facts(owner, plan_id, e.DecisionReminded))
        return listener.told()

    async def second(owner):
        listener = Listener(owner)
        listener.mark_us = listener.teller._last_us()
        listener.teller.catch_up(listener.mark_us)
        said = await listener.look()
        later = owner.teller(print)
        later.catch_up(later._last_us())
        return said, later._reminded

    made = settings(workspace, "")
    assert run(made, world, first, clock=clock) == ["asked"]
    said, again = run(made, world, second, clock=clock)
    assert len(said) == 1
    assert said[0].startswith("This still needs your decision: Shall we?")
    assert again == set(), "what was told is not told again"


class Week:
    """Seven days of a workspace, hour by hour; nobody answers anything."""

    def __init__(self, workspace, world):
        self.workspace, self.world, self.clock = workspace, world, morning()

    def play(self, hours):
        self.clock = MovedClock(self.clock._ahead_s)  # its loop is another one
        return run(self.workspace, self.world, lambda owner: self.hours(owner, hours), clock=self.clock, seconds=60)

    async def hours(self, owner, hours):
        """Be there for some hours, as after a restart: what was told is known from the history alone."""
        listener = Listener(owner)
        listener.mark_us = listener.teller._last_us()
        listener.teller.catch_up(listener.mark_us)
        owner.engine.listeners.append(listener.teller.heard)
        for hour in hours:
            if hour % 24 < 6:
                gated = do("a", "test.shout", f"w{hour}")
                await start(owner, plan(gated) if hour % 2 else plan(ask_step(), gated_after(gated)))
            self.clock.move(HOUR_S)
            await asyncio.sleep(0.02)
            await until(lambda: not owner.engine._queued)
            await listener.look()
        facts = list(owner.ledger.tail(limit=100_000))
        days: dict[str, list[str]] = {}
        for event in facts:
            if isinstance(event.fact, e.OperatorTold):
                days.setdefault(event.stream, []).append(event.fact.sort)
        return days, sum(isinstance(event.fact, e.DecisionExpired) for event in facts), owner.ledger.differing()


@pytest.mark.parametrize("each", some(1, [24, 5, 168]))
def test_g5_g10_over_a_week_each_day_keeps_its_number_and_no_silence_ever_acts(workspace, world, each):
    """Reminded, escalated, and then a no: whatever the day's number is, and however often it was restarted."""
    week = Week(settings(workspace, 'per_day = 3\nsummary = "17:00"'), world)
    for first in range(0, 7 * 24, each):
        days, expired, differing = week.play(range(first, min(first + each, 7 * 24)))
    assert world.words() == [], "nothing was answered, so nothing happened"
    assert differing == []
    assert expired == 21, "each question of a playbook ended in a no"
    for sorts in days.values():
        assert sum(sort in ("asked", "reminded") for sort in sorts) <= 3, days
        assert sorts.count("summary") <= 1, days
    told = [sort for sorts in days.values() for sort in sorts]
    assert (told.count("summary"), told.count("escalated") >= 7, told.count("due") >= 7) == (7, True, True), days


def ask_step():
    patience = {"remind_s": (4 * HOUR_S,), "escalate_s": 6 * HOUR_S, "due_s": 18 * HOUR_S}
    return Step(name="q", kind="ask", ask=Ask(Text((Literally("Shall we?"),)), **patience))


def gated_after(step):
    return msgspec.structs.replace(step, needs=after("q"))


def test_g6_a_budget_that_runs_low_is_told_by_all_ways_once(workspace, world):
    clock = morning()
    made, kept, repair = by_command(workspace, "per_day = 0")
    repair()
    path = made.root / "mainstay.toml"
    path.write_text(f'{path.read_text()}\n[budgets]\n"test.say" = {{per_day = 5}}\n')
    made = type(workspace)(workspace.root)

    async def scenario(owner):
        listener = Listener(owner)
        for _ in range(5):
            await start(owner, plan(do("a", "test.say", "x")))
        clock.move(1)
        await listener.look()
        await listener.look()
        return listener.told(), list(listener.shown)

    assert run(made, world, scenario, clock=clock) == (["warned"], []), "the screen was told when it happened"
    assert kept.read_text() == "Budget 'test.say' runs low: 4 of 5 a day.\n"


def test_g6_a_warning_whose_owner_ended_before_it_told_is_told_by_the_next_one_once(workspace, world):
    clock = morning()
    made, kept, repair = by_command(workspace, "per_day = 0")
    repair()
    path = made.root / "mainstay.toml"
    path.write_text(f'{path.read_text()}\n[budgets]\n"test.say" = {{per_day = 5}}\n')
    made = type(workspace)(workspace.root)

    async def dies(owner):
        for _ in range(4):
            await start(owner, plan(do("a", "test.say", "x")))

    async def starts(owner):
        listener = Listener(owner)
        listener.teller.catch_up(listener.teller._last_us())
        await listener.look()
        return listener.told()

    run(made, world, dies, clock=clock)
    clock.move(60)
    assert run(made, world, starts, clock=clock) == ["warned"]
    clock.move(60)
    assert run(made, world, starts, clock=clock) == ["warned"], "what was told is not told again"
    assert kept.read_text() == "Budget 'test.say' runs low: 4 of 5 a day.\n"


def test_g10_a_yes_after_an_edit_is_told_from_a_yes_to_what_was_shown(workspace, world):
    async def scenario(owner):
        for more in ({}, {"arguments": {"word": "otherwise"}}, {}):
            _, standing = await start(owner, plan(do("a", "test.shout", "x")))
            await rule(owner, standing["questions"][0], "approve", **more)
        _, standing = await start(owner, plan(do("a", "test.shout", "x")))
        await rule(owner, standing["questions"][0], "reject")
        with Views(workspace) as views:
            found = views.metrics(1, owner.clock.now_us())
        return found["approved"], found["edited"], found["answers"]

    assert run(workspace, world, scenario) == (0.5, 0.25, 4)
    assert world.words() == ["otherwise", "x", "x"]


def told_at(*moments):
    """Give what reads the stream of a day: so many facts, each with its sort and moment."""

    def read(stream):
        return [
            e.Recorded(1, stream, 1, "OperatorTold", 1, at_us, "mainstay", "", "", e.OperatorTold(sort, at_us, 1))
            for sort, at_us in moments
            if stream == f"attention:{datetime.fromtimestamp(at_us / SECOND_US, ZoneInfo(ZONE)).date()}"
        ]

    return read


@pytest.mark.parametrize(
    ("summary", "mark", "now", "due"),
    [
        ("17:00", "2026-11-21T16:59:58", "2026-11-21T17:00:00", True),
        ("17:00", "2026-11-21T16:59:00", "2026-11-21T16:59:58", False),
        ("17:00", "2026-11-20T12:00", "2026-11-21T09:00", True),  # missed while nobody was there
        ("17:00", "2026-11-20T17:00", "2026-11-21T09:00", False),
        ("02:30", "2026-03-29T01:59", "2026-03-29T03:31", True),  # an hour that is not there
        ("02:30", "2026-10-25T01:59", "2026-10-25T02:31", True),  # an hour that comes twice
        ("17:00", "2026-10-24T17:00", "2026-10-25T16:59", False),  # 25 hours
        ("", "2026-11-20T12:00", "2026-11-21T18:00", False),
    ],
)
def test_g10_a_summary_is_due_at_its_time_of_the_companys_day_over_daylight_saving(summary, mark, now, due):
    days = Days(Rules(10, summary_at(summary), 0, ZONE), told_at(), us(now))
    assert days.is_summary_due(us(mark)) is due


def test_g10_a_clock_that_is_set_back_gives_no_second_summary():
    given = us("2026-11-21T17:00:05")
    days = Days(Rules(10, summary_at("17:00"), 0, ZONE), told_at(("summary", given)), us("2026-11-21T17:00:02"))
    assert not days.is_summary_due(us("2026-11-21T16:00"))


def test_g10_what_came_before_midnight_on_a_full_day_does_not_come_after_it():
    rules, now = Rules(1, None, 0, ZONE), us("2026-11-22T00:10")
    full = Days(rules, told_at(("asked", us("2026-11-21T09:00"))), now)
    free = Days(rules, told_at(("summary", us("2026-11-21T17:00"))), now)
    mark = us("2026-11-21T23:30")
    assert (full.since_us(mark), full.left()) == (us("2026-11-22T00:00"), 1)
    assert (free.since_us(mark), free.left()) == (mark, 1)
