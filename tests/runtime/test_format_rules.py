"""What the format says of each kind of step is what happens: its text is compiled, and run by a real owner."""

from __future__ import annotations

import pytest
from kit import Said, Word, run, undo

from mainstay.contracts import Operation
from mainstay.errors import Permanent
from mainstay.playbooks.compile import compile_playbook

HEAD = "playbook: p\nexpires: 9d\ninputs: {words: {type: list(text), default: }}\nsteps:\n"


async def begin(owner, steps, **inputs):
    """Start a playbook of these steps, and follow it to where it rests."""
    definition = compile_playbook(HEAD + steps, owner.contracts, file="p.yaml", folders=[owner.workspace.root])
    plan_id, committed = owner.requests.propose(definition, {"words": [], **inputs})
    await committed
    return plan_id, await owner.requests.follow(plan_id, lambda _: None)


async def answer(owner, plan_id, question, **ruling):
    await owner.requests.rule(question, ruling)
    return await owner.requests.follow(plan_id, lambda _: None)


def picky():
    """Say any word but "bad"."""

    async def call(call, given):
        if given.word == "bad":
            raise Permanent("That is not said.")
        return Said(given.word, call.token)

    return Operation(
        name="test.pick", summary="Pick", effect="reversible", input=Word, output=Said, call=call,
        cannot_undo="It was picked.",
    )  # fmt: skip


def test_the_value_of_do_is_the_output_and_of_an_agent_its_output_rationale_and_confidence(workspace, world):
    steps = """\
  say: {do: test.say, with: {word: "one"}}
  told: {agent: echo, with: {word: "{{say.word}}!"}}
  last_one: {do: test.say, with: {word: "{{told.word}} {{told.rationale}} {{told.confidence}}"}}
"""

    async def scenario(owner):
        return (await begin(owner, steps))[1]["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["one", "one! It was said. 1"]


ASK = """\
  q: {ask: "Go on?", show: "= inputs.words"MORE}
  told:
    needs: ["q?"]
    do: test.say
    with: {word: "{{q.ruling}}/{{q.by}}/{{q.reason}}/{{join(q.rows)}}/{{q.at.getFullYear() > 2000}}"}
"""


@pytest.mark.parametrize(
    ("more", "ruling", "said"),
    [
        ("", {"choice": "approve", "kept": [1]}, "approved/operator//b/yes"),
        ("", {"choice": "reject", "reason": "too dear"}, "rejected/operator/too dear//yes"),
        (", options: [approve, later]", {"choice": "later", "reason": "busy"}, "later/operator/busy//yes"),
    ],
)
def test_the_value_of_a_question_is_ruling_by_at_reason_and_the_rows_that_were_kept(
    workspace, world, more, ruling, said
):
    async def scenario(owner):
        plan_id, standing = await begin(owner, ASK.replace("MORE", more), words=["a", "b"])
        return (await answer(owner, plan_id, standing["questions"][0], **ruling))["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == [said]


def test_the_ruling_of_a_question_nobody_answered_in_time_is_expired_and_keeps_nothing(workspace, world):
    async def scenario(owner):
        plan_id, _ = await begin(owner, ASK.replace("MORE", ", due: 1s"), words=["a"])
        while owner.engine.load(plan_id).status == "running":
            standing = await owner.requests.follow(plan_id, lambda _: None)
            await owner.clock.sleep(0.05)
        return standing

    run(workspace, world, scenario)
    assert [word.split("/")[0] + word.split("/")[3] for word in world.words()] == ["expired"]


def test_the_value_of_each_is_the_list_in_order_with_item_and_index_and_failed_ones_null(workspace, world):
    steps = """\
  many: {each: "= inputs.words", do: test.pick, retry: 1, allow_failures: 50%, with: {word: "= item"}}
  after: {do: test.say, with: {word: "= join(many.map(one, one.word), '+')"}}
  again: {each: "= inputs.words", do: test.say, with: {word: "{{index}}{{item}}"}}
returns: {many: "= many"}
"""

    async def scenario(owner):
        plan_id, standing = await begin(owner, steps, words=["c", "bad", "a"])
        return standing["status"], owner.payloads.load(owner.engine.load(plan_id).output)["many"]

    status, many = run(workspace, world, scenario, picky())
    assert (status, [one and one["word"] for one in many]) == ("completed", ["c", None, "a"])
    assert world.words() == ["0c", "1bad", "2a", "c++a"], "in an expression it reads as empty"


def test_an_undo_in_the_playbook_stands_in_the_place_of_the_operations_own(workspace, world):
    steps = """\
  own: {do: test.say, with: {word: "one"}}
  other: {do: test.say, with: {word: "two"}, undo: {do: test.say, with: {word: "sorry, {{this.word}}"}}}
"""

    async def scenario(owner):
        plan_id, _ = await begin(owner, steps)
        return (await undo(owner, plan_id))["status"]

    assert run(workspace, world, scenario) == "undone"
    assert world.words() == ["sorry, two", "two"]


@pytest.mark.parametrize(
    ("failing", "status", "words"),
    [
        ("", "running", ["a"]),
        (", on_failure: ask", "running", ["a"]),
        (", on_failure: skip", "completed", ["a", "after "]),
        (", on_failure: undo", "undone", []),
        (", on_failure: way", "completed", ["a", "after ", "way"]),
    ],
)
def test_a_step_that_fails_for_good_does_as_on_failure_says_and_asks_where_it_says_nothing(
    workspace, world, failing, status, words
):
    steps = f"""\
  a: {{do: test.say, with: {{word: "a"}}}}
  b: {{needs: [a], do: test.refuse, retry: 1, with: {{word: "permanent"}}{failing}}}
  c: {{needs: ["b?"], do: test.say, with: {{word: "after {{{{b.word}}}}"}}}}
  way: {{needs: [b], do: test.say, with: {{word: "way"}}}}
"""
    steps = steps.replace("way: {needs: [b], ", "way: {") if "way" in failing else steps

    async def scenario(owner):
        plan_id, standing = await begin(owner, steps)
        return standing["status"], [owner.engine.load(plan_id).questions[one].kind for one in standing["questions"]]

    asked = ["stuck"] if status == "running" else []
    assert run(workspace, world, scenario) == (status, asked)
    assert world.words() == words


def test_a_result_that_does_not_pass_its_check_is_a_failure(workspace, world):
    steps = """\
  a: {agent: echo, retry: 1, with: {word: "a"}, check: "= out.word != 'a'", on_failure: skip}
  b: {agent: echo, retry: 1, with: {word: "b"}, check: "= out.word == 'b'"}
  c: {needs: ["a?"], do: test.say, with: {word: "{{a.word}}{{b.word}}"}}
"""

    async def scenario(owner):
        return (await begin(owner, steps))[1]["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["b"]


def test_a_skipped_step_skips_what_depends_on_it_and_not_what_needs_it_optionally(workspace, world):
    steps = """\
  a: {when: "= size(inputs.words) > 0", do: test.say, with: {word: "a"}}
  b: {needs: [a], do: test.say, with: {word: "b"}}
  c: {needs: [b], do: test.say, with: {word: "c"}}
  d: {needs: ["b?"], do: test.say, with: {word: "d{{b.word}}"}}
"""

    async def scenario(owner):
        return (await begin(owner, steps))[1]["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["d"]


@pytest.mark.parametrize(("used", "status", "words"), [(False, "undone", []), (True, "completed", ["a", "no"])])
def test_a_no_that_nothing_uses_ends_the_plan_and_undoes_it_and_one_that_is_used_is_a_value(
    workspace, world, used, status, words
):
    steps = """\
  a: {do: test.say, with: {word: "a"}}
  q: {needs: [a], ask: "Go on?"}
  b: {needs: [q], do: test.say, with: {word: "yes"}}
"""
    more = "  c: {needs: ['q?'], when: \"= q.ruling == 'rejected'\", do: test.say, with: {word: \"no\"}}\n"

    async def scenario(owner):
        plan_id, standing = await begin(owner, steps + (more if used else ""))
        return (await answer(owner, plan_id, standing["questions"][0], choice="reject"))["status"]

    assert run(workspace, world, scenario) == (status)
    assert world.words() == words


@pytest.mark.parametrize(("gate", "questions"), [("each", [1, 1]), ("batch", [2])])
def test_a_gate_asks_before_each_one_or_once_with_the_whole_list(workspace, world, gate, questions):
    steps = f'  a: {{each: "= inputs.words", gate: {gate}, do: test.say, with: {{word: "= item"}}}}\n'

    async def scenario(owner):
        plan_id, standing = await begin(owner, steps, words=["a", "b"])
        asked = owner.engine.load(plan_id).questions
        bound = [len(asked[one].binds) for one in standing["questions"]]
        for one in standing["questions"]:
            standing = await answer(owner, plan_id, one, choice="approve")
        return bound, standing["status"]

    assert run(workspace, world, scenario) == (questions, "completed")
    assert world.words() == ["a", "b"]


def test_what_policy_asks_for_comes_by_itself(workspace, world):
    """The playbook says nothing of asking: what leaves the house is asked about all the same."""

    async def scenario(owner):
        plan_id, standing = await begin(owner, '  a: {do: test.shout, with: {word: "a"}}\n')
        before = world.words()
        return before, (await answer(owner, plan_id, standing["questions"][0], choice="approve"))["status"]

    assert run(workspace, world, scenario) == ([], "completed")
    assert world.words() == ["a"]


def test_today_and_the_company_and_names_under_let_are_known_to_texts(workspace, world):
    steps = "  a: {do: test.say, with: {word: \"{{company.name}} {{day(today) == day(ready_at)}} {{'{'}}{{{{x}}\"}}\n"

    async def scenario(owner):
        return (await begin(owner, steps))[1]["status"]

    assert run(workspace, world, scenario) == "completed"
    assert world.words() == ["Test yes {{{x}}"]
