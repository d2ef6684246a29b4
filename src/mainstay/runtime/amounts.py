"""Money in conditions: `arguments.amount > money("500.00 EUR")`, and another currency never passes silently.

CEL's operators can't be given a meaning for messages of ours. So a condition is checked with money standing as CEL's
unsigned integers, which nothing else of ours uses: the operators have a type then, and what does not go with money is
found. In the checked tree each operator on money becomes a function of here, which compares within one currency and
raises for two, and each amount that stands there as text becomes a constant.

Whatever else would take money is refused when it is checked: `in`, lists of money held against each other, unsigned
numbers that somebody wrote.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from mainstay.runtime.celtree import message_classes
from mainstay.runtime.celtypes import PACKAGE, Messages, load_cel
from mainstay.runtime.checking import Fault, WrongExpressionError
from mainstay.runtime.functions import SIGNATURES
from mainstay.runtime.types import Records, Type
from mainstay.values import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cel_expr_python import cel

_UINT = 3  # cel.expr.Type.PrimitiveType
_COMPARED = {
    "_>_": "money_above",
    "_>=_": "money_at_least",
    "_<_": "money_below",
    "_<=_": "money_at_most",
    "_==_": "money_same",
    "_!=_": "money_other",
}
_RENAMED = {**_COMPARED, "_+_": "add"}
_TAKES_MONEY = frozenset({*SIGNATURES, "currency", "_?_:_", "_[_]", "@not_strictly_false"})
WRITE = 'write the amount as money("500.00 EUR")'
_LITERAL = "money:"  # begins the names of constants: no name of an expression can
# What is needed here (celtree.py).
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "Const": (("int64_value", 3, "int?"), ("uint64_value", 4, "uint?"), ("string_value", 6, "text?")),
    "Ident": (("name", 1, "text"),),
    "Select": (("operand", 1, "Expr"), ("field", 2, "text")),
    "Call": (("target", 1, "Expr"), ("function", 2, "text"), ("args", 3, "Expr*")),
    "List": (("elements", 1, "Expr*"),),
    "Entry": (("map_key", 3, "Expr"), ("value", 4, "Expr")),
    "Struct": (("entries", 2, "Entry*"),),
    "Loop": (
        ("iter_range", 2, "Expr"),
        ("accu_init", 4, "Expr"),
        ("loop_condition", 5, "Expr"),
        ("loop_step", 6, "Expr"),
        ("result", 7, "Expr"),
    ),
    "Expr": (
        ("id", 2, "int"),
        ("const_expr", 3, "Const"),
        ("ident_expr", 4, "Ident"),
        ("select_expr", 5, "Select"),
        ("call_expr", 6, "Call"),
        ("list_expr", 7, "List"),
        ("struct_expr", 8, "Struct"),
        ("comprehension_expr", 9, "Loop"),
    ),
    "ListType": (("elem_type", 1, "Type"),),
    "Type": (("primitive", 3, "int"), ("list_type", 6, "ListType")),
    "Reference": (("name", 1, "text"),),
    "ReferenceEntry": (("key", 1, "int"), ("value", 2, "Reference")),
    "TypeEntry": (("key", 1, "int"), ("value", 2, "Type")),
    "PositionEntry": (("key", 1, "int"), ("value", 2, "int")),
    "Source": (("positions", 4, "PositionEntry*"),),
    "Checked": (
        ("reference_map", 2, "ReferenceEntry*"),
        ("type_map", 3, "TypeEntry*"),
        ("expr", 4, "Expr"),
        ("source_info", 5, "Source"),
    ),
}


class Standing(Messages):
    """The message classes with unsigned integers in the place of money: what a condition is checked with."""

    def __init__(self, records: Records) -> None:
        """Describe the record types."""
        super().__init__(records)
        self.pool = _standing_pool(self.pool)

    def cel_type(self, type_: Type) -> cel.Type:
        """Give CEL's name for a type."""
        return load_cel().Type.UINT if type_.kind == "money" else super().cel_type(type_)


class Rewritten(msgspec.Struct, frozen=True):
    """A checked condition with its operators on money replaced, and the amounts that stand in it."""

    serialized: bytes
    literals: dict[str, Money]


def rewrite(serialized: bytes, source: str) -> Rewritten:
    """Give what is run of a condition that was checked with `Standing`. Raises WrongExpressionError."""
    from google.protobuf import any_pb2

    wrapped: Any = any_pb2.Any.FromString(serialized)
    checked = _checked_class().FromString(wrapped.value)
    walk = _Rewriting(checked, source)
    walk.expression(checked.expr, loops=0)
    if walk.faults:
        raise WrongExpressionError(tuple(walk.faults))
    kept = [entry for entry in checked.reference_map if entry.key not in walk.replaced]
    del checked.reference_map[:]
    checked.reference_map.extend(kept)
    wrapped.value = checked.SerializeToString()
    return Rewritten(wrapped.SerializeToString(), walk.literals)


def checked_functions(standing: Standing) -> list[cel.FunctionDecl]:
    """Declare for checking what conditions have beside the functions of all expressions."""
    module = load_cel()
    made = module.Overload("currency_1", return_type=module.Type.STRING, parameters=[module.Type.UINT], impl=_currency)
    del standing
    return [module.FunctionDecl("currency", [made])]


def run_functions(messages: Messages) -> list[cel.FunctionDecl]:
    """Declare for running: the comparisons that operators on money became, and `currency(amount)`."""
    module = load_cel()
    money = messages.cel_type(Type("money"))
    pair, truth = [money, money], module.Type.BOOL
    text = module.Overload("currency_1", return_type=module.Type.STRING, parameters=[money], impl=_currency)
    declared: list[Any] = [module.FunctionDecl("currency", [text])]
    for name, compare in _COMPARISONS.items():
        overload = module.Overload(f"{name}_1", return_type=truth, parameters=pair, impl=compare)
        declared.append(module.FunctionDecl(name, [overload]))
    return declared


def _difference(one: Any, other: Any) -> int:  # noqa: ANN401 - messages
    """Give by how much one amount is more; nothing at all (0 of no currency) goes with every currency."""
    if one.currency != other.currency and one.currency and other.currency:
        amounts = f"{Money(one.minor, one.currency)} and {Money(other.minor, other.currency)}"
        msg = f"{amounts} are different currencies"
        raise ValueError(msg)
    return one.minor - other.minor


def _above(one: Any, other: Any) -> bool:  # noqa: ANN401
    return _difference(one, other) > 0


def _at_least(one: Any, other: Any) -> bool:  # noqa: ANN401
    return _difference(one, other) >= 0


def _below(one: Any, other: Any) -> bool:  # noqa: ANN401
    return _difference(one, other) < 0


def _at_most(one: Any, other: Any) -> bool:  # noqa: ANN401
    return _difference(one, other) <= 0


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401
    return _difference(one, other) == 0


def _other(one: Any, other: Any) -> bool:  # noqa: ANN401
    return _difference(one, other) != 0


def _currency(money: Any) -> str:  # noqa: ANN401
    return money.currency


_COMPARISONS = {
    "money_above": _above,
    "money_at_least": _at_least,
    "money_below": _below,
    "money_at_most": _at_most,
    "money_same": _same,
    "money_other": _other,
}


class _Rewriting:
    """One walk over a checked tree."""

    def __init__(self, checked: Any, source: str) -> None:  # noqa: ANN401
        self.faults: list[Fault] = []
        self.literals: dict[str, Money] = {}
        self.replaced: set[int] = set()
        self._types: Mapping[int, Any] = {entry.key: entry.value for entry in checked.type_map}
        self._positions = {entry.key: entry.value for entry in checked.source_info.positions}
        self._source = source
        self._last = max([*self._types, *self._positions], default=0)

    def expression(self, node: Any, loops: int) -> None:  # noqa: ANN401
        if node.HasField("const_expr") and node.const_expr.HasField("uint64_value"):
            self._fault(node, f"numbers stand without 'u'; {WRITE}")
        elif node.HasField("call_expr"):
            self._call(node, loops)
        elif node.HasField("comprehension_expr"):
            self._loop(node, loops)
        else:
            for inner in _inside(node):
                self.expression(inner, loops)

    def _call(self, node: Any, loops: int) -> None:  # noqa: ANN401
        call = node.call_expr
        if call.HasField("target"):
            self.expression(call.target, loops)
        literal = call.function == "money" and len(call.args) == 1 and call.args[0].HasField("const_expr")
        if literal:
            self._literal(node, call.args[0].const_expr.string_value)
            return
        for inner in call.args:
            self.expression(inner, loops)
        kinds = [self._types.get(inner.id) for inner in call.args]
        if any(_is_money(kind) for kind in kinds):
            if call.function in _RENAMED:
                operator, call.function = call.function, _RENAMED[call.function]
                self.replaced.add(node.id)
                self._shorten(node, operator)
            elif call.function not in _TAKES_MONEY:
                self._fault(node, "money can only be compared with > >= < <= == !=, and added")
        elif call.function in ("_==_", "_!=_", "@in") and any(_holds_money(kind) for kind in kinds):
            self._fault(node, "amounts in a list are compared one by one: list.exists(x, x > money(...))")

    def _literal(self, node: Any, text: str) -> None:  # noqa: ANN401
        try:
            money = Money.parse(text)
        except ValueError as error:
            self._fault(node.call_expr.args[0], str(error))
            return
        name = f"{_LITERAL}{money}"
        self.literals[name] = money
        self.replaced.add(node.id)
        node.ident_expr.name = name

    def _shorten(self, node: Any, operator: str) -> None:  # noqa: ANN401
        """Let what is in the currency of an amount that stands there be compared by CEL alone, five times as fast.

        `a > money("5.00 EUR")` becomes `a.currency == "EUR" ? a.minor > 500 : money_above(a, 5.00 EUR)`.
        """
        sides = list(node.call_expr.args)
        known = [self.literals.get(side.ident_expr.name) for side in sides]
        if operator not in _COMPARED or sum(each is not None for each in known) != 1:
            return
        literal = known[0] or known[1]
        assert literal is not None
        path = sides[1] if known[0] else sides[0]
        if not (path.HasField("ident_expr") or path.HasField("select_expr")):
            return  # it would be worked out twice
        slow = type(node)()
        slow.CopyFrom(node)
        slow.id = self._next()
        minor = [self._constant(literal.minor) if each else self._field(path, "minor") for each in known]
        same = self._called("_==_", [self._field(path, "currency"), self._constant(literal.currency)])
        node.CopyFrom(self._called("_?_:_", [same, self._called(operator, minor), slow], node.id))

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _called(self, function: str, arguments: list[Any], number: int = 0) -> Any:  # noqa: ANN401
        made = _checked_class()().expr
        made.id = number or self._next()
        made.call_expr.function = function
        made.call_expr.args.extend(arguments)
        return made

    def _field(self, path: Any, name: str) -> Any:  # noqa: ANN401
        made = _checked_class()().expr
        made.id = self._next()
        made.select_expr.operand.CopyFrom(path)
        made.select_expr.field = name
        return made

    def _constant(self, value: int | str) -> Any:  # noqa: ANN401
        made = _checked_class()().expr
        made.id = self._next()
        if isinstance(value, int):
            made.const_expr.int64_value = value
        else:
            made.const_expr.string_value = value
        return made

    def _loop(self, node: Any, loops: int) -> None:  # noqa: ANN401
        loop = node.comprehension_expr
        if loops:
            self._fault(node, "a loop inside a loop could take for ever; let an agent work that out")
        for outside in (loop.iter_range, loop.accu_init, loop.result):
            self.expression(outside, loops)
        for inside in (loop.loop_condition, loop.loop_step):
            self.expression(inside, loops + 1)

    def _fault(self, node: Any, message: str) -> None:  # noqa: ANN401
        ahead = self._source[: self._positions.get(node.id, 0)]
        self.faults.append(Fault(ahead.count("\n") + 1, len(ahead) - ahead.rfind("\n"), message))


def _inside(node: Any) -> Iterator[Any]:  # noqa: ANN401
    if node.HasField("select_expr"):
        yield node.select_expr.operand
    elif node.HasField("list_expr"):
        yield from node.list_expr.elements
    elif node.HasField("struct_expr"):
        for entry in node.struct_expr.entries:
            yield entry.map_key
            yield entry.value


def _is_money(kind: Any) -> bool:  # noqa: ANN401
    return kind is not None and kind.primitive == _UINT


def _holds_money(kind: Any) -> bool:  # noqa: ANN401
    while kind is not None and kind.HasField("list_type"):
        kind = kind.list_type.elem_type
    return _is_money(kind)


def _standing_pool(pool: Any) -> Any:  # noqa: ANN401 - protobuf has no types
    from google.protobuf import descriptor_pb2, descriptor_pool, duration_pb2, struct_pb2, timestamp_pb2

    kinds: Any = descriptor_pb2.FieldDescriptorProto
    file: Any = descriptor_pb2.FileDescriptorProto()
    pool.FindFileByName(f"{PACKAGE}/records.proto").CopyToProto(file)
    for message in file.message_type:
        for field in message.field:
            if field.type_name == f".{PACKAGE}.Money":
                field.type = kinds.TYPE_UINT64
                field.ClearField("type_name")
    made: Any = descriptor_pool.DescriptorPool()
    for module in (timestamp_pb2, duration_pb2, struct_pb2):
        known: Any = module
        made.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    made.AddSerializedFile(file.SerializeToString())
    return made


@cache
def _checked_class() -> Any:  # noqa: ANN401
    return message_classes("amounts", _MESSAGES)["Checked"]
