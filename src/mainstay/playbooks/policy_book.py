"""The policies in force: the rules of all that are active, made ready when the first action asks for them.

Nothing of the folder is looked at: a policy that was changed and not activated decides nothing. One that was in order
when it was activated and can't be used any more, because a release took away an operation it names, lets nothing
through by itself: it asks, and says so (expire closed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from mainstay.errors import MainstayError, PlaybookError
from mainstay.governance.rules import Fitting, Rule, RulesPolicy
from mainstay.playbooks.artefacts import path_of, text_of
from mainstay.playbooks.format import Report
from mainstay.playbooks.policies import AGAIN, SHIPPED_NAME, RuleDraft, read_policy, shipped_policy
from mainstay.playbooks.policy_names import Names, unknown_playbook, wrong_names
from mainstay.playbooks.policy_types import Fit, unknown_operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mainstay.contracts import Operation
    from mainstay.governance.case import Counts
    from mainstay.governance.rules import Limits
    from mainstay.playbooks.artefacts import Artefact
    from mainstay.playbooks.versions import Version, Versions
    from mainstay.ports import Proposal
    from mainstay.values import Role, Verdict


class Rules:
    """Rules over a catalogue of operations, ready to judge with."""

    def __init__(
        self, rules: Sequence[Rule], operations: Mapping[str, Operation], counts: Counts, timezone: str
    ) -> None:
        """Take the rules, the operations there are, what was done so far, and the company's time zone."""
        self.rules = tuple(rules)
        self._operations = operations
        self._fit = Fit(operations, timezone)
        self._fitting: dict[str, tuple[Fitting, ...]] = {}
        self.policy = RulesPolicy(self.fitting, self._roles, counts, timezone)

    def fitting(self, operation: str) -> tuple[Fitting, ...]:
        """Give the rules about one operation; their conditions are compiled when it is first asked about."""
        found = self._fitting.get(operation)
        if found is None:
            found = self._fitting[operation] = self._fit.fitting(self.rules, operation)
        return found

    def limits(self) -> list[tuple[Rule, Limits, list[str]]]:
        """Give the limits that rules set, with the operations that each is about."""
        return [(rule, rule.limits, self._fit.covered(rule)) for rule in self.rules if rule.limits is not None]

    def throttles(self) -> list[Rule]:
        """Give the rules that are throttles."""
        return [rule for rule in self.rules if rule.throttle is not None]

    def _roles(self, operation: str) -> Mapping[str, Role]:
        known = self._operations.get(operation)
        return known.roles if known is not None else {}


class PolicyBook:
    """`ports.Policy`: judges by what is active now."""

    def __init__(self, versions: Versions, operations: Mapping[str, Operation], counts: Counts, timezone: str) -> None:
        """Take what is active, the operations there are, what was done so far, and the company's time zone."""
        self._versions, self._operations = versions, operations
        self._counts, self._timezone = counts, timezone
        self._rules: Rules | None = None
        self._turn = -1

    def judge(self, proposal: Proposal) -> Verdict:
        """Judge by the active rules, or by effect class where there are none."""
        return self.now().policy.judge(proposal)

    @property
    def any(self) -> bool:
        """Whether any policy is active."""
        known = [name for kind, name in self._versions.known() if kind == "policy"]
        return any(self._versions.active("policy", name) is not None for name in known)

    @property
    def since(self) -> int:
        """The position in the history since which these rules are in force, and no others; 0 where none ever were."""
        turned = (self._versions.past(kind, name).turned for kind, name in self._versions.known() if kind == "policy")
        return max(turned, default=0)

    def now(self) -> Rules:
        """Give the rules in force."""
        if self._rules is None or self._turn != self._versions.turn:
            rules = active_rules(self._versions)
            self._rules = Rules(rules, self._operations, self._counts, self._timezone)
            self._turn = self._versions.turn
        return self._rules


def active_rules(versions: Versions, but: Iterable[str] = ()) -> list[Rule]:
    """Give the rules of all active policies but those named, in the order of their names."""
    left = set(but)
    names = sorted(name for kind, name in versions.known() if kind == "policy" and name not in left)
    found: list[Rule] = []
    for name in names:
        active = versions.active("policy", name)
        if active is not None:
            found += rules_of_version(versions, active)
    return found


def shipped_rules() -> list[Rule]:
    """Give the rules that come with Mainstay, without the places where they stand."""
    return [replace(draft.rule, place="") for draft in _read(path_of("policy", SHIPPED_NAME), shipped_policy())]


def rules_of_version(versions: Versions, active: Version) -> list[Rule]:
    """Give the rules of one version; one that can't be read any more asks about everything."""
    path = path_of("policy", active.name)
    try:
        return [draft.rule for draft in _read(path, versions.content(active)[path])]
    except (MainstayError, KeyError) as error:
        what = str(error).splitlines()[0]
        why = f"{path} is active and can't be read any more, so you decide: {what}"
        return [Rule(id=active.name, why=why, verdict="ask", effects=("reversible", "irreversible", "physical"))]


def unfit(versions: Versions, operations: Mapping[str, Operation]) -> list[str]:
    """Say what of active policies can't be used any more, because a release reads or offers something else."""
    found: list[str] = []
    for kind, name in versions.known():
        active = versions.active("policy", name) if kind == "policy" else None
        if active is None:
            continue
        path = path_of("policy", name)
        try:
            rules_of_file(path, versions.content(active)[path], (), operations)
        except MainstayError as error:
            found += error.findings if isinstance(error, PlaybookError) else [f"{path}: {error.message}"]
    return found


def rules_of_file(
    path: str,
    content: bytes,
    others: Iterable[Rule],
    operations: Mapping[str, Operation],
    names: Names | None = None,
) -> list[Rule]:
    """Read and check one policy beside `others` that are active. Raises PlaybookError with every finding.

    `names` are those of playbooks, steps and agents that rules can speak of; None where that is not looked at.
    """
    report = Report()
    drafts = read_policy(text_of(content, path), path, report)
    _refuse_twins(drafts, others, report)
    fit = Fit(operations)
    for draft in drafts:
        _check_about(draft, fit, operations, report)
        if names is not None:
            _check_names(draft, names, report)
    _stop(report)
    return [draft.rule for draft in drafts]


def policy_findings(
    artefacts: Sequence[Artefact],
    staying: Sequence[Rule],
    operations: Mapping[str, Operation],
    names: Names,
) -> list[str]:
    """Find what is wrong with policies that are to be activated together; `staying` are the rules of the others."""
    findings: list[str] = []
    before = list(staying)
    for artefact in artefacts:
        try:
            before += rules_of_file(artefact.path, artefact.files[artefact.path], before, operations, names)
        except PlaybookError as error:
            findings += error.findings
        except MainstayError as error:
            findings.append(f"{artefact.path}: {error.message}")
    return findings


def _read(path: str, content: bytes) -> list[RuleDraft]:
    report = Report()
    drafts = read_policy(text_of(content, path), path, report)
    _stop(report)
    return drafts


def _stop(report: Report) -> None:
    try:
        report.stop()
    except PlaybookError as error:
        raise PlaybookError(error.findings, remedy=AGAIN) from None


def _refuse_twins(drafts: Sequence[RuleDraft], others: Iterable[Rule], report: Report) -> None:
    taken = {rule.id: rule.place for rule in others}
    for draft in drafts:
        if draft.rule.id and draft.rule.id in taken:
            report.add(draft.place, f"there is a rule {draft.rule.id!r} already, at {taken[draft.rule.id]}")
        taken.setdefault(draft.rule.id, draft.rule.place)


def _check_names(draft: RuleDraft, names: Names, report: Report) -> None:
    """Refuse a throttle of a playbook that there is not, and a condition that waits for a name that nothing has."""
    throttle = draft.rule.throttle
    if throttle is not None and (why := unknown_playbook(throttle.playbook, names)):
        report.add(draft.place, why)
    if draft.when is not None:
        for wrong in wrong_names(draft.rule.when, names):
            report.add(draft.when.place(wrong.line, wrong.column), wrong.message)


def _check_about(draft: RuleDraft, fit: Fit, operations: Mapping[str, Operation], report: Report) -> None:
    """Check that the operations exist, that the rule can ever speak, and that its condition fits them."""
    rule, known = draft.rule, sorted(operations)
    unknown = [(scalar, why) for scalar in draft.do if (why := unknown_operation(scalar.text, known))]
    for scalar, why in unknown:
        report.add(scalar.place, why)
    if unknown:
        return
    for scalar in draft.do:
        operation = operations.get(scalar.text)
        if operation is not None and rule.effects and operation.effect not in rule.effects:
            report.add(scalar.place, f"{scalar.text} is {operation.effect}, so with this 'effect' no rule is about it")
        elif operation is not None and operation.effect == "physical" and rule.verdict == "allow":
            report.add(scalar.place, f"{scalar.text} acts on the physical world and is always asked about")
        elif operation is not None and operation.effect == "read" and rule.verdict == "ask":
            report.add(scalar.place, f"{scalar.text} only reads, which is never asked about; write 'deny' or 'allow'")
    if draft.when is not None:
        for wrong in fit.wrong(rule):
            report.add(draft.when.place(wrong.line, wrong.column), wrong.message)
