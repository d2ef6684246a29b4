"""What a request that answers many questions may answer, whoever made its list (requirement G2)."""

from __future__ import annotations

import asyncio

from kit import do, plan, run, start

from mainstay.requests.alike import AT_ONCE


async def asked(owner, word):
    _, standing = await start(owner, plan(do("a", "test.shout", word)))
    decision = standing["questions"][0]
    question = owner.engine.load(decision.rpartition(".")[0]).questions[decision]
    return {"decision": decision, "binds": list(question.binds)}


def test_g2_what_is_to_be_answered_alone_is_not_answered_by_a_list_that_names_it(workspace, world):
    """The command line lists nothing of the kind; a list may come from elsewhere."""

    async def scenario(owner):
        answers = [await asked(owner, "one"), await asked(owner, "two")]
        params = {"answers": answers, "choice": "approve"}
        told = await owner.requests._methods["decide_alike"](owner.requests, params, lambda _: None)
        return told["done"], [row["decision"] for row in told["refused"]], [one["decision"] for one in answers]

    done, refused, named = run(workspace, world, scenario)
    assert (done, refused) == ([], named)
    assert world.words() == []


def test_g2_listing_what_is_alike_lets_others_have_their_turn(workspace, world):
    """Each question needs its plan: a thousand of them would hold up every action meanwhile."""

    async def scenario(owner):
        gated = do("a", "test.whisper", "x", gate="each")
        asked = [(await start(owner, plan(gated)))[1]["questions"][0] for _ in range(AT_ONCE + 2)]
        turns: list[int] = []

        async def others():
            while True:
                turns.append(len(turns))
                await asyncio.sleep(0)

        beside = asyncio.get_running_loop().create_task(others())
        told = await owner.requests._methods["alike"](owner.requests, {"decision": asked[3]}, lambda _: None)
        beside.cancel()
        return asked, told, len(turns)

    asked, told, turns = run(workspace, world, scenario)
    assert [row["decision"] for row in told["rows"]] == [asked[3], *(one for one in asked if one != asked[3])]
    assert turns >= 2, "once for the plans, once for the rows"
