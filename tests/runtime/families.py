"""Playbooks that run other playbooks, for tests of the runtime."""

from __future__ import annotations

from kit import TYPES, do, facts
from msgspec.structs import replace

from mainstay import events as e
from mainstay.kernel.graph import Ask, Cel, Definition, Field, Input, Literally, Record, Step, Text

ONE = Literally("one")
ASK = Ask(text=Text((Literally("Really?"),)))
WORD = Cel("inputs.word", names=("inputs",), paths=("inputs.word",))
KNOWN = {
    "inputs": {"word": Field("text"), "words": Field("list(text)")},
    "said": {"word": Field("text"), "token": Field("text")},
    "out": {"word": Field("text")},
}


def cel(source: str, *names: str, **more) -> Cel:
    return Cel(source, names=names, paths=(source,) if "." in source else (), **more)


def say(name: str, word: Cel | Literally = WORD, operation: str = "test.say", **more) -> Step:
    return replace(do(name, operation, "", **more), arguments=Record({"word": word}))


def asking(name: str = "q", **more) -> Step:
    return Step(name=name, kind="ask", ask=ASK, **more)


def child(*steps: Step, **more) -> Definition:
    """A playbook that takes a word."""
    types = {"inputs": "record(inputs)", **{step.name: "record(said)" for step in steps}}
    return Definition(
        name="child", title="A child", steps=steps, inputs=(Input("word", "text"),), types=types, records=KNOWN, **more
    )


def sub(name: str, word: Cel | Literally = ONE, **more) -> Step:
    """A step that runs the playbook `child`."""
    more.setdefault("kind", "playbook")
    return Step(name=name, target="child", arguments=Record({"word": word}), **more)


def subs(name: str, listed: str = "inputs.words", **more) -> Step:
    """One child plan per word of a list."""
    word = Cel("item", names=("item",), paths=("item",), scope=(("item", "text"),))
    each = Cel(listed, names=("inputs",), paths=(listed,))
    return replace(sub(name, **more), arguments=Record({"word": word}), each=each, item="text")


def parent(*steps: Step, child: Definition, **more) -> Definition:
    types = {**TYPES, **{step.name: "list(record(out))" if step.each else "record(out)" for step in steps}}
    types |= more.pop("types", {})
    return Definition(
        name="parent", title="A parent", steps=steps, types=types, records=KNOWN, playbooks={"child": child}, **more
    )


SAYING = child(say("a"), returns={"word": cel("a.word", "a")})


def children_of(owner, plan_id: str) -> list[str]:
    return [child for fact in facts(owner, plan_id, e.ChildrenStarted) for child in fact.plans]


def taken_back(owner) -> list[str]:
    """The effects that were taken back in the whole history, as plan and path, in order."""
    back = [event for event in owner.ledger.tail() if isinstance(event.fact, e.EffectDone)]
    return [f"{event.plan}/{event.fact.path[1:]}" for event in back if event.fact.path.startswith("~")]
