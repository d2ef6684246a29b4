"""Mails that come back: told by notices of servers, tied to the action that sent them, counted by throttles (G8)."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from delivery_notices import exim, qmail, renamed, standard
from kit import facts, rule, run, start
from rich.console import Console
from smtp_servers import good_server

from mainstay import events as e
from mainstay.cli.throttle import draw
from mainstay.cli.timeline import draw_plan
from mainstay.kernel.graph import Definition, Literally, Record, Step
from mainstay.sentences import say
from mainstay.views import Views

sys.path.append(str(Path(__file__).parent.parent / "governance"))

from test_throttles import throttled, until_closed

TO = "jo@doe.example"


@pytest.fixture
def posted(workspace):
    """A workspace whose mails really leave, and what the server took."""
    with good_server() as (port, kept):
        path = workspace.root / "mainstay.toml"
        path.write_text(f'{path.read_text()}\n[mail.smtp]\nhost = "127.0.0.1"\nport = {port}\ntls = "none"\n')
        (workspace.root / "playbooks" / "test.yaml").write_text(
            'playbook: test\ntitle: "Named by throttles"\nsteps:\n  nap: {wait: {until: 1s}}\n'
        )
        yield type(workspace)(workspace.root), kept


def send(name="send", to=TO, **more):
    arguments = Record({"to": Literally(to), "subject": Literally("Well?"), "text": Literally("Well?")})
    return Step(name=name, kind="do", target="mail.send", effect="irreversible", arguments=arguments, **more)


def mails(*steps):
    return Definition(name="test", title="Ask Jo", steps=steps or (send(),))


async def sent(owner, definition=None):
    plan_id, standing = await start(owner, definition or mails())
    return plan_id, await rule(owner, standing["questions"][0], "approve")


async def come(owner, name, content):
    """Put a mail into the inbox, and let it lie until it is taken in."""
    owner._watching["files"].cancel()  # only this looks
    folder = owner.workspace.root / "inbox" / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.eml").write_bytes(content)
    for _ in range(2):
        await owner.watcher.look(sorted(owner.engine.outside.watched()))


def bounced(owner, plan_id):
    return [(event.fact, event.plan, event.cause) for event in owner.ledger.read(f"bounces:{plan_id}")]


def test_g8_a_mail_that_comes_back_is_a_fact_of_the_action_that_sent_it(posted, world):
    workspace, kept = posted
    said = []

    async def scenario(owner):
        owner.engine.hearers.append(said.append)
        plan_id, standing = await sent(owner)
        await come(owner, "1", standard(kept.mails[0][2]))
        await come(owner, "2", standard(kept.mails[0][2], words="The same once more."))
        ((came, of, cause),) = bounced(owner, plan_id)
        received = owner.ledger.read(cause.partition("@")[0])[0].fact
        assert TO not in str(owner.payloads.load(received.body)), "whom it is about can be forgotten"
        with Views(workspace) as views:
            shown = views.show(plan_id)
        console = Console(file=io.StringIO(), width=200)
        draw_plan(shown, console, "UTC", everything=True)
        return (
            standing["status"],
            plan_id,
            came,
            of,
            received.event,
            shown,
            console.file.getvalue(),
            owner.ledger.differing(),
        )

    status, plan_id, came, of, event, shown, screen, differing = run(workspace, world, scenario)
    assert (status, came, of) == ("completed", e.MailBounced("send", final=True, code="5.1.1"), plan_id)
    assert event == "mail.bounced"
    assert differing == []
    assert [row["says"] for row in shown["bounced"]] == ["came back: there is no such mailbox (5.1.1)"]
    assert "1 mail came back: there is no such mailbox (5.1.1) (send)" in screen
    assert "send: its mail came back: there is no such mailbox (5.1.1)" in screen
    assert said == [f"send: its mail came back: there is no such mailbox (5.1.1). See: mainstay show {plan_id}"]


def test_g8_a_delay_is_told_and_may_become_a_failure_which_stays_one(posted, world):
    workspace, kept = posted

    async def scenario(owner):
        plan_id, _ = await sent(owner)
        mail = kept.mails[0][2]
        await come(owner, "1", standard(mail, "delayed", "4.2.2"))
        await come(owner, "2", exim(mail, delayed=True))
        await come(owner, "3", exim(renamed(mail)))
        await come(owner, "4", standard(mail, "delayed", "4.4.1"))
        await come(owner, "5", qmail(mail))
        with Views(workspace) as views:
            (last,) = views.show(plan_id)["bounced"]
        return [say(fact) for fact, _, _ in bounced(owner, plan_id)], last["final"]

    told, final = run(workspace, world, scenario)
    assert told == [
        "send: its mail is delayed, and may still arrive: the mailbox is full (4.2.2)",
        "send: its mail came back: there is no such mailbox (5.1.1)",
    ]
    assert final


def test_g8_a_forged_notice_counts_nothing(posted, world):
    """Without the mark of a mail of ours it speaks of none, whoever it names; one that is made up is nobody's."""
    workspace, kept = posted

    async def scenario(owner):
        plan_id, _ = await sent(owner)
        mail = kept.mails[0][2].decode()
        mark = mail.partition("X-Mainstay-Mail: ")[2].split()[0]
        made_up = f"{'0' * 32}.{plan_id}"
        for number, other in enumerate(("", made_up, mark.replace(plan_id, "zzzzzzzzzz"), mark.partition(".")[0])):
            await come(owner, f"{number}", standard(mail.replace(mark, other).encode()))
        return bounced(owner, plan_id), [
            event.fact for event in owner.ledger.tail(limit=5000) if isinstance(event.fact, e.MailBounced)
        ]

    assert run(workspace, world, scenario) == ([], [])


def test_g8_a_notice_ends_no_wait_for_an_answer_and_starts_nothing(posted, world):
    workspace, kept = posted

    async def scenario(owner):
        plan_id, _ = await sent(owner)
        heard = []
        owner.engine.outside._heard = lambda *given: heard.append(given)
        mail = kept.mails[0][2]
        reply = standard(mail).replace(b"Message-Id:", b"In-Reply-To: <x@y>\nMessage-Id:")
        await come(owner, "1", reply)
        return heard, len(facts(owner, plan_id, e.StepCompleted)), len(bounced(owner, plan_id))

    assert run(workspace, world, scenario) == ([], 0, 1)


def test_g8_a_playbook_of_which_too_many_mails_come_back_is_paused_also_over_a_restart(posted, world):
    workspace, kept = posted

    async def first(owner):
        await throttled(owner, when="bounced: 2")
        plan_id, _ = await sent(owner)
        await come(owner, "1", standard(kept.mails[0][2]))
        owner.throttling.begin()  # rules changed, or the history was read again, before that was told
        (noted,) = owner.ledger.read(f"bounces:{plan_id}")
        owner.throttling.note_bounce(plan_id, noted.fact, noted.position, noted.recorded_at_us)
        await come(owner, "2", standard(kept.mails[0][2], "failed", "5.2.1"))
        return [event.fact for event in owner.ledger.read("throttle:test")]

    async def second(owner):
        waiting, _ = await start(owner, mails())
        await sent(owner)
        await come(owner, "3", standard(kept.mails[1][2], "delayed", "4.2.2"))
        before = owner.ledger.read("throttle:test")
        await come(owner, "4", standard(kept.mails[1][2]))
        await until_closed(owner)
        with Views(workspace) as views:
            (held,) = views.throttled()
        console = Console(file=io.StringIO(), width=200)
        draw([held], console, "UTC")
        return before, held["says"], owner.engine.load(waiting).paused_at_us is not None, console.file.getvalue()

    assert run(workspace, world, first) == []
    before, says, paused, screen = run(workspace, world, second)
    assert (before, says, paused) == ([], "2 mails came back within 1 hour", True)
    assert "1 mail came back: there is no such mailbox (5.1.1)" in screen


def test_g8_a_share_of_mails_that_come_back_is_one_of_those_that_were_sent(posted, world):
    workspace, kept = posted

    async def scenario(owner):
        await throttled(owner, when='bounced: "50% of 3"')
        for _ in range(2):
            await sent(owner)
        await come(owner, "1", standard(kept.mails[0][2]))
        few = owner.ledger.read("throttle:test")
        for _ in range(2):
            await sent(owner)
        await come(owner, "2", standard(kept.mails[3][2]))
        await until_closed(owner)
        (closed,) = owner.ledger.read("throttle:test")
        return few, closed.fact.says

    assert run(workspace, world, scenario) == ([], "2 of 4 mails came back within 1 hour")


def test_g8_where_no_mail_leaves_nobody_looks_for_notices(workspace, world):
    async def scenario(owner):
        return owner.engine.outside.watched()

    assert run(workspace, world, scenario) == set()
