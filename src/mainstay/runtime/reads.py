"""What a CEL expression reads: its free names, the dotted paths from them, and whether it loops over lists.

The few parts of an expression's tree that are needed are described here (celtree.py).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from mainstay.runtime.celtree import message_classes


class Reads(msgspec.Struct, frozen=True):
    """Sorted free names and dotted paths.

    `sure` are the names that are read whichever branch of a conditional is taken.
    `choices` are comparisons of a path with a text that stands there, `columns` the fields that `table` is asked for.
    """

    names: tuple[str, ...]
    paths: tuple[str, ...]
    loops: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()  # (path of the list, field)
    sure: tuple[str, ...] = ()


_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "Const": (("string_value", 6, "text"),),
    "Ident": (("name", 1, "text"),),
    "Select": (("operand", 1, "Expr"), ("field", 2, "text"), ("test_only", 3, "bool")),
    "Call": (("target", 1, "Expr"), ("function", 2, "text"), ("args", 3, "Expr*")),
    "List": (("elements", 1, "Expr*"),),
    "Entry": (("map_key", 3, "Expr"), ("value", 4, "Expr")),
    "Struct": (("message_name", 1, "text"), ("entries", 2, "Entry*")),
    "Loop": (
        ("iter_var", 1, "text"),
        ("iter_range", 2, "Expr"),
        ("accu_var", 3, "text"),
        ("accu_init", 4, "Expr"),
        ("loop_condition", 5, "Expr"),
        ("loop_step", 6, "Expr"),
        ("result", 7, "Expr"),
        ("iter_var2", 8, "text"),
    ),
    "Expr": (
        ("const_expr", 3, "Const"),
        ("ident_expr", 4, "Ident"),
        ("select_expr", 5, "Select"),
        ("call_expr", 6, "Call"),
        ("list_expr", 7, "List"),
        ("struct_expr", 8, "Struct"),
        ("comprehension_expr", 9, "Loop"),
    ),
    "Checked": (("expr", 4, "Expr"),),
    "Parsed": (("expr", 2, "Expr"),),
}


_BRANCHES = {"_?_:_": 2, "_&&_": 1, "_||_": 1}  # how many of the last arguments may not be worked out


@cache
def _classes() -> dict[str, Any]:
    return message_classes("reads", _MESSAGES)


def reads_of(serialized: bytes) -> Reads:
    """Say what a serialised expression reads; `serialized` is what `Expression.serialize()` gave."""
    from google.protobuf import any_pb2

    wrapped: Any = any_pb2.Any.FromString(serialized)
    outer = _classes()["Checked" if wrapped.type_url.endswith("CheckedExpr") else "Parsed"]
    walk = _Walk()
    walk.expression(outer.FromString(wrapped.value).expr, frozenset())
    paths = tuple(sorted(walk.paths))
    names = tuple(sorted({path.split(".", 1)[0] for path in paths}))
    return Reads(names, paths, walk.loops, tuple(walk.choices), tuple(walk.columns), tuple(sorted(walk.sure)))


class _Walk:
    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.sure: set[str] = set()
        self._looping = False  # what a loop is made of has conditionals that nobody wrote
        self.choices: list[tuple[str, str]] = []
        self.columns: list[tuple[str, str]] = []
        self.loops = False

    def expression(self, node: Any, bound: frozenset[str]) -> None:  # noqa: ANN401 - a generated message
        kind = _set_field(node)
        if kind in ("ident_expr", "select_expr"):
            self._path(node, bound)
        elif kind == "call_expr":
            self._call(node.call_expr, bound)
        elif kind == "list_expr":
            self._all(node.list_expr.elements, bound)
        elif kind == "struct_expr":
            for entry in node.struct_expr.entries:
                self._all((entry.map_key, entry.value), bound)
        elif kind == "comprehension_expr":
            self._loop(node.comprehension_expr, bound)

    def _all(self, nodes: Any, bound: frozenset[str]) -> None:  # noqa: ANN401
        for node in nodes:
            self.expression(node, bound)

    def _path(self, node: Any, bound: frozenset[str]) -> None:  # noqa: ANN401
        chain = _chain(node)
        if chain is None:
            self.expression(node.select_expr.operand, bound)
        elif chain[0] not in bound:
            self.paths.add(".".join(chain))
            self.sure.add(chain[0])

    def _call(self, call: Any, bound: frozenset[str]) -> None:  # noqa: ANN401
        if call.HasField("target"):
            self.expression(call.target, bound)
        branches = _BRANCHES.get(call.function, 0) if not self._looping else 0
        self._all(call.args[: len(call.args) - branches], bound)
        if branches:
            self._branches(call.args[-branches:], bound)
        if call.function in ("_==_", "_!=_"):
            self._choice(call.args, bound)
        elif call.function == "@in" and call.args[1].HasField("list_expr"):
            for element in call.args[1].list_expr.elements:
                self._choice((call.args[0], element), bound)
        elif call.function == "table":
            self._columns(call.args)

    def _branches(self, branches: Any, bound: frozenset[str]) -> None:  # noqa: ANN401
        """Read what may not be worked out: sure is only what each of two branches reads."""
        before, found = self.sure, list[set[str]]()
        for branch in branches:
            self.sure = set()
            self.expression(branch, bound)
            found.append(self.sure)
        self.sure = before | (found[0] & found[1] if len(found) > 1 else set())

    def _columns(self, arguments: Any) -> None:  # noqa: ANN401
        path = _chain(arguments[0])
        for name in arguments[1].list_expr.elements if path and len(arguments) > 1 else ():
            self.columns.append((".".join(path or ()), name.const_expr.string_value))

    def _choice(self, sides: Any, bound: frozenset[str]) -> None:  # noqa: ANN401
        for one, other in (tuple(sides), tuple(sides)[::-1]):
            chain = _chain(one) if _set_field(one) in ("ident_expr", "select_expr") else None
            if chain and chain[0] not in bound and other.HasField("const_expr") and other.const_expr.string_value:
                self.choices.append((".".join(chain), other.const_expr.string_value))

    def _loop(self, loop: Any, bound: frozenset[str]) -> None:  # noqa: ANN401
        self.loops |= not (loop.iter_range.HasField("list_expr") and not loop.iter_range.list_expr.elements)
        self._all((loop.iter_range, loop.accu_init), bound)
        inside = bound | {loop.iter_var, loop.iter_var2, loop.accu_var}
        outer, self._looping = self._looping, True
        self._all((loop.loop_condition, loop.loop_step), inside)
        self._looping = outer
        self.expression(loop.result, bound | {loop.accu_var})


def _set_field(node: Any) -> str:  # noqa: ANN401
    return next((name for name, _, _ in _MESSAGES["Expr"] if node.HasField(name)), "")


def _chain(node: Any) -> list[str] | None:  # noqa: ANN401
    """Give a dotted path as its parts; None when it does not begin with a name."""
    parts: list[str] = []
    while node.HasField("select_expr"):
        parts.append(node.select_expr.field)
        node = node.select_expr.operand
    if not node.HasField("ident_expr"):
        return None
    return [node.ident_expr.name.lstrip("."), *reversed(parts)]
