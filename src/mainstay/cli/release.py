"""`mainstay history release`: what may have happened since this history was copied, and your word on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.cli.asking import ask
from mainstay.cli.place import workspace_at
from mainstay.cli.screen import text
from mainstay.cli.status import DONE, WAITS
from mainstay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from mainstay.cli.screen import Screen

Row: TypeAlias = dict[str, Any]
ANSWERS = ("happened", "did-not-happen", "run")
_HOW = "PLAN/ACTION=ANSWER for one, PLAN=cancel to end a plan, --all ANSWER for the rest"


def release(screen: Screen, folder: Path | None, answers: Sequence[str], *, for_all: str, yes: bool) -> int:
    """Show what is in doubt; with answers, or at a terminal, let work go on."""
    from mainstay.app import contracts_to_read
    from mainstay.views import Views

    workspace = workspace_at(folder)
    params = _params(answers, for_all)
    with Views(workspace) as views, screen.err.status("Looking at what may have happened"):
        reason = views.held() or views.moved()
        found: Row = {"reason": reason, "plans": views.in_doubt(contracts_to_read(workspace)) if reason else []}
    if not found["reason"]:
        screen.give(found, lambda _: screen.say("Nothing is held: work goes on in this workspace."))
        return DONE
    if yes and not answers and not for_all:
        if open_ := [one for plan in found["plans"] for one in plan["actions"] if one["needs_answer"]]:
            raise InputError(
                f"--yes answers for no action, and {len(open_)} need your word.", remedy=f"Answer with {_HOW}."
            )
    elif not answers and not for_all:
        if not screen.interactive:
            screen.give(found, lambda console: _draw(found, console))
            return WAITS
        _draw(found, screen.out)
        asked = _ask_all(screen, found)
        if asked is None:
            return WAITS
        params = asked
    done = ask(screen, workspace, "release", params)
    screen.give(done, lambda console: _draw_released(done, console))
    return DONE


def _params(answers: Sequence[str], for_all: str) -> Row:
    """Read "PLAN/ACTION=ANSWER" and "PLAN=cancel"."""
    found: dict[str, str] = {}
    cancel: list[str] = []
    for given in answers:
        name, mark, answer = given.rpartition("=")
        if not mark or not name:
            raise InputError(f"'{given}' says nothing.", remedy=f"Answer with {_HOW}.")
        if answer == "cancel":
            cancel.append(name)
        else:
            found[name] = _answer(answer)
    return {"answers": found, "cancel": cancel, "all": _answer(for_all) if for_all else ""}


def _answer(given: str) -> str:
    if given.replace("_", "-") not in ANSWERS:
        raise InputError(f"'{given}' is no answer.", remedy=f"Answer one of: {', '.join(ANSWERS)}.")
    return given.replace("-", "_")


def _draw(found: Row, console: Console) -> None:
    console.print(text(f"All work is stopped: {found['reason']}.", "bold red"))
    needed = any(action["needs_answer"] for plan in found["plans"] for action in plan["actions"])
    console.print("What happened after this copy was made is not in this history.")
    if needed:
        console.print("So say of each action what you know of it; nothing is done before you did.")
        console.print("Your mailbox, your bank and your folders tell.")
    for plan in found["plans"]:
        _draw_plan(plan, console)
    if needed:
        console.print(text(f"\nNext: mainstay history release {_HOW}", "bold", lines=True))
        console.print(text(f"      ANSWER is one of: {', '.join(ANSWERS)}", "dim"))
    else:
        console.print("\nNo action needs your word.")
        console.print(text("Next: mainstay history release --yes", "bold"))
        if found["plans"]:
            console.print(text("      PLAN=cancel, before that, ends a plan instead", "dim"))


def _draw_plan(plan: Row, console: Console) -> None:
    console.print(text(f"\n{plan['title']} ({plan['plan']})", "bold", lines=True))
    for action in plan["actions"]:
        console.print(text(f"  {action['headline']}", "yellow" if action["needs_answer"] else ""))
        console.print(text(f"      {action['name']}: {action['says']}", "dim"))
        if action["run"]:
            console.print(text(f"      run: {action['run']}", "dim"))
    if plan["later"]:
        console.print(text(f"  Still to come, unless it came since: {', '.join(plan['later'])}", "dim"))


def _ask_all(screen: Screen, found: Row) -> Row | None:
    """Ask about each action, then once for all; None when it is left as it is."""
    answers: dict[str, str] = {}
    try:
        for plan in found["plans"]:
            for action in (one for one in plan["actions"] if one["needs_answer"]):
                screen.err.print(text(f"{action['headline']} ({action['name']})", "bold"))
                answers[action["name"]] = _answer(_choose(screen, "Your answer", ANSWERS))
        if _choose(screen, "Let work go on in this workspace", ("yes", "no")) == "yes":
            return {"answers": answers, "cancel": [], "all": ""}
    except (EOFError, KeyboardInterrupt):
        screen.err.print()
    screen.err.print("All work stays stopped; nothing you said was taken.")
    return None


def _choose(screen: Screen, prompt: str, choices: Sequence[str]) -> str:
    while True:
        given = screen.err.input(text(f"{prompt} ({', '.join(choices)}): ", "bold")).strip().lower()
        found = [choice for choice in choices if given and choice.startswith(given)]
        if len(found) == 1:
            return found[0]
        screen.err.print(text(f"Please answer one of: {', '.join(choices)}."))


def _draw_released(done: Row, console: Console) -> None:
    told = {0: "no action was in doubt", 1: "you answered for 1 action"}
    said = told.get(done["released"], f"you answered for {done['released']} actions")
    console.print(text(f"Work goes on: {said}.", "bold"))
    for plan in done["cancelled"]:
        console.print(text(f"Plan {plan} was ended; what it did stays. To take it back: mainstay undo {plan}"))
    console.print(text("Next: mainstay inbox", "cyan"))
    console.print(text("      mainstay start", "cyan"))
