"""`mainstay snooze` and `note`: what is said of a question without answering it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.cli.asking import ask
from mainstay.cli.place import views_at, workspace_at
from mainstay.cli.screen import moment
from mainstay.cli.status import DONE
from mainstay.errors import InputError
from mainstay.values import parse_duration_s

if TYPE_CHECKING:
    from pathlib import Path

    from mainstay.cli.screen import Screen


def snooze(screen: Screen, folder: Path | None, name: str, duration: str) -> int:
    """Put a question off: until then it is not among what waits."""
    try:
        seconds = parse_duration_s(duration)
    except ValueError as error:
        raise InputError(f"{error}.", remedy=f"Such as: mainstay snooze {name} 2h") from None
    decision = _open_question(folder, name)
    ask(screen, workspace_at(folder), "snooze", {"decision": decision, "seconds": seconds})
    with views_at(folder) as views:
        question = views.question(decision)
    screen.give(question, lambda _: None)
    until = moment(question["put_off_until"], question["timezone"])
    screen.say(f"Put off until {until}. You can answer it before: mainstay decide {decision}")
    return DONE


def note(screen: Screen, folder: Path | None, name: str, said: str) -> int:
    """Keep a note on a question's card."""
    decision = _open_question(folder, name)
    ask(screen, workspace_at(folder), "note", {"decision": decision, "text": said})
    with views_at(folder) as views:
        question = views.question(decision)
    screen.give(question, lambda _: None)
    screen.say(f"Noted. It stands on the card: mainstay decide {decision}")
    return DONE


def _open_question(folder: Path | None, name: str) -> str:
    with views_at(folder) as views:
        question = views.question(name)
    if not question["open"]:
        raise InputError(f"Question {question['decision']} is closed: {question['closed']}.")
    return question["decision"]
