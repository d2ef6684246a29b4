"""Says in plain sentences what a playbook does, generated from what it does; and draws a dry run.

For a tired owner: what happens in which order, where you are asked, what can't be undone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from mainstay.errors import UnknownNameError
from mainstay.kernel.graph import Cel, Graph, Literally, Text
from mainstay.runtime.types import parse_type
from mainstay.values import EffectClass, say_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mainstay.kernel.graph import Definition, Input, Need, Step
    from mainstay.ports import Catalogue

_PATH = re.compile(r"[a-z_]\w*(?:\.\w+)*", re.ASCII)
_ANY_OF = re.compile(r"size\(([\w.]+)\) > 0", re.ASCII)
_NONE_OF = re.compile(r"size\(([\w.]+)\) == 0", re.ASCII)


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


class DryRun(msgspec.Struct, frozen=True):
    """The waves in order: the steps of one wave may run side by side."""

    playbook: str
    waves: tuple[tuple[DryStep, ...], ...]

    @property
    def questions(self) -> tuple[DryStep, ...]:
        """The steps that ask."""
        return tuple(step for wave in self.waves for step in wave if step.question)

    @property
    def final(self) -> tuple[DryStep, ...]:
        """The steps whose effect can't be undone."""
        return tuple(step for wave in self.waves for step in wave if step.cannot_undo)


def dry_run(definition: Definition, catalogue: Catalogue) -> DryRun:
    """Give what would run, in order, without running anything."""
    graph = Graph(definition)
    waves = tuple(tuple(_dry_step(graph.steps[name], catalogue) for name in wave) for wave in graph.order())
    return DryRun(definition.name, waves)


def explain(definition: Definition, catalogue: Catalogue) -> str:
    """Give the playbook's documentation: plain sentences, one paragraph per step in the order they run."""
    run = dry_run(definition, catalogue)
    steps = {step.name: step for step in definition.steps}
    lines = [_sentence(definition.title), ""]
    if definition.inputs:
        lines += ["You give:", *(f"- {_input(each)}" for each in definition.inputs), ""]
    lines.append("Then, in this order:")
    ordered = [step for wave in run.waves for step in wave]
    lines += [
        f"{number}. {_paragraph(steps[dry.name], dry, _after(_direct(steps[dry.name], steps)))}"
        for number, dry in enumerate(ordered, 1)
    ]
    lines += ["", *_ending(definition, run)]
    return "\n".join(lines) + "\n"


def _dry_step(step: Step, catalogue: Catalogue) -> DryStep:
    action, cost, at_most, cannot = _say_kind(step), 0, step.timeout_s, ""
    check = _say(step.check) if step.check is not None else ""
    try:
        if step.kind == "do":
            operation = catalogue.operation(step.target)
            action, cost, at_most = operation.summary, operation.cost_usd_micros, at_most or operation.timeout_s
            undoable = step.undo is not None or operation.compensation
            if operation.effect != "read" and not undoable:
                cannot = operation.cannot_undo or "there is no operation that takes it back"
        elif step.kind == "agent":
            agent = catalogue.agent(step.target)
            action, at_most = agent.summary, at_most or agent.timeout_s
            check = "" if step.check is not None and step.check.source == agent.success else check
    except UnknownNameError:
        action = "Call what this workspace does not have"
        cannot = "nothing is known of it" if step.effect not in (None, "read") else ""
    return DryStep(
        name=step.name,
        action=action,
        needs=tuple(need.step for need in step.needs),
        effect=step.effect,
        question=_question(step),
        cannot_undo=cannot,
        check=check,
        per_item=step.each is not None,
        cost_usd_micros=cost,
        at_most_s=at_most,
    )


def _say_kind(step: Step) -> str:
    if step.ask is not None:
        return f'Ask {_whom(step.ask.to)}: "{_say_text(step.ask.text)}"'
    return f"Wait until {_say(step.until)}" if step.until is not None else step.target


def _question(step: Step) -> str:
    if step.ask is not None:
        return _say_text(step.ask.text)
    return {"each": "before each one", "batch": "once, with the whole list", "": ""}[step.gate]


def _direct(step: Step, steps: dict[str, Step]) -> list[Need]:
    """Give the needs that no other need implies."""
    implied: set[str] = set()
    waiting = [need.step for need in step.needs]
    while waiting:
        earlier = {need.step for need in steps[waiting.pop()].needs} - implied
        implied |= earlier
        waiting += sorted(earlier)
    return [need for need in step.needs if need.step not in implied]


def _paragraph(step: Step, dry: DryStep, after: str) -> str:
    parts = [_main(step, dry, after)]
    if step.ask is not None:
        parts += _answers(step)
    elif step.gate:
        parts.append(f"You are asked {dry.question}, and nothing happens without your yes.")
    elif step.effect in ("irreversible", "physical"):
        parts.append("Your policy decides whether you are asked first.")
    if dry.cannot_undo:
        parts.append(f"This can't be undone: {_sentence(dry.cannot_undo)}")
    elif step.effect not in (None, "read"):
        parts.append("This can be undone.")
    if dry.check:
        parts.append(f"The result only counts if {dry.check}.")
    if step.on_failure != "ask":
        what = "it is left out and the rest goes on" if step.on_failure == "skip" else "what was done is undone"
        parts.append(f"If it fails for good, {what}.")
    if step.allow_failures_pct:
        parts.append(f"Up to {step.allow_failures_pct} % of them may fail.")
    if step.checkpoint:
        parts.append("A rerun can start from here.")
    return f"{step.name}: {' '.join(parts)}"


def _main(step: Step, dry: DryStep, after: str) -> str:
    sentence = dry.action
    if step.each is not None:
        sentence = f"for each of {_say(step.each)}: {_lower(sentence)}"
    if step.when is not None:
        sentence = f"if {_say(step.when)}, {_lower(sentence)}"
    used = f" ({'agent ' if step.kind == 'agent' else ''}{step.target})" if step.kind in ("do", "agent") else ""
    account = f" through the account {step.account!r}" if step.account else ""
    return _sentence(f"{after}{_lower(sentence) if after else sentence}{used}{account}")


def _after(needs: Iterable[Need]) -> str:
    must = [need.step for need in needs if need.kind == "done"]
    may = [f"{need.step} (also when that was left out)" for need in needs if need.kind == "optional"]
    return f"after {_and((*must, *may))}, " if must or may else ""


def _answers(step: Step) -> list[str]:
    ask = step.ask
    assert ask is not None
    parts: list[str] = []
    if ask.show is not None:
        parts.append(f"You see {_say(ask.show)}.")
    if ask.options != ("approve", "reject"):
        parts.append(f"You choose {_or(ask.options)}.")
    if ask.rejection_used:
        parts.append("If you say no, the rest goes on without it.")
    else:
        parts.append("If you say no, the plan ends and what was done is undone.")
    if ask.due_s is not None:
        parts.append(f"No answer within {say_duration(ask.due_s)} means no.")
    if ask.remind_s:
        parts.append(f"You are reminded after {_and(say_duration(seconds) for seconds in ask.remind_s)}.")
    return parts


def _ending(definition: Definition, run: DryRun) -> list[str]:
    lines: list[str] = []
    asked = [step.name for step in run.questions]
    final = [step.name for step in run.final]
    lines.append(f"You are asked in: {_and(asked)}." if asked else "The playbook itself asks nothing; your policy may.")
    lines.append(f"What can't be undone: {_and(final)}." if final else "Everything it does can be undone.")
    if definition.expires_s is not None:
        lines.append(f"If it is not done after {say_duration(definition.expires_s)}, it expires.")
    lines.append("When a step gets stuck, you are asked what to do.")
    return lines


def _input(one: Input) -> str:
    kind = parse_type(one.type)
    words = {"text": "a text", "int": "a whole number", "bool": "yes or no", "money": "an amount", "date": "a date"}
    said = words.get(kind.kind) or (f"one of {_or(kind.options)}" if kind.options else f"a {kind}")
    label = f": {one.label}" if one.label else ""
    return f"{one.name}, {said}{label}{'' if one.required else ' (you may leave it out)'}"


def _say_text(text: Text) -> str:
    parts = (str(part.value) if isinstance(part, Literally) else f"({_say(part)})" for part in text.parts)
    return "".join(parts)


def _say(cel: Cel) -> str:
    """Say an expression in words where they are known; otherwise show it as it stands."""
    source = cel.source
    if found := _ANY_OF.fullmatch(source):
        return f"there is anything in {_name(found[1])}"
    if found := _NONE_OF.fullmatch(source):
        return f"there is nothing in {_name(found[1])}"
    if found := re.fullmatch(r"size\(([\w.]+)\)", source, re.ASCII):
        return f"how many {_name(found[1])}"
    parts = [part.strip() for part in source.split("+")]
    if all(_PATH.fullmatch(part) for part in parts):
        return _and(_name(part) for part in parts)
    return f"`{source}`"


def _name(path: str) -> str:
    first, _, rest = path.partition(".")
    words = rest.replace("_", " ").replace(".", " ")
    if not rest:
        return {"item": "the item", "today": "today", "ready_at": "that moment"}.get(first, f"the result of {first}")
    if first == "inputs":
        return f"the {words} you gave"
    return f"{words!r} of {'the item' if first == 'item' else first}"


def _whom(to: str) -> str:
    return "you" if to == "operator" else to


def _and(words: Iterable[str]) -> str:
    return _joined(words, "and")


def _or(words: Iterable[str]) -> str:
    return _joined(words, "or")


def _joined(words: Iterable[str], last: str) -> str:
    *most, end = tuple(words)
    return f"{', '.join(most)} {last} {end}" if most else end


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
