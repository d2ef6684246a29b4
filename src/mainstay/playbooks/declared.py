"""Declared inputs: names with types, labels and defaults. A playbook's, and those of a form that a person fills in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mainstay.kernel.graph import Input
from mainstay.playbooks.fit import read_literal
from mainstay.playbooks.format import Mapping, Node, Scalar
from mainstay.playbooks.naming import NAME
from mainstay.playbooks.values import input_type
from mainstay.runtime.types import SIMPLE

if TYPE_CHECKING:
    from mainstay.playbooks.keys import Keys
    from mainstay.runtime.types import Type
    from mainstay.values import Value

INPUT_KEYS = ("type", "label", "default")
NO_FIELDS = ("in", "true", "false", "null")  # words that can't follow a dot
FORM_KINDS = (SIMPLE - {"any", "map", "blob"}) | {"choice"}


class Declarations:
    """Reads declared inputs."""

    def __init__(self, keys: Keys, known: dict[str, Type]) -> None:
        """Take the records that a type may name."""
        self._keys = keys
        self._report = keys.report
        self._known = known

    def read(self, node: Node | None, what: str) -> tuple[Input, ...]:
        """Read the inputs of a playbook; `what` names the key they stand under."""
        if node is None:
            return ()
        if not isinstance(node, Mapping):
            self._report.add(node.place, f"{what!r} needs names with types, such as {{lead: {{type: text}}}}")
            return ()
        found = [self._input(key, node.values[name], what) for name, key in node.keys.items()]
        return tuple(each for each in found if each is not None)

    def form(self, node: Node | None) -> tuple[Input, ...]:
        """Read what a person fills in: one plain value each."""
        fields = self.read(node, "form")
        for field in fields:
            assert isinstance(node, Mapping)
            kind = field.type.partition("(")[0]
            if kind not in FORM_KINDS:
                message = f"a person can't fill in {field.type}; a form asks for single values, such as text or date"
                self._report.add(node.keys[field.name].place, message)
        return fields

    def _input(self, key: Scalar, node: Node, what: str) -> Input | None:
        noun = "an input" if what == "inputs" else "a field of a form"
        if NAME.fullmatch(key.text) is None or key.text in NO_FIELDS:
            self._report.add(key.place, f"{key.text!r} is no name for {noun}: small letters, digits and _")
            return None
        if not isinstance(node, Mapping) or "type" not in node.keys:
            said = noun.replace("an ", "the ", 1).replace("a ", "the ", 1).replace(" of a form", "")
            self._report.add(node.place, f"{said} {key.text!r} needs a type, such as {{type: text}}")
            return None
        self._keys.known(node, INPUT_KEYS, f"of {noun}")
        type_ = self._keys.scalar(node, "type")
        label = self._keys.scalar(node, "label")
        if type_ is None:
            return None
        try:
            read = input_type(type_.text, self._known)
        except ValueError as error:
            self._report.add(type_.place, str(error))
            return None
        default = self._default(node, read)
        text = self._keys.uncut(label).text if label else ""
        return Input(key.text, str(read), text, default, "default" not in node.keys)

    def _default(self, node: Mapping, type_: Type) -> Value:
        """Read a default; an empty one says that it may be left out and reads as the empty value of its type."""
        given = node.values.get("default")
        if given is None or (isinstance(given, Scalar) and given.plain and not given.text):
            return None
        if type_.kind in ("record", "list", "map", "file", "any"):
            self._report.add(given.place, f"the default of a {type_} can only be empty: write 'default:' alone")
            return None
        scalar = self._keys.scalar(node, "default")
        if scalar is None:
            return None
        try:
            return read_literal(scalar.text, type_, plain=scalar.plain)
        except ValueError as error:
            self._report.add(scalar.place, f"the default: {error}")
            return None
