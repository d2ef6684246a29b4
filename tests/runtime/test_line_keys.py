"""Ids of bank lines: the same whenever a line is read, told by nobody else, gone with the payer (KERNEL L3, M7)."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from calling_kit import Looked, journal, play, step, value
from kit import Said, Word, plan, start
from personal_walk import everything, leaks

from mainstay.app import Owner, contracts_of, records_of
from mainstay.connectors.bank.read import ReadStatement, read_statement
from mainstay.connectors.invoices.papers import name_key
from mainstay.contracts import Operation
from mainstay.ledger.people import _id_under
from mainstay.origins import ALL, Gives
from mainstay.playbooks.shelf import open_playbook
from mainstay.records import File
from mainstay.values import BlobRef, digest_of
from mainstay.views import Views

HEAD = "Date;Payer;Payer IBAN;Text;Amount;Currency\n"
ANNA, BERT = "Anna Quarz", "Bert Basalt"
MAY = (
    f"2026-05-04;{ANNA};DE89370400440532013000;RE-1 first half;50,00;EUR",
    f"2026-05-05;{BERT};;RE-2;80,00;EUR",
    "2026-05-06;;;RE-3;30,00;EUR",
)
JUNE = (f"2026-06-02;{BERT};;RE-4;20,00;EUR",)
INVOICES = (
    "Number,Customer,Amount,Currency,Issued,Due\n"
    f"RE-1,{ANNA},100.00,EUR,2026-04-01,2026-05-01\n"
    f"RE-2,{BERT},80.00,EUR,2026-04-01,2026-05-01\n"
    "RE-3,Carla Ton,30.00,EUR,2026-04-01,2026-05-01\n"
    f"RE-4,{BERT},20.00,EUR,2026-05-01,2026-06-01\n"
)


def of_before(workspace, records):
    """Give the contracts of a release that recorded the digests themselves."""
    contracts = contracts_of(workspace, records)
    old = msgspec.structs.replace(contracts.operation("bank.read_statement"), with_ids=None)
    contracts.operations[old.name] = old
    return contracts


def in_owner(workspace, scenario, *given, contracts=contracts_of):
    async def inside():
        async with Owner(workspace, "test", contracts=contracts) as owner:
            return await scenario(owner, *given)

    return asyncio.run(asyncio.wait_for(inside(), 120))


async def run(owner, *rows, invoices=INVOICES):
    """Reconcile a statement with the invoices, yes to everything; give the plan."""
    definition = open_playbook(None, "billing-reconciliation", owner.contracts)
    texts = {"statement": HEAD + "\n".join(rows) + "\n", "invoices": invoices}
    pinned = {name: [owner.requests.pin(f"{name}.csv", text.encode())] for name, text in texts.items()}
    plan, committed = owner.requests.propose(definition, pinned)
    await committed
    standing = await owner.requests.follow(plan, lambda _: None)
    while standing["questions"]:
        await owner.requests.rule(standing["questions"][0], {"choice": "approve"})
        standing = await owner.requests.follow(plan, lambda _: None)
    assert standing["status"] == "completed", standing
    return plan


async def forget(owner, name):
    keys = list(owner.people.known_as(name))
    assert keys
    await owner.requests._methods["forget"](owner.requests, {"keys": keys}, lambda _: None)


def digests(*rows):
    """Give what the lines' ids would be to anybody who has the lines."""
    content = (HEAD + "\n".join(rows) + "\n").encode()
    file = File("statement.csv", BlobRef("s", len(content)))
    return [line.id for line in read_statement(ReadStatement(file), {"s": content}).lines]


def lines(workspace, plan):
    with Views(workspace) as views:
        return [line["id"] for line in views.outputs(plan)["statement"]["lines"]]


def booked(workspace):
    """Give what is booked, as (invoice, minor units)."""

    async def look(owner):
        numbers = ["RE-1", "RE-2", "RE-3", "RE-4"]
        return [
            (one.invoice, one.amount.minor)
            for one in records_of(owner.ledger, owner.payloads.load).books.of_invoices(numbers)
        ]

    return sorted(in_owner(workspace, look))


@pytest.fixture
def first(workspace):
    return in_owner(workspace, run, *MAY)


def test_l3_no_digest_of_a_line_or_a_question_stands_in_a_workspace(workspace, first):
    ids = lines(workspace, first)
    assert len(ids) == 3
    assert leaks(workspace, set(digests(*MAY))) == []
    assert leaks(workspace, {ids[0]}) != []  # the walk does find ids
    with Views(workspace) as views:
        asked = {doubt["id"] for doubt in views.outputs(first)["statement"]["doubts"]}
    assert asked
    assert leaks(workspace, asked) == []


def test_l3_a_line_has_the_same_id_in_another_export_and_is_booked_once(workspace, first):
    before = booked(workspace)
    assert len(before) == 3
    again = in_owner(workspace, run, *MAY[1:], *JUNE)
    assert lines(workspace, again)[:2] == lines(workspace, first)[1:]
    assert booked(workspace) == sorted([*before, ("RE-4", 2000)])


@pytest.mark.long
def test_l3_m7_once_a_payer_is_forgotten_no_key_that_is_left_confirms_their_line(workspace, first):
    anna, *others = lines(workspace, first)
    (own,) = digests(MAY[0])

    async def scenario(owner):
        name = owner.people.name_of("thing", own)
        known = name in [row[0] for row in owner.ledger.rows("SELECT name FROM person_name")]
        await forget(owner, ANNA)
        left = [row[0] for row in owner.ledger.rows("SELECT id FROM person_key WHERE wrapped IS NOT NULL")]
        names = [row[0] for row in owner.ledger.rows("SELECT name FROM person_name")]
        under = {_id_under(owner.people._of(key).nonce, own) for key in left}
        return known, name in names, {owner.people.id_of(own, who) for who in ((), [("name", ANNA)])} | under

    known, still, made = in_owner(workspace, scenario)
    assert (known, still) == (True, False)
    assert anna not in made
    assert not any(own.encode() in cell for _, cell in everything(workspace))
    again = in_owner(workspace, run, *MAY)
    assert lines(workspace, again)[1:] == others
    assert lines(workspace, again)[0] != anna


@pytest.mark.long
def test_m7_what_a_forgotten_payer_paid_is_not_booked_a_second_time(workspace, first):
    before = booked(workspace)
    assert ("RE-1", 5000) in before  # half of it, so that the other half is still open
    in_owner(workspace, forget, ANNA)
    in_owner(workspace, run, *MAY)
    assert booked(workspace) == before


@pytest.mark.long
def test_l10_lines_that_an_earlier_release_booked_are_known_again(workspace):
    old = in_owner(workspace, run, *MAY[:2], contracts=of_before)
    assert lines(workspace, old) == digests(*MAY[:2])
    before = booked(workspace)
    assert len(before) == 2
    new = in_owner(workspace, run, *MAY, *JUNE)
    ids = lines(workspace, new)
    assert ids[:2] == digests(*MAY[:2])
    assert set(ids[2:]).isdisjoint(digests(*MAY, *JUNE))
    assert booked(workspace) == sorted([*before, ("RE-3", 3000), ("RE-4", 2000)])
    assert lines(workspace, in_owner(workspace, run, *MAY, *JUNE)) == ids


SELLER = "Dora Kiesel"


async def run_of_seller(owner):
    head, *rows = INVOICES.splitlines()
    invoices = "\n".join([f"{head},Seller", *(f"{row},{SELLER}" for row in rows)]) + "\n"
    return await run(owner, *MAY, invoices=invoices)


def asked_of_sellers(workspace, plan):
    with Views(workspace) as views:
        return [doubt for doubt in views.outputs(plan)["open"]["doubts"] if doubt["kind"] == "seller"]


@pytest.mark.long
def test_l3_m7_a_seller_that_was_confirmed_is_remembered_sealed_until_they_are_forgotten(workspace):
    (asked,) = asked_of_sellers(workspace, in_owner(workspace, run_of_seller))
    assert asked["layout"]["seller"] == SELLER
    plain = digest_of(b"layout", b"invoices.seller", b"", name_key(SELLER).encode())[:16]
    assert leaks(workspace, {SELLER, plain}) == []
    assert asked_of_sellers(workspace, in_owner(workspace, run_of_seller)) == []
    in_owner(workspace, forget, SELLER)
    (again,) = asked_of_sellers(workspace, in_owner(workspace, run_of_seller))
    assert again["layout"]["id"] != asked["layout"]["id"]


def test_l3_j1_an_agent_that_reads_lines_sees_and_journals_the_ids_that_are_recorded(workspace, world):
    (digest,) = digests(MAY[0])
    look = Operation(
        name="test.look",
        summary="Look",
        effect="read",
        input=Word,
        output=Said,
        call=Looked().operations()[0].call,
        with_ids=lambda said, id_of: msgspec.structs.replace(said, word=id_of(said.word, (("name", ANNA),))),
        gives=Gives(trusted=ALL),
    )

    async def scenario(owner):
        plans = [(await start(owner, plan(step("simple", digest))))[0] for _ in range(2)]
        return [
            (owner.payloads.load(journal(owner, one)[0].output)["word"], value(owner, one)["word"]) for one in plans
        ]

    first, second = play(workspace, world, scenario, look)
    assert first == second
    assert first[0] == first[1] != digest
