"""What a request that answers many questions may answer, whoever made its list (requirement G2)."""

from __future__ import annotations

from kit import do, plan, run, start


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
