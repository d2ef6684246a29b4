"""Policies on a real owner: in force once activated, decided anew at the intent, out of reach of agents and steps."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

sys.path.append(str(Path(__file__).parent.parent / "runtime"))

from kit import World, after, do, facts, plan, rule, run, start

from mainstay import events as e
from mainstay.app import create_workspace
from mainstay.errors import InputError, PlaybookError
from mainstay.kernel.graph import Ask, Literally, Record, Step, Text
from mainstay.playbooks.activation import Wanted
from mainstay.playbooks.artefacts import digest_of_files
from mainstay.playbooks.changes import changes
from mainstay.playbooks.policies import shipped_policy
from mainstay.playbooks.policy_book import unfit
from mainstay.runtime.intake import Request
from mainstay.views import Views

QUIET = "- {id: quiet, do: test.shout, when: 'arguments.word == \"hello\"', then: allow, why: It is known.}\n"
LOUD = "- {id: loud, do: test.say, when: arguments.word.size() > 5, then: ask, why: It is long.}\n"
NEVER = "- {id: never, do: test.shout, then: deny, why: Not here.}\n"
NEWLY = "- {id: newly, do: test.shout, when: arguments.word.size() > 2, then: ask, why: Look again.}\n"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return create_workspace(tmp_path / "acme", name="Acme")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "world")


def write(workspace, text, name="own"):
    (workspace.root / "policies" / f"{name}.yaml").write_text(text)


async def activate(owner, text=None, name="own"):
    if text is not None:
        write(owner.workspace, text, name)
    activation = owner.requests.activation
    wanted = [Wanted(one.kind, one.name, one.digest) for one in changes(activation.versions, owner.workspace.root)]
    return await activation.activate(wanted, owner.workers, owner.clock.now_us())


def prepared(owner, plan_id):
    return [(fact.verdict.decision, fact.verdict.rule) for fact in facts(owner, plan_id, e.EffectPrepared)]


def test_g1_a_policy_decides_once_it_is_activated_and_not_before(workspace, world):
    async def scenario(owner):
        write(owner.workspace, QUIET + LOUD)
        before, _ = await start(owner, plan(do("a", "test.shout", "hello")))
        await activate(owner)
        after, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        longer, _ = await start(owner, plan(do("a", "test.say", "good evening")))
        return [prepared(owner, each) for each in (before, after, longer)], standing["status"]

    told, status = run(workspace, world, scenario)
    assert told == [[("ask", "irreversible")], [("allow", "quiet")], [("ask", "loud")]]
    assert (status, world.words()) == ("completed", ["hello"])


def test_g1_the_policy_that_init_writes_needs_no_activation_and_is_the_one_that_ships(workspace, world):
    async def scenario(owner):
        return changes(owner.requests.activation.versions, owner.workspace.root)

    assert (workspace.root / "policies" / "house.yaml").read_bytes() == shipped_policy()
    assert run(workspace, world, scenario) == []


def test_s49_a_policy_with_a_typo_is_refused_and_the_old_one_stays_in_force(workspace, world):
    async def scenario(owner):
        await activate(owner, QUIET)
        with pytest.raises(PlaybookError) as refused:
            await activate(owner, QUIET.replace("arguments.word", "arguments.wrod"))
        plan_id, _ = await start(owner, plan(do("a", "test.shout", "hello")))
        return refused.value.findings, prepared(owner, plan_id)

    findings, told = run(workspace, world, scenario)
    assert findings == ("policies/own.yaml:1:48: test.shout has no field 'wrod'; did you mean 'word'?",)
    assert told == [("allow", "quiet")]


def test_o4_an_older_policy_comes_back_by_revert_and_decides_from_then_on(workspace, world):
    async def scenario(owner):
        await activate(owner, QUIET)
        await activate(owner, NEVER)
        activation = owner.requests.activation
        first, now = activation.versions.past("policy", "own").versions
        await activation.revert(first, now.digest, owner.workers, owner.clock.now_us())
        plan_id, _ = await start(owner, plan(do("a", "test.shout", "hello")))
        return prepared(owner, plan_id)

    assert run(workspace, world, scenario) == [("allow", "quiet")]
    assert (workspace.root / "policies" / "own.yaml").read_text() == QUIET


def test_g1_two_rules_of_one_name_are_refused_and_a_file_can_be_renamed(workspace, world):
    async def scenario(owner):
        await activate(owner, QUIET)
        with pytest.raises(PlaybookError, match="there is a rule 'quiet' already"):
            await activate(owner, QUIET, "other")
        (owner.workspace.root / "policies" / "own.yaml").unlink()
        return (await activate(owner)).activated

    assert [(one.name, bool(one.digest)) for one in run(workspace, world, scenario)] == [
        ("other", True),
        ("own", False),
    ]


def asked(owner, plan_id):
    return [fact.rule for fact in facts(owner, plan_id, e.DecisionAsked)]


def test_s29_a_policy_that_forbids_meanwhile_wins_over_a_yes(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        await activate(owner, NEVER)
        after = await rule(owner, standing["questions"][0], "approve")
        return after["status"], facts(owner, plan_id, e.StepStuck)

    status, stuck = run(workspace, world, scenario)
    assert (status, world.words()) == ("running", [])
    assert [fact.failure.message for fact in stuck] == ["Policy forbids it: Not here."]


def test_s29_a_rule_that_asks_newly_asks_again_and_its_own_yes_counts(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        await activate(owner, NEWLY)
        again = await rule(owner, standing["questions"][0], "approve")
        words = world.words()
        ended = await rule(owner, again["questions"][0], "approve")
        return asked(owner, plan_id), words, ended["status"]

    told, words, status = run(workspace, world, scenario)
    assert (told, words) == (["irreversible", "newly"], [])
    assert (status, world.words()) == ("completed", ["hello"])


def test_s29_a_policy_that_is_loosened_does_not_void_a_yes(workspace, world):
    async def scenario(owner):
        await activate(owner, NEWLY)
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        await activate(owner, QUIET)
        first = await rule(owner, standing["questions"][0], "approve")
        other, standing = await start(owner, plan(do("a", "test.shout", "goodbye")))
        await activate(owner, "- {id: reads-only, do: test.slow, then: allow, why: Reads.}\n")
        second = await rule(owner, standing["questions"][0], "approve")
        return first["status"], second["status"], asked(owner, plan_id) + asked(owner, other)

    assert run(workspace, world, scenario) == ("completed", "completed", ["newly", "irreversible"])
    assert world.words() == ["goodbye", "hello"]


def test_s29_p6_replay_does_not_judge_anew(workspace, world):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(do("a", "test.shout", "hello")))
        await activate(owner, NEWLY)
        again = await rule(owner, standing["questions"][0], "approve")
        await rule(owner, again["questions"][0], "approve")
        await activate(owner, NEVER)
        with Views(workspace) as views:
            return views.replay(plan_id)

    assert run(workspace, world, scenario)["same"]


def covering():
    ask = Step(name="ok", kind="ask", ask=Ask(text=Text((Literally("Shall we?"),)), covers=("say",)))
    return plan(ask, do("say", "test.shout", "hello", needs=after("ok")))


def test_s29_a_yes_that_covers_later_actions_answers_the_rules_of_then_and_no_newer_one(workspace, world):
    async def scenario(owner):
        before, standing = await start(owner, covering())
        await activate(owner, NEWLY)
        again = await rule(owner, standing["questions"][0], "approve")
        words = world.words()
        ended = await rule(owner, again["questions"][0], "approve")
        after_it, standing = await start(owner, covering())
        at_once = await rule(owner, standing["questions"][0], "approve")
        return asked(owner, before), words, ended["status"], asked(owner, after_it), at_once["status"]

    first, words, ended, second, at_once = run(workspace, world, scenario)
    assert (first, words, ended) == (["playbook", "cover"], [], "completed")
    assert (second, at_once) == (["playbook"], "completed")


# --- S67: out of reach


@pytest.mark.parametrize(
    "path", ["policies/own.yaml", "policies/new.yaml", "mainstay.toml", "reports/../policies/x.yaml"]
)
def test_s67_no_step_and_no_agent_writes_a_policy(workspace, world, path):
    write(workspace, NEVER)

    async def scenario(owner):
        step = do("a", "test.say", "x")
        writing = msgspec.structs.replace(
            step,
            target="files.write",
            arguments=Record({"path": Literally(path), "text": Literally(QUIET)}),
        )
        plan_id, _ = await start(owner, plan(writing))
        return facts(owner, plan_id, e.EffectIntended, e.EffectDone), facts(owner, plan_id, e.StepStuck)

    happened, stuck = run(workspace, world, scenario)
    assert (happened, len(stuck)) == ([], 1)
    assert sorted(path.name for path in (workspace.root / "policies").iterdir()) == ["house.yaml", "own.yaml"]
    assert (workspace.root / "policies" / "own.yaml").read_text() == NEVER


def test_s67_a_policy_is_activated_and_put_back_by_the_operator_s_session_alone(workspace, world):
    async def scenario(owner):
        await activate(owner, NEVER)
        write(owner.workspace, QUIET)
        activation = owner.requests.activation
        (change,) = changes(activation.versions, owner.workspace.root)
        wanted = [{"kind": "policy", "name": "own", "digest": change.digest}]
        version = activation.versions.active("policy", "own").digest
        back = {"kind": "policy", "name": "own", "digest": version, "seen": change.digest}
        for method, params in (("activate", {"wanted": wanted}), ("revert", back)):
            with pytest.raises(InputError, match="operator's session"):
                await owner.requests.answer(Request(method, params, ""), False, lambda _: None)
        return activation.versions.active("policy", "own").digest == version

    assert run(workspace, world, scenario)


def test_s67_a_policy_that_changes_in_the_folder_decides_nothing_until_it_is_activated(workspace, world):
    async def scenario(owner):
        await activate(owner, NEVER)
        write(owner.workspace, QUIET)
        plan_id, _ = await start(owner, plan(do("a", "test.shout", "hello")))
        return prepared(owner, plan_id)

    assert run(workspace, world, scenario) == [("deny", "never")]


# --- counts


def test_g1_counts_are_those_of_the_history_also_after_a_restart(workspace, world):
    many = "- {id: many, do: test.say, when: count.today >= 2, then: ask, why: Enough for today.}\n"
    few = "- {id: few, do: test.shout, when: count.plan >= 1, then: deny, why: One is enough.}\n"

    async def first(owner):
        await activate(owner, many + few)
        told = [await start(owner, plan(do("a", "test.say", "hello"))) for _ in range(2)]
        return [prepared(owner, plan_id) for plan_id, _ in told]

    async def second(owner):
        say, _ = await start(owner, plan(do("a", "test.say", "hello")))
        shouts = do("b", "test.shout", "x"), do("c", "test.shout", "y", needs=after("b"))
        mixed, standing = await start(owner, plan(*shouts))
        await rule(owner, standing["questions"][0], "approve")
        return prepared(owner, say), prepared(owner, mixed)

    assert run(workspace, world, first) == [[("allow", "reversible")], [("allow", "reversible")]]
    say, mixed = run(workspace, world, second)
    assert say == [("ask", "many")]
    assert mixed == [("ask", "irreversible"), ("deny", "few")]


def test_g1_what_surely_did_not_happen_is_not_counted(workspace, world):
    source = "- {id: again, do: test.refuse, when: count.today >= 1, then: ask, why: Again.}\n"

    async def scenario(owner):
        await activate(owner, source)
        plans = [await start(owner, plan(do("a", "test.refuse", "permanent"))) for _ in range(3)]
        return [prepared(owner, plan_id) for plan_id, _ in plans]

    assert run(workspace, world, scenario) == [[("allow", "reversible")]] * 3


def test_g1_a_file_that_an_earlier_release_took_for_a_policy_makes_every_action_ask(workspace, world):
    async def scenario(owner):
        content = b"limit: 5\n"
        ref = owner.payloads.blobs.put(content, name="policies/old.yaml")
        digest = digest_of_files({"policies/old.yaml": content})
        fact = e.VersionActivated("policy", "old", digest, {"policies/old.yaml": ref}, "operator")
        await owner.ledger.append(
            [e.Append("version:policy:old", 0, (e.Draft(fact, owner.clock.now_us(), "operator"),))]
        )
        owner.requests.activation.versions.forget()
        plan_id, _ = await start(owner, plan(do("a", "test.say", "hello")))
        told = unfit(owner.requests.activation.versions, owner.contracts.operations)
        return facts(owner, plan_id, e.EffectPrepared)[0].verdict, told

    verdict, told = run(workspace, world, scenario)
    assert told == ["policies/old.yaml:1:1: a policy is a list of rules; begin each with '- id: ...'"]
    assert (verdict.decision, verdict.rule) == ("ask", "old")
    assert "policies/old.yaml is active and can't be read any more" in verdict.why
    assert "a policy is a list of rules" in verdict.why
