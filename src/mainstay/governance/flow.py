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

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from mainstay.contracts import stays_here
from mainstay.governance.familiar import Familiar
from mainstay.governance.guarded import given_away
from mainstay.governance.handles import CODE, NUMBER, addressed_in, handles_in
from mainstay.governance.pointed import goes_back, is_same
from mainstay.governance.roles import is_declared, role_of
from mainstay.governance.spoken import calls, foreseen, hands_out, speaks_of_strangers
from mainstay.governance.sums import currencies_in, said_sums, sums_in
from mainstay.governance.undeclared import (
    decides_nothing,
    is_counted,
    is_day,
    is_name,
    is_number,
    is_other_day,
    is_spoken,
    is_switch_spoken,
    is_text,
    keys_of,
    leads_to,
    passes_over,
    says_kind,
    says_more,
    switches,
)
from mainstay.origins import COMPANY, OWN, SHORT_CHARS, Leaf, numbers_in, plain, said_source, thing_of, trace
from mainstay.values import CURRENCY_DIGITS, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.contracts import Operation
    from mainstay.governance.handles import Handle
    from mainstay.origins import Heard
    from mainstay.ports import Flow, Proposal
    from mainstay.values import Role, Value

_SAID: Mapping[Role, str] = {
    "receiver": "who gets it",
    "amount": "the amount",
    "destination": "where it goes",
    "account": "the account",
    "deletion_target": "what is deleted",
    "target": "what it is done to",
    "credential": "what lets somebody in",
}
_THINGS: frozenset[Role] = frozenset({"target", "deletion_target"})


class _Choice(NamedTuple):
    """An argument with a role, as an agent chose it that read outside content."""

    flow: Flow
    path: str
    leaf: Leaf
    source: Leaf  # where it was found
    heard: Heard


_Rule: TypeAlias = "Callable[[_Choice], bool]"  # whether the agent may


class InformationFlow:
    """`ports.Judge` of where words came from."""

    def judge(self, proposal: Proposal) -> Verdict | None:
        """Ask about an action that a stranger's words decide; None where they do not."""
        if proposal.flow is None or proposal.undo_by:
            return None
        flow = proposal.flow()
        if stays_here(flow.operation):
            return None
        flow = _with_keys(flow, proposal.arguments)
        return _first(
            _unforeseen(flow), _decided(flow), _given_away(flow), _handed_on(flow), _unspoken(flow, proposal.arguments)
        )


def _with_keys(flow: Flow, arguments: Value) -> Flow:
    """Add the keys that an agent made of data: "eve@x.example: read" gives it to eve."""
    heard = flow.heard
    if heard is None:
        return flow
    keys = tuple(
        (path, Leaf(key, heard.label, heard=heard)) for path, key in keys_of((flow.operation.input,), arguments)
    )
    return msgspec.structs.replace(flow, leaves=(*flow.leaves, *keys)) if keys else flow


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
        _rule(flow.operation, role)(_Choice(flow, path, leaf, trace(leaf), heard))
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
            if not _rule(flow.operation, role)(_Choice(flow, path, leaf, source, leaf.heard)):
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


def _is_named(choice: _Choice) -> bool:
    """Say whether the operator's words name it, or the genuine record it stands in by a genuine name."""
    heard, role = choice.heard, role_of(choice.flow.operation, choice.path)
    return (
        choice.source.label in OWN
        or (role in _THINGS and _is_called(choice))
        or (role == "receiver" and is_same(heard, choice.leaf.value))
        or (role == "account" and goes_back(heard, choice.leaf.value, _moved(choice)))
        or any(
            found.label == COMPANY or heard.names_record(found, by_strangers=False)
            for found in heard.trusted(choice.leaf.value)
        )
    )


def _is_known(choice: _Choice) -> bool:
    """Say whether the operator's words name it, or the record it stands in, be it by a title."""
    heard = choice.heard
    return (
        choice.source.label in OWN
        or _is_called(choice)
        or any(
            heard.names_record(found, by_strangers=True) and not heard.says_another(found)
            for found in heard.trusted(choice.leaf.value)
        )
    )


def _is_genuine(choice: _Choice) -> bool:
    """Say whether the operator, or a field that no stranger can write, says it."""
    return not choice.source.outside


def _is_free(choice: _Choice) -> bool:
    """Say whether it is genuine, and the operator's words do not name another in its place."""
    if choice.source.outside or choice.source.label in OWN:
        return not choice.source.outside
    heard, found = choice.heard, choice.heard.trusted(choice.leaf.value)
    return not any(map(heard.says_another, found)) or _is_known(choice)


def _is_called(choice: _Choice) -> bool:
    """Say whether the operator's words call a genuine thing by a name too short for a text: "user jo", "issue 61"."""
    value = plain(choice.leaf.value)
    return (
        len(value) < SHORT_CHARS
        and any(plain(found.value) == value for found in choice.heard.trusted(choice.leaf.value))
        and calls(choice.flow.operation, choice.heard, value)
    )


def _is_said(choice: _Choice) -> bool:
    """Say whether the operator's own words say it."""
    return choice.source.label in OWN


def _is_sum(choice: _Choice) -> bool:
    """Say whether the operator's words say this amount, or a genuine record that they name or that this is about.

    What is paid to an account may be less than they said: never more, and nothing below zero.
    """
    heard, value = choice.heard, choice.leaf.value
    if choice.path.endswith(".currency"):
        return str(value) in currencies_in(heard.words) or not choice.source.outside
    if isinstance(value, (int, float)) and value < 0:
        return False
    figures, said, roles = _figures(choice), sums_in(heard.words), set(choice.flow.operation.roles.values())
    of_thing = bool(_THINGS & roles)  # then what it is of says how much
    if figures and (figures <= said or (said and "account" in roles and not of_thing and max(figures) <= min(said))):
        return True
    if said_sums(heard.words):  # they said how much: nothing else does
        return False
    return _is_of_thing(choice) or (not isinstance(value, (int, float)) and not figures and not choice.source.outside)


def _is_of_thing(choice: _Choice) -> bool:
    """Say whether a number stands in a genuine record that the operator's words name, or that the action is about."""
    heard, value = choice.heard, choice.leaf.value
    of_thing = bool(_THINGS & set(choice.flow.operation.roles.values()))
    things = _things(choice)
    about = {id(thing_of(one.record)) for one in things if one.record is not None}
    return any(
        found.label == COMPANY
        or (found.record is not None and id(thing_of(found.record)) in about)
        or heard.names_record(found, by_strangers=False, alone=False)
        or (not of_thing and not _is_code_number(found) and heard.touches_record(found))
        for found in heard.trusted(value)
        if found not in things  # the number of an order is no amount
    )


def _is_code_number(leaf: Leaf) -> bool:
    """Say whether digits stand there as a text does, as the number of an invoice."""
    return isinstance(leaf.value, str) and leaf.value.strip().isdigit()


def _figures(choice: _Choice) -> set[float]:
    """Give the amount that is asked for, as people write it."""
    value = choice.leaf.value
    if isinstance(value, str) or not choice.path.endswith(".minor"):
        return numbers_in(value, plain(value))
    given = dict(choice.flow.leaves)
    currency = given.get(f"{choice.path.removesuffix('.minor')}.currency")
    digits = CURRENCY_DIGITS.get(str(currency.value) if currency is not None else "", 2)
    return {abs(float(str(value))) / 10**digits}


def _moved(choice: _Choice) -> set[float]:
    """Give what the action moves."""
    amounts = (
        choice._replace(path=path, leaf=leaf)
        for path, leaf in choice.flow.leaves
        if role_of(choice.flow.operation, path) == "amount" and not path.endswith(".currency")
    )
    return {figure for one in amounts for figure in _figures(one)}


def _things(choice: _Choice) -> list[Leaf]:
    """Give what else the action is about, where that stands in genuine records."""
    others = (leaf for path, leaf in choice.flow.leaves if role_of(choice.flow.operation, path) not in (None, "amount"))
    return [
        found
        for leaf in others
        for found in choice.heard.trusted(leaf.value)
        if plain(found.value) == plain(leaf.value)
    ]


# What an agent that read outside content may choose by itself.
_CHOSEN: Mapping[Role, _Rule] = {
    "receiver": _is_named,
    "destination": _is_named,
    "account": _is_named,
    "deletion_target": _is_named,
    "target": _is_known,
    "amount": _is_sum,
    "credential": _is_said,
}


def _rule(operation: Operation, role: Role) -> _Rule:
    """Give the rule of a role; where it can be taken back, acting on a genuine thing is enough."""
    return _is_free if role == "target" and operation.effect == "reversible" else _CHOSEN[role]


# --- arguments that nobody gave a role


def _unspoken(flow: Flow, arguments: Value) -> Verdict | None:
    """Ask about the first of them that an agent chose which read outside content, and the operator did not speak of."""
    heard, operation = flow.heard, flow.operation
    if heard is None or not heard.tainted or operation.effect == "read" or operation.in_ledger or operation.stays:
        return None
    noting = _is_back(operation) and speaks_of_strangers(heard)
    seen: set[tuple[str, Value]] = set()  # long lists say the same often
    for path, leaf in flow.leaves:
        place = ".".join(part for part in path.split(".") if not part.isdigit())
        if (place, leaf.value) in seen or _is_left(flow, path):
            continue
        seen.add((place, leaf.value))
        if says_more(heard.words, leaf.value) and not _is_back(operation):
            why = f"You said what '{path.partition('.')[0]}' says, and an agent that read {_say(heard)} says more."
            return Verdict("ask", "flow:unspoken", why)
        if is_text(path, leaf.value) or decides_nothing(operation.input, path, leaf.value):
            continue
        if not _may_choose(flow, path, leaf, heard, noting=noting):
            return _of_undeclared(path, heard)
    for path in switches(operation.input, arguments):
        if not _is_left(flow, path) and not is_switch_spoken(heard.words, path):
            return _of_undeclared(path, heard)
    return None


def _is_back(operation: Operation) -> bool:
    """Say whether it can be taken back, and gives nobody anything."""
    return operation.effect == "reversible" and not hands_out(operation.summary)


def _is_left(flow: Flow, path: str) -> bool:
    """Say whether an argument is judged elsewhere, or the operator put it in."""
    return path.partition(".")[0] in flow.edited or is_declared(flow.operation, path)


def _may_choose(flow: Flow, path: str, leaf: Leaf, heard: Heard, *, noting: bool) -> bool:
    """Say whether an agent may choose this: the operator said it, or it is what they named."""
    words, value = heard.words, leaf.value
    if is_day(value):
        return not is_other_day(words, value)
    number = is_number(value)
    if is_counted(words, value, lenient=noting) if number else heard.says(value):
        return True
    choice = _Choice(flow, path, leaf, trace(leaf), heard)
    if number:
        return not sums_in(words) and _is_of_thing(choice)
    ways = leads_to(value)
    if ways:
        rule = _is_genuine if noting and says_kind(path) else _is_named
        return rule(choice) or all(rule(_said_as(choice, one)) for one in ways)
    lenient = noting and not (is_name(value) and _is_passed_over(choice))
    return is_spoken(words, value, lenient=lenient) or _is_known(choice)


def _is_passed_over(choice: _Choice) -> bool:
    """Say whether the operator named somebody who stands nowhere in the action, nor in a record that it is about."""
    given = [str(leaf.value) for _, leaf in choice.flow.leaves]
    about = (str(one.value) for found in _things(choice) if found.record is not None for one in found.record.leaves)
    own = "\n".join(str(leaf.value) for _, leaf in choice.heard.own)
    return passes_over(own, (*given, *about))


def _said_as(choice: _Choice, value: str) -> _Choice:
    """Take a part of what was chosen."""
    leaf = Leaf(value, choice.leaf.label, heard=choice.leaf.heard)
    return choice._replace(leaf=leaf, source=trace(leaf))


def _of_undeclared(path: str, heard: Heard) -> Verdict:
    name = path.partition(".")[0]
    why = f"An agent that read {_say(heard)} chose '{name}', and nothing you asked for says it."
    return Verdict("ask", "flow:unspoken", why)


# --- what goes out inside texts


def _handed_on(flow: Flow) -> Verdict | None:
    """Ask about a link, an address or an account of a stranger's inside a text that leaves the house."""
    if flow.operation.in_ledger or flow.operation.stays:
        return None
    known: dict[int, Familiar] = {}
    for path, leaf in flow.leaves:
        if not isinstance(leaf.value, str) or path.partition(".")[0] in flow.edited or role_of(flow.operation, path):
            continue
        familiar = known.setdefault(id(leaf.heard), Familiar(leaf.heard)) if leaf.heard is not None else None
        for handle in handles_in(leaf.value):
            if _is_strange(leaf, handle, familiar):
                why = f"A text in it holds {handle.kind} that came from outside content, and that you did not name."
                return Verdict("ask", "flow:handle", why)
        if leaf.heard is not None and leaf.heard.unsure and _addresses(leaf.value, leaf.heard):
            return Verdict("ask", "flow:handle", "A text in it reads like the head of a mail that goes to more people.")
    return None


def _addresses(text: str, heard: Heard) -> bool:
    """Say whether a text adds somebody to whom a mail goes, or who is answered, whom the operator did not name."""
    return any(not heard.says(mail) for mail in addressed_in(text))


def _is_strange(leaf: Leaf, handle: Handle, familiar: Familiar | None) -> bool:
    """Say whether a stranger brought a handle, and neither the operator nor a genuine field holds it too."""
    heard = leaf.heard
    if heard is None or familiar is None:
        return leaf.outside and handle.kind != CODE
    if familiar.knows(handle):
        return False
    if heard.chooses:
        return heard.unsure or (handle.kind == CODE and bool(heard.guarded))
    return handle.kind not in (CODE, NUMBER) and heard.strange(handle.says) is not None


# --- secrets and private records


def _given_away(flow: Flow) -> Verdict | None:
    """Ask about what is secret or private, and not of whom it goes to."""
    if flow.operation.in_ledger or flow.operation.stays:
        return None
    found = given_away(flow)
    if found is None:
        return None
    kind, rule = ("A secret", "flow:secret") if found.secret else ("Something private", "flow:private")
    return Verdict("ask", rule, f"{kind} of {_label(found)} leaves.")


# --- leaves


def _said(role: Role) -> str:
    return _SAID[role][0].upper() + _SAID[role][1:]


def _label(leaf: Leaf) -> str:
    what = _what(leaf)
    return f"{what} ({leaf.field})" if leaf.field and what == leaf.label else what


def _what(leaf: Leaf) -> str:
    """Name the record a leaf stands in as a card does: "the mail"; or whose words they are."""
    return (leaf.record.gives.what if leaf.record is not None else "") or said_source(leaf.label)


def _say(heard: Heard) -> str:
    return ", ".join(dict.fromkeys(_what(leaf) for leaf in heard.leaves if leaf.outside)) or "outside content"
