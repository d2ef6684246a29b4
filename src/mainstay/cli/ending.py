"""How a command ends: the exit status, and what is said of an error (requirement O11).

0 done, 1 failed, 2 usage or wrong input, 3 waits for a decision; 130 when it was interrupted. An error is two
lines on stderr: what happened, and what to do next. With --json the same stands in one document on stdout.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from typing import TYPE_CHECKING

import typer

from mainstay.cli.status import DONE, FAILED, INTERRUPTED, WRONG
from mainstay.errors import InputError, MainstayError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEANT = " Did you mean "
_MEANS = {  # what others call it
    **dict.fromkeys(("questions", "question", "tasks", "todo", "approvals", "pending"), "inbox"),
    **dict.fromkeys(("people", "person", "customers"), "forget NAME"),
    "versions": "diff NAME", "version": "--version",
    **dict.fromkeys(("approve", "reject", "answer"), "decide QUESTION"),
    **dict.fromkeys(("status", "list", "ps", "jobs", "runs"), "plans"),
    **dict.fromkeys(("log", "logs", "audit"), "history tail"),
    "playbooks": "playbook list", "explain": "playbook explain NAME",
    **dict.fromkeys(("receipt", "receipts"), "show PLAN --receipt"),
    **dict.fromkeys(("stop", "abort", "kill"), "cancel PLAN"),
    **dict.fromkeys(("retry", "errors", "failed"), "stuck"),
    **dict.fromkeys(("verify", "check"), "history verify"),
    "import": "history import FILE", "export": "history export", "release": "history release",
    "playbook activate": "activate", "playbook run": "run", "playbook diff": "diff", "playbook revert": "revert",
    "serve": "start", "new": "init",
}  # fmt: skip
_NEAR = 0.7  # of difflib's ratio: 'histroy' is near 'history', and not 'try'


def run(arguments: Sequence[str]) -> int:
    """Run a command and give its exit status; every error ends here."""
    from mainstay.cli.commands import app

    as_json = "--json" in arguments
    try:
        return app(list(arguments), prog_name="mainstay", standalone_mode=False) or DONE
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a command that needs more was given alone: that asks for help
            typer.echo(error.format_message())
            return DONE
        return _say("usage", _near(error), _next(error), WRONG, as_json=as_json)
    except MainstayError as error:
        status = WRONG if isinstance(error, InputError) else FAILED
        return _say(type(error).__name__, error.message, error.remedy, status, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _leave_pipe()
    except Exception as error:
        if os.environ.get("MAINSTAY_DEBUG"):
            raise
        message = f"Something is wrong in Mainstay itself: {type(error).__name__}: {error}"
        remedy = "What was recorded is safe. Run it again with MAINSTAY_DEBUG=1 to see where, and report that."
        return _say("bug", message, remedy, FAILED, as_json=as_json)


def _near(error: typer.TyperException) -> str:
    """Give what is wrong; of names to try instead only those that are near what was typed."""
    message = error.format_message()
    head, mark, names = message.partition(_MEANT)
    typed = head.partition("'")[2].partition("'")[0]
    if not mark or not head.startswith("No such command"):
        return message
    near = difflib.get_close_matches(typed, re.findall(r"'([^']+)'", names), n=3, cutoff=_NEAR)
    return f"{head}{mark}{', '.join(map(repr, near))}?" if near else head


def _next(error: typer.TyperException) -> str:
    """Say where to look: at what is meant by a word that others use, else at the help of the command."""
    path = _path_of(error)
    typed = error.format_message().partition("No such command '")[2].partition("'")[0]
    meant = _MEANS.get(f"{path} {typed}".removeprefix("mainstay ")) if typed else None
    return f"Here that is: mainstay {meant}" if meant else f"See: {path} --help"


def _path_of(error: typer.TyperException) -> str:
    """Name the command that was misused, as far as it was understood."""
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else "mainstay"


def _say(kind: str, message: str, remedy: str, status: int, *, as_json: bool) -> int:
    from mainstay.cli.screen import Screen, text

    screen = Screen(as_json=as_json)
    if as_json:
        screen.give({"error": {"kind": kind, "message": message, "remedy": remedy}}, lambda _: None)
    screen.err.print(text("Error: ", "bold red").append_text(text(message, lines=True)))
    if remedy:
        screen.err.print(text("Next:  ", "bold").append_text(text(remedy, lines=True)))
    return status


def _leave_pipe() -> int:
    """Whoever read our output has seen enough; keep Python from complaining when it closes stdout."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return DONE
