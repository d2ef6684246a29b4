"""What is personal is sealed on its way into the history, and gone with its person's key (KERNEL L3, L9, E5, F21)."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

import kit
import msgspec
import pytest
from as_shown import yes
from personal_walk import leaks

from mainstay import events as e
from mainstay.app import Owner, records_of
from mainstay.contracts import Card, Operation
from mainstay.errors import LedgerError, Permanent
from mainstay.kernel.graph import Literally, Record, Step
from mainstay.ledger.blobs import FileBlobs
from mainstay.ledger.database import create
from mainstay.ledger.people import PersonKeyring
from mainstay.playbooks.shelf import LIBRARY, open_playbook
from mainstay.records import BankLine, File, Match
from mainstay.runtime.payloads import Payloads
from mainstay.runtime.personal import shape_of
from mainstay.runtime.sealing import Opener, Sealer
from mainstay.values import BlobRef, Forgotten, Money, PersonalText, PersonMail, Sealed
from mainstay.views import Views

FILES = {"statement": "statement.xml", "invoices": "invoices.csv"}
NUMBER = re.compile(r"2026-\d+")  # of an invoice: what the whole plan is about, and nobody's
PERSON = "Tessa Quarz Keramik"


async def begin(owner):
    definition = open_playbook(None, "billing-reconciliation", owner.contracts)
    pinned = {name: [owner.requests.pin(file, (LIBRARY / "demo" / file).read_bytes())] for name, file in FILES.items()}
    plan, committed = owner.requests.propose(definition, pinned)
    await committed
    return plan, await owner.requests.follow(plan, lambda _: None)


async def answer(owner, plan, standing, count=99):
    while standing["questions"] and count:
        await owner.requests.rule(standing["questions"][0], yes(owner, standing["questions"][0]))
        standing, count = await owner.requests.follow(plan, lambda _: None), count - 1
    return standing


async def forget(owner, name, **params):
    keys = list(owner.people.known_as(name))
    return await owner.requests._methods["forget"](owner.requests, {"keys": keys, **params}, lambda _: None)


def in_owner(workspace, scenario):
    async def inside():
        async with Owner(workspace, "test") as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), 60))


async def whole_run(owner):
    plan, standing = await begin(owner)
    standing = await answer(owner, plan, standing)
    assert standing["status"] == "completed"
    return plan


def strings_of(outputs, *, of=""):
    """Give the personal strings of a run's input, all or those of one person."""
    found = set()
    for line in outputs["statement"]["lines"]:
        if of in ("", line["counterparty"]):
            found |= {line["counterparty"], line["iban"], line["text"], line["raw"], *line["references"]}
    for invoice in outputs["open"]["invoices"]:
        if of in ("", invoice["customer"]):
            found |= {invoice["customer"], invoice["email"], invoice["iban"], invoice["reference"]}
    return {text for text in found if len(text) > 5 and not NUMBER.fullmatch(text)}


def outputs(workspace, plan):
    with Views(workspace) as views:
        return views.outputs(plan)


@pytest.fixture
def run(workspace):
    plan = in_owner(workspace, whole_run)
    return plan, outputs(workspace, plan)


def test_l3_nothing_personal_of_a_billing_run_stands_outside_sealed_values(workspace, run):
    strings = strings_of(run[1])
    assert len(strings) > 100
    assert leaks(workspace, strings) == []
    assert leaks(workspace, {"2026-130"}) != []  # the walk does find what stands there


def payers_of(outputs):
    """Name who paid something, one after the other."""
    return sorted({line["counterparty"] for line in outputs["statement"]["lines"] if line["iban"]})


@pytest.mark.parametrize("who", ["customer", "payer"])
def test_m7_after_forgetting_a_person_can_be_read_from_nowhere_and_the_others_still_are(workspace, run, who):
    plan, before = run
    person = PERSON if who == "customer" else payers_of(before)[3]
    own, all_ = strings_of(before, of=person), strings_of(before)
    others = set().union(*(strings_of(before, of=name) for name in names_in(before) if name != person))
    gone = own - others
    assert person in gone
    assert len(gone) > 1
    readable = opened_everywhere(workspace)
    assert all(text in readable for text in gone)

    async def scenario(owner):
        return (await forget(owner, person))["receipt"]

    receipt = in_owner(workspace, scenario)
    readable = opened_everywhere(workspace) + str(outputs(workspace, plan))
    assert [text for text in gone if text in readable] == []
    assert [text for text in all_ - own if text not in readable] == []
    assert (receipt["plans"], len(receipt["texts"]), len(receipt["files"])) == (1, 1, 2)
    assert receipt["values"] > 10
    assert not leaks(workspace, gone)


def names_in(outputs):
    customers = {invoice["customer"] for invoice in outputs["open"]["invoices"]}
    return customers | {line["counterparty"] for line in outputs["statement"]["lines"]}


def opened_everywhere(workspace):
    """Give every value of every fact and of the views as text, with each mark opened whose key is there."""
    names = ("arguments", "output", "card", "items", "inputs", "given", "rows", "undo")
    with Views(workspace) as views:
        facts = [event.fact for event in views._reader.tail(limit=10_000)]
        values = [getattr(fact, name) for fact in facts for name in names if hasattr(fact, name)]
        values = [value.arguments if isinstance(value, e.Undo) else value for value in values]
        return "\n".join((*(str(views.opened(value)) for value in values), str(views.known())))


@pytest.mark.long
def test_l9_views_are_made_anew_alike_after_a_forgetting_and_the_history_verifies(workspace, run):
    plan = run[0]

    async def scenario(owner):
        before = owner.ledger.rows("SELECT * FROM book_payment ORDER BY id")
        await forget(owner, PERSON)
        assert owner.ledger.differing() == []
        owner.ledger.rebuild()
        assert owner.ledger.rows("SELECT * FROM book_payment ORDER BY id") == before
        return records_of(owner.ledger, owner.payloads.load).books.of_plan(plan)

    payments = in_owner(workspace, scenario)
    assert len(payments) == 38
    assert not any(PERSON in str(payment) for payment in payments)
    with Views(workspace) as views:
        found = views.verify()
        assert (found["bad"], found["files"], found["damaged"]) == (None, [], [])
        assert views.replay(plan)["same"]


@pytest.mark.long
def test_m7_a_lesson_about_a_forgotten_payer_is_known_no_more(workspace, run):
    async def scenario(owner):
        books = records_of(owner.ledger, owner.payloads.load)
        (payer, *_), count = books.known.payers(), len(books.known.payers())
        await forget(owner, payer.name or payer.iban)
        left = books.known.payers()
        owner.ledger.rebuild()
        assert books.known.payers() == left
        return count, left, payer

    count, left, payer = in_owner(workspace, scenario)
    assert len(left) < count
    assert not any(payer.name and payer.name == one.name for one in left)


@pytest.mark.long
def test_m7_the_receipt_says_what_went_and_names_nobody(workspace, run):
    async def scenario(owner):
        await forget(owner, PERSON, keep_files=True)
        return [event.fact for event in owner.ledger.read("people")]

    (receipt,) = in_owner(workspace, scenario)
    assert isinstance(receipt, e.PersonForgotten)
    assert (len(receipt.keys), receipt.by, receipt.files, len(receipt.kept)) == (1, "operator", (), 2)
    assert leaks(workspace, {PERSON}) == []
    assert run[0] is not None


def test_m7_a_forgetting_cut_off_before_its_receipt_is_finished_at_the_next_start(workspace, run):
    async def cut_off(owner):
        (key,) = owner.people.known_as(PERSON)
        receipt = e.PersonForgotten("r1", "operator", 5, (key,), values=3)
        owner.people.destroy([key], 5, "r1", msgspec.json.encode(receipt).decode())

    async def later(owner):
        return [event.fact.id for event in owner.ledger.read("people")], owner.people.receipts()

    in_owner(workspace, cut_off)
    assert in_owner(workspace, later) == (["r1"], [])
    assert in_owner(workspace, later) == (["r1"], [])
    assert run[0] is not None


@pytest.mark.long
def test_e5_what_was_forgotten_cannot_be_undone_and_says_so(workspace, run):
    plan = run[0]

    async def scenario(owner):
        await forget(owner, PERSON)
        with Views(workspace) as views:
            listed = views.undo_list(plan, owner.contracts)
        await owner.requests._methods["undo"](owner.requests, {"plan": plan}, lambda _: None)
        facts = [event.fact for event in owner.ledger.read(f"plan:{plan}")]
        return listed, [fact for fact in facts if isinstance(fact, e.UndoImpossible)]

    listed, impossible = in_owner(workspace, scenario)
    assert {row["step"] for row in listed["impossible"] if "forgotten" in row["why"]} == {"report", "accountant"}
    assert {fact.path for fact in impossible if "forgotten" in fact.why} == {"report", "accountant"}


@pytest.mark.long
def test_f21_an_effect_that_needs_a_forgotten_person_gets_stuck_and_the_others_happen(workspace):
    async def scenario(owner):
        plan, standing = await begin(owner)
        await answer(owner, plan, standing, count=2)
        plan_questions = owner.engine.load(plan).questions
        assert [question.kind for question in plan_questions.values()] == ["batch"]  # four reminders wait for a yes
        await forget(owner, PERSON)
        standing = await owner.requests.follow(plan, lambda _: None)
        await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        return plan, await owner.requests.follow(plan, lambda _: None)

    plan, standing = in_owner(workspace, scenario)
    with Views(workspace) as views:
        stuck = [views.question(name) for name in standing["questions"]]
    assert {question["kind"] for question in stuck} == {"stuck"}
    assert any("forgotten" in str(question["card"]) for question in stuck)
    mails = [path.read_text() for path in (workspace.root / "outbox/mail").iterdir()]
    assert len(mails) == 3
    assert not any("tessa@quarz-keramik.example" in mail for mail in mails)
    assert plan


# --- single values


class Letter(msgspec.Struct, frozen=True):
    to: PersonMail
    file: File


class Note(msgspec.Struct, frozen=True):
    to: PersonMail
    text: PersonalText = ""
    lines: tuple[BankLine, ...] = ()
    parts: dict[str, Match] = {}
    maybe: Annotated[PersonalText | None, "x"] = None
    count: int = 0


class Plain(msgspec.Struct, frozen=True):
    word: str
    money: Money | None = None


@pytest.fixture
def people(tmp_path):
    create(tmp_path / "ledger.db", bytes(32), "test")
    with PersonKeyring(tmp_path / "ledger.db", bytes(32), bytes(32)) as keyring:
        yield keyring


@pytest.fixture
def sealer(people):
    return Sealer(people)


def key_of(people, kind, text):
    return people.find(((kind, text),))


def test_l3_a_type_that_can_hold_nothing_personal_has_no_shape_and_its_values_are_not_touched(sealer):
    assert shape_of(Plain) is None
    assert shape_of(Money) is None
    value = {"word": "Anna Meier", "money": None}
    assert sealer.seal(value, Plain) is value


def test_l3_each_person_of_a_record_has_their_own_part_sealed_under_their_own_key(people, sealer):
    match = {"iban": "DE1", "counterparty": "Bert", "customer_id": "C1", "customer": "Anna", "why": "Bert for Anna"}
    sealed = sealer.seal(match | {"amount": {"minor": 1}}, Match)
    payer, customer = key_of(people, "iban", "DE1"), key_of(people, "id", "C1")
    assert {name: mark.key_id for name, mark in sealed.items() if isinstance(mark, Sealed)} == {
        "iban": payer,
        "counterparty": payer,
        "customer_id": customer,
        "customer": customer,
        "why": "+".join(sorted((payer, customer))),
    }
    assert sealed["amount"] == {"minor": 1}


def test_l3_lists_maps_and_what_may_be_missing_are_sealed_inside(people, sealer):
    line = {"id": "l", "counterparty": "Bert", "references": ["RF1", "RF2"], "amount": {"minor": 5}}
    value = {"to": "a@b.c", "text": "", "lines": [line], "parts": {"x": {"counterparty": "Eva"}}, "maybe": "m"}
    sealed = sealer.seal(value, Note)
    mail, bert = key_of(people, "mail", "a@b.c"), key_of(people, "name", "Bert")
    assert (sealed["to"].key_id, sealed["text"], sealed["maybe"].key_id) == (mail, "", mail)
    assert [mark.key_id for mark in sealed["lines"][0]["references"]] == [bert, bert]
    assert sealed["lines"][0]["id"] == "l"
    assert isinstance(sealed["parts"]["x"]["counterparty"], Sealed)
    assert Opener(people.open).open(sealed) == value


def test_l3_a_record_without_a_type_is_known_by_its_fields_or_their_names(people, sealer):
    shape_of(Note)
    whole = {"to": "a@b.c", "text": "hi", "lines": [], "parts": {}, "maybe": None, "count": 0}
    assert isinstance(sealer.seal([whole])[0]["text"], Sealed)
    lead = sealer.seal({"name": "Anna", "email": "a@b.c", "size": "XL", "brief": "a long story"})
    key = key_of(people, "mail", "a@b.c")
    found = {name: getattr(item, "key_id", item) for name, item in lead.items()}
    assert found == {"name": key, "email": key, "size": "XL", "brief": key}


def test_l3_loose_texts_are_sealed_unless_they_are_mere_words(sealer):
    loose = ["word", "2026-11-21", "two words", "x@y.z", "DE89370400440532013000"]
    sealed = sealer.seal(loose)
    assert sealed[:2] == loose[:2]
    assert all(isinstance(item, Sealed) for item in sealed[2:])


def test_l3_a_card_about_nobody_is_left_as_it_is_and_one_about_somebody_is_theirs(people, sealer):
    card = {"headline": "Say a word", "body": ""}
    assert sealer.seal(card, about=({"word": "x"}, Plain)) is card
    assert sealer.seal(card, about=({"to": "a@b.c"}, Note))["headline"].key_id == key_of(people, "mail", "a@b.c")


def test_f21_what_was_forgotten_is_an_empty_text_that_is_recorded_again_as_the_mark_it_was(people, sealer):
    sealed = sealer.seal({"to": "a@b.c", "text": "hi"}, Note)
    people.flush()
    people.destroy([sealed["to"].key_id], 5, "r", "{}")
    sealer.forget()
    opened = Opener(people.open).open(sealed)
    assert (opened["to"], type(opened["to"])) == ("", Forgotten)
    assert msgspec.convert(opened, Note).to == ""
    assert sealer.seal(opened, Note) == sealed
    assert Opener(people.open, screen=True).open(sealed)["text"] == "[forgotten]"


def test_l3_only_texts_are_sealed_so_that_sums_and_days_stay_readable(sealer):
    line = {"counterparty": "Bert", "amount": {"minor": 5, "currency": "EUR"}, "booked_on": "2026-11-21"}
    sealed = sealer.seal(line, BankLine)
    assert (sealed["amount"], sealed["booked_on"]) == (line["amount"], line["booked_on"])


def test_l3_a_failure_names_nobody_in_the_history(workspace, world):
    """A mail that is refused says so with its address; the address stands beside it, sealed."""
    address = "nobody@refused.example"

    async def refuse(call, given):
        del call
        raise Permanent(f"The server refused {given.to} for good.", remedy=f"Is {given.to} right?")

    operation = Operation(
        name="test.post", summary="Post", input=Note, output=Note, effect="reversible", call=refuse,
        card=lambda given: Card(f"Post to {given.to}"), cannot_undo="It was read.",
    )  # fmt: skip
    arguments = Record({"to": Literally(address), "text": Literally("A word to you")})
    step = Step(name="post", kind="do", target="test.post", effect="reversible", arguments=arguments)

    async def scenario(owner):
        plan_id, standing = await kit.start(owner, kit.plan(step))
        return plan_id, standing["questions"][0]

    _, question = kit.run(workspace, world, scenario, operation)
    with Views(workspace) as views:
        card = views.question(question)["card"]
    assert card["headline"] == "The server refused [name] for good."
    assert card["remedy"] == "Is [name] right?"
    found = leaks(workspace, {address})
    assert not any(place.startswith(("event", "stuck")) for place, _ in found)


def test_l3_a_failure_says_that_a_file_is_meant_without_its_name(workspace, world):
    """The name of a file can name somebody: it stands beside the sentence, and is told from a person there."""

    async def refuse(call, given):
        del call
        raise Permanent(f"{given.file.name} is no letter to {given.to}.", remedy="Look.")

    operation = Operation(
        name="test.post", summary="Post", input=Letter, output=Letter, effect="reversible", call=refuse,
        card=lambda given: Card(f"Post to {given.to}"), cannot_undo="It was read.",
    )  # fmt: skip
    file = {"name": "anna.txt", "blob": BlobRef("0" * 64, 1)}
    arguments = Record({"to": Literally("nobody@refused.example"), "file": Literally(file)})
    step = Step(name="post", kind="do", target="test.post", effect="reversible", arguments=arguments)

    async def scenario(owner):
        return await kit.start(owner, kit.plan(step))

    _, standing = kit.run(workspace, world, scenario, operation)
    with Views(workspace) as views:
        card, (stuck,) = views.question(standing["questions"][0])["card"], views.stuck()
        told, recorded = (
            str([row["what"] for row in rows]) for rows in (views.timeline(standing["plan"]), views.tail())
        )
    for said in (card["headline"], stuck["message"], told):  # to the operator it is said whom it is about
        assert "anna.txt is no letter to nobody@refused.example" in said
    assert "[file] is no letter to [name]" in recorded
    found = leaks(workspace, {"anna.txt"})
    assert not any(place.startswith(("event", "stuck")) for place, _ in found)


@pytest.mark.long
def test_m7_a_key_that_an_old_copy_brings_back_is_destroyed_again_at_the_next_start(workspace, run):
    """The history says who was forgotten, so keys put back from a copy do not outlive the next start."""
    put_back = "UPDATE person_key SET wrapped = ?, destroyed_at_us = NULL WHERE id = ?"

    async def copied(owner):
        (key,) = owner.people.known_as(PERSON)
        ((wrapped,),) = owner.ledger.rows("SELECT wrapped FROM person_key WHERE id = ?", (key,))
        await forget(owner, PERSON)
        owner.people._writer.execute(put_back, (wrapped, key))
        return key

    key = in_owner(workspace, copied)

    async def later(owner):
        return owner.people.kinds([key]), len(owner.ledger.read("people"))

    assert in_owner(workspace, later) == ({}, 1)
    assert run[0] is not None


@pytest.mark.long
def test_p6_what_a_rerun_takes_over_stays_sealed_and_is_forgotten_with_its_person(workspace, run):
    strings = strings_of(run[1])
    own = strings_of(run[1], of=PERSON)

    async def scenario(owner):
        ask = owner.requests._methods["rerun"]
        params = {"plan": run[0], "start": "report", "choices": {"report": "again"}}
        first = await ask(owner.requests, params, lambda _: None)
        await forget(owner, PERSON)
        return [first, await ask(owner.requests, params, lambda _: None)]

    first, second = in_owner(workspace, scenario)
    assert first["status"] == "completed"
    assert second["status"] == "completed"
    assert leaks(workspace, strings) == []
    with Views(workspace) as views:
        for plan in (first["plan"], second["plan"]):
            (forked,) = (event.fact for event in views._reader.tail(limit=10_000) if event.plan == plan
                         and isinstance(event.fact, e.PlanForked))  # fmt: skip
            adopted = {one.path: str(views.opened(one.output)) for one in forked.adopted}
            assert "statement" in adopted
            assert not [text for text in own if text in adopted["statement"] and len(text) > 8]
            assert views.replay(plan)["same"]


def test_m7_what_a_plan_under_way_still_writes_about_a_forgotten_person_is_forgotten_at_once(workspace):
    """Work that began before holds the name in memory; its text is sealed under a key that is gone."""

    to = Record({name: Literally(text) for name, text in (("to", "ada@example.com"), ("subject", "x"), ("text", "x"))})
    step = Step(name="send", kind="do", target="mail.send", effect="irreversible", arguments=to)

    async def scenario(owner):
        plan, committed = owner.requests.propose(kit.plan(step), {})
        await committed
        await owner.requests.follow(plan, lambda _: None)
        assert "text" not in owner.people.kinds(all_keys(owner)).values(), "else that text's key goes, which is enough"
        await forget(owner, "ada@example.com")
        kept = owner.payloads.keep("A long report about ada@example.com and others", plan=owner.engine.load(plan))
        return kept, owner.payloads.load(kept)

    kept, text = in_owner(workspace, scenario)
    assert isinstance(kept, Sealed)
    assert text == ""


def all_keys(owner):
    return [row[0] for row in owner.ledger.rows("SELECT id FROM person_key")]


def test_l3_nothing_is_sealed_under_a_key_that_never_reached_the_disk(tmp_path, people, sealer):
    """The disk was full as somebody was first met: met again, also in a loose text, they get a key that is kept."""
    payloads = Payloads(FileBlobs(tmp_path / "blobs", bytes(32)), Opener(people.open), sealer)
    record = {"to": "anna@meier.example", "text": "hi", "lines": [], "parts": {}, "maybe": None, "count": 0}
    people._writer.execute("PRAGMA query_only = 1")  # nothing can be written for now
    with pytest.raises(LedgerError):
        payloads.keep(record, Note)
    people.reopen()
    kept = payloads.keep(["anna@meier.example", {"email": "anna@meier.example"}])
    with PersonKeyring(tmp_path / "ledger.db", bytes(32), bytes(32)) as after_restart:
        assert Opener(after_restart.open).open(kept) == ["anna@meier.example", {"email": "anna@meier.example"}]
