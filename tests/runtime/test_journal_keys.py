"""What an entry of the journal is found again by (KERNEL J1): each sentence by itself, quickly."""

from __future__ import annotations

from calling_kit import Looked, journal, play, step, value
from kit import plan, start


def ended(workspace, world, agent, looked=None):
    async def scenario(owner):
        plan_id, standing = await start(owner, plan(step(agent, "w")))
        return standing["status"], value(owner, plan_id), journal(owner, plan_id)

    return play(workspace, world, scenario, looked=looked)


def test_j1_the_same_call_in_one_scope_is_told_apart_by_which_time_it_is_made(workspace, world):
    looked = Looked()
    status, output, entries = ended(workspace, world, "twice", looked)
    assert (status, output["word"]) == ("completed", "1 2"), "run again, each time has its own answer"
    assert (len(entries), looked.words, world.words()) == (3, ["w", "w"], ["w"])


def test_j1_time_and_chance_are_the_same_when_an_agent_runs_again(workspace, world):
    status, output, entries = ended(workspace, world, "chancy")
    assert [entry.operation for entry in entries] == ["ctx.now", "ctx.random", "ctx.uuid", "test.say"]
    assert (status, world.words()) == ("completed", [output["word"]])


def test_j1_a_tool_call_is_found_by_its_response_and_index_in_whatever_order_it_is_made(workspace, world):
    looked = Looked()
    status, output, _ = ended(workspace, world, "reordered", looked)
    assert (status, output["word"], looked.words) == ("completed", "w0=1 w1=2 2", ["w0", "w1"])
