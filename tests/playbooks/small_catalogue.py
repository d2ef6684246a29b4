"""A catalogue of a few operations and one agent, for playbooks in tests."""

from __future__ import annotations

from typing import Literal

import msgspec

from mainstay.contracts import AgentContract, Operation
from mainstay.errors import UnknownNameError
from mainstay.records import BankLine, Date, File, Invoice, Match, Payment
from mainstay.runtime.types import nearest
from mainstay.values import Money

BILLING = """\
playbook: billing
title: "Match a bank statement to open invoices"
inputs:
  statement: {type: file, label: "The statement"}
  invoices: {type: file}
expires: 7d
steps:
  statement: {do: bank.read_statement, with: {file: "= inputs.statement"}}
  open: {do: invoices.read_open, with: {file: "= inputs.invoices"}}
  match: {agent: reconcile, with: {lines: "= statement.lines", invoices: "= open.invoices"}}
  review:
    ask: "{{size(match.unsure)}} payments need your eye"
    when: "= size(match.unsure) > 0"
    show: "= match.unsure"
    due: 3d
    remind: [1d]
  book: {each: "= match.sure + review.rows", needs: ["review?"], do: books.record_payment, with: {match: "= item"}}
  late: {do: books.overdue, needs: [book], with: {invoices: "= open.invoices", on: "= today"}}
  remind:
    each: "= late.invoices"
    do: mail.send
    gate: batch
    with: {to: "= item.email", subject: "Invoice {{item.number}}", text: "file:templates/reminder.md"}
  report:
    do: files.write
    needs: [book, "remind?"]
    with: {path: "reports/{{day(today)}}.md", text: "{{table(match.sure, ['id', 'amount'])}}"}
"""


class ReadFile(msgspec.Struct, frozen=True):
    file: File


class Lines(msgspec.Struct, frozen=True):
    lines: tuple[BankLine, ...]


class Invoices(msgspec.Struct, frozen=True):
    invoices: tuple[Invoice, ...]


class Booking(msgspec.Struct, frozen=True):
    match: Match


class Booked(msgspec.Struct, frozen=True):
    payments: tuple[Payment, ...]


class Overdue(msgspec.Struct, frozen=True):
    invoices: tuple[Invoice, ...]
    on: Date


class Mail(msgspec.Struct, frozen=True):
    to: str
    subject: str
    text: str
    tone: Literal["friendly", "firm"] = "friendly"
    copies: int = 1


class Sent(msgspec.Struct, frozen=True):
    message_id: str


class Text(msgspec.Struct, frozen=True):
    path: str
    text: str = ""


class Charge(msgspec.Struct, frozen=True):
    customer: str
    amount: Money
    on: Date | None = None


class Charged(msgspec.Struct, frozen=True):
    id: str


class Refund(msgspec.Struct, frozen=True):
    charge: str


class Reconcile(msgspec.Struct, frozen=True):
    lines: tuple[BankLine, ...]
    invoices: tuple[Invoice, ...]


class Matches(msgspec.Struct, frozen=True):
    sure: tuple[Match, ...]
    unsure: tuple[Match, ...]


def operation(name: str, summary: str, takes: type[msgspec.Struct], gives: type[msgspec.Struct], **more) -> Operation:
    return Operation(name=name, summary=summary, input=takes, output=gives, **more)


OPERATIONS = {
    each.name: each
    for each in (
        operation("bank.read_statement", "Read a bank statement", ReadFile, Lines, effect="read"),
        operation("invoices.read_open", "Read the open invoices", ReadFile, Invoices, effect="read"),
        operation(
            "books.record_payment", "Book a payment", Booking, Booked, effect="reversible", compensation="books.void"
        ),
        operation("books.overdue", "Find late invoices", Overdue, Invoices, effect="read"),
        operation(
            "mail.send", "Send a mail", Mail, Sent, effect="irreversible", cannot_undo="sent mail can't be called back"
        ),
        operation("files.write", "Write a file", Text, Text, effect="reversible", compensation="files.restore"),
        operation("files.read", "Read a file", Text, Text, effect="read"),
        operation(
            "payments.charge", "Charge a card", Charge, Charged, effect="reversible", compensation="payments.refund"
        ),
        operation("payments.refund", "Give the money back", Refund, Charged, effect="irreversible"),
    )
}
AGENTS = {
    "reconcile": AgentContract(
        name="reconcile",
        summary="Match bank lines to open invoices",
        input=Reconcile,
        output=Matches,
        success="size(out.sure) >= 0",
    )
}


class SmallCatalogue:
    def operation(self, name: str) -> Operation:
        if name not in OPERATIONS:
            raise UnknownNameError(f"there is no operation {name!r}{nearest(name, OPERATIONS)}")
        return OPERATIONS[name]

    def accounts(self, connector: str) -> tuple[str, ...]:
        return {"mail": ("sales", "billing"), "payments": ("shop",)}.get(connector, ("sales",))

    def agent(self, name: str) -> AgentContract:
        if name not in AGENTS:
            raise UnknownNameError(f"there is no agent {name!r}{nearest(name, AGENTS)}")
        return AGENTS[name]
