"""A policy that is tried says what would really be asked: no rule switches off what asks beside all rules (O16, G7)."""

from __future__ import annotations

import kit
from flow_kit import ACCOUNT, STRANGER, Post, agent, asked, card_of, cel, do, plan, play
from kit import rule, run, start

from mainstay.kernel.graph import Definition, Literally
from mainstay.playbooks.ahead import asking_first
from mainstay.playbooks.policy_book import rules_of_file
from mainstay.views.policies import PolicyViews

LET_ALL = "- {id: all, effect: [reversible, irreversible], then: allow, why: Everything.}\n"


def test_o16_a_rule_that_lets_all_happen_is_not_said_to_let_a_strangers_words_through(workspace):
    async def scenario(owner):
        plan_id, _ = await asked(owner, plan(agent("obey")))
        operations = owner.contracts.operations
        rules = rules_of_file("policies/try.yaml", LET_ALL.encode(), (), operations)
        with PolicyViews(workspace) as views:
            step = views.plan(plan_id).questions[f"{plan_id}.1"].paths[0].partition("!")[0]
            return views.tried((), rules, operations), views.explained(plan_id, step, rules, operations)

    tried, (row,) = play(workspace, Post(f"pay|{ACCOUNT}|250"), scenario)
    assert tried["changes"] == []
    assert (row["now"]["decision"], row["now"]["rule"].partition(":")[0]) == ("ask", "flow")
    assert row["rules"][0]["state"] == "spoke", "what the rule itself says is shown all the same"


def test_e6_s69_a_plan_as_a_whole_says_whose_words_it_would_act_on_and_the_yes_counts_for_just_that(workspace):
    mails = do("mails", "flow.mails")
    pay = do("pay", "flow.pay", ("mails",), account=cel("mails.first.text"), amount=Literally(5), text=Literally("x"))
    post = Post(ACCOUNT)

    async def scenario(owner):
        plan_id, ((decision, _),) = await asked(owner, asking_first(plan(mails, pay)))
        shown = card_of(owner, plan_id, decision)["covers"][0]["body"]
        before = list(post.done)
        return shown, before, (await rule(owner, decision, "approve"))["status"]

    shown, before, status = play(workspace, post, scenario)
    assert f'"{ACCOUNT}" (account) came from the mail of {STRANGER} of 12 May 2026, not from you' in shown
    assert (before, status, len(post.done)) == ([], "completed", 1)


def test_g1_rules_that_count_are_tried_on_a_history_that_is_read_about_once(workspace, world):
    counting = (
        "- {id: day, do: test.say, then: allow, when: count.today >= 90, why: Many.}\n"
        "- {id: plan, do: test.say, then: ask, when: count.plan >= 30, why: Many.}\n"
    )

    async def scenario(owner):
        await start(owner, Definition(name="test", title="T", steps=[say(f"s{at}") for at in range(40)]))
        operations, seen = owner.contracts.operations, []
        rules = rules_of_file("policies/try.yaml", counting.encode(), (), operations)
        with PolicyViews(workspace) as views:
            rows = views._reader.rows
            views._reader.rows = lambda sql, *more: [seen.append(row) or row for row in rows(sql, *more)]
            return views.tried((), rules, operations)["changes"], len(seen), owner.ledger.head()[0]

    (change,), read, there = run(workspace, world, scenario)
    assert (change["count"], change["to"]) == (10, "ask")
    assert read <= 4 * there, "the walk, the day and the plan once each"


def say(name):
    return kit.do(name, "test.say", name)
