"""Values of the history as texts of a receipt: what is sealed there becomes a personal text, with a salt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mainstay.receipts.data import Field, Personal, Said
from mainstay.values import FORGOTTEN, BlobRef, Money, Sealed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mainstay.receipts.signing import Signer
    from mainstay.runtime.payloads import Payloads
    from mainstay.values import Value

_FIRST = {"headline": 0, "body": 1}


class Teller:
    """Gives values of one plan as texts. The same text at the same place always has the same salt."""

    def __init__(self, payloads: Payloads, signer: Signer, plan: str) -> None:
        """Take what opens values, and what salts them."""
        self._payloads, self._signer, self._plan = payloads, signer, plan

    def fields(self, value: Value, *where: str, private: bool = False) -> tuple[Field, ...]:
        """Give every text in a value, with its place in it; `where` names the value itself, once in a receipt.

        With `private` all of them are personal, because nobody knows what they hold: words of a mail server, say.
        """
        found = self._fields(self._payloads.stored(value), (), where)
        return tuple(self._private(one, where) if private else one for one in found)

    def _private(self, field: Field, where: tuple[str, ...]) -> Field:
        return (
            field if isinstance(field.text, Personal) else Field(field.at, self.personal(field.text, *where, *field.at))
        )

    def personal(self, text: str, *where: str) -> Said:
        """Give a text that may speak of a person, such as what somebody typed."""
        return Personal(text, self._signer.salt(self._plan, *where)) if text not in ("", FORGOTTEN) else text

    def _fields(self, value: Value, at: tuple[str, ...], where: tuple[str, ...]) -> Iterator[Field]:
        if isinstance(value, dict) and value.keys() == {"minor", "currency"}:
            yield Field(at, _money(value))
        elif isinstance(value, dict) and value.keys() == {"name", "blob"}:
            told = f"{self._payloads.load(value['name'])}, {_said(value['blob'])}"
            yield Field(at, self.personal(told, *where, *at) if isinstance(value["name"], Sealed) else told)
        elif isinstance(value, dict):
            for name in sorted(value, key=lambda one: _FIRST.get(one, 2)):
                yield from self._fields(value[name], (*at, name), where)
        elif isinstance(value, list):
            for number, item in enumerate(value, 1):
                yield from self._fields(item, (*at, str(number)), where)
        elif isinstance(value, Sealed):
            opened = self._payloads.load(value)
            yield Field(at, self.personal(opened, *where, *at) if isinstance(opened, str) else "")
        elif value not in (None, "", []):
            yield Field(at, _said(value))


def _money(value: dict[str, Value]) -> str:
    minor: Any = value["minor"]
    return str(Money(minor, str(value["currency"]))) if type(minor) is int else str(minor)


def _said(value: Value) -> str:
    if isinstance(value, BlobRef):
        return f"{value.name or 'a file'} of {value.size} bytes, kept as {value.digest}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
