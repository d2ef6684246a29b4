"""A rule by which questions like one are not asked any more, made of that question.

It names the action, playbook and step, an amount up to this one's, and the receiver where that is wanted. It comes
with what it would have changed of late. Where something else would ask all the same, there is no such rule.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from mainstay.errors import InputError
from mainstay.governance.roles import AMOUNT, amount_of, texts_of
from mainstay.kernel.state import step_name
from mainstay.playbooks.artefacts import read_artefact, text_of
from mainstay.playbooks.policy_book import active_rules, rules_of_file
from mainstay.playbooks.policy_words import unasked
from mainstay.views import Views
from mainstay.views.allowable import always_asked, next_of
from mainstay.views.policies import LAST, PolicyViews

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.contracts import Operation
    from mainstay.playbooks.versions import Versions
    from mainstay.values import Digest, Money
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]

NAME = "allowed"
FILE = f"policies/{NAME}.yaml"
_NO_ID = re.compile(r"[^a-z0-9_]+")
HEAD = "# What you allowed from a question on. Change or delete what you like, and activate it: mainstay activate\n"


class Drafted(NamedTuple):
    """A rule that could hold: nothing is written yet. `save_policy` lets it, over the very file that was read."""

    rule: str
    content: str  # of the whole file, with it
    seen: Digest  # of the file that was read for it; empty where there is none
    tried: Row  # what it would have changed so far: PolicyViews.tried
    receivers: tuple[str, ...]  # that the question names
    unasked: tuple[str, ...] = ()  # what can't be taken back and would happen without a yes: policy_words.unasked

    @property
    def asked(self) -> Row:
        """What is asked of the owner to let it hold: the parameters of `save_policy`."""
        return {"name": NAME, "content": self.content, "seen": self.seen}


def drafted(
    workspace: Workspace, book: Versions, operations: Mapping[str, Operation], name: str, *, same_receiver: bool
) -> Drafted:
    """Make the rule of a question, and try it on the past. Raises InputError where none helps."""
    there, held = read_artefact(workspace.root, "policy", NAME), book.active("policy", NAME)
    if (there.digest if there is not None else "") != (held.digest if held is not None else ""):
        raise InputError(
            f"{FILE} is not active as it stands; your yes would let hold what you were not shown.",
            remedy=f"Look at it, and let it hold (mainstay activate {FILE}) or put it back (mainstay revert {FILE}).",
        )
    active, others = active_rules(book), active_rules(book, but=[NAME])
    before = text_of(there.files[FILE], FILE) if there is not None else HEAD
    mine = rules_of_file(FILE, before.encode(), others, operations) if there is not None else []
    with Views(workspace) as looked:
        question = looked.question(name)
    with PolicyViews(workspace) as views:
        about = _about(question, views, operations)
        rule = _written(about, {rule.id for rule in (*others, *mine)}, same_receiver=same_receiver)
        content = before.rstrip("\n") + "\n\n" + rule
        allowed = rules_of_file(FILE, content.encode(), others, operations)
        candidate = [*others, *allowed]
        _refuse_allowed(views.explained(about.plan, about.step, active, operations))
        _refuse_idle(views.explained(about.plan, about.step, candidate, operations))
        tried = views.tried(active, candidate, operations, LAST)
        tried |= {"from": views.time(tried["from_us"]), "to": views.time(tried["to_us"])}
    seen, warned = there.digest if there is not None else "", tuple(unasked(allowed[-1:], operations))
    return Drafted(rule, content, seen, tried, about.receivers, warned)


class _About(NamedTuple):
    """What a question is about, as far as a rule can name it."""

    decision: str
    plan: str
    playbook: str
    step: str
    operation: str
    receivers: tuple[str, ...]
    most: Money | None


def _about(question: Row, views: PolicyViews, operations: Mapping[str, Operation]) -> _About:
    decision: str = question["decision"]
    if not question["open"]:
        raise InputError(f"Question {decision} is closed: {question['closed']}.", remedy="See: mainstay inbox")
    plan = views.plan(question["plan"])
    paths = plan.questions[decision].paths
    if found := always_asked(plan, question["kind"], paths[0], question["rule"], question["why"]):
        raise InputError(found.why, remedy=found.next or f"Answer it: mainstay decide {decision}")
    slots = [plan.slots[path] for path in paths]
    operation = operations[slots[0].operation]
    arguments = [views.opened(slot.arguments) for slot in slots]
    receivers = {text for each in arguments for text in texts_of(each, operation.roles, "receiver")}
    amounts = [amount_of(each, operation.roles) for each in arguments if AMOUNT in operation.roles.values()]
    if len({amount.currency for amount in amounts}) > 1:
        raise InputError("It moves amounts of several currencies; write the rule yourself: docs/policies.md")
    most = max(amounts, default=None)
    return _About(decision, plan.id, plan.playbook, step_name(paths[0]), operation.name, tuple(sorted(receivers)), most)


def _written(about: _About, taken: set[str], *, same_receiver: bool) -> str:
    """Write the rule; texts stand in it as JSON, which both YAML and expressions read as they are."""
    wanted = [f"playbook == {_json(about.playbook)}", f"step == {_json(about.step)}"]
    if about.most is not None:
        wanted.append(f'roles.amount <= money("{about.most.decimal} {about.most.currency}")')
    if same_receiver:
        if not about.receivers:
            raise InputError(f"{about.operation} names no receiver.", remedy="Leave out --same-receiver.")
        wanted.append(f"roles.receiver.all(one, one in {_json(list(about.receivers))})")
    name = _NO_ID.sub("-", f"{about.playbook}-{about.step}".lower()).strip("-")  # a tool's are no ids as they are
    number = next(at for at in count(1) if (name if at == 1 else f"{name}-{at}") not in taken)
    lines = {
        "- id": name if number == 1 else f"{name}-{number}",
        "  do": about.operation,
        "  when": _json(" && ".join(wanted)),
        "  then": "allow",
        "  why": f"You allowed it, asked in {about.decision}.",
    }
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _refuse_allowed(rows: Sequence[Row]) -> None:
    """Refuse a second rule where one lets it through by now: only the question was asked before that."""
    now = rows[-1]["now"]
    if now["decision"] == "allow":
        why = f"The next one is not asked any more, by '{now['rule']}': {now['why']}"
        raise InputError(why, remedy="This question was asked before that rule held; answer it.")


def _refuse_idle(rows: Sequence[Row]) -> None:
    """Refuse a rule that would change nothing: something else asks all the same."""
    now = rows[-1]["now"]
    if now["decision"] == "allow":
        return
    remedy = next_of(now["rule"]) or "Change that rule instead: mainstay policy list"
    raise InputError(f"It would be asked all the same, by '{now['rule']}': {now['why']}", remedy=remedy)
