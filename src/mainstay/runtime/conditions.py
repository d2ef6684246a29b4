"""Conditions: expressions that are true or false of one prepared action, as policies are written with.

The language and the functions are those of playbooks, and money can be compared (amounts.py). Loops run over lists of
up to 500 elements and never inside each other; patterns take linear time (RE2). What a condition reads is only ever
data: no text in it is looked at for expressions.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from mainstay.errors import ExpressionError
from mainstay.runtime.celtypes import MAX_LOOPED, Messages, tree_of
from mainstay.runtime.checking import MAX_SOURCE, Fault, WrongExpressionError, faults_of
from mainstay.runtime.functions import Functions, today_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mainstay.runtime.celtypes import Tree
    from mainstay.runtime.reads import Reads
    from mainstay.runtime.types import Records, Type
    from mainstay.values import Value

Bound: TypeAlias = dict[tuple[str, bool, int], object]  # as CEL takes it: name, whether it is looped over, learned


class Conditions:
    """Conditions over some names: checks them, and shares among them what an action's values were turned into."""

    def __init__(self, names: Mapping[str, Type], records: Records, zone: str = "UTC") -> None:
        """Take the names with their types, and the company's time zone by its IANA name."""
        self.names, self.records = dict(names), records
        self._zone = zone
        self._paths: dict[bool, set[str]] = {False: set(), True: set()}
        self._trees: dict[tuple[str, bool], Tree] = {}
        self.learned = 0

    def condition(self, source: str) -> Condition:
        """Check one. Raises WrongExpressionError, also where it is no yes or no."""
        return Condition(source, self)

    @cached_property
    def messages(self) -> Messages:
        """The message classes of its record types."""
        return Messages(self.records)

    @cached_property
    def environments(self) -> tuple[Any, Any]:
        """CEL over these names: to check with, and to run with."""
        from mainstay.runtime.amounts import Standing, checked_functions, run_functions
        from mainstay.runtime.checking import environment

        standing = Standing(self.records)
        checked = [*Functions(standing, self._zone).checked(), *checked_functions(standing)]
        run = [*Functions(self.messages, self._zone).run(), *run_functions(self.messages)]
        made = environment(
            self.messages, {name: self.messages.cel_type(kind) for name, kind in self.names.items()}, run
        )
        made.compile("true")  # or it can't deserialise
        names = {name: standing.cel_type(kind) for name, kind in self.names.items()}
        return environment(standing, names, checked), made

    def learn(self, reads: Reads) -> None:
        """Take in what one more condition reads: a name is bound once for all of them."""
        self._paths[reads.loops] |= set(reads.paths)
        self._trees.clear()
        self.learned += 1

    def bind(self, name: str, value: Value, *, loops: bool) -> object:
        """Turn a plain value into what CEL takes. Raises ValueError, or ExpressionError for a list that is too long."""
        if (name, loops) not in self._trees:
            self._trees[name, loops] = tree_of(tuple(self._paths[loops]), name)
        tree = self._trees[name, loops]
        return self.messages.bind(self.names[name], value, tree, MAX_LOOPED if loops else None)


class Condition:
    """One condition, compiled."""

    def __init__(self, source: str, over: Conditions) -> None:
        """Compile it; raises WrongExpressionError."""
        from mainstay.runtime.amounts import rewrite
        from mainstay.runtime.reads import reads_of

        if len(source) > MAX_SOURCE:
            raise WrongExpressionError((Fault(1, 1, f"longer than {MAX_SOURCE:,} characters"),))
        check, run = over.environments
        try:
            checked = check.compile(source)
        except (RuntimeError, ValueError) as error:
            raise WrongExpressionError(faults_of(str(error))) from error
        if checked.return_type().name() != "BOOL":
            raise WrongExpressionError((Fault(1, 1, "this is not true or false; compare it with something"),))
        serialized = checked.serialize()
        made = rewrite(serialized, source)
        self.source, self.reads = source, reads_of(serialized)
        self._over = over
        self._names = tuple(name for name in self.reads.names if name in over.names)
        money = over.messages.message_class("Money")
        self._literals = {n: money(minor=each.minor, currency=each.currency) for n, each in made.literals.items()}
        self._run = run.deserialize(made.serialized)
        over.learn(self.reads)

    @property
    def paths(self) -> tuple[str, ...]:
        """What it reads, as dotted paths."""
        return self.reads.paths

    def holds(self, get: Callable[[str], Value], bound: Bound) -> bool:
        """Say whether it is true; `get` gives the plain value of a name, `bound` is kept for one action.

        Raises ExpressionError where that can't be worked out.
        """
        data: dict[str, object] = dict(self._literals)
        token = today_now.set(lambda: str(get("today")))
        try:
            for name in self._names:
                key = name, self.reads.loops, self._over.learned
                if key not in bound:
                    bound[key] = self._over.bind(name, get(name), loops=self.reads.loops)
                data[name] = bound[key]
            result = self._run.eval(data=data)
            value = result.plain_value()
            if isinstance(value, bool):
                return value
            raise self._error(str(value))
        except (RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._error(str(error)) from error
        finally:
            today_now.reset(token)

    def _error(self, why: str) -> ExpressionError:
        reason = re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", why)
        return ExpressionError(f"'{self.source}' can't be worked out: {reason.rstrip('.')}.")
