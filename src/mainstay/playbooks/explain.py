"""Says in plain sentences what a playbook does, generated from what it does; and draws a dry run.

For a tired owner: what happens in which order, where you are asked, what can't be undone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import UnknownNameError
from mainstay.kernel.graph import Graph, Literally, Retry
from mainstay.playbooks.speech import (
    AFTER,
    and_,
    lower,
    name_of,
    or_,
    say,
    say_condition,
    say_input,
    say_template,
    say_text,
    sentence,
)
from mainstay.runtime.cron import say_schedule
from mainstay.values import EffectClass, say_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.contracts import Operation
    from mainstay.kernel.graph import Awaited, Definition, Need, Slack, Step, Trigger
    from mainstay.ports import Catalogue

STEP_LINE = re.compile(r"\d+\. (\w+): (.*)")  # a step among the lines that explain a playbook: its name, what it does
EVENT_NOUNS = {"mail.received": "the mail", "file.received": "the file", "plan.ended": "the plan"}
_AS_GIVEN = re.compile(r"ready_at \+ (inputs\.\w+)")  # a wait for as long as somebody gave
EVENT_WORDS = {"mail.received": "a mail arrives", "file.received": "a file arrives", "plan.ended": "a plan ends"}


class DryStep(msgspec.Struct, frozen=True):
    """One step of a dry run. Cost and time are per item where the step runs for each of a list."""

    name: str
    action: str  # one sentence
    needs: tuple[str, ...]
    effect: EffectClass | None
    question: str  # what you are asked, empty when nothing
    cannot_undo: str  # why, empty when it can be, or when there is nothing to undo
    check: str  # what its result must fulfil, beside what the agent promises by itself
    per_item: bool
    cost_usd_micros: int
    at_most_s: float | None  # None: waits for a person or a time
    acts: bool = False  # changes the world, itself or through the playbook it runs
    waits: bool = False  # for a person, a time or an event, itself or in the playbook it runs
    way_out_of: tuple[str, ...] = ()  # runs only if one of these failed
    covered: str = ""  # the question whose yes allows it too, as shown then


class DryRun(msgspec.Struct, frozen=True):
    """The waves in order: the steps of one wave may run side by side."""

    playbook: str
    waves: tuple[tuple[DryStep, ...], ...]

    @property
    def steps(self) -> tuple[DryStep, ...]:
        """All steps in order."""
        return tuple(step for wave in self.waves for step in wave)

    @property
    def questions(self) -> tuple[DryStep, ...]:
        """The steps that ask."""
        return tuple(step for step in self.steps if step.question and not step.covered)

    @property
    def final(self) -> tuple[DryStep, ...]:
        """The steps whose effect can't be undone."""
        return tuple(step for step in self.steps if step.cannot_undo)


def dry_run(definition: Definition, catalogue: Catalogue) -> DryRun:
    """Give what would run, in order, without running anything."""
    graph = Graph(definition)
    waves = tuple(tuple(_dry_step(graph.steps[name], definition, catalogue) for name in wave) for wave in graph.order())
    return DryRun(definition.name, waves)


def explain(definition: Definition, catalogue: Catalogue) -> str:
    """Give the playbook's documentation: plain sentences, one paragraph per step in the order they run."""
    run = dry_run(definition, catalogue)
    steps = {step.name: step for step in definition.steps}
    lines = [sentence(definition.title), ""]
    if definition.inputs:
        lines += ["You give:", *(f"- {say_input(each)}" for each in definition.inputs), ""]
    if definition.refuse:
        lines += ["It does not begin where one of these holds:", *(f"- {each.says}" for each in definition.refuse), ""]
    if beginning := [*map(_trigger, definition.on), *_places(definition)]:
        lines += [*beginning, ""]
    lines.append("Then, in this order:")
    lines += [
        f"{number}. {_paragraph(steps[dry.name], dry, _after(_direct(steps[dry.name], steps)))}"
        for number, dry in enumerate(run.steps, 1)
    ]
    lines += ["", *_ending(definition, run)]
    return "\n".join(lines) + "\n"


def _for_good(operations: list[Operation]) -> str:
    """Say why what one of these does can't be undone; empty when all of it can."""
    whys = (each.cannot_undo or f"nothing takes {each.name} back" for each in operations if not each.compensation)
    return next(whys, "")


def _dry_step(step: Step, definition: Definition, catalogue: Catalogue) -> DryStep:
    action, cost, at_most, cannot = _say_kind(step, definition), 0, step.timeout_s, ""
    check = say_condition(step.check) if step.check is not None else ""
    question, acts, waits = _question(step), step.effect not in (None, "read"), step.kind in ("ask", "wait")
    try:
        if step.kind == "do":
            operation = catalogue.operation(step.target)
            action, cost, at_most = operation.summary, operation.cost_usd_micros, at_most or operation.timeout_s
            undoable = step.undo is not None or operation.compensation
            if acts and not undoable:
                cannot = operation.cannot_undo or "there is no operation that takes it back"
        elif step.kind == "agent":
            agent = catalogue.agent(step.target)
            action, at_most = agent.summary, at_most or agent.timeout_s
            check = "" if step.check is not None and step.check.source == agent.success else check
            if agent.operations:
                action += f", with {and_(agent.operations)}"
                called = [one for one in map(catalogue.operation, agent.operations) if one.effect != "read"]
                acts, cannot = bool(called), _for_good(called)
    except UnknownNameError:
        action = "Call what this workspace does not have"
        cannot = "nothing is known of it" if acts else ""
    if step.target in definition.playbooks:
        inner = dry_run(definition.playbooks[step.target], catalogue)
        acts, waits = any(each.acts for each in inner.steps), any(each.waits for each in inner.steps)
        question = f"in {step.target}: {and_(each.name for each in inner.questions)}" if inner.questions else ""
        final = [each.name for each in inner.final]
        cannot = f"in {step.target}, {and_(final)} {'is' if len(final) == 1 else 'are'} for good" if final else ""
        cost = sum(each.cost_usd_micros for each in inner.steps) * (step.repeat.max if step.repeat else 1)
    return DryStep(
        name=step.name,
        action=action,
        needs=tuple(need.step for need in step.needs),
        effect=step.effect,
        question=question,
        cannot_undo=cannot,
        check=check,
        per_item=step.each is not None,
        cost_usd_micros=cost,
        at_most_s=at_most,
        acts=acts,
        waits=waits,
        way_out_of=tuple(need.step for need in step.needs if need.kind == "failed"),
        covered=next((one.name for one in definition.steps if one.ask and step.name in one.ask.covers), ""),
    )


def _say_kind(step: Step, definition: Definition) -> str:
    if step.ask is not None:
        return f'Ask {_whom(step.ask.to)}: "{say_text(step.ask.text)}"'
    if step.target in definition.playbooks:
        title = f'Run "{definition.playbooks[step.target].title}" as a plan of its own'
        if step.repeat is None:
            return title
        return f"{title}, again and again until {say_condition(step.repeat.until)}, {step.repeat.max} times at most"
    return _say_wait(step) if step.kind == "wait" else step.target


def _say_wait(step: Step) -> str:
    until = "" if step.until is None else say(step.until)
    if step.until is not None and (found := AFTER.fullmatch(step.until.source)):
        until = say_duration(int(found[1]))
        if step.awaited is None:
            return f"Wait {until}"
    stays = None if step.until is None else _AS_GIVEN.fullmatch(step.until.source)
    if stays:
        until = f"for {name_of(stays[1])}"
    if step.awaited is None:
        return f"Wait {until}" if stays else f"Wait until {until}"
    event = step.awaited.event
    noun = EVENT_NOUNS.get(event, "the event")
    where = f" and {say_condition(step.awaited.where, noun)}" if step.awaited.where else ""
    limit = (
        f", at most {until}" if stays or (until[:1].isdigit() and "after" not in until) else f", at most until {until}"
    )
    return f"Wait until {EVENT_WORDS.get(event, event)}{where}{limit if until else ''}"


def _question(step: Step) -> str:
    if step.ask is not None:
        return say_text(step.ask.text)
    return {"each": "before each one", "batch": "once, with the whole list", "": ""}[step.gate]


def _direct(step: Step, steps: dict[str, Step]) -> list[Need]:
    """Give the needs that no other need implies."""
    implied: set[str] = set()
    waiting = [need.step for need in step.needs]
    while waiting:
        earlier = {need.step for need in steps[waiting.pop()].needs} - implied
        implied |= earlier
        waiting += sorted(earlier)
    return [need for need in step.needs if need.step not in implied or need.kind == "failed"]


def _paragraph(step: Step, dry: DryStep, after: str) -> str:
    parts = [_main(step, dry, after)]
    if step.ask is not None:
        parts += _answers(step)
    elif step.gate and dry.covered:
        parts.append(f"A yes in {dry.covered} lets it happen as shown then; otherwise you are asked {dry.question}.")
    elif step.gate:
        parts.append(f"You are asked {dry.question}, and nothing happens without your yes.")
    elif step.effect in ("irreversible", "physical"):
        parts.append("Your policy decides whether you are asked first; a no leaves out what needs it.")
    elif step.kind in ("playbook", "repeat"):
        parts += _child(step, dry)
    if step.awaited is not None:
        parts += _awaited(step.awaited)
    if step.delay_s:
        parts.append(f"It leaves {say_duration(step.delay_s)} after it may; until then you can call it back.")
    if dry.cannot_undo:
        parts.append(f"This can't be undone: {sentence(dry.cannot_undo)}")
    elif dry.acts:
        parts.append(f"This is undone with {step.undo.operation}." if step.undo else "This can be undone.")
    if dry.check:
        counts = step.effect in (None, "read")
        parts.append(f"The result only counts if {dry.check}." if counts else f"You are asked unless {dry.check}.")
    return f"{step.name}: {' '.join([*parts, *_failing(step)])}"


def _failing(step: Step) -> list[str]:
    """Say what happens when it does not work."""
    parts: list[str] = []
    if step.retry != Retry() and step.kind in ("do", "agent"):
        attempts = step.retry.attempts
        parts.append("It is tried once." if attempts == 1 else f"It is tried up to {attempts} times.")
    if step.timeout_s:
        parts.append(f"It may take {say_duration(int(step.timeout_s))}.")
    if step.way_out:
        parts.append(f"If it fails for good, {step.way_out} runs instead.")
    elif step.on_failure != "ask":
        what = "it is left out and the rest goes on" if step.on_failure == "skip" else "what was done is undone"
        parts.append(f"If it fails for good, {what}.")
    if step.allow_failures_pct:
        parts.append(f"Up to {step.allow_failures_pct} % of them may fail.")
    if step.checkpoint:
        parts.append("A rerun can start from here.")
    return parts


def _main(step: Step, dry: DryStep, after: str) -> str:
    action = dry.action
    if step.each is not None:
        action = f"for each of {say(step.each)}: {lower(action)}"
    if step.when is not None:
        action = f"if {say_condition(step.when)}, {lower(action)}"
    kinds = {"do": "", "agent": "agent ", "playbook": "playbook ", "repeat": "playbook "}
    used = f" ({kinds[step.kind]}{step.target})" if step.kind in kinds else ""
    account = f" through the account {step.account!r}" if step.account else ""
    return sentence(f"{after}{lower(action) if after else action}{used}{account}")


def _after(needs: Iterable[Need]) -> str:
    needs = tuple(needs)
    failed = [need.step for need in needs if need.kind == "failed"]
    must = [need.step for need in needs if need.kind == "done"]
    may = [f"{need.step} (also when that was left out)" for need in needs if need.kind == "optional"]
    rescue = f"only if {and_(failed)} failed, " if failed else ""
    return rescue + (f"after {and_((*must, *may))}, " if must or may else "")


def _child(step: Step, dry: DryStep) -> list[str]:
    parts: list[str] = []
    given = {name: each for name, each in step.arguments.fields.items() if each not in (Literally(""), Literally([]))}
    if given:
        parts.append(f"It is given {and_(f'{name}: {say_template(each)}' for name, each in given.items())}.")
    if dry.question:
        parts.append(f"You are asked {dry.question}.")
    if step.repeat is not None:
        then = {
            "ask": "you are asked what to do",
            "skip": "it is left out and the rest goes on",
            "undo": "what was done is undone",
            "accept": "the last round counts as it is",
        }
        parts.append(f"If that never comes true, {then[step.repeat.then]}.")
    return parts


def _awaited(awaited: Awaited) -> list[str]:
    if not awaited.since:
        return []
    return [f"What came after {and_(awaited.since)} counts, also when it came before the wait began."]


def _answers(step: Step) -> list[str]:
    ask = step.ask
    assert ask is not None
    who = "you" if ask.to == "operator" else ask.to
    verbs = ("You see", "You choose", "You fill in", "If you say no")
    if who != "you":
        verbs = (f"{who} sees", f"{who} chooses", f"{who} fills in", f"If {who} says no")
    parts: list[str] = []
    if ask.show is not None:
        parts.append(f"{verbs[0]} {say(ask.show)}.")
    if ask.form:
        parts.append(f"{verbs[2]}: {'; '.join(say_input(field) for field in ask.form)}.")
    if ask.options != ("approve", "reject"):
        parts.append(f"{verbs[1]} {or_(ask.options)}.")
    if ask.covers:
        parts.append(f"A yes allows {and_(ask.covers)} too, as shown then, without asking again.")
    if ask.may_change:
        slack = and_(f"{name} by {_slack(each)}" for name, each in ask.may_change.items())
        parts.append(f"What may differ from what was shown: {slack}; anything beyond that asks again.")
    leads = "the rest goes on without it" if ask.rejection_used else "the plan ends and what was done is undone"
    if "reject" in ask.options:
        parts.append(f"{verbs[3]}, {leads}.")
    if ask.due_s is not None:
        means = "means no" if "reject" in ask.options else f"means that {leads}"
        parts.append(f"No answer within {say_duration(ask.due_s)} {means}.")
    if ask.escalate_s is not None:
        parts.append(f"After {say_duration(ask.escalate_s)} without an answer it comes before all other questions.")
    if ask.remind_s:
        reminded = "You are" if who == "you" else f"{who} is"
        parts.append(f"{reminded} reminded after {and_(say_duration(seconds) for seconds in ask.remind_s)}.")
    return parts


def _slack(slack: Slack) -> str:
    return say_duration(slack.seconds) if slack.seconds is not None else f"{slack.percent} %"


def _trigger(trigger: Trigger) -> str:
    if trigger.cron:
        return f"It starts by itself {say_schedule(trigger.cron)}. You can start it too."
    where = f" and {say_condition(trigger.where, EVENT_NOUNS.get(trigger.event, 'the event'))}" if trigger.where else ""
    when = f"a file arrives in {trigger.folder}" if trigger.folder else EVENT_WORDS.get(trigger.event, trigger.event)
    return f"It starts by itself when {when}{where}. You can start it too."


def _places(definition: Definition) -> list[str]:
    """Say how many of it run at a time, and which go first."""
    lines: list[str] = []
    if definition.key is not None:
        lines.append(f"Only one of them runs at a time for {say(definition.key)}; the others wait.")
    if definition.limit is not None:
        many = "Only one of them runs" if definition.limit == 1 else f"At most {definition.limit} of them run"
        lines.append(f"{many} at a time; the others wait.")
    if definition.priority:
        lines.append("It goes before others." if definition.priority > 0 else "It lets others go first.")
    return lines


def _ending(definition: Definition, run: DryRun) -> list[str]:
    lines: list[str] = []
    for ending in definition.end:
        undone = f", and {and_(ending.undo)} {'is' if len(ending.undo) == 1 else 'are'} undone" if ending.undo else ""
        always = ending.when.source.strip() == "true"
        when = "Otherwise" if always else f"When all is done and {say_condition(ending.when)},"
        lines.append(f"{when} it ends as '{ending.name}'{undone}.")
    asked = [step.name for step in run.questions]
    final = [step.name for step in run.final]
    lines.append(f"You are asked in: {and_(asked)}." if asked else "The playbook itself asks nothing; your policy may.")
    lines.append(f"What can't be undone: {and_(final)}." if final else "Everything it does can be undone.")
    if definition.returns:
        lines.append(f"It gives back: {and_(name.replace('_', ' ') for name in definition.returns)}.")
    if definition.expires_s is not None:
        lines.append(f"If it is not done after {say_duration(definition.expires_s)}, it expires.")
    lines.append("When a step gets stuck, you are asked what to do.")
    return lines


def _whom(to: str) -> str:
    return "you" if to == "operator" else to
