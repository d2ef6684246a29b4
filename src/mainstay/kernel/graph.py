"""The shape of a plan: steps, what each needs, and the order that follows.

A `Definition` is what a playbook compiles to: plain data, stored as a blob under its digest, so that a running
plan keeps the version it started with. Expressions stand in it as text; the kernel never evaluates them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

import msgspec

from mainstay.values import EffectClass, Value

MAX_ITEMS = 100  # KERNEL P2: a longer list becomes child plans
MAX_ITEMS_OF_PLAN = 100  # of all its lists together: a plan's history holds 2,000 facts (KERNEL L8)
DEFAULT_ATTEMPTS = 5
DEFAULT_AT_ONCE = 10

StepKind: TypeAlias = Literal["do", "agent", "ask", "wait", "playbook", "repeat"]
NeedKind: TypeAlias = Literal["done", "optional", "failed"]


class Literally(msgspec.Struct, frozen=True, tag="literal"):
    """A value that stands in the playbook as it is."""

    value: Value


class Cel(msgspec.Struct, frozen=True, tag="cel", omit_defaults=True):
    """An expression. `names` are the free names it uses; `paths` the dotted paths it reads, for labels.

    `scope` gives the types of names that only it knows, such as `item`: ("item", "record(match)").
    """

    source: str
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    scope: tuple[tuple[str, str], ...] = ()


class Text(msgspec.Struct, frozen=True, tag="text"):
    """Text with expressions inside, already split: literal and expression parts in order."""

    parts: tuple[Literally | Cel, ...]


class Record(msgspec.Struct, frozen=True, tag="record"):
    """A record whose fields are templates."""

    fields: dict[str, Template]


class Sequence(msgspec.Struct, frozen=True, tag="sequence"):
    """A list of templates."""

    items: tuple[Template, ...]


Template: TypeAlias = "Literally | Cel | Text | Record | Sequence"


class Need(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step another waits for: until it is done, until it ended in any way, or until it failed."""

    step: str
    kind: NeedKind = "done"


class Retry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Attempts in all, and the backoff between them: full jitter under min(cap, base * 2^n), seconds."""

    attempts: int = DEFAULT_ATTEMPTS
    base_s: float = 1.0
    cap_s: float = 300.0


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question of the process. Durations in seconds."""

    text: Text
    show: Cel | None = None
    options: tuple[str, ...] = ("approve", "reject")
    due_s: int | None = None
    remind_s: tuple[int, ...] = ()
    to: str = "operator"
    rejection_used: bool = False  # something uses the ruling, or needs this step optionally
    form: tuple[Input, ...] = ()  # a task: what the person fills in
    covers: tuple[str, ...] = ()  # steps whose actions a yes approves in one go (KERNEL E6)
    may_change: dict[str, Slack] = {}  # by argument of those steps: how far it may depart from what was shown
    escalate_s: int | None = None  # unanswered by then it comes before all others
    whole: bool = False  # it stands before all that a plan does, because the operator wanted to see that first


class Slack(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an argument may depart from the one that was shown: a time by seconds, a number or money by percent."""

    seconds: int | None = None
    percent: int | None = None


class Awaited(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that a step waits for.

    `field` and `value`: the part of `where` that says "this field of the event equals that": by it the few plans
    that an event may be meant for are found. `since` are the steps that `where` speaks of: an event counts from the
    first outcome of them on, also when it came before the wait began.
    """

    event: str  # "mail.received"
    where: Cel | None = None
    field: str = ""
    value: Cel | None = None
    since: tuple[str, ...] = ()


class Repeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """A feedback loop: the child playbook runs again until `until` holds, at most `max` times, `then` what is left."""

    until: Cel
    max: int
    then: Literal["ask", "skip", "undo", "accept"] = "ask"  # accept: the last round counts as it is


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Inputs that no plan is begun with: those for which `when` holds. `says` tells why, in words of the playbook."""

    when: Cel
    says: str


class Ending(msgspec.Struct, frozen=True, omit_defaults=True):
    """A business ending: the first whose `when` holds once all steps ended names the end, and what it takes back."""

    when: Cel
    name: str
    undo: tuple[str, ...] = ()


class Trigger(msgspec.Struct, frozen=True, omit_defaults=True):
    """What starts a plan by itself: a file in a folder, an event, or a schedule (local time of the company).

    `arguments` are the inputs of that plan, made of `event`; `where` says which events count. A folder's event is
    "file.received".
    """

    event: str = ""
    where: Cel | None = None
    folder: str = ""  # relative to the workspace
    cron: str = ""  # minute hour day month weekday
    arguments: Record = Record({})


class Compensate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A step's own way to be undone, instead of its operation's."""

    operation: str
    arguments: Record


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step, compiled. `target` is the operation or agent with the version it was compiled against."""

    name: str
    kind: StepKind
    target: str = ""
    version: str = ""
    effect: EffectClass | None = None
    where: Literal["loop", "worker"] = "loop"
    needs: tuple[Need, ...] = ()
    when: Cel | None = None
    each: Cel | None = None
    at_once: int = DEFAULT_AT_ONCE
    allow_failures_pct: int = 0
    arguments: Record = Record({})
    retry: Retry = Retry()
    timeout_s: float | None = None
    on_failure: Literal["ask", "skip", "undo", "step"] = "ask"
    way_out: str = ""  # the step that runs when this one failed; it needs this one with kind "failed"
    undo: Compensate | None = None
    check: Cel | None = None
    gate: Literal["", "each", "batch"] = ""
    checkpoint: bool = False
    parallel: bool = False
    account: str = ""
    ask: Ask | None = None
    until: Cel | None = None  # wait: for a time, or for an event at the latest
    item: str = ""  # type of one item of the list
    awaited: Awaited | None = None  # wait: for an event
    repeat: Repeat | None = None
    delay_s: int | None = None  # an approved effect leaves only then, and can be called back meanwhile
    revises: str = ""  # the agent's step whose work a question here is about, and that takes `feedback`


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a record type, and what it holds when a record leaves it out."""

    type: str
    default: Value = None


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """A declared input. `type` as the playbook writes it."""

    name: str
    type: str
    label: str = ""
    default: Value = None
    required: bool = True


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A compiled playbook. It holds the types of all names, so that its expressions mean the same for ever."""

    name: str
    title: str
    steps: tuple[Step, ...]
    inputs: tuple[Input, ...] = ()
    let: dict[str, Template] = {}
    returns: dict[str, Template] = {}
    expires_s: int | None = None
    source: str = ""  # the YAML it was made of
    types: dict[str, str] = {}  # every name an expression may use: "match" -> "record(match)"
    records: dict[str, dict[str, Field]] = {}  # the fields of the record types that `types` speaks of
    key: Cel | None = None  # one plan at a time per value of it
    limit: int | None = None  # so many plans of this playbook at a time
    priority: int = 0  # higher goes first
    end: tuple[Ending, ...] = ()
    playbooks: dict[str, Definition] = {}  # those that its steps run, by target: a plan keeps its versions of them all
    version: str = ""  # digest of the YAML and its templates, as `mainstay activate` names it
    on: tuple[Trigger, ...] = ()  # what starts a plan of it without being asked
    refuse: tuple[Refusal, ...] = ()  # inputs that it does not begin with
    ask_first: bool = False  # the operator approves such a plan as a whole: what no question covered asks


class Graph:
    """A definition with its edges both ways: built once per definition and shared by all its plans."""

    __slots__ = ("definition", "dependents", "ends", "fan_outs", "in_workers", "roots", "steps")

    def __init__(self, definition: Definition) -> None:
        """Index the steps; raises AssertionError on a need that names no step (the compiler's duty to refuse)."""
        self.definition = definition
        self.steps = {step.name: step for step in definition.steps}
        assert all(need.step in self.steps for step in definition.steps for need in step.needs)
        found: dict[str, list[str]] = {name: [] for name in self.steps}
        for step in definition.steps:
            for name in dict.fromkeys(need.step for need in step.needs):
                found[name].append(step.name)
        self.dependents = {name: tuple(names) for name, names in found.items()}
        self.fan_outs = tuple(step.name for step in definition.steps if step.each is not None)
        self.in_workers = any(step.where == "worker" for step in definition.steps)
        self.ends = bool(definition.returns or definition.end)
        self.roots = tuple(step.name for step in definition.steps if not step.needs)

    def order(self) -> list[list[str]]:
        """Give the steps in waves: each wave needs only earlier ones. Raises ValueError on a circle."""
        places = {name: at for at, name in enumerate(self.steps)}
        left = {name: len({need.step for need in step.needs}) for name, step in self.steps.items()}
        waves: list[list[str]] = []
        wave = [name for name, needs in left.items() if not needs]
        while wave:
            waves.append(wave)
            later: list[str] = []
            for name in (after for before in wave for after in self.dependents[before]):
                left[name] -= 1
                later += [name] * (not left[name])
            wave = sorted(later, key=places.__getitem__)
        if stuck := [name for name, needs in left.items() if needs]:
            msg = f"the steps {', '.join(stuck)} wait for each other"
            raise ValueError(msg)
        return waves


def chunk_of(definition: Definition, name: str) -> Definition:
    """Make the definition of a child plan that runs a part of a step's list.

    The child has that one step, fanning out over the given name `items`; the other names its expressions use are
    given to it, already resolved.
    """
    step = next(step for step in definition.steps if step.name == name)
    alone = msgspec.structs.replace(
        step, needs=(), when=None, each=Cel("items", names=("items",), paths=("items",)), way_out="", checkpoint=False
    )
    return Definition(
        name=definition.name,
        title=f"{definition.title}: a part of {name}",
        steps=(alone,),
        let=definition.let,
        types={**definition.types, "items": f"list({step.item or 'any'})"},
        records=definition.records,
        playbooks=definition.playbooks,
        version=definition.version,
        ask_first=definition.ask_first,
    )


def names_used(step: Step) -> set[str]:
    """The names a step's templates read, less those its own items and rounds bring."""
    brought = {"item", "index", "inputs", "today", "ready_at", "company", "this", "out", "last", "round"}
    return names_in(step.arguments, step.when, step.check, step.undo, step.repeat) - brought - {step.name}


def names_in(*nodes: object) -> set[str]:
    """The names that the expressions in parts of a definition use."""
    found: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, Cel):
            found.update(node.names)
        elif isinstance(node, msgspec.Struct):
            stack.extend(getattr(node, field) for field in node.__struct_fields__)
        elif isinstance(node, (tuple, list)):
            stack.extend(cast("list[object]", node))
        elif isinstance(node, dict):
            stack.extend(cast("dict[str, object]", node).values())
    return found
