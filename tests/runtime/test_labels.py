"""A result carries the labels of every path that was read for it, its condition included (KERNEL P1)."""

from __future__ import annotations

import pytest
from families import child, parent, sub
from kit import agent, plan, run
from msgspec.structs import replace

from mainstay import commands as c
from mainstay.kernel.graph import Ask, Cel, Field, Literally, Record, Step, Text

WHEN = Cel("inputs.word == 'go'", names=("inputs",), paths=("inputs.word",))
NEVER = Cel("inputs.word == 'stop'", names=("inputs",), paths=("inputs.word",))
LATER = Cel("ready_at", names=("ready_at",), paths=("ready_at",))
QUESTION = Ask(text=Text((Literally("Go?"),)), rejection_used=True)


def steps(when):
    return {
        "agent": agent("a", "echo", when=when),
        "read": Step(name="a", kind="do", target="test.slow", effect="read", arguments=Record({}), when=when),
        "effect": Step(name="a", kind="do", target="test.say", effect="reversible", arguments=Record({}), when=when),
        "list": replace(agent("a", "echo", when=when), each=Cel("[1]")),
        "wait": Step(name="a", kind="wait", until=LATER, when=when),
        "ask": Step(name="a", kind="ask", ask=QUESTION, when=when),
        "playbook": sub("a", when=when),
    }


@pytest.mark.parametrize(("when", "stands"), [(WHEN, "done"), (NEVER, "skipped")])
@pytest.mark.parametrize("kind", list(steps(WHEN)))
def test_p1_a_result_carries_the_labels_of_its_condition_also_where_it_was_skipped(
    workspace, world, kind, when, stands
):
    records = {"inputs": {"word": Field("text"), "words": Field("list(text)")}}
    types = {"ready_at": "time", "a": "list(record(said))" if kind == "list" else "any"}
    below = child(agent("x", "echo"), returns={"word": Literally("literal")})
    made = parent(steps(when)["playbook"], child=below) if kind == "playbook" else plan(steps(when)[kind])
    definition = made if kind == "playbook" else replace(made, types={**made.types, **types}, records=records)

    async def scenario(owner):
        now_us = owner.clock.now_us()
        kept = owner.engine.keep_definition(definition)
        propose = c.ProposePlan(
            now_us=now_us, definition=kept, playbook="p", title="T", inputs={"word": "go"}, labels=("mailed",)
        )
        await owner.engine.submit("p", propose, c.ApprovePlan(now_us=now_us, by="operator"))
        standing = await owner.requests.follow("p", lambda _: None)
        if standing["questions"]:
            await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
            await owner.requests.follow("p", lambda _: None)
        return owner.engine.load("p").slots["a"]

    slot = run(workspace, world, scenario)
    assert slot.status == stands
    assert "mailed" in slot.labels
