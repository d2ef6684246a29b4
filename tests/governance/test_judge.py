"""Several judges at one choke point: the most restrictive wins, all that spoke are kept, one that breaks asks."""

from __future__ import annotations

from mainstay.errors import InputError
from mainstay.governance.judge import Judges, alone
from mainstay.ports import Proposal
from mainstay.values import Verdict

PAY = Proposal(plan="p", playbook="pay", path="pay", operation="bank.pay", effect="irreversible", arguments={})
ALLOW, ASK = Verdict("allow", "a", "It may."), Verdict("ask", "b", "It is large.")
ASK_TOO, DENY = Verdict("ask", "c", "It is late."), Verdict("deny", "d", "Never there.")


class Says:
    """A judge that always says the same, or breaks."""

    def __init__(self, said):
        self.said = said

    def judge(self, proposal):
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


def judged(*said):
    return Judges({f"judge{number}": Says(each) for number, each in enumerate(said)}).judge(PAY)


def test_g1_the_most_restrictive_judge_wins_whatever_their_order():
    for order in ([ALLOW, ASK, DENY], [DENY, ASK, ALLOW], [ASK, DENY, ALLOW]):
        verdict = judged(*order)
        assert (verdict.decision, verdict.rule) == ("deny", "d")


def test_g1_all_that_objected_are_kept_and_the_first_of_equals_gives_the_sentence():
    verdict = judged(ALLOW, ASK, ASK_TOO)
    assert (verdict.rule, verdict.also) == ("b", (alone(ASK_TOO),))
    assert judged(ASK, DENY, ASK_TOO).also == (alone(ASK), alone(ASK_TOO))


def test_g1_objections_that_one_judge_heard_itself_are_kept_flat():
    inner = Verdict("ask", "b", "It is large.", also=(alone(ASK_TOO),))
    assert judged(inner, DENY) == Verdict("deny", "d", "Never there.", also=(alone(ASK), alone(ASK_TOO)))


def test_g1_a_judge_with_nothing_to_say_leaves_it_to_the_others_and_silence_asks():
    assert judged(None, ALLOW) == ALLOW
    assert judged(None, None).decision == "ask"
    assert judged().decision == "ask"


def test_g1_a_judge_that_breaks_asks_and_says_which_one_and_a_denial_still_wins():
    verdict = judged(ALLOW, InputError("The list of partners is missing."))
    assert verdict.decision == "ask"
    assert verdict.why == "The judge1 could not decide: The list of partners is missing. So you decide."
    assert judged(ValueError("x"), DENY).decision == "deny"


def test_g1_the_text_of_a_foreign_error_is_not_recorded_because_it_may_hold_what_is_personal():
    verdict = judged(ALLOW, ValueError("anna@example.com"))
    assert "anna" not in verdict.why
    assert "ValueError" in verdict.why
