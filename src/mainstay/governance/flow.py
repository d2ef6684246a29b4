"""Information flow: whether what a stranger wrote decides what an action does (requirement G7, SECURITY S69).

A judge of the choke point, over an action's arguments with the label of each (`origins.py`), what the agent behind it
was told, and the operator's own words. It knows effect classes, roles of arguments and labels; no names of tools.

    nothing outside was read           says nothing
    it stays here and can be undone    says nothing
    an argument that decides           asks, unless it is the operator's own, or a field no stranger can write
    the same, chosen by an agent       asks as well where only the field is genuine: a genuine id is no genuine choice,
    that read outside content          so the operator's own words have to name it, or the record that it stands in
    an action nobody spoke of          asks, where an agent that read outside content wants it
    a link, address or account         asks, where a stranger's goes out inside a text
    secrets, private records           ask to leave

What it says is recorded, so it quotes nothing: the card does, from `came_from`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from mainstay.contracts import stays_here
from mainstay.governance.spoken import foreseen
from mainstay.origins import COMPANY, OWN, SHORT_CHARS, plain, trace
from mainstay.values import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mainstay.contracts import Operation
    from mainstay.origins import Heard, Leaf
    from mainstay.ports import Flow, Proposal
    from mainstay.values import Role

SECRET_CHARS = 5  # of the shortest secret that is looked for inside other texts
_Rule: TypeAlias = "Callable[[Leaf, Leaf, Heard], bool]"  # (as proposed, where it came from, what was heard): fine?

# In a text that leaves: what leads the reader, or their money, somewhere else.
_LINK = re.compile(r"(?:https?://|www\.)[^\s'\"<>)\],]+|\b(?:[a-z0-9-]+\.)+[a-z]{2,10}/[^\s'\"<>)\],]+", re.IGNORECASE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b")
_SAID: Mapping[Role, str] = {
    "receiver": "who gets it",
    "amount": "the amount",
    "destination": "where it goes",
    "account": "the account",
    "deletion_target": "what is deleted",
    "target": "what it is done to",
    "credential": "what lets somebody in",
}


class InformationFlow:
    """`ports.Judge` of where words came from."""

    def judge(self, proposal: Proposal) -> Verdict | None:
        """Ask about an action that a stranger's words decide; None where they do not."""
        if proposal.flow is None or proposal.undo_by:
            return None
        flow = proposal.flow()
        if stays_here(flow.operation):
            return None
        return _first(_unforeseen(flow), _decided(flow), _handed_on(flow), _given_away(flow))


def _first(*verdicts: Verdict | None) -> Verdict | None:
    return next((verdict for verdict in verdicts if verdict is not None), None)


# --- an action nobody spoke of


def _unforeseen(flow: Flow) -> Verdict | None:
    """Ask about what an agent wants after it read outside content, if the operator's words do not speak of it."""
    heard, operation = flow.heard, flow.operation
    if heard is None or not heard.tainted:
        return None
    if operation.teaches:
        why = "An agent that read outside content wants to change what later runs go by."
        return Verdict("ask", "flow:teaches", why)
    texts = [leaf.value for path, leaf in flow.leaves if role_of(operation, path) is None]
    if foreseen(operation, heard, texts, decided=_by_operator(flow, heard)):
        return None
    why = f"An agent wants this after it read {_say(heard)}, and nothing you asked for speaks of it."
    return Verdict("ask", "flow:unforeseen", why)


def _by_operator(flow: Flow, heard: Heard) -> bool | None:
    """Say whether the operator's words decide all arguments that have a role; None where there is none."""
    chosen = [
        _rule(flow.operation, role)(leaf, trace(leaf), heard)
        for path, leaf in flow.leaves
        if (role := role_of(flow.operation, path)) is not None
    ]
    return all(chosen) if chosen else None


# --- arguments that decide


def _decided(flow: Flow) -> Verdict | None:
    """Ask about the first argument with a role that a stranger's words decide."""
    for path, leaf in flow.leaves:
        role = role_of(flow.operation, path)
        if role is None or path.partition(".")[0] in flow.edited or leaf.value in ("", None):
            continue
        source = trace(leaf)
        if leaf.heard is not None and leaf.heard.chooses and leaf.heard.tainted:
            if not _rule(flow.operation, role)(leaf, source, leaf.heard):
                return _of_agent(role, source, leaf.heard)
        elif source.outside and not _is_own(flow, leaf):
            return Verdict(
                "ask", f"flow:{role}", f"{_said(role)} came from {_label(source)}, and nothing else says it."
            )
    return None


def _is_own(flow: Flow, leaf: Leaf) -> bool:
    """Say whether what the playbook took from outside content stands in the operator's words or records as well."""
    if flow.known is None:
        return False
    known = flow.known()
    return known.says(leaf.value) or any(plain(one.value) == plain(leaf.value) for one in known.trusted(leaf.value))


def _of_agent(role: Role, source: Leaf, heard: Heard) -> Verdict:
    if source.outside and source.label != heard.label:
        said = f"{_said(role)} came from {_label(source)}, and is neither in your words nor in your records."
    elif source.outside:
        said = f"Nothing that the agent was told says {_SAID[role]}, and it read {_say(heard)}."
    else:
        said = f"{_said(role)} is genuine, but an agent that read {_say(heard)} chose it, not you."
    return Verdict("ask", f"flow:{role}", said)


def _is_named(leaf: Leaf, source: Leaf, heard: Heard) -> bool:
    """Say whether the operator's words name it, or the genuine record it stands in by a genuine name."""
    return source.label in OWN or any(
        found.label == COMPANY or heard.names_record(found, by_strangers=False) for found in heard.trusted(leaf.value)
    )


def _is_known(leaf: Leaf, source: Leaf, heard: Heard) -> bool:
    """Say whether the operator's words name it, or the record it stands in, be it by a title."""
    return source.label in OWN or any(
        heard.names_record(found, by_strangers=True) for found in heard.trusted(leaf.value)
    )


def _is_genuine(leaf: Leaf, source: Leaf, heard: Heard) -> bool:
    """Say whether the operator, or a field that no stranger can write, says it."""
    del leaf, heard
    return not source.outside


def _is_said(leaf: Leaf, source: Leaf, heard: Heard) -> bool:
    """Say whether the operator's own words say it."""
    del leaf, heard
    return source.label in OWN


# What an agent that read outside content may choose by itself.
_CHOSEN: Mapping[Role, _Rule] = {
    "receiver": _is_named,
    "destination": _is_named,
    "account": _is_named,
    "deletion_target": _is_named,
    "target": _is_known,
    "amount": _is_genuine,
    "credential": _is_said,
}


def _rule(operation: Operation, role: Role) -> _Rule:
    """Give the rule of a role; where it can be taken back, acting on a genuine thing is enough."""
    return _is_genuine if role == "target" and operation.effect == "reversible" else _CHOSEN[role]


# --- what goes out inside texts


def _handed_on(flow: Flow) -> Verdict | None:
    """Ask about a link, an address or an account of a stranger's inside a text that leaves the house."""
    if flow.operation.in_ledger or flow.operation.stays:
        return None
    for path, leaf in flow.leaves:
        if not isinstance(leaf.value, str) or path.partition(".")[0] in flow.edited or role_of(flow.operation, path):
            continue
        for kind, handle in _handles(leaf.value):
            if _is_strange(leaf, handle):
                why = f"A text in it holds {kind} that came from outside content, and that you did not name."
                return Verdict("ask", "flow:handle", why)
    return None


def _handles(text: str) -> Iterator[tuple[str, str]]:
    for link in _LINK.findall(text):
        host = re.sub(r"^https?://(www\.)?|^www\.", "", link.rstrip(".,;:!?"), flags=re.IGNORECASE).partition("/")[0]
        yield "a link", host.partition(":")[0]
    for address in _MAIL.findall(text):
        yield "a mail address", address
    for account in _ACCOUNT.findall(text):
        yield "an account", account


def _is_strange(leaf: Leaf, handle: str) -> bool:
    """Say whether a stranger brought a handle, and neither the operator nor a genuine field holds it too."""
    heard = leaf.heard
    if heard is None:
        return leaf.outside
    sought = plain(handle)
    if any(sought in text for text, _ in heard.own) or heard.trusted(handle):
        return False
    return heard.unsure if heard.chooses else heard.strange(handle) is not None


# --- secrets and private records


def _given_away(flow: Flow) -> Verdict | None:
    if flow.operation.in_ledger or flow.operation.stays:
        return None
    for path, leaf in flow.leaves:
        if path.partition(".")[0] in flow.edited:
            continue
        found = leaf if leaf.secret or leaf.private else _guarded_in(leaf)
        if found is not None:
            kind = "A secret" if found.secret else "Something private"
            return Verdict("ask", "flow:secret" if found.secret else "flow:private", f"{kind} of {found.label} leaves.")
    return None


def _guarded_in(leaf: Leaf) -> Leaf | None:
    """Give what is secret or private and goes out in an agent's word; the operator's own words are theirs to send."""
    heard = leaf.heard
    if heard is None:
        return None
    said = plain(leaf.value)
    for text, source in heard.guarded:
        for part in _telling(text):
            if part in said and part not in heard.words:
                return source
    return None


def _telling(text: str) -> Iterator[str]:
    """Give what tells of a guarded text: the whole, and every longer word of it with a digit."""
    if len(text) >= SECRET_CHARS:
        yield text
    for word in re.findall(r"[\w-]+", text):
        if len(word) >= SECRET_CHARS and any(char.isdigit() for char in word):
            yield word


# --- leaves


def role_of(operation: Operation, path: str) -> Role | None:
    """Give the role of a part of the arguments; places in lists do not count: "files.0.blob" is "files.blob"."""
    names = [part for part in path.split(".") if not part.isdigit()]
    for length in range(len(names), 0, -1):
        role = operation.roles.get(".".join(names[:length]))
        if role is not None:
            return role
    return None


def _said(role: Role) -> str:
    return _SAID[role][0].upper() + _SAID[role][1:]


def _label(leaf: Leaf) -> str:
    return f"{leaf.label} ({leaf.field})" if leaf.field else leaf.label


def _say(heard: Heard) -> str:
    labels = dict.fromkeys(leaf.label for leaf in heard.leaves if leaf.outside)
    return ", ".join(labels) or "outside content"


assert SHORT_CHARS <= SECRET_CHARS
