"""Values as a person reads them, on every screen: amounts, files, times, records by their fields.

What is given is not escaped yet: see `shown`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, cast
from zoneinfo import ZoneInfo

from mainstay.values import BlobRef, Money

if TYPE_CHECKING:
    from collections.abc import Sequence

Row: TypeAlias = dict[str, Any]
MOST_SURE = 0.99
_MATCH = frozenset({"amount", "invoice_numbers", "confidence", "why"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def when(iso: str) -> str:
    """Shorten a moment for people: "2026-11-21 04:30"; documents keep it whole."""
    return iso[:16].replace("T", " ")


def moment(iso: str, zone: str = "") -> str:
    """Say a moment with the time zone it is told in, by its name or else by its distance from UTC."""
    if not iso:
        return ""
    hours, minutes = iso[-6:-3], iso[-2:]
    off = f"UTC{int(hours):+d}" + f":{minutes}" * (minutes != "00") if iso[-6:] not in ("+00:00", "-00:00") else "UTC"
    return f"{when(iso)} ({zone or off})"


def say_sure(confidence: float) -> str:
    """Say how sure something is, from 0 to 1: never more than 99 %, as nothing that is asked about is certain."""
    return f"{min(confidence, MOST_SURE):.0%}"


def say_value(value: object, zone: str = "") -> str:
    """Write any plain value whole: amounts as amounts, times in `zone`, lists and records by their parts."""
    if isinstance(value, BlobRef):
        return f"{value.name or 'a file'} ({value.size:,} bytes)"
    if is_record(value):
        if is_money(value):
            return str(Money(value["minor"], value["currency"]))
        if value.keys() == {"name", "blob"}:
            return say_value(value["blob"], zone)
        fields = with_money(value).items()
        return "; ".join(f"{name.replace('_', ' ')}: {_say_inner(one, zone)}" for name, one in fields)
    if isinstance(value, (list, tuple)):
        return ", ".join(say_value(inner, zone) for inner in cast("Sequence[object]", value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and zone and _TIME.fullmatch(value):
        return _local(value, zone)
    return "" if value is None else str(value)


def cut(value: object, most: int = 50) -> object:
    """Give a value whose lists are no longer than that: the last one of a longer list says how many more there are."""
    if is_record(value) and not is_simple(value):
        return {name: cut(inner, most) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        listed = cast("Sequence[object]", value)
        more = [f"and {len(listed) - most:,} more"] if len(listed) > most else []
        return [*(cut(inner, most) for inner in listed[:most]), *more]
    return value


def is_simple(value: Row) -> bool:
    """Whether a record is one thing to a person: an amount, or a file."""
    return is_money(value) or value.keys() == {"name", "blob"}


def is_money(value: object) -> TypeGuard[Row]:
    """Whether a plain value is an amount, and not only named like one by an agent of somebody's own."""
    if not is_record(value) or value.keys() != {"minor", "currency"}:
        return False
    return type(value["minor"]) is int and isinstance(value["currency"], str)


def with_money(record: Row) -> Row:
    """Give a record with its amounts as amounts, where they stand in the smallest units beside their currency."""
    currency = record.get("currency")
    if not isinstance(currency, str) or not currency or is_simple(record):
        return record
    minor = [name for name, value in record.items() if name.endswith("_minor") and type(value) is int]
    if not minor:
        return record
    amounts = {name.removesuffix("_minor"): {"minor": record[name], "currency": currency} for name in minor}
    return {name: value for name, value in record.items() if name not in (*minor, "currency")} | amounts


def is_record(value: object) -> TypeGuard[Row]:
    """Say whether a plain value is a record."""
    return isinstance(value, dict)


def is_match(value: object) -> TypeGuard[Row]:
    """Whether a plain value is a payment held against invoices, and not only named like one by somebody's own agent."""
    return is_record(value) and value.keys() >= _MATCH and type(value["confidence"]) in (int, float)


def _local(iso: str, zone: str) -> str:
    try:
        return f"{datetime.fromisoformat(iso).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
    except (ValueError, OverflowError):  # it only looks like a time
        return iso


def _say_inner(value: object, zone: str) -> str:
    said = say_value(value, zone)
    return f"({said})" if is_record(value) and "; " in said else said
