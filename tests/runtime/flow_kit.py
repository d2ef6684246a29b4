"""A workspace with a mailbox that strangers write to and a bank, under a policy that allows everything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import flow_code
import kit
import msgspec
from flow_code import Made, Task

from mainstay.agent import MARK
from mainstay.app import Owner, contracts_of
from mainstay.contracts import AgentContract, Compensation, Operation
from mainstay.kernel.graph import Cel, Definition, Field, Record, Step
from mainstay.origins import ALL, Gives
from mainstay.runtime.catalogue import Contracts
from mainstay.values import Verdict

if TYPE_CHECKING:
    from mainstay.contracts import Call

STRANGER, ACCOUNT = "mallory@strangers.example", "DE89370400440532013000"


class Nothing(msgspec.Struct, frozen=True):
    pass


class Mail(msgspec.Struct, frozen=True):
    id: str
    sender: str
    at: str
    text: str
    size: int = 0


class Mails(msgspec.Struct, frozen=True):
    mails: tuple[Mail, ...]
    first: Mail


class Entry(msgspec.Struct, frozen=True):
    name: str = ""
    account: str = ""


class Pay(msgspec.Struct, frozen=True):
    account: str
    amount: int
    text: str = ""


class Forward(msgspec.Struct, frozen=True):
    to: str
    text: str


class Delete(msgspec.Struct, frozen=True):
    mail: str


class Fetch(msgspec.Struct, frozen=True):
    address: str


class AllowAll:
    """A policy that stops nothing: only where words came from does."""

    def judge(self, proposal):
        return Verdict("allow", "all", "Everything is allowed.")


class Post:
    """What lies in the mailbox, and what was done."""

    def __init__(self, *texts: str, book: dict[str, str] | None = None) -> None:
        self.mails = tuple(
            Mail(f"m-{number}", STRANGER, "2026-05-12T08:00:00Z", text, 41) for number, text in enumerate(texts, 7)
        )
        self.book = {"Anna Berg": "DE02120300000000202051"} | (book or {})
        self.done: list[tuple[str, dict]] = []

    def operations(self) -> tuple[Operation, ...]:
        async def mails(call: Call, given: Nothing) -> Mails:
            return Mails(self.mails, self.mails[0])

        async def book(call: Call, given: Entry) -> Entry:
            return Entry(given.name, self.book.get(given.name, ""))

        def acts(name: str):
            async def act(call: Call, given: msgspec.Struct) -> Made:
                self.done.append((name, msgspec.to_builtins(given)))
                return Made(name)

            return act

        def made(name: str, summary: str, takes: type, roles: dict, **more) -> Operation:
            effect = more.pop("effect", "irreversible")
            call, why = acts(name), "It is done."
            return Operation(
                name=f"flow.{name}", summary=summary, effect=effect, input=takes, output=Made, call=call,
                roles=roles, cannot_undo=why, gives=Gives(trusted=ALL), **more,
            )  # fmt: skip

        told = Gives(
            trusted=tuple(f"{where}.{field}" for where in ("mails", "first") for field in ("id", "at", "size")),
            author="sender",
            at="at",
            what="the mail",
        )
        return (
            Operation(name="flow.mails", summary="Read mails", effect="read", input=Nothing, output=Mails, call=mails,
                      gives=told),
            Operation(name="flow.book", summary="Read your book", effect="read", input=Entry, output=Entry, call=book,
                      gives=Gives(trusted=ALL, what="your book")),
            made("pay", "Pay money", Pay, {"account": "account", "amount": "amount"}),
            made("forward", "Forward a mail", Forward, {"to": "receiver"}),
            made("delete", "Delete a mail", Delete, {"mail": "deletion_target"}),
            made("fetch", "Fetch a page", Fetch, {"address": "destination"}, effect="read"),
            Operation(
                name="flow.learn", summary="Learn a name", effect="reversible", input=Entry, output=Made,
                call=acts("learn"), teaches=True, stays=True, compensation="flow.unlearn",
                compensate=lambda given, _: Compensation("flow.unlearn", {"name": given.name}),
            ),
            made("unlearn", "Unlearn a name", Entry, {}, effect="reversible"),
        )  # fmt: skip


def agents() -> list[AgentContract]:
    found = [getattr(each, MARK) for each in vars(flow_code).values() if hasattr(each, MARK)]
    return [
        AgentContract(
            name=one.name, summary=one.summary, input=Task, output=Made, entry=f"flow_code:{one.name}",
            operations=one.operations, talks=one.talks, memory_mb=300,
        )
        for one in found
    ]  # fmt: skip


def play(workspace, post, scenario, policy=None, seconds=60):
    """Play `await scenario(owner)` over a mailbox, and give its result."""

    def contracts(of, records):
        known = contracts_of(of, records)
        return Contracts([*known.operations.values(), *post.operations()], [*known.agents.values(), *agents()])

    async def inside():
        code = [str(Path(__file__).parent)]
        async with Owner(workspace, "test", policy or AllowAll(), contracts=contracts, code=code) as owner:
            return await scenario(owner)

    return asyncio.run(asyncio.wait_for(inside(), seconds))


def plan(*steps: Step, **more) -> Definition:
    """Give a plan over one text, `request`."""
    types = {"inputs": "record(inputs)", "mails": "any", "book": "any", "found": "any", "item": "any"}
    records = {"inputs": {"request": Field("text")}}
    return Definition(
        name="flow", title="A request", steps=steps, **{"types": types, "records": records, **more}
    )  # fmt: skip


def cel(source: str, *paths: str) -> Cel:
    paths = paths or (source,)
    return Cel(source, names=tuple({path.partition(".")[0] for path in paths}), paths=paths)


def agent(name: str, request: Cel | None = None, **more) -> Step:
    arguments = Record({"request": request or cel("inputs.request")})
    return Step(name="found", kind="agent", target=name, where="worker", arguments=arguments, **more)


def do(name: str, operation: str, needs: tuple = (), effect: str = "irreversible", **arguments) -> Step:
    read = operation in ("flow.mails", "flow.book")
    return Step(
        name=name, kind="do", target=operation, effect="read" if read else effect, arguments=Record(arguments),
        needs=kit.after(*needs),
    )  # fmt: skip


async def asked(owner: Owner, definition: Definition, request: str = "Tell me what is new"):
    """Run a plan until it asks or ends, and give its questions with their cards."""
    plan_id, standing = await kit.start(owner, definition, request=request)
    questions = [owner.engine.load(one.rpartition(".")[0]).questions[one] for one in standing["questions"]]
    return plan_id, list(zip(standing["questions"], questions, strict=True))


def card_of(owner: Owner, plan_id: str, decision: str) -> dict:
    from mainstay import events as e

    (fact,) = [one for one in kit.facts(owner, plan_id, e.DecisionAsked) if one.decision == decision]
    return owner.payloads.load(fact.card)
