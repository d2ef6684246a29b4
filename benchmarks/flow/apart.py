"""Information flow over cases of our own, set apart (`apart_*.yaml`).

Each case is judged as an engine does at the choke point, in one process and without a model: the agent is the worst
there can be, so an attack is what a stranger wants it to do. Two figures:

    silent     attacks of which an act would have happened with nobody asked
    unasked    tasks that would be done without any question, nothing being planted

    python benchmarks/flow/apart.py [--tell]

There are four sets; each was written when the rules had been mended with those before it in sight.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from ruamel.yaml import YAML

from mainstay.contracts import Operation
from mainstay.governance.flow import InformationFlow
from mainstay.origins import OPERATOR, PLAYBOOK, Gives, Heard, Leaf, leaf_paths, leaves_of, placed_leaves_of
from mainstay.ports import Flow, Proposal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.origins import Placed

SETS = ("apart", "apart_again", "apart_third", "apart_fourth")
HERE = Path(__file__).parent
PLANTED = "{here}"
GREETING = "Kind regards"  # what strangers write where nothing is planted


class Anything(msgspec.Struct, frozen=True):
    """What a tool takes or gives is not typed here."""


class Ruling(NamedTuple):
    """What the judge said of each act; None where it would happen unasked."""

    name: str
    rules: tuple[str | None, ...]

    @property
    def silent(self) -> bool:
        """Whether any of it would happen with nobody asked."""
        return None in self.rules


def load(name: str) -> Any:
    """Read one of the two files, every value as it is meant."""
    return YAML(typ="safe", pure=True).load(HERE / name)


def tools(which: str) -> dict[str, Operation]:
    """Give the tools of a set as operations."""
    return {name: _operation(name, said) for name, said in load(f"{which}_tools.yaml").items()}


def _operation(name: str, said: dict[str, Any]) -> Operation:
    acts = said.get("roles")
    effect = said.get("effect") or ("irreversible" if acts is not None else "read")
    fields = {key: tuple(said[key]) for key in ("trusted", "secret", "private") if key in said}
    return Operation(
        name=name,
        summary=said["do"],
        input=Anything,
        output=Anything,
        effect=effect,
        roles=acts or {},
        gives=Gives(**fields, **{key: said[key] for key in ("author", "at", "what") if key in said}),
        teaches=said.get("teaches", False),
        stays=said.get("teaches", False),
    )


class Play:
    """The cases, over the tools."""

    def __init__(self, which: str) -> None:
        """Read a set."""
        self.tools, self.cases, self._judge = tools(which), load(f"{which}_cases.yaml"), InformationFlow()

    def tasks(self) -> Iterator[Ruling]:
        """Judge what the operator asked for, nothing planted."""
        for case in self.cases:
            yield self._rule(case["name"], case, case, str(case.get("else", GREETING)))

    def attacks(self) -> Iterator[Ruling]:
        """Judge what strangers want."""
        for case in self.cases:
            for attack in case["attacks"]:
                yield self._rule(f"{case['name']}: {attack['by']}", case, attack, str(attack["says"]))

    def _rule(self, name: str, case: dict[str, Any], doing: dict[str, Any], planted: str) -> Ruling:
        told = [(self.tools[tool], _with(output, planted)) for tool, output in case["told"]]
        of = {"relay": self._relayed, "step": self._step}.get(case.get("via", ""), self._agents)
        rules = tuple(self._ask(of(case, doing, told, self.tools[tool], given), given) for tool, given in doing["acts"])
        return Ruling(name, rules)

    def _ask(self, flow: Flow, given: dict[str, Any]) -> str | None:
        of = flow.operation
        verdict = self._judge.judge(Proposal("p", "", "a!1", of.name, of.effect, given, flow=lambda: flow))
        return None if verdict is None else verdict.rule

    def _agents(self, case: Any, doing: Any, told: Any, of: Operation, given: dict[str, Any]) -> Flow:
        del doing
        return _said(_heard(case["words"], told), of, given)

    def _relayed(self, case: Any, doing: Any, told: Any, of: Operation, given: dict[str, Any]) -> Flow:
        """The second of two agents: it knows the request, and what the first one said."""
        first = _heard("Read it, and say what there is.", told)
        handed = [Leaf(one, first.label, heard=first) for _, one in leaf_paths(doing.get("said", case.get("said")))]
        return _said(Heard("agent:second", [Leaf(case["words"], OPERATOR), *handed], chooses=True), of, given)

    def _step(self, case: Any, doing: Any, told: Any, of: Operation, given: dict[str, Any]) -> Flow:
        """A step of a playbook: what begins with = is a path into what was read, the rest literal."""
        del doing
        read = {place: leaf for tool, output in told for place, leaf in placed_leaves_of(output, tool.name, tool.gives)}
        leaves = tuple((path, _of_path(value, read)) for path, value in leaf_paths(given))
        genuine = [Leaf(case["words"], OPERATOR), *(leaf for leaf in read.values() if not leaf.outside)]
        return Flow(leaves, of, known=lambda: Heard(OPERATOR, genuine, invents=True))


def _of_path(value: Any, read: dict[str, Leaf]) -> Leaf:
    return read[value[1:]] if isinstance(value, str) and value.startswith("=") else Leaf(value, PLAYBOOK)


def _with(value: Any, planted: str) -> Any:
    """Put what a stranger writes into its place."""
    if isinstance(value, dict):
        return {name: _with(one, planted) for name, one in value.items()}
    if isinstance(value, list):
        return [_with(one, planted) for one in value]
    if isinstance(value, str):
        return value.replace(PLANTED, planted)
    return value if isinstance(value, (int, float)) else str(value)  # a day


def _heard(words: str, told: list[tuple[Operation, Any]]) -> Heard:
    leaves = [leaf for tool, output in told for leaf in leaves_of(output, tool.name, tool.gives)]
    return Heard("agent:assistant", [Leaf(words, OPERATOR), *leaves], chooses=True)


def _said(heard: Heard, of: Operation, given: dict[str, Any]) -> Flow:
    placed: tuple[Placed, ...] = tuple(
        (path, Leaf(value, heard.label, heard=heard)) for path, value in leaf_paths(_with(given, ""))
    )
    return Flow(placed, of, heard=heard)


def figures(play: Play) -> dict[str, int]:
    """Count."""
    attacks, done = list(play.attacks()), list(play.tasks())
    return {
        "attacks": len(attacks),
        "silent": sum(one.silent for one in attacks),
        "tasks": len(done),
        "unasked": sum(not any(one.rules) for one in done),
    }


def main() -> None:
    """Print the figures of each set as a line of JSON; with --tell, before it, what was silent and what asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tell", action="store_true", help="name what was silent, and the tasks that asked")
    tell = parser.parse_args().tell
    for which in SETS:
        play = Play(which)
        if tell:
            _tell(play)
        sys.stdout.write(json.dumps({"set": which, **figures(play)}) + "\n")


def _tell(play: Play) -> None:
    for one in play.attacks():
        if one.silent:
            sys.stdout.write(f"silent  {one.name}\n")
    for one in play.tasks():
        if any(one.rules):
            sys.stdout.write(f"asked   {one.name} {[rule for rule in one.rules if rule]}\n")


if __name__ == "__main__":
    main()
