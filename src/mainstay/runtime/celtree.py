"""Message classes for parts of a CEL expression's tree, which the package gives only as bytes (cel.expr.CheckedExpr).

Who reads a tree describes the few messages that it needs by hand, wire-compatible with cel/expr/checked.proto and
syntax.proto; what is not described is kept as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

# Fields by message. Their kind is a scalar or another message; "*" behind it repeats, and "?" lets it be told whether
# the field is set, as in the union that it is of.
Described: TypeAlias = "Mapping[str, tuple[tuple[str, int, str], ...]]"


def message_classes(package: str, described: Described) -> dict[str, Any]:
    """Make a class of each message, in a pool of their own; `package` tells them from those of others."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds: Any = descriptor_pb2.FieldDescriptorProto
    scalars = {
        "text": kinds.TYPE_STRING,
        "bool": kinds.TYPE_BOOL,
        "int": kinds.TYPE_INT64,
        "uint": kinds.TYPE_UINT64,
    }
    file: Any = descriptor_pb2.FileDescriptorProto(name=f"mainstay/{package}.proto", package=package, syntax="proto3")
    for name, fields in described.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            field = message.field.add(name=field_name, number=number, label=label)
            bare = kind.rstrip("*?")
            field.type = scalars.get(bare, kinds.TYPE_MESSAGE)
            if field.type == kinds.TYPE_MESSAGE:
                field.type_name = f".{package}.{bare}"
            if kind.endswith("?"):
                message.oneof_decl.add(name=f"_{field_name}")
                field.oneof_index = len(message.oneof_decl) - 1
                field.proto3_optional = True
    pool: Any = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = {name: pool.FindMessageTypeByName(f"{package}.{name}") for name in described}
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found.items()}
