"""A catalogue of what a productised service needs, and the shelf of its playbooks, for tests."""

from __future__ import annotations

from typing import Literal

import msgspec
from small_catalogue import AGENTS, Charge, Charged, Refund, Sent, SmallCatalogue, operation

from mainstay.contracts import AgentContract
from mainstay.errors import UnknownNameError
from mainstay.playbooks.calls import Opened
from mainstay.playbooks.compile import compile_playbook
from mainstay.records import File, Lead, MailReceived, Time
from mainstay.runtime.types import nearest
from mainstay.values import Money

SERVICE = """\
playbook: productised-service
title: "Qualify, deliver and invoice one sprint"
inputs:
  lead: {type: record(lead), label: "The enquiry"}
  price: {type: money, default: "1500.00 EUR"}
key: "= inputs.lead.id"            # one plan at a time per key; limit: and priority: as needed
expires: 60d
let:
  due: "= today + days(14)"
steps:
  qualify:
    agent: qualify_lead
    with: {lead: "= inputs.lead"}
  accept:
    ask: "Take on {{inputs.lead.name}}?"
    when: "= qualify.fit"
    show: "= qualify"
    due: 3d
    remind: [1d]
  deposit:
    do: payments.charge
    needs: [accept]
    with: {customer: "= inputs.lead.id", amount: "= inputs.price"}
    undo: {do: payments.refund, with: {charge: "= this.id"}}
  sprint:
    agent: sprint
    needs: [deposit]
    with: {brief: "= inputs.lead.brief"}
    checkpoint: true
  deliver:
    do: mail.send
    account: sales
    with: {to: "= inputs.lead.email", subject: "Your draft", text: "file:templates/draft.md", files: "= sprint.files"}
  answer:
    wait:
      event: mail.received
      where: "= event.in_reply_to == deliver.message_id"
      until: 10d
  verdict:
    agent: classify_reply
    with: {mail: "= answer"}
  rework:
    repeat: {playbook: rework, until: "= last.accepted", max: 3, then: ask}
    when: "= verdict.label == 'changes'"
  invoice:
    do: invoices.issue
    needs: ["rework?"]
    when: "= verdict.label == 'accepted' || rework.accepted"
    with: {customer: "= inputs.lead.id", lines: "= sprint.lines"}
end:
  - {when: "= verdict.label == 'unhappy'", as: refunded, undo: [deposit]}
returns: {invoice: "= invoice.number"}
"""
REWORK = """\
playbook: rework
title: "Change the draft once more"
inputs:
  wish: {type: text, default: ""}
expires: 30d
steps:
  ok: {ask: "Is the new draft good?", show: "= inputs.wish"}
  note: {do: files.write, needs: ["ok?"], with: {path: "notes/rework.md", text: "= inputs.wish"}}
returns: {accepted: "= ok.ruling == 'approved'", note: "= note.path", count: 1}
"""


class Letter(msgspec.Struct, frozen=True):
    to: str
    subject: str
    text: str
    files: tuple[File, ...] = ()


class Appointment(msgspec.Struct, frozen=True):
    at: Time
    room: str = ""
    price: Money | None = None
    seats: int = 1


class Line(msgspec.Struct, frozen=True):
    text: str
    amount: Money


class Issue(msgspec.Struct, frozen=True):
    customer: str
    lines: tuple[Line, ...]


class Issued(msgspec.Struct, frozen=True):
    number: str


class Enquiry(msgspec.Struct, frozen=True):
    lead: Lead


class Qualified(msgspec.Struct, frozen=True):
    fit: bool
    why: str


class Brief(msgspec.Struct, frozen=True):
    brief: str


class Draft(msgspec.Struct, frozen=True):
    files: tuple[File, ...]
    lines: tuple[Line, ...]


class Reply(msgspec.Struct, frozen=True):
    mail: MailReceived


class Label(msgspec.Struct, frozen=True):
    label: Literal["accepted", "changes", "unhappy"]


MORE_OPERATIONS = {
    each.name: each
    for each in (
        operation("mail.send", "Send a mail", Letter, Sent, effect="irreversible", cannot_undo="it is sent"),
        operation("calendar.book", "Book an appointment", Appointment, Issued, effect="reversible"),
        operation("invoices.issue", "Issue an invoice", Issue, Issued, effect="irreversible"),
        operation(
            "payments.charge", "Charge a card", Charge, Charged, effect="reversible", compensation="payments.refund"
        ),
        operation("payments.refund", "Give the money back", Refund, Charged, effect="irreversible"),
    )
}
MORE_AGENTS = {
    name: AgentContract(name=name, summary=summary, input=takes, output=gives)
    for name, summary, takes, gives in (
        ("qualify_lead", "See whether a lead fits", Enquiry, Qualified),
        ("sprint", "Draft what was ordered", Brief, Draft),
        ("classify_reply", "Read the customer's answer", Reply, Label),
    )
}


class ServiceCatalogue(SmallCatalogue):
    def operation(self, name):
        return MORE_OPERATIONS.get(name) or super().operation(name)

    def agent(self, name):
        if name not in MORE_AGENTS | AGENTS:
            raise UnknownNameError(f"there is no agent {name!r}{nearest(name, MORE_AGENTS | AGENTS)}")
        return (MORE_AGENTS | AGENTS)[name]


class Shelf:
    """Opens playbooks by name out of texts."""

    def __init__(self, **sources):
        self._sources = {name.replace("_", "-"): source for name, source in sources.items()}

    def __call__(self, name):
        bare = name.partition("@")[0]
        if bare not in self._sources:
            raise UnknownNameError(f"there is no playbook {bare!r}{nearest(bare, self._sources)}")
        return Opened(self._sources[bare], f"{bare}.yaml")


def compiled(source, folders=(), **others):
    return compile_playbook(source, ServiceCatalogue(), file="p.yaml", folders=folders, others=Shelf(**others))
