"""A history that is not where or what it was opens quarantined, and nothing begins until its release (KERNEL L6)."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from kit import budget_of, capped, do, each, facts, operations, plan, run, start

from mainstay import commands as c
from mainstay import events as e
from mainstay.errors import CommandRefusedError, CommitFailedError, InputError
from mainstay.ledger import database, head, keys
from mainstay.ledger.lock import holder
from mainstay.requests.release import STREAM, in_doubt
from mainstay.runtime.intake import Request
from mainstay.views import Views
from mainstay.views.faults import faults, say_held
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from mainstay.contracts import Operation

WORDS = ["a", "b", "c"]


async def ask(owner, method: str, **params):
    return await owner.requests.answer(Request(method, params), True, lambda _: None)


def copied(workspace: Workspace, root) -> Workspace:
    shutil.copytree(workspace.root, root)
    return Workspace(root)


def paused(world, name: str, goes: asyncio.Event, begun: asyncio.Event) -> Operation:
    """Give an operation of the kit that waits after it happened, before it answers."""
    known = next(one for one in operations(world) if one.name == name)

    async def call(attempt, given):
        said = await known.call(attempt, given)
        begun.set()
        await goes.wait()
        return said

    return msgspec.structs.replace(known, call=call)


def copy_in_the_middle(workspace, world, root, operation: str = "test.say", words=WORDS) -> tuple[Workspace, str]:
    """Copy a workspace while the first of three actions is on its way and two are prepared; the original ends them."""

    goes, begun = asyncio.Event(), asyncio.Event()

    async def scenario(owner):
        plan_id, committed = owner.requests.propose(plan(each(do("say", operation, "", at_once=1))), {"words": words})
        await committed
        await begun.wait()
        made = copied(workspace, root)
        goes.set()
        assert (await owner.requests.follow(plan_id, lambda _: None))["status"] == "completed"
        return made, plan_id

    return run(workspace, world, scenario, paused(world, operation, goes, begun))


def doubts(workspace, owner=None) -> dict[str, str]:
    with Views(workspace) as views:
        found = views.in_doubt(owner.contracts)
    return {action["name"].partition("/")[2]: action["doubt"] for one in found for action in one["actions"]}


def test_l6_a_copy_opens_quarantined_and_begins_nothing(workspace, world, tmp_path):
    copy, plan_id = copy_in_the_middle(workspace, world, tmp_path / "copy")
    before = world.calls()

    async def scenario(owner):
        assert "it was copied, restored, or moved here from another disk" in owner.engine.held
        for method, params in (("run", {"playbook": "x"}), ("decide", {}), ("undo", {"plan": plan_id})):
            with pytest.raises(CommandRefusedError, match="All work in this workspace is stopped") as caught:
                await ask(owner, method, **params)
            assert "mainstay history release" in caught.value.remedy
        await asyncio.sleep(0.3)
        assert doubts(copy, owner) == {"say/0": "sent", "say/1": "ready", "say/2": "ready"}
        return [type(fact) for fact in facts(owner, plan_id)], len(owner.ledger.read(STREAM))

    first, told = run(copy, world, scenario)
    assert run(copy, world, scenario) == (first, told), "it survives a restart, and is recorded once"
    assert world.calls() == before
    with Views(copy) as views:  # looking works
        assert views.held()
        assert views.verify()["bad"] is None
        assert views.plans()[0]["plan"] == plan_id


def test_l6_each_effect_of_a_copy_is_settled_by_the_operators_word_and_happens_once(workspace, world, tmp_path):
    copy, plan_id = copy_in_the_middle(workspace, world, tmp_path / "copy")
    before = world.calls()
    assert world.words() == WORDS

    async def scenario(owner):
        answers = {f"{plan_id}/say/0": "happened", f"{plan_id}/say/1": "happened", f"{plan_id}/say/2": "run"}
        with pytest.raises(InputError, match="has no answer yet"):
            await ask(owner, "release", answers={f"{plan_id}/say/0": "happened", f"{plan_id}/say/1": "happened"})
        with pytest.raises(InputError, match="not in doubt"):
            await ask(owner, "release", answers=answers | {f"{plan_id}/say/9": "happened"})
        with pytest.raises(InputError, match="is no answer"):
            await ask(owner, "release", all="yes")
        await ask(owner, "release", answers=answers)
        standing = await owner.requests.follow(plan_id, lambda _: None)
        assert standing["status"] == "completed"
        assert owner.ledger.verify().whole
        assert owner.ledger.differing() == []
        return [(fact.path, fact.settled) for fact in facts(owner, plan_id, e.EffectDone)]

    done = run(copy, world, scenario)
    assert dict(done) == {
        "say/0": "you said that it happened",
        "say/1": "you said that it happened",
        "say/2": "its file is there",
    }
    assert world.calls() == before, "nothing happened twice"


def test_l6_all_left_to_mainstay_is_looked_up_and_happens_once(workspace, world, tmp_path):
    copy, plan_id = copy_in_the_middle(workspace, world, tmp_path / "copy")
    before = world.calls()

    async def scenario(owner):
        await ask(owner, "release", all="run")
        await owner.requests.follow(plan_id, lambda _: None)
        return [fact.answer for event in owner.ledger.read(f"release:{plan_id}") for fact in [event.fact]]

    assert run(copy, world, scenario) == ["run"] * 3
    assert world.calls() == before
    assert run(copy, world, lambda owner: asyncio.sleep(0, owner.engine.held)) == "", "a release lasts"


def test_l6_what_did_not_happen_is_done_after_the_release(workspace, world, tmp_path):
    """The copy was made, the original lost before it did anything more."""
    copy, plan_id = copy_in_the_middle(workspace, world, tmp_path / "copy", "test.whisper")
    for path in world.folder.iterdir():
        path.unlink()

    async def scenario(owner):
        await ask(owner, "release", all="did_not_happen")
        assert (await owner.requests.follow(plan_id, lambda _: None))["status"] == "completed"

    run(copy, world, scenario)
    assert world.words() == WORDS


def test_l6_a_plan_can_be_ended_instead_of_let_go(workspace, world, tmp_path):
    copy, plan_id = copy_in_the_middle(workspace, world, tmp_path / "copy", "test.whisper")
    before = world.calls()

    async def scenario(owner):
        with pytest.raises(InputError, match="not in doubt"):
            await ask(owner, "release", cancel=["nonsense"])
        await ask(owner, "release", cancel=[plan_id])
        await asyncio.sleep(0.2)
        return owner.engine.load(plan_id)

    ended = run(copy, world, scenario)
    assert ended.status == "cancelled"
    assert [question.kind for question in ended.questions.values()] == ["settle"], "what was on its way still counts"
    assert world.calls() == before


def test_l6_what_an_effect_held_of_a_budget_is_settled_by_the_operators_word(workspace, world, tmp_path):
    copy, _ = copy_in_the_middle(capped(workspace, whisper=9), world, tmp_path / "copy", "test.whisper", ["a"])

    async def scenario(owner):
        await ask(owner, "release", all="happened")
        return budget_of(owner, "test.whisper")

    assert run(copy, world, scenario) == [("BudgetReserved", 1), ("BudgetSettled", 1)]


def test_l6_a_refused_release_changes_nothing(workspace, world, tmp_path):
    async def scenario(owner):
        with pytest.raises(CommandRefusedError, match="Nothing is held"):
            await ask(owner, "release", all="run")
        return owner.ledger.head()

    assert run(workspace, world, scenario) == run(workspace, world, scenario)


def test_l6_a_release_whose_commit_seemed_to_fail_and_is_on_disk_lets_go_when_it_is_asked_for_again(
    workspace, world, tmp_path
):
    copy, plan_id = copy_in_the_middle(workspace, world, tmp_path / "copy")

    async def scenario(owner):
        queue = owner.ledger.queue

        def kept(appends, told, **how):
            queue(appends, lambda position, _: told(position, CommitFailedError("The disk failed.")), **how)

        owner.ledger.queue = kept
        with pytest.raises(CommitFailedError):
            await ask(owner, "release", all="run")
        owner.ledger.queue = queue
        await owner.engine.whole()
        assert owner.engine.held
        released = await ask(owner, "release", all="run")
        assert (await owner.requests.follow(plan_id, lambda _: None))["status"] == "completed"
        return released["released"], owner.engine.held

    assert run(copy, world, scenario) == (0, "")
    assert world.words() == WORDS


def test_l6_a_question_that_waits_needs_no_word_and_is_named(workspace, world, tmp_path):
    async def ask_first(owner):
        return await start(owner, plan(do("shout", "test.shout", "hear")))

    _, standing = run(workspace, world, ask_first)
    (question,) = standing["questions"]
    copy = copied(workspace, tmp_path / "copy")

    async def scenario(owner):
        (held,) = in_doubt(owner.engine.load(standing["plan"]), owner.contracts, owner.clock.now_us())
        assert held.doubt == "asked"
        await ask(owner, "release")
        return owner.engine.load(standing["plan"]).questions

    assert list(run(copy, world, scenario)) == [question]
    assert world.calls() == {}


# --- what is a reason, and what is none


def said_at_start(workspace, world) -> str:
    """Why a start holds all work; a walk through the history says so before it."""
    with Views(workspace) as views:
        found = views.verify()
    held = run(workspace, world, lambda owner: asyncio.sleep(0, owner.engine.held))
    assert bool(faults(found) or say_held(found)) == bool(held), (found, held)
    return held


@pytest.fixture
def used(workspace, world):
    """A workspace with a plan that ended."""
    run(workspace, world, lambda owner: start(owner, plan(do("say", "test.say", "one"))))
    return workspace


def witness(workspace):
    """The head that lies beside the key."""
    return head.witness_of(keys.witness_file(workspace.state), head.place_of(workspace.ledger))


def test_l6_a_start_after_a_start_is_no_reason(used, world):
    assert said_at_start(used, world) == ""


def test_l6_a_workspace_that_moved_on_its_disk_is_the_same(used, world, tmp_path):
    assert said_at_start(Workspace(used.root.rename(tmp_path / "elsewhere")), world) == ""


def test_l6_a_crash_before_the_head_was_written_is_no_reason(used, world):
    kept = [(path, path.read_bytes()) for path in (used.state / "head", witness(used))]
    run(used, world, lambda owner: start(owner, plan(do("say", "test.say", "two"))))
    for path, content in kept:
        path.write_bytes(content)
    assert said_at_start(used, world) == ""


def test_l6_an_older_copy_put_back_in_place_is_found(used, world, tmp_path):
    """Its head and all: what lies beside the key knows better."""
    shutil.copytree(used.state, tmp_path / "backup")
    run(used, world, lambda owner: start(owner, plan(do("say", "test.say", "two"))))
    for path in (tmp_path / "backup").iterdir():
        if path.is_file():
            (used.state / path.name).write_bytes(path.read_bytes())  # as `cp` does: into the file that is there
    assert "an older copy of it was put back" in said_at_start(used, world)


def test_l6_an_older_file_in_the_place_of_the_newer_one_is_found_by_the_head_it_lies_beside(used, world, tmp_path):
    """By a walk along the chain too, though it is another file."""
    shutil.copyfile(used.ledger, tmp_path / "older")
    run(used, world, lambda owner: start(owner, plan(do("say", "test.say", "two"))))
    (tmp_path / "older").rename(used.ledger)
    with Views(used) as views:
        ((says, _),) = faults(views.verify())
    assert "its end was cut off" in says
    assert "went to record" in said_at_start(used, world)


def test_l6_a_truncated_wal_is_found(used, world, tmp_path):
    """What only the WAL held is gone with it."""

    async def scenario(owner):
        await start(owner, plan(do("say", "test.say", "two")))
        owner.heads.write(1)
        shutil.copytree(used.state, tmp_path / "killed")  # as a kill would leave it

    run(used, world, scenario)
    shutil.copytree(tmp_path / "killed", used.state, dirs_exist_ok=True, copy_function=into)
    os.truncate(used.ledger.with_name("ledger.db-wal"), 0)
    assert "or its end was cut off" in said_at_start(used, world)


def into(source, target):
    Path(target).write_bytes(Path(source).read_bytes())  # into the file that is there, as `cp` does


def test_l6_a_head_that_is_gone_is_a_reason(used, world):
    (used.state / "head").unlink()
    assert "where it ended is missing" in said_at_start(used, world)


def test_l6_a_damaged_head_counts_as_gone(used, world):
    (used.state / "head").write_bytes(b"{")
    assert "where it ended is missing" in said_at_start(used, world)


def test_l6_a_workspace_of_before_there_were_heads_gets_one(used, world):
    connection = database.connect_writer(used.ledger, keys.load(used.state).database)
    connection.execute("DELETE FROM meta WHERE name = 'head'")
    connection.close()
    for path in (used.state / "head", witness(used)):
        path.unlink()
    assert said_at_start(used, world) == ""
    assert head.read(used.state / "head") is not None
    (used.state / "head").unlink()
    assert "is missing" in said_at_start(used, world)


def test_l6_another_machine_is_a_reason(used, world):
    path = used.state / "head"
    known = head.read(path)
    if not known.place.machine:
        pytest.skip("this machine has no id")
    place = msgspec.structs.replace(known.place, machine="ab" * 16)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(known, place=place)))
    assert "another machine" in said_at_start(used, world)


def test_l6_device_numbers_are_compared_within_one_run_of_the_machine_only(used, world):
    path = used.state / "head"
    known = head.read(path)
    place = msgspec.structs.replace(known.place, boot="another", device=known.place.device + 1)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(known, place=place)))
    witness(used).write_bytes(path.read_bytes())
    assert said_at_start(used, world) == ""


def copies_of(workspace):
    found = head.others(keys.witness_file(workspace.state), head.place_of(workspace.ledger))
    return [head.copy_folder(one) for one in found]


def test_l6_two_copies_of_one_workspace_keep_a_witness_each_and_know_of_each_other(used, world, tmp_path):
    """Work in the one takes nothing away from what is known of the other."""
    copy = Workspace(Path(shutil.copytree(used.root, tmp_path / "copy")))
    assert "copied" in said_at_start(copy, world)
    shutil.copytree(used.state, tmp_path / "backup")
    run(used, world, lambda owner: start(owner, plan(do("say", "test.say", "two"))))
    before = witness(used).read_bytes()
    assert "copied" in said_at_start(copy, world)
    assert witness(used).read_bytes() == before
    for one, other in ((used, copy), (copy, used)):
        assert copies_of(one) == [other.root]
    for path in (tmp_path / "backup").iterdir():
        if path.is_file():
            (used.state / path.name).write_bytes(path.read_bytes())
    assert "an older copy of it was put back" in said_at_start(used, world)
    shutil.rmtree(copy.root)
    assert copies_of(used) == []


def test_l6_the_witness_of_a_release_before_counts_until_this_file_has_its_own(used, world):
    own = witness(used)
    older = keys.witness_file(used.state)
    known = head.read(own)
    older.write_bytes(msgspec.json.encode(msgspec.structs.replace(known, position=known.position + 1000)))
    own.unlink()
    assert "an older copy of it was put back" in said_at_start(used, world)
    assert (own.exists(), older.exists()) == (True, False)


def test_f11_the_lock_in_a_copy_of_the_folder_names_nobody(used, world, tmp_path):
    """Or a command in the copy would reach the owner of the workspace it was copied from."""

    async def scenario(owner):
        shutil.copytree(used.root, tmp_path / "copy")
        return holder(used.state).pid, holder(tmp_path / "copy" / ".mainstay")

    assert run(used, world, scenario) == (os.getpid(), None)


def test_l6_a_history_computed_anew_is_found(used, world):
    """By somebody with the key: the chain is whole, and yet it is another one."""
    rehash(used)
    with Views(used) as views:
        assert views.verify()["bad"] is None
    assert "this is another history" in said_at_start(used, world)


def rehash(workspace) -> None:
    """Alter an old record, and compute every digest after it anew."""
    from mainstay.ledger import chain
    from mainstay.ledger.reader import READ_CHAIN

    connection = database.connect_writer(workspace.ledger, keys.load(workspace.state).database)
    digest = chain.GENESIS
    rows = connection.execute(READ_CHAIN).fetchall()
    for row in rows:
        record = chain.StoredRecord._make(row)
        actor = "somebody" if record.position == 2 else record.actor
        record = record._replace(actor=actor)
        digest = chain.link(digest, record.position, record[1:9], record.body)
        connection.execute(
            "UPDATE event SET actor = ?, digest = ? WHERE position = ?", (actor, digest, record.position)
        )
    connection.close()


def test_l6_two_copies_that_were_both_released_do_not_accuse_each_other(used, world, tmp_path):
    copy = copied(used, tmp_path / "copy")
    run(copy, world, lambda owner: ask(owner, "release"))
    run(copy, world, lambda owner: start(owner, plan(do("say", "test.say", "copy"))))
    assert said_at_start(used, world) == ""
    assert said_at_start(copy, world) == ""


def test_l6_the_head_never_says_more_than_what_is_on_disk(used, world):
    async def scenario(owner):
        for number in range(5):
            await start(owner, plan(do("say", "test.say", f"word{number}")))
            owner.heads.write(number)
            written = head.read(used.state / "head")
            with Views(used) as views:
                assert views._reader.digest_at(written.position) == written.digest

    run(used, world, scenario)


def test_l6_the_head_holds_position_digest_machine_and_file(used):
    with Views(used) as views:
        position, digest = views._reader.head()
    found, status = head.read(used.state / "head"), used.ledger.stat()
    assert (found.position, found.digest) == (position, digest)
    assert (found.place.device, found.place.inode) == (status.st_dev, status.st_ino)
    assert found.place == head.place_of(used.ledger)


def test_l6_a_full_or_closed_disk_leaves_the_older_head_which_stays_true(used, world):
    async def scenario(owner):
        await start(owner, plan(do("say", "test.say", "two")))
        before = (used.state / "head").read_bytes()
        (used.state / "head.part").mkdir()  # nothing can be written there now
        owner.heads.write_if_possible(1)
        assert (used.state / "head").read_bytes() == before
        (used.state / "head.part").rmdir()

    run(used, world, scenario)
    assert said_at_start(used, world) == ""


# --- effects that sleep


def test_l6_what_sleeps_until_it_is_looked_up_is_in_doubt_too(workspace, world, tmp_path):
    late = next(one for one in operations(world) if one.name == "test.say")
    late = msgspec.structs.replace(late, settle_after_s=3600.0)

    async def lose(owner):
        plan_id, _ = await start(owner, plan(do("say", "test.say", "lost")))
        return plan_id

    plan_id = run(workspace, world, lose, late)
    copy = copied(workspace, tmp_path / "copy")

    async def scenario(owner):
        assert owner.engine.load(plan_id).slots["say"].status == "settling"
        assert doubts(copy, owner) == {"say": "sent"}
        await ask(owner, "release", all="happened")
        return (await owner.requests.follow(plan_id, lambda _: None))["status"]

    assert run(copy, world, scenario, late) == "completed"
    assert world.words() == ["lost"]


@pytest.mark.parametrize(("delay_s", "doubt"), [(1, {"say": "ready"}), (3600, {})])
def test_l6_what_should_have_left_since_is_in_doubt_and_what_leaves_later_is_not(
    workspace, world, tmp_path, delay_s, doubt
):
    async def begin(owner):
        plan_id, committed = owner.requests.propose(
            plan(do("say", "test.whisper", "slow", delay_s=delay_s)), {"words": []}
        )
        await committed
        while not facts(owner, plan_id, e.EffectDelayed):  # noqa: ASYNC110 - the copy has what is on disk
            await asyncio.sleep(0.01)
        return plan_id, copied(workspace, tmp_path / "copy")

    plan_id, copy = run(workspace, world, begin)
    before = world.calls()

    async def scenario(owner):
        await asyncio.sleep(1.1)
        assert doubts(copy, owner) == doubt
        await ask(owner, "release", all="happened")
        await asyncio.sleep(0.2)
        return owner.engine.load(plan_id).slots["say"].status

    assert run(copy, world, scenario) == ("done" if doubt else "delayed")
    assert world.calls() == before


def test_l6_what_waits_to_leave_in_a_plan_that_ended_is_not_in_doubt(workspace, world):
    """The timer of it is stale, so that no answer about it could be recorded: the history was held for ever."""
    late = next(one for one in operations(world) if one.name == "test.say")
    late = msgspec.structs.replace(late, settle_after_s=3600.0)

    async def scenario(owner):
        steps = do("say", "test.say", "lost"), do("later", "test.whisper", "b", delay_s=3600)
        plan_id, _ = await start(owner, plan(*steps))
        assert owner.engine.load(plan_id).slots["later"].status == "delayed"
        two_hours_on_us = owner.clock.now_us() + 7_200_000_000
        going = [one.path for one in in_doubt(owner.engine.load(plan_id), owner.contracts, two_hours_on_us)]
        await owner.engine.submit(plan_id, c.UndoPlan(now_us=owner.clock.now_us(), by="operator"), actor="operator")
        ended = owner.engine.load(plan_id)
        assert (ended.status, ended.slots["later"].status) == ("cancelled", "delayed")
        return going, [one.path for one in in_doubt(ended, owner.contracts, two_hours_on_us)]

    assert run(workspace, world, scenario, late) == (["say", "later"], ["say"])
