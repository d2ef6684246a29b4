"""What one attempt of an operation is given, and what holds of every effect: its judgement, its digest, its card."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

import msgspec

from mainstay.contracts import Card, from_plain, moved_in
from mainstay.encoding import encode_value
from mainstay.errors import ExpressionError, InputError
from mainstay.events import EffectPrepared
from mainstay.shown import shown
from mainstay.values import STANDING_RULES, Money, Spoken, Verdict, digest_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
    from typing import Any

    from mainstay import commands as c
    from mainstay.contracts import Operation
    from mainstay.events import Append
    from mainstay.kernel.graph import Cel
    from mainstay.kernel.state import Plan
    from mainstay.ports import Flow, Proposal
    from mainstay.runtime.parts import Parts
    from mainstay.values import BlobRef, Role, Value

T = TypeVar("T", bound=msgspec.Struct)
K = TypeVar("K")

_WANTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a record",
    "null": "nothing",
}
# In the order of a sentence: "Pay: 12.00 EUR to Anna Berg from account DE12".
_ROLES: Mapping[Role, str] = {
    "deletion_target": "",
    "target": "",
    "amount": "",
    "receiver": "to ",
    "destination": "to ",
    "account": "from account ",
}


class Desk(Protocol):
    """What effects and steps need of the engine."""

    def load(self, plan_id: str) -> Plan:
        """Give the plan as it will be."""
        ...

    def now_us(self) -> int:
        """Give the time."""
        ...

    def submit(
        self,
        plan_id: str,
        *commands: c.PlanCommand,
        actor: str = "mainstay",
        cause: str = "",
        beside: Sequence[Append] = (),
    ) -> asyncio.Future[int]:
        """Queue the facts that commands lead to, with facts of other streams beside them."""
        ...

    def submit_all(
        self,
        requests: list[tuple[str, c.PlanCommand]],
        *,
        actor: str = "mainstay",
        cause: str = "",
        beside: Sequence[Append] = (),
    ) -> asyncio.Future[int]:
        """Do so for several plans at once."""
        ...

    def report(
        self,
        plan: Plan,
        path: str,
        *commands: c.PlanCommand,
        actor: str = "mainstay",
        beside: Sequence[Append] = (),
    ) -> None:
        """Hand in a result."""
        ...

    def is_queued(self, plan_id: str) -> bool:
        """Whether facts of a plan are on their way to disk."""
        ...

    def graph(self, definition: BlobRef) -> Any:  # noqa: ANN401 - kernel's Graph, avoiding a name
        """Give the graph of a stored definition."""
        ...

    def release(self, plan_id: str, path: str) -> None:
        """Let work begin again later."""
        ...

    def live_under(self, prefix: str, /) -> Sequence[str]:
        """Name the plans with work of their own whose ids begin so."""
        ...

    def advance(self, plan_id: str) -> None:
        """Begin what there is to do."""
        ...

    def spawn(self, plan: Plan, path: str, work: Coroutine[Any, Any, None]) -> None:
        """Run work that waits."""
        ...

    def say(self, sentence: str, /) -> None:
        """Tell who watches."""
        ...

    def warn(self, sentence: str, cause: str, /) -> None:
        """Tell the operator, also where nobody watches."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether the history need not be read again."""
        ...

    async def whole(self) -> None:
        """Wait while the history is being read again after a commit that failed."""
        ...

    def keep_definition(self, definition: Any) -> BlobRef:  # noqa: ANN401 - kernel's Definition, avoiding a name
        """Store a definition."""
        ...


class Attempt:
    """What an operation is given of the runtime: contracts.Call."""

    __slots__ = ("_parts", "now_us", "plan", "relies", "token")

    def __init__(self, parts: Parts, plan: str, token: str, now_us: int, relies: Value = None) -> None:
        """Stand for one attempt."""
        self._parts, self.plan, self.token, self.now_us, self.relies = parts, plan, token, now_us, relies

    def read(self, blob: BlobRef) -> bytes:
        """Give the content of a pinned file."""
        return self._parts.payloads.blobs.get(blob)

    def store(self, content: bytes, name: str = "", media: str = "application/octet-stream") -> BlobRef:
        """Keep bytes as a blob."""
        return self._parts.payloads.pin(content, name=name, media=media)


def in_time_of_step(plan: Plan, path: str, operation: Operation) -> Operation:
    """Give the operation with the time its step allows; a compensation, and what an agent asks for, has its own."""
    step = plan.own_step(path)
    if step is None or step.timeout_s is None:
        return operation
    return msgspec.structs.replace(operation, timeout_s=step.timeout_s)


def as_changed(name: str, arguments: Value, changes: Iterable[str], kind: type[T]) -> T:
    """Read arguments as the operator changed them. Raises InputError for what `name` does not take, or not so."""
    known = f"It takes: {', '.join(kind.__struct_fields__)}."
    try:
        encode_value(arguments)
    except (OverflowError, UnicodeError):
        why = f"What {name} takes holds a number that is too large, or a character that there is not."
        raise InputError(why, remedy="Write another one, and do it again.") from None
    if unknown := set(changes) - set(kind.__struct_fields__):
        raise InputError(f"{name} takes no {', '.join(sorted(unknown))}.", remedy=known)
    given = arguments if isinstance(arguments, dict) else {}
    if missing := [one.name for one in msgspec.structs.fields(kind) if one.required and one.name not in given]:
        raise InputError(f"{name} needs {', '.join(missing)} as well.", remedy=known)
    try:
        return from_plain(arguments, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{name} {_not_so(error)}.", remedy=known) from None


def _not_so(error: msgspec.ValidationError) -> str:
    """Say in the owner's words which argument is not taken as it is: "takes text for word, not a whole number"."""
    why, _, place = str(error).partition(" - at `$")
    place = place.strip("`.")
    if (told := _WANTED.fullmatch(why)) is None:
        return f"does not take {place or 'it'} so: {why}"
    wanted, got = (" or ".join(_KINDS.get(kind, kind) for kind in one.split(" | ")) for one in told.groups())
    return f"takes {wanted}{' for ' * bool(place)}{place}, not {got}"


def check_of(plan: Plan, path: str) -> Cel | None:
    """Give what the result of an action must fulfil; what an agent asks for is held against nothing."""
    return None if (step := plan.own_step(path)) is None else step.check


def judged(parts: Parts, proposal: Proposal) -> Verdict:
    """Ask the policy; one that breaks lets nothing through by itself: the operator is asked."""
    try:
        return parts.policy.judge(proposal)
    except Exception as error:  # noqa: BLE001 - whatever broke, it did not allow this
        return Verdict("ask", "policy", f"The policy could not decide: {parts.classify(error).message}")


def known(flow: Callable[[], Flow] | None, of: Callable[[Flow], K]) -> K | None:
    """Give what is known of where words came from; nothing where looking back breaks: the judge asks about that."""
    if flow is None:
        return None
    try:
        return of(flow())
    except Exception:  # noqa: BLE001 - whatever broke, the judge has met it too, and asks
        return None


def moved_by(operation: Operation, arguments: Value) -> list[Money]:
    """Give the amounts that an action moves, for a total; none where its arguments do not show them."""
    given = arguments if isinstance(arguments, dict) else {}
    try:
        return [one for name, role in operation.roles.items() if role == "amount" for one in moved_in(given.get(name))]
    except ExpressionError:
        return []


def over(verdict: Verdict, rule: str, why: str) -> Verdict:
    """Ask for a reason of the runtime's own, and keep what asks beside it: a ruling answers all of it."""
    return Verdict("ask", rule, why, also=_asking(verdict))


def asks_newly(parts: Parts, plan: Plan, path: str, verdict: Verdict) -> bool:
    """Whether a rule asks about an approved action that did not ask when it was prepared (SECURITY S29)."""
    if not plan.slots[path].ruling or not rules_asking(verdict):
        return False
    facts = (event.fact for event in reversed(parts.ledger.read(f"plan:{plan.id}")))
    prepared = next((fact for fact in facts if isinstance(fact, EffectPrepared) and fact.path == path), None)
    return prepared is not None and not rules_asking(verdict) <= rules_asking(prepared.verdict)


def rules_asking(verdict: Verdict) -> set[str]:
    """Name the rules that ask. What asks by the kind of action alone was in every approver's mind, and is left out."""
    return {one.rule for one in _asking(verdict)} - STANDING_RULES


def _asking(verdict: Verdict) -> tuple[Spoken, ...]:
    each = (Spoken(verdict.decision, verdict.rule, verdict.why), *verdict.also)
    return tuple(one for one in each if one.decision == "ask")


def stricter(verdict: Verdict, other: Verdict) -> Verdict:
    """Give the more restrictive of two verdicts; where both ask, one question says both."""
    rank = ("allow", "ask", "deny")
    if (verdict.decision, other.decision) == ("ask", "ask"):
        also = (*verdict.also, *_asking(other))
        return msgspec.structs.replace(verdict, why=f"{verdict.why} {other.why}", also=also)
    return max(verdict, other, key=lambda one: rank.index(one.decision))


def effect_digest(operation: Operation, account: str, arguments: Value, relies: Value = None) -> str:
    """Name exactly what would happen, and on what ground: the thing a ruling binds."""
    told = () if relies is None else (encode_value(relies),)
    name, version = operation.name.encode(), str(operation.version).encode()
    return digest_of(b"effect", name, version, account.encode(), encode_value(arguments), *told)


def no_way_back(operation: Operation, plan: Plan, path: str) -> str:
    """Why this effect can't be taken back; empty when it can, by its operation's way or by the playbook's."""
    step = plan.own_step(path)
    own = step is not None and step.undo is not None
    return "" if own or operation.compensation else operation.cannot_undo or f"{operation.name} has no way back"


def card_of(operation: Operation, typed: object) -> Card:
    """Give what a person is shown of an effect; `typed` are its arguments as the operation takes them."""
    if operation.card is not None:
        return operation.card(typed)
    parts = [
        _said_role(typed, name, role) for role in _ROLES for name in operation.roles if operation.roles[name] == role
    ]
    told = " ".join(part for part in parts if part)
    headline = f"{operation.summary}: {told}" if told else operation.summary
    return Card(headline=headline, body="", cannot_undo=operation.cannot_undo)


def _said_role(typed: object, name: str, role: Role) -> str:
    """Say one argument by what it is for: "12.00 EUR", "to anna@example.com"; empty where it is no single value."""
    value = getattr(typed, name, None)
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(each) for each in cast("tuple[object, ...]", value) if isinstance(each, (str, int)))
    return f"{_ROLES[role]}{shown(str(value))}" if isinstance(value, (str, int, Money)) and value != "" else ""
