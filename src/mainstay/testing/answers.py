"""What the simulated operator answers: decided by the seed and by what a question is about, never by time.

Whether something happened is answered truthfully, by looking at the world. Now and then a yes keeps only a part of a
list, changes what was proposed, or leaves a question that is due unanswered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.kernel.revising import REVISE, may_revise
from mainstay.testing.world import unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mainstay.kernel.state import Plan, Question
    from mainstay.testing.chance import Chance
    from mainstay.testing.world import World
    from mainstay.values import Failure

Answer: TypeAlias = dict[str, Any]  # as `requests.rule` takes it

_PLAIN = frozenset({"reject", "skip", "undo", "happened", "did_not_happen", "confirmed"})
RETRIES = 4  # of one stuck piece of work, before it is given up
# What is said where a budget stopped it.
_CAPPED = ("raise", "raise", "raise", "raise", "wait", "retry", "skip", "undo")


class Answers:
    """Gives answers, over all lives of the owner."""

    def __init__(self, chance: Chance, world: World) -> None:
        """Let `chance` decide, and see what happened in the world."""
        self._chance, self._world = chance, world
        self._numbered: dict[str, list[str]] = {}  # by work and kind: its questions

    def of(self, plan: Plan, question: Question, decision: str) -> Answer | None:
        """Give the answer to a question; None for one that nobody shall answer."""
        path = question.paths[0]
        about = unit_of(plan, path)
        if REVISE in question.options and (sent_back := self._sent_back(plan, path, about)) is not None:
            return sent_back
        match question.kind:
            case "settle":
                happened = self._world.found(plan.slots[path].token) is not None
                return {"choice": "happened" if happened else "did_not_happen"}
            case "confirm":
                number = self._number(plan, path, "confirm", decision)
                return {"choice": self._chance.pick(("confirmed",) * 8 + ("again", "undo"), "confirm", about, number)}
            case "stuck":
                return self._remedy(plan, question, decision, about)
            case "ask":
                return self._asked(plan, question, about)
            case _:
                return self._ruled(plan, question, about)

    def other(self, question: Question, answer: Answer) -> Answer | None:
        """Give another answer to the same question, where there is one that needs no more words."""
        options = [choice for choice in question.options if choice in _PLAIN and choice != answer["choice"]]
        return {"choice": self._chance.pick(options, "other", question.paths[0])} if options else None

    def _sent_back(self, plan: Plan, path: str, about: str) -> Answer | None:
        """Send work back to its agent now and then. How it is answered in the end does not depend on that."""
        if REVISE not in may_revise(plan, path):
            return None  # something else was begun with it by now
        times = len(plan.slots[plan.graph.steps[path].revises].feedback)
        if not self._chance.happens(0.4, "sends back", about, times):
            return None
        return {"choice": REVISE, "reason": f"one more than {times}"}

    def _asked(self, plan: Plan, question: Question, about: str) -> Answer | None:
        if question.due_at_us is not None and self._chance.happens(0.25, "forgets", about):
            return None
        options = [option for option in question.options if option != REVISE]
        choice = self._chance.pick(options, "other", about)
        if choice == "reject" or self._chance.happens(0.6, "yes", about):
            choice = "reject" if self._chance.happens(0.1, "reject", about) else options[0]
        answer: Answer = {"choice": choice, "reason": "as it should be"}
        ask = plan.step(question.paths[0]).ask
        if ask is not None and ask.whole and choice != "reject" and self._chance.happens(0.4, "leaves out", about):
            shown = range(len(question.covers))  # what is left out asks later
            answer["kept"] = [at for at in shown if self._chance.happens(0.6, "shows", about, at)]
        if ask is not None and ask.form and choice != "reject":
            answer["form"] = [f"wish={about}", f"count={self._chance.whole(1, 9, 'count', about)}"]
        return answer

    def _ruled(self, plan: Plan, question: Question, about: str) -> Answer:
        """Answer about actions; a part of a list, or with other arguments."""
        if self._chance.happens(0.1, "reject", about):
            return {"choice": "reject"}
        answer: Answer = {"choice": "approve", "binds": question.binds}
        if question.kind == "batch" and self._chance.happens(0.3, "keeps", about):
            answer["kept"] = [at for at in range(len(question.paths)) if self._chance.happens(0.7, "keep", about, at)]
        edited = self._chance.happens(0.1, "edits", about) and plan.slots[question.paths[0]].operation != "shelf.set"
        if edited and question.kind == "effect" and not question.paths[0].startswith("~"):
            answer["arguments"] = {"amount": self._chance.whole(10, 20, "edit", about)}
        elif edited and question.kind == "batch" and "kept" not in answer:
            answer["edits"] = {"0": {"amount": self._chance.whole(10, 20, "edit", about)}}
        return answer

    def _remedy(self, plan: Plan, question: Question, decision: str, about: str) -> Answer:
        path = question.paths[0]
        failure = plan.slots[path].failure
        asked = self._number(plan, path, "stuck", decision)
        if "raise" in question.options:
            return {"choice": self._chance.pick(_ways(question, failure, asked), "capped", about, asked)}
        hopeless = failure is None or failure.error_class in ("permanent", "bug") or asked > RETRIES
        anew = failure is not None and failure.cause == "JournalMismatch" and asked <= RETRIES
        tries = not hopeless or anew or (asked == 1 and self._chance.happens(0.2, "try"))
        if "retry" in question.options and tries:
            answer: Answer = {"choice": "retry"}
            if self._chance.happens(0.2, "other way", about) and isinstance(plan.slots[path].arguments, dict):
                answer["arguments"] = {"amount": 9}
            return answer
        left = [option for option in question.options if option in ("skip", "undo", "accept")]
        return {"choice": self._chance.pick(left or question.options, "remedy", about)}

    def _number(self, plan: Plan, path: str, kind: str, decision: str) -> int:
        """Say the how manieth of its kind about the same work a question is: its id depends on what else was asked."""
        asked = self._numbered.setdefault(f"{plan.id}/{path}/{kind}", [])
        if decision not in asked:
            asked.append(decision)
        return asked.index(decision) + 1


def _ways(question: Question, failure: Failure | None, asked: int) -> Sequence[str]:
    """Give what may be said where a budget stopped something; nobody waits for a month until a run is over."""
    if asked > RETRIES or failure is None:
        return ("raise",)
    far = " a month" in failure.message
    return [way for way in _CAPPED if way in question.options and not (far and way == "wait")]
