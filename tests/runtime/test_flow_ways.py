"""Every way that a stranger's words can take to an action keeps their label (KERNEL P1, SECURITY S67)."""

from __future__ import annotations

import pytest
from flow_kit import ACCOUNT, STRANGER, Post, agent, asked, card_of, cel, do, plan, play
from kit import after, facts, rule
from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.graph import Ask, Awaited, Cel, Definition, Field, Input, Literally, Record, Step, Text, Trigger
from mainstay.requests.rerun import METHODS
from mainstay.runtime.wording import sentence

MAILS = do("mails", "flow.mails")
ITEM = (("item", "any"),)
FIVE = Literally(5)


def pay(account: Cel | Text | Literally, amount: Cel | Literally = FIVE, needs=("mails",)) -> Step:
    return do("pay", "flow.pay", needs, account=account, amount=amount)


def item(path: str) -> Cel:
    return Cel(path, names=("item",), paths=(path,), scope=ITEM)


def rules(workspace, post, definition, request="Tell me what is new"):
    """Play a plan and give the rules by which it asks, with what its cards say."""

    async def scenario(owner):
        _, questions = await asked(owner, definition, request)
        plans = {decision: decision.rpartition(".")[0] for decision, _ in questions}
        cards = [card_of(owner, plans[decision], decision) for decision, _ in questions]
        said = [sentence(row) for card in cards for row in card.get("words", ())]
        return [question.rule for _, question in questions], said

    return play(workspace, post, scenario)


def test_p1_each_item_of_a_list_keeps_what_is_its_own(workspace):
    each = replace(pay(item("item.text"), item("item.size")), each=cel("mails.mails"), item="any")
    asks, said = rules(workspace, Post("first", "second"), plan(MAILS, each))
    assert asks == ["flow:account"] * 2
    assert [line.partition(" ")[0] for line in said] == ['"first"', '"second"']


def test_p1_what_items_hold_that_no_stranger_writes_passes(workspace):
    each = replace(pay(Literally(ACCOUNT), item("item.size")), each=cel("mails.mails"), item="any")
    assert rules(workspace, Post("first", "second"), plan(MAILS, each)) == ([], [])


def test_p2_items_of_a_list_that_was_split_into_parts_keep_it_too(workspace):
    each = replace(pay(item("item.text"), item("item.size")), each=cel("mails.mails"), item="any")
    batch = replace(each, gate="batch")
    post = Post(*(f"letter {number}" for number in range(101)))

    async def scenario(owner):
        plan_id, questions = await asked(owner, plan(MAILS, batch))
        (first, _), *_ = questions
        part = first.rpartition(".")[0]
        prepared = facts(owner, part, e.EffectPrepared)
        return part != plan_id, {dict(fact.origins)["account"] for fact in prepared}

    assert play(workspace, post, scenario) == (True, {"flow.mails mails.text"})


def test_p1_a_text_made_of_several_keeps_the_label_of_each(workspace):
    made = Text((Literally("for "), cel("mails.first.text")))
    assert rules(workspace, Post("Mallory"), plan(MAILS, pay(made)))[0] == ["flow:account"]


@pytest.mark.parametrize("source", ["mails.first.text", "mails.first.size > 1 ? mails.first.text : 'none'"])
def test_p1_an_expression_and_a_name_for_it_keep_the_label(workspace, source):
    let = {"who": cel(source, "mails.first.text", "mails.first.size")}
    types = {"inputs": "record(inputs)", "mails": "record(mails)", "who": "text"}
    first = {"text": Field("text"), "size": Field("int")}
    records = {"inputs": {"request": Field("text")}, "mails": {"first": Field("record(first)")}, "first": first}
    definition = plan(MAILS, pay(cel("who")), let=let, types=types, records=records)
    assert rules(workspace, Post("Mallory"), definition)[0] == ["flow:account"]


def child(*steps: Step, **more) -> Definition:
    types = {"inputs": "record(given)", **{step.name: "any" for step in steps}}
    records = {"given": {"account": Field("text")}}
    return Definition(
        name="child", title="A child", steps=steps, inputs=(Input("account", "text"),), types=types, records=records,
        **more,
    )  # fmt: skip


def sub(account: Cel | Literally) -> Step:
    return Step(
        name="sub", kind="playbook", target="child", arguments=Record({"account": account}), needs=after("mails")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "asks"), [(cel("mails.first.text"), ["flow:account"]), (Literally(ACCOUNT), [])], ids=["theirs", "own"]
)
def test_p1_what_a_playbook_hands_to_another_keeps_its_label(workspace, given, asks):
    below = child(do("pay", "flow.pay", account=cel("inputs.account"), amount=Literally(5)))
    definition = plan(MAILS, sub(given), playbooks={"child": below})
    found, said = rules(workspace, Post("Mallory"), definition)
    assert found == asks
    assert all(f"the mail of {STRANGER} of 12 May 2026" in line for line in said)


def test_p1_what_another_playbook_returns_keeps_its_label(workspace):
    below = child(do("mails", "flow.mails"), returns={"account": cel("mails.first.text"), "own": Literally(ACCOUNT)})
    records = {"inputs": {"request": Field("text")}}
    types = {"inputs": "record(inputs)", "mails": "any", "sub": "any"}
    for path, expected in (("sub.account", ["flow:account"]), ("sub.own", [])):
        paying = pay(cel(path), needs=("sub",))
        definition = plan(
            MAILS, sub(Literally("x")), paying, playbooks={"child": below}, types=types, records=records
        )  # fmt: skip
        assert rules(workspace, Post("Mallory"), definition)[0] == expected


def test_p1_an_answer_of_the_operators_is_theirs_and_what_it_showed_keeps_its_label(workspace):
    ask = Ask(text=Text((Literally("Pay them?"),)), show=cel("mails.mails"), form=(Input("account", "text"),))
    question = Step(name="ask", kind="ask", ask=ask, needs=after("mails"))
    types = {"inputs": "record(inputs)", "mails": "any", "ask": "any"}

    async def scenario(owner):
        definition = plan(MAILS, question, pay(cel("ask.form.account"), needs=("ask",)), types=types)
        plan_id, ((decision, _),) = await asked(owner, definition)
        standing = await rule(owner, decision, "approve", form=[f"account={ACCOUNT}"])
        return standing["questions"], owner.engine.load(plan_id).status

    assert play(workspace, Post("Mallory"), scenario) == ([], "completed")


@pytest.mark.parametrize(("choice", "asks"), [("approve", []), ("later", ["flow:account"])])
def test_p1_what_a_question_named_is_the_operators_once_they_said_yes_and_only_then(workspace, choice, asks):
    options = ("approve", "reject") if choice == "approve" else ("later", "never")
    ask = Ask(text=Text((Literally("Pay "), cel("mails.first.text"))), options=options)
    question = Step(name="ask", kind="ask", ask=ask, needs=after("mails"))
    types = {"inputs": "record(inputs)", "mails": "record(mails)", "ask": "any"}
    records = {"inputs": {"request": Field("text")}, "mails": {"first": Field("record(first)")}}
    records["first"] = {"text": Field("text")}

    async def scenario(owner):
        paying = pay(cel("mails.first.text"), needs=("ask",))
        plan_id, ((decision, _),) = await asked(owner, plan(MAILS, question, paying, types=types, records=records))
        standing = await rule(owner, decision, choice)
        return [owner.engine.load(plan_id).questions[one].rule for one in standing["questions"]]

    assert play(workspace, Post("Mallory"), scenario) == asks


BODY = {
    "message_id": "<1@x>", "from_address": STRANGER, "in_reply_to": "", "to": [], "subject": "Money",
    "text": "Mallory", "received_at": "2026-05-12T08:00:00Z", "files": [], "automatic": False,
}  # fmt: skip


@pytest.mark.parametrize(("field", "asks"), [("text", True), ("from_address", True), ("received_at", False)])
def test_t1_a_plan_that_a_mail_began_knows_what_of_its_inputs_is_a_strangers(workspace, field, asks):
    event = Cel(f"event.{field}", names=("event",), paths=(f"event.{field}",), scope=(("event", "any"),))
    begun = replace(
        plan(do("pay", "flow.pay", account=cel("inputs.request"), amount=Literally(5))),
        on=(Trigger("mail.received", arguments=Record({"request": event})),),
    )

    async def scenario(owner):
        owner.engine.outside.starting = lambda: [begun]
        await owner.engine.outside.receive("mail.received", "test", "<1@x>", BODY)
        (plan_id,) = {one.plan for one in owner.ledger.tail() if isinstance(one.fact, e.PlanProposed)}
        await owner.requests.follow(plan_id, lambda _: None)
        return [question.rule for question in owner.engine.load(plan_id).questions.values()]

    assert play(workspace, Post("x"), scenario) == (["flow:account"] if asks else [])


def test_t1_what_an_event_told_that_was_waited_for_is_a_strangers(workspace):
    wait = Step(name="answer", kind="wait", awaited=Awaited("mail.received"))
    types = {"inputs": "record(inputs)", "answer": "any"}

    async def scenario(owner):
        definition = plan(wait, pay(cel("answer.text"), needs=("answer",)), types=types)
        plan_id, questions = await asked(owner, definition)
        assert questions == []
        await owner.engine.outside.receive("mail.received", "test", "<1@x>", BODY)
        await owner.requests.follow(plan_id, lambda _: None)
        return [question.rule for question in owner.engine.load(plan_id).questions.values()]

    assert play(workspace, Post("x"), scenario) == ["flow:account"]


def test_s67_what_was_kept_of_a_mail_and_read_again_later_is_still_a_strangers(workspace):
    """Memory: what goes into a file goes by itself, as it stays here; what comes out of it is no word of ours."""
    path, text = Literally("reports/mail.txt"), cel("mails.first.text")
    keep = do("keep", "files.write", ("mails",), effect="reversible", path=path, text=text)
    found = replace(do("book", "files.read"), effect="read", arguments=Record({"path": path}))
    post = Post(ACCOUNT)

    async def scenario(owner):
        first, questions = await asked(owner, plan(MAILS, keep))
        assert (questions, owner.engine.load(first).status) == ([], "completed")
        _, later = await asked(owner, plan(found, pay(cel("book.text"), needs=("book",))))
        return [question.rule for _, question in later]

    assert play(workspace, post, scenario) == ["flow:account"]


def test_s67_an_agent_that_read_a_mail_can_not_teach_mainstay_anything_by_itself(workspace):
    post = Post("learn|Mallory pays for Anna")

    async def scenario(owner):
        _plan_id, ((_, question),) = await asked(owner, plan(agent("obey")), "Learn names from the mails")
        return question.rule

    assert play(workspace, post, scenario) == "flow:teaches"
    assert post.done == []


def test_p6_what_a_rerun_takes_over_keeps_its_label(workspace):
    post = Post("Mallory")

    async def scenario(owner):
        definition = plan(MAILS, pay(cel("mails.first.text")))
        plan_id, ((decision, _),) = await asked(owner, definition)
        await rule(owner, decision, "reject")
        params = {"plan": plan_id, "start": "pay", "inputs": [], "choices": {}}
        again = await METHODS["rerun"](owner.requests, params, lambda _: None)
        standing = await owner.requests.follow(again["plan"], lambda _: None)
        return [owner.engine.load(again["plan"]).questions[one].rule for one in standing["questions"]]

    assert play(workspace, post, scenario) == ["flow:account"]
