"""What policies made, make or would make of the actions in the history: reads only, nothing is judged for real.

Every action that was ever prepared, or so many of the last ones, is judged again as it was then, with the counts of
that moment. Where it was prepared more than once, after an edit or because something had changed, the last time counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec.json import encode

from mainstay import events as e
from mainstay.contracts import from_plain, is_money
from mainstay.errors import MainstayError, UnknownNameError
from mainstay.governance.deeds import Deeds
from mainstay.governance.judge import strictest
from mainstay.kernel.state import caller_of, step_name
from mainstay.ledger import queries
from mainstay.playbooks.policy_book import Rules
from mainstay.playbooks.policy_limits import policy_caps
from mainstay.ports import Proposal
from mainstay.runtime.attempt import card_of
from mainstay.runtime.proposing import Place, proposed
from mainstay.sentences import say_path
from mainstay.values import Money, Spoken, Verdict
from mainstay.views.opening import Opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mainstay.contracts import Operation
    from mainstay.governance.rules import Heard, Rule
    from mainstay.kernel.budget import Cap
    from mainstay.kernel.graph import Step
    from mainstay.values import Role, Value
    from mainstay.views.opening import Row

Answer: TypeAlias = Literal["", "approved", "rejected", "expired"]

PAGE = 1000
LAST = 500  # actions that a page judges again
LOOKED_AT = 50_000  # records, the newest, among which they are looked for
# What is read of the history: these facts, and what they count where a rule counts.
_WALKED = (
    e.PlanProposed,
    e.UndoRequested,
    e.DecisionAsked,
    e.DecisionRuled,
    e.DecisionExpired,
    e.EffectPrepared,
)
_KINDS = encode([kind.__name__ for kind in _WALKED]).decode()
_ANSWERS: Mapping[str, Answer] = {"approve": "approved", "reject": "rejected"}
_ASKS = frozenset({"effect", "batch"})
BESIDE_RULES = frozenset({"flow", "secrets", "unknown price", "other currency"})


class Past(msgspec.Struct):
    """One action of the history: as it was proposed, what was said then, what you answered."""

    proposal: Proposal
    recorded: Verdict
    headline: str
    answer: Answer = ""
    now: Verdict | None = None
    then: Verdict | None = None  # by the policy that is tried


class _Plan(NamedTuple):
    """What is known of a plan whose actions are judged again."""

    playbook: str
    steps: dict[str, Step]


class PolicyViews(Opened):
    """Policies over the history of one workspace."""

    def tried(
        self,
        rules: Sequence[Rule],
        candidate: Sequence[Rule],
        operations: Mapping[str, Operation],
        last: int | None = None,
    ) -> Row:
        """Judge past actions by the rules in force and by others; say what would change, with your answers.

        All of them, or so many of the last: then `older` says whether there are others, which were not looked at.
        """
        counts = self._counts(operations)
        now, then = self._rules(rules, operations, counts), self._rules(candidate, operations, counts)
        past: dict[tuple[str, str], Past] = {}
        after = 0 if last is None else self._before_last(last)
        for one, fact in self._walk(self._all(after), operations, counts, past):
            del fact
            also = _beside_rules(one.recorded)
            one.now, one.then = (strictest([rules.policy.judge(one.proposal), *also]) for rules in (now, then))
            one.proposal = msgspec.structs.replace(one.proposal, arguments=None)  # of a long history: only the verdicts
        return _compared(list(past.values())) | {"older": after > 0}

    def _before_last(self, many: int) -> int:
        """Give the position before the last actions that were prepared; 0 where there are no more than so many."""
        since = max(0, self._reader.head()[0] - LOOKED_AT)
        rows = self._reader.rows(queries.BEFORE_LAST_OF_KIND, (e.EffectPrepared.__name__, since, many))
        return rows[0][0] if rows else since

    def explained(
        self, plan_id: str, step: str, rules: Sequence[Rule], operations: Mapping[str, Operation]
    ) -> list[Row]:
        """Say of the actions of one step which rules spoke and why, which did not and what they compared.

        Raises UnknownNameError where the step did nothing.
        """
        counts = self._counts(operations)
        judge = self._rules(rules, operations, counts)
        past: dict[tuple[str, str], Past] = {}
        found: dict[str, Row] = {}
        for one, fact in self._walk(iter(self.recorded(plan_id)), operations, counts, past):
            if step in (fact.path, step_name(fact.path), say_path(fact.path)):
                found[fact.path] = self._explained(one, judge)
        if not found:
            steps = list(dict.fromkeys(step_name(path) for plan, path in past if plan == plan_id))
            known = f"Its steps with actions: {', '.join(steps)}." if steps else "It has none so far."
            raise UnknownNameError(f"Step '{step}' of plan {plan_id} prepared no action.", remedy=known)
        return [row | {"answer": past[plan_id, path].answer} for path, row in found.items()]

    def caps(self, rules: Sequence[Rule], operations: Mapping[str, Operation]) -> list[Cap]:
        """Give the budgets that the limits of these rules are."""
        return policy_caps(self._rules(rules, operations, self._counts(operations)))

    # --- one walk over the history

    def _walk(
        self,
        history: Iterator[e.Recorded],
        operations: Mapping[str, Operation],
        counts: Deeds,
        past: dict[tuple[str, str], Past],
    ) -> Iterator[tuple[Past, e.EffectPrepared]]:
        """Give each action as it was prepared, and fill `past` with the last of each, with your answers."""
        plans: dict[str, _Plan] = {}
        kept: dict[str, dict[str, Step]] = {}  # by definition: many plans have one
        undone: dict[str, str] = {}
        asked: dict[str, tuple[str, tuple[str, ...]]] = {}
        for recorded in history:
            fact = recorded.fact
            if isinstance(fact, e.PlanProposed):
                plans[recorded.plan] = self._begun(recorded, fact, kept)
            elif isinstance(fact, e.UndoRequested):
                undone[recorded.plan] = fact.by
            elif isinstance(fact, e.DecisionAsked) and fact.kind in _ASKS:
                asked[fact.decision] = recorded.plan, fact.paths
            elif isinstance(fact, (e.DecisionRuled, e.DecisionExpired)) and fact.decision in asked:
                _answer(past, *asked.pop(fact.decision), fact)
            elif isinstance(fact, e.EffectPrepared):
                if recorded.plan not in plans:  # it began before what is looked at
                    plans[recorded.plan] = self._found(recorded, kept, undone)
                counts.before = recorded.position
                before = past.get((recorded.plan, fact.path))
                one = self._past(recorded, fact, plans[recorded.plan], undone.get(recorded.plan, ""), operations)
                one.answer = "approved" if fact.ruling else before.answer if before else ""
                past[recorded.plan, fact.path] = one
                yield one, fact

    def _begun(self, recorded: e.Recorded, fact: e.PlanProposed, kept: dict[str, dict[str, Step]]) -> _Plan:
        key = fact.definition.digest
        kept[key] = kept.get(key) or {step.name: step for step in self.definition(recorded).steps}
        return _Plan(fact.playbook, kept[key])

    def _found(self, recorded: e.Recorded, kept: dict[str, dict[str, Step]], undone: dict[str, str]) -> _Plan:
        """Look up how a plan began, and who asked for its undo before now."""
        first, *others = self.recorded(recorded.plan)
        assert isinstance(first.fact, e.PlanProposed)
        for one in others:
            if isinstance(one.fact, e.UndoRequested) and one.position < recorded.position:
                undone[recorded.plan] = one.fact.by
        return self._begun(first, first.fact, kept)

    def _all(self, after: int) -> Iterator[e.Recorded]:
        while page := self._reader.of_kinds(_KINDS, after, PAGE):
            yield from page
            after = page[-1].position

    def _past(
        self,
        recorded: e.Recorded,
        fact: e.EffectPrepared,
        known: _Plan,
        undo_by: str,
        operations: Mapping[str, Operation],
    ) -> Past:
        arguments = self.opened(fact.arguments)
        playbook, steps = known
        step = steps.get(step_name(caller_of(fact.path)))
        place = Place(recorded.plan, playbook, fact.path, step, fact.account, undo_by)
        proposal = proposed(place, fact.operation, fact.effect, arguments, fact.labels, recorded.recorded_at_us)
        return Past(proposal, fact.verdict, _headline(operations.get(fact.operation), arguments, fact.operation))

    def _counts(self, operations: Mapping[str, Operation]) -> Deeds:
        def roles(operation: str) -> Mapping[str, Role]:
            known = operations.get(operation)
            return known.roles if known is not None else {}

        return Deeds(self._reader, self.timezone, roles, self.opened)

    def _rules(self, rules: Sequence[Rule], operations: Mapping[str, Operation], counts: Deeds) -> Rules:
        return Rules(rules, operations, counts, self.timezone)

    def _explained(self, one: Past, judge: Rules) -> Row:
        proposal = one.proposal
        verdict = strictest([judge.policy.judge(proposal), *_beside_rules(one.recorded)])
        return {
            "path": proposal.path,
            "action": one.headline,
            "operation": proposal.operation,
            "at": self.time(proposal.now_us),
            "then": _verdict(one.recorded),
            "now": _verdict(verdict),
            "rules": [_heard(each) for each in judge.policy.hear(proposal)],
        }


def _beside_rules(recorded: Verdict) -> list[Verdict]:
    """Give what asked then whatever rules say, and would again: words of strangers, secrets, a price nobody knows."""
    each = (Spoken(recorded.decision, recorded.rule, recorded.why), *recorded.also)
    asks = [one for one in each if one.decision == "ask" and (one.rule.startswith("flow:") or one.rule in BESIDE_RULES)]
    return [Verdict(one.decision, one.rule, one.why) for one in asks]


def _answer(
    past: dict[tuple[str, str], Past], plan: str, paths: tuple[str, ...], fact: e.DecisionRuled | e.DecisionExpired
) -> None:
    """Note an answer with the actions it was about; what a yes to a list left out was rejected."""
    ruled = isinstance(fact, e.DecisionRuled)
    choice = _ANSWERS.get(fact.choice, "") if ruled else "expired"
    kept = fact.kept if ruled else None
    for number, path in enumerate(paths):
        if (plan, path) in past:
            left_out = choice == "approved" and kept is not None and number not in kept
            past[plan, path].answer = "rejected" if left_out else choice


def _headline(operation: Operation | None, arguments: Value, name: str) -> str:
    if operation is None:
        return name
    try:
        return card_of(operation, from_plain(arguments, operation.input)).headline
    except (MainstayError, msgspec.ValidationError, TypeError, ValueError):
        return operation.summary  # what it is about was forgotten, or an earlier release took other arguments


def _compared(past: list[Past]) -> Row:
    """Add up what would be otherwise."""
    moves: dict[tuple[str, str], Row] = {}
    for one in past:
        assert one.now is not None
        assert one.then is not None
        if one.now.decision == one.then.decision:
            continue
        key = one.now.decision, one.then.decision
        move = moves.setdefault(key, {"from": key[0], "to": key[1], "count": 0, "operations": {}, "actions": []})
        move["count"] += 1
        move["operations"][one.proposal.operation] = move["operations"].get(one.proposal.operation, 0) + 1
        move["actions"].append(_action(one))
    times = [one.proposal.now_us for one in past]
    return {
        "actions": len(past),
        "plans": len({one.proposal.plan for one in past}),
        "from_us": min(times, default=None),
        "to_us": max(times, default=None),
        "same": len(past) - sum(move["count"] for move in moves.values()),
        "changes": [moves[key] for key in sorted(moves)],
        "answers": _answers(past),
    }


def _answers(past: list[Past]) -> Row:
    """Hold your answers against what the policy would have done."""
    found: Row = {"asked": 0, "saved": 0, "against": [], "forbidden": []}
    for one in past:
        if not one.answer or one.then is None:
            continue
        found["asked"] += 1
        if one.answer == "approved" and one.then.decision == "allow":
            found["saved"] += 1
        elif one.answer == "approved" and one.then.decision == "deny":
            found["forbidden"].append(_action(one))
        elif one.answer != "approved" and one.then.decision == "allow":
            found["against"].append(_action(one))
    return found


def _action(one: Past) -> Row:
    verdict = one.then or one.recorded
    return {
        "plan": one.proposal.plan,
        "path": one.proposal.path,
        "operation": one.proposal.operation,
        "action": one.headline,
        "answer": one.answer,
        "rule": verdict.rule,
        "why": verdict.why,
    }


def _verdict(verdict: Verdict) -> Row:
    also = [{"decision": one.decision, "rule": one.rule, "why": one.why} for one in verdict.also]
    return {"decision": verdict.decision, "rule": verdict.rule, "why": verdict.why, "also": also}


def _heard(one: Heard) -> Row:
    rule = one.rule
    return {
        "rule": rule.id,
        "place": rule.place,
        "says": rule.verdict,
        "otherwise": rule.otherwise,
        "state": one.state,
        "why": one.why or rule.why,
        "when": rule.when,
        "compared": [{"name": path, "value": said(value)} for path, value in one.compared],
    }


def said(value: Value) -> str:
    """Say a value that a condition read."""
    if is_money(value):
        return str(Money(value["minor"], value["currency"])) if value["currency"] else "nothing"
    if isinstance(value, list):
        return ", ".join(said(each) for each in value) or "nothing"
    if value is None or value == "":
        return "nothing"
    return str(value)
