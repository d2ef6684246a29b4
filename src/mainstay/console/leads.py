"""Sentences that name a command of the terminal, as a page says them: where it has the same, a link stands instead.

What is asked has one wording for pages and terminals, with the command at its end or in brackets. A command with more
to it than these stays as it is, and so does all of a text that speaks of a terminal: there the page has no such thing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markupsafe import Markup

_PLAN = r"(?P<{}>[a-z0-9]+(?:-[a-z0-9]+)*)"
_FILE = r"{}/(?P<{}>[A-Za-z0-9_-]+)\.yaml"
_ENDS = r"(?=[.,;)`](?:\s|$)|[`)]|\s*$|\n)"  # nothing more belongs to the command


class _Lead(NamedTuple):
    """A command, where its page is, and what is written for it."""

    command: str
    path: str
    says: str


_LEADS = (
    _Lead("inbox", "/", "the inbox"),
    _Lead("plans", "/plans", "Plans"),
    _Lead("stuck", "/stuck", "Stuck"),
    _Lead("budget", "/budgets", "Budgets"),
    _Lead("policy list", "/policies", "Policies"),
    _Lead("playbook list", "/playbooks", "Playbooks"),
    _Lead("memory list", "/memory", "Memory"),
    _Lead(rf"show {_PLAN.format('show')}", "/plans/{}", "its page"),
    _Lead(rf"cancel {_PLAN.format('cancel')}", "/plans/{}", "end it on its page"),
    _Lead(rf"undo {_PLAN.format('undo')}", "/plans/{}/undo", "what an undo takes back"),
    _Lead(rf"rerun {_PLAN.format('rerun')}", "/plans/{}/rerun", "run it again"),
    _Lead(r"decide (?P<decide>[a-z0-9-]+\.[0-9]+)", "/questions/{}", "its question"),
    _Lead(f"diff {_FILE.format('playbooks', 'diff')}", "/playbooks/{}/diff", "what differs"),
    _Lead(f"activate {_FILE.format('playbooks', 'activate')}", "/playbooks/{}/activate", "look, and let it run"),
    _Lead(f"activate {_FILE.format('policies', 'hold')}", "/policies/{}", "look, and let it hold"),
    _Lead(f"revert {_FILE.format('playbooks', 'playbook')}", "/playbooks/{}", "its versions"),
    _Lead(f"revert {_FILE.format('policies', 'policy')}", "/policies/{}", "its versions"),
)
_ANY = re.compile(
    r"`?mainstay (?:" + "|".join(f"(?P<at{at}>{one.command})" for at, one in enumerate(_LEADS)) + rf"){_ENDS}`?"
)


def leads(text: str) -> Markup:
    """Give a text, made plain before, with links in the place of the commands that have a page."""
    from markupsafe import Markup, escape

    if "terminal" in text:
        return escape(text)
    made, end = Markup(), 0
    for found in _ANY.finditer(text):
        at = next(at for at in range(len(_LEADS)) if found[f"at{at}"])
        name = next((one for key, one in found.groupdict().items() if one and not re.fullmatch(r"at\d+", key)), "")
        link = Markup('<a href="{}">{}</a>').format(_LEADS[at].path.format(name), _LEADS[at].says)
        made += escape(text[end : found.start()]) + link
        end = found.end()
    return made + escape(text[end:])
