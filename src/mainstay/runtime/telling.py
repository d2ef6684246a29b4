"""Sentences in facts name nobody: what went wrong, why, how it is known (KERNEL L3).

Such a sentence stands in the history as it is, on screens and in lists; what it is about stands beside it, sealed. So
names, accounts, addresses and other personal texts that are known here are taken out of it before it is recorded: those
of the action it speaks of, and those met lately.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mainstay import commands as c
from mainstay.contracts import marks_in
from mainstay.values import Failure, Sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mainstay.kernel.state import Plan
    from mainstay.runtime.payloads import Payloads

SOMEBODY = "[name]"
FILE = "[file]"  # the name of a file can name somebody; it stands beside the sentence, with the arguments
TEXT_CHARS = (3, 200)  # a personal text is looked for when it has at least and at most so many characters

# The sentences of commands. A failure has two.
_SENTENCES: dict[type[c.Command], tuple[str, ...]] = {
    c.AskConfirm: ("why",),
    c.AskSettle: ("why",),
    c.CancelPlan: ("reason",),
    c.FailStep: ("failure",),
    c.FinishEffect: ("settled", "cannot_undo"),
    c.FinishStep: ("rationale",),
    c.LoseEffect: ("failure",),
    c.NoteQuestion: ("text",),
    c.RefuseEffect: ("failure",),
    c.Rule: ("reason",),
    c.SettleAbsent: ("how",),
    c.UndoPlan: ("reason",),
    c.UndoStep: ("why",),
}


def told(command: c.PlanCommand, plan_id: str, plan_of: Callable[[str], Plan], payloads: Payloads) -> c.PlanCommand:
    """Give a command with nobody named in its sentences; the very same when there is none, or nobody in it."""
    names = _SENTENCES.get(type(command))
    if names is None:
        return command
    for name in names:
        if getattr(command, name):
            break
    else:
        return command
    plan = plan_of(plan_id)
    if payloads.sealer is None or not payloads.is_personal(plan):
        return command
    said = "\n".join(_sentence(getattr(command, name)) for name in names)
    texts = sorted(_found(said, _texts(command, plan, payloads)), key=len, reverse=True)
    if not texts:
        return command
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in texts))
    slot = plan.slots.get(getattr(command, "path", ""))
    files = set(_files(payloads.stored(slot.arguments), payloads)) if slot is not None else set[str]()
    changes: dict[str, Any] = {name: _without(getattr(command, name), pattern, files) for name in names}
    return msgspec.structs.replace(command, **changes)


def _texts(command: c.PlanCommand, plan: Plan, payloads: Payloads) -> Iterable[str]:
    """Give the personal texts that a sentence may hold."""
    assert payloads.sealer is not None
    yield from payloads.sealer.known
    slot = plan.slots.get(getattr(command, "path", ""))
    for mark in marks_in(payloads.stored(slot.arguments)) if slot is not None else ():
        if isinstance(mark, Sealed):
            yield str(payloads.load(mark))


def _files(value: object, payloads: Payloads) -> Iterable[str]:
    """Give the sealed names of the files in a stored value."""
    if isinstance(value, (list, tuple)):
        for item in cast("Iterable[object]", value):
            yield from _files(item, payloads)
    elif isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        if fields.keys() == {"name", "blob"} and isinstance(fields["name"], Sealed):
            yield str(payloads.load(fields["name"]))
        for item in fields.values():
            yield from _files(item, payloads)


def _found(said: str, texts: Iterable[str]) -> set[str]:
    least, most = TEXT_CHARS
    return {text for text in texts if least <= len(text) <= most and text in said}


def _sentence(value: str | Failure) -> str:
    return f"{value.message}\n{value.remedy}" if isinstance(value, Failure) else value


def _without(value: str | Failure, names: re.Pattern[str], files: set[str]) -> str | Failure:
    def instead(found: re.Match[str]) -> str:
        return FILE if found[0] in files else SOMEBODY

    if isinstance(value, Failure):
        message, remedy = names.sub(instead, value.message), names.sub(instead, value.remedy)
        return msgspec.structs.replace(value, message=message, remedy=remedy)
    return names.sub(instead, value)
