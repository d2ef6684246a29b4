"""The examples of docs/budgets.md and of the file that `init` writes stand for budgets that can be reached (G6)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from kit import run

from mainstay.app import contracts_to_read
from mainstay.governance.caps import Entry, all_caps, check_names
from mainstay.kernel.budget import COUNT, TOKENS
from mainstay.workspace import Workspace

DOCS = Path(__file__).parents[2] / "docs" / "budgets.md"
EXAMPLE = DOCS.read_text().partition("test_budget_docs.py -->\n```toml\n")[2].partition("```")[0]
PLAYBOOKS = ("billing-reconciliation",)


def entries(text):
    return msgspec.convert(tomllib.loads(text)["budgets"], dict[str, Entry])


def template(workspace):
    """The [budgets] of a new mainstay.toml, its comment signs taken away."""
    text = (workspace.root / "mainstay.toml").read_text()
    part = re.search(r"(?m)^# \[budgets\].*(?:\n# .+)*", text)
    return "\n".join(line.removeprefix("# ") for line in part[0].splitlines())


@pytest.mark.parametrize("which", ["docs", "template"])
def test_g6_each_budget_of_the_examples_counts_something_that_can_leave(workspace, which):
    found = entries(EXAMPLE if which == "docs" else template(workspace))
    assert len(found) >= 2
    known = contracts_to_read(workspace)
    check_names(all_caps(found, {}), known.operations, known.agents, PLAYBOOKS)
    for cap in all_caps(found, {}):
        acts = [
            one for one in known.operations.values() if one.effect != "read" and cap.counts(one.name, PLAYBOOKS, "")
        ]
        models = any(name.startswith("model.") for name in cap.operations)
        assert acts or models, cap.name
        if money := set(cap.most) - {COUNT, TOKENS}:
            assert models or any("amount" in one.roles.values() for one in acts), (cap.name, money)


def test_g6_the_example_of_the_docs_is_taken_as_it_stands(workspace, world):
    path = workspace.root / "mainstay.toml"
    path.write_text(f"{path.read_text()}\n{EXAMPLE}")

    async def scenario(owner):
        return sorted(owner.budgets._caps, key=lambda cap: (cap.name, cap.period))

    caps = run(Workspace(workspace.root), world, scenario)
    assert {(cap.name, cap.period) for cap in caps} >= {("mail.send", "day"), ("bookings", "month"), ("models", "day")}
