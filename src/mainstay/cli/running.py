"""`mainstay run`: start a playbook, follow it, and ask its questions where somebody sits there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.answering import answer_all
from mainstay.cli.asking import ask, say_standing, status_of
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import Screen, plain, text
from mainstay.cli.status import DONE, FAILED
from mainstay.cli.versions import activate_to_run
from mainstay.values import say_count, say_duration

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from rich.console import Console

    from mainstay.kernel.graph import Definition
    from mainstay.playbooks.explain import DryRun, DryStep
    from mainstay.runtime.catalogue import Contracts
    from mainstay.values import Value
    from mainstay.workspace import Workspace

Row: TypeAlias = dict[str, Any]
MINUTE_S = 60


def run(
    screen: Screen, folder: Path | None, name: str, inputs: Sequence[str], *, dry: bool, how: Row | None = None
) -> int:
    """Run a playbook to its end or its first question; `how`: to `hold` or `ask_first`, its priority."""
    workspace = workspace_at(folder)
    if not dry and not activate_to_run(screen, workspace, name):
        return FAILED
    definition, contracts = _compile(workspace, name, dry=dry)
    given, inputs = inputs, _spread(definition, inputs)
    if dry:
        return _dry_run(screen, workspace, definition, contracts, inputs)
    files = read_files(definition, inputs, set(inputs) - set(given))
    params = {"playbook": name, "inputs": list(inputs), "files": files, "folder": str(Path.cwd()), **(how or {})}
    standing = ask(screen, workspace, "run", params)
    if screen.interactive:
        standing = answer_all(screen, workspace, standing)
    screen.give(standing, lambda _: say_standing(screen, standing))
    return status_of(standing)


def _compile(workspace: Workspace, name: str, *, dry: bool) -> tuple[Definition, Contracts]:
    """Compile what will run: of the operator's own what is active. A dry run shows what the file says now."""
    from mainstay.app import contracts_to_read, versions_to_read
    from mainstay.playbooks.shelf import open_playbook, open_to_run
    from mainstay.playbooks.versions import OwnPlaybooks

    contracts = contracts_to_read(workspace)
    if dry and "@" not in name:
        return open_playbook(workspace.root, name, contracts), contracts
    own = OwnPlaybooks(versions_to_read(workspace), workspace.root)
    return open_to_run(workspace.root, name, contracts, own, by_hand=True), contracts


def _spread(definition: Definition, inputs: Sequence[str]) -> list[str]:
    from mainstay.playbooks.inputs import spread_folders
    from mainstay.requests.files import files_at

    return spread_folders(definition, inputs, lambda path: [str(file) for file in files_at(Path(path))])


def read_files(
    definition: Definition, inputs: Sequence[str], found: Container[str] = (), *, partly: bool = False
) -> dict[str, bytes]:
    """Check the inputs and read the files they name: the owner may run elsewhere, and later. Raises InputError.

    `found` are those that stand in a folder: an empty one of these is for its reader to name.
    """
    from mainstay.playbooks.inputs import read_inputs
    from mainstay.requests.files import file_content

    files: dict[str, bytes] = {}

    def pin(path: str) -> Value:
        listed = any(f"{one.name}={path}" in found for one in definition.inputs)
        files[path] = file_content(Path(path), empty=listed)
        return None

    read_inputs(definition, inputs, pin, partly=partly)
    return files


def _dry_run(
    screen: Screen, workspace: Workspace, definition: Definition, contracts: Contracts, inputs: Sequence[str]
) -> int:
    from mainstay.playbooks.explain import dry_run

    if inputs:
        read_files(definition, inputs)
    found = dry_run(definition, contracts)
    with views_at(workspace.root) as views:
        past = views.past_runs(definition.name)
    screen.give({**plain(found), "past_runs": past}, lambda console: _draw(definition, found, past, console))
    return DONE


def _draw(definition: Definition, found: DryRun, past: Row, console: Console) -> None:
    console.print(text(definition.title, "bold"))
    console.print("A dry run: nothing is started, and nothing is touched.")
    for number, wave in enumerate(found.waves, 1):
        together = " (side by side)" if len(wave) > 1 else ""
        console.print(text(f"\nStep {number}{together}", "bold", lines=True))
        for step in wave:
            _draw_step(step, console)
    console.print(
        text(f"\nQuestions: {', '.join(step.name for step in found.questions) or 'none of its own'}", lines=True)
    )
    console.print(text(f"Can't be undone: {', '.join(step.name for step in found.final) or 'nothing'}"))
    cost = sum(step.cost_usd_micros for step in definition_steps(found))
    console.print(text(f"Estimated cost: {cost / 1e6:.2f} USD and more for lists" if cost else "Estimated cost: none"))
    if past["runs"]:
        took_s, spent = past["took_s"], past["cost_usd_micros"] / 1e6
        took = say_count(round(took_s), "second") if took_s < 2 * MINUTE_S else f"{took_s / MINUTE_S:.0f} minutes"
        last = "last run" if past["runs"] == 1 else f"last {past['runs']} runs"
        console.print(text(f"Its {last} took {took} (with waiting) and {spent:.2f} USD (medians)."))


def definition_steps(found: DryRun) -> list[DryStep]:
    """Give all steps, in order."""
    return [step for wave in found.waves for step in wave]


def _draw_step(step: DryStep, console: Console) -> None:
    each = "for each of a list: " if step.per_item else ""
    only = f"only if {' or '.join(step.way_out_of)} failed: " if step.way_out_of else ""
    limit = "waits for you or a time" if step.waits else "as long as its steps take"
    limit = limit if step.at_most_s is None else f"at most {say_duration(round(step.at_most_s))}"
    console.print(text(f"  {step.name}: {only}{each}{step.action}"))
    console.print(text(f"      {limit}{' each' if step.per_item and step.at_most_s else ''}", "dim"))
    if step.question and step.question not in step.action:  # a step that asks says it in what it does
        asks = f"asks you only for what departs from what you approved in {step.covered}" if step.covered else ""
        console.print(text(f"      {asks or f'asks you: {step.question}'}", "yellow"))
    if step.cannot_undo:
        console.print(text(f"      can't be undone: {step.cannot_undo}", "red"))
