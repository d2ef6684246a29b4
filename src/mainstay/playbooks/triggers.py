"""Reads `on:`: what starts a plan without being asked - a schedule, an event, a file in a folder."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mainstay.kernel.graph import Cel, Literally, Record, Sequence, Template, Trigger
from mainstay.playbooks.awaiting import check_event
from mainstay.playbooks.format import Listing, Mapping, Node, Scalar
from mainstay.playbooks.order import names_used
from mainstay.records import EVENTS
from mainstay.runtime.types import ANY, BOOL, nearest, parse_type

if TYPE_CHECKING:
    from collections.abc import Sequence as AnySequence

    from mainstay.kernel.graph import Input
    from mainstay.playbooks.fit import Fitter
    from mainstay.playbooks.keys import Keys
    from mainstay.playbooks.order import Order
    from mainstay.playbooks.templates import Draft, Drafts
    from mainstay.runtime.types import Type, Vocabulary

KINDS = ("cron", "event", "folder")
KEYS = (*KINDS, "where", "with")
EXAMPLE = '{cron: "0 8 * * MON"}, {event: mail.received} or {folder: inbox/bank}'
FILE_EVENT = "file.received"
# minute, hour, day, month, weekday: least, most, names
_CRON = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()),
    ("weekday", 0, 7, "SUN MON TUE WED THU FRI SAT".split()),
)


class TriggerDraft:
    """One trigger before its names were looked at."""

    def __init__(self, kind: Scalar, value: Scalar) -> None:
        self.kind = kind.text
        self.key = kind
        self.value = value
        self.where: Draft | None = None
        self.arguments: Draft | None = None


class Triggers:
    """Reads and makes the triggers of one playbook."""

    def __init__(self, keys: Keys, drafts: Drafts, vocabulary: Vocabulary) -> None:
        self._keys = keys
        self._report = keys.report
        self._drafts = drafts
        self._vocabulary = vocabulary

    def read(self, node: Node | None) -> list[TriggerDraft]:
        """Read one trigger or a list of them."""
        items = node.items if isinstance(node, Listing) else [node] if node is not None else []
        found = [self._one(item) for item in items]
        return [trigger for trigger in found if trigger is not None]

    def _one(self, node: Node) -> TriggerDraft | None:
        kinds = [kind for kind in KINDS if isinstance(node, Mapping) and kind in node.keys]
        if not isinstance(node, Mapping) or len(kinds) != 1:
            wrong = [name for name in node.keys if name not in KEYS] if isinstance(node, Mapping) else []
            if isinstance(node, Mapping) and wrong:
                self._keys.known(node, KEYS, "of 'on'")
            else:
                self._report.add(node.place, f"'on' needs {EXAMPLE}")
            return None
        kind = kinds[0]
        known = {"cron": (kind, "with"), "event": (kind, "where", "with"), "folder": (kind, "where", "with")}[kind]
        self._keys.known(node, known, f"of 'on: {{{kind}}}'")
        value = self._keys.scalar(node, kind)
        if value is None:
            return None
        trigger = TriggerDraft(node.keys[kind], value)
        if (where := self._keys.scalar(node, "where")) is not None and kind != "cron":
            draft = self._drafts.template(self._keys.uncut(where))
            trigger.where = draft if draft.kind == "expression" else None
            if not where.text.startswith("="):
                self._drafts.refuse_plain("where", where)
        given = self._keys.fields(node, "with", '{statement: "= event.file"}')
        trigger.arguments = self._drafts.template(given) if given is not None else None
        return trigger

    def build(
        self, trigger: TriggerDraft, fitter: Fitter, order: Order, inputs: tuple[Input, ...], event: Type
    ) -> Trigger:
        """Make one trigger; `event` is the type of its event."""
        own = {"event": event} if trigger.kind != "cron" else {}
        if trigger.kind == "event":
            check_event(trigger.value, self._report)
        elif trigger.kind == "cron":
            check_cron(trigger.value, self._keys)
        else:
            self._folder(trigger.value)
        for draft in (trigger.where, trigger.arguments):
            if draft is not None:
                self._no_steps(draft, order)
        where = None if trigger.where is None else fitter.cel(trigger.where, BOOL, own, "'where'")
        return Trigger(
            event=trigger.value.text if trigger.kind == "event" else FILE_EVENT if trigger.kind == "folder" else "",
            where=where,
            folder=str(PurePosixPath(trigger.value.text)) if trigger.kind == "folder" else "",
            cron=trigger.value.text if trigger.kind == "cron" else "",
            arguments=self._arguments(trigger, fitter, inputs, own),
        )

    def event(self, trigger: TriggerDraft) -> Type:
        """Give what `event` is for a trigger."""
        struct = EVENTS.get(FILE_EVENT if trigger.kind == "folder" else trigger.value.text)
        return ANY if struct is None or trigger.kind == "cron" else self._vocabulary.of(struct)

    def _arguments(
        self, trigger: TriggerDraft, fitter: Fitter, inputs: tuple[Input, ...], own: dict[str, Type]
    ) -> Record:
        declared = {one.name: one for one in inputs}
        made: dict[str, Template] = {}
        given = trigger.arguments
        for name, draft in given.fields.items() if given else ():
            assert given is not None
            assert isinstance(given.node, Mapping)
            if name in declared:
                made[name] = fitter.fit(draft, parse_type(declared[name].type), own, f"{name!r}")
            else:
                message = f"the playbook has no input {name!r}{nearest(name, declared)}"
                self._report.add(given.node.keys[name].place, message)
        left = [one for one in inputs if one.name not in made and one.required]
        if trigger.kind == "folder" and len(left) == 1 and given is None and left[0].type in ("file", "list(file)"):
            one = left.pop()
            made[one.name] = _the_file(one, own["event"])
        for one in left:
            hint = f'add with: {{{one.name}: "= event..."}}, or a default to the input'
            hint = "give the input a default" if trigger.kind == "cron" else hint
            self._report.add(trigger.key.place, f"nobody gives {one.name!r} when it starts by itself; {hint}")
        for one in inputs:
            if one.name not in made and one.default is not None:
                made[one.name] = Literally(one.default)
        return Record(made)

    def _no_steps(self, draft: Draft, order: Order) -> None:
        """Refuse what is known only when the plan has begun."""
        first = next(iter(draft.expressions()), None)
        for name in sorted(names_used([draft], order.lets) & {*order.steps, "inputs"}) if first else ():
            assert first is not None
            self._report.add(first.place(), f"the plan has not started here, so there is no {name!r} yet")

    def _folder(self, scalar: Scalar) -> None:
        path = PurePosixPath(scalar.text)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] in ((), (".mainstay",), (".git",)):
            message = f"{scalar.text!r} is no folder of the workspace, such as inbox/bank"
            self._report.add(scalar.place, message)


def _the_file(one: Input, event: Type) -> Template:
    cel = Cel("event.file", ("event",), ("event.file",), (("event", str(event)),))
    return Sequence((cel,)) if one.type == "list(file)" else cel


def check_cron(scalar: Scalar, keys: Keys) -> None:
    """Refuse a schedule that can't be read: five fields of numbers, names, ranges, lists and steps."""
    fields = scalar.text.split()
    if len(fields) != len(_CRON):
        message = f'{scalar.text!r} is no schedule: minute hour day month weekday, such as "0 8 * * MON"'
        keys.report.add(scalar.place, message)
        return
    for text, (what, least, most, names) in zip(fields, _CRON, strict=True):
        if not all(_cron_part(part, least, most, names) for part in text.split(",")):
            named = f" or {names[0]}-{names[-1]}" if names else ""
            keys.report.add(scalar.place, f"{text!r} is no {what} of a schedule: {least}-{most}{named}, *, 1-5, */2")


def _cron_part(text: str, least: int, most: int, names: AnySequence[str]) -> bool:
    span, slash, step = text.partition("/")
    if slash and (re.fullmatch(r"[1-9]\d?", step, re.ASCII) is None):
        return False
    if span == "*":
        return True
    ends = [_cron_number(end, names) for end in span.split("-")]
    if len(ends) > 2 or any(end is None or not least <= end <= most for end in ends):  # noqa: PLR2004
        return False
    return len(ends) == 1 or (ends[0] or 0) <= (ends[1] or 0)


def _cron_number(text: str, names: AnySequence[str]) -> int | None:
    if text.upper() in names:
        return list(names).index(text.upper()) + (1 if "JAN" in names else 0)
    return int(text) if re.fullmatch(r"\d{1,2}", text, re.ASCII) else None
