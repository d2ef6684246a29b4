"""What mainstay.toml says, section by section, with what each line means: to read; it is changed in the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from mainstay.config import CONFIG_NAME, Config, Notify
from mainstay.governance.addresses import say_place
from mainstay.said import say_value
from mainstay.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mainstay.views.opening import Row

# By section: its title, what it is about, and what its lines mean; of a section of the operator's own names the last.
SECTIONS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "company": ("Your company", "Who you are, on what leaves.", {
        "name": "its name", "timezone": "for days and hours", "currency": "of files that name none",
        "address": "on invoices", "vat_id": "on invoices", "iban": "on invoices"}),
    "limits": ("At once", "How many of the same may be under way at a time, over all plans; others wait.", {}),
    "delays": ("Delays", "What you approved leaves only after so long, or in hours named below.", {}),
    "windows": ("Hours", "Hours in which what can wait leaves.", {}),
    "budgets": ("Budgets", "The most that may happen, whatever is approved.", {}),
    "questions": ("Questions", "How long a question of a policy waits.", {
        "remind": "you are reminded after so long", "escalate": "unanswered for so long it comes before all others",
        "due": "no answer within this means no; without it the question waits"}),
    "attention": ("Interruptions", "How often you are told something unasked.", {
        "per_day": "at most so often a day; the rest waits for the summary", "summary": "time of the daily summary",
        "after": "what you answer within this interrupts nobody"}),
    "notify": ("Messages to you", "Where you are told it, besides the screen of mainstay start.", {
        "mail": "your address", "command": "a program that is given the text",
        "to": "places outside, by names of yours", "say": "whether amounts and names are told there",
        "links": "those whose message lets its reader answer"}),
    "mail": ("Mail", "The account mails leave from.", {
        "sender": "whom they come from", "folder": "where they are kept", "reply_to": "where answers go",
        "rate_per_minute": "so many a minute at most", "auto_submitted": "mails say that a program wrote them",
        "smtp": "the server that sends them"}),
    "files": ("Folders", "Further folders that playbooks may read.", {"folders": "by the names playbooks use"}),
    "downtime": ("After a stop", "After Mainstay stood still, or the clock was set.", {
        "grace": "so long nothing overdue expires"}),
    "history": ("History", "How long all of a plan is at hand.", {
        "archive_after": "details of plans that ended longer ago are archived, and stay readable"}),
    "anchor": ("Anchors", "Where a line is kept against which your history can be proved.", {
        "file": "a file", "git": "a repository", "mail": "an address of yours"}),
    "workers": ("Agents' processes", "Where agents' code runs.", {
        "confinement": "whether agents run on a machine that can't confine their processes"}),
    "api": ("Console and tools", "Where browsers and tools reach Mainstay.", {
        "console": "pages for your browser", "enabled": "tools are served without a token made yet", "host": "address",
        "port": "0: one of its own, the same at each start", "names": "by which others call this machine",
        "certificate": "file", "key": "file",
        "address": "behind a proxy on this machine that encrypts"}),
    "bank": ("Bank files", "How the CSV files of your bank are read.", {"columns": "their names in your files"}),
    "invoices": ("Invoices", "How files of invoices are read, and how yours are numbered.", {
        "columns": "their names in your files", "seller": "invoices that name another one are none of yours",
        "prefix": "before the year", "credit_prefix": "of credit notes", "first": "number of the first one"}),
}  # fmt: skip


def settings(workspace: Workspace) -> Row:
    """Give all settings that hold, each with what it means, whether it is as it comes, and where it is changed.

    `changed` names sections in which the file says something else by now, `wrong` says why it can't be read.
    """
    changed, wrong = _changed(workspace)
    rows = [_section(name, workspace.config) for name in SECTIONS]
    return {"file": str(workspace.root / CONFIG_NAME), "sections": rows, "changed": changed, "wrong": wrong}


def _section(name: str, config: Config) -> Row:
    title, about, means = SECTIONS[name]
    here = getattr(config, name)
    if isinstance(here, Notify):  # what stands in an address may let somebody in there
        here = msgspec.structs.replace(here, to={way: say_place(address) for way, address in here.to.items()})
    lines = list(_lines(here, getattr(Config(), name), means))
    return {"name": name, "title": title, "about": about, "lines": lines, "own": any(one["own"] for one in lines)}


def _lines(here: Any, usual: Any, means: Mapping[str, str]) -> Iterator[Row]:  # noqa: ANN401 - any section
    if isinstance(here, dict):
        for name, value in cast("dict[str, Any]", here).items():
            yield {"name": name, "value": _say(value), "means": "", "own": True}
        return
    for name in here.__struct_fields__:
        value, own = getattr(here, name), getattr(here, name) != getattr(usual, name)
        yield {"name": name, "value": _say(value), "means": means.get(name, ""), "own": own}


def _say(value: object) -> str:
    """Say a setting; a secret is only ever named in one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value in ("", (), {}, None):
        return "none"
    if isinstance(value, (str, int)):
        return str(value)
    return say_value(_filled(msgspec.to_builtins(value)))


def _filled(value: Any) -> Any:  # noqa: ANN401 - any setting
    """Leave out what is not set."""
    if isinstance(value, dict):
        found = {name: _filled(one) for name, one in cast("dict[str, Any]", value).items()}
        return {name: one for name, one in found.items() if one not in ("", None, [], (), {}, 0)}
    return value


def _changed(workspace: Workspace) -> tuple[list[str], str]:
    from mainstay.errors import MainstayError

    try:
        file = Workspace(workspace.root).config
    except MainstayError as error:
        return [], f"{error.message} {error.remedy}"
    return [name for name in SECTIONS if getattr(file, name) != getattr(workspace.config, name)], ""
