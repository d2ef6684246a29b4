"""Reads policies/*.yaml: a list of rules, each `{id, do, effect, when, then | otherwise, why, limits}`.

What a rule means is told in governance/rules.py, what its condition may read in governance/case.py. Here a file becomes
rules, or findings at their places; whether conditions fit the operations is found by `policy_types.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, get_args

from mainstay.errors import PlaybookError
from mainstay.governance.rules import Decision, Limits, Rule
from mainstay.playbooks.format import QUOTES_HINT, Listing, Mapping, Place, Report, Scalar, read_yaml
from mainstay.playbooks.keys import Keys
from mainstay.playbooks.shelf import LIBRARY
from mainstay.playbooks.speech import sentence
from mainstay.playbooks.templates import Expression
from mainstay.playbooks.throttle_rules import read_throttle
from mainstay.runtime.types import nearest
from mainstay.values import EffectClass, is_own_rule

if TYPE_CHECKING:
    from mainstay.playbooks.format import Node

SHIPPED_NAME = "house"  # of the policy that `init` writes
KEYS = ("id", "do", "effect", "when", "then", "otherwise", "why", "limits")
DECISIONS: tuple[Decision, ...] = get_args(Decision)
EFFECTS: tuple[EffectClass, ...] = get_args(EffectClass)
LIMITS = Limits.__struct_fields__
MAX_RULES = 500
MAX_WHY = 300  # characters
MAX_LIMIT = 1_000_000
AGAIN = "Correct it and check it again with: mainstay policy check. The policy that is active stays in force."
# What others call a key, and what it is called here.
SYNONYMS = {
    **dict.fromkeys(("name", "rule", "title", "key"), "id"),
    **dict.fromkeys(("operation", "operations", "action", "actions", "verb", "on", "for"), "do"),
    **dict.fromkeys(("effects", "class", "effect_class", "kind"), "effect"),
    **dict.fromkeys(("if", "where", "condition", "unless", "match"), "when"),
    **dict.fromkeys(("decision", "verdict", "result", "decide"), "then"),
    **dict.fromkeys(("default", "else", "fallback"), "otherwise"),
    **dict.fromkeys(("reason", "because", "message", "description", "says"), "why"),
    **dict.fromkeys(("limit", "cap", "caps", "budget", "max", "rate"), "limits"),
}
DECIDED = {
    **dict.fromkeys(("permit", "yes", "ok", "accept", "true", "let"), "allow"),
    **dict.fromkeys(("approve", "confirm", "review", "question", "gate", "hold"), "ask"),
    **dict.fromkeys(("forbid", "block", "reject", "no", "refuse", "never", "stop", "false"), "deny"),
}
_A_LIST = "a list of rules; begin each with '- id: ...'"
_TOML = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(\[\[?[\w.\"-]+\]\]?[ \t]*(?:#[^\n]*)?\n|[\w\"-]+[ \t]*=[ \t]*\S)")
_ID = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_DO = re.compile(r"\*|[a-z][a-z0-9_]*\.(?:\*|[a-z][a-z0-9_]*)", re.ASCII)


class RuleDraft(NamedTuple):
    """A rule as it was read, with the places of what may be wrong with it."""

    rule: Rule
    place: Place
    when: Expression | None
    do: tuple[Scalar, ...]


def shipped_policy() -> bytes:
    """Give the policy that comes with Mainstay, as `init` writes it."""
    return (LIBRARY / "policies" / f"{SHIPPED_NAME}.yaml").read_bytes()


def read_policy(source: str, file: str, report: Report) -> list[RuleDraft]:
    """Read the rules of one file; findings go to the report. Raises PlaybookError where it is no YAML."""
    if found := _TOML.match(source):
        place = Place(file, source[: found.start(1)].count("\n") + 1, 1)
        raise PlaybookError((f"{place}: this is TOML; a policy is YAML, {_A_LIST}",), remedy=AGAIN)
    try:
        tree = read_yaml(source, file, "policy")
    except PlaybookError as error:
        empty = error.findings == (f"{Place(file, 1, 1)}: the policy is empty",)
        findings = (f"{error.findings[0]}; it is {_A_LIST}",) if empty else error.findings
        raise PlaybookError(findings, remedy=AGAIN) from None
    if not isinstance(tree, Listing):
        report.add(tree.place, f"a policy is {_A_LIST}{_wrapped(tree)}")
        return []
    if len(tree.items) > MAX_RULES:
        report.add(tree.place, f"more than {MAX_RULES} rules; split them over several files")
        return []
    reader = _Reader(report)
    found = [reader.rule(node) for node in tree.items]
    return [draft for draft in found if draft is not None]


def _wrapped(tree: Node) -> str:
    """Say what to leave out where the list stands under a key, or what to add where there is one rule and no list."""
    if not isinstance(tree, Mapping):
        return ""
    under = [name for name, node in tree.values.items() if isinstance(node, Listing) and name not in KEYS]
    if len(under) == 1 and len(tree.keys) == 1:
        return f"; leave {under[0]!r} out"
    return "; write '- ' before its first key" if "id" in tree.keys else ""


class _Reader:
    """Reads rules."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._keys = Keys(report)

    def rule(self, node: Node) -> RuleDraft | None:
        if not isinstance(node, Mapping):
            self._report.add(node.place, "a rule is a set of keys with values, such as '- id: large-payments'")
            return None
        if "throttle" in node.keys:
            return self._throttle(node)
        self._known(node)
        name = self._id(node)
        verdict, otherwise = self._verdict(node)
        when = self._when(node)
        do = tuple(scalar for scalar in self._keys.scalars(node, "do") if self._is_operation(scalar))
        effects = self._effects(node)
        limits = self._limits(node, when)
        if not verdict and limits is None and not node.keys.keys() & {"then", "otherwise", "limits"}:
            self._report.add(node.place, "this rule does nothing; it needs 'then: allow', 'then: ask' or 'then: deny'")
        for key in ("do", "effect"):
            if isinstance(empty := node.values.get(key), Listing) and not empty.items:
                self._report.add(empty.place, f"{key!r} is an empty list; leave it out if the rule is about all")
        if verdict == "allow" and not do and not effects:
            self._report.add(node.place, "this rule would allow everything; say what it is about with 'do' or 'effect'")
        if verdict == "allow" and effects == ("physical",):
            self._report.add(node.place, "what acts on the physical world is always asked about; no rule can allow it")
        if verdict == "ask" and effects == ("read",):
            self._report.add(node.place, "a reading is never asked about; write 'deny' or 'allow'")
        rule = Rule(
            id=name,
            why=self._why(node, verdict),
            verdict=verdict or "",
            otherwise=otherwise,
            do=tuple(scalar.text for scalar in do),
            effects=effects,
            when=when.source if when else "",
            limits=limits,
            place=str(node.place),
        )
        return RuleDraft(rule, node.place, when, do)

    def _throttle(self, node: Mapping) -> RuleDraft:
        name, why, throttle = self._id(node), self._why(node, "ask"), read_throttle(node, self._keys)
        return RuleDraft(Rule(id=name, why=why, throttle=throttle, place=str(node.place)), node.place, None, ())

    def _known(self, node: Mapping) -> None:
        for name, key in node.keys.items():
            if name in KEYS:
                continue
            meant = SYNONYMS.get(name.lower(), "")
            hint = f"; did you mean {meant!r}?" if meant else nearest(name, KEYS)
            hint = hint or (f"; if it belongs to the text before it, {QUOTES_HINT}" if key.cut or " " in name else "")
            self._report.add(key.place, f"{name!r} is no key of a rule{hint}")

    def _id(self, node: Mapping) -> str:
        scalar = self._keys.scalar(node, "id")
        if scalar is None:
            if "id" not in node.keys:
                self._report.add(node.place, "this rule has no 'id'; call it something short, such as large-payments")
            return ""
        if not _ID.fullmatch(scalar.text):
            self._report.add(scalar.place, f"{scalar.text!r} is no id; write it like large-payments")
        elif is_own_rule(scalar.text):
            self._report.add(scalar.place, f"{scalar.text!r} is a rule of Mainstay's own; call this one otherwise")
        return scalar.text

    def _verdict(self, node: Mapping) -> tuple[Decision | None, bool]:
        if "then" in node.keys and "otherwise" in node.keys:
            place = node.keys["otherwise"].place
            self._report.add(
                place, "a rule has 'then' or 'otherwise', not both; 'otherwise' speaks where no 'then' does"
            )
        for key in ("then", "otherwise"):
            scalar = self._keys.scalar(node, key)
            if scalar is None:
                continue
            if scalar.text in DECISIONS:
                return scalar.text, key == "otherwise"
            meant = DECIDED.get(scalar.text.lower(), "")
            hint = f"; did you mean {meant!r}?" if meant else nearest(scalar.text, DECISIONS)
            self._report.add(scalar.place, f"{key!r} is one of {', '.join(DECISIONS)}, not {scalar.text!r}{hint}")
        return None, False

    def _why(self, node: Mapping, verdict: Decision | None) -> str:
        scalar = self._keys.scalar(node, "why")
        if scalar is None:
            if verdict and "why" not in node.keys:
                place = node.keys.get("id", node).place
                self._report.add(place, "this rule has no 'why': one sentence that its card shows you")
            return ""
        if len(scalar.text) > MAX_WHY:
            self._report.add(scalar.place, f"'why' is one sentence of up to {MAX_WHY} characters")
        self._keys.uncut(scalar)
        return sentence(" ".join(scalar.text.split()))

    def _when(self, node: Mapping) -> Expression | None:
        scalar = self._keys.scalar(node, "when")
        if scalar is None:
            return None
        self._keys.uncut(scalar)
        text = scalar.text.lstrip()
        source = text.removeprefix("=").strip()
        if not source:
            self._report.add(scalar.place, "an empty condition")
            return None
        return Expression(source, scalar, scalar.text.index(source), (), ())

    def _is_operation(self, scalar: Scalar) -> bool:
        if _DO.fullmatch(scalar.text):
            return True
        hint = '; write "*" in quotes for all' if scalar.text in ("all", "any", "everything") else ""
        self._report.add(scalar.place, f'{scalar.text!r} is no operation; write mail.send, mail.* or "*"{hint}')
        return False

    def _effects(self, node: Mapping) -> tuple[EffectClass, ...]:
        found: list[EffectClass] = []
        for scalar in self._keys.scalars(node, "effect"):
            if scalar.text in EFFECTS:
                found.append(scalar.text)
            else:
                hint = nearest(scalar.text, EFFECTS)
                message = f"{scalar.text!r} is no kind of action; there are {', '.join(EFFECTS)}{hint}"
                self._report.add(scalar.place, message)
        return tuple(found)

    def _limits(self, node: Mapping, when: Expression | None) -> Limits | None:
        given = self._keys.fields(node, "limits", "{per_day: 50}")
        if given is None:
            return None
        if when is not None:
            hint = "put 'when' into a rule of its own, which may read count.today and count.plan"
            self._report.add(node.keys["limits"].place, f"limits count every action that a rule names; {hint}")
        for name, key in given.keys.items():
            if name not in LIMITS:
                self._report.add(
                    key.place, f"{name!r} is no limit; there are {', '.join(LIMITS)}{nearest(name, LIMITS)}"
                )
        read = {name: self._limit(given, name) for name in LIMITS if name in given.keys}
        return Limits(**read)

    def _limit(self, given: Mapping, name: str) -> int | None:
        scalar = self._keys.scalar(given, name)
        return None if scalar is None else self._keys.number(scalar, 1 if name == "at_once" else 0, MAX_LIMIT)
