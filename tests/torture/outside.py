"""A world outside that misbehaves: the network, the service, events that come again, agents, and undos that fail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from charging import WAYS
from rig import Rig, opened

from mainstay import events as e
from mainstay.ledger import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def spoiled(rig: Rig, ways: Sequence[str], share: float) -> Callable[[], str]:
    """Give what becomes of each request: a share of them is spoiled in one of these ways."""
    turn = threading.Lock()

    def pick() -> str:
        with turn:
            if rig.pick.random() >= share:
                return ""
            rig.struck += 1
            return rig.pick.choice(ways)

    return pick


def network(rig: Rig) -> None:
    """F13: resets, silence, half and slow answers, 429 and 503: bounded tries under the same token."""
    rig.service.proxy.pick = spoiled(rig, WAYS, 0.3)
    life = rig.up()
    rig.moment(life)
    rig.strike(life)
    rig.finish()
    with rig.books.turn:
        most = max(rig.books.arrived.values())
    assert most <= TRIES, f"one token was sent {most} times"


TRIES = 1 + 3  # of one token: the first, and those of settling


def lost(rig: Rig) -> None:
    """F14: every other answer is lost after the charge."""
    rig.service.proxy.pick = spoiled(rig, ("lost",), 0.5)
    life = rig.up()
    rig.moment(life)
    rig.strike(life)
    rig.finish()
    with opened(rig.workspace) as owner:
        facts = [event.fact for row in plans_of(owner) for event in owner.ledger.read(f"plan:{row}")]
    settled = [fact for fact in facts if isinstance(fact, e.EffectDone) and fact.settled]
    assert settled, "no charge was settled the declared way"


def plans_of(owner) -> list[str]:
    return [row[0] for row in owner.ledger.rows(queries.PLANS, (10**6, 0))]


def again(rig: Rig) -> None:
    """F15: events come three times each, in any order, and again after every start, also a day late."""
    for turn in range(rig.size.faults):
        life = rig.up()
        life.until("heard")
        rig.moment(life)
        rig.strike(life)
        rig.set_clock(turn * 86_400)
        rig.check()
    rig.finish()


def agents(rig: Rig) -> None:
    """F16: agents that end their process, hang, raise, talk nonsense or eat memory get stuck; the rest goes on."""
    life = rig.up()
    life.until_lines(len(life.lines) + 5)
    rig.moment(life)
    rig.strike(life)
    life = rig.finish()
    with opened(rig.workspace) as owner:
        stuck = [
            event.fact
            for plan in plans_of(owner)
            for event in owner.ledger.read(f"plan:{plan}")
            if isinstance(event.fact, e.StepStuck)
        ]
    rig.struck += len(stuck)
    bad = sum(rig.kinds[number % len(rig.kinds)] in BAD for number in range(rig.size.plans))
    assert len(stuck) == bad, f"{len(stuck)} dead letters of {bad} bad agents"
    assert all(fact.failure.message for fact in stuck)


BAD = ("vanish", "hang", "raise_it", "nonsense", "devour")


def undos(rig: Rig) -> None:
    """F17: refunds fail at first: each is tried again, then asked about by name; in the end all is taken back."""
    rig.books.refuses = wanted = 4 * rig.size.faults
    life = rig.up()
    life.until("asked")
    rig.strike(life)
    rig.finish()
    rig.struck += wanted
    assert rig.books.refuses == 0
    with opened(rig.workspace) as owner:
        facts = [event.fact for plan in plans_of(owner) for event in owner.ledger.read(f"plan:{plan}")]
    asked = [path for fact in facts if isinstance(fact, e.DecisionAsked) for path in fact.paths]
    assert any(path.startswith("~act/") for path in asked), "nobody was asked about an undo that fails"
