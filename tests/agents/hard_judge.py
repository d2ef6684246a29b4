"""Holds what the agent says of hard worlds against the truth, and counts.

A line is surely right when its allocations name the invoices it pays with the amounts it pays, money and forgiven
difference apart (whether a difference is called a fee or a discount is counted beside it). A sure line that pays
nothing is wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hard import make_hard

from mainstay.agents.reconcile import ReconcileInput, ReconcileOutput, reconcile

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from hard_world import Truth, World

    from mainstay.records import Match


@dataclass
class Figures:
    """Counts of lines, over one world or several."""

    lines: int = 0
    right: int = 0  # sure, and so in truth
    wrong: int = 0  # sure, and not so
    matchable: int = 0
    found: int = 0  # matchable, sure and right
    lost: int = 0  # a customer's payment among the ignored or the second payments, or a payout that is none
    other_kind: int = 0  # right, but the difference has another name than in truth
    asked: int = 0  # unsure, and pays something
    asked_right: int = 0  # of those, proposed as it is in truth
    second_right: int = 0  # called a second payment, and one
    second_wrong: int = 0
    tags: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict[str, Counter[str]](Counter))
    errors: list[str] = field(default_factory=list[str])

    @property
    def precision(self) -> float:
        """Of the sure lines, the share that is right."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def share_found(self) -> float:
        """Of the matchable lines, the share that is surely right."""
        return self.found / max(self.matchable, 1)

    def add(self, other: Figures) -> None:
        """Count another world's lines as well."""
        for name in ("lines", "right", "wrong", "matchable", "found", "lost", "other_kind", "asked", "asked_right"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.second_right += other.second_right
        self.second_wrong += other.second_wrong
        self.errors += other.errors
        for tag, counts in other.tags.items():
            self.tags[tag].update(counts)

    def __str__(self) -> str:
        return (
            f"{self.lines} lines, {self.right + self.wrong} sure, {self.wrong} of them wrong: precision"
            f" {self.precision:.4f}; {self.found} of {self.matchable} matchable found: {self.share_found:.3f};"
            f" {self.asked_right} of {self.asked} asked proposed rightly;"
            f" second payments {self.second_right} right, {self.second_wrong} wrong; {self.lost} lost"
        )


def judge(seed: int, count: int = 400) -> Figures:
    """Make the world of this seed, let the agent match it, and count."""
    world = make_hard(seed, count)
    return judge_world(world, run(world), f"seed {seed}")


def run(world: World) -> ReconcileOutput:
    """Give the agent all that the world shows."""
    output = reconcile(
        ReconcileInput(tuple(world.lines), tuple(world.invoices), tuple(world.payouts), tuple(world.payers)), {}
    ).output
    assert isinstance(output, ReconcileOutput)
    return output


def judge_world(world: World, output: ReconcileOutput, where: str) -> Figures:
    """Count what was said of one world; `where` stands before every error."""
    figures = Figures(lines=len(world.truth))
    sure = {line_id: match for match in output.sure for line_id in match.line_ids}
    unsure = {line_id: match for match in output.unsure for line_id in match.line_ids}
    second = {line_id: match for match in output.duplicates for line_id in match.line_ids}
    ignored = {line_id for match in output.ignored for line_id in match.line_ids}
    paid_out = {i for match in output.ignored if match.why.startswith("The payout ") for i in match.line_ids}
    for line_id, truth in world.truth.items():
        said = "unsure"
        if line_id in sure:
            match = sure[line_id]
            said = "right" if _given(match, line_id) == _paid(truth.pays) else "wrong"
            figures.right += said == "right"
            figures.wrong += said == "wrong"
            kinds = {(a.invoice, a.kind) for a in match.allocations if a.line_id == line_id}
            figures.other_kind += said == "right" and kinds != {(number, kind) for number, _, kind in truth.pays}
            if said == "wrong":
                figures.errors.append(f"{where} {line_id} {', '.join(truth.tags)}: {match.why}")
        elif line_id in unsure:
            figures.asked += bool(truth.pays)
            figures.asked_right += bool(truth.pays) and _given(unsure[line_id], line_id) == _paid(truth.pays)
        elif line_id in second:
            good = bool(truth.second_of) and second[line_id].invoice_numbers == (truth.second_of,)
            figures.second_right += good
            figures.second_wrong += not good
            said = "second" if good else "wrongly second"
            if truth.matchable:
                figures.lost += 1
                figures.errors.append(f"{where} {line_id} {', '.join(truth.tags)}: {second[line_id].why}")
        elif line_id in ignored and (
            (truth.payer is not None and truth.stayed) or _is_no_payout(truth, line_id, paid_out)
        ):
            figures.lost += 1
            figures.errors.append(f"{where} {line_id} {', '.join(truth.tags)}: lost among the ignored")
        figures.matchable += truth.matchable
        figures.found += truth.matchable and said == "right"
        for tag in truth.tags:
            figures.tags[tag].update([said, *(["matchable"] if truth.matchable else [])])
            figures.tags[tag]["found"] += truth.matchable and said == "right"
    return figures


def pooled(results: Iterable[Figures]) -> Figures:
    """Count several worlds as one."""
    total = Figures()
    for each in results:
        total.add(each)
    return total


def _is_no_payout(truth: Truth, line_id: str, paid_out: Container[str]) -> bool:
    """Whether a line was called a payout's sum and is something else."""
    return line_id in paid_out and "payout: the bank's sum" not in truth.tags


def _given(match: Match, line_id: str) -> Counter[tuple[str, int, bool]]:
    mine = [part for part in match.allocations if part.line_id == line_id]
    return Counter((part.invoice, part.amount.minor, part.kind == "payment") for part in mine)


def _paid(pays: Iterable[tuple[str, int, str]]) -> Counter[tuple[str, int, bool]]:
    return Counter((number, minor, kind == "payment") for number, minor, kind in pays)
