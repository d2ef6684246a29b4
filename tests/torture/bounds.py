"""Budgets under kills: at no record is more spent and held than there is, and all that was charged is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rig import opened

from mainstay.governance.budgets import PREFIX
from mainstay.kernel.budget import COUNT, Budget, evolve, used

if TYPE_CHECKING:
    from rig import Rig

MOST = 10**6
CAPPED = ("pay", "book", "undone", "asked")


def under_a_budget(rig: Rig) -> None:
    """F20: killed again and again, under a budget for all of one kind and another for each plan."""
    caps = {"pays": rig.size.plans * rig.size.items // 3, "books": rig.size.items - 1}
    config = rig.workspace.root / "mainstay.toml"
    pays = f'pays = {{operations = ["test.pay"], per_month = {caps["pays"]}}}'
    books = f'books = {{operations = ["test.book"], per_plan = {caps["books"]}}}'
    config.write_text(f"{config.read_text()}\n[budgets]\n{pays}\n{books}\n")
    for _ in range(rig.size.faults):
        life = rig.up()
        rig.moment(life)
        rig.strike(life)
        rig.check()
        _check_bounds(rig, caps, ended=False)
    rig.finish()
    _check_bounds(rig, caps, ended=True)


def _check_bounds(rig: Rig, caps: dict[str, int], *, ended: bool) -> None:
    with opened(rig.workspace) as owner:
        facts = [one for one in owner.ledger.tail(0, MOST) if one.stream.startswith(PREFIX)]
    budgets: dict[str, Budget] = {}
    for one in facts:
        budgets[one.stream] = budget = evolve(budgets.get(one.stream, Budget()), one.fact)
        most = caps.get(one.stream.split(":")[1])
        if most is not None:
            there_is = most + budget.raised.get(COUNT, 0)
            assert used(budget).get(COUNT, 0) <= there_is, (
                f"{one.stream}: {used(budget)} of {there_is} at {one.position}"
            )
    for name, path in (("pays", "/pay"), ("books", "/book")):
        known = [used(budget).get(COUNT, 0) for stream, budget in budgets.items() if stream.split(":")[1] == name]
        charged = rig.books.charged_by(path)
        assert charged <= sum(known), f"{charged} charges of {path}, and {sum(known)} counted"
        assert charged == sum(known) or not ended, f"{charged} charges of {path}, and {sum(known)} counted at the end"
    held = {stream: budget.holds for stream, budget in budgets.items() if budget.holds}
    assert not (ended and held), f"held for what is over: {held}"
    assert not ended or any(budget.raised for budget in budgets.values()), "no budget was used up"
