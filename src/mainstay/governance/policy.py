"""What may happen by itself, what is asked, what is forbidden: the judge of the choke point (DESIGN rule 3).

The default is what a careful owner would sign: reading and one's own books and files go by themselves, because they
can be taken back; whatever leaves the house or touches the physical world is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.values import Verdict

if TYPE_CHECKING:
    from mainstay.ports import Proposal

_BY_CLASS = {
    "read": Verdict("allow", "reads", "Reading changes nothing."),
    "reversible": Verdict("allow", "reversible", "It can be taken back."),
    "irreversible": Verdict("ask", "irreversible", "It leaves the house and can't be taken back."),
    "physical": Verdict("ask", "physical", "It acts on the physical world."),
}
_GATE = Verdict("ask", "playbook", "The playbook wants to be asked.")
_UNDO = Verdict("allow", "undo", "It takes something back, and can be taken back itself.")
_ASKED_UNDO = Verdict("allow", "undo", "You asked for this plan to be taken back.")


class DefaultPolicy:
    """`ports.Policy` by effect class; a playbook's `gate` can only make it stricter."""

    def judge(self, proposal: Proposal) -> Verdict:
        """Judge one prepared effect. A compensation that leaves the house is asked like any other effect."""
        verdict = _BY_CLASS[proposal.effect]
        if proposal.undo_by and verdict.decision == "allow":
            return _ASKED_UNDO if proposal.undo_by == "operator" else _UNDO
        return gated(proposal, verdict)


def gated(proposal: Proposal, verdict: Verdict) -> Verdict:
    """Let the playbook's own wish to ask stand above whatever allows."""
    return _GATE if proposal.gate and verdict.decision == "allow" else verdict
