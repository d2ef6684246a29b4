"""Several judges at one choke point: the most restrictive wins, and all that spoke are kept (requirement G1).

A judge looks at one side of a proposal: the operator's rules, where the words came from, what secrets leave. What it
has nothing to say about it leaves to the others, with None. One that breaks lets nothing through by itself: it asks,
and says that it broke. Where nobody speaks at all, the operator is asked.

`works.py` brings them together, by the names that a card shows when one of them breaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.errors import MainstayError
from mainstay.values import Spoken, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mainstay.ports import Judge, Proposal

STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}
SILENT = Verdict("ask", "nobody", "Nothing says whether this may happen by itself.")


class Judges:
    """`ports.Policy` made of several judges."""

    def __init__(self, judges: Mapping[str, Judge]) -> None:
        """Take them by name; of two that are equally strict the first gives the rule and the sentence."""
        self._judges = dict(judges)

    def judge(self, proposal: Proposal) -> Verdict:
        """Give the most restrictive verdict, with what the others asked or denied in `also`."""
        heard = self.hear(proposal)
        return heard[0] if len(heard) == 1 else strictest(heard)

    def hear(self, proposal: Proposal) -> list[Verdict]:
        """Give what each judge says that speaks, in order."""
        heard: list[Verdict] = []
        for name, judge in self._judges.items():
            try:
                verdict = judge.judge(proposal)
            except Exception as error:  # noqa: BLE001 - whatever broke, it did not allow this
                verdict = _broken(name, error)
            if verdict is not None:
                heard.append(verdict)
        return heard


def strictest(spoken: Sequence[Verdict]) -> Verdict:
    """Put verdicts together: the most restrictive one wins, the first of equals; its `also` holds the other objections.

    What only allows is not kept: it stood in nobody's way.
    """
    if len(spoken) == 1:
        return spoken[0]
    each = [one for verdict in spoken for one in (alone(verdict), *verdict.also)]
    if not each:
        return SILENT
    winner = max(each, key=lambda one: STRICTNESS[one.decision])
    also = tuple(one for one in each if one is not winner and one.decision != "allow")
    return Verdict(winner.decision, winner.rule, winner.why, also)


def alone(verdict: Verdict) -> Spoken:
    """Give what decided, without what else was said."""
    return Spoken(verdict.decision, verdict.rule, verdict.why)


def _broken(name: str, error: Exception) -> Verdict:
    # the text of a foreign exception may hold what is personal, and a verdict is recorded
    what = error.message if isinstance(error, MainstayError) else f"a mistake in it ({type(error).__name__})"
    return Verdict("ask", name, f"The {name} could not decide: {what.rstrip('.')}. So you decide.")
