"""Agent `draft`: a text from a template, without any model (requirement L6).

The playbook renders it: `{agent: draft, with: {text: "file:templates/offer.md"}}`. As a step's value it can be shown
in a question, sent and filed, word for word the same each time. An agent with a model may take its place.
"""

from __future__ import annotations

import msgspec

from mainstay.contracts import AgentContract, AgentResult
from mainstay.values import PersonalText


class Draft(msgspec.Struct, frozen=True):
    """A text, ready to be read; `subject` where it is to become a mail."""

    text: PersonalText
    subject: PersonalText = ""


def draft(given: Draft) -> AgentResult:
    """Give the text as it was filled in."""
    return AgentResult(given, rationale="Filled in from its template.")


CONTRACT = AgentContract(
    name="draft",
    summary="Fill in a template",
    input=Draft,
    output=Draft,
    where="loop",
    call=draft,
    success="out.text != ''",
)
