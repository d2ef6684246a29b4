"""`mainstay policy allow QUESTION`: a rule by which questions like this one are not asked any more.

How the rule is made stands in `mainstay.views.allowing`. It is shown with all it would have changed so far; one yes
lets it hold, in `policies/allowed.yaml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli import policy as policies
from mainstay.cli.asking import ask
from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]


def allow(screen: Screen, folder: Path | None, name: str, *, same_receiver: bool, yes: bool) -> int:
    """Make the rule, show what it would change, and let it hold after a yes."""
    from mainstay.views.allowing import FILE, drafted

    workspace = workspace_at(folder)
    operations, book = policies.operations_of(workspace), policies.versions_of(workspace)
    made = drafted(workspace, book, operations, name, same_receiver=same_receiver)
    _draw(screen, FILE, made.rule, made.tried)
    for line in made.unasked:
        screen.err.print(text(line, "bold red"))
    if not yes and not screen.agreed("Let this rule hold?", "Nothing was changed", "Add --yes to let it hold."):
        return DONE
    done = ask(screen, workspace, "save_policy", made.asked)
    version: str = done["activated"][0]["digest"]
    document: Row = {"path": FILE, "version": version, "rule": made.rule, "written": done["written"]}
    screen.give(document, lambda console: console.print(text(f"{FILE} is written, and holds from now on.")))
    return DONE


def _draw(screen: Screen, file: str, rule: str, tried: Row) -> None:
    screen.err.print(text(f"{file} gets this rule:", "bold"))
    screen.err.print(text(rule, "green", lines=True))
    if tried["older"]:
        screen.err.print(text(f"On the last {tried['actions']:,} actions:", "dim"))
    policies.draw_changes(screen.err, tried)
    policies.draw_answers(screen.err, tried["answers"])
