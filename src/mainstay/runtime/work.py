"""One compiled expression at work: what it reads is bound, CEL runs, the result becomes a plain value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from mainstay.errors import ExpressionError
from mainstay.runtime.celtypes import MAX_LOOPED, Messages, Tree, tree_of
from mainstay.runtime.functions import today_now
from mainstay.runtime.types import ANY, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mainstay.runtime.checking import Scope
    from mainstay.runtime.reads import Reads
    from mainstay.values import Value


class Work:
    """One compiled expression: binds what it reads, runs it, gives a plain value."""

    def __init__(self, source: str, run: Any, reads: Reads, scope: Scope, messages: Messages) -> None:  # noqa: ANN401
        self.read: dict[str, Callable[[Callable[[str], Value]], Value]] = {}
        self.types = {name: scope.names[name] for name in reads.names if name in scope.names}
        self._trees: dict[str, Tree] = {name: tree_of(reads.paths, name) for name in self.types}
        self._limit = MAX_LOOPED if reads.loops else None
        self._source = source
        self._run = run
        self._messages = messages

    def __call__(self, resolve: Callable[[str], Value]) -> Value:
        """Work the expression out; raises ExpressionError."""
        plain = {name: read(resolve) for name, read in self.read.items()}
        token = today_now.set(lambda: str(resolve("today")))
        try:
            bound = {name: self._bind(name, value) for name, value in plain.items()}
            result = self._run.eval(data=bound)
            kind = result.type().name()
            value = result.plain_value()
            if kind == "ERROR":
                raise self._error(str(value))
            return self._messages.plain(value, _Originals(self._messages, self.types, plain, bound))
        except (RuntimeError, ValueError, TypeError, KeyError, OverflowError) as error:
            raise self._error(str(error)) from error
        finally:
            today_now.reset(token)

    def _bind(self, name: str, value: Value) -> object:
        return self._messages.bind(self.types[name], value, self._trees[name], self._limit)

    def _error(self, why: str) -> ExpressionError:
        reason = re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", why)
        return ExpressionError(f"The expression '{self._source}' can't be worked out: {reason}.")


class _Originals:
    """Finds the plain record that a message in a result was bound from, so that nothing of it is lost."""

    def __init__(
        self, messages: Messages, types: Mapping[str, Type], plain: Mapping[str, Value], bound: Mapping[str, object]
    ) -> None:
        self._messages = messages
        self._given = [(types[name], plain[name], bound[name]) for name in types]
        self._known: dict[tuple[str, bytes], Value] | None = None

    def __call__(self, message: Any) -> Value:  # noqa: ANN401 - a generated message
        if message.DESCRIPTOR.name not in self._messages.fields:
            return None
        if self._known is None:
            self._known = {}
            for type_, plain, bound in self._given:
                for key, value in self._pairs(type_, plain, bound):
                    self._known.setdefault(key, value)
        return self._known.get(_key(message))

    def _pairs(self, type_: Type, plain: Any, bound: Any) -> Iterator[tuple[tuple[str, bytes], Value]]:  # noqa: ANN401
        if type_.kind == "list" and plain:
            for item, message in zip(plain, bound, strict=True):
                yield from self._pairs(type_.of or ANY, item, message)
        elif type_.kind == "record" and isinstance(plain, dict):
            fields = cast("dict[str, Any]", plain)
            yield _key(bound), fields
            for name, (inner, _) in self._messages.fields[type_.name].items():
                if inner.kind == "record" or (inner.kind == "list" and (inner.of or ANY).kind == "record"):
                    content: Any = fields.get(name)
                    if content is not None and (inner.kind == "list" or bound.HasField(name)):
                        yield from self._part(inner, content, getattr(bound, name))

    def _part(self, inner: Type, content: Any, message: Any) -> Iterator[tuple[tuple[str, bytes], Value]]:  # noqa: ANN401
        if inner.kind == "list" and len(message) != len(content):
            return  # this part was not read
        yield from self._pairs(inner, content, message)


def _key(message: Any) -> tuple[str, bytes]:  # noqa: ANN401
    return message.DESCRIPTOR.name, message.SerializeToString(deterministic=True)
